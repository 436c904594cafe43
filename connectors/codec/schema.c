/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life, names and fingerprints of schemas. A schema is one arena behind its root: nodes may point
 * at each other in circles, and the last release frees all of them at once.
 */
#include "codec/schema.h"

#include <stdlib.h>
#include <string.h>

#include "codec/schema_tree.h"

static mr_schema_tree *tree_of(const mr_schema *root)
{
    return root->internal;
}

const mr_schema *mr_schema_acquire(const mr_schema *schema)
{
    atomic_fetch_add_explicit(&tree_of(schema)->refs, 1, memory_order_relaxed);
    return schema;
}

void mr_schema_release(const mr_schema *schema)
{
    if (!schema) {
        return;
    }
    mr_schema_tree *tree = tree_of(schema);
    if (atomic_fetch_sub_explicit(&tree->refs, 1, memory_order_acq_rel) == 1) {
        mr_arena_free(tree->arena);
        free(tree);
    }
}

const char *mr_schema_json(const mr_schema *schema)
{
    return tree_of(schema)->json;
}

const char *mr_schema_canonical(const mr_schema *schema)
{
    return tree_of(schema)->canonical;
}

uint32_t mr_schema_node_count(const mr_schema *root)
{
    return tree_of(root)->node_count;
}

/* Bit by bit: it runs once per schema, and needs no table that threads would have to share. */
uint64_t mr_fingerprint(const char *canonical, size_t len)
{
    const uint64_t empty = 0xc15d213aa4d7a795u;
    uint64_t print = empty;
    for (size_t i = 0; i < len; i++) {
        print ^= (unsigned char)canonical[i];
        for (int bit = 0; bit < 8; bit++) {
            print = print >> 1 ^ (empty & (0 - (print & 1)));
        }
    }
    return print;
}

const mr_schema *mr_schema_strip_null(const mr_schema *schema)
{
    if (schema->type == MR_UNION && schema->nullable && schema->branch_count == 2) {
        return schema->branches[schema->branches[0]->type == MR_NULL];
    }
    return schema;
}

const mr_field *mr_schema_field(const mr_schema *record, const char *name)
{
    for (size_t i = 0; i < record->field_count; i++) {
        if (strcmp(record->fields[i].name, name) == 0) {
            return &record->fields[i];
        }
    }
    return NULL;
}

bool mr_schema_has_alias(const char *const *aliases, size_t count, const char *alias)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(aliases[i], alias) == 0) {
            return true;
        }
    }
    return false;
}

static const char *const type_names[MR_TYPE_COUNT] = {
    [MR_NULL] = "null",
    [MR_BOOL] = "boolean",
    [MR_INT] = "int",
    [MR_LONG] = "long",
    [MR_FLOAT] = "float",
    [MR_DOUBLE] = "double",
    [MR_BYTES] = "bytes",
    [MR_STRING] = "string",
    [MR_FIXED] = "fixed",
    [MR_ENUM] = "enum",
    [MR_ARRAY] = "array",
    [MR_MAP] = "map",
    [MR_RECORD] = "record",
    [MR_UNION] = "union",
    [MR_DECIMAL] = "decimal",
    [MR_UUID] = "uuid",
    [MR_DATE] = "date",
    [MR_TIME_MS] = "time-millis",
    [MR_TIME_US] = "time-micros",
    [MR_TIMESTAMP_MS] = "timestamp-millis",
    [MR_TIMESTAMP_US] = "timestamp-micros",
    [MR_LOCAL_TIMESTAMP_MS] = "local-timestamp-millis",
    [MR_LOCAL_TIMESTAMP_US] = "local-timestamp-micros",
    [MR_DURATION] = "duration",
};

const char *mr_type_name(mr_type type)
{
    return (unsigned)type < MR_TYPE_COUNT ? type_names[type] : "unknown";
}

mr_type mr_schema_primitive(const char *name)
{
    for (int type = MR_NULL; type <= MR_STRING; type++) {
        if (strcmp(name, type_names[type]) == 0) {
            return (mr_type)type;
        }
    }
    return MR_TYPE_COUNT;
}

bool mr_schema_is_name(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9')) {
            return false;
        }
    }
    return len > 0;
}
