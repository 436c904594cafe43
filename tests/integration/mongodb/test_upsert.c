/* SPDX-License-Identifier: Apache-2.0 */
/* Documents by key: made, replaced, deleted; where their _id comes from; keys that are equal. */
#include "rig.h"

static const mr_schema *trip; /* _id string, fare int, note nullable string */
static const mr_schema *leg;  /* a string, b int, x int */

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
    return rig_suite_setup(state);
}

static int teardown(void **state)
{
    mr_schema_release(trip);
    mr_schema_release(leg);
    return rig_suite_teardown(state);
}

static void the_last_record_of_a_key_wins(void **state)
{
    (void)state;
    rig *r = rig_new("upsert");
    rig_route(r, "r", "collection", "wins", NULL);
    assert_ok(r, rig_open(r));
    assert_int_equal(r->recovered, -1);
    assert_ok(r, rig_put(r, batch_of(r, trip, 0, cells_of(TRIP("a", 1), TRIP("b", 2), TRIP("a", 3)),
                                     3, 3)));
    assert_documents("wins", "{'_id':'a','fare':3,'note':null} {'_id':'b','fare':2,'note':null}");
    mr_batch *two[] = {batch_of(r, trip, 0, cells_of(TRIP("c", 4), TRIP("b", 5)), 3, 2),
                       batch_of(r, trip, 0, cells_of(TRIP("c", 6)), 3, 1)};
    assert_ok(r, rig_epoch(r, two, 2));
    assert_documents("wins", "{'_id':'a','fare':3,'note':null} {'_id':'b','fare':5,'note':null} "
                             "{'_id':'c','fare':6,'note':null}");
    assert_ok(r, rig_recover(r));
    assert_int_equal(r->recovered, 6);
    rig_free(r);
}

/* A batch of n trips with ids from `from` on. */
static mr_batch *trips(rig *r, int from, int n, int fare)
{
    mr_cell *cells = mr_arena_calloc(r->task.arena, (size_t)n, 3 * sizeof *cells);
    for (int i = 0; i < n; i++) {
        cells[3 * i] = cell_text(mr_arena_format(r->task.arena, "k%06d", from + i));
        cells[3 * i + 1] = cell_int(MR_INT, fare);
        cells[3 * i + 2] = cell_null();
    }
    return batch_of(r, trip, 0, cells, 3, (size_t)n);
}

static int64_t with_fare(const char *collection, int fare)
{
    char text[200];
    bson_t reply;
    bson_error_t error;
    bson_iter_t it;
    snprintf(text, sizeof text, "{'count': '%s', 'query': {'fare': %d}}", collection, fare);
    assert_true(try_command(test_database, text, &reply, &error));
    assert_true(bson_iter_init_find(&it, &reply, "n"));
    int64_t n = bson_iter_as_int64(&it);
    bson_destroy(&reply);
    return n;
}

static void every_mixture_of_new_and_known_keys_comes_right(void **state)
{
    (void)state;
    for (int transactions = 0; transactions < 2; transactions++) {
        const char *name = transactions ? "mixed_on" : "mixed_off";
        rig *r = rig_new(name);
        rig_option(r, "transactions", transactions ? "on" : "off");
        rig_route(r, "r", "collection", name, NULL);
        assert_ok(r, rig_open(r));
        assert_ok(r, rig_put(r, trips(r, 0, 3000, 1)));     /* all new */
        assert_ok(r, rig_put(r, trips(r, 0, 3000, 2)));     /* none new: goes blind after it */
        assert_ok(r, rig_put(r, trips(r, 0, 3000, 3)));     /* blind */
        assert_ok(r, rig_put(r, trips(r, 0, 12000, 4)));    /* blind, though most are new */
        assert_ok(r, rig_put(r, trips(r, 10000, 4000, 5))); /* looks again: half of it is new */
        assert_int_equal(count_of(name), 14000);
        assert_int_equal(with_fare(name, 4), 10000);
        assert_int_equal(with_fare(name, 5), 4000);
        rig_free(r);
    }
}

