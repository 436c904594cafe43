/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams rows into a binary COPY. libpq is handed one piece after the other and sends it while the
 * next is encoded; only when the server falls behind by a whole piece does the task wait for it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "codec/pgcopy.h"
#include "sinks/postgres/postgres.h"

static const char doing_copy[] = "cannot copy rows into the database";

void pg_plan_note_sent(pg_plan *plan, const mr_batch *batch, size_t index)
{
    if (plan->sent_count == plan->sent_capacity) {
        plan->sent_capacity = plan->sent_capacity ? plan->sent_capacity * 2 : 1024;
        plan->sent = mr_realloc_array(plan->sent, plan->sent_capacity, sizeof *plan->sent);
    }
    plan->sent[plan->sent_count++] = (pg_sent){batch, index};
}

/* Sends what is pending before, so that no more than one piece waits inside of libpq. */
static mr_status put(pg_sink *sink, const char *data, size_t len, mr_error *err)
{
    mr_status status = pg_flush(sink, doing_copy, err);
    while (status == MR_OK && len) {
        size_t piece = len < INT32_MAX / 2 ? len : INT32_MAX / 2;
        if (PQputCopyData(sink->connection, data, (int)piece) != 1 ||
            PQflush(sink->connection) < 0) {
            return pg_lost(sink, doing_copy, err);
        }
        data += piece;
        len -= piece;
        status = len ? pg_flush(sink, doing_copy, err) : MR_OK;
    }
    return status;
}

/* One round trip for all that comes before the first row. */
static mr_status start(pg_sink *sink, pg_plan *plan, enum pg_copy_kind kind, mr_error *err)
{
    char *sql = mr_format("%s%s%s", pg_begin_sql(sink),
                          kind == PG_COPY_SAVEPOINT ? "SAVEPOINT millrace_plain; " : "",
                          kind == PG_COPY_STAGE ? plan->stage_copy_sql : plan->copy_sql);
    char doing[200];
    snprintf(doing, sizeof doing, "cannot start to copy rows into %s", plan->route->name.quoted);
    mr_status status = pg_run(sink, sql, doing, err);
    free(sql);
    if (status == MR_OK) {
        sink->copy = (pg_copy){.plan = plan, .first = plan->flushed, .kind = kind};
        status = put(sink, mr_pg_header, sizeof mr_pg_header, err);
    }
    return status;
}

mr_status pg_copy_open(pg_sink *sink, mr_task *task, pg_plan *plan, enum pg_copy_kind kind,
                       mr_error *err)
{
    if (sink->copy.plan == plan && sink->copy.kind == kind) {
        return MR_OK;
    }
    mr_status status = pg_copy_close(sink, task, err);
    if (status == MR_OK && kind == PG_COPY_STAGE) {
        status = pg_plan_stage(sink, plan, err);
        plan->stage_used = true;
    }
    return status == MR_OK ? start(sink, plan, kind, err) : status;
}

mr_status pg_copy_send(pg_sink *sink, pg_plan *plan, mr_error *err)
{
    pg_start_clock(sink);
    mr_status status = put(sink, plan->buffer.data, plan->buffer.len, err);
    mr_buffer_clear(&plan->buffer);
    plan->flushed = plan->sent_count;
    return status;
}

/* The record that the server's "COPY trips, line 3" is about. */
static const pg_sent *row_of(const pg_copy *copy, const PGresult *result)
{
    char column[128];
    uint64_t line =
        pg_copy_line(PQresultErrorField(result, PG_DIAG_CONTEXT), column, sizeof column);
    size_t rows = copy->plan->flushed - copy->first;
    return line && line <= rows ? &copy->plan->sent[copy->first + line - 1] : NULL;
}

mr_status pg_copy_end(pg_sink *sink, const pg_sent **bad, mr_error *err)
{
    *bad = NULL;
    pg_copy copy = sink->copy;
    if (!copy.plan) {
        return MR_OK;
    }
    pg_start_clock(sink);
    mr_status status = put(sink, mr_pg_trailer, sizeof mr_pg_trailer, err);
    if (status != MR_OK) {
        return status;
    }
    sink->copy = (pg_copy){0};
    if (PQputCopyEnd(sink->connection, NULL) != 1) {
        return pg_lost(sink, doing_copy, err);
    }
    char doing[200];
    snprintf(doing, sizeof doing, "cannot copy rows into %s", copy.plan->route->name.quoted);
    mr_status verdict = MR_OK;
    for (;;) {
        PGresult *result = NULL;
        mr_error later;
        status = pg_next_result(sink, doing, &result, verdict == MR_OK ? err : &later);
        if (status != MR_OK || !result) {
            return status != MR_OK ? status : verdict;
        }
        if (PQresultStatus(result) != PGRES_COMMAND_OK && verdict == MR_OK) {
            verdict = pg_fail(sink, result, doing, err);
            *bad = verdict == MR_REJECT ? row_of(&copy, result) : NULL;
        }
        PQclear(result);
    }
}

mr_status pg_copy_close(pg_sink *sink, mr_task *task, mr_error *err)
{
    const pg_sent *bad;
    mr_status status = pg_copy_end(sink, &bad, err);
    if (bad) {
        mr_reject(task, bad->batch, bad->index, err);
    }
    return status;
}

void pg_copy_abandon(pg_sink *sink)
{
    if (!sink->copy.plan) {
        return;
    }
    sink->copy = (pg_copy){0};
    if (sink->lost || PQputCopyEnd(sink->connection, "the epoch was aborted") != 1) {
        return;
    }
    pg_start_clock(sink);
    mr_error ignored;
    PGresult *result = NULL;
    while (pg_next_result(sink, doing_copy, &result, &ignored) == MR_OK && result) {
        PQclear(result);
    }
}
