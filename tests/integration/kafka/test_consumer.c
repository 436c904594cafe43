/* SPDX-License-Identifier: Apache-2.0 */
/* The consumer on a real broker: what is read, from where, and how members share. */
#include "integration/kafka/support.h"

static void test_message_fields(void **state)
{
    (void)state;
    new_topic(1);
    mr_producer *producer = new_producer(NULL);
    const mr_header sent[] = {{"h", {"x", 1}}, {"none", {NULL, 0}}};
    mr_outgoing out = {.topic = name,
                       .partition = 0,
                       .key = {"k7", 2},
                       .value = {"7", 1},
                       .timestamp_ms = 1700000000007,
                       .headers = sent,
                       .header_count = 2};
    mr_error err;
    expect_ok(mr_producer_send(producer, &out, &err), &err);
    out.value = (mr_slice){NULL, 0};
    expect_ok(mr_producer_send(producer, &out, &err), &err);
    out.value = (mr_slice){"", 0};
    out.key = (mr_slice){NULL, 0};
    expect_ok(mr_producer_send(producer, &out, &err), &err);
    expect_ok(mr_producer_flush(producer, &err), &err);
    mr_producer_close(producer);

    mr_consumer *consumer = new_consumer(name, "earliest", true);
    start(consumer, 1, 0);
    mr_message messages[3];
    size_t n = 0;
    int64_t deadline = mr_clock_us() + PATIENCE_US;
    while (n < 3 && mr_clock_us() < deadline) {
        n += poll_some(consumer, messages + n, 3 - n);
    }
    assert_int_equal(n, 3);
    assert_string_equal(messages[0].topic, name);
    assert_int_equal(messages[0].offset, 0);
    assert_int_equal(messages[0].timestamp_ms, 1700000000007);
    assert_memory_equal(messages[0].key.data, "k7", 2);
    assert_memory_equal(messages[0].value.data, "7", 1);
    assert_null(messages[1].value.data);     /* a Kafka null ... */
    assert_non_null(messages[2].value.data); /* ... is not empty */
    assert_null(messages[2].key.data);
    mr_arena *arena = mr_arena_new();
    const mr_header *headers;
    uint32_t count;
    expect_ok(mr_message_headers(&messages[1], arena, &headers, &count, &err), &err);
    assert_int_equal(count, 2);
    assert_string_equal(headers[0].name, "h");
    assert_memory_equal(headers[0].value.data, "x", 1);
    assert_string_equal(headers[1].name, "none");
    assert_null(headers[1].value.data);
    for (size_t i = 0; i < 3; i++) {
        mr_message_release(&messages[i]);
    }
    mr_arena_free(arena);
    mr_consumer_close(consumer);
    drop_topic();
}

/* Aborted records do not come, and the end is told though it is behind control records. */
static void test_reads_committed_only(void **state)
{
    (void)state;
    new_topic(2);
    mr_producer *producer = new_producer(name);
    mr_error err;
    for (int round = 0; round < 6; round++) {
        expect_ok(mr_producer_begin(producer, &err), &err);
        send_numbers(producer, round * 100, 100);
        if (round % 2) {
            expect_ok(mr_producer_abort(producer, &err), &err);
        } else {
            expect_ok(mr_producer_commit(producer, NULL, &err), &err);
        }
    }
    mr_producer_close(producer);
    int seen[600] = {0};
    mr_consumer *consumer = new_consumer(name, "earliest", true);
    start(consumer, 2, -1);
    assert_int_equal(read_to_end(consumer, seen), 300);
    for (int i = 0; i < 600; i++) {
        assert_int_equal(seen[i], i / 100 % 2 ? 0 : 1);
    }
    assert_int_equal(mr_consumer_lag(consumer), 0);
    mr_consumer_close(consumer);
    drop_topic();
}

