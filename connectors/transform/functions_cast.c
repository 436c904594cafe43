/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CAST in queries becomes cast_<type>(value, type of the value[, precision, scale]): what does not
 * convert is an error of that row, where SQLite's own CAST would answer 0 or the year of a date.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "transform/calendar.h"
#include "transform/cell_text.h"
#include "transform/columns.h"
#include "transform/decimal.h"
#include "transform/plan.h"

enum { PURE = SQLITE_UTF8 | SQLITE_DETERMINISTIC };

typedef struct argument {
    sqlite3_value *value;
    int class;
    const char *text; /* of TEXT, without blanks around */
    size_t len;
    mr_type type;
} argument;

static argument read_argument(sqlite3_value **argv)
{
    argument a = {argv[0], sqlite3_value_type(argv[0]), "", 0, (mr_type)sqlite3_value_int(argv[1])};
    if (a.class == SQLITE_TEXT) {
        a.text = (const char *)sqlite3_value_text(argv[0]);
        a.len = (size_t)sqlite3_value_bytes(argv[0]);
        while (a.len && *a.text == ' ') {
            a.text++;
            a.len--;
        }
        while (a.len && a.text[a.len - 1] == ' ') {
            a.len--;
        }
    }
    return a;
}

/* A REAL as a whole number, cut towards zero. */
static bool double_to_integer(double d, int64_t *ret)
{
    if (!(d >= -9223372036854775808.0 && d < 9223372036854775808.0)) {
        return false;
    }
    *ret = (int64_t)d;
    return true;
}

/* Digits with a sign; or a decimal, cut towards zero. */
static bool text_to_integer(const argument *a, int64_t *ret)
{
    char copy[96], *end;
    const char *point = memchr(a->text, '.', a->len);
    size_t len = a->type == MR_DECIMAL && point ? (size_t)(point - a->text) : a->len;
    if (len == 0 || len >= sizeof copy) {
        return false;
    }
    memcpy(copy, a->text, len);
    copy[len] = '\0';
    errno = 0;
    *ret = strtoll(copy, &end, 10);
    return errno == 0 && *end == '\0' && end > copy;
}

static void cast_integer(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc;
    argument a = read_argument(argv);
    int64_t i = 0;
    bool ok = false;
    if (a.class == SQLITE_NULL) {
        return;
    }
    if (a.class == SQLITE_INTEGER) {
        i = sqlite3_value_int64(a.value);
        ok = true;
    } else if (a.class == SQLITE_FLOAT) {
        ok = double_to_integer(sqlite3_value_double(a.value), &i);
    } else if (a.class == SQLITE_TEXT) {
        ok = text_to_integer(&a, &i);
    }
    if (ok) {
        sqlite3_result_int64(context, i);
    } else {
        mr_function_fail(context, "CAST AS INTEGER wants a whole number of 64 bits", a.value);
    }
}

static bool text_to_double(const argument *a, double *ret)
{
    char copy[400], *end;
    if (a->len == 0 || a->len >= sizeof copy || strpbrk(a->text, "xX")) { /* no hexadecimal */
        return false;
    }
    memcpy(copy, a->text, a->len);
    copy[a->len] = '\0';
    *ret = strtod(copy, &end);
    return *end == '\0' && end > copy && isfinite(*ret);
}

static void cast_real(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc;
    argument a = read_argument(argv);
    double d = 0;
    bool ok = a.class == SQLITE_INTEGER || a.class == SQLITE_FLOAT;
    if (a.class == SQLITE_NULL) {
        return;
    }
    if (ok) {
        d = sqlite3_value_double(a.value);
    } else if (a.class == SQLITE_TEXT) {
        ok = text_to_double(&a, &d);
    }
    if (ok) {
        sqlite3_result_double(context, d);
    } else {
        mr_function_fail(context, "CAST AS REAL wants a number", a.value);
    }
}

static void result_buffer(sqlite3_context *context, mr_buffer *text)
{
    sqlite3_result_text64(context, mr_buffer_text(text), text->len, SQLITE_TRANSIENT, SQLITE_UTF8);
    mr_buffer_release(text);
}

