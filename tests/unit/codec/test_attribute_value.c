/* SPDX-License-Identifier: Apache-2.0 */
/* Documents as DynamoDB's items, and the sizes of records as DynamoDB has stated them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "codec/attribute_value.h"
#include "codec/bson.h"

static mr_buffer item = MR_BUFFER_INIT(4096), json = MR_BUFFER_INIT(1 << 16);

static int release(void **state)
{
    (void)state;
    mr_buffer_release(&item);
    mr_buffer_release(&json);
    return 0;
}

static mr_slice end(size_t begun)
{
    mr_bson_end(&item, begun);
    mr_error err;
    assert_int_equal(mr_bson_check(item.data, item.len, &err), MR_OK);
    return (mr_slice){item.data, item.len};
}

static void assert_item(mr_slice document, const char *want, size_t size)
{
    mr_buffer_clear(&json);
    mr_item_json(document, &json);
    assert_string_equal(mr_buffer_text(&json), want);
    assert_int_equal(mr_item_size_bytes(document), size);
}

/* An item with the key Id and, unless it is NULL, a Message. */
static size_t guide_item(int id, const char *message)
{
    mr_buffer_clear(&item);
    size_t begun = mr_bson_begin(&item);
    mr_bson_add_int32(&item, "Id", id);
    if (message) {
        mr_bson_add_text(&item, "Message", message, strlen(message));
    }
    return mr_item_size_bytes(end(begun));
}

/* Lambda's guide, "Using Lambda with DynamoDB" (Id 101); DynamoDB's guide, "DynamoDB Streams
 * low-level API" (Id 1). */
static void sizes_of_the_guides_records(void **state)
{
    (void)state;
    static const struct {
        int id;
        size_t insert, modify, remove;
    } table[] = {{101, 26, 59, 38}, {1, 24, 56, 36}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        size_t keys = guide_item(table[i].id, NULL);
        size_t first = guide_item(table[i].id, "New item!");
        size_t second = guide_item(table[i].id, "This item has changed");
        assert_int_equal(keys + first, table[i].insert);
        assert_int_equal(keys + second + first, table[i].modify);
        assert_int_equal(keys + second, table[i].remove);
    }
}

static size_t two_key_item(const char *data)
{
    mr_buffer_clear(&item);
    size_t begun = mr_bson_begin(&item);
    mr_bson_add_text(&item, "pk", "a", 1);
    mr_bson_add_text(&item, "sk", "b", 1);
    if (data) {
        mr_bson_add_text(&item, "data", data, strlen(data));
    }
    return mr_item_size_bytes(end(begun));
}

/* Recorded from the service: github.com/Ankcorn/dynamodb-streams-test. */
static void sizes_of_recorded_records(void **state)
{
    (void)state;
    size_t keys = two_key_item(NULL), test = two_key_item("test"), hello = two_key_item("hello");
    assert_int_equal(keys, 6);
    assert_int_equal(keys + test, 20);
    assert_int_equal(keys + hello + test, 35);
    assert_int_equal(keys + hello, 21);
}

static void numbers(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
        size_t size;
    } table[] = {
        {0, "0", 1},          {1, "1", 2},
        {-12, "-12", 2},      {100, "100", 2},
        {12.5, "12.5", 3},    {0.001, "0.001", 2},
        {1e300, "1e+300", 2}, {1203.25, "1203.25", 4},
        {-0.0, "-0", 1},      {0x1p-1074, "4.94065645841247e-324", 9},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        mr_buffer_clear(&item);
        size_t begun = mr_bson_begin(&item);
        mr_bson_add_double(&item, "", table[i].value);
        char want[64];
        snprintf(want, sizeof want, "{\"\":{\"N\":\"%s\"}}", table[i].text);
        assert_item(end(begun), want, table[i].size);
    }
    mr_buffer_clear(&item);
    size_t begun = mr_bson_begin(&item);
    char bits[MR_DECIMAL128_BYTES];
    assert_true(mr_decimal128_parse("12.50", 5, bits));
    mr_bson_add_decimal128(&item, "d", bits);
    mr_bson_add_int64(&item, "l", INT64_MIN);
    mr_bson_add_int32(&item, "i", 1200);
    mr_bson_add_double(&item, "n", (double)NAN);
    mr_bson_add_double(&item, "f", -(double)INFINITY);
    assert_item(end(begun),
                "{\"d\":{\"N\":\"12.50\"},\"l\":{\"N\":\"-9223372036854775808\"},"
                "\"i\":{\"N\":\"1200\"},\"n\":{\"S\":\"NaN\"},\"f\":{\"S\":\"-Infinity\"}}",
                5 + 3 + 11 + 2 + 3 + 9);
}

static void other_types(void **state)
{
    (void)state;
    mr_buffer_clear(&item);
    size_t begun = mr_bson_begin(&item);
    mr_bson_add_bool(&item, "y", true);
    mr_bson_add_null(&item, "n");
    mr_bson_add_binary(&item, "b", 0, (mr_slice){"\xff\0", 2});
    mr_bson_add_binary(
        &item, "u", 4,
        (mr_slice){"\0\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff", 16});
    mr_bson_add_binary(&item, "v", 4, (mr_slice){"", 0}); /* no UUID */
    mr_bson_add_object_id(&item, "o", "\x65\x6f\0\1\2\3\4\5\6\7\x08\xff");
    mr_bson_add_date(&item, "t", 1553372469000);
    mr_bson_add_date(&item, "e", -1);
    mr_bson_add_text(&item, "\xff", "\"\xc3\xa9\xff", 4);
    mr_bson_add_timestamp(&item, "s", 1, 2);
    assert_item(end(begun),
                "{\"y\":{\"BOOL\":true},\"n\":{\"NULL\":true},\"b\":{\"B\":\"/wA=\"},"
                "\"u\":{\"S\":\"00112233-4455-6677-8899-aabbccddeeff\"},\"v\":{\"B\":\"\"},"
                "\"o\":{\"S\":\"656f000102030405060708ff\"},"
                "\"t\":{\"S\":\"2019-03-23T20:21:09.000Z\"},"
                "\"e\":{\"S\":\"1969-12-31T23:59:59.999Z\"},"
                "\"\xef\xbf\xbd\":{\"S\":\"\\\"\xc3\xa9\xef\xbf\xbd\"},"
                "\"s\":{\"S\":\"{\\\"$timestamp\\\":{\\\"t\\\":1,\\\"i\\\":2}}\"}}",
                2 + 2 + 3 + 37 + 1 + 25 + 25 + 25 + 5 + 29);
}

static void nested(void **state)
{
    (void)state;
    mr_buffer_clear(&item);
    size_t begun = mr_bson_begin(&item);
    size_t map = mr_bson_begin_as(&item, "map", false);
    mr_bson_add_text(&item, "city", "Wien", 4);
    mr_bson_end(&item, map);
    size_t list = mr_bson_begin_as(&item, "list", true);
    mr_bson_add_int32(&item, "0", 7);
    size_t empty = mr_bson_begin_as(&item, "1", false);
    mr_bson_end(&item, empty);
    mr_bson_end(&item, list);
    assert_item(end(begun),
                "{\"map\":{\"M\":{\"city\":{\"S\":\"Wien\"}}},"
                "\"list\":{\"L\":[{\"N\":\"7\"},{\"M\":{}}]}}",
                (3 + 3 + 1 + 8) + (4 + 3 + 1 + 2 + 1 + 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_of_the_guides_records),
        cmocka_unit_test(sizes_of_recorded_records),
        cmocka_unit_test(numbers),
        cmocka_unit_test(other_types),
        cmocka_unit_test(nested),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
