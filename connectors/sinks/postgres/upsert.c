/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row for each key. Two ways into the table:
 *
 *   plain   COPY straight into it, behind a savepoint: nearly twice as fast as the merge, and right
 *           when no key is there yet. A key that is there fails it (23505); back to the savepoint.
 *   merge   COPY into the staging table, then INSERT ... ON CONFLICT DO UPDATE.
 *
 * Deletes go first, by a merge of their own: a key that is deleted and written is deleted before it
 * is written (dedupe.c), and what a deleted row held (a unique value) is free for the rows that
 * come. Update mode always merges.
 *
 * Where two rows of a key count, having other columns, they are written one after the other, layer
 * by layer. That is rare: records of an old schema after those of a new one in the same epoch.
 *
 * Which one is learned: after a failure the next epochs merge, 1, then 3, 7, ... up to 63 of them,
 * before plain is tried again; so loads of new keys get the speed of COPY, and loads of updates pay
 * one small failed attempt (at most the first thousand rows reach the table) in 64 epochs.
 */
#include <string.h>

#include "sinks/postgres/postgres.h"

enum { PENALTY_MAX = 63 };

static mr_status reject_row(mr_task *task, const pg_sent *row, const mr_error *err)
{
    mr_reject(task, row->batch, row->index, err);
    return MR_REJECT;
}

/* Encodes the plan's items of a layer in key order and streams them. Once a record has been
 * rejected the rest is only checked, so that all bad records of an epoch are named at once. */
static mr_status send_items(pg_sink *sink, mr_task *task, pg_plan *plan, enum pg_copy_kind kind,
                            uint32_t layer, mr_error *err)
{
    const pg_route *route = plan->route;
    pg_plan_clear_epoch(plan);
    mr_status status = pg_copy_open(sink, task, plan, kind, err);
    bool rejected = false;
    for (size_t i = 0; i < route->items.count && status == MR_OK; i++) {
        const pg_item *item = &route->items.list[i];
        const struct pg_pending *from = &route->pending[item->batch];
        if (from->plan != plan || item->layer != layer) {
            continue;
        }
        mr_error why;
        if (!pg_encode_row(plan, from->batch, item->index, &why)) {
            reject_row(task, &(pg_sent){from->batch, item->index}, &why);
            *err = why;
            rejected = true;
            continue;
        }
        pg_plan_note_sent(plan, from->batch, item->index);
        if (rejected) {
            mr_buffer_clear(&plan->buffer);
        } else if (plan->buffer.len >= PG_CHUNK_BYTES) {
            status = pg_copy_send(sink, plan, err);
        }
    }
    if (status == MR_OK && !rejected) {
        status = pg_copy_send(sink, plan, err);
    }
    return status == MR_OK && rejected ? MR_REJECT : status;
}

/* Without looking at the items; those of the upper layers are few, and often of one plan. */
static bool has_batches(const pg_route *route, const pg_plan *plan)
{
    for (size_t i = 0; i < route->pending_count; i++) {
        if (route->pending[i].plan == plan) {
            return true;
        }
    }
    return false;
}

static bool has_items(const pg_route *route, const pg_plan *plan, uint32_t layer)
{
    if (!has_batches(route, plan) || layer == 0) {
        return has_batches(route, plan);
    }
    for (size_t i = 0; i < route->items.count; i++) {
        const pg_item *item = &route->items.list[i];
        if (item->layer == layer && route->pending[item->batch].plan == plan) {
            return true;
        }
    }
    return false;
}

/* *exists: some key was there already, or came up while we wrote; the savepoint was gone back to.
 */
static mr_status try_plain(pg_sink *sink, mr_task *task, pg_route *route, bool *exists,
                           mr_error *err)
{
    *exists = false;
    mr_status status = pg_copy_close(sink, task, err); /* another route's */
    enum pg_copy_kind kind = PG_COPY_SAVEPOINT;        /* before the first of them */
    const pg_sent *bad = NULL;
    for (pg_plan *plan = route->plans; plan && status == MR_OK; plan = plan->next) {
        if (!plan->deletes && has_items(route, plan, 0)) {
            status = send_items(sink, task, plan, kind, 0, err);
            if (status == MR_OK) {
                status = pg_copy_end(sink, &bad, err);
            }
            kind = PG_COPY_TARGET;
        }
    }
    if (status == MR_REJECT && err && strcmp(err->code, "23505") == 0) {
        *exists = true;
        return pg_run(sink, "ROLLBACK TO SAVEPOINT millrace_plain", "cannot roll back", err);
    }
    return bad ? reject_row(task, bad, err) : status;
}

static mr_status merge(pg_sink *sink, mr_task *task, pg_route *route, bool deletes, uint32_t layer,
                       mr_error *err)
{
    mr_status status = MR_OK;
    for (pg_plan *plan = route->plans; plan && status == MR_OK; plan = plan->next) {
        if (plan->deletes != deletes || !has_items(route, plan, layer)) {
            continue;
        }
        status = send_items(sink, task, plan, PG_COPY_STAGE, layer, err);
        if (status == MR_OK) {
            status = pg_copy_close(sink, task, err);
        }
        if (status == MR_OK) {
            status = pg_plan_merge(sink, plan, err);
        }
        if (status == MR_OK && layer) {
            status = pg_run(sink, plan->empty_sql, "cannot empty the temporary table", err);
        }
    }
    return status;
}

static bool may_try_plain(pg_route *route)
{
    if (route->mode != PG_UPSERT || route->layers > 1) {
        return false;
    }
    if (route->plain_wait) {
        route->plain_wait--;
        return false;
    }
    for (const pg_plan *plan = route->plans; plan; plan = plan->next) {
        if (!plan->plain && !plan->deletes) {
            return false;
        }
    }
    return true;
}

mr_status pg_upsert_flush(pg_sink *sink, mr_task *task, pg_route *route, mr_error *err)
{
    if (!route->items.count) {
        return MR_OK;
    }
    pg_dedupe_finish(route);
    mr_status status = merge(sink, task, route, true, 0, err);
    for (uint32_t layer = route->layers; --layer > 0 && status == MR_OK;) {
        status = merge(sink, task, route, false, layer, err);
    }
    if (status != MR_OK) {
        return status;
    }
    if (may_try_plain(route)) {
        bool exists;
        status = try_plain(sink, task, route, &exists, err);
        if (status != MR_OK || !exists) {
            route->plain_penalty = status == MR_OK ? 0 : route->plain_penalty;
            return status;
        }
        route->plain_penalty = route->plain_penalty * 2 + 1;
        if (route->plain_penalty > PENALTY_MAX) {
            route->plain_penalty = PENALTY_MAX;
        }
        route->plain_wait = route->plain_penalty;
    }
    return merge(sink, task, route, false, 0, err);
}
