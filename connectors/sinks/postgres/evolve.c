/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table that follows the schema of its records: columns are added, with the defaults of their
 * fields, numbers get wider types, enums new labels, NOT NULL is given up where records may have
 * null. Nothing is ever dropped or made narrower; what is
 * more than that is told with the statement it would need, by plan.c and types.c.
 *
 * The change is committed before the rows that need it, in a transaction of its own: rows of other
 * schemas in the same epoch were encoded for the columns as they were, so the epoch is begun again
 * (MR_RETRY) with plans for the columns as they are. A crash in between leaves columns nobody fills
 * yet, which the next attempt finds. Tasks that want the same change at once queue up at an
 * advisory lock and look again under it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "sinks/postgres/postgres.h"

enum { STATEMENT_LIMIT_BYTES = 16 << 20, IDENTIFIER_MAX_BYTES = 63 };

bool pg_may_evolve(const pg_route_options *options)
{
    return options->auto_evolve == PG_EVOLVE_ON ||
           (options->auto_evolve == PG_EVOLVE_AUTO && options->auto_create);
}

/* --- What has to change --- */

static void next(mr_buffer *sql, size_t *count, const pg_route *route)
{
    if ((*count)++ == 0) {
        mr_buffer_printf(sql, "ALTER TABLE %s ", route->name.quoted);
    } else {
        mr_buffer_add_text(sql, ", ");
    }
}

/* numeric(p,s) that does not hold all decimals of the schema, and can be widened without loss. */
static bool wider_numeric(Oid type, int modifier, const mr_schema *schema)
{
    if (type != OID_NUMERIC || schema->type != MR_DECIMAL || modifier < VARHDRSZ) {
        return false;
    }
    int precision = (modifier - VARHDRSZ) >> 16 & 0xFFFF;
    int scale = (modifier - VARHDRSZ) & 0x7FF;
    return schema->scale >= scale && schema->precision - schema->scale >= precision - scale &&
           (schema->scale > scale || schema->precision > precision);
}

bool pg_is_widened(const pg_target_column *column, const mr_schema *schema)
{
    const mr_schema *items = pg_ddl_elements(schema);
    if (column->type_class != 'b' || column->domain || (column->item_id != 0) != (items != NULL)) {
        return false;
    }
    /* Of domains as elements item_id is the domain's, which is none of these. */
    Oid type = items ? column->item_id : column->type_id;
    switch (items ? items->type : schema->type) {
    case MR_LONG:
        return type == OID_INT2 || type == OID_INT4;
    case MR_INT:
        return type == OID_INT2;
    case MR_DOUBLE:
        return type == OID_FLOAT4;
    default:
        return wider_numeric(type, items ? column->item_modifier : column->modifier,
                             items ? items : schema);
    }
}

static bool has_label(const pg_target_column *column, const char *label)
{
    for (size_t i = 0; i < column->label_count; i++) {
        if (strcmp(column->labels[i], label) == 0) {
            return true;
        }
    }
    return false;
}

/* Statements of their own, for labels the enum lacks, in the places the schema gives them. */
static void add_labels(const pg_target_column *column, const mr_schema *schema, mr_buffer *types)
{
    for (size_t i = 0; i < schema->symbol_count; i++) {
        if (has_label(column, schema->symbols[i])) {
            continue;
        }
        char *label = pg_quote_literal(schema->symbols[i]);
        mr_buffer_printf(types, "ALTER TYPE %s ADD VALUE IF NOT EXISTS %s", column->type, label);
        free(label);
        if (i || column->label_count) {
            label = pg_quote_literal(i ? schema->symbols[i - 1] : column->labels[0]);
            mr_buffer_printf(types, " %s %s", i ? "AFTER" : "BEFORE", label);
            free(label);
        }
        mr_buffer_add_text(types, "; ");
    }
}

