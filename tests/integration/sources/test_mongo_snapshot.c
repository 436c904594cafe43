/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots of collections of a real server, in rounds between which a stream goes on, while others
 * write and the process crashes: see snapshot_rig.h for what is checked of every record.
 */
#include "snapshot_rig.h"

#include <pthread.h>
#include <stdatomic.h>

enum { DOCUMENTS = 3000 };

/* --- Writers --- */

typedef struct writer {
    pthread_t thread;
    atomic_bool stop;
    const rig *rig;
    unsigned seed;
    int writes;
} writer;

static void write_one(writer *w, mongoc_collection_t *c)
{
    int id = (int)((unsigned)rand_r(&w->seed) % (DOCUMENTS + DOCUMENTS / 2));
    bson_t *key = BCON_NEW("_id", BCON_INT32(id)), *update = NULL, *opts = NULL;
    bson_error_t error;
    bool good;
    switch (rand_r(&w->seed) % 4) {
    case 0:
        good = mongoc_collection_delete_one(c, key, NULL, NULL, &error);
        break;
    case 1:
        opts = BCON_NEW("upsert", BCON_BOOL(true));
        update = BCON_NEW("_id", BCON_INT32(id), "v", BCON_INT32(1000 + w->writes));
        good = mongoc_collection_replace_one(c, key, update, opts, NULL, &error);
        break;
    default:
        update = BCON_NEW("$inc", "{", "v", BCON_INT32(1), "}");
        good = mongoc_collection_update_one(c, key, update, NULL, NULL, &error);
    }
    if (!good && error.code != 11000) {
        fprintf(stderr, "# a write failed: %s\n", error.message);
        abort();
    }
    bson_destroy(key);
    bson_destroy(update);
    bson_destroy(opts);
    w->writes++;
}

static void *write_on(void *argument)
{
    writer *w = argument;
    mr_error err;
    mr_mongo *mongo;
    if (mr_mongo_open(w->rig->options.uri, "millrace test", 30000, &mongo, &err) != MR_OK) {
        abort();
    }
    mongoc_collection_t *c =
        mongoc_client_get_collection(mongo->client, w->rig->options.database, "c");
    while (!atomic_load(&w->stop)) {
        write_one(w, c);
    }
    mongoc_collection_destroy(c);
    mr_mongo_close(mongo);
    return NULL;
}

static void start_writer(writer *w, const rig *r)
{
    *w = (writer){.rig = r, .seed = r->seed + 1};
    assert_int_equal(pthread_create(&w->thread, NULL, write_on, w), 0);
}

static void stop_writer(writer *w)
{
    atomic_store(&w->stop, true);
    pthread_join(w->thread, NULL);
    assert_true(w->writes > 0);
}

/* --- Tests --- */

static void all_shown(const rig *r, int count)
{
    for (int i = 0; i < count; i++) {
        if (r->models[i].shown != 1) {
            fail_msg("%d was shown %d times", i, r->models[i].shown);
        }
    }
}

static size_t positions_of_ranges(const rig *r)
{
    size_t cursor = 0, count = 0;
    const char *name, *value;
    while (mr_positions_next(r->stored, &cursor, &name, &value)) {
        count += strncmp(name, "snapshot:", 9) == 0;
    }
    return count;
}

static void a_quiet_collection_is_shown_once(void **state)
{
    (void)state;
    for (int by_id = 0; by_id < 2; by_id++) {
        rig r;
        rig_init(&r, "", 1);
        r.pace.by_id = by_id;
        r.pace.round_ms = 60000;
        rig_insert(&r, 0, DOCUMENTS);
        rig_drain(&r, 0, NULL);
        all_shown(&r, DOCUMENTS);
        assert_int_equal(r.rounds, 1);
        assert_int_equal(positions_of_ranges(&r), 0);
        assert_non_null(strstr(mr_positions_get(r.stored, "snapshot"), "\"done\""));
        rig_compare(&r);
        rig_close(&r);
        rig_open(&r); /* it was done once and for all */
        assert_null(r.snapshot);
        rig_release(&r);
    }
}

