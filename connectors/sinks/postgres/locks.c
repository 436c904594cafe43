/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is in the way. A session that waits for a lock can not ask; so once an exchange has taken
 * long, a second connection asks for it, and goes. Afterwards it would be too late: who has given
 * up waiting is blocked by nobody.
 *
 * The answer is a help, never a need: without it (no connection to spare, no right, no answer
 * within its time) the wait goes on as before.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "sinks/postgres/postgres.h"

enum {
    ANSWER_US = 2 * 1000 * 1000, /* for connecting, asking and all */
    SHOWN_MAX = 3,
};

/* What is waited for, and of whoever is in the way: pid, application, user, state, since when. The
 * application's name and the user may be seen by every role; the rest is NULL where it may not. */
static const char blockers_sql[] =
    "SELECT w.what, b.pid, a.application_name, a.usename, a.state,"
    "       pg_catalog.floor(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - a.xact_start))"
    "  FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids(%s)) AS b(pid)"
    "  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid"
    "  LEFT JOIN (SELECT CASE WHEN l.locktype = 'advisory' THEN 'a change of the same table'"
    "                         WHEN l.relation IS NULL THEN 'a row'"
    "                         WHEN l.locktype = 'relation' THEN l.relation::regclass::text"
    "                         ELSE 'a row of ' || l.relation::regclass::text END AS what"
    "               FROM pg_catalog.pg_locks l WHERE l.pid = %s AND NOT l.granted LIMIT 1) w"
    "    ON true"
    " GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 6 DESC NULLS LAST LIMIT %d";

/* Waits for the socket; false: out of time. */
static bool wait_for(PGconn *connection, short events, int64_t deadline_us)
{
    int64_t left_us = deadline_us - mr_clock_us();
    struct pollfd fd = {.fd = PQsocket(connection), .events = events};
    return left_us > 0 && poll(&fd, 1, (int)(left_us / 1000) + 1) > 0;
}

static bool connected(PGconn *connection, int64_t deadline_us)
{
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;
    while (next != PGRES_POLLING_OK && next != PGRES_POLLING_FAILED) {
        if (!wait_for(connection, next == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline_us)) {
            return false;
        }
        next = PQconnectPoll(connection);
    }
    return next == PGRES_POLLING_OK;
}

/* The result of one statement; NULL: none in time. */
static PGresult *ask(PGconn *connection, const char *sql, int64_t deadline_us)
{
    if (!PQsendQuery(connection, sql)) {
        return NULL;
    }
    while (PQisBusy(connection)) {
        if (!wait_for(connection, POLLIN, deadline_us) || !PQconsumeInput(connection)) {
            return NULL;
        }
    }
    return PQgetResult(connection);
}

static void describe(const PGresult *result, mr_buffer *out)
{
    for (int i = 0; i < PQntuples(result); i++) {
        const char *what = PQgetvalue(result, i, 0);
        const char *application = PQgetvalue(result, i, 2);
        const char *state = PQgetvalue(result, i, 4);
        if (i == 0) {
            mr_buffer_printf(out, "waiting for a lock on %s, held or asked for before by ",
                             *what ? what : "a row");
        } else {
            mr_buffer_add_text(out, ", ");
        }
        if (strcmp(PQgetvalue(result, i, 1), "0") == 0) {
            mr_buffer_add_text(out, "a prepared transaction (pg_prepared_xacts)");
            continue;
        }
        mr_buffer_printf(out, "process %s (application %s, user %s", PQgetvalue(result, i, 1),
                         *application ? application : "without a name", PQgetvalue(result, i, 3));
        if (*state) {
            mr_buffer_printf(out, ", %s, its transaction is %s s old", state,
                             PQgetvalue(result, i, 5));
        }
        mr_buffer_add_char(out, ')');
    }
}

static void note(pg_sink *sink, const PGresult *result)
{
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) == 0) {
        return;
    }
    mr_buffer text = MR_BUFFER_INIT(1 << 20);
    describe(result, &text);
    snprintf(sink->blockers, sizeof sink->blockers, "%s", mr_buffer_text(&text));
    mr_buffer_release(&text);
    /* Told at once; when the same one is still there in later attempts, it is in their errors. */
    const char *pid = PQgetvalue(result, 0, 1);
    if (strcmp(sink->told, pid) != 0) {
        snprintf(sink->told, sizeof sink->told, "%s", pid);
        mr_task_warn(sink->task, "%s", sink->blockers);
    }
}

void pg_blockers_look(pg_sink *sink)
{
    int64_t deadline_us = mr_clock_us() + ANSWER_US;
    PGconn *connection = pg_connect_start(sink, "millrace looks who blocks", true);
    if (connection && PQstatus(connection) != CONNECTION_BAD &&
        connected(connection, deadline_us)) {
        char *sql = mr_format(blockers_sql, sink->backend, sink->backend, SHOWN_MAX);
        pg_auto_result *result = ask(connection, sql, deadline_us);
        note(sink, result);
        free(sql);
    }
    PQfinish(connection);
}
