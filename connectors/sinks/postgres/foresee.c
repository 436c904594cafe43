/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What would happen to a table before records of a schema could be written, without doing it: the
 * catalogue is read, nothing else. The statements are those of ddl.c and evolve.c; what they can
 * not mend is found by making the plan such records would have.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "sinks/postgres/postgres.h"

enum { STATEMENT_LIMIT_BYTES = 16 << 20 };

typedef struct telling {
    const pg_route *route;
    mr_foreseen *each;
    void *context;
} telling;

static void tell(const telling *t, const char *statement, bool by_itself, const char *problem)
{
    const mr_foresight foresight = {
        .target = t->route->name.quoted,
        .statement = statement,
        .by_itself = by_itself,
        .problem = problem,
    };
    t->each(t->context, &foresight);
}

static void tell_create(const telling *t, const mr_schema *schema)
{
    char *create = pg_ddl_create(t->route, schema);
    tell(t, create, t->route->options->auto_create, NULL);
    free(create);
}

/* Columns that stay as they are, and do not fit. */
static void tell_misfits(const telling *t, const pg_table *table, const mr_schema *schema)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        const mr_field *field = &schema->fields[i];
        const pg_target_column *target = pg_table_column(table, field->name);
        if (!target || pg_is_widened(target, mr_schema_strip_null(field->schema))) {
            continue;
        }
        mr_error why;
        pg_column column = {.schema = mr_schema_strip_null(field->schema), .name = field->name};
        if (pg_type_choose(&column, target, t->route->name.quoted, &why) != MR_OK) {
            tell(t, NULL, false, why.text);
        }
        pg_column_release(&column);
    }
}

static mr_status foresee_table(pg_sink *sink, mr_task *task, const telling *t, pg_route *route,
                               const mr_schema *schema, mr_error *err)
{
    pg_table table = {0};
    mr_buffer sql = MR_BUFFER_INIT(STATEMENT_LIMIT_BYTES);
    size_t changes = 0;
    mr_status status = pg_table_load(sink, &route->name, &table, err);
    if (status == MR_OK && !table.oid) {
        tell_create(t, schema);
    } else if (status == MR_OK) {
        status = pg_evolve_compare(route, &table, schema, &sql, &changes, err);
    }
    if (status == MR_OK && table.oid && changes) {
        tell(t, mr_buffer_text(&sql), pg_may_evolve(route->options), NULL);
        tell_misfits(t, &table, schema);
    } else if (status == MR_OK && table.oid) {
        mr_error why;
        pg_plan *plan;
        if (pg_plan_get(sink, task, route, schema, &plan, &why) != MR_OK) {
            if (sink->lost) {
                *err = why;
                status = MR_REOPEN;
            } else {
                tell(t, NULL, false, why.text);
            }
        }
    }
    mr_buffer_release(&sql);
    pg_table_release(&table);
    return status;
}

mr_status pg_foresee(mr_task *task, const mr_batch *like, mr_foreseen *each, void *context,
                     mr_error *err)
{
    pg_sink *sink = mr_self(task);
    const pg_route_options *options = like->route->options;
    if (pg_table_by_field(options->table)) {
        const mr_foresight foresight = {.target = options->table,
                                        .problem = "which tables these are, only records can say"};
        each(context, &foresight);
        return MR_OK;
    }
    mr_status status = sink->connection ? MR_OK : pg_connect(sink, task, err);
    pg_route *route = NULL;
    if (status == MR_OK) {
        status = pg_route_like(sink, like, &route, err);
    }
    if (status != MR_OK) {
        return status;
    }
    const telling t = {route, each, context};
    mr_error why;
    if (pg_schema_check(route, like->schema, &why) != MR_OK) {
        tell(&t, NULL, false, why.text);
        return MR_OK;
    }
    return foresee_table(sink, task, &t, route, like->schema, err);
}
