/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One switch on the field's type; the common types come first and return at once. What went wrong
 * is put into words only after it went wrong.
 */
#include "value.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "number.h"
#include "when.h"

/* Why a text was refused; NULL: it was not. */
typedef const char *refusal;

static const char *const not_a_number = "is not a number";
static const char *const out_of_range = "is out of range";

static bool convertible(mr_type type)
{
    return type != MR_NULL && type != MR_ARRAY && type != MR_MAP && type != MR_RECORD &&
           type != MR_UNION;
}

mr_status file_column_init(file_column *column, const mr_field *field, mr_error *err)
{
    const mr_schema *schema = mr_schema_strip_null(field->schema);
    if (!convertible(schema->type)) {
        mr_fail(err, MR_FATAL, MR_DOMAIN_SCHEMA,
                "field \"%s\" is of type %s, which one CSV column can not hold; use a scalar type, "
                "or null and one scalar type",
                field->name, mr_type_name(schema->type));
        mr_error_field(err, field->name);
        if (err) {
            err->permanent = true;
        }
        return MR_FATAL;
    }
    *column = (file_column){
        .field = field, .schema = schema, .type = (uint8_t)schema->type, .source = -1};
    if (schema != field->schema) {
        column->nullable = true;
        for (size_t i = 0; i < field->schema->branch_count; i++) {
            bool null = field->schema->branches[i]->type == MR_NULL;
            *(null ? &column->null_branch : &column->branch) = (uint8_t)i;
        }
    }
    return MR_OK;
}

static refusal number_refusal(file_number status)
{
    switch (status) {
    case FILE_NUMBER_OK:
        return NULL;
    case FILE_NUMBER_RANGE:
        return out_of_range;
    case FILE_NUMBER_FRACTION:
        return "has decimals that do not fit";
    case FILE_NUMBER_NONE:
        break;
    }
    return not_a_number;
}

static refusal to_int(const char *text, size_t len, mr_type type, mr_cell *ret)
{
    file_number status = file_parse_int64(text, len, &ret->as.i);
    if (status == FILE_NUMBER_OK && type == MR_INT &&
        (ret->as.i < INT32_MIN || ret->as.i > INT32_MAX)) {
        status = FILE_NUMBER_RANGE;
    }
    return number_refusal(status);
}

static refusal to_double(const char *text, size_t len, mr_type type, mr_cell *ret)
{
    file_number status = file_parse_double(text, len, &ret->as.d);
    if (status == FILE_NUMBER_OK && type == MR_FLOAT) {
        double wide = ret->as.d;
        ret->as.d = (double)(float)wide;
        if (isinf(ret->as.d) && !isinf(wide)) {
            status = FILE_NUMBER_RANGE;
        }
    }
    return number_refusal(status);
}

static refusal to_bool(const char *text, size_t len, mr_cell *ret)
{
    static const char *const words[] = {"false", "f", "no", "n", "0", "true", "t", "yes", "y", "1"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strlen(words[i]) == len && strncasecmp(words[i], text, len) == 0) {
            ret->as.i = i >= 5;
            return NULL;
        }
    }
    return "is not a boolean (true, false, t, f, yes, no, y, n, 1, 0)";
}

static refusal to_timestamp(const file_texts *texts, const char *text, size_t len, mr_type type,
                            mr_cell *ret)
{
    file_timestamp at;
    bool local = type == MR_LOCAL_TIMESTAMP_MS || type == MR_LOCAL_TIMESTAMP_US;
    if (!file_texts_timestamp(texts, text, len, &at)) {
        return texts->formats.count ? "fits none of time.formats"
                                    : "is not a timestamp (YYYY-MM-DD HH:MM:SS[.ffffff][zone])";
    }
    if (local && at.zoned) {
        return "has a time zone, which a local timestamp can not keep; use a timestamp type";
    }
    if (!local && !at.zoned && texts->zone && !file_zone_to_utc(texts->zone, at.us, &at.us)) {
        return "does not exist in time.zone: the clocks were put forward over it";
    }
    if (type == MR_TIMESTAMP_US || type == MR_LOCAL_TIMESTAMP_US) {
        ret->as.i = at.us;
        return at.extra_ns ? "is finer than microseconds" : NULL;
    }
    int64_t part = at.us % 1000;
    ret->as.i = (at.us - part) / 1000;
    return at.extra_ns || part ? "is finer than milliseconds" : NULL;
}

