/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The postgres sink beside hand-written libpq loops, in one run on one server: trips of 19 columns
 * with a random text uuid as primary key, decoded cells in memory on our side, rows already encoded
 * on the loops' side (they do no work but to send). See pg_sink.md.
 *
 *   bench_pg_sink URL [records] [batch] [rounds] [insert|upsert]
 *
 * Prints one JSON line for each measurement, and the ratios of the medians at the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/options.h"
#include "base/task.h"
#include "codec/schema.h"
#include "common/machine.h"
#include "common/pg.h"

extern const mr_connector mr_postgres_sink;

enum { FIELDS = BENCH_TRIP_FIELDS, ROUNDS_MAX = 15, CASES_MAX = 16 };

static PGconn *db;
static size_t records = 200000, batch_size = 5000, rounds = 5;

static mr_cell *trips; /* records * FIELDS */
static mr_arena *texts;

static void make_trips(void)
{
    bench_trips generator = BENCH_TRIPS_INIT;
    texts = mr_arena_new();
    trips = mr_calloc(records * FIELDS, sizeof *trips);
    for (size_t i = 0; i < records; i++) {
        bench_trip_make(&generator, &trips[i * FIELDS], texts);
    }
}

/* The same rows, encoded for the loops. */
static bench_rows encode_all(void)
{
    bench_rows rows;
    bench_rows_init(&rows, records);
    for (size_t i = 0; i < records; i++) {
        bench_rows_add(&rows, &trips[i * FIELDS]);
    }
    return rows;
}

static void sql(const char *statement)
{
    bench_pg_run(db, statement);
}

static size_t end_of(size_t i)
{
    return i + batch_size < records ? i + batch_size : records;
}

static void loop_copy(const bench_rows *rows)
{
    bench_pg_copy(db, "bench_trips", rows, batch_size);
}

static void loop_merge(const bench_rows *rows)
{
    bench_pg_merge(db, "bench_trips", rows, batch_size);
}

/* --- The sink --- */

static mr_task task = {.name = "bench", .count = 1};
static mr_route route = {.name = "trips", .count = 1};
static const mr_schema *schema;

static void set(const mr_option *table, void *state, const char *name, const char *value)
{
    mr_error err;
    if (mr_option_set(mr_option_find(table, name), state, value, &err) != MR_OK) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
}

static void must(mr_status status, const mr_error *err)
{
    if (status != MR_OK) {
        fprintf(stderr, "%s: %s\n", mr_status_name(status), err->text);
        exit(1);
    }
}

static void sink_start(const char *url, bool upsert)
{
    mr_error err;
    task.self = mr_calloc(1, mr_postgres_sink.state_size);
    task.arena = mr_arena_new();
    route.options = mr_calloc(1, mr_postgres_sink.route_size);
    task.routes = &route;
    task.route_count = 1;
    mr_options_defaults(mr_postgres_sink.options, task.self);
    mr_options_defaults(mr_postgres_sink.route_options, route.options);
    set(mr_postgres_sink.options, task.self, "connection.url", url);
    set(mr_postgres_sink.options, task.self, "offsets.schema", "millrace_bench");
    set(mr_postgres_sink.route_options, route.options, "table", "bench_trips");
    if (upsert) {
        set(mr_postgres_sink.route_options, route.options, "key.fields", "trip_id");
    }
    must(mr_postgres_sink.sink->open(&task, &err), &err);
}

static void sink_end(void)
{
    mr_postgres_sink.sink->close(&task);
    mr_options_release(mr_postgres_sink.options, task.self);
    mr_options_release(mr_postgres_sink.route_options, route.options);
    free(task.self);
    free(route.options);
    mr_arena_free(task.arena);
    mr_task_release(&task);
}

