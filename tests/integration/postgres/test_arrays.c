/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arrays in tables that the sink makes: columns of array types, their defaults, how they get wider,
 * and what is said when elements come that the array can not hold: the statement is run as it was
 * told, and then both the older and the newer records go in.
 */
#include "integration/postgres/type_values.h"

enum { STATEMENT_BYTES = 1200, ATTEMPTS = 5 };

static mr_cell cell_of(rig *r, const mr_schema *schema, const char *text)
{
    json_error_t why;
    json_t *json = json_loads(text, JSON_DECODE_ANY, &why);
    if (!json) {
        fail_msg("%s: %s", text, why.text);
    }
    mr_cell cell = value_of(r->task.arena, schema->fields[1].schema, json);
    json_decref(json);
    return cell;
}

/* A row of id and v, where v is of the type told in short; again while the epoch begins anew. */
static mr_status put(rig *r, const char *type, int id, const char *value)
{
    const mr_schema *schema = schema_in_short(type);
    mr_status status = MR_RETRY;
    for (int i = 0; i < ATTEMPTS && status == MR_RETRY; i++) {
        mr_arena_reset(r->task.arena);
        int64_t next = r->offset.next;
        mr_cell cells[] = {cell_int(MR_INT, id), cell_of(r, schema, value)};
        status = rig_put(r, batch_of(r, schema, 0, cells, 2, 1));
        r->offset.next = status == MR_OK ? r->offset.next : next;
    }
    mr_schema_release(schema);
    return status;
}

static rig *rig_of_table(const char *table, const char *mode)
{
    rig *r = rig_new(table);
    rig_route(r, "r", "table", table, "auto.create", "true", "insert.mode", mode, "key.fields",
              "id", NULL);
    assert_ok(r, rig_open(r));
    return r;
}

#define TYPE_OF(table, column)                                                                     \
    "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = '" table           \
    "'::regclass AND attname = '" column "'"

/* --- Wider --- */

static const struct {
    const char *made; /* NULL: by auto.create; else the column */
    const char *from, *first, *to, *second, *type, *shown;
} widened[] = {
    {NULL, "array(int)", "[1, -2147483648]", "array(long)", "[9223372036854775807]", "bigint[]",
     "1|{1,-2147483648} 2|{9223372036854775807} 3|{1,-2147483648}"},
    {NULL, "array(null-or(int))", "[1, null]", "array(null-or(long))", "[null, 5000000000]",
     "bigint[]", "1|{1,NULL} 2|{NULL,5000000000} 3|{1,NULL}"},
    {NULL, "array(float)", "[0.5]", "array(double)", "[0.1, 1e300]", "double precision[]",
     "1|{0.5} 2|{0.1,1e+300} 3|{0.5}"},
    {NULL, "array(decimal(6,2))", "[\"-1.50\", \"9999.99\"]", "array(null-or(decimal(12,4)))",
     "[null, \"0.0001\"]", "numeric(12,4)[]",
     "1|{-1.5000,9999.9900} 2|{NULL,0.0001} 3|{-1.5000,9999.9900}"},
    {"smallint[]", "array(int)", "[]", "array(int)", "[32768]", "integer[]", "1|{} 2|{32768} 3|{}"},
    {"integer[] DEFAULT '{1,2}'", "array(int)", "[7]", "array(long)", "[5000000000]", "bigint[]",
     "1|{7} 2|{5000000000} 3|{7}"},
    /* Nothing gets narrower, */
    {NULL, "array(long)", "[5000000000]", "array(int)", "[1]", "bigint[]",
     "1|{5000000000} 2|{1} 3|{5000000000}"},
    {"numeric(12,4)[]", "array(decimal(6,2))", "[\"1.00\"]", "array(decimal(8,2))", "[\"2.00\"]",
     "numeric(12,4)[]", "1|{1.0000} 2|{2.0000} 3|{1.0000}"},
    /* and neither do arrays of domains, domains over arrays and what older versions made. */
    {"positive[]", "array(int)", "[1]", "array(long)", "[2]", "positive[]", "1|{1} 2|{2} 3|{1}"},
    {"list", "array(int)", "[1]", "array(long)", "[2]", "list", "1|{1} 2|{2} 3|{1}"},
    {"jsonb", "array(int)", "[1]", "array(null-or(long))", "[null]", "jsonb",
     "1|[1] 2|[null] 3|[1]"},
};

