/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the postgres sink that need no server: names, keys, what the server's words mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/task.h"
#include "codec/schema.h"
#include "sinks/postgres/postgres.h"

static void names_are_taken_apart(void **state)
{
    (void)state;
    static const char *const cases[][4] = {
        {"trips", NULL, "trips", "\"trips\""},
        {"public.Trips", "public", "Trips", "\"public\".\"Trips\""},
        {"\"a.b\"", NULL, "a.b", "\"a.b\""},
        {"x.\"say \"\"hi\"\"\"", "x", "say \"hi\"", "\"x\".\"say \"\"hi\"\"\""},
        {"with space", NULL, "with space", "\"with space\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pg_name name;
        mr_error err;
        assert_int_equal(pg_name_parse(cases[i][0], &name, &err), MR_OK);
        if (cases[i][1]) {
            assert_string_equal(name.schema, cases[i][1]);
        } else {
            assert_null(name.schema);
        }
        assert_string_equal(name.table, cases[i][2]);
        assert_string_equal(name.quoted, cases[i][3]);
        pg_name_release(&name);
    }
}

static void a_name_too_long_is_refused(void **state)
{
    (void)state;
    char text[65];
    memset(text, 'x', 64);
    text[64] = '\0';
    pg_name name;
    mr_error err;
    assert_int_equal(pg_name_parse(text, &name, &err), MR_FATAL);
    text[63] = '\0';
    assert_int_equal(pg_name_parse(text, &name, &err), MR_OK);
    pg_name_release(&name);
}

static void copy_lines_are_found(void **state)
{
    (void)state;
    char column[64];
    assert_int_equal(pg_copy_line("COPY trips, line 17", column, sizeof column), 17);
    assert_string_equal(column, "");
    assert_int_equal(
        pg_copy_line("COPY \"odd, line 5\", line 17, column fare", column, sizeof column), 17);
    assert_string_equal(column, "fare");
    assert_int_equal(
        pg_copy_line("JSON data, line 1: {x\nCOPY t, line 2, column v", column, sizeof column), 2);
    assert_string_equal(column, "v");
    assert_int_equal(pg_copy_line("SQL statement \"SELECT 1\"", column, sizeof column), 0);
    assert_int_equal(pg_copy_line(NULL, column, sizeof column), 0);
}

/* --- Keys
 * ------------------------------------------------------------------------------------------ */

enum { MANY = 4000 };

typedef struct keys_rig {
    mr_task task;
    pg_route route;
    pg_plan plan;
    pg_column column;
    size_t key;
    mr_batch batch;
    mr_record records[MANY];
    mr_cell values[MANY], cells[MANY];
} keys_rig;

static keys_rig *keys_new(void)
{
    keys_rig *r = mr_calloc(1, sizeof *r);
    r->task.arena = mr_arena_new();
    static const pg_route_options options;
    r->route.options = &options;
    r->plan.route = &r->route;
    r->plan.version = 1; /* none */
    r->plan.columns = &r->column;
    r->plan.count = 1;
    r->plan.keys = &r->key;
    r->plan.key_count = 1;
    r->column.name = "id";
    r->batch.records = r->records;
    for (size_t i = 0; i < MANY; i++) {
        r->values[i] = (mr_cell){.type = MR_RECORD, .len = 1, .as.cells = &r->cells[i]};
        r->records[i].value = &r->values[i];
        r->records[i].origin = (uint32_t)i;
    }
    return r;
}

static void keys_free(keys_rig *r)
{
    free(r->route.pending);
    free(r->route.items.list);
    mr_arena_free(r->task.arena);
    mr_task_release(&r->task);
    free(r);
}

static int compare_texts(const mr_cell *a, const mr_cell *b)
{
    size_t len = a->len < b->len ? a->len : b->len;
    int order = memcmp(a->as.text, b->as.text, len);
    return order ? order : (a->len > b->len) - (a->len < b->len);
}

/* Random texts of few letters, so that many are equal or share their first eight bytes: what is
 * left is sorted, unique, and of each key the last. */
static void the_last_of_each_key_is_left(void **state)
{
    (void)state;
    keys_rig *r = keys_new();
    static char texts[MANY][16];
    uint64_t seed = 99;
    for (size_t i = 0; i < MANY; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        size_t len = (seed >> 40) % 11;
        for (size_t k = 0; k < len; k++) {
            texts[i][k] = k < 6 ? 'a' : (char)((seed >> (44 + k)) & 1 ? '\0' : 'b');
        }
        r->cells[i] = (mr_cell){.type = MR_STRING, .len = (uint32_t)len, .as.text = texts[i]};
    }
    r->batch.count = MANY;
    mr_error err;
    assert_int_equal(pg_dedupe_add(&r->task, &r->route, &r->batch, &r->plan, NULL, NULL, &err),
                     MR_OK);
    pg_dedupe_finish(&r->route);
    const pg_items *items = &r->route.items;
    size_t distinct = 0;
    for (size_t i = 0; i < MANY; i++) {
        bool again = false;
        for (size_t k = i + 1; k < MANY && !again; k++) {
            again = compare_texts(&r->cells[i], &r->cells[k]) == 0;
        }
        distinct += !again;
        bool kept = false;
        for (size_t k = 0; k < items->count && !kept; k++) {
            kept = items->list[k].index == i;
        }
        assert_int_equal(kept, !again);
    }
    assert_int_equal(items->count, distinct);
    for (size_t i = 1; i < items->count; i++) {
        assert_true(compare_texts(&r->cells[items->list[i - 1].index],
                                  &r->cells[items->list[i].index]) < 0);
    }
    keys_free(r);
}

/* Numbers sort by value, whatever their sign. */
static void check_order(const mr_cell *cells, size_t count)
{
    keys_rig *r = keys_new();
    for (size_t i = 0; i < count; i++) {
        r->cells[i] = cells[count - 1 - i];
    }
    r->batch.count = count;
    mr_error err;
    assert_int_equal(pg_dedupe_add(&r->task, &r->route, &r->batch, &r->plan, NULL, NULL, &err),
                     MR_OK);
    pg_dedupe_finish(&r->route);
    assert_int_equal(r->route.items.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(r->route.items.list[i].index, count - 1 - i);
    }
    keys_free(r);
}

static void numbers_sort_by_value(void **state)
{
    (void)state;
    const mr_cell longs[] = {{.type = MR_LONG, .as.i = INT64_MIN},
                             {.type = MR_LONG, .as.i = -1},
                             {.type = MR_LONG, .as.i = 0},
                             {.type = MR_LONG, .as.i = 1},
                             {.type = MR_LONG, .as.i = INT64_MAX}};
    check_order(longs, 5);
    const mr_cell doubles[] = {{.type = MR_DOUBLE, .as.d = -__builtin_inf()},
                               {.type = MR_DOUBLE, .as.d = -1.5},
                               {.type = MR_DOUBLE, .as.d = 0},
                               {.type = MR_DOUBLE, .as.d = 1e-9},
                               {.type = MR_DOUBLE, .as.d = __builtin_inf()},
                               {.type = MR_DOUBLE, .as.d = __builtin_nan("")}};
    check_order(doubles, 6);
    const mr_cell decimals[] = {{.type = MR_DECIMAL, .len = 2, .as.text = "\x80\x00"},
                                {.type = MR_DECIMAL, .len = 1, .as.text = "\x80"},
                                {.type = MR_DECIMAL, .len = 1, .as.text = "\xfe"},
                                {.type = MR_DECIMAL, .len = 1, .as.text = "\0"},
                                {.type = MR_DECIMAL, .len = 1, .as.text = "\x7f"},
                                {.type = MR_DECIMAL, .len = 2, .as.text = "\0\x80"},
                                {.type = MR_DECIMAL, .len = 2, .as.text = "\x01\0"}};
    check_order(decimals, 7);
}

/* One number, written in different ways. */
static void equal_numbers_are_one_key(void **state)
{
    (void)state;
    static const mr_cell few[] = {{.type = MR_DECIMAL, .len = 1, .as.text = "\x05"}, {0}};
    static const mr_cell same[] = {{.type = MR_DECIMAL, .len = 2, .as.text = "\0\x05"}, {0}};
    const mr_cell pairs[][2] = {
        {{.type = MR_ARRAY, .len = 2, .as.cells = few},
         {.type = MR_ARRAY, .len = 2, .as.cells = same}},
        {{.type = MR_DOUBLE, .as.d = 0.0}, {.type = MR_DOUBLE, .as.d = -0.0}},
        {{.type = MR_INT, .as.i = 5}, {.type = MR_LONG, .as.i = 5}},
        {{.type = MR_DECIMAL, .len = 1, .as.text = "\x05"},
         {.type = MR_DECIMAL, .len = 3, .as.text = "\0\0\x05"}},
        {{.type = MR_DECIMAL, .len = 1, .as.text = "\xfb"},
         {.type = MR_DECIMAL, .len = 3, .as.text = "\xff\xff\xfb"}},
        {{.type = MR_DECIMAL, .len = 0, .as.text = ""},
         {.type = MR_DECIMAL, .len = 1, .as.text = "\0"}},
        {{.type = MR_DECIMAL, .len = 1, .as.text = "\xff"},
         {.type = MR_DECIMAL, .len = 2, .as.text = "\xff\xff"}},
        {{.type = MR_TIMESTAMP_MS, .as.i = 7}, {.type = MR_TIMESTAMP_US, .as.i = 7000}},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        keys_rig *r = keys_new();
        r->cells[0] = pairs[i][0];
        r->cells[1] = pairs[i][1];
        r->batch.count = 2;
        mr_error err;
        assert_int_equal(pg_dedupe_add(&r->task, &r->route, &r->batch, &r->plan, NULL, NULL, &err),
                         MR_OK);
        pg_dedupe_finish(&r->route);
        assert_int_equal(r->route.items.count, 1);
        assert_int_equal(r->route.items.list[0].index, 1);
        keys_free(r);
    }
}

static void null_keys_are_rejected(void **state)
{
    (void)state;
    keys_rig *r = keys_new();
    r->cells[0] = (mr_cell){.type = MR_LONG, .as.i = 1};
    r->cells[1] = (mr_cell){.type = MR_NULL};
    r->batch.count = 2;
    mr_error err;
    assert_int_equal(pg_dedupe_add(&r->task, &r->route, &r->batch, &r->plan, NULL, NULL, &err),
                     MR_REJECT);
    assert_int_equal(r->task.rejected_count, 1);
    assert_int_equal(r->task.rejected[0].origin, 1);
    assert_string_equal(r->task.rejected[0].why.field, "id");
    keys_free(r);
}

static void tables_are_made_from_schemas(void **state)
{
    (void)state;
    static const char json[] =
        "{\"type\":\"record\",\"name\":\"T\",\"fields\":[{\"name\":\"id\",\"type\":[\"null\","
        "\"string\"]},{\"name\":\"when\",\"type\":{\"type\":\"long\",\"logicalType\":"
        "\"timestamp-micros\"}},{\"name\":\"price\",\"type\":[\"null\",{\"type\":\"bytes\","
        "\"logicalType\":\"decimal\",\"precision\":12,\"scale\":4}]},{\"name\":\"tags\",\"type\":"
        "{\"type\":\"array\",\"items\":\"string\"}}]}";
    const mr_schema *schema;
    mr_error err;
    assert_int_equal(mr_schema_parse(json, sizeof json - 1, &schema, &err), MR_OK);
    static const char *const keys[] = {"id"};
    pg_route_options options = {.key_fields = {keys, 1}};
    pg_route route = {.options = &options};
    assert_int_equal(pg_name_parse("s.t", &route.name, &err), MR_OK);
    char *create = pg_ddl_create(&route, schema);
    assert_string_equal(create,
                        "CREATE TABLE IF NOT EXISTS \"s\".\"t\" (\"id\" text NOT NULL, \"when\" "
                        "timestamptz NOT NULL, \"price\" numeric(12,4), \"tags\" text[] NOT NULL, "
                        "PRIMARY KEY (\"id\"))");
    free(create);
    pg_name_release(&route.name);
    mr_schema_release(schema);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_taken_apart),  cmocka_unit_test(a_name_too_long_is_refused),
        cmocka_unit_test(copy_lines_are_found),   cmocka_unit_test(the_last_of_each_key_is_left),
        cmocka_unit_test(numbers_sort_by_value),  cmocka_unit_test(equal_numbers_are_one_key),
        cmocka_unit_test(null_keys_are_rejected), cmocka_unit_test(tables_are_made_from_schemas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
