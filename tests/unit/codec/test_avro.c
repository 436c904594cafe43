/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding and decoding with one schema: every type, and every way in which bytes can be wrong. */
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
/* Enum texts belong to the decoder, so decoders live until the end of their test. */
static mr_decoder *kept[256];
static size_t kept_count;

static const mr_schema *parse(const char *json)
{
    const mr_schema *schema;
    mr_error err = {0};
    if (mr_schema_parse(json, strlen(json), &schema, &err)) {
        fail_msg("%s: %s", json, err.text);
    }
    return schema;
}

/* Decodes from a heap copy of exactly len bytes, so that ASan sees any byte read beyond. */
static mr_status decode(const char *json, const void *data, size_t len, mr_cell *ret, mr_error *err)
{
    const mr_schema *schema = parse(json);
    mr_decoder *decoder;
    assert_int_equal(mr_decoder_new(schema, schema, &decoder, err), MR_OK);
    mr_schema_release(schema);
    char *copy = mr_arena_copy(arena, data, len);
    char *tight = malloc(len + !len);
    memcpy(tight, data, len);
    mr_cell cell;
    mr_status tight_status = mr_decode(decoder, tight, len, arena, &cell, NULL);
    free(tight);
    mr_status status = mr_decode(decoder, copy, len, arena, ret, err);
    assert_int_equal(status, tight_status);
    assert_true(kept_count < 256);
    kept[kept_count++] = decoder;
    return status;
}

static mr_cell decoded(const char *json, const void *data, size_t len)
{
    mr_cell cell;
    mr_error err = {0};
    if (decode(json, data, len, &cell, &err)) {
        fail_msg("%s: %s", json, err.text);
    }
    return cell;
}

static mr_error rejected(const char *json, const void *data, size_t len, const char *part)
{
    mr_cell cell;
    mr_error err = {0};
    assert_int_equal(decode(json, data, len, &cell, &err), MR_REJECT);
    assert_int_equal(err.domain, MR_DOMAIN_RECORD);
    if (!strstr(err.text, part)) {
        fail_msg("expected \"%s\" in \"%s\"", part, err.text);
    }
    return err;
}

static void assert_encodes(const char *json, const mr_cell *cell, const void *data, size_t len)
{
    const mr_schema *schema = parse(json);
    mr_encoder *encoder;
    mr_error err = {0};
    assert_int_equal(mr_encoder_new(schema, &encoder, &err), MR_OK);
    mr_schema_release(schema);
    mr_buffer out = MR_BUFFER_INIT(1 << 20);
    if (mr_encode(encoder, cell, &out, &err)) {
        fail_msg("%s: %s", json, err.text);
    }
    assert_int_equal(out.len, len);
    assert_memory_equal(out.data ? out.data : "", data, len);
    mr_buffer_release(&out);
    mr_encoder_free(encoder);
}

static mr_error not_encoded(const char *json, const mr_cell *cell, const char *part)
{
    const mr_schema *schema = parse(json);
    mr_encoder *encoder;
    mr_error err = {0};
    assert_int_equal(mr_encoder_new(schema, &encoder, &err), MR_OK);
    mr_schema_release(schema);
    mr_buffer out = MR_BUFFER_INIT(1 << 20);
    mr_buffer_add_text(&out, "kept");
    assert_int_equal(mr_encode(encoder, cell, &out, &err), MR_REJECT);
    assert_int_equal(out.len, 4);
    assert_false(out.failed);
    if (!strstr(err.text, part)) {
        fail_msg("expected \"%s\" in \"%s\"", part, err.text);
    }
    mr_buffer_release(&out);
    mr_encoder_free(encoder);
    return err;
}

#define BYTES(text) text, sizeof(text) - 1

/* Decodes, compares type and number, and encodes to the same bytes. */
static void both_ways(const char *json, const void *data, size_t len, mr_type type, int64_t i)
{
    mr_cell cell = decoded(json, data, len);
    assert_int_equal(cell.type, type);
    assert_true(cell.as.i == i);
    assert_encodes(json, &cell, data, len);
}

