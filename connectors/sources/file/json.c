/* SPDX-License-Identifier: Apache-2.0 */
/* Recursive descent; what is wrong is a constant text, put into words once at the end. */
#include "json.h"

#include <string.h>

#include "base/arena.h"
#include "codec/text.h"

typedef struct parser {
    const char *text;
    uint32_t at, len;
    mr_arena *arena;
    size_t values;
    const char *problem;
} parser;

static bool stop(parser *p, const char *problem)
{
    if (!p->problem) {
        p->problem = problem;
    }
    return false;
}

/* The byte that is next; 0 at the end (the text holds no other). */
static char peek(const parser *p)
{
    return p->at < p->len ? p->text[p->at] : '\0';
}

static void skip_space(parser *p)
{
    while (p->at < p->len && strchr(" \t\r\n", p->text[p->at])) {
        p->at++;
    }
}

static bool take_char(parser *p, char c)
{
    if (peek(p) != c) {
        return false;
    }
    p->at++;
    return true;
}

static bool take_digits(parser *p)
{
    uint32_t from = p->at;
    while (peek(p) >= '0' && peek(p) <= '9') {
        p->at++;
    }
    return p->at > from;
}

static bool parse_number(parser *p, file_json *v)
{
    v->type = FILE_JSON_NUMBER;
    take_char(p, '-');
    if (!take_char(p, '0') && !take_digits(p)) {
        return stop(p, "a number needs a digit here");
    }
    if (take_char(p, '.') && !take_digits(p)) {
        return stop(p, "a number needs a digit after its point");
    }
    if (take_char(p, 'e') || take_char(p, 'E')) {
        if (!take_char(p, '+')) {
            take_char(p, '-');
        }
        if (!take_digits(p)) {
            return stop(p, "a number needs a digit in its exponent");
        }
    }
    return true;
}

static bool take_hex4(parser *p, uint32_t *ret)
{
    *ret = 0;
    for (int i = 0; i < 4; i++) {
        int digit = mr_hex_digit(peek(p));
        if (digit < 0) {
            return stop(p, "\\u needs four hex digits");
        }
        *ret = *ret << 4 | (uint32_t)digit;
        p->at++;
    }
    return true;
}

static char *put_utf8(uint32_t c, char *out)
{
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    if (c < 0x800) {
        *out++ = (char)(0xC0 | c >> 6);
    } else if (c < 0x10000) {
        *out++ = (char)(0xE0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
    } else {
        *out++ = (char)(0xF0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3F));
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
    }
    *out++ = (char)(0x80 | (c & 0x3F));
    return out;
}

static bool take_unicode(parser *p, char **out)
{
    uint32_t c, low;
    if (!take_hex4(p, &c)) {
        return false;
    }
    if (c >= 0xD800 && c < 0xDC00) {
        if (!take_char(p, '\\') || !take_char(p, 'u')) {
            return stop(p, "half of a surrogate pair is missing");
        }
        if (!take_hex4(p, &low)) {
            return false;
        }
        if (low < 0xDC00 || low > 0xDFFF) {
            return stop(p, "half of a surrogate pair is missing");
        }
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    } else if (c >= 0xDC00 && c <= 0xDFFF) {
        return stop(p, "half of a surrogate pair is missing");
    }
    if (!c) {
        return stop(p, "\\u0000 stands for a NUL, which texts can not hold");
    }
    *out = put_utf8(c, *out);
    return true;
}

static bool take_escape(parser *p, char **out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = peek(p);
    if (c == 'u') {
        p->at++;
        return take_unicode(p, out);
    }
    const char *found = c ? strchr(from, c) : NULL;
    if (!found) {
        return stop(p, "\\ is followed by something that is no escape");
    }
    p->at++;
    *(*out)++ = to[found - from];
    return true;
}

/* Bytes up to the closing quote or an escape. */
static bool take_plain(parser *p)
{
    while (p->at < p->len && p->text[p->at] != '"' && p->text[p->at] != '\\') {
        if ((unsigned char)p->text[p->at] < ' ') {
            return stop(p, "a control character stands in a string without an escape");
        }
        p->at++;
    }
    return p->at < p->len || stop(p, "a string is not closed");
}

