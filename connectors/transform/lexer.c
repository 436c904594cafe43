/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tokenizer of queries. SQLite has one of its own and gives no access to it; we need tokens to
 * derive types (typing.c), to refuse what makes no sense per record, and to point at mistakes.
 */
#include "transform/lexer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_name_part(char c)
{
    return is_name_start(c) || is_digit(c) || c == '$';
}

static bool is_hex(char c)
{
    return is_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'f');
}

mr_status mr_sql_fail_at(mr_error *err, const char *query, const char *at, const char *format, ...)
{
    int line = 1, column = 1;
    for (const char *p = query; p < at && *p; p++) {
        if (*p == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)*p & 0xC0) != 0x80) { /* count characters, not bytes */
            column++;
        }
    }
    char text[1000];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    mr_fail(err, MR_FATAL, MR_DOMAIN_TRANSFORM, "query, line %d, column %d: %s", line, column,
            text);
    if (err) {
        err->permanent = true;
    }
    return MR_FATAL;
}

/* The end of white space and comments from p on; NULL: a comment that is not closed. */
static const char *skip_blank(const char *p)
{
    for (;;) {
        while (*p == ' ' || (*p >= '\t' && *p <= '\r')) {
            p++;
        }
        if (p[0] == '-' && p[1] == '-') {
            p += strcspn(p, "\n");
        } else if (p[0] == '/' && p[1] == '*') {
            p = strstr(p + 2, "*/");
            if (!p) {
                return NULL;
            }
            p += 2;
        } else {
            return p;
        }
    }
}

/* The end of a quoted token that starts at p; the quote doubled stands for itself. NULL: open. */
static const char *quoted_end(const char *p)
{
    char quote = *p == '[' ? ']' : *p;
    for (p++; *p; p++) {
        if (*p == quote) {
            if (quote != ']' && p[1] == quote) {
                p++;
            } else {
                return p + 1;
            }
        }
    }
    return NULL;
}

static const char *number_end(const char *p, mr_token_kind *kind)
{
    *kind = MR_TOKEN_INTEGER;
    if (p[0] == '0' && (p[1] | 32) == 'x' && is_hex(p[2])) {
        p += 2;
        while (is_hex(*p)) {
            p++;
        }
        return p;
    }
    while (is_digit(*p)) {
        p++;
    }
    if (*p == '.') {
        *kind = MR_TOKEN_REAL;
        p++;
        while (is_digit(*p)) {
            p++;
        }
    }
    const char *e = p;
    if ((*e | 32) == 'e') {
        e++;
        e += *e == '+' || *e == '-';
        if (is_digit(*e)) {
            *kind = MR_TOKEN_REAL;
            while (is_digit(*e)) {
                e++;
            }
            p = e;
        }
    }
    return p;
}

static const char *punctuation_end(const char *p)
{
    static const char *const longer[] = {
        "->>", "->", "||", "<<", ">>", "<=", ">=", "<>", "!=", "==", NULL};
    for (size_t i = 0; longer[i]; i++) {
        size_t len = strlen(longer[i]);
        if (strncmp(p, longer[i], len) == 0) {
            return p + len;
        }
    }
    return strchr("+-*/%&|~<>=().,;", *p) ? p + 1 : NULL;
}

/* One token at p, which is not blank. NULL: *why says what is wrong. */
static const char *next_token(const char *p, mr_token_kind *kind, const char **why)
{
    if ((*p | 32) == 'x' && p[1] == '\'') {
        *kind = MR_TOKEN_BLOB;
        *why = "this blob is not closed";
        return quoted_end(p + 1);
    }
    if (is_name_start(*p)) {
        *kind = MR_TOKEN_NAME;
        while (is_name_part(*p)) {
            p++;
        }
        return p;
    }
    if (is_digit(*p) || (*p == '.' && is_digit(p[1]))) {
        const char *end = number_end(p, kind);
        *why = "a number and a name run together";
        return is_name_part(*end) ? NULL : end;
    }
    if (*p == '\'' || *p == '"' || *p == '`' || *p == '[') {
        *kind = *p == '\'' ? MR_TOKEN_STRING : MR_TOKEN_QUOTED;
        *why = "this quote is not closed";
        return quoted_end(p);
    }
    *kind = MR_TOKEN_PUNCTUATION;
    *why = strchr("?:@$#", *p)
               ? "parameters are not known here; write the value, or ${env:NAME} in the "
                 "pipeline file"
               : "this character means nothing in SQL";
    return punctuation_end(p);
}

mr_status mr_sql_tokens(const char *query, mr_token **ret, mr_error *err)
{
    size_t len = strlen(query);
    if (len > MR_QUERY_MAX_BYTES) {
        mr_fail(err, MR_FATAL, MR_DOMAIN_TRANSFORM,
                "the query has %zu bytes, allowed are %d; split it into several routes", len,
                MR_QUERY_MAX_BYTES);
        if (err) {
            err->permanent = true;
        }
        return MR_FATAL;
    }
    size_t count = 0, room = 64;
    mr_token *tokens = mr_realloc_array(NULL, room, sizeof *tokens);
    const char *p = query;
    for (;;) {
        const char *start = skip_blank(p);
        if (!start) {
            free(tokens);
            return mr_sql_fail_at(err, query, p, "a comment is not closed");
        }
        if (count == room) {
            room *= 2;
            tokens = mr_realloc_array(tokens, room, sizeof *tokens);
        }
        mr_token *token = &tokens[count++];
        *token = (mr_token){MR_TOKEN_END, start, 0};
        if (!*start) {
            *ret = tokens;
            return MR_OK;
        }
        const char *why = "";
        p = next_token(start, &token->kind, &why);
        if (!p) {
            free(tokens);
            return mr_sql_fail_at(err, query, start, "%s", why);
        }
        token->len = (size_t)(p - start);
    }
}

bool mr_token_is(const mr_token *token, const char *word)
{
    return (token->kind == MR_TOKEN_NAME || token->kind == MR_TOKEN_PUNCTUATION) &&
           strncasecmp(token->text, word, token->len) == 0 && word[token->len] == '\0';
}

char *mr_token_text(const mr_token *token)
{
    if (token->kind != MR_TOKEN_QUOTED && token->kind != MR_TOKEN_STRING) {
        return mr_strndup(token->text, token->len);
    }
    char *text = mr_strndup(token->text + 1, token->len - 2);
    char quote = token->text[0];
    if (quote != '[') {
        char *to = text;
        for (const char *from = text; *from; from++) {
            *to++ = *from;
            from += *from == quote; /* doubled, or it would have ended the token */
        }
        *to = '\0';
    }
    return text;
}
