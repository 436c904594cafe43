/* SPDX-License-Identifier: Apache-2.0 */
/* Values of every type as JSON and back, in both dialects; what is refused, with its reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "codec/avro.h"
#include "codec/from_text.h"
#include "codec/json.h"
#include "codec/schema.h"

#define LOGICAL(base, name) "{\"type\":\"" base "\",\"logicalType\":\"" name "\"}"
#define DECIMAL(p, s)                                                                              \
    "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":" #p ",\"scale\":" #s "}"
#define ENUM      "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}"
#define FIXED     "{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}"
#define OBJECT_ID "{\"type\":\"fixed\",\"name\":\"millrace.ObjectId\",\"size\":12}"
#define ANY_JSON                                                                                   \
    "{\"type\":\"record\",\"name\":\"millrace.Json\",\"fields\":[{\"name\":\"json\",\"type\":"     \
    "\"string\"}]}"
#define RECORD                                                                                     \
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":["                                             \
    "{\"name\":\"a\",\"type\":\"int\"},"                                                           \
    "{\"name\":\"b\",\"type\":[\"null\",\"string\"]},"                                             \
    "{\"name\":\"c\",\"type\":\"long\",\"default\":7}]}"
#define TREE                                                                                       \
    "{\"type\":\"record\",\"name\":\"T\",\"fields\":["                                             \
    "{\"name\":\"v\",\"type\":\"int\"},"                                                           \
    "{\"name\":\"kids\",\"type\":{\"type\":\"array\",\"items\":\"T\"},\"default\":[]}]}"

static mr_arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = mr_arena_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mr_arena_free(arena);
    return 0;
}

static const mr_schema *parse(const char *json)
{
    const mr_schema *schema;
    mr_error err;
    if (mr_schema_parse(json, strlen(json), &schema, &err)) {
        fail_msg("%s", err.text);
    }
    return schema;
}

/* Reads from memory of just its size, so that ASan sees a byte read too far. */
static mr_status decode(const mr_schema *schema, mr_json_dialect dialect, const char *text,
                        size_t len, mr_cell *ret, mr_error *err)
{
    mr_json_decoder *decoder = mr_json_decoder_new(schema, dialect);
    char *exact = mr_alloc(len ? len : 1);
    memcpy(exact, text, len);
    mr_status status = mr_json_decode(decoder, (mr_slice){exact, len}, arena, ret, err);
    mr_json_decoder_free(decoder);
    if (status != MR_OK) {
        free(exact);
        return status;
    }
    /* Cells may point into the text: a copy that lives as long as they do. */
    mr_json_decoder *again = mr_json_decoder_new(schema, dialect);
    const char *kept = mr_arena_copy(arena, exact, len);
    assert_int_equal(mr_json_decode(again, (mr_slice){kept, len}, arena, ret, err), MR_OK);
    mr_json_decoder_free(again);
    free(exact);
    return MR_OK;
}

typedef struct value {
    const char *schema, *read, *plain, *connect; /* plain NULL: as read; connect NULL: as plain */
} value;

