/* SPDX-License-Identifier: Apache-2.0 */
/* insert, update, update-many and delete: what each does, and in which order. */
#include "rig.h"

static const mr_schema *trip; /* _id string, fare int, note nullable string */
static const mr_schema *leg;  /* a string, b int, x int */
static const mr_schema *odd;  /* a string, and names with dots and dollars */

#define TRIP(id, fare) cell_text(id), cell_int(MR_INT, fare), cell_null()
#define LEG(a, b, x)   cell_text(a), cell_int(MR_INT, b), cell_int(MR_INT, x)

static int setup(void **state)
{
    trip = schema_of("{\"type\":\"record\",\"name\":\"Trip\",\"fields\":["
                     "{\"name\":\"_id\",\"type\":\"string\"},{\"name\":\"fare\",\"type\":\"int\"},"
                     "{\"name\":\"note\",\"type\":[\"null\",\"string\"]}]}");
    leg = schema_of("{\"type\":\"record\",\"name\":\"Leg\",\"fields\":["
                    "{\"name\":\"a\",\"type\":\"string\"},{\"name\":\"b\",\"type\":\"int\"},"
                    "{\"name\":\"x\",\"type\":\"int\"}]}");
    odd = schema_of("{\"type\":\"record\",\"name\":\"Odd\",\"aliases\":[\"" MR_BSON_ABSENT "\"],"
                    "\"fields\":[{\"name\":\"a\",\"type\":\"string\",\"doc\":\"a\"},"
                    "{\"name\":\"b_c\",\"type\":\"int\",\"doc\":\"b.c\"},"
                    "{\"name\":\"_d\",\"type\":\"int\",\"doc\":\"$d\"}]}");
    return rig_suite_setup(state);
}

static int teardown(void **state)
{
    mr_schema_release(trip);
    mr_schema_release(leg);
    mr_schema_release(odd);
    return rig_suite_teardown(state);
}

static void insert_appends_and_ids_come_from_the_server_where_there_are_none(void **state)
{
    (void)state;
    rig *r = rig_new("insert");
    rig_route(r, "r", "collection", "appended", "write.mode", "insert", NULL);
    rig_route(r, "s", "collection", "with_id", "write.mode", "insert", NULL);
    assert_ok(r, rig_open(r));
    mr_batch *both[] = {batch_of(r, leg, 0, cells_of(LEG("p", 1, 1), LEG("p", 1, 1)), 3, 2),
                        batch_of(r, trip, 1, cells_of(TRIP("a", 1)), 3, 1)};
    assert_ok(r, rig_epoch(r, both, 2));
    assert_ok(r, rig_put(r, batch_of(r, leg, 0, cells_of(LEG("p", 1, 1)), 3, 1)));
    assert_int_equal(count_of("appended"), 3);
    assert_documents("with_id", "{'_id':'a','fare':1,'note':null}");
    rig_free(r);
}

/* A crash between documents and offsets: the same records come again. */
static void insert_without_transactions_needs_ids_and_passes_over_what_is_there(void **state)
{
    (void)state;
    rig *r = rig_new("insert_again");
    rig_option(r, "transactions", "off");
    rig_route(r, "r", "collection", "again", "write.mode", "insert", NULL);
    assert_ok(r, rig_open(r));
    assert_ok(r, rig_put(r, batch_of(r, trip, 0, cells_of(TRIP("a", 1), TRIP("b", 1)), 3, 2)));
    assert_ok(r, rig_put(r, batch_of(r, trip, 0, cells_of(TRIP("b", 1), TRIP("c", 1)), 3, 2)));
    assert_int_equal(count_of("again"), 3);
    assert_int_equal(rig_put(r, batch_of(r, leg, 0, cells_of(LEG("p", 1, 1)), 3, 1)), MR_REJECT);
    assert_string_equal(r->task.rejected[0].why.field, "_id");
    rig_free(r);
}

