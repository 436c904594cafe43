/* SPDX-License-Identifier: Apache-2.0 */
/* See text.h. Runs of ASCII are taken eight bytes at a time, and JSON strings copied in runs, since
 * most text is nothing else. */
#include "codec/text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t mr_utf8_length(const char *text, size_t left)
{
    const unsigned char *s = (const unsigned char *)text;
    unsigned char c = s[0];
    if (c < 0x80) {
        return 1;
    }
    size_t need = c < 0xC2 ? 0 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 0;
    if (!need || need > left) {
        return 0;
    }
    unsigned char low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    unsigned char high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    if (s[1] < low || s[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < need; i++) {
        if ((s[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return need;
}

bool mr_utf8_valid(const char *text, size_t len)
{
    const char *s = text, *end = text + len;
    while (s < end) {
        uint64_t word;
        if (end - s >= (ptrdiff_t)sizeof word) {
            memcpy(&word, s, sizeof word);
            if (!(word & UINT64_C(0x8080808080808080))) {
                s += sizeof word;
                continue;
            }
        }
        size_t step = mr_utf8_length(s, (size_t)(end - s));
        if (!step) {
            return false;
        }
        s += step;
    }
    return true;
}

size_t mr_double_text(double value, char out[MR_NUMBER_TEXT_BYTES])
{
    for (int digits = 15;; digits++) {
        int len = snprintf(out, MR_NUMBER_TEXT_BYTES, "%.*g", digits, value);
        if (digits == 17 || strtod(out, NULL) == value) {
            return (size_t)len;
        }
    }
}

size_t mr_float_text(float value, char out[MR_NUMBER_TEXT_BYTES])
{
    for (int digits = 6;; digits++) {
        int len = snprintf(out, MR_NUMBER_TEXT_BYTES, "%.*g", digits, (double)value);
        if (digits == 9 || strtof(out, NULL) == value) {
            return (size_t)len;
        }
    }
}

void mr_json_text(const char *text, size_t len, mr_buffer *out)
{
    mr_buffer_add_char(out, '"');
    size_t plain = 0; /* start of what can be copied as it is */
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c != '"' && c != '\\') {
            continue;
        }
        mr_buffer_add(out, text + plain, i - plain);
        plain = i + 1;
        if (c < 0x20) {
            mr_buffer_printf(out, "\\u%04x", c);
        } else {
            mr_buffer_add_char(out, '\\');
            mr_buffer_add_char(out, (char)c);
        }
    }
    mr_buffer_add(out, text + plain, len - plain);
    mr_buffer_add_char(out, '"');
}
