/* SPDX-License-Identifier: Apache-2.0 */
/* The file source from open() to close(): what it sends, rejects and remembers. */
#include "unit/sources/file_drive.h"

static void one_file(void **arg)
{
    drive *d = *arg;
    drive_write(d, "a.csv",
                "id,name,at,fare,ok\r\n1,\"Ann \"\"A\"\"\",2019-03-23 20:21:09,1.6,true\n"
                "\n2,\"two\nlines\",2019-03-23 20:21:10.5,7,false\n3,,,,");
    drive_once(d, NULL);
    drive_expect(d, "2: 1|Ann \"A\"|1553372469000000|1.6000000000000001|1\n"
                    "4: 2|two\nlines|1553372470500000|7|0\n"
                    "6: 3|~|~|~|~\n");
    drive_once(d, NULL); /* not taken twice */
    drive_expect(d, "");
}

static void nothing_to_read(void **arg)
{
    drive *d = *arg;
    drive_once(d, NULL);
    drive_expect(d, "");
    drive_write(d, "empty.csv", "");
    drive_write(d, "header.csv", "id,name\n");
    drive_write(d, "header_only.csv", "id,name");
    drive_write(d, "mark.csv", "\xEF\xBB\xBF");
    drive_write(d, "blank.csv", "\n\r\n\n");
    drive_once(d, NULL);
    drive_expect(d, "");
    assert_null(mr_positions_get(d->stored, "schema"));
    drive_write(d, "late.csv", "id,name\n1,x\n");
    drive_once(d, NULL);
    drive_expect(d, "2: 1|x\n");
}

static void bad_lines_go_alone(void **arg)
{
    drive *d = *arg;
    static const char text[] = "id,at,name\n"
                               "1,2019-03-23,ann\n"         /* 2 */
                               "2,2019-03-23\n"             /* 3: too few */
                               "3,2019-03-23,x,y\n"         /* 4: too many */
                               "abc,2019-03-23,x\n"         /* 5: no number */
                               "5,2019-02-30,x\n"           /* 6: no date */
                               "6,2019-03-23,\xff\n"        /* 7: no UTF-8 */
                               "7,2019-03-23,a\0b\n"        /* 8: NUL */
                               "99999999999,2019-03-23,x\n" /* 9: out of range */
                               "9,2019-03-23,\"open\n"      /* 10: never closed */
                               ",2019-03-23,x\n"            /* 11: empty is null */
                               "11,2019-03-23,bob\n";       /* 12 */
    drive_write_bytes(d, "trips.csv", text, sizeof text - 1, "wb");
    drive_write(d, "first.csv", "id,at,name\n0,2019-03-23,zoe\n");
    drive_once(d, NULL);
    assert_int_equal(d->records, 4);
    assert_int_equal(d->rejects, 8);
    static const char *const want[] = {
        "2: 0|17978|zoe\n",
        "12: 11|17978|bob\n",
        "! trips.csv:3 [] the line has 2 fields and the header 3",
        "! trips.csv:4 [] the line has 4 fields and the header 3",
        "! trips.csv:5 [id] column \"id\": \"abc\" is not a number; the schema says int",
        "! trips.csv:6 [at] column \"at\": \"2019-02-30\" is not a date",
        "! trips.csv:7 [name] column \"name\" is not valid UTF-8",
        "! trips.csv:8 [name] column \"name\" contains a NUL",
        "! trips.csv:9 [id] column \"id\": \"99999999999\" is out of range",
        "! trips.csv:10 [] a quote is opened and never closed",
        "11: ~|17978|x\n",
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        if (!strstr(mr_buffer_text(&d->out), want[i])) {
            fail_msg("no \"%s\" in:\n%s", want[i], mr_buffer_text(&d->out));
        }
    }
    drive_once(d, NULL); /* rejected once, not again */
    drive_expect(d, "");
}

