/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables made from a record's schema: the type each field gets (docs/types.md), NOT NULL where the
 * schema has no null, and the primary key that upserts stand on. The same text is run with
 * auto.create and shown without it. What the schema has to say of a field (doc) becomes the
 * column's comment. An array of one scalar type becomes an array of what its elements alone would
 * be; whatever is nested deeper, or of several types, jsonb.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/text.h"
#include "sinks/postgres/postgres.h"

enum { NUMERIC_PRECISION_MAX = 1000, STATEMENT_LIMIT_BYTES = 16 << 20 };

static const char *const type_names[MR_TYPE_COUNT] = {
    [MR_NULL] = "text",
    [MR_BOOL] = "boolean",
    [MR_INT] = "integer",
    [MR_LONG] = "bigint",
    [MR_FLOAT] = "real",
    [MR_DOUBLE] = "double precision",
    [MR_BYTES] = "bytea",
    [MR_STRING] = "text",
    [MR_FIXED] = "bytea",
    [MR_ENUM] = "text",
    [MR_ARRAY] = "jsonb",
    [MR_MAP] = "jsonb",
    [MR_RECORD] = "jsonb",
    [MR_UNION] = "jsonb",
    [MR_DECIMAL] = "numeric",
    [MR_UUID] = "uuid",
    [MR_DATE] = "date",
    [MR_TIME_MS] = "time",
    [MR_TIME_US] = "time",
    [MR_TIMESTAMP_MS] = "timestamptz",
    [MR_TIMESTAMP_US] = "timestamptz",
    [MR_LOCAL_TIMESTAMP_MS] = "timestamp",
    [MR_LOCAL_TIMESTAMP_US] = "timestamp",
    [MR_DURATION] = "interval",
};

/* Neither nested, nor of several types, nor of none. */
static bool is_scalar(const mr_schema *schema)
{
    return schema->type != MR_NULL && strcmp(type_names[schema->type], "jsonb") != 0;
}

const mr_schema *pg_ddl_elements(const mr_schema *schema)
{
    const mr_schema *items =
        schema->type == MR_ARRAY && schema->items ? mr_schema_strip_null(schema->items) : NULL;
    return items && is_scalar(items) ? items : NULL;
}

void pg_ddl_type(const mr_schema *schema, mr_buffer *out)
{
    const mr_schema *items = pg_ddl_elements(schema);
    const mr_schema *scalar = items ? items : schema;
    mr_buffer_add_text(out, type_names[scalar->type]);
    if (scalar->type == MR_DECIMAL && scalar->precision > 0 &&
        scalar->precision <= NUMERIC_PRECISION_MAX) {
        mr_buffer_printf(out, "(%d,%d)", scalar->precision, scalar->scale);
    }
    mr_buffer_add_text(out, items ? "[]" : "");
}

/* What stands in the literal: for text what it says, for bytes \\x..., else as JSON has it. */
static bool scalar_text(const mr_schema *schema, const mr_cell *value, mr_buffer *out)
{
    mr_error ignored;
    bool text = schema->type == MR_STRING || schema->type == MR_ENUM;
    if (text || (schema->type == MR_UUID && value->len != MR_UUID_BYTES)) {
        mr_buffer_add(out, value->as.text, value->len);
        return memchr(value->as.text, 0, value->len) == NULL;
    }
    bool written = pg_json_write(out, schema, value, &ignored);
    bool quoted = written && out->len > 1 && out->data[0] == '"';
    if (quoted && is_scalar(schema)) {
        memmove(out->data, out->data + 1, out->len -= 2);
        if (schema->type == MR_BYTES || schema->type == MR_FIXED) {
            out->data[0] = '\\'; /* JSON has two of them */
            memmove(out->data + 1, out->data + 2, out->len -= 1);
        }
    }
    return written;
}

/* "a" with quotes and backslashes escaped, as elements are in the literal of an array. */
static void add_element(const char *text, size_t len, mr_buffer *out)
{
    mr_buffer_add_char(out, '"');
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"' || text[i] == '\\') {
            mr_buffer_add_char(out, '\\');
        }
        mr_buffer_add_char(out, text[i]);
    }
    mr_buffer_add_char(out, '"');
}

