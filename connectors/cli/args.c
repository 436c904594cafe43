/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing of flags against a table. getopt_long() knows neither the nearest right name nor tables
 * made at run time. */
#include "cli/args.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/options.h"

static const mr_flag *find_letter(const mr_flag *flags, char letter)
{
    for (; flags && flags->name; flags++) {
        if (flags->letter == letter) {
            return flags;
        }
    }
    return NULL;
}

static const mr_flag *find_name(const mr_flag *flags, const char *name, size_t len)
{
    for (; flags && flags->name; flags++) {
        if (strlen(flags->name) == len && memcmp(flags->name, name, len) == 0) {
            return flags;
        }
    }
    return NULL;
}

static const char *nearest(const mr_flag *flags, const mr_flag *more, const char *name)
{
    const char *names[256];
    size_t n = 0;
    for (; flags && flags->name && n < 255; flags++) {
        names[n++] = flags->name;
    }
    for (; more && more->name && n < 255; more++) {
        names[n++] = more->name;
    }
    names[n] = NULL;
    return mr_nearest(names, name);
}

static bool unknown(const mr_flag *flags, const mr_flag *more, const char *arg, size_t len)
{
    char *name = mr_strndup(arg, len);
    const char *near = nearest(flags, more, name + strspn(name, "-"));
    mr_complain(MR_EXIT_USAGE, "there is no flag %s%s%s%s; --help lists them", name,
                near ? "; did you mean --" : "", near ? near : "", near ? "?" : "");
    free(name);
    return false;
}

static bool allowed(const mr_flag *flag, const char *value)
{
    if (!flag->choices) {
        return true;
    }
    for (const char *const *c = flag->choices; *c; c++) {
        if (strcmp(*c, value) == 0) {
            return true;
        }
    }
    const char *near = mr_nearest(flag->choices, value);
    fprintf(stderr, "millrace: --%s: found \"%s\"; allowed:", flag->name, value);
    for (const char *const *c = flag->choices; *c; c++) {
        fprintf(stderr, "%s %s", c == flag->choices ? "" : ",", *c);
    }
    fprintf(stderr, "%s%s%s\n", near ? "; did you mean \"" : "", near ? near : "",
            near ? "\"?" : "");
    return false;
}

/* A flag with its value: `inside` is what stood in the same argument (NULL: nothing). *i moves on
 * when the next argument is the value. */
static bool take(mr_args *ret, const mr_flag *flag, const char *inside, int *i, int argc,
                 const char *const *argv)
{
    const char *value = inside;
    if (!flag->value && inside) {
        mr_complain(MR_EXIT_USAGE, "--%s takes no value", flag->name);
        return false;
    }
    if (flag->value && !inside) {
        if (flag->optional) {
            value = "true";
        } else if (*i + 1 < argc) {
            value = argv[++*i];
        } else {
            mr_complain(MR_EXIT_USAGE, "--%s needs a value: --%s <%s>", flag->name, flag->name,
                        flag->value);
            return false;
        }
    }
    ret->given[ret->given_count++] = (mr_given){flag, value};
    return !value || allowed(flag, value);
}

static bool take_long(mr_args *ret, const mr_flag *flags, const mr_flag *more, int *i, int argc,
                      const char *const *argv)
{
    const char *name = argv[*i] + 2;
    size_t len = strcspn(name, "=");
    const mr_flag *flag = find_name(flags, name, len);
    if (!flag) {
        flag = find_name(more, name, len);
    }
    if (!flag) {
        return unknown(flags, more, argv[*i], len + 2);
    }
    return take(ret, flag, name[len] ? name + len + 1 : NULL, i, argc, argv);
}

static bool take_short(mr_args *ret, const mr_flag *flags, const mr_flag *more, int *i, int argc,
                       const char *const *argv)
{
    const char *arg = argv[*i];
    const mr_flag *flag = find_letter(flags, arg[1]);
    if (!flag) {
        flag = find_letter(more, arg[1]);
    }
    if (!flag) {
        return unknown(flags, more, arg, strlen(arg));
    }
    return take(ret, flag, arg[2] ? arg + 2 : NULL, i, argc, argv);
}

bool mr_args_parse(const mr_flag *flags, const mr_flag *more, int argc, const char *const *argv,
                   mr_args *ret)
{
    bool flags_over = false;
    *ret = (mr_args){.given = mr_calloc((size_t)argc, sizeof *ret->given),
                     .words = mr_calloc((size_t)argc, sizeof *ret->words)};
    for (int i = 0; i < argc; i++) {
        const char *arg = argv[i];
        if (flags_over || arg[0] != '-' || arg[1] == '\0') {
            ret->words[ret->word_count++] = arg;
        } else if (strcmp(arg, "--") == 0) {
            flags_over = true;
        } else if (arg[1] == '-' ? !take_long(ret, flags, more, &i, argc, argv)
                                 : !take_short(ret, flags, more, &i, argc, argv)) {
            return false;
        }
    }
    return true;
}

void mr_args_release(mr_args *args)
{
    free(args->given);
    free(args->words);
    *args = (mr_args){.verb = args->verb};
}

const char *mr_args_value(const mr_args *args, const char *name)
{
    for (size_t i = args->given_count; i-- > 0;) {
        if (strcmp(args->given[i].flag->name, name) == 0) {
            return args->given[i].value;
        }
    }
    return NULL;
}

bool mr_args_has(const mr_args *args, const char *name)
{
    for (size_t i = 0; i < args->given_count; i++) {
        if (strcmp(args->given[i].flag->name, name) == 0) {
            return true;
        }
    }
    return false;
}

bool mr_args_help(int argc, const char *const *argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

bool mr_args_integer(const mr_args *args, const char *name, long long dflt, long long min,
                     long long max, long long *ret)
{
    const char *text = mr_args_value(args, name);
    char *end;
    *ret = dflt;
    if (!text) {
        return true;
    }
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end || errno || value < min || value > max) {
        if (max >= INT32_MAX) {
            mr_complain(MR_EXIT_USAGE,
                        "--%s: found \"%s\"; allowed: a whole number of at least %lld", name, text,
                        min);
        } else {
            mr_complain(MR_EXIT_USAGE,
                        "--%s: found \"%s\"; allowed: a whole number from %lld to %lld", name, text,
                        min, max);
        }
        return false;
    }
    *ret = value;
    return true;
}