static const value values[] = {
    {"\"null\"", "null", NULL, NULL},
    {"\"boolean\"", " true ", "true", NULL},
    {"\"boolean\"", "false", NULL, NULL},
    {"\"int\"", "-2147483648", NULL, NULL},
    {"\"int\"", "1.0", "1", NULL},
    {"\"int\"", "2e3", "2000", NULL},
    {"\"int\"", "-0", "0", NULL},
    {"\"long\"", "9223372036854775807", NULL, NULL},
    {"\"long\"", "-9223372036854775808", NULL, NULL},
    {"\"long\"", "9007199254740993", NULL, NULL},
    {"\"float\"", "0.1", NULL, NULL},
    {"\"float\"", "16777216", "16777216.0", NULL},
    {"\"double\"", "0.1", NULL, NULL},
    {"\"double\"", "1", "1.0", NULL},
    {"\"double\"", "1e300", "1e+300", NULL},
    {"\"double\"", "-0.0", "-0.0", NULL},
    {"\"double\"", "\"NaN\"", NULL, NULL},
    {"\"float\"", "\"-Infinity\"", NULL, NULL},
    {"\"string\"", "\"\"", NULL, NULL},
    {"\"string\"", "\"z\xc3\xbcrich \\u00fc \\ud83d\\ude00 \\\"\\\\\\/ \\n\"",
     "\"z\xc3\xbcrich \xc3\xbc \xf0\x9f\x98\x80 \\\"\\\\/ \\u000a\"", NULL},
    {"\"string\"", "\"a\\u0000b\"", NULL, NULL},
    {"\"bytes\"", "\"AP8Q\"", NULL, NULL},
    {"\"bytes\"", "\"AA\"", "\"AA==\"", NULL},
    {FIXED, "\"AQID\"", NULL, NULL},
    {ENUM, "\"B\"", NULL, NULL},
    {OBJECT_ID, "\"5c8f8f8f8f8f8f8f8f8f8f8f\"", NULL, NULL},
    {ANY_JSON, "{\"x\": [1.10, null]}", "{\"x\":[1.10,null]}", "\"{\\\"x\\\": [1.10, null]}\""},
    {DECIMAL(10, 2), "\"12.5\"", "\"12.50\"", "\"BOI=\""},
    {DECIMAL(10, 2), "-0.05", "\"-0.05\"", "\"+w==\""},
    {DECIMAL(10, 2), "\"1e3\"", "\"1000.00\"", "\"AYag\""},
    {DECIMAL(10, 2), "\"0.000\"", "\"0.00\"", "\"AA==\""},
    {DECIMAL(38, 0), "\"99999999999999999999999999999999999999\"", NULL,
     "\"SztMqFqGxHoJiiI//////w==\""},
    {DECIMAL(4, 1), "-12.8", "\"-12.8\"", "\"gA==\""},
    {LOGICAL("string", "uuid"), "\"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11\"",
     "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"", NULL},
    {LOGICAL("int", "date"), "\"2019-03-23\"", NULL, "17978"},
    {LOGICAL("int", "date"), "\"0001-01-01\"", NULL, "-719162"},
    {LOGICAL("int", "date"), "-1", "\"1969-12-31\"", "-1"},
    {LOGICAL("int", "date"), "2147483647", "2147483647", NULL},
    {LOGICAL("int", "time-millis"), "\"20:21:09.5\"", NULL, "73269500"},
    {LOGICAL("long", "time-micros"), "\"00:00:00.000001\"", NULL, "1"},
    {LOGICAL("long", "timestamp-millis"), "\"2019-03-23T20:21:09Z\"", NULL, "1553372469000"},
    {LOGICAL("long", "timestamp-millis"), "\"2019-03-23T20:21:09.250+01:00\"",
     "\"2019-03-23T19:21:09.25Z\"", "1553368869250"},
    {LOGICAL("long", "timestamp-millis"), "-1", "\"1969-12-31T23:59:59.999Z\"", "-1"},
    {LOGICAL("long", "timestamp-micros"), "\"2019-03-23T20:21:09.123456Z\"", NULL, NULL},
    {LOGICAL("long", "timestamp-micros"), "\"2019-03-23 20:21:09.123456000-0130\"",
     "\"2019-03-23T21:51:09.123456Z\"", NULL},
    {LOGICAL("long", "local-timestamp-micros"), "9223372036854775807", NULL, NULL},
    {LOGICAL("long", "local-timestamp-millis"), "\"2019-03-23T20:21:09\"", NULL, "1553372469000"},
    {LOGICAL("long", "local-timestamp-micros"), "\"9999-12-31T23:59:59.999999\"", NULL,
     "253402300799999999"},
    {"{\"type\":\"fixed\",\"name\":\"D\",\"size\":12,\"logicalType\":\"duration\"}",
     "{\"days\":2,\"months\":1,\"milliseconds\":4294967295}",
     "{\"months\":1,\"days\":2,\"milliseconds\":4294967295}", NULL},
    {"{\"type\":\"array\",\"items\":\"int\"}", "[ ]", "[]", NULL},
    {"{\"type\":\"array\",\"items\":\"int\"}", "[1, 2,3]", "[1,2,3]", NULL},
    {"{\"type\":\"map\",\"values\":\"int\"}", "{\"a\":1, \"\xc3\xbc\":2}",
     "{\"a\":1,\"\xc3\xbc\":2}", NULL},
    {"[\"null\",\"int\"]", "null", NULL, NULL},
    {"[\"int\",\"null\"]", "5", NULL, NULL},
    {"[\"null\",\"int\",\"double\",\"string\"]", "1.5", NULL, NULL},
    {"[\"null\",\"int\",\"double\",\"string\"]", "1.0", NULL, NULL},
    {"[\"null\",\"int\",\"double\",\"string\"]", "1", NULL, NULL},
    {"[\"null\",\"int\",\"double\",\"string\"]", "3000000000", "3000000000.0", NULL},
    {"[\"null\",\"int\",\"double\",\"string\"]", "\"x\"", NULL, NULL},
    {"[\"null\"," RECORD "," TREE "]", "{\"v\":1}", "{\"v\":1,\"kids\":[]}", NULL},
    {RECORD, "{\"c\":3,\"b\":\"x\",\"a\":1}", "{\"a\":1,\"b\":\"x\",\"c\":3}", NULL},
    {RECORD, "{\"more\":[{\"x\":1}],\"a\":1}", "{\"a\":1,\"b\":null,\"c\":7}", NULL},
    {TREE, "{\"v\":1,\"kids\":[{\"v\":2},{\"kids\":[{\"v\":4}],\"v\":3}]}",
     "{\"v\":1,\"kids\":[{\"v\":2,\"kids\":[]},{\"v\":3,\"kids\":[{\"v\":4,\"kids\":[]}]}]}", NULL},
};

/* Written in one dialect and read back in it, the same must come out again. */
static void check_written(const mr_schema *schema, mr_json_dialect dialect, const mr_cell *cell,
                          const char *want)
{
    mr_buffer first = MR_BUFFER_INIT(1 << 16), second = MR_BUFFER_INIT(1 << 16);
    mr_cell again;
    mr_error err;
    if (mr_json_encode(schema, dialect, cell, &first, &err)) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(mr_buffer_text(&first), want);
    if (decode(schema, dialect, first.data, first.len, &again, &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(mr_json_encode(schema, dialect, &again, &second, &err), MR_OK);
    assert_string_equal(mr_buffer_text(&second), want);
    mr_buffer_release(&first);
    mr_buffer_release(&second);
}

static void values_of_every_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const value *v = &values[i];
        const mr_schema *schema = parse(v->schema);
        mr_cell cell;
        mr_error err;
        if (decode(schema, MR_JSON_PLAIN, v->read, strlen(v->read), &cell, &err)) {
            fail_msg("%s: %s", v->read, err.text);
        }
        const char *plain = v->plain ? v->plain : v->read;
        check_written(schema, MR_JSON_PLAIN, &cell, plain);
        check_written(schema, MR_JSON_CONNECT, &cell, v->connect ? v->connect : plain);
        mr_schema_release(schema);
    }
}

typedef struct refused {
    const char *schema, *text, *field, *reason;
} refused;

static const refused bad[] = {
    {"\"int\"", "", "", "the end of the text where a whole number"},
    {"\"int\"", "1 2", "", "something follows"},
    {"\"int\"", "\"1\"", "", "a string where a whole number is expected"},
    {"\"int\"", "1.5", "", "no whole number"},
    {"\"int\"", "2147483648", "", "does not fit into int of 32 bits"},
    {"\"long\"", "9223372036854775808", "", "does not fit into long of 64 bits"},
    {"\"long\"", "1e99999999999999999999", "", "does not fit"},
    {"\"int\"", "01", "", "without leading zeros"},
    {"\"int\"", "1.", "", "a digit"},
    {"\"int\"", "+1", "", "no JSON value where a whole number"},
    {"\"double\"", "1e400", "", "too large for double"},
    {"\"double\"", "NaN", "", "no JSON value where a number"},
    {"\"double\"", "\"nan\"", "", "\"NaN\""},
    {"\"float\"", "1e39", "", "too large for float"},
    {"\"boolean\"", "truth", "", "true is expected"},
    {"\"boolean\"", "1", "", "true or false"},
    {"\"string\"", "\"abc", "", "ends within a string"},
    {"\"string\"", "\"a\nb\"", "", "control character"},
    {"\"string\"", "\"\xff\"", "", "not UTF-8"},
    {"\"string\"", "\"\\x\"", "", "backslash"},
    {"\"string\"", "\"\\u12\"", "", "four hexadecimal digits"},
    {"\"string\"", "\"\\ud800\"", "", "surrogates"},
    {"\"string\"", "\"\\ud800\\u0041\"", "", "surrogates"},
    {"\"string\"", "\"\\udc00\"", "", "surrogates"},
    {"\"string\"", "null", "", "null where a string"},
    {"\"bytes\"", "\"A\"", "", "no base64"},
    {"\"bytes\"", "\"A?==\"", "", "no base64"},
    {FIXED, "\"AQI=\"", "", "2 bytes for fixed F of 3"},
    {ENUM, "\"C\"", "", "no symbol of enum E"},
    {OBJECT_ID, "\"5c8f\"", "", "24 hexadecimal digits"},
    {DECIMAL(4, 2), "\"1.234\"", "", "more than 2 decimals"},
    {DECIMAL(4, 2), "\"100.00\"", "", "more than the 4 digits"},
    {DECIMAL(4, 2), "\"abc\"", "", "no decimal"},
    {DECIMAL(4, 2), "true", "", "a boolean where a decimal"},
    {LOGICAL("string", "uuid"), "\"x\"", "", "no uuid"},
    {LOGICAL("int", "date"), "\"2019-02-29\"", "", "no date"},
    {LOGICAL("int", "time-millis"), "\"24:00:00\"", "", "no time-millis"},
    {LOGICAL("int", "time-millis"), "\"00:00:00.0001\"", "", "finer than time-millis"},
    {LOGICAL("long", "timestamp-millis"), "\"2019-03-23T20:21:09\"", "", "needs one"},
    {LOGICAL("long", "timestamp-millis"), "\"2019-03-23T20:21:09.0001Z\"", "", "finer than"},
    {LOGICAL("long", "local-timestamp-millis"), "\"2019-03-23T20:21:09Z\"", "", "needs none"},
    {LOGICAL("long", "timestamp-micros"), "\"2019-03-23\"", "", "no timestamp-micros"},
    {"{\"type\":\"array\",\"items\":\"int\"}", "[1,\"x\"]", "[1]", "a whole number"},
    {"{\"type\":\"array\",\"items\":\"int\"}", "[1,]", "[1]", "a whole number"},
    {"{\"type\":\"array\",\"items\":\"int\"}", "[1 2]", "", "']' is expected"},
    {"{\"type\":\"map\",\"values\":\"int\"}", "{1:2}", "[0]", "a string is expected"},
    {"{\"type\":\"map\",\"values\":\"int\"}", "[[1,2]]", "", "an object is expected"},
    {"[\"int\",\"string\"]", "null", "", "null fits no branch"},
    {"[\"null\",\"int\"]", "{}", "", "an object where null or another value"},
    {RECORD, "{}", "a", "missing"},
    {RECORD, "{\"a\":1,\"a\":2}", "a", "twice"},
    {RECORD, "{\"a\":null}", "a", "null where a whole number"},
    {RECORD, "{\"a\":1,\"c\":null}", "c", "null where a whole number"},
    {RECORD, "{\"a\":1,\"b\":2}", "b", "a number where null or another value"},
    {RECORD, "{\"a\":1,\"x\":tru}", "", "true is expected"},
    {RECORD, "{\"a\":1", "", "'}'"},
    {RECORD, "[]", "", "an array where an object"},
    {TREE, "{\"v\":1,\"kids\":[{\"v\":1},{\"v\":\"x\"}]}", "kids[1].v", "a whole number"},
};

static void what_is_refused_says_where_and_why(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const mr_schema *schema = parse(bad[i].schema);
        mr_cell cell;
        mr_error err = {0};
        assert_int_equal(
            decode(schema, MR_JSON_PLAIN, bad[i].text, strlen(bad[i].text), &cell, &err),
            MR_REJECT);
        if (strcmp(err.field, bad[i].field) != 0 || !strstr(err.text, bad[i].reason)) {
            fail_msg("%s: field \"%s\", %s", bad[i].text, err.field, err.text);
        }
        mr_schema_release(schema);
    }
}

