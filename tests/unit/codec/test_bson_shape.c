/* SPDX-License-Identifier: Apache-2.0 */
/* What shapes learn, which schemas they make, and how documents become cells of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "bson_random.h"
#include "codec/avro.h"
#include "codec/bson_shape.h"
#include "codec/schema.h"

static mr_bson_shape *new_shape(bool widen, size_t fields_max, size_t depth_max)
{
    mr_bson_shape_options options = {"taxi.trips", widen, fields_max, depth_max};
    return mr_bson_shape_new(&options);
}

static const mr_schema *schema_of(mr_bson_shape *shape)
{
    const mr_schema *schema;
    mr_error err;
    if (mr_bson_shape_schema(shape, &schema, &err)) {
        fail_msg("%s", err.text);
    }
    return schema;
}

/* Documents of JSON; freed by the arena. */
static mr_slice doc(mr_arena *arena, const char *json)
{
    mr_buffer out = MR_BUFFER_INIT(1 << 24);
    size_t begun = mr_bson_begin(&out);
    if (!mr_bson_add_json_fields(&out, (mr_slice){json, strlen(json)})) {
        fail_msg("no JSON: %s", json);
    }
    mr_bson_end(&out, begun);
    mr_slice ret = {mr_arena_copy(arena, out.data, out.len), out.len};
    mr_error err;
    assert_int_equal(mr_bson_check(ret.data, ret.len, &err), MR_OK);
    mr_buffer_release(&out);
    return ret;
}

static mr_bson_decoder *decoder_of(const mr_schema *schema)
{
    mr_bson_decoder *decoder;
    mr_error err;
    if (mr_bson_decoder_new(schema, &decoder, &err)) {
        fail_msg("%s", err.text);
    }
    return decoder;
}

static const mr_schema *parse(const char *json)
{
    const mr_schema *schema;
    mr_error err;
    if (mr_schema_parse(json, strlen(json), &schema, &err)) {
        fail_msg("%s", err.text);
    }
    return schema;
}

#define RECORD(name, fields)                                                                       \
    "{\"type\":\"record\",\"name\":\"" name                                                        \
    "\",\"aliases\":[\"millrace.Document\"],\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type ",\"default\":null}"

/* --- Schemas ---------------------------------------------------------------------------------- */

/* All documents learnt in one go make this schema. */
static void expect_schema(bool widen, const char *const *documents, const char *want)
{
    mr_arena *arena = mr_arena_new();
    mr_bson_shape *shape = new_shape(widen, 1000, 20);
    for (size_t i = 0; documents[i]; i++) {
        mr_bson_shape_learn(shape, doc(arena, documents[i]));
    }
    const mr_schema *schema = schema_of(shape);
    assert_string_equal(mr_schema_json(schema), want);
    mr_schema_release(schema);
    mr_bson_shape_free(shape);
    mr_arena_free(arena);
}

static void every_type_has_its_own(void **state)
{
    (void)state;
    static const char *const documents[] = {
        "{\"_id\":{\"$oid\":\"656f00010203040506070809\"},\"b\":true,\"i\":1,"
        "\"l\":{\"$numberLong\":\"1\"},\"d\":1.5,\"s\":\"x\",\"t\":{\"$date\":{\"$numberLong\":"
        "\"5\"}},\"z\":{\"$binary\":{\"base64\":\"AA==\",\"subType\":\"00\"}},"
        "\"u\":{\"$uuid\":\"656f0001-0203-0405-0607-08090a0b0c0d\"},"
        "\"m\":{\"$numberDecimal\":\"1.20\"},\"n\":null,\"r\":{\"$regularExpression\":{\"pattern\":"
        "\"a\",\"options\":\"\"}},\"o\":{\"x\":1},\"a\":[1,\"x\",{\"y\":2}],\"e\":[],"
        "\"id2\":{\"$oid\":\"656f00010203040506070809\"}}",
        NULL};
    expect_schema(true, documents,
                  RECORD("taxi.trips",
                         FIELD(
                             "_id",
                             "[\"null\",{\"name\":\"millrace.ObjectId\",\"type\":\"fixed\","
                             "\"size\":12}]") "," FIELD("b",
                                                        "[\"null\",\"boolean\"]") "," FIELD("i", "["
                                                                                                 "\"null\",\"int\"]") "," FIELD("l",
                                                                                                                                "[\"null\",\"long\"]") "," FIELD("d",
                                                                                                                                                                 "[\"null\",\"double\"]") "," FIELD("s",
                                                                                                                                                                                                    "[\"null\",\"string\"]") "," FIELD("t",
                                                                                                                                                                                                                                       "[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}]") "," FIELD("z", "[\"null\",\"bytes\"]") "," FIELD("u",
                                                                                                                                                                                                                                                                                                                                                               "[\"null\",{\"name\":\"millrace.Uuid\",\"type\":\"fixed\",\"size\":16,"
                                                                                                                                                                                                                                                                                                                                                               "\"logicalType\":\"uuid\"}]") "," FIELD("m", "[\"null\",{\"name\":\"millrace.Decimal128\",\"type\":\"fixed\","
                                                                                                                                                                                                                                                                                                                                                                                                            "\"size\":16}]") "," FIELD("n", "\"null\"") "," FIELD("r", "[\"null\",{\"name\":\"millrace.Json\",\"type\":\"record\",\"fields\":"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                       "[{\"name\":\"json\",\"type\":\"string\"}]}]") "," FIELD("o",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                "[\"null\"," RECORD(
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                    "taxi.trips.o",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                    FIELD(
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                        "x",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                        "[\"null\",\"int\"]")) "]") "," FIELD("a",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                              "[\"null\",{\"type\":\"array\",\"items\":[\"int\",\"string\"," RECORD("taxi.trips.a", FIELD(
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                        "y",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                        "[\"null\",\"int\"]")) "]}]") "," FIELD("e",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                "[\"null\",{\"type\":\"array\",\"items\":\"null\"}]") "," FIELD("id2", "[\"null\",\"millrace.ObjectId\"]")));
}

