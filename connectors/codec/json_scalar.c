/* SPDX-License-Identifier: Apache-2.0 */
/* JSON to cells of all types that have no values inside. See json.h for what is taken. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codec/bson.h"
#include "codec/bson_shape.h"
#include "codec/from_text.h"
#include "codec/json_reading.h"
#include "codec/text.h"

typedef mr_json_reading reading;

#define FAIL(r, ...) mr_trail_reason(&(r)->scan.trail, __VA_ARGS__)

/* --- Numbers ---------------------------------------------------------------------------------- */

static int shown(mr_slice text)
{
    return (int)(text.len < 60 ? text.len : 60);
}

bool mr_json_wanted(reading *r, const mr_schema *schema, const char *what)
{
    return FAIL(r, "%s where %s is expected (%s)", mr_json_kind(mr_json_peek(&r->scan)), what,
                mr_type_name(schema->type));
}

bool mr_json_at_number(reading *r)
{
    char c = mr_json_peek(&r->scan);
    return c == '-' || (c >= '0' && c <= '9');
}

static bool integer(reading *r, const mr_schema *schema, mr_cell *ret)
{
    mr_slice text;
    if (!mr_json_at_number(r)) {
        return mr_json_wanted(r, schema, "a whole number");
    }
    if (!mr_json_number(&r->scan, &text)) {
        return false;
    }
    mr_decimal_fit fit = mr_whole_from_text(text.data, text.len, &ret->as.i);
    if (fit == MR_DECIMAL_FRACTION) {
        return FAIL(r, "%.*s is no whole number (%s)", shown(text), text.data,
                    mr_type_name(schema->type));
    }
    if (fit != MR_DECIMAL_OK || (schema->base == MR_INT && ret->as.i != (int32_t)ret->as.i)) {
        return FAIL(r, "%.*s does not fit into %s of %d bits", shown(text), text.data,
                    mr_type_name(schema->type), schema->base == MR_INT ? 32 : 64);
    }
    return true;
}

static bool odd_number(reading *r, const mr_schema *schema, mr_cell *ret)
{
    mr_slice text;
    if (!mr_json_string(&r->scan, r->arena, &text)) {
        return false;
    }
    if (text.len == 3 && memcmp(text.data, "NaN", 3) == 0) {
        ret->as.d = (double)NAN;
        return true;
    }
    bool minus = text.len && *text.data == '-';
    if (text.len - minus == 8 && memcmp(text.data + minus, "Infinity", 8) == 0) {
        ret->as.d = minus ? -(double)INFINITY : (double)INFINITY;
        return true;
    }
    return FAIL(r,
                "\"%.*s\" where a number, \"NaN\", \"Infinity\" or \"-Infinity\" is expected (%s)",
                shown(text), text.data, mr_type_name(schema->type));
}

static bool real(reading *r, const mr_schema *schema, mr_cell *ret)
{
    char room[64];
    mr_slice text;
    if (mr_json_peek(&r->scan) == '"') {
        return odd_number(r, schema, ret);
    }
    if (!mr_json_at_number(r)) {
        return mr_json_wanted(r, schema, "a number");
    }
    if (!mr_json_number(&r->scan, &text)) {
        return false;
    }
    const char *terminated = room;
    if (text.len < sizeof room) {
        memcpy(room, text.data, text.len);
        room[text.len] = '\0';
    } else {
        terminated = mr_arena_strndup(r->arena, text.data, text.len);
    }
    bool single = schema->base == MR_FLOAT;
    ret->as.d = single ? (double)strtof(terminated, NULL) : strtod(terminated, NULL);
    return isfinite(ret->as.d) ||
           FAIL(r, "%.*s is too large for %s", shown(text), text.data, mr_type_name(schema->type));
}

static bool keep_bytes(reading *r, const char *bytes, size_t len, mr_cell *ret)
{
    ret->as.text = mr_arena_copy(r->arena, bytes, len);
    ret->len = (uint32_t)len;
    return true;
}

static bool bytes(reading *r, const mr_schema *schema, mr_cell *ret);

