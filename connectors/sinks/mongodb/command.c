/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes, gathered into commands as large as pays off and not larger than mongod takes. Documents
 * are written straight into the command's bytes; the statement that does not fit any more is taken
 * out again, the command sent, and the statement begins the next one.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "sinks/mongodb/mongodb.h"

enum {
    SEND_BYTES = 1 << 20, /* measured: larger ones are no faster, and need their memory twice */
    SEND_COUNT = 10000,   /* mongod takes 100,000 */
    KEEP_BYTES = 4 << 20, /* a rare huge document does not pin its memory */
    WRITE_CONCERN_TIMEOUT_MS = 60000,
};

static const char *const verbs[] = {"insert", "update", "delete"};
static const char *const lists[] = {"documents", "updates", "deletes"};

const mr_batch *mdb_item_batch(const mdb_target *target, const mdb_item *item)
{
    return target->batches[item->batch];
}

const mr_record *mdb_item_record(const mdb_target *target, const mdb_item *item)
{
    return &mdb_item_batch(target, item)->records[item->index];
}

/* --- Running --- */

static bool join_session(mdb_sink *sink, bson_t *opts, bson_error_t *error)
{
    return !sink->in_transaction || mongoc_client_session_append(sink->session, opts, error);
}

mr_status mdb_run(mdb_sink *sink, const char *database, const mr_buffer *command, bson_t *reply,
                  const char *doing, mr_error *err)
{
    bson_t body, opts = BSON_INITIALIZER;
    bson_error_t error = {0};
    bool good =
        !command->failed && bson_init_static(&body, (const uint8_t *)command->data, command->len);
    if (!good) {
        bson_init(reply);
        return mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD, "%s: the command is too large", doing);
    }
    good = join_session(sink, &opts, &error);
    if (good) {
        good = mongoc_client_command_with_opts(sink->mongo->client, database, &body, NULL, &opts,
                                               reply, &error);
    } else {
        bson_init(reply);
    }
    bson_destroy(&opts);
    return good ? MR_OK : mdb_failed(sink, reply, &error, doing, err);
}

/* --- Gathering --- */

static void begin(mdb_sink *sink, mdb_target *target, enum mdb_verb verb, bool ordered)
{
    mdb_request *r = &sink->request;
    mr_buffer_clear(&r->body);
    r->target = target;
    r->verb = verb;
    r->ordered = ordered;
    r->count = 0;
    r->root = mr_bson_begin(&r->body);
    mr_bson_add_text(&r->body, verbs[verb], target->collection, strlen(target->collection));
    mr_bson_add_bool(&r->body, "ordered", ordered);
    if (!sink->in_transaction) {
        size_t concern = mr_bson_begin_as(&r->body, "writeConcern", false);
        mr_bson_add_text(&r->body, "w", "majority", 8);
        mr_bson_add_int32(&r->body, "wtimeout", WRITE_CONCERN_TIMEOUT_MS);
        mr_bson_end(&r->body, concern);
    }
    r->array = mr_bson_begin_as(&r->body, lists[verb], true);
}

/* A record that makes no statement is named, and nothing is sent any more: the epoch is done again
 * without it. The rest is gone through all the same, so that all such records are found at once. */
static void poison(mdb_sink *sink, const mdb_item *item, const mr_error *why)
{
    mdb_request *r = &sink->request;
    mr_reject(sink->task, mdb_item_batch(r->target, item), item->index, why);
    r->poisoned = true;
    r->why = *why;
}

static mr_status too_large(mr_error *err)
{
    mr_status status =
        mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
                "the document and what finds it are larger than MongoDB takes at once");
    mr_error_code(err, 10334, "BSONObjectTooLarge");
    return status;
}

/* Appends one statement; out is as it was when it is not *any. MR_REJECT does not come out. */
static mr_status append(mdb_sink *sink, const mdb_item *item, mdb_add *add, bool *any,
                        mr_error *err)
{
    mdb_request *r = &sink->request;
    mr_buffer *out = &r->body;
    size_t before = out->len;
    char room[MR_BSON_INDEX_BYTES];
    const char *name = mr_bson_index((uint32_t)r->count, room);
    mr_status status;
    *any = true;
    if (r->verb == MDB_DO_INSERT) { /* the document is the statement */
        mr_buffer_add_char(out, MR_BSON_DOCUMENT);
        mr_buffer_add(out, name, strlen(name) + 1);
        status = add(sink, r->target, item, out, any, err);
    } else {
        size_t begun = mr_bson_begin_as(out, name, false);
        status = add(sink, r->target, item, out, any, err);
        mr_bson_end(out, begun);
    }
    if (status == MR_OK && (out->failed || (out->len > MDB_REQUEST_BYTES_MAX && !r->count))) {
        status = too_large(err);
    }
    if (status != MR_OK || !*any) {
        out->len = before;
        out->failed = false;
        *any = false;
    }
    if (status == MR_REJECT) {
        poison(sink, item, err);
        status = MR_OK;
    }
    return status;
}

