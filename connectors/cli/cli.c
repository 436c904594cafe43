/* SPDX-License-Identifier: Apache-2.0 */
/* From the arguments to the verb; a first word that is no verb may be a connector. */
#include "cli/cli.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/options.h"
#include "cli/args.h"
#include "cli/help.h"
#include "cli/verbs.h"
#include "runtime/config.h"

int mr_complain(int code, const char *format, ...)
{
    va_list args;
    fputs("millrace: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return code;
}

const mr_verb *mr_verb_find(const char *name)
{
    for (const mr_verb *v = mr_verbs; v->name; v++) {
        if (strcmp(v->name, name) == 0) {
            return v;
        }
    }
    return NULL;
}

static int unknown_verb(const char *word)
{
    const char *names[128];
    size_t n = 0;
    if (strchr(word, '.') && access(word, R_OK) == 0) {
        return mr_complain(MR_EXIT_USAGE, "%s is a file; to run a pipeline file: millrace run %s",
                           word, word);
    }
    for (const mr_verb *v = mr_verbs; v->name; v++) {
        if (!v->hidden) {
            names[n++] = v->name;
        }
    }
    for (const mr_connector *const *c = mr_connectors; *c && n < 127; c++) {
        names[n++] = (*c)->name;
    }
    names[n] = NULL;
    const char *near = mr_nearest(names, word);
    return mr_complain(MR_EXIT_USAGE,
                       "\"%s\" is neither a verb nor a connector%s%s%s; `millrace help` lists them",
                       word, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static int run_verb(const mr_verb *verb, int argc, const char *const *argv)
{
    if (verb->raw) {
        return verb->raw(verb, argc, argv);
    }
    if (mr_args_help(argc, argv)) {
        mr_help_verb(stdout, verb);
        return MR_EXIT_OK;
    }
    mr_args args = {.verb = verb};
    int code = MR_EXIT_USAGE;
    if (mr_args_parse(verb->flags, NULL, argc, argv, &args)) {
        args.verb = verb;
        if (args.word_count < verb->words_min) {
            mr_complain(code, "something is missing: millrace %s %s", verb->name, verb->usage);
        } else if (args.word_count > verb->words_max) {
            mr_complain(code, "\"%s\" is too much: millrace %s %s", args.words[verb->words_max],
                        verb->name, verb->usage);
        } else {
            code = verb->run(&args);
        }
    }
    mr_args_release(&args);
    return code;
}

int mr_cli(int argc, char **strings)
{
    const char *const *argv = (const char *const *)strings;
    if (argc < 2) {
        mr_help_overview(stderr);
        return MR_EXIT_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        mr_help_overview(stdout);
        return MR_EXIT_OK;
    }
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        word = "version";
    }
    const mr_verb *verb = mr_verb_find(word);
    int code;
    if (verb) {
        code = run_verb(verb, argc - 2, argv + 2);
    } else if (mr_connector_find(word, true, true)) {
        code = mr_run_connector(word, argc - 2, argv + 2);
    } else {
        code = unknown_verb(word);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return code ? code : mr_complain(MR_EXIT_FAILED, "cannot write to standard output");
    }
    return code;
}
