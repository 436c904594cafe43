/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values in PostgreSQL's binary form. The forms are those its receive functions read, so nothing is
 * formatted as text and parsed again on the hot path; numeric is the only one with arithmetic in
 * it: base 10,000 digits made from two's complement, by machine words where they hold the value and
 * by long division of 32-bit limbs where they do not.
 */
#include "codec/pgcopy.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "codec/text.h"

const char mr_pg_header[MR_PG_HEADER_BYTES] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";
const char mr_pg_trailer[MR_PG_TRAILER_BYTES] = {'\377', '\377'};

enum {
    EPOCH_DAYS = 10957,    /* 1970-01-01 to 2000-01-01, PostgreSQL's epoch */
    DATE_FIRST = -2451545, /* -4713-11-24, in days of PostgreSQL's epoch (datetime.h) */
    DATE_END = 2145031949, /* 5874898-01-01: the first day that is none */
    NUMERIC_POS = 0x0000,
    NUMERIC_NEG = 0x4000,
    NUMERIC_NAN = 0xC000,
    NUMERIC_PINF = 0xD000,
    NUMERIC_NINF = 0xF000,
    NUMERIC_SCALE_MAX = 16383,
    SMALL_BYTES = 16,               /* unscaled values up to this size take no allocation */
    LARGEST_UNSCALED_BYTES = 54500, /* 131,072 decimal digits */
};
static const int64_t TIMESTAMP_FIRST = -211813488000000000; /* timestamp.h: MIN_TIMESTAMP */
static const int64_t TIMESTAMP_END = 9223371331200000000;   /* END_TIMESTAMP */
static const int64_t EPOCH_US = 946684800000000;
static const int64_t DAY_US = 86400000000;

void mr_pg_interval(mr_buffer *out, int64_t us, int32_t days, int32_t months)
{
    char *p = mr_pg_room(out, 20);
    if (p) {
        mr_pg_store32(p, 16);
        mr_pg_store64(p + 4, (uint64_t)us);
        mr_pg_store32(p + 12, (uint32_t)days);
        mr_pg_store32(p + 16, (uint32_t)months);
    }
}

bool mr_pg_date(mr_buffer *out, int32_t days)
{
    int64_t pg = (int64_t)days - EPOCH_DAYS;
    if (pg < DATE_FIRST || pg >= DATE_END) {
        return false;
    }
    mr_pg_int32(out, (int32_t)pg);
    return true;
}

bool mr_pg_timestamp(mr_buffer *out, int64_t us)
{
    int64_t pg;
    if (__builtin_sub_overflow(us, EPOCH_US, &pg) || pg < TIMESTAMP_FIRST || pg >= TIMESTAMP_END) {
        return false;
    }
    mr_pg_int64(out, pg);
    return true;
}

/* --- uuid ------------------------------------------------------------------------------------ */

bool mr_pg_uuid(mr_buffer *out, const char *text, size_t len)
{
    char bytes[MR_UUID_BYTES];
    if (!mr_uuid_parse(text, len, bytes)) {
        return false;
    }
    mr_pg_bytes(out, bytes, sizeof bytes);
    return true;
}

void mr_pg_uuid_text(mr_buffer *out, const char bytes[MR_UUID_BYTES])
{
    char text[MR_UUID_TEXT_BYTES];
    mr_uuid_text(bytes, text);
    mr_buffer_add(out, text, sizeof text);
}

/* --- numeric --------------------------------------------------------------------------------- */

__extension__ typedef unsigned __int128 wide;

/* A number as base 10^9 digits, most significant last, which is where long division leaves them. */
typedef struct decimal {
    uint32_t *parts;
    size_t count;
    bool negative;
    uint32_t small[5]; /* 16 bytes are at most 39 decimal digits */
    uint32_t *heap;
} decimal;

static void decimal_release(decimal *d)
{
    free(d->heap);
}

static void decimal_from_word(decimal *d, wide v)
{
    d->parts = d->small;
    while (v) {
        d->small[d->count++] = (uint32_t)(v % 1000000000u);
        v /= 1000000000u;
    }
}