/* {"1",NULL} */
static bool array_text(const mr_schema *items, const mr_cell *value, mr_buffer *out)
{
    mr_buffer element = MR_BUFFER_INIT(STATEMENT_LIMIT_BYTES);
    bool written = true;
    mr_buffer_add_char(out, '{');
    for (size_t i = 0; i < value->len && written && !out->failed; i++) {
        const mr_cell *cell = &value->as.cells[i];
        mr_buffer_add_text(out, i ? "," : "");
        if (cell->type == MR_NULL) {
            mr_buffer_add_text(out, "NULL");
            continue;
        }
        mr_buffer_clear(&element);
        written = scalar_text(items, cell, &element) && !element.failed;
        add_element(mr_buffer_text(&element), element.len, out);
    }
    mr_buffer_add_char(out, '}');
    mr_buffer_release(&element);
    return written;
}

static bool default_text(const mr_schema *schema, const mr_cell *value, mr_buffer *out)
{
    const mr_schema *items = pg_ddl_elements(schema);
    return items ? array_text(items, value, out) : scalar_text(schema, value, out);
}

void pg_ddl_default(const mr_field *field, mr_buffer *out)
{
    const mr_schema *schema = mr_schema_strip_null(field->schema);
    if (!field->dflt || field->dflt->type == MR_NULL) {
        return;
    }
    mr_buffer text = MR_BUFFER_INIT(STATEMENT_LIMIT_BYTES);
    if (default_text(schema, field->dflt, &text) && !text.failed) {
        char *literal = pg_quote_literal(mr_buffer_text(&text));
        mr_buffer_printf(out, " DEFAULT %s", literal);
        free(literal);
    }
    mr_buffer_release(&text);
}

static bool is_integer(Oid type)
{
    return type == OID_INT2 || type == OID_INT4 || type == OID_INT8;
}

/* The type that takes the integers of the column and the numbers of the schema; NULL: none. */
static const char *wider_number(const pg_target_column *target, const mr_schema *schema)
{
    const mr_schema *items = pg_ddl_elements(schema);
    Oid type = target->item_id ? target->item_id : target->type_id;
    if (target->domain || !is_integer(type) || (target->item_id != 0) != (items != NULL)) {
        return NULL;
    }
    switch (items ? items->type : schema->type) {
    case MR_FLOAT:
    case MR_DOUBLE:
        return items ? "double precision[]" : "double precision";
    case MR_DECIMAL:
        return items ? "numeric[]" : "numeric";
    default:
        return NULL;
    }
}

static bool is_raw(const mr_schema *schema)
{
    return schema->type == MR_BYTES || schema->type == MR_FIXED;
}

/* A default is not cast along: "default for column can not be cast automatically". */
static void retype(const pg_target_column *target, const char *name, const char *type,
                   const char *before, const char *after, mr_buffer *out)
{
    if (target->default_sql) {
        mr_buffer_printf(out, "ALTER COLUMN %s DROP DEFAULT, ", name);
    }
    mr_buffer_printf(out, "ALTER COLUMN %s TYPE %s USING %s%s%s", name, type, before, name, after);
    if (target->default_sql) {
        mr_buffer_printf(out, ", ALTER COLUMN %s SET DEFAULT %s%s%s", name, before,
                         target->default_sql, after);
    }
}

bool pg_ddl_retype(const char *table, const pg_target_column *target, const mr_schema *schema,
                   mr_buffer *out)
{
    const char *number = wider_number(target, schema);
    bool identity = target->has_default && !target->default_sql;
    if (identity || target->generated) {
        return false;
    }
    char *name = pg_quote(target->name);
    mr_buffer_printf(out, "ALTER TABLE %s ", table);
    if (number) {
        mr_buffer_printf(out, "ALTER COLUMN %s TYPE %s", name, number);
    } else if (target->item_id || !is_scalar(schema) || is_raw(schema) ||
               target->type_id == OID_BYTEA) { /* bytes do not go to text */
        retype(target, name, "jsonb", "to_jsonb(", ")", out);
    } else {
        retype(target, name, "text", "(", ")::text", out);
    }
    free(name);
    return true;
}

bool pg_is_key(const pg_route *route, const char *field)
{
    for (size_t i = 0; i < route->options->key_fields.count; i++) {
        if (strcmp(route->options->key_fields.items[i], field) == 0) {
            return true;
        }
    }
    return false;
}

static void add_column(const pg_route *route, const mr_field *field, mr_buffer *sql)
{
    const mr_schema *schema = mr_schema_strip_null(field->schema);
    char *name = pg_quote(field->name);
    mr_buffer_printf(sql, "%s ", name);
    free(name);
    pg_ddl_type(schema, sql);
    pg_ddl_default(field, sql);
    bool nullable = field->schema->type == MR_NULL || field->schema->nullable;
    if (!nullable || pg_is_key(route, field->name)) {
        mr_buffer_add_text(sql, " NOT NULL");
    }
}

