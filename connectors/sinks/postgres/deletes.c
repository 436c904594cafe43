/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deletes of a batch, turned into records of their own that hold just the key (and the version,
 * where there is one), so that they go the way of all rows: into a staging table, and from there by
 * one statement (merge.c).
 *
 * Keys come from the key's cells where the message key has a schema (change records); else from the
 * row as it was, where the delete has it; else from the key's bytes: of one key field its text, of
 * several a JSON array, as our sources write them, or a JSON object by the fields' names, as others
 * do.
 *
 * Their types are those of the fields in the rows of the same route, so that a delete and a row of
 * one key are seen to be one; while no row was met, what the table's columns suggest.
 */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "codec/schema.h"
#include "sinks/postgres/postgres.h"

enum { KEY_MAX_BYTES = 1 << 20 };

bool pg_is_delete(const mr_record *record)
{
    return !record->value || record->op == MR_OP_DELETE;
}

/* --- The schema of a delete --- */

static mr_type type_of_column(const pg_target_column *column)
{
    switch (column ? column->type_id : 0) {
    case OID_BOOL:
        return MR_BOOL;
    case OID_INT2:
    case OID_INT4:
    case OID_INT8:
        return MR_LONG;
    case OID_UUID:
        return MR_UUID;
    default:
        return MR_STRING; /* what it is not, the server casts it to */
    }
}

static mr_status no_field(const char *field, const char *option, mr_error *err)
{
    mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG, "%s names %s, but records have no such field", option,
            field);
    mr_error_field(err, option);
    return MR_FATAL;
}

/* One field of it: as in the rows, else as in the key, else as in the table. */
static void add_field(mr_schema_builder *builder, const char *name, const mr_schema *rows,
                      const mr_schema *key, const pg_table *table, bool nullable)
{
    const mr_field *field = rows ? mr_schema_field(rows, name) : NULL;
    if (!field && key && key->type == MR_RECORD) {
        field = mr_schema_field(key, name);
    }
    if (field) {
        mr_schema_builder_add_copy(builder, name, mr_schema_strip_null(field->schema), nullable);
    } else {
        mr_schema_builder_add(builder, name, type_of_column(pg_table_column(table, name)), nullable,
                              0, 0);
    }
}

static mr_status make_schema(pg_sink *sink, pg_route *route, const mr_schema *rows,
                             const mr_schema *key, const mr_schema **ret, mr_error *err)
{
    pg_table table = {0};
    const pg_route_options *o = route->options;
    mr_status status = rows ? MR_OK : pg_table_load(sink, &route->name, &table, err);
    if (status != MR_OK) {
        return status;
    }
    mr_schema_builder *builder = mr_schema_builder_new("millrace.Delete");
    for (size_t i = 0; i < o->key_fields.count; i++) {
        add_field(builder, o->key_fields.items[i], rows, key, &table, false);
    }
    if (o->version_field && rows && !mr_schema_field(rows, o->version_field)) {
        status = no_field(o->version_field, "version.field", err);
    } else if (o->version_field) {
        add_field(builder, o->version_field, rows, NULL, &table, true);
    }
    pg_table_release(&table);
    if (status != MR_OK) {
        mr_schema_builder_free(builder);
        return status;
    }
    return mr_schema_builder_finish(builder, ret, err);
}

/* The schema for deletes beside rows and keys of these schemas; made once. */
static mr_status find_form(pg_sink *sink, pg_route *route, const mr_schema *rows,
                           const mr_schema *key, const mr_schema **ret, mr_error *err)
{
    for (pg_delete_form *form = route->forms; form; form = form->next) {
        if (form->rows == rows && form->key == key) {
            *ret = form->schema;
            return MR_OK;
        }
    }
    pg_delete_form *form = mr_calloc(1, sizeof *form);
    mr_status status = make_schema(sink, route, rows, key, &form->schema, err);
    if (status != MR_OK) {
        free(form);
        return status;
    }
    form->rows = rows ? mr_schema_acquire(rows) : NULL;
    form->key = key ? mr_schema_acquire(key) : NULL;
    form->next = route->forms;
    route->forms = form;
    *ret = form->schema;
    return MR_OK;
}

void pg_delete_forms_free(pg_route *route)
{
    while (route->forms) {
        pg_delete_form *form = route->forms;
        route->forms = form->next;
        mr_schema_release(form->rows);
        mr_schema_release(form->key);
        mr_schema_release(form->schema);
        free(form);
    }
}

/* --- Values of a key --- */

static bool is_integer(mr_type type)
{
    return type == MR_INT || type == MR_LONG || (type >= MR_DATE && type <= MR_LOCAL_TIMESTAMP_US);
}

