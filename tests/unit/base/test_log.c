/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines: levels, both formats, task names, the hook, and many threads at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

static char captured[1 << 20];
static int saved_stderr;
static FILE *file;

static void capture(void)
{
    fflush(stderr);
    saved_stderr = dup(STDERR_FILENO);
    file = tmpfile();
    assert_non_null(file);
    dup2(fileno(file), STDERR_FILENO);
}

static const char *captured_text(void)
{
    fflush(stderr);
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    rewind(file);
    size_t len = fread(captured, 1, sizeof captured - 1, file);
    captured[len] = '\0';
    fclose(file);
    return captured;
}

static void text_lines(void **arg)
{
    (void)arg;
    mr_log_setup(MR_LOG_INFO, MR_LOG_TEXT);
    capture();
    mr_log(MR_LOG_DEBUG, "x", "not shown");
    mr_log(MR_LOG_INFO, "x", "plain %d", 5);
    mr_log_set_task("p.c[0]");
    mr_log(MR_LOG_WARN, "x", "named");
    mr_log_set_task(NULL);
    const char *text = captured_text();
    assert_null(strstr(text, "not shown"));
    assert_non_null(strstr(text, "Z info    plain 5\n"));
    assert_non_null(strstr(text, "Z warning p.c[0]: named\n"));
    assert_false(mr_log_on(MR_LOG_DEBUG));
    assert_true(mr_log_on(MR_LOG_ERROR));
}

static void json_lines(void **arg)
{
    (void)arg;
    mr_log_setup(MR_LOG_DEBUG, MR_LOG_JSON);
    capture();
    mr_log_set_task("p.c[1]");
    mr_log(MR_LOG_ERROR, "kafka.away", "a \"quote\", a\nbreak and \xc3\xbc");
    mr_log_set_task(NULL);
    mr_log(MR_LOG_DEBUG, "bad.text", "no UTF-8: \xff");
    char *text = strdup(captured_text());
    char *second = strchr(text, '\n');
    assert_non_null(second);
    *second++ = '\0';
    json_t *line = json_loads(text, 0, NULL);
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "level")), "error");
    assert_string_equal(json_string_value(json_object_get(line, "event")), "kafka.away");
    assert_string_equal(json_string_value(json_object_get(line, "task")), "p.c[1]");
    assert_string_equal(json_string_value(json_object_get(line, "message")),
                        "a \"quote\", a\nbreak and \xc3\xbc");
    json_decref(line);
    line = json_loads(second, 0, NULL); /* such a line is still a line */
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "event")), "bad.text");
    assert_null(json_object_get(line, "task"));
    json_decref(line);
    free(text);
}

static void long_texts_are_cut(void **arg)
{
    (void)arg;
    static char big[10000];
    memset(big, 'b', sizeof big - 1);
    mr_log_setup(MR_LOG_INFO, MR_LOG_TEXT);
    capture();
    mr_log(MR_LOG_INFO, "x", "%s", big);
    const char *text = captured_text();
    assert_true(strlen(text) > 1000 && strlen(text) < 3000);
    assert_int_equal(text[strlen(text) - 1], '\n');
}

static int hook_before, hook_after;

static void hook(bool before)
{
    hook_before += before;
    hook_after += !before;
}

static void the_hook_stands_around_each_line(void **arg)
{
    (void)arg;
    capture();
    mr_log_set_hook(hook);
    mr_log(MR_LOG_INFO, "x", "one");
    mr_log(MR_LOG_DEBUG, "x", "none");
    mr_log_set_hook(NULL);
    mr_log(MR_LOG_INFO, "x", "two");
    captured_text();
    assert_int_equal(hook_before, 1);
    assert_int_equal(hook_after, 1);
}

static void *chatter(void *name)
{
    mr_log_set_task(name);
    for (int i = 0; i < 500; i++) {
        mr_log(MR_LOG_INFO, "x", "line %03d of it", i);
    }
    return NULL;
}

static void threads_do_not_mix_lines(void **arg)
{
    (void)arg;
    static char names[4][8] = {"t0", "t1", "t2", "t3"};
    pthread_t threads[4];
    size_t lines = 0;
    mr_log_setup(MR_LOG_INFO, MR_LOG_TEXT);
    capture();
    for (int i = 0; i < 4; i++) {
        pthread_create(&threads[i], NULL, chatter, names[i]);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    char *save, *text = strdup(captured_text());
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        int task, number, end = 0;
        if (sscanf(line, "%*s info t%1d: line %3d of it%n", &task, &number, &end) != 2 ||
            line[end]) {
            fail_msg("a mixed line: %s", line);
        }
        lines++;
    }
    assert_int_equal(lines, 2000);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_lines),
        cmocka_unit_test(json_lines),
        cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(the_hook_stands_around_each_line),
        cmocka_unit_test(threads_do_not_mix_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
