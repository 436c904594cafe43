/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a schema to the columns of `record`. All timestamps are microseconds in SQL whatever their
 * unit in Avro, so that arithmetic and functions need not know the unit.
 */
#include "transform/columns.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/options.h"
#include "codec/bson.h"

static const mr_column metadata[] = {
    {"_op", NULL, MR_META_OP, {MR_STRING, false, 0, 0}},
    {"_key", NULL, MR_META_KEY, {MR_STRING, true, 0, 0}},
    {"_topic", NULL, MR_META_TOPIC, {MR_STRING, true, 0, 0}},
    {"_partition", NULL, MR_META_PARTITION, {MR_LONG, false, 0, 0}},
    {"_offset", NULL, MR_META_OFFSET, {MR_LONG, false, 0, 0}},
    {"_timestamp", NULL, MR_META_TIMESTAMP, {MR_TIMESTAMP_US, true, 0, 0}},
    {"_headers", NULL, MR_META_HEADERS, {MR_STRING, false, 0, 0}},
};
/* Below SQLite's own limit of 2000 columns. */
enum { STUB_COLUMNS_MAX = 1900 };
enum { METADATA_COUNT = sizeof metadata / sizeof *metadata };

mr_sql_type mr_sql_type_of(const mr_schema *schema)
{
    mr_sql_type ret = {MR_STRING, schema->type == MR_UNION && schema->nullable, 0, 0};
    schema = mr_schema_strip_null(schema);
    switch (schema->type) {
    case MR_NULL:
        ret.type = MR_NULL;
        ret.nullable = true;
        break;
    case MR_INT:
    case MR_LONG:
        ret.type = MR_LONG;
        break;
    case MR_FLOAT:
    case MR_DOUBLE:
        ret.type = MR_DOUBLE;
        break;
    case MR_BYTES:
    case MR_FIXED:
    case MR_DURATION:
        ret.type = MR_BYTES;
        break;
    case MR_DECIMAL:
        ret.precision = schema->precision;
        ret.scale = schema->scale;
        ret.type = MR_DECIMAL;
        break;
    case MR_TIME_MS:
    case MR_TIME_US:
        ret.type = MR_TIME_US;
        break;
    case MR_TIMESTAMP_MS:
    case MR_TIMESTAMP_US:
        ret.type = MR_TIMESTAMP_US;
        break;
    case MR_LOCAL_TIMESTAMP_MS:
    case MR_LOCAL_TIMESTAMP_US:
        ret.type = MR_LOCAL_TIMESTAMP_US;
        break;
    case MR_BOOL:
    case MR_DATE:
    case MR_UUID:
        ret.type = schema->type;
        break;
    case MR_UNION:
        ret.type = MR_SQL_ANY;
        break;
    default: /* strings, enums, and nested values as JSON */
        break;
    }
    return ret;
}

const char *mr_sql_type_name(mr_type type)
{
    switch (type) {
    case MR_NULL:
        return "NULL";
    case MR_SQL_ANY:
        return "value of no fixed type";
    case MR_TIMESTAMP_US:
        return "timestamp";
    case MR_LOCAL_TIMESTAMP_US:
        return "local timestamp";
    case MR_TIME_US:
        return "time of day";
    default:
        return mr_type_name(type);
    }
}

/* Adds the metadata columns a field does not hide. */
static void add_metadata(mr_columns *columns)
{
    for (size_t i = 0; i < METADATA_COUNT; i++) {
        if (mr_columns_find(columns, metadata[i].name) < 0) {
            columns->items[columns->count++] = metadata[i];
        }
    }
}

static mr_status refuse_clash(const char *a, const char *b, mr_error *err)
{
    mr_fail(err, MR_FATAL, MR_DOMAIN_TRANSFORM,
            "fields '%s' and '%s' differ only in case, which SQL can not tell apart; rename one in "
            "the schema of the topic",
            a, b);
    if (err) {
        err->permanent = true;
    }
    return MR_FATAL;
}

