/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The changes that the file lists, then the rule of its last line, such as EST5EDT,M3.2.0,M11.1.0,
 * for all years after them. A wall clock time is right with an offset that holds at the instant it
 * gives: the offsets of the day before and the day after are the only candidates.
 */
#include "zone.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "when.h"

enum { DAY = 86400, US = 1000000, FILE_BYTES_MAX = 1 << 20 };

typedef struct turn {
    char kind; /* M: month, week, day of the week; J: day 1..365 without 29 February; 0: day 0..365
                */
    int month, week, day;
    int64_t seconds; /* after midnight */
} turn;

struct file_zone {
    size_t count;
    int64_t *times;   /* UTC, ascending */
    int32_t *offsets; /* from then on; seconds east */
    int32_t first;    /* before them */
    bool has_rule, summer;
    int32_t standard_offset, summer_offset;
    turn begin, end;
};

/* --- The rule --- */

static bool number(const char **p, int64_t *ret)
{
    char *end;
    if (**p < '0' || **p > '9') {
        return false;
    }
    *ret = strtol(*p, &end, 10);
    *p = end;
    return true;
}

/* [+-]h[h][:mm[:ss]] */
static bool distance(const char **p, int64_t *seconds)
{
    int64_t part, unit = 3600, sign = **p == '-' ? -1 : 1;
    *p += **p == '-' || **p == '+';
    *seconds = 0;
    do {
        if (!number(p, &part)) {
            return false;
        }
        *seconds += part * unit;
        unit /= 60;
    } while (unit && **p == ':' && (*p)++);
    *seconds *= sign;
    return true;
}

static bool zone_name(const char **p)
{
    const char *first = *p;
    *p += **p == '<' ? strcspn(*p, ">") + 1 : strcspn(*p, "+-0123456789,\n");
    return *p > first + 2 && *p <= first + strlen(first);
}

static bool read_turn(const char **p, turn *t)
{
    int64_t month = 0, week = 0, day;
    if (*(*p)++ != ',') {
        return false;
    }
    t->kind = **p == 'M' || **p == 'J' ? *(*p)++ : '\0';
    if (t->kind == 'M' && (!number(p, &month) || *(*p)++ != '.' || !number(p, &week) ||
                           *(*p)++ != '.' || month < 1 || month > 12 || week < 1 || week > 5)) {
        return false;
    }
    if (!number(p, &day) || day > 366) {
        return false;
    }
    t->month = (int)month;
    t->week = (int)week;
    t->day = (int)day;
    t->seconds = 7200;
    return **p != '/' || ((*p)++, distance(p, &t->seconds));
}

static bool read_rule(file_zone *zone, const char *text)
{
    int64_t west, summer_west;
    if (!zone_name(&text) || !distance(&text, &west)) {
        return false;
    }
    zone->standard_offset = (int32_t)-west;
    zone->has_rule = true;
    if (!*text) {
        return true;
    }
    summer_west = west - 3600;
    if (!zone_name(&text) || (*text != ',' && !distance(&text, &summer_west))) {
        return false;
    }
    zone->summer_offset = (int32_t)-summer_west;
    zone->summer = true;
    return read_turn(&text, &zone->begin) && read_turn(&text, &zone->end) && !*text;
}

static bool leap(unsigned year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* When the clocks turn in a year, as seconds of the wall clock. */
static int64_t turn_in(const turn *t, unsigned year)
{
    int64_t day = file_days_of(year, 1, 1);
    if (t->kind == 'M') {
        day = file_days_of(year, (unsigned)t->month, 1);
        int64_t next = t->month == 12 ? file_days_of(year + 1, 1, 1)
                                      : file_days_of(year, (unsigned)t->month + 1, 1);
        int64_t weekday = ((day + 4) % 7 + 7) % 7;
        day += (t->day - weekday + 7) % 7 + (t->week - 1) * 7;
        day -= day >= next ? 7 : 0;
    } else if (t->kind == 'J') {
        day += t->day - 1 + (leap(year) && t->day >= 60);
    } else {
        day += t->day;
    }
    return day * DAY + t->seconds;
}

static int32_t by_rule(const file_zone *zone, int64_t utc)
{
    if (!zone->summer) {
        return zone->standard_offset;
    }
    int64_t days = (utc + zone->standard_offset) / DAY;
    unsigned year = (unsigned)(1970 + days / 366);
    while (file_days_of(year + 1, 1, 1) <= days) {
        year++;
    }
    int64_t begin = turn_in(&zone->begin, year) - zone->standard_offset;
    int64_t end = turn_in(&zone->end, year) - zone->summer_offset;
    bool summer = begin < end ? utc >= begin && utc < end : utc >= begin || utc < end;
    return summer ? zone->summer_offset : zone->standard_offset;
}

static int32_t offset_at(const file_zone *zone, int64_t utc)
{
    size_t low = 0, high = zone->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zone->times[middle] <= utc) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == zone->count && zone->has_rule && (utc > 0 || !zone->count)) {
        return by_rule(zone, utc > 0 ? utc : 0);
    }
    return low ? zone->offsets[low - 1] : zone->first;
}

