/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages are not decoded: of most only the id of their schema is looked at, so that a topic is
 * read about as fast as it comes. Tombstones and what can not be read have no schema, and are
 * passed over.
 */
#include "runtime/foresee.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/task.h"
#include "codec/schema.h"
#include "kafka/admin.h"
#include "kafka/tail.h"
#include "runtime/formats.h"
#include "runtime/worker.h"
#include "transform/transform.h"

enum { ANSWER_MS = 10000, POLL_MS = 200 };

typedef struct looking {
    const mr_foresee_options *options;
    const mr_connector_config *config;
    mr_kafka_config kafka;
    mr_registry *registry;
    mr_schemas *schemas;
    mr_wires wires;
    mr_task task;
    mr_route *routes;
    mr_transform **transforms; /* by route; NULL: records as they are */
    mr_arena *arena, *names;   /* names: of topics */
    const char *topic;         /* of the schema asked about, */
    const mr_schema *schema;
    bool told; /* and whether there was an answer */
} looking;

/* --- Asking --- */

static void tell(looking *l, const mr_foresight *foresight, const char *failure)
{
    const mr_forecast forecast = {
        .sink = l->config,
        .topic = l->topic,
        .schema = l->schema->name ? l->schema->name : mr_type_name(l->schema->type),
        .fingerprint = l->schema->fingerprint,
        .foresight = foresight,
        .failure = failure,
    };
    l->told = true;
    l->options->each(l->options->context, &forecast);
}

static void foreseen(void *context, const mr_foresight *foresight)
{
    tell(context, foresight, NULL);
}

static mr_status ask_route(looking *l, size_t i, mr_error *err)
{
    mr_batch like = {
        .topic = l->topic, .schema = l->schema, .route = &l->routes[i], .arena = l->arena};
    mr_transform_result result;
    if (l->transforms[i]) {
        mr_error why;
        if (mr_transform_run(l->transforms[i], &like, l->arena, &result, &why) != MR_OK) {
            tell(l, NULL, why.text);
            return MR_OK;
        }
        like = result.batch;
    }
    return l->config->connector->sink->foresee(&l->task, &like, foreseen, l, err);
}

static mr_status ask(looking *l, const char *topic, const mr_schema *schema, mr_error *err)
{
    mr_status status = MR_OK;
    l->topic = topic;
    l->schema = schema;
    l->told = false;
    for (size_t i = 0; i < l->task.route_count && status == MR_OK; i++) {
        status = ask_route(l, i, err);
    }
    mr_arena_reset(l->arena);
    if (status == MR_OK && !l->told) {
        tell(l, NULL, NULL);
    }
    return status;
}

/* --- Reading --- */

static bool is_new(const mr_wire_format *format, const mr_wire_format ***seen, size_t *count)
{
    for (size_t i = *count; i-- > 0;) {
        if ((*seen)[i] == format) {
            return false;
        }
    }
    *seen = mr_realloc_array(*seen, *count + 1, sizeof **seen);
    (*seen)[(*count)++] = format;
    return true;
}

static mr_status read_messages(looking *l, mr_tail *tail, mr_formats *formats, const char *topic,
                               mr_error *err)
{
    const mr_wire_format **seen = NULL, *last = NULL;
    size_t count = 0;
    mr_status status = MR_OK;
    while (status == MR_OK) {
        mr_message message;
        status = mr_tail_next(tail, 0, &message, err);
        if (status == MR_IDLE && mr_tail_at_end(tail)) {
            status = MR_OK;
            break;
        }
        status = status == MR_IDLE ? mr_tail_next(tail, POLL_MS, &message, err) : status;
        if (status != MR_OK) {
            status = status == MR_IDLE ? MR_OK : status;
            continue;
        }
        const mr_wire_format *format;
        mr_error why;
        status = mr_formats_find(formats, message.value, false, last, &format, &why);
        mr_message_release(&message);
        if (status == MR_OK && format && !format->notice && format != last) {
            last = format;
            status = is_new(format, &seen, &count) ? ask(l, topic, format->schema, err) : MR_OK;
        } else if (status == MR_REJECT) {
            status = MR_OK;
        } else if (status != MR_OK) {
            *err = why;
        }
    }
    free(seen);
    return status;
}

/* There is no schema to ask about. */
static void tell_none(looking *l, const char *topic, const char *why)
{
    const mr_forecast forecast = {.sink = l->config, .topic = topic, .failure = why};
    l->options->each(l->options->context, &forecast);
}

static mr_status read_topic(looking *l, const char *topic, mr_error *err)
{
    const mr_tail_options options = {.topic = topic, .partition = -1, .from = MR_TAIL_BEGINNING};
    mr_tail *tail = NULL;
    const char *none = "no record in the topic has a schema yet";
    l->schema = NULL;
    mr_status status = mr_tail_open(&l->kafka, &options, ANSWER_MS, &tail, err);
    if (status == MR_OK) {
        mr_formats *formats = mr_formats_new(
            &l->wires, l->config->sink.change_records ? MR_ENVELOPES_WHOLE : MR_ENVELOPES_UNWRAP,
            NULL);
        status = read_messages(l, tail, formats, topic, err);
        mr_formats_free(formats);
    } else if (strstr(err->code, "UNKNOWN_TOPIC")) {
        status = MR_OK; /* nobody has written yet */
        none = "the topic does not exist";
    }
    mr_tail_close(tail);
    if (status == MR_OK && !l->schema) {
        tell_none(l, topic, none);
    }
    return status;
}

