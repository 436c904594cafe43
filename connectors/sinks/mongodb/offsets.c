/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kafka offsets beside the documents they cover, and the claim that fences a stale owner: one
 * document per task name, topic and partition.
 *
 *   {_id: {connector, topic, partition}, next, claim, session, claimed_at, updated_at}
 *
 * recover() writes a claim of its own into each and reads the offset stored there; commit() moves
 * the offset in the transaction of the documents, but only where the claim is still its own. An
 * owner that died in mid-transaction has left it open, and what it wrote locked, for up to a
 * minute: so the claim holds the owner's session, which the next owner kills. That ends a suspended
 * owner's transaction too, even if nothing but its commit was left to send.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "sinks/mongodb/mongodb.h"

enum {
    COMMAND_LIMIT_BYTES = 16 << 20,
    CLAIM_TIMEOUT_MS = 5000, /* an open transaction stands against it: come again */
    WRITE_CONCERN_TIMEOUT_MS = 30000,
};

static void make_claim(char claim[40])
{
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        abort();
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        snprintf(claim + 2 * i, 3, "%02x", bytes[i]);
    }
}

static void add_string(mr_buffer *out, const char *name, const char *text)
{
    mr_bson_add_text(out, name, text, strlen(text));
}

static void add_id(mdb_sink *sink, const mr_offset *offset, const char *name, mr_buffer *out)
{
    size_t id = mr_bson_begin_as(out, name, false);
    add_string(out, "connector", mr_task_name(sink->task));
    add_string(out, "topic", offset->topic);
    mr_bson_add_int32(out, "partition", offset->partition);
    mr_bson_end(out, id);
}

static void add_majority(mr_buffer *out)
{
    size_t concern = mr_bson_begin_as(out, "writeConcern", false);
    add_string(out, "w", "majority");
    mr_bson_add_int32(out, "wtimeout", WRITE_CONCERN_TIMEOUT_MS);
    mr_bson_end(out, concern);
}

static size_t begin_command(mdb_sink *sink, const char *verb, mr_buffer *out)
{
    size_t root = mr_bson_begin(out);
    add_string(out, verb, sink->offsets_collection);
    return root;
}

/* Runs a command that the writes of records have no part in: what is wrong with it is not theirs.
 */
static mr_status run(mdb_sink *sink, const char *database, mr_buffer *command, bson_t *reply,
                     const char *doing, mr_error *err)
{
    mr_status status = mdb_run(sink, database, command, reply, doing, err);
    mr_buffer_release(command);
    if (status == MR_REJECT) { /* two made the same document at the same time */
        status = MR_RETRY;
    }
    return status;
}

/* --- Claiming --- */

static mr_slice own_session(const mdb_sink *sink)
{
    if (!sink->session) {
        return (mr_slice){0};
    }
    const bson_t *id = mongoc_client_session_get_lsid(sink->session);
    return (mr_slice){(const char *)bson_get_data(id), id->len};
}

/* The documents of these partitions, as they are. */
static mr_status find_claims(mdb_sink *sink, const mr_offsets *offsets, bson_t *reply,
                             mr_error *err)
{
    char room[MR_BSON_INDEX_BYTES];
    mr_buffer command = MR_BUFFER_INIT(COMMAND_LIMIT_BYTES);
    size_t root = begin_command(sink, "find", &command);
    size_t filter = mr_bson_begin_as(&command, "filter", false);
    size_t by = mr_bson_begin_as(&command, "_id", false);
    size_t in = mr_bson_begin_as(&command, "$in", true);
    for (size_t i = 0; i < offsets->count; i++) {
        add_id(sink, &offsets->items[i], mr_bson_index((uint32_t)i, room), &command);
    }
    mr_bson_end(&command, in);
    mr_bson_end(&command, by);
    mr_bson_end(&command, filter);
    mr_bson_add_int32(&command, "batchSize", (int32_t)offsets->count + 1);
    mr_bson_add_bool(&command, "singleBatch", true);
    mr_bson_end(&command, root);
    return run(sink, sink->database, &command, reply, "cannot read the offsets", err);
}

static bool first_batch(const bson_t *reply, mr_slice *ret)
{
    mr_slice whole = {(const char *)bson_get_data(reply), reply->len};
    mr_bson_element batch;
    bool found =
        mr_bson_find_path(whole, "cursor.firstBatch", &batch) && batch.type == MR_BSON_ARRAY;
    *ret = found ? mr_bson_document(&batch) : (mr_slice){0};
    return found;
}

static bool same_bytes(mr_slice a, mr_slice b)
{
    return a.len == b.len && a.len && memcmp(a.data, b.data, a.len) == 0;
}

/* The sessions of former owners, each once, as an array under construction. */
static size_t gather_sessions(const mdb_sink *sink, mr_slice batch, mr_buffer *out)
{
    mr_bson_element document, session;
    mr_slice last = own_session(sink);
    char room[MR_BSON_INDEX_BYTES];
    size_t count = 0;
    for (size_t cursor = 0; mr_bson_next(batch, &cursor, &document);) {
        if (document.type == MR_BSON_DOCUMENT &&
            mr_bson_find(mr_bson_document(&document), "session", &session) &&
            session.type == MR_BSON_DOCUMENT && !same_bytes(session.value, last) &&
            !same_bytes(session.value, own_session(sink))) {
            mr_bson_add_as(out, mr_bson_index((uint32_t)count++, room), &session);
            last = session.value; /* mostly one owner had them all */
        }
    }
    return count;
}

