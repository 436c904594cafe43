/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `millrace tap`: the records of a topic as JSON lines, decoded with the schemas that their headers
 * name, or that are in them as Connect's JsonConverter writes it. JSON without a schema is shown as
 * it is, its numbers with all their digits. No group, no trace. A record that can not be decoded is
 * printed too, with the reason, so that looking never stops at the record one is looking for.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "cli/properties.h"
#include "cli/record_json.h"
#include "cli/registry_flags.h"
#include "cli/verbs.h"
#include "codec/avro.h"
#include "codec/connect_json.h"
#include "codec/json.h"
#include "codec/schema.h"
#include "kafka/tail.h"
#include "kafka/wire.h"

enum { ANSWER_MS = 5000, POLL_MS = 500, KNOWN_MAX = 1000 };

/* One decoder per schema met; topics have few. */
typedef struct known {
    mr_wire_kind kind;
    uint64_t id;
    const mr_schema *schema;
    mr_decoder *decoder;
    /* json-connect: found by its text, and ours */
    char *text;
    size_t text_bytes;
    mr_json_decoder *json;
} known;

typedef struct tapping {
    mr_kafka_config kafka;
    mr_schemas *schemas;
    mr_registry_flags flags;
    mr_registry *registry; /* NULL: none is given */
    known *known;
    size_t known_count;
    mr_arena *arena;
    mr_tail *tail;
    bool once, raw;
    long long left; /* records still to be printed; -1: no limit */
} tapping;

/* --- A record --- */

static void forget(tapping *t)
{
    for (size_t i = 0; i < t->known_count; i++) {
        known *k = &t->known[i];
        mr_decoder_free(k->decoder);
        if (k->text) {
            mr_json_decoder_free(k->json);
            mr_schema_release(k->schema);
            free(k->text);
        }
    }
    t->known_count = 0;
}

static mr_status find_schema(tapping *t, const mr_wire *wire, uint64_t id, const known **ret,
                             mr_error *err)
{
    for (size_t i = 0; i < t->known_count; i++) {
        if (t->known[i].kind == wire->kind && t->known[i].id == id && !t->known[i].text) {
            *ret = &t->known[i];
            return MR_OK;
        }
    }
    known k = {.kind = wire->kind, .id = id};
    mr_status status = mr_wire_schema(wire, id, NULL, &k.schema, err);
    if (status == MR_OK) {
        status = mr_decoder_new(k.schema, k.schema, &k.decoder, err);
    }
    if (status == MR_OK) {
        t->known = mr_realloc_array(t->known, t->known_count + 1, sizeof *t->known);
        t->known[t->known_count] = k;
        *ret = &t->known[t->known_count++];
    }
    return status;
}

/* The wire whose header stands before the data; false: none. */
static bool find_wire(tapping *t, mr_slice data, mr_wire *ret, uint64_t *id, size_t *header,
                      mr_error *err)
{
    *ret = (mr_wire){.kind = MR_WIRE_SINGLE_OBJECT};
    if (data.data && mr_wire_parse(ret, data, id, header)) {
        if (!t->schemas && mr_schemas_new(&t->kafka, &t->schemas, err) != MR_OK) {
            return false;
        }
        ret->schemas = t->schemas;
        return true;
    }
    *ret = (mr_wire){.kind = MR_WIRE_CONFLUENT, .registry = t->registry};
    return data.data && t->registry && mr_wire_parse(ret, data, id, header);
}

/* The schema of an envelope; those of a tap that goes on for long are forgotten. */
static mr_status find_connect(tapping *t, mr_slice text, const known **ret, mr_error *err)
{
    for (size_t i = 0; i < t->known_count; i++) {
        const known *k = &t->known[i];
        if (k->text && k->text_bytes == text.len && memcmp(k->text, text.data, text.len) == 0) {
            *ret = k;
            return MR_OK;
        }
    }
    if (t->known_count >= KNOWN_MAX) {
        forget(t);
    }
    known k = {.kind = MR_WIRE_JSON_CONNECT};
    mr_status status = mr_connect_schema_read(text, &k.schema, err);
    if (status == MR_OK) {
        k.text = mr_strndup(text.data, text.len);
        k.text_bytes = text.len;
        k.json = mr_json_decoder_new(k.schema, MR_JSON_CONNECT);
        t->known = mr_realloc_array(t->known, t->known_count + 1, sizeof *t->known);
        t->known[t->known_count] = k;
        *ret = &t->known[t->known_count++];
    }
    return status;
}