bool file_zone_to_utc(const file_zone *zone, int64_t local_us, int64_t *utc_us)
{
    int64_t part = (local_us % US + US) % US, local = (local_us - part) / US;
    for (int day = -1; day <= 1; day += 2) {
        int32_t offset = offset_at(zone, local + day * DAY);
        if (offset_at(zone, local - offset) == offset) {
            *utc_us = (local - offset) * US + part;
            return true;
        }
    }
    return false;
}

/* --- The file --- */

static int64_t big_endian(const unsigned char *p, int bytes)
{
    uint64_t value = p[0] & 0x80 ? UINT64_MAX : 0;
    for (int i = 0; i < bytes; i++) {
        value = value << 8 | p[i];
    }
    return (int64_t)value;
}

typedef struct block {
    size_t utc, standard, leaps, times, types, letters;
} block;

/* The counts of a header of 44 bytes at p. */
static bool read_header(const unsigned char *p, size_t len, block *b)
{
    if (len < 44 || memcmp(p, "TZif", 4) != 0) {
        return false;
    }
    size_t *counts[] = {&b->utc, &b->standard, &b->leaps, &b->times, &b->types, &b->letters};
    for (size_t i = 0; i < 6; i++) {
        int64_t n = big_endian(p + 20 + 4 * i, 4);
        if (n < 0 || n > FILE_BYTES_MAX) {
            return false;
        }
        *counts[i] = (size_t)n;
    }
    return true;
}

static size_t block_bytes(const block *b, size_t time_bytes)
{
    return b->times * (time_bytes + 1) + b->types * 6 + b->letters + b->leaps * (time_bytes + 4) +
           b->standard + b->utc;
}

static bool parse(file_zone *zone, unsigned char *data, size_t len)
{
    block b;
    if (!read_header(data, len, &b) || data[4] < '2') {
        return false;
    }
    size_t skip = 44 + block_bytes(&b, 4);
    if (skip > len || !read_header(data + skip, len - skip, &b)) {
        return false;
    }
    const unsigned char *times = data + skip + 44, *kinds = times + b.times * 8;
    const unsigned char *types = kinds + b.times;
    size_t used = skip + 44 + block_bytes(&b, 8);
    if (used + 2 > len || !b.types || data[used] != '\n' || data[len - 1] != '\n') {
        return false;
    }
    zone->times = mr_calloc(b.times + 1, sizeof *zone->times);
    zone->offsets = mr_calloc(b.times + 1, sizeof *zone->offsets);
    zone->first = (int32_t)big_endian(types, 4);
    for (zone->count = 0; zone->count < b.times; zone->count++) {
        size_t i = zone->count;
        if (kinds[i] >= b.types) {
            return false;
        }
        zone->times[i] = big_endian(times + 8 * i, 8);
        zone->offsets[i] = (int32_t)big_endian(types + 6 * (size_t)kinds[i], 4);
    }
    data[len - 1] = '\0';
    const char *rule = (const char *)data + used + 1;
    return !*rule || read_rule(zone, rule);
}

static bool fixed(const char *name, file_zone *zone)
{
    file_timestamp at;
    mr_auto_free char *text = mr_format("1970-01-01T00:00%s", name);
    if (strcmp(name, "UTC") == 0 || strcmp(name, "Z") == 0) {
        return true;
    }
    if (*name != '+' && *name != '-') {
        return false;
    }
    bool good = file_parse_timestamp(text, strlen(text), &at) && at.zoned;
    zone->first = good ? (int32_t)(-at.us / US) : 0;
    return good;
}

/* Parts of letters, digits and - _ +, with / between: no way out of the database's folder. */
static bool is_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "-_+/";
    return *name && *name != '/' && strlen(name) < 64 && strspn(name, letters) == strlen(name);
}

static bool load(const char *name, file_zone *zone)
{
    mr_auto_free char *path = mr_format("/usr/share/zoneinfo/%s", name);
    mr_auto_fclose FILE *file = is_name(name) ? fopen(path, "rbe") : NULL;
    if (!file) {
        return false;
    }
    mr_auto_free unsigned char *data = mr_alloc(FILE_BYTES_MAX);
    size_t len = fread(data, 1, FILE_BYTES_MAX, file);
    return !ferror(file) && len < FILE_BYTES_MAX && parse(zone, data, len);
}

mr_status file_zone_load(const char *name, file_zone **ret, mr_error *err)
{
    file_zone *zone = mr_calloc(1, sizeof *zone);
    *ret = zone;
    if (fixed(name, zone) || load(name, zone)) {
        return MR_OK;
    }
    file_zone_free(zone);
    *ret = NULL;
    return mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                   "there is no time zone \"%s\" here; give a name of the time zone database "
                   "(America/New_York; package tzdata), UTC, or a distance such as +01:00",
                   name);
}

void file_zone_free(file_zone *zone)
{
    if (zone) {
        free(zone->times);
        free(zone->offsets);
        free(zone);
    }
}
