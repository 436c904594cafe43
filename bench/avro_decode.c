/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast Avro data become cells on one core, on the 19-field taxi trip, with avro-c's generic
 * value reader beside it in the same run. One JSON line per measurement. See avro_decode.md.
 *
 *   bench_avro_decode [records] [rounds]
 */
#include <avro.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "codec/avro.h"
#include "codec/schema.h"

enum { BATCH = 500, ROUNDS_MAX = 101 }; /* records per reset of the arena, as a sink's batch */

static const struct {
    const char *name, *type;
} fields[] = {
    {"trip_id", "string"},      {"rider_id", "int"},        {"driver_id", "int"},
    {"rider_mobile", "string"}, {"rider_name", "string"},   {"vehicle_id", "string"},
    {"trip_info", "string"},    {"status", "string"},       {"pickup_ts", "long"},
    {"dropoff_ts", "long"},     {"passenger_count", "int"}, {"trip_distance", "double"},
    {"pickup_zone", "string"},  {"dropoff_zone", "string"}, {"fare_amount", "double"},
    {"tip_amount", "double"},   {"tolls_amount", "double"}, {"total_amount", "double"},
    {"payment_type", "string"},
};
enum { FIELDS = sizeof fields / sizeof *fields };

static const char *const zones[] = {
    "Midtown Center",      "Upper East Side North",        "JFK Airport",
    "LaGuardia Airport",   "Times Sq/Theatre District",    "East Village",
    "Lincoln Square East", "Penn Station/Madison Sq West", "Astoria",
    "Park Slope"};
static const char *const people[] = {"Ada Lovelace", "Grace Hopper", "Alan Turing",
                                     "Barbara Liskov", "Radia Perlman"};
static const char *const states[] = {"Booked", "Accepted", "Completed"};
static const char *const payments[] = {"Credit card", "Cash", "No charge", "Dispute"};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench_avro_decode: %s: %s\n", what, why);
    exit(1);
}

/* CPU time of this thread: other work on the machine does not count. */
static int64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static uint64_t seed = 88172645463325252u;
static uint64_t any(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % below;
}

/* --- Input ------------------------------------------------------------------------------------ */

typedef struct input {
    const mr_schema *schema;
    mr_buffer bytes;
    size_t *starts; /* count + 1 */
    size_t count;
} input;

static const mr_schema *trip_schema(bool nullable, bool evolved)
{
    char json[4096];
    size_t len =
        (size_t)snprintf(json, sizeof json, "{\"type\":\"record\",\"name\":\"Trip\",\"fields\":[");
    for (size_t i = 0; i < FIELDS; i++) {
        if (evolved && i % 5 == 4) {
            continue; /* the reader has dropped it */
        }
        len += (size_t)snprintf(json + len, sizeof json - len,
                                nullable ? "%s{\"name\":\"%s\",\"type\":[\"null\",\"%s\"]}"
                                         : "%s{\"name\":\"%s\",\"type\":\"%s\"}",
                                i ? "," : "", fields[i].name, fields[i].type);
    }
    snprintf(json + len, sizeof json - len, "%s]}",
             evolved ? ",{\"name\":\"channel\",\"type\":\"string\",\"default\":\"app\"}" : "");
    const mr_schema *schema;
    mr_error err;
    if (mr_schema_parse(json, strlen(json), &schema, &err)) {
        die("schema", err.text);
    }
    return schema;
}

static mr_cell text(mr_arena *arena, const char *s)
{
    size_t len = strlen(s);
    return (mr_cell){
        .type = MR_STRING, .len = (uint32_t)len, .as.text = mr_arena_copy(arena, s, len)};
}

