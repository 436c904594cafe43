/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite's values have a class of their own, whatever was declared: 9223372036854775807 + 1 is a
 * REAL. Conversions here lose nothing, or the row is rejected.
 */
#include "transform/value.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "transform/cell_text.h"
#include "transform/decimal.h"
#include "transform/plan.h"

static mr_status reject(const mr_output *output, mr_error *err, const char *format, const char *a)
{
    char text[300];
    snprintf(text, sizeof text, format, a);
    mr_fail(err, MR_REJECT, MR_DOMAIN_TRANSFORM, "column %s: %s", output->name, text);
    mr_error_field(err, output->name);
    return MR_REJECT;
}

static mr_status reject_value(sqlite3_value *value, const mr_output *output, mr_error *err)
{
    char found[80];
    mr_value_show(value, found, sizeof found);
    mr_fail(err, MR_REJECT, MR_DOMAIN_TRANSFORM,
            "column %s: the query gives %s, which is no %s; CAST(... AS type) sets another type",
            output->name, found, mr_sql_type_name(output->type.type));
    mr_error_field(err, output->name);
    return MR_REJECT;
}

static bool whole_number(sqlite3_value *value, int64_t *ret)
{
    int class = sqlite3_value_type(value);
    if (class == SQLITE_INTEGER) {
        *ret = sqlite3_value_int64(value);
        return true;
    }
    double d = class == SQLITE_FLOAT ? sqlite3_value_double(value) : NAN;
    if (!(fabs(d) <= 9007199254740992.0) || d != floor(d)) { /* 2^53: exact up to here */
        return false;
    }
    *ret = (int64_t)d;
    return true;
}

static mr_status integer_cell(sqlite3_value *value, const mr_output *output, mr_cell *ret,
                              mr_error *err)
{
    int64_t i;
    if (!whole_number(value, &i) || (output->type.type == MR_BOOL && i != 0 && i != 1) ||
        (output->type.type == MR_DATE && (i < INT32_MIN || i > INT32_MAX))) {
        return reject_value(value, output, err);
    }
    ret->as.i = i;
    return MR_OK;
}

static mr_status double_cell(sqlite3_value *value, const mr_output *output, mr_cell *ret,
                             mr_error *err)
{
    int class = sqlite3_value_type(value);
    ret->as.d = sqlite3_value_double(value);
    if (class == SQLITE_FLOAT ||
        (class == SQLITE_INTEGER && fabs(ret->as.d) < 9223372036854775807.0 &&
         (int64_t)ret->as.d == sqlite3_value_int64(value))) {
        return MR_OK;
    }
    return reject_value(value, output, err);
}

static mr_status text_cell(sqlite3_value *value, const mr_output *output, mr_arena *arena,
                           mr_cell *ret, mr_error *err)
{
    int class = sqlite3_value_type(value);
    if (class == SQLITE_BLOB) {
        return reject_value(value, output, err);
    }
    if (class == SQLITE_FLOAT) { /* SQLite's own text has 15 digits only */
        char number[32];
        ret->len = (uint32_t)mr_double_text(sqlite3_value_double(value), number);
        ret->as.text = mr_arena_copy(arena, number, ret->len);
        return MR_OK;
    }
    const char *text = (const char *)sqlite3_value_text(value);
    size_t len = (size_t)sqlite3_value_bytes(value);
    if (!mr_utf8_valid(text, len)) {
        return reject(output, err, "the text is not valid UTF-8%s; hex() shows its bytes", "");
    }
    if (output->type.type == MR_UUID && len != 36) {
        return reject_value(value, output, err);
    }
    ret->len = (uint32_t)len;
    ret->as.text = mr_arena_copy(arena, text, len);
    return MR_OK;
}

static mr_status bytes_cell(sqlite3_value *value, const mr_output *output, mr_arena *arena,
                            mr_cell *ret, mr_error *err)
{
    if (sqlite3_value_type(value) != SQLITE_BLOB) {
        return reject_value(value, output, err);
    }
    const void *data = sqlite3_value_blob(value);
    ret->len = (uint32_t)sqlite3_value_bytes(value);
    ret->as.text = mr_arena_copy(arena, data, ret->len);
    return MR_OK;
}

static bool value_decimal(sqlite3_value *value, mr_decimal *ret)
{
    if (sqlite3_value_type(value) == SQLITE_FLOAT) {
        return mr_decimal_from_double(sqlite3_value_double(value), ret);
    }
    if (sqlite3_value_type(value) == SQLITE_BLOB) {
        return false;
    }
    const char *text = (const char *)sqlite3_value_text(value);
    return mr_decimal_parse(text, (size_t)sqlite3_value_bytes(value), ret);
}

static mr_status decimal_cell(sqlite3_value *value, const mr_output *output, mr_arena *arena,
                              mr_cell *ret, mr_error *err)
{
    mr_decimal exact, rounded;
    if (!value_decimal(value, &exact) || !mr_decimal_round(&exact, output->type.scale, &rounded) ||
        mr_decimal_compare(&exact, &rounded) != 0 ||
        mr_decimal_digits(&rounded) > output->type.precision) {
        char found[80], text[200];
        mr_value_show(value, found, sizeof found);
        snprintf(text, sizeof text, "%s is no decimal(%d, %d)", found, output->type.precision,
                 output->type.scale);
        return reject(output, err, "%s; dec_round() or CAST(... AS DECIMAL(p, s)) makes it fit",
                      text);
    }
    char bytes[MR_DECIMAL_BYTES_MAX + 16];
    ret->len = (uint32_t)mr_decimal_to_bytes(&rounded, bytes);
    ret->as.text = mr_arena_copy(arena, bytes, ret->len);
    return MR_OK;
}

mr_status mr_value_cell(sqlite3_value *value, const mr_output *output, mr_arena *arena,
                        mr_cell *ret, mr_error *err)
{
    *ret = (mr_cell){.type = (uint8_t)output->type.type, .branch = output->type.nullable};
    if (sqlite3_value_type(value) == SQLITE_NULL) {
        if (!output->type.nullable) {
            return reject(output, err, "the query gives NULL where the schema wants a value%s", "");
        }
        *ret = (mr_cell){.type = MR_NULL};
        return MR_OK;
    }
    switch (output->type.type) {
    case MR_DOUBLE:
        return double_cell(value, output, ret, err);
    case MR_STRING:
    case MR_UUID:
        return text_cell(value, output, arena, ret, err);
    case MR_BYTES:
        return bytes_cell(value, output, arena, ret, err);
    case MR_DECIMAL:
        return decimal_cell(value, output, arena, ret, err);
    default:
        return integer_cell(value, output, ret, err);
    }
}
