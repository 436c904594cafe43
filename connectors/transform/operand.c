/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The leaves of expressions: literals, columns, CASE, parentheses and sub-queries. A sub-query may
 * read json_each() and json_tree() over a nested value, but not `record`: a result row must come
 * from one record, so that a failing row can be rejected alone.
 */
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "base/alloc.h"
#include "transform/parser.h"

static bool parse_literal(mr_parser *p, mr_node *ret)
{
    static const mr_type types[] = {
        [MR_TOKEN_STRING] = MR_STRING,
        [MR_TOKEN_BLOB] = MR_BYTES,
        [MR_TOKEN_INTEGER] = MR_LONG,
        [MR_TOKEN_REAL] = MR_DOUBLE,
    };
    ret->type = (mr_sql_type){types[p->at->kind], false, 0, 0};
    ret->literal = p->at;
    if (p->at->kind == MR_TOKEN_INTEGER) {
        char *text = mr_token_text(p->at);
        errno = 0;
        strtoll(text, NULL, 0);
        if (errno == ERANGE && (text[1] | 32) != 'x') {
            ret->type.type = MR_DOUBLE; /* SQLite reads it so */
        }
        free(text);
    }
    mr_parser_emit(p);
    return true;
}

static bool use_alias(mr_parser *p, const char *name, mr_node *ret)
{
    for (size_t i = 0; i < p->alias_count; i++) {
        const mr_alias *alias = &p->aliases[i];
        if (strcasecmp(alias->name, name) == 0) {
            mr_buffer_printf(&p->out, " (%s)", alias->text);
            ret->type = alias->type;
            ret->column = alias->column;
            p->at++;
            return true;
        }
    }
    return false;
}

static bool is_name(const mr_token *token)
{
    return token->kind == MR_TOKEN_NAME || token->kind == MR_TOKEN_QUOTED;
}

static bool parse_column(mr_parser *p, mr_node *ret)
{
    const mr_token *first = p->at;
    while (mr_token_is(p->at + 1, ".")) {
        mr_parser_emit(p);
        mr_parser_emit(p);
    }
    if (!is_name(p->at)) {
        return mr_parser_fail(p, p->at, "the name of a column is expected here");
    }
    char *name = mr_token_text(p->at);
    int column = mr_columns_find(p->columns, name);
    if (column >= 0) {
        ret->column = column;
        ret->type = p->columns->items[column].type;
        mr_parser_emit(p);
        free(name);
        return true;
    }
    bool found = p->at == first && use_alias(p, name, ret);
    if (!found) {
        const char *nearest = mr_columns_nearest(p->columns, name);
        mr_parser_fail(p, p->at, "there is no column '%s'%s%s%s", name,
                       nearest ? "; did you mean '" : "", nearest ? nearest : "",
                       nearest ? "'?" : "");
    }
    free(name);
    return found;
}

/* NULL, TRUE, FALSE and the current date or time, unless a column has the name. */
static bool parse_word_literal(mr_parser *p, mr_node *ret)
{
    static const struct {
        const char *word;
        mr_type type;
    } words[] = {
        {"NULL", MR_NULL},           {"TRUE", MR_BOOL},
        {"FALSE", MR_BOOL},          {"CURRENT_TIMESTAMP", MR_STRING},
        {"CURRENT_DATE", MR_STRING}, {"CURRENT_TIME", MR_STRING},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (mr_token_is(p->at, words[i].word) && !mr_token_is(p->at + 1, ".") &&
            (mr_columns_find(p->columns, words[i].word) < 0 || i == 0)) {
            ret->type = (mr_sql_type){words[i].type, i == 0, 0, 0};
            mr_parser_emit(p);
            return true;
        }
    }
    return false;
}

/* WHEN ... THEN ...: the value's type joins those of the branches before. */
static bool parse_when(mr_parser *p, mr_node *base, mr_node *result)
{
    mr_parser_emit(p);
    mr_node when, then;
    if (!mr_parse_expression(p, 1, &when)) {
        return false;
    }
    if (base) {
        bool exact;
        if (!mr_type_comparable(p, base, &when, &exact)) {
            return false;
        }
        if (exact) {
            return mr_parser_fail(p, when.first,
                                  "CASE x WHEN compares the text of decimals; write CASE WHEN x = "
                                  "...");
        }
    } else if (!mr_type_condition(p, &when)) {
        return false;
    }
    if (!mr_parser_expect(p, "THEN") || !mr_parse_expression(p, 1, &then)) {
        return false;
    }
    if (!result->first) {
        *result = then;
        return true;
    }
    bool ok = mr_type_unify(p, result, &then, &result->type);
    result->literal = NULL;
    return ok;
}

