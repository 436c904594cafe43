/* SPDX-License-Identifier: Apache-2.0 */
/* The tables behind runtime/common.h. */
#include "runtime/common.h"

#include <stdint.h>
#include <string.h>

#include "base/read_file.h"
#include "codec/schema.h"

enum { FORMAT_AUTO, FORMAT_SINGLE_OBJECT, FORMAT_CONFLUENT, FORMAT_JSON, FORMAT_JSON_CONNECT };
enum { SCHEMA_FILE_BYTES_MAX = 1 << 20 };
enum { KEY_TEXT, KEY_CONFLUENT, KEY_JSON, KEY_JSON_CONNECT };

static const char *const starting_positions[] = {"earliest", "latest", NULL};
static const char *const change_records[] = {"unwrap", "whole", NULL};

static const char *const value_formats[] = {"auto", "avro-single-object", "avro-confluent",
                                            "json", "json-connect",       NULL};
static const char *const key_formats[] = {"text", "avro-confluent", "json", "json-connect", NULL};
static const char *const strategies[] = {"topic", "record", "topic-record", NULL};

#define FORMAT_OPTIONS(state)                                                                      \
    MR_CHOICE(                                                                                     \
        "value.format", state, format.value_format, "auto", value_formats, 0,                      \
        "How values stand on the wire. avro-single-object: Avro with the fingerprint of its "      \
        "schema before it, schemas in the topic millrace.schemas; needs no other service. "        \
        "avro-confluent: Avro with the id of its schema in a schema registry before it. "          \
        "json: a JSON object, without a schema; a sink is told it by value.schema. "               \
        "json-connect: JSON with its schema in each message, as Kafka Connect's JsonConverter "    \
        "writes it. auto: avro-confluent when schema.registry.url is set."),                       \
        MR_CHOICE(                                                                                 \
            "key.format", state, format.key_format, "text", key_formats, 0,                        \
            "How keys stand on the wire. text: bytes as they are. The others: as values in that "  \
            "format; of one key field the field alone, of several a record."),                     \
        MR_LIST("schema.registry.url", state, format.registry.urls, NULL, 0,                       \
                "Where the schema registry is: http://host:8081. Several are tried in turn."),     \
        MR_TEXT("schema.registry.user", state, format.registry.user, NULL, 0,                      \
                "User for the registry's basic authentication.", "schema.registry.url"),           \
        MR_TEXT("schema.registry.password", state, format.registry.password, NULL, MR_OPT_SECRET,  \
                "Password for it.", "schema.registry.url schema.registry.user"),                   \
        MR_TEXT(                                                                                   \
            "schema.registry.ssl.ca.location", state, format.registry.ca_file, NULL, MR_OPT_PATH,  \
            "Certificates (PEM) that the registry's must be signed by. Default: the system's.",    \
            "schema.registry.url"),                                                                \
        MR_TEXT("schema.registry.ssl.certificate.location", state,                                 \
                format.registry.certificate_file, NULL, MR_OPT_PATH,                               \
                "Certificate (PEM) that is shown to the registry.", "schema.registry.url"),        \
        MR_TEXT("schema.registry.ssl.key.location", state, format.registry.key_file, NULL,         \
                MR_OPT_PATH, "Key (PEM) of that certificate.", "schema.registry.url"),             \
        MR_TIME(                                                                                   \
            "schema.registry.timeout.ms", state, format.registry.timeout_ms, "5s", 100, 300000, 0, \
            "How long one request to the registry may take. The task asks again for as long as "   \
            "the registry is away.",                                                               \
            "schema.registry.url")

#define SUBJECT_OPTIONS(state)                                                                     \
    MR_BOOLEAN("auto.register.schemas", state, format.registry.auto_register, "true", 0,           \
               "Register schemas that the registry does not have, if they are compatible. false: " \
               "they must be there.",                                                              \
               "schema.registry.url"),                                                             \
        MR_CHOICE(                                                                                 \
            "value.subject.name.strategy", state, format.value_subject, "topic", strategies, 0,    \
            "What a value's subject in the registry is called. topic: <topic>-value; record: "     \
            "the record's full name; topic-record: <topic>-<full name>.",                          \
            "schema.registry.url value.format=auto,avro-confluent"),                               \
        MR_CHOICE("key.subject.name.strategy", state, format.key_subject, "topic", strategies, 0,  \
                  "The same of a key: <topic>-key, and so on.",                                    \
                  "schema.registry.url key.format=avro-confluent")

