/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trips as files.
 *
 *   bench_trips csv N[MB]     CSV with a header: N trips, or as many as fill N megabytes
 *   bench_trips schema        their Avro schema
 *   bench_trips table NAME [pk]   CREATE TABLE for them, with the primary key or without
 *   bench_trips count N       how many trips are in N megabytes of CSV
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "codec/schema.h"
#include "common/trip.h"

static void add_row(mr_buffer *out, const mr_cell *cells)
{
    for (size_t f = 0; f < BENCH_TRIP_FIELDS; f++) {
        if (f) {
            mr_buffer_add_char(out, ',');
        }
        if (bench_trip_types[f] == 's') {
            mr_buffer_add(out, cells[f].as.text, cells[f].len);
        } else if (bench_trip_types[f] == 'd') {
            mr_buffer_printf(out, "%.2f", cells[f].as.d);
        } else {
            mr_buffer_printf(out, "%" PRId64, cells[f].as.i);
        }
    }
    mr_buffer_add_char(out, '\n');
}

static void add_header(mr_buffer *out)
{
    for (size_t f = 0; f < BENCH_TRIP_FIELDS; f++) {
        mr_buffer_printf(out, "%s%s", f ? "," : "", bench_trip_columns[f]);
    }
    mr_buffer_add_char(out, '\n');
}

/* Until there are `count` of them or `bytes`, whichever is not 0; returns how many. */
static size_t write_csv(size_t count, size_t bytes, FILE *to)
{
    mr_buffer out = MR_BUFFER_INIT(1 << 20);
    mr_arena *arena = mr_arena_new();
    bench_trips trips = BENCH_TRIPS_INIT;
    add_header(&out);
    size_t written = 0;
    size_t rows = 0;
    while (count ? rows < count : written + out.len < bytes) {
        mr_cell cells[BENCH_TRIP_FIELDS];
        mr_arena_reset(arena);
        bench_trip_make(&trips, cells, arena);
        add_row(&out, cells);
        rows++;
        if (out.len > 1 << 16) {
            written += out.len;
            if (to && fwrite(out.data, 1, out.len, to) != out.len) {
                perror("bench_trips");
                exit(1);
            }
            mr_buffer_clear(&out);
        }
    }
    if (to && (fwrite(out.data, 1, out.len, to) != out.len || fflush(to) != 0)) {
        perror("bench_trips");
        exit(1);
    }
    mr_arena_free(arena);
    mr_buffer_release(&out);
    return rows;
}

static int usage(void)
{
    fprintf(stderr, "bench_trips csv N[MB] | count N | schema | table NAME [pk]\n");
    return 2;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "schema") == 0) {
        const mr_schema *schema = bench_trip_schema();
        printf("%s\n", mr_schema_json(schema));
        mr_schema_release(schema);
        return 0;
    }
    if (argc < 3) {
        return usage();
    }
    if (strcmp(argv[1], "table") == 0) {
        mr_buffer sql = MR_BUFFER_INIT(1 << 16);
        bench_trip_table_sql(&sql, argv[2], argc > 3);
        printf("%s\n", mr_buffer_text(&sql));
        mr_buffer_release(&sql);
        return 0;
    }
    size_t n = strtoul(argv[2], NULL, 10);
    if (strcmp(argv[1], "count") == 0) {
        printf("%zu\n", write_csv(0, n * 1000000, NULL));
    } else if (strcmp(argv[1], "csv") == 0) {
        bool megabytes = strstr(argv[2], "MB") != NULL;
        write_csv(megabytes ? 0 : n, megabytes ? n * 1000000 : 0, stdout);
    } else {
        return usage();
    }
    return 0;
}
