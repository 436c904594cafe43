/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the analysis of queries: query.c reads the SELECT around, expression.c expressions,
 * operand.c their leaves, typing.c says what types may meet.
 *
 * The parser writes the SQL to be run while it reads; a node remembers where its text begins, so
 * that a rewrite is an insertion. Functions return false once the query is refused; *err is filled.
 */
#ifndef MR_TRANSFORM_PARSER_H
#define MR_TRANSFORM_PARSER_H

#include "base/buffer.h"
#include "transform/query.h"

enum { MR_PARSE_DEPTH_MAX = 100, MR_CALL_ARGUMENTS_MAX = 100 };

typedef struct mr_node {
    mr_sql_type type;
    size_t start, end;       /* of its text in parser.out */
    const mr_token *first;   /* where it stands in the query */
    const mr_token *literal; /* a single literal token; NULL: something else */
    int column;              /* a plain column; -1: something else */
} mr_node;

typedef struct mr_alias {
    char *name;
    char *text;
    mr_sql_type type;
    int column;
} mr_alias;

typedef struct mr_parser {
    const char *query;
    const mr_token *at; /* the next token */
    const mr_columns *columns;
    char *table_alias; /* NULL: none */
    mr_alias *aliases; /* of the result columns, for WHERE */
    size_t alias_count;
    mr_buffer out;
    int depth;
    mr_error *err;
} mr_parser;

/* --- reading and writing (expression.c) --- */
bool mr_parser_fail(mr_parser *p, const mr_token *at, const char *format, ...) MR_PRINTF(3, 4);
void mr_parser_emit(mr_parser *p);                     /* copies the next token and moves on */
bool mr_parser_expect(mr_parser *p, const char *word); /* copies it, or refuses */
/* Replaces `remove` bytes of what was written at pos by text. */
void mr_parser_splice(mr_parser *p, size_t pos, size_t remove, const char *text);
bool mr_parse_expression(mr_parser *p, int min_precedence, mr_node *ret);

/* --- leaves (operand.c) --- */
bool mr_parse_operand(mr_parser *p, mr_node *ret);
/* From SELECT (or WITH, VALUES) to the parenthesis that closes it; copied as it is. */
bool mr_parse_subquery(mr_parser *p);

/* --- calls (call.c) --- */
bool mr_parse_call(mr_parser *p, mr_node *ret); /* at the name; "(" follows */
bool mr_parse_cast(mr_parser *p, mr_node *ret); /* at CAST */
/* The nearest name of a function queries may call; NULL: none is near. */
const char *mr_function_nearest(const char *name);
/* May SQLite run it? All that queries may call, and what they are rewritten to. */
bool mr_function_allowed(const char *name);

/* --- types (typing.c) --- */
bool mr_type_is_number(mr_type type);    /* bool, long, double */
bool mr_type_is_timestamp(mr_type type); /* of either kind */
/* No schema is known yet and this hangs on it: whatever is done with it, the answer is open. */
bool mr_type_unknown(const mr_parser *p, const mr_node *node);
/* The type that holds both, for CASE, coalesce() and the like. */
bool mr_type_unify(mr_parser *p, const mr_node *a, const mr_node *b, mr_sql_type *ret);
/* May they be compared? Turns a text literal beside a timestamp or date into one; `exact` is set
 * when SQLite would compare decimals as text and the caller must rewrite. */
bool mr_type_comparable(mr_parser *p, mr_node *a, mr_node *b, bool *exact);
bool mr_type_condition(mr_parser *p, const mr_node *node); /* may stand in WHERE, AND, CASE WHEN */
bool mr_type_arithmetic(mr_parser *p, const mr_token *op, const mr_node *a, const mr_node *b,
                        mr_sql_type *ret);
/* Digits after the point of an exact number, -1 when they are not known from the text alone. */
int mr_type_scale(const mr_node *node);

#endif
