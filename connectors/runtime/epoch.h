/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The epoch: THE state machine of delivery to a sink (drawn in docs/delivery.md).
 *
 * An epoch is a set of Kafka messages that become durable at the target together with the offsets
 * after them. It is attempted as a whole; when it fails, what happens next follows from the status
 * alone:
 *
 *   MR_OK      done: go on with what is left of the epoch
 *   MR_RETRY   abort, wait, attempt again
 *   MR_REOPEN  abort, wait, reopen the sink and recover(): what is stored already is not attempted
 * again MR_REJECT  abort; named records become dead letters; none named: halve the range until the
 * culprit is alone MR_FATAL   abort and give up: nothing of the range is durable, the position is
 * where it was
 *
 * Invariants  A message is done only when it is durable at the target or in the dead-letter topic.
 * Offsets are committed only with all messages before them done. Dead letters are durable before
 * the commit that passes over them.
 *
 * The machine knows neither Kafka nor threads: a host gives it what it needs, so that tests run it
 * against every failure.
 */
#ifndef MR_RUNTIME_EPOCH_H
#define MR_RUNTIME_EPOCH_H

#include "api/connector.h"

/* Where a message stands. */
typedef enum mr_fate {
    MR_FATE_OPEN,   /* to be written */
    MR_FATE_DEAD,   /* in the dead-letter topic, or on its way there */
    MR_FATE_STORED, /* found stored at the target by recover() */
} mr_fate;

typedef struct mr_entry {
    const char *topic; /* equal topics are equal pointers */
    int32_t partition;
    mr_fate fate;
    int64_t offset;
} mr_entry;

typedef struct mr_epoch {
    mr_entry *entries; /* one per message, in the order of each partition; a record's origin is its
                          index here */
    size_t count;
    mr_batch *const *batches; /* decoded and transformed, in the order they are to be written */
    size_t batch_count;       /* grows as the host makes more of them */
} mr_epoch;

typedef enum mr_wait {
    MR_WAIT_DONE,
    MR_WAIT_STOP,    /* a stop was asked for */
    MR_WAIT_ABANDON, /* partitions were taken away meanwhile: the epoch is no longer ours */
} mr_wait;

typedef struct mr_epoch_host {
    void *context;
    /* Decodes further messages into batches of the epoch while the target is at work on those
     * before; *any is false when there are none left. May send dead letters. It is not asked twice
     * for the same messages, so it may fail only with MR_FATAL or MR_IDLE. NULL: all batches are
     * there. */
    mr_status (*more)(void *context, bool *any, mr_error *err);
    /* Sends entry `index` to the dead-letter topic; it need not be durable before flush. */
    mr_status (*dead_letter)(void *context, size_t index, const mr_error *why, mr_error *err);
    mr_status (*flush)(void *context, mr_error *err);
    /* Closes and opens the sink and recovers: offsets of all assigned partitions, owned by the host
     * until the next call. MR_OK, MR_REOPEN to be called again after a wait, or MR_FATAL. */
    mr_status (*reopen)(void *context, const mr_offsets **stored, mr_error *err);
    /* Waits before repeat number `attempt`; `why` says what went wrong, `status` what it was. */
    mr_wait (*wait)(void *context, int attempt, mr_status status, const mr_error *why);
    void (*committed)(void *context, const mr_offsets *upto); /* what is durable now */
} mr_epoch_host;

/* Brings the whole epoch to its end. MR_OK: everything is done. MR_IDLE: stopped or abandoned, what
 * is not done must be read again from the stored offsets. MR_FATAL: with its cause in *err. `task`
 * is the sink's, its arena is reset after each attempt. */
MR_CHECKED mr_status mr_epoch_run(mr_epoch *epoch, mr_task *task, const mr_sink *sink,
                                  const mr_epoch_host *host, mr_error *err);

#endif