static void numbers_widen(void **state)
{
    (void)state;
    static const char *const documents[] = {
        "{\"a\":1,\"b\":1,\"c\":1.5,\"d\":1}",
        "{\"a\":{\"$numberLong\":\"1\"},\"b\":2.5,\"c\":{\"$numberLong\":\"1\"},\"d\":1.5}",
        "{\"a\":1,\"b\":1,\"c\":1,\"d\":{\"$numberLong\":\"1\"}}", NULL};
    expect_schema(
        true, documents,
        RECORD("taxi.trips",
               FIELD("a", "[\"null\",\"long\"]") "," FIELD("b", "[\"null\",\"double\"]") "," FIELD(
                   "c",
                   "[\"null\",\"double\",\"long\"]") "," FIELD("d",
                                                               "[\"null\",\"double\",\"long\"]")));
}

static void numbers_do_not_widen_unasked(void **state)
{
    (void)state;
    static const char *const documents[] = {"{\"a\":{\"$numberLong\":\"1\"}}", "{\"a\":1}",
                                            "{\"a\":1.5}", NULL};
    expect_schema(false, documents,
                  "{\"type\":\"record\",\"name\":\"taxi.trips\",\"aliases\":[\"millrace.Document\","
                  "\"millrace.Unwidened\"],\"fields\":[" FIELD(
                      "a", "[\"null\",\"long\",\"int\",\"double\"]") "]}");
}

/* Neither may an old int be read as a date, nor can a union have both. */
static void dates_do_not_mix_with_longs(void **state)
{
    (void)state;
    static const char *const documents[] = {
        "{\"a\":{\"$date\":{\"$numberLong\":\"5\"}},\"b\":{\"$numberLong\":\"1\"},"
        "\"c\":{\"$date\":{\"$numberLong\":\"5\"}}}",
        "{\"a\":{\"$numberLong\":\"1\"},\"b\":{\"$date\":{\"$numberLong\":\"5\"}},\"c\":1}",
        "{\"c\":1.5}", NULL};
    expect_schema(
        true, documents,
        RECORD(
            "taxi.trips",
            FIELD("a",
                  "[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},"
                  "{\"name\":\"millrace.Json\",\"type\":\"record\",\"fields\":"
                  "[{\"name\":\"json\",\"type\":\"string\"}]}]") "," FIELD("b", "[\"null\","
                                                                                "\"long\","
                                                                                "\"millrace."
                                                                                "Json\"]") "," FIELD("c",
                                                                                                     "[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},"
                                                                                                     "\"int\",\"double\"]")));
}

static void names_become_avro_names(void **state)
{
    (void)state;
    static const char *const documents[] = {
        "{\"\":1,\"a.b\":1,\"a_b\":1,\"$x\":1,\"7up\":1,\"Z\xc3\xbc\":1,\"a\\\"b\":1,"
        "\"double\":{\"x\":1}}",
        NULL};
    expect_schema(
        true, documents,
        RECORD(
            "taxi.trips",
            "{\"name\":\"_\",\"type\":[\"null\",\"int\"],\"default\":null,\"doc\":\"\"},"
            "{\"name\":\"a_b\",\"type\":[\"null\",\"int\"],\"default\":null,\"doc\":\"a.b\"},"
            "{\"name\":\"a_b_2\",\"type\":[\"null\",\"int\"],\"default\":null,\"doc\":\"a_b\"},"
            "{\"name\":\"_x\",\"type\":[\"null\",\"int\"],\"default\":null,\"doc\":\"$x\"},"
            "{\"name\":\"_7up\",\"type\":[\"null\",\"int\"],\"default\":null,\"doc\":\"7up\"},"
            "{\"name\":\"Z__\",\"type\":[\"null\",\"int\"],\"default\":null,"
            "\"doc\":\"Z\xc3\xbc\"},"
            "{\"name\":\"a_b_3\",\"type\":[\"null\",\"int\"],\"default\":null,"
            "\"doc\":\"a\\\"b\"}," FIELD(
                "double", "[\"null\"," RECORD("taxi.trips.double_", FIELD("x", "[\"null\","
                                                                               "\"int\"]")) "]")));
}

static void learning_tells_what_is_new(void **state)
{
    (void)state;
    mr_arena *arena = mr_arena_new();
    mr_bson_shape *shape = new_shape(true, 1000, 20);
    assert_true(mr_bson_shape_learn(shape, doc(arena, "{\"a\":1,\"l\":[1]}")));
    assert_false(mr_bson_shape_learn(shape, doc(arena, "{\"a\":2,\"l\":[]}")));
    assert_false(mr_bson_shape_learn(shape, doc(arena, "{\"l\":[3,4]}")));
    assert_true(mr_bson_shape_learn(shape, doc(arena, "{\"l\":[null]}")));
    assert_true(mr_bson_shape_learn(shape, doc(arena, "{\"a\":1.5}")));
    assert_false(mr_bson_shape_learn(shape, doc(arena, "{\"a\":1}")));
    assert_false(mr_bson_shape_learn(shape, doc(arena, "{}")));
    mr_bson_shape_free(shape);
    mr_arena_free(arena);
}

/* --- Too deep and too wide -------------------------------------------------------------------- */

static const mr_field *field(const mr_schema *record, const char *name)
{
    const mr_field *f = mr_schema_field(mr_schema_strip_null(record), name);
    if (!f) {
        fail_msg("no field %s", name);
    }
    return f;
}

