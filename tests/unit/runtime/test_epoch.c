/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The epoch machine against a model target that fails in every way a sink may: any status from any
 * callback, commits whose answer is lost, connections that die, records it will not take. Whatever
 * happens, each message ends exactly once in the table or among the dead letters, in the order of
 * its partition.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/task.h"
#include "runtime/epoch.h"

enum { MESSAGES = 40, PARTITIONS = 3, ROOM = 4096 };

typedef struct row {
    int32_t partition;
    int64_t offset;
} row;

/* What a model target holds, and how it misbehaves. */
typedef struct model {
    row table[ROOM], pending[ROOM];
    size_t table_count, pending_count;
    int64_t stored[PARTITIONS]; /* -1: none */
    bool in_transaction, connected;
    row dead[ROOM];
    size_t dead_count, dead_flushed;
    bool poison[MESSAGES];
    bool name_culprits;
    unsigned fail_per_100; /* how often a callback fails */
    uint64_t random;
    int reopens, waits;
    int stop_after_waits; /* 0: never */
    mr_wait stop_kind;
    mr_offset recovered[PARTITIONS];
    mr_offsets offsets;
    mr_epoch *epoch; /* batches come one by one, as they are decoded */
} model;

static const char TOPIC[] = "trips";

static unsigned roll(model *m)
{
    m->random ^= m->random << 13;
    m->random ^= m->random >> 7;
    m->random ^= m->random << 17;
    return (unsigned)(m->random >> 33) % 100;
}

static mr_status maybe_fail(model *m, mr_error *err, const char *where)
{
    if (roll(m) >= m->fail_per_100) {
        return MR_OK;
    }
    mr_status status = roll(m) < 50 ? MR_RETRY : MR_REOPEN;
    if (status == MR_REOPEN) {
        m->connected = false;
    }
    return mr_fail(err, status, MR_DOMAIN_SYSTEM, "model failure in %s", where);
}

static mr_status model_begin(mr_task *task, mr_error *err)
{
    model *m = mr_self(task);
    assert_false(m->in_transaction);
    m->in_transaction = true;
    m->pending_count = 0;
    if (!m->connected) {
        return mr_fail(err, MR_REOPEN, MR_DOMAIN_SYSTEM, "not connected");
    }
    return maybe_fail(m, err, "begin");
}

static mr_status model_write(mr_task *task, const mr_batch *batch, mr_error *err)
{
    model *m = mr_self(task);
    assert_true(m->in_transaction);
    assert_true(batch->count > 0);
    bool refused = false;
    for (size_t i = 0; i < batch->count; i++) {
        const mr_record *r = &batch->records[i];
        if (m->poison[r->origin]) {
            refused = true;
            mr_error why;
            mr_fail(&why, MR_REJECT, MR_DOMAIN_RECORD, "poison");
            if (m->name_culprits) {
                mr_reject(task, batch, i, &why);
            }
        }
        m->pending[m->pending_count++] = (row){r->partition, r->offset};
    }
    if (refused) {
        return mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD, "poison somewhere");
    }
    return maybe_fail(m, err, "write");
}

static void apply(model *m, const mr_offsets *upto)
{
    memcpy(m->table + m->table_count, m->pending, m->pending_count * sizeof *m->pending);
    m->table_count += m->pending_count;
    m->pending_count = 0;
    for (size_t i = 0; i < upto->count; i++) {
        assert_true(upto->items[i].next > m->stored[upto->items[i].partition]);
        m->stored[upto->items[i].partition] = upto->items[i].next;
    }
    /* The invariant: a dead letter is durable before the commit that passes over it. */
    assert_int_equal(m->dead_flushed, m->dead_count);
}

static mr_status model_commit(mr_task *task, const mr_offsets *upto, mr_error *err)
{
    model *m = mr_self(task);
    assert_true(m->in_transaction);
    assert_true(upto->count > 0);
    mr_status status = maybe_fail(m, err, "commit");
    if (status == MR_OK) {
        apply(m, upto);
        m->in_transaction = false;
    } else if (status == MR_REOPEN && roll(m) < 50) {
        apply(m, upto); /* it happened, but the answer was lost */
    }
    return status;
}

static void model_abort(mr_task *task)
{
    model *m = mr_self(task);
    assert_true(m->in_transaction);
    m->in_transaction = false;
    m->pending_count = 0;
}

static const mr_sink model_sink = {
    .begin = model_begin, .write = model_write, .commit = model_commit, .abort = model_abort};

static mr_status host_more(void *context, bool *any, mr_error *err)
{
    model *m = context;
    mr_status status = maybe_fail(m, err, "more");
    *any = m->epoch->batch_count < 2;
    if (status == MR_OK && *any) {
        m->epoch->batch_count++;
    }
    return status;
}

