/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The postgres sink: rows by binary COPY, offsets in the same transaction.
 *
 *   open      connect, set up the session, make millrace.offsets when it is missing
 *   recover   claim the partitions, read their offsets back
 *   write     insert: rows are encoded and streamed into a COPY while later records are decoded;
 *             upsert, update: keys are noted, of rows and of deletes, nothing is sent yet
 *   commit    end the COPY, or send what is left of each key and merge it; then store the offsets
 *             and COMMIT, in one round trip
 *   abort     ROLLBACK
 *
 * The transaction begins with the first thing sent. docs/delivery.md says why this is exactly once.
 */
#include <string.h>

#include "base/alloc.h"
#include "sinks/postgres/postgres.h"

#include <stdlib.h>

static mr_status sink_open(mr_task *task, mr_error *err)
{
    pg_sink *sink = mr_self(task);
    mr_status status = pg_connect(sink, task, err);
    return status == MR_OK ? pg_offsets_open(sink, task, err) : status;
}

static mr_status sink_recover(mr_task *task, mr_offsets *assigned, mr_error *err)
{
    return pg_offsets_claim(mr_self(task), task, assigned, err);
}

static void clear_epoch(pg_sink *sink)
{
    for (pg_route *route = sink->routes; route; route = route->next) {
        route->pending_count = 0;
        route->items.count = 0;
        for (pg_plan *plan = route->plans; plan; plan = plan->next) {
            pg_plan_clear_epoch(plan);
        }
    }
    if (sink->ddl_in_transaction) {
        sink->ddl_in_transaction = false;
        pg_plans_drop(sink);
    }
}

static mr_status sink_begin(mr_task *task, mr_error *err)
{
    pg_sink *sink = mr_self(task);
    if (sink->lost || PQtransactionStatus(sink->connection) != PQTRANS_IDLE) {
        return pg_lost(sink, "cannot begin an epoch", err);
    }
    return MR_OK;
}

/* Names the records that are no rows; MR_REJECT when there are any. */
static mr_status check_records(mr_task *task, const mr_batch *batch, bool may_delete, mr_error *err)
{
    mr_status status = MR_OK;
    for (size_t i = 0; i < batch->count; i++) {
        const mr_record *record = &batch->records[i];
        if (pg_is_delete(record) ? may_delete : record->value->type == MR_RECORD) {
            continue;
        }
        status = mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
                         pg_is_delete(record)
                             ? "a delete (tombstone), and insert mode has no key to delete by: set "
                               "insert.mode=upsert with key.fields, or pass such records over with "
                               "delete.enabled=false"
                             : "the value is no record, so it makes no row");
        mr_reject(task, batch, i, err);
    }
    return status;
}

static enum pg_copy_kind insert_kind(const pg_plan *plan)
{
    return plan->plain ? PG_COPY_TARGET : PG_COPY_STAGE;
}

/* Insert: encode and stream. */
static mr_status stream(pg_sink *sink, mr_task *task, pg_plan *plan, const mr_batch *batch,
                        mr_error *err)
{
    bool rejected = false;
    for (size_t i = 0; i < batch->count; i++) {
        mr_error why;
        if (pg_is_delete(&batch->records[i])) {
            continue;
        }
        if (!pg_encode_row(plan, batch, i, &why)) {
            mr_reject(task, batch, i, &why);
            *err = why;
            rejected = true;
            continue;
        }
        pg_plan_note_sent(plan, batch, i);
        if (plan->buffer.len >= PG_CHUNK_BYTES && !rejected) {
            mr_status status = pg_copy_open(sink, task, plan, insert_kind(plan), err);
            if (status == MR_OK) {
                status = pg_copy_send(sink, plan, err);
            }
            if (status != MR_OK) {
                return status;
            }
        }
    }
    return rejected ? MR_REJECT : MR_OK;
}

/* The server's word on a row counts only if the row was made for the table as it is; ours on a text
 * that is too long, if the column can not be made wider. */
static mr_status confirm(pg_sink *sink, mr_task *task, mr_status status, mr_error *err)
{
    if (status != MR_REJECT) {
        return status;
    }
    return err->domain == MR_DOMAIN_POSTGRES ? pg_table_suspect(sink, err)
                                             : pg_widen_texts(sink, task, err);
}

static bool has_rows(const mr_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (!pg_is_delete(&batch->records[i])) {
            return true;
        }
    }
    return false;
}

/* Upsert and update: rows and deletes are noted. */
static mr_status note(pg_sink *sink, mr_task *task, const pg_part *part, bool deletes_count,
                      mr_error *err)
{
    pg_plan *plan = NULL, *delete_plan = NULL;
    const mr_batch *deletes = NULL;
    mr_status status = MR_OK;
    if (has_rows(part->batch)) {
        status = pg_plan_get(sink, task, part->route, part->batch->schema, &plan, err);
    }
    if (status == MR_OK && deletes_count) {
        status = pg_deletes_take(sink, task, part->route, part->batch, &deletes, err);
    }
    if (status == MR_OK && deletes) {
        status = pg_plan_get_deletes(sink, task, part->route, deletes, &delete_plan, err);
    }
    return status == MR_OK
               ? pg_dedupe_add(task, part->route, part->batch, plan, deletes, delete_plan, err)
               : status;
}

static mr_status append(pg_sink *sink, mr_task *task, const pg_part *part, mr_error *err)
{
    pg_plan *plan;
    if (!has_rows(part->batch)) {
        return MR_OK;
    }
    mr_status status = pg_plan_get(sink, task, part->route, part->batch->schema, &plan, err);
    return status == MR_OK ? confirm(sink, task, stream(sink, task, plan, part->batch, err), err)
                           : status;
}