/* 100 levels: those below depth_max are JSON, and all of it comes back. */
static void deep_documents_become_json(void **state)
{
    (void)state;
    mr_arena *arena = mr_arena_new();
    mr_buffer json = MR_BUFFER_INIT(1 << 20);
    for (int i = 0; i < 100; i++) {
        mr_buffer_add_text(&json, i % 3 == 2 ? "[1," : "{\"a\":");
    }
    mr_buffer_add_text(&json, "7");
    for (int i = 99; i >= 0; i--) {
        mr_buffer_add_char(&json, i % 3 == 2 ? ']' : '}');
    }
    mr_slice deep = doc(arena, mr_buffer_text(&json));
    mr_bson_shape *shape = new_shape(true, 1000, 99);
    assert_true(mr_bson_shape_learn(shape, deep));
    const mr_schema *schema = schema_of(shape), *s = schema;
    size_t levels = 0;
    for (; strcmp(s->name ? s->name : "", MR_JSON_NAME) != 0; levels++) {
        s = mr_schema_strip_null(s->items ? s->items->branches[1] : s->fields[0].schema);
        s = s->type == MR_UNION ? s->branches[1] : s;
    }
    assert_int_equal(levels, MR_SHAPE_DEPTH_MAX);
    mr_bson_decoder *decoder = decoder_of(schema);
    mr_cell cell;
    mr_error err;
    assert_int_equal(mr_bson_decode(decoder, deep, false, arena, &cell, &err), MR_BSON_INEXACT);
    mr_buffer back = MR_BUFFER_INIT(1 << 20);
    mr_bson_encoder *encoder = mr_bson_encoder_new(schema);
    assert_int_equal(mr_bson_encode(encoder, &cell, &back, &err), MR_OK);
    assert_int_equal(back.len, deep.len);
    assert_memory_equal(back.data, deep.data, deep.len);
    mr_bson_encoder_free(encoder);
    mr_bson_decoder_free(decoder);
    mr_schema_release(schema);
    mr_bson_shape_free(shape);
    mr_buffer_release(&json);
    mr_buffer_release(&back);
    mr_arena_free(arena);
}

/* {"_id":1,"by_day":{"d0":{"n":1},...},"x":1}: keys that are data. */
static mr_slice wide(mr_arena *arena, int from, int count)
{
    mr_buffer json = MR_BUFFER_INIT(1 << 20);
    mr_buffer_add_text(&json, "{\"_id\":1,\"by_day\":{");
    for (int i = 0; i < count; i++) {
        mr_buffer_printf(&json, "%s\"d%d\":{\"n\":1}", i ? "," : "", from + i);
    }
    mr_buffer_add_text(&json, "},\"x\":1}");
    mr_slice ret = doc(arena, mr_buffer_text(&json));
    mr_buffer_release(&json);
    return ret;
}

static void keys_that_are_data_become_json(void **state)
{
    (void)state;
    mr_arena *arena = mr_arena_new();
    mr_bson_shape *shape = new_shape(true, 100, 20);
    for (int i = 0; i < 20; i++) {
        mr_bson_shape_learn(shape, wide(arena, i * 7, 7));
    }
    const mr_schema *schema = schema_of(shape);
    assert_int_equal(schema->field_count, 3);
    assert_string_equal(mr_schema_strip_null(field(schema, "by_day")->schema)->name, MR_JSON_NAME);
    assert_false(mr_bson_shape_learn(shape, wide(arena, 5000, 500)));
    mr_schema_release(schema);
    mr_bson_shape_free(shape);
    mr_arena_free(arena);
}

/* What was handed out as a record stays one; what it cannot take goes to its rest. */
static void known_records_keep_a_rest(void **state)
{
    (void)state;
    mr_arena *arena = mr_arena_new();
    mr_bson_shape *shape = new_shape(true, 20, 20);
    mr_bson_shape_learn(shape, wide(arena, 0, 3));
    const mr_schema *first = schema_of(shape), *second;
    mr_slice more = wide(arena, 100, 40);
    assert_true(mr_bson_shape_learn(shape, more));
    second = schema_of(shape);
    mr_error err;
    assert_int_equal(mr_schema_can_read(second, first, &err), MR_OK);
    const mr_schema *by_day = mr_schema_strip_null(field(second, "by_day")->schema);
    assert_string_equal(by_day->name, "taxi.trips.by_day");
    assert_string_equal(field(by_day, "_rest")->aliases[0], MR_BSON_REST);

    mr_bson_decoder *decoder = decoder_of(second);
    mr_cell cell;
    assert_int_equal(mr_bson_decode(decoder, more, false, arena, &cell, &err), MR_BSON_INEXACT);
    mr_buffer back = MR_BUFFER_INIT(1 << 20);
    mr_bson_encoder *encoder = mr_bson_encoder_new(second);
    assert_int_equal(mr_bson_encode(encoder, &cell, &back, &err), MR_OK);
    assert_true(mr_bson_same(more, (mr_slice){back.data, back.len}));
    /* Anything goes from now on. */
    mr_slice other = wide(arena, 900, 77);
    assert_int_equal(mr_bson_decode(decoder, other, false, arena, &cell, &err), MR_BSON_INEXACT);
    assert_false(mr_bson_shape_learn(shape, other));

    mr_bson_encoder_free(encoder);
    mr_bson_decoder_free(decoder);
    mr_buffer_release(&back);
    mr_schema_release(first);
    mr_schema_release(second);
    mr_bson_shape_free(shape);
    mr_arena_free(arena);
}

