/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of a change stream to records, without a server: events that a mongod 6.0.5 has sent
 * (tests/data/mongodb/events.jsonl) and ones made up for what it does not send, against the records
 * DynamoDB Streams would have written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "codec/change.h"
#include "sources/mongodb/feed.h"
#include "sources/mongodb/position.h"
#include "sources/mongodb/record.h"

enum { EVENTS_MAX = 16 };

typedef struct rig {
    mongo_options options;
    mr_list key_fields;
    mongo_naming naming;
    mongo_maker maker;
    mongo_collection *collection;
    mr_arena *arena;
    bson_t *documents[EVENTS_MAX];
    mongo_event events[EVENTS_MAX];
    size_t count;
} rig;

static const char *const only_id[] = {"_id"};
static mr_error err;

static void set_up(rig *r, int format, int view, const char *const *fields, size_t count)
{
    *r = (rig){.options = {.view = view,
                           .format = format,
                           .record_name = "{database}.{collection}",
                           .schema_widen = true,
                           .schema_fields_max = 1000,
                           .aws_region = "us-west-2"},
               .key_fields = {fields, count},
               .arena = mr_arena_new()};
    r->naming = (mongo_naming){.options = &r->options,
                               .topic = "t_{collection}",
                               .key_fields = &r->key_fields,
                               .label = "2015-05-11T21:21:33.291"};
    r->maker = (mongo_maker){.options = &r->options, .key_fields = &r->key_fields};
    mr_buffer_init(&r->maker.scratch, 1 << 20);
    assert_int_equal(mongo_collection_new(&r->naming, "taxi", "trips", NULL, &r->collection, &err),
                     MR_OK);
}

static void tear_down(rig *r)
{
    for (size_t i = 0; i < r->count; i++) {
        bson_destroy(r->documents[i]);
    }
    mongo_collection_free(r->collection);
    mr_buffer_release(&r->maker.scratch);
    mr_arena_free(r->arena);
}

/* Reads an event in canonical extended JSON. */
static mongo_event *add_event(rig *r, const char *json)
{
    bson_error_t error;
    bson_t *b = bson_new_from_json((const uint8_t *)json, -1, &error);
    assert_non_null(b);
    r->documents[r->count] = b;
    mr_slice bytes = {(const char *)bson_get_data(b), b->len};
    assert_int_equal(mr_bson_check(bytes.data, bytes.len, &err), MR_OK);
    assert_int_equal(mongo_event_parse(bytes, &r->events[r->count], &err), MR_OK);
    return &r->events[r->count++];
}

static void read_recorded(rig *r)
{
    FILE *file = fopen(MR_SOURCE_DIR "/tests/data/mongodb/events.jsonl", "r");
    assert_non_null(file);
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, file) > 0) {
        add_event(r, line);
    }
    free(line);
    fclose(file);
    assert_int_equal(r->count, 11);
}

/* Makes the record, learning what it needs. */
static mr_record make(rig *r, const mongo_change *change)
{
    mr_record record;
    mongo_made made = mongo_record_make(&r->maker, r->collection, change, r->arena, &record, &err);
    if (made == MONGO_NEW_SCHEMA) {
        mongo_record_learn(&r->maker, r->collection, change, r->arena);
        assert_int_equal(mongo_collection_renew(r->collection, &err), MR_OK);
        made = mongo_record_make(&r->maker, r->collection, change, r->arena, &record, &err);
    }
    assert_int_equal(made, MONGO_MADE);
    return record;
}

static void assert_text(mr_slice found, const char *want)
{
    assert_int_equal(found.len, strlen(want));
    assert_memory_equal(found.data, want, found.len);
}

static void assert_cell_text(const mr_cell *cell, const char *want)
{
    assert_text((mr_slice){cell->as.text, cell->len}, want);
}

/* --- Events --- */