/* A partition of nothing but an aborted transaction ends too. */
static void test_end_of_aborted_records_only(void **state)
{
    (void)state;
    new_topic(1);
    mr_producer *producer = new_producer(name);
    mr_error err;
    expect_ok(mr_producer_begin(producer, &err), &err);
    send_numbers(producer, 0, 50);
    expect_ok(mr_producer_flush(producer, &err), &err);
    expect_ok(mr_producer_abort(producer, &err), &err);
    mr_producer_close(producer);
    mr_consumer *consumer = new_consumer(name, "earliest", true);
    start(consumer, 1, 0);
    assert_int_equal(read_to_end(consumer, NULL), 0);
    mr_consumer_close(consumer);
    drop_topic();
}

/* Records of an open transaction are beyond the end. */
/* A commit is answered before its marker is in every partition: who reads to the end then must
 * not take the open transaction for the end. */
static void test_waits_for_an_open_transaction_at_the_end(void **state)
{
    (void)state;
    new_topic(1);
    produce(0, 10);
    mr_producer *producer = new_producer(name);
    mr_error err;
    expect_ok(mr_producer_begin(producer, &err), &err);
    send_numbers(producer, 10, 10);
    expect_ok(mr_producer_flush(producer, &err), &err);
    mr_consumer *consumer = new_consumer(name, "earliest", true);
    start(consumer, 1, 0);
    int64_t deadline = mr_clock_us() + PATIENCE_US;
    size_t before = 0;
    mr_message messages[20];
    while (!strstr(events, "kafka.transaction.open") && mr_clock_us() < deadline) {
        size_t n = poll_some(consumer, messages, 20);
        before += n;
        while (n) {
            mr_message_release(&messages[--n]);
        }
        assert_false(mr_consumer_at_end(consumer));
    }
    assert_int_equal(before, 10);
    expect_ok(mr_producer_commit(producer, NULL, &err), &err);
    mr_producer_close(producer);
    int seen[20] = {0};
    assert_int_equal(read_to_end(consumer, seen), 10);
    for (int i = 10; i < 20; i++) {
        assert_int_equal(seen[i], 1);
    }
    mr_consumer_close(consumer);
    drop_topic();
}

static void test_empty_topic_is_at_its_end(void **state)
{
    (void)state;
    new_topic(3);
    mr_consumer *consumer = new_consumer(name, "earliest", true);
    start(consumer, 3, -1);
    assert_int_equal(read_to_end(consumer, NULL), 0);
    mr_consumer_close(consumer);
    drop_topic();
}

static void test_starting_positions(void **state)
{
    (void)state;
    new_topic(1);
    produce(0, 10);
    mr_consumer *consumer = new_consumer(name, "latest", true);
    start(consumer, 1, -1);
    assert_int_equal(read_to_end(consumer, NULL), 0);
    mr_consumer_close(consumer);
    consumer = new_consumer(name, "earliest", true);
    start(consumer, 1, 4);
    assert_int_equal(read_to_end(consumer, NULL), 6);
    mr_offset items[] = {{name, 0, 7}};
    const mr_offsets upto = {items, 1};
    mr_consumer_commit(consumer, &upto, true);
    mr_consumer_close(consumer);
    consumer = new_consumer(name, "earliest", true);
    start(consumer, 1, -1); /* where the group has committed */
    assert_int_equal(read_to_end(consumer, NULL), 3);
    mr_consumer_close(consumer);
    drop_topic();
}

static void test_seek_replays(void **state)
{
    (void)state;
    new_topic(2);
    produce(0, 500);
    mr_consumer *consumer = new_consumer(name, "earliest", true);
    start(consumer, 2, 0);
    mr_message messages[100];
    for (int round = 0; round < 5; round++) {
        /* also in the middle of reading: what was prefetched is dropped */
        size_t n = poll_some(consumer, messages, 100);
        mr_offset items[] = {{name, 0, 0}, {name, 1, 0}};
        const mr_offsets to = {items, 2};
        mr_error err;
        expect_ok(mr_consumer_seek(consumer, &to, &err), &err);
        while (n) {
            mr_message_release(&messages[--n]);
        }
    }
    int seen[500] = {0};
    assert_int_equal(read_to_end(consumer, seen), 500);
    for (int i = 0; i < 500; i++) {
        assert_int_equal(seen[i], 1);
    }
    mr_consumer_close(consumer);
    drop_topic();
}

