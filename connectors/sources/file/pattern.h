/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates and times as a pattern says, in the letters of strptime(3). English names, whatever the
 * locale; nothing is read that the pattern does not say.
 *
 *   %Y 2019   %y 19 (1969 to 2068)   %m %d %e %H %I %M %S  one or two digits   %j day of the year
 *   %b %B Mar, March   %a %A Sat, Saturday (not checked)   %p AM, pm   %f fraction of 1 to 9 digits
 *   %z Z, +01, +0130, +01:30   %s seconds since 1970   %F %T %D %R  as usual   %%
 *
 * A blank stands for one or more blanks; all else for itself.
 */
#ifndef MR_FILE_PATTERN_H
#define MR_FILE_PATTERN_H

#include "when.h"

enum { FILE_PATTERN_DATE = 1, FILE_PATTERN_TIME = 2, FILE_PATTERN_ZONE = 4 };

/* What a text of this pattern holds, as bits. 0: the pattern is wrong, *why says so ("has no
 * year"). */
unsigned file_pattern_parts(const char *pattern, const char **why);

/* Reads the whole text. Of a pattern without a date: since midnight of 1970-01-01. The pattern must
 * be a right one. */
bool file_pattern_parse(const char *pattern, const char *text, size_t len, file_timestamp *ret);

#endif
