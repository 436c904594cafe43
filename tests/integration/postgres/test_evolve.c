/* SPDX-License-Identifier: Apache-2.0 */
/* Tables that follow their records' schema, on the server. */
#include "integration/postgres/rig.h"

#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define NULLABLE(type)    "[\"null\"," type "]"
#define RECORD(fields)    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"

/* An epoch may be asked for again, once for each change. */
static void put_again(rig *r, mr_batch *(*make)(rig *, void *), void *context)
{
    mr_status status = MR_RETRY;
    for (int i = 0; i < 5 && status == MR_RETRY; i++) {
        mr_arena_reset(r->task.arena);
        int64_t next = r->offset.next;
        mr_batch *batch = make(r, context);
        status = rig_put(r, batch);
        r->offset.next = status == MR_RETRY ? next : r->offset.next;
    }
    assert_ok(r, status);
}

typedef struct rows_of_one {
    const mr_schema *schema;
    const mr_cell *cells;
    size_t width, count;
} rows_of_one;

static mr_batch *make_rows(rig *r, void *context)
{
    const rows_of_one *rows = context;
    return batch_of(r, rows->schema, 0, rows->cells, rows->width, rows->count);
}

static void run_mode(const char *mode)
{
    const mr_schema *v1 = schema_of(
        RECORD(FIELD("id", "\"int\"") "," FIELD("n", "\"int\"") "," FIELD("f", "\"float\"")));
    const mr_schema *v2 =
        schema_of(RECORD(FIELD("id", "\"int\"") "," FIELD("n", "\"long\"") "," FIELD(
            "f", NULLABLE("\"double\"")) "," FIELD("t", NULLABLE("\"string\""))));
    const mr_schema *v3 =
        schema_of(RECORD(FIELD("id", "\"int\"") "," FIELD("n", NULLABLE("\"long\""))));
    sql("DROP TABLE IF EXISTS @.evolved");
    rig *r = rig_new(mode);
    rig_route(r, "r", "table", "@.evolved", "auto.create", "true", "insert.mode", mode,
              "key.fields", "id", NULL);
    assert_ok(r, rig_open(r));
    rows_of_one one = {
        v1, cells_of(cell_int(MR_INT, 1), cell_int(MR_INT, 5), cell_double(MR_FLOAT, 0.5)), 3, 1};
    put_again(r, make_rows, &one);
    rows_of_one two = {v2,
                       cells_of(cell_int(MR_INT, 2), cell_int(MR_LONG, INT64_C(5000000000)),
                                cell_double(MR_DOUBLE, 0.1), cell_text("new")),
                       4, 1};
    put_again(r, make_rows, &two);
    /* An older writer goes on. */
    one.cells = cells_of(cell_int(MR_INT, 3), cell_int(MR_INT, 6), cell_double(MR_FLOAT, 1.5));
    put_again(r, make_rows, &one);
    rows_of_one three = {v3, cells_of(cell_int(MR_INT, 4), cell_null()), 2, 1};
    put_again(r, make_rows, &three);
    assert_rows("SELECT id, n, f, t FROM @.evolved ORDER BY id",
                "1|5|0.5|- 2|5000000000|0.1|new 3|6|1.5|- 4|-|-|-");
    assert_rows(
        "SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull FROM pg_attribute a "
        "WHERE a.attrelid = '@.evolved'::regclass AND a.attnum > 0 ORDER BY a.attnum",
        "id|integer|t n|bigint|f f|double precision|f t|text|f");
    rig_free(r);
    mr_schema_release(v1);
    mr_schema_release(v2);
    mr_schema_release(v3);
}

static void upserts_follow(void **state)
{
    (void)state;
    run_mode("upsert");
}

static void inserts_follow(void **state)
{
    (void)state;
    run_mode("insert");
}

/* Two versions, and one key in both, in one epoch: the last record of the key counts. */
static mr_status mixed_epoch(rig *r, const mr_schema *v1, const mr_schema *v2)
{
    mr_batch *batches[] = {
        batch_of(r, v1, 0,
                 cells_of(cell_int(MR_INT, 1), cell_int(MR_INT, 1), cell_int(MR_INT, 2),
                          cell_int(MR_INT, 1)),
                 2, 2),
        batch_of(
            r, v2, 0,
            cells_of(cell_int(MR_LONG, 1), cell_int(MR_LONG, INT64_C(1) << 40), cell_text("x")), 3,
            1),
        batch_of(r, v1, 0, cells_of(cell_int(MR_INT, 3), cell_int(MR_INT, 3)), 2, 1),
    };
    return rig_epoch(r, batches, 3);
}

