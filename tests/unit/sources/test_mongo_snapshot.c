/* SPDX-License-Identifier: Apache-2.0 */
/* What a snapshot keeps in its positions, and what the positions and snapshot.mode make of a start.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/task.h"
#include "sources/mongodb/reconcile.h"
#include "sources/mongodb/snapshot_range.h"

static mr_slice document_of(const char *json, mr_buffer *out)
{
    bson_error_t error;
    bson_t *parsed = bson_new_from_json((const uint8_t *)json, -1, &error);
    if (!parsed) {
        fail_msg("%s: %s", json, error.message);
    }
    mr_buffer_clear(out);
    mr_buffer_add(out, bson_get_data(parsed), parsed->len);
    bson_destroy(parsed);
    return (mr_slice){out->data, out->len};
}

static void assert_same_mark(const mongo_mark *a, const mongo_mark *b)
{
    assert_int_equal(a->len, b->len);
    assert_int_equal(!a->data, !b->data);
    if (a->data) {
        assert_memory_equal(a->data, b->data, a->len);
    }
}

/* Prints, parses, compares; returns the text for a look at it. */
static char *round_trip(const mongo_range *range)
{
    mr_buffer out = MR_BUFFER_INIT(MONGO_RANGE_TEXT_MAX);
    mongo_range back;
    const mongo_range_head head = {1234567890123, "a \"home\""};
    mongo_range_head read;
    mongo_range_print(range, &head, &out);
    assert_false(out.failed);
    char *text = mr_strdup(mr_buffer_text(&out));
    mr_buffer_release(&out);
    if (!mongo_range_parse(text, &read, &back)) {
        fail_msg("does not read back: %s", text);
    }
    assert_int_equal(read.id, head.id);
    assert_string_equal(read.home, head.home);
    assert_same_mark(&range->from, &back.from);
    assert_same_mark(&range->to, &back.to);
    assert_same_mark(&range->last, &back.last);
    assert_int_equal(range->done, back.done);
    assert_int_equal(range->documents, back.documents);
    assert_int_equal(range->bytes, back.bytes);
    mongo_range_release(&back);
    return text;
}

static void a_range_of_records_reads_back(void **state)
{
    (void)state;
    mongo_range range = {.documents = INT64_MAX, .bytes = 1};
    char *text = round_trip(&range);
    assert_string_equal(text, "{\"id\":1234567890123,\"home\":\"a \\\"home\\\"\",\"done\":false,"
                              "\"documents\":9223372036854775807,\"bytes\":1}");
    free(text);
    mongo_mark_set_record(&range.from, 5);
    mongo_mark_set_record(&range.to, INT64_MAX);
    mongo_mark_set_record(&range.last, 1 << 30);
    range.done = true;
    text = round_trip(&range);
    assert_non_null(strstr(text, "\"from\":{\"$recordId\":{\"$numberLong\":\"5\"}}"));
    assert_non_null(strstr(text, "\"done\":true"));
    free(text);
    mongo_range_release(&range);
}

static void ids_of_all_types_read_back(void **state)
{
    (void)state;
    static const char *const documents[] = {
        "{\"_id\": 1, \"a\": 2}",
        "{\"_id\": {\"$numberLong\": \"1\"}}",
        "{\"_id\": {\"$numberDouble\": \"-0.0\"}}",
        "{\"_id\": {\"$numberDouble\": \"1E-300\"}}",
        "{\"_id\": {\"$numberDouble\": \"Infinity\"}}",
        "{\"_id\": {\"$numberDecimal\": \"1E+3\"}}",
        "{\"_id\": \"text with \\\" and \\\\ and \\u00e9 and \\ud83d\\ude00\"}",
        "{\"_id\": {\"$oid\": \"0123456789abcdef01234567\"}}",
        "{\"_id\": {\"$date\": {\"$numberLong\": \"-1\"}}}",
        "{\"_id\": {\"$binary\": {\"base64\": \"AAECAw==\", \"subType\": \"04\"}}}",
        "{\"_id\": {\"$timestamp\": {\"t\": 4294967295, \"i\": 1}}}",
        "{\"_id\": {\"$minKey\": 1}}",
        "{\"_id\": {\"$maxKey\": 1}}",
        "{\"_id\": {\"$code\": \"f()\"}}",
        "{\"_id\": null}",
        "{\"_id\": true}",
        "{\"_id\": {}}",
        "{\"_id\": {\"a\": {\"b\": [1, {\"c\": \"d\"}]}, \"_id\": 3}}",
        "{\"a\": [1, 2], \"_id\": \"not the first\"}",
    };
    mr_buffer bytes = MR_BUFFER_INIT(1 << 16);
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        mongo_range range = {0};
        mr_slice document = document_of(documents[i], &bytes);
        assert_true(mongo_mark_set_id(&range.last, document));
        assert_true(mongo_mark_is_id_of(&range.last, document));
        free(round_trip(&range));
        mongo_range_release(&range);
    }
    mr_buffer_release(&bytes);
}

