/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates and times as ISO 8601 text writes them, by fixed positions and day arithmetic on the
 * proleptic Gregorian calendar (the one Avro's logical types count on). No locale, no time zone
 * database, no allocation.
 *
 *   date        2019-03-23
 *   time        20:21  20:21:09  20:21:09.123456
 *   timestamp   date, ' ' or 'T' or 't', time, and a zone or none: Z  z  +01  +0130  +01:30
 *
 * Fractions have 1 to 9 digits. Years 0001 to 9999. Seconds run to 59: a leap second has no place
 * in Avro.
 */
#ifndef MR_FILE_WHEN_H
#define MR_FILE_WHEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Days since 1970-01-01. All functions take the whole text; false: it is something else. */
bool file_parse_date(const char *text, size_t len, int64_t *days);

/* The same of a day of the calendar: year from 1, month 1 to 12, day from 1. */
int64_t file_days_of(unsigned year, unsigned month, unsigned day);

/* Nanoseconds since midnight. */
bool file_parse_time(const char *text, size_t len, int64_t *ns);

typedef struct file_timestamp {
    int64_t us;       /* since 1970-01-01 00:00, in UTC when zoned, else on the wall clock */
    int32_t extra_ns; /* 0..999: what microseconds can not hold */
    bool zoned;
    bool date_only; /* no time was written: midnight */
} file_timestamp;

bool file_parse_timestamp(const char *text, size_t len, file_timestamp *ret);

/* ISO 8601 duration PnYnMnWnDTnHnMn.nS into Avro's months, days and milliseconds. */
bool file_parse_duration(const char *text, size_t len, uint32_t out[3]);

#endif
