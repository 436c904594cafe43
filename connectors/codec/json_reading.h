/* SPDX-License-Identifier: Apache-2.0 */
/* What json_decode.c, which walks records, arrays, maps and unions, shares with json_scalar.c,
 * which reads all other values. Private to the two. */
#ifndef MR_CODEC_JSON_READING_H
#define MR_CODEC_JSON_READING_H

#include "codec/json.h"
#include "codec/json_scan.h"

typedef struct mr_json_reading {
    mr_json_scan scan;
    const mr_json_decoder *decoder;
    mr_json_dialect dialect;
    mr_arena *arena;
    uint64_t cells_left, retries_left;
    int depth;
} mr_json_reading;

/* A value that is no record, array, map or union; ret->type is set. false: scan.trail says why. */
bool mr_json_scalar(mr_json_reading *r, const mr_schema *schema, mr_cell *ret);

/* Fails: there is something else where `what` is expected. */
bool mr_json_wanted(mr_json_reading *r, const mr_schema *schema, const char *what);
bool mr_json_at_number(mr_json_reading *r);

/* Compares a text with a terminated one, as strcmp() does. */
int mr_json_compare(mr_slice name, const char *field);

#endif
