/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives the postgres sink without the runtime, against the server in DATABASE_URL: one rig is one
 * task with its connection. Each test program works in a schema of its own, dropped at its end.
 */
#ifndef MR_TESTS_POSTGRES_RIG_H
#define MR_TESTS_POSTGRES_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "base/alloc.h"
#include "base/options.h"
#include "base/task.h"
#include "codec/schema.h"
#include "sinks/postgres/postgres.h"

enum { RIG_ROUTES_MAX = 3, RIG_SKIP = 77 };

extern const mr_connector mr_postgres_sink;

static PGconn *admin;
static char test_schema[64];

/* --- The server, seen by the test itself ------------------------------------------------------ */

static inline PGresult *query(const char *sql)
{
    PGresult *result = PQexec(admin, sql);
    ExecStatusType kind = PQresultStatus(result);
    if (kind != PGRES_COMMAND_OK && kind != PGRES_TUPLES_OK) {
        fail_msg("%s: %s", sql, PQerrorMessage(admin));
    }
    return result;
}

/* Runs SQL; every '@' stands for the test's schema. */
static inline char *with_schema(const char *sql)
{
    mr_buffer out = MR_BUFFER_INIT(1 << 24);
    for (; *sql; sql++) {
        if (*sql == '@') {
            mr_buffer_add_text(&out, test_schema);
        } else {
            mr_buffer_add_char(&out, *sql);
        }
    }
    char *text = mr_strdup(mr_buffer_text(&out));
    mr_buffer_release(&out);
    return text;
}

static inline void sql(const char *statement)
{
    char *text = with_schema(statement);
    PQclear(query(text));
    free(text);
}

/* All rows as text: columns with '|' between, rows with ' ', NULL as '-'. Borrowed until the next
 * call. */
static inline const char *rows(const char *statement)
{
    static mr_buffer out = MR_BUFFER_INIT(1 << 26);
    mr_buffer_clear(&out);
    char *text = with_schema(statement);
    PGresult *result = query(text);
    free(text);
    for (int r = 0; r < PQntuples(result); r++) {
        mr_buffer_add_text(&out, r ? " " : "");
        for (int c = 0; c < PQnfields(result); c++) {
            mr_buffer_add_text(&out, c ? "|" : "");
            mr_buffer_add_text(&out, PQgetisnull(result, r, c) ? "-" : PQgetvalue(result, r, c));
        }
    }
    PQclear(result);
    return mr_buffer_text(&out);
}

#define assert_rows(statement, expected) assert_string_equal(rows(statement), expected)

static inline int rig_suite_setup(void **state)
{
    (void)state;
    admin = PQconnectdb(getenv("DATABASE_URL"));
    if (PQstatus(admin) != CONNECTION_OK) {
        fprintf(stderr, "DATABASE_URL: %s", PQerrorMessage(admin));
        return -1;
    }
    snprintf(test_schema, sizeof test_schema, "mr_test_%ld", (long)getpid());
    sql("SET client_min_messages = error; SET TimeZone = 'UTC'; SET extra_float_digits = 1;"
        "DROP SCHEMA IF EXISTS @ CASCADE; CREATE SCHEMA @");
    return 0;
}

static inline int rig_suite_teardown(void **state)
{
    (void)state;
    sql("DROP SCHEMA IF EXISTS @ CASCADE");
    PQfinish(admin);
    return 0;
}

#define rig_main(tests) rig_main_with(tests, rig_suite_setup, rig_suite_teardown)
#define rig_main_with(tests, setup, teardown)                                                      \
    int main(void)                                                                                 \
    {                                                                                              \
        if (!getenv("DATABASE_URL")) {                                                             \
            fprintf(stderr, "skipped: DATABASE_URL is not set\n");                                 \
            return RIG_SKIP;                                                                       \
        }                                                                                          \
        return cmocka_run_group_tests(tests, setup, teardown);                                     \
    }

/* --- A task --- */

typedef struct rig {
    mr_task task;
    mr_route routes[RIG_ROUTES_MAX];
    mr_error err;
    mr_offset offset; /* what the epoch under way ends at */
    int64_t recovered;
} rig;

static inline void rig_set(const mr_option *table, void *state, const char *name, const char *value)
{
    mr_error err;
    /* A URL has an '@' of its own. */
    char *text = strstr(value, "://") ? mr_strdup(value) : with_schema(value);
    if (mr_option_set(mr_option_find(table, name), state, text, &err) != MR_OK) {
        fail_msg("%s: %s", name, err.text);
    }
    free(text);
}

static inline void rig_option(rig *r, const char *name, const char *value)
{
    rig_set(mr_postgres_sink.options, r->task.self, name, value);
}

static inline rig *rig_new(const char *name)
{
    rig *r = mr_calloc(1, sizeof *r);
    r->task.name = name;
    r->task.count = 1;
    r->task.arena = mr_arena_new();
    r->task.self = mr_calloc(1, mr_postgres_sink.state_size);
    r->task.routes = r->routes;
    mr_options_defaults(mr_postgres_sink.options, r->task.self);
    rig_option(r, "connection.url", getenv("DATABASE_URL"));
    rig_option(r, "offsets.schema", "@");
    r->offset = (mr_offset){.topic = "topic", .partition = 0, .next = -1};
    return r;
}

