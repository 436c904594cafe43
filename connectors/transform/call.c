/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Function calls and CAST: which functions there are, what they take and what they give. The table
 * is the list of what queries may call at all; SQLite's authorizer asks it again (plan.c). CAST
 * becomes a function of ours that refuses what does not convert, where SQLite's would give 0.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/options.h"
#include "transform/parser.h"

typedef enum rule {
    GIVES_STRING,
    GIVES_LONG,
    GIVES_DOUBLE,
    GIVES_BOOL,
    GIVES_BYTES,
    GIVES_ANY,
    GIVES_TIMESTAMP,
    GIVES_DATE,
    GIVES_UUID,
    GIVES_NUMBER,  /* long for whole numbers, else double */
    GIVES_FIRST,   /* the type of the first argument */
    GIVES_COMMON,  /* the type that holds all arguments */
    GIVES_CHOICE,  /* iif: of the second and third */
    GIVES_WIDEST,  /* dec_add, dec_sub: the larger scale */
    GIVES_PRODUCT, /* dec_mul: the scales' sum */
    GIVES_SCALE,   /* dec_div, dec_round: the last argument is the scale */
    GIVES_OLD,
    AGGREGATES,
    VARIES, /* with the moment, not with the record */
} rule;

enum { NULL_IF_ANY, NULL_IF_ALL, NULL_MAYBE, NULL_NEVER };

/* Arguments, one letter each, the last repeated: n number, t text, T timestamp, D date, d exact
 * number (also as text), c condition, a anything. */
typedef struct function {
    const char *name;
    int min, max;
    const char *takes;
    rule gives;
    int nulls;
} function;

