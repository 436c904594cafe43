/* SPDX-License-Identifier: Apache-2.0 */
/* Avro's schema to Connect's. Connect has no names to refer to, so a record is written out wherever
 * it is used: the count of nodes is limited. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "codec/bson_shape.h"
#include "codec/change.h"
#include "codec/connect_json.h"
#include "codec/json.h"
#include "codec/schema.h"
#include "codec/trail.h"

enum { NODES_MAX = 20000, DEPTH_MAX = 64, BYTES_MAX = 1 << 20 };

typedef struct writing {
    int depth;
    size_t nodes;
    mr_trail trail;
} writing;

static json_t *node(writing *w, const mr_schema *schema);

static json_t *type_of(const char *type, const char *name)
{
    json_t *ret = json_pack("{s:s, s:b}", "type", type, "optional", 0);
    if (name) {
        json_object_set_new(ret, "name", json_string(name));
        json_object_set_new(ret, "version", json_integer(1));
    }
    return ret;
}

static void set_parameter(json_t *type, const char *name, const char *value)
{
    json_t *parameters = json_object_get(type, "parameters");
    if (!parameters) {
        parameters = json_object();
        json_object_set_new(type, "parameters", parameters);
    }
    json_object_set_new(parameters, name, json_string(value));
}

static json_t *decimal(const mr_schema *schema)
{
    char number[16];
    json_t *ret = type_of("bytes", MR_CONNECT_DECIMAL);
    snprintf(number, sizeof number, "%d", schema->scale);
    set_parameter(ret, "scale", number);
    snprintf(number, sizeof number, "%d", schema->precision);
    set_parameter(ret, MR_CONNECT_PRECISION, number);
    return ret;
}

static json_t *enumeration(const mr_schema *schema)
{
    json_t *ret = type_of("string", "io.debezium.data.Enum");
    mr_buffer allowed = MR_BUFFER_INIT(BYTES_MAX);
    for (size_t i = 0; i < schema->symbol_count; i++) {
        mr_buffer_add_text(&allowed, i ? "," : "");
        mr_buffer_add_text(&allowed, schema->symbols[i]);
    }
    set_parameter(ret, "allowed", mr_buffer_text(&allowed));
    mr_buffer_release(&allowed);
    return ret;
}

static json_t *fixed(const mr_schema *schema)
{
    bool text = strcmp(schema->name, MR_OBJECT_ID_NAME) == 0 ||
                strcmp(schema->name, MR_DECIMAL128_NAME) == 0;
    return type_of(text ? "string" : "bytes", NULL);
}

static json_t *duration(void)
{
    static const char *const names[] = {"months", "days", "milliseconds"};
    json_t *fields = json_array();
    for (size_t i = 0; i < 3; i++) {
        json_t *part = type_of("int64", NULL);
        json_object_set_new(part, "field", json_string(names[i]));
        json_array_append_new(fields, part);
    }
    json_t *ret = type_of("struct", "millrace.Duration");
    json_object_set_new(ret, "fields", fields);
    return ret;
}

/* A field that may not be null tells its default; where null is allowed, Connect's reader would
 * take the default for a null that was meant. */
