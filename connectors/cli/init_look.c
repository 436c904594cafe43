/* SPDX-License-Identifier: Apache-2.0 */
/* `millrace init --from <file>`: a schema and a pipeline from a look at the whole file (the
 * source's look(), api/look.h), and a table that says of each column what spoke for its type. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/options.h"
#include "cli/init.h"
#include "cli/show.h"

typedef struct sketch {
    const mr_init *init;
    const mr_connector *connector;
    const char *path;
    void *state;     /* the connector's, with the options of --option */
    json_t *options; /* the same, for the pipeline */
    char *stem;      /* "trips" of /data/trips.csv: names what is made */
    mr_arena *arena;
    mr_look look;
} sketch;

/* What stands before the last part's ending, in letters that every name may have. */
static char *stem_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;
    size_t len = strcspn(last, ".");
    bool digit = *last >= '0' && *last <= '9';
    char *stem = mr_format("%s%.*s", len ? (digit ? "_" : "") : "records", (int)len, last);
    for (char *c = stem; *c; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
        *c = letter || (*c >= '0' && *c <= '9') ? *c : '_';
    }
    return stem;
}

static bool set_option(sketch *s, const char *name, const char *value)
{
    const mr_option *option = mr_option_find(s->connector->options, name);
    mr_error err;
    if (!option) {
        const char *near = mr_option_nearest(s->connector->options, name);
        mr_complain(MR_EXIT_USAGE, "--option %s: the %s source has no such option%s%s", name,
                    s->connector->name, near ? "; the nearest is " : "", near ? near : "");
        return false;
    }
    if (mr_option_set(option, s->state, value, &err) != MR_OK) {
        mr_complain(MR_EXIT_USAGE, "--option %s", err.text);
        return false;
    }
    return true;
}

static bool set_options(sketch *s, const mr_args *args)
{
    mr_error err;
    mr_options_defaults(s->connector->options, s->state);
    if (!set_option(s, "record.name", s->stem)) {
        return false;
    }
    for (size_t i = 0; i < args->given_count; i++) {
        const char *text = args->given[i].value;
        if (strcmp(args->given[i].flag->name, "option") != 0) {
            continue;
        }
        mr_auto_free char *name = mr_format("%.*s", (int)strcspn(text, "="), text);
        if (!strchr(text, '=') || strcmp(name, "path") == 0 || strcmp(name, "schema") == 0) {
            mr_complain(MR_EXIT_USAGE, "--option %s: give name=value, and not path or schema",
                        text);
            return false;
        }
        if (!set_option(s, name, strchr(text, '=') + 1)) {
            return false;
        }
        if (strcmp(name, "record.name") != 0) { /* the schema says it */
            json_object_set_new(s->options, name, json_string(strchr(text, '=') + 1));
        }
    }
    if (!set_option(s, "path", s->path)) {
        return false;
    }
    if (s->connector->check && s->connector->check(s->state, NULL, 0, &err) != MR_OK) {
        mr_complain(MR_EXIT_USAGE, "%s", err.text);
        return false;
    }
    return true;
}

/* The path as the pipeline says it: by its name alone when it lies beside the pipeline. */
static json_t *path_for_pipeline(const sketch *s)
{
    mr_auto_free char *whole = realpath(s->path, NULL), *folder = realpath(s->init->folder, NULL);
    char *slash = whole ? strrchr(whole, '/') : NULL;
    size_t len = folder ? strlen(folder) : 0;
    bool beside = slash && folder && (size_t)(slash - whole) == len && !strncmp(whole, folder, len);
    return json_string(beside ? slash + 1 : whole ? whole : s->path);
}

static json_t *pipeline_of(const sketch *s, const char *schema_name)
{
    json_t *source = json_pack("{s:s, s:o, s:s}", "connector", s->connector->name, "path",
                               path_for_pipeline(s), "schema", schema_name);
    json_object_update(source, s->options);
    json_object_set_new(source, "topic", json_string(s->stem));
    return json_pack("{s:s, s:{s:s}, s:{s:o}}", "name", s->stem, "kafka", "bootstrap.servers",
                     "${env:KAFKA_BOOTSTRAP_SERVERS:-127.0.0.1:9092}", "sources", s->stem, source);
}

static json_t *optional(const char *text)
{
    return text ? json_string(text) : json_null();
}

