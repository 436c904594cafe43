/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads one range at one cluster time, reply by reply. Per document there is neither a copy nor an
 * allocation: documents are slices of the reply as it came from the wire.
 *
 * Threads    One thread at a time, with a client and a session of its own.
 */
#ifndef MR_SOURCES_MONGODB_SNAPSHOT_SCAN_H
#define MR_SOURCES_MONGODB_SNAPSHOT_SCAN_H

#include "snapshot_link.h"
#include "snapshot_range.h"

/* What one reply brought of a range. */
typedef struct mongo_load {
    bson_t reply;
    mr_slice *documents; /* of the reply; checked */
    size_t count, bytes;
    mongo_range *range;
    mongo_mark mark; /* of the last document; data NULL: there is none */
    bool last;       /* nothing of the range is left */
    struct mongo_load *next;
} mongo_load;

void mongo_load_free(mongo_load *load); /* NULL is fine */

typedef struct mongo_scan {
    const mongo_link *link;
    const mongo_place *place;
    mongo_range *range;
    mongo_time at;
    bool by_record;
    bool resumed;    /* by _id: the document of the mark was read already */
    mongo_mark mark; /* of the last document read, or where to begin */
    bool open;       /* find was answered */
    int64_t cursor;
    size_t batch; /* documents to ask for */
} mongo_scan;

/* All but the scan is borrowed. The range is only looked at here. */
void mongo_scan_init(mongo_scan *scan, const mongo_link *link, const mongo_place *place,
                     mongo_range *range, mongo_time at);
/* The next load; it may be empty. After one that is `last` there is none.
 * mongo_history_gone(err): the rest must be read at a later time. */
MR_CHECKED mr_status mongo_scan_next(mongo_scan *scan, mongo_load **ret, mr_error *err);
/* Ends it, wherever it is. */
void mongo_scan_release(mongo_scan *scan);

/* The record id of a document, which lies there at cluster time `at`. */
MR_CHECKED mr_status mongo_find_record(const mongo_link *link, const mongo_place *place,
                                       mr_slice document, mongo_time at, int64_t *ret,
                                       mr_error *err);

#endif
