/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logging: to stderr, one line per event, text or JSON. Only the runtime and the cli log; everyone
 * else returns errors (or, below warning, tells through mr_task_info()). Thread-safe. Secrets never
 * reach it: an option marked MR_OPT_SECRET has no printable form.
 *
 *   mr_log(MR_LOG_WARN, "kafka.unreachable", "the broker at %s does not answer; waiting", servers);
 *
 * `event` is a stable dotted name that machines may match on; the text is for people.
 */
#ifndef MR_BASE_LOG_H
#define MR_BASE_LOG_H

#include <stdbool.h>

typedef enum mr_log_level { MR_LOG_DEBUG, MR_LOG_INFO, MR_LOG_WARN, MR_LOG_ERROR } mr_log_level;
typedef enum mr_log_format { MR_LOG_TEXT, MR_LOG_JSON } mr_log_format;

void mr_log_setup(mr_log_level lowest, mr_log_format format);
bool mr_log_on(mr_log_level level);

/* Names this thread in its lines: "trip-analytics.to-postgres[0]"; NULL: none. Borrowed. */
void mr_log_set_task(const char *name);

void mr_log(mr_log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A progress bar on a terminal gives way to log lines: called with true before and false after each
 * line is written, under the log's lock. NULL: none. */
void mr_log_set_hook(void (*hook)(bool before));

#endif
