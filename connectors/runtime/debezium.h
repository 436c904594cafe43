/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Change events as Debezium writes them
 * (https://debezium.io/documentation/reference/stable/connectors/postgresql.html, "Change event
 * values"): before, after, source and op side by side in one record. Their key is the message's.
 */
#ifndef MR_RUNTIME_DEBEZIUM_H
#define MR_RUNTIME_DEBEZIUM_H

#include "api/error.h"
#include "api/record.h"

/* Where in the envelope its parts stand. */
typedef struct mr_debezium {
    size_t before, after, op;
} mr_debezium;

/* Is it such an envelope? A record with before and after, both null or a record of one name, source
 * and op, a text. */
bool mr_debezium_of(const mr_schema *schema, mr_debezium *ret);

/* Puts what is in the envelope into the record: op c and r are created and snapshot, u update, d
 * delete. MR_REJECT: any other op (t for truncate, m for a message), or a row is missing. */
MR_CHECKED mr_status mr_debezium_record(const mr_debezium *parts, const mr_cell *envelope,
                                        mr_record *record, mr_error *err);

#endif
