/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The snapshot: reads what the collections hold, in rounds between which the stream goes on.
 *
 * Rounds      A round reads at one cluster time S (read concern "snapshot"). Before it, the stream
 *             must have handed over all events up to S and none later; while it is read, the stream
 *             stands still. It ends when all is read, after a minute, or when the server has
 *             no history of S any more; the next one reads on where it ended, at a later S. So a
 *             document that is read has all its earlier events before it and all later ones after
 *             it, a change waits no longer than a round, and the oplog need only reach back as far.
 * Ranges      A collection is read in ranges, by snapshot_tasks readers at a time. A range is read
 *             in the order in which the documents lie on disk (record ids), which is as fast as
 *             reading the whole collection; where the server does not offer that (sharded or
 *             clustered collections) in the order of _id.
 * Positions   "snapshot" says whether there is one and where its round stands, and
 *             "snapshot:<database>.<collection>:<number>" how far each range is read.
 * Threads     All functions are for the task's thread. The readers are the snapshot's own.
 */
#ifndef MR_SOURCES_MONGODB_SNAPSHOT_H
#define MR_SOURCES_MONGODB_SNAPSHOT_H

#include "mongodb.h"

enum { MONGO_SNAPSHOT_BATCH_MAX = 2048 }; /* documents at once */

/* How large its parts are; tests have smaller ones. */
typedef struct mongo_pace {
    int64_t round_ms;        /* a round, at most */
    int64_t range_documents; /* documents in a range, about */
    int64_t reply_bytes;     /* a reply of the server, about */
    bool by_id;              /* as where the server does not offer record ids */
} mongo_pace;

#define MONGO_PACE                                                                                 \
    {                                                                                              \
        60 * 1000, 50 * 1000, 512 << 10, false                                                     \
    }

#define MONGO_SNAPSHOT_POSITION "snapshot"

typedef struct mongo_snapshot mongo_snapshot;

typedef enum mongo_snapshot_plan {
    MONGO_SNAPSHOT_NONE,   /* there is none, or it is done */
    MONGO_SNAPSHOT_RESUME, /* one has begun */
    MONGO_SNAPSHOT_ANEW,
} mongo_snapshot_plan;

/* What there is to do, by snapshot.mode and the stored positions. stream_stands: a position of the
 * stream is stored that it can be resumed from.
 *   initial      once: until "snapshot" says that it is done
 *   never        not at all; one that has begun is to be given up, but for one that on.unresumable
 *                has begun (MONGO_RECONCILE_POSITION is there): the stream has lost its place
 *   always       anew in every process that runs the source, not in every life of its task
 *   when_needed  when there is no position of the stream (or none that can be resumed from: then
 *                the caller decides for MONGO_SNAPSHOT_ANEW itself)
 * The first position of the stream must be set in the same poll as mongo_snapshot_open() with
 * MONGO_SNAPSHOT_ANEW: a crash in between would leave a stream that looks as if it stood. */
mongo_snapshot_plan mongo_snapshot_todo(const mongo_options *options, const mr_positions *resume,
                                        bool stream_stands);

/* A snapshot that has begun is given up, since the stream will go on without it: removes its
 * positions, and "snapshot" says that it is done. Nothing when there is none. */
void mongo_snapshot_give_up(mr_task *task, const mr_positions *resume);

/* `options` and `task` are borrowed. pace NULL: MONGO_PACE. */
mongo_snapshot *mongo_snapshot_new(const mongo_options *options, mr_task *task,
                                   const mongo_pace *pace);
/* Adds a collection; those that were read before a crash are known by their positions. Views are
 * passed over. Shaped as a callback of mongo_server_collections(); context: the snapshot. */
void mongo_snapshot_add(void *context, const char *database, const char *collection);
/* Connects, and begins anew (the positions of an older snapshot in `resume` are removed) or goes on
 * from `resume`. In open() or poll(). stands: of no later time has the stream handed over an event,
 * so no round may be earlier. Afterwards it waits for the stream, or it goes on with the
 * round that a crash has ended: the stream stands where that round wants it. MR_FATAL permanent:
 * the server is older than 5.0, or a collection is capped. */
MR_CHECKED mr_status mongo_snapshot_open(mongo_snapshot *snapshot, const mr_positions *resume,
                                         bool anew, mongo_time stands, mr_error *err);
/* Ends the readers and frees it; the positions stay. NULL is fine. */
void mongo_snapshot_close(mongo_snapshot *snapshot);

/* True between rounds: the stream must run up to *until: all events whose cluster time is not later
 * than it are handed over (an event or a resume token with a later time is next), and no others.
 * Then mongo_snapshot_go(), in a poll whose positions (or earlier ones) say so for the stream. */
bool mongo_snapshot_waits(const mongo_snapshot *snapshot, mongo_time *until);
void mongo_snapshot_go(mongo_snapshot *snapshot);

/* Documents of one collection, and the cluster time whose state they show. */
typedef struct mongo_snapshot_batch {
    const char *database, *collection;
    const mr_slice *documents; /* checked */
    size_t count;              /* at most MONGO_SNAPSHOT_BATCH_MAX */
    mongo_time at;
} mongo_snapshot_batch;

/* The next documents: they stay valid until the next call of it, and come again as far as they were
 * not taken. MR_IDLE: none before the deadline, or the round has ended (mongo_snapshot_waits()).
 * MR_END: all are read; the positions of the ranges are removed and "snapshot" says that it is
 * done. */
MR_CHECKED mr_status mongo_snapshot_next(mongo_snapshot *snapshot, mongo_snapshot_batch *ret,
                                         int64_t deadline_us, mr_error *err);
/* The first `count` of them are records (or rejects) of this poll: sets their position. All of them
 * at once costs nothing; a part costs a question to the server. MR_RETRY: which it can not answer
 * any more. */
MR_CHECKED mr_status mongo_snapshot_took(mongo_snapshot *snapshot, size_t count, mr_error *err);

#endif