static void run_widening(const char *mode)
{
    for (size_t i = 0; i < sizeof widened / sizeof *widened; i++) {
        sql("DROP TABLE IF EXISTS wide");
        if (widened[i].made) {
            char *create =
                mr_format("CREATE TABLE wide (id int PRIMARY KEY, v %s)", widened[i].made);
            sql(create);
            free(create);
        }
        rig *r = rig_of_table("wide", mode);

        assert_ok(r, put(r, widened[i].from, 1, widened[i].first));
        assert_ok(r, put(r, widened[i].to, 2, widened[i].second));
        assert_ok(r, put(r, widened[i].from, 3, widened[i].first)); /* an older writer */
        assert_rows(TYPE_OF("wide", "v"), widened[i].type);
        assert_rows("SELECT id, v FROM wide ORDER BY id", widened[i].shown);
        rig_free(r);
    }
}

static void arrays_get_wider(void **state)
{
    (void)state;
    run_widening("insert");
    run_widening("upsert");
}

static void arrays_of_texts_get_room(void **state)
{
    (void)state;
    sql("CREATE TABLE roomy (id int PRIMARY KEY, v varchar(3)[])");
    rig *r = rig_of_table("roomy", "upsert");
    assert_ok(r, put(r, "array(string)", 1, "[\"abc\"]"));
    assert_ok(r, put(r, "array(string)", 2, "[\"abc\", \"abcd\"]"));
    assert_rows(TYPE_OF("roomy", "v"), "character varying(6)[]");
    assert_rows("SELECT id, v FROM roomy ORDER BY id", "1|{abc} 2|{abc,abcd}");
    rig_free(r);
}

/* --- Defaults --- */

static const struct {
    const char *items, *dflt, *type, *shown;
} defaults[] = {
    {"\"long\"", "[]", "bigint[]", "{}"},
    {"\"long\"", "[1,-2]", "bigint[]", "{1,-2}"},
    {"[\"null\",\"int\"]", "[null,null]", "integer[]", "{NULL,NULL}"},
    {"\"string\"", "[\"\",\"it's\",\"a\\\"b\\\\c\",\"NULL\",\"{,}\"]", "text[]",
     "{\"\",it's,\"a\\\"b\\\\c\",\"NULL\",\"{,}\"}"},
    {"\"bytes\"", "[\"\\u00ff\\u0001\",\"\"]", "bytea[]", "{\"\\\\xff01\",\"\\\\x\"}"},
    {"\"boolean\"", "[true]", "boolean[]", "{t}"},
    {"\"double\"", "[0.1,-1e300]", "double precision[]", "{0.1,-1e+300}"},
    {"{\"type\":\"int\",\"logicalType\":\"date\"}", "[1]", "date[]", "{1970-01-02}"},
    {"{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}", "[1]",
     "timestamp with time zone[]", "{\"1970-01-01 00:00:00.000001+00\"}"},
    {"{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":6,\"scale\":2}",
     "[\"\\u007b\"]", "numeric(6,2)[]", "{1.23}"},
    {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"a\",\"b\"]}", "[\"b\"]", "text[]", "{b}"},
    {"{\"type\":\"array\",\"items\":\"int\"}", "[[1],[]]", "jsonb", "[[1], []]"},
    {"\"null\"", "[null]", "jsonb", "[null]"},
};
enum { DEFAULTS = sizeof defaults / sizeof *defaults };