static void test_pause_holds_back(void **state)
{
    (void)state;
    new_topic(1);
    produce(0, 500);
    mr_consumer *consumer = new_consumer(name, "earliest", true);
    mr_error err;
    expect_ok(mr_consumer_pause(consumer, true, &err), &err);
    start(consumer, 1, 0);
    mr_message messages[10];
    for (int i = 0; i < 5; i++) {
        assert_int_equal(poll_some(consumer, messages, 10), 0);
    }
    expect_ok(mr_consumer_pause(consumer, false, &err), &err);
    int64_t deadline = mr_clock_us() + PATIENCE_US;
    size_t n = 0;
    while (!n && mr_clock_us() < deadline) {
        n = poll_some(consumer, messages, 10);
    }
    expect_ok(mr_consumer_pause(consumer, true, &err), &err);
    mr_message more[10];
    assert_int_equal(poll_some(consumer, more, 10), 0);
    expect_ok(mr_consumer_pause(consumer, false, &err), &err);
    int seen[500] = {0};
    for (size_t i = 0; i < n; i++) {
        seen[number_of(messages[i].value)]++;
        mr_message_release(&messages[i]);
    }
    assert_int_equal(read_to_end(consumer, seen), 500 - n);
    for (int i = 0; i < 500; i++) {
        assert_int_equal(seen[i], 1);
    }
    mr_consumer_close(consumer);
    drop_topic();
}

static void delete_before(int64_t offset)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", properties[0].value, NULL, 0);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, name, 0)->offset = offset;
    rd_kafka_DeleteRecords_t *records = rd_kafka_DeleteRecords_new(list);
    rd_kafka_DeleteRecords(rk, &records, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 10000);
    assert_non_null(event);
    assert_int_equal(rd_kafka_event_error(event), 0);
    rd_kafka_event_destroy(event);
    rd_kafka_DeleteRecords_destroy(records);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
}

/* Records that retention has taken are not skipped in silence. */
static size_t count_assigned(mr_consumer *consumer, mr_offsets *assigned)
{
    int generation;
    (void)mr_consumer_assignment_changed(consumer, assigned, &generation);
    return assigned->count;
}

/* A partition that was paused when it was taken away, and comes back after the pause is over. */
static void test_pause_ends_with_the_assignment(void **state)
{
    (void)state;
    new_topic(2);
    produce(0, 100);
    mr_error err;
    mr_consumer *consumer = new_consumer(name, "earliest", false);
    start(consumer, 2, 0);
    expect_ok(mr_consumer_pause(consumer, true, &err), &err);
    mr_consumer *other = new_consumer(name, "earliest", false);
    mr_offsets mine = {NULL, 2};
    mr_offsets others;
    mr_message messages[100];
    int64_t deadline = mr_clock_us() + PATIENCE_US;
    while (mine.count != 1 && mr_clock_us() < deadline) {
        size_t n = poll_some(consumer, messages, 100);
        while (n) {
            mr_message_release(&messages[--n]);
        }
        (void)poll_some(other, messages, 100);
        (void)count_assigned(other, &others);
        (void)count_assigned(consumer, &mine);
    }
    assert_int_equal(mine.count, 1);
    expect_ok(mr_consumer_pause(consumer, false, &err), &err);
    mr_consumer_close(other);
    size_t seen = 0;
    bool came_back = false;
    while ((!came_back || seen < 100) && mr_clock_us() < deadline) {
        size_t n = poll_some(consumer, messages, 100);
        seen += n;
        while (n) {
            mr_message_release(&messages[--n]);
        }
        if (!came_back && count_assigned(consumer, &mine) == 2) {
            came_back = true;
            seen = 0;
            mine.items[0].next = mine.items[1].next = 0;
            expect_ok(mr_consumer_seek(consumer, &mine, &err), &err);
        }
    }
    assert_true(came_back);
    assert_int_equal(seen, 100);
    mr_consumer_close(consumer);
    drop_topic();
}

