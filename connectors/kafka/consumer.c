/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The consumer: joins the group, and hands out messages in batches without copying them. All of
 * librdkafka's events (rebalances, errors, logs) come through the one queue that mr_consumer_poll()
 * serves, so that everything happens on the caller's thread.
 *
 * Memory     librdkafka stops fetching above queued.min.messages, or queued.max.messages.kbytes
 * where messages are large, and then looks again only after a second, unless its broker thread is
 * woken: with a small queue and a slow sink that would halve the throughput. nudge() wakes it by
 * asking for an offset.
 */
#include "kafka/consumer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "kafka/consumer_internal.h"

enum {
    QUEUE_DEFAULT_BYTES = 16 << 20,
    MESSAGE_OVERHEAD_BYTES = 512, /* of librdkafka, per message; measured */
    FETCH_MIN_BYTES = 1 << 20,    /* fetch.max.bytes may not be below message.max.bytes */
    BATCH_MAX = 10000,
    CLOSE_COMMIT_MS = 3000,
    GIVE_BACK_MS = 5000,
    CLOSE_MS = 15000,
};

/* --- Life --- */

/* Half of the budget for messages, half for what librdkafka adds to each; one fetch comes on top,
 * so it gets an eighth. */
static void set_memory(mr_consumer *consumer, rd_kafka_conf_t *conf, const mr_kafka_config *config,
                       int64_t budget)
{
    budget = budget > 0 ? budget : QUEUE_DEFAULT_BYTES;
    int64_t messages = budget / 2 / MESSAGE_OVERHEAD_BYTES;
    messages = messages < 100 ? 100 : messages > 1000000 ? 1000000 : messages;
    int64_t kbytes = budget / 2 / 1024;
    kbytes = kbytes < 64 ? 64 : kbytes > 1000000 ? 1000000 : kbytes;
    int64_t fetch = budget / 8;
    fetch = fetch < FETCH_MIN_BYTES ? FETCH_MIN_BYTES : fetch > 64 << 20 ? 64 << 20 : fetch;
    mr_conf_default(conf, config, "queued.min.messages", messages);
    mr_conf_default(conf, config, "queued.max.messages.kbytes", kbytes);
    if (!mr_conf_user(config, "message.max.bytes")) {
        mr_conf_default(conf, config, "fetch.max.bytes", fetch);
    }
    if (!mr_conf_user(config, "max.partition.fetch.bytes")) {
        mr_conf_default(conf, config, "fetch.message.max.bytes", FETCH_MIN_BYTES);
    }
    consumer->low_water = (size_t)messages / 2;
    consumer->low_water_bytes = (size_t)kbytes * 1024 / 2;
}

static bool has_pattern(const mr_consumer_options *options)
{
    for (size_t i = 0; i < options->topic_count; i++) {
        if (*options->topics[i] == '^') {
            return true;
        }
    }
    return false;
}

static mr_status configure(mr_consumer *consumer, const mr_kafka_config *config,
                           const mr_consumer_options *options, rd_kafka_conf_t **ret, mr_error *err)
{
    rd_kafka_conf_t *conf;
    mr_status status = mr_conf_make(config, MR_ROLE_CONSUMER, &conf, err);
    if (status) {
        return status;
    }
    mr_conf_force(conf, "group.id", options->group);
    mr_conf_force(conf, "partition.assignment.strategy", "cooperative-sticky");
    mr_conf_force(conf, "enable.partition.eof", options->stop_at_end ? "true" : "false");
    /* After a crash the partitions are free again in this time, not in librdkafka's 45 s. */
    mr_conf_default(conf, config, "session.timeout.ms", 10000);
    mr_conf_default(conf, config, "fetch.wait.max.ms", options->stop_at_end ? 20 : 50);
    if (has_pattern(options)) { /* topics made later are found in this time, not in five minutes */
        mr_conf_default(conf, config, "topic.metadata.refresh.interval.ms", 5000);
    }
    set_memory(consumer, conf, config, options->queue_max_bytes);
    rd_kafka_conf_set_rebalance_cb(conf, mr_consumer_rebalance);
    *ret = conf;
    return MR_OK;
}

/* A partition of which librdkafka does not know the leader yet when reading starts costs a wait of
 * 500 ms. With a handle it learns the leaders while the group is being joined. The handles go when
 * reading starts: kept, they may keep a topic from coming back after its broker was away (2.0.2).
 */
static void know_topics(mr_consumer *consumer, const mr_consumer_options *options)
{
    consumer->topics = mr_calloc(options->topic_count, sizeof(rd_kafka_topic_t *));
    for (size_t i = 0; i < options->topic_count; i++) {
        rd_kafka_topic_t *topic =
            *options->topics[i] == '^'
                ? NULL
                : rd_kafka_topic_new(consumer->link.rk, options->topics[i], NULL);
        if (topic) {
            consumer->topics[consumer->topic_count++] = topic;
        }
    }
}

