/* SPDX-License-Identifier: Apache-2.0 */
/* Every Avro type into SQL and out again: as a plain column, and through an expression. */
#include "fixture.h"

#include <math.h>

static const char all_types[] =
    "{'type':'record','name':'t.All','fields':["
    "{'name':'n','type':'null'},{'name':'b','type':'boolean'},{'name':'i','type':'int'},"
    "{'name':'l','type':'long'},{'name':'f','type':'float'},{'name':'d','type':'double'},"
    "{'name':'y','type':'bytes'},{'name':'s','type':'string'},"
    "{'name':'x','type':{'type':'fixed','name':'t.Four','size':4}},"
    "{'name':'e','type':{'type':'enum','name':'t.Color','symbols':['RED','BLUE']}},"
    "{'name':'a','type':{'type':'array','items':'int'}},"
    "{'name':'m','type':{'type':'map','values':'string'}},"
    "{'name':'r','type':{'type':'record','name':'t.Inner','fields':["
    "{'name':'k','type':'string'},{'name':'v','type':['null','double']}]}},"
    "{'name':'u','type':['null','int','string']},"
    "{'name':'dec','type':{'type':'bytes','logicalType':'decimal','precision':10,'scale':2}},"
    "{'name':'uuid','type':{'type':'string','logicalType':'uuid'}},"
    "{'name':'date','type':{'type':'int','logicalType':'date'}},"
    "{'name':'tms','type':{'type':'int','logicalType':'time-millis'}},"
    "{'name':'tus','type':{'type':'long','logicalType':'time-micros'}},"
    "{'name':'sms','type':{'type':'long','logicalType':'timestamp-millis'}},"
    "{'name':'sus','type':{'type':'long','logicalType':'timestamp-micros'}},"
    "{'name':'lms','type':{'type':'long','logicalType':'local-timestamp-millis'}},"
    "{'name':'lus','type':{'type':'long','logicalType':'local-timestamp-micros'}},"
    "{'name':'dur','type':{'type':'fixed','size':12,'name':'t.D','logicalType':'duration'}},"
    "{'name':'opt','type':['string','null']}]}";

static const char duration[] = "\1\0\0\0\2\0\0\0\3\0\0\0";
static const char uuid_text[] = "2ed6657d-e927-568b-95e1-2665a8aea6a2";

static void setup(fixture *f)
{
    static const mr_cell array[] = {{.type = MR_INT, .as.i = 7}, {.type = MR_INT, .as.i = -8}};
    static mr_cell map[2], inner[2];
    map[0] = c_text("key");
    map[1] = c_text("quote \" and\nline");
    inner[0] = c_text("k1");
    inner[1] = some(c_double(0.1));
    fixture_init(f, all_types);
    mr_cell text_branch = c_text("either");
    text_branch.branch = 2;
    mr_cell color = c_data(MR_ENUM, "BLUE", 4);
    color.symbol = 1;
    ADD(f, c_null(), c_int(MR_BOOL, 1), c_int(MR_INT, INT32_MIN), c_int(MR_LONG, INT64_MAX),
        (mr_cell){.type = MR_FLOAT, .as.d = 0.5}, c_double(-1e300), c_data(MR_BYTES, "\0\xff", 2),
        c_text("h\xc3\xa9llo"), c_data(MR_FIXED, "abcd", 4), color,
        (mr_cell){.type = MR_ARRAY, .len = 2, .as.cells = array},
        (mr_cell){.type = MR_MAP, .len = 1, .as.cells = map},
        (mr_cell){.type = MR_RECORD, .len = 2, .as.cells = inner}, text_branch,
        c_data(MR_DECIMAL, "\xfb\x2e", 2), c_data(MR_UUID, uuid_text, 36), c_int(MR_DATE, 17978),
        c_int(MR_TIME_MS, 1500), c_int(MR_TIME_US, 1500000), c_int(MR_TIMESTAMP_MS, 1553372469123),
        c_int(MR_TIMESTAMP_US, 1553372469123456), c_int(MR_LOCAL_TIMESTAMP_MS, 1553372469000),
        c_int(MR_LOCAL_TIMESTAMP_US, -1), c_data(MR_DURATION, duration, 12), c_text("first"));
}