static void a_wide_root_keeps_a_rest(void **state)
{
    (void)state;
    mr_arena *arena = mr_arena_new();
    mr_bson_shape *shape = new_shape(true, 3, 20);
    mr_slice document = doc(arena, "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":{\"f\":[1,2]}}");
    mr_bson_shape_learn(shape, document);
    const mr_schema *schema = schema_of(shape);
    assert_int_equal(schema->field_count, 4);
    mr_bson_decoder *decoder = decoder_of(schema);
    mr_cell cell;
    mr_error err;
    assert_int_equal(mr_bson_decode(decoder, document, false, arena, &cell, &err), MR_BSON_INEXACT);
    const mr_cell *json = cell.as.cells[3].as.cells;
    static const char want[] = "{\"d\":{\"$numberInt\":\"4\"},\"e\":{\"f\":[{\"$numberInt\":\"1\"},"
                               "{\"$numberInt\":\"2\"}]}}";
    assert_int_equal(json->len, strlen(want));
    assert_memory_equal(json->as.text, want, json->len);
    mr_buffer back = MR_BUFFER_INIT(1 << 20);
    mr_bson_encoder *encoder = mr_bson_encoder_new(schema);
    assert_int_equal(mr_bson_encode(encoder, &cell, &back, &err), MR_OK);
    assert_int_equal(back.len, document.len);
    assert_memory_equal(back.data, document.data, back.len);
    mr_buffer_release(&back);
    mr_bson_encoder_free(encoder);
    mr_bson_decoder_free(decoder);
    mr_schema_release(schema);
    mr_bson_shape_free(shape);
    mr_arena_free(arena);
}

/* --- Given schemas ---------------------------------------------------------------------------- */

/* One conversion: {"v": from} into a record with the field v of type `type`; `fit` and, as JSON of
 * the document that comes back, `back`. */
static const struct conversion {
    const char *type, *from;
    mr_bson_fit fit;
    const char *back;
} conversions[] = {
    {"\"long\"", "1", MR_BSON_INEXACT, "{\"$numberLong\":\"1\"}"},
    {"\"double\"", "1", MR_BSON_INEXACT, "{\"$numberDouble\":\"1.0\"}"},
    {"\"float\"", "16777217", MR_BSON_MISFIT, NULL},
    {"\"float\"", "16777216", MR_BSON_INEXACT, "{\"$numberDouble\":\"16777216.0\"}"},
    {"\"float\"", "0.5", MR_BSON_EXACT, "{\"$numberDouble\":\"0.5\"}"},
    {"\"float\"", "0.1", MR_BSON_MISFIT, NULL},
    {"\"float\"", "1e300", MR_BSON_MISFIT, NULL},
    {"\"int\"", "3.0", MR_BSON_INEXACT, "{\"$numberInt\":\"3\"}"},
    {"\"int\"", "3.5", MR_BSON_MISFIT, NULL},
    {"\"int\"", "-0.0", MR_BSON_MISFIT, NULL},
    {"\"int\"", "3e9", MR_BSON_MISFIT, NULL},
    {"\"int\"", "{\"$numberLong\":\"-7\"}", MR_BSON_INEXACT, "{\"$numberInt\":\"-7\"}"},
    {"\"int\"", "{\"$numberLong\":\"2147483648\"}", MR_BSON_MISFIT, NULL},
    {"\"int\"", "{\"$numberDecimal\":\"12E1\"}", MR_BSON_INEXACT, "{\"$numberInt\":\"120\"}"},
    {"\"int\"", "{\"$numberDecimal\":\"1.2\"}", MR_BSON_MISFIT, NULL},
    {"\"int\"", "{\"$numberDecimal\":\"NaN\"}", MR_BSON_MISFIT, NULL},
    {"\"long\"", "9.3e18", MR_BSON_MISFIT, NULL},
    {"\"long\"", "{\"$numberDouble\":\"NaN\"}", MR_BSON_MISFIT, NULL},
    {"\"double\"", "{\"$numberLong\":\"9007199254740993\"}", MR_BSON_MISFIT, NULL},
    {"\"double\"", "{\"$numberLong\":\"9223372036854775807\"}", MR_BSON_MISFIT, NULL},
    {"\"double\"", "{\"$numberDecimal\":\"0.1\"}", MR_BSON_INEXACT, "{\"$numberDouble\":\"0.1\"}"},
    {"\"double\"", "{\"$numberDecimal\":\"0.1000000000000000055\"}", MR_BSON_MISFIT, NULL},
    {"{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":6,\"scale\":2}", "12.5",
     MR_BSON_INEXACT, "{\"$numberDecimal\":\"12.50\"}"},
    {"{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":6,\"scale\":2}", "-0.07",
     MR_BSON_INEXACT, "{\"$numberDecimal\":\"-0.07\"}"},
    {"{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":6,\"scale\":2}", "0.005",
     MR_BSON_MISFIT, NULL},
    {"{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":6,\"scale\":2}", "12345",
     MR_BSON_MISFIT, NULL},
    {"{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":6,\"scale\":2}", "0",
     MR_BSON_INEXACT, "{\"$numberDecimal\":\"0.00\"}"},
    {"{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":40,\"scale\":2}",
     "{\"$numberDecimal\":\"-99999999999999999999999999999999.99\"}", MR_BSON_INEXACT,
     "{\"$numberDecimal\":\"-99999999999999999999999999999999.99\"}"},
    {"{\"type\":\"fixed\",\"name\":\"D\",\"size\":3,\"logicalType\":\"decimal\",\"precision\":6,"
     "\"scale\":0}",
     "-128", MR_BSON_INEXACT, "{\"$numberDecimal\":\"-128\"}"},
    {"\"string\"", "{\"$oid\":\"656f00010203040506070809\"}", MR_BSON_INEXACT,
     "\"656f00010203040506070809\""},
    {"\"string\"", "{\"$uuid\":\"656f0001-0203-0405-0607-08090a0b0c0d\"}", MR_BSON_INEXACT,
     "\"656f0001-0203-0405-0607-08090a0b0c0d\""},
    {"\"string\"", "1", MR_BSON_MISFIT, NULL},
    {"{\"type\":\"string\",\"logicalType\":\"uuid\"}",
     "{\"$uuid\":\"656f0001-0203-0405-0607-08090a0b0c0d\"}", MR_BSON_EXACT,
     "{\"$binary\":{\"base64\":\"ZW8AAQIDBAUGBwgJCgsMDQ==\",\"subType\":\"04\"}}"},
    {"{\"type\":\"string\",\"logicalType\":\"uuid\"}", "\"656F0001-0203-0405-0607-08090a0b0c0d\"",
     MR_BSON_INEXACT, "{\"$binary\":{\"base64\":\"ZW8AAQIDBAUGBwgJCgsMDQ==\",\"subType\":\"04\"}}"},
    {"{\"type\":\"string\",\"logicalType\":\"uuid\"}", "\"656F0001\"", MR_BSON_MISFIT, NULL},
    {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}", "\"B\"", MR_BSON_EXACT,
     "\"B\""},
    {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}", "\"C\"", MR_BSON_MISFIT, NULL},
    {"{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}",
     "{\"$date\":\"2019-03-23T20:21:09.123Z\"}", MR_BSON_EXACT,
     "{\"$date\":{\"$numberLong\":\"1553372469123\"}}"},
    {"{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}",
     "{\"$date\":{\"$numberLong\":\"9223372036854775807\"}}", MR_BSON_MISFIT, NULL},
    {"{\"type\":\"int\",\"logicalType\":\"date\"}", "{\"$date\":\"1969-12-31T00:00:00Z\"}",
     MR_BSON_EXACT, "{\"$date\":{\"$numberLong\":\"-86400000\"}}"},
    {"{\"type\":\"int\",\"logicalType\":\"date\"}", "{\"$date\":\"1969-12-31T00:00:01Z\"}",
     MR_BSON_MISFIT, NULL},
    {"\"bytes\"", "{\"$binary\":{\"base64\":\"YWJj\",\"subType\":\"05\"}}", MR_BSON_INEXACT,
     "{\"$binary\":{\"base64\":\"YWJj\",\"subType\":\"00\"}}"},
    {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}",
     "{\"$binary\":{\"base64\":\"YWJj\",\"subType\":\"00\"}}", MR_BSON_EXACT,
     "{\"$binary\":{\"base64\":\"YWJj\",\"subType\":\"00\"}}"},
    {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":4}",
     "{\"$binary\":{\"base64\":\"YWJj\",\"subType\":\"00\"}}", MR_BSON_MISFIT, NULL},
    {"{\"type\":\"map\",\"values\":[\"null\",\"int\"]}", "{\"b\":1,\"a\":null,\"b.c\":2}",
     MR_BSON_EXACT, "{\"b\":{\"$numberInt\":\"1\"},\"a\":null,\"b.c\":{\"$numberInt\":\"2\"}}"},
    {"{\"type\":\"map\",\"values\":\"int\"}", "{\"b\":1,\"a\":null}", MR_BSON_MISFIT, NULL},
    {"[\"int\",\"string\"]", "null", MR_BSON_MISFIT, NULL},
    {"[\"int\",\"null\"]", "null", MR_BSON_EXACT, "null"},
    {"[\"int\",{\"type\":\"record\",\"name\":\"millrace.Json\",\"fields\":[{\"name\":\"json\","
     "\"type\":\"string\"}]}]",
     "{\"b\":[1,{\"$minKey\":1}]}", MR_BSON_INEXACT,
     "{\"b\":[{\"$numberInt\":\"1\"},{\"$minKey\":1}]}"},
    {"[{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"x\",\"type\":\"int\"}]},"
     "{\"type\":\"record\",\"name\":\"B\",\"fields\":[{\"name\":\"x\",\"type\":\"int\"},"
     "{\"name\":\"y\",\"type\":\"int\"}]}]",
     "{\"x\":1,\"y\":2}", MR_BSON_EXACT,
     "{\"x\":{\"$numberInt\":\"1\"},\"y\":{\"$numberInt\":\"2\"}}"},
    {"[{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"x\",\"type\":\"int\"}]},"
     "{\"type\":\"map\",\"values\":\"int\"}]",
     "{\"z\":1}", MR_BSON_EXACT, "{\"z\":{\"$numberInt\":\"1\"}}"},
    {"{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"x\",\"type\":\"int\"},{\"name\":"
     "\"y\",\"type\":\"int\",\"default\":9}]}",
     "{\"x\":1}", MR_BSON_INEXACT, "{\"x\":{\"$numberInt\":\"1\"},\"y\":{\"$numberInt\":\"9\"}}"},
    {"{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"x\",\"aliases\":[\"_x\"],"
     "\"type\":\"int\"}]}",
     "{\"_x\":1}", MR_BSON_INEXACT, "{\"x\":{\"$numberInt\":\"1\"}}"},
    {"{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"x\",\"type\":[\"null\",\"A\"],"
     "\"default\":null}]}",
     "{\"x\":{\"x\":{\"x\":null}}}", MR_BSON_EXACT, "{\"x\":{\"x\":{\"x\":null}}}"},
};

