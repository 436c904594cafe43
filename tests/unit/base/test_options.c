/* SPDX-License-Identifier: Apache-2.0 */
/* Option tables: every kind from text and from JSON, its limits, and what is said when it is wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"

typedef struct state {
    const char *url, *password;
    bool create;
    int64_t tasks, window_ms, bytes;
    double ratio;
    int mode;
    mr_list keys;
} state;

static const char *const modes[] = {"insert", "upsert", NULL};
static const mr_option table[] = {
    MR_TEXT("connection.url", state, url, NULL, MR_OPT_REQUIRED, "Where."),
    MR_TEXT("password", state, password, NULL, MR_OPT_SECRET, "Secret."),
    MR_BOOLEAN("auto.create", state, create, "true", 0, "Create."),
    MR_INTEGER("tasks.max", state, tasks, "1", 1, 64, 0, "Tasks."),
    MR_TIME("window.ms", state, window_ms, "2s", 0, 300000, 0, "Window."),
    MR_SIZE("max.bytes", state, bytes, "64KiB", 1, (int64_t)1 << 40, 0, "Size."),
    MR_REAL("ratio", state, ratio, "0.5", 0, "Ratio."),
    MR_CHOICE("insert.mode", state, mode, "upsert", modes, 0, "Mode."),
    MR_LIST("key.fields", state, keys, "a, b", 0, "Keys."),
    MR_OPTIONS_END,
};

static int setup(void **ret)
{
    state *s = calloc(1, sizeof *s);
    mr_options_defaults(table, s);
    *ret = s;
    return 0;
}

static int teardown(void **ret)
{
    mr_options_release(table, *ret);
    free(*ret);
    return 0;
}

static mr_status set(state *s, const char *name, const char *text, mr_error *err)
{
    return mr_option_set(mr_option_find(table, name), s, text, err);
}

static mr_status set_json(state *s, const char *name, const char *json, mr_error *err)
{
    json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    mr_status status = mr_option_set_json(mr_option_find(table, name), s, value, err);
    json_decref(value);
    return status;
}

static void assert_refused(state *s, const char *name, const char *text, const char *says)
{
    mr_error err = {0};
    assert_int_equal(set(s, name, text, &err), MR_FATAL);
    assert_true(err.permanent);
    assert_int_equal(err.domain, MR_DOMAIN_CONFIG);
    assert_string_equal(err.field, name);
    if (!strstr(err.text, says)) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, says);
    }
}

static void defaults_are_set(void **arg)
{
    const state *s = *arg;
    assert_null(s->url);
    assert_true(s->create);
    assert_int_equal(s->tasks, 1);
    assert_int_equal(s->window_ms, 2000);
    assert_int_equal(s->bytes, 65536);
    assert_true(s->ratio == 0.5);
    assert_int_equal(s->mode, 1);
    assert_int_equal(s->keys.count, 2);
    assert_string_equal(s->keys.items[0], "a");
    assert_string_equal(s->keys.items[1], "b");
}

static void sizes(void **arg)
{
    state *s = *arg;
    static const struct {
        const char *text;
        int64_t bytes;
    } good[] = {{"100", 100},           {"100B", 100},        {"64KiB", 65536},
                {"64 kib", 65536},      {"1MB", 1000000},     {"1MiB", 1048576},
                {"3GB", 3000000000},    {"1GiB", 1073741824}, {"1TiB", (int64_t)1 << 40},
                {"1TB", 1000000000000}, {"7KB", 7000}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        mr_error err;
        assert_int_equal(set(s, "max.bytes", good[i].text, &err), MR_OK);
        assert_int_equal(s->bytes, good[i].bytes);
    }
    static const char *const bad[] = {"",
                                      "64K",
                                      "1.5MiB",
                                      "-1",
                                      "0",
                                      "2TiB",
                                      "KiB",
                                      "64 x",
                                      " 1",
                                      "+1",
                                      "9e3",
                                      "99999999999999999999",
                                      "9000000000000TiB"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_refused(s, "max.bytes", bad[i], "64KiB or 1MB, from 1B to 1TiB");
    }
    assert_int_equal(s->bytes, 7000); /* a refused value changes nothing */
}

static void durations(void **arg)
{
    state *s = *arg;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"250", 250}, {"250ms", 250}, {"2s", 2000}, {"5m", 300000}, {"0", 0}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        mr_error err;
        assert_int_equal(set(s, "window.ms", good[i].text, &err), MR_OK);
        assert_int_equal(s->window_ms, good[i].ms);
    }
    assert_refused(s, "window.ms", "6m", "from 0 to 5m");
    assert_refused(s, "window.ms", "2 weeks", "found \"2 weeks\"");
    assert_refused(s, "window.ms", "1h", "found \"1h\"");
    assert_refused(s, "window.ms", "7d", "found \"7d\"");
}

