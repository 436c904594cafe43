/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statements of a plan: COPY into the target or into a staging table, and the one statement
 * that moves staged rows on: INSERT, with ON CONFLICT in upsert mode, UPDATE, or DELETE by key. The
 * staging table is the connection's own (temporary, emptied by each commit), has just the plan's
 * columns and no constraint or index.
 *
 * An upsert leaves rows alone whose columns hold the same already: writing a row anew costs three
 * times as much as finding that it need not be (bench/pg_sink.md), and a replay writes nothing. The
 * comparison is of the stored form (record_image_ne), so that 1.0 and 1.00 count as different and
 * types without an equality operator (json) need none.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "sinks/postgres/postgres.h"

enum { STATEMENT_LIMIT_BYTES = 16 << 20 };

static char *take_text(mr_buffer *sql)
{
    char *text = mr_strdup(mr_buffer_text(sql));
    mr_buffer_release(sql);
    return text;
}

/* "a", "b" with `before` each; only columns that are no key when `keys` is false. */
static size_t add_columns(mr_buffer *sql, const pg_plan *plan, const char *before, bool keys)
{
    size_t added = 0;
    for (size_t i = 0; i < plan->count; i++) {
        if (keys || !plan->columns[i].key) {
            mr_buffer_printf(sql, "%s%s%s", added++ ? ", " : "", before, plan->columns[i].quoted);
        }
    }
    return added;
}

static char *copy_into(const pg_plan *plan, const char *table)
{
    mr_buffer sql = MR_BUFFER_INIT(STATEMENT_LIMIT_BYTES);
    mr_buffer_printf(&sql, "COPY %s (", table);
    add_columns(&sql, plan, "", true);
    mr_buffer_add_text(&sql, ") FROM STDIN (FORMAT binary)");
    return take_text(&sql);
}

static char *create_stage(const pg_plan *plan, const char *stage)
{
    mr_buffer sql = MR_BUFFER_INIT(STATEMENT_LIMIT_BYTES);
    mr_buffer_printf(&sql, "CREATE TEMPORARY TABLE %s (", stage);
    for (size_t i = 0; i < plan->count; i++) {
        const pg_column *column = &plan->columns[i];
        mr_buffer_printf(&sql, "%s%s %s", i ? ", " : "", column->quoted,
                         column->staged_type ? column->staged_type : column->target_type);
    }
    mr_buffer_add_text(&sql, ") ON COMMIT DELETE ROWS");
    return take_text(&sql);
}

/* The newest is kept: a row's version that is not known gives way, one that comes without does not
 * overwrite. `with` is what the version that comes is called. */
static void add_guard(mr_buffer *sql, const pg_plan *plan, const char *with)
{
    if (plan->version < plan->count) {
        const char *version = plan->columns[plan->version].quoted;
        mr_buffer_printf(sql, " AND (t.%s IS NULL OR t.%s <= %s%s", version, version, with,
                         version);
        if (plan->columns[plan->version].staged_type && *with == 's') {
            mr_buffer_printf(sql, "::%s", plan->columns[plan->version].target_type);
        }
        if (plan->deletes) { /* one that does not say which version it deletes */
            mr_buffer_printf(sql, " OR s.%s IS NULL", version);
        }
        mr_buffer_add_char(sql, ')');
    }
}

static void add_conflict(mr_buffer *sql, const pg_plan *plan)
{
    mr_buffer_add_text(sql, " ON CONFLICT (");
    for (size_t i = 0; i < plan->key_count; i++) {
        mr_buffer_printf(sql, "%s%s", i ? ", " : "", plan->columns[plan->keys[i]].quoted);
    }
    if (plan->key_count == plan->count) {
        mr_buffer_add_text(sql, ") DO NOTHING");
        return;
    }
    mr_buffer_add_text(sql, ") DO UPDATE SET ");
    bool first = true;
    for (size_t i = 0; i < plan->count; i++) {
        const pg_column *column = &plan->columns[i];
        if (!column->key) {
            mr_buffer_printf(sql, "%s%s = excluded.%s", first ? "" : ", ", column->quoted,
                             column->quoted);
            first = false;
        }
    }
    mr_buffer_add_text(sql, " WHERE pg_catalog.record_image_ne(ROW(");
    add_columns(sql, plan, "t.", false);
    mr_buffer_add_text(sql, "), ROW(");
    add_columns(sql, plan, "excluded.", false);
    mr_buffer_add_text(sql, "))");
    add_guard(sql, plan, "excluded.");
}