static void change_column(const pg_route *route, const pg_target_column *column,
                          const mr_field *field, mr_buffer *sql, size_t *count)
{
    const mr_schema *schema = mr_schema_strip_null(field->schema);
    char *name = pg_quote(column->name);
    if (pg_is_widened(column, schema)) {
        next(sql, count, route);
        mr_buffer_printf(sql, "ALTER COLUMN %s TYPE ", name);
        pg_ddl_type(schema, sql);
    }
    bool nullable = field->schema->type == MR_NULL || field->schema->nullable;
    if (nullable && column->not_null && !column->never_null && !pg_is_key(route, field->name)) {
        next(sql, count, route);
        mr_buffer_printf(sql, "ALTER COLUMN %s DROP NOT NULL", name);
    }
    free(name);
}

/* A column that must have a value, and whose field is gone. */
static void free_column(const pg_route *route, const pg_target_column *column,
                        const pg_table *table, const mr_schema *schema, mr_buffer *sql,
                        size_t *count)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        if (pg_table_column(table, schema->fields[i].name) == column) {
            return;
        }
    }
    if (column->not_null && !column->has_default && !column->generated && !column->never_null) {
        char *name = pg_quote(column->name);
        next(sql, count, route);
        mr_buffer_printf(sql, "ALTER COLUMN %s DROP NOT NULL", name);
        free(name);
    }
}

static mr_status too_long(const char *field, mr_error *err)
{
    mr_fail(
        err, MR_FATAL, MR_DOMAIN_CONFIG,
        "field %s has a name of more than %d bytes, which PostgreSQL would cut: give it another "
        "one in the route's query",
        field, IDENTIFIER_MAX_BYTES);
    mr_error_field(err, field);
    return MR_FATAL;
}

/* Puts the statements on types, each with its "; ", before that on the table. */
static void put_first(mr_buffer *sql, mr_buffer *types, size_t *count)
{
    if (types->len) {
        *count += 1;
        mr_buffer_add(types, mr_buffer_text(sql), sql->len);
        mr_buffer_clear(sql);
        mr_buffer_add(sql, mr_buffer_text(types), types->len);
    }
    mr_buffer_release(types);
}

/* The statement that makes the table fit; *count 0: it does. */
mr_status pg_evolve_compare(const pg_route *route, const pg_table *table, const mr_schema *schema,
                            mr_buffer *sql, size_t *count, mr_error *err)
{
    mr_buffer types = MR_BUFFER_INIT(STATEMENT_LIMIT_BYTES);
    *count = 0;
    for (size_t i = 0; i < schema->field_count; i++) {
        const mr_field *field = &schema->fields[i];
        const pg_target_column *column = pg_table_column(table, field->name);
        if (strlen(field->name) > IDENTIFIER_MAX_BYTES) {
            mr_buffer_release(&types);
            return too_long(field->name, err);
        }
        if (column) {
            change_column(route, column, field, sql, count);
            if (column->type_class == 'e' && !column->domain) {
                add_labels(column, mr_schema_strip_null(field->schema), &types);
            }
            continue;
        }
        char *name = pg_quote(field->name);
        next(sql, count, route);
        mr_buffer_printf(sql, "ADD COLUMN %s ", name);
        pg_ddl_type(mr_schema_strip_null(field->schema), sql);
        pg_ddl_default(field, sql);
        free(name);
    }
    for (size_t i = 0; i < table->count && route->mode != PG_UPDATE; i++) {
        free_column(route, &table->columns[i], table, schema, sql, count);
    }
    put_first(sql, &types, count);
    return MR_OK;
}

/* --- Changing it --- */

static mr_status compare_again(pg_sink *sink, const pg_route *route, const mr_schema *schema,
                               mr_buffer *sql, size_t *count, mr_error *err)
{
    pg_table table = {0};
    mr_buffer_clear(sql);
    mr_status status = pg_table_load(sink, &route->name, &table, err);
    if (status == MR_OK) {
        status = pg_evolve_compare(route, &table, schema, sql, count, err);
    }
    if (status == MR_OK && *count) {
        pg_ddl_comments(route, schema, &table, sql);
    }
    pg_table_release(&table);
    return status;
}

