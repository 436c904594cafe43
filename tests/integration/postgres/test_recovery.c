/* SPDX-License-Identifier: Apache-2.0 */
/* What happens when a task, its connection or the server goes away between any two steps, and when
 * two tasks believe to own a partition: nothing is lost, nothing is doubled. */
#include <pthread.h>

#include "integration/postgres/rig.h"

static const mr_schema *pair_schema;

static int setup(void **state)
{
    int failed = rig_suite_setup(state);
    pair_schema = schema_of(
        "{\"type\":\"record\",\"name\":\"P\",\"fields\":[{\"name\":\"id\",\"type\":\"string\"},"
        "{\"name\":\"n\",\"type\":\"int\"}]}");
    return failed;
}

static int teardown(void **state)
{
    mr_schema_release(pair_schema);
    return rig_suite_teardown(state);
}

static rig *rig_for(const char *connector, const char *table, bool upsert)
{
    rig *r = rig_new(connector);
    rig_route(r, "pairs", "table", table, "auto.create", "true", upsert ? "key.fields" : NULL, "id",
              NULL);
    return r;
}

static mr_batch *pairs(rig *r, const char *a, const char *b, int n)
{
    return batch_of(r, pair_schema, 0,
                    cells_of(cell_text(a), cell_int(MR_INT, n), cell_text(b), cell_int(MR_INT, n)),
                    2, 2);
}

/* --- Crashes --- */

enum { STEPS = 5 };

/* The second epoch is cut off before step `last`. true: its commit was answered. */
static bool run_until(rig *r, int last)
{
    assert_ok(r, rig_put(r, pairs(r, "a", "b", 1)));
    mr_batch *first = pairs(r, "a", "c", 2);
    mr_batch *second = pairs(r, "d", "e", 2);
    for (int step = 0; step < last; step++) {
        mr_status status = step == 0   ? rig_begin(r)
                           : step == 1 ? rig_write(r, first)
                           : step == 2 ? rig_write(r, second)
                                       : rig_commit(r);
        assert_ok(r, status);
        if (step == 3) {
            return true;
        }
    }
    return false;
}

static void crash_everywhere(const char *name, bool upsert, const char *expected)
{
    for (int last = 0; last < STEPS; last++) {
        char *connector = mr_format("%s_%d", name, last);
        char *table = mr_format("@.%s_%d", name, last);
        rig *r = rig_for(connector, table, upsert);
        assert_ok(r, rig_open(r));
        bool committed = run_until(r, last);
        rig_free(r); /* neither commit nor abort: the connection just goes */
        r = rig_for(connector, table, upsert);
        assert_ok(r, rig_open(r));
        assert_int_equal(r->recovered, committed ? 6 : 2);
        if (!committed) {
            mr_batch *again[] = {pairs(r, "a", "c", 2), pairs(r, "d", "e", 2)};
            assert_ok(r, rig_epoch(r, again, 2));
        }
        char *statement = mr_format("SELECT id, n FROM %s ORDER BY id, n", table);
        assert_rows(statement, expected);
        free(statement);
        free(connector);
        free(table);
        rig_free(r);
    }
}

static void appending_survives_a_crash_at_every_step(void **state)
{
    (void)state;
    crash_everywhere("crash_insert", false, "a|1 a|2 b|1 c|2 d|2 e|2");
}

static void upserting_survives_a_crash_at_every_step(void **state)
{
    (void)state;
    crash_everywhere("crash_upsert", true, "a|2 b|1 c|2 d|2 e|2");
}

