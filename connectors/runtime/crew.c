/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers are started and joined by one thread only: the foreman of a source, or the caller for a
 * sink. What others look at (ended, progress) is atomic or behind the lock.
 */
#include "runtime/crew.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "runtime/backoff.h"
#include "runtime/lease.h"

enum { LEASE_POLL_MS = 50, SAY_WAITING_MS = 3000 };

struct mr_crew {
    mr_shared *shared;
    const mr_connector_config *config;
    mr_counters counters;
    mr_worker workers[MR_TASKS_MAX];
    bool at_work[MR_TASKS_MAX]; /* foreman or caller only; the thread is to be joined */
    uint64_t drained;           /* tasks that reached the end of their input */
    int tasks;

    pthread_mutex_t lock; /* of what follows */
    bool ended;
    mr_status end;
    mr_error error;

    atomic_bool stop;
    pthread_t foreman;
    bool has_foreman;
};

static void set_end(mr_crew *crew, mr_status end, const mr_error *error)
{
    pthread_mutex_lock(&crew->lock);
    if (!crew->ended) {
        crew->ended = true;
        crew->end = end;
        if (error) {
            crew->error = *error;
        }
    }
    pthread_mutex_unlock(&crew->lock);
}

static void hire(mr_crew *crew, int i)
{
    pthread_mutex_lock(&crew->lock);
    mr_worker_start(&crew->workers[i], crew->shared, crew->config, &crew->counters, i);
    crew->at_work[i] = true;
    pthread_mutex_unlock(&crew->lock);
}

/* Joins a worker that has ended or was told to stop; returns how it ended. */
static mr_status dismiss(mr_crew *crew, int i)
{
    atomic_store(&crew->workers[i].stop, true);
    mr_worker_join(&crew->workers[i]);
    pthread_mutex_lock(&crew->lock);
    crew->at_work[i] = false;
    pthread_mutex_unlock(&crew->lock);
    return crew->workers[i].end;
}

static void dismiss_all(mr_crew *crew)
{
    for (int i = 0; i < crew->tasks; i++) {
        if (crew->at_work[i]) {
            atomic_store(&crew->workers[i].stop, true);
        }
    }
    for (int i = 0; i < crew->tasks; i++) {
        if (crew->at_work[i]) {
            dismiss(crew, i);
        }
    }
}

/* --- Sources: the foreman --- */

/* Has just the held tasks at work. False when the crew is done: drained or failed. */
static bool manage(mr_crew *crew, uint64_t held)
{
    uint64_t mine = held & (crew->tasks == 64 ? ~(uint64_t)0 : ((uint64_t)1 << crew->tasks) - 1);
    for (int i = 0; i < crew->tasks; i++) {
        uint64_t bit = (uint64_t)1 << i;
        if (!crew->at_work[i]) {
            if ((mine & bit) && !(crew->drained & bit)) {
                hire(crew, i);
            }
            continue;
        }
        bool ended = atomic_load(&crew->workers[i].ended);
        if (!ended && (mine & bit)) {
            continue;
        }
        mr_status end = dismiss(crew, i);
        if (end == MR_FATAL) {
            set_end(crew, MR_FATAL, &crew->workers[i].error);
            return false;
        }
        if (end == MR_END) {
            crew->drained |= bit;
        }
    }
    if (mine && (crew->drained & mine) == mine) {
        set_end(crew, MR_END, NULL);
        return false;
    }
    return true;
}

static mr_status hold_lease(mr_crew *crew, mr_lease *lease, mr_error *err)
{
    uint64_t held = 0;
    int waited_ms = 0;
    while (!atomic_load(&crew->stop)) {
        mr_status status = mr_lease_poll(lease, LEASE_POLL_MS, &held, err);
        if (status != MR_OK) {
            return status;
        }
        if (!manage(crew, held)) {
            return MR_END;
        }
        waited_ms += held ? 0 : LEASE_POLL_MS;
        if (waited_ms >= SAY_WAITING_MS) {
            mr_log(
                MR_LOG_INFO, "lease.waiting",
                "no task is free: another process runs them, or one that died is not given up yet "
                "(session.timeout.ms); standing by");
            waited_ms = INT32_MIN / 2;
        }
    }
    return MR_IDLE;
}