/* A record of id and, if asked for, an array with each of the defaults. */
static const mr_schema *schema_of_defaults(bool arrays)
{
    mr_buffer json = MR_BUFFER_INIT(1 << 20);
    mr_buffer_add_text(&json, "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"id\","
                              "\"type\":\"int\"}");
    for (size_t i = 0; i < DEFAULTS && arrays; i++) {
        mr_buffer_printf(&json,
                         ",{\"name\":\"f%zu\",\"type\":{\"type\":\"array\",\"items\":%s},"
                         "\"default\":%s}",
                         i, defaults[i].items, defaults[i].dflt);
    }
    mr_buffer_add_text(&json, "]}");
    const mr_schema *schema = schema_of(mr_buffer_text(&json));
    mr_buffer_release(&json);
    return schema;
}

static void check_defaults(const char *table)
{
    for (size_t i = 0; i < DEFAULTS; i++) {
        char *type = mr_format("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE "
                               "attrelid = '%s'::regclass AND attname = 'f%zu'",
                               table, i);
        assert_rows(type, defaults[i].type);
        char *values = mr_format("SELECT DISTINCT f%zu FROM %s WHERE id <> 1", i, table);
        assert_rows(values, defaults[i].shown);
        free(type);
        free(values);
    }
}

/* Of rows that were there, and of records of an older schema. */
static void arrays_have_defaults(void **state)
{
    (void)state;
    const mr_schema *v1 = schema_of_defaults(false), *v2 = schema_of_defaults(true);
    sql("CREATE TABLE defaults (id int PRIMARY KEY); INSERT INTO defaults VALUES (0)");
    static const char *const tables[] = {"defaults", "defaults_made"};
    for (size_t i = 0; i < 2; i++) {
        rig *r = rig_of_table(tables[i], "upsert");
        mr_cell cells[DEFAULTS + 1] = {cell_int(MR_INT, 1)};
        for (size_t k = 1; k <= DEFAULTS; k++) {
            cells[k] = (mr_cell){.type = MR_ARRAY};
        }
        assert_ok(r, rig_put(r, batch_of(r, v2, 0, cells, DEFAULTS + 1, 1)));
        cells[0] = cell_int(MR_INT, 2);
        assert_ok(r, rig_put(r, batch_of(r, v1, 0, cells, 1, 1)));
        check_defaults(tables[i]);
        rig_free(r);
    }
    mr_schema_release(v1);
    mr_schema_release(v2);
}

/* --- What the array can not hold --- */

#define TO_TEXT  "ALTER COLUMN \"V\" TYPE text USING (\"V\")::text"
#define TO_JSONB "ALTER COLUMN \"V\" TYPE jsonb USING to_jsonb(\"V\")"

