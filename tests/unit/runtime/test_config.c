/* SPDX-License-Identifier: Apache-2.0 */
/* Pipelines from JSON: what is made of a good one, and what is said about bad ones, word for word
 * where the place matters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/options.h"
#include "runtime/config.h"

typedef struct heard {
    char text[8192];
    size_t count;
} heard;

static void hear(void *context, const char *text)
{
    heard *h = context;
    size_t len = strlen(h->text);
    snprintf(h->text + len, sizeof h->text - len, "%s\n", text);
    h->count++;
}

static mr_status parse(const char *json, heard *h, mr_pipeline **ret)
{
    mr_error err = {0};
    *h = (heard){.count = 0};
    *ret = NULL;
    mr_status status = mr_pipeline_parse(json, strlen(json), "p.json", "/tmp", hear, h, ret, &err);
    if (status != MR_OK) {
        assert_true(err.permanent);
        assert_int_equal(err.domain, MR_DOMAIN_CONFIG);
        assert_true(strncmp(h->text, err.text, strlen(err.text)) == 0);
    }
    return status;
}

/* All `says` must be in the problems, and there must be just as many problems. */
static void bad(const char *json, size_t count, const char *const *says)
{
    heard h;
    mr_pipeline *pipeline;
    if (parse(json, &h, &pipeline) == MR_OK) {
        fail_msg("accepted: %s", json);
    }
    for (size_t i = 0; i < count; i++) {
        if (!strstr(h.text, says[i])) {
            fail_msg("\"%s\" is not in:\n%s", says[i], h.text);
        }
    }
    if (h.count != count) {
        fail_msg("%zu problems, not %zu:\n%s", h.count, count, h.text);
    }
    assert_null(pipeline);
}

#define BAD(json, ...)                                                                             \
    do {                                                                                           \
        static const char *const says[] = {__VA_ARGS__};                                           \
        bad(json, sizeof says / sizeof *says, says);                                               \
    } while (0)

static mr_pipeline *good(const char *json)
{
    heard h;
    mr_pipeline *pipeline;
    if (parse(json, &h, &pipeline) != MR_OK) {
        fail_msg("refused:\n%s", h.text);
    }
    assert_int_equal(h.count, 0);
    return pipeline;
}

#define SINK(options)                                                                              \
    "{\"name\": \"p\", \"sinks\": {\"pg\": {\"connector\": \"postgres\", \"topics\": \"t\", "      \
    "\"connection.url\": \"u\"" options "}}}"

/* An option of a state or a route by name, as it would be shown. */
static char *shown(const mr_option *table, const char *name, const void *state)
{
    const mr_option *option = mr_option_find(table, name);
    assert_non_null(option);
    return mr_option_show(option, state);
}

static void assert_shown(const mr_option *table, const char *name, const void *state,
                         const char *want)
{
    char *got = shown(table, name, state);
    assert_string_equal(got ? got : "(none)", want);
    free(got);
}