static const function functions[] = {
    /* ours */
    {"old", 1, 1, "t", GIVES_OLD, NULL_MAYBE},
    {"uuid5", 2, 2, "ta", GIVES_UUID, NULL_IF_ANY},
    {"now", 0, 0, "", GIVES_TIMESTAMP, NULL_NEVER},
    {"to_timestamp", 1, 2, "tt", GIVES_TIMESTAMP, NULL_IF_ANY},
    {"to_date", 1, 2, "tt", GIVES_DATE, NULL_IF_ANY},
    {"format_timestamp", 1, 2, "Tt", GIVES_STRING, NULL_IF_ANY},
    {"format_date", 1, 2, "Dt", GIVES_STRING, NULL_IF_ANY},
    {"seconds_between", 2, 2, "T", GIVES_DOUBLE, NULL_IF_ANY},
    {"minutes_between", 2, 2, "T", GIVES_DOUBLE, NULL_IF_ANY},
    {"dec_add", 2, 2, "d", GIVES_WIDEST, NULL_IF_ANY},
    {"dec_sub", 2, 2, "d", GIVES_WIDEST, NULL_IF_ANY},
    {"dec_mul", 2, 2, "d", GIVES_PRODUCT, NULL_IF_ANY},
    {"dec_div", 3, 3, "ddn", GIVES_SCALE, NULL_MAYBE},
    {"dec_round", 2, 2, "dn", GIVES_SCALE, NULL_IF_ANY},
    {"dec_cmp", 2, 2, "d", GIVES_LONG, NULL_IF_ANY},
    /* SQLite's: sqlite.org/lang_corefunc.html */
    {"abs", 1, 1, "n", GIVES_NUMBER, NULL_IF_ANY},
    {"char", 1, 100, "n", GIVES_STRING, NULL_NEVER},
    {"coalesce", 2, 100, "a", GIVES_COMMON, NULL_IF_ALL},
    {"format", 1, 100, "a", GIVES_STRING, NULL_MAYBE},
    {"glob", 2, 2, "t", GIVES_BOOL, NULL_IF_ANY},
    {"hex", 1, 1, "a", GIVES_STRING, NULL_NEVER},
    {"ifnull", 2, 2, "a", GIVES_COMMON, NULL_IF_ALL},
    {"iif", 3, 3, "caa", GIVES_CHOICE, NULL_IF_ANY},
    {"instr", 2, 2, "a", GIVES_LONG, NULL_IF_ANY},
    {"length", 1, 1, "a", GIVES_LONG, NULL_IF_ANY},
    {"like", 2, 3, "t", GIVES_BOOL, NULL_IF_ANY},
    {"likelihood", 2, 2, "an", GIVES_FIRST, NULL_IF_ANY},
    {"likely", 1, 1, "a", GIVES_FIRST, NULL_IF_ANY},
    {"lower", 1, 1, "t", GIVES_STRING, NULL_IF_ANY},
    {"ltrim", 1, 2, "t", GIVES_STRING, NULL_IF_ANY},
    {"max", 2, 100, "a", GIVES_COMMON, NULL_IF_ANY},
    {"min", 2, 100, "a", GIVES_COMMON, NULL_IF_ANY},
    {"nullif", 2, 2, "a", GIVES_FIRST, NULL_MAYBE},
    {"printf", 1, 100, "a", GIVES_STRING, NULL_MAYBE},
    {"quote", 1, 1, "a", GIVES_STRING, NULL_NEVER},
    {"replace", 3, 3, "t", GIVES_STRING, NULL_IF_ANY},
    {"round", 1, 2, "n", GIVES_DOUBLE, NULL_IF_ANY},
    {"rtrim", 1, 2, "t", GIVES_STRING, NULL_IF_ANY},
    {"sign", 1, 1, "n", GIVES_LONG, NULL_MAYBE},
    {"substr", 2, 3, "tn", GIVES_STRING, NULL_IF_ANY},
    {"substring", 2, 3, "tn", GIVES_STRING, NULL_IF_ANY},
    {"trim", 1, 2, "t", GIVES_STRING, NULL_IF_ANY},
    {"typeof", 1, 1, "a", GIVES_STRING, NULL_NEVER},
    {"unicode", 1, 1, "t", GIVES_LONG, NULL_MAYBE},
    {"unlikely", 1, 1, "a", GIVES_FIRST, NULL_IF_ANY},
    {"upper", 1, 1, "t", GIVES_STRING, NULL_IF_ANY},
    {"zeroblob", 1, 1, "n", GIVES_BYTES, NULL_MAYBE},
    /* sqlite.org/lang_mathfunc.html */
    {"acos", 1, 1, "n", GIVES_DOUBLE, NULL_MAYBE},
    {"asin", 1, 1, "n", GIVES_DOUBLE, NULL_MAYBE},
    {"atan", 1, 1, "n", GIVES_DOUBLE, NULL_MAYBE},
    {"atan2", 2, 2, "n", GIVES_DOUBLE, NULL_MAYBE},
    {"ceil", 1, 1, "n", GIVES_NUMBER, NULL_MAYBE},
    {"ceiling", 1, 1, "n", GIVES_NUMBER, NULL_MAYBE},
    {"cos", 1, 1, "n", GIVES_DOUBLE, NULL_MAYBE},
    {"degrees", 1, 1, "n", GIVES_DOUBLE, NULL_MAYBE},
    {"exp", 1, 1, "n", GIVES_DOUBLE, NULL_MAYBE},
    {"floor", 1, 1, "n", GIVES_NUMBER, NULL_MAYBE},
    {"ln", 1, 1, "n", GIVES_DOUBLE, NULL_MAYBE},
    {"log", 1, 2, "n", GIVES_DOUBLE, NULL_MAYBE},
    {"log10", 1, 1, "n", GIVES_DOUBLE, NULL_MAYBE},
    {"log2", 1, 1, "n", GIVES_DOUBLE, NULL_MAYBE},
    {"mod", 2, 2, "n", GIVES_DOUBLE, NULL_MAYBE},
    {"pi", 0, 0, "", GIVES_DOUBLE, NULL_NEVER},
    {"pow", 2, 2, "n", GIVES_DOUBLE, NULL_MAYBE},
    {"power", 2, 2, "n", GIVES_DOUBLE, NULL_MAYBE},
    {"radians", 1, 1, "n", GIVES_DOUBLE, NULL_MAYBE},
    {"sin", 1, 1, "n", GIVES_DOUBLE, NULL_MAYBE},
    {"sqrt", 1, 1, "n", GIVES_DOUBLE, NULL_MAYBE},
    {"tan", 1, 1, "n", GIVES_DOUBLE, NULL_MAYBE},
    {"trunc", 1, 1, "n", GIVES_NUMBER, NULL_MAYBE},
    /* sqlite.org/lang_datefunc.html */
    {"date", 0, 100, "t", GIVES_STRING, NULL_MAYBE},
    {"datetime", 0, 100, "t", GIVES_STRING, NULL_MAYBE},
    {"julianday", 0, 100, "t", GIVES_DOUBLE, NULL_MAYBE},
    {"strftime", 1, 100, "t", GIVES_STRING, NULL_MAYBE},
    {"time", 0, 100, "t", GIVES_STRING, NULL_MAYBE},
    {"unixepoch", 0, 100, "t", GIVES_LONG, NULL_MAYBE},
    /* sqlite.org/json1.html */
    {"json", 1, 1, "t", GIVES_STRING, NULL_IF_ANY},
    {"json_array", 0, 100, "a", GIVES_STRING, NULL_NEVER},
    {"json_array_length", 1, 2, "t", GIVES_LONG, NULL_MAYBE},
    {"json_extract", 2, 100, "t", GIVES_ANY, NULL_MAYBE},
    {"json_insert", 1, 100, "a", GIVES_STRING, NULL_MAYBE},
    {"json_object", 0, 100, "a", GIVES_STRING, NULL_NEVER},
    {"json_patch", 2, 2, "t", GIVES_STRING, NULL_MAYBE},
    {"json_quote", 1, 1, "a", GIVES_STRING, NULL_NEVER},
    {"json_remove", 1, 100, "t", GIVES_STRING, NULL_MAYBE},
    {"json_replace", 1, 100, "a", GIVES_STRING, NULL_MAYBE},
    {"json_set", 1, 100, "a", GIVES_STRING, NULL_MAYBE},
    {"json_type", 1, 2, "t", GIVES_STRING, NULL_MAYBE},
    {"json_valid", 1, 1, "t", GIVES_BOOL, NULL_IF_ANY},
    /* allowed in sub-queries over json_each() only */
    {"avg", 1, 1, "n", AGGREGATES, NULL_MAYBE},
    {"count", 0, 1, "a", AGGREGATES, NULL_MAYBE},
    {"group_concat", 1, 2, "a", AGGREGATES, NULL_MAYBE},
    {"json_group_array", 1, 1, "a", AGGREGATES, NULL_MAYBE},
    {"json_group_object", 2, 2, "a", AGGREGATES, NULL_MAYBE},
    {"sum", 1, 1, "n", AGGREGATES, NULL_MAYBE},
    {"total", 1, 1, "n", AGGREGATES, NULL_MAYBE},
    /* refused with their reason */
    {"changes", 0, 0, "", VARIES, NULL_MAYBE},
    {"last_insert_rowid", 0, 0, "", VARIES, NULL_MAYBE},
    {"random", 0, 0, "", VARIES, NULL_MAYBE},
    {"randomblob", 1, 1, "n", VARIES, NULL_MAYBE},
    {"total_changes", 0, 0, "", VARIES, NULL_MAYBE},
};
enum { FUNCTION_COUNT = sizeof functions / sizeof *functions };