/* The backend dies at a moment of our choosing: triggers end it. */
static void cut_by_trigger(const char *name, bool upsert, const char *trigger)
{
    char *table = mr_format("@.%s", name);
    rig *r = rig_for(name, table, upsert);
    assert_ok(r, rig_open(r));
    assert_ok(r, rig_put(r, pairs(r, "a", "b", 1)));
    char *create =
        mr_format("CREATE FUNCTION @.die_%s() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM "
                  "pg_terminate_backend(pg_backend_pid()); RETURN NEW; END'; "
                  "CREATE %s ON %s %s FOR EACH ROW EXECUTE FUNCTION @.die_%s()",
                  name,
                  strstr(trigger, "DEFERRED") ? "CONSTRAINT TRIGGER die AFTER INSERT"
                                              : "TRIGGER die BEFORE INSERT",
                  table, trigger, name);
    sql(create);
    free(create);
    assert_int_equal(rig_put(r, pairs(r, "a", "c", 2)), MR_REOPEN);
    assert_string_equal(r->err.code, "57P01");
    char *drop = mr_format("DROP TRIGGER die ON %s", table);
    sql(drop);
    free(drop);
    rig_close(r);
    assert_ok(r, rig_open(r));
    assert_int_equal(r->recovered, 2);
    assert_ok(r, rig_put(r, pairs(r, "a", "c", 2)));
    char *statement = mr_format("SELECT count(*), sum(n) FROM %s", table);
    assert_rows(statement, upsert ? "3|5" : "4|6");
    free(statement);
    free(table);
    rig_free(r);
}

static void backend_dies_while_rows_arrive(void **state)
{
    (void)state;
    cut_by_trigger("die_insert", false, "");
    cut_by_trigger("die_upsert", true, "");
}

static void backend_dies_in_commit(void **state)
{
    (void)state;
    cut_by_trigger("die_commit", false, "DEFERRABLE INITIALLY DEFERRED");
    cut_by_trigger("die_commit_upsert", true, "DEFERRABLE INITIALLY DEFERRED");
}

static void kill_backends_of(const char *connector)
{
    char *statement = mr_format("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                                "WHERE application_name = 'millrace %s[0]'",
                                connector);
    assert_rows(statement, "1");
    free(statement);
    statement = mr_format("SELECT count(*) FROM pg_stat_activity WHERE application_name = "
                          "'millrace %s[0]'",
                          connector);
    while (strcmp(rows(statement), "0") != 0) {
    }
    free(statement);
}

static void backend_is_killed_between_steps(void **state)
{
    (void)state;
    for (int last = 0; last < STEPS - 1; last++) {
        char *name = mr_format("killed_%d", last);
        char *table = mr_format("@.%s", name);
        rig *r = rig_for(name, table, last % 2);
        assert_ok(r, rig_open(r));
        (void)run_until(r, last);
        kill_backends_of(name);
        /* The step after it notices, at the latest the commit. */
        mr_status status = last == 0 ? rig_begin(r) : MR_OK;
        if (status == MR_OK) {
            status = rig_commit(r);
        }
        assert_int_equal(status, MR_REOPEN);
        rig_abort(r);
        rig_close(r);
        assert_ok(r, rig_open(r));
        assert_int_equal(r->recovered, 2);
        mr_batch *again[] = {pairs(r, "a", "c", 2), pairs(r, "d", "e", 2)};
        assert_ok(r, rig_epoch(r, again, 2));
        char *statement = mr_format("SELECT count(*) FROM %s", table);
        assert_rows(statement, last % 2 ? "5" : "6");
        free(statement);
        free(name);
        free(table);
        rig_free(r);
    }
}

/* The transaction is over, but the task never hears of it. */
static void answer_to_commit_is_lost(void **state)
{
    (void)state;
    rig *r = rig_for("unheard", "@.unheard", false);
    assert_ok(r, rig_open(r));
    assert_ok(r, rig_put(r, pairs(r, "a", "b", 1)));
    rig_close(r); /* as far as the runtime knows the epoch may or may not be stored */
    assert_ok(r, rig_open(r));
    assert_int_equal(r->recovered, 2);
    assert_rows("SELECT count(*) FROM @.unheard", "2");
    rig_free(r);
}

/* --- Claims --- */

