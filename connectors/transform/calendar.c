/* SPDX-License-Identifier: Apache-2.0 */
/* Days from dates by the era arithmetic of a 400-year cycle; strptime and strftime themselves
 * depend on locale and zone of the process, so a replay elsewhere could differ. */
#include "transform/calendar.h"

#include <string.h>
#include <strings.h>

static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
static const char known_formats[] = "YymdjHIpMSfzbBsTF%";

typedef struct fields {
    int year, month, day, yday, hour, minute, second, micro, zone_minutes;
    bool pm, has_pm;
    int64_t epoch;
    bool has_epoch;
} fields;

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

bool mr_calendar_days(int year, int month, int day, int64_t *ret)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 ||
        day > lengths[month - 1] + (month == 2 && is_leap(year))) {
        return false;
    }
    int y = month <= 2 ? year - 1 : year; /* the year begins in March: the leap day is its last */
    int era = y / 400, of_era = y % 400;
    int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    *ret = (int64_t)era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
    return true;
}

static void split_days(int64_t days, fields *f)
{
    int64_t shifted = days + 719468, era = shifted / 146097;
    int of_era = (int)(shifted % 146097);
    int year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int of_year = of_era - (365 * year + year / 4 - year / 100);
    int month = (5 * of_year + 2) / 153; /* 0 is March */
    f->day = of_year - (153 * month + 2) / 5 + 1;
    f->month = month < 10 ? month + 3 : month - 9;
    f->year = year + (int)era * 400 + (f->month <= 2);
}

static bool split(int64_t us, fields *f)
{
    int64_t days = us / MR_DAY_US, rest = us % MR_DAY_US, first, last;
    if (rest < 0) {
        rest += MR_DAY_US;
        days--;
    }
    mr_calendar_days(1, 1, 1, &first);
    mr_calendar_days(9999, 12, 31, &last);
    if (days < first || days > last) {
        return false;
    }
    *f = (fields){0};
    split_days(days, f);
    f->micro = (int)(rest % 1000000);
    int seconds = (int)(rest / 1000000);
    f->hour = seconds / 3600;
    f->minute = seconds / 60 % 60;
    f->second = seconds % 60;
    int64_t new_year = days; /* set below; gcc with sanitizers can not see that */
    mr_calendar_days(f->year, 1, 1, &new_year);
    f->yday = (int)(days - new_year) + 1;
    return true;
}

static bool join(const fields *f, int64_t *ret)
{
    int64_t days;
    if (f->has_epoch) {
        *ret = f->epoch * 1000000;
        return f->epoch >= -INT64_C(62135596800) && f->epoch <= INT64_C(253402300799);
    }
    if (!mr_calendar_days(f->year, f->yday ? 1 : f->month, f->yday ? 1 : f->day, &days) ||
        f->hour > 23 || f->minute > 59 || f->second > 59 || f->yday > 365 + is_leap(f->year)) {
        return false;
    }
    days += f->yday ? f->yday - 1 : 0;
    int64_t seconds =
        days * 86400 + f->hour * 3600 + (f->minute - f->zone_minutes) * 60 + f->second;
    *ret = seconds * 1000000 + f->micro;
    return true;
}

/* --- reading --- */

typedef struct scanner {
    const char *at, *end;
} scanner;

static bool number(scanner *s, int min_digits, int max_digits, int *ret)
{
    int value = 0, digits = 0;
    for (; digits < max_digits && s->at < s->end && *s->at >= '0' && *s->at <= '9'; digits++) {
        value = value * 10 + (*s->at++ - '0');
    }
    *ret = value;
    return digits >= min_digits;
}

static bool literal(scanner *s, char c)
{
    bool ok = s->at < s->end && *s->at == c;
    s->at += ok;
    return ok;
}

/* Digits of a second: the first six count, the rest is cut. */
static bool fraction(scanner *s, int *ret)
{
    const char *start = s->at;
    if (!number(s, 1, 6, ret)) {
        return false;
    }
    for (long digits = s->at - start; digits < 6; digits++) {
        *ret *= 10;
    }
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9') {
        s->at++;
    }
    return true;
}

