/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink loop: fill a haul until it is full or its window is over, run the epoch on it, go on
 * with the haul that was filled meanwhile. All recovery is in epoch.c; this file has the loop and
 * gives the epoch what it asks for. See sink_life.h for its neighbours.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "runtime/backoff.h"
#include "runtime/deadletter.h"
#include "runtime/sink_life.h"

enum {
    DECODE_FIRST = 200,    /* messages: few, so that the target begins early; */
    DECODE_AT_ONCE = 2000, /* and no more than fit the caches while the target has enough to do */
    IN_TRANSIT_MS = 15000, /* how long partitions may be on their way between the tasks */
    QUEUE_BYTES = 8 << 20, /* prefetch; with the default batch a sink stays within 64 MiB */
};

/* --- Opening --- */

static void close_sink(mr_sink_life *life)
{
    if (life->opened) {
        life->sink->close(mr_sink_task(life));
        life->opened = false;
    }
    mr_arena_reset(mr_sink_task(life)->arena);
}

mr_status mr_sink_open(mr_sink_life *life, mr_error *err)
{
    close_sink(life);
    life->opened = true;
    return life->sink->open(mr_sink_task(life), err);
}

/* Opens with back-off until it works. */
static mr_status open_patiently(mr_sink_life *life, mr_error *err)
{
    for (int attempt = 1;; attempt++) {
        mr_status status = mr_sink_open(life, err);
        if (status != MR_REOPEN && status != MR_RETRY) {
            return status;
        }
        int64_t wait_ms = mr_backoff_ms(attempt);
        mr_worker_log_failure(status, err, wait_ms);
        if (!mr_wait_ms(wait_ms, &life->worker->stop)) {
            return MR_IDLE;
        }
    }
}

static mr_status start_reading(mr_sink_life *life, mr_error *err)
{
    mr_worker *w = life->worker;
    const mr_sink_options *options = &w->config->sink;
    life->ahead = mr_ahead_new(w->name);
    mr_consumer_options consumer = {
        .group = options->group ? options->group : w->config->task_name,
        .topics = options->topics.items,
        .topic_count = options->topics.count,
        .starting_position = options->starting_position ? "latest" : "earliest",
        .queue_max_bytes = QUEUE_BYTES,
        .stop_at_end = w->shared->once,
        .before_giving_back = mr_ahead_hold,
        .context = life->ahead,
    };
    /* Ends seen before the sources of this process have ended do not count. */
    life->sought_end = atomic_load(&w->shared->sources_running) == 0;
    mr_status status = mr_consumer_new(&w->kafka, &consumer, &life->consumer, err);
    return status == MR_OK && w->wires.value.kind == MR_WIRE_SINGLE_OBJECT
               ? mr_schemas_preload(w->shared->schemas, &w->stop, err)
               : status;
}

static mr_status start(mr_sink_life *life, mr_error *err)
{
    mr_worker *w = life->worker;
    life->dead_topic = mr_dead_letter_topic(w->config);
    mr_haul_init(life->haul = &life->hauls[0], &w->config->sink);
    mr_haul_init(life->spare = &life->hauls[1], &w->config->sink);
    mr_status status = mr_sink_check_dead_topic(life, err);
    if (status == MR_OK) {
        status = mr_intake_new(w->config, w->task.routes, w->task.route_count, &w->wires, &w->stop,
                               &life->intake, err);
    }
    if (status == MR_OK) {
        status = open_patiently(life, err);
    }
    if (status == MR_OK) {
        status = mr_sink_await_topics(life, err);
    }
    return status == MR_OK ? start_reading(life, err) : status;
}

static void finish(mr_sink_life *life, bool in_order)
{
    if (life->consumer && in_order && life->assigned.count) {
        mr_consumer_commit(life->consumer, &life->assigned, true);
    }
    mr_intake_free(life->intake);
    mr_haul_release(life->haul);
    mr_haul_release(life->spare);
    if (life->consumer) {
        mr_consumer_close(life->consumer);
    }
    mr_ahead_free(life->ahead);
    if (life->dead_producer) {
        mr_producer_close(life->dead_producer);
    }
    close_sink(life);
    free(life->assigned.items);
    free(life->dead_topic);
}

