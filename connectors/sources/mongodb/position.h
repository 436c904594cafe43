/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the stream stands, and how that is kept: the position "stream" is
 *
 *   {"token": {"_data": "82..."}, "time": [seconds, increment], "index": n}
 *
 * token   the resume token (canonical extended JSON); not there: begin at `time`, inclusive
 * time    cluster time of the last event, or what the token says
 * index   number of the last event among those of that time, from 0; -1: none. Goes into the
 *         sequence numbers, so that a transaction that is resumed in its middle goes on counting
 */
#ifndef MR_SOURCES_MONGODB_POSITION_H
#define MR_SOURCES_MONGODB_POSITION_H

#include "mongodb.h"

#define MONGO_STREAM_POSITION "stream"
#define MONGO_START_POSITION  "start.at" /* the start.at that was applied */
#define MONGO_LABEL_POSITION  "label"    /* "<view> <time the stream began>" */

typedef struct mongo_position {
    mr_buffer token; /* a document; empty: none */
    mongo_time time;
    int64_t index;
} mongo_position;

void mongo_position_init(mongo_position *position);
void mongo_position_release(mongo_position *position);
mr_slice mongo_position_token(const mongo_position *position); /* data NULL: none */

/* Moves to a time (no token) or behind an event or token. */
void mongo_position_at(mongo_position *position, mongo_time time);
void mongo_position_event(mongo_position *position, mr_slice token, mongo_time time);
/* A token that covers all that came before it, but may be no event's own. */
void mongo_position_token_only(mongo_position *position, mr_slice token);

void mongo_position_print(const mongo_position *position, mr_buffer *out);
MR_CHECKED mr_status mongo_position_parse(const char *text, mongo_position *ret, mr_error *err);

/* What start.at says: "now" (*now), an ISO 8601 time in UTC, or a resume token: its _data or the
 * whole as JSON. MR_FATAL permanent with what is allowed. */
MR_CHECKED mr_status mongo_start_parse(const char *text, bool *now, mongo_position *ret,
                                       mr_error *err);

/* ISO 8601 with milliseconds, UTC; out holds at least MONGO_ISO_BYTES. */
enum { MONGO_ISO_BYTES = 40 };
void mongo_iso_time(int64_t ms, char *out);

#endif