void mr_consumer_forget_topics(mr_consumer *consumer)
{
    for (size_t i = 0; i < consumer->topic_count; i++) {
        rd_kafka_topic_destroy(consumer->topics[i]);
    }
    consumer->topic_count = 0;
}

static mr_status subscribe(mr_consumer *consumer, const mr_consumer_options *options, mr_error *err)
{
    mr_auto_tplist rd_kafka_topic_partition_list_t *topics =
        rd_kafka_topic_partition_list_new((int)options->topic_count);
    for (size_t i = 0; i < options->topic_count; i++) {
        rd_kafka_topic_partition_list_add(topics, options->topics[i], RD_KAFKA_PARTITION_UA);
    }
    rd_kafka_resp_err_t code = rd_kafka_subscribe(consumer->link.rk, topics);
    if (code) {
        (void)mr_kafka_fail(err, MR_FATAL, code, "can not subscribe to %s%s: %s",
                            options->topic_count ? options->topics[0] : "no topic",
                            options->topic_count > 1 ? " and others" : "", rd_kafka_err2str(code));
        if (err) {
            err->permanent = true;
        }
        return MR_FATAL;
    }
    return MR_OK;
}

mr_status mr_consumer_new(const mr_kafka_config *config, const mr_consumer_options *options,
                          mr_consumer **ret, mr_error *err)
{
    mr_consumer *consumer = mr_calloc(1, sizeof *consumer);
    consumer->from_latest =
        options->starting_position && strcmp(options->starting_position, "latest") == 0;
    consumer->before_giving_back = options->before_giving_back;
    consumer->context = options->context;
    rd_kafka_conf_t *conf;
    mr_status status = configure(consumer, config, options, &conf, err);
    if (!status) {
        status = mr_link_open(&consumer->link, config, MR_ROLE_CONSUMER, conf, err);
    }
    if (!status) {
        rd_kafka_poll_set_consumer(consumer->link.rk);
        consumer->queue = rd_kafka_queue_get_consumer(consumer->link.rk);
        know_topics(consumer, options);
        status = subscribe(consumer, options, err);
    }
    if (status) {
        mr_consumer_close(consumer);
        return status;
    }
    *ret = consumer;
    return MR_OK;
}

/* librdkafka before 2.3 ends the program with a failed assertion when a consumer is destroyed that
 * has joined its group and got no partitions yet (its issue 4312). */
static bool must_not_be_destroyed(const mr_consumer *consumer)
{
    if (consumer->generation > 0 || rd_kafka_version() >= 0x02030000) {
        return false;
    }
    char *member = rd_kafka_memberid(consumer->link.rk);
    bool joined = member && *member;
    if (member) {
        rd_kafka_mem_free(consumer->link.rk, member);
    }
    return joined;
}

static bool holds_partitions(rd_kafka_t *rk)
{
    mr_auto_tplist rd_kafka_topic_partition_list_t *list = NULL;
    return rd_kafka_assignment(rk, &list) == RD_KAFKA_RESP_ERR_NO_ERROR && list->cnt > 0;
}

/* Out of the group, and all partitions given back, before the close: an assignment that comes while
 * librdkafka before 2.4 is closing lets it hang for ever (its issue 4527). */
static void give_all_back(rd_kafka_t *rk)
{
    int64_t end_us = mr_clock_us() + GIVE_BACK_MS * 1000LL;
    if (rd_kafka_unsubscribe(rk) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return;
    }
    do {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(rk, 0);
        if (message) {
            rd_kafka_message_destroy(message);
        } else if (holds_partitions(rk)) {
            message = rd_kafka_consumer_poll(rk, 10);
            if (message) {
                rd_kafka_message_destroy(message);
            }
        } else {
            return;
        }
    } while (mr_clock_us() < end_us);
}

/* false: librdkafka did not come to an end. */
static bool close_in_time(rd_kafka_t *rk)
{
    int64_t end_us = mr_clock_us() + CLOSE_MS * 1000LL;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    mr_auto_rderror rd_kafka_error_t *error = rd_kafka_consumer_close_queue(rk, queue);
    while (!error && !rd_kafka_consumer_closed(rk) && mr_clock_us() < end_us) {
        rd_kafka_queue_poll_callback(queue, 10);
    }
    bool closed = error || rd_kafka_consumer_closed(rk);
    if (closed) {
        rd_kafka_queue_destroy(queue);
    }
    return closed;
}

