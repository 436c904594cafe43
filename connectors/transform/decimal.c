/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schoolbook arithmetic on limbs of nine decimal digits: printing and scaling, which is most of
 * what money needs, stay simple, and 180 digits fit a fixed array, so nothing is allocated.
 */
#include "transform/decimal.h"

#include <math.h>
#include <string.h>

#include "transform/cell_text.h"

enum { BASE = 1000000000, LIMB_DIGITS = 9 };

static void trim(mr_decimal *a)
{
    while (a->count > 0 && a->limbs[a->count - 1] == 0) {
        a->count--;
    }
    if (a->count == 0) {
        a->negative = false;
    }
}

/* a = a * factor + add; factor and add below 2^32. */
static bool scale_up(mr_decimal *a, uint32_t factor, uint32_t add)
{
    uint64_t carry = add;
    for (int i = 0; i < a->count; i++) {
        carry += (uint64_t)a->limbs[i] * factor;
        a->limbs[i] = (uint32_t)(carry % BASE);
        carry /= BASE;
    }
    while (carry) {
        if (a->count == MR_DECIMAL_LIMBS) {
            return false;
        }
        a->limbs[a->count++] = (uint32_t)(carry % BASE);
        carry /= BASE;
    }
    return true;
}

static bool times_ten(mr_decimal *a, int power)
{
    static const uint32_t tens[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    for (; power >= LIMB_DIGITS; power -= LIMB_DIGITS) {
        if (!scale_up(a, BASE, 0)) {
            return false;
        }
    }
    return scale_up(a, tens[power], 0);
}

static uint32_t divide_small(mr_decimal *a, uint32_t divisor)
{
    uint64_t rest = 0;
    for (int i = a->count - 1; i >= 0; i--) {
        rest = rest * BASE + a->limbs[i];
        a->limbs[i] = (uint32_t)(rest / divisor);
        rest %= divisor;
    }
    trim(a);
    return (uint32_t)rest;
}

static int compare_size(const mr_decimal *a, const mr_decimal *b)
{
    if (a->count != b->count) {
        return a->count < b->count ? -1 : 1;
    }
    for (int i = a->count - 1; i >= 0; i--) {
        if (a->limbs[i] != b->limbs[i]) {
            return a->limbs[i] < b->limbs[i] ? -1 : 1;
        }
    }
    return 0;
}

static bool add_size(mr_decimal *a, const mr_decimal *b)
{
    uint32_t carry = 0;
    for (int i = 0; i < b->count || carry; i++) {
        if (i == a->count) {
            if (i == MR_DECIMAL_LIMBS) {
                return false;
            }
            a->limbs[a->count++] = 0;
        }
        carry += a->limbs[i] + (i < b->count ? b->limbs[i] : 0);
        a->limbs[i] = carry % BASE;
        carry /= BASE;
    }
    return true;
}

/* a -= b, where a is not the smaller. */
static void subtract_size(mr_decimal *a, const mr_decimal *b)
{
    int64_t borrow = 0;
    for (int i = 0; i < a->count; i++) {
        int64_t limb = (int64_t)a->limbs[i] - borrow - (i < b->count ? b->limbs[i] : 0);
        borrow = limb < 0;
        a->limbs[i] = (uint32_t)(limb + borrow * BASE);
    }
    trim(a);
}

static bool read_exponent(const char *text, size_t len, int *ret)
{
    bool negative = len > 0 && *text == '-';
    size_t i = len > 0 && (*text == '-' || *text == '+');
    if (i == len || len - i > 4) {
        return false;
    }
    int value = 0;
    for (; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (text[i] - '0');
    }
    *ret = negative ? -value : value;
    return true;
}

bool mr_decimal_parse(const char *text, size_t len, mr_decimal *ret)
{
    mr_decimal a = {.negative = len > 0 && *text == '-'};
    size_t i = len > 0 && (*text == '-' || *text == '+');
    int exponent = 0, digits = 0;
    bool point = false, any = false;
    for (; i < len && (text[i] | 32) != 'e'; i++) {
        if (text[i] == '.' && !point) {
            point = true;
            continue;
        }
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        any = true;
        a.scale += point;
        digits += digits > 0 || text[i] != '0';
        if (digits > MR_DECIMAL_DIGITS || a.scale > MR_DECIMAL_DIGITS ||
            !scale_up(&a, 10, (uint32_t)(text[i] - '0'))) {
            return false;
        }
    }
    if (!any || (i < len && !read_exponent(text + i + 1, len - i - 1, &exponent))) {
        return false;
    }
    a.scale -= exponent;
    if (a.scale < 0) {
        if (a.count > 0 && (digits - a.scale > MR_DECIMAL_DIGITS || !times_ten(&a, -a.scale))) {
            return false;
        }
        a.scale = 0;
    }
    trim(&a);
    *ret = a;
    return a.scale <= MR_DECIMAL_DIGITS;
}

bool mr_decimal_from_double(double value, mr_decimal *ret)
{
    char text[32];
    return isfinite(value) && mr_decimal_parse(text, mr_double_text(value, text), ret);
}

static bool align(mr_decimal *a, mr_decimal *b)
{
    int scale = a->scale > b->scale ? a->scale : b->scale;
    bool ok = times_ten(a, scale - a->scale) && times_ten(b, scale - b->scale);
    a->scale = b->scale = scale;
    return ok;
}

bool mr_decimal_add(const mr_decimal *a, const mr_decimal *b, bool subtract, mr_decimal *ret)
{
    mr_decimal x = *a, y = *b;
    if (!align(&x, &y)) {
        return false;
    }
    y.negative = y.negative != subtract;
    if (x.negative == y.negative) {
        *ret = x;
        return add_size(ret, &y);
    }
    if (compare_size(&x, &y) < 0) {
        mr_decimal swap = x;
        x = y;
        y = swap;
    }
    subtract_size(&x, &y);
    *ret = x;
    return true;
}

bool mr_decimal_mul(const mr_decimal *a, const mr_decimal *b, mr_decimal *ret)
{
    mr_decimal product = {.negative = a->negative != b->negative, .scale = a->scale + b->scale};
    if (a->count + b->count > MR_DECIMAL_LIMBS) {
        return false;
    }
    product.count = a->count + b->count;
    for (int i = 0; i < a->count; i++) {
        uint64_t carry = 0;
        for (int k = 0; k < b->count || carry; k++) {
            carry +=
                product.limbs[i + k] + (k < b->count ? (uint64_t)a->limbs[i] * b->limbs[k] : 0);
            product.limbs[i + k] = (uint32_t)(carry % BASE);
            carry /= BASE;
        }
    }
    trim(&product);
    *ret = product;
    return true;
}

/* The size of a / b, rounded half up; digit by digit. */
static bool divide_size(const mr_decimal *a, const mr_decimal *b, mr_decimal *ret)
{
    mr_decimal quotient = {0}, rest = {0}, twice;
    for (int i = a->count * LIMB_DIGITS - 1; i >= 0; i--) {
        uint32_t limb = a->limbs[i / LIMB_DIGITS];
        for (int k = i % LIMB_DIGITS; k > 0; k--) {
            limb /= 10;
        }
        if (!scale_up(&rest, 10, limb % 10)) {
            return false;
        }
        uint32_t digit = 0;
        for (; compare_size(&rest, b) >= 0; digit++) {
            subtract_size(&rest, b);
        }
        if (!scale_up(&quotient, 10, digit)) {
            return false;
        }
    }
    twice = rest;
    if (!scale_up(&twice, 2, 0)) {
        return false;
    }
    static const mr_decimal one = {.count = 1, .limbs = {1}};
    *ret = quotient;
    return compare_size(&twice, b) < 0 || add_size(ret, &one);
}

bool mr_decimal_div(const mr_decimal *a, const mr_decimal *b, int scale, mr_decimal *ret)
{
    mr_decimal x = *a, y = *b;
    int power = scale - a->scale + b->scale;
    if (!times_ten(power > 0 ? &x : &y, power > 0 ? power : -power) || !divide_size(&x, &y, ret)) {
        return false;
    }
    ret->scale = scale;
    ret->negative = a->negative != b->negative;
    trim(ret);
    return true;
}

bool mr_decimal_round(const mr_decimal *a, int scale, mr_decimal *ret)
{
    if (scale >= a->scale) {
        *ret = *a;
        ret->scale = scale;
        return times_ten(ret, scale - a->scale);
    }
    static const mr_decimal one = {.count = 1, .limbs = {1}};
    return mr_decimal_div(a, &one, scale, ret);
}

int mr_decimal_compare(const mr_decimal *a, const mr_decimal *b)
{
    if (a->negative != b->negative) {
        return a->negative ? -1 : 1;
    }
    mr_decimal x = *a, y = *b;
    if (!align(&x, &y)) { /* the one with fewer digits after the point ran out of room: larger */
        return (a->scale < b->scale) != a->negative ? 1 : -1;
    }
    int size = compare_size(&x, &y);
    return a->negative ? -size : size;
}

int mr_decimal_digits(const mr_decimal *a)
{
    int digits = 0;
    if (a->count > 0) {
        digits = (a->count - 1) * LIMB_DIGITS;
        for (uint32_t top = a->limbs[a->count - 1]; top; top /= 10) {
            digits++;
        }
    }
    return digits;
}

void mr_decimal_print(const mr_decimal *a, mr_buffer *out)
{
    char digits[MR_DECIMAL_LIMBS * LIMB_DIGITS]; /* the lowest first */
    int count = 0;
    for (int i = 0; i < a->count; i++) {
        uint32_t limb = a->limbs[i];
        for (int k = 0; k < LIMB_DIGITS; k++, limb /= 10) {
            digits[count++] = (char)('0' + limb % 10);
        }
    }
    while (count > 0 && digits[count - 1] == '0') {
        count--;
    }
    if (a->negative) {
        mr_buffer_add_char(out, '-');
    }
    int places = count > a->scale ? count : a->scale + 1; /* one digit before the point */
    for (int i = places - 1; i >= 0; i--) {
        mr_buffer_add_char(out, i < count ? digits[i] : '0');
        if (i == a->scale && i > 0) {
            mr_buffer_add_char(out, '.');
        }
    }
}

void mr_decimal_print_bytes(const char *bytes, size_t len, int scale, mr_buffer *out)
{
    mr_decimal a = {.scale = scale};
    if (len > MR_DECIMAL_BYTES_MAX) {
        out->failed = true;
        return;
    }
    a.negative = len > 0 && ((unsigned char)bytes[0] & 0x80);
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        scale_up(&a, 256, a.negative ? (unsigned char)~byte : byte); /* 64 bytes always fit */
    }
    if (a.negative) { /* -x is ~x + 1 */
        scale_up(&a, 1, 1);
    }
    mr_decimal_print(&a, out);
}

size_t mr_decimal_to_bytes(const mr_decimal *a, char out[MR_DECIMAL_BYTES_MAX + 16])
{
    char low[MR_DECIMAL_BYTES_MAX + 16]; /* 180 digits are 75 bytes; the lowest first */
    size_t len = 0;
    mr_decimal rest = *a;
    while (rest.count > 0) {
        low[len++] = (char)divide_small(&rest, 256);
    }
    low[len++] = 0; /* room for the sign */
    if (a->negative) {
        unsigned carry = 1;
        for (size_t i = 0; i < len; i++) {
            carry += (unsigned char)~(unsigned char)low[i];
            low[i] = (char)(carry & 0xFF);
            carry >>= 8;
        }
    }
    while (len > 1) { /* the sign may be in the byte below already */
        unsigned char top = (unsigned char)low[len - 1], next = (unsigned char)low[len - 2];
        if (!((top == 0 && next < 0x80) || (top == 0xFF && next >= 0x80))) {
            break;
        }
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = low[len - 1 - i];
    }
    return len;
}
