/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After a snapshot that was taken because the stream had lost its place: which documents were
 * deleted unseen. The topic says which there were, the snapshot (and all that came since) which
 * there are, and the difference is told as REMOVE records before the stream goes on.
 *
 * What is due is kept as the position "reconcile" from the snapshot's begin until it is done, so
 * that after a crash both go on, whatever snapshot.mode says. A document that was told to be gone
 * is gone from the topic, too, and is not told twice.
 *
 *   avro        exact: records carry their cluster time
 *   documents   by the times of the messages
 *   dynamodb-json   not possible: its keys do not say of which BSON type they were
 * In each case the collection is asked before a document is told to be gone. What the topic does
 * not have any more (retention) is not found.
 */
#ifndef MR_SOURCES_MONGODB_RECONCILE_H
#define MR_SOURCES_MONGODB_RECONCILE_H

#include "mongodb.h"

#define MONGO_RECONCILE_POSITION "reconcile" /* "<seconds> <increment>" of the snapshot's start */

struct mongo_source;
typedef struct mongo_reconcile mongo_reconcile;

/* A snapshot begins that is to be followed by this; sets the position. */
void mongo_reconcile_begin(struct mongo_source *self, mongo_time since);
/* In open(): is it due from an earlier life? */
void mongo_reconcile_resume(struct mongo_source *self);
/* It is not wanted any more: removes the position. */
void mongo_reconcile_drop(struct mongo_source *self);
void mongo_reconcile_free(mongo_reconcile *reconcile); /* NULL is fine */

/* Goes on with it, after the snapshot: fills the batch with REMOVE records. MR_IDLE: what was sent
 * must be committed first. Done when self->reconcile is NULL. */
MR_CHECKED mr_status mongo_reconcile_poll(struct mongo_source *self, mr_batch *out, mr_error *err);

#endif
