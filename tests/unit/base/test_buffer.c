/* SPDX-License-Identifier: Apache-2.0 */
/* The buffer: growth, and the limit that nothing gets past. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"

static void grows_and_clears(void **arg)
{
    (void)arg;
    mr_buffer b;
    mr_buffer_init(&b, 100000);
    mr_buffer_printf(&b, "%s", ""); /* nothing, into a buffer that has no memory yet */
    assert_string_equal(mr_buffer_text(&b), "");
    for (int i = 0; i < 10000; i++) {
        mr_buffer_printf(&b, "%d,", i % 10);
    }
    assert_false(b.failed);
    assert_int_equal(b.len, 20000);
    assert_memory_equal(b.data + 19980, "0,1,2,3,4,5,6,7,8,9,", 20);
    size_t room = b.capacity;
    mr_buffer_clear(&b);
    assert_int_equal(b.len, 0);
    assert_int_equal(b.capacity, room);
    mr_buffer_add_text(&b, "text");
    mr_buffer_add_char(&b, '!');
    mr_buffer_add(&b, NULL, 0);
    assert_string_equal(mr_buffer_text(&b), "text!");
    mr_buffer_release(&b);
    assert_int_equal(b.limit, 100000);
    assert_null(b.data);
}

/* Exactly the limit fits; a byte more does not, changes nothing, and is remembered. */
static void the_limit_holds(void **arg)
{
    (void)arg;
    for (size_t limit = 0; limit < 700; limit += 7) {
        mr_buffer b = MR_BUFFER_INIT(limit);
        for (size_t i = 0; i < limit; i++) {
            mr_buffer_add_char(&b, 'x');
        }
        assert_false(b.failed);
        assert_int_equal(b.len, limit);
        assert_int_equal(strlen(mr_buffer_text(&b)), limit);
        mr_buffer_add_char(&b, 'y');
        assert_true(b.failed);
        assert_int_equal(b.len, limit);
        mr_buffer_clear(&b);
        assert_false(b.failed);
        mr_buffer_printf(&b, "%*s", (int)limit + 1, "");
        assert_true(b.failed);
        assert_int_equal(b.len, 0);
        mr_buffer_release(&b);
    }
}

static void sizes_do_not_wrap(void **arg)
{
    (void)arg;
    mr_buffer b = MR_BUFFER_INIT(1000);
    mr_buffer_add_text(&b, "x");
    assert_false(mr_buffer_reserve(&b, SIZE_MAX));
    assert_true(b.failed);
    mr_buffer_clear(&b);
    assert_false(mr_buffer_reserve(&b, SIZE_MAX - 1));
    mr_buffer_release(&b);
}

/* After a failure a chain of appends stays failed, so one check at its end is enough. */
static void failure_stays(void **arg)
{
    (void)arg;
    mr_buffer b = MR_BUFFER_INIT(1 << 20);
    mr_buffer_add_text(&b, "head");
    char *big = calloc(1, 2 << 20);
    mr_buffer_add(&b, big, 2 << 20);
    mr_buffer_add_text(&b, "tail");
    assert_true(b.failed);
    free(big);
    mr_buffer_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_clears),
        cmocka_unit_test(the_limit_holds),
        cmocka_unit_test(sizes_do_not_wrap),
        cmocka_unit_test(failure_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
