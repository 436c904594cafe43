/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink loop: collect messages until a batch is full or its window is over, decode, run the
 * epoch, go on. All recovery is in epoch.c; this file owns the consumer, the assignment and the
 * dead letters.
 *
 * Assignment   Whenever it changes, what is held is dropped, all partitions are claimed and read
 * again from the offsets stored at the target: the simple way is the safe way, and changes are
 * rare.
 */
#include <inttypes.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "kafka/admin.h"
#include "kafka/consumer.h"
#include "runtime/backoff.h"
#include "runtime/deadletter.h"
#include "runtime/epoch.h"
#include "runtime/intake.h"
#include "runtime/worker.h"

enum {
    POLL_MS = 100,
    AWAIT_TOPIC_MS = 20, /* each look is a client of its own */
    AWAIT_TOPIC_LONGEST_MS = 1000,
    DECODE_AT_ONCE = 2000,  /* messages: small, so that the target begins early */
    IN_TRANSIT_MS = 15000,  /* how long partitions may be on their way between the tasks */
    QUEUE_BYTES = 16 << 20, /* prefetch; with the default batch a sink stays within 64 MiB */
};

typedef struct sink_life {
    mr_worker *worker;
    const mr_sink *sink;
    mr_consumer *consumer;
    mr_producer *dead_producer; /* made with the first dead letter */
    char *dead_topic;
    mr_intake *intake;
    mr_epoch *epoch;          /* the one that runs; of the intake */
    bool opened;              /* open() has been called, close() is due */
    mr_offsets assigned;      /* own copy; next: what is durable */
    bool abandoned;           /* the assignment changed while waiting */
    bool sought_end;          /* once: the end has been looked for again after the sources ended */
    int64_t first_us;         /* when the first message of the batch came */
    int64_t missing_since_us; /* once: when partitions were first seen to be in transit; 0: none */
} sink_life;

static mr_task *task_of(sink_life *life)
{
    return &life->worker->task;
}

/* --- Opening --- */

static void close_sink(sink_life *life)
{
    if (life->opened) {
        life->sink->close(task_of(life));
        life->opened = false;
    }
    mr_arena_reset(task_of(life)->arena);
}

static mr_status open_sink(sink_life *life, mr_error *err)
{
    close_sink(life);
    life->opened = true;
    return life->sink->open(task_of(life), err);
}

/* Opens with back-off until it works. */
static mr_status open_patiently(sink_life *life, mr_error *err)
{
    for (int attempt = 1;; attempt++) {
        mr_status status = open_sink(life, err);
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

static bool is_pattern(const char *topic)
{
    return *topic == '^';
}

static void raise_most(mr_counters *c, int partitions)
{
    int most = atomic_load(&c->partitions_most);
    while (most < partitions &&
           !atomic_compare_exchange_weak(&c->partitions_most, &most, partitions)) {
    }
}

/* Waits until the topics exist; with once and no source in this process that could make them, they
 * must. */
static mr_status await_topics(sink_life *life, mr_error *err)
{
    mr_worker *w = life->worker;
    const mr_list *topics = &w->config->sink.topics;
    bool told = false;
    int all = 0;
    int64_t wait_ms = AWAIT_TOPIC_MS;
    for (size_t i = 0; i < topics->count;) {
        int partitions = 1;
        mr_status status =
            is_pattern(topics->items[i])
                ? MR_OK
                : mr_topic_partitions(&w->kafka, topics->items[i], 2000, &partitions, err);
        if (status != MR_OK && status != MR_IDLE) {
            return status;
        }
        if (status == MR_OK && partitions > 0) {
            all += partitions;
            i++;
            continue;
        }
        if (status == MR_OK && w->shared->once && atomic_load(&w->shared->sources_running) == 0) {
            mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                    "topic %s does not exist, and with --once nothing is waited for. Create it, or "
                    "correct `topics`",
                    topics->items[i]);
            err->permanent = true;
            return MR_FATAL;
        }
        if (status == MR_OK && !told && atomic_load(&w->shared->sources_running) == 0) {
            mr_log(MR_LOG_INFO, "kafka.topic.missing",
                   "topic %s does not exist yet; waiting for it", topics->items[i]);
            told = true;
        }
        if (!mr_wait_ms(wait_ms, &w->stop)) {
            return MR_IDLE;
        }
        wait_ms = wait_ms * 5 / 4 < AWAIT_TOPIC_LONGEST_MS ? wait_ms * 5 / 4 : wait_ms;
    }
    raise_most(w->counters, all);
    return MR_OK;
}

/* A sink that read its own dead letters would make new ones of them for ever. */
static mr_status check_dead_topic(const sink_life *life, mr_error *err)
{
    const mr_list *topics = &life->worker->config->sink.topics;
    for (size_t i = 0; i < topics->count; i++) {
        regex_t pattern;
        bool same = strcmp(topics->items[i], life->dead_topic) == 0;
        if (is_pattern(topics->items[i]) &&
            regcomp(&pattern, topics->items[i], REG_EXTENDED | REG_NOSUB) == 0) {
            same = regexec(&pattern, life->dead_topic, 0, NULL, 0) == 0;
            regfree(&pattern);
        }
        if (same) {
            mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                    "topics: \"%s\" includes %s, where this sink's own dead letters go; it would "
                    "read and reject them for ever. Name the topics more narrowly, or set "
                    "on.failure.topic to one that is not read",
                    topics->items[i], life->dead_topic);
            mr_error_field(err, "topics");
            err->permanent = true;
            return MR_FATAL;
        }
    }
    return MR_OK;
}

