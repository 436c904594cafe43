/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives a snapshot against a real server as the source does: between rounds it plays the stream
 * with the library's own change stream, commits or crashes after every poll, and keeps what was
 * committed as a model of the collection, checked record by record:
 *   - times of a document's records never go back, and no event is of a time that was shown
 *   - a document that a snapshot shows is what its earlier events have made of it
 *   - none is shown twice
 * Documents are {_id: int, v: int, pad: text}.
 */
#ifndef MR_TESTS_SNAPSHOT_RIG_H
#define MR_TESTS_SNAPSHOT_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/task.h"
#include "sources/mongodb/event.h"
#include "sources/mongodb/snapshot.h"

enum { RIG_IDS_MAX = 20000, RIG_PATIENCE_US = 120 * 1000 * 1000 };

typedef struct rig_record {
    int id, v;
    bool snapshot, gone;
    mongo_time at;
} rig_record;

/* What the committed records say of a document. */
typedef struct rig_model {
    bool known, exists;
    int v, shown;
    mongo_time at;
    bool at_is_shown; /* the last record was of the snapshot */
} rig_model;

typedef struct rig {
    mr_mongo *mongo;
    mongoc_collection_t *collection;
    mr_task task;
    mongo_options options;
    mongo_pace pace;
    mr_positions *stored;
    mongo_snapshot *snapshot;
    mongoc_change_stream_t *watch;
    bson_t *held; /* an event that is later than the stream may run */
    bson_t *token;
    mongo_time token_time;
    rig_record *fresh; /* not committed */
    size_t fresh_count, fresh_capacity;
    rig_model *models;
    unsigned seed;
    int polls, rounds, crashes, parts, events;
    mr_error err;
} rig;

static inline void rig_fail(rig *r, mr_status status)
{
    if (status != MR_OK) {
        fail_msg("%s: %s", mr_status_name(status), r->err.text);
    }
}

static inline unsigned rig_random(rig *r, unsigned below)
{
    return (unsigned)rand_r(&r->seed) % below;
}

static inline bson_t *rig_json(const char *json)
{
    bson_error_t error;
    bson_t *ret = bson_new_from_json((const uint8_t *)json, -1, &error);
    if (!ret) {
        fail_msg("%s: %s", json, error.message);
    }
    return ret;
}

/* Runs a command of the test's own. */
static inline void rig_run(rig *r, const char *json)
{
    bson_t *command = rig_json(json), reply;
    rig_fail(r, mr_mongo_command(r->mongo, r->options.database, command, NULL, &reply, &r->err,
                                 "cannot test"));
    bson_destroy(&reply);
    bson_destroy(command);
}

static inline mongo_time rig_now(rig *r)
{
    mongo_time ret;
    bson_t *command = rig_json("{\"ping\": 1}"), reply;
    rig_fail(r, mr_mongo_command(r->mongo, "admin", command, NULL, &reply, &r->err, "cannot test"));
    assert_true(mongo_reply_time(&reply, &ret));
    bson_destroy(&reply);
    bson_destroy(command);
    return ret;
}

/* create: options of the collection as JSON members, "" for none. */
static inline void rig_init(rig *r, const char *create, unsigned seed)
{
    static char database[64];
    char json[512];
    snprintf(database, sizeof database, "mr_snapshot_%ld", (long)getpid());
    *r = (rig){
        .options = {.uri = getenv("MONGODB_URI"),
                    .connect_timeout_ms = 30000,
                    .database = database,
                    .snapshot_tasks = 3},
        .pace = {.round_ms = 30, .range_documents = 500, .reply_bytes = 4096},
        .stored = mr_positions_new(),
        .models = mr_calloc(RIG_IDS_MAX, sizeof(rig_model)),
        .seed = seed,
    };
    rig_fail(r, mr_mongo_open(r->options.uri, "millrace test", 30000, &r->mongo, &r->err));
    r->collection = mongoc_client_get_collection(r->mongo->client, database, "c");
    rig_run(r, "{\"dropDatabase\": 1}");
    snprintf(json, sizeof json, "{\"create\": \"c\"%s%s}", *create ? ", " : "", create);
    rig_run(r, json);
}