static void stale_owner_can_not_commit(void **state)
{
    (void)state;
    for (int upsert = 0; upsert < 2; upsert++) {
        const char *name = upsert ? "stale_upsert" : "stale_insert";
        char *table = mr_format("@.%s", name);
        rig *old = rig_for(name, table, upsert);
        rig *owner = rig_for(name, table, upsert);
        assert_ok(old, rig_open(old));
        assert_ok(old, rig_put(old, pairs(old, "a", "b", 1)));
        assert_ok(owner, rig_open(owner));
        assert_int_equal(owner->recovered, 2);
        assert_int_equal(rig_put(old, pairs(old, "c", "d", 666)), MR_REOPEN);
        assert_string_equal(old->err.code, "STALE_CLAIM");
        assert_non_null(strstr(old->err.text, "topic[0] was taken over"));
        assert_ok(owner, rig_put(owner, pairs(owner, "c", "d", 2)));
        char *statement = mr_format("SELECT id, n FROM %s ORDER BY 1", table);
        assert_rows(statement, "a|1 b|1 c|2 d|2");
        free(statement);
        free(table);
        rig_free(old);
        rig_free(owner);
    }
}

/* The new owner claims while the old one's transaction is open. */
static void claim_in_the_middle_of_an_epoch(void **state)
{
    (void)state;
    rig *old = rig_for("middle", "@.middle", false);
    rig *owner = rig_for("middle", "@.middle", false);
    assert_ok(old, rig_open(old));
    assert_ok(old, rig_begin(old));
    assert_ok(old, rig_write(old, pairs(old, "a", "b", 1)));
    assert_ok(owner, rig_open(owner));
    assert_int_equal(owner->recovered, -1);
    assert_int_equal(rig_commit(old), MR_REOPEN);
    assert_string_equal(old->err.code, "STALE_CLAIM");
    rig_abort(old);
    assert_ok(owner, rig_put(owner, pairs(owner, "a", "b", 2)));
    assert_rows("SELECT * FROM @.middle ORDER BY 1", "a|2 b|2");
    rig_free(old);
    rig_free(owner);
}

static void offsets_never_move_backwards(void **state)
{
    (void)state;
    rig *r = rig_for("backwards", "@.backwards", false);
    assert_ok(r, rig_open(r));
    assert_ok(r, rig_put(r, pairs(r, "a", "b", 1)));
    r->offset.next = 0;
    mr_batch *batch = pairs(r, "c", "d", 2);
    r->offset.next = 1;
    assert_int_equal(rig_put(r, batch), MR_REOPEN);
    assert_string_equal(r->err.code, "OFFSET_BACKWARDS");
    assert_rows("SELECT count(*) FROM @.backwards", "2");
    rig_free(r);
}

static void several_partitions_are_claimed_and_read_back(void **state)
{
    (void)state;
    rig *r = rig_for("several", "@.several", false);
    assert_ok(r, mr_postgres_sink.sink->open(&r->task, &r->err));
    mr_offset items[] = {{"we \"quote\", {odd} \\ topics", 3, 0}, {"b", 1, 0}, {"b", 0, 0}};
    mr_offsets all = {items, 3};
    assert_ok(r, mr_postgres_sink.sink->recover(&r->task, &all, &r->err));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(items[i].next, -1);
        items[i].next = 100 + i;
    }
    assert_ok(r, rig_begin(r));
    assert_ok(r, rig_write(r, pairs(r, "a", "b", 1)));
    mr_offsets two = {items, 2};
    assert_ok(r, mr_postgres_sink.sink->commit(&r->task, &two, &r->err));
    for (int i = 0; i < 3; i++) {
        items[i].next = 0;
    }
    assert_ok(r, mr_postgres_sink.sink->recover(&r->task, &all, &r->err));
    assert_int_equal(items[0].next, 100);
    assert_int_equal(items[1].next, 101);
    assert_int_equal(items[2].next, -1);
    rig_free(r);
}

/* --- Side by side --- */

typedef struct runner {
    rig *rig;
    mr_status status;
    int rounds;
    bool backwards;
} runner;