/* The same shapes and ranges as the trips that the other measurements use. */
static void fill_trip(mr_arena *arena, mr_cell *c, int64_t row)
{
    double distance = (double)any(2000) / 100 + 0.301, fare = 3 + distance * 2.5;
    const char *from = zones[any(10)], *to = zones[any(10)];
    int64_t pickup = 1700000000000 + row * 40;
    c[0] = text(arena,
                mr_arena_format(arena, "%08x-%04x-4%03x-8%03x-%06x%06x", (unsigned)any(1u << 31),
                                (unsigned)any(65536), (unsigned)any(4096), (unsigned)any(4096),
                                (unsigned)any(1 << 24), (unsigned)any(1 << 24)));
    c[1] = (mr_cell){.type = MR_INT, .as.i = (int64_t)any(5000000)};
    c[2] = (mr_cell){.type = MR_INT, .as.i = (int64_t)any(300000)};
    c[3] = text(arena, mr_arena_format(arena, "+1-212-%07u", (unsigned)any(10000000)));
    c[4] = text(arena, people[any(5)]);
    c[5] = text(arena, mr_arena_format(arena, "NYC-%06u", (unsigned)any(1000000)));
    c[6] = text(arena, mr_arena_format(arena, "%s to %s", from, to));
    c[7] = text(arena, states[any(3)]);
    c[8] = (mr_cell){.type = MR_LONG, .as.i = pickup};
    c[9] = (mr_cell){.type = MR_LONG, .as.i = pickup + (int64_t)(distance * 180000)};
    c[10] = (mr_cell){.type = MR_INT, .as.i = 1 + (int64_t)any(5)};
    c[11] = (mr_cell){.type = MR_DOUBLE, .as.d = distance};
    c[12] = text(arena, from);
    c[13] = text(arena, to);
    c[14] = (mr_cell){.type = MR_DOUBLE, .as.d = fare};
    c[15] = (mr_cell){.type = MR_DOUBLE, .as.d = fare * 0.2};
    c[16] = (mr_cell){.type = MR_DOUBLE, .as.d = 0.5};
    c[17] = (mr_cell){.type = MR_DOUBLE, .as.d = fare * 1.2 + 0.5};
    c[18] = text(arena, payments[any(4)]);
}

static input make_input(size_t count, bool nullable)
{
    input in = {.schema = trip_schema(nullable, false), .count = count};
    mr_encoder *encoder;
    mr_error err;
    mr_buffer_init(&in.bytes, (size_t)1 << 30);
    in.starts = mr_calloc(count + 1, sizeof *in.starts);
    mr_arena *arena = mr_arena_new();
    if (mr_encoder_new(in.schema, &encoder, &err)) {
        die("encoder", err.text);
    }
    for (size_t i = 0; i < count; i++) {
        mr_cell cells[FIELDS], trip = {.type = MR_RECORD, .len = FIELDS, .as.cells = cells};
        fill_trip(arena, cells, (int64_t)i);
        in.starts[i] = in.bytes.len;
        if (mr_encode(encoder, &trip, &in.bytes, &err)) {
            die("encode", err.text);
        }
        mr_arena_reset(arena);
    }
    in.starts[count] = in.bytes.len;
    mr_encoder_free(encoder);
    mr_arena_free(arena);
    return in;
}

static void release_input(input *in)
{
    mr_schema_release(in->schema);
    mr_buffer_release(&in->bytes);
    free(in->starts);
}

/* --- What is measured: each goes over all records once and returns nanoseconds ---------------- */

static int64_t sum; /* of a field of each record, so that nothing is optimised away */

static int64_t decode_all(const input *in, const mr_schema *reader)
{
    mr_decoder *decoder;
    mr_error err;
    if (mr_decoder_new(in->schema, reader, &decoder, &err)) {
        die("decoder", err.text);
    }
    mr_arena *arena = mr_arena_new();
    int64_t start = cpu_ns();
    for (size_t i = 0; i < in->count; i++) {
        mr_cell cell;
        if (i % BATCH == 0) {
            mr_arena_reset(arena);
        }
        if (mr_decode(decoder, in->bytes.data + in->starts[i], in->starts[i + 1] - in->starts[i],
                      arena, &cell, &err)) {
            die("decode", err.text);
        }
        sum += cell.as.cells[1].as.i;
    }
    int64_t took = cpu_ns() - start;
    mr_arena_free(arena);
    mr_decoder_free(decoder);
    return took;
}

