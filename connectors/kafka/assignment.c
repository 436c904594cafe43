/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which partitions the consumer has and where it reads them.
 *
 * The group gives partitions in the rebalance callback, but where to start is known only after the
 * caller has asked its target. So the callback accepts the partitions without starting to fetch
 * (librdkafka allows incremental assignment outside the callback, and keeps what the group gave
 * apart from what is fetched), and mr_consumer_start() assigns them with their offsets. Going back
 * is the same: take away, give again. No pause, no seek on a partition whose offset is being looked
 * up, and nothing is fetched that would be thrown away.
 *
 * auto.offset.reset is "error": an offset that does not exist is never skipped silently.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "kafka/consumer_internal.h"

enum { QUERY_MS = 1000 };

/* --- Slots --- */

static const char *intern(mr_consumer *consumer, const char *topic)
{
    for (size_t i = 0; i < consumer->name_count; i++) {
        if (strcmp(consumer->names[i], topic) == 0) {
            return consumer->names[i];
        }
    }
    consumer->names =
        mr_realloc_array(consumer->names, consumer->name_count + 1, sizeof *consumer->names);
    return consumer->names[consumer->name_count++] = mr_strdup(topic);
}

mr_slot *mr_slot_find(mr_consumer *consumer, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < consumer->slot_count; i++) {
        mr_slot *slot = &consumer->slots[i];
        if (slot->partition == partition && strcmp(slot->topic, topic) == 0) {
            return slot;
        }
    }
    return NULL;
}

static void add_slot(mr_consumer *consumer, const char *topic, int32_t partition)
{
    if (mr_slot_find(consumer, topic, partition)) {
        return;
    }
    if (consumer->slot_count == consumer->slot_capacity) {
        consumer->slot_capacity = consumer->slot_capacity ? 2 * consumer->slot_capacity : 8;
        consumer->slots =
            mr_realloc_array(consumer->slots, consumer->slot_capacity, sizeof *consumer->slots);
        consumer->assigned = mr_realloc_array(consumer->assigned, consumer->slot_capacity,
                                              sizeof *consumer->assigned);
    }
    consumer->slots[consumer->slot_count++] =
        (mr_slot){.topic = intern(consumer, topic), .partition = partition, .next = -1};
}

static void remove_slot(mr_consumer *consumer, mr_slot *slot)
{
    size_t at = (size_t)(slot - consumer->slots);
    memmove(slot, slot + 1, (consumer->slot_count - at - 1) * sizeof *slot);
    consumer->slot_count--;
}

/* --- Rebalance --- */

static void say_failed(mr_consumer *consumer, rd_kafka_error_t *error)
{
    mr_auto_rderror rd_kafka_error_t *e = error;
    if (e) {
        mr_link_say(&consumer->link, MR_LOG_WARN, "kafka.assign", "%s", rd_kafka_error_string(e));
    }
}

static void take_in(mr_consumer *consumer, const rd_kafka_topic_partition_list_t *partitions)
{
    for (int i = 0; i < partitions->cnt; i++) {
        add_slot(consumer, partitions->elems[i].topic, partitions->elems[i].partition);
    }
    mr_auto_tplist rd_kafka_topic_partition_list_t *none = rd_kafka_topic_partition_list_new(0);
    say_failed(consumer, rd_kafka_incremental_assign(consumer->link.rk, none));
}

static void give_up(mr_consumer *consumer, const rd_kafka_topic_partition_list_t *partitions)
{
    mr_auto_tplist rd_kafka_topic_partition_list_t *started =
        rd_kafka_topic_partition_list_new(partitions->cnt);
    for (int i = 0; i < partitions->cnt; i++) {
        const rd_kafka_topic_partition_t *part = &partitions->elems[i];
        mr_slot *slot = mr_slot_find(consumer, part->topic, part->partition);
        if (slot && slot->started) {
            rd_kafka_topic_partition_list_add(started, part->topic, part->partition);
        }
        if (slot) {
            remove_slot(consumer, slot);
        }
    }
    if (consumer->paused && started->cnt) {
        /* librdkafka keeps a pause for the next assignment, which knows nothing of it: should the
         * partition come back, it would never be read again. */
        (void)rd_kafka_resume_partitions(consumer->link.rk, started);
    }
    say_failed(consumer, rd_kafka_incremental_unassign(consumer->link.rk, started));
}

