/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading ahead: while a sink task's thread runs an epoch, a reader thread of that task fills the
 * next haul, so that the target does not wait for Kafka between two epochs.
 *
 * Ownership  The consumer and the haul belong to the reader from mr_ahead_begin() to
 *            mr_ahead_end(), and to the task's thread otherwise. So all that concerns the
 *            assignment stays with the task's thread, between two epochs or while an epoch waits.
 * Rebalance  Partitions are not given back while an epoch writes their records: the reader, when
 *            it is told of it, waits for mr_ahead_end(). See before_giving_back in
 *            kafka/consumer.h.
 */
#ifndef MR_RUNTIME_AHEAD_H
#define MR_RUNTIME_AHEAD_H

#include "kafka/consumer.h"
#include "runtime/haul.h"

typedef struct mr_ahead mr_ahead;

/* Starts the thread; `name` is the task's, for its log lines, and borrowed. */
mr_ahead *mr_ahead_new(const char *name);
/* Joins it. Not between begin and end. NULL is fine. */
void mr_ahead_free(mr_ahead *ahead);

/* Hands over both; the haul is emptied first, then filled until it is full, the assignment changes
 * or the poll fails. durable: looked at only when partitions are given back, after mr_ahead_end()
 * was called: what stands there then is committed to the group before. */
void mr_ahead_begin(mr_ahead *ahead, mr_consumer *consumer, mr_haul *haul,
                    const mr_offsets *durable);

/* Takes both back, and says how reading went; may be called again. */
MR_CHECKED mr_status mr_ahead_end(mr_ahead *ahead, mr_error *err);

/* before_giving_back of the consumer, with the mr_ahead as its context. */
void mr_ahead_hold(void *context);

#endif
