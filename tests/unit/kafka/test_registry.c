/* SPDX-License-Identifier: Apache-2.0 */
/* The registry's client against a server of this process that gives one fixed answer per path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "codec/schema.h"
#include "kafka/registry.h"

#define RECORD "{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"R\\\",\\\"fields\\\":"

/* What begins a request, and what is answered. */
typedef struct reply {
    const char *request;
    int status;
    const char *body;
} reply;

static const reply replies[] = {
    {"GET /schemas/ids/1 ", 200, "{\"schema\":\"\\\"int\\\"\"}"},
    {"GET /schemas/ids/2 ", 200, "{\"schemaType\":\"PROTOBUF\",\"schema\":\"message M {}\"}"},
    {"GET /schemas/ids/3 ", 200,
     "{\"schema\":\"" RECORD "[{\\\"name\\\":\\\"a\\\",\\\"type\\\":\\\"A\\\"}]}\","
     "\"references\":[{\"name\":\"A\",\"subject\":\"a\",\"version\":1}]}"},
    {"GET /subjects/a/versions/1 ", 200,
     "{\"schema\":\"{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"A\\\",\\\"fields\\\":[{"
     "\\\"name\\\":"
     "\\\"up\\\",\\\"type\\\":[\\\"null\\\",\\\"A\\\"]}]}\","
     "\"references\":[{\"name\":\"A\",\"subject\":\"a\",\"version\":1}]}"},
    {"GET /schemas/ids/4 ", 200, "[]"},
    {"GET /schemas/ids/5 ", 200, "{\"schema\":7,\"references\":\"x\"}"},
    {"GET /schemas/ids/6 ", 200, "{\"schema\":\"\\\"int\\\"\",\"references\":[{\"name\":1}]}"},
    {"GET /schemas/ids/7 ", 404, "{\"error_code\":404,\"message\":\"HTTP 404\\nNot Found\"}"},
    {"GET /schemas/ids/8 ", 405, "{}"},
    {"POST /subjects/none ", 200, "{}"},
    {"POST /subjects/text ", 200, "{\"id\":\"7\"}"},
    {"POST /subjects/large ", 200, "{\"id\":2147483648}"},
    {"POST /subjects/minus ", 200, "{\"id\":-1}"},
    {"POST /subjects/good%2F1 ", 200, "{\"id\":41}"},
    {"", 404, "{\"error_code\":40403,\"message\":\"Schema not found\"}"},
};

typedef struct server {
    int listener;
    pthread_t thread;
    char url[64];
    const char *urls[2];
    mr_registry *registry;
} server;

static void answer(int peer)
{
    char request[8192];
    size_t len = 0;
    while (len + 1 < sizeof request) {
        ssize_t got = read(peer, request + len, sizeof request - 1 - len);
        if (got <= 0) {
            return;
        }
        len += (size_t)got;
        request[len] = '\0';
        const char *end = strstr(request, "\r\n\r\n");
        const char *length = strstr(request, "Content-Length: ");
        size_t body = length ? strtoul(length + strlen("Content-Length: "), NULL, 10) : 0;
        if (end && strlen(end + 4) >= body) {
            break;
        }
    }
    const reply *r = replies;
    while (strncmp(request, r->request, strlen(r->request)) != 0) {
        r++;
    }
    char out[4096];
    int made = snprintf(out, sizeof out,
                        "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                        r->status, strlen(r->body), r->body);
    for (size_t at = 0; at < (size_t)made;) {
        ssize_t put = write(peer, out + at, (size_t)made - at);
        if (put <= 0) {
            return;
        }
        at += (size_t)put;
    }
}

static void *serve(void *context)
{
    const server *s = context;
    int peer;
    while ((peer = accept(s->listener, NULL, NULL)) >= 0) {
        answer(peer);
        close(peer);
    }
    return NULL;
}

static int setup(void **state)
{
    server *s = calloc(1, sizeof *s);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(s->listener, 16), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&address, &size), 0);
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
    s->urls[0] = "http://127.0.0.1:1"; /* nobody is there: the second one is asked */
    s->urls[1] = s->url;
    mr_registry_options options = {
        .urls = {s->urls, 2}, .timeout_ms = 10000, .auto_register = true};
    mr_error err;
    assert_int_equal(mr_registry_new(&options, &s->registry, &err), MR_OK);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    server *s = *state;
    mr_registry_free(s->registry);
    shutdown(s->listener, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->listener);
    free(s);
    return 0;
}

static void no_schema(server *s, int32_t id, mr_status status, const char *why)
{
    const mr_schema *schema = NULL;
    mr_error err = {0};
    assert_int_equal(mr_registry_schema(s->registry, id, NULL, &schema, &err), status);
    if (!strstr(err.text, why)) {
        fail_msg("\"%s\" is not in: %s", why, err.text);
    }
}

static void refused(server *s, int32_t id, const char *why)
{
    no_schema(s, id, MR_REJECT, why);
}