static void versions_mix_in_one_epoch(void **state)
{
    (void)state;
    const mr_schema *v1 = schema_of(RECORD(FIELD("id", "\"int\"") "," FIELD("n", "\"int\"")));
    const mr_schema *v2 = schema_of(
        RECORD(FIELD("id", "\"long\"") "," FIELD("n", "\"long\"") "," FIELD("t", "\"string\"")));
    rig *r = rig_new("mixed");
    rig_route(r, "r", "table", "@.mixed", "auto.create", "true", "key.fields", "id", NULL);
    assert_ok(r, rig_open(r));
    mr_status status = MR_RETRY;
    int times = 0;
    for (; times < 5 && status == MR_RETRY; times++) {
        r->offset.next = 0;
        status = mixed_epoch(r, v1, v2);
    }
    assert_ok(r, status);
    assert_true(times > 1); /* it was asked for again */
    assert_rows("SELECT id, n, t FROM @.mixed ORDER BY id", "1|1099511627776|x 2|1|- 3|3|-");
    assert_rows("SELECT next_offset FROM @.offsets WHERE connector = 'mixed'", "4");
    rig_free(r);
    mr_schema_release(v1);
    mr_schema_release(v2);
}

/* Labels go where the schema has them; defaults become the columns', as rows of older schemas and
 * those that were there need them. */
static void enums_get_labels_and_columns_defaults(void **state)
{
    (void)state;
    const mr_schema *v1 = schema_of(RECORD(FIELD("id", "\"int\"")));
    const mr_schema *v2 = schema_of(RECORD(FIELD("id", "\"int\"") "," FIELD(
        "e", "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"z\",\"a\",\"m\",\"b\",\"q\"]"
             "}") ","
                  "{\"name\":\"t\",\"type\":\"string\",\"default\":\"it's \\\\ "
                  "\\\"it\\\"\"},"
                  "{\"name\":\"n\",\"type\":\"double\",\"default\":-1.5},"
                  "{\"name\":\"b\",\"type\":\"bytes\",\"default\":\"\\u00ff\\u0001\"},"
                  "{\"name\":\"d\",\"type\":{\"type\":\"int\",\"logicalType\":\"date\"},"
                  "\"default\":1},"
                  "{\"name\":\"o\",\"type\":{\"type\":\"map\",\"values\":\"int\"},"
                  "\"default\":{\"k\":1}}"));
    sql("CREATE TYPE @.letters AS ENUM ('a', 'b'); CREATE TABLE @.lettered (id int, e @.letters);"
        "INSERT INTO @.lettered VALUES (0, 'a')");
    rig *r = rig_new("lettered");
    rig_route(r, "r", "table", "@.lettered", "auto.evolve", "true", NULL);
    assert_ok(r, rig_open(r));
    rows_of_one lettered = {v2,
                            cells_of(cell_int(MR_INT, 1), cell_bytes(MR_ENUM, "q", 1),
                                     cell_text("x"), cell_double(MR_DOUBLE, 2),
                                     cell_bytes(MR_BYTES, "", 0), cell_int(MR_DATE, 0),
                                     (mr_cell){.type = MR_MAP}),
                            7, 1};
    put_again(r, make_rows, &lettered);
    lettered = (rows_of_one){v1, cells_of(cell_int(MR_INT, 2)), 1, 1};
    put_again(r, make_rows, &lettered);
    assert_rows("SELECT unnest(enum_range(NULL::@.letters))", "z a m b q");
    assert_rows("SELECT id, e, t, n, b, d, o::text FROM @.lettered WHERE id <> 1 ORDER BY id",
                "0|a|it's \\ \"it\"|-1.5|\\xff01|1970-01-02|{\"k\": 1} "
                "2|-|it's \\ \"it\"|-1.5|\\xff01|1970-01-02|{\"k\": 1}");
    rig_free(r);
    mr_schema_release(v1);
    mr_schema_release(v2);
}

