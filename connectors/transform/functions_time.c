/* SPDX-License-Identifier: Apache-2.0 */
/* Times in SQL: to_timestamp, to_date, format_timestamp, format_date, seconds_between,
 * minutes_between. A timestamp is a whole number of microseconds, a date one of days. */
#include <stdint.h>
#include <stdio.h>

#include "transform/calendar.h"
#include "transform/plan.h"

enum {
    PURE = SQLITE_UTF8 | SQLITE_DETERMINISTIC,
    DAYS_MAX = 5000000, /* beyond year 9999, and far from the end of 64 bits of microseconds */
};

static bool any_null(int argc, sqlite3_value **argv)
{
    for (int i = 0; i < argc; i++) {
        if (sqlite3_value_type(argv[i]) == SQLITE_NULL) {
            return true;
        }
    }
    return false;
}

/* The format argument, NULL when there is none; false: it is wrong. */
static bool read_format(sqlite3_context *context, int argc, sqlite3_value **argv, const char **ret)
{
    *ret = argc > 1 ? (const char *)sqlite3_value_text(argv[1]) : NULL;
    if (*ret && mr_calendar_bad_format(*ret)) {
        mr_function_fail(context,
                         "a time format has %Y %y %m %d %j %H %I %p %M %S %f %z %b %B %s %F %T %%",
                         argv[1]);
        return false;
    }
    return true;
}

static bool parse_time(sqlite3_context *context, int argc, sqlite3_value **argv, int64_t *ret)
{
    const char *format;
    if (any_null(argc, argv) || !read_format(context, argc, argv, &format)) {
        return false;
    }
    const char *text = (const char *)sqlite3_value_text(argv[0]);
    size_t len = (size_t)sqlite3_value_bytes(argv[0]);
    bool ok = format ? mr_calendar_parse_format(text, len, format, ret)
                     : mr_calendar_parse(text, len, ret);
    if (!ok) {
        mr_function_fail(context,
                         format ? "a time as the format says is wanted"
                                : "a time like 2019-03-23T20:21:09Z is wanted",
                         argv[0]);
    }
    return ok;
}

static void to_timestamp(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    int64_t us;
    if (parse_time(context, argc, argv, &us)) {
        sqlite3_result_int64(context, us);
    }
}

static int64_t days_of(int64_t us)
{
    return us / MR_DAY_US - (us % MR_DAY_US < 0);
}

static void to_date(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    int64_t us;
    if (parse_time(context, argc, argv, &us)) {
        sqlite3_result_int64(context, days_of(us));
    }
}

/* An integer argument; anything else is an error. */
static bool read_integer(sqlite3_context *context, sqlite3_value *value, int64_t *ret)
{
    if (sqlite3_value_type(value) != SQLITE_INTEGER) {
        mr_function_fail(context, "a timestamp or date is wanted; to_timestamp() makes one", value);
        return false;
    }
    *ret = sqlite3_value_int64(value);
    return true;
}

static void print_time(sqlite3_context *context, sqlite3_value *value, int64_t us,
                       const char *format, const char *zone)
{
    mr_buffer text = MR_BUFFER_INIT(1 << 20);
    bool ok =
        format ? mr_calendar_print_format(us, format, &text) : mr_calendar_print(us, zone, &text);
    if (!ok || text.failed) {
        mr_function_fail(context, "a time within the years 1 to 9999 is wanted", value);
    } else {
        sqlite3_result_text64(context, mr_buffer_text(&text), text.len, SQLITE_TRANSIENT,
                              SQLITE_UTF8);
    }
    mr_buffer_release(&text);
}

static void format_timestamp(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    const char *format;
    int64_t us;
    if (!any_null(argc, argv) && read_format(context, argc, argv, &format) &&
        read_integer(context, argv[0], &us)) {
        print_time(context, argv[0], us, format, sqlite3_user_data(context));
    }
}

static void format_date(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    const char *format;
    int64_t days;
    if (any_null(argc, argv) || !read_format(context, argc, argv, &format) ||
        !read_integer(context, argv[0], &days)) {
        return;
    }
    if (days > DAYS_MAX || days < -DAYS_MAX) {
        days = DAYS_MAX; /* out of the calendar: refused below */
    }
    print_time(context, argv[0], days * MR_DAY_US, format ? format : "%F", "");
}

/* From the first to the second, in the unit of the user data. */
static void time_between(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    int64_t from, to;
    if (!any_null(argc, argv) && read_integer(context, argv[0], &from) &&
        read_integer(context, argv[1], &to)) {
        double unit_us = (double)(intptr_t)sqlite3_user_data(context);
        sqlite3_result_double(context, ((double)to - (double)from) / unit_us);
    }
}

int mr_functions_register_time(sqlite3 *db)
{
    static char utc[] = "Z", local[] = "";
    const struct {
        const char *name;
        int args;
        void *data;
        void (*run)(sqlite3_context *, int, sqlite3_value **);
    } functions[] = {
        {"to_timestamp", 1, NULL, to_timestamp},
        {"to_timestamp", 2, NULL, to_timestamp},
        {"to_date", 1, NULL, to_date},
        {"to_date", 2, NULL, to_date},
        {"format_timestamp", 1, utc, format_timestamp},
        {"format_timestamp", 2, utc, format_timestamp},
        {"local_format_timestamp", 1, local, format_timestamp},
        {"local_format_timestamp", 2, local, format_timestamp},
        {"format_date", 1, NULL, format_date},
        {"format_date", 2, NULL, format_date},
        {"seconds_between", 2, (void *)(intptr_t)1000000, time_between},
        {"minutes_between", 2, (void *)(intptr_t)60000000, time_between},
    };
    int rc = SQLITE_OK;
    for (size_t i = 0; i < sizeof functions / sizeof *functions && rc == SQLITE_OK; i++) {
        rc = sqlite3_create_function(db, functions[i].name, functions[i].args, PURE,
                                     functions[i].data, functions[i].run, NULL, NULL);
    }
    return rc;
}
