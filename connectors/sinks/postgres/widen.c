/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns of varchar(n), and arrays of it, whose texts have become longer. No schema says how long
 * texts are, so it is found out by the text itself: the writers note how long a text was that did
 * not fit. A wider varchar is a change of the catalogue alone (an array is rewritten); the length
 * is at least doubled, so that a column is changed a few times in its life and not for each text.
 * As in evolve.c it is committed before the rows that need it, and the epoch begins again. char(n)
 * is left alone: its blanks mean something.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "sinks/postgres/postgres.h"

enum {
    STATEMENT_LIMIT_BYTES = 1 << 20,
    VARCHAR_MAX_CHARS = 10485760, /* MaxAttrSize */
    WIDENING = 0x7769646e,        /* tells this change of a table from those of evolve.c */
};

static size_t needed_chars(const pg_route *route, const pg_table *table,
                           const pg_target_column *column)
{
    size_t chars = 0;
    for (const pg_plan *plan = route->plans; plan; plan = plan->next) {
        for (size_t i = 0; i < plan->count; i++) {
            if (plan->longest_chars[i] > chars &&
                pg_table_column(table, plan->columns[i].name) == column) {
                chars = plan->longest_chars[i];
            }
        }
    }
    return chars;
}

static void build(const pg_route *route, const pg_table *table, mr_buffer *sql)
{
    for (size_t i = 0; i < table->count; i++) {
        const pg_target_column *column = &table->columns[i];
        Oid type = column->item_id ? column->item_id : column->type_id;
        int modifier = column->item_id ? column->item_modifier : column->modifier;
        size_t chars = needed_chars(route, table, column);
        size_t limit = modifier >= VARHDRSZ ? (size_t)(modifier - VARHDRSZ) : 0;
        if (type != OID_VARCHAR || column->domain || !limit || chars <= limit) {
            continue;
        }
        char *name = pg_quote(column->name);
        const char *of = column->item_id ? "[]" : "";
        chars = chars > 2 * limit ? chars : 2 * limit;
        mr_buffer_printf(sql, sql->len ? ", " : "ALTER TABLE %s ", route->name.quoted);
        if (chars > VARCHAR_MAX_CHARS) {
            mr_buffer_printf(sql, "ALTER COLUMN %s TYPE text%s", name, of);
        } else {
            mr_buffer_printf(sql, "ALTER COLUMN %s TYPE varchar(%zu)%s", name, chars, of);
        }
        free(name);
    }
}

/* The plan with a text that was too long; NULL: none, or it was tried in vain. */
static const pg_plan *find_wish(const pg_sink *sink, const pg_route *route)
{
    for (const pg_plan *plan = route->plans; plan && pg_may_evolve(route->options);
         plan = plan->next) {
        for (size_t i = 0; i < plan->count; i++) {
            if (plan->longest_chars[i] && !pg_was_refused(sink, plan->table, WIDENING)) {
                return plan;
            }
        }
    }
    return NULL;
}

/* MR_REJECT: nothing was changed. Another task may have been quicker: that is MR_OK as well. */
static mr_status widen(pg_sink *sink, mr_task *task, const pg_route *route, Oid oid, mr_error *err)
{
    pg_table table = {0};
    mr_buffer sql = MR_BUFFER_INIT(STATEMENT_LIMIT_BYTES);
    mr_status status = pg_begin_change(sink, oid, err);
    if (status == MR_OK) {
        status = pg_table_load(sink, &route->name, &table, err);
    }
    if (status == MR_OK) {
        build(route, &table, &sql);
    }
    if (status == MR_OK && sql.len) {
        status = pg_run(sink, mr_buffer_text(&sql), "cannot change the table", err);
    }
    if (status == MR_OK) {
        status = pg_run(sink, "COMMIT", "cannot change the table", err);
    }
    if (status != MR_OK) {
        status = pg_leave_table(sink, task, oid, WIDENING, mr_buffer_text(&sql), status, err);
        status = status == MR_OK ? MR_REJECT : status;
    } else if (sql.len) {
        mr_task_info(task, "the table follows its records: %s", mr_buffer_text(&sql));
    }
    mr_buffer_release(&sql);
    pg_table_release(&table);
    return status;
}

/* Does some text still not fit a column that is no varchar? Then nothing could be widened. */
static bool can_widen(pg_sink *sink, const pg_route *route, mr_status *status, mr_error *err)
{
    pg_table table = {0};
    mr_buffer sql = MR_BUFFER_INIT(STATEMENT_LIMIT_BYTES);
    *status = pg_table_load(sink, &route->name, &table, err);
    if (*status == MR_OK) {
        build(route, &table, &sql);
    }
    bool any = sql.len > 0;
    mr_buffer_release(&sql);
    pg_table_release(&table);
    return any;
}

mr_status pg_widen_texts(pg_sink *sink, mr_task *task, mr_error *err)
{
    mr_error why;
    bool changed = false;
    for (pg_route *route = sink->routes; route; route = route->next) {
        const pg_plan *plan = find_wish(sink, route);
        if (!plan) {
            continue;
        }
        pg_copy_abandon(sink);
        mr_status status = pg_rollback(sink, &why);
        if (status == MR_OK && can_widen(sink, route, &status, &why)) {
            status = widen(sink, task, route, plan->table, &why);
            changed = changed || status == MR_OK;
        }
        if (status != MR_OK && status != MR_REJECT) {
            *err = why;
            return status;
        }
    }
    if (!changed) {
        return MR_REJECT;
    }
    sink->ddl_in_transaction = true; /* the abort forgets all plans */
    return mr_fail(err, MR_RETRY, MR_DOMAIN_POSTGRES,
                   "columns were made wider, so the epoch begins again");
}
