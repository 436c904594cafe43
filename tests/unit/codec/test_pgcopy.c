/* SPDX-License-Identifier: Apache-2.0 */
/* The binary forms byte by byte. That a server reads them is tests/integration/postgres. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/pgcopy.h"

static mr_buffer out = MR_BUFFER_INIT(1 << 20);

#define assert_bytes(expected)                                                                     \
    do {                                                                                           \
        assert_int_equal(out.len, sizeof(expected) - 1);                                           \
        assert_memory_equal(out.data, expected, sizeof(expected) - 1);                             \
        mr_buffer_clear(&out);                                                                     \
    } while (0)

static void fixed_size_values(void **state)
{
    (void)state;
    mr_pg_row(&out, 19);
    assert_bytes("\0\x13");
    mr_pg_null(&out);
    assert_bytes("\xff\xff\xff\xff");
    mr_pg_bool(&out, true);
    assert_bytes("\0\0\0\x01\x01");
    mr_pg_int16(&out, -2);
    assert_bytes("\0\0\0\x02\xff\xfe");
    mr_pg_int32(&out, 258);
    assert_bytes("\0\0\0\x04\0\0\x01\x02");
    mr_pg_int64(&out, -1);
    assert_bytes("\0\0\0\x08\xff\xff\xff\xff\xff\xff\xff\xff");
    mr_pg_float8(&out, 1.0);
    assert_bytes("\0\0\0\x08\x3f\xf0\0\0\0\0\0\0");
    mr_pg_float4(&out, -2.0F);
    assert_bytes("\0\0\0\x04\xc0\0\0\0");
    mr_pg_bytes(&out, "ab", 2);
    assert_bytes("\0\0\0\x02"
                 "ab");
    mr_pg_bytes(&out, NULL, 0);
    assert_bytes("\0\0\0\0");
    mr_pg_interval(&out, 1, 2, 3);
    assert_bytes("\0\0\0\x10\0\0\0\0\0\0\0\x01\0\0\0\x02\0\0\0\x03");
}

static void epoch_is_the_year_2000(void **state)
{
    (void)state;
    assert_true(mr_pg_date(&out, 10957));
    assert_bytes("\0\0\0\x04\0\0\0\0");
    assert_true(mr_pg_timestamp(&out, INT64_C(946684800000001)));
    assert_bytes("\0\0\0\x08\0\0\0\0\0\0\0\x01");
    /* The first and last that there are, and their neighbours. */
    assert_true(mr_pg_date(&out, 10957 - 2451545));
    assert_false(mr_pg_date(&out, 10957 - 2451546));
    assert_true(mr_pg_date(&out, 10957 + 2145031948));
    assert_false(mr_pg_date(&out, 10957 + 2145031949));
    assert_true(mr_pg_timestamp(&out, INT64_MAX));
    assert_false(mr_pg_timestamp(&out, INT64_MIN));
    assert_true(mr_pg_timestamp(&out, INT64_C(946684800000000) - INT64_C(211813488000000000)));
    assert_false(mr_pg_timestamp(&out, INT64_C(946684799999999) - INT64_C(211813488000000000)));
    mr_buffer_clear(&out);
}

static void uuids(void **state)
{
    (void)state;
    static const char expected[] = "\0\0\0\x10\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc"
                                   "\xdd\xee\xff";
    assert_true(mr_pg_uuid(&out, "00112233-4455-6677-8899-AABBCCDDEEFF", 36));
    assert_bytes(expected);
    assert_true(mr_pg_uuid(&out, "00112233445566778899aabbccddeeff", 32));
    mr_pg_uuid_text(&out, out.data + 4);
    assert_memory_equal(out.data + 20, "00112233-4455-6677-8899-aabbccddeeff", 36);
    mr_buffer_clear(&out);
    static const char *const bad[] = {
        "", "00112233-4455-6677-8899-AABBCCDDEEF", "00112233-4455-6677-8899-AABBCCDDEEFG",
        "0011223344-55-6677-8899-AABBCCDDEEFF", "{00112233445566778899aabbccddee}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(mr_pg_uuid(&out, bad[i], strlen(bad[i])));
        assert_int_equal(out.len, 0);
    }
}