static void *commit_thread(void *context)
{
    runner *run = context;
    run->status = rig_commit(run->rig);
    return NULL;
}

static void deadlock_is_retried(void **state)
{
    (void)state;
    rig *r = rig_for("deadlock", "@.deadlock", true);
    assert_ok(r, rig_open(r));
    assert_ok(r, rig_put(r, pairs(r, "a", "b", 1)));
    sql("SET deadlock_timeout = '60s'; BEGIN; UPDATE @.deadlock SET n = 5 WHERE id = 'b'");
    assert_ok(r, rig_begin(r));
    assert_ok(r, rig_write(r, pairs(r, "a", "b", 2)));
    int64_t end = r->offset.next;
    runner run = {.rig = r};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, commit_thread, &run), 0);
    PGconn *watch = PQconnectdb(getenv("DATABASE_URL"));
    for (bool waiting = false; !waiting;) {
        PGresult *result = PQexec(watch, "SELECT 1 FROM pg_stat_activity WHERE application_name = "
                                         "'millrace deadlock[0]' AND wait_event_type = 'Lock'");
        waiting = PQntuples(result) == 1;
        PQclear(result);
    }
    PQfinish(watch);
    sql("UPDATE @.deadlock SET n = 5 WHERE id = 'a'"); /* waits for us, we for it */
    pthread_join(thread, NULL);
    sql("COMMIT; RESET deadlock_timeout");
    assert_int_equal(run.status, MR_RETRY);
    assert_string_equal(r->err.code, "40P01");
    rig_abort(r);
    r->offset.next = end - 2;
    assert_ok(r, rig_put(r, pairs(r, "a", "b", 2)));
    assert_rows("SELECT * FROM @.deadlock ORDER BY 1", "a|2 b|2");
    rig_free(r);
}

enum { KEYS = 3000 };
static char names[KEYS][16];

static void *upsert_thread(void *context)
{
    runner *run = context;
    rig *r = run->rig;
    mr_cell *cells = mr_calloc(2 * KEYS, sizeof *cells);
    for (int round = 0; round < run->rounds && run->status == MR_OK; round++) {
        for (int i = 0; i < KEYS; i++) {
            int k = run->backwards ? KEYS - 1 - i : i;
            cells[2 * i] = cell_text(names[k]);
            cells[2 * i + 1] = cell_int(MR_INT, round * 2 + run->backwards);
        }
        run->status = rig_put(r, batch_of(r, pair_schema, 0, cells, 2, KEYS));
        mr_arena_reset(r->task.arena);
    }
    free(cells);
    return NULL;
}

