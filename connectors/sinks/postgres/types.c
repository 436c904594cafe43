/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which Avro type may go to which PostgreSQL type, and how: one table of (type, column type,
 * writer), read when a plan is made, so that a row is a walk over function pointers. A text may
 * also go to a column of any other type: it is staged as text and cast by the server in the merge.
 * docs/types.md is this table for users.
 */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/pgcopy.h"
#include "sinks/postgres/postgres.h"

enum { QUOTED_MAX = 60 };

static const int64_t DAY_US = INT64_C(86400000000);

/* A value that has no form in its column: SQLSTATE, and a reason that follows the field's name. */
static bool no_form(mr_error *err, const char *state, const char *reason)
{
    mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD, "%s", reason);
    mr_error_code(err, 0, state);
    return false;
}

static bool out_of_range(mr_error *err, const pg_column *column, const mr_cell *cell)
{
    char reason[200];
    if (cell->type == MR_DOUBLE || cell->type == MR_FLOAT) {
        snprintf(reason, sizeof reason, "%.17g is out of the range of %s", cell->as.d,
                 column->target_type);
    } else {
        snprintf(reason, sizeof reason, "%" PRId64 " is out of the range of %s", cell->as.i,
                 column->target_type);
    }
    return no_form(err, "22003", reason);
}

/* --- Numbers ---------------------------------------------------------------------------------- */

static bool write_bool(mr_buffer *out, const pg_column *column, const mr_cell *cell, mr_error *err)
{
    (void)column;
    (void)err;
    mr_pg_bool(out, cell->as.i != 0);
    return true;
}

static bool write_int2(mr_buffer *out, const pg_column *column, const mr_cell *cell, mr_error *err)
{
    if (cell->as.i < INT16_MIN || cell->as.i > INT16_MAX) {
        return out_of_range(err, column, cell);
    }
    mr_pg_int16(out, (int16_t)cell->as.i);
    return true;
}

static bool write_int4(mr_buffer *out, const pg_column *column, const mr_cell *cell, mr_error *err)
{
    if (cell->as.i < INT32_MIN || cell->as.i > INT32_MAX) {
        return out_of_range(err, column, cell);
    }
    mr_pg_int32(out, (int32_t)cell->as.i);
    return true;
}

static bool write_int8(mr_buffer *out, const pg_column *column, const mr_cell *cell, mr_error *err)
{
    (void)column;
    (void)err;
    mr_pg_int64(out, cell->as.i);
    return true;
}

static bool int_to_numeric(mr_buffer *out, const pg_column *column, const mr_cell *cell,
                           mr_error *err)
{
    (void)column;
    (void)err;
    mr_pg_numeric_int(out, cell->as.i);
    return true;
}

static bool int_to_float4(mr_buffer *out, const pg_column *column, const mr_cell *cell,
                          mr_error *err)
{
    (void)column;
    (void)err;
    mr_pg_float4(out, (float)cell->as.i);
    return true;
}

static bool int_to_float8(mr_buffer *out, const pg_column *column, const mr_cell *cell,
                          mr_error *err)
{
    (void)column;
    (void)err;
    mr_pg_float8(out, (double)cell->as.i);
    return true;
}

/* Like PostgreSQL's own cast: neither to infinity nor, from something, to nothing. */
static bool write_float4(mr_buffer *out, const pg_column *column, const mr_cell *cell,
                         mr_error *err)
{
    double v = cell->as.d;
    bool vanishes = v != 0 && (float)v == 0;
    if (isfinite(v) && (fabs(v) > (double)FLT_MAX || vanishes)) {
        return out_of_range(err, column, cell);
    }
    mr_pg_float4(out, (float)v);
    return true;
}

static bool write_float8(mr_buffer *out, const pg_column *column, const mr_cell *cell,
                         mr_error *err)
{
    (void)column;
    (void)err;
    mr_pg_float8(out, cell->as.d);
    return true;
}

/* Shortest text that reads back as the same number, then its digits. */
static bool float_to_numeric(mr_buffer *out, const pg_column *column, const mr_cell *cell,
                             mr_error *err)
{
    (void)column;
    mr_buffer text = MR_BUFFER_INIT(256);
    (void)pg_json_write(&text, column->schema, cell, err);
    const char *digits = mr_buffer_text(&text);
    size_t len = text.len;
    if (len > 1 && digits[0] == '"') { /* "NaN", "-Infinity" */
        digits++;
        len -= 2;
    }
    (void)mr_pg_numeric_text(out, digits, len);
    mr_buffer_release(&text);
    return true;
}

