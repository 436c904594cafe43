/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BSON as extended JSON, version 2: one function for each form that is more than a word, appended
 * without blanks between the tokens. Doubles are the shortest digits that read back as the same
 * number. Recursion is as deep as documents are, which mr_bson_check() has bounded.
 */
#include <inttypes.h>
#include <math.h>

#include "codec/bson.h"
#include "codec/text.h"

static void put_text(mr_slice text, mr_buffer *out)
{
    mr_json_any_text(text.data, text.len, out);
}

/* {"$name":"123"}, or the number alone in relaxed JSON. */
static void put_int(const char *name, int64_t value, bool canonical, mr_buffer *out)
{
    if (!canonical) {
        mr_int_text(value, out);
        return;
    }
    mr_buffer_add_text(out, "{\"");
    mr_buffer_add_text(out, name);
    mr_buffer_add_text(out, "\":\"");
    mr_int_text(value, out);
    mr_buffer_add_text(out, "\"}");
}

/* With a point or an exponent, so that it is read as a double again. */
static size_t double_text(double value, char out[MR_NUMBER_TEXT_BYTES])
{
    if (isnan(value)) {
        memcpy(out, "NaN", sizeof "NaN");
        return sizeof "NaN" - 1;
    }
    if (isinf(value)) {
        const char *text = value < 0 ? "-Infinity" : "Infinity";
        memcpy(out, text, strlen(text) + 1);
        return strlen(text);
    }
    size_t len = mr_double_text(value, out);
    if (!strpbrk(out, ".e")) {
        memcpy(out + len, ".0", sizeof ".0");
        len += 2;
    }
    return len;
}

static void put_double(double value, bool canonical, mr_buffer *out)
{
    char text[MR_NUMBER_TEXT_BYTES];
    size_t len = double_text(value, text);
    if (!canonical && isfinite(value)) {
        mr_buffer_add(out, text, len);
        return;
    }
    mr_buffer_add_text(out, "{\"$numberDouble\":\"");
    mr_buffer_add(out, text, len);
    mr_buffer_add_text(out, "\"}");
}

static void put_decimal(const char *bits, mr_buffer *out)
{
    char text[MR_DECIMAL128_TEXT_BYTES];
    mr_buffer_add_text(out, "{\"$numberDecimal\":\"");
    mr_buffer_add(out, text, mr_decimal128_text(bits, text));
    mr_buffer_add_text(out, "\"}");
}

static void put_binary(const mr_bson_element *element, mr_buffer *out)
{
    uint8_t subtype;
    mr_slice bytes = mr_bson_binary(element, &subtype);
    mr_buffer_add_text(out, "{\"$binary\":{\"base64\":\"");
    mr_base64(bytes.data, bytes.len, out);
    mr_buffer_printf(out, "\",\"subType\":\"%02x\"}}", subtype);
}

static void put_object_id(const char *id, mr_buffer *out)
{
    char text[2 * MR_OBJECT_ID_BYTES];
    mr_object_id_text(id, text);
    mr_buffer_add_text(out, "{\"$oid\":\"");
    mr_buffer_add(out, text, sizeof text);
    mr_buffer_add_text(out, "\"}");
}

/* People get a date they can read where ISO 8601 has one of four-digit years since 1970. */
static void put_date(int64_t ms, bool canonical, mr_buffer *out)
{
    static const int64_t year_10000 = 253402300800000;
    mr_buffer_add_text(out, "{\"$date\":");
    if (canonical || ms < 0 || ms >= year_10000) {
        put_int("$numberLong", ms, true, out);
    } else {
        char text[MR_UTC_TEXT_BYTES];
        mr_json_text(text, mr_utc_text(ms, false, text), out);
    }
    mr_buffer_add_char(out, '}');
}

/* Options come in alphabetical order, in whatever order they are stored. */
static void put_options(const char *options, mr_buffer *out)
{
    size_t seen[128] = {0};
    for (const char *at = options; *at; at++) {
        if ((unsigned char)*at >= sizeof seen / sizeof *seen) {
            mr_json_any_text(options, strlen(options), out);
            return;
        }
        seen[(unsigned char)*at]++;
    }
    mr_buffer sorted = MR_BUFFER_INIT(MR_BSON_BYTES_MAX);
    for (int c = 1; c < (int)(sizeof seen / sizeof *seen); c++) {
        for (; seen[c]; seen[c]--) {
            mr_buffer_add_char(&sorted, (char)c);
        }
    }
    mr_json_text(mr_buffer_text(&sorted), sorted.len, out);
    mr_buffer_release(&sorted);
}

static void put_regex(const char *pattern, mr_buffer *out)
{
    size_t len = strlen(pattern);
    mr_buffer_add_text(out, "{\"$regularExpression\":{\"pattern\":");
    mr_json_any_text(pattern, len, out);
    mr_buffer_add_text(out, ",\"options\":");
    put_options(pattern + len + 1, out);
    mr_buffer_add_text(out, "}}");
}

