/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the mongo-* cases are compared with: the loops that a C programmer writes with libmongoc,
 * with documents encoded beforehand or dropped as soon as they are read. And what the cases need
 * around them: collections, and what the server says of itself.
 *
 *   bench_mongo_loop URL DATABASE.COLLECTION insert RECORDS BATCH    unordered bulk inserts
 *   ...                                      replace RECORDS BATCH   unordered bulk replaceOne,
 * upsert
 *   ...                                      find RECORDS BATCH      the whole collection, once
 *   ...                                      watch RECORDS BATCH SECONDS   its change stream from
 * then
 *   ...                                      create      anew, with pre- and post-images
 *   ...                                      change      another tip in all documents
 *   ...                                      drop        its database
 *   ...                                      count | server     one line: the number of documents,
 * or
 *                                            {"pid":..,"version":..,"oplog_bytes":..,"seconds":..}
 *
 * A loop prints one JSON line; its seconds are those of the loop alone. SECONDS (and "seconds") are
 * of the cluster time.
 */
#include <mongoc/mongoc.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "codec/bson.h"
#include "common/trip.h"

static mongoc_client_t *client;
static mongoc_collection_t *collection;
static char database[64];
static const char *name;

static void check(bool good, const char *what, const bson_error_t *error)
{
    if (!good) {
        fprintf(stderr, "%s: %s\n", what, error->message);
        exit(1);
    }
}

static void connect_client(const char *url, const char *full)
{
    bson_error_t error;
    const char *dot = strchr(full, '.');
    if (!dot || (size_t)(dot - full) >= sizeof database) {
        fprintf(stderr, "%s is no DATABASE.COLLECTION\n", full);
        exit(2);
    }
    snprintf(database, sizeof database, "%.*s", (int)(dot - full), full);
    name = dot + 1;
    mongoc_init();
    mongoc_uri_t *uri = mongoc_uri_new_with_error(url, &error);
    check(uri != NULL, "URL", &error);
    client = mongoc_client_new_from_uri(uri);
    collection = mongoc_client_get_collection(client, database, name);
    mongoc_uri_destroy(uri);
}

static void run(const char *in, bson_t *command, bson_t *reply)
{
    bson_error_t error;
    check(mongoc_client_command_simple(client, in, command, NULL, reply, &error), "command",
          &error);
    bson_destroy(command);
}

static int64_t find_number(const bson_t *document, const char *path)
{
    bson_iter_t iter, at;
    if (!bson_iter_init(&iter, document) || !bson_iter_find_descendant(&iter, path, &at)) {
        return 0;
    }
    if (BSON_ITER_HOLDS_TIMESTAMP(&at)) {
        uint32_t seconds, increment;
        bson_iter_timestamp(&at, &seconds, &increment);
        return seconds;
    }
    return bson_iter_as_int64(&at);
}

static void tell(size_t records, size_t bytes, int64_t begin_us)
{
    double seconds = (double)(mr_clock_us() - begin_us) / 1e6;
    printf("{\"records\":%zu,\"mb\":%.1f,\"loop_seconds\":%.3f}\n", records, (double)bytes / 1e6,
           seconds);
}

/* --- Writing --- */

typedef struct documents {
    mr_buffer data;
    bson_t *views;
    size_t count;
} documents;

static documents encode(size_t count)
{
    documents d = {.data = MR_BUFFER_INIT((size_t)1 << 36), .count = count};
    size_t *at = mr_calloc(count + 1, sizeof *at);
    bench_trips trips = BENCH_TRIPS_INIT;
    mr_arena *arena = mr_arena_new();
    for (size_t i = 0; i < count; i++) {
        mr_cell cells[BENCH_TRIP_FIELDS];
        mr_arena_reset(arena);
        bench_trip_make(&trips, cells, arena);
        bench_trip_document(&d.data, cells);
        at[i + 1] = d.data.len;
    }
    mr_arena_free(arena);
    d.views = aligned_alloc(_Alignof(bson_t), (count + 1) * sizeof *d.views);
    for (size_t i = 0; d.views && i < count; i++) {
        bson_init_static(&d.views[i], (const uint8_t *)d.data.data + at[i], at[i + 1] - at[i]);
    }
    free(at);
    return d;
}

