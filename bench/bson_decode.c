/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast BSON documents become cells on one core, and cells BSON, on the taxi trip as it is in a
 * collection, with libbson beside it in the same run. One JSON line per measurement. See
 * bson_decode.md.
 *
 *   bench_bson_decode [documents] [rounds]
 */
#include <bson/bson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "codec/avro.h"
#include "codec/bson.h"
#include "codec/bson_shape.h"
#include "codec/schema.h"

enum { BATCH = 500, ROUNDS_MAX = 101 }; /* documents per reset of the arena, as a source's poll */

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
    fprintf(stderr, "bench_bson_decode: %s: %s\n", what, why);
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

static void text(mr_buffer *out, const char *name, const char *value)
{
    mr_bson_add_text(out, name, value, strlen(value));
}

/* The trip of the other measurements, as an application stores it: _id and 19 fields. */
static void add_trip(mr_buffer *out, int64_t row, bool sparse)
{
    char room[96];
    double distance = (double)any(2000) / 100 + 0.301, fare = 3 + distance * 2.5;
    const char *from = zones[any(10)], *to = zones[any(10)];
    int64_t pickup = 1700000000000 + row * 40;
    size_t begun = mr_bson_begin(out);
    snprintf(room, sizeof room, "%08x-%04x-4%03x-8%03x-%06x%06x", (unsigned)any(1u << 31),
             (unsigned)any(65536), (unsigned)any(4096), (unsigned)any(4096), (unsigned)any(1 << 24),
             (unsigned)any(1 << 24));
    text(out, "_id", room);
    text(out, "trip_id", room);
    mr_bson_add_int32(out, "rider_id", (int32_t)any(5000000));
    mr_bson_add_int32(out, "driver_id", (int32_t)any(300000));
    snprintf(room, sizeof room, "+1-212-%07u", (unsigned)any(10000000));
    text(out, "rider_mobile", room);
    text(out, "rider_name", people[any(5)]);
    snprintf(room, sizeof room, "NYC-%06u", (unsigned)any(1000000));
    text(out, "vehicle_id", room);
    snprintf(room, sizeof room, "%s to %s", from, to);
    text(out, "trip_info", room);
    text(out, "status", states[any(3)]);
    mr_bson_add_int64(out, "pickup_ts", pickup);
    if (!sparse || any(2)) {
        mr_bson_add_int64(out, "dropoff_ts", pickup + (int64_t)(distance * 180000));
    }
    mr_bson_add_int32(out, "passenger_count", 1 + (int32_t)any(5));
    mr_bson_add_double(out, "trip_distance", distance);
    text(out, "pickup_zone", from);
    text(out, "dropoff_zone", to);
    mr_bson_add_double(out, "fare_amount", fare);
    if (!sparse || any(2)) {
        mr_bson_add_double(out, "tip_amount", fare * 0.2);
    }
    if (!sparse || any(2)) {
        mr_bson_add_double(out, "tolls_amount", 0.5);
    }
    mr_bson_add_double(out, "total_amount", fare * 1.2 + 0.5);
    text(out, "payment_type", payments[any(4)]);
    mr_bson_end(out, begun);
}

static mr_slice document(const input *in, size_t i)
{
    return (mr_slice){in->bytes.data + in->starts[i], in->starts[i + 1] - in->starts[i]};
}

static input make_input(size_t count, bool sparse)
{
    input in = {.count = count};
    mr_error err;
    mr_buffer_init(&in.bytes, (size_t)1 << 30);
    in.starts = mr_calloc(count + 1, sizeof *in.starts);
    mr_bson_shape_options options = {"taxi.trips", true, 1000, 20};
    mr_bson_shape *shape = mr_bson_shape_new(&options);
    for (size_t i = 0; i < count; i++) {
        in.starts[i] = in.bytes.len;
        add_trip(&in.bytes, (int64_t)i, sparse);
    }
    in.starts[count] = in.bytes.len;
    for (size_t i = 0; i < count && i < 1000; i++) {
        mr_bson_shape_learn(shape, document(&in, i));
    }
    if (mr_bson_shape_schema(shape, &in.schema, &err)) {
        die("schema", err.text);
    }
    mr_bson_shape_free(shape);
    return in;
}

static void release_input(input *in)
{
    mr_schema_release(in->schema);
    mr_buffer_release(&in->bytes);
    free(in->starts);
}

