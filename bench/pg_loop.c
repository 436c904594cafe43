/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the pg-* cases are compared with: the hand-written loop over rows encoded beforehand.
 *
 *   bench_pg_loop URL TABLE RECORDS BATCH copy|merge
 *
 * Prints one JSON line; its seconds are those of the loop alone.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "common/pg.h"

int main(int argc, char **argv)
{
    if (argc != 6 || (strcmp(argv[5], "copy") != 0 && strcmp(argv[5], "merge") != 0)) {
        fprintf(stderr, "bench_pg_loop URL TABLE RECORDS BATCH copy|merge\n");
        return 2;
    }
    size_t count = strtoul(argv[3], NULL, 10);
    size_t batch = strtoul(argv[4], NULL, 10);
    bench_rows rows;
    bench_rows_init(&rows, count);
    bench_trips trips = BENCH_TRIPS_INIT;
    mr_arena *arena = mr_arena_new();
    for (size_t i = 0; i < count; i++) {
        mr_cell cells[BENCH_TRIP_FIELDS];
        mr_arena_reset(arena);
        bench_trip_make(&trips, cells, arena);
        bench_rows_add(&rows, cells);
    }
    mr_arena_free(arena);
    PGconn *db = bench_pg_connect(argv[1]);
    int64_t begin_us = mr_clock_us();
    (argv[5][0] == 'm' ? bench_pg_merge : bench_pg_copy)(db, argv[2], &rows, batch);
    double seconds = (double)(mr_clock_us() - begin_us) / 1e6;
    printf("{\"records\":%zu,\"batch\":%zu,\"loop_seconds\":%.3f}\n", count, batch, seconds);
    PQfinish(db);
    bench_rows_release(&rows);
    return 0;
}