static void insert(const documents *d, size_t from, size_t to)
{
    const bson_t **list = mr_calloc(to - from, sizeof(bson_t *));
    bson_error_t error;
    bson_t options = BSON_INITIALIZER;
    BSON_APPEND_BOOL(&options, "ordered", false);
    for (size_t i = from; i < to; i++) {
        list[i - from] = &d->views[i];
    }
    check(mongoc_collection_insert_many(collection, list, to - from, &options, NULL, &error),
          "insert", &error);
    bson_destroy(&options);
    free(list);
}

static void replace(const documents *d, size_t from, size_t to)
{
    bson_error_t error;
    bson_t options = BSON_INITIALIZER, upsert = BSON_INITIALIZER;
    BSON_APPEND_BOOL(&options, "ordered", false);
    BSON_APPEND_BOOL(&upsert, "upsert", true);
    mongoc_bulk_operation_t *bulk =
        mongoc_collection_create_bulk_operation_with_opts(collection, &options);
    for (size_t i = from; i < to; i++) {
        bson_iter_t id;
        bson_t selector = BSON_INITIALIZER;
        bson_iter_init_find(&id, &d->views[i], "_id");
        bson_append_iter(&selector, NULL, 0, &id);
        check(mongoc_bulk_operation_replace_one_with_opts(bulk, &selector, &d->views[i], &upsert,
                                                          &error),
              "replace", &error);
        bson_destroy(&selector);
    }
    check(mongoc_bulk_operation_execute(bulk, NULL, &error) != 0, "replace", &error);
    mongoc_bulk_operation_destroy(bulk);
    bson_destroy(&upsert);
    bson_destroy(&options);
}

static void write_all(size_t records, size_t batch, bool replacing)
{
    documents d = encode(records);
    int64_t begin_us = mr_clock_us();
    for (size_t i = 0; i < records; i += batch) {
        size_t end = i + batch < records ? i + batch : records;
        (replacing ? replace : insert)(&d, i, end);
    }
    tell(records, d.data.len, begin_us);
    mr_buffer_release(&d.data);
    free(d.views);
}

/* --- Reading --- */

static void find(size_t records, size_t batch)
{
    const bson_t *document;
    bson_error_t error;
    bson_t filter = BSON_INITIALIZER, options = BSON_INITIALIZER;
    BSON_APPEND_INT32(&options, "batchSize", (int32_t)batch);
    size_t count = 0, bytes = 0;
    int64_t begin_us = mr_clock_us();
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(collection, &filter, &options, NULL);
    while (mongoc_cursor_next(cursor, &document)) {
        count++;
        bytes += document->len;
    }
    check(!mongoc_cursor_error(cursor, &error), "find", &error);
    tell(count, bytes, begin_us);
    mongoc_cursor_destroy(cursor);
    bson_destroy(&options);
    bson_destroy(&filter);
    if (count != records) {
        fprintf(stderr, "find: %zu documents, not %zu\n", count, records);
        exit(1);
    }
}

static void watch(size_t records, size_t batch, uint32_t since)
{
    const bson_t *event;
    bson_error_t error;
    bson_t pipeline = BSON_INITIALIZER, options = BSON_INITIALIZER;
    BSON_APPEND_INT32(&options, "batchSize", (int32_t)batch);
    BSON_APPEND_UTF8(&options, "fullDocument", "whenAvailable");
    BSON_APPEND_UTF8(&options, "fullDocumentBeforeChange", "whenAvailable");
    BSON_APPEND_TIMESTAMP(&options, "startAtOperationTime", since, 0);
    size_t count = 0, bytes = 0;
    int64_t begin_us = mr_clock_us();
    mongoc_change_stream_t *stream = mongoc_collection_watch(collection, &pipeline, &options);
    while (count < records && mongoc_change_stream_next(stream, &event)) {
        count++;
        bytes += event->len;
    }
    check(!mongoc_change_stream_error_document(stream, &error, &event), "watch", &error);
    tell(count, bytes, begin_us);
    mongoc_change_stream_destroy(stream);
    bson_destroy(&options);
    bson_destroy(&pipeline);
    if (count != records) {
        fprintf(stderr, "watch: %zu events, not %zu\n", count, records);
        exit(1);
    }
}