/* --- What the epoch asks of us --- */

/* Failures of decoding and transforming, before anything is written. */
static mr_status bury_failures(mr_sink_life *life, mr_epoch *epoch,
                               const mr_intake_failure *failures, size_t count, mr_error *err)
{
    for (size_t i = 0; i < count; i++) {
        mr_entry *entry = &epoch->entries[failures[i].index];
        const mr_error *why = &failures[i].why;
        if (entry->fate == MR_FATE_OPEN) {
            const char *stage =
                why->domain == MR_DOMAIN_TRANSFORM ? "TRANSFORMATION" : "VALUE_CONVERTER";
            mr_status status = mr_sink_bury(life, failures[i].index, stage, why, err);
            if (status != MR_OK) {
                return status;
            }
            entry->fate = MR_FATE_DEAD;
        }
    }
    return MR_OK;
}

/* The target is at work on the batches before while these are decoded. What can not be decoded has
 * no batch, so it must be buried here: when that fails, this life ends and everything is read
 * again. */
static mr_status host_more(void *context, bool *any, mr_error *err)
{
    mr_sink_life *life = context;
    const mr_intake_failure *failures;
    size_t count;
    size_t at_once = life->epoch->batch_count ? DECODE_AT_ONCE : DECODE_FIRST;
    mr_status status = mr_intake_more(life->intake, at_once, any, &failures, &count, err);
    if (status == MR_OK) {
        status = bury_failures(life, life->epoch, failures, count, err);
    }
    return status == MR_OK || status == MR_IDLE ? status : MR_FATAL;
}

static mr_status host_dead_letter(void *context, size_t index, const mr_error *why, mr_error *err)
{
    return mr_sink_bury(context, index, "TASK_PUT", why, err);
}

static mr_status host_flush(void *context, mr_error *err)
{
    return mr_sink_flush_letters(context, err);
}

/* The wait before it has taken the consumer back. */
static mr_status host_reopen(void *context, const mr_offsets **stored, mr_error *err)
{
    mr_sink_life *life = context;
    life->reopened = true;
    mr_status status = mr_sink_open(life, err);
    if (status == MR_OK) {
        status = mr_sink_recover(life, err);
    }
    *stored = &life->assigned;
    return status;
}

/* Nothing of the epoch is being written now, so the group may have its partitions back. */
static mr_wait host_wait(void *context, int attempt, mr_status status, const mr_error *why)
{
    mr_sink_life *life = context;
    int64_t wait_ms = mr_backoff_ms(attempt);
    mr_count(&life->worker->counters->retries, 1);
    mr_worker_log_failure(status, why, wait_ms);
    mr_error told_at_the_end;
    if (mr_ahead_end(life->ahead, &told_at_the_end) != MR_OK) {
        return MR_WAIT_ABANDON;
    }
    return mr_sink_wait_in_group(life, wait_ms);
}

static void host_committed(void *context, const mr_offsets *upto)
{
    mr_sink_note_durable(context, upto);
}

/* --- The loop --- */

static void count_done(mr_sink_life *life, const mr_epoch *epoch)
{
    uint64_t out = 0;
    for (size_t i = 0; i < epoch->batch_count; i++) {
        const mr_batch *batch = epoch->batches[i];
        for (size_t j = 0; j < batch->count; j++) {
            out += epoch->entries[batch->records[j].origin].fate != MR_FATE_DEAD;
        }
    }
    mr_counters *c = life->worker->counters;
    mr_count(&c->records_in, epoch->count);
    mr_count(&c->records_out, out);
    mr_count(&c->epochs, 1);
}

static void swap_hauls(mr_sink_life *life)
{
    mr_haul *done = life->haul;
    life->haul = life->spare;
    life->spare = done;
}

