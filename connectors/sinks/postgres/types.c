/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which Avro type may go to which PostgreSQL type, and how: one table of (type, column type,
 * writer), read when a plan is made, so that a row is a walk over function pointers. A text may
 * also go to a column of any other type: it is staged as text and cast by the server in the merge.
 * `millrace generate` writes the table out for docs/types.md.
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

enum { QUOTED_MAX = 60, SHOWN_SQL_BYTES = 900 };

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
    if (column->longest_chars && chars > *column->longest_chars) {
        *column->longest_chars = chars;
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

/* --- Arrays --- */

/* array_recv: dimensions, whether there are NULLs, the elements' type, then of the one dimension
 * the length and the first index. */
static char *put_array_head(mr_buffer *out, const pg_column *item, const mr_cell *cell)
{
    char *p = mr_pg_room(out, cell->len ? 20 : 12);
    if (!p) {
        return NULL;
    }
    bool nulls = false;
    for (size_t i = 0; i < cell->len; i++) {
        nulls = nulls || cell->as.cells[i].type == MR_NULL;
    }
    mr_pg_store32(p, cell->len != 0);
    mr_pg_store32(p + 4, nulls);
    mr_pg_store32(p + 8, item->item_id);
    if (cell->len) {
        mr_pg_store32(p + 12, cell->len);
        mr_pg_store32(p + 16, 1);
    }
    return p;
}

static bool write_array(mr_buffer *out, const pg_column *column, const mr_cell *cell, mr_error *err)
{
    size_t start = out->len;
    (void)mr_pg_room(out, 4);
    (void)put_array_head(out, column->item, cell);
    for (size_t i = 0; i < cell->len && !out->failed; i++) {
        const mr_cell *element = &cell->as.cells[i];
        if (element->type == MR_NULL) {
            mr_pg_null(out);
        } else if (!column->item->write(out, column->item, element, err)) {
            mr_error_prefix(err, "element %zu", i + 1);
            return false;
        }
    }
    end_value(out, start);
    return true;
}

/* --- The table --- */

#define ONE(type)  (UINT64_C(1) << (type))
#define INTEGERS   (ONE(MR_INT) | ONE(MR_LONG))
#define FLOATS     (ONE(MR_FLOAT) | ONE(MR_DOUBLE))
#define TEXTS      (ONE(MR_STRING) | ONE(MR_ENUM))
#define RAW        (ONE(MR_BYTES) | ONE(MR_FIXED))
#define TIMES_MS   (ONE(MR_TIMESTAMP_MS) | ONE(MR_LOCAL_TIMESTAMP_MS))
#define TIMES_US   (ONE(MR_TIMESTAMP_US) | ONE(MR_LOCAL_TIMESTAMP_US))
#define EVERY_TYPE (ONE(MR_TYPE_COUNT) - 1)

#define NO_RANGE "out of the column's range (22003)"
#define NO_TEXT  "with a NUL or not UTF-8 (22021)"
#define NO_ROOM  "longer than n characters (22001)"
#define NO_TIME  "out of PostgreSQL's range (22008)"
#define NO_LABEL "no label of the type (22P02)"

/* What may go where. The first row that fits counts. */
static const struct pg_pair {
    uint64_t from; /* Avro types, a bit for each */
    Oid to;
    pg_writer *write;
    const char *refused[2]; /* which values, for users: the record is rejected alone */
} pairs[] = {
    {ONE(MR_BOOL), OID_BOOL, write_bool, {NULL}},
    {INTEGERS, OID_INT2, write_int2, {NO_RANGE}},
    {INTEGERS, OID_INT4, write_int4, {NO_RANGE}},
    {INTEGERS, OID_INT8, write_int8, {NULL}},
    {INTEGERS, OID_NUMERIC, int_to_numeric, {NO_RANGE}},
    {INTEGERS, OID_FLOAT4, int_to_float4, {NULL}},
    {INTEGERS, OID_FLOAT8, int_to_float8, {NULL}},
    {FLOATS, OID_FLOAT4, write_float4, {NO_RANGE}},
    {FLOATS, OID_FLOAT8, write_float8, {NULL}},
    {FLOATS, OID_NUMERIC, float_to_numeric, {NO_RANGE}},
    {RAW, OID_BYTEA, write_bytes, {NULL}},
    {TEXTS, OID_TEXT, write_text, {NO_TEXT}},
    {TEXTS, OID_VARCHAR, write_limited, {NO_TEXT, NO_ROOM}},
    {TEXTS, OID_BPCHAR, write_limited, {NO_TEXT, NO_ROOM}},
    {TEXTS, OID_ENUM, write_text, {NO_TEXT, NO_LABEL}},
    {ONE(MR_STRING), OID_UUID, write_uuid, {"no uuid (22P02)"}},
    {ONE(MR_STRING), OID_NUMERIC, text_to_numeric, {"no number (22P02)"}},
    {ONE(MR_STRING), OID_JSON, write_text, {NO_TEXT, "no JSON (22P02)"}},
    {ONE(MR_STRING), OID_JSONB, text_to_jsonb, {NO_TEXT, "no JSON (22P02)"}},
    {ONE(MR_STRING), OID_XML, write_text, {NO_TEXT, "no XML (2200N)"}},
    {ONE(MR_DECIMAL), OID_NUMERIC, write_decimal, {NO_RANGE}},
    {ONE(MR_UUID), OID_UUID, write_uuid, {"no uuid (22P02)"}},
    {ONE(MR_DATE), OID_DATE, write_date, {NO_TIME}},
    {ONE(MR_DATE), OID_TIMESTAMP, date_to_timestamp, {NO_TIME}},
    {ONE(MR_DATE), OID_TIMESTAMPTZ, date_to_timestamp, {NO_TIME}},
    {ONE(MR_TIME_MS), OID_TIME, time_ms, {"not within 00:00 and 24:00 (22008)"}},
    {ONE(MR_TIME_US), OID_TIME, time_us, {"not within 00:00 and 24:00 (22008)"}},
    {ONE(MR_TIMESTAMP_MS), OID_TIMESTAMPTZ, timestamp_ms, {NO_TIME}},
    {ONE(MR_TIMESTAMP_US), OID_TIMESTAMPTZ, timestamp_us, {NO_TIME}},
    {TIMES_MS, OID_TIMESTAMP, timestamp_ms, {NO_TIME}},
    {TIMES_US, OID_TIMESTAMP, timestamp_us, {NO_TIME}},
    {ONE(MR_DURATION), OID_INTERVAL, write_interval, {NO_TIME}},
    {ONE(MR_ARRAY), OID_ARRAY, write_array, {"with an element that its column refuses"}},
    {EVERY_TYPE, OID_JSON, write_json, {NULL}},
    {EVERY_TYPE, OID_JSONB, write_jsonb, {NULL}},
    /* Bytes as text would be a guess. */
    {EVERY_TYPE & ~RAW, OID_TEXT, any_to_text, {NULL}},
    {EVERY_TYPE & ~RAW, OID_VARCHAR, any_to_text, {NO_ROOM}},
    {TEXTS | ONE(MR_NULL), OID_ANY, write_text, {NO_TEXT, "not cast by the server (22...)"}},
};
enum { PAIRS = sizeof pairs / sizeof *pairs };

static const struct pg_pair *find_pair(mr_type from, Oid to)
{
    for (size_t i = 0; i < PAIRS; i++) {
        if (pairs[i].from & ONE(from) && (pairs[i].to == to || pairs[i].to == OID_ANY)) {
            return &pairs[i];
        }
    }
    return NULL;
}

static Oid kind_of(Oid type, char type_class)
{
    return type_class == 'e' ? OID_ENUM : type;
}

/* How the elements go; false: they can not. */
static bool choose_items(pg_column *column, const pg_target_column *target)
{
    const mr_schema *schema = mr_schema_strip_null(column->schema->items);
    const struct pg_pair *pair =
        find_pair(schema->type, kind_of(target->item_base, target->item_class));
    if (!pair) {
        return false;
    }
    column->item = mr_calloc(1, sizeof *column->item);
    *column->item = (pg_column){
        .write = pair->write,
        .schema = schema,
        .name = column->name,
        .target_type = mr_strdup(target->item_type),
        .item_id = pair->to == OID_ANY ? OID_TEXT : target->item_id,
        .modifier = target->item_modifier,
        .scale = schema->scale,
        .longest_chars = column->longest_chars,
    };
    column->staged_type = pair->to == OID_ANY ? mr_strdup("text[]") : NULL;
    return true;
}

void pg_column_release(pg_column *column)
{
    if (column->item) {
        pg_column_release(column->item);
        free(column->item);
    }
    free(column->quoted);
    free(column->staged_type);
    free(column->target_type);
    *column = (pg_column){0};
}

/* What to do: the statement, or the type. Half a statement helps nobody. */
static void add_remedy(const pg_target_column *target, const char *table, const mr_schema *schema,
                       mr_buffer *out)
{
    mr_buffer sql = MR_BUFFER_INIT(1 << 20);
    bool known = pg_ddl_retype(table, target, schema, &sql);
    if (known && !sql.failed && sql.len <= SHOWN_SQL_BYTES) {
        mr_buffer_printf(out, "change the column with: %s", mr_buffer_text(&sql));
    } else {
        mr_buffer_add_text(out, "make the column ");
        if (known) {
            mr_buffer_add_text(out, "jsonb");
        } else {
            pg_ddl_type(schema, out);
        }
    }
    mr_buffer_release(&sql);
}

static mr_status refuse(const pg_column *column, const pg_target_column *target, const char *table,
                        mr_error *err)
{
    const mr_schema *schema = column->schema;
    const char *of = schema->type == MR_ARRAY ? " of " : "";
    const char *items =
        schema->type == MR_ARRAY ? mr_type_name(mr_schema_strip_null(schema->items)->type) : "";
    mr_buffer remedy = MR_BUFFER_INIT(2 * SHOWN_SQL_BYTES);
    add_remedy(target, table, schema, &remedy);
    mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
            "field %s (Avro %s%s%s) can not be written to its column of type %s: convert it in "
            "the route's query, or %s",
            column->name, mr_type_name(schema->type), of, items, target->type,
            mr_buffer_text(&remedy));
    mr_buffer_release(&remedy);
    mr_error_field(err, column->name);
    return MR_FATAL;
}

