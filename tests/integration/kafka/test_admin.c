/* SPDX-License-Identifier: Apache-2.0 */
/* Topics on a real broker: making, looking, reading through; and no broker at all. */
#include "integration/kafka/support.h"

#include <poll.h>
#include <pthread.h>

static void test_creates_what_is_missing(void **state)
{
    (void)state;
    new_topic(3);
    int partitions = -1;
    mr_error err;
    expect_ok(mr_topic_partitions(&config, name, 5000, &partitions, &err), &err);
    assert_int_equal(partitions, 3);
    char other[64];
    snprintf(other, sizeof other, "%.50s-other", name);
    const mr_property compacted[] = {{"cleanup.policy", "compact"}, {"retention.ms", "86400000"}};
    const mr_topic_spec specs[] = {
        {.name = name, .partitions = 7}, /* there is one already: left as it is */
        {.name = other, .partitions = 2, .config = compacted, .config_count = 2}};
    for (int i = 0; i < 2; i++) {
        expect_ok(mr_topics_ensure(&config, specs, 2, NULL, &err), &err);
    }
    expect_ok(mr_topic_partitions(&config, name, 5000, &partitions, &err), &err);
    assert_int_equal(partitions, 3);
    expect_ok(mr_topic_partitions(&config, other, 5000, &partitions, &err), &err);
    assert_int_equal(partitions, 2);
    drop_topic();
    snprintf(name, sizeof name, "%s", other);
    drop_topic();
}

static void test_missing_topic_has_no_partitions(void **state)
{
    (void)state;
    int partitions = -1;
    mr_error err;
    expect_ok(mr_topic_partitions(&config, "test-kafka-is-not-there", 5000, &partitions, &err),
              &err);
    assert_int_equal(partitions, 0);
}

static void test_refuses_bad_names_and_settings(void **state)
{
    (void)state;
    mr_error err;
    const mr_topic_spec bad_name = {.name = "no blanks here", .partitions = 1};
    assert_int_equal(mr_topics_ensure(&config, &bad_name, 1, NULL, &err), MR_FATAL);
    assert_non_null(strstr(err.text, "no blanks here"));
    const mr_property odd[] = {{"cleanup.policy", "sometimes"}};
    const mr_topic_spec bad_setting = {
        .name = "test-kafka-odd", .partitions = 1, .config = odd, .config_count = 1};
    assert_int_equal(mr_topics_ensure(&config, &bad_setting, 1, NULL, &err), MR_FATAL);
    assert_non_null(strstr(err.text, "test-kafka-odd"));
    assert_non_null(strstr(err.text, "sometimes"));
    const mr_topic_spec replicas = {
        .name = "test-kafka-replicas", .partitions = 1, .replication = 30};
    assert_int_equal(mr_topics_ensure(&config, &replicas, 1, NULL, &err), MR_FATAL);
    assert_non_null(strstr(err.text, "fewer brokers"));
}

typedef struct counts {
    int messages, tombstones, last, stop_after;
} counts;

static mr_status count_one(void *context, const mr_message *message, mr_error *err)
{
    counts *c = context;
    const mr_slice key = message->key, value = message->value;
    assert_non_null(key.data);
    c->messages++;
    c->tombstones += value.data == NULL;
    if (value.data) {
        c->last = number_of(value);
    }
    return c->messages == c->stop_after ? mr_fail(err, MR_REJECT, MR_DOMAIN_NONE, "enough") : MR_OK;
}

typedef struct ending {
    mr_producer *producer;
    int64_t at_us;
} ending;

static void *abort_later(void *argument)
{
    ending *e = argument;
    poll(NULL, 0, 700);
    mr_error err;
    e->at_us = mr_clock_us();
    return mr_producer_abort(e->producer, &err) == MR_OK ? e : NULL;
}

static mr_producer *transaction_with(const char *id, const char *value)
{
    char full[160];
    snprintf(full, sizeof full, "%s-%s", name, id);
    mr_producer *producer;
    mr_error err;
    const mr_producer_options options = {.transactional_id = full};
    expect_ok(mr_producer_new(&config, &options, &producer, &err), &err);
    expect_ok(mr_producer_init(producer, NULL, &err), &err);
    expect_ok(mr_producer_begin(producer, &err), &err);
    const mr_outgoing message = {
        .topic = name, .partition = 0, .key = {"k", 1}, .value = {value, strlen(value)}};
    expect_ok(mr_producer_send(producer, &message, &err), &err);
    expect_ok(mr_producer_flush(producer, &err), &err);
    return producer;
}

/* Another's open transaction hides what was committed after it began: a source that read its
 * positions up to there would send again what it has sent. */
