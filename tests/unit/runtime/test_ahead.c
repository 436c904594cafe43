/* SPDX-License-Identifier: Apache-2.0 */
/* Hauls, and reading ahead on another thread, against librdkafka's broker in this process. */
#include "unit/kafka/support.h"

#include "base/arena.h"
#include "runtime/ahead.h"

enum { PATIENCE_US = 20000000, PROMPT_US = 80000 /* less than a poll */ };

static mr_sink_options options = {
    .batch_size = 64, .batch_max_bytes = 1 << 20, .batch_window_ms = 10};

typedef struct fixture {
    mock *m;
    mr_consumer *consumer;
    mr_ahead *ahead;
    mr_haul haul;
    mr_offsets durable;
} fixture;

static void produce(mock *m, int first, int count)
{
    const mr_producer_options no_options = {0};
    mr_producer *producer;
    mr_error err;
    assert_int_equal(mr_producer_new(&m->config, &no_options, &producer, &err), MR_OK);
    for (int i = first; i < first + count; i++) {
        char key[16], value[16];
        snprintf(key, sizeof key, "k%d", i);
        snprintf(value, sizeof value, "%d", i);
        mr_header header = {"h", {"x", 1}};
        mr_outgoing message = outgoing("t", key, i % 10 == 9 ? NULL : value);
        message.partition = 0;
        message.headers = &header;
        message.header_count = i % 2; /* the odd ones have a header */
        assert_int_equal(mr_producer_send(producer, &message, &err), MR_OK);
    }
    assert_int_equal(mr_producer_flush(producer, &err), MR_OK);
    mr_producer_close(producer);
}

/* Polls until the partition has come, and starts it at its beginning. */
static void start(fixture *f)
{
    int64_t deadline_us = mr_clock_us() + PATIENCE_US;
    mr_offsets assigned = {0};
    int generation;
    mr_error err;
    size_t got;
    while (!assigned.count && mr_clock_us() < deadline_us) {
        assert_int_equal(mr_haul_take(&f->haul, f->consumer, 100, &got, &err), MR_OK);
        assert_int_equal(got, 0);
        (void)mr_consumer_assignment_changed(f->consumer, &assigned, &generation);
    }
    assert_int_equal(assigned.count, 1);
    assigned.items[0].next = 0;
    assert_int_equal(mr_consumer_start(f->consumer, &assigned, &err), MR_OK);
}

static fixture *set_up(void)
{
    fixture *f = test_calloc(1, sizeof *f);
    f->m = mock_up("t", 1);
    f->ahead = mr_ahead_new("test[0]");
    mr_haul_init(&f->haul, &options);
    const char *const topics[] = {"t"};
    const mr_consumer_options consumer = {.group = "g",
                                          .topics = topics,
                                          .topic_count = 1,
                                          .starting_position = "earliest",
                                          .queue_max_bytes = 4 << 20,
                                          .before_giving_back = mr_ahead_hold,
                                          .context = f->ahead};
    mr_error err;
    assert_int_equal(mr_consumer_new(&f->m->config, &consumer, &f->consumer, &err), MR_OK);
    return f;
}

static void tear_down(fixture *f)
{
    mr_haul_release(&f->haul);
    mr_consumer_close(f->consumer);
    mr_ahead_free(f->ahead);
    mock_down(f->m);
    test_free(f);
}

/* Message i of those produced: whole, whether librdkafka still holds it or not. */
static void check(const mr_message *message, int i, mr_arena *arena)
{
    char key[16], value[16];
    int key_len = snprintf(key, sizeof key, "k%d", i);
    int value_len = snprintf(value, sizeof value, "%d", i);
    const mr_header *headers;
    uint32_t header_count;
    mr_error err;
    assert_int_equal(message->offset, i);
    assert_int_equal(message->key.len, key_len);
    assert_memory_equal(message->key.data, key, (size_t)key_len);
    if (i % 10 == 9) {
        assert_null(message->value.data);
    } else {
        assert_int_equal(message->value.len, value_len);
        assert_memory_equal(message->value.data, value, (size_t)value_len);
    }
    assert_int_equal(mr_message_headers(message, arena, &headers, &header_count, &err), MR_OK);
    assert_int_equal(header_count, i % 2);
    assert_true(message->handle ? i % 2 == 1 : i % 2 == 0); /* the others were let go of */
}

