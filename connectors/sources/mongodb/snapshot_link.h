/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection of the snapshot: a client, a session and one server that all commands go to, since
 * cursors live on one server, and record ids mean something on one only: each member of a replica
 * set gives its own. When that server is no primary any more, it is read from all the same.
 */
#ifndef MR_SOURCES_MONGODB_SNAPSHOT_LINK_H
#define MR_SOURCES_MONGODB_SNAPSHOT_LINK_H

#include "mongodb.h"

typedef struct mongo_link {
    mr_mongo *mongo;
    mongoc_client_session_t *session;
    bson_t *opts; /* of all commands: session and server */
} mongo_link;

/* Connects to the primary (or a router). On failure, too, it is to be closed. */
MR_CHECKED mr_status mongo_link_open(mongo_link *link, const char *uri, const char *app_name,
                                     int64_t timeout_ms, mr_error *err);
void mongo_link_close(mongo_link *link);

MR_CHECKED mr_status mongo_link_run(const mongo_link *link, const char *database,
                                    const bson_t *command, bson_t *reply, mr_error *err,
                                    const char *doing);

#endif