/* Connect's converter takes a null as the default of a field that may not be null, writes maps with
 * other keys as pairs, decimals as numbers too, and times finer than microseconds. */
static void what_connect_writes_besides(void **state)
{
    (void)state;
    static const struct {
        const char *schema, *text, *plain;
    } also[] = {
        {RECORD, "{\"a\":1,\"c\":null}", "{\"a\":1,\"b\":null,\"c\":7}"},
        {"{\"type\":\"map\",\"values\":\"int\"}", "[[1,2],[\"x\",3]]", "{\"1\":2,\"x\":3}"},
        {DECIMAL(10, 2), "12.5", "\"12.50\""},
        {LOGICAL("long", "timestamp-micros"), "\"2019-03-23T20:21:09.123456789+00:00\"",
         "\"2019-03-23T20:21:09.123456Z\""},
    };
    for (size_t i = 0; i < sizeof also / sizeof *also; i++) {
        const mr_schema *schema = parse(also[i].schema);
        mr_cell cell;
        mr_error err;
        if (decode(schema, MR_JSON_CONNECT, also[i].text, strlen(also[i].text), &cell, &err)) {
            fail_msg("%s", err.text);
        }
        check_written(schema, MR_JSON_PLAIN, &cell, also[i].plain);
        mr_schema_release(schema);
    }
}