static void a_whole_pipeline(void **arg)
{
    (void)arg;
    setenv("MR_TEST_URL", "postgresql://u:hunter2@h/db", 1);
    mr_pipeline *p =
        good("{\"$schema\": \"x\", \"name\": \"trips\",\n"
             "\"kafka\": {\"bootstrap.servers\": \"h:1\", \"queued.min.messages\": 7,"
             " \"socket.keepalive.enable\": true},\n"
             "\"sinks\": {\"pg\": {\"connector\": \"postgres\", \"topics\": [\"a\","
             " \"^b.*\"], \"connection.url\": \"${env:MR_TEST_URL}\","
             " \"batch.size\": \"500\", \"batch.window.ms\": \"2s\","
             " \"auto.create\": true, \"key.fields\": [\"id\"],\n"
             " \"routes\": [{\"query\": \"SELECT * FROM record\", \"table\": \"x\"},"
             " {\"name\": \"second\", \"table\": \"y\", \"key.fields\": [\"b\", \"c\"],"
             " \"auto.create\": false}]}},\n"
             "\"sources\": {\"in\": {\"connector\": \"file\", \"path\": \"x.csv\","
             " \"topic\": \"a\", \"key.fields\": [\"id\"]}}}");
    assert_string_equal(p->name, "trips");
    assert_null(p->path);
    assert_int_equal(p->kafka_count, 3);
    assert_string_equal(p->kafka[0].value, "h:1");
    assert_string_equal(p->kafka[1].value, "7");
    assert_string_equal(p->kafka[2].value, "true");
    assert_int_equal(p->connector_count, 2);
    const mr_connector_config *in = &p->connectors[0], *pg = &p->connectors[1];
    assert_string_equal(in->task_name, "trips.in");
    assert_string_equal(in->source.topic, "a");
    assert_int_equal(in->source.topic_retention_ms, 86400000);
    assert_int_equal(pg->sink.topics.count, 2);
    assert_int_equal(pg->sink.batch_size, 500);
    assert_int_equal(pg->sink.batch_window_ms, 2000);
    assert_int_equal(pg->route_count, 2);
    assert_string_equal(pg->route_names[0], "x");
    assert_string_equal(pg->route_names[1], "second");
    assert_string_equal(pg->route_queries[0], "SELECT * FROM record");
    assert_null(pg->route_queries[1]);
    for (int again = 0; again < 2; again++) { /* each task has its own */
        void *self;
        mr_route *routes;
        size_t count;
        mr_error err;
        assert_int_equal(mr_connector_instantiate(pg, &self, &routes, &count, &err), MR_OK);
        const mr_option *table = pg->connector->route_options;
        assert_int_equal(count, 2);
        assert_string_equal(routes[1].name, "second");
        assert_int_equal(routes[1].index, 1);
        assert_int_equal(routes[1].count, 2);
        assert_shown(table, "key.fields", routes[0].options, "id");
        assert_shown(table, "auto.create", routes[0].options, "true");
        assert_shown(table, "key.fields", routes[1].options, "b,c");
        assert_shown(table, "auto.create", routes[1].options, "false");
        assert_shown(pg->connector->options, "connection.url", self, "***");
        mr_connector_discard(pg, self, routes);
    }
    mr_pipeline_free(p);
}

static void one_implicit_route(void **arg)
{
    (void)arg;
    mr_pipeline *p = good(SINK(", \"query\": \"SELECT * FROM record\", \"table\": \"t\""));
    assert_int_equal(p->connectors[0].route_count, 1);
    assert_string_equal(p->connectors[0].route_queries[0], "SELECT * FROM record");
    assert_string_equal(p->connectors[0].route_names[0], "t");
    mr_pipeline_free(p);
}

static void paths_are_absolute(void **arg)
{
    (void)arg;
    static const char *const paths[][2] = {{"mr-no-such.csv", "/tmp/mr-no-such.csv"},
                                           {"./mr-no-such.csv", "/tmp/mr-no-such.csv"},
                                           {"/", "/"},
                                           {"../tmp/", "/tmp"},
                                           {"s3://bucket/x", "s3://bucket/x"}};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char json[500];
        void *self;
        mr_route *routes;
        size_t count;
        mr_error err;
        snprintf(json, sizeof json,
                 "{\"name\": \"p\", \"sources\": {\"f\": {\"connector\": \"file\", \"topic\": "
                 "\"t\", \"path\": \"%s\"}}}",
                 paths[i][0]);
        mr_pipeline *p = good(json);
        const mr_connector_config *f = &p->connectors[0];
        assert_int_equal(mr_connector_instantiate(f, &self, &routes, &count, &err), MR_OK);
        assert_int_equal(count, 0);
        assert_shown(f->connector->options, "path", self, paths[i][1]);
        mr_connector_discard(f, self, routes);
        mr_pipeline_free(p);
    }
}

static void default_broker(void **arg)
{
    (void)arg;
    unsetenv("KAFKA_BOOTSTRAP_SERVERS");
    mr_pipeline *p = good(SINK(", \"table\": \"t\""));
    assert_string_equal(p->kafka[0].name, "bootstrap.servers");
    assert_string_equal(p->kafka[0].value, "127.0.0.1:9092");
    mr_pipeline_free(p);
    setenv("KAFKA_BOOTSTRAP_SERVERS", "other:9", 1);
    p = good(SINK(", \"table\": \"t\""));
    assert_string_equal(p->kafka[0].value, "other:9");
    mr_pipeline_free(p);
    unsetenv("KAFKA_BOOTSTRAP_SERVERS");
}

