/* SPDX-License-Identifier: Apache-2.0 */
/* Deletes, update mode and the version guard, on the server. */
#include "integration/postgres/rig.h"

static const char row_json[] =
    "{\"type\":\"record\",\"name\":\"Row\",\"fields\":[{\"name\":\"id\",\"type\":\"long\"},"
    "{\"name\":\"v\",\"type\":[\"null\",\"long\"]},{\"name\":\"t\",\"type\":\"string\"}]}";

#define ROW(id, v, t) cell_int(MR_LONG, id), cell_int(MR_LONG, v), cell_text(t)

/* Turns a record into a tombstone with these bytes as its key. */
static void entomb(mr_batch *batch, size_t index, const char *key)
{
    mr_record *record = &batch->records[index];
    record->value = NULL;
    record->op = MR_OP_DELETE;
    record->raw_key = (mr_slice){key, key ? strlen(key) : 0};
}

static void the_later_of_row_and_delete_counts(void **state)
{
    (void)state;
    const mr_schema *row = schema_of(row_json);
    rig *r = rig_new("later");
    rig_route(r, "r", "table", "@.later", "auto.create", "true", "key.fields", "id", NULL);
    assert_ok(r, rig_open(r));
    mr_batch *first = batch_of(
        r, row, 0, cells_of(ROW(1, 1, "a"), ROW(2, 1, "b"), ROW(1, 0, ""), ROW(3, 1, "c")), 3, 4);
    entomb(first, 2, "1");
    assert_ok(r, rig_put(r, first));
    assert_rows("SELECT id FROM @.later ORDER BY 1", "2 3");
    /* Deleted and there again; there and deleted; deleted twice; never there. */
    mr_batch *second = batch_of(r, row, 0,
                                cells_of(ROW(0, 0, ""), ROW(2, 2, "again"), ROW(4, 1, "d"),
                                         ROW(0, 0, ""), ROW(0, 0, ""), ROW(0, 0, "")),
                                3, 6);
    entomb(second, 0, "2");
    entomb(second, 3, "4");
    entomb(second, 4, "4");
    entomb(second, 5, "99");
    assert_ok(r, rig_put(r, second));
    assert_rows("SELECT id, t FROM @.later ORDER BY 1", "2|again 3|c");
    rig_free(r);
    mr_schema_release(row);
}

/* A batch of nothing but tombstones has no schema: the table says what the keys are. */
static void tombstones_come_without_a_schema(void **state)
{
    (void)state;
    sql("CREATE TABLE @.alone (id int PRIMARY KEY); INSERT INTO @.alone VALUES (1), (2), (3);"
        "CREATE TABLE @.texts (\"Id\" text PRIMARY KEY); INSERT INTO @.texts VALUES ('1'), ('x y');"
        "CREATE TABLE @.times (at timestamptz, n numeric, PRIMARY KEY (at, n));"
        "INSERT INTO @.times VALUES ('2020-01-01Z', 1.50), ('2020-01-02Z', 2)");
    rig *r = rig_new("alone");
    rig_route(r, "a", "table", "@.alone", "key.fields", "id", NULL);
    rig_route(r, "b", "table", "@.texts", "key.fields", "id", NULL);
    rig_route(r, "c", "table", "@.times", "key.fields", "at,n", NULL);
    assert_ok(r, rig_open(r));
    const mr_cell none[6] = {{.type = MR_NULL}};
    mr_batch *batches[3];
    for (size_t i = 0; i < 3; i++) {
        batches[i] = batch_of(r, NULL, i, none, 1, 2);
    }
    entomb(batches[0], 0, "1");
    entomb(batches[0], 1, "{\"id\": 3, \"more\": true}");
    entomb(batches[1], 0, "x y");
    entomb(batches[1], 1, "nobody");
    entomb(batches[2], 0, "[\"2020-01-01T00:00:00Z\",1.5]");
    entomb(batches[2], 1, "{\"n\": \"2.0\", \"at\": \"2020-01-02 01:00:00+01\"}");
    assert_ok(r, rig_epoch(r, batches, 3));
    assert_rows("SELECT id FROM @.alone", "2");
    assert_rows("SELECT \"Id\" FROM @.texts", "1");
    assert_rows("SELECT count(*) FROM @.times", "0");
    rig_free(r);
}