/* Ends what former owners have left open. Not being allowed to is no failure: then their
 * transactions end by themselves, and the claim waits. */
static mr_status kill_sessions(mdb_sink *sink, const mr_offsets *assigned, mr_error *err)
{
    bson_t found, reply;
    mr_status status = find_claims(sink, assigned, &found, err);
    mr_slice batch;
    if (status == MR_OK && first_batch(&found, &batch)) {
        mr_buffer command = MR_BUFFER_INIT(COMMAND_LIMIT_BYTES);
        size_t root = mr_bson_begin(&command);
        size_t list = mr_bson_begin_as(&command, "killSessions", true);
        size_t count = gather_sessions(sink, batch, &command);
        mr_bson_end(&command, list);
        mr_bson_end(&command, root);
        if (count) {
            status = run(sink, "admin", &command, &reply, "cannot end sessions", err);
            bson_destroy(&reply);
            status = status == MR_REOPEN ? status : MR_OK;
        } else {
            mr_buffer_release(&command);
        }
    }
    bson_destroy(&found);
    return status;
}

static void build_claim(mdb_sink *sink, const mr_offset *offset, mr_buffer *out)
{
    mr_slice session = own_session(sink);
    size_t root = begin_command(sink, "findAndModify", out);
    size_t query = mr_bson_begin_as(out, "query", false);
    add_id(sink, offset, "_id", out);
    mr_bson_end(out, query);
    size_t update = mr_bson_begin_as(out, "update", false);
    size_t set = mr_bson_begin_as(out, "$set", false);
    add_string(out, "claim", sink->claim);
    if (session.data) {
        mr_bson_add_document(out, "session", session, false);
    } else {
        mr_bson_add_null(out, "session");
    }
    mr_bson_add_date(out, "claimed_at", mr_wall_ms());
    mr_bson_end(out, set);
    mr_bson_end(out, update);
    mr_bson_add_bool(out, "upsert", true);
    mr_bson_add_bool(out, "new", true);
    mr_bson_add_int32(out, "maxTimeMS", CLAIM_TIMEOUT_MS);
    add_majority(out);
    mr_bson_end(out, root);
}

/* A claim that is not on a majority yet could be rolled back with the server. */
static mr_status check_majority(mdb_sink *sink, const bson_t *reply, mr_error *err)
{
    bson_iter_t it;
    if (!bson_iter_init_find(&it, reply, "writeConcernError")) {
        return MR_OK;
    }
    sink->lost = true;
    return mr_fail(err, MR_REOPEN, MR_DOMAIN_MONGODB,
                   "the offsets in %s.%s do not reach a majority of the servers", sink->database,
                   sink->offsets_collection);
}

static mr_status claim_one(mdb_sink *sink, mr_offset *offset, mr_error *err)
{
    bson_t reply;
    mr_buffer command = MR_BUFFER_INIT(COMMAND_LIMIT_BYTES);
    build_claim(sink, offset, &command);
    mr_status status =
        run(sink, sink->database, &command, &reply, "cannot claim the partitions", err);
    if (status == MR_OK) {
        status = check_majority(sink, &reply, err);
    }
    if (status == MR_OK) {
        mr_slice whole = {(const char *)bson_get_data(&reply), reply.len};
        mr_bson_element next;
        offset->next = mr_bson_find_path(whole, "value.next", &next) ? mr_bson_int(&next) : -1;
    }
    bson_destroy(&reply);
    return status;
}

mr_status mdb_offsets_claim(mdb_sink *sink, mr_offsets *assigned, mr_error *err)
{
    make_claim(sink->claim);
    mr_status status = kill_sessions(sink, assigned, err);
    for (size_t i = 0; i < assigned->count && status == MR_OK; i++) {
        status = claim_one(sink, &assigned->items[i], err);
    }
    return status;
}

/* --- Storing --- */

/* next is not beyond: missing and null are not, either. */
static void add_statement(mdb_sink *sink, const mr_offset *offset, const char *name, mr_buffer *out)
{
    size_t statement = mr_bson_begin_as(out, name, false);
    size_t query = mr_bson_begin_as(out, "q", false);
    add_id(sink, offset, "_id", out);
    add_string(out, "claim", sink->claim);
    size_t next = mr_bson_begin_as(out, "next", false);
    size_t not_beyond = mr_bson_begin_as(out, "$not", false);
    mr_bson_add_int64(out, "$gt", offset->next);
    mr_bson_end(out, not_beyond);
    mr_bson_end(out, next);
    mr_bson_end(out, query);
    size_t update = mr_bson_begin_as(out, "u", false);
    size_t set = mr_bson_begin_as(out, "$set", false);
    mr_bson_add_int64(out, "next", offset->next);
    mr_bson_add_date(out, "updated_at", mr_wall_ms());
    mr_bson_end(out, set);
    mr_bson_end(out, update);
    mr_bson_end(out, statement);
}

