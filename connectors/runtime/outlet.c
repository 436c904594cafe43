/* SPDX-License-Identifier: Apache-2.0 */
/* One writer per schema, one buffer for all messages; the producer copies what it is given. What a
 * source has in its final form already (raw_key, raw_value without a schema) is passed on as it is.
 */
#include "runtime/outlet.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "codec/schema.h"
#include "runtime/writer.h"
#include "transform/transform.h"

enum {
    MESSAGE_BYTES_MAX = 256 << 20, /* above any broker's limit */
    KEY_BYTES_MAX = 1 << 20,
    NO_FIELD = -1,
};

typedef struct known {
    const mr_schema *schema; /* our reference */
    char *topic;             /* whose readers know it; NULL: those of all topics */
    mr_writer *writer;
    int *key_fields; /* index per key field; unused where the source makes the keys */
    /* Keys with a schema: */
    const mr_schema *key_schema; /* our reference; NULL: keys are text */
    mr_writer *key_writer;
} known;

struct mr_outlet {
    const mr_connector_config *config;
    const mr_wires *wires;
    const atomic_bool *stop;
    mr_transform *transform; /* NULL: records as they are */
    mr_arena *arena;         /* of one send */
    mr_buffer message, key;
    known *knowns;
    size_t known_count;
    mr_outlet_failure *failures;
    size_t failure_count, failure_capacity;
};

mr_status mr_outlet_new(const mr_connector_config *config, const mr_wires *wires,
                        const atomic_bool *stop, mr_outlet **ret, mr_error *err)
{
    mr_outlet *out = mr_calloc(1, sizeof *out);
    out->config = config;
    out->wires = wires;
    out->stop = stop;
    out->arena = mr_arena_new();
    mr_buffer_init(&out->message, MESSAGE_BYTES_MAX);
    mr_buffer_init(&out->key, KEY_BYTES_MAX);
    if (config->source.query) {
        mr_status status = mr_transform_new(config->source.query, "Record", &out->transform, err);
        if (status != MR_OK) {
            mr_outlet_free(out);
            return status;
        }
    }
    *ret = out;
    return MR_OK;
}

static void release_known(known *k)
{
    mr_writer_free(k->writer);
    mr_writer_free(k->key_writer);
    mr_schema_release(k->schema);
    mr_schema_release(k->key_schema);
    free(k->topic);
    free(k->key_fields);
}

void mr_outlet_free(mr_outlet *out)
{
    if (!out) {
        return;
    }
    for (size_t i = 0; i < out->known_count; i++) {
        release_known(&out->knowns[i]);
    }
    free(out->knowns);
    free(out->failures);
    mr_transform_free(out->transform);
    mr_buffer_release(&out->message);
    mr_buffer_release(&out->key);
    mr_arena_free(out->arena);
    free(out);
}

static bool source_makes_keys(const mr_outlet *out)
{
    return out->config->connector->capabilities & MR_MAKES_KEYS;
}

static void fail_record(mr_outlet *out, const mr_record *record, const mr_error *why)
{
    if (out->failure_count == out->failure_capacity) {
        out->failure_capacity = out->failure_capacity ? out->failure_capacity * 2 : 16;
        out->failures =
            mr_realloc_array(out->failures, out->failure_capacity, sizeof *out->failures);
    }
    out->failures[out->failure_count++] = (mr_outlet_failure){record, *why};
}

static mr_status find_key_fields(const mr_list *names, const mr_schema *schema, int *ret,
                                 mr_error *err)
{
    for (size_t i = 0; i < names->count; i++) {
        ret[i] = NO_FIELD;
        for (size_t f = 0; f < schema->field_count; f++) {
            if (strcmp(schema->fields[f].name, names->items[i]) == 0) {
                ret[i] = (int)f;
            }
        }
        if (ret[i] == NO_FIELD) {
            mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                    "key.fields names %s, but the outgoing record has no such field",
                    names->items[i]);
            mr_error_field(err, "key.fields");
            err->permanent = true;
            return MR_FATAL;
        }
    }
    return MR_OK;
}

/* Of one key field its own schema; of several a record of them. */
static mr_status make_key_schema(const mr_list *names, const mr_schema *schema,
                                 const int *key_fields, const mr_schema **ret, mr_error *err)
{
    if (names->count == 1) {
        return mr_schema_extract(mr_schema_strip_null(schema->fields[key_fields[0]].schema), ret,
                                 err);
    }
    char *name = mr_format("%sKey", schema->name ? schema->name : "Record");
    mr_schema_builder *builder = mr_schema_builder_new(name);
    free(name);
    for (size_t i = 0; i < names->count; i++) {
        mr_schema_builder_add_copy(builder, names->items[i],
                                   mr_schema_strip_null(schema->fields[key_fields[i]].schema),
                                   false);
    }
    return mr_schema_builder_finish(builder, ret, err);
}

