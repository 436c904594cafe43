/* SPDX-License-Identifier: Apache-2.0 */
/* Connect's envelope and schemas: every type and name both ways, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "codec/change.h"
#include "codec/connect_json.h"
#include "codec/json.h"
#include "codec/schema.h"

static mr_slice slice(const char *text)
{
    return (mr_slice){text, strlen(text)};
}

static const mr_schema *read_schema(const char *connect)
{
    const mr_schema *schema;
    mr_error err;
    char *exact = mr_alloc(strlen(connect)); /* so that ASan sees a byte read too far */
    memcpy(exact, connect, strlen(connect));
    if (mr_connect_schema_read((mr_slice){exact, strlen(connect)}, &schema, &err)) {
        fail_msg("%s: %s", connect, err.text);
    }
    free(exact);
    return schema;
}

#define NAMED(type, name) "{\"type\":\"" type "\",\"name\":\"" name "\"}"
#define CONNECT           "org.apache.kafka.connect.data."
#define TIME              "io.debezium.time."

typedef struct pair {
    const char *connect, *avro;
} pair;

static const pair schemas[] = {
    {"{\"type\":\"int8\"}", "\"int\""},
    {"{\"type\":\"int16\"}", "\"int\""},
    {"{\"type\":\"int32\"}", "\"int\""},
    {"{\"type\":\"int64\"}", "\"long\""},
    {"{\"type\":\"float\"}", "\"float\""},
    {"{\"type\":\"double\"}", "\"double\""},
    {"{\"type\":\"boolean\"}", "\"boolean\""},
    {"{\"type\":\"string\",\"optional\":true}", "\"string\""},
    {"{\"type\":\"bytes\"}", "\"bytes\""},
    {"{\"type\":\"bytes\",\"name\":\"" CONNECT "Decimal\",\"parameters\":{\"scale\":\"2\","
     "\"connect.decimal.precision\":\"10\"}}",
     "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":10,\"scale\":2}"},
    {"{\"type\":\"bytes\",\"name\":\"" CONNECT "Decimal\",\"parameters\":{\"scale\":\"70\"}}",
     "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":70,\"scale\":70}"},
    {NAMED("int32", CONNECT "Date"), "{\"type\":\"int\",\"logicalType\":\"date\"}"},
    {NAMED("int32", CONNECT "Time"), "{\"type\":\"int\",\"logicalType\":\"time-millis\"}"},
    {NAMED("int64", CONNECT "Timestamp"),
     "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}"},
    {NAMED("int32", TIME "Date"), "{\"type\":\"int\",\"logicalType\":\"date\"}"},
    {NAMED("int64", TIME "MicroTime"), "{\"type\":\"long\",\"logicalType\":\"time-micros\"}"},
    {NAMED("int64", TIME "Timestamp"),
     "{\"type\":\"long\",\"logicalType\":\"local-timestamp-millis\"}"},
    {NAMED("int64", TIME "MicroTimestamp"),
     "{\"type\":\"long\",\"logicalType\":\"local-timestamp-micros\"}"},
    {NAMED("string", TIME "ZonedTimestamp"),
     "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}"},
    {NAMED("int64", TIME "NanoTimestamp"), "\"long\""},
    {NAMED("int64", CONNECT "Date"), "\"long\""},
    {NAMED("string", "io.debezium.data.Uuid"), "{\"type\":\"string\",\"logicalType\":\"uuid\"}"},
    {NAMED("string", "io.debezium.data.Json"), "\"string\""},
    {"{\"type\":\"array\",\"items\":{\"type\":\"int32\",\"optional\":true}}",
     "{\"type\":\"array\",\"items\":[\"null\",\"int\"]}"},
    {"{\"type\":\"map\",\"keys\":{\"type\":\"string\"},\"values\":{\"type\":\"bytes\"}}",
     "{\"type\":\"map\",\"values\":\"bytes\"}"},
    {"{\"type\":\"struct\",\"name\":\"db-1.s.2t.Value\",\"fields\":["
     "{\"field\":\"a\",\"type\":\"int32\",\"default\":5},"
     "{\"field\":\"b\",\"type\":\"bytes\",\"optional\":true,\"default\":\"AP8=\"},"
     "{\"field\":\"c\",\"type\":\"string\",\"optional\":true},"
     "{\"field\":\"d\",\"type\":\"string\",\"name\":\"" TIME "ZonedTimestamp\","
     "\"default\":\"1970-01-01T00:00:01Z\"},"
     "{\"field\":\"e\",\"type\":\"array\",\"items\":{\"type\":\"int8\"},\"default\":[]}]}",
     "{\"type\":\"record\",\"name\":\"db_1.s._2t.Value\",\"fields\":["
     "{\"name\":\"a\",\"type\":\"int\",\"default\":5},"
     "{\"name\":\"b\",\"type\":[\"null\",\"bytes\"],\"default\":\"\\u0000\\u00ff\"},"
     "{\"name\":\"c\",\"type\":[\"null\",\"string\"],\"default\":null},"
     "{\"name\":\"d\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"},"
     "\"default\":1000000},"
     "{\"name\":\"e\",\"type\":{\"type\":\"array\",\"items\":\"int\"},\"default\":[]}]}"},
    /* The same struct again is one type; another one that only is called the same is none. */
    {"{\"type\":\"struct\",\"fields\":["
     "{\"field\":\"a\",\"type\":\"struct\",\"name\":\"V\",\"optional\":true,\"fields\":[]},"
     "{\"field\":\"b\",\"type\":\"struct\",\"name\":\"V\",\"fields\":[]},"
     "{\"field\":\"c\",\"type\":\"struct\",\"name\":\"V\",\"fields\":[{\"field\":\"x\",\"type\":"
     "\"int8\"}]}]}",
     "{\"type\":\"record\",\"name\":\"ConnectDefault\",\"fields\":["
     "{\"name\":\"a\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"V\",\"fields\":[]}],"
     "\"default\":null},{\"name\":\"b\",\"type\":\"V\"},"
     "{\"name\":\"c\",\"type\":{\"type\":\"record\",\"name\":\"V2\",\"fields\":["
     "{\"name\":\"x\",\"type\":\"int\"}]}}]}"},
};

