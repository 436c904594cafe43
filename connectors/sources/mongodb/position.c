/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens are documents whose contents are the server's business, so they are kept as such; only
 * their time is looked at. */
#include "position.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "event.h"

enum { TOKEN_BYTES_MAX = 64 << 10 };

void mongo_position_init(mongo_position *p)
{
    *p = (mongo_position){.index = -1};
    mr_buffer_init(&p->token, TOKEN_BYTES_MAX);
}

void mongo_position_release(mongo_position *p)
{
    mr_buffer_release(&p->token);
}

mr_slice mongo_position_token(const mongo_position *p)
{
    return p->token.len ? (mr_slice){p->token.data, p->token.len} : (mr_slice){0};
}

static void set_token(mongo_position *p, mr_slice token)
{
    mr_buffer_clear(&p->token);
    mr_buffer_add(&p->token, token.data, token.len);
}

void mongo_position_at(mongo_position *p, mongo_time time)
{
    mr_buffer_clear(&p->token);
    p->time = time;
    p->index = -1;
}

void mongo_position_event(mongo_position *p, mr_slice token, mongo_time time)
{
    p->index = mongo_time_compare(p->time, time) == 0 ? p->index + 1 : 0;
    p->time = time;
    if (token.data) {
        set_token(p, token);
    }
}

void mongo_position_token_only(mongo_position *p, mr_slice token)
{
    mongo_time time;
    set_token(p, token);
    if (mongo_token_time(token, &time) && mongo_time_compare(time, p->time) > 0) {
        p->time = time;
        p->index = -1;
    }
}

void mongo_position_print(const mongo_position *p, mr_buffer *out)
{
    mr_buffer_add_char(out, '{');
    if (p->token.len) {
        mr_buffer_add_text(out, "\"token\":");
        mr_bson_json(mongo_position_token(p), true, out);
        mr_buffer_add_char(out, ',');
    }
    mr_buffer_printf(out, "\"time\":[%" PRIu32 ",%" PRIu32 "],\"index\":%" PRId64 "}",
                     p->time.seconds, p->time.increment, p->index);
}

/* Canonical extended JSON of a token to its document. */
static bool parse_token(const char *json, mongo_position *ret)
{
    bson_error_t error;
    bson_t *token = bson_new_from_json((const uint8_t *)json, -1, &error);
    if (!token) {
        return false;
    }
    mr_error malformed;
    mr_slice bytes = {(const char *)bson_get_data(token), token->len};
    bool good = bytes.len > 5 && bytes.len <= TOKEN_BYTES_MAX &&
                mr_bson_check(bytes.data, bytes.len, &malformed) == MR_OK;
    if (good) {
        set_token(ret, bytes);
    }
    bson_destroy(token);
    return good;
}

mr_status mongo_position_parse(const char *text, mongo_position *ret, mr_error *err)
{
    json_auto_t *root = json_loads(text, 0, NULL);
    json_t *time = json_object_get(root, "time"), *token = json_object_get(root, "token");
    json_t *index = json_object_get(root, "index");
    bool good = json_array_size(time) == 2 && json_is_integer(json_array_get(time, 0)) &&
                json_is_integer(json_array_get(time, 1)) && (!index || json_is_integer(index));
    if (good) {
        mongo_position_at(ret, (mongo_time){(uint32_t)json_integer_value(json_array_get(time, 0)),
                                            (uint32_t)json_integer_value(json_array_get(time, 1))});
        ret->index = index ? json_integer_value(index) : -1;
    }
    if (good && token) {
        char *dump = json_dumps(token, JSON_COMPACT);
        good = dump && parse_token(dump, ret);
        free(dump);
    }
    if (!good) {
        mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                "the stored position \"stream\" is not one of this connector: %.300s", text);
        err->permanent = true;
        return MR_FATAL;
    }
    return MR_OK;
}

/* --- start.at --- */

static bool parse_iso(const char *text, mongo_time *ret)
{
    struct tm tm = {0};
    char *end = strptime(text, "%Y-%m-%d", &tm);
    if (end && (*end == 'T' || *end == ' ')) {
        end = strptime(end + 1, "%H:%M:%S", &tm);
        if (end && *end == '.') {
            end += 1 + strspn(end + 1, "0123456789");
        }
    }
    if (!end || (*end && strcmp(end, "Z") != 0)) {
        return false;
    }
    time_t seconds = timegm(&tm);
    if (seconds <= 0 || seconds > UINT32_MAX) {
        return false;
    }
    *ret = (mongo_time){(uint32_t)seconds, 1};
    return true;
}

static bool is_hex(const char *text)
{
    size_t digits = strspn(text, "0123456789abcdefABCDEF");
    return digits >= 18 && !text[digits];
}

mr_status mongo_start_parse(const char *text, bool *now, mongo_position *ret, mr_error *err)
{
    mongo_time time;
    *now = strcmp(text, "now") == 0;
    if (*now) {
        return MR_OK;
    }
    if (parse_iso(text, &time)) {
        mongo_position_at(ret, time);
        return MR_OK;
    }
    mr_buffer json = MR_BUFFER_INIT(TOKEN_BYTES_MAX);
    bool good = false;
    mongo_position_at(ret, (mongo_time){0});
    if (is_hex(text)) {
        mr_buffer_printf(&json, "{\"_data\":\"%s\"}", text);
        good = !json.failed && parse_token(mr_buffer_text(&json), ret);
    } else if (*text == '{') {
        good = parse_token(text, ret);
    }
    mr_buffer_release(&json);
    if (good) {
        mongo_time of_token;
        if (mongo_token_time(mongo_position_token(ret), &of_token)) {
            ret->time = of_token;
        }
        return MR_OK;
    }
    mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
            "start.at: \"%.100s\" is neither now, nor a time such as 2026-01-31T12:00:00Z, nor a "
            "resume token (the hex digits of its _data, or {\"_data\": \"...\"})",
            text);
    mr_error_field(err, "start.at");
    if (err) {
        err->permanent = true;
    }
    return MR_FATAL;
}

void mongo_iso_time(int64_t ms, char *out)
{
    time_t seconds = (time_t)(ms / 1000 - (ms % 1000 < 0));
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t len = strftime(out, MONGO_ISO_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + len, MONGO_ISO_BYTES - len, ".%03dZ", (int)((ms % 1000 + 1000) % 1000));
}