/* Batches of at most 500 records, as a consumer hands them over. */
static void sink_epoch(size_t from, size_t to)
{
    enum { BATCH = 500 };
    mr_error err;
    must(mr_postgres_sink.sink->begin(&task, &err), &err);
    for (size_t i = from; i < to; i += BATCH) {
        size_t count = to - i < BATCH ? to - i : BATCH;
        mr_batch *batch = mr_arena_calloc(task.arena, 1, sizeof *batch);
        *batch = (mr_batch){.topic = "bench",
                            .schema = schema,
                            .route = &route,
                            .count = count,
                            .arena = task.arena};
        batch->records = mr_arena_calloc(task.arena, count, sizeof *batch->records);
        mr_cell *values = mr_arena_calloc(task.arena, count, sizeof *values);
        for (size_t k = 0; k < count; k++) {
            values[k] =
                (mr_cell){.type = MR_RECORD, .len = FIELDS, .as.cells = &trips[(i + k) * FIELDS]};
            batch->records[k].value = &values[k];
            batch->records[k].offset = (int64_t)(i + k);
        }
        must(mr_postgres_sink.sink->write(&task, batch, &err), &err);
    }
    mr_offset offset = {.topic = "bench", .partition = 0, .next = (int64_t)to};
    must(mr_postgres_sink.sink->commit(&task, &(mr_offsets){&offset, 1}, &err), &err);
    mr_arena_reset(task.arena);
}

static void sink_all(void)
{
    mr_error err;
    sql("DELETE FROM millrace_bench.offsets");
    mr_offset offset = {.topic = "bench"};
    must(mr_postgres_sink.sink->recover(&task, &(mr_offsets){&offset, 1}, &err), &err);
    for (size_t i = 0; i < records; i += batch_size) {
        sink_epoch(i, end_of(i));
    }
}

/* --- Measuring --- */

typedef struct measure {
    const char *name;
    double rate[ROUNDS_MAX], server[ROUNDS_MAX];
    size_t count;
} measure;
static measure measures[CASES_MAX];

static measure *find(const char *name)
{
    measure *m = measures;
    while (m->name && strcmp(m->name, name) != 0) {
        m++;
    }
    return m;
}