static void an_id_is_asked_once(void **state)
{
    server *s = *state;
    const mr_schema *schema = NULL, *again = NULL;
    mr_error err;
    assert_int_equal(mr_registry_schema(s->registry, 1, NULL, &schema, &err), MR_OK);
    assert_int_equal(schema->type, MR_INT);
    uint64_t asked = mr_registry_requests(s->registry);
    assert_int_equal(asked, 2); /* the URL where nobody is, and the one that answers */
    assert_int_equal(mr_registry_schema(s->registry, 1, NULL, &again, &err), MR_OK);
    assert_ptr_equal(schema, again);
    refused(s, 99, "no schema with id 99");
    asked = mr_registry_requests(s->registry);
    refused(s, 99, "no schema with id 99");
    assert_int_equal(mr_registry_requests(s->registry), asked);
}

static void odd_answers_are_refused(void **state)
{
    server *s = *state;
    refused(s, 2, "is PROTOBUF, not Avro");
    refused(s, 6, "one has no name or subject");
}

/* What is no schema registry says nothing of a record: nothing is refused for it, nor kept. */
static void something_else_is_waited_for(void **state)
{
    server *s = *state;
    no_schema(s, 4, MR_RETRY, "answers 200 without a schema");
    no_schema(s, 5, MR_RETRY, "answers 200 without a schema");
    no_schema(s, 7, MR_RETRY, "answers 404: HTTP 404 Not Found, which is no schema registry's");
    no_schema(s, 8, MR_RETRY, "answers 405: no reason given, which is no schema registry's");
    uint64_t asked = mr_registry_requests(s->registry);
    no_schema(s, 7, MR_RETRY, "is the URL right, its path too?");
    assert_int_equal(mr_registry_requests(s->registry), asked + 1);
}

static void references_in_a_circle_end(void **state)
{
    server *s = *state;
    const mr_schema *schema = NULL;
    mr_error err = {0};
    assert_int_equal(mr_registry_schema(s->registry, 3, NULL, &schema, &err), MR_OK);
    assert_string_equal(schema->fields[0].schema->name, "A");
}

/* Ids that are not there do not fill the memory, and do not push out those that are. */
static void rubbish_is_forgotten(void **state)
{
    server *s = *state;
    const mr_schema *schema = NULL;
    mr_error err;
    assert_int_equal(mr_registry_schema(s->registry, 1, NULL, &schema, &err), MR_OK);
    for (int32_t id = 1000; id < 1300; id++) {
        refused(s, id, "no schema with id");
    }
    uint64_t asked = mr_registry_requests(s->registry);
    assert_int_equal(mr_registry_schema(s->registry, 1, NULL, &schema, &err), MR_OK);
    refused(s, 1299, "no schema with id 1299");
    assert_int_equal(mr_registry_requests(s->registry), asked);
    refused(s, 1000, "no schema with id 1000");
    assert_int_equal(mr_registry_requests(s->registry), asked + 1);
}

static void an_id_is_never_guessed(void **state)
{
    static const char *const subjects[] = {"none", "text", "large", "minus"};
    server *s = *state;
    const mr_schema *schema = NULL;
    mr_error err;
    int32_t id = 0;
    assert_int_equal(mr_schema_parse("\"int\"", 5, &schema, &err), MR_OK);
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) {
        assert_int_equal(mr_registry_id(s->registry, subjects[i], schema, NULL, &id, &err),
                         MR_FATAL);
        assert_non_null(strstr(err.text, "answers without a schema id"));
    }
    assert_int_equal(mr_registry_id(s->registry, "good/1", schema, NULL, &id, &err), MR_OK);
    assert_int_equal(id, 41);
    uint64_t asked = mr_registry_requests(s->registry);
    assert_int_equal(mr_registry_id(s->registry, "good/1", schema, NULL, &id, &err), MR_OK);
    const mr_schema *of_another_task = NULL;
    assert_int_equal(mr_schema_parse("\"int\"", 5, &of_another_task, &err), MR_OK);
    assert_int_equal(mr_registry_id(s->registry, "good/1", of_another_task, NULL, &id, &err),
                     MR_OK);
    mr_schema_release(of_another_task);
    assert_int_equal(mr_registry_requests(s->registry), asked);
    mr_schema_release(schema);
}

static void a_user_in_the_url_is_refused_and_not_shown(void **state)
{
    const char *url = "http://me:s3cr3t@127.0.0.1:1";
    mr_registry_options options = {.urls = {&url, 1}, .timeout_ms = 1000};
    mr_registry *registry = NULL;
    mr_error err;
    (void)state;
    assert_int_equal(mr_registry_new(&options, &registry, &err), MR_FATAL);
    assert_null(strstr(err.text, "s3cr3t"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_id_is_asked_once, setup, teardown),
        cmocka_unit_test_setup_teardown(odd_answers_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(something_else_is_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(references_in_a_circle_end, setup, teardown),
        cmocka_unit_test_setup_teardown(rubbish_is_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(an_id_is_never_guessed, setup, teardown),
        cmocka_unit_test(a_user_in_the_url_is_refused_and_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