static void test_numbers(void **state)
{
    (void)state;
    both_ways("\"boolean\"", BYTES("\x01"), MR_BOOL, 1);
    both_ways("\"int\"", BYTES("\x00"), MR_INT, 0);
    both_ways("\"int\"", BYTES("\x01"), MR_INT, -1);
    both_ways("\"int\"", BYTES("\x7f"), MR_INT, -64);
    both_ways("\"int\"", BYTES("\x80\x01"), MR_INT, 64);
    both_ways("\"int\"", BYTES("\xfe\xff\xff\xff\x0f"), MR_INT, INT32_MAX);
    both_ways("\"int\"", BYTES("\xff\xff\xff\xff\x0f"), MR_INT, INT32_MIN);
    both_ways("\"long\"", BYTES("\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"), MR_LONG, INT64_MAX);
    both_ways("\"long\"", BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), MR_LONG, INT64_MIN);
    both_ways("{\"type\":\"int\",\"logicalType\":\"date\"}", BYTES("\x04"), MR_DATE, 2);
    both_ways("{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}", BYTES("\x04"),
              MR_TIMESTAMP_US, 2);
    for (int bits = 0; bits < 63; bits++) {
        char out[16];
        mr_cell cell = {.type = MR_LONG, .as.i = -((int64_t)1 << bits)};
        uint64_t n = (uint64_t)cell.as.i << 1 ^ UINT64_MAX;
        size_t len = 0;
        for (; n >= 0x80; n >>= 7) {
            out[len++] = (char)(n | 0x80);
        }
        out[len++] = (char)n;
        both_ways("\"long\"", out, len, MR_LONG, cell.as.i);
    }
    mr_cell f = decoded("\"float\"", BYTES("\x00\x00\xc0\x3f"));
    assert_true(f.type == MR_FLOAT && f.as.d == 1.5);
    assert_encodes("\"float\"", &f, BYTES("\x00\x00\xc0\x3f"));
    mr_cell d = decoded("\"double\"", BYTES("\x00\x00\x00\x00\x00\x00\xf8\xbf"));
    assert_true(d.type == MR_DOUBLE && d.as.d == -1.5);
    assert_encodes("\"double\"", &d, BYTES("\x00\x00\x00\x00\x00\x00\xf8\xbf"));
}

static void text_both_ways(const char *json, const void *data, size_t len, mr_type type,
                           const char *text, size_t text_len)
{
    mr_cell cell = decoded(json, data, len);
    assert_int_equal(cell.type, type);
    assert_int_equal(cell.len, text_len);
    assert_memory_equal(cell.as.text, text, text_len);
    assert_encodes(json, &cell, data, len);
}

static void test_texts(void **state)
{
    (void)state;
    text_both_ways("\"string\"", BYTES("\x06\x61\xc3\xbc"), MR_STRING, BYTES("a\xc3\xbc"));
    text_both_ways("\"string\"", BYTES("\x00"), MR_STRING, "", 0);
    text_both_ways("\"bytes\"", BYTES("\x04\xff\x00"), MR_BYTES, BYTES("\xff\x00"));
    text_both_ways("{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}", BYTES("abc"), MR_FIXED,
                   BYTES("abc"));
    text_both_ways("{\"type\":\"fixed\",\"name\":\"F\",\"size\":0}", "", 0, MR_FIXED, "", 0);
    text_both_ways("{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4}",
                   BYTES("\x04\x01\x02"), MR_DECIMAL, BYTES("\x01\x02"));
    const char *e = "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"BC\"]}";
    text_both_ways(e, BYTES("\x02"), MR_ENUM, BYTES("BC"));
    assert_int_equal(decoded(e, BYTES("\x02")).symbol, 1);
}

