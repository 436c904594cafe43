/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decimal128 to and from text. A significand below 10^34 is two halves of 17 digits, each of which
 * a machine word holds, so there is one wide division and none of it in a loop. Parsing never
 * rounds: zeros at the end may go or be added to bring the exponent into its range, and what then
 * does not fit is refused, since a number that is nearly what the text says is not that number.
 */
#include "codec/decimal128.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

__extension__ typedef unsigned __int128 wide;

enum {
    BIAS = 6176,
    EXPONENT_MIN = -6176,
    EXPONENT_MAX = 6111,
    EXPONENT_BITS = 0x3fff,
    HALF_DIGITS = MR_DECIMAL128_DIGITS / 2,
};
static const uint64_t HALF = UINT64_C(100000000000000000); /* 10^17 */
static const uint64_t SIGN = UINT64_C(1) << 63;
static const uint64_t SPECIAL = UINT64_C(0x6000000000000000); /* the significand begins with 100 */
static const uint64_t INFINITE = UINT64_C(0x7800000000000000);
static const uint64_t NOT_A_NUMBER = UINT64_C(0x7c00000000000000);

static void put_digits(uint64_t value, char out[HALF_DIGITS])
{
    for (int i = HALF_DIGITS; i > 0; value /= 10) {
        out[--i] = (char)('0' + value % 10);
    }
}

void mr_decimal128_unpack(const char bits[MR_DECIMAL128_BYTES], mr_decimal128 *ret)
{
    uint64_t low = mr_bson_load64(bits), high = mr_bson_load64(bits + 8);
    ret->negative = (high & SIGN) != 0;
    ret->exponent = 0;
    ret->count = 0;
    ret->kind = MR_DECIMAL128_FINITE;
    if ((high & NOT_A_NUMBER) == NOT_A_NUMBER) {
        ret->kind = MR_DECIMAL128_NAN;
        return;
    }
    if ((high & NOT_A_NUMBER) == INFINITE) {
        ret->kind = MR_DECIMAL128_INFINITY;
        return;
    }
    if ((high & SPECIAL) == SPECIAL) { /* at least 2^113: more than 34 digits */
        ret->exponent = (int)(high >> 47 & EXPONENT_BITS) - BIAS;
        return;
    }
    ret->exponent = (int)(high >> 49 & EXPONENT_BITS) - BIAS;
    wide significand = (wide)(high & ((UINT64_C(1) << 49) - 1)) << 64 | low;
    if (significand >= (wide)HALF * HALF) {
        return;
    }
    char all[MR_DECIMAL128_DIGITS];
    put_digits((uint64_t)(significand / HALF), all);
    put_digits((uint64_t)(significand % HALF), all + HALF_DIGITS);
    size_t zeros = 0;
    while (zeros < sizeof all && all[zeros] == '0') {
        zeros++;
    }
    ret->count = sizeof all - zeros;
    memcpy(ret->digits, all + zeros, ret->count);
}

static size_t put(char *out, const char *text, size_t len)
{
    memcpy(out, text, len);
    return len;
}

/* With an exponent: 1E+3, 1.25E-10. */
static size_t scientific(const char *digits, size_t count, int adjusted, char *out)
{
    size_t len = put(out, digits, 1);
    if (count > 1) {
        out[len++] = '.';
        len += put(out + len, digits + 1, count - 1);
    }
    return len + (size_t)snprintf(out + len, 8, "E%+d", adjusted);
}

/* Without one: 125, 12.5, 0.00125. */
static size_t plain(const char *digits, size_t count, int exponent, char *out)
{
    size_t after = (size_t)-exponent, len = 0;
    if (count > after) {
        len = put(out, digits, count - after);
        if (after) {
            out[len++] = '.';
            len += put(out + len, digits + count - after, after);
        }
        return len;
    }
    len = put(out, "0.", 2);
    for (size_t i = count; i < after; i++) {
        out[len++] = '0';
    }
    return len + put(out + len, digits, count);
}

size_t mr_decimal128_text(const char bits[MR_DECIMAL128_BYTES], char *out)
{
    enum { SMALLEST_PLAIN = -6 };
    mr_decimal128 d;
    mr_decimal128_unpack(bits, &d);
    size_t sign = 0;
    if (d.kind == MR_DECIMAL128_NAN) {
        return put(out, "NaN", 3);
    }
    if (d.negative) {
        out[sign++] = '-';
    }
    if (d.kind == MR_DECIMAL128_INFINITY) {
        return sign + put(out + sign, "Infinity", 8);
    }
    const char *digits = d.count ? d.digits : "0";
    size_t count = d.count ? d.count : 1;
    int adjusted = d.exponent + (int)count - 1;
    if (d.exponent > 0 || adjusted < SMALLEST_PLAIN) {
        return sign + scientific(digits, count, adjusted, out + sign);
    }
    return sign + plain(digits, count, d.exponent, out + sign);
}

/* --- From text ------------------------------------------------------------------------------- */

typedef struct scan {
    const char *at, *end;
    wide significand;
    int digits;       /* significant ones so far, zeros held back not counted */
    int64_t zeros;    /* held back: they count only if another digit follows */
    int64_t exponent; /* of the significand with the zeros held back */
    bool any, too_many;
} scan;

