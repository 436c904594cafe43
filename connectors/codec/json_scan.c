/* SPDX-License-Identifier: Apache-2.0 */
/* See json_scan.h. Runs of plain characters in strings are copied at once. */
#include "codec/json_scan.h"

#include <string.h>

#include "codec/text.h"

void mr_json_scan_start(mr_json_scan *scan, mr_slice text)
{
    scan->start = scan->at = text.data ? text.data : "";
    scan->end = scan->start + text.len;
    scan->depth = 0;
    mr_trail_start(&scan->trail);
}

static bool fail(mr_json_scan *scan, const char *why)
{
    return mr_trail_reason(&scan->trail, "%s", why);
}

char mr_json_peek(mr_json_scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\t' || *scan->at == '\r')) {
        scan->at++;
    }
    return scan->at < scan->end ? *scan->at : '\0';
}

bool mr_json_take(mr_json_scan *scan, char c)
{
    bool here = mr_json_peek(scan) == c && scan->at < scan->end;
    scan->at += here;
    return here;
}

static bool unexpected(mr_json_scan *scan, const char *wanted)
{
    if (scan->at >= scan->end) {
        return mr_trail_reason(&scan->trail, "the JSON text ends where %s should be", wanted);
    }
    return mr_trail_reason(&scan->trail, "not JSON: %s is expected", wanted);
}

bool mr_json_expect(mr_json_scan *scan, char c)
{
    char wanted[] = {'\'', c, '\'', '\0'};
    return mr_json_take(scan, c) || unexpected(scan, wanted);
}

bool mr_json_at_end(mr_json_scan *scan)
{
    mr_json_peek(scan);
    return scan->at == scan->end || fail(scan, "something follows the JSON value");
}

bool mr_json_word(mr_json_scan *scan, const char *word)
{
    size_t len = strlen(word);
    mr_json_peek(scan);
    if ((size_t)(scan->end - scan->at) < len || memcmp(scan->at, word, len) != 0) {
        return unexpected(scan, word);
    }
    scan->at += len;
    return true;
}

static size_t digits(mr_json_scan *scan)
{
    const char *from = scan->at;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9') {
        scan->at++;
    }
    return (size_t)(scan->at - from);
}

bool mr_json_number(mr_json_scan *scan, mr_slice *ret)
{
    mr_json_peek(scan);
    const char *from = scan->at;
    scan->at += scan->at < scan->end && *scan->at == '-';
    const char *first = scan->at;
    size_t whole = digits(scan);
    if (!whole || (whole > 1 && *first == '0')) {
        return unexpected(scan, whole ? "a number without leading zeros" : "a number");
    }
    if (scan->at < scan->end && *scan->at == '.') {
        scan->at++;
        if (!digits(scan)) {
            return unexpected(scan, "a digit");
        }
    }
    if (scan->at < scan->end && (*scan->at | 0x20) == 'e') {
        scan->at++;
        scan->at += scan->at < scan->end && (*scan->at == '+' || *scan->at == '-');
        if (!digits(scan)) {
            return unexpected(scan, "a digit of an exponent");
        }
    }
    *ret = (mr_slice){from, (size_t)(scan->at - from)};
    return true;
}

/* --- Strings ---------------------------------------------------------------------------------- */

static bool hex4(mr_json_scan *scan, uint32_t *ret)
{
    *ret = 0;
    for (int i = 0; i < 4; i++, scan->at++) {
        int digit = scan->at < scan->end ? mr_hex_digit(*scan->at) : -1;
        if (digit < 0) {
            return unexpected(scan, "four hexadecimal digits after \\u");
        }
        *ret = *ret << 4 | (uint32_t)digit;
    }
    return true;
}

static size_t put_utf8(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = len; i-- > 1; c >>= 6) {
        out[i] = (char)(0x80 | (c & 0x3F));
    }
    out[0] = (char)(lead[len] | c);
    return len;
}

/* Behind the "u" of an escape. */
static bool unicode(mr_json_scan *scan, uint32_t *ret)
{
    uint32_t low;
    if (!hex4(scan, ret)) {
        return false;
    }
    if (*ret < 0xD800 || *ret > 0xDFFF) {
        return true;
    }
    if (*ret > 0xDBFF || scan->end - scan->at < 6 || scan->at[0] != '\\' || scan->at[1] != 'u') {
        return fail(scan, "an escape is half of a pair of surrogates");
    }
    scan->at += 2;
    if (!hex4(scan, &low)) {
        return false;
    }
    if (low < 0xDC00 || low > 0xDFFF) {
        return fail(scan, "an escape is half of a pair of surrogates");
    }
    *ret = 0x10000 + ((*ret - 0xD800) << 10) + (low - 0xDC00);
    return true;
}

