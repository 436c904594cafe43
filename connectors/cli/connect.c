/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a connector's configuration to a pipeline: see connect.h. Every option of the file gets a
 * line that says what became of it, so that nothing is left out in silence; where a default
 * differs, the pipeline says theirs.
 */
#include "cli/connect.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/cleanup.h"

enum { TEXT_MAX_BYTES = 1 << 20 };

static void set(json_t *object, const char *name, const char *value)
{
    json_object_set_new(object, name, json_string(value));
}

void mr_connect_say(mr_connect *connect, const char *name, mr_moved moved, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    connect->lines =
        mr_realloc_array(connect->lines, connect->line_count + 1, sizeof *connect->lines);
    connect->lines[connect->line_count++] =
        (mr_connect_line){mr_strdup(name), moved, mr_strdup(text)};
}

static void set_bool(json_t *object, const char *name, bool value)
{
    json_object_set_new(object, name, json_boolean(value));
}

static bool given(const mr_connect *connect, const char *name)
{
    return mr_connect_get(connect, name) != NULL;
}

static bool is(const mr_connect *connect, const char *name, const char *word)
{
    const char *value = mr_connect_get(connect, name);
    return value && strcasecmp(value, word) == 0;
}

/* The value as it may stand in a pipeline file: a reference to a secret or a file of Connect's
 * becomes a variable. */
static char *portable(const char *name, const char *value)
{
    if (!strstr(value, "${")) {
        return mr_strdup(value);
    }
    mr_buffer out = MR_BUFFER_INIT(TEXT_MAX_BYTES);
    mr_buffer_add_text(&out, "${env:");
    for (; *name; name++) {
        mr_buffer_add_char(&out, *name >= 'a' && *name <= 'z' ? (char)(*name - 32)
                                 : *name == '.'               ? '_'
                                                              : *name);
    }
    mr_buffer_add_char(&out, '}');
    char *text = mr_strdup(mr_buffer_text(&out));
    mr_buffer_release(&out);
    return text;
}

static void copy(mr_connect *connect, const char *theirs, const char *ours)
{
    const char *value = mr_connect_get(connect, theirs);
    if (value) {
        mr_auto_free char *text = portable(theirs, value);
        char *end;
        long long number = strtoll(text, &end, 10);
        json_object_set_new(connect->sink, ours,
                            *text && !*end ? json_integer(number) : json_string(text));
    }
}

/* A comma-separated list as an array. */
static json_t *list_of(const char *text)
{
    json_t *list = json_array();
    while (text && *text) {
        text += strspn(text, " \t\n,");
        size_t len = strcspn(text, ",");
        size_t end = len;
        while (end && strchr(" \t\n", text[end - 1])) {
            end--;
        }
        if (end) {
            json_array_append_new(list, json_stringn(text, end));
        }
        text += len;
    }
    return list;
}

/* --- Parts of the sink --- */

static void take_topics(mr_connect *connect)
{
    const char *pattern = mr_connect_get(connect, "topics.regex");
    json_t *topics = list_of(mr_connect_get(connect, "topics"));
    if (pattern) {
        mr_auto_free char *anchored =
            mr_format("%s%s%s", *pattern == '^' ? "" : "^", pattern,
                      *pattern && pattern[strlen(pattern) - 1] == '$' ? "" : "$");
        json_array_append_new(topics, json_string(anchored));
    }
    json_object_set_new(connect->sink, "topics", topics);
    copy(connect, "consumer.override.group.id", "group.id");
    copy(connect, "consumer.override.auto.offset.reset", "starting.position");
}

#define JSON_CONVERTER "org.apache.kafka.connect.json.JsonConverter"

typedef struct format_of {
    const char *converter, *value, *key;
} format_of;

static const format_of formats[] = {
    {"io.confluent.connect.avro.AvroConverter", "avro-confluent", "avro-confluent"},
    {JSON_CONVERTER, "json-connect", "json-connect"},
    {"org.apache.kafka.connect.storage.StringConverter", NULL, "text"},
    {NULL, NULL, NULL},
};

/* JSON without a schema: Connect's sinks take rows from it just as little as ours do. */
static void take_plain_json(mr_connect *connect, const char *option, bool key)
{
    if (key) {
        set(connect->sink, "key.format", "text");
        mr_connect_say(connect, option, MR_MOVED_AS,
                       "key.format = text: enough to delete by keys in JSON");
        return;
    }
    set(connect->sink, "value.format", "json");
    set(connect->sink, "value.schema", "value.avsc");
    mr_connect_say(
        connect, option, MR_MOVED_AS,
        "value.format = json, and value.schema = value.avsc, which is yours to write: the "
        "Avro schema of the values, since they do not have their own");
}

