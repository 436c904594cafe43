/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two relations between values that are easily taken for one another: mr_bson_compare() is the
 * order MongoDB sorts by, where 1 and 1.0 are the same; mr_bson_same() asks whether anything was
 * changed, where they are not. Numbers of different types are compared without rounding either of
 * them.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "codec/bson.h"
#include "codec/decimal128.h"

/* Place of a type in the order; types of one place are compared by value. */
static int kind(uint8_t type)
{
    switch (type) {
    case MR_BSON_MIN_KEY:
        return -1;
    case MR_BSON_UNDEFINED:
        return 0;
    case MR_BSON_NULL:
        return 5;
    case MR_BSON_INT32:
    case MR_BSON_INT64:
    case MR_BSON_DOUBLE:
    case MR_BSON_DECIMAL128:
        return 10;
    case MR_BSON_STRING:
    case MR_BSON_SYMBOL:
        return 15;
    case MR_BSON_DOCUMENT:
        return 20;
    case MR_BSON_ARRAY:
        return 25;
    case MR_BSON_BINARY:
        return 30;
    case MR_BSON_OBJECT_ID:
        return 35;
    case MR_BSON_BOOL:
        return 40;
    case MR_BSON_DATE:
        return 45;
    case MR_BSON_TIMESTAMP:
        return 47;
    case MR_BSON_REGEX:
        return 50;
    case MR_BSON_DB_POINTER:
        return 55;
    case MR_BSON_CODE:
        return 60;
    case MR_BSON_CODE_WITH_SCOPE:
        return 65;
    default:
        return 127; /* MR_BSON_MAX_KEY */
    }
}