static mr_status sink_write(mr_task *task, const mr_batch *batch, mr_error *err)
{
    pg_sink *sink = mr_self(task);
    const pg_route_options *o = batch->route->options;
    bool keyed = pg_keyed(o), deletes_count = o->delete_enabled != PG_DELETES_OFF;
    if (batch->count == 0) {
        return MR_OK;
    }
    mr_status status = check_records(task, batch, keyed || !deletes_count, err);
    pg_parts parts;
    if (status == MR_OK) {
        status = pg_parts_of(sink, task, batch, deletes_count, &parts, err);
    }
    if (status != MR_OK) {
        return status;
    }
    for (size_t i = 0; i < parts.count && status == MR_OK; i++) {
        const pg_part *part = &parts.list[i];
        status = keyed ? note(sink, task, part, deletes_count, err) : append(sink, task, part, err);
    }
    return status;
}

/* What is left in the buffers of an insert route, and the merge of what had to be staged. */
static mr_status finish_inserts(pg_sink *sink, mr_task *task, pg_route *route, mr_error *err)
{
    mr_status status = MR_OK;
    for (pg_plan *plan = route->plans; plan && status == MR_OK; plan = plan->next) {
        if (plan->buffer.len) {
            status = pg_copy_open(sink, task, plan, insert_kind(plan), err);
            if (status == MR_OK) {
                status = pg_copy_send(sink, plan, err);
            }
        }
        if (status == MR_OK && sink->copy.plan == plan) {
            status = pg_copy_close(sink, task, err);
        }
        if (status == MR_OK && plan->stage_used) {
            status = pg_plan_merge(sink, plan, err);
        }
    }
    return status;
}

static mr_status commit(pg_sink *sink, mr_task *task, const mr_offsets *upto, mr_error *err)
{
    mr_status status = MR_OK;
    for (pg_route *route = sink->routes; route && status == MR_OK; route = route->next) {
        status = route->mode != PG_INSERT ? pg_upsert_flush(sink, task, route, err)
                                          : finish_inserts(sink, task, route, err);
    }
    return status == MR_OK ? pg_offsets_commit(sink, task, upto, err) : status;
}

/* Update: rows that are not there are passed over, but not in silence. */
static void tell_missing(pg_sink *sink, mr_task *task)
{
    for (const pg_route *route = sink->routes; route; route = route->next) {
        for (const pg_plan *plan = route->plans; plan; plan = plan->next) {
            if (plan->missing && !sink->missing) {
                mr_task_warn(task,
                             "update: %lld of %zu records of an epoch have no row in %s and were "
                             "passed over; said once, counted as rows_missing",
                             (long long)plan->missing, plan->sent_count, route->name.quoted);
            }
            sink->missing += plan->missing;
        }
    }
    if (sink->missing) {
        mr_task_gauge(task, "rows_missing", (double)sink->missing);
    }
}

static mr_status sink_commit(mr_task *task, const mr_offsets *upto, mr_error *err)
{
    pg_sink *sink = mr_self(task);
    mr_status status = confirm(sink, task, commit(sink, task, upto, err), err);
    if (status == MR_OK) {
        tell_missing(sink, task);
        clear_epoch(sink);
    }
    return status;
}

static void sink_abort(mr_task *task)
{
    pg_sink *sink = mr_self(task);
    pg_copy_abandon(sink);
    if (!sink->lost) {
        mr_error ignored;
        (void)!pg_rollback(sink, &ignored); /* a failure shows in the next begin() */
    }
    clear_epoch(sink);
}

static void sink_close(mr_task *task)
{
    pg_sink *sink = mr_self(task);
    pg_plans_drop(sink);
    pg_disconnect(sink);
    sink->copy = (pg_copy){0};
    sink->ddl_in_transaction = false;
    memset(sink->refused, 0, sizeof sink->refused);
    free(sink->offsets_table);
    sink->offsets_table = NULL;
}

static const mr_sink operations = {
    .open = sink_open,
    .recover = sink_recover,
    .begin = sink_begin,
    .write = sink_write,
    .commit = sink_commit,
    .abort = sink_abort,
    .close = sink_close,
    .foresee = pg_foresee,
};

static const char help[] =
    "Writes records into PostgreSQL tables with binary COPY, exactly once: Kafka offsets are kept "
    "in the table millrace.offsets and change in the same transaction as the rows.\n"
    "\n"
    "Each field of a record goes into the column of its name. Columns without a field get their "
    "default. The table can be made from the record's schema (auto.create). Records that "
    "PostgreSQL refuses go to the dead-letter topic alone, with SQLSTATE and column.\n"
    "\n"
    "  \"sinks\": {\"to-postgres\": {\n"
    "    \"connector\": \"postgres\", \"topics\": [\"taxi_trips\"],\n"
    "    \"connection.url\": \"${env:DATABASE_URL}\",\n"
    "    \"table\": \"trips\", \"key.fields\": [\"trip_id\"], \"auto.create\": true}}\n";

const mr_connector mr_postgres_sink = {
    .name = "postgres",
    .summary = "writes records into PostgreSQL tables, exactly once, by COPY and merge",
    .help = help,
    .capabilities = MR_STORES_OFFSETS,
    .state_size = sizeof(pg_sink),
    .options = pg_options,
    .route_size = sizeof(pg_route_options),
    .route_options = pg_route_options_table,
    .check = pg_check,
    .write_types = pg_types_page,
    .sink = &operations,
};