static mr_status unfit(const char *field, const char *found, size_t len, const mr_schema *schema,
                       mr_error *err)
{
    mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
            "this delete's key has \"%.*s\"%s for %s, which is no %s", (int)(len > 60 ? 60 : len),
            found, len > 60 ? "..." : "", field, mr_type_name(schema->type));
    mr_error_code(err, 0, "22P02");
    mr_error_field(err, field);
    return MR_REJECT;
}

static mr_status take_text(const mr_field *field, const char *text, size_t len, mr_cell *ret,
                           mr_error *err)
{
    const mr_schema *schema = mr_schema_strip_null(field->schema);
    *ret = (mr_cell){.type = (uint8_t)schema->type, .len = (uint32_t)len, .as.text = text};
    if (schema->type == MR_STRING || schema->type == MR_ENUM ||
        (schema->type == MR_UUID && schema->base == MR_STRING && len == 36)) {
        return MR_OK;
    }
    char digits[24] = "";
    if (len && len < sizeof digits) {
        memcpy(digits, text, len);
    }
    char *end = digits;
    errno = 0;
    long long value = strtoll(digits, &end, 10);
    ret->len = 0;
    ret->as.i = value;
    if (is_integer(schema->type)) {
        bool fits = *digits && !*end && !errno && *digits != ' ' &&
                    (schema->base != MR_INT || (value >= INT_MIN && value <= INT_MAX));
        return fits ? MR_OK : unfit(field->name, text, len, schema, err);
    }
    if (schema->type == MR_BOOL && len &&
        (strcmp(digits, "true") == 0 || strcmp(digits, "false") == 0)) {
        ret->as.i = *digits == 't';
        return MR_OK;
    }
    return unfit(field->name, text, len, schema, err);
}

static mr_status take_json(const mr_field *field, const json_t *value, mr_arena *arena,
                           mr_cell *ret, mr_error *err)
{
    if (json_is_string(value)) {
        size_t len = json_string_length(value);
        return take_text(field, mr_arena_copy(arena, json_string_value(value), len), len, ret, err);
    }
    char *text =
        value && !json_is_null(value) ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    if (!text) {
        mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD, "this delete's key has no value for %s",
                field->name);
        mr_error_field(err, field->name);
        return MR_REJECT;
    }
    size_t len = strlen(text);
    mr_status status = take_text(field, mr_arena_copy(arena, text, len), len, ret, err);
    free(text);
    return status;
}

/* From bytes: text, JSON array or JSON object. */
static mr_status take_bytes(const mr_schema *schema, size_t keys, mr_slice key, mr_arena *arena,
                            mr_cell *cells, mr_error *err)
{
    if (!key.data || key.len > KEY_MAX_BYTES) {
        return mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
                       key.data
                           ? "this delete's key is larger than 1 MiB"
                           : "this delete (tombstone) has no key, so it says of no row that it "
                             "is gone");
    }
    json_auto_t *root = key.len && (*key.data == '{' || *key.data == '[')
                            ? json_loadb(key.data, key.len, 0, NULL)
                            : NULL;
    bool object = json_is_object(root) && json_object_get(root, schema->fields[0].name);
    bool array = keys > 1 && json_array_size(root) == keys;
    if (keys > 1 && !object && !array) {
        return mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
                       "this delete's key is neither a JSON array of the %zu key.fields nor a JSON "
                       "object with them",
                       keys);
    }
    for (size_t i = 0; i < keys; i++) {
        const mr_field *field = &schema->fields[i];
        mr_status status =
            object  ? take_json(field, json_object_get(root, field->name), arena, &cells[i], err)
            : array ? take_json(field, json_array_get(root, i), arena, &cells[i], err)
                    : take_text(field, key.data, key.len, &cells[i], err);
        if (status != MR_OK) {
            return status;
        }
    }
    return MR_OK;
}

/* The value as the rows have it; false: what the key has can not be taken for it. Decimals must
 * have the same scale: their cells do not say theirs. */
static bool as_in_rows(const mr_schema *in_key, const mr_schema *in_rows, mr_cell *cell)
{
    mr_type found = (mr_type)cell->type, wanted = in_rows->type;
    bool plain = (found == MR_INT || found == MR_LONG) && (wanted == MR_INT || wanted == MR_LONG);
    bool finer = (found == MR_TIMESTAMP_MS && wanted == MR_TIMESTAMP_US) ||
                 (found == MR_LOCAL_TIMESTAMP_MS && wanted == MR_LOCAL_TIMESTAMP_US) ||
                 (found == MR_TIME_MS && wanted == MR_TIME_US);
    if (found == wanted) {
        return found != MR_DECIMAL || in_key->scale == in_rows->scale;
    }
    if (finer && cell->as.i < INT64_MAX / 1000 && cell->as.i > INT64_MIN / 1000) {
        cell->as.i *= 1000;
    } else if (!plain) {
        return false;
    }
    cell->type = (uint8_t)wanted;
    return true;
}