static void small_rounds_and_crashes_lose_and_double_nothing(void **state)
{
    (void)state;
    for (int by_id = 0; by_id < 2; by_id++) {
        rig r;
        rig_init(&r, "", 2);
        r.pace.by_id = by_id;
        r.pace.round_ms = 5;
        rig_insert(&r, 0, DOCUMENTS);
        rig_drain(&r, 20, NULL);
        all_shown(&r, DOCUMENTS);
        rig_compare(&r);
        print_message("# %d polls, %d rounds, %d crashes, %d batches in parts\n", r.polls, r.rounds,
                      r.crashes, r.parts);
        assert_true(r.crashes > 0);
        rig_release(&r);
    }
}

static void writers_change_what_is_read(const char *create, bool by_id, unsigned seed)
{
    rig r;
    writer w;
    rig_init(&r, create, seed);
    r.pace.by_id = by_id;
    r.pace.round_ms = 20;
    rig_insert(&r, 0, DOCUMENTS);
    start_writer(&w, &r);
    rig_drain(&r, 30, NULL);
    stop_writer(&w);
    rig_compare(&r);
    print_message("# %d polls, %d rounds, %d crashes, %d parts, %d writes, %d events\n", r.polls,
                  r.rounds, r.crashes, r.parts, w.writes, r.events);
    rig_release(&r);
}

static void writers_are_followed_in_the_order_on_disk(void **state)
{
    (void)state;
    for (unsigned seed = 10; seed < 13; seed++) {
        writers_change_what_is_read("", false, seed);
    }
}

static void writers_are_followed_in_the_order_of_ids(void **state)
{
    (void)state;
    for (unsigned seed = 20; seed < 23; seed++) {
        writers_change_what_is_read("", true, seed);
    }
}

static void a_clustered_collection_is_read_by_id(void **state)
{
    (void)state;
    writers_change_what_is_read("\"clusteredIndex\": {\"key\": {\"_id\": 1}, \"unique\": true}",
                                false, 30);
}

/* Everything that was read is deleted between rounds, so that each must begin after a document that
 * is gone. */
static void delete_what_was_shown(rig *r)
{
    bson_t *query = bson_new(), *ids = bson_new(), array;
    char index[16];
    int count = 0;
    bson_error_t error;
    BSON_APPEND_ARRAY_BEGIN(ids, "$in", &array);
    for (int i = 0; i < DOCUMENTS; i++) {
        if (r->models[i].shown && r->models[i].exists && i % 100 != 7) {
            snprintf(index, sizeof index, "%d", count++);
            BSON_APPEND_INT32(&array, index, i);
        }
    }
    bson_append_array_end(ids, &array);
    BSON_APPEND_DOCUMENT(query, "_id", ids);
    if (count && !mongoc_collection_delete_many(r->collection, query, NULL, NULL, &error)) {
        fail_msg("%s", error.message);
    }
    bson_destroy(query);
    bson_destroy(ids);
}

static void rounds_go_on_after_documents_that_are_gone(void **state)
{
    (void)state;
    for (int by_id = 0; by_id < 2; by_id++) {
        rig r;
        rig_init(&r, "", 40);
        r.pace.by_id = by_id;
        r.pace.round_ms = 3;
        r.options.snapshot_tasks = 1;
        rig_insert(&r, 0, DOCUMENTS);
        rig_drain(&r, 40, delete_what_was_shown);
        all_shown(&r, DOCUMENTS);
        rig_compare(&r);
        print_message("# %d polls, %d rounds, %d crashes\n", r.polls, r.rounds, r.crashes);
        assert_true(r.rounds > 3);
        rig_release(&r);
    }
}

/* A process that was away for longer than the server's history finds a round that it can not go on
 * with. */