static mr_status start(sink_life *life, mr_error *err)
{
    mr_worker *w = life->worker;
    const mr_sink_options *options = &w->config->sink;
    life->dead_topic = mr_dead_letter_topic(w->config);
    mr_status status = check_dead_topic(life, err);
    if (status == MR_OK) {
        status = mr_intake_new(w->config, w->task.routes, w->task.route_count, w->shared->schemas,
                               &w->stop, &life->intake, err);
    }
    if (status == MR_OK) {
        status = open_patiently(life, err);
    }
    if (status == MR_OK) {
        status = await_topics(life, err);
    }
    if (status == MR_OK) {
        mr_consumer_options consumer = {
            .group = options->group ? options->group : w->config->task_name,
            .topics = options->topics.items,
            .topic_count = options->topics.count,
            .starting_position = options->starting_position ? "latest" : "earliest",
            .queue_max_bytes = QUEUE_BYTES,
            .stop_at_end = w->shared->once,
        };
        status = mr_consumer_new(&w->kafka, &consumer, &life->consumer, err);
    }
    return status;
}

static void finish(sink_life *life, bool in_order)
{
    if (life->consumer && in_order && life->assigned.count) {
        mr_consumer_commit(life->consumer, &life->assigned, true);
    }
    mr_intake_free(life->intake);
    if (life->consumer) {
        mr_consumer_close(life->consumer);
    }
    if (life->dead_producer) {
        mr_producer_close(life->dead_producer);
    }
    close_sink(life);
    free(life->assigned.items);
    free(life->dead_topic);
}

/* --- Assignment --- */

static mr_offset *find_assigned(sink_life *life, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < life->assigned.count; i++) {
        mr_offset *o = &life->assigned.items[i];
        if (o->partition == partition && strcmp(o->topic, topic) == 0) {
            return o;
        }
    }
    return NULL;
}

static void count_partitions(sink_life *life, int more)
{
    mr_counters *c = life->worker->counters;
    raise_most(c, atomic_fetch_add(&c->partitions, more) + more);
}

/* Takes over the consumer's list, keeping what is known to be durable. */
static void adopt(sink_life *life, const mr_offsets *now)
{
    mr_offset *items = mr_realloc_array(NULL, now->count ? now->count : 1, sizeof *items);
    for (size_t i = 0; i < now->count; i++) {
        const mr_offset *before = find_assigned(life, now->items[i].topic, now->items[i].partition);
        items[i] = now->items[i];
        items[i].next = before ? before->next : -1;
    }
    count_partitions(life, (int)now->count - (int)life->assigned.count);
    free(life->assigned.items);
    life->assigned = (mr_offsets){items, now->count};
}

