/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `millrace file --path ...`: one connector with its options as flags. The flags, and environment
 * variables of the same names, become the JSON of a pipeline of one connector, which is read like
 * any other: so there is one parser, one set of checks and one set of texts.
 */
#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/options.h"
#include "cli/help.h"
#include "cli/properties.h"
#include "cli/verbs.h"

/* --- Names --- */

static const mr_flag name_flag = {
    "name",
    0,
    "name",
    false,
    MR_WORD_TEXT,
    NULL,
    "Name of the pipeline that this makes: it names the consumer group, the dead-letter topic and "
    "the stored positions. Default: the connector's name."};

static char *upper_name(const char *prefix, const char *name)
{
    char *text = mr_format("%s%s", prefix, name);
    for (char *c = text; *c; c++) {
        *c = *c == '.' || *c == '-' ? '_' : (char)toupper((unsigned char)*c);
    }
    return text;
}

char *mr_option_environment(const mr_connector *connector, const mr_option *option)
{
    mr_auto_free char *prefix = mr_format("MILLRACE_%s_", connector->name);
    return upper_name(prefix, option->name);
}

static const char *value_name(const mr_option *option)
{
    switch (option->kind) {
    case MR_KIND_BOOL:
        return "true|false";
    case MR_KIND_INT:
    case MR_KIND_DOUBLE:
        return "number";
    case MR_KIND_SIZE:
        return "size";
    case MR_KIND_DURATION:
        return "time";
    case MR_KIND_ENUM:
        return "choice";
    case MR_KIND_LIST:
        return "a,b,...";
    default:
        return option->flags & MR_OPT_PATH ? "path" : "text";
    }
}

mr_connector_flags mr_connector_flags_of(const mr_connector *connector)
{
    static const char *const yes_no[] = {"true", "false", NULL};
    enum { FLAGS_MAX = 128 };
    const mr_option *const tables[] = {connector->options,
                                       connector->sink ? connector->route_options : NULL,
                                       connector->source ? mr_source_common : mr_sink_common};
    mr_flag *flags = mr_calloc(FLAGS_MAX + 1, sizeof *flags);
    const mr_option **options = mr_calloc(FLAGS_MAX + 1, sizeof *options);
    size_t n = 0;
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        for (const mr_option *o = tables[t]; o && o->name && n < FLAGS_MAX; o++) {
            flags[n] = (mr_flag){
                .name = mr_option_flag(o->name) + 2,
                .value = value_name(o),
                .optional = o->kind == MR_KIND_BOOL,
                .word = o->flags & MR_OPT_PATH ? MR_WORD_FILE : MR_WORD_TEXT,
                .choices = o->kind == MR_KIND_ENUM   ? o->choices
                           : o->kind == MR_KIND_BOOL ? yes_no
                                                     : NULL,
                .help = o->help,
            };
            options[n++] = o;
        }
    }
    flags[n++] = name_flag;
    return (mr_connector_flags){flags, options, n};
}

void mr_connector_flags_release(mr_connector_flags *flags)
{
    for (size_t i = 0; i < flags->count; i++) {
        if (flags->options[i]) {
            free((char *)flags->flags[i].name - 2); /* mr_option_flag() put "--" before it */
        }
    }
    free(flags->flags);
    free(flags->options);
    *flags = (mr_connector_flags){NULL, NULL, 0};
}

/* --- From flags and environment to JSON --- */

/* A value of the environment is taken as it is: its "${" is no reference. */
static json_t *literal(const char *text)
{
    size_t len = strlen(text);
    char *out = mr_alloc(2 * len + 1), *at = out;
    for (; *text; text++) {
        if (text[0] == '$' && text[1] == '{') {
            *at++ = '$';
        }
        *at++ = *text;
    }
    json_t *ret = json_stringn(out, (size_t)(at - out));
    free(out);
    return ret;
}

/* More of a list: --topics a --topics b. */
static json_t *joined(const mr_option *option, const json_t *before, const char *value)
{
    if (option->kind != MR_KIND_LIST || !before) {
        return json_string(value);
    }
    mr_auto_free char *text = mr_format("%s,%s", json_string_value(before), value);
    return json_string(text);
}

static bool add_flags(json_t *options, const mr_connector_flags *flags, const mr_args *args)
{
    for (size_t i = 0; i < args->given_count; i++) {
        const mr_given *g = &args->given[i];
        for (size_t f = 0; f < flags->count; f++) {
            const mr_option *option = flags->options[f];
            if (g->flag != &flags->flags[f] || !option) {
                continue;
            }
            json_t *value = joined(option, json_object_get(options, option->name), g->value);
            if (!value) {
                mr_complain(MR_EXIT_USAGE, "--%s: is not valid UTF-8", g->flag->name);
                return false;
            }
            json_object_set_new(options, option->name, value);
        }
    }
    return true;
}