static void recorded_events_are_read(void **state)
{
    (void)state;
    static const mongo_kind kinds[] = {
        MONGO_EVENT_INSERT, MONGO_EVENT_UPDATE,        MONGO_EVENT_REPLACE,   MONGO_EVENT_REPLACE,
        MONGO_EVENT_INSERT, MONGO_EVENT_UPDATE,        MONGO_EVENT_DELETE,    MONGO_EVENT_RENAME,
        MONGO_EVENT_DROP,   MONGO_EVENT_DROP_DATABASE, MONGO_EVENT_INVALIDATE};
    rig r;
    set_up(&r, MONGO_AVRO, MR_VIEW_NEW_AND_OLD_IMAGES, only_id, 1);
    read_recorded(&r);
    for (size_t i = 0; i < r.count; i++) {
        const mongo_event *e = &r.events[i];
        mongo_time of_token;
        assert_int_equal(e->kind, kinds[i]);
        assert_int_equal(e->time.seconds, 1795609170);
        assert_true(mongo_token_time(e->token, &of_token));
        assert_int_equal(mongo_time_compare(of_token, e->time), 0);
        assert_int_equal(e->key.data != NULL, e->kind <= MONGO_EVENT_DELETE);
        assert_int_equal(e->before.data != NULL, e->kind == MONGO_EVENT_UPDATE ||
                                                     e->kind == MONGO_EVENT_REPLACE ||
                                                     e->kind == MONGO_EVENT_DELETE);
    }
    assert_text(r.events[7].to_collection, "trips2");
    tear_down(&r);
}

static void events_that_lack_something_are_refused(void **state)
{
    (void)state;
    static const char without_id[] =
        "{\"_id\":{\"_data\":\"82\"},\"operationType\":\"insert\",\"ns\":{\"db\":\"a\",\"coll\":"
        "\"b\"},\"clusterTime\":{\"$timestamp\":{\"t\":1,\"i\":1}}}";
    static const char *const bad[] = {
        "{}",
        "{\"_id\":{\"_data\":\"82\"},\"operationType\":\"insert\"}",
        "{\"operationType\":\"drop\",\"clusterTime\":{\"$timestamp\":{\"t\":1,\"i\":1}}}",
        without_id,
        "{\"_id\":\"text\",\"operationType\":5,\"clusterTime\":1}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        bson_t *b = bson_new_from_json((const uint8_t *)bad[i], -1, NULL);
        mongo_event event;
        assert_int_equal(
            mongo_event_parse((mr_slice){(const char *)bson_get_data(b), b->len}, &event, &err),
            MR_FATAL);
        bson_destroy(b);
    }
}

/* --- Records --- */

#define HEAD(name, data)                                                                           \
    "{\"_id\":{\"_data\":\"" data "\"},\"operationType\":\"" name "\",\"clusterTime\":"            \
    "{\"$timestamp\":{\"t\":1479499740,\"i\":3}},\"ns\":{\"db\":\"taxi\",\"coll\":\"trips\"},"     \
    "\"documentKey\":{\"_id\":{\"$numberInt\":\"1\"}}"
#define FIRST  "{\"Message\":\"New item!\",\"Id\":{\"$numberInt\":\"101\"}}"
#define SECOND "{\"Message\":\"This item has changed\",\"Id\":{\"$numberInt\":\"101\"}}"

/* The three records of AWS's Lambda guide, "Using Lambda with DynamoDB": member by member, with the
 * sizes it gives. */
