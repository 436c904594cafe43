/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running a query over batches. One plan per input schema, a few of them kept; plain columns are
 * copied as cells, SQLite sees only what it must compute; a row that fails is set aside and the
 * scan goes on behind it.
 */
#include "transform/transform.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/clock.h"
#include "codec/schema.h"
#include "transform/cell_text.h"
#include "transform/plan.h"
#include "transform/value.h"

enum { PLANS_MAX = 16 };

struct mr_transform {
    char *query, *output_name;
    mr_plan *bare; /* without a schema: for batches of tombstones only */
    mr_plan *plans[PLANS_MAX];
    size_t plan_count;
    uint64_t uses;
};

/* One call of mr_transform_run(). */
typedef struct run {
    mr_plan *plan;
    const mr_batch *in;
    mr_arena *arena;
    mr_record *records; /* as many as come in: room is taken once */
    size_t count;
    mr_transform_failure *failures;
    size_t failure_count, failure_room;
    size_t tombstone; /* the next record to be looked at for one */
    const bool *drop; /* tombstones that WHERE refuses; NULL: none */
} run;

mr_status mr_transform_check(const char *query, mr_error *err)
{
    mr_plan *plan;
    mr_status status = mr_plan_new(query, "record", NULL, &plan, err);
    if (status == MR_OK) {
        mr_plan_free(plan);
    }
    return status;
}

mr_status mr_transform_new(const char *query, const char *output_name, mr_transform **ret,
                           mr_error *err)
{
    mr_plan *bare;
    mr_status status = mr_plan_new(query, output_name, NULL, &bare, err);
    if (status != MR_OK) {
        return status;
    }
    mr_transform *transform = mr_calloc(1, sizeof *transform);
    transform->query = mr_strdup(query);
    transform->output_name = mr_strdup(output_name);
    transform->bare = bare;
    *ret = transform;
    return MR_OK;
}

void mr_transform_free(mr_transform *transform)
{
    if (!transform) {
        return;
    }
    for (size_t i = 0; i < transform->plan_count; i++) {
        mr_plan_free(transform->plans[i]);
    }
    mr_plan_free(transform->bare);
    free(transform->query);
    free(transform->output_name);
    free(transform);
}

/* --- plans --- */

static bool same_schema(const mr_schema *a, const mr_schema *b)
{
    return a == b ||
           (a->fingerprint == b->fingerprint && strcmp(mr_schema_json(a), mr_schema_json(b)) == 0);
}

static mr_status find_plan(mr_transform *t, const mr_schema *schema, mr_plan **ret, mr_error *err)
{
    mr_plan **oldest = &t->plans[0];
    for (size_t i = 0; i < t->plan_count; i++) {
        mr_plan *plan = t->plans[i];
        if (same_schema(plan->input, schema)) {
            plan->last_used = ++t->uses;
            *ret = plan;
            return MR_OK;
        }
        if (plan->last_used < (*oldest)->last_used) {
            oldest = &t->plans[i];
        }
    }
    mr_plan *plan;
    mr_status status = mr_plan_new(t->query, t->output_name, schema, &plan, err);
    if (status != MR_OK) {
        return status;
    }
    if (t->plan_count < PLANS_MAX) {
        oldest = &t->plans[t->plan_count++];
    } else {
        mr_plan_free(*oldest);
    }
    plan->last_used = ++t->uses;
    *oldest = *ret = plan;
    return MR_OK;
}

/* --- tombstones --- */

static void pass_tombstones(run *r, size_t before)
{
    for (; r->tombstone < before; r->tombstone++) {
        const mr_record *record = &r->in->records[r->tombstone];
        if (!record->value && !(r->drop && r->drop[r->tombstone])) {
            r->records[r->count] = *record;
            r->records[r->count++].before = NULL; /* of the input's schema */
        }
    }
}

static bool has_tombstones(const mr_batch *in)
{
    for (size_t i = 0; i < in->count; i++) {
        if (!in->records[i].value) {
            return true;
        }
    }
    return false;
}

static void start_scan(run *r, size_t start, bool valueless)
{
    mr_scan *scan = &r->plan->scan;
    scan->batch = r->in;
    scan->start = start;
    scan->valueless = valueless;
}

/* Asks WHERE with all fields NULL: only a condition that is false whatever the fields are drops a
 * tombstone. One that fails passes: a delete that arrives too often does no harm. */