static void plain_columns_keep_everything(void **state)
{
    (void)state;
    fixture f;
    setup(&f);
    query(&f, "SELECT * FROM record");
    expect_counts(&f, 1, 0);
    assert_int_equal(f.result.batch.schema->field_count, f.schema->field_count);
    const mr_cell *in = f.records[0].value->as.cells;
    const mr_cell *out = f.result.batch.records[0].value->as.cells;
    assert_ptr_not_equal(in, out);
    for (size_t i = 0; i < f.schema->field_count; i++) {
        const mr_field *a = &f.schema->fields[i], *b = &f.result.batch.schema->fields[i];
        assert_string_equal(a->name, b->name);
        assert_int_equal(a->schema->type, b->schema->type);
        assert_int_equal(a->schema->base, b->schema->base);
        assert_int_equal(a->schema->branch_count, b->schema->branch_count);
        assert_int_equal(a->schema->precision, b->schema->precision);
        assert_int_equal(a->schema->scale, b->schema->scale);
        assert_memory_equal(&in[i], &out[i], sizeof in[i]); /* nothing was copied below */
    }
    fixture_release(&f);
}

static void metadata_is_not_in_the_star(void **state)
{
    (void)state;
    fixture f;
    setup(&f);
    f.records[0].raw_key = (mr_slice){"k-1", 3};
    f.records[0].op = MR_OP_UPDATE;
    mr_header headers[] = {{"trace", {"a\"b", 3}}, {"bad", {"\xff", 1}}, {"none", {NULL, 0}}};
    f.records[0].headers = headers;
    f.records[0].header_count = 3;
    query(&f, "SELECT _op AS op, _key AS k, _topic AS topic, _partition AS p, _offset AS o,"
              " _timestamp AS ts, _headers AS h, _headers ->> 'trace' AS trace,"
              " format_timestamp(_timestamp) AS text FROM record");
    expect_counts(&f, 1, 0);
    expect_text(&f, 0, "op", "update");
    expect_text(&f, 0, "k", "k-1");
    expect_text(&f, 0, "topic", "trips");
    expect_int(&f, 0, "p", 3);
    expect_int(&f, 0, "o", 100);
    expect_int(&f, 0, "ts", 1553372469000);
    expect_text(&f, 0, "text", "2019-03-23T20:21:09Z"); /* microseconds in SQL */
    expect_text(&f, 0, "h", "{\"trace\":\"a\\\"b\",\"bad\":null,\"none\":null}");
    expect_text(&f, 0, "trace", "a\"b");
    expect_type(&f, "op", MR_STRING, false);
    expect_type(&f, "k", MR_STRING, true);
    expect_type(&f, "p", MR_INT, false);
    expect_type(&f, "o", MR_LONG, false);
    expect_type(&f, "ts", MR_TIMESTAMP_MS, true);
    f.records[0].raw_key = (mr_slice){NULL, 0};
    f.records[0].timestamp_ms = -1;
    f.records[0].header_count = 0;
    query(&f, "SELECT _key AS k, _timestamp AS ts, _headers AS h, _key IS NULL AS no_key"
              " FROM record");
    expect_null(&f, 0, "k");
    expect_null(&f, 0, "ts");
    expect_text(&f, 0, "h", "{}");
    expect_int(&f, 0, "no_key", 1);
    fixture_release(&f);
}

static void structured_keys_are_text(void **state)
{
    (void)state;
    fixture f;
    setup(&f);
    const mr_schema *key_schema = parse_schema("\"long\"");
    mr_cell key = c_int(MR_LONG, 42);
    f.batch.key_schema = key_schema;
    f.records[0].key = &key;
    query(&f, "SELECT _key AS k, CAST(_key AS INTEGER) + 1 AS next FROM record");
    expect_text(&f, 0, "k", "42");
    expect_int(&f, 0, "next", 43);
    mr_schema_release(key_schema);
    key_schema = parse_schema("{\"type\":\"record\",\"name\":\"K\",\"fields\":["
                              "{\"name\":\"a\",\"type\":\"string\"}]}");
    mr_cell part = c_text("x");
    key = (mr_cell){.type = MR_RECORD, .len = 1, .as.cells = &part};
    f.batch.key_schema = key_schema;
    query(&f, "SELECT _key ->> 'a' AS a FROM record");
    expect_text(&f, 0, "a", "x");
    mr_schema_release(key_schema);
    fixture_release(&f);
}