static bool zone(scanner *s, int *ret)
{
    if (literal(s, 'Z') || literal(s, 'z')) {
        *ret = 0;
        return true;
    }
    bool minus = s->at < s->end && *s->at == '-';
    int hours, minutes = 0;
    if (!literal(s, '+') && !literal(s, '-')) {
        return false;
    }
    if (!number(s, 2, 2, &hours)) {
        return false;
    }
    if (literal(s, ':') || (s->at < s->end && *s->at >= '0' && *s->at <= '9')) {
        if (!number(s, 2, 2, &minutes)) {
            return false;
        }
    }
    *ret = (hours * 60 + minutes) * (minus ? -1 : 1);
    return hours <= 18 && minutes <= 59;
}

bool mr_calendar_parse(const char *text, size_t len, int64_t *ret_us)
{
    scanner s = {text, text + len};
    fields f = {0};
    if (!number(&s, 4, 4, &f.year) || !literal(&s, '-') || !number(&s, 2, 2, &f.month) ||
        !literal(&s, '-') || !number(&s, 2, 2, &f.day)) {
        return false;
    }
    if (literal(&s, 'T') || literal(&s, 't') || literal(&s, ' ')) {
        if (!number(&s, 2, 2, &f.hour) || !literal(&s, ':') || !number(&s, 2, 2, &f.minute)) {
            return false;
        }
        if (literal(&s, ':') && !number(&s, 2, 2, &f.second)) {
            return false;
        }
        if ((literal(&s, '.') || literal(&s, ',')) && !fraction(&s, &f.micro)) {
            return false;
        }
        if (s.at < s.end && !zone(&s, &f.zone_minutes)) {
            return false;
        }
    }
    return s.at == s.end && join(&f, ret_us);
}

static bool month_name(scanner *s, int *ret)
{
    for (int i = 0; i < 12; i++) {
        size_t left = (size_t)(s->end - s->at), full = strlen(months[i]);
        if (left >= full && strncasecmp(s->at, months[i], full) == 0) {
            s->at += full;
        } else if (left >= 3 && strncasecmp(s->at, months[i], 3) == 0) {
            s->at += 3;
        } else {
            continue;
        }
        *ret = i + 1;
        return true;
    }
    return false;
}

static bool half_of_day(scanner *s, fields *f)
{
    if (s->end - s->at < 2 || (s->at[1] | 32) != 'm') {
        return false;
    }
    f->has_pm = true;
    f->pm = (*s->at | 32) == 'p';
    s->at += 2;
    return f->pm || (s->at[-2] | 32) == 'a';
}

static bool epoch(scanner *s, fields *f)
{
    bool minus = literal(s, '-');
    const char *start = s->at;
    for (; s->at < s->end && *s->at >= '0' && *s->at <= '9' && s->at - start < 12; s->at++) {
        f->epoch = f->epoch * 10 + (*s->at - '0');
    }
    f->epoch = minus ? -f->epoch : f->epoch;
    f->has_epoch = true;
    return s->at > start;
}

static bool read_field(scanner *s, char field, fields *f)
{
    switch (field) {
    case 'Y':
        return number(s, 4, 4, &f->year);
    case 'y': {
        bool ok = number(s, 2, 2, &f->year);
        f->year += f->year < 69 ? 2000 : 1900; /* as POSIX has it */
        return ok;
    }
    case 'm':
        return number(s, 1, 2, &f->month);
    case 'd':
        return number(s, 1, 2, &f->day);
    case 'j':
        return number(s, 1, 3, &f->yday) && f->yday > 0;
    case 'H':
    case 'I':
        return number(s, 1, 2, &f->hour) && (field == 'H' || (f->hour >= 1 && f->hour <= 12));
    case 'M':
        return number(s, 1, 2, &f->minute);
    case 'S':
        return number(s, 1, 2, &f->second);
    case 'f':
        return fraction(s, &f->micro);
    case 'p':
        return half_of_day(s, f);
    case 'z':
        return zone(s, &f->zone_minutes);
    case 'b':
    case 'B':
        return month_name(s, &f->month);
    case 's':
        return epoch(s, f);
    case 'F':
        return number(s, 4, 4, &f->year) && literal(s, '-') && number(s, 2, 2, &f->month) &&
               literal(s, '-') && number(s, 2, 2, &f->day);
    case 'T':
        return number(s, 2, 2, &f->hour) && literal(s, ':') && number(s, 2, 2, &f->minute) &&
               literal(s, ':') && number(s, 2, 2, &f->second);
    default:
        return literal(s, '%');
    }
}

