/* SPDX-License-Identifier: Apache-2.0 */
/* A real broker (KAFKA_BOOTSTRAP_SERVERS), topics of this test's own, and what most tests do. */
#ifndef MR_TESTS_INTEGRATION_KAFKA_SUPPORT_H
#define MR_TESTS_INTEGRATION_KAFKA_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "kafka/admin.h"
#include "kafka/consumer.h"
#include "kafka/producer.h"
#include "kafka/schemas.h"

enum { SKIP = 77, PATIENCE_US = 30000000 };

static char events[65536]; /* "name: text\n" each */
static mr_property properties[2];
static mr_kafka_config config;
static char name[64]; /* of the topic and the group of the current test */

static inline void record_event(void *context, int level, const char *event, const char *text)
{
    (void)context;
    (void)level;
    size_t len = strlen(events);
    snprintf(events + len, sizeof events - len, "%s: %s\n", event, text);
}

/* Fills config; ends the program with 77 when there is no broker to test with. */
static inline void need_broker(void)
{
    const char *servers = getenv("KAFKA_BOOTSTRAP_SERVERS");
    if (!servers || !*servers) {
        fprintf(stderr, "KAFKA_BOOTSTRAP_SERVERS is not set: skipped\n");
        exit(SKIP);
    }
    properties[0] = (mr_property){"bootstrap.servers", servers};
    config = (mr_kafka_config){.client_id = "test",
                               .properties = properties,
                               .property_count = 1,
                               .on_event = record_event};
}

static inline void expect_ok(mr_status status, const mr_error *err)
{
    if (status) {
        fail_msg("%s: %s", mr_status_name(status), err->text);
    }
}

/* A name no other test has, and a topic of it. */
static inline void new_topic(int partitions)
{
    static int number;
    snprintf(name, sizeof name, "test-kafka-%d-%d-%d", (int)getpid(), (int)(mr_wall_ms() % 1000000),
             number++);
    events[0] = '\0';
    const mr_topic_spec spec = {.name = name, .partitions = partitions};
    mr_error err;
    expect_ok(mr_topics_ensure(&config, &spec, 1, NULL, &err), &err);
}

/* Deletes the topic of the test; the broker does it in its own time. */
static inline void drop_topic(void)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", properties[0].value, NULL, 0);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(name);
    rd_kafka_DeleteTopics(rk, &topic, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 10000);
    rd_kafka_event_destroy(event);
    rd_kafka_DeleteTopic_destroy(topic);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
}

static inline mr_producer *new_producer(const char *transactional_id)
{
    const mr_producer_options options = {.transactional_id = transactional_id};
    mr_producer *producer;
    mr_error err;
    expect_ok(mr_producer_new(&config, &options, &producer, &err), &err);
    if (transactional_id) {
        expect_ok(mr_producer_init(producer, NULL, &err), &err);
    }
    return producer;
}

/* Sends values first .. first+count-1 with themselves as keys, spread by key. */
static inline void send_numbers(mr_producer *producer, int first, int count)
{
    for (int i = first; i < first + count; i++) {
        char text[16];
        int len = snprintf(text, sizeof text, "%d", i);
        const mr_outgoing message = {.topic = name,
                                     .partition = -1,
                                     .key = {text, (size_t)len},
                                     .value = {text, (size_t)len}};
        mr_error err;
        expect_ok(mr_producer_send(producer, &message, &err), &err);
    }
}

/* count numbers in one transaction. */
static inline void produce(int first, int count)
{
    mr_producer *producer = new_producer(name);
    mr_error err;
    expect_ok(mr_producer_begin(producer, &err), &err);
    send_numbers(producer, first, count);
    expect_ok(mr_producer_commit(producer, NULL, &err), &err);
    mr_producer_close(producer);
}

static inline int number_of(mr_slice value)
{
    char text[16] = "";
    memcpy(text, value.data, value.len < 15 ? value.len : 15);
    return atoi(text);
}

static inline mr_consumer *new_consumer(const char *topic, const char *from, bool stop_at_end)
{
    const char *const topics[] = {topic};
    const mr_consumer_options options = {.group = name,
                                         .topics = topics,
                                         .topic_count = 1,
                                         .starting_position = from,
                                         .queue_max_bytes = 8 << 20,
                                         .stop_at_end = stop_at_end};
    mr_consumer *consumer;
    mr_error err;
    expect_ok(mr_consumer_new(&config, &options, &consumer, &err), &err);
    return consumer;
}

static inline size_t poll_some(mr_consumer *consumer, mr_message *messages, size_t max)
{
    size_t count;
    mr_error err;
    expect_ok(mr_consumer_poll(consumer, messages, max, 50, &count, &err), &err);
    return count;
}

/* Starts the partitions that come, at next, until there are `count`. */
static inline void start(mr_consumer *consumer, size_t count, int64_t next)
{
    int64_t deadline = mr_clock_us() + PATIENCE_US;
    mr_offsets assigned = {NULL, 0};
    int generation;
    mr_message message;
    mr_error err;
    while (assigned.count < count && mr_clock_us() < deadline) {
        assert_int_equal(poll_some(consumer, &message, 1), 0);
        (void)mr_consumer_assignment_changed(consumer, &assigned, &generation);
    }
    assert_int_equal(assigned.count, count);
    for (size_t i = 0; i < assigned.count; i++) {
        assigned.items[i].next = next;
    }
    expect_ok(mr_consumer_start(consumer, &assigned, &err), &err);
}

/* Reads until the end; counts how often each number came. */
static inline size_t read_to_end(mr_consumer *consumer, int *seen)
{
    int64_t deadline = mr_clock_us() + PATIENCE_US;
    mr_message messages[256];
    size_t total = 0;
    while (!mr_consumer_at_end(consumer) && mr_clock_us() < deadline) {
        size_t n = poll_some(consumer, messages, 256);
        for (size_t i = 0; i < n; i++) {
            if (seen) {
                seen[number_of(messages[i].value)]++;
            }
            mr_message_release(&messages[i]);
        }
        total += n;
    }
    assert_true(mr_consumer_at_end(consumer));
    return total;
}

#endif
