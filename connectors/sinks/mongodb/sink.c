/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mongodb sink: documents by key, offsets in the same transaction.
 *
 *   open      connect, start a session
 *   recover   end what former owners left open, claim the partitions, read their offsets back
 *   write     note what is to be written, by key; nothing is sent yet
 *   commit    begin the transaction, look keys up, write in bulk, store offsets, commit
 *   abort     end the transaction
 *
 * docs/delivery.md says why this is exactly once, and what it is without transactions.
 */
#include <stdlib.h>

#include "sinks/mongodb/mongodb.h"

enum { STATEMENT_LIMIT_BYTES = 48 << 20 };

/* --- Opening --- */

static mr_status no_transactions(const mdb_sink *sink, const char *because, mr_error *err)
{
    const char *what = sink->mongo->replica_set[0] || sink->mongo->sharded
                           ? "is too old for transactions"
                           : "is a standalone server, which has no transactions: make it a replica "
                             "set of one (start mongod with --replSet rs0, then rs.initiate())";
    mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG, "%s, but MongoDB %d.%d at %s %s", because,
            sink->mongo->version[0], sink->mongo->version[1], sink->mongo->host, what);
    mr_error_field(err, "transactions");
    if (err) {
        err->permanent = true;
    }
    return MR_FATAL;
}

static mr_status choose_transactions(mdb_sink *sink, mr_task *task, mr_error *err)
{
    sink->transactional = sink->mongo->transactions && sink->transactions != MDB_OFF;
    if (sink->transactional) {
        return MR_OK;
    }
    if (sink->transactions == MDB_ON) {
        return no_transactions(sink, "transactions are on", err);
    }
    size_t count;
    const mr_route *routes = mr_task_routes(task, &count);
    for (size_t i = 0; i < count; i++) {
        const mdb_route_options *o = routes[i].options;
        if (o->mode == MDB_INSERT && o->document_id == MDB_ID_GENERATED) {
            return no_transactions(sink,
                                   "insert with a generated _id needs transactions, or documents "
                                   "would be there twice after a crash (set document.id to key, "
                                   "or write.mode to upsert)",
                                   err);
        }
    }
    return MR_OK;
}

static mr_status sink_open(mr_task *task, mr_error *err)
{
    mdb_sink *sink = mr_self(task);
    char name[256];
    sink->task = task;
    sink->lost = false;
    sink->database = mdb_database(sink);
    mr_buffer_init(&sink->request.body, STATEMENT_LIMIT_BYTES);
    mr_buffer_init(&sink->scratch, STATEMENT_LIMIT_BYTES);
    mr_buffer_init(&sink->statement, STATEMENT_LIMIT_BYTES);
    snprintf(name, sizeof name, "millrace %s[%d]", mr_task_name(task), mr_task_index(task));
    mr_status status = mr_mongo_open(sink->url, name, sink->connect_timeout_ms, &sink->mongo, err);
    if (status == MR_OK) {
        status = choose_transactions(sink, task, err);
    }
    return status == MR_OK ? mdb_session_open(sink, err) : status;
}

static mr_status sink_recover(mr_task *task, mr_offsets *assigned, mr_error *err)
{
    return mdb_offsets_claim(mr_self(task), assigned, err);
}

/* --- Writing --- */

static mr_status sink_begin(mr_task *task, mr_error *err)
{
    mdb_sink *sink = mr_self(task);
    if (sink->lost) {
        return mr_fail(err, MR_REOPEN, MR_DOMAIN_MONGODB,
                       "cannot begin an epoch: the connection to MongoDB at %s is lost",
                       sink->mongo->host);
    }
    return MR_OK;
}

static mr_status refuse_delete(mr_error *err)
{
    mr_status status =
        mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
                "a delete (tombstone) is not applied in this write.mode: set delete.on.null to "
                "true to apply it, to false to pass it over, or keep it out with WHERE _op <> "
                "'delete' in the query");
    mr_error_code(err, 0, "DELETE");
    return status;
}

/* Notes one record; its key where the order is by key. */
static mr_status note(mdb_sink *sink, mdb_target *target, const mr_batch *batch, size_t index,
                      mr_error *err)
{
    const mr_record *record = &batch->records[index];
    int mode = target->options->mode;
    bool remove = mdb_is_delete(record);
    mdb_key key = {0};
    if (remove && !target->deletes) {
        return target->passes_deletes ? MR_OK : refuse_delete(err);
    }
    if (mode == MDB_UPSERT || mode == MDB_DELETE) {
        mr_status status = mdb_key_of(sink, target, batch, record, &key, err);
        if (status != MR_OK) {
            return status;
        }
    }
    mdb_item *item = mdb_target_add(target, batch, index);
    item->remove = remove || mode == MDB_DELETE;
    item->key = key;
    return MR_OK;
}

