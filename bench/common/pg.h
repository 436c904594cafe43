/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hand-written libpq loops that the postgres sink is measured beside: rows encoded beforehand,
 * one connection, nothing done but sending. Any failure ends the program.
 */
#ifndef BENCH_PG_H
#define BENCH_PG_H

#include <libpq-fe.h>

#include "common/trip.h"

typedef struct bench_rows {
    mr_buffer data; /* binary COPY rows, one after the other */
    size_t *at;     /* where each starts; count + 1 of them */
    size_t count;
} bench_rows;

void bench_rows_init(bench_rows *rows, size_t count);
void bench_rows_add(bench_rows *rows, const mr_cell cells[BENCH_TRIP_FIELDS]);
void bench_rows_release(bench_rows *rows);

PGconn *bench_pg_connect(const char *url);
void bench_pg_check(PGconn *db, bool good, const char *what);
void bench_pg_run(PGconn *db, const char *statement);

/* COPY into `table`, committed every `batch` rows. */
void bench_pg_copy(PGconn *db, const char *table, const bench_rows *rows, size_t batch);

/* COPY into a temporary table and one INSERT .. ON CONFLICT DO UPDATE of all columns for each
 * `batch` rows, in a transaction. */
void bench_pg_merge(PGconn *db, const char *table, const bench_rows *rows, size_t batch);

#endif