/* Long division by 10^9 until nothing is left: quadratic, and bounded by LARGEST_UNSCALED_BYTES. */
static void decimal_from_limbs(decimal *d, uint32_t *limbs, size_t count)
{
    d->heap = d->parts = mr_realloc_array(NULL, count + count / 9 + 2, sizeof *d->parts);
    size_t top = 0; /* limbs[0] is the most significant */
    while (top < count) {
        uint64_t rest = 0;
        for (size_t i = top; i < count; i++) {
            rest = rest << 32 | limbs[i];
            limbs[i] = (uint32_t)(rest / 1000000000u);
            rest %= 1000000000u;
        }
        d->parts[d->count++] = (uint32_t)rest;
        while (top < count && !limbs[top]) {
            top++;
        }
    }
    while (d->count && !d->parts[d->count - 1]) {
        d->count--;
    }
}

static void decimal_from_bytes(decimal *d, const unsigned char *bytes, size_t len)
{
    size_t count = (len + 3) / 4;
    uint32_t *limbs = mr_calloc(count, sizeof *limbs);
    size_t pad = count * 4 - len;
    for (size_t i = 0; i < len; i++) {
        uint32_t byte = d->negative ? (unsigned char)~bytes[i] : bytes[i];
        size_t at = i + pad;
        limbs[at / 4] |= byte << (24 - 8 * (at % 4));
    }
    for (size_t i = count; d->negative && i-- > 0 && ++limbs[i] == 0;) {
    }
    decimal_from_limbs(d, limbs, count);
    free(limbs);
}

static bool decimal_init(decimal *d, const char *unscaled, size_t len)
{
    *d = (decimal){0};
    const unsigned char *bytes = (const unsigned char *)unscaled;
    d->negative = len && (bytes[0] & 0x80);
    /* Leading sign bytes carry nothing. */
    while (len > 1 && bytes[0] == (d->negative ? 0xff : 0) &&
           (bytes[1] & 0x80) == (d->negative ? 0x80 : 0)) {
        bytes++;
        len--;
    }
    if (len > LARGEST_UNSCALED_BYTES) {
        return false;
    }
    if (len <= SMALL_BYTES) {
        wide v = d->negative ? ~(wide)0 : 0;
        for (size_t i = 0; i < len; i++) {
            v = v << 8 | bytes[i];
        }
        decimal_from_word(d, d->negative ? -v : v);
        return true;
    }
    decimal_from_bytes(d, bytes, len);
    return true;
}

/* Decimal digit number `at`, counted from the least significant. */
static int decimal_digit(const decimal *d, size_t at)
{
    static const uint32_t power[9] = {1,      10,      100,      1000,     10000,
                                      100000, 1000000, 10000000, 100000000};
    return at / 9 < d->count ? (int)(d->parts[at / 9] / power[at % 9] % 10) : 0;
}

static size_t decimal_digits(const decimal *d)
{
    size_t digits = d->count * 9;
    while (digits && !decimal_digit(d, digits - 1)) {
        digits--;
    }
    return digits;
}

/* Writes `count` base 10,000 digits made by next(); trims zeros at both ends as numeric wants. */
static void put_numeric(mr_buffer *out, const uint16_t *groups, size_t count, int weight,
                        unsigned sign, unsigned scale)
{
    while (count && !groups[0]) {
        groups++;
        count--;
        weight--;
    }
    while (count && !groups[count - 1]) {
        count--;
    }
    char *p = mr_pg_room(out, 12 + 2 * count);
    if (!p) {
        return;
    }
    mr_pg_store32(p, (uint32_t)(8 + 2 * count));
    mr_pg_store16(p + 4, (uint16_t)count);
    mr_pg_store16(p + 6, count ? (uint16_t)weight : 0);
    mr_pg_store16(p + 8, count ? (uint16_t)sign : NUMERIC_POS);
    mr_pg_store16(p + 10, (uint16_t)scale);
    for (size_t i = 0; i < count; i++) {
        mr_pg_store16(p + 12 + 2 * i, groups[i]);
    }
}

