/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas of change records and notices: their shape, that types are defined once, that only what
 * has the whole shape is taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/change.h"
#include "codec/schema.h"

#define OBJECT_ID                                                                                  \
    "{\"type\":\"fixed\",\"name\":\"millrace.ObjectId\",\"size\":12,\"logicalType\":\"objectId\"}"
#define KEYS                                                                                       \
    "{\"type\":\"record\",\"name\":\"taxi.tripsKeys\",\"fields\":[{\"name\":\"_id\",\"type\":"     \
    "[\"null\"," OBJECT_ID "],\"default\":null}]}"
#define IMAGE                                                                                      \
    "{\"type\":\"record\",\"name\":\"taxi.trips\",\"aliases\":[\"millrace.Absent\"],\"fields\":["  \
    "{\"name\":\"_id\",\"type\":[\"null\"," OBJECT_ID "],\"default\":null},"                       \
    "{\"name\":\"fare_amount\",\"type\":[\"null\",\"double\"],\"default\":null,"                   \
    "\"doc\":\"fare.amount\"}]}"

static const mr_schema *parse(const char *json)
{
    const mr_schema *schema;
    mr_error err = {0};
    if (mr_schema_parse(json, strlen(json), &schema, &err)) {
        fail_msg("%s: %s", json, err.text);
    }
    return schema;
}

static const mr_schema *change_of(const char *keys_json, const char *image_json)
{
    const mr_schema *keys = parse(keys_json), *image = parse(image_json), *change;
    mr_error err = {0};
    if (mr_change_schema("taxi.trips", keys, image, &change, &err)) {
        fail_msg("%s", err.text);
    }
    mr_schema_release(keys);
    mr_schema_release(image);
    return change;
}

static void test_shape(void **state)
{
    (void)state;
    const mr_schema *change = change_of(KEYS, IMAGE);
    assert_string_equal(change->name, "taxi.tripsChange");
    assert_string_equal(change->aliases[0], MR_CHANGE_ALIAS);
    static const char *const names[] = {"eventID",   "eventName", "eventVersion", "eventSource",
                                        "awsRegion", "dynamodb",  "userIdentity", "millrace"};
    assert_int_equal(change->field_count, MR_CHANGE_FIELDS);
    for (size_t i = 0; i < MR_CHANGE_FIELDS; i++) {
        assert_string_equal(change->fields[i].name, names[i]);
    }
    const mr_schema *stream = change->fields[MR_CHANGE_DYNAMODB].schema;
    assert_string_equal(stream->name, "taxi.tripsStreamRecord");
    static const char *const stream_names[] = {"ApproximateCreationDateTime",
                                               "Keys",
                                               "NewImage",
                                               "OldImage",
                                               "SequenceNumber",
                                               "SizeBytes",
                                               "StreamViewType"};
    assert_int_equal(stream->field_count, MR_STREAM_FIELDS);
    for (size_t i = 0; i < MR_STREAM_FIELDS; i++) {
        assert_string_equal(stream->fields[i].name, stream_names[i]);
    }
    assert_string_equal(stream->fields[MR_STREAM_KEYS].schema->name, "taxi.tripsKeys");
    const mr_schema *image = mr_schema_strip_null(stream->fields[MR_STREAM_NEW_IMAGE].schema);
    assert_string_equal(image->name, "taxi.trips");
    assert_string_equal(image->aliases[0], "millrace.Absent");
    assert_string_equal(image->fields[1].doc, "fare.amount");
    assert_ptr_equal(image, mr_schema_strip_null(stream->fields[MR_STREAM_OLD_IMAGE].schema));
    const mr_schema *identity =
        mr_schema_strip_null(change->fields[MR_CHANGE_USER_IDENTITY].schema);
    assert_string_equal(identity->fields[0].name, "type");
    assert_string_equal(identity->fields[1].name, "principalId");
    const mr_schema *extra = mr_schema_strip_null(change->fields[MR_CHANGE_MILLRACE].schema);
    assert_int_equal(extra->field_count, MR_EXTRA_FIELDS);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(extra->fields[MR_EXTRA_NEW_SOURCE].schema->symbols[i],
                            mr_image_names[i]);
        assert_string_equal(change->fields[MR_CHANGE_EVENT_NAME].schema->symbols[i],
                            mr_event_names[i]);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(stream->fields[MR_STREAM_VIEW].schema->symbols[i], mr_view_names[i]);
    }
    assert_true(mr_is_change(change));
    /* What is stored and read back is the same schema. */
    const mr_schema *again = parse(mr_schema_json(change));
    assert_true(mr_is_change(again));
    assert_int_equal(again->fingerprint, change->fingerprint);
    mr_schema_release(again);
    mr_schema_release(change);
}

/* A second definition of a name would not even parse; here it is also counted. */
static void test_types_are_defined_once(void **state)
{
    (void)state;
    const mr_schema *change = change_of(KEYS, IMAGE);
    size_t count = 0;
    for (const char *at = mr_schema_json(change); (at = strstr(at, "\"size\":12")); at++) {
        count++;
    }
    assert_int_equal(count, 1);
    mr_schema_release(change);
}

