/* SPDX-License-Identifier: Apache-2.0 */
/* Documents that name a field twice: seen wherever it is, and mended to the last of each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "codec/bson.h"

static void check(mr_slice document, bool repeats, const char *mended)
{
    mr_buffer out = MR_BUFFER_INIT(1 << 20), json = MR_BUFFER_INIT(1 << 20);
    mr_error err;
    assert_int_equal(mr_bson_repeats(document), repeats);
    mr_bson_add_unrepeated(document, &out);
    assert_int_equal(mr_bson_check(out.data, out.len, &err), MR_OK);
    mr_bson_json((mr_slice){out.data, out.len}, false, &json);
    assert_string_equal(mr_buffer_text(&json), mended);
    mr_buffer_release(&out);
    mr_buffer_release(&json);
}

/* As mongod 6.0.5 tells of {_id, a, b, c} replaced by {_id, c, a: 2, d, b: {..}}. */
static void fields_that_were_moved(void **state)
{
    (void)state;
    mr_buffer out = MR_BUFFER_INIT(1000);
    size_t whole = mr_bson_begin(&out);
    mr_bson_add_int32(&out, "_id", 1);
    mr_bson_add_int32(&out, "a", 1);
    size_t part = mr_bson_begin_as(&out, "b", false);
    mr_bson_add_int32(&out, "x", 1);
    mr_bson_end(&out, part);
    mr_bson_add_int32(&out, "c", 3);
    mr_bson_add_int32(&out, "a", 2);
    mr_bson_add_int32(&out, "d", 4);
    part = mr_bson_begin_as(&out, "b", false);
    mr_bson_add_int32(&out, "x", 2);
    mr_bson_add_int32(&out, "y", 2);
    mr_bson_add_int32(&out, "x", 3);
    mr_bson_end(&out, part);
    mr_bson_end(&out, whole);
    check((mr_slice){out.data, out.len}, true,
          "{\"_id\":1,\"c\":3,\"a\":2,\"d\":4,\"b\":{\"y\":2,\"x\":3}}");
    mr_buffer_release(&out);
}

static void only_deep_within(void **state)
{
    (void)state;
    mr_buffer out = MR_BUFFER_INIT(1000);
    size_t whole = mr_bson_begin(&out);
    size_t list = mr_bson_begin_as(&out, "list", true);
    mr_bson_add_int32(&out, "0", 7);
    size_t part = mr_bson_begin_as(&out, "1", false);
    mr_bson_add_int32(&out, "x", 1);
    mr_bson_add_null(&out, "x");
    mr_bson_end(&out, part);
    mr_bson_end(&out, list);
    mr_bson_end(&out, whole);
    check((mr_slice){out.data, out.len}, true, "{\"list\":[7,{\"x\":null}]}");
    mr_buffer_release(&out);
}

/* More names than there are bits to hash them to, so that many share one. */
static void wide_documents_without_any(void **state)
{
    (void)state;
    mr_buffer out = MR_BUFFER_INIT(1 << 20), json = MR_BUFFER_INIT(1 << 20);
    size_t whole = mr_bson_begin(&out);
    for (int i = 0; i < 5000; i++) {
        char name[16];
        snprintf(name, sizeof name, "field%d", i);
        mr_bson_add_int32(&out, name, i);
    }
    mr_bson_end(&out, whole);
    mr_slice document = {out.data, out.len};
    mr_bson_json(document, false, &json);
    check(document, false, mr_buffer_text(&json));
    mr_buffer_release(&out);
    mr_buffer_release(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_that_were_moved),
        cmocka_unit_test(only_deep_within),
        cmocka_unit_test(wide_documents_without_any),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