/* Nothing was ever written: there is nothing to delete either, and no table is made of a key. */
static void a_delete_makes_no_table(void **state)
{
    (void)state;
    rig *r = rig_new("no_table");
    rig_route(r, "r", "table", "@.no_table", "auto.create", "true", "key.fields", "id", NULL);
    assert_ok(r, rig_open(r));
    mr_batch *batch = batch_of(r, NULL, 0, cells_of(cell_null()), 1, 1);
    entomb(batch, 0, "1");
    assert_ok(r, rig_put(r, batch));
    assert_rows("SELECT to_regclass('@.no_table')", "-");
    rig_free(r);
}

static void keys_that_say_nothing_are_rejected_alone(void **state)
{
    (void)state;
    const mr_schema *row = schema_of(row_json);
    rig *r = rig_new("odd_keys");
    rig_route(r, "r", "table", "@.odd_keys", "auto.create", "true", "key.fields", "id", NULL);
    assert_ok(r, rig_open(r));
    static const struct {
        const char *key, *text;
    } odd[] = {
        {NULL, "has no key"},
        {"", "\"\" for id, which is no long"},
        {"12x", "\"12x\" for id, which is no long"},
        {"9223372036854775808", "which is no long"},
        {"{\"id\": null}", "has no value for id"},
        {" 1", "which is no long"},
    };
    enum { COUNT = sizeof odd / sizeof *odd };
    mr_cell cells[(COUNT + 1) * 3];
    for (size_t i = 0; i <= COUNT; i++) {
        memcpy(&cells[i * 3], cells_of(ROW((int64_t)i, 1, "x")), 3 * sizeof *cells);
    }
    mr_batch *batch = batch_of(r, row, 0, cells, 3, COUNT + 1);
    for (size_t i = 0; i < COUNT; i++) {
        entomb(batch, i + 1, odd[i].key);
    }
    assert_int_equal(rig_put(r, batch), MR_REJECT);
    assert_int_equal(r->task.rejected_count, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(r->task.rejected[i].origin, i + 1);
        if (!strstr(r->task.rejected[i].why.text, odd[i].text)) {
            fail_msg("%s: %s", odd[i].text, r->task.rejected[i].why.text);
        }
    }
    rig_free(r);
    mr_schema_release(row);
}

/* Rows that others point to: the one delete goes to the dead letters. */
static void a_row_that_is_needed_stays(void **state)
{
    (void)state;
    sql("CREATE TABLE @.parent (id bigint PRIMARY KEY, v bigint, t text);"
        "CREATE TABLE @.child (p bigint REFERENCES @.parent);"
        "INSERT INTO @.parent VALUES (1), (2); INSERT INTO @.child VALUES (2)");
    rig *r = rig_new("needed");
    rig_route(r, "r", "table", "@.parent", "key.fields", "id", NULL);
    assert_ok(r, rig_open(r));
    mr_batch *batch = batch_of(r, NULL, 0, cells_of(cell_null()), 1, 1);
    entomb(batch, 0, "2");
    assert_int_equal(rig_put(r, batch), MR_REJECT);
    assert_string_equal(r->err.code, "23503");
    batch = batch_of(r, NULL, 0, cells_of(cell_null()), 1, 1);
    entomb(batch, 0, "1");
    assert_ok(r, rig_put(r, batch));
    assert_rows("SELECT id FROM @.parent", "2");
    rig_free(r);
}

static void deletes_can_be_passed_over(void **state)
{
    (void)state;
    const mr_schema *row = schema_of(row_json);
    rig *r = rig_new("passed");
    rig_route(r, "a", "table", "@.passed_a", "auto.create", "true", "delete.enabled", "false",
              NULL);
    rig_route(r, "b", "table", "@.passed_b", "auto.create", "true", "delete.enabled", "false",
              "key.fields", "id", NULL);
    rig_route(r, "c", "table", "@.passed_c", "auto.create", "true", NULL);
    assert_ok(r, rig_open(r));
    mr_batch *batches[3];
    for (size_t i = 0; i < 3; i++) {
        batches[i] =
            batch_of(r, row, i, cells_of(ROW(1, 1, "a"), ROW(1, 1, ""), ROW(2, 1, "b")), 3, 3);
        entomb(batches[i], 1, "1");
    }
    assert_ok(r, rig_epoch(r, batches, 2));
    assert_rows("SELECT id FROM @.passed_a ORDER BY 1", "1 2");
    assert_rows("SELECT id FROM @.passed_b ORDER BY 1", "1 2");
    /* Insert has no key: not in silence. */
    assert_int_equal(rig_put(r, batches[2]), MR_REJECT);
    assert_non_null(strstr(r->err.text, "delete.enabled=false"));
    rig_free(r);
    mr_schema_release(row);
}

