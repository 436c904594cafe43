/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mr_bson_compare() beside the server in MONGODB_URI: values of all types, among them numbers that
 * differ only in what a double or 34 digits can not hold, in the order the server sorts them, and
 * each pair as its $cmp says. Values are sorted within documents, since of an array that is sorted
 * by only one element counts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <math.h>
#include <mongoc/mongoc.h>

#include "codec/bson.h"

enum { VALUES_MAX = 400 };

static mongoc_client_t *client;
static mongoc_collection_t *collection;
/* {"0": {"x": value}, "1": ...}; as an array it is what the server gets. */
static mr_buffer values = MR_BUFFER_INIT(1 << 20);
static mr_bson_element elements[VALUES_MAX];
static uint32_t count;
static size_t open_value;

static mr_buffer *begin_value(void)
{
    char room[MR_BSON_INDEX_BYTES];
    open_value = mr_bson_begin_as(&values, mr_bson_index(count++, room), false);
    return &values;
}

static void end_value(void)
{
    mr_bson_end(&values, open_value);
}

static void add(uint8_t type, const char *bytes, size_t len)
{
    mr_bson_add_value(begin_value(), "x", type, (mr_slice){bytes, len});
    end_value();
}
#define ADD(type, bytes)       add(type, bytes, sizeof bytes - 1)
#define ADD_ENDED(type, bytes) add(type, bytes, sizeof bytes) /* with the zero byte behind it */

static void add_double(double value)
{
    mr_bson_add_double(begin_value(), "x", value);
    end_value();
}

static void add_int64(int64_t value)
{
    mr_bson_add_int64(begin_value(), "x", value);
    end_value();
}

static void add_decimal(const char *text)
{
    char bits[MR_DECIMAL128_BYTES];
    assert_true(mr_decimal128_parse(text, strlen(text), bits));
    mr_bson_add_decimal128(begin_value(), "x", bits);
    end_value();
}

static void add_text(const char *text, size_t len)
{
    mr_bson_add_text(begin_value(), "x", text, len);
    end_value();
}

static void add_date(int64_t ms)
{
    mr_bson_add_date(begin_value(), "x", ms);
    end_value();
}

static void add_timestamp(uint32_t seconds, uint32_t increment)
{
    mr_bson_add_timestamp(begin_value(), "x", seconds, increment);
    end_value();
}

static void add_binary(uint8_t subtype, const char *bytes, size_t len)
{
    mr_bson_add_binary(begin_value(), "x", subtype, (mr_slice){bytes, len});
    end_value();
}

static void add_decimals(void)
{
    static const char *const decimals[] = {
        "0",
        "-0",
        "0E+6000",
        "1",
        "1.0",
        "1.00",
        "100",
        "1E+2",
        "-1",
        "0.1",
        "-0.1",
        "0.5",
        "1.5",
        "0.1000000000000000055511151231257827", /* the double 0.1, cut */
        "0.1000000000000000055511151231257828", /* and one more */
        "0.10000000000000000",
        "9007199254740992",
        "9007199254740993",
        "9007199254740992.5",
        "9223372036854775807",
        "9223372036854775807.5",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775808.1",
        "18446744073709551616",
        "1E+308",
        "1.000000000000000010979063629440456E+308",
        "1E+309",
        "-1E+309",
        "1E+6144",
        "1E-6176",
        "-1E-6176",
        "4.940656458412465441765687928682213E-324",
        "4.940656458412465441765687928682214E-324",
        "5E-324",
        "4E-324",
        "NaN",
        "Infinity",
        "-Infinity",
        "0.6666666666666666",
        "0.6666666666666666296592325124947820"};
    for (size_t i = 0; i < sizeof decimals / sizeof *decimals; i++) {
        add_decimal(decimals[i]);
    }
    /* 10^34: a significand that is not canonical; not a number with a sign and a payload */
    ADD(MR_BSON_DECIMAL128, "\0\0\0\0\x64\x8e\x8d\x37\xc0\x87\xad\xbe\x09\xed\x41\x30");
    ADD(MR_BSON_DECIMAL128, "\7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xfc");
}

