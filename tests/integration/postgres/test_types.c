/* SPDX-License-Identifier: Apache-2.0 */
/* Every type there and back, with its extremes: what PostgreSQL shows of a value is what was sent.
 */
#include <float.h>
#include <math.h>

#include "integration/postgres/rig.h"

/* Writes one value of one Avro type and reads it back as text. column NULL: auto.create. */
static const char *through(const char *avro, const char *column, mr_cell cell)
{
    static int number;
    char *json = mr_format("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"v\","
                           "\"type\":[\"null\",%s]}]}",
                           avro);
    const mr_schema *schema = schema_of(json);
    char *name = mr_format("@.types_%d", number++);
    if (column) {
        char *create = mr_format("CREATE TABLE %s (v %s)", name, column);
        sql(create);
        free(create);
    }
    rig *r = rig_new("types");
    rig_route(r, "types", "table", name, "auto.create", "true", "auto.evolve", "false", NULL);
    assert_ok(r, rig_open(r));
    r->offset.next = number;
    mr_status status = rig_put(r, batch_of(r, schema, 0, &cell, 1, 1));
    if (status != MR_OK) {
        fail_msg("%s: %s", avro, r->err.text);
    }
    rig_free(r);
    mr_schema_release(schema);
    char *statement = mr_format("SELECT v, pg_typeof(v) FROM %s", name);
    const char *found = rows(statement);
    free(statement);
    free(json);
    free(name);
    return found;
}

#define assert_through(avro, column, cell, expected)                                               \
    assert_string_equal(through(avro, column, cell), expected)

#define STRING "\"string\""

static void booleans_and_integers(void **state)
{
    (void)state;
    assert_through("\"boolean\"", NULL, cell_int(MR_BOOL, 1), "t|boolean");
    assert_through("\"boolean\"", NULL, cell_int(MR_BOOL, 0), "f|boolean");
    assert_through("\"int\"", NULL, cell_int(MR_INT, INT32_MIN), "-2147483648|integer");
    assert_through("\"int\"", "smallint", cell_int(MR_INT, -32768), "-32768|smallint");
    assert_through("\"int\"", "bigint", cell_int(MR_INT, INT32_MAX), "2147483647|bigint");
    assert_through("\"long\"", NULL, cell_int(MR_LONG, INT64_MIN), "-9223372036854775808|bigint");
    assert_through("\"long\"", "integer", cell_int(MR_LONG, 12), "12|integer");
    assert_through("\"long\"", "numeric", cell_int(MR_LONG, INT64_MIN),
                   "-9223372036854775808|numeric");
    assert_through("\"long\"", "numeric", cell_int(MR_LONG, 0), "0|numeric");
    assert_through("\"long\"", "numeric", cell_int(MR_LONG, 1200010000), "1200010000|numeric");
    assert_through("\"long\"", "float8", cell_int(MR_LONG, 1 << 30), "1073741824|double precision");
    assert_through("\"long\"", "real", cell_int(MR_LONG, -2), "-2|real");
    assert_through("\"long\"", "text", cell_int(MR_LONG, INT64_MIN), "-9223372036854775808|text");
    assert_through("\"boolean\"", "text", cell_int(MR_BOOL, 1), "true|text");
}