static void update_changes_what_is_there(void **state)
{
    (void)state;
    const mr_schema *part = schema_of(
        "{\"type\":\"record\",\"name\":\"P\",\"fields\":[{\"name\":\"id\",\"type\":\"long\"},"
        "{\"name\":\"t\",\"type\":\"string\"}]}");
    sql("CREATE TABLE @.updated (id bigint, t varchar(3), other int NOT NULL);"
        "INSERT INTO @.updated VALUES (1, 'a', 7), (2, 'b', 8), (2, 'c', 9), (3, 'd', 1)");
    rig *r = rig_new("updated");
    rig_route(r, "r", "table", "@.updated", "key.fields", "id", "insert.mode", "update", NULL);
    assert_ok(r, rig_open(r));
    mr_batch *batch = batch_of(r, part, 0,
                               cells_of(cell_int(MR_LONG, 1), cell_text("x"), cell_int(MR_LONG, 2),
                                        cell_text("y"), cell_int(MR_LONG, 5), cell_text("z"),
                                        cell_int(MR_LONG, 3), cell_text("")),
                               2, 4);
    entomb(batch, 3, "3");
    assert_ok(r, rig_put(r, batch));
    assert_rows("SELECT * FROM @.updated ORDER BY other", "1|x|7 2|y|8 2|y|9");
    /* Who is not there is counted, though others are there twice; an epoch undone does not count.
     */
    const pg_sink *sink = r->task.self;
    assert_int_equal(sink->missing, 1);
    const mr_cell more[] = {cell_int(MR_LONG, 1), cell_text("x"),       cell_int(MR_LONG, 8),
                            cell_text("z"),       cell_int(MR_LONG, 9), cell_text("z")};
    assert_ok(r, rig_put(r, batch_of(r, part, 0, more, 2, 3)));
    assert_int_equal(sink->missing, 3);
    assert_string_equal(r->task.gauges[0].name, "rows_missing");
    assert_true(r->task.gauges[0].value == 3);
    const mr_cell bad[] = {cell_int(MR_LONG, 8), cell_text("z"), cell_int(MR_LONG, 1),
                           cell_text("much too long")};
    assert_int_equal(rig_put(r, batch_of(r, part, 0, bad, 2, 2)), MR_REJECT);
    assert_int_equal(sink->missing, 3);
    rig_free(r);
    mr_schema_release(part);
}

static void an_older_version_does_not_overwrite(void **state)
{
    (void)state;
    const mr_schema *row = schema_of(row_json);
    rig *r = rig_new("versions");
    rig_route(r, "r", "table", "@.versions", "auto.create", "true", "key.fields", "id",
              "version.field", "v", NULL);
    assert_ok(r, rig_open(r));
    assert_ok(r, rig_put(r, batch_of(r, row, 0,
                                     cells_of(ROW(1, 5, "new"), ROW(1, 3, "old"), ROW(2, 1, "b"),
                                              ROW(1, 5, "newer")),
                                     3, 4)));
    assert_rows("SELECT * FROM @.versions ORDER BY 1", "1|5|newer 2|1|b");
    mr_cell unknown[] = {ROW(2, 0, "?"), ROW(1, 4, "old"), ROW(3, 0, "first")};
    unknown[1] = cell_null();
    unknown[7] = cell_null();
    assert_ok(r, rig_put(r, batch_of(r, row, 0, unknown, 3, 3)));
    assert_rows("SELECT * FROM @.versions ORDER BY 1", "1|5|newer 2|1|b 3|-|first");
    assert_ok(r,
              rig_put(r, batch_of(r, row, 0, cells_of(ROW(3, -9, "c"), ROW(2, 1, "same")), 3, 2)));
    assert_rows("SELECT * FROM @.versions ORDER BY 1", "1|5|newer 2|1|same 3|-9|c");
    /* A delete that says which version it deletes, older and newer; a tombstone does not say. */
    mr_batch *batch =
        batch_of(r, row, 0, cells_of(ROW(1, 4, ""), ROW(2, 2, ""), ROW(3, 0, "")), 3, 3);
    for (size_t i = 0; i < 3; i++) {
        const mr_cell *image = batch->records[i].value;
        entomb(batch, i, i == 0 ? "1" : i == 1 ? "2" : "3");
        batch->records[i].before = i < 2 ? image : NULL;
    }
    assert_ok(r, rig_put(r, batch));
    assert_rows("SELECT * FROM @.versions ORDER BY 1", "1|5|newer");
    rig_free(r);
    mr_schema_release(row);
}

