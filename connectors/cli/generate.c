/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `millrace generate <folder>`: the reference in Markdown and the man pages, from the same tables
 * as everything else, and in the folder's types.md, which people write, what connectors know of
 * types. tests/lint/reference.sh compares them with what is in the repository.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/needs.h"
#include "base/options.h"
#include "base/read_file.h"
#include "cli/connect.h"
#include "cli/help.h"
#include "cli/verbs.h"

static FILE *create(const char *folder, const char *sub, const char *name, const char *suffix)
{
    mr_auto_free char *path = mr_format("%s/%s/%s%s", folder, sub, name, suffix);
    FILE *out = fopen(path, "we");
    if (!out) {
        mr_complain(MR_EXIT_FAILED, "cannot write %s: %s", path, strerror(errno));
    }
    return out;
}

static bool finish(FILE *out)
{
    bool bad = ferror(out) != 0;
    bad = fclose(out) != 0 || bad;
    if (bad) {
        mr_complain(MR_EXIT_FAILED, "cannot write: %s", strerror(errno));
    }
    return !bad;
}

/* --- Markdown --- */

/* Text for a cell of a table. */
static void md_cell(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|' || *text == '<') {
            fputc('\\', out);
        }
        fputc(*text == '\n' ? ' ' : *text, out);
    }
}

/* Paragraphs; lines that start with blanks become code blocks. */
static void md_text(FILE *out, const char *text)
{
    bool code = false;
    while (*text) {
        size_t len = strcspn(text, "\n");
        bool is_code = *text == ' ';
        if (is_code != code) {
            fputs("```\n", out);
            code = is_code;
        }
        fprintf(out, "%.*s\n", (int)len, text);
        text += len + (text[len] == '\n');
    }
    fputs(code ? "```\n" : "", out);
}

static void md_options(FILE *out, const char *title, const mr_option *table)
{
    if (!table || !table->name) {
        return;
    }
    fprintf(out, "\n## %s\n\n| option | allowed | default | meaning |\n|---|---|---|---|\n", title);
    for (const mr_option *o = table; o->name; o++) {
        mr_auto_free char *allowed = mr_option_allowed(o);
        fprintf(out, "| `%s`%s%s | ", o->name, o->flags & MR_OPT_REQUIRED ? " (required)" : "",
                o->flags & MR_OPT_SECRET ? " (secret)" : "");
        md_cell(out, allowed);
        fputs(" | ", out);
        if (o->dflt && *o->dflt) {
            fprintf(out, "`%s`", o->dflt);
        }
        fputs(" | ", out);
        mr_auto_free char *help = mr_option_help(o);
        md_cell(out, help);
        fputs(" |\n", out);
    }
}

static void md_connector(FILE *out, const mr_connector *c, bool first)
{
    bool source = c->source != NULL;
    if (first) {
        fprintf(out, "# %s\n\n", c->name);
    }
    fprintf(out, "%s%s: %s.\n\n", first ? "" : "\n", source ? "Source" : "Sink", c->summary);
    md_text(out, c->help);
    fprintf(out, "\nAs flags, `key.fields` is `--key-fields`; as an environment variable it is "
                 "`MILLRACE_");
    for (const char *p = c->name; *p; p++) {
        fputc(toupper((unsigned char)*p), out);
    }
    fputs("_KEY_FIELDS`.\n", out);
    md_options(out, source ? "Options of this source" : "Options of this sink", c->options);
    if (!source) {
        md_options(out, "Options of a route (beside `routes`: defaults for all of them)",
                   c->route_options);
    }
    md_options(out, source ? "Options of every source" : "Options of every sink",
               source ? mr_source_common : mr_sink_common);
}

static void md_flag_name(FILE *out, const mr_flag *f)
{
    fputs("`", out);
    if (f->letter) {
        fprintf(out, "-%c, ", f->letter);
    }
    fprintf(out, "--%s", f->name);
    if (f->value) {
        fprintf(out, f->optional ? "[=%s]" : " <%s>", f->value);
    }
    fputs("`", out);
}

static void md_verb(FILE *out, const mr_verb *v)
{
    fprintf(out, "\n## millrace %s %s\n\n", v->name, v->usage);
    md_text(out, v->help);
    if (v->flags->name) {
        fputs("\n| flag | meaning |\n|---|---|\n", out);
    }
    for (const mr_flag *f = v->flags; f->name; f++) {
        fputs("| ", out);
        md_flag_name(out, f);
        fputs(" | ", out);
        md_cell(out, f->help);
        fputs(" |\n", out);
    }
    if (v->examples) {
        fprintf(out, "\n```\n%s\n```\n", v->examples);
    }
}

