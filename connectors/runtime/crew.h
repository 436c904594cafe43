/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The crew of one connector: its workers. A sink's crew is tasks.max workers, who share the
 * partitions through their group. A source's crew has a foreman thread that holds the lease and has
 * just the tasks at work that this process holds.
 */
#ifndef MR_RUNTIME_CREW_H
#define MR_RUNTIME_CREW_H

#include "runtime/run.h"
#include "runtime/worker.h"

typedef struct mr_crew mr_crew;

mr_crew *mr_crew_start(mr_shared *shared, const mr_connector_config *config);
/* Asks all to stop; returns at once. */
void mr_crew_stop(mr_crew *crew);
/* Has everything ended? *end: MR_END drained, MR_IDLE stopped, MR_FATAL failed for good with *err.
 */
bool mr_crew_ended(mr_crew *crew, mr_status *end, mr_error *err);
/* Waits for all and frees. */
void mr_crew_free(mr_crew *crew);

mr_counters *mr_crew_counters(mr_crew *crew);
/* Sums the progress of the tasks at work. */
void mr_crew_progress(mr_crew *crew, int64_t *done_bytes, int64_t *total_bytes);
/* The gauges of the tasks at work, or of all that were when the crew has ended; to be freed. */
mr_run_gauge *mr_crew_gauges(mr_crew *crew, size_t *count);

#endif
