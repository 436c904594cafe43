/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as millrace moves them: row-major, decoded into cells, borrowed wherever possible.
 *
 * Ownership   A batch borrows everything: cells and text belong to its arena or to the Kafka
 * message (or file buffer) below it, both of which live until commit() or abort() of the epoch
 * returns. Text        Slices are not NUL-terminated.
 */
#ifndef MR_API_RECORD_H
#define MR_API_RECORD_H

#include "api/schema.h"

typedef struct mr_arena mr_arena; /* base/arena.h */

/* One value. 16 bytes. Which member of the union is meant follows from `type`:
 *   i       MR_BOOL (0, 1), MR_INT, MR_LONG, MR_DATE, MR_TIME_*, MR_TIMESTAMP_*,
 * MR_LOCAL_TIMESTAMP_* d       MR_FLOAT, MR_DOUBLE text    MR_STRING, MR_BYTES, MR_FIXED,
 * MR_DECIMAL, MR_UUID, MR_DURATION (len bytes); MR_ENUM (the symbol's text) cells   MR_RECORD (len
 * fields), MR_ARRAY (len elements), MR_MAP (len entries = 2 * len cells: key, value, ...)
 */
typedef struct mr_cell {
    uint8_t type;    /* mr_type; never MR_UNION */
    uint8_t branch;  /* index of the union branch taken in the schema the cell was decoded to; 0
                        outside unions */
    uint16_t symbol; /* MR_ENUM: index of the symbol */
    uint32_t len;
    union {
        int64_t i;
        double d;
        const char *text;
        const struct mr_cell *cells;
    } as;
} mr_cell;

_Static_assert(sizeof(mr_cell) == 16, "a cell is two words");

/* Bytes that belong to someone else. data NULL: absent (a Kafka null), which is not the same as
 * empty. */
typedef struct mr_slice {
    const char *data;
    size_t len;
} mr_slice;

typedef enum mr_op {
    MR_OP_CREATE, /* a new record, or one whose kind is not known (a plain Kafka record with a
                     value) */
    MR_OP_UPDATE,
    MR_OP_DELETE,   /* value is NULL (tombstone) or the last known image */
    MR_OP_SNAPSHOT, /* read while taking a snapshot */
} mr_op;

typedef struct mr_header {
    const char *name; /* NUL-terminated */
    mr_slice value;
} mr_header;

typedef struct mr_record {
    const mr_cell *key;    /* NULL: none; a cell of batch->key_schema */
    const mr_cell *value;  /* NULL: none; a cell of batch->schema, usually MR_RECORD */
    const mr_cell *before; /* image before the change, a cell of batch->schema; NULL: none */
    mr_slice raw_key;      /* bytes on the wire; data NULL: none */
    mr_slice raw_value; /* bytes on the wire, so that what is only passed on is never re-encoded */
    const mr_header *headers;
    uint32_t header_count;
    int32_t partition;
    int64_t offset;       /* Kafka offset; for a source: where in its input, e.g. a line number */
    int64_t timestamp_ms; /* since the epoch; -1: none */
    mr_op op;
    uint32_t
        origin; /* index, in the epoch, of the record this one was made from: transforms keep it */
} mr_record;

/* Records of one topic, one schema and one route. */
typedef struct mr_batch {
    const char *topic;
    const mr_schema *schema;      /* of values; NULL when all are NULL (tombstones) */
    const mr_schema *key_schema;  /* NULL: keys are raw bytes or absent */
    const struct mr_route *route; /* sinks: the route these records take; never NULL there */
    mr_record *records;
    size_t count;
    mr_arena *arena;
} mr_batch;

/* Name of an op as transforms and metadata show it: "create", "update", "delete", "snapshot". */
const char *mr_op_name(mr_op op);

#endif
