/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every type there and back, with its extremes: what PostgreSQL shows of a value is what was sent.
 * The cases stand in types.txt, which says what its lines mean: each pair of types that the sink
 * takes has a value there, and each that it does not take is refused when the plan is made.
 */
#include "integration/postgres/type_values.h"

enum { LINE_BYTES = 4096, LINES_MAX = 2000, PARTS = 4, KINDS_MAX = 80 };

typedef struct test_line {
    int number;
    char *part[PARTS];
} test_line;

static struct test_lines {
    test_line list[LINES_MAX];
    size_t count;
} kinds, pairs, values;

static int failures;

#define complain(line, ...)                                                                        \
    (failures++,                                                                                   \
     print_error("types.txt:%d: %s into %s: ", (line)->number, (line)->part[0], (line)->part[1]),  \
     print_error(__VA_ARGS__), print_error("\n"))

/* --- The file --- */

static void take_line(char *text, int number)
{
    struct test_lines *to = *text == '+' ? &kinds : *text == '>' ? &pairs : &values;
    assert_in_range(to->count, 0, LINES_MAX - 1);
    test_line *line = &to->list[to->count++];
    line->number = number;
    text += to != &values ? 2 : 0;
    for (size_t i = 0; i < PARTS; i++) {
        char *end = i + 1 < PARTS ? strstr(text, " | ") : NULL;
        line->part[i] = mr_format("%.*s", end ? (int)(end - text) : (int)strlen(text), text);
        text = end ? end + 3 : text + strlen(text);
    }
}

static int read_lines(void **state)
{
    FILE *file = fopen(MR_SOURCE_DIR "/tests/integration/postgres/types.txt", "re");
    assert_non_null(file);
    char text[LINE_BYTES];
    for (int number = 1; fgets(text, sizeof text, file); number++) {
        size_t len = strcspn(text, "\n");
        assert_int_equal(text[len], '\n');
        text[len] = '\0';
        if (len && *text != '#') {
            take_line(text, number);
        }
    }
    fclose(file);
    int status = rig_suite_setup(state);
    setenv("PGOPTIONS", mr_arena_format(*state = mr_arena_new(), "-csearch_path=%s", test_schema),
           1);
    sql("SET search_path = @; CREATE TYPE mood AS ENUM ('sad', 'ok', '\xf0\x9f\x99\x82'); "
        "CREATE DOMAIN positive AS integer CHECK (VALUE > 0); "
        "CREATE DOMAIN short AS varchar(5); CREATE DOMAIN shorter AS short CHECK (VALUE <> "
        "'abcd'); "
        "CREATE DOMAIN list AS integer[] CHECK (cardinality(VALUE) < 4); "
        "CREATE TYPE pair AS (a integer, b text)");
    return status;
}

static int free_lines(void **state)
{
    struct test_lines *all[] = {&kinds, &pairs, &values};
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < all[i]->count; k++) {
            for (size_t p = 0; p < PARTS; p++) {
                free(all[i]->list[k].part[p]);
            }
        }
    }
    mr_arena_free(*state);
    return rig_suite_teardown(state);
}

/* --- Pairs --- */

/* A table with a column of each kind, named like it. */
static void create_every(rig *r, pg_table *table)
{
    mr_buffer text = MR_BUFFER_INIT(1 << 20);
    mr_buffer_add_text(&text, "CREATE TABLE IF NOT EXISTS every (");
    for (size_t i = 0; i < kinds.count; i++) {
        mr_buffer_printf(&text, "%s\"%s\" %s", i ? ", " : "", kinds.list[i].part[0],
                         kinds.list[i].part[1]);
    }
    mr_buffer_add_char(&text, ')');
    sql(mr_buffer_text(&text));
    mr_buffer_release(&text);
    char every[] = "\"every\"";
    pg_name name = {.quoted = every};
    assert_ok(r, pg_table_load(r->task.self, &name, table, &r->err));
    assert_int_equal(table->count, kinds.count);
}

static bool has_word(const char *words, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = words; (at = strstr(at, word)); at += len) {
        if ((at == words || at[-1] == ' ') && (at[len] == ' ' || !at[len])) {
            return true;
        }
    }
    return false;
}

/* The type auto.create makes. */
static void check_made(const test_line *line, const mr_schema *schema)
{
    mr_buffer made = MR_BUFFER_INIT(256);
    pg_ddl_type(schema, &made);
    if (strcmp(mr_buffer_text(&made), line->part[1]) != 0) {
        complain(line, "the table gets %s", mr_buffer_text(&made));
    }
    mr_buffer_release(&made);
}

static void check_pair(const test_line *line, const mr_schema *schema,
                       const pg_target_column *target)
{
    bool listed = has_word(line->part[2], target->name) || has_word(line->part[2], "*");
    pg_column column = {.schema = schema, .name = "v"};
    mr_error err = {0};
    mr_status status = pg_type_choose(&column, target, "every", &err);
    if ((status == MR_OK) != listed) {
        complain(line, "%s is %s", target->name, status == MR_OK ? "taken" : "refused");
    } else if (status != MR_OK &&
               (status != MR_FATAL || strcmp(err.field, "v") != 0 ||
                !strstr(err.text, mr_type_name(schema->type)) || !strstr(err.text, target->type))) {
        complain(line, "%s is refused with: %s", target->name, err.text);
    }
    pg_column_release(&column);
}

