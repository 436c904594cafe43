/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source loop over a real broker, with a source that does what a test tells it: topics it
 * names, what it may read back and when, and that nothing is committed of a poll that a stop has
 * cut short.
 */
#include "integration/kafka/support.h"

#include "codec/schema.h"
#include "runtime/positions_topic.h"
#include "runtime/recall.h"
#include "runtime/worker.h"

enum {
    LARGE_BYTES = 900000,
    LARGE_COUNT = 64, /* more than three times the producer's queue */
    TOO_LARGE_BYTES = 1200000,
};

typedef struct fake {
    mr_worker worker;
    mr_shared shared;
    mr_wires wires;
    mr_counters counters;
    mr_connector_config config;
    char other[96]; /* a second topic */
    char *large;
    const mr_schema *schema;
    char first[64]; /* what was read back: the first key and the beginning of the value */
    int polls, acks;
    int64_t wait_ms[3]; /* allowed to each poll */
    int64_t interval_ms;
    size_t recalled;
    mr_status recall_status;
    mr_error err;
} fake;

/* --- The source ------------------------------------------------------------------------------- */

static mr_status fake_open(mr_task *task, const mr_positions *resume, mr_error *err)
{
    (void)task;
    (void)resume;
    (void)err;
    return MR_OK;
}

static void fake_acked(mr_task *task)
{
    fake *f = mr_self(task);
    f->acks++;
}

static void fake_close(mr_task *task)
{
    (void)task;
}

static mr_record *make(mr_task *task, mr_batch *out, size_t count, const char *value, size_t len)
{
    out->records = mr_arena_calloc(mr_task_arena(task), count, sizeof *out->records);
    out->count = count;
    for (size_t i = 0; i < count; i++) {
        out->records[i] = (mr_record){.raw_key = {"k", 1}, .raw_value = {value, len}};
    }
    return out->records;
}

/* One poll of more than fits into the queue, with a stop while it is sent. */
static mr_status poll_too_much(mr_task *task, mr_batch *out, int64_t deadline_us, mr_error *err)
{
    (void)deadline_us;
    (void)err;
    fake *f = mr_self(task);
    make(task, out, LARGE_COUNT, f->large, LARGE_BYTES);
    mr_task_position(task, "where", "after all of them");
    atomic_store(&f->worker.stop, true);
    f->polls++;
    return MR_OK;
}

static mr_status count_recalled(void *context, const mr_batch *batch, mr_error *err)
{
    fake *f = context;
    (void)err;
    if (f->recalled == 0) {
        const mr_record *r = batch->records;
        snprintf(f->first, sizeof f->first, "%.*s %.*s", (int)r->raw_key.len, r->raw_key.data, 6,
                 r->raw_value.data);
    }
    f->recalled += batch->count;
    return MR_OK;
}

/* Two topics, then a look back: too early, and after the commit. */
static mr_status poll_and_recall(mr_task *task, mr_batch *out, int64_t deadline_us, mr_error *err)
{
    (void)deadline_us;
    fake *f = mr_self(task);
    switch (f->polls++) {
    case 0:
        make(task, out, 3, "plain", 5);
        return MR_OK;
    case 1:
        f->recall_status = mr_task_recall(task, f->other, count_recalled, f, &f->err);
        out->topic = f->other;
        make(task, out, 2, "plain", 5);
        mr_task_position(task, "where", "here");
        return MR_IDLE;
    default:
        assert_int_equal(f->acks, 1);
        return mr_task_recall(task, f->other, count_recalled, f, err) ? MR_FATAL : MR_END;
    }
}

/* A typed record that is too large for a message, between two that are not. */
static mr_status poll_too_large(mr_task *task, mr_batch *out, int64_t deadline_us, mr_error *err)
{
    (void)deadline_us;
    fake *f = mr_self(task);
    if (f->polls++) {
        return MR_END;
    }
    if (mr_schema_parse("\"string\"", 8, &f->schema, err)) {
        return MR_FATAL;
    }
    mr_record *records = make(task, out, 3, NULL, 0);
    out->schema = f->schema;
    for (int i = 0; i < 3; i++) {
        mr_cell *cell = mr_arena_alloc(mr_task_arena(task), sizeof *cell);
        *cell = (mr_cell){.type = MR_STRING, .len = i == 1 ? TOO_LARGE_BYTES : 5};
        cell->as.text = f->large;
        records[i].value = cell;
    }
    return MR_OK;
}

/* A record a transaction; far behind after the first, and not after the second. Notes how long it
 * may wait, of which the transaction's beginning has taken nothing yet. */
static mr_status poll_behind(mr_task *task, mr_batch *out, int64_t deadline_us, mr_error *err)
{
    (void)err;
    fake *f = mr_self(task);
    int64_t now_us = mr_clock_us();
    f->wait_ms[f->polls] = (deadline_us - now_us) / 1000;
    mr_task_behind(task, f->polls == 0 ? 3 : 1);
    make(task, out, 1, "plain", 5);
    return f->polls++ < 2 ? MR_IDLE : MR_END;
}

