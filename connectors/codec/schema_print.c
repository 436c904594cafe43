/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schema to text: the parsing canonical form (spec, "Transforming into Parsing Canonical Form"), by
 * which schemas are told apart, and the full JSON of schemas that are built in code. A parsed
 * schema keeps the JSON it came from instead, with attributes we know nothing of.
 */
#include <string.h>

#include "base/buffer.h"
#include "codec/schema_tree.h"

/* --- Parsing canonical form: names are ASCII by then, so nothing needs escaping --------------- */

static void canonical(const mr_schema *schema, mr_name_map *seen, mr_buffer *out);

static void canonical_fields(const mr_schema *record, mr_name_map *seen, mr_buffer *out)
{
    mr_buffer_add_text(out, ",\"fields\":[");
    for (size_t i = 0; i < record->field_count; i++) {
        mr_buffer_add_text(out, i ? ",{\"name\":\"" : "{\"name\":\"");
        mr_buffer_add_text(out, record->fields[i].name);
        mr_buffer_add_text(out, "\",\"type\":");
        canonical(record->fields[i].schema, seen, out);
        mr_buffer_add_char(out, '}');
    }
    mr_buffer_add_text(out, "]}");
}

static void canonical_symbols(const mr_schema *schema, mr_buffer *out)
{
    mr_buffer_add_text(out, ",\"symbols\":[");
    for (size_t i = 0; i < schema->symbol_count; i++) {
        mr_buffer_add_text(out, i ? ",\"" : "\"");
        mr_buffer_add_text(out, schema->symbols[i]);
        mr_buffer_add_char(out, '"');
    }
    mr_buffer_add_text(out, "]}");
}

static void canonical_named(const mr_schema *schema, mr_name_map *seen, mr_buffer *out)
{
    if (!mr_name_map_put(seen, schema->name, schema)) {
        mr_buffer_printf(out, "\"%s\"", schema->name);
        return;
    }
    mr_buffer_printf(out, "{\"name\":\"%s\",\"type\":\"%s\"", schema->name,
                     mr_type_name(schema->base));
    if (schema->base == MR_RECORD) {
        canonical_fields(schema, seen, out);
    } else if (schema->base == MR_ENUM) {
        canonical_symbols(schema, out);
    } else {
        mr_buffer_printf(out, ",\"size\":%zu}", schema->size_bytes);
    }
}

static void canonical(const mr_schema *schema, mr_name_map *seen, mr_buffer *out)
{
    if (out->failed) {
        return;
    }
    if (schema->name) {
        canonical_named(schema, seen, out);
    } else if (schema->base == MR_UNION) {
        for (size_t i = 0; i < schema->branch_count; i++) {
            mr_buffer_add_char(out, i ? ',' : '[');
            canonical(schema->branches[i], seen, out);
        }
        mr_buffer_add_char(out, ']');
    } else if (schema->items) {
        mr_buffer_add_text(out, schema->base == MR_ARRAY ? "{\"type\":\"array\",\"items\":"
                                                         : "{\"type\":\"map\",\"values\":");
        canonical(schema->items, seen, out);
        mr_buffer_add_char(out, '}');
    } else {
        mr_buffer_printf(out, "\"%s\"", mr_type_name(schema->base));
    }
}

const char *mr_schema_print_canonical(const mr_schema *root, mr_arena *arena)
{
    mr_buffer out = MR_BUFFER_INIT(MR_SCHEMA_CANONICAL_BYTES_MAX);
    mr_name_map seen = {0};
    canonical(root, &seen, &out);
    const char *text = out.failed ? NULL : mr_arena_strndup(arena, out.data, out.len);
    mr_name_map_release(&seen);
    mr_buffer_release(&out);
    return text;
}

/* --- Full JSON -------------------------------------------------------------------------------- */

typedef struct printer {
    mr_name_map *defined;
    int depth;
} printer;

static json_t *node_json(printer *p, const mr_schema *schema, const char *space);

static json_t *texts_json(const char *const *texts, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(array, json_string(texts[i]));
    }
    return array;
}

static void set_logical(json_t *object, const mr_schema *schema)
{
    if (schema->type == schema->base) {
        return;
    }
    json_object_set_new(object, "logicalType", json_string(mr_type_name(schema->type)));
    if (schema->type == MR_DECIMAL) {
        json_object_set_new(object, "precision", json_integer(schema->precision));
        json_object_set_new(object, "scale", json_integer(schema->scale));
    }
}