/* --- What is measured: each goes over all documents once and returns nanoseconds -------------- */

static int64_t sum; /* of a field of each document, so that nothing is optimised away */

static mr_bson_decoder *new_decoder(const mr_schema *schema)
{
    mr_bson_decoder *decoder;
    mr_error err;
    if (mr_bson_decoder_new(schema, &decoder, &err)) {
        die("decoder", err.text);
    }
    return decoder;
}

static void decode(mr_bson_decoder *decoder, mr_slice bytes, mr_arena *arena, mr_cell *cell)
{
    mr_error err;
    if (mr_bson_decode(decoder, bytes, false, arena, cell, &err) == MR_BSON_MISFIT) {
        die("decode", err.text);
    }
}

static int64_t decode_all(const input *in)
{
    mr_bson_decoder *decoder = new_decoder(in->schema);
    mr_arena *arena = mr_arena_new();
    int64_t start = cpu_ns();
    for (size_t i = 0; i < in->count; i++) {
        mr_cell cell;
        if (i % BATCH == 0) {
            mr_arena_reset(arena);
        }
        decode(decoder, document(in, i), arena, &cell);
        sum += cell.as.cells[2].as.i;
    }
    int64_t took = cpu_ns() - start;
    mr_arena_free(arena);
    mr_bson_decoder_free(decoder);
    return took;
}

/* What a snapshot does with each document: check it, make cells of it, write them as Avro. */
static int64_t check_decode_encode_all(const input *in)
{
    mr_bson_decoder *decoder = new_decoder(in->schema);
    mr_encoder *encoder;
    mr_error err;
    if (mr_encoder_new(in->schema, &encoder, &err)) {
        die("encoder", err.text);
    }
    mr_arena *arena = mr_arena_new();
    mr_buffer out = MR_BUFFER_INIT(1 << 24);
    int64_t start = cpu_ns();
    for (size_t i = 0; i < in->count; i++) {
        mr_cell cell;
        mr_slice bytes = document(in, i);
        if (i % BATCH == 0) {
            mr_arena_reset(arena);
            mr_buffer_clear(&out);
        }
        if (mr_bson_check(bytes.data, bytes.len, &err)) {
            die("check", err.text);
        }
        decode(decoder, bytes, arena, &cell);
        if (mr_encode(encoder, &cell, &out, &err)) {
            die("encode", err.text);
        }
    }
    int64_t took = cpu_ns() - start;
    mr_buffer_release(&out);
    mr_arena_free(arena);
    mr_encoder_free(encoder);
    mr_bson_decoder_free(decoder);
    return took;
}

/* All elements, each value looked at once. */
static int64_t libbson_iterate_all(const input *in)
{
    int64_t start = cpu_ns();
    for (size_t i = 0; i < in->count; i++) {
        bson_iter_t it;
        mr_slice bytes = document(in, i);
        uint32_t len;
        if (!bson_iter_init_from_data(&it, (const uint8_t *)bytes.data, bytes.len)) {
            die("libbson", "no document");
        }
        while (bson_iter_next(&it)) {
            switch (bson_iter_type(&it)) {
            case BSON_TYPE_INT32:
                sum += bson_iter_int32(&it);
                break;
            case BSON_TYPE_INT64:
                sum += bson_iter_int64(&it);
                break;
            case BSON_TYPE_DOUBLE:
                sum += bson_iter_double(&it) > 7;
                break;
            default:
                sum += *bson_iter_utf8(&it, &len);
            }
        }
    }
    return cpu_ns() - start;
}

/* Cells of a batch are made outside the time measured. */
typedef void write_batch(const void *writer, const mr_schema *schema, const mr_cell *cells,
                         size_t count, mr_buffer *out);

static int64_t write_all(const input *in, write_batch *write, const void *writer)
{
    mr_bson_decoder *decoder = new_decoder(in->schema);
    mr_arena *arena = mr_arena_new();
    mr_buffer out = MR_BUFFER_INIT(1 << 24);
    static mr_cell cells[BATCH];
    int64_t took = 0;
    for (size_t i = 0; i < in->count; i += BATCH) {
        size_t n = in->count - i < BATCH ? in->count - i : BATCH;
        mr_arena_reset(arena);
        for (size_t k = 0; k < n; k++) {
            decode(decoder, document(in, i + k), arena, &cells[k]);
        }
        mr_buffer_clear(&out);
        int64_t start = cpu_ns();
        write(writer, in->schema, cells, n, &out);
        took += cpu_ns() - start;
    }
    mr_buffer_release(&out);
    mr_arena_free(arena);
    mr_bson_decoder_free(decoder);
    return took;
}

