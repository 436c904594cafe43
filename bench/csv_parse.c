/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast the file source reads CSV on one core, without Kafka: parse (fields found), type (fields
 * found and turned into cells), and source (open() to MR_END of the connector, positions included).
 * The input is the data lines of a sample file, repeated to a given size. One JSON line per
 * measurement. See csv_parse.md.
 *
 *   bench_csv_parse SAMPLE.csv [MiB] [rounds]
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/options.h"
#include "base/task.h"
#include "codec/schema.h"
#include "sources/file/infer.h"
#include "sources/file/plan.h"
#include "sources/file/reader.h"

extern const mr_connector mr_file_source;

static const file_format format = {.delimiter = ',', .line_max_bytes = 16 << 20};

static void die(const char *what)
{
    fprintf(stderr, "bench_csv_parse: %s\n", what);
    exit(1);
}

/* Writes the header once and the lines again and again. */
static int64_t write_input(const char *sample, const char *path, int64_t bytes)
{
    FILE *in = fopen(sample, "rb"), *out = fopen(path, "wb");
    char *text = mr_alloc(64 << 20);
    size_t len = in ? fread(text, 1, 64 << 20, in) : 0;
    char *lines = len ? memchr(text, '\n', len) : NULL;
    if (!lines || !out || text[len - 1] != '\n') {
        die("cannot read the sample (it must end in a newline), or write the input");
    }
    lines++;
    size_t header = (size_t)(lines - text);
    int64_t written = (int64_t)fwrite(text, 1, header, out);
    while (written < bytes) {
        written += (int64_t)fwrite(lines, 1, len - header, out);
    }
    if (fclose(out) != 0) {
        die("cannot write the input");
    }
    fclose(in);
    free(text);
    return written;
}

static int open_input(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        die("cannot open the input");
    }
    return fd;
}

/* Parse, or with a plan parse and type. Returns records. */
static int64_t run_reader(const char *path, const mr_schema *schema)
{
    mr_error err;
    file_reader reader;
    file_event event;
    file_item item;
    file_header header;
    file_plan plan;
    int64_t records = 0;
    mr_arena *arena = mr_arena_new();
    file_reader_init(&reader, &format);
    file_reader_start(&reader, open_input(path));
    reader.complete = true;
    if (file_reader_header(&reader, &event, &item, &err) != MR_OK || event != FILE_RECORD ||
        file_header_init(&header, &reader.csv, &err) != MR_OK ||
        file_plan_init(&plan, &header, schema, &(file_texts){0}, &err) != MR_OK) {
        die("the sample has no header");
    }
    while (!reader.at_end || reader.start < reader.end) {
        event = file_reader_next(&reader, &item);
        if (event == FILE_DRY) {
            mr_arena_reset(arena);
            if (file_reader_fill(&reader, &err) != MR_OK) {
                die(err.text);
            }
            continue;
        }
        mr_cell cell;
        if (event != FILE_RECORD ||
            (schema && file_plan_fill(&plan, &reader.csv, item.input, arena, &cell, &err))) {
            die("a bad line in the sample");
        }
        records++;
    }
    file_plan_release(&plan);
    file_reader_release(&reader);
    mr_arena_free(arena);
    return records;
}

/* The whole connector, as the runtime drives it. */
static int64_t run_source(const char *path)
{
    mr_error err;
    int64_t records = 0;
    void *state = mr_calloc(1, mr_file_source.state_size);
    mr_task task = {.name = "bench.file", .count = 1, .once = true, .self = state};
    mr_positions *none = mr_positions_new();
    task.arena = mr_arena_new();
    task.changed = mr_positions_new();
    mr_options_defaults(mr_file_source.options, state);
    mr_status status =
        mr_option_set(mr_option_find(mr_file_source.options, "path"), state, path, &err);
    if (status != MR_OK || mr_file_source.source->open(&task, none, &err) != MR_OK) {
        die(err.text);
    }
    do {
        mr_arena_reset(task.arena);
        mr_task_clear_rejects(&task);
        mr_batch batch = {.arena = task.arena};
        status = mr_file_source.source->poll(&task, &batch, 0, &err);
        records += (int64_t)batch.count;
        mr_positions_clear(task.changed);
    } while (status == MR_OK);
    if (status != MR_END) {
        die(err.text);
    }
    mr_file_source.source->close(&task);
    mr_options_release(mr_file_source.options, state);
    mr_task_release(&task);
    mr_positions_free(task.changed);
    mr_positions_free(none);
    mr_arena_free(task.arena);
    free(state);
    return records;
}

typedef struct moment {
    int64_t wall_us, cpu_us;
} moment;

static int64_t us_of(struct timeval t)
{
    return (int64_t)t.tv_sec * 1000000 + t.tv_usec;
}

static moment now(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (moment){mr_clock_us(), us_of(usage.ru_utime) + us_of(usage.ru_stime)};
}

static void report(const char *what, int64_t records, int64_t bytes, moment since)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    moment end = now();
    int64_t us = end.wall_us - since.wall_us, cpu_us = end.cpu_us - since.cpu_us;
    printf("{\"bench\":\"csv_parse\",\"case\":\"%s\",\"records\":%lld,\"bytes\":%lld,"
           "\"seconds\":%.3f,\"cpu_seconds\":%.3f,\"records_per_s\":%.0f,"
           "\"records_per_cpu_s\":%.0f,\"mb_per_cpu_s\":%.1f,\"peak_rss_kib\":%ld}\n",
           what, (long long)records, (long long)bytes, (double)us / 1e6, (double)cpu_us / 1e6,
           (double)records * 1e6 / (double)us, (double)records * 1e6 / (double)cpu_us,
           (double)bytes / (double)cpu_us, usage.ru_maxrss);
    fflush(stdout);
}

static const mr_schema *infer(const char *path)
{
    mr_error err;
    char *json;
    const mr_schema *schema = NULL;
    file_sample sample = {.record_name = "Trip", .bytes = 4 << 20};
    if (file_infer(open_input(path), &format, &sample, &json, &err) != MR_OK || !json ||
        mr_schema_parse(json, strlen(json), &schema, &err) != MR_OK) {
        die(err.text);
    }
    free(json);
    return schema;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        die("usage: bench_csv_parse SAMPLE.csv [MiB] [rounds]");
    }
    int64_t mib = argc > 2 ? strtol(argv[2], NULL, 10) : 256;
    long rounds = argc > 3 ? strtol(argv[3], NULL, 10) : 3;
    char path[] = "/tmp/mr-bench-XXXXXX.csv";
    close(mkstemps(path, 4));
    int64_t bytes = write_input(argv[1], path, mib << 20);
    const mr_schema *schema = infer(path);
    mr_log_setup(MR_LOG_WARN, MR_LOG_TEXT);
    for (long i = 0; i < rounds; i++) {
        moment start = now();
        report("parse", run_reader(path, NULL), bytes, start);
        start = now();
        report("type", run_reader(path, schema), bytes, start);
        start = now();
        report("source", run_source(path), bytes, start);
    }
    mr_schema_release(schema);
    unlink(path);
    return 0;
}