static const function *find_function(const char *name)
{
    for (size_t i = 0; i < FUNCTION_COUNT; i++) {
        if (strcasecmp(functions[i].name, name) == 0) {
            return &functions[i];
        }
    }
    return NULL;
}

const char *mr_function_nearest(const char *name)
{
    const char *names[FUNCTION_COUNT + 1];
    size_t count = 0;
    for (size_t i = 0; i < FUNCTION_COUNT; i++) {
        if (functions[i].gives != VARIES && functions[i].gives != AGGREGATES) {
            names[count++] = functions[i].name;
        }
    }
    names[count] = NULL;
    return mr_nearest(names, name);
}

static const struct {
    const char *names[6];
    mr_type type;
    const char *function;
} casts[] = {
    {{"INTEGER", "INT", "BIGINT", "LONG"}, MR_LONG, "cast_integer"},
    {{"REAL", "DOUBLE", "FLOAT"}, MR_DOUBLE, "cast_real"},
    {{"TEXT", "STRING", "VARCHAR"}, MR_STRING, "cast_text"},
    {{"BLOB", "BYTES", "BYTEA"}, MR_BYTES, "cast_blob"},
    {{"BOOLEAN", "BOOL"}, MR_BOOL, "cast_boolean"},
    {{"DECIMAL", "NUMERIC"}, MR_DECIMAL, "cast_decimal"},
    {{"TIMESTAMP"}, MR_TIMESTAMP_US, "cast_timestamp"},
    {{"DATE"}, MR_DATE, "cast_date"},
    {{"UUID"}, MR_UUID, "cast_uuid"},
};
enum { CAST_COUNT = sizeof casts / sizeof *casts };

