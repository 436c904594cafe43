/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor: one crew per connector, and a main loop that looks after signals, ends and
 * progress every few milliseconds. Signals are blocked in all threads and taken here, so that no
 * handler runs anywhere.
 */
#include "runtime/run.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "codec/text.h"
#include "runtime/crew.h"
#include "runtime/progress.h"

enum {
    LOOK_MS = 20,
    REPORT_MS = 30000,  /* how often a long run tells its counters */
    EXIT_AT_ONCE = 130, /* a second signal */
};

typedef struct running {
    const mr_pipeline *pipeline;
    const mr_run_options *options;
    mr_shared shared;
    mr_crew **crews; /* per connector; NULL: not run, or ended and counted */
    mr_run_totals *totals;
    int64_t started_us, reported_us;
    sigset_t signals;
    bool stopping;
    mr_run_end end;
    mr_error error;
} running;

static void schemas_event(void *context, int level, const char *event, const char *text)
{
    (void)context;
    mr_log((mr_log_level)level, event, "%s", text);
}

static bool is_wanted(const running *r, size_t i)
{
    return !r->options->only || strcmp(r->options->only, r->pipeline->connectors[i].name) == 0;
}

static void take_totals(running *r, size_t i)
{
    if (!r->crews[i]) {
        return;
    }
    mr_counters *c = mr_crew_counters(r->crews[i]);
    size_t gauge_count;
    mr_run_gauge *gauges = mr_crew_gauges(r->crews[i], &gauge_count);
    free(r->totals[i].gauges);
    r->totals[i] = (mr_run_totals){
        .connector = r->pipeline->connectors[i].name,
        .records_in = mr_counted(&c->records_in),
        .records_out = mr_counted(&c->records_out),
        .dead_letters = mr_counted(&c->dead_letters),
        .epochs = mr_counted(&c->epochs),
        .restarts = mr_counted(&c->restarts),
        .seconds = (double)(mr_clock_us() - r->started_us) / 1e6,
        .gauges = gauges,
        .gauge_count = gauge_count,
    };
}

char *mr_run_gauges_text(const mr_run_totals *totals)
{
    mr_buffer out = MR_BUFFER_INIT(1 << 20);
    bool several = false;
    for (size_t i = 0; i < totals->gauge_count; i++) {
        several = several || totals->gauges[i].task != totals->gauges[0].task;
    }
    for (size_t i = 0; i < totals->gauge_count; i++) {
        const mr_run_gauge *gauge = &totals->gauges[i];
        char value[MR_NUMBER_TEXT_BYTES];
        mr_double_text(gauge->value, value);
        mr_buffer_printf(&out, " %s", gauge->name);
        if (several) {
            mr_buffer_printf(&out, "[%d]", gauge->task);
        }
        mr_buffer_printf(&out, " %s", value);
    }
    char *text = totals->gauge_count ? mr_strdup(mr_buffer_text(&out)) : NULL;
    mr_buffer_release(&out);
    return text;
}

static void start_crews(running *r)
{
    for (size_t i = 0; i < r->pipeline->connector_count; i++) {
        if (is_wanted(r, i) && r->pipeline->connectors[i].connector->source) {
            atomic_fetch_add(&r->shared.sources_running, 1);
        }
    }
    for (size_t i = 0; i < r->pipeline->connector_count; i++) {
        if (is_wanted(r, i)) {
            r->crews[i] = mr_crew_start(&r->shared, &r->pipeline->connectors[i]);
        }
    }
}

static void stop_crews(running *r)
{
    r->stopping = true;
    for (size_t i = 0; i < r->pipeline->connector_count; i++) {
        if (r->crews[i]) {
            mr_crew_stop(r->crews[i]);
        }
    }
}

static void fail(running *r, const char *name, const mr_error *err)
{
    mr_log(MR_LOG_ERROR, "connector.failed", "%s failed, and starting it again would not help: %s",
           name, err->text);
    if (r->end != MR_RUN_FAILED) {
        r->end = MR_RUN_FAILED;
        r->error = *err;
    }
    if (!r->stopping) {
        stop_crews(r);
    }
}

/* True when no crew is left. */
static bool look_at_crews(running *r)
{
    bool any = false;
    for (size_t i = 0; i < r->pipeline->connector_count; i++) {
        if (!r->crews[i]) {
            continue;
        }
        mr_status end;
        mr_error err;
        if (!mr_crew_ended(r->crews[i], &end, &err)) {
            any = true;
            continue;
        }
        if (r->pipeline->connectors[i].connector->source) {
            atomic_fetch_sub(&r->shared.sources_running, 1);
        }
        if (end == MR_FATAL) {
            fail(r, r->pipeline->connectors[i].name, &err);
        } else if (end == MR_IDLE && r->end == MR_RUN_DRAINED) {
            r->end = MR_RUN_STOPPED;
        }
        take_totals(r, i);
        mr_crew_free(r->crews[i]);
        r->crews[i] = NULL;
    }
    return !any;
}