static mr_status prepare_keys(mr_outlet *out, known *k, const char *topic, mr_error *err)
{
    const mr_list *names = &out->config->source.key_fields;
    if (source_makes_keys(out)) {
        return MR_OK;
    }
    mr_status status = find_key_fields(names, k->schema, k->key_fields, err);
    if (status != MR_OK || out->wires->key.kind == MR_WIRE_TEXT || !names->count) {
        return status;
    }
    status = make_key_schema(names, k->schema, k->key_fields, &k->key_schema, err);
    return status == MR_OK ? mr_writer_new(&out->wires->key, topic, k->key_schema, out->stop,
                                           &k->key_writer, err)
                           : status;
}

/* The writer of a schema; on the first meeting the schema is made known to readers. */
static mr_status find_known(mr_outlet *out, const mr_schema *schema, const char *topic,
                            const known **ret, mr_error *err)
{
    for (size_t i = 0; i < out->known_count; i++) {
        const known *k = &out->knowns[i];
        if (k->schema == schema && (!k->topic || strcmp(k->topic, topic) == 0)) {
            *ret = k;
            return MR_OK;
        }
    }
    bool by_topic =
        out->wires->value.kind == MR_WIRE_CONFLUENT || out->wires->key.kind == MR_WIRE_CONFLUENT;
    known k = {.schema = mr_schema_acquire(schema),
               .topic = by_topic ? mr_strdup(topic) : NULL,
               .key_fields = mr_calloc(out->config->source.key_fields.count, sizeof(int))};
    mr_status status = prepare_keys(out, &k, topic, err);
    if (status == MR_OK) {
        status = mr_writer_new(&out->wires->value, topic, schema, out->stop, &k.writer, err);
    }
    if (status != MR_OK) {
        release_known(&k);
        return status;
    }
    out->knowns = mr_realloc_array(out->knowns, out->known_count + 1, sizeof k);
    out->knowns[out->known_count++] = k;
    *ret = &out->knowns[out->known_count - 1];
    return MR_OK;
}

static bool add_scalar(mr_buffer *key, const mr_cell *cell)
{
    switch (cell->type) {
    case MR_STRING:
    case MR_ENUM:
    case MR_UUID:
        mr_buffer_add(key, cell->as.text, cell->len);
        return true;
    case MR_BOOL:
        mr_buffer_add_text(key, cell->as.i ? "true" : "false");
        return true;
    case MR_INT:
    case MR_LONG:
    case MR_DATE:
    case MR_TIME_MS:
    case MR_TIME_US:
    case MR_TIMESTAMP_MS:
    case MR_TIMESTAMP_US:
    case MR_LOCAL_TIMESTAMP_MS:
    case MR_LOCAL_TIMESTAMP_US:
        mr_buffer_printf(key, "%" PRId64, cell->as.i);
        return true;
    default:
        return false;
    }
}

static bool is_text(const mr_cell *cell)
{
    return cell->type == MR_STRING || cell->type == MR_ENUM || cell->type == MR_UUID;
}

static bool add_json(mr_buffer *key, const mr_cell *cell)
{
    if (!is_text(cell)) {
        return add_scalar(key, cell);
    }
    json_t *text = json_stringn(cell->as.text, cell->len);
    char *dump = text ? json_dumps(text, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    json_decref(text);
    if (dump) {
        mr_buffer_add_text(key, dump);
    }
    free(dump);
    return dump != NULL;
}

static mr_status no_key(const char *field, const mr_cell *cell, mr_error *err)
{
    mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
            "key field %s is %s: a key needs text, a number or a time", field,
            mr_type_name((mr_type)cell->type));
    mr_error_field(err, field);
    return MR_REJECT;
}

/* With a schema, in the wire's format. */
static mr_status encode_key(mr_outlet *out, const known *k, const mr_cell *value, mr_slice *ret,
                            mr_error *err)
{
    const mr_list *names = &out->config->source.key_fields;
    mr_cell *cells = mr_arena_alloc(out->arena, names->count * sizeof *cells);
    for (size_t i = 0; i < names->count; i++) {
        const mr_schema *field = k->schema->fields[k->key_fields[i]].schema;
        cells[i] = value->as.cells[k->key_fields[i]];
        cells[i].branch = mr_schema_strip_null(field) == field ? cells[i].branch : 0;
        if (cells[i].type == MR_NULL) {
            return no_key(names->items[i], &cells[i], err);
        }
    }
    const mr_cell record = {.type = MR_RECORD, .len = (uint32_t)names->count, .as.cells = cells};
    mr_buffer_clear(&out->key);
    mr_status status =
        mr_writer_put(k->key_writer, names->count == 1 ? cells : &record, &out->key, err);
    *ret = (mr_slice){mr_buffer_text(&out->key), out->key.len};
    return status;
}

