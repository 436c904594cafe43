/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting: what is waited for, what is refused for good and how it is said, and the least a role
 * needs. */
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "integration/postgres/rig.h"

static const char secret[] = "s3cret-never-shown";

/* The test's own connection as keywords; NULL leaves a part as it is. */
static char *url_with(const char *user, const char *password, const char *database,
                      const char *port)
{
    return mr_format("host=%s port=%s user=%s password=%s dbname=%s", PQhost(admin),
                     port ? port : PQport(admin), user ? user : PQuser(admin),
                     password ? password : PQpass(admin), database ? database : PQdb(admin));
}

static rig *rig_at(char *url)
{
    rig *r = rig_new("connect");
    /* Not through rig_option(): passwords may have any character. */
    mr_error err;
    const mr_option *option = mr_option_find(mr_postgres_sink.options, "connection.url");
    assert_int_equal(mr_option_set(option, r->task.self, url, &err), MR_OK);
    free(url);
    return r;
}

static void assert_open_fails(char *url, mr_status status, const char *state, const char *says)
{
    rig *r = rig_at(url);
    rig_option(r, "connect.timeout.ms", "500ms");
    mr_status found = rig_open(r);
    if (found != status || strcmp(r->err.code, state) != 0 || !strstr(r->err.text, says)) {
        fail_msg("%s, SQLSTATE %s: %s", mr_status_name(found), r->err.code, r->err.text);
    }
    assert_int_equal(r->err.permanent, status == MR_FATAL);
    assert_null(strstr(r->err.text, secret));
    rig_free(r);
}

static void wrong_credentials_are_final(void **state)
{
    (void)state;
    assert_open_fails(url_with(NULL, secret, NULL, NULL), MR_FATAL, "28P01",
                      "check the user name and the password");
    assert_open_fails(url_with("nobody_at_all", secret, NULL, NULL), MR_FATAL, "28P01",
                      "check the user name");
    assert_open_fails(url_with(NULL, NULL, "no_such_database", NULL), MR_FATAL, "3D000",
                      "check the database's name");
}

static void malformed_urls_are_not_shown(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "postgresql://me:s3cret-never-shown@x@127.0.0.1/db",
        "postgresql://me:s3cret-never-shown/x@127.0.0.1/db",
        "postgresql://me:s3cret-never-shown%zz@127.0.0.1/db",
        "host=127.0.0.1 password=s3cret-never-shown port",
        "host=127.0.0.1 passwort=s3cret-never-shown",
    };
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        assert_open_fails(mr_strdup(urls[i]), MR_FATAL, "", "connection.url can not be read");
    }
}

/* A port that nobody listens on, or that is listened on without an answer. */
static int listen_on(int backlog, char port[8])
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    snprintf(port, 8, "%d", ntohs(address.sin_port));
    if (backlog) {
        assert_int_equal(listen(fd, backlog), 0);
    }
    return fd;
}

static void an_unreachable_server_is_waited_for(void **state)
{
    (void)state;
    char port[8];
    int fd = listen_on(0, port);
    assert_open_fails(url_with(NULL, NULL, NULL, port), MR_REOPEN, "",
                      "cannot connect to database");
    close(fd);
    fd = listen_on(1, port);
    int64_t begin_us = mr_clock_us();
    assert_open_fails(url_with(NULL, NULL, NULL, port), MR_REOPEN, "", "within 500 ms");
    assert_in_range(mr_clock_us() - begin_us, 400000, 5000000);
    close(fd);
}

static void stopping_ends_the_attempt(void **state)
{
    (void)state;
    char port[8];
    int fd = listen_on(1, port);
    rig *r = rig_at(url_with(NULL, NULL, NULL, port));
    rig_option(r, "connect.timeout.ms", "60s");
    atomic_bool stop = true;
    r->task.stop = &stop;
    int64_t begin_us = mr_clock_us();
    assert_int_equal(rig_open(r), MR_REOPEN);
    assert_true(mr_clock_us() - begin_us < 10000000);
    rig_free(r);
    close(fd);
}

/* --- Roles --- */

