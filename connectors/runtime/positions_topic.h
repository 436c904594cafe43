/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Positions of sources in the compacted topic millrace.positions. Key: a JSON array
 * ["<pipeline>.<connector>", "<name>"]; value: the text the connector gave; null removes it.
 * Written in the transaction of the records they cover.
 */
#ifndef MR_RUNTIME_POSITIONS_TOPIC_H
#define MR_RUNTIME_POSITIONS_TOPIC_H

#include <stdatomic.h>

#include "api/connector.h"
#include "kafka/producer.h"

#define MR_POSITIONS_TOPIC "millrace.positions"

/* Adds all positions of a connector to `into`. Read after the transactional id has been fenced,
 * this is the last word. */
MR_CHECKED mr_status mr_positions_load(const mr_kafka_config *kafka, const char *task_name,
                                       const atomic_bool *stop, mr_positions *into, mr_error *err);

/* Sends changes within the producer's transaction. */
MR_CHECKED mr_status mr_positions_store(mr_producer *producer, const char *task_name,
                                        const mr_positions *changes, mr_error *err);

#endif
