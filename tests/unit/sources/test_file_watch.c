/* SPDX-License-Identifier: Apache-2.0 */
/* The file source over time: files that grow, change, move and appear; tasks that share a folder.
 * No test waits for a clock: each poll is driven, and the scan interval is the shortest. */
#include "unit/sources/file_drive.h"

#define QUICK "scan.interval.ms=10"

static void start(drive *d, const char *const *options)
{
    mr_error err = {0};
    if (drive_open(d, false, options, &err) != MR_OK) {
        fail_msg("%s", err.text);
    }
}

/* Polls until the source is idle and has looked at the folder since: what came out is `want`. */
static void expect_next(drive *d, const char *want)
{
    mr_error err = {0};
    mr_buffer_clear(&d->out);
    for (int i = 0; i < 3; i++) { /* a poll waits 20 ms: each sees a scan */
        mr_status status = drive_drain(d, &err);
        if (status != MR_IDLE) {
            fail_msg("%s: %s", mr_status_name(status), err.text);
        }
    }
    drive_expect(d, want);
}

static void a_file_grows(void **arg)
{
    drive *d = *arg;
    start(d, OPTIONS(QUICK));
    expect_next(d, "");
    drive_write(d, "a.csv", "id,na");
    expect_next(d, "");
    drive_append(d, "a.csv", "me\n1,x\n2,");
    expect_next(d, "2: 1|x\n");
    drive_append(d, "a.csv", "y");
    expect_next(d, "");
    drive_append(d, "a.csv", "y\n3,\"z\n");
    expect_next(d, "3: 2|yy\n");
    drive_append(d, "a.csv", "z\"\n");
    expect_next(d, "4: 3|z\nz\n");
    drive_append(d, "a.csv", "\n\n\n");
    expect_next(d, "");
    drive_write(d, "b.csv", "id,name\n4,b\n");
    expect_next(d, "2: 4|b\n");
    drive_append(d, "a.csv", "6,f\n");
    expect_next(d, "9: 6|f\n");
    drive_close(d);
    start(d, OPTIONS(QUICK));
    expect_next(d, "");
    drive_append(d, "a.csv", "7,g\n");
    expect_next(d, "10: 7|g\n");
}

static void an_unfinished_line_is_taken_in_the_end(void **arg)
{
    drive *d = *arg;
    drive_write(d, "a.csv", "id,name\n1,x\n2,y");
    drive_write(d, "b.csv", "id,name\n3,\"x\n4,y\n");
    start(d, OPTIONS(QUICK, "complete.after.ms=0"));
    expect_next(d, "2: 1|x\n");
    drive_close(d);
    start(d, OPTIONS(QUICK, "complete.after.ms=1"));
    expect_next(d, "3: 2|y\n"
                   "3: 4|y\n"
                   "! b.csv:2 [] a quote is opened and never closed: line 2, field 2\n");
    drive_append(d, "a.csv", "\n5,z\n");
    expect_next(d, "5: 5|z\n");
}

static void a_file_is_replaced(void **arg)
{
    drive *d = *arg;
    drive_write(d, "a.csv", "id,name\n1,x\n2,y\n");
    start(d, OPTIONS(QUICK));
    expect_next(d, "2: 1|x\n3: 2|y\n");
    drive_write(d, "a.csv", "id,name\n7,q\n"); /* shorter */
    expect_next(d, "2: 7|q\n");
    drive_write(d, "a.csv", "id,name\n8,r\n9,s\n"); /* longer, with another beginning */
    expect_next(d, "2: 8|r\n3: 9|s\n");
    drive_close(d);
    drive_write(d, "a.csv", "id,name\n8,r\n9,t\n10,u\n"); /* while nobody looks */
    start(d, OPTIONS(QUICK));
    expect_next(d, "2: 8|r\n3: 9|t\n4: 10|u\n");
}

/* Written over with the same 4 KiB at its start: the bytes before the offset tell. */
static void a_file_is_replaced_behind_its_head(void **arg)
{
    drive *d = *arg;
    mr_buffer text = MR_BUFFER_INIT(1 << 20);
    mr_buffer_add_text(&text, "id,name\n");
    for (int i = 0; i < 1000; i++) {
        mr_buffer_printf(&text, "%d,x\n", i);
    }
    drive_write_bytes(d, "a.csv", text.data, text.len, "wb");
    drive_once(d, NULL);
    assert_int_equal(d->records, 1000);
    text.data[text.len - 2] = 'y';
    mr_buffer_add_text(&text, "1000,z\n");
    drive_write_bytes(d, "a.csv", text.data, text.len, "wb");
    drive_once(d, NULL);
    assert_int_equal(d->records, 1001);
    /* Only longer: only the new part. */
    drive_append(d, "a.csv", "1001,z\n");
    drive_once(d, NULL);
    drive_expect(d, "1003: 1001|z\n");
    mr_buffer_release(&text);
}

