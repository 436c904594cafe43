/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the values, or the keys, of one schema become bytes of a wire: header and datum. One thread.
 */
#ifndef MR_RUNTIME_WRITER_H
#define MR_RUNTIME_WRITER_H

#include "base/buffer.h"
#include "kafka/wire.h"

typedef struct mr_writer mr_writer;

/* Makes the schema known to readers of the topic first, where the wire needs that. Borrows the wire
 * and keeps the schema. Failures are those of mr_wire_announce(). */
MR_CHECKED mr_status mr_writer_new(const mr_wire *wire, const char *topic, const mr_schema *schema,
                                   const atomic_bool *stop, mr_writer **ret, mr_error *err);
void mr_writer_free(mr_writer *writer);

/* Appends one cell of the schema. MR_REJECT: it does not fit, see mr_encode() and mr_json_encode().
 */
MR_CHECKED mr_status mr_writer_put(const mr_writer *writer, const mr_cell *cell, mr_buffer *out,
                                   mr_error *err);

#endif
