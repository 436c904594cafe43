/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which types may meet, and what comes out. SQLite compares and adds anything with anything; here
 * what could only be a mistake is refused when the pipeline starts, not found in the data later.
 */
#include <string.h>

#include "transform/parser.h"

bool mr_type_is_number(mr_type type)
{
    return type == MR_BOOL || type == MR_LONG || type == MR_DOUBLE;
}

bool mr_type_is_timestamp(mr_type type)
{
    return type == MR_TIMESTAMP_US || type == MR_LOCAL_TIMESTAMP_US;
}

static bool is_open(mr_type type)
{
    return type == MR_SQL_ANY || type == MR_NULL;
}

bool mr_type_unknown(const mr_parser *p, const mr_node *node)
{
    return p->columns->stub && node->type.type == MR_SQL_ANY;
}

static bool is_text(mr_type type)
{
    return type == MR_STRING || type == MR_UUID;
}

static bool is_temporal(mr_type type)
{
    return mr_type_is_timestamp(type) || type == MR_DATE || type == MR_TIME_US;
}

int mr_type_scale(const mr_node *node)
{
    if (node->type.type == MR_DECIMAL) {
        return node->type.scale;
    }
    if (node->type.type == MR_LONG || node->type.type == MR_BOOL) {
        return 0;
    }
    if (node->literal && node->literal->kind == MR_TOKEN_REAL &&
        !memchr(node->literal->text, 'e', node->literal->len) &&
        !memchr(node->literal->text, 'E', node->literal->len)) {
        const char *point = memchr(node->literal->text, '.', node->literal->len);
        return point ? (int)(node->literal->text + node->literal->len - point) - 1 : 0;
    }
    return -1;
}

static mr_sql_type unify_decimals(const mr_node *a, const mr_node *b)
{
    int a_scale = mr_type_scale(a), b_scale = mr_type_scale(b);
    if (a_scale < 0 || b_scale < 0) {
        return (mr_sql_type){MR_DOUBLE, false, 0, 0};
    }
    int scale = a_scale > b_scale ? a_scale : b_scale;
    return (mr_sql_type){MR_DECIMAL, false, 38, scale};
}

bool mr_type_unify(mr_parser *p, const mr_node *a, const mr_node *b, mr_sql_type *ret)
{
    mr_sql_type x = a->type, y = b->type, both = x;
    if (mr_type_unknown(p, a) || mr_type_unknown(p, b)) {
        both.type = MR_SQL_ANY;
    } else if (x.type == y.type && (x.type != MR_DECIMAL || (x.scale == y.scale))) {
        both.precision = x.precision > y.precision ? x.precision : y.precision;
    } else if (is_open(x.type) && y.type != MR_NULL) {
        both = y;
    } else if (is_open(y.type)) {
        both = x;
    } else if ((x.type == MR_DECIMAL || y.type == MR_DECIMAL) &&
               (mr_type_is_number(x.type) || mr_type_is_number(y.type) || x.type == y.type)) {
        both = unify_decimals(a, b);
    } else if (mr_type_is_number(x.type) && mr_type_is_number(y.type)) {
        both.type = x.type == MR_DOUBLE || y.type == MR_DOUBLE ? MR_DOUBLE : MR_LONG;
    } else if (is_text(x.type) && is_text(y.type)) {
        both.type = MR_STRING;
    } else {
        return mr_parser_fail(p, b->first,
                              "this is a %s where the other values are of type %s; give all the "
                              "same type, with CAST(... AS TEXT) for example",
                              mr_sql_type_name(y.type), mr_sql_type_name(x.type));
    }
    both.nullable = x.nullable || y.nullable;
    *ret = both;
    return true;
}

/* A text literal beside a timestamp or a date means one: 'pickup >= '2019-03-01''. */
static void make_temporal(mr_parser *p, mr_node *literal, mr_type type)
{
    size_t before = p->out.len;
    mr_parser_splice(p, literal->end, 0, ")");
    mr_parser_splice(p, literal->start, 0, type == MR_DATE ? " to_date(" : " to_timestamp(");
    literal->end += p->out.len - before;
    literal->type.type = type;
    literal->literal = NULL;
}

static bool is_text_literal(const mr_node *node)
{
    return node->literal && node->literal->kind == MR_TOKEN_STRING;
}

static const char *comparison_advice(mr_type a, mr_type b)
{
    if (is_temporal(a) || is_temporal(b)) {
        return "to_timestamp(), to_date() or CAST(... AS DATE) make them alike";
    }
    if (a == MR_BYTES || b == MR_BYTES) {
        return "write a blob as x'00ff', or use hex()";
    }
    return "CAST(... AS REAL), AS INTEGER or AS DECIMAL(p, s) makes a number of text";
}

