/* SPDX-License-Identifier: Apache-2.0 */
/* The arena: alignment, growth, reset, marks. Use after a reset is ASan's to find. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

static int setup(void **ret)
{
    *ret = mr_arena_new();
    return 0;
}

static int teardown(void **ret)
{
    mr_arena_free(*ret);
    return 0;
}

static void aligned_and_apart(void **arg)
{
    mr_arena *arena = *arg;
    char *parts[500];
    for (size_t i = 0; i < 500; i++) {
        parts[i] = mr_arena_alloc(arena, i);
        assert_int_equal((uintptr_t)parts[i] % 16, 0);
        memset(parts[i], (int)(i & 0xFF), i);
    }
    for (size_t i = 0; i < 500; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_int_equal((unsigned char)parts[i][j], i & 0xFF);
        }
    }
}

static void copies(void **arg)
{
    mr_arena *arena = *arg;
    assert_string_equal(mr_arena_strndup(arena, "hello", 4), "hell");
    assert_string_equal(mr_arena_strndup(arena, NULL, 0), "");
    assert_string_equal(mr_arena_format(arena, "%s-%d", "x", 7), "x-7");
    assert_memory_equal(mr_arena_copy(arena, "a\0b", 3), "a\0b", 3);
    assert_non_null(mr_arena_copy(arena, NULL, 0));
    const unsigned char *zero = mr_arena_calloc(arena, 100, 3);
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(zero[i], 0);
    }
}

static void reset_keeps_the_blocks(void **arg)
{
    mr_arena *arena = *arg;
    void *first = mr_arena_alloc(arena, 1000);
    size_t used = mr_arena_used(arena);
    assert_true(used >= 1000);
    for (int round = 0; round < 3; round++) {
        mr_arena_reset(arena);
        assert_int_equal(mr_arena_used(arena), 0);
        assert_ptr_equal(mr_arena_alloc(arena, 1000), first);
        assert_int_equal(mr_arena_used(arena), used);
    }
}

/* Larger than any block so far, then larger than what is kept: memory comes and goes. */
static void huge_pieces(void **arg)
{
    mr_arena *arena = *arg;
    for (int round = 0; round < 2; round++) {
        char *huge = mr_arena_alloc(arena, 40 << 20);
        huge[0] = huge[(40 << 20) - 1] = 'x';
        char *small = mr_arena_alloc(arena, 10);
        memset(small, 'y', 10);
        assert_int_equal(huge[(40 << 20) - 1], 'x');
        mr_arena_reset(arena);
    }
    assert_non_null(mr_arena_alloc(arena, 1));
}

static void marks(void **arg)
{
    mr_arena *arena = *arg;
    mr_arena_mark empty = mr_arena_get_mark(arena);
    char *kept = mr_arena_strndup(arena, "kept", 4);
    mr_arena_mark mark = mr_arena_get_mark(arena);
    size_t used = mr_arena_used(arena);
    void *next = mr_arena_alloc(arena, 64);
    for (int i = 0; i < 100; i++) { /* over several blocks */
        memset(mr_arena_alloc(arena, 10000), i, 10000);
    }
    mr_arena_rewind(arena, mark);
    assert_int_equal(mr_arena_used(arena), used);
    assert_string_equal(kept, "kept");
    assert_ptr_equal(mr_arena_alloc(arena, 64), next);
    for (int i = 0; i < 100; i++) {
        memset(mr_arena_alloc(arena, 10000), i, 10000);
    }
    assert_string_equal(kept, "kept");
    mr_arena_rewind(arena, empty);
    assert_int_equal(mr_arena_used(arena), 0);
    assert_ptr_equal(mr_arena_alloc(arena, 5), kept);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(aligned_and_apart), TEST(copies), TEST(reset_keeps_the_blocks),
        TEST(huge_pieces),       TEST(marks),
    };
    mr_arena_free(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
