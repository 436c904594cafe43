/* SPDX-License-Identifier: Apache-2.0 */
/* Rows on their way: failures set aside, tombstones, schema changes, what a record keeps. */
#include "fixture.h"

#define TWO_FIELDS                                                                                 \
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":["                                             \
    "{\"name\":\"n\",\"type\":[\"null\",\"long\"]},{\"name\":\"s\",\"type\":[\"null\",\"string\"]" \
    "}]}"

static void add(fixture *f, int64_t n, const char *s)
{
    ADD(f, some(c_int(MR_LONG, n)), s ? some(c_text(s)) : c_null());
}

static void add_tombstone(fixture *f, mr_op op)
{
    mr_record *record = add_record(f, (mr_cell[]){c_null(), c_null()}, 2);
    record->value = NULL;
    record->op = op;
    record->raw_key = (mr_slice){"gone", 4};
}

static void expect_failure(const fixture *f, size_t i, uint32_t origin, const char *text)
{
    assert_true(i < f->result.failure_count);
    const mr_transform_failure *failure = &f->result.failures[i];
    assert_int_equal(failure->origin, origin);
    assert_int_equal(failure->why.domain, MR_DOMAIN_TRANSFORM);
    if (!strstr(failure->why.text, text)) {
        fail_msg("says: %s\nbut not: %s", failure->why.text, text);
    }
}

static void overflow_rejects_one_row(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, TWO_FIELDS);
    add(&f, 1, "a");
    add(&f, INT64_MAX, "b");
    add(&f, 3, "c");
    query(&f, "SELECT n + 1 AS more, s FROM record");
    expect_counts(&f, 2, 1);
    expect_int(&f, 0, "more", 2);
    expect_int(&f, 1, "more", 4);
    expect_failure(&f, 0, 1001, "column more: the query gives 9.223372036854776e+18");
    assert_string_equal(f.result.failures[0].why.field, "more");
    assert_int_equal(f.result.batch.records[1].origin, 1002);
    fixture_release(&f);
}

static void an_error_of_sqlite_rejects_one_row(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, TWO_FIELDS);
    add(&f, 1, "{\"a\":1}");
    add(&f, INT64_MIN, "{\"a\":2}");
    add(&f, 2, "{broken");
    add(&f, 3, NULL);
    query(&f, "SELECT n, s ->> 'a' AS a, abs(n) AS size FROM record WHERE n <> 3");
    expect_counts(&f, 1, 2);
    expect_text(&f, 0, "a", "1");
    expect_failure(&f, 0, 1001, "integer overflow");
    expect_failure(&f, 1, 1002, "malformed JSON");
    query(&f, "SELECT n FROM record WHERE abs(n) > 1"); /* also in WHERE */
    expect_counts(&f, 2, 1);
    expect_int(&f, 0, "n", 2);
    expect_int(&f, 1, "n", 3);
    fixture_release(&f);
}

static void every_row_may_fail(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, TWO_FIELDS);
    for (int i = 0; i < 40; i++) {
        add(&f, i, "x");
    }
    query(&f, "SELECT CAST(s AS INTEGER) AS i FROM record");
    expect_counts(&f, 0, 40);
    expect_failure(&f, 39, 1039, "CAST AS INTEGER wants a whole number of 64 bits, not 'x'");
    fixture_release(&f);
}

static void text_must_be_utf8(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\xff",     "abcdefgh\xc3", "\xc0\xaf",         "\xed\xa0\x80", "\xf5\x80",
        "\xe2\x82", "\x80",         "\xf4\x90\x80\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80"};
    fixture f;
    fixture_init(&f, TWO_FIELDS);
    enum { COUNT = sizeof bad / sizeof *bad };
    for (size_t i = 0; i < COUNT; i++) {
        add(&f, 1, bad[i]);
    }
    add(&f, 2, "good: \xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\x95 \xf4\x8f\xbf\xbf");
    query(&f, "SELECT n, s FROM record");
    expect_counts(&f, 1, COUNT);
    expect_failure(&f, 0, 1000, "column s: the text is not valid UTF-8");
    query(&f, "SELECT n, s || '!' AS t FROM record");
    expect_counts(&f, 1, COUNT);
    expect_failure(&f, COUNT - 1, 1000 + COUNT - 1, "column t: the text is not valid UTF-8");
    query(&f, "SELECT n, hex(s) AS h FROM record");
    expect_counts(&f, COUNT + 1, 0);
    expect_text(&f, 0, "h", "FF");
    fixture_release(&f);
}

static void runaway_rows_are_stopped(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, TWO_FIELDS);
    char list[1201] = "[";
    for (int i = 1; i < 1198; i += 2) {
        list[i] = '1';
        list[i + 1] = ',';
    }
    memcpy(list + 1197, "1]", 3);
    add(&f, 1, list);
    add(&f, 2, "[1,1]");
    query(&f, "SELECT n, CAST((SELECT count(*) FROM json_each(s) a, json_each(s) b, json_each(s) c)"
              " AS INTEGER) AS size FROM record");
    expect_counts(&f, 1, 1);
    expect_int(&f, 0, "size", 8);
    expect_failure(&f, 0, 1000, "takes too long");
    query(&f, "SELECT n, length(zeroblob(100000000)) AS size FROM record");
    expect_counts(&f, 0, 2);
    expect_failure(&f, 1, 1001, "too big");
    fixture_release(&f);
}

