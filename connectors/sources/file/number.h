/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers as text writes them. All functions take the whole text, without spaces around it, and
 * never depend on the process's locale.
 */
#ifndef MR_FILE_NUMBER_H
#define MR_FILE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum file_number {
    FILE_NUMBER_OK,
    FILE_NUMBER_NONE,     /* not a number of this kind */
    FILE_NUMBER_RANGE,    /* a number, but it does not fit */
    FILE_NUMBER_FRACTION, /* a number, but its decimals do not fit */
} file_number;

/* [+-]digits, also with decimals that are all zero ("2.0", as spreadsheets and pandas write). */
file_number file_parse_int64(const char *text, size_t len, int64_t *ret);

/* [+-]digits[.digits][e[+-]digits], inf, infinity, nan; the nearest double. A number too large is
 * FILE_NUMBER_RANGE. */
file_number file_parse_double(const char *text, size_t len, double *ret);

/* The same grammar without inf and nan, exactly: the unscaled value at `scale` decimals as a
 * big-endian two's complement number, right-aligned in out[0..size), sign-extended. FRACTION: it
 * has more decimals than scale; RANGE: more digits than precision (or than out can hold). *used:
 * the fewest bytes that hold it. */
typedef struct file_decimal {
    int precision, scale;
    unsigned char *out;
    size_t size;
} file_decimal;
file_number file_parse_decimal(const char *text, size_t len, file_decimal to, size_t *used);

#endif