/* A first signal stops in order; a second one ends the process, which loses nothing: it is a crash
 * like any other. */
static void look_at_signals(running *r)
{
    struct timespec wait = {.tv_nsec = LOOK_MS * 1000000L};
    int signal = sigtimedwait(&r->signals, NULL, &wait);
    if (signal < 0) {
        return;
    }
    if (r->stopping) {
        _exit(EXIT_AT_ONCE);
    }
    mr_log(MR_LOG_INFO, "run.stopping", "%s: stopping in order; once more to stop at once",
           strsignal(signal));
    stop_crews(r);
}

static void draw(running *r)
{
    int64_t done = 0, total = 0;
    for (size_t i = 0; i < r->pipeline->connector_count; i++) {
        if (r->crews[i]) {
            int64_t d, t;
            mr_crew_progress(r->crews[i], &d, &t);
            done += d;
            total += t;
        }
        take_totals(r, i);
    }
    mr_progress_draw(r->totals, r->pipeline->connector_count, done, total);
}

static void log_counters(const mr_run_totals *totals)
{
    mr_auto_free char *gauges = mr_run_gauges_text(totals);
    mr_log(MR_LOG_INFO, "connector.counters",
           "%s: %llu records in, %llu out, %llu dead letters%s%s", totals->connector,
           (unsigned long long)totals->records_in, (unsigned long long)totals->records_out,
           (unsigned long long)totals->dead_letters, gauges ? ";" : "", gauges ? gauges : "");
}

static void report(running *r)
{
    int64_t now_us = mr_clock_us();
    if (r->options->progress) {
        draw(r);
    } else if (now_us - r->reported_us >= REPORT_MS * 1000LL) {
        r->reported_us = now_us;
        for (size_t i = 0; i < r->pipeline->connector_count; i++) {
            take_totals(r, i);
            if (r->crews[i]) {
                log_counters(&r->totals[i]);
            }
        }
    }
}

/* One for each connector that asks for one: its tasks share what is known. */
static mr_status open_registries(running *r, mr_error *err)
{
    mr_status status = MR_OK;
    r->shared.registries = mr_calloc(r->pipeline->connector_count, sizeof(mr_registry *));
    for (size_t i = 0; i < r->pipeline->connector_count && status == MR_OK; i++) {
        const mr_connector_config *config = &r->pipeline->connectors[i];
        const mr_format_options *format = mr_format_of(config);
        if (format->registry.urls.count) {
            status = mr_registry_new(&format->registry, &r->shared.registries[i], err);
        }
    }
    return status;
}

static void close_registries(running *r)
{
    for (size_t i = 0; r->shared.registries && i < r->pipeline->connector_count; i++) {
        mr_registry_free(r->shared.registries[i]);
    }
    free(r->shared.registries);
}

static mr_status prepare(running *r, mr_error *err)
{
    const mr_kafka_config kafka = {
        .client_id = r->pipeline->name,
        .properties = r->pipeline->kafka,
        .property_count = r->pipeline->kafka_count,
        .on_event = schemas_event,
    };
    sigemptyset(&r->signals);
    sigaddset(&r->signals, SIGINT);
    sigaddset(&r->signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &r->signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    r->shared.pipeline = r->pipeline;
    r->shared.once = r->options->once;
    r->crews = mr_calloc(r->pipeline->connector_count, sizeof *r->crews);
    r->started_us = r->reported_us = mr_clock_us();
    mr_status status = open_registries(r, err);
    return status == MR_OK ? mr_schemas_new(&kafka, &r->shared.schemas, err) : status;
}

mr_run_end mr_run(const mr_pipeline *pipeline, const mr_run_options *options, mr_run_totals *totals,
                  mr_error *err)
{
    running r = {.pipeline = pipeline, .options = options, .totals = totals, .end = MR_RUN_DRAINED};
    memset(totals, 0, pipeline->connector_count * sizeof *totals);
    if (prepare(&r, &r.error) != MR_OK) {
        r.end = MR_RUN_FAILED;
    } else {
        start_crews(&r);
        while (!look_at_crews(&r)) {
            look_at_signals(&r);
            report(&r);
        }
        if (options->progress) {
            mr_progress_end();
        }
        mr_schemas_free(r.shared.schemas);
    }
    close_registries(&r);
    pthread_sigmask(SIG_UNBLOCK, &r.signals, NULL);
    free(r.crews);
    if (r.end == MR_RUN_FAILED) {
        *err = r.error;
    }
    return r.end;
}
