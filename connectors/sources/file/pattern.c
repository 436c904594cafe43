/* SPDX-License-Identifier: Apache-2.0 */
/* The pattern is walked for each text: a handful of characters, beside which a compiled form would
 * save nothing. */
#include "pattern.h"

#include <string.h>
#include <strings.h>

enum { US_PER_SECOND = 1000000, SECONDS_PER_DAY = 86400, NS_PER_US = 1000 };

typedef struct parts {
    int64_t year, month, day, of_year; /* 0: not there */
    int64_t hour, minute, second, ns;
    int64_t epoch;
    int64_t east_seconds;
    bool has_epoch, zoned, twelve, afternoon, has_half;
} parts;

typedef struct reading {
    const char *at, *end;
} reading;

/* The longer form of what is short for others; NULL: it is not. */
static const char *spelt_out(char letter)
{
    return letter == 'F'   ? "%Y-%m-%d"
           : letter == 'T' ? "%H:%M:%S"
           : letter == 'D' ? "%m/%d/%y"
           : letter == 'R' ? "%H:%M"
                           : NULL;
}

/* --- Is the pattern a right one? --- */

static const char *collect(const char *pattern, char seen[128])
{
    for (const char *p = pattern; *p; p++) {
        if (*p != '%') {
            continue;
        }
        char letter = *++p;
        if (!letter || !strchr("YymdejHIMSfpzsbBaAFTDR%", letter)) {
            return "holds something else than %Y %y %m %d %e %j %b %B %a %A %H %I %M %S %f %p %z "
                   "%s %F %T %D %R %%";
        }
        if (spelt_out(letter)) {
            collect(spelt_out(letter), seen);
        } else {
            seen[(unsigned char)letter] = 1;
        }
    }
    return NULL;
}

static const char *incomplete(const char *s, bool date, bool time)
{
    if (!date && !time) {
        return "has neither a date nor a time";
    }
    if (date && !s['Y'] && !s['y']) {
        return "has no year";
    }
    if (date && !s['j'] && !((s['m'] || s['b'] || s['B']) && (s['d'] || s['e']))) {
        return "has not both a month and a day";
    }
    if (time && !s['H'] && !(s['I'] && s['p'])) {
        return "has no hour (%H, or %I with %p)";
    }
    if (s['f'] && !s['S']) {
        return "has a fraction (%f) without seconds";
    }
    return NULL;
}

unsigned file_pattern_parts(const char *pattern, const char **why)
{
    char s[128] = {0};
    *why = collect(pattern, s);
    if (*why) {
        return 0;
    }
    if (s['s']) {
        return FILE_PATTERN_DATE | FILE_PATTERN_TIME | FILE_PATTERN_ZONE;
    }
    bool date = s['Y'] || s['y'] || s['m'] || s['d'] || s['e'] || s['j'] || s['b'] || s['B'];
    bool time = s['H'] || s['I'] || s['M'] || s['S'] || s['f'] || s['p'];
    *why = incomplete(s, date, time);
    return *why ? 0u
                : (date ? FILE_PATTERN_DATE : 0u) | (time ? FILE_PATTERN_TIME : 0u) |
                      (s['z'] ? FILE_PATTERN_ZONE : 0u);
}

/* --- Reading --- */

/* Up to `most` digits, at least `least`. */
static bool digits(reading *r, int least, int most, int64_t *ret)
{
    int n = 0;
    *ret = 0;
    while (n < most && r->at < r->end && *r->at >= '0' && *r->at <= '9') {
        *ret = *ret * 10 + (*r->at++ - '0');
        n++;
    }
    return n >= least;
}

static bool within(reading *r, int64_t min, int64_t max, int64_t *ret)
{
    return digits(r, 1, 2, ret) && *ret >= min && *ret <= max;
}

/* A name or its first three letters; its number from 1. */
static bool name(reading *r, const char *const *names, int64_t *ret)
{
    size_t left = (size_t)(r->end - r->at);
    for (int i = 0; names[i]; i++) {
        size_t whole = strlen(names[i]);
        size_t len = left >= whole && !strncasecmp(r->at, names[i], whole) ? whole
                     : left >= 3 && !strncasecmp(r->at, names[i], 3)       ? 3
                                                                           : 0;
        if (len) {
            r->at += len;
            *ret = i + 1;
            return true;
        }
    }
    return false;
}

static bool half_of_day(reading *r, parts *p)
{
    if (r->end - r->at < 2 || (r->at[1] | 32) != 'm' ||
        ((r->at[0] | 32) != 'a' && (r->at[0] | 32) != 'p')) {
        return false;
    }
    p->has_half = true;
    p->afternoon = (r->at[0] | 32) == 'p';
    r->at += 2;
    return true;
}

static bool fraction(reading *r, parts *p)
{
    const char *first = r->at;
    if (!digits(r, 1, 9, &p->ns)) {
        return false;
    }
    for (int n = (int)(r->at - first); n < 9; n++) {
        p->ns *= 10;
    }
    return true;
}