/* One key field: its text. Several: a JSON array, so that ("a", "b") and ("ab", "") differ. */
static mr_status make_key(mr_outlet *out, const known *k, const mr_cell *value, mr_slice *ret,
                          mr_error *err)
{
    const mr_list *names = &out->config->source.key_fields;
    *ret = (mr_slice){0};
    if (names->count == 0) {
        return MR_OK;
    }
    if (k->key_schema) {
        return encode_key(out, k, value, ret, err);
    }
    mr_buffer_clear(&out->key);
    for (size_t i = 0; i < names->count; i++) {
        const mr_cell *cell = &value->as.cells[k->key_fields[i]];
        bool fits;
        if (names->count == 1) {
            fits = add_scalar(&out->key, cell);
        } else {
            mr_buffer_add_char(&out->key, i ? ',' : '[');
            fits = add_json(&out->key, cell);
        }
        if (!fits || out->key.failed) {
            return no_key(names->items[i], cell, err);
        }
    }
    if (names->count > 1) {
        mr_buffer_add_char(&out->key, ']');
    }
    *ret = (mr_slice){mr_buffer_text(&out->key), out->key.len};
    return MR_OK;
}

/* The value's bytes, and for a record without one of its own the key. */
static mr_status make_message(mr_outlet *out, const known *k, const mr_record *record,
                              mr_outgoing *message, mr_error *err)
{
    if (!k) { /* in its final form, or a tombstone */
        message->value = record->raw_value;
        return MR_OK;
    }
    if (!record->value) {
        return MR_OK;
    }
    mr_buffer_clear(&out->message);
    mr_status status = mr_writer_put(k->writer, record->value, &out->message, err);
    if (status == MR_OK && !message->key.data && !source_makes_keys(out)) {
        status = make_key(out, k, record->value, &message->key, err);
    }
    message->value = (mr_slice){out->message.data, out->message.len};
    return status;
}

static mr_status send_one(mr_outlet *out, mr_producer *producer, const mr_batch *batch,
                          const known *k, const mr_record *record, size_t *sent_bytes,
                          mr_error *err)
{
    mr_outgoing message = {
        .topic = batch->topic ? batch->topic : out->config->source.topic,
        .partition = -1,
        .key = record->raw_key,
        .timestamp_ms = record->timestamp_ms > 0 ? record->timestamp_ms : 0,
        .headers = record->headers,
        .header_count = record->header_count,
    };
    mr_status status = make_message(out, k, record, &message, err);
    if (status == MR_OK) {
        status = mr_producer_send(producer, &message, err);
    }
    if (status == MR_OK) {
        *sent_bytes += message.key.len + message.value.len;
    }
    return status;
}

static mr_status send_records(mr_outlet *out, mr_producer *producer, const mr_batch *given,
                              const mr_batch *made, size_t *sent, size_t *sent_bytes, mr_error *err)
{
    const known *k = NULL;
    const char *topic = made->topic ? made->topic : out->config->source.topic;
    mr_status status = made->schema ? find_known(out, made->schema, topic, &k, err) : MR_OK;
    for (size_t i = 0; i < made->count && status == MR_OK; i++) {
        const mr_record *record = &made->records[i];
        status = send_one(out, producer, made, k, record, sent_bytes, err);
        if (status == MR_OK) {
            ++*sent;
        } else if (status == MR_REJECT) {
            fail_record(out, &given->records[record->origin], err);
            status = MR_OK;
        }
    }
    return status;
}

/* A query has nothing to read in a value that is bytes already. */
static mr_status refuse_raw(const mr_batch *batch, mr_error *err)
{
    for (size_t i = 0; !batch->schema && i < batch->count; i++) {
        if (batch->records[i].raw_value.data) {
            mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                    "query can not be applied: this source's records have no fields in the format "
                    "that is set, only text. Leave out query, or choose another format");
            mr_error_field(err, "query");
            err->permanent = true;
            return MR_FATAL;
        }
    }
    return MR_OK;
}

mr_status mr_outlet_send(mr_outlet *out, mr_producer *producer, const mr_batch *batch, size_t *sent,
                         size_t *sent_bytes, const mr_outlet_failure **failures,
                         size_t *failure_count, mr_error *err)
{
    *sent = 0;
    *sent_bytes = 0;
    out->failure_count = 0;
    mr_arena_reset(out->arena);
    mr_transform_result result = {.batch = *batch};
    mr_status status = MR_OK;
    if (out->transform) {
        status = refuse_raw(batch, err);
        if (status == MR_OK) {
            status = mr_transform_run(out->transform, batch, out->arena, &result, err);
        }
        for (size_t i = 0; status == MR_OK && i < result.failure_count; i++) {
            fail_record(out, &batch->records[result.failures[i].origin], &result.failures[i].why);
        }
    }
    if (status == MR_OK) {
        status = send_records(out, producer, batch, &result.batch, sent, sent_bytes, err);
    }
    *failures = out->failures;
    *failure_count = out->failure_count;
    return status;
}
