/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connector of a pipeline: its options, its routes, and more instances of it.
 *
 * Every value is parsed once here, into a state that is only looked at (the trial), so that all
 * problems are found before anything runs; what was good is kept as JSON, and each task's own state
 * is made from that. Messages show what the file says, never what a reference in it stands for.
 */
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/options.h"
#include "codec/schema.h"
#include "runtime/config_parts.h"
#include "transform/transform.h"

enum { TOPIC_MAX_BYTES = 249 };

/* How to make more instances: mr_connector_config.internal. */
typedef struct recipe {
    json_t *options; /* of the connector, by name */
    json_t *routes;  /* array: of each route, by name */
} recipe;

/* One connector while it is read. */
typedef struct draft {
    mr_config_reader *reader;
    mr_connector_config *config;
    const char *path;
    const json_t *value, *raw;
    recipe *recipe;
    json_t *route_defaults;
    void *self; /* the trial */
    mr_route *routes;
    size_t problems_before;
} draft;

static const mr_option *common_options(const mr_connector *connector)
{
    return connector->source ? mr_source_common : mr_sink_common;
}

static void *common_state(mr_connector_config *config)
{
    return config->connector->source ? (void *)&config->source : (void *)&config->sink;
}

static mr_config_place place_of(const draft *d, const char *path, const char *option)
{
    return (mr_config_place){mr_config_member(d->reader, path, option), false, d->config->name,
                             option};
}

/* --- Values --- */

/* Parses one value; false: told. */
static bool set(const draft *d, mr_config_place place, const mr_option *option, void *state,
                const json_t *value, const json_t *raw)
{
    mr_error err = {0};
    if (mr_config_lost(value, raw)) {
        return false;
    }
    if (json_is_null(value)) {
        mr_config_tell(d->reader, place, "null is no value; leave the option out for its default");
        return false;
    }
    if (mr_option_set_json(option, state, value, &err) == MR_OK) {
        return true;
    }
    if (raw && !json_equal(value, raw)) {
        mr_auto_free char *allowed = mr_option_allowed(option);
        mr_config_tell(d->reader, place,
                       "what %.200s stands for (not shown) is not allowed; allowed: %s",
                       json_is_string(raw) ? json_string_value(raw) : "the reference", allowed);
    } else {
        mr_config_tell(d->reader, place, "%s", err.text);
    }
    return false;
}

/* The value as instances get it: paths made absolute, but for addresses (s3://...) and JSON text,
 * which a schema's option takes as well. New reference. */
static json_t *settled(const draft *d, const mr_option *option, const json_t *value)
{
    const char *text = json_string_value(value);
    if (!(option->flags & MR_OPT_PATH) || !text || !*text || *text == '{' || strstr(text, "://")) {
        return json_deep_copy(value);
    }
    return json_string(mr_config_path(d->reader, text));
}

/* The nearest of all names that may stand here; NULL: none. */
static const char *nearest_option(const mr_option *const *tables, const char *const *more,
                                  const char *name)
{
    const char *names[256];
    size_t n = 0, room = sizeof names / sizeof *names - 1;
    for (; *tables; tables++) {
        for (const mr_option *o = *tables; o->name && n < room; o++) {
            names[n++] = o->name;
        }
    }
    for (; *more && n < room; more++) {
        names[n++] = *more;
    }
    names[n] = NULL;
    return mr_nearest(names, name);
}

static void tell_unknown(const draft *d, const char *path, const char *name,
                         const mr_option *const *tables, const char *const *more)
{
    const mr_connector *connector = d->config->connector;
    const char *nearest = nearest_option(tables, more, name);
    mr_config_place place = place_of(d, path, name);
    place.name = true;
    mr_config_tell(
        d->reader, place, "is no option of %s %s%s%s%s; `millrace describe %s` lists them",
        connector->source ? "source" : "sink", connector->name, nearest ? "; did you mean \"" : "",
        nearest ? nearest : "", nearest ? "\"?" : "", connector->name);
}

