/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See epoch.h for the machine. The code follows its drawing: attempt() is one round of begin,
 * write, commit; next() looks at the status and chooses the following range; everything else
 * prepares arguments.
 */
#include "runtime/epoch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/task.h"

typedef struct machine {
    mr_epoch *epoch;
    mr_task *task;
    const mr_sink *sink;
    const mr_epoch_host *host;
    size_t from, to; /* the range attempted now: entries from .. to-1 */
    int attempts;    /* failures since the last progress */
    bool begun;      /* between begin() and commit() or abort() */
    mr_offset *upto; /* room for all partitions of the epoch */
} machine;

static bool wanted(const machine *m, const mr_record *record)
{
    assert(record->origin < m->epoch->count);
    return record->origin >= m->from && record->origin < m->to &&
           m->epoch->entries[record->origin].fate == MR_FATE_OPEN;
}

/* The batch without the records that are out of range or done; the batch itself where nothing is
 * left out. */
static const mr_batch *pick(machine *m, const mr_batch *batch)
{
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        count += wanted(m, &batch->records[i]);
    }
    if (count == batch->count) {
        return batch;
    }
    mr_batch *copy = mr_arena_copy(m->task->arena, batch, sizeof *batch);
    copy->records = mr_arena_alloc(m->task->arena, count * sizeof *copy->records);
    copy->count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        if (wanted(m, &batch->records[i])) {
            copy->records[copy->count++] = batch->records[i];
        }
    }
    return copy;
}

/* Offsets after the last message of each partition in the range, without those already stored. */
static mr_offsets offsets_after(machine *m)
{
    mr_offsets upto = {m->upto, 0};
    for (size_t i = m->from; i < m->to; i++) {
        const mr_entry *e = &m->epoch->entries[i];
        if (e->fate == MR_FATE_STORED) {
            continue;
        }
        size_t at = 0;
        while (at < upto.count &&
               (upto.items[at].partition != e->partition || upto.items[at].topic != e->topic)) {
            at++;
        }
        if (at == upto.count) {
            upto.items[upto.count++] = (mr_offset){e->topic, e->partition, e->offset + 1};
        } else {
            assert(upto.items[at].next <= e->offset);
            upto.items[at].next = e->offset + 1;
        }
    }
    return upto;
}

static bool all_stored(const machine *m)
{
    size_t i = m->from;
    while (i < m->to && m->epoch->entries[i].fate == MR_FATE_STORED) {
        i++;
    }
    return i == m->to;
}

/* Is there a batch number i, now or after decoding further? */
static mr_status have_batch(machine *m, size_t i, bool *ret, mr_error *err)
{
    mr_status status = MR_OK;
    *ret = true;
    while (status == MR_OK && *ret && i >= m->epoch->batch_count) {
        *ret = false;
        if (m->host->more) {
            status = m->host->more(m->host->context, ret, err);
        }
    }
    return status;
}

static mr_status write_batches(machine *m, mr_error *err)
{
    bool any;
    mr_status status = have_batch(m, 0, &any, err);
    for (size_t i = 0; status == MR_OK && any; i++) {
        const mr_batch *batch = pick(m, m->epoch->batches[i]);
        if (batch->count) {
            status = m->sink->write(m->task, batch, err);
        }
        if (status == MR_OK) {
            status = have_batch(m, i + 1, &any, err);
        }
    }
    return status;
}

/* One round over the range: all of it is durable, or none. */
static mr_status attempt(machine *m, mr_error *err)
{
    mr_task_clear_rejects(m->task);
    if (all_stored(m)) {
        return MR_OK;
    }
    m->begun = true;
    mr_status status = m->sink->begin(m->task, err);
    if (status == MR_OK) {
        status = write_batches(m, err);
    }
    if (status == MR_OK) {
        status = m->host->flush(m->host->context, err);
    }
    mr_offsets upto = {0};
    if (status == MR_OK) {
        upto = offsets_after(m); /* now, while the target is still at work on what was written */
        status = m->sink->commit(m->task, &upto, err);
    }
    if (status == MR_OK) {
        m->begun = false;
        m->host->committed(m->host->context, &upto);
    }
    return status;
}

static void end_attempt(machine *m)
{
    if (m->begun) {
        m->sink->abort(m->task);
        m->begun = false;
    }
    mr_arena_reset(m->task->arena);
}

static size_t open_entries(const machine *m)
{
    size_t open = 0;
    for (size_t i = m->from; i < m->to; i++) {
        open += m->epoch->entries[i].fate == MR_FATE_OPEN;
    }
    return open;
}

static mr_status bury(machine *m, size_t index, const mr_error *why, mr_error *err)
{
    mr_entry *e = &m->epoch->entries[index];
    if (e->fate != MR_FATE_OPEN) {
        return MR_OK; /* rejected by two routes */
    }
    mr_status status = m->host->dead_letter(m->host->context, index, why, err);
    if (status == MR_OK) {
        e->fate = MR_FATE_DEAD;
    }
    return status;
}

