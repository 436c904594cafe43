/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One client, one queue that all partitions feed, no group: looking leaves no trace in the cluster,
 * and needs no right but to read the topic.
 */
#include "kafka/tail.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "kafka/admin.h"
#include "kafka/consumer_internal.h"
#include "kafka/internal.h"

struct mr_tail {
    mr_link link;
    char *name;
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *queue;
    int first, last; /* partitions that were started; last < first: none */
    int open;        /* of these, not at their end */
    bool *ended;     /* by partition */
};

static int64_t start_offset(int64_t from)
{
    return from == MR_TAIL_BEGINNING ? RD_KAFKA_OFFSET_BEGINNING
           : from == MR_TAIL_END     ? RD_KAFKA_OFFSET_END
                                     : from;
}

static mr_status start(mr_tail *tail, const mr_tail_options *options, int partitions, mr_error *err)
{
    int first = options->partition < 0 ? 0 : options->partition;
    int last = options->partition < 0 ? partitions - 1 : options->partition;
    tail->topic = rd_kafka_topic_new(tail->link.rk, options->topic, NULL);
    tail->queue = rd_kafka_queue_new(tail->link.rk);
    tail->ended = mr_calloc((size_t)partitions, sizeof *tail->ended);
    tail->first = first;
    tail->last = first - 1;
    for (int p = first; p <= last; p++) {
        if (!tail->topic || rd_kafka_consume_start_queue(
                                tail->topic, p, start_offset(options->from), tail->queue)) {
            return mr_kafka_fail(err, MR_FATAL, rd_kafka_last_error(),
                                 "can not read topic %s[%d]: %s", options->topic, p,
                                 rd_kafka_err2str(rd_kafka_last_error()));
        }
        tail->last = p;
        tail->open++;
    }
    return MR_OK;
}

static mr_status open_link(mr_tail *tail, const mr_kafka_config *config, mr_error *err)
{
    rd_kafka_conf_t *conf;
    mr_status status = mr_conf_make(config, MR_ROLE_READER, &conf, err);
    if (status) {
        return status;
    }
    mr_conf_force(conf, "enable.partition.eof", "true");
    /* An offset that is out of range is an error, not a jump to somewhere else. */
    mr_conf_force(conf, "auto.offset.reset", "error");
    mr_conf_default(conf, config, "fetch.wait.max.ms", 100);
    return mr_link_open(&tail->link, config, MR_ROLE_READER, conf, err);
}

mr_status mr_tail_open(const mr_kafka_config *config, const mr_tail_options *options,
                       int timeout_ms, mr_tail **ret, mr_error *err)
{
    int partitions = 0;
    mr_status status = mr_topic_partitions(config, options->topic, timeout_ms, &partitions, err);
    if (status) {
        return status;
    }
    if (partitions == 0) {
        return mr_kafka_fail(err, MR_FATAL, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
                             "there is no topic %s", options->topic);
    }
    if (options->partition >= partitions) {
        return mr_kafka_fail(err, MR_FATAL, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
                             "topic %s has no partition %d, only 0 to %d", options->topic,
                             options->partition, partitions - 1);
    }
    mr_tail *tail = mr_calloc(1, sizeof *tail);
    tail->name = mr_strdup(options->topic);
    tail->last = -1;
    status = open_link(tail, config, err);
    if (!status) {
        status = start(tail, options, partitions, err);
    }
    if (status) {
        mr_tail_close(tail);
        return status;
    }
    *ret = tail;
    return MR_OK;
}

void mr_tail_close(mr_tail *tail)
{
    if (!tail) {
        return;
    }
    for (int p = tail->first; p <= tail->last; p++) {
        rd_kafka_consume_stop(tail->topic, p);
    }
    if (tail->queue) {
        rd_kafka_queue_destroy(tail->queue);
    }
    if (tail->topic) {
        rd_kafka_topic_destroy(tail->topic);
    }
    mr_link_close(&tail->link);
    free(tail->ended);
    free(tail->name);
    free(tail);
}

static void note_end(mr_tail *tail, int partition, bool ended)
{
    if (tail->ended[partition] != ended) {
        tail->ended[partition] = ended;
        tail->open += ended ? -1 : 1;
    }
}

mr_status mr_tail_next(mr_tail *tail, int timeout_ms, mr_message *ret, mr_error *err)
{
    rd_kafka_message_t *raw = rd_kafka_consume_queue(tail->queue, timeout_ms);
    rd_kafka_poll(tail->link.rk, 0);
    mr_status status = mr_link_serve(&tail->link, err);
    if (!raw || status) {
        if (raw) {
            rd_kafka_message_destroy(raw);
        }
        return status ? status : MR_IDLE;
    }
    if (!raw->err) {
        note_end(tail, raw->partition, false);
        mr_message_fill(ret, raw, tail->name);
        return MR_OK;
    }
    status = MR_IDLE;
    if (raw->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        note_end(tail, raw->partition, true);
    } else if (!mr_kafka_is_away(raw->err)) {
        status = mr_kafka_fail(err, MR_FATAL, raw->err, "can not read topic %s[%d]: %s", tail->name,
                               (int)raw->partition, rd_kafka_message_errstr(raw));
    }
    rd_kafka_message_destroy(raw);
    return status;
}

bool mr_tail_at_end(const mr_tail *tail)
{
    return tail->open == 0;
}
