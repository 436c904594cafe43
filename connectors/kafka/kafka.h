/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the runtime sees of Kafka. This folder is the only one that includes librdkafka.
 *
 * Waiting    "broker away: wait, say so, go on": no call here fails because a broker is
 * unreachable; calls with a timeout return MR_IDLE, and the client's events are logged through the
 * callback given in mr_kafka_config. Failure    MR_RETRY: the transaction must be aborted and the
 * epoch replayed. MR_REOPEN: this client is of no more use, close it and make a new one. MR_FATAL:
 * configuration or authorisation, or fenced by a newer instance of the same transactional.id
 *            (err->code "_FENCED").
 */
#ifndef MR_KAFKA_KAFKA_H
#define MR_KAFKA_KAFKA_H

#include "api/connector.h"

/* librdkafka properties as name=value pairs. */
typedef struct mr_property {
    const char *name, *value;
} mr_property;

/* An event worth a log line: "kafka.unreachable", "kafka.reachable", "kafka.rebalance", ... Called
 * from the thread that uses the client. level as in base/log.h. */
typedef void mr_kafka_event(void *context, int level, const char *event, const char *text);

typedef struct mr_kafka_config {
    const char *client_id;         /* "<pipeline>.<connector>-<task>" */
    const mr_property *properties; /* the user's: bootstrap.servers, security.*, sasl.*, ... win
                                      over our defaults */
    size_t property_count;
    mr_kafka_event *on_event; /* NULL: none */
    void *context;
} mr_kafka_config;

/* Checks names and values without connecting: MR_FATAL, permanent, naming the property and the
 * nearest right one. Properties that would break a guarantee (enable.auto.commit,
 * isolation.level=read_uncommitted, enable.idempotence=false, transactional.id, group.id) are
 * refused with the reason. */
MR_CHECKED mr_status mr_kafka_check(const mr_kafka_config *config, mr_error *err);

#endif