static void wait_until_full(fixture *f)
{
    struct timespec pause = {0, 1000000};
    int64_t deadline_us = mr_clock_us() + PATIENCE_US;
    mr_error err;
    size_t count = 0;
    while (count < 64 && mr_clock_us() < deadline_us) { /* the haul is ours only after the end */
        nanosleep(&pause, NULL);
        assert_int_equal(mr_ahead_end(f->ahead, &err), MR_OK);
        size_t got;
        assert_int_equal(mr_haul_take(&f->haul, f->consumer, 10, &got, &err), MR_OK);
        count = f->haul.count;
    }
    assert_true(mr_haul_full(&f->haul));
}

/* Haul after haul, partly read ahead and partly here: every message once, in order. */
static void test_takes_turns(void **state)
{
    (void)state;
    fixture *f = set_up();
    mr_arena *arena = mr_arena_new();
    produce(f->m, 0, 640);
    start(f);
    for (int i = 0; i < 640; i += 64) {
        mr_ahead_begin(f->ahead, f->consumer, &f->haul, &f->durable);
        wait_until_full(f);
        for (int j = 0; j < 64; j++) {
            check(&f->haul.messages[j], i + j, arena);
        }
    }
    mr_arena_free(arena);
    tear_down(f);
}

/* While the reader waits for messages that do not come, it is called back at once. */
static void test_comes_when_called(void **state)
{
    (void)state;
    fixture *f = set_up();
    start(f);
    int prompt = 0;
    for (int i = 0; i < 20; i++) {
        struct timespec pause = {0, (i % 5) * 1000000};
        mr_error err;
        mr_ahead_begin(f->ahead, f->consumer, &f->haul, &f->durable);
        nanosleep(&pause, NULL);
        int64_t from_us = mr_clock_us();
        assert_int_equal(mr_ahead_end(f->ahead, &err), MR_OK);
        prompt += mr_clock_us() - from_us < PROMPT_US;
    }
    assert_true(prompt >= 10); /* of 20; a busy machine may delay some */
    tear_down(f);
}

/* What went wrong on the reader's thread is told at the end, as often as it is asked. */
static void test_failure_is_told(void **state)
{
    (void)state;
    fixture *f = set_up();
    start(f);
    int64_t deadline_us = mr_clock_us() + PATIENCE_US;
    mr_status status = MR_OK;
    mr_error err;
    rd_kafka_mock_push_request_errors(
        f->m->cluster, API_FETCH, 3, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
        RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    while (status == MR_OK && mr_clock_us() < deadline_us) {
        struct timespec pause = {0, 20000000};
        mr_ahead_begin(f->ahead, f->consumer, &f->haul, &f->durable);
        nanosleep(&pause, NULL);
        status = mr_ahead_end(f->ahead, &err);
    }
    assert_int_equal(status, MR_FATAL);
    assert_non_null(strstr(err.text, "can not read"));
    mr_error again;
    assert_int_equal(mr_ahead_end(f->ahead, &again), MR_FATAL);
    assert_string_equal(again.text, err.text);
    tear_down(f);
}

static void test_never_begun(void **state)
{
    (void)state;
    mr_ahead *ahead = mr_ahead_new("test[0]");
    mr_error err;
    assert_int_equal(mr_ahead_end(ahead, &err), MR_OK);
    mr_ahead_hold(ahead); /* as when a consumer closes */
    mr_ahead_free(ahead);
    mr_ahead_free(NULL);
}

static void test_left(void **state)
{
    (void)state;
    mr_haul haul;
    mr_haul_init(&haul, &options);
    assert_true(mr_haul_left_us(&haul) == INT64_MAX);
    haul.count = 1;
    haul.messages[0] = (mr_message){0};
    haul.first_us = mr_clock_us() + 1000000;
    assert_true(mr_haul_left_us(&haul) > 0);
    haul.first_us = mr_clock_us() - 10000;
    assert_int_equal(mr_haul_left_us(&haul), 0);
    haul.first_us = mr_clock_us() + 1000000;
    haul.bytes = 1 << 20; /* full: no need to wait for the window */
    assert_int_equal(mr_haul_left_us(&haul), 0);
    mr_haul_release(&haul);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_turns),
        cmocka_unit_test(test_comes_when_called),
        cmocka_unit_test(test_failure_is_told),
        cmocka_unit_test(test_never_begun),
        cmocka_unit_test(test_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
