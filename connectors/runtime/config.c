/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipeline file: reading, its top level, and the telling of problems. A reading goes on after a
 * problem, so that one run of `millrace check` shows them all; every problem goes through
 * mr_config_tell(), which finds its line and column in the text. One connector is read in
 * config_connector.c, references are replaced in config_expand.c.
 */
#include "runtime/config.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/options.h"
#include "runtime/config_parts.h"

enum {
    FILE_MAX_BYTES = 4 << 20,
    NAME_MAX_BYTES = 100, /* "<pipeline>.<connector>.dlq" stays below Kafka's 249 for topics */
};

typedef struct loaded {
    mr_pipeline pipeline; /* first: what the caller holds */
    mr_arena *arena;
} loaded;

/* --- Problems --- */

/* The place itself, or when it is not in the text, what it would be part of. */
static void locate(const mr_config_reader *reader, const mr_config_place *place, int *line,
                   int *column)
{
    mr_auto_free char *path = mr_strdup(place->path);
    bool name = place->name;
    while (!mr_json_locate(reader->text, reader->len, path, name, line, column)) {
        char *cut = strrchr(path, '\x1f');
        if (!cut) {
            cut = path;
        }
        if (cut == path && *path == '\0') {
            *line = *column = 1;
            return;
        }
        *cut = '\0';
        name = true;
    }
}

/* "to-postgres: batch.size: " or "--batch-size: " or "" */
static void add_subject(mr_buffer *out, const mr_config_reader *reader,
                        const mr_config_place *place)
{
    if (reader->shown_as) {
        if (place->connector) {
            mr_buffer_printf(out, "%.100s: ", place->connector);
        }
        if (place->option) {
            mr_buffer_printf(out, "%.100s: ", place->option);
        }
    } else if (place->option && strncmp(place->path, "kafka\x1f", 6) == 0) {
        mr_buffer_printf(out, "-X %.100s: ", place->option);
    } else if (place->option) {
        mr_auto_free char *flag = mr_option_flag(place->option);
        mr_buffer_printf(out, "%.100s: ", flag);
    }
}

static void keep(mr_config_reader *reader, const mr_config_place *place, int line, int column,
                 mr_buffer *text)
{
    if (reader->problem_count == reader->problem_room) {
        reader->problem_room = reader->problem_room ? 2 * reader->problem_room : 16;
        reader->problems =
            mr_realloc_array(reader->problems, reader->problem_room, sizeof *reader->problems);
    }
    reader->problems[reader->problem_count] = (mr_config_told){
        .line = line,
        .column = column,
        .order = reader->problem_count,
        .option = mr_arena_format(reader->arena, "%s", place->option ? place->option : ""),
        .text = mr_arena_strndup(reader->arena, mr_buffer_text(text), text->len),
    };
    reader->problem_count++;
    mr_buffer_release(text);
}

void mr_config_tell(mr_config_reader *reader, mr_config_place place, const char *format, ...)
{
    mr_buffer text = MR_BUFFER_INIT(16384);
    int line = 0, column = 0;
    if (reader->shown_as) {
        locate(reader, &place, &line, &column);
        mr_buffer_printf(&text, "%s:%d:%d: ", reader->shown_as, line, column);
    }
    add_subject(&text, reader, &place);
    mr_auto_free char *message = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&message, format, args) < 0) {
        abort();
    }
    va_end(args);
    mr_buffer_printf(&text, "%.8000s", message);
    keep(reader, &place, line, column, &text);
}

static int by_place(const void *a, const void *b)
{
    const mr_config_told *x = a, *y = b;
    if (x->line != y->line) {
        return x->line < y->line ? -1 : 1;
    }
    if (x->column != y->column) {
        return x->column < y->column ? -1 : 1;
    }
    return x->order < y->order ? -1 : 1;
}

