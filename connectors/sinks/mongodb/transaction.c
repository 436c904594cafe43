/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transaction of an epoch. It is begun by commit(), when all that is to be written is known,
 * so it is short; it ends with a majority of the servers having it.
 *
 * A connection that is gone is not waited for: the server ends what was left open on it when the
 * next owner kills the session (offsets.c), or by itself after transactionLifetimeLimitSeconds.
 */
#include "sinks/mongodb/mongodb.h"

enum { COMMIT_TIMEOUT_MS = 60000 };

static mongoc_transaction_opt_t *options_of_transactions(void)
{
    mongoc_transaction_opt_t *opts = mongoc_transaction_opts_new();
    mongoc_write_concern_t *write = mongoc_write_concern_new();
    mongoc_read_concern_t *read = mongoc_read_concern_new();
    mongoc_write_concern_set_wmajority(write, COMMIT_TIMEOUT_MS);
    mongoc_read_concern_set_level(read, MONGOC_READ_CONCERN_LEVEL_SNAPSHOT);
    mongoc_transaction_opts_set_write_concern(opts, write);
    mongoc_transaction_opts_set_read_concern(opts, read);
    mongoc_transaction_opts_set_max_commit_time_ms(opts, COMMIT_TIMEOUT_MS);
    mongoc_write_concern_destroy(write);
    mongoc_read_concern_destroy(read);
    return opts;
}

mr_status mdb_session_open(mdb_sink *sink, mr_error *err)
{
    if (!sink->transactional) {
        return MR_OK;
    }
    mongoc_transaction_opt_t *transactions = options_of_transactions();
    mongoc_session_opt_t *opts = mongoc_session_opts_new();
    mongoc_session_opts_set_causal_consistency(opts, false);
    mongoc_session_opts_set_default_transaction_opts(opts, transactions);
    bson_error_t error = {0};
    sink->session = mongoc_client_start_session(sink->mongo->client, opts, &error);
    mongoc_session_opts_destroy(opts);
    mongoc_transaction_opts_destroy(transactions);
    return sink->session ? MR_OK : mdb_failed(sink, NULL, &error, "cannot start a session", err);
}

void mdb_session_close(mdb_sink *sink)
{
    if (sink->session && sink->lost) {
        mongoc_client_reset(sink->mongo->client); /* forget it, send nothing */
    }
    if (sink->session) {
        mongoc_client_session_destroy(sink->session);
    }
    sink->session = NULL;
    sink->in_transaction = false;
}

mr_status mdb_begin(mdb_sink *sink, mr_error *err)
{
    if (!sink->transactional || sink->in_transaction) {
        return MR_OK;
    }
    bson_error_t error = {0};
    if (!mongoc_client_session_start_transaction(sink->session, NULL, &error)) {
        return mdb_failed(sink, NULL, &error, "cannot begin a transaction", err);
    }
    sink->in_transaction = true;
    return MR_OK;
}

mr_status mdb_end(mdb_sink *sink, mr_error *err)
{
    if (!sink->in_transaction) {
        return MR_OK;
    }
    bson_error_t error = {0};
    bson_t reply;
    mr_status status = MR_OK;
    if (!mongoc_client_session_commit_transaction(sink->session, &reply, &error)) {
        status = mdb_failed(sink, &reply, &error, "cannot commit", err);
    }
    bson_destroy(&reply);
    sink->in_transaction = status != MR_OK;
    return status;
}

void mdb_abort(mdb_sink *sink)
{
    bson_error_t ignored; /* it is over in any case */
    if (sink->in_transaction && !sink->lost) {
        (void)mongoc_client_session_abort_transaction(sink->session, &ignored);
    }
    sink->in_transaction = false;
}