bool mr_type_comparable(mr_parser *p, mr_node *a, mr_node *b, bool *exact)
{
    mr_type x = a->type.type, y = b->type.type;
    *exact = false;
    if ((mr_type_is_timestamp(x) || x == MR_DATE) && is_text_literal(b)) {
        make_temporal(p, b, x);
        return true;
    }
    if ((mr_type_is_timestamp(y) || y == MR_DATE) && is_text_literal(a)) {
        make_temporal(p, a, y);
        return true;
    }
    if (x == MR_DECIMAL || y == MR_DECIMAL) {
        mr_type other = x == MR_DECIMAL ? y : x;
        const mr_node *node = x == MR_DECIMAL ? b : a;
        *exact = other != MR_NULL;
        if (mr_type_is_number(other) || is_open(other) || other == MR_DECIMAL ||
            is_text_literal(node)) {
            return true;
        }
    } else if (x == y || is_open(x) || is_open(y) ||
               (mr_type_is_number(x) && mr_type_is_number(y)) || (is_text(x) && is_text(y)) ||
               (is_temporal(x) && y == MR_LONG) || (is_temporal(y) && x == MR_LONG)) {
        return true;
    }
    return mr_parser_fail(p, b->first, "a %s can not be compared with a %s; %s",
                          mr_sql_type_name(x), mr_sql_type_name(y), comparison_advice(x, y));
}

bool mr_type_condition(mr_parser *p, const mr_node *node)
{
    mr_type type = node->type.type;
    if (mr_type_is_number(type) || is_open(type) || type == MR_DECIMAL) {
        return true;
    }
    return mr_parser_fail(p, node->first,
                          "a condition is wanted here, this is a %s; compare it with something",
                          mr_sql_type_name(type));
}

static bool refuse_operand(mr_parser *p, const mr_token *op, const mr_node *node)
{
    const char *advice = is_temporal(node->type.type)
                             ? "; subtract two of them, or add and subtract whole numbers"
                             : "; CAST(... AS REAL), AS INTEGER or AS DECIMAL(p, s) makes one";
    return mr_parser_fail(p, node->first, "'%.*s' wants a number, this is a %s%s", (int)op->len,
                          op->text, mr_sql_type_name(node->type.type), advice);
}

/* Timestamps, dates, times of day: the difference of two, or one moved by a whole number. */
static bool temporal_arithmetic(mr_parser *p, const mr_token *op, const mr_node *a,
                                const mr_node *b, mr_sql_type *ret)
{
    mr_type x = a->type.type, y = b->type.type;
    bool minus = mr_token_is(op, "-"), plus = mr_token_is(op, "+");
    if (minus && x == y) {
        ret->type = MR_LONG;
    } else if ((minus || plus) && is_temporal(x) && (y == MR_LONG || y == MR_NULL)) {
        ret->type = x;
    } else if (plus && is_temporal(y) && (x == MR_LONG || x == MR_NULL)) {
        ret->type = y;
    } else {
        return refuse_operand(p, op, is_temporal(x) ? a : b);
    }
    return true;
}

bool mr_type_arithmetic(mr_parser *p, const mr_token *op, const mr_node *a, const mr_node *b,
                        mr_sql_type *ret)
{
    mr_type x = a->type.type, y = b->type.type;
    *ret = (mr_sql_type){MR_DOUBLE, true, 0, 0};
    if (mr_type_unknown(p, a) || mr_type_unknown(p, b)) {
        ret->type = MR_SQL_ANY;
        return true;
    }
    if (is_temporal(x) || is_temporal(y)) {
        ret->nullable = a->type.nullable || b->type.nullable;
        return temporal_arithmetic(p, op, a, b, ret);
    }
    for (int i = 0; i < 2; i++) {
        mr_type type = i ? y : x;
        if (!mr_type_is_number(type) && !is_open(type) && type != MR_DECIMAL) {
            return refuse_operand(p, op, i ? b : a);
        }
    }
    if (strchr("&|<>", op->text[0])) {
        ret->type = MR_LONG;
        ret->nullable = a->type.nullable || b->type.nullable;
    } else if ((x == MR_LONG || x == MR_BOOL) && (y == MR_LONG || y == MR_BOOL)) {
        ret->type = MR_LONG; /* a division by zero is NULL */
        ret->nullable = a->type.nullable || b->type.nullable || strchr("/%", op->text[0]);
    }
    return true; /* with doubles: infinity - infinity is NULL in SQLite */
}