static mr_status sink_write(mr_task *task, const mr_batch *batch, mr_error *err)
{
    mdb_sink *sink = mr_self(task);
    mdb_target *target;
    mr_status status = mdb_target_get(sink, batch, &target, err);
    bool rejected = false;
    for (size_t i = 0; i < batch->count && status == MR_OK; i++) {
        mr_error why = {0};
        status = note(sink, target, batch, i, &why);
        if (status == MR_REJECT) {
            mr_reject(task, batch, i, &why);
            rejected = true;
            status = MR_OK;
        }
        if (status != MR_OK || rejected) {
            *err = why.text[0] ? why : *err;
        }
    }
    return status == MR_OK && rejected ? MR_REJECT : status;
}

/* --- Ending an epoch --- */

static void clear_epoch(mdb_sink *sink)
{
    mdb_request_clear(sink);
    sink->request.poisoned = false;
    sink->missed_now = 0;
    mdb_targets_clear(sink);
}

static mr_status write_all(mdb_sink *sink, mr_error *err)
{
    mr_status status = MR_OK;
    mdb_result last = {0};
    for (mdb_target *t = sink->targets; t && status == MR_OK; t = t->next) {
        int mode = t->options->mode;
        if (t->item_count) {
            status = mode == MDB_UPSERT || mode == MDB_DELETE ? mdb_upsert_flush(sink, t, err)
                                                              : mdb_arrival_flush(sink, t, err);
        }
    }
    return status == MR_OK ? mdb_requests_end(sink, &last, err) : status;
}

static void committed(mdb_sink *sink)
{
    for (mdb_target *t = sink->targets; t; t = t->next) {
        t->careful = false;
    }
    if (sink->missed_now) {
        sink->missed += sink->missed_now;
        mr_task_gauge(sink->task, "updates_without_document", (double)sink->missed);
    }
}

static mr_status sink_commit(mr_task *task, const mr_offsets *upto, mr_error *err)
{
    mdb_sink *sink = mr_self(task);
    /* What is not in a transaction can not be undone: a stale owner had better not begin. */
    mr_status status = sink->transactional ? mdb_begin(sink, err)
                       : upto->count       ? mdb_offsets_check(sink, upto, err)
                                           : MR_OK;
    if (status == MR_OK) {
        status = write_all(sink, err);
    }
    if (status == MR_OK && upto->count) {
        status = mdb_offsets_store(sink, upto, err);
    }
    if (status == MR_OK) {
        status = mdb_end(sink, err);
    }
    if (status == MR_OK) {
        committed(sink);
        clear_epoch(sink);
    }
    return status;
}

static void sink_abort(mr_task *task)
{
    mdb_sink *sink = mr_self(task);
    mdb_abort(sink);
    clear_epoch(sink);
}

static void sink_close(mr_task *task)
{
    mdb_sink *sink = mr_self(task);
    mdb_targets_drop(sink);
    mdb_session_close(sink);
    mr_mongo_close(sink->mongo);
    sink->mongo = NULL;
    mr_buffer_release(&sink->request.body);
    mr_buffer_release(&sink->scratch);
    mr_buffer_release(&sink->statement);
    free(sink->request.sent);
    sink->request = (mdb_request){0};
    free(sink->database);
    sink->database = NULL;
}

static const mr_sink operations = {
    .open = sink_open,
    .recover = sink_recover,
    .begin = sink_begin,
    .write = sink_write,
    .commit = sink_commit,
    .abort = sink_abort,
    .close = sink_close,
};

static const char help[] =
    "Writes records as documents into MongoDB collections. On a replica set this is exactly once: "
    "Kafka offsets are kept in the collection millrace.offsets and change in the same transaction "
    "as the documents. On a standalone server documents are written by key and offsets after "
    "them.\n"
    "\n"
    "By default a record replaces the document of its key (_id), and a tombstone deletes it. "
    "Records that MongoDB refuses go to the dead-letter topic alone, with its error code.\n"
    "\n"
    "  \"sinks\": {\"to-mongodb\": {\n"
    "    \"connector\": \"mongodb\", \"topics\": [\"taxi_trips\"],\n"
    "    \"connection.url\": \"${env:MONGODB_URI}\", \"database\": \"taxi\",\n"
    "    \"collection\": \"trips\", \"key.fields\": [\"trip_id\"],\n"
    "    \"indexes\": [\"status -pickup_time\"]}}\n";

const mr_connector mr_mongodb_sink = {
    .name = "mongodb",
    .summary = "writes records into MongoDB collections, by key, exactly once on a replica set",
    .help = help,
    .capabilities = MR_STORES_OFFSETS,
    .state_size = sizeof(mdb_sink),
    .options = mdb_options,
    .route_size = sizeof(mdb_route_options),
    .route_options = mdb_route_options_table,
    .check = mdb_check,
    .sink = &operations,
};
