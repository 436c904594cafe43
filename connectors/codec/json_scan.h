/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON text (RFC 8259) token by token, strictly: nothing that the grammar does not have, text that
 * is UTF-8, surrogates in pairs, values nested at most MR_JSON_DEPTH_MAX deep. No tree is made.
 *
 * The functions return false with the reason in scan->trail when the text is not what they read;
 * the place is scan->at then. Private to codec/json_*.c and connect_*.c.
 */
#ifndef MR_CODEC_JSON_SCAN_H
#define MR_CODEC_JSON_SCAN_H

#include "api/record.h"
#include "base/arena.h"
#include "codec/trail.h"

enum { MR_JSON_DEPTH_MAX = 64 };

typedef struct mr_json_scan {
    const char *start, *at, *end;
    int depth; /* how deep a value that is skipped lies already */
    mr_trail trail;
} mr_json_scan;

void mr_json_scan_start(mr_json_scan *scan, mr_slice text);

/* The next character that is no blank, which is where `at` stands then; 0 at the end. */
char mr_json_peek(mr_json_scan *scan);
/* Takes one character, blanks before it skipped. */
bool mr_json_expect(mr_json_scan *scan, char c);
/* Takes it when it is there. */
bool mr_json_take(mr_json_scan *scan, char c);
/* Only blanks are left. */
bool mr_json_at_end(mr_json_scan *scan);

/* true, false or null. */
bool mr_json_word(mr_json_scan *scan, const char *word);
/* A number as it is written. */
bool mr_json_number(mr_json_scan *scan, mr_slice *ret);
/* A string without its escapes: a part of the text where it has none, else in the arena. NULL:
 * only checked. A character U+0000 is a character as any other. */
bool mr_json_string(mr_json_scan *scan, mr_arena *arena, mr_slice *ret);
/* Any value; *ret (NULL: not wanted) is its text. */
bool mr_json_skip(mr_json_scan *scan, mr_slice *ret);

/* Is this text one JSON value, that deep already, and nothing more? */
bool mr_json_valid_at(mr_slice text, int depth);

/* What the next value is, for messages: "a string", "an object", ... */
const char *mr_json_kind(char first);

#endif
