/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan: how records of one schema go into one table. It is made when the first of them arrives,
 * by comparing the schema with the catalogue; what does not fit is told at once, with the statement
 * that would make it fit.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/schema.h"
#include "sinks/postgres/postgres.h"

enum {
    COLUMNS_MAX = 1600,          /* MaxHeapAttributeNumber */
    ROW_MAX_BYTES = 1 << 30,     /* MaxAllocSize */
    KEEP_BUFFER_BYTES = 4 << 20, /* a rare huge row does not pin its memory */
    STATEMENT_LIMIT_BYTES = 16 << 20,
    SHOWN_SQL_BYTES = 900, /* in a message, which would cut more: half a statement helps nobody */
};

static mr_status permanent(mr_error *err)
{
    if (err) {
        err->permanent = true;
    }
    return MR_FATAL;
}

/* --- Freeing --- */

static void free_plan(pg_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        pg_column_release(&plan->columns[i]);
    }
    free(plan->columns);
    free(plan->longest_chars);
    free(plan->keys);
    free(plan->signature);
    free(plan->copy_sql);
    free(plan->stage_copy_sql);
    free(plan->stage_sql);
    free(plan->merge_sql);
    free(plan->missing_sql);
    free(plan->empty_sql);
    free(plan->sent);
    mr_buffer_release(&plan->buffer);
    mr_schema_release(plan->schema);
    free(plan);
}

void pg_plans_drop(pg_sink *sink)
{
    memset(sink->by_name, 0, sizeof sink->by_name);
    sink->route_count = 0;
    while (sink->routes) {
        pg_route *route = sink->routes;
        sink->routes = route->next;
        while (route->plans) {
            pg_plan *plan = route->plans;
            route->plans = plan->next;
            free_plan(plan);
        }
        pg_delete_forms_free(route);
        pg_name_release(&route->name);
        free(route->pending);
        free(route->items.list);
        free(route);
    }
}

void pg_plan_clear_epoch(pg_plan *plan)
{
    if (plan->buffer.capacity > KEEP_BUFFER_BYTES) {
        mr_buffer_release(&plan->buffer);
    }
    mr_buffer_clear(&plan->buffer);
    plan->sent_count = 0;
    plan->flushed = 0;
    plan->missing = 0;
    plan->stage_used = false;
}

/* --- Columns --- */

/* All fields the table has no column for, as the one statement that adds them. */
static mr_status missing_columns(const pg_route *route, const pg_table *table,
                                 const mr_schema *schema, mr_error *err)
{
    mr_buffer sql = MR_BUFFER_INIT(STATEMENT_LIMIT_BYTES);
    mr_buffer_printf(&sql, "ALTER TABLE %s", route->name.quoted);
    const char *first = NULL;
    for (size_t i = 0; i < schema->field_count; i++) {
        const mr_field *field = &schema->fields[i];
        if (!pg_table_column(table, field->name)) {
            char *name = pg_quote(field->name);
            mr_buffer_printf(&sql, "%s ADD COLUMN %s ", first ? "," : "", name);
            free(name);
            pg_ddl_type(mr_schema_strip_null(field->schema), &sql);
            first = first ? first : field->name;
        }
    }
    mr_status status = MR_OK;
    if (first) {
        bool shown = sql.len <= SHOWN_SQL_BYTES;
        status = mr_fail(err, MR_FATAL, MR_DOMAIN_POSTGRES,
                         "table %s has no column for field %s%s%s; or leave the field out in the "
                         "route's query",
                         route->name.quoted, first,
                         shown ? "; add it with: " : ", nor for others; add them",
                         shown ? mr_buffer_text(&sql) : "");
        mr_error_code(err, 0, "42703");
        mr_error_field(err, first);
    }
    mr_buffer_release(&sql);
    return status;
}

/* A column that must have a value and gets none. */
static mr_status check_unfilled(const pg_route *route, const pg_table *table,
                                const mr_schema *schema, mr_error *err)
{
    for (size_t i = 0; i < table->count; i++) {
        const pg_target_column *column = &table->columns[i];
        if (!column->not_null || column->has_default || column->generated) {
            continue;
        }
        bool filled = false;
        for (size_t k = 0; k < schema->field_count && !filled; k++) {
            filled = pg_table_column(table, schema->fields[k].name) == column;
        }
        if (!filled) {
            mr_fail(err, MR_FATAL, MR_DOMAIN_POSTGRES,
                    "column %s of table %s is NOT NULL and has no default, but records have no "
                    "field for it: add the field in the route's query, or give the column a "
                    "default",
                    column->name, route->name.quoted);
            mr_error_code(err, 0, "23502");
            mr_error_field(err, column->name);
            return MR_FATAL;
        }
    }
    return MR_OK;
}

