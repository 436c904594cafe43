/* SPDX-License-Identifier: Apache-2.0 */
/* Records that MongoDB refuses are named, with its code and words; others are stored. */
#include "rig.h"

static const mr_schema *trip; /* _id string, fare int */
static const mr_schema *blob; /* _id string, data bytes */

#define TRIP(id, fare) cell_text(id), cell_int(MR_INT, fare)

static int setup(void **state)
{
    trip =
        schema_of("{\"type\":\"record\",\"name\":\"Trip\",\"fields\":["
                  "{\"name\":\"_id\",\"type\":\"string\"},{\"name\":\"fare\",\"type\":\"int\"}]}");
    blob = schema_of("{\"type\":\"record\",\"name\":\"Blob\",\"fields\":["
                     "{\"name\":\"_id\",\"type\":\"string\"},"
                     "{\"name\":\"data\",\"type\":\"bytes\"}]}");
    return rig_suite_setup(state);
}

static int teardown(void **state)
{
    mr_schema_release(trip);
    mr_schema_release(blob);
    return rig_suite_teardown(state);
}

/* One record of the epoch was named, this one. */
static void assert_rejected(rig *r, mr_status status, uint32_t origin, int code, const char *part)
{
    assert_int_equal(status, MR_REJECT);
    assert_int_equal(r->task.rejected_count, 1);
    assert_int_equal(r->task.rejected[0].origin, origin);
    assert_int_equal(r->task.rejected[0].why.native, code);
    if (!strstr(r->task.rejected[0].why.text, part)) {
        fail_msg("%s\n is not in\n%s", part, r->task.rejected[0].why.text);
    }
}

static void a_double_is_named(void **state)
{
    (void)state;
    rig *r = rig_new("double");
    rig_route(r, "r", "collection", "double", "write.mode", "insert", NULL);
    assert_ok(r, rig_open(r));
    assert_ok(r, rig_put(r, batch_of(r, trip, 0, cells_of(TRIP("b", 1)), 2, 1)));
    int64_t before = r->offset.next;
    assert_rejected(
        r,
        rig_put(r, batch_of(r, trip, 0, cells_of(TRIP("a", 1), TRIP("b", 2), TRIP("c", 3)), 2, 3)),
        1, 11000, "E11000 duplicate key");
    assert_int_equal(count_of("double"), 1); /* nothing of the epoch */
    r->offset.next = before;
    assert_ok(r, rig_put(r, batch_of(r, trip, 0, cells_of(TRIP("a", 1), TRIP("c", 3)), 2, 2)));
    assert_int_equal(count_of("double"), 3);
    rig_free(r);
}

/* Not a race of keys: another unique index stands against it. */
static void a_double_of_another_index_is_named_in_upserts_too(void **state)
{
    (void)state;
    rig *r = rig_new("other_index");
    rig_route(r, "r", "collection", "other_index", "indexes", "fare unique", NULL);
    assert_ok(r, rig_open(r));
    assert_rejected(
        r,
        rig_put(r, batch_of(r, trip, 0, cells_of(TRIP("a", 1), TRIP("b", 2), TRIP("c", 1)), 2, 3)),
        2, 11000, "fare_1");
    rig_free(r);
}

static void a_document_the_validator_refuses_is_named_with_the_rule(void **state)
{
    (void)state;
    command("{'create': 'valid', 'validator': {'$jsonSchema': {'properties': {'fare': "
            "{'maximum': 9}}}}}");
    for (int transactions = 0; transactions < 2; transactions++) {
        rig *r = rig_new(transactions ? "valid_on" : "valid_off");
        rig_option(r, "transactions", transactions ? "on" : "off");
        rig_route(r, "r", "collection", "valid", NULL);
        assert_ok(r, rig_open(r));
        for (int round = 0; round < 2; round++) { /* inserted, then replaced */
            assert_rejected(
                r, rig_put(r, batch_of(r, trip, 0, cells_of(TRIP("a", 1), TRIP("b", 10)), 2, 2)), 1,
                121, "maximum");
            assert_string_equal(r->task.rejected[0].why.code, "DocumentValidationFailure");
            assert_ok(r, rig_put(r, batch_of(r, trip, 0, cells_of(TRIP("a", 1)), 2, 1)));
        }
        rig_free(r);
    }
    /* Outside a transaction all of them are named at once. */
    rig *r = rig_new("valid_all");
    rig_option(r, "transactions", "off");
    rig_route(r, "r", "collection", "valid", NULL);
    assert_ok(r, rig_open(r));
    assert_int_equal(
        rig_put(r,
                batch_of(r, trip, 0, cells_of(TRIP("x", 11), TRIP("y", 1), TRIP("z", 12)), 2, 3)),
        MR_REJECT);
    assert_int_equal(r->task.rejected_count, 2);
    rig_free(r);
}

static mr_cell bytes_of(const char *data, size_t len)
{
    return (mr_cell){.type = MR_BYTES, .len = (uint32_t)len, .as.text = data};
}

