/* SPDX-License-Identifier: Apache-2.0 */
/* What a connector sees of its task; positions; errors and their names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/task.h"

static void accessors(void **arg)
{
    (void)arg;
    atomic_bool stop = false;
    int state;
    mr_route routes[2] = {{.name = "a"}, {.name = "b"}};
    mr_task task = {.name = "p.c",
                    .index = 1,
                    .count = 3,
                    .once = true,
                    .stop = &stop,
                    .self = &state,
                    .arena = mr_arena_new(),
                    .routes = routes,
                    .route_count = 2};
    size_t count;
    assert_ptr_equal(mr_self(&task), &state);
    assert_ptr_equal(mr_task_arena(&task), task.arena);
    assert_string_equal(mr_task_name(&task), "p.c");
    assert_int_equal(mr_task_index(&task), 1);
    assert_int_equal(mr_task_count(&task), 3);
    assert_true(mr_task_once(&task));
    assert_ptr_equal(mr_task_routes(&task, &count), routes);
    assert_int_equal(count, 2);
    assert_false(mr_task_stopping(&task));
    atomic_store(&stop, true);
    assert_true(mr_task_stopping(&task));
    task.stop = NULL;
    assert_false(mr_task_stopping(&task));
    mr_task_progress(&task, 5, 10);
    assert_int_equal(task.progress_done_bytes, 5);
    assert_int_equal(task.progress_total_bytes, 10);
    mr_arena_free(task.arena);
}

static void rejects(void **arg)
{
    (void)arg;
    mr_record records[40];
    mr_batch batch = {.records = records, .count = 40};
    mr_task task = {.arena = mr_arena_new()};
    for (uint32_t i = 0; i < 40; i++) {
        records[i] = (mr_record){.origin = 1000 + i};
    }
    for (size_t i = 0; i < 40; i += 2) {
        mr_error why;
        mr_fail(&why, MR_REJECT, MR_DOMAIN_RECORD, "record %zu", i);
        mr_reject(&task, &batch, i, &why);
    }
    assert_int_equal(task.rejected_count, 20);
    assert_int_equal(task.rejected[19].origin, 1038);
    assert_string_equal(task.rejected[19].why.text, "record 38");

    char line[] = "a,b", where[] = "x.csv:7";
    mr_error why;
    mr_fail(&why, MR_REJECT, MR_DOMAIN_FILE, "two fields, not three");
    mr_reject_input(&task, (mr_slice){line, 3}, where, &why);
    memset(line, 'z', sizeof line); /* all was copied */
    memset(where, 'z', sizeof where);
    assert_int_equal(task.input_count, 1);
    assert_int_equal(task.inputs[0].input.len, 3);
    assert_memory_equal(task.inputs[0].input.data, "a,b", 3);
    assert_string_equal(task.inputs[0].where, "x.csv:7");
    mr_task_clear_rejects(&task);
    assert_int_equal(task.rejected_count + task.input_count, 0);
    mr_task_release(&task);
    assert_null(task.rejected);
    mr_arena_free(task.arena);
}

static void positions(void **arg)
{
    (void)arg;
    mr_positions *set = mr_positions_new();
    mr_task task = {.changed = set};
    const char *name, *value;
    size_t cursor = 0, seen = 0;
    assert_null(mr_positions_get(set, "a"));
    assert_false(mr_positions_next(set, &cursor, &name, &value));
    for (int i = 0; i < 20; i++) {
        char key[8], text[8];
        snprintf(key, sizeof key, "f%d", i);
        snprintf(text, sizeof text, "%d", i * i);
        mr_task_position(&task, key, text);
    }
    mr_task_position(&task, "f3", "new");
    mr_task_position(&task, "f4", NULL);
    assert_int_equal(mr_positions_count(set), 20);
    assert_string_equal(mr_positions_get(set, "f3"), "new");
    assert_null(mr_positions_get(set, "f4"));
    while (mr_positions_next(set, &cursor, &name, &value)) {
        assert_string_not_equal(name, "f4");
        assert_non_null(value);
        seen++;
    }
    assert_int_equal(seen, 19);
    cursor = seen = 0;
    while (mr_positions_next_change(set, &cursor, &name, &value)) {
        assert_true((value == NULL) == (strcmp(name, "f4") == 0));
        seen++;
    }
    assert_int_equal(seen, 20);
    mr_positions_set(set, "f3", mr_positions_get(set, "f3")); /* its own text */
    assert_string_equal(mr_positions_get(set, "f3"), "new");
    mr_positions_clear(set);
    assert_int_equal(mr_positions_count(set), 0);
    mr_positions_free(set);
    mr_positions_free(NULL);
}

static void errors(void **arg)
{
    (void)arg;
    mr_error err = {.native = 7};
    static char big[5000];
    memset(big, 'b', sizeof big - 1);
    assert_int_equal(mr_fail(&err, MR_RETRY, MR_DOMAIN_KAFKA, "the %s", "cause"), MR_RETRY);
    assert_string_equal(err.text, "the cause");
    assert_int_equal(err.native, 0);
    mr_error_field(&err, "column");
    mr_error_code(&err, 5, "23505");
    assert_string_equal(err.field, "column");
    assert_string_equal(err.code, "23505");
    mr_error_prefix(&err, "file %d", 3);
    assert_string_equal(err.text, "file 3: the cause");
    mr_fail(&err, MR_FATAL, MR_DOMAIN_KAFKA, "again: %s", err.text); /* out of itself */
    assert_string_equal(err.text, "again: file 3: the cause");
    assert_string_equal(err.field, "");
    mr_error_field(&err, big);
    mr_error_prefix(&err, "%s", big);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_int_equal(strlen(err.field), sizeof err.field - 1);
    assert_int_equal(mr_fail(NULL, MR_FATAL, MR_DOMAIN_KAFKA, "x"), MR_FATAL);
    mr_fail(&err, MR_FATAL, MR_DOMAIN_RECORD, "a\nb%s", "\033[31m\177");
    assert_string_equal(err.text, "a b [31m ");
    mr_error_prefix(&err, "file \"%s\"", "\r");
    assert_string_equal(err.text, "file \" \": a b [31m ");
    mr_error_prefix(NULL, "x");
    assert_null(mr_error_field(NULL, "x"));
}

static void names(void **arg)
{
    (void)arg;
    assert_string_equal(mr_status_name(MR_OK), "ok");
    assert_string_equal(mr_status_name(MR_END), "end");
    assert_string_equal(mr_status_name((mr_status)99), "unknown");
    assert_string_equal(mr_domain_name(MR_DOMAIN_NONE), "none");
    assert_string_equal(mr_domain_name(MR_DOMAIN_SYSTEM), "system");
    assert_string_equal(mr_domain_name((mr_domain)99), "unknown");
    assert_string_equal(mr_op_name(MR_OP_CREATE), "create");
    assert_string_equal(mr_op_name(MR_OP_SNAPSHOT), "snapshot");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accessors), cmocka_unit_test(rejects), cmocka_unit_test(positions),
        cmocka_unit_test(errors),    cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
