/* SPDX-License-Identifier: Apache-2.0 */
/* What every registered connector must keep, whatever it does: its descriptor, its options, its
 * states. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/needs.h"
#include "base/options.h"
#include "runtime/config.h"

typedef void check_option(const mr_connector *connector, const mr_option *option,
                          const mr_option *table);

static void each_option(check_option *check)
{
    for (size_t i = 0; mr_connectors[i]; i++) {
        const mr_connector *c = mr_connectors[i];
        const mr_option *tables[] = {c->options, c->route_options};
        for (size_t t = 0; t < 2; t++) {
            for (const mr_option *o = tables[t]; o && o->name; o++) {
                check(c, o, tables[t]);
            }
        }
    }
}

static void descriptors_are_whole(void **state)
{
    (void)state;
    assert_non_null(mr_connectors[0]);
    for (size_t i = 0; mr_connectors[i]; i++) {
        const mr_connector *c = mr_connectors[i];
        assert_non_null(c->name);
        assert_true(c->summary && *c->summary);
        assert_true(c->help && strlen(c->help) > 40);
        assert_non_null(c->options);
        assert_true(c->state_size > 0);
        assert_int_equal((c->source != NULL) + (c->sink != NULL), 1);
        if (c->source) {
            assert_true(c->source->open && c->source->poll && c->source->close);
        } else {
            const mr_sink *s = c->sink;
            assert_true(s->open && s->begin && s->write && s->commit && s->abort && s->close);
            assert_true(!(c->capabilities & MR_STORES_OFFSETS) || s->recover);
            assert_true(!c->route_options || c->route_size > 0);
        }
    }
}

/* The option of that name that a connector has, in one of its tables. */
static const mr_option *option_of(const mr_connector *c, const char *name)
{
    const mr_option *tables[] = {c->source ? mr_source_common : mr_sink_common, c->options,
                                 c->route_options};
    for (size_t t = 0; t < 3; t++) {
        const mr_option *found = tables[t] ? mr_option_find(tables[t], name) : NULL;
        if (found) {
            return found;
        }
    }
    return NULL;
}

/* What an option needs is there, and can have the values that are named. */
static void need_is_possible(const mr_connector *c, const mr_option *o, const mr_option *table)
{
    mr_need need;
    (void)table;
    for (const char *needs = o->needs; mr_need_next(&needs, &need);) {
        const mr_option *other = option_of(c, need.option);
        assert_non_null(other);
        assert_ptr_not_equal(other, o);
        void *state = calloc(1, other->offset + sizeof(mr_list));
        char *rest = need.values;
        for (char *value = strtok_r(rest, ",", &rest); value; value = strtok_r(rest, ",", &rest)) {
            mr_error err;
            assert_int_equal(mr_option_set(other, state, value, &err), MR_OK);
        }
        mr_options_release((const mr_option[]){*other, MR_OPTIONS_END}, state);
        free(state);
    }
    char *words = mr_option_needs(o);
    assert_int_equal(words != NULL, o->needs != NULL);
    free(words);
}

static void needs_are_possible(void **state)
{
    (void)state;
    each_option(need_is_possible);
    for (size_t i = 0; mr_connectors[i]; i++) {
        const mr_option *common = mr_connectors[i]->source ? mr_source_common : mr_sink_common;
        for (const mr_option *o = common; o->name; o++) {
            need_is_possible(mr_connectors[i], o, common);
        }
    }
}

static void names_are_unique_per_kind(void **state)
{
    (void)state;
    for (size_t i = 0; mr_connectors[i]; i++) {
        for (size_t j = i + 1; mr_connectors[j]; j++) {
            bool same_kind = !mr_connectors[i]->source == !mr_connectors[j]->source;
            assert_true(!same_kind || strcmp(mr_connectors[i]->name, mr_connectors[j]->name) != 0);
        }
    }
}

static void check_text(const mr_connector *c, const mr_option *o, const mr_option *table)
{
    (void)table;
    bool good = strspn(o->name, "abcdefghijklmnopqrstuvwxyz0123456789.") == strlen(o->name) &&
                o->help && strlen(o->help) > 15 && o->help[strlen(o->help) - 1] == '.';
    if (!good) {
        print_error("%s: %s: a dotted lower-case name and help in full sentences are asked for\n",
                    c->name, o->name);
    }
    assert_true(good);
}

static void options_are_named_and_explained(void **state)
{
    (void)state;
    each_option(check_text);
}

static void check_not_taken(const mr_connector *c, const mr_option *o, const mr_option *table)
{
    const mr_option *common = c->source ? mr_source_common : mr_sink_common;
    const mr_option *other = table == c->options ? c->route_options : c->options;
    if (mr_option_find(common, o->name) || (other && mr_option_find(other, o->name))) {
        print_error("%s: %s stands in two tables\n", c->name, o->name);
        fail();
    }
    assert_ptr_equal(mr_option_find(table, o->name), o); /* and once in its own */
}

static void no_option_stands_in_two_tables(void **state)
{
    (void)state;
    each_option(check_not_taken);
}

static void check_secret(const mr_connector *c, const mr_option *o, const mr_option *table)
{
    (void)table;
    static const char *const hints[] = {"password", "secret", "token", "connection.url",
                                        "connection.uri"};
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
        if (strstr(o->name, hints[i]) && !(o->flags & MR_OPT_SECRET)) {
            print_error("%s: %s looks like a secret but is not marked as one\n", c->name, o->name);
            fail();
        }
    }
}

static void what_holds_passwords_is_secret(void **state)
{
    (void)state;
    each_option(check_secret);
}

/* A default must be a value that a user could write: set through the parser, field by field. */
static void check_default(const mr_connector *c, const mr_option *o, const mr_option *table)
{
    size_t size = table == c->options ? c->state_size : c->route_size;
    assert_true(o->offset < size);
    if (!o->dflt) {
        return;
    }
    assert_false(o->flags & MR_OPT_REQUIRED);
    mr_error err = {0};
    void *room = calloc(1, size);
    if (mr_option_set(o, room, o->dflt, &err) != MR_OK) {
        print_error("%s: %s: default: %s\n", c->name, o->name, err.text);
        fail();
    }
    mr_options_release(table, room);
    free(room);
}

static void defaults_are_valid(void **state)
{
    (void)state;
    each_option(check_default);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_are_whole),
        cmocka_unit_test(names_are_unique_per_kind),
        cmocka_unit_test(needs_are_possible),
        cmocka_unit_test(options_are_named_and_explained),
        cmocka_unit_test(no_option_stands_in_two_tables),
        cmocka_unit_test(what_holds_passwords_is_secret),
        cmocka_unit_test(defaults_are_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