bool mr_function_allowed(const char *name)
{
    static const char *const rewritten[] = {"dec_between", "dec_nullif", "local_format_timestamp",
                                            "->",          "->>",        NULL};
    for (size_t i = 0; rewritten[i]; i++) {
        if (strcasecmp(rewritten[i], name) == 0) {
            return true;
        }
    }
    const function *f = find_function(name);
    return (f && f->gives != VARIES) || strncmp(name, "cast_", 5) == 0;
}

static bool check_argument(mr_parser *p, const function *f, char takes, const mr_node *node)
{
    mr_type type = node->type.type;
    bool open = type == MR_SQL_ANY || type == MR_NULL, number = mr_type_is_number(type);
    bool ok = true;
    const char *wanted = "";
    if (takes == 'n') {
        ok = open || number || type == MR_DECIMAL;
        wanted = "a number; CAST(... AS REAL) makes one";
    } else if (takes == 'd') {
        ok = open || number || type == MR_DECIMAL || type == MR_STRING;
        wanted = "a number";
    } else if (takes == 't') {
        ok = !mr_type_is_timestamp(type) && type != MR_DATE && type != MR_TIME_US;
        wanted = "text; format_timestamp() and format_date() make it of times";
    } else if (takes == 'T') {
        ok = open || mr_type_is_timestamp(type) || type == MR_LONG || type == MR_TIME_US;
        wanted = "a timestamp; to_timestamp() makes one of text";
    } else if (takes == 'D') {
        ok = open || type == MR_DATE || type == MR_LONG;
        wanted = "a date; to_date() makes one of text";
    } else if (takes == 'c') {
        return mr_type_condition(p, node);
    }
    if (!ok) {
        return mr_parser_fail(p, node->first, "%s() gets a %s here and wants %s", f->name,
                              mr_sql_type_name(type), wanted);
    }
    return true;
}

static bool read_arguments(mr_parser *p, const function *f, mr_node *args, int *count)
{
    *count = 0;
    while (!mr_token_is(p->at, ")")) {
        if (*count == MR_CALL_ARGUMENTS_MAX) {
            return mr_parser_fail(p, p->at, "%s() has more than %d arguments", f->name,
                                  MR_CALL_ARGUMENTS_MAX);
        }
        if (*count > 0 && !mr_parser_expect(p, ",")) {
            return false;
        }
        mr_node *arg = &args[*count];
        if (!mr_parse_expression(p, 1, arg)) {
            return false;
        }
        size_t last = strlen(f->takes) - 1, i = (size_t)*count < last ? (size_t)*count : last;
        if (*f->takes && !check_argument(p, f, f->takes[i], arg)) {
            return false;
        }
        (*count)++;
    }
    mr_parser_emit(p);
    return true;
}

/* The whole number a literal argument stands for; -1: it is none within 0..38. */
static int literal_scale(const mr_node *node)
{
    if (!node->literal || node->literal->kind != MR_TOKEN_INTEGER || node->literal->len > 2) {
        return -1;
    }
    int scale = atoi(node->literal->text);
    return node->first == node->literal && scale <= 38 ? scale : -1;
}

