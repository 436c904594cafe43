/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages are grouped into runs of one topic and one writer schema, each run is decoded into one
 * batch, and each route makes its own batch of it. Decoding happens once per epoch: replays reuse
 * the batches.
 */
#include "runtime/intake.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "codec/avro.h"
#include "codec/schema.h"
#include "runtime/formats.h"
#include "transform/transform.h"

struct mr_intake {
    const mr_connector_config *config;
    const mr_route *routes;
    size_t route_count;
    mr_transform **transforms; /* per route; NULL: records as they are */
    mr_formats *formats;

    const mr_message *messages; /* of the haul */
    size_t count;
    size_t decoded; /* of count */

    mr_arena *arena;
    mr_epoch epoch;
    mr_entry *entries;
    mr_batch **batches; /* each in the arena: a sink may keep pointers */
    size_t batch_capacity;
    const mr_schema **held; /* our references: schemas of results, which transforms forget early */
    size_t held_count, held_capacity;
    mr_intake_failure *failures;
    size_t failure_count, failure_capacity;
};

mr_status mr_intake_new(const mr_connector_config *config, const mr_route *routes,
                        size_t route_count, const mr_wires *wires, const atomic_bool *stop,
                        mr_intake **ret, mr_error *err)
{
    mr_intake *in = mr_calloc(1, sizeof *in);
    in->config = config;
    in->routes = routes;
    in->route_count = route_count;
    in->formats = mr_formats_new(
        wires, config->sink.change_records ? MR_ENVELOPES_WHOLE : MR_ENVELOPES_UNWRAP, stop);
    in->entries = mr_realloc_array(NULL, (size_t)config->sink.batch_size, sizeof *in->entries);
    in->arena = mr_arena_new();
    in->transforms = mr_calloc(route_count, sizeof *in->transforms);
    for (size_t i = 0; i < route_count; i++) {
        const char *query = config->route_queries[i];
        mr_status status =
            query ? mr_transform_new(query, "Record", &in->transforms[i], err) : MR_OK;
        if (status != MR_OK) {
            mr_intake_free(in);
            return status;
        }
    }
    *ret = in;
    return MR_OK;
}

/* Keeps the schema of a query's result for as long as the epoch has batches of it. */
static void hold(mr_intake *in, const mr_schema *schema)
{
    for (size_t i = in->held_count; i-- > 0;) {
        if (in->held[i] == schema) {
            return;
        }
    }
    if (in->held_count == in->held_capacity) {
        in->held_capacity = in->held_capacity ? in->held_capacity * 2 : 8;
        in->held = mr_realloc_array(in->held, in->held_capacity, sizeof *in->held);
    }
    in->held[in->held_count++] = mr_schema_acquire(schema);
}

void mr_intake_free(mr_intake *in)
{
    if (!in) {
        return;
    }
    mr_intake_clear(in);
    for (size_t i = 0; i < in->route_count; i++) {
        mr_transform_free(in->transforms[i]);
    }
    mr_formats_free(in->formats);
    free(in->transforms);
    free(in->entries);
    free(in->batches);
    free(in->held);
    free(in->failures);
    mr_arena_free(in->arena);
    free(in);
}

void mr_intake_clear(mr_intake *in)
{
    in->messages = NULL;
    in->count = 0;
    in->epoch = (mr_epoch){0};
    in->failure_count = 0;
    while (in->held_count > 0) {
        mr_schema_release(in->held[--in->held_count]);
    }
    mr_arena_reset(in->arena);
}

static void fail_entry(mr_intake *in, size_t index, const mr_error *why)
{
    if (in->failure_count == in->failure_capacity) {
        in->failure_capacity = in->failure_capacity ? in->failure_capacity * 2 : 16;
        in->failures = mr_realloc_array(in->failures, in->failure_capacity, sizeof *in->failures);
    }
    in->failures[in->failure_count++] = (mr_intake_failure){index, *why};
}

static mr_batch *add_batch(mr_intake *in)
{
    if (in->epoch.batch_count == in->batch_capacity) {
        in->batch_capacity = in->batch_capacity ? in->batch_capacity * 2 : 16;
        in->batches = mr_realloc_array(in->batches, in->batch_capacity, sizeof *in->batches);
    }
    mr_batch *batch = mr_arena_alloc(in->arena, sizeof *batch);
    in->batches[in->epoch.batch_count++] = batch;
    in->epoch.batches = in->batches;
    return batch;
}

