/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Change records taken apart (codec/change.h, docs/decisions/0008-change-records.md): a sink sees
 * the row, not the envelope around it.
 *
 *   INSERT, MODIFY, REMOVE   op create (snapshot when it was read by one), update, delete
 *   Keys                     key, a cell of unwrap->keys
 *   NewImage                 value, a cell of unwrap->image; NULL with REMOVE
 *   OldImage                 before, likewise; NULL: none
 *
 * Events of Debezium's likewise (runtime/debezium.h): op c, r, u, d, after and before.
 *
 * Nothing is copied: the cells are those of the envelope. An unwrap is immutable: threads may share
 * it.
 */
#ifndef MR_RUNTIME_UNWRAP_H
#define MR_RUNTIME_UNWRAP_H

#include "api/error.h"
#include "api/record.h"
#include "runtime/debezium.h"

typedef struct mr_unwrap {
    const mr_schema *keys, *image; /* schemas of their own: encoders and queries need roots */
    bool debezium;                 /* keys are NULL then: they are those of the messages */
    mr_debezium parts;
} mr_unwrap;

/* Can it be taken apart: is it mr_is_change(), or an event of Debezium's? */
bool mr_unwrap_can(const mr_schema *schema);
/* Of such a schema. */
MR_CHECKED mr_status mr_unwrap_new(const mr_schema *change, mr_unwrap **ret, mr_error *err);
void mr_unwrap_free(mr_unwrap *unwrap);

/* Puts what is in the envelope into the record. MR_REJECT, with the record filled all the same:
 * an INSERT or MODIFY whose NewImage is missing. It must not go on to a sink, which would take a
 * record without a value for a delete. */
MR_CHECKED mr_status mr_unwrap_record(const mr_unwrap *unwrap, const mr_cell *envelope,
                                      mr_record *record, mr_error *err);

/* Logs a notice (mr_is_notice) that came with `record`. */
void mr_notice_log(const char *topic, const mr_record *record, const mr_cell *notice);

#endif
