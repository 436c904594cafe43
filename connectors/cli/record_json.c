/* SPDX-License-Identifier: Apache-2.0 */
/* See record_json.h. Recursion is bounded by the schema's nesting, which the parser bounds. */
#include "cli/record_json.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "codec/bson.h"
#include "codec/bson_shape.h"
#include "codec/change.h"
#include "codec/text.h"
#include "transform/cell_text.h"

static json_t *base64_json(const char *data, size_t len)
{
    mr_buffer text = MR_BUFFER_INIT(SIZE_MAX / 2);
    mr_base64(data, len, &text);
    json_t *ret = json_string(mr_buffer_text(&text));
    mr_buffer_release(&text);
    return ret;
}

static json_t *text_json(const char *text, size_t len)
{
    json_t *ret = json_stringn(text, len);
    if (!ret) { /* no UTF-8: the codec refuses it, but a look should still show something */
        ret = json_object();
        json_object_set_new(ret, "base64", base64_json(text, len));
    }
    return ret;
}

/* --- Decimals --- */

/* Big-endian two's complement to decimal digits, by dividing by ten again and again: fine for a
 * look. */
static json_t *decimal_json(const char *data, size_t len, int scale)
{
    mr_auto_free unsigned char *n = mr_calloc(len ? len : 1, 1);
    bool negative = len && (data[0] & 0x80);
    int carry = negative;
    for (size_t i = len; i-- > 0;) {
        int byte = (unsigned char)data[i];
        byte = (negative ? byte ^ 0xFF : byte) + carry;
        n[i] = (unsigned char)byte;
        carry = negative && byte > 0xFF;
    }
    size_t room = len * 3 + (size_t)(scale > 0 ? scale : 0) + 4;
    mr_auto_free char *out = mr_alloc(room);
    char *at = out + room - 1;
    *at = '\0';
    bool more = true;
    for (int digit = 0; more || digit <= scale; digit++) {
        int rest = 0;
        more = false;
        if (digit == scale && scale > 0) {
            *--at = '.';
        }
        for (size_t i = 0; i < len; i++) {
            int value = rest << 8 | n[i];
            n[i] = (unsigned char)(value / 10);
            rest = value % 10;
            more = more || n[i];
        }
        *--at = (char)('0' + rest);
    }
    if (negative) {
        *--at = '-';
    }
    return json_string(at);
}

/* --- Times --- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static void put_fraction(char *out, size_t size, int64_t us, int digits)
{
    snprintf(out, size, digits == 3 ? ".%03d" : ".%06d", (int)(digits == 3 ? us / 1000 : us));
}

static json_t *time_json(int64_t us, int digits)
{
    char fraction[16], text[64];
    int64_t seconds = floor_div(us, 1000000);
    put_fraction(fraction, sizeof fraction, us - seconds * 1000000, digits);
    snprintf(text, sizeof text, "%02d:%02d:%02d%s", (int)(seconds / 3600 % 24),
             (int)(seconds / 60 % 60), (int)(seconds % 60), fraction);
    return json_string(text);
}

/* A value that no calendar has is shown as the number it is. */
static json_t *timestamp_json(int64_t value, int64_t per_second, const char *zone)
{
    struct tm tm;
    char fraction[16], text[64];
    int64_t seconds = floor_div(value, per_second);
    int64_t us = (value - seconds * per_second) * (1000000 / per_second);
    time_t t = (time_t)seconds;
    if (!gmtime_r(&t, &tm) || tm.tm_year > 8099) {
        return json_integer(value);
    }
    put_fraction(fraction, sizeof fraction, us, per_second == 1000 ? 3 : 6);
    size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + len, sizeof text - len, "%s%s", fraction, zone);
    return json_string(text);
}

static json_t *date_json(int64_t days)
{
    struct tm tm;
    char text[64];
    time_t t = (time_t)(days * 86400);
    if (!gmtime_r(&t, &tm)) {
        return json_integer(days);
    }
    strftime(text, sizeof text, "%Y-%m-%d", &tm);
    return json_string(text);
}

static json_t *real_json(double d)
{
    if (isnan(d)) {
        return json_string("NaN");
    }
    return isinf(d) ? json_string(d > 0 ? "Infinity" : "-Infinity") : json_real(d);
}

/* Avro's duration: three little-endian numbers. */
static json_t *duration_json(const char *data)
{
    uint32_t n[3];
    for (int i = 0; i < 3; i++) {
        const unsigned char *b = (const unsigned char *)data + 4 * i;
        n[i] = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    }
    return json_pack("{s:I, s:I, s:I}", "months", (json_int_t)n[0], "days", (json_int_t)n[1],
                     "milliseconds", (json_int_t)n[2]);
}

/* --- Cells --- */

static json_t *uuid_json(const mr_cell *cell)
{
    char text[36];
    if (cell->len != 16) {
        return text_json(cell->as.text, cell->len);
    }
    mr_uuid_text(cell->as.text, text);
    return text_json(text, sizeof text);
}

/* Fixed types of documents (codec/bson_shape.h) as people know them; all others as base64. */
static json_t *fixed_json(const mr_cell *cell, const mr_schema *schema)
{
    char text[MR_DECIMAL128_TEXT_BYTES];
    const char *name = schema->name ? schema->name : "";
    if (strcmp(name, MR_OBJECT_ID_NAME) == 0 && cell->len == MR_OBJECT_ID_BYTES) {
        mr_object_id_text(cell->as.text, text);
        return json_stringn(text, 24);
    }
    if (strcmp(name, MR_DECIMAL128_NAME) == 0 && cell->len == MR_DECIMAL128_BYTES) {
        return json_stringn(text, mr_decimal128_text(cell->as.text, text));
    }
    return base64_json(cell->as.text, cell->len);
}