/* A write that concerns nobody, so that time goes on. */
static inline void rig_tick(rig *r)
{
    rig_run(r, "{\"insert\": \"other\", \"documents\": [{}]}");
}

static inline void rig_insert(rig *r, int first, int count)
{
    bson_error_t error;
    for (int begun = 0; begun < count; begun += 500) {
        bson_t *documents[500];
        int n = count - begun < 500 ? count - begun : 500;
        for (int i = 0; i < n; i++) {
            documents[i] = BCON_NEW("_id", BCON_INT32(first + begun + i), "v", BCON_INT32(0), "pad",
                                    BCON_UTF8("....................................."));
        }
        if (!mongoc_collection_insert_many(r->collection, (const bson_t **)documents, (size_t)n,
                                           NULL, NULL, &error)) {
            fail_msg("%s", error.message);
        }
        for (int i = 0; i < n; i++) {
            bson_destroy(documents[i]);
        }
    }
    rig_tick(r);
}

/* --- The stream --- */

static inline void rig_add(rig *r, rig_record record)
{
    assert_in_range(record.id, 0, RIG_IDS_MAX - 1);
    if (r->fresh_count == r->fresh_capacity) {
        r->fresh_capacity = r->fresh_capacity ? r->fresh_capacity * 2 : 64;
        r->fresh = mr_realloc_array(r->fresh, r->fresh_capacity, sizeof *r->fresh);
    }
    r->fresh[r->fresh_count++] = record;
}

static inline int rig_int(const bson_t *document, const char *path)
{
    bson_iter_t it, found;
    if (!bson_iter_init(&it, document) || !bson_iter_find_descendant(&it, path, &found)) {
        fail_msg("an event has no %s", path);
    }
    return (int)bson_iter_as_int64(&found);
}

static inline mongo_time rig_time(const bson_t *event)
{
    bson_iter_t it;
    mongo_time ret;
    assert_true(bson_iter_init_find(&it, event, "clusterTime"));
    bson_iter_timestamp(&it, &ret.seconds, &ret.increment);
    return ret;
}

static inline void rig_set_token(rig *r, const bson_t *token)
{
    mr_slice bytes = {(const char *)bson_get_data(token), token->len};
    bson_destroy(r->token);
    r->token = bson_copy(token);
    assert_true(mongo_token_time(bytes, &r->token_time));
}

static inline void rig_open_watch(rig *r)
{
    bson_t pipeline = BSON_INITIALIZER, opts = BSON_INITIALIZER;
    const char *stored = mr_positions_get(r->stored, "stream");
    BSON_APPEND_INT32(&opts, "maxAwaitTimeMS", 20);
    bson_iter_t it;
    bson_destroy(r->token);
    r->token = rig_json(stored ? stored : mr_positions_get(r->task.changed, "stream"));
    if (bson_iter_init_find(&it, r->token, "begin")) {
        bson_iter_timestamp(&it, &r->token_time.seconds, &r->token_time.increment);
        BSON_APPEND_TIMESTAMP(&opts, "startAtOperationTime", r->token_time.seconds,
                              r->token_time.increment);
        r->token_time = mongo_time_before(r->token_time);
    } else {
        BSON_APPEND_DOCUMENT(&opts, "resumeAfter", r->token);
        bson_t *token = bson_copy(r->token);
        rig_set_token(r, token);
        bson_destroy(token);
    }
    r->watch = mongoc_collection_watch(r->collection, &pipeline, &opts);
    bson_destroy(&pipeline);
    bson_destroy(&opts);
}

static inline void rig_take_event(rig *r, const bson_t *event)
{
    bson_iter_t it;
    const uint8_t *data;
    uint32_t len;
    bson_t token;
    assert_true(bson_iter_init_find(&it, event, "operationType"));
    bool gone = strcmp(bson_iter_utf8(&it, NULL), "delete") == 0;
    rig_add(r, (rig_record){
                   .id = rig_int(event, "documentKey._id"),
                   .v = gone ? 0
                        : bson_iter_init_find(&it, event, "fullDocument")
                            ? rig_int(event, "fullDocument.v")
                            : rig_int(event, "updateDescription.updatedFields.v"),
                   .gone = gone,
                   .at = rig_time(event),
               });
    assert_true(bson_iter_init_find(&it, event, "_id"));
    bson_iter_document(&it, &len, &data);
    bson_init_static(&token, data, len);
    rig_set_token(r, &token);
    r->events++;
}

