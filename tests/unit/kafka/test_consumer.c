/* SPDX-License-Identifier: Apache-2.0 */
/* The consumer against librdkafka's broker in this process. */
#include "unit/kafka/support.h"

#include "kafka/consumer_internal.h"

enum { PATIENCE_US = 20000000 };

static mr_consumer *consumer_on(mock *m, const char *topic, bool stop_at_end)
{
    const char *const topics[] = {topic};
    const mr_consumer_options options = {.group = "g",
                                         .topics = topics,
                                         .topic_count = 1,
                                         .starting_position = "earliest",
                                         .queue_max_bytes = 4 << 20,
                                         .stop_at_end = stop_at_end};
    mr_consumer *consumer;
    mr_error err;
    if (mr_consumer_new(&m->config, &options, &consumer, &err)) {
        fail_msg("%s", err.text);
    }
    return consumer;
}

static void produce(mock *m, const char *topic, int first, int count)
{
    const mr_producer_options options = {0};
    mr_producer *producer;
    mr_error err;
    assert_int_equal(mr_producer_new(&m->config, &options, &producer, &err), MR_OK);
    for (int i = first; i < first + count; i++) {
        char key[16], value[16];
        snprintf(key, sizeof key, "k%d", i);
        snprintf(value, sizeof value, "%d", i);
        mr_header headers[] = {{"h", {"x", 1}}, {"none", {NULL, 0}}};
        mr_outgoing message = outgoing(topic, key, i % 10 == 9 ? NULL : value);
        message.headers = headers;
        message.header_count = 2;
        message.timestamp_ms = 1700000000000 + i;
        if (mr_producer_send(producer, &message, &err)) {
            fail_msg("%s", err.text);
        }
    }
    assert_int_equal(mr_producer_flush(producer, &err), MR_OK);
    mr_producer_close(producer);
}

static size_t poll_once(mr_consumer *consumer, mr_message *messages, size_t max)
{
    size_t count;
    mr_error err;
    mr_status status = mr_consumer_poll(consumer, messages, max, 100, &count, &err);
    if (status) {
        fail_msg("%s: %s", mr_status_name(status), err.text);
    }
    return count;
}

/* Polls until partitions come; nothing may be read before they are started. */
static mr_offsets await_assignment(mr_consumer *consumer)
{
    int64_t deadline = mr_clock_us() + PATIENCE_US;
    mr_offsets assigned;
    int generation;
    mr_message message;
    while (mr_clock_us() < deadline) {
        assert_int_equal(poll_once(consumer, &message, 1), 0);
        if (mr_consumer_assignment_changed(consumer, &assigned, &generation) && assigned.count) {
            return assigned;
        }
    }
    fail_msg("no assignment");
    return assigned;
}

static void start(mr_consumer *consumer, int64_t next)
{
    mr_offsets assigned = await_assignment(consumer);
    for (size_t i = 0; i < assigned.count; i++) {
        assigned.items[i].next = next;
    }
    mr_error err;
    if (mr_consumer_start(consumer, &assigned, &err)) {
        fail_msg("%s", err.text);
    }
}

static size_t read_to_end(mr_consumer *consumer)
{
    int64_t deadline = mr_clock_us() + PATIENCE_US;
    size_t total = 0;
    mr_message messages[64];
    while (!mr_consumer_at_end(consumer) && mr_clock_us() < deadline) {
        size_t n = poll_once(consumer, messages, 64);
        for (size_t i = 0; i < n; i++) {
            mr_message_release(&messages[i]);
        }
        total += n;
    }
    assert_true(mr_consumer_at_end(consumer));
    return total;
}

static void test_waits_for_start_then_reads_all(void **state)
{
    (void)state;
    mock *m = mock_up("t", 4);
    produce(m, "t", 0, 100);
    mr_consumer *consumer = consumer_on(m, "t", true);
    assert_false(mr_consumer_at_end(consumer));
    start(consumer, -1);
    assert_int_equal(mr_consumer_lag(consumer), -1);
    assert_int_equal(read_to_end(consumer), 100);
    assert_int_equal(mr_consumer_lag(consumer), 0);
    produce(m, "t", 100, 10);
    int64_t deadline = mr_clock_us() + PATIENCE_US;
    size_t more = 0;
    mr_message messages[64];
    while (more < 10 && mr_clock_us() < deadline) {
        size_t n = poll_once(consumer, messages, 64);
        for (size_t i = 0; i < n; i++) {
            mr_message_release(&messages[i]);
        }
        more += n;
    }
    assert_int_equal(more, 10);
    mr_consumer_close(consumer);
    mock_down(m);
}

static void test_offset_past_the_end_is_an_error(void **state)
{
    (void)state;
    mock *m = mock_up("t", 1);
    produce(m, "t", 0, 5);
    mr_consumer *consumer = consumer_on(m, "t", true);
    start(consumer, 1000);
    int64_t deadline = mr_clock_us() + PATIENCE_US;
    mr_message message;
    size_t count;
    mr_error err;
    mr_status status = MR_OK;
    while (!status && mr_clock_us() < deadline) {
        status = mr_consumer_poll(consumer, &message, 1, 100, &count, &err);
    }
    assert_int_equal(status, MR_FATAL);
    assert_non_null(strstr(err.text, "t[0] ends at offset 5"));
    mr_consumer_close(consumer);
    mock_down(m);
}

