/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The taxi trip of all benchmarks: 19 fields (9 texts, 3 ints, 2 longs, 5 doubles), about 230 bytes
 * as Avro and 300 as a COPY row, with a random text uuid as its key. Deterministic: trip i of a
 * generator that starts anew is the same in every program, so that the CSV file, the Avro messages
 * and the COPY rows hold the same data. Doubles have two decimals, so that their CSV text reads
 * back to the same number.
 */
#ifndef BENCH_TRIP_H
#define BENCH_TRIP_H

#include <stdio.h>

#include "api/record.h"
#include "base/arena.h"
#include "base/buffer.h"

enum { BENCH_TRIP_FIELDS = 19 };

extern const char *const bench_trip_columns[BENCH_TRIP_FIELDS];
/* s text, i int, l long, d double */
extern const char bench_trip_types[BENCH_TRIP_FIELDS + 1];

typedef struct bench_trips {
    uint64_t seed;
    size_t next;
} bench_trips;

#define BENCH_TRIPS_INIT                                                                           \
    (bench_trips)                                                                                  \
    {                                                                                              \
        UINT64_C(0x9E3779B97F4A7C15), 0                                                            \
    }

/* The next trip as cells; texts are in the arena or constant. */
void bench_trip_make(bench_trips *trips, mr_cell cells[BENCH_TRIP_FIELDS], mr_arena *arena);

/* As a row of binary COPY. */
void bench_trip_copy_row(mr_buffer *out, const mr_cell cells[BENCH_TRIP_FIELDS]);

/* As a BSON document: the fields, and _id, which is the trip's id. */
void bench_trip_document(mr_buffer *out, const mr_cell cells[BENCH_TRIP_FIELDS]);

/* The Avro schema, built; the caller owns a reference. Ends the program when that fails. */
const mr_schema *bench_trip_schema(void);

/* "CREATE TABLE <name> (...)". */
void bench_trip_table_sql(mr_buffer *out, const char *name, bool primary_key);

#endif
