/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of an epoch into a collection. mongod inserts documents in bulk several times as fast
 * as it replaces them one by one, so the keys are looked up first, in the index alone, and only
 * those that are there are replaced. Where nearly all are there, the look-up is left out and
 * replacements do what it takes (upsert); what they report tells when to look again.
 */
#include "sinks/mongodb/mongodb.h"

enum {
    LOOK_KEYS = 10000,        /* in one look-up */
    LOOK_BYTES = 6 << 20,     /* of keys: they come back in one answer */
    BLIND_BELOW_PER_CENT = 4, /* fewer new keys than this: the look-up costs more than it gives */
    LOOK_ABOVE_PER_CENT = 10,
    BLIND_KEYS_MIN = 100, /* too few to conclude anything from fewer */
};

/* --- Statements --- */

static mr_status add_document(mdb_sink *sink, mdb_target *target, const mdb_item *item,
                              mr_buffer *out, bool *any, mr_error *err)
{
    (void)sink;
    (void)any;
    return mdb_document_add(target, mdb_item_batch(target, item), mdb_item_record(target, item),
                            &item->key, out, err);
}

static bool has_dollar_name(mr_slice document)
{
    mr_bson_element element;
    for (size_t cursor = 0; mr_bson_next(document, &cursor, &element);) {
        if (*element.name.data == '$') {
            return true;
        }
    }
    return false;
}

/* u: [{$replaceWith: {$literal: {...}}}], for a document that the server would take for operators.
 * The document, which ends `out` from `at` on, goes there by way of the scratch; what is behind
 * `begun` is written anew. */
static void add_literal(mdb_sink *sink, size_t begun, size_t at, mr_buffer *out)
{
    mr_buffer_clear(&sink->scratch);
    mr_buffer_add(&sink->scratch, out->data + at, out->len - at);
    out->len = begun;
    size_t pipeline = mr_bson_begin_as(out, "u", true);
    size_t stage = mr_bson_begin_as(out, "0", false);
    size_t replace = mr_bson_begin_as(out, "$replaceWith", false);
    mr_bson_add_document(out, "$literal", (mr_slice){sink->scratch.data, sink->scratch.len}, false);
    mr_bson_end(out, replace);
    mr_bson_end(out, stage);
    mr_bson_end(out, pipeline);
}

static mr_status add_replace(mdb_sink *sink, mdb_target *target, const mdb_item *item,
                             mr_buffer *out, bool *any, mr_error *err)
{
    (void)any;
    static const char head[] = {MR_BSON_DOCUMENT, 'u', '\0'};
    mdb_query_add(target, &item->key, out);
    mr_bson_add_bool(out, "upsert", true);
    size_t begun = out->len;
    mr_buffer_add(out, head, sizeof head);
    mr_status status = mdb_document_add(target, mdb_item_batch(target, item),
                                        mdb_item_record(target, item), &item->key, out, err);
    if (status == MR_OK && !out->failed) {
        size_t at = begun + sizeof head;
        if (has_dollar_name((mr_slice){out->data + at, out->len - at})) {
            add_literal(sink, begun, at, out);
        }
    }
    return status;
}

static mr_status add_delete(mdb_sink *sink, mdb_target *target, const mdb_item *item,
                            mr_buffer *out, bool *any, mr_error *err)
{
    (void)sink;
    (void)any;
    (void)err;
    mdb_query_add(target, &item->key, out);
    mr_bson_add_int32(out, "limit", 1);
    return MR_OK;
}

/* --- Looking up --- */

/* What is looked up: _id, or the one field that has a unique index. NULL: it would have to be by
 * several fields at once, for which there is no one query that the index answers. */
static const char *looked_up(const mdb_target *target)
{
    if (target->options->document_id == MDB_ID_KEY) {
        return "_id";
    }
    return target->fields->count == 1 ? target->fields->items[0] : NULL;
}

static void add_projection(mr_buffer *out, const char *field)
{
    size_t begun = mr_bson_begin_as(out, "projection", false);
    if (strcmp(field, "_id") != 0) {
        mr_bson_add_int32(out, "_id", 0); /* else the index alone would not do */
    }
    mr_bson_add_int32(out, field, 1);
    mr_bson_end(out, begun);
    begun = mr_bson_begin_as(out, "hint", false);
    mr_bson_add_int32(out, field, 1);
    mr_bson_end(out, begun);
}

static void build_look_up(mdb_target *target, const mdb_item *items, size_t count, mr_buffer *out)
{
    const char *field = looked_up(target);
    char room[MR_BSON_INDEX_BYTES];
    mr_buffer_clear(out);
    size_t root = mr_bson_begin(out);
    mr_bson_add_text(out, "find", target->collection, strlen(target->collection));
    size_t filter = mr_bson_begin_as(out, "filter", false);
    size_t by = mr_bson_begin_as(out, field, false);
    size_t in = mr_bson_begin_as(out, "$in", true);
    for (size_t i = 0; i < count; i++) {
        mr_bson_add_value(out, mr_bson_index((uint32_t)i, room), items[i].key.type,
                          items[i].key.value);
    }
    mr_bson_end(out, in);
    mr_bson_end(out, by);
    mr_bson_end(out, filter);
    add_projection(out, field);
    mr_bson_add_int32(out, "batchSize", (int32_t)count + 1);
    mr_bson_add_bool(out, "singleBatch", true);
    mr_bson_end(out, root);
}

