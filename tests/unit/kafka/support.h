/* SPDX-License-Identifier: Apache-2.0 */
/* librdkafka's broker in this process, and a recorder of the events of a client. */
#ifndef MR_TESTS_UNIT_KAFKA_SUPPORT_H
#define MR_TESTS_UNIT_KAFKA_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "kafka/consumer.h"
#include "kafka/producer.h"

/* Protocol numbers of https://kafka.apache.org/protocol.html */
enum {
    API_PRODUCE = 0,
    API_FETCH = 1,
    API_FIND_COORDINATOR = 10,
    API_INIT_PRODUCER_ID = 22,
    API_ADD_PARTITIONS = 24,
    API_END_TXN = 26
};

typedef struct mock {
    rd_kafka_t *rk;
    rd_kafka_mock_cluster_t *cluster;
    mr_property properties[8];
    mr_kafka_config config;
    pthread_mutex_t lock;
    char events[16384]; /* "name: text\n" each */
} mock;

static inline void record_event(void *context, int level, const char *event, const char *text)
{
    mock *m = context;
    (void)level;
    pthread_mutex_lock(&m->lock);
    size_t len = strlen(m->events);
    snprintf(m->events + len, sizeof m->events - len, "%s: %s\n", event, text);
    pthread_mutex_unlock(&m->lock);
}

static inline bool saw(mock *m, const char *text)
{
    pthread_mutex_lock(&m->lock);
    bool found = strstr(m->events, text) != NULL;
    pthread_mutex_unlock(&m->lock);
    return found;
}

static inline int count_events(mock *m, const char *text)
{
    int n = 0;
    pthread_mutex_lock(&m->lock);
    for (const char *at = m->events; (at = strstr(at, text)) != NULL; at++) {
        n++;
    }
    pthread_mutex_unlock(&m->lock);
    return n;
}

static inline mock *mock_up(const char *topic, int partitions)
{
    mock *m = test_calloc(1, sizeof *m);
    char text[256];
    pthread_mutex_init(&m->lock, NULL);
    rd_kafka_conf_t *quiet = rd_kafka_conf_new();
    rd_kafka_conf_set(quiet, "log_level", "0", NULL, 0);
    m->rk = rd_kafka_new(RD_KAFKA_PRODUCER, quiet, text, sizeof text);
    assert_non_null(m->rk);
    m->cluster = rd_kafka_mock_cluster_new(m->rk, 1);
    assert_non_null(m->cluster);
    assert_int_equal(rd_kafka_mock_topic_create(m->cluster, topic, partitions, 1), 0);
    m->properties[0] =
        (mr_property){"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(m->cluster)};
    m->config = (mr_kafka_config){.client_id = "test",
                                  .properties = m->properties,
                                  .property_count = 1,
                                  .on_event = record_event,
                                  .context = m};
    return m;
}

static inline void mock_set(mock *m, const char *name, const char *value)
{
    m->properties[m->config.property_count++] = (mr_property){name, value};
}

static inline void mock_down(mock *m)
{
    rd_kafka_mock_cluster_destroy(m->cluster);
    rd_kafka_destroy(m->rk);
    pthread_mutex_destroy(&m->lock);
    test_free(m);
}

/* For another thread: waits until the client has noticed the broker's absence. */
static inline void await_unreachable(mock *m)
{
    int64_t deadline = mr_clock_us() + 20000000;
    while (!saw(m, "kafka.unreachable") && mr_clock_us() < deadline) {
        struct timespec pause = {0, 1000000};
        nanosleep(&pause, NULL);
    }
}

static inline void *bring_back(void *context)
{
    mock *m = context;
    await_unreachable(m);
    rd_kafka_mock_broker_set_up(m->cluster, 1);
    return NULL;
}

static inline mr_outgoing outgoing(const char *topic, const char *key, const char *value)
{
    return (mr_outgoing){.topic = topic,
                         .partition = -1,
                         .key = {key, key ? strlen(key) : 0},
                         .value = {value, value ? strlen(value) : 0}};
}

#endif
