/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client: the URI checked and completed, the server asked who it is, commands run.
 *
 * Every wait is bounded: finding a server by timeout_ms, an answer by socketTimeoutMS of the URI or
 * SOCKET_TIMEOUT_MS. Commands go out as they are (no retries of the library's own but that of a
 * commit). Texts of the library about a URI are only passed on when the URI has nothing to hide,
 * and what it logs is for debugging.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/log.h"
#include "mongo/mongo.h"

enum {
    SOCKET_TIMEOUT_MS = 120 * 1000,
    APP_NAME_BYTES_MAX = 128, /* MongoDB handshake specification */
    WIRE_VERSION_4_0 = 7,
    WIRE_VERSION_4_2 = 8,
};

#define auto_uri  __attribute__((cleanup(destroy_uri))) mongoc_uri_t
#define auto_bson __attribute__((cleanup(bson_destroy))) bson_t

static void destroy_uri(mongoc_uri_t **uri)
{
    mongoc_uri_destroy(*uri);
}

/* --- The library --- */

static _Thread_local bool reading_uri; /* what is logged now may quote the URI */

static void log_handler(mongoc_log_level_t level, const char *domain, const char *message,
                        void *context)
{
    (void)context;
    if (level <= MONGOC_LOG_LEVEL_INFO && !reading_uri) {
        mr_log(MR_LOG_DEBUG, "mongodb.client", "%s: %s", domain, message);
    }
}

static void init_library(void)
{
    mongoc_log_set_handler(log_handler, NULL);
    mongoc_init();
}

static void need_library(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_library);
}

/* --- The URI --- */

static bool has_secrets(const char *uri)
{
    return strchr(uri, '@') || strcasestr(uri, "password") || strcasestr(uri, "authmech");
}

static mr_status parse_uri(const char *text, mongoc_uri_t **ret, mr_error *err)
{
    need_library();
    bson_error_t error = {0};
    reading_uri = true;
    *ret = mongoc_uri_new_with_error(text, &error);
    reading_uri = false;
    if (*ret) {
        return MR_OK;
    }
    bool hide = has_secrets(text);
    mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
            "the URI can not be read (%s): expected is "
            "mongodb://user:password@host:port/database?replicaSet=name; special characters in "
            "user name and password are written as %%40 for @, %%2F for /, %%3A for :, %%25 for %%",
            hide ? "it is not shown, since it may hold a password" : error.message);
    mr_error_field(err, "connection.url");
    if (err) {
        err->permanent = true;
    }
    return MR_FATAL;
}

mr_status mr_mongo_check_uri(const char *uri, mr_error *err)
{
    auto_uri *parsed = NULL;
    return parse_uri(uri, &parsed, err);
}

static void set_default_int(mongoc_uri_t *uri, const char *option, int32_t value)
{
    if (!mongoc_uri_has_option(uri, option)) {
        mongoc_uri_set_option_as_int32(uri, option, value);
    }
}

/* appname may have 128 bytes; a character of several is not cut in two. */
static void set_app_name(mongoc_uri_t *uri, const char *name)
{
    char text[APP_NAME_BYTES_MAX + 1];
    snprintf(text, sizeof text, "%s", name);
    for (size_t len = strlen(text); !bson_utf8_validate(text, len, false);) {
        text[--len] = '\0';
    }
    if (!mongoc_uri_get_appname(uri)) {
        mongoc_uri_set_appname(uri, text);
    }
}

static void complete_uri(mongoc_uri_t *uri, const char *app_name, int64_t timeout_ms)
{
    int32_t bound = timeout_ms > INT32_MAX ? INT32_MAX : (int32_t)timeout_ms;
    mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, bound);
    mongoc_uri_set_option_as_bool(uri, MONGOC_URI_SERVERSELECTIONTRYONCE, false);
    set_default_int(uri, MONGOC_URI_CONNECTTIMEOUTMS, bound);
    set_default_int(uri, MONGOC_URI_SOCKETTIMEOUTMS, SOCKET_TIMEOUT_MS);
    /* One host without more is asked for its replica set, as other drivers have it: else a
     * step-down would leave us with a secondary for good. */
    if (!mongoc_uri_has_option(uri, MONGOC_URI_DIRECTCONNECTION) &&
        !mongoc_uri_has_option(uri, MONGOC_URI_LOADBALANCED)) {
        mongoc_uri_set_option_as_bool(uri, MONGOC_URI_DIRECTCONNECTION, false);
    }
    set_app_name(uri, app_name);
}

static void describe_hosts(const mongoc_uri_t *uri, char *out, size_t size)
{
    const char *srv = mongoc_uri_get_srv_hostname(uri);
    if (srv) {
        snprintf(out, size, "%s", srv);
        return;
    }
    size_t len = 0;
    out[0] = '\0';
    for (const mongoc_host_list_t *h = mongoc_uri_get_hosts(uri); h && len < size; h = h->next) {
        int n = snprintf(out + len, size - len, "%s%s", len ? "," : "", h->host_and_port);
        len += n > 0 ? (size_t)n : 0;
    }
}

/* --- Commands --- */

