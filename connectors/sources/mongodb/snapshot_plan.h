/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked of the server before a collection is read: what it is, how large, and where to cut
 * it into ranges. With the task's client, on the task's thread.
 */
#ifndef MR_SOURCES_MONGODB_SNAPSHOT_PLAN_H
#define MR_SOURCES_MONGODB_SNAPSHOT_PLAN_H

#include "snapshot_link.h"
#include "snapshot_range.h"

/* Finds out whether the collection is there, how and where it is stored, and about how large it is.
 * MR_FATAL permanent: a capped collection on a server older than 8.0. */
MR_CHECKED mr_status mongo_place_survey(const mongo_link *link, mongo_place *place, mr_error *err);

/* Name of the file that holds the collection on the link's server, which no other server has, nor
 * this one after it was set up anew; "": not told. */
MR_CHECKED mr_status mongo_find_home(const mongo_link *link, const mongo_place *place,
                                     char out[MONGO_HOME_BYTES], mr_error *err);

/* Makes its ranges, of what is in it at cluster time `at`. mongo_history_gone(err): at no longer
 * can be read. */
MR_CHECKED mr_status mongo_place_plan(const mongo_link *link, mongo_place *place, mongo_time at,
                                      mr_error *err);

/* --- Commands that both plan and readers put together --- */

/* "readConcern": {"level": "snapshot", "atClusterTime": at} */
void mongo_add_read_concern(bson_t *command, mongo_time at);
/* name: {field: value} */
void mongo_add_order(bson_t *command, const char *name, const char *field, int32_t value);
/* "projection": {"_id": 0, "r": {"$meta": "recordId"}} */
void mongo_add_record_projection(bson_t *command);
/* "r": {"$meta": "recordId"} */
void mongo_add_meta(bson_t *projection);
void mongo_add_document(bson_t *command, const char *name, mr_slice document);

/* The cursor in a reply. */
typedef struct mongo_cursor {
    int64_t id;         /* 0: it is at its end */
    mr_slice documents; /* the array */
    mr_slice token;     /* postBatchResumeToken; data NULL: none */
} mongo_cursor;

/* Reads a reply after checking all of it. MR_FATAL: it is none of a cursor. */
MR_CHECKED mr_status mongo_cursor_read(const bson_t *reply, mongo_cursor *ret, mr_error *err);
/* "r" of the first document, if there is one. */
bool mongo_cursor_record(const mongo_cursor *cursor, int64_t *ret);

/* Did a command fail because the cluster time can no longer be read at, or because its cursor is
 * gone? Then a later time may do. */
bool mongo_history_gone(const mr_error *err);

#endif
