/* SPDX-License-Identifier: Apache-2.0 */
/* The mongodb sink without a server: options that do not go together, declared indexes, keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/options.h"
#include "sinks/mongodb/mongodb.h"

extern const mr_connector mr_mongodb_sink;

static mr_error err;

static void set(const mr_option *table, void *state, const char *name, const char *value)
{
    if (mr_option_set(mr_option_find(table, name), state, value, &err) != MR_OK) {
        fail_msg("%s: %s", name, err.text);
    }
}

/* Checks a sink with one route; names of options are looked for in both tables. */
static mr_status checked(const char *name, ...)
{
    void *state = mr_calloc(1, mr_mongodb_sink.state_size);
    mr_route route = {.name = "r", .count = 1};
    route.options = mr_calloc(1, mr_mongodb_sink.route_size);
    mr_options_defaults(mr_mongodb_sink.options, state);
    mr_options_defaults(mr_mongodb_sink.route_options, route.options);
    set(mr_mongodb_sink.options, state, "connection.url", "mongodb://h/db");
    va_list args;
    va_start(args, name);
    for (; name; name = va_arg(args, const char *)) {
        const char *value = va_arg(args, const char *);
        bool of_sink = mr_option_find(mr_mongodb_sink.options, name) != NULL;
        set(of_sink ? mr_mongodb_sink.options : mr_mongodb_sink.route_options,
            of_sink ? state : route.options, name, value);
    }
    va_end(args);
    mr_status status = mr_mongodb_sink.check(state, &route, 1, &err);
    mr_options_release(mr_mongodb_sink.options, state);
    mr_options_release(mr_mongodb_sink.route_options, route.options);
    free(state);
    free(route.options);
    return status;
}

static void assert_refused(mr_status status, const char *option)
{
    assert_int_equal(status, MR_FATAL);
    assert_true(err.permanent);
    assert_int_equal(err.domain, MR_DOMAIN_CONFIG);
    assert_string_equal(err.field, option);
}

static void what_goes_together_is_taken(void **state)
{
    (void)state;
    assert_int_equal(checked(NULL), MR_OK);
    assert_int_equal(checked("write.mode", "update-many", "match.fields", "a,b", NULL), MR_OK);
    assert_int_equal(checked("key.fields", "a,b", "document.id", "generated", NULL), MR_OK);
    assert_int_equal(checked("key.fields", "_id,b", "document.id", "generated", NULL), MR_OK);
    assert_int_equal(checked("write.mode", "insert", "transactions", "off", NULL), MR_OK);
    assert_int_equal(checked("connection.url", "mongodb://h", "database", "x", NULL), MR_OK);
}

static void what_does_not_go_together_is_refused_with_the_option(void **state)
{
    (void)state;
    assert_refused(checked("connection.url", "mongodb://h", NULL), "database");
    assert_refused(checked("database", "a b", NULL), "database");
    assert_refused(checked("connection.url", "postgres://h/db", NULL), "connection.url");
    assert_refused(checked("collection", "system.users", NULL), "collection");
    assert_refused(checked("offsets.collection", "a$b", NULL), "offsets.collection");
    assert_refused(checked("write.mode", "update-many", NULL), "match.fields");
    assert_refused(checked("match.fields", "a", NULL), "match.fields");
    assert_refused(checked("key.fields", "a,_id", NULL), "key.fields");
    assert_refused(checked("key.fields", "a,a", NULL), "key.fields");
    assert_refused(checked("key.fields", "a.b", NULL), "key.fields");
    assert_refused(checked("key.fields", "$a", NULL), "key.fields");
    assert_refused(checked("document.id", "generated", NULL), "key.fields");
    assert_refused(checked("write.mode", "insert", "delete.on.null", "true", NULL),
                   "delete.on.null");
    assert_refused(checked("write.mode", "insert", "key.fields", "a", "document.id", "generated",
                           "transactions", "off", NULL),
                   "write.mode");
    assert_refused(checked("indexes", "a unique b", NULL), "indexes");
}

/* --- Indexes --- */

/* As relaxed JSON with ' for "; NULL: refused. */
static const char *parsed(const char *text)
{
    static mr_buffer json = MR_BUFFER_INIT(1 << 20);
    mr_buffer out = MR_BUFFER_INIT(1 << 20);
    size_t begun = mr_bson_begin(&out);
    mr_status status = mdb_index_parse(text, 0, &out, &err);
    mr_bson_end(&out, begun);
    mr_buffer_clear(&json);
    if (status == MR_OK) {
        mr_bson_json((mr_slice){out.data, out.len}, false, &json);
    }
    mr_buffer_release(&out);
    for (size_t i = 0; i < json.len; i++) {
        json.data[i] = json.data[i] == '"' ? '\'' : json.data[i];
    }
    return status == MR_OK ? mr_buffer_text(&json) : NULL;
}

static void indexes_are_read_and_named_as_the_shell_does(void **state)
{
    (void)state;
    assert_string_equal(parsed("a"), "{'0':{'key':{'a':1},'name':'a_1'}}");
    assert_string_equal(parsed("message_group_uuid, -sk unique"),
                        "{'0':{'key':{'message_group_uuid':1,'sk':-1},"
                        "'name':'message_group_uuid_1_sk_-1','unique':true}}");
    assert_string_equal(parsed("a.b +unique sparse"),
                        "{'0':{'key':{'a.b':1,'unique':1},'name':'a.b_1_unique_1','sparse':true}}");
    assert_string_equal(parsed("at ttl=3600"), "{'0':{'key':{'at':1},'name':'at_1',"
                                               "'expireAfterSeconds':3600}}");
    assert_string_equal(parsed("where:2dsphere"),
                        "{'0':{'key':{'where':'2dsphere'},'name':'where_2dsphere'}}");
}

