/* SPDX-License-Identifier: Apache-2.0 */
/* Every function the user's page documents, and CAST: answers, types, NULLs, what they refuse. */
#include "fixture.h"

static const char schema_json[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
    "{\"name\":\"s\",\"type\":[\"null\",\"string\"]},"
    "{\"name\":\"amount\",\"type\":[\"null\",{\"type\":\"bytes\",\"logicalType\":\"decimal\","
    "\"precision\":10,\"scale\":2}]},"
    "{\"name\":\"rate\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4,"
    "\"scale\":3}},"
    "{\"name\":\"i\",\"type\":\"int\"},{\"name\":\"d\",\"type\":[\"null\",\"double\"]},"
    "{\"name\":\"ts\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}]}"
    ","
    "{\"name\":\"local\",\"type\":{\"type\":\"long\",\"logicalType\":\"local-timestamp-micros\"}},"
    "{\"name\":\"day\",\"type\":{\"type\":\"int\",\"logicalType\":\"date\"}},"
    "{\"name\":\"flag\",\"type\":\"boolean\"},{\"name\":\"y\",\"type\":\"bytes\"}]}";

/* s 'text', amount 12.34, rate 0.125, i 7, d 2.5, ts and local 2019-03-23T20:21:09.5, day of it */
static void setup(fixture *f, const char *s)
{
    fixture_init(f, schema_json);
    ADD(f, s ? some(c_text(s)) : c_null(), s ? some(c_data(MR_DECIMAL, "\x04\xd2", 2)) : c_null(),
        c_data(MR_DECIMAL, "\x7d", 1), c_int(MR_INT, 7), s ? some(c_double(2.5)) : c_null(),
        s ? some(c_int(MR_TIMESTAMP_MS, 1553372469500)) : c_null(),
        c_int(MR_LOCAL_TIMESTAMP_US, 1553372469500000), c_int(MR_DATE, 17978), c_int(MR_BOOL, 1),
        c_data(MR_BYTES, "ab", 2));
}

typedef struct example {
    const char *expression;
    const char *answer; /* its text; NULL: SQL NULL */
} example;

/* Each expression alone, its answer as text: only CAST to TEXT and the answer's own class differ.
 */
static void check_examples(const example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fixture f;
        setup(&f, "some text");
        char text[600];
        snprintf(text, sizeof text, "SELECT CAST(%s AS TEXT) AS x FROM record",
                 examples[i].expression);
        query(&f, text);
        if (f.result.failure_count) {
            fail_msg("%s: %s", text, f.result.failures[0].why.text);
        }
        expect_counts(&f, 1, 0);
        if (!examples[i].answer) {
            expect_null(&f, 0, "x");
        } else if (cell_at(&f, 0, "x")->type == MR_NULL) {
            fail_msg("%s is NULL, wanted %s", examples[i].expression, examples[i].answer);
        } else {
            expect_text(&f, 0, "x", examples[i].answer);
        }
        fixture_release(&f);
    }
}
#define CHECK(examples) check_examples(examples, sizeof(examples) / sizeof *(examples))

