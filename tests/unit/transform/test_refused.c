/* SPDX-License-Identifier: Apache-2.0 */
/* Queries that are refused, before a schema is known and with one: why, where, what to do. */
#include "fixture.h"

static const char schema_json[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
    "{\"name\":\"trip_id\",\"type\":\"string\"},{\"name\":\"fare\",\"type\":\"double\"},"
    "{\"name\":\"amount\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":"
    "10,"
    "\"scale\":2}},"
    "{\"name\":\"pickup\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}},"
    "{\"name\":\"day\",\"type\":{\"type\":\"int\",\"logicalType\":\"date\"}},"
    "{\"name\":\"local\",\"type\":{\"type\":\"long\",\"logicalType\":\"local-timestamp-micros\"}},"
    "{\"name\":\"y\",\"type\":\"bytes\"},{\"name\":\"items\",\"type\":{\"type\":\"array\","
    "\"items\":\"int\"}}]}";

typedef struct bad_query {
    const char *query, *message;
} bad_query;

static const bad_query without_schema[] = {
    {"", "the query is empty"},
    {"  -- nothing\n /* at all */", "the query is empty"},
    {"DELETE FROM record", "DELETE is not possible"},
    {"INSERT INTO record VALUES (1)", "INSERT is not possible"},
    {"ATTACH 'x.db' AS x", "ATTACH is not possible"},
    {"PRAGMA writable_schema = 1", "PRAGMA is not possible"},
    {"EXPLAIN SELECT 1 FROM record", "EXPLAIN is not possible"},
    {"WITH x AS (SELECT 1) SELECT * FROM x", "WITH is not possible"},
    {"SELECT a FROM record; SELECT b FROM record", "line 1, column 23: only one statement"},
    {"SELECT a FROM record; DROP TABLE record", "only one statement"},
    {"SELECT a FROM record WHERE", "incomplete input"},
    {"SELECT a b c FROM record", "line 1, column 12: near \"c\": syntax error"},
    {"SELECT a,\n  b +\nFROM record", "line 3, column 1: near \"FROM\": syntax error"},
    {"SELECT uuid(a, b) AS x FROM record", "no such function: uuid; did you mean 'uuid5'?"},
    {"SELECT to_timestmp(a) AS x FROM record", "did you mean 'to_timestamp'?"},
    {"SELECT a FROM trips", "the only table is record"},
    {"SELECT name FROM sqlite_master", "may only SELECT from record"},
    {"SELECT r.a FROM record, json_each('[]') AS r2, record AS r",
     "a second table is not possible"},
    {"SELECT a FROM record JOIN json_each(a) ON 1", "is not possible"},
    {"SELECT value AS a FROM json_each('[]')", "the only table is record"},
    {"SELECT a FROM (SELECT a FROM record)", "the only table is record"},
    {"SELECT DISTINCT a FROM record", "DISTINCT needs more than one record"},
    {"SELECT a FROM record GROUP BY a", "GROUP is not possible: each row is made from one"},
    {"SELECT a FROM record ORDER BY a", "ORDER is not possible"},
    {"SELECT a FROM record LIMIT 5", "LIMIT is not possible"},
    {"SELECT a FROM record UNION SELECT b FROM record", "UNION is not possible"},
    {"SELECT count(*) AS n FROM record", "count() needs more than one record"},
    {"SELECT sum(a) AS n FROM record", "sum() needs more than one record"},
    {"SELECT max(a) AS n FROM record", "max() needs more than one record"},
    {"SELECT row_number() OVER () AS n FROM record", "not authorized to use function: row_number"},
    {"SELECT (SELECT avg(a) FROM record) AS n FROM record", "a sub-query can not read from"},
    {"SELECT a FROM record WHERE a IN (SELECT a FROM record)", "a sub-query can not read from"},
    {"SELECT (WITH c(x) AS (SELECT 1 UNION ALL SELECT x FROM c) SELECT x FROM c) AS n FROM "
     "record",
     "may only SELECT"},
    {"SELECT random() AS n FROM record", "random"},
    {"SELECT load_extension('x') AS n FROM record", "load_extension"},
    {"SELECT readfile('/etc/passwd') AS n FROM record", "no such function: readfile"},
    {"SELECT a + ? AS n FROM record", "line 1, column 12: parameters are not known here"},
    {"SELECT :a AS n FROM record", "parameters are not known here"},
    {"SELECT 'abc FROM record", "line 1, column 8: this quote is not closed"},
    {"SELECT a FROM record /* where", "a comment is not closed"},
    {"SELECT x'0 FROM record", "this blob is not closed"},
    {"SELECT 1abc FROM record", "a number and a name run together"},
    {"SELECT a ! b FROM record", "means nothing in SQL"},
    {"SELECT a + 1 FROM record", "add AS name"},
    {"SELECT a AS \"two words\" FROM record", "not 'two words'"},
    {"SELECT a, b AS a FROM record", "line 1, column 11: two result columns are called 'a'"},
    {"SELECT CAST(a AS DECIMAL) AS x FROM record", "write DECIMAL(digits"},
    {"SELECT CAST(a AS DECIMAL(39, 2)) AS x FROM record", "at most 38 digits"},
    {"SELECT CAST(a AS DECIMAL(5, 6)) AS x FROM record", "write DECIMAL(digits"},
    {"SELECT CAST(a AS VARCHAR(10)) AS x FROM record", "this type takes no size"},
    {"SELECT CAST(a AS MONEY) AS x FROM record", "CAST knows INTEGER"},
    {"SELECT dec_div(a, b, c) AS x FROM record", "0 to 38, as a number in the query"},
    {"SELECT dec_round(a, 39) AS x FROM record", "0 to 38"},
    {"SELECT a FROM record WHERE a MATCH 'x'", "MATCH"},
    {"SELECT a FROM record WHERE (a, b) = (1, 2)", "lists in parentheses"},
    {"SELECT \"upper\"(a) AS x FROM record", "without quotes"},
    {"SELECT cast_integer(a, 3) AS x FROM record", "there is no function cast_integer()"},
    {"SELECT uuid5(a) AS x FROM record", "wrong number of arguments to function uuid5()"},
    {"SELECT main.record.a FROM main.record", "the only table is record"},
};

static void check_refused_without_schema(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < sizeof without_schema / sizeof *without_schema; i++) {
        mr_error err = {0};
        if (mr_transform_check(without_schema[i].query, &err) != MR_FATAL) {
            print_error("not refused: %s\n", without_schema[i].query);
            wrong++;
            continue;
        }
        if (!strstr(err.text, without_schema[i].message)) {
            print_error("%s\nsays: %s\nnot: %s\n", without_schema[i].query, err.text,
                        without_schema[i].message);
            wrong++;
        }
        assert_true(err.permanent);
        assert_int_equal(err.domain, MR_DOMAIN_TRANSFORM);
        mr_transform *transform = NULL;
        assert_int_equal(mr_transform_new(without_schema[i].query, "R", &transform, &err),
                         MR_FATAL);
        assert_null(transform);
    }
    assert_int_equal(wrong, 0);
}

