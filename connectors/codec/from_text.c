/* SPDX-License-Identifier: Apache-2.0 */
/* See from_text.h. */
#include "codec/from_text.h"

#include <string.h>

/* --- Base64 ----------------------------------------------------------------------------------- */

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool mr_base64_from_text(const char *text, size_t len, char *out, size_t *out_len)
{
    size_t used = 0;
    uint32_t bits = 0;
    if (len % 4 == 0) {
        for (int i = 0; i < 2 && len && text[len - 1] == '='; i++) {
            len--;
        }
    }
    for (size_t i = 0; i < len; i++) {
        int digit = base64_digit(text[i]);
        if (digit < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)digit;
        if (i % 4) { /* with the second digit of four the first byte is whole, and so on */
            out[used++] = (char)(bits >> (6 - 2 * (i % 4)));
        }
    }
    *out_len = used;
    return len % 4 != 1;
}

/* --- Decimals --------------------------------------------------------------------------------- */

/* Digits without point and sign, and the power of ten of the last one. */
typedef struct digits {
    bool negative;
    size_t count; /* without zeros in front */
    int64_t exponent;
    char text[MR_DECIMAL_DIGITS_MAX];
} digits;

static bool read_exponent(const char *text, size_t len, int64_t *ret)
{
    bool minus = len && *text == '-';
    size_t at = len && (*text == '-' || *text == '+');
    int64_t n = 0;
    if (at == len) {
        return false;
    }
    for (; at < len; at++) {
        if (text[at] < '0' || text[at] > '9') {
            return false;
        }
        n = n < 1000000 ? n * 10 + (text[at] - '0') : n;
    }
    *ret = minus ? -n : n;
    return true;
}

/* Zeros at the end are kept as a count, so that 1e1999 and 1.000... cost no digits. */
static mr_decimal_fit read_digits(const char *text, size_t len, digits *ret)
{
    bool point = false, any = false;
    size_t at = len && (*text == '-' || *text == '+');
    int64_t zeros = 0, behind = 0, exponent = 0;
    ret->negative = len && *text == '-';
    ret->count = 0;
    for (; at < len && (text[at] | 0x20) != 'e'; at++) {
        char c = text[at];
        if (c == '.' && !point && any) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9') {
            return MR_DECIMAL_NO_NUMBER;
        }
        any = true;
        behind += point;
        zeros++;
        if (c == '0') {
            zeros -= ret->count == 0;
            continue;
        }
        if ((int64_t)ret->count + zeros > MR_DECIMAL_DIGITS_MAX) {
            return MR_DECIMAL_RANGE;
        }
        memset(ret->text + ret->count, '0', (size_t)(zeros - 1));
        ret->count += (size_t)zeros;
        ret->text[ret->count - 1] = c;
        zeros = 0;
    }
    if (!any || text[at - 1] == '.' ||
        (at < len && !read_exponent(text + at + 1, len - at - 1, &exponent))) {
        return MR_DECIMAL_NO_NUMBER;
    }
    ret->exponent = exponent - behind + zeros;
    return MR_DECIMAL_OK;
}

/* The digits at `scale` decimals: zeros are added. They have none at their end by now. */
static mr_decimal_fit scale_digits(digits *d, int precision, int scale)
{
    if (d->count == 0) {
        return MR_DECIMAL_OK;
    }
    int64_t more = d->exponent + scale;
    if (more < 0) {
        return MR_DECIMAL_FRACTION;
    }
    if ((int64_t)d->count + more > precision || (int64_t)d->count + more > MR_DECIMAL_DIGITS_MAX) {
        return MR_DECIMAL_RANGE;
    }
    memset(d->text + d->count, '0', (size_t)more);
    d->count += (size_t)more;
    return MR_DECIMAL_OK;
}

/* Decimal digits to limbs of 32 bits, nine digits at a time, then to bytes. */
static size_t to_bytes(const digits *d, char *out)
{
    uint32_t limbs[MR_DECIMAL_BYTES_MAX / 4];
    size_t count = 0;
    for (size_t at = 0; at < d->count;) {
        uint64_t carry = 0, power = 1;
        size_t end = at + 9 < d->count ? at + 9 : d->count;
        for (; at < end; at++) {
            carry = carry * 10 + (uint64_t)(d->text[at] - '0');
            power *= 10;
        }
        for (size_t i = 0; i < count; i++) {
            carry += limbs[i] * power;
            limbs[i] = (uint32_t)carry;
            carry >>= 32;
        }
        if (carry) {
            limbs[count++] = (uint32_t)carry;
        }
    }
    unsigned char bytes[MR_DECIMAL_BYTES_MAX];
    size_t len = 1 + 4 * count;
    bytes[0] = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t limb = limbs[count - 1 - i];
        for (size_t b = 0; b < 4; b++) {
            bytes[1 + 4 * i + b] = (unsigned char)(limb >> (24 - 8 * b));
        }
    }
    for (size_t i = len, carry = 1; d->negative && i-- > 0;) {
        unsigned sum = (unsigned char)~bytes[i] + (unsigned)carry;
        bytes[i] = (unsigned char)sum;
        carry = sum >> 8;
    }
    size_t from = 0;
    while (from + 1 < len && ((bytes[from] == 0 && bytes[from + 1] < 0x80) ||
                              (bytes[from] == 0xFF && bytes[from + 1] >= 0x80))) {
        from++;
    }
    memcpy(out, bytes + from, len - from);
    return len - from;
}