void mr_consumer_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                           rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    mr_consumer *consumer = opaque; /* the link is its first member */
    bool lost = rd_kafka_assignment_lost(rk);
    bool added = code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    if (!added && consumer->before_giving_back) {
        consumer->before_giving_back(consumer->context);
    }
    if (added) {
        take_in(consumer, partitions);
    } else {
        give_up(consumer, partitions);
    }
    if (partitions->cnt || !consumer->known) {
        consumer->changed = true;
        consumer->generation++;
        int level = lost ? MR_LOG_WARN : consumer->closing ? MR_LOG_DEBUG : MR_LOG_INFO;
        mr_link_say(&consumer->link, level, "kafka.rebalance", "%s %d partition(s), has %zu now%s",
                    added ? "got" : "gave up", partitions->cnt, consumer->slot_count,
                    lost ? " (the group had given them to others)" : "");
    }
    consumer->known = consumer->known || added;
    if (consumer->queue && !consumer->closing) { /* rd_kafka_consumer_close() would end too early */
        rd_kafka_queue_yield(consumer->queue);   /* let the poll in progress return */
    }
}

bool mr_consumer_has_changed(const mr_consumer *consumer)
{
    return consumer->changed;
}

bool mr_consumer_assignment_changed(mr_consumer *consumer, mr_offsets *assigned, int *generation)
{
    bool changed = consumer->changed;
    consumer->changed = false;
    for (size_t i = 0; i < consumer->slot_count; i++) {
        const mr_slot *slot = &consumer->slots[i];
        consumer->assigned[i] = (mr_offset){slot->topic, slot->partition, slot->next};
    }
    *assigned = (mr_offsets){consumer->assigned, consumer->slot_count};
    *generation = consumer->generation;
    return changed;
}

/* --- Where to read --- */

static rd_kafka_topic_partition_list_t *list_new(const mr_consumer *consumer)
{
    return rd_kafka_topic_partition_list_new((int)consumer->slot_count);
}

static mr_status assign(mr_consumer *consumer, rd_kafka_topic_partition_list_t *list, mr_error *err)
{
    if (!list->cnt) {
        return MR_OK;
    }
    mr_auto_rderror rd_kafka_error_t *error = rd_kafka_incremental_assign(consumer->link.rk, list);
    if (error) {
        return mr_kafka_fail(err, MR_REOPEN, rd_kafka_error_code(error),
                             "can not start reading %s[%d]: %s", list->elems[0].topic,
                             (int)list->elems[0].partition, rd_kafka_error_string(error));
    }
    if (consumer->paused) {
        (void)rd_kafka_pause_partitions(consumer->link.rk, list);
    }
    return MR_OK;
}

static mr_status unassign(mr_consumer *consumer, rd_kafka_topic_partition_list_t *list,
                          mr_error *err)
{
    if (!list->cnt) {
        return MR_OK;
    }
    mr_auto_rderror rd_kafka_error_t *error =
        rd_kafka_incremental_unassign(consumer->link.rk, list);
    if (error) {
        return mr_kafka_fail(err, MR_REOPEN, rd_kafka_error_code(error),
                             "can not stop reading %s[%d]: %s", list->elems[0].topic,
                             (int)list->elems[0].partition, rd_kafka_error_string(error));
    }
    return MR_OK;
}

/* What an offset of the caller means to librdkafka. */
static int64_t native_offset(const mr_consumer *consumer, int64_t next)
{
    if (next == MR_OFFSET_STARTING) {
        return consumer->from_latest ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING;
    }
    return next >= 0 ? next : RD_KAFKA_OFFSET_STORED;
}

static void add_at(rd_kafka_topic_partition_list_t *list, mr_slot *slot, int64_t offset)
{
    slot->started = true;
    slot->eof = slot->stuck = false;
    slot->next = offset >= 0 ? offset : -1;
    slot->end = -1;
    slot->explicit = offset >= 0;
    rd_kafka_topic_partition_list_add(list, slot->topic, slot->partition)->offset = offset;
}

mr_status mr_consumer_start(mr_consumer *consumer, const mr_offsets *from, mr_error *err)
{
    mr_auto_tplist rd_kafka_topic_partition_list_t *list = list_new(consumer);
    for (size_t i = 0; i < from->count; i++) {
        const mr_offset *item = &from->items[i];
        mr_slot *slot = mr_slot_find(consumer, item->topic, item->partition);
        if (slot && !slot->started) {
            add_at(list, slot, native_offset(consumer, item->next));
        }
    }
    mr_status status = assign(consumer, list, err);
    mr_consumer_forget_topics(consumer);
    return status;
}

mr_status mr_consumer_seek(mr_consumer *consumer, const mr_offsets *to, mr_error *err)
{
    mr_auto_tplist rd_kafka_topic_partition_list_t *away = list_new(consumer);
    mr_auto_tplist rd_kafka_topic_partition_list_t *list = list_new(consumer);
    for (size_t i = 0; i < to->count; i++) {
        const mr_offset *item = &to->items[i];
        mr_slot *slot = mr_slot_find(consumer, item->topic, item->partition);
        if (!slot) {
            continue;
        }
        if (slot->started) {
            rd_kafka_topic_partition_list_add(away, slot->topic, slot->partition);
        }
        add_at(list, slot, native_offset(consumer, item->next));
    }
    mr_status status = unassign(consumer, away, err);
    return status ? status : assign(consumer, list, err);
}