void mr_consumer_close(mr_consumer *consumer)
{
    if (!consumer) {
        return;
    }
    consumer->closing = true;
    if (consumer->link.rk) {
        bool left_alone = must_not_be_destroyed(consumer);
        give_all_back(consumer->link.rk);
        if (!close_in_time(consumer->link.rk)) {
            mr_link_say(&consumer->link, MR_LOG_WARN, "kafka.close",
                        "the consumer did not close within %d s; it is left alone, and its "
                        "partitions are free after session.timeout.ms",
                        CLOSE_MS / 1000);
            left_alone = true;
        }
        if (left_alone) {
            return; /* out of its group, and idle: a few KB and threads, until the program ends */
        }
    }
    if (consumer->queue) {
        rd_kafka_queue_destroy(consumer->queue);
    }
    mr_consumer_forget_topics(consumer);
    free(consumer->topics);
    mr_link_close(&consumer->link);
    for (size_t i = 0; i < consumer->name_count; i++) {
        free(consumer->names[i]);
    }
    free(consumer->names);
    free(consumer->slots);
    free(consumer->assigned);
    free(consumer->batch);
    free(consumer);
}

/* --- Poll --- */

static size_t take(mr_consumer *consumer, size_t at, size_t max, int timeout_ms)
{
    ssize_t n =
        max ? rd_kafka_consume_batch_queue(consumer->queue, timeout_ms, consumer->batch + at, max)
            : 0;
    return n > 0 ? (size_t)n : 0;
}

/* What is there now; else the first that comes and what came with it. (With a timeout
 * rd_kafka_consume_batch_queue() waits until the whole batch is full.) */
static size_t fetch(mr_consumer *consumer, size_t max, int timeout_ms)
{
    if (max > consumer->batch_capacity) {
        consumer->batch = mr_realloc_array(consumer->batch, max, sizeof *consumer->batch);
        consumer->batch_capacity = max;
    }
    size_t n = take(consumer, 0, max, 0);
    if (!n && timeout_ms > 0 && !consumer->changed) {
        n = take(consumer, 0, 1, timeout_ms);
        n += n ? take(consumer, n, max - n, 0) : 0;
    }
    return n;
}

/* How large messages are just now; taken before they are handed on. */
static void weigh(mr_consumer *consumer, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += consumer->batch[i]->len + consumer->batch[i]->key_len;
    }
    consumer->message_bytes = count ? bytes / count : consumer->message_bytes;
}

static bool is_above(const mr_consumer *consumer, size_t messages)
{
    return messages > consumer->low_water ||
           messages * consumer->message_bytes > consumer->low_water_bytes;
}

/* Wakes the broker thread when the queue has run low after it was full; see the top. `taken`: by
 * this poll, which may find a queue full and leave it low. */
static void nudge(mr_consumer *consumer, size_t taken)
{
    size_t waiting = rd_kafka_queue_length(consumer->queue);
    if (is_above(consumer, waiting + taken)) {
        consumer->filled = true;
    }
    if (is_above(consumer, waiting) || !consumer->filled) {
        return;
    }
    consumer->filled = false;
    mr_auto_tplist rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)consumer->slot_count);
    for (size_t i = 0; i < consumer->slot_count; i++) {
        const mr_slot *slot = &consumer->slots[i];
        if (slot->started && !slot->eof) {
            rd_kafka_topic_partition_list_add(list, slot->topic, slot->partition)->offset =
                RD_KAFKA_OFFSET_END;
        }
    }
    if (list->cnt) {
        (void)rd_kafka_offsets_for_times(consumer->link.rk, list, 1);
    }
}

/* Read committed, what looks like the end may be an open transaction, or one that was committed but
 * whose marker is still on its way: its records are there and were sent before this end came up, so
 * they belong to what "is there". Later ones do not, so that the end is reached. */
static void end_of_partition(mr_consumer *consumer, mr_slot *slot, const rd_kafka_message_t *raw)
{
    int64_t low, high;
    if (!slot || !slot->started) {
        return;
    }
    slot->next = raw->offset;
    if (slot->end < 0 && !rd_kafka_get_watermark_offsets(consumer->link.rk, slot->topic,
                                                         slot->partition, &low, &high)) {
        slot->end = high;
    }
    slot->eof = raw->offset >= slot->end;
    if (!slot->eof) {
        mr_link_say(&consumer->link, MR_LOG_INFO, "kafka.transaction.open",
                    "%s[%d]: a transaction is open at offset %lld; waiting for its end, or for the "
                    "broker to time it out",
                    slot->topic, (int)slot->partition, (long long)raw->offset);
    }
}