static void accepted_without_schema(void **state)
{
    (void)state;
    static const char *const queries[] = {
        "SELECT * FROM record",
        "select a from record;",
        "SELECT r.a, record_time AS t FROM record AS r WHERE r.b > 5 ;;",
        "SELECT a FROM record r",
        "SELECT record.a FROM RECORD WHERE \"order\" = 1 AND [group] = 2 OR `x` IS NULL",
        "SELECT now() - ts AS age, dec_add(a, b) > 5 AS big FROM record",
        "SELECT coalesce(a, 0) > '1.50' AS c, minutes_between(a + 5, -b) AS m FROM record",
        "SELECT a + b AS sum FROM record WHERE sum > 5",
        "SELECT old('a') AS was FROM record WHERE old('a') <> a -- changed",
    };
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        mr_error err = {0};
        if (mr_transform_check(queries[i], &err) != MR_OK) {
            fail_msg("%s\nsays: %s", queries[i], err.text);
        }
    }
}

static void check_refused_with_schema(void **state)
{
    (void)state;
    static const bad_query queries[] = {
        {"SELECT faer FROM record", "line 1, column 8: no such column: faer; did you mean 'fare'?"},
        {"SELECT fare\nFROM record\nWHERE r.fare > 0", "no such column: r.fare"},
        {"SELECT \"no such\" AS x FROM record", "no such column: no such"},
        {"SELECT fare, * FROM record", "two result columns are called 'fare'"},
        {"SELECT trip_id + 1 AS x FROM record", "column 8: '+' wants a number, this is a string"},
        {"SELECT -trip_id AS x FROM record", "'-' wants a number"},
        {"SELECT fare FROM record WHERE trip_id > 50", "a string can not be compared with a long"},
        {"SELECT fare FROM record WHERE fare > '50'", "CAST(... AS REAL)"},
        {"SELECT fare FROM record WHERE trip_id", "a condition is wanted here"},
        {"SELECT fare FROM record WHERE fare > 1 AND trip_id", "a condition is wanted here"},
        {"SELECT NOT trip_id AS x FROM record", "a condition is wanted here"},
        {"SELECT fare FROM record WHERE pickup > trip_id", "to_timestamp()"},
        {"SELECT fare FROM record WHERE pickup > day", "CAST(... AS DATE)"},
        {"SELECT pickup - local AS x FROM record", "subtract two of them"},
        {"SELECT pickup * 2 AS x FROM record", "'*' wants a number, this is a timestamp"},
        {"SELECT pickup + pickup AS x FROM record", "'+' wants a number"},
        {"SELECT date(pickup) AS x FROM record", "date() gets a timestamp here and wants text"},
        {"SELECT upper(day) AS x FROM record", "upper() gets a date here"},
        {"SELECT round(trip_id) AS x FROM record", "round() gets a string here"},
        {"SELECT minutes_between(trip_id, pickup) AS x FROM record", "wants a timestamp"},
        {"SELECT format_date(pickup) AS x FROM record", "wants a date"},
        {"SELECT CASE WHEN fare > 1 THEN 'a' ELSE 1 END AS x FROM record", "CAST(... AS TEXT)"},
        {"SELECT coalesce(pickup, day) AS x FROM record", "this is a date where the other"},
        {"SELECT max(amount, 5) AS x FROM record", "compares the text of decimals"},
        {"SELECT amount IN (1, 2) AS x FROM record", "IN compares the text of decimals"},
        {"SELECT CASE amount WHEN 1 THEN 2 END AS x FROM record", "CASE WHEN x ="},
        {"SELECT amount IS 5 AS x FROM record", "IS compares the text of decimals"},
        {"SELECT CAST(y AS INTEGER) AS x FROM record", "a bytes can not become INTEGER"},
        {"SELECT CAST(fare AS TIMESTAMP) AS x FROM record", "a double can not become TIMESTAMP"},
        {"SELECT y = trip_id AS x FROM record", "write a blob as x'00ff'"},
        {"SELECT (SELECT sum(fare) FROM json_each(items)) AS x FROM record",
         "does not give its rows record by record"},
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        fixture f;
        fixture_init(&f, schema_json);
        ADD(&f, c_text("1"), c_double(5), c_data(MR_DECIMAL, "\1", 1), c_int(MR_TIMESTAMP_US, 0),
            c_int(MR_DATE, 0), c_int(MR_LOCAL_TIMESTAMP_US, 0), c_data(MR_BYTES, "x", 1),
            (mr_cell){.type = MR_ARRAY, .len = 0});
        if (try_query(&f, queries[i].query) != MR_FATAL ||
            !strstr(f.err.text, queries[i].message) || !f.err.permanent) {
            print_error("%s\nsays: %s\nnot: %s\n", queries[i].query, f.err.text,
                        queries[i].message);
            wrong++;
        }
        fixture_release(&f);
    }
    assert_int_equal(wrong, 0);
}

