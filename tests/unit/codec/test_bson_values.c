/* SPDX-License-Identifier: Apache-2.0 */
/* BSON as extended JSON, Decimal128 as text and numbers, documents that are the same. What other
 * implementations say is in tests/contract and tests/integration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "codec/bson.h"
#include "codec/decimal128.h"

static mr_buffer first = MR_BUFFER_INIT(1 << 20), second = MR_BUFFER_INIT(1 << 20);
static mr_buffer json = MR_BUFFER_INIT(1 << 20);

static int release(void **state)
{
    (void)state;
    mr_buffer_release(&first);
    mr_buffer_release(&second);
    mr_buffer_release(&json);
    return 0;
}

static mr_slice end(mr_buffer *out, size_t begun)
{
    mr_error err;
    mr_bson_end(out, begun);
    if (mr_bson_check(out->data, out->len, &err) != MR_OK) {
        fail_msg("%s", err.text);
    }
    return (mr_slice){out->data, out->len};
}

static size_t begin(mr_buffer *out)
{
    mr_buffer_clear(out);
    return mr_bson_begin(out);
}

/* The document {"v": value} as canonical and as relaxed JSON of the value. */
static void assert_json(size_t begun, const char *canonical, const char *relaxed)
{
    mr_slice document = end(&first, begun);
    for (int i = 0; i < 2; i++) {
        mr_bson_element v;
        assert_true(mr_bson_find(document, "v", &v));
        mr_buffer_clear(&json);
        mr_bson_value_json(&v, !i, &json);
        assert_string_equal(mr_buffer_text(&json), i ? relaxed : canonical);
    }
}

static void assert_json_of(uint8_t type, const char *bytes, size_t len, const char *want)
{
    size_t begun = begin(&first);
    mr_bson_add_value(&first, "v", type, (mr_slice){bytes, len});
    assert_json(begun, want, want);
}
#define JSON_OF(type, bytes, want) assert_json_of(type, bytes, sizeof bytes - 1, want)

static void json_of_every_type(void **state)
{
    (void)state;
    JSON_OF(MR_BSON_STRING, "\4\0\0\0a\0\n\0", "\"a\\u0000\\u000a\"");
    JSON_OF(MR_BSON_STRING, "\3\0\0\0\xffx\0", "\"\xef\xbf\xbdx\"");
    JSON_OF(MR_BSON_OBJECT_ID, "\1\2\3\4\5\6\7\x08\x09\xab\xcd\xef",
            "{\"$oid\":\"010203040506070809abcdef\"}");
    JSON_OF(MR_BSON_SYMBOL, "\2\0\0\0s\0", "{\"$symbol\":\"s\"}");
    JSON_OF(MR_BSON_CODE, "\2\0\0\0f\0", "{\"$code\":\"f\"}");
    JSON_OF(MR_BSON_CODE_WITH_SCOPE, "\x0f\0\0\0\2\0\0\0g\0\5\0\0\0\0",
            "{\"$code\":\"g\",\"$scope\":{}}");
    JSON_OF(MR_BSON_BINARY, "\1\0\0\0\x80\xff",
            "{\"$binary\":{\"base64\":\"/w==\",\"subType\":\"80\"}}");
    JSON_OF(MR_BSON_BINARY, "\5\0\0\0\2\1\0\0\0\xff",
            "{\"$binary\":{\"base64\":\"/w==\",\"subType\":\"02\"}}");
    JSON_OF(MR_BSON_TIMESTAMP, "\1\0\0\0\xff\xff\xff\xff",
            "{\"$timestamp\":{\"t\":4294967295,\"i\":1}}");
    JSON_OF(MR_BSON_REGEX, "^a\"\0xi\0",
            "{\"$regularExpression\":{\"pattern\":\"^a\\\"\",\"options\":\"ix\"}}");
    JSON_OF(MR_BSON_REGEX, "\0\0", "{\"$regularExpression\":{\"pattern\":\"\",\"options\":\"\"}}");
    JSON_OF(MR_BSON_DB_POINTER, "\2\0\0\0c\0abcdefghijkl",
            "{\"$dbPointer\":{\"$ref\":\"c\",\"$id\":{\"$oid\":\"6162636465666768696a6b6c\"}}}");
    JSON_OF(MR_BSON_DECIMAL128, "\x7d\0\0\0\0\0\0\0\0\0\0\0\0\0\x3e\xb0",
            "{\"$numberDecimal\":\"-12.5\"}");
    JSON_OF(MR_BSON_UNDEFINED, "", "{\"$undefined\":true}");
    JSON_OF(MR_BSON_MIN_KEY, "", "{\"$minKey\":1}");
    JSON_OF(MR_BSON_MAX_KEY, "", "{\"$maxKey\":1}");
    JSON_OF(MR_BSON_NULL, "", "null");
    JSON_OF(MR_BSON_BOOL, "\1", "true");
    JSON_OF(MR_BSON_BOOL, "\0", "false");
    JSON_OF(MR_BSON_DOCUMENT, "\5\0\0\0\0", "{}");
    JSON_OF(MR_BSON_ARRAY, "\5\0\0\0\0", "[]");
    JSON_OF(MR_BSON_ARRAY, "\x0a\0\0\0\x0a\0\x08\0\1\0", "[null,true]"); /* whatever the names */
}