static const struct {
    const char *column, *from, *first, *to, *second, *change, *shown;
} refused[] = {
    {"integer[]", "array(int)", "[1, 2]", "array(union(int,string))",
     "[{\"int\": 3}, {\"string\": \"a\"}]", TO_JSONB, "1|[1, 2] 2|[3, \"a\"] 3|[1, 2]"},
    {"bigint[]", "array(null-or(long))", "[null, 2]", "array(union(null,long,string))",
     "[null, {\"string\": \"a\"}]", TO_JSONB, "1|[null, 2] 2|[null, \"a\"] 3|[null, 2]"},
    {"bigint[] NOT NULL DEFAULT '{1}'", "array(long)", "[]", "array(union(long,string))",
     "[{\"string\": \"a\"}]",
     "ALTER COLUMN \"V\" DROP DEFAULT, " TO_JSONB
     ", ALTER COLUMN \"V\" SET DEFAULT to_jsonb('{1}'::bigint[])",
     "1|[] 2|[\"a\"] 3|[]"},
    {"text[] DEFAULT ARRAY['it''s']", "array(string)", "[\"a\"]", "array(bytes)", "[\"ff\"]",
     "ALTER COLUMN \"V\" DROP DEFAULT, " TO_JSONB
     ", ALTER COLUMN \"V\" SET DEFAULT to_jsonb(ARRAY['it''s'::text])",
     "1|[\"a\"] 2|[\"\\\\xff\"] 3|[\"a\"]"},
    {"integer[]", "array(int)", "[1]", "array(boolean)", "[true]", TO_JSONB,
     "1|[1] 2|[true] 3|[1]"},
    {"integer[]", "array(int)", "[1]", "array(array(int))", "[[1], []]", TO_JSONB,
     "1|[1] 2|[[1], []] 3|[1]"},
    {"integer[]", "array(int)", "[1]", "array(record(a int))", "[[2]]", TO_JSONB,
     "1|[1] 2|[{\"a\": 2}] 3|[1]"},
    {"integer[]", "array(int)", "[1]", "union(null,array(int),boolean)", "{\"boolean\": true}",
     TO_JSONB, "1|[1] 2|true 3|[1]"},
    {"integer[]", "array(int)", "[1]", "boolean", "true", TO_JSONB, "1|[1] 2|true 3|[1]"},
    {"date[]", "array(date)", "[0]", "array(timestamp-millis)", "[0]", TO_JSONB,
     "1|[\"1970-01-01\"] 2|[\"1970-01-01T00:00:00Z\"] 3|[\"1970-01-01\"]"},
    {"positive[]", "array(int)", "[1]", "array(double)", "[0.5]", TO_JSONB, "1|[1] 2|[0.5] 3|[1]"},
    {"list", "array(int)", "[1]", "array(boolean)", "[true]", TO_JSONB, "1|[1] 2|[true] 3|[1]"},
    {"mood[]", "array(string)", "[\"ok\"]", "array(int)", "[1]", TO_JSONB,
     "1|[\"ok\"] 2|[1] 3|[\"ok\"]"},
    {"integer", "int", "1", "array(int)", "[2]", TO_JSONB, "1|1 2|[2] 3|1"},
    {"integer DEFAULT 5", "int", "1", "union(int,string)", "{\"string\": \"a\"}",
     "ALTER COLUMN \"V\" DROP DEFAULT, " TO_JSONB ", ALTER COLUMN \"V\" SET DEFAULT to_jsonb(5)",
     "1|1 2|\"a\" 3|1"},
    {"timestamptz", "timestamp-millis", "null", "map(int)", "{\"k\": 1}", TO_JSONB,
     "1|- 2|{\"k\": 1} 3|-"},
    {"bytea", "bytes", "\"ff\"", "int", "3", TO_JSONB, "1|\"\\\\xff\" 2|3 3|\"\\\\xff\""},
    {"boolean", "boolean", "true", "bytes", "\"ff\"", TO_JSONB, "1|true 2|\"\\\\xff\" 3|true"},
    /* Scalars meet as text. */
    {"double precision DEFAULT 1", "double", "0.5", "boolean", "true",
     "ALTER COLUMN \"V\" DROP DEFAULT, " TO_TEXT ", ALTER COLUMN \"V\" SET DEFAULT (1)::text",
     "1|0.5 2|true 3|0.5"},
    {"boolean NOT NULL", "boolean", "true", "int", "3", TO_TEXT, "1|true 2|3 3|true"},
    {"date", "date", "0", "long", "3", TO_TEXT, "1|1970-01-01 2|3 3|1970-01-01"},
    {"numeric(4,2)", "decimal(4,2)", "\"0.25\"", "date", "0", TO_TEXT,
     "1|0.25 2|1970-01-01 3|0.25"},
    {"positive", "int", "1", "boolean", "true", TO_TEXT, "1|1 2|true 3|1"},
    /* Numbers stay numbers. */
    {"integer[] DEFAULT '{1}'", "array(int)", "[1]", "array(double)", "[0.5]",
     "ALTER COLUMN \"V\" TYPE double precision[]", "1|{1} 2|{0.5} 3|{1}"},
    {"bigint[]", "array(long)", "[9223372036854775807]", "array(null-or(decimal(4,2)))",
     "[null, \"0.25\"]", "ALTER COLUMN \"V\" TYPE numeric[]",
     "1|{9223372036854775807} 2|{NULL,0.25} 3|{9223372036854775807}"},
    {"integer DEFAULT 5", "int", "1", "float", "0.5", "ALTER COLUMN \"V\" TYPE double precision",
     "1|1 2|0.5 3|1"},
    {"bigint", "long", "1", "decimal(4,2)", "\"0.25\"", "ALTER COLUMN \"V\" TYPE numeric",
     "1|1 2|0.25 3|1"},
};