static void put_pointer(const mr_bson_element *element, mr_buffer *out)
{
    mr_slice text = mr_bson_text(element);
    mr_buffer_add_text(out, "{\"$dbPointer\":{\"$ref\":");
    put_text(text, out);
    mr_buffer_add_text(out, ",\"$id\":");
    put_object_id(text.data + text.len + 1, out);
    mr_buffer_add_text(out, "}}");
}

static void put_code_with_scope(const mr_bson_element *element, bool canonical, mr_buffer *out)
{
    const char *code = element->value.data + 4;
    mr_buffer_add_text(out, "{\"$code\":");
    put_text((mr_slice){code + 4, mr_bson_load32(code) - 1}, out);
    mr_buffer_add_text(out, ",\"$scope\":");
    mr_bson_json(mr_bson_document(element), canonical, out);
    mr_buffer_add_char(out, '}');
}

static void put_wrapped(const char *before, const mr_bson_element *element, mr_buffer *out)
{
    mr_buffer_add_text(out, before);
    put_text(mr_bson_text(element), out);
    mr_buffer_add_char(out, '}');
}

static void put_timestamp(const mr_bson_element *element, mr_buffer *out)
{
    uint32_t seconds, increment;
    mr_bson_timestamp(element, &seconds, &increment);
    mr_buffer_printf(out, "{\"$timestamp\":{\"t\":%" PRIu32 ",\"i\":%" PRIu32 "}}", seconds,
                     increment);
}

static void put_array(mr_slice array, bool canonical, mr_buffer *out)
{
    mr_bson_element element;
    char before = '[';
    for (size_t cursor = 0; mr_bson_next(array, &cursor, &element); before = ',') {
        mr_buffer_add_char(out, before);
        mr_bson_value_json(&element, canonical, out);
    }
    mr_buffer_add_text(out, before == '[' ? "[]" : "]");
}

void mr_bson_json(mr_slice document, bool canonical, mr_buffer *out)
{
    mr_bson_element element;
    char before = '{';
    for (size_t cursor = 0; mr_bson_next(document, &cursor, &element); before = ',') {
        mr_buffer_add_char(out, before);
        put_text(element.name, out);
        mr_buffer_add_char(out, ':');
        mr_bson_value_json(&element, canonical, out);
    }
    mr_buffer_add_text(out, before == '{' ? "{}" : "}");
}

/* Of the types that have one value only. */
static const char *word(uint8_t type)
{
    switch (type) {
    case MR_BSON_UNDEFINED:
        return "{\"$undefined\":true}";
    case MR_BSON_MIN_KEY:
        return "{\"$minKey\":1}";
    case MR_BSON_MAX_KEY:
        return "{\"$maxKey\":1}";
    default:
        return "null";
    }
}

void mr_bson_value_json(const mr_bson_element *element, bool canonical, mr_buffer *out)
{
    switch (element->type) {
    case MR_BSON_DOUBLE:
        put_double(mr_bson_double(element), canonical, out);
        return;
    case MR_BSON_STRING:
        put_text(mr_bson_text(element), out);
        return;
    case MR_BSON_DOCUMENT:
        mr_bson_json(element->value, canonical, out);
        return;
    case MR_BSON_ARRAY:
        put_array(element->value, canonical, out);
        return;
    case MR_BSON_BINARY:
        put_binary(element, out);
        return;
    case MR_BSON_OBJECT_ID:
        put_object_id(element->value.data, out);
        return;
    case MR_BSON_BOOL:
        mr_buffer_add_text(out, *element->value.data ? "true" : "false");
        return;
    case MR_BSON_DATE:
        put_date(mr_bson_int(element), canonical, out);
        return;
    case MR_BSON_REGEX:
        put_regex(element->value.data, out);
        return;
    case MR_BSON_DB_POINTER:
        put_pointer(element, out);
        return;
    case MR_BSON_CODE:
        put_wrapped("{\"$code\":", element, out);
        return;
    case MR_BSON_SYMBOL:
        put_wrapped("{\"$symbol\":", element, out);
        return;
    case MR_BSON_CODE_WITH_SCOPE:
        put_code_with_scope(element, canonical, out);
        return;
    case MR_BSON_INT32:
        put_int("$numberInt", mr_bson_int(element), canonical, out);
        return;
    case MR_BSON_TIMESTAMP:
        put_timestamp(element, out);
        return;
    case MR_BSON_INT64:
        put_int("$numberLong", mr_bson_int(element), canonical, out);
        return;
    case MR_BSON_DECIMAL128:
        put_decimal(element->value.data, out);
        return;
    default:
        mr_buffer_add_text(out, word(element->type));
    }
}

void mr_object_id_text(const char id[MR_OBJECT_ID_BYTES], char out[2 * MR_OBJECT_ID_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < MR_OBJECT_ID_BYTES; i++) {
        out[2 * i] = digits[(unsigned char)id[i] >> 4];
        out[2 * i + 1] = digits[id[i] & 15];
    }
}
