/* SPDX-License-Identifier: Apache-2.0 */
/* `millrace check`: everything that can be known about a pipeline file without a server. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/verbs.h"

typedef struct findings {
    const char *path;
    bool json;
    json_t *problems;
} findings;

/* "path:12:5: text" taken apart again; without a place it is a text about the whole file. */
static json_t *problem_json(const char *path, const char *text)
{
    size_t len = strlen(path);
    int line, column, used = 0;
    if (strncmp(text, path, len) == 0 &&
        sscanf(text + len, ":%9d:%9d: %n", &line, &column, &used) == 2 && used > 0) {
        return json_pack("{s:i, s:i, s:s}", "line", line, "column", column, "text",
                         text + len + used);
    }
    return json_pack("{s:s}", "text", text);
}

/* What a linter finds is what was asked for: stdout. */
static void found(void *context, const char *text)
{
    findings *f = context;
    if (f->json) {
        json_array_append_new(f->problems, problem_json(f->path, text));
    } else {
        puts(text);
    }
}

static size_t count_sources(const mr_pipeline *pipeline)
{
    size_t n = 0;
    while (n < pipeline->connector_count && pipeline->connectors[n].connector->source) {
        n++;
    }
    return n;
}

static void print_good(const mr_pipeline *pipeline)
{
    size_t sources = count_sources(pipeline), sinks = pipeline->connector_count - sources;
    printf("%s: in order: pipeline %s, %zu source%s, %zu sink%s\n", pipeline->path, pipeline->name,
           sources, sources == 1 ? "" : "s", sinks, sinks == 1 ? "" : "s");
}

int mr_verb_check(const mr_args *args)
{
    findings f = {
        .path = args->words[0], .json = mr_args_has(args, "json"), .problems = json_array()};
    mr_pipeline *pipeline = NULL;
    mr_error err;
    bool good = mr_pipeline_load(f.path, found, &f, &pipeline, &err) == MR_OK;
    if (f.json) {
        json_auto_t *root =
            json_pack("{s:s, s:b, s:O}", "file", f.path, "ok", good, "problems", f.problems);
        json_dumpf(root, stdout, JSON_INDENT(2));
        putchar('\n');
    } else if (good) {
        print_good(pipeline);
    }
    json_decref(f.problems);
    mr_pipeline_free(pipeline);
    return good ? MR_EXIT_OK : MR_EXIT_USAGE;
}