static void host_committed(void *context, const mr_offsets *upto)
{
    sink_life *life = context;
    for (size_t i = 0; i < upto->count; i++) {
        mr_offset *o = find_assigned(life, upto->items[i].topic, upto->items[i].partition);
        if (o) {
            o->next = upto->items[i].next;
        }
    }
}

/* The rest of the assignment that has no offset, with where the log ends now. */
static mr_status find_latest(sink_life *life, mr_offsets *ret, mr_error *err)
{
    mr_status status = MR_OK;
    for (size_t i = 0; i < life->assigned.count && status == MR_OK; i++) {
        mr_offset *o = &life->assigned.items[i];
        if (o->next < 0) {
            mr_offset *found = &ret->items[ret->count++];
            *found = *o;
            status = mr_consumer_end(life->consumer, o->topic, o->partition, &found->next, err);
        }
    }
    return status;
}

/* "latest" is where the log ended when this sink first came to a partition. It is stored before
 * anything is read: an end looked up again after a crash or a rebalance would pass over the records
 * that came between. */
static mr_status pin_latest(sink_life *life, mr_error *err)
{
    const mr_connector_config *config = life->worker->config;
    if (config->sink.starting_position == 0 ||
        !(config->connector->capabilities & MR_STORES_OFFSETS)) {
        return MR_OK;
    }
    mr_offset *items = mr_realloc_array(NULL, life->assigned.count + 1, sizeof *items);
    mr_offsets latest = {items, 0};
    mr_status status = find_latest(life, &latest, err);
    if (status == MR_OK && latest.count) {
        status = life->sink->begin(task_of(life), err);
        if (status == MR_OK) {
            status = life->sink->commit(task_of(life), &latest, err);
        }
        if (status == MR_OK) {
            host_committed(life, &latest);
        } else {
            life->sink->abort(task_of(life));
        }
    }
    free(items);
    return status;
}

/* Claims what is assigned, and learns what is stored. Offsets the sink does not store keep their
 * value. */
static mr_status recover(sink_life *life, mr_error *err)
{
    if (!life->sink->recover || life->assigned.count == 0) {
        return MR_OK;
    }
    int64_t *before = mr_realloc_array(NULL, life->assigned.count, sizeof *before);
    for (size_t i = 0; i < life->assigned.count; i++) {
        before[i] = life->assigned.items[i].next;
    }
    mr_status status = life->sink->recover(task_of(life), &life->assigned, err);
    for (size_t i = 0; i < life->assigned.count; i++) {
        if (status != MR_OK || life->assigned.items[i].next < 0) {
            life->assigned.items[i].next = before[i];
        }
    }
    free(before);
    return status == MR_OK ? pin_latest(life, err) : status;
}

/* Waits while the sink is away, but stays in the group: partitions are paused and the consumer is
 * polled. */
static mr_wait wait_in_group(sink_life *life, int64_t wait_ms)
{
    mr_worker *w = life->worker;
    mr_error ignored;
    int64_t end_us = mr_clock_us() + wait_ms * 1000;
    bool paused = false;
    do {
        if (atomic_load(&w->stop)) {
            return MR_WAIT_STOP;
        }
        int64_t left_ms = (end_us - mr_clock_us()) / 1000;
        if (!paused && left_ms < 1000) { /* too short to leave the prefetched messages for */
            if (!mr_wait_ms(left_ms, &w->stop)) {
                return MR_WAIT_STOP;
            }
            break;
        }
        if (!paused && mr_consumer_pause(life->consumer, true, &ignored) != MR_OK) {
            return MR_WAIT_ABANDON;
        }
        paused = true;
        mr_message none;
        size_t count = 0;
        int poll_ms = left_ms < POLL_MS ? (int)(left_ms > 0 ? left_ms : 0) : POLL_MS;
        if (mr_consumer_poll(life->consumer, &none, 1, poll_ms, &count, &ignored) != MR_OK) {
            return MR_WAIT_ABANDON;
        }
        if (count) {
            mr_message_release(&none);
            return MR_WAIT_ABANDON; /* fetched again from the stored offsets */
        }
        mr_offsets now;
        int generation;
        if (mr_consumer_assignment_changed(life->consumer, &now, &generation)) {
            adopt(life, &now);
            life->abandoned = true;
            return MR_WAIT_ABANDON;
        }
    } while (mr_clock_us() < end_us);
    if (paused && mr_consumer_pause(life->consumer, false, &ignored) != MR_OK) {
        return MR_WAIT_ABANDON;
    }
    return MR_WAIT_DONE;
}

