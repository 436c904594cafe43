/* SPDX-License-Identifier: Apache-2.0 */
/* Batches from Avro JSON schemas and literal cells, and queries run over them. */
#ifndef MR_TESTS_TRANSFORM_FIXTURE_H
#define MR_TESTS_TRANSFORM_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "codec/schema.h"
#include "transform/transform.h"

enum { FIXTURE_RECORDS_MAX = 64, FIXTURE_FIELDS_MAX = 32 };

typedef struct fixture {
    const mr_schema *schema;
    mr_arena *arena;
    mr_transform *transform;
    mr_record records[FIXTURE_RECORDS_MAX];
    mr_batch batch;
    mr_transform_result result;
    mr_error err;
} fixture;

/* --- cells --- */

static inline mr_cell c_null(void)
{
    return (mr_cell){.type = MR_NULL};
}
static inline mr_cell c_int(mr_type type, int64_t i)
{
    return (mr_cell){.type = (uint8_t)type, .as.i = i};
}
static inline mr_cell c_double(double d)
{
    return (mr_cell){.type = MR_DOUBLE, .as.d = d};
}
static inline mr_cell c_data(mr_type type, const char *data, size_t len)
{
    /* Its own allocation of exactly len bytes would be best; a literal's end is close enough. */
    return (mr_cell){.type = (uint8_t)type, .len = (uint32_t)len, .as.text = data};
}
static inline mr_cell c_text(const char *text)
{
    return c_data(MR_STRING, text, strlen(text));
}
/* The second branch of a union ["null", ...]. */
static inline mr_cell some(mr_cell cell)
{
    cell.branch = 1;
    return cell;
}

/* --- a fixture --- */

/* Takes ' for ", so that a long schema can be read in C. */
static inline const mr_schema *parse_schema(const char *json)
{
    const mr_schema *schema = NULL;
    mr_error err = {0};
    char *text = strdup(json);
    for (char *at = text; (at = strchr(at, '\'')); at++) {
        *at = '"';
    }
    if (mr_schema_parse(text, strlen(text), &schema, &err) != MR_OK) {
        fail_msg("schema: %s", err.text);
    }
    free(text);
    return schema;
}

static inline void fixture_init(fixture *f, const char *schema_json)
{
    memset(f, 0, sizeof *f);
    f->schema = parse_schema(schema_json);
    f->arena = mr_arena_new();
    f->batch =
        (mr_batch){.topic = "trips", .schema = f->schema, .records = f->records, .arena = f->arena};
}

static inline void fixture_release(fixture *f)
{
    mr_transform_free(f->transform);
    mr_arena_free(f->arena);
    mr_schema_release(f->schema);
}

/* Adds a record whose fields are copied; returns it. */
static inline mr_record *add_record(fixture *f, const mr_cell *fields, uint32_t count)
{
    mr_cell *value = mr_arena_alloc(f->arena, sizeof *value);
    *value = (mr_cell){.type = MR_RECORD,
                       .len = count,
                       .as.cells = mr_arena_copy(f->arena, fields, count * sizeof *fields)};
    assert_true(f->batch.count < FIXTURE_RECORDS_MAX);
    size_t i = f->batch.count++;
    f->records[i] = (mr_record){.value = value,
                                .partition = 3,
                                .offset = 100 + (int64_t)i,
                                .timestamp_ms = 1553372469000 + (int64_t)i,
                                .origin = (uint32_t)(1000 + i)};
    return &f->records[i];
}

#define ADD(f, ...)                                                                                \
    add_record(f, (mr_cell[]){__VA_ARGS__}, sizeof((mr_cell[]){__VA_ARGS__}) / sizeof(mr_cell))

static inline mr_status try_query(fixture *f, const char *query)
{
    mr_transform_free(f->transform);
    f->transform = NULL;
    memset(&f->err, 0, sizeof f->err);
    mr_status status = mr_transform_new(query, "mr.test.Row", &f->transform, &f->err);
    if (status == MR_OK) {
        status = mr_transform_run(f->transform, &f->batch, f->arena, &f->result, &f->err);
    }
    return status;
}

static inline void query(fixture *f, const char *text)
{
    if (try_query(f, text) != MR_OK) {
        fail_msg("%s\n%s", text, f->err.text);
    }
}