/* By the text that does not fit; a char(n), a domain and a column under a view stay as they are. */
static void run_widening(const char *mode)
{
    const mr_schema *v = schema_of(
        RECORD(FIELD("id", "\"int\"") "," FIELD("t", "\"string\"") "," FIELD("c", "\"string\"")));
    sql("DROP TABLE IF EXISTS @.texts; CREATE TABLE @.texts (id int PRIMARY KEY, t varchar(4), c "
        "char(4))");
    rig *r = rig_new("texts");
    rig_route(r, "r", "table", "@.texts", "auto.evolve", "true", "insert.mode", mode, "key.fields",
              "id", NULL);
    assert_ok(r, rig_open(r));
    rows_of_one rows_here = {v,
                             cells_of(cell_int(MR_INT, 1), cell_text("four"), cell_text("four"),
                                      cell_int(MR_INT, 2), cell_text("sixsix"), cell_text("c")),
                             3, 2};
    put_again(r, make_rows, &rows_here);
    assert_rows("SELECT id, t, c FROM @.texts ORDER BY id", "1|four|four 2|sixsix|c   ");
    assert_rows("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = "
                "'@.texts'::regclass AND attname = 't'",
                "character varying(8)");
    rows_here.cells =
        cells_of(cell_int(MR_INT, 3), cell_text("12345678901234567890"), cell_text("c"));
    rows_here.count = 1;
    put_again(r, make_rows, &rows_here);
    assert_rows("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = "
                "'@.texts'::regclass AND attname = 't'",
                "character varying(20)");
    mr_batch *batch = batch_of(
        r, v, 0, cells_of(cell_int(MR_INT, 4), cell_text("x"), cell_text("too long")), 3, 1);
    assert_int_equal(rig_put(r, batch), MR_REJECT);
    assert_string_equal(r->err.code, "22001");
    sql("CREATE VIEW @.on_texts AS SELECT t FROM @.texts");
    for (int i = 0; i < 2; i++) { /* told once */
        batch = batch_of(
            r, v, 0,
            cells_of(cell_int(MR_INT, 5), cell_text("123456789012345678901"), cell_text("c")), 3,
            1);
        assert_int_equal(rig_put(r, batch), MR_REJECT);
        assert_string_equal(r->err.code, "22001");
    }
    assert_rows("SELECT count(*) FROM @.texts", "3");
    sql("DROP VIEW @.on_texts");
    rig_free(r);
    mr_schema_release(v);
}

static void texts_get_room(void **state)
{
    (void)state;
    run_widening("insert");
    run_widening("upsert");
}

static void tables_of_others_are_left_alone(void **state)
{
    (void)state;
    const mr_schema *v = schema_of(RECORD(FIELD("id", "\"int\"") "," FIELD("n", "\"long\"")));
    sql("CREATE TABLE @.theirs (id int); CREATE TABLE @.asked (id int NOT NULL, need text NOT "
        "NULL)");
    rig *r = rig_new("theirs");
    rig_route(r, "a", "table", "@.theirs", NULL);
    rig_route(r, "b", "table", "@.asked", "auto.evolve", "true", NULL);
    assert_ok(r, rig_open(r));
    mr_batch *batch = batch_of(r, v, 0, cells_of(cell_int(MR_INT, 1), cell_int(MR_LONG, 2)), 2, 1);
    assert_int_equal(rig_put(r, batch), MR_FATAL);
    assert_false(r->err.permanent); /* it goes on when somebody has done it */
    assert_non_null(strstr(r->err.text, "ADD COLUMN \"n\" bigint"));
    batch = batch_of(r, v, 1, cells_of(cell_int(MR_INT, 1), cell_int(MR_LONG, 2)), 2, 1);
    assert_ok(r, rig_put(r, batch));
    assert_rows("SELECT id, need, n FROM @.asked", "1|-|2");
    rig_free(r);
    mr_schema_release(v);
}

