/* SPDX-License-Identifier: Apache-2.0 */
/* `millrace completion`: scripts made of the tables, so that they know just what this binary does.
 */
#include <string.h>

#include "cli/help.h"
#include "cli/verbs.h"

/* A word after which a set of flags holds: a verb or a connector. */
typedef struct scope {
    const char *name, *summary;
    const char *kind; /* connectors: "source" or "sink", which makes the name unique; else "" */
    bool command;     /* the name alone says what is meant */
    const mr_flag *flags, *more;
    mr_word word;
} scope;

typedef void each_scope(const scope *s);

static bool is_unique(const mr_connector *connector)
{
    size_t count = 0;
    for (const mr_connector *const *c = mr_connectors; *c; c++) {
        count += strcmp((*c)->name, connector->name) == 0;
    }
    return count == 1;
}

static void for_scopes(each_scope *each)
{
    for (const mr_verb *v = mr_verbs; v->name; v++) {
        if (!v->hidden) {
            each(&(scope){v->name, v->summary, "", true, v->flags, NULL, v->word});
        }
    }
    for (const mr_connector *const *c = mr_connectors; *c; c++) {
        mr_connector_flags flags = mr_connector_flags_of(*c);
        each(&(scope){(*c)->name, (*c)->summary, (*c)->source ? "source" : "sink", is_unique(*c),
                      flags.flags, mr_run_flags, MR_WORD_NONE});
        mr_connector_flags_release(&flags);
    }
}

/* What bash and zsh have in $verb within the scope: "run", "sink-postgres". */
static void print_key(const scope *s)
{
    printf("%s%s%s", s->kind, *s->kind ? "-" : "", s->name);
}

/* A connector's name as a command: what it stands for. */
static void short_form(const scope *s)
{
    if (*s->kind && s->command) {
        printf("        %s) verb=", s->name);
        print_key(s);
        puts(" ;;");
    }
}

typedef void each_flag(const scope *s, const mr_flag *flag);

static void for_flags(const scope *s, each_flag *each)
{
    static const mr_flag help = {
        "help", 'h', NULL, false, MR_WORD_NONE, NULL, "Explains it, with examples."};
    for (const mr_flag *f = s->flags; f && f->name; f++) {
        each(s, f);
    }
    for (const mr_flag *f = s->more; f && f->name; f++) {
        each(s, f);
    }
    each(s, &help);
}

/* The first sentence, without what would end a quoted word of a shell. */
static void print_summary(const char *text)
{
    for (; *text && !(text[0] == '.' && (text[1] == ' ' || text[1] == '\0')) && *text != '\n';
         text++) {
        if (!strchr("'\\:[]`$\"", *text)) {
            putchar(*text);
        }
    }
}

static void print_choices(const mr_flag *flag)
{
    for (const char *const *c = flag->choices; *c; c++) {
        printf("%s%s", c == flag->choices ? "" : " ", *c);
    }
}

static void print_words(mr_word word)
{
    if (word == MR_WORD_SHELL) {
        fputs("bash zsh fish", stdout);
    }
    if (word == MR_WORD_TOPIC) {
        for (const mr_verb *v = mr_verbs; v->name; v++) {
            printf("%s%s", v->hidden ? "" : v->name, v->hidden ? "" : " ");
        }
        for (const mr_topic *t = mr_topics; t->name; t++) {
            printf("%s ", t->name);
        }
    }
    for (const mr_connector *const *c = mr_connectors; *c; c++) {
        bool first = is_unique(*c) || (*c)->source; /* of two of one name */
        if (word == MR_WORD_SOURCE                               ? (*c)->source != NULL
            : word == MR_WORD_SINK                               ? (*c)->sink != NULL
            : word == MR_WORD_CONNECTOR || word == MR_WORD_TOPIC ? first
                                                                 : false) {
            printf("%s ", (*c)->name);
        }
    }
}