/* The variables of all connectors of this name (a source and a sink may share it); NULL-terminated,
 * each to be freed. */
static size_t known_variables(const char *connector, const char **known, size_t room)
{
    size_t n = 0;
    for (const mr_connector *const *c = mr_connectors; *c; c++) {
        if (strcmp((*c)->name, connector) != 0) {
            continue;
        }
        mr_connector_flags flags = mr_connector_flags_of(*c);
        for (size_t i = 0; i < flags.count && n < room; i++) {
            if (flags.options[i]) {
                known[n++] = mr_option_environment(*c, flags.options[i]);
            }
        }
        mr_connector_flags_release(&flags);
    }
    known[n] = NULL;
    return n;
}

static bool check_variable(const char *connector, const char *variable, const char *const *known)
{
    mr_auto_free char *name = mr_strndup(variable, strcspn(variable, "="));
    for (const char *const *k = known; *k; k++) {
        if (strcmp(*k, name) == 0) {
            return true;
        }
    }
    const char *near = mr_nearest(known, name);
    mr_complain(MR_EXIT_USAGE, "environment variable %s: %s has no such option%s%s%s", name,
                connector, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    return false;
}

/* A variable MILLRACE_<CONNECTOR>_... that is no option of it is a mistake, as a flag would be. */
static bool check_environment(const mr_connector *connector)
{
    mr_auto_free char *lower = mr_format("MILLRACE_%s_", connector->name);
    mr_auto_free char *prefix = upper_name("", lower);
    const char *known[300];
    size_t n = known_variables(connector->name, known, 299);
    bool good = true;
    for (char **e = environ; *e; e++) {
        if (strncmp(*e, prefix, strlen(prefix)) == 0) {
            good = check_variable(connector->name, *e, known) && good;
        }
    }
    for (size_t i = 0; i < n; i++) {
        free((void *)known[i]);
    }
    return good;
}

static bool add_environment(json_t *options, const mr_connector *connector,
                            const mr_connector_flags *flags, const mr_args *args)
{
    for (size_t f = 0; f < flags->count; f++) {
        const mr_option *option = flags->options[f];
        if (!option) {
            continue;
        }
        mr_auto_free char *name = mr_option_environment(connector, option);
        const char *text = getenv(name);
        if (!text || mr_args_has(args, flags->flags[f].name)) {
            continue;
        }
        json_t *value = literal(text);
        if (!value) {
            mr_complain(MR_EXIT_USAGE, "environment variable %s: is not valid UTF-8", name);
            return false;
        }
        json_object_set_new(options, option->name, value);
    }
    return check_environment(connector);
}

/* Properties are taken as they are, too. */
static json_t *kafka_object(const mr_properties *properties)
{
    json_t *kafka = json_object();
    for (size_t i = 0; i < properties->count; i++) {
        json_object_set_new(kafka, properties->items[i].name, literal(properties->items[i].value));
    }
    return kafka;
}

/* --- Running it --- */

typedef struct origin {
    const mr_connector *connector;
    const mr_connector_flags *flags;
    const mr_args *args;
} origin;

/* Problems name flags; what came from the environment is named so. */
static void print_problem(void *context, const char *text)
{
    const origin *o = context;
    for (size_t f = 0; f < o->flags->count; f++) {
        const mr_option *option = o->flags->options[f];
        size_t len = strlen(o->flags->flags[f].name);
        if (!option || strncmp(text, "--", 2) != 0 ||
            strncmp(text + 2, o->flags->flags[f].name, len) != 0 || text[2 + len] != ':') {
            continue;
        }
        mr_auto_free char *name = mr_option_environment(o->connector, option);
        if (getenv(name) && !mr_args_has(o->args, o->flags->flags[f].name)) {
            mr_complain(MR_EXIT_USAGE, "environment variable %s%s", name, text + 2 + len);
            return;
        }
    }
    mr_complain(MR_EXIT_USAGE, "%s", text);
}

static int run_json(const json_t *root, origin *from)
{
    mr_auto_free char *text = json_dumps(root, JSON_COMPACT);
    mr_pipeline *pipeline = NULL;
    mr_error err;
    if (!text) {
        return mr_complain(MR_EXIT_USAGE, "a name or value is not valid UTF-8");
    }
    if (mr_pipeline_parse(text, strlen(text), NULL, NULL, print_problem, from, &pipeline, &err) !=
        MR_OK) {
        return MR_EXIT_USAGE;
    }
    int code = mr_run_pipeline(pipeline, from->args);
    mr_pipeline_free(pipeline);
    return code;
}

/* A name for what has none: connector, topics and table, since positions, offsets and the group
 * hang on it. The same topic into another table is another pipeline. Characters that a name may not
 * have become '-'. */
static char *default_name(const mr_connector *connector, const json_t *options)
{
    static const char *const parts[] = {"topic", "topics", "table"};
    mr_buffer name = MR_BUFFER_INIT(80);
    mr_buffer_add_text(&name, connector->name);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *value = json_string_value(json_object_get(options, parts[i]));
        for (const char *c = value ? value : ""; *c; c++) {
            if (c == value) {
                mr_buffer_add_char(&name, '.');
            }
            bool fits = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                        (*c >= '0' && *c <= '9') || *c == '_' || *c == '.';
            mr_buffer_add_char(&name, fits ? *c : '-');
        }
    }
    char *ret = mr_strndup(name.data, name.len);
    mr_buffer_release(&name);
    return ret;
}