static void json_that_depends(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *canonical, *relaxed;
    } doubles[] = {
        {1, "{\"$numberDouble\":\"1.0\"}", "1.0"},
        {-0.0, "{\"$numberDouble\":\"-0.0\"}", "-0.0"},
        {0.1, "{\"$numberDouble\":\"0.1\"}", "0.1"},
        {1e300, "{\"$numberDouble\":\"1e+300\"}", "1e+300"},
        {(double)NAN, "{\"$numberDouble\":\"NaN\"}", "{\"$numberDouble\":\"NaN\"}"},
        {-(double)INFINITY, "{\"$numberDouble\":\"-Infinity\"}",
         "{\"$numberDouble\":\"-Infinity\"}"},
    };
    static const struct {
        int64_t ms;
        const char *relaxed;
    } dates[] = {
        {0, "{\"$date\":\"1970-01-01T00:00:00Z\"}"},
        {1553372469070, "{\"$date\":\"2019-03-23T20:21:09.070Z\"}"},
        {253402300799999, "{\"$date\":\"9999-12-31T23:59:59.999Z\"}"},
        {253402300800000, "{\"$date\":{\"$numberLong\":\"253402300800000\"}}"},
        {-1, "{\"$date\":{\"$numberLong\":\"-1\"}}"},
    };
    for (size_t i = 0; i < sizeof doubles / sizeof *doubles; i++) {
        size_t begun = begin(&first);
        mr_bson_add_double(&first, "v", doubles[i].value);
        assert_json(begun, doubles[i].canonical, doubles[i].relaxed);
    }
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        char canonical[80];
        size_t begun = begin(&first);
        snprintf(canonical, sizeof canonical, "{\"$date\":{\"$numberLong\":\"%lld\"}}",
                 (long long)dates[i].ms);
        mr_bson_add_date(&first, "v", dates[i].ms);
        assert_json(begun, canonical, dates[i].relaxed);
    }
    size_t begun = begin(&first);
    mr_bson_add_int32(&first, "v", -5);
    assert_json(begun, "{\"$numberInt\":\"-5\"}", "-5");
    begun = begin(&first);
    mr_bson_add_int64(&first, "v", INT64_MIN);
    assert_json(begun, "{\"$numberLong\":\"-9223372036854775808\"}", "-9223372036854775808");
    begun = begin(&first);
    mr_bson_add_int32(&first, "a\"", 1);
    mr_bson_add_null(&first, "");
    mr_buffer_clear(&json);
    mr_bson_json(end(&first, begun), false, &json);
    assert_string_equal(mr_buffer_text(&json), "{\"a\\\"\":1,\"\":null}");
}

