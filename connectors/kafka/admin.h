/* SPDX-License-Identifier: Apache-2.0 */
/* Topics: creation with the stand-ins' defaults, and looking. Each call connects, asks and leaves.
 */
#ifndef MR_KAFKA_ADMIN_H
#define MR_KAFKA_ADMIN_H

#include <stdatomic.h>

#include "api/option.h"
#include "kafka/consumer.h"

typedef struct mr_topic_spec {
    const char *name;
    int partitions;            /* 0: broker's default */
    int replication;           /* 0: broker's default */
    const mr_property *config; /* cleanup.policy, retention.ms, ... */
    size_t config_count;
} mr_topic_spec;

/* Creates what is missing; an existing topic is left as it is. Waits for the broker until *stop
 * (MR_IDLE), telling through on_event. */
MR_CHECKED mr_status mr_topics_ensure(const mr_kafka_config *config, const mr_topic_spec *topics,
                                      size_t count, const atomic_bool *stop, mr_error *err);

/* *partitions 0 when the topic does not exist. MR_IDLE when no broker answers within timeout_ms. */
MR_CHECKED mr_status mr_topic_partitions(const mr_kafka_config *config, const char *topic,
                                         int timeout_ms, int *partitions, mr_error *err);

/* The topics whose names fit a pattern, an extended regular expression as a subscription takes it:
 * sorted, in the arena. MR_IDLE when no broker answers within timeout_ms. */
MR_CHECKED mr_status mr_topics_matching(const mr_kafka_config *config, const char *pattern,
                                        int timeout_ms, mr_arena *arena, mr_list *ret,
                                        mr_error *err);

/* Reads a topic from its start to the end it has now, read committed, calling `each` per message in
 * order of each partition (value.data NULL: tombstone); the message is valid until it returns.
 * Waits for the broker until *stop (MR_IDLE), and for transactions that are open before that end,
 * whoever's they are: their owner or the broker's time-out ends them. partition -1: all. A missing
 * topic is MR_FATAL. `each` returning anything but MR_OK ends it with that. */
typedef mr_status mr_each_message(void *context, const mr_message *message, mr_error *err);
MR_CHECKED mr_status mr_topic_read_all(const mr_kafka_config *config, const char *topic,
                                       int partition, const atomic_bool *stop,
                                       mr_each_message *each, void *context, mr_error *err);

#endif
