/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a line's end being written into a CSV file to its row being visible in PostgreSQL, at a
 * steady low rate; both ends are this program's, on one clock:
 *
 *   bench_latency ROUND URL TABLE FILE RATE SECONDS
 *
 * The pipeline runs already, the file has the header "seq,note". TABLE (seq bigint) is asked in a
 * loop, with a pause of half a millisecond. Prints one JSON line with the distribution.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "common/machine.h"

enum { LIMIT_US = 30000000 };

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static void write_line(int file, size_t seq)
{
    char line[100];
    int len = snprintf(line, sizeof line, "%zu,a record of a few bytes\n", seq);
    if (write(file, line, (size_t)len) != len) {
        fail("write", "the file can not be written");
    }
}

/* Rows from `seen` on that are visible now get their time. */
static size_t look(PGconn *db, const char *sql, size_t seen, const int64_t *sent, int64_t *took)
{
    char from[24];
    snprintf(from, sizeof from, "%zu", seen);
    const char *values[] = {from};
    PGresult *r = PQexecParams(db, sql, 1, NULL, values, NULL, NULL, 0);
    if (PQresultStatus(r) != PGRES_TUPLES_OK) {
        fail(sql, PQerrorMessage(db));
    }
    int64_t now = mr_clock_us();
    int rows = PQntuples(r);
    for (int i = 0; i < rows; i++) {
        size_t seq = strtoul(PQgetvalue(r, i, 0), NULL, 10);
        took[seq] = now - sent[seq];
    }
    PQclear(r);
    return seen + (size_t)rows;
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fprintf(stderr, "bench_latency ROUND URL TABLE FILE RATE SECONDS\n");
        return 2;
    }
    size_t rate = strtoul(argv[5], NULL, 10);
    size_t count = rate * strtoul(argv[6], NULL, 10);
    int file = open(argv[4], O_WRONLY | O_APPEND);
    PGconn *db = PQconnectdb(argv[2]);
    if (file < 0 || PQstatus(db) != CONNECTION_OK || count == 0) {
        fail(argv[4], file < 0 ? "can not be opened" : PQerrorMessage(db));
    }
    char sql[300];
    snprintf(sql, sizeof sql, "SELECT seq FROM %s WHERE seq >= $1 ORDER BY seq", argv[3]);
    int64_t *sent = mr_calloc(count, sizeof *sent);
    int64_t *took = mr_calloc(count, sizeof *took);
    double load = bench_load();
    double spin = bench_spin_ms();
    int64_t begin = mr_clock_us();
    size_t written = 0;
    size_t seen = 0;
    while (seen < count) {
        int64_t now = mr_clock_us();
        while (written < count && now >= begin + (int64_t)(written * 1000000 / rate)) {
            sent[written] = mr_clock_us();
            write_line(file, written++);
        }
        seen = look(db, sql, seen, sent, took);
        if (now > begin + (int64_t)(count * 1000000 / rate) + LIMIT_US) {
            fail(argv[3], "not all rows came");
        }
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    }
    qsort(took, count, sizeof *took, compare);
    printf("{\"case\":\"latency\",\"who\":\"ours\",\"round\":%s,\"rate\":%zu,\"records\":%zu,"
           "\"min_ms\":%.1f,\"median_ms\":%.1f,\"p90_ms\":%.1f,\"p99_ms\":%.1f,\"max_ms\":%.1f,"
           "\"spin_ms\":%.0f,\"load\":%.2f}\n",
           argv[1], rate, count, (double)took[0] / 1e3, (double)took[count / 2] / 1e3,
           (double)took[count * 9 / 10] / 1e3, (double)took[count * 99 / 100] / 1e3,
           (double)took[count - 1] / 1e3, spin, load);
    PQfinish(db);
    free(sent);
    free(took);
    return 0;
}