/* --- Decimal128 ------------------------------------------------------------------------------ */

static void decimals(void **state)
{
    (void)state;
    static const struct {
        const char *text, *again; /* NULL: the same */
        int64_t whole;
        double near;
    } table[] = {
        {"0", NULL, 0, 0},
        {"12.50", NULL, 12, 12.5},
        {"-0.001", NULL, 0, -0.001},
        {"1E+3", NULL, 1000, 1000},
        {"+1e3", "1E+3", 1000, 1000},
        {".5", "0.5", 0, 0.5},
        {"5.", "5", 5, 5},
        {"0.0000001", "1E-7", 0, 1e-7},
        {"0.000001", NULL, 0, 1e-6},
        {"9223372036854775807", NULL, INT64_MAX, 0x1p63},
        {"9223372036854775808", NULL, INT64_MAX, 0x1p63},
        {"-9223372036854775808", NULL, INT64_MIN, -0x1p63},
        {"-9223372036854775809", NULL, INT64_MIN, -0x1p63},
        {"99999999999999999999", NULL, INT64_MAX, 1e20},
        {"9999999999999999999", NULL, INT64_MAX, 1e19},
        {"1E+6144", "1.000000000000000000000000000000000E+6144", INT64_MAX, INFINITY},
        {"-Infinity", NULL, INT64_MIN, -INFINITY},
        {"1234567890123456789012345678901234", NULL, INT64_MAX,
         1234567890123456789012345678901234.},
        {"0.1234567890123456789012345678901234", NULL, 0, 0.1234567890123456789012345678901234},
        {"1234567890123456789012345678901234000", "1.234567890123456789012345678901234E+36",
         INT64_MAX, 1234567890123456789012345678901234000.},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char bits[MR_DECIMAL128_BYTES], text[MR_DECIMAL128_TEXT_BYTES];
        assert_true(mr_decimal128_parse(table[i].text, strlen(table[i].text), bits));
        text[mr_decimal128_text(bits, text)] = '\0';
        assert_string_equal(text, table[i].again ? table[i].again : table[i].text);
        mr_bson_element e = {MR_BSON_DECIMAL128, {"", 0}, {bits, sizeof bits}};
        assert_true(mr_bson_int(&e) == table[i].whole);
        assert_true(mr_bson_double(&e) == table[i].near);
    }
    static const char *const none[] = {"",
                                       "x",
                                       "1x",
                                       "1 ",
                                       "--1",
                                       "1e",
                                       "12345678901234567890123456789012345",
                                       "1.2.3",
                                       "0x1",
                                       "1E+6145",
                                       "1E-6177",
                                       "infinityx"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        char bits[MR_DECIMAL128_BYTES];
        assert_false(mr_decimal128_parse(none[i], strlen(none[i]), bits));
    }
}

static void numbers_beyond_are_cut(void **state)
{
    (void)state;
    static const struct {
        double value;
        int64_t whole;
    } table[] = {{1.9, 1},
                 {-1.9, -1},
                 {1e300, INT64_MAX},
                 {-1e300, INT64_MIN},
                 {0x1p63, INT64_MAX},
                 {-0x1p63, INT64_MIN},
                 {(double)NAN, 0}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        size_t begun = begin(&first);
        mr_bson_element v;
        mr_bson_add_double(&first, "v", table[i].value);
        assert_true(mr_bson_find(end(&first, begun), "v", &v));
        assert_true(mr_bson_int(&v) == table[i].whole);
    }
}

/* --- The same -------------------------------------------------------------------------------- */