static void schemas_of_every_type_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
        const mr_schema *schema = read_schema(schemas[i].connect);
        json_t *have = json_loads(mr_schema_json(schema), JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        json_t *want = json_loads(schemas[i].avro, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        if (!want || !json_equal(have, want)) {
            fail_msg("%s\n%s", mr_schema_json(schema), schemas[i].avro);
        }
        json_decref(have);
        json_decref(want);
        mr_schema_release(schema);
    }
}

static const pair refused[] = {
    {"[]", "no object"},
    {"{}", "no \"type\""},
    {"{\"type\":\"int128\"}", "type \"int128\"; known: int8"},
    {"{\"type\":\"array\"}", "an array without \"items\""},
    {"{\"type\":\"map\"}", "a map without \"values\""},
    {"{\"type\":\"struct\"}", "a struct without \"fields\""},
    {"{\"type\":\"struct\",\"fields\":[{\"type\":\"int8\"}]}", "no \"field\""},
    {"{\"type\":\"struct\",\"fields\":[{\"field\":\"a-b\",\"type\":\"int8\"}]}",
     "field a-b: its name is none that Avro allows"},
    {"{\"type\":\"struct\",\"fields\":[{\"field\":\"a\",\"type\":\"int8\"},"
     "{\"field\":\"a\",\"type\":\"int8\"}]}",
     "\"a\""},
    {"{\"type\":\"struct\",\"fields\":[{\"field\":\"a\",\"type\":\"struct\",\"fields\":["
     "{\"field\":\"b\",\"type\":\"x\"}]}]}",
     "field a.b: type \"x\""},
    {NAMED("bytes", CONNECT "Decimal"), "without the parameter scale"},
    {"{\"type\":\"bytes\",\"name\":\"" CONNECT "Decimal\",\"parameters\":{\"scale\":\"-2\"}}",
     "the scale -2; allowed: 0 or more"},
    {"{\"type\":\"string\",\"parameters\":{\"millrace.avro\":\"{\"}}", "the message's \"schema\""},
};

static void schemas_that_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const mr_schema *schema;
        mr_error err = {0};
        assert_int_equal(mr_connect_schema_read(slice(refused[i].connect), &schema, &err),
                         MR_REJECT);
        if (!strstr(err.text, refused[i].avro)) {
            fail_msg("%s: %s", refused[i].connect, err.text);
        }
    }
}