static mr_status judge_tombstones(run *r, mr_error *err)
{
    sqlite3_stmt *statement = r->plan->where;
    if (!statement || !has_tombstones(r->in)) {
        return MR_OK;
    }
    bool *drop = mr_arena_calloc(r->arena, r->in->count, sizeof *drop);
    r->drop = drop;
    start_scan(r, 0, true);
    for (;;) {
        int rc = sqlite3_step(statement);
        size_t row = r->plan->scan.row;
        if (rc == SQLITE_ROW && row < r->in->count) {
            drop[row] = sqlite3_column_type(statement, 0) != SQLITE_NULL &&
                        sqlite3_column_double(statement, 0) == 0;
            continue;
        }
        sqlite3_reset(statement);
        if (rc == SQLITE_DONE) {
            return MR_OK;
        }
        if (rc == SQLITE_NOMEM || row >= r->in->count) {
            return mr_fail(err, MR_RETRY, MR_DOMAIN_TRANSFORM, "SQLite: %s",
                           sqlite3_errmsg(r->plan->db));
        }
        start_scan(r, row + 1, true);
    }
}

/* --- rows --- */

static void add_failure(run *r, const mr_error *why)
{
    if (r->failure_count == r->failure_room) {
        size_t room = r->failure_room ? r->failure_room * 2 : 4;
        mr_transform_failure *more = mr_arena_alloc(r->arena, room * sizeof *more);
        if (r->failure_count) {
            memcpy(more, r->failures, r->failure_count * sizeof *more);
        }
        r->failures = more;
        r->failure_room = room;
    }
    r->failures[r->failure_count++] =
        (mr_transform_failure){r->in->records[r->plan->scan.row].origin, *why};
}

static mr_status check_text(const mr_output *output, const mr_cell *cell, mr_error *err)
{
    if (cell->type == MR_STRING && !mr_utf8_valid(cell->as.text, cell->len)) {
        mr_fail(err, MR_REJECT, MR_DOMAIN_TRANSFORM,
                "column %s: the text is not valid UTF-8; hex() shows its bytes", output->name);
        mr_error_field(err, output->name);
        return MR_REJECT;
    }
    return MR_OK;
}

static mr_cell meta_cell(run *r, const mr_output *output, mr_meta meta)
{
    const mr_record *record = &r->in->records[r->plan->scan.row];
    mr_cell cell = {.type = MR_STRING, .branch = output->type.nullable};
    size_t len;
    switch (meta) {
    case MR_META_PARTITION:
        cell.type = MR_INT;
        cell.as.i = record->partition;
        return cell;
    case MR_META_OFFSET:
        cell.type = MR_LONG;
        cell.as.i = record->offset;
        return cell;
    case MR_META_TIMESTAMP:
        cell.type = MR_TIMESTAMP_MS;
        cell.as.i = record->timestamp_ms;
        return record->timestamp_ms >= 0 ? cell : (mr_cell){.type = MR_NULL};
    default:
        break;
    }
    const char *text = mr_scan_meta_text(&r->plan->scan, meta, &len);
    if (!text) {
        return (mr_cell){.type = MR_NULL};
    }
    cell.as.text = mr_arena_copy(r->arena, text, len);
    cell.len = (uint32_t)len;
    return cell;
}

static mr_status fill_row(run *r, mr_cell *cells, mr_error *err)
{
    const mr_plan *plan = r->plan;
    const mr_cell *value = r->in->records[plan->scan.row].value;
    int expression = 0;
    for (size_t i = 0; i < plan->query.count; i++) {
        const mr_output *output = &plan->query.outputs[i];
        mr_status status;
        if (output->column < 0) {
            status = mr_value_cell(sqlite3_column_value(plan->exec, expression++), output, r->arena,
                                   &cells[i], err);
        } else {
            const mr_column *column = &plan->columns.items[output->column];
            cells[i] = column->meta == MR_META_NONE
                           ? *mr_scan_cell(&plan->columns, value, output->column)
                           : meta_cell(r, output, column->meta);
            status = check_text(output, &cells[i], err);
        }
        if (status != MR_OK) {
            return status;
        }
    }
    return MR_OK;
}

