/* SPDX-License-Identifier: Apache-2.0 */
/* Text to cells, for every scalar Avro and logical type. */
#include "unit/sources/file_drive.h"

#include <locale.h>
#include <math.h>
#include <time.h>

#include "sources/file/number.h"
#include "sources/file/value.h"
#include "sources/file/when.h"

static mr_arena *arena;

/* Converts text to `type` (an Avro type in JSON); what came out as text, or "! reason". */
static const char *convert_field(const char *type, mr_csv_field field, const char *null_text)
{
    static char shown[1400];
    char json[512];
    const mr_schema *schema;
    mr_error err;
    file_column column;
    mr_cell cell;
    mr_buffer out = MR_BUFFER_INIT(1 << 20);
    snprintf(json, sizeof json,
             "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"f\",\"type\":%s}]}",
             type);
    if (mr_schema_parse(json, strlen(json), &schema, &err) != MR_OK ||
        file_column_init(&column, &schema->fields[0], &err) != MR_OK) {
        fail_msg("%s", err.text);
    }
    file_texts texts = {.null_text = {null_text, strlen(null_text)}};
    if (file_convert(&column, &field, &texts, arena, &cell, &err) == MR_OK) {
        drive_print_cell(&out, &cell);
        assert_int_equal(cell.type, cell.type == MR_NULL ? MR_NULL : column.schema->type);
        if (column.nullable) {
            assert_int_equal(schema->fields[0].schema->branches[cell.branch]->type, cell.type);
        }
        snprintf(shown, sizeof shown, "%s", mr_buffer_text(&out));
    } else {
        assert_string_equal(err.field, "f");
        snprintf(shown, sizeof shown, "! %s", err.text);
    }
    mr_buffer_release(&out);
    mr_schema_release(schema);
    return shown;
}

static const char *convert(const char *type, const char *text)
{
    size_t len = strlen(text);
    char *exact = mr_arena_copy(arena, text, len);
    return convert_field(type, (mr_csv_field){.data = exact, .len = (uint32_t)len}, "");
}

static void good(const char *type, const char *text, const char *want)
{
    const char *got = convert(type, text);
    if (strcmp(got, want) != 0) {
        fail_msg("%s as %s: %s, not %s", text, type, got, want);
    }
}

static void bad(const char *type, const char *text, const char *reason)
{
    const char *got = convert(type, text);
    if (got[0] != '!' || !strstr(got, reason)) {
        fail_msg("%s as %s: %s; wanted a refusal that says %s", text, type, got, reason);
    }
}

static void integers(void **arg)
{
    (void)arg;
    good("\"int\"", "0", "0");
    good("\"int\"", "-2147483648", "-2147483648");
    good("\"int\"", "+2147483647", "2147483647");
    good("\"int\"", "007", "7");
    good("\"int\"", "2.0", "2");
    good("\"int\"", "2.000", "2");
    bad("\"int\"", "2147483648", "out of range");
    bad("\"int\"", "-2147483649", "out of range");
    bad("\"int\"", "abc", "\"abc\" is not a number; the schema says int");
    bad("\"int\"", "12a", "not a number");
    bad("\"int\"", "2.5", "decimals");
    bad("\"int\"", "1e3", "decimals");
    bad("\"int\"", "2.", "decimals");
    bad("\"int\"", " 2", "not a number");
    bad("\"int\"", "-", "not a number");
    bad("\"int\"", "", "empty");
    bad("\"int\"", "0x10", "not a number");
    good("\"long\"", "9223372036854775807", "9223372036854775807");
    good("\"long\"", "-9223372036854775808", "-9223372036854775808");
    good("\"long\"", "-9223372036854775808.0", "-9223372036854775808");
    good("\"long\"", "0000000000000000000000000000001", "1");
    bad("\"long\"", "9223372036854775808", "out of range");
    bad("\"long\"", "-9223372036854775809", "out of range");
    bad("\"long\"", "99999999999999999999999999999999999999", "out of range");
}

