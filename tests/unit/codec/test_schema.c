/* SPDX-License-Identifier: Apache-2.0 */
/* The schema model: what is parsed, what is refused and how that is said, canonical forms and
 * fingerprints, the JSON that comes back, and schemas built in code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/record.h"
#include "codec/schema.h"

static const mr_schema *parse(const char *json)
{
    const mr_schema *schema;
    mr_error err = {0};
    if (mr_schema_parse(json, strlen(json), &schema, &err)) {
        fail_msg("%s: %s", json, err.text);
    }
    return schema;
}

/* The text of the error, in a buffer that the next call overwrites. */
static mr_error refused(const char *json)
{
    const mr_schema *schema;
    mr_error err = {0};
    assert_int_equal(mr_schema_parse(json, strlen(json), &schema, &err), MR_FATAL);
    assert_int_equal(err.domain, MR_DOMAIN_SCHEMA);
    return err;
}

static void assert_refused(const char *json, const char *part)
{
    mr_error err = refused(json);
    if (!strstr(err.text, part)) {
        fail_msg("%s: expected \"%s\" in \"%s\"", json, part, err.text);
    }
}

static void test_primitives(void **state)
{
    (void)state;
    static const char *const names[] = {"null",  "boolean", "int",   "long",
                                        "float", "double",  "bytes", "string"};
    for (size_t i = 0; i < 8; i++) {
        char json[32];
        snprintf(json, sizeof json, "\"%s\"", names[i]);
        const mr_schema *schema = parse(json);
        assert_int_equal(schema->type, i);
        assert_int_equal(schema->base, i);
        assert_string_equal(mr_schema_json(schema), json);
        assert_string_equal(mr_schema_canonical(schema), json);
        assert_string_equal(mr_type_name(schema->type), names[i]);
        mr_schema_release(schema);
    }
}

#define TRIP                                                                                       \
    "{\"type\":\"record\",\"name\":\"Trip\",\"namespace\":\"acme\",\"doc\":\"A ride\","            \
    "\"aliases\":[\"Ride\",\"old.Journey\"],\"custom\":7,\"fields\":["                             \
    "{\"name\":\"id\",\"type\":{\"type\":\"string\",\"logicalType\":\"uuid\"},\"order\":"          \
    "\"ignore\"},"                                                                                 \
    "{\"name\":\"fare\",\"type\":[\"null\",{\"type\":\"bytes\",\"logicalType\":\"decimal\","       \
    "\"precision\":9,\"scale\":2}],\"default\":null,\"aliases\":[\"price\"]},"                     \
    "{\"name\":\"state\",\"type\":{\"type\":\"enum\",\"name\":\"State\",\"symbols\":[\"ON\","      \
    "\"OFF\"],\"default\":\"OFF\"},\"default\":\"ON\",\"order\":\"descending\"},"                  \
    "{\"name\":\"next\",\"type\":[\"null\",\"Trip\"]},"                                            \
    "{\"name\":\"tags\",\"type\":{\"type\":\"map\",\"values\":{\"type\":\"array\","                \
    "\"items\":\"State\"}},\"default\":{\"a\":[\"OFF\"]}}]}"

