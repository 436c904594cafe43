/* SPDX-License-Identifier: Apache-2.0 */
/* Rows land as they should: insert, upsert, the last of a key, several routes, tables as they come.
 */
#include "integration/postgres/rig.h"

static const char trip_json[] =
    "{\"type\":\"record\",\"name\":\"Trip\",\"fields\":[{\"name\":\"id\",\"type\":\"string\"},"
    "{\"name\":\"fare\",\"type\":[\"null\",\"double\"]},{\"name\":\"n\",\"type\":\"int\"}]}";

#define TRIP(id, fare, n) cell_text(id), cell_double(MR_DOUBLE, fare), cell_int(MR_INT, n)

static void inserts_append(void **state)
{
    (void)state;
    const mr_schema *trip = schema_of(trip_json);
    rig *r = rig_new("inserts_append");
    rig_route(r, "trips", "table", "@.inserts", "auto.create", "true", NULL);
    assert_ok(r, rig_open(r));
    assert_int_equal(r->recovered, -1);
    assert_ok(r,
              rig_put(r, batch_of(r, trip, 0, cells_of(TRIP("a", 1.5, 1), TRIP("b", 2, 2)), 3, 2)));
    assert_ok(r, rig_put(r, batch_of(r, trip, 0, cells_of(TRIP("a", 1.5, 1)), 3, 1)));
    assert_rows("SELECT * FROM @.inserts ORDER BY 1", "a|1.5|1 a|1.5|1 b|2|2");
    assert_rows("SELECT topic, partition, next_offset FROM @.offsets WHERE connector = "
                "'inserts_append'",
                "topic|0|3");
    rig_free(r);
    mr_schema_release(trip);
}

static void upserts_keep_the_last_of_a_key(void **state)
{
    (void)state;
    const mr_schema *trip = schema_of(trip_json);
    rig *r = rig_new("upserts");
    rig_route(r, "trips", "table", "@.upserts", "auto.create", "true", "key.fields", "id", NULL);
    assert_ok(r, rig_open(r));
    mr_batch *batches[] = {
        batch_of(
            r, trip, 0,
            cells_of(TRIP("b", 1, 1), TRIP("a", 1, 2), TRIP("b", 2, 3), TRIP("abcdefghijk", 0, 4)),
            3, 4),
        batch_of(r, trip, 0, cells_of(TRIP("a", 3, 5), TRIP("abcdefghijl", 0, 6)), 3, 2),
    };
    assert_ok(r, rig_epoch(r, batches, 2));
    assert_rows("SELECT * FROM @.upserts ORDER BY 1",
                "a|3|5 abcdefghijk|0|4 abcdefghijl|0|6 b|2|3");
    /* Existing and new keys together. */
    assert_ok(r,
              rig_put(r, batch_of(r, trip, 0, cells_of(TRIP("c", 9, 9), TRIP("a", 4, 7)), 3, 2)));
    assert_rows("SELECT * FROM @.upserts WHERE id IN ('a', 'c') ORDER BY 1", "a|4|7 c|9|9");
    rig_free(r);
    mr_schema_release(trip);
}

static void unchanged_rows_are_left_alone(void **state)
{
    (void)state;
    const mr_schema *trip = schema_of(trip_json);
    rig *r = rig_new("unchanged");
    rig_route(r, "trips", "table", "@.unchanged", "auto.create", "true", "key.fields", "id", NULL);
    assert_ok(r, rig_open(r));
    assert_ok(r,
              rig_put(r, batch_of(r, trip, 0, cells_of(TRIP("a", 1, 1), TRIP("b", 1, 1)), 3, 2)));
    char *before = mr_strdup(rows("SELECT ctid FROM @.unchanged WHERE id = 'a'"));
    assert_ok(r,
              rig_put(r, batch_of(r, trip, 0, cells_of(TRIP("a", 1, 1), TRIP("b", 2, 1)), 3, 2)));
    assert_rows("SELECT ctid FROM @.unchanged WHERE id = 'a'", before);
    assert_rows("SELECT fare FROM @.unchanged WHERE id = 'b'", "2");
    free(before);
    rig_free(r);
    mr_schema_release(trip);
}