static void documents_up_to_the_limit_are_stored_and_larger_ones_named_before_sending(void **state)
{
    (void)state;
    enum { LIMIT = 16 << 20, AROUND = 4 + 1 + 4 + 4 + 2 + 1 + 5 + 4 + 1 + 1 };
    char *data = mr_calloc(1, LIMIT + 1);
    rig *r = rig_new("large");
    rig_route(r, "r", "collection", "large", NULL);
    assert_ok(r, rig_open(r));
    mr_cell fits = bytes_of(data, LIMIT - AROUND), over = bytes_of(data, LIMIT - AROUND + 1);
    mr_cell small = bytes_of(data, 10);
    mr_batch *batch = batch_of(r, blob, 0,
                               cells_of(cell_text("a"), small, cell_text("b"), over, cell_text("c"),
                                        fits, cell_text("d"), over),
                               2, 4);
    assert_int_equal(rig_put(r, batch), MR_REJECT);
    assert_int_equal(r->task.rejected_count, 2); /* both at once */
    assert_int_equal(r->task.rejected[0].origin, 1);
    assert_int_equal(r->task.rejected[1].origin, 3);
    assert_int_equal(count_of("large"), 0);
    for (int round = 0; round < 2; round++) { /* inserted, then replaced */
        assert_ok(r, rig_put(r, batch_of(r, blob, 0,
                                         cells_of(cell_text("a"), small, cell_text("c"), fits,
                                                  cell_text("e"), fits, cell_text("f"), small),
                                         2, 4)));
        assert_int_equal(count_of("large"), 4);
    }
    free(data);
    rig_free(r);
}

static void a_value_that_has_no_bson_form_is_named(void **state)
{
    (void)state;
    rig *r = rig_new("form");
    rig_route(r, "r", "collection", "form", NULL);
    assert_ok(r, rig_open(r));
    const mr_schema *text = schema_of("{\"type\":\"record\",\"name\":\"T\",\"fields\":["
                                      "{\"name\":\"_id\",\"type\":\"string\"},"
                                      "{\"name\":\"s\",\"type\":\"string\"}]}");
    assert_rejected(r,
                    rig_put(r, batch_of(r, text, 0,
                                        cells_of(cell_text("a"), cell_text("good"), cell_text("b"),
                                                 cell_text("\xff\xfe")),
                                        2, 2)),
                    1, 0, "UTF-8");
    assert_string_equal(r->task.rejected[0].why.field, "s");
    mr_schema_release(text);
    rig_free(r);
}

static void keys_that_are_none_are_named(void **state)
{
    (void)state;
    const mr_schema *odd =
        schema_of("{\"type\":\"record\",\"name\":\"O\",\"fields\":["
                  "{\"name\":\"_id\",\"type\":[\"null\",{\"type\":\"array\",\"items\":\"int\"},"
                  "{\"type\":\"map\",\"values\":\"int\"}]}]}");
    rig *r = rig_new("odd");
    rig_route(r, "r", "collection", "odd", NULL);
    assert_ok(r, rig_open(r));
    mr_cell one = cell_int(MR_INT, 1);
    mr_cell array = {.type = MR_ARRAY, .branch = 1, .len = 1, .as.cells = &one};
    mr_cell pairs[] = {cell_text("$gt"), one, cell_text("a"), one};
    mr_cell operators = {.type = MR_MAP, .branch = 2, .len = 1, .as.cells = pairs};
    mr_cell good = {.type = MR_MAP, .branch = 2, .len = 1, .as.cells = pairs + 2};
    assert_int_equal(
        rig_put(r, batch_of(r, odd, 0, cells_of(cell_null(), array, operators, good), 1, 4)),
        MR_REJECT);
    assert_int_equal(r->task.rejected_count, 3);
    assert_ok(r, rig_put(r, batch_of(r, odd, 0, cells_of(good, good), 1, 2)));
    assert_documents("odd", "{'_id':{'a':1}}");
    mr_schema_release(odd);
    rig_free(r);
}

static void an_index_that_can_not_be_made_stops_the_task(void **state)
{
    (void)state;
    command("{'insert': 'doubles', 'documents': [{'_id': 1, 'x': 1}, {'_id': 2, 'x': 1}]}");
    rig *r = rig_new("doubles");
    rig_route(r, "r", "collection", "doubles", "indexes", "x unique", NULL);
    assert_ok(r, rig_open(r));
    assert_int_equal(rig_put(r, batch_of(r, trip, 0, cells_of(TRIP("a", 1)), 2, 1)), MR_FATAL);
    assert_true(r->err.permanent);
    assert_non_null(strstr(r->err.text, "cannot make the indexes"));
    rig_free(r);
}

int main(void)
{
    if (!getenv("MONGODB_URI")) {
        fprintf(stderr, "skipped: MONGODB_URI is not set\n");
        return RIG_SKIP;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_double_is_named),
        cmocka_unit_test(a_double_of_another_index_is_named_in_upserts_too),
        cmocka_unit_test(a_document_the_validator_refuses_is_named_with_the_rule),
        cmocka_unit_test(documents_up_to_the_limit_are_stored_and_larger_ones_named_before_sending),
        cmocka_unit_test(a_value_that_has_no_bson_form_is_named),
        cmocka_unit_test(keys_that_are_none_are_named),
        cmocka_unit_test(an_index_that_can_not_be_made_stops_the_task),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
