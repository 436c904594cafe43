/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extended JSON, version 2, to BSON (github.com/mongodb/specifications, extended-json.md). Only
 * what bson_json.c writes and what people write for it: an object that has the key of a type but
 * not its form is a document like any other.
 */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "codec/bson.h"
#include "codec/text.h"

static bool put_value(mr_buffer *out, mr_slice name, const json_t *json, int depth);

/* --- Elements of names that need not be terminated -------------------------------------------- */

static void put(mr_buffer *out, mr_slice name, uint8_t type, const void *value, size_t len)
{
    mr_buffer_add_char(out, (char)type);
    mr_buffer_add(out, name.data, name.len);
    mr_buffer_add_char(out, '\0');
    mr_buffer_add(out, value, len);
}

static bool put32(mr_buffer *out, mr_slice name, uint8_t type, uint32_t v)
{
    v = htole32(v);
    put(out, name, type, &v, sizeof v);
    return true;
}

static bool put64(mr_buffer *out, mr_slice name, uint8_t type, uint64_t v)
{
    v = htole64(v);
    put(out, name, type, &v, sizeof v);
    return true;
}

static bool put_double(mr_buffer *out, mr_slice name, double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return put64(out, name, MR_BSON_DOUBLE, bits);
}

/* A length, the text and its zero byte. */
static bool put_text(mr_buffer *out, mr_slice name, uint8_t type, const json_t *text)
{
    put32(out, name, type, (uint32_t)json_string_length(text) + 1);
    mr_buffer_add(out, json_string_value(text), json_string_length(text) + 1);
    return true;
}

/* --- Texts that stand for something ----------------------------------------------------------- */

static bool parse_int(const json_t *json, int64_t low, int64_t high, int64_t *ret)
{
    const char *text = json_string_value(json);
    char *end;
    errno = 0;
    if (!text || !((*text >= '0' && *text <= '9') || *text == '-')) {
        return false;
    }
    *ret = strtoll(text, &end, 10);
    return !*end && !errno && *ret >= low && *ret <= high;
}

static bool parse_double(const json_t *json, double *ret)
{
    const char *text = json_string_value(json);
    char *end;
    if (!text || !*text || strpbrk(text, "xX \t\n")) {
        return false;
    }
    *ret = strtod(text, &end);
    return !*end;
}

static bool parse_hex(const json_t *json, char *ret, size_t count)
{
    const char *text = json_string_value(json);
    for (size_t i = 0; text && i < count; i++) {
        int high = mr_hex_digit(*text), low = high < 0 ? -1 : mr_hex_digit(text[1]);
        if (low < 0) {
            return false;
        }
        ret[i] = (char)(high << 4 | low);
        text += 2;
    }
    return text && !*text;
}

static int base64_digit(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

/* Into room for three quarters of the text. */
static bool parse_base64(const char *text, size_t len, char *ret, size_t *ret_len)
{
    uint32_t bits = 0;
    size_t digits = 0, n = 0;
    for (; digits < len && base64_digit(text[digits]) >= 0; digits++) {
        bits = bits << 6 | (uint32_t)base64_digit(text[digits]);
        if (digits % 4) {
            ret[n++] = (char)(bits >> (6 - 2 * (digits % 4)));
        }
    }
    *ret_len = n;
    size_t padding = len - digits;
    return digits % 4 != 1 && padding <= 2 && (digits + padding) % 4 == 0 &&
           (padding == 0 || text[digits] == '=') && (padding < 2 || text[digits + 1] == '=');
}

static int64_t days_before(int64_t year, int month)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int64_t y = year - (month <= 2); /* the last year whose February counts */
    return 365 * (year - 1970) + (y / 4 - y / 100 + y / 400) -
           (1969 / 4 - 1969 / 100 + 1969 / 400) + before[month - 1];
}