static int compare_unsigned(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_int(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_bytes(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t common = a_len < b_len ? a_len : b_len;
    int ret = common ? memcmp(a, b, common) : 0;
    return ret ? ret : compare_unsigned(a_len, b_len);
}

static int compare_slices(mr_slice a, mr_slice b)
{
    return compare_bytes(a.data, a.len, b.data, b.len);
}

/* --- Numbers --------------------------------------------------------------------------------- */

/* What is not a number comes first, and all of it is the same. */
static int compare_double(double a, double b)
{
    if (isnan(a) || isnan(b)) {
        return (int)!!isnan(b) - (int)!!isnan(a);
    }
    return a < b ? -1 : a > b;
}

static int compare_int_double(int64_t a, double b)
{
    if (isnan(b) || b < -0x1p63) {
        return 1;
    }
    if (b >= 0x1p63) {
        return -1;
    }
    int64_t whole = (int64_t)b; /* towards zero, so what is cut off has b's sign */
    return a != whole ? compare_int(a, whole) : compare_double(0.0, b - (double)whole);
}

/* A number beside a Decimal128, exactly: its place, and for numbers other than zero 0.d1d2d3...
 * times a power of ten, without zeros at either end. Of two positive ones the greater exponent
 * wins, then the digits as text do. */
enum { EXACT_DIGITS = 767 }; /* of the double that needs most */
typedef enum place {
    NOT_A_NUMBER = -3,
    MINUS_INFINITY,
    NEGATIVE,
    ZERO,
    POSITIVE,
    PLUS_INFINITY
} place;
typedef struct exact {
    place place;
    long exponent;
    size_t count;
    char digits[EXACT_DIGITS];
} exact;

static place infinity(bool negative)
{
    return negative ? MINUS_INFINITY : PLUS_INFINITY;
}

static void exact_decimal(const char *bits, exact *ret)
{
    mr_decimal128 d;
    mr_decimal128_unpack(bits, &d);
    ret->place = d.kind == MR_DECIMAL128_NAN        ? NOT_A_NUMBER
                 : d.kind == MR_DECIMAL128_INFINITY ? infinity(d.negative)
                 : !d.count                         ? ZERO
                 : d.negative                       ? NEGATIVE
                                                    : POSITIVE;
    ret->exponent = d.exponent + (long)d.count;
    ret->count = d.count;
    memcpy(ret->digits, d.digits, d.count);
}

static void exact_int(int64_t value, exact *ret)
{
    char text[24];
    uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
    ret->place = value < 0 ? NEGATIVE : value ? POSITIVE : ZERO;
    ret->count = (size_t)snprintf(text, sizeof text, "%" PRIu64, left);
    ret->exponent = (long)ret->count;
    memcpy(ret->digits, text, ret->count);
}

static void exact_double(double value, exact *ret)
{
    char text[EXACT_DIGITS + 16]; /* d.ddd...e+308 */
    ret->count = 0;
    if (!isfinite(value) || value == 0) {
        ret->place = isnan(value) ? NOT_A_NUMBER : value == 0 ? ZERO : infinity(value < 0);
        return;
    }
    snprintf(text, sizeof text, "%.*e", EXACT_DIGITS - 1, fabs(value));
    ret->place = value < 0 ? NEGATIVE : POSITIVE;
    ret->exponent = strtol(strchr(text, 'e') + 1, NULL, 10) + 1;
    ret->count = EXACT_DIGITS;
    ret->digits[0] = text[0];
    memcpy(ret->digits + 1, text + 2, EXACT_DIGITS - 1);
}

static void exact_number(const mr_bson_element *element, exact *ret)
{
    if (element->type == MR_BSON_DECIMAL128) {
        exact_decimal(element->value.data, ret);
    } else if (element->type == MR_BSON_DOUBLE) {
        exact_double(mr_bson_double(element), ret);
    } else {
        exact_int(mr_bson_int(element), ret);
    }
    while (ret->count && ret->digits[ret->count - 1] == '0') {
        ret->count--;
    }
}

static int compare_exact(const mr_bson_element *a, const mr_bson_element *b)
{
    exact x, y;
    exact_number(a, &x);
    exact_number(b, &y);
    if (x.place != y.place) {
        return x.place < y.place ? -1 : 1;
    }
    if (x.place != NEGATIVE && x.place != POSITIVE) {
        return 0;
    }
    int ret = x.exponent != y.exponent ? compare_int(x.exponent, y.exponent)
                                       : compare_bytes(x.digits, x.count, y.digits, y.count);
    return x.place == NEGATIVE ? -ret : ret;
}

static int compare_numbers(const mr_bson_element *a, const mr_bson_element *b)
{
    if (a->type == MR_BSON_DECIMAL128 || b->type == MR_BSON_DECIMAL128) {
        return compare_exact(a, b);
    }
    bool double_a = a->type == MR_BSON_DOUBLE, double_b = b->type == MR_BSON_DOUBLE;
    if (double_a && double_b) {
        return compare_double(mr_bson_double(a), mr_bson_double(b));
    }
    if (double_a) {
        return -compare_int_double(mr_bson_int(b), mr_bson_double(a));
    }
    return double_b ? compare_int_double(mr_bson_int(a), mr_bson_double(b))
                    : compare_int(mr_bson_int(a), mr_bson_int(b));
}

/* --- All kinds ------------------------------------------------------------------------------- */

/* Element by element: kind, then (in documents) name, then value. */
static int compare_documents(mr_slice a, mr_slice b, bool names)
{
    mr_bson_element x = {0}, y = {0}; /* gcc 12 at -O3 does not see that both are set */
    size_t at_a = 0, at_b = 0;
    for (;;) {
        bool more_a = mr_bson_next(a, &at_a, &x), more_b = mr_bson_next(b, &at_b, &y);
        if (!more_a || !more_b) {
            return (int)more_a - (int)more_b;
        }
        int ret = compare_int(kind(x.type), kind(y.type));
        if (!ret && names) {
            ret = compare_slices(x.name, y.name);
        }
        if (!ret) {
            ret = mr_bson_compare(&x, &y);
        }
        if (ret) {
            return ret;
        }
    }
}

/* Length first, then subtype and bytes, as they lie; so for pointers. */
static int compare_blocks(mr_slice a, mr_slice b)
{
    return a.len != b.len ? compare_unsigned(a.len, b.len) : compare_slices(a, b);
}

static int compare_regexes(const char *a, const char *b)
{
    int ret = strcmp(a, b);
    return ret ? ret : strcmp(a + strlen(a) + 1, b + strlen(b) + 1);
}

static int compare_scoped(const mr_bson_element *a, const mr_bson_element *b)
{
    mr_slice code_a = {a->value.data + 8, mr_bson_load32(a->value.data + 4) - 1};
    mr_slice code_b = {b->value.data + 8, mr_bson_load32(b->value.data + 4) - 1};
    int ret = compare_slices(code_a, code_b);
    return ret ? ret : compare_documents(mr_bson_document(a), mr_bson_document(b), true);
}

int mr_bson_compare(const mr_bson_element *a, const mr_bson_element *b)
{
    int ret = compare_int(kind(a->type), kind(b->type));
    if (ret) {
        return ret;
    }
    switch (a->type) {
    case MR_BSON_INT32:
    case MR_BSON_INT64:
    case MR_BSON_DOUBLE:
    case MR_BSON_DECIMAL128:
        return compare_numbers(a, b);
    case MR_BSON_STRING:
    case MR_BSON_SYMBOL:
    case MR_BSON_CODE:
        return compare_slices(mr_bson_text(a), mr_bson_text(b));
    case MR_BSON_DOCUMENT:
    case MR_BSON_ARRAY:
        return compare_documents(a->value, b->value, a->type == MR_BSON_DOCUMENT);
    case MR_BSON_BINARY:
    case MR_BSON_DB_POINTER:
        return compare_blocks(a->value, b->value);
    case MR_BSON_OBJECT_ID:
        return memcmp(a->value.data, b->value.data, MR_OBJECT_ID_BYTES);
    case MR_BSON_BOOL:
    case MR_BSON_DATE:
        return compare_int(mr_bson_int(a), mr_bson_int(b));
    case MR_BSON_TIMESTAMP:
        return compare_unsigned(mr_bson_load64(a->value.data), mr_bson_load64(b->value.data));
    case MR_BSON_REGEX:
        return compare_regexes(a->value.data, b->value.data);
    case MR_BSON_CODE_WITH_SCOPE:
        return compare_scoped(a, b);
    default:
        return 0;
    }
}

/* --- The same -------------------------------------------------------------------------------- */

static bool same_value(const mr_bson_element *a, const mr_bson_element *b)
{
    if (a->type != b->type || a->value.len != b->value.len) {
        return false;
    }
    if (!a->value.len || memcmp(a->value.data, b->value.data, a->value.len) == 0) {
        return true;
    }
    return (a->type == MR_BSON_DOCUMENT || a->type == MR_BSON_ARRAY) &&
           mr_bson_same(a->value, b->value);
}

/* Pointers to elements, at their types; names follow, and those that are there twice keep their
 * order. */
static int by_name(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    int ret = strcmp(x + 1, y + 1);
    return ret ? ret : x < y ? -1 : 1;
}

/* The elements from cursor on, by name. */
static const char **sorted(mr_slice document, size_t cursor, size_t *count)
{
    mr_bson_element element;
    const char **ret = NULL;
    size_t room = 0;
    for (*count = 0; mr_bson_next(document, &cursor, &element); (*count)++) {
        if (*count == room) {
            room = room ? room * 2 : 16;
            ret = mr_realloc_array(ret, room, sizeof *ret);
        }
        ret[*count] = element.name.data - 1;
    }
    if (*count) {
        qsort(ret, *count, sizeof *ret, by_name);
    }
    return ret;
}

static bool same_sorted(mr_slice a, size_t at_a, mr_slice b, size_t at_b)
{
    size_t count_a, count_b;
    mr_auto_free const char **x = sorted(a, at_a, &count_a);
    mr_auto_free const char **y = sorted(b, at_b, &count_b);
    bool ret = count_a == count_b;
    for (size_t i = 0; ret && i < count_a; i++) {
        mr_bson_element from_a, from_b;
        at_a = (size_t)(x[i] - a.data);
        at_b = (size_t)(y[i] - b.data);
        ret = mr_bson_next(a, &at_a, &from_a) && mr_bson_next(b, &at_b, &from_b) &&
              compare_slices(from_a.name, from_b.name) == 0 && same_value(&from_a, &from_b);
    }
    return ret;
}

bool mr_bson_same(mr_slice a, mr_slice b)
{
    if (a.len != b.len) {
        return false;
    }
    if (memcmp(a.data, b.data, a.len) == 0) {
        return true;
    }
    mr_bson_element x = {0}, y = {0}; /* gcc 12 at -O3 does not see that both are set */
    size_t at_a = 0, at_b = 0, begin_a = 0, begin_b = 0;
    for (;; begin_a = at_a, begin_b = at_b) { /* as long as the fields come in the same order */
        bool more_a = mr_bson_next(a, &at_a, &x), more_b = mr_bson_next(b, &at_b, &y);
        if (!more_a || !more_b) {
            return more_a == more_b;
        }
        if (compare_slices(x.name, y.name) != 0) {
            return same_sorted(a, begin_a, b, begin_b);
        }
        if (!same_value(&x, &y)) {
            return false;
        }
    }
}