static void decimals_get_wider_and_never_narrower(void **state)
{
    (void)state;
    const mr_schema *wide = schema_of(RECORD(FIELD("id", "\"int\"") "," FIELD(
        "d", "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":12,\"scale\":4}")));
    const mr_schema *narrow = schema_of(RECORD(FIELD("id", "\"int\"") "," FIELD(
        "d", "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":6,\"scale\":2}")));
    sql("CREATE TABLE @.money (id int, d numeric(8,2))");
    rig *r = rig_new("money");
    rig_route(r, "r", "table", "@.money", "auto.evolve", "true", NULL);
    assert_ok(r, rig_open(r));
    rows_of_one money = {narrow, cells_of(cell_int(MR_INT, 1), cell_bytes(MR_DECIMAL, "\x64", 1)),
                         2, 1};
    put_again(r, make_rows, &money);
    assert_rows("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = "
                "'@.money'::regclass AND attname = 'd'",
                "numeric(8,2)");
    money =
        (rows_of_one){wide, cells_of(cell_int(MR_INT, 2), cell_bytes(MR_DECIMAL, "\x01", 1)), 2, 1};
    put_again(r, make_rows, &money);
    assert_rows("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = "
                "'@.money'::regclass AND attname = 'd'",
                "numeric(12,4)");
    assert_rows("SELECT d FROM @.money ORDER BY id", "1.0000 0.0001");
    rig_free(r);
    mr_schema_release(wide);
    mr_schema_release(narrow);
}

/* What was right before is right still: a table that can not be changed takes what fits it. */
static void tables_that_can_not_change_go_on(void **state)
{
    (void)state;
    const mr_schema *v = schema_of(RECORD(
        FIELD("id", NULLABLE("\"int\"")) "," FIELD("n", "\"long\"") "," FIELD("d", "\"long\"")));
    sql("CREATE DOMAIN @.small AS int CHECK (VALUE < 100);"
        "CREATE TABLE @.stiff (id int PRIMARY KEY, n int, d @.small, "
        "  i bigint GENERATED BY DEFAULT AS IDENTITY);"
        "CREATE VIEW @.on_stiff AS SELECT n FROM @.stiff");
    rig *r = rig_new("stiff");
    rig_route(r, "r", "table", "@.stiff", "auto.create", "true", "insert.mode", "insert", NULL);
    assert_ok(r, rig_open(r));
    for (int i = 1; i < 4; i++) {
        rows_of_one rows_here = {
            v, cells_of(cell_int(MR_INT, i), cell_int(MR_LONG, i), cell_int(MR_LONG, i)), 3, 1};
        put_again(r, make_rows, &rows_here);
    }
    assert_rows("SELECT id, n, d, i FROM @.stiff ORDER BY id", "1|1|1|1 2|2|2|2 3|3|3|3");
    assert_rows("SELECT format_type(atttypid, atttypmod), attnotnull FROM pg_attribute WHERE "
                "attrelid = '@.stiff'::regclass AND attname IN ('id', 'n') ORDER BY attname",
                "integer|t integer|f");
    rig_free(r);
    mr_schema_release(v);
}

static void names_that_would_be_cut_are_refused(void **state)
{
    (void)state;
    char json[400], name[80];
    memset(name, 'x', 64);
    name[64] = '\0';
    snprintf(json, sizeof json,
             "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"id\",\"type\":\"int\"},{"
             "\"name\":\"%s\",\"type\":\"int\"}]}",
             name);
    const mr_schema *v = schema_of(json);
    sql("CREATE TABLE @.names (id int)");
    rig *r = rig_new("names");
    rig_route(r, "r", "table", "@.names", "auto.evolve", "true", NULL);
    assert_ok(r, rig_open(r));
    assert_int_equal(
        rig_put(r, batch_of(r, v, 0, cells_of(cell_int(MR_INT, 1), cell_int(MR_INT, 2)), 2, 1)),
        MR_FATAL);
    assert_non_null(strstr(r->err.text, "more than 63 bytes"));
    rig_free(r);
    mr_schema_release(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upserts_follow),
        cmocka_unit_test(inserts_follow),
        cmocka_unit_test(versions_mix_in_one_epoch),
        cmocka_unit_test(enums_get_labels_and_columns_defaults),
        cmocka_unit_test(texts_get_room),
        cmocka_unit_test(tables_of_others_are_left_alone),
        cmocka_unit_test(decimals_get_wider_and_never_narrower),
        cmocka_unit_test(tables_that_can_not_change_go_on),
        cmocka_unit_test(names_that_would_be_cut_are_refused),
    };
    if (!getenv("DATABASE_URL")) {
        fprintf(stderr, "skipped: DATABASE_URL is not set\n");
        return RIG_SKIP;
    }
    return cmocka_run_group_tests(tests, rig_suite_setup, rig_suite_teardown);
}