static bool zone(reading *r, parts *p)
{
    int64_t hours, minutes = 0;
    p->zoned = true;
    if (r->at < r->end && (*r->at | 32) == 'z') {
        r->at++;
        return true;
    }
    if (r->at == r->end || (*r->at != '+' && *r->at != '-')) {
        return false;
    }
    int64_t sign = *r->at++ == '-' ? -1 : 1;
    if (!digits(r, 2, 2, &hours)) {
        return false;
    }
    bool colon = r->at < r->end && *r->at == ':';
    r->at += colon;
    if (colon || (r->at < r->end && *r->at >= '0' && *r->at <= '9')) {
        if (!digits(r, 2, 2, &minutes)) {
            return false;
        }
    }
    p->east_seconds = sign * (hours * 3600 + minutes * 60);
    return hours <= 23 && minutes <= 59;
}

static bool epoch(reading *r, parts *p)
{
    int64_t sign = r->at < r->end && *r->at == '-' ? -1 : 1;
    r->at += sign < 0;
    p->has_epoch = p->zoned = digits(r, 1, 11, &p->epoch);
    p->epoch *= sign;
    return p->has_epoch;
}

static bool two_digit_year(reading *r, parts *p)
{
    bool good = digits(r, 2, 2, &p->year);
    p->year += p->year < 69 ? 2000 : 1900;
    return good;
}

static bool conversion(char letter, reading *r, parts *p)
{
    static const char *const months[] = {"January",  "February", "March",  "April",     "May",
                                         "June",     "July",     "August", "September", "October",
                                         "November", "December", NULL};
    static const char *const days[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                       "Friday", "Saturday", "Sunday",    NULL};
    int64_t ignored;
    switch (letter) {
    case 'Y':
        return digits(r, 4, 4, &p->year) && p->year >= 1;
    case 'y':
        return two_digit_year(r, p);
    case 'm':
        return within(r, 1, 12, &p->month);
    case 'd':
    case 'e':
        return within(r, 1, 31, &p->day);
    case 'j':
        return digits(r, 1, 3, &p->of_year) && p->of_year >= 1 && p->of_year <= 366;
    case 'H':
        return within(r, 0, 23, &p->hour);
    case 'I':
        p->twelve = true;
        return within(r, 1, 12, &p->hour);
    case 'M':
        return within(r, 0, 59, &p->minute);
    case 'S':
        return within(r, 0, 59, &p->second);
    case 'f':
        return fraction(r, p);
    case 'p':
        return half_of_day(r, p);
    case 'z':
        return zone(r, p);
    case 's':
        return epoch(r, p);
    case 'b':
    case 'B':
        return name(r, months, &p->month);
    case 'a':
    case 'A':
        return name(r, days, &ignored);
    default: /* %% */
        return r->at < r->end && *r->at++ == '%';
    }
}

static bool walk(const char *pattern, reading *r, parts *p)
{
    for (; *pattern; pattern++) {
        if (*pattern == ' ') {
            if (r->at == r->end || *r->at != ' ') {
                return false;
            }
            while (r->at < r->end && *r->at == ' ') {
                r->at++;
            }
        } else if (*pattern != '%') {
            if (r->at == r->end || *r->at++ != *pattern) {
                return false;
            }
        } else {
            const char *longer = spelt_out(*++pattern);
            if (longer ? !walk(longer, r, p) : !conversion(*pattern, r, p)) {
                return false;
            }
        }
    }
    return true;
}

static bool day_of(const parts *p, int64_t *days)
{
    *days = 0;
    if (!p->year) {
        return true;
    }
    if (p->of_year) {
        *days = file_days_of((unsigned)p->year, 1, 1) + p->of_year - 1;
        return *days < file_days_of((unsigned)p->year + 1, 1, 1);
    }
    *days = file_days_of((unsigned)p->year, (unsigned)p->month, (unsigned)p->day);
    int64_t next = p->month == 12 ? file_days_of((unsigned)p->year + 1, 1, 1)
                                  : file_days_of((unsigned)p->year, (unsigned)p->month + 1, 1);
    return *days < next;
}

bool file_pattern_parse(const char *pattern, const char *text, size_t len, file_timestamp *ret)
{
    reading r = {text, text + len};
    parts p = {0};
    const char *why;
    int64_t days;
    if (!walk(pattern, &r, &p) || r.at != r.end || !day_of(&p, &days)) {
        return false;
    }
    if (p.has_half && p.twelve) {
        p.hour = p.hour % 12 + (p.afternoon ? 12 : 0);
    }
    int64_t seconds = days * SECONDS_PER_DAY + p.hour * 3600 + p.minute * 60 + p.second;
    seconds = p.has_epoch ? p.epoch : seconds - p.east_seconds;
    *ret = (file_timestamp){
        .us = seconds * US_PER_SECOND + p.ns / NS_PER_US,
        .extra_ns = (int32_t)(p.ns % NS_PER_US),
        .zoned = p.zoned,
        .date_only = !(file_pattern_parts(pattern, &why) & FILE_PATTERN_TIME),
    };
    return true;
}