static bool write_cli(const char *folder)
{
    FILE *out = create(folder, "reference", "cli", ".md");
    if (!out) {
        return false;
    }
    fputs("# The command line\n\nMade by `millrace generate docs`. A connector's name is a verb "
          "too: `millrace file --help`.\n",
          out);
    for (const mr_verb *v = mr_verbs; v->name; v++) {
        if (!v->hidden) {
            md_verb(out, v);
        }
    }
    for (const mr_topic *t = mr_topics; t->name; t++) {
        fprintf(out, "\n## %c%s\n\n", toupper((unsigned char)t->summary[0]), t->summary + 1);
        md_text(out, t->text);
    }
    return finish(out);
}

static bool write_index(const char *folder)
{
    FILE *out = create(folder, "reference", "README", ".md");
    if (!out) {
        return false;
    }
    fputs("# Reference\n\nMade by `millrace generate docs` from the tables in the code; not to be "
          "edited.\n\n- [The command line](cli.md)\n"
          "- [From Kafka Connect's JDBC sinks](from-kafka-connect.md)\n",
          out);
    for (const mr_connector *const *c = mr_connectors; *c; c++) {
        fprintf(out, "- [%s](%s.md): %s\n", (*c)->name, (*c)->name, (*c)->summary);
    }
    return finish(out);
}

static bool write_moving(const char *folder)
{
    FILE *out = create(folder, "reference", "from-kafka-connect", ".md");
    if (!out) {
        return false;
    }
    mr_connect_page(out);
    return finish(out);
}

/* --- Types --- */

enum { PAGE_LIMIT_BYTES = 1 << 20 };

/* Writes the page out again, with what stands between the connector's two marks made anew. */
static bool write_page_types(const char *folder, const mr_connector *connector, const char *page)
{
    mr_auto_free char *mark =
        mr_format("<!-- millrace generate: types of %s -->\n", connector->name);
    const char *start = strstr(page, mark);
    const char *end = start ? strstr(start, "<!-- end -->") : NULL;
    if (!end) {
        mr_complain(MR_EXIT_FAILED, "%s/types.md has no lines %.*s and <!-- end -->", folder,
                    (int)strlen(mark) - 1, mark);
        return false;
    }
    start += strlen(mark);
    FILE *out = create(folder, ".", "types", ".md");
    if (!out) {
        return false;
    }
    fprintf(out, "%.*s", (int)(start - page), page);
    connector->write_types(out);
    fputs(end, out);
    return finish(out);
}

/* A folder without the page gets none. */
static bool write_types(const char *folder)
{
    mr_auto_free char *path = mr_format("%s/types.md", folder);
    for (const mr_connector *const *c = mr_connectors; *c; c++) {
        if (!(*c)->write_types || access(path, F_OK) != 0) {
            continue;
        }
        mr_buffer page = MR_BUFFER_INIT(PAGE_LIMIT_BYTES);
        mr_error err;
        bool good = mr_read_file(path, &page, &err) == MR_OK;
        if (!good) {
            mr_complain(MR_EXIT_FAILED, "%s", err.text);
        }
        good = good && write_page_types(folder, *c, mr_buffer_text(&page));
        mr_buffer_release(&page);
        if (!good) {
            return false;
        }
    }
    return true;
}

/* --- Man pages --- */

/* Escapes what roff would take as its own. */
static void roff(FILE *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (i == 0 && (*text == '.' || *text == '\'')) {
            fputs("\\&", out);
        }
        if (text[i] == '\\') {
            fputs("\\e", out);
        } else if (text[i] == '-') {
            fputs("\\-", out);
        } else {
            fputc(text[i], out);
        }
    }
}

static void roff_text(FILE *out, const char *text)
{
    bool code = false;
    while (*text) {
        size_t len = strcspn(text, "\n");
        bool is_code = *text == ' ';
        if (is_code != code) {
            fputs(is_code ? ".nf\n" : ".fi\n", out);
            code = is_code;
        }
        if (len == 0) {
            fputs(".PP\n", out);
        } else {
            roff(out, text, len);
            fputc('\n', out);
        }
        text += len + (text[len] == '\n');
    }
    fputs(code ? ".fi\n" : "", out);
}

static void roff_item(FILE *out, const char *name, const char *value, bool optional)
{
    fputs(".TP\n\\fB", out);
    roff(out, name, strlen(name));
    fputs("\\fR", out);
    if (value) {
        fputs(optional ? "[=\\fI" : " \\fI", out);
        roff(out, value, strlen(value));
        fputs(optional ? "\\fR]" : "\\fR", out);
    }
    fputc('\n', out);
}

static void roff_flags(FILE *out, const mr_flag *flags)
{
    for (const mr_flag *f = flags; f->name; f++) {
        char letter[] = {'-', f->letter, ',', ' ', '\0'};
        mr_auto_free char *name = mr_format("%s--%s", f->letter ? letter : "", f->name);
        roff_item(out, name, f->value, f->optional);
        roff_text(out, f->help);
    }
}