static void only_bad_lines(void **arg)
{
    drive *d = *arg;
    drive_write(d, "a.csv", "a,b\n1\n2\n");
    drive_once(d, NULL);
    assert_int_equal(d->records, 0);
    assert_int_equal(d->rejects, 2);
    drive_once(d, NULL);
    assert_int_equal(d->rejects, 0);
    drive_append(d, "a.csv", "3\n4,5\n");
    drive_once(d, NULL);
    assert_int_equal(d->rejects, 1);
    assert_non_null(strstr(mr_buffer_text(&d->out), "5: 4|5\n"));
    assert_non_null(strstr(mr_buffer_text(&d->out), "! a.csv:4 "));
}

static void a_line_too_long(void **arg)
{
    drive *d = *arg;
    mr_buffer text = MR_BUFFER_INIT(8 << 20);
    mr_buffer_add_text(&text, "id,name\n1,x\n2,");
    for (int i = 0; i < 5 << 20; i++) { /* five buffers */
        mr_buffer_add_char(&text, 'y');
    }
    mr_buffer_add_text(&text, "\n3,z\n");
    drive_write_bytes(d, "a.csv", text.data, text.len, "wb");
    mr_buffer_release(&text);
    drive_once(d, OPTIONS("line.max.bytes=1KiB"));
    drive_expect(d, "2: 1|x\n"
                    "! a.csv:3 [] the line is longer than line.max.bytes; here are its first "
                    "bytes. Raise line.max.bytes if such lines are meant\n"
                    "4: 3|z\n");
}

static const char *stored_schema(drive *d)
{
    const char *json = mr_positions_get(d->stored, "schema");
    return json ? json : "none";
}

static void inference(void **arg)
{
    drive *d = *arg;
    drive_write(d, "a.csv",
                "i,l,d,b,day,local,zoned,zip,s,\"n u\",mixed,day2,2x,q\n"
                "1,5000000000,1,true,2019-03-23,2019-03-23 20:21:09,2019-03-23T20:21:09Z,02134,x,,"
                "1,2019-03-23,1,\"1\"\n"
                "-2,1,1.5,FALSE,2019-03-24,2019-03-23T20:21:09.5,2019-03-23 20:21:09+01:00,12345,"
                "2,,x,2019-03-23 10:00,2,\"\"\n");
    drive_once(d, OPTIONS("record.name=ns.Trip"));
    assert_string_equal(
        stored_schema(d),
        "{\"type\":\"record\",\"name\":\"ns.Trip\",\"fields\":["
        "{\"name\":\"i\",\"type\":[\"null\",\"int\"]},"
        "{\"name\":\"l\",\"type\":[\"null\",\"long\"]},"
        "{\"name\":\"d\",\"type\":[\"null\",\"double\"]},"
        "{\"name\":\"b\",\"type\":[\"null\",\"boolean\"]},"
        "{\"name\":\"day\",\"type\":[\"null\",{\"type\":\"int\",\"logicalType\":\"date\"}]},"
        "{\"name\":\"local\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"local-"
        "timestamp-micros\"}]},"
        "{\"name\":\"zoned\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-"
        "micros\"}]},"
        "{\"name\":\"zip\",\"type\":[\"null\",\"string\"]},"
        "{\"name\":\"s\",\"type\":[\"null\",\"string\"]},"
        "{\"name\":\"n_u\",\"doc\":\"n u\",\"type\":[\"null\",\"string\"]},"
        "{\"name\":\"mixed\",\"type\":[\"null\",\"string\"]},"
        "{\"name\":\"day2\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"local-"
        "timestamp-micros\"}]},"
        "{\"name\":\"_2x\",\"doc\":\"2x\",\"type\":[\"null\",\"int\"]},"
        "{\"name\":\"q\",\"type\":[\"null\",\"int\"]}]}");
    drive_expect(d, "2: 1|5000000000|1|1|17978|1553372469000000|1553372469000000|02134|x|~|1|"
                    "1553299200000000|1|1\n"
                    "3: -2|1|1.5|0|17979|1553372469500000|1553368869000000|12345|2|~|x|"
                    "1553335200000000|2|~\n");
}