/* Marks the item of each key that came back; one that is none of ours is equal to one of them to
 * the server. */
static size_t mark(mdb_sink *sink, mdb_target *target, mdb_item *items, size_t count,
                   mr_slice batch)
{
    size_t found = 0;
    mr_bson_element document, key;
    mr_arena *arena = mr_task_arena(sink->task);
    for (size_t cursor = 0; mr_bson_next(batch, &cursor, &document);) {
        if (document.type != MR_BSON_DOCUMENT ||
            !mr_bson_find(mr_bson_document(&document), looked_up(target), &key)) {
            continue;
        }
        mr_arena_mark before = mr_arena_get_mark(arena);
        mdb_key made;
        mdb_key_make(key.type, key.value, arena, &sink->statement, &made);
        mdb_item *item = mdb_find_item(items, count, &made);
        mr_arena_rewind(arena, before);
        if (item) {
            item->exists = true;
        } else {
            target->careful = true;
        }
        found++;
    }
    return found;
}

static mr_status look_up(mdb_sink *sink, mdb_target *target, mdb_item *items, size_t count,
                         size_t *found, mr_error *err)
{
    bson_t reply;
    char doing[400];
    snprintf(doing, sizeof doing, "cannot look up keys in collection %s.%s", sink->database,
             target->collection);
    build_look_up(target, items, count, &sink->scratch);
    mr_status status = mdb_run(sink, sink->database, &sink->scratch, &reply, doing, err);
    *found = 0;
    if (status == MR_OK) {
        mr_slice whole = {(const char *)bson_get_data(&reply), reply.len};
        mr_bson_element batch;
        if (mr_bson_find_path(whole, "cursor.firstBatch", &batch) && batch.type == MR_BSON_ARRAY) {
            *found = mark(sink, target, items, count, mr_bson_document(&batch));
        }
    }
    bson_destroy(&reply);
    return status;
}

/* --- A chunk --- */

static bool is_wanted(const mdb_item *item, enum mdb_verb verb)
{
    if (item->remove) {
        return verb == MDB_DO_DELETE && item->exists;
    }
    return verb == (item->exists ? MDB_DO_UPDATE : MDB_DO_INSERT);
}

static mr_status send_writes(mdb_sink *sink, mdb_target *target, mdb_item *items, size_t count,
                             mdb_result *result, mr_error *err)
{
    static mdb_add *const adds[] = {add_document, add_replace, add_delete};
    mr_status status = MR_OK;
    for (enum mdb_verb verb = MDB_DO_INSERT; verb <= MDB_DO_DELETE; verb++) {
        for (size_t i = 0; i < count && status == MR_OK; i++) {
            if (is_wanted(&items[i], verb)) {
                status = mdb_request_add(sink, target, verb, target->careful, &items[i], adds[verb],
                                         result, err);
            }
        }
        if (status == MR_OK) {
            status = mdb_request_flush(sink, result, err);
        }
    }
    return status;
}

static size_t chunk_length(const mdb_item *items, size_t count)
{
    size_t n = 0, bytes = 0;
    while (n < count && n < LOOK_KEYS && bytes < LOOK_BYTES) {
        bytes += items[n++].key.value.len + 16;
    }
    return n;
}

/* Which way the next chunk goes, by how many of this one's keys were new. */
static void adapt(mdb_target *target, size_t count, size_t made)
{
    if (count < BLIND_KEYS_MIN || target->options->mode == MDB_DELETE) {
        return;
    }
    if (target->way == MDB_LOOK && made * 100 < count * BLIND_BELOW_PER_CENT) {
        target->way = MDB_BLIND;
    } else if (target->way == MDB_BLIND && made * 100 > count * LOOK_ABOVE_PER_CENT) {
        target->way = MDB_LOOK;
    }
}

static mr_status send_chunk(mdb_sink *sink, mdb_target *target, mdb_item *items, size_t count,
                            mr_error *err)
{
    bool look = target->way == MDB_LOOK && !target->careful && looked_up(target);
    size_t found = 0;
    mdb_result result = {0};
    mr_status status = MR_OK;
    if (look && !sink->request.poisoned) {
        status = look_up(sink, target, items, count, &found, err);
    }
    if (status == MR_OK && look && target->careful) {
        status = mr_fail(err, MR_RETRY, MR_DOMAIN_MONGODB,
                         "collection %s.%s takes keys for equal that differ: they are written one "
                         "after the other",
                         sink->database, target->collection);
    }
    for (size_t i = 0; i < count && !look; i++) {
        items[i].exists = true; /* whether or not: upsert does what it takes */
    }
    if (status == MR_OK) {
        status = send_writes(sink, target, items, count, &result, err);
    }
    if (status == MR_OK && !sink->request.poisoned) {
        adapt(target, count, look ? count - found : (size_t)result.upserted);
    }
    return status;
}

mr_status mdb_upsert_flush(mdb_sink *sink, mdb_target *target, mr_error *err)
{
    mr_status status = MR_OK;
    mdb_dedupe(target);
    if (target->careful) {
        mdb_order_by_arrival(target);
    }
    for (size_t at = 0, n; at < target->item_count && status == MR_OK; at += n) {
        n = chunk_length(target->items + at, target->item_count - at);
        status = send_chunk(sink, target, target->items + at, n, err);
    }
    return status;
}