/* Bytes that are not UTF-8, a zero byte in a text, a NaN with a payload: JSON can not say them. */
static void ids_that_json_can_not_say_read_back(void **state)
{
    (void)state;
    static const struct {
        uint8_t type;
        const char *bytes;
        size_t len;
    } ids[] = {
        {MR_BSON_STRING, "\x03\0\0\0\xff\xfe\0", 7},
        {MR_BSON_STRING, "\x04\0\0\0a\0b\0", 8},
        {MR_BSON_DOUBLE, "\x01\0\0\0\0\0\xf8\x7f", 8},
        {MR_BSON_SYMBOL, "\x02\0\0\0s\0", 6},
        {MR_BSON_DB_POINTER, "\x02\0\0\0s\0abcdefghijkl", 18},
    };
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        mr_buffer out = MR_BUFFER_INIT(1 << 10);
        mongo_range range = {0};
        mr_bson_element e = {ids[i].type, {"_id", 3}, {ids[i].bytes, ids[i].len}};
        size_t begun = mr_bson_begin(&out);
        mr_bson_add(&out, &e);
        mr_bson_end(&out, begun);
        assert_true(mongo_mark_set_id(&range.from, (mr_slice){out.data, out.len}));
        char *text = round_trip(&range);
        if (i == 0) {
            assert_non_null(strstr(text, "$hex"));
        }
        free(text);
        mongo_range_release(&range);
        mr_buffer_release(&out);
    }
}

static void texts_of_others_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"id\":1,\"done\":false,\"documents\":1}",
        "{\"id\":1,\"done\":false,\"documents\":1,\"bytes\":\"x\"}",
        "{\"id\":1,\"home\":3,\"done\":false,\"documents\":1,\"bytes\":1}",
        "{\"id\":1,\"from\":3,\"done\":false,\"documents\":1,\"bytes\":1}",
        "{\"id\":1,\"from\":{\"a\":3},\"done\":false,\"documents\":1,\"bytes\":1}",
        "{\"id\":1,\"from\":{\"$hex\":\"05000000\"},\"done\":false,\"documents\":1,\"bytes\":1}",
        "{\"id\":1,\"from\":{\"$hex\":\"050\"},\"done\":false,\"documents\":1,\"bytes\":1}",
        "{\"id\":1,\"from\":{\"$hex\":\"zz\"},\"done\":false,\"documents\":1,\"bytes\":1}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        mongo_range range;
        mongo_range_head head;
        if (mongo_range_parse(texts[i], &head, &range)) {
            fail_msg("taken for a range: %s", texts[i]);
        }
    }
}

/* The ranges of a collection meet without a gap and cover all of it. */
static void ranges_meet(void **state)
{
    (void)state;
    for (size_t bound_count = 0; bound_count < 5; bound_count++) {
        mongo_place place = {.full = mr_strdup("d.c")};
        mongo_mark bounds[5] = {{0}}, end = {0};
        for (size_t i = 0; i < bound_count; i++) {
            mongo_mark_set_record(&bounds[i], (int64_t)(i + 1) * 100);
        }
        mongo_mark_set_record(&end, 1000);
        assert_false(mongo_place_by_record(&place));
        mongo_place_divide(&place, bounds, bound_count, &end);
        assert_true(mongo_place_by_record(&place));
        assert_int_equal(place.count, bound_count + 1);
        assert_null(place.ranges[0].from.data);
        for (size_t i = 0; i + 1 < place.count; i++) {
            assert_same_mark(&place.ranges[i].to, &place.ranges[i + 1].from);
        }
        int64_t last;
        assert_true(mongo_mark_record(&place.ranges[bound_count].to, &last));
        assert_int_equal(last, 1000);
        mongo_place_release(&place);
    }
}

static void ranges_are_restored_in_any_order(void **state)
{
    (void)state;
    mongo_place place = {0};
    static const int order[] = {3, 0, 2, 1};
    for (size_t i = 0; i < 4; i++) {
        char number[8];
        mongo_range range = {.documents = order[i]};
        mongo_mark_set_record(&range.to, order[i]);
        snprintf(number, sizeof number, "%d", order[i]);
        assert_true(mongo_place_restore(&place, number, &range));
    }
    assert_int_equal(place.count, 4);
    assert_true(place.planned);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(place.ranges[i].documents, i);
    }
    static const char *const bad[] = {"", "x", "1x", "64", "-1", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mongo_range range = {0};
        mongo_mark_set_record(&range.to, 1);
        assert_false(mongo_place_restore(&place, bad[i], &range));
    }
    mongo_place_release(&place);
}

/* --- What there is to do --- */