static void note(mdb_request *r, const mdb_item *item)
{
    if (r->count == r->capacity) {
        r->capacity = r->capacity ? r->capacity * 2 : 1024;
        r->sent = mr_realloc_array(r->sent, r->capacity, sizeof *r->sent);
    }
    r->sent[r->count++] = item;
}

/* Sends what is there and begins anew with the statement that made it too large. */
static mr_status carry_over(mdb_sink *sink, const mdb_item *item, mdb_add *add, bool *any,
                            mdb_result *result, mr_error *err)
{
    mdb_request *r = &sink->request;
    mdb_target *target = r->target;
    enum mdb_verb verb = r->verb;
    bool ordered = r->ordered;
    mr_status status = mdb_request_flush(sink, result, err);
    if (status == MR_OK) {
        begin(sink, target, verb, ordered);
        status = append(sink, item, add, any, err);
    }
    return status;
}

mr_status mdb_request_add(mdb_sink *sink, mdb_target *target, enum mdb_verb verb, bool ordered,
                          const mdb_item *item, mdb_add *add, mdb_result *result, mr_error *err)
{
    mdb_request *r = &sink->request;
    mr_status status = MR_OK;
    bool any = false;
    if (r->target && (r->target != target || r->verb != verb || r->ordered != ordered)) {
        status = mdb_request_flush(sink, result, err);
    }
    if (status == MR_OK && !r->target) {
        begin(sink, target, verb, ordered);
    }
    size_t before = r->body.len;
    if (status == MR_OK) {
        status = append(sink, item, add, &any, err);
    }
    if (status == MR_OK && any && r->body.len > MDB_REQUEST_BYTES_MAX) {
        r->body.len = before;
        status = carry_over(sink, item, add, &any, result, err);
    }
    if (status == MR_OK && any) {
        note(r, item);
    }
    if (status == MR_OK && (r->body.len >= SEND_BYTES || r->count >= SEND_COUNT)) {
        status = mdb_request_flush(sink, result, err);
    }
    return status;
}

/* --- Sending --- */

static void read_result(const bson_t *reply, mdb_result *result)
{
    bson_iter_t it, child;
    for (bson_iter_init(&it, reply); bson_iter_next(&it);) {
        const char *name = bson_iter_key(&it);
        if (strcmp(name, "n") == 0) {
            result->matched += bson_iter_as_int64(&it);
        } else if (strcmp(name, "upserted") == 0 && BSON_ITER_HOLDS_ARRAY(&it) &&
                   bson_iter_recurse(&it, &child)) {
            while (bson_iter_next(&child)) {
                result->upserted++;
            }
        }
    }
}

mr_status mdb_request_flush(mdb_sink *sink, mdb_result *result, mr_error *err)
{
    mdb_request *r = &sink->request;
    if (!r->target) {
        return MR_OK;
    }
    mr_status status = MR_OK;
    if (r->count && !r->poisoned) {
        bson_t reply;
        char doing[400];
        snprintf(doing, sizeof doing, "cannot %s in collection %s.%s", verbs[r->verb],
                 sink->database, r->target->collection);
        mr_bson_end(&r->body, r->array);
        mr_bson_end(&r->body, r->root);
        status = mdb_run(sink, sink->database, &r->body, &reply, doing, err);
        if (status == MR_OK) {
            result->sent += (int64_t)r->count;
            read_result(&reply, result);
            status = mdb_judge(sink, r, &reply, err);
        }
        bson_destroy(&reply);
    }
    mdb_request_clear(sink);
    return status;
}

mr_status mdb_requests_end(mdb_sink *sink, mdb_result *result, mr_error *err)
{
    mr_status status = mdb_request_flush(sink, result, err);
    if (status == MR_OK && sink->request.poisoned) {
        *err = sink->request.why;
        return MR_REJECT;
    }
    return status;
}

void mdb_request_clear(mdb_sink *sink)
{
    sink->request.target = NULL;
    sink->request.count = 0;
    mr_buffer_clear(&sink->request.body);
    if (sink->request.body.capacity > KEEP_BYTES) {
        size_t limit = sink->request.body.limit;
        mr_buffer_release(&sink->request.body);
        mr_buffer_init(&sink->request.body, limit);
    }
}
