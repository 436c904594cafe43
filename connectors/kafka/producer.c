/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The producer. librdkafka batches and retries; this file turns its many ways to fail into the few
 * statuses of the runtime, and sees to it that no failure stays silent: delivery reports of failed
 * messages are kept until send, flush or commit tells of them.
 *
 * Commit     Its answer decides between "stored" and "replay", so waiting ends only with an answer,
 *            a fencing or a stop. A client that can not know any more says MR_REOPEN: the next
 *            instance of the transactional.id finishes the transaction at init, and positions read
 *            after that tell how.
 */
#include "kafka/producer.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "kafka/internal.h"

enum {
    QUEUE_DEFAULT_BYTES = 16 << 20,
    MESSAGE_OVERHEAD_BYTES = 256, /* of librdkafka, per message; measured */
    WAIT_MS = 250,                /* between two looks at *stop */
    ABORT_MS = 10000,
    SETTLE_MS = 500,
    SERVE_EVERY = 512, /* sends */
};

typedef struct topic {
    char *name;
    rd_kafka_topic_t *handle;
} topic;

struct mr_producer {
    mr_link link;
    const atomic_bool *stop;
    topic *topics;
    size_t topic_count;
    const topic *last;
    unsigned sends;
    bool transactional, begun;
    bool sent;   /* something, since begin */
    bool failed; /* a delivery failed since the last begin or flush */
    mr_status verdict;
    mr_error why;
};

/* --- Delivery reports --- */

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    mr_producer *producer = opaque; /* the link is its first member */
    if (!message->err || message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
        message->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT || producer->failed) {
        return;
    }
    producer->failed = true;
    producer->verdict = mr_kafka_fail(&producer->why, mr_kafka_verdict(message->err), message->err,
                                      "a record for topic %s[%d] could not be delivered: %s",
                                      rd_kafka_topic_name(message->rkt), (int)message->partition,
                                      rd_kafka_err2str(message->err));
}

static mr_status serve(mr_producer *producer, int timeout_ms, mr_error *err)
{
    rd_kafka_poll(producer->link.rk, timeout_ms);
    mr_status status = mr_link_serve(&producer->link, err);
    if (!status && producer->failed) {
        if (err) {
            *err = producer->why;
        }
        return producer->verdict;
    }
    return status;
}

/* --- Life --- */

static void set_memory(rd_kafka_conf_t *conf, const mr_kafka_config *config, int64_t budget)
{
    budget = budget > 0 ? budget : QUEUE_DEFAULT_BYTES;
    int64_t messages = budget / 2 / MESSAGE_OVERHEAD_BYTES;
    messages = messages < 1000 ? 1000 : messages > 10000000 ? 10000000 : messages;
    int64_t kbytes = budget / 2 / 1024;
    kbytes = kbytes < 1024 ? 1024 : kbytes > 2000000 ? 2000000 : kbytes;
    mr_conf_default(conf, config, "queue.buffering.max.messages", messages);
    mr_conf_default(conf, config, "queue.buffering.max.kbytes", kbytes);
}

static mr_status configure(const mr_kafka_config *config, const mr_producer_options *options,
                           rd_kafka_conf_t **ret, mr_error *err)
{
    rd_kafka_conf_t *conf;
    mr_status status = mr_conf_make(config, MR_ROLE_PRODUCER, &conf, err);
    if (status) {
        return status;
    }
    if (options->transactional_id) {
        mr_conf_force(conf, "transactional.id", options->transactional_id);
        mr_conf_default(conf, config, "transaction.timeout.ms",
                        options->transaction_timeout_ms ? options->transaction_timeout_ms : 60000);
    } else {
        mr_conf_force(conf, "message.timeout.ms", "0"); /* for ever */
    }
    if (!mr_conf_user(config, "queue.buffering.max.ms")) {
        mr_conf_default(conf, config, "linger.ms", 5);
    }
    mr_conf_default(conf, config, "batch.num.messages", 10000);
    set_memory(conf, config, options->queue_max_bytes);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    *ret = conf;
    return MR_OK;
}