/* Options without a value that must have one; `given` holds what the user wrote. */
static void check_required(const draft *d, const mr_option *table, const json_t *given,
                           const char *path)
{
    for (const mr_option *o = table; o && o->name; o++) {
        const json_t *value = json_object_get(given, o->name);
        bool empty = (json_is_string(value) && json_string_length(value) == 0) ||
                     (json_is_array(value) && json_array_size(value) == 0);
        if (!(o->flags & MR_OPT_REQUIRED) || (value && !empty) || (!value && o->dflt)) {
            continue;
        }
        mr_config_place place = {path, true, d->config->name, o->name};
        if (empty) {
            place = place_of(d, path, o->name);
        }
        mr_config_tell(d->reader, place, "is required and %s. %s", empty ? "empty" : "not set",
                       o->help);
    }
}

/* --- The top level of a connector --- */

static const mr_option no_options[] = {MR_OPTIONS_END};

static const mr_option *or_none(const mr_option *table)
{
    return table ? table : no_options;
}

static void read_option(draft *d, const char *name, const json_t *value)
{
    const mr_connector *connector = d->config->connector;
    const json_t *raw = json_object_get(d->raw, name);
    mr_config_place place = place_of(d, d->path, name);
    const mr_option *option = mr_option_find(common_options(connector), name);
    if (option) {
        json_auto_t *kept = settled(d, option, value);
        (void)set(d, place, option, common_state(d->config), kept, raw);
        return;
    }
    if ((option = mr_option_find(connector->options, name))) {
        if (set(d, place, option, d->self, value, raw)) {
            json_object_set_new(d->recipe->options, name, settled(d, option, value));
        }
        return;
    }
    if (connector->sink && (option = mr_option_find(connector->route_options, name))) {
        void *scratch = mr_calloc(1, connector->route_size);
        if (set(d, place, option, scratch, value, raw)) {
            json_object_set_new(d->route_defaults, name, settled(d, option, value));
        }
        mr_options_release(connector->route_options, scratch);
        free(scratch);
        return;
    }
    const mr_option *const tables[] = {common_options(connector), or_none(connector->options),
                                       or_none(connector->sink ? connector->route_options : NULL),
                                       NULL};
    const char *const more[] = {"connector", connector->sink ? "routes" : NULL, NULL};
    tell_unknown(d, d->path, name, tables, more);
}

static void read_options(draft *d)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)d->value, name, value)
    {
        if (strcmp(name, "connector") != 0 &&
            !(d->config->connector->sink && strcmp(name, "routes") == 0)) {
            read_option(d, name, value);
        }
    }
    check_required(d, common_options(d->config->connector), d->value, d->path);
    check_required(d, d->config->connector->options, d->value, d->path);
}

/* --- Routes --- */

typedef struct route_draft {
    const char *path;
    const char *name;  /* NULL: not given */
    const char *query; /* NULL: none */
} route_draft;

static const char *text_of(const draft *d, mr_config_place place, const json_t *value,
                           const json_t *raw)
{
    if (mr_config_lost(value, raw)) {
        return NULL;
    }
    if (!json_is_string(value) || json_string_length(value) == 0) {
        mr_config_tell(d->reader, place, "is %s; allowed: text",
                       json_is_string(value) ? "empty" : mr_config_kind(value));
        return NULL;
    }
    return mr_arena_format(d->reader->arena, "%s", json_string_value(value));
}

static void read_route_member(draft *d, route_draft *r, size_t index, const char *name,
                              const json_t *value, const json_t *raw)
{
    const mr_option *const table = or_none(d->config->connector->route_options);
    const mr_option *option = mr_option_find(table, name);
    mr_config_place place = place_of(d, r->path, name);
    place.option = mr_arena_format(d->reader->arena, "routes[%zu].%s", index, name);
    if (option) {
        if (set(d, place, option, d->routes[index].options, value, raw)) {
            json_object_set_new(json_array_get(d->recipe->routes, index), name,
                                settled(d, option, value));
        }
    } else if (strcmp(name, "query") == 0) {
        r->query = text_of(d, place, value, raw);
    } else if (strcmp(name, "name") == 0) {
        r->name = text_of(d, place, value, raw);
        if (r->name && !mr_config_good_name(r->name)) {
            mr_config_tell(d->reader, place,
                           "is no good name; allowed: 1 to 100 of A-Z a-z 0-9 . _ -");
        }
    } else {
        const mr_option *const tables[] = {mr_route_common, table, NULL};
        const char *const more[] = {"name", NULL};
        tell_unknown(d, r->path, name, tables, more);
    }
}