static bool write_decimal(mr_buffer *out, const pg_column *column, const mr_cell *cell,
                          mr_error *err)
{
    if (!mr_pg_numeric(out, cell->as.text, cell->len, column->scale)) {
        return no_form(err, "22003", "the decimal has more digits than numeric can hold");
    }
    return true;
}

/* --- Texts and bytes --- */

static bool check_text(const mr_cell *cell, mr_error *err)
{
    size_t at = 0;
    mr_pg_text verdict = mr_pg_check_text(cell->as.text, cell->len, &at);
    if (verdict == MR_PG_TEXT_OK) {
        return true;
    }
    char reason[200];
    if (verdict == MR_PG_TEXT_NUL) {
        snprintf(reason, sizeof reason,
                 "byte %zu of the text is zero (NUL), which PostgreSQL's text can not hold", at);
        return no_form(err, "22021", reason);
    }
    snprintf(reason, sizeof reason, "the text is not UTF-8: byte 0x%02x at %zu",
             (unsigned char)cell->as.text[at], at);
    return no_form(err, "22021", reason);
}

static bool write_text(mr_buffer *out, const pg_column *column, const mr_cell *cell, mr_error *err)
{
    (void)column;
    if (!check_text(cell, err)) {
        return false;
    }
    mr_pg_bytes(out, cell->as.text, cell->len);
    return true;
}

/* varchar(n), char(n): n characters. */
static bool check_length(const pg_column *column, const char *text, size_t len, mr_error *err)
{
    size_t limit = column->modifier >= VARHDRSZ ? (size_t)(column->modifier - VARHDRSZ) : SIZE_MAX;
    size_t chars = len > limit ? mr_pg_text_chars(text, len) : len;
    if (chars <= limit) {
        return true;
    }
    char reason[200];
    snprintf(reason, sizeof reason, "the text has %zu characters, %s takes %zu", chars,
             column->target_type, limit);
    return no_form(err, "22001", reason);
}

static bool write_limited(mr_buffer *out, const pg_column *column, const mr_cell *cell,
                          mr_error *err)
{
    if (!check_text(cell, err) || !check_length(column, cell->as.text, cell->len, err)) {
        return false;
    }
    mr_pg_bytes(out, cell->as.text, cell->len);
    return true;
}

static bool write_bytes(mr_buffer *out, const pg_column *column, const mr_cell *cell, mr_error *err)
{
    (void)column;
    (void)err;
    mr_pg_bytes(out, cell->as.text, cell->len);
    return true;
}

static bool write_uuid(mr_buffer *out, const pg_column *column, const mr_cell *cell, mr_error *err)
{
    if (column->schema->base == MR_FIXED) {
        mr_pg_bytes(out, cell->as.text, cell->len);
        return true;
    }
    if (!mr_pg_uuid(out, cell->as.text, cell->len)) {
        char reason[200];
        snprintf(reason, sizeof reason, "'%.*s' is no uuid",
                 (int)(cell->len < QUOTED_MAX ? cell->len : QUOTED_MAX), cell->as.text);
        return no_form(err, "22P02", reason);
    }
    return true;
}

static bool text_to_numeric(mr_buffer *out, const pg_column *column, const mr_cell *cell,
                            mr_error *err)
{
    (void)column;
    if (!mr_pg_numeric_text(out, cell->as.text, cell->len)) {
        char reason[200];
        snprintf(reason, sizeof reason, "'%.*s' is no number that numeric can hold",
                 (int)(cell->len < QUOTED_MAX ? cell->len : QUOTED_MAX), cell->as.text);
        return no_form(err, "22P02", reason);
    }
    return true;
}

/* Backfills the length of a value that was appended after it. */
static void end_value(mr_buffer *out, size_t start)
{
    if (!out->failed) {
        mr_pg_store32(out->data + start, (uint32_t)(out->len - start - 4));
    }
}

static bool write_json(mr_buffer *out, const pg_column *column, const mr_cell *cell, mr_error *err)
{
    size_t start = out->len;
    (void)mr_pg_room(out, 4);
    if (!pg_json_write(out, column->schema, cell, err)) {
        return false;
    }
    end_value(out, start);
    return true;
}

static bool write_jsonb(mr_buffer *out, const pg_column *column, const mr_cell *cell, mr_error *err)
{
    size_t start = out->len;
    (void)mr_pg_room(out, 4);
    mr_buffer_add_char(out, 1); /* version of jsonb's binary form */
    if (!pg_json_write(out, column->schema, cell, err)) {
        return false;
    }
    end_value(out, start);
    return true;
}

