/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas through the topic, between processes (here: sets) that know nothing of each other. */
#include "integration/kafka/support.h"

#include <pthread.h>

#include "codec/schema.h"

/* A schema no other run has. */
static const mr_schema *unique_schema(int number)
{
    char json[256];
    int len = snprintf(json, sizeof json,
                       "{\"type\":\"record\",\"name\":\"T%d_%d_%d\",\"fields\":[{\"name\":\"a\","
                       "\"type\":\"long\",\"doc\":\"kept\"}]}",
                       (int)getpid(), (int)(mr_wall_ms() % 1000000), number);
    const mr_schema *schema;
    mr_error err;
    expect_ok(mr_schema_parse(json, (size_t)len, &schema, &err), &err);
    return schema;
}

static mr_schemas *new_set(void)
{
    mr_schemas *set;
    mr_error err;
    expect_ok(mr_schemas_new(&config, &set, &err), &err);
    return set;
}

static void test_put_then_get_elsewhere(void **state)
{
    (void)state;
    const mr_schema *schema = unique_schema(0);
    mr_schemas *one = new_set();
    mr_schemas *two = new_set();
    mr_error err;
    const mr_schema *found;
    expect_ok(mr_schemas_put(one, schema, NULL, &err), &err);
    expect_ok(mr_schemas_put(one, schema, NULL, &err), &err); /* once is enough */
    expect_ok(mr_schemas_get(one, schema->fingerprint, NULL, &found, &err), &err);
    expect_ok(mr_schemas_get(two, schema->fingerprint, NULL, &found, &err), &err);
    assert_string_equal(found->name, schema->name);
    assert_true(found->fingerprint == schema->fingerprint);
    assert_string_equal(found->fields[0].doc, "kept");
    const mr_schema *again;
    expect_ok(mr_schemas_get(two, schema->fingerprint, NULL, &again, &err), &err);
    assert_ptr_equal(found, again);
    mr_schemas_free(one);
    mr_schemas_free(two);
    mr_schema_release(schema);
}

/* What was there when the topic was read needs no broker any more: the stop would end its reading.
 */
static void test_preloaded_is_known(void **state)
{
    (void)state;
    const mr_schema *schema = unique_schema(9);
    mr_schemas *one = new_set();
    mr_schemas *two = new_set();
    atomic_bool stop = false;
    mr_error err;
    const mr_schema *found;
    expect_ok(mr_schemas_put(one, schema, NULL, &err), &err);
    expect_ok(mr_schemas_preload(two, &stop, &err), &err);
    atomic_store(&stop, true);
    expect_ok(mr_schemas_preload(two, &stop, &err), &err); /* once is enough */
    expect_ok(mr_schemas_get(two, schema->fingerprint, &stop, &found, &err), &err);
    assert_true(found->fingerprint == schema->fingerprint);
    mr_schemas_free(one);
    mr_schemas_free(two);
    mr_schema_release(schema);
}

static void test_unknown_is_rejected_quickly(void **state)
{
    (void)state;
    mr_schemas *set = new_set();
    const mr_schema *found;
    mr_error err;
    uint64_t rubbish = 0xdeadbeefdeadbeef;
    assert_int_equal(mr_schemas_get(set, rubbish, NULL, &found, &err), MR_REJECT);
    assert_non_null(strstr(err.text, "deadbeefdeadbeef"));
    assert_non_null(strstr(err.text, MR_SCHEMAS_TOPIC));
    int64_t before = mr_clock_us();
    for (int i = 0; i < 1000; i++) { /* without asking the broker each time */
        assert_int_equal(mr_schemas_get(set, rubbish, NULL, &found, &err), MR_REJECT);
    }
    assert_true(mr_clock_us() - before < 1000000);
    /* One that comes later is found all the same. */
    const mr_schema *schema = unique_schema(1);
    mr_schemas *other = new_set();
    expect_ok(mr_schemas_put(other, schema, NULL, &err), &err);
    expect_ok(mr_schemas_get(set, schema->fingerprint, NULL, &found, &err), &err);
    mr_schemas_free(other);
    mr_schemas_free(set);
    mr_schema_release(schema);
}