mr_decimal_fit mr_decimal_from_text(const char *text, size_t len, int precision, int scale,
                                    char *out, size_t *out_len)
{
    digits d;
    mr_decimal_fit fit = read_digits(text, len, &d);
    fit = fit ? fit : scale_digits(&d, precision, scale);
    if (fit == MR_DECIMAL_OK) {
        *out_len = to_bytes(&d, out);
    }
    return fit;
}

mr_decimal_fit mr_whole_from_text(const char *text, size_t len, int64_t *ret)
{
    digits d;
    mr_decimal_fit fit = read_digits(text, len, &d);
    fit = fit ? fit : scale_digits(&d, 19, 0);
    uint64_t n = 0;
    for (size_t i = 0; fit == MR_DECIMAL_OK && i < d.count; i++) {
        n = n * 10 + (uint64_t)(d.text[i] - '0'); /* 19 digits fit */
    }
    if (fit == MR_DECIMAL_OK && n > (uint64_t)INT64_MAX + d.negative) {
        fit = MR_DECIMAL_RANGE;
    }
    if (fit == MR_DECIMAL_OK) {
        *ret = d.negative ? (int64_t)(0 - n) : (int64_t)n;
    }
    return fit;
}

/* --- Times ------------------------------------------------------------------------------------ */

/* `count` digits. */
static bool number(const char *text, int count, int64_t *ret)
{
    *ret = 0;
    for (int i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        *ret = *ret * 10 + (text[i] - '0');
    }
    return true;
}

bool mr_date_from_text(const char *text, size_t len, int64_t *days)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t year, month, day;
    if (len != 10 || text[4] != '-' || text[7] != '-' || !number(text, 4, &year) ||
        !number(text + 5, 2, &month) || !number(text + 8, 2, &day) || year < 1 || month < 1 ||
        month > 12) {
        return false;
    }
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (day < 1 || day > lengths[month - 1] + (leap && month == 2)) {
        return false;
    }
    /* Eras of 400 years that begin on 1 March. */
    int64_t y = year - (month <= 2), era = y / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    *days = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
    return true;
}

bool mr_time_from_text(const char *text, size_t len, int64_t *ns)
{
    int64_t hour, minute, second, fraction = 0;
    if (len < 8 || text[2] != ':' || text[5] != ':' || !number(text, 2, &hour) ||
        !number(text + 3, 2, &minute) || !number(text + 6, 2, &second) || hour > 23 ||
        minute > 59 || second > 59) {
        return false;
    }
    if (len > 8) {
        int count = (int)(len < 18 ? len : 18) - 9;
        if (text[8] != '.' || len > 18 || count < 1 || !number(text + 9, count, &fraction)) {
            return false;
        }
        for (; count < 9; count++) {
            fraction *= 10;
        }
    }
    *ns = ((hour * 60 + minute) * 60 + second) * 1000000000 + fraction;
    return true;
}

/* Takes the zone off the end of a time. false: there is something else. */
static bool take_zone(const char *text, size_t *len, bool *zoned, int64_t *offset_minutes)
{
    size_t at = *len;
    *zoned = at && (text[at - 1] == 'Z' || text[at - 1] == 'z');
    *offset_minutes = 0;
    if (*zoned) {
        --*len;
        return true;
    }
    while (at > 0 && text[at - 1] != '+' && text[at - 1] != '-') {
        at--;
    }
    if (at == 0) {
        return true;
    }
    const char *zone = text + at;
    size_t count = *len - at;
    int64_t hours, minutes = 0;
    if (!(count == 2 || count == 4 || (count == 5 && zone[2] == ':')) || !number(zone, 2, &hours) ||
        (count > 2 && !number(zone + count - 2, 2, &minutes)) || hours > 18 || minutes > 59) {
        return false;
    }
    *zoned = true;
    *offset_minutes = (hours * 60 + minutes) * (text[at - 1] == '-' ? -1 : 1);
    *len = at - 1;
    return true;
}

bool mr_moment_from_text(const char *text, size_t len, mr_moment *ret)
{
    int64_t days, ns, offset_minutes;
    if (len < 19 || (text[10] != 'T' && text[10] != 't' && text[10] != ' ')) {
        return false;
    }
    size_t time_len = len - 11;
    if (!mr_date_from_text(text, 10, &days) ||
        !take_zone(text + 11, &time_len, &ret->zoned, &offset_minutes) ||
        !mr_time_from_text(text + 11, time_len, &ns)) {
        return false;
    }
    ret->us = days * INT64_C(86400000000) + ns / 1000 - offset_minutes * 60000000;
    ret->extra_ns = (int32_t)(ns % 1000);
    return true;
}
