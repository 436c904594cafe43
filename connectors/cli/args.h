/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments of a verb, taken apart. Strings are borrowed from argv. */
#ifndef MR_CLI_ARGS_H
#define MR_CLI_ARGS_H

#include "cli/cli.h"

typedef struct mr_given {
    const mr_flag *flag;
    const char *value; /* NULL: the flag takes none */
} mr_given;

typedef struct mr_args {
    const mr_verb *verb;
    mr_given *given; /* in order; a flag may be given more than once */
    size_t given_count;
    const char **words;
    size_t word_count;
} mr_args;

/* --name value, --name=value, -X value, -Xvalue; "--" ends the flags. `flags` are those allowed,
 * `more` (NULL: none) another table. A problem is printed, with the nearest right flag: false.
 * Release in any case. */
bool mr_args_parse(const mr_flag *flags, const mr_flag *more, int argc, const char *const *argv,
                   mr_args *ret);
void mr_args_release(mr_args *args);

/* Value of the last --name; NULL: not given. */
const char *mr_args_value(const mr_args *args, const char *name);
bool mr_args_has(const mr_args *args, const char *name);
/* Is --help or -h among them? */
bool mr_args_help(int argc, const char *const *argv);

/* A whole number within the limits; `dflt` when not given; a problem is printed: false. */
bool mr_args_integer(const mr_args *args, const char *name, long long dflt, long long min,
                     long long max, long long *ret);

#endif