/* The defaults from the sink's top level, then what the route says itself. */
static void read_route(draft *d, route_draft *r, size_t index, const json_t *value,
                       const json_t *raw)
{
    const mr_option *table = d->config->connector->route_options;
    mr_route *route = &d->routes[index];
    const char *name;
    json_t *member;
    *route = (mr_route){.index = index,
                        .count = d->config->route_count,
                        .options = mr_calloc(1, d->config->connector->route_size)};
    mr_options_defaults(table, route->options);
    json_array_append_new(d->recipe->routes, json_copy(d->route_defaults));
    json_object_foreach(d->route_defaults, name, member)
    {
        mr_error err;
        (void)!mr_option_set_json(mr_option_find(table, name), route->options, member, &err);
    }
    json_object_foreach((json_t *)value, name, member)
    {
        read_route_member(d, r, index, name, member, json_object_get(raw, name));
    }
}

static bool routes_are_well_formed(const draft *d, const json_t *routes)
{
    mr_config_place place = place_of(d, d->path, "routes");
    if (!json_is_array(routes) || json_array_size(routes) == 0) {
        mr_config_tell(d->reader, place,
                       "is %s; allowed: an array of at least one route, "
                       "[{\"query\": \"SELECT ...\", ...}]",
                       json_is_array(routes) ? "empty" : mr_config_kind(routes));
        return false;
    }
    bool good = true;
    for (size_t i = 0; i < json_array_size(routes); i++) {
        if (!json_is_object(json_array_get(routes, i))) {
            mr_config_place element = place;
            element.path = mr_config_element(d->reader, place.path, i);
            mr_config_tell(d->reader, element, "route %zu is %s; allowed: an object", i + 1,
                           mr_config_kind(json_array_get(routes, i)));
            good = false;
        }
    }
    return good;
}

/* What messages call a route without a name: its first text (the table), or its number. */
static const char *derived_name(const draft *d, size_t index)
{
    const mr_route *route = &d->routes[index];
    for (const mr_option *o = or_none(d->config->connector->route_options); o->name; o++) {
        if (o->kind == MR_KIND_TEXT && !(o->flags & MR_OPT_SECRET) &&
            mr_option_is_set(o, route->options)) {
            mr_auto_free char *text = mr_option_show(o, route->options);
            return mr_arena_format(d->reader->arena, "%s", text);
        }
    }
    return mr_arena_format(d->reader->arena, "%zu", index + 1);
}

static void keep_routes(draft *d, route_draft *drafts)
{
    size_t count = d->config->route_count;
    const char **names = mr_arena_calloc(d->reader->arena, count, sizeof *names);
    const char **queries = mr_arena_calloc(d->reader->arena, count, sizeof *queries);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i && drafts[i].name; j++) {
            if (drafts[j].name && strcmp(drafts[j].name, drafts[i].name) == 0) {
                mr_config_tell(d->reader, place_of(d, drafts[i].path, "name"),
                               "is the name of route %zu already; names must differ", j + 1);
            }
        }
        names[i] = drafts[i].name ? drafts[i].name : derived_name(d, i);
        queries[i] = drafts[i].query;
        d->routes[i].name = names[i];
        if (queries[i]) {
            mr_error err = {0};
            if (mr_transform_check(queries[i], &err) != MR_OK) {
                mr_config_tell(d->reader, place_of(d, drafts[i].path, "query"), "%s", err.text);
            }
        }
    }
    d->config->route_names = names;
    d->config->route_queries = queries;
}

