/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line. One file per verb, all in one table (cli/verbs.c) that serves parsing, help,
 * completion, man page and reference alike.
 *
 * Output   What was asked for goes to stdout; logs, progress and problems go to stderr. With --json
 *          stdout is JSON and nothing else. Colour only on a terminal, never with NO_COLOR.
 * Threads  Main thread only.
 */
#ifndef MR_CLI_CLI_H
#define MR_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Exit codes; explained to users in `millrace help exit-codes`. */
enum {
    MR_EXIT_OK = 0,
    MR_EXIT_FAILED = 1,      /* the work failed; restarting it as it is will not help */
    MR_EXIT_USAGE = 2,       /* bad usage or configuration: nothing was started */
    MR_EXIT_MISSING = 3,     /* what was asked for is not there */
    MR_EXIT_UNREACHABLE = 4, /* no broker answered in time */
};

/* What a word or a flag's value is, for completion. */
typedef enum mr_word {
    MR_WORD_NONE,
    MR_WORD_TEXT,
    MR_WORD_FILE,
    MR_WORD_CONNECTOR,
    MR_WORD_SOURCE,
    MR_WORD_SINK,
    MR_WORD_SHELL,
    MR_WORD_TOPIC, /* of help */
} mr_word;

typedef struct mr_flag {
    const char *name;  /* "once" for --once; NULL ends a table */
    char letter;       /* 'X' for -X; 0: none */
    const char *value; /* what its value is called in help; NULL: takes none */
    bool optional;     /* --name alone means --name=true */
    mr_word word;
    const char *const *choices; /* NULL-terminated; NULL: any value */
    const char *help;
} mr_flag;

#define MR_FLAGS_END                                                                               \
    {                                                                                              \
        NULL, 0, NULL, false, MR_WORD_NONE, NULL, NULL                                             \
    }

struct mr_args;

typedef struct mr_verb {
    const char *name;
    const char *summary;  /* one line */
    const char *usage;    /* what follows the verb */
    const char *help;     /* paragraphs */
    const char *examples; /* lines; NULL: none */
    const mr_flag *flags; /* beside --help */
    size_t words_min, words_max;
    mr_word word; /* what its words are */
    bool hidden;
    int (*run)(const struct mr_args *args);
    /* Instead of run, for verbs whose flags depend on their first word. */
    int (*raw)(const struct mr_verb *verb, int argc, const char *const *argv);
} mr_verb;

/* All verbs; ends with a NULL name. */
extern const mr_verb mr_verbs[];
const mr_verb *mr_verb_find(const char *name);

/* Runs the program; the result is its exit code. */
int mr_cli(int argc, char **strings);

/* "millrace: " and the text and a line break on stderr; returns code. */
int mr_complain(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
