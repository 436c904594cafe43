/* SPDX-License-Identifier: Apache-2.0 */
/* The producer on a real broker: transactions, fencing, and what it tells of failures. */
#include "integration/kafka/support.h"

static int count_committed(int *seen)
{
    mr_consumer *consumer = new_consumer(name, "earliest", true);
    start(consumer, 1, 0);
    int n = (int)read_to_end(consumer, seen);
    mr_consumer_close(consumer);
    return n;
}

static void test_newer_instance_fences(void **state)
{
    (void)state;
    new_topic(1);
    mr_producer *old = new_producer(name);
    mr_error err;
    expect_ok(mr_producer_begin(old, &err), &err);
    send_numbers(old, 0, 10);
    expect_ok(mr_producer_flush(old, &err), &err);
    mr_producer *new = new_producer(name); /* aborts what the old one left */
    expect_ok(mr_producer_begin(new, &err), &err);
    send_numbers(new, 10, 10);
    expect_ok(mr_producer_commit(new, NULL, &err), &err);
    assert_int_equal(mr_producer_commit(old, NULL, &err), MR_FATAL);
    assert_string_equal(err.code, "_FENCED");
    assert_false(err.permanent);
    mr_producer_close(old);
    mr_producer_close(new);
    int seen[20] = {0};
    assert_int_equal(count_committed(seen), 10);
    assert_int_equal(seen[0], 0);
    assert_int_equal(seen[10], 1);
    drop_topic();
}

/* A client that goes away in the middle of a transaction leaves nothing behind. */
static void test_unfinished_transaction_is_undone(void **state)
{
    (void)state;
    new_topic(1);
    for (int i = 0; i < 3; i++) {
        mr_producer *producer = new_producer(name);
        mr_error err;
        expect_ok(mr_producer_begin(producer, &err), &err);
        send_numbers(producer, i * 10, 10);
        expect_ok(mr_producer_flush(producer, &err), &err);
        mr_producer_close(producer);
    }
    produce(30, 10);
    int seen[40] = {0};
    assert_int_equal(count_committed(seen), 10);
    assert_int_equal(seen[30], 1);
    drop_topic();
}

/* Commits and aborts right after one another, as a task with many rejects would do. */
static void test_many_short_transactions(void **state)
{
    (void)state;
    new_topic(1);
    mr_producer *producer = new_producer(name);
    mr_error err;
    for (int i = 0; i < 20; i++) {
        expect_ok(mr_producer_begin(producer, &err), &err);
        send_numbers(producer, i, 1);
        if (i % 2) {
            expect_ok(mr_producer_abort(producer, &err), &err);
        } else {
            expect_ok(mr_producer_commit(producer, NULL, &err), &err);
        }
    }
    mr_producer_close(producer);
    int seen[20] = {0};
    assert_int_equal(count_committed(seen), 10);
    drop_topic();
}

static void test_too_large_for_the_topic(void **state)
{
    (void)state;
    new_topic(1);
    char *topic = name + strlen(name);
    snprintf(topic, 8, "-small");
    const mr_property limits[] = {{"max.message.bytes", "2000"}};
    const mr_topic_spec spec = {.name = name, .partitions = 1, .config = limits, .config_count = 1};
    mr_error err;
    expect_ok(mr_topics_ensure(&config, &spec, 1, NULL, &err), &err);
    mr_producer *producer = new_producer(name);
    static char big[5000];
    expect_ok(mr_producer_begin(producer, &err), &err);
    const mr_outgoing message = {.topic = name, .partition = 0, .value = {big, sizeof big}};
    expect_ok(mr_producer_send(producer, &message, &err), &err);
    assert_int_equal(mr_producer_commit(producer, NULL, &err), MR_FATAL);
    assert_non_null(strstr(err.text, name));
    assert_non_null(strstr(err.text, "max.message.bytes"));
    mr_producer_close(producer);
    drop_topic();
}

static void test_compacted_topic_wants_keys(void **state)
{
    (void)state;
    new_topic(1);
    snprintf(name + strlen(name), 8, "-keys");
    const mr_property compacted[] = {{"cleanup.policy", "compact"}};
    const mr_topic_spec spec = {
        .name = name, .partitions = 1, .config = compacted, .config_count = 1};
    mr_error err;
    expect_ok(mr_topics_ensure(&config, &spec, 1, NULL, &err), &err);
    mr_producer *producer = new_producer(NULL);
    const mr_outgoing message = {.topic = name, .partition = 0, .value = {"x", 1}};
    mr_status status = mr_producer_send(producer, &message, &err);
    status = status ? status : mr_producer_flush(producer, &err);
    assert_int_equal(status, MR_FATAL);
    assert_non_null(strstr(err.text, "compact"));
    mr_producer_close(producer);
    drop_topic();
}

/* The Java client's partitioner: known results of murmur2 over 4 partitions. */
static void test_partitions_as_java_does(void **state)
{
    (void)state;
    new_topic(4);
    static const char *const keys[] = {"kafka", "a", "millrace", ""};
    mr_producer *producer = new_producer(NULL);
    mr_error err;
    for (int round = 0; round < 2; round++) { /* twice: the same key, the same partition */
        for (size_t i = 0; i < 4; i++) {
            const mr_outgoing message = {.topic = name,
                                         .partition = -1,
                                         .key = {keys[i], strlen(keys[i])},
                                         .value = {"x", 1}};
            expect_ok(mr_producer_send(producer, &message, &err), &err);
        }
        expect_ok(mr_producer_flush(producer, &err), &err);
    }
    mr_producer_close(producer);
    mr_consumer *consumer = new_consumer(name, "earliest", false);
    start(consumer, 4, 0);
    mr_message messages[8];
    size_t n = 0;
    int64_t deadline = mr_clock_us() + PATIENCE_US;
    while (n < 8 && mr_clock_us() < deadline) {
        n += poll_some(consumer, messages + n, 8 - n);
    }
    assert_int_equal(n, 8);
    for (size_t i = 0; i < n; i++) {
        if (messages[i].key.len == 5) { /* murmur2("kafka") = 0xd067cf64 */
            assert_int_equal(messages[i].partition, (0xd067cf64 & 0x7fffffff) % 4);
        }
        mr_message_release(&messages[i]);
    }
    mr_consumer_close(consumer);
    drop_topic();
}

int main(void)
{
    need_broker();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_newer_instance_fences),
        cmocka_unit_test(test_unfinished_transaction_is_undone),
        cmocka_unit_test(test_many_short_transactions),
        cmocka_unit_test(test_too_large_for_the_topic),
        cmocka_unit_test(test_compacted_topic_wants_keys),
        cmocka_unit_test(test_partitions_as_java_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
