/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives a sink without the runtime: one rig is one task with its connection. A rig.h says which
 * sink, before it includes this:
 *
 *   RIG_SINK          the connector
 *   RIG_SERVER        the environment's variable with the server's URL; without it tests are
 * skipped RIG_PLACE_OPTION  the option that names the program's own place on the server, and
 *   rig_place         its value
 *   rig_value()       what an option's value in a test stands for; to be freed
 *   rig_suite_setup(), rig_suite_teardown()   make that place and drop it
 */
#ifndef MR_TESTS_SINK_RIG_H
#define MR_TESTS_SINK_RIG_H

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/options.h"
#include "base/task.h"
#include "codec/schema.h"

enum { RIG_ROUTES_MAX = 3, RIG_SKIP = 77 };

#define rig_main(tests) rig_main_with(tests, rig_suite_setup, rig_suite_teardown)
#define rig_main_with(tests, setup, teardown)                                                      \
    int main(void)                                                                                 \
    {                                                                                              \
        if (!getenv(RIG_SERVER)) {                                                                 \
            fprintf(stderr, "skipped: " RIG_SERVER " is not set\n");                               \
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
    char *text = rig_value(value);
    if (mr_option_set(mr_option_find(table, name), state, text, &err) != MR_OK) {
        fail_msg("%s: %s", name, err.text);
    }
    free(text);
}

static inline void rig_option(rig *r, const char *name, const char *value)
{
    rig_set(RIG_SINK.options, r->task.self, name, value);
}

/* A task called `name` with the options that lead to the server and to the program's own place. */
static inline rig *rig_new(const char *name)
{
    rig *r = mr_calloc(1, sizeof *r);
    r->task.name = name;
    r->task.count = 1;
    r->task.arena = mr_arena_new();
    r->task.self = mr_calloc(1, RIG_SINK.state_size);
    r->task.routes = r->routes;
    mr_options_defaults(RIG_SINK.options, r->task.self);
    rig_option(r, "connection.url", getenv(RIG_SERVER));
    rig_option(r, RIG_PLACE_OPTION, rig_place);
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
    route->options = mr_calloc(1, RIG_SINK.route_size);
    mr_options_defaults(RIG_SINK.route_options, route->options);
    va_list args;
    va_start(args, name);
    for (const char *option; (option = va_arg(args, const char *));) {
        rig_set(RIG_SINK.route_options, route->options, option, va_arg(args, const char *));
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
    mr_status status = RIG_SINK.sink->recover(&r->task, &all, &r->err);
    r->recovered = r->offset.next;
    return status;
}

/* What the runtime asks before anything is opened. */
static inline mr_status rig_check(rig *r)
{
    return RIG_SINK.check(r->task.self, r->routes, r->task.route_count, &r->err);
}

static inline mr_status rig_open(rig *r)
{
    mr_status status = rig_check(r);
    if (status == MR_OK) {
        status = RIG_SINK.sink->open(&r->task, &r->err);
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
    RIG_SINK.sink->close(&r->task);
}

static inline void rig_free(rig *r)
{
    rig_close(r);
    mr_options_release(RIG_SINK.options, r->task.self);
    for (size_t i = 0; i < r->task.route_count; i++) {
        mr_options_release(RIG_SINK.route_options, r->routes[i].options);
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
    return RIG_SINK.sink->begin(&r->task, &r->err);
}

static inline mr_status rig_write(rig *r, const mr_batch *batch)
{
    return RIG_SINK.sink->write(&r->task, batch, &r->err);
}

static inline mr_status rig_commit(rig *r)
{
    mr_offsets upto = {&r->offset, 1};
    return RIG_SINK.sink->commit(&r->task, &upto, &r->err);
}

static inline void rig_abort(rig *r)
{
    RIG_SINK.sink->abort(&r->task);
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