static void test_record(void **state)
{
    (void)state;
    const mr_schema *trip = parse(TRIP);
    assert_string_equal(trip->name, "acme.Trip");
    assert_string_equal(trip->doc, "A ride");
    assert_int_equal(trip->alias_count, 2);
    assert_string_equal(trip->aliases[0], "acme.Ride");
    assert_string_equal(trip->aliases[1], "old.Journey");
    assert_int_equal(trip->field_count, 5);
    assert_int_equal(trip->id, 0);
    assert_int_equal(trip->fields[0].schema->type, MR_UUID);
    assert_int_equal(trip->fields[0].schema->base, MR_STRING);
    assert_int_equal(trip->fields[0].order, 0);
    assert_null(trip->fields[0].dflt);
    const mr_field *fare = mr_schema_field(trip, "fare");
    assert_true(fare->schema->nullable);
    const mr_schema *decimal = mr_schema_strip_null(fare->schema);
    assert_int_equal(decimal->type, MR_DECIMAL);
    assert_int_equal(decimal->precision, 9);
    assert_int_equal(decimal->scale, 2);
    assert_int_equal(fare->dflt->type, MR_NULL);
    assert_string_equal(fare->aliases[0], "price");
    const mr_field *on = mr_schema_field(trip, "state");
    assert_string_equal(on->schema->name, "acme.State");
    assert_int_equal(on->schema->enum_default, 1);
    assert_int_equal(on->dflt->symbol, 0);
    assert_int_equal(on->order, -1);
    assert_ptr_equal(mr_schema_field(trip, "next")->schema->branches[1], trip);
    const mr_field *tags = mr_schema_field(trip, "tags");
    assert_ptr_equal(tags->schema->items->items, on->schema);
    assert_int_equal(tags->dflt->type, MR_MAP);
    assert_int_equal(tags->dflt->len, 1);
    assert_memory_equal(tags->dflt->as.cells[0].as.text, "a", 1);
    assert_int_equal(tags->dflt->as.cells[1].as.cells[0].symbol, 1);
    assert_null(mr_schema_field(trip, "nothing"));
    mr_schema_release(trip);
}

static void test_ids_are_unique(void **state)
{
    (void)state;
    const mr_schema *trip = parse(TRIP);
    const mr_schema *tags = mr_schema_field(trip, "tags")->schema;
    /* Trip, uuid, union, null, decimal, State, union, null, map, array: Trip and State once. */
    assert_int_equal(mr_schema_node_count(trip), 10);
    assert_int_equal(tags->items->id, 9);
    mr_schema_release(trip);
}

static void test_json_keeps_everything(void **state)
{
    (void)state;
    const mr_schema *trip = parse(TRIP);
    assert_string_equal(mr_schema_json(trip), TRIP);
    mr_schema_release(trip);
}

static void test_canonical_form(void **state)
{
    (void)state;
    const mr_schema *trip = parse(TRIP);
    assert_string_equal(
        mr_schema_canonical(trip),
        "{\"name\":\"acme.Trip\",\"type\":\"record\",\"fields\":[{\"name\":\"id\",\"type\":"
        "\"string\"},{\"name\":\"fare\",\"type\":[\"null\",\"bytes\"]},{\"name\":\"state\","
        "\"type\":{\"name\":\"acme.State\",\"type\":\"enum\",\"symbols\":[\"ON\",\"OFF\"]}},"
        "{\"name\":\"next\",\"type\":[\"null\",\"acme.Trip\"]},{\"name\":\"tags\",\"type\":"
        "{\"type\":\"map\",\"values\":{\"type\":\"array\",\"items\":\"acme.State\"}}}]}");
    assert_true(trip->fingerprint ==
                mr_fingerprint(mr_schema_canonical(trip), strlen(mr_schema_canonical(trip))));
    mr_schema_release(trip);
}

/* Fingerprints from the test data that the Avro project ships (share/test/data/schema-tests.txt).
 */
static void test_known_fingerprints(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        uint64_t fingerprint;
    } known[] = {
        {"\"null\"", 7195948357588979594u},
        {"{\"type\":\"boolean\"}", (uint64_t)-6970731678124411036},
        {"\"int\"", 8247732601305521295u},
        {"\"string\"", (uint64_t)-8142146995180207161},
        {"{ \"type\":\"fixed\", \"name\":\"foo\", \"size\":15 }", 1756455273707447556u},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const mr_schema *schema = parse(known[i].json);
        if (schema->fingerprint != known[i].fingerprint) {
            fail_msg("%s: %lld", known[i].json, (long long)schema->fingerprint);
        }
        mr_schema_release(schema);
    }
}