static const char *property(const mr_pipeline *p, const char *name)
{
    for (size_t i = 0; i < p->kafka_count; i++) {
        if (strcmp(p->kafka[i].name, name) == 0) {
            return p->kafka[i].value;
        }
    }
    return NULL;
}

static void properties_beside_the_file(void **arg)
{
    (void)arg;
    mr_property given[] = {
        {"client.rack", "a"}, {"bootstrap.servers", "x:1"}, {"client.rack", "b"}};
    mr_property wrong[] = {{"client.rak", "a"}, {"fetch.wait.max.ms", "hunter2"}};
    heard h = {.count = 0};
    mr_error err;
    mr_pipeline *p = good(SINK(", \"table\": \"t\""));
    assert_int_equal(mr_pipeline_set_kafka(p, given, 3, hear, &h, &err), MR_OK);
    assert_int_equal(p->kafka_count, 2);
    assert_string_equal(property(p, "client.rack"), "b");
    assert_string_equal(property(p, "bootstrap.servers"), "x:1");
    assert_int_equal(h.count, 0);
    assert_int_equal(mr_pipeline_set_kafka(p, wrong, 2, hear, &h, &err), MR_FATAL);
    assert_int_equal(h.count, 2);
    assert_non_null(strstr(h.text, "-X client.rak: "));
    assert_non_null(strstr(h.text, "-X fetch.wait.max.ms: "));
    mr_pipeline_free(p);
}

static void references(void **arg)
{
    (void)arg;
    FILE *secret = fopen("/tmp/mr-test-config-secret", "w");
    assert_non_null(secret);
    fputs("t\n", secret);
    fclose(secret);
    setenv("MR_TEST_A", "A", 1);
    setenv("MR_TEST_EMPTY", "", 1);
    unsetenv("MR_TEST_UNSET");
    static const char *const good_ones[][2] = {{"${env:MR_TEST_A}", "A"},
                                               {"x${env:MR_TEST_A}${env:MR_TEST_A}y", "xAAy"},
                                               {"${env:MR_TEST_UNSET:-a:-b}", "a:-b"},
                                               {"${env:MR_TEST_EMPTY:-dflt}", "dflt"},
                                               {"z${env:MR_TEST_EMPTY}", "z"},
                                               {"${file:/tmp/mr-test-config-secret}", "t"},
                                               {"${file:mr-test-config-secret}", "t"},
                                               {"$x$${env:A}", "$x${env:A}"}};
    for (size_t i = 0; i < sizeof good_ones / sizeof *good_ones; i++) {
        char json[500], want[100];
        snprintf(json, sizeof json, SINK(", \"query\": \"SELECT '%s' AS x FROM record\""),
                 good_ones[i][0]);
        snprintf(want, sizeof want, "SELECT '%s' AS x FROM record", good_ones[i][1]);
        mr_pipeline *p = good(json);
        assert_string_equal(p->connectors[0].sink.query, want);
        mr_pipeline_free(p);
    }
    unlink("/tmp/mr-test-config-secret");
    BAD(SINK(", \"table\": \"${env:MR_TEST_UNSET}\""),
        "p.json:1:104: pg: table: environment variable MR_TEST_UNSET is not set");
    BAD(SINK(", \"table\": \"${env:MR TEST}\""), "table: ${env:...} does not name");
    BAD(SINK(", \"table\": \"${vault:x}\""), "table: unknown kind of reference");
    BAD(SINK(", \"table\": \"${env:X\""), "\"${\" starts a reference that does not end");
    BAD(SINK(", \"table\": \"${file:/nonexistent/x}\""), "cannot open file /nonexistent/x of");
    BAD("{\"name\": \"${env:MR_TEST_UNSET}\", \"kafka\": {\"client.rack\": "
        "\"${env:MR_TEST_UNSET}\"}, \"sources\": {\"f\": {\"connector\": \"file\", \"path\": "
        "\"${env:MR_TEST_UNSET}\", \"topic\": \"t\"}}}",
        "name: environment", "client.rack: environment", "path: environment");
}

