/* SPDX-License-Identifier: Apache-2.0 */
/* Bad input: a record that can not be stored is named, with SQLSTATE and column, wherever the sink
 * or the server can tell; the rest of its epoch then lands. A target that does not fit is refused
 * with the statement that would make it fit. */
#include "integration/postgres/rig.h"

static const char row_json[] = "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"id\","
                               "\"type\":[\"null\",\"long\"]},"
                               "{\"name\":\"v\",\"type\":[\"null\",%s]}]}";

typedef struct bad_case {
    const char *avro, *columns; /* the type of v, and the table */
    const char *key;            /* NULL: insert */
    mr_cell bad, good;
    const char *state, *field; /* expected; field NULL: any */
    bool unnamed;              /* only the server knows, and does not say which row */
} bad_case;

static const mr_schema *row_schema(const char *avro)
{
    char *json = mr_format(row_json, avro);
    const mr_schema *schema = schema_of(json);
    free(json);
    return schema;
}

/* Three records, the second one bad; then the two good ones. */
static void check_case(const bad_case *c)
{
    static int number;
    const mr_schema *schema = row_schema(c->avro);
    char *table = mr_format("@.bad_%d", number);
    char *create = mr_format("CREATE TABLE %s (%s)", table, c->columns);
    sql(create);
    free(create);
    char *name = mr_format("bad_%d", number++);
    rig *r = rig_new(name);
    rig_route(r, "r", "table", table, c->key ? "key.fields" : NULL, c->key, NULL);
    assert_ok(r, rig_open(r));
    mr_cell bad_id = c->key && c->bad.type == MR_NULL ? cell_null() : cell_int(MR_LONG, 2);
    mr_batch *batch = batch_of(
        r, schema, 0,
        cells_of(cell_int(MR_LONG, 1), c->good, bad_id, c->bad, cell_int(MR_LONG, 3), c->good), 2,
        3);
    mr_status status = rig_put(r, batch);
    if (status != MR_REJECT || strcmp(r->err.code, c->state) != 0) {
        fail_msg("%s into %s: %s, SQLSTATE %s: %s", c->avro, c->columns, mr_status_name(status),
                 r->err.code, r->err.text);
    }
    if (c->unnamed) {
        assert_int_equal(r->task.rejected_count, 0);
    } else {
        assert_int_equal(r->task.rejected_count, 1);
        assert_int_equal(r->task.rejected[0].origin, 1);
        assert_string_equal(r->task.rejected[0].why.code, c->state);
        if (c->field) {
            assert_string_equal(r->task.rejected[0].why.field, c->field);
        }
    }
    r->offset.next = 0;
    assert_ok(r, rig_put(r, batch_of(r, schema, 0,
                                     cells_of(cell_int(MR_LONG, 1), c->good, cell_int(MR_LONG, 3),
                                              c->good),
                                     2, 2)));
    char *count = mr_format("SELECT string_agg(id::text, ',' ORDER BY id) FROM %s", table);
    assert_rows(count, "1,3");
    free(count);
    free(table);
    free(name);
    rig_free(r);
    mr_schema_release(schema);
}

