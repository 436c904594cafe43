/* SPDX-License-Identifier: Apache-2.0 */
/* Cells written as BSON, and what JSON texts stand for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "bson_random.h"
#include "codec/bson_shape.h"
#include "codec/schema.h"

static const mr_schema *parse(const char *json)
{
    const mr_schema *schema;
    mr_error err;
    if (mr_schema_parse(json, strlen(json), &schema, &err)) {
        fail_msg("%s", err.text);
    }
    return schema;
}

static mr_cell integer(mr_type type, int64_t i)
{
    return (mr_cell){.type = (uint8_t)type, .as.i = i};
}

static mr_cell bytes(mr_type type, const char *text, size_t len)
{
    return (mr_cell){.type = (uint8_t)type, .len = (uint32_t)len, .as.text = text};
}

static mr_cell number(mr_type type, double d)
{
    return (mr_cell){.type = (uint8_t)type, .as.d = d};
}

static mr_cell many(mr_type type, const mr_cell *cells, size_t len)
{
    return (mr_cell){.type = (uint8_t)type, .len = (uint32_t)len, .as.cells = cells};
}

static const mr_cell none = {.type = MR_NULL};

#define TEXT(type, text) bytes(type, text, sizeof(text) - 1)

/* --- One value of each type ------------------------------------------------------------------- */

/* Writes the cell as {"v": cell} of a schema of that type; "" when it is rejected. */
static void expect_put(const char *type, mr_cell cell, const char *want)
{
    const mr_schema *schema = parse(type);
    mr_bson_encoder *encoder = mr_bson_encoder_new(schema);
    mr_buffer out = MR_BUFFER_INIT(1 << 20), json = MR_BUFFER_INIT(1 << 20);
    mr_error err;
    size_t begun = mr_bson_begin(&out), before = out.len;
    mr_status status = mr_bson_encode_value(encoder, "v", &cell, &out, &err);
    if (!*want) {
        assert_int_equal(status, MR_REJECT);
        assert_int_equal(out.len, before);
        assert_true(*err.text);
    } else {
        if (status) {
            fail_msg("%s: %s", type, err.text);
        }
        mr_bson_end(&out, begun);
        assert_int_equal(mr_bson_check(out.data, out.len, &err), MR_OK);
        mr_bson_json((mr_slice){out.data, out.len}, true, &json);
        char whole[600];
        snprintf(whole, sizeof whole, "{\"v\":%s}", want);
        assert_string_equal(mr_buffer_text(&json), whole);
    }
    mr_buffer_release(&out);
    mr_buffer_release(&json);
    mr_bson_encoder_free(encoder);
    mr_schema_release(schema);
}

#define DECIMAL(scale)                                                                             \
    "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":50,\"scale\":" scale "}"
#define LOGICAL(base, name) "{\"type\":\"" base "\",\"logicalType\":\"" name "\"}"
#define FIXED(name, size)   "{\"type\":\"fixed\",\"name\":\"" name "\",\"size\":" size "}"
#define DATE(ms)            "{\"$date\":{\"$numberLong\":\"" ms "\"}}"

static void simple_types_have_their_own(void **state)
{
    (void)state;
    expect_put("\"null\"", none, "null");
    expect_put("\"boolean\"", integer(MR_BOOL, 1), "true");
    expect_put("\"boolean\"", integer(MR_BOOL, 0), "false");
    expect_put("\"int\"", integer(MR_INT, -5), "{\"$numberInt\":\"-5\"}");
    expect_put("\"int\"", integer(MR_INT, INT64_C(1) << 31), "");
    expect_put("\"long\"", integer(MR_LONG, INT64_MIN),
               "{\"$numberLong\":\"-9223372036854775808\"}");
    expect_put("\"float\"", number(MR_FLOAT, 0.5), "{\"$numberDouble\":\"0.5\"}");
    expect_put("\"double\"", number(MR_DOUBLE, -0.0), "{\"$numberDouble\":\"-0.0\"}");
    expect_put("\"string\"", TEXT(MR_STRING, "a\0b"), "\"a\\u0000b\"");
    expect_put("\"string\"", TEXT(MR_STRING, ""), "\"\"");
    expect_put("\"string\"", TEXT(MR_STRING, "abc\xff"), "");
    expect_put("\"string\"", TEXT(MR_STRING, "a text of some length, with a \xc3"), "");
    expect_put("\"string\"", TEXT(MR_STRING, "\xe2\x82\xac and text of more than 32 bytes in all"),
               "\"\xe2\x82\xac and text of more than 32 bytes in all\"");
    expect_put("\"bytes\"", TEXT(MR_BYTES, "\xff"),
               "{\"$binary\":{\"base64\":\"/w==\",\"subType\":\"00\"}}");
    expect_put(FIXED("F", "2"), TEXT(MR_FIXED, "ab"),
               "{\"$binary\":{\"base64\":\"YWI=\",\"subType\":\"00\"}}");
    expect_put(FIXED("F", "2"), TEXT(MR_FIXED, "abc"), "");
    expect_put(FIXED("millrace.ObjectId", "12"), TEXT(MR_FIXED, "abcdefghijkl"),
               "{\"$oid\":\"6162636465666768696a6b6c\"}");
    expect_put(FIXED("millrace.Decimal128", "16"),
               TEXT(MR_FIXED, "\x7b\0\0\0\0\0\0\0\0\0\0\0\0\0\x3c\x30"),
               "{\"$numberDecimal\":\"1.23\"}");
    expect_put("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", TEXT(MR_ENUM, "A"),
               "\"A\"");
}