/* What a converter's bytes are called here; NULL: they can not be read. */
static const char *format_name(const char *converter, bool key)
{
    for (const format_of *f = formats; f->converter; f++) {
        if (strcmp(f->converter, converter) == 0) {
            return key ? f->key : f->value;
        }
    }
    return NULL;
}

static void take_format(mr_connect *connect, bool key)
{
    const char *option = key ? "key.converter" : "value.converter";
    const char *ours = key ? "key.format" : "value.format";
    const char *converter = mr_connect_get(connect, option);
    if (!converter) {
        if (!key) {
            set(connect->sink, ours, "avro-confluent");
            mr_connect_say(
                connect, option, MR_MOVED_AS,
                "not in the file, so the worker's is meant: %s is set to avro-confluent, as in "
                "Confluent's own; correct it if the worker has another",
                ours);
        }
        return;
    }
    const char *enable = key ? "key.converter.schemas.enable" : "value.converter.schemas.enable";
    if (strcmp(converter, JSON_CONVERTER) == 0 && is(connect, enable, "false")) {
        take_plain_json(connect, option, key);
        return;
    }
    const char *format = format_name(converter, key);
    if (format) {
        set(connect->sink, ours, format);
        mr_connect_say(connect, option, MR_MOVED_AS, "%s = %s", ours, format);
    } else if (key) {
        mr_connect_say(connect, option, MR_MOVED_NOT,
                       "keys of %s are not read; harmless unless rows are deleted by them",
                       converter);
    } else {
        mr_connect_say(connect, option, MR_MOVED_NOT, "values of %s can not be read", converter);
    }
}

static void take_registry(mr_connect *connect)
{
    const char *value = json_string_value(json_object_get(connect->sink, "value.format"));
    const char *key = json_string_value(json_object_get(connect->sink, "key.format"));
    const char *url = mr_connect_get(connect, "value.converter.schema.registry.url");
    const char *names[] = {"value.converter.basic.auth.user.info",
                           "key.converter.basic.auth.user.info"};
    url = url ? url : mr_connect_get(connect, "key.converter.schema.registry.url");
    if (!((value && strcmp(value, "avro-confluent") == 0) ||
          (key && strcmp(key, "avro-confluent") == 0))) {
        return;
    }
    mr_auto_free char *text = url ? portable("schema.registry.url", url) : NULL;
    set(connect->sink, "schema.registry.url",
        text ? text : "${env:SCHEMA_REGISTRY_URL:-http://localhost:8081}");
    if (given(connect, names[0]) || given(connect, names[1])) {
        set(connect->sink, "schema.registry.user", "${env:SCHEMA_REGISTRY_USER}");
        set(connect->sink, "schema.registry.password", "${env:SCHEMA_REGISTRY_PASSWORD}");
        mr_connect_say(connect, names[given(connect, names[0]) ? 0 : 1], MR_MOVED_AS,
                       "not copied: set SCHEMA_REGISTRY_USER and SCHEMA_REGISTRY_PASSWORD");
    }
}

/* Debezium writes _ for a topic's dots. Of one topic the name itself, of several the placeholder.
 */
static void add_topic(const mr_connect *connect, const char *topic, mr_buffer *table)
{
    bool underscored = connect->peer == MR_DEBEZIUM;
    if (!topic) {
        mr_buffer_add_text(table, underscored ? "{topic:underscored}" : "{topic}");
    }
    for (; topic && *topic; topic++) {
        mr_buffer_add_char(table, underscored && *topic == '.' ? '_' : *topic);
    }
}

/* The one topic there is; NULL: there are several, or a pattern. *dots: some may have a dot. */
static const char *one_topic(const mr_connect *connect, bool *dots)
{
    const json_t *topics = json_object_get(connect->sink, "topics");
    const char *topic = NULL;
    size_t i;
    json_t *item;
    *dots = false;
    json_array_foreach((json_t *)(uintptr_t)topics, i, item)
    {
        topic = json_string_value(item);
        *dots = *dots || *topic == '^' || strchr(topic, '.');
    }
    return json_array_size(topics) == 1 && *topic != '^' ? topic : NULL;
}