/* In the order of the file, as its reader would meet them. */
static void tell_all(mr_config_reader *reader, mr_config_problem *problem, void *context,
                     mr_error *err)
{
    if (reader->problem_count > 0) {
        qsort(reader->problems, reader->problem_count, sizeof *reader->problems, by_place);
    }
    for (size_t i = 0; i < reader->problem_count; i++) {
        const mr_config_told *told = &reader->problems[i];
        if (i == 0 && err) {
            mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG, "%s", told->text);
            err->permanent = true;
            mr_error_field(err, told->option);
        }
        if (problem) {
            problem(context, told->text);
        }
    }
    free(reader->problems);
}

const char *mr_config_member(mr_config_reader *reader, const char *path, const char *name)
{
    return mr_arena_format(reader->arena, "%s%s%s", path, *path ? "\x1f" : "", name);
}

const char *mr_config_element(mr_config_reader *reader, const char *path, size_t index)
{
    return mr_arena_format(reader->arena, "%s[%zu]", path, index);
}

const char *mr_config_kind(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "text";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    default:
        return "null";
    }
}

bool mr_config_good_name(const char *name)
{
    size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    return len > 0 && len <= NAME_MAX_BYTES && name[len] == '\0';
}

/* --- The top level --- */

/* Null where the file has something else: a reference that could not be replaced, told already. */
bool mr_config_lost(const json_t *value, const json_t *raw)
{
    return json_is_null(value) && !json_is_null(raw);
}

static const char *read_name(mr_config_reader *reader, const json_t *root, const json_t *raw)
{
    const json_t *value = json_object_get(root, "name");
    const mr_config_place place = {"name", false, NULL, "name"};
    if (!value) {
        mr_config_tell(reader, place,
                       "is required: it names consumer groups, transactions and stored positions; "
                       "add \"name\": \"my-pipeline\"");
        return "";
    }
    if (mr_config_lost(value, json_object_get(raw, "name"))) {
        return "";
    }
    if (!json_is_string(value) || !mr_config_good_name(json_string_value(value))) {
        mr_config_tell(reader, place, "%s is no good name; allowed: 1 to %d of A-Z a-z 0-9 . _ -",
                       json_is_string(value) ? "this" : mr_config_kind(value), NAME_MAX_BYTES);
        return "";
    }
    return mr_arena_format(reader->arena, "%s", json_string_value(value));
}

static void check_top_level_names(mr_config_reader *reader, const json_t *root)
{
    static const char *const known[] = {"name", "kafka", "sources", "sinks", "$schema", NULL};
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)root, name, value)
    {
        bool found = false;
        for (size_t i = 0; known[i]; i++) {
            found = found || strcmp(known[i], name) == 0;
        }
        if (!found) {
            const char *nearest = mr_nearest(known, name);
            mr_config_tell(
                reader, (mr_config_place){mr_config_member(reader, "", name), true, NULL, name},
                "is no part of a pipeline%s%s%s; known: name, kafka, sources, sinks",
                nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
        }
    }
}

/* A property's value as text: librdkafka takes nothing else. NULL: told. */
static const char *property_text(mr_config_reader *reader, const char *name, const json_t *value)
{
    if (json_is_string(value)) {
        return mr_arena_format(reader->arena, "%s", json_string_value(value));
    }
    if (json_is_boolean(value)) {
        return json_is_true(value) ? "true" : "false";
    }
    if (json_is_integer(value)) {
        return mr_arena_format(reader->arena, "%lld", (long long)json_integer_value(value));
    }
    if (json_is_real(value)) {
        return mr_arena_format(reader->arena, "%.15g", json_real_value(value));
    }
    if (!json_is_null(value)) {
        mr_config_tell(
            reader,
            (mr_config_place){mr_config_member(reader, "kafka", name), false, "kafka", name},
            "is %s; allowed: text, a number or a boolean", mr_config_kind(value));
    }
    return NULL;
}

