/* SPDX-License-Identifier: Apache-2.0 */
/* Made with a xorshift generator, so that a million of them take a fraction of a second. */
#include "common/trip.h"

#include <stdlib.h>
#include <string.h>

#include "codec/bson.h"
#include "codec/pgcopy.h"
#include "codec/schema.h"

const char *const bench_trip_columns[BENCH_TRIP_FIELDS] = {
    "trip_id",    "rider_id",     "driver_id",    "rider_mobile", "rider_name",
    "vehicle_id", "trip_info",    "status",       "pickup_ts",    "dropoff_ts",
    "passengers", "distance",     "pickup_zone",  "dropoff_zone", "fare_amount",
    "tip_amount", "tolls_amount", "total_amount", "payment_type",
};
const char bench_trip_types[BENCH_TRIP_FIELDS + 1] = "siisssssllidssdddds";

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
static const char *const names[] = {"Ada Lovelace", "Barbara Liskov", "Edsger Dijkstra",
                                    "Grace Hopper", "Tony Hoare",     "Radia Perlman",
                                    "Alan Turing",  "Frances Allen"};

static uint64_t draw(bench_trips *t)
{
    t->seed ^= t->seed << 13;
    t->seed ^= t->seed >> 7;
    t->seed ^= t->seed << 17;
    return t->seed;
}

static mr_cell text(const char *s)
{
    return (mr_cell){.type = MR_STRING, .len = (uint32_t)strlen(s), .as.text = s};
}

static mr_cell number(mr_type type, uint64_t v)
{
    return (mr_cell){.type = (uint8_t)type, .as.i = (int64_t)v};
}

static mr_cell cents(uint64_t v)
{
    return (mr_cell){.type = MR_DOUBLE, .as.d = (double)v / 100};
}

void bench_trip_make(bench_trips *t, mr_cell c[BENCH_TRIP_FIELDS], mr_arena *arena)
{
    uint64_t a = draw(t);
    uint64_t b = draw(t);
    const char *from = zones[draw(t) % 8];
    const char *to = zones[draw(t) % 8];
    uint64_t distance = 30 + draw(t) % 2000;
    uint64_t fare = 300 + distance * 5 / 2;
    uint64_t tip = fare * (draw(t) % 30) / 100;
    uint64_t pickup = UINT64_C(1700000000000) + t->next++ * 40;
    c[0] = text(mr_arena_format(arena, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32),
                                (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff),
                                (unsigned)(0x8000 | (b >> 48 & 0x3fff)),
                                (unsigned long long)(b & 0xffffffffffff)));
    c[1] = number(MR_INT, draw(t) % 5000000);
    c[2] = number(MR_INT, draw(t) % 300000);
    c[3] = text(mr_arena_format(arena, "+1-212-%07u", (unsigned)(draw(t) % 10000000)));
    c[4] = text(names[draw(t) % 8]);
    c[5] = text(mr_arena_format(arena, "NYC-%06u", (unsigned)(draw(t) % 1000000)));
    c[6] = text(mr_arena_format(arena, "%s to %s", from, to));
    c[7] = text(states[draw(t) % 3]);
    c[8] = number(MR_LONG, pickup);
    c[9] = number(MR_LONG, pickup + distance * 1800);
    c[10] = number(MR_INT, 1 + draw(t) % 5);
    c[11] = cents(distance);
    c[12] = text(from);
    c[13] = text(to);
    c[14] = cents(fare);
    c[15] = cents(tip);
    c[16] = cents(50);
    c[17] = cents(fare + tip + 50);
    c[18] = text(payments[draw(t) % 4]);
}

void bench_trip_copy_row(mr_buffer *out, const mr_cell c[BENCH_TRIP_FIELDS])
{
    mr_pg_row(out, BENCH_TRIP_FIELDS);
    for (size_t f = 0; f < BENCH_TRIP_FIELDS; f++) {
        switch (bench_trip_types[f]) {
        case 's':
            mr_pg_bytes(out, c[f].as.text, c[f].len);
            break;
        case 'i':
            mr_pg_int32(out, (int32_t)c[f].as.i);
            break;
        case 'l':
            mr_pg_int64(out, c[f].as.i);
            break;
        default:
            mr_pg_float8(out, c[f].as.d);
            break;
        }
    }
}

void bench_trip_document(mr_buffer *out, const mr_cell c[BENCH_TRIP_FIELDS])
{
    size_t begun = mr_bson_begin(out);
    mr_bson_add_text(out, "_id", c[0].as.text, c[0].len);
    for (size_t f = 0; f < BENCH_TRIP_FIELDS; f++) {
        const char *name = bench_trip_columns[f];
        switch (bench_trip_types[f]) {
        case 's':
            mr_bson_add_text(out, name, c[f].as.text, c[f].len);
            break;
        case 'i':
            mr_bson_add_int32(out, name, (int32_t)c[f].as.i);
            break;
        case 'l':
            mr_bson_add_int64(out, name, c[f].as.i);
            break;
        default:
            mr_bson_add_double(out, name, c[f].as.d);
            break;
        }
    }
    mr_bson_end(out, begun);
}

static mr_type type_of(char letter)
{
    return letter == 's' ? MR_STRING : letter == 'i' ? MR_INT : letter == 'l' ? MR_LONG : MR_DOUBLE;
}

const mr_schema *bench_trip_schema(void)
{
    mr_schema_builder *builder = mr_schema_builder_new("bench.Trip");
    for (size_t f = 0; f < BENCH_TRIP_FIELDS; f++) {
        mr_schema_builder_add(builder, bench_trip_columns[f], type_of(bench_trip_types[f]), false,
                              0, 0);
    }
    const mr_schema *schema = NULL;
    mr_error err;
    if (mr_schema_builder_finish(builder, &schema, &err) != MR_OK) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return schema;
}

void bench_trip_table_sql(mr_buffer *out, const char *name, bool primary_key)
{
    mr_buffer_printf(out, "CREATE TABLE %s (", name);
    for (size_t f = 0; f < BENCH_TRIP_FIELDS; f++) {
        char type = bench_trip_types[f];
        mr_buffer_printf(out, "%s%s %s%s", f ? ", " : "", bench_trip_columns[f],
                         type == 's'   ? "text"
                         : type == 'i' ? "int"
                         : type == 'l' ? "bigint"
                                       : "float8",
                         f == 0 && primary_key ? " PRIMARY KEY" : "");
    }
    mr_buffer_add_text(out, ")");
}