static void floating_point(void **state)
{
    (void)state;
    assert_through("\"float\"", NULL, cell_double(MR_FLOAT, 1.5F), "1.5|real");
    assert_through("\"float\"", NULL, cell_double(MR_FLOAT, (double)NAN), "NaN|real");
    assert_through("\"double\"", NULL, cell_double(MR_DOUBLE, (double)NAN), "NaN|double precision");
    assert_through("\"double\"", NULL, cell_double(MR_DOUBLE, -HUGE_VAL),
                   "-Infinity|double precision");
    assert_through("\"double\"", NULL, cell_double(MR_DOUBLE, DBL_MAX),
                   "1.7976931348623157e+308|double precision");
    assert_through("\"double\"", NULL, cell_double(MR_DOUBLE, DBL_TRUE_MIN),
                   "5e-324|double precision");
    assert_through("\"double\"", NULL, cell_double(MR_DOUBLE, -0.0), "-0|double precision");
    assert_through("\"double\"", "real", cell_double(MR_DOUBLE, 0.25), "0.25|real");
    assert_through("\"double\"", "real", cell_double(MR_DOUBLE, HUGE_VAL), "Infinity|real");
    assert_through("\"double\"", "numeric", cell_double(MR_DOUBLE, 0.1), "0.1|numeric");
    assert_through("\"double\"", "numeric", cell_double(MR_DOUBLE, -123456.75),
                   "-123456.75|numeric");
    assert_through("\"double\"", "numeric", cell_double(MR_DOUBLE, 1e25),
                   "10000000000000000000000000|numeric");
    assert_through("\"double\"", "numeric", cell_double(MR_DOUBLE, 1.5e-7), "0.00000015|numeric");
    assert_through("\"double\"", "numeric", cell_double(MR_DOUBLE, (double)NAN), "NaN|numeric");
    assert_through("\"double\"", "numeric", cell_double(MR_DOUBLE, -HUGE_VAL), "-Infinity|numeric");
    assert_through("\"float\"", "numeric", cell_double(MR_FLOAT, 0.1F), "0.1|numeric");
    assert_through("\"double\"", "numeric(8,2)", cell_double(MR_DOUBLE, 2.345), "2.35|numeric");
}

static void texts(void **state)
{
    (void)state;
    assert_through(STRING, NULL, cell_text(""), "|text");
    assert_through(STRING, NULL, cell_text("\xf0\x9f\x9a\x95 taxi \xe2\x82\xac"),
                   "\xf0\x9f\x9a\x95 taxi \xe2\x82\xac|text");
    assert_through(STRING, "varchar(3)", cell_text("\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"),
                   "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac|character varying");
    assert_through(STRING, "char(4)", cell_text("ab"), "ab  |character");
    assert_through(STRING, "uuid", cell_text("00112233-4455-6677-8899-AABBCCDDEEFF"),
                   "00112233-4455-6677-8899-aabbccddeeff|uuid");
    assert_through(STRING, "json", cell_text("{\"a\": 1}"), "{\"a\": 1}|json");
    assert_through(STRING, "jsonb", cell_text("{\"b\":[1,2],\"a\":1}"),
                   "{\"a\": 1, \"b\": [1, 2]}|jsonb");
    assert_through(STRING, "numeric", cell_text("-0012.500e2"), "-1250.0|numeric");
    /* Any other type: cast by the server. */
    assert_through(STRING, "integer", cell_text(" 42 "), "42|integer");
    assert_through(STRING, "boolean", cell_text("yes"), "t|boolean");
    assert_through(STRING, "timestamptz", cell_text("2019-03-01T10:00:00+02:00"),
                   "2019-03-01 08:00:00+00|timestamp with time zone");
    assert_through(STRING, "date", cell_text("2019-03-01"), "2019-03-01|date");
    assert_through(STRING, "inet", cell_text("10.0.0.1/8"), "10.0.0.1/8|inet");
    assert_through(STRING, "integer[]", cell_text("{1,2}"), "{1,2}|integer[]");
    sql("CREATE TYPE @.mood AS ENUM ('sad', 'ok'); CREATE DOMAIN @.short AS varchar(5); "
        "CREATE DOMAIN @.shorter AS @.short CHECK (length(VALUE) < 4)");
    char *mood = mr_format("%s.mood", test_schema);
    char *expected = mr_format("ok|%s", mood);
    assert_through(STRING, mood, cell_text("ok"), expected);
    mr_cell symbol = cell_bytes(MR_ENUM, "ok", 2);
    assert_through("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"ok\"]}", mood, symbol,
                   expected);
    assert_through("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"ok\"]}", NULL, symbol,
                   "ok|text");
    free(expected);
    expected = mr_format("abc|%s.shorter", test_schema);
    assert_through(STRING, "@.shorter", cell_text("abc"), expected);
    free(expected);
    free(mood);
}