static void a_round_of_long_ago_is_given_up(void **state)
{
    (void)state;
    rig r;
    rig_init(&r, "", 50);
    r.pace.round_ms = 60000;
    rig_insert(&r, 0, DOCUMENTS);
    rig_open(&r);
    while (positions_of_ranges(&r) == 0) {
        assert_true(rig_poll(&r));
        rig_commit(&r);
    }
    const char *now = strstr(mr_positions_get(r.stored, "snapshot"), "\"at\":[");
    assert_non_null(now);
    char *text = mr_strdup(mr_positions_get(r.stored, "snapshot"));
    char *old = mr_format("%.*s\"at\":[%ld,1]}", (int)(strstr(text, "\"at\"") - text), text,
                          strtol(strstr(text, "\"at\":[") + 6, NULL, 10) - 3600);
    rig_close(&r);
    mr_positions_set(r.stored, "snapshot", old);
    free(text);
    free(old);
    rig_drain(&r, 0, NULL);
    all_shown(&r, DOCUMENTS);
    assert_true(r.rounds >= 2);
    rig_compare(&r);
    rig_release(&r);
}

static void what_is_not_there_is_read_at_once(void **state)
{
    (void)state;
    rig r;
    rig_init(&r, "", 60);
    rig_drain(&r, 0, NULL); /* empty */
    rig_compare(&r);
    rig_release(&r);
    rig_init(&r, "", 61);
    mongoc_collection_drop(r.collection, NULL);
    rig_run(&r, "{\"create\": \"view\", \"viewOn\": \"c\", \"pipeline\": []}");
    rig_open(&r);
    mongo_snapshot_add(r.snapshot, r.options.database, "view");
    rig_close(&r);
    rig_drain(&r, 0, NULL);
    rig_release(&r);
}

static void a_capped_collection_is_refused(void **state)
{
    (void)state;
    rig r;
    rig_init(&r, "\"capped\": true, \"size\": 4096", 70);
    if (r.mongo->version[0] < 8) {
        r.task = (mr_task){.name = "test", .changed = mr_positions_new()};
        r.snapshot = mongo_snapshot_new(&r.options, &r.task, &r.pace);
        mongo_snapshot_add(r.snapshot, r.options.database, "c");
        assert_int_equal(mongo_snapshot_open(r.snapshot, NULL, true, (mongo_time){0}, &r.err),
                         MR_FATAL);
        assert_true(r.err.permanent);
        assert_non_null(strstr(r.err.text, "capped"));
        assert_string_equal(r.err.field, "snapshot.mode");
    }
    rig_release(&r);
}

/* Positions of a member of the replica set that gave other record ids: nothing is missing, though
 * documents are shown twice. */
static void record_ids_of_another_server_are_not_gone_on_with(void **state)
{
    (void)state;
    rig r;
    size_t cursor = 0;
    const char *name, *value;
    rig_init(&r, "", 75);
    rig_insert(&r, 0, DOCUMENTS);
    rig_open(&r);
    while (positions_of_ranges(&r) == 0 || !r.polls || r.polls % 20) {
        assert_true(rig_poll(&r));
        rig_commit(&r);
    }
    rig_close(&r);
    mr_positions *changed = mr_positions_new();
    while (mr_positions_next(r.stored, &cursor, &name, &value)) {
        char *text = mr_strdup(value), *home = strstr(text, "collection-");
        if (home) {
            home[0] = 'C';
            mr_positions_set(changed, name, text);
        }
        free(text);
    }
    assert_true(mr_positions_count(changed) > 0);
    for (cursor = 0; mr_positions_next(changed, &cursor, &name, &value);) {
        mr_positions_set(r.stored, name, value);
    }
    mr_positions_free(changed);
    memset(r.models, 0, RIG_IDS_MAX * sizeof *r.models);
    rig_drain(&r, 25, NULL);
    all_shown(&r, DOCUMENTS);
    rig_compare(&r);
    rig_release(&r);
}