static bool is_of(mr_slice document, const mr_offset *offset)
{
    mr_bson_element topic, partition;
    return mr_bson_find_path(document, "_id.topic", &topic) && topic.type == MR_BSON_STRING &&
           mr_bson_text(&topic).len == strlen(offset->topic) &&
           memcmp(mr_bson_text(&topic).data, offset->topic, strlen(offset->topic)) == 0 &&
           mr_bson_find_path(document, "_id.partition", &partition) &&
           mr_bson_int(&partition) == offset->partition;
}

/* Is the claim in this document ours? Then the offset is what stood against it. */
static bool is_ours(const mdb_sink *sink, mr_slice document, int64_t *next)
{
    mr_bson_element claim, stored;
    *next = mr_bson_find(document, "next", &stored) ? mr_bson_int(&stored) : -1;
    return mr_bson_find(document, "claim", &claim) && claim.type == MR_BSON_STRING &&
           mr_bson_text(&claim).len == strlen(sink->claim) &&
           memcmp(mr_bson_text(&claim).data, sink->claim, strlen(sink->claim)) == 0;
}

static mr_status backwards(const mr_offset *offset, int64_t stored, mr_error *err)
{
    mr_status status = mr_fail(err, MR_REOPEN, MR_DOMAIN_MONGODB,
                               "offset %" PRId64 " of %s[%d] is stored already, but the epoch ends "
                               "at %" PRId64 ": offsets never move backwards; the stored one is "
                               "read again",
                               stored, offset->topic, offset->partition, offset->next);
    mr_error_code(err, 0, "OFFSET_BACKWARDS");
    return status;
}

/* MR_OK: all claims are ours, and no offset is stored that is beyond. */
static mr_status compare(mdb_sink *sink, const mr_offsets *upto, mr_slice batch, mr_error *err)
{
    for (size_t i = 0; i < upto->count; i++) {
        const mr_offset *offset = &upto->items[i];
        mr_bson_element document;
        bool ours = false;
        int64_t next = -1;
        for (size_t cursor = 0; !ours && mr_bson_next(batch, &cursor, &document);) {
            ours = is_of(mr_bson_document(&document), offset) &&
                   is_ours(sink, mr_bson_document(&document), &next);
        }
        if (ours && next > offset->next) {
            return backwards(offset, next, err);
        }
        if (!ours) {
            mr_status status =
                mr_fail(err, MR_REOPEN, MR_DOMAIN_MONGODB,
                        "%s[%d] was taken over by another process, or its document "
                        "in %s.%s is gone: nothing of this epoch counts, and the "
                        "partition is claimed again if it is still assigned here",
                        offset->topic, offset->partition, sink->database, sink->offsets_collection);
            mr_error_code(err, 0, "STALE_CLAIM");
            return status;
        }
    }
    return MR_OK;
}

mr_status mdb_offsets_check(mdb_sink *sink, const mr_offsets *upto, mr_error *err)
{
    bson_t reply;
    mr_status status = find_claims(sink, upto, &reply, err);
    mr_slice batch;
    if (status == MR_OK && first_batch(&reply, &batch)) {
        status = compare(sink, upto, batch, err);
    }
    bson_destroy(&reply);
    return status;
}

static mr_status check_stored(mdb_sink *sink, const mr_offsets *upto, const bson_t *reply,
                              mr_error *err)
{
    bson_iter_t it;
    mdb_request none = {0};
    mr_status status = mdb_judge(sink, &none, reply, err);
    if (status == MR_OK && (!bson_iter_init_find(&it, reply, "n") ||
                            bson_iter_as_int64(&it) != (int64_t)upto->count)) {
        status = mdb_offsets_check(sink, upto, err); /* says which one and why */
        if (status == MR_OK) {
            status = mr_fail(err, MR_RETRY, MR_DOMAIN_MONGODB,
                             "the offsets in %s.%s have changed while they were stored",
                             sink->database, sink->offsets_collection);
        }
    }
    return status;
}

mr_status mdb_offsets_store(mdb_sink *sink, const mr_offsets *upto, mr_error *err)
{
    bson_t reply;
    char room[MR_BSON_INDEX_BYTES];
    mr_buffer command = MR_BUFFER_INIT(COMMAND_LIMIT_BYTES);
    size_t root = begin_command(sink, "update", &command);
    if (!sink->in_transaction) {
        add_majority(&command);
    }
    size_t list = mr_bson_begin_as(&command, "updates", true);
    for (size_t i = 0; i < upto->count; i++) {
        add_statement(sink, &upto->items[i], mr_bson_index((uint32_t)i, room), &command);
    }
    mr_bson_end(&command, list);
    mr_bson_end(&command, root);
    mr_status status = run(sink, sink->database, &command, &reply, "cannot store the offsets", err);
    if (status == MR_OK) {
        status = check_stored(sink, upto, &reply, err);
    }
    bson_destroy(&reply);
    return status;
}
