/* SPDX-License-Identifier: Apache-2.0 */
/* Cells as JSON: every type, and the values at their edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/record_json.h"

static void assert_json(json_t *value, const char *want)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    mr_show_json(out, value);
    fclose(out);
    assert_string_equal(text, want);
    free(text);
    json_decref(value);
}

static void shows(mr_type type, int64_t i, const char *want)
{
    mr_schema schema = {.type = type};
    mr_cell cell = {.type = (uint8_t)type, .as.i = i};
    assert_json(mr_show_cell(&cell, &schema), want);
}

static void shows_bytes(mr_type type, const char *data, size_t len, int scale, const char *want)
{
    mr_schema schema = {.type = type, .scale = scale};
    mr_cell cell = {.type = (uint8_t)type, .len = (uint32_t)len, .as.text = data};
    assert_json(mr_show_cell(&cell, &schema), want);
}

static void shows_real(double d, const char *want)
{
    mr_schema schema = {.type = MR_DOUBLE};
    mr_cell cell = {.type = MR_DOUBLE, .as.d = d};
    assert_json(mr_show_cell(&cell, &schema), want);
}

static void plain_types(void **arg)
{
    (void)arg;
    shows(MR_NULL, 0, "null");
    shows(MR_BOOL, 1, "true");
    shows(MR_BOOL, 0, "false");
    shows(MR_INT, -5, "-5");
    shows(MR_LONG, INT64_MIN, "-9223372036854775808");
    shows_real(9.3, "9.3");
    shows_real(0.1 + 0.2, "0.30000000000000004");
    shows_real(5, "5.0");
    shows_real(1e300, "1e+300");
    shows_real(-0.0, "-0.0");
    shows_real(NAN, "\"NaN\"");
    shows_real(INFINITY, "\"Infinity\"");
    shows_real(-INFINITY, "\"-Infinity\"");
    shows_bytes(MR_STRING, "a\"b\n\xc3\xbc", 6, 0, "\"a\\\"b\\n\xc3\xbc\"");
    shows_bytes(MR_STRING, "\xff", 1, 0, "{\"base64\":\"/w==\"}");
    shows_bytes(MR_ENUM, "RED", 3, 0, "\"RED\"");
    shows_bytes(MR_UUID, "0c603a71-c838-5e15-98c1-84e54982660e", 36, 0,
                "\"0c603a71-c838-5e15-98c1-84e54982660e\"");
}

static void base64(void **arg)
{
    (void)arg;
    shows_bytes(MR_BYTES, "", 0, 0, "\"\"");
    shows_bytes(MR_BYTES, "f", 1, 0, "\"Zg==\"");
    shows_bytes(MR_BYTES, "fo", 2, 0, "\"Zm8=\"");
    shows_bytes(MR_FIXED, "foo", 3, 0, "\"Zm9v\"");
    shows_bytes(MR_BYTES, "\xff\xfe\xfd\x00", 4, 0, "\"//79AA==\"");
}

static void decimals(void **arg)
{
    (void)arg;
    shows_bytes(MR_DECIMAL, "\x00", 1, 2, "\"0.00\"");
    shows_bytes(MR_DECIMAL, "\x04\xd2", 2, 2, "\"12.34\"");
    shows_bytes(MR_DECIMAL, "\xfb\x2e", 2, 2, "\"-12.34\"");
    shows_bytes(MR_DECIMAL, "\xff", 1, 3, "\"-0.001\"");
    shows_bytes(MR_DECIMAL, "\x7f", 1, 0, "\"127\"");
    shows_bytes(MR_DECIMAL, "\x80", 1, 0, "\"-128\"");
    shows_bytes(MR_DECIMAL, "\x00\xff", 2, 0, "\"255\"");
    shows_bytes(MR_DECIMAL, "", 0, 1, "\"0.0\"");
    shows_bytes(MR_DECIMAL, "\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16, 10,
                "\"-17014118346046923173168730371.5884105728\"");
}

static void times(void **arg)
{
    (void)arg;
    shows(MR_DATE, 17956, "\"2019-03-01\"");
    shows(MR_DATE, -1, "\"1969-12-31\"");
    shows(MR_TIME_MS, 36000007, "\"10:00:00.007\"");
    shows(MR_TIME_US, 86399999999, "\"23:59:59.999999\"");
    shows(MR_TIMESTAMP_MS, 1551434400123, "\"2019-03-01T10:00:00.123Z\"");
    shows(MR_TIMESTAMP_US, 1551434400000001, "\"2019-03-01T10:00:00.000001Z\"");
    shows(MR_TIMESTAMP_US, -1, "\"1969-12-31T23:59:59.999999Z\"");
    shows(MR_LOCAL_TIMESTAMP_MS, 0, "\"1970-01-01T00:00:00.000\"");
    shows(MR_LOCAL_TIMESTAMP_US, 1551434400000000, "\"2019-03-01T10:00:00.000000\"");
    shows(MR_TIMESTAMP_US, INT64_MAX, "9223372036854775807"); /* in no calendar */
    shows_bytes(MR_DURATION, "\x01\0\0\0\x02\0\0\0\xff\0\0\0", 12, 0,
                "{\"months\":1,\"days\":2,\"milliseconds\":255}");
}

