/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection. It is used without blocking: every wait is a poll() with a deadline, so that a
 * server that stops answering costs a bounded time and then a new connection.
 */
#include "sinks/postgres/postgres.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"

enum {
    POLL_SLICE_MS = 200,        /* how soon a stop is seen while connecting */
    GRACE_US = 5 * 1000 * 1000, /* beyond statement_timeout, for the server to report it itself */
    STOP_GRACE_US = 10 * 1000 * 1000, /* an exchange may still take this long after a stop */
    SERVER_VERSION_MIN = 120000,
    LOOK_MS = 5000, /* an exchange that takes longer may be waiting for somebody */
    IDLE_TRANSACTION_MS =
        60000, /* an epoch is in memory when its transaction begins: a hung task lets go */
};

static void ignore_notice(void *context, const PGresult *result)
{
    (void)context;
    (void)result;
}

/* libpq's own texts may show pieces of a malformed URL, and so of the password in it: refused here
 * with a text of our own. */
static mr_status check_url(const pg_sink *sink, mr_error *err)
{
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(sink->url, &message);
    PQfreemem(message);
    bool good = options != NULL;
    for (PQconninfoOption *o = options; o && o->keyword; o++) {
        if (!o->val) {
            continue;
        }
        if (strcmp(o->keyword, "host") == 0 && strchr(o->val, '@')) {
            good = false;
        }
        if (strcmp(o->keyword, "port") == 0 && o->val[strspn(o->val, "0123456789,")]) {
            good = false;
        }
    }
    PQconninfoFree(options);
    if (good) {
        return MR_OK;
    }
    mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
            "connection.url can not be read (it is not shown, since it may hold a password): "
            "expected is postgresql://user:password@host:port/database or host=... dbname=...; "
            "special characters in the password are written as %%40 for @, %%2F for /, %%3A for :");
    mr_error_field(err, "connection.url");
    if (err) {
        err->permanent = true;
    }
    return MR_FATAL;
}

/* Waits for the socket; false: the deadline has passed or the poll failed. */
static bool wait_socket(pg_sink *sink, short events)
{
    int64_t now_us = mr_clock_us();
    if (mr_task_stopping(sink->task) && sink->deadline_us > now_us + STOP_GRACE_US) {
        sink->deadline_us = now_us + STOP_GRACE_US;
    }
    if (now_us >= sink->deadline_us) {
        return false;
    }
    if (sink->look_at_us && now_us >= sink->look_at_us) {
        sink->look_at_us = 0;
        pg_blockers_look(sink);
    }
    struct pollfd fd = {.fd = PQsocket(sink->connection), .events = events};
    return poll(&fd, 1, POLL_SLICE_MS) >= 0 || errno == EINTR;
}

static mr_status finish_connecting(pg_sink *sink, mr_task *task, mr_error *err)
{
    int64_t deadline_us = mr_clock_us() + sink->connect_timeout_ms * 1000;
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;
    while (next != PGRES_POLLING_OK) {
        if (next == PGRES_POLLING_FAILED) {
            return pg_connect_failed(sink, err);
        }
        struct pollfd fd = {.fd = PQsocket(sink->connection),
                            .events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT};
        int n = poll(&fd, 1, POLL_SLICE_MS);
        if (mr_clock_us() > deadline_us || mr_task_stopping(task)) {
            return mr_fail(err, MR_REOPEN, MR_DOMAIN_POSTGRES,
                           "no connection to database %s at %s:%s within %lld ms "
                           "(connect.timeout.ms)",
                           PQdb(sink->connection), PQhost(sink->connection),
                           PQport(sink->connection), (long long)sink->connect_timeout_ms);
        }
        if (n > 0) {
            next = PQconnectPoll(sink->connection);
        }
    }
    return MR_OK;
}

/* The catalogue's columns that table.c reads came with version 12. */
static mr_status check_version(const pg_sink *sink, mr_error *err)
{
    int version = PQserverVersion(sink->connection);
    if (version >= SERVER_VERSION_MIN) {
        return MR_OK;
    }
    mr_fail(err, MR_FATAL, MR_DOMAIN_POSTGRES,
            "the server is PostgreSQL %d, but this sink needs %d or newer", version / 10000,
            SERVER_VERSION_MIN / 10000);
    if (err) {
        err->permanent = true;
    }
    return MR_FATAL;
}