static void deletes_delete(void **state)
{
    (void)state;
    rig *r = rig_new("deletes");
    rig_route(r, "r", "collection", "deletes", NULL);
    assert_ok(r, rig_open(r));
    assert_ok(r, rig_put(r, batch_of(r, trip, 0,
                                     cells_of(TRIP("a", 1), TRIP("b", 1), TRIP("c", 1),
                                              TRIP("d", 1), TRIP("e", 1), TRIP("f", 1)),
                                     3, 6)));
    /* By the value, the image before, the key, the header, the message's key; and one unknown. */
    mr_batch *batch = batch_of(r, trip, 0, NULL, 0, 6);
    mr_cell fields[] = {TRIP("a", 9), TRIP("b", 9)};
    mr_cell value = {.type = MR_RECORD, .len = 3, .as.cells = fields};
    mr_cell before = {.type = MR_RECORD, .len = 3, .as.cells = fields + 3};
    const mr_schema *keys = schema_of("{\"type\":\"record\",\"name\":\"K\",\"fields\":["
                                      "{\"name\":\"_id\",\"type\":\"string\"}]}");
    mr_cell key_field = cell_text("c");
    mr_cell key = {.type = MR_RECORD, .len = 1, .as.cells = &key_field};
    mr_buffer bson = MR_BUFFER_INIT(1000);
    size_t begun = mr_bson_begin(&bson);
    mr_bson_add_text(&bson, "_id", "d", 1);
    mr_bson_end(&bson, begun);
    mr_header header = {MR_HEADER_KEY_BSON, {bson.data, bson.len}};
    batch->key_schema = keys;
    batch->records[0].value = &value;
    batch->records[1].before = &before;
    batch->records[2].key = &key;
    batch->records[3].headers = &header;
    batch->records[3].header_count = 1;
    batch->records[3].raw_key = (mr_slice){"not d", 5};
    batch->records[4].raw_key = (mr_slice){"e", 1};
    batch->records[5].raw_key = (mr_slice){"nobody", 6};
    assert_ok(r, rig_put(r, batch));
    assert_documents("deletes", "{'_id':'f','fare':1,'note':null}");
    /* The last of a key wins, whatever it is. */
    mr_batch *gone = batch_of(r, trip, 0, NULL, 0, 2);
    gone->records[0].raw_key = (mr_slice){"f", 1};
    gone->records[1].raw_key = (mr_slice){"g", 1};
    mr_batch *three[] = {batch_of(r, trip, 0, cells_of(TRIP("g", 1)), 3, 1), gone,
                         batch_of(r, trip, 0, cells_of(TRIP("f", 2)), 3, 1)};
    assert_ok(r, rig_epoch(r, three, 3));
    assert_documents("deletes", "{'_id':'f','fare':2,'note':null}");
    mr_buffer_release(&bson);
    mr_schema_release(keys);
    rig_free(r);
}

static void a_delete_without_a_key_is_rejected_and_others_are_passed_over_if_told(void **state)
{
    (void)state;
    rig *r = rig_new("no_key");
    rig_route(r, "r", "collection", "no_key", NULL);
    rig_route(r, "s", "collection", "no_key", "delete.on.null", "false", NULL);
    rig_route(r, "t", "collection", "no_key", "write.mode", "insert", NULL);
    assert_ok(r, rig_open(r));
    assert_int_equal(rig_put(r, batch_of(r, trip, 0, NULL, 0, 1)), MR_REJECT);
    assert_int_equal(r->task.rejected_count, 1);
    assert_string_equal(r->task.rejected[0].why.code, "NO_KEY");
    assert_ok(r, rig_put(r, batch_of(r, trip, 1, NULL, 0, 1)));
    assert_int_equal(rig_put(r, batch_of(r, trip, 2, NULL, 0, 1)), MR_REJECT);
    assert_non_null(strstr(r->task.rejected[0].why.text, "delete.on.null"));
    rig_free(r);
}

static void an_id_is_made_of_one_field_or_of_several(void **state)
{
    (void)state;
    rig *r = rig_new("made");
    rig_route(r, "r", "collection", "one", "key.fields", "a", NULL);
    rig_route(r, "s", "collection", "several", "key.fields", "b,a", NULL);
    assert_ok(r, rig_open(r));
    mr_batch *both[] = {batch_of(r, leg, 0, cells_of(LEG("p", 1, 1), LEG("q", 1, 2)), 3, 2),
                        batch_of(r, leg, 1, cells_of(LEG("p", 1, 1), LEG("p", 2, 2)), 3, 2)};
    assert_ok(r, rig_epoch(r, both, 2));
    both[0] = batch_of(r, leg, 0, cells_of(LEG("q", 9, 9)), 3, 1);
    both[1] = batch_of(r, leg, 1, cells_of(LEG("p", 2, 9), LEG("q", 2, 3)), 3, 2);
    assert_ok(r, rig_epoch(r, both, 2));
    assert_documents("one", "{'_id':'p','a':'p','b':1,'x':1} {'_id':'q','a':'q','b':9,'x':9}");
    assert_documents("several", "{'_id':{'b':1,'a':'p'},'a':'p','b':1,'x':1} "
                                "{'_id':{'b':2,'a':'p'},'a':'p','b':2,'x':9} "
                                "{'_id':{'b':2,'a':'q'},'a':'q','b':2,'x':3}");
    mr_batch *gone = batch_of(r, NULL, 1, NULL, 0, 1);
    gone->records[0].raw_key = (mr_slice){"[2, \"q\"]", 8};
    assert_ok(r, rig_put(r, gone));
    assert_int_equal(count_of("several"), 2);
    rig_free(r);
}

