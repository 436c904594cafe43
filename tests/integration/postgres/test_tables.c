/* SPDX-License-Identifier: Apache-2.0 */
/* Tables named by a template: from the topic, from fields of the record, within bounds; and what a
 * table that is made looks like. */
#include "integration/postgres/rig.h"

static const char row_json[] =
    "{\"type\":\"record\",\"name\":\"Row\",\"fields\":[{\"name\":\"id\",\"type\":\"long\"},"
    "{\"name\":\"land\",\"type\":[\"null\",\"string\",\"int\",\"double\"]}]}";

#define ROW(id, land)  cell_int(MR_LONG, id), land
#define LAND(id, text) ROW(id, cell_text(text))

static rig *rig_for(const char *name, const char *table, const char *mode)
{
    rig *r = rig_new(name);
    rig_route(r, name, "table", table, "auto.create", "true", "insert.mode", mode, "key.fields",
              "id", NULL);
    assert_ok(r, rig_open(r));
    return r;
}

static void topics_name_tables(void **state)
{
    (void)state;
    const mr_schema *row = schema_of(row_json);
    rig *r = rig_for("topics", "@.\"{topic}\"", "upsert");
    static const char *const topics[] = {"Shop.Orders", "it's \"odd\"", "topic"};
    mr_batch *batches[3];
    for (size_t i = 0; i < 3; i++) {
        batches[i] = batch_of(r, row, 0, cells_of(ROW((int64_t)i, cell_null())), 2, 1);
        batches[i]->topic = topics[i];
    }
    assert_ok(r, rig_epoch(r, batches, 3));
    assert_rows("SELECT id FROM @.\"Shop.Orders\"", "0");
    assert_rows("SELECT id FROM @.\"it's \"\"odd\"\"\"", "1");
    assert_rows("SELECT id FROM @.topic", "2");
    rig_free(r);

    r = rig_for("underscored", "@.Raw_{topic:underscored}", "insert");
    batches[0] = batch_of(r, row, 0, cells_of(ROW(5, cell_null())), 2, 1);
    batches[0]->topic = "Shop.public.Orders";
    assert_ok(r, rig_put(r, batches[0]));
    assert_rows("SELECT id FROM @.\"Raw_Shop_public_Orders\"", "5");
    rig_free(r);
    mr_schema_release(row);
}

static void check_fields(const char *mode)
{
    const mr_schema *row = schema_of(row_json);
    char *table = mr_format("@.%s_{field:land}", mode);
    rig *r = rig_for(mode, table, mode);
    mr_batch *batch =
        batch_of(r, row, 0,
                 cells_of(LAND(1, "De"), LAND(2, "fr"), LAND(3, "De"), ROW(4, cell_int(MR_INT, 49)),
                          LAND(5, "a\".b"), LAND(6, "fr")),
                 2, 6);
    assert_ok(r, rig_put(r, batch));
    mr_arena_reset(r->task.arena);
    static const struct {
        const char *land, *ids;
    } expected[] = {{"De", "1 3"}, {"fr", "2 6"}, {"49", "4"}, {"a\"\".b", "5"}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        char *select = mr_format("SELECT id FROM @.\"%s_%s\" ORDER BY 1", mode, expected[i].land);
        assert_rows(select, expected[i].ids);
        free(select);
    }
    assert_rows("SELECT next_offset FROM @.offsets WHERE connector = 'insert'", "6");
    rig_free(r);
    free(table);
    mr_schema_release(row);
}

static void fields_name_tables(void **state)
{
    (void)state;
    check_fields("insert");
    check_fields("upsert");
}

/* A record that names no table becomes a dead letter; the rest of its epoch lands. */
static void records_without_a_table_are_rejected(void **state)
{
    (void)state;
    const mr_schema *row = schema_of(row_json);
    rig *r = rig_for("rejected", "@.rejected_{field:land}", "upsert");
    static const char long_name[] =
        "0123456789012345678901234567890123456789012345678901234567890"; /* 61; 9 more are too many
                                                                          */
    mr_cell cells[] = {
        LAND(0, "de"), ROW(1, cell_null()), ROW(2, cell_double(MR_DOUBLE, 1)),
        LAND(3, ""),   LAND(4, long_name),  ROW(5, cell_bytes(MR_STRING, "a\0b", 3)),
        LAND(6, "de"),
    };
    static const char *const says[] = {
        "but is null: a text or an integer is needed",
        "but is double: a text or an integer is needed",
        "but is empty",
        "is no name of a table",
        "a zero byte",
    };
    assert_int_equal(rig_put(r, batch_of(r, row, 0, cells, 2, 7)), MR_REJECT);
    assert_int_equal(r->task.rejected_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(r->task.rejected[i].origin, i + 1);
        if (!strstr(r->task.rejected[i].why.text, says[i])) {
            fail_msg("%s: %s", says[i], r->task.rejected[i].why.text);
        }
    }
    mr_arena_reset(r->task.arena);
    r->offset.next = 0;
    assert_ok(r, rig_put(r, batch_of(r, row, 0, cells_of(LAND(0, "de"), LAND(6, "de")), 2, 2)));
    assert_rows("SELECT id FROM @.rejected_de ORDER BY 1", "0 6");
    rig_free(r);
    mr_schema_release(row);
}

