/* SPDX-License-Identifier: Apache-2.0 */
/* See text.h. Runs of ASCII are taken eight bytes at a time, and JSON strings copied in runs, since
 * most text is nothing else. */
#include "codec/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

__extension__ typedef unsigned __int128 uint128;

/* Is the number a whole one of at most fifteen digits, divided by a power of ten, as measures and
 * prices are? Of fifteen digits no more than one is near enough to a double, so that these are its
 * shortest digits. */
static bool small_decimal(double value, int64_t *whole, int *scale)
{
    static const double powers[] = {1,   1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    static const double below = 1e15 - 1;
    double size = fabs(value);
    if (!(size < below) || (value == 0 && signbit(value))) {
        return false;
    }
    for (int k = 0; k < (int)(sizeof powers / sizeof *powers); k++) {
        double scaled = size * powers[k];
        if (scaled >= below) {
            return false;
        }
        int64_t n = (int64_t)(scaled + 0.5);
        if ((double)n / powers[k] ==
            size) { /* division rounds correctly, as reading the text does */
            *whole = value < 0 ? -n : n;
            *scale = k;
            return true;
        }
    }
    return false;
}

/* The same of up to 17 digits (of 15 those with more than 15 places). The number is m * 2^-shift;
 * scaled by 10^k in whole numbers of 128 bits it is rounded to so many digits, and the digits read
 * back as the number when what rounding took is less than half a step of it. */
static bool long_decimal(double value, int64_t *whole, int *scale)
{
    static const double powers[] = {1e-3, 1e-2, 1e-1, 1,    1e1,  1e2,  1e3,  1e4,  1e5, 1e6,
                                    1e7,  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    int exponent;
    double size = fabs(value);
    if (!(size >= 1e-4) || size >= 1e15) {
        return false;
    }
    uint64_t m = (uint64_t)ldexp(frexp(size, &exponent), 53);
    int shift = 53 - exponent, whole_digits = -3;
    while (size >= powers[whole_digits + 3] && whole_digits < 15) {
        whole_digits++;
    }
    if (shift <= 0 || m == (uint64_t)1 << 52) {
        return false; /* the step below is half as wide there */
    }
    for (int digits = size < 0.1 ? 15 : 16; digits <= 17; digits++) {
        uint128 power = 1;
        for (int k = 0; k < digits - whole_digits; k++) {
            power *= 10;
        }
        uint128 exact = m * power, half = (uint128)1 << (shift - 1);
        uint128 n = exact >> shift, rest = exact - (n << shift);
        if (rest > half || (rest == half && n & 1)) {
            n++;
            rest = (half << 1) - rest;
        }
        if (digits == 17 || 2 * rest < power || (2 * rest == power && m % 2 == 0)) {
            *scale = digits - whole_digits;
            for (; n % 10 == 0 && *scale > 0; n /= 10) {
                --*scale;
            }
            *whole = value < 0 ? -(int64_t)n : (int64_t)n;
            return true;
        }
    }
    return false;
}

static bool as_decimal(double value, int64_t *whole, int *scale)
{
    return small_decimal(value, whole, scale) || long_decimal(value, whole, scale);
}

/* As "%.17g" writes it: without an exponent down to 0.0001. */
static size_t decimal_text(int64_t whole, int scale, char out[MR_NUMBER_TEXT_BYTES])
{
    char digits[24];
    int count = 0;
    size_t len = 0;
    for (uint64_t left = (uint64_t)llabs(whole); left || count <= scale; left /= 10) {
        digits[count++] = (char)('0' + left % 10);
    }
    if (whole < 0) {
        out[len++] = '-';
    }
    while (count > 0) {
        if (count == scale) {
            out[len++] = '.';
        }
        out[len++] = digits[--count];
    }
    out[len] = '\0';
    return len;
}

size_t mr_double_text(double value, char out[MR_NUMBER_TEXT_BYTES])
{
    int64_t whole;
    int scale;
    if ((fabs(value) >= 1e-4 || value == 0) && as_decimal(value, &whole, &scale)) {
        return decimal_text(whole, scale, out);
    }
    for (int digits = 15;; digits++) {
        int len = snprintf(out, MR_NUMBER_TEXT_BYTES, "%.*g", digits, value);
        if (digits == 17 || strtod(out, NULL) == value) {
            return (size_t)len;
        }
    }
}

/* Without a division for most numbers: the length follows from the highest bit and one comparison,
 * and an odd number does not end in zero. */
int mr_int_digits(int64_t value)
{
    static const uint64_t powers[] = {
        UINT64_C(1),
        UINT64_C(10),
        UINT64_C(100),
        UINT64_C(1000),
        UINT64_C(10000),
        UINT64_C(100000),
        UINT64_C(1000000),
        UINT64_C(10000000),
        UINT64_C(100000000),
        UINT64_C(1000000000),
        UINT64_C(10000000000),
        UINT64_C(100000000000),
        UINT64_C(1000000000000),
        UINT64_C(10000000000000),
        UINT64_C(100000000000000),
        UINT64_C(1000000000000000),
        UINT64_C(10000000000000000),
        UINT64_C(100000000000000000),
        UINT64_C(1000000000000000000),
        UINT64_C(10000000000000000000), /* of 64 bits: only the least int64 has them */
    };
    uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
    if (!left) {
        return 0;
    }
    while (!(left & 1) && left % 10 == 0) {
        left /= 10;
    }
    int bits = 64 - __builtin_clzll(left), digits = bits * 1233 >> 12; /* 1233 / 4096: log10(2) */
    return digits + (left >= powers[digits]);
}

int mr_double_digits(double value)
{
    char text[MR_NUMBER_TEXT_BYTES];
    int64_t whole;
    int scale, digits = 0, zeros = 0;
    if (as_decimal(value, &whole, &scale)) {
        return mr_int_digits(whole);
    }
    mr_double_text(value, text);
    for (const char *at = text; *at && *at != 'e'; at++) {
        if (*at == '0') {
            zeros += digits > 0; /* they count only if another digit follows */
        } else if (*at >= '1' && *at <= '9') {
            digits += zeros + 1;
            zeros = 0;
        }
    }
    return digits;
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

void mr_json_any_text(const char *text, size_t len, mr_buffer *out)
{
    if (mr_utf8_valid(text, len)) {
        mr_json_text(text, len, out);
        return;
    }
    mr_buffer clean = MR_BUFFER_INIT(len * 3);
    for (size_t at = 0; at < len;) {
        size_t step = mr_utf8_length(text + at, len - at);
        if (step) {
            mr_buffer_add(&clean, text + at, step);
        } else {
            mr_buffer_add_text(&clean, "\xef\xbf\xbd");
        }
        at += step ? step : 1;
    }
    mr_json_text(clean.data, clean.len, out);
    mr_buffer_release(&clean);
}

void mr_int_text(int64_t value, mr_buffer *out)
{
    char digits[20], *at = digits + sizeof digits;
    uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do {
        *--at = (char)('0' + left % 10);
        left /= 10;
    } while (left);
    if (value < 0) {
        *--at = '-';
    }
    mr_buffer_add(out, at, (size_t)(digits + sizeof digits - at));
}

void mr_base64(const char *data, size_t len, mr_buffer *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *in = (const unsigned char *)data;
    size_t all = (len + 2) / 3 * 4;
    if (!mr_buffer_reserve(out, all)) {
        return;
    }
    char *at = out->data + out->len;
    out->len += all;
    for (size_t i = 0; i < len; i += 3) {
        uint32_t v = (uint32_t)in[i] << 16;
        v |= i + 1 < len ? (uint32_t)in[i + 1] << 8 : 0;
        v |= i + 2 < len ? in[i + 2] : 0;
        *at++ = digits[v >> 18 & 63];
        *at++ = digits[v >> 12 & 63];
        *at++ = i + 1 < len ? digits[v >> 6 & 63] : '=';
        *at++ = i + 2 < len ? digits[v & 63] : '=';
    }
}

size_t mr_utc_text(int64_t ms, bool always_millis, char out[MR_UTC_TEXT_BYTES])
{
    enum { SECOND = 1000 };
    int64_t fraction = ms % SECOND;
    time_t seconds = (time_t)(ms / SECOND);
    if (fraction < 0) {
        fraction += SECOND;
        seconds--;
    }
    struct tm tm;
    gmtime_r(&seconds, &tm);
    long year = tm.tm_year + 1900L;
    size_t size = MR_UTC_TEXT_BYTES;
    int len = snprintf(out, size, year < 0 || year > 9999 ? "%+07ld" : "%04ld", year);
    len += snprintf(out + len, size - (size_t)len, "-%02d-%02dT%02d:%02d:%02d", tm.tm_mon + 1,
                    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    if (always_millis || fraction) {
        len += snprintf(out + len, size - (size_t)len, ".%03d", (int)fraction);
    }
    return (size_t)len + (size_t)snprintf(out + len, size - (size_t)len, "Z");
}

static bool hyphen_before(int byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

bool mr_uuid_parse(const char *text, size_t len, char bytes[MR_UUID_BYTES])
{
    if (len != MR_UUID_TEXT_BYTES && len != 2 * MR_UUID_BYTES) {
        return false;
    }
    for (int i = 0; i < MR_UUID_BYTES; i++) {
        if (len == MR_UUID_TEXT_BYTES && hyphen_before(i) && *text++ != '-') {
            return false;
        }
        int high = mr_hex_digit(text[0]), low = mr_hex_digit(text[1]);
        if (high < 0 || low < 0) {
            return false;
        }
        bytes[i] = (char)(high << 4 | low);
        text += 2;
    }
    return true;
}

void mr_uuid_text(const char bytes[MR_UUID_BYTES], char out[MR_UUID_TEXT_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < MR_UUID_BYTES; i++) {
        if (hyphen_before(i)) {
            *out++ = '-';
        }
        *out++ = digits[(unsigned char)bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
}