/* Two tasks write the same keys in opposite order: sorting keeps them from a deadlock. */
static void tasks_meet_in_key_order(void **state)
{
    (void)state;
    for (int i = 0; i < KEYS; i++) {
        snprintf(names[i], sizeof names[i], "key %08d", i * 7919 % KEYS);
    }
    runner run[2];
    pthread_t thread[2];
    for (int i = 0; i < 2; i++) {
        rig *r = rig_for(i ? "meet_1" : "meet_0", "@.meet", true);
        assert_ok(r, rig_open(r));
        run[i] = (runner){.rig = r, .rounds = 10, .backwards = i};
        assert_ok(r, rig_put(r, pairs(r, "warm", "up", 1)));
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, upsert_thread, &run[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(thread[i], NULL);
        assert_ok(run[i].rig, run[i].status);
        rig_free(run[i].rig);
    }
}

static void *first_epoch_thread(void *context)
{
    runner *run = context;
    run->status = rig_open(run->rig);
    if (run->status == MR_OK) {
        run->status = rig_put(run->rig, pairs(run->rig, "a", "b", 1));
    }
    return NULL;
}

static void tasks_create_tables_at_the_same_time(void **state)
{
    (void)state;
    enum { TASKS = 6 };
    sql("DROP TABLE IF EXISTS @.offsets");
    runner run[TASKS];
    pthread_t thread[TASKS];
    for (int i = 0; i < TASKS; i++) {
        char *name = mr_format("race_%d", i);
        run[i] = (runner){.rig = rig_for(name, "@.race", true)};
        rig_option(run[i].rig, "offsets.schema", "@_race");
        assert_int_equal(pthread_create(&thread[i], NULL, first_epoch_thread, &run[i]), 0);
    }
    for (int i = 0; i < TASKS; i++) {
        pthread_join(thread[i], NULL);
    }
    for (int i = 0; i < TASKS; i++) {
        assert_ok(run[i].rig, run[i].status);
        free((char *)run[i].rig->task.name);
        rig_free(run[i].rig);
    }
    assert_rows("SELECT * FROM @.race ORDER BY 1", "a|1 b|1");
    assert_rows("SELECT count(*) FROM @_race.offsets", "6");
    sql("DROP SCHEMA @_race CASCADE");
}

static void a_lock_held_too_long_is_waited_for_again(void **state)
{
    (void)state;
    rig *r = rig_for("locked", "@.locked", false);
    rig_option(r, "statement.timeout.ms", "1s");
    assert_ok(r, rig_open(r));
    assert_ok(r, rig_put(r, pairs(r, "a", "b", 1)));
    sql("BEGIN; LOCK TABLE @.locked");
    assert_int_equal(rig_put(r, pairs(r, "c", "d", 1)), MR_RETRY);
    sql("ROLLBACK");
    r->offset.next = 2;
    assert_ok(r, rig_put(r, pairs(r, "c", "d", 1)));
    assert_rows("SELECT count(*) FROM @.locked", "4");
    rig_free(r);
}

/* A column changes its type while the task runs: rows of the old form must not become rejects. */
static void column_changes_its_type(void **state)
{
    (void)state;
    /* The last is of the same width: only the epoch's own check can tell. */
    static const char *const changes[] = {"bigint", "smallint", "text USING n::text", "real"};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char *name = mr_format("altered_%zu", i);
        char *table = mr_format("@.%s", name);
        rig *r = rig_for(name, table, i == 1);
        assert_ok(r, rig_open(r));
        assert_ok(r, rig_put(r, pairs(r, "a", "b", 1)));
        char *alter = mr_format("ALTER TABLE %s ALTER n TYPE %s", table, changes[i]);
        sql(alter);
        free(alter);
        mr_status status = rig_put(r, pairs(r, "c", "d", 2));
        if (status != MR_OK) {
            if (status != MR_REOPEN) {
                fail_msg("%s: %s %s", changes[i], mr_status_name(status), r->err.text);
            }
            rig_close(r);
            assert_ok(r, rig_open(r));
            assert_ok(r, rig_put(r, pairs(r, "c", "d", 2)));
        }
        char *statement = mr_format("SELECT id, n FROM %s ORDER BY 1", table);
        assert_rows(statement, "a|1 b|1 c|2 d|2");
        free(statement);
        free(name);
        free(table);
        rig_free(r);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(column_changes_its_type),
    cmocka_unit_test(appending_survives_a_crash_at_every_step),
    cmocka_unit_test(upserting_survives_a_crash_at_every_step),
    cmocka_unit_test(backend_dies_while_rows_arrive),
    cmocka_unit_test(backend_dies_in_commit),
    cmocka_unit_test(backend_is_killed_between_steps),
    cmocka_unit_test(answer_to_commit_is_lost),
    cmocka_unit_test(stale_owner_can_not_commit),
    cmocka_unit_test(claim_in_the_middle_of_an_epoch),
    cmocka_unit_test(offsets_never_move_backwards),
    cmocka_unit_test(several_partitions_are_claimed_and_read_back),
    cmocka_unit_test(deadlock_is_retried),
    cmocka_unit_test(tasks_meet_in_key_order),
    cmocka_unit_test(tasks_create_tables_at_the_same_time),
    cmocka_unit_test(a_lock_held_too_long_is_waited_for_again),
};
rig_main_with(tests, setup, teardown)