static void *foreman_main(void *argument)
{
    mr_crew *crew = argument;
    char *name = mr_format("%s[tasks]", crew->config->task_name);
    mr_log_set_task(name);
    mr_kafka_config kafka = {
        .client_id = name,
        .properties = crew->shared->pipeline->kafka,
        .property_count = crew->shared->pipeline->kafka_count,
        .on_event = mr_worker_log_kafka,
    };
    for (int attempt = 1;; attempt++) {
        mr_lease *lease = NULL;
        mr_error err = {0};
        mr_status status =
            mr_lease_new(&kafka, crew->config->task_name, crew->tasks, &crew->stop, &lease, &err);
        if (status == MR_OK) {
            status = hold_lease(crew, lease, &err);
        }
        dismiss_all(crew);
        mr_lease_free(lease);
        if (status == MR_END || status == MR_IDLE) {
            set_end(crew, MR_IDLE, NULL); /* unless manage() knew better */
            break;
        }
        if (err.permanent) {
            set_end(crew, MR_FATAL, &err);
            break;
        }
        int64_t wait_ms = mr_backoff_ms(attempt);
        mr_worker_log_failure(MR_REOPEN, &err, wait_ms);
        mr_wait_ms(wait_ms, &crew->stop);
    }
    free(name);
    return NULL;
}

/* --- Both --- */

mr_crew *mr_crew_start(mr_shared *shared, const mr_connector_config *config)
{
    mr_crew *crew = mr_calloc(1, sizeof *crew);
    crew->shared = shared;
    crew->config = config;
    pthread_mutex_init(&crew->lock, NULL);
    bool is_source = config->connector->source != NULL;
    crew->tasks = (int)(is_source ? config->source.tasks_max : config->sink.tasks_max);
    if (is_source) {
        crew->has_foreman = pthread_create(&crew->foreman, NULL, foreman_main, crew) == 0;
        if (!crew->has_foreman) {
            abort();
        }
        return crew;
    }
    for (int i = 0; i < crew->tasks; i++) {
        hire(crew, i);
    }
    return crew;
}

void mr_crew_stop(mr_crew *crew)
{
    atomic_store(&crew->stop, true);
    if (!crew->has_foreman) {
        for (int i = 0; i < crew->tasks; i++) {
            atomic_store(&crew->workers[i].stop, true);
        }
    }
}

/* A sink's crew has ended when all its workers have; one that failed for good stops the others. */
static void look_at_sink_workers(mr_crew *crew)
{
    mr_status end = MR_END;
    const mr_error *error = NULL;
    bool all = true;
    for (int i = 0; i < crew->tasks; i++) {
        mr_worker *w = &crew->workers[i];
        if (!atomic_load(&w->ended)) {
            all = false;
        } else if (w->end == MR_FATAL) {
            end = MR_FATAL;
            error = error ? error : &w->error;
        } else if (w->end == MR_IDLE && end == MR_END) {
            end = MR_IDLE;
        }
    }
    if (all) {
        set_end(crew, end, error);
    } else if (error) {
        mr_crew_stop(crew);
    }
}

bool mr_crew_ended(mr_crew *crew, mr_status *end, mr_error *err)
{
    if (!crew->has_foreman) {
        look_at_sink_workers(crew);
    }
    pthread_mutex_lock(&crew->lock);
    bool ended = crew->ended;
    *end = crew->end;
    if (ended && crew->end == MR_FATAL) {
        *err = crew->error;
    }
    pthread_mutex_unlock(&crew->lock);
    return ended;
}

void mr_crew_free(mr_crew *crew)
{
    mr_crew_stop(crew);
    if (crew->has_foreman) {
        pthread_join(crew->foreman, NULL);
    } else {
        dismiss_all(crew);
    }
    pthread_mutex_destroy(&crew->lock);
    free(crew);
}

mr_counters *mr_crew_counters(mr_crew *crew)
{
    return &crew->counters;
}

void mr_crew_progress(mr_crew *crew, int64_t *done_bytes, int64_t *total_bytes)
{
    *done_bytes = *total_bytes = 0;
    pthread_mutex_lock(&crew->lock);
    for (int i = 0; i < crew->tasks; i++) {
        if (crew->at_work[i]) {
            *done_bytes += atomic_load(&crew->workers[i].task.progress_done_bytes);
            *total_bytes += atomic_load(&crew->workers[i].task.progress_total_bytes);
        }
    }
    pthread_mutex_unlock(&crew->lock);
}

static size_t read_gauges(mr_task *task, int index, mr_run_gauge *out)
{
    size_t count = 0;
    for (size_t i = 0; i < MR_GAUGES_MAX; i++) {
        const char *name = atomic_load_explicit(&task->gauges[i].name, memory_order_acquire);
        if (name) {
            double value = atomic_load_explicit(&task->gauges[i].value, memory_order_relaxed);
            out[count++] = (mr_run_gauge){name, index, value};
        }
    }
    return count;
}

mr_run_gauge *mr_crew_gauges(mr_crew *crew, size_t *count)
{
    mr_run_gauge *gauges = mr_calloc((size_t)crew->tasks * MR_GAUGES_MAX, sizeof *gauges);
    *count = 0;
    pthread_mutex_lock(&crew->lock);
    for (int i = 0; i < crew->tasks; i++) {
        if (crew->at_work[i] || crew->ended) {
            *count += read_gauges(&crew->workers[i].task, i, gauges + *count);
        }
    }
    pthread_mutex_unlock(&crew->lock);
    return gauges;
}