static void test_missing_topic_is_told(void **state)
{
    (void)state;
    mock *m = mock_up("t", 1);
    rd_kafka_mock_topic_set_error(m->cluster, "nowhere", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    mr_consumer *consumer = consumer_on(m, "nowhere", false);
    int64_t deadline = mr_clock_us() + PATIENCE_US;
    mr_message message;
    while (!saw(m, "kafka.topic.missing: topic nowhere") && mr_clock_us() < deadline) {
        assert_int_equal(poll_once(consumer, &message, 1), 0);
    }
    assert_true(saw(m, "kafka.topic.missing: topic nowhere"));
    mr_consumer_close(consumer);
    mock_down(m);
}

/* The group may have given the member up while the broker was away, and takes it in again: what it
 * gets then waits to be started, as at first. */
static void start_again(mr_consumer *consumer, int64_t next)
{
    mr_offsets assigned;
    int generation;
    if (mr_consumer_assignment_changed(consumer, &assigned, &generation) && assigned.count) {
        assigned.items[0].next = next;
        mr_error err;
        assert_int_equal(mr_consumer_seek(consumer, &assigned, &err), MR_OK);
    }
}

static void test_broker_away_and_back(void **state)
{
    (void)state;
    mock *m = mock_up("t", 1);
    produce(m, "t", 0, 20);
    mr_consumer *consumer = consumer_on(m, "t", true);
    start(consumer, 0);
    assert_int_equal(read_to_end(consumer), 20);
    rd_kafka_mock_broker_set_down(m->cluster, 1);
    int64_t deadline = mr_clock_us() + PATIENCE_US;
    mr_message message;
    while (!saw(m, "kafka.unreachable") && mr_clock_us() < deadline) {
        assert_int_equal(poll_once(consumer, &message, 1), 0);
    }
    rd_kafka_mock_broker_set_up(m->cluster, 1);
    produce(m, "t", 20, 5);
    deadline = mr_clock_us() + PATIENCE_US; /* joining again may take a session */
    size_t n = 0;
    while (n < 5 && mr_clock_us() < deadline) {
        size_t got = poll_once(consumer, &message, 1);
        if (got) {
            mr_message_release(&message);
        }
        n += got;
        start_again(consumer, 20 + (int64_t)n);
    }
    assert_int_equal(n, 5);
    assert_true(saw(m, "kafka.reachable"));
    mr_consumer_close(consumer);
    mock_down(m);
}

static void test_unreachable_from_the_start(void **state)
{
    (void)state;
    mock *m = mock_up("t", 1);
    rd_kafka_mock_broker_set_down(m->cluster, 1);
    mr_consumer *consumer = consumer_on(m, "t", true);
    int64_t deadline = mr_clock_us() + PATIENCE_US;
    mr_message message;
    while (!saw(m, "kafka.unreachable") && mr_clock_us() < deadline) {
        assert_int_equal(poll_once(consumer, &message, 1), 0);
    }
    assert_true(saw(m, m->properties[0].value));
    assert_true(saw(m, "refused"));
    assert_false(mr_consumer_at_end(consumer));
    mr_consumer_close(consumer);
    mock_down(m);
}

static void test_closes_while_the_broker_is_away(void **state)
{
    (void)state;
    mock *m = mock_up("t", 1);
    produce(m, "t", 0, 20);
    mr_consumer *consumer = consumer_on(m, "t", true);
    start(consumer, 0);
    assert_int_equal(read_to_end(consumer), 20);
    rd_kafka_mock_broker_set_down(m->cluster, 1);
    int64_t before = mr_clock_us();
    mr_consumer_close(consumer);
    assert_true(mr_clock_us() - before < PATIENCE_US / 2);
    mock_down(m);
}

static void test_no_authorisation_is_fatal(void **state)
{
    (void)state;
    mock *m = mock_up("t", 1);
    rd_kafka_mock_push_request_errors(m->cluster, API_FIND_COORDINATOR, 1,
                                      RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
    mr_consumer *consumer = consumer_on(m, "t", true);
    int64_t deadline = mr_clock_us() + PATIENCE_US;
    mr_message message;
    size_t count;
    mr_error err;
    mr_status status = MR_OK;
    while (!status && mr_clock_us() < deadline) {
        status = mr_consumer_poll(consumer, &message, 1, 100, &count, &err);
    }
    assert_int_equal(status, MR_FATAL);
    assert_non_null(strstr(err.text, "grant this user READ on the group"));
    mr_consumer_close(consumer);
    mock_down(m);
}

/* librdkafka 2.0.2 aborts the program when such a consumer is destroyed. */
static void test_closes_between_joining_and_partitions(void **state)
{
    (void)state;
    enum { API_SYNC_GROUP = 14 };
    mock *m = mock_up("t", 4);
    for (int i = 0; i < 200; i++) {
        rd_kafka_mock_push_request_errors(m->cluster, API_SYNC_GROUP, 1,
                                          RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS);
    }
    mr_consumer *consumer = consumer_on(m, "t", false);
    int64_t deadline = mr_clock_us() + PATIENCE_US;
    bool joined = false;
    mr_message message;
    for (int polls = 0; polls < 10 && mr_clock_us() < deadline;) {
        assert_int_equal(poll_once(consumer, &message, 1), 0);
        char *member = rd_kafka_memberid(consumer->link.rk);
        joined = member && *member;
        polls += joined;
        rd_kafka_mem_free(consumer->link.rk, member);
    }
    assert_true(joined);
    assert_int_equal(consumer->generation, 0);
    mr_consumer_close(consumer);
    mock_down(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waits_for_start_then_reads_all),
        cmocka_unit_test(test_offset_past_the_end_is_an_error),
        cmocka_unit_test(test_missing_topic_is_told),
        cmocka_unit_test(test_broker_away_and_back),
        cmocka_unit_test(test_unreachable_from_the_start),
        cmocka_unit_test(test_closes_while_the_broker_is_away),
        cmocka_unit_test(test_closes_between_joining_and_partitions),
        cmocka_unit_test(test_no_authorisation_is_fatal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
