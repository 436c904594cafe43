/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jdbc:postgresql://host1:port,host2/database?parameters as libpq writes it. Most parameters of the
 * JDBC driver have an equal in libpq (https://jdbc.postgresql.org/documentation/use/, PostgreSQL's
 * manual, "Parameter Key Words").
 */
#include <stdlib.h>
#include <string.h>

#include "api/record.h"
#include "base/alloc.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "cli/connect.h"

enum { URL_MAX_BYTES = 64 << 10 };

typedef struct parameter {
    const char *theirs;
    const char *ours; /* NULL: nothing to set */
    const char *note; /* with ours NULL */
} parameter;

static const parameter parameters[] = {
    {"sslmode", "sslmode", NULL},
    {"sslrootcert", "sslrootcert", NULL},
    {"sslcert", "sslcert", NULL},
    {"sslkey", "sslkey", NULL},
    {"ApplicationName", "application_name", NULL},
    {"connectTimeout", "connect_timeout", NULL},
    {"loginTimeout", "connect_timeout", NULL},
    {"options", "options", NULL},
    {"gssEncMode", "gssencmode", NULL},
    {"channelBinding", "channel_binding", NULL},
    {"reWriteBatchedInserts", NULL, "rows go by COPY"},
    {"stringtype", NULL, "texts are written in the column's own type"},
    {"prepareThreshold", NULL, "statements are prepared where it helps"},
    {"preparedStatementCacheQueries", NULL, "statements are prepared where it helps"},
    {"binaryTransfer", NULL, "rows are binary always"},
    {"socketTimeout", NULL, "statement.timeout.ms bounds every wait"},
    {"tcpKeepAlive", NULL, "libpq's keepalives are on by default"},
    {NULL, NULL, NULL},
};

static const parameter *find_parameter(const char *name, size_t len)
{
    for (const parameter *p = parameters; p->theirs; p++) {
        if (strlen(p->theirs) == len && strncmp(p->theirs, name, len) == 0) {
            return p;
        }
    }
    return NULL;
}

static bool is(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && strncmp(text, word, len) == 0;
}

/* Appends a parameter of the URL; values are encoded already. */
static void add(mr_buffer *url, const char *name, const char *value, size_t len)
{
    mr_buffer_printf(url, "%c%s=%.*s", memchr(url->data, '?', url->len) ? '&' : '?', name, (int)len,
                     value);
}

/* Parameters whose value means something else at libpq. */
static bool take_special(mr_buffer *url, const char *name, size_t name_len, const char *value,
                         size_t len)
{
    if (is(name, name_len, "ssl")) {
        if (!is(value, len, "false")) {
            add(url, "sslmode", "verify-full", 11);
        }
    } else if (is(name, name_len, "currentSchema")) {
        mr_auto_free char *path = mr_format("-csearch_path%%3D%.*s", (int)len, value);
        add(url, "options", path, strlen(path));
    } else if (is(name, name_len, "targetServerType")) {
        bool primary = is(value, len, "primary") || is(value, len, "master");
        add(url, "target_session_attrs", primary ? "read-write" : "any", primary ? 10 : 3);
    } else {
        return false;
    }
    return true;
}

/* One name=value. user is taken into *user, a password is left where it is. */
static void take_parameter(mr_connect *connect, mr_buffer *url, const char *text, size_t len,
                           mr_slice *user)
{
    const char *equals = memchr(text, '=', len);
    size_t name_len = equals ? (size_t)(equals - text) : len;
    const char *value = equals ? equals + 1 : text + len;
    size_t value_len = len - name_len - (equals != NULL);
    mr_auto_free char *named = mr_format("connection.url: %.*s", (int)name_len, text);
    const parameter *known = find_parameter(text, name_len);
    if (is(text, name_len, "user")) {
        *user = (mr_slice){value, value_len};
    } else if (is(text, name_len, "password")) {
        mr_connect_say(connect, named, MR_MOVED_AS,
                       "not copied: set PGPASSWORD, or write a ~/.pgpass");
    } else if (take_special(url, text, name_len, value, value_len)) {
        mr_connect_say(connect, named, MR_MOVED_AS, "as libpq's parameter in the URL");
    } else if (known && known->ours) {
        add(url, known->ours, value, value_len);
        mr_connect_say(connect, named, MR_MOVED_AS, "%s in the URL", known->ours);
    } else if (known) {
        mr_connect_say(connect, named, MR_MOVED_NEEDLESS, "%s", known->note);
    } else if (name_len) {
        mr_connect_say(connect, named, MR_MOVED_NOT, "libpq has no such parameter");
    }
}

