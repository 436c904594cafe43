/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The partitions of a sink task. Whenever they change, what is held is dropped, all of them are
 * claimed and read again from the offsets stored at the target: the simple way is the safe way, and
 * changes are rare.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "runtime/backoff.h"
#include "runtime/sink_life.h"

static mr_offset *find_assigned(mr_sink_life *life, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < life->assigned.count; i++) {
        mr_offset *o = &life->assigned.items[i];
        if (o->partition == partition && strcmp(o->topic, topic) == 0) {
            return o;
        }
    }
    return NULL;
}

void mr_sink_count_partitions(mr_sink_life *life, int more)
{
    mr_counters *c = life->worker->counters;
    mr_raise_partitions_most(c, atomic_fetch_add(&c->partitions, more) + more);
}

static void adopt(mr_sink_life *life, const mr_offsets *now)
{
    mr_offset *items = mr_realloc_array(NULL, now->count ? now->count : 1, sizeof *items);
    for (size_t i = 0; i < now->count; i++) {
        const mr_offset *before = find_assigned(life, now->items[i].topic, now->items[i].partition);
        items[i] = now->items[i];
        items[i].next = before ? before->next : -1;
    }
    mr_sink_count_partitions(life, (int)now->count - (int)life->assigned.count);
    free(life->assigned.items);
    life->assigned = (mr_offsets){items, now->count};
}

bool mr_sink_assignment_changed(mr_sink_life *life)
{
    mr_offsets now;
    int generation;
    bool changed = mr_consumer_assignment_changed(life->consumer, &now, &generation);
    if (changed) {
        adopt(life, &now);
    }
    return changed;
}

void mr_sink_note_durable(mr_sink_life *life, const mr_offsets *upto)
{
    for (size_t i = 0; i < upto->count; i++) {
        mr_offset *o = find_assigned(life, upto->items[i].topic, upto->items[i].partition);
        if (o) {
            o->next = upto->items[i].next;
        }
    }
}

/* The rest of the assignment that has no offset, with where the log ends now. */
static mr_status find_latest(mr_sink_life *life, mr_offsets *ret, mr_error *err)
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
static mr_status pin_latest(mr_sink_life *life, mr_error *err)
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
        status = life->sink->begin(mr_sink_task(life), err);
        if (status == MR_OK) {
            status = life->sink->commit(mr_sink_task(life), &latest, err);
        }
        if (status == MR_OK) {
            mr_sink_note_durable(life, &latest);
        } else {
            life->sink->abort(mr_sink_task(life));
        }
    }
    free(items);
    return status;
}

mr_status mr_sink_recover(mr_sink_life *life, mr_error *err)
{
    if (!life->sink->recover || life->assigned.count == 0) {
        return MR_OK;
    }
    int64_t *before = mr_realloc_array(NULL, life->assigned.count, sizeof *before);
    for (size_t i = 0; i < life->assigned.count; i++) {
        before[i] = life->assigned.items[i].next;
    }
    mr_status status = life->sink->recover(mr_sink_task(life), &life->assigned, err);
    for (size_t i = 0; i < life->assigned.count; i++) {
        if (status != MR_OK || life->assigned.items[i].next < 0) {
            life->assigned.items[i].next = before[i];
        }
    }
    free(before);
    return status == MR_OK ? pin_latest(life, err) : status;
}

/* One poll of the paused consumer. MR_WAIT_ABANDON: what is held is not to be trusted any more. */
static mr_wait poll_paused(mr_sink_life *life, int64_t left_ms)
{
    mr_error ignored;
    mr_message none;
    size_t count = 0;
    int poll_ms = left_ms < MR_SINK_POLL_MS ? (int)(left_ms > 0 ? left_ms : 0) : MR_SINK_POLL_MS;
    if (mr_consumer_poll(life->consumer, &none, 1, poll_ms, &count, &ignored) != MR_OK) {
        return MR_WAIT_ABANDON;
    }
    if (count) {
        mr_message_release(&none);
        return MR_WAIT_ABANDON; /* fetched again from the stored offsets */
    }
    return mr_sink_assignment_changed(life) ? MR_WAIT_ABANDON : MR_WAIT_DONE;
}

mr_wait mr_sink_wait_in_group(mr_sink_life *life, int64_t wait_ms)
{
    mr_worker *w = life->worker;
    mr_error ignored;
    int64_t end_us = mr_clock_us() + wait_ms * 1000;
    bool paused = false;
    if (mr_sink_assignment_changed(life)) { /* the reader was told of it */
        return MR_WAIT_ABANDON;
    }
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
        mr_wait waited = poll_paused(life, left_ms);
        if (waited != MR_WAIT_DONE) {
            return waited;
        }
    } while (mr_clock_us() < end_us);
    if (paused && mr_consumer_pause(life->consumer, false, &ignored) != MR_OK) {
        return MR_WAIT_ABANDON;
    }
    return MR_WAIT_DONE;
}

/* Where a sink keeps the offsets but has none for a partition, what the group has stored does not
 * count: it may be of a target that was emptied since. */
mr_status mr_sink_read_from_stored(mr_sink_life *life, mr_error *err)
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

mr_status mr_sink_claim(mr_sink_life *life, mr_error *err)
{
    mr_intake_clear(life->intake);
    mr_haul_clear(life->haul);
    mr_haul_clear(life->spare);
    mr_status status = mr_sink_recover(life, err);
    for (int attempt = 1; status == MR_REOPEN || status == MR_RETRY; attempt++) {
        int64_t wait_ms = mr_backoff_ms(attempt);
        mr_worker_log_failure(status, err, wait_ms);
        int64_t end_us = mr_clock_us() + wait_ms * 1000;
        mr_wait waited = mr_sink_wait_in_group(life, wait_ms);
        if (waited == MR_WAIT_ABANDON) { /* there is no epoch to abandon: wait all the same */
            int64_t left_ms = (end_us - mr_clock_us()) / 1000;
            waited = mr_wait_ms(left_ms > 0 ? left_ms : 0, &life->worker->stop) ? MR_WAIT_DONE
                                                                                : MR_WAIT_STOP;
        }
        if (waited == MR_WAIT_STOP) {
            return MR_IDLE;
        }
        status = mr_sink_open(life, err);
        if (status == MR_OK) {
            status = mr_sink_recover(life, err);
        }
    }
    /* In this order: a pause ends where librdkafka stood, not where it is sent to meanwhile. */
    if (status == MR_OK) {
        status = mr_consumer_pause(life->consumer, false, err);
    }
    if (status == MR_OK) {
        status = mr_sink_read_from_stored(life, err);
    }
    return status;
}
