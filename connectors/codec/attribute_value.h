/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DynamoDB's view of a document: items as AttributeValue JSON, and how large they count. No state,
 * any thread; documents are checked ones (bson.h).
 * Source: the DynamoDB API reference (AttributeValue) and the developer guide ("Item sizes"). The
 * size rule, applied to Keys, NewImage and OldImage and added up, gives the SizeBytes of all
 * records found: those of the guides' examples (26, 59, 38; 24, 56, 36) and ones recorded from the
 * service (6, 20, 35, 21); unit test.
 *
 *   string S, numbers N (decimal text; not a number and the infinities S), binary B (base64), bool
 *   BOOL, null NULL, document M, array L, ObjectId S (24 hex digits), date S (ISO 8601 with
 *   milliseconds, Z), UUID (binary 4 of 16 bytes) S, all else S (canonical extended JSON)
 *
 * Numbers keep their digits and exponents even where DynamoDB would not take them (more than 38
 * digits there are none; 1E+200 is too large for it).
 */
#ifndef MR_CODEC_ATTRIBUTE_VALUE_H
#define MR_CODEC_ATTRIBUTE_VALUE_H

#include "api/record.h"
#include "base/buffer.h"

/* Appends a (checked) document as an item: {"riderid":{"S":"..."},"fare":{"N":"12.5"}}. */
void mr_item_json(mr_slice document, mr_buffer *out);

/* Bytes it counts: those of names and texts (as they are stored), raw bytes of binaries, numbers
 * ceil(significant digits / 2) + 1, bool and null 1, M and L 3 plus 1 for each element plus the
 * elements. */
size_t mr_item_size_bytes(mr_slice document);

#endif