static void nested(void **arg)
{
    (void)arg;
    mr_schema text = {.type = MR_STRING}, number = {.type = MR_INT}, null = {.type = MR_NULL};
    const mr_schema *branches[] = {&null, &number};
    mr_schema maybe = {.type = MR_UNION, .branches = branches, .branch_count = 2};
    mr_schema array = {.type = MR_ARRAY, .items = &maybe}, map = {.type = MR_MAP, .items = &text};
    mr_field fields[] = {{.name = "a", .schema = &array}, {.name = "m", .schema = &map}};
    mr_schema record = {.type = MR_RECORD, .fields = fields, .field_count = 2};
    mr_cell items[] = {{.type = MR_INT, .branch = 1, .as.i = 7}, {.type = MR_NULL}};
    mr_cell entries[] = {{.type = MR_STRING, .len = 1, .as.text = "k"},
                         {.type = MR_STRING, .len = 1, .as.text = "v"}};
    mr_cell cells[] = {{.type = MR_ARRAY, .len = 2, .as.cells = items},
                       {.type = MR_MAP, .len = 1, .as.cells = entries}};
    mr_cell root = {.type = MR_RECORD, .len = 2, .as.cells = cells};
    assert_json(mr_show_cell(&root, &record), "{\"a\":[7,null],\"m\":{\"k\":\"v\"}}");
    cells[0].len = cells[1].len = 0;
    assert_json(mr_show_cell(&root, &record), "{\"a\":[],\"m\":{}}");
}

static void unknown_bytes(void **arg)
{
    (void)arg;
    assert_json(mr_show_bytes((mr_slice){NULL, 0}), "null");
    assert_json(mr_show_bytes((mr_slice){"", 0}), "\"\"");
    assert_json(mr_show_bytes((mr_slice){"{\"a\": 1.5}", 10}), "{\"a\":1.5}");
    assert_json(mr_show_bytes((mr_slice){"{oh", 3}), "\"{oh\"");
    assert_json(mr_show_bytes((mr_slice){"\x00\xff", 2}), "{\"base64\":\"AP8=\"}");
}

static void documents(void **arg)
{
    (void)arg;
    mr_schema id = {.type = MR_FIXED, .name = "millrace.ObjectId"};
    mr_cell cell = {.type = MR_FIXED, .len = 12, .as.text = "\x5c\x96\x41\0\1\2\3\4\5\6\7\x08"};
    assert_json(mr_show_cell(&cell, &id), "\"5c9641000102030405060708\"");
    mr_schema other = {.type = MR_FIXED, .name = "other.ObjectId"};
    assert_json(mr_show_cell(&cell, &other), "\"XJZBAAECAwQFBgcI\"");
    /* 12.50: significand 1250, exponent -2 biased by 6176 */
    mr_schema decimal = {.type = MR_FIXED, .name = "millrace.Decimal128"};
    cell = (mr_cell){
        .type = MR_FIXED, .len = 16, .as.text = "\xe2\x04\0\0\0\0\0\0\0\0\0\0\0\0\x3c\x30"};
    assert_json(mr_show_cell(&cell, &decimal), "\"12.50\"");
    mr_schema text = {.type = MR_STRING}, json = {.type = MR_RECORD, .name = "millrace.Json"};
    mr_field field = {.name = "json", .schema = &text};
    json.fields = &field;
    json.field_count = 1;
    const char *regex = "{\"$regularExpression\":{\"pattern\":\"a\",\"options\":\"\"}}";
    mr_cell inner = {.type = MR_STRING, .len = (uint32_t)strlen(regex), .as.text = regex};
    cell = (mr_cell){.type = MR_RECORD, .len = 1, .as.cells = &inner};
    assert_json(mr_show_cell(&cell, &json), regex);
    mr_schema uuid = {.type = MR_UUID};
    cell = (mr_cell){.type = MR_UUID, .len = 16, .as.text = "0123456789abcdef"};
    assert_json(mr_show_cell(&cell, &uuid), "\"30313233-3435-3637-3839-616263646566\"");
}

static void headers(void **arg)
{
    (void)arg;
    static const char bson[] = "\x0c\0\0\0\x10n\0\7\0\0\0";
    const mr_header document = {"millrace.bson", {bson, 12}}, torn = {"millrace.bson", {bson, 11}},
                    plain = {"trace", {"abc", 3}}, none = {"millrace.bson", {NULL, 0}};
    assert_json(mr_show_header(&document), "{\"n\":7}");
    assert_json(mr_show_header(&plain), "\"abc\"");
    assert_json(mr_show_header(&none), "null");
    json_decref(mr_show_header(&torn)); /* whatever it is, it is something */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_types), cmocka_unit_test(base64),  cmocka_unit_test(decimals),
        cmocka_unit_test(times),       cmocka_unit_test(nested),  cmocka_unit_test(unknown_bytes),
        cmocka_unit_test(documents),   cmocka_unit_test(headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