static void an_id_of_its_own_that_is_not_the_key_is_rejected(void **state)
{
    (void)state;
    rig *r = rig_new("own");
    rig_route(r, "r", "collection", "own", "key.fields", "note", NULL);
    assert_ok(r, rig_open(r));
    assert_int_equal(
        rig_put(r, batch_of(r, trip, 0,
                            cells_of(cell_text("a"), cell_int(MR_INT, 1), cell_text("n")), 3, 1)),
        MR_REJECT);
    assert_string_equal(r->task.rejected[0].why.code, "ID_CONFLICT");
    assert_ok(r, rig_put(r, batch_of(r, trip, 0,
                                     cells_of(cell_text("n"), cell_int(MR_INT, 1), cell_text("n")),
                                     3, 1)));
    assert_documents("own", "{'_id':'n','fare':1,'note':'n'}");
    rig_free(r);
}

static void a_generated_id_stays_and_the_key_is_unique(void **state)
{
    (void)state;
    rig *r = rig_new("generated");
    rig_route(r, "r", "collection", "gen1", "key.fields", "a", "document.id", "generated", NULL);
    rig_route(r, "s", "collection", "gen2", "key.fields", "a,b", "document.id", "generated", NULL);
    assert_ok(r, rig_open(r));
    mr_batch *both[] = {batch_of(r, leg, 0, cells_of(LEG("p", 1, 1), LEG("q", 1, 2)), 3, 2),
                        batch_of(r, leg, 1, cells_of(LEG("p", 1, 1), LEG("p", 2, 2)), 3, 2)};
    assert_ok(r, rig_epoch(r, both, 2));
    char *before = mr_strdup(found("{'find': 'gen1', 'projection': {'a': 1}, 'sort': {'a': 1}}"));
    assert_non_null(strstr(before, "$oid"));
    both[0] = batch_of(r, leg, 0, cells_of(LEG("q", 9, 9), LEG("p", 8, 8)), 3, 2);
    both[1] = batch_of(r, leg, 1, cells_of(LEG("p", 2, 9), LEG("q", 2, 3)), 3, 2);
    assert_ok(r, rig_epoch(r, both, 2));
    assert_string_equal(found("{'find': 'gen1', 'projection': {'a': 1}, 'sort': {'a': 1}}"),
                        before);
    assert_string_equal(found("{'find': 'gen1', 'projection': {'_id': 0}, 'sort': {'a': 1}}"),
                        "{'a':'p','b':8,'x':8} {'a':'q','b':9,'x':9}");
    assert_string_equal(
        found("{'find': 'gen2', 'projection': {'_id': 0}, 'sort': {'a': 1, 'b': 1}}"),
        "{'a':'p','b':1,'x':1} {'a':'p','b':2,'x':9} {'a':'q','b':2,'x':3}");
    free(before);
    bson_t reply;
    bson_error_t error;
    assert_true(try_command(test_database, "{'listIndexes': 'gen2'}", &reply, &error));
    char *indexes = bson_as_json(&reply, NULL);
    assert_non_null(strstr(indexes, "a_1_b_1"));
    assert_non_null(strstr(indexes, "unique"));
    bson_free(indexes);
    bson_destroy(&reply);
    rig_free(r);
}