static void test_logical_types(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        mr_type type, base;
    } cases[] = {
        {"{\"type\":\"int\",\"logicalType\":\"date\"}", MR_DATE, MR_INT},
        {"{\"type\":\"int\",\"logicalType\":\"time-millis\"}", MR_TIME_MS, MR_INT},
        {"{\"type\":\"long\",\"logicalType\":\"time-micros\"}", MR_TIME_US, MR_LONG},
        {"{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}", MR_TIMESTAMP_MS, MR_LONG},
        {"{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}", MR_TIMESTAMP_US, MR_LONG},
        {"{\"type\":\"long\",\"logicalType\":\"local-timestamp-millis\"}", MR_LOCAL_TIMESTAMP_MS,
         MR_LONG},
        {"{\"type\":\"long\",\"logicalType\":\"local-timestamp-micros\"}", MR_LOCAL_TIMESTAMP_US,
         MR_LONG},
        {"{\"type\":\"fixed\",\"name\":\"d\",\"size\":12,\"logicalType\":\"duration\"}",
         MR_DURATION, MR_FIXED},
        {"{\"type\":\"fixed\",\"name\":\"u\",\"size\":16,\"logicalType\":\"uuid\"}", MR_UUID,
         MR_FIXED},
        {"{\"type\":\"fixed\",\"name\":\"d\",\"size\":4,\"logicalType\":\"decimal\","
         "\"precision\":9}",
         MR_DECIMAL, MR_FIXED},
        /* What does not fit is ignored. */
        {"{\"type\":\"fixed\",\"name\":\"d\",\"size\":4,\"logicalType\":\"decimal\","
         "\"precision\":10}",
         MR_FIXED, MR_FIXED},
        {"{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":2,\"scale\":3}", MR_BYTES,
         MR_BYTES},
        {"{\"type\":\"bytes\",\"logicalType\":\"decimal\"}", MR_BYTES, MR_BYTES},
        {"{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":\"9\"}", MR_BYTES,
         MR_BYTES},
        {"{\"type\":\"long\",\"logicalType\":\"date\"}", MR_LONG, MR_LONG},
        {"{\"type\":\"long\",\"logicalType\":\"timestamp-nanos\"}", MR_LONG, MR_LONG},
        {"{\"type\":\"string\",\"logicalType\":7}", MR_STRING, MR_STRING},
        {"{\"type\":\"fixed\",\"name\":\"d\",\"size\":11,\"logicalType\":\"duration\"}", MR_FIXED,
         MR_FIXED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const mr_schema *schema = parse(cases[i].json);
        assert_int_equal(schema->type, cases[i].type);
        assert_int_equal(schema->base, cases[i].base);
        mr_schema_release(schema);
    }
}

static void test_namespaces(void **state)
{
    (void)state;
    const mr_schema *s =
        parse("{\"type\":\"record\",\"name\":\"a.b.R\",\"namespace\":\"ignored\",\"fields\":["
              "{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":1}},"
              "{\"name\":\"y\",\"type\":{\"type\":\"fixed\",\"name\":\"G\",\"namespace\":\"\","
              "\"size\":1}},"
              "{\"name\":\"f\",\"type\":\"F\"},{\"name\":\"g\",\"type\":\"G\"},"
              "{\"name\":\"h\",\"type\":\"a.b.F\"},{\"name\":\"i\",\"type\":{\"type\":\"F\"}}]}");
    assert_string_equal(s->name, "a.b.R");
    assert_string_equal(s->fields[0].schema->name, "a.b.F");
    assert_string_equal(s->fields[1].schema->name, "G");
    assert_ptr_equal(s->fields[2].schema, s->fields[0].schema);
    assert_ptr_equal(s->fields[3].schema, s->fields[1].schema);
    assert_ptr_equal(s->fields[4].schema, s->fields[0].schema);
    assert_ptr_equal(s->fields[5].schema, s->fields[0].schema);
    mr_schema_release(s);
}

#define RECORD(fields)      "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
#define FIELD(type)         RECORD("{\"name\":\"x\",\"type\":" type "}")
#define DEFAULT(type, dflt) RECORD("{\"name\":\"x\",\"type\":" type ",\"default\":" dflt "}")

