/* SPDX-License-Identifier: Apache-2.0 */
/* The producer against a broker that fails on command. */
#include "unit/kafka/support.h"

static mr_producer *producer_on(mock *m, const char *transactional_id, const atomic_bool *stop)
{
    const mr_producer_options options = {.transactional_id = transactional_id, .stop = stop};
    mr_producer *producer;
    mr_error err;
    if (mr_producer_new(&m->config, &options, &producer, &err)) {
        fail_msg("%s", err.text);
    }
    if (transactional_id && mr_producer_init(producer, NULL, &err)) {
        fail_msg("%s", err.text);
    }
    return producer;
}

static void send_one(mr_producer *producer, const char *topic)
{
    mr_error err;
    const mr_outgoing message = outgoing(topic, "k", "v");
    if (mr_producer_send(producer, &message, &err)) {
        fail_msg("%s", err.text);
    }
}

static void begin(mr_producer *producer)
{
    mr_error err;
    if (mr_producer_begin(producer, &err)) {
        fail_msg("%s", err.text);
    }
}

static void expect_ok(mr_status status, const mr_error *err)
{
    if (status) {
        fail_msg("%s: %s", mr_status_name(status), err->text);
    }
}

static void test_commits(void **state)
{
    (void)state;
    mock *m = mock_up("t", 2);
    mr_producer *producer = producer_on(m, "commits", NULL);
    mr_error err;
    for (int i = 0; i < 3; i++) {
        begin(producer);
        send_one(producer, "t");
        expect_ok(mr_producer_commit(producer, NULL, &err), &err);
    }
    begin(producer);
    expect_ok(mr_producer_commit(producer, NULL, &err), &err); /* of nothing */
    mr_producer_close(producer);
    mock_down(m);
}

/* Errors of the broker, and what they must become. */
static void fails_with(int api, rd_kafka_resp_err_t code, mr_status status, const char *says)
{
    mock *m = mock_up("t", 1);
    mr_producer *producer = producer_on(m, "fails", NULL);
    mr_error err;
    begin(producer);
    rd_kafka_mock_push_request_errors(m->cluster, (int16_t)api, 1, code);
    const mr_outgoing message = outgoing("t", "k", "v");
    mr_status got = mr_producer_send(producer, &message, &err);
    got = got ? got : mr_producer_commit(producer, NULL, &err);
    if (got != status) {
        fail_msg("%s: %s instead of %s: %s", rd_kafka_err2name(code), mr_status_name(got),
                 mr_status_name(status), got ? err.text : "");
    }
    if (says && !strstr(err.text, says)) {
        fail_msg("'%s' does not say '%s'", err.text, says);
    }
    if (status == MR_RETRY) { /* aborted: may be produced again */
        begin(producer);
        send_one(producer, "t");
        expect_ok(mr_producer_commit(producer, NULL, &err), &err);
    }
    mr_producer_close(producer);
    mock_down(m);
}

static void test_heals_passing_errors(void **state)
{
    (void)state;
    fails_with(API_PRODUCE, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, MR_OK, NULL);
    fails_with(API_PRODUCE, RD_KAFKA_RESP_ERR__TRANSPORT, MR_OK, NULL);
    fails_with(API_PRODUCE, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, MR_OK, NULL);
    fails_with(API_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, MR_OK, NULL);
    fails_with(API_END_TXN, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, MR_OK, NULL);
    fails_with(API_END_TXN, RD_KAFKA_RESP_ERR__TRANSPORT, MR_OK, NULL);
}

static void test_failed_delivery_is_told(void **state)
{
    (void)state;
    fails_with(API_PRODUCE, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, MR_FATAL, "topic t[0]");
    fails_with(API_PRODUCE, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, MR_FATAL, "max.message.bytes");
    fails_with(API_PRODUCE, RD_KAFKA_RESP_ERR_INVALID_RECORD, MR_FATAL, "compact");
}

static void test_abortable_error_is_retried(void **state)
{
    (void)state;
    fails_with(API_PRODUCE, RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID, MR_RETRY, NULL);
}