static void test_an_evolved_image_reads_the_older(void **state)
{
    (void)state;
    const mr_schema *older = change_of(KEYS, "{\"type\":\"record\",\"name\":\"taxi.trips\","
                                             "\"fields\":[{\"name\":\"_id\",\"type\":"
                                             "[\"null\"," OBJECT_ID "],\"default\":null}]}");
    const mr_schema *newer = change_of(KEYS, IMAGE);
    mr_error err = {0};
    if (mr_schema_can_read(newer, older, &err)) {
        fail_msg("%s", err.text);
    }
    mr_schema_release(older);
    mr_schema_release(newer);
}

static void test_one_name_two_types(void **state)
{
    (void)state;
    const mr_schema *keys =
        parse("{\"type\":\"record\",\"name\":\"k\",\"fields\":[{\"name\":\"_id\",\"type\":"
              "{\"type\":\"fixed\",\"name\":\"millrace.ObjectId\",\"size\":13}}]}");
    const mr_schema *image = parse(IMAGE), *change = NULL;
    mr_error err = {0};
    assert_int_equal(mr_change_schema("taxi.trips", keys, image, &change, &err), MR_FATAL);
    assert_non_null(strstr(err.text, "same name"));
    mr_schema_release(keys);
    mr_schema_release(image);
}

/* The schema of a change record with one piece of its text replaced. */
static const mr_schema *altered(const mr_schema *change, const char *from, const char *to)
{
    const char *json = mr_schema_json(change), *at = strstr(json, from);
    assert_non_null(at);
    char *text = malloc(strlen(json) + strlen(to) + 1);
    size_t head = (size_t)(at - json);
    memcpy(text, json, head);
    strcpy(text + head, to);
    strcat(text, at + strlen(from));
    const mr_schema *schema = parse(text);
    free(text);
    return schema;
}

static void test_only_the_whole_shape_is_a_change(void **state)
{
    (void)state;
    static const char *const edits[][2] = {
        {MR_CHANGE_ALIAS, "millrace.Other"},
        {"\"name\":\"eventID\",\"type\":\"string\"", "\"name\":\"eventID\",\"type\":\"bytes\""},
        {"\"SequenceNumber\"", "\"Sequence\""},
        {"\"KEYS_ONLY\",\"NEW_IMAGE\"", "\"NEW_IMAGE\",\"KEYS_ONLY\""},
        {"\"LOOKUP\",\"MISSING\"", "\"LOOKUP\""},
        {"[\"null\",\"taxi.trips\"],\"default\":null", "[\"null\",\"taxi.tripsKeys\"]"},
        {"\"boolean\"", "\"int\""},
    };
    const mr_schema *change = change_of(KEYS, IMAGE);
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        const mr_schema *other = altered(change, edits[i][0], edits[i][1]);
        if (mr_is_change(other)) {
            fail_msg("still a change record: %s", mr_schema_json(other));
        }
        mr_schema_release(other);
    }
    const mr_schema *later =
        altered(change, "{\"name\":\"snapshot\"",
                "{\"name\":\"snapshot\",\"type\":\"boolean\"},{\"name\":\"more\"");
    assert_false(mr_is_change(later)); /* it is another field at a known position */
    mr_schema_release(later);
    mr_schema_release(change);
    const mr_schema *plain = parse("\"string\"");
    assert_false(mr_is_change(plain));
    assert_false(mr_is_notice(plain));
    mr_schema_release(plain);
}

static void test_notice(void **state)
{
    (void)state;
    const mr_schema *notice;
    mr_error err = {0};
    assert_int_equal(mr_notice_schema(&notice, &err), MR_OK);
    assert_true(mr_is_notice(notice));
    assert_false(mr_is_change(notice));
    assert_string_equal(notice->fields[MR_NOTICE_KIND].schema->symbols[MR_NOTICE_RESNAPSHOT],
                        mr_notice_kinds[MR_NOTICE_RESNAPSHOT]);
    mr_schema_release(notice);
}

/* A part of a schema stands alone, with the types it needs defined in it. */
static void test_extract(void **state)
{
    (void)state;
    const mr_schema *change = change_of(KEYS, IMAGE), *image = parse(IMAGE), *alone;
    const mr_schema *stream = change->fields[MR_CHANGE_DYNAMODB].schema;
    mr_error err = {0};
    assert_int_equal(
        mr_schema_extract(mr_schema_strip_null(stream->fields[MR_STREAM_OLD_IMAGE].schema), &alone,
                          &err),
        MR_OK);
    assert_int_equal(alone->fingerprint, image->fingerprint);
    assert_string_equal(alone->aliases[0], "millrace.Absent");
    assert_string_equal(alone->fields[1].doc, "fare.amount");
    mr_schema_release(alone);
    assert_int_equal(mr_schema_extract(stream->fields[MR_STREAM_SIZE].schema, &alone, &err), MR_OK);
    assert_int_equal(alone->type, MR_LONG);
    mr_schema_release(alone);
    mr_schema_release(image);
    mr_schema_release(change);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shape),
        cmocka_unit_test(test_types_are_defined_once),
        cmocka_unit_test(test_an_evolved_image_reads_the_older),
        cmocka_unit_test(test_one_name_two_types),
        cmocka_unit_test(test_only_the_whole_shape_is_a_change),
        cmocka_unit_test(test_notice),
        cmocka_unit_test(test_extract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