bool mr_pg_numeric(mr_buffer *out, const char *unscaled, size_t len, int scale)
{
    decimal d;
    if (scale < 0 || scale > NUMERIC_SCALE_MAX || !decimal_init(&d, unscaled, len)) {
        return false;
    }
    /* Groups of four digits, aligned to the decimal point: `after` of them to its right. */
    size_t digits = decimal_digits(&d);
    size_t whole = digits > (size_t)scale ? digits - (size_t)scale : 0;
    size_t before = (whole + 3) / 4;
    size_t after = ((size_t)scale + 3) / 4;
    uint16_t small[32];
    size_t count = before + after;
    uint16_t *groups = count <= 32 ? small : mr_realloc_array(NULL, count, sizeof *groups);
    size_t pad = after * 4 - (size_t)scale; /* zeros that align the last group */
    for (size_t i = 0; i < count; i++) {
        size_t low = (count - 1 - i) * 4; /* position of the group's last digit, pad included */
        int group = 0;
        for (size_t k = 4; k-- > 0;) {
            group = group * 10 + (low + k >= pad ? decimal_digit(&d, low + k - pad) : 0);
        }
        groups[i] = (uint16_t)group;
    }
    bool fits = whole <= MR_PG_NUMERIC_DIGITS_MAX;
    if (fits) {
        put_numeric(out, groups, count, (int)before - 1, d.negative ? NUMERIC_NEG : NUMERIC_POS,
                    (unsigned)scale);
    }
    if (groups != small) {
        free(groups);
    }
    decimal_release(&d);
    return fits;
}

bool mr_pg_decimal_text(mr_buffer *out, const char *unscaled, size_t len, int scale)
{
    decimal d;
    if (scale < 0 || scale > NUMERIC_SCALE_MAX || !decimal_init(&d, unscaled, len)) {
        return false;
    }
    size_t digits = decimal_digits(&d);
    if (digits <= (size_t)scale) {
        digits = (size_t)scale + 1; /* 0.05 */
    }
    if (d.negative) {
        mr_buffer_add_char(out, '-');
    }
    for (size_t i = digits; i-- > 0;) {
        mr_buffer_add_char(out, (char)('0' + decimal_digit(&d, i)));
        if (i && i == (size_t)scale) {
            mr_buffer_add_char(out, '.');
        }
    }
    decimal_release(&d);
    return true;
}

void mr_pg_numeric_int(mr_buffer *out, int64_t v)
{
    char bytes[8];
    mr_pg_store64(bytes, (uint64_t)v);
    (void)mr_pg_numeric(out, bytes, sizeof bytes, 0);
}

/* NaN and the infinities: no digits, only a sign. */
static void put_special(mr_buffer *out, uint16_t sign)
{
    char *p = mr_pg_room(out, 12);
    if (p) {
        memset(p, 0, 12);
        mr_pg_store32(p, 8);
        mr_pg_store16(p + 8, sign);
    }
}

static bool is_word(const char *text, size_t len, const char *word)
{
    return len == strlen(word) && memcmp(text, word, len) == 0;
}

/* What is between the sign and the end: digits with at most one point, then an exponent. */
typedef struct parsed {
    const char *digits; /* first character of the mantissa */
    size_t len;         /* of the mantissa, the point included */
    int64_t exponent;   /* of the mantissa's last digit */
    size_t count;       /* digits in it */
} parsed;

static bool parse_mantissa(const char *text, size_t len, size_t *at, parsed *ret)
{
    bool point = false;
    int64_t fraction = 0;
    ret->digits = text;
    for (; *at < len; (*at)++) {
        char c = text[*at];
        if (c == '.' && !point) {
            point = true;
        } else if (c >= '0' && c <= '9') {
            ret->count++;
            fraction += point;
        } else {
            break;
        }
    }
    ret->len = *at;
    ret->exponent = -fraction;
    return ret->count > 0 && ret->count <= MR_PG_NUMERIC_DIGITS_MAX;
}

static bool parse_exponent(const char *text, size_t len, size_t at, parsed *ret)
{
    if (at == len) {
        return true;
    }
    if ((text[at] | 0x20) != 'e' || ++at == len) {
        return false;
    }
    bool minus = text[at] == '-';
    at += text[at] == '-' || text[at] == '+';
    int64_t exponent = 0;
    if (at == len) {
        return false;
    }
    for (; at < len; at++) {
        if (text[at] < '0' || text[at] > '9' || exponent > MR_PG_NUMERIC_DIGITS_MAX) {
            return false;
        }
        exponent = exponent * 10 + (text[at] - '0');
    }
    ret->exponent += minus ? -exponent : exponent;
    return true;
}

