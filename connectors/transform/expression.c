/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expressions by operator precedence (sqlite.org/lang_expr.html, "Operators"): for each its type,
 * and its text with what must be rewritten. SQLite has accepted the text before, so this parser may
 * trust its grammar; what it meets and does not know it refuses.
 */
#include <stdarg.h>
#include <stdio.h>

#include "transform/parser.h"

enum { /* from loose to tight */
       P_OR = 1,
       P_AND,
       P_NOT,
       P_EQUAL,
       P_LESS,
       P_BITS,
       P_SUM,
       P_PRODUCT,
       P_CONCAT,
       P_COLLATE,
       P_UNARY
};

bool mr_parser_fail(mr_parser *p, const mr_token *at, const char *format, ...)
{
    char text[800];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    mr_sql_fail_at(p->err, p->query, at->text, "%s", text);
    return false;
}

void mr_parser_emit(mr_parser *p)
{
    mr_buffer_add_char(&p->out, ' ');
    mr_buffer_add(&p->out, p->at->text, p->at->len);
    if (p->at->kind != MR_TOKEN_END) {
        p->at++;
    }
}

bool mr_parser_expect(mr_parser *p, const char *word)
{
    if (!mr_token_is(p->at, word)) {
        return mr_parser_fail(p, p->at, "%s is expected here", word);
    }
    mr_parser_emit(p);
    return true;
}

void mr_parser_splice(mr_parser *p, size_t pos, size_t remove, const char *text)
{
    size_t add = strlen(text), tail = p->out.len - pos - remove;
    if (!mr_buffer_reserve(&p->out, add)) {
        return;
    }
    memmove(p->out.data + pos + add, p->out.data + pos + remove, tail);
    if (add) {
        memcpy(p->out.data + pos, text, add);
    }
    p->out.len = pos + add + tail;
}

static void become(mr_parser *p, mr_node *node, mr_type type, bool nullable)
{
    node->type = (mr_sql_type){type, nullable, 0, 0};
    node->literal = NULL;
    node->column = -1;
    node->end = p->out.len;
}

static int precedence_of(const mr_token *token)
{
    static const struct {
        const char *word;
        int precedence;
    } operators[] = {
        {"OR", P_OR},           {"AND", P_AND},    {"=", P_EQUAL},       {"==", P_EQUAL},
        {"<>", P_EQUAL},        {"!=", P_EQUAL},   {"IS", P_EQUAL},      {"IN", P_EQUAL},
        {"LIKE", P_EQUAL},      {"GLOB", P_EQUAL}, {"REGEXP", P_EQUAL},  {"MATCH", P_EQUAL},
        {"ISNULL", P_EQUAL},    {"NOT", P_EQUAL},  {"BETWEEN", P_EQUAL}, {"NOTNULL", P_EQUAL},
        {"<", P_LESS},          {"<=", P_LESS},    {">", P_LESS},        {">=", P_LESS},
        {"&", P_BITS},          {"|", P_BITS},     {"<<", P_BITS},       {">>", P_BITS},
        {"+", P_SUM},           {"-", P_SUM},      {"*", P_PRODUCT},     {"/", P_PRODUCT},
        {"%", P_PRODUCT},       {"||", P_CONCAT},  {"->", P_CONCAT},     {"->>", P_CONCAT},
        {"COLLATE", P_COLLATE},
    };
    if (token->kind != MR_TOKEN_NAME && token->kind != MR_TOKEN_PUNCTUATION) {
        return 0;
    }
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        if (mr_token_is(token, operators[i].word)) {
            return operators[i].precedence;
        }
    }
    return 0;
}

/* `a < b` of decimals becomes `dec_cmp(a, b) < 0`: SQLite would compare their text. */
static void compare_exactly(mr_parser *p, mr_node *left, const mr_token *op, size_t right_start)
{
    mr_parser_splice(p, left->end, right_start - left->end, ",");
    mr_parser_splice(p, left->start, 0, " (dec_cmp(");
    mr_buffer_printf(&p->out, ") %.*s 0)", (int)op->len, op->text);
}

static bool parse_comparison(mr_parser *p, mr_node *left, int precedence)
{
    const mr_token *op = p->at;
    mr_parser_emit(p);
    size_t right_start = p->out.len;
    mr_node right;
    if (!mr_parse_expression(p, precedence + 1, &right)) {
        return false;
    }
    size_t left_end = left->end;
    bool exact;
    if (!mr_type_comparable(p, left, &right, &exact)) {
        return false;
    }
    if (exact) {
        compare_exactly(p, left, op, right_start + (left->end - left_end));
    }
    become(p, left, MR_BOOL, left->type.nullable || right.type.nullable);
    return true;
}