static void test_collections(void **state)
{
    (void)state;
    const char *longs = "{\"type\":\"array\",\"items\":\"long\"}";
    mr_cell a = decoded(longs, BYTES("\x04\x06\x36\x00"));
    assert_int_equal(a.type, MR_ARRAY);
    assert_int_equal(a.len, 2);
    assert_int_equal(a.as.cells[0].as.i, 3);
    assert_int_equal(a.as.cells[1].as.i, 27);
    assert_encodes(longs, &a, BYTES("\x04\x06\x36\x00"));
    /* Several blocks, one with its size in bytes. */
    a = decoded(longs, BYTES("\x02\x02\x03\x04\x04\x06\x02\x08\x00"));
    assert_int_equal(a.len, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(a.as.cells[i].as.i, i + 1);
    }
    assert_int_equal(decoded(longs, BYTES("\x00")).len, 0);
    const char *map = "{\"type\":\"map\",\"values\":\"int\"}";
    mr_cell m = decoded(map, BYTES("\x02\x02\x61\x0e\x01\x06\x04\x62\x63\x10\x00"));
    assert_int_equal(m.type, MR_MAP);
    assert_int_equal(m.len, 2);
    assert_memory_equal(m.as.cells[2].as.text, "bc", 2);
    assert_int_equal(m.as.cells[2].type, MR_STRING);
    assert_int_equal(m.as.cells[3].as.i, 8);
    assert_encodes(map, &m, BYTES("\x04\x02\x61\x0e\x04\x62\x63\x10\x00"));
}

static void test_many_small_blocks(void **state)
{
    (void)state;
    enum { BLOCKS = 20000 };
    char *data = malloc(2 * BLOCKS + 1);
    for (int i = 0; i < BLOCKS; i++) {
        data[2 * i] = 2;
        data[2 * i + 1] = (char)(i % 64 * 2);
    }
    data[2 * BLOCKS] = 0;
    mr_arena_reset(arena);
    mr_cell a = decoded("{\"type\":\"array\",\"items\":\"int\"}", data, 2 * BLOCKS + 1);
    assert_int_equal(a.len, BLOCKS);
    assert_int_equal(a.as.cells[BLOCKS - 1].as.i, (BLOCKS - 1) % 64);
    assert_true(mr_arena_used(arena) < (size_t)BLOCKS * sizeof(mr_cell) * 10);
    free(data);
}

static void test_unions(void **state)
{
    (void)state;
    const char *u = "[\"null\",\"string\"]";
    mr_cell cell = decoded(u, BYTES("\x00"));
    assert_int_equal(cell.type, MR_NULL);
    assert_encodes(u, &cell, BYTES("\x00"));
    cell = decoded(u, BYTES("\x02\x02\x61"));
    assert_int_equal(cell.type, MR_STRING);
    assert_int_equal(cell.branch, 1);
    assert_encodes(u, &cell, BYTES("\x02\x02\x61"));
    const char *wide = "[\"int\",\"string\",{\"type\":\"array\",\"items\":[\"null\",\"int\"]},"
                       "{\"type\":\"record\",\"name\":\"P\",\"fields\":[{\"name\":\"x\","
                       "\"type\":\"int\"}]},{\"type\":\"record\",\"name\":\"Q\",\"fields\":["
                       "{\"name\":\"x\",\"type\":\"int\"}]}]";
    cell = decoded(wide, BYTES("\x04\x04\x00\x02\x0a\x00"));
    assert_int_equal(cell.type, MR_ARRAY);
    assert_int_equal(cell.branch, 2);
    assert_int_equal(cell.as.cells[0].type, MR_NULL);
    assert_int_equal(cell.as.cells[1].as.i, 5);
    assert_encodes(wide, &cell, BYTES("\x04\x04\x00\x02\x0a\x00"));
    /* Two records of one shape: the branch says which. */
    cell = decoded(wide, BYTES("\x08\x0a"));
    assert_int_equal(cell.branch, 4);
    assert_encodes(wide, &cell, BYTES("\x08\x0a"));
    cell.branch = 0;
    assert_encodes(wide, &cell, BYTES("\x06\x0a"));
}