/* Another snapshot that begins in the same life leaves nothing of the first one behind. */
static void one_may_begin_anew(void **state)
{
    (void)state;
    rig r;
    rig_init(&r, "", 80);
    rig_insert(&r, 0, DOCUMENTS);
    rig_open(&r);
    while (positions_of_ranges(&r) < 3) {
        assert_true(rig_poll(&r));
        rig_commit(&r);
    }
    mongo_snapshot_close(r.snapshot);
    memset(r.models, 0, RIG_IDS_MAX * sizeof *r.models);
    r.pace.range_documents =
        100000; /* one range: those of the first must not be taken for its own */
    r.snapshot = mongo_snapshot_new(&r.options, &r.task, &r.pace);
    mongo_snapshot_add(r.snapshot, r.options.database, "c");
    rig_fail(&r, mongo_snapshot_open(r.snapshot, NULL, true, r.token_time, &r.err));
    rig_commit(&r);
    rig_close(&r);
    rig_drain(&r, 25, NULL);
    all_shown(&r, DOCUMENTS);
    rig_compare(&r);
    assert_int_equal(positions_of_ranges(&r), 0);
    rig_release(&r);
}

/* --- Ids of all types --- */

static bson_t *any_id(unsigned *seed, int i)
{
    bson_t *d = bson_new();
    bson_oid_t oid;
    bson_decimal128_t decimal;
    char text[64];
    snprintf(text, sizeof text, "%s%d", i % 3 ? "k" : "K", rand_r(seed) % 100000);
    switch (i % 9) {
    case 0:
        BSON_APPEND_INT32(d, "_id", i);
        break;
    case 1:
        BSON_APPEND_DOUBLE(d, "_id", i + 0.5);
        break;
    case 2:
        BSON_APPEND_INT64(d, "_id", (int64_t)i << 32);
        break;
    case 3:
        bson_oid_init(&oid, NULL);
        BSON_APPEND_OID(d, "_id", &oid);
        break;
    case 4:
        BSON_APPEND_BINARY(d, "_id", BSON_SUBTYPE_BINARY, (const uint8_t *)text, 1 + i % 8);
        break;
    case 5:
        BSON_APPEND_DATE_TIME(d, "_id", i);
        break;
    case 6:
        snprintf(text, sizeof text, "%d.25", i);
        bson_decimal128_from_string(text, &decimal);
        BSON_APPEND_DECIMAL128(d, "_id", &decimal);
        break;
    case 7: {
        bson_t inside;
        BSON_APPEND_DOCUMENT_BEGIN(d, "_id", &inside);
        BSON_APPEND_UTF8(&inside, "a", text);
        bson_append_document_end(d, &inside);
        break;
    }
    default:
        BSON_APPEND_UTF8(d, "_id", text);
    }
    return d;
}

