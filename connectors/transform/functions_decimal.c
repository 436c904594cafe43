/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exact decimals in SQL: dec_add, dec_sub, dec_mul, dec_div, dec_round, dec_cmp, and dec_between
 * and dec_nullif that queries are rewritten to. Numbers come as text (decimal columns) or as
 * SQLite's own; a REAL counts as its shortest text, so that 0.8 is 0.8.
 */
#include <stdlib.h>

#include "transform/decimal.h"
#include "transform/plan.h"

enum { PURE = SQLITE_UTF8 | SQLITE_DETERMINISTIC };

typedef enum operation { ADD, SUB, MUL } operation;

static bool read_decimal(sqlite3_context *context, sqlite3_value *value, mr_decimal *ret)
{
    bool ok;
    switch (sqlite3_value_type(value)) {
    case SQLITE_FLOAT:
        ok = mr_decimal_from_double(sqlite3_value_double(value), ret);
        break;
    case SQLITE_BLOB:
        ok = false;
        break;
    default: {
        const char *text = (const char *)sqlite3_value_text(value);
        ok = text && mr_decimal_parse(text, (size_t)sqlite3_value_bytes(value), ret);
        break;
    }
    }
    if (!ok) {
        mr_function_fail(context, "decimal arithmetic wants a number of at most 76 digits", value);
    }
    return ok;
}

static bool any_null(int argc, sqlite3_value **argv)
{
    for (int i = 0; i < argc; i++) {
        if (sqlite3_value_type(argv[i]) == SQLITE_NULL) {
            return true;
        }
    }
    return false;
}

static void answer(sqlite3_context *context, bool ok, const mr_decimal *value)
{
    if (!ok) {
        sqlite3_result_error(context, "a decimal has more digits than can be held", -1);
        return;
    }
    mr_buffer text = MR_BUFFER_INIT(1024);
    mr_decimal_print(value, &text);
    sqlite3_result_text64(context, text.data, text.len, SQLITE_TRANSIENT, SQLITE_UTF8);
    mr_buffer_release(&text);
}

static void arithmetic(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    mr_decimal a, b, result;
    if (any_null(argc, argv) || !read_decimal(context, argv[0], &a) ||
        !read_decimal(context, argv[1], &b)) {
        return;
    }
    operation op = (operation)(intptr_t)sqlite3_user_data(context);
    bool ok =
        op == MUL ? mr_decimal_mul(&a, &b, &result) : mr_decimal_add(&a, &b, op == SUB, &result);
    answer(context, ok, &result);
}

static bool read_scale(sqlite3_context *context, sqlite3_value *value, int *ret)
{
    *ret = sqlite3_value_int(value);
    if (*ret < 0 || *ret > 38) {
        mr_function_fail(context, "the digits after the point are 0 to 38", value);
        return false;
    }
    return true;
}

static void divide(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    mr_decimal a, b, result;
    int scale;
    if (any_null(argc, argv) || !read_decimal(context, argv[0], &a) ||
        !read_decimal(context, argv[1], &b) || !read_scale(context, argv[2], &scale)) {
        return;
    }
    if (b.count > 0) { /* a division by zero is NULL, as in SQLite */
        bool ok = mr_decimal_div(&a, &b, scale, &result);
        answer(context, ok, &result);
    }
}

static void round_to(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    mr_decimal a, result;
    int scale;
    if (any_null(argc, argv) || !read_decimal(context, argv[0], &a) ||
        !read_scale(context, argv[1], &scale)) {
        return;
    }
    bool ok = mr_decimal_round(&a, scale, &result);
    answer(context, ok, &result);
}

static void compare(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    mr_decimal a, b;
    if (!any_null(argc, argv) && read_decimal(context, argv[0], &a) &&
        read_decimal(context, argv[1], &b)) {
        sqlite3_result_int(context, mr_decimal_compare(&a, &b));
    }
}

/* NULL only where SQL's x >= low AND x <= high is: one bound may decide alone. */
static void between(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc;
    mr_decimal x, bound;
    bool unknown = sqlite3_value_type(argv[0]) == SQLITE_NULL;
    if (unknown || !read_decimal(context, argv[0], &x)) {
        return;
    }
    for (int i = 1; i <= 2; i++) {
        if (sqlite3_value_type(argv[i]) == SQLITE_NULL) {
            unknown = true;
            continue;
        }
        if (!read_decimal(context, argv[i], &bound)) {
            return;
        }
        int order = mr_decimal_compare(&x, &bound);
        if (i == 1 ? order < 0 : order > 0) {
            sqlite3_result_int(context, 0);
            return;
        }
    }
    if (!unknown) {
        sqlite3_result_int(context, 1);
    }
}

static void null_if(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    mr_decimal a, b;
    if (!any_null(argc, argv)) {
        if (!read_decimal(context, argv[0], &a) || !read_decimal(context, argv[1], &b) ||
            mr_decimal_compare(&a, &b) == 0) {
            return;
        }
    }
    sqlite3_result_value(context, argv[0]);
}

int mr_functions_register_decimal(sqlite3 *db)
{
    static const struct {
        const char *name;
        int args;
        operation op;
        void (*run)(sqlite3_context *, int, sqlite3_value **);
    } functions[] = {
        {"dec_add", 2, ADD, arithmetic},  {"dec_sub", 2, SUB, arithmetic},
        {"dec_mul", 2, MUL, arithmetic},  {"dec_div", 3, ADD, divide},
        {"dec_round", 2, ADD, round_to},  {"dec_cmp", 2, ADD, compare},
        {"dec_between", 3, ADD, between}, {"dec_nullif", 2, ADD, null_if},
    };
    int rc = SQLITE_OK;
    for (size_t i = 0; i < sizeof functions / sizeof *functions && rc == SQLITE_OK; i++) {
        rc = sqlite3_create_function(db, functions[i].name, functions[i].args, PURE,
                                     (void *)(intptr_t)functions[i].op, functions[i].run, NULL,
                                     NULL);
    }
    return rc;
}