#define NODE                                                                                       \
    "{\"type\":\"record\",\"name\":\"Node\",\"fields\":[{\"name\":\"v\",\"type\":\"int\"},"        \
    "{\"name\":\"next\",\"type\":[\"null\",\"Node\"]}]}"

static void test_recursive_records(void **state)
{
    (void)state;
    mr_cell cell = decoded(NODE, BYTES("\x02\x02\x04\x02\x06\x00"));
    assert_int_equal(cell.type, MR_RECORD);
    assert_int_equal(cell.len, 2);
    const mr_cell *second = &cell.as.cells[1];
    assert_int_equal(second->branch, 1);
    assert_int_equal(second->as.cells[0].as.i, 2);
    assert_int_equal(second->as.cells[1].as.cells[0].as.i, 3);
    assert_int_equal(second->as.cells[1].as.cells[1].type, MR_NULL);
    assert_encodes(NODE, &cell, BYTES("\x02\x02\x04\x02\x06\x00"));

    char deep[202];
    memset(deep, 2, sizeof deep);
    mr_error err = rejected(NODE, deep, sizeof deep, "nested deeper than 64");
    assert_non_null(strstr(err.field, "next.next.next"));
    rejected("{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"a\",\"type\":\"A\"}]}",
             "", 0, "nested deeper than 64");
}