static void the_envelope_is_taken_apart(void **state)
{
    (void)state;
    mr_connect_parts parts;
    mr_error err;
    const char *text = " {\"schema\" : {\"a\":1} , \"payload\": [1] } ";
    assert_int_equal(mr_connect_split(slice(text), &parts, &err), MR_OK);
    assert_memory_equal(parts.schema.data, "{\"a\":1}", parts.schema.len);
    assert_memory_equal(parts.payload.data, "[1]", parts.payload.len);
    mr_slice payload = mr_connect_payload(slice(text), parts.prefix_bytes);
    assert_memory_equal(payload.data, "[1] ", 4);
    assert_int_equal(
        mr_connect_split(slice("{\"payload\":1,\"x\":[],\"schema\":{}}"), &parts, &err), MR_OK);
    assert_int_equal(parts.prefix_bytes, 0);
    assert_int_equal(mr_connect_split(slice("{\"schema\":null,\"payload\":null}"), &parts, &err),
                     MR_OK);
    assert_null(parts.payload.data);
    static const pair bad[] = {
        {"", "the JSON text ends"},
        {"[]", "'{' is expected"},
        {"{}", "without a \"payload\""},
        {"{\"payload\":1}", "without a \"schema\""},
        {"{\"schema\":{}}", "without a \"payload\""},
        {"{\"schema\":null,\"payload\":1}", "Set schemas.enable=true"},
        {"{\"schema\":{},\"schema\":{},\"payload\":1}", "\"schema\" is there twice"},
        {"{\"schema\":{},\"payload\":1} x", "something follows"},
        {"{1:2}", "a name is expected"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(mr_connect_split(slice(bad[i].connect), &parts, &err), MR_REJECT);
        if (!strstr(err.text, bad[i].avro)) {
            fail_msg("%s: %s", bad[i].connect, err.text);
        }
    }
}

static const mr_schema *parse(const char *json)
{
    const mr_schema *schema;
    mr_error err;
    if (mr_schema_parse(json, strlen(json), &schema, &err)) {
        fail_msg("%s", err.text);
    }
    return schema;
}

/* What is written reads back as a schema that reads the same values. */
static void schemas_are_written(void **state)
{
    (void)state;
    static const pair all[] = {
        {"{\"type\":\"struct\",\"optional\":false,\"name\":\"R\",\"fields\":["
         "{\"type\":\"int32\",\"optional\":false,\"field\":\"a\",\"default\":5},"
         "{\"type\":\"string\",\"optional\":true,\"field\":\"b\"},"
         "{\"type\":\"bytes\",\"optional\":false,\"name\":\"" CONNECT "Decimal\",\"version\":1,"
         "\"parameters\":{\"scale\":\"2\",\"connect.decimal.precision\":\"9\"},\"field\":\"c\"},"
         "{\"type\":\"string\",\"optional\":false,\"name\":\"io.debezium.data.Enum\",\"version\":1,"
         "\"parameters\":{\"allowed\":\"X,Y\"},\"field\":\"d\"},"
         "{\"type\":\"array\",\"optional\":false,\"items\":{\"type\":\"int64\",\"optional\":true,"
         "\"name\":\"" CONNECT "Timestamp\",\"version\":1},\"field\":\"e\"},"
         "{\"type\":\"map\",\"optional\":false,\"keys\":{\"type\":\"string\",\"optional\":false},"
         "\"values\":{\"type\":\"double\",\"optional\":false},\"field\":\"f\"},"
         "{\"type\":\"string\",\"optional\":false,\"field\":\"g\"},"
         "{\"type\":\"bytes\",\"optional\":false,\"field\":\"h\"}]}",
         "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
         "{\"name\":\"a\",\"type\":\"int\",\"default\":5},"
         "{\"name\":\"b\",\"type\":[\"null\",\"string\"],\"default\":null},"
         "{\"name\":\"c\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,"
         "\"scale\":2}},"
         "{\"name\":\"d\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"X\",\"Y\"]}},"
         "{\"name\":\"e\",\"type\":{\"type\":\"array\",\"items\":[\"null\",{\"type\":\"long\","
         "\"logicalType\":\"timestamp-millis\"}]}},"
         "{\"name\":\"f\",\"type\":{\"type\":\"map\",\"values\":\"double\"}},"
         "{\"name\":\"g\",\"type\":{\"type\":\"fixed\",\"name\":\"millrace.ObjectId\",\"size\":12}}"
         ","
         "{\"name\":\"h\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}}]}"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const mr_schema *schema = parse(all[i].avro);
        mr_buffer out = MR_BUFFER_INIT(1 << 20);
        mr_error err;
        if (mr_connect_schema_write(schema, &out, &err)) {
            fail_msg("%s", err.text);
        }
        assert_string_equal(mr_buffer_text(&out), all[i].connect);
        mr_schema_release(read_schema(mr_buffer_text(&out)));
        mr_buffer_release(&out);
        mr_schema_release(schema);
    }
}

static void schemas_that_connect_does_not_have(void **state)
{
    (void)state;
    static const pair bad[] = {
        {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":[\"int\","
         "\"string\"]}]}",
         "a: it is a union of several types"},
        {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":[\"null\","
         "\"R\"]}]}",
         "a record that holds itself"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const mr_schema *schema = parse(bad[i].connect);
        mr_buffer out = MR_BUFFER_INIT(1 << 20);
        mr_error err = {0};
        assert_int_equal(mr_connect_schema_write(schema, &out, &err), MR_FATAL);
        assert_true(err.permanent);
        if (!strstr(err.text, bad[i].avro)) {
            fail_msg("%s", err.text);
        }
        mr_buffer_release(&out);
        mr_schema_release(schema);
    }
}

/* A notice keeps its Avro schema, so that it is known again. */
static void notices_are_known_again(void **state)
{
    (void)state;
    const mr_schema *notice;
    mr_error err;
    mr_buffer out = MR_BUFFER_INIT(1 << 20);
    assert_int_equal(mr_notice_schema(&notice, &err), MR_OK);
    assert_int_equal(mr_connect_schema_write(notice, &out, &err), MR_OK);
    const mr_schema *back = read_schema(mr_buffer_text(&out));
    assert_true(mr_is_notice(back));
    mr_schema_release(back);
    mr_schema_release(notice);
    mr_buffer_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schemas_of_every_type_are_read),
        cmocka_unit_test(schemas_that_are_refused),
        cmocka_unit_test(the_envelope_is_taken_apart),
        cmocka_unit_test(schemas_are_written),
        cmocka_unit_test(schemas_that_connect_does_not_have),
        cmocka_unit_test(notices_are_known_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