static void malformed_json(void **arg)
{
    (void)arg;
    BAD("", "p.json:1:1: not valid JSON");
    BAD("{\"name\": \"p\",\n  \"sinks\": {,}}", "p.json:2:13: not valid JSON");
    BAD("{\"name\": \"p\", \"name\": \"q\"}", "p.json:1:20: not valid JSON: duplicate object key");
    BAD("[1]", "p.json:1:1: a pipeline is an object");
    BAD("{\"name\": \"p\"} x", "not valid JSON: end of file expected");
    mr_pipeline *p = good("\xef\xbb\xbf" SINK(", \"table\": \"t\""));
    mr_pipeline_free(p);
}

static void top_level(void **arg)
{
    (void)arg;
    BAD("{}", "p.json:1:1: name: is required", "p.json:1:1: the pipeline has neither");
    BAD("{\"name\": \"a b\", \"sinks\": []}", "p.json:1:10: name: this is no good name",
        "p.json:1:26: sinks: is an array");
    BAD("{\"name\": null, \"sinks\": 1, \"sources\": \"x\", \"kafka\": 3}", "name: null is no good",
        "sinks: is a number", "sources: is text", "kafka: is a number");
    BAD("{\"name\": \"p\",\n \"sink\": {}}",
        "p.json:2:2: sink: is no part of a pipeline; did you mean \"sinks\"?", "has neither");
    BAD("{\"name\": \"p\", \"sinks\": {\"a b\": 5}}", "p.json:1:25: a b: is no good name",
        "p.json:1:32: a b: is a number; allowed: an object");
    char json[600];
    snprintf(json, sizeof json,
             "{\"name\": \"%0200d\", \"sources\": {\"f\": {\"connector\": \"file\","
             "\"path\": \"x\", \"topic\": \"t\"}}}",
             0);
    bad(json, 1, (const char *const[]){"name: this is no good name"});
}

static void kafka_properties(void **arg)
{
    (void)arg;
    BAD("{\"name\": \"p\", \"kafka\": {\"bootstrap.server\": \"h\", \"group.id\": \"g\",\n"
        "\"client.rack\": [1], \"fetch.wait.max.ms\": \"x\"}, \"sources\": {\"f\": {\"connector\": "
        "\"file\", \"path\": \"x\", \"topic\": \"t\"}}}",
        "p.json:1:62: kafka: group.id: ", "p.json:2:16: kafka: client.rack: is an array",
        "kafka: bootstrap.server: ", "kafka: fetch.wait.max.ms: ");
}

static void connectors(void **arg)
{
    (void)arg;
    BAD("{\"name\": \"p\", \"sinks\": {\"a\": {}, \"b\": {\"connector\": \"postgre\"}, \"c\": "
        "{\"connector\": \"file\"}, \"d\": {\"connector\": 4}}}",
        "p.json:1:25: a: connector: is required; allowed: postgres",
        "p.json:1:53: b: connector: there is no sink \"postgre\"; did you mean \"postgres\"?",
        "c: connector: \"file\" is a source; it belongs under \"sources\"",
        "d: connector: is a number; allowed: text");
    BAD("{\"name\": \"p\", \"sinks\": {\"x\": {\"connector\": \"postgres\", \"topics\": \"t\", "
        "\"table\": \"t\", \"connection.url\": \"u\"}}, \"sources\": {\"x\": {\"connector\": "
        "\"file\", \"path\": \"x\", \"topic\": \"t\"}}}",
        "x: is the name of a source and of a sink");
}

static void options(void **arg)
{
    (void)arg;
    BAD(SINK(",\n\"table\": \"t\", \"batch.sise\": 5, \"tasks.max\": \"many\",\n\"batch.size\": "
             "true,"
             " \"starting.position\": \"latst\", \"insert.mode\": null"),
        "p.json:2:15: pg: batch.sise: is no option of sink postgres; did you mean \"batch.size\"?",
        "p.json:2:45: pg: tasks.max: found \"many\"; allowed: a whole number from 1 to 64",
        "p.json:3:15: pg: batch.size: found \"true\"",
        "pg: starting.position: found \"latst\"; allowed: one of earliest,latest; did you mean "
        "\"latest\"?",
        "pg: insert.mode: null is no value");
    BAD("{\"name\": \"p\", \"sinks\": {\"pg\": {\"connector\": \"postgres\", \"topics\": [], "
        "\"table\": \"t\"}}, \"sources\": {\"f\": {\"connector\": \"file\", \"path\": \"\"}}}",
        "p.json:1:25: pg: connection.url: is required and not set.",
        "p.json:1:67: pg: topics: is required and empty.", "f: topic: is required and not set.",
        "f: path: is required and empty.");
    BAD(SINK(", \"table\": \"t\", \"insert.mode\": \"upsert\""), "pg: key.fields: ");
}

