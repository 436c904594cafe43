/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink loop over a real broker, with a target in memory that another owner can take over
 * between two commits: whatever it stores is not written again, and nothing is left out.
 */
#include "integration/kafka/support.h"

#include "runtime/worker.h"

enum { MESSAGES = 100, BATCH = 10 };

typedef struct target {
    int64_t rows[4 * MESSAGES]; /* offsets, as they became durable */
    size_t count;
    int64_t pending[MESSAGES];
    size_t pending_count;
    int64_t stored; /* next offset; -1: none */
    int owner;      /* whose claim it is */
    int commits, steal_at;
    int64_t steal_to;
    bool answer_lost; /* the commit that is stolen from was done before */
} target;

static mr_status fake_open(mr_task *task, mr_error *err)
{
    (void)task;
    (void)err;
    return MR_OK;
}

static mr_status fake_recover(mr_task *task, mr_offsets *assigned, mr_error *err)
{
    target *t = mr_self(task);
    (void)err;
    t->owner = 1;
    for (size_t i = 0; i < assigned->count; i++) {
        assigned->items[i].next = t->stored;
    }
    return MR_OK;
}

static mr_status fake_begin(mr_task *task, mr_error *err)
{
    target *t = mr_self(task);
    (void)err;
    t->pending_count = 0;
    return MR_OK;
}

static mr_status fake_write(mr_task *task, const mr_batch *batch, mr_error *err)
{
    target *t = mr_self(task);
    (void)err;
    for (size_t i = 0; i < batch->count; i++) {
        t->pending[t->pending_count++] = batch->records[i].offset;
    }
    return MR_OK;
}

static void store(target *t, const int64_t *offsets, size_t count, int64_t next)
{
    assert_true(next >= t->stored); /* never back */
    memcpy(t->rows + t->count, offsets, count * sizeof *offsets);
    t->count += count;
    t->stored = next;
}

/* Another owner claims the partition, stores some, and is gone again. */
static void steal(target *t)
{
    t->owner = 2;
    int64_t offsets[MESSAGES];
    size_t count = 0;
    for (int64_t o = t->stored < 0 ? 0 : t->stored; o < t->steal_to; o++) {
        offsets[count++] = o;
    }
    store(t, offsets, count, t->steal_to);
}

static mr_status fake_commit(mr_task *task, const mr_offsets *upto, mr_error *err)
{
    target *t = mr_self(task);
    bool theft = ++t->commits == t->steal_at;
    if (theft && !t->answer_lost) {
        steal(t);
    }
    if (t->owner != 1) {
        return mr_fail(err, MR_REOPEN, MR_DOMAIN_NONE, "the claim is another owner's");
    }
    assert_int_equal(upto->count, 1);
    store(t, t->pending, t->pending_count, upto->items[0].next);
    if (theft) {
        steal(t);
        return mr_fail(err, MR_REOPEN, MR_DOMAIN_NONE, "the answer is lost");
    }
    return MR_OK;
}

static void fake_abort(mr_task *task)
{
    (void)task;
}

static const mr_sink sink = {.open = fake_open,
                             .recover = fake_recover,
                             .begin = fake_begin,
                             .write = fake_write,
                             .commit = fake_commit,
                             .abort = fake_abort,
                             .close = fake_abort};
static const mr_connector connector = {
    .name = "fake", .capabilities = MR_STORES_OFFSETS, .sink = &sink};

/* --- The rig ---------------------------------------------------------------------------------- */

static void send_tombstones(void)
{
    mr_producer *producer = new_producer(NULL);
    mr_error err;
    for (int i = 0; i < MESSAGES; i++) {
        const mr_outgoing message = {.topic = name, .partition = 0, .key = {"k", 1}};
        expect_ok(mr_producer_send(producer, &message, &err), &err);
    }
    expect_ok(mr_producer_flush(producer, &err), &err);
    mr_producer_close(producer);
}

/* Runs the sink to the end of the topic. */
static void drain(target *t)
{
    const char *const topics[] = {name}, *const queries[] = {NULL};
    const mr_route routes[] = {{.name = "rows", .count = 1}};
    const mr_connector_config to = {.name = "out",
                                    .task_name = name,
                                    .connector = &connector,
                                    .sink = {.topics = {topics, 1},
                                             .batch_size = BATCH,
                                             .batch_max_bytes = 1 << 20,
                                             .batch_window_ms = 10,
                                             .tasks_max = 1},
                                    .route_count = 1,
                                    .route_queries = queries};
    mr_error err = {0};
    mr_shared shared = {.once = true};
    mr_counters counters = {0};
    expect_ok(mr_schemas_new(&config, &shared.schemas, &err), &err);
    mr_worker *w = test_calloc(1, sizeof *w);
    *w = (mr_worker){.shared = &shared,
                     .wires = mr_wires_plain(shared.schemas),
                     .config = &to,
                     .counters = &counters,
                     .name = name,
                     .client_id = name,
                     .kafka = config};
    w->task.name = name;
    w->task.self = t;
    w->task.stop = &w->stop;
    w->task.once = true;
    w->task.arena = mr_arena_new();
    w->task.routes = routes;
    w->task.route_count = 1;
    if (mr_run_sink(w, &err) != MR_END) {
        fail_msg("%s", err.text);
    }
    mr_task_release(&w->task);
    mr_arena_free(w->task.arena);
    test_free(w);
    mr_schemas_free(shared.schemas);
}

/* Every offset once, in order. */
static void expect_all_once(const target *t)
{
    for (size_t i = 0; i < t->count; i++) {
        if (t->rows[i] != (int64_t)i) {
            fail_msg("row %zu is offset %lld", i, (long long)t->rows[i]);
        }
    }
    assert_int_equal(t->count, MESSAGES);
    assert_int_equal(t->stored, MESSAGES);
}

static void run(int steal_at, int64_t steal_to, bool answer_lost)
{
    new_topic(1);
    send_tombstones();
    target t = {
        .stored = -1, .steal_at = steal_at, .steal_to = steal_to, .answer_lost = answer_lost};
    drain(&t);
    expect_all_once(&t);
    drop_topic();
}

static void test_another_owner_went_further(void **state)
{
    (void)state;
    run(2, 47, false);
}

static void test_another_owner_stored_a_part(void **state)
{
    (void)state;
    run(2, 13, false);
}

static void test_a_lost_answer_and_another_owner(void **state)
{
    (void)state;
    run(3, 95, true);
}

int main(void)
{
    need_broker();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_another_owner_went_further),
        cmocka_unit_test(test_another_owner_stored_a_part),
        cmocka_unit_test(test_a_lost_answer_and_another_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
