/* SPDX-License-Identifier: Apache-2.0 */
/* The accessors that connectors see as mr_self(), mr_reject() and so on. See api/connector.h. */
#include "base/task.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"

/* A reason takes more than a KiB, and an epoch of bad records only must not take the memory of all
 * of them at once. */
enum { REJECTED_MAX = 2048 };

void *mr_self(mr_task *task)
{
    return task->self;
}

mr_arena *mr_task_arena(mr_task *task)
{
    return task->arena;
}

const char *mr_task_name(mr_task *task)
{
    return task->name;
}

int mr_task_index(mr_task *task)
{
    return task->index;
}

int mr_task_count(mr_task *task)
{
    return task->count;
}

bool mr_task_once(mr_task *task)
{
    return task->once;
}

bool mr_task_stopping(mr_task *task)
{
    return task->stop && atomic_load_explicit(task->stop, memory_order_relaxed);
}

const char *mr_task_topic(mr_task *task)
{
    return task->topic;
}

const mr_list *mr_task_key_fields(mr_task *task)
{
    static const mr_list none;
    return task->key_fields ? task->key_fields : &none;
}

void mr_task_gauge(mr_task *task, const char *name, double value)
{
    for (size_t i = 0; i < MR_GAUGES_MAX; i++) {
        mr_gauge *gauge = &task->gauges[i];
        const char *there = atomic_load_explicit(&gauge->name, memory_order_relaxed);
        if (there && strcmp(there, name) != 0) {
            continue;
        }
        atomic_store_explicit(&gauge->value, value, memory_order_relaxed);
        if (!there) {
            atomic_store_explicit(&gauge->name, name, memory_order_release);
        }
        return;
    }
}

void mr_task_behind(mr_task *task, double seconds)
{
    task->behind_s = seconds;
    mr_task_gauge(task, "behind_seconds", seconds);
}

const mr_route *mr_task_routes(mr_task *task, size_t *count)
{
    *count = task->route_count;
    return task->routes;
}

void mr_task_info(mr_task *task, const char *format, ...)
{
    (void)task;
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    mr_log(MR_LOG_INFO, "connector.info", "%s", text);
}

void mr_task_warn(mr_task *task, const char *format, ...)
{
    (void)task;
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    mr_log(MR_LOG_WARN, "connector.warning", "%s", text);
}

void mr_task_progress(mr_task *task, int64_t done_bytes, int64_t total_bytes)
{
    atomic_store_explicit(&task->progress_total_bytes, total_bytes, memory_order_relaxed);
    atomic_store_explicit(&task->progress_done_bytes, done_bytes, memory_order_relaxed);
}

void mr_reject(mr_task *task, const mr_batch *batch, size_t index, const mr_error *why)
{
    if (task->rejected_count == REJECTED_MAX) {
        return; /* the next attempt names the rest */
    }
    if (task->rejected_count == task->rejected_capacity) {
        task->rejected_capacity = task->rejected_capacity ? task->rejected_capacity * 2 : 8;
        task->rejected =
            mr_realloc_array(task->rejected, task->rejected_capacity, sizeof *task->rejected);
    }
    task->rejected[task->rejected_count++] =
        (mr_rejected){.origin = batch->records[index].origin, .why = *why};
}

void mr_reject_input(mr_task *task, mr_slice input, const char *where, const mr_error *why)
{
    if (task->input_count == task->input_capacity) {
        task->input_capacity = task->input_capacity ? task->input_capacity * 2 : 8;
        task->inputs = mr_realloc_array(task->inputs, task->input_capacity, sizeof *task->inputs);
    }
    task->inputs[task->input_count++] = (mr_rejected_input){
        .input = {mr_arena_copy(task->arena, input.data, input.len), input.len},
        .where = mr_arena_format(task->arena, "%s", where),
        .why = *why,
    };
}

void mr_task_clear_rejects(mr_task *task)
{
    task->rejected_count = 0;
    task->input_count = 0;
}

void mr_task_release(mr_task *task)
{
    free(task->rejected);
    free(task->inputs);
    task->rejected = NULL;
    task->inputs = NULL;
    task->rejected_count = task->rejected_capacity = 0;
    task->input_count = task->input_capacity = 0;
}

void mr_task_position(mr_task *task, const char *name, const char *value)
{
    mr_positions_set(task->changed, name, value);
}

mr_status mr_task_recall(mr_task *task, const char *topic, mr_recall *each, void *context,
                         mr_error *err)
{
    return task->recall ? task->recall(task->recall_host, topic, each, context, err) : MR_OK;
}
