/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One JSON text (RFC 8259) as a tree over its bytes: numbers stay the text they are, so that a
 * decimal is exact, and what has no escapes is not copied.
 *
 * Limits     Values nest at most FILE_JSON_DEPTH deep, and a text has at most FILE_JSON_VALUES of
 *            them.
 * Refused    what is not JSON; escapes that are no character (lone surrogates) and \u0000.
 */
#ifndef MR_FILE_JSON_H
#define MR_FILE_JSON_H

#include "api/error.h"
#include "api/record.h"

enum { FILE_JSON_DEPTH = 64, FILE_JSON_VALUES = 1 << 20 };

typedef enum file_json_type {
    FILE_JSON_NULL,
    FILE_JSON_FALSE,
    FILE_JSON_TRUE,
    FILE_JSON_NUMBER,
    FILE_JSON_STRING,
    FILE_JSON_ARRAY,
    FILE_JSON_OBJECT,
} file_json_type;

typedef struct file_json {
    uint8_t type;            /* file_json_type */
    uint32_t at, len;        /* its bytes in the text, quotes and brackets included */
    uint32_t count;          /* of elements or members */
    struct file_json *first; /* of them */
    struct file_json *next;  /* beside it */
    mr_slice key;            /* of a member, without escapes */
    mr_slice string;         /* FILE_JSON_STRING, without escapes */
} file_json;

/* The text must be UTF-8 (mr_csv_text_valid) of less than 4 GiB. MR_REJECT: *at is the byte at
 * which it stops being JSON. The tree is in the arena and points into the text. */
MR_CHECKED mr_status file_json_parse(const char *text, size_t len, mr_arena *arena,
                                     const file_json **ret, uint32_t *at, mr_error *err);

/* "an object", "a number", ... */
const char *file_json_kind(const file_json *value);

/* The column, from 1, of a byte of a line: in characters. */
int64_t file_json_column(const char *text, uint32_t at);

#endif