static void every_type_through_an_expression(void **state)
{
    (void)state;
    fixture f;
    setup(&f);
    query(&f, "SELECT coalesce(b, 0 = 1) AS b, i + 0 AS i, l - 1 AS l, f * 2 AS f, -d AS d,"
              " coalesce(y, x'00') AS y, upper(s) AS s, hex(x) AS x, lower(e) AS e,"
              " a ->> 1 AS a, m ->> 'key' AS m, r ->> 'v' AS r, r ->> '$.k' AS rk,"
              " u || '' AS u, dec_add(dec, 1) AS dec, coalesce(uuid, s) AS us,"
              " coalesce(uuid, uuid5('dns', 'a')) AS uuid, date + 1 AS date, tms + 1 AS tms,"
              " tus - tms AS t0, sms + 0 AS sms, sus - sms AS diff, lms + 0 AS lms, lus - 1 AS lus,"
              " coalesce(opt, 'none') AS opt, hex(dur) AS dur, n AS n, CAST(r ->> 'v' AS REAL) AS v"
              " FROM record");
    expect_counts(&f, 1, 0);
    expect_type(&f, "b", MR_BOOL, false);
    expect_int(&f, 0, "b", 1);
    expect_type(&f, "i", MR_LONG, false);
    expect_int(&f, 0, "i", INT32_MIN);
    expect_int(&f, 0, "l", INT64_MAX - 1);
    expect_double(&f, 0, "f", 1.0);
    expect_double(&f, 0, "d", 1e300);
    expect_bytes(&f, 0, "y", "\0\xff", 2);
    expect_type(&f, "s", MR_STRING, false);
    expect_text(&f, 0, "s", "H\xc3\xa9LLO");
    expect_text(&f, 0, "x", "61626364");
    expect_text(&f, 0, "e", "blue");
    expect_type(&f, "a", MR_STRING, true);
    expect_text(&f, 0, "a", "-8");
    expect_text(&f, 0, "m", "quote \" and\nline");
    expect_text(&f, 0, "r", "0.1");
    expect_text(&f, 0, "rk", "k1");
    expect_text(&f, 0, "u", "either");
    expect_type(&f, "dec", MR_DECIMAL, false);
    assert_int_equal(type_of(&f, "dec")->scale, 2);
    expect_bytes(&f, 0, "dec", "\xfb\x92", 2); /* -1234 + 100 */
    expect_type(&f, "us", MR_STRING, false);
    expect_type(&f, "uuid", MR_UUID, false);
    expect_text(&f, 0, "uuid", uuid_text);
    expect_type(&f, "date", MR_DATE, false);
    expect_int(&f, 0, "date", 17979);
    expect_type(&f, "tms", MR_TIME_US, false);
    expect_int(&f, 0, "tms", 1500001);
    expect_type(&f, "t0", MR_LONG, false);
    expect_int(&f, 0, "t0", 0);
    expect_type(&f, "sms", MR_TIMESTAMP_US, false);
    expect_int(&f, 0, "sms", 1553372469123000);
    expect_int(&f, 0, "diff", 456);
    expect_type(&f, "lms", MR_LOCAL_TIMESTAMP_US, false);
    expect_int(&f, 0, "lus", -2);
    expect_text(&f, 0, "opt", "first");
    expect_text(&f, 0, "dur", "010000000200000003000000");
    expect_null(&f, 0, "n");
    expect_type(&f, "v", MR_DOUBLE, true);
    expect_double(&f, 0, "v", 0.1);
    fixture_release(&f);
}