static void pairs_are_taken_or_refused(void **state)
{
    (void)state;
    failures = 0;
    rig *r = rig_new("pairs");
    assert_ok(r, rig_open(r));
    pg_table every;
    create_every(r, &every);
    for (size_t i = 0; i < pairs.count; i++) {
        const mr_schema *record = schema_in_short(pairs.list[i].part[0]);
        const mr_schema *schema = mr_schema_strip_null(record->fields[1].schema);
        check_made(&pairs.list[i], schema);
        for (size_t k = 0; k < every.count; k++) {
            check_pair(&pairs.list[i], schema, &every.columns[k]);
        }
        mr_schema_release(record);
    }
    pg_table_release(&every);
    rig_free(r);
    assert_int_equal(failures, 0);
}

/* The lines of values whose type and column are those of a pair, by the words of the pair's line.
 */
static bool has_value(const char *avro, const char *kind, const char *column)
{
    size_t avro_len = strcspn(avro, "(");
    for (size_t i = 0; i < values.count; i++) {
        const char *type = values.list[i].part[0];
        if (strncmp(type, avro, avro_len) == 0 && strcspn(type, "(") == avro_len &&
            (strcmp(values.list[i].part[1], column) == 0 ||
             strcmp(values.list[i].part[1], kind) == 0)) {
            return true;
        }
    }
    return false;
}

static void every_pair_has_a_value(void **state)
{
    (void)state;
    failures = 0;
    for (size_t i = 0; i < pairs.count; i++) {
        const test_line *line = &pairs.list[i];
        for (size_t k = 0; k < kinds.count; k++) {
            const char *kind = kinds.list[k].part[0];
            if (has_word(line->part[2], kind) &&
                !has_value(line->part[0], kind, kinds.list[k].part[1])) {
                complain(line, "no value goes into %s", kind);
            }
        }
    }
    assert_int_equal(failures, 0);
}

/* --- Values --- */

static json_t *json_of(const test_line *line, const char *text)
{
    json_error_t why;
    json_t *json = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    if (!json) {
        fail_msg("types.txt:%d: %s: %s", line->number, text, why.text);
    }
    return json;
}

/* "=" and a value stand for its text; anything else for itself. */
static char *expected_text(const test_line *line)
{
    if (*line->part[3] != '=') {
        return mr_strdup(line->part[3]);
    }
    json_t *json = json_of(line, line->part[3] + 1);
    mr_buffer text = MR_BUFFER_INIT(1 << 26);
    if (!add_special(&text, json)) {
        mr_buffer_add_text(&text, json_string_value(json));
    }
    json_decref(json);
    char *expected = mr_strdup(mr_buffer_text(&text));
    mr_buffer_release(&text);
    return expected;
}

/* "!22003 why": refused, and the field named; "?22003 why": refused by a cast of the server, which
 * does not say for which record. */
static void check_refusal(const test_line *line, const rig *r, mr_status status)
{
    const char *expected = line->part[3];
    bool named = *expected == '!';
    const mr_error *why = named && r->task.rejected_count == 1 ? &r->task.rejected[0].why : &r->err;
    if (status != MR_REJECT || r->task.rejected_count != named ||
        strncmp(why->code, expected + 1, 5) != 0 || !strstr(why->text, expected + 7) ||
        (named && strcmp(why->field, "v") != 0)) {
        complain(line, "%s, %zu named, code %s, field %s: %.200s", mr_status_name(status),
                 r->task.rejected_count, why->code, why->field, status ? why->text : "");
    }
}

static void check_value(const test_line *line, const char *table)
{
    char *statement = mr_format("SELECT v FROM \"%s\"", table);
    char *expected = expected_text(line);
    const char *found = rows(statement);
    if (strcmp(found, expected) != 0) {
        complain(line, "%.200s, expected %.200s", found, expected);
    }
    free(expected);
    free(statement);
}

static void run_line(const test_line *line, rig *r, bool keyed)
{
    char *table = mr_format("line %d%s", line->number, keyed ? " keyed" : "");
    if (strcmp(line->part[1], "-") != 0) {
        char *create =
            mr_format("CREATE TABLE \"%s\" (id integer PRIMARY KEY, v %s)", table, line->part[1]);
        sql(create);
        free(create);
    }
    const mr_schema *schema = schema_in_short(line->part[0]);
    json_t *json = json_of(line, line->part[2]);
    mr_cell cells[] = {cell_int(MR_INT, 1),
                       value_of(r->task.arena, schema->fields[1].schema, json)};
    json_decref(json);
    mr_batch *batch = batch_of(r, schema, 0, cells, 2, 1);
    batch->topic = table;
    mr_status status = rig_put(r, batch);
    if (*line->part[3] == '!' || *line->part[3] == '?') {
        check_refusal(line, r, status);
    } else if (status != MR_OK) {
        complain(line, "%s: %.400s", mr_status_name(status), r->err.text);
    } else {
        check_value(line, table);
    }
    mr_schema_release(schema);
    mr_arena_reset(r->task.arena);
    free(table);
}

static void run_lines(bool keyed)
{
    failures = 0;
    rig *r = rig_new(keyed ? "values keyed" : "values");
    rig_route(r, "values", "auto.create", "true", "auto.evolve", "false",
              keyed ? "key.fields" : NULL, "id", NULL);
    assert_ok(r, rig_open(r));
    for (size_t i = 0; i < values.count; i++) {
        run_line(&values.list[i], r, keyed);
    }
    rig_free(r);
    assert_int_equal(failures, 0);
}

static void values_arrive_by_insert(void **state)
{
    (void)state;
    run_lines(false);
}

static void values_arrive_by_upsert(void **state)
{
    (void)state;
    run_lines(true);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(pairs_are_taken_or_refused),
    cmocka_unit_test(every_pair_has_a_value),
    cmocka_unit_test(values_arrive_by_insert),
    cmocka_unit_test(values_arrive_by_upsert),
};
rig_main_with(tests, read_lines, free_lines)
