/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives the mongodb sink without the runtime, against the server in MONGODB_URI: one rig is one
 * task with its connection. Each test program works in a database of its own, dropped at its end.
 */
#ifndef MR_TESTS_MONGODB_RIG_H
#define MR_TESTS_MONGODB_RIG_H

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

#include "base/alloc.h"
#include "base/options.h"
#include "base/task.h"
#include "codec/change.h"
#include "codec/schema.h"
#include "sinks/mongodb/mongodb.h"

enum { RIG_ROUTES_MAX = 3, RIG_SKIP = 77 };

extern const mr_connector mr_mongodb_sink;

static mongoc_client_t *admin;
static char test_database[64];

/* --- The server, seen by the test itself ------------------------------------------------------ */

/* Runs a command given as extended JSON with ' for "; the reply is to be destroyed. */
static inline bool try_command(const char *database, const char *text, bson_t *reply,
                               bson_error_t *error)
{
    char *json = mr_strdup(text);
    for (char *p = json; *p; p++) {
        *p = *p == '\'' ? '"' : *p;
    }
    bson_t *command = bson_new_from_json((const uint8_t *)json, -1, error);
    if (!command) {
        fail_msg("%s: %s", json, error->message);
    }
    bool good = mongoc_client_command_simple(admin, database, command, NULL, reply, error);
    bson_destroy(command);
    free(json);
    return good;
}

static inline void command(const char *text)
{
    bson_t reply;
    bson_error_t error;
    if (!try_command(test_database, text, &reply, &error)) {
        fail_msg("%s: %s", text, error.message);
    }
    bson_destroy(&reply);
}

/* What a find gives, as relaxed extended JSON with ' for ", documents with blanks between. Borrowed
 * until the next call. */
static inline const char *found(const char *find)
{
    static mr_buffer out = MR_BUFFER_INIT(1 << 26);
    bson_t reply;
    bson_error_t error;
    mr_buffer_clear(&out);
    if (!try_command(test_database, find, &reply, &error)) {
        fail_msg("%s: %s", find, error.message);
    }
    mr_slice whole = {(const char *)bson_get_data(&reply), reply.len};
    mr_bson_element batch, document;
    assert_true(mr_bson_find_path(whole, "cursor.firstBatch", &batch));
    for (size_t cursor = 0; mr_bson_next(mr_bson_document(&batch), &cursor, &document);) {
        mr_buffer_add_text(&out, out.len ? " " : "");
        mr_bson_json(mr_bson_document(&document), false, &out);
    }
    bson_destroy(&reply);
    for (size_t i = 0; i < out.len; i++) {
        out.data[i] = out.data[i] == '"' ? '\'' : out.data[i];
    }
    return mr_buffer_text(&out);
}

/* All documents of a collection by _id. */
static inline const char *documents(const char *collection)
{
    char find[300];
    snprintf(find, sizeof find, "{'find': '%s', 'sort': {'_id': 1}, 'batchSize': 100000}",
             collection);
    return found(find);
}

#define assert_documents(collection, expected) assert_string_equal(documents(collection), expected)

static inline int64_t count_of(const char *collection)
{
    char text[300];
    bson_t reply;
    bson_error_t error;
    bson_iter_t it;
    snprintf(text, sizeof text, "{'count': '%s'}", collection);
    if (!try_command(test_database, text, &reply, &error)) {
        fail_msg("%s", error.message);
    }
    assert_true(bson_iter_init_find(&it, &reply, "n"));
    int64_t n = bson_iter_as_int64(&it);
    bson_destroy(&reply);
    return n;
}

static inline int rig_suite_setup(void **state)
{
    (void)state;
    mr_mongo *mongo; /* for its set-up of the library */
    mr_error err;
    if (mr_mongo_open(getenv("MONGODB_URI"), "test", 10000, &mongo, &err) != MR_OK) {
        fprintf(stderr, "MONGODB_URI: %s", err.text);
        return -1;
    }
    mr_mongo_close(mongo);
    admin = mongoc_client_new(getenv("MONGODB_URI"));
    snprintf(test_database, sizeof test_database, "mr_test_sink_%ld", (long)getpid());
    command("{'dropDatabase': 1}");
    return 0;
}