/* --- Around it --- */

static void create(void)
{
    bson_error_t ignored;
    (void)mongoc_collection_drop(collection, &ignored); /* it may not be there */
    bson_t reply;
    run(database,
        BCON_NEW("create", BCON_UTF8(name), "changeStreamPreAndPostImages", "{", "enabled",
                 BCON_BOOL(true), "}"),
        &reply);
    bson_destroy(&reply);
}

static void change(void)
{
    bson_error_t error;
    bson_t all = BSON_INITIALIZER;
    bson_t *update = BCON_NEW("$inc", "{", "tip_amount", BCON_DOUBLE(1), "}");
    check(mongoc_collection_update_many(collection, &all, update, NULL, NULL, &error), "change",
          &error);
    bson_destroy(update);
    bson_destroy(&all);
}

static void drop(void)
{
    bson_t reply;
    run(database, BCON_NEW("dropDatabase", BCON_INT32(1)), &reply);
    bson_destroy(&reply);
}

static void count(void)
{
    bson_error_t error;
    bson_t all = BSON_INITIALIZER;
    int64_t n = mongoc_collection_count_documents(collection, &all, NULL, NULL, NULL, &error);
    check(n >= 0, "count", &error);
    printf("%lld\n", (long long)n);
    bson_destroy(&all);
}

static void describe_server(void)
{
    bson_t status, oplog;
    bson_iter_t version;
    run("admin", BCON_NEW("serverStatus", BCON_INT32(1)), &status);
    run("local", BCON_NEW("collStats", BCON_UTF8("oplog.rs")), &oplog);
    printf("{\"pid\":%lld,\"version\":\"%s\",\"oplog_bytes\":%lld,\"seconds\":%lld}\n",
           (long long)find_number(&status, "pid"),
           bson_iter_init_find(&version, &status, "version") ? bson_iter_utf8(&version, NULL) : "",
           (long long)find_number(&oplog, "maxSize"),
           (long long)find_number(&status, "operationTime"));
    bson_destroy(&oplog);
    bson_destroy(&status);
}

static bool is(const char *word, const char *verb, int given, int wanted)
{
    return strcmp(word, verb) == 0 && given == wanted;
}

int main(int argc, char **argv)
{
    const char *verb = argc > 3 ? argv[3] : "";
    size_t records = argc > 4 ? strtoul(argv[4], NULL, 10) : 0;
    size_t batch = argc > 5 ? strtoul(argv[5], NULL, 10) : 0;
    if (argc > 3) {
        connect_client(argv[1], argv[2]);
    }
    if (is("insert", verb, argc, 6) || is("replace", verb, argc, 6)) {
        write_all(records, batch, verb[0] == 'r');
    } else if (is("find", verb, argc, 6)) {
        find(records, batch);
    } else if (is("watch", verb, argc, 7)) {
        watch(records, batch, (uint32_t)strtoul(argv[6], NULL, 10));
    } else if (is("create", verb, argc, 4)) {
        create();
    } else if (is("change", verb, argc, 4)) {
        change();
    } else if (is("drop", verb, argc, 4)) {
        drop();
    } else if (is("count", verb, argc, 4)) {
        count();
    } else if (is("server", verb, argc, 4)) {
        describe_server();
    } else {
        fprintf(stderr,
                "bench_mongo_loop URL DATABASE.COLLECTION VERB ...: see bench/mongo_loop.c\n");
        return 2;
    }
    mongoc_collection_destroy(collection);
    mongoc_client_destroy(client);
    mongoc_cleanup();
    return 0;
}
