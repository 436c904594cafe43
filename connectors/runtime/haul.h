/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A haul: the messages of one epoch, as they are taken from Kafka. It fills up until the epoch is
 * due, is held while the epoch runs, since the records point into it, and is then emptied. A task
 * has two, so that one fills while the other's epoch runs (runtime/ahead.h).
 *
 * Threads    One at a time, the one that has the consumer.
 * Memory     batch.size messages, and about batch.max.bytes: a message may pass it.
 */
#ifndef MR_RUNTIME_HAUL_H
#define MR_RUNTIME_HAUL_H

#include "kafka/consumer.h"
#include "runtime/config.h"

typedef struct mr_haul {
    const mr_sink_options *options;
    mr_message *messages;
    size_t count;
    size_t bytes;         /* of keys and values */
    size_t typical_bytes; /* of a message: the largest average of a poll, decaying */
    int64_t first_us;     /* when the first message came */
    mr_arena *arena;      /* keys and values of small messages */
} mr_haul;

/* Borrows the options. */
void mr_haul_init(mr_haul *haul, const mr_sink_options *options);
void mr_haul_release(mr_haul *haul);

/* Takes what is there; waits at most wait_ms for the first. Nothing is taken when the haul is full.
 * Failures are those of mr_consumer_poll(); what was taken before stays. */
MR_CHECKED mr_status mr_haul_take(mr_haul *haul, mr_consumer *consumer, int wait_ms, size_t *got,
                                  mr_error *err);

bool mr_haul_full(const mr_haul *haul);

/* How long more messages may be waited for: 0 when the epoch is due, INT64_MAX while there is no
 * message. */
int64_t mr_haul_left_us(const mr_haul *haul);

/* Lets go of the messages. */
void mr_haul_clear(mr_haul *haul);

#endif