static void times(void **state)
{
    (void)state;
    static const example examples[] = {
        {"to_timestamp('2019-03-23 20:21:09')", "2019-03-23T20:21:09Z"},
        {"to_timestamp('2019-03-23T20:21:09.123456Z')", "2019-03-23T20:21:09.123456Z"},
        {"to_timestamp('2019-03-23T20:21:09.12+01:30')", "2019-03-23T18:51:09.120Z"},
        {"to_timestamp('2019-03-23T20:21-0500')", "2019-03-24T01:21:00Z"},
        {"to_timestamp('2019-03-23T20:21:09.1234569+02')", "2019-03-23T18:21:09.123456Z"},
        {"to_timestamp('2020-02-29')", "2020-02-29T00:00:00Z"},
        {"to_timestamp('0001-01-01')", "0001-01-01T00:00:00Z"},
        {"to_timestamp('9999-12-31T23:59:59.999999')", "9999-12-31T23:59:59.999999Z"},
        {"to_timestamp('1969-12-31T23:59:59.5')", "1969-12-31T23:59:59.500Z"},
        {"to_timestamp(NULL)", NULL},
        {"to_timestamp('03/23/2019 08:21:09 PM', '%m/%d/%Y %I:%M:%S %p')", "2019-03-23T20:21:09Z"},
        {"to_timestamp('3/3/19 12:01 am', '%m/%d/%y %I:%M %p')", "2019-03-03T00:01:00Z"},
        {"to_timestamp('23 Mar 2019', '%d %b %Y')", "2019-03-23T00:00:00Z"},
        {"to_timestamp('March 23, 2019', '%B %d, %Y')", "2019-03-23T00:00:00Z"},
        {"to_timestamp('2019-082', '%Y-%j')", "2019-03-23T00:00:00Z"},
        {"to_timestamp('1553372469', '%s')", "2019-03-23T20:21:09Z"},
        {"to_timestamp('2019-03-23T20:21:09.5 +0100', '%FT%T.%f %z')", "2019-03-23T19:21:09.500Z"},
        {"to_timestamp('100%', '%j%%')", "1970-04-10T00:00:00Z"},
        {"to_date('2019-03-23')", "2019-03-23"},
        {"to_date('1969-12-31 10:00')", "1969-12-31"},
        {"to_date('23.3.2019', '%d.%m.%Y')", "2019-03-23"},
        {"format_timestamp(ts)", "2019-03-23T20:21:09.500Z"},
        {"format_timestamp(local)", "2019-03-23T20:21:09.500"},
        {"format_timestamp(ts, '%d.%m.%y %I:%M %p %f %j %b %B %s %z %%')",
         "23.03.19 08:21 PM 500000 082 Mar March 1553372469 +0000 %"},
        {"format_timestamp(ts, '%F %T %H')", "2019-03-23 20:21:09 20"},
        {"format_date(day)", "2019-03-23"},
        {"format_date(day, '%Y/%m')", "2019/03"},
        {"seconds_between(to_timestamp('2019-03-23 20:21:09'), ts)", "0.5"},
        {"minutes_between(ts, ts + 90000000)", "1.5"},
        {"minutes_between(ts, NULL)", NULL},
        {"ts > '2019-03-23'", "true"},
        {"ts BETWEEN '2019-03-23T20:00:00+00:00' AND '2019-03-24'", "true"},
        {"'2020-01-01' < ts", "false"},
        {"day = '2019-03-23'", "true"},
        {"day IN ('2019-03-22', '2019-03-23')", "true"},
        {"CASE day WHEN '2019-03-23' THEN 'it' ELSE 'not' END", "it"},
        {"now() > '2020-01-01'", "true"},
        {"now() = now()", "true"},
        {"date('2019-03-23', '+1 day')", "2019-03-24"},
        {"strftime('%Y', '2019-03-23')", "2019"},
        {"unixepoch('1970-01-02')", "86400"},
    };
    CHECK(examples);
}

static void decimals(void **state)
{
    (void)state;
    static const example examples[] = {
        {"amount", "12.34"},
        {"dec_add(amount, rate)", "12.465"},
        {"dec_sub(rate, amount)", "-12.215"},
        {"dec_sub(amount, 12.34)", "0.00"},
        {"dec_mul(amount, 0.8)", "9.872"},
        {"dec_mul('-0.1', '0.2')", "-0.02"},
        {"dec_mul('99999999999999999999999999999999999999', "
         "'99999999999999999999999999999999999999')",
         "9999999999999999999999999999999999999800000000000000000000000000000000000001"},
        {"dec_div(amount, 3, 4)", "4.1133"},
        {"dec_div(-2, 3, 2)", "-0.67"},
        {"dec_div(1, '0.0000000000000000000000000000000000001', 0)",
         "10000000000000000000000000000000000000"},
        {"dec_div(1, 8, 2)", "0.13"},
        {"dec_div(amount, 0, 2)", NULL},
        {"dec_round(amount, 1)", "12.3"},
        {"dec_round(12.25, 1)", "12.3"},
        {"dec_round('-12.25', 1)", "-12.3"},
        {"dec_round(0.995, 2)", "1.00"},
        {"dec_round('1e3', 2)", "1000.00"},
        {"dec_round('12e-3', 2)", "0.01"},
        {"dec_add('0.1', '0.2')", "0.3"},
        {"dec_add(s, NULL)", NULL},
        {"dec_add(i, d)", "9.5"},
        {"dec_cmp(amount, '12.340')", "0"},
        {"dec_cmp('9', '10')", "-1"},
        {"dec_cmp('-9', '-10')", "1"},
        {"amount > 9", "true"}, /* not as text */
        {"amount = 12.34", "true"},
        {"amount <> '12.340'", "false"},
        {"9 <= amount", "true"},
        {"amount + 0 > 9 AND rate < amount", "true"},
        {"amount BETWEEN 9 AND 100", "true"},
        {"amount NOT BETWEEN 9 AND 100", "false"},
        {"amount NOT BETWEEN 100 AND NULL", "true"},
        {"amount BETWEEN 9 AND NULL", NULL},
        {"nullif(amount, 12.34)", NULL},
        {"nullif(amount, 0)", "12.34"},
        {"-amount", "-12.34"},
        {"- -amount", "12.34"},
        {"amount * 2", "24.68"},
        {"coalesce(NULL, amount, 0)", "12.34"},
        {"CASE WHEN amount > 100 THEN amount ELSE rate END", "0.125"},
        {"iif(amount >= 12.34, 'at least', 'less')", "at least"},
        {"CAST(amount AS REAL)", "12.34"},
        {"CAST(amount AS INTEGER)", "12"},
        {"CAST(2.675 AS DECIMAL(5, 2))", "2.68"},
        {"CAST('-1.005' AS NUMERIC(5, 2))", "-1.01"},
        {"CAST(i AS DECIMAL(5, 2))", "7.00"},
    };
    CHECK(examples);
}