/* len, ndigits, weight, sign, dscale, digits */
static void numerics(void **state)
{
    (void)state;
    assert_true(mr_pg_numeric(&out, "\x04\xd2", 2, 2)); /* 12.34 */
    assert_bytes("\0\0\0\x0c\0\x02\0\0\0\0\0\x02\0\x0c\x0d\x48");
    assert_true(mr_pg_numeric(&out, "\xff", 1, 3)); /* -0.001 */
    assert_bytes("\0\0\0\x0a\0\x01\xff\xff\x40\0\0\x03\0\x0a");
    assert_true(mr_pg_numeric(&out, "\0\0", 2, 2)); /* 0.00 */
    assert_bytes("\0\0\0\x08\0\0\0\0\0\0\0\x02");
    assert_true(mr_pg_numeric(&out, "\x00\x98\x96\x80", 4, 0)); /* 10000000 */
    assert_bytes("\0\0\0\x0a\0\x01\0\x01\0\0\0\0\x03\xe8");
    mr_pg_numeric_int(&out, -10000);
    assert_bytes("\0\0\0\x0a\0\x01\0\x01\x40\0\0\0\0\x01");
    assert_false(mr_pg_numeric(&out, "\x01", 1, -1));
    assert_false(mr_pg_numeric(&out, "\x01", 1, 16384));
    assert_int_equal(out.len, 0);
}

static void numerics_from_text(void **state)
{
    (void)state;
    assert_true(mr_pg_numeric_text(&out, "12.34", 5));
    assert_bytes("\0\0\0\x0c\0\x02\0\0\0\0\0\x02\0\x0c\x0d\x48");
    assert_true(mr_pg_numeric_text(&out, "-1e-3", 5));
    assert_bytes("\0\0\0\x0a\0\x01\xff\xff\x40\0\0\x03\0\x0a");
    assert_true(mr_pg_numeric_text(&out, "+1.0E+7", 7));
    assert_bytes("\0\0\0\x0a\0\x01\0\x01\0\0\0\0\x03\xe8");
    assert_true(mr_pg_numeric_text(&out, ".5", 2));
    assert_bytes("\0\0\0\x0a\0\x01\xff\xff\0\0\0\x01\x13\x88");
    assert_true(mr_pg_numeric_text(&out, "NaN", 3));
    assert_bytes("\0\0\0\x08\0\0\0\0\xc0\0\0\0");
    assert_true(mr_pg_numeric_text(&out, "-Infinity", 9));
    assert_bytes("\0\0\0\x08\0\0\0\0\xf0\0\0\0");
    static const char *const bad[] = {"",         "-",   ".",   "e5",   "1e",  "1e+",
                                      "1.2.3",    " 1",  "1 ",  "0x10", "1_0", "1e999999",
                                      "1e-99999", "nan", "--1", "1e1.5"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(mr_pg_numeric_text(&out, bad[i], strlen(bad[i])));
        assert_int_equal(out.len, 0);
    }
}

/* What is said about a decimal in text and in numeric's digits is the same number, at any length.
 */
static void long_decimals_agree_with_their_text(void **state)
{
    (void)state;
    uint64_t seed = 12345;
    for (int round = 0; round < 2000; round++) {
        char bytes[64];
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        size_t len = 1 + (seed >> 33) % sizeof bytes;
        for (size_t i = 0; i < len; i++) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
            bytes[i] = (char)(seed >> 56);
        }
        int scale = (int)((seed >> 20) % 40);
        mr_buffer text = MR_BUFFER_INIT(1024);
        assert_true(mr_pg_decimal_text(&text, bytes, len, scale));
        assert_true(mr_pg_numeric(&out, bytes, len, scale));
        size_t first = out.len;
        assert_true(mr_pg_numeric_text(&out, text.data, text.len));
        assert_int_equal(out.len, 2 * first);
        assert_memory_equal(out.data, out.data + first, first);
        mr_buffer_clear(&out);
        mr_buffer_release(&text);
    }
}

