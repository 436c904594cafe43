/* SPDX-License-Identifier: Apache-2.0 */
/* Options of how CSV is written: quotes, escapes, comments, names of columns, nulls, times. */
#include "unit/sources/file_drive.h"

#include "sources/file/pattern.h"
#include "sources/file/zone.h"

#define MIN INT64_C(60000000)

/* One file, read once: what came out. */
static void read_as(const char *text, const char *const *options, const char *want)
{
    drive d;
    drive_init(&d);
    drive_write(&d, "a.csv", text);
    drive_once(&d, options);
    drive_expect(&d, want);
    drive_release(&d);
}

static void refused(const char *const *options, const char *part)
{
    drive d;
    mr_error err = {0};
    drive_init(&d);
    assert_int_equal(drive_open(&d, true, options, &err), MR_FATAL);
    assert_true(err.permanent);
    if (!strstr(err.text, part)) {
        fail_msg("%s; wanted: %s", err.text, part);
    }
    drive_release(&d);
}

static void quotes_and_escapes(void **arg)
{
    (void)arg;
    read_as("a,b\n'x,''y''',\"z\"\n", OPTIONS("quote='"), "2: x,'y'|\"z\"\n");
    read_as("a,b\n\"x,\\\"y\\\\\",\"p\\q\nr\"\n1,2\n", OPTIONS("escape=\\"),
            "2: x,\"y\\|p\\q\nr\n4: 1|2\n");
    read_as("a\tb\n\"x\t\"y\n", OPTIONS("quote=none", "delimiter=tab"), "2: \"x|\"y\n");
    read_as("a,b\n\"x\\\"\n",
            OPTIONS("escape=\\", "schema={\"type\":\"record\",\"name\":\"R\","
                                 "\"fields\":[{\"name\":\"a\",\"type\":\"string\"}]}"),
            "! a.csv:2 [] a quote is opened and never closed: line 2, field 1\n");
    refused(OPTIONS("quote=''"), "quote: \"''\" is not one ASCII character");
    refused(OPTIONS("quote=,"), "delimiter: \",\" is not one ASCII character other than the quote");
    refused(OPTIONS("escape=,"), "escape: ");
    refused(OPTIONS("quote=none", "escape=\\"), "it has a meaning in quotes only");
}

static void comments(void **arg)
{
    (void)arg;
    read_as("# made by x\na,b\n#1,2\n3,\"#4\n#5\"\n#", OPTIONS("comment=#"), "4: 3|#4\n#5\n");
    read_as("//\na\n/1\n//2\n3\n", OPTIONS("comment=//"), "3: /1\n5: 3\n");
    refused(OPTIONS("comment="), "comment: it must be 1 to 16 bytes");
}

static void names_of_columns(void **arg)
{
    (void)arg;
    const char *schema = "schema={\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"x\","
                         "\"type\":\"int\"},{\"name\":\"y\",\"type\":\"string\"}]}";
    read_as("1,a\n2,b\n", OPTIONS("header=false", "columns=x,y"), "1: 1|a\n2: 2|b\n");
    read_as("\xEF\xBB\xBF"
            "1,a\n2,b,c\n",
            OPTIONS("header=false", "columns=y,x", schema),
            "! a.csv:1 [x] column \"x\": \"a\" is not a number; the schema says int. Correct the "
            "line, or give a `schema` in which the column has a type that fits\n"
            "! a.csv:2 [] the line has 3 fields and the names of columns are 2; is a quote or a "
            "delimiter missing, or one too many?\n");
    read_as("1,a\n2,b\n", OPTIONS("header=false", schema), "1: 1|a\n2: 2|b\n");
    read_as("1,a\n2,b\n", OPTIONS("header=false"), "1: 1|a\n2: 2|b\n");
    read_as("ID,id\n1,a\n", OPTIONS("record.name=R"), "2: 1|a\n"); /* told of, and read */
    refused(OPTIONS("columns=x"), "set header to false");
    refused(OPTIONS("header=false", "columns=x-y,x_y"), "two are called \"x_y\"");
}

/* Lines added after a restart have no header in between either. */
static void goes_on_without_header(void **arg)
{
    (void)arg;
    drive d;
    drive_init(&d);
    drive_write(&d, "a.csv", "1,a\n");
    drive_once(&d, OPTIONS("header=false"));
    drive_expect(&d, "1: 1|a\n");
    drive_append(&d, "a.csv", "2,b\n");
    drive_once(&d, OPTIONS("header=false"));
    drive_expect(&d, "2: 2|b\n");
    drive_release(&d);
}

static void nulls(void **arg)
{
    (void)arg;
    read_as("a,b\nNA,-\n\"NA\",2\nx,\n", OPTIONS("null.texts=NA,-"), "2: ~|~\n3: NA|2\n4: x|~\n");
}

static void pattern(const char *text, const char *how, int64_t want_us)
{
    file_timestamp at;
    if (!file_pattern_parse(how, text, strlen(text), &at)) {
        fail_msg("%s as %s", text, how);
    }
    assert_int_equal(at.us, want_us);
}

static void patterns(void **arg)
{
    (void)arg;
    const int64_t day = INT64_C(1551398400000000); /* 2019-03-01 */
    pattern("03/01/2019 12:05:07 AM", "%m/%d/%Y %I:%M:%S %p", day + 5 * MIN + 7000000);
    pattern("3/1/19 1:05 pm", "%m/%d/%y %I:%M %p", day + (13 * 60 + 5) * MIN);
    pattern("Fri, 1 March 2019", "%a, %e %b %Y", day);
    pattern("2019060T0130", "%Y%jT%H%M", day + 90 * MIN);
    pattern("01.03.2019 01:00:00.25+0130", "%d.%m.%Y %T.%f%z", day - 30 * MIN + 250000);
    pattern("1551398400", "%s", day);
    pattern("-1", "%s", -1000000);
    pattern("2019-03-01%", "%F%%", day);
}