static void touched_and_copied_files(void **arg)
{
    drive *d = *arg;
    char from[300], to[300];
    drive_write(d, "a.csv", "id,name\n1,x\n");
    start(d, OPTIONS(QUICK));
    expect_next(d, "2: 1|x\n");
    drive_write(d, "a.csv", "id,name\n1,x\n"); /* same content, new time */
    expect_next(d, "");
    drive_write(d, "copy.csv", "id,name\n1,x\n"); /* a file of its own */
    expect_next(d, "2: 1|x\n");
    /* Written beside it and moved over it: another inode, the same content and more. */
    drive_write(d, "a.tmp", "id,name\n1,x\n2,y\n");
    snprintf(from, sizeof from, "%s", drive_path(d, "a.tmp"));
    snprintf(to, sizeof to, "%s", drive_path(d, "a.csv"));
    assert_int_equal(rename(from, to), 0);
    expect_next(d, "3: 2|y\n");
}

static void a_file_is_renamed(void **arg)
{
    drive *d = *arg;
    char from[300], to[300];
    drive_write(d, "a.csv", "id,name\n1,x\n");
    start(d, OPTIONS(QUICK));
    expect_next(d, "2: 1|x\n");
    snprintf(from, sizeof from, "%s", drive_path(d, "a.csv"));
    snprintf(to, sizeof to, "%s", drive_path(d, "b.csv"));
    assert_int_equal(rename(from, to), 0);
    drive_append(d, "b.csv", "2,y\n");
    expect_next(d, "3: 2|y\n");
    assert_null(mr_positions_get(d->stored, "file:a.csv"));
    assert_non_null(mr_positions_get(d->stored, "file:b.csv"));
    drive_write(d, "a.csv", "id,name\n1,x\n"); /* the old name is free for a new file */
    expect_next(d, "2: 1|x\n");
    drive_close(d);
    assert_int_equal(unlink(from), 0);
    snprintf(from, sizeof from, "%s", drive_path(d, "c.csv"));
    assert_int_equal(rename(to, from), 0); /* while nobody looks */
    start(d, OPTIONS(QUICK));
    expect_next(d, "");
}

/* The old name has a new file when the next scan comes; the new name sorts before or after it. */
static void a_file_is_rotated(void **arg)
{
    drive *d = *arg;
    static const char *const names[] = {"a.csv", "z.csv"};
    char from[300], to[300];
    drive_write(d, "m.csv", "id,name\n1,x\n");
    start(d, OPTIONS(QUICK));
    expect_next(d, "2: 1|x\n");
    for (size_t i = 0; i < 2; i++) {
        snprintf(from, sizeof from, "%s", drive_path(d, "m.csv"));
        snprintf(to, sizeof to, "%s", drive_path(d, names[i]));
        assert_int_equal(rename(from, to), 0);
        drive_append(d, names[i], "2,y\n");
        drive_write(d, "m.csv", "id,name\n1,x\n"); /* as the other began, too */
        expect_next(d, "3: 2|y\n2: 1|x\n");
    }
    drive_close(d);
    snprintf(to, sizeof to, "%s", drive_path(d, "q.csv"));
    assert_int_equal(rename(from, to), 0); /* while nobody looks */
    drive_write(d, "m.csv", "id,name\n7,x\n");
    drive_append(d, "q.csv", "2,y\n");
    start(d, OPTIONS(QUICK));
    expect_next(d, "3: 2|y\n2: 7|x\n");
}

static void a_file_disappears(void **arg)
{
    drive *d = *arg;
    drive_write(d, "a.csv", "id,name\n1,x\n");
    start(d, OPTIONS(QUICK));
    expect_next(d, "2: 1|x\n");
    assert_int_equal(unlink(drive_path(d, "a.csv")), 0);
    expect_next(d, "");
    drive_write(d, "a.csv", "id,name\n1,x\n"); /* the same again: it was taken */
    expect_next(d, "");
}