static void given_types_take_what_fits(void **state)
{
    (void)state;
    mr_arena *arena = mr_arena_new();
    for (size_t i = 0; i < sizeof conversions / sizeof *conversions; i++) {
        const struct conversion *c = &conversions[i];
        const mr_schema *schema = parse(mr_arena_format(
            arena, "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"v\",\"type\":%s}]}",
            c->type));
        mr_bson_decoder *decoder = decoder_of(schema);
        mr_slice document = doc(arena, mr_arena_format(arena, "{\"v\":%s}", c->from));
        mr_cell cell;
        mr_error err = {0};
        mr_bson_fit fit = mr_bson_decode(decoder, document, false, arena, &cell, &err);
        if (fit != c->fit) {
            fail_msg("%s of %s: %d instead of %d (%s)", c->type, c->from, fit, c->fit, err.text);
        }
        if (c->back) {
            mr_bson_encoder *encoder = mr_bson_encoder_new(schema);
            mr_buffer back = MR_BUFFER_INIT(1 << 20), json = MR_BUFFER_INIT(1 << 20);
            assert_int_equal(mr_bson_encode(encoder, &cell, &back, &err), MR_OK);
            assert_int_equal(mr_bson_check(back.data, back.len, &err), MR_OK);
            mr_bson_json((mr_slice){back.data, back.len}, true, &json);
            assert_string_equal(mr_buffer_text(&json),
                                mr_arena_format(arena, "{\"v\":%s}", c->back));
            mr_buffer_release(&json);
            mr_buffer_release(&back);
            mr_bson_encoder_free(encoder);
        }
        mr_bson_decoder_free(decoder);
        mr_schema_release(schema);
    }
    mr_arena_free(arena);
}

