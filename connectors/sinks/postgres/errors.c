/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a SQLSTATE means for the runtime, in one table (manual, appendix "PostgreSQL Error Codes"),
 * and the sentences users read. The longest matching prefix decides.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sinks/postgres/postgres.h"

typedef struct pg_verdict {
    const char *prefix;
    mr_status status;
    const char *advice; /* what to do next; NULL: nothing to add */
} pg_verdict;

static const pg_verdict verdicts[] = {
    {"08", MR_REOPEN, NULL},
    {"21000", MR_REJECT,
     NULL}, /* two records of one key that differ only to us: halving parts them */
    {"22", MR_REJECT, NULL},
    {"22P03", MR_REOPEN, "the table's columns have changed, they are looked up again"},
    {"23", MR_REJECT, NULL},
    {"25006", MR_REOPEN, "the server is read-only: connect to the primary (target_session_attrs)"},
    {"25P03", MR_REOPEN, NULL},
    {"40", MR_RETRY, NULL},
    {"42501", MR_FATAL, "grant the role what it needs: sql/postgres-sink-role.sql lists it"},
    {"42P01", MR_FATAL, "create the table, or set auto.create"},
    {"42703", MR_FATAL, "the table has changed: add the column, or leave the field out"},
    {"44000", MR_REJECT, NULL},
    {"53100", MR_REOPEN, "free some space on the server"},
    {"53200", MR_REOPEN, "the server is out of memory: lower batch.size or give it more"},
    {"53300", MR_REOPEN, "raise max_connections or run fewer tasks"},
    {"53", MR_REOPEN, NULL},
    {"54", MR_REJECT, NULL}, /* row or index entry too large */
    {"55P03", MR_RETRY, NULL},
    {"57014", MR_RETRY, "raise statement.timeout.ms if the statement needs longer"},
    {"57P", MR_REOPEN, NULL},
    {"58", MR_REOPEN, NULL},
    {"P0001", MR_REJECT, NULL}, /* raised by a trigger */
    {"XX000", MR_RETRY, NULL},
};

const char pg_other_session[] = "millrace is in another session: ";

static const pg_verdict *find_verdict(const char *state)
{
    const pg_verdict *best = NULL;
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
        size_t len = strlen(verdicts[i].prefix);
        if (strncmp(state, verdicts[i].prefix, len) == 0 && (!best || len > strlen(best->prefix))) {
            best = &verdicts[i];
        }
    }
    return best;
}

/* A message of several lines as one. */
static void one_line(const char *message, char *out, size_t size)
{
    size_t len = 0;
    while (*message && len + 1 < size) {
        char c = *message++;
        if (c == '\n' || c == '\t') {
            while (*message == '\n' || *message == '\t' || *message == ' ') {
                message++;
            }
            c = ' ';
        }
        out[len++] = c;
    }
    while (len && out[len - 1] == ' ') {
        len--;
    }
    out[len] = '\0';
}

uint64_t pg_copy_line(const char *context, char *column, size_t column_size)
{
    column[0] = '\0';
    /* Below what the type's own code had to say ("JSON data, line 1: ..."). */
    const char *copy = context;
    while (copy && strncmp(copy, "COPY ", 5) != 0) {
        copy = strchr(copy, '\n');
        copy += copy != NULL;
    }
    const char *line = copy ? strstr(copy, ", line ") : NULL;
    for (const char *next = line; next; next = strstr(next + 1, ", line ")) {
        line = next; /* the last one: the table's name may have such a text in it */
    }
    if (!line) {
        return 0;
    }
    char *end;
    uint64_t number = strtoull(line + 7, &end, 10);
    if (strncmp(end, ", column ", 9) == 0) {
        end += 9;
        size_t len = strcspn(end, "\n");
        /* "column fare: value" when the value is shown, which it is not for binary. */
        snprintf(column, column_size, "%.*s", (int)len, end);
    }
    return number;
}

mr_status pg_lost(pg_sink *sink, const char *doing, mr_error *err)
{
    sink->lost = true;
    char text[400];
    one_line(PQerrorMessage(sink->connection), text, sizeof text);
    return mr_fail(err, MR_REOPEN, MR_DOMAIN_POSTGRES,
                   "%s: the connection to the database is lost%s%s", doing, text[0] ? ": " : "",
                   text);
}

/* No restart heals that: what the task makes in one session is not there in the next. */
static mr_status not_our_session(mr_error *err)
{
    mr_fail(err, MR_FATAL, MR_DOMAIN_POSTGRES,
            "the database is reached through a pooler that gives each transaction another session, "
            "but this sink needs one of its own: set pool_mode=session (pgbouncer) for it, or "
            "connect to the server itself");
    mr_error_code(err, 0, "POOLED");
    mr_error_field(err, "connection.url");
    if (err) {
        err->permanent = true;
    }
    return MR_FATAL;
}

static const char *field(const PGresult *result, int code)
{
    const char *text = PQresultErrorField(result, code);
    return text ? text : "";
}

