/* SPDX-License-Identifier: Apache-2.0 */
/* Reading ahead in a group of two: partitions stay until the epoch that writes their records is
 * over. */
#include "integration/kafka/support.h"

#include "runtime/ahead.h"

static mr_sink_options options = {
    .batch_size = 1000, .batch_max_bytes = 1 << 20, .batch_window_ms = 10};

typedef struct member {
    mr_consumer *consumer;
    mr_ahead *ahead;
    mr_haul haul;
} member;

static void join(member *m)
{
    m->ahead = mr_ahead_new("test[0]");
    mr_haul_init(&m->haul, &options);
    const char *const topics[] = {name};
    const mr_consumer_options consumer = {.group = name,
                                          .topics = topics,
                                          .topic_count = 1,
                                          .starting_position = "earliest",
                                          .queue_max_bytes = 8 << 20,
                                          .before_giving_back = mr_ahead_hold,
                                          .context = m->ahead};
    mr_error err;
    expect_ok(mr_consumer_new(&config, &consumer, &m->consumer, &err), &err);
}

static void leave(member *m)
{
    mr_haul_release(&m->haul);
    mr_consumer_close(m->consumer);
    mr_ahead_free(m->ahead);
}

/* Polls for ms; how many partitions the member has been told of, -1 when nothing changed. */
static int partitions_within(member *m, int64_t ms)
{
    int64_t end_us = mr_clock_us() + ms * 1000;
    mr_offsets assigned;
    mr_message message;
    int generation;
    int told = -1;
    while (mr_clock_us() < end_us) {
        assert_int_equal(poll_some(m->consumer, &message, 1), 0);
        if (mr_consumer_assignment_changed(m->consumer, &assigned, &generation)) {
            told = (int)assigned.count;
            if (told > 0) {
                return told;
            }
        }
    }
    return told;
}

/* Where the group stands in all partitions together, asked by a client of its own. */
static int64_t committed(void)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", properties[0].value, NULL, 0);
    rd_kafka_conf_set(conf, "group.id", name, NULL, 0);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(2);
    rd_kafka_topic_partition_list_add(list, name, 0);
    rd_kafka_topic_partition_list_add(list, name, 1);
    int64_t sum = 0;
    if (rd_kafka_committed(rk, list, 10000) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        for (int i = 0; i < list->cnt; i++) {
            sum += list->elems[i].offset > 0 ? list->elems[i].offset : 0;
        }
    }
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
    return sum;
}

static void test_keeps_partitions_while_an_epoch_runs(void **state)
{
    (void)state;
    new_topic(2);
    produce(0, 100);
    member one, two;
    mr_error err;
    join(&one);
    start(one.consumer, 2, 0);
    mr_offset items[] = {{name, 0, 7}, {name, 1, 8}}; /* durable by the end of the epoch */
    const mr_offsets durable = {items, 2};

    mr_ahead_begin(one.ahead, one.consumer, &one.haul, &durable);
    join(&two);
    assert_true(partitions_within(&two, 6000) <= 0); /* the group waits for the epoch */
    expect_ok(mr_ahead_end(one.ahead, &err), &err);
    assert_true(mr_consumer_has_changed(one.consumer));
    assert_int_equal(committed(), 15);

    mr_offsets assigned;
    int generation;
    assert_true(mr_consumer_assignment_changed(one.consumer, &assigned, &generation));
    assert_int_equal(assigned.count, 1);
    mr_haul_clear(&one.haul);
    assigned.items[0].next = 0;
    expect_ok(mr_consumer_seek(one.consumer, &assigned, &err), &err);
    mr_ahead_begin(one.ahead, one.consumer, &one.haul, &durable);
    assert_int_equal(partitions_within(&two, PATIENCE_US / 1000), 1);
    expect_ok(mr_ahead_end(one.ahead, &err), &err);
    leave(&two);
    leave(&one);
    drop_topic();
}

int main(void)
{
    need_broker();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_partitions_while_an_epoch_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