static void integer_as_text(sqlite3_context *context, const argument *a)
{
    int64_t i = sqlite3_value_int64(a->value);
    mr_buffer text = MR_BUFFER_INIT(256);
    bool ok = true;
    if (a->type == MR_BOOL) {
        mr_buffer_add_text(&text, i ? "true" : "false");
    } else if (a->type == MR_TIMESTAMP_US || a->type == MR_LOCAL_TIMESTAMP_US) {
        ok = mr_calendar_print(i, a->type == MR_TIMESTAMP_US ? "Z" : "", &text);
    } else if (a->type == MR_DATE) {
        ok = i >= INT64_MIN / MR_DAY_US && i <= INT64_MAX / MR_DAY_US &&
             mr_calendar_print_format(i * MR_DAY_US, "%F", &text);
    } else if (a->type == MR_TIME_US) {
        ok = mr_calendar_print_format(i, i % 1000000 ? "%T.%f" : "%T", &text);
    } else {
        mr_buffer_printf(&text, "%lld", (long long)i);
    }
    if (ok) {
        result_buffer(context, &text);
    } else {
        mr_buffer_release(&text);
        mr_function_fail(context, "a time within the years 1 to 9999 is wanted", a->value);
    }
}

static void cast_text(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc;
    argument a = read_argument(argv);
    char number[32];
    switch (a.class) {
    case SQLITE_NULL:
        break;
    case SQLITE_INTEGER:
        integer_as_text(context, &a);
        break;
    case SQLITE_FLOAT:
        sqlite3_result_text64(context, number,
                              mr_double_text(sqlite3_value_double(a.value), number),
                              SQLITE_TRANSIENT, SQLITE_UTF8);
        break;
    default: /* text as it is, bytes taken as text: UTF-8 is checked on the way out */
        sqlite3_result_text64(context, (const char *)sqlite3_value_text(a.value),
                              (sqlite3_uint64)sqlite3_value_bytes(a.value), SQLITE_TRANSIENT,
                              SQLITE_UTF8);
        break;
    }
}

static void cast_blob(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc;
    int class = sqlite3_value_type(argv[0]);
    if (class == SQLITE_TEXT || class == SQLITE_BLOB) {
        const void *data = sqlite3_value_blob(argv[0]);
        sqlite3_result_blob64(context, data ? data : "",
                              (sqlite3_uint64)sqlite3_value_bytes(argv[0]), SQLITE_TRANSIENT);
    } else if (class != SQLITE_NULL) {
        mr_function_fail(context, "CAST AS BLOB wants text or bytes", argv[0]);
    }
}

static bool is_word(const argument *a, const char *word)
{
    return a->len == strlen(word) && strncasecmp(a->text, word, a->len) == 0;
}

static void cast_boolean(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc;
    argument a = read_argument(argv);
    if (a.class == SQLITE_NULL) {
        return;
    }
    mr_decimal d;
    if (a.class == SQLITE_INTEGER || a.class == SQLITE_FLOAT) {
        sqlite3_result_int(context, sqlite3_value_double(a.value) != 0);
    } else if (is_word(&a, "true") || is_word(&a, "t") || is_word(&a, "yes") || is_word(&a, "y")) {
        sqlite3_result_int(context, 1);
    } else if (is_word(&a, "false") || is_word(&a, "f") || is_word(&a, "no") || is_word(&a, "n")) {
        sqlite3_result_int(context, 0);
    } else if (a.class == SQLITE_TEXT && mr_decimal_parse(a.text, a.len, &d)) {
        sqlite3_result_int(context, d.count > 0);
    } else {
        mr_function_fail(context, "CAST AS BOOLEAN wants true, false, yes, no or a number",
                         a.value);
    }
}