static void read_kafka(mr_config_reader *reader, const json_t *root, const json_t *raw,
                       mr_pipeline *pipeline)
{
    const json_t *kafka = json_object_get(root, "kafka"),
                 *raw_kafka = json_object_get(raw, "kafka");
    size_t room = json_object_size(kafka) + 1, count = 0;
    mr_property *properties = mr_arena_calloc(reader->arena, room, sizeof *properties);
    const char *name;
    json_t *value;
    if (kafka && !json_is_object(kafka)) {
        mr_config_tell(reader, (mr_config_place){"kafka", false, NULL, "kafka"},
                       "is %s; allowed: an object of librdkafka properties", mr_config_kind(kafka));
    }
    json_object_foreach((json_t *)kafka, name, value)
    {
        const char *text = NULL;
        if (!mr_config_lost(value, json_object_get(raw_kafka, name))) {
            text = property_text(reader, name, value);
        }
        if (text) {
            properties[count++] = (mr_property){mr_arena_format(reader->arena, "%s", name), text};
        }
    }
    if (!json_object_get(kafka, "bootstrap.servers") &&
        !json_object_get(kafka, "metadata.broker.list") &&
        !json_object_get(kafka, "test.mock.num.brokers")) {
        const char *servers = getenv("KAFKA_BOOTSTRAP_SERVERS");
        properties[count++] = (mr_property){
            "bootstrap.servers",
            mr_arena_format(reader->arena, "%s", servers && *servers ? servers : "127.0.0.1:9092")};
    }
    pipeline->kafka = properties;
    pipeline->kafka_count = count;
}

/* librdkafka's texts have the value in them: not when it came from a reference. */
static void tell_property(mr_config_reader *reader, const mr_pipeline *pipeline, const json_t *raw,
                          const mr_error *err)
{
    mr_config_place place = {mr_config_member(reader, "kafka", err->field), false, "kafka",
                             err->field};
    const char *written = json_string_value(json_object_get(raw, err->field));
    for (size_t i = 0; written && i < pipeline->kafka_count; i++) {
        const mr_property *p = &pipeline->kafka[i];
        if (strcmp(p->name, err->field) == 0 && strcmp(p->value, written) != 0 &&
            strstr(err->text, p->value)) {
            mr_config_tell(reader, place, "what %.200s stands for (not shown) is not allowed",
                           written);
            return;
        }
    }
    mr_config_tell(reader, place, "%s", err->text);
}

/* The client tells one problem at a time: take the property away that it names and ask again. */
static void check_kafka(mr_config_reader *reader, const mr_pipeline *pipeline, const json_t *raw)
{
    size_t count = pipeline->kafka_count;
    mr_property *left = mr_arena_copy(reader->arena, pipeline->kafka, count * sizeof *left);
    mr_error err = {0};
    while (mr_kafka_check(&(mr_kafka_config){.properties = left, .property_count = count}, &err) !=
           MR_OK) {
        tell_property(reader, pipeline, json_object_get(raw, "kafka"), &err);
        size_t kept = 0;
        for (size_t i = 0; i < count; i++) {
            /* Once nothing is left to reach a broker by, that would be the next problem. */
            bool servers = strcmp(left[i].name, "bootstrap.servers") == 0;
            if (strcmp(left[i].name, err.field) != 0) {
                left[kept++] = left[i];
            } else if (servers) {
                left[kept++] = (mr_property){left[i].name, "127.0.0.1:9092"};
            }
        }
        if (kept == count) {
            return;
        }
        count = kept;
    }
}

static void check_duplicate(mr_config_reader *reader, const mr_pipeline *pipeline,
                            const mr_connector_config *config, const char *path)
{
    for (size_t i = 0; i < pipeline->connector_count; i++) {
        if (strcmp(pipeline->connectors[i].name, config->name) == 0) {
            mr_config_tell(reader, (mr_config_place){path, true, config->name, NULL},
                           "is the name of a source and of a sink; names must differ, since they "
                           "name topics and groups");
        }
    }
}