static mr_status host_dead_letter(void *context, size_t index, const mr_error *why, mr_error *err)
{
    model *m = context;
    (void)why;
    mr_status status = maybe_fail(m, err, "dead letter");
    if (status == MR_OK) {
        m->dead[m->dead_count++] =
            (row){(int32_t)(index % PARTITIONS), (int64_t)(index / PARTITIONS)};
    }
    return status;
}

static mr_status host_flush(void *context, mr_error *err)
{
    model *m = context;
    mr_status status = maybe_fail(m, err, "flush");
    if (status == MR_OK) {
        m->dead_flushed = m->dead_count;
    }
    return status;
}

static mr_status host_reopen(void *context, const mr_offsets **stored, mr_error *err)
{
    model *m = context;
    m->reopens++;
    if (roll(m) < m->fail_per_100) {
        return mr_fail(err, MR_REOPEN, MR_DOMAIN_SYSTEM, "still away");
    }
    m->connected = true;
    for (int p = 0; p < PARTITIONS; p++) {
        m->recovered[p] = (mr_offset){TOPIC, p, m->stored[p]};
    }
    m->offsets = (mr_offsets){m->recovered, PARTITIONS};
    *stored = &m->offsets;
    return MR_OK;
}

static mr_wait host_wait(void *context, int attempt, mr_status status, const mr_error *why)
{
    model *m = context;
    assert_true(attempt > 0);
    assert_true(status == MR_RETRY || status == MR_REOPEN);
    assert_non_null(why);
    m->waits++;
    return m->stop_after_waits && m->waits >= m->stop_after_waits ? m->stop_kind : MR_WAIT_DONE;
}

static void host_committed(void *context, const mr_offsets *upto)
{
    (void)context;
    assert_true(upto->count > 0);
}

/* --- Set up and check --- */

typedef struct fixture {
    mr_entry entries[MESSAGES];
    mr_record records[2][MESSAGES];
    mr_batch batches[2];
    mr_batch *list[2];
    mr_epoch epoch;
    mr_task task;
    mr_route route;
} fixture;

/* MESSAGES messages over PARTITIONS partitions, as two batches. */
static void prepare(fixture *f, model *m)
{
    *f = (fixture){0};
    for (int p = 0; p < PARTITIONS; p++) {
        m->stored[p] = -1;
    }
    m->connected = true;
    for (size_t i = 0; i < MESSAGES; i++) {
        f->entries[i] =
            (mr_entry){TOPIC, (int32_t)(i % PARTITIONS), MR_FATE_OPEN, (int64_t)(i / PARTITIONS)};
        mr_batch *b = &f->batches[i < MESSAGES / 2 ? 0 : 1];
        b->records = f->records[i < MESSAGES / 2 ? 0 : 1];
        b->topic = TOPIC;
        b->route = &f->route;
        b->records[b->count++] = (mr_record){.partition = f->entries[i].partition,
                                             .offset = f->entries[i].offset,
                                             .origin = (uint32_t)i};
    }
    f->list[0] = &f->batches[0];
    f->list[1] = &f->batches[1];
    f->epoch = (mr_epoch){f->entries, MESSAGES, f->list, 0};
    m->epoch = &f->epoch;
    f->task = (mr_task){.name = "test", .count = 1, .self = m, .arena = mr_arena_new()};
}

static mr_status run(fixture *f, model *m, mr_error *err)
{
    const mr_epoch_host host = {m,           host_more, host_dead_letter, host_flush,
                                host_reopen, host_wait, host_committed};
    return mr_epoch_run(&f->epoch, &f->task, &model_sink, &host, err);
}

static void release(fixture *f)
{
    mr_task_release(&f->task);
    mr_arena_free(f->task.arena);
}

static int times(const row *rows, size_t count, size_t index)
{
    int n = 0;
    for (size_t i = 0; i < count; i++) {
        n += rows[i].partition == (int32_t)(index % PARTITIONS) &&
             rows[i].offset == (int64_t)(index / PARTITIONS);
    }
    return n;
}

static void check_exactly_once(const model *m)
{
    for (size_t i = 0; i < MESSAGES; i++) {
        assert_int_equal(times(m->table, m->table_count, i), m->poison[i] ? 0 : 1);
        assert_int_equal(times(m->dead, m->dead_count, i), m->poison[i] ? 1 : 0);
    }
    int64_t last[PARTITIONS] = {-1, -1, -1};
    for (size_t i = 0; i < m->table_count; i++) {
        assert_true(m->table[i].offset > last[m->table[i].partition]);
        last[m->table[i].partition] = m->table[i].offset;
    }
    for (int p = 0; p < PARTITIONS; p++) {
        assert_int_equal(m->stored[p], (MESSAGES - p + PARTITIONS - 1) / PARTITIONS);
    }
}

