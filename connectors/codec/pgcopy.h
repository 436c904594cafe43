/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL's binary COPY format (manual, "COPY", section "Binary Format") and the binary forms of
 * values as its types' receive functions read them (src/backend/utils/adt of PostgreSQL): writing
 * only.
 *
 * A row is mr_pg_row() followed by its values, each with its length before it. Values are appended
 * to an mr_buffer, whose limit bounds a row; what does not fit sets buffer->failed. Functions that
 * return bool say whether the value has a form at all; false appends nothing. No state, no threads.
 */
#ifndef MR_CODEC_PGCOPY_H
#define MR_CODEC_PGCOPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

enum { MR_PG_HEADER_BYTES = 19, MR_PG_TRAILER_BYTES = 2, MR_PG_NUMERIC_DIGITS_MAX = 131072 };

extern const char mr_pg_header[MR_PG_HEADER_BYTES];
extern const char mr_pg_trailer[MR_PG_TRAILER_BYTES];

static inline void mr_pg_store16(char *p, uint16_t v)
{
    v = __builtin_bswap16(v);
    memcpy(p, &v, sizeof v);
}

static inline void mr_pg_store32(char *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, sizeof v);
}

static inline void mr_pg_store64(char *p, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(p, &v, sizeof v);
}

/* Room for `bytes` at the end of the buffer, to be stored to; NULL past its limit. */
static inline char *mr_pg_room(mr_buffer *out, size_t bytes)
{
    if (bytes > out->capacity - out->len && !mr_buffer_reserve(out, bytes)) {
        return NULL;
    }
    char *p = out->data + out->len;
    out->len += bytes;
    return p;
}

static inline void mr_pg_row(mr_buffer *out, uint16_t columns)
{
    char *p = mr_pg_room(out, 2);
    if (p) {
        mr_pg_store16(p, columns);
    }
}

static inline void mr_pg_null(mr_buffer *out)
{
    char *p = mr_pg_room(out, 4);
    if (p) {
        mr_pg_store32(p, UINT32_MAX);
    }
}

static inline void mr_pg_bool(mr_buffer *out, bool v)
{
    char *p = mr_pg_room(out, 5);
    if (p) {
        mr_pg_store32(p, 1);
        p[4] = v;
    }
}

static inline void mr_pg_int16(mr_buffer *out, int16_t v)
{
    char *p = mr_pg_room(out, 6);
    if (p) {
        mr_pg_store32(p, 2);
        mr_pg_store16(p + 4, (uint16_t)v);
    }
}

static inline void mr_pg_int32(mr_buffer *out, int32_t v)
{
    char *p = mr_pg_room(out, 8);
    if (p) {
        mr_pg_store32(p, 4);
        mr_pg_store32(p + 4, (uint32_t)v);
    }
}

static inline void mr_pg_int64(mr_buffer *out, int64_t v)
{
    char *p = mr_pg_room(out, 12);
    if (p) {
        mr_pg_store32(p, 8);
        mr_pg_store64(p + 4, (uint64_t)v);
    }
}

static inline void mr_pg_float4(mr_buffer *out, float v)
{
    int32_t bits;
    memcpy(&bits, &v, sizeof bits);
    mr_pg_int32(out, bits);
}

static inline void mr_pg_float8(mr_buffer *out, double v)
{
    int64_t bits;
    memcpy(&bits, &v, sizeof bits);
    mr_pg_int64(out, bits);
}

/* text, bytea, json, enum labels: the bytes themselves. */
static inline void mr_pg_bytes(mr_buffer *out, const char *data, size_t len)
{
    char *p = len <= INT32_MAX ? mr_pg_room(out, 4 + len) : NULL;
    if (!p) {
        out->failed = true;
        return;
    }
    mr_pg_store32(p, (uint32_t)len);
    if (len) {
        memcpy(p + 4, data, len);
    }
}

/* interval: time part in microseconds, days, months. */
void mr_pg_interval(mr_buffer *out, int64_t us, int32_t days, int32_t months);

/* numeric from `len` bytes of big-endian two's complement (an Avro decimal's unscaled value) and
 * its scale, exact at any length. false: more digits than numeric can hold. */
bool mr_pg_numeric(mr_buffer *out, const char *unscaled, size_t len, int scale);
/* numeric from decimal text: [-]digits[.digits][e[+-]digits], NaN, Infinity, -Infinity. */
bool mr_pg_numeric_text(mr_buffer *out, const char *text, size_t len);
/* numeric from an integer. */
void mr_pg_numeric_int(mr_buffer *out, int64_t v);

/* uuid from its text: 32 hexadecimal digits, with the four hyphens or without any. */
bool mr_pg_uuid(mr_buffer *out, const char *text, size_t len);

/* The 36 characters of a uuid of 16 bytes, appended without a length. */
void mr_pg_uuid_text(mr_buffer *out, const char bytes[16]);

/* date, timestamp and timestamptz from days, or microseconds, since 1970-01-01. false: outside of
 * PostgreSQL's range (4713 BC to 5874897 AD, or 294276 AD). */
bool mr_pg_date(mr_buffer *out, int32_t days);
bool mr_pg_timestamp(mr_buffer *out, int64_t us);

/* Decimal text of an unscaled two's complement value and its scale ("-12.50"), appended without a
 * length before it. False as for mr_pg_numeric(). */
bool mr_pg_decimal_text(mr_buffer *out, const char *unscaled, size_t len, int scale);

/* ISO 8601 texts, appended without a length: "2019-03-01", "08:15:30.5",
 * "2019-03-01T08:15:30.123Z" (zone: with the Z). Years beyond 9999 get a sign and at least five
 * digits. */
void mr_pg_date_text(mr_buffer *out, int64_t days);
void mr_pg_time_text(mr_buffer *out, int64_t us);
void mr_pg_timestamp_text(mr_buffer *out, int64_t us, bool zone);

/* Why a text can not be stored, and where; MR_PG_TEXT_OK: it can. */
typedef enum mr_pg_text {
    MR_PG_TEXT_OK,
    MR_PG_TEXT_NUL,    /* a zero byte: PostgreSQL's text can not hold it */
    MR_PG_TEXT_INVALID /* not UTF-8 (Unicode 15, table 3-7) */
} mr_pg_text;
mr_pg_text mr_pg_check_text(const char *text, size_t len, size_t *at);

/* Number of characters of valid UTF-8. */
size_t mr_pg_text_chars(const char *text, size_t len);

#endif
