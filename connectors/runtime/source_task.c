/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source loop: within one Kafka transaction, poll for commit.interval.ms, send what came, then
 * the positions that cover it; commit; tell the source. A transaction that fails is aborted and the
 * source is opened again at the positions that are durable: replay by re-reading, so that nothing
 * must be kept in memory.
 *
 * Order at the start   init of the transactional id first (it fences an older instance and ends its
 * transaction), then the positions are read: from then on nobody else can move them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "kafka/admin.h"
#include "runtime/backoff.h"
#include "runtime/deadletter.h"
#include "runtime/outlet.h"
#include "runtime/positions_topic.h"
#include "runtime/recall.h"
#include "runtime/worker.h"
#include "transform/cell_text.h"

enum {
    TRANSACTION_BYTES_MAX =
        64 << 20, /* a transaction is committed early when it has grown this large */
    PRODUCER_QUEUE_BYTES = 16 << 20,
    TRANSACTION_MS = 60000,
    FAR_BEHIND_S = 2,
    FAR_BEHIND_INTERVALS = 10,
    FAR_BEHIND_MS_MAX = 1000,
    LETTER_BYTES_MAX = 32 << 20, /* of the JSON in a dead letter, before it is cut to fit */
};

typedef struct source_life {
    mr_worker *worker;
    const mr_source *source;
    mr_producer *producer;
    mr_outlet *outlet;
    char *dead_topic;
    bool dead_topic_exists;
    char **made_topics; /* beside the configured one: known to be there */
    size_t made_count;
    bool opened, begun;
    bool cut_short; /* not all of a poll's records were handed over: nothing may be committed */
    uint64_t records_in, records_out, dead; /* of the open transaction */
    size_t bytes;
} source_life;

static mr_task *task_of(source_life *life)
{
    return &life->worker->task;
}

/* Makes sure of the topics for records and, at the start, for positions. Either may be NULL. */
static mr_status ensure(source_life *life, const char *records, const char *positions,
                        mr_error *err)
{
    const mr_source_options *o = &life->worker->config->source;
    char retention[32];
    snprintf(retention, sizeof retention, "%" PRId64, o->topic_retention_ms);
    const mr_property stream[] = {{"retention.ms", retention}};
    /* Small segments: compaction keeps up, and reading the topic at a start stays quick. */
    static const mr_property compacted[] = {{"cleanup.policy", "compact"},
                                            {"segment.bytes", "4194304"},
                                            {"min.cleanable.dirty.ratio", "0.1"}};
    mr_topic_spec topics[2];
    size_t count = 0;
    if (records) {
        topics[count++] = (mr_topic_spec){records, (int)o->topic_partitions, 0, stream, 1};
    }
    if (positions) {
        topics[count++] = (mr_topic_spec){positions, 1, 0, compacted, 3};
    }
    return mr_topics_ensure(&life->worker->kafka, topics, count, &life->worker->stop, err);
}

static mr_status ensure_topics(source_life *life, mr_error *err)
{
    /* With placeholders it is no topic, but a pattern for those that the source names. */
    const char *topic = life->worker->config->source.topic;
    return ensure(life, strchr(topic, '{') ? NULL : topic, MR_POSITIONS_TOPIC, err);
}

/* A topic that the source has named: made when it is met first. */
static mr_status ensure_named(source_life *life, const char *name, mr_error *err)
{
    if (!name || strcmp(name, life->worker->config->source.topic) == 0) {
        return MR_OK;
    }
    for (size_t i = life->made_count; i-- > 0;) {
        if (strcmp(life->made_topics[i], name) == 0) {
            return MR_OK;
        }
    }
    mr_status status = ensure(life, name, NULL, err);
    if (status == MR_OK) {
        life->made_topics =
            mr_realloc_array(life->made_topics, life->made_count + 1, sizeof *life->made_topics);
        life->made_topics[life->made_count++] = mr_strdup(name);
    }
    return status;
}

/* Read committed, a transaction of our own would be waited for until the broker ends it. */
static mr_status recall(void *host, const char *topic, mr_recall *each, void *context,
                        mr_error *err)
{
    source_life *life = host;
    mr_worker *w = life->worker;
    if (life->begun) {
        return mr_fail(err, MR_FATAL, MR_DOMAIN_KAFKA,
                       "what was sent to %s can not be read back while a transaction is open",
                       topic);
    }
    return mr_recall_topic(&w->kafka, &w->wires, topic, &w->stop, each, context, err);
}

static mr_status open_at_stored(source_life *life, mr_error *err)
{
    mr_worker *w = life->worker;
    mr_positions *stored = mr_positions_new();
    mr_status status = mr_positions_load(&w->kafka, w->config->task_name, &w->stop, stored, err);
    if (status == MR_OK) {
        life->opened = true;
        status = life->source->open(task_of(life), stored, err);
    }
    mr_positions_free(stored);
    return status;
}