static void one_epoch_fills_several_routes(void **state)
{
    (void)state;
    const mr_schema *trip = schema_of(trip_json);
    const mr_schema *small = schema_of("{\"type\":\"record\",\"name\":\"S\",\"fields\":["
                                       "{\"name\":\"x\",\"type\":\"long\"}]}");
    rig *r = rig_new("routes");
    rig_route(r, "one", "table", "@.route_one", "auto.create", "true", NULL);
    rig_route(r, "two", "table", "@.route_two", "auto.create", "true", "key.fields", "id", NULL);
    rig_route(r, "three", "table", "@.route_three", "auto.create", "true", NULL);
    assert_ok(r, rig_open(r));
    for (int epoch = 0; epoch < 2; epoch++) {
        mr_batch *batches[] = {
            batch_of(r, trip, 0, cells_of(TRIP("a", 1, 1), TRIP("b", 1, 1)), 3, 2),
            batch_of(r, trip, 1, cells_of(TRIP("a", 1, 1), TRIP("a", 1, epoch)), 3, 2),
            batch_of(r, small, 2, cells_of(cell_int(MR_LONG, 7)), 1, 1),
            batch_of(r, trip, 0, cells_of(TRIP("c", 1, 1)), 3, 1),
        };
        assert_ok(r, rig_epoch(r, batches, 4));
    }
    assert_rows("SELECT count(*), count(DISTINCT id) FROM @.route_one", "6|3");
    assert_rows("SELECT id, n FROM @.route_two", "a|1");
    assert_rows("SELECT x FROM @.route_three", "7 7");
    rig_free(r);
    mr_schema_release(trip);
    mr_schema_release(small);
}

/* Enough rows for several pieces of a COPY in several routes at once. */
static void large_epochs_stream(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    const mr_schema *trip = schema_of(trip_json);
    rig *r = rig_new("large");
    rig_route(r, "one", "table", "@.large_one", "auto.create", "true", NULL);
    rig_route(r, "two", "table", "@.large_two", "auto.create", "true", "key.fields", "id", NULL);
    assert_ok(r, rig_open(r));
    char(*names)[60] = mr_calloc(COUNT, sizeof *names);
    mr_cell *cells = mr_calloc(3 * COUNT, sizeof *cells);
    for (int i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof *names, "trip number %d with a name to fill pieces", i % 15000);
        cells[3 * i] = cell_text(names[i]);
        cells[3 * i + 1] = i % 3 ? cell_double(MR_DOUBLE, i) : cell_null();
        cells[3 * i + 2] = cell_int(MR_INT, i);
    }
    mr_batch *batches[8];
    for (size_t i = 0; i < 8; i++) {
        size_t quarter = COUNT / 4;
        batches[i] = batch_of(r, trip, i % 2, cells + i / 2 * quarter * 3, 3, quarter);
    }
    assert_ok(r, rig_epoch(r, batches, 8));
    assert_rows("SELECT count(*), sum(n), count(fare), sum(fare) FROM @.large_one",
                rows("SELECT 20000, sum(i), count(*) FILTER (WHERE i % 3 <> 0), sum(i) FILTER "
                     "(WHERE i % 3 <> 0) FROM generate_series(0, 19999) i"));
    assert_rows("SELECT count(*), sum(n) FROM @.large_two", "15000|187492500");
    free(names);
    free(cells);
    rig_free(r);
    mr_schema_release(trip);
}