static void test_refused(void **state)
{
    (void)state;
    assert_refused("", "line 1 column 0");
    assert_refused("{\n  \"type\": \"int\",\n  }", "line 3");
    assert_refused("\"strnig\"", "\"strnig\" is neither an Avro type nor a type defined before");
    assert_refused("7", "a schema must be a string, an object or an array");
    assert_refused("[]", "0 branches");
    assert_refused("{\"name\":\"x\"}", "\"type\" is missing");
    assert_refused("[\"int\",\"int\"]", "at schema[1]: a second branch of type int");
    assert_refused("[\"long\",{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}]",
                   "a second branch of type long");
    assert_refused("[\"int\",[\"null\"]]", "union directly inside a union");
    assert_refused("{\"type\":\"array\"}", "an array needs \"items\"");
    assert_refused("{\"type\":\"map\"}", "a map needs \"values\"");
    assert_refused("{\"type\":\"fixed\",\"name\":\"f\"}", "\"size\"");
    assert_refused("{\"type\":\"fixed\",\"name\":\"f\",\"size\":-1}", "\"size\"");
    assert_refused("{\"type\":\"fixed\",\"size\":1}", "\"name\" is missing");
    assert_refused("{\"type\":\"record\",\"name\":\"1R\",\"fields\":[]}",
                   "\"1R\" is not an Avro name");
    assert_refused("{\"type\":\"record\",\"name\":\"a.\",\"fields\":[]}", "not an Avro name");
    assert_refused("{\"type\":\"record\",\"name\":\"int\",\"fields\":[]}", "primitive type");
    assert_refused("{\"type\":\"record\",\"name\":\"R\"}", "\"fields\"");
    assert_refused("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"A\"]}", "twice");
    assert_refused("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A-\"]}", "not an Avro name");
    assert_refused("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"],\"default\":\"B\"}",
                   "not one of the symbols");
    assert_refused(RECORD("{\"name\":\"x\",\"type\":\"int\"},{\"name\":\"x\",\"type\":\"int\"}"),
                   "at R.fields[1]: a field named \"x\" is already there");
    assert_refused(RECORD("{\"name\":\"x\",\"type\":\"int\",\"order\":\"up\"}"), "allowed");
    assert_refused(RECORD("{\"name\":\"x\"}"), "field \"x\" has no \"type\"");
    assert_refused(FIELD("{\"type\":\"array\",\"items\":\"Q\"}"), "at R.fields[0].type.items: ");
    assert_refused(FIELD("{\"type\":\"fixed\",\"name\":\"R\",\"size\":1}"), "already defined");
    assert_refused(RECORD("{\"name\":\"x\\u0000y\",\"type\":\"int\"}"), "NUL");
    mr_error err = refused(RECORD("{\"name\":\"pick up\",\"type\":\"int\"}"));
    assert_string_equal(err.field, "pick up");
}

static void test_defaults_refused(void **state)
{
    (void)state;
    assert_refused(DEFAULT("\"int\"", "\"7\""), "an integer is expected");
    assert_refused(DEFAULT("\"int\"", "2147483648"), "32 bits");
    assert_refused(DEFAULT("\"long\"", "1.5"), "an integer is expected");
    assert_refused(DEFAULT("\"float\"", "1e300"), "does not fit into a float");
    assert_refused(DEFAULT("\"double\"", "\"1\""), "a number is expected");
    assert_refused(DEFAULT("\"boolean\"", "0"), "true or false");
    assert_refused(DEFAULT("\"bytes\"", "\"\\u0100\""), "\\u00ff");
    assert_refused(DEFAULT("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "\"abc\""), "size");
    assert_refused(DEFAULT("[\"null\",\"int\"]", "\"null\""), "no branch");
    assert_refused(DEFAULT("{\"type\":\"array\",\"items\":\"int\"}", "{}"), "an array");
    assert_refused(DEFAULT("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", "\"B\""),
                   "one of the symbols");
    assert_refused(DEFAULT("\"R\"", "{}"), "contains itself");
    mr_error err = refused(DEFAULT("\"int\"", "\"7\""));
    assert_string_equal(err.field, "x");
}

static void test_default_of_a_record(void **state)
{
    (void)state;
    const mr_schema *s =
        parse(RECORD("{\"name\":\"in\",\"type\":{\"type\":\"record\",\"name\":\"In\",\"fields\":["
                     "{\"name\":\"a\",\"type\":\"int\"},"
                     "{\"name\":\"b\",\"type\":\"bytes\",\"default\":\"\\u00ff\\u0000z\"}]},"
                     "\"default\":{\"a\":5}}"));
    const mr_cell *dflt = s->fields[0].dflt;
    assert_int_equal(dflt->type, MR_RECORD);
    assert_int_equal(dflt->len, 2);
    assert_int_equal(dflt->as.cells[0].as.i, 5);
    assert_int_equal(dflt->as.cells[1].len, 3);
    assert_memory_equal(dflt->as.cells[1].as.text, "\xff\0z", 3);
    mr_schema_release(s);
}

