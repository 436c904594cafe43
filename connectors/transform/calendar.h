/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times as text: ISO 8601 (RFC 3339 and its common relaxations) and strptime-like formats. The
 * proleptic Gregorian calendar, years 0001 to 9999, UTC; no leap seconds; no locale.
 */
#ifndef MR_TRANSFORM_CALENDAR_H
#define MR_TRANSFORM_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

#define MR_DAY_US INT64_C(86400000000)

/* Days since 1970-01-01. false: no such day. */
bool mr_calendar_days(int year, int month, int day, int64_t *ret);

/* "2019-03-23", then optionally 'T' or a blank and "20:21[:09[.123456]]", then optionally "Z",
 * "+01:00", "+0100" or "+01"; without a zone it is UTC. More than six digits of a second are cut.
 */
bool mr_calendar_parse(const char *text, size_t len, int64_t *ret_us);

/* By a format: %Y %y %m %d %j %H %I %p %M %S %f %z %b %B %s %T %F %%; a blank stands for any number
 * of them. What the format does not name is 1970-01-01 00:00:00. */
bool mr_calendar_parse_format(const char *text, size_t len, const char *format, int64_t *ret_us);

/* ISO 8601 with as many digits of the second as are not zero (none, 3 or 6); zone "Z" or "". false:
 * beyond year 9999 or before year 1. */
bool mr_calendar_print(int64_t us, const char *zone, mr_buffer *out);
bool mr_calendar_print_format(int64_t us, const char *format, mr_buffer *out);

/* Is every % of the format one we know? Returns the one that is not, or NULL. */
const char *mr_calendar_bad_format(const char *format);

#endif