/* a IS [NOT] [DISTINCT FROM] b: never NULL. */
static bool parse_is(mr_parser *p, mr_node *left)
{
    mr_parser_emit(p);
    if (mr_token_is(p->at, "NOT")) {
        mr_parser_emit(p);
    }
    if (mr_token_is(p->at, "DISTINCT")) {
        mr_parser_emit(p);
        if (!mr_parser_expect(p, "FROM")) {
            return false;
        }
    }
    mr_node right;
    bool exact;
    if (!mr_parse_expression(p, P_EQUAL + 1, &right)) {
        return false;
    }
    if (right.type.type == MR_BOOL && right.first->kind == MR_TOKEN_NAME &&
        mr_type_is_number(left->type.type)) {
        become(p, left, MR_BOOL, false); /* IS TRUE, IS NOT FALSE: a test of its own */
        return true;
    }
    if (!mr_type_comparable(p, left, &right, &exact)) {
        return false;
    }
    if (exact) {
        return mr_parser_fail(p, right.first, "IS compares the text of decimals; use = and <>");
    }
    become(p, left, MR_BOOL, false);
    return true;
}

static bool parse_in(mr_parser *p, mr_node *left)
{
    mr_parser_emit(p);
    if (!mr_token_is(p->at, "(")) {
        return mr_parser_fail(p, p->at, "IN wants a list in parentheses");
    }
    mr_parser_emit(p);
    bool nullable = left->type.nullable;
    if (mr_token_is(p->at, "SELECT") || mr_token_is(p->at, "WITH") ||
        mr_token_is(p->at, "VALUES")) {
        nullable = true;
        if (!mr_parse_subquery(p)) {
            return false;
        }
    } else if (!mr_token_is(p->at, ")")) {
        for (;;) {
            mr_node item;
            bool exact;
            if (!mr_parse_expression(p, P_OR, &item) ||
                !mr_type_comparable(p, left, &item, &exact)) {
                return false;
            }
            if (exact) {
                return mr_parser_fail(p, item.first,
                                      "IN compares the text of decimals; write a = 1 OR a = 2");
            }
            nullable = nullable || item.type.nullable;
            if (!mr_token_is(p->at, ",")) {
                break;
            }
            mr_parser_emit(p);
        }
    }
    if (!mr_parser_expect(p, ")")) {
        return false;
    }
    become(p, left, MR_BOOL, nullable);
    return true;
}

static bool parse_between(mr_parser *p, mr_node *left, bool negated, size_t op_start)
{
    mr_parser_emit(p);
    size_t low_start = p->out.len;
    mr_node low, high;
    bool low_exact, high_exact;
    if (!mr_parse_expression(p, P_EQUAL + 1, &low) ||
        !mr_type_comparable(p, left, &low, &low_exact)) {
        return false;
    }
    size_t and_start = p->out.len;
    if (!mr_parser_expect(p, "AND")) {
        return false;
    }
    size_t high_start = p->out.len;
    if (!mr_parse_expression(p, P_EQUAL + 1, &high)) {
        return false;
    }
    if (!mr_type_comparable(p, left, &high, &high_exact)) {
        return false;
    }
    if (low_exact || high_exact) { /* decimals: nothing else was rewritten, positions stand */
        mr_buffer_add_char(&p->out, ')');
        mr_parser_splice(p, and_start, high_start - and_start, ",");
        mr_parser_splice(p, op_start, low_start - op_start, ",");
        mr_parser_splice(p, left->start, 0, negated ? " (NOT dec_between(" : " (dec_between(");
        mr_buffer_add_char(&p->out, ')');
    }
    become(p, left, MR_BOOL, left->type.nullable || low.type.nullable || high.type.nullable);
    return true;
}

static bool parse_like(mr_parser *p, mr_node *left)
{
    if (mr_token_is(p->at, "REGEXP") || mr_token_is(p->at, "MATCH")) {
        return mr_parser_fail(p, p->at, "%.*s is not there; use LIKE or GLOB", (int)p->at->len,
                              p->at->text);
    }
    mr_parser_emit(p);
    mr_node pattern;
    if (!mr_parse_expression(p, P_EQUAL + 1, &pattern)) {
        return false;
    }
    if (mr_token_is(p->at, "ESCAPE")) {
        mr_parser_emit(p);
        mr_node escape;
        if (!mr_parse_expression(p, P_EQUAL + 1, &escape)) {
            return false;
        }
    }
    become(p, left, MR_BOOL, left->type.nullable || pattern.type.nullable);
    return true;
}