static void word_of_scope(const scope *s)
{
    printf("%s%s", s->command ? s->name : "", s->command ? " " : "");
}

/* --- bash --- */

static void bash_value(const scope *s, const mr_flag *flag)
{
    if (flag->choices) {
        fputs("        ", stdout);
        print_key(s);
        printf(":--%s) COMPREPLY=($(compgen -W \"", flag->name);
        print_choices(flag);
        puts("\" -- \"$cur\")); return ;;");
    } else if (flag->word == MR_WORD_FILE) {
        fputs("        ", stdout);
        print_key(s);
        printf(":--%s", flag->name);
        if (flag->letter) {
            putchar('|');
            print_key(s);
            printf(":-%c", flag->letter);
        }
        puts(") COMPREPLY=($(compgen -f -- \"$cur\")); return ;;");
    } else if (flag->value) {
        fputs("        ", stdout);
        print_key(s);
        printf(":--%s) return ;;\n", flag->name);
    }
}

static void bash_values(const scope *s)
{
    for_flags(s, bash_value);
}

static void bash_flag(const scope *s, const mr_flag *flag)
{
    (void)s;
    printf("--%s ", flag->name);
}

static void bash_scope(const scope *s)
{
    fputs("        ", stdout);
    print_key(s);
    fputs(") flags=\"", stdout);
    for_flags(s, bash_flag);
    fputs("\"; words=\"", stdout);
    print_words(s->word);
    puts("\" ;;");
}

static void bash(void)
{
    fputs("# Completion of millrace for bash: source <(millrace completion bash)\n"
          "_millrace() {\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
          "    local verb=${COMP_WORDS[1]} flags= words=\n"
          "    COMPREPLY=()\n"
          "    if [[ $COMP_CWORD -eq 1 ]]; then\n"
          "        COMPREPLY=($(compgen -W \"",
          stdout);
    for_scopes(word_of_scope);
    fputs("\" -- \"$cur\"))\n"
          "        return\n"
          "    fi\n"
          "    if [[ ( $verb == source || $verb == sink ) && $COMP_CWORD -gt 2 ]]; then\n"
          "        verb=$verb-${COMP_WORDS[2]}\n"
          "    fi\n"
          "    case \"$verb\" in\n",
          stdout);
    for_scopes(short_form);
    fputs("    esac\n"
          "    case \"$verb:$prev\" in\n",
          stdout);
    for_scopes(bash_values);
    fputs("    esac\n"
          "    case \"$verb\" in\n",
          stdout);
    for_scopes(bash_scope);
    fputs("    esac\n"
          "    if [[ $cur == -* ]]; then\n"
          "        COMPREPLY=($(compgen -W \"$flags\" -- \"$cur\"))\n"
          "    elif [[ -n $words ]]; then\n"
          "        COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
          "    fi\n"
          "}\n"
          "complete -o default -F _millrace millrace\n",
          stdout);
}

/* --- zsh --- */

static void zsh_first(const scope *s)
{
    if (!s->command) {
        return;
    }
    printf("            '%s:", s->name);
    print_summary(s->summary);
    puts("'");
}

static void zsh_value(const scope *s, const mr_flag *flag)
{
    if (flag->choices) {
        fputs("        ", stdout);
        print_key(s);
        printf(":--%s) compadd -- ", flag->name);
        print_choices(flag);
        puts("; return ;;");
    } else if (flag->word == MR_WORD_FILE) {
        fputs("        ", stdout);
        print_key(s);
        printf(":--%s) _files; return ;;\n", flag->name);
    } else if (flag->value) {
        fputs("        ", stdout);
        print_key(s);
        printf(":--%s) return ;;\n", flag->name);
    }
}

static void zsh_values(const scope *s)
{
    for_flags(s, zsh_value);
}

static void zsh_flag(const scope *s, const mr_flag *flag)
{
    (void)s;
    printf("            '--%s:", flag->name);
    print_summary(flag->help);
    puts("'");
}