static bool parse_case(mr_parser *p, mr_node *ret)
{
    mr_parser_emit(p);
    mr_node base, other, result = {.first = NULL};
    bool has_base = !mr_token_is(p->at, "WHEN");
    if (has_base && !mr_parse_expression(p, 1, &base)) {
        return false;
    }
    while (mr_token_is(p->at, "WHEN")) {
        if (!parse_when(p, has_base ? &base : NULL, &result)) {
            return false;
        }
    }
    if (!result.first) {
        return mr_parser_fail(p, p->at, "WHEN is expected here");
    }
    ret->type = result.type;
    if (mr_token_is(p->at, "ELSE")) {
        mr_parser_emit(p);
        if (!mr_parse_expression(p, 1, &other) || !mr_type_unify(p, &result, &other, &ret->type)) {
            return false;
        }
    } else {
        ret->type.nullable = true;
    }
    return mr_parser_expect(p, "END");
}

static bool is_subquery(const mr_token *token)
{
    return mr_token_is(token, "SELECT") || mr_token_is(token, "VALUES") ||
           mr_token_is(token, "WITH");
}

bool mr_parse_subquery(mr_parser *p)
{
    int depth = 0;
    for (; depth > 0 || !mr_token_is(p->at, ")"); mr_parser_emit(p)) {
        const mr_token *token = p->at;
        if (token->kind == MR_TOKEN_END) {
            return mr_parser_fail(p, token, "a parenthesis is not closed");
        }
        depth += mr_token_is(token, "(");
        depth -= mr_token_is(token, ")");
        bool is_source =
            mr_token_is(token, "FROM") || mr_token_is(token, "JOIN") || mr_token_is(token, ",");
        if (mr_token_is(token, "WITH")) {
            return mr_parser_fail(p, token, "WITH is not possible here");
        }
        if (is_source && is_name(token + 1) && !mr_token_is(token + 2, "(")) {
            char *name = mr_token_text(token + 1);
            bool is_record = strcasecmp(name, "record") == 0;
            free(name);
            if (is_record) {
                return mr_parser_fail(p, token + 1,
                                      "a sub-query can not read from record: each row is made from "
                                      "one record; it may read json_each(...) of a nested value");
            }
        }
    }
    return true;
}

static bool parse_parenthesis(mr_parser *p, mr_node *ret)
{
    mr_parser_emit(p);
    if (is_subquery(p->at)) {
        ret->type = (mr_sql_type){MR_SQL_ANY, true, 0, 0};
        return mr_parse_subquery(p) && mr_parser_expect(p, ")");
    }
    mr_node inner;
    if (!mr_parse_expression(p, 1, &inner)) {
        return false;
    }
    if (mr_token_is(p->at, ",")) {
        return mr_parser_fail(p, p->at, "lists in parentheses stand only after IN");
    }
    ret->type = inner.type;
    ret->column = inner.column;
    return mr_parser_expect(p, ")");
}

static bool parse_exists(mr_parser *p, mr_node *ret)
{
    if (mr_token_is(p->at, "NOT")) {
        mr_parser_emit(p);
    }
    mr_parser_emit(p);
    ret->type = (mr_sql_type){MR_BOOL, false, 0, 0};
    return mr_parser_expect(p, "(") && mr_parse_subquery(p) && mr_parser_expect(p, ")");
}

static bool parse_leaf(mr_parser *p, mr_node *ret)
{
    if (p->at->kind == MR_TOKEN_STRING || p->at->kind == MR_TOKEN_BLOB ||
        p->at->kind == MR_TOKEN_INTEGER || p->at->kind == MR_TOKEN_REAL) {
        return parse_literal(p, ret);
    }
    if (mr_token_is(p->at, "(")) {
        return parse_parenthesis(p, ret);
    }
    if (!is_name(p->at)) {
        return mr_parser_fail(p, p->at, "an expression is expected here");
    }
    if (mr_token_is(p->at, "CASE")) {
        return parse_case(p, ret);
    }
    if (mr_token_is(p->at, "EXISTS") || mr_token_is(p->at, "NOT")) {
        return parse_exists(p, ret);
    }
    if (mr_token_is(p->at + 1, "(")) {
        return mr_token_is(p->at, "CAST") ? mr_parse_cast(p, ret) : mr_parse_call(p, ret);
    }
    return parse_word_literal(p, ret) || parse_column(p, ret);
}

bool mr_parse_operand(mr_parser *p, mr_node *ret)
{
    *ret = (mr_node){.start = p->out.len, .first = p->at, .column = -1};
    if (!parse_leaf(p, ret)) {
        return false;
    }
    ret->end = p->out.len;
    return true;
}
