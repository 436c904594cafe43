/* SPDX-License-Identifier: Apache-2.0 */
/* What a C programmer writes first: see the header. Pieces of 64 KiB, as psql's \copy has. */
#include "common/pg.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "codec/pgcopy.h"

enum { PIECE_BYTES = 65536 };

void bench_rows_init(bench_rows *rows, size_t count)
{
    *rows = (bench_rows){.data = MR_BUFFER_INIT((size_t)1 << 36)};
    rows->at = mr_calloc(count + 1, sizeof *rows->at);
}

void bench_rows_add(bench_rows *rows, const mr_cell cells[BENCH_TRIP_FIELDS])
{
    bench_trip_copy_row(&rows->data, cells);
    rows->at[++rows->count] = rows->data.len;
}

void bench_rows_release(bench_rows *rows)
{
    free(rows->at);
    mr_buffer_release(&rows->data);
}

void bench_pg_check(PGconn *db, bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "%s: %s\n", what, PQerrorMessage(db));
        exit(1);
    }
}

void bench_pg_run(PGconn *db, const char *statement)
{
    PGresult *r = PQexec(db, statement);
    bench_pg_check(db,
                   PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK,
                   statement);
    PQclear(r);
}

PGconn *bench_pg_connect(const char *url)
{
    PGconn *db = PQconnectdb(url);
    bench_pg_check(db, PQstatus(db) == CONNECTION_OK, "connect");
    bench_pg_run(db, "SET client_min_messages = error");
    return db;
}

static void copy_rows(PGconn *db, const char *table, const bench_rows *rows, size_t from, size_t to)
{
    char statement[300];
    snprintf(statement, sizeof statement, "COPY %s FROM STDIN (FORMAT binary)", table);
    PGresult *r = PQexec(db, statement);
    bench_pg_check(db, PQresultStatus(r) == PGRES_COPY_IN, statement);
    PQclear(r);
    bool good = PQputCopyData(db, mr_pg_header, sizeof mr_pg_header) == 1;
    for (size_t p = rows->at[from]; p < rows->at[to] && good;) {
        size_t n = rows->at[to] - p < PIECE_BYTES ? rows->at[to] - p : PIECE_BYTES;
        good = PQputCopyData(db, rows->data.data + p, (int)n) == 1;
        p += n;
    }
    good = good && PQputCopyData(db, mr_pg_trailer, sizeof mr_pg_trailer) == 1 &&
           PQputCopyEnd(db, NULL) == 1;
    bench_pg_check(db, good, "copy");
    while ((r = PQgetResult(db))) {
        bench_pg_check(db, PQresultStatus(r) == PGRES_COMMAND_OK, "copy");
        PQclear(r);
    }
}

static size_t end_of(const bench_rows *rows, size_t i, size_t batch)
{
    return i + batch < rows->count ? i + batch : rows->count;
}

void bench_pg_copy(PGconn *db, const char *table, const bench_rows *rows, size_t batch)
{
    for (size_t i = 0; i < rows->count; i += batch) {
        copy_rows(db, table, rows, i, end_of(rows, i, batch));
    }
}

void bench_pg_merge(PGconn *db, const char *table, const bench_rows *rows, size_t batch)
{
    mr_buffer sql = MR_BUFFER_INIT(1 << 16);
    mr_buffer_printf(&sql,
                     "DROP TABLE IF EXISTS pg_temp.bench_stage; CREATE TEMP TABLE bench_stage "
                     "(LIKE %s) ON COMMIT DELETE ROWS",
                     table);
    bench_pg_run(db, mr_buffer_text(&sql));
    mr_buffer_clear(&sql);
    mr_buffer_printf(&sql,
                     "INSERT INTO %s SELECT * FROM bench_stage ON CONFLICT (%s) DO UPDATE SET ",
                     table, bench_trip_columns[0]);
    for (size_t f = 1; f < BENCH_TRIP_FIELDS; f++) {
        mr_buffer_printf(&sql, "%s%s = excluded.%s", f > 1 ? ", " : "", bench_trip_columns[f],
                         bench_trip_columns[f]);
    }
    for (size_t i = 0; i < rows->count; i += batch) {
        bench_pg_run(db, "BEGIN");
        copy_rows(db, "bench_stage", rows, i, end_of(rows, i, batch));
        bench_pg_run(db, mr_buffer_text(&sql));
        bench_pg_run(db, "COMMIT");
    }
    mr_buffer_release(&sql);
}