/* The payload of Connect's envelope; NULL: it is none. */
static json_t *connect_json(tapping *t, mr_slice data, mr_error *err)
{
    mr_connect_parts parts;
    const known *k;
    mr_cell cell;
    mr_error none;
    if (!data.data || mr_connect_split(data, &parts, &none) != MR_OK) {
        return NULL;
    }
    if (!parts.payload.data) {
        return json_null();
    }
    bool good = find_connect(t, parts.schema, &k, err) == MR_OK &&
                mr_json_decode(k->json, parts.payload, t->arena, &cell, err) == MR_OK;
    return good ? mr_show_cell(&cell, k->schema) : NULL;
}

/* Sets *error to why what looks like Avro could not be decoded. */
static json_t *data_json(tapping *t, mr_slice data, mr_error *err)
{
    mr_wire wire;
    uint64_t id;
    size_t header;
    const known *k;
    mr_cell cell;
    json_t *connect = connect_json(t, data, err);
    if (connect) {
        return connect;
    }
    if (!find_wire(t, data, &wire, &id, &header, err) ||
        find_schema(t, &wire, id, &k, err) != MR_OK ||
        mr_decode(k->decoder, data.data + header, data.len - header, t->arena, &cell, err) !=
            MR_OK) {
        return mr_show_bytes(data);
    }
    return mr_show_cell(&cell, k->schema);
}

static json_t *headers_json(tapping *t, const mr_message *message)
{
    const mr_header *headers;
    uint32_t count = 0;
    mr_error err;
    if (mr_message_headers(message, t->arena, &headers, &count, &err) != MR_OK || count == 0) {
        return NULL;
    }
    json_t *ret = json_object();
    for (uint32_t i = 0; i < count; i++) {
        json_object_set_new(ret, headers[i].name, mr_show_header(&headers[i]));
    }
    return ret;
}

/* JSON without a schema goes as it is: jansson would round its numbers. */
static bool is_plain_json(mr_slice data, mr_buffer *out)
{
    mr_connect_parts parts;
    mr_error none;
    return data.data && data.len && (*data.data == '{' || *data.data == '[') &&
           mr_connect_split(data, &parts, &none) != MR_OK && mr_json_compact(data, out);
}

/* `value` NULL: it is in the line. */
static void print_line(const json_t *line, const mr_buffer *value)
{
    if (!value) {
        mr_show_json(stdout, line);
        putchar('\n');
        return;
    }
    char *text = NULL;
    size_t len = 0;
    FILE *memory = open_memstream(&text, &len);
    if (!memory) {
        abort();
    }
    mr_show_json(memory, line);
    fclose(memory);
    fwrite(text, 1, len - 1, stdout); /* its brace comes last */
    fputs(",\"value\":", stdout);
    fwrite(value->data, 1, value->len, stdout);
    fputs("}\n", stdout);
    free(text);
}

static void print_record(tapping *t, const mr_message *message)
{
    if (t->raw) {
        fwrite(message->value.data, 1, message->value.data ? message->value.len : 0, stdout);
        putchar('\n');
        return;
    }
    mr_error err = {0}, key_err = {0};
    json_auto_t *line =
        json_pack("{s:s, s:i, s:I, s:I, s:o}", "topic", message->topic, "partition",
                  (int)message->partition, "offset", (json_int_t)message->offset, "timestamp_ms",
                  (json_int_t)message->timestamp_ms, "key", data_json(t, message->key, &key_err));
    json_t *headers = headers_json(t, message);
    if (headers) {
        json_object_set_new(line, "headers", headers);
    }
    mr_buffer plain = MR_BUFFER_INIT(message->value.len + 1);
    bool as_it_is = is_plain_json(message->value, &plain);
    if (!as_it_is) {
        json_object_set_new(line, "value", data_json(t, message->value, &err));
    }
    if (err.text[0]) {
        json_object_set_new(line, "error", json_string(err.text));
    }
    print_line(line, as_it_is ? &plain : NULL);
    mr_buffer_release(&plain);
    mr_arena_reset(t->arena);
}

/* --- Reading --- */

static int tap(tapping *t)
{
    while (t->left != 0) {
        mr_message message;
        mr_error err;
        mr_status status = mr_tail_next(t->tail, 0, &message, &err);
        if (status == MR_IDLE) { /* show what there is before waiting for more */
            fflush(stdout);
            if (t->once && mr_tail_at_end(t->tail)) {
                return MR_EXIT_OK;
            }
            status = mr_tail_next(t->tail, POLL_MS, &message, &err);
        }
        if (status == MR_OK) {
            print_record(t, &message);
            mr_message_release(&message);
            t->left -= t->left > 0;
        } else if (status != MR_IDLE) {
            return mr_complain(MR_EXIT_FAILED, "%s", err.text);
        }
        if (ferror(stdout)) {
            return MR_EXIT_FAILED;
        }
    }
    return MR_EXIT_OK;
}