static void what_is_no_index_is_refused(void **state)
{
    (void)state;
    const char *const bad[] = {"", " , ", "-", "a unique b", "a ttl=x", "a ttl=-1", "$a"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (parsed(bad[i])) {
            fail_msg("'%s' is taken: %s", bad[i], parsed(bad[i]));
        }
        assert_string_equal(err.field, "indexes");
    }
}

/* --- Keys --- */

static mr_arena *arena;

static mdb_key key_of_int(int32_t v)
{
    mr_buffer out = MR_BUFFER_INIT(100), room = MR_BUFFER_INIT(1000);
    mdb_key key;
    v = (int32_t)htole32((uint32_t)v);
    mr_buffer_add(&out, &v, sizeof v);
    mdb_key_make(MR_BSON_INT32, (mr_slice){out.data, out.len}, arena, &room, &key);
    mr_buffer_release(&out);
    mr_buffer_release(&room);
    return key;
}

/* Of the one element of a document. */
static mdb_key key_of(mr_buffer *document, size_t begun)
{
    mr_buffer room = MR_BUFFER_INIT(1000);
    mr_bson_element element = {0};
    mdb_key key;
    size_t cursor = 0;
    mr_bson_end(document, begun);
    assert_true(mr_bson_next((mr_slice){document->data, document->len}, &cursor, &element));
    mdb_key_make(element.type, element.value, arena, &room, &key);
    mr_buffer_release(document);
    mr_buffer_release(&room);
    return key;
}

static mdb_key key_of_double(double v)
{
    mr_buffer out = MR_BUFFER_INIT(100);
    size_t begun = mr_bson_begin(&out);
    mr_bson_add_double(&out, "k", v);
    return key_of(&out, begun);
}

static mdb_key key_of_long(int64_t v)
{
    mr_buffer out = MR_BUFFER_INIT(100);
    size_t begun = mr_bson_begin(&out);
    mr_bson_add_int64(&out, "k", v);
    return key_of(&out, begun);
}

static mdb_key key_of_text(const char *text)
{
    mr_buffer out = MR_BUFFER_INIT(100);
    size_t begun = mr_bson_begin(&out);
    mr_bson_add_text(&out, "k", text, strlen(text));
    return key_of(&out, begun);
}

static mdb_key key_of_decimal(const char *text)
{
    mr_buffer out = MR_BUFFER_INIT(100);
    char bits[MR_DECIMAL128_BYTES];
    assert_true(mr_decimal128_parse(text, strlen(text), bits));
    size_t begun = mr_bson_begin(&out);
    mr_bson_add_decimal128(&out, "k", bits);
    return key_of(&out, begun);
}

static mdb_key key_of_pair(const char *a, const char *b)
{
    mr_buffer out = MR_BUFFER_INIT(1000);
    size_t begun = mr_bson_begin(&out);
    size_t inner = mr_bson_begin_as(&out, "k", false);
    mr_bson_add_text(&out, "a", a, strlen(a));
    mr_bson_add_text(&out, "b", b, strlen(b));
    mr_bson_end(&out, inner);
    return key_of(&out, begun);
}

#define assert_order(a, b, sign)                                                                   \
    do {                                                                                           \
        mdb_key a_ = (a), b_ = (b);                                                                \
        int order_ = mdb_key_compare(&a_, &b_);                                                    \
        assert_int_equal((order_ > 0) - (order_ < 0), sign);                                       \
        order_ = mdb_key_compare(&b_, &a_);                                                        \
        assert_int_equal((order_ > 0) - (order_ < 0), -(sign));                                    \
    } while (0)

static void keys_compare_as_the_server_does(void **state)
{
    (void)state;
    arena = mr_arena_new();
    assert_order(key_of_int(7), key_of_double(7), 0);
    assert_order(key_of_int(7), key_of_long(7), 0);
    assert_order(key_of_int(7), key_of_decimal("7"), 0);
    assert_order(key_of_int(-7), key_of_int(7), -1);
    assert_order(key_of_int(-7), key_of_int(-6), -1);
    assert_order(key_of_double(-0.5), key_of_int(0), -1);
    assert_order(key_of_double(-0.0), key_of_int(0), 0);
    assert_order(key_of_long(INT64_MAX), key_of_long(INT64_MAX - 1), 1);
    assert_order(key_of_decimal("0.1"), key_of_decimal("0.10000000000000000001"), -1);
    assert_order(key_of_text("a"), key_of_text("b"), -1);
    assert_order(key_of_text("a"), key_of_text("aa"), -1);
    assert_order(key_of_text("a"), key_of_text("a"), 0);
    assert_order(key_of_pair("a", "bc"), key_of_pair("a", "bc"), 0);
    mdb_key one = key_of_pair("a", "bc"), other = key_of_pair("ab", "c");
    assert_int_not_equal(mdb_key_compare(&one, &other), 0);
    one = key_of_int(7);
    other = key_of_text("7");
    assert_int_not_equal(mdb_key_compare(&one, &other), 0);
    mr_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_together_is_taken),
        cmocka_unit_test(what_does_not_go_together_is_refused_with_the_option),
        cmocka_unit_test(indexes_are_read_and_named_as_the_shell_does),
        cmocka_unit_test(what_is_no_index_is_refused),
        cmocka_unit_test(keys_compare_as_the_server_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