static mr_status take_columns(pg_plan *plan, const pg_table *table, mr_error *err)
{
    const mr_schema *schema = plan->schema;
    mr_status status = missing_columns(plan->route, table, schema, err);
    if (status == MR_OK && !plan->deletes && plan->route->mode != PG_UPDATE) {
        status = check_unfilled(plan->route, table, schema, err);
    }
    plan->columns = mr_calloc(schema->field_count, sizeof *plan->columns);
    plan->longest_chars = mr_calloc(schema->field_count, sizeof *plan->longest_chars);
    for (size_t i = 0; i < schema->field_count && status == MR_OK; i++) {
        const pg_target_column *target = pg_table_column(table, schema->fields[i].name);
        pg_column *column = &plan->columns[plan->count++];
        *column = (pg_column){
            .schema = mr_schema_strip_null(schema->fields[i].schema),
            .field = i,
            .quoted = pg_quote(target->name),
            .name = schema->fields[i].name,
            .longest_chars = &plan->longest_chars[i],
        };
        if (target->generated && !plan->deletes) {
            mr_fail(err, MR_FATAL, MR_DOMAIN_POSTGRES,
                    "column %s of table %s is generated by the database: leave the field out in "
                    "the route's query",
                    target->name, plan->route->name.quoted);
            mr_error_field(err, column->name);
            return MR_FATAL;
        }
        status = pg_type_choose(column, target, plan->route->name.quoted, err);
        plan->casts = plan->casts || column->staged_type;
        plan->overriding = plan->overriding || target->always_identity;
    }
    return status;
}

/* --- Keys --- */

static mr_status no_key_index(const pg_plan *plan, mr_error *err)
{
    mr_buffer columns = MR_BUFFER_INIT(STATEMENT_LIMIT_BYTES);
    for (size_t i = 0; i < plan->key_count; i++) {
        mr_buffer_printf(&columns, "%s%s", i ? ", " : "", plan->columns[plan->keys[i]].quoted);
    }
    mr_fail(err, MR_FATAL, MR_DOMAIN_POSTGRES,
            "table %s has no primary key or unique index on just (%s), which an upsert by these "
            "key.fields needs; make one with: ALTER TABLE %s ADD PRIMARY KEY (%s)",
            plan->route->name.quoted, mr_buffer_text(&columns), plan->route->name.quoted,
            mr_buffer_text(&columns));
    mr_error_code(err, 0, "42P10");
    mr_error_field(err, "key.fields");
    mr_buffer_release(&columns);
    return permanent(err);
}

static mr_status find_keys(pg_plan *plan, mr_error *err)
{
    const mr_list *fields = &plan->route->options->key_fields;
    plan->keys = mr_calloc(fields->count + 1, sizeof *plan->keys);
    for (size_t k = 0; k < fields->count; k++) {
        size_t i = 0;
        while (i < plan->count && strcmp(plan->columns[i].name, fields->items[k]) != 0) {
            i++;
        }
        if (i == plan->count) {
            mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                    "key.fields names %s, but records of route %s (schema %s) have no such field",
                    fields->items[k], plan->route->route->name,
                    plan->schema->name ? plan->schema->name : "without a name");
            mr_error_field(err, "key.fields");
            return permanent(err);
        }
        plan->columns[i].key = true;
        plan->keys[plan->key_count++] = i;
    }
    return MR_OK;
}

static mr_status find_version(pg_plan *plan, mr_error *err)
{
    const char *field = plan->route->options->version_field;
    plan->version = 0;
    while (plan->version < plan->count &&
           !(field && strcmp(plan->columns[plan->version].name, field) == 0)) {
        plan->version++;
    }
    if (field && plan->version == plan->count) {
        mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                "version.field names %s, but records of route %s have no such field", field,
                plan->route->route->name);
        mr_error_field(err, "version.field");
        return permanent(err);
    }
    if (plan->route->mode == PG_UPDATE && !plan->deletes && plan->key_count == plan->count) {
        mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                "insert.mode is update, but records of route %s have no field beside the key: "
                "nothing to update",
                plan->route->route->name);
        mr_error_field(err, "insert.mode");
        return permanent(err);
    }
    return MR_OK;
}

