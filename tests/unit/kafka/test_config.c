/* SPDX-License-Identifier: Apache-2.0 */
/* What users may set, and what they are told when they may not. */
#include "unit/kafka/support.h"

static mr_status check(const char *name, const char *value, mr_error *err)
{
    const mr_property properties[] = {{"bootstrap.servers", "127.0.0.1:1"}, {name, value}};
    const mr_kafka_config config = {.properties = properties, .property_count = 2};
    return mr_kafka_check(&config, err);
}

static void refuses(const char *name, const char *value, const char *says)
{
    mr_error err;
    assert_int_equal(check(name, value, &err), MR_FATAL);
    assert_true(err.permanent);
    assert_int_equal(err.domain, MR_DOMAIN_CONFIG);
    assert_string_equal(err.field, name);
    if (!strstr(err.text, says) || !strstr(err.text, name)) {
        fail_msg("'%s' does not say '%s' of %s", err.text, says, name);
    }
}

static void test_names_the_nearest_property(void **state)
{
    (void)state;
    refuses("sesion.timeout.ms", "1", "did you mean session.timeout.ms?");
    refuses("compresion.type", "lz4", "did you mean compression.type?");
    refuses("sasl.usrname", "me", "did you mean sasl.username?");
    refuses("qqqqqqqqqqqqqqqqqqq", "1", "CONFIGURATION.md");
}

static void test_translates_java_names(void **state)
{
    (void)state;
    refuses("ssl.truststore.location", "/x.jks", "ssl.ca.location");
    refuses("sasl.jaas.config", "x", "sasl.username");
}

static void test_refuses_what_breaks_guarantees(void **state)
{
    (void)state;
    refuses("enable.auto.commit", "true", "stored by the sink");
    refuses("isolation.level", "read_uncommitted", "aborted");
    refuses("enable.idempotence", "false", "twice");
    refuses("transactional.id", "x", "fences");
    refuses("group.id", "x", "option group");
    refuses("acks", "1", "lost");
    refuses("partition.assignment.strategy", "range", "rebalance");
    refuses("auto.offset.reset", "latest", "starting.position");
    refuses("message.timeout.ms", "1000", "away");
}

static void test_accepts_what_it_would_set_itself(void **state)
{
    (void)state;
    mr_error err;
    assert_int_equal(check("enable.auto.commit", "false", &err), MR_OK);
    assert_int_equal(check("isolation.level", "read_committed", &err), MR_OK);
    assert_int_equal(check("acks", "all", &err), MR_OK);
    assert_int_equal(check("enable.idempotence", "true", &err), MR_OK);
    assert_int_equal(check("session.timeout.ms", "6000", &err), MR_OK);
    assert_int_equal(check("compression.type", "lz4", &err), MR_OK);
}

static void test_says_what_is_wrong_with_a_value(void **state)
{
    (void)state;
    refuses("session.timeout.ms", "soon", "session.timeout.ms");
    refuses("security.protocol", "tls", "tls");
    refuses("compression.type", NULL, "has no value");
}

static void test_secrets_stay_secret(void **state)
{
    (void)state;
    static const char *const names[] = {"ssl.key.pem", "ssl.certificate.pem", "sasl.password",
                                        "ssl.key.password", "ssl.keystore.password"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        mr_error err = {.text = ""};
        (void)check(names[i], "hunter2", &err);
        assert_null(strstr(err.text, "hunter2"));
    }
    /* A client that can not be made must not tell either. */
    const mr_property properties[] = {{"bootstrap.servers", "127.0.0.1:1"},
                                      {"security.protocol", "ssl"},
                                      {"ssl.key.pem", "hunter2"},
                                      {"ssl.key.password", "hunter3"},
                                      {"ssl.certificate.pem", "hunter4"}};
    const mr_kafka_config config = {.properties = properties, .property_count = 5};
    const mr_producer_options options = {0};
    mr_producer *producer;
    mr_error err;
    assert_int_equal(mr_producer_new(&config, &options, &producer, &err), MR_FATAL);
    assert_true(err.permanent);
    assert_null(strstr(err.text, "hunter"));
}

static void test_asks_for_brokers(void **state)
{
    (void)state;
    const mr_kafka_config config = {0};
    mr_error err;
    assert_int_equal(mr_kafka_check(&config, &err), MR_FATAL);
    assert_non_null(strstr(err.text, "bootstrap.servers"));
    assert_true(err.permanent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_the_nearest_property),
        cmocka_unit_test(test_translates_java_names),
        cmocka_unit_test(test_refuses_what_breaks_guarantees),
        cmocka_unit_test(test_accepts_what_it_would_set_itself),
        cmocka_unit_test(test_says_what_is_wrong_with_a_value),
        cmocka_unit_test(test_secrets_stay_secret),
        cmocka_unit_test(test_asks_for_brokers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
