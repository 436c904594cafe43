/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What file-kafka is compared with: an idempotent librdkafka producer that sends the same keys and
 * the same Avro bytes from memory, with the settings that made it fastest.
 *
 *   bench_kafka_loop BROKERS TOPIC RECORDS [property=value ...]
 *   bench_kafka_loop BROKERS TOPIC create|delete
 *
 * Prints one JSON line; its seconds are from the first message to the acknowledgement of the last.
 */
#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "codec/avro.h"
#include "codec/schema.h"
#include "common/trip.h"

enum { KEY_BYTES = 36, PARTITIONS = 4, ADMIN_MS = 15000 };

static size_t delivered, failed;

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    (void)opaque;
    if (message->err) {
        failed++;
    } else {
        delivered++;
    }
}

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char text[300];
    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) != RD_KAFKA_CONF_OK) {
        fail(name, text);
    }
}

static rd_kafka_t *client(const char *brokers, char **properties)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", brokers);
    set(conf, "enable.idempotence", "true");
    set(conf, "linger.ms", "50");
    set(conf, "batch.size", "1000000");
    set(conf, "queue.buffering.max.messages", "1000000");
    for (; *properties; properties++) {
        char *value = strchr(*properties, '=');
        if (!value) {
            fail(*properties, "is no property=value");
        }
        *value = '\0';
        set(conf, *properties, value + 1);
        *value = '=';
    }
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    char text[300];
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (!rk) {
        fail("rd_kafka_new", text);
    }
    return rk;
}

/* --- Messages: the key is the trip's id, as the file source makes it */

typedef struct messages {
    mr_buffer data; /* key, value, key, value */
    size_t *at;     /* count + 1 */
} messages;

static messages encode(size_t count)
{
    messages m = {.data = MR_BUFFER_INIT((size_t)1 << 36)};
    m.at = mr_calloc(count + 1, sizeof *m.at);
    const mr_schema *schema = bench_trip_schema();
    mr_encoder *encoder;
    mr_error err;
    if (mr_encoder_new(schema, &encoder, &err) != MR_OK) {
        fail("encoder", err.text);
    }
    char header[MR_SINGLE_OBJECT_HEADER_BYTES];
    mr_single_object_header(schema->fingerprint, header);
    mr_arena *arena = mr_arena_new();
    bench_trips trips = BENCH_TRIPS_INIT;
    for (size_t i = 0; i < count; i++) {
        mr_cell cells[BENCH_TRIP_FIELDS];
        mr_arena_reset(arena);
        bench_trip_make(&trips, cells, arena);
        mr_cell value = {.type = MR_RECORD, .len = BENCH_TRIP_FIELDS, .as.cells = cells};
        mr_buffer_add(&m.data, cells[0].as.text, KEY_BYTES);
        mr_buffer_add(&m.data, header, sizeof header);
        if (mr_encode(encoder, &value, &m.data, &err) != MR_OK) {
            fail("encode", err.text);
        }
        m.at[i + 1] = m.data.len;
    }
    mr_arena_free(arena);
    mr_encoder_free(encoder);
    mr_schema_release(schema);
    return m;
}

static void produce(rd_kafka_t *rk, const char *name, const messages *m, size_t count)
{
    rd_kafka_topic_conf_t *conf = rd_kafka_topic_conf_new();
    char text[300];
    rd_kafka_topic_conf_set(conf, "partitioner", "murmur2_random", text, sizeof text);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, conf);
    for (size_t i = 0; i < count; i++) {
        char *key = m->data.data + m->at[i];
        size_t len = m->at[i + 1] - m->at[i] - KEY_BYTES;
        while (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, key + KEY_BYTES,
                                len, key, KEY_BYTES, NULL)) {
            if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
                fail("produce", rd_kafka_err2str(rd_kafka_last_error()));
            }
            rd_kafka_poll(rk, 10);
        }
        if (i % 1000 == 0) {
            rd_kafka_poll(rk, 0);
        }
    }
    while (rd_kafka_outq_len(rk) > 0 && !failed) {
        rd_kafka_poll(rk, 100);
    }
    rd_kafka_topic_destroy(topic);
    if (failed || delivered != count) {
        fail("produce", "not all messages were delivered");
    }
}

/* --- Topics */

static void await_admin(rd_kafka_queue_t *queue, const char *topic)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, ADMIN_MS);
    if (!event || rd_kafka_event_error(event)) {
        fail(topic, event ? rd_kafka_event_error_string(event) : "the broker does not answer");
    }
    size_t count = 0;
    const rd_kafka_topic_result_t **results = NULL;
    const rd_kafka_DeleteTopics_result_t *deleted = rd_kafka_event_DeleteTopics_result(event);
    const rd_kafka_CreateTopics_result_t *created = rd_kafka_event_CreateTopics_result(event);
    if (deleted) {
        results = rd_kafka_DeleteTopics_result_topics(deleted, &count);
    } else if (created) {
        results = rd_kafka_CreateTopics_result_topics(created, &count);
    }
    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t code = rd_kafka_topic_result_error(results[i]);
        if (code && code != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
            fail(topic, rd_kafka_err2str(code));
        }
    }
    rd_kafka_event_destroy(event);
}

static void administer(rd_kafka_t *rk, const char *topic, bool create)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    if (create) {
        rd_kafka_NewTopic_t *spec = rd_kafka_NewTopic_new(topic, PARTITIONS, 1, NULL, 0);
        rd_kafka_CreateTopics(rk, &spec, 1, NULL, queue);
        await_admin(queue, topic);
        rd_kafka_NewTopic_destroy(spec);
    } else {
        rd_kafka_DeleteTopic_t *spec = rd_kafka_DeleteTopic_new(topic);
        rd_kafka_DeleteTopics(rk, &spec, 1, NULL, queue);
        await_admin(queue, topic);
        rd_kafka_DeleteTopic_destroy(spec);
    }
    rd_kafka_queue_destroy(queue);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "bench_kafka_loop BROKERS TOPIC RECORDS|create|delete [property=value]\n");
        return 2;
    }
    rd_kafka_t *rk = client(argv[1], argv + 4);
    if (strcmp(argv[3], "create") == 0 || strcmp(argv[3], "delete") == 0) {
        administer(rk, argv[2], argv[3][0] == 'c');
    } else {
        size_t count = strtoul(argv[3], NULL, 10);
        messages m = encode(count);
        int64_t begin_us = mr_clock_us();
        produce(rk, argv[2], &m, count);
        double seconds = (double)(mr_clock_us() - begin_us) / 1e6;
        printf("{\"records\":%zu,\"message_bytes\":%zu,\"loop_seconds\":%.3f}\n", count, m.data.len,
               seconds);
        free(m.at);
        mr_buffer_release(&m.data);
    }
    rd_kafka_destroy(rk);
    return 0;
}
