/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schemas by fingerprint. The topic is shared by all pipelines of a cluster, and a process needs
 * few of its schemas: those are parsed when they are first asked for. Of the others the newest
 * texts are kept as long as they are few, and only the fingerprints beyond that.
 *
 * The topic is compacted, so an unknown fingerprint, or one whose text was not kept, is answered by
 * reading the whole topic again rather than by following it all the time: no thread, no group,
 * nothing to do while nothing is new.
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

enum {
    AGAIN_AFTER_US = 1000000,
    KEY_LEN = 16,
    UNKNOWN_MAX = 1024,
    TEXTS_MAX_BYTES = 1 << 20, /* kept of schemas that nobody has asked for */
};

typedef struct entry {
    uint64_t fingerprint;
    const mr_schema *schema; /* NULL: not asked for yet */
    char *text;              /* until then; NULL: not kept */
    size_t len;
} entry;

struct mr_schemas {
    pthread_mutex_t lock;
    mr_kafka_config config; /* a deep copy */
    mr_property *properties;
    mr_reader *reader; /* opened when first needed */
    entry *entries;    /* sorted by fingerprint */
    size_t count;
    size_t texts_bytes;     /* of all entries */
    const uint64_t *wanted; /* its text is kept in any case; NULL: none */
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

static entry *insert(mr_schemas *schemas, uint64_t fingerprint)
{
    size_t at = place_of(schemas, fingerprint);
    schemas->entries =
        mr_realloc_array(schemas->entries, schemas->count + 1, sizeof *schemas->entries);
    memmove(schemas->entries + at + 1, schemas->entries + at,
            (schemas->count - at) * sizeof *schemas->entries);
    schemas->entries[at] = (entry){.fingerprint = fingerprint};
    schemas->count++;
    return &schemas->entries[at];
}

static void drop_text(mr_schemas *schemas, entry *e)
{
    schemas->texts_bytes -= e->len;
    free(e->text);
    e->text = NULL;
    e->len = 0;
}

/* All but the one that is wanted. What is read after this is newer, and the more likely one. */
static void drop_texts(mr_schemas *schemas)
{
    for (size_t i = 0; i < schemas->count; i++) {
        if (!schemas->wanted || schemas->entries[i].fingerprint != *schemas->wanted) {
            drop_text(schemas, &schemas->entries[i]);
        }
    }
}

static void remove_entry(mr_schemas *schemas, entry *e)
{
    drop_text(schemas, e);
    size_t at = (size_t)(e - schemas->entries);
    schemas->count--;
    memmove(e, e + 1, (schemas->count - at) * sizeof *e);
}

/* --- The topic --- */

static void say(const mr_schemas *schemas, const char *text)
{
    if (schemas->config.on_event) {
        schemas->config.on_event(schemas->config.context, MR_LOG_WARN, "schemas.unreadable", text);
    }
}

/* One message of the topic. Whether it is a schema is seen when somebody asks for it. */
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
    if (*end) {
        return MR_OK;
    }
    bool wanted = schemas->wanted && *schemas->wanted == fingerprint;
    entry *e = find(schemas, fingerprint);
    if (e && (e->schema || !wanted)) {
        return MR_OK;
    }
    if (schemas->texts_bytes + value.len > TEXTS_MAX_BYTES) {
        drop_texts(schemas);
    }
    e = e ? e : insert(schemas, fingerprint);
    drop_text(schemas, e); /* a later one counts */
    e->text = mr_strndup(value.data, value.len);
    e->len = value.len;
    schemas->texts_bytes += e->len;
    return MR_OK;
}

/* What is no schema is said and forgotten: it may be mended meanwhile. */
static void parse(mr_schemas *schemas, entry *e)
{
    mr_error why;
    if (mr_schema_parse(e->text, e->len, &e->schema, &why) == MR_OK) {
        drop_text(schemas, e);
        return;
    }
    mr_error_prefix(&why, "topic %s, key %016llx", MR_SCHEMAS_TOPIC,
                    (unsigned long long)e->fingerprint);
    say(schemas, why.text);
    remove_entry(schemas, e);
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

/* Reads the topic, and whatever it says of this fingerprint is kept. */
static mr_status load_wanted(mr_schemas *schemas, uint64_t fingerprint, const atomic_bool *stop,
                             mr_error *err)
{
    schemas->wanted = &fingerprint;
    mr_status status = load(schemas, stop, err);
    schemas->wanted = NULL;
    return status;
}

/* What is known of a fingerprint without asking for new ones. *ret NULL: nothing. */
static mr_status look_up(mr_schemas *schemas, uint64_t fingerprint, const atomic_bool *stop,
                         const mr_schema **ret, mr_error *err)
{
    entry *e = find(schemas, fingerprint);
    *ret = NULL;
    if (e && !e->schema && !e->text) {
        mr_status status = load_wanted(schemas, fingerprint, stop, err);
        if (status) {
            return status;
        }
        e = find(schemas, fingerprint);
    }
    if (e && e->text) {
        parse(schemas, e);
        e = find(schemas, fingerprint);
    }
    *ret = e ? e->schema : NULL;
    return MR_OK;
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
        free(schemas->entries[i].text);
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
    size_t slot = (size_t)(fingerprint % UNKNOWN_MAX);
    mr_status status = look_up(schemas, fingerprint, stop, ret, err);
    int64_t now = mr_clock_us();
    bool asked = schemas->unknown[slot].fingerprint == fingerprint &&
                 schemas->unknown[slot].asked_us &&
                 now - schemas->unknown[slot].asked_us < AGAIN_AFTER_US;
    if (!status && !*ret && !asked) {
        status = load_wanted(schemas, fingerprint, stop, err);
        if (!status) {
            schemas->unknown[slot].fingerprint = fingerprint;
            schemas->unknown[slot].asked_us = mr_clock_us();
            status = look_up(schemas, fingerprint, stop, ret, err);
        }
    }
    if (!status && !*ret) {
        return mr_fail(err, MR_REJECT, MR_DOMAIN_SCHEMA,
                       "topic %s has no schema with fingerprint %016llx; whoever wrote this record "
                       "must put its schema there, under that key, in hexadecimal",
                       MR_SCHEMAS_TOPIC, (unsigned long long)fingerprint);
    }
    return status;
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
    const mr_schema *there;
    mr_status status = look_up(schemas, schema->fingerprint, stop, &there, err);
    if (!status && !there) {
        status = load_wanted(schemas, schema->fingerprint, stop, err);
        status = status ? status : look_up(schemas, schema->fingerprint, stop, &there, err);
    }
    if (status || there) {
        return status;
    }
    status = store(schemas, schema, stop, err);
    if (!status) {
        entry *e = find(schemas, schema->fingerprint); /* its message may have gone */
        e = e ? e : insert(schemas, schema->fingerprint);
        e->schema = mr_schema_acquire(schema);
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