/* --- Topics --- */

static bool holds(const mr_list *list, size_t count, const char *item)
{
    size_t i = 0;
    while (i < count && strcmp(list->items[i], item) != 0) {
        i++;
    }
    return i < count;
}

static mr_status look_at(looking *l, const char *topic, mr_error *err)
{
    return l->options->schema ? ask(l, topic, l->options->schema, err) : read_topic(l, topic, err);
}

/* Those that the cluster has, each once: a topic may fit several patterns and stand there by name,
 * too. */
static mr_status look_at_pattern(looking *l, size_t index, mr_list *seen, mr_error *err)
{
    const mr_list *topics = &l->config->sink.topics;
    const char *pattern = topics->items[index];
    mr_arena *arena = l->names;
    mr_list found;
    mr_status status = mr_topics_matching(&l->kafka, pattern, ANSWER_MS, arena, &found, err);
    if (status != MR_OK) {
        return status;
    }
    const char **both = mr_arena_alloc(arena, (seen->count + found.count + 1) * sizeof *both);
    if (seen->count) {
        memcpy(both, seen->items, seen->count * sizeof *both);
    }
    *seen = (mr_list){both, seen->count};
    for (size_t i = 0; i < found.count && status == MR_OK; i++) {
        const char *topic = found.items[i];
        if (!holds(topics, topics->count, topic) && !holds(seen, seen->count, topic)) {
            both[seen->count++] = topic;
            status = look_at(l, topic, err);
        }
    }
    if (!found.count) {
        tell_none(l, pattern, "no topic fits the pattern");
    }
    return status;
}

static mr_status look_at_topics(looking *l, mr_error *err)
{
    const mr_list *topics = &l->config->sink.topics;
    mr_list seen = {0};
    mr_status status = MR_OK;
    for (size_t i = 0; i < topics->count && status == MR_OK; i++) {
        bool again = holds(topics, i, topics->items[i]);
        status = again                      ? MR_OK
                 : *topics->items[i] == '^' ? look_at_pattern(l, i, &seen, err)
                                            : look_at(l, topics->items[i], err);
    }
    return status;
}

/* --- One sink --- */

static mr_status prepare(looking *l, mr_error *err)
{
    const mr_connector_config *config = l->config;
    const mr_format_options *format = mr_format_of(config);
    l->arena = mr_arena_new();
    l->names = mr_arena_new();
    l->task.name = config->task_name;
    l->task.count = 1;
    l->task.once = true;
    l->task.arena = mr_arena_new();
    mr_status status =
        mr_connector_instantiate(config, &l->task.self, &l->routes, &l->task.route_count, err);
    l->task.routes = l->routes;
    l->transforms = mr_calloc(l->task.route_count + 1, sizeof(mr_transform *));
    for (size_t i = 0; i < l->task.route_count && status == MR_OK; i++) {
        const char *query = config->route_queries[i];
        status = query ? mr_transform_new(query, "Record", &l->transforms[i], err) : MR_OK;
    }
    if (status == MR_OK && format->registry.urls.count) {
        status = mr_registry_new(&format->registry, &l->registry, err);
    }
    if (status == MR_OK && !l->options->schema) {
        status = mr_schemas_new(&l->kafka, &l->schemas, err);
    }
    l->wires = mr_format_wires(format, l->schemas, l->registry);
    l->wires.value.wanted = config->value_schema;
    l->wires.key.wanted = config->key_schema;
    return status;
}

static void release(looking *l)
{
    for (size_t i = 0; l->transforms && i < l->task.route_count; i++) {
        mr_transform_free(l->transforms[i]);
    }
    free(l->transforms);
    if (l->task.self) {
        l->config->connector->sink->close(&l->task);
        mr_connector_discard(l->config, l->task.self, l->routes);
    }
    mr_task_release(&l->task);
    mr_arena_free(l->task.arena);
    mr_arena_free(l->arena);
    mr_arena_free(l->names);
    mr_schemas_free(l->schemas);
    mr_registry_free(l->registry);
}

static mr_status foresee_sink(const mr_pipeline *pipeline, const mr_connector_config *config,
                              const mr_foresee_options *options, mr_error *err)
{
    looking l = {
        .options = options,
        .config = config,
        .kafka = {.client_id = config->task_name,
                  .properties = pipeline->kafka,
                  .property_count = pipeline->kafka_count,
                  .on_event = mr_worker_log_kafka},
    };
    mr_status status = prepare(&l, err);
    if (status == MR_OK) {
        status = look_at_topics(&l, err);
    }
    release(&l);
    if (status != MR_OK) {
        mr_error_prefix(err, "%s", config->task_name);
    }
    return status;
}

mr_status mr_foresee(const mr_pipeline *pipeline, const mr_foresee_options *options, mr_error *err)
{
    mr_status status = MR_OK;
    for (size_t i = 0; i < pipeline->connector_count && status == MR_OK; i++) {
        const mr_connector_config *config = &pipeline->connectors[i];
        bool asked = !options->only || strcmp(config->name, options->only) == 0;
        if (asked && config->connector->sink && config->connector->sink->foresee) {
            status = foresee_sink(pipeline, config, options, err);
        }
    }
    return status;
}
