/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CSV records in memory (RFC 4180, and what files really hold: LF or CRLF, a last line without its
 * newline, empty lines).
 *
 * The parser keeps nothing between calls: it is given bytes that start at a record and says what
 * the record's fields are, or that it needs more bytes. So the result never depends on how the
 * input was cut into reads. Fields point into the input; nothing is copied or allocated.
 *
 * Rules    A field that starts with a quote ends at the next single quote; "" stands for one quote;
 *          delimiters and newlines inside are data. A quote elsewhere in a field is data. After the
 *          closing quote only a delimiter or the line's end may follow. CR is data unless it stands
 *          before LF or ends the input.
 * Damage   A malformed record loses its first physical line only: a stray quote swallows the lines
 *          after it up to the next quote, and those are most likely good. The caller goes on at the
 *          next line.
 */
#ifndef MR_CODEC_CSV_H
#define MR_CODEC_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mr_csv_field {
    const char *data; /* without the quotes around it; in the input */
    uint32_t len;
    bool quoted;
    bool escaped;       /* holds "" where " is meant: mr_csv_unescape() */
    char quote, escape; /* as in mr_csv, for that; 0: the quote is " */
} mr_csv_field;

typedef enum mr_csv_result {
    MR_CSV_RECORD,    /* fields are set, `used` bytes are taken */
    MR_CSV_BLANK,     /* an empty line of `used` bytes */
    MR_CSV_MORE,      /* not complete; open_quote tells whether inside quotes */
    MR_CSV_MALFORMED, /* `problem` says why; `used` is the first physical line */
} mr_csv_result;

typedef struct mr_csv {
    char delimiter;       /* ASCII; not NUL, quote, CR or LF */
    char quote;           /* ASCII as well; 0: there are none, a quote is data */
    char escape;          /* before a quote or itself, in quotes; 0: the quote is doubled instead */
    mr_csv_field *fields; /* room for `capacity`; fields beyond are counted only */
    size_t capacity;
    size_t count;        /* fields the record has, also past capacity */
    size_t used;         /* bytes taken, with the line's end */
    uint32_t lines;      /* physical lines taken: 1 + newlines inside quotes (a last line without
                            newline counts) */
    bool open_quote;     /* MR_CSV_MORE: the end lies inside a quoted field */
    size_t open_field;   /* of the quote that was not closed: which field it is in, from 1; */
    uint32_t open_line;  /* how many lines below the record's first it stands */
    const char *problem; /* MR_CSV_MALFORMED: a constant text */
    bool never_closed;   /* MR_CSV_MALFORMED: because of that quote */
} mr_csv;

/* Allocates room for `capacity` fields. The quote is ", doubled within quotes: set quote and escape
 * after this for another. */
void mr_csv_init(mr_csv *csv, char delimiter, size_t capacity);
void mr_csv_release(mr_csv *csv);

/* Parses the record at data[0]. `last`: nothing follows data[len], so a record may end there. len
 * must be > 0 and below 4 GiB. */
mr_csv_result mr_csv_next(mr_csv *csv, const char *data, size_t len, bool last);

/* Writes field's text with "" (or escape and quote) replaced by " to out, which has room for
 * field->len bytes; returns its length. */
size_t mr_csv_unescape(const mr_csv_field *field, char *out);

/* Is it UTF-8 (RFC 3629: no surrogates, no overlong forms) without NUL? */
bool mr_csv_text_valid(const char *data, size_t len);

#endif
