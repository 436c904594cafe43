/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delimiters, quotes and newlines are found 64 bytes at a time: comparisons of whole vectors give
 * one bit per byte, and the record is walked from one set bit to the next. Only fields in quotes
 * are walked with memchr(). A record that is cut by the end of the input is parsed again from its
 * start when more has been read: with a caller that doubles its buffer this costs at most one more
 * pass, and no state can be wrong between two reads.
 */
#include "codec/csv.h"

#include <stdlib.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/alloc.h"
#include "codec/text.h"

enum { BLOCK_BYTES = 64 };

/* The walk over one record's special bytes. */
typedef struct walk {
    const char *block, *end; /* bits belong to block[0..63] */
    uint64_t bits;           /* special bytes of the block that are still ahead */
    char delimiter, quote;   /* no quotes: the delimiter twice */
} walk;

#if defined(__SSE2__)
static inline uint64_t block_bits(const char *p, char delimiter, char quote)
{
    const __m128i d = _mm_set1_epi8(delimiter), q = _mm_set1_epi8(quote), n = _mm_set1_epi8('\n');
    uint64_t bits = 0;
    for (int i = 0; i < BLOCK_BYTES / 16; i++) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
        __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, d), _mm_cmpeq_epi8(v, q)),
                                   _mm_cmpeq_epi8(v, n));
        bits |= (uint64_t)(unsigned)_mm_movemask_epi8(hit) << (16 * i);
    }
    return bits;
}
#else
static inline uint64_t block_bits(const char *p, char delimiter, char quote)
{
    uint64_t bits = 0;
    for (int i = 0; i < BLOCK_BYTES; i++) {
        bits |= (uint64_t)(p[i] == delimiter || p[i] == quote || p[i] == '\n') << i;
    }
    return bits;
}
#endif

/* Bits of the block at p, of which only what is before w->end counts. */
static inline void load(walk *w, const char *p)
{
    w->block = p;
    if (w->end - p >= BLOCK_BYTES) {
        w->bits = block_bits(p, w->delimiter, w->quote);
    } else {
        char tail[BLOCK_BYTES] = {0}; /* NUL is never special */
        if (w->end > p) {
            memcpy(tail, p, (size_t)(w->end - p));
        }
        w->bits = block_bits(tail, w->delimiter, w->quote);
    }
}

/* The next special byte; NULL: none before the end. */
static inline const char *next_special(walk *w)
{
    while (!w->bits) {
        if (w->end - w->block <= BLOCK_BYTES) {
            return NULL;
        }
        load(w, w->block + BLOCK_BYTES);
    }
    const char *at = w->block + __builtin_ctzll(w->bits);
    w->bits &= w->bits - 1;
    return at;
}

/* Goes on at p, which is ahead. */
static inline void skip_to(walk *w, const char *p)
{
    if (p - w->block < BLOCK_BYTES) {
        w->bits &= ~(uint64_t)0 << (p - w->block);
    } else {
        load(w, p);
    }
}

void mr_csv_init(mr_csv *csv, char delimiter, size_t capacity)
{
    *csv = (mr_csv){.delimiter = delimiter, .quote = '"', .capacity = capacity};
    csv->fields = mr_realloc_array(NULL, capacity ? capacity : 1, sizeof *csv->fields);
}

void mr_csv_release(mr_csv *csv)
{
    free(csv->fields);
    *csv = (mr_csv){0};
}

static inline void add(mr_csv *csv, mr_csv_field field)
{
    if (csv->count < csv->capacity) {
        csv->fields[csv->count] = field;
    }
    csv->count++;
}

static mr_csv_result more(mr_csv *csv, bool open_quote)
{
    csv->open_quote = open_quote;
    return MR_CSV_MORE;
}

/* The first physical line is given up; when its end is not there yet, it must be waited for. */
static mr_csv_result malformed(mr_csv *csv, const char *data, const char *end, bool last,
                               bool never_closed)
{
    const char *problem =
        never_closed ? "a quote is opened and never closed" : "text follows a closing quote";
    const char *newline = memchr(data, '\n', (size_t)(end - data));
    if (!newline && !last) {
        return more(csv, false);
    }
    csv->used = newline ? (size_t)(newline + 1 - data) : (size_t)(end - data);
    csv->lines = 1;
    csv->count = 0;
    csv->problem = problem;
    csv->never_closed = never_closed;
    return MR_CSV_MALFORMED;
}

/* closing_quote() where an escape stands before quotes that are data. */
static const char *closing_after_escapes(mr_csv *csv, const char *open, const char *end,
                                         bool *escaped)
{
    *escaped = false;
    for (const char *p = open + 1; p < end; p++) {
        if (*p == csv->escape) {
            if (p + 1 == end) {
                return NULL;
            }
            if (p[1] == csv->quote || p[1] == csv->escape) {
                *escaped = true;
                p++;
            }
        } else if (*p == csv->quote) {
            return p;
        }
        csv->lines += *p == '\n';
    }
    return NULL;
}

/* The closing quote of the field whose opening quote is at `open`; NULL: not before the end. */
static const char *closing_quote(mr_csv *csv, const char *open, const char *end, bool *escaped)
{
    const char *p = open + 1;
    *escaped = false;
    for (;;) {
        const char *quote = memchr(p, csv->quote, (size_t)(end - p));
        if (!quote || quote + 1 == end || quote[1] != csv->quote) {
            const char *stop = quote ? quote : end;
            for (const char *n = open; (n = memchr(n, '\n', (size_t)(stop - n))); n++) {
                csv->lines++;
            }
            return quote;
        }
        *escaped = true;
        p = quote + 2;
    }
}

