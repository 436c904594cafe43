/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `millrace describe`: a connector's options, or what a pipeline file comes to. Values are shown
 * with mr_option_show(), which has no form for secrets; of the Kafka properties only their names
 * and the brokers are shown.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/needs.h"
#include "base/options.h"
#include "cli/help.h"
#include "cli/json_schema.h"
#include "cli/show.h"
#include "cli/verbs.h"

static int dump(json_t *value)
{
    json_dumpf(value, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(value);
    return MR_EXIT_OK;
}

/* --- A connector --- */

static void describe_table(const char *title, const mr_option *table)
{
    if (!table || !table->name) {
        return;
    }
    putchar('\n');
    mr_show_heading(stdout, title);
    for (const mr_option *o = table; o->name; o++) {
        mr_auto_free char *allowed = mr_option_allowed(o);
        printf("  %s\n", o->name);
        mr_auto_free char *facts =
            mr_format("%s%s%s%s%s%s", allowed, o->dflt ? "; default: " : "", o->dflt ? o->dflt : "",
                      o->flags & MR_OPT_REQUIRED ? "; required" : "",
                      o->flags & MR_OPT_SECRET ? "; secret: never shown" : "",
                      o->flags & MR_OPT_PATH ? "; relative to the pipeline file" : "");
        mr_show_text(stdout, 6, facts);
        mr_auto_free char *help = mr_option_help(o);
        mr_show_text(stdout, 6, help);
    }
}

static void describe_connector(const mr_connector *connector)
{
    bool source = connector->source != NULL;
    printf("%s: %s\n\n", connector->name, connector->summary);
    mr_show_text(stdout, 0, connector->help);
    describe_table(source ? "Options of this source" : "Options of this sink", connector->options);
    if (!source) {
        describe_table("Options of each route (at the top level: defaults for all routes)",
                       connector->route_options);
    }
    describe_table(source ? "Options of every source" : "Options of every sink",
                   source ? mr_source_common : mr_sink_common);
}

/* --- A pipeline --- */

static void add_values(json_t *out, const mr_option *table, const void *state)
{
    for (const mr_option *o = table; o && o->name; o++) {
        mr_auto_free char *shown = mr_option_show(o, state);
        json_object_set_new(out, o->name, shown ? json_string(shown) : json_null());
    }
}

/* Every option with the value it has in the end; NULL: told. */
static json_t *connector_values(const mr_connector_config *config)
{
    const mr_connector *connector = config->connector;
    void *self;
    mr_route *routes;
    size_t count;
    mr_error err;
    if (mr_connector_instantiate(config, &self, &routes, &count, &err) != MR_OK) {
        mr_complain(MR_EXIT_USAGE, "%s", err.text);
        return NULL;
    }
    json_t *out = json_pack("{s:s}", "connector", connector->name);
    add_values(out, connector->options, self);
    add_values(out, connector->source ? mr_source_common : mr_sink_common,
               connector->source ? (const void *)&config->source : (const void *)&config->sink);
    for (size_t i = 0; i < count; i++) {
        json_t *route = json_pack("{s:s, s:s?}", "name", config->route_names[i], "query",
                                  config->route_queries[i]);
        add_values(route, connector->route_options, routes[i].options);
        if (i == 0) {
            json_object_set_new(out, "routes", json_array());
        }
        json_array_append_new(json_object_get(out, "routes"), route);
    }
    mr_connector_discard(config, self, routes);
    return out;
}

static json_t *pipeline_values(const mr_pipeline *pipeline)
{
    json_t *root =
        json_pack("{s:s, s:{}, s:{}, s:{}}", "name", pipeline->name, "kafka", "sources", "sinks");
    for (size_t i = 0; i < pipeline->kafka_count; i++) {
        const mr_property *p = &pipeline->kafka[i];
        bool open = strcmp(p->name, "bootstrap.servers") == 0;
        json_object_set_new(json_object_get(root, "kafka"), p->name,
                            json_string(open ? p->value : "***"));
    }
    for (size_t i = 0; i < pipeline->connector_count; i++) {
        const mr_connector_config *config = &pipeline->connectors[i];
        json_t *values = connector_values(config);
        if (!values) {
            json_decref(root);
            return NULL;
        }
        json_object_set_new(json_object_get(root, config->connector->source ? "sources" : "sinks"),
                            config->name, values);
    }
    return root;
}

static void print_values(const json_t *values, int indent)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)values, name, value)
    {
        if (json_is_string(value)) {
            printf("%*s%s = %s\n", indent, "", name, json_string_value(value));
        } else if (json_is_object(value)) {
            printf("%*s%s\n", indent, "", name);
            print_values(value, indent + 2);
        }
        for (size_t i = 0; i < json_array_size(value); i++) {
            printf("%*sroute %zu\n", indent, "", i + 1);
            print_values(json_array_get(value, i), indent + 2);
        }
    }
}

static int describe_pipeline(const char *path, bool json)
{
    mr_pipeline *pipeline = NULL;
    mr_error err;
    if (mr_pipeline_load(path, mr_print_problem, NULL, &pipeline, &err) != MR_OK) {
        return MR_EXIT_USAGE;
    }
    json_t *values = pipeline_values(pipeline);
    mr_pipeline_free(pipeline);
    if (!values) {
        return MR_EXIT_USAGE;
    }
    if (json) {
        return dump(values);
    }
    print_values(values, 0);
    json_decref(values);
    return MR_EXIT_OK;
}

/* --- The verb --- */

static int unknown_connector(const char *name)
{
    const char *names[64];
    size_t n = 0;
    for (const mr_connector *const *c = mr_connectors; *c && n < 63; c++) {
        names[n++] = (*c)->name;
    }
    names[n] = NULL;
    const char *near = mr_nearest(names, name);
    return mr_complain(MR_EXIT_USAGE,
                       "there is no connector \"%s\"%s%s%s; `millrace list` lists them", name,
                       near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

int mr_verb_describe(const mr_args *args)
{
    bool json = mr_args_has(args, "json");
    if (args->word_count == 0) {
        return json ? dump(mr_json_schema_pipeline())
                    : mr_complain(MR_EXIT_USAGE, "describe what? a connector (`millrace list` "
                                                 "lists them) or a pipeline file");
    }
    const char *name = args->words[0];
    size_t len = strlen(name);
    if (strchr(name, '/') || (len > 5 && strcmp(name + len - 5, ".json") == 0)) {
        return describe_pipeline(name, json);
    }
    size_t shown = 0;
    for (const mr_connector *const *c = mr_connectors; *c; c++) {
        if (strcmp((*c)->name, name) != 0) {
            continue;
        }
        if (json) {
            dump(mr_json_schema_connector(*c));
        } else {
            fputs(shown ? "\n" : "", stdout);
            describe_connector(*c);
        }
        shown++;
    }
    return shown ? MR_EXIT_OK : unknown_connector(name);
}