/* s."a", cast where it is staged as something else. */
static void add_staged(mr_buffer *sql, const pg_column *column)
{
    mr_buffer_printf(sql, "s.%s", column->quoted);
    if (column->staged_type) {
        mr_buffer_printf(sql, "::%s", column->target_type);
    }
}

static void add_key_match(mr_buffer *sql, const pg_plan *plan)
{
    for (size_t i = 0; i < plan->key_count; i++) {
        const pg_column *column = &plan->columns[plan->keys[i]];
        mr_buffer_printf(sql, "%st.%s = ", i ? " AND " : "", column->quoted);
        add_staged(sql, column);
    }
}

static char *delete_by(const pg_plan *plan, const char *stage)
{
    mr_buffer sql = MR_BUFFER_INIT(STATEMENT_LIMIT_BYTES);
    mr_buffer_printf(&sql, "DELETE FROM %s AS t USING %s s WHERE ", plan->route->name.quoted,
                     stage);
    add_key_match(&sql, plan);
    add_guard(&sql, plan, "s.");
    return take_text(&sql);
}

static char *update_by(const pg_plan *plan, const char *stage)
{
    mr_buffer sql = MR_BUFFER_INIT(STATEMENT_LIMIT_BYTES);
    mr_buffer_printf(&sql, "UPDATE %s AS t SET ", plan->route->name.quoted);
    bool first = true;
    for (size_t i = 0; i < plan->count; i++) {
        const pg_column *column = &plan->columns[i];
        if (!column->key) {
            mr_buffer_printf(&sql, "%s%s = ", first ? "" : ", ", column->quoted);
            add_staged(&sql, column);
            first = false;
        }
    }
    mr_buffer_printf(&sql, " FROM %s s WHERE ", stage);
    add_key_match(&sql, plan);
    mr_buffer_add_text(&sql, " AND pg_catalog.record_image_ne(ROW(");
    add_columns(&sql, plan, "t.", false);
    mr_buffer_add_text(&sql, "), ROW(");
    first = true;
    for (size_t i = 0; i < plan->count; i++) {
        if (!plan->columns[i].key) {
            mr_buffer_add_text(&sql, first ? "" : ", ");
            add_staged(&sql, &plan->columns[i]);
            first = false;
        }
    }
    mr_buffer_add_text(&sql, "))");
    add_guard(&sql, plan, "s.");
    return take_text(&sql);
}

/* How many of the staged rows have none to change. */
static char *count_missing(const pg_plan *plan, const char *stage)
{
    mr_buffer sql = MR_BUFFER_INIT(STATEMENT_LIMIT_BYTES);
    mr_buffer_printf(&sql, "SELECT count(*) FROM %s s WHERE NOT EXISTS (SELECT FROM %s t WHERE ",
                     stage, plan->route->name.quoted);
    add_key_match(&sql, plan);
    mr_buffer_add_char(&sql, ')');
    return take_text(&sql);
}

static char *merge(const pg_plan *plan, const char *stage)
{
    mr_buffer sql = MR_BUFFER_INIT(STATEMENT_LIMIT_BYTES);
    mr_buffer_printf(&sql, "INSERT INTO %s AS t (", plan->route->name.quoted);
    add_columns(&sql, plan, "", true);
    mr_buffer_printf(&sql, ")%s SELECT ", plan->overriding ? " OVERRIDING SYSTEM VALUE" : "");
    for (size_t i = 0; i < plan->count; i++) {
        mr_buffer_add_text(&sql, i ? ", " : "");
        add_staged(&sql, &plan->columns[i]);
    }
    mr_buffer_printf(&sql, " FROM %s s", stage);
    if (plan->route->mode == PG_UPSERT) {
        add_conflict(&sql, plan);
    }
    return take_text(&sql);
}

void pg_merge_build(const pg_sink *sink, pg_plan *plan)
{
    char *stage = mr_format("pg_temp.\"millrace_stage_%s_%u\"", sink->session, plan->number);
    plan->copy_sql = copy_into(plan, plan->route->name.quoted);
    plan->stage_copy_sql = copy_into(plan, stage);
    plan->stage_sql = create_stage(plan, stage);
    plan->empty_sql = mr_format("DELETE FROM %s", stage);
    plan->merge_sql = plan->deletes                    ? delete_by(plan, stage)
                      : plan->route->mode == PG_UPDATE ? update_by(plan, stage)
                                                       : merge(plan, stage);
    if (plan->route->mode == PG_UPDATE && !plan->deletes) {
        plan->missing_sql = count_missing(plan, stage);
    }
    free(stage);
}
