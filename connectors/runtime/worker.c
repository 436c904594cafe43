/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor's half of a worker: lives follow each other with back-off until one ends in order.
 * A failure is logged here, once, with what happens next.
 */
#include "runtime/worker.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "runtime/backoff.h"

enum { LIFE_IS_LONG_MS = 60000 }; /* a life this long starts the back-off anew */

void mr_worker_log_kafka(void *context, int level, const char *event, const char *text)
{
    (void)context;
    mr_log((mr_log_level)level, event, "%s", text);
}

void mr_worker_log_failure(mr_status status, const mr_error *why, int64_t wait_ms)
{
    mr_log(MR_LOG_WARN, status == MR_REOPEN ? "task.reopen" : "task.retry",
           "%s%s%s%s; trying again in %.1f s", why->text, *why->code ? " [" : "", why->code,
           *why->code ? "]" : "", (double)wait_ms / 1000);
}

static mr_status live(mr_worker *w)
{
    const mr_connector_config *config = w->config;
    mr_route *routes = NULL;
    mr_task *task = &w->task; /* field by field: its progress may be read meanwhile */
    task->name = config->task_name;
    task->topic = config->source.topic;
    task->key_fields = &config->source.key_fields;
    task->index = w->index;
    task->count =
        (int)(config->connector->source ? config->source.tasks_max : config->sink.tasks_max);
    task->once = w->shared->once;
    task->stop = &w->stop;
    task->arena = mr_arena_new();
    mr_status status =
        mr_connector_instantiate(config, &w->task.self, &routes, &w->task.route_count, &w->error);
    if (status == MR_OK) {
        w->task.routes = routes;
        status =
            config->connector->source ? mr_run_source(w, &w->error) : mr_run_sink(w, &w->error);
        mr_connector_discard(config, w->task.self, routes);
    } else {
        w->error.permanent = true;
    }
    mr_task_release(&w->task);
    mr_arena_free(w->task.arena);
    w->task.arena = NULL;
    return status;
}

static void *worker_main(void *argument)
{
    mr_worker *w = argument;
    mr_log_set_task(w->name);
    int failures = 0;
    for (;;) {
        int64_t born_us = mr_clock_us();
        w->end = live(w);
        if (w->end == MR_END || w->end == MR_IDLE) {
            break;
        }
        if (w->error.permanent) {
            break;
        }
        failures = mr_clock_us() - born_us > LIFE_IS_LONG_MS * 1000LL ? 1 : failures + 1;
        int64_t wait_ms = mr_backoff_ms(failures);
        mr_log(MR_LOG_ERROR, "task.failed", "%s; starting again in %.1f s", w->error.text,
               (double)wait_ms / 1000);
        mr_count(&w->counters->restarts, 1);
        if (!mr_wait_ms(wait_ms, &w->stop)) {
            w->end = MR_IDLE;
            break;
        }
    }
    atomic_store(&w->ended, true);
    return NULL;
}

void mr_worker_start(mr_worker *w, mr_shared *shared, const mr_connector_config *config,
                     mr_counters *counters, int index)
{
    *w = (mr_worker){
        .shared = shared,
        .config = config,
        .counters = counters,
        .index = index,
        .name = mr_format("%s[%d]", config->task_name, index),
        .client_id = mr_format("%s-%d", config->task_name, index),
    };
    w->kafka = (mr_kafka_config){
        .client_id = w->client_id,
        .properties = shared->pipeline->kafka,
        .property_count = shared->pipeline->kafka_count,
        .on_event = mr_worker_log_kafka,
    };
    const mr_format_options *format = mr_format_of(config);
    size_t at = (size_t)(config - shared->pipeline->connectors);
    w->wires = mr_format_wires(format, shared->schemas,
                               shared->registries ? shared->registries[at] : NULL);
    w->wires.value.wanted = config->value_schema;
    w->wires.key.wanted = config->key_schema;
    if (pthread_create(&w->thread, NULL, worker_main, w) != 0) {
        abort(); /* no thread for a task: as good as out of memory */
    }
}

void mr_worker_join(mr_worker *w)
{
    pthread_join(w->thread, NULL);
    free(w->name);
    free(w->client_id);
}