static void doubles(void **arg)
{
    (void)arg;
    good("\"double\"", "1.6", "1.6000000000000001");
    good("\"double\"", "-0", "-0");
    good("\"double\"", ".5", "0.5");
    good("\"double\"", "5.", "5");
    good("\"double\"", "+1.25", "1.25");
    good("\"double\"", "1e3", "1000");
    good("\"double\"", "1E+3", "1000");
    good("\"double\"", "12345678901234567890", "1.2345678901234567e+19");
    good("\"double\"", "inf", "inf");
    good("\"double\"", "-Infinity", "-inf");
    good("\"double\"", "NaN", "nan");
    good("\"double\"", "4.9e-324", "4.9406564584124654e-324");
    bad("\"double\"", "1e400", "out of range");
    bad("\"double\"", "1.2.3", "not a number");
    bad("\"double\"", "1e", "not a number");
    bad("\"double\"", "0x1p3", "not a number");
    bad("\"double\"", ".", "not a number");
    bad("\"double\"", "1,5", "not a number");
    bad("\"double\"", "infinit", "not a number");
    good("\"float\"", "0.1", "0.10000000149011612");
    good("\"float\"", "inf", "inf");
    bad("\"float\"", "1e39", "out of range");
}

/* The fast path must be the nearest double, as strtod() finds it. */
static void doubles_are_nearest(void **arg)
{
    (void)arg;
    uint64_t seed = 1;
    for (int i = 0; i < 300000; i++) {
        char text[64];
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        int decimals = (int)(seed >> 60);
        uint64_t digits = (seed >> 11) % 1000000000000000u;
        snprintf(text, sizeof text, "%s%.*f", seed & 1 ? "-" : "", decimals, (double)digits / 1e9);
        double got;
        assert_int_equal(file_parse_double(text, strlen(text), &got), FILE_NUMBER_OK);
        double want = strtod(text, NULL);
        if (got != want) {
            fail_msg("%s: %.17g, not %.17g", text, got, want);
        }
    }
}