static int by_name(const void *a, const void *b)
{
    return strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

/* Two fields that SQL can not tell apart; false: there are none. */
static bool find_clash(const mr_columns *columns, const char *clash[2])
{
    const char **names = mr_alloc((columns->count + 1) * sizeof *names);
    for (size_t i = 0; i < columns->count; i++) {
        names[i] = columns->items[i].name;
    }
    qsort(names, columns->count, sizeof *names, by_name);
    bool found = false;
    for (size_t i = 1; i < columns->count && !found; i++) {
        found = strcasecmp(names[i - 1], names[i]) == 0;
        clash[0] = names[i - 1];
        clash[1] = names[i];
    }
    free(names);
    return found;
}

/* What documents have is not for the query to refuse: the field seen first keeps its name. */
static mr_status check_clashes(mr_columns *columns, const mr_schema *schema, mr_error *err)
{
    const char *clash[2];
    if (!find_clash(columns, clash)) {
        return MR_OK;
    }
    if (!mr_columns_are_open(schema)) {
        return refuse_clash(clash[0], clash[1], err);
    }
    columns->alike = true;
    mr_log(MR_LOG_WARN, "query.fields.alike",
           "documents of %s have fields '%s' and '%s', which differ only in case: a query that "
           "names one of them gets the one that was seen first",
           schema->name, clash[0], clash[1]);
    return MR_OK;
}

mr_status mr_columns_of_schema(const mr_schema *schema, mr_columns *ret, mr_error *err)
{
    schema = mr_schema_strip_null(schema);
    bool is_record = schema->type == MR_RECORD;
    size_t fields = is_record ? schema->field_count : 1;
    mr_columns columns = {
        .items = mr_alloc((fields + METADATA_COUNT) * sizeof(mr_column)),
        .whole = !is_record,
    };
    for (size_t i = 0; i < fields; i++) {
        const mr_schema *field = is_record ? schema->fields[i].schema : schema;
        columns.items[columns.count++] = (mr_column){
            is_record ? schema->fields[i].name : "value",
            field,
            MR_META_NONE,
            mr_sql_type_of(field),
        };
    }
    columns.visible = columns.count;
    mr_status status = check_clashes(&columns, schema, err);
    if (status != MR_OK) {
        mr_columns_release(&columns);
        return status;
    }
    add_metadata(&columns);
    *ret = columns;
    return MR_OK;
}

void mr_columns_of_query(const mr_token *tokens, mr_columns *ret)
{
    size_t count = 0;
    while (tokens[count].kind != MR_TOKEN_END) {
        count++;
    }
    mr_columns columns = {
        .items = mr_alloc((count + METADATA_COUNT) * sizeof(mr_column)),
        .stub = true,
        .names = mr_calloc(count + 1, sizeof(char *)),
    };
    add_metadata(&columns);
    size_t meta = columns.count;
    for (size_t i = 0; i < count && columns.count < STUB_COLUMNS_MAX; i++) {
        if ((tokens[i].kind != MR_TOKEN_NAME && tokens[i].kind != MR_TOKEN_QUOTED) ||
            mr_token_is(&tokens[i], "TRUE") || mr_token_is(&tokens[i], "FALSE")) {
            continue;
        }
        char *name = mr_token_text(&tokens[i]);
        if (mr_columns_find(&columns, name) >= 0) {
            free(name);
            continue;
        }
        columns.names[columns.name_count++] = name;
        columns.items[columns.count++] =
            (mr_column){name, NULL, MR_META_NONE, {MR_SQL_ANY, true, 0, 0}};
    }
    /* Fields first, as with a schema. */
    mr_column *fields = mr_alloc((columns.count + 1) * sizeof *fields);
    columns.visible = columns.count - meta;
    memcpy(fields, columns.items + meta, columns.visible * sizeof *fields);
    memcpy(fields + columns.visible, columns.items, meta * sizeof *fields);
    free(columns.items);
    columns.items = fields;
    *ret = columns;
}

void mr_columns_add_absent(mr_columns *columns, const char *name)
{
    static const mr_schema null = {.type = MR_NULL, .base = MR_NULL};
    char *kept = mr_strdup(name);
    columns->names =
        mr_realloc_array(columns->names, columns->name_count + 1, sizeof *columns->names);
    columns->names[columns->name_count++] = kept;
    columns->items = mr_realloc_array(columns->items, columns->count + 1, sizeof *columns->items);
    columns->items[columns->count++] =
        (mr_column){kept, &null, MR_META_NONE, {MR_NULL, true, 0, 0}};
    columns->absent++;
}

bool mr_columns_are_open(const mr_schema *schema)
{
    const mr_schema *record = mr_schema_strip_null(schema);
    for (size_t i = 0; i < record->alias_count; i++) {
        if (strcmp(record->aliases[i], MR_BSON_ABSENT) == 0) {
            return true;
        }
    }
    return false;
}

void mr_columns_release(mr_columns *columns)
{
    for (size_t i = 0; i < columns->name_count; i++) {
        free(columns->names[i]);
    }
    free(columns->names);
    free(columns->items);
    *columns = (mr_columns){0};
}

int mr_columns_find(const mr_columns *columns, const char *name)
{
    for (size_t i = 0; i < columns->count; i++) {
        if (strcasecmp(columns->items[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

const char *mr_columns_nearest(const mr_columns *columns, const char *name)
{
    const char **names = mr_alloc((columns->count + 1) * sizeof *names);
    for (size_t i = 0; i < columns->count; i++) {
        names[i] = columns->items[i].name;
    }
    names[columns->count] = NULL;
    const char *nearest = mr_nearest(names, name);
    free(names);
    return nearest;
}
