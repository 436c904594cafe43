/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives the file source without the runtime: opens it over a folder of its own, polls it to the
 * end, keeps its positions as the runtime would, and writes what came out as text: one line per
 * record, "line: cell|cell|...", null as ~; one line per reject, "! where [field] reason".
 */
#ifndef MR_TESTS_FILE_DRIVE_H
#define MR_TESTS_FILE_DRIVE_H

#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/options.h"
#include "base/task.h"
#include "codec/schema.h"

extern const mr_connector mr_file_source;

typedef struct drive {
    char folder[64];
    mr_task task;
    mr_positions *stored; /* durable positions; survives a restart */
    mr_buffer out;
    size_t records, rejects, polls;
    bool open;
} drive;

static inline char *drive_path(drive *d, const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", d->folder, name);
    return path;
}

static inline void drive_init(drive *d)
{
    *d = (drive){.folder = "/tmp/mr-file-XXXXXX"};
    assert_non_null(mkdtemp(d->folder));
    d->stored = mr_positions_new();
    mr_buffer_init(&d->out, 256 << 20);
}

static inline void drive_write_bytes(drive *d, const char *name, const char *text, size_t len,
                                     const char *mode)
{
    FILE *f = fopen(drive_path(d, name), mode);
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    fclose(f);
}

static inline void drive_write(drive *d, const char *name, const char *text)
{
    drive_write_bytes(d, name, text, strlen(text), "wb");
}

static inline void drive_append(drive *d, const char *name, const char *text)
{
    drive_write_bytes(d, name, text, strlen(text), "ab");
}

/* options: "name=value" texts, NULL at the end; path defaults to the folder. */
static inline mr_status drive_open_task(drive *d, bool once, const char *const *options, int index,
                                        int count, mr_error *err)
{
    const mr_option *table = mr_file_source.options;
    void *state = mr_calloc(1, mr_file_source.state_size);
    d->task =
        (mr_task){.name = "test.file", .index = index, .count = count, .once = once, .self = state};
    d->task.arena = mr_arena_new();
    d->task.changed = mr_positions_new();
    mr_options_defaults(table, state);
    assert_int_equal(mr_option_set(mr_option_find(table, "path"), state, d->folder, err), MR_OK);
    for (; options && *options; options++) {
        char name[64];
        size_t len = strcspn(*options, "=");
        snprintf(name, sizeof name, "%.*s", (int)len, *options);
        const mr_option *option = mr_option_find(table, name);
        assert_non_null(option);
        mr_status status = mr_option_set(option, state, *options + len + 1, err);
        assert_int_equal(status, MR_OK);
    }
    d->open = true;
    mr_status status = mr_file_source.check(state, NULL, 0, err);
    return status == MR_OK ? mr_file_source.source->open(&d->task, d->stored, err) : status;
}

static inline mr_status drive_open(drive *d, bool once, const char *const *options, mr_error *err)
{
    return drive_open_task(d, once, options, 0, 1, err);
}

static inline void drive_close(drive *d)
{
    if (!d->open) {
        return;
    }
    mr_file_source.source->close(&d->task);
    mr_options_release(mr_file_source.options, d->task.self);
    free(d->task.self);
    mr_task_release(&d->task);
    mr_positions_free(d->task.changed);
    mr_arena_free(d->task.arena);
    d->open = false;
}

static inline void drive_release(drive *d)
{
    char command[128];
    drive_close(d);
    mr_positions_free(d->stored);
    mr_buffer_release(&d->out);
    snprintf(command, sizeof command, "rm -rf '%s'", d->folder);
    assert_int_equal(system(command), 0);
}