static void logical_types_have_their_own(void **state)
{
    (void)state;
    expect_put(DECIMAL("2"), TEXT(MR_DECIMAL, "\x7b"), "{\"$numberDecimal\":\"1.23\"}");
    expect_put(DECIMAL("2"), TEXT(MR_DECIMAL, "\xff\x85"), "{\"$numberDecimal\":\"-1.23\"}");
    expect_put(DECIMAL("0"), TEXT(MR_DECIMAL, "\x80"), "{\"$numberDecimal\":\"-128\"}");
    expect_put(DECIMAL("3"), TEXT(MR_DECIMAL, ""), "{\"$numberDecimal\":\"0.000\"}");
    expect_put(DECIMAL("0"), TEXT(MR_DECIMAL, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0"),
               "{\"$numberDecimal\":\"256\"}");
    /* 10^34 - 1, the same negative, and 10^34. */
    expect_put(DECIMAL("0"),
               TEXT(MR_DECIMAL, "\1\xed\x09\xbe\xad\x87\xc0\x37\x8d\x8e\x63\xff\xff\xff\xff"),
               "{\"$numberDecimal\":\"9999999999999999999999999999999999\"}");
    expect_put(DECIMAL("0"),
               TEXT(MR_DECIMAL, "\xfe\x12\xf6\x41\x52\x78\x3f\xc8\x72\x71\x9c\0\0\0\1"),
               "{\"$numberDecimal\":\"-9999999999999999999999999999999999\"}");
    expect_put(DECIMAL("0"), TEXT(MR_DECIMAL, "\1\xed\x09\xbe\xad\x87\xc0\x37\x8d\x8e\x64\0\0\0\0"),
               "");
    expect_put(DECIMAL("0"), TEXT(MR_DECIMAL, "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), "");
    expect_put(LOGICAL("string", "uuid"), TEXT(MR_UUID, "656f0001-0203-0405-0607-08090a0b0c0d"),
               "{\"$binary\":{\"base64\":\"ZW8AAQIDBAUGBwgJCgsMDQ==\",\"subType\":\"04\"}}");
    expect_put(LOGICAL("string", "uuid"), TEXT(MR_UUID, "656f0001-0203"), "");
    expect_put(LOGICAL("int", "date"), integer(MR_DATE, -1), DATE("-86400000"));
    expect_put(LOGICAL("int", "time-millis"), integer(MR_TIME_MS, 7), "{\"$numberLong\":\"7\"}");
    expect_put(LOGICAL("long", "timestamp-millis"), integer(MR_TIMESTAMP_MS, 7), DATE("7"));
    expect_put(LOGICAL("long", "timestamp-micros"), integer(MR_TIMESTAMP_US, 7999), DATE("7"));
    expect_put(LOGICAL("long", "timestamp-micros"), integer(MR_TIMESTAMP_US, -1), DATE("-1"));
    expect_put(LOGICAL("long", "timestamp-micros"), integer(MR_TIMESTAMP_US, -1000), DATE("-1"));
    expect_put(LOGICAL("long", "local-timestamp-micros"), integer(MR_LOCAL_TIMESTAMP_US, 1000),
               DATE("1"));
    expect_put("{\"type\":\"fixed\",\"name\":\"D\",\"size\":12,\"logicalType\":\"duration\"}",
               TEXT(MR_DURATION, "\1\0\0\0\2\0\0\0\xff\xff\xff\xff"),
               "{\"months\":{\"$numberLong\":\"1\"},\"days\":{\"$numberLong\":\"2\"},"
               "\"milliseconds\":{\"$numberLong\":\"4294967295\"}}");
}

static void containers_nest(void **state)
{
    (void)state;
    mr_cell three[] = {integer(MR_INT, 1), TEXT(MR_STRING, "x"), none};
    three[1].branch = 1;
    three[2].branch = 2;
    expect_put("{\"type\":\"array\",\"items\":[\"int\",\"string\",\"null\"]}",
               many(MR_ARRAY, three, 3), "[{\"$numberInt\":\"1\"},\"x\",null]");
    expect_put("{\"type\":\"array\",\"items\":\"int\"}", many(MR_ARRAY, NULL, 0), "[]");
    mr_cell map[] = {TEXT(MR_STRING, "a.b"), integer(MR_INT, 1), TEXT(MR_STRING, ""),
                     integer(MR_INT, 2)};
    expect_put("{\"type\":\"map\",\"values\":\"int\"}", many(MR_MAP, map, 2),
               "{\"a.b\":{\"$numberInt\":\"1\"},\"\":{\"$numberInt\":\"2\"}}");
    mr_cell zero[] = {TEXT(MR_STRING, "a\0b"), integer(MR_INT, 1)};
    expect_put("{\"type\":\"map\",\"values\":\"int\"}", many(MR_MAP, zero, 1), "");
}

static void unions_go_by_branch_then_type(void **state)
{
    (void)state;
    mr_cell cell = integer(MR_LONG, 5);
    cell.branch = 7; /* of some other schema */
    expect_put("[\"null\",\"string\",\"long\"]", cell, "{\"$numberLong\":\"5\"}");
    expect_put("[\"null\",\"string\",\"double\"]", cell, "{\"$numberDouble\":\"5.0\"}");
    expect_put("[\"null\",\"string\"]", cell, "");
    expect_put("[\"string\",\"int\"]", none, "");
    expect_put("\"long\"", integer(MR_INT, 5), "{\"$numberLong\":\"5\"}");
    expect_put("\"double\"", number(MR_FLOAT, 0.5), "{\"$numberDouble\":\"0.5\"}");
    expect_put("\"string\"", TEXT(MR_ENUM, "A"), "\"A\"");
    expect_put("\"string\"", integer(MR_INT, 5), "");
    expect_put("\"int\"", integer(MR_LONG, 5), "");
}

/* --- Records ---------------------------------------------------------------------------------- */

static const char shaped[] =
    "{\"type\":\"record\",\"name\":\"R\",\"aliases\":[\"millrace.Document\"],\"fields\":["
    "{\"name\":\"a_b\",\"type\":[\"null\",\"int\"],\"default\":null,\"doc\":\"a.b\"},"
    "{\"name\":\"s\",\"type\":[\"null\",\"string\"],\"default\":null}]}";
static const char given[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
    "{\"name\":\"a_b\",\"type\":[\"null\",\"int\"],\"default\":null,\"doc\":\"a.b\"},"
    "{\"name\":\"s\",\"type\":[\"null\",\"string\"],\"default\":null}]}";

static void expect_record(const char *type, const mr_cell *cells, size_t count, const char *want)
{
    const mr_schema *schema = parse(type);
    mr_bson_encoder *encoder = mr_bson_encoder_new(schema);
    mr_buffer out = MR_BUFFER_INIT(1 << 20), json = MR_BUFFER_INIT(1 << 20);
    mr_cell record = many(MR_RECORD, cells, count);
    mr_error err;
    mr_buffer_add_text(&out, "before");
    assert_int_equal(mr_bson_encode(encoder, &record, &out, &err), MR_OK);
    assert_memory_equal(out.data, "before", 6);
    assert_int_equal(mr_bson_check(out.data + 6, out.len - 6, &err), MR_OK);
    mr_bson_json((mr_slice){out.data + 6, out.len - 6}, true, &json);
    assert_string_equal(mr_buffer_text(&json), want);
    mr_buffer_release(&out);
    mr_buffer_release(&json);
    mr_bson_encoder_free(encoder);
    mr_schema_release(schema);
}

static void nulls_are_absent_or_not(void **state)
{
    (void)state;
    mr_cell cells[] = {none, TEXT(MR_STRING, "x")};
    cells[1].branch = 1;
    expect_record(shaped, cells, 2, "{\"s\":\"x\"}");
    expect_record(given, cells, 2, "{\"a_b\":null,\"s\":\"x\"}");
    mr_cell full[] = {integer(MR_INT, 1), none};
    full[0].branch = 1;
    expect_record(shaped, full, 2, "{\"a.b\":{\"$numberInt\":\"1\"}}");
    expect_record(given, full, 2, "{\"a_b\":{\"$numberInt\":\"1\"},\"s\":null}");
}

static void fields_can_be_written_alone(void **state)
{
    (void)state;
    const mr_schema *schema = parse(shaped);
    mr_bson_encoder *encoder = mr_bson_encoder_new(schema);
    mr_buffer out = MR_BUFFER_INIT(1 << 20), json = MR_BUFFER_INIT(1 << 20);
    mr_error err;
    mr_cell one = integer(MR_INT, 1), bad = TEXT(MR_STRING, "\xff");
    one.branch = bad.branch = 1;
    size_t begun = mr_bson_begin(&out);
    assert_int_equal(mr_bson_encode_field(encoder, 0, NULL, &one, &out, &err), MR_OK);
    assert_int_equal(mr_bson_encode_field(encoder, 0, "_id", &one, &out, &err), MR_OK);
    assert_int_equal(mr_bson_encode_field(encoder, 1, "n", &none, &out, &err), MR_OK);
    assert_int_equal(mr_bson_encode_field(encoder, 1, "n", &bad, &out, &err), MR_REJECT);
    assert_string_equal(err.field, "s");
    mr_bson_end(&out, begun);
    mr_bson_json((mr_slice){out.data, out.len}, true, &json);
    assert_string_equal(mr_buffer_text(&json),
                        "{\"a.b\":{\"$numberInt\":\"1\"},\"_id\":{\"$numberInt\":\"1\"},"
                        "\"n\":null}");
    mr_buffer_release(&out);
    mr_buffer_release(&json);
    mr_bson_encoder_free(encoder);
    mr_schema_release(schema);
}

static void rejects_say_where_and_leave_nothing(void **state)
{
    (void)state;
    const mr_schema *schema =
        parse("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"l\",\"type\":{\"type\":"
              "\"array\",\"items\":{\"type\":\"record\",\"name\":\"L\",\"fields\":[{\"name\":\"m\","
              "\"type\":{\"type\":\"map\",\"values\":\"string\"}}]}}}]}");
    mr_bson_encoder *encoder = mr_bson_encoder_new(schema);
    mr_cell entries[] = {TEXT(MR_STRING, "k"), TEXT(MR_STRING, "\xff")};
    mr_cell map = many(MR_MAP, entries, 1), line = many(MR_RECORD, &map, 1);
    mr_cell list = many(MR_ARRAY, &line, 1), record = many(MR_RECORD, &list, 1);
    mr_buffer out = MR_BUFFER_INIT(1 << 20);
    mr_error err;
    mr_buffer_add_text(&out, "x");
    assert_int_equal(mr_bson_encode(encoder, &record, &out, &err), MR_REJECT);
    assert_string_equal(err.field, "l[0].m.k");
    assert_int_equal(out.len, 1);

    entries[1] = TEXT(MR_STRING, "fine");
    mr_buffer small = MR_BUFFER_INIT(20);
    assert_int_equal(mr_bson_encode(encoder, &record, &small, &err), MR_REJECT);
    assert_non_null(strstr(err.text, "limit of 20 bytes"));
    assert_int_equal(small.len, 0);
    assert_false(small.failed);

    mr_buffer large = MR_BUFFER_INIT(64 << 20);
    char *huge = mr_calloc(17 << 20, 1);
    entries[1] = bytes(MR_STRING, huge, 17 << 20);
    assert_int_equal(mr_bson_encode(encoder, &record, &large, &err), MR_REJECT);
    assert_non_null(strstr(err.text, "a document may have 16777216"));
    assert_int_equal(large.len, 0);
    free(huge);

    mr_cell other = many(MR_RECORD, &map, 0), text = TEXT(MR_STRING, "x");
    assert_int_equal(mr_bson_encode(encoder, &other, &out, &err), MR_REJECT);
    assert_int_equal(mr_bson_encode(encoder, &text, &out, &err), MR_REJECT);
    mr_buffer_release(&small);
    mr_buffer_release(&large);
    mr_buffer_release(&out);
    mr_bson_encoder_free(encoder);
    mr_schema_release(schema);
}

static void maps_and_json_are_documents_too(void **state)
{
    (void)state;
    static const struct {
        const char *type, *text;
        bool json;
    } roots[] = {{"{\"type\":\"map\",\"values\":\"string\"}", NULL, false},
                 {"[\"null\",{\"type\":\"map\",\"values\":\"string\"}]", NULL, false},
                 {"{\"type\":\"record\",\"name\":\"millrace.Json\",\"fields\":[{\"name\":\"json\","
                  "\"type\":\"string\"}]}",
                  "{\"k\":\"v\"}", true},
                 {"{\"type\":\"record\",\"name\":\"millrace.Json\",\"fields\":[{\"name\":\"json\","
                  "\"type\":\"string\"}]}",
                  "[1]", true}};
    for (size_t i = 0; i < 4; i++) {
        const mr_schema *schema = parse(roots[i].type);
        mr_bson_encoder *encoder = mr_bson_encoder_new(schema);
        mr_cell entries[] = {TEXT(MR_STRING, "k"), TEXT(MR_STRING, "v")}, text, root;
        text = bytes(MR_STRING, roots[i].text, roots[i].text ? strlen(roots[i].text) : 0);
        root = roots[i].json ? many(MR_RECORD, &text, 1) : many(MR_MAP, entries, 1);
        mr_buffer out = MR_BUFFER_INIT(1 << 20);
        mr_error err;
        static const char want[] = "\x0e\0\0\0\2k\0\2\0\0\0v\0";
        if (i == 3) {
            assert_int_equal(mr_bson_encode(encoder, &root, &out, &err), MR_REJECT);
            assert_int_equal(out.len, 0);
        } else {
            assert_int_equal(mr_bson_encode(encoder, &root, &out, &err), MR_OK);
            assert_int_equal(out.len, sizeof want);
            assert_memory_equal(out.data, want, sizeof want);
        }
        mr_buffer_release(&out);
        mr_bson_encoder_free(encoder);
        mr_schema_release(schema);
    }
}

/* --- JSON ------------------------------------------------------------------------------------- */

/* As one field of millrace.Json: the value, as canonical extended JSON. */
static void expect_json(const char *json, const char *want)
{
    mr_cell text = bytes(MR_STRING, json, strlen(json));
    expect_put("{\"type\":\"record\",\"name\":\"millrace.Json\",\"fields\":[{\"name\":\"json\","
               "\"type\":\"string\"}]}",
               many(MR_RECORD, &text, 1), want);
}

static void json_is_what_it_says(void **state)
{
    (void)state;
    static const char *const canonical[] = {
        "null",
        "true",
        "\"text\"",
        "{\"$numberInt\":\"-2147483648\"}",
        "{\"$numberLong\":\"9223372036854775807\"}",
        "{\"$numberDouble\":\"-Infinity\"}",
        "{\"$numberDouble\":\"1e-300\"}",
        "{\"$numberDecimal\":\"1.20E+9\"}",
        "{\"$oid\":\"656f00010203040506070809\"}",
        "{\"$date\":{\"$numberLong\":\"-1\"}}",
        "{\"$binary\":{\"base64\":\"YWI=\",\"subType\":\"80\"}}",
        "{\"$binary\":{\"base64\":\"\",\"subType\":\"02\"}}",
        "{\"$binary\":{\"base64\":\"YWJj\",\"subType\":\"02\"}}",
        "{\"$regularExpression\":{\"pattern\":\"^a\",\"options\":\"im\"}}",
        "{\"$timestamp\":{\"t\":4294967295,\"i\":1}}",
        "{\"$minKey\":1}",
        "{\"$maxKey\":1}",
        "{\"$undefined\":true}",
        "{\"$code\":\"f()\"}",
        "{\"$code\":\"f()\",\"$scope\":{\"x\":{\"$numberInt\":\"1\"}}}",
        "{\"$symbol\":\"s\"}",
        "{\"$dbPointer\":{\"$ref\":\"c\",\"$id\":{\"$oid\":\"656f00010203040506070809\"}}}",
        "{\"a\":[{\"b\":{}},[]],\"\":null}",
    };
    for (size_t i = 0; i < sizeof canonical / sizeof *canonical; i++) {
        expect_json(canonical[i], canonical[i]);
    }
    expect_json("5", "{\"$numberInt\":\"5\"}");
    expect_json("3000000000", "{\"$numberLong\":\"3000000000\"}");
    expect_json(" 5.0 ", "{\"$numberDouble\":\"5.0\"}");
    expect_json("{\"$date\":\"2024-02-29T23:59:59.5Z\"}", DATE("1709251199500"));
    expect_json("{\"$date\":\"1960-01-01T00:00:00Z\"}", DATE("-315619200000"));
    expect_json("{\"$uuid\":\"656f0001-0203-0405-0607-08090a0b0c0d\"}",
                "{\"$binary\":{\"base64\":\"ZW8AAQIDBAUGBwgJCgsMDQ==\",\"subType\":\"04\"}}");
}

/* What looks like a type but has not its form is a document; what is no JSON is text. */
static void json_that_says_nothing_special(void **state)
{
    (void)state;
    expect_json("{\"$oid\":\"xyz\"}", "{\"$oid\":\"xyz\"}");
    expect_json("{\"$oid\":5}", "{\"$oid\":{\"$numberInt\":\"5\"}}");
    expect_json("{\"$numberInt\":\"3000000000\"}", "{\"$numberInt\":\"3000000000\"}");
    expect_json("{\"$numberInt\":\" 5\"}", "{\"$numberInt\":\" 5\"}");
    expect_json("{\"$numberDouble\":\"\"}", "{\"$numberDouble\":\"\"}");
    expect_json("{\"$minKey\":2}", "{\"$minKey\":{\"$numberInt\":\"2\"}}");
    expect_json("{\"$date\":\"2024-13-01T00:00:00Z\"}", "{\"$date\":\"2024-13-01T00:00:00Z\"}");
    expect_json("{\"$binary\":{\"base64\":\"YW=\",\"subType\":\"00\"}}",
                "{\"$binary\":{\"base64\":\"YW=\",\"subType\":\"00\"}}");
    expect_json("{\"$set\":{\"a\":true}}", "{\"$set\":{\"a\":true}}");
    expect_json("{\"$code\":\"f\",\"$oid\":true}", "{\"$code\":\"f\",\"$oid\":true}");
    expect_json("{\"a\":", "\"{\\\"a\\\":\"");
    expect_json("", "\"\"");
    expect_json("123456789012345678901234567890", "\"123456789012345678901234567890\"");
}

static void random_documents_survive_json(void **state)
{
    (void)state;
    random_bson random = {7, true};
    mr_buffer document = MR_BUFFER_INIT(1 << 24), json = MR_BUFFER_INIT(1 << 24);
    mr_buffer back = MR_BUFFER_INIT(1 << 24);
    size_t compared = 0;
    for (int i = 0; i < 500; i++) {
        mr_slice first = random_bson_make(&random, &document);
        mr_buffer_clear(&json);
        mr_buffer_clear(&back);
        mr_bson_json(first, true, &json);
        /* Which of the many NaN or of the ways to write a Decimal128 it was is lost. */
        if (strstr(mr_buffer_text(&json), "NaN") || strstr(json.data, "Decimal")) {
            continue;
        }
        size_t begun = mr_bson_begin(&back);
        assert_true(mr_bson_add_json_fields(&back, (mr_slice){json.data, json.len}));
        mr_bson_end(&back, begun);
        assert_int_equal(back.len, first.len);
        assert_memory_equal(back.data, first.data, first.len);
        compared++;
    }
    assert_true(compared > 100);
    mr_buffer_release(&document);
    mr_buffer_release(&json);
    mr_buffer_release(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(simple_types_have_their_own),
        cmocka_unit_test(logical_types_have_their_own),
        cmocka_unit_test(containers_nest),
        cmocka_unit_test(unions_go_by_branch_then_type),
        cmocka_unit_test(nulls_are_absent_or_not),
        cmocka_unit_test(fields_can_be_written_alone),
        cmocka_unit_test(rejects_say_where_and_leave_nothing),
        cmocka_unit_test(maps_and_json_are_documents_too),
        cmocka_unit_test(json_is_what_it_says),
        cmocka_unit_test(json_that_says_nothing_special),
        cmocka_unit_test(random_documents_survive_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