static void test_malformed(void **state)
{
    (void)state;
    rejected("\"boolean\"", "", 0, "ends before a boolean");
    rejected("\"boolean\"", BYTES("\x02"), "boolean of 2");
    rejected("\"int\"", "", 0, "ends inside a number");
    rejected("\"int\"", BYTES("\x80"), "ends inside a number");
    rejected("\"int\"", BYTES("\x80\x80\x80\x80\x10"), "32 bits");
    rejected("\"long\"", BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), "64 bits");
    rejected("\"long\"", BYTES("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), "64 bits");
    rejected("\"double\"", BYTES("1234567"), "8 bytes, but 7 are left");
    rejected("\"float\"", BYTES("123"), "4 bytes, but 3");
    rejected("\"string\"", BYTES("\x08\x61"), "a length of 4 bytes, but 1 are left");
    rejected("\"string\"", BYTES("\x01\x61"), "a length of -1");
    rejected("\"bytes\"", BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "a length of -922");
    rejected("{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}", BYTES("ab"), "3 bytes, but 2");
    rejected("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", BYTES("\x02"), "symbol 1");
    rejected("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", BYTES("\x01"), "symbol -1");
    rejected("[\"null\",\"int\"]", BYTES("\x04"), "branch 2; the writer's schema has 2");
    rejected("[\"null\",\"int\"]", BYTES("\x01"), "branch -1");
    rejected("[\"string\",\"int\"]", BYTES("\x04"), "branch 2");
    rejected("\"int\"", BYTES("\x02\x02"), "1 bytes are left over");
    const char *array = "{\"type\":\"array\",\"items\":\"int\"}";
    rejected(array, BYTES("\x08\x02\x00"), "4 items, but 2 bytes");
    rejected(array, BYTES("\x02\x02"), "ends inside a number");
    rejected(array, BYTES("\x03\x20\x02\x02\x00"), "a length of 16");
    rejected(array, BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00"), "items");
    /* 2^60 values of no bytes. */
    rejected("{\"type\":\"array\",\"items\":\"null\"}",
             BYTES("\x80\x80\x80\x80\x80\x80\x80\x80\x20\x00"), "more values");
    rejected("{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"E\",\"fields\":[]}}",
             BYTES("\x80\x80\x80\x80\x80\x80\x80\x80\x20\x00"), "more values");
}

static void test_path_of_a_failure(void **state)
{
    (void)state;
    mr_error err = rejected(
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"legs\",\"type\":{\"type\":"
        "\"array\",\"items\":{\"type\":\"record\",\"name\":\"Leg\",\"fields\":[{\"name\":\"km\","
        "\"type\":\"int\"}]}}}]}",
        BYTES("\x04\x02\xff\xff\xff\xff\xff\x01\x00"), "field legs[1].km, byte 2 of 9");
    assert_string_equal(err.field, "legs[1].km");
}

static void test_encoder_promotes(void **state)
{
    (void)state;
    mr_cell n = {.type = MR_INT, .as.i = 3};
    assert_encodes("\"long\"", &n, BYTES("\x06"));
    assert_encodes("\"float\"", &n, BYTES("\x00\x00\x40\x40"));
    assert_encodes("\"double\"", &n, BYTES("\x00\x00\x00\x00\x00\x00\x08\x40"));
    assert_encodes("{\"type\":\"int\",\"logicalType\":\"date\"}", &n, BYTES("\x06"));
    assert_encodes("[\"null\",\"double\",\"long\",\"int\"]", &n, BYTES("\x06\x06"));
    assert_encodes("[\"null\",\"string\",\"long\"]", &n, BYTES("\x04\x06"));
    n.type = MR_LONG;
    assert_encodes("{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}", &n, BYTES("\x06"));
    n.type = MR_TIMESTAMP_MS;
    assert_encodes("\"long\"", &n, BYTES("\x06"));
    not_encoded("{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}", &n,
                "timestamp-millis where timestamp-micros");
    mr_cell text = {.type = MR_STRING, .len = 1, .as.text = "x"};
    assert_encodes("\"bytes\"", &text, BYTES("\x02x"));
    mr_cell decimal = {.type = MR_DECIMAL, .len = 1, .as.text = "\x80"};
    assert_encodes("{\"type\":\"fixed\",\"name\":\"F\",\"size\":3,\"logicalType\":\"decimal\","
                   "\"precision\":4}",
                   &decimal, BYTES("\xff\xff\x80"));
}

static void test_encoder_refuses(void **state)
{
    (void)state;
    mr_cell n = {.type = MR_LONG, .as.i = 3};
    not_encoded("\"int\"", &n, "a value of type long where int is expected");
    not_encoded("[\"null\",\"string\"]", &n, "type long fits no branch");
    n = (mr_cell){.type = MR_INT, .as.i = 1LL << 40};
    not_encoded("\"int\"", &n, "32 bits");
    mr_cell nested = {.type = MR_RECORD, .len = 1, .as.cells = &n};
    mr_error err = not_encoded("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"x\","
                               "\"type\":\"int\"}]}",
                               &nested, "field x");
    assert_string_equal(err.field, "x");
    not_encoded(NODE, &nested, "a record of 1 fields where Node has 2");
    mr_cell e = {.type = MR_ENUM, .symbol = 4, .len = 1, .as.text = "Z"};
    not_encoded("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", &e, "\"Z\" is no symbol");
    mr_cell fixed = {.type = MR_FIXED, .len = 1, .as.text = "x"};
    not_encoded("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", &fixed, "1 bytes for fixed F");
    mr_cell nulls[2] = {{.type = MR_NULL}, {.type = MR_NULL}};
    mr_cell map = {.type = MR_MAP, .len = 1, .as.cells = nulls};
    not_encoded("{\"type\":\"map\",\"values\":\"null\"}", &map, "key of a map");
}

static void test_enum_by_text(void **state)
{
    (void)state;
    mr_cell e = {.type = MR_ENUM, .symbol = 0, .len = 1, .as.text = "B"};
    assert_encodes("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}", &e,
                   BYTES("\x02"));
}

static void test_full_buffer(void **state)
{
    (void)state;
    const mr_schema *schema = parse("\"string\"");
    mr_encoder *encoder;
    mr_error err = {0};
    assert_int_equal(mr_encoder_new(schema, &encoder, &err), MR_OK);
    mr_schema_release(schema);
    mr_buffer out = MR_BUFFER_INIT(4);
    mr_cell fits = {.type = MR_STRING, .len = 3, .as.text = "abc"};
    mr_cell more = {.type = MR_STRING, .len = 4, .as.text = "abcd"};
    assert_int_equal(mr_encode(encoder, &more, &out, &err), MR_REJECT);
    assert_non_null(strstr(err.text, "limit of 4 bytes"));
    assert_int_equal(out.len, 0);
    assert_int_equal(mr_encode(encoder, &fits, &out, &err), MR_OK);
    assert_int_equal(out.len, 4);
    mr_buffer_release(&out);
    mr_encoder_free(encoder);
}

static void test_prefix(void **state)
{
    (void)state;
    const mr_schema *schema = parse("\"string\"");
    mr_decoder *decoder;
    mr_error err = {0};
    assert_int_equal(mr_decoder_new(schema, schema, &decoder, &err), MR_OK);
    mr_schema_release(schema);
    mr_cell cell;
    size_t used;
    assert_int_equal(mr_decode_prefix(decoder, BYTES("\x02xyz"), arena, &cell, &used, &err), MR_OK);
    assert_int_equal(used, 2);
    assert_int_equal(mr_decode(decoder, NULL, 0, arena, &cell, &err), MR_REJECT);
    mr_decoder_free(decoder);
}

static void test_single_object(void **state)
{
    (void)state;
    char header[MR_SINGLE_OBJECT_HEADER_BYTES];
    mr_single_object_header(0x0123456789abcdefu, header);
    assert_memory_equal(header, "\xc3\x01\xef\xcd\xab\x89\x67\x45\x23\x01", 10);
    uint64_t fingerprint = 0;
    assert_true(mr_single_object_parse(header, sizeof header, &fingerprint));
    assert_true(fingerprint == 0x0123456789abcdefu);
    assert_false(mr_single_object_parse(header, 9, &fingerprint));
    header[1] = 2;
    assert_false(mr_single_object_parse(header, sizeof header, &fingerprint));
    assert_false(mr_single_object_parse(NULL, 0, &fingerprint));
}

static void assert_described(const void *data, size_t len, const char *part)
{
    char out[200];
    mr_describe_bytes(data, len, out, sizeof out);
    if (!strstr(out, part)) {
        fail_msg("expected \"%s\" in \"%s\"", part, out);
    }
}

static void test_descriptions(void **state)
{
    (void)state;
    assert_described(NULL, 0, "no bytes at all");
    assert_described(BYTES("{\"id\":1}"), "starts with 7b 22 69 64 22: JSON text");
    assert_described(BYTES("\0\0\0\0\7abc"), "00 00 00 00 07: Confluent framing, schema id 7");
    assert_described(BYTES("\xc3\x01\1\0\0\0\0\0\0\0z"), "fingerprint 0000000000000001");
    assert_described(BYTES("\xc3\x01\1"), "cut off");
    assert_described(BYTES("Obj\1"), "container file");
    assert_described(BYTES("\x1f\x8b\x08"), "gzip");
    assert_described(BYTES("hello"), "text, neither");
    assert_described(BYTES("\x02\x04\x06"), "no kind that is known");
    char tiny[4];
    mr_describe_bytes("abc", 3, tiny, sizeof tiny);
    assert_int_equal(strlen(tiny), 3);
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
        TEST(test_numbers),          TEST(test_texts),
        TEST(test_collections),      TEST(test_many_small_blocks),
        TEST(test_unions),           TEST(test_recursive_records),
        TEST(test_malformed),        TEST(test_path_of_a_failure),
        TEST(test_encoder_promotes), TEST(test_encoder_refuses),
        TEST(test_enum_by_text),     TEST(test_full_buffer),
        TEST(test_prefix),           TEST(test_single_object),
        TEST(test_descriptions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
