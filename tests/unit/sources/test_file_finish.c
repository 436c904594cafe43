/* SPDX-License-Identifier: Apache-2.0 */
/* Finished files, folders below folders, what is left out. */
#include "unit/sources/file_drive.h"

static bool there(drive *d, const char *name)
{
    return access(drive_path(d, name), F_OK) == 0;
}

static void folder(drive *d, const char *name)
{
    assert_int_equal(mkdir(drive_path(d, name), 0777), 0);
}

static const char *done_in(drive *d)
{
    static char text[200];
    snprintf(text, sizeof text, "finished.folder=%s", drive_path(d, "done"));
    return text;
}

static bool remembered(drive *d, const char *name)
{
    return mr_positions_get(d->stored, name) != NULL;
}

static void below(void **arg)
{
    (void)arg;
    drive d;
    drive_init(&d);
    folder(&d, "x");
    folder(&d, "x/y");
    folder(&d, ".hidden");
    folder(&d, "old");
    assert_int_equal(symlink(d.folder, drive_path(&d, "x/loop")), 0);
    drive_write(&d, "a.csv", "a\n1\n");
    drive_write(&d, "x/y/b.csv", "a\n2\n");
    drive_write(&d, "x/y/b.tmp.csv", "a\n3\n");
    drive_write(&d, "old/c.csv", "a\n4\n");
    drive_write(&d, ".hidden/d.csv", "a\n5\n");
    drive_once(&d, OPTIONS("recursive=true", "exclude=*.tmp.csv,old"));
    drive_expect(&d, "2: 1\n2: 2\n");
    assert_true(remembered(&d, "file:x/y/b.csv"));
    drive_once(&d, OPTIONS("recursive=true", "exclude=x/*"));
    drive_expect(&d, "2: 4\n");
    drive_once(&d, OPTIONS("pattern=*.csv"));
    drive_expect(&d, "");
    drive_release(&d);
}

static void moved(void **arg)
{
    (void)arg;
    drive d;
    drive_init(&d);
    folder(&d, "x");
    drive_write(&d, "x/a.csv", "a\n1\n");
    drive_write(&d, "b.csv", "\n");
    drive_write(&d, "c.csv", "a,a\n1,2\n");
    const char *const options[] = {"finished=move", done_in(&d), "recursive=true", NULL};
    drive_once(&d, options);
    assert_true(there(&d, "done/x/a.csv") && !there(&d, "x/a.csv"));
    assert_true(there(&d, "c.csv")); /* refused: it can be put right */
    assert_false(remembered(&d, "file:x/a.csv"));
    drive_write(&d, "x/a.csv", "a\n1\n");
    drive_once(&d, options); /* the same again is a new one; what was moved is not read */
    drive_expect(&d, "2: 1\n");
    assert_true(there(&d, "done/x/a.csv") && there(&d, "done/x/a.csv.1"));
    drive_once(&d, options);
    drive_expect(&d, "");
    drive_release(&d);
}

/* Killed after each poll in turn, and started again: each line once, and the file goes at last. */
static void killed_between(void **arg)
{
    (void)arg;
    for (int polls = 0; polls < 6; polls++) {
        for (int delete = 0; delete < 2; delete ++) {
            drive d;
            mr_error err = {0};
            drive_init(&d);
            drive_write(&d, "a.csv", "a\n1\n");
            const char *const options[] = {delete ? "finished=delete" : "finished=move",
                                           delete ? "pattern=*.csv" : done_in(&d), NULL};
            assert_int_equal(drive_open(&d, true, options, &err), MR_OK);
            for (int i = 0; i < polls; i++) {
                drive_poll(&d, &err);
            }
            size_t before = d.records;
            drive_close(&d);
            drive_once(&d, options);
            assert_int_equal(before + d.records, 1);
            assert_false(there(&d, "a.csv"));
            assert_int_equal(there(&d, "done/a.csv"), !delete);
            assert_false(remembered(&d, "file:a.csv"));
            drive_release(&d);
        }
    }
}