static void read_routes(draft *d)
{
    const json_t *routes = json_object_get(d->value, "routes");
    const json_t *raw = json_object_get(d->raw, "routes");
    const mr_option *table = d->config->connector->route_options;
    if (routes && json_object_get(d->value, "query")) {
        mr_config_tell(
            d->reader, place_of(d, d->path, "query"),
            "stands beside \"routes\"; move it into the routes, which have a query each");
    }
    if (routes && !routes_are_well_formed(d, routes)) {
        return;
    }
    size_t count = routes ? json_array_size(routes) : 1;
    route_draft *drafts = mr_arena_calloc(d->reader->arena, count, sizeof *drafts);
    d->routes = mr_calloc(count, sizeof *d->routes);
    d->config->route_count = count;
    for (size_t i = 0; i < count; i++) {
        const json_t *route = json_array_get(routes, i);
        const char *path = place_of(d, d->path, "routes").path;
        drafts[i].path = routes ? mr_config_element(d->reader, path, i) : d->path;
        read_route(d, &drafts[i], i, route, json_array_get(raw, i));
        json_auto_t *given = json_copy(json_array_get(d->recipe->routes, i));
        if (route) {
            json_object_update_missing(given, (json_t *)route);
        }
        json_object_update_missing(given, (json_t *)d->value);
        check_required(d, table, given, drafts[i].path);
    }
    if (!routes) {
        drafts[0].query = d->config->sink.query;
    }
    keep_routes(d, drafts);
}

/* --- Checks of what belongs together --- */

/* What is in force for a route; NULL: outside of routes. */
static const char *unmet(const draft *d, const mr_option *option, const mr_route *route)
{
    const mr_connector *connector = d->config->connector;
    const mr_config_set sets[] = {
        {common_options(connector), common_state(d->config)},
        {or_none(connector->options), d->self},
        {route ? or_none(connector->route_options) : NULL, route ? route->options : NULL},
        {NULL, NULL}};
    return mr_config_unmet(d->reader, option, sets);
}

/* An option of routes at the top level must do something in one of them. */
static const char *unmet_in_routes(const draft *d, const mr_option *option)
{
    const char *why = NULL;
    for (size_t i = 0; i < d->config->route_count; i++) {
        if (!(why = unmet(d, option, &d->routes[i]))) {
            return NULL;
        }
    }
    return why;
}

static void check_needs(const draft *d)
{
    const mr_connector *connector = d->config->connector;
    const mr_option *in_routes = connector->sink ? or_none(connector->route_options) : no_options;
    const json_t *routes = json_object_get(d->value, "routes");
    const char *name, *why;
    json_t *value;
    json_object_foreach((json_t *)d->value, name, value)
    {
        const mr_option *option = mr_option_find(common_options(connector), name);
        option = option ? option : mr_option_find(or_none(connector->options), name);
        const mr_option *of_route = mr_option_find(in_routes, name);
        why = option ? unmet(d, option, NULL) : of_route ? unmet_in_routes(d, of_route) : NULL;
        if (why) {
            mr_config_tell(d->reader, place_of(d, d->path, name), "%s", why);
        }
    }
    for (size_t i = 0; i < json_array_size(routes); i++) {
        const char *path = mr_config_element(d->reader, place_of(d, d->path, "routes").path, i);
        json_object_foreach(json_array_get(routes, i), name, value)
        {
            const mr_option *option = mr_option_find(in_routes, name);
            if (option && (why = unmet(d, option, &d->routes[i]))) {
                mr_config_place place = place_of(d, path, name);
                place.option = mr_arena_format(d->reader->arena, "routes[%zu].%s", i, name);
                mr_config_tell(d->reader, place, "%s", why);
            }
        }
    }
}

