/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one task has met in its topics, by writer schema: the plan that reads it, and whether it is
 * a change record or a notice. One thread.
 */
#ifndef MR_RUNTIME_FORMATS_H
#define MR_RUNTIME_FORMATS_H

#include "codec/avro.h"
#include "kafka/consumer.h"
#include "kafka/schemas.h"
#include "runtime/unwrap.h"

/* What is made of change records. */
typedef enum mr_envelopes {
    MR_ENVELOPES_UNWRAP, /* rows; one that lacks its NewImage is refused (MR_REJECT) */
    MR_ENVELOPES_WHOLE,  /* left as they are */
} mr_envelopes;

typedef struct mr_wire_format {
    uint64_t fingerprint;
    const mr_schema *written; /* borrowed from mr_schemas */
    mr_decoder *decoder;
    bool notice;
    mr_unwrap *unwrap;                    /* NULL: no change record, or left whole */
    const mr_schema *schema, *key_schema; /* of the records made; key_schema NULL: none */
} mr_wire_format;

typedef struct mr_formats mr_formats;

mr_formats *mr_formats_new(mr_schemas *schemas, mr_envelopes envelopes, const atomic_bool *stop);
void mr_formats_free(mr_formats *formats);

/* The format of a fingerprint; lives as long as `formats`. MR_REJECT: there is no such schema. */
MR_CHECKED mr_status mr_formats_find(mr_formats *formats, uint64_t fingerprint,
                                     const mr_wire_format **ret, mr_error *err);

/* Reads one message, whose value has the format (its schema's header included); format NULL: the
 * value is not read, and is a tombstone when it is null. Children are in the arena, text in the
 * message. A notice has its cells as value. MR_REJECT: malformed, or no NewImage; the record then
 * has where it came from, and maybe more. */
MR_CHECKED mr_status mr_formats_read(const mr_wire_format *format, const mr_message *message,
                                     mr_arena *arena, mr_record *ret, mr_error *err);

#endif