static void existing_tables_keep_their_defaults(void **state)
{
    (void)state;
    sql("CREATE TABLE @.kept (serial_id serial, identity_id bigint GENERATED BY DEFAULT AS "
        "IDENTITY,"
        " n int, twice int GENERATED ALWAYS AS (n * 2) STORED, id text, note text DEFAULT 'none',"
        " fare numeric(6,2), UNIQUE (id))");
    const mr_schema *trip = schema_of(trip_json);
    rig *r = rig_new("kept");
    rig_route(r, "trips", "table", "@.kept", "key.fields", "id", NULL);
    assert_ok(r, rig_open(r));
    assert_ok(r, rig_put(r, batch_of(r, trip, 0, cells_of(TRIP("a", 1.125, 4)), 3, 1)));
    assert_ok(r, rig_put(r, batch_of(r, trip, 0, cells_of(TRIP("a", 1.5, 5)), 3, 1)));
    assert_rows("SELECT serial_id, identity_id, n, twice, id, note, fare FROM @.kept",
                "1|1|5|10|a|none|1.50");
    rig_free(r);
    mr_schema_release(trip);
}

static void identity_always_takes_a_given_value(void **state)
{
    (void)state;
    sql("CREATE TABLE @.always (n int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text, fare "
        "float4)");
    const mr_schema *trip = schema_of(trip_json);
    rig *r = rig_new("always");
    rig_route(r, "trips", "table", "@.always", "key.fields", "n", NULL);
    assert_ok(r, rig_open(r));
    assert_ok(r, rig_put(r, batch_of(r, trip, 0, cells_of(TRIP("a", 1, 77)), 3, 1)));
    assert_rows("SELECT n, id FROM @.always", "77|a");
    rig_free(r);
    mr_schema_release(trip);
}

static void odd_names_are_quoted(void **state)
{
    (void)state;
    sql("CREATE TABLE @.\"My.Table \"\"x\"\"\" (\"ID\" text PRIMARY KEY, \"order\" int)");
    const mr_schema *odd = schema_of(
        "{\"type\":\"record\",\"name\":\"O\",\"fields\":[{\"name\":\"ID\",\"type\":\"string\"},"
        "{\"name\":\"order\",\"type\":\"int\"}]}");
    rig *r = rig_new("odd");
    rig_route(r, "odd", "table", "@.\"My.Table \"\"x\"\"\"", "key.fields", "ID", NULL);
    assert_ok(r, rig_open(r));
    for (int i = 0; i < 2; i++) {
        assert_ok(r, rig_put(r, batch_of(r, odd, 0, cells_of(cell_text("a"), cell_int(MR_INT, i)),
                                         2, 1)));
    }
    assert_rows("SELECT * FROM @.\"My.Table \"\"x\"\"\"", "a|1");
    rig_free(r);
    mr_schema_release(odd);
}

static void fields_find_columns_of_other_case(void **state)
{
    (void)state;
    sql("CREATE TABLE @.cases (tripid text PRIMARY KEY, fareamount int)");
    const mr_schema *schema = schema_of(
        "{\"type\":\"record\",\"name\":\"C\",\"fields\":[{\"name\":\"tripId\",\"type\":\"string\"},"
        "{\"name\":\"fareAmount\",\"type\":\"int\"}]}");
    rig *r = rig_new("cases");
    rig_route(r, "cases", "table", "@.cases", "key.fields", "tripId", NULL);
    assert_ok(r, rig_open(r));
    for (int i = 0; i < 2; i++) {
        assert_ok(r, rig_put(r, batch_of(r, schema, 0,
                                         cells_of(cell_text("a"), cell_int(MR_INT, i)), 2, 1)));
    }
    assert_rows("SELECT tripid, fareamount FROM @.cases", "a|1");
    rig_free(r);
    mr_schema_release(schema);
}

