/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transforms are SQL: a SELECT over `record`, a virtual table over the batch, on embedded SQLite
 * (design: section 5).
 *
 *   SELECT trip_id, fare / nullif(distance, 0) AS fare_per_distance FROM record WHERE total > 50
 *
 * Value fields are columns; nested values are JSON text; metadata as _op _key _topic _partition
 * _offset _timestamp _headers; the before-image by old('field'). Extra functions: uuid5(namespace,
 * name), now(), decimal arithmetic. Only one SELECT, no writes, no attached files, bounded work per
 * row. One per task: not thread-safe.
 */
#ifndef MR_TRANSFORM_TRANSFORM_H
#define MR_TRANSFORM_TRANSFORM_H

#include "api/error.h"
#include "api/record.h"

typedef struct mr_transform mr_transform;

/* Checks the text as far as possible without a schema (one statement, a SELECT, syntax): MR_FATAL,
 * permanent, with the position in the query and the nearest right function name where one is
 * unknown. */
MR_CHECKED mr_status mr_transform_check(const char *query, mr_error *err);

MR_CHECKED mr_status mr_transform_new(const char *query, const char *output_name,
                                      mr_transform **ret, mr_error *err);
void mr_transform_free(mr_transform *transform);

typedef struct mr_transform_failure {
    uint32_t origin;
    mr_error why;
} mr_transform_failure;

typedef struct mr_transform_result {
    mr_batch batch; /* in the arena given; schema owned by the transform; records keep origin,
                       topic, partition, offset, timestamp, headers, key, op and raw_key of the
                       record they came from */
    const mr_transform_failure *failures; /* in the arena */
    size_t failure_count;
} mr_transform_result;

/* Runs the query over `in`. The output schema is derived from the query and in->schema (column
 * types, nullability, logical types of plain columns kept) and prepared once per input schema. A
 * tombstone or delete (value NULL) passes through unchanged when the query has no WHERE that needs
 * fields. A row that fails (a number that overflows, text that is no UTF-8) is a failure of its
 * own; a query that does not fit the schema is MR_FATAL, permanent, naming the nearest column. */
MR_CHECKED mr_status mr_transform_run(mr_transform *transform, const mr_batch *in, mr_arena *arena,
                                      mr_transform_result *ret, mr_error *err);

#endif
