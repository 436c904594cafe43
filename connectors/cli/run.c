/* SPDX-License-Identifier: Apache-2.0 */
/* `millrace run`: a pipeline file from the first check to the closing summary. */
#include "runtime/run.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/options.h"
#include "cli/properties.h"
#include "cli/show.h"
#include "cli/verbs.h"

static const char *const levels[] = {"debug", "info", "warning", "error", NULL};
static const char *const formats[] = {"text", "json", NULL};
static const char *const progress_choices[] = {"auto", "never", NULL};

const mr_flag mr_run_flags[] = {
    {"once", 0, NULL, false, MR_WORD_NONE, NULL,
     "Moves what is there now, then ends with exit code 0. Without it, goes on until stopped."},
    {"only", 0, "connector", false, MR_WORD_TEXT, NULL,
     "Runs just this one connector of the pipeline, by its name in the file."},
    MR_PROPERTY_FLAGS,
    {"log-level", 0, "level", false, MR_WORD_NONE, levels,
     "Lowest level that is logged: debug, info, warning or error. Default: info."},
    {"log-format", 0, "format", false, MR_WORD_NONE, formats,
     "text for people, json for machines: one object per line. Default: text."},
    {"progress", 0, "when", false, MR_WORD_NONE, progress_choices,
     "auto draws a progress bar when stderr is a terminal; never does not. Default: auto."},
    {"json", 0, NULL, false, MR_WORD_NONE, NULL,
     "Prints the closing summary as one JSON object on stdout."},
    MR_FLAGS_END,
};

static int index_of(const char *const *names, const char *name, int dflt)
{
    for (int i = 0; name && names[i]; i++) {
        if (strcmp(names[i], name) == 0) {
            return i;
        }
    }
    return dflt;
}

static const char *end_name(mr_run_end end)
{
    return end == MR_RUN_DRAINED ? "drained" : end == MR_RUN_STOPPED ? "stopped" : "failed";
}

static double rate(const mr_run_totals *t)
{
    return t->seconds > 0 ? (double)t->records_out / t->seconds : 0;
}

/* --- The closing summary --- */

/* {"name": [of task 0, of task 1, ...]}; null where a task has none of that name. */
static json_t *gauges_json(const mr_run_totals *t)
{
    json_t *ret = json_object();
    for (size_t i = 0; i < t->gauge_count; i++) {
        const mr_run_gauge *gauge = &t->gauges[i];
        json_t *values = json_object_get(ret, gauge->name);
        if (!values) {
            values = json_array();
            json_object_set_new(ret, gauge->name, values);
        }
        while (json_array_size(values) < (size_t)gauge->task) {
            json_array_append_new(values, json_null());
        }
        json_t *value = json_real(gauge->value);
        json_array_append_new(values, value ? value : json_null());
    }
    return ret;
}

static json_t *totals_json(const mr_run_totals *t)
{
    json_t *ret = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:f, s:f}", "name", t->connector,
                            "records_in", (json_int_t)t->records_in, "records_out",
                            (json_int_t)t->records_out, "dead_letters", (json_int_t)t->dead_letters,
                            "epochs", (json_int_t)t->epochs, "restarts", (json_int_t)t->restarts,
                            "seconds", t->seconds, "records_per_second", rate(t));
    if (t->gauge_count) {
        json_object_set_new(ret, "gauges", gauges_json(t));
    }
    return ret;
}

static void summary_json(const mr_pipeline *pipeline, const mr_run_totals *totals, mr_run_end end,
                         double seconds, const mr_error *err)
{
    json_auto_t *root = json_pack("{s:s, s:s, s:f, s:[]}", "pipeline", pipeline->name, "end",
                                  end_name(end), "seconds", seconds, "connectors");
    for (size_t i = 0; i < pipeline->connector_count; i++) {
        if (totals[i].connector) {
            json_array_append_new(json_object_get(root, "connectors"), totals_json(&totals[i]));
        }
    }
    if (end == MR_RUN_FAILED) {
        json_object_set_new(root, "error",
                            json_pack("{s:s, s:s, s:s}", "domain", mr_domain_name(err->domain),
                                      "code", err->code, "text", err->text));
    }
    json_dumpf(root, stdout, JSON_COMPACT | JSON_REAL_PRECISION(10));
    putchar('\n');
}

