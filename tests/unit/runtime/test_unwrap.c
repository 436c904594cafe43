/* SPDX-License-Identifier: Apache-2.0 */
/* Change records taken apart: every event and view, what is missing, and that the cells are those
 * of the image's own schema, for encoders and for queries. */
#include "lib/change_cells.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "codec/avro.h"
#include "runtime/unwrap.h"
#include "transform/transform.h"

typedef struct fixture {
    const mr_schema *change;
    mr_unwrap *unwrap;
    mr_encoder *encoder;
    mr_decoder *decoder;
    mr_arena *arena;
    mr_buffer wire;
    mr_error err;
} fixture;

static int set_up(void **state)
{
    fixture *f = test_calloc(1, sizeof *f);
    f->change = ride_change_schema();
    f->arena = mr_arena_new();
    mr_buffer_init(&f->wire, 1 << 20);
    assert_int_equal(mr_unwrap_new(f->change, &f->unwrap, &f->err), MR_OK);
    assert_int_equal(mr_encoder_new(f->change, &f->encoder, &f->err), MR_OK);
    assert_int_equal(mr_decoder_new(f->change, f->change, &f->decoder, &f->err), MR_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    mr_unwrap_free(f->unwrap);
    mr_encoder_free(f->encoder);
    mr_decoder_free(f->decoder);
    mr_schema_release(f->change);
    mr_buffer_release(&f->wire);
    mr_arena_free(f->arena);
    test_free(f);
    return 0;
}

/* The record as it comes off the wire. */
static mr_status unwrap(fixture *f, const ride_change *change, mr_record *record)
{
    mr_cell envelope = ride_envelope(f->arena, change);
    mr_buffer_clear(&f->wire);
    assert_int_equal(mr_encode(f->encoder, &envelope, &f->wire, &f->err), MR_OK);
    char *bytes = mr_arena_copy(f->arena, f->wire.data, f->wire.len);
    mr_cell *read = mr_arena_alloc(f->arena, sizeof *read);
    assert_int_equal(mr_decode(f->decoder, bytes, f->wire.len, f->arena, read, &f->err), MR_OK);
    *record = (mr_record){.partition = 3, .offset = 17};
    return mr_unwrap_record(&(mr_unwrap){0}, read, record, &f->err);
}

static void expect_status(const mr_cell *image, const char *status)
{
    if (!status) {
        assert_null(image);
        return;
    }
    assert_non_null(image);
    assert_int_equal(image->type, MR_RECORD);
    const mr_cell *cell = &image->as.cells[1];
    assert_int_equal(cell->len, strlen(status));
    assert_memory_equal(cell->as.text, status, cell->len);
}

static void test_events(void **state)
{
    fixture *f = *state;
    static const struct {
        ride_change change;
        mr_op op;
    } cases[] = {
        {{MR_EVENT_INSERT, MR_VIEW_NEW_IMAGE, 7, "new", NULL, false, 0}, MR_OP_CREATE},
        {{MR_EVENT_INSERT, MR_VIEW_NEW_IMAGE, 7, "new", NULL, true, 0}, MR_OP_SNAPSHOT},
        {{MR_EVENT_MODIFY, MR_VIEW_NEW_IMAGE, 7, "b", NULL, false, 0}, MR_OP_UPDATE},
        {{MR_EVENT_MODIFY, MR_VIEW_NEW_AND_OLD_IMAGES, 7, "b", "a", false, 0}, MR_OP_UPDATE},
        {{MR_EVENT_REMOVE, MR_VIEW_NEW_AND_OLD_IMAGES, 7, NULL, "a", false, 0}, MR_OP_DELETE},
        {{MR_EVENT_REMOVE, MR_VIEW_KEYS_ONLY, 7, NULL, NULL, false, 0}, MR_OP_DELETE},
        /* Never seen of a source, but a sink takes a value for a row. */
        {{MR_EVENT_REMOVE, MR_VIEW_NEW_IMAGE, 7, "odd", NULL, false, 0}, MR_OP_DELETE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const ride_change *c = &cases[i].change;
        mr_record record;
        assert_int_equal(unwrap(f, c, &record), MR_OK);
        assert_int_equal(record.op, cases[i].op);
        assert_int_equal(record.key->type, MR_RECORD);
        assert_int_equal(record.key->as.cells[0].as.i, 7);
        expect_status(record.value, c->event == MR_EVENT_REMOVE ? NULL : c->new_status);
        expect_status(record.before, c->old_status);
        assert_int_equal(record.partition, 3);
        assert_int_equal(record.offset, 17);
    }
}

static void test_missing_image(void **state)
{
    fixture *f = *state;
    static const struct {
        ride_change change;
        const char *says[3];
    } cases[] = {
        {{MR_EVENT_INSERT, MR_VIEW_KEYS_ONLY, 7, NULL, NULL, false, 0},
         {"INSERT without NewImage", "StreamViewType is KEYS_ONLY", "change.records = whole"}},
        {{MR_EVENT_MODIFY, MR_VIEW_OLD_IMAGE, 7, NULL, "a", false, 0},
         {"MODIFY without NewImage", "is OLD_IMAGE", "stream.view.type NEW_IMAGE"}},
        {{MR_EVENT_MODIFY, MR_VIEW_NEW_IMAGE, 7, NULL, NULL, false, MR_IMAGE_MISSING},
         {"MODIFY without NewImage", "looked up after the change", "REMOVE follows"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mr_record record;
        assert_int_equal(unwrap(f, &cases[i].change, &record), MR_REJECT);
        for (size_t s = 0; s < 3; s++) {
            if (!strstr(f->err.text, cases[i].says[s])) {
                fail_msg("\"%s\" is not in \"%s\"", cases[i].says[s], f->err.text);
            }
        }
        assert_string_equal(f->err.code, "NO_NEW_IMAGE");
        /* Who only wants to know what happened to which key still learns it. */
        assert_int_not_equal(record.op, MR_OP_DELETE);
        assert_int_equal(record.key->as.cells[0].as.i, 7);
    }
}

/* Cells of the envelope are written by an encoder of the image alone. */
static void test_cells_stand_alone(void **state)
{
    fixture *f = *state;
    const ride_change change = {MR_EVENT_MODIFY, MR_VIEW_NEW_AND_OLD_IMAGES, 7, "b", "a", false, 0};
    const mr_schema *image = schema_of(RIDE_IMAGE), *keys = schema_of(RIDE_KEYS);
    assert_int_equal(f->unwrap->image->fingerprint, image->fingerprint);
    assert_int_equal(f->unwrap->keys->fingerprint, keys->fingerprint);
    mr_record record;
    assert_int_equal(unwrap(f, &change, &record), MR_OK);
    const mr_schema *const schemas[] = {image, image, keys};
    const mr_cell *const cells[] = {record.value, record.before, record.key};
    static const char *const want[] = {"\x02\x0e\x02\x02"
                                       "b\x00",
                                       "\x02\x0e\x02\x02"
                                       "a\x00",
                                       "\x0e"};
    static const size_t lengths[] = {6, 6, 1};
    for (size_t i = 0; i < 3; i++) {
        mr_encoder *encoder;
        assert_int_equal(mr_encoder_new(schemas[i], &encoder, &f->err), MR_OK);
        mr_buffer_clear(&f->wire);
        assert_int_equal(mr_encode(encoder, cells[i], &f->wire, &f->err), MR_OK);
        assert_int_equal(f->wire.len, lengths[i]);
        assert_memory_equal(f->wire.data, want[i], lengths[i]);
        mr_encoder_free(encoder);
    }
    mr_schema_release(image);
    mr_schema_release(keys);
}

/* --- Queries over what was unwrapped ---------------------------------------------------------- */

enum { RIDES = 6 };

static mr_batch rides(fixture *f, mr_record *records)
{
    static const ride_change changes[RIDES] = {
        {MR_EVENT_INSERT, MR_VIEW_NEW_AND_OLD_IMAGES, 0, "Completed", NULL, false, 0},
        {MR_EVENT_MODIFY, MR_VIEW_NEW_AND_OLD_IMAGES, 1, "Completed", "InProgress", false, 0},
        {MR_EVENT_MODIFY, MR_VIEW_NEW_AND_OLD_IMAGES, 2, "Completed", "Completed", false, 0},
        {MR_EVENT_REMOVE, MR_VIEW_NEW_AND_OLD_IMAGES, 3, NULL, "Completed", false, 0},
        {MR_EVENT_REMOVE, MR_VIEW_NEW_AND_OLD_IMAGES, 4, NULL, "InProgress", false, 0},
        {MR_EVENT_REMOVE, MR_VIEW_KEYS_ONLY, 5, NULL, NULL, false, 0},
    };
    for (uint32_t i = 0; i < RIDES; i++) {
        assert_int_equal(unwrap(f, &changes[i], &records[i]), MR_OK);
        records[i].origin = i;
    }
    return (mr_batch){.topic = "rides",
                      .schema = f->unwrap->image,
                      .key_schema = f->unwrap->keys,
                      .records = records,
                      .count = RIDES,
                      .arena = f->arena};
}

/* Origins of the rows that a query gives, as digits. */
static void expect_rows(fixture *f, const char *query, const char *want)
{
    mr_record records[RIDES];
    const mr_batch batch = rides(f, records);
    mr_transform *transform;
    mr_transform_result result;
    assert_int_equal(mr_transform_new(query, "Record", &transform, &f->err), MR_OK);
    if (mr_transform_run(transform, &batch, f->arena, &result, &f->err)) {
        fail_msg("%s: %s", query, f->err.text);
    }
    char got[RIDES + 1] = "";
    for (size_t i = 0; i < result.batch.count; i++) {
        const mr_record *record = &result.batch.records[i];
        got[i] = (char)('0' + record->origin);
        assert_int_equal(record->value == NULL, record->op == MR_OP_DELETE);
        assert_int_equal(record->key->as.cells[0].as.i, record->origin);
    }
    assert_int_equal(result.failure_count, 0);
    assert_ptr_equal(result.batch.key_schema, f->unwrap->keys);
    if (strcmp(got, want) != 0) {
        fail_msg("%s: rows %s, not %s", query, got, want);
    }
    mr_transform_free(transform);
}

static void test_queries(void **state)
{
    fixture *f = *state;
    expect_rows(f, "SELECT * FROM record", "012345");
    expect_rows(f, "SELECT id FROM record WHERE _op = 'update' AND STATUS = 'Completed'", "12");
    expect_rows(f,
                "SELECT id FROM record WHERE _op = 'update' AND STATUS = 'Completed' AND "
                "old('STATUS') <> 'Completed'",
                "1");
    expect_rows(f, "SELECT id FROM record WHERE _op <> 'delete'", "012");
    /* The fields of a delete are not known, so they keep none out; its old ones are. */
    expect_rows(f, "SELECT id FROM record WHERE STATUS = 'InProgress'", "345");
    expect_rows(f, "SELECT id FROM record WHERE _op <> 'delete' OR old('STATUS') = 'InProgress'",
                "01245");
    expect_rows(f, "SELECT id FROM record WHERE _key ->> 'id' > 3", "45");
}

/* --- Debezium's events --- */

static const char event_json[] =
    "{\"type\":\"record\",\"name\":\"Envelope\",\"fields\":["
    "{\"name\":\"op\",\"type\":\"string\"},"
    "{\"name\":\"before\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"Value\",\"fields\":["
    "{\"name\":\"id\",\"type\":\"int\"}]}]},"
    "{\"name\":\"after\",\"type\":[\"null\",\"Value\"]},"
    "{\"name\":\"source\",\"type\":{\"type\":\"record\",\"name\":\"S\",\"fields\":["
    "{\"name\":\"db\",\"type\":\"string\"}]}}]}";

static void test_debezium(void **state)
{
    (void)state;
    static const struct {
        const char *op;
        bool before, after;
        mr_status status;
        mr_op is;
    } cases[] = {
        {"c", false, true, MR_OK, MR_OP_CREATE},      {"r", false, true, MR_OK, MR_OP_SNAPSHOT},
        {"u", true, true, MR_OK, MR_OP_UPDATE},       {"d", true, false, MR_OK, MR_OP_DELETE},
        {"d", false, false, MR_OK, MR_OP_DELETE},     {"d", true, true, MR_OK, MR_OP_DELETE},
        {"t", false, false, MR_REJECT, MR_OP_CREATE}, {"c", true, false, MR_REJECT, MR_OP_CREATE},
        {"", false, true, MR_REJECT, MR_OP_CREATE},
    };
    const mr_schema *schema, *plain;
    mr_unwrap *unwrap;
    mr_error err;
    assert_int_equal(mr_schema_parse(event_json, strlen(event_json), &schema, &err), MR_OK);
    assert_true(mr_unwrap_can(schema));
    assert_int_equal(mr_unwrap_new(schema, &unwrap, &err), MR_OK);
    assert_string_equal(unwrap->image->name, "Value");
    const mr_cell id = {.type = MR_INT, .as.i = 7}, null = {.type = MR_NULL};
    const mr_cell row = {.type = MR_RECORD, .len = 1, .as.cells = &id};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const mr_cell fields[] = {
            {.type = MR_STRING, .len = (uint32_t)strlen(cases[i].op), .as.text = cases[i].op},
            cases[i].before ? row : null,
            cases[i].after ? row : null,
            row};
        const mr_cell envelope = {.type = MR_RECORD, .len = 4, .as.cells = fields};
        mr_record record = {.op = MR_OP_CREATE};
        assert_int_equal(mr_unwrap_record(unwrap, &envelope, &record, &err), cases[i].status);
        if (cases[i].status == MR_OK) {
            assert_int_equal(record.op, cases[i].is);
            assert_int_equal(record.value != NULL, cases[i].after && cases[i].is != MR_OP_DELETE);
            assert_int_equal(record.before != NULL, cases[i].before);
        }
    }
    mr_unwrap_free(unwrap);
    mr_schema_release(schema);
    /* Fields of those names alone make none. */
    static const char other[] =
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"before\",\"type\":\"int\"},"
        "{\"name\":\"after\",\"type\":\"int\"},{\"name\":\"op\",\"type\":\"string\"},"
        "{\"name\":\"source\",\"type\":\"string\"}]}";
    assert_int_equal(mr_schema_parse(other, strlen(other), &plain, &err), MR_OK);
    assert_false(mr_unwrap_can(plain));
    mr_schema_release(plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_events, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_missing_image, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cells_stand_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_queries, set_up, tear_down),
        cmocka_unit_test(test_debezium),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