/* The schema is that of the first file for ever; columns are matched by name. */
static void the_schema_stays(void **arg)
{
    drive *d = *arg;
    drive_write(d, "b.csv", "id,name\n1,x\n");
    drive_once(d, NULL);
    char *first = mr_strdup(stored_schema(d));
    drive_write(d, "a.csv", "name,extra,id\ny,?,2\nz,?,two\n");
    drive_write(d, "c.csv", "id,title\n3,z\n");
    drive_once(d, NULL);
    assert_string_equal(stored_schema(d), first);
    free(first);
    assert_non_null(strstr(mr_buffer_text(&d->out), "2: 2|y\n"));
    assert_non_null(strstr(mr_buffer_text(&d->out), "! a.csv:3 [id] "));
    assert_non_null(
        strstr(mr_buffer_text(&d->out), "! c.csv:1 [name] the header has no column \"name\""));
    drive_once(d, NULL); /* the refused file is not tried again... */
    drive_expect(d, "");
    drive_write(d, "c.csv", "id,name\n3,z\n"); /* ...until it is put right */
    drive_once(d, NULL);
    drive_expect(d, "2: 3|z\n");
}

static void a_given_schema(void **arg)
{
    drive *d = *arg;
    static const char schema[] =
        "{\"type\":\"record\",\"name\":\"T\",\"fields\":["
        "{\"name\":\"total\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\","
        "\"precision\":9,\"scale\":2}},"
        "{\"name\":\"id\",\"type\":\"long\",\"aliases\":[\"trip_id\"]},"
        "{\"name\":\"note\",\"type\":[\"null\",\"string\"],\"default\":null},"
        "{\"name\":\"kind\",\"type\":\"string\",\"default\":\"taxi\"}]}";
    char inline_schema[1024], file_schema[300];
    drive_write(d, "t.avsc", schema);
    drive_write(d, "a.csv", "trip id;total\n1;12.95\n2;12.955\n");
    snprintf(inline_schema, sizeof inline_schema, "schema=%s", schema);
    snprintf(file_schema, sizeof file_schema, "schema=%s", drive_path(d, "t.avsc"));
    const char *const want = "2: 050f|1|~|taxi\n";
    drive_once(d, OPTIONS(inline_schema, "delimiter=;"));
    assert_memory_equal(mr_buffer_text(&d->out), want, strlen(want));
    assert_int_equal(d->rejects, 1);
    assert_null(mr_positions_get(d->stored, "schema"));
    mr_positions_clear(d->stored);
    drive_once(d, OPTIONS(file_schema, "delimiter=;"));
    assert_memory_equal(mr_buffer_text(&d->out), want, strlen(want));
}

static void open_fails(drive *d, const char *option, const char *reason, const char *field)
{
    mr_error err = {0};
    assert_int_equal(drive_open(d, true, OPTIONS(option), &err), MR_FATAL);
    drive_close(d);
    if (!strstr(err.text, reason) || strcmp(err.field, field) != 0 || !err.permanent) {
        fail_msg("%s: [%s] %s%s", option, err.field, err.text, err.permanent ? "" : " (heals)");
    }
}

static void wrong_options(void **arg)
{
    drive *d = *arg;
    drive_write(d, "bad.avsc", "{\"type\":");
    char bad_schema[300];
    snprintf(bad_schema, sizeof bad_schema, "schema=%s", drive_path(d, "bad.avsc"));
    open_fails(d, "path=/nowhere/trips.csv", "No such file", "path");
    open_fails(d, "path=/dev/null", "neither a regular file nor a folder", "path");
    open_fails(d, "delimiter=ab", "one ASCII character", "delimiter");
    open_fails(d, "delimiter=\"", "one ASCII character", "delimiter");
    open_fails(d, "schema=/nowhere/t.avsc", "No such file", "schema");
    open_fails(d, bad_schema, "line", "schema");
    open_fails(d, "schema={\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}",
               "needs a record schema", "schema");
}

static void a_single_file_with_a_wrong_header(void **arg)
{
    drive *d = *arg;
    mr_error err = {0};
    char path[300];
    drive_write(d, "a.csv", "id,i d,i_d\n1,2,3\n");
    snprintf(path, sizeof path, "path=%s", drive_path(d, "a.csv"));
    assert_int_equal(drive_open(d, true, OPTIONS(path), &err), MR_OK);
    assert_int_equal(drive_drain(d, &err), MR_FATAL);
    assert_non_null(strstr(err.text, "a.csv:1: the header has two columns"));
    assert_string_equal(err.field, "i_d");
    assert_true(err.permanent);
    assert_int_equal(mr_positions_count(d->stored), 0);
}

