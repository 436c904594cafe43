/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intake of a sink: Kafka messages in, decoded and transformed batches out (an mr_epoch ready to be
 * run). Holds the messages, because the records point into them.
 */
#ifndef MR_RUNTIME_INTAKE_H
#define MR_RUNTIME_INTAKE_H

#include "kafka/consumer.h"
#include "kafka/schemas.h"
#include "runtime/config.h"
#include "runtime/epoch.h"

typedef struct mr_intake mr_intake;

/* A message that can not be decoded, or a row that a query can not make. */
typedef struct mr_intake_failure {
    size_t index; /* of the entry in the epoch */
    mr_error why;
} mr_intake_failure;

/* `routes` and their queries are those of config; schemas is shared by the process. Borrows all. */
MR_CHECKED mr_status mr_intake_new(const mr_connector_config *config, const mr_route *routes,
                                   size_t route_count, mr_schemas *schemas, const atomic_bool *stop,
                                   mr_intake **ret, mr_error *err);
void mr_intake_free(mr_intake *intake);

/* Room for the next messages: fill it with mr_consumer_poll() and say how many there are. Takes
 * them over. */
mr_message *mr_intake_room(mr_intake *intake, size_t *room);
void mr_intake_took(mr_intake *intake, size_t count);

/* How many messages to ask for next, so that batch.max.bytes is not passed by far: judged by the
 * size of those seen lately. At least 1. */
size_t mr_intake_most(const mr_intake *intake);

size_t mr_intake_count(const mr_intake *intake);
size_t mr_intake_bytes(const mr_intake *intake);
const mr_message *mr_intake_message(const mr_intake *intake, size_t index);

/* An epoch of all messages held; nothing is decoded yet. Valid until mr_intake_clear(). */
mr_epoch *mr_intake_epoch(mr_intake *intake);

/* Decodes and transforms about `count` messages more into batches of the epoch; *any is false when
 * there was none left. Failures are of single messages and valid until the next call; a failing
 * status is of the whole (MR_FATAL: a query that does not fit the schema; MR_IDLE: stopped). */
MR_CHECKED mr_status mr_intake_more(mr_intake *intake, size_t count, bool *any,
                                    const mr_intake_failure **failures, size_t *failure_count,
                                    mr_error *err);

/* Releases the messages and everything made from them. */
void mr_intake_clear(mr_intake *intake);

#endif