static void wrong_patterns(void **arg)
{
    (void)arg;
    const char *why;
    file_timestamp at;
    static const char *const texts[] = {"02/29/2019", "13/01/2019", "1/1/2019 ", "1/1/201", ""};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_false(file_pattern_parse("%m/%d/%Y", texts[i], strlen(texts[i]), &at));
    }
    assert_int_equal(file_pattern_parts("%H:%M", &why), FILE_PATTERN_TIME);
    assert_int_equal(file_pattern_parts("%F %T %z", &why),
                     FILE_PATTERN_DATE | FILE_PATTERN_TIME | FILE_PATTERN_ZONE);
    refused(OPTIONS("time.formats=%m/%d"), "time.formats: \"%m/%d\" has no year");
    refused(OPTIONS("time.formats=%Y-%m"), "has not both a month and a day");
    refused(OPTIONS("time.formats=%I:%M"), "has no hour");
    refused(OPTIONS("time.formats=%Q"), "holds something else than %Y");
    refused(OPTIONS("time.formats=day"), "has neither a date nor a time");
}

static int64_t utc_of(const file_zone *zone, const char *local)
{
    file_timestamp at, utc = {0};
    assert_true(file_parse_timestamp(local, strlen(local), &at));
    return file_zone_to_utc(zone, at.us, &utc.us) ? (utc.us - at.us) / MIN : -9999;
}

/* Minutes to add to a wall clock; -9999: it never showed that. */
static void zones(void **arg)
{
    (void)arg;
    file_zone *zone;
    mr_error err;
    assert_int_equal(file_zone_load("America/New_York", &zone, &err), MR_OK);
    assert_int_equal(utc_of(zone, "2019-03-10 01:59:59"), 300);
    assert_int_equal(utc_of(zone, "2019-03-10 02:00:00"), -9999);
    assert_int_equal(utc_of(zone, "2019-03-10 02:59:59"), -9999);
    assert_int_equal(utc_of(zone, "2019-03-10 03:00:00"), 240);
    assert_int_equal(utc_of(zone, "2019-11-03 01:30:00"), 240); /* the first of two */
    assert_int_equal(utc_of(zone, "2019-11-03 02:00:00"), 300);
    assert_int_equal(utc_of(zone, "1950-01-01 00:00:00"), 300);
    assert_int_equal(utc_of(zone, "2060-03-14 02:30:00"), -9999); /* by the rule alone */
    assert_int_equal(utc_of(zone, "2060-07-01 00:00:00"), 240);
    assert_int_equal(utc_of(zone, "2060-12-01 00:00:00"), 300);
    file_zone_free(zone);
    assert_int_equal(file_zone_load("Australia/Sydney", &zone, &err), MR_OK);
    assert_int_equal(utc_of(zone, "2060-01-01 00:00:00"), -660); /* summer over the new year */
    assert_int_equal(utc_of(zone, "2060-07-01 00:00:00"), -600);
    file_zone_free(zone);
    assert_int_equal(file_zone_load("+05:30", &zone, &err), MR_OK);
    assert_int_equal(utc_of(zone, "2019-01-01 00:00:00"), -330);
    file_zone_free(zone);
    assert_int_equal(file_zone_load("../../etc/passwd", &zone, &err), MR_FATAL);
    refused(OPTIONS("time.zone=America/New_Yrok"), "there is no time zone \"America/New_Yrok\"");
}

static void times_of_files(void **arg)
{
    (void)arg;
    const char *how = "time.formats=%m/%d/%Y %I:%M:%S %p";
    read_as("at\n03/01/2019 01:00:00 AM\n2019-03-01 00:00:00\n", OPTIONS(how, "infer.bytes=1"),
            "2: 1551402000000000\n"
            "! a.csv:3 [at] column \"at\": \"2019-03-01 00:00:00\" fits none of time.formats; the "
            "schema says local-timestamp-micros or null. Correct the line, or give a `schema` in "
            "which the column has a type that fits\n");
    read_as(
        "at\n2019-03-01 00:00:00\n2019-03-10 02:30:00\n",
        OPTIONS("time.zone=America/New_York", "infer.bytes=1"),
        "2: 1551416400000000\n"
        "! a.csv:3 [at] column \"at\": \"2019-03-10 02:30:00\" does not exist in time.zone: the "
        "clocks were put forward over it; the schema says timestamp-micros or null. Correct "
        "the line, or give a `schema` in which the column has a type that fits\n");
    read_as("on\n01.03.2019\n", OPTIONS("time.formats=%d.%m.%Y,iso"), "2: 17956\n");
}

/* The message names the line of the quote, not of the record. */
static void open_quotes(void **arg)
{
    (void)arg;
    read_as("a,b\n\"1\n2\",\"x\n3,4\n", OPTIONS("quote=\""),
            "4: 3|4\n"
            "! a.csv:2 [] a quote is opened and never closed: line 3, field 2\n"
            "! a.csv:3 [] a quote is opened and never closed: line 3, field 2\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_and_escapes),
        cmocka_unit_test(comments),
        cmocka_unit_test(names_of_columns),
        cmocka_unit_test(goes_on_without_header),
        cmocka_unit_test(nulls),
        cmocka_unit_test(patterns),
        cmocka_unit_test(wrong_patterns),
        cmocka_unit_test(zones),
        cmocka_unit_test(times_of_files),
        cmocka_unit_test(open_quotes),
    };
    mr_log_setup(MR_LOG_ERROR, MR_LOG_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
