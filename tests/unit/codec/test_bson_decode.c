/* SPDX-License-Identifier: Apache-2.0 */
/* How documents become cells of schemas that somebody gave, and in whatever order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bson_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_types_take_what_fits),
        cmocka_unit_test(misfits_say_where_and_why),
        cmocka_unit_test(recursive_schemas_end),
        cmocka_unit_test(orders_are_found_whatever_they_are),
        cmocka_unit_test(text_that_is_no_utf8_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