/* Few bytes can not make much: defaults of many fields, and unions of many branches. */
static void limits(void **state)
{
    (void)state;
    mr_buffer text = MR_BUFFER_INIT(16 << 20), wide = MR_BUFFER_INIT(1 << 20);
    mr_cell cell;
    mr_error err;
    const mr_schema *tree = parse(TREE);
    for (int depth = 0; depth < 40; depth++) {
        mr_buffer_add_text(&text, "{\"v\":1,\"kids\":[");
    }
    assert_int_equal(decode(tree, MR_JSON_PLAIN, text.data, text.len, &cell, &err), MR_REJECT);
    assert_non_null(strstr(err.text, "nested deeper than 64"));
    mr_schema_release(tree);

    mr_buffer_clear(&text);
    for (int i = 0; i < 200; i++) {
        mr_buffer_add_char(&text, '[');
    }
    assert_false(mr_json_valid((mr_slice){text.data, text.len}));

    mr_buffer_add_text(&wide, "{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"W\","
                              "\"fields\":[");
    for (int i = 0; i < 2000; i++) {
        mr_buffer_printf(&wide, "%s{\"name\":\"f%d\",\"type\":[\"null\",\"int\"]}", i ? "," : "",
                         i);
    }
    mr_buffer_add_text(&wide, "]}}");
    const mr_schema *many = parse(mr_buffer_text(&wide));
    mr_buffer_clear(&text);
    for (int i = 0; i < 1000; i++) {
        mr_buffer_add_text(&text, i ? ",{}" : "[{}");
    }
    mr_buffer_add_char(&text, ']');
    assert_int_equal(decode(many, MR_JSON_PLAIN, text.data, text.len, &cell, &err), MR_REJECT);
    assert_non_null(strstr(err.text, "more values than a text of its length may"));
    mr_schema_release(many);
    mr_buffer_release(&text);
    mr_buffer_release(&wide);
}