/* Something that is no message: what it means for the caller. */
static mr_status take_error(mr_consumer *consumer, mr_slot *slot, const rd_kafka_message_t *raw,
                            mr_error *err)
{
    const char *topic = raw->rkt ? rd_kafka_topic_name(raw->rkt) : "";
    const char *text = rd_kafka_message_errstr(raw);
    switch (raw->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        end_of_partition(consumer, slot, raw);
        return MR_OK;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
        if (slot && slot->started) {
            slot->stuck = consumer->have_stuck = true;
        }
        return MR_OK;
    case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
        mr_link_say(&consumer->link, MR_LOG_WARN, "kafka.poll.late",
                    "left the group, since no poll came for max.poll.interval.ms: %s", text);
        return MR_OK;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        mr_link_say(&consumer->link, MR_LOG_WARN, "kafka.topic.missing",
                    "topic %s does not exist or is gone; reading starts when it is there", topic);
        return MR_OK;
    case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT: {
        mr_status status =
            mr_kafka_fail(err, MR_FATAL, raw->err, "can not join the group: %s", text);
        if (err) {
            err->permanent = true;
        }
        return status;
    }
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
        return mr_kafka_fail(err, MR_FATAL, raw->err, "can not read %s%s[%d] at offset %lld: %s",
                             topic, topic[0] ? " " : "", (int)raw->partition,
                             (long long)raw->offset, text);
    default:
        if (mr_kafka_is_away(raw->err)) {
            return MR_OK;
        }
        mr_link_say(&consumer->link, MR_LOG_WARN, "kafka.consumer", "%s: %s",
                    rd_kafka_err2name(raw->err), text);
        return MR_OK;
    }
}

static mr_slot *slot_of(mr_consumer *consumer, const rd_kafka_message_t *raw,
                        const rd_kafka_message_t *before, mr_slot *last)
{
    if (before && before->rkt == raw->rkt && last && last->partition == raw->partition) {
        return last;
    }
    return raw->rkt ? mr_slot_find(consumer, rd_kafka_topic_name(raw->rkt), raw->partition) : NULL;
}

/* Sorts what came into messages for the caller and the rest. A message of a slot that is not
 * started was fetched before a rebalance of this very poll: dropped. */
static mr_status sort(mr_consumer *consumer, size_t raw_count, mr_message *messages, size_t *count,
                      mr_error *err)
{
    mr_status status = MR_OK;
    mr_slot *slot = NULL;
    rd_kafka_message_t *before = NULL;
    rd_kafka_message_t *kept = NULL; /* keeps before->rkt alive for the comparison */
    for (size_t i = 0; i < raw_count; i++) {
        rd_kafka_message_t *raw = consumer->batch[i];
        slot = slot_of(consumer, raw, before, slot);
        if (!raw->err && slot && slot->started && !slot->stuck && !status) {
            mr_message_fill(&messages[(*count)++], raw, slot->topic);
            slot->next = raw->offset + 1;
            slot->eof = false;
            before = raw;
            continue;
        }
        if (raw->err && !status) {
            status = take_error(consumer, slot, raw, err);
        }
        if (kept) {
            rd_kafka_message_destroy(kept);
        }
        before = kept = raw;
    }
    if (kept) {
        rd_kafka_message_destroy(kept);
    }
    return status;
}

mr_status mr_consumer_poll(mr_consumer *consumer, mr_message *messages, size_t max, int timeout_ms,
                           size_t *count, mr_error *err)
{
    *count = 0;
    mr_status status = consumer->have_stuck ? mr_consumer_unstick(consumer, err) : MR_OK;
    if (status) {
        return status;
    }
    size_t n = fetch(consumer, max > BATCH_MAX ? BATCH_MAX : max, timeout_ms);
    weigh(consumer, n);
    status = sort(consumer, n, messages, count, err);
    if (!status) {
        status = mr_link_serve(&consumer->link, err);
    }
    if (!status) {
        nudge(consumer, n);
    } else {
        for (size_t i = 0; i < *count; i++) {
            mr_message_release(&messages[i]);
        }
        *count = 0;
    }
    return status;
}

void mr_consumer_wake(mr_consumer *consumer)
{
    rd_kafka_queue_yield(consumer->queue);
}

/* --- Offsets of the group --- */

void mr_consumer_commit(mr_consumer *consumer, const mr_offsets *upto, bool wait)
{
    mr_auto_tplist rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)upto->count);
    for (size_t i = 0; i < upto->count; i++) {
        const mr_offset *offset = &upto->items[i];
        if (offset->next >= 0 && mr_slot_find(consumer, offset->topic, offset->partition)) {
            rd_kafka_topic_partition_list_add(list, offset->topic, offset->partition)->offset =
                offset->next;
        }
    }
    if (!list->cnt) {
        return;
    }
    if (!wait) {
        (void)rd_kafka_commit(consumer->link.rk, list, 1);
        return;
    }
    mr_auto_rdqueue rd_kafka_queue_t *queue = rd_kafka_queue_new(consumer->link.rk);
    if (!rd_kafka_commit_queue(consumer->link.rk, list, queue, NULL, NULL)) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, CLOSE_COMMIT_MS);
        if (event) {
            rd_kafka_event_destroy(event);
        }
    }
}