/* A text that is JSON already; the server checks it. */
static bool text_to_jsonb(mr_buffer *out, const pg_column *column, const mr_cell *cell,
                          mr_error *err)
{
    (void)column;
    if (!check_text(cell, err)) {
        return false;
    }
    size_t start = out->len;
    (void)mr_pg_room(out, 4);
    mr_buffer_add_char(out, 1);
    mr_buffer_add(out, cell->as.text, cell->len);
    end_value(out, start);
    return true;
}

/* Is the value a text already, in the type it has or in the branch of a union it was read as? */
static bool is_text(const mr_schema *schema, const mr_cell *cell)
{
    return cell->type == MR_STRING || cell->type == MR_ENUM ||
           (cell->type == MR_UUID && pg_branch_of(schema, cell)->base != MR_FIXED);
}

/* Takes the quotes off the JSON text from `start` on: of times, uuids and bytes, which have no
 * escapes in them but the one of "\\x". */
static void strip_quotes(mr_buffer *out, size_t start)
{
    size_t len = out->len - start;
    if (out->failed || len < 2 || out->data[start] != '"') {
        return;
    }
    size_t from = out->data[start + 1] == '\\' ? 2 : 1;
    memmove(out->data + start, out->data + start + from, len - from - 1);
    out->len -= from + 1;
}

/* Any value as text: a text as it is, anything else in its JSON form without quotes. */
static bool any_to_text(mr_buffer *out, const pg_column *column, const mr_cell *cell, mr_error *err)
{
    if (is_text(column->schema, cell)) {
        return write_limited(out, column, cell, err);
    }
    size_t start = out->len;
    (void)mr_pg_room(out, 4);
    if (!pg_json_write(out, column->schema, cell, err)) {
        return false;
    }
    if (out->failed) {
        return true;
    }
    strip_quotes(out, start + 4);
    end_value(out, start);
    return check_length(column, out->data + start + 4, out->len - start - 4, err);
}

/* --- Times --- */

static bool write_date(mr_buffer *out, const pg_column *column, const mr_cell *cell, mr_error *err)
{
    (void)column;
    if (!mr_pg_date(out, (int32_t)cell->as.i)) {
        return no_form(err, "22008", "the date is out of PostgreSQL's range (4713 BC to 5874897)");
    }
    return true;
}

static bool put_time(mr_buffer *out, int64_t us, mr_error *err)
{
    if (us < 0 || us > DAY_US) {
        return no_form(err, "22008", PG_NO_TIME_OF_DAY);
    }
    mr_pg_int64(out, us);
    return true;
}

static bool time_us(mr_buffer *out, const pg_column *column, const mr_cell *cell, mr_error *err)
{
    (void)column;
    return put_time(out, cell->as.i, err);
}

static bool time_ms(mr_buffer *out, const pg_column *column, const mr_cell *cell, mr_error *err)
{
    (void)column;
    return put_time(out, cell->as.i * 1000, err);
}

/* v in units of `unit_us` microseconds. */
static bool put_timestamp(mr_buffer *out, int64_t v, int64_t unit_us, mr_error *err)
{
    int64_t us;
    if (__builtin_mul_overflow(v, unit_us, &us) || !mr_pg_timestamp(out, us)) {
        return no_form(err, "22008",
                       "the timestamp is out of PostgreSQL's range (4713 BC to 294276 AD)");
    }
    return true;
}

static bool timestamp_us(mr_buffer *out, const pg_column *column, const mr_cell *cell,
                         mr_error *err)
{
    (void)column;
    return put_timestamp(out, cell->as.i, 1, err);
}

static bool timestamp_ms(mr_buffer *out, const pg_column *column, const mr_cell *cell,
                         mr_error *err)
{
    (void)column;
    return put_timestamp(out, cell->as.i, 1000, err);
}

static bool date_to_timestamp(mr_buffer *out, const pg_column *column, const mr_cell *cell,
                              mr_error *err)
{
    (void)column;
    return put_timestamp(out, cell->as.i, DAY_US, err);
}

static bool write_interval(mr_buffer *out, const pg_column *column, const mr_cell *cell,
                           mr_error *err)
{
    (void)column;
    const unsigned char *b = (const unsigned char *)cell->as.text;
    uint32_t part[3];
    for (size_t i = 0; i < 3 && cell->len == 12; i++) {
        part[i] = (uint32_t)b[4 * i] | (uint32_t)b[4 * i + 1] << 8 | (uint32_t)b[4 * i + 2] << 16 |
                  (uint32_t)b[4 * i + 3] << 24;
    }
    if (cell->len != 12 || part[0] > INT32_MAX || part[1] > INT32_MAX) {
        return no_form(err, "22008", "the duration is out of the range of interval");
    }
    mr_pg_interval(out, (int64_t)part[2] * 1000, (int32_t)part[1], (int32_t)part[0]);
    return true;
}