const mr_option mr_source_common[] = {
    MR_TEXT("topic", mr_source_options, topic, NULL, MR_OPT_REQUIRED,
            "Topic the records go to. Created when missing, with topic.partitions partitions and "
            "topic.retention.ms of retention."),
    MR_LIST(
        "key.fields", mr_source_options, key_fields, NULL, 0,
        "Fields of the record that make the Kafka key, so that records of one key stay in order. "
        "One field: its text is the key. Several: a JSON array of their values. None: records have "
        "no key."),
    MR_TEXT("query", mr_source_options, query, NULL, 0,
            "SQL that makes the outgoing records, as SELECT ... FROM record. None: records go as "
            "they are."),
    MR_INTEGER("tasks.max", mr_source_options, tasks_max, "1", 1, 64, 0,
               "Tasks that share the work, each on a thread of its own. More processes with the "
               "same pipeline share them."),
    MR_TIME(
        "commit.interval.ms", mr_source_options, commit_interval_ms, "100", 1, 60000, 0,
        "How often records are committed, hence become visible to readers. Longer: fewer, larger "
        "transactions. Shorter: lower latency. A source that is more than two seconds behind "
        "takes up to ten times as long, but a second at most."),
    MR_INTEGER("topic.partitions", mr_source_options, topic_partitions, "4", 1, 10000, 0,
               "Partitions of the topic when it has to be created."),
    MR_TIME("topic.retention.ms", mr_source_options, topic_retention_ms, "24h", 1000, INT64_MAX / 2,
            0,
            "How long the topic keeps records when it has to be created; 24 hours as DynamoDB "
            "Streams and Kinesis do."),
    MR_TEXT("on.failure.topic", mr_source_options, failure_topic, NULL, 0,
            "Dead-letter topic for input that can not become a record. Default: "
            "<pipeline>.<connector>.dlq."),
    FORMAT_OPTIONS(mr_source_options),
    SUBJECT_OPTIONS(mr_source_options),
    MR_OPTIONS_END,
};

const mr_option mr_sink_common[] = {
    MR_LIST("topics", mr_sink_options, topics, NULL, MR_OPT_REQUIRED,
            "Topics to read; a name that starts with ^ is a regular expression, and topics that it "
            "fits are found within seconds when they are made later."),
    MR_TEXT("group.id", mr_sink_options, group, NULL, 0,
            "Consumer group. Processes of one group share the partitions. Default: "
            "<pipeline>.<connector>."),
    MR_TEXT("query", mr_sink_options, query, NULL, 0,
            "SQL that makes the rows to be stored, as SELECT ... FROM record. None: records go as "
            "they are."),
    MR_INTEGER("tasks.max", mr_sink_options, tasks_max, "1", 1, 64, 0,
               "Tasks that share the partitions, each on a thread and a connection of its own."),
    MR_INTEGER("batch.size", mr_sink_options, batch_size, "20000", 1, 1000000, 0,
               "Most records written in one transaction. Larger: faster, more memory."),
    MR_SIZE("batch.max.bytes", mr_sink_options, batch_max_bytes, "8MiB", 1024, (int64_t)1 << 31, 0,
            "Most bytes of records written in one transaction; a single larger record still goes, "
            "alone."),
    MR_TIME("batch.window.ms", mr_sink_options, batch_window_ms, "10", 0, 300000, 0,
            "How long a batch that is not full waits for more records."),
    MR_CHOICE("starting.position", mr_sink_options, starting_position, "earliest",
              starting_positions, 0, "Where to start when no offset is stored yet."),
    MR_TEXT("on.failure.topic", mr_sink_options, failure_topic, NULL, 0,
            "Dead-letter topic for records that can never be stored. Default: "
            "<pipeline>.<connector>.dlq."),
    MR_CHOICE(
        "change.records", mr_sink_options, change_records, "unwrap", change_records, 0,
        "What is made of change records, as the mongodb source or Debezium write them. unwrap: "
        "the row they are about; _op says what happened to it, old() what it was before. whole: "
        "the record as it is, with eventName, Keys and images as fields."),
    FORMAT_OPTIONS(mr_sink_options),
    MR_TEXT("value.schema", mr_sink_options, format.value_schema, NULL, MR_OPT_PATH,
            "File (.avsc) with the Avro schema of the values. json needs it. The other formats "
            "resolve what each value was written with to it, by Avro's rules: fields it does not "
            "have are left out, those it adds have their defaults."),
    MR_TEXT("key.schema", mr_sink_options, format.key_schema, NULL, MR_OPT_PATH,
            "The same of keys.", "key.format!=text"),
    MR_OPTIONS_END,
};

const mr_option mr_route_common[] = {
    MR_TEXT("query", mr_route_common_options, query, NULL, 0,
            "SQL that makes this route's rows, as SELECT ... FROM record. None: records go as they "
            "are."),
    MR_OPTIONS_END,
};

bool mr_format_confluent(const mr_format_options *options, bool key)
{
    return key ? options->key_format == KEY_CONFLUENT
               : options->value_format == FORMAT_CONFLUENT ||
                     (options->value_format == FORMAT_AUTO && options->registry.urls.count);
}