static void numbers_that_are_equal_are_one_key(void **state)
{
    (void)state;
    const mr_schema *mixed =
        schema_of("{\"type\":\"record\",\"name\":\"M\",\"fields\":["
                  "{\"name\":\"_id\",\"type\":[\"int\",\"long\",\"double\",\"string\"]},"
                  "{\"name\":\"x\",\"type\":\"int\"}]}");
    rig *r = rig_new("numbers");
    rig_route(r, "r", "collection", "numbers", NULL);
    assert_ok(r, rig_open(r));
    mr_cell i = cell_int(MR_INT, 7), l = cell_int(MR_LONG, 7), s = cell_text("7");
    mr_cell d = {.type = MR_DOUBLE, .branch = 2, .as.d = 7};
    l.branch = 1;
    s.branch = 3;
    assert_ok(r, rig_put(r, batch_of(r, mixed, 0,
                                     cells_of(i, cell_int(MR_INT, 1), l, cell_int(MR_INT, 2), d,
                                              cell_int(MR_INT, 3), s, cell_int(MR_INT, 4)),
                                     2, 4)));
    assert_int_equal(count_of("numbers"), 2);
    assert_ok(r, rig_put(r, batch_of(r, mixed, 0, cells_of(i, cell_int(MR_INT, 5)), 2, 1)));
    assert_string_equal(found("{'find': 'numbers', 'projection': {'_id': 0}, 'sort': {'_id': 1}}"),
                        "{'x':5} {'x':4}");
    rig_free(r);
    mr_schema_release(mixed);
}

/* To a collation that takes no notice of case, "a" and "A" are one key; here they are two. */
static void keys_that_only_the_server_takes_for_equal_come_right_too(void **state)
{
    (void)state;
    command("{'create': 'collated', 'collation': {'locale': 'en', 'strength': 2}}");
    rig *r = rig_new("collated");
    rig_route(r, "r", "collection", "collated", "key.fields", "a", "document.id", "generated",
              NULL);
    assert_ok(r, rig_open(r));
    for (int x = 1; x < 10; x += 3) { /* new, then known by another name */
        mr_status status = MR_RETRY;
        for (int attempt = 0; attempt < 2 && status == MR_RETRY; attempt++) {
            status = rig_put(r, batch_of(r, leg, 0,
                                         cells_of(LEG("x", 1, x), LEG("a", 2, x + 1),
                                                  LEG(x == 4 ? "B" : "A", 3, x + 2)),
                                         3, 3));
        }
        assert_ok(r, status);
    }
    assert_string_equal(found("{'find': 'collated', 'projection': {'_id': 0}, 'sort': {'a': 1}}"),
                        "{'a':'A','b':3,'x':9} {'a':'B','b':3,'x':6} {'a':'x','b':1,'x':7}");
    rig_free(r);
}

static void a_document_the_message_carries_is_taken_as_it_is(void **state)
{
    (void)state;
    rig *r = rig_new("carried");
    rig_route(r, "r", "collection", "carried", NULL);
    rig_route(r, "s", "collection", "queried", NULL);
    r->routes[1].transformed = true;
    assert_ok(r, rig_open(r));
    mr_buffer bson = MR_BUFFER_INIT(1000);
    size_t begun = mr_bson_begin(&bson);
    mr_bson_add_int64(&bson, "extra", 5);
    mr_bson_add_text(&bson, "_id", "a", 1);
    mr_bson_end(&bson, begun);
    mr_header headers[] = {{"other", {NULL, 0}}, {MR_HEADER_BSON, {bson.data, bson.len}}};
    mr_batch *both[] = {batch_of(r, trip, 0, cells_of(TRIP("a", 1)), 3, 1),
                        batch_of(r, trip, 1, cells_of(TRIP("a", 1)), 3, 1)};
    for (size_t i = 0; i < 2; i++) {
        both[i]->records[0].headers = headers;
        both[i]->records[0].header_count = 2;
    }
    assert_ok(r, rig_epoch(r, both, 2));
    assert_documents("carried", "{'_id':'a','extra':5}");
    assert_documents("queried", "{'_id':'a','fare':1,'note':null}");
    headers[1].value.len--; /* cut off */
    both[0] = batch_of(r, trip, 0, cells_of(TRIP("a", 1)), 3, 1);
    both[0]->records[0].headers = headers;
    both[0]->records[0].header_count = 2;
    assert_int_equal(rig_put(r, both[0]), MR_REJECT);
    assert_int_equal(r->task.rejected_count, 1);
    mr_buffer_release(&bson);
    rig_free(r);
}

/* The server takes a replacement whose first name begins with a dollar for operators. */
static void a_name_with_a_dollar_is_replaced_as_any_other(void **state)
{
    (void)state;
    rig *r = rig_new("dollar");
    rig_route(r, "r", "collection", "dollar", NULL);
    assert_ok(r, rig_open(r));
    for (int32_t cash = 1; cash <= 3; cash++) {
        mr_buffer bson = MR_BUFFER_INIT(1000);
        size_t begun = mr_bson_begin(&bson);
        mr_bson_add_text(&bson, "_id", "a", 1);
        mr_bson_add_int32(&bson, cash == 2 ? "$set" : "$cash", cash);
        mr_bson_end(&bson, begun);
        mr_header header = {MR_HEADER_BSON, {bson.data, bson.len}};
        mr_batch *batch = batch_of(r, trip, 0, cells_of(TRIP("a", 1)), 3, 1);
        batch->records[0].headers = &header;
        batch->records[0].header_count = 1;
        assert_ok(r, rig_put(r, batch));
        assert_documents("dollar", cash == 2   ? "{'_id':'a','$set':2}"
                                   : cash == 1 ? "{'_id':'a','$cash':1}"
                                               : "{'_id':'a','$cash':3}");
        mr_buffer_release(&bson);
    }
    rig_free(r);
}

