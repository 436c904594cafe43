/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schemas made in code. The builder only writes JSON; the parser makes the schema from it, so there
 * is one way in which schemas come to be, with one set of checks.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/schema_tree.h"

struct mr_schema_builder {
    json_t *root, *fields;
    json_t *types; /* full name -> the definition on its own, to compare a second one with */
    mr_status status;
    mr_error err; /* the first thing that went wrong; told by finish() */
};

#define DURATION_NAME "millrace.Duration"

mr_schema_builder *mr_schema_builder_new(const char *full_name)
{
    mr_schema_builder *b = mr_calloc(1, sizeof *b);
    b->root = json_object();
    b->fields = json_array();
    b->types = json_object();
    json_object_set_new(b->root, "type", json_string("record"));
    /* A name that is not UTF-8 gives NULL here, and finish() reports it as missing. */
    json_object_set_new(b->root, "name", json_string(full_name));
    json_object_set(b->root, "fields", b->fields);
    return b;
}

void mr_schema_builder_free(mr_schema_builder *builder)
{
    if (builder) {
        json_decref(builder->root);
        json_decref(builder->fields);
        json_decref(builder->types);
        free(builder);
    }
}

static void fail(mr_schema_builder *b, const char *field, const char *why)
{
    if (!b->status) {
        b->status =
            mr_fail(&b->err, MR_FATAL, MR_DOMAIN_SCHEMA, "schema, field \"%s\": %s", field, why);
        mr_error_field(&b->err, field);
    }
}

/* Takes `type`. */
static void add(mr_schema_builder *b, const char *name, json_t *type, bool null_default)
{
    json_t *field = json_object(), *text = json_string(name);
    if (!text) {
        fail(b, "?", "its name is not UTF-8");
        json_decref(field);
        json_decref(type);
        return;
    }
    json_object_set_new(field, "name", text);
    json_object_set_new(field, "type", type);
    if (null_default) {
        json_object_set_new(field, "default", json_null());
    }
    json_array_append_new(b->fields, field);
}

static const char *carrier(mr_type type)
{
    switch (type) {
    case MR_DECIMAL:
        return "bytes";
    case MR_UUID:
        return "string";
    case MR_DATE:
    case MR_TIME_MS:
        return "int";
    default:
        return "long";
    }
}

static json_t *duration(mr_schema_builder *b)
{
    if (json_object_get(b->types, DURATION_NAME)) {
        return json_string(DURATION_NAME);
    }
    json_t *type = json_pack("{s:s, s:s, s:i, s:s}", "type", "fixed", "name", DURATION_NAME, "size",
                             12, "logicalType", "duration");
    json_object_set(b->types, DURATION_NAME, type);
    return type;
}

void mr_schema_builder_add(mr_schema_builder *b, const char *name, mr_type type, bool nullable,
                           int precision, int scale)
{
    json_t *json;
    if (type <= MR_STRING) {
        json = json_string(mr_type_name(type));
    } else if (type == MR_DURATION) {
        json = duration(b);
    } else if (type >= MR_DECIMAL && type < MR_TYPE_COUNT) {
        json = json_pack("{s:s, s:s}", "type", carrier(type), "logicalType", mr_type_name(type));
    } else {
        fail(b, name, "only primitive and logical types can be added without a schema");
        return;
    }
    if (type == MR_DECIMAL) {
        if (precision < 1 || scale < 0 || scale > precision) {
            fail(b, name, "a decimal needs a precision of 1 or more and a scale of 0 to it");
        }
        json_object_set_new(json, "precision", json_integer(precision));
        json_object_set_new(json, "scale", json_integer(scale));
    }
    bool optional = nullable && type != MR_NULL;
    add(b, name, optional ? json_pack("[s, o]", "null", json) : json, optional);
}

/* Notes the types that `defined` has beyond those of earlier fields; one of an earlier field must
 * be the same type again. */
