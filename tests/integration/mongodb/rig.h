/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives the mongodb sink without the runtime, against the server in MONGODB_URI: one rig is one
 * task with its connection. Each test program works in a database of its own, dropped at its end.
 */
#ifndef MR_TESTS_MONGODB_RIG_H
#define MR_TESTS_MONGODB_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/options.h"
#include "base/task.h"
#include "codec/change.h"
#include "codec/schema.h"
#include "sinks/mongodb/mongodb.h"

extern const mr_connector mr_mongodb_sink;

static mongoc_client_t *admin;
static char test_database[64];

/* --- The server, seen by the test itself ------------------------------------------------------ */

/* Runs a command given as extended JSON with ' for "; the reply is to be destroyed. */
static inline bool try_command(const char *database, const char *text, bson_t *reply,
                               bson_error_t *error)
{
    char *json = mr_strdup(text);
    for (char *p = json; *p; p++) {
        *p = *p == '\'' ? '"' : *p;
    }
    bson_t *command = bson_new_from_json((const uint8_t *)json, -1, error);
    if (!command) {
        fail_msg("%s: %s", json, error->message);
    }
    bool good = mongoc_client_command_simple(admin, database, command, NULL, reply, error);
    bson_destroy(command);
    free(json);
    return good;
}

static inline void command(const char *text)
{
    bson_t reply;
    bson_error_t error;
    if (!try_command(test_database, text, &reply, &error)) {
        fail_msg("%s: %s", text, error.message);
    }
    bson_destroy(&reply);
}

/* What a find gives, as relaxed extended JSON with ' for ", documents with blanks between. Borrowed
 * until the next call. */
static inline const char *found(const char *find)
{
    static mr_buffer out = MR_BUFFER_INIT(1 << 26);
    bson_t reply;
    bson_error_t error;
    mr_buffer_clear(&out);
    if (!try_command(test_database, find, &reply, &error)) {
        fail_msg("%s: %s", find, error.message);
    }
    mr_slice whole = {(const char *)bson_get_data(&reply), reply.len};
    mr_bson_element batch, document;
    assert_true(mr_bson_find_path(whole, "cursor.firstBatch", &batch));
    for (size_t cursor = 0; mr_bson_next(mr_bson_document(&batch), &cursor, &document);) {
        mr_buffer_add_text(&out, out.len ? " " : "");
        mr_bson_json(mr_bson_document(&document), false, &out);
    }
    bson_destroy(&reply);
    for (size_t i = 0; i < out.len; i++) {
        out.data[i] = out.data[i] == '"' ? '\'' : out.data[i];
    }
    return mr_buffer_text(&out);
}

/* All documents of a collection by _id. */
static inline const char *documents(const char *collection)
{
    char find[300];
    snprintf(find, sizeof find, "{'find': '%s', 'sort': {'_id': 1}, 'batchSize': 100000}",
             collection);
    return found(find);
}

#define assert_documents(collection, expected) assert_string_equal(documents(collection), expected)

static inline int64_t count_of(const char *collection)
{
    char text[300];
    bson_t reply;
    bson_error_t error;
    bson_iter_t it;
    snprintf(text, sizeof text, "{'count': '%s'}", collection);
    if (!try_command(test_database, text, &reply, &error)) {
        fail_msg("%s", error.message);
    }
    assert_true(bson_iter_init_find(&it, &reply, "n"));
    int64_t n = bson_iter_as_int64(&it);
    bson_destroy(&reply);
    return n;
}

static inline int rig_suite_setup(void **state)
{
    (void)state;
    mr_mongo *mongo; /* for its set-up of the library */
    mr_error err;
    if (mr_mongo_open(getenv("MONGODB_URI"), "test", 10000, &mongo, &err) != MR_OK) {
        fprintf(stderr, "MONGODB_URI: %s", err.text);
        return -1;
    }
    mr_mongo_close(mongo);
    admin = mongoc_client_new(getenv("MONGODB_URI"));
    snprintf(test_database, sizeof test_database, "mr_test_sink_%ld", (long)getpid());
    command("{'dropDatabase': 1}");
    return 0;
}

static inline int rig_suite_teardown(void **state)
{
    (void)state;
    command("{'dropDatabase': 1}");
    mongoc_client_destroy(admin);
    return 0;
}

static inline char *rig_value(const char *value)
{
    return mr_strdup(value);
}

#define RIG_SINK         mr_mongodb_sink
#define RIG_SERVER       "MONGODB_URI"
#define RIG_PLACE_OPTION "database"
#define rig_place        test_database
#include "integration/sink_rig.h"

#endif