static void test_lost_client_is_reopened(void **state)
{
    (void)state;
    fails_with(API_END_TXN, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, MR_REOPEN, NULL);
    fails_with(API_PRODUCE, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, MR_REOPEN, NULL);
}

static void test_fenced(void **state)
{
    (void)state;
    static const int apis[] = {API_ADD_PARTITIONS, API_END_TXN};
    for (size_t i = 0; i < sizeof apis / sizeof *apis; i++) {
        mock *m = mock_up("t", 1);
        mr_producer *producer = producer_on(m, "fenced", NULL);
        mr_error err;
        begin(producer);
        rd_kafka_mock_push_request_errors(m->cluster, (int16_t)apis[i], 1,
                                          RD_KAFKA_RESP_ERR_PRODUCER_FENCED);
        send_one(producer, "t");
        assert_int_equal(mr_producer_commit(producer, NULL, &err), MR_FATAL);
        assert_string_equal(err.code, "_FENCED");
        assert_false(err.permanent);
        mr_producer_close(producer);
        mock_down(m);
    }
}

static void test_commit_waits_for_the_broker(void **state)
{
    (void)state;
    mock *m = mock_up("t", 1);
    mr_producer *producer = producer_on(m, "waits", NULL);
    mr_error err;
    begin(producer);
    send_one(producer, "t");
    rd_kafka_mock_broker_set_down(m->cluster, 1);
    pthread_t thread;
    pthread_create(&thread, NULL, bring_back, m);
    mr_status status = mr_producer_commit(producer, NULL, &err);
    pthread_join(thread, NULL);
    expect_ok(status, &err);
    assert_int_equal(count_events(m, "kafka.unreachable"), 1);
    assert_int_equal(count_events(m, "kafka.reachable"), 1);
    mr_producer_close(producer);
    mock_down(m);
}

static void test_commit_stops_when_told(void **state)
{
    (void)state;
    mock *m = mock_up("t", 1);
    mr_producer *producer = producer_on(m, "stops", NULL);
    mr_error err;
    begin(producer);
    send_one(producer, "t");
    rd_kafka_mock_broker_set_down(m->cluster, 1);
    atomic_bool stop = true;
    assert_int_equal(mr_producer_commit(producer, &stop, &err), MR_IDLE);
    assert_non_null(strstr(err.text, "committing"));
    mr_producer_close(producer);
    mock_down(m);
}

static void test_init_waits_and_says_so(void **state)
{
    (void)state;
    mock *m = mock_up("t", 1);
    rd_kafka_mock_broker_set_down(m->cluster, 1);
    const mr_producer_options options = {.transactional_id = "init"};
    mr_producer *producer;
    mr_error err;
    expect_ok(mr_producer_new(&m->config, &options, &producer, &err), &err);
    atomic_bool stop = true;
    assert_int_equal(mr_producer_init(producer, &stop, &err), MR_IDLE);
    pthread_t thread;
    pthread_create(&thread, NULL, bring_back, m);
    mr_status status = mr_producer_init(producer, NULL, &err);
    pthread_join(thread, NULL);
    expect_ok(status, &err);
    assert_true(saw(m, "kafka.unreachable: no broker at"));
    begin(producer);
    send_one(producer, "t");
    expect_ok(mr_producer_commit(producer, NULL, &err), &err);
    mr_producer_close(producer);
    mock_down(m);
}