static void write_ours(const void *writer, const mr_schema *schema, const mr_cell *cells,
                       size_t count, mr_buffer *out)
{
    mr_error err;
    (void)schema;
    for (size_t k = 0; k < count; k++) {
        if (mr_bson_encode(writer, &cells[k], out, &err)) {
            die("encode", err.text);
        }
    }
}

/* As a program would that has the names of its fields at hand. */
static void write_libbson(const void *writer, const mr_schema *schema, const mr_cell *cells,
                          size_t count, mr_buffer *out)
{
    const int *lengths = writer;
    for (size_t k = 0; k < count; k++) {
        bson_t b = BSON_INITIALIZER;
        for (size_t i = 0; i < schema->field_count; i++) {
            const mr_cell *cell = &cells[k].as.cells[i];
            const char *name = schema->fields[i].name;
            switch (cell->type) {
            case MR_INT:
                bson_append_int32(&b, name, lengths[i], (int32_t)cell->as.i);
                break;
            case MR_LONG:
                bson_append_int64(&b, name, lengths[i], cell->as.i);
                break;
            case MR_DOUBLE:
                bson_append_double(&b, name, lengths[i], cell->as.d);
                break;
            default:
                bson_append_utf8(&b, name, lengths[i], cell->as.text, (int)cell->len);
            }
        }
        mr_buffer_add(out, bson_get_data(&b), b.len);
        bson_destroy(&b);
    }
}

static int64_t encode_all(const input *in)
{
    mr_bson_encoder *encoder = mr_bson_encoder_new(in->schema);
    int64_t took = write_all(in, write_ours, encoder);
    mr_bson_encoder_free(encoder);
    return took;
}

static int64_t libbson_append_all(const input *in)
{
    int lengths[64];
    for (size_t i = 0; i < in->schema->field_count; i++) {
        lengths[i] = (int)strlen(in->schema->fields[i].name);
    }
    return write_all(in, write_libbson, lengths);
}

/* --- Reporting -------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Millions of documents per second of CPU in the median round. */
static double report(const char *what, const input *in, int64_t *took, int rounds)
{
    qsort(took, (size_t)rounds, sizeof *took, by_value);
    double median = 1e3 * (double)in->count / (double)took[rounds / 2];
    printf("{\"bench\":\"bson_decode\",\"what\":\"%s\",\"documents\":%zu,"
           "\"bytes_per_document\":%.1f,\"rounds\":%d,\"M_documents_per_s\":%.2f,\"best\":%.2f,"
           "\"worst\":%.2f,\"ns_per_document\":%.1f}\n",
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
        die("usage", "bench_bson_decode [documents] [rounds <= 101]");
    }
    input trips = make_input(count, false), sparse = make_input(count, true);
    static int64_t took[6][ROUNDS_MAX];
    for (int r = 0; r < rounds; r++) { /* all of them in turn, so that a slow moment hits all */
        took[0][r] = decode_all(&trips);
        took[1][r] = libbson_iterate_all(&trips);
        took[2][r] = decode_all(&sparse);
        took[3][r] = check_decode_encode_all(&trips);
        took[4][r] = encode_all(&trips);
        took[5][r] = libbson_append_all(&trips);
    }
    double decode_rate = report("decode", &trips, took[0], rounds);
    double iterate_rate = report("libbson, iterate over all values", &trips, took[1], rounds);
    report("decode, 3 fields missing in half of the documents", &sparse, took[2], rounds);
    report("check, decode and encode as Avro", &trips, took[3], rounds);
    double encode_rate = report("encode as BSON", &trips, took[4], rounds);
    double append_rate = report("libbson, append all values", &trips, took[5], rounds);
    printf("{\"bench\":\"bson_decode\",\"what\":\"ratio\",\"decode_to_libbson\":%.2f,"
           "\"encode_to_libbson\":%.2f,\"checksum\":%lld}\n",
           decode_rate / iterate_rate, encode_rate / append_rate, (long long)sum);
    release_input(&trips);
    release_input(&sparse);
    return 0;
}