/* Runs a script of sql/, with psql's variables replaced. */
static void run_script(const char *name, const char *role)
{
    char *path = mr_format("%s/sql/%s", MR_SOURCE_DIR, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char text[8192];
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    free(path);
    const char *variables[][2] = {{":\"role\"", role},
                                  {":\"database\"", PQdb(admin)},
                                  {":\"schema\"", test_schema},
                                  {":\"table\"", "granted"},
                                  {"millrace.offsets", "@_o.offsets"},
                                  {"SCHEMA millrace", "SCHEMA @_o"},
                                  {"NOT EXISTS millrace", "NOT EXISTS @_o"}};
    mr_buffer out = MR_BUFFER_INIT(1 << 16);
    for (const char *p = text; *p;) {
        size_t i = 0;
        size_t count = sizeof variables / sizeof *variables;
        while (i < count && strncmp(p, variables[i][0], strlen(variables[i][0])) != 0) {
            i++;
        }
        if (i < count) {
            mr_buffer_add_text(&out, variables[i][1]);
            p += strlen(variables[i][0]);
        } else {
            mr_buffer_add_char(&out, *p++);
        }
    }
    sql(mr_buffer_text(&out));
    mr_buffer_release(&out);
}

static void the_least_role_is_enough(void **state)
{
    (void)state;
    const mr_schema *schema = schema_of(
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"id\",\"type\":\"long\"},"
        "{\"name\":\"v\",\"type\":\"long\"}]}");
    sql("DROP SCHEMA IF EXISTS @_o CASCADE; DROP ROLE IF EXISTS @_role;"
        "CREATE ROLE @_role LOGIN PASSWORD 'pw'; CREATE TABLE @.granted (id bigint PRIMARY KEY, v "
        "bigint)");
    char *role = with_schema("@_role");

    rig *r = rig_at(url_with(role, "pw", NULL, NULL));
    rig_option(r, "offsets.schema", "@_o");
    rig_route(r, "r", "table", "@.granted", "key.fields", "id", NULL);
    assert_int_equal(rig_open(r), MR_FATAL);
    assert_string_equal(r->err.code, "42501");
    assert_true(r->err.permanent);
    assert_non_null(strstr(r->err.text, "CREATE TABLE IF NOT EXISTS"));
    rig_close(r);

    run_script("postgres-sink-role.sql", role);
    assert_ok(r, rig_open(r));
    for (int i = 0; i < 2; i++) {
        assert_ok(r,
                  rig_put(r, batch_of(r, schema, 0,
                                      cells_of(cell_int(MR_LONG, 1), cell_int(MR_LONG, i)), 2, 1)));
    }
    assert_rows("SELECT * FROM @.granted", "1|1");
    sql("REVOKE INSERT ON @.granted FROM @_role");
    assert_int_equal(
        rig_put(r,
                batch_of(r, schema, 0, cells_of(cell_int(MR_LONG, 1), cell_int(MR_LONG, 5)), 2, 1)),
        MR_FATAL);
    assert_string_equal(r->err.code, "42501");
    assert_non_null(strstr(r->err.text, "postgres-sink-role.sql"));
    rig_free(r);
    sql("DROP SCHEMA @_o CASCADE; DROP OWNED BY @_role; DROP ROLE @_role");
    free(role);
    mr_schema_release(schema);
}

static void options_are_checked_before_anything_opens(void **state)
{
    (void)state;
    static const char *const names[] = {"", ".x", "a.b.c", "\"open", "\"\"", "a\"b.c.d"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        rig *r = rig_new("checked");
        mr_route *route = rig_route(r, "r", NULL);
        pg_route_options *options = route->options;
        options->table = mr_strdup(names[i]);
        assert_int_equal(mr_postgres_sink.check(r->task.self, r->routes, 1, &r->err), MR_FATAL);
        assert_string_equal(r->err.field, "table");
        rig_free(r);
    }
    rig *r = rig_new("checked");
    rig_route(r, "r", "insert.mode", "upsert", NULL);
    assert_int_equal(mr_postgres_sink.check(r->task.self, r->routes, 1, &r->err), MR_FATAL);
    assert_string_equal(r->err.field, "key.fields");
    rig_free(r);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(wrong_credentials_are_final),
    cmocka_unit_test(malformed_urls_are_not_shown),
    cmocka_unit_test(an_unreachable_server_is_waited_for),
    cmocka_unit_test(stopping_ends_the_attempt),
    cmocka_unit_test(the_least_role_is_enough),
    cmocka_unit_test(options_are_checked_before_anything_opens),
};
rig_main(tests)