mr_status pg_type_choose(pg_column *column, const pg_target_column *target, const char *table,
                         mr_error *err)
{
    Oid to = target->item_id ? OID_ARRAY : kind_of(target->type_id, target->type_class);
    const struct pg_pair *pair = find_pair(column->schema->type, to);
    column->target_type = mr_strdup(target->type);
    column->modifier = target->modifier;
    column->scale = column->schema->scale;
    if (!pair || (pair->to == OID_ARRAY && !choose_items(column, target))) {
        return refuse(column, target, table, err);
    }
    if (pair->to == OID_ANY) {
        column->staged_type = mr_strdup("text");
    }
    column->write = pair->write;
    return MR_OK;
}

/* --- The same for users --- */

static const struct {
    Oid type;
    const char *name;
} type_names[] = {
    {OID_BOOL, "boolean"},
    {OID_BYTEA, "bytea"},
    {OID_INT8, "bigint"},
    {OID_INT2, "smallint"},
    {OID_INT4, "integer"},
    {OID_TEXT, "text"},
    {OID_JSON, "json"},
    {OID_XML, "xml"},
    {OID_FLOAT4, "real"},
    {OID_FLOAT8, "double precision"},
    {OID_BPCHAR, "char(n)"},
    {OID_VARCHAR, "varchar(n)"},
    {OID_DATE, "date"},
    {OID_TIME, "time"},
    {OID_TIMESTAMP, "timestamp"},
    {OID_TIMESTAMPTZ, "timestamptz"},
    {OID_INTERVAL, "interval"},
    {OID_NUMERIC, "numeric"},
    {OID_UUID, "uuid"},
    {OID_JSONB, "jsonb"},
    {OID_ENUM, "enum types"},
    {OID_ARRAY, "arrays, where its elements may go to the array's"},
    {OID_ANY, "any other type by the server's own cast"},
};

