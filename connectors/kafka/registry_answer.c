/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Soft and hard: 429, 5xx and answers that are no JSON (a proxy's page) are soft, since they heal
 * without anybody changing the question; 401 and 403 do not. A record is refused only when a schema
 * registry says so in its own words: a 404 of something else in its place would make dead letters
 * of a whole topic.
 */
#include "kafka/registry_answer.h"

#include <string.h>

#include "base/buffer.h"
#include "codec/schema.h"

enum { SHOWN_BYTES = 80, REASONS_SHOWN = 3 };

static const char *text_of(const json_t *answer, const char *member)
{
    return json_string_value(json_object_get(answer, member));
}

/* Cut before a character that does not fit. */
static void cut(const char *text, char *out, size_t size)
{
    size_t len = strlen(text) < size ? strlen(text) : size - 1;
    memcpy(out, text, len);
    while (text[len] && len && ((unsigned char)text[len] & 0xC0) == 0x80) {
        len--;
    }
    out[len] = '\0';
}

const char *mr_registry_words(const json_t *answer, char out[MR_REGISTRY_WORDS_BYTES])
{
    const char *text = text_of(answer, "message");
    cut(text && *text ? text : "no reason given", out, MR_REGISTRY_WORDS_BYTES);
    return out;
}

/* error_code of an answer: the status and two digits more, such as 40403; 0: none. */
static int code_of(const json_t *answer)
{
    json_int_t code = json_integer_value(json_object_get(answer, "error_code"));
    return code > 0 && code < 100000 ? (int)code : 0;
}

/* --- Any answer --- */

/* What is not JSON, in a few words. */
static mr_status no_json(const mr_http_response *r, const char *url, mr_error *err)
{
    char shown[SHOWN_BYTES + 1];
    size_t len = 0;
    for (; len < SHOWN_BYTES && len < r->len; len++) {
        shown[len] = r->body[len] > ' ' && r->body[len] != 127 ? r->body[len] : ' ';
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

static mr_status not_allowed(const mr_http_response *r, const char *url, mr_error *err)
{
    mr_fail(err, MR_FATAL, MR_DOMAIN_HTTP,
            "the schema registry %s answers %d: %s; set schema.registry.user and "
            "schema.registry.password",
            url, r->status,
            r->status == 401 ? "it wants credentials, or other ones" : "not allowed");
    mr_error_code(err, r->status, "UNAUTHORIZED");
    return MR_FATAL;
}

mr_status mr_registry_judge(const mr_http_response *r, const char *url, json_t **ret, mr_error *err)
{
    char words[MR_REGISTRY_WORDS_BYTES];
    if (r->status == 401 || r->status == 403) {
        return not_allowed(r, url, err);
    }
    if (r->status >= 300 && r->status < 400) {
        return mr_fail(err, MR_FATAL, MR_DOMAIN_HTTP,
                       "the schema registry %s has moved (it answers %d): set schema.registry.url "
                       "to where it is",
                       url, r->status);
    }
    json_t *answer = json_loadb(r->body, r->len, JSON_DECODE_ANY, NULL);
    if (!answer) {
        return no_json(r, url, err);
    }
    if (r->status >= 500 || r->status == 429) {
        mr_fail(err, MR_RETRY, MR_DOMAIN_HTTP, "the schema registry %s answers %d: %s", url,
                r->status, mr_registry_words(answer, words));
        mr_error_code(err, r->status, "");
        json_decref(answer);
        return MR_RETRY;
    }
    *ret = answer;
    return MR_OK;
}

bool mr_registry_is_answer(const mr_http_response *r)
{
    return r->status == 200 && strstr(r->type, "json") && r->len && r->body[0] == '{' &&
           strstr(r->body, "\"schema\"");
}

/* --- A schema by its id --- */

mr_status mr_registry_has_schema(const json_t *answer, int http, int32_t id, mr_error *err)
{
    char words[MR_REGISTRY_WORDS_BYTES];
    int kind = code_of(answer) / 100;
    if (http != 200 && (kind == 404 || kind == 422)) {
        mr_fail(err, MR_REJECT, MR_DOMAIN_SCHEMA,
                "the schema registry has no schema with id %d (it answers %d: %s)", (int)id, http,
                mr_registry_words(answer, words));
        mr_error_code(err, code_of(answer), "NO_SUCH_SCHEMA");
        return MR_REJECT;
    }
    if (http != 200 || !text_of(answer, "schema")) {
        mr_fail(err, MR_RETRY, MR_DOMAIN_HTTP,
                "asked for schema id %d, what is at schema.registry.url answers %d%s%s, which is "
                "no schema registry's answer; is the URL right, its path too?",
                (int)id, http, http == 200 ? " without a schema" : ": ",
                http == 200 ? "" : mr_registry_words(answer, words));
        mr_error_code(err, http, "NO_REGISTRY");
        return MR_RETRY;
    }
    const char *type = text_of(answer, "schemaType");
    if (type && strcmp(type, "AVRO") != 0) {
        char shown[40];
        cut(type, shown, sizeof shown);
        return mr_fail(err, MR_REJECT, MR_DOMAIN_SCHEMA,
                       "schema id %d of the registry is %s, not Avro", (int)id, shown);
    }
    return MR_OK;
}

mr_status mr_registry_take_schema(const char *text, int32_t id, const mr_schema **ret,
                                  mr_error *err)
{
    if (mr_schema_parse(text, strlen(text), ret, err) == MR_OK) {
        return MR_OK;
    }
    mr_error_prefix(err, "schema id %d of the registry", (int)id);
    return MR_REJECT;
}

/* --- An id for a schema --- */

mr_status mr_registry_take_id(const json_t *answer, const char *subject, int32_t *ret,
                              mr_error *err)
{
    const json_t *id = json_object_get(answer, "id");
    json_int_t value = json_integer_value(id);
    if (!json_is_integer(id) || value < 0 || value > INT32_MAX) {
        return mr_fail(err, MR_FATAL, MR_DOMAIN_SCHEMA,
                       "the schema registry answers without a schema id from 0 to %d for subject "
                       "%s; is it a schema registry?",
                       (int)INT32_MAX, subject);
    }
    *ret = (int32_t)value;
    return MR_OK;
}

/* Why, as the registry tells with verbose=true, or as the message of an error. */
mr_status mr_registry_incompatible(const json_t *answer, const char *subject, mr_error *err)
{
    char words[MR_REGISTRY_WORDS_BYTES];
    mr_buffer why = MR_BUFFER_INIT(4096);
    const json_t *messages = json_object_get(answer, "messages");
    for (size_t i = 0; i < json_array_size(messages) && i < REASONS_SHOWN; i++) {
        const char *text = json_string_value(json_array_get(messages, i));
        cut(text ? text : "", words, 300);
        mr_buffer_printf(&why, "%s%s", i ? "; " : "", words);
    }
    if (!why.len && text_of(answer, "message")) {
        mr_buffer_add_text(&why, mr_registry_words(answer, words));
    }
    mr_fail(err, MR_FATAL, MR_DOMAIN_SCHEMA,
            "the schema is not compatible with the latest version of subject %s%s%s. Make it so (a "
            "new field needs a default), or change the subject's compatibility; `millrace schema "
            "check` tells beforehand",
            subject, why.len ? ": " : "", mr_buffer_text(&why));
    mr_error_code(err, 409, "INCOMPATIBLE");
    if (err) {
        err->permanent = true;
    }
    mr_buffer_release(&why);
    return MR_FATAL;
}

mr_status mr_registry_take_compatible(const json_t *answer, const char *subject, mr_error *err)
{
    return json_is_false(json_object_get(answer, "is_compatible"))
               ? mr_registry_incompatible(answer, subject, err)
               : MR_OK;
}

mr_status mr_registry_refused(const json_t *answer, int http, const char *what, const char *subject,
                              mr_error *err)
{
    char words[MR_REGISTRY_WORDS_BYTES];
    mr_fail(err, MR_FATAL, MR_DOMAIN_SCHEMA,
            "the schema registry %s subject %s (it answers %d: %s)", what, subject, http,
            mr_registry_words(answer, words));
    mr_error_code(err, code_of(answer), "");
    return MR_FATAL;
}