static int run_connector(const mr_connector *connector, const mr_connector_flags *flags,
                         const mr_args *args)
{
    const char *name = mr_args_value(args, "name");
    mr_properties properties = {NULL, 0};
    origin from = {connector, flags, args};
    json_auto_t *options = json_pack("{s:s}", "connector", connector->name);
    int code = MR_EXIT_USAGE;
    if (add_flags(options, flags, args) && add_environment(options, connector, flags, args) &&
        mr_properties_read(args, &properties)) {
        mr_auto_free char *identity = default_name(connector, options);
        json_auto_t *root =
            json_pack("{s:s, s:o, s:{s:O}}", "name", name ? name : identity, "kafka",
                      kafka_object(&properties), connector->source ? "sources" : "sinks",
                      connector->name, options);
        code = root ? run_json(root, &from)
                    : mr_complain(MR_EXIT_USAGE, "--name or -X: is not valid UTF-8");
    }
    mr_properties_release(&properties);
    return code;
}

static int with_flags(const mr_connector *connector, int argc, const char *const *argv)
{
    if (mr_args_help(argc, argv)) {
        mr_help_connector(stdout, connector);
        return MR_EXIT_OK;
    }
    mr_connector_flags flags = mr_connector_flags_of(connector);
    mr_args args = {0};
    int code = MR_EXIT_USAGE;
    if (mr_args_parse(flags.flags, mr_run_flags, argc, argv, &args)) {
        if (args.word_count > 0) {
            mr_complain(code, "\"%s\" is no flag; options of %s are given as --name value",
                        args.words[0], connector->name);
        } else {
            code = run_connector(connector, &flags, &args);
        }
    }
    mr_args_release(&args);
    mr_connector_flags_release(&flags);
    return code;
}

int mr_run_connector(const char *name, int argc, const char *const *argv)
{
    const mr_connector *source = mr_connector_find(name, true, false);
    const mr_connector *sink = mr_connector_find(name, false, true);
    if (source && sink) {
        return mr_complain(MR_EXIT_USAGE,
                           "%s is both a source and a sink; write millrace source %s or millrace "
                           "sink %s",
                           name, name, name);
    }
    return with_flags(source ? source : sink, argc, argv);
}

int mr_run_connector_verb(const mr_verb *verb, int argc, const char *const *argv)
{
    bool source = strcmp(verb->name, "source") == 0;
    const char *known[64];
    size_t n = 0;
    for (const mr_connector *const *c = mr_connectors; *c && n < 63; c++) {
        if (source ? (*c)->source != NULL : (*c)->sink != NULL) {
            known[n++] = (*c)->name;
        }
    }
    known[n] = NULL;
    if (argc > 0 && argv[0][0] != '-') {
        const mr_connector *connector = mr_connector_find(argv[0], source, !source);
        if (connector) {
            return with_flags(connector, argc - 1, argv + 1);
        }
        if (mr_connector_find(argv[0], !source, source)) {
            return mr_complain(MR_EXIT_USAGE, "%s is a %s, not a %s: millrace %s %s", argv[0],
                               source ? "sink" : "source", verb->name, source ? "sink" : "source",
                               argv[0]);
        }
        const char *near = mr_nearest(known, argv[0]);
        return mr_complain(MR_EXIT_USAGE, "there is no %s \"%s\"%s%s%s; `millrace list` lists them",
                           verb->name, argv[0], near ? "; did you mean \"" : "", near ? near : "",
                           near ? "\"?" : "");
    }
    if (mr_args_help(argc, argv)) {
        mr_help_verb(stdout, verb);
        return MR_EXIT_OK;
    }
    return mr_complain(MR_EXIT_USAGE, "which %s? millrace %s <connector> [flags]", verb->name,
                       verb->name);
}