/* Takes at most `most` events that are not later than `until`. true: that is all there is. */
static inline bool rig_stream(rig *r, mongo_time until, int most)
{
    const bson_t *event;
    while (most-- > 0) {
        if (!r->held && mongoc_change_stream_next(r->watch, &event)) {
            r->held = bson_copy(event);
        }
        if (!r->held) {
            bson_error_t error;
            const bson_t *reply, *token = mongoc_change_stream_get_resume_token(r->watch);
            if (mongoc_change_stream_error_document(r->watch, &error, &reply)) {
                fail_msg("%s", error.message);
            }
            if (token) {
                rig_set_token(r, token);
            }
            return token && mongo_time_compare(r->token_time, until) > 0;
        }
        if (mongo_time_compare(rig_time(r->held), until) > 0) {
            return true;
        }
        rig_take_event(r, r->held);
        bson_destroy(r->held);
        r->held = NULL;
    }
    return false;
}

/* --- Lives --- */

static inline void rig_close(rig *r)
{
    mongo_snapshot_close(r->snapshot);
    r->snapshot = NULL;
    mongoc_change_stream_destroy(r->watch);
    r->watch = NULL;
    bson_destroy(r->held);
    r->held = NULL;
    mr_positions_free(r->task.changed);
    r->task.changed = NULL;
    r->fresh_count = 0;
}

static inline void rig_save_stream(rig *r)
{
    if (r->token) {
        char *json = bson_as_canonical_extended_json(r->token, NULL);
        mr_task_position(&r->task, "stream", json);
        bson_free(json);
    }
}

static inline void rig_open(rig *r)
{
    bool stands = mr_positions_get(r->stored, "stream") != NULL;
    r->task = (mr_task){.name = "test", .changed = mr_positions_new()};
    mongo_snapshot_plan plan = mongo_snapshot_todo(&r->options, r->stored, stands);
    if (!stands) {
        char text[100];
        mongo_time now = rig_now(r);
        snprintf(text, sizeof text, "{\"begin\":{\"$timestamp\":{\"t\":%u,\"i\":%u}}}", now.seconds,
                 now.increment);
        mr_task_position(&r->task, "stream", text);
    }
    rig_open_watch(r);
    if (plan == MONGO_SNAPSHOT_NONE) {
        return;
    }
    r->snapshot = mongo_snapshot_new(&r->options, &r->task, &r->pace);
    mongo_snapshot_add(r->snapshot, r->options.database, "c");
    rig_fail(r, mongo_snapshot_open(r->snapshot, r->stored, plan == MONGO_SNAPSHOT_ANEW,
                                    r->token_time, &r->err));
    rig_tick(r);
}

static inline void rig_check(rig *r, const rig_record *record)
{
    rig_model *m = &r->models[record->id];
    int order = mongo_time_compare(record->at, m->at);
    if (m->known && (order < 0 || (order == 0 && m->at_is_shown))) {
        fail_msg("a record of %d is older than the one before", record->id);
    }
    if (record->snapshot && m->known && (!m->exists || m->v != record->v)) {
        fail_msg("the snapshot shows %d with v %d; its events have made it %s %d", record->id,
                 record->v, m->exists ? "v" : "gone, not", m->v);
    }
    m->shown += record->snapshot;
    if (m->shown > 1) {
        fail_msg("%d is shown twice", record->id);
    }
    m->known = true;
    m->exists = !record->gone;
    m->v = record->v;
    m->at = record->at;
    m->at_is_shown = record->snapshot;
}

static inline void rig_commit(rig *r)
{
    size_t cursor = 0;
    const char *name, *value;
    while (mr_positions_next_change(r->task.changed, &cursor, &name, &value)) {
        mr_positions_set(r->stored, name, value);
    }
    mr_positions_clear(r->task.changed);
    for (size_t i = 0; i < r->fresh_count; i++) {
        rig_check(r, &r->fresh[i]);
    }
    r->fresh_count = 0;
}