static void decimal_types(void **state)
{
    (void)state;
    static const struct {
        const char *expression;
        int precision, scale; /* 0: a string */
    } types[] = {
        {"dec_add(amount, rate)", 38, 3},
        {"dec_mul(amount, rate)", 38, 5},
        {"dec_mul(amount, 0.8)", 38, 3},
        {"dec_mul(amount, -0.25)", 38, 4},
        {"dec_mul(amount, i)", 38, 2},
        {"dec_div(amount, d, 6)", 38, 6},
        {"dec_round(d, 2)", 38, 2},
        {"dec_add(amount, d)", 0, 0},
        {"dec_mul(s, 2)", 0, 0},
        {"CAST(d AS DECIMAL(7, 3))", 7, 3},
        {"coalesce(amount, rate)", 38, 3},
        {"coalesce(amount, amount)", 10, 2},
        {"CASE WHEN flag THEN amount ELSE 0 END", 38, 2},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        fixture f;
        setup(&f, "5");
        char text[300];
        snprintf(text, sizeof text, "SELECT %s AS x FROM record", types[i].expression);
        query(&f, text);
        expect_counts(&f, 1, 0);
        const mr_schema *schema = mr_schema_strip_null(type_of(&f, "x"));
        assert_int_equal(schema->type, types[i].precision ? MR_DECIMAL : MR_STRING);
        assert_int_equal(schema->precision, types[i].precision);
        assert_int_equal(schema->scale, types[i].scale);
        fixture_release(&f);
    }
}

/* The unscaled bytes of an answer, where they grow by one and where signs are. */
static void decimal_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *number, *bytes;
        size_t len;
    } forms[] = {
        {"0", "\0", 1},
        {"127", "\x7f", 1},
        {"128", "\0\x80", 2},
        {"-128", "\x80", 1},
        {"-129", "\xff\x7f", 2},
        {"255", "\0\xff", 2},
        {"-1", "\xff", 1},
        {"-256", "\xff\0", 2},
        {"65536", "\1\0\0", 3},
        {"18446744073709551616", "\1\0\0\0\0\0\0\0\0", 9},
        {"-18446744073709551616", "\xff\0\0\0\0\0\0\0\0", 9},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        fixture f;
        setup(&f, "x");
        char text[300];
        snprintf(text, sizeof text, "SELECT CAST('%s' AS DECIMAL(38, 0)) AS x FROM record",
                 forms[i].number);
        query(&f, text);
        expect_bytes(&f, 0, "x", forms[i].bytes, forms[i].len);
        /* and back */
        mr_cell cell = c_data(MR_DECIMAL, forms[i].bytes, forms[i].len);
        fixture g;
        fixture_init(&g, "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":38}");
        g.records[0] = (mr_record){.value = &cell};
        g.batch.count = 1;
        query(&g, "SELECT CAST(value AS TEXT) AS x FROM record");
        expect_text(&g, 0, "x", forms[i].number);
        fixture_release(&g);
        fixture_release(&f);
    }
}