static json_t *field_json(printer *p, const mr_field *field, const char *space)
{
    json_t *type = node_json(p, field->schema, space);
    if (!type) {
        return NULL;
    }
    json_t *object = json_object();
    json_object_set_new(object, "name", json_string(field->name));
    json_object_set_new(object, "type", type);
    if (field->doc) {
        json_object_set_new(object, "doc", json_string(field->doc));
    }
    if (field->dflt) {
        json_object_set_new(object, "default", mr_schema_default_json(field->schema, field->dflt));
    }
    if (field->order != 1) {
        json_object_set_new(object, "order", json_string(field->order ? "descending" : "ignore"));
    }
    if (field->alias_count) {
        json_object_set_new(object, "aliases", texts_json(field->aliases, field->alias_count));
    }
    return object;
}

static json_t *fields_json(printer *p, const mr_schema *record)
{
    const char *dot = strrchr(record->name, '.');
    char space[MR_SCHEMA_NAME_BYTES_MAX + 1] = "";
    if (dot) {
        memcpy(space, record->name, (size_t)(dot - record->name));
    }
    json_t *array = json_array();
    for (size_t i = 0; i < record->field_count; i++) {
        json_t *field = field_json(p, &record->fields[i], space);
        if (!field) {
            json_decref(array);
            return NULL;
        }
        json_array_append_new(array, field);
    }
    return array;
}

/* Full names need no namespace beside them, but a name of none inside a namespace says so. */
static json_t *named_json(printer *p, const mr_schema *schema, const char *space)
{
    if (!mr_name_map_put(p->defined, schema->name, schema)) {
        return json_string(schema->name);
    }
    json_t *object = json_object();
    json_object_set_new(object, "type", json_string(mr_type_name(schema->base)));
    json_object_set_new(object, "name", json_string(schema->name));
    if (*space && !strchr(schema->name, '.')) {
        json_object_set_new(object, "namespace", json_string(""));
    }
    if (schema->doc) {
        json_object_set_new(object, "doc", json_string(schema->doc));
    }
    if (schema->alias_count) {
        json_object_set_new(object, "aliases", texts_json(schema->aliases, schema->alias_count));
    }
    if (schema->base == MR_ENUM) {
        json_object_set_new(object, "symbols", texts_json(schema->symbols, schema->symbol_count));
        if (schema->enum_default >= 0) {
            json_object_set_new(object, "default",
                                json_string(schema->symbols[schema->enum_default]));
        }
    } else if (schema->base == MR_FIXED) {
        json_object_set_new(object, "size", json_integer((json_int_t)schema->size_bytes));
        set_logical(object, schema);
    } else {
        json_t *fields = fields_json(p, schema);
        if (!fields) {
            json_decref(object);
            return NULL;
        }
        json_object_set_new(object, "fields", fields);
    }
    return object;
}

static json_t *union_json(printer *p, const mr_schema *schema, const char *space)
{
    json_t *array = json_array();
    for (size_t i = 0; i < schema->branch_count; i++) {
        json_t *branch = node_json(p, schema->branches[i], space);
        if (!branch) {
            json_decref(array);
            return NULL;
        }
        json_array_append_new(array, branch);
    }
    return array;
}

static json_t *unnamed_json(printer *p, const mr_schema *schema, const char *space)
{
    if (schema->base == MR_UNION) {
        return union_json(p, schema, space);
    }
    if (!schema->items && schema->type == schema->base) {
        return json_string(mr_type_name(schema->base));
    }
    json_t *object = json_object();
    json_object_set_new(object, "type", json_string(mr_type_name(schema->base)));
    set_logical(object, schema);
    if (schema->items) {
        json_t *items = node_json(p, schema->items, space);
        if (!items) {
            json_decref(object);
            return NULL;
        }
        json_object_set_new(object, schema->base == MR_ARRAY ? "items" : "values", items);
    }
    return object;
}

static json_t *node_json(printer *p, const mr_schema *schema, const char *space)
{
    if (p->depth > MR_SCHEMA_DEPTH_MAX) {
        return NULL;
    }
    p->depth++;
    json_t *json = schema->name ? named_json(p, schema, space) : unnamed_json(p, schema, space);
    p->depth--;
    return json;
}

json_t *mr_schema_node_json(const mr_schema *schema, mr_name_map *defined)
{
    printer p = {defined, 0};
    /* "?" is no namespace: a name of none is then always written with "namespace": "". */
    return node_json(&p, schema, "?");
}
