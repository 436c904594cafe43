/* SPDX-License-Identifier: Apache-2.0 */
/* How the figures of a connector's tasks are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "runtime/run.h"

static void expect_text(mr_run_gauge *gauges, size_t count, const char *want)
{
    const mr_run_totals totals = {.connector = "in", .gauges = gauges, .gauge_count = count};
    char *text = mr_run_gauges_text(&totals);
    if (want) {
        assert_string_equal(text, want);
    } else {
        assert_null(text);
    }
    free(text);
}

static void test_text(void **state)
{
    (void)state;
    mr_run_gauge gauges[] = {
        {"oplog_window_seconds", 0, 86400}, {"behind_seconds", 0, 0.25}, {"behind_seconds", 3, 7}};
    expect_text(NULL, 0, NULL);
    expect_text(gauges, 2, " oplog_window_seconds 86400 behind_seconds 0.25");
    expect_text(gauges, 3,
                " oplog_window_seconds[0] 86400 behind_seconds[0] 0.25 behind_seconds[3] 7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