static bool good_topic(const char *name)
{
    size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    return len > 0 && len <= TOPIC_MAX_BYTES && name[len] == '\0' && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

static void check_topic(const draft *d, const char *option, const char *name)
{
    if (name && *name && !good_topic(name)) {
        mr_config_tell(d->reader, place_of(d, d->path, option),
                       "\"%.250s\" can not be a topic; allowed: 1 to %d of A-Z a-z 0-9 . _ -", name,
                       TOPIC_MAX_BYTES);
    }
}

/* Is {name} one of the connector's placeholders? */
static bool is_placeholder(const mr_connector *connector, const char *name, size_t len)
{
    const char *const *known = connector->topic_placeholders;
    for (; known && *known; known++) {
        if (strlen(*known) == len && strncmp(*known, name, len) == 0) {
            return true;
        }
    }
    return false;
}

/* "{database}, {collection}" or "none" */
static const char *placeholders_of(const draft *d)
{
    const char *const *known = d->config->connector->topic_placeholders;
    const char *text = known ? "" : "none: all its records go to one topic";
    for (; known && *known; known++) {
        text = mr_arena_format(d->reader->arena, "%s%s{%s}", text, *text ? ", " : "", *known);
    }
    return text;
}

/* The topic of a source, which may hold placeholders where the source names its topics itself; the
 * rest must be good as part of a name. */
static void check_source_topic(const draft *d, const char *topic)
{
    if (!topic || !strpbrk(topic, "{}")) {
        check_topic(d, "topic", topic);
        return;
    }
    char *rest = mr_arena_format(d->reader->arena, "%s", topic), *to = rest;
    for (const char *at = topic; *at; at++) {
        const char *end = *at == '{' ? strchr(at, '}') : NULL;
        if (end && !is_placeholder(d->config->connector, at + 1, (size_t)(end - at - 1))) {
            mr_config_tell(d->reader, place_of(d, d->path, "topic"),
                           "\"%.200s\" holds %.*s; placeholders of the source %s: %s", topic,
                           (int)(end - at + 1), at, d->config->connector->name, placeholders_of(d));
            return;
        }
        *to++ = end ? 'x' : *at;
        at = end ? end : at;
    }
    *to = '\0';
    if (!good_topic(rest)) {
        mr_config_tell(d->reader, place_of(d, d->path, "topic"),
                       "\"%.250s\" can not be a topic; allowed: 1 to %d of A-Z a-z 0-9 . _ - and "
                       "placeholders in braces",
                       topic, TOPIC_MAX_BYTES);
    }
}

static void check_topic_pattern(const draft *d, const char *pattern)
{
    regex_t regex;
    char why[200];
    int code = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);
    if (code == 0) {
        regfree(&regex);
        return;
    }
    regerror(code, &regex, why, sizeof why);
    mr_config_tell(d->reader, place_of(d, d->path, "topics"),
                   "\"%.200s\" starts with ^ but is no regular expression: %s", pattern, why);
}

static void check_sink_topics(const draft *d)
{
    const mr_sink_options *sink = &d->config->sink;
    const char *dead = sink->failure_topic;
    if (!dead) {
        dead = mr_arena_format(d->reader->arena, "%s.dlq", d->config->task_name);
    }
    for (size_t i = 0; i < sink->topics.count; i++) {
        const char *topic = sink->topics.items[i];
        if (topic[0] == '^') {
            check_topic_pattern(d, topic);
            continue;
        }
        check_topic(d, "topics", topic);
        if (strcmp(topic, dead) == 0) {
            mr_config_tell(d->reader, place_of(d, d->path, "topics"),
                           "\"%.250s\" is also where this sink puts its dead letters; they would "
                           "go round for ever: set on.failure.topic to another topic",
                           topic);
        }
    }
    check_topic(d, "on.failure.topic", sink->failure_topic);
}

static void check_source(const draft *d)
{
    const mr_source_options *source = &d->config->source;
    mr_error err = {0};
    check_source_topic(d, source->topic);
    if (source->tasks_max > 1 && d->config->connector->capabilities & MR_ONE_TASK) {
        mr_config_tell(d->reader, place_of(d, d->path, "tasks.max"),
                       "is %d, but what the source %s reads has one order and can not be shared "
                       "among tasks; leave it at 1",
                       (int)source->tasks_max, d->config->connector->name);
    }
    check_topic(d, "on.failure.topic", source->failure_topic);
    if (source->query && mr_transform_check(source->query, &err) != MR_OK) {
        mr_config_tell(d->reader, place_of(d, d->path, "query"), "%s", err.text);
    }
}