static void a_megabyte_of_text_and_bytes(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20 };
    char *text = mr_alloc(SIZE + 1);
    for (int i = 0; i < SIZE; i++) {
        text[i] = (char)('a' + i % 26);
    }
    text[SIZE] = '\0';
    char *expected = mr_format("%s|text", text);
    assert_through(STRING, NULL, cell_bytes(MR_STRING, text, SIZE), expected);
    free(expected);
    free(text);
}

static void bytes(void **state)
{
    (void)state;
    assert_through("\"bytes\"", NULL, cell_bytes(MR_BYTES, "\0\xff\x7f", 3), "\\x00ff7f|bytea");
    assert_through("\"bytes\"", NULL, cell_bytes(MR_BYTES, "", 0), "\\x|bytea");
    assert_through("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", NULL,
                   cell_bytes(MR_FIXED, "\x01\x02", 2), "\\x0102|bytea");
}

#define DECIMAL(precision, scale)                                                                  \
    "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":" #precision                    \
    ",\"scale\":" #scale "}"

static mr_cell decimal(const char *bytes, size_t len)
{
    return cell_bytes(MR_DECIMAL, bytes, len);
}

static void decimals(void **state)
{
    (void)state;
    assert_through(DECIMAL(10, 2), NULL, decimal("\x04\xd2", 2), "12.34|numeric");
    assert_through(DECIMAL(10, 2), NULL, decimal("\xff", 1), "-0.01|numeric");
    assert_through(DECIMAL(10, 2), NULL, decimal("\x00", 1), "0.00|numeric");
    assert_through(DECIMAL(10, 2), NULL, decimal("", 0), "0.00|numeric");
    assert_through(DECIMAL(10, 0), NULL, decimal("\x00\x00\x00\x80", 4), "128|numeric");
    assert_through(DECIMAL(10, 0), NULL, decimal("\xff\xff\xff\x80", 4), "-128|numeric");
    /* 99999999999999999999999999999999999999, 38 digits, and its negative. */
    static const char most[] = "\x4b\x3b\x4c\xa8\x5a\x86\xc4\x7a\x09\x8a\x22\x3f\xff\xff\xff\xff";
    static const char least[] = "\xb4\xc4\xb3\x57\xa5\x79\x3b\x85\xf6\x75\xdd\xc0\x00\x00\x00\x01";
    assert_through(DECIMAL(38, 0), NULL, decimal(most, 16),
                   "99999999999999999999999999999999999999|numeric");
    assert_through(DECIMAL(38, 38), NULL, decimal(least, 16),
                   "-0.99999999999999999999999999999999999999|numeric");
    assert_through(DECIMAL(38, 7), "numeric", decimal(least, 16),
                   "-9999999999999999999999999999999.9999999|numeric");
    assert_through(DECIMAL(38, 7), "text", decimal(least, 16),
                   "-9999999999999999999999999999999.9999999|text");
    /* 2^160, and its negative: beyond machine words. */
    static const char high[] = "\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    static const char low[] = "\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    assert_through(DECIMAL(60, 3), NULL, decimal(high, 21),
                   "1461501637330902918203684832716283019655932542.976|numeric");
    assert_through(DECIMAL(60, 0), NULL, decimal(low, 21),
                   "-1461501637330902918203684832716283019655932542976|numeric");
}

#define LOGICAL(base, name) "{\"type\":\"" base "\",\"logicalType\":\"" name "\"}"