static mr_status bury_named(machine *m, mr_error *err)
{
    mr_status status = MR_OK;
    for (size_t i = 0; i < m->task->rejected_count && status == MR_OK; i++) {
        const mr_rejected *r = &m->task->rejected[i];
        status = bury(m, r->origin, &r->why, err);
    }
    return status;
}

/* Keeps the first half of what is open in the range. */
static void halve(machine *m, size_t open)
{
    size_t seen = 0, cut = m->from;
    while (seen < open / 2) {
        seen += m->epoch->entries[cut++].fate == MR_FATE_OPEN;
    }
    m->to = cut > m->from ? cut : m->to;
}

/* MR_REJECT: named records are buried; otherwise the range is halved, or its only record buried. A
 * target that names one record at a time may have as many more: the range is halved then, too, so
 * that the next ones cost less. */
static mr_status reject(machine *m, const mr_error *why, mr_error *err)
{
    size_t before = open_entries(m);
    mr_status status = bury_named(m, err);
    size_t open = open_entries(m);
    if (status != MR_OK || open + 1 < before) {
        return status;
    }
    if (open < before || open > 1) { /* none buried: named only what was done already, or nothing */
        halve(m, open);
        return MR_OK;
    }
    for (size_t i = m->from; i < m->to; i++) {
        if (m->epoch->entries[i].fate == MR_FATE_OPEN) {
            return bury(m, i, why, err);
        }
    }
    return mr_fail(err, MR_FATAL, why->domain, "rejected although no record was left to write: %s",
                   why->text);
}

static void mark_stored(machine *m, const mr_offsets *stored)
{
    for (size_t i = m->from; i < m->epoch->count; i++) {
        mr_entry *e = &m->epoch->entries[i];
        for (size_t j = 0; j < stored->count; j++) {
            const mr_offset *o = &stored->items[j];
            if (o->partition == e->partition && e->offset < o->next &&
                strcmp(o->topic, e->topic) == 0) {
                e->fate = MR_FATE_STORED;
            }
        }
    }
}

/* Waits and reopens until the sink is back. */
static mr_status reopen(machine *m, mr_error *err)
{
    mr_status status = MR_REOPEN;
    while (status == MR_REOPEN || status == MR_RETRY) {
        mr_wait waited = m->host->wait(m->host->context, ++m->attempts, MR_REOPEN, err);
        if (waited != MR_WAIT_DONE) {
            return MR_IDLE;
        }
        const mr_offsets *stored = NULL;
        status = m->host->reopen(m->host->context, &stored, err);
        if (status == MR_OK) {
            mark_stored(m, stored);
        }
    }
    return status;
}

/* What follows an attempt that ended with `status`. MR_OK: attempt the range again. */
static mr_status after_failure(machine *m, mr_status status, mr_error *err)
{
    mr_error why = *err;
    switch (status) {
    case MR_RETRY:
        return m->host->wait(m->host->context, ++m->attempts, MR_RETRY, &why) == MR_WAIT_DONE
                   ? MR_OK
                   : MR_IDLE;
    case MR_REOPEN:
        return reopen(m, err);
    case MR_REJECT:
        return reject(m, &why, err);
    default:
        return status;
    }
}

/* After a range that was cut for a culprit the next one is only twice as long: where one record is
 * bad its neighbours often are, and attempting all the rest after each of them would take a time
 * that grows with the square of the epoch. */
static void go_on(machine *m)
{
    size_t done = m->to - m->from;
    size_t left = m->epoch->count - m->to;
    m->from = m->to;
    m->to += 2 * done < left ? 2 * done : left;
    m->attempts = 0;
}

static mr_status step(machine *m, mr_error *err)
{
    mr_status status = attempt(m, err);
    end_attempt(m);
    if (status == MR_OK) {
        go_on(m);
        return MR_OK;
    }
    status = after_failure(m, status, err);
    /* A dead letter that could not be sent is worth another try: Kafka's own waits are inside. */
    if (status == MR_RETRY || status == MR_REOPEN) {
        status = m->host->wait(m->host->context, ++m->attempts, status, err) == MR_WAIT_DONE
                     ? MR_OK
                     : MR_IDLE;
    }
    return status;
}

mr_status mr_epoch_run(mr_epoch *epoch, mr_task *task, const mr_sink *sink,
                       const mr_epoch_host *host, mr_error *err)
{
    machine m = {.epoch = epoch, .task = task, .sink = sink, .host = host, .to = epoch->count};
    m.upto = mr_realloc_array(NULL, epoch->count ? epoch->count : 1, sizeof *m.upto);
    mr_status status = MR_OK;
    while (status == MR_OK && m.from < epoch->count) {
        status = step(&m, err);
    }
    free(m.upto);
    return status;
}
