/* SPDX-License-Identifier: Apache-2.0 */
/* Dead letters of a sink task: messages that can not be decoded, and records that the target can
 * not store. The producer is made with the first of them. */
#include <inttypes.h>

#include "base/arena.h"
#include "base/log.h"
#include "runtime/deadletter.h"
#include "runtime/sink_life.h"

static mr_status make_dead_producer(mr_sink_life *life, mr_error *err)
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

mr_status mr_sink_bury(mr_sink_life *life, size_t index, const char *stage, const mr_error *why,
                       mr_error *err)
{
    mr_worker *w = life->worker;
    mr_status status = life->dead_producer ? MR_OK : make_dead_producer(life, err);
    if (status != MR_OK) {
        return dead_letters_failed(status, err);
    }
    const mr_message *m = &life->haul->messages[index];
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

mr_status mr_sink_flush_letters(mr_sink_life *life, mr_error *err)
{
    return life->dead_producer
               ? dead_letters_failed(mr_producer_flush(life->dead_producer, err), err)
               : MR_OK;
}
