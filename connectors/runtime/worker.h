/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker: one task of one connector on one thread. run.c starts workers, restarts those that fail
 * and stops them all.
 */
#ifndef MR_RUNTIME_WORKER_H
#define MR_RUNTIME_WORKER_H

#include <pthread.h>

#include "base/task.h"
#include "kafka/wire.h"
#include "runtime/config.h"
#include "runtime/counters.h"

/* What the workers of a process share. */
typedef struct mr_shared {
    const mr_pipeline *pipeline;
    mr_schemas *schemas;
    mr_registry **registries; /* by connector of the pipeline; NULL: it needs none */
    bool once;
    atomic_int sources_running; /* with once: sinks are not at the end while this is above 0 */
} mr_shared;

typedef struct mr_worker {
    mr_shared *shared;
    const mr_connector_config *config;
    mr_counters *counters; /* of the connector */
    int index;
    char *name;      /* "<pipeline>.<connector>[0]" in logs */
    char *client_id; /* "<pipeline>.<connector>-0": client and transactional id */
    mr_kafka_config kafka;
    mr_wires wires; /* how its messages stand in their topics */
    atomic_bool stop;
    atomic_bool ended; /* the thread is about to return */
    mr_status
        end; /* how: MR_END drained, MR_IDLE stopped, MR_FATAL failed for good (error says why) */
    mr_error error;
    pthread_t thread;
    mr_task task; /* progress may be read while running */
} mr_worker;

/* One life of a task, from opening to its end. MR_END: finite input is done. MR_IDLE: stopped.
 * MR_FATAL: failed; the worker starts another life after a wait unless err->permanent. */
mr_status mr_run_sink(mr_worker *worker, mr_error *err);
mr_status mr_run_source(mr_worker *worker, mr_error *err);

/* Starts the thread; it restarts failed lives with back-off until it is stopped, ends or fails for
 * good. */
void mr_worker_start(mr_worker *worker, mr_shared *shared, const mr_connector_config *config,
                     mr_counters *counters, int index);
/* Waits for the thread and frees what the worker holds. */
void mr_worker_join(mr_worker *worker);

/* Logs a failure that a wait and another attempt follow. */
void mr_worker_log_failure(mr_status status, const mr_error *why, int64_t wait_ms);

/* An mr_kafka_config's on_event: logs it. */
void mr_worker_log_kafka(void *context, int level, const char *event, const char *text);

#endif