static void nulls_have_three_values(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, TWO_FIELDS);
    add(&f, 0, "a");
    ADD(&f, c_null(), c_null());
    add(&f, 10, NULL);
    query(&f, "SELECT 10 / n AS q, 10 % n AS r, n > 5 AS big, n > 5 OR s IS NULL AS either,"
              " NOT (n > 5) AS small, n IN (0, NULL) AS listed, n IS NULL AS no_n FROM record");
    expect_counts(&f, 3, 0);
    expect_null(&f, 0, "q");
    expect_null(&f, 0, "r");
    expect_int(&f, 0, "big", 0);
    expect_int(&f, 0, "small", 1);
    expect_int(&f, 0, "listed", 1);
    expect_null(&f, 1, "big");
    expect_int(&f, 1, "either", 1);
    expect_null(&f, 1, "small");
    expect_int(&f, 1, "no_n", 1);
    expect_type(&f, "no_n", MR_BOOL, false);
    expect_int(&f, 2, "q", 1);
    expect_null(&f, 2, "listed");
    query(&f, "SELECT n FROM record WHERE n > 5"); /* NULL is not true */
    expect_counts(&f, 1, 0);
    query(&f, "SELECT n FROM record WHERE NOT n > 5");
    expect_counts(&f, 1, 0);
    fixture_release(&f);
}

static void tombstones_keep_their_place(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, TWO_FIELDS);
    add(&f, 1, "a");
    add_tombstone(&f, MR_OP_DELETE);
    add(&f, 2, "b");
    add_tombstone(&f, MR_OP_DELETE);
    static const char *const queries[] = {
        "SELECT s FROM record",
        "SELECT n + 1 AS n, s FROM record",
        "SELECT s FROM record WHERE n > 0",      /* unknown without the fields */
        "SELECT s FROM record WHERE _op <> 'x'", /* true */
        "SELECT s FROM record WHERE n > 0 AND _op = 'delete' OR _op = 'create'",
    };
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        query(&f, queries[i]);
        expect_counts(&f, 4, 0);
        assert_null(f.result.batch.records[1].value);
        assert_int_equal(f.result.batch.records[1].origin, 1001);
        assert_int_equal(f.result.batch.records[1].raw_key.len, 4);
        assert_int_equal(f.result.batch.records[1].op, MR_OP_DELETE);
        assert_non_null(f.result.batch.records[2].value);
        assert_null(f.result.batch.records[3].value);
    }
    query(&f, "SELECT s FROM record WHERE _op <> 'delete'"); /* false whatever the fields */
    expect_counts(&f, 2, 0);
    query(&f, "SELECT s FROM record WHERE n = 2 AND _op <> 'delete'");
    expect_counts(&f, 1, 0);
    expect_text(&f, 0, "s", "b");
    fixture_release(&f);
}

static void tombstones_alone_need_no_schema(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, TWO_FIELDS);
    add_tombstone(&f, MR_OP_DELETE);
    add_tombstone(&f, MR_OP_DELETE);
    f.batch.schema = NULL;
    query(&f, "SELECT n, upper(s) AS s FROM record WHERE n > 5");
    expect_counts(&f, 2, 0);
    assert_null(f.result.batch.schema);
    query(&f, "SELECT n FROM record WHERE n > 5 AND _op <> 'delete'");
    expect_counts(&f, 0, 0);
    fixture_release(&f);
}

static void before_images(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, TWO_FIELDS);
    add(&f, 1, "Completed");
    add(&f, 2, "Completed");
    add(&f, 3, "Completed");
    f.records[0].op = f.records[1].op = MR_OP_UPDATE;
    mr_cell fields[] = {some(c_int(MR_LONG, 7)), some(c_text("InProgress"))};
    mr_cell image = {.type = MR_RECORD, .len = 2, .as.cells = fields};
    f.records[0].before = f.records[1].before = &image;
    mr_cell same[] = {some(c_int(MR_LONG, 7)), some(c_text("Completed"))};
    mr_cell done = {.type = MR_RECORD, .len = 2, .as.cells = same};
    f.records[1].before = &done;
    query(&f, "SELECT n, old('n') AS was, old('S') AS status FROM record"
              " WHERE _op = 'update' AND s = 'Completed' AND old('s') <> 'Completed'");
    expect_counts(&f, 1, 0);
    expect_type(&f, "was", MR_LONG, true);
    expect_int(&f, 0, "was", 7);
    expect_text(&f, 0, "status", "InProgress");
    assert_null(f.result.batch.records[0].before);
    query(&f, "SELECT old('n') AS was FROM record WHERE n = 3");
    expect_null(&f, 0, "was");
    refused(&f, "SELECT old('m') AS was FROM record", "old(): there is no field 'm'");
    refused(&f, "SELECT old(s) AS was FROM record", "old() wants the name of a field");
    fixture_release(&f);
}

