/* SPDX-License-Identifier: Apache-2.0 */
/* Looking into a topic outside any group, from where one likes: for people and tools. Read
 * committed. One thread. */
#ifndef MR_KAFKA_TAIL_H
#define MR_KAFKA_TAIL_H

#include "kafka/consumer.h"

typedef struct mr_tail mr_tail;

enum { MR_TAIL_BEGINNING = -2, MR_TAIL_END = -1 };

typedef struct mr_tail_options {
    const char *topic;
    int partition; /* -1: all */
    int64_t from;  /* an offset, or one of the above */
} mr_tail_options;

/* MR_IDLE: no broker answered within timeout_ms. MR_FATAL: the topic or partition does not exist
 * (code "UNKNOWN_TOPIC_OR_PART"), or another failure. */
MR_CHECKED mr_status mr_tail_open(const mr_kafka_config *config, const mr_tail_options *options,
                                  int timeout_ms, mr_tail **ret, mr_error *err);
void mr_tail_close(mr_tail *tail);

/* The next message; MR_IDLE: none within timeout_ms. Release it. */
MR_CHECKED mr_status mr_tail_next(mr_tail *tail, int timeout_ms, mr_message *ret, mr_error *err);

/* Was everything read that was there when the end of each partition was met? */
bool mr_tail_at_end(const mr_tail *tail);

#endif
