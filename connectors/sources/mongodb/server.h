/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the source asks of the server beside the stream: the time, which collections there are, how
 * they are set up, documents to look up, and how far back the oplog goes. On the task's thread,
 * with the task's client; never per event.
 */
#ifndef MR_SOURCES_MONGODB_SERVER_H
#define MR_SOURCES_MONGODB_SERVER_H

#include "collection.h"
#include "event.h"

/* Connects; MR_FATAL permanent for a standalone server (says how to make a replica set) and one
 * older than 6.0. */
MR_CHECKED mr_status mongo_server_open(const mongo_options *options, const char *app_name,
                                       mr_mongo **ret, mr_error *err);

/* The cluster time now: everything that was answered before it is at or before it. And the first
 * time that nothing has yet, where a stream begins that is to tell what comes. */
MR_CHECKED mr_status mongo_server_time(mr_mongo *mongo, mongo_time *ret, mr_error *err);
MR_CHECKED mr_status mongo_server_next_time(mr_mongo *mongo, mongo_time *ret, mr_error *err);

/* Calls each(database, name) for the collections that are watched and there (no views, no system
 * collections). */
typedef void mongo_each_collection(void *context, const char *database, const char *name);
MR_CHECKED mr_status mongo_server_collections(mr_mongo *mongo, const mongo_options *options,
                                              mongo_each_collection *each, void *context,
                                              mr_error *err);

/* Reads the collection's TTL indexes, and switches pre- and post-images on where options say so.
 * What is not allowed is warned of, not failed for. A collection that is not there: nothing. */
MR_CHECKED mr_status mongo_server_prepare(mr_mongo *mongo, const mongo_options *options,
                                          mongo_collection *collection, mr_task *task,
                                          mr_error *err);

/* Makes a collection, with images if options say so; one that is there is fine. */
MR_CHECKED mr_status mongo_server_create(mr_mongo *mongo, const mongo_options *options,
                                         const char *database, const char *name, mr_error *err);

/* The documents of all events of one collection that are updates without an image: finds them and
 * sets after, and looked_up whether found or not. Their bytes live in `replies`. */
typedef struct mongo_lookups {
    void **replies;
    size_t count, capacity;
} mongo_lookups;

void mongo_lookups_clear(mongo_lookups *lookups);
MR_CHECKED mr_status mongo_server_look_up(mr_mongo *mongo, mongo_event *events, size_t count,
                                          mongo_lookups *lookups, mr_error *err);

/* Is there a document with these values (of the key fields) now? */
MR_CHECKED mr_status mongo_server_has(mr_mongo *mongo, const mongo_collection *collection,
                                      mr_slice key, bool *ret, mr_error *err);

/* Time of the oldest entry of the oplog, and whether it is full, so that the oldest will go next.
 * MR_REJECT: may not be read here (err says why). */
MR_CHECKED mr_status mongo_server_oldest(mr_mongo *mongo, mongo_time *ret, bool *full,
                                         mr_error *err);

#endif