static refusal to_time(const file_texts *texts, const char *text, size_t len, mr_type type,
                       mr_cell *ret)
{
    int64_t ns, unit = type == MR_TIME_MS ? 1000000 : 1000;
    if (!file_texts_time(texts, text, len, &ns)) {
        return texts->formats.count ? "fits none of time.formats"
                                    : "is not a time of day (HH:MM:SS[.ffffff])";
    }
    ret->as.i = ns / unit;
    if (ns % unit) {
        return type == MR_TIME_MS ? "is finer than milliseconds" : "is finer than microseconds";
    }
    return NULL;
}

static refusal to_date(const file_texts *texts, const char *text, size_t len, mr_cell *ret)
{
    return file_texts_date(texts, text, len, &ret->as.i) ? NULL
           : texts->formats.count                        ? "fits none of time.formats"
                                                         : "is not a date (YYYY-MM-DD)";
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool unhex(const char *text, size_t len, char *out)
{
    for (size_t i = 0; i + 1 < len; i += 2) {
        int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i / 2] = (char)(high * 16 + low);
    }
    return len % 2 == 0;
}

static refusal to_bytes(const char *text, size_t len, const mr_schema *schema, mr_arena *arena,
                        mr_cell *ret)
{
    ret->as.text = text;
    ret->len = (uint32_t)len;
    if (len >= 2 && text[0] == '\\' && text[1] == 'x') {
        char *bytes = mr_arena_alloc(arena, len / 2);
        if (!unhex(text + 2, len - 2, bytes)) {
            return "starts with \\x but is not pairs of hex digits";
        }
        ret->as.text = bytes;
        ret->len = (uint32_t)(len / 2 - 1);
    }
    return schema->type == MR_FIXED && ret->len != schema->size_bytes ? "has not the fixed size"
                                                                      : NULL;
}

static refusal to_uuid(const char *text, size_t len, const mr_schema *schema, mr_arena *arena,
                       mr_cell *ret)
{
    static const char shape[] = "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh";
    char digits[32];
    size_t count = 0;
    bool good = len == sizeof shape - 1;
    for (size_t i = 0; good && i < len; i++) {
        good = shape[i] == '-' ? text[i] == '-' : hex_digit(text[i]) >= 0;
        if (good && shape[i] == 'h') {
            digits[count++] = text[i];
        }
    }
    if (!good) {
        return "is not a UUID (8-4-4-4-12 hex digits)";
    }
    ret->as.text = text;
    ret->len = (uint32_t)len;
    if (schema->base == MR_FIXED) {
        char *bytes = mr_arena_alloc(arena, 16);
        unhex(digits, count, bytes);
        ret->as.text = bytes;
        ret->len = 16;
    }
    return NULL;
}

static refusal to_enum(const char *text, size_t len, const mr_schema *schema, mr_cell *ret)
{
    for (size_t i = 0; i < schema->symbol_count; i++) {
        if (strlen(schema->symbols[i]) == len && memcmp(schema->symbols[i], text, len) == 0) {
            ret->symbol = (uint16_t)i;
            ret->as.text = schema->symbols[i];
            ret->len = (uint32_t)len;
            return NULL;
        }
    }
    return "is not one of the enum's symbols";
}

static refusal to_decimal(const char *text, size_t len, const mr_schema *schema, mr_arena *arena,
                          mr_cell *ret)
{
    enum { LARGEST_PRECISION = 10000 }; /* conversion takes the square of it */
    int precision = schema->precision < LARGEST_PRECISION ? schema->precision : LARGEST_PRECISION;
    bool fixed = schema->base == MR_FIXED;
    size_t size = fixed ? schema->size_bytes : (size_t)precision / 2 + 2, used;
    char *out = mr_arena_alloc(arena, size);
    file_decimal to = {precision, schema->scale, (unsigned char *)out, size};
    file_number status = file_parse_decimal(text, len, to, &used);
    ret->as.text = fixed ? out : out + size - used;
    ret->len = (uint32_t)(fixed ? size : used);
    return status == FILE_NUMBER_FRACTION ? "has more decimals than the scale allows"
                                          : number_refusal(status);
}

static refusal to_duration(const char *text, size_t len, mr_arena *arena, mr_cell *ret)
{
    uint32_t parts[3];
    if (!file_parse_duration(text, len, parts)) {
        return "is not a duration (P1Y2M3DT4H5M6S)";
    }
    unsigned char *out = mr_arena_alloc(arena, 12);
    for (size_t i = 0; i < 12; i++) {
        out[i] = (unsigned char)(parts[i / 4] >> (8 * (i % 4)));
    }
    ret->as.text = (const char *)out;
    ret->len = 12;
    return NULL;
}

