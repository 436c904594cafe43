/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of documents to the types of a schema that somebody gave, where the two differ. Numbers
 * that are not both binary meet as decimal digits: slower than need be, but one way for all, and
 * exact.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/bson_plan.h"
#include "codec/text.h"

enum { DIGITS_MAX = 76, UNSCALED_BYTES = 32 }; /* 10^76 < 2^255 */

/* 0.d1d2d3... * 10^point without zeros at either end; no digits: zero. */
typedef struct number {
    bool negative;
    int point;
    int count;
    char digits[DIGITS_MAX];
} number;

/* --- Decimal digits --------------------------------------------------------------------------- */

/* "-12.50E+3" as C and Decimal128 write it. false: no finite number. */
static bool parse_number(const char *text, number *ret)
{
    bool fraction = false, any = false;
    *ret = (number){.negative = *text == '-'};
    const char *p = text + (*text == '-' || *text == '+');
    for (; (*p >= '0' && *p <= '9') || *p == '.'; p++) {
        if (*p == '.') {
            fraction = true;
            continue;
        }
        any = true;
        if (ret->count || *p != '0') {
            if (ret->count == DIGITS_MAX) {
                return false;
            }
            ret->digits[ret->count++] = *p;
            ret->point += !fraction;
        } else {
            ret->point -= fraction;
        }
    }
    if (*p == 'e' || *p == 'E') {
        ret->point += atoi(p + 1);
    } else if (*p) {
        return false;
    }
    while (ret->count && ret->digits[ret->count - 1] == '0') {
        ret->count--;
    }
    if (!ret->count) {
        ret->point = 0;
    }
    return any;
}

static bool same_number(const number *a, const number *b)
{
    return a->count == b->count && a->point == b->point &&
           (a->negative == b->negative || !a->count) &&
           memcmp(a->digits, b->digits, (size_t)a->count) == 0;
}

/* The number times 10^scale as two's complement, big-endian, in as few bytes as it needs. false:
 * more than `precision` digits, or a fraction is left. */
static bool unscaled(const number *n, int precision, int scale, mr_arena *arena, mr_cell *ret)
{
    unsigned char bytes[UNSCALED_BYTES] = {0};
    int all = n->point + scale; /* digits of the integer */
    if (n->count && (all > precision || all > DIGITS_MAX || all < n->count)) {
        return false;
    }
    for (int i = 0; n->count && i < all; i++) {
        unsigned carry = i < n->count ? (unsigned)(n->digits[i] - '0') : 0;
        for (size_t k = UNSCALED_BYTES; k-- > 0; carry >>= 8) {
            carry += bytes[k] * 10u;
            bytes[k] = (unsigned char)carry;
        }
    }
    if (n->negative) {
        unsigned carry = 1;
        for (size_t k = UNSCALED_BYTES; k-- > 0; carry >>= 8) {
            carry += (unsigned char)~bytes[k];
            bytes[k] = (unsigned char)carry;
        }
    }
    size_t skip = 0;
    while (skip + 1 < UNSCALED_BYTES && (bytes[skip] == 0 || bytes[skip] == 0xff) &&
           (bytes[skip] ^ bytes[skip + 1]) < 0x80) {
        skip++;
    }
    ret->len = (uint32_t)(UNSCALED_BYTES - skip);
    ret->as.text = mr_arena_copy(arena, bytes + skip, ret->len);
    return true;
}

/* The digits of a value that is a number of whatever type. false: it is none, or not finite. */
static bool digits_of(const mr_bson_element *e, number *ret)
{
    char text[MR_DECIMAL128_TEXT_BYTES];
    _Static_assert((int)MR_DECIMAL128_TEXT_BYTES >= (int)MR_NUMBER_TEXT_BYTES, "the longer one");
    switch (e->type) {
    case MR_BSON_INT32:
    case MR_BSON_INT64:
        snprintf(text, sizeof text, "%lld", (long long)mr_bson_int(e));
        break;
    case MR_BSON_DOUBLE:
        mr_double_text(mr_bson_double(e), text);
        break;
    case MR_BSON_DECIMAL128: {
        size_t len = mr_decimal128_text(e->value.data, text);
        if (len >= sizeof text) {
            return false;
        }
        text[len] = '\0';
        break;
    }
    default:
        return false;
    }
    return parse_number(text, ret);
}

/* --- Numbers ---------------------------------------------------------------------------------- */

static bool to_integer(const mr_bson_element *e, int64_t low, int64_t high, mr_cell *ret)
{
    int64_t i = mr_bson_int(e);
    if (e->type == MR_BSON_DOUBLE) {
        double d = mr_bson_double(e);
        /* 2^63 itself is cut to the largest integer; minus zero would lose its sign. */
        if (!(d >= -0x1p63 && d < 0x1p63) || (double)i != d || (d == 0 && signbit(d))) {
            return false;
        }
    } else if (e->type == MR_BSON_DECIMAL128) {
        number exactly, cut;
        char text[32];
        snprintf(text, sizeof text, "%lld", (long long)i);
        if (!digits_of(e, &exactly) || !parse_number(text, &cut) || !same_number(&exactly, &cut)) {
            return false;
        }
    }
    ret->as.i = i;
    return i >= low && i <= high;
}

