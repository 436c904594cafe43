/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one task has met in its topics, by writer schema: the plan that reads it, and whether it is
 * a change record or a notice. One thread.
 */
#ifndef MR_RUNTIME_FORMATS_H
#define MR_RUNTIME_FORMATS_H

#include "codec/avro.h"
#include "codec/json.h"
#include "kafka/consumer.h"
#include "kafka/wire.h"
#include "runtime/unwrap.h"

/* What is made of change records. */
typedef enum mr_envelopes {
    MR_ENVELOPES_UNWRAP, /* rows; one that lacks its NewImage is refused (MR_REJECT) */
    MR_ENVELOPES_WHOLE,  /* left as they are */
} mr_envelopes;

/* What begins messages of json-connect that have the same schema: their envelope up to the payload,
 * so that it is compared and not read again. */
typedef struct mr_connect_start {
    char *schema; /* its text in the message; NULL: not of json-connect */
    size_t schema_bytes;
    char *prefix; /* of the message it was met in first; NULL: the payload did not come last */
    size_t prefix_bytes;
} mr_connect_start;

typedef struct mr_wire_format {
    uint64_t id;              /* of its schema on the wire */
    size_t header_bytes;      /* before the datum */
    const mr_schema *written; /* borrowed from behind the wire, but for json-connect */
    mr_decoder *decoder;      /* NULL: JSON that needs no resolution */
    mr_json_decoder *json;    /* NULL: Avro */
    mr_encoder *encoder;      /* JSON that does: its cells go through Avro */
    mr_connect_start start;
    mr_error *refused; /* why it can not be read; NULL: it can */
    bool notice;
    mr_unwrap *unwrap;                    /* NULL: no change record, or left whole */
    const mr_schema *schema, *key_schema; /* of the records made; key_schema NULL: none */
} mr_wire_format;

typedef struct mr_formats mr_formats;

/* Borrows wires and stop. */
mr_formats *mr_formats_new(const mr_wires *wires, mr_envelopes envelopes, const atomic_bool *stop);
void mr_formats_free(mr_formats *formats);

/* The format of a value, or of a key; lives as long as `formats`. `last` (NULL: none) is looked at
 * first. *ret NULL: there is nothing to read, since it is null, or a key that is text. MR_REJECT:
 * it is not in the format of the wire, there is no such schema, or it does not resolve to the one
 * that is wanted. */
MR_CHECKED mr_status mr_formats_find(mr_formats *formats, mr_slice data, bool key,
                                     const mr_wire_format *last, const mr_wire_format **ret,
                                     mr_error *err);

/* Of json-connect the payload may be null: then there is nothing to read in a value either.
 *
 * Reads one message, whose value and key have these formats (their headers included); NULL: not
 * read. A null value is a tombstone. Children are in the arena, text in the message. A notice has
 * its cells as value. MR_REJECT: malformed, or no NewImage; the record then has where it came from,
 * and maybe more. */
MR_CHECKED mr_status mr_formats_read(const mr_wire_format *format, const mr_wire_format *key_format,
                                     const mr_message *message, mr_arena *arena, mr_record *ret,
                                     mr_error *err);

#endif