/* "sources" or "sinks". */
static void read_section(mr_config_reader *reader, const json_t *root, const json_t *raw_root,
                         const char *section, mr_pipeline *pipeline)
{
    const json_t *all = json_object_get(root, section);
    const json_t *raw = json_object_get(raw_root, section);
    const char *name;
    json_t *value;
    if (all && !json_is_object(all)) {
        mr_config_tell(reader, (mr_config_place){section, false, NULL, section},
                       "is %s; allowed: an object of connectors by name, {\"my-name\": "
                       "{\"connector\": ...}}",
                       mr_config_kind(all));
    }
    json_object_foreach((json_t *)all, name, value)
    {
        const char *path = mr_config_member(reader, section, name);
        mr_connector_config config = {.name = mr_arena_format(reader->arena, "%s", name)};
        config.task_name = mr_arena_format(reader->arena, "%s.%s", pipeline->name, name);
        if (!mr_config_good_name(name)) {
            mr_config_tell(reader, (mr_config_place){path, true, name, NULL},
                           "is no good name; allowed: 1 to %d of A-Z a-z 0-9 . _ -",
                           NAME_MAX_BYTES);
        }
        check_duplicate(reader, pipeline, &config, path);
        if (mr_config_connector(reader, path, value, json_object_get(raw, name), &config)) {
            pipeline->connectors[pipeline->connector_count++] = config;
        }
    }
}

static void read_root(mr_config_reader *reader, const json_t *raw, mr_pipeline *pipeline)
{
    json_auto_t *root = mr_config_expand(reader, raw);
    check_top_level_names(reader, root);
    pipeline->name = read_name(reader, root, raw);
    read_kafka(reader, root, raw, pipeline);
    check_kafka(reader, pipeline, raw);
    const json_t *sources = json_object_get(root, "sources"),
                 *sinks = json_object_get(root, "sinks");
    size_t room = json_object_size(sources) + json_object_size(sinks);
    pipeline->connectors = mr_arena_calloc(reader->arena, room, sizeof *pipeline->connectors);
    read_section(reader, root, raw, "sources", pipeline);
    read_section(reader, root, raw, "sinks", pipeline);
    if (room == 0 && (!sources || json_is_object(sources)) && (!sinks || json_is_object(sinks))) {
        mr_config_tell(reader, (mr_config_place){.path = ""},
                       "the pipeline has neither sources nor sinks; add one of them");
    }
}

/* --- Entry --- */

/* A mark at the start of the file that some editors write. */
static void skip_byte_order_mark(const char **json, size_t *len)
{
    if (*len >= 3 && memcmp(*json, "\xef\xbb\xbf", 3) == 0) {
        *json += 3;
        *len -= 3;
    }
}

mr_status mr_pipeline_parse(const char *json, size_t len, const char *shown_as, const char *folder,
                            mr_config_problem *problem, void *context, mr_pipeline **ret,
                            mr_error *err)
{
    skip_byte_order_mark(&json, &len);
    loaded *l = mr_calloc(1, sizeof *l);
    l->arena = mr_arena_new();
    mr_config_reader reader = {.text = json,
                               .len = len,
                               .shown_as = shown_as,
                               .folder = folder ? folder : "",
                               .arena = l->arena};
    json_error_t syntax;
    json_auto_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES, &syntax);
    if (!root) {
        mr_buffer text = MR_BUFFER_INIT(16384);
        mr_buffer_printf(&text, "%s:%d:%d: not valid JSON: %s",
                         shown_as ? shown_as : "(made from flags)", syntax.line,
                         syntax.column ? syntax.column : 1, syntax.text);
        keep(&reader, &(mr_config_place){.path = ""}, 1, 1, &text);
    } else if (!json_is_object(root)) {
        mr_config_tell(&reader, (mr_config_place){.path = ""},
                       "a pipeline is an object, {\"name\": ..., \"sources\": ..., \"sinks\": "
                       "...}; found %s",
                       mr_config_kind(root));
    } else {
        read_root(&reader, root, &l->pipeline);
    }
    if (reader.problem_count > 0) {
        tell_all(&reader, problem, context, err);
        mr_pipeline_free(&l->pipeline);
        return MR_FATAL;
    }
    *ret = &l->pipeline;
    return MR_OK;
}