/* --- The rig ---------------------------------------------------------------------------------- */

static int set_up(void **state)
{
    new_topic(1);
    fake *f = test_calloc(1, sizeof *f);
    snprintf(f->other, sizeof f->other, "%s.other", name);
    f->large = test_malloc(TOO_LARGE_BYTES);
    memset(f->large, 'x', TOO_LARGE_BYTES);
    expect_ok(mr_schemas_new(&config, &f->shared.schemas, &f->err), &f->err);
    f->wires = mr_wires_plain(f->shared.schemas);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fake *f = *state;
    mr_schemas_free(f->shared.schemas);
    mr_schema_release(f->schema);
    drop_topic();
    test_free(f->large);
    test_free(f);
    return 0;
}

/* One life of the task. */
static mr_status live(fake *f, mr_status (*poll)(mr_task *, mr_batch *, int64_t, mr_error *))
{
    const mr_source source = {
        .open = fake_open, .poll = poll, .acked = fake_acked, .close = fake_close};
    const mr_connector connector = {
        .name = "fake", .capabilities = MR_MAKES_KEYS, .source = &source};
    f->config = (mr_connector_config){
        .name = "in",
        .task_name = name,
        .connector = &connector,
        .source = {.topic = name,
                   .commit_interval_ms = f->interval_ms ? f->interval_ms : 60000,
                   .topic_partitions = 1,
                   .topic_retention_ms = 3600000}};
    mr_worker *w = &f->worker;
    *w = (mr_worker){.shared = &f->shared,
                     .wires = mr_wires_plain(f->shared.schemas),
                     .config = &f->config,
                     .counters = &f->counters,
                     .client_id = name,
                     .kafka = config};
    w->task.name = name;
    w->task.topic = name;
    w->task.count = 1;
    w->task.self = f;
    w->task.stop = &w->stop;
    w->task.arena = mr_arena_new();
    mr_status status = mr_run_source(w, &f->err);
    mr_task_release(&w->task);
    mr_arena_free(w->task.arena);
    return status;
}

static size_t stored_positions(fake *f)
{
    mr_positions *positions = mr_positions_new();
    expect_ok(mr_positions_load(&config, name, NULL, positions, &f->err), &f->err);
    size_t count = mr_positions_count(positions);
    mr_positions_free(positions);
    return count;
}

static size_t committed(fake *f, const char *topic)
{
    f->recalled = 0;
    expect_ok(mr_recall_topic(&config, &f->wires, topic, NULL, count_recalled, f, &f->err),
              &f->err);
    return f->recalled;
}

/* --- Tests ------------------------------------------------------------------------------------ */

static void test_a_stop_commits_nothing_half(void **state)
{
    fake *f = *state;
    assert_int_equal(live(f, poll_too_much), MR_IDLE);
    assert_int_equal(f->polls, 1);
    assert_int_equal(f->acks, 0);
    assert_int_equal(stored_positions(f), 0);
    assert_int_equal(committed(f, name), 0);
}

static void test_named_topics_and_recall(void **state)
{
    fake *f = *state;
    if (live(f, poll_and_recall) != MR_END) {
        fail_msg("%s", f->err.text);
    }
    assert_int_equal(f->recall_status, MR_FATAL); /* within the transaction */
    assert_int_equal(f->recalled, 2);
    assert_int_equal(stored_positions(f), 1);
    assert_int_equal(committed(f, name), 3);
    assert_int_equal(committed(f, f->other), 2);
    snprintf(name, sizeof name, "%s", f->other); /* the one to drop; the first goes by retention */
}

static void test_longer_transactions_when_behind(void **state)
{
    fake *f = *state;
    f->interval_ms = 200;
    assert_int_equal(live(f, poll_behind), MR_END);
    assert_in_range(f->wait_ms[0], 0, 200);
    assert_in_range(f->wait_ms[1], 201, 1000);
    assert_in_range(f->wait_ms[2], 0, 200);
    assert_int_equal(committed(f, name), 3);
}

/* The dead letter has the key, and as much of the value as fits, as JSON. */
static void test_too_large_for_a_message(void **state)
{
    fake *f = *state;
    if (live(f, poll_too_large) != MR_END) {
        fail_msg("%s", f->err.text);
    }
    assert_int_equal(committed(f, name), 2);
    snprintf(f->other, sizeof f->other, "%s.dlq", name);
    assert_int_equal(committed(f, f->other), 1);
    assert_string_equal(f->first, "k \"xxxxx");
    assert_int_equal(mr_counted(&f->counters.dead_letters), 1);
}

int main(void)
{
    need_broker();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_stop_commits_nothing_half, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_large_for_a_message, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_named_topics_and_recall, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_longer_transactions_when_behind, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