static mongo_snapshot_plan plan_for(int mode, const char *snapshot, bool stands)
{
    mongo_options options = {.snapshot_mode = mode};
    mr_positions *resume = mr_positions_new();
    mr_positions_set(resume, MONGO_SNAPSHOT_POSITION, snapshot);
    mongo_snapshot_plan ret = mongo_snapshot_todo(&options, resume, stands);
    mr_positions_free(resume);
    return ret;
}

#define READING "{\"state\":\"reading\",\"id\":1,\"run\":\"another\"}"
#define DONE    "{\"state\":\"done\",\"run\":\"another\",\"documents\":1}"

static void the_mode_decides(void **state)
{
    (void)state;
    static const struct {
        int mode;
        const char *snapshot;
        bool stands;
        mongo_snapshot_plan plan;
    } cases[] = {
        {MONGO_INITIAL, NULL, false, MONGO_SNAPSHOT_ANEW},
        {MONGO_INITIAL, NULL, true, MONGO_SNAPSHOT_ANEW},
        {MONGO_INITIAL, READING, true, MONGO_SNAPSHOT_RESUME},
        {MONGO_INITIAL, READING, false, MONGO_SNAPSHOT_ANEW},
        {MONGO_INITIAL, DONE, true, MONGO_SNAPSHOT_NONE},
        {MONGO_NEVER, NULL, false, MONGO_SNAPSHOT_NONE},
        {MONGO_NEVER, READING, true, MONGO_SNAPSHOT_NONE},
        {MONGO_ALWAYS, NULL, false, MONGO_SNAPSHOT_ANEW},
        {MONGO_ALWAYS, READING, true, MONGO_SNAPSHOT_ANEW},
        {MONGO_ALWAYS, DONE, true, MONGO_SNAPSHOT_ANEW},
        {MONGO_WHEN_NEEDED, NULL, false, MONGO_SNAPSHOT_ANEW},
        {MONGO_WHEN_NEEDED, NULL, true, MONGO_SNAPSHOT_NONE},
        {MONGO_WHEN_NEEDED, READING, true, MONGO_SNAPSHOT_RESUME},
        {MONGO_WHEN_NEEDED, DONE, true, MONGO_SNAPSHOT_NONE},
        {MONGO_WHEN_NEEDED, DONE, false, MONGO_SNAPSHOT_ANEW},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mongo_snapshot_plan plan = plan_for(cases[i].mode, cases[i].snapshot, cases[i].stands);
        if (plan != cases[i].plan) {
            fail_msg("case %zu: %d", i, (int)plan);
        }
    }
}

/* Changes are lost between the old place of the stream and the new one: they must be read. */
static void one_that_makes_up_for_lost_changes_is_never_given_up(void **state)
{
    (void)state;
    mongo_options options = {.snapshot_mode = MONGO_NEVER};
    mr_positions *resume = mr_positions_new();
    mr_positions_set(resume, MONGO_SNAPSHOT_POSITION, READING);
    mr_positions_set(resume, MONGO_RECONCILE_POSITION, "1 1");
    assert_int_equal(mongo_snapshot_todo(&options, resume, true), MONGO_SNAPSHOT_RESUME);
    mr_positions_set(resume, MONGO_SNAPSHOT_POSITION, DONE);
    assert_int_equal(mongo_snapshot_todo(&options, resume, true), MONGO_SNAPSHOT_NONE);
    mr_positions_free(resume);
}

static void one_that_has_begun_can_be_given_up(void **state)
{
    (void)state;
    mr_task task = {.name = "test", .changed = mr_positions_new()};
    mr_positions *resume = mr_positions_new();
    mongo_snapshot_give_up(&task, resume);
    assert_int_equal(mr_positions_count(task.changed), 0);
    mr_positions_set(resume, MONGO_SNAPSHOT_POSITION, READING);
    mr_positions_set(resume, "snapshot:a.b:0", "{}");
    mr_positions_set(resume, "stream", "{}");
    mongo_snapshot_give_up(&task, resume);
    assert_int_equal(mr_positions_count(task.changed), 2);
    assert_null(mr_positions_get(task.changed, "snapshot:a.b:0"));
    mr_positions_set(resume, MONGO_SNAPSHOT_POSITION,
                     mr_positions_get(task.changed, MONGO_SNAPSHOT_POSITION));
    mongo_options options = {.snapshot_mode = MONGO_INITIAL};
    assert_int_equal(mongo_snapshot_todo(&options, resume, true), MONGO_SNAPSHOT_NONE);
    mr_positions_free(resume);
    mr_positions_free(task.changed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_of_records_reads_back),
        cmocka_unit_test(ids_of_all_types_read_back),
        cmocka_unit_test(ids_that_json_can_not_say_read_back),
        cmocka_unit_test(texts_of_others_are_refused),
        cmocka_unit_test(ranges_meet),
        cmocka_unit_test(ranges_are_restored_in_any_order),
        cmocka_unit_test(the_mode_decides),
        cmocka_unit_test(one_that_makes_up_for_lost_changes_is_never_given_up),
        cmocka_unit_test(one_that_has_begun_can_be_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