mr_status mr_pipeline_set_kafka(mr_pipeline *pipeline, const mr_property *properties, size_t count,
                                mr_config_problem *problem, void *context, mr_error *err)
{
    loaded *l = (loaded *)pipeline;
    size_t kept = pipeline->kafka_count;
    mr_property *all = mr_arena_calloc(l->arena, kept + count, sizeof *all);
    memcpy(all, pipeline->kafka, kept * sizeof *all);
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        while (at < kept && strcmp(all[at].name, properties[i].name) != 0) {
            at++;
        }
        kept += at == kept;
        all[at] = (mr_property){mr_arena_format(l->arena, "%s", properties[i].name),
                                mr_arena_format(l->arena, "%s", properties[i].value)};
    }
    pipeline->kafka = all;
    pipeline->kafka_count = kept;
    mr_config_reader reader = {.text = "", .arena = l->arena, .folder = ""};
    check_kafka(&reader, pipeline, NULL);
    tell_all(&reader, problem, context, err);
    return reader.problem_count > 0 ? MR_FATAL : MR_OK;
}

void mr_pipeline_free(mr_pipeline *pipeline)
{
    loaded *l = (loaded *)pipeline;
    if (!l) {
        return;
    }
    for (size_t i = 0; i < pipeline->connector_count; i++) {
        mr_config_connector_release(&pipeline->connectors[i]);
    }
    mr_arena_free(l->arena);
    free(l);
}

static mr_status read_file(const char *path, mr_buffer *out, mr_error *err)
{
    mr_auto_fclose FILE *file = fopen(path, "re");
    char chunk[8192];
    size_t n;
    if (!file) {
        return mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG, "cannot open pipeline file %s: %s", path,
                       strerror(errno));
    }
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0 && !out->failed) {
        mr_buffer_add(out, chunk, n);
    }
    if (ferror(file)) {
        return mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG, "cannot read pipeline file %s: %s", path,
                       strerror(errno));
    }
    if (out->failed) {
        return mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                       "%s is larger than %d bytes, which no pipeline is; name the pipeline file",
                       path, FILE_MAX_BYTES);
    }
    if (out->len == 0) {
        return mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                       "%s is empty; a pipeline is a JSON object, see `millrace help pipeline`",
                       path);
    }
    return MR_OK;
}

mr_status mr_pipeline_load(const char *path, mr_config_problem *problem, void *context,
                           mr_pipeline **ret, mr_error *err)
{
    mr_buffer text = MR_BUFFER_INIT(FILE_MAX_BYTES);
    mr_error local;
    err = err ? err : &local;
    mr_status status = read_file(path, &text, err);
    if (status != MR_OK) {
        err->permanent = true;
        if (problem) {
            problem(context, err->text);
        }
        mr_buffer_release(&text);
        return status;
    }
    const char *slash = strrchr(path, '/');
    mr_auto_free char *folder =
        slash ? mr_strndup(path, slash == path ? 1 : (size_t)(slash - path)) : mr_strdup("");
    status = mr_pipeline_parse(mr_buffer_text(&text), text.len, path, folder, problem, context, ret,
                               err);
    if (status == MR_OK) {
        (*ret)->path = mr_arena_format(((loaded *)*ret)->arena, "%s", path);
    }
    mr_buffer_release(&text);
    return status;
}

const mr_connector *mr_connector_find(const char *name, bool source, bool sink)
{
    for (const mr_connector *const *c = mr_connectors; *c; c++) {
        if (strcmp((*c)->name, name) == 0 && ((source && (*c)->source) || (sink && (*c)->sink))) {
            return *c;
        }
    }
    return NULL;
}
