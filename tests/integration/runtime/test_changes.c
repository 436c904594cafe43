/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Change records from the outlet of a source over a real broker into the intake of a sink: taken
 * apart or whole, notices passed over, records without an image refused and never a delete; and
 * what a source may decide itself: keys, topics, values that are bytes already.
 */
#include "integration/kafka/support.h"
#include "lib/change_cells.h"

#include "runtime/intake.h"
#include "runtime/outlet.h"
#include "runtime/recall.h"

enum { ROOM = 64 };

static const mr_connector source_kind = {.name = "test", .capabilities = MR_MAKES_KEYS};
static const mr_connector sink_kind = {.name = "test"};
static const mr_route route = {.name = "rows", .count = 1};

typedef struct fixture {
    mr_schemas *schemas;
    mr_wires wires;
    mr_connector_config source, sink;
    const char *query; /* of the sink's route */
    mr_outlet *outlet;
    mr_producer *producer;
    mr_consumer *consumer;
    mr_intake *intake;
    mr_haul haul;
    mr_epoch *epoch;
    mr_arena *arena;
    const mr_schema *change, *notice;
    uint32_t failed[ROOM];
    char why[ROOM][256];
    size_t failure_count;
    mr_error err;
} fixture;

static const char *const no_keys[] = {"no.such.field"};

static void open_source(fixture *f)
{
    f->source = (mr_connector_config){.name = "in",
                                      .task_name = name,
                                      .connector = &source_kind,
                                      .source = {.topic = "{x}", .key_fields = {no_keys, 1}}};
    expect_ok(mr_outlet_new(&f->source, &f->wires, NULL, &f->outlet, &f->err), &f->err);
    f->producer = new_producer(name);
    expect_ok(mr_producer_begin(f->producer, &f->err), &f->err);
}