static bool decimal(reading *r, const mr_schema *schema, mr_cell *ret)
{
    char out[MR_DECIMAL_BYTES_MAX];
    size_t len;
    mr_slice text;
    if (!mr_json_at_number(r)) {
        if (mr_json_peek(&r->scan) != '"') {
            return mr_json_wanted(r, schema, "a decimal as text, or a number,");
        }
        if (r->dialect == MR_JSON_CONNECT) {
            return bytes(r, schema, ret);
        }
        if (!mr_json_string(&r->scan, r->arena, &text)) {
            return false;
        }
    } else if (!mr_json_number(&r->scan, &text)) {
        return false;
    }
    switch (
        mr_decimal_from_text(text.data, text.len, schema->precision, schema->scale, out, &len)) {
    case MR_DECIMAL_OK:
        break;
    case MR_DECIMAL_NO_NUMBER:
        return FAIL(r, "\"%.*s\" is no decimal", shown(text), text.data);
    case MR_DECIMAL_FRACTION:
        return FAIL(r, "%.*s has more than %d decimals", shown(text), text.data, schema->scale);
    default:
        return FAIL(
            r, "%.*s has more than the %d digits of decimal(%d, %d)", shown(text), text.data,
            schema->precision < MR_DECIMAL_DIGITS_MAX ? schema->precision : MR_DECIMAL_DIGITS_MAX,
            schema->precision, schema->scale);
    }
    size_t size = schema->base == MR_FIXED ? schema->size_bytes : len;
    if (len > size) {
        return FAIL(r, "%.*s does not fit into %zu bytes", shown(text), text.data, size);
    }
    char *full = mr_arena_alloc(r->arena, size); /* its sign fills the front */
    memset(full, out[0] & 0x80 ? 0xFF : 0, size - len);
    memcpy(full + size - len, out, len);
    ret->as.text = full;
    ret->len = (uint32_t)size;
    return true;
}

/* --- Text and bytes --------------------------------------------------------------------------- */

static bool string(reading *r, const mr_schema *schema, mr_slice *ret)
{
    if (mr_json_peek(&r->scan) != '"') {
        return mr_json_wanted(r, schema, "a string");
    }
    return mr_json_string(&r->scan, r->arena, ret);
}

static bool bytes(reading *r, const mr_schema *schema, mr_cell *ret)
{
    mr_slice text;
    size_t len;
    if (!string(r, schema, &text)) {
        return false;
    }
    char *out = mr_arena_alloc(r->arena, text.len / 4 * 3 + 4);
    if (!mr_base64_from_text(text.data, text.len, out, &len)) {
        return FAIL(r, "\"%.*s\" is no base64 (%s)", shown(text), text.data,
                    mr_type_name(schema->type));
    }
    if (schema->base == MR_FIXED && len != schema->size_bytes) {
        return FAIL(r, "%zu bytes for fixed %s of %zu", len, schema->name, schema->size_bytes);
    }
    ret->as.text = out;
    ret->len = (uint32_t)len;
    return true;
}

static bool is_named(const mr_schema *schema, const char *name, size_t size_bytes)
{
    return schema->name && strcmp(schema->name, name) == 0 && schema->size_bytes == size_bytes;
}

/* Of documents: their digits. */
static bool fixed(reading *r, const mr_schema *schema, mr_cell *ret)
{
    char out[MR_DECIMAL128_BYTES];
    mr_slice text;
    bool id = is_named(schema, MR_OBJECT_ID_NAME, MR_OBJECT_ID_BYTES);
    if (!id && !is_named(schema, MR_DECIMAL128_NAME, MR_DECIMAL128_BYTES)) {
        return bytes(r, schema, ret);
    }
    if (!string(r, schema, &text)) {
        return false;
    }
    bool good =
        id ? text.len == 2 * MR_OBJECT_ID_BYTES : mr_decimal128_parse(text.data, text.len, out);
    for (size_t i = 0; id && good && i < MR_OBJECT_ID_BYTES; i++) {
        int high = mr_hex_digit(text.data[2 * i]), low = mr_hex_digit(text.data[2 * i + 1]);
        good = high >= 0 && low >= 0;
        out[i] = good ? (char)(high << 4 | low) : 0;
    }
    return good ? keep_bytes(r, out, schema->size_bytes, ret)
                : FAIL(r, "\"%.*s\" is no %s", shown(text), text.data,
                       id ? "id of 24 hexadecimal digits" : "decimal of 34 digits");
}