/* The query is refused, for good, with this in the message. */
static inline void refused(fixture *f, const char *text, const char *message)
{
    if (try_query(f, text) != MR_FATAL) {
        fail_msg("not refused: %s", text);
    }
    if (!strstr(f->err.text, message)) {
        fail_msg("%s\nsays: %s\nbut not: %s", text, f->err.text, message);
    }
    assert_true(f->err.permanent);
    assert_int_equal(f->err.domain, MR_DOMAIN_TRANSFORM);
}

static inline const mr_cell *cell_at(const fixture *f, size_t row, const char *column)
{
    assert_true(row < f->result.batch.count);
    const mr_schema *schema = f->result.batch.schema;
    for (size_t i = 0; i < schema->field_count; i++) {
        if (strcmp(schema->fields[i].name, column) == 0) {
            const mr_cell *value = f->result.batch.records[row].value;
            assert_int_equal(value->type, MR_RECORD);
            assert_int_equal(value->len, schema->field_count);
            return &value->as.cells[i];
        }
    }
    fail_msg("no column %s", column);
    return NULL;
}

static inline const mr_schema *type_of(const fixture *f, const char *column)
{
    const mr_field *field = mr_schema_field(f->result.batch.schema, column);
    if (!field) {
        fail_msg("no column %s", column);
    }
    return field->schema;
}

static inline void expect_type(const fixture *f, const char *column, mr_type type, bool nullable)
{
    const mr_schema *schema = type_of(f, column);
    if (mr_schema_strip_null(schema)->type != type ||
        (schema->type == MR_UNION && schema->nullable) != nullable) {
        fail_msg("%s is %s%s, wanted %s%s", column,
                 mr_type_name(mr_schema_strip_null(schema)->type),
                 schema->type == MR_UNION ? "?" : "", mr_type_name(type), nullable ? "?" : "");
    }
}

/* The cell has the type and branch its schema says, and is this. */
static inline void expect_class(const fixture *f, size_t row, const char *column)
{
    const mr_schema *schema = type_of(f, column);
    const mr_cell *cell = cell_at(f, row, column);
    if (schema->type == MR_UNION) {
        assert_true(cell->branch < schema->branch_count);
        schema = schema->branches[cell->branch];
    }
    if (cell->type != schema->type) {
        fail_msg("%s[%zu] is a %s in a column of %s", column, row, mr_type_name(cell->type),
                 mr_type_name(schema->type));
    }
}

static inline void expect_text(const fixture *f, size_t row, const char *column, const char *text)
{
    expect_class(f, row, column);
    const mr_cell *cell = cell_at(f, row, column);
    if (cell->type == MR_NULL || cell->len != strlen(text) ||
        memcmp(cell->as.text, text, cell->len) != 0) {
        fail_msg("%s[%zu] is '%.*s', wanted '%s'", column, row,
                 cell->type == MR_NULL ? 4 : (int)cell->len,
                 cell->type == MR_NULL ? "NULL" : cell->as.text, text);
    }
}

static inline void expect_int(const fixture *f, size_t row, const char *column, int64_t i)
{
    expect_class(f, row, column);
    const mr_cell *cell = cell_at(f, row, column);
    if (cell->type == MR_NULL || cell->as.i != i) {
        fail_msg("%s[%zu] is %s%lld, wanted %lld", column, row,
                 cell->type == MR_NULL ? "NULL " : "", (long long)cell->as.i, (long long)i);
    }
}

static inline void expect_double(const fixture *f, size_t row, const char *column, double d)
{
    expect_class(f, row, column);
    const mr_cell *cell = cell_at(f, row, column);
    if (cell->type == MR_NULL || cell->as.d != d) {
        fail_msg("%s[%zu] is %s%.17g, wanted %.17g", column, row,
                 cell->type == MR_NULL ? "NULL " : "", cell->as.d, d);
    }
}

static inline void expect_null(const fixture *f, size_t row, const char *column)
{
    expect_class(f, row, column);
    assert_int_equal(cell_at(f, row, column)->type, MR_NULL);
}

static inline void expect_bytes(const fixture *f, size_t row, const char *column, const void *data,
                                size_t len)
{
    expect_class(f, row, column);
    const mr_cell *cell = cell_at(f, row, column);
    assert_int_equal(cell->len, len);
    assert_memory_equal(cell->as.text, data, len);
}

/* How many rows came out, and how many failed. */
static inline void expect_counts(const fixture *f, size_t rows, size_t failures)
{
    if (f->result.failure_count && failures == 0) {
        fail_msg("a row failed: %s", f->result.failures[0].why.text);
    }
    assert_int_equal(f->result.batch.count, rows);
    assert_int_equal(f->result.failure_count, failures);
}

#endif