static void take_table(mr_connect *connect)
{
    static const char whole[] = "${topic}";
    const char *name = "collection.name.format";
    const char *format = mr_connect_get(connect, name);
    if (!format) {
        name = "table.name.format";
        format = mr_connect_get(connect, name);
    }
    bool dots;
    const char *topic = one_topic(connect, &dots);
    if ((!format || strcmp(format, whole) == 0) && (connect->peer == MR_CONFLUENT || !dots)) {
        if (format) {
            mr_connect_say(connect, name, MR_MOVED_NEEDLESS, "tables are called like their topics");
        }
        return;
    }
    mr_buffer table = MR_BUFFER_INIT(TEXT_MAX_BYTES);
    for (const char *p = format ? format : whole; *p;) {
        if (strncmp(p, whole, sizeof whole - 1) == 0) {
            add_topic(connect, topic, &table);
            p += sizeof whole - 1;
        } else {
            mr_buffer_add_char(&table, *p++);
        }
    }
    if (strstr(mr_buffer_text(&table), "${")) {
        mr_connect_say(connect, name, MR_MOVED_NOT,
                       "of its placeholders only ${topic} has an equal: name the table by a "
                       "template with {field:name}, or in routes");
    } else {
        set(connect->sink, "table", mr_buffer_text(&table));
        mr_connect_say(connect, name, MR_MOVED_AS, "table = %s%s", mr_buffer_text(&table),
                       !topic && dots && connect->peer == MR_CONFLUENT
                           ? "; dots in a topic's name make no schema here"
                           : "");
    }
    mr_buffer_release(&table);
}

/* --- Keys and fields --- */

static const char *kafka_columns[] = {"__connect_topic", "__connect_partition", "__connect_offset"};

/* Adds a field to a select list, quoted for SQL; of "topic:field" just the field. */
static void add_field(mr_buffer *query, const char *name)
{
    const char *colon = strrchr(name, ':');
    name = colon ? colon + 1 : name;
    mr_buffer_add_text(query, query->len > strlen("SELECT ") ? ", \"" : "\"");
    for (; *name; name++) {
        mr_buffer_add(query, "\"\"", *name == '"' ? 1 : 0);
        mr_buffer_add_char(query, *name);
    }
    mr_buffer_add_char(query, '"');
}

static void take_query(mr_connect *connect, bool kafka, const json_t *keys)
{
    const char *option = connect->peer == MR_CONFLUENT ? "fields.whitelist" : "field.include.list";
    json_auto_t *fields = list_of(mr_connect_get(connect, option));
    bool chosen = json_array_size(fields) > 0;
    if (!kafka && !chosen) {
        return;
    }
    mr_buffer query = MR_BUFFER_INIT(TEXT_MAX_BYTES);
    mr_buffer_add_text(&query, "SELECT ");
    if (kafka) {
        static const char *const metadata[] = {"_topic", "_partition", "_offset"};
        for (size_t i = 0; i < 3; i++) {
            const char *name = json_string_value(json_array_get(keys, i));
            mr_buffer_printf(&query, "%s%s AS %s", i ? ", " : "", metadata[i],
                             name ? name : kafka_columns[i]);
        }
    }
    size_t i;
    json_t *field;
    json_array_foreach((json_t *)(uintptr_t)keys, i, field)
    {
        if (!kafka && chosen) {
            add_field(&query, json_string_value(field));
        }
    }
    json_array_foreach(fields, i, field)
    {
        bool key = false;
        for (size_t k = 0; k < json_array_size(keys); k++) {
            key = key || json_equal(json_array_get(keys, k), field);
        }
        if (!key) {
            add_field(&query, json_string_value(field));
        }
    }
    mr_buffer_add_text(&query, chosen ? " FROM record" : ", * FROM record");
    set(connect->sink, "query", mr_buffer_text(&query));
    if (chosen) {
        mr_connect_say(connect, option, MR_MOVED_AS, "query = %s", mr_buffer_text(&query));
    }
    mr_buffer_release(&query);
}

static void take_keys(mr_connect *connect)
{
    bool confluent = connect->peer == MR_CONFLUENT;
    const char *mode_option = confluent ? "pk.mode" : "primary.key.mode";
    const char *fields_option = confluent ? "pk.fields" : "primary.key.fields";
    json_auto_t *keys = list_of(mr_connect_get(connect, fields_option));
    bool kafka = is(connect, mode_option, "kafka");
    bool none = !given(connect, mode_option) || is(connect, mode_option, "none");
    if (kafka) {
        while (json_array_size(keys) < 3) {
            json_array_append_new(keys, json_string(kafka_columns[json_array_size(keys)]));
        }
        mr_connect_say(
            connect, mode_option, MR_MOVED_AS,
            "a query adds topic, partition and offset; for exactly once alone they are not "
            "needed");
    } else if (is(connect, mode_option, "record_header")) {
        mr_connect_say(
            connect, mode_option, MR_MOVED_NOT,
            "write a query that takes the fields from _headers, and name them in key.fields");
    } else if (!none && json_array_size(keys) == 0) {
        mr_connect_say(connect, mode_option, MR_MOVED_NOT,
                       "without %s all fields of the key are meant: name them in key.fields",
                       fields_option);
    } else if (!none) {
        mr_connect_say(
            connect, mode_option, MR_MOVED_AS, "key.fields%s",
            is(connect, mode_option, "record_key")
                ? ", fields of the value: where only the key has them, write a query with _key"
                : "");
    }
    if (!none && json_array_size(keys) > 0) {
        json_object_set(connect->sink, "key.fields", keys);
    }
    take_query(connect, kafka, keys);
}