static void note_types(mr_schema_builder *b, const char *field, const mr_name_map *defined)
{
    for (size_t i = 0; i < defined->capacity; i++) {
        const mr_name_slot *slot = &defined->slots[i];
        if (!slot->name) {
            continue;
        }
        mr_name_map alone = {0};
        json_t *type = mr_schema_node_json(slot->value, &alone);
        const json_t *before = json_object_get(b->types, slot->name);
        if (!type || (before && !json_equal(before, type))) {
            fail(b, field,
                 type ? "it has a type of the same name as another field's, but different"
                      : "its types are nested too deeply");
        }
        if (type && !before) {
            json_object_set(b->types, slot->name, type);
        }
        json_decref(type);
        mr_name_map_release(&alone);
    }
}

/* Replaces what earlier fields have defined by references to it. Takes json. */
static json_t *refer(const json_t *types, json_t *json)
{
    const char *name = json_string_value(json_object_get(json, "name"));
    if (name && json_object_get(json, "type") && json_object_get(types, name)) {
        json_t *reference = json_string(name);
        json_decref(json);
        return reference;
    }
    if (json_is_array(json)) {
        for (size_t i = 0; i < json_array_size(json); i++) {
            json_array_set_new(json, i, refer(types, json_incref(json_array_get(json, i))));
        }
        return json;
    }
    json_t *fields = json_object_get(json, "fields");
    for (size_t i = 0; i < json_array_size(fields); i++) {
        json_t *field = json_array_get(fields, i);
        json_object_set_new(field, "type",
                            refer(types, json_incref(json_object_get(field, "type"))));
    }
    static const char *const keys[] = {"items", "values"};
    for (size_t i = 0; i < 2; i++) {
        json_t *items = json_object_get(json, keys[i]);
        if (items) {
            json_object_set_new(json, keys[i], refer(types, json_incref(items)));
        }
    }
    return json;
}

void mr_schema_builder_add_copy(mr_schema_builder *b, const char *name, const mr_schema *schema,
                                bool nullable)
{
    mr_name_map defined = {0};
    json_t *type = mr_schema_node_json(schema, &defined);
    if (!type) {
        fail(b, name, "its type is nested too deeply");
        mr_name_map_release(&defined);
        return;
    }
    type = refer(b->types, type);
    note_types(b, name, &defined);
    mr_name_map_release(&defined);
    bool null_first = nullable;
    if (schema->type == MR_UNION && schema->nullable) {
        null_first = nullable && schema->branches[0]->type == MR_NULL;
    } else if (nullable && schema->type == MR_UNION) {
        json_array_insert_new(type, 0, json_string("null"));
    } else if (nullable && schema->type != MR_NULL) {
        type = json_pack("[s, o]", "null", type);
    }
    add(b, name, type, null_first);
}

void mr_schema_builder_alias(mr_schema_builder *b, const char *full_name)
{
    json_t *aliases = json_object_get(b->root, "aliases");
    if (!aliases) {
        aliases = json_array();
        json_object_set_new(b->root, "aliases", aliases);
    }
    json_array_append_new(aliases, json_string(full_name));
}

/* Takes `json`; NULL: it could not be made. */
static mr_status parse_json(json_t *json, const mr_schema **ret, mr_error *err)
{
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    json_decref(json);
    mr_status status =
        text ? mr_schema_parse(text, strlen(text), ret, err)
             : mr_fail(err, MR_FATAL, MR_DOMAIN_SCHEMA, "schema cannot be written as JSON");
    free(text);
    return status;
}

mr_status mr_schema_extract(const mr_schema *part, const mr_schema **ret, mr_error *err)
{
    mr_name_map defined = {0};
    json_t *json = mr_schema_node_json(part, &defined);
    mr_name_map_release(&defined);
    return parse_json(json, ret, err);
}

mr_status mr_schema_builder_finish(mr_schema_builder *b, const mr_schema **ret, mr_error *err)
{
    mr_status status = b->status;
    if (status) {
        if (err) {
            *err = b->err;
        }
    } else {
        status = parse_json(json_incref(b->root), ret, err);
    }
    mr_schema_builder_free(b);
    return status;
}