/* Keys that a source makes itself are text. */
static void check_format(const draft *d)
{
    mr_connector_config *config = d->config;
    const mr_connector *connector = d->config->connector;
    const mr_format_options *format = mr_format_of(d->config);
    mr_error err = {0};
    if (mr_format_check(format, connector->sink, &err) != MR_OK ||
        mr_format_schema(format, false, &config->value_schema, &err) != MR_OK ||
        mr_format_schema(format, true, &config->key_schema, &err) != MR_OK) {
        mr_config_tell(d->reader, place_of(d, d->path, err.field), "%s", err.text);
    } else if (connector->capabilities & MR_MAKES_KEYS && format->key_format) {
        mr_config_tell(d->reader, place_of(d, d->path, "key.format"),
                       "is %s, but the source %s makes its keys itself, as text: leave it out",
                       mr_format_name(format, true), connector->name);
    } else if (connector->source && format->key_format && !config->source.key_fields.count) {
        mr_config_tell(d->reader, place_of(d, d->path, "key.format"),
                       "is %s, but key.fields names no field, so records have no key",
                       mr_format_name(format, true));
    }
}

/* The connector's own check, once everything else is in order. */
static void check_connector(const draft *d)
{
    const mr_connector *connector = d->config->connector;
    mr_error err = {0};
    if (!connector->check || d->reader->problem_count > d->problems_before ||
        connector->check(d->self, d->routes, d->config->route_count, &err) == MR_OK) {
        return;
    }
    mr_config_place place = {d->path, true, d->config->name, NULL};
    if (err.field[0]) {
        place = place_of(d, d->path, err.field);
    }
    mr_config_tell(d->reader, place, "%s", err.text);
}

/* --- Entry --- */

static void list_connectors(bool source, char *out, size_t size)
{
    size_t len = 0;
    out[0] = '\0';
    for (const mr_connector *const *c = mr_connectors; *c && len < size; c++) {
        if (source ? (*c)->source != NULL : (*c)->sink != NULL) {
            len += (size_t)snprintf(out + len, size - len, "%s%s", len ? ", " : "", (*c)->name);
        }
    }
}

static const char *nearest_connector(bool source, const char *name)
{
    const char *names[64];
    size_t n = 0;
    for (const mr_connector *const *c = mr_connectors; *c && n < 63; c++) {
        if (source ? (*c)->source != NULL : (*c)->sink != NULL) {
            names[n++] = (*c)->name;
        }
    }
    names[n] = NULL;
    return mr_nearest(names, name);
}

/* The connector named; NULL: told. */
static const mr_connector *find_connector(const draft *d, bool source)
{
    const json_t *value = json_object_get(d->value, "connector");
    mr_config_place place = {d->path, true, d->config->name, "connector"};
    char known[1000];
    list_connectors(source, known, sizeof known);
    if (!value) {
        mr_config_tell(d->reader, place, "is required; allowed: %s", known);
        return NULL;
    }
    place = place_of(d, d->path, "connector");
    const char *name = text_of(d, place, value, json_object_get(d->raw, "connector"));
    const mr_connector *found = name ? mr_connector_find(name, source, !source) : NULL;
    if (found || !name) {
        return found;
    }
    if (mr_connector_find(name, !source, source)) {
        mr_config_tell(d->reader, place, "\"%.100s\" is a %s; it belongs under \"%s\". %s: %s",
                       name, source ? "sink" : "source", source ? "sinks" : "sources",
                       source ? "Sources" : "Sinks", known);
        return NULL;
    }
    const char *nearest = nearest_connector(source, name);
    mr_config_tell(d->reader, place, "there is no %s \"%.100s\"%s%s%s; known: %s",
                   source ? "source" : "sink", name, nearest ? "; did you mean \"" : "",
                   nearest ? nearest : "", nearest ? "\"?" : "", known);
    return NULL;
}

