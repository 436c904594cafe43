/* SPDX-License-Identifier: Apache-2.0 */
/* Flags: all their forms, and that the flags of each connector do not clash with those of a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "cli/verbs.h"

static const char *const colors[] = {"red", "blue", NULL};
static const mr_flag flags[] = {
    {"once", 0, NULL, false, MR_WORD_NONE, NULL, ""},
    {"count", 'n', "number", false, MR_WORD_TEXT, NULL, ""},
    {"auto-create", 0, "true|false", true, MR_WORD_TEXT, NULL, ""},
    MR_FLAGS_END,
};
static const mr_flag more[] = {
    {"property", 'X', "name=value", false, MR_WORD_TEXT, NULL, ""},
    {"color", 0, "color", false, MR_WORD_TEXT, colors, ""},
    MR_FLAGS_END,
};

#define PARSE(args, ...)                                                                           \
    mr_args_parse(flags, more, (int)(sizeof(const char *[]){__VA_ARGS__} / sizeof(char *)),        \
                  (const char *[]){__VA_ARGS__}, args)

static void all_forms(void **arg)
{
    (void)arg;
    mr_args args;
    assert_true(PARSE(&args, "word", "--once", "-n", "5", "-n7", "--auto-create", "--color=red",
                      "-Xa=b", "-X", "c=d=e", "-", "--auto-create=false", "--", "--once", "-q"));
    assert_int_equal(args.word_count, 4);
    assert_string_equal(args.words[0], "word");
    assert_string_equal(args.words[1], "-");
    assert_string_equal(args.words[2], "--once");
    assert_string_equal(args.words[3], "-q");
    assert_true(mr_args_has(&args, "once"));
    assert_null(mr_args_value(&args, "once"));
    assert_string_equal(mr_args_value(&args, "count"), "7");
    assert_string_equal(mr_args_value(&args, "auto-create"), "false");
    assert_string_equal(mr_args_value(&args, "color"), "red");
    assert_int_equal(args.given_count, 8);
    assert_string_equal(args.given[5].value, "a=b");
    assert_string_equal(args.given[6].value, "c=d=e");
    long long n;
    assert_true(mr_args_integer(&args, "count", 1, 1, 10, &n));
    assert_int_equal(n, 7);
    assert_false(mr_args_integer(&args, "count", 1, 8, 10, &n));
    assert_true(mr_args_integer(&args, "nothing", 3, 1, 10, &n));
    assert_int_equal(n, 3);
    mr_args_release(&args);
}

static void values_may_look_like_flags(void **arg)
{
    (void)arg;
    mr_args args;
    assert_true(PARSE(&args, "-n", "-1", "--color", "blue", "-X", "--once"));
    assert_string_equal(mr_args_value(&args, "count"), "-1");
    assert_string_equal(mr_args_value(&args, "property"), "--once");
    assert_false(mr_args_has(&args, "once"));
    mr_args_release(&args);
}

static void refused(void **arg)
{
    (void)arg;
    mr_args args;
    assert_false(PARSE(&args, "--onse"));
    mr_args_release(&args);
    assert_false(PARSE(&args, "--once=1"));
    mr_args_release(&args);
    assert_false(PARSE(&args, "--count"));
    mr_args_release(&args);
    assert_false(PARSE(&args, "-q"));
    mr_args_release(&args);
    assert_false(PARSE(&args, "--color", "green"));
    mr_args_release(&args);
    assert_false(PARSE(&args, "--"
                              "=x"));
    mr_args_release(&args);
}

static void help_is_found(void **arg)
{
    (void)arg;
    assert_true(mr_args_help(2, (const char *[]){"x", "--help"}));
    assert_true(mr_args_help(1, (const char *[]){"-h"}));
    assert_false(mr_args_help(2, (const char *[]){"--", "-h"}));
    assert_false(mr_args_help(1, (const char *[]){"help"}));
}

static void assert_unlike(const mr_flag *a, const mr_flag *b)
{
    if (strcmp(a->name, b->name) == 0 || (a->letter && a->letter == b->letter)) {
        fail_msg("--%s is there twice", a->name);
    }
}

static void connector_flags_are_unique(void **arg)
{
    (void)arg;
    for (const mr_connector *const *c = mr_connectors; *c; c++) {
        mr_connector_flags f = mr_connector_flags_of(*c);
        assert_true(f.count > 5 && f.count < 100);
        for (size_t i = 0; i < f.count; i++) {
            for (const mr_flag *r = mr_run_flags; r->name; r++) {
                assert_unlike(&f.flags[i], r);
            }
            for (size_t j = 0; j < i; j++) {
                assert_unlike(&f.flags[i], &f.flags[j]);
            }
        }
        mr_connector_flags_release(&f);
    }
}

static void every_flag_and_verb_is_explained(void **arg)
{
    (void)arg;
    for (const mr_verb *v = mr_verbs; v->name; v++) {
        assert_true((v->run != NULL) != (v->raw != NULL));
        assert_true(strlen(v->help) > 20 && strlen(v->summary) < 80);
        assert_null(mr_connector_find(v->name, true, true)); /* connectors are verbs too */
        for (const mr_flag *f = v->flags; f->name; f++) {
            assert_true(strlen(f->help) > 10);
            assert_string_not_equal(f->name, "help");
        }
    }
}

/* A table whose default is wrong ends the program: here, not at a user's. */
static void tables_are_sound(void **arg)
{
    (void)arg;
    for (const mr_connector *const *c = mr_connectors; *c; c++) {
        const mr_option *const tables[] = {(*c)->options, (*c)->route_options};
        const size_t sizes[] = {(*c)->state_size, (*c)->route_size};
        for (size_t t = 0; t < 2; t++) {
            void *state = calloc(1, sizes[t] + 1);
            mr_options_defaults(tables[t], state);
            for (const mr_option *o = tables[t]; o && o->name; o++) {
                assert_true(o->offset < sizes[t]);
                assert_non_null(o->help);
                assert_true(o->help[strlen(o->help) - 1] == '.');
                assert_true(o->kind != MR_KIND_ENUM || mr_option_choice_count(o) > 0);
                assert_false((o->flags & MR_OPT_SECRET) && o->dflt);
                char *shown = mr_option_show(o, state);
                if (shown && o->kind != MR_KIND_TEXT) { /* what is shown can be read again */
                    mr_error err;
                    assert_int_equal(mr_option_set(o, state, shown, &err), MR_OK);
                }
                free(shown);
            }
            mr_options_release(tables[t], state);
            free(state);
        }
    }
}

static void environment_names(void **arg)
{
    (void)arg;
    const mr_connector *postgres = mr_connector_find("postgres", false, true);
    char *name =
        mr_option_environment(postgres, mr_option_find(postgres->options, "connection.url"));
    assert_string_equal(name, "MILLRACE_POSTGRES_CONNECTION_URL");
    free(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_forms),
        cmocka_unit_test(values_may_look_like_flags),
        cmocka_unit_test(refused),
        cmocka_unit_test(help_is_found),
        cmocka_unit_test(connector_flags_are_unique),
        cmocka_unit_test(every_flag_and_verb_is_explained),
        cmocka_unit_test(tables_are_sound),
        cmocka_unit_test(environment_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
