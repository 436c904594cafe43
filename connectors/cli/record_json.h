/* SPDX-License-Identifier: Apache-2.0 */
/* Messages as JSON for people and jq. */
#ifndef MR_CLI_RECORD_JSON_H
#define MR_CLI_RECORD_JSON_H

#include <jansson.h>
#include <stdio.h>

#include "api/record.h"

/* A cell of `schema`: records and maps as objects; dates and times as ISO 8601 text (with Z where
 * the type means UTC); decimals as text with all their digits; bytes as base64 text, but ids and
 * decimals of documents (codec/bson_shape.h) as their digits and JSON in it as JSON; numbers that
 * JSON does not have as "NaN", "Infinity", "-Infinity". New reference. */
json_t *mr_show_cell(const mr_cell *cell, const mr_schema *schema);

/* Bytes of no known format: JSON when they are, else text when they are UTF-8, else
 * {"base64": ...}. data NULL: null. */
json_t *mr_show_bytes(mr_slice bytes);

/* The value of a header: a document that goes beside a change record (codec/change.h) as extended
 * JSON, others as mr_show_bytes(). */
json_t *mr_show_header(const mr_header *header);

/* The value on one line; numbers with as few digits as tell them from their neighbours (9.3, not
 * 9.3000000000000007 as jansson prints it). */
void mr_show_json(FILE *out, const json_t *value);

#endif