/* The schema of a topic changes in the middle of an epoch: the last of a key still wins. */
static void schemas_change_within_an_epoch(void **state)
{
    (void)state;
    const mr_schema *one = schema_of(
        "{\"type\":\"record\",\"name\":\"T\",\"fields\":[{\"name\":\"id\",\"type\":\"int\"},"
        "{\"name\":\"n\",\"type\":\"int\"}]}");
    const mr_schema *two = schema_of(
        "{\"type\":\"record\",\"name\":\"T\",\"fields\":[{\"name\":\"n\",\"type\":\"int\"},"
        "{\"name\":\"id\",\"type\":\"long\"},{\"name\":\"note\",\"type\":\"string\"}]}");
    sql("CREATE TABLE @.changing (id bigint PRIMARY KEY, n int, note text)");
    rig *r = rig_new("changing");
    rig_route(r, "t", "table", "@.changing", "key.fields", "id", NULL);
    assert_ok(r, rig_open(r));
    for (int i = 0; i < 2; i++) {
        mr_batch *batches[] = {
            batch_of(r, one, 0,
                     cells_of(cell_int(MR_INT, 1), cell_int(MR_INT, 10), cell_int(MR_INT, 2),
                              cell_int(MR_INT, 20)),
                     2, 2),
            batch_of(r, two, 0,
                     cells_of(cell_int(MR_INT, 11), cell_int(MR_LONG, 1), cell_text("later")), 3,
                     1),
            batch_of(r, one, 0, cells_of(cell_int(MR_INT, 2), cell_int(MR_INT, 22)), 2, 1),
        };
        assert_ok(r, rig_epoch(r, batches, 3));
        assert_rows("SELECT * FROM @.changing ORDER BY 1", "1|11|later 2|22|-");
    }
    rig_free(r);
    mr_schema_release(one);
    mr_schema_release(two);
}

static void keys_of_several_fields(void **state)
{
    (void)state;
    const mr_schema *schema = schema_of(
        "{\"type\":\"record\",\"name\":\"K\",\"fields\":[{\"name\":\"a\",\"type\":\"string\"},"
        "{\"name\":\"b\",\"type\":\"string\"},{\"name\":\"n\",\"type\":\"int\"}]}");
    rig *r = rig_new("compound");
    rig_route(r, "k", "table", "@.compound", "auto.create", "true", "key.fields", "a,b", NULL);
    assert_ok(r, rig_open(r));
    assert_ok(r, rig_put(r, batch_of(r, schema, 0,
                                     cells_of(cell_text("a"), cell_text("bc"), cell_int(MR_INT, 1),
                                              cell_text("ab"), cell_text("c"), cell_int(MR_INT, 2),
                                              cell_text("a"), cell_text("bc"), cell_int(MR_INT, 3)),
                                     3, 3)));
    assert_rows("SELECT * FROM @.compound ORDER BY 1", "a|bc|3 ab|c|2");
    rig_free(r);
    mr_schema_release(schema);
}

/* Keys only: there is nothing to update. */
static void tables_of_only_keys(void **state)
{
    (void)state;
    const mr_schema *schema = schema_of("{\"type\":\"record\",\"name\":\"K\",\"fields\":["
                                        "{\"name\":\"a\",\"type\":\"string\"}]}");
    rig *r = rig_new("only_keys");
    rig_route(r, "k", "table", "@.only_keys", "auto.create", "true", "key.fields", "a", NULL);
    assert_ok(r, rig_open(r));
    for (int i = 0; i < 3; i++) {
        assert_ok(r, rig_put(r, batch_of(r, schema, 0, cells_of(cell_text("a")), 1, 1)));
    }
    assert_rows("SELECT * FROM @.only_keys", "a");
    rig_free(r);
    mr_schema_release(schema);
}