static void set_default(json_t *type, const mr_field *field)
{
    mr_buffer text = MR_BUFFER_INIT(BYTES_MAX);
    mr_error ignored;
    if (field->dflt && !field->schema->nullable && field->schema->type != MR_NULL &&
        mr_json_encode(field->schema, MR_JSON_CONNECT, field->dflt, &text, &ignored) == MR_OK) {
        json_t *dflt = json_loadb(text.data, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        if (dflt) {
            json_object_set_new(type, "default", dflt);
        }
    }
    mr_buffer_release(&text);
}

static json_t *record(writing *w, const mr_schema *schema)
{
    if (strcmp(schema->name, MR_JSON_NAME) == 0 && schema->field_count == 1) {
        return type_of("string", "io.debezium.data.Json");
    }
    json_t *fields = json_array();
    for (size_t i = 0; i < schema->field_count; i++) {
        const mr_field *field = &schema->fields[i];
        json_t *type = node(w, field->schema);
        if (!type) {
            json_decref(fields);
            mr_trail_inside(&w->trail, field->name);
            return NULL;
        }
        json_object_set_new(type, "field", json_string(field->name));
        set_default(type, field);
        json_array_append_new(fields, type);
    }
    json_t *ret = type_of("struct", schema->name);
    json_object_del(ret, "version");
    json_object_set_new(ret, "fields", fields);
    return ret;
}

static json_t *items(writing *w, const mr_schema *schema)
{
    bool map = schema->type == MR_MAP;
    json_t *of = node(w, schema->items);
    if (!of) {
        return NULL;
    }
    json_t *ret = type_of(map ? "map" : "array", NULL);
    if (map) {
        json_object_set_new(ret, "keys", type_of("string", NULL));
    }
    json_object_set_new(ret, map ? "values" : "items", of);
    return ret;
}

static json_t *plain(writing *w, const mr_schema *schema)
{
    switch (schema->type) {
    case MR_BOOL:
        return type_of("boolean", NULL);
    case MR_INT:
        return type_of("int32", NULL);
    case MR_LONG:
        return type_of("int64", NULL);
    case MR_FLOAT:
        return type_of("float", NULL);
    case MR_DOUBLE:
        return type_of("double", NULL);
    case MR_BYTES:
        return type_of("bytes", NULL);
    case MR_FIXED:
        return fixed(schema);
    case MR_ENUM:
        return enumeration(schema);
    case MR_DECIMAL:
        return decimal(schema);
    case MR_UUID:
        return type_of("string", "io.debezium.data.Uuid");
    case MR_DATE:
        return type_of("int32", MR_CONNECT_DATE);
    case MR_TIME_MS:
        return type_of("int32", MR_CONNECT_TIME);
    case MR_TIME_US:
        return type_of("int64", "io.debezium.time.MicroTime");
    case MR_TIMESTAMP_MS:
        return type_of("int64", MR_CONNECT_TIMESTAMP);
    case MR_TIMESTAMP_US:
        return type_of("string", "io.debezium.time.ZonedTimestamp");
    case MR_LOCAL_TIMESTAMP_MS:
        return type_of("int64", "io.debezium.time.Timestamp");
    case MR_LOCAL_TIMESTAMP_US:
        return type_of("int64", "io.debezium.time.MicroTimestamp");
    case MR_DURATION:
        return duration();
    case MR_RECORD:
        return record(w, schema);
    case MR_ARRAY:
    case MR_MAP:
        return items(w, schema);
    default: /* null and string */
        return type_of("string", NULL);
    }
}

static json_t *node(writing *w, const mr_schema *schema)
{
    const mr_schema *value = mr_schema_strip_null(schema);
    if (value->type == MR_UNION && value->branch_count == 1) {
        value = value->branches[0];
    }
    if (value->type == MR_UNION) {
        mr_trail_reason(&w->trail, "it is a union of several types, which Connect does not have");
        return NULL;
    }
    if (w->depth >= DEPTH_MAX || ++w->nodes > NODES_MAX) {
        mr_trail_reason(&w->trail,
                        "a record that holds itself, or types nested deeper than %d or used more "
                        "than %d times: Connect has no references",
                        DEPTH_MAX, NODES_MAX);
        return NULL;
    }
    w->depth++;
    json_t *ret = plain(w, value);
    w->depth--;
    if (ret && (schema->nullable || schema->type == MR_NULL)) {
        json_object_set_new(ret, "optional", json_true());
    }
    return ret;
}

mr_status mr_connect_schema_write(const mr_schema *schema, mr_buffer *out, mr_error *err)
{
    writing w = {0};
    mr_trail_start(&w.trail);
    json_auto_t *made = node(&w, schema);
    if (made && (mr_is_change(schema) || mr_is_notice(schema))) {
        set_parameter(made, MR_CONNECT_AVRO, mr_schema_json(schema));
    }
    mr_auto_free char *text = made ? json_dumps(made, JSON_COMPACT) : NULL;
    if (!text || strlen(text) > BYTES_MAX) {
        const char *path = mr_trail_path(&w.trail);
        mr_fail(
            err, MR_FATAL, MR_DOMAIN_SCHEMA,
            "records of schema %s can not be written as json-connect: %s%s%s; json and Avro can",
            schema->name ? schema->name : mr_type_name(schema->type), path, *path ? ": " : "",
            made ? "their schema is larger than 1 MiB" : w.trail.reason);
        mr_error_field(err, path);
        if (err) {
            err->permanent = true;
        }
        return MR_FATAL;
    }
    mr_buffer_add_text(out, text);
    return MR_OK;
}