static bool to_double(const mr_bson_element *e, bool is_float, mr_cell *ret, bool *inexact)
{
    double d = mr_bson_double(e);
    if (is_float && !isnan(d)) {
        float f =
            d >= -0x1.fffffep127 && d <= 0x1.fffffep127 ? (float)d : (float)copysign(INFINITY, d);
        if ((double)f != d) {
            return false;
        }
    }
    ret->as.d = d;
    if (e->type == MR_BSON_DOUBLE) {
        *inexact |= is_float && isnan(d); /* which of the many that it is gets lost */
        return true;
    }
    *inexact = true;
    if (e->type == MR_BSON_DECIMAL128) {
        number exactly, nearest;
        char text[MR_NUMBER_TEXT_BYTES];
        mr_double_text(d, text);
        return digits_of(e, &exactly) && parse_number(text, &nearest) &&
               same_number(&exactly, &nearest);
    }
    int64_t i = mr_bson_int(e);
    return d < 0x1p63 && (int64_t)d == i;
}

static bool to_decimal(const mr_schema *schema, const mr_bson_element *e, mr_arena *arena,
                       mr_cell *ret)
{
    number n;
    return digits_of(e, &n) && unscaled(&n, schema->precision, schema->scale, arena, ret) &&
           (schema->base != MR_FIXED || ret->len <= schema->size_bytes);
}

/* --- Texts and bytes -------------------------------------------------------------------------- */

static bool text_to_uuid(const mr_schema *schema, mr_slice text, mr_arena *arena, mr_cell *ret)
{
    char bytes[MR_UUID_BYTES];
    if (text.len != MR_UUID_TEXT_BYTES || !mr_uuid_parse(text.data, text.len, bytes)) {
        return false;
    }
    ret->len = schema->base == MR_FIXED ? MR_UUID_BYTES : MR_UUID_TEXT_BYTES;
    ret->as.text = schema->base == MR_FIXED ? mr_arena_copy(arena, bytes, sizeof bytes) : text.data;
    return true;
}

/* ObjectId and UUID. */
static bool to_text(const mr_bson_element *e, mr_arena *arena, mr_cell *ret)
{
    uint8_t subtype = 0;
    char *text = mr_arena_alloc(arena, MR_UUID_TEXT_BYTES);
    ret->as.text = text;
    if (e->type == MR_BSON_OBJECT_ID) {
        ret->len = 2 * MR_OBJECT_ID_BYTES;
        mr_object_id_text(e->value.data, text);
        return true;
    }
    if (e->type != MR_BSON_BINARY) {
        return false;
    }
    mr_slice bytes = mr_bson_binary(e, &subtype);
    if (subtype != 4 || bytes.len != MR_UUID_BYTES) {
        return false;
    }
    ret->len = MR_UUID_TEXT_BYTES;
    mr_uuid_text(bytes.data, text);
    return true;
}

static bool to_symbol(const mr_schema *schema, mr_slice text, mr_cell *ret)
{
    for (size_t i = 0; i < schema->symbol_count; i++) {
        const char *symbol = schema->symbols[i];
        if (strlen(symbol) == text.len && memcmp(symbol, text.data, text.len) == 0) {
            ret->symbol = (uint16_t)i;
            ret->len = (uint32_t)text.len;
            ret->as.text = symbol;
            return true;
        }
    }
    return false;
}

static bool to_bytes(const mr_schema *schema, const mr_bson_element *e, mr_cell *ret, bool *inexact)
{
    uint8_t subtype = 0;
    mr_slice bytes = mr_bson_binary(e, &subtype);
    ret->len = (uint32_t)bytes.len;
    ret->as.text = bytes.data;
    *inexact |= subtype != 0 || (schema->name && strncmp(schema->name, "millrace.", 9) == 0);
    return schema->type == MR_BYTES || schema->size_bytes == bytes.len;
}

/* --- Dates ------------------------------------------------------------------------------------ */

static bool to_time(mr_type type, int64_t ms, mr_cell *ret)
{
    enum { DAY_MS = 86400000 };
    switch (type) {
    case MR_DATE:
        ret->as.i = ms / DAY_MS;
        return ms % DAY_MS == 0 && ret->as.i == (int32_t)ret->as.i;
    case MR_TIMESTAMP_US:
    case MR_LOCAL_TIMESTAMP_US:
        return !__builtin_mul_overflow(ms, (int64_t)1000, &ret->as.i);
    default:
        ret->as.i = ms;
        return true;
    }
}

/* --- All of them ------------------------------------------------------------------------------ */

bool mr_bson_convert(const mr_schema *schema, const mr_bson_element *e, mr_arena *arena,
                     mr_cell *ret, bool *inexact)
{
    bool lost = false; /* does the value go back as it was? */
    bool fits = false;
    switch (schema->type) {
    case MR_INT:
    case MR_LONG:
        lost = true;
        fits = schema->type == MR_INT ? to_integer(e, INT32_MIN, INT32_MAX, ret)
                                      : to_integer(e, INT64_MIN, INT64_MAX, ret);
        break;
    case MR_FLOAT:
    case MR_DOUBLE:
        fits = to_double(e, schema->type == MR_FLOAT, ret, &lost);
        break;
    case MR_DECIMAL:
        lost = true;
        fits = to_decimal(schema, e, arena, ret);
        break;
    case MR_STRING:
        lost = true;
        fits = to_text(e, arena, ret);
        break;
    case MR_ENUM:
        fits = to_symbol(schema, mr_bson_text(e), ret);
        break;
    case MR_UUID:
        lost = e->type == MR_BSON_STRING;
        fits = lost ? text_to_uuid(schema, mr_bson_text(e), arena, ret) : to_text(e, arena, ret);
        break;
    case MR_BYTES:
    case MR_FIXED:
        fits = to_bytes(schema, e, ret, &lost);
        break;
    case MR_DATE:
    case MR_TIMESTAMP_US:
    case MR_LOCAL_TIMESTAMP_MS:
    case MR_LOCAL_TIMESTAMP_US:
        fits = to_time(schema->type, mr_bson_int(e), ret);
        break;
    default:
        break;
    }
    *inexact |= fits && lost;
    return fits;
}
