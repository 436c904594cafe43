/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The snapshot's readers: threads that read ranges of one collection at one cluster time, each with
 * a client and a session of its own, and queue the replies for the task's thread.
 *
 * Threads    All functions are for the task's thread.
 * Ownership  A reply is handed over as it came from the wire: its documents are slices of it.
 *            A range belongs to its reader from mongo_readers_give() until its last load was taken
 *            or mongo_readers_take() has said MR_END; the task's thread may write to it from its
 *            first load on, since its reader only looks at it before.
 * Memory     QUEUE_BYTES of replies wait at most, and one for each reader on top.
 */
#ifndef MR_SOURCES_MONGODB_SNAPSHOT_READERS_H
#define MR_SOURCES_MONGODB_SNAPSHOT_READERS_H

#include "snapshot_scan.h"

typedef struct mongo_readers mongo_readers;

/* Starts the threads; each connects when it is needed first. The texts are borrowed. */
mongo_readers *mongo_readers_start(const char *uri, const char *app_name, int64_t timeout_ms,
                                   size_t count);
/* Ends them; a command that is under way is waited for. NULL is fine. */
void mongo_readers_stop(mongo_readers *readers);

/* Begins a round: what is given is read as it was at `at`, until ends_us. */
void mongo_readers_begin(mongo_readers *readers, mongo_time at, int64_t ends_us);
/* Has the round ended? *cut_short: since the server has no history of `at` any more, *err says how;
 * else because its time is over. */
bool mongo_readers_over(mongo_readers *readers, bool *cut_short, mr_error *err);
/* Gives a collection to read, when nothing is left of the one before (MR_END). */
void mongo_readers_give(mongo_readers *readers, mongo_place *place);

/* The next load, in order within each range. MR_IDLE: none before the deadline. MR_END: nothing
 * more comes of this collection in this round. A failure of a reader comes after what was read
 * before it. */
MR_CHECKED mr_status mongo_readers_take(mongo_readers *readers, int64_t deadline_us,
                                        mongo_load **ret, mr_error *err);

#endif