/* The row SQLite stands at becomes a record, or a failure. */
static void add_row(run *r)
{
    size_t row = r->plan->scan.row, fields = r->plan->query.count;
    pass_tombstones(r, row);
    mr_arena_mark mark = mr_arena_get_mark(r->arena);
    mr_cell *cells = mr_arena_alloc(r->arena, (fields + 1) * sizeof *cells);
    cells[0] = (mr_cell){.type = MR_RECORD, .len = (uint32_t)fields, .as.cells = cells + 1};
    mr_error why;
    if (fill_row(r, cells + 1, &why) != MR_OK) {
        mr_arena_rewind(r->arena, mark);
        add_failure(r, &why);
        return;
    }
    mr_record *record = &r->records[r->count++];
    *record = r->in->records[row];
    record->value = cells;
    record->before = NULL;
    record->raw_value = (mr_slice){NULL, 0};
}

static void add_sqlite_failure(run *r, int rc)
{
    mr_error why;
    if (rc == SQLITE_INTERRUPT) {
        mr_fail(&why, MR_REJECT, MR_DOMAIN_TRANSFORM,
                "the query takes too long on this record: a sub-query over a large nested value?");
    } else {
        mr_fail(&why, MR_REJECT, MR_DOMAIN_TRANSFORM, "the query fails on this record: %s",
                sqlite3_errmsg(r->plan->db));
    }
    mr_error_code(&why, rc, sqlite3_errstr(rc));
    add_failure(r, &why);
}

static mr_status run_sql(run *r, mr_error *err)
{
    sqlite3_stmt *statement = r->plan->exec;
    const mr_scan *scan = &r->plan->scan;
    start_scan(r, 0, false);
    for (;;) {
        int rc = sqlite3_step(statement);
        if (rc == SQLITE_ROW && scan->row < r->in->count) {
            add_row(r);
            continue;
        }
        if (rc == SQLITE_DONE) {
            sqlite3_reset(statement);
            return MR_OK;
        }
        if (rc == SQLITE_ROW || rc == SQLITE_NOMEM || scan->row >= r->in->count) {
            mr_fail(err, rc == SQLITE_NOMEM ? MR_RETRY : MR_FATAL, MR_DOMAIN_TRANSFORM,
                    "the query does not give its rows record by record (%s); an aggregate in a "
                    "sub-query must be over json_each()",
                    sqlite3_errmsg(r->plan->db));
            if (err) {
                err->permanent = rc != SQLITE_NOMEM;
            }
            sqlite3_reset(statement);
            return rc == SQLITE_NOMEM ? MR_RETRY : MR_FATAL;
        }
        add_sqlite_failure(r, rc);
        size_t next = scan->row + 1;
        sqlite3_reset(statement);
        start_scan(r, next, false);
    }
}

/* Every record passes and nothing is computed: no SQLite at all. */
static void run_plain(run *r)
{
    mr_scan *scan = &r->plan->scan;
    start_scan(r, 0, false);
    for (scan->row = 0; scan->row < r->in->count; scan->row++) {
        if (r->in->records[scan->row].value) {
            add_row(r);
        }
    }
}

static mr_status run_rows(run *r, mr_error *err)
{
    mr_plan *plan = r->plan;
    plan->scan.now_us = mr_wall_ms() * 1000;
    memset(plan->scan.json, 0, plan->columns.count * sizeof *plan->scan.json);
    mr_status status = judge_tombstones(r, err);
    if (status != MR_OK || !plan->input) {
        return status;
    }
    if (plan->exec) {
        return run_sql(r, err);
    }
    run_plain(r);
    return MR_OK;
}

mr_status mr_transform_run(mr_transform *transform, const mr_batch *in, mr_arena *arena,
                           mr_transform_result *ret, mr_error *err)
{
    run r = {.plan = transform->bare, .in = in, .arena = arena};
    mr_status status = MR_OK;
    if (in->schema) {
        status = find_plan(transform, in->schema, &r.plan, err);
    }
    if (status != MR_OK) {
        return status;
    }
    r.records = mr_arena_alloc(arena, in->count * sizeof *r.records);
    status = run_rows(&r, err);
    r.plan->scan.batch = NULL;
    if (status != MR_OK) {
        return status;
    }
    pass_tombstones(&r, in->count);
    *ret = (mr_transform_result){
        .batch = *in,
        .failures = r.failures,
        .failure_count = r.failure_count,
    };
    ret->batch.schema = r.plan->output;
    ret->batch.records = r.records;
    ret->batch.count = r.count;
    ret->batch.arena = arena;
    return MR_OK;
}
