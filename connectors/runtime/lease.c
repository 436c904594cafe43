/* SPDX-License-Identifier: Apache-2.0 */
/* A consumer that never reads: its assignment is all that is wanted of it. */
#include "runtime/lease.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "kafka/admin.h"

struct mr_lease {
    mr_consumer *consumer;
    uint64_t held;
};

mr_status mr_lease_new(const mr_kafka_config *kafka, const char *task_name, int tasks,
                       const atomic_bool *stop, mr_lease **ret, mr_error *err)
{
    char name[sizeof MR_TASKS_TOPIC + 12];
    snprintf(name, sizeof name, MR_TASKS_TOPIC "%d", tasks);
    mr_topic_spec topic = {.name = name, .partitions = tasks};
    mr_status status = mr_topics_ensure(kafka, &topic, 1, stop, err);
    if (status != MR_OK) {
        return status;
    }
    mr_lease *lease = mr_calloc(1, sizeof *lease);
    char *group = mr_format("%s.tasks", task_name);
    const char *topics[] = {name};
    mr_consumer_options options = {
        .group = group,
        .topics = topics,
        .topic_count = 1,
        .starting_position = "latest",
        .queue_max_bytes = 1 << 20,
    };
    status = mr_consumer_new(kafka, &options, &lease->consumer, err);
    free(group);
    if (status != MR_OK) {
        free(lease);
        return status;
    }
    *ret = lease;
    return MR_OK;
}

void mr_lease_free(mr_lease *lease)
{
    if (lease) {
        mr_consumer_close(lease->consumer);
        free(lease);
    }
}

mr_status mr_lease_poll(mr_lease *lease, int timeout_ms, uint64_t *held, mr_error *err)
{
    mr_message none;
    size_t count = 0;
    mr_status status = mr_consumer_poll(lease->consumer, &none, 1, timeout_ms, &count, err);
    if (status != MR_OK) {
        return status;
    }
    if (count) {
        mr_message_release(&none); /* the partitions are never started, so there is none */
    }
    mr_offsets assigned;
    int generation;
    if (mr_consumer_assignment_changed(lease->consumer, &assigned, &generation)) {
        lease->held = 0;
        for (size_t i = 0; i < assigned.count; i++) {
            if (assigned.items[i].partition < MR_TASKS_MAX) {
                lease->held |= (uint64_t)1 << assigned.items[i].partition;
            }
        }
    }
    *held = lease->held;
    return MR_OK;
}