static void misfits_say_where_and_why(void **state)
{
    (void)state;
    static const struct {
        const char *document, *path, *text;
    } cases[] = {
        {"{\"n\":1,\"l\":[{\"x\":1},{\"x\":\"two\"}]}", "l[1].x",
         "a value of type string where int or null is expected"},
        {"{\"n\":1,\"more\":{}}", "more", "R has no such field; the document's has type document"},
        {"{\"l\":[]}", "n", "the document has no such field, and it has no default"},
        {"{\"n\":1,\"l\":[{\"x\":1},{\"y\":1}]}", "l[1].y", "Line has no such field"},
        {"{\"n\":{\"$minKey\":1}}", "n", "a value of type minKey where int is expected"},
    };
    const mr_schema *schema =
        parse("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"n\",\"type\":\"int\"},"
              "{\"name\":\"l\",\"type\":[\"null\",{\"type\":\"array\",\"items\":{\"type\":"
              "\"record\",\"name\":\"Line\",\"fields\":[{\"name\":\"x\",\"type\":[\"int\","
              "\"null\"],\"default\":0}]}}],\"default\":null}]}");
    mr_arena *arena = mr_arena_new();
    mr_bson_decoder *decoder = decoder_of(schema);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mr_cell cell;
        mr_error err;
        mr_slice document = doc(arena, cases[i].document);
        assert_int_equal(mr_bson_decode(decoder, document, false, arena, &cell, &err),
                         MR_BSON_MISFIT);
        assert_string_equal(err.field, cases[i].path);
        if (!strstr(err.text, cases[i].text)) {
            fail_msg("\"%s\" instead of \"%s\"", err.text, cases[i].text);
        }
        assert_int_equal(mr_bson_decode(decoder, document, false, arena, &cell, NULL),
                         MR_BSON_MISFIT);
    }
    mr_cell cell;
    assert_int_equal(mr_bson_decode(decoder, doc(arena, "{\"a\":[1],\"n\":1,\"b\":2}"), true, arena,
                                    &cell, NULL),
                     MR_BSON_INEXACT);
    assert_int_equal(cell.as.cells[0].as.i, 1);
    assert_int_equal(cell.as.cells[1].type, MR_NULL);
    mr_bson_decoder_free(decoder);
    mr_schema_release(schema);
    const mr_schema *text = parse("\"string\"");
    mr_error err;
    assert_int_equal(mr_bson_decoder_new(text, &decoder, &err), MR_FATAL);
    mr_schema_release(text);
    mr_arena_free(arena);
}

/* A schema that goes in circles has no end, but cells have. */
static void recursive_schemas_end(void **state)
{
    (void)state;
    const mr_schema *schema = parse("{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":"
                                    "\"a\",\"type\":[\"null\",\"A\"],\"default\":null}]}");
    mr_arena *arena = mr_arena_new();
    mr_bson_decoder *decoder = decoder_of(schema);
    mr_buffer json = MR_BUFFER_INIT(1 << 20);
    for (int i = 0; i < 100; i++) {
        mr_buffer_add_text(&json, "{\"a\":");
    }
    mr_buffer_add_text(&json, "null");
    for (int i = 0; i < 100; i++) {
        mr_buffer_add_char(&json, '}');
    }
    mr_cell cell;
    mr_error err;
    mr_slice deep = doc(arena, mr_buffer_text(&json));
    assert_int_equal(mr_bson_decode(decoder, deep, false, arena, &cell, &err), MR_BSON_MISFIT);
    assert_non_null(strstr(err.text, "more than 64 levels"));
    mr_buffer_release(&json);
    mr_bson_decoder_free(decoder);
    mr_schema_release(schema);
    mr_arena_free(arena);
}

/* --- Orders of fields ------------------------------------------------------------------------- */

static mr_bson_fit decode(mr_bson_decoder *decoder, mr_arena *arena, const char *json, mr_cell *ret)
{
    mr_error err;
    mr_bson_fit fit = mr_bson_decode(decoder, doc(arena, json), false, arena, ret, &err);
    if (fit == MR_BSON_MISFIT) {
        fail_msg("%s", err.text);
    }
    return fit;
}

