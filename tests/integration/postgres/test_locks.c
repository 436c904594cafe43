/* SPDX-License-Identifier: Apache-2.0 */
/* Locks of others: waited for with a bound, again and again, with the name of who holds them. */
#include "integration/postgres/rig.h"

static const char v1_json[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"id\",\"type\":\"int\"}]}";
static const char v2_json[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"id\",\"type\":\"int\"},"
    "{\"name\":\"note\",\"type\":[\"null\",\"string\"],\"default\":null}]}";

enum {
    NAMED = 2,     /* so often the error is to say who is in the way */
    ATTEMPTS = 40, /* on a loaded machine the look comes too late for some of them */
};

static rig *rig_for(const char *name, const char *table, const char *mode)
{
    rig *r = rig_new(name);
    rig_option(r, "lock.timeout.ms", "300ms");
    rig_route(r, name, "table", table, "auto.create", "true", "insert.mode", mode, "key.fields",
              "id", NULL);
    assert_ok(r, rig_open(r));
    return r;
}

static mr_status put(rig *r, const mr_schema *schema, int id)
{
    mr_cell cells[] = {cell_int(MR_INT, id), cell_text("new")};
    int64_t next = r->offset.next;
    mr_status status = rig_put(r, batch_of(r, schema, 0, cells, schema->field_count, 1));
    r->offset.next = status == MR_OK ? r->offset.next : next;
    mr_arena_reset(r->task.arena);
    return status;
}

/* The epoch is asked for again as often as it is tried, and the error says by whose fault. */
static void assert_blocked(rig *r, const mr_schema *schema, int id, const char *by)
{
    char *who = mr_format("process %d (application %s, user %s, idle in transaction",
                          PQbackendPID(admin), by, PQuser(admin));
    int named = 0;
    for (int i = 0; i < ATTEMPTS && named < NAMED; i++) {
        mr_status status = put(r, schema, id);
        if (status != MR_RETRY || strcmp(r->err.code, "55P03") != 0) {
            fail_msg("%s: %s", mr_status_name(status), r->err.text);
        }
        named += strstr(r->err.text, "waiting for a lock on ") && strstr(r->err.text, who);
    }
    if (named < NAMED) {
        fail_msg("in %d attempts nobody named %s: %s", ATTEMPTS, who, r->err.text);
    }
    free(who);
}

static void a_locked_table_is_waited_for(void **state)
{
    (void)state;
    const mr_schema *schema = schema_of(v1_json);
    static const char *const modes[] = {"insert", "upsert"};
    for (size_t i = 0; i < 2; i++) {
        char *table = mr_format("@.locked_%s", modes[i]);
        rig *r = rig_for(modes[i], table, modes[i]);
        assert_ok(r, put(r, schema, 1));
        char *lock =
            mr_format("SET application_name = 'Nightly report'; BEGIN; LOCK TABLE %s", table);
        sql(lock);
        assert_blocked(r, schema, 2, "Nightly report");
        assert_non_null(strstr(r->err.text, "locked_"));
        sql("COMMIT");
        assert_ok(r, put(r, schema, 2));
        char *statement = mr_format("SELECT id FROM %s ORDER BY 1", table);
        assert_rows(statement, "1 2");
        free(statement);
        free(lock);
        free(table);
        rig_free(r);
    }
    mr_schema_release(schema);
}

static void a_locked_row_is_waited_for(void **state)
{
    (void)state;
    const mr_schema *schema = schema_of(v2_json);
    rig *r = rig_for("row", "@.locked_row", "upsert");
    assert_ok(r, put(r, schema, 1));
    sql("SET application_name = ''; BEGIN; UPDATE @.locked_row SET note = 'by hand'");
    assert_blocked(r, schema, 1, "without a name");
    sql("COMMIT");
    assert_ok(r, put(r, schema, 1));
    assert_rows("SELECT * FROM @.locked_row", "1|new");
    mr_schema_release(schema);
    rig_free(r);
}

/* The column can not be added now, but later: that is no table that can not follow. */
static void a_table_to_be_altered_is_waited_for(void **state)
{
    (void)state;
    const mr_schema *v1 = schema_of(v1_json), *v2 = schema_of(v2_json);
    rig *r = rig_for("alter", "@.locked_alter", "upsert");
    assert_ok(r, put(r, v1, 1));
    /* A reader is enough to be in the way of an ALTER TABLE. */
    sql("SET application_name = 'Reader'; BEGIN; SELECT * FROM @.locked_alter");
    assert_blocked(r, v2, 2, "Reader");
    assert_ok(r, put(r, v1, 3)); /* records that need no new column go on meanwhile */
    sql("COMMIT");
    mr_status status = put(r, v2, 2);
    status = status == MR_RETRY ? put(r, v2, 2) : status; /* the columns were looked after */
    assert_ok(r, status);
    assert_rows("SELECT * FROM @.locked_alter ORDER BY 1", "1|- 2|new 3|-");
    mr_schema_release(v1);
    mr_schema_release(v2);
    rig_free(r);
}

/* A table whose change waits holds up nobody who changes another. */
static void changes_of_two_tables_do_not_wait_for_each_other(void **state)
{
    (void)state;
    const mr_schema *v1 = schema_of(v1_json), *v2 = schema_of(v2_json);
    rig *slow = rig_for("slow", "@.change_slow", "upsert");
    rig *free_to_go = rig_for("free", "@.change_free", "upsert");
    assert_ok(slow, put(slow, v1, 1));
    assert_ok(free_to_go, put(free_to_go, v1, 1));
    sql("SET application_name = 'Another task'; BEGIN;"
        "SELECT pg_advisory_xact_lock(hashtext('millrace.ddl'), '@.change_slow'::regclass::int)");
    assert_blocked(slow, v2, 2, "Another task");
    assert_non_null(strstr(slow->err.text, "a lock on a change of the same table"));
    mr_status status = put(free_to_go, v2, 2);
    assert_ok(free_to_go, status == MR_RETRY ? put(free_to_go, v2, 2) : status);
    sql("COMMIT");
    assert_rows("SELECT * FROM @.change_free ORDER BY 1", "1|- 2|new");
    mr_schema_release(v1);
    mr_schema_release(v2);
    rig_free(slow);
    rig_free(free_to_go);
}

/* A statement that is slow by itself is blocked by nobody, and nobody is named. */
static void a_slow_statement_has_no_blocker(void **state)
{
    (void)state;
    const mr_schema *schema = schema_of(v1_json);
    rig *r = rig_for("slow", "@.slow", "insert");
    rig_option(r, "statement.timeout.ms", "1s");
    rig_close(r);
    assert_ok(r, rig_open(r));
    assert_ok(r, put(r, schema, 1));
    sql("CREATE FUNCTION @.sleep() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END';"
        "CREATE TRIGGER slow BEFORE INSERT ON @.slow FOR EACH ROW EXECUTE FUNCTION @.sleep()");
    assert_int_equal(put(r, schema, 2), MR_RETRY);
    assert_string_equal(r->err.code, "57014");
    assert_non_null(strstr(r->err.text, "raise statement.timeout.ms"));
    assert_null(strstr(r->err.text, "waiting for a lock"));
    mr_schema_release(schema);
    rig_free(r);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_locked_table_is_waited_for),
    cmocka_unit_test(a_locked_row_is_waited_for),
    cmocka_unit_test(a_table_to_be_altered_is_waited_for),
    cmocka_unit_test(changes_of_two_tables_do_not_wait_for_each_other),
    cmocka_unit_test(a_slow_statement_has_no_blocker),
};

rig_main(tests)