static void add_numbers(void)
{
    static const double doubles[] = {0.0,    -0.0,    0.1,     -0.1,    1.0,      1.5,    -1.5,
                                     0x1p53, 0x1p63,  -0x1p63, 0x1p64,  1e15,     1e308,  -1e308,
                                     5e-324, -5e-324, 0.5,     0x1p-60, 123456.7, 2.0 / 3};
    static const int64_t wholes[] = {0,
                                     1,
                                     -1,
                                     2,
                                     100,
                                     (INT64_C(1) << 53) - 1,
                                     INT64_C(1) << 53,
                                     (INT64_C(1) << 53) + 1,
                                     INT64_MAX,
                                     INT64_MAX - 1,
                                     INT64_MIN,
                                     INT64_MIN + 1};
    for (size_t i = 0; i < sizeof doubles / sizeof *doubles; i++) {
        add_double(doubles[i]);
    }
    add_double((double)NAN);
    add_double((double)INFINITY);
    add_double(-(double)INFINITY);
    for (size_t i = 0; i < sizeof wholes / sizeof *wholes; i++) {
        add_int64(wholes[i]);
    }
    ADD(MR_BSON_INT32, "\1\0\0\0");
    ADD(MR_BSON_INT32, "\xff\xff\xff\xff");
    ADD(MR_BSON_INT32, "\0\0\0\x80");
}

static void add_texts(void)
{
    add_text("", 0);
    add_text("a", 1);
    add_text("a\0b", 3);
    add_text("ab", 2);
    add_text("b", 1);
    add_text("\xc3\xa9", 2);
    add_text("\xf0\x9f\x9a\x95", 4);
    ADD_ENDED(MR_BSON_SYMBOL, "\2\0\0\0a");
    ADD_ENDED(MR_BSON_SYMBOL, "\3\0\0\0aa");
    ADD_ENDED(MR_BSON_CODE, "\2\0\0\0a");
    ADD_ENDED(MR_BSON_CODE, "\3\0\0\0ab");
    ADD_ENDED(MR_BSON_CODE_WITH_SCOPE, "\x0f\0\0\0\2\0\0\0a\0\5\0\0\0");
    ADD_ENDED(MR_BSON_CODE_WITH_SCOPE, "\x0f\0\0\0\2\0\0\0b\0\5\0\0\0");
    ADD_ENDED(MR_BSON_CODE_WITH_SCOPE, "\x16\0\0\0\2\0\0\0a\0\x0c\0\0\0\x10y\0\1\0\0\0");
    ADD_ENDED(MR_BSON_REGEX, "a\0i");
    ADD_ENDED(MR_BSON_REGEX, "a\0");
    ADD_ENDED(MR_BSON_REGEX, "ab\0");
    ADD_ENDED(MR_BSON_REGEX, "\0m");
    ADD(MR_BSON_DB_POINTER, "\2\0\0\0a\0abcdefghijkl");
    ADD(MR_BSON_DB_POINTER, "\3\0\0\0aa\0abcdefghijkl");
    ADD(MR_BSON_DB_POINTER, "\2\0\0\0b\0abcdefghijkl");
    ADD(MR_BSON_DB_POINTER, "\2\0\0\0a\0abcdefghijkz");
}

static void add_others(void)
{
    ADD(MR_BSON_MIN_KEY, "");
    ADD(MR_BSON_MAX_KEY, "");
    ADD(MR_BSON_NULL, "");
    ADD(MR_BSON_UNDEFINED, "");
    ADD(MR_BSON_BOOL, "\0");
    ADD(MR_BSON_BOOL, "\1");
    ADD(MR_BSON_OBJECT_ID, "abcdefghijkl");
    ADD(MR_BSON_OBJECT_ID, "abcdefghijk\xff");
    ADD(MR_BSON_OBJECT_ID, "\xff\0\0\0\0\0\0\0\0\0\0\0");
    add_date(0);
    add_date(-1);
    add_date(INT64_MAX);
    add_date(INT64_MIN);
    add_timestamp(1, 1);
    add_timestamp(1, 2);
    add_timestamp(0xffffffff, 0);
    add_timestamp(0x7fffffff, 0xffffffff);
    add_binary(0, "", 0);
    add_binary(0, "a", 1);
    add_binary(0, "b", 1);
    add_binary(5, "a", 1);
    add_binary(0x80, "a", 1);
    add_binary(0, "\xff", 1);
    add_binary(0, "aa", 2);
    add_binary(2, "a", 1);
    add_binary(4, "0123456789abcdef", 16);
}