static bool parse_string(parser *p, mr_slice *ret)
{
    uint32_t from = ++p->at;
    if (!take_plain(p)) {
        return false;
    }
    if (take_char(p, '"')) {
        *ret = (mr_slice){p->text + from, p->at - 1 - from};
        return true;
    }
    const char *end = p->text + p->at;
    do { /* how long can it be? */
        end = memchr(end, '"', (size_t)(p->text + p->len - end));
    } while (end && end[-1] == '\\' && ++end);
    size_t room = end ? (size_t)(end - (p->text + from)) : p->len - from;
    char *text = mr_arena_alloc(p->arena, room + 4), *out = text;
    memcpy(out, p->text + from, p->at - from);
    out += p->at - from;
    while (!take_char(p, '"')) {
        uint32_t start = p->at;
        if (take_char(p, '\\')) {
            if (!take_escape(p, &out)) {
                return false;
            }
            continue;
        }
        if (!take_plain(p)) {
            return false;
        }
        memcpy(out, p->text + start, p->at - start);
        out += p->at - start;
    }
    *ret = (mr_slice){text, (size_t)(out - text)};
    return true;
}

static bool parse_value(parser *p, int depth, file_json *v);

/* The elements of an array or the members of an object, behind its bracket. */
static bool parse_inside(parser *p, int depth, file_json *v, char close)
{
    file_json **end = &v->first;
    p->at++;
    skip_space(p);
    if (take_char(p, close)) {
        return true;
    }
    do {
        file_json *child = mr_arena_calloc(p->arena, 1, sizeof *child);
        skip_space(p);
        if (close == '}') {
            if (peek(p) != '"') {
                return stop(p, "a member's name in quotes is expected here");
            }
            if (!parse_string(p, &child->key)) {
                return false;
            }
            skip_space(p);
            if (!take_char(p, ':')) {
                return stop(p, "a colon is expected here");
            }
        }
        if (!parse_value(p, depth, child)) {
            return false;
        }
        *end = child;
        end = &child->next;
        v->count++;
        skip_space(p);
    } while (take_char(p, ','));
    return take_char(p, close) || stop(p, close == '}' ? "a comma or } is expected here"
                                                       : "a comma or ] is expected here");
}

static bool parse_word(parser *p, file_json *v)
{
    static const char *const words[] = {"null", "false", "true"};
    for (int i = FILE_JSON_NULL; i <= FILE_JSON_TRUE; i++) {
        size_t len = strlen(words[i]);
        if (p->len - p->at >= len && memcmp(p->text + p->at, words[i], len) == 0) {
            v->type = (uint8_t)i;
            p->at += (uint32_t)len;
            return true;
        }
    }
    return stop(p, p->at < p->len ? "a value is expected here" : "the text ends too early");
}

static bool parse_value(parser *p, int depth, file_json *v)
{
    bool good;
    skip_space(p);
    if (depth == FILE_JSON_DEPTH || p->values++ == FILE_JSON_VALUES) {
        return stop(p, depth == FILE_JSON_DEPTH ? "values are nested more than 64 deep"
                                                : "it has more than a million values");
    }
    v->at = p->at;
    char c = peek(p);
    if (c == '"') {
        v->type = FILE_JSON_STRING;
        good = parse_string(p, &v->string);
    } else if (c == '{') {
        v->type = FILE_JSON_OBJECT;
        good = parse_inside(p, depth + 1, v, '}');
    } else if (c == '[') {
        v->type = FILE_JSON_ARRAY;
        good = parse_inside(p, depth + 1, v, ']');
    } else if (c == '-' || (c >= '0' && c <= '9')) {
        good = parse_number(p, v);
    } else {
        good = parse_word(p, v);
    }
    v->len = p->at - v->at;
    return good;
}

mr_status file_json_parse(const char *text, size_t len, mr_arena *arena, const file_json **ret,
                          uint32_t *at, mr_error *err)
{
    parser p = {.text = text, .len = (uint32_t)len, .arena = arena};
    file_json *root = mr_arena_calloc(arena, 1, sizeof *root);
    bool good = parse_value(&p, 0, root);
    if (good) {
        skip_space(&p);
        good = p.at == p.len || stop(&p, "something follows the value");
    }
    if (!good) {
        *at = p.at;
        return mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD, "the line is not JSON: %s", p.problem);
    }
    *ret = root;
    return MR_OK;
}

const char *file_json_kind(const file_json *value)
{
    static const char *const kinds[] = {"null",     "a boolean", "a boolean", "a number",
                                        "a string", "an array",  "an object"};
    return kinds[value->type];
}

int64_t file_json_column(const char *text, uint32_t at)
{
    int64_t column = 1;
    for (uint32_t i = 0; i < at; i++) {
        column += ((unsigned char)text[i] & 0xC0) != 0x80;
    }
    return column;
}