/* `at` stands behind the backslash. */
static bool escape(mr_json_scan *scan, char out[4], size_t *len)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = scan->at < scan->end ? *scan->at++ : '\0';
    const char *known = c ? strchr(from, c) : NULL;
    uint32_t code;
    if (known) {
        out[0] = to[known - from];
        *len = 1;
        return true;
    }
    if (c != 'u') {
        return fail(scan, "a backslash is followed by no character that JSON knows");
    }
    if (!unicode(scan, &code)) {
        return false;
    }
    *len = put_utf8(code, out);
    return true;
}

/* To the next quote or backslash. */
static bool plain_run(mr_json_scan *scan)
{
    while (scan->at < scan->end) {
        unsigned char c = (unsigned char)*scan->at;
        if (c == '"' || c == '\\') {
            return true;
        }
        if (c < 0x20) {
            return fail(scan, "a control character stands in a string without an escape");
        }
        size_t step = c < 0x80 ? 1 : mr_utf8_length(scan->at, (size_t)(scan->end - scan->at));
        if (!step) {
            return fail(scan, "a string is not UTF-8");
        }
        scan->at += step;
    }
    return fail(scan, "the JSON text ends within a string");
}

/* Goes through the string; out NULL: only counts. An escape is never shorter than what it means. */
static bool copy_string(mr_json_scan *scan, char *out, size_t *len)
{
    *len = 0;
    for (;;) {
        const char *run = scan->at;
        if (!plain_run(scan)) {
            return false;
        }
        size_t plain = (size_t)(scan->at - run);
        if (out) {
            memcpy(out + *len, run, plain);
        }
        *len += plain;
        if (*scan->at++ == '"') {
            return true;
        }
        char c[4];
        size_t n = 0;
        if (!escape(scan, c, &n)) {
            return false;
        }
        if (out) {
            memcpy(out + *len, c, n);
        }
        *len += n;
    }
}

bool mr_json_string(mr_json_scan *scan, mr_arena *arena, mr_slice *ret)
{
    if (mr_json_peek(scan) != '"') {
        return unexpected(scan, "a string");
    }
    const char *from = ++scan->at;
    size_t len;
    if (!copy_string(scan, NULL, &len)) {
        return false;
    }
    if (!ret) {
        return true;
    }
    *ret = (mr_slice){from, len};
    if ((size_t)(scan->at - from) != len + 1) { /* it has escapes */
        char *out = mr_arena_alloc(arena, len + 1);
        scan->at = from;
        copy_string(scan, out, &len);
        ret->data = out;
    }
    return true;
}

/* --- Any value -------------------------------------------------------------------------------- */

const char *mr_json_kind(char first)
{
    switch (first) {
    case '\0':
        return "the end of the text";
    case '"':
        return "a string";
    case '{':
        return "an object";
    case '[':
        return "an array";
    case 't':
    case 'f':
        return "a boolean";
    case 'n':
        return "null";
    case '-':
        return "a number";
    default:
        return first >= '0' && first <= '9' ? "a number" : "no JSON value";
    }
}

static bool skip(mr_json_scan *scan, int depth);

static bool skip_members(mr_json_scan *scan, char end, int depth)
{
    scan->at++;
    if (depth >= MR_JSON_DEPTH_MAX) {
        return mr_trail_reason(&scan->trail, "nested deeper than %d", MR_JSON_DEPTH_MAX);
    }
    if (mr_json_take(scan, end)) {
        return true;
    }
    do {
        if (end == '}' && (!mr_json_string(scan, NULL, NULL) || !mr_json_expect(scan, ':'))) {
            return false;
        }
        if (!skip(scan, depth + 1)) {
            return false;
        }
    } while (mr_json_take(scan, ','));
    return mr_json_expect(scan, end);
}

static bool skip(mr_json_scan *scan, int depth)
{
    mr_slice ignored;
    switch (mr_json_peek(scan)) {
    case '"':
        return mr_json_string(scan, NULL, NULL);
    case '{':
        return skip_members(scan, '}', depth);
    case '[':
        return skip_members(scan, ']', depth);
    case 't':
        return mr_json_word(scan, "true");
    case 'f':
        return mr_json_word(scan, "false");
    case 'n':
        return mr_json_word(scan, "null");
    default:
        return mr_json_number(scan, &ignored);
    }
}

bool mr_json_skip(mr_json_scan *scan, mr_slice *ret)
{
    mr_json_peek(scan);
    const char *from = scan->at;
    if (!skip(scan, scan->depth)) {
        return false;
    }
    if (ret) {
        *ret = (mr_slice){from, (size_t)(scan->at - from)};
    }
    return true;
}
