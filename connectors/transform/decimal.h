/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exact decimal arithmetic for the dec_ functions: sign, whole number, digits after the point.
 * Operands have at most MR_DECIMAL_DIGITS digits; functions return false when a result has more
 * than a number can hold (180). Rounding is half away from zero, as PostgreSQL's numeric has it.
 */
#ifndef MR_TRANSFORM_DECIMAL_H
#define MR_TRANSFORM_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

enum { MR_DECIMAL_DIGITS = 76, MR_DECIMAL_LIMBS = 20, MR_DECIMAL_BYTES_MAX = 64 };

typedef struct mr_decimal {
    bool negative;                    /* never with zero */
    int scale;                        /* digits after the point */
    int count;                        /* limbs in use; 0: zero */
    uint32_t limbs[MR_DECIMAL_LIMBS]; /* base 10^9, the lowest first */
} mr_decimal;

/* "-12.50", "+.5", "1e-3"; nothing before or after. false: no number, or too many digits. */
bool mr_decimal_parse(const char *text, size_t len, mr_decimal *ret);
bool mr_decimal_from_double(double value, mr_decimal *ret); /* of its shortest text */

bool mr_decimal_add(const mr_decimal *a, const mr_decimal *b, bool subtract, mr_decimal *ret);
bool mr_decimal_mul(const mr_decimal *a, const mr_decimal *b, mr_decimal *ret);
/* b is not zero. */
bool mr_decimal_div(const mr_decimal *a, const mr_decimal *b, int scale, mr_decimal *ret);
bool mr_decimal_round(const mr_decimal *a, int scale, mr_decimal *ret);
/* -1, 0, 1. */
int mr_decimal_compare(const mr_decimal *a, const mr_decimal *b);
int mr_decimal_digits(const mr_decimal *a); /* of the unscaled number; 0 for zero */

void mr_decimal_print(const mr_decimal *a, mr_buffer *out);

/* Avro's form (spec, "Decimal"): the unscaled number, big-endian two's complement. More than
 * MR_DECIMAL_BYTES_MAX bytes set out->failed. */
void mr_decimal_print_bytes(const char *bytes, size_t len, int scale, mr_buffer *out);
/* The unscaled number in the fewest bytes; returns how many. */
size_t mr_decimal_to_bytes(const mr_decimal *a, char out[MR_DECIMAL_BYTES_MAX + 16]);

#endif