static void test_reads_on_behind_an_open_transaction(void **state)
{
    (void)state;
    new_topic(1);
    mr_error err;
    ending e = {.producer = transaction_with("open", "1")};
    mr_producer *other = transaction_with("committed", "2");
    expect_ok(mr_producer_commit(other, NULL, &err), &err);
    mr_producer_close(other);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, abort_later, &e), 0);
    counts c = {0};
    expect_ok(mr_topic_read_all(&config, name, 0, NULL, count_one, &c, &err), &err);
    int64_t read_us = mr_clock_us();
    void *aborted;
    pthread_join(thread, &aborted);
    assert_non_null(aborted);
    assert_int_equal(c.messages, 1);
    assert_int_equal(c.last, 2);
    assert_true(read_us >= e.at_us);
    assert_non_null(strstr(events, "kafka.transaction.open"));
    mr_producer_close(e.producer);
    drop_topic();
}

static void test_reads_through_to_the_end(void **state)
{
    (void)state;
    new_topic(3);
    counts c = {0};
    mr_error err;
    expect_ok(mr_topic_read_all(&config, name, -1, NULL, count_one, &c, &err), &err);
    assert_int_equal(c.messages, 0);
    mr_producer *producer = new_producer(name);
    for (int round = 0; round < 4; round++) { /* ends in an aborted transaction */
        expect_ok(mr_producer_begin(producer, &err), &err);
        send_numbers(producer, round * 1000, 1000);
        if (round % 2) {
            expect_ok(mr_producer_abort(producer, &err), &err);
        } else {
            const mr_outgoing tombstone = {.topic = name, .partition = 0, .key = {"k", 1}};
            expect_ok(mr_producer_send(producer, &tombstone, &err), &err);
            expect_ok(mr_producer_commit(producer, NULL, &err), &err);
        }
    }
    mr_producer_close(producer);
    expect_ok(mr_topic_read_all(&config, name, -1, NULL, count_one, &c, &err), &err);
    assert_int_equal(c.messages, 2002);
    assert_int_equal(c.tombstones, 2);
    int by_partition = 0;
    for (int p = 0; p < 3; p++) {
        c = (counts){0};
        expect_ok(mr_topic_read_all(&config, name, p, NULL, count_one, &c, &err), &err);
        by_partition += c.messages;
    }
    assert_int_equal(by_partition, 2002);
    c = (counts){.stop_after = 5};
    assert_int_equal(mr_topic_read_all(&config, name, -1, NULL, count_one, &c, &err), MR_REJECT);
    assert_int_equal(c.messages, 5);
    assert_string_equal(err.text, "enough");
    assert_int_equal(mr_topic_read_all(&config, name, 3, NULL, count_one, &c, &err), MR_FATAL);
    drop_topic();
}

static void test_reading_a_missing_topic(void **state)
{
    (void)state;
    counts c = {0};
    mr_error err;
    assert_int_equal(
        mr_topic_read_all(&config, "test-kafka-is-not-there", -1, NULL, count_one, &c, &err),
        MR_FATAL);
    assert_non_null(strstr(err.text, "create the topic"));
}

/* --- No broker --- */

static atomic_bool stop;

static void stop_when_told(void *context, int level, const char *event, const char *text)
{
    record_event(context, level, event, text);
    if (strcmp(event, "kafka.unreachable") == 0) {
        atomic_store(&stop, true);
    }
}

static void test_waits_for_the_broker_until_stopped(void **state)
{
    (void)state;
    const mr_property nowhere[] = {{"bootstrap.servers", "127.0.0.1:1"}};
    const mr_kafka_config away = {
        .properties = nowhere, .property_count = 1, .on_event = stop_when_told};
    const mr_topic_spec spec = {.name = "test-kafka-away", .partitions = 1};
    mr_error err;
    int partitions;
    counts c = {0};
    events[0] = '\0';
    assert_int_equal(mr_topics_ensure(&away, &spec, 1, &stop, &err), MR_IDLE);
    assert_non_null(strstr(events, "kafka.unreachable: no broker at 127.0.0.1:1 answers"));
    assert_non_null(strstr(events, "refused"));
    atomic_store(&stop, false);
    assert_int_equal(mr_topic_read_all(&away, "test-kafka-away", -1, &stop, count_one, &c, &err),
                     MR_IDLE);
    assert_int_equal(mr_topic_partitions(&away, "test-kafka-away", 300, &partitions, &err),
                     MR_IDLE);
    assert_non_null(strstr(err.text, "127.0.0.1:1"));
}

int main(void)
{
    need_broker();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_creates_what_is_missing),
        cmocka_unit_test(test_missing_topic_has_no_partitions),
        cmocka_unit_test(test_refuses_bad_names_and_settings),
        cmocka_unit_test(test_reads_on_behind_an_open_transaction),
        cmocka_unit_test(test_reads_through_to_the_end),
        cmocka_unit_test(test_reading_a_missing_topic),
        cmocka_unit_test(test_waits_for_the_broker_until_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