char *pg_ddl_create(const pg_route *route, const mr_schema *schema)
{
    mr_buffer sql = MR_BUFFER_INIT(STATEMENT_LIMIT_BYTES);
    mr_buffer_printf(&sql, "CREATE TABLE IF NOT EXISTS %s (", route->name.quoted);
    for (size_t i = 0; i < schema->field_count; i++) {
        mr_buffer_add_text(&sql, i ? ", " : "");
        add_column(route, &schema->fields[i], &sql);
    }
    const mr_list *keys = &route->options->key_fields;
    for (size_t i = 0; i < keys->count; i++) {
        char *name = pg_quote(keys->items[i]);
        mr_buffer_printf(&sql, "%s%s", i ? ", " : ", PRIMARY KEY (", name);
        free(name);
    }
    mr_buffer_add_text(&sql, keys->count ? "))" : ")");
    char *text = mr_strdup(mr_buffer_text(&sql));
    mr_buffer_release(&sql);
    return text;
}

static void add_comment(const char *on, const char *name, const char *column, const char *doc,
                        mr_buffer *sql)
{
    char *text = pg_quote_literal(doc);
    char *quoted = column ? pg_quote(column) : NULL;
    mr_buffer_printf(sql, "; COMMENT ON %s %s%s%s IS ", on, name, column ? "." : "",
                     column ? quoted : "");
    mr_buffer_add_text(sql, text);
    free(quoted);
    free(text);
}

void pg_ddl_comments(const pg_route *route, const mr_schema *schema, const pg_table *before,
                     mr_buffer *sql)
{
    if (!before->oid && schema->doc && *schema->doc) {
        add_comment("TABLE", route->name.quoted, NULL, schema->doc, sql);
    }
    for (size_t i = 0; i < schema->field_count; i++) {
        const mr_field *field = &schema->fields[i];
        if (field->doc && *field->doc && !pg_table_column(before, field->name)) {
            add_comment("COLUMN", route->name.quoted, field->name, field->doc, sql);
        }
    }
}

/* Creates the table, unless another task has done so before the lock was ours. */
static mr_status create_locked(pg_sink *sink, mr_task *task, pg_route *route,
                               const mr_schema *schema, const char *doing, mr_error *err)
{
    pg_table table = {0};
    mr_status status = pg_table_load(sink, &route->name, &table, err);
    if (status == MR_OK && !table.oid) {
        mr_buffer sql = MR_BUFFER_INIT(STATEMENT_LIMIT_BYTES);
        char *create = pg_ddl_create(route, schema);
        mr_buffer_add_text(&sql, create);
        pg_ddl_comments(route, schema, &table, &sql);
        status = pg_run(sink, mr_buffer_text(&sql), doing, err);
        if (status == MR_OK) {
            mr_task_info(task, "created table %s", route->name.quoted);
        } else if (status == MR_REJECT) {
            status =
                MR_RETRY; /* somebody makes it at this very moment (23505): no record's fault */
        }
        free(create);
        mr_buffer_release(&sql);
    }
    pg_table_release(&table);
    return status;
}

mr_status pg_ddl_run_create(pg_sink *sink, mr_task *task, pg_route *route, const mr_schema *schema,
                            mr_error *err)
{
    /* IF NOT EXISTS is no protection against another task doing the same at the same time. */
    static const char lock[] =
        "SELECT pg_catalog.pg_advisory_xact_lock(" PG_DDL_LOCK ", pg_catalog.hashtext(%s))";
    bool inside = sink->in_transaction;
    char *name = pg_quote_literal(route->name.quoted);
    char *lock_sql = mr_format(lock, name);
    char *sql = mr_format(inside ? "%s" : "BEGIN; %s", lock_sql);
    char *doing = mr_format("cannot create the table %s", route->name.quoted);
    mr_status status = pg_run(sink, sql, doing, err);
    if (status == MR_OK) {
        status = create_locked(sink, task, route, schema, doing, err);
    }
    if (status == MR_OK && inside) {
        sink->ddl_in_transaction = true;
    } else if (status == MR_OK) {
        status = pg_run(sink, "COMMIT", doing, err);
    } else if (!inside) {
        mr_error rolled;
        if (pg_run(sink, "ROLLBACK", "cannot roll back", &rolled) != MR_OK) {
            status = MR_REOPEN;
        }
    }
    free(doing);
    free(sql);
    free(lock_sql);
    free(name);
    return status;
}