static int set_up(void **state)
{
    new_topic(1);
    fixture *f = test_calloc(1, sizeof *f);
    f->arena = mr_arena_new();
    f->change = ride_change_schema();
    expect_ok(mr_notice_schema(&f->notice, &f->err), &f->err);
    expect_ok(mr_schemas_new(&config, &f->schemas, &f->err), &f->err);
    f->wires = mr_wires_plain(f->schemas);
    open_source(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    mr_intake_free(f->intake);
    if (f->consumer) {
        mr_haul_release(&f->haul);
        mr_consumer_close(f->consumer);
    }
    mr_outlet_free(f->outlet);
    mr_producer_close(f->producer);
    mr_schemas_free(f->schemas);
    mr_schema_release(f->change);
    mr_schema_release(f->notice);
    mr_arena_free(f->arena);
    drop_topic();
    test_free(f);
    return 0;
}

/* --- The source's side ------------------------------------------------------------------------ */

static void send_records(fixture *f, const mr_schema *schema, mr_record *records, size_t count)
{
    const mr_batch batch = {
        .topic = name, .schema = schema, .records = records, .count = count, .arena = f->arena};
    size_t sent, bytes, failure_count;
    const mr_outlet_failure *failures;
    expect_ok(mr_outlet_send(f->outlet, f->producer, &batch, &sent, &bytes, &failures,
                             &failure_count, &f->err),
              &f->err);
    assert_int_equal(failure_count, 0);
    assert_int_equal(sent, count);
}

static void send_change(fixture *f, const ride_change *change)
{
    char key[16];
    int len = snprintf(key, sizeof key, "%d", (int)change->id);
    mr_cell envelope = ride_envelope(f->arena, change);
    mr_record record = {.value = &envelope, .raw_key = {key, (size_t)len}};
    send_records(f, f->change, &record, 1);
}

static void send_notice(fixture *f, int kind)
{
    mr_cell cells = notice_cells(f->arena, kind, "something");
    mr_record record = {.value = &cells};
    send_records(f, f->notice, &record, 1);
}

/* --- The sink's side -------------------------------------------------------------------------- */

static void open_sink(fixture *f, const char *query, bool whole)
{
    expect_ok(mr_producer_commit(f->producer, NULL, &f->err), &f->err);
    f->query = query;
    f->sink = (mr_connector_config){
        .name = "out",
        .task_name = name,
        .connector = &sink_kind,
        .sink = {.batch_size = ROOM, .batch_max_bytes = 1 << 20, .change_records = whole},
        .route_count = 1,
        .route_queries = &f->query};
    expect_ok(mr_intake_new(&f->sink, &route, 1, &f->wires, NULL, &f->intake, &f->err), &f->err);
    mr_haul_init(&f->haul, &f->sink.sink);
    f->consumer = new_consumer(name, "earliest", true);
    start(f->consumer, 1, 0);
}

/* Everything in the topic as one epoch. */
static void take(fixture *f)
{
    int64_t deadline = mr_clock_us() + PATIENCE_US;
    while (!mr_consumer_at_end(f->consumer) && mr_clock_us() < deadline) {
        size_t got;
        expect_ok(mr_haul_take(&f->haul, f->consumer, 50, &got, &f->err), &f->err);
    }
    assert_true(mr_consumer_at_end(f->consumer));
    f->epoch = mr_intake_epoch(f->intake, &f->haul);
    bool any = true;
    f->failure_count = 0;
    while (any) {
        const mr_intake_failure *failures;
        size_t count;
        expect_ok(mr_intake_more(f->intake, 4, &any, &failures, &count, &f->err), &f->err);
        for (size_t i = 0; i < count; i++) {
            f->failed[f->failure_count] = (uint32_t)failures[i].index;
            snprintf(f->why[f->failure_count++], sizeof f->why[0], "%s", failures[i].why.text);
        }
    }
}

/* All records as text: "<op><id>:<STATUS>", "-" for no value, the key's id where there is one. */
static const char *rows(fixture *f)
{
    static char text[2048];
    size_t len = 0;
    text[0] = '\0';
    for (size_t b = 0; b < f->epoch->batch_count; b++) {
        const mr_batch *batch = f->epoch->batches[b];
        for (size_t i = 0; i < batch->count; i++) {
            const mr_record *r = &batch->records[i];
            const mr_field *status = mr_schema_field(batch->schema, "STATUS");
            assert_non_null(batch->key_schema);
            assert_non_null(status);
            const mr_cell *cell =
                r->value ? &r->value->as.cells[status - batch->schema->fields] : NULL;
            len += (size_t)snprintf(text + len, sizeof text - len, "%s%c%d:%.*s", len ? " " : "",
                                    mr_op_name(r->op)[0], (int)r->key->as.cells[0].as.i,
                                    cell ? (int)cell->len : 1, cell ? cell->as.text : "-");
        }
    }
    return text;
}

/* --- Tests ------------------------------------------------------------------------------------ */

static void send_story(fixture *f)
{
    static const ride_change story[] = {
        {MR_EVENT_INSERT, MR_VIEW_NEW_AND_OLD_IMAGES, 1, "Started", NULL, true, 0},
        {MR_EVENT_INSERT, MR_VIEW_NEW_AND_OLD_IMAGES, 2, "Started", NULL, false, 0},
        {MR_EVENT_MODIFY, MR_VIEW_NEW_AND_OLD_IMAGES, 1, "Completed", "Started", false, 0},
        {MR_EVENT_MODIFY, MR_VIEW_KEYS_ONLY, 2, NULL, NULL, false, 0},
        {MR_EVENT_REMOVE, MR_VIEW_NEW_AND_OLD_IMAGES, 1, NULL, "Completed", false, 0},
    };
    for (size_t i = 0; i < sizeof story / sizeof *story; i++) {
        send_change(f, &story[i]);
        if (i == 1) {
            send_notice(f, MR_NOTICE_GAP);
        }
    }
}

static void test_unwrapped(void **state)
{
    fixture *f = *state;
    send_story(f);
    open_sink(f, NULL, false);
    take(f);
    assert_string_equal(rows(f), "s1:Started c2:Started u1:Completed d1:-");
    assert_int_equal(f->failure_count, 1);
    assert_int_equal(f->failed[0], 4);
    assert_non_null(strstr(f->why[0], "MODIFY without NewImage"));
    assert_int_equal(f->epoch->count, 6); /* the notice is one, and is passed over */
}

static void test_unwrapped_and_queried(void **state)
{
    fixture *f = *state;
    send_story(f);
    open_sink(f, "SELECT STATUS FROM record WHERE _op = 'update' AND STATUS = 'Completed'", false);
    take(f);
    assert_string_equal(rows(f), "u1:Completed");
}

static void test_whole(void **state)
{
    fixture *f = *state;
    send_story(f);
    open_sink(f, NULL, true);
    take(f);
    assert_int_equal(f->failure_count, 0);
    size_t count = 0;
    for (size_t b = 0; b < f->epoch->batch_count; b++) {
        const mr_batch *batch = f->epoch->batches[b];
        assert_true(mr_is_change(batch->schema));
        assert_null(batch->key_schema);
        count += batch->count;
    }
    assert_int_equal(count, 5);
}

/* More versions of a schema in one epoch than a transform keeps plans for: the batches made with
 * the first ones must outlast them. */
static void test_many_versions_in_one_epoch(void **state)
{
    fixture *f = *state;
    enum { VERSIONS = 40 };
    for (int i = 0; i < VERSIONS; i++) {
        char json[400];
        snprintf(json, sizeof json,
                 "{\"type\":\"record\",\"name\":\"test.rides\",\"fields\":["
                 "{\"name\":\"id\",\"type\":\"long\"},{\"name\":\"f%d\",\"type\":\"long\"}]}",
                 i);
        const mr_schema *schema = schema_of(json);
        const mr_cell fields[] = {cell_long(i), cell_long(1)};
        mr_cell value = cell_record(f->arena, fields, 2);
        mr_record record = {.value = &value};
        send_records(f, schema, &record, 1);
        mr_schema_release(schema);
    }
    open_sink(f, "SELECT id FROM record", false);
    take(f);
    assert_int_equal(f->epoch->batch_count, VERSIONS);
    for (int i = 0; i < VERSIONS; i++) {
        const mr_batch *batch = f->epoch->batches[i];
        assert_string_equal(batch->schema->fields[0].name, "id");
        assert_int_equal(batch->records[0].value->as.cells[0].as.i, i);
    }
}

/* The source's own keys; key.fields, which names no field of the envelope, is not looked for. */
static void test_keys(void **state)
{
    fixture *f = *state;
    send_story(f);
    open_sink(f, NULL, false);
    take(f);
    static const char *const want[] = {"1", "2", NULL, "1", "2", "1"};
    for (size_t i = 0; i < 6; i++) {
        const mr_slice key = f->haul.messages[i].key;
        if (want[i]) {
            assert_int_equal(key.len, 1);
            assert_memory_equal(key.data, want[i], 1);
        } else {
            assert_null(key.data);
        }
    }
}

static void test_values_as_they_are(void **state)
{
    fixture *f = *state;
    mr_record records[] = {{.raw_key = {"a", 1}, .raw_value = {"{\"x\":1}", 7}},
                           {.raw_key = {"b", 1}}};
    send_records(f, NULL, records, 2);
    open_sink(f, NULL, false);
    take(f);
    assert_int_equal(f->haul.messages[0].value.len, 7);
    assert_memory_equal(f->haul.messages[0].value.data, "{\"x\":1}", 7);
    assert_null(f->haul.messages[1].value.data);
    assert_int_equal(f->failure_count, 1); /* no Avro */
    assert_int_equal(f->epoch->batch_count, 1);
    assert_int_equal(f->epoch->batches[0]->records[0].op, MR_OP_DELETE);
}

/* --- Reading back --- */

typedef struct recalled {
    char text[512];
    size_t len, count, stop_after;
} recalled;

static mr_status recall_one(void *context, const mr_batch *batch, mr_error *err)
{
    recalled *c = context;
    for (size_t i = 0; i < batch->count; i++) {
        const mr_record *r = &batch->records[i];
        char kind = batch->schema ? '+' : r->raw_value.data ? '?' : mr_op_name(r->op)[0];
        if (batch->schema && mr_is_change(batch->schema)) {
            const mr_cell *stream = &r->value->as.cells[MR_CHANGE_DYNAMODB];
            kind = r->value->as.cells[MR_CHANGE_EVENT_NAME].as.text[0];
            assert_int_equal(stream->as.cells[MR_STREAM_KEYS].as.cells[0].as.i,
                             r->raw_key.data[0] - '0');
        }
        c->len += (size_t)snprintf(c->text + c->len, sizeof c->text - c->len, "%s%c%.*s",
                                   c->len ? " " : "", kind, (int)r->raw_key.len, r->raw_key.data);
        c->count++;
    }
    return c->count == c->stop_after ? mr_fail(err, MR_RETRY, MR_DOMAIN_NONE, "enough") : MR_OK;
}

static void test_recall(void **state)
{
    fixture *f = *state;
    send_story(f);
    mr_record records[] = {{.raw_key = {"x", 1}, .raw_value = {"{\"x\":1}", 7}},
                           {.raw_key = {"y", 1}},
                           {.raw_key = {"z", 1}, .raw_value = {"\xc3\x01unknown!..", 12}}};
    send_records(f, NULL, records, 3);
    expect_ok(mr_producer_commit(f->producer, NULL, &f->err), &f->err);
    expect_ok(mr_producer_begin(f->producer, &f->err), &f->err);
    send_change(f, &(ride_change){.id = 9, .new_status = "not committed"});
    expect_ok(mr_producer_flush(f->producer, &f->err), &f->err);
    mr_producer_close(f->producer); /* open for ever, unless the next one fences it */
    f->producer = new_producer(name);
    recalled c = {.count = 0};
    expect_ok(mr_recall_topic(&config, &f->wires, name, NULL, recall_one, &c, &f->err), &f->err);
    assert_string_equal(c.text, "I1 I2 M1 M2 R1 ?x dy ?z");
    c = (recalled){.stop_after = 3};
    assert_int_equal(mr_recall_topic(&config, &f->wires, name, NULL, recall_one, &c, &f->err),
                     MR_RETRY);
    assert_string_equal(c.text, "I1 I2 M1");
    c = (recalled){.count = 0};
    expect_ok(mr_recall_topic(&config, &f->wires, "test-runtime-is-not-there", NULL, recall_one, &c,
                              &f->err),
              &f->err);
    assert_int_equal(c.count, 0);
}

static void test_no_query_over_bytes(void **state)
{
    fixture *f = *state;
    mr_outlet_free(f->outlet);
    f->source.source.query = "SELECT * FROM record";
    expect_ok(mr_outlet_new(&f->source, &f->wires, NULL, &f->outlet, &f->err), &f->err);
    mr_record record = {.raw_value = {"{\"x\":1}", 7}};
    const mr_batch batch = {.topic = name, .records = &record, .count = 1, .arena = f->arena};
    size_t sent, bytes, failure_count;
    const mr_outlet_failure *failures;
    assert_int_equal(mr_outlet_send(f->outlet, f->producer, &batch, &sent, &bytes, &failures,
                                    &failure_count, &f->err),
                     MR_FATAL);
    assert_true(f->err.permanent);
    assert_string_equal(f->err.field, "query");
}

int main(void)
{
    need_broker();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_unwrapped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unwrapped_and_queried, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_versions_in_one_epoch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_values_as_they_are, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_recall, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_query_over_bytes, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