static void records_of_the_guide(void **state)
{
    (void)state;
    static const char *const id[] = {"Id"};
    rig r;
    set_up(&r, MONGO_DYNAMODB_JSON, MR_VIEW_NEW_AND_OLD_IMAGES, id, 1);
    add_event(&r, HEAD("insert", "8201") ",\"fullDocument\":" FIRST "}");
    add_event(&r, HEAD("update", "8202") ",\"fullDocument\":" SECOND
                                         ",\"fullDocumentBeforeChange\":" FIRST "}");
    add_event(&r, HEAD("delete", "8203") ",\"fullDocumentBeforeChange\":" SECOND "}");
#define NEW     "{\"Message\":{\"S\":\"New item!\"},\"Id\":{\"N\":\"101\"}}"
#define CHANGED "{\"Message\":{\"S\":\"This item has changed\"},\"Id\":{\"N\":\"101\"}}"
    static const struct {
        const char *name, *images, *size;
    } want[] = {
        {"INSERT", "\"NewImage\":" NEW ",", "26"},
        {"MODIFY", "\"NewImage\":" CHANGED ",\"OldImage\":" NEW ",", "59"},
        {"REMOVE", "\"OldImage\":" CHANGED ",", "38"},
    };
    for (size_t i = 0; i < 3; i++) {
        mongo_change change = mongo_change_of(&r.events[i], (uint32_t)i);
        mr_record record = make(&r, &change);
        char event_id[33] = "", text[1024];
        memcpy(event_id, record.raw_value.data + strlen("{\"eventID\":\""), 32);
        assert_int_equal(strspn(event_id, "0123456789abcdef"), 32);
        snprintf(text, sizeof text,
                 "{\"eventID\":\"%s\",\"eventName\":\"%s\",\"eventVersion\":\"1.1\","
                 "\"eventSource\":\"aws:dynamodb\",\"awsRegion\":\"us-west-2\",\"dynamodb\":{"
                 "\"ApproximateCreationDateTime\":1479499740,\"Keys\":{\"Id\":{\"N\":\"101\"}},%s"
                 "\"SequenceNumber\":\"14794997400000000003000000000%zu\",\"SizeBytes\":%s,"
                 "\"StreamViewType\":\"NEW_AND_OLD_IMAGES\"},\"eventSourceARN\":"
                 "\"arn:aws:dynamodb:us-west-2:000000000000:table/taxi.trips/stream/"
                 "2015-05-11T21:21:33.291\"}",
                 event_id, want[i].name, want[i].images, 2 * i, want[i].size);
        assert_text(record.raw_value, text);
        assert_text(record.raw_key, "101");
    }
    tear_down(&r);
}

/* Which image each view shows of each kind of change (contract: StreamViewType). */
static void views_show_their_images(void **state)
{
    (void)state;
    static const bool shows_new[][3] = {{0, 0, 0}, {1, 1, 0}, {0, 0, 0}, {1, 1, 0}};
    static const bool shows_old[][3] = {{0, 0, 0}, {0, 0, 0}, {0, 1, 1}, {0, 1, 1}};
    static const size_t recorded[] = {0, 1, 6};
    for (int view = 0; view < 4; view++) {
        rig r;
        set_up(&r, MONGO_AVRO, view, only_id, 1);
        read_recorded(&r);
        for (int i = 0; i < 3; i++) {
            mongo_change change = mongo_change_of(&r.events[recorded[i]], 0);
            mr_record record = make(&r, &change);
            const mr_cell *fields = record.value->as.cells;
            const mr_cell *stream = fields[MR_CHANGE_DYNAMODB].as.cells;
            assert_int_equal(record.value->len, MR_CHANGE_FIELDS);
            assert_cell_text(&fields[MR_CHANGE_EVENT_NAME], mr_event_names[i]);
            assert_cell_text(&stream[MR_STREAM_VIEW], mr_view_names[view]);
            assert_int_equal(stream[MR_STREAM_NEW_IMAGE].type == MR_RECORD, shows_new[view][i]);
            assert_int_equal(stream[MR_STREAM_OLD_IMAGE].type == MR_RECORD, shows_old[view][i]);
            assert_int_equal(stream[MR_STREAM_KEYS].type, MR_RECORD);
            assert_int_equal(fields[MR_CHANGE_MILLRACE].type, MR_NULL);
            assert_int_equal(fields[MR_CHANGE_USER_IDENTITY].type, MR_NULL);
            assert_text(record.raw_key, "64f000000000000000000001");
        }
        tear_down(&r);
    }
}

