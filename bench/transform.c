/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many records a second a query takes, on one core: batches of 10,000 trips of 19 fields in
 * memory, decoded already, as the runtime hands them over. Prints one line per query.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "codec/schema.h"
#include "transform/transform.h"

enum { RECORDS = 10000, FIELDS = 19, SECONDS = 1 };

#define F(name, type) "{\"name\":\"" name "\",\"type\":[\"null\"," type "]},"
#define TS            "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}"

static const char trip_schema[] = "{\"type\":\"record\",\"name\":\"bench.Trip\",\"fields\":[" F(
    "trip_id", "\"string\"") F("pickup", TS) F("dropoff", TS) F("passengers", "\"long\"")
    F("distance", "\"double\"") F("rate_code", "\"long\"") F("fare", "\"double\"")
        F("extra", "\"double\"") F("mta_tax", "\"double\"") F("tip", "\"double\"")
            F("tolls", "\"double\"") F("surcharge", "\"double\"") F("total", "\"double\"") F(
                "color", "\"string\"") F("payment", "\"string\"") F("pickup_zone", "\"string\"")
                F("dropoff_zone", "\"string\"") F(
                    "pickup_borough",
                    "\"string\"") "{\"name\":\"dropoff_borough\",\"type\":[\"null\",\"string\"]}]}";

static const struct {
    const char *name, *query;
} queries[] = {
    {"all columns", "SELECT * FROM record"},
    {"filter, 10 plain columns", "SELECT trip_id, pickup, dropoff, distance, fare, tip, total, "
                                 "payment, pickup_zone, dropoff_zone"
                                 " FROM record WHERE total > 50"},
    {"filter, 4 expressions",
     "SELECT trip_id, fare / nullif(distance, 0) AS per_distance, (dropoff - pickup) / 60e6 AS "
     "minutes, fare + tip AS paid, passengers * 2 AS doubled FROM record WHERE total > 0"},
    {"duration class",
     "SELECT trip_id, pickup, dropoff, minutes_between(pickup, dropoff) AS duration_minutes, CASE "
     "WHEN minutes_between(pickup, dropoff) < 10 THEN 'short' WHEN minutes_between(pickup, dropoff)"
     " < 30 THEN 'medium' ELSE 'long' END AS duration_class FROM record"},
    {"all columns and a uuid5", "SELECT *, uuid5('url', trip_id) AS id FROM record"},
};

static mr_cell number(mr_type type, int64_t i)
{
    return (mr_cell){.type = (uint8_t)type, .branch = 1, .as.i = i};
}

static mr_cell real(double d)
{
    return (mr_cell){.type = MR_DOUBLE, .branch = 1, .as.d = d};
}

static mr_cell text(mr_arena *arena, const char *s)
{
    size_t len = strlen(s);
    return (mr_cell){.type = MR_STRING,
                     .branch = 1,
                     .len = (uint32_t)len,
                     .as.text = mr_arena_copy(arena, s, len)};
}

static void fill(mr_record *records, mr_arena *arena)
{
    static const char *const zones[] = {"Lenox Hill West", "UN/Turtle Bay South", "JFK Airport"};
    for (int i = 0; i < RECORDS; i++) {
        int64_t start = INT64_C(1553372469000000) + i * INT64_C(1000000);
        double distance = (i % 100) / 10.0;
        char id[40];
        snprintf(id, sizeof id, "%08x-0000-5000-8000-%012x", (unsigned)(i * 2654435761U), i);
        mr_cell cells[FIELDS] = {
            text(arena, id),
            number(MR_TIMESTAMP_US, start),
            number(MR_TIMESTAMP_US, start + (i % 3000) * INT64_C(1000000)),
            number(MR_LONG, i % 5),
            real(distance),
            number(MR_LONG, 1),
            real(2.5 + distance * 2.5),
            real(0.5),
            real(0.5),
            real(2.15),
            real(0),
            real(0.3),
            real(i % 120),
            text(arena, "yellow"),
            text(arena, "credit card"),
            text(arena, zones[i % 3]),
            text(arena, zones[(i + 1) % 3]),
            text(arena, "Manhattan"),
            text(arena, "Manhattan"),
        };
        mr_cell *value = mr_arena_alloc(arena, sizeof *value);
        *value = (mr_cell){.type = MR_RECORD,
                           .len = FIELDS,
                           .as.cells = mr_arena_copy(arena, cells, sizeof cells)};
        records[i] = (mr_record){.value = value, .offset = i, .origin = (uint32_t)i};
    }
}

static void fail(const mr_error *err)
{
    fprintf(stderr, "bench: %s\n", err->text);
    exit(1);
}

/* Processor time of this process: what a core would take, whatever else runs on the machine. */
static int64_t cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static void measure(const char *name, const char *query, const mr_batch *batch)
{
    mr_error err;
    mr_transform *transform;
    if (mr_transform_new(query, "bench.Row", &transform, &err) != MR_OK) {
        fail(&err);
    }
    mr_arena *arena = mr_arena_new();
    mr_transform_result result = {.failure_count = 0};
    int64_t start = 0, elapsed = 0, rounds = 0;
    for (int64_t round = -1; elapsed < SECONDS * INT64_C(1000000); round++) {
        if (round == 0) { /* the round before has prepared the query */
            start = cpu_us();
        }
        mr_arena_reset(arena);
        if (mr_transform_run(transform, batch, arena, &result, &err) != MR_OK) {
            fail(&err);
        }
        if (round >= 0) {
            elapsed = cpu_us() - start;
            rounds = round + 1;
        }
    }
    printf("%-28s %6.2f M records/s/core in, %6zu of %d rows out\n", name,
           (double)(rounds * RECORDS) / (double)elapsed, result.batch.count, RECORDS);
    mr_arena_free(arena);
    mr_transform_free(transform);
}

int main(void)
{
    mr_error err;
    const mr_schema *schema;
    if (mr_schema_parse(trip_schema, strlen(trip_schema), &schema, &err) != MR_OK) {
        fail(&err);
    }
    mr_arena *arena = mr_arena_new();
    mr_record *records = mr_arena_calloc(arena, RECORDS, sizeof *records);
    fill(records, arena);
    mr_batch batch = {.topic = "trips", .schema = schema, .records = records, .count = RECORDS};
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        measure(queries[i].name, queries[i].query, &batch);
    }
    mr_arena_free(arena);
    mr_schema_release(schema);
    return 0;
}