static void casts(void **state)
{
    (void)state;
    static const example examples[] = {
        {"CAST('42' AS INTEGER)", "42"},
        {"CAST(' -42 ' AS BIGINT)", "-42"},
        {"CAST(2.9 AS INT)", "2"},
        {"CAST(-2.9 AS INT)", "-2"},
        {"CAST(flag AS INTEGER)", "1"},
        {"CAST(day AS INTEGER)", "17978"},
        {"CAST(ts AS INTEGER)", "1553372469500000"},
        {"CAST('2.50' AS REAL)", "2.5"},
        {"CAST('1e3' AS DOUBLE PRECISION)", "1000"},
        {"CAST(NULL AS REAL)", NULL},
        {"CAST(0.1 AS TEXT)", "0.1"},
        {"CAST(flag AS TEXT)", "true"},
        {"CAST(ts AS TEXT)", "2019-03-23T20:21:09.500Z"},
        {"CAST(local AS TEXT)", "2019-03-23T20:21:09.500"},
        {"CAST(day AS TEXT)", "2019-03-23"},
        {"CAST(y AS TEXT)", "ab"},
        {"CAST(s AS BLOB)", "some text"},
        {"CAST('Yes' AS BOOLEAN)", "true"},
        {"CAST('false' AS BOOL)", "false"},
        {"CAST('0.0' AS BOOLEAN)", "false"},
        {"CAST(7 AS BOOLEAN)", "true"},
        {"CAST('2019-03-23 20:21:09' AS TIMESTAMP)", "2019-03-23T20:21:09Z"},
        {"CAST(day AS TIMESTAMP)", "2019-03-23T00:00:00Z"},
        {"CAST(local AS TIMESTAMP)", "2019-03-23T20:21:09.500Z"},
        {"CAST(ts AS DATE)", "2019-03-23"},
        {"CAST('1969-12-31T23:00' AS DATE)", "1969-12-31"},
        {"CAST('2ED6657D-E927-568B-95E1-2665A8AEA6A2' AS UUID)",
         "2ed6657d-e927-568b-95e1-2665a8aea6a2"},
        {"CAST(CAST('7' AS INTEGER) + 1 AS REAL)", "8"},
    };
    CHECK(examples);
}

static void ids(void **state)
{
    (void)state;
    static const example examples[] = {
        /* python3: uuid.uuid5(uuid.NAMESPACE_..., ...) */
        {"uuid5('dns', 'python.org')", "886313e1-3b8a-5372-9b90-0c9aee199e5d"},
        {"uuid5('URL', 'http://python.org/')", "4c565f0d-3f5a-5890-b41b-20cf47701c5e"},
        {"uuid5('oid', '1.3.6.1')", "1447fa61-5277-5fef-a9b3-fbc6e44f4af3"},
        {"uuid5('x500', 'c=ca')", "cc957dd1-a972-5349-98cd-874190002798"},
        {"uuid5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'python.org')",
         "886313e1-3b8a-5372-9b90-0c9aee199e5d"},
        {"uuid5('dns', '')", "4ebd0208-8328-5d69-8c44-ec50939c0967"},
        {"uuid5('dns', 7) = uuid5('dns', '7')", "true"},
        {"uuid5('dns', NULL)", NULL},
    };
    CHECK(examples);
}