static void zsh_scope(const scope *s)
{
    fputs("        ", stdout);
    print_key(s);
    fputs(") others=(", stdout);
    print_words(s->word);
    puts(")\n            flags=(");
    for_flags(s, zsh_flag);
    puts("            ) ;;");
}

static void zsh(void)
{
    fputs("#compdef millrace\n"
          "# Completion of millrace for zsh: put it into a folder of $fpath as _millrace.\n"
          "_millrace() {\n"
          "    local -a verbs flags others\n"
          "    if (( CURRENT == 2 )); then\n"
          "        verbs=(\n",
          stdout);
    for_scopes(zsh_first);
    fputs("        )\n"
          "        _describe verb verbs\n"
          "        return\n"
          "    fi\n"
          "    local verb=$words[2]\n"
          "    if [[ $verb == (source|sink) ]] && (( CURRENT > 3 )); then\n"
          "        verb=$verb-$words[3]\n"
          "    fi\n"
          "    case \"$verb\" in\n",
          stdout);
    for_scopes(short_form);
    fputs("    esac\n"
          "    case \"$verb:$words[CURRENT-1]\" in\n",
          stdout);
    for_scopes(zsh_values);
    fputs("    esac\n"
          "    case \"$verb\" in\n",
          stdout);
    for_scopes(zsh_scope);
    fputs("    esac\n"
          "    if [[ $words[CURRENT] == -* ]]; then\n"
          "        _describe -o flag flags\n"
          "    elif (( $#others )); then\n"
          "        compadd -- $others\n"
          "    else\n"
          "        _files\n"
          "    fi\n"
          "}\n"
          "if [[ $funcstack[1] == _millrace ]]; then\n"
          "    _millrace \"$@\"\n"
          "else\n"
          "    compdef _millrace millrace\n"
          "fi\n",
          stdout);
}

/* --- fish --- */

static void fish_condition(const scope *s)
{
    printf("complete -c millrace -n '__fish_seen_subcommand_from %s", s->name);
    if (!s->command) {
        printf("; and __fish_seen_subcommand_from %s", s->kind);
    }
    putchar('\'');
}

static void fish_flag(const scope *s, const mr_flag *flag)
{
    fish_condition(s);
    printf(" -l %s", flag->name);
    if (flag->letter) {
        printf(" -s %c", flag->letter);
    }
    if (flag->choices) {
        fputs(" -x -a '", stdout);
        print_choices(flag);
        putchar('\'');
    } else if (flag->word == MR_WORD_FILE) {
        fputs(" -r -F", stdout);
    } else if (flag->value) {
        fputs(" -x", stdout);
    }
    fputs(" -d '", stdout);
    print_summary(flag->help);
    puts("'");
}

static void fish_scope(const scope *s)
{
    if (s->command) {
        printf("complete -c millrace -f -n __fish_use_subcommand -a %s -d '", s->name);
        print_summary(s->summary);
        puts("'");
    }
    if (s->word != MR_WORD_NONE && s->word != MR_WORD_TEXT && s->word != MR_WORD_FILE) {
        fish_condition(s);
        fputs(" -a '", stdout);
        print_words(s->word);
        puts("'");
    }
    for_flags(s, fish_flag);
}

int mr_verb_completion(const mr_args *args)
{
    const char *shell = args->words[0];
    if (strcmp(shell, "bash") == 0) {
        bash();
    } else if (strcmp(shell, "zsh") == 0) {
        zsh();
    } else if (strcmp(shell, "fish") == 0) {
        puts("# Completion of millrace for fish: ~/.config/fish/completions/millrace.fish");
        for_scopes(fish_scope);
    } else {
        return mr_complain(MR_EXIT_USAGE, "no completion for \"%s\"; allowed: bash, zsh, fish",
                           shell);
    }
    return MR_EXIT_OK;
}
