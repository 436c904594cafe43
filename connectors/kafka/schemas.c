/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schemas by fingerprint, kept in memory once seen. Schemas are few and the topic is compacted, so
 * an unknown fingerprint is answered by reading the whole topic again rather than by following it
 * all the time: no thread, no group, nothing to do while nothing is new.
 */
#include "kafka/schemas.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "codec/schema.h"
#include "kafka/producer.h"
#include "kafka/reader.h"

enum { AGAIN_AFTER_US = 1000000, KEY_LEN = 16, UNKNOWN_MAX = 1024 };

typedef struct entry {
    uint64_t fingerprint;
    const mr_schema *schema;

} entry;

struct mr_schemas {
    pthread_mutex_t lock;
    mr_kafka_config config; /* a deep copy */
    mr_property *properties;
    mr_reader *reader; /* opened when first needed */
    entry *entries;    /* sorted by fingerprint */
    size_t count;
    struct {
        uint64_t fingerprint;
        int64_t asked_us;
    } unknown[UNKNOWN_MAX]; /* by hash; a collision only asks sooner */
    bool ensured;
};

/* --- The set --- */

static size_t place_of(const mr_schemas *schemas, uint64_t fingerprint)
{
    size_t low = 0, high = schemas->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (schemas->entries[middle].fingerprint < fingerprint) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static entry *find(const mr_schemas *schemas, uint64_t fingerprint)
{
    size_t at = place_of(schemas, fingerprint);
    return at < schemas->count && schemas->entries[at].fingerprint == fingerprint
               ? &schemas->entries[at]
               : NULL;
}

/* Takes the reference. */
static void insert(mr_schemas *schemas, uint64_t fingerprint, const mr_schema *schema)
{
    size_t at = place_of(schemas, fingerprint);
    schemas->entries =
        mr_realloc_array(schemas->entries, schemas->count + 1, sizeof *schemas->entries);
    memmove(schemas->entries + at + 1, schemas->entries + at,
            (schemas->count - at) * sizeof *schemas->entries);
    schemas->entries[at] = (entry){fingerprint, schema};
    schemas->count++;
}

/* --- The topic --- */

static void say(const mr_schemas *schemas, const char *text)
{
    if (schemas->config.on_event) {
        schemas->config.on_event(schemas->config.context, MR_LOG_WARN, "schemas.unreadable", text);
    }
}

/* One message of the topic. What is no schema is said and passed over: it must not stop the
 * readers of all others. */
static mr_status take_schema(void *context, const mr_message *message, mr_error *err)
{
    mr_schemas *schemas = context;
    const mr_slice key = message->key, value = message->value;
    (void)err;
    char text[KEY_LEN + 1] = "";
    if (!value.data || key.len != KEY_LEN) {
        return MR_OK;
    }
    memcpy(text, key.data, KEY_LEN);
    char *end;
    uint64_t fingerprint = strtoull(text, &end, 16);
    if (*end || find(schemas, fingerprint)) {
        return MR_OK;
    }
    const mr_schema *schema;
    mr_error why;
    if (mr_schema_parse(value.data, value.len, &schema, &why)) {
        mr_error_prefix(&why, "topic %s, key %s", MR_SCHEMAS_TOPIC, text);
        say(schemas, why.text);
        return MR_OK;
    }
    insert(schemas, fingerprint, schema);
    return MR_OK;
}

static mr_status open_reader(mr_schemas *schemas, mr_error *err)
{
    return schemas->reader ? MR_OK : mr_reader_open(&schemas->config, &schemas->reader, err);
}

static mr_status ensure_topic(mr_schemas *schemas, const atomic_bool *stop, mr_error *err)
{
    static const mr_property compacted[] = {{"cleanup.policy", "compact"}};
    const mr_topic_spec spec = {
        .name = MR_SCHEMAS_TOPIC, .partitions = 1, .config = compacted, .config_count = 1};
    mr_status status = open_reader(schemas, err);
    if (!status && !schemas->ensured) {
        status = mr_reader_ensure(schemas->reader, &spec, 1, stop, err);
        schemas->ensured = !status;
    }
    return status;
}

static mr_status load(mr_schemas *schemas, const atomic_bool *stop, mr_error *err)
{
    mr_status status = ensure_topic(schemas, stop, err);
    if (!status) {
        status = mr_reader_read_all(schemas->reader, MR_SCHEMAS_TOPIC, -1, stop, take_schema,
                                    schemas, err);
    }
    if (status && status != MR_IDLE && schemas->reader) {
        mr_reader_close(schemas->reader); /* it may be the client that failed */
        schemas->reader = NULL;
    }
    return status;
}

static mr_status store(mr_schemas *schemas, const mr_schema *schema, const atomic_bool *stop,
                       mr_error *err)
{
    mr_producer *producer;
    mr_producer_options options = {.stop = stop, .queue_max_bytes = 4 << 20};
    mr_status status = mr_producer_new(&schemas->config, &options, &producer, err);
    if (status) {
        return status;
    }
    char key[KEY_LEN + 1];
    snprintf(key, sizeof key, "%016llx", (unsigned long long)schema->fingerprint);
    const char *json = mr_schema_json(schema);
    const mr_outgoing message = {.topic = MR_SCHEMAS_TOPIC,
                                 .partition = 0,
                                 .key = {key, KEY_LEN},
                                 .value = {json, strlen(json)}};
    status = mr_producer_send(producer, &message, err);
    status = status ? status : mr_producer_flush(producer, err);
    mr_producer_close(producer);
    if (status && status != MR_IDLE) {
        mr_error_prefix(err, "storing schema %s", schema->name ? schema->name : key);
    }
    return status;
}

/* --- For others --- */

mr_status mr_schemas_new(const mr_kafka_config *config, mr_schemas **ret, mr_error *err)
{
    mr_status status = mr_kafka_check(config, err);
    if (status) {
        return status;
    }
    mr_schemas *schemas = mr_calloc(1, sizeof *schemas);
    pthread_mutex_init(&schemas->lock, NULL);
    schemas->config = *config;
    schemas->config.client_id = config->client_id ? mr_strdup(config->client_id) : NULL;
    schemas->properties = mr_calloc(config->property_count + 1, sizeof *schemas->properties);
    for (size_t i = 0; i < config->property_count; i++) {
        schemas->properties[i].name = mr_strdup(config->properties[i].name);
        schemas->properties[i].value = mr_strdup(config->properties[i].value);
    }
    schemas->config.properties = schemas->properties;
    *ret = schemas;
    return MR_OK;
}

void mr_schemas_free(mr_schemas *schemas)
{
    if (!schemas) {
        return;
    }
    mr_reader_close(schemas->reader);
    for (size_t i = 0; i < schemas->count; i++) {
        mr_schema_release(schemas->entries[i].schema);
    }
    for (size_t i = 0; i < schemas->config.property_count; i++) {
        free((char *)(uintptr_t)schemas->properties[i].name);
        free((char *)(uintptr_t)schemas->properties[i].value);
    }
    free(schemas->properties);
    free((char *)(uintptr_t)schemas->config.client_id);
    free(schemas->entries);
    pthread_mutex_destroy(&schemas->lock);
    free(schemas);
}

static mr_status get(mr_schemas *schemas, uint64_t fingerprint, const atomic_bool *stop,
                     const mr_schema **ret, mr_error *err)
{
    entry *known = find(schemas, fingerprint);
    size_t slot = (size_t)(fingerprint % UNKNOWN_MAX);
    int64_t now = mr_clock_us();
    bool asked = schemas->unknown[slot].fingerprint == fingerprint &&
                 schemas->unknown[slot].asked_us &&
                 now - schemas->unknown[slot].asked_us < AGAIN_AFTER_US;
    if (!known && !asked) {
        mr_status status = load(schemas, stop, err);
        if (status) {
            return status;
        }
        schemas->unknown[slot].fingerprint = fingerprint;
        schemas->unknown[slot].asked_us = mr_clock_us();
        known = find(schemas, fingerprint);
    }
    if (!known) {
        return mr_fail(err, MR_REJECT, MR_DOMAIN_SCHEMA,
                       "topic %s has no schema with fingerprint %016llx; whoever wrote this record "
                       "must put its schema there, under that key, in hexadecimal",
                       MR_SCHEMAS_TOPIC, (unsigned long long)fingerprint);
    }
    *ret = known->schema;
    return MR_OK;
}

mr_status mr_schemas_preload(mr_schemas *schemas, const atomic_bool *stop, mr_error *err)
{
    pthread_mutex_lock(&schemas->lock);
    mr_status status = schemas->ensured ? MR_OK : load(schemas, stop, err);
    pthread_mutex_unlock(&schemas->lock);
    return status == MR_IDLE ? MR_IDLE : MR_OK;
}

mr_status mr_schemas_get(mr_schemas *schemas, uint64_t fingerprint, const atomic_bool *stop,
                         const mr_schema **ret, mr_error *err)
{
    pthread_mutex_lock(&schemas->lock);
    mr_status status = get(schemas, fingerprint, stop, ret, err);
    pthread_mutex_unlock(&schemas->lock);
    return status;
}

static mr_status put(mr_schemas *schemas, const mr_schema *schema, const atomic_bool *stop,
                     mr_error *err)
{
    if (find(schemas, schema->fingerprint)) {
        return MR_OK;
    }
    mr_status status = load(schemas, stop, err);
    if (status || find(schemas, schema->fingerprint)) {
        return status;
    }
    status = store(schemas, schema, stop, err);
    if (!status) {
        insert(schemas, schema->fingerprint, mr_schema_acquire(schema));
    }
    return status;
}

mr_status mr_schemas_put(mr_schemas *schemas, const mr_schema *schema, const atomic_bool *stop,
                         mr_error *err)
{
    pthread_mutex_lock(&schemas->lock);
    mr_status status = put(schemas, schema, stop, err);
    pthread_mutex_unlock(&schemas->lock);
    return status;
}
