/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one mutable global of the program besides the stop flag: where log lines go. A line is built
 * in one buffer and written with one call, so that lines of different threads and processes do not
 * mix.
 */
#include "base/log.h"

#include <jansson.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct {
    pthread_mutex_t lock;
    mr_log_level lowest;
    mr_log_format format;
    void (*hook)(bool before);
} sink = {PTHREAD_MUTEX_INITIALIZER, MR_LOG_INFO, MR_LOG_TEXT, NULL};

static _Thread_local const char *thread_task;

void mr_log_setup(mr_log_level lowest, mr_log_format format)
{
    pthread_mutex_lock(&sink.lock);
    sink.lowest = lowest;
    sink.format = format;
    pthread_mutex_unlock(&sink.lock);
}

bool mr_log_on(mr_log_level level)
{
    return level >= sink.lowest;
}

void mr_log_set_task(const char *name)
{
    thread_task = name;
}

void mr_log_set_hook(void (*hook)(bool before))
{
    pthread_mutex_lock(&sink.lock);
    sink.hook = hook;
    pthread_mutex_unlock(&sink.lock);
}

static const char *level_name(mr_log_level level)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};
    return names[level];
}

static void format_time(char *out, size_t size)
{
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t len = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + len, size - len, ".%03ldZ", now.tv_nsec / 1000000);
}

static void write_json(mr_log_level level, const char *event, const char *time, const char *text)
{
    json_t *line = json_pack("{s:s, s:s, s:s, s:s*, s:s}", "time", time, "level", level_name(level),
                             "event", event, "task", thread_task, "message", text);
    if (!line) { /* text that is no UTF-8 */
        line =
            json_pack("{s:s, s:s, s:s}", "time", time, "level", level_name(level), "event", event);
    }
    char *dump = json_dumps(line, JSON_COMPACT);
    fprintf(stderr, "%s\n", dump ? dump : "{}");
    free(dump);
    json_decref(line);
}

void mr_log(mr_log_level level, const char *event, const char *format, ...)
{
    if (!mr_log_on(level)) {
        return;
    }
    char text[2048], time[40];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    format_time(time, sizeof time);
    pthread_mutex_lock(&sink.lock);
    if (sink.hook) {
        sink.hook(true);
    }
    if (sink.format == MR_LOG_JSON) {
        write_json(level, event, time, text);
    } else {
        fprintf(stderr, "%s %-7s %s%s%s\n", time, level_name(level), thread_task ? thread_task : "",
                thread_task ? ": " : "", text);
    }
    if (sink.hook) {
        sink.hook(false);
    }
    pthread_mutex_unlock(&sink.lock);
}