static void release_trial(draft *d)
{
    const mr_connector *connector = d->config->connector;
    for (size_t i = 0; d->routes && i < d->config->route_count; i++) {
        mr_options_release(connector->route_options, d->routes[i].options);
        free(d->routes[i].options);
    }
    free(d->routes);
    mr_options_release(connector->options, d->self);
    free(d->self);
    json_decref(d->route_defaults);
}

static void read_connector(draft *d)
{
    const mr_connector *connector = d->config->connector;
    d->recipe = mr_calloc(1, sizeof *d->recipe);
    d->recipe->options = json_object();
    d->recipe->routes = json_array();
    d->config->internal = d->recipe;
    d->route_defaults = json_object();
    d->self = mr_calloc(1, connector->state_size);
    mr_options_defaults(common_options(connector), common_state(d->config));
    mr_options_defaults(connector->options, d->self);
    read_options(d);
    if (connector->sink) {
        read_routes(d);
        check_sink_topics(d);
    } else {
        check_source(d);
    }
    check_format(d);
    if (d->reader->problem_count == d->problems_before) {
        check_needs(d);
    }
    check_connector(d);
    release_trial(d);
}

bool mr_config_connector(mr_config_reader *reader, const char *path, const json_t *value,
                         const json_t *raw, mr_connector_config *config)
{
    draft d = {.reader = reader,
               .config = config,
               .path = path,
               .value = value,
               .raw = raw,
               .problems_before = reader->problem_count};
    if (!json_is_object(value)) {
        mr_config_tell(reader, (mr_config_place){path, false, config->name, NULL},
                       "is %s; allowed: an object, {\"connector\": ..., ...}",
                       mr_config_kind(value));
        return false;
    }
    config->connector = find_connector(&d, strncmp(path, "sources", 7) == 0);
    if (!config->connector) {
        return false;
    }
    read_connector(&d);
    if (reader->problem_count > d.problems_before) {
        mr_config_connector_release(config);
        return false;
    }
    return true;
}

void mr_config_connector_release(mr_connector_config *config)
{
    recipe *r = config->internal;
    if (r) {
        mr_options_release(common_options(config->connector), common_state(config));
        json_decref(r->options);
        json_decref(r->routes);
        mr_schema_release(config->value_schema);
        mr_schema_release(config->key_schema);
        free(r);
        config->internal = NULL;
    }
}

static mr_status fill(const mr_option *table, void *state, const json_t *values, mr_error *err)
{
    const char *name;
    json_t *value;
    mr_options_defaults(table, state);
    json_object_foreach((json_t *)values, name, value)
    {
        mr_status status = mr_option_set_json(mr_option_find(table, name), state, value, err);
        if (status != MR_OK) {
            return status;
        }
    }
    return MR_OK;
}

mr_status mr_connector_instantiate(const mr_connector_config *config, void **self,
                                   mr_route **routes, size_t *route_count, mr_error *err)
{
    const mr_connector *connector = config->connector;
    const recipe *r = config->internal;
    void *state = mr_calloc(1, connector->state_size);
    mr_route *made = config->route_count ? mr_calloc(config->route_count, sizeof *made) : NULL;
    mr_status status = fill(connector->options, state, r->options, err);
    for (size_t i = 0; i < config->route_count; i++) {
        made[i] = (mr_route){.name = config->route_names[i],
                             .index = i,
                             .count = config->route_count,
                             .options = mr_calloc(1, connector->route_size),
                             .transformed = config->route_queries[i] != NULL};
        if (status == MR_OK) {
            status =
                fill(connector->route_options, made[i].options, json_array_get(r->routes, i), err);
        }
    }
    if (status != MR_OK) {
        mr_connector_discard(config, state, made);
        return status;
    }
    *self = state;
    *routes = made;
    *route_count = config->route_count;
    return MR_OK;
}

void mr_connector_discard(const mr_connector_config *config, void *self, mr_route *routes)
{
    const mr_connector *connector = config->connector;
    for (size_t i = 0; routes && i < config->route_count; i++) {
        mr_options_release(connector->route_options, routes[i].options);
        free(routes[i].options);
    }
    free(routes);
    if (self) {
        mr_options_release(connector->options, self);
        free(self);
    }
}
