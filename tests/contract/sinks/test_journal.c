/* SPDX-License-Identifier: Apache-2.0 */
/* The sink of docs/writing-a-sink.md, extracted from that page by the build, compiled and run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/connector.h"
#include "base/arena.h"
#include "base/options.h"
#include "base/task.h"

extern const mr_connector mr_journal_sink;

typedef struct fixture {
    char folder[64];
    mr_task task;
    mr_cell texts[4], values[4];
    mr_record records[4];
    mr_batch batch;
    mr_offset stored;
    mr_offsets offsets;
} fixture;

static void open_task(fixture *f)
{
    mr_error err;
    f->task.self = calloc(1, mr_journal_sink.state_size);
    f->task.arena = mr_arena_new();
    f->task.count = 1;
    mr_options_defaults(mr_journal_sink.options, f->task.self);
    const mr_option *folder = mr_option_find(mr_journal_sink.options, "folder");
    assert_int_equal(mr_option_set(folder, f->task.self, f->folder, &err), MR_OK);
    assert_int_equal(mr_journal_sink.sink->open(&f->task, &err), MR_OK);
    f->stored = (mr_offset){"words", 0, -1};
    f->offsets = (mr_offsets){&f->stored, 1};
    assert_int_equal(mr_journal_sink.sink->recover(&f->task, &f->offsets, &err), MR_OK);
}

/* As a crash does: nothing is told to the sink. */
static void lose_task(fixture *f)
{
    mr_journal_sink.sink->close(&f->task);
    mr_options_release(mr_journal_sink.options, f->task.self);
    free(f->task.self);
    mr_arena_free(f->task.arena);
    mr_task_release(&f->task);
    f->task = (mr_task){0};
}

static int setup(void **state)
{
    static const char *const words[] = {"one", "two", "three", "four"};
    fixture *f = calloc(1, sizeof *f);
    strcpy(f->folder, "/tmp/journal-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    for (size_t i = 0; i < 4; i++) {
        f->texts[i] =
            (mr_cell){.type = MR_STRING, .len = (uint32_t)strlen(words[i]), .as.text = words[i]};
        f->values[i] = (mr_cell){.type = MR_RECORD, .len = 1, .as.cells = &f->texts[i]};
        f->records[i] =
            (mr_record){.value = &f->values[i], .offset = (int64_t)i, .origin = (uint32_t)i};
    }
    f->batch = (mr_batch){.topic = "words", .records = f->records, .count = 4};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
    int rc = system(command);
    free(f);
    return rc;
}

static mr_status write_epoch(fixture *f, int64_t upto, mr_error *err)
{
    mr_offset next = {"words", 0, upto};
    mr_status status = mr_journal_sink.sink->begin(&f->task, err);
    if (status == MR_OK) {
        status = mr_journal_sink.sink->write(&f->task, &f->batch, err);
    }
    if (status == MR_OK) {
        status = mr_journal_sink.sink->commit(&f->task, &(mr_offsets){&next, 1}, err);
    }
    return status;
}

static void read_file(const fixture *f, const char *name, char *out, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", f->folder, name);
    FILE *file = fopen(path, "r");
    size_t len = file ? fread(out, 1, size - 1, file) : 0;
    out[len] = '\0';
    if (file) {
        fclose(file);
    }
}

static void an_epoch_and_its_offsets_are_stored_together(void **state)
{
    fixture *f = *state;
    mr_error err;
    char text[256];
    open_task(f);
    assert_int_equal(f->stored.next, -1);
    assert_int_equal(write_epoch(f, 4, &err), MR_OK);
    read_file(f, "00000001.txt", text, sizeof text);
    assert_string_equal(text, "#words 0 4\none\ntwo\nthree\nfour\n");
    lose_task(f);
    open_task(f);
    assert_int_equal(f->stored.next, 4);
    lose_task(f);
}

static void an_aborted_epoch_leaves_nothing(void **state)
{
    fixture *f = *state;
    mr_error err;
    open_task(f);
    assert_int_equal(mr_journal_sink.sink->begin(&f->task, &err), MR_OK);
    assert_int_equal(mr_journal_sink.sink->write(&f->task, &f->batch, &err), MR_OK);
    lose_task(f);
    open_task(f);
    assert_int_equal(f->stored.next, -1);
    lose_task(f);
}

static void a_bad_record_is_rejected_alone(void **state)
{
    fixture *f = *state;
    mr_error err;
    open_task(f);
    f->texts[2].type = MR_LONG;
    assert_int_equal(write_epoch(f, 4, &err), MR_REJECT);
    assert_int_equal(f->task.rejected_count, 1);
    assert_int_equal(f->task.rejected[0].origin, 2);
    mr_journal_sink.sink->abort(&f->task);
    lose_task(f);
}

static void a_stale_owner_can_not_commit(void **state)
{
    fixture *f = *state;
    fixture other = *f;
    mr_error err;
    other.batch.records = f->records;
    open_task(f);
    open_task(&other);
    other.task.index = 1;
    assert_int_equal(write_epoch(&other, 4, &err), MR_OK);
    assert_int_equal(write_epoch(f, 2, &err), MR_REOPEN);
    assert_non_null(strstr(err.text, "another task"));
    mr_journal_sink.sink->abort(&f->task);
    lose_task(f);
    lose_task(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_epoch_and_its_offsets_are_stored_together, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_aborted_epoch_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bad_record_is_rejected_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stale_owner_can_not_commit, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