static bool decimal_type(mr_parser *p, const function *f, const mr_node *args, int count,
                         mr_sql_type *ret)
{
    int scale = -1;
    if (f->gives == GIVES_SCALE) {
        scale = literal_scale(&args[count - 1]);
        if (scale < 0) {
            return mr_parser_fail(p, args[count - 1].first,
                                  "%s() wants its digits after the point here: 0 to 38, as a "
                                  "number in the query",
                                  f->name);
        }
    } else {
        if (mr_type_unknown(p, &args[0]) || mr_type_unknown(p, &args[1])) {
            *ret = (mr_sql_type){MR_SQL_ANY, false, 0, 0};
            return true;
        }
        int a = mr_type_scale(&args[0]), b = mr_type_scale(&args[1]);
        if (a >= 0 && b >= 0) {
            scale = f->gives == GIVES_PRODUCT ? a + b : a > b ? a : b;
        }
    }
    /* Where the scale is not known from the text, the exact result stays text. */
    *ret = scale >= 0 && scale <= 38 ? (mr_sql_type){MR_DECIMAL, false, 38, scale}
                                     : (mr_sql_type){MR_STRING, false, 0, 0};
    return true;
}

static bool common_type(mr_parser *p, const function *f, const mr_node *args, int count,
                        mr_sql_type *ret)
{
    int from = f->gives == GIVES_CHOICE ? 1 : 0;
    mr_node common = args[from];
    for (int i = from + 1; i < count; i++) {
        if (!mr_type_unify(p, &common, &args[i], &common.type)) {
            return false;
        }
        common.literal = NULL;
    }
    if (common.type.type == MR_DECIMAL && f->nulls == NULL_IF_ANY && from == 0) {
        return mr_parser_fail(p, args[0].first,
                              "%s() compares the text of decimals; write CASE WHEN a < b THEN a "
                              "ELSE b END",
                              f->name);
    }
    *ret = common.type;
    return true;
}

static bool old_type(mr_parser *p, const mr_node *arg, mr_sql_type *ret)
{
    if (!arg->literal || arg->literal->kind != MR_TOKEN_STRING) {
        return mr_parser_fail(p, arg->first, "old() wants the name of a field: old('status')");
    }
    char *name = mr_token_text(arg->literal);
    int column = mr_columns_find(p->columns, name);
    bool found =
        p->columns->stub || (column >= 0 && p->columns->items[column].meta == MR_META_NONE);
    if (!found) {
        const char *nearest = mr_columns_nearest(p->columns, name);
        mr_parser_fail(p, arg->first, "old(): there is no field '%s'%s%s%s", name,
                       nearest ? "; did you mean '" : "", nearest ? nearest : "",
                       nearest ? "'?" : "");
    } else {
        *ret = p->columns->stub ? (mr_sql_type){MR_SQL_ANY, true, 0, 0}
                                : p->columns->items[column].type;
    }
    free(name);
    return found;
}

static bool result_type(mr_parser *p, const function *f, const mr_node *args, int count,
                        mr_sql_type *ret)
{
    static const mr_type simple[] = {
        [GIVES_STRING] = MR_STRING,
        [GIVES_LONG] = MR_LONG,
        [GIVES_DOUBLE] = MR_DOUBLE,
        [GIVES_BOOL] = MR_BOOL,
        [GIVES_BYTES] = MR_BYTES,
        [GIVES_ANY] = MR_SQL_ANY,
        [GIVES_TIMESTAMP] = MR_TIMESTAMP_US,
        [GIVES_DATE] = MR_DATE,
        [GIVES_UUID] = MR_UUID,
    };
    *ret = (mr_sql_type){MR_DOUBLE, false, 0, 0};
    switch (f->gives) {
    case GIVES_NUMBER:
        if (mr_type_unknown(p, &args[0])) {
            ret->type = MR_SQL_ANY;
        } else if (args[0].type.type == MR_LONG || args[0].type.type == MR_BOOL) {
            ret->type = MR_LONG;
        }
        return true;
    case GIVES_FIRST:
        *ret = args[0].type;
        return true;
    case GIVES_COMMON:
    case GIVES_CHOICE:
        return common_type(p, f, args, count, ret);
    case GIVES_WIDEST:
    case GIVES_PRODUCT:
    case GIVES_SCALE:
        return decimal_type(p, f, args, count, ret);
    case GIVES_OLD:
        return old_type(p, &args[0], ret);
    default:
        ret->type = simple[f->gives];
        return true;
    }
}