static void which_files(void **arg)
{
    drive *d = *arg;
    char glob[300], one[300];
    drive_write(d, "a.csv", "id\n1\n");
    drive_write(d, "b.txt", "id\n2\n");
    drive_write(d, ".hidden.csv", "id\n3\n");
    assert_int_equal(mkdir(drive_path(d, "folder.csv"), 0700), 0);
    assert_int_equal(mkdir(drive_path(d, "sub"), 0700), 0);
    drive_write(d, "sub/c.csv", "id\n4\n");
    drive_once(d, NULL);
    drive_expect(d, "2: 1\n");
    drive_once(d, OPTIONS("pattern=*.txt"));
    drive_expect(d, "2: 2\n");
    snprintf(glob, sizeof glob, "path=%s", drive_path(d, "s*/*.csv"));
    drive_once(d, OPTIONS(glob));
    drive_expect(d, "2: 4\n");
    assert_non_null(mr_positions_get(d->stored, "file:sub/c.csv"));
    snprintf(one, sizeof one, "path=%s", drive_path(d, "sub/c.csv"));
    drive_once(d, OPTIONS(one)); /* another name, but known by its inode and content */
    drive_expect(d, "");
    assert_non_null(mr_positions_get(d->stored, "file:c.csv"));
}

/* Every file is read by exactly one of three tasks. */
static void tasks_share_a_folder(void **arg)
{
    drive *d = *arg;
    enum { FILES = 30, TASKS = 3 };
    for (int i = 0; i < FILES; i++) {
        char name[32], text[64];
        snprintf(name, sizeof name, "f%02d.csv", i);
        snprintf(text, sizeof text, "id,name\n%d,only once\n", i);
        drive_write(d, name, text);
    }
    int seen[FILES] = {0}, working = 0;
    for (int task = 0; task < TASKS; task++) {
        mr_error err = {0};
        mr_positions *before = d->stored;
        d->stored = mr_positions_new(); /* at the start none of them knows of the others */
        mr_buffer_clear(&d->out);
        d->records = 0;
        assert_int_equal(drive_open_task(d, true, NULL, task, TASKS, &err), MR_OK);
        assert_int_equal(drive_drain(d, &err), MR_END);
        drive_close(d);
        working += d->records > 0;
        mr_buffer_text(&d->out);
        for (char *p = d->out.data; p && *p; p = strchr(p, '\n') + 1) {
            seen[atoi(p + 3)]++;
        }
        size_t cursor = 0;
        const char *name, *value;
        while (mr_positions_next(before, &cursor, &name, &value)) {
            mr_positions_set(d->stored, name, value);
        }
        mr_positions_free(before);
    }
    for (int i = 0; i < FILES; i++) {
        assert_int_equal(seen[i], 1);
    }
    assert_int_equal(working, TASKS);
    drive_once(d, NULL); /* one task alone takes all positions over */
    drive_expect(d, "");
}

static void progress(void **arg)
{
    drive *d = *arg;
    mr_error err = {0};
    drive_write(d, "a.csv", "id\n1\n");
    drive_write(d, "b.csv", "id\n2\n3\n");
    assert_int_equal(drive_open(d, true, NULL, &err), MR_OK);
    assert_int_equal(drive_poll(d, &err), MR_OK);
    assert_int_equal(atomic_load(&d->task.progress_done_bytes), 5);
    assert_int_equal(atomic_load(&d->task.progress_total_bytes), 12);
    assert_int_equal(drive_drain(d, &err), MR_END);
    assert_int_equal(atomic_load(&d->task.progress_done_bytes), 12);
}

/* A stop asked for while the source waits, and a deadline, end the poll. */
static void polls_end(void **arg)
{
    drive *d = *arg;
    mr_error err = {0};
    atomic_bool stop = true;
    start(d, OPTIONS("scan.interval.ms=1d"));
    int64_t before = mr_clock_us();
    assert_int_equal(drive_poll(d, &err), MR_IDLE);
    assert_true(mr_clock_us() - before >= 20000);
    d->task.stop = &stop;
    assert_int_equal(drive_poll(d, &err), MR_IDLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        drive_test(a_file_grows),
        drive_test(an_unfinished_line_is_taken_in_the_end),
        drive_test(a_file_is_replaced),
        drive_test(a_file_is_replaced_behind_its_head),
        drive_test(touched_and_copied_files),
        drive_test(a_file_is_renamed),
        drive_test(a_file_is_rotated),
        drive_test(a_file_disappears),
        drive_test(which_files),
        drive_test(tasks_share_a_folder),
        drive_test(progress),
        drive_test(polls_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
