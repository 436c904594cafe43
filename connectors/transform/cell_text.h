/* SPDX-License-Identifier: Apache-2.0 */
/* Cells as text: nested values as JSON, the forms SQL shows. */
#ifndef MR_TRANSFORM_CELL_TEXT_H
#define MR_TRANSFORM_CELL_TEXT_H

#include "api/record.h"
#include "base/buffer.h"
#include "codec/text.h"

/* Appends JSON (RFC 8259): records and maps as objects, timestamps in microseconds, decimals and
 * uuids as text, ids and decimals of documents (codec/bson_shape.h) too, other bytes as text of the
 * code points 0 to 255 (as Avro's JSON encoding has it), NaN and infinities as null. Deeper than
 * 128 levels: null. */
void mr_cell_json(const mr_schema *schema, const mr_cell *cell, mr_buffer *out);

/* The branch of a union a cell is of; else the schema itself. */
const mr_schema *mr_cell_schema(const mr_schema *schema, const mr_cell *cell);

/* A timestamp, local timestamp or time of day in microseconds whatever its own unit; other whole
 * numbers as they are. */
int64_t mr_cell_integer(const mr_cell *cell);

#endif
