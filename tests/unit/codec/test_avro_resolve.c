/* SPDX-License-Identifier: Apache-2.0 */
/* Schema resolution: what reads what, to which value, and how a refusal is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "codec/avro.h"
#include "codec/schema.h"

static mr_arena *arena;
/* Enum texts and defaults belong to the decoder, so decoders live until the end of their test. */
static mr_decoder *kept[64];
static size_t kept_count;

#define BYTES(text)       text, sizeof(text) - 1
#define RECORD(fields)    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define ENUM(symbols)     "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[" symbols "]}"
#define ENUM_OR(symbols, dflt)                                                                     \
    "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[" symbols "],\"default\":" dflt "}"

static const mr_schema *parse(const char *json)
{
    const mr_schema *schema;
    mr_error err = {0};
    if (mr_schema_parse(json, strlen(json), &schema, &err)) {
        fail_msg("%s: %s", json, err.text);
    }
    return schema;
}

static mr_status plan(const char *writer, const char *reader, mr_decoder **ret, mr_error *err)
{
    const mr_schema *w = parse(writer), *r = parse(reader);
    mr_status status = mr_decoder_new(w, r, ret, err);
    mr_schema_release(w);
    mr_schema_release(r);
    return status;
}

static mr_status can_read(const char *writer, const char *reader, mr_error *err)
{
    const mr_schema *w = parse(writer), *r = parse(reader);
    mr_status status = mr_schema_can_read(r, w, err);
    mr_schema_release(w);
    mr_schema_release(r);
    return status;
}

static mr_status decode(const char *writer, const char *reader, const void *data, size_t len,
                        mr_cell *ret, mr_error *err)
{
    mr_decoder *decoder;
    if (plan(writer, reader, &decoder, err)) {
        fail_msg("%s as %s: %s", writer, reader, err->text);
    }
    assert_true(kept_count < 64);
    kept[kept_count++] = decoder;
    return mr_decode(decoder, data, len, arena, ret, err);
}

static mr_cell read_as(const char *writer, const char *reader, const void *data, size_t len)
{
    mr_cell cell;
    mr_error err = {0};
    if (decode(writer, reader, data, len, &cell, &err)) {
        fail_msg("%s as %s: %s", writer, reader, err.text);
    }
    return cell;
}

/* Neither compatible nor compilable. */
static mr_error refused(const char *writer, const char *reader, const char *part)
{
    mr_decoder *decoder;
    mr_error err = {0};
    assert_int_equal(can_read(writer, reader, &err), MR_FATAL);
    assert_int_equal(plan(writer, reader, &decoder, &err), MR_FATAL);
    assert_int_equal(err.domain, MR_DOMAIN_SCHEMA);
    if (!strstr(err.text, part)) {
        fail_msg("expected \"%s\" in \"%s\"", part, err.text);
    }
    return err;
}

/* A decoder is made, since some data can be read, but not all. */
static void partly(const char *writer, const char *reader, const void *data, size_t len,
                   const char *part)
{
    mr_cell cell;
    mr_error err = {0};
    assert_int_equal(can_read(writer, reader, &err), MR_FATAL);
    assert_int_equal(decode(writer, reader, data, len, &cell, &err), MR_REJECT);
    if (!strstr(err.text, part)) {
        fail_msg("expected \"%s\" in \"%s\"", part, err.text);
    }
}