static json_t *columns_json(const mr_look *look)
{
    json_t *columns = json_array();
    for (size_t i = 0; i < look->count; i++) {
        const mr_look_column *c = &look->columns[i];
        json_array_append_new(columns, json_pack("{s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:s}",
                                                 "column", c->title, "field", c->name, "type",
                                                 c->type, "nulls", (json_int_t)c->nulls, "least",
                                                 optional(c->least), "most", optional(c->most),
                                                 "example", optional(c->example), "why", c->why));
    }
    return columns;
}

static int print_json(const sketch *s, const json_t *schema, const json_t *pipeline)
{
    json_auto_t *root =
        json_pack("{s:O, s:O, s:o, s:I, s:I, s:o, s:o}", "pipeline", pipeline, "schema", schema,
                  "columns", columns_json(&s->look), "records", (json_int_t)s->look.records, "bad",
                  (json_int_t)s->look.bad, "first_bad", optional(s->look.first_bad), "hint",
                  optional(s->look.hint));
    json_dumpf(root, stdout, JSON_INDENT(2));
    fputc('\n', stdout);
    return MR_EXIT_OK;
}

static void print_table(const sketch *s)
{
    enum { COLUMNS = 5 };
    static const char *const head[COLUMNS] = {"column", "type", "nulls", "values", "why"};
    const mr_look *look = &s->look;
    mr_auto_free const char **cells = mr_calloc((look->count + 1) * COLUMNS, sizeof *cells);
    memcpy(cells, head, sizeof head);
    for (size_t i = 0; i < look->count; i++) {
        const mr_look_column *c = &look->columns[i];
        const char **row = cells + (i + 1) * COLUMNS;
        row[0] = c->name;
        row[1] = c->type;
        row[2] = mr_arena_format(s->arena, "%lld", (long long)c->nulls);
        row[3] = c->least     ? mr_arena_format(s->arena, "%s .. %s", c->least, c->most)
                 : c->example ? mr_arena_format(s->arena, "e.g. %s", c->example)
                              : "";
        row[4] = c->why;
    }
    mr_show_table(stderr, "llrll", cells, look->count + 1);
    fprintf(stderr, "%lld record%s", (long long)look->records, look->records == 1 ? "" : "s");
    if (look->bad) {
        fprintf(stderr, "; %lld line%s can not become one and would go to the dead letters: %s",
                (long long)look->bad, look->bad == 1 ? "" : "s", look->first_bad);
    }
    fprintf(stderr, "\n%s%s", look->hint ? look->hint : "", look->hint ? "\n" : "");
}

static int write_all(const sketch *s)
{
    mr_auto_free char *schema_name = mr_format("%s.avsc", s->stem);
    json_auto_t *schema = json_loads(s->look.schema, 0, NULL);
    json_auto_t *pipeline = pipeline_of(s, schema_name);
    if (s->init->json) {
        return print_json(s, schema, pipeline);
    }
    print_table(s);
    if (!mr_init_write_json(s->init, schema_name, schema) ||
        !mr_init_write_json(s->init, "pipeline.json", pipeline)) {
        return MR_EXIT_FAILED;
    }
    fprintf(stderr,
            "Next: look at both files, give the topic the name it should have, then\n"
            "  millrace check %s/pipeline.json\n  millrace run %s/pipeline.json --once\n",
            s->init->folder, s->init->folder);
    return MR_EXIT_OK;
}

static int look(sketch *s)
{
    mr_error err;
    if (access(s->path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
        return mr_complain(MR_EXIT_MISSING, "%s: %s", s->path, strerror(errno));
    }
    if (s->connector->look(s->state, s->arena, &s->look, &err) != MR_OK) {
        return mr_complain(MR_EXIT_FAILED, "%s: %s", s->path, err.text);
    }
    if (!s->look.schema) {
        return mr_complain(MR_EXIT_FAILED, "%s: there is no record in it yet%s%s", s->path,
                           s->look.first_bad ? "; " : "",
                           s->look.first_bad ? s->look.first_bad : "");
    }
    return write_all(s);
}

int mr_init_from_file(const mr_init *init, const mr_args *args, const char *path)
{
    sketch s = {.init = init, .path = path, .connector = mr_connector_find("file", true, false)};
    s.state = mr_calloc(1, s.connector->state_size);
    s.options = json_object();
    s.stem = stem_of(path);
    s.arena = mr_arena_new();
    int code = set_options(&s, args) ? look(&s) : MR_EXIT_USAGE;
    mr_options_release(s.connector->options, s.state);
    free(s.state);
    json_decref(s.options);
    free(s.stem);
    mr_arena_free(s.arena);
    return code;
}