/* 2019-03-23T20:21:09.123Z: what relaxed JSON has, with or without the fraction. */
static bool parse_date(const char *text, int64_t *ret)
{
    int part[6], at = 0;
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &part[0], &part[1], &part[2], &part[3], &part[4],
               &part[5], &at) != 6 ||
        at != 19) {
        return false;
    }
    int millis = 0, scale = 100;
    if (text[at] == '.') {
        for (at++; text[at] >= '0' && text[at] <= '9'; at++, scale /= 10) {
            millis += (text[at] - '0') * scale;
        }
    }
    bool in_range = part[0] >= 1 && part[1] >= 1 && part[1] <= 12 && part[2] >= 1 &&
                    part[2] <= 31 && part[3] >= 0 && part[3] <= 23 && part[4] >= 0 &&
                    part[4] <= 59 && part[5] >= 0 && part[5] <= 59;
    if (!in_range || strcmp(text + at, "Z") != 0) {
        return false;
    }
    int64_t days = days_before(part[0], part[1]) + part[2] - 1;
    *ret = (((days * 24 + part[3]) * 60 + part[4]) * 60 + part[5]) * 1000 + millis;
    return true;
}

/* --- The types -------------------------------------------------------------------------------- */

static bool put_int32(mr_buffer *out, mr_slice name, const json_t *v)
{
    int64_t i;
    return parse_int(v, INT32_MIN, INT32_MAX, &i) && put32(out, name, MR_BSON_INT32, (uint32_t)i);
}

static bool put_int64(mr_buffer *out, mr_slice name, const json_t *v)
{
    int64_t i;
    return parse_int(v, INT64_MIN, INT64_MAX, &i) && put64(out, name, MR_BSON_INT64, (uint64_t)i);
}

static bool put_number_double(mr_buffer *out, mr_slice name, const json_t *v)
{
    double d;
    return parse_double(v, &d) && put_double(out, name, d);
}

static bool put_decimal(mr_buffer *out, mr_slice name, const json_t *v)
{
    char bits[MR_DECIMAL128_BYTES];
    if (!json_is_string(v) ||
        !mr_decimal128_parse(json_string_value(v), json_string_length(v), bits)) {
        return false;
    }
    put(out, name, MR_BSON_DECIMAL128, bits, sizeof bits);
    return true;
}

static bool put_object_id(mr_buffer *out, mr_slice name, const json_t *v)
{
    char id[MR_OBJECT_ID_BYTES];
    if (!parse_hex(v, id, sizeof id)) {
        return false;
    }
    put(out, name, MR_BSON_OBJECT_ID, id, sizeof id);
    return true;
}

static bool put_date(mr_buffer *out, mr_slice name, const json_t *v)
{
    int64_t ms;
    bool ok = json_is_string(v)
                  ? parse_date(json_string_value(v), &ms)
                  : json_object_size(v) == 1 &&
                        parse_int(json_object_get(v, "$numberLong"), INT64_MIN, INT64_MAX, &ms);
    return ok && put64(out, name, MR_BSON_DATE, (uint64_t)ms);
}

static void put_bytes(mr_buffer *out, mr_slice name, uint8_t subtype, mr_slice bytes)
{
    enum { OLD = 2 };
    uint32_t len = htole32((uint32_t)bytes.len);
    put32(out, name, MR_BSON_BINARY, (uint32_t)bytes.len + (subtype == OLD ? 4 : 0));
    mr_buffer_add_char(out, (char)subtype);
    if (subtype == OLD) {
        mr_buffer_add(out, &len, sizeof len);
    }
    mr_buffer_add(out, bytes.data, bytes.len);
}

static bool put_binary(mr_buffer *out, mr_slice name, const json_t *v)
{
    const json_t *text = json_object_get(v, "base64"), *sub = json_object_get(v, "subType");
    const char *hex = json_string_value(sub);
    if (json_object_size(v) != 2 || !json_is_string(text) || !hex || mr_hex_digit(hex[0]) < 0) {
        return false;
    }
    int subtype = mr_hex_digit(hex[0]);
    if (hex[1]) {
        subtype = mr_hex_digit(hex[1]) < 0 || hex[2] ? -1 : subtype << 4 | mr_hex_digit(hex[1]);
    }
    size_t len = json_string_length(text);
    char *bytes = mr_alloc(len + 1);
    bool ok = subtype >= 0 && parse_base64(json_string_value(text), len, bytes, &len);
    if (ok) {
        put_bytes(out, name, (uint8_t)subtype, (mr_slice){bytes, len});
    }
    free(bytes);
    return ok;
}