/* Lets the consumer read all partitions from what is durable. Where a sink keeps the offsets but
 * has none for a partition, what the group has stored does not count: it may be of a target that
 * was emptied since. */
static mr_status read_from_stored(sink_life *life, mr_error *err)
{
    bool keeps_offsets = life->worker->config->connector->capabilities & MR_STORES_OFFSETS;
    mr_offset *items = mr_realloc_array(NULL, life->assigned.count + 1, sizeof *items);
    for (size_t i = 0; i < life->assigned.count; i++) {
        items[i] = life->assigned.items[i];
        if (keeps_offsets && items[i].next < 0) {
            items[i].next = MR_OFFSET_STARTING;
        }
    }
    mr_status status =
        mr_consumer_seek(life->consumer, &(mr_offsets){items, life->assigned.count}, err);
    free(items);
    return status;
}

/* Recovers with reopening and waiting as long as it takes, then lets the consumer read from there.
 */
static mr_status claim_and_start(sink_life *life, mr_error *err)
{
    mr_intake_clear(life->intake);
    mr_status status = recover(life, err);
    for (int attempt = 1; status == MR_REOPEN || status == MR_RETRY; attempt++) {
        int64_t wait_ms = mr_backoff_ms(attempt);
        mr_worker_log_failure(status, err, wait_ms);
        int64_t end_us = mr_clock_us() + wait_ms * 1000;
        mr_wait waited = wait_in_group(life, wait_ms);
        if (waited == MR_WAIT_ABANDON) { /* there is no epoch to abandon: wait all the same */
            int64_t left_ms = (end_us - mr_clock_us()) / 1000;
            waited = mr_wait_ms(left_ms > 0 ? left_ms : 0, &life->worker->stop) ? MR_WAIT_DONE
                                                                                : MR_WAIT_STOP;
        }
        if (waited == MR_WAIT_STOP) {
            return MR_IDLE;
        }
        status = open_sink(life, err);
        if (status == MR_OK) {
            status = recover(life, err);
        }
    }
    life->abandoned = false;
    /* In this order: a pause ends where librdkafka stood, not where it is sent to meanwhile. */
    if (status == MR_OK) {
        status = mr_consumer_pause(life->consumer, false, err);
    }
    if (status == MR_OK) {
        status = read_from_stored(life, err);
    }
    return status;
}

/* --- What the epoch asks of us --- */

static mr_status make_dead_producer(sink_life *life, mr_error *err)
{
    mr_worker *w = life->worker;
    mr_status status = mr_dead_letter_ensure_topic(&w->kafka, life->dead_topic, &w->stop, err);
    if (status == MR_OK) {
        status = mr_producer_new(
            &w->kafka, &(mr_producer_options){.queue_max_bytes = 4 << 20, .stop = &w->stop},
            &life->dead_producer, err);
    }
    return status;
}

/* A producer that failed may have lost any of the letters handed to it, and the epoch counts them
 * as done: only another life, which reads from what is stored, makes them all again. */
static mr_status dead_letters_failed(mr_status status, mr_error *err)
{
    if (status == MR_OK || status == MR_IDLE) {
        return status;
    }
    mr_error_prefix(err, "dead letters");
    return MR_FATAL;
}

