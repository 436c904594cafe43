/* SPDX-License-Identifier: Apache-2.0 */
/* Running a pipeline: tasks on threads, supervised, until it is drained or asked to stop. */
#ifndef MR_RUNTIME_RUN_H
#define MR_RUNTIME_RUN_H

#include <stdio.h>

#include "runtime/config.h"

typedef struct mr_run_options {
    bool once;        /* drain what is there, then end */
    const char *only; /* name of the one connector to run; NULL: all */
    bool progress;    /* draw a progress bar on stderr */
} mr_run_options;

typedef enum mr_run_end {
    MR_RUN_DRAINED, /* --once: everything that was there has been moved */
    MR_RUN_STOPPED, /* a signal: stopped in order */
    MR_RUN_FAILED,  /* a task failed with an error that restarting can't heal; *err says it */
} mr_run_end;

/* A figure of one task (mr_task_gauge), as it stood last. */
typedef struct mr_run_gauge {
    const char *name; /* a literal of the connector's */
    int task;
    double value;
} mr_run_gauge;

/* Counters of a connector over all its tasks and restarts, for the closing summary. */
typedef struct mr_run_totals {
    const char *connector;
    uint64_t records_in, records_out, dead_letters, epochs, restarts;
    double seconds;
    mr_run_gauge *gauges; /* in the order of tasks; free them */
    size_t gauge_count;
} mr_run_totals;

/* " name value", and with several tasks " name[task] value", of all gauges; NULL: there are none.
 * To be freed. */
char *mr_run_gauges_text(const mr_run_totals *totals);

/* Runs until the end; handles SIGINT and SIGTERM (a second one ends the process at once). `totals`
 * has room for pipeline->connector_count entries. */
mr_run_end mr_run(const mr_pipeline *pipeline, const mr_run_options *options, mr_run_totals *totals,
                  mr_error *err);

#endif