static void topics(void **arg)
{
    (void)arg;
    BAD("{\"name\": \"p\", \"sinks\": {\"pg\": {\"connector\": \"postgres\", \"topics\": [\"a b\", "
        "\"^(x\", \"p.pg.dlq\"], \"connection.url\": \"u\", \"table\": \"t\"}}, \"sources\": "
        "{\"f\": "
        "{\"connector\": \"file\", \"path\": \"x\", \"topic\": \"..\", \"on.failure.topic\": "
        "\"\\u00fc\"}}}",
        "\"a b\" can not be a topic", "\"^(x\" starts with ^ but is no regular expression",
        "\"p.pg.dlq\" is also where", "\"..\" can not be a topic", "f: on.failure.topic: ");
    BAD("{\"name\": \"p\", \"sources\": {\"f\": {\"connector\": \"file\", \"path\": \"x\", "
        "\"topic\": \"a.{file}\"}}}",
        "f: topic: \"a.{file}\" holds {file}; placeholders of the source file: none");
#define MONGO(topic)                                                                               \
    "{\"name\": \"p\", \"sources\": {\"m\": {\"connector\": \"mongodb\", \"connection.url\": "     \
    "\"mongodb://h/\", \"database\": \"d\", \"collections\": \"c\", \"topic\": \"" topic "\"}}}"
    BAD(MONGO("a.{colection}"),
        "m: topic: \"a.{colection}\" holds {colection}; placeholders of the "
        "source mongodb: {database}, {collection}");
    BAD(MONGO("a b.{collection}"), "m: topic: \"a b.{collection}\" can not be a topic");
    BAD(MONGO("a.{collection"), "m: topic: \"a.{collection\" can not be a topic");
    BAD(MONGO("a\", \"tasks.max\": \"2"),
        "m: tasks.max: is 2, but what the source mongodb reads has");
    mr_pipeline_free(good(MONGO("a.{database}.{collection}")));
#undef MONGO
}

static void routes(void **arg)
{
    (void)arg;
    BAD(SINK(", \"query\": \"SELECT 1\", \"routes\": [{\"table\": \"t\"}]"),
        "pg: query: stands beside \"routes\"");
    BAD(SINK(", \"routes\": {}"), "pg: routes: is an object; allowed: an array");
    BAD(SINK(", \"routes\": []"), "pg: routes: is empty");
    BAD(SINK(", \"routes\": [5, {\"table\": \"t\"}]"), "route 1 is a number");
    BAD(SINK(",\n\"routes\": [{\"table\": \"t\", \"tabel\": \"x\"},\n {\"table\": 5, \"name\": "
             "\"n\"},"
             " {\"table\": \"t\", \"name\": \"n\", \"query\": 7}, {\"name\": \"a b\"}]"),
        "p.json:2:27: pg: tabel: is no option of sink postgres; did you mean \"table\"?",
        "p.json:3:12: pg: routes[1].table: found \"5\"; allowed: text",
        "pg: name: is the name of route 2 already", "routes[2].query: is a number",
        "routes[3].name: is no good name");
}

static void queries_are_checked(void **arg)
{
    (void)arg;
    BAD(SINK(",\n \"query\": \"DELETE FROM record\""), "p.json:2:11: pg: query: ");
    BAD(SINK(",\n \"routes\": [{\"query\": \"DELETE FROM record\"}]"), "p.json:2:23: pg: query: ");
    BAD("{\"name\": \"p\", \"sources\": {\"f\": {\"connector\": \"file\", \"path\": \"x\", "
        "\"topic\": "
        "\"t\", \"query\": \"DELETE FROM record\"}}}",
        "f: query: ");
}