/* A user's name as it may stand in a URL. */
static void add_encoded(mr_buffer *out, const char *text)
{
    for (; *text; text++) {
        bool plain = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
                     (*text >= '0' && *text <= '9') || strchr("-._~", *text);
        mr_buffer_printf(out, plain ? "%c" : "%%%02X", (unsigned char)*text);
    }
}

/* After "jdbc:postgresql:": //hosts/database, /database or database; *ret is what libpq has before
 * the parameters. */
static void take_place(mr_buffer *out, const char *text, size_t len)
{
    bool hosts = len >= 2 && text[0] == '/' && text[1] == '/';
    mr_buffer_add_text(out, hosts || (len && *text == '/') ? "" : "localhost/");
    if (hosts) {
        mr_buffer_add(out, text + 2, len - 2);
    } else if (len && *text == '/') {
        mr_buffer_add_text(out, "localhost");
        mr_buffer_add(out, text, len);
    } else {
        mr_buffer_add(out, text, len);
    }
}

static void take_postgres(mr_connect *connect, const char *rest)
{
    const char *user_option = mr_connect_get(
        connect, connect->peer == MR_CONFLUENT ? "connection.user" : "connection.username");
    size_t place = strcspn(rest, "?");
    mr_buffer tail = MR_BUFFER_INIT(URL_MAX_BYTES), url = MR_BUFFER_INIT(URL_MAX_BYTES);
    mr_slice user = {NULL, 0};
    take_place(&tail, rest, place);
    for (const char *p = rest + place; *p;) {
        p++; /* past ? or & */
        size_t len = strcspn(p, "&");
        take_parameter(connect, &tail, p, len, &user);
        p += len;
    }
    mr_buffer_add_text(&url, "postgresql://");
    if (user_option && !strstr(user_option, "${")) {
        add_encoded(&url, user_option);
        mr_buffer_add_char(&url, '@');
    } else if (user_option) {
        mr_buffer_printf(&url, "${env:PGUSER}@");
    } else if (user.data) {
        mr_buffer_printf(&url, "%.*s@", (int)user.len, user.data);
    }
    mr_buffer_add(&url, tail.data, tail.len);
    json_object_set_new(connect->sink, "connection.url", json_string(mr_buffer_text(&url)));
    mr_buffer_release(&url);
    mr_buffer_release(&tail);
}

void mr_connect_url(mr_connect *connect)
{
    static const char prefix[] = "jdbc:postgresql:";
    const char *url = mr_connect_get(connect, "connection.url");
    if (url && strncmp(url, prefix, sizeof prefix - 1) == 0 && !strstr(url, "${")) {
        take_postgres(connect, url + sizeof prefix - 1);
        mr_connect_say(connect, "connection.url", MR_MOVED_AS, "connection.url");
        return;
    }
    json_object_set_new(connect->sink, "connection.url", json_string("${env:DATABASE_URL}"));
    if (!url) {
        return;
    }
    size_t kind = strncmp(url, "jdbc:", 5) == 0 ? 5 + strcspn(url + 5, ":/") : 0;
    if (strstr(url, "${")) {
        mr_connect_say(connect, "connection.url", MR_MOVED_AS,
                       "set DATABASE_URL to postgresql://...");
    } else {
        mr_connect_say(
            connect, "connection.url", MR_MOVED_NOT,
            "%.*s is not PostgreSQL: set DATABASE_URL to postgresql://user@host/database",
            (int)kind, url);
    }
}