static void nested_values_are_json(void **state)
{
    (void)state;
    fixture f;
    setup(&f);
    query(&f, "SELECT json(a) AS a, json(m) AS m, json(r) AS r,"
              " CAST((SELECT sum(value) FROM json_each(a)) AS INTEGER) AS total,"
              " json_array_length(a) AS len FROM record");
    expect_text(&f, 0, "a", "[7,-8]");
    expect_text(&f, 0, "m", "{\"key\":\"quote \\\" and\\u000aline\"}");
    expect_text(&f, 0, "r", "{\"k\":\"k1\",\"v\":0.1}");
    expect_int(&f, 0, "total", -1);
    expect_int(&f, 0, "len", 2);
    fixture_release(&f);
}

static void all_leaves_in_json(void **state)
{
    (void)state;
    fixture f;
    fixture all;
    setup(&all);
    static const char wrapped[] = "{\"type\":\"record\",\"name\":\"W\",\"fields\":["
                                  "{\"name\":\"w\",\"type\":";
    char *schema = malloc(sizeof wrapped + sizeof all_types + 8);
    assert_non_null(schema);
    sprintf(schema, "%s%s}]}", wrapped, all_types);
    fixture_init(&f, schema);
    free(schema);
    ADD(&f, *all.records[0].value);
    query(&f, "SELECT json_remove(w, '$.a', '$.m', '$.r', '$.u', '$.l') AS w FROM record");
    expect_counts(&f, 1, 0);
    expect_text(&f, 0, "w",
                "{\"n\":null,\"b\":true,\"i\":-2147483648,\"f\":0.5,\"d\":-1e+300,"
                "\"y\":\"\\u0000\\u00ff\",\"s\":\"h\xc3\xa9llo\",\"x\":\"abcd\",\"e\":\"BLUE\","
                "\"dec\":\"-12.34\",\"uuid\":\"2ed6657d-e927-568b-95e1-2665a8aea6a2\","
                "\"date\":17978,\"tms\":1500000,\"tus\":1500000,\"sms\":1553372469123000,"
                "\"sus\":1553372469123456,\"lms\":1553372469000000,\"lus\":-1,"
                "\"dur\":\"\\u0001\\u0000\\u0000\\u0000\\u0002\\u0000\\u0000\\u0000\\u0003\\u0000"
                "\\u0000\\u0000\",\"opt\":\"first\"}");
    fixture_release(&f);
    fixture_release(&all);
}

static void a_value_that_is_no_record(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, "\"string\"");
    mr_cell value = c_text("{\"qty\": 5}");
    f.records[0] = (mr_record){.value = &value};
    f.batch.count = 1;
    query(&f, "SELECT value, CAST(value ->> 'qty' AS INTEGER) AS qty FROM record");
    expect_text(&f, 0, "value", "{\"qty\": 5}");
    expect_int(&f, 0, "qty", 5);
    fixture_release(&f);
}

static void names_twice_in_one_schema(void **state)
{
    (void)state;
    fixture f;
    setup(&f);
    query(&f, "SELECT e, e AS color, r, r AS inner_record FROM record");
    expect_text(&f, 0, "color", "BLUE");
    expect_type(&f, "inner_record", MR_RECORD, false);
    fixture_release(&f);
}

static void fields_that_differ_in_case(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f,
                 "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
                 "{\"name\":\"status\",\"type\":\"int\"},{\"name\":\"STATUS\",\"type\":\"int\"}]}");
    refused(&f, "SELECT status FROM record", "differ only in case");
    fixture_release(&f);
    fixture_init(&f,
                 "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
                 "{\"name\":\"RIDER_ID\",\"type\":\"int\"},{\"name\":\"_op\",\"type\":\"int\"}]}");
    ADD(&f, c_int(MR_INT, 5), c_int(MR_INT, 6));
    query(&f, "SELECT rider_id, _op FROM record"); /* the field's own case; it hides metadata */
    expect_int(&f, 0, "RIDER_ID", 5);
    expect_int(&f, 0, "_op", 6);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_columns_keep_everything),
        cmocka_unit_test(metadata_is_not_in_the_star),
        cmocka_unit_test(structured_keys_are_text),
        cmocka_unit_test(every_type_through_an_expression),
        cmocka_unit_test(nested_values_are_json),
        cmocka_unit_test(all_leaves_in_json),
        cmocka_unit_test(a_value_that_is_no_record),
        cmocka_unit_test(names_twice_in_one_schema),
        cmocka_unit_test(fields_that_differ_in_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
