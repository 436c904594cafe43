/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any value as JSON text, for json, jsonb and text columns. Numbers are written exactly (decimals
 * as JSON numbers with all their digits), times in ISO 8601, bytes as "\x..." in hexadecimal like
 * PostgreSQL's own bytea output, NaN and the infinities as strings, since JSON has none.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/pgcopy.h"
#include "codec/text.h"
#include "sinks/postgres/postgres.h"

enum { DEPTH_MAX = 64 };

static const int64_t DAY_US = INT64_C(86400000000);

static bool write_value(mr_buffer *out, const mr_schema *schema, const mr_cell *cell, int depth,
                        mr_error *err);

/* Rejects the record, with a SQLSTATE as if the server had. */
static bool no_form(mr_error *err, const char *state)
{
    mr_error_code(err, 0, state);
    return false;
}

static bool write_text(mr_buffer *out, const char *text, size_t len, mr_error *err)
{
    size_t at;
    if (mr_pg_check_text(text, len, &at) != MR_PG_TEXT_OK) {
        mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
                "byte %zu of a text inside of it is %s, which JSON in PostgreSQL can not hold", at,
                text[at] ? "not UTF-8" : "zero (NUL)");
        return no_form(err, "22021");
    }
    mr_json_text(text, len, out);
    return true;
}

static void write_hex(mr_buffer *out, const char *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    mr_buffer_add_text(out, "\"\\\\x");
    for (size_t i = 0; i < len; i++) {
        mr_buffer_add_char(out, digits[(unsigned char)bytes[i] >> 4]);
        mr_buffer_add_char(out, digits[bytes[i] & 15]);
    }
    mr_buffer_add_char(out, '"');
}

/* The shortest digits that read back as the same number. */
static void write_double(mr_buffer *out, double v, bool single)
{
    if (!isfinite(v)) {
        mr_buffer_add_text(out, isnan(v) ? "\"NaN\"" : v > 0 ? "\"Infinity\"" : "\"-Infinity\"");
        return;
    }
    char text[MR_NUMBER_TEXT_BYTES];
    size_t len = single ? mr_float_text((float)v, text) : mr_double_text(v, text);
    mr_buffer_add(out, text, len);
}

static bool write_decimal(mr_buffer *out, const mr_schema *schema, const mr_cell *cell,
                          mr_error *err)
{
    if (!mr_pg_decimal_text(out, cell->as.text, cell->len, schema->scale)) {
        mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD, "a decimal of %u bytes is too long", cell->len);
        return no_form(err, "22003");
    }
    return true;
}

static void write_duration(mr_buffer *out, const mr_cell *cell)
{
    uint32_t part[3] = {0};
    memcpy(part, cell->as.text, cell->len < sizeof part ? cell->len : sizeof part);
    mr_buffer_printf(out, "\"P%uM%uDT%u.%03uS\"", part[0], part[1], part[2] / 1000, part[2] % 1000);
}

/* Times in quotes. Years of a timestamp in milliseconds may be beyond what microseconds hold. */
static bool write_time(mr_buffer *out, const mr_cell *cell, mr_error *err)
{
    int64_t v = cell->as.i;
    bool ms = cell->type == MR_TIME_MS || cell->type == MR_TIMESTAMP_MS ||
              cell->type == MR_LOCAL_TIMESTAMP_MS;
    if (ms && __builtin_mul_overflow(v, 1000, &v)) {
        mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD, "timestamp %" PRId64 " ms is out of range",
                cell->as.i);
        return no_form(err, "22008");
    }
    bool of_day = cell->type == MR_TIME_MS || cell->type == MR_TIME_US;
    if (of_day && (v < 0 || v > DAY_US)) {
        mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD, "%s", PG_NO_TIME_OF_DAY);
        return no_form(err, "22008");
    }
    mr_buffer_add_char(out, '"');
    if (cell->type == MR_DATE) {
        mr_pg_date_text(out, v);
    } else if (of_day) {
        mr_pg_time_text(out, v);
    } else {
        mr_pg_timestamp_text(out, v,
                             cell->type == MR_TIMESTAMP_MS || cell->type == MR_TIMESTAMP_US);
    }
    mr_buffer_add_char(out, '"');
    return true;
}