static const char *type_name(Oid type)
{
    size_t i = 0;
    while (type_names[i].type != type) {
        i++;
    }
    return type_names[i].name;
}

/* Adds a part of a list, once. */
static void add_part(mr_buffer *list, const char *part)
{
    if (part && !strstr(mr_buffer_text(list), part)) {
        mr_buffer_printf(list, "%s%s", list->len ? ", " : "", part);
    }
}

/* " | made as | may also go to | refused |" */
static char *type_row(mr_type from)
{
    mr_buffer made = MR_BUFFER_INIT(256), to = MR_BUFFER_INIT(4096), refused = MR_BUFFER_INIT(4096);
    if (from == MR_ARRAY) {
        mr_buffer_add_text(&made, "`T[]`, where its elements alone are made as `T`; else jsonb");
    } else {
        pg_ddl_type(&(mr_schema){.type = from}, &made);
    }
    Oid found[PAIRS];
    size_t count = 0;
    for (size_t i = 0; i < PAIRS; i++) {
        bool first = (pairs[i].from & ONE(from)) != 0;
        for (size_t k = 0; k < count; k++) {
            first = first && found[k] != pairs[i].to;
        }
        if (!first) {
            continue;
        }
        found[count++] = pairs[i].to;
        const char *name = type_name(pairs[i].to);
        if (strcmp(name, mr_buffer_text(&made)) != 0) {
            mr_buffer_printf(&to, "%s%s", to.len ? ", " : "", name);
        }
        add_part(&refused, pairs[i].refused[0]);
        add_part(&refused, pairs[i].refused[1]);
    }
    char *row =
        mr_format(" | %s%s | %s | %s |", mr_buffer_text(&made), from == MR_DECIMAL ? "(p, s)" : "",
                  mr_buffer_text(&to), mr_buffer_text(&refused));
    mr_buffer_release(&made);
    mr_buffer_release(&to);
    mr_buffer_release(&refused);
    return row;
}

void pg_types_page(FILE *out)
{
    fputs("| Avro | made as | may also go to | values refused |\n|---|---|---|---|\n", out);
    char *rows[MR_TYPE_COUNT];
    for (int type = 0; type < MR_TYPE_COUNT; type++) {
        rows[type] = type_row((mr_type)type);
    }
    for (int type = MR_BOOL; type < MR_TYPE_COUNT; type++) {
        if (!rows[type]) {
            continue; /* told with one like it */
        }
        fprintf(out, "| %s%s", mr_type_name((mr_type)type), type == MR_UNION ? " of several" : "");
        for (int same = type + 1; same < MR_TYPE_COUNT; same++) {
            if (rows[same] && strcmp(rows[same], rows[type]) == 0) {
                fprintf(out, ", %s%s", mr_type_name((mr_type)same),
                        same == MR_UNION ? " of several" : "");
                free(rows[same]);
                rows[same] = NULL;
            }
        }
        fprintf(out, "%s\n", rows[type]);
        free(rows[type]);
        rows[type] = NULL;
    }
    free(rows[MR_NULL]);
}