static bool uuid(reading *r, const mr_schema *schema, mr_cell *ret)
{
    char bytes[MR_UUID_BYTES], canonical[MR_UUID_TEXT_BYTES];
    mr_slice text;
    if (!string(r, schema, &text)) {
        return false;
    }
    if (!mr_uuid_parse(text.data, text.len, bytes)) {
        return FAIL(r, "\"%.*s\" is no uuid", shown(text), text.data);
    }
    if (schema->base == MR_FIXED) {
        return keep_bytes(r, bytes, sizeof bytes, ret);
    }
    mr_uuid_text(bytes, canonical);
    return keep_bytes(r, canonical, sizeof canonical, ret);
}

static bool symbol(reading *r, const mr_schema *schema, mr_cell *ret)
{
    mr_slice text;
    if (!string(r, schema, &text)) {
        return false;
    }
    for (size_t i = 0; i < schema->symbol_count; i++) {
        const char *s = schema->symbols[i];
        if (strlen(s) == text.len && memcmp(s, text.data, text.len) == 0) {
            ret->symbol = (uint16_t)i;
            ret->len = (uint32_t)text.len;
            ret->as.text = s;
            return true;
        }
    }
    return FAIL(r, "\"%.*s\" is no symbol of enum %s", shown(text), text.data, schema->name);
}

/* --- Times ------------------------------------------------------------------------------------ */

static bool bad_time(reading *r, const mr_schema *schema, mr_slice text, const char *example)
{
    return FAIL(r, "\"%.*s\" is no %s; expected is text such as \"%s\", or a number", shown(text),
                text.data, mr_type_name(schema->type), example);
}

static bool too_fine(reading *r, const mr_schema *schema, mr_slice text)
{
    return FAIL(r, "\"%.*s\" is finer than %s", shown(text), text.data, mr_type_name(schema->type));
}

static bool is_millis(const mr_schema *schema)
{
    return schema->type == MR_TIME_MS || schema->type == MR_TIMESTAMP_MS ||
           schema->type == MR_LOCAL_TIMESTAMP_MS;
}

static bool timestamp(reading *r, const mr_schema *schema, mr_slice text, mr_cell *ret)
{
    bool local = schema->type == MR_LOCAL_TIMESTAMP_MS || schema->type == MR_LOCAL_TIMESTAMP_US;
    bool cut = r->dialect == MR_JSON_CONNECT;
    mr_moment moment;
    if (!mr_moment_from_text(text.data, text.len, &moment)) {
        return bad_time(r, schema, text, local ? "2019-03-23T20:21:09" : "2019-03-23T20:21:09Z");
    }
    if (moment.zoned == local) {
        return FAIL(r, "\"%.*s\" has %s zone, but %s needs %s", shown(text), text.data,
                    local ? "a" : "no", mr_type_name(schema->type), local ? "none" : "one");
    }
    if (!cut && (moment.extra_ns || (is_millis(schema) && moment.us % 1000))) {
        return too_fine(r, schema, text);
    }
    int64_t ms = moment.us / 1000 - (moment.us % 1000 < 0);
    ret->as.i = is_millis(schema) ? ms : moment.us;
    return true;
}