static void orders_are_found_whatever_they_are(void **state)
{
    (void)state;
    mr_arena *arena = mr_arena_new();
    mr_bson_shape *shape = new_shape(true, 1000, 20);
    mr_bson_shape_learn(shape, doc(arena, "{\"a\":1,\"b\":2,\"sixteen_letters_\":3,\"d\":4}"));
    const mr_schema *schema = schema_of(shape);
    mr_bson_decoder *decoder = decoder_of(schema);
    mr_cell c;
    for (int round = 0; round < 3; round++) {
        assert_int_equal(
            decode(decoder, arena, "{\"a\":1,\"b\":2,\"sixteen_letters_\":3,\"d\":4}", &c),
            MR_BSON_EXACT);
        assert_int_equal(decode(decoder, arena, "{\"d\":4,\"b\":2,\"a\":1}", &c), MR_BSON_INEXACT);
        assert_int_equal(c.as.cells[0].as.i, 1);
        assert_int_equal(c.as.cells[1].as.i, 2);
        assert_int_equal(c.as.cells[2].type, MR_NULL);
        assert_int_equal(c.as.cells[3].as.i, 4);
        assert_int_equal(decode(decoder, arena, "{\"a\":1,\"d\":4}", &c), MR_BSON_EXACT);
        assert_int_equal(c.as.cells[3].as.i, 4);
        assert_int_equal(decode(decoder, arena, "{}", &c), MR_BSON_EXACT);
        assert_int_equal(c.as.cells[3].type, MR_NULL);
        assert_int_equal(decode(decoder, arena, "{\"a\":null}", &c), MR_BSON_INEXACT);
        /* Twice: the first counts, wherever it is. */
        assert_int_equal(decode(decoder, arena, "{\"d\":4,\"a\":1}", &c), MR_BSON_INEXACT);
    }
    mr_buffer twice = MR_BUFFER_INIT(1000);
    mr_bson_begin(&twice);
    mr_bson_add_int32(&twice, "b", 1);
    mr_bson_add_int32(&twice, "d", 2);
    mr_bson_add_text(&twice, "b", "two", 3);
    mr_bson_add_int32(&twice, "a", 3);
    mr_bson_add_int32(&twice, "a", 4);
    mr_bson_end(&twice, 0);
    assert_int_equal(
        mr_bson_decode(decoder, (mr_slice){twice.data, twice.len}, false, arena, &c, NULL),
        MR_BSON_INEXACT);
    assert_int_equal(c.as.cells[0].as.i, 3);
    assert_int_equal(c.as.cells[1].as.i, 1);
    assert_int_equal(c.as.cells[3].as.i, 2);
    mr_buffer_release(&twice);
    mr_bson_decoder_free(decoder);
    mr_schema_release(schema);
    mr_bson_shape_free(shape);
    mr_arena_free(arena);
}

static void text_that_is_no_utf8_is_replaced(void **state)
{
    (void)state;
    mr_arena *arena = mr_arena_new();
    mr_bson_shape *shape = new_shape(true, 1000, 20);
    mr_bson_shape_learn(shape, doc(arena, "{\"t\":\"\"}"));
    const mr_schema *schema = schema_of(shape);
    mr_bson_decoder *decoder = decoder_of(schema);
    static const struct {
        const char *text, *want;
    } cases[] = {{"\xff", "\xef\xbf\xbd"},
                 {"abcdefgh\xc3", "abcdefgh\xef\xbf\xbd"},
                 {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
                 {"Z\xc3\xbcrich\x80 is far", "Z\xc3\xbcrich\xef\xbf\xbd is far"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mr_buffer out = MR_BUFFER_INIT(1000);
        mr_bson_begin(&out);
        mr_bson_add_text(&out, "t", cases[i].text, strlen(cases[i].text));
        mr_bson_end(&out, 0);
        mr_cell cell;
        assert_int_equal(
            mr_bson_decode(decoder, (mr_slice){out.data, out.len}, false, arena, &cell, NULL),
            MR_BSON_INEXACT);
        assert_int_equal(cell.as.cells[0].len, strlen(cases[i].want));
        assert_memory_equal(cell.as.cells[0].as.text, cases[i].want, strlen(cases[i].want));
        mr_buffer_release(&out);
    }
    mr_bson_decoder_free(decoder);
    mr_schema_release(schema);
    mr_bson_shape_free(shape);
    mr_arena_free(arena);
}

/* --- Restoring -------------------------------------------------------------------------------- */

static void foreign_schemas_are_not_restored(void **state)
{
    (void)state;
    static const char *const foreign[] = {
        "\"string\"",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}",
        RECORD("R", "{\"name\":\"a\",\"type\":\"float\"}"),
        RECORD("R", "{\"name\":\"a\",\"type\":[\"null\",\"R\"]}"),
        RECORD("R", "{\"name\":\"a\",\"type\":{\"type\":\"map\",\"values\":\"int\"}}"),
    };
    mr_bson_shape_options options = {"taxi.trips", true, 1000, 20};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        const mr_schema *schema = parse(foreign[i]);
        mr_bson_shape *shape;
        mr_error err;
        assert_int_equal(mr_bson_shape_restore(&options, schema, &shape, &err), MR_FATAL);
        assert_non_null(strstr(err.text, "not inferred"));
        mr_schema_release(schema);
    }
}

/* --- All of it, at random --------------------------------------------------------------------- */

typedef struct run {
    mr_bson_shape *shape;
    const mr_schema *schema;
    mr_bson_decoder *decoder;
    mr_bson_encoder *encoder;
    mr_arena *arena;
    mr_buffer document, back, avro;
    size_t versions, exact, inexact;
} run;