/* The columns' own names, which the catalogue knows; fields may differ from them in case. */
static mr_status check_key_index(pg_sink *sink, const pg_plan *plan, const pg_table *table,
                                 mr_error *err)
{
    if (plan->route->mode != PG_UPSERT || plan->deletes) {
        return MR_OK;
    }
    const char **names = mr_calloc(plan->key_count, sizeof *names);
    for (size_t i = 0; i < plan->key_count; i++) {
        names[i] = pg_table_column(table, plan->columns[plan->keys[i]].name)->name;
    }
    bool there = false;
    mr_status status = pg_table_has_key(sink, table, names, plan->key_count, &there, err);
    free(names);
    return status == MR_OK && !there ? no_key_index(plan, err) : status;
}

/* --- Making --- */

static mr_status load_table(pg_sink *sink, mr_task *task, pg_route *route, const mr_schema *schema,
                            pg_table *table, mr_error *err)
{
    mr_status status = pg_table_load(sink, &route->name, table, err);
    if (status != MR_OK || table->oid) {
        return status;
    }
    if (route->options->auto_create) {
        status = pg_ddl_run_create(sink, task, route, schema, err);
        return status == MR_OK ? pg_table_load(sink, &route->name, table, err) : status;
    }
    char *create = pg_ddl_create(route, schema);
    if (strlen(create) <= SHOWN_SQL_BYTES) {
        mr_fail(err, MR_FATAL, MR_DOMAIN_POSTGRES,
                "there is no table %s in database %s; set auto.create, or make it with: %s",
                route->name.quoted, PQdb(sink->connection), create);
    } else {
        mr_fail(err, MR_FATAL, MR_DOMAIN_POSTGRES,
                "there is no table %s in database %s; set auto.create, which makes it with a "
                "column for each of the %zu fields (the statement is too long to be shown here)",
                route->name.quoted, PQdb(sink->connection), schema->field_count);
    }
    mr_error_code(err, 0, "42P01");
    mr_error_field(err, "table");
    free(create);
    return permanent(err);
}

mr_status pg_schema_check(const pg_route *route, const mr_schema *schema, mr_error *err)
{
    if (schema->type == MR_RECORD && schema->field_count > 0 &&
        schema->field_count <= COLUMNS_MAX) {
        return MR_OK;
    }
    mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
            "route %s: values are of Avro type %s with %zu fields, but a row needs a record of 1 "
            "to %d fields: make one in the route's query",
            route->route->name, mr_type_name(schema->type), schema->field_count, COLUMNS_MAX);
    return permanent(err);
}

static mr_status fill_plan(pg_sink *sink, mr_task *task, pg_plan *plan, mr_error *err)
{
    pg_route *route = plan->route;
    mr_status status = pg_schema_check(route, plan->schema, err);
    if (status != MR_OK) {
        return status;
    }
    pg_table table = {0};
    status = load_table(sink, task, route, plan->schema, &table, err);
    bool ours = table.kind == 'r' || table.kind == 'p';
    if (status == MR_OK && ours && !plan->deletes && pg_may_evolve(route->options)) {
        status = pg_evolve(sink, task, route, plan->schema, &table, err);
    }
    if (status == MR_OK) {
        status = take_columns(plan, &table, err);
    }
    if (status == MR_OK) {
        status = find_keys(plan, err);
    }
    if (status == MR_OK) {
        status = find_version(plan, err);
    }
    if (status == MR_OK) {
        status = check_key_index(sink, plan, &table, err);
    }
    plan->plain = (table.kind == 'r' || table.kind == 'p') && !table.rules && !plan->casts &&
                  !plan->overriding;
    plan->table = table.oid;
    plan->signature = mr_strdup(table.signature ? table.signature : "");
    pg_table_release(&table);
    if (status == MR_OK) {
        pg_merge_build(sink, plan);
    }
    return status;
}

