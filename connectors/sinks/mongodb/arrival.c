/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes in order of arrival: inserts, and updates of some fields, where a later record does not
 * make up for an earlier one, so none may be left out.
 */
#include "sinks/mongodb/mongodb.h"

static mr_status add_insert(mdb_sink *sink, mdb_target *target, const mdb_item *item,
                            mr_buffer *out, bool *any, mr_error *err)
{
    (void)any;
    const mr_batch *batch = mdb_item_batch(target, item);
    const mr_record *record = mdb_item_record(target, item);
    mdb_key key;
    /* A record without an _id gets one from the server, where it is never sent twice. */
    bool keyed =
        target->options->document_id == MDB_ID_KEY && (!target->id_is_key || !sink->in_transaction);
    mr_status status = keyed ? mdb_key_of(sink, target, batch, record, &key, err) : MR_OK;
    return status == MR_OK ? mdb_document_add(target, batch, record, keyed ? &key : NULL, out, err)
                           : status;
}

static mr_status add_update(mdb_sink *sink, mdb_target *target, const mdb_item *item,
                            mr_buffer *out, bool *any, mr_error *err)
{
    const mr_batch *batch = mdb_item_batch(target, item);
    const mr_record *record = mdb_item_record(target, item);
    mdb_key key;
    mr_status status = mdb_key_of(sink, target, batch, record, &key, err);
    if (status != MR_OK) {
        return status;
    }
    mdb_query_add(target, &key, out);
    if (target->options->mode == MDB_UPDATE_MANY) {
        mr_bson_add_bool(out, "multi", true);
    }
    return mdb_document_add_set(sink, target, batch, record, out, any, err);
}

static mr_status add_delete(mdb_sink *sink, mdb_target *target, const mdb_item *item,
                            mr_buffer *out, bool *any, mr_error *err)
{
    (void)any;
    mdb_key key;
    mr_status status = mdb_key_of(sink, target, mdb_item_batch(target, item),
                                  mdb_item_record(target, item), &key, err);
    if (status == MR_OK) {
        mdb_query_add(target, &key, out);
        mr_bson_add_int32(out, "limit", 1);
    }
    return status;
}

mr_status mdb_arrival_flush(mdb_sink *sink, mdb_target *target, mr_error *err)
{
    bool insert = target->options->mode == MDB_INSERT;
    mr_status status = MR_OK;
    mdb_result result = {0}, removed = {0};
    for (size_t i = 0; i < target->item_count && status == MR_OK; i++) {
        const mdb_item *item = &target->items[i];
        if (item->remove) {
            /* what was gathered before it is sent first, and counts as updates */
            if (sink->request.verb != MDB_DO_DELETE) {
                status = mdb_request_flush(sink, &result, err);
            }
            if (status == MR_OK) {
                status = mdb_request_add(sink, target, MDB_DO_DELETE, true, item, add_delete,
                                         &removed, err);
            }
        } else {
            if (sink->request.verb == MDB_DO_DELETE) {
                status = mdb_request_flush(sink, &removed, err);
            }
            if (status == MR_OK) {
                status =
                    mdb_request_add(sink, target, insert ? MDB_DO_INSERT : MDB_DO_UPDATE, !insert,
                                    item, insert ? add_insert : add_update, &result, err);
            }
        }
    }
    if (status == MR_OK) {
        status =
            mdb_request_flush(sink, sink->request.verb == MDB_DO_DELETE ? &removed : &result, err);
    }
    if (status == MR_OK && target->options->mode == MDB_UPDATE && result.matched < result.sent) {
        sink->missed_now += result.sent - result.matched;
    }
    return status;
}
