/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents as DynamoDB's items. Which of its types a value becomes is decided in one place
 * (type_of), from which both the text and the size follow. Sizes are asked for with every change
 * record, so they are counted without making the text, but for the types that are rare.
 */
#include "codec/attribute_value.h"

#include <math.h>

#include "codec/bson.h"
#include "codec/decimal128.h"
#include "codec/pgcopy.h"
#include "codec/text.h"

typedef enum item_type {
    ITEM_STRING,     /* S, of the text itself */
    ITEM_SHORT_TEXT, /* S, of what short_text() makes */
    ITEM_JSON,       /* S, of canonical extended JSON */
    ITEM_WHOLE,      /* N, int32 and int64 */
    ITEM_DOUBLE,     /* N */
    ITEM_DECIMAL,    /* N */
    ITEM_BINARY,     /* B */
    ITEM_BOOL,
    ITEM_NULL,
    ITEM_MAP,
    ITEM_LIST,
} item_type;

enum { UUID = 4, UUID_BYTES = 16, UUID_TEXT_BYTES = 36, SHORT_BYTES = 48 };

static item_type type_of(const mr_bson_element *element)
{
    mr_decimal128 decimal;
    switch (element->type) {
    case MR_BSON_STRING:
        return ITEM_STRING;
    case MR_BSON_INT32:
    case MR_BSON_INT64:
        return ITEM_WHOLE;
    case MR_BSON_DOUBLE:
        return isfinite(mr_bson_double(element)) ? ITEM_DOUBLE : ITEM_SHORT_TEXT;
    case MR_BSON_DECIMAL128:
        mr_decimal128_unpack(element->value.data, &decimal);
        return decimal.kind == MR_DECIMAL128_FINITE ? ITEM_DECIMAL : ITEM_SHORT_TEXT;
    case MR_BSON_BINARY:
        return (uint8_t)element->value.data[4] == UUID && element->value.len == 5 + UUID_BYTES
                   ? ITEM_SHORT_TEXT
                   : ITEM_BINARY;
    case MR_BSON_OBJECT_ID:
    case MR_BSON_DATE:
        return ITEM_SHORT_TEXT;
    case MR_BSON_BOOL:
        return ITEM_BOOL;
    case MR_BSON_NULL:
        return ITEM_NULL;
    case MR_BSON_DOCUMENT:
        return ITEM_MAP;
    case MR_BSON_ARRAY:
        return ITEM_LIST;
    default:
        return ITEM_JSON;
    }
}