/* Epochs of random rows and deletes over few keys, compared with a model of the same. */
static void random_work_ends_as_the_model(void **state)
{
    (void)state;
    enum { KEYS = 40, EPOCHS = 60, RECORDS = 50 };
    const mr_schema *row = schema_of(row_json);
    int64_t model[KEYS];
    static char texts[EPOCHS][RECORDS][24];
    uint64_t seed = 4711;
    rig *r = rig_new("model");
    rig_route(r, "r", "table", "@.model", "auto.create", "true", "key.fields", "id", NULL);
    assert_ok(r, rig_open(r));
    memset(model, 0xff, sizeof model);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        mr_cell cells[RECORDS * 3];
        for (int i = 0; i < RECORDS; i++) {
            memcpy(&cells[3 * i], cells_of(ROW(0, 0, "t")), 3 * sizeof *cells);
        }
        mr_batch *batch = batch_of(r, row, 0, cells, 3, RECORDS);
        for (int i = 0; i < RECORDS; i++) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
            int64_t key = (int64_t)(seed >> 33) % KEYS, value = (int64_t)(seed >> 40);
            mr_cell *fields = (mr_cell *)(uintptr_t)batch->records[i].value->as.cells;
            fields[0].as.i = key;
            fields[1].as.i = value;
            model[key] = value;
            if ((seed >> 20) % 3 == 0) {
                snprintf(texts[epoch][i], sizeof texts[epoch][i], "%d", (int)key);
                entomb(batch, (size_t)i, texts[epoch][i]);
                model[key] = -1;
            }
        }
        assert_ok(r, rig_put(r, batch));
    }
    mr_buffer expected = MR_BUFFER_INIT(1 << 16);
    for (int key = 0; key < KEYS; key++) {
        if (model[key] >= 0) {
            mr_buffer_printf(&expected, "%s%d|%lld", expected.len ? " " : "", key,
                             (long long)model[key]);
        }
    }
    assert_rows("SELECT id, v FROM @.model ORDER BY 1", mr_buffer_text(&expected));
    mr_buffer_release(&expected);
    rig_free(r);
    mr_schema_release(row);
}

static void combinations_that_can_not_work_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name[6], *field;
    } bad[] = {
        {{"delete.enabled", "true"}, "delete.enabled"},
        {{"delete.enabled", "true", "insert.mode", "insert", "key.fields", "id"}, "delete.enabled"},
        {{"version.field", "v"}, "version.field"},
        {{"version.field", "id", "key.fields", "id"}, "version.field"},
        {{"insert.mode", "update"}, "key.fields"},
        {{"insert.mode", "upsert"}, "key.fields"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        rig *r = rig_new("refused");
        rig_route(r, "r", "table", "t", bad[i].name[0], bad[i].name[1], bad[i].name[2],
                  bad[i].name[3], bad[i].name[4], bad[i].name[5], NULL);
        assert_int_equal(mr_postgres_sink.check(r->task.self, r->routes, 1, &r->err), MR_FATAL);
        assert_string_equal(r->err.field, bad[i].field);
        rig_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_later_of_row_and_delete_counts),
        cmocka_unit_test(tombstones_come_without_a_schema),
        cmocka_unit_test(a_delete_makes_no_table),
        cmocka_unit_test(keys_that_say_nothing_are_rejected_alone),
        cmocka_unit_test(a_row_that_is_needed_stays),
        cmocka_unit_test(deletes_can_be_passed_over),
        cmocka_unit_test(update_changes_what_is_there),
        cmocka_unit_test(an_older_version_does_not_overwrite),
        cmocka_unit_test(random_work_ends_as_the_model),
        cmocka_unit_test(combinations_that_can_not_work_are_refused),
    };
    if (!getenv("DATABASE_URL")) {
        fprintf(stderr, "skipped: DATABASE_URL is not set\n");
        return RIG_SKIP;
    }
    return cmocka_run_group_tests(tests, rig_suite_setup, rig_suite_teardown);
}
