/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Idempotent, transactional producer. One thread.
 *
 * A full queue is back-pressure: produce waits inside (serving delivery reports) up to its bound,
 * never drops. A failed delivery is never silent: it fails the transaction at flush or commit.
 */
#ifndef MR_KAFKA_PRODUCER_H
#define MR_KAFKA_PRODUCER_H

#include <stdatomic.h>

#include "kafka/kafka.h"

typedef struct mr_producer mr_producer;

typedef struct mr_producer_options {
    const char *transactional_id;   /* NULL: idempotent only, for dead letters of sinks and tools;
                                       then begin/commit/abort are not used */
    int64_t queue_max_bytes;        /* bound of what is not yet delivered; default 16 MiB when 0 */
    int64_t transaction_timeout_ms; /* 0: 60 s */
    const atomic_bool *stop;        /* looked at by calls that wait and have no stop of their own
                                       (send, flush, abort): then MR_IDLE. May be NULL. */
} mr_producer_options;

MR_CHECKED mr_status mr_producer_new(const mr_kafka_config *config,
                                     const mr_producer_options *options, mr_producer **ret,
                                     mr_error *err);
void mr_producer_close(mr_producer *producer);

/* Fences older instances and finishes what they left; waits for the broker, looking at *stop (may
 * be NULL) now and then: then MR_IDLE. */
MR_CHECKED mr_status mr_producer_init(mr_producer *producer, const atomic_bool *stop,
                                      mr_error *err);

MR_CHECKED mr_status mr_producer_begin(mr_producer *producer, mr_error *err);

typedef struct mr_outgoing {
    const char *topic;
    int32_t partition;    /* -1: by key hash (murmur2_random, as the Java client does) */
    mr_slice key, value;  /* data NULL: Kafka null. Copied. */
    int64_t timestamp_ms; /* 0: now */
    const mr_header *headers;
    uint32_t header_count;
} mr_outgoing;

/* Queues a message. MR_REJECT: it alone is too large (message.max.bytes), nothing was queued and
 * the transaction goes on. MR_RETRY, MR_REOPEN, MR_FATAL: an earlier one failed, or the client did.
 */
MR_CHECKED mr_status mr_producer_send(mr_producer *producer, const mr_outgoing *message,
                                      mr_error *err);

/* Waits until all is delivered (acks=all); a failed delivery: MR_RETRY, or MR_FATAL when it can not
 * heal (message too large for the topic, no authorisation, unknown topic), with topic and cause. */
MR_CHECKED mr_status mr_producer_flush(mr_producer *producer, mr_error *err);

/* Commits; waits as long as the broker is away (until *stop), since the transaction's fate is the
 * broker's to tell. MR_OK only when durable. MR_RETRY: was aborted, produce it again. MR_IDLE:
 * stopped while waiting, fate unknown. */
MR_CHECKED mr_status mr_producer_commit(mr_producer *producer, const atomic_bool *stop,
                                        mr_error *err);
/* Drops what is queued and aborts; MR_OK when there is nothing to abort. MR_REOPEN when the broker
 * does not answer within seconds: the next instance of the transactional.id aborts it at init. */
MR_CHECKED mr_status mr_producer_abort(mr_producer *producer, mr_error *err);

/* What stages need later: consumed offsets into the transaction is added with them. */

#endif