/* ObjectId, date, UUID, and numbers that are none; ASCII without anything to escape. */
static size_t short_text(const mr_bson_element *element, char out[SHORT_BYTES])
{
    mr_buffer text = {out, 0, SHORT_BYTES, SHORT_BYTES, false};
    double value;
    switch (element->type) {
    case MR_BSON_OBJECT_ID:
        mr_object_id_text(element->value.data, out);
        return 2 * MR_OBJECT_ID_BYTES;
    case MR_BSON_DATE:
        return mr_utc_text(mr_bson_int(element), true, out);
    case MR_BSON_BINARY:
        mr_pg_uuid_text(&text, mr_bson_binary(element, NULL).data);
        return text.len;
    default:
        value = mr_bson_double(element);
        mr_buffer_add_text(&text, isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity");
        return text.len;
    }
}

static void put_number(const mr_bson_element *element, item_type type, mr_buffer *out)
{
    char text[MR_DECIMAL128_TEXT_BYTES];
    mr_buffer_add_text(out, "{\"N\":\"");
    if (type == ITEM_WHOLE) {
        mr_int_text(mr_bson_int(element), out);
    } else if (type == ITEM_DOUBLE) {
        mr_buffer_add(out, text, mr_double_text(mr_bson_double(element), text));
    } else {
        mr_buffer_add(out, text, mr_decimal128_text(element->value.data, text));
    }
    mr_buffer_add_text(out, "\"}");
}

static void put_binary(const mr_bson_element *element, mr_buffer *out)
{
    mr_slice bytes = mr_bson_binary(element, NULL);
    mr_buffer_add_text(out, "{\"B\":\"");
    mr_base64(bytes.data, bytes.len, out);
    mr_buffer_add_text(out, "\"}");
}

static void put_text(const char *text, size_t len, mr_buffer *out)
{
    mr_buffer_add_text(out, "{\"S\":");
    mr_json_any_text(text, len, out);
    mr_buffer_add_char(out, '}');
}

static void put_json(const mr_bson_element *element, mr_buffer *out)
{
    mr_buffer json = MR_BUFFER_INIT(out->limit);
    mr_bson_value_json(element, true, &json);
    out->failed |= json.failed;
    put_text(json.data, json.len, out);
    mr_buffer_release(&json);
}

static void put_value(const mr_bson_element *element, mr_buffer *out);

static void put_list(mr_slice list, mr_buffer *out)
{
    mr_bson_element element;
    mr_buffer_add_text(out, "{\"L\":[");
    for (size_t cursor = 0, n = 0; mr_bson_next(list, &cursor, &element); n++) {
        if (n) {
            mr_buffer_add_char(out, ',');
        }
        put_value(&element, out);
    }
    mr_buffer_add_text(out, "]}");
}

static void put_value(const mr_bson_element *element, mr_buffer *out)
{
    char text[SHORT_BYTES];
    item_type type = type_of(element);
    switch (type) {
    case ITEM_STRING:
        put_text(mr_bson_text(element).data, mr_bson_text(element).len, out);
        return;
    case ITEM_SHORT_TEXT:
        put_text(text, short_text(element, text), out);
        return;
    case ITEM_JSON:
        put_json(element, out);
        return;
    case ITEM_WHOLE:
    case ITEM_DOUBLE:
    case ITEM_DECIMAL:
        put_number(element, type, out);
        return;
    case ITEM_BINARY:
        put_binary(element, out);
        return;
    case ITEM_BOOL:
        mr_buffer_add_text(out, mr_bson_int(element) ? "{\"BOOL\":true}" : "{\"BOOL\":false}");
        return;
    case ITEM_NULL:
        mr_buffer_add_text(out, "{\"NULL\":true}");
        return;
    case ITEM_MAP:
        mr_buffer_add_text(out, "{\"M\":");
        mr_item_json(element->value, out);
        mr_buffer_add_char(out, '}');
        return;
    case ITEM_LIST:
        put_list(element->value, out);
        return;
    }
}

void mr_item_json(mr_slice document, mr_buffer *out)
{
    mr_bson_element element;
    mr_buffer_add_char(out, '{');
    for (size_t cursor = 0, n = 0; mr_bson_next(document, &cursor, &element); n++) {
        if (n) {
            mr_buffer_add_char(out, ',');
        }
        mr_json_any_text(element.name.data, element.name.len, out);
        mr_buffer_add_char(out, ':');
        put_value(&element, out);
    }
    mr_buffer_add_char(out, '}');
}

/* --- Sizes ----------------------------------------------------------------------------------- */

static size_t digits_of_decimal(const char *bits)
{
    mr_decimal128 decimal;
    mr_decimal128_unpack(bits, &decimal);
    while (decimal.count && decimal.digits[decimal.count - 1] == '0') {
        decimal.count--;
    }
    return decimal.count;
}

static size_t number_size(size_t digits)
{
    return (digits + 1) / 2 + 1;
}

/* As long as short_text() makes it. */
static size_t short_size(const mr_bson_element *element)
{
    enum { DATE_TEXT_BYTES = 24 }; /* of a year with four digits */
    static const int64_t year_0 = -62167219200000, year_10000 = 253402300800000;
    char text[SHORT_BYTES];
    int64_t ms;
    switch (element->type) {
    case MR_BSON_OBJECT_ID:
        return 2 * MR_OBJECT_ID_BYTES;
    case MR_BSON_BINARY:
        return UUID_TEXT_BYTES;
    case MR_BSON_DATE:
        ms = mr_bson_int(element);
        if (ms >= year_0 && ms < year_10000) {
            return DATE_TEXT_BYTES;
        }
        return short_text(element, text);
    default:
        return short_text(element, text);
    }
}

static size_t json_size(const mr_bson_element *element)
{
    mr_buffer json = MR_BUFFER_INIT((size_t)MR_BSON_BYTES_MAX * 8);
    mr_bson_value_json(element, true, &json);
    size_t ret = json.len;
    mr_buffer_release(&json);
    return ret;
}

static size_t value_size(const mr_bson_element *element);

/* The names of a list's elements are no part of the item. */
static size_t elements_size(mr_slice document, bool names, size_t each)
{
    mr_bson_element element;
    size_t ret = 0;
    for (size_t cursor = 0; mr_bson_next(document, &cursor, &element);) {
        ret += each + (names ? element.name.len : 0) + value_size(&element);
    }
    return ret;
}

static size_t value_size(const mr_bson_element *element)
{
    enum { NESTED = 3, NESTED_EACH = 1 };
    item_type type = type_of(element);
    switch (type) {
    case ITEM_STRING:
        return mr_bson_text(element).len;
    case ITEM_SHORT_TEXT:
        return short_size(element);
    case ITEM_JSON:
        return json_size(element);
    case ITEM_WHOLE:
        return number_size((size_t)mr_int_digits(mr_bson_int(element)));
    case ITEM_DOUBLE:
        return number_size((size_t)mr_double_digits(mr_bson_double(element)));
    case ITEM_DECIMAL:
        return number_size(digits_of_decimal(element->value.data));
    case ITEM_BINARY:
        return mr_bson_binary(element, NULL).len;
    case ITEM_BOOL:
    case ITEM_NULL:
        return 1;
    case ITEM_MAP:
    case ITEM_LIST:
        return NESTED + elements_size(element->value, type == ITEM_MAP, NESTED_EACH);
    }
    return 0;
}

size_t mr_item_size_bytes(mr_slice document)
{
    return elements_size(document, true, 0);
}
