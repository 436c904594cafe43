/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transforms are SQL: a SELECT over `record`, a virtual table over the batch, on embedded SQLite
 * (design: section 5; for users: docs/transforms.md).
 *
 *   SELECT trip_id, fare / nullif(distance, 0) AS fare_per_distance FROM record WHERE total > 50
 *
 * Value fields are columns (a value that is no record is the column `value`); timestamps are
 * microseconds, decimals exact text, nested values JSON text; metadata as _op _key _topic
 * _partition _offset _timestamp _headers; the before-image by old('field'). One SELECT, no writes,
 * no attached files, bounded work per row, each row made from one record. One per task: not
 * thread-safe; several transforms on several threads are fine.
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
    mr_batch batch; /* in the arena given; records keep origin, partition, offset, timestamp,
                       headers, key, op and raw_key of the record they came from; `before` is NULL,
                       raw_value absent. The schema is the transform's, one object per input schema,
                       valid until 16 others have been run since; who keeps it longer acquires it */
    const mr_transform_failure *failures; /* in the arena */
    size_t failure_count;
} mr_transform_result;

/* Runs the query over `in`. The output schema is derived from the query and in->schema alone, never
 * from data, and prepared once per input schema: a plain column keeps its Avro type, an expression
 * has the type its operands give it, CAST sets another.
 *
 * A record without a value (a tombstone) passes through unchanged and in its place, unless WHERE is
 * false whatever its fields are (WHERE _op <> 'delete'). in->schema NULL: only such records are
 * there, and the result's schema is NULL.
 *
 * A row that fails (a number that overflows, text that is no UTF-8, JSON that is none, two million
 * steps of SQLite) is a failure of its own: origin of its record, column in why.field where one is
 * to blame. A query that does not fit the schema is MR_FATAL, permanent, with line and column in
 * the query and the nearest right name. */
MR_CHECKED mr_status mr_transform_run(mr_transform *transform, const mr_batch *in, mr_arena *arena,
                                      mr_transform_result *ret, mr_error *err);

#endif