static void test_gap_is_told(void **state)
{
    (void)state;
    new_topic(1);
    produce(0, 100);
    delete_before(40);
    mr_consumer *consumer = new_consumer(name, "earliest", true);
    start(consumer, 1, 10);
    assert_int_equal(read_to_end(consumer, NULL), 60);
    assert_non_null(strstr(events, "kafka.gap: "));
    assert_non_null(strstr(events, "[0]: offsets 10 to 39 were deleted"));
    mr_consumer_close(consumer);
    /* Without an offset of its own there is no gap. */
    events[0] = '\0';
    consumer = new_consumer(name, "earliest", true);
    start(consumer, 1, -1);
    assert_int_equal(read_to_end(consumer, NULL), 60);
    assert_null(strstr(events, "kafka.gap"));
    mr_consumer_close(consumer);
    drop_topic();
}

static void test_regex_finds_topics(void **state)
{
    (void)state;
    new_topic(2);
    produce(0, 20);
    char pattern[80];
    snprintf(pattern, sizeof pattern, "^%.60s$", name);
    mr_consumer *consumer = new_consumer(pattern, "earliest", true);
    start(consumer, 2, -1);
    assert_int_equal(read_to_end(consumer, NULL), 20);
    mr_consumer_close(consumer);
    drop_topic();
}

static void test_regex_finds_topics_made_later(void **state)
{
    (void)state;
    new_topic(1);
    char later[80], pattern[96];
    snprintf(later, sizeof later, "%.60s.later", name);
    snprintf(pattern, sizeof pattern, "^%s$", later);
    mr_consumer *consumer = new_consumer(pattern, "earliest", false);
    mr_message message;
    assert_int_equal(poll_some(consumer, &message, 1), 0);
    drop_topic();
    snprintf(name, sizeof name, "%.60s", later);
    const mr_topic_spec spec = {.name = name, .partitions = 3};
    mr_error err;
    expect_ok(mr_topics_ensure(&config, &spec, 1, NULL, &err), &err);
    start(consumer, 3, -1);
    mr_consumer_close(consumer);
    drop_topic();
}

/* --- Members --- */

typedef struct member {
    mr_consumer *consumer;
    size_t has;
} member;

/* The target: where each partition stands, as a sink's table would hold it. */
typedef struct target {
    int64_t next[4];
    int seen[4000];
} target;

/* Polls a member as a task does: drops nothing, starts new partitions where the target stands. */
static void drive(member *m, target *t)
{
    mr_message messages[50];
    size_t n = poll_some(m->consumer, messages, 50);
    for (size_t i = 0; i < n; i++) {
        /* a member that no longer owns the partition would store a record twice or leave a hole */
        assert_true(messages[i].offset >= t->next[messages[i].partition]);
        t->next[messages[i].partition] = messages[i].offset + 1;
        t->seen[number_of(messages[i].value)]++;
        mr_message_release(&messages[i]);
    }
    mr_offsets assigned;
    int generation;
    if (mr_consumer_assignment_changed(m->consumer, &assigned, &generation)) {
        m->has = assigned.count;
        for (size_t i = 0; i < assigned.count; i++) {
            assigned.items[i].next = t->next[assigned.items[i].partition];
        }
        mr_error err;
        expect_ok(mr_consumer_start(m->consumer, &assigned, &err), &err);
    }
}