static mr_status start(source_life *life, mr_error *err)
{
    mr_worker *w = life->worker;
    life->dead_topic = mr_dead_letter_topic(w->config);
    task_of(life)->changed = mr_positions_new();
    task_of(life)->recall = recall;
    task_of(life)->recall_host = life;
    /* A transaction lasts commit.interval.ms, and then until its commit is answered. */
    mr_producer_options options = {.transactional_id = w->client_id,
                                   .queue_max_bytes = PRODUCER_QUEUE_BYTES,
                                   .transaction_timeout_ms = TRANSACTION_MS + FAR_BEHIND_MS_MAX +
                                                             w->config->source.commit_interval_ms,
                                   .stop = &w->stop};
    mr_status status = mr_outlet_new(w->config, &w->wires, &w->stop, &life->outlet, err);
    if (status == MR_OK) {
        status = ensure_topics(life, err);
    }
    if (status == MR_OK) {
        status = mr_producer_new(&w->kafka, &options, &life->producer, err);
    }
    if (status == MR_OK) {
        status = mr_producer_init(life->producer, &w->stop, err);
    }
    return status == MR_OK ? open_at_stored(life, err) : status;
}

static void finish(source_life *life)
{
    mr_error ignored;
    if (life->begun && mr_producer_abort(life->producer, &ignored) != MR_OK) {
        mr_log(MR_LOG_DEBUG, "kafka.abort", "abort: %s; the next instance ends the transaction",
               ignored.text);
    }
    if (life->opened) {
        life->source->close(task_of(life));
    }
    if (life->producer) {
        mr_producer_close(life->producer);
    }
    mr_outlet_free(life->outlet);
    mr_positions_free(task_of(life)->changed);
    task_of(life)->changed = NULL;
    task_of(life)->recall = NULL;
    for (size_t i = 0; i < life->made_count; i++) {
        free(life->made_topics[i]);
    }
    free(life->made_topics);
    free(life->dead_topic);
}

/* --- Within a transaction --- */

static mr_status begin_if_needed(source_life *life, mr_error *err)
{
    if (life->begun) {
        return MR_OK;
    }
    mr_status status = mr_producer_begin(life->producer, err);
    life->begun = status == MR_OK;
    return status;
}

static mr_status send_dead(source_life *life, const mr_dead_letter *letter, mr_error *err)
{
    mr_worker *w = life->worker;
    if (!life->dead_topic_exists) {
        mr_status status = mr_dead_letter_ensure_topic(&w->kafka, life->dead_topic, &w->stop, err);
        if (status != MR_OK) {
            return status;
        }
        life->dead_topic_exists = true;
    }
    life->dead++;
    mr_log(MR_LOG_WARN, "record.dead", "%s%s%s goes to %s: %s", letter->where,
           *letter->why->field ? ", field " : "", letter->why->field, life->dead_topic,
           letter->why->text);
    return mr_dead_letter_send(life->producer, life->dead_topic, letter, err);
}

static mr_dead_letter letter_of(source_life *life, const char *stage, const char *where,
                                const mr_error *why)
{
    return (mr_dead_letter){
        .config = life->worker->config,
        .task_index = life->worker->index,
        .stage = stage,
        .where = where,
        .why = why,
    };
}

static mr_status send_rejected_inputs(source_life *life, mr_error *err)
{
    mr_task *task = task_of(life);
    mr_status status = MR_OK;
    for (size_t i = 0; i < task->input_count && status == MR_OK; i++) {
        mr_dead_letter letter =
            letter_of(life, "TASK_POLL", task->inputs[i].where, &task->inputs[i].why);
        letter.value = task->inputs[i].input;
        status = send_dead(life, &letter, err);
    }
    return status;
}

/* A record that can not be sent, as it came: its bytes where the source has them, else its value as
 * JSON. */
static mr_status send_failed(source_life *life, const mr_batch *batch,
                             const mr_outlet_failure *failure, mr_error *err)
{
    const mr_record *record = failure->record;
    char where[64];
    snprintf(where, sizeof where, "record %" PRId64, record->offset);
    mr_dead_letter letter = letter_of(life, "TRANSFORMATION", where, &failure->why);
    letter.key = record->raw_key;
    letter.value = record->raw_value;
    mr_buffer json = MR_BUFFER_INIT(LETTER_BYTES_MAX);
    if (!letter.value.data && record->value) {
        mr_cell_json(batch->schema, record->value, &json);
        letter.value = (mr_slice){mr_buffer_text(&json), json.len};
    }
    mr_status status = send_dead(life, &letter, err);
    mr_buffer_release(&json);
    return status;
}

