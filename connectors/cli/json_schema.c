/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every value may also be text with a reference in it (${env:...}), so numbers and booleans allow
 * a text that starts with one, and nothing else.
 */
#include "cli/json_schema.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/needs.h"
#include "base/options.h"

#define REFERENCE "\\$\\{(env|file):"

static json_t *reference(void)
{
    return json_pack("{s:s, s:s}", "type", "string", "pattern", REFERENCE);
}

static json_t *choices(const mr_option *option)
{
    json_t *names = json_array();
    for (size_t i = 0; i < mr_option_choice_count(option); i++) {
        json_array_append_new(names, json_string(option->choices[i]));
    }
    return json_pack("{s:[{s:o}, o]}", "anyOf", "enum", names, reference());
}

/* A whole number, or text such as "64KiB". */
static json_t *whole(const mr_option *option, const char *pattern)
{
    json_t *number = json_pack("{s:s, s:I}", "type", "integer", "minimum", (json_int_t)option->min);
    if (option->max < INT64_MAX / 2) {
        json_object_set_new(number, "maximum", json_integer(option->max));
    }
    return json_pack("{s:[o, {s:s, s:s}]}", "anyOf", number, "type", "string", "pattern", pattern);
}

static json_t *type_of(const mr_option *option)
{
    switch (option->kind) {
    case MR_KIND_BOOL:
        return json_pack("{s:[{s:s}, {s:s, s:s}]}", "anyOf", "type", "boolean", "type", "string",
                         "pattern", "^(true|false)$|" REFERENCE);
    case MR_KIND_INT:
        return whole(option, "^-?[0-9]+$|" REFERENCE);
    case MR_KIND_SIZE:
        return whole(option, "^[0-9]+ *([KMGT]i?)?B?$|" REFERENCE);
    case MR_KIND_DURATION:
        return whole(option, "^[0-9]+ *(ms|s|m|h|d)?$|" REFERENCE);
    case MR_KIND_DOUBLE:
        return json_pack("{s:[{s:s}, o]}", "anyOf", "type", "number", reference());
    case MR_KIND_ENUM:
        return choices(option);
    case MR_KIND_LIST:
        return json_pack("{s:[{s:s}, {s:s, s:{s:s, s:i}}]}", "anyOf", "type", "string", "type",
                         "array", "items", "type", "string", "minLength", 1);
    default:
        return json_pack("{s:s}", "type", "string");
    }
}

static void add_options(json_t *properties, json_t *required, const mr_option *table)
{
    for (const mr_option *o = table; o && o->name; o++) {
        json_t *type = type_of(o);
        mr_auto_free char *help = mr_option_help(o);
        json_object_set_new(type, "description", json_string(help));
        if (o->dflt && !(o->flags & MR_OPT_SECRET)) {
            json_object_set_new(type, "default", json_string(o->dflt));
        }
        if (o->flags & MR_OPT_SECRET) {
            json_object_set_new(type, "writeOnly", json_true());
        }
        json_object_set_new(properties, o->name, type);
        if (required && (o->flags & MR_OPT_REQUIRED) && !o->dflt) {
            json_array_append_new(required, json_string(o->name));
        }
    }
}

static json_t *object(json_t *properties, json_t *required)
{
    return json_pack("{s:s, s:o, s:o, s:b}", "type", "object", "properties", properties, "required",
                     required, "additionalProperties", false);
}

static json_t *route(const mr_connector *connector)
{
    json_t *properties = json_object();
    json_object_set_new(properties, "name",
                        json_pack("{s:s, s:s}", "type", "string", "description",
                                  "Name of the route in messages. Default: its table, or its "
                                  "number."));
    add_options(properties, NULL, mr_route_common);
    add_options(properties, NULL, connector->route_options);
    return object(properties, json_array());
}

json_t *mr_json_schema_connector(const mr_connector *connector)
{
    json_t *properties = json_object(), *required = json_pack("[s]", "connector");
    json_object_set_new(properties, "connector", json_pack("{s:s}", "const", connector->name));
    add_options(properties, required, connector->source ? mr_source_common : mr_sink_common);
    add_options(properties, required, connector->options);
    if (connector->sink) {
        /* Required options of routes may stand in the routes: not required here. */
        add_options(properties, NULL, connector->route_options);
        json_object_set_new(
            properties, "routes",
            json_pack("{s:s, s:i, s:o, s:s}", "type", "array", "minItems", 1, "items",
                      route(connector), "description",
                      "Several queries over the same records, written in one transaction. Options "
                      "of a route that stand at the sink's top level are defaults for all."));
    }
    json_t *schema = object(properties, required);
    json_object_set_new(schema, "description", json_string(connector->summary));
    return schema;
}

/* All connectors of one kind: which it is follows from "connector". */
static json_t *section(bool source)
{
    json_t *kinds = json_array();
    for (const mr_connector *const *c = mr_connectors; *c; c++) {
        if (source ? (*c)->source != NULL : (*c)->sink != NULL) {
            mr_auto_free char *ref =
                mr_format("#/$defs/%s-%s", source ? "source" : "sink", (*c)->name);
            json_array_append_new(kinds, json_pack("{s:s}", "$ref", ref));
        }
    }
    return json_pack("{s:s, s:{s:s}, s:{s:o}}", "type", "object", "propertyNames", "pattern",
                     "^[A-Za-z0-9._-]{1,100}$", "additionalProperties", "oneOf", kinds);
}

json_t *mr_json_schema_pipeline(void)
{
    json_t *defs = json_object();
    for (const mr_connector *const *c = mr_connectors; *c; c++) {
        mr_auto_free char *name = mr_format("%s-%s", (*c)->source ? "source" : "sink", (*c)->name);
        json_object_set_new(defs, name, mr_json_schema_connector(*c));
    }
    return json_pack(
        "{s:s, s:s, s:s, s:{s:{s:s}, s:{s:s, s:s}, s:{s:s, s:{s:[s,s,s]}}, s:o, s:o}, s:[s], s:b, "
        "s:o}",
        "$schema", "https://json-schema.org/draft/2020-12/schema", "title", "millrace pipeline",
        "type", "object", "properties", "$schema", "type", "string", "name", "type", "string",
        "pattern", "^[A-Za-z0-9._-]{1,100}$|\\$\\{", "kafka", "type", "object",
        "additionalProperties", "type", "string", "number", "boolean", "sources", section(true),
        "sinks", section(false), "required", "name", "additionalProperties", false, "$defs", defs);
}