static void integers(void **arg)
{
    state *s = *arg;
    mr_error err;
    assert_int_equal(set(s, "tasks.max", "64", &err), MR_OK);
    assert_int_equal(s->tasks, 64);
    assert_refused(s, "tasks.max", "65", "found \"65\"; allowed: a whole number from 1 to 64");
    assert_refused(s, "tasks.max", "0", "from 1 to 64");
    assert_refused(s, "tasks.max", "many", "found \"many\"");
    assert_refused(s, "tasks.max", "1k", "found \"1k\"");
    assert_refused(s, "tasks.max", "1.0", "found \"1.0\"");
}

static void reals_booleans_choices(void **arg)
{
    state *s = *arg;
    mr_error err;
    assert_int_equal(set(s, "ratio", "-1.5e2", &err), MR_OK);
    assert_true(s->ratio == -150);
    assert_refused(s, "ratio", "nan", "a number");
    assert_refused(s, "ratio", "inf", "a number");
    assert_refused(s, "ratio", "0x10", "a number");
    assert_refused(s, "ratio", "", "a number");
    assert_int_equal(set(s, "auto.create", "false", &err), MR_OK);
    assert_false(s->create);
    assert_refused(s, "auto.create", "yes", "true or false");
    assert_int_equal(set(s, "insert.mode", "insert", &err), MR_OK);
    assert_int_equal(s->mode, 0);
    assert_refused(s, "insert.mode", "upsrt",
                   "found \"upsrt\"; allowed: one of insert,upsert; did you mean \"upsert\"?");
}

static void lists(void **arg)
{
    state *s = *arg;
    mr_error err;
    assert_int_equal(set(s, "key.fields", "x ,\ty", &err), MR_OK);
    assert_int_equal(s->keys.count, 2);
    assert_string_equal(s->keys.items[0], "x");
    assert_string_equal(s->keys.items[1], "y");
    assert_refused(s, "key.fields", "x,,y", "a list");
    assert_refused(s, "key.fields", "", "a list");
    assert_int_equal(set_json(s, "key.fields", "[\"one,two\", \"three\"]", &err), MR_OK);
    assert_int_equal(s->keys.count, 2);
    assert_string_equal(s->keys.items[0], "one,two");
    assert_int_equal(set_json(s, "key.fields", "[]", &err), MR_OK);
    assert_int_equal(s->keys.count, 0);
    assert_int_equal(set_json(s, "key.fields", "[1]", &err), MR_FATAL);
    assert_int_equal(set_json(s, "key.fields", "[\"\"]", &err), MR_FATAL);
    assert_int_equal(set_json(s, "key.fields", "7", &err), MR_FATAL);
}

static void json_values(void **arg)
{
    state *s = *arg;
    mr_error err;
    assert_int_equal(set_json(s, "tasks.max", "7", &err), MR_OK);
    assert_int_equal(s->tasks, 7);
    assert_int_equal(set_json(s, "tasks.max", "\"8\"", &err), MR_OK); /* from ${env:...} */
    assert_int_equal(s->tasks, 8);
    assert_int_equal(set_json(s, "max.bytes", "512", &err), MR_OK);
    assert_int_equal(s->bytes, 512);
    assert_int_equal(set_json(s, "window.ms", "\"1m\"", &err), MR_OK);
    assert_int_equal(s->window_ms, 60000);
    assert_int_equal(set_json(s, "ratio", "3", &err), MR_OK);
    assert_true(s->ratio == 3);
    assert_int_equal(set_json(s, "auto.create", "false", &err), MR_OK);
    assert_false(s->create);
    static const char *const wrong[][2] = {
        {"tasks.max", "1.5"}, {"tasks.max", "true"},        {"tasks.max", "1000"},
        {"auto.create", "1"}, {"connection.url", "5"},      {"connection.url", "null"},
        {"ratio", "true"},    {"connection.url", "[\"\"]"}, {"key.fields", "{}"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(set_json(s, wrong[i][0], wrong[i][1], &err), MR_FATAL);
        assert_string_equal(err.field, wrong[i][0]);
        assert_non_null(strstr(err.text, "allowed: "));
    }
}

static void required(void **arg)
{
    state *s = *arg;
    mr_error err = {0};
    assert_int_equal(mr_options_required(table, s, &err), MR_FATAL);
    assert_string_equal(err.field, "connection.url");
    assert_int_equal(set(s, "connection.url", "", &err), MR_OK);
    assert_int_equal(mr_options_required(table, s, &err), MR_FATAL);
    assert_int_equal(set(s, "connection.url", "x", &err), MR_OK);
    assert_int_equal(mr_options_required(table, s, &err), MR_OK);
}

static void assert_shows(const state *s, const char *name, const char *want)
{
    char *shown = mr_option_show(mr_option_find(table, name), s);
    if (want) {
        assert_string_equal(shown, want);
    } else {
        assert_null(shown);
    }
    free(shown);
}

static void showing(void **arg)
{
    state *s = *arg;
    mr_error err;
    assert_shows(s, "connection.url", NULL);
    assert_shows(s, "auto.create", "true");
    assert_shows(s, "tasks.max", "1");
    assert_shows(s, "window.ms", "2s");
    assert_shows(s, "max.bytes", "64KiB");
    assert_shows(s, "ratio", "0.5");
    assert_shows(s, "insert.mode", "upsert");
    assert_shows(s, "key.fields", "a,b");
    assert_shows(s, "password", NULL);
    assert_int_equal(set(s, "password", "hunter2", &err), MR_OK);
    assert_shows(s, "password", "***");
    assert_string_equal(s->password, "hunter2");
    assert_int_equal(set(s, "window.ms", "1500", &err), MR_OK);
    assert_shows(s, "window.ms", "1500ms");
    assert_int_equal(set(s, "window.ms", "0", &err), MR_OK);
    assert_shows(s, "window.ms", "0");
    assert_int_equal(set(s, "max.bytes", "7", &err), MR_OK);
    assert_shows(s, "max.bytes", "7B");
}

static void what_is_shown_can_be_read_again(void **arg)
{
    state *s = *arg;
    static const char *const values[][2] = {{"max.bytes", "123456"}, {"max.bytes", "3MB"},
                                            {"max.bytes", "1"},      {"window.ms", "59999"},
                                            {"ratio", "0.1"},        {"tasks.max", "33"}};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const mr_option *option = mr_option_find(table, values[i][0]);
        mr_error err;
        assert_int_equal(mr_option_set(option, s, values[i][1], &err), MR_OK);
        char *shown = mr_option_show(option, s);
        assert_int_equal(mr_option_set(option, s, shown, &err), MR_OK);
        char *again = mr_option_show(option, s);
        assert_string_equal(shown, again);
        free(shown);
        free(again);
    }
}

