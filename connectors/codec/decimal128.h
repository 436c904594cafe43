/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a Decimal128 (IEEE 754-2008, binary integer significand), for what computes with
 * them. No state, any thread. */
#ifndef MR_CODEC_DECIMAL128_H
#define MR_CODEC_DECIMAL128_H

#include <stdbool.h>
#include <stddef.h>

#include "codec/bson.h"

enum { MR_DECIMAL128_DIGITS = 34 };

typedef enum mr_decimal128_kind {
    MR_DECIMAL128_FINITE,
    MR_DECIMAL128_INFINITY,
    MR_DECIMAL128_NAN
} mr_decimal128_kind;

/* Finite: the digits as a whole number, times ten to the power of exponent. */
typedef struct mr_decimal128 {
    mr_decimal128_kind kind;
    bool negative;
    int exponent; /* of the last digit: 12.50 has the digits 1250 and the exponent -2 */
    size_t count; /* of digits; 0: zero. No leading zeros */
    char digits[MR_DECIMAL128_DIGITS];
} mr_decimal128;

/* Significands of more than 34 digits, which are not canonical, are zero, as the standard has it.
 */
void mr_decimal128_unpack(const char bits[MR_DECIMAL128_BYTES], mr_decimal128 *ret);

/* The nearest double, infinities and not a number included. */
double mr_decimal128_double(const mr_decimal128 *decimal);

/* Cut towards zero, and to the range; not a number is 0. */
int64_t mr_decimal128_int(const mr_decimal128 *decimal);

#endif