static void take_modes(mr_connect *connect)
{
    bool keyed = json_object_get(connect->sink, "key.fields") != NULL;
    set(connect->sink, "insert.mode", "insert");
    copy(connect, "insert.mode", "insert.mode");
    copy(connect, "batch.size", "batch.size");
    if (given(connect, "delete.enabled")) {
        set_bool(connect->sink, "delete.enabled", is(connect, "delete.enabled", "true"));
    } else if (keyed) {
        set_bool(connect->sink, "delete.enabled", false);
        mr_connect_say(connect, "delete.enabled", MR_MOVED_SAME,
                       "left out, it means false there: so it says here; true is the default here");
    }
    bool create = is(connect, "auto.create", "true") || is(connect, "schema.evolution", "basic");
    bool evolve = is(connect, "auto.evolve", "true") || is(connect, "schema.evolution", "basic");
    set_bool(connect->sink, "auto.create", create);
    set_bool(connect->sink, "auto.evolve", evolve);
    copy(connect, "errors.deadletterqueue.topic.name", "on.failure.topic");
    copy(connect, "tasks.max", "tasks.max");
}

/* --- Kafka, and what is left --- */

static void take_kafka(mr_connect *connect, json_t *kafka)
{
    static const char prefix[] = "consumer.override.";
    const char *name;
    json_t *value;
    set(kafka, "bootstrap.servers", "${env:KAFKA_BOOTSTRAP_SERVERS:-localhost:9092}");
    json_object_foreach(connect->config, name, value)
    {
        const mr_connect_option *o = mr_connect_option_find(name, connect->peer);
        if (strncmp(name, prefix, sizeof prefix - 1) == 0 && o && strcmp(o->ours, "kafka") == 0) {
            mr_auto_free char *text = portable(name, json_string_value(value));
            set(kafka, name + sizeof prefix - 1, text);
        }
    }
}

static bool told(const mr_connect *connect, const char *name)
{
    for (size_t i = 0; i < connect->line_count; i++) {
        if (strcmp(connect->lines[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* A line for every option that has none yet, from the table. */
static void tell_rest(mr_connect *connect)
{
    const char *name;
    json_t *value;
    json_object_foreach(connect->config, name, value)
    {
        const mr_connect_option *o = mr_connect_option_find(name, connect->peer);
        (void)value;
        if (told(connect, name)) {
            continue;
        }
        if (!o) {
            mr_connect_say(connect, name, MR_MOVED_NOT, "not an option of this connector");
        } else if (o->moved == MR_MOVED_SAME || o->moved == MR_MOVED_AS) {
            mr_connect_say(connect, name, o->moved, "%s", o->ours);
        } else {
            mr_connect_say(connect, name, o->moved, "%s", o->note);
        }
    }
}

static mr_status find_peer(mr_connect *connect, mr_error *err)
{
    const char *class = mr_connect_get(connect, "connector.class");
    if (strcmp(class, "io.confluent.connect.jdbc.JdbcSinkConnector") == 0 ||
        strcmp(class, "JdbcSinkConnector") == 0 || strcmp(class, "JdbcSink") == 0) {
        connect->peer = MR_CONFLUENT;
    } else if (strcmp(class, "io.debezium.connector.jdbc.JdbcSinkConnector") == 0) {
        connect->peer = MR_DEBEZIUM;
    } else {
        return mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                       "connector.class is %s; what can be converted: "
                       "io.confluent.connect.jdbc.JdbcSinkConnector, "
                       "io.debezium.connector.jdbc.JdbcSinkConnector",
                       class);
    }
    return MR_OK;
}

mr_status mr_connect_convert(mr_connect *connect, mr_error *err)
{
    mr_status status = find_peer(connect, err);
    if (status != MR_OK) {
        return status;
    }
    const char *name = mr_connect_get(connect, "name");
    json_t *kafka = json_object(), *sinks = json_object();
    connect->pipeline = json_object();
    connect->sink = json_object();
    set(connect->pipeline, "name", name ? name : "connector");
    json_object_set_new(connect->pipeline, "kafka", kafka);
    json_object_set_new(sinks, "postgres", connect->sink);
    json_object_set_new(connect->pipeline, "sinks", sinks);
    set(connect->sink, "connector", "postgres");
    take_kafka(connect, kafka);
    take_topics(connect);
    take_format(connect, false);
    take_format(connect, true);
    take_registry(connect);
    mr_connect_url(connect);
    take_table(connect);
    take_keys(connect);
    take_modes(connect);
    tell_rest(connect);
    return MR_OK;
}