/* Lays the digits out in groups of four around the decimal point. */
static bool put_parsed(mr_buffer *out, const parsed *p, bool negative)
{
    int64_t scale = p->exponent < 0 ? -p->exponent : 0;
    int64_t top = p->exponent + (int64_t)p->count; /* digits before the point, may be negative */
    if (scale > NUMERIC_SCALE_MAX || top > MR_PG_NUMERIC_DIGITS_MAX) {
        return false;
    }
    size_t before = top > 0 ? ((size_t)top + 3) / 4 : 0;
    size_t after = ((size_t)scale + 3) / 4;
    uint16_t *groups = mr_calloc(before + after + 1, sizeof *groups);
    static const uint16_t power[4] = {1000, 100, 10, 1};
    int64_t place = (int64_t)before * 4 - top; /* of the first digit, from the left end */
    for (size_t i = 0; i < p->len; i++) {
        if (p->digits[i] != '.') {
            groups[place / 4] =
                (uint16_t)(groups[place / 4] + power[place % 4] * (uint16_t)(p->digits[i] - '0'));
            place++;
        }
    }
    put_numeric(out, groups, before + after, (int)before - 1, negative ? NUMERIC_NEG : NUMERIC_POS,
                (unsigned)scale);
    free(groups);
    return true;
}

bool mr_pg_numeric_text(mr_buffer *out, const char *text, size_t len)
{
    if (is_word(text, len, "NaN")) {
        put_special(out, NUMERIC_NAN);
        return true;
    }
    bool negative = len && text[0] == '-';
    if (negative || (len && text[0] == '+')) {
        text++;
        len--;
    }
    if (is_word(text, len, "Infinity")) {
        put_special(out, negative ? NUMERIC_NINF : NUMERIC_PINF);
        return true;
    }
    parsed p = {0};
    size_t at = 0;
    return parse_mantissa(text, len, &at, &p) && parse_exponent(text, len, at, &p) &&
           put_parsed(out, &p, negative);
}

/* --- ISO 8601 -------------------------------------------------------------------------------- */

/* Civil date of a day count (Gregorian calendar extended backwards), after H. Hinnant's public
 * description of the algorithm: eras of 400 years beginning on 1 March. */
void mr_pg_date_text(mr_buffer *out, int64_t days)
{
    int64_t shifted = days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t of_era = shifted - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    int day = (int)(of_year - (153 * month + 2) / 5 + 1);
    month += month < 10 ? 3 : -9;
    year += era * 400 + (month <= 2);
    if (year >= 0 && year <= 9999) {
        mr_buffer_printf(out, "%04d-%02d-%02d", (int)year, (int)month, day);
    } else {
        mr_buffer_printf(out, "%+06lld-%02d-%02d", (long long)year, (int)month, day);
    }
}

void mr_pg_time_text(mr_buffer *out, int64_t us)
{
    int64_t s = us / 1000000;
    mr_buffer_printf(out, "%02d:%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
    int64_t fraction = us % 1000000;
    if (fraction) {
        int width = 6;
        for (; fraction % 10 == 0; fraction /= 10) {
            width--;
        }
        mr_buffer_printf(out, ".%0*d", width, (int)fraction);
    }
}

void mr_pg_timestamp_text(mr_buffer *out, int64_t us, bool zone)
{
    int64_t of_day = us % DAY_US;
    mr_pg_date_text(out, us / DAY_US - (of_day < 0));
    mr_buffer_add_char(out, 'T');
    mr_pg_time_text(out, of_day < 0 ? of_day + DAY_US : of_day);
    if (zone) {
        mr_buffer_add_char(out, 'Z');
    }
}

/* --- UTF-8 ----------------------------------------------------------------------------------- */

mr_pg_text mr_pg_check_text(const char *text, size_t len, size_t *at)
{
    const unsigned char *s = (const unsigned char *)text;
    const uint64_t high = 0x8080808080808080u;
    const uint64_t ones = 0x0101010101010101u;
    size_t i = 0;
    while (i < len) {
        /* Eight at a time while they are ASCII and none is zero. */
        uint64_t word;
        while (len - i >= sizeof word) {
            memcpy(&word, s + i, sizeof word);
            if ((word | (word - ones)) & high) {
                break;
            }
            i += sizeof word;
        }
        size_t stop = len - i >= sizeof word ? i + sizeof word : len;
        while (i < stop) {
            size_t n = s[i] < 0x80 ? s[i] != 0 : mr_utf8_length(text + i, len - i);
            if (!n) {
                *at = i;
                return s[i] ? MR_PG_TEXT_INVALID : MR_PG_TEXT_NUL;
            }
            i += n;
        }
    }
    return MR_PG_TEXT_OK;
}

size_t mr_pg_text_chars(const char *text, size_t len)
{
    size_t chars = 0;
    for (size_t i = 0; i < len; i++) {
        chars += ((unsigned char)text[i] & 0xc0) != 0x80;
    }
    return chars;
}