static refusal convert(const file_column *column, const file_texts *texts, const char *text,
                       size_t len, mr_arena *arena, mr_cell *ret)
{
    mr_type type = (mr_type)column->type;
    switch (type) {
    case MR_STRING:
        ret->as.text = text;
        ret->len = (uint32_t)len;
        return NULL;
    case MR_INT:
    case MR_LONG:
        return to_int(text, len, type, ret);
    case MR_FLOAT:
    case MR_DOUBLE:
        return to_double(text, len, type, ret);
    case MR_TIMESTAMP_MS:
    case MR_TIMESTAMP_US:
    case MR_LOCAL_TIMESTAMP_MS:
    case MR_LOCAL_TIMESTAMP_US:
        return to_timestamp(texts, text, len, type, ret);
    case MR_DATE:
        return to_date(texts, text, len, ret);
    case MR_TIME_MS:
    case MR_TIME_US:
        return to_time(texts, text, len, type, ret);
    case MR_BOOL:
        return to_bool(text, len, ret);
    case MR_DECIMAL:
        return to_decimal(text, len, column->schema, arena, ret);
    case MR_UUID:
        return to_uuid(text, len, column->schema, arena, ret);
    case MR_ENUM:
        return to_enum(text, len, column->schema, ret);
    case MR_DURATION:
        return to_duration(text, len, arena, ret);
    default:
        return to_bytes(text, len, column->schema, arena, ret);
    }
}

static mr_status refuse(const file_column *column, mr_slice text, refusal why, mr_error *err)
{
    enum { SHOWN_BYTES = 80 };
    char type[160];
    mr_type t = (mr_type)column->type;
    if (t == MR_DECIMAL) {
        snprintf(type, sizeof type, "decimal(%d, %d)", column->schema->precision,
                 column->schema->scale);
    } else if (t == MR_FIXED || t == MR_ENUM) {
        snprintf(type, sizeof type, "%s %s", mr_type_name(t), column->schema->name);
    } else {
        snprintf(type, sizeof type, "%s", mr_type_name(t));
    }
    size_t shown = text.len < SHOWN_BYTES ? text.len : SHOWN_BYTES;
    while (shown < text.len && shown && ((unsigned char)text.data[shown] & 0xC0) == 0x80) {
        shown--; /* never cut inside a character */
    }
    mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
            "column \"%s\": \"%.*s\"%s %s; the schema says %s%s. Correct the line, or give a "
            "`schema` in which the column has a type that fits",
            column->field->name, (int)shown, text.data, shown < text.len ? "..." : "", why, type,
            column->nullable ? " or null" : "");
    mr_error_field(err, column->field->name);
    return MR_REJECT;
}

/* Texts have a use for an empty text; for a number or a time it can only mean that there is none.
 */
static inline bool takes_any_text(uint8_t type)
{
    return type == MR_STRING || type == MR_BYTES;
}

static inline bool is_null(const file_column *column, const mr_csv_field *text,
                           const file_texts *texts)
{
    if (!column->nullable) {
        return false;
    }
    if (!text->len && !takes_any_text(column->type)) {
        return true;
    }
    return (!text->quoted || !takes_any_text(column->type)) &&
           file_texts_is_null(texts, text->data, text->len);
}

mr_status file_convert(const file_column *column, const mr_csv_field *text, const file_texts *texts,
                       mr_arena *arena, mr_cell *ret, mr_error *err)
{
    if (is_null(column, text, texts)) {
        *ret = (mr_cell){.type = MR_NULL, .branch = column->null_branch};
        return MR_OK;
    }
    mr_slice plain = {text->data, text->len};
    if (text->escaped) {
        char *copy = mr_arena_alloc(arena, text->len);
        plain = (mr_slice){copy, mr_csv_unescape(text, copy)};
    }
    *ret = (mr_cell){.type = column->type, .branch = column->branch};
    refusal why = convert(column, texts, plain.data, plain.len, arena, ret);
    if (why) {
        bool empty = !plain.len && !takes_any_text(column->type) && !column->nullable;
        return refuse(column, plain, empty ? "is empty, and the column is not nullable" : why, err);
    }
    return MR_OK;
}