static inline void drive_print_cell(mr_buffer *out, const mr_cell *c)
{
    switch (c->type) {
    case MR_NULL:
        mr_buffer_add_char(out, '~');
        break;
    case MR_FLOAT:
    case MR_DOUBLE:
        mr_buffer_printf(out, "%.17g", c->as.d);
        break;
    case MR_STRING:
    case MR_UUID:
    case MR_ENUM:
        mr_buffer_add(out, c->as.text, c->len);
        break;
    case MR_BYTES:
    case MR_FIXED:
    case MR_DECIMAL:
    case MR_DURATION:
        for (uint32_t i = 0; i < c->len; i++) {
            mr_buffer_printf(out, "%02x", (unsigned char)c->as.text[i]);
        }
        break;
    case MR_RECORD:
    case MR_ARRAY:
    case MR_MAP:
        mr_buffer_add_char(out, '[');
        for (uint32_t i = 0; i < c->len * (c->type == MR_MAP ? 2 : 1); i++) {
            mr_buffer_add_text(out, i ? "," : "");
            drive_print_cell(out, &c->as.cells[i]);
        }
        mr_buffer_add_char(out, ']');
        break;
    default:
        mr_buffer_printf(out, "%" PRId64, c->as.i);
    }
}

static inline void drive_print(drive *d, const mr_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const mr_cell *value = batch->records[i].value;
        mr_buffer_printf(&d->out, "%" PRId64 ": ", batch->records[i].offset);
        for (uint32_t c = 0; c < value->len; c++) {
            if (c) {
                mr_buffer_add_char(&d->out, '|');
            }
            drive_print_cell(&d->out, &value->as.cells[c]);
        }
        mr_buffer_add_char(&d->out, '\n');
    }
    for (size_t i = 0; i < d->task.input_count; i++) {
        const mr_rejected_input *r = &d->task.inputs[i];
        mr_buffer_printf(&d->out, "! %s [%s] %s\n", r->where, r->why.field, r->why.text);
    }
    d->records += batch->count;
    d->rejects += d->task.input_count;
}

/* One poll, as the runtime does it; positions become durable. */
static inline mr_status drive_poll(drive *d, mr_error *err)
{
    mr_arena_reset(d->task.arena);
    mr_task_clear_rejects(&d->task);
    mr_batch batch = {.arena = d->task.arena};
    mr_status status = mr_file_source.source->poll(&d->task, &batch, mr_clock_us() + 20000, err);
    if (status == MR_OK) {
        drive_print(d, &batch);
    }
    const char *name, *value;
    size_t cursor = 0;
    while (mr_positions_next_change(d->task.changed, &cursor, &name, &value)) {
        mr_positions_set(d->stored, name, value);
    }
    mr_positions_clear(d->task.changed);
    if (status == MR_OK || status == MR_IDLE || status == MR_END) {
        mr_file_source.source->acked(&d->task);
    }
    d->polls++;
    return status;
}

/* Polls until there is no more: MR_END with once, else MR_IDLE. */
static inline mr_status drive_drain(drive *d, mr_error *err)
{
    mr_status status;
    do {
        status = drive_poll(d, err);
    } while (status == MR_OK);
    return status;
}

/* Opens, drains with --once, closes; what came out is in d->out. */
static inline void drive_once(drive *d, const char *const *options)
{
    mr_error err = {0};
    mr_status status;
    mr_buffer_clear(&d->out);
    d->records = d->rejects = 0;
    status = drive_open(d, true, options, &err);
    for (int idle = 0; status == MR_OK || (status == MR_IDLE && idle < 2); idle++) {
        status = drive_drain(d, &err); /* idle: the positions are to become durable first */
    }
    if (status != MR_END) {
        fail_msg("%s", err.text);
    }
    drive_close(d);
}

static inline int drive_setup(void **arg)
{
    drive *d = mr_calloc(1, sizeof *d);
    drive_init(d);
    mr_log_setup(MR_LOG_ERROR, MR_LOG_TEXT);
    *arg = d;
    return 0;
}

static inline int drive_teardown(void **arg)
{
    drive_release(*arg);
    free(*arg);
    return 0;
}

/* A test with a drive of its own. */
#define drive_test(f)         cmocka_unit_test_setup_teardown(f, drive_setup, drive_teardown)
#define drive_expect(d, want) assert_string_equal(mr_buffer_text(&(d)->out), want)
#define OPTIONS(...)          ((const char *const[]){__VA_ARGS__, NULL})

#endif