static bool result_nullable(const function *f, const mr_node *args, int count)
{
    if (f->nulls == NULL_MAYBE || f->nulls == NULL_NEVER) {
        return f->nulls == NULL_MAYBE;
    }
    bool any = false, all = true;
    for (int i = f->gives == GIVES_CHOICE ? 1 : 0; i < count; i++) {
        any = any || args[i].type.nullable;
        all = all && args[i].type.nullable;
    }
    return f->nulls == NULL_IF_ALL ? all : any;
}

/* What must be called by another name than the user wrote. */
static bool rewrite_call(mr_parser *p, const function *f, mr_node *args, size_t name_start)
{
    if (strcmp(f->name, "nullif") == 0) {
        bool exact;
        if (!mr_type_comparable(p, &args[0], &args[1], &exact)) {
            return false;
        }
        if (exact) {
            mr_parser_splice(p, name_start, strlen(" nullif"), " dec_nullif");
        }
    }
    if (strcmp(f->name, "format_timestamp") == 0 && args[0].type.type == MR_LOCAL_TIMESTAMP_US) {
        mr_parser_splice(p, name_start + 1, 0, "local_");
    }
    return true;
}

static bool refuse_call(mr_parser *p, const mr_token *name, const function *f, const char *text)
{
    if (!f) {
        const char *nearest = mr_function_nearest(text);
        return mr_parser_fail(p, name, "there is no function %s()%s%s%s", text,
                              nearest ? "; did you mean " : "", nearest ? nearest : "",
                              nearest ? "()?" : "");
    }
    if (f->gives == VARIES) {
        return mr_parser_fail(p, name,
                              "%s() would give another answer when records are replayed; "
                              "uuid5(namespace, name) makes an id that stays the same",
                              f->name);
    }
    return mr_parser_fail(p, name,
                          "%s() needs more than one record at a time; each row is made from one "
                          "record (inside a sub-query over json_each() it works)",
                          f->name);
}

bool mr_parse_call(mr_parser *p, mr_node *ret)
{
    const mr_token *name = p->at;
    if (name->kind != MR_TOKEN_NAME) {
        return mr_parser_fail(p, name, "write the function's name without quotes");
    }
    char *text = mr_token_text(name);
    const function *f = find_function(text);
    if (!f || f->gives == VARIES || f->gives == AGGREGATES) {
        refuse_call(p, name, f, text);
        free(text);
        return false;
    }
    free(text);
    mr_parser_emit(p);
    mr_parser_emit(p);
    mr_node args[MR_CALL_ARGUMENTS_MAX];
    int count;
    if (!read_arguments(p, f, args, &count)) {
        return false;
    }
    if (count == 1 && f->min == 2 && (strcmp(f->name, "min") == 0 || strcmp(f->name, "max") == 0)) {
        return refuse_call(p, name, f, f->name);
    }
    if (count < f->min || count > f->max) {
        return mr_parser_fail(p, name, "%s() has %d arguments, wanted are %d to %d", f->name, count,
                              f->min, f->max);
    }
    if (mr_token_is(p->at, "OVER") || mr_token_is(p->at, "FILTER")) {
        return mr_parser_fail(p, p->at, "%.*s is not possible: each row is made from one record",
                              (int)p->at->len, p->at->text);
    }
    if (!result_type(p, f, args, count, &ret->type)) {
        return false;
    }
    ret->type.nullable = result_nullable(f, args, count);
    return rewrite_call(p, f, args, ret->start);
}