static void aliases_in_where(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, schema_json);
    for (int i = 0; i < 4; i++) {
        ADD(&f, c_text("1"), c_double(i), c_data(MR_DECIMAL, "\1", 1), c_int(MR_TIMESTAMP_US, 0),
            c_int(MR_DATE, 0), c_int(MR_LOCAL_TIMESTAMP_US, 0), c_data(MR_BYTES, "x", 1),
            (mr_cell){.type = MR_ARRAY, .len = 0});
    }
    query(&f, "SELECT fare * 10 AS tenfold, pickup AS at FROM record r"
              " WHERE tenfold > 5 AND tenfold + 1 < 30 AND at < '2000-01-01'");
    expect_counts(&f, 2, 0);
    expect_double(&f, 0, "tenfold", 10);
    expect_double(&f, 1, "tenfold", 20);
    query(&f, "SELECT fare * 10 AS trip_id FROM record WHERE trip_id = '1'"); /* columns win */
    expect_counts(&f, 4, 0);
    fixture_release(&f);
}

static void limits(void **state)
{
    (void)state;
    enum { SIZE = 70000 };
    char *text = malloc(SIZE + 100);
    assert_non_null(text);
    mr_error err;
    memset(text, ' ', SIZE);
    strcpy(text + SIZE, "SELECT a FROM record");
    assert_int_equal(mr_transform_check(text, &err), MR_FATAL);
    assert_non_null(strstr(err.text, "allowed are 65536"));
    strcpy(text, "SELECT ");
    for (int i = 0; i < 150; i++) {
        strcat(text, "(");
    }
    strcat(text, "a");
    for (int i = 0; i < 150; i++) {
        strcat(text, ")");
    }
    strcat(text, " AS x FROM record");
    assert_int_equal(mr_transform_check(text, &err), MR_FATAL);
    strcpy(text, "SELECT coalesce(1");
    for (int i = 0; i < 110; i++) {
        strcat(text, ",1");
    }
    strcat(text, ") AS x FROM record");
    assert_int_equal(mr_transform_check(text, &err), MR_FATAL);
    assert_non_null(strstr(err.text, "more than 100 arguments"));
    /* A long expression by its short name, often: the text that is run is bounded too. */
    strcpy(text, "SELECT '");
    memset(text + 8, 'x', 20000);
    strcpy(text + 20008, "' AS x FROM record WHERE x = 'a'");
    fixture f;
    fixture_init(&f, schema_json);
    query(&f, text);
    for (int i = 0; i < 60; i++) {
        strcat(text, " OR x = 'b'");
    }
    refused(&f, text, "grows beyond");
    fixture_release(&f);
    free(text);
}

static void a_bad_output_name(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, schema_json);
    assert_int_equal(
        mr_transform_new("SELECT fare FROM record", "not a name", &f.transform, &f.err), MR_OK);
    assert_int_equal(mr_transform_run(f.transform, &f.batch, f.arena, &f.result, &f.err), MR_FATAL);
    assert_true(f.err.permanent);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_refused_without_schema),
        cmocka_unit_test(accepted_without_schema),
        cmocka_unit_test(check_refused_with_schema),
        cmocka_unit_test(aliases_in_where),
        cmocka_unit_test(limits),
        cmocka_unit_test(a_bad_output_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
