/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dead letters: records that can never be stored, as they came, with the reason in headers. The
 * __connect.errors.* headers are those of Kafka Connect (DeadLetterQueueReporter.java), so that
 * existing tools understand them; millrace.errors.* add what those lack.
 */
#ifndef MR_RUNTIME_DEADLETTER_H
#define MR_RUNTIME_DEADLETTER_H

#include "kafka/producer.h"
#include "runtime/config.h"

typedef struct mr_dead_letter {
    const mr_connector_config *config;
    int task_index;
    const char *stage; /* VALUE_CONVERTER, TRANSFORMATION, TASK_PUT, TASK_POLL */
    const char *topic; /* where it came from; NULL: from no topic */
    int32_t partition;
    int64_t offset;
    const char *where; /* "trips.csv:17"; NULL: none */
    mr_slice key, value;
    int64_t timestamp_ms;
    const mr_header *headers; /* its own */
    uint32_t header_count;
    const mr_error *why;
} mr_dead_letter;

/* The dead-letter topic of a connector; to be freed. */
char *mr_dead_letter_topic(const mr_connector_config *config);

/* Hands the letter to the producer: durable after its flush or commit. */
MR_CHECKED mr_status mr_dead_letter_send(mr_producer *producer, const char *dead_topic,
                                         const mr_dead_letter *letter, mr_error *err);

/* Creates the dead-letter topic when it is missing: kept for 14 days, one partition. */
MR_CHECKED mr_status mr_dead_letter_ensure_topic(const mr_kafka_config *kafka,
                                                 const char *dead_topic, const atomic_bool *stop,
                                                 mr_error *err);

#endif