/* The epoch on this thread, the reader on the spare haul meanwhile. */
static mr_status run_epoch(mr_sink_life *life, mr_error *err)
{
    const mr_epoch_host host = {life,        host_more, host_dead_letter, host_flush,
                                host_reopen, host_wait, host_committed};
    mr_epoch *epoch = life->epoch = mr_intake_epoch(life->intake, life->haul);
    life->reopened = false;
    mr_ahead_begin(life->ahead, life->consumer, life->spare, &life->assigned);
    mr_status status = mr_epoch_run(epoch, mr_sink_task(life), life->sink, &host, err);
    bool done = status == MR_OK;
    if (done) {
        count_done(life, epoch);
    }
    mr_intake_clear(life->intake);
    mr_error reading;
    mr_status read = mr_ahead_end(life->ahead, &reading);
    if (status == MR_FATAL) {
        return status;
    }
    if (done) {
        mr_consumer_commit(life->consumer, &life->assigned, false);
    }
    if (read != MR_OK) {
        *err = reading;
        return read;
    }
    /* Abandoned; or another owner, before the claim was ours again, may have stored more than this
     * epoch, which the reader does not know: read again from what is stored. */
    if ((!done || life->reopened) && !atomic_load(&life->worker->stop)) {
        return mr_sink_claim(life, err);
    }
    swap_hauls(life);
    return status;
}

/* Does the crew hold fewer partitions than there are, or than it once did? Then some are on their
 * way to it, from a task or from a process that died, and nobody has read them to their end; unless
 * another process holds them for good. */
static bool partitions_in_transit(mr_sink_life *life)
{
    mr_counters *c = life->worker->counters;
    if (atomic_load(&c->partitions) >= atomic_load(&c->partitions_most)) {
        life->missing_since_us = 0;
        return false;
    }
    int64_t now_us = mr_clock_us();
    life->missing_since_us = life->missing_since_us ? life->missing_since_us : now_us;
    if (now_us - life->missing_since_us < IN_TRANSIT_MS * 1000LL) {
        return true;
    }
    mr_log(MR_LOG_WARN, "once.elsewhere",
           "%d of %d partitions are with another process of this group, which has to drain them",
           atomic_load(&c->partitions_most) - atomic_load(&c->partitions),
           atomic_load(&c->partitions_most));
    return false;
}

/* With once: is everything read? Ends of partitions seen before the sources of this pipeline ended
 * do not count. */
static mr_status look_for_end(mr_sink_life *life, mr_error *err)
{
    if (!life->worker->shared->once || !mr_consumer_at_end(life->consumer) ||
        atomic_load(&life->worker->shared->sources_running) > 0) {
        return MR_OK;
    }
    if (!life->sought_end) {
        life->sought_end = true;
        return mr_sink_read_from_stored(life, err);
    }
    return partitions_in_transit(life) ? MR_OK : MR_END;
}

/* Takes what is there; waits only when nothing is held or the window allows it. */
static mr_status collect(mr_sink_life *life, size_t *got, mr_error *err)
{
    int64_t left_ms = mr_haul_left_us(life->haul) / 1000;
    int wait_ms = left_ms < MR_SINK_POLL_MS ? (int)left_ms : MR_SINK_POLL_MS;
    return mr_haul_take(life->haul, life->consumer, wait_ms, got, err);
}

static mr_status step(mr_sink_life *life, mr_error *err)
{
    size_t got = 0;
    mr_status status = collect(life, &got, err);
    if (status == MR_OK && mr_sink_assignment_changed(life)) {
        return mr_sink_claim(life, err);
    }
    if (status != MR_OK) {
        return status;
    }
    if (life->haul->count == 0) {
        return look_for_end(life, err);
    }
    bool due = mr_haul_left_us(life->haul) == 0 ||
               (got == 0 && mr_consumer_at_end(life->consumer)); /* nothing more to wait for */
    return due ? run_epoch(life, err) : MR_OK;
}

mr_status mr_run_sink(mr_worker *worker, mr_error *err)
{
    mr_sink_life life = {.worker = worker, .sink = worker->config->connector->sink};
    mr_status status = start(&life, err);
    while (status == MR_OK) {
        status = atomic_load(&worker->stop) ? MR_IDLE : step(&life, err);
    }
    if (status == MR_RETRY || status == MR_REOPEN || status == MR_REJECT) {
        status =
            MR_FATAL; /* the consumer or the dead-letter producer is of no more use: another life */
    }
    if (status != MR_END) { /* what was read to its end stays counted */
        mr_sink_count_partitions(&life, -(int)life.assigned.count);
    }
    finish(&life, status == MR_END || status == MR_IDLE);
    return status;
}