/* What the sink's statements count on, whatever the role's or the database's defaults are. */
static mr_status set_session(pg_sink *sink, mr_error *err)
{
    long long statement_ms = sink->statement_timeout_ms;
    long long lock_ms = sink->lock_timeout_ms;
    char *sql = mr_format(
        "SET client_min_messages = error; SET standard_conforming_strings = on; "
        "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; "
        "SET jit = off; SET statement_timeout = %lld; SET lock_timeout = %lld; "
        "SET idle_in_transaction_session_timeout = %d; SELECT pg_catalog.pg_backend_pid()",
        statement_ms, statement_ms < lock_ms ? statement_ms : lock_ms, IDLE_TRANSACTION_MS);
    pg_auto_result *result = NULL;
    mr_status status = pg_run_last(sink, sql, "cannot set up the session", &result, err);
    free(sql);
    if (status == MR_OK) { /* not PQbackendPID(): a pooler makes one up */
        snprintf(sink->backend, sizeof sink->backend, "%s", PQgetvalue(result, 0, 0));
        snprintf(sink->session, sizeof sink->session, "%s_%llx", sink->backend,
                 (unsigned long long)mr_clock_us());
        snprintf(sink->begin_sql, sizeof sink->begin_sql,
                 "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; "
                 "SELECT CASE pg_catalog.pg_backend_pid() WHEN %s THEN 1 "
                 "ELSE ('%s' || pg_catalog.pg_backend_pid())::integer END; ",
                 sink->backend, pg_other_session);
    }
    return status;
}

PGconn *pg_connect_start(const pg_sink *sink, const char *application, bool beside)
{
    char *dead_ms = mr_format("%lld", (long long)sink->connect_timeout_ms * 3);
    /* Beside: the server of several that the URL may name that the task is connected to. */
    const char *keywords[] = {"dbname",
                              "fallback_application_name",
                              "client_encoding",
                              "tcp_user_timeout",
                              "keepalives_idle",
                              beside ? "host" : NULL,
                              "port",
                              NULL};
    const char *values[] = {sink->url, application, "UTF8", dead_ms, "30", NULL, NULL, NULL};
    if (beside) {
        values[5] = PQhost(sink->connection);
        values[6] = PQport(sink->connection);
    }
    PGconn *connection = PQconnectStartParams(keywords, values, 1);
    free(dead_ms);
    return connection;
}

mr_status pg_connect(pg_sink *sink, mr_task *task, mr_error *err)
{
    sink->task = task;
    sink->look_at_us = 0;
    sink->blockers[0] = '\0';
    mr_status status = check_url(sink, err);
    if (status != MR_OK) {
        return status;
    }
    char *application = mr_format("millrace %s[%d]", mr_task_name(task), mr_task_index(task));
    sink->connection = pg_connect_start(sink, application, false);
    free(application);
    if (!sink->connection) {
        abort(); /* out of memory */
    }
    PQsetErrorVerbosity(sink->connection, PQERRORS_VERBOSE);
    PQsetNoticeReceiver(sink->connection, ignore_notice, NULL);
    if (PQstatus(sink->connection) == CONNECTION_BAD) {
        return pg_connect_failed(sink, err);
    }
    status = finish_connecting(sink, task, err);
    if (status != MR_OK) {
        return status;
    }
    if (PQsetnonblocking(sink->connection, 1) != 0) {
        return pg_lost(sink, "cannot set up the connection", err);
    }
    status = check_version(sink, err);
    return status == MR_OK ? set_session(sink, err) : status;
}

void pg_disconnect(pg_sink *sink)
{
    PQfinish(sink->connection);
    sink->connection = NULL;
    sink->in_transaction = false;
    sink->offsets_prepared = false;
    sink->lost = false;
}

void pg_start_clock(pg_sink *sink)
{
    int64_t now_us = mr_clock_us();
    int64_t lock_ms = sink->lock_timeout_ms;
    sink->deadline_us = now_us + sink->statement_timeout_ms * 1000 + GRACE_US;
    /* Early enough to be told before the server gives up. */
    sink->look_at_us = now_us + (lock_ms < 2 * LOOK_MS ? lock_ms / 2 : LOOK_MS) * 1000;
    sink->blockers[0] = '\0';
}

static mr_status timed_out(pg_sink *sink, const char *doing, mr_error *err)
{
    sink->lost = true;
    return mr_fail(err, MR_REOPEN, MR_DOMAIN_POSTGRES,
                   "%s: no answer from the database within %lld ms (statement.timeout.ms), or "
                   "within %d s of a stop",
                   doing, (long long)sink->statement_timeout_ms, STOP_GRACE_US / 1000000);
}