static double cpu_seconds(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
           (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

/* The backend that does the work: the sink's, while it is open; else the loops'. */
static int backend(void)
{
    PGresult *r = PQexec(db, "SELECT pid FROM pg_stat_activity WHERE application_name = "
                             "'millrace bench[0]' AND datname = current_database()");
    int pid = PQntuples(r) ? atoi(PQgetvalue(r, 0, 0)) : PQbackendPID(db);
    PQclear(r);
    return pid;
}

static int64_t begin_us;
static double begin_cpu, begin_server;
static int watched;

static void start_watch(void)
{
    sql("CHECKPOINT");
    watched = backend();
    begin_server = bench_process_seconds(watched);
    begin_cpu = cpu_seconds();
    begin_us = mr_clock_us();
}

static void stop_watch(const char *name)
{
    double seconds = (double)(mr_clock_us() - begin_us) / 1e6;
    double cpu = cpu_seconds() - begin_cpu;
    double server = bench_process_seconds(watched) - begin_server;
    measure *m = find(name);
    m->name = name;
    m->rate[m->count++] = (double)records / seconds;
    m->server[m->count - 1] = server;
    printf("{\"case\": \"%s\", \"records\": %zu, \"batch\": %zu, \"seconds\": %.3f, "
           "\"records_per_s\": %.0f, \"client_cpu_s\": %.3f, \"server_cpu_s\": %.2f}\n",
           name, records, batch_size, seconds, (double)records / seconds, cpu, server);
    fflush(stdout);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare_doubles);
    return values[count / 2];
}

static void print_ratio(const char *ours, const char *theirs)
{
    measure *a = find(ours);
    measure *b = find(theirs);
    if (!a->count) {
        return;
    }
    double x = median(a->rate, a->count);
    double y = median(b->rate, b->count);
    double p = median(a->server, a->count);
    double q = median(b->server, b->count);
    printf("{\"ratio\": \"%s / %s\", \"batch\": %zu, \"speed\": %.2f, \"ours\": %.0f, \"theirs\": "
           "%.0f, \"server_cpu\": %.2f}\n",
           ours, theirs, batch_size, x / y, x, y, q > 0 ? p / q : 0);
}

static void fresh_table(bool key)
{
    mr_buffer s = MR_BUFFER_INIT(1 << 16);
    mr_buffer_add_text(&s, "DROP TABLE IF EXISTS bench_trips; ");
    bench_trip_table_sql(&s, "bench_trips", key);
    sql(mr_buffer_text(&s));
    mr_buffer_release(&s);
}

static void change_trips(size_t one_in)
{
    for (size_t i = 0; i < records; i += one_in) {
        trips[i * FIELDS + 15].as.d += 1;
    }
}

static void round_of_inserts(const char *url, const bench_rows *e)
{
    fresh_table(true);
    sink_start(url, false);
    start_watch();
    sink_all();
    stop_watch("sink insert");
    sink_end();
    fresh_table(true);
    start_watch();
    loop_copy(e);
    stop_watch("loop copy");
}

static void round_of_loops(const bench_rows *e)
{
    fresh_table(true);
    start_watch();
    loop_merge(e);
    stop_watch("loop merge, new keys");
    start_watch();
    loop_merge(e);
    stop_watch("loop merge, same rows");
}

static void round_of_loop_updates(const bench_rows *changed)
{
    start_watch();
    loop_merge(changed);
    stop_watch("loop merge, changed rows");
    sql("DELETE FROM bench_trips WHERE abs(hashtext(trip_id)) % 10 <> 0");
    sql("VACUUM bench_trips");
    start_watch();
    loop_merge(changed);
    stop_watch("loop merge, one in ten there");
}

static void round_of_sink(const char *url)
{
    fresh_table(true);
    sink_start(url, true);
    start_watch();
    sink_all();
    stop_watch("sink upsert, new keys");
    start_watch();
    sink_all();
    stop_watch("sink upsert, same rows");
    change_trips(1);
    start_watch();
    sink_all();
    stop_watch("sink upsert, changed rows");
    sql("DELETE FROM bench_trips WHERE abs(hashtext(trip_id)) % 10 <> 0");
    sql("VACUUM bench_trips");
    change_trips(1);
    start_watch();
    sink_all();
    stop_watch("sink upsert, one in ten there");
    sink_end();
}

static void round_of_upserts(const char *url, const bench_rows *rows)
{
    round_of_sink(url);
    round_of_loops(rows);
    change_trips(1);
    bench_rows changed = encode_all();
    round_of_loop_updates(&changed);
    bench_rows_release(&changed);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "bench_pg_sink URL [records] [batch] [rounds] [insert|upsert]\n");
        return 2;
    }
    records = argc > 2 ? strtoul(argv[2], NULL, 10) : records;
    batch_size = argc > 3 ? strtoul(argv[3], NULL, 10) : batch_size;
    rounds = argc > 4 ? strtoul(argv[4], NULL, 10) : rounds;
    rounds = rounds < ROUNDS_MAX ? rounds : ROUNDS_MAX;
    mr_log_setup(MR_LOG_ERROR, MR_LOG_TEXT);
    db = bench_pg_connect(argv[1]);
    schema = bench_trip_schema();
    make_trips();
    bench_rows rows = encode_all();
    const char *only = argc > 5 ? argv[5] : "";
    for (size_t round = 0; round < rounds; round++) {
        if (strcmp(only, "upsert") != 0) {
            round_of_inserts(argv[1], &rows);
        }
        if (strcmp(only, "insert") != 0) {
            round_of_upserts(argv[1], &rows);
        }
    }
    print_ratio("sink insert", "loop copy");
    print_ratio("sink upsert, new keys", "loop merge, new keys");
    print_ratio("sink upsert, same rows", "loop merge, same rows");
    print_ratio("sink upsert, changed rows", "loop merge, changed rows");
    print_ratio("sink upsert, one in ten there", "loop merge, one in ten there");
    sql("DROP TABLE IF EXISTS bench_trips; DROP SCHEMA IF EXISTS millrace_bench CASCADE");
    PQfinish(db);
    mr_schema_release(schema);
    mr_arena_free(texts);
    free(trips);
    bench_rows_release(&rows);
    return 0;
}