static void test_promotions(void **state)
{
    (void)state;
    mr_cell c = read_as("\"int\"", "\"long\"", BYTES("\x06"));
    assert_true(c.type == MR_LONG && c.as.i == 3);
    c = read_as("\"int\"", "\"float\"", BYTES("\x82\x80\x80\x10"));
    assert_true(c.type == MR_FLOAT && c.as.d == 16777216.0); /* 2^24 + 1 is no float */
    c = read_as("\"int\"", "\"double\"", BYTES("\x82\x80\x80\x10"));
    assert_true(c.type == MR_DOUBLE && c.as.d == 16777217.0);
    c = read_as("\"long\"", "\"float\"", BYTES("\x06"));
    assert_true(c.type == MR_FLOAT && c.as.d == 3.0);
    c = read_as("\"long\"", "\"double\"", BYTES("\x05"));
    assert_true(c.type == MR_DOUBLE && c.as.d == -3.0);
    c = read_as("\"float\"", "\"double\"", BYTES("\x00\x00\xc0\x3f"));
    assert_true(c.type == MR_DOUBLE && c.as.d == 1.5);
    c = read_as("\"string\"", "\"bytes\"", BYTES("\x02z"));
    assert_true(c.type == MR_BYTES && c.len == 1);
    c = read_as("\"bytes\"", "\"string\"", BYTES("\x02z"));
    assert_true(c.type == MR_STRING && c.len == 1);
    refused("\"long\"", "\"int\"", "the writer's long cannot be read as int");
    refused("\"double\"", "\"float\"", "double");
    refused("\"float\"", "\"long\"", "float");
    refused("\"string\"", "\"int\"", "string");
    refused("\"boolean\"", "\"int\"", "boolean");
    refused("\"int\"", "\"null\"", "int");
}

/* An int stays one of 32 bits, whatever it is read as. */
static void test_promoted_int_is_checked(void **state)
{
    (void)state;
    mr_cell cell;
    mr_error err;
    assert_int_equal(decode("\"int\"", "\"long\"", BYTES("\x80\x80\x80\x80\x10"), &cell, &err),
                     MR_REJECT);
    assert_int_equal(decode("\"int\"", "\"double\"", BYTES("\x80\x80\x80\x80\x10"), &cell, &err),
                     MR_REJECT);
}

static void test_fields(void **state)
{
    (void)state;
    const char *writer = RECORD(FIELD("a", "\"int\"") "," FIELD(
        "gone", "{\"type\":\"array\",\"items\":\"string\"}") "," FIELD("b", "\"string\""));
    const char *reader = RECORD(
        "{\"name\":\"c\",\"type\":\"string\",\"aliases\":[\"nothing\",\"b\"]},"
        "{\"name\":\"new\",\"type\":{\"type\":\"array\",\"items\":\"int\"},\"default\":[7,8]},"
        "{\"name\":\"opt\",\"type\":[\"null\",\"int\"],\"default\":null}," FIELD("a", "\"long\""));
    /* gone: one block with its size, then one without. */
    mr_cell r = read_as(writer, reader, BYTES("\x0a\x03\x08\x02x\x02y\x02\x02z\x00\x04hi"));
    assert_int_equal(r.len, 4);
    assert_memory_equal(r.as.cells[0].as.text, "hi", 2);
    assert_int_equal(r.as.cells[1].len, 2);
    assert_int_equal(r.as.cells[1].as.cells[1].as.i, 8);
    assert_int_equal(r.as.cells[2].type, MR_NULL);
    assert_int_equal(r.as.cells[3].type, MR_LONG);
    assert_int_equal(r.as.cells[3].as.i, 5);
    mr_error err;
    assert_int_equal(can_read(writer, reader, &err), MR_OK);
    err =
        refused(writer, RECORD(FIELD("z", "\"int\"")), "\"z\" is not in the writer's R and has no");
    assert_string_equal(err.field, "z");
}

/* A name goes before an alias, and no field of the writer is read twice. */
static void test_alias_that_is_a_name(void **state)
{
    (void)state;
    mr_cell r = read_as(RECORD(FIELD("a", "\"int\"")),
                        RECORD("{\"name\":\"b\",\"type\":\"int\",\"aliases\":[\"a\"],"
                               "\"default\":9}," FIELD("a", "\"int\"")),
                        BYTES("\x02"));
    assert_int_equal(r.as.cells[0].as.i, 9);
    assert_int_equal(r.as.cells[1].as.i, 1);
}