static void what_is_missing_is_marked(void **state)
{
    (void)state;
    rig r;
    set_up(&r, MONGO_AVRO, MR_VIEW_NEW_AND_OLD_IMAGES, only_id, 1);
    mongo_event *e = add_event(&r, HEAD("update", "8202") "}");
    mongo_change change = mongo_change_of(e, 0);
    mr_record record = make(&r, &change);
    const mr_cell *extra = &record.value->as.cells[MR_CHANGE_MILLRACE];
    assert_int_equal(extra->type, MR_RECORD);
    assert_cell_text(&extra->as.cells[MR_EXTRA_NEW_SOURCE], "MISSING");
    assert_cell_text(&extra->as.cells[MR_EXTRA_OLD_SOURCE], "MISSING");
    change.after = change.key;
    change.looked_up = true;
    record = make(&r, &change);
    extra = &record.value->as.cells[MR_CHANGE_MILLRACE];
    assert_cell_text(&extra->as.cells[MR_EXTRA_NEW_SOURCE], "LOOKUP");
    change = (mongo_change){.event = MR_EVENT_INSERT,
                            .key = change.key,
                            .after = change.key,
                            .snapshot = true,
                            .identity = change.key};
    record = make(&r, &change);
    extra = &record.value->as.cells[MR_CHANGE_MILLRACE];
    assert_int_equal(extra->as.cells[MR_EXTRA_SNAPSHOT].as.i, 1);
    assert_int_equal(record.op, MR_OP_SNAPSHOT);
    tear_down(&r);
}

static void keys_that_are_missing_are_rejected(void **state)
{
    (void)state;
    static const char *const fields[] = {"_id", "user.name"};
    rig r;
    set_up(&r, MONGO_AVRO, MR_VIEW_KEYS_ONLY, fields, 2);
    mongo_event *e = add_event(&r, HEAD("insert", "8201") ",\"fullDocument\":{\"user\":{}}}");
    mongo_change change = mongo_change_of(e, 0);
    mr_record record;
    assert_int_equal(mongo_record_make(&r.maker, r.collection, &change, r.arena, &record, &err),
                     MONGO_REJECTED);
    assert_string_equal(err.field, "user.name");
    e = add_event(&r, HEAD("insert", "8202") ",\"fullDocument\":{\"user\":{\"name\":\"x\"}}}");
    change = mongo_change_of(e, 0);
    record = make(&r, &change);
    assert_text(record.raw_key, "[1,\"x\"]");
    tear_down(&r);
}