static bool read_from(const mr_args *args, int64_t *from)
{
    const char *text = mr_args_value(args, "from");
    *from = MR_TAIL_BEGINNING;
    if (!text || strcmp(text, "beginning") == 0) {
        return true;
    }
    if (strcmp(text, "end") == 0) {
        *from = MR_TAIL_END;
        return true;
    }
    char *end;
    errno = 0;
    long long offset = strtoll(text, &end, 10);
    if (end == text || *end || errno || offset < 0) {
        mr_complain(MR_EXIT_USAGE, "--from: found \"%s\"; allowed: beginning, end or an offset",
                    text);
        return false;
    }
    *from = offset;
    return true;
}

static void release(tapping *t)
{
    mr_tail_close(t->tail);
    forget(t);
    free(t->known);
    mr_schemas_free(t->schemas);
    mr_registry_free(t->registry);
    mr_arena_free(t->arena);
}

static void on_event(void *context, int level, const char *event, const char *text)
{
    (void)context;
    mr_log((mr_log_level)level, event, "%s", text);
}

/* The user's properties, and the broker's address from where `run` takes it too. */
static const mr_property *with_servers(const mr_properties *given, mr_property *room, size_t *count)
{
    bool has = false;
    for (size_t i = 0; i < given->count; i++) {
        room[i + 1] = given->items[i];
        has = has || strcmp(given->items[i].name, "bootstrap.servers") == 0 ||
              strcmp(given->items[i].name, "metadata.broker.list") == 0;
    }
    const char *servers = getenv("KAFKA_BOOTSTRAP_SERVERS");
    room[0] = (mr_property){"bootstrap.servers", servers && *servers ? servers : "127.0.0.1:9092"};
    *count = given->count + !has;
    return has ? room + 1 : room;
}

static int start(tapping *t, const mr_args *args, const mr_tail_options *options)
{
    mr_error err = {0};
    mr_status status = mr_kafka_check(&t->kafka, &err);
    if (status != MR_OK) {
        return mr_complain(MR_EXIT_USAGE, "%s", err.text);
    }
    t->arena = mr_arena_new();
    if (t->flags.url && mr_registry_new(&t->flags.options, &t->registry, &err) != MR_OK) {
        return mr_complain(MR_EXIT_USAGE, "%s", err.text);
    }
    status = mr_tail_open(&t->kafka, options, ANSWER_MS, &t->tail, &err);
    if (status == MR_IDLE) {
        return mr_complain(MR_EXIT_UNREACHABLE,
                           "no answer from Kafka: %s; set -X bootstrap.servers=host:port or "
                           "KAFKA_BOOTSTRAP_SERVERS",
                           err.text);
    }
    if (status != MR_OK) {
        bool missing = strstr(err.code, "UNKNOWN_TOPIC") != NULL;
        return mr_complain(missing ? MR_EXIT_MISSING : MR_EXIT_FAILED, "%s", err.text);
    }
    t->once = mr_args_has(args, "once");
    t->raw = mr_args_has(args, "raw");
    return tap(t);
}

int mr_verb_tap(const mr_args *args)
{
    long long partition;
    tapping t = {.left = -1};
    mr_tail_options options = {.topic = args->words[0]};
    mr_properties properties;
    if (!mr_args_integer(args, "count", -1, 1, INT64_MAX, &t.left) ||
        !mr_args_integer(args, "partition", -1, 0, INT32_MAX, &partition) ||
        !read_from(args, &options.from)) {
        return MR_EXIT_USAGE;
    }
    if (options.from >= 0 && partition < 0) {
        return mr_complain(MR_EXIT_USAGE,
                           "--from with an offset needs --partition: offsets count per partition");
    }
    options.partition = (int)partition;
    mr_registry_flags_read(args, &t.flags);
    int code = MR_EXIT_USAGE;
    if (mr_properties_read(args, &properties)) {
        mr_auto_free mr_property *room = mr_calloc(properties.count + 1, sizeof *room);
        t.kafka = (mr_kafka_config){.client_id = "millrace-tap", .on_event = on_event};
        t.kafka.properties = with_servers(&properties, room, &t.kafka.property_count);
        mr_log_setup(MR_LOG_WARN, MR_LOG_TEXT);
        code = start(&t, args, &options);
    }
    release(&t);
    mr_properties_release(&properties);
    return code;
}
