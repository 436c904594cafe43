/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 at every border of its table, numbers that read back, JSON strings that jansson reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/text.h"

static bool valid(const char *text, size_t len)
{
    char *exact = mr_alloc(len ? len : 1); /* so that ASan sees a byte read too far */
    memcpy(exact, text, len);
    bool ret = mr_utf8_valid(exact, len);
    free(exact);
    return ret;
}

static void utf8_at_its_borders(void **state)
{
    (void)state;
    static const char *const good[] = {"",
                                       "\x7f",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",         "\xc1\xbf",         "\xc2",
                                      "\xc2\x7f",     "\xe0\x9f\xbf",     "\xe1\x80",
                                      "\xe1\x80\xc0", "\xed\xa0\x80",     "\xf0\x8f\xbf\xbf",
                                      "\xf1\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
                                      "\xff"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        for (size_t before = 0; before < 18; before++) { /* across the steps of eight bytes */
            char text[40] = "aaaaaaaaaaaaaaaaaaaa";
            strcpy(text + before, good[i]);
            assert_true(valid(text, strlen(text)));
            strcat(text, "zzzzzzzz");
            assert_true(valid(text, strlen(text)));
        }
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        for (size_t before = 0; before < 18; before++) {
            char text[40] = "aaaaaaaaaaaaaaaaaaaa";
            strcpy(text + before, bad[i]);
            assert_false(valid(text, strlen(text)));
            strcat(text, "zzzzzzzz");
            assert_false(valid(text, strlen(text)));
        }
    }
    assert_true(valid("\0", 1));
}

static void numbers_read_back(void **state)
{
    (void)state;
    static const double doubles[] = {
        0, -0.0, 0.1, 1.0 / 3, 1e300, -5e-324, 1e22, 123456789.125, 2.2250738585072014e-308};
    char text[MR_NUMBER_TEXT_BYTES];
    for (size_t i = 0; i < sizeof doubles / sizeof *doubles; i++) {
        size_t len = mr_double_text(doubles[i], text);
        assert_int_equal(len, strlen(text));
        assert_true(strtod(text, NULL) == doubles[i]);
        float f = (float)doubles[i];
        len = mr_float_text(f, text);
        assert_int_equal(len, strlen(text));
        assert_true(strtof(text, NULL) == f);
    }
    mr_double_text(0.1, text);
    assert_string_equal(text, "0.1");
    mr_float_text(0.1f, text);
    assert_string_equal(text, "0.1");
    mr_double_text(-0.0, text);
    assert_string_equal(text, "-0");
}

/* Against what a plain search for the shortest of 15 to 17 digits gives. */
static void numbers_are_the_shortest(void **state)
{
    (void)state;
    uint64_t seed = 88172645463325252u;
    for (int i = 0; i < 200000; i++) {
        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
        static const double scales[] = {1, 10, 100, 1000, 1e4, 1e5, 1e6, 1e7, 1e8};
        double value = (double)(int64_t)(seed >> (seed & 63)) / scales[seed % 9];
        if (i % 4 == 0) {
            memcpy(&value, &seed, sizeof value);
        }
        if (i % 2) {
            value = -value;
        }
        if (!isfinite(value)) {
            continue;
        }
        char text[MR_NUMBER_TEXT_BYTES], want[MR_NUMBER_TEXT_BYTES];
        for (int digits = 15;
             snprintf(want, sizeof want, "%.*g", digits, value), strtod(want, NULL) != value;) {
            digits++;
        }
        assert_int_equal(mr_double_text(value, text), strlen(want));
        assert_string_equal(text, want);
        char plain[MR_NUMBER_TEXT_BYTES];
        size_t count = 0;
        for (const char *at = want; *at && *at != 'e'; at++) {
            if (*at >= (count ? '0' : '1') && *at <= '9') {
                plain[count++] = *at;
            }
        }
        while (count && plain[count - 1] == '0') {
            count--;
        }
        assert_int_equal(mr_double_digits(value), count);
        if (fabs(value) < 1e15 && value == trunc(value)) {
            assert_int_equal(mr_int_digits((int64_t)value), count);
        }
    }
}

static int digits_in_text(int64_t value)
{
    char text[32];
    int len = snprintf(text, sizeof text, "%lld", (long long)value);
    while (len && text[len - 1] == '0') {
        len--;
    }
    return len - (text[0] == '-');
}