static void new_version(run *r)
{
    mr_error err;
    const mr_schema *next = schema_of(r->shape);
    if (r->schema && mr_schema_can_read(next, r->schema, &err)) {
        fail_msg("%s: %s after %s", err.text, mr_schema_json(next), mr_schema_json(r->schema));
    }
    /* What is restored from it is the same again. */
    mr_bson_shape_options options = {"other.name", true, 40, 5};
    mr_bson_shape *again;
    if (mr_bson_shape_restore(&options, next, &again, &err)) {
        fail_msg("%s", err.text);
    }
    const mr_schema *same = schema_of(again);
    assert_string_equal(mr_schema_json(same), mr_schema_json(next));
    mr_schema_release(same);
    mr_bson_shape_free(again);

    mr_bson_decoder_free(r->decoder);
    mr_bson_encoder_free(r->encoder);
    mr_schema_release(r->schema);
    r->schema = next;
    r->decoder = decoder_of(next);
    r->encoder = mr_bson_encoder_new(next);
    r->versions++;
}

/* Cells survive Avro, and what they give back is what `fit` says. */
static void check_cells(run *r, mr_slice document, const mr_cell *cell, mr_bson_fit fit)
{
    mr_encoder *encoder;
    mr_decoder *decoder;
    mr_error err;
    mr_cell read;
    assert_int_equal(mr_encoder_new(r->schema, &encoder, &err), MR_OK);
    assert_int_equal(mr_decoder_new(r->schema, r->schema, &decoder, &err), MR_OK);
    mr_buffer_clear(&r->avro);
    if (mr_encode(encoder, cell, &r->avro, &err) ||
        mr_decode(decoder, r->avro.data, r->avro.len, r->arena, &read, &err)) {
        fail_msg("%s", err.text);
    }
    mr_buffer_clear(&r->back);
    if (mr_bson_encode(r->encoder, &read, &r->back, &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(mr_bson_check(r->back.data, r->back.len, &err), MR_OK);
    bool same =
        r->back.len == document.len && memcmp(r->back.data, document.data, document.len) == 0;
    if (fit == MR_BSON_EXACT && !same) {
        mr_buffer json = MR_BUFFER_INIT(1 << 20);
        mr_bson_json(document, true, &json);
        mr_buffer_add_text(&json, "\nbecame ");
        mr_bson_json((mr_slice){r->back.data, r->back.len}, true, &json);
        fail_msg("%s", mr_buffer_text(&json));
    }
    mr_encoder_free(encoder);
    mr_decoder_free(decoder);
}

static void take(run *r, mr_slice document)
{
    mr_cell cell;
    mr_error err;
    mr_bson_fit fit = r->decoder
                          ? mr_bson_decode(r->decoder, document, false, r->arena, &cell, &err)
                          : MR_BSON_MISFIT;
    if (fit == MR_BSON_MISFIT) {
        if (!mr_bson_shape_learn(r->shape, document) && r->decoder) {
            fail_msg("nothing to learn, but: %s", err.text);
        }
        new_version(r);
        fit = mr_bson_decode(r->decoder, document, false, r->arena, &cell, &err);
        if (fit == MR_BSON_MISFIT) {
            fail_msg("learnt, but: %s", err.text);
        }
    }
    r->exact += fit == MR_BSON_EXACT;
    r->inexact += fit == MR_BSON_INEXACT;
    check_cells(r, document, &cell, fit);
}

static run run_random(uint64_t seed, bool tame, size_t fields_max, size_t documents)
{
    run r = {.shape = new_shape(true, fields_max, 5), .arena = mr_arena_new()};
    mr_buffer_init(&r.document, 1 << 24);
    mr_buffer_init(&r.back, 1 << 24);
    mr_buffer_init(&r.avro, 1 << 24);
    random_bson random = {seed * 0x9e3779b97f4a7c15u + 1, tame};
    for (size_t i = 0; i < documents; i++) {
        mr_slice document = random_bson_make(&random, &r.document);
        mr_error err;
        if (mr_bson_check(document.data, document.len, &err)) {
            fail_msg("%s", err.text);
        }
        take(&r, document);
        mr_arena_reset(r.arena);
    }
    mr_bson_shape_free(r.shape);
    mr_bson_decoder_free(r.decoder);
    mr_bson_encoder_free(r.encoder);
    mr_schema_release(r.schema);
    mr_arena_free(r.arena);
    mr_buffer_release(&r.document);
    mr_buffer_release(&r.back);
    mr_buffer_release(&r.avro);
    return r;
}

static void random_documents_are_learnt(void **state)
{
    (void)state;
    size_t exact = 0, inexact = 0, versions = 0;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        run r = run_random(seed, seed % 3 == 0, seed % 2 ? 40 : 2000, 60);
        exact += r.exact;
        inexact += r.inexact;
        versions += r.versions;
    }
    assert_true(exact > 20);
    assert_true(inexact > 100);
    assert_true(versions > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_has_its_own),
        cmocka_unit_test(numbers_widen),
        cmocka_unit_test(numbers_do_not_widen_unasked),
        cmocka_unit_test(dates_do_not_mix_with_longs),
        cmocka_unit_test(names_become_avro_names),
        cmocka_unit_test(learning_tells_what_is_new),
        cmocka_unit_test(deep_documents_become_json),
        cmocka_unit_test(keys_that_are_data_become_json),
        cmocka_unit_test(known_records_keep_a_rest),
        cmocka_unit_test(a_wide_root_keeps_a_rest),
        cmocka_unit_test(given_types_take_what_fits),
        cmocka_unit_test(misfits_say_where_and_why),
        cmocka_unit_test(recursive_schemas_end),
        cmocka_unit_test(orders_are_found_whatever_they_are),
        cmocka_unit_test(text_that_is_no_utf8_is_replaced),
        cmocka_unit_test(foreign_schemas_are_not_restored),
        cmocka_unit_test(random_documents_are_learnt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