static void summary_table(const mr_pipeline *pipeline, const mr_run_totals *totals)
{
    enum { COLUMNS = 6 };
    const char **cells = mr_calloc((pipeline->connector_count + 1) * COLUMNS, sizeof *cells);
    static const char *const head[COLUMNS] = {"connector",    "records in", "records out",
                                              "dead letters", "seconds",    "records/s"};
    memcpy(cells, head, sizeof head);
    size_t rows = 1;
    for (size_t i = 0; i < pipeline->connector_count; i++) {
        const mr_run_totals *t = &totals[i];
        if (!t->connector) {
            continue;
        }
        const char **row = cells + rows++ * COLUMNS;
        row[0] = t->connector;
        row[1] = mr_show_count(t->records_in);
        row[2] = mr_show_count(t->records_out);
        row[3] = mr_show_count(t->dead_letters);
        row[4] = mr_format("%.2f", t->seconds);
        row[5] = mr_show_count((uint64_t)rate(t));
    }
    mr_show_table(stderr, "lrrrrr", cells, rows);
    for (size_t i = 0; i < pipeline->connector_count; i++) {
        mr_auto_free char *gauges = mr_run_gauges_text(&totals[i]);
        if (gauges) {
            fprintf(stderr, "%s:%s\n", totals[i].connector, gauges);
        }
    }
    for (size_t i = COLUMNS; i < rows * COLUMNS; i++) {
        if (i % COLUMNS) {
            free((void *)cells[i]);
        }
    }
    free(cells);
}

/* --- Running --- */

static bool find_only(const mr_pipeline *pipeline, const char *only)
{
    if (!only) {
        return true;
    }
    const char **names = mr_calloc(pipeline->connector_count + 1, sizeof *names);
    bool found = false;
    for (size_t i = 0; i < pipeline->connector_count; i++) {
        names[i] = pipeline->connectors[i].name;
        found = found || strcmp(names[i], only) == 0;
    }
    if (!found) {
        const char *near = mr_nearest(names, only);
        mr_complain(MR_EXIT_USAGE, "--only: pipeline %s has no connector \"%s\"%s%s%s",
                    pipeline->name, only, near ? "; did you mean \"" : "", near ? near : "",
                    near ? "\"?" : "");
    }
    free(names);
    return found;
}

static bool wants_progress(const mr_args *args, int format)
{
    const char *term = getenv("TERM");
    return index_of(progress_choices, mr_args_value(args, "progress"), 0) == 0 &&
           format == MR_LOG_TEXT && isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
}

int mr_run_pipeline(const mr_pipeline *pipeline, const mr_args *args)
{
    int format = index_of(formats, mr_args_value(args, "log-format"), MR_LOG_TEXT);
    int level = index_of(levels, mr_args_value(args, "log-level"), MR_LOG_INFO);
    mr_run_options options = {.once = mr_args_has(args, "once"),
                              .only = mr_args_value(args, "only"),
                              .progress = wants_progress(args, format)};
    if (!find_only(pipeline, options.only)) {
        return MR_EXIT_USAGE;
    }
    mr_log_setup((mr_log_level)level, (mr_log_format)format);
    mr_auto_free mr_run_totals *totals = mr_calloc(pipeline->connector_count, sizeof *totals);
    mr_error err = {0};
    int64_t start_us = mr_clock_us();
    mr_run_end end = mr_run(pipeline, &options, totals, &err);
    double seconds = (double)(mr_clock_us() - start_us) / 1e6;
    if (mr_args_has(args, "json")) {
        summary_json(pipeline, totals, end, seconds, &err);
    } else if (format == MR_LOG_TEXT) {
        summary_table(pipeline, totals);
    }
    for (size_t i = 0; i < pipeline->connector_count; i++) {
        free(totals[i].gauges);
    }
    return end == MR_RUN_FAILED ? mr_complain(MR_EXIT_FAILED, "%s", err.text) : MR_EXIT_OK;
}

void mr_print_problem(void *context, const char *text)
{
    (void)context;
    fprintf(stderr, "%s\n", text);
}

int mr_verb_run(const mr_args *args)
{
    mr_properties properties;
    mr_pipeline *pipeline = NULL;
    mr_error err;
    int code = MR_EXIT_USAGE;
    if (mr_properties_read(args, &properties) &&
        mr_pipeline_load(args->words[0], mr_print_problem, NULL, &pipeline, &err) == MR_OK &&
        (properties.count == 0 ||
         mr_pipeline_set_kafka(pipeline, properties.items, properties.count, mr_print_problem, NULL,
                               &err) == MR_OK)) {
        code = mr_run_pipeline(pipeline, args);
    }
    mr_properties_release(&properties);
    mr_pipeline_free(pipeline);
    return code;
}