mr_wires mr_format_wires(const mr_format_options *options, mr_schemas *schemas,
                         mr_registry *registry)
{
    static const mr_wire_kind keys[] = {MR_WIRE_TEXT, MR_WIRE_CONFLUENT, MR_WIRE_JSON,
                                        MR_WIRE_JSON_CONNECT};
    static const mr_wire_kind values[] = {MR_WIRE_SINGLE_OBJECT, MR_WIRE_SINGLE_OBJECT,
                                          MR_WIRE_CONFLUENT, MR_WIRE_JSON, MR_WIRE_JSON_CONNECT};
    mr_wires wires = mr_wires_plain(schemas);
    wires.value.kind =
        mr_format_confluent(options, false) ? MR_WIRE_CONFLUENT : values[options->value_format];
    wires.key.kind = keys[options->key_format];
    wires.value.registry = wires.key.registry = registry;
    wires.value.strategy = (mr_subject_strategy)options->value_subject;
    wires.key.strategy = (mr_subject_strategy)options->key_subject;
    return wires;
}

const char *mr_format_name(const mr_format_options *options, bool key)
{
    return key ? key_formats[options->key_format] : value_formats[options->value_format];
}

mr_status mr_format_schema(const mr_format_options *options, bool key, const mr_schema **ret,
                           mr_error *err)
{
    const char *path = key ? options->key_schema : options->value_schema;
    *ret = NULL;
    if (!path) {
        return MR_OK;
    }
    mr_buffer text = MR_BUFFER_INIT(SCHEMA_FILE_BYTES_MAX);
    mr_status status = mr_read_file(path, &text, err);
    if (status == MR_OK) {
        status = mr_schema_parse(mr_buffer_text(&text), text.len, ret, err);
        if (status != MR_OK) {
            mr_error_prefix(err, "%s", path);
        }
    }
    mr_buffer_release(&text);
    if (status != MR_OK) {
        mr_error_field(err, key ? "key.schema" : "value.schema");
    }
    return status;
}

/* JSON says nothing of its types. */
static const char *check_schemas(const mr_format_options *options, mr_error *err)
{
    if (options->value_format == FORMAT_JSON && !options->value_schema) {
        mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                "is json, which does not say its types: set value.schema to a file with the Avro "
                "schema of the values; or json-connect, if each message has its schema");
        return "value.format";
    }
    if (options->key_format == KEY_JSON && !options->key_schema) {
        mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                "is json, which does not say its types: set key.schema to a file with the Avro "
                "schema of the keys; or text, to leave them as they are");
        return "key.format";
    }
    return NULL;
}

/* Is one of them https, or none there at all? */
static bool has_https(const mr_list *urls)
{
    bool found = !urls->count;
    for (size_t i = 0; i < urls->count; i++) {
        found = found || strncmp(urls->items[i], "https:", 6) == 0;
    }
    return found;
}

mr_status mr_format_check(const mr_format_options *options, bool sink, mr_error *err)
{
    bool value = mr_format_confluent(options, false), key = mr_format_confluent(options, true);
    const mr_registry_options *r = &options->registry;
    const char *field = NULL;
    if ((value || key) && !r->urls.count) {
        field = value ? "value.format" : "key.format";
        mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                "is avro-confluent, which needs a schema registry: set schema.registry.url");
    } else if (!value && !key && r->urls.count) {
        field = "schema.registry.url";
        mr_fail(
            err, MR_FATAL, MR_DOMAIN_CONFIG,
            "is set, but neither value.format nor key.format is avro-confluent: nothing would ask "
            "the registry");
    } else if (!r->certificate_file != !r->key_file) {
        field = r->key_file ? "schema.registry.ssl.key.location"
                            : "schema.registry.ssl.certificate.location";
        mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                "certificate and key belong together: set the other one too");
    }
    if (!field && !has_https(&r->urls) && (r->ca_file || r->certificate_file)) {
        field = r->ca_file ? "schema.registry.ssl.ca.location"
                           : "schema.registry.ssl.certificate.location";
        mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                "has no effect: schema.registry.url is http, not https; change that, or leave this "
                "one out");
    }
    for (size_t i = 0; i < r->urls.count && !field; i++) {
        const char *url = r->urls.items[i];
        if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) {
            field = "schema.registry.url";
            mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                    "is \"%.200s\"; allowed: http://host:port or https://host:port, without user "
                    "and password",
                    strchr(url, '@') ? "***" : url);
        } else if (strchr(url, '@')) {
            field = "schema.registry.url";
            mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                    "has a user in it: set schema.registry.user and schema.registry.password");
        }
    }
    if (!field && sink) {
        field = check_schemas(options, err);
    }
    if (field) {
        mr_error_field(err, field);
        return MR_FATAL;
    }
    return MR_OK;
}