static void secrets_stay_out_of_messages(void **arg)
{
    static const mr_option secret[] = {
        MR_INTEGER("pin", state, tasks, NULL, 1, 9, MR_OPT_SECRET, "A pin."), MR_OPTIONS_END};
    mr_error err = {0};
    assert_int_equal(mr_option_set(&secret[0], *arg, "hunter2", &err), MR_FATAL);
    assert_null(strstr(err.text, "hunter2"));
    json_t *value = json_string("hunter2");
    assert_int_equal(mr_option_set_json(&secret[0], *arg, value, &err), MR_FATAL);
    assert_null(strstr(err.text, "hunter2"));
    json_decref(value);
    value = json_integer(4711);
    assert_int_equal(mr_option_set_json(&secret[0], *arg, value, &err), MR_FATAL);
    assert_null(strstr(err.text, "4711"));
    json_decref(value);
}

static void nearest_names(void **arg)
{
    (void)arg;
    static const char *const pairs[][2] = {{"conection.url", "connection.url"},
                                           {"connectionUrl", "connection.url"},
                                           {"connection_url", "connection.url"},
                                           {"connection.ulr", "connection.url"},
                                           {"task.max", "tasks.max"},
                                           {"max.byte", "max.bytes"},
                                           {"insert.mdoe", "insert.mode"},
                                           {"AUTO.CREATE", "auto.create"},
                                           {"autocreate", "auto.create"},
                                           {"url", "connection.url"},
                                           {"window", "window.ms"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        const char *got = mr_option_nearest(table, pairs[i][0]);
        if (!got || strcmp(got, pairs[i][1]) != 0) {
            fail_msg("%s gives %s, not %s", pairs[i][0], got ? got : "nothing", pairs[i][1]);
        }
    }
    assert_null(mr_option_nearest(table, "zookeeper"));
    assert_null(mr_option_nearest(table, ""));
    assert_null(mr_option_nearest(table, "x"));
    char huge[1000];
    memset(huge, 'a', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    assert_null(mr_option_nearest(table, huge));
    assert_null(mr_nearest(NULL, "a"));
}

static void flags(void **arg)
{
    (void)arg;
    char *flag = mr_option_flag("stream.view.type");
    assert_string_equal(flag, "--stream-view-type");
    free(flag);
    assert_null(mr_option_find(table, "connection"));
    assert_null(mr_option_find(NULL, "connection"));
    assert_ptr_equal(mr_option_find(table, "ratio"), &table[6]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(defaults_are_set),
        TEST(sizes),
        TEST(durations),
        TEST(integers),
        TEST(reals_booleans_choices),
        TEST(lists),
        TEST(json_values),
        TEST(required),
        TEST(showing),
        TEST(what_is_shown_can_be_read_again),
        TEST(secrets_stay_out_of_messages),
        TEST(nearest_names),
        TEST(flags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