mr_status mr_producer_new(const mr_kafka_config *config, const mr_producer_options *options,
                          mr_producer **ret, mr_error *err)
{
    mr_producer *producer = mr_calloc(1, sizeof *producer);
    producer->transactional = options->transactional_id != NULL;
    producer->stop = options->stop;
    rd_kafka_conf_t *conf;
    mr_status status = configure(config, options, &conf, err);
    if (!status) {
        status = mr_link_open(&producer->link, config, MR_ROLE_PRODUCER, conf, err);
    }
    if (status) {
        mr_producer_close(producer);
        return status;
    }
    *ret = producer;
    return MR_OK;
}

void mr_producer_close(mr_producer *producer)
{
    if (!producer) {
        return;
    }
    for (size_t i = 0; i < producer->topic_count; i++) {
        rd_kafka_topic_destroy(producer->topics[i].handle);
        free(producer->topics[i].name);
    }
    free(producer->topics);
    if (producer->link.rk) {
        (void)rd_kafka_purge(producer->link.rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    }
    mr_link_close(&producer->link);
    free(producer);
}

/* --- Transactions --- */

static bool is_fenced(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED;
}

/* What an error of the transaction API asks for. */
static mr_status judge(const rd_kafka_error_t *error)
{
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    if (is_fenced(code)) {
        return MR_FATAL;
    }
    if (rd_kafka_error_txn_requires_abort(error)) {
        return mr_kafka_verdict(code) == MR_FATAL ? MR_FATAL : MR_RETRY;
    }
    if (rd_kafka_error_is_retriable(error)) {
        return MR_IDLE;
    }
    return mr_kafka_verdict(code) == MR_FATAL ? MR_FATAL : MR_REOPEN;
}

static mr_status fail(mr_status status, const rd_kafka_error_t *error, const char *what,
                      mr_error *err)
{
    return mr_kafka_fail(err, status, rd_kafka_error_code(error), "%s: %s", what,
                         rd_kafka_error_string(error));
}

static mr_status stopped(mr_producer *producer, const char *what, mr_error *err)
{
    return mr_fail(err, MR_IDLE, MR_DOMAIN_KAFKA, "stopped while %s; %s", what,
                   mr_link_waiting(&producer->link));
}

mr_status mr_producer_init(mr_producer *producer, const atomic_bool *stop, mr_error *err)
{
    for (;;) {
        mr_auto_rderror rd_kafka_error_t *error =
            rd_kafka_init_transactions(producer->link.rk, WAIT_MS);
        if (!error) {
            return serve(producer, 0, err);
        }
        mr_status status = judge(error);
        if (status != MR_IDLE) {
            status = status == MR_RETRY ? MR_REOPEN : status;
            return fail(status, error, "can not start transactions", err);
        }
        status = serve(producer, 0, err);
        if (status) {
            return status;
        }
        if (mr_stopped(stop)) {
            return stopped(producer, "starting transactions", err);
        }
    }
}

mr_status mr_producer_begin(mr_producer *producer, mr_error *err)
{
    mr_auto_rderror rd_kafka_error_t *error = rd_kafka_begin_transaction(producer->link.rk);
    if (error) {
        mr_status status = judge(error);
        status = status == MR_FATAL ? MR_FATAL : MR_REOPEN;
        return fail(status, error, "can not begin a transaction", err);
    }
    producer->begun = true;
    producer->sent = producer->failed = false;
    return MR_OK;
}

/* Lets librdkafka register the partitions before the transaction ends. The broker tells it to wait
 * with that while the transaction before is being completed; an abort in that moment would be an
 * INVALID_TXN_STATE, which is fatal to the client (seen with 2.0.2). */
static void settle(mr_producer *producer)
{
    if (producer->sent && !producer->failed) {
        (void)rd_kafka_flush(producer->link.rk, SETTLE_MS);
    }
}

mr_status mr_producer_abort(mr_producer *producer, mr_error *err)
{
    if (!producer->begun) {
        producer->failed = false;
        return MR_OK;
    }
    settle(producer);
    producer->failed = false;
    int64_t deadline = mr_clock_us() + ABORT_MS * 1000LL;
    for (;;) {
        mr_auto_rderror rd_kafka_error_t *error =
            rd_kafka_abort_transaction(producer->link.rk, WAIT_MS);
        mr_status status = error ? judge(error) : MR_OK;
        if (!error) {
            producer->begun = producer->failed = false;
            return mr_link_serve(&producer->link, err);
        }
        if (status != MR_IDLE) {
            status = status == MR_RETRY ? MR_REOPEN : status;
            return fail(status, error, "can not abort the transaction", err);
        }
        rd_kafka_poll(producer->link.rk, 0);
        status = mr_link_serve(&producer->link, err);
        if (status) {
            return status;
        }
        if (mr_stopped(producer->stop)) {
            return stopped(producer, "aborting a transaction", err);
        }
        if (mr_clock_us() > deadline) {
            return fail(MR_REOPEN, error, "can not abort the transaction", err);
        }
    }
}

/* The transaction can not be committed; leaves it aborted and err with the cause. */
static mr_status abort_for(mr_producer *producer, mr_status status, mr_error *err)
{
    mr_error other;
    mr_status aborted = status == MR_RETRY ? mr_producer_abort(producer, &other) : MR_OK;
    if (aborted) {
        if (err) {
            *err = other;
        }
        return aborted;
    }
    return status;
}

/* The failed delivery behind a failed transaction says more than the transaction's error. */
static mr_status why_not(mr_producer *producer, mr_status status, const rd_kafka_error_t *error,
                         mr_error *err)
{
    rd_kafka_poll(producer->link.rk, 0);
    if (!producer->failed || status == MR_REOPEN || is_fenced(rd_kafka_error_code(error))) {
        return fail(status, error, "can not commit the transaction", err);
    }
    if (err) {
        *err = producer->why;
    }
    return producer->verdict;
}

mr_status mr_producer_commit(mr_producer *producer, const atomic_bool *stop, mr_error *err)
{
    for (;;) {
        mr_auto_rderror rd_kafka_error_t *error =
            rd_kafka_commit_transaction(producer->link.rk, WAIT_MS);
        if (!error) {
            producer->begun = producer->failed = false;
            (void)mr_link_serve(&producer->link, NULL);
            return MR_OK;
        }
        mr_status status = judge(error);
        if (status != MR_IDLE) {
            return abort_for(producer, why_not(producer, status, error, err), err);
        }
        rd_kafka_poll(producer->link.rk, 0);
        status = mr_link_serve(&producer->link, err);
        if (status) {
            return status;
        }
        if (mr_stopped(stop)) {
            return stopped(producer, "committing a transaction", err);
        }
    }
}

/* --- Sending --- */

static rd_kafka_topic_t *handle_of(mr_producer *producer, const char *name)
{
    if (producer->last && strcmp(producer->last->name, name) == 0) {
        return producer->last->handle;
    }
    for (size_t i = 0; i < producer->topic_count; i++) {
        if (strcmp(producer->topics[i].name, name) == 0) {
            producer->last = &producer->topics[i];
            return producer->last->handle;
        }
    }
    rd_kafka_topic_t *handle = rd_kafka_topic_new(producer->link.rk, name, NULL);
    if (!handle) {
        return NULL;
    }
    producer->topics =
        mr_realloc_array(producer->topics, producer->topic_count + 1, sizeof *producer->topics);
    producer->topics[producer->topic_count] = (topic){mr_strdup(name), handle};
    producer->last = &producer->topics[producer->topic_count++];
    return handle;
}

static rd_kafka_headers_t *headers_of(const mr_outgoing *message)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(message->header_count);
    for (uint32_t i = 0; i < message->header_count; i++) {
        const mr_header *h = &message->headers[i];
        (void)rd_kafka_header_add(headers, h->name, -1, h->value.data, (ssize_t)h->value.len);
    }
    return headers;
}

