/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `millrace evolve --plan`: the statements that tables need before their records can be written.
 * stdout can be fed to psql: statements end with a semicolon, all else is a comment.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/read_file.h"
#include "cli/properties.h"
#include "cli/verbs.h"
#include "codec/schema.h"
#include "runtime/foresee.h"

enum { SCHEMA_LIMIT_BYTES = 1 << 20 };

typedef struct planning {
    json_t *answers; /* NULL: text */
    size_t schemas, by_hand, by_itself, problems;
    bool spoken; /* something was printed */
    char *last;  /* what was asked last: connector, topic and schema, as one text */
} planning;

static const char *kind_of(const mr_forecast *f)
{
    if (!f->schema) {
        return "no schema";
    }
    if (f->failure || (f->foresight && !f->foresight->statement)) {
        return "problem";
    }
    return !f->foresight ? "fits" : f->foresight->by_itself ? "by itself" : "by hand";
}

static void count(planning *p, const char *kind)
{
    p->by_hand += strcmp(kind, "by hand") == 0;
    p->by_itself += strcmp(kind, "by itself") == 0;
    p->problems += strcmp(kind, "problem") == 0;
}

static void print_text(const mr_forecast *f, const char *kind)
{
    const mr_foresight *foresight = f->foresight;
    if (strcmp(kind, "fits") == 0) {
        puts("-- nothing to do");
    } else if (strcmp(kind, "problem") == 0) {
        printf("-- to be mended: %s\n", f->failure ? f->failure : foresight->problem);
    } else {
        printf("%s%s;\n",
               foresight->by_itself
                   ? "-- the sink does this by itself (auto.create, auto.evolve):\n"
                   : "",
               foresight->statement);
    }
}

static json_t *answer_json(const mr_forecast *f, const char *kind, const char *fingerprint)
{
    const mr_foresight *foresight = f->foresight;
    return json_pack("{s:s, s:s, s:s, s:s, s:s*, s:s, s:s*, s:s*}", "connector", f->sink->task_name,
                     "topic", f->topic, "schema", f->schema, "fingerprint", fingerprint, "target",
                     foresight ? foresight->target : NULL, "kind", kind, "statement",
                     foresight ? foresight->statement : NULL, "problem",
                     f->failure  ? f->failure
                     : foresight ? foresight->problem
                                 : NULL);
}

/* A topic that nobody has written to. */
static void answer_none(planning *p, const mr_forecast *f)
{
    static const char what_to_do[] = "--schema <file> tells of the records to come";
    if (p->answers) {
        json_array_append_new(p->answers,
                              json_pack("{s:s, s:s, s:s, s:s, s:s}", "connector",
                                        f->sink->task_name, "topic", f->topic, "kind", kind_of(f),
                                        "problem", f->failure, "hint", what_to_do));
    } else {
        printf("%s-- %s, topic %s: %s; %s\n", p->spoken ? "\n" : "", f->sink->task_name, f->topic,
               f->failure, what_to_do);
        p->spoken = true;
    }
}

static void answered(void *context, const mr_forecast *f)
{
    planning *p = context;
    if (!f->schema) {
        answer_none(p, f);
        return;
    }
    char fingerprint[20];
    snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, f->fingerprint);
    char *asked =
        mr_format("%s, topic %s: %s (%s)", f->sink->task_name, f->topic, f->schema, fingerprint);
    bool first = !p->last || strcmp(p->last, asked) != 0;
    const char *kind = kind_of(f);
    count(p, kind);
    p->schemas += first;
    if (p->answers) {
        json_array_append_new(p->answers, answer_json(f, kind, fingerprint));
    } else {
        if (first) {
            printf("%s-- %s\n", p->spoken ? "\n" : "", asked);
            p->spoken = true;
        }
        print_text(f, kind);
    }
    free(p->last);
    p->last = asked;
}

static int finish(planning *p, mr_status status, const mr_error *err)
{
    if (p->answers) {
        json_dumpf(p->answers, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    if (status == MR_IDLE) {
        return mr_complain(MR_EXIT_UNREACHABLE, "%s", err->text);
    }
    if (status != MR_OK) {
        return mr_complain(MR_EXIT_FAILED, "%s", err->text);
    }
    if (!p->answers) {
        printf("%s-- %zu schema%s: %zu to be done by hand, %zu by the sink, %zu to be mended\n",
               p->spoken ? "\n" : "", p->schemas, p->schemas == 1 ? "" : "s", p->by_hand,
               p->by_itself, p->problems);
    }
    return p->by_hand || p->problems ? MR_EXIT_FAILED : MR_EXIT_OK;
}

static bool find_sink(const mr_pipeline *pipeline, const char *only)
{
    for (size_t i = 0; i < pipeline->connector_count; i++) {
        const mr_connector_config *config = &pipeline->connectors[i];
        bool asked = !only || strcmp(config->name, only) == 0;
        if (asked && config->connector->sink && config->connector->sink->foresee) {
            return true;
        }
    }
    mr_complain(MR_EXIT_USAGE, "%s has no sink%s%s whose tables follow schemas (postgres)",
                pipeline->path, only ? " " : "", only ? only : "");
    return false;
}

static bool read_schema(const char *path, const mr_schema **ret)
{
    mr_buffer text = MR_BUFFER_INIT(SCHEMA_LIMIT_BYTES);
    mr_error err;
    *ret = NULL;
    bool good = !path || (mr_read_file(path, &text, &err) == MR_OK &&
                          mr_schema_parse(text.data, text.len, ret, &err) == MR_OK);
    mr_buffer_release(&text);
    if (!good) {
        mr_complain(MR_EXIT_USAGE, "--schema: %s: %s", path, err.text);
    }
    return good;
}

static int plan(const mr_pipeline *pipeline, const mr_args *args)
{
    planning p = {.answers = mr_args_has(args, "json") ? json_array() : NULL};
    mr_foresee_options options = {
        .only = mr_args_value(args, "only"), .each = answered, .context = &p};
    mr_error err = {0};
    int code = MR_EXIT_USAGE;
    if (find_sink(pipeline, options.only) &&
        read_schema(mr_args_value(args, "schema"), &options.schema)) {
        mr_log_setup(MR_LOG_WARN, MR_LOG_TEXT);
        mr_status status = mr_foresee(pipeline, &options, &err);
        code = finish(&p, status, &err);
    }
    mr_schema_release(options.schema);
    json_decref(p.answers);
    free(p.last);
    return code;
}

int mr_verb_evolve(const mr_args *args)
{
    mr_properties properties;
    mr_pipeline *pipeline = NULL;
    mr_error err;
    int code = MR_EXIT_USAGE;
    if (!mr_args_has(args, "plan")) {
        return mr_complain(MR_EXIT_USAGE, "evolve needs --plan: it shows what has to change; the "
                                          "sinks do it (auto.evolve), or psql with what it prints");
    }
    if (mr_properties_read(args, &properties) &&
        mr_pipeline_load(args->words[0], mr_print_problem, NULL, &pipeline, &err) == MR_OK &&
        (properties.count == 0 ||
         mr_pipeline_set_kafka(pipeline, properties.items, properties.count, mr_print_problem, NULL,
                               &err) == MR_OK)) {
        code = plan(pipeline, args);
    }
    mr_properties_release(&properties);
    mr_pipeline_free(pipeline);
    return code;
}
