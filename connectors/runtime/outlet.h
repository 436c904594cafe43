/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outlet of a source: batches in, messages to the producer out. Applies the source's query,
 * makes the keys, and sees to it that a schema is known to readers before a record that needs it.
 */
#ifndef MR_RUNTIME_OUTLET_H
#define MR_RUNTIME_OUTLET_H

#include "kafka/producer.h"
#include "kafka/wire.h"
#include "runtime/config.h"

typedef struct mr_outlet mr_outlet;

MR_CHECKED mr_status mr_outlet_new(const mr_connector_config *config, const mr_wires *wires,
                                   const atomic_bool *stop, mr_outlet **ret, mr_error *err);
void mr_outlet_free(mr_outlet *outlet);

typedef struct mr_outlet_failure {
    const mr_record *record; /* of the batch given: what could not be sent */
    mr_error why;
} mr_outlet_failure;

/* Sends the batch's records. Single records that can not be made into a message are listed in
 * *failures, valid until the next call. */
MR_CHECKED mr_status mr_outlet_send(mr_outlet *outlet, mr_producer *producer, const mr_batch *batch,
                                    size_t *sent, size_t *sent_bytes,
                                    const mr_outlet_failure **failures, size_t *failure_count,
                                    mr_error *err);

#endif
