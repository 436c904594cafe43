/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consumer of a group: read committed, cooperative-sticky, offsets under our control. One thread at
 * a time, but for mr_consumer_wake().
 *
 * Assignment The group gives and takes partitions only inside mr_consumer_poll() (and close). What
 *            was given is not fetched until mr_consumer_start() tells where: look at
 *            mr_consumer_assignment_changed() after each poll, drop what is held of partitions
 *            that are gone, ask the target, start. Between two polls the assignment is constant.
 * Gaps       A given offset that retention has deleted is told as the event "kafka.gap" with both
 *            edges, and reading goes on at the oldest record. One past the end of the partition
 *            (the topic was made anew) is MR_FATAL.
 * Memory     Prefetch is bounded by queue_max_bytes over all partitions (librdkafka's own
 * per-message overhead included in the setting it derives), so that a task stays small.
 */
#ifndef MR_KAFKA_CONSUMER_H
#define MR_KAFKA_CONSUMER_H

#include "kafka/kafka.h"

typedef struct mr_consumer mr_consumer;

typedef struct mr_consumer_options {
    const char *group;
    const char *const *topics; /* names, or "^regex" */
    size_t topic_count;
    const char *starting_position; /* "earliest" | "latest": where no offset is stored */
    int64_t queue_max_bytes;
    bool stop_at_end; /* tell of the end of partitions: mr_consumer_at_end() */
    /* Called inside of a poll (or close), before partitions are given back to the group: waits
     * until nothing is being done with their messages. NULL: nothing ever is during a poll. */
    void (*before_giving_back)(void *context);
    void *context;
} mr_consumer_options;

MR_CHECKED mr_status mr_consumer_new(const mr_kafka_config *config,
                                     const mr_consumer_options *options, mr_consumer **ret,
                                     mr_error *err);
/* Leaves the group. Every message must have been released before. NULL is fine. */
void mr_consumer_close(mr_consumer *consumer);

/* A message as it came; valid until mr_message_release(). Fields are borrowed from it. */
typedef struct mr_message {
    void *handle;      /* librdkafka's; NULL: let go of, there is nothing in it that is not here */
    const char *topic; /* stable as long as the consumer lives */
    int32_t partition;
    int64_t offset, timestamp_ms;
    mr_slice key, value; /* data NULL: Kafka null */
} mr_message;

void mr_message_release(mr_message *message);
/* Copies the key and value of a small message without headers into the arena and gives back
 * librdkafka's own memory, which is more than twice that (512 bytes for each message, and the fetch
 * it came with). Others stay as they are. */
void mr_message_compact(mr_message *message, mr_arena *arena);
/* Headers of a message, into the arena. */
MR_CHECKED mr_status mr_message_headers(const mr_message *message, mr_arena *arena,
                                        const mr_header **ret, uint32_t *count, mr_error *err);

/* Fetches up to `max` messages, waiting at most timeout_ms for the first; *count 0 and MR_OK when
 * there is none. Rebalances, end of partition and errors of the client are dealt with inside: after
 * each call look at mr_consumer_assignment_changed(). Messages of partitions that were revoked
 * meanwhile are not returned. At most 10,000 at once. MR_FATAL: no authorisation, or records that
 * can not be read; MR_REOPEN: the client is lost. */
MR_CHECKED mr_status mr_consumer_poll(mr_consumer *consumer, mr_message *messages, size_t max,
                                      int timeout_ms, size_t *count, mr_error *err);

/* Has a poll in progress return soon, or else the next one. From any thread. */
void mr_consumer_wake(mr_consumer *consumer);

/* Would mr_consumer_assignment_changed() say so? Polls do not wait meanwhile. */
bool mr_consumer_has_changed(const mr_consumer *consumer);

/* Assignment. `changed` is true once after partitions were added or taken away. New partitions stay
 * paused until mr_consumer_start() gives their offsets (next -1: committed offset of the group,
 * else starting_position). Revoked partitions: their messages that the caller still holds must be
 * dropped (their epoch aborted) before the next poll; `generation` grows with every change. items
 * borrowed until the next poll; items[].next is where a partition stands, -1 when not started. */
enum {
    MR_OFFSET_STARTING = -2
}; /* as next: the starting_position, whatever the group has stored */
bool mr_consumer_assignment_changed(mr_consumer *consumer, mr_offsets *assigned, int *generation);
/* Partitions that are started already, or are gone, are left alone: the whole assignment may be
 * passed each time. Does not wait for the broker. */
MR_CHECKED mr_status mr_consumer_start(mr_consumer *consumer, const mr_offsets *from,
                                       mr_error *err);

/* Goes back (or on) to the given offsets, dropping what was prefetched. */
MR_CHECKED mr_status mr_consumer_seek(mr_consumer *consumer, const mr_offsets *to, mr_error *err);

/* Where a partition ends now (last stable offset): what "latest" means at this moment. MR_RETRY
 * when the broker does not say within a second. */
MR_CHECKED mr_status mr_consumer_end(mr_consumer *consumer, const char *topic, int32_t partition,
                                     int64_t *next, mr_error *err);

/* Pauses all partitions, or lets them go on: back-pressure without leaving the group (poll must
 * still be called within max.poll.interval.ms). */
MR_CHECKED mr_status mr_consumer_pause(mr_consumer *consumer, bool paused, mr_error *err);

/* Commits to the group, without waiting: for lag tools; sinks with MR_STORES_OFFSETS do not depend
 * on it. wait: before closing. */
void mr_consumer_commit(mr_consumer *consumer, const mr_offsets *upto, bool wait);

/* With stop_at_end: every assigned partition was read to its end, as it was when reading first came
 * up to it; transactions that were open then are waited for. False while the assignment is not
 * known yet or has changed unseen; true when the group has given this member nothing. */
bool mr_consumer_at_end(const mr_consumer *consumer);

/* Records behind the end of the partitions, as far as known: -1 when not. */
int64_t mr_consumer_lag(const mr_consumer *consumer);

#endif