/* A value of a document that Avro has no type for. */
static bool is_json(const mr_cell *cell, const mr_schema *schema)
{
    return cell->type == MR_RECORD && cell->len == 1 && cell->as.cells->type == MR_STRING &&
           schema->name && strcmp(schema->name, MR_JSON_NAME) == 0;
}

static json_t *nested_json(const mr_cell *cell, const mr_schema *schema)
{
    json_t *ret = cell->type == MR_ARRAY ? json_array() : json_object();
    if (cell->type == MR_ARRAY) {
        for (uint32_t i = 0; i < cell->len; i++) {
            json_array_append_new(ret, mr_show_cell(&cell->as.cells[i], schema->items));
        }
    } else if (is_json(cell, schema)) {
        json_decref(ret);
        ret = mr_show_bytes((mr_slice){cell->as.cells->as.text, cell->as.cells->len});
    } else if (cell->type == MR_RECORD) {
        for (uint32_t i = 0; i < cell->len; i++) {
            json_object_set_new(ret, schema->fields[i].name,
                                mr_show_cell(&cell->as.cells[i], schema->fields[i].schema));
        }
    } else {
        for (uint32_t i = 0; i + 1 < 2 * cell->len; i += 2) {
            const mr_cell *key = &cell->as.cells[i];
            mr_auto_free char *name = mr_strndup(key->as.text, key->len);
            json_object_set_new(ret, name, mr_show_cell(key + 1, schema->items));
        }
    }
    return ret;
}

static json_t *logical_json(const mr_cell *cell, const mr_schema *schema)
{
    switch ((mr_type)cell->type) {
    case MR_DECIMAL:
        return decimal_json(cell->as.text, cell->len, schema->scale);
    case MR_UUID:
        return uuid_json(cell);
    case MR_DATE:
        return date_json(cell->as.i);
    case MR_TIME_MS:
        return time_json(cell->as.i * 1000, 3);
    case MR_TIME_US:
        return time_json(cell->as.i, 6);
    case MR_TIMESTAMP_MS:
        return timestamp_json(cell->as.i, 1000, "Z");
    case MR_TIMESTAMP_US:
        return timestamp_json(cell->as.i, 1000000, "Z");
    case MR_LOCAL_TIMESTAMP_MS:
        return timestamp_json(cell->as.i, 1000, "");
    case MR_LOCAL_TIMESTAMP_US:
        return timestamp_json(cell->as.i, 1000000, "");
    case MR_DURATION:
        return duration_json(cell->as.text);
    default:
        return json_null();
    }
}

json_t *mr_show_cell(const mr_cell *cell, const mr_schema *schema)
{
    if (schema->type == MR_UNION) {
        schema = schema->branches[cell->branch];
    }
    switch ((mr_type)cell->type) {
    case MR_NULL:
        return json_null();
    case MR_BOOL:
        return json_boolean(cell->as.i);
    case MR_INT:
    case MR_LONG:
        return json_integer(cell->as.i);
    case MR_FLOAT:
    case MR_DOUBLE:
        return real_json(cell->as.d);
    case MR_STRING:
    case MR_ENUM:
        return text_json(cell->as.text, cell->len);
    case MR_BYTES:
        return base64_json(cell->as.text, cell->len);
    case MR_FIXED:
        return fixed_json(cell, schema);
    case MR_ARRAY:
    case MR_MAP:
    case MR_RECORD:
        return nested_json(cell, schema);
    default:
        return logical_json(cell, schema);
    }
}

json_t *mr_show_bytes(mr_slice bytes)
{
    if (!bytes.data) {
        return json_null();
    }
    json_t *ret = json_loadb(bytes.data, bytes.len, 0, NULL); /* objects and arrays only */
    return ret ? ret : text_json(bytes.data, bytes.len);
}

json_t *mr_show_header(const mr_header *header)
{
    const mr_slice value = header->value;
    bool document =
        strcmp(header->name, MR_HEADER_BSON) == 0 || strcmp(header->name, MR_HEADER_KEY_BSON) == 0;
    if (!document || !value.data || mr_bson_check(value.data, value.len, NULL)) {
        return mr_show_bytes(value);
    }
    mr_buffer text = MR_BUFFER_INIT(SIZE_MAX / 2);
    mr_bson_json(value, false, &text);
    json_t *ret = json_loadb(text.data, text.len, JSON_ALLOW_NUL, NULL);
    mr_buffer_release(&text);
    return ret ? ret : mr_show_bytes(value);
}

/* --- Printing --- */

static void show_real(FILE *out, double d)
{
    char text[MR_NUMBER_TEXT_BYTES];
    mr_double_text(d, text);
    fputs(text, out);
    if (!strpbrk(text, ".e")) {
        fputs(".0", out); /* a real stays one */
    }
}

static void show_leaf(FILE *out, const json_t *value)
{
    mr_auto_free char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    fputs(text ? text : "null", out);
}

void mr_show_json(FILE *out, const json_t *value)
{
    if (json_is_real(value)) {
        show_real(out, json_real_value(value));
    } else if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            fputc(i ? ',' : '[', out);
            mr_show_json(out, json_array_get(value, i));
        }
        fputs(json_array_size(value) ? "]" : "[]", out);
    } else if (json_is_object(value)) {
        const char *name;
        json_t *member;
        bool first = true;
        json_object_foreach((json_t *)value, name, member)
        {
            json_auto_t *key = json_string(name);
            fputc(first ? '{' : ',', out);
            show_leaf(out, key);
            fputc(':', out);
            mr_show_json(out, member);
            first = false;
        }
        fputs(first ? "{}" : "}", out);
    } else {
        show_leaf(out, value);
    }
}