/* Whatever is wrong, a secret's value is in no text, nor is what a reference stands for. */
static void secrets_are_not_told(void **arg)
{
    (void)arg;
    setenv("MR_TEST_SECRET", "hunter2", 1);
    static const char *const pipelines[] = {
        "{\"name\": \"${env:MR_TEST_SECRET}!\", \"kafka\": {\"fetch.wait.max.ms\": "
        "\"${env:MR_TEST_SECRET}\", \"sasl.password\": [\"hunter2\"], \"ssl.key.password\": "
        "{\"x\": \"hunter2\"}}, \"sinks\": {}}",
        "{\"name\": \"p\", \"sinks\": {\"pg\": {\"connector\": \"postgres\", \"topics\": \"t\", "
        "\"connection.url\": [\"hunter2\"], \"tasks.max\": \"${env:MR_TEST_SECRET}\", "
        "\"insert.mode\": \"${env:MR_TEST_SECRET}\"}}}",
        "{\"name\": \"p\", \"sinks\": {\"pg\": {\"connector\": \"postgres\", \"topics\": \"t\", "
        "\"connection.url\": {\"password\": \"hunter2\"}, \"conection.url\": \"hunter2\"}}}",
        "{\"name\": \"p\", \"sinks\": {\"pg\": {\"connector\": \"postgres\", \"topics\": \"t\", "
        "\"connection.url\": \"hunter2${env:\"}}}",
    };
    for (size_t i = 0; i < sizeof pipelines / sizeof *pipelines; i++) {
        heard h;
        mr_pipeline *p;
        assert_int_equal(parse(pipelines[i], &h, &p), MR_FATAL);
        if (strstr(h.text, "hunter2")) {
            fail_msg("a secret in:\n%s", h.text);
        }
    }
}

static void made_from_flags(void **arg)
{
    (void)arg;
    static const char json[] =
        "{\"name\": \"p\", \"kafka\": {\"client.rck\": \"x\"}, \"sinks\": {\"pg\": {\"connector\": "
        "\"postgres\", \"topics\": \"t\", \"batch.size\": \"0\"}}}";
    heard h = {.count = 0};
    mr_pipeline *p = NULL;
    mr_error err;
    assert_int_equal(mr_pipeline_parse(json, sizeof json - 1, NULL, "", hear, &h, &p, &err),
                     MR_FATAL);
    assert_int_equal(h.count, 3);
    assert_non_null(strstr(h.text, "--batch-size: found \"0\""));
    assert_non_null(strstr(h.text, "--connection-url: is required and not set"));
    assert_non_null(strstr(h.text, "-X client.rck: "));
}

static void loading_files(void **arg)
{
    (void)arg;
    char folder[] = "/tmp/mr-test-config-XXXXXX", path[100];
    heard h = {.count = 0};
    mr_pipeline *p = NULL;
    mr_error err = {0};
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/p.json", folder);
    assert_int_equal(mr_pipeline_load(path, hear, &h, &p, &err), MR_FATAL);
    assert_non_null(strstr(err.text, "cannot open pipeline file"));
    assert_non_null(strstr(err.text, "No such file"));
    assert_int_equal(h.count, 1);
    assert_int_equal(mr_pipeline_load(folder, hear, &h, &p, &err), MR_FATAL);
    assert_non_null(strstr(err.text, "Is a directory"));
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(mr_pipeline_load(path, NULL, NULL, &p, &err), MR_FATAL);
    assert_non_null(strstr(err.text, "is empty"));
    fputs(SINK(", \"table\": \"t\""), file);
    fclose(file);
    assert_int_equal(mr_pipeline_load(path, hear, &h, &p, &err), MR_OK);
    assert_string_equal(p->path, path);
    mr_pipeline_free(p);
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_pipeline),
        cmocka_unit_test(one_implicit_route),
        cmocka_unit_test(paths_are_absolute),
        cmocka_unit_test(default_broker),
        cmocka_unit_test(properties_beside_the_file),
        cmocka_unit_test(references),
        cmocka_unit_test(malformed_json),
        cmocka_unit_test(top_level),
        cmocka_unit_test(kafka_properties),
        cmocka_unit_test(connectors),
        cmocka_unit_test(options),
        cmocka_unit_test(topics),
        cmocka_unit_test(routes),
        cmocka_unit_test(queries_are_checked),
        cmocka_unit_test(secrets_are_not_told),
        cmocka_unit_test(made_from_flags),
        cmocka_unit_test(loading_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
