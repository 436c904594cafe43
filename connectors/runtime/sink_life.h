/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One life of a sink task, as its files share it: sink_task.c (the loop and what the epoch asks
 * for), sink_assignment.c (partitions: claimed, recovered, waited with), sink_topics.c (before
 * reading starts), sink_letters.c (dead letters). All of it runs on the task's thread; between
 * mr_ahead_begin() and mr_ahead_end() the consumer and the spare haul are the reader's.
 */
#ifndef MR_RUNTIME_SINK_LIFE_H
#define MR_RUNTIME_SINK_LIFE_H

#include "kafka/consumer.h"
#include "kafka/producer.h"
#include "runtime/ahead.h"
#include "runtime/epoch.h"
#include "runtime/haul.h"
#include "runtime/intake.h"
#include "runtime/worker.h"

enum { MR_SINK_POLL_MS = 100 };

typedef struct mr_sink_life {
    mr_worker *worker;
    const mr_sink *sink;
    mr_consumer *consumer;
    mr_ahead *ahead;
    mr_haul hauls[2];
    mr_haul *haul, *spare; /* of the epoch that comes or runs, and of the one after it */
    mr_intake *intake;
    mr_epoch *epoch;            /* the one that runs; of the intake */
    mr_producer *dead_producer; /* made with the first dead letter */
    char *dead_topic;
    bool opened;              /* open() has been called, close() is due */
    bool reopened;            /* during this epoch: what is stored may be further than it */
    mr_offsets assigned;      /* own copy; next: what is durable */
    bool sought_end;          /* once: the end is looked for, or again, after the sources ended */
    int64_t missing_since_us; /* once: when partitions were first seen to be in transit; 0: none */
} mr_sink_life;

static inline mr_task *mr_sink_task(mr_sink_life *life)
{
    return &life->worker->task;
}

/* --- sink_task.c --- */

/* Opens the sink, after closing it when it was open. */
MR_CHECKED mr_status mr_sink_open(mr_sink_life *life, mr_error *err);

/* --- sink_topics.c --- */

/* Waits until the topics exist; with once and no source in this process that could make them, they
 * must. */
MR_CHECKED mr_status mr_sink_await_topics(mr_sink_life *life, mr_error *err);
/* A sink that read its own dead letters would make new ones of them for ever. */
MR_CHECKED mr_status mr_sink_check_dead_topic(const mr_sink_life *life, mr_error *err);

/* --- sink_assignment.c --- */

/* Adds to the partitions that this connector's tasks hold. */
void mr_sink_count_partitions(mr_sink_life *life, int more);
/* Has the assignment changed since it was last asked? Takes it over then, keeping what is known to
 * be durable; mr_sink_claim() is due. */
bool mr_sink_assignment_changed(mr_sink_life *life);
/* These offsets are durable now. */
void mr_sink_note_durable(mr_sink_life *life, const mr_offsets *upto);
/* Claims what is assigned, and learns what is stored. Offsets the sink does not store keep their
 * value. */
MR_CHECKED mr_status mr_sink_recover(mr_sink_life *life, mr_error *err);
/* Waits while the sink is away, but stays in the group: partitions are paused and the consumer is
 * polled. */
mr_wait mr_sink_wait_in_group(mr_sink_life *life, int64_t wait_ms);
/* Lets the consumer read all partitions from what is durable. */
MR_CHECKED mr_status mr_sink_read_from_stored(mr_sink_life *life, mr_error *err);
/* Drops what is held, recovers with reopening and waiting as long as it takes, then lets the
 * consumer read from there. MR_IDLE: stopped. */
MR_CHECKED mr_status mr_sink_claim(mr_sink_life *life, mr_error *err);

/* --- sink_letters.c --- */

/* Hands message `index` of the epoch that runs to the dead-letter producer. MR_IDLE: stopped; else
 * failures are MR_FATAL. */
MR_CHECKED mr_status mr_sink_bury(mr_sink_life *life, size_t index, const char *stage,
                                  const mr_error *why, mr_error *err);
MR_CHECKED mr_status mr_sink_flush_letters(mr_sink_life *life, mr_error *err);

#endif