static void keys_as_text(void **state)
{
    (void)state;
    static const struct {
        const char *json, *text;
    } table[] = {
        {"\"plain\"", "plain"},
        {"{\"$numberInt\":\"-7\"}", "-7"},
        {"{\"$numberLong\":\"9007199254740993\"}", "9007199254740993"},
        {"{\"$numberDouble\":\"7.0\"}", "7"},
        {"{\"$numberDouble\":\"0.1\"}", "0.1"},
        {"{\"$numberDecimal\":\"1.50\"}", "1.50"},
        {"{\"$oid\":\"64f000000000000000000001\"}", "64f000000000000000000001"},
        {"true", "true"},
        {"{\"a\":{\"$numberInt\":\"1\"}}", "{\"a\":{\"$numberInt\":\"1\"}}"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        rig r;
        char json[256];
        snprintf(json, sizeof json, "{\"_id\":%s}", table[i].json);
        set_up(&r, MONGO_DOCUMENTS, MR_VIEW_NEW_IMAGE, only_id, 1);
        bson_t *key = bson_new_from_json((const uint8_t *)json, -1, NULL);
        mongo_change change = {.event = MR_EVENT_REMOVE,
                               .key = {(const char *)bson_get_data(key), key->len}};
        mr_record record = make(&r, &change);
        assert_text(record.raw_key, table[i].text);
        assert_null(record.value);
        assert_string_equal(record.headers[0].name, MR_HEADER_KEY_BSON);
        bson_destroy(key);
        tear_down(&r);
    }
}

static void ids_and_numbers(void **state)
{
    (void)state;
    char a[33] = "", b[33] = "", number[31] = "";
    mongo_event_id((mr_slice){"token", 5}, 0, a);
    mongo_event_id((mr_slice){"token", 5}, 0, b);
    assert_string_equal(a, b);
    mongo_event_id((mr_slice){"token", 5}, 1, b);
    assert_string_not_equal(a, b);
    mongo_event_id((mr_slice){"tokeo", 5}, 0, b);
    assert_string_not_equal(a, b);
    mongo_sequence((mongo_time){UINT32_MAX, 7}, 42, number);
    assert_string_equal(number, "429496729500000000070000000042");
}

/* --- TTL --- */

static void expired_documents_are_known(void **state)
{
    (void)state;
    rig r;
    set_up(&r, MONGO_AVRO, MR_VIEW_OLD_IMAGE, only_id, 1);
    bson_t *reply = bson_new_from_json(
        (const uint8_t *)"{\"cursor\":{\"firstBatch\":[{\"key\":{\"_id\":1}},{\"key\":{\"a.b\":1},"
                         "\"expireAfterSeconds\":60}]}}",
        -1, NULL);
    mongo_collection_add_ttls(r.collection, reply);
    bson_destroy(reply);
    assert_int_equal(r.collection->ttl_count, 1);
    static const struct {
        const char *document;
        bool expired;
    } table[] = {
        {"{\"a\":{\"b\":{\"$date\":{\"$numberLong\":\"940000\"}}}}", true},
        {"{\"a\":{\"b\":{\"$date\":{\"$numberLong\":\"940001\"}}}}", false},
        {"{\"a\":{\"b\":[5,{\"$date\":{\"$numberLong\":\"2000000\"}},"
         "{\"$date\":{\"$numberLong\":\"1000\"}}]}}",
         true},
        {"{\"a\":{\"b\":5}}", false},
        {"{\"a\":1}", false},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        bson_t *d = bson_new_from_json((const uint8_t *)table[i].document, -1, NULL);
        mr_slice bytes = {(const char *)bson_get_data(d), d->len};
        assert_int_equal(mongo_collection_expired(r.collection, bytes, 1000000), table[i].expired);
        bson_destroy(d);
    }
    tear_down(&r);
}

/* --- Fragments --- */

static void fragments_are_joined(void **state)
{
    (void)state;
    rig r;
    mongo_fragments fragments;
    mongo_event joined;
    bool complete;
    set_up(&r, MONGO_DYNAMODB_JSON, MR_VIEW_NEW_AND_OLD_IMAGES, only_id, 1);
    mongo_fragments_init(&fragments);
    const mongo_event *one =
        add_event(&r, "{\"_id\":{\"_data\":\"8258\"},\"splitEvent\":{\"fragment\":1,\"of\":3},"
                      "\"operationType\":\"update\",\"ns\":{\"db\":\"taxi\",\"coll\":\"trips\"},"
                      "\"documentKey\":{\"_id\":1}}");
    const mongo_event *two =
        add_event(&r, "{\"_id\":{\"_data\":\"8259\"},\"splitEvent\":{\"fragment\":2,\"of\":3},"
                      "\"fullDocument\":{\"_id\":1,\"n\":2}}");
    const mongo_event *three =
        add_event(&r, "{\"_id\":{\"_data\":\"825A\"},\"splitEvent\":{\"fragment\":3,\"of\":3},"
                      "\"clusterTime\":{\"$timestamp\":{\"t\":9,\"i\":1}},"
                      "\"fullDocumentBeforeChange\":{\"_id\":1,\"n\":1}}");
    for (int round = 0; round < 2; round++) { /* the second after the first left its state */
        assert_int_equal(mongo_fragments_add(&fragments, one, &complete, &joined, &err), MR_OK);
        assert_false(complete);
        assert_int_equal(mongo_fragments_add(&fragments, two, &complete, &joined, &err), MR_OK);
        assert_false(complete);
        assert_int_equal(mongo_fragments_add(&fragments, three, &complete, &joined, &err), MR_OK);
        assert_true(complete);
        assert_int_equal(joined.kind, MONGO_EVENT_UPDATE);
        assert_int_equal(joined.time.seconds, 9);
        assert_int_equal(joined.fragment, 0);
        assert_memory_equal(joined.after.data, two->after.data, two->after.len);
        assert_memory_equal(joined.before.data, three->before.data, three->before.len);
        assert_memory_equal(joined.token.data, three->token.data, three->token.len);
        mongo_change change = mongo_change_of(&joined, 0);
        assert_int_equal(change.event, MR_EVENT_MODIFY);
        make(&r, &change);
    }
    assert_int_equal(mongo_fragments_add(&fragments, two, &complete, &joined, &err), MR_REOPEN);
    mongo_fragments_release(&fragments);
    tear_down(&r);
}

/* --- Positions --- */

static void positions_come_back(void **state)
{
    (void)state;
    mr_buffer text = MR_BUFFER_INIT(4096), again = MR_BUFFER_INIT(4096);
    mongo_position p, q;
    mongo_position_init(&p);
    mongo_position_init(&q);
    bson_t *token =
        bson_new_from_json((const uint8_t *)"{\"_data\":\"826B06D25200000005\"}", -1, NULL);
    mr_slice bytes = {(const char *)bson_get_data(token), token->len};
    mongo_time time = {1795609170, 5};
    mongo_position_at(&p, time);
    mongo_position_event(&p, bytes, time);
    mongo_position_event(&p, bytes, time);
    assert_int_equal(p.index, 1);
    mongo_position_token_only(&p, bytes); /* the same time: the count goes on */
    assert_int_equal(p.index, 1);
    mongo_position_print(&p, &text);
    assert_string_equal(mr_buffer_text(&text), "{\"token\":{\"_data\":\"826B06D25200000005\"},"
                                               "\"time\":[1795609170,5],\"index\":1}");
    assert_int_equal(mongo_position_parse(mr_buffer_text(&text), &q, &err), MR_OK);
    mongo_position_print(&q, &again);
    assert_string_equal(mr_buffer_text(&again), mr_buffer_text(&text));
    mongo_position_event(&q, bytes, (mongo_time){1795609170, 6});
    assert_int_equal(q.index, 0);
    static const char *const bad[] = {
        "", "{}", "[]", "{\"time\":[1]}", "{\"time\":[1,\"x\"]}", "{\"time\":[1,2],\"token\":5}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(mongo_position_parse(bad[i], &q, &err), MR_FATAL);
    }
    bson_destroy(token);
    mongo_position_release(&p);
    mongo_position_release(&q);
    mr_buffer_release(&text);
    mr_buffer_release(&again);
}

static void starts_are_understood(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        mr_status status;
        uint32_t seconds;
        bool token;
    } table[] = {
        {"now", MR_OK, 0, false},
        {"2026-01-31T12:00:00Z", MR_OK, 1769860800, false},
        {"2026-01-31 12:00:00.250", MR_OK, 1769860800, false},
        {"2026-01-31", MR_OK, 1769817600, false},
        {"826B06D252000000052B", MR_OK, 1795609170, true},
        {"{\"_data\":\"826B06D252000000052B\"}", MR_OK, 1795609170, true},
        {"yesterday", MR_FATAL, 0, false},
        {"2026-13-01", MR_FATAL, 0, false},
        {"2026-01-31T12:00:00+02:00", MR_FATAL, 0, false},
        {"{\"_data\":", MR_FATAL, 0, false},
        {"{}", MR_FATAL, 0, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        bool now;
        mongo_position p;
        mongo_position_init(&p);
        assert_int_equal(mongo_start_parse(table[i].text, &now, &p, &err), table[i].status);
        assert_int_equal(p.time.seconds, table[i].seconds);
        assert_int_equal(mongo_position_token(&p).data != NULL, table[i].token);
        mongo_position_release(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_events_are_read),
        cmocka_unit_test(events_that_lack_something_are_refused),
        cmocka_unit_test(records_of_the_guide),
        cmocka_unit_test(views_show_their_images),
        cmocka_unit_test(what_is_missing_is_marked),
        cmocka_unit_test(keys_that_are_missing_are_rejected),
        cmocka_unit_test(keys_as_text),
        cmocka_unit_test(ids_and_numbers),
        cmocka_unit_test(expired_documents_are_known),
        cmocka_unit_test(fragments_are_joined),
        cmocka_unit_test(positions_come_back),
        cmocka_unit_test(starts_are_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