bool mr_calendar_parse_format(const char *text, size_t len, const char *format, int64_t *ret_us)
{
    scanner s = {text, text + len};
    fields f = {.year = 1970, .month = 1, .day = 1};
    for (const char *c = format; *c; c++) {
        if (*c == ' ') {
            while (s.at < s.end && *s.at == ' ') {
                s.at++;
            }
        } else if (*c == '%' && c[1]) {
            if (!read_field(&s, *++c, &f)) {
                return false;
            }
        } else if (!literal(&s, *c)) {
            return false;
        }
    }
    if (f.has_pm) {
        f.hour = f.hour % 12 + (f.pm ? 12 : 0);
    }
    return s.at == s.end && join(&f, ret_us);
}

/* --- writing --- */

bool mr_calendar_print(int64_t us, const char *zone_text, mr_buffer *out)
{
    fields f;
    if (!split(us, &f)) {
        return false;
    }
    mr_buffer_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d", f.year, f.month, f.day, f.hour, f.minute,
                     f.second);
    if (f.micro % 1000) {
        mr_buffer_printf(out, ".%06d", f.micro);
    } else if (f.micro) {
        mr_buffer_printf(out, ".%03d", f.micro / 1000);
    }
    mr_buffer_add_text(out, zone_text);
    return true;
}

static void write_field(char field, const fields *f, int64_t us, mr_buffer *out)
{
    const char *month = months[f->month - 1];
    int64_t seconds = us / 1000000 - (us % 1000000 < 0);
    switch (field) {
    case 'Y':
        mr_buffer_printf(out, "%04d", f->year);
        break;
    case 'y':
        mr_buffer_printf(out, "%02d", f->year % 100);
        break;
    case 'm':
        mr_buffer_printf(out, "%02d", f->month);
        break;
    case 'd':
        mr_buffer_printf(out, "%02d", f->day);
        break;
    case 'j':
        mr_buffer_printf(out, "%03d", f->yday);
        break;
    case 'H':
        mr_buffer_printf(out, "%02d", f->hour);
        break;
    case 'I':
        mr_buffer_printf(out, "%02d", (f->hour + 11) % 12 + 1);
        break;
    case 'p':
        mr_buffer_add_text(out, f->hour < 12 ? "AM" : "PM");
        break;
    case 'M':
        mr_buffer_printf(out, "%02d", f->minute);
        break;
    case 'S':
        mr_buffer_printf(out, "%02d", f->second);
        break;
    case 'f':
        mr_buffer_printf(out, "%06d", f->micro);
        break;
    case 'z':
        mr_buffer_add_text(out, "+0000");
        break;
    case 'b':
        mr_buffer_add(out, month, 3);
        break;
    case 'B':
        mr_buffer_add_text(out, month);
        break;
    case 's':
        mr_buffer_printf(out, "%lld", (long long)seconds);
        break;
    case 'F':
        mr_buffer_printf(out, "%04d-%02d-%02d", f->year, f->month, f->day);
        break;
    case 'T':
        mr_buffer_printf(out, "%02d:%02d:%02d", f->hour, f->minute, f->second);
        break;
    default:
        mr_buffer_add_char(out, '%');
        break;
    }
}

bool mr_calendar_print_format(int64_t us, const char *format, mr_buffer *out)
{
    fields f;
    if (!split(us, &f)) {
        return false;
    }
    for (const char *c = format; *c; c++) {
        if (*c == '%' && c[1]) {
            write_field(*++c, &f, us, out);
        } else {
            mr_buffer_add_char(out, *c);
        }
    }
    return true;
}

const char *mr_calendar_bad_format(const char *format)
{
    for (const char *c = format; *c; c++) {
        if (*c == '%') {
            if (!c[1] || !strchr(known_formats, c[1])) {
                return c;
            }
            c++;
        }
    }
    return NULL;
}
