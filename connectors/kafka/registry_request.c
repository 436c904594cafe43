/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Soft and hard: no connection, a time-out, 429 and 5xx, and answers that are no JSON (a proxy's
 * page) are soft, since they heal without anybody changing the question; 401 and 403 do not. All
 * else is the caller's to judge.
 */
#include "kafka/registry_request.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"

enum {
    ANSWER_MAX_BYTES = 16 << 20,
    PATIENCE_MS = 5000,
    FIRST_WAIT_MS = 50,
    LONGEST_WAIT_MS = 1000,
    SHOWN_BYTES = 80,
};

static const char media_type[] = "application/vnd.schemaregistry.v1+json";

mr_status mr_registry_line_open(mr_registry_line *line, const mr_registry_options *options,
                                mr_error *err)
{
    const mr_http_options http = {
        .user = options->user,
        .password = options->password,
        .ca_file = options->ca_file,
        .certificate_file = options->certificate_file,
        .key_file = options->key_file,
        .timeout_ms = options->timeout_ms,
        .body_max_bytes = ANSWER_MAX_BYTES,
    };
    line->options = options;
    return mr_http_new(&http, &line->http, err);
}

void mr_registry_line_close(mr_registry_line *line)
{
    mr_http_free(line->http);
    line->http = NULL;
}

int mr_registry_error_code(const json_t *answer)
{
    return (int)json_integer_value(json_object_get(answer, "error_code"));
}

const char *mr_registry_message(const json_t *answer)
{
    const char *text = json_string_value(json_object_get(answer, "message"));
    return text ? text : "no reason given";
}

/* What is not JSON, in a few words. */
static mr_status no_json(const mr_http_response *r, const char *url, mr_error *err)
{
    char shown[SHOWN_BYTES + 1];
    size_t len = 0;
    for (; len < SHOWN_BYTES && len < r->len; len++) {
        shown[len] = r->body[len] >= ' ' && r->body[len] != 127 ? r->body[len] : ' ';
    }
    shown[len] = '\0';
    bool html = strstr(r->type, "html") || (len && *shown == '<');
    mr_fail(err, MR_RETRY, MR_DOMAIN_HTTP,
            "%s answers %d with %s, not as a schema registry: \"%s\"%s", url, r->status,
            html          ? "a web page"
            : r->len == 0 ? "nothing"
                          : "what is no JSON",
            shown, html ? "; is something else at schema.registry.url?" : "");
    mr_error_code(err, r->status, "NOT_JSON");
    return MR_RETRY;
}

/* What an answer means for the asking. */
static mr_status judge(const mr_http_response *r, const char *url, json_t **ret, mr_error *err)
{
    if (r->status == 401 || r->status == 403) {
        mr_fail(err, MR_FATAL, MR_DOMAIN_HTTP,
                "the schema registry %s answers %d: %s; set schema.registry.user and "
                "schema.registry.password",
                url, r->status,
                r->status == 401 ? "it wants credentials, or other ones" : "not allowed");
        mr_error_code(err, r->status, "UNAUTHORIZED");
        return MR_FATAL;
    }
    if (r->status >= 300 && r->status < 400) {
        mr_fail(
            err, MR_FATAL, MR_DOMAIN_HTTP,
            "the schema registry %s has moved (it answers %d): set schema.registry.url to where "
            "it is",
            url, r->status);
        return MR_FATAL;
    }
    json_t *answer = json_loadb(r->body, r->len, JSON_DECODE_ANY, NULL);
    if (r->status >= 500 || r->status == 429) {
        if (answer) {
            mr_fail(err, MR_RETRY, MR_DOMAIN_HTTP, "the schema registry %s answers %d: %s", url,
                    r->status, mr_registry_message(answer));
        } else {
            (void)no_json(r, url, err);
        }
        json_decref(answer);
        mr_error_code(err, r->status, "");
        return MR_RETRY;
    }
    *ret = answer;
    return answer ? MR_OK : no_json(r, url, err);
}

static mr_status ask_once(mr_registry_line *line, const char *method, const char *path,
                          const char *body, const atomic_bool *stop, int *http, json_t **ret,
                          mr_error *err)
{
    const char *base = line->options->urls.items[line->at % line->options->urls.count];
    size_t len = strlen(base);
    while (len && base[len - 1] == '/') {
        len--;
    }
    char *url = mr_format("%.*s%s", (int)len, base, path);
    mr_http_response response;
    atomic_fetch_add(&line->requests, 1);
    mr_status status =
        mr_http_send(line->http, method, url, media_type, body, stop, &response, err);
    if (status == MR_OK) {
        *http = response.status;
        status = judge(&response, url, ret, err);
    }
    free(url);
    return status;
}

static bool stopped(const atomic_bool *stop)
{
    return stop && atomic_load(stop);
}

/* Waits; false: stopped. */
static bool wait_for(int64_t ms, const atomic_bool *stop)
{
    int64_t until_us = mr_clock_us() + ms * 1000;
    while (!stopped(stop) && mr_clock_us() < until_us) {
        poll(NULL, 0, 20);
    }
    return !stopped(stop);
}

mr_status mr_registry_request(mr_registry_line *line, const char *method, const char *path,
                              const char *body, const atomic_bool *stop, int *http, json_t **ret,
                              mr_error *err)
{
    int64_t ends_us = mr_clock_us() + PATIENCE_MS * 1000LL;
    int64_t wait_ms = FIRST_WAIT_MS;
    for (size_t turn = 1;; turn++) {
        mr_status status = ask_once(line, method, path, body, stop, http, ret, err);
        if (status != MR_RETRY) {
            return status;
        }
        line->at++; /* the next one of several */
        if (turn % line->options->urls.count != 0) {
            continue;
        }
        if (mr_clock_us() + wait_ms * 1000 > ends_us) {
            return MR_RETRY;
        }
        if (!wait_for(wait_ms, stop)) {
            return mr_fail(err, MR_IDLE, MR_DOMAIN_HTTP,
                           "stopped while waiting for the schema registry");
        }
        wait_ms = wait_ms * 2 > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : wait_ms * 2;
    }
}