/* Documents and arrays: {}, {a: 1}, {a: 2}, {b: 1}, {a: 1, b: 1}, {a: "1"}, {a: {}}, {a: []}. */
static void add_nested(bool array)
{
    static const struct {
        const char *name;
        int kind;
    } fields[] = {{"", -1}, {"0", 0}, {"0", 1}, {"1", 0}, {"0", 2}, {"0", 3}, {"0", 4}, {"0", 5}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        mr_buffer *out = begin_value();
        size_t outer = mr_bson_begin_as(out, "x", array), inner;
        switch (fields[i].kind) {
        case 0:
        case 1:
            mr_bson_add_int32(out, array ? "0" : fields[i].name, fields[i].kind);
            break;
        case 2:
            mr_bson_add_text(out, "0", "1", 1);
            break;
        case 3:
        case 4:
            inner = mr_bson_begin_as(out, "0", fields[i].kind == 4);
            mr_bson_end(out, inner);
            break;
        case 5:
            mr_bson_add_int32(out, "0", 0);
            mr_bson_add_double(out, "1", 7);
            break;
        default:
            break;
        }
        mr_bson_end(out, outer);
        end_value();
    }
}

static void read_elements(void)
{
    mr_slice whole = {values.data, values.len};
    mr_bson_element element;
    uint32_t i = 0;
    for (size_t cursor = 0; mr_bson_next(whole, &cursor, &element); i++) {
        assert_true(mr_bson_find(element.value, "x", &elements[i]));
    }
    assert_int_equal(i, count);
}

static void show(uint32_t i, mr_buffer *out)
{
    mr_bson_value_json(&elements[i], true, out);
    mr_buffer_add_char(out, '\n');
}

static void fail_pair(uint32_t a, uint32_t b, int want)
{
    mr_buffer text = MR_BUFFER_INIT(1 << 16);
    show(a, &text);
    show(b, &text);
    fail_msg("%sthe server has %d, we have %d", mr_buffer_text(&text), want,
             mr_bson_compare(&elements[a], &elements[b]));
}

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

/* Of DBPointers to collections with names of the same length the server's indexes are ordered by
 * the name and then by the id, as we are; its queries (6.0.5) look at the id alone. */
static bool is_split(uint32_t a, uint32_t b)
{
    const mr_bson_element *x = &elements[a], *y = &elements[b];
    return x->type == MR_BSON_DB_POINTER && y->type == MR_BSON_DB_POINTER &&
           x->value.len == y->value.len &&
           memcmp(x->value.data, y->value.data, x->value.len - MR_OBJECT_ID_BYTES) != 0;
}

/* One document with all values, and the server's $cmp of each with each. */
static void every_pair(void **state)
{
    (void)state;
    bson_error_t error;
    bson_t all, whole = BSON_INITIALIZER;
    assert_true(bson_init_static(&all, (const uint8_t *)values.data, values.len));
    BSON_APPEND_UTF8(&whole, "_id", "all");
    BSON_APPEND_ARRAY(&whole, "all", &all);
    if (!mongoc_collection_insert_one(collection, &whole, NULL, NULL, &error)) {
        fail_msg("%s", error.message);
    }
    static const char pipeline[] =
        "{\"pipeline\": [{\"$match\": {\"_id\": \"all\"}}, {\"$project\": {\"rows\": {\"$map\": {"
        "\"input\": \"$all\", \"as\": \"a\", \"in\": {\"$map\": {\"input\": \"$all\", \"as\": "
        "\"b\", \"in\": {\"$cmp\": [\"$$a.x\", \"$$b.x\"]}}}}}}}]}";
    bson_t *stages = bson_new_from_json((const uint8_t *)pipeline, -1, &error);
    mongoc_cursor_t *cursor =
        mongoc_collection_aggregate(collection, MONGOC_QUERY_NONE, stages, NULL, NULL);
    const bson_t *reply;
    if (!mongoc_cursor_next(cursor, &reply)) {
        mongoc_cursor_error(cursor, &error);
        fail_msg("%s", error.message);
    }
    mr_bson_element rows, row, cell;
    uint32_t a = 0;
    assert_true(
        mr_bson_find((mr_slice){(const char *)bson_get_data(reply), reply->len}, "rows", &rows));
    for (size_t at = 0; mr_bson_next(rows.value, &at, &row); a++) {
        uint32_t b = 0;
        for (size_t in = 0; mr_bson_next(row.value, &in, &cell); b++) {
            int want = (int)mr_bson_int(&cell);
            if (sign(mr_bson_compare(&elements[a], &elements[b])) != want && !is_split(a, b)) {
                fail_pair(a, b, want);
            }
        }
        assert_int_equal(b, count);
    }
    assert_int_equal(a, count);
    mongoc_cursor_destroy(cursor);
    bson_destroy(stages);
    bson_destroy(&whole);
}

