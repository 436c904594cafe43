/* SPDX-License-Identifier: Apache-2.0 */
/* The tables behind runtime/common.h. */
#include "runtime/common.h"

#include <stdint.h>

static const char *const starting_positions[] = {"earliest", "latest", NULL};
static const char *const change_records[] = {"unwrap", "whole", NULL};

const mr_option mr_source_common[] = {
    MR_TEXT("topic", mr_source_options, topic, NULL, MR_OPT_REQUIRED,
            "Topic the records go to. Created when missing, with topic.partitions partitions and "
            "topic.retention.ms of retention."),
    MR_LIST(
        "key.fields", mr_source_options, key_fields, NULL, 0,
        "Fields of the record that make the Kafka key, so that records of one key stay in order. "
        "One field: its text is the key. Several: a JSON array of their values. None: records have "
        "no key."),
    MR_TEXT("query", mr_source_options, query, NULL, 0,
            "SQL that makes the outgoing records, as SELECT ... FROM record. None: records go as "
            "they are."),
    MR_INTEGER("tasks.max", mr_source_options, tasks_max, "1", 1, 64, 0,
               "Tasks that share the work, each on a thread of its own. More processes with the "
               "same pipeline share them."),
    MR_TIME(
        "commit.interval.ms", mr_source_options, commit_interval_ms, "100", 1, 60000, 0,
        "How often records are committed, hence become visible to readers. Longer: fewer, larger "
        "transactions. Shorter: lower latency."),
    MR_INTEGER("topic.partitions", mr_source_options, topic_partitions, "4", 1, 10000, 0,
               "Partitions of the topic when it has to be created."),
    MR_TIME("topic.retention.ms", mr_source_options, topic_retention_ms, "24h", 1000, INT64_MAX / 2,
            0,
            "How long the topic keeps records when it has to be created; 24 hours as DynamoDB "
            "Streams and Kinesis do."),
    MR_TEXT("on.failure.topic", mr_source_options, failure_topic, NULL, 0,
            "Dead-letter topic for input that can not become a record. Default: "
            "<pipeline>.<connector>.dlq."),
    MR_OPTIONS_END,
};

const mr_option mr_sink_common[] = {
    MR_LIST("topics", mr_sink_options, topics, NULL, MR_OPT_REQUIRED,
            "Topics to read; a name that starts with ^ is a regular expression, and topics that it "
            "fits are found within seconds when they are made later."),
    MR_TEXT("group.id", mr_sink_options, group, NULL, 0,
            "Consumer group. Processes of one group share the partitions. Default: "
            "<pipeline>.<connector>."),
    MR_TEXT("query", mr_sink_options, query, NULL, 0,
            "SQL that makes the rows to be stored, as SELECT ... FROM record. None: records go as "
            "they are."),
    MR_INTEGER("tasks.max", mr_sink_options, tasks_max, "1", 1, 64, 0,
               "Tasks that share the partitions, each on a thread and a connection of its own."),
    MR_INTEGER("batch.size", mr_sink_options, batch_size, "20000", 1, 1000000, 0,
               "Most records written in one transaction. Larger: faster, more memory."),
    MR_SIZE("batch.max.bytes", mr_sink_options, batch_max_bytes, "8MiB", 1024, (int64_t)1 << 31, 0,
            "Most bytes of records written in one transaction; a single larger record still goes, "
            "alone."),
    MR_TIME("batch.window.ms", mr_sink_options, batch_window_ms, "10", 0, 300000, 0,
            "How long a batch that is not full waits for more records."),
    MR_CHOICE("starting.position", mr_sink_options, starting_position, "earliest",
              starting_positions, 0, "Where to start when no offset is stored yet."),
    MR_TEXT("on.failure.topic", mr_sink_options, failure_topic, NULL, 0,
            "Dead-letter topic for records that can never be stored. Default: "
            "<pipeline>.<connector>.dlq."),
    MR_CHOICE("change.records", mr_sink_options, change_records, "unwrap", change_records, 0,
              "What is made of change records, such as the mongodb source writes them. unwrap: the "
              "row they are about; _op says what happened to it, old() what it was before. whole: "
              "the record as it is, with eventName, Keys and images as fields."),
    MR_OPTIONS_END,
};

const mr_option mr_route_common[] = {
    MR_TEXT("query", mr_route_common_options, query, NULL, 0,
            "SQL that makes this route's rows, as SELECT ... FROM record. None: records go as they "
            "are."),
    MR_OPTIONS_END,
};
