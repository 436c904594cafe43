/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A decimal of up to 15 digits and a power of ten up to 22 are both exact doubles, so that one
 * division or multiplication rounds once and correctly (Clinger 1990): that is nearly every number
 * in a file. The rest goes to strtod() in the C locale.
 */
#include "number.h"

#include <errno.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Text of a number, cut into its parts. Digits keep their order; `point` is how many of them stand
 * before the decimal point. */
typedef struct parts {
    bool negative;
    const char *digits; /* with at most one '.' among them */
    size_t len;
    int64_t exponent;
} parts;

enum { EXPONENT_LIMIT = 1000000 };

static inline bool digit(char c)
{
    return (unsigned char)(c - '0') <= 9;
}

static bool exponent_of(const char *p, const char *end, int64_t *ret)
{
    bool negative = p < end && *p == '-';
    int64_t value = 0;
    p += p < end && (*p == '-' || *p == '+');
    if (p == end) {
        return false;
    }
    for (; p < end; p++) {
        if (!digit(*p)) {
            return false;
        }
        value = value < EXPONENT_LIMIT ? value * 10 + (*p - '0') : value;
    }
    *ret = negative ? -value : value;
    return true;
}

static bool split(const char *text, size_t len, parts *ret)
{
    const char *p = text, *end = text + len;
    size_t digits = 0, points = 0;
    *ret = (parts){.negative = len && *p == '-'};
    p += len && (*p == '-' || *p == '+');
    ret->digits = p;
    for (; p < end && (digit(*p) || (*p == '.' && !points)); p++) {
        digits += *p != '.';
        points += *p == '.';
    }
    ret->len = (size_t)(p - ret->digits);
    if (!digits) {
        return false;
    }
    return p == end || ((*p == 'e' || *p == 'E') && exponent_of(p + 1, end, &ret->exponent));
}

/* "2.000": decimals that say nothing. */
static bool zero_decimals(const char *p, const char *end)
{
    if (end - p < 2 || *p != '.') {
        return false;
    }
    for (p++; p < end; p++) {
        if (*p != '0') {
            return false;
        }
    }
    return true;
}

file_number file_parse_int64(const char *text, size_t len, int64_t *ret)
{
    const char *p = text, *end = text + len;
    bool negative = len && *p == '-';
    uint64_t value = 0, limit = (uint64_t)INT64_MAX + negative;
    bool over = false;
    p += len && (*p == '-' || *p == '+');
    const char *first = p;
    for (; p < end && digit(*p); p++) {
        uint64_t d = (uint64_t)(*p - '0');
        if (p - first >= 18) { /* 18 digits always fit */
            over |= value > (limit - d) / 10;
        }
        value = value * 10 + d;
    }
    if (p == first || (p < end && !zero_decimals(p, end))) {
        double as_double;
        bool number = file_parse_double(text, len, &as_double) == FILE_NUMBER_OK;
        return number && isfinite(as_double) ? FILE_NUMBER_FRACTION : FILE_NUMBER_NONE;
    }
    if (over) {
        return FILE_NUMBER_RANGE;
    }
    *ret = negative ? (int64_t)(0 - value) : (int64_t)value;
    return FILE_NUMBER_OK;
}

static bool special(const parts *number, const char *text, size_t len, double *ret)
{
    const char *p = number->digits;
    size_t left = len - (size_t)(p - text);
    if ((left == 3 && strncasecmp(p, "inf", 3) == 0) ||
        (left == 8 && strncasecmp(p, "infinity", 8) == 0)) {
        *ret = number->negative ? -HUGE_VAL : HUGE_VAL;
        return true;
    }
    if (left == 3 && strncasecmp(p, "nan", 3) == 0) {
        *ret = (double)NAN;
        return true;
    }
    return false;
}

/* The text is known to be a decimal number: only its value is asked for. */
static file_number slow_double(const char *text, size_t len, double *ret)
{
    char room[512], *copy = len < sizeof room ? room : malloc(len + 1);
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!copy || !c) {
        abort();
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    *ret = strtod_l(copy, NULL, c);
    freelocale(c);
    if (copy != room) {
        free(copy);
    }
    return isinf(*ret) ? FILE_NUMBER_RANGE : FILE_NUMBER_OK;
}

