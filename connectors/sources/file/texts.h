/* SPDX-License-Identifier: Apache-2.0 */
/* What the options say of the texts in fields: which mean null, and how dates and times are
 * written. */
#ifndef MR_FILE_TEXTS_H
#define MR_FILE_TEXTS_H

#include "api/option.h"
#include "api/record.h"
#include "when.h"
#include "zone.h"

/* Borrowed from the options; zeroed: an empty text is null, times are ISO 8601 and without a zone
 * UTC. */
typedef struct file_texts {
    mr_slice null_text;
    mr_list null_texts;    /* more of them */
    mr_list formats;       /* patterns (pattern.h) and "iso", in the order of trying; none: iso */
    const file_zone *zone; /* of times that say none; NULL: not given */
} file_texts;

bool file_texts_is_null(const file_texts *texts, const char *text, size_t len);

/* Whole texts; false: something else. */
bool file_texts_timestamp(const file_texts *texts, const char *text, size_t len,
                          file_timestamp *ret);
bool file_texts_date(const file_texts *texts, const char *text, size_t len, int64_t *days);
bool file_texts_time(const file_texts *texts, const char *text, size_t len, int64_t *ns);

/* What to do about a text that is something else. */
#define FILE_NOT_UTF8                                                                              \
    "files must be UTF-8 without NUL: convert what is not, e.g. with iconv -f LATIN1 -t UTF-8"

/* Where a text stops being UTF-8 without NUL; len: it is that. */
size_t file_texts_fault(const char *text, size_t len);

#endif