/* At each power of two and of ten, and on both sides of it. */
static void digits_of_whole_numbers(void **state)
{
    (void)state;
    uint64_t ten = 1;
    for (int i = 0; i < 64; i++, ten = i < 19 ? ten * 10 : 1) {
        for (int near = -1; near <= 1; near++) {
            int64_t two = (int64_t)((UINT64_C(1) << i) + (uint64_t)near);
            int64_t power = (int64_t)(ten + (uint64_t)near);
            assert_int_equal(mr_int_digits(two), digits_in_text(two));
            assert_int_equal(mr_int_digits(power), digits_in_text(power));
            assert_int_equal(mr_int_digits(-power), digits_in_text(-power));
        }
    }
    assert_int_equal(mr_int_digits(0), 0);
    assert_int_equal(mr_int_digits(INT64_MIN), 19);
}

static void json_of_any_bytes(void **state)
{
    (void)state;
    mr_buffer out = MR_BUFFER_INIT(100);
    mr_json_any_text("a\xff\xe2\x82\n\xe2\x82\xac", 8, &out);
    assert_string_equal(mr_buffer_text(&out),
                        "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\\u000a\xe2\x82\xac\"");
    mr_buffer_release(&out);
}

static void whole_numbers_and_base64(void **state)
{
    (void)state;
    mr_buffer out = MR_BUFFER_INIT(200);
    static const int64_t numbers[] = {0, -1, 7, 10, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        mr_int_text(numbers[i], &out);
        mr_buffer_add_char(&out, ' ');
    }
    assert_string_equal(mr_buffer_text(&out),
                        "0 -1 7 10 9223372036854775807 -9223372036854775808 ");
    static const char *const encoded[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="}; /* RFC 4648 */
    for (size_t len = 0; len < sizeof encoded / sizeof *encoded; len++) {
        mr_buffer_clear(&out);
        mr_base64("foob", len, &out);
        assert_string_equal(mr_buffer_text(&out), encoded[len]);
    }
    mr_buffer_release(&out);
}

static void times_in_utc(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text, *always;
    } table[] = {
        {0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"},
        {1553372469007, "2019-03-23T20:21:09.007Z", "2019-03-23T20:21:09.007Z"},
        {-1, "1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"},
        {253402300799999, "9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"},
        {253402300800000, "+010000-01-01T00:00:00Z", "+010000-01-01T00:00:00.000Z"},
        {-62167219200000, "0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000Z"},
        {-62167219200001, "-000001-12-31T23:59:59.999Z", "-000001-12-31T23:59:59.999Z"},
        {INT64_MAX, "+292278994-08-17T07:12:55.807Z", "+292278994-08-17T07:12:55.807Z"},
        {INT64_MIN, "-292275055-05-16T16:47:04.192Z", "-292275055-05-16T16:47:04.192Z"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char text[MR_UTC_TEXT_BYTES];
        assert_int_equal(mr_utc_text(table[i].ms, false, text), strlen(table[i].text));
        assert_string_equal(text, table[i].text);
        assert_int_equal(mr_utc_text(table[i].ms, true, text), strlen(table[i].always));
        assert_string_equal(text, table[i].always);
    }
}

static void json_strings(void **state)
{
    (void)state;
    static const char all[] =
        "plain \" \\ / \b\f\n\r\t \x01\x1f\x7f h\xc3\xa9llo \xf0\x9f\x9a\x95 \0 end";
    mr_buffer out = MR_BUFFER_INIT(1 << 16);
    mr_json_text(all, sizeof all - 1, &out);
    json_t *json = json_loadb(out.data, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    assert_non_null(json);
    assert_int_equal(json_string_length(json), sizeof all - 1);
    assert_memory_equal(json_string_value(json), all, sizeof all - 1);
    json_decref(json);
    mr_buffer_clear(&out);
    mr_json_text("", 0, &out);
    assert_int_equal(out.len, 2);
    mr_buffer_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_at_its_borders),      cmocka_unit_test(numbers_read_back),
        cmocka_unit_test(numbers_are_the_shortest), cmocka_unit_test(json_strings),
        cmocka_unit_test(digits_of_whole_numbers),  cmocka_unit_test(json_of_any_bytes),
        cmocka_unit_test(whole_numbers_and_base64), cmocka_unit_test(times_in_utc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
