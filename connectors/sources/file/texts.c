/* SPDX-License-Identifier: Apache-2.0 */
/* With formats given, ISO 8601 is one of them only when it is named: a text that happens to look
 * like it must not be read in a way nobody asked for. */
#include "texts.h"

#include <string.h>

#include "codec/text.h"
#include "pattern.h"

static const char iso[] = "iso";

static bool is_text(const char *text, size_t len, const char *other, size_t other_len)
{
    return len == other_len && (!len || memcmp(text, other, len) == 0);
}

bool file_texts_is_null(const file_texts *texts, const char *text, size_t len)
{
    if (is_text(text, len, texts->null_text.data, texts->null_text.len)) {
        return true;
    }
    for (size_t i = 0; i < texts->null_texts.count; i++) {
        const char *item = texts->null_texts.items[i];
        if (is_text(text, len, item, strlen(item))) {
            return true;
        }
    }
    return false;
}

/* Tries the patterns that hold `wanted` and nothing of `unwanted`; NULL: none fits. *is_iso: "iso"
 * came first, or there are no formats. */
static bool by_pattern(const file_texts *texts, unsigned wanted, unsigned unwanted,
                       const char *text, size_t len, file_timestamp *ret)
{
    for (size_t i = 0; i < texts->formats.count; i++) {
        const char *pattern = texts->formats.items[i], *why;
        unsigned parts = strcmp(pattern, iso) == 0 ? 0 : file_pattern_parts(pattern, &why);
        if (parts & wanted && !(parts & unwanted) && file_pattern_parse(pattern, text, len, ret)) {
            return true;
        }
    }
    return false;
}

static bool takes_iso(const file_texts *texts)
{
    size_t i = 0;
    while (i < texts->formats.count && strcmp(texts->formats.items[i], iso) != 0) {
        i++;
    }
    return !texts->formats.count || i < texts->formats.count;
}

bool file_texts_timestamp(const file_texts *texts, const char *text, size_t len,
                          file_timestamp *ret)
{
    return (texts->formats.count && by_pattern(texts, FILE_PATTERN_DATE, 0, text, len, ret)) ||
           (takes_iso(texts) && file_parse_timestamp(text, len, ret));
}

bool file_texts_date(const file_texts *texts, const char *text, size_t len, int64_t *days)
{
    file_timestamp at;
    if (texts->formats.count &&
        by_pattern(texts, FILE_PATTERN_DATE, FILE_PATTERN_TIME, text, len, &at)) {
        const int64_t day_us = INT64_C(86400000000);
        *days = at.us / day_us; /* a whole number of days, also before 1970 */
        return true;
    }
    return takes_iso(texts) && file_parse_date(text, len, days);
}

bool file_texts_time(const file_texts *texts, const char *text, size_t len, int64_t *ns)
{
    file_timestamp at;
    if (texts->formats.count && by_pattern(texts, FILE_PATTERN_TIME,
                                           FILE_PATTERN_DATE | FILE_PATTERN_ZONE, text, len, &at)) {
        *ns = at.us * 1000 + at.extra_ns;
        return true;
    }
    return takes_iso(texts) && file_parse_time(text, len, ns);
}

size_t file_texts_fault(const char *text, size_t len)
{
    size_t at = 0, step = 1;
    while (at < len && text[at] && (step = mr_utf8_length(text + at, len - at))) {
        at += step;
    }
    return at;
}