#if DBL_MANT_DIG != 53 || !defined(FLT_EVAL_METHOD) || FLT_EVAL_METHOD != 0
#error "the fast path needs IEEE doubles that are rounded at every step"
#endif

file_number file_parse_double(const char *text, size_t len, double *ret)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const char *p = text, *end = text + len, *point = NULL;
    bool negative = len && *p == '-';
    uint64_t value = 0;
    p += len && (*p == '-' || *p == '+');
    const char *first = p;
    for (; p < end && digit(*p); p++) {
        value = value * 10 + (uint64_t)(*p - '0');
    }
    if (p < end && *p == '.') {
        point = p++;
        for (; p < end && digit(*p); p++) {
            value = value * 10 + (uint64_t)(*p - '0');
        }
    }
    size_t digits = (size_t)(p - first) - (point != NULL);
    if (p == end && digits && digits <= 15) {
        double exact = (double)value / powers[point ? end - point - 1 : 0];
        *ret = negative ? -exact : exact;
        return FILE_NUMBER_OK;
    }
    parts number;
    if (split(text, len, &number)) {
        return slow_double(text, len, ret);
    }
    return special(&number, text, len, ret) ? FILE_NUMBER_OK : FILE_NUMBER_NONE;
}

/* The digit that stands `place` places left of the decimal point (0: units, -1: tenths). */
static int64_t place_of_first(const parts *number)
{
    const char *point = memchr(number->digits, '.', number->len);
    size_t before = point ? (size_t)(point - number->digits) : number->len;
    return (int64_t)before - 1 + number->exponent;
}

/* out = out * 10 + d, big-endian; false: it does not fit into size bytes as a signed number. */
static bool push_digit(unsigned char *out, size_t size, size_t *used, unsigned d)
{
    unsigned carry = d;
    for (size_t i = 0; i < *used; i++) {
        unsigned v = out[size - 1 - i] * 10u + carry;
        out[size - 1 - i] = (unsigned char)v;
        carry = v >> 8;
    }
    if (carry) {
        if (*used == size) {
            return false;
        }
        out[size - 1 - (*used)++] = (unsigned char)carry;
    }
    return true;
}

static void negate(unsigned char *out, size_t size)
{
    unsigned carry = 1;
    for (size_t i = size; i-- > 0;) {
        carry += (unsigned char)~out[i];
        out[i] = (unsigned char)carry;
        carry >>= 8;
    }
}

/* Pushes the digits of `number` down to 10^-scale. */
static file_number push_digits(const parts *number, file_decimal to, size_t *used)
{
    int64_t place = place_of_first(number);
    int significant = 0;
    for (size_t i = 0; i < number->len; i++) {
        char c = number->digits[i];
        if (c == '.') {
            continue;
        }
        if (place < -to.scale && c != '0') {
            return FILE_NUMBER_FRACTION;
        }
        if (place >= -to.scale && (significant || c != '0')) {
            if (++significant > to.precision ||
                !push_digit(to.out, to.size, used, (unsigned)(c - '0'))) {
                return FILE_NUMBER_RANGE;
            }
        }
        place--;
    }
    for (; significant && place >= -to.scale; place--) {
        if (++significant > to.precision || !push_digit(to.out, to.size, used, 0)) {
            return FILE_NUMBER_RANGE;
        }
    }
    return FILE_NUMBER_OK;
}

file_number file_parse_decimal(const char *text, size_t len, file_decimal to, size_t *used)
{
    parts number;
    *used = 0;
    memset(to.out, 0, to.size);
    if (!split(text, len, &number)) {
        return FILE_NUMBER_NONE;
    }
    file_number status = push_digits(&number, to, used);
    if (status != FILE_NUMBER_OK) {
        return status;
    }
    /* The top bit is the sign: a number that fills it needs one more byte, except -2^(8n-1), for
     * which the extra byte is merely not the shortest form. */
    bool top = *used && to.out[to.size - *used] & 0x80;
    *used += top || !*used;
    if (*used > to.size) {
        return FILE_NUMBER_RANGE;
    }
    if (number.negative) {
        negate(to.out, to.size);
    }
    return FILE_NUMBER_OK;
}