static void test_members_share_without_loss(void **state)
{
    (void)state;
    new_topic(4);
    produce(0, 1000);
    target *t = test_calloc(1, sizeof *t);
    member one = {new_consumer(name, "earliest", false), 0};
    int64_t deadline = mr_clock_us() + PATIENCE_US;
    while (one.has != 4 && mr_clock_us() < deadline) {
        drive(&one, t);
    }
    produce(1000, 1000);
    member two = {new_consumer(name, "earliest", false), 0};
    while ((one.has != 2 || two.has != 2) && mr_clock_us() < deadline) {
        drive(&one, t);
        drive(&two, t);
        assert_true(one.has + two.has <= 4);
    }
    assert_int_equal(one.has, 2);
    assert_int_equal(two.has, 2);
    produce(2000, 1000);
    for (int i = 0; i < 5; i++) {
        drive(&two, t);
    }
    mr_consumer_close(one.consumer);
    produce(3000, 1000);
    int total = 0;
    while (total < 4000 && mr_clock_us() < deadline) {
        drive(&two, t);
        total = 0;
        for (int i = 0; i < 4000; i++) {
            total += t->seen[i];
        }
    }
    assert_int_equal(two.has, 4);
    for (int i = 0; i < 4000; i++) {
        assert_int_equal(t->seen[i], 1);
    }
    mr_consumer_close(two.consumer);
    test_free(t);
    drop_topic();
}

/* Leases of source tasks: partitions are held though nothing is ever read from them. */
static void test_members_share_without_data(void **state)
{
    (void)state;
    new_topic(4);
    member members[3] = {{NULL, 0}};
    mr_offsets assigned;
    int generation;
    mr_message message;
    int64_t deadline = mr_clock_us() + PATIENCE_US;
    for (int count = 1; count <= 3; count++) {
        members[count - 1].consumer = new_consumer(name, "latest", false);
        size_t held = 0, most = 0;
        while ((held != 4 || most > (size_t)(4 + count - 1) / (size_t)count ||
                !members[count - 1].has) &&
               mr_clock_us() < deadline) {
            held = most = 0;
            for (int i = 0; i < count; i++) {
                assert_int_equal(poll_some(members[i].consumer, &message, 1), 0);
                if (mr_consumer_assignment_changed(members[i].consumer, &assigned, &generation)) {
                    members[i].has = assigned.count;
                }
                held += members[i].has;
                most = members[i].has > most ? members[i].has : most;
            }
            assert_true(held <= 4);
        }
        assert_int_equal(held, 4);
    }
    mr_consumer_close(members[0].consumer);
    mr_consumer_close(members[1].consumer);
    while (members[2].has != 4 && mr_clock_us() < deadline) {
        assert_int_equal(poll_some(members[2].consumer, &message, 1), 0);
        if (mr_consumer_assignment_changed(members[2].consumer, &assigned, &generation)) {
            members[2].has = assigned.count;
        }
    }
    assert_int_equal(members[2].has, 4);
    mr_consumer_close(members[2].consumer);
    drop_topic();
}

int main(void)
{
    need_broker();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message_fields),
        cmocka_unit_test(test_reads_committed_only),
        cmocka_unit_test(test_end_of_aborted_records_only),
        cmocka_unit_test(test_waits_for_an_open_transaction_at_the_end),
        cmocka_unit_test(test_empty_topic_is_at_its_end),
        cmocka_unit_test(test_starting_positions),
        cmocka_unit_test(test_seek_replays),
        cmocka_unit_test(test_pause_holds_back),
        cmocka_unit_test(test_pause_ends_with_the_assignment),
        cmocka_unit_test(test_gap_is_told),
        cmocka_unit_test(test_regex_finds_topics),
        cmocka_unit_test(test_regex_finds_topics_made_later),
        cmocka_unit_test(test_members_share_without_loss),
        cmocka_unit_test(test_members_share_without_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
