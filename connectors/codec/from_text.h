/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values from their text, exactly: nothing is rounded or cut unless it says so. All take the whole
 * text; no locale, no state.
 *
 *   date        2019-03-23
 *   time        20:21:09  20:21:09.123456789
 *   timestamp   date, T, time, and Z or an offset: +01:00  +0100  +01; or neither of both
 *
 * on the proleptic Gregorian calendar, years 0001 to 9999; seconds to 59, as Avro has no leap
 * seconds.
 */
#ifndef MR_CODEC_FROM_TEXT_H
#define MR_CODEC_FROM_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 4648, padded or not. out has room for len / 4 * 3 + 2 bytes. */
bool mr_base64_from_text(const char *text, size_t len, char *out, size_t *out_len);

enum { MR_DECIMAL_DIGITS_MAX = 2000 };

typedef enum mr_decimal_fit {
    MR_DECIMAL_OK,
    MR_DECIMAL_NO_NUMBER,
    MR_DECIMAL_FRACTION, /* more decimals than the scale, and they are not zero */
    MR_DECIMAL_RANGE,    /* more digits than the precision, or than MR_DECIMAL_DIGITS_MAX */
} mr_decimal_fit;

/* A decimal ([+-]digits[.digits][e[+-]digits]) as its unscaled value at `scale` decimals, in
 * two's complement, big-endian, as short as can be. out has room for MR_DECIMAL_BYTES_MAX. */
enum { MR_DECIMAL_BYTES_MAX = 840 };
mr_decimal_fit mr_decimal_from_text(const char *text, size_t len, int precision, int scale,
                                    char *out, size_t *out_len);
/* A whole number, also one written as 1.0 or 1e3. */
mr_decimal_fit mr_whole_from_text(const char *text, size_t len, int64_t *ret);

/* Days since 1970-01-01. */
bool mr_date_from_text(const char *text, size_t len, int64_t *days);
/* Nanoseconds since midnight. */
bool mr_time_from_text(const char *text, size_t len, int64_t *ns);

typedef struct mr_moment {
    int64_t us;       /* since 1970-01-01 00:00, in UTC when zoned, else on the wall clock */
    int32_t extra_ns; /* 0..999: what microseconds can not hold */
    bool zoned;
} mr_moment;
bool mr_moment_from_text(const char *text, size_t len, mr_moment *ret);

#endif