/* Reads message `index` into a record; *ret NULL: it was a notice, which is told and done with. */
static mr_status read_record(mr_intake *in, const mr_wire_format *format,
                             const mr_wire_format *key_format, size_t index, mr_record **ret,
                             mr_error *err)
{
    const mr_message *m = &in->messages[index];
    mr_record *record = *ret;
    mr_status status = mr_formats_read(format, key_format, m, in->arena, record, err);
    record->origin = (uint32_t)index;
    if (!format) {
        record->op = MR_OP_DELETE; /* null, or the null in an envelope of JSON */
    }
    if (status == MR_OK && format && format->notice && record->value) {
        mr_notice_log(m->topic, record, record->value);
        *ret = NULL;
    }
    return status;
}

/* The batches that the routes make of one decoded run. */
static mr_status route_batch(mr_intake *in, const mr_batch *decoded, mr_error *err)
{
    for (size_t r = 0; r < in->route_count; r++) {
        mr_batch made = *decoded;
        if (in->transforms[r]) {
            mr_transform_result result;
            mr_status status =
                mr_transform_run(in->transforms[r], decoded, in->arena, &result, err);
            if (status != MR_OK) {
                mr_error_prefix(err, "query of %s", in->routes[r].name);
                return status;
            }
            for (size_t i = 0; i < result.failure_count; i++) {
                mr_error_prefix((mr_error *)&result.failures[i].why, "query of %s",
                                in->routes[r].name);
                fail_entry(in, result.failures[i].origin, &result.failures[i].why);
            }
            made = result.batch;
            if (made.schema) {
                hold(in, made.schema);
            }
        }
        if (made.count) {
            made.route = &in->routes[r];
            *add_batch(in) = made;
        }
    }
    return MR_OK;
}

/* Written with several schemas, records are alike when they are read into one. */
static bool same_run(const mr_wire_format *a, const mr_wire_format *b)
{
    return a->schema == b->schema && a->key_schema == b->key_schema && a->unwrap == b->unwrap;
}

/* Decodes the run of messages that starts at `decoded`, shares topic and schema, and ends before
 * `end`. Notices and messages that can not be read have no part in it. */
static mr_status decode_run(mr_intake *in, size_t end, mr_error *err)
{
    size_t i = in->decoded;
    mr_batch batch = {.topic = in->messages[i].topic, .arena = in->arena};
    batch.records = mr_arena_alloc(in->arena, (end - i) * sizeof *batch.records);
    const mr_wire_format *run = NULL, *key_run = NULL;
    for (; i < end && in->messages[i].topic == batch.topic; i++) {
        const mr_wire_format *format, *key_format = NULL;
        const mr_message *m = &in->messages[i];
        mr_status status = mr_formats_find(in->formats, m->value, false, run, &format, err);
        if (status == MR_OK) {
            status = mr_formats_find(in->formats, m->key, true, key_run, &key_format, err);
        }
        if (status == MR_OK && ((format && !format->notice && run && !same_run(format, run)) ||
                                (key_format && key_run && !same_run(key_format, key_run)))) {
            break;
        }
        mr_record *record = &batch.records[batch.count];
        if (status == MR_OK) {
            status = read_record(in, format, key_format, i, &record, err);
        }
        if (status == MR_REJECT) {
            fail_entry(in, i, err);
            continue;
        }
        if (status != MR_OK) {
            return status;
        }
        if (record) {
            batch.count++;
            run = format ? format : run;
            key_run = key_format ? key_format : key_run;
        }
    }
    batch.schema = run ? run->schema : NULL;
    batch.key_schema = run && run->key_schema ? run->key_schema : key_run ? key_run->schema : NULL;
    mr_status status = batch.count ? route_batch(in, &batch, err) : MR_OK;
    if (status == MR_OK) {
        in->decoded = i;
    }
    return status;
}

mr_epoch *mr_intake_epoch(mr_intake *in, const mr_haul *haul)
{
    in->messages = haul->messages;
    in->count = haul->count;
    in->epoch = (mr_epoch){.entries = in->entries, .count = in->count};
    in->decoded = 0;
    for (size_t i = 0; i < in->count; i++) {
        const mr_message *m = &in->messages[i];
        in->entries[i] = (mr_entry){m->topic, m->partition, MR_FATE_OPEN, m->offset};
    }
    return &in->epoch;
}

mr_status mr_intake_more(mr_intake *in, size_t count, bool *any, const mr_intake_failure **failures,
                         size_t *failure_count, mr_error *err)
{
    mr_status status = MR_OK;
    size_t end = in->count - in->decoded > count ? in->decoded + count : in->count;
    *any = in->decoded < end;
    in->failure_count = 0;
    while (status == MR_OK && in->decoded < end) {
        status = decode_run(in, end, err);
    }
    *failures = in->failures;
    *failure_count = in->failure_count;
    return status;
}