static inline int rig_suite_teardown(void **state)
{
    (void)state;
    command("{'dropDatabase': 1}");
    mongoc_client_destroy(admin);
    return 0;
}

#define rig_main(tests)                                                                            \
    int main(void)                                                                                 \
    {                                                                                              \
        if (!getenv("MONGODB_URI")) {                                                              \
            fprintf(stderr, "skipped: MONGODB_URI is not set\n");                                  \
            return RIG_SKIP;                                                                       \
        }                                                                                          \
        return cmocka_run_group_tests(tests, rig_suite_setup, rig_suite_teardown);                 \
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
    if (mr_option_set(mr_option_find(table, name), state, value, &err) != MR_OK) {
        fail_msg("%s: %s", name, err.text);
    }
}

static inline void rig_option(rig *r, const char *name, const char *value)
{
    rig_set(mr_mongodb_sink.options, r->task.self, name, value);
}

static inline rig *rig_new(const char *name)
{
    rig *r = mr_calloc(1, sizeof *r);
    r->task.name = name;
    r->task.count = 1;
    r->task.arena = mr_arena_new();
    r->task.self = mr_calloc(1, mr_mongodb_sink.state_size);
    r->task.routes = r->routes;
    mr_options_defaults(mr_mongodb_sink.options, r->task.self);
    rig_option(r, "connection.url", getenv("MONGODB_URI"));
    rig_option(r, "database", test_database);
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
    route->options = mr_calloc(1, mr_mongodb_sink.route_size);
    mr_options_defaults(mr_mongodb_sink.route_options, route->options);
    va_list args;
    va_start(args, name);
    for (const char *option; (option = va_arg(args, const char *));) {
        rig_set(mr_mongodb_sink.route_options, route->options, option, va_arg(args, const char *));
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
    mr_status status = mr_mongodb_sink.sink->recover(&r->task, &all, &r->err);
    r->recovered = r->offset.next;
    return status;
}

static inline mr_status rig_check(rig *r)
{
    return mr_mongodb_sink.check(r->task.self, r->routes, r->task.route_count, &r->err);
}

static inline mr_status rig_open(rig *r)
{
    mr_status status = rig_check(r);
    if (status == MR_OK) {
        status = mr_mongodb_sink.sink->open(&r->task, &r->err);
    }
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
    mr_mongodb_sink.sink->close(&r->task);
}

static inline void rig_free(rig *r)
{
    rig_close(r);
    mr_options_release(mr_mongodb_sink.options, r->task.self);
    for (size_t i = 0; i < r->task.route_count; i++) {
        mr_options_release(mr_mongodb_sink.route_options, r->routes[i].options);
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

static inline mr_cell cell_text(const char *text)
{
    return (mr_cell){.type = MR_STRING, .len = (uint32_t)strlen(text), .as.text = text};
}

/* One batch of `count` records with `width` fields each, copied into the epoch's arena. Offsets
 * follow r->offset.next, which moves on. width 0: records without a value. */
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
    const mr_cell *fields =
        width ? mr_arena_copy(arena, cells, count * width * sizeof *cells) : NULL;
    if (r->offset.next < 0) {
        r->offset.next = 0;
    }
    for (size_t i = 0; i < count; i++) {
        values[i] =
            (mr_cell){.type = MR_RECORD, .len = (uint32_t)width, .as.cells = fields + i * width};
        batch->records[i].value = width ? &values[i] : NULL;
        batch->records[i].op = width ? MR_OP_CREATE : MR_OP_DELETE;
        batch->records[i].offset = r->offset.next++;
        batch->records[i].origin = (uint32_t)i;
    }
    return batch;
}

static inline mr_status rig_begin(rig *r)
{
    mr_task_clear_rejects(&r->task);
    return mr_mongodb_sink.sink->begin(&r->task, &r->err);
}

static inline mr_status rig_write(rig *r, const mr_batch *batch)
{
    return mr_mongodb_sink.sink->write(&r->task, batch, &r->err);
}

static inline mr_status rig_commit(rig *r)
{
    mr_offsets upto = {&r->offset, 1};
    return mr_mongodb_sink.sink->commit(&r->task, &upto, &r->err);
}

static inline void rig_abort(rig *r)
{
    mr_mongodb_sink.sink->abort(&r->task);
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