mr_status pg_flush(pg_sink *sink, const char *doing, mr_error *err)
{
    for (;;) {
        int left = PQflush(sink->connection);
        if (left == 0) {
            return MR_OK;
        }
        if (left < 0) {
            return pg_lost(sink, doing, err);
        }
        /* Reading too: a server that is telling us something may not read on until we listen. */
        if (!wait_socket(sink, POLLIN | POLLOUT)) {
            return timed_out(sink, doing, err);
        }
        if (!PQconsumeInput(sink->connection)) {
            return pg_lost(sink, doing, err);
        }
    }
}

mr_status pg_next_result(pg_sink *sink, const char *doing, PGresult **ret, mr_error *err)
{
    mr_status status = pg_flush(sink, doing, err);
    while (status == MR_OK && PQisBusy(sink->connection)) {
        if (!wait_socket(sink, POLLIN)) {
            status = timed_out(sink, doing, err);
        } else if (!PQconsumeInput(sink->connection)) {
            status = pg_lost(sink, doing, err);
        }
    }
    if (status == MR_OK) {
        *ret = PQgetResult(sink->connection);
    }
    return status;
}

/* Takes all results of what was sent; the last good one is kept in *ret (NULL: dropped), the first
 * bad one becomes the error. */
static mr_status collect(pg_sink *sink, const char *doing, PGresult **ret, mr_error *err)
{
    mr_status first = MR_OK;
    for (;;) {
        PGresult *result = NULL;
        mr_error later;
        mr_status status = pg_next_result(sink, doing, &result, first == MR_OK ? err : &later);
        if (status != MR_OK) {
            return status;
        }
        if (!result) {
            return first;
        }
        ExecStatusType kind = PQresultStatus(result);
        if (kind == PGRES_COMMAND_OK || kind == PGRES_TUPLES_OK) {
            if (ret) {
                PQclear(*ret);
                *ret = result;
                continue;
            }
        } else if (kind == PGRES_COPY_IN) {
            PQclear(result); /* the caller goes on with the COPY */
            return first;
        } else if (first == MR_OK) {
            first = pg_fail(sink, result, doing, err);
        }
        PQclear(result);
    }
}

mr_status pg_run(pg_sink *sink, const char *sql, const char *doing, mr_error *err)
{
    pg_start_clock(sink);
    if (!PQsendQuery(sink->connection, sql)) {
        return pg_lost(sink, doing, err);
    }
    return collect(sink, doing, NULL, err);
}

mr_status pg_run_last(pg_sink *sink, const char *sql, const char *doing, PGresult **ret,
                      mr_error *err)
{
    *ret = NULL;
    pg_start_clock(sink);
    if (!PQsendQuery(sink->connection, sql)) {
        return pg_lost(sink, doing, err);
    }
    return collect(sink, doing, ret, err);
}

mr_status pg_query(pg_sink *sink, const char *sql, int count, const char *const *values,
                   const char *doing, PGresult **ret, mr_error *err)
{
    *ret = NULL;
    pg_start_clock(sink);
    if (!PQsendQueryParams(sink->connection, sql, count, NULL, values, NULL, NULL, 0)) {
        return pg_lost(sink, doing, err);
    }
    return collect(sink, doing, ret, err);
}

mr_status pg_execute(pg_sink *sink, const char *name, int count, const char *const *values,
                     const char *doing, PGresult **ret, mr_error *err)
{
    *ret = NULL;
    pg_start_clock(sink);
    if (!PQsendQueryPrepared(sink->connection, name, count, values, NULL, NULL, 0)) {
        return pg_lost(sink, doing, err);
    }
    return collect(sink, doing, ret, err);
}

const char *pg_begin_sql(pg_sink *sink)
{
    const char *sql = sink->in_transaction ? "" : sink->begin_sql;
    sink->in_transaction = true; /* whatever comes of it, abort() rolls back */
    return sql;
}

mr_status pg_run_in_session(pg_sink *sink, const char *sql, const char *doing, mr_error *err)
{
    if (sink->in_transaction) {
        return pg_run(sink, sql, doing, err);
    }
    char *whole = mr_format("%s%s; COMMIT", sink->begin_sql, sql);
    mr_status status = pg_run(sink, whole, doing, err);
    free(whole);
    mr_error rolled;
    if (status != MR_OK && !sink->lost &&
        pg_run(sink, "ROLLBACK", "cannot roll back", &rolled) != MR_OK) {
        status = MR_REOPEN;
    }
    return status;
}

mr_status pg_rollback(pg_sink *sink, mr_error *err)
{
    if (!sink->in_transaction) {
        return MR_OK;
    }
    sink->in_transaction = false;
    return pg_run(sink, "ROLLBACK", "cannot roll back", err);
}