static void sqlite_functions(void **state)
{
    (void)state;
    static const example examples[] = {
        {"abs(-i)", "7"},
        {"round(d * 1.1, 1)", "2.8"},
        {"floor(d)", "2"},
        {"ceil(d)", "3"},
        {"sqrt(i + 2)", "3"},
        {"power(2, 10)", "1024"},
        {"mod(i, 4)", "3"},
        {"sign(-d)", "-1"},
        {"trunc(-d)", "-2"},
        {"max(i, d)", "7"},
        {"min(i, 3)", "3"},
        {"upper(s)", "SOME TEXT"},
        {"lower('ABC')", "abc"},
        {"length(s)", "9"},
        {"substr(s, 6)", "text"},
        {"trim('  a ')", "a"},
        {"replace(s, 'e', '3')", "som3 t3xt"},
        {"instr(s, 'text')", "6"},
        {"s || '-' || i", "some text-7"},
        {"printf('%05.1f|%s', d, s)", "002.5|some text"},
        {"hex(y)", "6162"},
        {"coalesce(NULL, s)", "some text"},
        {"ifnull(d, 0)", "2.5"},
        {"nullif(i, 7)", NULL},
        {"iif(i > 5, 'big', 'small')", "big"},
        {"s LIKE 'SOME%'", "true"},
        {"s NOT LIKE 'x%' ESCAPE '!'", "true"},
        {"s GLOB 'S*'", "false"},
        {"i BETWEEN 5 AND 9", "true"},
        {"i IN (1, 7)", "true"},
        {"i IS NOT NULL", "true"},
        {"flag IS TRUE", "true"},
        {"flag = FALSE", "false"},
        {"i / 2", "3"},
        {"i / 2.0", "3.5"},
        {"i % 4", "3"},
        {"i & 3 | 8", "11"},
        {"i << 2", "28"},
        {"~i", "-8"},
        {"7 / 0", NULL},
        {"0x10", "16"},
        {"1e3", "1000"},
        {"json_extract('{\"a\":[1,2]}', '$.a[1]')", "2"},
        {"'{\"a\":{\"b\":5}}' -> 'a' ->> 'b'", "5"},
        {"json_object('s', s, 'i', i)", "{\"s\":\"some text\",\"i\":7}"},
        {"json_array(1, NULL)", "[1,null]"},
        {"json_valid(s)", "false"},
        {"json_type('[1]')", "array"},
        {"typeof(amount)", "text"},
        {"EXISTS (SELECT 1 FROM json_each('[1]') WHERE value > 0)", "true"},
        {"NOT EXISTS (SELECT 1 FROM json_each('[]'))", "true"},
        {"(SELECT group_concat(value, '+') FROM json_each('[1,2]'))", "1+2"},
        {"'it''s'", "it's"},
        {"s COLLATE NOCASE = 'SOME TEXT'", "true"},
        {"CASE i WHEN 7 THEN 'seven' END", "seven"},
        {"likely(i = 7)", "true"},
    };
    CHECK(examples);
}

static void types_of_expressions(void **state)
{
    (void)state;
    static const struct {
        const char *expression;
        mr_type type;
        bool nullable;
    } types[] = {
        {"i + 1", MR_LONG, false},
        {"i + d", MR_DOUBLE, true},
        {"i / 2", MR_LONG, true},
        {"i > 1", MR_BOOL, false},
        {"d > 1", MR_BOOL, true},
        {"d IS NULL", MR_BOOL, false},
        {"coalesce(d, 0)", MR_DOUBLE, false},
        {"coalesce(s, 'x')", MR_STRING, false},
        {"ts - ts", MR_LONG, true},
        {"ts + 60000000", MR_TIMESTAMP_US, true},
        {"day - day", MR_LONG, false},
        {"day + 1", MR_DATE, false},
        {"coalesce(ts, now())", MR_TIMESTAMP_US, false},
        {"max(day, to_date('2019-01-01'))", MR_DATE, false},
        {"CASE WHEN flag THEN 1 ELSE 2.5 END", MR_DOUBLE, false},
        {"CASE WHEN flag THEN 1 END", MR_LONG, true},
        {"CASE WHEN flag THEN NULL ELSE 'x' END", MR_STRING, true},
        {"s || 'x'", MR_STRING, true},
        {"length(s)", MR_LONG, true},
        {"i ->> 'x'", MR_STRING, true},
        {"NULL", MR_STRING, true},
        {"CAST(NULL AS INTEGER)", MR_LONG, true},
        {"TRUE", MR_BOOL, false},
        {"'text'", MR_STRING, false},
        {"x'00'", MR_BYTES, false},
        {"99999999999999999999", MR_DOUBLE, false},
        {"now()", MR_TIMESTAMP_US, false},
        {"uuid5('dns', s)", MR_UUID, true},
        {"uuid5('dns', i)", MR_UUID, false},
        {"(i)", MR_INT, false},
        {"record.i", MR_INT, false},
        {"\"i\"", MR_INT, false},
        {"-i", MR_LONG, false},
        {"coalesce(s ->> 'n', 0)", MR_LONG, false},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        fixture f;
        setup(&f, "{\"n\":5}");
        char text[300];
        snprintf(text, sizeof text, "SELECT %s AS x FROM record", types[i].expression);
        query(&f, text);
        expect_counts(&f, 1, 0);
        const mr_schema *schema = type_of(&f, "x");
        if (mr_schema_strip_null(schema)->type != types[i].type ||
            (schema->type == MR_UNION) != types[i].nullable) {
            fail_msg("%s is %s%s", types[i].expression,
                     mr_type_name(mr_schema_strip_null(schema)->type),
                     schema->type == MR_UNION ? ", nullable" : "");
        }
        expect_class(&f, 0, "x");
        fixture_release(&f);
    }
}