static void booleans_and_texts(void **arg)
{
    (void)arg;
    good("\"boolean\"", "true", "1");
    good("\"boolean\"", "False", "0");
    good("\"boolean\"", "T", "1");
    good("\"boolean\"", "no", "0");
    good("\"boolean\"", "1", "1");
    bad("\"boolean\"", "2", "not a boolean");
    bad("\"boolean\"", "", "empty");
    good("\"string\"", "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f");
    good("\"string\"", "", "");
    good("\"bytes\"", "ab", "6162");
    good("\"bytes\"", "\\x00ffAb", "00ffab");
    good("\"bytes\"", "\\x", "");
    bad("\"bytes\"", "\\x0", "hex");
    bad("\"bytes\"", "\\x0g", "hex");
    good("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "\\x0102", "0102");
    good("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "ab", "6162");
    bad("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "abc", "size");
    good("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}", "B", "B");
    bad("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}", "b", "enum E");
    good("{\"type\":\"string\",\"logicalType\":\"uuid\"}", "0123abCD-0123-4567-89ab-0123456789ab",
         "0123abCD-0123-4567-89ab-0123456789ab");
    bad("{\"type\":\"string\",\"logicalType\":\"uuid\"}", "0123abcd-0123-4567-89ab-0123456789a",
        "UUID");
    bad("{\"type\":\"string\",\"logicalType\":\"uuid\"}", "0123abcd-0123-4567-89ab-0123456789ag",
        "UUID");
}

static void nulls(void **arg)
{
    (void)arg;
    static const mr_csv_field empty = {.data = ""}, quoted = {.data = "", .quoted = true};
    static const mr_csv_field na = {.data = "NA", .len = 2};
    static const mr_csv_field quoted_na = {.data = "NA", .len = 2, .quoted = true};
    good("[\"null\",\"int\"]", "", "~");
    good("[\"int\",\"null\"]", "", "~");
    good("[\"int\",\"null\"]", "5", "5");
    good("[\"null\",\"string\"]", "", "~");
    bad("[\"null\",\"int\"]", "x", "int or null");
    assert_string_equal(convert_field("[\"null\",\"string\"]", quoted, ""), "");
    assert_string_equal(convert_field("[\"null\",\"int\"]", quoted, ""), "~");
    assert_string_equal(convert_field("[\"null\",\"string\"]", na, "NA"), "~");
    assert_string_equal(convert_field("[\"null\",\"string\"]", quoted_na, "NA"), "NA");
    assert_string_equal(convert_field("[\"null\",\"int\"]", quoted_na, "NA"), "~");
    assert_string_equal(convert_field("[\"null\",\"string\"]", empty, "NA"), "");
    assert_string_equal(convert_field("[\"null\",\"int\"]", empty, "NA"), "~");
    assert_string_equal(convert_field("\"string\"", na, "NA"), "NA");
}

#define DECIMAL(p, s)                                                                              \
    "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":" #p ",\"scale\":" #s "}"
#define FIXED_DECIMAL(n, p, s)                                                                     \
    "{\"type\":\"fixed\",\"name\":\"D\",\"size\":" #n                                              \
    ",\"logicalType\":\"decimal\",\"precision\":" #p ",\"scale\":" #s "}"

static void decimals(void **arg)
{
    (void)arg;
    good(DECIMAL(9, 2), "1.23", "7b");
    good(DECIMAL(9, 2), "1.2", "78");
    good(DECIMAL(9, 2), "-1.23", "85");
    good(DECIMAL(9, 2), "0", "00");
    good(DECIMAL(9, 2), "-0.00", "00");
    good(DECIMAL(9, 2), "1.28", "0080");
    good(DECIMAL(9, 2), "2.56", "0100");
    good(DECIMAL(9, 2), "-2.56", "ff00");
    good(DECIMAL(9, 2), "12.3000", "04ce");
    good(DECIMAL(9, 2), "1.23e2", "300c");
    good(DECIMAL(9, 2), "123e-2", "7b");
    good(DECIMAL(9, 2), "+.5", "32");
    bad(DECIMAL(9, 2), "1.234", "scale");
    bad(DECIMAL(9, 2), "123e-3", "scale");
    bad(DECIMAL(4, 2), "100.00", "out of range");
    good(DECIMAL(4, 2), "99.99", "270f");
    bad(DECIMAL(4, 2), "1e1000000000", "out of range");
    bad(DECIMAL(9, 2), "nan", "not a number");
    good(DECIMAL(38, 0), "99999999999999999999999999999999999999",
         "4b3b4ca85a86c47a098a223fffffffff");
    good(DECIMAL(38, 0), "-99999999999999999999999999999999999999",
         "b4c4b357a5793b85f675ddc000000001");
    good(FIXED_DECIMAL(4, 9, 2), "1.23", "0000007b");
    good(FIXED_DECIMAL(4, 9, 2), "-1.23", "ffffff85");
    bad(DECIMAL(9, 2), "x", "decimal(9, 2)");
}

#define LOGICAL(base, name) "{\"type\":\"" base "\",\"logicalType\":\"" name "\"}"

static void times(void **arg)
{
    (void)arg;
    good(LOGICAL("int", "date"), "1970-01-01", "0");
    good(LOGICAL("int", "date"), "2000-02-29", "11016");
    bad(LOGICAL("int", "date"), "1900-02-29", "not a date");
    bad(LOGICAL("int", "date"), "2019-13-01", "not a date");
    bad(LOGICAL("int", "date"), "2019-1-01", "not a date");
    good(LOGICAL("int", "time-millis"), "20:21:09.125", "73269125");
    bad(LOGICAL("int", "time-millis"), "20:21:09.1255", "finer");
    good(LOGICAL("long", "time-micros"), "20:21", "73260000000");
    bad(LOGICAL("long", "time-micros"), "24:00:00", "not a time");
    good(LOGICAL("long", "timestamp-micros"), "2019-03-23 20:21:09", "1553372469000000");
    good(LOGICAL("long", "timestamp-micros"), "2019-03-23T20:21:09.123456Z", "1553372469123456");
    good(LOGICAL("long", "timestamp-micros"), "2019-03-23T20:21:09.123456000+01:30",
         "1553367069123456");
    good(LOGICAL("long", "timestamp-micros"), "2019-03-23t20:21-0500", "1553390460000000");
    good(LOGICAL("long", "timestamp-micros"), "2019-03-23T20:21:09+01", "1553368869000000");
    good(LOGICAL("long", "timestamp-micros"), "2019-03-23", "1553299200000000");
    good(LOGICAL("long", "timestamp-micros"), "1969-12-31T23:59:59.999999Z", "-1");
    good(LOGICAL("long", "timestamp-micros"), "0001-01-01 00:00:00", "-62135596800000000");
    bad(LOGICAL("long", "timestamp-micros"), "2019-03-23T20:21:09.1234567Z", "finer");
    bad(LOGICAL("long", "timestamp-micros"), "2019-03-23 20:61:09", "not a timestamp");
    bad(LOGICAL("long", "timestamp-micros"), "2019-03-23 20:21:09 UTC", "not a timestamp");
    bad(LOGICAL("long", "timestamp-micros"), "2019-03-23 20:21:09+1", "not a timestamp");
    bad(LOGICAL("long", "timestamp-micros"), "2019-03-23 ", "not a timestamp");
    bad(LOGICAL("long", "timestamp-micros"), "2019-03-23 20:21:", "not a timestamp");
    bad(LOGICAL("long", "timestamp-micros"), "2019-03-23 20:21:09.", "not a timestamp");
    bad(LOGICAL("long", "timestamp-micros"), "1553372469", "not a timestamp");
    good(LOGICAL("long", "timestamp-millis"), "2019-03-23T20:21:09.120Z", "1553372469120");
    good(LOGICAL("long", "timestamp-millis"), "1969-12-31T23:59:59.999Z", "-1");
    bad(LOGICAL("long", "timestamp-millis"), "2019-03-23T20:21:09.1201Z", "finer");
    good(LOGICAL("long", "local-timestamp-micros"), "2019-03-23 20:21:09", "1553372469000000");
    good(LOGICAL("long", "local-timestamp-millis"), "2019-03-23 20:21:09", "1553372469000");
    bad(LOGICAL("long", "local-timestamp-micros"), "2019-03-23 20:21:09Z", "time zone");
}

/* Every day of the years that have a leap day rule of their own, against the C library. */
static void dates_against_libc(void **arg)
{
    (void)arg;
    for (int64_t day = -719162; day < 2932896; day += day < 0 || day > 40000 ? 7 : 1) {
        time_t at = (time_t)day * 86400;
        struct tm tm;
        char text[32];
        gmtime_r(&at, &tm);
        snprintf(text, sizeof text, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
        int64_t got;
        assert_true(file_parse_date(text, 10, &got));
        assert_int_equal(got, day);
    }
}

static void durations(void **arg)
{
    (void)arg;
    static const char type[] =
        "{\"type\":\"fixed\",\"name\":\"D\",\"size\":12,\"logicalType\":\"duration\"}";
    good(type, "P1Y2M3DT4H5M6.789S", "0e000000030000006568e000");
    good(type, "P2W", "000000000e00000000000000");
    good(type, "PT0S", "000000000000000000000000");
    bad(type, "P", "duration");
    bad(type, "PT", "duration");
    bad(type, "P1YT", "duration");
    bad(type, "P1H", "duration");
    bad(type, "P1D2Y", "duration");
    bad(type, "P1.5D", "duration");
    bad(type, "PT1.0005S", "duration");
    bad(type, "P9999999999Y", "duration");
    bad(type, "PT1", "duration");
}

static void refusals_show_little(void **arg)
{
    (void)arg;
    char text[1001];
    memset(text, 'x', 1000);
    text[1000] = '\0';
    const char *got = convert("\"int\"", text);
    assert_non_null(strstr(got, "xxx\"... is not a number"));
    assert_true(strlen(got) < 400);
}

static void nested_types_are_refused(void **arg)
{
    (void)arg;
    static const char json[] = "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"tags\","
                               "\"type\":{\"type\":\"array\",\"items\":\"string\"}}]}";
    const mr_schema *schema;
    mr_error err;
    file_column column;
    assert_int_equal(mr_schema_parse(json, sizeof json - 1, &schema, &err), MR_OK);
    assert_int_equal(file_column_init(&column, &schema->fields[0], &err), MR_FATAL);
    assert_true(err.permanent);
    assert_string_equal(err.field, "tags");
    assert_non_null(strstr(err.text, "array"));
    mr_schema_release(schema);
}

static int setup(void **arg)
{
    (void)arg;
    arena = mr_arena_new();
    return 0;
}

static int teardown(void **arg)
{
    (void)arg;
    mr_arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers),
        cmocka_unit_test(doubles),
        cmocka_unit_test(doubles_are_nearest),
        cmocka_unit_test(booleans_and_texts),
        cmocka_unit_test(nulls),
        cmocka_unit_test(decimals),
        cmocka_unit_test(times),
        cmocka_unit_test(dates_against_libc),
        cmocka_unit_test(durations),
        cmocka_unit_test(refusals_show_little),
        cmocka_unit_test(nested_types_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