static void numbers_out_of_range(void **state)
{
    (void)state;
    const bad_case cases[] = {
        {.avro = "\"long\"",
         .columns = "id bigint, v smallint",
         .bad = cell_int(MR_LONG, 32768),
         .good = cell_int(MR_LONG, 1),
         .state = "22003",
         .field = "v"},
        {.avro = "\"long\"",
         .columns = "id bigint PRIMARY KEY, v integer",
         .key = "id",
         .bad = cell_int(MR_LONG, INT64_C(1) << 31),
         .good = cell_int(MR_LONG, 1),
         .state = "22003",
         .field = "v"},
        {.avro = "\"double\"",
         .columns = "id bigint, v real",
         .bad = cell_double(MR_DOUBLE, 1e300),
         .good = cell_double(MR_DOUBLE, 1),
         .state = "22003",
         .field = "v"},
        {.avro = "\"long\"",
         .columns = "id bigint, v numeric(3,0)",
         .bad = cell_int(MR_LONG, 1000),
         .good = cell_int(MR_LONG, 999),
         .state = "22003",
         .field = "v"},
        {.avro = "\"long\"",
         .columns = "id bigint PRIMARY KEY, v numeric(3,0)",
         .key = "id",
         .bad = cell_int(MR_LONG, 1000),
         .good = cell_int(MR_LONG, 999),
         .state = "22003",
         .field = "v"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case(&cases[i]);
    }
}

static void texts_that_are_none(void **state)
{
    (void)state;
    const mr_cell good = cell_text("ok");
    const bad_case cases[] = {
        {.avro = "\"string\"",
         .columns = "id bigint, v text",
         .bad = cell_bytes(MR_STRING, "12345678\0z", 10),
         .good = good,
         .state = "22021",
         .field = "v"},
        {.avro = "\"string\"",
         .columns = "id bigint, v text",
         .bad = cell_bytes(MR_STRING, "123456789\xff", 10),
         .good = good,
         .state = "22021",
         .field = "v"},
        {.avro = "\"string\"",
         .columns = "id bigint, v text",
         .bad = cell_bytes(MR_STRING, "\xed\xa0\x80", 3),
         .good = good,
         .state = "22021",
         .field = "v"},
        {.avro = "\"string\"",
         .columns = "id bigint PRIMARY KEY, v varchar(3)",
         .key = "id",
         .bad = cell_text("abcd"),
         .good = good,
         .state = "22001",
         .field = "v"},
        {.avro = "\"string\"",
         .columns = "id bigint, v uuid",
         .bad = cell_text("no uuid"),
         .good = cell_text("00112233445566778899aabbccddeeff"),
         .state = "22P02",
         .field = "v"},
        {.avro = "\"string\"",
         .columns = "id bigint, v numeric",
         .bad = cell_text("1.2.3"),
         .good = cell_text("1.2"),
         .state = "22P02",
         .field = "v"},
        {.avro = "\"string\"",
         .columns = "id bigint, v jsonb",
         .bad = cell_text("{oops"),
         .good = cell_text("{}"),
         .state = "22P02",
         .field = "v"},
        {.avro = "\"string\"",
         .columns = "id bigint PRIMARY KEY, v json",
         .key = "id",
         .bad = cell_text("{oops"),
         .good = cell_text("{}"),
         .state = "22P02",
         .field = "v"},
        {.avro = "\"string\"",
         .columns = "id bigint, v date",
         .bad = cell_text("tomorrow-ish"),
         .good = cell_text("2019-03-01"),
         .state = "22007",
         .unnamed = true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case(&cases[i]);
    }
}

static void times_out_of_range(void **state)
{
    (void)state;
    static const char ms[] = "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}";
    static const char us[] = "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}";
    static const char date[] = "{\"type\":\"int\",\"logicalType\":\"date\"}";
    static const char time[] = "{\"type\":\"int\",\"logicalType\":\"time-millis\"}";
    const bad_case cases[] = {
        {.avro = ms,
         .columns = "id bigint, v timestamptz",
         .bad = cell_int(MR_TIMESTAMP_MS, INT64_MAX),
         .good = cell_int(MR_TIMESTAMP_MS, 0),
         .state = "22008",
         .field = "v"},
        {.avro = us,
         .columns = "id bigint, v timestamptz",
         .bad = cell_int(MR_TIMESTAMP_US, INT64_MIN),
         .good = cell_int(MR_TIMESTAMP_US, 0),
         .state = "22008",
         .field = "v"},
        {.avro = date,
         .columns = "id bigint, v date",
         .bad = cell_int(MR_DATE, INT32_MIN),
         .good = cell_int(MR_DATE, 0),
         .state = "22008",
         .field = "v"},
        {.avro = time,
         .columns = "id bigint, v time",
         .bad = cell_int(MR_TIME_MS, 86400001),
         .good = cell_int(MR_TIME_MS, 86400000),
         .state = "22008",
         .field = "v"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case(&cases[i]);
    }
}

static void constraints(void **state)
{
    (void)state;
    sql("CREATE TABLE @.parent (id bigint PRIMARY KEY); INSERT INTO @.parent VALUES (7)");
    const bad_case cases[] = {
        {.avro = "\"long\"",
         .columns = "id bigint, v bigint NOT NULL",
         .bad = cell_null(),
         .good = cell_int(MR_LONG, 1),
         .state = "23502",
         .field = "v"},
        {.avro = "\"long\"",
         .columns = "id bigint, v bigint CHECK (v < 5)",
         .bad = cell_int(MR_LONG, 5),
         .good = cell_int(MR_LONG, 1),
         .state = "23514"},
        {.avro = "\"long\"",
         .columns = "id bigint, v bigint REFERENCES @.parent",
         .bad = cell_int(MR_LONG, 5),
         .good = cell_int(MR_LONG, 7),
         .state = "23503",
         .unnamed = true},
        {.avro = "\"long\"",
         .columns = "id bigint PRIMARY KEY, v bigint CHECK (v < 5)",
         .key = "id",
         .bad = cell_int(MR_LONG, 5),
         .good = cell_int(MR_LONG, 1),
         .state = "23514"},
        {.avro = "\"long\"",
         .columns = "id bigint UNIQUE, v bigint",
         .key = "id",
         .bad = cell_null(),
         .good = cell_int(MR_LONG, 1),
         .state = "23502",
         .field = "id"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case(&cases[i]);
    }
}

/* Insert mode onto a unique index: the row that is there already is named. */
static void duplicates_in_insert_mode(void **state)
{
    (void)state;
    sql("CREATE TABLE @.dup (id bigint PRIMARY KEY, v bigint); INSERT INTO @.dup VALUES (1500, 0)");
    const mr_schema *schema = row_schema("\"long\"");
    rig *r = rig_new("dup");
    rig_route(r, "r", "table", "@.dup", NULL);
    assert_ok(r, rig_open(r));
    enum { COUNT = 2500 };
    mr_cell *cells = mr_calloc(2 * COUNT, sizeof *cells);
    for (int i = 0; i < COUNT; i++) {
        cells[2 * i] = cell_int(MR_LONG, i);
        cells[2 * i + 1] = cell_int(MR_LONG, i);
    }
    assert_int_equal(rig_put(r, batch_of(r, schema, 0, cells, 2, COUNT)), MR_REJECT);
    assert_string_equal(r->err.code, "23505");
    assert_int_equal(r->task.rejected_count, 1);
    assert_int_equal(r->task.rejected[0].origin, 1500);
    assert_non_null(strstr(r->task.rejected[0].why.text, "(id)=(1500)"));
    free(cells);
    rig_free(r);
    mr_schema_release(schema);
}

/* All records that the sink itself can tell are named at once. */
static void several_bad_records_are_named_together(void **state)
{
    (void)state;
    for (int upsert = 0; upsert < 2; upsert++) {
        const char *table = upsert ? "@.many_upsert" : "@.many_insert";
        char *create = mr_format("CREATE TABLE %s (id bigint PRIMARY KEY, v smallint)", table);
        sql(create);
        free(create);
        const mr_schema *schema = row_schema("\"long\"");
        rig *r = rig_new("many");
        rig_route(r, "r", "table", table, upsert ? "key.fields" : NULL, "id", NULL);
        assert_ok(r, rig_open(r));
        r->offset.next = upsert * 100;
        enum { COUNT = 100 };
        mr_cell cells[2 * COUNT];
        for (int i = 0; i < COUNT; i++) {
            cells[2 * i] = cell_int(MR_LONG, COUNT - i);
            cells[2 * i + 1] = cell_int(MR_LONG, i % 10 == 3 ? 100000 : 1);
        }
        assert_int_equal(rig_put(r, batch_of(r, schema, 0, cells, 2, COUNT)), MR_REJECT);
        assert_int_equal(r->task.rejected_count, 10);
        rig_free(r);
        mr_schema_release(schema);
    }
}

/* A trigger's refusal does not say which row it was about; the runtime halves. */
static void trigger_refuses(void **state)
{
    (void)state;
    sql("CREATE TABLE @.fussy (id bigint PRIMARY KEY, v bigint);"
        "CREATE FUNCTION @.fuss() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.v = 13 THEN "
        "RAISE EXCEPTION ''no thirteens''; END IF; RETURN NEW; END';"
        "CREATE TRIGGER fuss BEFORE INSERT OR UPDATE ON @.fussy FOR EACH ROW EXECUTE FUNCTION "
        "@.fuss()");
    const mr_schema *schema = row_schema("\"long\"");
    rig *r = rig_new("fussy");
    rig_route(r, "r", "table", "@.fussy", "key.fields", "id", NULL);
    assert_ok(r, rig_open(r));
    for (int i = 0; i < 2; i++) {
        mr_batch *batch = batch_of(r, schema, 0,
                                   cells_of(cell_int(MR_LONG, 1), cell_int(MR_LONG, i),
                                            cell_int(MR_LONG, 2), cell_int(MR_LONG, 13)),
                                   2, 2);
        assert_int_equal(rig_put(r, batch), MR_REJECT);
        assert_string_equal(r->err.code, "P0001");
        assert_non_null(strstr(r->err.text, "no thirteens"));
        assert_ok(r,
                  rig_put(r, batch_of(r, schema, 0,
                                      cells_of(cell_int(MR_LONG, 1), cell_int(MR_LONG, i)), 2, 1)));
    }
    rig_free(r);
    mr_schema_release(schema);
}

static void tombstones_and_deletes(void **state)
{
    (void)state;
    const mr_schema *schema = row_schema("\"long\"");
    rig *r = rig_new("tombstones");
    rig_route(r, "r", "table", "@.tombstones", "auto.create", "true", NULL);
    assert_ok(r, rig_open(r));
    mr_batch *batch =
        batch_of(r, schema, 0,
                 cells_of(cell_int(MR_LONG, 1), cell_int(MR_LONG, 1), cell_int(MR_LONG, 2),
                          cell_int(MR_LONG, 1), cell_int(MR_LONG, 3), cell_int(MR_LONG, 1)),
                 2, 3);
    batch->records[0].value = NULL;
    batch->records[0].op = MR_OP_DELETE;
    batch->records[2].op = MR_OP_DELETE;
    assert_int_equal(rig_put(r, batch), MR_REJECT);
    assert_int_equal(r->task.rejected_count, 2);
    batch = batch_of(r, NULL, 0, cells_of(cell_null()), 1, 1);
    batch->records[0].value = NULL;
    assert_int_equal(rig_put(r, batch), MR_REJECT);
    rig_free(r);
    mr_schema_release(schema);
}

/* --- Targets that do not fit --- */

static void assert_refused(const char *table, const char *key, const char *says, bool permanent)
{
    const mr_schema *schema = row_schema("\"long\"");
    rig *r = rig_new("refused");
    rig_route(r, "r", "table", table, key ? "key.fields" : NULL, key, NULL);
    assert_ok(r, rig_open(r));
    mr_batch *batch =
        batch_of(r, schema, 0, cells_of(cell_int(MR_LONG, 1), cell_int(MR_LONG, 1)), 2, 1);
    assert_int_equal(rig_put(r, batch), MR_FATAL);
    char *expected = with_schema(says);
    if (!strstr(r->err.text, expected)) {
        fail_msg("'%s' does not say '%s'", r->err.text, expected);
    }
    assert_int_equal(r->err.permanent, permanent);
    free(expected);
    rig_free(r);
    mr_schema_release(schema);
}

static void targets_that_do_not_fit(void **state)
{
    (void)state;
    assert_refused("@.nowhere", "id",
                   "CREATE TABLE IF NOT EXISTS \"@\".\"nowhere\" (\"id\" bigint NOT NULL, \"v\" "
                   "bigint, PRIMARY KEY (\"id\"))",
                   true);
    sql("CREATE TABLE @.narrow (id bigint)");
    assert_refused("@.narrow", NULL, "ALTER TABLE \"@\".\"narrow\" ADD COLUMN \"v\" bigint", false);
    sql("CREATE TABLE @.keyless (id bigint, v bigint)");
    assert_refused("@.keyless", "id", "ALTER TABLE \"@\".\"keyless\" ADD PRIMARY KEY (\"id\")",
                   true);
    sql("CREATE TABLE @.partial (id bigint, v bigint); CREATE UNIQUE INDEX ON @.partial (id) WHERE "
        "v > 0; CREATE UNIQUE INDEX ON @.partial (id, v)");
    assert_refused("@.partial", "id", "ADD PRIMARY KEY", true);
    assert_refused("@.keyless", "no_such", "key.fields names no_such", true);
    sql("CREATE TABLE @.unfilled (id bigint, v bigint, w bigint NOT NULL)");
    assert_refused("@.unfilled", NULL, "column w of table \"@\".\"unfilled\" is NOT NULL", false);
    sql("CREATE TABLE @.generated (id bigint, v bigint GENERATED ALWAYS AS (id) STORED)");
    assert_refused("@.generated", NULL, "is generated by the database", false);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(numbers_out_of_range),
    cmocka_unit_test(texts_that_are_none),
    cmocka_unit_test(times_out_of_range),
    cmocka_unit_test(constraints),
    cmocka_unit_test(duplicates_in_insert_mode),
    cmocka_unit_test(several_bad_records_are_named_together),
    cmocka_unit_test(trigger_refuses),
    cmocka_unit_test(tombstones_and_deletes),
    cmocka_unit_test(targets_that_do_not_fit),
};
rig_main(tests)
