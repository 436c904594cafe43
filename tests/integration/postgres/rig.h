/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives the postgres sink without the runtime, against the server in DATABASE_URL: one rig is one
 * task with its connection. Each test program works in a schema of its own, dropped at its end.
 */
#ifndef MR_TESTS_POSTGRES_RIG_H
#define MR_TESTS_POSTGRES_RIG_H

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
#include <libpq-fe.h>

#include "base/alloc.h"
#include "base/options.h"
#include "base/task.h"
#include "codec/schema.h"
#include "sinks/postgres/postgres.h"

extern const mr_connector mr_postgres_sink;

static PGconn *admin;
static char test_schema[64];

/* --- The server, seen by the test itself ------------------------------------------------------ */

static inline PGresult *query(const char *sql)
{
    PGresult *result = PQexec(admin, sql);
    ExecStatusType kind = PQresultStatus(result);
    if (kind != PGRES_COMMAND_OK && kind != PGRES_TUPLES_OK) {
        fail_msg("%s: %s", sql, PQerrorMessage(admin));
    }
    return result;
}

/* Runs SQL; every '@' stands for the test's schema. */
static inline char *with_schema(const char *sql)
{
    mr_buffer out = MR_BUFFER_INIT(1 << 24);
    for (; *sql; sql++) {
        if (*sql == '@') {
            mr_buffer_add_text(&out, test_schema);
        } else {
            mr_buffer_add_char(&out, *sql);
        }
    }
    char *text = mr_strdup(mr_buffer_text(&out));
    mr_buffer_release(&out);
    return text;
}

static inline void sql(const char *statement)
{
    char *text = with_schema(statement);
    PQclear(query(text));
    free(text);
}

/* All rows as text: columns with '|' between, rows with ' ', NULL as '-'. Borrowed until the next
 * call. */
static inline const char *rows(const char *statement)
{
    static mr_buffer out = MR_BUFFER_INIT(1 << 26);
    mr_buffer_clear(&out);
    char *text = with_schema(statement);
    PGresult *result = query(text);
    free(text);
    for (int r = 0; r < PQntuples(result); r++) {
        mr_buffer_add_text(&out, r ? " " : "");
        for (int c = 0; c < PQnfields(result); c++) {
            mr_buffer_add_text(&out, c ? "|" : "");
            mr_buffer_add_text(&out, PQgetisnull(result, r, c) ? "-" : PQgetvalue(result, r, c));
        }
    }
    PQclear(result);
    return mr_buffer_text(&out);
}

#define assert_rows(statement, expected) assert_string_equal(rows(statement), expected)

static inline int rig_suite_setup(void **state)
{
    (void)state;
    admin = PQconnectdb(getenv("DATABASE_URL"));
    if (PQstatus(admin) != CONNECTION_OK) {
        fprintf(stderr, "DATABASE_URL: %s", PQerrorMessage(admin));
        return -1;
    }
    snprintf(test_schema, sizeof test_schema, "mr_test_%ld", (long)getpid());
    sql("SET client_min_messages = error; SET TimeZone = 'UTC'; SET extra_float_digits = 1;"
        "DROP SCHEMA IF EXISTS @ CASCADE; CREATE SCHEMA @");
    return 0;
}

static inline int rig_suite_teardown(void **state)
{
    (void)state;
    sql("DROP SCHEMA IF EXISTS @ CASCADE");
    PQfinish(admin);
    return 0;
}

/* A URL has an '@' of its own. */
static inline char *rig_value(const char *value)
{
    return strstr(value, "://") ? mr_strdup(value) : with_schema(value);
}

#define RIG_SINK         mr_postgres_sink
#define RIG_SERVER       "DATABASE_URL"
#define RIG_PLACE_OPTION "offsets.schema"
#define rig_place        test_schema
#include "integration/sink_rig.h"

#endif
