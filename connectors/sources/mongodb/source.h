/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source's state, and what its files have for each other. All on the task's thread.
 */
#ifndef MR_SOURCES_MONGODB_SOURCE_H
#define MR_SOURCES_MONGODB_SOURCE_H

#include "feed.h"
#include "position.h"
#include "reconcile.h"
#include "record.h"
#include "server.h"
#include "snapshot.h"

enum {
    MONGO_POLL_RECORDS = 2048, /* a poll ends at so many */
    MONGO_POLL_ROOM = MONGO_POLL_RECORDS + 2,
    MONGO_POLL_REJECTS = 64,
};

/* What is not said too often: how many times since it was last said. */
typedef struct mongo_murmur {
    int64_t said_us;
    uint64_t count;
} mongo_murmur;

/* A notice that waits to be sent. */
typedef struct mongo_notice {
    int kind; /* MR_NOTICE_* */
    char *topic, *full;
    char *text, *from, *to; /* from, to: NULL if there is none */
    int64_t at_ms;
    struct mongo_notice *next;
} mongo_notice;

typedef struct mongo_source {
    mongo_options options;
    /* From open() to close(): */
    mr_task *task;
    mr_list key_fields;
    const mr_schema *given_schema, *notice_schema;
    mongo_naming naming;
    mongo_maker maker;
    mr_mongo *mongo;
    mr_positions *resume; /* as they were at open() */
    char *label;
    mongo_snapshot *snapshot;   /* NULL: none under way */
    bool resnapshot;            /* to be begun when all notices are out */
    mongo_reconcile *reconcile; /* due after the snapshot; NULL: none */
    bool uncommitted;           /* records or rejects were handed over since the last commit */
    mongo_collection **collections;
    size_t collection_count, collection_capacity;
    mongo_collection *last; /* found last */
    mongo_notice *notices;  /* first in, first out */
    uint64_t rejects;       /* so far */

    /* The stream. */
    mongo_position position;
    mongo_feed *feed;
    mongo_reply *reply;   /* being walked */
    size_t at;            /* next event of it */
    int64_t searching_us; /* since when for the first reply; 0: it has come, or that was said */
    mongo_lookups lookups;
    mongo_fragments fragments;
    bool position_moved;     /* not set as a position yet */
    int64_t position_set_us; /* when it was */
    mongo_time drain_to;     /* --once: ends when the stream has passed it */
    bool draining;           /* drain_to is set */
    int64_t oplog_asked_us, oplog_warned_us;
    bool oplog_untold; /* the oplog may not be read, and that was said */
    mongo_murmur looked_up, missing_new, missing_old;
} mongo_source;

/* --- source.c --- */

/* The operations of the source (api/connector.h). */
mr_status mongo_source_open(mr_task *task, const mr_positions *resume, mr_error *err);
mr_status mongo_source_poll(mr_task *task, mr_batch *out, int64_t deadline_us, mr_error *err);
void mongo_source_acked(mr_task *task);
void mongo_source_close(mr_task *task);

/* The collection of that name; made, and the server asked about it, when it is met first. */
MR_CHECKED mr_status mongo_source_collection(mongo_source *self, mr_slice database, mr_slice name,
                                             mongo_collection **ret, mr_error *err);

/* Makes the collection's schemas anew after learning, and sets their positions. */
MR_CHECKED mr_status mongo_source_renew(mongo_source *self, mongo_collection *collection,
                                        mr_error *err);
/* What was learnt of a document does not hold it. */
mr_status mongo_source_defect(const mongo_collection *collection, mr_error *err);

/* Sends the first notice; with the last one goes the position behind all of them. */
MR_CHECKED mr_status mongo_source_tell(mongo_source *self, mr_batch *out, mr_error *err);

/* Begins a snapshot of the collections that are there now, and sets the stream's position. */
MR_CHECKED mr_status mongo_source_begin_snapshot(mongo_source *self, mr_error *err);

/* Adds the record of a change to the batch, whose topic and schema it gives when it is the first.
 * MONGO_NEW_SCHEMA: nothing was added. Rejects go to the dead letters here, with the whole `input`.
 */
MR_CHECKED mongo_made mongo_source_add(mongo_source *self, mongo_collection *collection,
                                       const mongo_change *change, mr_slice input, mr_batch *out);

/* Counts one more; true (and *count) when it should be said now. */
bool mongo_murmur_now(mongo_murmur *murmur, uint64_t *count);

/* --- stream.c --- */

/* Fills the batch from the change stream. until: only with events up to that time, and *reached is
 * set when there are no more of them; NULL: all. MR_END: --once, and all is dealt with. */
MR_CHECKED mr_status mongo_stream_poll(mongo_source *self, mr_batch *out, int64_t deadline_us,
                                       const mongo_time *until, bool *reached, mr_error *err);
/* Ends the reading; the position stays. */
void mongo_stream_close(mongo_source *self);
/* Sets the position of the stream, in this poll's transaction. */
void mongo_stream_save(mongo_source *self);

/* --- notice.c --- */

/* Queues a notice; copies texts. */
void mongo_notice_add(mongo_source *self, int kind, const mongo_collection *collection,
                      const char *from, const char *to, int64_t at_ms, const char *text);
/* Makes the first queued notice the batch, which must be empty. */
MR_CHECKED mr_status mongo_notice_send(mongo_source *self, mr_batch *out, mr_error *err);
void mongo_notices_free(mongo_source *self);

/* --- oplog.c --- */

/* The position can not be read from any more: does what on.unresumable says. MR_OK: go on with what
 * self now holds; else the failure, with what to do in *err (which holds the server's words). */
MR_CHECKED mr_status mongo_unresumable(mongo_source *self, mr_error *err);

/* How far the resume point is from the oplog's end: gauge and warning, when it is time for it. */
MR_CHECKED mr_status mongo_watch_oplog(mongo_source *self, mr_error *err);

#endif