/* Everything that can be skipped, in front of a field that must still be found. */
static void test_skipping(void **state)
{
    (void)state;
    const char *writer =
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
        "{\"name\":\"a\",\"type\":\"null\"},"
        "{\"name\":\"b\",\"type\":\"boolean\"},"
        "{\"name\":\"c\",\"type\":\"long\"},"
        "{\"name\":\"d\",\"type\":\"float\"},"
        "{\"name\":\"e\",\"type\":\"double\"},"
        "{\"name\":\"f\",\"type\":\"bytes\"},"
        "{\"name\":\"g\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}},"
        "{\"name\":\"h\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"X\"]}},"
        "{\"name\":\"i\",\"type\":{\"type\":\"map\",\"values\":\"int\"}},"
        "{\"name\":\"j\",\"type\":[\"null\",\"string\",\"R\"]},"
        "{\"name\":\"last\",\"type\":\"int\"}]}";
    const char *reader = RECORD(FIELD("last", "\"int\""));
#define SKIPPED                                                                                    \
    "\x01\x80\x01"                                                                                 \
    "ffff"                                                                                         \
    "dddddddd"                                                                                     \
    "\x02z"                                                                                        \
    "gg"                                                                                           \
    "\x00"                                                                                         \
    "\x02\x02k\x02\x00"
    mr_cell r = read_as(writer, reader,
                        BYTES(SKIPPED "\x02\x02s"
                                      "\x0a"));
    assert_int_equal(r.len, 1);
    assert_int_equal(r.as.cells[0].as.i, 5);
    r = read_as(writer, reader,
                BYTES(SKIPPED "\x04" SKIPPED "\x00\x08"
                              "\x0c"));
    assert_int_equal(r.as.cells[0].as.i, 6);
    mr_cell cell;
    mr_error err = {0};
    const char whole[] = SKIPPED "\x02\x02s"
                                 "\x0a";
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        char *tight = malloc(len + !len);
        memcpy(tight, whole, len);
        assert_int_equal(decode(writer, reader, tight, len, &cell, &err), MR_REJECT);
        free(tight);
    }
}

static void test_names(void **state)
{
    (void)state;
    const char *old = "{\"type\":\"fixed\",\"name\":\"a.Old\",\"size\":1}";
    assert_int_equal(
        read_as(old, "{\"type\":\"fixed\",\"name\":\"b.Old\",\"size\":1}", BYTES("x")).len, 1);
    assert_int_equal(read_as(old,
                             "{\"type\":\"fixed\",\"name\":\"b.New\",\"aliases\":[\"a.Old\"],"
                             "\"size\":1}",
                             BYTES("x"))
                         .len,
                     1);
    refused(old, "{\"type\":\"fixed\",\"name\":\"a.New\",\"size\":1}", "a.Old is neither the name");
    refused(old, "{\"type\":\"fixed\",\"name\":\"a.Old\",\"size\":2}", "1 bytes with the writer");
}

static void test_enums(void **state)
{
    (void)state;
    mr_cell e = read_as(ENUM("\"A\",\"B\""), ENUM("\"B\",\"A\""), BYTES("\x02"));
    assert_int_equal(e.symbol, 0);
    assert_memory_equal(e.as.text, "B", 1);
    e = read_as(ENUM("\"A\",\"B\""), ENUM_OR("\"X\",\"A\"", "\"X\""), BYTES("\x02"));
    assert_int_equal(e.symbol, 0);
    assert_memory_equal(e.as.text, "X", 1);
    partly(ENUM("\"A\",\"B\""), ENUM("\"A\""), BYTES("\x02"), "no default");
    assert_int_equal(read_as(ENUM("\"A\",\"B\""), ENUM("\"A\""), BYTES("\x00")).symbol, 0);
}

static void test_unions(void **state)
{
    (void)state;
    /* The writer has none. */
    mr_cell c = read_as("\"int\"", "[\"null\",\"string\",\"long\"]", BYTES("\x06"));
    assert_true(c.type == MR_LONG && c.branch == 2 && c.as.i == 3);
    /* The same type goes before one that promotes. */
    c = read_as("\"int\"", "[\"double\",\"int\"]", BYTES("\x06"));
    assert_true(c.type == MR_INT && c.branch == 1);
    refused("\"boolean\"", "[\"null\",\"string\"]", "fits no branch");
    /* The reader has none. */
    c = read_as("[\"null\",\"int\"]", "\"long\"", BYTES("\x02\x06"));
    assert_true(c.type == MR_LONG && c.branch == 0 && c.as.i == 3);
    partly("[\"null\",\"int\"]", "\"long\"", BYTES("\x00"), "null cannot be read as long");
    refused("[\"null\",\"int\"]", "\"string\"", "cannot be read as string");
    /* Both, in another order. */
    const char *w = "[\"null\",\"int\",\"string\"]", *r = "[\"bytes\",\"long\",\"null\"]";
    c = read_as(w, r, BYTES("\x00"));
    assert_true(c.type == MR_NULL && c.branch == 2);
    c = read_as(w, r, BYTES("\x02\x06"));
    assert_true(c.type == MR_LONG && c.branch == 1);
    c = read_as(w, r, BYTES("\x04\x02z"));
    assert_true(c.type == MR_BYTES && c.branch == 0);
    /* Nullable on both sides, null in another place: one step does it. */
    c = read_as("[\"null\",\"int\"]", "[\"double\",\"null\"]", BYTES("\x00"));
    assert_true(c.type == MR_NULL && c.branch == 1);
    c = read_as("[\"null\",\"int\"]", "[\"double\",\"null\"]", BYTES("\x02\x06"));
    assert_true(c.type == MR_DOUBLE && c.branch == 0 && c.as.d == 3.0);
}

