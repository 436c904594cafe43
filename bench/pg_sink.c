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
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/options.h"
#include "base/task.h"
#include "codec/pgcopy.h"
#include "codec/schema.h"

extern const mr_connector mr_postgres_sink;

enum { FIELDS = 19, ROUNDS_MAX = 15, CASES_MAX = 16 };

static const char *const columns[FIELDS] = {
    "trip_id",    "rider_id",     "driver_id",    "rider_mobile", "rider_name",
    "vehicle_id", "trip_info",    "status",       "pickup_ts",    "dropoff_ts",
    "passengers", "distance",     "pickup_zone",  "dropoff_zone", "fare_amount",
    "tip_amount", "tolls_amount", "total_amount", "payment_type",
};
/* s string, i int, l long, d double */
static const char types[FIELDS + 1] = "siisssssllidssdddds";

static PGconn *db;
static size_t records = 200000, batch_size = 5000, rounds = 5;

/* --- Trips ---------------------------------------------------------------------------------------
 */

static uint64_t seed = UINT64_C(0x9E3779B97F4A7C15);

static uint64_t rng(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static mr_cell text(const char *s)
{
    return (mr_cell){.type = MR_STRING, .len = (uint32_t)strlen(s), .as.text = s};
}

static mr_cell number(mr_type type, int64_t v)
{
    return (mr_cell){.type = (uint8_t)type, .as.i = v};
}

static mr_cell real(double v)
{
    return (mr_cell){.type = MR_DOUBLE, .as.d = v};
}

static void make_trip(mr_cell *c, mr_arena *arena, size_t i)
{
    static const char *const zones[] = {"Midtown Center",
                                        "Upper East Side North",
                                        "JFK Airport",
                                        "LaGuardia Airport",
                                        "Times Sq/Theatre District",
                                        "East Village",
                                        "Lincoln Square East",
                                        "Astoria"};
    static const char *const states[] = {"Booked", "InProgress", "Completed"};
    static const char *const payments[] = {"Credit card", "Cash", "No charge", "Dispute"};
    uint64_t a = rng();
    uint64_t b = rng();
    const char *from = zones[rng() % 8];
    const char *to = zones[rng() % 8];
    double distance = (double)(rng() % 2000) / 100 + .3;
    double fare = 3 + distance * 2.5;
    int64_t pickup = 1700000000000 + (int64_t)i * 40;
    c[0] = text(mr_arena_format(arena, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32),
                                (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff),
                                (unsigned)(0x8000 | (b >> 48 & 0x3fff)),
                                (unsigned long long)(b & 0xffffffffffff)));
    c[1] = number(MR_INT, (int64_t)(rng() % 5000000));
    c[2] = number(MR_INT, (int64_t)(rng() % 300000));
    c[3] = text(mr_arena_format(arena, "+1-212-%07u", (unsigned)(rng() % 10000000)));
    c[4] = text("Barbara Liskov");
    c[5] = text(mr_arena_format(arena, "NYC-%06u", (unsigned)(rng() % 1000000)));
    c[6] = text(mr_arena_format(arena, "%s to %s", from, to));
    c[7] = text(states[rng() % 3]);
    c[8] = number(MR_LONG, pickup);
    c[9] = number(MR_LONG, pickup + (int64_t)(distance * 180000));
    c[10] = number(MR_INT, (int64_t)(1 + rng() % 5));
    c[11] = real(distance);
    c[12] = text(from);
    c[13] = text(to);
    c[14] = real(fare);
    c[15] = real(fare * .15);
    c[16] = real(.5);
    c[17] = real(fare * 1.15 + .5);
    c[18] = text(payments[rng() % 4]);
}

static mr_cell *trips; /* records * FIELDS */

/* The same rows, encoded for the loops. */
typedef struct encoded {
    mr_buffer data;
    size_t *at;
} encoded;

static encoded encode_all(void)
{
    encoded e = {.data = MR_BUFFER_INIT((size_t)1 << 36)};
    e.at = mr_calloc(records + 1, sizeof *e.at);
    for (size_t i = 0; i < records; i++) {
        e.at[i] = e.data.len;
        mr_pg_row(&e.data, FIELDS);
        for (size_t f = 0; f < FIELDS; f++) {
            const mr_cell *c = &trips[i * FIELDS + f];
            if (types[f] == 's') {
                mr_pg_bytes(&e.data, c->as.text, c->len);
            } else if (types[f] == 'i') {
                mr_pg_int32(&e.data, (int32_t)c->as.i);
            } else if (types[f] == 'l') {
                mr_pg_int64(&e.data, c->as.i);
            } else {
                mr_pg_float8(&e.data, c->as.d);
            }
        }
    }
    e.at[records] = e.data.len;
    return e;
}

/* --- The hand-written loops ----------------------------------------------------------------------
 */

static void check(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "%s: %s\n", what, PQerrorMessage(db));
        exit(1);
    }
}

static void sql(const char *statement)
{
    PGresult *r = PQexec(db, statement);
    check(PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK, statement);
    PQclear(r);
}

static void copy_rows(const char *statement, const encoded *e, size_t from, size_t to)
{
    PGresult *r = PQexec(db, statement);
    check(PQresultStatus(r) == PGRES_COPY_IN, statement);
    PQclear(r);
    check(PQputCopyData(db, mr_pg_header, sizeof mr_pg_header) == 1, "copy");
    for (size_t p = e->at[from]; p < e->at[to];) {
        size_t n = e->at[to] - p < 65536 ? e->at[to] - p : 65536;
        check(PQputCopyData(db, e->data.data + p, (int)n) == 1, "copy");
        p += n;
    }
    check(PQputCopyData(db, mr_pg_trailer, sizeof mr_pg_trailer) == 1 &&
              PQputCopyEnd(db, NULL) == 1,
          "copy");
    while ((r = PQgetResult(db))) {
        check(PQresultStatus(r) == PGRES_COMMAND_OK, "copy");
        PQclear(r);
    }
}