static int64_t encode_all(const input *in)
{
    mr_decoder *decoder;
    mr_encoder *encoder;
    mr_error err;
    if (mr_decoder_new(in->schema, in->schema, &decoder, &err) ||
        mr_encoder_new(in->schema, &encoder, &err)) {
        die("plan", err.text);
    }
    mr_arena *arena = mr_arena_new();
    mr_buffer out = MR_BUFFER_INIT(1 << 20);
    static mr_cell cells[BATCH];
    int64_t took = 0;
    for (size_t i = 0; i < in->count; i += BATCH) {
        size_t n = in->count - i < BATCH ? in->count - i : BATCH;
        mr_arena_reset(arena);
        for (size_t k = 0; k < n; k++) {
            size_t at = in->starts[i + k];
            if (mr_decode(decoder, in->bytes.data + at, in->starts[i + k + 1] - at, arena,
                          &cells[k], &err)) {
                die("decode", err.text);
            }
        }
        mr_buffer_clear(&out);
        int64_t start = cpu_ns();
        for (size_t k = 0; k < n; k++) {
            if (mr_encode(encoder, &cells[k], &out, &err)) {
                die("encode", err.text);
            }
        }
        took += cpu_ns() - start;
    }
    mr_buffer_release(&out);
    mr_arena_free(arena);
    mr_decoder_free(decoder);
    mr_encoder_free(encoder);
    return took;
}

static int64_t avro_c_all(const input *in)
{
    avro_schema_t schema;
    const char *json = mr_schema_json(in->schema);
    if (avro_schema_from_json_length(json, strlen(json), &schema)) {
        die("avro-c", avro_strerror());
    }
    avro_value_iface_t *iface = avro_generic_class_from_schema(schema);
    avro_value_t value, rider;
    avro_generic_value_new(iface, &value);
    avro_reader_t reader = avro_reader_memory(in->bytes.data, (int64_t)in->bytes.len);
    int64_t start = cpu_ns();
    for (size_t i = 0; i < in->count; i++) {
        int32_t id = 0;
        size_t at = in->starts[i];
        avro_reader_memory_set_source(reader, in->bytes.data + at,
                                      (int64_t)(in->starts[i + 1] - at));
        avro_value_reset(&value);
        if (avro_value_read(reader, &value)) {
            die("avro-c", avro_strerror());
        }
        avro_value_get_by_index(&value, 1, &rider, NULL);
        avro_value_get_int(&rider, &id);
        sum += id;
    }
    int64_t took = cpu_ns() - start;
    avro_reader_free(reader);
    avro_value_decref(&value);
    avro_value_iface_decref(iface);
    avro_schema_decref(schema);
    return took;
}

/* --- Reporting -------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Millions of records per second of CPU in the median round. */
static double report(const char *what, const input *in, int64_t *took, int rounds)
{
    qsort(took, (size_t)rounds, sizeof *took, by_value);
    double median = 1e3 * (double)in->count / (double)took[rounds / 2];
    printf("{\"bench\":\"avro_decode\",\"what\":\"%s\",\"records\":%zu,\"bytes_per_record\":%.1f,"
           "\"rounds\":%d,\"M_records_per_s\":%.2f,\"best\":%.2f,\"worst\":%.2f,"
           "\"ns_per_record\":%.1f}\n",
           what, in->count, (double)in->bytes.len / (double)in->count, rounds, median,
           1e3 * (double)in->count / (double)took[0],
           1e3 * (double)in->count / (double)took[rounds - 1],
           (double)took[rounds / 2] / (double)in->count);
    return median;
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 200000;
    int rounds = argc > 2 ? atoi(argv[2]) : 7;
    if (count < 1 || rounds < 1 || rounds > ROUNDS_MAX) {
        die("usage", "bench_avro_decode [records] [rounds <= 101]");
    }
    input plain = make_input(count, false), nullable = make_input(count, true);
    const mr_schema *evolved = trip_schema(false, true);
    static int64_t took[5][ROUNDS_MAX];
    for (int r = 0; r < rounds; r++) { /* all of them in turn, so that a slow moment hits all */
        took[0][r] = decode_all(&plain, plain.schema);
        took[1][r] = avro_c_all(&plain);
        took[2][r] = decode_all(&nullable, nullable.schema);
        took[3][r] = decode_all(&plain, evolved);
        took[4][r] = encode_all(&plain);
    }
    double ours = report("decode", &plain, took[0], rounds);
    double theirs = report("avro-c generic reader", &plain, took[1], rounds);
    report("decode, all fields nullable", &nullable, took[2], rounds);
    report("decode, resolved: 3 fields dropped, 1 default", &plain, took[3], rounds);
    report("encode", &plain, took[4], rounds);
    printf("{\"bench\":\"avro_decode\",\"what\":\"ratio\",\"to_avro_c\":%.1f,\"checksum\":%lld}\n",
           ours / theirs, (long long)sum);
    mr_schema_release(evolved);
    release_input(&plain);
    release_input(&nullable);
    return 0;
}