static bool time_value(reading *r, const mr_schema *schema, mr_cell *ret)
{
    mr_slice text;
    int64_t ns;
    if (mr_json_at_number(r)) {
        return integer(r, schema, ret);
    }
    if (mr_json_peek(&r->scan) != '"') {
        return mr_json_wanted(r, schema, "text or a number");
    }
    if (!mr_json_string(&r->scan, r->arena, &text)) {
        return false;
    }
    if (schema->type == MR_DATE) {
        return mr_date_from_text(text.data, text.len, &ret->as.i) ||
               bad_time(r, schema, text, "2019-03-23");
    }
    if (schema->type != MR_TIME_MS && schema->type != MR_TIME_US) {
        return timestamp(r, schema, text, ret);
    }
    if (!mr_time_from_text(text.data, text.len, &ns)) {
        return bad_time(r, schema, text, "20:21:09");
    }
    int64_t unit = is_millis(schema) ? 1000000 : 1000;
    ret->as.i = ns / unit;
    return ns % unit == 0 || too_fine(r, schema, text);
}

/* Avro's duration: three little-endian numbers. */
static bool duration(reading *r, const mr_schema *schema, mr_cell *ret)
{
    static const char *const names[] = {"months", "days", "milliseconds"};
    unsigned char out[12] = {0};
    unsigned seen = 0;
    if (r->depth >= MR_JSON_DEPTH_MAX) {
        return FAIL(r, "nested deeper than %d", MR_JSON_DEPTH_MAX);
    }
    if (mr_json_peek(&r->scan) != '{') {
        return mr_json_wanted(r, schema, "an object");
    }
    r->scan.at++;
    do {
        mr_slice name, text;
        int64_t n;
        size_t at = 0;
        if (!mr_json_string(&r->scan, r->arena, &name) || !mr_json_expect(&r->scan, ':') ||
            !mr_json_number(&r->scan, &text)) {
            return false;
        }
        while (at < 3 && mr_json_compare(name, names[at]) != 0) {
            at++;
        }
        if (at == 3 || seen & 1u << at ||
            mr_whole_from_text(text.data, text.len, &n) != MR_DECIMAL_OK || n < 0 ||
            n > UINT32_MAX) {
            return FAIL(r,
                        "a duration is {\"months\", \"days\", \"milliseconds\"}, each of 32 bits");
        }
        seen |= 1u << at;
        for (size_t b = 0; b < 4; b++) {
            out[4 * at + b] = (unsigned char)((uint64_t)n >> 8 * b);
        }
    } while (mr_json_take(&r->scan, ','));
    return mr_json_expect(&r->scan, '}') && keep_bytes(r, (const char *)out, sizeof out, ret);
}

/* --- One value -------------------------------------------------------------------------------- */

static bool text_value(reading *r, const mr_schema *schema, mr_cell *ret)
{
    mr_slice text;
    if (!string(r, schema, &text)) {
        return false;
    }
    ret->len = (uint32_t)text.len;
    ret->as.text = text.data;
    return true;
}

static bool boolean(reading *r, const mr_schema *schema, mr_cell *ret)
{
    char first = mr_json_peek(&r->scan);
    ret->as.i = first == 't';
    return first == 't' || first == 'f' ? mr_json_word(&r->scan, first == 't' ? "true" : "false")
                                        : mr_json_wanted(r, schema, "true or false");
}

bool mr_json_scalar(reading *r, const mr_schema *schema, mr_cell *ret)
{
    switch (schema->type) {
    case MR_NULL:
        return mr_json_peek(&r->scan) == 'n' ? mr_json_word(&r->scan, "null")
                                             : mr_json_wanted(r, schema, "null");
    case MR_BOOL:
        return boolean(r, schema, ret);
    case MR_INT:
    case MR_LONG:
        return integer(r, schema, ret);
    case MR_FLOAT:
    case MR_DOUBLE:
        return real(r, schema, ret);
    case MR_STRING:
        return text_value(r, schema, ret);
    case MR_BYTES:
        return bytes(r, schema, ret);
    case MR_FIXED:
        return fixed(r, schema, ret);
    case MR_ENUM:
        return symbol(r, schema, ret);
    case MR_DECIMAL:
        return decimal(r, schema, ret);
    case MR_UUID:
        return uuid(r, schema, ret);
    case MR_DURATION:
        return duration(r, schema, ret);
    default:
        return time_value(r, schema, ret);
    }
}
