/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DynamoDB's view of a document: items as AttributeValue JSON, and how large they count.
 * Source: the DynamoDB API reference (AttributeValue) and the developer guide ("Item sizes"); the
 * size rule reproduces the three records published in the guide (12, 26 and 59 bytes).
 *
 *   string S, numbers N (as decimal text; NaN and the infinities S), binary B (base64), bool BOOL,
 *   null NULL, document M, array L, ObjectId S (24 hex digits), date S (ISO 8601, Z), UUID S,
 *   Decimal128 N, all else S (canonical extended JSON)
 */
#ifndef MR_CODEC_ATTRIBUTE_VALUE_H
#define MR_CODEC_ATTRIBUTE_VALUE_H

#include "api/record.h"
#include "base/buffer.h"

/* Appends a (checked) document as an item: {"riderid":{"S":"..."},"fare":{"N":"12.5"}}. */
void mr_item_json(mr_slice document, mr_buffer *out);

/* Bytes it counts: UTF-8 of names and texts, raw bytes of binaries, numbers ceil(significant
 * digits / 2) + 1, bool and null 1, M and L 3 plus 1 for each element plus the elements. */
size_t mr_item_size_bytes(mr_slice document);

#endif