static void test_init_without_the_right(void **state)
{
    (void)state;
    mock *m = mock_up("t", 1);
    rd_kafka_mock_push_request_errors(m->cluster, API_INIT_PRODUCER_ID, 1,
                                      RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    const mr_producer_options options = {.transactional_id = "forbidden"};
    mr_producer *producer;
    mr_error err;
    expect_ok(mr_producer_new(&m->config, &options, &producer, &err), &err);
    assert_int_equal(mr_producer_init(producer, NULL, &err), MR_FATAL);
    assert_non_null(strstr(err.text, "grant"));
    mr_producer_close(producer);
    mock_down(m);
}

static void test_too_large_leaves_the_transaction_alone(void **state)
{
    (void)state;
    mock *m = mock_up("t", 1);
    mock_set(m, "message.max.bytes", "2000");
    mr_producer *producer = producer_on(m, "large", NULL);
    static const char big[3000];
    mr_error err;
    begin(producer);
    send_one(producer, "t");
    const mr_outgoing message = {.topic = "t", .partition = 0, .value = {big, sizeof big}};
    assert_int_equal(mr_producer_send(producer, &message, &err), MR_REJECT);
    assert_non_null(strstr(err.text, "3000 bytes"));
    send_one(producer, "t");
    expect_ok(mr_producer_commit(producer, NULL, &err), &err);
    mr_producer_close(producer);
    mock_down(m);
}

typedef struct stopper {
    mock *m;
    atomic_bool stop;
} stopper;

/* The first look at events is when the queue is full. */
static void *stop_when_full(void *context)
{
    stopper *s = context;
    await_unreachable(s->m);
    atomic_store(&s->stop, true);
    return NULL;
}

/* A full queue waits; it neither drops nor grows. */
static void test_full_queue_is_back_pressure(void **state)
{
    (void)state;
    mock *m = mock_up("t", 1);
    mock_set(m, "queue.buffering.max.messages", "100");
    stopper s = {.m = m};
    mr_producer *producer = producer_on(m, NULL, &s.stop);
    mr_error err;
    send_one(producer, "t");
    expect_ok(mr_producer_flush(producer, &err), &err);
    rd_kafka_mock_broker_set_down(m->cluster, 1);
    pthread_t thread;
    pthread_create(&thread, NULL, stop_when_full, &s);
    const mr_outgoing message = outgoing("t", "k", "v");
    mr_status status = MR_OK;
    int sent = 0;
    while (!status) {
        status = mr_producer_send(producer, &message, &err);
        sent += status ? 0 : 1;
    }
    pthread_join(thread, NULL);
    assert_int_equal(status, MR_IDLE);
    assert_int_equal(sent, 100);
    assert_int_equal(mr_producer_flush(producer, &err), MR_IDLE);
    rd_kafka_mock_broker_set_up(m->cluster, 1);
    atomic_store(&s.stop, false);
    expect_ok(mr_producer_flush(producer, &err), &err);
    mr_producer_close(producer);
    mock_down(m);
}

static void test_flush_tells_of_failures_once(void **state)
{
    (void)state;
    mock *m = mock_up("t", 1);
    mr_producer *producer = producer_on(m, NULL, NULL);
    mr_error err;
    rd_kafka_mock_push_request_errors(m->cluster, API_PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    send_one(producer, "t");
    assert_int_equal(mr_producer_flush(producer, &err), MR_FATAL);
    assert_non_null(strstr(err.text, "topic t[0]"));
    send_one(producer, "t");
    expect_ok(mr_producer_flush(producer, &err), &err);
    mr_producer_close(producer);
    mock_down(m);
}

static void test_abort_then_again(void **state)
{
    (void)state;
    mock *m = mock_up("t", 1);
    mr_producer *producer = producer_on(m, "aborts", NULL);
    mr_error err;
    expect_ok(mr_producer_abort(producer, &err), &err); /* nothing to abort */
    for (int i = 0; i < 3; i++) {
        begin(producer);
        send_one(producer, "t");
        expect_ok(mr_producer_abort(producer, &err), &err);
    }
    begin(producer);
    send_one(producer, "t");
    expect_ok(mr_producer_commit(producer, NULL, &err), &err);
    mr_producer_close(producer);
    mock_down(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commits),
        cmocka_unit_test(test_heals_passing_errors),
        cmocka_unit_test(test_failed_delivery_is_told),
        cmocka_unit_test(test_abortable_error_is_retried),
        cmocka_unit_test(test_lost_client_is_reopened),
        cmocka_unit_test(test_fenced),
        cmocka_unit_test(test_commit_waits_for_the_broker),
        cmocka_unit_test(test_commit_stops_when_told),
        cmocka_unit_test(test_init_waits_and_says_so),
        cmocka_unit_test(test_init_without_the_right),
        cmocka_unit_test(test_too_large_leaves_the_transaction_alone),
        cmocka_unit_test(test_full_queue_is_back_pressure),
        cmocka_unit_test(test_flush_tells_of_failures_once),
        cmocka_unit_test(test_abort_then_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
