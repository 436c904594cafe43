/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the mongodb source. A poll takes documents from the snapshot while there is one, then
 * events from the change stream; both are read ahead on threads of their own (feed.h), turned into
 * records on the task's thread (record.h), and covered by positions set in the same poll.
 *
 * Order and completeness with a snapshot (docs/delivery.md):
 *   1. the stream's position P is taken and becomes durable before anything is read;
 *   2. each range of _id is read at a cluster time S of its own (read concern "snapshot"), in _id
 *      order, and its position (how far, and its S) goes with its records; a part of a range that
 * is read again at a later S is a range of its own from there on;
 *   3. when all ranges are read, the stream goes on from P; an event for a document that a range
 *      covers is left out when it is not later than that range's S, since the snapshot shows its
 *      result. Once the stream has passed the latest S, the ranges are forgotten.
 */
#ifndef MR_SOURCES_MONGODB_MONGODB_H
#define MR_SOURCES_MONGODB_MONGODB_H

#include "api/connector.h"
#include "codec/bson.h"
#include "mongo/mongo.h"

/* A cluster time; orders oplog entries. */
typedef struct mongo_time {
    uint32_t seconds, increment;
} mongo_time;

static inline int mongo_time_compare(mongo_time a, mongo_time b)
{
    if (a.seconds != b.seconds) {
        return a.seconds < b.seconds ? -1 : 1;
    }
    return (a.increment > b.increment) - (a.increment < b.increment);
}

/* "operationTime" of a command's reply: the cluster time at which it was answered. false: none. */
static inline bool mongo_reply_time(const bson_t *reply, mongo_time *ret)
{
    bson_iter_t it;
    if (!bson_iter_init_find(&it, reply, "operationTime") || !BSON_ITER_HOLDS_TIMESTAMP(&it)) {
        return false;
    }
    bson_iter_timestamp(&it, &ret->seconds, &ret->increment);
    return true;
}

enum mongo_format { MONGO_AVRO, MONGO_DYNAMODB_JSON, MONGO_DOCUMENTS };
enum mongo_snapshot_mode { MONGO_INITIAL, MONGO_NEVER, MONGO_ALWAYS, MONGO_WHEN_NEEDED };
enum mongo_unresumable { MONGO_FAIL, MONGO_RESNAPSHOT, MONGO_RESUME };
enum mongo_missing { MONGO_WAIT, MONGO_CREATE };

/* Options, as parsed. Everything else of the state is in source.h. */
typedef struct mongo_options {
    const char *uri;
    int64_t connect_timeout_ms;
    const char *database; /* NULL: the whole deployment */
    mr_list collections;  /* empty: all of the database */
    int view;             /* MR_VIEW_* */
    int format;           /* enum mongo_format */
    const char *schema;   /* of the images; NULL: inferred */
    const char *record_name;
    bool schema_widen;
    int64_t schema_fields_max;
    bool schema_ignore_unknown; /* fields that a given schema does not have are left out */
    int snapshot_mode;
    int64_t snapshot_tasks;
    bool images_enable; /* switch pre- and post-images on where they are off */
    int on_unresumable;
    const char *start_at; /* "now", an ISO time, or a resume token: applied once */
    int missing_collection;
    int64_t oplog_warn_ms;
    int64_t fetch_size; /* documents asked for at once */
    const char *aws_region;
} mongo_options;

/* --- snapshot.h in short: owned by the snapshot, used by source.c --- */

typedef struct mongo_snapshot mongo_snapshot;

/* One document that was read. Valid until the next mongo_snapshot_next(). */
typedef struct mongo_snapshot_document {
    mr_slice document; /* checked */
    mongo_time at;     /* S of its range */
} mongo_snapshot_document;

/* Plans the ranges of a collection, or restores them from `resume` (positions
 * "snapshot:<database>.<collection>:<number>"); starts snapshot_tasks readers. `start` is the
 * stream's position. */
MR_CHECKED mr_status mongo_snapshot_open(const mongo_options *options, mr_task *task,
                                         const char *database, const char *collection,
                                         const mr_positions *resume, mongo_time start,
                                         mongo_snapshot **ret, mr_error *err);
void mongo_snapshot_close(mongo_snapshot *snapshot);

/* The next documents, at most `room` of them, all of one range and in _id order; sets their
 * position (mr_task_position). MR_IDLE: none before the deadline; MR_END: all ranges are read. */
MR_CHECKED mr_status mongo_snapshot_next(mongo_snapshot *snapshot, mongo_snapshot_document *out,
                                         size_t room, size_t *count, int64_t deadline_us,
                                         mr_error *err);

/* Has the snapshot shown the result of an event at `at` for the document `id` (an element named
 * _id)? Then the event is left out. */
bool mongo_snapshot_covers(const mongo_snapshot *snapshot, const mr_bson_element *id,
                           mongo_time at);

/* All ranges are read and the stream has passed the latest S: covers() would be false always.
 * Removes the positions of the ranges, in the next poll's transaction. */
bool mongo_snapshot_over(const mongo_snapshot *snapshot, mongo_time stream);
void mongo_snapshot_forget(mongo_snapshot *snapshot);

#endif
