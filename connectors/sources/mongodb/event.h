/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One event of a change stream, as slices of the reply it came in
 * (mongodb.com/docs/manual/reference/change-events). Pure functions: any thread.
 */
#ifndef MR_SOURCES_MONGODB_EVENT_H
#define MR_SOURCES_MONGODB_EVENT_H

#include "mongodb.h"

typedef enum mongo_kind {
    MONGO_EVENT_INSERT,
    MONGO_EVENT_UPDATE,
    MONGO_EVENT_REPLACE,
    MONGO_EVENT_DELETE,
    MONGO_EVENT_DROP,
    MONGO_EVENT_RENAME,
    MONGO_EVENT_DROP_DATABASE,
    MONGO_EVENT_INVALIDATE,
    MONGO_EVENT_OTHER, /* nothing that concerns documents: passed over */
} mongo_kind;

typedef struct mongo_event {
    mongo_kind kind;
    mr_slice whole; /* the event itself */
    mr_slice token; /* resume token: a document */
    mongo_time time;
    int64_t wall_ms; /* of the server's clock; -1: not told */
    mr_slice database, collection;
    mr_slice to_database, to_collection; /* MONGO_EVENT_RENAME */
    mr_slice key;                        /* documentKey; data NULL: none, as with the images */
    mr_slice after, before;
    bool unchanged;          /* an update whose description names nothing */
    bool looked_up;          /* `after` is what a look-up found */
    int fragment, fragments; /* of an event the server has split: 1 .. fragments; 0: whole */
} mongo_event;

/* Reads a (checked) event. MR_FATAL: it lacks what every event has. */
MR_CHECKED mr_status mongo_event_parse(mr_slice document, mongo_event *ret, mr_error *err);

/* Cluster time of a resume token: the first thing in its _data, which is a KeyString in hex
 * (src/mongo/db/pipeline/resume_token.cpp: 82, then seconds and increment, big-endian). All events
 * before it have been seen by who holds the token. false: not of that form. */
bool mongo_token_time(mr_slice token, mongo_time *ret);

/* --- Events in fragments ($changeStreamSplitLargeEvent) --- */

typedef struct mongo_fragments {
    mr_buffer whole; /* the event so far: the elements of all fragments but _id and splitEvent */
    size_t begun;
    int next; /* number of the fragment that must come; 1: none has come */
} mongo_fragments;

void mongo_fragments_init(mongo_fragments *fragments);
void mongo_fragments_release(mongo_fragments *fragments);

/* Adds a fragment. *complete: *ret is the whole event, in the fragments' memory until the next one
 * is added; its token is the last fragment's. */
MR_CHECKED mr_status mongo_fragments_add(mongo_fragments *fragments, const mongo_event *part,
                                         bool *complete, mongo_event *ret, mr_error *err);

#endif
