/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 at every border of its table, numbers that read back, JSON strings that jansson reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
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
        cmocka_unit_test(utf8_at_its_borders),
        cmocka_unit_test(numbers_read_back),
        cmocka_unit_test(json_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