/* Data that looks like an operator is stored as what it is, where it is the first field, too. */
static void an_operator_in_front_is_data(void **state)
{
    (void)state;
    const mr_schema *operators =
        schema_of("{\"type\":\"record\",\"name\":\"Op\",\"aliases\":[\"" MR_BSON_ABSENT "\"],"
                  "\"fields\":[{\"name\":\"_set\",\"doc\":\"$set\",\"type\":"
                  "{\"type\":\"map\",\"values\":\"int\"}},"
                  "{\"name\":\"k\",\"type\":\"string\",\"doc\":\"k\"}]}");
    rig *r = rig_new("operator");
    rig_route(r, "r", "collection", "operator", "key.fields", "k", "document.id", "generated",
              NULL);
    assert_ok(r, rig_open(r));
    for (int i = 1; i < 4; i++) { /* inserted, replaced, replaced again */
        mr_cell pairs[] = {cell_text("k"), cell_int(MR_INT, i)};
        mr_cell map = {.type = MR_MAP, .len = 1, .as.cells = pairs};
        assert_ok(r, rig_put(r, batch_of(r, operators, 0, cells_of(map, cell_text("x")), 2, 1)));
    }
    assert_string_equal(found("{'find': 'operator', 'projection': {'_id': 0}}"),
                        "{'$set':{'k':3},'k':'x'}");
    mr_schema_release(operators);
    rig_free(r);
}

static void the_topic_names_the_collection_and_indexes_are_made(void **state)
{
    (void)state;
    rig *r = rig_new("topics");
    rig_route(r, "r", "indexes", "fare -note unique", NULL);
    assert_ok(r, rig_open(r));
    mr_batch *both[] = {batch_of(r, trip, 0, cells_of(TRIP("a", 1)), 3, 1),
                        batch_of(r, trip, 0, cells_of(TRIP("a", 1)), 3, 1)};
    both[1]->topic = "another.topic";
    assert_ok(r, rig_epoch(r, both, 2));
    assert_int_equal(count_of("topic"), 1);
    assert_int_equal(count_of("another.topic"), 1);
    bson_t reply;
    bson_error_t error;
    assert_true(try_command(test_database, "{'listIndexes': 'another.topic'}", &reply, &error));
    char *indexes = bson_as_json(&reply, NULL);
    assert_non_null(strstr(indexes, "fare_1_note_-1"));
    bson_free(indexes);
    bson_destroy(&reply);
    /* The second time they are there. */
    rig_close(r);
    assert_ok(r, rig_open(r));
    assert_ok(r, rig_put(r, batch_of(r, trip, 0, cells_of(TRIP("b", 2)), 3, 1)));
    rig_free(r);
}

int main(void)
{
    if (!getenv("MONGODB_URI")) {
        fprintf(stderr, "skipped: MONGODB_URI is not set\n");
        return RIG_SKIP;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_record_of_a_key_wins),
        cmocka_unit_test(every_mixture_of_new_and_known_keys_comes_right),
        cmocka_unit_test(deletes_delete),
        cmocka_unit_test(a_delete_without_a_key_is_rejected_and_others_are_passed_over_if_told),
        cmocka_unit_test(an_id_is_made_of_one_field_or_of_several),
        cmocka_unit_test(an_id_of_its_own_that_is_not_the_key_is_rejected),
        cmocka_unit_test(a_generated_id_stays_and_the_key_is_unique),
        cmocka_unit_test(numbers_that_are_equal_are_one_key),
        cmocka_unit_test(keys_that_only_the_server_takes_for_equal_come_right_too),
        cmocka_unit_test(a_document_the_message_carries_is_taken_as_it_is),
        cmocka_unit_test(a_name_with_a_dollar_is_replaced_as_any_other),
        cmocka_unit_test(an_operator_in_front_is_data),
        cmocka_unit_test(the_topic_names_the_collection_and_indexes_are_made),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