static void dates_and_times(void **state)
{
    (void)state;
    assert_through(LOGICAL("int", "date"), NULL, cell_int(MR_DATE, 0), "1970-01-01|date");
    assert_through(LOGICAL("int", "date"), NULL, cell_int(MR_DATE, -719162), "0001-01-01|date");
    assert_through(LOGICAL("int", "date"), NULL, cell_int(MR_DATE, 2932896), "9999-12-31|date");
    assert_through(LOGICAL("int", "date"), "timestamp", cell_int(MR_DATE, 1),
                   "1970-01-02 00:00:00|timestamp without time zone");
    assert_through(LOGICAL("int", "date"), "text", cell_int(MR_DATE, -719163), "0000-12-31|text");
    assert_through(LOGICAL("int", "time-millis"), NULL, cell_int(MR_TIME_MS, 86399999),
                   "23:59:59.999|time without time zone");
    assert_through(LOGICAL("long", "time-micros"), NULL, cell_int(MR_TIME_US, 1),
                   "00:00:00.000001|time without time zone");
    assert_through(LOGICAL("long", "timestamp-millis"), NULL,
                   cell_int(MR_TIMESTAMP_MS, 1551398400123),
                   "2019-03-01 00:00:00.123+00|timestamp with time zone");
    assert_through(LOGICAL("long", "timestamp-micros"), NULL,
                   cell_int(MR_TIMESTAMP_US, -62135596800000000),
                   "0001-01-01 00:00:00+00|timestamp with time zone");
    assert_through(LOGICAL("long", "timestamp-micros"), NULL,
                   cell_int(MR_TIMESTAMP_US, 253402300799999999),
                   "9999-12-31 23:59:59.999999+00|timestamp with time zone");
    assert_through(LOGICAL("long", "timestamp-micros"), "timestamp", cell_int(MR_TIMESTAMP_US, -1),
                   "1969-12-31 23:59:59.999999|timestamp without time zone");
    assert_through(LOGICAL("long", "timestamp-micros"), NULL, cell_int(MR_TIMESTAMP_US, INT64_MAX),
                   "294247-01-10 04:00:54.775807+00|timestamp with time zone");
    assert_through(LOGICAL("long", "timestamp-micros"), "text", cell_int(MR_TIMESTAMP_US, -1),
                   "1969-12-31T23:59:59.999999Z|text");
    assert_through(LOGICAL("long", "local-timestamp-millis"), NULL,
                   cell_int(MR_LOCAL_TIMESTAMP_MS, -62135596800000),
                   "0001-01-01 00:00:00|timestamp without time zone");
    assert_through(LOGICAL("long", "local-timestamp-micros"), NULL,
                   cell_int(MR_LOCAL_TIMESTAMP_US, 1551398400000001),
                   "2019-03-01 00:00:00.000001|timestamp without time zone");
    assert_through("{\"type\":\"fixed\",\"name\":\"D\",\"size\":12,\"logicalType\":\"duration\"}",
                   NULL, cell_bytes(MR_DURATION, "\x0e\0\0\0\x03\0\0\0\x88\x13\0\0", 12),
                   "1 year 2 mons 3 days 00:00:05|interval");
}

static void uuids(void **state)
{
    (void)state;
    assert_through(LOGICAL("string", "uuid"), NULL,
                   cell_bytes(MR_UUID, "00112233-4455-6677-8899-aabbccddeeff", 36),
                   "00112233-4455-6677-8899-aabbccddeeff|uuid");
    assert_through(LOGICAL("string", "uuid"), "text",
                   cell_bytes(MR_UUID, "00112233-4455-6677-8899-aabbccddeeff", 36),
                   "00112233-4455-6677-8899-aabbccddeeff|text");
    mr_cell raw =
        cell_bytes(MR_UUID, "\0\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff", 16);
    static const char fixed[] =
        "{\"type\":\"fixed\",\"name\":\"U\",\"size\":16,\"logicalType\":\"uuid\"}";
    assert_through(fixed, NULL, raw, "00112233-4455-6677-8899-aabbccddeeff|uuid");
    assert_through(fixed, "text", raw, "00112233-4455-6677-8899-aabbccddeeff|text");
}