/* IS, IN, BETWEEN, LIKE, ISNULL and those with NOT before. */
static bool parse_test(mr_parser *p, mr_node *left)
{
    size_t op_start = p->out.len;
    bool negated = mr_token_is(p->at, "NOT");
    if (negated) {
        mr_parser_emit(p);
    }
    if (mr_token_is(p->at, "ISNULL") || mr_token_is(p->at, "NOTNULL") ||
        (negated && mr_token_is(p->at, "NULL"))) {
        mr_parser_emit(p);
        become(p, left, MR_BOOL, false);
        return true;
    }
    if (mr_token_is(p->at, "IS")) {
        return parse_is(p, left);
    }
    if (mr_token_is(p->at, "IN")) {
        return parse_in(p, left);
    }
    if (mr_token_is(p->at, "BETWEEN")) {
        return parse_between(p, left, negated, op_start);
    }
    return parse_like(p, left);
}

static bool parse_logic(mr_parser *p, mr_node *left, int precedence)
{
    mr_parser_emit(p);
    mr_node right;
    if (!mr_type_condition(p, left) || !mr_parse_expression(p, precedence + 1, &right) ||
        !mr_type_condition(p, &right)) {
        return false;
    }
    become(p, left, MR_BOOL, left->type.nullable || right.type.nullable);
    return true;
}

static bool parse_concat(mr_parser *p, mr_node *left)
{
    bool is_json = p->at->text[0] == '-', is_value = p->at->len == 3;
    mr_parser_emit(p);
    mr_node right;
    if (!mr_parse_expression(p, P_CONCAT + 1, &right)) {
        return false;
    }
    become(p, left, is_value ? MR_SQL_ANY : MR_STRING,
           is_json || left->type.nullable || right.type.nullable);
    return true;
}

static bool parse_binary(mr_parser *p, mr_node *left, int precedence)
{
    const mr_token *op = p->at;
    if (precedence == P_OR || precedence == P_AND) {
        return parse_logic(p, left, precedence);
    }
    if (precedence == P_EQUAL && op->kind == MR_TOKEN_NAME) {
        return parse_test(p, left);
    }
    if (precedence == P_EQUAL || precedence == P_LESS) {
        return parse_comparison(p, left, precedence);
    }
    if (precedence == P_CONCAT) {
        return parse_concat(p, left);
    }
    mr_parser_emit(p);
    if (precedence == P_COLLATE) {
        mr_parser_emit(p); /* the name of the collation */
        left->end = p->out.len;
        left->literal = NULL;
        return true;
    }
    mr_node right;
    mr_sql_type type;
    if (!mr_parse_expression(p, precedence + 1, &right) ||
        !mr_type_arithmetic(p, op, left, &right, &type)) {
        return false;
    }
    become(p, left, type.type, type.nullable);
    return true;
}

/* -, +, ~ and NOT before their operand. */
static bool parse_prefix(mr_parser *p, mr_node *ret)
{
    const mr_token *op = p->at;
    size_t start = p->out.len;
    bool is_not = mr_token_is(op, "NOT");
    mr_parser_emit(p);
    if (!mr_parse_expression(p, is_not ? P_NOT : P_UNARY, ret)) {
        return false;
    }
    mr_node zero = {.type = {MR_LONG, false, 0, 0}, .first = op, .column = -1};
    mr_sql_type type;
    if (is_not) {
        if (!mr_type_condition(p, ret)) {
            return false;
        }
        become(p, ret, MR_BOOL, ret->type.nullable);
    } else if (mr_token_is(op, "-") && ret->type.type == MR_DECIMAL) {
        mr_parser_splice(p, start, ret->start - start, " dec_sub(0,");
        mr_buffer_add_char(&p->out, ')');
        ret->end = p->out.len;
        ret->column = -1;
    } else if (!mr_type_arithmetic(p, op, &zero, ret, &type)) {
        return false;
    } else {
        const mr_token *literal = ret->literal; /* -0.8 has the scale of 0.8 */
        become(p, ret, type.type == MR_BOOL ? MR_LONG : type.type, ret->type.nullable);
        ret->literal = literal;
    }
    ret->start = start;
    ret->first = op;
    return true;
}

bool mr_parse_expression(mr_parser *p, int min_precedence, mr_node *ret)
{
    if (++p->depth > MR_PARSE_DEPTH_MAX) {
        return mr_parser_fail(p, p->at, "the expression is nested more than %d deep",
                              MR_PARSE_DEPTH_MAX);
    }
    bool prefix = mr_token_is(p->at, "-") || mr_token_is(p->at, "+") || mr_token_is(p->at, "~") ||
                  (mr_token_is(p->at, "NOT") && !mr_token_is(p->at + 1, "EXISTS"));
    if (!(prefix ? parse_prefix(p, ret) : mr_parse_operand(p, ret))) {
        return false;
    }
    for (;;) {
        int precedence = precedence_of(p->at);
        if (precedence == 0 || precedence < min_precedence) {
            break;
        }
        if (!parse_binary(p, ret, precedence)) {
            return false;
        }
    }
    p->depth--;
    return true;
}
