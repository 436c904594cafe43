/* SPDX-License-Identifier: Apache-2.0 */
/* What a failure means: by code, by label, and for errors of the client library. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mongo/mongo.h"

static mr_error err;

static mr_status judged(uint32_t domain, int code, const char *message, const char *label)
{
    bson_t reply = BSON_INITIALIZER;
    if (label) {
        bson_t labels;
        BSON_APPEND_ARRAY_BEGIN(&reply, "errorLabels", &labels);
        BSON_APPEND_UTF8(&labels, "0", label);
        bson_append_array_end(&reply, &labels);
    }
    bson_error_t error;
    bson_set_error(&error, domain, (uint32_t)code, "%s", message);
    mr_status status = mr_mongo_failed(NULL, &reply, &error, &err, "cannot %s", "test");
    bson_destroy(&reply);
    return status;
}

static mr_status by_server(int code, const char *label)
{
    return judged(MONGOC_ERROR_SERVER, code, "said the server", label);
}

static void codes_of_a_primary_that_is_gone_ask_for_a_new_connection(void **state)
{
    (void)state;
    const int codes[] = {6, 7, 89, 91, 189, 9001, 10107, 11600, 11602, 13435, 13436};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        assert_int_equal(by_server(codes[i], NULL), MR_REOPEN);
        assert_int_equal(by_server(codes[i], "TransientTransactionError"), MR_REOPEN);
        assert_int_equal(by_server(codes[i], "RetryableWriteError"), MR_REOPEN);
    }
}

static void conflicts_are_tried_again(void **state)
{
    (void)state;
    const int codes[] = {24, 112, 225, 239, 246, 251, 262, 290, 11601};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        assert_int_equal(by_server(codes[i], NULL), MR_RETRY);
    }
    assert_int_equal(by_server(112, "TransientTransactionError"), MR_RETRY);
    assert_int_equal(err.native, 112);
    assert_string_equal(err.code, "WriteConflict");
    assert_string_equal(err.text, "cannot test: said the server (WriteConflict, code 112)");
}

static void a_label_makes_an_unknown_code_worth_a_retry(void **state)
{
    (void)state;
    assert_int_equal(by_server(99999, NULL), MR_FATAL);
    assert_false(err.permanent);
    assert_int_equal(by_server(99999, "TransientTransactionError"), MR_RETRY);
    assert_int_equal(by_server(99999, "RetryableWriteError"), MR_RETRY);
    assert_int_equal(by_server(2, "TransientTransactionError"), MR_RETRY);
    assert_false(err.permanent);
}

static void a_commit_with_unknown_result_is_decided_by_recover(void **state)
{
    (void)state;
    assert_int_equal(by_server(112, "UnknownTransactionCommitResult"), MR_REOPEN);
    assert_int_equal(by_server(50, "UnknownTransactionCommitResult"), MR_REOPEN);
    assert_int_equal(judged(MONGOC_ERROR_WRITE_CONCERN, 64, "waiting for replication timed out",
                            "UnknownTransactionCommitResult"),
                     MR_REOPEN);
}

static void what_can_not_heal_is_permanent(void **state)
{
    (void)state;
    const int codes[] = {2, 13, 18, 72, 73, 85};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        assert_int_equal(by_server(codes[i], NULL), MR_FATAL);
        assert_true(err.permanent);
    }
    assert_non_null(strstr(err.text, "IndexOptionsConflict, code 85"));
}

static void the_library_without_a_connection_asks_for_a_new_one(void **state)
{
    (void)state;
    assert_int_equal(judged(MONGOC_ERROR_STREAM, MONGOC_ERROR_STREAM_SOCKET,
                            "Failed to send \"insert\" command: socket error or timeout",
                            "TransientTransactionError"),
                     MR_REOPEN);
    assert_int_equal(err.native, 0);
    assert_int_equal(judged(MONGOC_ERROR_SERVER_SELECTION, MONGOC_ERROR_SERVER_SELECTION_FAILURE,
                            "No suitable servers found: [connection refused calling hello]", NULL),
                     MR_REOPEN);
    assert_false(err.permanent);
}

static void credentials_are_permanent_but_a_lost_connection_is_not(void **state)
{
    (void)state;
    assert_int_equal(judged(MONGOC_ERROR_CLIENT, MONGOC_ERROR_CLIENT_AUTHENTICATE,
                            "Authentication failed.", NULL),
                     MR_FATAL);
    assert_true(err.permanent);
    assert_non_null(strstr(err.text, "check user name, password and authSource"));
    assert_int_equal(judged(MONGOC_ERROR_CLIENT, MONGOC_ERROR_CLIENT_AUTHENTICATE,
                            "Failed to read 4 bytes: socket error or timeout", NULL),
                     MR_REOPEN);
    assert_false(err.permanent);
    assert_int_equal(judged(MONGOC_ERROR_SERVER_SELECTION, MONGOC_ERROR_SERVER_SELECTION_FAILURE,
                            "No suitable servers: [TLS handshake failed: certificate verify "
                            "failed calling hello]",
                            NULL),
                     MR_FATAL);
    assert_true(err.permanent);
}

static void a_long_message_is_one_line(void **state)
{
    (void)state;
    assert_int_equal(judged(MONGOC_ERROR_SERVER, 8, "two\n\t lines", NULL), MR_FATAL);
    assert_string_equal(err.text, "cannot test: two lines (code 8)");
}

/* --- URIs --- */

static void a_good_uri_is_good(void **state)
{
    (void)state;
    assert_int_equal(mr_mongo_check_uri("mongodb://a:p%40ss@h1:1,h2:2/db?replicaSet=rs", &err),
                     MR_OK);
    assert_int_equal(mr_mongo_check_uri("mongodb+srv://cluster0.example.net/db", &err), MR_OK);
}

static void a_bad_uri_is_explained_without_its_password(void **state)
{
    (void)state;
    const char *const bad[] = {
        "http://u:s3cret@h/",
        "mongodb://u:s3cret@h:99999999/",
        "mongodb://u:s3cret%@h/",
        "mongodb://u:s3cret@h/?connectTimeoutMS=s3cret",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (mr_mongo_check_uri(bad[i], &err) != MR_FATAL) {
            fail_msg("accepted: %s", bad[i]);
        }
        assert_true(err.permanent);
        assert_string_equal(err.field, "connection.url");
        assert_null(strstr(err.text, "s3cret"));
        assert_null(strstr(err.text, "cret"));
    }
    assert_int_equal(mr_mongo_check_uri("localhost:27017", &err), MR_FATAL);
    assert_non_null(strstr(err.text, "mongodb://"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_of_a_primary_that_is_gone_ask_for_a_new_connection),
        cmocka_unit_test(conflicts_are_tried_again),
        cmocka_unit_test(a_label_makes_an_unknown_code_worth_a_retry),
        cmocka_unit_test(a_commit_with_unknown_result_is_decided_by_recover),
        cmocka_unit_test(what_can_not_heal_is_permanent),
        cmocka_unit_test(the_library_without_a_connection_asks_for_a_new_one),
        cmocka_unit_test(credentials_are_permanent_but_a_lost_connection_is_not),
        cmocka_unit_test(a_long_message_is_one_line),
        cmocka_unit_test(a_good_uri_is_good),
        cmocka_unit_test(a_bad_uri_is_explained_without_its_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