/* Each record's default holds the next one's twice: 2^40 values, if anyone let it. */
static void test_default_that_explodes(void **state)
{
    (void)state;
    char json[8192];
    size_t len = (size_t)snprintf(json, sizeof json,
                                  "[{\"type\":\"record\",\"name\":\"R0\","
                                  "\"fields\":[]}");
    for (int i = 1; i <= 40; i++) {
        len += (size_t)snprintf(json + len, sizeof json - len,
                                ",{\"type\":\"record\",\"name\":\"R%d\",\"fields\":["
                                "{\"name\":\"a\",\"type\":\"R%d\",\"default\":{}},"
                                "{\"name\":\"b\",\"type\":\"R%d\",\"default\":{}}]}",
                                i, i - 1, i - 1);
    }
    snprintf(json + len, sizeof json - len, "]");
    assert_refused(json, "more than 65536 values");
}

static void test_limits(void **state)
{
    (void)state;
    char json[4096] = "";
    for (int i = 0; i < 70; i++) {
        strcat(json, "{\"type\":\"array\",\"items\":");
    }
    strcat(json, "\"int\"");
    for (int i = 0; i < 70; i++) {
        strcat(json, "}");
    }
    assert_refused(json, "nested deeper than 64");

    size_t size = (1 << 20) + 1;
    char *big = malloc(size);
    memset(big, ' ', size);
    const mr_schema *schema;
    mr_error err;
    assert_int_equal(mr_schema_parse(big, size, &schema, &err), MR_FATAL);
    assert_non_null(strstr(err.text, "at most 1048576"));
    free(big);
}

static void test_references(void **state)
{
    (void)state;
    const mr_schema *s = parse("\"int\"");
    assert_ptr_equal(mr_schema_acquire(s), s);
    mr_schema_release(s);
    assert_string_equal(mr_schema_json(s), "\"int\"");
    mr_schema_release(s);
    mr_schema_release(NULL);
}

static void test_builder(void **state)
{
    (void)state;
    mr_schema_builder *b = mr_schema_builder_new("acme.Out");
    mr_schema_builder_add(b, "id", MR_UUID, false, 0, 0);
    mr_schema_builder_add(b, "fare", MR_DECIMAL, true, 9, 2);
    mr_schema_builder_add(b, "at", MR_TIMESTAMP_US, false, 0, 0);
    mr_schema_builder_add(b, "n", MR_LONG, true, 0, 0);
    mr_schema_builder_add(b, "span", MR_DURATION, true, 0, 0);
    mr_schema_builder_add(b, "wait", MR_DURATION, false, 0, 0);
    const mr_schema *s;
    mr_error err;
    assert_int_equal(mr_schema_builder_finish(b, &s, &err), MR_OK);
    assert_string_equal(s->name, "acme.Out");
    assert_int_equal(s->fields[0].schema->type, MR_UUID);
    assert_int_equal(mr_schema_strip_null(s->fields[1].schema)->precision, 9);
    assert_int_equal(s->fields[1].schema->branches[0]->type, MR_NULL);
    assert_int_equal(s->fields[1].dflt->type, MR_NULL);
    assert_int_equal(s->fields[2].schema->type, MR_TIMESTAMP_US);
    assert_int_equal(mr_schema_strip_null(s->fields[4].schema)->type, MR_DURATION);
    assert_ptr_equal(mr_schema_strip_null(s->fields[4].schema), s->fields[5].schema);
    const mr_schema *again = parse(mr_schema_json(s));
    assert_string_equal(mr_schema_json(again), mr_schema_json(s));
    assert_true(again->fingerprint == s->fingerprint);
    mr_schema_release(again);
    mr_schema_release(s);
}