mr_status mr_consumer_pause(mr_consumer *consumer, bool paused, mr_error *err)
{
    if (paused == consumer->paused) {
        return MR_OK;
    }
    mr_auto_tplist rd_kafka_topic_partition_list_t *list = list_new(consumer);
    for (size_t i = 0; i < consumer->slot_count; i++) {
        const mr_slot *slot = &consumer->slots[i];
        if (slot->started) {
            rd_kafka_topic_partition_list_add(list, slot->topic, slot->partition);
        }
    }
    rd_kafka_resp_err_t code = paused ? rd_kafka_pause_partitions(consumer->link.rk, list)
                                      : rd_kafka_resume_partitions(consumer->link.rk, list);
    if (code) {
        return mr_kafka_fail(err, MR_REOPEN, code, "can not %s reading: %s",
                             paused ? "pause" : "resume", rd_kafka_err2str(code));
    }
    consumer->paused = paused;
    return MR_OK;
}

/* --- Offsets that do not exist --- */

mr_status mr_consumer_end(mr_consumer *consumer, const char *topic, int32_t partition,
                          int64_t *next, mr_error *err)
{
    int64_t low;
    rd_kafka_resp_err_t code =
        rd_kafka_query_watermark_offsets(consumer->link.rk, topic, partition, &low, next, QUERY_MS);
    return code ? mr_kafka_fail(err, MR_RETRY, code, "can not ask for the end of %s[%d]: %s", topic,
                                (int)partition, rd_kafka_err2str(code))
                : MR_OK;
}

/* The offset was given to us, and the broker has no such record (any more, or yet). */
static mr_status find_again(mr_consumer *consumer, mr_slot *slot, int64_t *offset, mr_error *err)
{
    int64_t low, high;
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
        consumer->link.rk, slot->topic, slot->partition, &low, &high, QUERY_MS);
    if (code) {
        return MR_IDLE;
    }
    if (slot->next > high) {
        return mr_kafka_fail(err, MR_FATAL, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE,
                             "%s[%d] ends at offset %lld, but the next to be read is %lld: the "
                             "topic was deleted and made again, or lost records; give the pipeline "
                             "another name, or reset its offsets",
                             slot->topic, (int)slot->partition, (long long)high,
                             (long long)slot->next);
    }
    if (slot->next < low) {
        mr_link_say(&consumer->link, MR_LOG_ERROR, "kafka.gap",
                    "%s[%d]: offsets %lld to %lld were deleted (retention) before they were read; "
                    "going on at %lld",
                    slot->topic, (int)slot->partition, (long long)slot->next, (long long)(low - 1),
                    (long long)low);
        *offset = low;
    } else {
        *offset = slot->next;
    }
    return MR_OK;
}

static mr_status restart(mr_consumer *consumer, mr_slot *slot, mr_error *err)
{
    int64_t offset = consumer->from_latest ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING;
    if (slot->explicit) {
        mr_status status = find_again(consumer, slot, &offset, err);
        if (status) {
            return status;
        }
    }
    mr_auto_tplist rd_kafka_topic_partition_list_t *list = list_new(consumer);
    add_at(list, slot, offset);
    mr_status status = unassign(consumer, list, err);
    return status ? status : assign(consumer, list, err);
}

mr_status mr_consumer_unstick(mr_consumer *consumer, mr_error *err)
{
    bool left = false;
    for (size_t i = 0; i < consumer->slot_count; i++) {
        if (consumer->slots[i].stuck) {
            mr_status status = restart(consumer, &consumer->slots[i], err);
            if (status != MR_OK && status != MR_IDLE) {
                return status;
            }
            left = left || status == MR_IDLE;
        }
    }
    consumer->have_stuck = left;
    return MR_OK;
}

/* --- How far --- */

bool mr_consumer_at_end(const mr_consumer *consumer)
{
    for (size_t i = 0; i < consumer->slot_count; i++) {
        if (!consumer->slots[i].eof) {
            return false;
        }
    }
    return consumer->known && !consumer->changed;
}

int64_t mr_consumer_lag(const mr_consumer *consumer)
{
    int64_t lag = 0;
    for (size_t i = 0; i < consumer->slot_count; i++) {
        const mr_slot *slot = &consumer->slots[i];
        int64_t low, high;
        if (slot->eof) {
            continue;
        }
        if (slot->next < 0 ||
            rd_kafka_get_watermark_offsets(consumer->link.rk, slot->topic, slot->partition, &low,
                                           &high) ||
            high < 0) {
            return -1;
        }
        lag += high > slot->next ? high - slot->next : 0;
    }
    return consumer->known ? lag : -1;
}
