/* SPDX-License-Identifier: Apache-2.0 */
/* Help, made of the tables of verbs, options and topics. */
#include "cli/help.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/needs.h"
#include "base/options.h"
#include "cli/show.h"
#include "cli/verbs.h"

enum { NAME_COLUMNS = 14, HELP_INDENT = 6 };

static void entry(FILE *out, const char *name, const char *summary)
{
    fprintf(out, "  %-*s %s\n", NAME_COLUMNS, name, summary);
}

void mr_help_overview(FILE *out)
{
    mr_show_text(out, 0,
                 "millrace moves records between files, Kafka and databases, exactly once where "
                 "the target allows it.\n\n");
    mr_show_heading(out, "Usage");
    fputs("  millrace <verb> ...\n  millrace <connector> [flags]\n\n", out);
    mr_show_heading(out, "Verbs");
    for (const mr_verb *v = mr_verbs; v->name; v++) {
        if (!v->hidden) {
            entry(out, v->name, v->summary);
        }
    }
    fputc('\n', out);
    mr_show_heading(out, "Connectors");
    for (const mr_connector *const *c = mr_connectors; *c; c++) {
        mr_auto_free char *summary =
            mr_format("%-6s  %s", (*c)->source ? "source" : "sink", (*c)->summary);
        entry(out, (*c)->name, summary);
    }
    fputc('\n', out);
    mr_show_heading(out, "Topics (millrace help <topic>)");
    for (const mr_topic *t = mr_topics; t->name; t++) {
        entry(out, t->name, t->summary);
    }
    fputc('\n', out);
    mr_show_heading(out, "To begin with");
    fputs("  millrace check pipeline.json\n  millrace run pipeline.json --once\n"
          "  millrace tap my_topic -n 3 | jq .value\n",
          out);
}

static void show_flag(FILE *out, const mr_flag *flag)
{
    char letter[] = {'-', flag->letter, ',', ' ', '\0'};
    fprintf(out, "  %s--%s%s%s%s\n", flag->letter ? letter : "", flag->name,
            flag->value ? flag->optional ? "[=" : " <" : "", flag->value ? flag->value : "",
            flag->value ? flag->optional ? "]" : ">" : "");
    mr_show_text(out, HELP_INDENT, flag->help);
}

static void show_flags(FILE *out, const char *title, const mr_flag *flags)
{
    fputc('\n', out);
    mr_show_heading(out, title);
    for (const mr_flag *f = flags; f->name; f++) {
        show_flag(out, f);
    }
}

static void show_examples(FILE *out, const char *examples)
{
    if (!examples) {
        return;
    }
    fputc('\n', out);
    mr_show_heading(out, "Examples");
    while (*examples) {
        size_t len = strcspn(examples, "\n");
        fprintf(out, "  %.*s\n", (int)len, examples);
        examples += len + (examples[len] == '\n');
    }
}

void mr_help_verb(FILE *out, const mr_verb *verb)
{
    fprintf(out, "millrace %s: %s\n\n", verb->name, verb->summary);
    mr_show_heading(out, "Usage");
    fprintf(out, "  millrace %s %s\n\n", verb->name, verb->usage);
    mr_show_text(out, 0, verb->help);
    if (verb->flags->name) {
        show_flags(out, "Flags", verb->flags);
    }
    show_examples(out, verb->examples);
}

/* --- A connector, its options as flags --- */

static void show_option_flag(FILE *out, const mr_connector *connector, const mr_flag *flag,
                             const mr_option *option)
{
    show_flag(out, flag);
    if (!option) {
        return;
    }
    mr_auto_free char *variable = mr_option_environment(connector, option);
    mr_auto_free char *allowed = mr_option_allowed(option);
    bool plain = option->kind == MR_KIND_TEXT;
    mr_auto_free char *facts =
        mr_format("(%s%s%s%s%s%s%s)", plain ? "" : allowed, plain ? "" : "; ",
                  option->flags & MR_OPT_REQUIRED ? "required; " : "",
                  option->dflt && *option->dflt ? "default " : "",
                  option->dflt && *option->dflt ? option->dflt : "",
                  option->dflt && *option->dflt ? "; " : "", variable);
    mr_show_text(out, HELP_INDENT, facts);
    mr_auto_free char *needs = mr_option_needs(option);
    if (needs) {
        mr_show_text(out, HELP_INDENT, needs);
    }
}

void mr_help_connector(FILE *out, const mr_connector *connector)
{
    mr_connector_flags flags = mr_connector_flags_of(connector);
    bool both = mr_connector_find(connector->name, true, false) &&
                mr_connector_find(connector->name, false, true); /* a name alone would not do */
    const char *kind = !both ? "" : connector->source ? "source " : "sink ";
    fprintf(out, "millrace %s%s: %s\n\n", kind, connector->name, connector->summary);
    mr_show_heading(out, "Usage");
    fprintf(out, "  millrace %s%s [flags]\n\n", kind, connector->name);
    mr_show_text(out, 0, connector->help);
    fputc('\n', out);
    mr_show_heading(out, "Options (required ones first; in brackets: what is allowed, default, "
                         "environment variable)");
    for (int required = 1; required >= 0; required--) {
        for (size_t i = 0; i < flags.count; i++) {
            const mr_option *o = flags.options[i];
            if ((o && (o->flags & MR_OPT_REQUIRED)) == required) {
                show_option_flag(out, connector, &flags.flags[i], o);
            }
        }
    }
    show_flags(out, "Flags of every run", mr_run_flags);
    mr_connector_flags_release(&flags);
}

/* --- The verb --- */

static int unknown_topic(const char *word)
{
    const char *names[128];
    size_t n = 0;
    for (const mr_verb *v = mr_verbs; v->name; v++) {
        names[n++] = v->name;
    }
    for (const mr_topic *t = mr_topics; t->name; t++) {
        names[n++] = t->name;
    }
    for (const mr_connector *const *c = mr_connectors; *c && n < 127; c++) {
        names[n++] = (*c)->name;
    }
    names[n] = NULL;
    const char *near = mr_nearest(names, word);
    return mr_complain(MR_EXIT_USAGE,
                       "there is no help about \"%s\"%s%s%s; `millrace help` lists "
                       "what there is",
                       word, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

int mr_verb_help(const mr_args *args)
{
    if (args->word_count == 0) {
        mr_help_overview(stdout);
        return MR_EXIT_OK;
    }
    const char *word = args->words[0];
    const mr_verb *verb = mr_verb_find(word);
    if (verb) {
        mr_help_verb(stdout, verb);
        return MR_EXIT_OK;
    }
    for (const mr_topic *t = mr_topics; t->name; t++) {
        if (strcmp(t->name, word) == 0) {
            mr_show_text(stdout, 0, t->text);
            return MR_EXIT_OK;
        }
    }
    bool found = false;
    for (const mr_connector *const *c = mr_connectors; *c; c++) {
        if (strcmp((*c)->name, word) == 0) {
            fputs(found ? "\n" : "", stdout);
            mr_help_connector(stdout, *c);
            found = true;
        }
    }
    return found ? MR_EXIT_OK : unknown_topic(word);
}