static void nested_values_become_json(void **state)
{
    (void)state;
    mr_cell numbers[] = {cell_int(MR_INT, 1), cell_null(), cell_int(MR_INT, -3)};
    mr_cell array = {.type = MR_ARRAY, .len = 3, .as.cells = numbers};
    assert_through("{\"type\":\"array\",\"items\":[\"null\",\"int\"]}", NULL, array,
                   "[1, null, -3]|jsonb");
    mr_cell entries[] = {cell_text("a\"\\\n\x01"), cell_double(MR_DOUBLE, 0.1), cell_text("b"),
                         cell_double(MR_DOUBLE, (double)NAN)};
    mr_cell map = {.type = MR_MAP, .len = 2, .as.cells = entries};
    assert_through("{\"type\":\"map\",\"values\":\"double\"}", NULL, map,
                   "{\"b\": \"NaN\", \"a\\\"\\\\\\n\\u0001\": 0.1}|jsonb");
    mr_cell fields[] = {cell_int(MR_TIMESTAMP_MS, 1551398400123), decimal("\xff", 1),
                        cell_bytes(MR_BYTES, "\0\xff", 2), array};
    mr_cell record = {.type = MR_RECORD, .len = 4, .as.cells = fields};
    static const char nested[] =
        "{\"type\":\"record\",\"name\":\"N\",\"fields\":["
        "{\"name\":\"t\",\"type\":" LOGICAL(
            "long", "timestamp-millis") "},"
                                        "{\"name\":\"d\",\"type\":" DECIMAL(
                                            10, 2) "},{\"name\":\"b\",\"type\":\"bytes\"},"
                                                   "{\"name\":\"a\",\"type\":{\"type\":\"array\","
                                                   "\"items\":[\"null\",\"int\"]}}]}";
    assert_through(nested, "json", record,
                   "{\"t\":\"2019-03-01T00:00:00.123Z\",\"d\":-0.01,\"b\":\"\\\\x00ff\",\"a\":"
                   "[1,null,-3]}|json");
    /* A union of several types. */
    assert_through("\"int\",\"string\"", NULL, cell_text("x"), "\"x\"|jsonb");
}

static void nulls(void **state)
{
    (void)state;
    assert_through("\"long\"", NULL, cell_null(), "-|bigint");
    assert_through(STRING, "date", cell_null(), "-|date");
}

/* The statement a plan refuses with tells what to do. */
static void pairs_without_a_form_are_refused(void **state)
{
    (void)state;
    sql("CREATE TABLE @.refused (v date)");
    const mr_schema *schema = schema_of(
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"v\",\"type\":\"double\"}]}");
    rig *r = rig_new("refused");
    rig_route(r, "r", "table", "@.refused", NULL);
    assert_ok(r, rig_open(r));
    mr_cell cell = cell_double(MR_DOUBLE, 1);
    assert_int_equal(rig_put(r, batch_of(r, schema, 0, &cell, 1, 1)), MR_FATAL);
    assert_string_equal(r->err.field, "v");
    assert_non_null(strstr(r->err.text, "double"));
    assert_non_null(strstr(r->err.text, "date"));
    rig_free(r);
    mr_schema_release(schema);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(booleans_and_integers),
    cmocka_unit_test(floating_point),
    cmocka_unit_test(texts),
    cmocka_unit_test(a_megabyte_of_text_and_bytes),
    cmocka_unit_test(bytes),
    cmocka_unit_test(decimals),
    cmocka_unit_test(dates_and_times),
    cmocka_unit_test(uuids),
    cmocka_unit_test(nested_values_become_json),
    cmocka_unit_test(nulls),
    cmocka_unit_test(pairs_without_a_form_are_refused),
};
rig_main(tests)