/* --- The table --- */

typedef struct pg_pair {
    mr_type from;
    Oid to;
    pg_writer *write;
} pg_pair;

#define INTEGERS(from)                                                                             \
    {from, OID_INT2, write_int2}, {from, OID_INT4, write_int4}, {from, OID_INT8, write_int8},      \
        {from, OID_NUMERIC, int_to_numeric}, {from, OID_FLOAT4, int_to_float4},                    \
    {                                                                                              \
        from, OID_FLOAT8, int_to_float8                                                            \
    }
#define FLOATS(from)                                                                               \
    {from, OID_FLOAT4, write_float4}, {from, OID_FLOAT8, write_float8},                            \
    {                                                                                              \
        from, OID_NUMERIC, float_to_numeric                                                        \
    }
#define TEXTS(from)                                                                                \
    {from, OID_TEXT, write_text}, {from, OID_VARCHAR, write_limited},                              \
        {from, OID_BPCHAR, write_limited},                                                         \
    {                                                                                              \
        from, OID_ENUM, write_text                                                                 \
    }
#define TIMESTAMPS(from, write)                                                                    \
    {from, OID_TIMESTAMPTZ, write},                                                                \
    {                                                                                              \
        from, OID_TIMESTAMP, write                                                                 \
    }

static const pg_pair pairs[] = {
    {MR_BOOL, OID_BOOL, write_bool},
    INTEGERS(MR_INT),
    INTEGERS(MR_LONG),
    FLOATS(MR_FLOAT),
    FLOATS(MR_DOUBLE),
    {MR_BYTES, OID_BYTEA, write_bytes},
    {MR_FIXED, OID_BYTEA, write_bytes},
    TEXTS(MR_STRING),
    {MR_STRING, OID_JSON, write_text},
    {MR_STRING, OID_XML, write_text},
    {MR_STRING, OID_JSONB, text_to_jsonb},
    {MR_STRING, OID_UUID, write_uuid},
    {MR_STRING, OID_NUMERIC, text_to_numeric},
    TEXTS(MR_ENUM),
    {MR_DECIMAL, OID_NUMERIC, write_decimal},
    {MR_UUID, OID_UUID, write_uuid},
    {MR_DATE, OID_DATE, write_date},
    TIMESTAMPS(MR_DATE, date_to_timestamp),
    {MR_TIME_MS, OID_TIME, time_ms},
    {MR_TIME_US, OID_TIME, time_us},
    TIMESTAMPS(MR_TIMESTAMP_MS, timestamp_ms),
    TIMESTAMPS(MR_TIMESTAMP_US, timestamp_us),
    {MR_LOCAL_TIMESTAMP_MS, OID_TIMESTAMP, timestamp_ms},
    {MR_LOCAL_TIMESTAMP_US, OID_TIMESTAMP, timestamp_us},
    {MR_DURATION, OID_INTERVAL, write_interval},
};

static pg_writer *find_writer(mr_type from, Oid to)
{
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (pairs[i].from == from && pairs[i].to == to) {
            return pairs[i].write;
        }
    }
    /* What any type can become; bytes as text would be a guess. */
    bool bytes = from == MR_BYTES || from == MR_FIXED;
    switch (to) {
    case OID_JSON:
        return write_json;
    case OID_JSONB:
        return write_jsonb;
    case OID_TEXT:
    case OID_VARCHAR:
        return bytes ? NULL : any_to_text;
    default:
        return NULL;
    }
}

void pg_column_release(pg_column *column)
{
    free(column->quoted);
    free(column->staged_type);
    free(column->target_type);
    *column = (pg_column){0};
}

mr_status pg_type_choose(pg_column *column, const pg_target_column *target, mr_error *err)
{
    mr_type from = column->schema->type;
    Oid to = target->type_class == 'e' ? OID_ENUM : target->type_id;
    column->target_type = mr_strdup(target->type);
    column->modifier = target->modifier;
    column->scale = column->schema->scale;
    column->write = find_writer(from, to);
    if (!column->write && (from == MR_STRING || from == MR_ENUM || from == MR_NULL)) {
        column->staged_type = mr_strdup("text");
        column->write = write_text;
    }
    if (column->write) {
        return MR_OK;
    }
    mr_buffer wanted = MR_BUFFER_INIT(256);
    pg_ddl_type(column->schema, &wanted);
    mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
            "field %s (Avro %s) can not be written to its column of type %s: convert it in the "
            "route's query, or make the column %s",
            column->name, mr_type_name(from), target->type, mr_buffer_text(&wanted));
    mr_buffer_release(&wanted);
    mr_error_field(err, column->name);
    return MR_FATAL;
}