static mr_status send_batch(source_life *life, mr_batch *batch, mr_error *err)
{
    for (size_t i = 0; i < batch->count; i++) {
        batch->records[i].origin = (uint32_t)i;
    }
    size_t sent, bytes, failure_count;
    const mr_outlet_failure *failures;
    mr_status status = ensure_named(life, batch->topic, err);
    if (status != MR_OK) {
        return status;
    }
    status = mr_outlet_send(life->outlet, life->producer, batch, &sent, &bytes, &failures,
                            &failure_count, err);
    for (size_t i = 0; i < failure_count && status == MR_OK; i++) {
        status = send_failed(life, batch, &failures[i], err);
    }
    if (status == MR_OK) {
        life->records_in += batch->count;
        life->records_out += sent;
        life->bytes += bytes;
    }
    return status;
}

/* One poll and what came of it. MR_IDLE and MR_END of the source are handed on after what came with
 * them was sent; the same from the sending means that a stop came first. */
static mr_status poll_once(source_life *life, int64_t deadline_us, mr_error *err)
{
    mr_task *task = task_of(life);
    mr_arena_reset(task->arena);
    mr_task_clear_rejects(task);
    mr_batch batch = {.arena = task->arena};
    mr_status polled = life->source->poll(task, &batch, deadline_us, err);
    if (polled != MR_OK && polled != MR_IDLE && polled != MR_END) {
        return polled;
    }
    if (batch.count || task->input_count) {
        mr_status status = begin_if_needed(life, err);
        if (status == MR_OK && batch.count) {
            status = send_batch(life, &batch, err);
        }
        if (status == MR_OK) {
            status = send_rejected_inputs(life, err);
        }
        if (status != MR_OK) {
            life->cut_short = true;
            return status;
        }
    }
    return polled;
}

static void count_committed(source_life *life)
{
    mr_counters *c = life->worker->counters;
    mr_count(&c->records_in, life->records_in);
    mr_count(&c->records_out, life->records_out);
    mr_count(&c->dead_letters, life->dead);
    mr_count(&c->epochs, 1);
    life->records_in = life->records_out = life->dead = 0;
    life->bytes = 0;
}

/* Positions, commit, and the source is told. Positions alone are worth a transaction too. */
static mr_status commit(source_life *life, mr_error *err)
{
    mr_task *task = task_of(life);
    mr_status status = MR_OK;
    if (mr_positions_count(task->changed)) {
        status = begin_if_needed(life, err);
        if (status == MR_OK) {
            status = mr_positions_store(life->producer, task->name, task->changed, err);
        }
    }
    if (status != MR_OK || !life->begun) {
        return status;
    }
    status = mr_producer_commit(life->producer, &life->worker->stop, err);
    if (status == MR_OK) {
        life->begun = false;
        mr_positions_clear(task->changed);
        count_committed(life);
        if (life->source->acked) {
            life->source->acked(task);
        }
    }
    return status;
}

/* commit.interval.ms; for a source that is far behind several of them, but then a second at most.
 * A transaction costs librdkafka some milliseconds of CPU (bench/README.md), a tenth of what
 * reading a change stream costs, and here they buy nothing. */
static int64_t longest_ms(source_life *life)
{
    int64_t interval_ms = life->worker->config->source.commit_interval_ms;
    int64_t long_ms = interval_ms * FAR_BEHIND_INTERVALS;
    long_ms = long_ms < FAR_BEHIND_MS_MAX ? long_ms : FAR_BEHIND_MS_MAX;
    return task_of(life)->behind_s < FAR_BEHIND_S || long_ms < interval_ms ? interval_ms : long_ms;
}

/* One transaction. */
static mr_status step(source_life *life, mr_error *err)
{
    int64_t start_us = mr_clock_us();
    int64_t deadline_us;
    mr_status polled;
    do {
        deadline_us = start_us + longest_ms(life) * 1000;
        polled = poll_once(life, deadline_us, err);
    } while (polled == MR_OK && mr_clock_us() < deadline_us &&
             life->bytes < TRANSACTION_BYTES_MAX &&
             !atomic_load_explicit(&life->worker->stop, memory_order_relaxed));
    if (life->cut_short || (polled != MR_OK && polled != MR_IDLE && polled != MR_END)) {
        return polled;
    }
    mr_status status = commit(life, err);
    if (status != MR_OK) {
        return status;
    }
    return polled == MR_END ? MR_END : MR_OK;
}

mr_status mr_run_source(mr_worker *worker, mr_error *err)
{
    source_life life = {.worker = worker, .source = worker->config->connector->source};
    mr_status status = start(&life, err);
    while (status == MR_OK) {
        status = atomic_load(&worker->stop) ? MR_IDLE : step(&life, err);
    }
    if (status != MR_END && status != MR_IDLE) {
        /* Whatever it was, the next life starts from the positions that are durable. */
        status = MR_FATAL;
        mr_count(&worker->counters->retries, 1);
    }
    finish(&life);
    return status;
}