static bool put_uuid(mr_buffer *out, mr_slice name, const json_t *v)
{
    char bytes[MR_UUID_BYTES];
    const char *text = json_string_value(v);
    if (!text || !mr_uuid_parse(text, json_string_length(v), bytes)) {
        return false;
    }
    put_bytes(out, name, 4, (mr_slice){bytes, sizeof bytes});
    return true;
}

static bool is_plain_text(const json_t *v)
{
    return json_is_string(v) && strlen(json_string_value(v)) == json_string_length(v);
}

static bool put_regex(mr_buffer *out, mr_slice name, const json_t *v)
{
    const json_t *pattern = json_object_get(v, "pattern"), *options = json_object_get(v, "options");
    if (json_object_size(v) != 2 || !is_plain_text(pattern) || !is_plain_text(options)) {
        return false;
    }
    put(out, name, MR_BSON_REGEX, json_string_value(pattern), json_string_length(pattern) + 1);
    mr_buffer_add(out, json_string_value(options), json_string_length(options) + 1);
    return true;
}

static bool put_timestamp(mr_buffer *out, mr_slice name, const json_t *v)
{
    const json_t *t = json_object_get(v, "t"), *i = json_object_get(v, "i");
    int64_t seconds = json_integer_value(t), increment = json_integer_value(i);
    return json_object_size(v) == 2 && json_is_integer(t) && json_is_integer(i) &&
           seconds == (uint32_t)seconds && increment == (uint32_t)increment &&
           put64(out, name, MR_BSON_TIMESTAMP, (uint64_t)seconds << 32 | (uint64_t)increment);
}

static bool put_min_key(mr_buffer *out, mr_slice name, const json_t *v)
{
    put(out, name, MR_BSON_MIN_KEY, "", 0);
    return json_integer_value(v) == 1;
}

static bool put_max_key(mr_buffer *out, mr_slice name, const json_t *v)
{
    put(out, name, MR_BSON_MAX_KEY, "", 0);
    return json_integer_value(v) == 1;
}

static bool put_undefined(mr_buffer *out, mr_slice name, const json_t *v)
{
    put(out, name, MR_BSON_UNDEFINED, "", 0);
    return json_is_true(v);
}

static bool put_code(mr_buffer *out, mr_slice name, const json_t *v)
{
    return json_is_string(v) && put_text(out, name, MR_BSON_CODE, v);
}

static bool put_symbol(mr_buffer *out, mr_slice name, const json_t *v)
{
    return json_is_string(v) && put_text(out, name, MR_BSON_SYMBOL, v);
}

static bool put_pointer(mr_buffer *out, mr_slice name, const json_t *v)
{
    char id[MR_OBJECT_ID_BYTES];
    const json_t *ref = json_object_get(v, "$ref"), *oid = json_object_get(v, "$id");
    if (json_object_size(v) != 2 || !json_is_string(ref) || json_object_size(oid) != 1 ||
        !parse_hex(json_object_get(oid, "$oid"), id, sizeof id)) {
        return false;
    }
    put_text(out, name, MR_BSON_DB_POINTER, ref);
    mr_buffer_add(out, id, sizeof id);
    return true;
}

static bool put_object(mr_buffer *out, const json_t *object, int depth);

/* The whole's length, the code, the scope. */
static bool put_code_with_scope(mr_buffer *out, mr_slice name, const json_t *object, int depth)
{
    const json_t *code = json_object_get(object, "$code");
    const json_t *scope = json_object_get(object, "$scope");
    if (!json_is_string(code) || !json_is_object(scope)) {
        return false;
    }
    put(out, name, MR_BSON_CODE_WITH_SCOPE, "", 0);
    size_t begun = mr_bson_begin(out);
    uint32_t len = htole32((uint32_t)json_string_length(code) + 1);
    mr_buffer_add(out, &len, sizeof len);
    mr_buffer_add(out, json_string_value(code), json_string_length(code) + 1);
    bool ok = put_object(out, scope, depth + 1);
    mr_bson_end(out, begun);
    if (!out->failed) {
        len = htole32((uint32_t)(--out->len - begun)); /* it has no zero byte of its own */
        memcpy(out->data + begun, &len, sizeof len);
    }
    return ok;
}

/* --- Objects ---------------------------------------------------------------------------------- */