static void test_recursion(void **state)
{
    (void)state;
    const char *w = RECORD(FIELD("v", "\"int\"") "," FIELD("next", "[\"null\",\"R\"]"));
    const char *r = RECORD("{\"name\":\"next\",\"type\":[\"null\",\"R\"]}," FIELD(
        "v", "\"long\"") ",{\"name\":\"n\",\"type\":\"int\",\"default\":4}");
    mr_cell c = read_as(w, r, BYTES("\x02\x02\x04\x00"));
    const mr_cell *next = &c.as.cells[0];
    assert_int_equal(next->type, MR_RECORD);
    assert_int_equal(next->as.cells[1].as.i, 2);
    assert_int_equal(next->as.cells[2].as.i, 4);
    assert_int_equal(next->as.cells[0].type, MR_NULL);
    /* Skipped whole. */
    c = read_as(w, RECORD(FIELD("v", "\"int\"")), BYTES("\x02\x02\x04\x00"));
    assert_int_equal(c.as.cells[0].as.i, 1);
}

static void test_logical_types(void **state)
{
    (void)state;
#define LOGICAL(base, name) "{\"type\":\"" base "\",\"logicalType\":\"" name "\"}"
#define DECIMAL(precision, scale)                                                                  \
    "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":" precision ",\"scale\":" scale \
    "}"
    const char *ms = LOGICAL("long", "timestamp-millis"), *us = LOGICAL("long", "timestamp-micros");
    assert_int_equal(read_as("\"long\"", us, BYTES("\x06")).type, MR_TIMESTAMP_US);
    assert_int_equal(read_as(ms, "\"long\"", BYTES("\x06")).type, MR_LONG);
    assert_int_equal(read_as("\"int\"", us, BYTES("\x06")).type, MR_TIMESTAMP_US);
    assert_int_equal(read_as("\"string\"", LOGICAL("string", "uuid"), BYTES("\x02x")).type,
                     MR_UUID);
    assert_int_equal(read_as(DECIMAL("5", "2"), DECIMAL("9", "2"), BYTES("\x02x")).type,
                     MR_DECIMAL);
    refused(ms, us, "timestamp-millis of the writer would be misread as timestamp-micros");
    refused(DECIMAL("9", "2"), DECIMAL("9", "3"), "scale 2 cannot be read with scale 3");
}

static void test_path_of_a_refusal(void **state)
{
    (void)state;
#define LEG(type)                                                                                  \
    RECORD(FIELD("legs", "{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"Leg\","    \
                         "\"fields\":[" FIELD("km", type) "]}}"))
    mr_error err = refused(LEG("\"string\""), LEG("\"int\""), "at R.legs[].km: ");
    assert_string_equal(err.field, "legs[].km");
}

static int setup(void **state)
{
    (void)state;
    arena = mr_arena_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    while (kept_count) {
        mr_decoder_free(kept[--kept_count]);
    }
    mr_arena_free(arena);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_promotions),
        TEST(test_promoted_int_is_checked),
        TEST(test_fields),
        TEST(test_alias_that_is_a_name),
        TEST(test_skipping),
        TEST(test_names),
        TEST(test_enums),
        TEST(test_unions),
        TEST(test_recursion),
        TEST(test_logical_types),
        TEST(test_path_of_a_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