bool pg_was_refused(const pg_sink *sink, Oid table, uint64_t change)
{
    for (size_t i = 0; i < PG_REFUSED_MAX; i++) {
        if (sink->refused[i].table == table && sink->refused[i].change == change) {
            return true;
        }
    }
    return false;
}

mr_status pg_leave_table(pg_sink *sink, mr_task *task, Oid table, uint64_t change, const char *sql,
                         mr_status status, mr_error *err)
{
    mr_error rolled;
    if (sink->lost || pg_run(sink, "ROLLBACK", "cannot roll back", &rolled) != MR_OK) {
        return MR_REOPEN;
    }
    if (status == MR_RETRY || status == MR_REOPEN || !*sql) {
        return status;
    }
    size_t at = sink->refused_count++ % PG_REFUSED_MAX;
    sink->refused[at].table = table;
    sink->refused[at].change = change;
    mr_task_warn(task, "the table can not follow its records: %.600s: %.400s", sql, err->text);
    return MR_OK;
}

mr_status pg_begin_change(pg_sink *sink, Oid table, mr_error *err)
{
    char *sql = mr_format("BEGIN; SELECT pg_catalog.pg_advisory_xact_lock(" PG_DDL_LOCK ", %d)",
                          (int)table);
    mr_status status = pg_run(sink, sql, "cannot change the table", err);
    free(sql);
    return status;
}

static mr_status alter(pg_sink *sink, mr_task *task, const pg_route *route, const pg_table *table,
                       const mr_schema *schema, mr_error *err)
{
    mr_buffer sql = MR_BUFFER_INIT(STATEMENT_LIMIT_BYTES);
    size_t count = 0;
    mr_status status = pg_begin_change(sink, table->oid, err);
    if (status == MR_OK) {
        status = compare_again(sink, route, schema, &sql, &count, err);
    }
    if (status == MR_OK && count) {
        status = pg_run(sink, mr_buffer_text(&sql), "cannot change the table", err);
    }
    if (status == MR_OK) {
        status = pg_run(sink, "COMMIT", "cannot change the table", err);
    }
    if (status != MR_OK) {
        status = pg_leave_table(sink, task, table->oid, schema->fingerprint,
                                count ? mr_buffer_text(&sql) : "", status, err);
    } else if (count) {
        mr_task_info(task, "the table follows its records: %s", mr_buffer_text(&sql));
    }
    mr_buffer_release(&sql);
    return status;
}

/* Has this epoch rows of the route that were made for the columns as they were? */
static bool has_work(const pg_sink *sink, const pg_route *route)
{
    bool any = sink->in_transaction || route->pending_count;
    for (const pg_plan *plan = route->plans; plan && !any; plan = plan->next) {
        any = plan->sent_count || plan->buffer.len;
    }
    return any;
}

mr_status pg_evolve(pg_sink *sink, mr_task *task, pg_route *route, const mr_schema *schema,
                    pg_table *table, mr_error *err)
{
    mr_buffer sql = MR_BUFFER_INIT(STATEMENT_LIMIT_BYTES);
    size_t count;
    mr_status status = pg_evolve_compare(route, table, schema, &sql, &count, err);
    mr_buffer_release(&sql);
    if (status != MR_OK || !count || pg_was_refused(sink, table->oid, schema->fingerprint)) {
        return status;
    }
    bool again = has_work(sink, route) || route->plans;
    status = sink->in_transaction ? pg_rollback(sink, err) : MR_OK;
    if (status == MR_OK) {
        status = alter(sink, task, route, table, schema, err);
    }
    if (status != MR_OK) {
        return status;
    }
    if (again) {
        sink->ddl_in_transaction = true; /* the abort forgets all plans */
        return mr_fail(err, MR_RETRY, MR_DOMAIN_POSTGRES,
                       "the columns of %s were looked after, so the epoch begins again",
                       route->name.quoted);
    }
    pg_table_release(table);
    return pg_table_load(sink, &route->name, table, err);
}