static void what_functions_reject(void **state)
{
    (void)state;
    static const struct {
        const char *expression, *message;
    } cases[] = {
        {"to_timestamp(s)", "a time like 2019-03-23T20:21:09Z is wanted, not 'some text'"},
        {"to_timestamp('2019-02-29')", "not '2019-02-29'"},
        {"to_timestamp('2019-03-23T24:00')", "is wanted"},
        {"to_timestamp('2019-03-23T20:21:09 and more')", "is wanted"},
        {"to_timestamp('2019-13-01', '%Y-%m-%d')", "as the format says"},
        {"to_timestamp('2019', '%Q')", "a time format has"},
        {"format_timestamp(9223372036854775807)", "within the years 1 to 9999"},
        {"format_date(2147483647)", "within the years 1 to 9999"},
        {"dec_add(s, 1)", "a number of at most 76 digits, not 'some text'"},
        {"dec_add('1e77', 1)", "76 digits"},
        {"CAST(s AS INTEGER)", "CAST AS INTEGER wants a whole number of 64 bits, not 'some text'"},
        {"CAST('' AS INTEGER)", "whole number"},
        {"CAST('9223372036854775808' AS INTEGER)", "64 bits"},
        {"CAST(1e19 AS INTEGER)", "64 bits, not 1e+19"},
        {"CAST('0x10' AS REAL)", "CAST AS REAL wants a number"},
        {"CAST('nan' AS REAL)", "CAST AS REAL wants a number"},
        {"CAST(s AS BOOLEAN)", "CAST AS BOOLEAN"},
        {"CAST(s AS DATE)", "CAST AS DATE"},
        {"CAST(s AS TIMESTAMP)", "CAST AS TIMESTAMP"},
        {"CAST(s AS UUID)", "CAST AS UUID"},
        {"CAST('1000' AS DECIMAL(5, 2))", "CAST AS DECIMAL(5, 2) wants a number that fits"},
        {"CAST(d AS DECIMAL(1, 1))", "not 2.5"},
        {"uuid5('who', s)", "the namespace is a uuid or one of"},
        {"dec_mul(CAST('99999999999999999999999999999999999999' AS DECIMAL(38, 0)), amount)",
         "is no decimal(38, 2)"},
        {"coalesce(s ->> '$[0]', 5)", "malformed JSON"},
        {"coalesce('{\"n\":\"x\"}' ->> 'n', 5)", "which is no long"},
        {"zeroblob(100000000)", "too big"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f;
        setup(&f, "some text");
        char text[300];
        snprintf(text, sizeof text, "SELECT %s AS x FROM record", cases[i].expression);
        query(&f, text);
        if (f.result.failure_count != 1) {
            fail_msg("not rejected: %s", cases[i].expression);
        }
        if (!strstr(f.result.failures[0].why.text, cases[i].message)) {
            fail_msg("%s says: %s", cases[i].expression, f.result.failures[0].why.text);
        }
        fixture_release(&f);
    }
}

static void nulls_through_every_column(void **state)
{
    (void)state;
    fixture f;
    setup(&f, NULL);
    query(&f, "SELECT amount AS a, dec_add(amount, 1) AS b, amount > 1 AS c, CAST(s AS DATE) AS e,"
              " format_timestamp(ts) AS g, CAST(amount AS DECIMAL(5, 1)) AS h, ts + 1 AS k,"
              " CAST(s AS BLOB) AS l, CAST(s AS UUID) AS m, CAST(s AS BOOLEAN) AS o,"
              " -amount AS p, seconds_between(ts, local) AS q FROM record");
    expect_counts(&f, 1, 0);
    for (size_t i = 0; i < f.result.batch.schema->field_count; i++) {
        expect_null(&f, 0, f.result.batch.schema->fields[i].name);
    }
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times),
        cmocka_unit_test(decimals),
        cmocka_unit_test(decimal_types),
        cmocka_unit_test(decimal_bytes),
        cmocka_unit_test(casts),
        cmocka_unit_test(ids),
        cmocka_unit_test(sqlite_functions),
        cmocka_unit_test(types_of_expressions),
        cmocka_unit_test(what_functions_reject),
        cmocka_unit_test(nulls_through_every_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
