/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as what a schema registry answers, and as a record that is framed by one. The first
 * byte chooses what was asked, the second the HTTP status; then come the answers, apart by FF (no
 * byte of UTF-8): what is asked for further is answered by the next. Every answer must end in one
 * status with a text, of bounded length and in one line, and an id in it is never made up.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/schema.h"
#include "kafka/registry_answer.h"
#include "kafka/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BY_ID, FRAME, ID_OF_SUBJECT, COMPATIBLE, REFUSED, WHATS };
enum { ANSWERS_MAX = 20 };
static const int statuses[] = {200, 404, 200, 401, 409, 422, 429, 500, 301, 201, 400, 503};

typedef struct answers {
    const char *at, *end;
    int status; /* of the first; those after it are 200 */
    size_t given;
} answers;

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

/* One line, not empty. */
static void require_told(const mr_error *err)
{
    if (!err->text[0] || strpbrk(err->text, "\r\n\033")) {
        fprintf(stderr, "not told in a line: %s\n", err->text);
        abort();
    }
}

static mr_status judge_next(answers *a, int *http, json_t **ret, mr_error *err)
{
    const char *end = memchr(a->at, 0xFF, (size_t)(a->end - a->at));
    end = end ? end : a->end;
    size_t len = (size_t)(end - a->at);
    char *body = malloc(len + 1); /* ends where the answer ends, so that reading on is seen */
    require(body != NULL);
    memcpy(body, a->at, len);
    body[len] = '\0';
    mr_http_response response = {.status = a->given++ ? 200 : a->status, .body = body, .len = len};
    snprintf(response.type, sizeof response.type, "%s", len % 2 ? "text/html" : "");
    *http = response.status;
    a->at = end < a->end ? end + 1 : a->end;
    mr_status status = mr_registry_judge(&response, "http://registry", ret, err);
    require(status == MR_OK || status == MR_RETRY || status == MR_FATAL);
    require((status == MR_OK) == (*ret != NULL));
    free(body);
    return status;
}

static mr_status get_next(void *context, const char *path, int *http, json_t **ret, mr_error *err)
{
    answers *a = context;
    require(path[0] == '/' && !strpbrk(path, " \r\n?#"));
    if (a->given >= ANSWERS_MAX) {
        return mr_fail(err, MR_RETRY, MR_DOMAIN_HTTP, "no more answers");
    }
    return judge_next(a, http, ret, err);
}

static mr_status read_schema(const json_t *answer, int http, answers *a, mr_error *err)
{
    char *text = NULL;
    const mr_schema *schema = NULL;
    mr_status status = mr_registry_has_schema(answer, http, 7, err);
    if (status == MR_OK) {
        status = mr_registry_resolve(answer, get_next, a, &text, err);
    }
    if (status == MR_OK) {
        status = mr_registry_take_schema(text, 7, &schema, err);
    }
    require((status == MR_OK) == (schema != NULL));
    require(status == MR_OK || status == MR_REJECT || status == MR_RETRY || status == MR_FATAL);
    mr_schema_release(schema);
    free(text);
    return status;
}

static mr_status read_answer(int what, const json_t *answer, int http, answers *a, mr_error *err)
{
    int32_t id = -1;
    mr_status status;
    switch (what) {
    case BY_ID:
        return read_schema(answer, http, a, err);
    case ID_OF_SUBJECT:
        status = mr_registry_take_id(answer, "trips-value", &id, err);
        require((status == MR_OK) == (id >= 0));
        return status;
    case COMPATIBLE:
        status = mr_registry_take_compatible(answer, "trips-value", err);
        require(status == MR_OK || err->permanent);
        return status;
    default:
        return mr_registry_refused(answer, http, "does not take a schema for", "trips-value", err);
    }
}

/* A header that is none is described; one that is has an id that a registry can give. */
static void read_frame(mr_slice bytes, mr_wire_kind kind, bool key)
{
    const mr_wire wire = {.kind = kind, .key = key};
    uint64_t id = 0;
    size_t header = 0;
    mr_error err = {0};
    if (mr_wire_parse(&wire, bytes, &id, &header)) {
        require(header <= bytes.len && (kind != MR_WIRE_CONFLUENT || id <= INT32_MAX));
    } else {
        require(mr_wire_strange(&wire, bytes, &err) == MR_REJECT);
        require_told(&err);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    const char *rest = (const char *)data + 2;
    int what = data[0] % WHATS;
    if (what == FRAME) {
        mr_slice bytes = {rest, size - 2};
        read_frame(bytes, MR_WIRE_CONFLUENT, data[1] % 2);
        read_frame(bytes, MR_WIRE_SINGLE_OBJECT, data[1] % 2);
        return 0;
    }
    answers a = {.at = rest,
                 .end = rest + size - 2,
                 .status = statuses[data[1] % (sizeof statuses / sizeof *statuses)]};
    int http = 0;
    json_auto_t *answer = NULL;
    mr_error err = {0};
    mr_status status = judge_next(&a, &http, &answer, &err);
    if (status == MR_OK) {
        status = read_answer(what, answer, http, &a, &err);
    }
    if (status != MR_OK) {
        require_told(&err);
    }
    return 0;
}