static void cast_decimal(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc;
    argument a = read_argument(argv);
    int precision = sqlite3_value_int(argv[2]), scale = sqlite3_value_int(argv[3]);
    mr_decimal exact, rounded;
    bool ok = false;
    if (a.class == SQLITE_NULL) {
        return;
    }
    if (a.class == SQLITE_FLOAT) {
        ok = mr_decimal_from_double(sqlite3_value_double(a.value), &exact);
    } else if (a.class == SQLITE_INTEGER) {
        const char *text = (const char *)sqlite3_value_text(a.value);
        ok = mr_decimal_parse(text, strlen(text), &exact);
    } else if (a.class == SQLITE_TEXT) {
        ok = mr_decimal_parse(a.text, a.len, &exact);
    }
    if (!ok || !mr_decimal_round(&exact, scale, &rounded) ||
        mr_decimal_digits(&rounded) > precision) {
        char what[80];
        snprintf(what, sizeof what, "CAST AS DECIMAL(%d, %d) wants a number that fits", precision,
                 scale);
        mr_function_fail(context, what, a.value);
        return;
    }
    mr_buffer text = MR_BUFFER_INIT(1024);
    mr_decimal_print(&rounded, &text);
    result_buffer(context, &text);
}

static void cast_timestamp(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc;
    argument a = read_argument(argv);
    int64_t us;
    if (a.class == SQLITE_INTEGER) {
        us = sqlite3_value_int64(a.value);
        if (a.type == MR_DATE) {
            if (us > INT64_MAX / MR_DAY_US || us < INT64_MIN / MR_DAY_US) {
                mr_function_fail(context, "a date within the years 1 to 9999 is wanted", a.value);
                return;
            }
            us *= MR_DAY_US;
        }
        sqlite3_result_int64(context, us);
    } else if (a.class == SQLITE_TEXT && mr_calendar_parse(a.text, a.len, &us)) {
        sqlite3_result_int64(context, us);
    } else if (a.class != SQLITE_NULL) {
        mr_function_fail(context, "CAST AS TIMESTAMP wants a time like 2019-03-23T20:21:09Z",
                         a.value);
    }
}

static void cast_date(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc;
    argument a = read_argument(argv);
    int64_t i;
    bool is_us = a.type == MR_TIMESTAMP_US || a.type == MR_LOCAL_TIMESTAMP_US;
    if (a.class == SQLITE_INTEGER) {
        i = sqlite3_value_int64(a.value);
    } else if (a.class == SQLITE_TEXT && mr_calendar_parse(a.text, a.len, &i)) {
        is_us = true;
    } else {
        if (a.class != SQLITE_NULL) {
            mr_function_fail(context, "CAST AS DATE wants a date like 2019-03-23", a.value);
        }
        return;
    }
    sqlite3_result_int64(context, is_us ? i / MR_DAY_US - (i % MR_DAY_US < 0) : i);
}

static void cast_uuid(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc;
    argument a = read_argument(argv);
    if (a.class == SQLITE_NULL) {
        return;
    }
    char text[36];
    bool ok = a.class == SQLITE_TEXT && a.len == sizeof text;
    for (size_t i = 0; ok && i < sizeof text; i++) {
        char c = a.text[i];
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (c >= 'A' && c <= 'F') {
            c = (char)(c - 'A' + 'a');
        }
        ok = dash ? c == '-' : (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        text[i] = c;
    }
    if (ok) {
        sqlite3_result_text64(context, text, sizeof text, SQLITE_TRANSIENT, SQLITE_UTF8);
    } else {
        mr_function_fail(context, "CAST AS UUID wants 36 characters with dashes", a.value);
    }
}

int mr_functions_register_casts(sqlite3 *db)
{
    static const struct {
        const char *name;
        int args;
        void (*run)(sqlite3_context *, int, sqlite3_value **);
    } functions[] = {
        {"cast_integer", 2, cast_integer}, {"cast_real", 2, cast_real},
        {"cast_text", 2, cast_text},       {"cast_blob", 2, cast_blob},
        {"cast_boolean", 2, cast_boolean}, {"cast_decimal", 4, cast_decimal},
        {"cast_date", 2, cast_date},       {"cast_timestamp", 2, cast_timestamp},
        {"cast_uuid", 2, cast_uuid},
    };
    int rc = SQLITE_OK;
    for (size_t i = 0; i < sizeof functions / sizeof *functions && rc == SQLITE_OK; i++) {
        rc = sqlite3_create_function(db, functions[i].name, functions[i].args, PURE, NULL,
                                     functions[i].run, NULL, NULL);
    }
    return rc;
}