/* More text than is kept of schemas that nobody has asked for: whichever is asked for is there. */
static void test_a_topic_full_of_schemas(void **state)
{
    (void)state;
    enum { SCHEMAS = 5, DOC_BYTES = 400000 };
    const mr_schema *schemas[SCHEMAS];
    char *doc = test_malloc(DOC_BYTES + 1);
    memset(doc, 'd', DOC_BYTES);
    doc[DOC_BYTES] = '\0';
    mr_schemas *one = new_set(), *two = new_set();
    mr_error err;
    for (int i = 0; i < SCHEMAS; i++) {
        char *json = test_malloc(DOC_BYTES + 200);
        int len = snprintf(json, DOC_BYTES + 200,
                           "{\"type\":\"record\",\"name\":\"Large%d_%d_%d\",\"doc\":\"%s\","
                           "\"fields\":[]}",
                           (int)getpid(), (int)(mr_wall_ms() % 1000000), i, doc);
        expect_ok(mr_schema_parse(json, (size_t)len, &schemas[i], &err), &err);
        expect_ok(mr_schemas_put(one, schemas[i], NULL, &err), &err);
        test_free(json);
    }
    expect_ok(mr_schemas_preload(two, NULL, &err), &err);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < SCHEMAS; i++) {
            const mr_schema *found;
            expect_ok(mr_schemas_get(two, schemas[i]->fingerprint, NULL, &found, &err), &err);
            assert_string_equal(found->name, schemas[i]->name);
        }
    }
    for (int i = 0; i < SCHEMAS; i++) {
        expect_ok(mr_schemas_put(two, schemas[i], NULL, &err), &err);
        mr_schema_release(schemas[i]);
    }
    mr_schemas_free(one);
    mr_schemas_free(two);
    test_free(doc);
}

/* What is no schema is no schema's error to others, and may be mended. */
static void test_what_is_no_schema_may_be_mended(void **state)
{
    (void)state;
    const mr_schema *schema = unique_schema(8);
    mr_schemas *one = new_set(), *two = new_set();
    mr_error err;
    const mr_schema *found;
    char key[17];
    snprintf(key, sizeof key, "%016llx", (unsigned long long)schema->fingerprint);
    mr_producer *producer;
    mr_producer_options options = {.queue_max_bytes = 1 << 20};
    expect_ok(mr_producer_new(&config, &options, &producer, &err), &err);
    const mr_outgoing rubbish = {
        .topic = MR_SCHEMAS_TOPIC, .key = {key, 16}, .value = {"{\"type\":\"none\"}", 15}};
    expect_ok(mr_producer_send(producer, &rubbish, &err), &err);
    expect_ok(mr_producer_flush(producer, &err), &err);
    mr_producer_close(producer);
    assert_int_equal(mr_schemas_get(two, schema->fingerprint, NULL, &found, &err), MR_REJECT);
    expect_ok(mr_schemas_put(one, schema, NULL, &err), &err);
    mr_schemas *three = new_set();
    expect_ok(mr_schemas_get(three, schema->fingerprint, NULL, &found, &err), &err);
    assert_string_equal(found->name, schema->name);
    mr_schemas_free(one);
    mr_schemas_free(two);
    mr_schemas_free(three);
    mr_schema_release(schema);
}

typedef struct worker {
    mr_schemas *set;
    const mr_schema *schema;
    mr_status status;
} worker;

static void *work(void *context)
{
    worker *w = context;
    const mr_schema *found;
    mr_error err;
    w->status = mr_schemas_put(w->set, w->schema, NULL, &err);
    for (int i = 0; i < 100 && !w->status; i++) {
        w->status = mr_schemas_get(w->set, w->schema->fingerprint, NULL, &found, &err);
    }
    return NULL;
}

static void test_tasks_share_a_set(void **state)
{
    (void)state;
    enum { WORKERS = 4 };
    mr_schemas *set = new_set();
    worker workers[WORKERS];
    pthread_t threads[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (worker){set, unique_schema(2 + i / 2), MR_OK};
        pthread_create(&threads[i], NULL, work, &workers[i]);
    }
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].status, MR_OK);
        mr_schema_release(workers[i].schema);
    }
    mr_schemas_free(set);
}

int main(void)
{
    need_broker();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_then_get_elsewhere),
        cmocka_unit_test(test_preloaded_is_known),
        cmocka_unit_test(test_unknown_is_rejected_quickly),
        cmocka_unit_test(test_a_topic_full_of_schemas),
        cmocka_unit_test(test_what_is_no_schema_may_be_mended),
        cmocka_unit_test(test_tasks_share_a_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
