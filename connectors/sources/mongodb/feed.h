/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The change stream, read ahead on a thread of its own with a client of its own: aggregate with
 * $changeStream, then getMore for ever, by raw commands, so that a reply stays what it was on the
 * wire and its events are slices of it. Replies are checked and cut into events on that thread and
 * wait in a queue that is bounded in number and bytes.
 *
 * Threads   All functions are for the task's thread; the reader meets it at the queue only.
 */
#ifndef MR_SOURCES_MONGODB_FEED_H
#define MR_SOURCES_MONGODB_FEED_H

#include "event.h"

/* A reply and its events, owned by whoever took it. */
typedef struct mongo_reply {
    char *bytes; /* the whole reply: a document */
    size_t len;
    mongo_event *events; /* slices of it */
    size_t count;
    int64_t server_s; /* the server's time when it answered (operationTime); 0: not told */
    mr_slice token;   /* postBatchResumeToken: covers all events; data NULL: none */
    bool lean;        /* its event came without images, since with them it was too large */
    struct mongo_reply *next;
} mongo_reply;

void mongo_reply_free(mongo_reply *reply); /* NULL is fine */

/* Where to begin: after a token, else at a time (inclusive). */
typedef struct mongo_start {
    mr_slice token; /* data NULL: by time */
    mongo_time time;
} mongo_start;

typedef struct mongo_feed mongo_feed;

/* How long the server waits for events before it says that there are none. With --once there is
 * nothing to wait for: what comes later is not wanted. */
enum { MONGO_AWAIT_MS = 250, MONGO_AWAIT_ONCE_MS = 10 };

/* Starts the reader; it connects by itself. Borrows options; copies start. before_images: whether
 * images before the change are asked for. */
mongo_feed *mongo_feed_open(const mongo_options *options, const char *app_name,
                            const mongo_start *start, bool before_images, int await_ms);
/* Ends the reader. When it waits for an answer that is long in coming, the server is told by
 * `mongo` (the task's client; may be NULL) to end that. */
void mongo_feed_close(mongo_feed *feed, mr_mongo *mongo); /* feed NULL is fine */

/* The next reply; MR_IDLE: none before the deadline. A failure of the reader comes after all
 * replies before it; *unresumable is set when the position can not be read from any more. */
MR_CHECKED mr_status mongo_feed_next(mongo_feed *feed, int64_t deadline_us, mongo_reply **ret,
                                     bool *unresumable, mr_error *err);

/* What of the deployment is watched. */
bool mongo_one_collection(const mongo_options *options);

/* How much of an event is asked for: an event of more than 16 MiB fails the stream where the server
 * can not split it. Then it is read alone, and if need be without images, which are marked as
 * missing or looked up. */
typedef enum mongo_diet {
    MONGO_FULL,
    MONGO_SINGLE,    /* one at a time */
    MONGO_NO_BEFORE, /* and without the image before, nor what an update did */
    MONGO_NO_IMAGES, /* and without the image after */
} mongo_diet;

/* The aggregate command that opens the stream; for tests too. */
typedef struct mongo_stream_spec {
    mongo_start start;
    bool before_images, split;
    mongo_diet diet;
} mongo_stream_spec;

void mongo_feed_command(const mongo_options *options, const mongo_stream_spec *spec,
                        bson_t *command);

#endif