/* From the cells of a key that has a schema: a record with the fields, or the one field itself. A
 * query may have given a field another name: then its place in the key tells. */
static mr_status take_cells(const mr_schema *schema, size_t keys, const mr_schema *key_schema,
                            const mr_cell *key, mr_cell *cells, mr_error *err)
{
    for (size_t i = 0; i < keys; i++) {
        const mr_field *field = &schema->fields[i];
        const mr_schema *in_rows = mr_schema_strip_null(field->schema), *in_key = key_schema;
        const mr_cell *cell = keys == 1 ? key : NULL;
        if (key->type == MR_RECORD) {
            const mr_field *found = mr_schema_field(key_schema, field->name);
            if (!found && key_schema->field_count == keys) {
                found = &key_schema->fields[i];
            }
            cell = found ? &key->as.cells[found - key_schema->fields] : NULL;
            in_key = found ? found->schema : NULL;
        }
        cells[i] = cell ? *cell : (mr_cell){.type = MR_NULL};
        if (cells[i].type == MR_NULL) {
            mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD, "this delete's key has no value for %s",
                    field->name);
        } else if (!as_in_rows(mr_schema_strip_null(in_key), in_rows, &cells[i])) {
            mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
                    "this delete's key has %s for %s, which is %s in the rows%s",
                    mr_type_name((mr_type)cells[i].type), field->name, mr_type_name(in_rows->type),
                    cells[i].type == in_rows->type ? " with another scale" : "");
        } else {
            continue;
        }
        mr_error_field(err, field->name);
        return MR_REJECT;
    }
    return MR_OK;
}

static mr_cell version_of(const mr_batch *batch, const mr_record *record, const char *field)
{
    const mr_cell null = {.type = MR_NULL};
    const mr_field *found =
        record->before && batch->schema ? mr_schema_field(batch->schema, field) : NULL;
    return found ? record->before->as.cells[found - batch->schema->fields] : null;
}

/* Does a record have the fields of the key? */
static bool has_fields(const mr_schema *record, const mr_schema *key, size_t keys)
{
    for (size_t i = 0; i < keys; i++) {
        if (record->type != MR_RECORD || !mr_schema_field(record, key->fields[i].name)) {
            return false;
        }
    }
    return true;
}

/* --- The batch --- */

static mr_status make_record(const pg_route *route, const mr_batch *batch, size_t index,
                             const mr_schema *schema, mr_arena *arena, mr_record *ret,
                             mr_error *err)
{
    const mr_record *record = &batch->records[index];
    size_t keys = route->options->key_fields.count;
    mr_cell *cells = mr_arena_calloc(arena, schema->field_count, sizeof *cells);
    mr_cell *value = mr_arena_alloc(arena, sizeof *value);
    *value = (mr_cell){.type = MR_RECORD, .len = (uint32_t)schema->field_count, .as.cells = cells};
    *ret = *record;
    ret->value = value;
    ret->before = NULL;
    if (route->options->version_field) {
        cells[keys] = version_of(batch, record, route->options->version_field);
    }
    if (record->key && batch->key_schema) {
        return take_cells(schema, keys, batch->key_schema, record->key, cells, err);
    }
    if (record->before && batch->schema && has_fields(batch->schema, schema, keys)) {
        return take_cells(schema, keys, batch->schema, record->before, cells, err);
    }
    return take_bytes(schema, keys, record->raw_key, arena, cells, err);
}

/* The schema of the rows a route has met last. */
static const mr_schema *rows_of(const pg_route *route)
{
    const mr_schema *rows = NULL;
    for (const pg_plan *plan = route->plans; plan; plan = plan->next) {
        rows = plan->deletes ? rows : plan->schema;
    }
    return rows;
}

mr_status pg_deletes_take(pg_sink *sink, mr_task *task, pg_route *route, const mr_batch *batch,
                          const mr_batch **ret, mr_error *err)
{
    size_t count = 0;
    *ret = NULL;
    for (size_t i = 0; i < batch->count; i++) {
        count += pg_is_delete(&batch->records[i]);
    }
    if (!count) {
        return MR_OK;
    }
    mr_arena *arena = mr_task_arena(task);
    mr_batch *made = mr_arena_alloc(arena, sizeof *made);
    *made = *batch;
    made->count = 0;
    made->records = mr_arena_alloc(arena, count * sizeof *made->records);
    mr_status status = find_form(sink, route, batch->schema ? batch->schema : rows_of(route),
                                 batch->key_schema, &made->schema, err);
    if (status != MR_OK) {
        return status;
    }
    for (size_t i = 0; i < batch->count; i++) {
        if (pg_is_delete(&batch->records[i]) &&
            make_record(route, batch, i, made->schema, arena, &made->records[made->count++], err) !=
                MR_OK) {
            mr_reject(task, batch, i, err);
            status = MR_REJECT;
        }
    }
    *ret = made;
    return status;
}