static mr_status make_plan(pg_sink *sink, mr_task *task, pg_route *route, const mr_schema *schema,
                           bool deletes, pg_plan **ret, mr_error *err)
{
    /* The catalogue can not be asked in the middle of a COPY. */
    mr_status status = pg_copy_close(sink, task, err);
    if (status != MR_OK) {
        return status;
    }
    pg_plan *plan = mr_calloc(1, sizeof *plan);
    plan->route = route;
    plan->schema = mr_schema_acquire(schema);
    plan->deletes = deletes;
    plan->number = sink->next_plan++;
    mr_buffer_init(&plan->buffer, ROW_MAX_BYTES);
    status = fill_plan(sink, task, plan, err);
    if (status != MR_OK) {
        free_plan(plan);
        return status;
    }
    pg_plan **end = &route->plans;
    while (*end) {
        end = &(*end)->next;
    }
    *end = *ret = plan;
    return MR_OK;
}

mr_status pg_route_make(pg_sink *sink, const mr_route *of, const char *quoted, pg_route **ret,
                        mr_error *err)
{
    pg_route *route = mr_calloc(1, sizeof *route);
    route->route = of;
    route->options = of->options;
    route->mode = (enum pg_insert_mode)route->options->insert_mode;
    if (route->mode == PG_AUTO) {
        route->mode = route->options->key_fields.count ? PG_UPSERT : PG_INSERT;
    }
    mr_status status = pg_name_parse(quoted, &route->name, err);
    if (status != MR_OK) {
        free(route);
        return status;
    }
    pg_route **end = &sink->routes;
    while (*end) {
        end = &(*end)->next;
    }
    *end = *ret = route;
    return MR_OK;
}

static pg_plan *find_plan(const pg_route *route, const mr_schema *schema, bool deletes)
{
    pg_plan *plan = route->plans;
    while (plan && (plan->schema != schema || plan->deletes != deletes)) {
        plan = plan->next;
    }
    return plan;
}

mr_status pg_plan_get(pg_sink *sink, mr_task *task, pg_route *route, const mr_schema *schema,
                      pg_plan **ret, mr_error *err)
{
    *ret = find_plan(route, schema, false);
    return *ret ? MR_OK : make_plan(sink, task, route, schema, false, ret, err);
}

mr_status pg_plan_get_deletes(pg_sink *sink, mr_task *task, pg_route *route,
                              const mr_batch *deletes, pg_plan **ret, mr_error *err)
{
    *ret = find_plan(route, deletes->schema, true);
    if (*ret) {
        return MR_OK;
    }
    pg_table table = {0};
    mr_status status =
        route->options->auto_create ? pg_table_load(sink, &route->name, &table, err) : MR_OK;
    bool nothing = status == MR_OK && route->options->auto_create && !table.oid;
    pg_table_release(&table);
    return status != MR_OK || nothing
               ? status
               : make_plan(sink, task, route, deletes->schema, true, ret, err);
}

/* --- Staging --- */

/* Unlike those of any other task, should a pooler let them meet. */
static char *statement_name(const pg_sink *sink, const pg_plan *plan)
{
    return mr_format("millrace_merge_%s_%u", sink->session, plan->number);
}

mr_status pg_plan_stage(pg_sink *sink, pg_plan *plan, mr_error *err)
{
    if (plan->staged) {
        return MR_OK;
    }
    char *name = statement_name(sink, plan);
    char *sql = mr_format("%s; PREPARE %s AS %s", plan->stage_sql, name, plan->merge_sql);
    mr_status status =
        pg_run_in_session(sink, sql, "cannot prepare a temporary table and the merge", err);
    free(sql);
    free(name);
    plan->staged = status == MR_OK;
    sink->ddl_in_transaction = sink->ddl_in_transaction || sink->in_transaction;
    return status;
}

mr_status pg_plan_merge(pg_sink *sink, pg_plan *plan, mr_error *err)
{
    char *name = statement_name(sink, plan);
    char doing[200];
    snprintf(doing, sizeof doing, "cannot merge rows into %s", plan->route->name.quoted);
    pg_auto_result *result = NULL;
    plan->stage_used = false;
    mr_status status = pg_execute(sink, name, 0, NULL, doing, &result, err);
    free(name);
    if (status == MR_OK && plan->missing_sql) {
        pg_auto_result *missing = NULL;
        status = pg_run_last(sink, plan->missing_sql, doing, &missing, err);
        plan->missing = status == MR_OK ? strtoll(PQgetvalue(missing, 0, 0), NULL, 10) : 0;
    }
    return status;
}