/* The statement at the end of the reason. */
static void check_statement(const rig *r, const char *change, char statement[STATEMENT_BYTES])
{
    static const char before[] = "change the column with: ";
    const char *at = strstr(r->err.text, before);
    assert_non_null(at);
    snprintf(statement, STATEMENT_BYTES, "%s", at + strlen(before));
    char *expected = mr_format("ALTER TABLE \"it's \"\"odd\" %s", change);
    assert_string_equal(statement, expected);
    free(expected);
}

static void what_does_not_fit_is_told_with_its_statement(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        char *create = mr_format("DROP TABLE IF EXISTS \"it's \"\"odd\"; CREATE TABLE "
                                 "\"it's \"\"odd\" (id int PRIMARY KEY, \"V\" %s)",
                                 refused[i].column);
        sql(create);
        free(create);
        rig *r = rig_of_table("\"it's \"\"odd\"", "upsert");
        assert_ok(r, put(r, refused[i].from, 1, refused[i].first));
        assert_int_equal(put(r, refused[i].to, 2, refused[i].second), MR_FATAL);
        assert_false(r->err.permanent); /* it goes on when somebody has done it */
        assert_string_equal(r->err.field, "v");
        char statement[STATEMENT_BYTES];
        check_statement(r, refused[i].change, statement);
        sql(statement);
        rig_close(r); /* as the runtime does before it tries again */
        assert_ok(r, rig_open(r));
        assert_ok(r, put(r, refused[i].to, 2, refused[i].second));
        assert_ok(r, put(r, refused[i].from, 3, refused[i].first));
        assert_rows("SELECT id, \"V\" FROM \"it's \"\"odd\" ORDER BY id", refused[i].shown);
        rig_free(r);
    }
}

/* A default too long to be shown: the type alone. */
static void half_a_statement_is_not_told(void **state)
{
    (void)state;
    sql("DO $$BEGIN EXECUTE format('CREATE TABLE long (id int PRIMARY KEY, v text[] DEFAULT "
        "ARRAY[%L])', repeat('x', 1000)); END$$");
    rig *r = rig_of_table("long", "upsert");
    assert_int_equal(put(r, "array(bytes)", 1, "[]"), MR_FATAL);
    assert_non_null(strstr(r->err.text, "or make the column jsonb"));
    assert_null(strstr(r->err.text, "ALTER"));
    rig_free(r);
}

static int setup(void **state)
{
    int status = rig_suite_setup(state);
    char *path = mr_format("-csearch_path=%s", test_schema);
    setenv("PGOPTIONS", path, 1);
    free(path);
    sql("SET search_path = @; CREATE TYPE mood AS ENUM ('sad', 'ok');"
        "CREATE DOMAIN positive AS integer CHECK (VALUE > 0);"
        "CREATE DOMAIN list AS integer[] CHECK (cardinality(VALUE) < 4)");
    return status;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(arrays_get_wider),
    cmocka_unit_test(arrays_of_texts_get_room),
    cmocka_unit_test(arrays_have_defaults),
    cmocka_unit_test(what_does_not_fit_is_told_with_its_statement),
    cmocka_unit_test(half_a_statement_is_not_told),
};
rig_main_with(tests, setup, rig_suite_teardown)
