/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offsets and claims: what is stored comes back, and a former owner, dead, suspended or only late,
 * writes nothing any more.
 */
#include "rig.h"

#include "base/clock.h"

static const mr_schema *trip; /* _id string, fare int */

#define TRIP(id, fare) cell_text(id), cell_int(MR_INT, fare)

static int setup(void **state)
{
    trip =
        schema_of("{\"type\":\"record\",\"name\":\"Trip\",\"fields\":["
                  "{\"name\":\"_id\",\"type\":\"string\"},{\"name\":\"fare\",\"type\":\"int\"}]}");
    return rig_suite_setup(state);
}

static int teardown(void **state)
{
    mr_schema_release(trip);
    return rig_suite_teardown(state);
}

static rig *owner(const char *name, const char *transactions)
{
    rig *r = rig_new(name);
    rig_option(r, "transactions", transactions);
    rig_route(r, "r", "collection", name, NULL);
    assert_ok(r, rig_open(r));
    return r;
}

static mr_batch *one(rig *r, const char *id, int fare)
{
    return batch_of(r, trip, 0, cells_of(TRIP(id, fare)), 2, 1);
}

static void offsets_come_back_and_only_with_their_documents(void **state)
{
    (void)state;
    rig *r = owner("back", "on");
    assert_ok(r, rig_put(r, one(r, "a", 1)));
    assert_ok(r, rig_put(r, one(r, "b", 1)));
    assert_ok(r, rig_begin(r));
    assert_ok(r, rig_write(r, one(r, "c", 1)));
    rig_abort(r);
    assert_ok(r, rig_recover(r));
    assert_int_equal(r->recovered, 2);
    assert_int_equal(count_of("back"), 2);
    rig_close(r);
    assert_ok(r, rig_open(r));
    assert_int_equal(r->recovered, 2);
    assert_ok(r, rig_put(r, one(r, "c", 1)));
    assert_int_equal(count_of("back"), 3);
    rig_free(r);
}

static void offsets_alone_can_be_stored(void **state)
{
    (void)state;
    rig *r = owner("alone", "on");
    r->offset.next = 42;
    assert_ok(r, rig_begin(r));
    assert_ok(r, rig_commit(r));
    assert_ok(r, rig_recover(r));
    assert_int_equal(r->recovered, 42);
    r->offset.next = 41;
    assert_ok(r, rig_begin(r));
    assert_int_equal(rig_commit(r), MR_REOPEN);
    assert_string_equal(r->err.code, "OFFSET_BACKWARDS");
    rig_abort(r);
    rig_free(r);
}

static void a_former_owner_writes_nothing(void **state)
{
    (void)state;
    for (int transactions = 0; transactions < 2; transactions++) {
        const char *name = transactions ? "former_on" : "former_off";
        rig *former = owner(name, transactions ? "on" : "off");
        assert_ok(former, rig_put(former, one(former, "a", 1)));
        rig *now = owner(name, transactions ? "on" : "off");
        assert_int_equal(now->recovered, 1);
        assert_int_equal(rig_put(former, one(former, "b", 1)), MR_REOPEN);
        assert_string_equal(former->err.code, "STALE_CLAIM");
        assert_int_equal(count_of(name), 1);
        assert_ok(now, rig_recover(now));
        assert_int_equal(now->recovered, 1);
        now->offset.next = 1;
        assert_ok(now, rig_put(now, one(now, "b", 2)));
        assert_int_equal(count_of(name), 2);
        rig_free(former);
        rig_free(now);
    }
}

/* The rest of a commit, in a process that was suspended in the middle of it. */
static mr_status finish(rig *r)
{
    mdb_sink *sink = r->task.self;
    mr_offsets upto = {&r->offset, 1};
    mr_status status = mdb_offsets_store(sink, &upto, &r->err);
    return status == MR_OK ? mdb_end(sink, &r->err) : status;
}

/* All but the end of a commit. */
static void write_half(rig *r, mr_batch *batch)
{
    mdb_sink *sink = r->task.self;
    assert_ok(r, rig_begin(r));
    assert_ok(r, rig_write(r, batch));
    assert_ok(r, mdb_begin(sink, &r->err));
    assert_ok(r, mdb_upsert_flush(sink, sink->targets, &r->err));
}