static void test_builder_copies(void **state)
{
    (void)state;
    const mr_schema *trip = parse(TRIP);
    mr_schema_builder *b = mr_schema_builder_new("acme.Out");
    mr_schema_builder_add_copy(b, "whole", trip, true);
    mr_schema_builder_add_copy(b, "state", mr_schema_field(trip, "state")->schema, false);
    mr_schema_builder_add_copy(b, "tags", mr_schema_field(trip, "tags")->schema, false);
    mr_schema_builder_add_copy(b, "fare", mr_schema_field(trip, "fare")->schema, true);
    mr_schema_release(trip);
    const mr_schema *s;
    mr_error err = {0};
    assert_int_equal(mr_schema_builder_finish(b, &s, &err), MR_OK);
    const mr_schema *whole = mr_schema_strip_null(s->fields[0].schema);
    assert_string_equal(whole->name, "acme.Trip");
    assert_string_equal(whole->doc, "A ride");
    assert_string_equal(whole->aliases[1], "old.Journey");
    assert_int_equal(whole->fields[0].order, 0);
    assert_string_equal(whole->fields[1].aliases[0], "price");
    assert_int_equal(mr_schema_field(whole, "tags")->dflt->len, 1);
    assert_ptr_equal(s->fields[1].schema, mr_schema_field(whole, "state")->schema);
    assert_ptr_equal(s->fields[2].schema->items->items, s->fields[1].schema);
    assert_int_equal(s->fields[3].schema->branch_count, 2);
    assert_int_equal(s->fields[3].dflt->type, MR_NULL);
    mr_schema_release(s);
}

static void test_builder_refuses(void **state)
{
    (void)state;
    const mr_schema *s;
    mr_error err;
    mr_schema_builder *b = mr_schema_builder_new("Out");
    mr_schema_builder_add(b, "total fare", MR_LONG, false, 0, 0);
    assert_int_equal(mr_schema_builder_finish(b, &s, &err), MR_FATAL);
    assert_string_equal(err.field, "total fare");

    b = mr_schema_builder_new("Out");
    mr_schema_builder_add(b, "n", MR_LONG, false, 0, 0);
    mr_schema_builder_add(b, "n", MR_LONG, false, 0, 0);
    assert_int_equal(mr_schema_builder_finish(b, &s, &err), MR_FATAL);
    assert_string_equal(err.field, "n");

    b = mr_schema_builder_new("Out");
    mr_schema_builder_add(b, "d", MR_DECIMAL, false, 0, 0);
    assert_int_equal(mr_schema_builder_finish(b, &s, &err), MR_FATAL);
    assert_string_equal(err.field, "d");

    b = mr_schema_builder_new("Out");
    mr_schema_builder_add(b, "a", MR_ARRAY, false, 0, 0);
    assert_int_equal(mr_schema_builder_finish(b, &s, &err), MR_FATAL);
    assert_string_equal(err.field, "a");

    /* Two types of one name that differ. */
    const mr_schema *one = parse("{\"type\":\"fixed\",\"name\":\"F\",\"size\":1}");
    const mr_schema *two = parse("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}");
    b = mr_schema_builder_new("Out");
    mr_schema_builder_add_copy(b, "a", one, false);
    mr_schema_builder_add_copy(b, "b", one, false);
    mr_schema_builder_add_copy(b, "c", two, false);
    assert_int_equal(mr_schema_builder_finish(b, &s, &err), MR_FATAL);
    assert_string_equal(err.field, "c");
    mr_schema_release(one);
    mr_schema_release(two);

    mr_schema_builder_free(mr_schema_builder_new("Out"));
    mr_schema_builder_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_primitives),
        cmocka_unit_test(test_record),
        cmocka_unit_test(test_ids_are_unique),
        cmocka_unit_test(test_json_keeps_everything),
        cmocka_unit_test(test_canonical_form),
        cmocka_unit_test(test_known_fingerprints),
        cmocka_unit_test(test_logical_types),
        cmocka_unit_test(test_namespaces),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_defaults_refused),
        cmocka_unit_test(test_default_of_a_record),
        cmocka_unit_test(test_default_that_explodes),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_builder),
        cmocka_unit_test(test_builder_copies),
        cmocka_unit_test(test_builder_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