/* Two ways to one name are one table: the later record of a key wins. */
static void one_table_is_one_route(void **state)
{
    (void)state;
    static const char json[] =
        "{\"type\":\"record\",\"name\":\"Two\",\"fields\":[{\"name\":\"id\",\"type\":\"long\"},"
        "{\"name\":\"a\",\"type\":\"string\"},{\"name\":\"b\",\"type\":\"string\"}]}";
    const mr_schema *two = schema_of(json);
    rig *r = rig_for("one", "@.one_{field:a}{field:b}", "upsert");
    mr_batch *batch = batch_of(r, two, 0,
                               cells_of(cell_int(MR_LONG, 1), cell_text("xy"), cell_text("z"),
                                        cell_int(MR_LONG, 1), cell_text("x"), cell_text("yz"),
                                        cell_int(MR_LONG, 2), cell_text("x"), cell_text("yz"),
                                        cell_int(MR_LONG, 2), cell_text("xy"), cell_text("z")),
                               3, 4);
    assert_ok(r, rig_put(r, batch));
    assert_rows("SELECT * FROM @.one_xyz ORDER BY 1", "1|x|yz 2|xy|z");
    rig_free(r);
    mr_schema_release(two);
}

static void deletes_find_their_table(void **state)
{
    (void)state;
    const mr_schema *row = schema_of(row_json);
    rig *r = rig_for("gone", "@.gone_{field:land}", "upsert");
    assert_ok(
        r, rig_put(r, batch_of(r, row, 0,
                               cells_of(LAND(1, "de"), LAND(2, "de"), LAND(1, "fr"), LAND(3, "fr")),
                               2, 4)));
    /* By the row as it was; by the key; by nothing. */
    mr_batch *batch =
        batch_of(r, row, 0, cells_of(LAND(1, "de"), LAND(3, "fr"), LAND(2, "de")), 2, 3);
    batch->key_schema = row;
    for (size_t i = 0; i < 3; i++) {
        mr_record *record = &batch->records[i];
        *(i == 0 ? &record->before : &record->key) = i == 2 ? NULL : record->value;
        record->value = NULL;
        record->op = MR_OP_DELETE;
        record->raw_key = (mr_slice){"1", 1};
    }
    assert_int_equal(rig_put(r, batch), MR_REJECT);
    assert_int_equal(r->task.rejected_count, 1);
    assert_int_equal(r->task.rejected[0].origin, 2);
    assert_non_null(strstr(r->task.rejected[0].why.text, "this delete has neither"));
    batch->count = 2;
    assert_ok(r, rig_put(r, batch));
    assert_rows("SELECT id FROM @.gone_de", "2");
    assert_rows("SELECT id FROM @.gone_fr", "1");
    rig_free(r);
    mr_schema_release(row);
}

static void tables_are_bounded(void **state)
{
    (void)state;
    const mr_schema *row = schema_of(row_json);
    rig *r = rig_for("bounded", "@.bounded_{field:id}", "insert");
    rig_option(r, "tables.max", "3");
    assert_ok(r, rig_put(r, batch_of(r, row, 0, cells_of(LAND(1, "x"), LAND(2, "x"), LAND(3, "x")),
                                     2, 3)));
    assert_int_equal(rig_put(r, batch_of(r, row, 0, cells_of(LAND(3, "x"), LAND(4, "x")), 2, 2)),
                     MR_FATAL);
    assert_true(r->err.permanent);
    assert_string_equal(r->err.field, "tables.max");
    assert_non_null(strstr(r->err.text, "bounded_4"));
    assert_rows("SELECT count(*) FROM @.bounded_3", "1");
    assert_rows("SELECT to_regclass('@.bounded_4')", "-");
    rig_free(r);

    r = rig_for("no_field", "@.x_{field:nation}", "insert");
    assert_int_equal(rig_put(r, batch_of(r, row, 0, cells_of(LAND(1, "x")), 2, 1)), MR_FATAL);
    assert_true(r->err.permanent);
    assert_non_null(strstr(r->err.text, "have no such field"));
    rig_free(r);
    mr_schema_release(row);
}