static inline void rig_crash(rig *r)
{
    rig_close(r);
    rig_open(r);
    r->crashes++;
}

static inline void rig_take_documents(rig *r, const mongo_snapshot_batch *batch)
{
    size_t count = batch->count;
    assert_in_range(count, 1, MONGO_SNAPSHOT_BATCH_MAX);
    if (count > 1 && rig_random(r, 8) == 0) {
        count = 1 + rig_random(r, (unsigned)count - 1);
        r->parts++;
    }
    for (size_t i = 0; i < count; i++) {
        bson_t document;
        bson_init_static(&document, (const uint8_t *)batch->documents[i].data,
                         batch->documents[i].len);
        rig_add(r, (rig_record){.id = rig_int(&document, "_id"),
                                .v = rig_int(&document, "v"),
                                .snapshot = true,
                                .at = batch->at});
    }
    rig_fail(r, mongo_snapshot_took(r->snapshot, count, &r->err));
}

/* One poll. false: the snapshot is read. */
static inline bool rig_poll(rig *r)
{
    mongo_time until;
    mongo_snapshot_batch batch;
    r->polls++;
    if (mongo_snapshot_waits(r->snapshot, &until)) {
        bool reached = rig_stream(r, until, 1 + (int)rig_random(r, 200));
        rig_save_stream(r);
        if (reached) {
            mongo_snapshot_go(r->snapshot);
            r->rounds++;
        }
        return true;
    }
    mr_status status =
        mongo_snapshot_next(r->snapshot, &batch, mr_clock_us() + 1000 * 1000, &r->err);
    if (status == MR_OK) {
        rig_take_documents(r, &batch);
    } else if (status != MR_IDLE && status != MR_END) {
        rig_fail(r, status);
    }
    return status != MR_END;
}

/* Until the snapshot is read and the stream has passed the present. One in `crash` polls ends in a
 * crash (0: none). before: called between polls, after a commit. */
static inline void rig_drain(rig *r, unsigned crash, void (*before)(rig *))
{
    int64_t patience_us = mr_clock_us() + RIG_PATIENCE_US;
    rig_open(r);
    bool more = true;
    while (more) {
        assert_true(mr_clock_us() < patience_us);
        more = rig_poll(r);
        if (crash && rig_random(r, crash) == 0) {
            rig_crash(r);
            more = true;
            if (!r->snapshot) {
                more = false;
            }
        } else if (!more || rig_random(r, 3) == 0) {
            rig_commit(r);
            if (before) {
                before(r);
            }
        }
    }
}

/* The stream up to now, then the model is the collection. */
static inline void rig_compare(rig *r)
{
    bson_t query = BSON_INITIALIZER;
    const bson_t *document;
    bson_error_t error;
    int found = 0, known = 0;
    mongo_time now = rig_now(r);
    rig_tick(r);
    while (!rig_stream(r, now, 1000)) {
    }
    rig_save_stream(r);
    rig_commit(r);
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(r->collection, &query, NULL, NULL);
    while (mongoc_cursor_next(cursor, &document)) {
        const rig_model *m = &r->models[rig_int(document, "_id")];
        if (!m->exists || m->v != rig_int(document, "v")) {
            fail_msg("%d has v %d, the model says %s %d", rig_int(document, "_id"),
                     rig_int(document, "v"), m->exists ? "v" : "gone, not", m->v);
        }
        found++;
    }
    assert_false(mongoc_cursor_error(cursor, &error));
    mongoc_cursor_destroy(cursor);
    bson_destroy(&query);
    for (int i = 0; i < RIG_IDS_MAX; i++) {
        known += r->models[i].exists;
    }
    assert_int_equal(found, known);
}

static inline void rig_release(rig *r)
{
    rig_close(r);
    bson_destroy(r->token);
    rig_run(r, "{\"dropDatabase\": 1}");
    mongoc_collection_destroy(r->collection);
    mr_mongo_close(r->mongo);
    mr_positions_free(r->stored);
    free(r->models);
    free(r->fresh);
}

#endif