static mr_status bury(sink_life *life, size_t index, const char *stage, const mr_error *why,
                      mr_error *err)
{
    mr_worker *w = life->worker;
    mr_status status = life->dead_producer ? MR_OK : make_dead_producer(life, err);
    if (status != MR_OK) {
        return dead_letters_failed(status, err);
    }
    const mr_message *m = mr_intake_message(life->intake, index);
    mr_dead_letter letter = {
        .config = w->config,
        .task_index = w->index,
        .stage = stage,
        .topic = m->topic,
        .partition = m->partition,
        .offset = m->offset,
        .key = m->key,
        .value = m->value,
        .timestamp_ms = m->timestamp_ms,
        .why = why,
    };
    mr_arena *scratch = mr_arena_new();
    status = mr_message_headers(m, scratch, &letter.headers, &letter.header_count, err);
    if (status == MR_OK) {
        status = mr_dead_letter_send(life->dead_producer, life->dead_topic, &letter, err);
    }
    mr_arena_free(scratch);
    if (status == MR_OK) {
        mr_count(&w->counters->dead_letters, 1);
        mr_log(MR_LOG_WARN, "record.dead",
               "%s partition %" PRId32 " offset %" PRId64 "%s%s goes to %s: %s", m->topic,
               m->partition, m->offset, *why->field ? ", field " : "", why->field, life->dead_topic,
               why->text);
    }
    return dead_letters_failed(status, err);
}

static mr_status host_dead_letter(void *context, size_t index, const mr_error *why, mr_error *err)
{
    return bury(context, index, "TASK_PUT", why, err);
}

static mr_status host_flush(void *context, mr_error *err)
{
    sink_life *life = context;
    return life->dead_producer
               ? dead_letters_failed(mr_producer_flush(life->dead_producer, err), err)
               : MR_OK;
}

static mr_status host_reopen(void *context, const mr_offsets **stored, mr_error *err)
{
    sink_life *life = context;
    mr_status status = open_sink(life, err);
    if (status == MR_OK) {
        status = recover(life, err);
    }
    *stored = &life->assigned;
    return status;
}

static mr_wait host_wait(void *context, int attempt, mr_status status, const mr_error *why)
{
    sink_life *life = context;
    int64_t wait_ms = mr_backoff_ms(attempt);
    mr_count(&life->worker->counters->retries, 1);
    mr_worker_log_failure(status, why, wait_ms);
    return wait_in_group(life, wait_ms);
}

/* --- The loop --- */

/* Failures of decoding and transforming, before anything is written. */
static mr_status bury_failures(sink_life *life, mr_epoch *epoch, const mr_intake_failure *failures,
                               size_t count, mr_error *err)
{
    for (size_t i = 0; i < count; i++) {
        mr_entry *entry = &epoch->entries[failures[i].index];
        const mr_error *why = &failures[i].why;
        if (entry->fate == MR_FATE_OPEN) {
            const char *stage =
                why->domain == MR_DOMAIN_TRANSFORM ? "TRANSFORMATION" : "VALUE_CONVERTER";
            mr_status status = bury(life, failures[i].index, stage, why, err);
            if (status != MR_OK) {
                return status;
            }
            entry->fate = MR_FATE_DEAD;
        }
    }
    return MR_OK;
}

static void count_done(sink_life *life, const mr_epoch *epoch)
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

/* The target is at work on the batches before while these are decoded. What can not be decoded has
 * no batch, so it must be buried here: when that fails, this life ends and everything is read
 * again. */
static mr_status host_more(void *context, bool *any, mr_error *err)
{
    sink_life *life = context;
    const mr_intake_failure *failures;
    size_t count;
    mr_status status = mr_intake_more(life->intake, DECODE_AT_ONCE, any, &failures, &count, err);
    if (status == MR_OK) {
        status = bury_failures(life, life->epoch, failures, count, err);
    }
    return status == MR_OK || status == MR_IDLE ? status : MR_FATAL;
}

