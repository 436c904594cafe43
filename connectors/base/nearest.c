/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nearest right name for a misspelt one: Damerau-Levenshtein distance (with transpositions of
 * neighbours) over letters and digits only, so that connectionUrl, connection_url and
 * connection.ulr all lead to connection.url.
 */
#include <ctype.h>
#include <string.h>

#include "base/options.h"

enum { NAME_MAX_CHARS = 64 }; /* longer names have no nearest: nobody types them by hand */

/* Letters and digits in lower case; the length, or 0 when it does not fit. */
static size_t fold(const char *name, char out[NAME_MAX_CHARS])
{
    size_t len = 0;
    for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
        if (*c == '.' || *c == '-' || *c == '_') {
            continue;
        }
        if (len == NAME_MAX_CHARS) {
            return 0;
        }
        out[len++] = (char)tolower(*c);
    }
    return len;
}

static int min2(int a, int b)
{
    return a < b ? a : b;
}

static int distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int rows[3][NAME_MAX_CHARS + 1];
    int *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_len; j++) {
        last[j] = before[j] = (int)j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        row[0] = (int)i;
        for (size_t j = 1; j <= b_len; j++) {
            int swap = a[i - 1] != b[j - 1];
            row[j] = min2(min2(last[j] + 1, row[j - 1] + 1), last[j - 1] + swap);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = min2(row[j], before[j - 2] + 1);
            }
        }
        int *oldest = before;
        before = last;
        last = row;
        row = oldest;
    }
    return last[b_len];
}

/* How far `name` is from a folded one; a large number when it is nowhere near. */
static int score(const char *name, const char *folded, size_t len)
{
    char other[NAME_MAX_CHARS];
    size_t other_len = fold(name, other);
    int d = distance(folded, len, other, other_len);
    size_t longer = len > other_len ? len : other_len;
    if (d <= ((int)longer + 2) / 4 && d < (int)longer) { /* 1 of 3..5, 2 of 6..9, 3 of 10..13 */
        return d;
    }
    /* A beginning or an end of the right name is a good guess too: "url" for "connection.url". */
    if (len >= 3 && len < other_len &&
        (memcmp(other, folded, len) == 0 || memcmp(other + other_len - len, folded, len) == 0)) {
        return NAME_MAX_CHARS + (int)(other_len - len);
    }
    return 4 * NAME_MAX_CHARS;
}

typedef struct best {
    const char *name;
    int score;
} best;

static void consider(best *b, const char *name, const char *folded, size_t len)
{
    int s = score(name, folded, len);
    if (s < b->score) {
        *b = (best){name, s};
    }
}

const char *mr_nearest(const char *const *names, const char *name)
{
    char folded[NAME_MAX_CHARS];
    size_t len = fold(name, folded);
    best b = {NULL, 4 * NAME_MAX_CHARS};
    for (size_t i = 0; len && names && names[i]; i++) {
        consider(&b, names[i], folded, len);
    }
    return b.name;
}

const char *mr_option_nearest(const mr_option *table, const char *name)
{
    char folded[NAME_MAX_CHARS];
    size_t len = fold(name, folded);
    best b = {NULL, 4 * NAME_MAX_CHARS};
    for (const mr_option *o = table; len && o && o->name; o++) {
        consider(&b, o->name, folded, len);
    }
    return b.name;
}