static void a_numeric_too_long_is_refused(void **state)
{
    (void)state;
    enum { SIZE = 60000 };
    char *bytes = malloc(SIZE);
    memset(bytes, 0x55, SIZE);
    assert_false(mr_pg_numeric(&out, bytes, SIZE, 0));
    assert_int_equal(out.len, 0);
    /* Leading zeros are no digits. */
    memset(bytes, 0, SIZE);
    bytes[SIZE - 1] = 7;
    assert_true(mr_pg_numeric(&out, bytes, SIZE, 0));
    assert_bytes("\0\0\0\x0a\0\x01\0\0\0\0\0\0\0\x07");
    free(bytes);
}

static void assert_text(const char *text, size_t len, mr_pg_text verdict, size_t expected_at)
{
    /* At every alignment, and at both ends of a longer text. */
    for (size_t before = 0; before < 20; before++) {
        for (size_t after = 0; after < 20; after += 19) {
            char padded[80];
            memset(padded, 'x', sizeof padded);
            memcpy(padded + before, text, len);
            size_t at = 999;
            assert_int_equal(mr_pg_check_text(padded, before + len + after, &at), verdict);
            if (verdict != MR_PG_TEXT_OK) {
                assert_int_equal(at, before + expected_at);
            }
        }
    }
}

static void texts_are_checked(void **state)
{
    (void)state;
    assert_text("", 0, MR_PG_TEXT_OK, 0);
    assert_text("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 19,
                MR_PG_TEXT_OK, 0);
    assert_text("a\0b", 3, MR_PG_TEXT_NUL, 1);
    assert_text("\x80", 1, MR_PG_TEXT_INVALID, 0);
    assert_text("ab\xc1\xbf", 4, MR_PG_TEXT_INVALID, 2);       /* overlong */
    assert_text("\xe0\x9f\xbf", 3, MR_PG_TEXT_INVALID, 0);     /* overlong */
    assert_text("\xed\xa0\x80", 3, MR_PG_TEXT_INVALID, 0);     /* surrogate */
    assert_text("\xf4\x90\x80\x80", 4, MR_PG_TEXT_INVALID, 0); /* beyond U+10FFFF */
    assert_text("\xf5\x80\x80\x80", 4, MR_PG_TEXT_INVALID, 0);
    assert_text("\xe2\x82", 2, MR_PG_TEXT_INVALID, 0); /* cut off */
    assert_int_equal(mr_pg_text_chars("a\xe2\x82\xac\xf0\x9f\x9a\x95", 8), 3);
}

static void dates_as_text(void **state)
{
    (void)state;
    static const struct {
        int64_t days;
        const char *text;
    } cases[] = {{0, "1970-01-01"},       {-1, "1969-12-31"},        {11016, "2000-02-29"},
                 {-719162, "0001-01-01"}, {-719163, "0000-12-31"},   {-719529, "-00001-12-31"},
                 {2932896, "9999-12-31"}, {2932897, "+10000-01-01"}, {-25509, "1900-02-28"},
                 {-25508, "1900-03-01"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mr_pg_date_text(&out, cases[i].days);
        assert_string_equal(mr_buffer_text(&out), cases[i].text);
        mr_buffer_clear(&out);
    }
    mr_pg_timestamp_text(&out, -1, true);
    assert_string_equal(mr_buffer_text(&out), "1969-12-31T23:59:59.999999Z");
    mr_buffer_clear(&out);
    mr_pg_timestamp_text(&out, INT64_C(1551398400500000), false);
    assert_string_equal(mr_buffer_text(&out), "2019-03-01T00:00:00.5");
    mr_buffer_clear(&out);
}

static void a_full_buffer_is_told(void **state)
{
    (void)state;
    mr_buffer small = MR_BUFFER_INIT(10);
    mr_pg_int32(&small, 1);
    assert_false(small.failed);
    mr_pg_int32(&small, 2);
    assert_true(small.failed);
    assert_int_equal(small.len, 8);
    mr_buffer_release(&small);
}

static int release(void **state)
{
    (void)state;
    mr_buffer_release(&out);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_size_values),
        cmocka_unit_test(epoch_is_the_year_2000),
        cmocka_unit_test(uuids),
        cmocka_unit_test(numerics),
        cmocka_unit_test(numerics_from_text),
        cmocka_unit_test(long_decimals_agree_with_their_text),
        cmocka_unit_test(a_numeric_too_long_is_refused),
        cmocka_unit_test(texts_are_checked),
        cmocka_unit_test(dates_as_text),
        cmocka_unit_test(a_full_buffer_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