static mr_status run_epoch(sink_life *life, mr_error *err)
{
    const mr_epoch_host host = {life,        host_more, host_dead_letter, host_flush,
                                host_reopen, host_wait, host_committed};
    mr_epoch *epoch = life->epoch = mr_intake_epoch(life->intake);
    mr_status status = mr_epoch_run(epoch, task_of(life), life->sink, &host, err);
    if (status == MR_OK) {
        count_done(life, epoch);
        mr_consumer_commit(life->consumer, &life->assigned, false);
    }
    mr_intake_clear(life->intake);
    if (status == MR_IDLE && !atomic_load(&life->worker->stop)) {
        return claim_and_start(life, err); /* abandoned: read again from what is stored */
    }
    return status;
}

static bool batch_is_due(sink_life *life)
{
    const mr_sink_options *o = &life->worker->config->sink;
    size_t room;
    mr_intake_room(life->intake, &room);
    return room == 0 || mr_intake_bytes(life->intake) >= (size_t)o->batch_max_bytes ||
           mr_clock_us() - life->first_us >= o->batch_window_ms * 1000;
}

/* Takes what is there; waits only when nothing is held or the window allows it. */
static mr_status collect(sink_life *life, size_t *got, mr_error *err)
{
    size_t room;
    mr_message *messages = mr_intake_room(life->intake, &room);
    size_t most = mr_intake_most(life->intake);
    room = room < most ? room : most;
    bool empty = mr_intake_count(life->intake) == 0;
    int64_t window_us = life->worker->config->sink.batch_window_ms * 1000;
    int64_t left_us = empty ? POLL_MS * 1000 : life->first_us + window_us - mr_clock_us();
    if (left_us > POLL_MS * 1000) {
        left_us = POLL_MS * 1000;
    }
    mr_status status = mr_consumer_poll(life->consumer, messages, room,
                                        left_us > 0 ? (int)(left_us / 1000) : 0, got, err);
    if (status == MR_OK && *got) {
        if (empty) {
            life->first_us = mr_clock_us();
        }
        mr_intake_took(life->intake, *got);
    }
    return status;
}

/* Does the crew hold fewer partitions than there are, or than it once did? Then some are on their
 * way to it, from a task or from a process that died, and nobody has read them to their end; unless
 * another process holds them for good. */
static bool partitions_in_transit(sink_life *life)
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
static mr_status look_for_end(sink_life *life, mr_error *err)
{
    if (!life->worker->shared->once || !mr_consumer_at_end(life->consumer) ||
        atomic_load(&life->worker->shared->sources_running) > 0) {
        return MR_OK;
    }
    if (!life->sought_end) {
        life->sought_end = true;
        return read_from_stored(life, err);
    }
    return partitions_in_transit(life) ? MR_OK : MR_END;
}

static mr_status step(sink_life *life, mr_error *err)
{
    size_t got = 0;
    mr_status status = collect(life, &got, err);
    mr_offsets now;
    int generation;
    if (status == MR_OK && mr_consumer_assignment_changed(life->consumer, &now, &generation)) {
        adopt(life, &now);
        return claim_and_start(life, err);
    }
    if (status != MR_OK) {
        return status;
    }
    size_t held = mr_intake_count(life->intake);
    if (held && (batch_is_due(life) || (got == 0 && mr_consumer_at_end(life->consumer)))) {
        return run_epoch(life, err);
    }
    return held ? MR_OK : look_for_end(life, err);
}

mr_status mr_run_sink(mr_worker *worker, mr_error *err)
{
    sink_life life = {.worker = worker, .sink = worker->config->connector->sink};
    mr_status status = start(&life, err);
    while (status == MR_OK) {
        status = atomic_load(&worker->stop) ? MR_IDLE : step(&life, err);
    }
    if (status == MR_RETRY || status == MR_REOPEN || status == MR_REJECT) {
        status =
            MR_FATAL; /* the consumer or the dead-letter producer is of no more use: another life */
    }
    if (status != MR_END) { /* what was read to its end stays counted */
        count_partitions(&life, -(int)life.assigned.count);
    }
    finish(&life, status == MR_END || status == MR_IDLE);
    return status;
}