/* The long way: with headers or a timestamp. */
static rd_kafka_resp_err_t produce_full(mr_producer *producer, rd_kafka_topic_t *handle,
                                        const mr_outgoing *m)
{
    rd_kafka_vu_t args[7];
    size_t n = 0;
    args[n].vtype = RD_KAFKA_VTYPE_RKT;
    args[n++].u.rkt = handle;
    args[n].vtype = RD_KAFKA_VTYPE_PARTITION;
    args[n++].u.i32 = m->partition < 0 ? RD_KAFKA_PARTITION_UA : m->partition;
    args[n].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    args[n++].u.i = RD_KAFKA_MSG_F_COPY;
    args[n].vtype = RD_KAFKA_VTYPE_KEY;
    args[n].u.mem.ptr = (void *)(uintptr_t)m->key.data;
    args[n++].u.mem.size = m->key.len;
    args[n].vtype = RD_KAFKA_VTYPE_VALUE;
    args[n].u.mem.ptr = (void *)(uintptr_t)m->value.data;
    args[n++].u.mem.size = m->value.len;
    if (m->timestamp_ms) {
        args[n].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
        args[n++].u.i64 = m->timestamp_ms;
    }
    rd_kafka_headers_t *headers = NULL;
    if (m->header_count) {
        headers = headers_of(m);
        args[n].vtype = RD_KAFKA_VTYPE_HEADERS;
        args[n++].u.headers = headers;
    }
    mr_auto_rderror rd_kafka_error_t *error = rd_kafka_produceva(producer->link.rk, args, n);
    if (error && headers) {
        rd_kafka_headers_destroy(headers);
    }
    return error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t produce(mr_producer *producer, rd_kafka_topic_t *handle,
                                   const mr_outgoing *m)
{
    if (m->header_count || m->timestamp_ms) {
        return produce_full(producer, handle, m);
    }
    int failed = rd_kafka_produce(handle, m->partition < 0 ? RD_KAFKA_PARTITION_UA : m->partition,
                                  RD_KAFKA_MSG_F_COPY, (void *)(uintptr_t)m->value.data,
                                  m->value.len, m->key.data, m->key.len, NULL);
    return failed ? rd_kafka_last_error() : RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Why a message was not even queued. */
static mr_status refused(mr_producer *producer, const mr_outgoing *m, rd_kafka_resp_err_t code,
                         mr_error *err)
{
    if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
        return mr_kafka_fail(err, MR_REJECT, code,
                             "a record of %zu bytes is too large for topic %s",
                             m->key.len + m->value.len, m->topic);
    }
    mr_status status = serve(producer, 0, err); /* the reason behind it, when there is one */
    if (status) {
        return status;
    }
    return mr_kafka_fail(err, mr_kafka_verdict(code), code, "can not send to topic %s[%d]: %s",
                         m->topic, (int)m->partition, rd_kafka_err2str(code));
}

mr_status mr_producer_send(mr_producer *producer, const mr_outgoing *message, mr_error *err)
{
    if (++producer->sends % SERVE_EVERY == 0) {
        mr_status status = serve(producer, 0, err);
        if (status) {
            return status;
        }
    }
    rd_kafka_topic_t *handle = handle_of(producer, message->topic);
    if (!handle) {
        return mr_kafka_fail(err, MR_FATAL, rd_kafka_last_error(), "can not use topic '%s': %s",
                             message->topic, rd_kafka_err2str(rd_kafka_last_error()));
    }
    for (;;) {
        rd_kafka_resp_err_t code = produce(producer, handle, message);
        if (!code) {
            producer->sent = true;
            return MR_OK;
        }
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            return refused(producer, message, code, err);
        }
        mr_status status = serve(producer, 10, err);
        if (status) {
            return status;
        }
        if (mr_stopped(producer->stop)) {
            return stopped(producer, "waiting for room in the queue", err);
        }
    }
}

mr_status mr_producer_flush(mr_producer *producer, mr_error *err)
{
    for (;;) {
        rd_kafka_resp_err_t code = rd_kafka_flush(producer->link.rk, WAIT_MS);
        mr_status status = serve(producer, 0, err);
        if (status) {
            producer->failed = producer->transactional && producer->failed;
            return status;
        }
        if (!code) {
            return MR_OK;
        }
        if (mr_stopped(producer->stop)) {
            return stopped(producer, "waiting for deliveries", err);
        }
    }
}
