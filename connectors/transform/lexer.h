/* SPDX-License-Identifier: Apache-2.0 */
/* SQL text into tokens, by SQLite's rules (sqlite.org/lang_expr.html, "Literal Values", and
 * sqlite.org/lang_keywords.html, quoting). Keywords are names here: what a name means depends on
 * where it stands. */
#ifndef MR_TRANSFORM_LEXER_H
#define MR_TRANSFORM_LEXER_H

#include <stdbool.h>
#include <stddef.h>

#include "api/error.h"

typedef enum mr_token_kind {
    MR_TOKEN_END,
    MR_TOKEN_NAME,   /* fare, SELECT */
    MR_TOKEN_QUOTED, /* "fare", `fare`, [fare]: always a name, never a keyword */
    MR_TOKEN_STRING, /* 'text' */
    MR_TOKEN_BLOB,   /* x'00ff' */
    MR_TOKEN_INTEGER,
    MR_TOKEN_REAL,
    MR_TOKEN_PUNCTUATION, /* operators, parentheses, commas */
} mr_token_kind;

typedef struct mr_token {
    mr_token_kind kind;
    const char *text; /* into the query */
    size_t len;
} mr_token;

enum { MR_QUERY_MAX_BYTES = 64 << 10 };

/* Splits the query; the list ends with MR_TOKEN_END and belongs to the caller (free). Errors:
 * MR_FATAL, permanent, with the place: an open quote or comment, a parameter, a character that
 * starts nothing, a query of more than MR_QUERY_MAX_BYTES. */
MR_CHECKED mr_status mr_sql_tokens(const char *query, mr_token **ret, mr_error *err);

/* Is the token this keyword (written in capitals) or this punctuation? */
bool mr_token_is(const mr_token *token, const char *word);

/* The name or text a token stands for, its quotes undone; to be freed. */
char *mr_token_text(const mr_token *token);

/* Fills *err with the place in the query ("line 2, column 14, at 'fair': ...") and returns
 * MR_FATAL; the error is permanent. */
mr_status mr_sql_fail_at(mr_error *err, const char *query, const char *at, const char *format, ...)
    MR_PRINTF(4, 5);

#endif