static void what_can_not_be_written(void **state)
{
    (void)state;
    const mr_schema *schema = parse(RECORD);
    mr_buffer out = MR_BUFFER_INIT(64), small = MR_BUFFER_INIT(8);
    mr_error err;
    mr_cell cells[] = {{.type = MR_INT, .as.i = 1},
                       {.type = MR_STRING, .branch = 1, .len = 1, .as.text = "\xff"},
                       {.type = MR_LONG, .as.i = 2}};
    const mr_cell record = {.type = MR_RECORD, .len = 3, .as.cells = cells};
    mr_buffer_add_text(&out, "before");
    assert_int_equal(mr_json_encode(schema, MR_JSON_PLAIN, &record, &out, &err), MR_REJECT);
    assert_string_equal(err.field, "b");
    assert_non_null(strstr(err.text, "not UTF-8"));
    assert_string_equal(mr_buffer_text(&out), "before");
    cells[1] = (mr_cell){.type = MR_NULL};
    assert_int_equal(mr_json_encode(schema, MR_JSON_PLAIN, &record, &small, &err), MR_REJECT);
    assert_non_null(strstr(err.text, "limit of 8 bytes"));
    cells[2] = (mr_cell){.type = MR_STRING};
    assert_int_equal(mr_json_encode(schema, MR_JSON_PLAIN, &record, &out, &err), MR_REJECT);
    assert_non_null(strstr(err.text, "a value of type string where long is expected"));
    mr_buffer_release(&out);
    mr_buffer_release(&small);
    mr_schema_release(schema);
}

