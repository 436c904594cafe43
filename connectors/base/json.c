/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds where in a JSON text a value stands. jansson tells positions of syntax errors only, so the
 * text (already known to be well-formed) is walked once more when a problem has to be shown: slow
 * is fine, holding positions for every value is not needed. No recursion: only what lies on the
 * path is entered, the rest is skipped by counting brackets.
 */
#include "base/json.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct scan {
    const char *at, *end;
} scan;

static char peek(const scan *s)
{
    return s->at < s->end ? *s->at : '\0';
}

static void skip_blank(scan *s)
{
    while (s->at < s->end && strchr(" \t\r\n", *s->at)) {
        s->at++;
    }
}

static void skip_string(scan *s)
{
    for (s->at++; s->at < s->end && *s->at != '"'; s->at++) {
        if (*s->at == '\\') {
            s->at++;
        }
    }
    s->at = s->at < s->end ? s->at + 1 : s->end;
}

static void skip_value(scan *s)
{
    size_t depth = 0;
    skip_blank(s);
    do {
        char c = peek(s);
        if (c == '"') {
            skip_string(s);
        } else {
            depth += c == '{' || c == '[';
            if (c == '}' || c == ']') {
                if (depth == 0) {
                    return;
                }
                depth--;
            }
            if (depth == 0 && c == ',') {
                return;
            }
            s->at++;
        }
    } while (s->at < s->end && (depth > 0 || !strchr(",}]", *s->at)));
}

static unsigned hex4(const scan *s)
{
    unsigned value = 0;
    for (int i = 0; i < 4 && s->at + i < s->end; i++) {
        char c = s->at[i];
        value = value << 4 | (unsigned)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    }
    return value;
}

static size_t put_utf8(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

/* The next character of a string as UTF-8, its escapes undone; s stands behind it after. */
static size_t next_char(scan *s, char out[4])
{
    if (*s->at != '\\') {
        out[0] = *s->at++;
        return 1;
    }
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    char c = s->at + 1 < s->end ? s->at[1] : '\0';
    s->at += 2;
    if (c != 'u') {
        const char *known = c ? strchr(from, c) : NULL;
        out[0] = known ? to[known - from] : c;
        return 1;
    }
    uint32_t code = hex4(s);
    s->at += 4;
    if (code >= 0xD800 && code < 0xDC00 && s->at + 6 <= s->end) { /* a pair of surrogates */
        s->at += 2;
        code = 0x10000 + ((code - 0xD800) << 10) + (hex4(s) - 0xDC00);
        s->at += 4;
    }
    return put_utf8(code, out);
}

/* s stands at the quote of a member's name. Does `path` go on with it? Then the rest of the path;
 * else NULL. s stands behind the name after. */
static const char *match_name(scan *s, const char *path)
{
    bool same = true;
    s->at++;
    while (s->at < s->end && *s->at != '"') {
        char c[4];
        size_t n = next_char(s, c);
        same = same && strncmp(path, c, n) == 0;
        path += same ? n : 0;
    }
    s->at++;
    return same && (*path == '\0' || *path == '\x1f' || *path == '[') ? path : NULL;
}

/* Both: s stands at the bracket; on success it stands at the value (for the last member with `key`
 * at its name) and the rest of the path is returned. */
static const char *enter_object(scan *s, const char *path, bool key)
{
    for (s->at++;;) {
        skip_blank(s);
        if (peek(s) != '"') {
            return NULL;
        }
        const char *name = s->at, *rest = match_name(s, path);
        if (rest && *rest == '\0' && key) {
            s->at = name;
            return rest;
        }
        skip_blank(s);
        s->at++; /* the colon */
        skip_blank(s);
        if (rest) {
            return rest;
        }
        skip_value(s);
        skip_blank(s);
        if (peek(s) != ',') {
            return NULL;
        }
        s->at++;
    }
}

static const char *enter_array(scan *s, const char *path)
{
    char *rest;
    unsigned long index = strtoul(path + 1, &rest, 10);
    if (*path != '[' || *rest != ']') {
        return NULL;
    }
    s->at++;
    for (unsigned long i = 0; i < index; i++) {
        skip_value(s);
        skip_blank(s);
        if (peek(s) != ',') {
            return NULL;
        }
        s->at++;
    }
    skip_blank(s);
    return peek(s) == ']' ? NULL : rest + 1;
}

/* Columns count characters, not bytes, as editors and jansson do. */
static void count_lines(const char *text, const char *at, int *line, int *column)
{
    *line = *column = 1;
    for (const char *c = text; c < at; c++) {
        if (*c == '\n') {
            ++*line;
            *column = 1;
        } else if (((unsigned char)*c & 0xC0) != 0x80) {
            ++*column;
        }
    }
}

int mr_json_locate(const char *text, size_t len, const char *path, int key, int *line, int *column)
{
    scan s = {text, text + len};
    skip_blank(&s);
    while (path && *path && s.at < s.end) {
        path += *path == '\x1f';
        char c = peek(&s);
        path = c == '{' ? enter_object(&s, path, key) : c == '[' ? enter_array(&s, path) : NULL;
    }
    if (!path || s.at >= s.end) {
        return false;
    }
    count_lines(text, s.at, line, column);
    return true;
}