static size_t end_of(size_t i)
{
    return i + batch_size < records ? i + batch_size : records;
}

static void loop_copy(const encoded *e)
{
    for (size_t i = 0; i < records; i += batch_size) {
        copy_rows("COPY bench_trips FROM STDIN (FORMAT binary)", e, i, end_of(i));
    }
}

static void loop_merge(const encoded *e)
{
    mr_buffer merge = MR_BUFFER_INIT(1 << 16);
    mr_buffer_add_text(&merge, "INSERT INTO bench_trips SELECT * FROM bench_stage ON CONFLICT "
                               "(trip_id) DO UPDATE SET ");
    for (size_t f = 1; f < FIELDS; f++) {
        mr_buffer_printf(&merge, "%s%s = excluded.%s", f > 1 ? ", " : "", columns[f], columns[f]);
    }
    for (size_t i = 0; i < records; i += batch_size) {
        sql("BEGIN");
        copy_rows("COPY bench_stage FROM STDIN (FORMAT binary)", e, i, end_of(i));
        sql(mr_buffer_text(&merge));
        sql("COMMIT");
    }
    mr_buffer_release(&merge);
}

/* --- The sink
 * --------------------------------------------------------------------------------------- */

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

/* --- Measuring
 * ----------------------------------------------------------------------------------------- */

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

/* CPU of a server process on this machine, from /proc; on another machine: 0. */
static double server_seconds(int pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file) {
        return 0;
    }
    char line[1024];
    size_t len = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[len] = '\0';
    unsigned long user = 0;
    unsigned long kernel = 0;
    const char *after_name = strrchr(line, ')');
    if (!after_name || sscanf(after_name, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                              &user, &kernel) != 2) {
        return 0;
    }
    return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
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
    begin_server = server_seconds(watched);
    begin_cpu = cpu_seconds();
    begin_us = mr_clock_us();
}

static void stop_watch(const char *name)
{
    double seconds = (double)(mr_clock_us() - begin_us) / 1e6;
    double cpu = cpu_seconds() - begin_cpu;
    double server = server_seconds(watched) - begin_server;
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
    mr_buffer_add_text(&s, "DROP TABLE IF EXISTS bench_trips; CREATE TABLE bench_trips (");
    for (size_t f = 0; f < FIELDS; f++) {
        mr_buffer_printf(&s, "%s%s %s%s", f ? ", " : "", columns[f],
                         types[f] == 's'   ? "text"
                         : types[f] == 'i' ? "int"
                         : types[f] == 'l' ? "bigint"
                                           : "float8",
                         f == 0 && key ? " PRIMARY KEY" : "");
    }
    mr_buffer_add_text(&s, ")");
    sql(mr_buffer_text(&s));
    mr_buffer_release(&s);
}

static void change_trips(size_t one_in)
{
    for (size_t i = 0; i < records; i += one_in) {
        trips[i * FIELDS + 15].as.d += 1;
    }
}

static void round_of_inserts(const char *url, const encoded *e)
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

static void round_of_loops(const encoded *e)
{
    fresh_table(true);
    sql("DROP TABLE IF EXISTS pg_temp.bench_stage; CREATE TEMP TABLE bench_stage (LIKE "
        "bench_trips) "
        "ON COMMIT DELETE ROWS");
    start_watch();
    loop_merge(e);
    stop_watch("loop merge, new keys");
    start_watch();
    loop_merge(e);
    stop_watch("loop merge, same rows");
    sql("DROP TABLE pg_temp.bench_stage");
}

static void round_of_loop_updates(const encoded *changed)
{
    sql("CREATE TEMP TABLE bench_stage (LIKE bench_trips) ON COMMIT DELETE ROWS");
    start_watch();
    loop_merge(changed);
    stop_watch("loop merge, changed rows");
    sql("DELETE FROM bench_trips WHERE abs(hashtext(trip_id)) % 10 <> 0");
    sql("VACUUM bench_trips");
    start_watch();
    loop_merge(changed);
    stop_watch("loop merge, one in ten there");
    sql("DROP TABLE pg_temp.bench_stage");
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

static void round_of_upserts(const char *url, const encoded *rows)
{
    round_of_sink(url);
    round_of_loops(rows);
    change_trips(1);
    encoded changed = encode_all();
    round_of_loop_updates(&changed);
    free(changed.at);
    mr_buffer_release(&changed.data);
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
    db = PQconnectdb(argv[1]);
    check(PQstatus(db) == CONNECTION_OK, "connect");
    sql("SET client_min_messages = error");
    mr_arena *arena = mr_arena_new();
    trips = mr_calloc(records * FIELDS, sizeof *trips);
    mr_schema_builder *builder = mr_schema_builder_new("bench.Trip");
    for (size_t f = 0; f < FIELDS; f++) {
        mr_schema_builder_add(builder, columns[f],
                              types[f] == 's'   ? MR_STRING
                              : types[f] == 'i' ? MR_INT
                              : types[f] == 'l' ? MR_LONG
                                                : MR_DOUBLE,
                              f % 3 == 1, 0, 0);
    }
    mr_error err;
    must(mr_schema_builder_finish(builder, &schema, &err), &err);
    for (size_t i = 0; i < records; i++) {
        make_trip(&trips[i * FIELDS], arena, i);
    }
    encoded rows = encode_all();
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
    mr_arena_free(arena);
    free(trips);
    free(rows.at);
    mr_buffer_release(&rows.data);
    return 0;
}
