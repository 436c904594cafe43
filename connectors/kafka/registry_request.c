/* SPDX-License-Identifier: Apache-2.0 */
/* What is soft (registry_answer.c, net/http.c) is asked again, with back-off, for some seconds. */
#include "kafka/registry_request.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "kafka/registry_answer.h"

enum {
    ANSWER_MAX_BYTES = 16 << 20,
    PATIENCE_MS = 5000,
    FIRST_WAIT_MS = 50,
    LONGEST_WAIT_MS = 1000,
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
        .option_prefix = "schema.registry.",
    };
    line->options = options;
    return mr_http_new(&http, &line->http, err);
}

void mr_registry_line_close(mr_registry_line *line)
{
    mr_http_free(line->http);
    line->http = NULL;
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
        status = mr_registry_judge(&response, url, ret, err);
    } else if (status == MR_RETRY && err && strcmp(err->code, MR_HTTP_TOO_LARGE) == 0 &&
               strcmp(method, "GET") == 0 && mr_registry_is_answer(&response)) {
        status = MR_REJECT;
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