/* json has no equality, which "unchanged" must not need. */
static void columns_without_equality(void **state)
{
    (void)state;
    sql("CREATE TABLE @.noeq (id text PRIMARY KEY, fare json, n int)");
    const mr_schema *trip = schema_of(trip_json);
    rig *r = rig_new("noeq");
    rig_route(r, "t", "table", "@.noeq", "key.fields", "id", NULL);
    assert_ok(r, rig_open(r));
    for (int i = 0; i < 3; i++) {
        assert_ok(r, rig_put(r, batch_of(r, trip, 0, cells_of(TRIP("a", i, 1)), 3, 1)));
    }
    assert_rows("SELECT id, fare, n FROM @.noeq", "a|2|1");
    rig_free(r);
    mr_schema_release(trip);
}

static void partitioned_tables_and_views(void **state)
{
    (void)state;
    sql("CREATE TABLE @.parts (id text, fare float8, n int, PRIMARY KEY (id, n)) PARTITION BY "
        "RANGE (n); CREATE TABLE @.parts_low PARTITION OF @.parts FOR VALUES FROM (0) TO (10);"
        "CREATE TABLE @.parts_high PARTITION OF @.parts FOR VALUES FROM (10) TO (100);"
        "CREATE TABLE @.base (id text, fare float8, n int);"
        "CREATE VIEW @.view AS SELECT id, fare, n FROM @.base");
    const mr_schema *trip = schema_of(trip_json);
    rig *r = rig_new("parts");
    rig_route(r, "parts", "table", "@.parts", "key.fields", "id,n", NULL);
    rig_route(r, "view", "table", "@.view", NULL);
    assert_ok(r, rig_open(r));
    for (int i = 0; i < 2; i++) {
        mr_batch *batches[] = {
            batch_of(r, trip, 0, cells_of(TRIP("a", i, 1), TRIP("a", i, 50)), 3, 2),
            batch_of(r, trip, 1, cells_of(TRIP("a", i, 1)), 3, 1),
        };
        assert_ok(r, rig_epoch(r, batches, 2));
    }
    assert_rows("SELECT * FROM @.parts_low UNION ALL SELECT * FROM @.parts_high", "a|1|1 a|1|50");
    assert_rows("SELECT fare FROM @.base ORDER BY 1", "0 1");
    rig_free(r);
    mr_schema_release(trip);
}

/* The table is named for the topic, dots and all. */
static void table_is_named_for_the_topic(void **state)
{
    (void)state;
    const mr_schema *trip = schema_of(trip_json);
    rig *r = rig_new("by_topic");
    rig_route(r, "t", "auto.create", "true", NULL);
    char *url = mr_format("%s%coptions=-csearch_path%%3D%s", getenv("DATABASE_URL"),
                          strchr(getenv("DATABASE_URL"), '?') ? '&' : '?', test_schema);
    rig_option(r, "connection.url", url);
    free(url);
    assert_ok(r, rig_open(r));
    mr_batch *batch = batch_of(r, trip, 0, cells_of(TRIP("a", 1, 1)), 3, 1);
    batch->topic = "taxi.trips";
    assert_ok(r, rig_put(r, batch));
    assert_rows("SELECT id FROM @.\"taxi.trips\"", "a");
    rig_free(r);
    mr_schema_release(trip);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(inserts_append),
    cmocka_unit_test(upserts_keep_the_last_of_a_key),
    cmocka_unit_test(unchanged_rows_are_left_alone),
    cmocka_unit_test(one_epoch_fills_several_routes),
    cmocka_unit_test(large_epochs_stream),
    cmocka_unit_test(existing_tables_keep_their_defaults),
    cmocka_unit_test(identity_always_takes_a_given_value),
    cmocka_unit_test(odd_names_are_quoted),
    cmocka_unit_test(fields_find_columns_of_other_case),
    cmocka_unit_test(schemas_change_within_an_epoch),
    cmocka_unit_test(keys_of_several_fields),
    cmocka_unit_test(tables_of_only_keys),
    cmocka_unit_test(columns_without_equality),
    cmocka_unit_test(partitioned_tables_and_views),
    cmocka_unit_test(table_is_named_for_the_topic),
};
rig_main(tests)