static void templates_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *table, *says; /* NULL: good */
    } cases[] = {
        {"{topic}", NULL},
        {"a.{topic:underscored}", NULL},
        {"\"a {field:x.y}\".\"b\"\"{topic}\"", NULL},
        {"{tpoic}", "'{tpoic}' is no placeholder: {topic}, {topic:underscored} and {field:name}"},
        {"a_{field:}", "is no placeholder"},
        {"a_{topic", "is no placeholder"},
        {"{topic}.{topic}.{topic}", "is no name of a table"},
        {"{topic}.", "is no name of a table"},
        {"\"{topic}", "is no name of a table"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rig *r = rig_new("checked");
        mr_route *route = rig_route(r, "r", NULL);
        ((pg_route_options *)route->options)->table = mr_strdup(cases[i].table);
        mr_status status = mr_postgres_sink.check(r->task.self, r->routes, 1, &r->err);
        if (status != (cases[i].says ? MR_FATAL : MR_OK) ||
            (cases[i].says &&
             (!strstr(r->err.text, cases[i].says) || strcmp(r->err.field, "table") != 0))) {
            fail_msg("%s: %s %s", cases[i].table, mr_status_name(status), r->err.text);
        }
        rig_free(r);
    }
}

/* What a schema says of its fields is the comment of what is made for them, and of nothing else. */
static void docs_become_comments(void **state)
{
    (void)state;
    const mr_schema *v1 = schema_of(
        "{\"type\":\"record\",\"name\":\"R\",\"doc\":\"Rides, from the meter's \\\\ log\","
        "\"fields\":[{\"name\":\"id\",\"type\":\"long\",\"doc\":\"It's \\\"unique\\\"\"},"
        "{\"name\":\"plain\",\"type\":\"int\"}]}");
    const mr_schema *v2 = schema_of(
        "{\"type\":\"record\",\"name\":\"R\",\"doc\":\"another\","
        "\"fields\":[{\"name\":\"id\",\"type\":\"long\",\"doc\":\"another\"},"
        "{\"name\":\"plain\",\"type\":\"int\"},"
        "{\"name\":\"Tip\",\"type\":[\"null\",\"double\"],\"doc\":\"in €\",\"default\":null}]}");
    static const char comments[] =
        "SELECT coalesce(a.attname, '*'), d.description FROM pg_description d LEFT JOIN "
        "pg_attribute a ON a.attrelid = d.objoid AND a.attnum = d.objsubid AND d.objsubid > 0 "
        "WHERE d.objoid = '@.described'::regclass ORDER BY d.objsubid";
    rig *r = rig_for("described", "@.described", "upsert");
    mr_cell cells[] = {cell_int(MR_LONG, 1), cell_int(MR_INT, 2), cell_double(MR_DOUBLE, 0.5)};
    assert_ok(r, rig_put(r, batch_of(r, v1, 0, cells, 2, 1)));
    assert_rows(comments, "*|Rides, from the meter's \\ log id|It's \"unique\"");
    assert_int_equal(rig_put(r, batch_of(r, v2, 0, cells, 3, 1)), MR_RETRY);
    assert_ok(r, rig_put(r, batch_of(r, v2, 0, cells, 3, 1)));
    assert_rows(comments, "*|Rides, from the meter's \\ log id|It's \"unique\" Tip|in €");
    rig_free(r);
    /* A table that was there is not ours to describe. */
    sql("DROP TABLE @.described; CREATE TABLE @.described (id bigint PRIMARY KEY, plain int)");
    r = rig_for("described_2", "@.described", "upsert");
    assert_ok(r, rig_put(r, batch_of(r, v1, 0, cells, 2, 1)));
    assert_rows(comments, "");
    rig_free(r);
    mr_schema_release(v1);
    mr_schema_release(v2);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(topics_name_tables),
    cmocka_unit_test(fields_name_tables),
    cmocka_unit_test(records_without_a_table_are_rejected),
    cmocka_unit_test(one_table_is_one_route),
    cmocka_unit_test(deletes_find_their_table),
    cmocka_unit_test(tables_are_bounded),
    cmocka_unit_test(templates_are_checked),
    cmocka_unit_test(docs_become_comments),
};

rig_main(tests)