/* The first of the errors that an answer with ok: 1 may hold all the same. */
static bool find_error(const bson_t *reply, bson_error_t *error)
{
    bson_iter_t it, child;
    uint32_t domain = MONGOC_ERROR_SERVER;
    bool found = bson_iter_init(&it, reply) &&
                 bson_iter_find_descendant(&it, "writeErrors.0", &child) &&
                 BSON_ITER_HOLDS_DOCUMENT(&child) && bson_iter_recurse(&child, &it);
    if (!found) {
        domain = MONGOC_ERROR_WRITE_CONCERN;
        found = bson_iter_init_find(&child, reply, "writeConcernError") &&
                BSON_ITER_HOLDS_DOCUMENT(&child) && bson_iter_recurse(&child, &it);
    }
    if (!found) {
        return false;
    }
    int32_t code = 0;
    const char *message = "";
    while (bson_iter_next(&it)) {
        if (strcmp(bson_iter_key(&it), "code") == 0) {
            code = (int32_t)bson_iter_as_int64(&it);
        } else if (strcmp(bson_iter_key(&it), "errmsg") == 0 && BSON_ITER_HOLDS_UTF8(&it)) {
            message = bson_iter_utf8(&it, NULL);
        }
    }
    bson_set_error(error, domain, (uint32_t)code, "%s", message);
    return true;
}

mr_status mr_mongo_command(mr_mongo *mongo, const char *database, const bson_t *command,
                           const bson_t *opts, bson_t *reply, mr_error *err, const char *doing)
{
    bson_error_t error = {0};
    bool good = mongoc_client_command_with_opts(mongo->client, database, command, NULL, opts, reply,
                                                &error);
    if (good && !find_error(reply, &error)) {
        return MR_OK;
    }
    return mr_mongo_failed(mongo, reply, &error, err, "%s", doing);
}

static mr_status ask(mr_mongo *mongo, const char *command, bson_t *reply, mr_error *err)
{
    auto_bson question = BSON_INITIALIZER;
    BSON_APPEND_INT32(&question, command, 1);
    char doing[400];
    snprintf(doing, sizeof doing, "cannot connect to MongoDB at %s", mongo->host);
    return mr_mongo_command(mongo, "admin", &question, NULL, reply, err, doing);
}

/* --- Opening --- */

static void read_hello(mr_mongo *mongo, const bson_t *reply)
{
    bson_iter_t it;
    bool sessions = false;
    int64_t wire_version = 0;
    for (bson_iter_init(&it, reply); bson_iter_next(&it);) {
        const char *key = bson_iter_key(&it);
        if (strcmp(key, "setName") == 0 && BSON_ITER_HOLDS_UTF8(&it)) {
            snprintf(mongo->replica_set, sizeof mongo->replica_set, "%s",
                     bson_iter_utf8(&it, NULL));
        } else if (strcmp(key, "msg") == 0 && BSON_ITER_HOLDS_UTF8(&it)) {
            mongo->sharded = strcmp(bson_iter_utf8(&it, NULL), "isdbgrid") == 0;
        } else if (strcmp(key, "logicalSessionTimeoutMinutes") == 0) {
            sessions = BSON_ITER_HOLDS_NUMBER(&it);
        } else if (strcmp(key, "maxWireVersion") == 0) {
            wire_version = bson_iter_as_int64(&it);
        }
    }
    mongo->transactions =
        sessions && ((mongo->replica_set[0] && wire_version >= WIRE_VERSION_4_0) ||
                     (mongo->sharded && wire_version >= WIRE_VERSION_4_2));
}

static void read_version(mr_mongo *mongo, const bson_t *reply)
{
    bson_iter_t it;
    if (bson_iter_init_find(&it, reply, "version") && BSON_ITER_HOLDS_UTF8(&it)) {
        const char *at = bson_iter_utf8(&it, NULL);
        for (size_t i = 0; i < 3 && *at; i++) {
            char *end;
            mongo->version[i] = (int)strtol(at, &end, 10);
            at = *end == '.' ? end + 1 : "";
        }
    }
}

static mr_status get_acquainted(mr_mongo *mongo, mr_error *err)
{
    auto_bson hello = BSON_INITIALIZER;
    bson_destroy(&hello);
    mr_status status = ask(mongo, "hello", &hello, err);
    if (status != MR_OK) {
        return status;
    }
    read_hello(mongo, &hello);
    auto_bson info = BSON_INITIALIZER;
    bson_destroy(&info);
    status = ask(mongo, "buildInfo", &info, err);
    if (status == MR_OK) {
        read_version(mongo, &info);
    }
    return status;
}

mr_status mr_mongo_open(const char *uri, const char *app_name, int64_t timeout_ms, mr_mongo **ret,
                        mr_error *err)
{
    *ret = NULL;
    auto_uri *parsed = NULL;
    mr_status status = parse_uri(uri, &parsed, err);
    if (status != MR_OK) {
        return status;
    }
    mr_mongo *mongo = mr_calloc(1, sizeof *mongo);
    describe_hosts(parsed, mongo->host, sizeof mongo->host);
    complete_uri(parsed, app_name, timeout_ms);
    bson_error_t error = {0};
    mongo->client = mongoc_client_new_from_uri_with_error(parsed, &error);
    if (!mongo->client) {
        status = mr_mongo_failed(NULL, NULL, &error, err, "cannot connect to MongoDB at %s",
                                 mongo->host);
    } else {
        mongoc_client_set_error_api(mongo->client, MONGOC_ERROR_API_VERSION_2);
        status = get_acquainted(mongo, err);
    }
    if (status != MR_OK) {
        if (err && err->permanent) {
            mr_error_field(err, "connection.url");
        }
        mr_mongo_close(mongo);
        return status;
    }
    *ret = mongo;
    return MR_OK;
}

void mr_mongo_close(mr_mongo *mongo)
{
    if (mongo) {
        mongoc_client_destroy(mongo->client);
        free(mongo);
    }
}