static void update_sets_fields_of_documents_that_are_there(void **state)
{
    (void)state;
    command("{'insert': 'updated', 'documents': [{'_id': 'p', 'a': 'p', 'b': 1, 'kept': true}]}");
    rig *r = rig_new("update");
    rig_route(r, "r", "collection", "updated", "write.mode", "update", "key.fields", "a",
              "delete.on.null", "true", NULL);
    assert_ok(r, rig_open(r));
    assert_ok(r,
              rig_put(r, batch_of(r, leg, 0,
                                  cells_of(LEG("p", 2, 2), LEG("q", 3, 3), LEG("p", 4, 5)), 3, 3)));
    assert_documents("updated", "{'_id':'p','a':'p','b':4,'kept':true,'x':5}");
    assert_string_equal(r->task.gauges[0].name, "updates_without_document");
    assert_true(r->task.gauges[0].value == 1);
    /* Names that $set would take apart. */
    assert_ok(
        r, rig_put(r, batch_of(r, odd, 0,
                               cells_of(cell_text("p"), cell_int(MR_INT, 7), cell_int(MR_INT, 8)),
                               3, 1)));
    assert_documents("updated", "{'_id':'p','a':'p','b':4,'kept':true,'x':5,'b.c':7,'$d':8}");
    mr_batch *gone = batch_of(r, NULL, 0, NULL, 0, 1);
    gone->records[0].raw_key = (mr_slice){"p", 1};
    mr_batch *both[] = {batch_of(r, leg, 0, cells_of(LEG("p", 9, 9)), 3, 1), gone};
    assert_ok(r, rig_epoch(r, both, 2));
    assert_documents("updated", "");
    rig_free(r);
}

static void update_many_sets_all_that_match_in_order_of_arrival(void **state)
{
    (void)state;
    command("{'insert': 'many', 'documents': [{'_id': 1, 'a': 'p', 'b': 1}, "
            "{'_id': 2, 'a': 'p', 'b': 1}, {'_id': 3, 'a': 'p', 'b': 2}, "
            "{'_id': 4, 'a': 'q', 'b': 1}]}");
    rig *r = rig_new("many");
    rig_route(r, "r", "collection", "many", "write.mode", "update-many", "match.fields", "a,b",
              NULL);
    assert_ok(r, rig_open(r));
    assert_ok(r,
              rig_put(r, batch_of(r, leg, 0,
                                  cells_of(LEG("p", 1, 5), LEG("p", 2, 6), LEG("p", 1, 7)), 3, 3)));
    assert_documents("many", "{'_id':1,'a':'p','b':1,'x':7} {'_id':2,'a':'p','b':1,'x':7} "
                             "{'_id':3,'a':'p','b':2,'x':6} {'_id':4,'a':'q','b':1}");
    rig_free(r);
}

static void delete_deletes_by_records_with_values_too(void **state)
{
    (void)state;
    command("{'insert': 'less', 'documents': [{'_id': 'a'}, {'_id': 'b'}, {'_id': 'c'}]}");
    rig *r = rig_new("delete");
    rig_route(r, "r", "collection", "less", "write.mode", "delete", NULL);
    assert_ok(r, rig_open(r));
    assert_ok(r, rig_put(r, batch_of(r, trip, 0, cells_of(TRIP("a", 1), TRIP("a", 1), TRIP("x", 1)),
                                     3, 3)));
    mr_batch *gone = batch_of(r, NULL, 0, NULL, 0, 1);
    gone->records[0].raw_key = (mr_slice){"c", 1};
    assert_ok(r, rig_put(r, gone));
    assert_documents("less", "{'_id':'b'}");
    rig_free(r);
}

static void several_routes_are_one_epoch(void **state)
{
    (void)state;
    command("{'create': 'strict', 'validator': {'fare': {'$lt': 10}}}");
    rig *r = rig_new("routes");
    rig_route(r, "r", "collection", "loose", NULL);
    rig_route(r, "s", "collection", "strict", NULL);
    assert_ok(r, rig_open(r));
    mr_batch *both[] = {batch_of(r, trip, 0, cells_of(TRIP("a", 11)), 3, 1),
                        batch_of(r, trip, 1, cells_of(TRIP("a", 11)), 3, 1)};
    assert_int_equal(rig_epoch(r, both, 2), MR_REJECT);
    assert_int_equal(count_of("loose"), 0);
    assert_int_equal(count_of("strict"), 0);
    rig_free(r);
}

int main(void)
{
    if (!getenv("MONGODB_URI")) {
        fprintf(stderr, "skipped: MONGODB_URI is not set\n");
        return RIG_SKIP;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(insert_appends_and_ids_come_from_the_server_where_there_are_none),
        cmocka_unit_test(insert_without_transactions_needs_ids_and_passes_over_what_is_there),
        cmocka_unit_test(update_sets_fields_of_documents_that_are_there),
        cmocka_unit_test(update_many_sets_all_that_match_in_order_of_arrival),
        cmocka_unit_test(delete_deletes_by_records_with_values_too),
        cmocka_unit_test(several_routes_are_one_epoch),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