/* One document for each value. */
static void insert_each(void)
{
    bson_error_t error;
    mr_slice whole = {values.data, values.len};
    mr_bson_element element;
    int32_t i = 0;
    for (size_t at = 0; mr_bson_next(whole, &at, &element); i++) {
        mr_buffer out = MR_BUFFER_INIT(1 << 16);
        size_t begun = mr_bson_begin(&out);
        mr_bson_add_int32(&out, "_id", i);
        mr_bson_add_as(&out, "v", &element);
        mr_bson_end(&out, begun);
        bson_t document;
        assert_true(bson_init_static(&document, (const uint8_t *)out.data, out.len));
        if (!mongoc_collection_insert_one(collection, &document, NULL, NULL, &error)) {
            fail_msg("%s", error.message);
        }
        mr_buffer_release(&out);
    }
}

/* They come in the order of `hint`, which is an index or a scan of the collection. */
static void check_find(const char *hint, bool split)
{
    bson_error_t error;
    bson_t *filter = BCON_NEW("v", "{", "$exists", BCON_BOOL(true), "}");
    bson_t *opts =
        BCON_NEW("sort", "{", "v", BCON_INT32(1), "}", "hint", "{", hint, BCON_INT32(1), "}");
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(collection, filter, opts, NULL);
    mr_bson_element id;
    const bson_t *reply;
    uint32_t previous = 0, seen = 0;
    while (mongoc_cursor_next(cursor, &reply)) {
        mr_slice document = {(const char *)bson_get_data(reply), reply->len};
        assert_true(mr_bson_find(document, "_id", &id));
        uint32_t next = (uint32_t)mr_bson_int(&id);
        if (seen++ && mr_bson_compare(&elements[previous], &elements[next]) > 0 &&
            !(split && is_split(previous, next))) {
            fail_pair(previous, next, -1);
        }
        previous = next;
    }
    if (mongoc_cursor_error(cursor, &error)) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(seen, count);
    mongoc_cursor_destroy(cursor);
    bson_destroy(filter);
    bson_destroy(opts);
}

static void sorted_by_queries_and_indexes(void **state)
{
    (void)state;
    bson_error_t error;
    insert_each();
    check_find("$natural", true);
    bson_t *command =
        BCON_NEW("createIndexes", BCON_UTF8(mongoc_collection_get_name(collection)), "indexes", "[",
                 "{", "key", "{", "v", BCON_INT32(1), "}", "name", BCON_UTF8("v"), "}", "]");
    if (!mongoc_collection_command_simple(collection, command, NULL, NULL, &error)) {
        fail_msg("%s", error.message);
    }
    bson_destroy(command);
    check_find("v", false);
}

static int connect_server(void **state)
{
    (void)state;
    const char *uri = getenv("MONGODB_URI");
    if (!uri) {
        print_error("MONGODB_URI is not set\n");
        return -1;
    }
    char database[64];
    snprintf(database, sizeof database, "millrace_bson_%ld", (long)getpid());
    mongoc_init();
    client = mongoc_client_new(uri);
    if (!client) {
        return -1;
    }
    collection = mongoc_client_get_collection(client, database, "order");
    size_t begun = mr_bson_begin(&values);
    add_numbers();
    add_decimals();
    add_texts();
    add_others();
    add_nested(false);
    add_nested(true);
    mr_bson_end(&values, begun);
    mr_error err;
    if (mr_bson_check(values.data, values.len, &err) != MR_OK) {
        print_error("%s\n", err.text);
        return -1;
    }
    read_elements();
    return 0;
}

static int drop(void **state)
{
    (void)state;
    if (!collection) {
        return -1;
    }
    bool ok = mongoc_collection_drop(collection, NULL);
    mongoc_collection_destroy(collection);
    mongoc_client_destroy(client);
    mongoc_cleanup();
    mr_buffer_release(&values);
    return ok ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair),
        cmocka_unit_test(sorted_by_queries_and_indexes),
    };
    return cmocka_run_group_tests(tests, connect_server, drop);
}
