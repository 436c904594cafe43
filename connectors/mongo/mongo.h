/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the mongodb source and the mongodb sink share: a client, commands, and what their failures
 * mean. The only folder besides those two that includes libmongoc.
 *
 * Threads   A mr_mongo is one mongoc_client_t: one thread at a time. Each thread has its own.
 */
#ifndef MR_MONGO_MONGO_H
#define MR_MONGO_MONGO_H

#include <mongoc/mongoc.h>

#include "api/connector.h"
#include "api/error.h"

typedef struct mr_mongo {
    mongoc_client_t *client;
    char host[256];        /* "host:port,host:port" of the URI: for messages, never a password */
    char replica_set[128]; /* "": a standalone server */
    bool sharded;
    int version[3];    /* of the server: 6, 0, 5 */
    bool transactions; /* sessions and multi-document transactions are possible */
} mr_mongo;

/* Connects and asks the server who it is ("hello", "buildInfo"). uri may hold a password, which no
 * message shows. MR_FATAL permanent: the URI is malformed (what, where), credentials are refused,
 * TLS does not fit; MR_REOPEN: nobody answers within timeout_ms. */
MR_CHECKED mr_status mr_mongo_open(const char *uri, const char *app_name, int64_t timeout_ms,
                                   mr_mongo **ret, mr_error *err);
void mr_mongo_close(mr_mongo *mongo); /* NULL is fine */

/* Checks a URI without connecting. */
MR_CHECKED mr_status mr_mongo_check_uri(const char *uri, mr_error *err);

/* What a failed call means: fills *err (domain MONGODB, native the server's code, code its name)
 * after "doing what: ". `reply` may be NULL.
 *   MR_REOPEN  network, not primary, shutdown, node recovering: connect again
 *   MR_RETRY   write conflict, TransientTransactionError, lock timeout, snapshot too old
 *   MR_FATAL   the rest; permanent for credentials, missing rights, bad values and the like
 * Writes that fail for single documents are the sink's own business. */
mr_status mr_mongo_failed(const mr_mongo *mongo, const bson_t *reply, const bson_error_t *error,
                          mr_error *err, const char *doing, ...) MR_PRINTF(5, 6);

/* Runs a command on the primary and checks its reply ("ok", not writeErrors). `opts` as
 * mongoc_client_command_with_opts takes them (sessionId, serverId). The caller destroys *reply in
 * every case. */
MR_CHECKED mr_status mr_mongo_command(mr_mongo *mongo, const char *database, const bson_t *command,
                                      const bson_t *opts, bson_t *reply, mr_error *err,
                                      const char *doing);

#endif
