/* SPDX-License-Identifier: Apache-2.0 */
/* Text as every layer needs it: UTF-8 checked, numbers and strings written so that they read back.
 * No state, any thread; nothing here fails. */
#ifndef MR_CODEC_TEXT_H
#define MR_CODEC_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* Length of the well-formed UTF-8 sequence at text (Unicode 15, table 3-7), of which `left` > 0
 * bytes are there; 0: none. A zero byte is well formed, with a length of 1. */
size_t mr_utf8_length(const char *text, size_t left);

bool mr_utf8_valid(const char *text, size_t len);

enum { MR_NUMBER_TEXT_BYTES = 32 };

/* The shortest digits that read back as the same number, or as the same float. Returns their
 * count; out gets a zero byte behind them. */
size_t mr_double_text(double value, char out[MR_NUMBER_TEXT_BYTES]);
size_t mr_float_text(float value, char out[MR_NUMBER_TEXT_BYTES]);
/* Significant digits, without the zeros at either end: 3 of 1250 and of 0.0125, 0 of zero; of a
 * (finite) double those of its text. */
int mr_int_digits(int64_t value);
int mr_double_digits(double value);

/* Appends a JSON string (RFC 8259) of a text that is UTF-8. */
void mr_json_text(const char *text, size_t len, mr_buffer *out);
/* The same of any bytes: each that belongs to no character becomes U+FFFD. */
void mr_json_any_text(const char *text, size_t len, mr_buffer *out);

void mr_int_text(int64_t value, mr_buffer *out);
void mr_base64(const char *data, size_t len, mr_buffer *out); /* RFC 4648, padded */

/* -1: no hexadecimal digit. */
static inline int mr_hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A uuid's 16 bytes from 32 hexadecimal digits, with the four hyphens or without any; and its 36
 * characters, not terminated. */
enum { MR_UUID_BYTES = 16, MR_UUID_TEXT_BYTES = 36 };
bool mr_uuid_parse(const char *text, size_t len, char bytes[MR_UUID_BYTES]);
void mr_uuid_text(const char bytes[MR_UUID_BYTES], char out[MR_UUID_TEXT_BYTES]);

/* ISO 8601 in UTC of milliseconds since the epoch: 2019-03-23T20:21:09.000Z, its fraction left out
 * when it is zero unless always_millis. Years beyond 9999 or before 0 have a sign and at least six
 * digits. Returns the length; out is NUL-terminated. */
enum { MR_UTC_TEXT_BYTES = 40 };
size_t mr_utc_text(int64_t ms, bool always_millis, char out[MR_UTC_TEXT_BYTES]);

#endif