static void roff_head(FILE *out, const char *name, const char *summary)
{
    fputs(".\\\" Made by millrace generate.\n.TH \"", out);
    for (const char *p = name; *p; p++) {
        fputc(toupper((unsigned char)*p), out);
    }
    fputs("\" \"1\" \"\" \"millrace\" \"millrace manual\"\n.SH NAME\n", out);
    roff(out, name, strlen(name));
    fputs(" \\- ", out);
    roff(out, summary, strlen(summary));
    fputc('\n', out);
}

static bool man_program(const char *folder)
{
    FILE *out = create(folder, "man", "millrace", ".1");
    if (!out) {
        return false;
    }
    roff_head(out, "millrace", "data connectors on Kafka");
    fputs(".SH SYNOPSIS\n\\fBmillrace\\fR \\fIverb\\fR ...\n.br\n\\fBmillrace\\fR "
          "\\fIconnector\\fR [flags]\n.SH VERBS\n",
          out);
    for (const mr_verb *v = mr_verbs; v->name; v++) {
        if (v->hidden) {
            continue;
        }
        fprintf(out, ".SS \"");
        roff(out, v->name, strlen(v->name));
        fputc(' ', out);
        roff(out, v->usage, strlen(v->usage));
        fputs("\"\n", out);
        roff_text(out, v->help);
        roff_flags(out, v->flags);
        if (v->examples) {
            fputs(".PP\nExamples:\n.nf\n.RS\n", out);
            for (const char *e = v->examples; *e;) {
                size_t len = strcspn(e, "\n");
                roff(out, e, len);
                fputc('\n', out);
                e += len + (e[len] == '\n');
            }
            fputs(".RE\n.fi\n", out);
        }
    }
    for (const mr_topic *t = mr_topics; t->name; t++) {
        fputs(".SH \"", out);
        for (const char *p = t->name; *p; p++) {
            fputc(*p == '-' ? ' ' : toupper((unsigned char)*p), out);
        }
        fputs("\"\n", out);
        roff_text(out, t->text);
    }
    return finish(out);
}

static bool man_connector(const char *folder, const mr_connector *connector)
{
    mr_auto_free char *name = mr_format("millrace-%s", connector->name);
    FILE *out = create(folder, "man", name, ".1");
    if (!out) {
        return false;
    }
    mr_connector_flags flags = mr_connector_flags_of(connector);
    roff_head(out, name, connector->summary);
    fputs(".SH SYNOPSIS\n\\fBmillrace ", out);
    roff(out, connector->name, strlen(connector->name));
    fputs("\\fR [flags]\n.SH DESCRIPTION\n", out);
    roff_text(out, connector->help);
    fputs(".SH OPTIONS\n", out);
    roff_flags(out, flags.flags);
    fputs(".SH \"FLAGS OF EVERY RUN\"\n", out);
    roff_flags(out, mr_run_flags);
    fputs(".SH \"SEE ALSO\"\n\\fBmillrace\\fR(1)\n", out);
    mr_connector_flags_release(&flags);
    return finish(out);
}

/* --- The verb --- */

static bool make_folder(const char *folder, const char *sub)
{
    mr_auto_free char *path = mr_format("%s/%s", folder, sub);
    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        mr_complain(MR_EXIT_FAILED, "cannot make folder %s: %s", path, strerror(errno));
        return false;
    }
    return true;
}

/* A source and a sink of one name share a page: the first one writes it for both. */
static bool write_connector(const char *folder, const mr_connector *connector)
{
    for (const mr_connector *const *c = mr_connectors; *c != connector; c++) {
        if (strcmp((*c)->name, connector->name) == 0) {
            return true;
        }
    }
    FILE *out = create(folder, "reference", connector->name, ".md");
    if (!out) {
        return false;
    }
    bool first = true;
    for (const mr_connector *const *c = mr_connectors; *c; c++) {
        if (strcmp((*c)->name, connector->name) == 0) {
            md_connector(out, *c, first);
            first = false;
        }
    }
    return finish(out) && man_connector(folder, connector);
}

int mr_verb_generate(const mr_args *args)
{
    const char *folder = args->words[0];
    if (!make_folder(folder, "reference") || !make_folder(folder, "man") || !write_index(folder) ||
        !write_cli(folder) || !write_moving(folder) || !write_types(folder) ||
        !man_program(folder)) {
        return MR_EXIT_FAILED;
    }
    for (const mr_connector *const *c = mr_connectors; *c; c++) {
        if (!write_connector(folder, *c)) {
            return MR_EXIT_FAILED;
        }
    }
    return MR_EXIT_OK;
}
