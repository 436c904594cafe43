/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From process start to the first record at its target, servers up:
 *
 *   bench_startup ROUND sink URL TABLE COMMAND ...        until TABLE has a row
 *   bench_startup ROUND source BROKERS TOPIC COMMAND ...  until a read-committed consumer that was
 *                                                         there before has a record of TOPIC
 *
 * The target is asked in a loop without pauses (a row: about 5,000 times a second). Then the
 * command gets SIGTERM and must end. Prints one JSON line.
 */
#include <libpq-fe.h>
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "common/machine.h"

enum { LIMIT_US = 30000000, ANSWER_MS = 10000 };

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static pid_t start(char **command)
{
    pid_t pid = fork();
    if (pid == 0) {
        execvp(command[0], command);
        perror(command[0]);
        _exit(127);
    }
    return pid;
}

/* --- A table */

static PGconn *db;
static char question[300];

static void watch_table(const char *url, const char *table)
{
    db = PQconnectdb(url);
    if (PQstatus(db) != CONNECTION_OK) {
        fail("connect", PQerrorMessage(db));
    }
    snprintf(question, sizeof question, "SELECT 1 FROM %s LIMIT 1", table);
}

static bool table_has_row(void)
{
    PGresult *r = PQexec(db, question);
    if (PQresultStatus(r) != PGRES_TUPLES_OK) {
        fail(question, PQerrorMessage(db));
    }
    bool has = PQntuples(r) > 0;
    PQclear(r);
    return has;
}

/* --- A topic */

static rd_kafka_t *consumer;

/* Assigned at the ends that the partitions have now, and seen to be there: an end of each. */
static void watch_topic(const char *brokers, const char *topic)
{
    char text[300];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *const settings[][2] = {{"bootstrap.servers", brokers},
                                       {"group.id", "bench-startup"},
                                       {"fetch.wait.max.ms", "5"},
                                       {"enable.partition.eof", "true"},
                                       {"enable.auto.commit", "false"}};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof text)) {
            fail(settings[i][0], text);
        }
    }
    consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    rd_kafka_poll_set_consumer(consumer);
    rd_kafka_topic_t *handle = rd_kafka_topic_new(consumer, topic, NULL);
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t code = rd_kafka_metadata(consumer, 0, handle, &metadata, ANSWER_MS);
    if (code || metadata->topic_cnt != 1 || metadata->topics[0].partition_cnt == 0) {
        fail(topic, code ? rd_kafka_err2str(code) : "does not exist");
    }
    int partitions = metadata->topics[0].partition_cnt;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int i = 0; i < partitions; i++) {
        int64_t low;
        int64_t high;
        code = rd_kafka_query_watermark_offsets(consumer, topic, i, &low, &high, ANSWER_MS);
        if (code) {
            fail(topic, rd_kafka_err2str(code));
        }
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = high;
    }
    rd_kafka_assign(consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
    for (int ends = 0; ends < partitions;) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(consumer, ANSWER_MS);
        if (!m || (m->err && m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)) {
            fail(topic, m ? rd_kafka_message_errstr(m) : "no answer");
        }
        ends += m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
        rd_kafka_message_destroy(m);
    }
}

static bool topic_has_record(void)
{
    rd_kafka_message_t *m = rd_kafka_consumer_poll(consumer, 100);
    bool has = m && !m->err;
    if (m) {
        rd_kafka_message_destroy(m);
    }
    return has;
}

int main(int argc, char **argv)
{
    if (argc < 6 || (strcmp(argv[2], "sink") != 0 && strcmp(argv[2], "source") != 0)) {
        fprintf(stderr, "bench_startup ROUND sink URL TABLE | source BROKERS TOPIC  COMMAND ...\n");
        return 2;
    }
    bool sink = strcmp(argv[2], "sink") == 0;
    (sink ? watch_table : watch_topic)(argv[3], argv[4]);
    double load = bench_load();
    double spin = bench_spin_ms();
    int64_t begin_us = mr_clock_us();
    pid_t pid = start(argv + 5);
    int64_t took_us = 0;
    while (!(sink ? table_has_row() : topic_has_record())) {
        took_us = mr_clock_us() - begin_us;
        if (took_us > LIMIT_US || waitpid(pid, NULL, WNOHANG) == pid) {
            fail(argv[5], "no record came");
        }
    }
    took_us = mr_clock_us() - begin_us;
    int64_t stop_us = mr_clock_us();
    kill(pid, SIGTERM);
    int status;
    waitpid(pid, &status, 0);
    printf("{\"case\":\"startup-%s\",\"who\":\"ours\",\"round\":%s,\"exit\":%d,\"seconds\":%.4f,"
           "\"stop_seconds\":%.4f,\"spin_ms\":%.0f,\"load\":%.2f}\n",
           argv[2], argv[1], WIFEXITED(status) ? WEXITSTATUS(status) : 128, (double)took_us / 1e6,
           (double)(mr_clock_us() - stop_us) / 1e6, spin, load);
    return 0;
}
