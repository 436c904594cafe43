/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source tasks are held through a consumer group on the topic millrace.tasks.<tasks.max>, which has
 * just one partition per task: so the group's even shares of partitions are even shares of tasks.
 * Each task runs in one process at a time, and a standby takes over within the session timeout. Two
 * that overlap for a moment are told apart by the transactional id: the older one is fenced.
 */
#ifndef MR_RUNTIME_LEASE_H
#define MR_RUNTIME_LEASE_H

#include <stdatomic.h>

#include "kafka/consumer.h"
#include "runtime/config.h"

#define MR_TASKS_TOPIC "millrace.tasks." /* and their number */
enum { MR_TASKS_MAX = 64 };

typedef struct mr_lease mr_lease;

/* Creates the topic when it is missing; MR_IDLE when stopped while waiting for the broker. */
MR_CHECKED mr_status mr_lease_new(const mr_kafka_config *kafka, const char *task_name, int tasks,
                                  const atomic_bool *stop, mr_lease **ret, mr_error *err);
/* Leaves the group: the tasks are free at once. */
void mr_lease_free(mr_lease *lease);

/* Serves the group for up to timeout_ms; *held says which of the first MR_TASKS_MAX tasks are held
 * now, bit by bit. */
MR_CHECKED mr_status mr_lease_poll(mr_lease *lease, int timeout_ms, uint64_t *held, mr_error *err);

#endif