/* Taken from every position that was ever stored, the rest is what it was the first time. */
static void resume_after_every_record(void **arg)
{
    drive *d = *arg;
    enum { LINES = 60 };
    mr_buffer text = MR_BUFFER_INIT(1 << 20);
    mr_buffer_add_text(&text, "id,name\n");
    for (int i = 0; i < LINES; i++) {
        mr_buffer_printf(&text,
                         i % 7 == 3   ? "%d,\"two\nlines \"\"%d\"\"\"\r\n"
                         : i % 7 == 5 ? "%d,too,%d,many\n"
                                      : "%d,name %d\n",
                         i, i);
    }
    drive_write_bytes(d, "a.csv", text.data, text.len, "wb");
    drive_once(d, NULL);
    char *whole = mr_strdup(mr_buffer_text(&d->out));
    assert_int_equal(d->records + d->rejects, LINES);
    /* Grow the file record by record: each growth is one poll, hence one position. */
    mr_positions_clear(d->stored);
    drive_write(d, "a.csv", "id,name\n0,name 0\n");
    drive_once(d, NULL);
    mr_buffer pieces = MR_BUFFER_INIT(1 << 20);
    mr_buffer_add(&pieces, d->out.data, d->out.len);
    const char *end = text.data + text.len, *p = text.data + strlen("id,name\n0,name 0\n");
    while (p < end) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        stop = memchr(p, '"', (size_t)(stop - p)) ? memchr(stop + 1, '\n', (size_t)(end - stop - 1))
                                                  : stop;
        drive_write_bytes(d, "a.csv", p, (size_t)(stop + 1 - p), "ab");
        drive_once(d, NULL);
        mr_buffer_add(&pieces, d->out.data, d->out.len);
        assert_int_equal(d->records + d->rejects, 1);
        p = stop + 1;
    }
    /* The whole has its rejects at the end of the poll; sorted, both are equal. */
    assert_int_equal(pieces.len, strlen(whole));
    for (char *line = strtok(whole, "\n"); line; line = strtok(NULL, "\n")) {
        assert_non_null(strstr(mr_buffer_text(&pieces), line));
    }
    free(whole);
    mr_buffer_release(&text);
    mr_buffer_release(&pieces);
}

static void large_file_in_many_polls(void **arg)
{
    drive *d = *arg;
    enum { LINES = 30000 };
    mr_buffer text = MR_BUFFER_INIT(8 << 20);
    mr_buffer_add_text(&text, "id,name\n");
    for (int i = 0; i < LINES; i++) {
        mr_buffer_printf(&text, "%d,\"the \"\"name\"\" of number %d\"\n", i, i);
    }
    drive_write_bytes(d, "a.csv", text.data, text.len, "wb");
    mr_buffer_release(&text);
    drive_once(d, NULL);
    assert_true(d->polls > LINES / 4096);
    char *whole = mr_strdup(mr_buffer_text(&d->out));
    assert_int_equal(d->records, LINES);
    /* The same, killed and started again after every poll. */
    mr_positions_clear(d->stored);
    mr_buffer_clear(&d->out);
    mr_status status;
    do {
        mr_error err = {0};
        assert_int_equal(drive_open(d, true, NULL, &err), MR_OK);
        status = drive_poll(d, &err);
        drive_close(d);
    } while (status == MR_OK);
    assert_int_equal(status, MR_END);
    assert_string_equal(mr_buffer_text(&d->out), whole);
    free(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        drive_test(one_file),
        drive_test(nothing_to_read),
        drive_test(bad_lines_go_alone),
        drive_test(only_bad_lines),
        drive_test(a_line_too_long),
        drive_test(inference),
        drive_test(the_schema_stays),
        drive_test(a_given_schema),
        drive_test(wrong_options),
        drive_test(a_single_file_with_a_wrong_header),
        drive_test(resume_after_every_record),
        drive_test(large_file_in_many_polls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