/* Fields of {a: 1, b: {x: "1", y: [1, {p: 1, q: 2}]}, c: null, ...} in the order given. */
static mr_slice build(mr_buffer *out, const char *order, bool inner_turned, int32_t deep)
{
    size_t begun = begin(out), part, list, item;
    for (const char *at = order; *at; at++) {
        char name[] = {*at, '\0'};
        if (*at != 'b') {
            mr_bson_add_int32(out, name, *at);
            continue;
        }
        part = mr_bson_begin_as(out, name, false);
        for (int i = 0; i < 2; i++) {
            if (i == inner_turned) {
                mr_bson_add_text(out, "x", "1", 1);
                continue;
            }
            list = mr_bson_begin_as(out, "y", true);
            mr_bson_add_int32(out, "0", 1);
            item = mr_bson_begin_as(out, "1", false);
            mr_bson_add_int32(out, inner_turned ? "q" : "p", inner_turned ? deep : 1);
            mr_bson_add_int32(out, inner_turned ? "p" : "q", inner_turned ? 1 : deep);
            mr_bson_end(out, item);
            mr_bson_end(out, list);
        }
        mr_bson_end(out, part);
    }
    return end(out, begun);
}

static void order_of_fields_does_not_count(void **state)
{
    (void)state;
    static const char *const same[] = {"abc", "acb", "bac", "bca", "cab", "cba"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        mr_slice a = build(&first, "abc", false, 2);
        assert_true(mr_bson_same(a, build(&second, same[i], false, 2)));
        assert_true(mr_bson_same(a, build(&second, same[i], true, 2)));
        assert_false(mr_bson_same(a, build(&second, same[i], true, 3)));
    }
    mr_slice a = build(&first, "abc", false, 2);
    assert_false(mr_bson_same(a, build(&second, "abd", false, 2)));
    assert_false(mr_bson_same(a, build(&second, "ab", false, 2)));
    assert_false(mr_bson_same(a, build(&second, "abca", false, 2)));
    assert_false(mr_bson_same(build(&first, "aac", false, 2), build(&second, "acc", false, 2)));
}

static void order_in_arrays_counts(void **state)
{
    (void)state;
    for (int array = 0; array < 2; array++) {
        size_t begun = begin(&first), list = mr_bson_begin_as(&first, "l", array);
        mr_bson_add_int32(&first, "0", 1);
        mr_bson_add_int32(&first, "1", 2);
        mr_bson_end(&first, list);
        mr_slice a = end(&first, begun);
        begun = begin(&second);
        list = mr_bson_begin_as(&second, "l", array);
        mr_bson_add_int32(&second, "0", 2);
        mr_bson_add_int32(&second, "1", 1);
        mr_bson_end(&second, list);
        assert_false(mr_bson_same(a, end(&second, begun)));
    }
}

/* 1 and 1.0 are equal, and not the same; nor are 0.0 and -0.0. */
static void equal_is_not_the_same(void **state)
{
    (void)state;
    mr_bson_element x, y;
    size_t begun = begin(&first);
    mr_bson_add_int64(&first, "v", 1);
    mr_slice a = end(&first, begun);
    begun = begin(&second);
    mr_bson_add_double(&second, "v", 1);
    mr_slice b = end(&second, begun);
    assert_true(mr_bson_find(a, "v", &x) && mr_bson_find(b, "v", &y));
    assert_int_equal(mr_bson_compare(&x, &y), 0);
    assert_false(mr_bson_same(a, b));
    begun = begin(&first);
    mr_bson_add_double(&first, "v", 0.0);
    a = end(&first, begun);
    begun = begin(&second);
    mr_bson_add_double(&second, "v", -0.0);
    b = end(&second, begun);
    assert_true(mr_bson_find(a, "v", &x) && mr_bson_find(b, "v", &y));
    assert_int_equal(mr_bson_compare(&x, &y), 0);
    assert_false(mr_bson_same(a, b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_of_every_type),
        cmocka_unit_test(json_that_depends),
        cmocka_unit_test(decimals),
        cmocka_unit_test(numbers_beyond_are_cut),
        cmocka_unit_test(order_of_fields_does_not_count),
        cmocka_unit_test(order_in_arrays_counts),
        cmocka_unit_test(equal_is_not_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