static void insert_any(rig *r, int count)
{
    bson_t **documents = mr_calloc((size_t)count, sizeof *documents);
    bson_t *unordered = BCON_NEW("ordered", BCON_BOOL(false));
    bson_error_t error;
    for (int i = 0; i < count; i++) {
        documents[i] = any_id(&r->seed, i);
    }
    if (!mongoc_collection_insert_many(r->collection, (const bson_t **)documents, (size_t)count,
                                       unordered, NULL, &error) &&
        error.code != 11000) {
        fail_msg("%s", error.message);
    }
    for (int i = 0; i < count; i++) {
        bson_destroy(documents[i]);
    }
    free(documents);
    bson_destroy(unordered);
    rig_tick(r);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *id_text(mr_slice document)
{
    mr_bson_element id;
    mr_buffer out = MR_BUFFER_INIT(1 << 16);
    assert_true(mr_bson_find(document, "_id", &id));
    mr_bson_value_json(&id, true, &out);
    char *ret = mr_strdup(mr_buffer_text(&out));
    mr_buffer_release(&out);
    return ret;
}

/* Reads all in crash-ridden lives; returns the ids in order of their text. */
static size_t read_any(rig *r, char **ids)
{
    size_t committed = 0, count = 0;
    mongo_time until;
    rig_open(r);
    for (mr_status status = MR_OK; status != MR_END;) {
        mongo_snapshot_batch batch;
        if (mongo_snapshot_waits(r->snapshot, &until)) {
            mongo_snapshot_go(r->snapshot);
        }
        status = mongo_snapshot_next(r->snapshot, &batch, mr_clock_us() + 100000, &r->err);
        if (status == MR_OK) {
            size_t n = 1 + rig_random(r, (unsigned)batch.count);
            for (size_t i = 0; i < n; i++) {
                ids[count++] = id_text(batch.documents[i]);
            }
            rig_fail(r, mongo_snapshot_took(r->snapshot, n, &r->err));
        } else if (status != MR_IDLE && status != MR_END) {
            rig_fail(r, status);
        }
        if (rig_random(r, 3) == 0 || status == MR_END) {
            rig_commit(r);
            committed = count;
        } else if (rig_random(r, 10) == 0) {
            rig_crash(r);
            for (; count > committed; count--) {
                free(ids[count - 1]);
            }
        }
    }
    qsort(ids, count, sizeof *ids, compare_texts);
    return count;
}

static void ids_of_any_type(const char *create, bool by_id, unsigned seed)
{
    rig r;
    rig_init(&r, create, seed);
    r.pace = (mongo_pace){10, 100, 2048, by_id};
    insert_any(&r, 1800);
    bson_t query = BSON_INITIALIZER;
    bson_error_t error;
    int64_t there =
        mongoc_collection_count_documents(r.collection, &query, NULL, NULL, NULL, &error);
    assert_true(there > 1000);
    char **ids = mr_calloc((size_t)there * 4, sizeof *ids);
    size_t count = read_any(&r, ids);
    assert_int_equal(count, there);
    for (size_t i = 0; i < count; i++) {
        if (i && strcmp(ids[i - 1], ids[i]) == 0) {
            fail_msg("%s was shown twice", ids[i]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        free(ids[i]);
    }
    free(ids);
    rig_release(&r);
}

static void ids_may_be_of_all_types(void **state)
{
    (void)state;
    ids_of_any_type("", false, 90);
    ids_of_any_type("", true, 91);
    ids_of_any_type("\"clusteredIndex\": {\"key\": {\"_id\": 1}, \"unique\": true}", false, 92);
}

static void a_collation_orders_ids_its_own_way(void **state)
{
    (void)state;
    ids_of_any_type("\"collation\": {\"locale\": \"en\", \"strength\": 2}", false, 93);
    ids_of_any_type("\"collation\": {\"locale\": \"en\", \"strength\": 2}", true, 94);
}

int main(void)
{
    if (!getenv("MONGODB_URI")) {
        fprintf(stderr, "skipped: MONGODB_URI is not set\n");
        return 77;
    }
    mr_log_setup(MR_LOG_WARN, MR_LOG_TEXT);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quiet_collection_is_shown_once),
        cmocka_unit_test(small_rounds_and_crashes_lose_and_double_nothing),
        cmocka_unit_test(writers_are_followed_in_the_order_on_disk),
        cmocka_unit_test(writers_are_followed_in_the_order_of_ids),
        cmocka_unit_test(a_clustered_collection_is_read_by_id),
        cmocka_unit_test(rounds_go_on_after_documents_that_are_gone),
        cmocka_unit_test(a_round_of_long_ago_is_given_up),
        cmocka_unit_test(what_is_not_there_is_read_at_once),
        cmocka_unit_test(a_capped_collection_is_refused),
        cmocka_unit_test(record_ids_of_another_server_are_not_gone_on_with),
        cmocka_unit_test(one_may_begin_anew),
        cmocka_unit_test(ids_may_be_of_all_types),
        cmocka_unit_test(a_collation_orders_ids_its_own_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