enum { FIELD_ENDS, RECORD_ENDS, NEED_MORE, NEVER_CLOSED, TEXT_FOLLOWS };

/* Takes the quoted field at `open`. *after: the byte behind its delimiter or line end. */
static int quoted_field(mr_csv *csv, const char *open, const char *end, bool last,
                        const char **after)
{
    bool escaped;
    uint32_t lines_before = csv->lines;
    const char *close = csv->escape ? closing_after_escapes(csv, open, end, &escaped)
                                    : closing_quote(csv, open, end, &escaped);
    if (!close) {
        csv->open_field = csv->count + 1;
        csv->open_line = lines_before - 1;
        return last ? NEVER_CLOSED : NEED_MORE;
    }
    const char *p = close + 1;
    if (!last && (p == end || (*p == '\r' && p + 1 == end))) {
        return NEED_MORE;
    }
    add(csv, (mr_csv_field){.data = open + 1,
                            .len = (uint32_t)(close - open - 1),
                            .quoted = true,
                            .escaped = escaped,
                            .quote = csv->quote,
                            .escape = csv->escape});
    if (p < end && *p == csv->delimiter) {
        *after = p + 1;
        return FIELD_ENDS;
    }
    if (p < end && *p == '\r') {
        p++;
    }
    if (p == end || *p == '\n') {
        *after = p == end ? p : p + 1;
        return RECORD_ENDS;
    }
    return TEXT_FOLLOWS;
}

/* Adds the plain text up to `stop` as the last field; a CR before the line's end is not data. */
static inline void last_field(mr_csv *csv, const char *field, const char *stop)
{
    size_t len = (size_t)(stop - field);
    if (len && stop[-1] == '\r') {
        len--;
    }
    add(csv, (mr_csv_field){.data = field, .len = (uint32_t)len});
}

static mr_csv_result finish(mr_csv *csv, const char *data, const char *after)
{
    csv->used = (size_t)(after - data);
    const mr_csv_field *f = csv->fields;
    return csv->count == 1 && f->len == 0 && !f->quoted ? MR_CSV_BLANK : MR_CSV_RECORD;
}

mr_csv_result mr_csv_next(mr_csv *csv, const char *data, size_t len, bool last)
{
    const char *end = data + len, *field = data, *at;
    const char delimiter = csv->delimiter;
    walk w = {.end = end, .delimiter = delimiter, .quote = csv->quote ? csv->quote : delimiter};
    csv->count = 0;
    csv->lines = 1;
    load(&w, data);
    while ((at = next_special(&w))) {
        if (*at == delimiter) {
            add(csv, (mr_csv_field){.data = field, .len = (uint32_t)(at - field)});
            field = at + 1;
        } else if (*at == '\n') {
            last_field(csv, field, at);
            return finish(csv, data, at + 1);
        } else if (at == field) {
            switch (quoted_field(csv, at, end, last, &field)) {
            case FIELD_ENDS:
                skip_to(&w, field);
                break;
            case RECORD_ENDS:
                return finish(csv, data, field);
            case NEED_MORE:
                return more(csv, true);
            case NEVER_CLOSED:
                return malformed(csv, data, end, last, true);
            default:
                return malformed(csv, data, end, last, false);
            }
        }
    }
    if (!last) {
        return more(csv, false);
    }
    last_field(csv, field, end);
    return finish(csv, data, end);
}

static size_t drop_escapes(const mr_csv_field *field, char *out)
{
    char *to = out;
    for (size_t i = 0; i < field->len; i++) {
        char next = i + 1 < field->len ? field->data[i + 1] : '\0';
        if (field->data[i] == field->escape && (next == field->quote || next == field->escape)) {
            i++;
        }
        *to++ = field->data[i];
    }
    return (size_t)(to - out);
}

size_t mr_csv_unescape(const mr_csv_field *field, char *out)
{
    const char *p = field->data, *end = p + field->len;
    const char mark = field->quote ? field->quote : '"';
    char *to = out;
    if (field->escape) {
        return drop_escapes(field, out);
    }
    while (p < end) {
        const char *quote = memchr(p, mark, (size_t)(end - p));
        size_t len = (size_t)((quote ? quote + 1 : end) - p);
        memcpy(to, p, len);
        to += len;
        p += quote ? len + 1 : len;
    }
    return (size_t)(to - out);
}

/* No NUL and nothing above 7 bits: what nearly all lines are. */
static bool plain_ascii(const char *data, size_t len)
{
    size_t i = 0;
#if defined(__SSE2__)
    __m128i high = _mm_setzero_si128(), nul = _mm_setzero_si128();
    for (; i + 16 <= len; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(data + i));
        high = _mm_or_si128(high, v);
        nul = _mm_or_si128(nul, _mm_cmpeq_epi8(v, _mm_setzero_si128()));
    }
    if (_mm_movemask_epi8(_mm_or_si128(high, nul))) {
        return false;
    }
#endif
    unsigned bad = 0;
    for (; i < len; i++) {
        unsigned char c = (unsigned char)data[i];
        bad |= (c & 0x80u) | (c == 0);
    }
    return !bad;
}

bool mr_csv_text_valid(const char *data, size_t len)
{
    if (plain_ascii(data, len)) {
        return true;
    }
    for (size_t i = 0; i < len;) {
        size_t step = data[i] ? mr_utf8_length(data + i, len - i) : 0;
        if (!step) {
            return false;
        }
        i += step;
    }
    return true;
}