/* Decimals against an independent count: powers of ten around the borders of limbs and bytes. */
static void decimals_of_all_lengths(void **state)
{
    (void)state;
    char text[64] = "", out[MR_DECIMAL_BYTES_MAX];
    for (int64_t n = 1; n < INT64_MAX / 10; n *= 10) {
        for (int64_t d = -2; d <= 2; d++) {
            for (int64_t sign = -1; sign <= 1; sign += 2) {
                size_t len;
                int64_t want = sign * (n + d), got = 0;
                snprintf(text, sizeof text, "%lld", (long long)want);
                assert_int_equal(mr_decimal_from_text(text, strlen(text), 38, 0, out, &len),
                                 MR_DECIMAL_OK);
                got = (signed char)out[0];
                for (size_t i = 1; i < len; i++) {
                    got = (int64_t)((uint64_t)got << 8 | (unsigned char)out[i]);
                }
                assert_int_equal(got, want);
                assert_true(len == 1 || !((out[0] == 0 && !(out[1] & 0x80)) ||
                                          (out[0] == -1 && (out[1] & 0x80))));
            }
        }
    }
    char *long_text = mr_alloc(MR_DECIMAL_DIGITS_MAX + 2);
    size_t len;
    memset(long_text, '9', MR_DECIMAL_DIGITS_MAX + 1);
    assert_int_equal(
        mr_decimal_from_text(long_text, MR_DECIMAL_DIGITS_MAX, INT32_MAX, 0, out, &len), 0);
    assert_true(len <= MR_DECIMAL_BYTES_MAX);
    assert_int_equal(
        mr_decimal_from_text(long_text, MR_DECIMAL_DIGITS_MAX + 1, INT32_MAX, 0, out, &len),
        MR_DECIMAL_RANGE);
    free(long_text);
}

static void compact(void **state)
{
    (void)state;
    mr_buffer out = MR_BUFFER_INIT(1 << 10);
    const char text[] = " { \"a b\\\" \" : [ 1.10 , 12345678901234567890 ] }\n";
    assert_true(mr_json_compact((mr_slice){text, sizeof text - 1}, &out));
    assert_string_equal(mr_buffer_text(&out), "{\"a b\\\" \":[1.10,12345678901234567890]}");
    assert_false(mr_json_compact((mr_slice){text, sizeof text - 3}, &out));
    mr_buffer_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_of_every_type, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_refused_says_where_and_why, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_connect_writes_besides, set_up, tear_down),
        cmocka_unit_test_setup_teardown(limits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_can_not_be_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(decimals_of_all_lengths, set_up, tear_down),
        cmocka_unit_test_setup_teardown(compact, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