/* The transaction in which the position was to be taken out is lost: the file is gone already. */
static void lost_after_the_move(void **arg)
{
    (void)arg;
    drive d;
    mr_error err = {0};
    drive_init(&d);
    drive_write(&d, "a.csv", "a\n1\n");
    char path[200];
    snprintf(path, sizeof path, "path=%s", drive_path(&d, "a.csv"));
    drive_once(&d, NULL);
    drive_expect(&d, "2: 1\n");
    assert_int_equal(unlink(drive_path(&d, "a.csv")), 0);
    drive_once(&d,
               OPTIONS("finished=delete", path)); /* one file: no complaint that it is missing */
    drive_expect(&d, "");
    assert_false(remembered(&d, "file:a.csv"));
    assert_int_equal(drive_open(&d, true, OPTIONS("finished=delete", path), &err), MR_FATAL);
    drive_release(&d);
}

/* Positions that are not durable keep the file. */
static void not_before_it_is_durable(void **arg)
{
    (void)arg;
    drive d;
    mr_error err = {0};
    drive_init(&d);
    drive_write(&d, "a.csv", "a\n1\n");
    assert_int_equal(drive_open(&d, true, OPTIONS("finished=delete"), &err), MR_OK);
    mr_status status = MR_OK;
    for (int i = 0; i < 10; i++) {
        mr_batch batch = {.arena = d.task.arena};
        status = mr_file_source.source->poll(&d.task, &batch, mr_clock_us(), &err);
        assert_int_not_equal(status, MR_END);
        assert_true(there(&d, "a.csv"));
    }
    assert_int_equal(status, MR_IDLE);
    mr_file_source.source->acked(&d.task);
    mr_batch batch = {.arena = d.task.arena};
    assert_int_equal(mr_file_source.source->poll(&d.task, &batch, mr_clock_us(), &err), MR_OK);
    assert_false(there(&d, "a.csv"));
    drive_release(&d);
}

/* Without --once a file that grows is not finished. */
static void grows(void **arg)
{
    (void)arg;
    drive d;
    mr_error err = {0};
    drive_init(&d);
    drive_write(&d, "a.csv", "a\n1\n");
    const char *const options[] = {"finished=delete", "complete.after.ms=100ms",
                                   "scan.interval.ms=10ms", NULL};
    assert_int_equal(drive_open(&d, false, options, &err), MR_OK);
    assert_int_equal(drive_drain(&d, &err), MR_IDLE);
    assert_true(there(&d, "a.csv"));
    drive_append(&d, "a.csv", "2\n");
    while (d.records < 2) {
        drive_drain(&d, &err);
    }
    assert_true(there(&d, "a.csv"));
    while (there(&d, "a.csv")) {
        drive_drain(&d, &err);
    }
    drive_expect(&d, "2: 1\n3: 2\n");
    drive_release(&d);
}

static void refused(void **arg)
{
    (void)arg;
    drive d;
    mr_error err = {0};
    drive_init(&d);
    assert_int_equal(drive_open(&d, true, OPTIONS("finished=move"), &err), MR_FATAL);
    assert_non_null(strstr(err.text, "give the folder to move to"));
    drive_close(&d);
    assert_int_equal(drive_open(&d, true, OPTIONS("finished.folder=/tmp/x"), &err), MR_FATAL);
    assert_non_null(strstr(err.text, "it is for finished = move"));
    drive_close(&d);
    assert_int_equal(drive_open(&d, true, OPTIONS("finished=move", "finished.folder=/tmp"), &err),
                     MR_FATAL);
    assert_non_null(strstr(err.text, "holds the files of path"));
    drive_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(below),
        cmocka_unit_test(moved),
        cmocka_unit_test(killed_between),
        cmocka_unit_test(lost_after_the_move),
        cmocka_unit_test(not_before_it_is_durable),
        cmocka_unit_test(grows),
        cmocka_unit_test(refused),
    };
    mr_log_setup(MR_LOG_ERROR, MR_LOG_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
