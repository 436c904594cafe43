/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intake of a sink: a haul of Kafka messages in, decoded and transformed batches out (an mr_epoch
 * ready to be run).
 */
#ifndef MR_RUNTIME_INTAKE_H
#define MR_RUNTIME_INTAKE_H

#include "kafka/wire.h"
#include "runtime/config.h"
#include "runtime/epoch.h"
#include "runtime/haul.h"

typedef struct mr_intake mr_intake;

/* A message that can not be decoded, or a row that a query can not make. */
typedef struct mr_intake_failure {
    size_t index; /* of the entry in the epoch */
    mr_error why;
} mr_intake_failure;

/* `routes` and their queries are those of config; wires say how messages stand on the wire. Borrows
 * all. */
MR_CHECKED mr_status mr_intake_new(const mr_connector_config *config, const mr_route *routes,
                                   size_t route_count, const mr_wires *wires,
                                   const atomic_bool *stop, mr_intake **ret, mr_error *err);
void mr_intake_free(mr_intake *intake);

/* An epoch of all messages of the haul; nothing is decoded yet. Borrows the haul. Valid until
 * mr_intake_clear(). */
mr_epoch *mr_intake_epoch(mr_intake *intake, const mr_haul *haul);

/* Decodes and transforms about `count` messages more into batches of the epoch; *any is false when
 * there was none left. Failures are of single messages and valid until the next call; a failing
 * status is of the whole (MR_FATAL: a query that does not fit the schema; MR_IDLE: stopped). */
MR_CHECKED mr_status mr_intake_more(mr_intake *intake, size_t count, bool *any,
                                    const mr_intake_failure **failures, size_t *failure_count,
                                    mr_error *err);

/* Forgets the epoch: everything that was made from the haul. */
void mr_intake_clear(mr_intake *intake);

#endif