/* DECIMAL(p, s) after AS. */
static bool read_precision(mr_parser *p, mr_sql_type *type)
{
    int numbers[2] = {0, 0}, count = 0;
    if (mr_token_is(p->at, "(")) {
        do {
            p->at++;
            if (p->at->kind != MR_TOKEN_INTEGER || p->at->len > 2 || count == 2) {
                return mr_parser_fail(p, p->at, "DECIMAL(digits, digits after the point)");
            }
            numbers[count++] = atoi(p->at->text);
            p->at++;
        } while (mr_token_is(p->at, ","));
        p->at++;
    }
    if (numbers[0] < 1 || numbers[0] > 38 || numbers[1] > numbers[0]) {
        return mr_parser_fail(p, p->at - 1,
                              "write DECIMAL(digits, digits after the point), at most 38 digits");
    }
    type->precision = numbers[0];
    type->scale = numbers[1];
    return true;
}

/* The function that does this cast; null after a refusal. */
static const char *read_cast_type(mr_parser *p, mr_sql_type *type)
{
    const mr_token *name = p->at++;
    for (size_t i = 0; i < CAST_COUNT; i++) {
        for (size_t k = 0; k < 6 && casts[i].names[k]; k++) {
            if (!mr_token_is(name, casts[i].names[k])) {
                continue;
            }
            type->type = casts[i].type;
            if (mr_token_is(name, "DOUBLE") && mr_token_is(p->at, "PRECISION")) {
                p->at++;
            }
            if (type->type == MR_DECIMAL && !read_precision(p, type)) {
                return NULL;
            }
            return casts[i].function;
        }
    }
    mr_parser_fail(p, name,
                   "CAST knows INTEGER, REAL, TEXT, BLOB, BOOLEAN, DECIMAL(p, s), TIMESTAMP, "
                   "DATE and UUID, not %.*s",
                   (int)name->len, name->text);
    return NULL;
}

/* What a value is makes a difference to some casts: its type goes along as a number. */
static void write_cast(mr_parser *p, const mr_node *ret, const mr_node *inner, const char *name)
{
    char call[32];
    snprintf(call, sizeof call, " %s(", name);
    mr_parser_splice(p, ret->start, 0, call);
    mr_buffer_printf(&p->out, ", %d", (int)inner->type.type);
    if (ret->type.type == MR_DECIMAL) {
        mr_buffer_printf(&p->out, ", %d, %d", ret->type.precision, ret->type.scale);
    }
    mr_buffer_add_char(&p->out, ')');
}

static bool can_cast(mr_type from, mr_type to)
{
    if (from == MR_SQL_ANY || from == MR_NULL || from == to || to == MR_STRING) {
        return from != MR_BYTES || to != MR_BOOL;
    }
    if (from == MR_STRING) {
        return true;
    }
    switch (to) {
    case MR_LONG:
        return from != MR_BYTES && from != MR_UUID;
    case MR_DOUBLE:
    case MR_DECIMAL:
    case MR_BOOL:
        return mr_type_is_number(from) || from == MR_DECIMAL;
    case MR_TIMESTAMP_US:
        return from == MR_LOCAL_TIMESTAMP_US || from == MR_DATE || from == MR_LONG;
    case MR_DATE:
        return mr_type_is_timestamp(from) || from == MR_LONG;
    default:
        return false;
    }
}

bool mr_parse_cast(mr_parser *p, mr_node *ret)
{
    p->at += 2; /* CAST ( */
    mr_node inner;
    if (!mr_parse_expression(p, 1, &inner)) {
        return false;
    }
    if (!mr_token_is(p->at, "AS")) {
        return mr_parser_fail(p, p->at, "AS is expected here");
    }
    p->at++;
    const mr_token *type_name = p->at;
    const char *function_name = read_cast_type(p, &ret->type);
    if (!function_name) {
        return false;
    }
    if (!mr_token_is(p->at, ")")) {
        return mr_parser_fail(p, p->at, "this type takes no size");
    }
    p->at++;
    if (!can_cast(inner.type.type, ret->type.type)) {
        return mr_parser_fail(p, type_name, "a %s can not become %.*s",
                              mr_sql_type_name(inner.type.type), (int)type_name->len,
                              type_name->text);
    }
    ret->type.nullable = inner.type.nullable;
    write_cast(p, ret, &inner, function_name);
    return true;
}