static const struct {
    const char *key;
    bool (*put)(mr_buffer *out, mr_slice name, const json_t *value);
} types[] = {
    {"$numberInt", put_int32},
    {"$numberLong", put_int64},
    {"$numberDouble", put_number_double},
    {"$numberDecimal", put_decimal},
    {"$oid", put_object_id},
    {"$date", put_date},
    {"$binary", put_binary},
    {"$uuid", put_uuid},
    {"$regularExpression", put_regex},
    {"$timestamp", put_timestamp},
    {"$minKey", put_min_key},
    {"$maxKey", put_max_key},
    {"$undefined", put_undefined},
    {"$code", put_code},
    {"$symbol", put_symbol},
    {"$dbPointer", put_pointer},
};

/* An object that stands for a value of another type. false, and nothing is written: it does not. */
static bool put_special(mr_buffer *out, mr_slice name, const json_t *object, int depth)
{
    size_t size = json_object_size(object), before = out->len;
    const char *key = json_object_iter_key(json_object_iter((json_t *)object));
    if (size < 1 || size > 2 || *key != '$') {
        return false;
    }
    bool ok = false;
    for (size_t i = 0; size == 1 && i < sizeof types / sizeof *types; i++) {
        if (strcmp(types[i].key, key) == 0) {
            ok = types[i].put(out, name, json_object_get(object, key));
        }
    }
    if (size == 2) {
        ok = put_code_with_scope(out, name, object, depth);
    }
    if (!ok) {
        out->len = before;
    }
    return ok;
}

static bool put_members(mr_buffer *out, const json_t *object, int depth)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        if (!put_value(out, (mr_slice){key, strlen(key)}, value, depth)) {
            return false;
        }
    }
    return true;
}

static bool put_object(mr_buffer *out, const json_t *object, int depth)
{
    size_t begun = mr_bson_begin(out);
    bool ok = put_members(out, object, depth);
    mr_bson_end(out, begun);
    return ok;
}

static bool put_array(mr_buffer *out, const json_t *array, int depth)
{
    char room[MR_BSON_INDEX_BYTES];
    size_t begun = mr_bson_begin(out);
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *index = mr_bson_index((uint32_t)i, room);
        if (!put_value(out, (mr_slice){index, strlen(index)}, json_array_get(array, i), depth)) {
            return false;
        }
    }
    mr_bson_end(out, begun);
    return true;
}

static bool put_value(mr_buffer *out, mr_slice name, const json_t *json, int depth)
{
    if (depth >= MR_BSON_DEPTH_MAX) {
        return false;
    }
    json_int_t i = json_integer_value(json);
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        if (put_special(out, name, json, depth)) {
            return true;
        }
        put(out, name, MR_BSON_DOCUMENT, "", 0);
        return put_object(out, json, depth + 1);
    case JSON_ARRAY:
        put(out, name, MR_BSON_ARRAY, "", 0);
        return put_array(out, json, depth + 1);
    case JSON_STRING:
        return put_text(out, name, MR_BSON_STRING, json);
    case JSON_INTEGER:
        return i == (int32_t)i ? put32(out, name, MR_BSON_INT32, (uint32_t)i)
                               : put64(out, name, MR_BSON_INT64, (uint64_t)i);
    case JSON_REAL:
        return put_double(out, name, json_real_value(json));
    case JSON_NULL:
        put(out, name, MR_BSON_NULL, "", 0);
        return true;
    default:
        put(out, name, MR_BSON_BOOL, json_is_true(json) ? "\1" : "\0", 1);
        return true;
    }
}

static json_t *load(mr_slice json)
{
    return json_loadb(json.len ? json.data : "", json.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}

bool mr_bson_add_json(mr_buffer *out, mr_slice name, mr_slice json)
{
    size_t before = out->len;
    json_t *root = load(json);
    bool ok = root && put_value(out, name, root, 0);
    json_decref(root);
    if (!ok) {
        out->len = before;
    }
    return ok;
}

bool mr_bson_add_json_fields(mr_buffer *out, mr_slice json)
{
    size_t before = out->len;
    json_t *root = load(json);
    bool ok = json_is_object(root) && put_members(out, root, 0);
    json_decref(root);
    if (!ok) {
        out->len = before;
    }
    return ok;
}