static void all_goes_well(void **state)
{
    (void)state;
    model m = {.random = 1};
    fixture f;
    mr_error err;
    prepare(&f, &m);
    assert_int_equal(run(&f, &m, &err), MR_OK);
    check_exactly_once(&m);
    assert_int_equal(m.waits, 0);
    release(&f);
}

static void named_records_are_buried_alone(void **state)
{
    (void)state;
    model m = {.random = 2, .name_culprits = true};
    m.poison[0] = m.poison[7] = m.poison[MESSAGES - 1] = true;
    fixture f;
    mr_error err;
    prepare(&f, &m);
    assert_int_equal(run(&f, &m, &err), MR_OK);
    check_exactly_once(&m);
    release(&f);
}

static void unnamed_culprits_are_found_by_halving(void **state)
{
    (void)state;
    model m = {.random = 3};
    m.poison[3] = m.poison[4] = m.poison[29] = true;
    fixture f;
    mr_error err;
    prepare(&f, &m);
    assert_int_equal(run(&f, &m, &err), MR_OK);
    check_exactly_once(&m);
    release(&f);
}

static void an_epoch_of_poison_ends(void **state)
{
    (void)state;
    model m = {.random = 4};
    memset(m.poison, 1, sizeof m.poison);
    fixture f;
    mr_error err;
    prepare(&f, &m);
    assert_int_equal(run(&f, &m, &err), MR_OK);
    check_exactly_once(&m);
    release(&f);
}

/* Thousands of random runs: every mix of failures ends exactly once. */
static void every_mix_of_failures_ends_exactly_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4000; seed++) {
        model m = {.random = seed * 0x9E3779B97F4A7C15u + 1};
        m.fail_per_100 = (unsigned)(seed % 60);
        m.name_culprits = seed & 1;
        for (size_t i = 0; i < MESSAGES; i++) {
            m.poison[i] = seed % 3 == 0 && roll(&m) < 10;
        }
        fixture f;
        mr_error err;
        prepare(&f, &m);
        mr_status status = run(&f, &m, &err);
        if (status != MR_OK) {
            print_error("seed %llu: %s\n", (unsigned long long)seed, err.text);
        }
        assert_int_equal(status, MR_OK);
        check_exactly_once(&m);
        release(&f);
    }
}

/* A stop, or partitions taken away, while waiting: what is stored is stored once, the rest is left
 * for the next owner. */
static void stopping_leaves_a_clean_cut(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 500; seed++) {
        model m = {
            .random = seed * 77 + 5, .fail_per_100 = 70, .stop_after_waits = 1 + (int)(seed % 5)};
        m.stop_kind = seed & 1 ? MR_WAIT_STOP : MR_WAIT_ABANDON;
        fixture f;
        mr_error err;
        prepare(&f, &m);
        mr_status status = run(&f, &m, &err);
        assert_true(status == MR_IDLE || status == MR_OK);
        for (size_t i = 0; i < MESSAGES; i++) {
            bool stored = (int64_t)(i / PARTITIONS) < m.stored[i % PARTITIONS];
            assert_int_equal(times(m.table, m.table_count, i), stored ? 1 : 0);
        }
        release(&f);
    }
}

static mr_status fatal_write(mr_task *task, const mr_batch *batch, mr_error *err)
{
    (void)task, (void)batch;
    return mr_fail(err, MR_FATAL, MR_DOMAIN_POSTGRES, "no such table");
}

static void a_fatal_failure_moves_nothing(void **state)
{
    (void)state;
    model m = {.random = 9};
    fixture f;
    mr_error err;
    prepare(&f, &m);
    const mr_sink sink = {
        .begin = model_begin, .write = fatal_write, .commit = model_commit, .abort = model_abort};
    const mr_epoch_host host = {&m,          host_more, host_dead_letter, host_flush,
                                host_reopen, host_wait, host_committed};
    assert_int_equal(mr_epoch_run(&f.epoch, &f.task, &sink, &host, &err), MR_FATAL);
    assert_string_equal(err.text, "no such table");
    assert_int_equal(m.table_count, 0);
    assert_int_equal(m.stored[0], -1);
    assert_false(m.in_transaction);
    release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_goes_well),
        cmocka_unit_test(named_records_are_buried_alone),
        cmocka_unit_test(unnamed_culprits_are_found_by_halving),
        cmocka_unit_test(an_epoch_of_poison_ends),
        cmocka_unit_test(every_mix_of_failures_ends_exactly_once),
        cmocka_unit_test(stopping_leaves_a_clean_cut),
        cmocka_unit_test(a_fatal_failure_moves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
