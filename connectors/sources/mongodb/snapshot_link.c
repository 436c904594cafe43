/* SPDX-License-Identifier: Apache-2.0 */
/* The session is not causally consistent: all that is read says at which cluster time itself. */
#include "snapshot_link.h"

mr_status mongo_link_open(mongo_link *link, const char *uri, const char *app_name,
                          int64_t timeout_ms, mr_error *err)
{
    *link = (mongo_link){0};
    mr_status status = mr_mongo_open(uri, app_name, timeout_ms, &link->mongo, err);
    if (status != MR_OK) {
        return status;
    }
    bson_error_t error = {0};
    mongoc_client_t *client = link->mongo->client;
    mongoc_session_opt_t *options = mongoc_session_opts_new();
    mongoc_session_opts_set_causal_consistency(options, false);
    link->opts = bson_new();
    link->session = mongoc_client_start_session(client, options, &error);
    mongoc_session_opts_destroy(options);
    mongoc_server_description_t *server =
        link->session ? mongoc_client_select_server(client, true, NULL, &error) : NULL;
    if (server && mongoc_client_session_append(link->session, link->opts, &error)) {
        BSON_APPEND_INT32(link->opts, "serverId", (int32_t)mongoc_server_description_id(server));
    } else {
        status = mr_mongo_failed(link->mongo, NULL, &error, err, "cannot begin a session");
    }
    mongoc_server_description_destroy(server);
    return status;
}

void mongo_link_close(mongo_link *link)
{
    if (link->session) {
        mongoc_client_session_destroy(link->session);
    }
    mr_mongo_close(link->mongo);
    bson_destroy(link->opts);
    *link = (mongo_link){0};
}

mr_status mongo_link_run(const mongo_link *link, const char *database, const bson_t *command,
                         bson_t *reply, mr_error *err, const char *doing)
{
    return mr_mongo_command(link->mongo, database, command, link->opts, reply, err, doing);
}