static void records_keep_where_they_came_from(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, TWO_FIELDS);
    add(&f, 1, "a");
    mr_header header = {"h", {"v", 1}};
    f.records[0].raw_key = (mr_slice){"key", 3};
    f.records[0].raw_value = (mr_slice){"bytes", 5};
    f.records[0].headers = &header;
    f.records[0].header_count = 1;
    f.records[0].op = MR_OP_SNAPSHOT;
    query(&f, "SELECT n FROM record");
    const mr_record *record = &f.result.batch.records[0];
    assert_int_equal(record->partition, 3);
    assert_int_equal(record->offset, 100);
    assert_int_equal(record->timestamp_ms, 1553372469000);
    assert_ptr_equal(record->headers, &header);
    assert_int_equal(record->raw_key.len, 3);
    assert_int_equal(record->op, MR_OP_SNAPSHOT);
    assert_null(record->raw_value.data); /* the bytes are those of another value now */
    assert_string_equal(f.result.batch.topic, "trips");
    fixture_release(&f);
}

static void no_records(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, TWO_FIELDS);
    query(&f, "SELECT n + 1 AS m FROM record WHERE s = 'x'");
    expect_counts(&f, 0, 0);
    expect_type(&f, "m", MR_LONG, true);
    fixture_release(&f);
}

static void schemas_change_on_the_way(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, TWO_FIELDS);
    add(&f, 1, "a");
    query(&f, "SELECT n * 2 AS n, s FROM record");
    const mr_schema *first = f.result.batch.schema;
    enum { SCHEMAS = 40 }; /* more than are kept */
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < SCHEMAS; i++) {
            char json[300];
            sprintf(json,
                    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"x%d\",\"type\":"
                    "\"int\"},{\"name\":\"s\",\"type\":\"string\"},{\"name\":\"n\",\"type\":"
                    "\"double\"}]}",
                    i);
            const mr_schema *schema = parse_schema(json);
            mr_cell cells[] = {c_int(MR_INT, i), c_text("b"), c_double(i + 0.5)};
            mr_cell value = {.type = MR_RECORD, .len = 3, .as.cells = cells};
            mr_record record = {.value = &value};
            mr_batch batch = {.topic = "t", .schema = schema, .records = &record, .count = 1};
            assert_int_equal(mr_transform_run(f.transform, &batch, f.arena, &f.result, &f.err),
                             MR_OK);
            expect_type(&f, "n", MR_DOUBLE, true);
            expect_double(&f, 0, "n", 2 * i + 1);
            expect_text(&f, 0, "s", "b");
            mr_schema_release(schema);
        }
    }
    const mr_schema *again = parse_schema(TWO_FIELDS); /* equal, but another object */
    f.batch.schema = again;
    assert_int_equal(mr_transform_run(f.transform, &f.batch, f.arena, &f.result, &f.err), MR_OK);
    expect_int(&f, 0, "n", 2);
    const mr_schema *output = f.result.batch.schema;
    f.batch.schema = f.schema;
    assert_int_equal(mr_transform_run(f.transform, &f.batch, f.arena, &f.result, &f.err), MR_OK);
    assert_ptr_equal(f.result.batch.schema, output); /* one plan for both */
    (void)first;
    mr_schema_release(again);
    fixture_release(&f);
}

static void many_batches_on_one_transform(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, TWO_FIELDS);
    add(&f, 1, "{\"k\":[1,2]}");
    add(&f, 2, "{\"k\":[3]}");
    query(&f,
          "SELECT n, s ->> '$.k[0]' AS k, now() > to_timestamp('2020-01-01') AS late FROM record"
          " WHERE n > 0");
    for (int i = 0; i < 50; i++) {
        assert_int_equal(mr_transform_run(f.transform, &f.batch, f.arena, &f.result, &f.err),
                         MR_OK);
        expect_counts(&f, 2, 0);
        expect_text(&f, 1, "k", "3");
        expect_int(&f, 1, "late", 1);
    }
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overflow_rejects_one_row),
        cmocka_unit_test(an_error_of_sqlite_rejects_one_row),
        cmocka_unit_test(every_row_may_fail),
        cmocka_unit_test(text_must_be_utf8),
        cmocka_unit_test(runaway_rows_are_stopped),
        cmocka_unit_test(nulls_have_three_values),
        cmocka_unit_test(tombstones_keep_their_place),
        cmocka_unit_test(tombstones_alone_need_no_schema),
        cmocka_unit_test(before_images),
        cmocka_unit_test(records_keep_where_they_came_from),
        cmocka_unit_test(no_records),
        cmocka_unit_test(schemas_change_on_the_way),
        cmocka_unit_test(many_batches_on_one_transform),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