const mr_schema *pg_branch_of(const mr_schema *schema, const mr_cell *cell)
{
    if (schema->type != MR_UNION) {
        return schema;
    }
    if (cell->branch < schema->branch_count &&
        schema->branches[cell->branch]->type == (mr_type)cell->type) {
        return schema->branches[cell->branch];
    }
    for (size_t i = 0; i < schema->branch_count; i++) {
        if (schema->branches[i]->type == (mr_type)cell->type) {
            return schema->branches[i];
        }
    }
    return schema;
}

static bool write_record(mr_buffer *out, const mr_schema *schema, const mr_cell *cell, int depth,
                         mr_error *err)
{
    mr_buffer_add_char(out, '{');
    for (size_t i = 0; i < schema->field_count && i < cell->len; i++) {
        if (i) {
            mr_buffer_add_char(out, ',');
        }
        const char *name = schema->fields[i].name;
        if (!write_text(out, name, strlen(name), err)) {
            return false;
        }
        mr_buffer_add_char(out, ':');
        if (!write_value(out, schema->fields[i].schema, &cell->as.cells[i], depth, err)) {
            return false;
        }
    }
    mr_buffer_add_char(out, '}');
    return true;
}

static bool write_map(mr_buffer *out, const mr_schema *schema, const mr_cell *cell, int depth,
                      mr_error *err)
{
    mr_buffer_add_char(out, '{');
    for (size_t i = 0; i < cell->len; i++) {
        const mr_cell *key = &cell->as.cells[2 * i];
        if (i) {
            mr_buffer_add_char(out, ',');
        }
        if (!write_text(out, key->as.text, key->len, err)) {
            return false;
        }
        mr_buffer_add_char(out, ':');
        if (!write_value(out, schema->items, key + 1, depth, err)) {
            return false;
        }
    }
    mr_buffer_add_char(out, '}');
    return true;
}

static bool write_array(mr_buffer *out, const mr_schema *schema, const mr_cell *cell, int depth,
                        mr_error *err)
{
    mr_buffer_add_char(out, '[');
    for (size_t i = 0; i < cell->len; i++) {
        if (i) {
            mr_buffer_add_char(out, ',');
        }
        if (!write_value(out, schema->items, &cell->as.cells[i], depth, err)) {
            return false;
        }
    }
    mr_buffer_add_char(out, ']');
    return true;
}

static bool write_value(mr_buffer *out, const mr_schema *schema, const mr_cell *cell, int depth,
                        mr_error *err)
{
    if (depth > DEPTH_MAX) {
        mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD, "nested deeper than %d levels", DEPTH_MAX);
        return no_form(err, "54001");
    }
    const mr_schema *branch = pg_branch_of(schema, cell);
    switch ((mr_type)cell->type) {
    case MR_NULL:
        mr_buffer_add_text(out, "null");
        return true;
    case MR_BOOL:
        mr_buffer_add_text(out, cell->as.i ? "true" : "false");
        return true;
    case MR_INT:
    case MR_LONG:
        mr_buffer_printf(out, "%" PRId64, cell->as.i);
        return true;
    case MR_FLOAT:
    case MR_DOUBLE:
        write_double(out, cell->as.d, cell->type == MR_FLOAT);
        return true;
    case MR_BYTES:
    case MR_FIXED:
        write_hex(out, cell->as.text, cell->len);
        return true;
    case MR_DECIMAL:
        return write_decimal(out, branch, cell, err);
    case MR_DURATION:
        write_duration(out, cell);
        return true;
    case MR_STRING:
    case MR_ENUM:
        return write_text(out, cell->as.text, cell->len, err);
    case MR_UUID:
        if (branch->base == MR_FIXED) {
            mr_buffer_add_char(out, '"');
            mr_pg_uuid_text(out, cell->as.text);
            mr_buffer_add_char(out, '"');
            return true;
        }
        return write_text(out, cell->as.text, cell->len, err);
    case MR_RECORD:
        return write_record(out, branch, cell, depth + 1, err);
    case MR_MAP:
        return write_map(out, branch, cell, depth + 1, err);
    case MR_ARRAY:
        return write_array(out, branch, cell, depth + 1, err);
    default:
        return write_time(out, cell, err);
    }
}

bool pg_json_write(mr_buffer *out, const mr_schema *schema, const mr_cell *cell, mr_error *err)
{
    return write_value(out, schema, cell, 0, err);
}
