/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting to the server in MONGODB_URI, and what failures of real commands mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "mongo/mongo.h"

enum { TIMEOUT_MS = 10000 };

static mr_error err;
static char database[64];

static mr_mongo *open_client(void)
{
    mr_mongo *mongo = NULL;
    if (mr_mongo_open(getenv("MONGODB_URI"), "millrace test", TIMEOUT_MS, &mongo, &err) != MR_OK) {
        fail_msg("%s", err.text);
    }
    return mongo;
}

static mr_status run(mr_mongo *mongo, const char *json)
{
    bson_error_t error;
    bson_t *command = bson_new_from_json((const uint8_t *)json, -1, &error);
    if (!command) {
        fail_msg("%s: %s", json, error.message);
    }
    bson_t reply;
    mr_status status =
        mr_mongo_command(mongo, database, command, NULL, &reply, &err, "cannot test");
    bson_destroy(&reply);
    bson_destroy(command);
    return status;
}

static void the_server_is_known(void **state)
{
    (void)state;
    mr_mongo *mongo = open_client();
    assert_true(mongo->version[0] >= 4);
    assert_true(mongo->replica_set[0] != '\0');
    assert_true(mongo->transactions);
    assert_false(mongo->sharded);
    assert_non_null(strchr(mongo->host, ':'));
    mr_mongo_close(mongo);
}

static void one_host_of_a_replica_set_is_enough(void **state)
{
    (void)state;
    mr_mongo *mongo = open_client();
    char uri[400];
    snprintf(uri, sizeof uri, "mongodb://%s/", mongo->host);
    mr_mongo_close(mongo);
    assert_int_equal(mr_mongo_open(uri,
                                   "a name that is longer than the 128 bytes that the "
                                   "handshake allows, which is to be cut and no error, "
                                   "and ends somewhere in here \xc3\xa9\xc3\xa9\xc3\xa9",
                                   TIMEOUT_MS, &mongo, &err),
                     MR_OK);
    assert_true(mongo->transactions);
    mr_mongo_close(mongo);
}

static void nobody_there_is_waited_for_with_a_bound(void **state)
{
    (void)state;
    mr_mongo *mongo = NULL;
    int64_t begun_us = mr_clock_us();
    assert_int_equal(mr_mongo_open("mongodb://u:s3cret@127.0.0.1:1/db", "test", 300, &mongo, &err),
                     MR_REOPEN);
    assert_null(mongo);
    assert_true(mr_clock_us() - begun_us < 5000000);
    assert_non_null(strstr(err.text, "cannot connect to MongoDB at 127.0.0.1:1"));
    assert_null(strstr(err.text, "s3cret"));
}

static void errors_of_commands_have_code_and_name(void **state)
{
    (void)state;
    mr_mongo *mongo = open_client();
    assert_int_equal(run(mongo, "{\"nonsense\": 1}"), MR_FATAL);
    assert_int_equal(err.native, 59);
    assert_string_equal(err.code, "CommandNotFound");
    assert_int_equal(run(mongo, "{\"insert\": \"c\", \"documents\": [{\"_id\": 1}, {\"_id\": 1}]}"),
                     MR_FATAL);
    assert_int_equal(err.native, 11000);
    assert_int_equal(run(mongo, "{\"insert\": \"c\", \"documents\": [{\"_id\": 2}], "
                                "\"writeConcern\": {\"w\": 7}}"),
                     MR_FATAL);
    assert_int_equal(err.native, 100);
    assert_int_equal(run(mongo, "{\"dropDatabase\": 1}"), MR_OK);
    mr_mongo_close(mongo);
}

int main(void)
{
    if (!getenv("MONGODB_URI")) {
        fprintf(stderr, "skipped: MONGODB_URI is not set\n");
        return 77;
    }
    snprintf(database, sizeof database, "mr_test_client_%ld", (long)getpid());
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_server_is_known),
        cmocka_unit_test(one_host_of_a_replica_set_is_enough),
        cmocka_unit_test(nobody_there_is_waited_for_with_a_bound),
        cmocka_unit_test(errors_of_commands_have_code_and_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