mr_status pg_fail(pg_sink *sink, const PGresult *result, const char *doing, mr_error *err)
{
    const char *state = result ? field(result, PG_DIAG_SQLSTATE) : "";
    if (!state[0] || PQstatus(sink->connection) != CONNECTION_OK) {
        mr_status status = pg_lost(sink, doing, err);
        mr_error_code(err, 0, state);
        return status;
    }
    if (strstr(field(result, PG_DIAG_MESSAGE_PRIMARY), pg_other_session) ||
        strcmp(state, "26000") == 0) { /* or a statement that we have prepared is not there */
        return not_our_session(err);
    }
    const pg_verdict *verdict = find_verdict(state);
    mr_status status = verdict ? verdict->status : MR_FATAL;
    char column[128];
    pg_copy_line(field(result, PG_DIAG_CONTEXT), column, sizeof column);
    char detail[400];
    one_line(field(result, PG_DIAG_MESSAGE_DETAIL), detail, sizeof detail);
    char message[400];
    one_line(field(result, PG_DIAG_MESSAGE_PRIMARY), message, sizeof message);
    const char *advice = verdict && verdict->advice ? verdict->advice : "";
    if (sink->blockers[0] && (strcmp(state, "55P03") == 0 || strcmp(state, "57014") == 0)) {
        advice = sink->blockers;
    }
    mr_fail(err, status, MR_DOMAIN_POSTGRES, "%s: %s (SQLSTATE %s)%s%s%s%s%s%s", doing, message,
            state, column[0] ? ", column " : "", column, detail[0] ? "; " : "", detail,
            advice[0] ? "; " : "", advice);
    mr_error_code(err, 0, state);
    const char *named = field(result, PG_DIAG_COLUMN_NAME);
    mr_error_field(err, named[0] ? named : column);
    return status;
}

/* --- Connecting ------------------------------------------------------------------------------ */

/* libpq has no field for the SQLSTATE of a connection that was not made, but writes it into the
 * text when asked to be verbose: "FATAL:  28P01: password authentication failed ...". */
static void connect_state(const char *message, char state[6])
{
    state[0] = '\0';
    const char *end = strstr(message, "LOCATION:");
    size_t len = end ? (size_t)(end - message) : strlen(message);
    for (size_t i = 0; i + 9 <= len; i++) {
        if (message[i] == ':' && message[i + 1] == ' ' && message[i + 2] == ' ' &&
            message[i + 8] == ':' &&
            strspn(message + i + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5) {
            memcpy(state, message + i + 3, 5);
            state[5] = '\0';
        }
    }
}

/* What fails before the server has a say has no SQLSTATE: libpq's own words are all there is. A
 * server that poses as another must not be tried for ever. */
static const char *setup_advice(const char *message)
{
    static const struct {
        const char *part, *advice;
    } table[] = {
        {"certificate verify failed",
         "the server's certificate is not signed by an authority in sslrootcert, or has expired: "
         "nothing was sent; check sslrootcert in connection.url (or PGSSLROOTCERT)"},
        {"does not match host name",
         "the server's certificate is for another name: nothing was sent; connect by a name that "
         "is in it, or have the name added"},
        {"root certificate file",
         "name the file with the authority's certificate in connection.url, "
         "sslrootcert=/path/ca.crt"},
        {"definition of service",
         "check service in connection.url (or PGSERVICE) and the file PGSERVICEFILE names"},
        {"service file",
         "check service in connection.url (or PGSERVICE) and the file PGSERVICEFILE names"},
        {"server does not support SSL, but SSL was required",
         "switch ssl on in the server's postgresql.conf, or lower sslmode in connection.url"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strstr(message, table[i].part)) {
            return table[i].advice;
        }
    }
    return NULL;
}

static const char *connect_advice(const char *state)
{
    static const struct {
        const char *state, *advice;
    } table[] = {
        {"28P01", "check the user name and the password in connection.url"},
        {"28000", "check the user name in connection.url, and that pg_hba.conf of the server lets "
                  "it in from here"},
        {"3D000", "check the database's name in connection.url, or create it"},
        {"42501", "the role may not connect to this database: GRANT CONNECT"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(state, table[i].state) == 0) {
            return table[i].advice;
        }
    }
    return NULL;
}

mr_status pg_connect_failed(const pg_sink *sink, mr_error *err)
{
    const PGconn *connection = sink->connection;
    char state[6];
    connect_state(PQerrorMessage(connection), state);
    char text[600];
    one_line(PQerrorMessage(connection), text, sizeof text);
    char *location = strstr(text, " LOCATION:");
    if (location) {
        *location = '\0';
    }
    const char *advice = connect_advice(state);
    advice = advice ? advice : setup_advice(text);
    const char *host = PQhost(connection);
    const char *port = PQport(connection);
    const char *database = PQdb(connection);
    mr_status status =
        mr_fail(err, advice ? MR_FATAL : MR_REOPEN, MR_DOMAIN_POSTGRES,
                "cannot connect to database %s at %s:%s: %s%s%s", database ? database : "?",
                host && *host ? host : "?", port && *port ? port : "?",
                text[0] ? text : "no answer", advice ? "; " : "", advice ? advice : "");
    mr_error_code(err, 0, state);
    if (err && advice) {
        err->permanent = true;
        mr_error_field(err, "connection.url");
    }
    return status;
}
