/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the mongodb source. A poll takes documents from the snapshot while there is one, then
 * events from the change stream; both are read ahead on threads of their own (feed.h), turned into
 * records on the task's thread (record.h), and covered by positions set in the same poll.
 *
 * Snapshot and stream take turns (snapshot.h, docs/delivery.md, docs/decisions/0007-snapshot.md),
 * so that the records of each document are in the order of its changes and none is missing:
 *   1. the stream runs up to a cluster time S: all events up to S are handed over, none later;
 *   2. then it stands still while documents are read as they were at S, for a minute at most;
 *   3. then it goes on, up to the S of the next round, until all documents are read.
 * No event is left out, no document need be compared with an event.
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

/* The time just before. */
static inline mongo_time mongo_time_before(mongo_time a)
{
    return a.increment ? (mongo_time){a.seconds, a.increment - 1}
                       : (mongo_time){a.seconds - 1, UINT32_MAX};
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
    bool exact_documents;       /* a header with what typed images do not tell */
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

#endif
