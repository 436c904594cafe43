/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as JSON, to and from cells of a schema. Two dialects:
 *
 *                          MR_JSON_PLAIN               MR_JSON_CONNECT (JsonConverter's)
 *   decimal                text: "12.50"               unscaled bytes in base64
 *   date                   "2019-03-23"                days
 *   time-millis            "20:21:09.5"                milliseconds
 *   time-micros            likewise                    microseconds
 *   timestamp-millis       "2019-03-23T20:21:09Z"      milliseconds
 *   timestamp-micros       likewise                    "2019-03-23T20:21:09.123456Z"
 *   local-timestamp-*      the same without Z          milliseconds, microseconds
 *
 * and in both: numbers with the shortest digits that read back as the same; "NaN", "Infinity",
 * "-Infinity" for those that JSON does not have; bytes and fixed in base64; uuids, enums and text
 * as strings; durations as {"months", "days", "milliseconds"}; maps and records as objects; unions
 * as the value of their branch; of documents (codec/bson_shape.h) ids and decimals by their digits,
 * and JSON as JSON (in Connect's as text). A time or date outside the years 1 to 9999 is written as
 * the number that it is, where there is no text for it.
 *
 * A decoder takes more: numbers for times and dates (as Avro counts them), text for any of them, a
 * number for a decimal (exactly, digit by digit), 1.0 for a whole number. A field that is missing
 * has its default, else null where it may be null. Members that the schema does not have are
 * checked to be JSON and left out. Of a union the first branch that the value fits is taken; 1.0
 * fits no whole number there. What has more decimals than the schema's scale or time unit is
 * refused, but for zeros; Connect's timestamps in text are cut to microseconds.
 *
 * Threads     A decoder is not changed by use: any number of threads may share one.
 * Ownership   Decoded text lies in the input where it has no escapes; the rest in the arena;
 *             symbols and defaults in the schema, which the decoder holds.
 * Limits      Nested at most 64 deep; cells as in codec/avro.h.
 */
#ifndef MR_CODEC_JSON_H
#define MR_CODEC_JSON_H

#include "api/error.h"
#include "api/record.h"
#include "base/buffer.h"

typedef enum mr_json_dialect { MR_JSON_PLAIN, MR_JSON_CONNECT } mr_json_dialect;

typedef struct mr_json_decoder mr_json_decoder;

/* Keeps a reference to the schema, which is a root. */
mr_json_decoder *mr_json_decoder_new(const mr_schema *schema, mr_json_dialect dialect);
void mr_json_decoder_free(mr_json_decoder *decoder);

/* One JSON value, and nothing after it. MR_REJECT with the field's path in err->field and the byte
 * in the text. */
MR_CHECKED mr_status mr_json_decode(const mr_json_decoder *decoder, mr_slice text, mr_arena *arena,
                                    mr_cell *ret, mr_error *err);

/* Appends `cell`, which must fit the schema as it would for mr_encode(). MR_REJECT with the path in
 * err->field: it does not fit, text that is not UTF-8, or a full buffer; `out` is then as it was
 * before. */
MR_CHECKED mr_status mr_json_encode(const mr_schema *schema, mr_json_dialect dialect,
                                    const mr_cell *cell, mr_buffer *out, mr_error *err);

/* Is this text one JSON value, and nothing more? */
bool mr_json_valid(mr_slice text);
/* Appends a JSON value without the blanks between its parts; numbers stay as they are written.
 * false: it is no JSON; out is then as before. */
bool mr_json_compact(mr_slice text, mr_buffer *out);

#endif