/* options: name, value, ..., NULL */
static inline mr_route *rig_route(rig *r, const char *name, ...)
{
    size_t index = r->task.route_count++;
    assert_true(index < RIG_ROUTES_MAX);
    mr_route *route = &r->routes[index];
    *route = (mr_route){.name = name, .index = index};
    route->options = mr_calloc(1, mr_postgres_sink.route_size);
    mr_options_defaults(mr_postgres_sink.route_options, route->options);
    va_list args;
    va_start(args, name);
    for (const char *option; (option = va_arg(args, const char *));) {
        rig_set(mr_postgres_sink.route_options, route->options, option, va_arg(args, const char *));
    }
    va_end(args);
    for (size_t i = 0; i <= index; i++) {
        r->routes[i].count = index + 1;
    }
    return route;
}

static inline mr_status rig_recover(rig *r)
{
    mr_offsets all = {&r->offset, 1};
    mr_status status = mr_postgres_sink.sink->recover(&r->task, &all, &r->err);
    r->recovered = r->offset.next;
    return status;
}

static inline mr_status rig_open(rig *r)
{
    mr_status status = mr_postgres_sink.sink->open(&r->task, &r->err);
    return status == MR_OK ? rig_recover(r) : status;
}

static inline void assert_ok(rig *r, mr_status status)
{
    if (status != MR_OK) {
        fail_msg("%s: %s", mr_status_name(status), r->err.text);
    }
}

static inline void rig_close(rig *r)
{
    mr_postgres_sink.sink->close(&r->task);
}

static inline void rig_free(rig *r)
{
    rig_close(r);
    mr_options_release(mr_postgres_sink.options, r->task.self);
    for (size_t i = 0; i < r->task.route_count; i++) {
        mr_options_release(mr_postgres_sink.route_options, r->routes[i].options);
        free(r->routes[i].options);
    }
    free(r->task.self);
    mr_arena_free(r->task.arena);
    mr_task_release(&r->task);
    free(r);
}

/* --- Records --- */

static inline const mr_schema *schema_of(const char *json)
{
    const mr_schema *schema = NULL;
    mr_error err;
    if (mr_schema_parse(json, strlen(json), &schema, &err) != MR_OK) {
        fail_msg("%s: %s", json, err.text);
    }
    return schema;
}

static inline mr_cell cell_null(void)
{
    return (mr_cell){.type = MR_NULL};
}

static inline mr_cell cell_int(mr_type type, int64_t v)
{
    return (mr_cell){.type = (uint8_t)type, .as.i = v};
}

static inline mr_cell cell_double(mr_type type, double v)
{
    return (mr_cell){.type = (uint8_t)type, .as.d = v};
}

static inline mr_cell cell_bytes(mr_type type, const char *data, size_t len)
{
    return (mr_cell){.type = (uint8_t)type, .len = (uint32_t)len, .as.text = data};
}

static inline mr_cell cell_text(const char *text)
{
    return cell_bytes(MR_STRING, text, strlen(text));
}

/* One batch of `count` records with `width` fields each, copied into the epoch's arena. Offsets
 * follow r->offset.next, which moves on. */
static inline mr_batch *batch_of(rig *r, const mr_schema *schema, size_t route,
                                 const mr_cell *cells, size_t width, size_t count)
{
    mr_arena *arena = r->task.arena;
    mr_batch *batch = mr_arena_calloc(arena, 1, sizeof *batch);
    batch->topic = "topic";
    batch->schema = schema;
    batch->route = &r->routes[route];
    batch->count = count;
    batch->arena = arena;
    batch->records = mr_arena_calloc(arena, count, sizeof *batch->records);
    mr_cell *values = mr_arena_calloc(arena, count, sizeof *values);
    const mr_cell *fields = mr_arena_copy(arena, cells, count * width * sizeof *cells);
    if (r->offset.next < 0) {
        r->offset.next = 0;
    }
    for (size_t i = 0; i < count; i++) {
        values[i] =
            (mr_cell){.type = MR_RECORD, .len = (uint32_t)width, .as.cells = fields + i * width};
        batch->records[i].value = &values[i];
        batch->records[i].offset = r->offset.next++;
        batch->records[i].origin = (uint32_t)i;
    }
    return batch;
}

static inline mr_status rig_begin(rig *r)
{
    mr_task_clear_rejects(&r->task);
    return mr_postgres_sink.sink->begin(&r->task, &r->err);
}

static inline mr_status rig_write(rig *r, const mr_batch *batch)
{
    return mr_postgres_sink.sink->write(&r->task, batch, &r->err);
}

static inline mr_status rig_commit(rig *r)
{
    mr_offsets upto = {&r->offset, 1};
    return mr_postgres_sink.sink->commit(&r->task, &upto, &r->err);
}

static inline void rig_abort(rig *r)
{
    mr_postgres_sink.sink->abort(&r->task);
}

/* A whole epoch; aborted when it fails. */
static inline mr_status rig_epoch(rig *r, mr_batch *const *batches, size_t count)
{
    mr_status status = rig_begin(r);
    for (size_t i = 0; i < count && status == MR_OK; i++) {
        status = rig_write(r, batches[i]);
    }
    if (status == MR_OK) {
        status = rig_commit(r);
    }
    if (status != MR_OK) {
        rig_abort(r);
    }
    return status;
}

static inline mr_status rig_put(rig *r, mr_batch *batch)
{
    return rig_epoch(r, &batch, 1);
}

#define cells_of(...)                                                                              \
    (const mr_cell[])                                                                              \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

#endif
