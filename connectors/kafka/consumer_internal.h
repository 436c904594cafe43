/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The consumer's state, shared by consumer.c (life, poll), assignment.c (which partitions, where
 * they start) and message.c. Not for other folders.
 */
#ifndef MR_KAFKA_CONSUMER_INTERNAL_H
#define MR_KAFKA_CONSUMER_INTERNAL_H

#include "kafka/consumer.h"
#include "kafka/internal.h"

/* A partition the group has given us. */
typedef struct mr_slot {
    const char *topic; /* interned in the consumer */
    int32_t partition;
    int64_t next; /* offset after the last message returned, or where reading starts; -1: unknown */
    int64_t end;  /* stop_at_end: where the log ended when reading first came up to it; -1: it has
                     not */
    bool started; /* given to librdkafka to fetch */
    bool explicit; /* started at a given offset, not at the group's */
    bool eof;      /* nothing after next, as far as the broker has told */
    bool stuck;    /* its offset does not exist: to be dealt with at the next poll */
} mr_slot;

struct mr_consumer {
    mr_link link;
    rd_kafka_queue_t *queue;
    mr_slot *slots;
    size_t slot_count, slot_capacity;
    mr_offset *assigned; /* what mr_consumer_assignment_changed() lends out */
    char **names;        /* topic names, as long as the consumer lives */
    size_t name_count;
    rd_kafka_topic_t **topics; /* until reading starts; see consumer.c */
    size_t topic_count;
    rd_kafka_message_t **batch; /* room for one poll */
    size_t batch_capacity;
    void (*before_giving_back)(void *context);
    void *context;
    int generation;
    bool from_latest;
    bool known;   /* the group has told the first assignment */
    bool changed; /* since mr_consumer_assignment_changed() was last asked */
    bool paused;
    bool closing;
    bool have_stuck;
    bool filled;                       /* the queue was above its low water since the last nudge */
    size_t low_water, low_water_bytes; /* messages; bytes of their values and keys */
    size_t message_bytes;              /* of one, as the last poll had them on average */
};

/* The slot of a partition; NULL: not ours. */
mr_slot *mr_slot_find(mr_consumer *consumer, const char *topic, int32_t partition);
/* Rebalance callback of librdkafka; opaque is the mr_link inside the consumer. */
void mr_consumer_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                           rd_kafka_topic_partition_list_t *partitions, void *opaque);
/* Deals with slots whose offset does not exist: starts them at the group's starting position, or at
 * the oldest record after saying what was lost. */
MR_CHECKED mr_status mr_consumer_unstick(mr_consumer *consumer, mr_error *err);

/* consumer.c: drops the handles that were held until reading starts. */
void mr_consumer_forget_topics(mr_consumer *consumer);

/* message.c */
void mr_message_fill(mr_message *message, rd_kafka_message_t *raw, const char *topic);

#endif
