/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fixed positions first: nearly every timestamp of a file has the same 19 characters of shape, and
 * digits are checked all at once by or-ing what is wrong with each. Days come from the civil
 * calendar by shifting the year to start in March, so that leap days are last and months have a
 * closed formula.
 */
#include "when.h"

enum { US_PER_SECOND = 1000000, NS_PER_US = 1000, SECONDS_PER_DAY = 86400 };

/* Value of two digits; `*bad` collects whether one was none. */
static inline unsigned two(const char *p, unsigned *bad)
{
    unsigned a = (unsigned)(unsigned char)p[0] - '0', b = (unsigned)(unsigned char)p[1] - '0';
    *bad |= (a > 9) | (b > 9);
    return a * 10 + b;
}

static bool leap(unsigned year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned month_days(unsigned year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && leap(year) ? 29 : days[month - 1];
}

int64_t file_days_of(unsigned year, unsigned month, unsigned day)
{
    unsigned y = year - (month <= 2), m = month > 2 ? month - 3 : month + 9;
    unsigned of_year = (153 * m + 2) / 5 + day - 1;
    return (int64_t)(y * 365 + y / 4 - y / 100 + y / 400 + of_year) - 719468;
}

bool file_parse_date(const char *text, size_t len, int64_t *days)
{
    if (len != 10) {
        return false;
    }
    unsigned bad = (text[4] != '-') | (text[7] != '-');
    unsigned year = two(text, &bad) * 100 + two(text + 2, &bad);
    unsigned month = two(text + 5, &bad), day = two(text + 8, &bad);
    if (bad || year < 1 || month < 1 || month > 12 || day < 1 || day > month_days(year, month)) {
        return false;
    }
    *days = file_days_of(year, month, day);
    return true;
}

/* ".123" at *p, at most nine digits: nanoseconds. */
static bool fraction(const char **p, const char *end, int64_t *ns)
{
    int64_t value = 0, unit = 100000000;
    const char *at = *p + 1, *first = at;
    for (; at < end && *at >= '0' && *at <= '9'; at++, unit /= 10) {
        value += (*at - '0') * unit;
    }
    if (at == first || at - first > 9) {
        return false;
    }
    *p = at;
    *ns = value;
    return true;
}

/* HH:MM[:SS[.f]] at *p. */
static bool time_of_day(const char **p, const char *end, int64_t *seconds, int64_t *ns)
{
    const char *at = *p;
    unsigned bad = 0;
    *ns = 0;
    if (end - at < 5 || at[2] != ':') {
        return false;
    }
    unsigned hour = two(at, &bad), minute = two(at + 3, &bad), second = 0;
    at += 5;
    if (end - at >= 3 && *at == ':') {
        second = two(at + 1, &bad);
        at += 3;
        if (at < end && *at == '.' && !fraction(&at, end, ns)) {
            return false;
        }
    }
    if (bad || hour > 23 || minute > 59 || second > 59) {
        return false;
    }
    *seconds = hour * 3600 + minute * 60 + second;
    *p = at;
    return true;
}

bool file_parse_time(const char *text, size_t len, int64_t *ns)
{
    const char *end = text + len;
    int64_t seconds, part;
    if (!time_of_day(&text, end, &seconds, &part) || text != end) {
        return false;
    }
    *ns = seconds * NS_PER_US * US_PER_SECOND + part;
    return true;
}

/* Z, +HH, +HHMM, +HH:MM at p, which must end there. Seconds east of UTC. */
static bool zone(const char *p, const char *end, int64_t *east_seconds)
{
    size_t len = (size_t)(end - p);
    *east_seconds = 0;
    if (len == 1 && (*p == 'Z' || *p == 'z')) {
        return true;
    }
    if ((*p != '+' && *p != '-') || (len != 3 && len != 5 && len != 6)) {
        return false;
    }
    unsigned bad = len == 6 && p[3] != ':';
    unsigned hours = two(p + 1, &bad), minutes = len == 3 ? 0 : two(end - 2, &bad);
    if (bad || hours > 23 || minutes > 59) {
        return false;
    }
    int64_t seconds = hours * 3600 + minutes * 60;
    *east_seconds = *p == '-' ? -seconds : seconds;
    return true;
}

bool file_parse_timestamp(const char *text, size_t len, file_timestamp *ret)
{
    int64_t days, seconds = 0, ns = 0, east = 0;
    if (len < 10 || !file_parse_date(text, 10, &days)) {
        return false;
    }
    *ret = (file_timestamp){.date_only = len == 10};
    if (len > 10) {
        const char *p = text + 11, *end = text + len;
        if ((text[10] != ' ' && text[10] != 'T' && text[10] != 't') ||
            !time_of_day(&p, end, &seconds, &ns)) {
            return false;
        }
        ret->zoned = p < end;
        if (ret->zoned && !zone(p, end, &east)) {
            return false;
        }
    }
    ret->us = (days * SECONDS_PER_DAY + seconds - east) * US_PER_SECOND + ns / NS_PER_US;
    ret->extra_ns = (int32_t)(ns % NS_PER_US);
    return true;
}

/* Digits at *p, and for seconds up to three decimals, times 1000. */
static bool amount(const char **p, const char *end, uint64_t *value, bool *has_fraction)
{
    const char *first = *p;
    uint64_t n = 0;
    for (; *p < end && **p >= '0' && **p <= '9' && *p - first < 10; ++*p) {
        n = n * 10 + (uint64_t)(**p - '0');
    }
    if (*p == first) {
        return false;
    }
    *value = n * 1000;
    *has_fraction = *p < end && **p == '.';
    if (*has_fraction) {
        int64_t ns;
        if (!fraction(p, end, &ns) || ns % 1000000) {
            return false;
        }
        *value += (uint64_t)ns / 1000000;
    }
    return true;
}

bool file_parse_duration(const char *text, size_t len, uint32_t out[3])
{
    static const char units[] = "YMWDHMS"; /* in this order; the time part starts at index 4 */
    static const unsigned of[] = {0, 0, 1, 1, 2, 2, 2};
    static const uint64_t factor[] = {12, 1, 7, 1, 3600000, 60000, 1000};
    const char *p = text, *end = text + len;
    uint64_t sums[3] = {0};
    unsigned unit = 0, stop = 4;
    if (len < 3 || *p++ != 'P') {
        return false;
    }
    while (p < end) {
        uint64_t value;
        bool has_fraction;
        if (*p == 'T' && stop == 4) {
            unit = 4;
            stop = 7;
            p++;
        }
        if (!amount(&p, end, &value, &has_fraction) || p == end) {
            return false;
        }
        while (unit < stop && units[unit] != *p) {
            unit++;
        }
        if (unit == stop || (has_fraction && unit != 6)) {
            return false;
        }
        sums[of[unit]] += value * factor[unit] / 1000;
        unit++;
        p++;
    }
    for (int i = 0; i < 3; i++) {
        if (sums[i] > UINT32_MAX) {
            return false;
        }
        out[i] = (uint32_t)sums[i];
    }
    return text[len - 1] != 'T';
}