static void what_a_dead_owner_left_open_is_ended_at_once(void **state)
{
    (void)state;
    rig *dead = owner("dead", "on");
    assert_ok(dead, rig_put(dead, one(dead, "a", 1)));
    write_half(dead, one(dead, "a", 2)); /* the document is locked now */
    int64_t begun_us = mr_clock_us();
    rig *now = owner("dead", "on");
    assert_int_equal(now->recovered, 1);
    now->offset.next = 1;
    assert_ok(now, rig_put(now, one(now, "a", 3)));
    assert_true(mr_clock_us() - begun_us < 20 * 1000 * 1000); /* the server's own limit is 60 s */
    assert_documents("dead", "{'_id':'a','fare':3}");
    rig_abort(dead);
    rig_free(dead);
    rig_free(now);
}

static void a_suspended_owner_fails_wherever_it_was(void **state)
{
    (void)state;
    rig *late = owner("late", "on");
    assert_ok(late, rig_put(late, one(late, "a", 1)));
    /* Before it stored its offsets. */
    write_half(late, one(late, "b", 1));
    rig *now = owner("late", "on");
    mr_status status = finish(late);
    assert_true(status == MR_RETRY || status == MR_REOPEN);
    rig_abort(late);
    assert_int_equal(count_of("late"), 1);
    /* Done again it is told. */
    assert_int_equal(rig_put(late, one(late, "b", 1)), MR_REOPEN);
    assert_string_equal(late->err.code, "STALE_CLAIM");
    rig_free(now);

    /* With nothing but the commit itself to be sent. */
    assert_ok(late, rig_recover(late));
    assert_int_equal(late->recovered, 1);
    write_half(late, one(late, "c", 1));
    mdb_sink *sink = late->task.self;
    mr_offsets upto = {&late->offset, 1};
    assert_ok(late, mdb_offsets_store(sink, &upto, &late->err));
    now = owner("late", "on");
    assert_int_equal(now->recovered, 1);
    assert_int_not_equal(mdb_end(sink, &late->err), MR_OK);
    rig_abort(late);
    assert_int_equal(count_of("late"), 1);
    rig_free(now);
    rig_free(late);
}

static void partitions_of_one_task_have_offsets_of_their_own(void **state)
{
    (void)state;
    rig *r = owner("partitions", "on");
    mr_offset three[] = {{"topic", 0, -1}, {"topic", 1, -1}, {"other", 0, -1}};
    mr_offsets all = {three, 3};
    assert_ok(r, mr_mongodb_sink.sink->recover(&r->task, &all, &r->err));
    three[1].next = 7;
    three[2].next = 9;
    mr_offsets two = {three + 1, 2};
    assert_ok(r, rig_begin(r));
    assert_ok(r, mr_mongodb_sink.sink->commit(&r->task, &two, &r->err));
    assert_ok(r, mr_mongodb_sink.sink->recover(&r->task, &all, &r->err));
    assert_int_equal(three[0].next, -1);
    assert_int_equal(three[1].next, 7);
    assert_int_equal(three[2].next, 9);
    /* One of two is taken over: nothing of the epoch is stored. */
    rig *now = rig_new("partitions");
    rig_route(now, "r", "collection", "partitions", NULL);
    now->offset = (mr_offset){"topic", 1, -1};
    assert_ok(now, rig_open(now));
    assert_int_equal(now->recovered, 7);
    assert_ok(r, rig_begin(r));
    three[2].next = 10;
    assert_int_equal(mr_mongodb_sink.sink->commit(&r->task, &two, &r->err), MR_REOPEN);
    assert_non_null(strstr(r->err.text, "topic[1]"));
    rig_abort(r);
    rig_free(r);
    rig_free(now);
}

int main(void)
{
    if (!getenv("MONGODB_URI")) {
        fprintf(stderr, "skipped: MONGODB_URI is not set\n");
        return RIG_SKIP;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_come_back_and_only_with_their_documents),
        cmocka_unit_test(offsets_alone_can_be_stored),
        cmocka_unit_test(a_former_owner_writes_nothing),
        cmocka_unit_test(what_a_dead_owner_left_open_is_ended_at_once),
        cmocka_unit_test(a_suspended_owner_fails_wherever_it_was),
        cmocka_unit_test(partitions_of_one_task_have_offsets_of_their_own),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