static void take_digit(scan *s, int digit, bool after_point)
{
    s->any = true;
    s->exponent -= after_point;
    if (!digit) {
        s->zeros += s->digits > 0;
        return;
    }
    if (s->zeros + s->digits >= MR_DECIMAL128_DIGITS) {
        s->too_many = true;
        return;
    }
    for (; s->zeros > 0; s->zeros--, s->digits++) {
        s->significand *= 10;
    }
    s->significand = s->significand * 10 + (unsigned)digit;
    s->digits++;
}

static bool is_digit(const scan *s)
{
    return s->at < s->end && *s->at >= '0' && *s->at <= '9';
}

static void take_digits(scan *s, bool after_point)
{
    for (; is_digit(s); s->at++) {
        take_digit(s, *s->at - '0', after_point);
    }
}

/* "E+12" or nothing. Exponents beyond any text's length stay where they are: out of range. */
static bool take_exponent(scan *s)
{
    enum { ENOUGH = 1 << 30 };
    if (s->at == s->end || (*s->at | 0x20) != 'e') {
        return true;
    }
    s->at++;
    bool negative = s->at < s->end && *s->at == '-';
    s->at += negative || (s->at < s->end && *s->at == '+');
    if (!is_digit(s)) {
        return false;
    }
    int64_t value = 0;
    for (; is_digit(s); s->at++) {
        value = value < ENOUGH ? value * 10 + (*s->at - '0') : value;
    }
    s->exponent += negative ? -value : value;
    return true;
}

/* Brings the exponent into its range, where zeros at the end of the significand allow it. */
static bool fit(scan *s)
{
    int64_t exponent = s->exponent + s->zeros; /* of the significand without them */
    if (!s->significand) {
        exponent = s->exponent;
        s->exponent = exponent > EXPONENT_MAX   ? EXPONENT_MAX
                      : exponent < EXPONENT_MIN ? EXPONENT_MIN
                                                : exponent;
        return true;
    }
    if (exponent < EXPONENT_MIN) {
        return false;
    }
    /* The zeros are kept as far as there is room for them, and made where the exponent wants. */
    int64_t want = s->exponent < EXPONENT_MIN   ? EXPONENT_MIN
                   : s->exponent > EXPONENT_MAX ? EXPONENT_MAX
                                                : s->exponent;
    for (; exponent > want && s->digits < MR_DECIMAL128_DIGITS; exponent--, s->digits++) {
        s->significand *= 10;
    }
    s->exponent = exponent;
    return exponent <= EXPONENT_MAX;
}

static bool is_word(const scan *s, const char *word)
{
    size_t len = strlen(word);
    return (size_t)(s->end - s->at) == len && strncasecmp(s->at, word, len) == 0;
}

static void store(uint64_t high, uint64_t low, char bits[MR_DECIMAL128_BYTES])
{
    high = htole64(high);
    low = htole64(low);
    memcpy(bits, &low, sizeof low);
    memcpy(bits + sizeof low, &high, sizeof high);
}

bool mr_decimal128_parse(const char *text, size_t len, char bits[MR_DECIMAL128_BYTES])
{
    scan s = {.at = text, .end = text + len};
    uint64_t sign = len && *text == '-' ? SIGN : 0;
    s.at += len && (*text == '-' || *text == '+');
    if (is_word(&s, "nan")) {
        store(NOT_A_NUMBER, 0, bits);
        return true;
    }
    if (is_word(&s, "inf") || is_word(&s, "infinity")) {
        store(sign | INFINITE, 0, bits);
        return true;
    }
    take_digits(&s, false);
    if (s.at < s.end && *s.at == '.') {
        s.at++;
        take_digits(&s, true);
    }
    if (!s.any || !take_exponent(&s) || s.at != s.end || s.too_many || !fit(&s)) {
        return false;
    }
    store(sign | (uint64_t)(s.exponent + BIAS) << 49 | (uint64_t)(s.significand >> 64),
          (uint64_t)s.significand, bits);
    return true;
}

/* --- To machine numbers ---------------------------------------------------------------------- */

double mr_decimal128_double(const mr_decimal128 *decimal)
{
    if (decimal->kind == MR_DECIMAL128_NAN) {
        return (double)NAN;
    }
    double sign = decimal->negative ? -1.0 : 1.0;
    if (decimal->kind == MR_DECIMAL128_INFINITY) {
        return copysign((double)INFINITY, sign);
    }
    char text[MR_DECIMAL128_TEXT_BYTES];
    snprintf(text, sizeof text, "%.*se%d", (int)decimal->count, decimal->digits, decimal->exponent);
    return decimal->count ? copysign(strtod(text, NULL), sign) : copysign(0.0, sign);
}

int64_t mr_decimal128_int(const mr_decimal128 *decimal)
{
    int64_t beyond = decimal->negative ? INT64_MIN : INT64_MAX;
    if (decimal->kind != MR_DECIMAL128_FINITE) {
        return decimal->kind == MR_DECIMAL128_NAN ? 0 : beyond;
    }
    int64_t whole = (int64_t)decimal->count + decimal->exponent; /* digits before the point */
    if (decimal->count && whole > 19) {
        return beyond;
    }
    uint64_t value = 0; /* holds 19 digits */
    for (int64_t i = 0; i < whole && decimal->count; i++) {
        value = value * 10 + (uint64_t)((size_t)i < decimal->count ? decimal->digits[i] - '0' : 0);
    }
    if (decimal->negative) {
        return value > INT64_MAX ? INT64_MIN : -(int64_t)value;
    }
    return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}
