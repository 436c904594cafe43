/* SPDX-License-Identifier: Apache-2.0 */
/*
 * find, then getMore until the range is at its end. Batches are asked for in documents, as many as
 * make pace->reply_bytes by what the reply before was like.
 *
 * By record id there is no way to ask for documents up to one: by the resume token of a reply it is
 * seen that it goes too far, and then the record ids of just these documents are asked for. Nor can
 * a scan go on after a document that was deleted since; then the one before it is searched for.
 */
#include "snapshot_scan.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "snapshot_plan.h"

enum {
    FIRST_BATCH = 100, /* documents, when their size is not known */
    KEY_NOT_FOUND = 211,
};

#define auto_bson __attribute__((cleanup(bson_destroy))) bson_t

/* --- Loads --- */

/* bson_t wants more alignment than malloc() gives. */
static mongo_load *load_new(mongo_range *range)
{
    mongo_load *load = aligned_alloc(_Alignof(mongo_load), sizeof *load);
    if (!load) {
        abort();
    }
    memset(load, 0, sizeof *load);
    load->range = range;
    return load;
}

void mongo_load_free(mongo_load *load)
{
    if (load) {
        bson_destroy(&load->reply);
        free(load->documents);
        mongo_mark_release(&load->mark);
        free(load);
    }
}

static void list_documents(mongo_load *load, mr_slice array, size_t expected)
{
    size_t room = expected ? expected : 1, at = 0;
    mr_bson_element e;
    load->documents = mr_realloc_array(NULL, room, sizeof *load->documents);
    while (mr_bson_next(array, &at, &e)) {
        if (e.type != MR_BSON_DOCUMENT) {
            continue;
        }
        if (load->count == room) {
            room *= 2;
            load->documents = mr_realloc_array(load->documents, room, sizeof *load->documents);
        }
        load->documents[load->count] = mr_bson_document(&e);
        load->bytes += load->documents[load->count++].len;
    }
}

static void drop_first(mongo_load *load)
{
    load->bytes -= load->documents[0].len;
    load->count--;
    memmove(load->documents, load->documents + 1, load->count * sizeof *load->documents);
}

static void cut(mongo_load *load, size_t count)
{
    while (load->count > count) {
        load->bytes -= load->documents[--load->count].len;
    }
}

/* --- Commands --- */

static mr_status run(const mongo_scan *scan, const bson_t *command, bson_t *reply,
                     mongo_cursor *ret, mr_error *err)
{
    char doing[400];
    snprintf(doing, sizeof doing, "cannot read %s", scan->place->full);
    mr_status status =
        mongo_link_run(scan->link, scan->place->database, command, reply, err, doing);
    return status == MR_OK ? mongo_cursor_read(reply, ret, err) : status;
}

static void add_record_scan(const mongo_scan *scan, bson_t *command)
{
    mongo_add_order(command, "hint", "$natural", 1);
    BSON_APPEND_BOOL(command, "$_requestResumeToken", true);
    if (scan->mark.data) {
        mongo_add_document(command, "$_resumeAfter", mongo_mark_document(&scan->mark));
    }
}

static void add_id_scan(const mongo_scan *scan, bson_t *command)
{
    mongo_add_order(command, "hint", "_id", 1);
    mongo_add_order(command, "sort", "_id", 1);
    if (scan->mark.data) {
        mongo_add_document(command, "min", mongo_mark_document(&scan->mark));
    }
    if (scan->range->to.data) {
        mongo_add_document(command, "max", mongo_mark_document(&scan->range->to));
    }
}

static void make_find(const mongo_scan *scan, bson_t *command)
{
    BSON_APPEND_UTF8(command, "find", scan->place->name);
    if (scan->by_record) {
        add_record_scan(scan, command);
    } else {
        add_id_scan(scan, command);
    }
    BSON_APPEND_INT32(command, "batchSize", (int32_t)scan->batch);
    mongo_add_read_concern(command, scan->at);
}

static void make_get_more(const mongo_scan *scan, bson_t *command)
{
    BSON_APPEND_INT64(command, "getMore", scan->cursor);
    BSON_APPEND_UTF8(command, "collection", scan->place->name);
    BSON_APPEND_INT32(command, "batchSize", (int32_t)scan->batch);
}

/* So that the server need not keep it until it times out. What comes of it does not matter. */
static void kill_cursor(mongo_scan *scan)
{
    auto_bson command = BSON_INITIALIZER, reply = BSON_INITIALIZER;
    bson_t cursors;
    mr_error ignored;
    BSON_APPEND_UTF8(&command, "killCursors", scan->place->name);
    BSON_APPEND_ARRAY_BEGIN(&command, "cursors", &cursors);
    BSON_APPEND_INT64(&cursors, "0", scan->cursor);
    bson_append_array_end(&command, &cursors);
    bson_destroy(&reply);
    mr_status status = mongo_link_run(scan->link, scan->place->database, &command, &reply, &ignored,
                                      "cannot end a cursor");
    (void)status;
}

/* --- Beginning after a document that is gone --- */

/* Record id of the collection's first document; false: it is empty. */
static mr_status first_record(const mongo_scan *scan, bool *found, int64_t *ret, mr_error *err)
{
    auto_bson command = BSON_INITIALIZER, reply = BSON_INITIALIZER;
    mongo_cursor cursor;
    BSON_APPEND_UTF8(&command, "find", scan->place->name);
    mongo_add_order(&command, "hint", "$natural", 1);
    mongo_add_record_projection(&command);
    BSON_APPEND_INT32(&command, "limit", 1);
    mongo_add_read_concern(&command, scan->at);
    bson_destroy(&reply);
    mr_status status = run(scan, &command, &reply, &cursor, err);
    *found = status == MR_OK && mongo_cursor_record(&cursor, ret);
    return status;
}

static void add_stages_before(bson_t *command, int64_t record)
{
    bson_t pipeline, stage, inside, less;
    BSON_APPEND_ARRAY_BEGIN(command, "pipeline", &pipeline);
    BSON_APPEND_DOCUMENT_BEGIN(&pipeline, "0", &stage);
    BSON_APPEND_DOCUMENT_BEGIN(&stage, "$project", &inside);
    BSON_APPEND_INT32(&inside, "_id", 0);
    mongo_add_meta(&inside);
    bson_append_document_end(&stage, &inside);
    bson_append_document_end(&pipeline, &stage);
    BSON_APPEND_DOCUMENT_BEGIN(&pipeline, "1", &stage);
    BSON_APPEND_DOCUMENT_BEGIN(&stage, "$match", &inside);
    BSON_APPEND_DOCUMENT_BEGIN(&inside, "r", &less);
    BSON_APPEND_INT64(&less, "$lt", record);
    bson_append_document_end(&inside, &less);
    bson_append_document_end(&stage, &inside);
    bson_append_document_end(&pipeline, &stage);
    BSON_APPEND_DOCUMENT_BEGIN(&pipeline, "2", &stage);
    BSON_APPEND_INT32(&stage, "$limit", 1);
    bson_append_document_end(&pipeline, &stage);
    bson_append_array_end(command, &pipeline);
}

/* Record id of the last document before one that is gone. The server looks from the collection's
 * end on: as much work as reading what is left, but nothing is sent. */
static mr_status record_before(const mongo_scan *scan, int64_t gone, bool *found, int64_t *ret,
                               mr_error *err)
{
    auto_bson command = BSON_INITIALIZER, reply = BSON_INITIALIZER;
    mongo_cursor cursor;
    BSON_APPEND_UTF8(&command, "aggregate", scan->place->name);
    add_stages_before(&command, gone);
    mongo_add_order(&command, "hint", "$natural", -1);
    mongo_add_order(&command, "cursor", "batchSize", 2);
    mongo_add_read_concern(&command, scan->at);
    bson_destroy(&reply);
    mr_status status = run(scan, &command, &reply, &cursor, err);
    *found = status == MR_OK && mongo_cursor_record(&cursor, ret);
    return status;
}

/* The document after which the scan is to go on is gone: the last one before it does as well, for
 * there is none in between. Where the oldest documents go first, there is none before it. */
static mr_status step_back(mongo_scan *scan, int64_t gone, mr_error *err)
{
    bool found;
    int64_t record;
    mr_status status = first_record(scan, &found, &record, err);
    if (status == MR_OK && found && record < gone) {
        status = record_before(scan, gone, &found, &record, err);
    } else {
        found = false;
    }
    if (status == MR_OK && found) {
        mongo_mark_set_record(&scan->mark, record);
    } else if (status == MR_OK) {
        mongo_mark_release(&scan->mark);
    }
    return status;
}

/* --- Replies --- */

static mr_status find(mongo_scan *scan, bson_t *reply, mongo_cursor *ret, mr_error *err)
{
    int64_t record;
    auto_bson command = BSON_INITIALIZER;
    make_find(scan, &command);
    mr_status status = run(scan, &command, reply, ret, err);
    if (status == MR_OK || err->native != KEY_NOT_FOUND ||
        !mongo_mark_record(&scan->mark, &record)) {
        return status;
    }
    status = step_back(scan, record, err);
    if (status != MR_OK) {
        return status;
    }
    bson_reinit(&command);
    make_find(scan, &command);
    bson_destroy(reply);
    return run(scan, &command, reply, ret, err);
}

static mr_status get_more(mongo_scan *scan, bson_t *reply, mongo_cursor *ret, mr_error *err)
{
    auto_bson command = BSON_INITIALIZER;
    make_get_more(scan, &command);
    return run(scan, &command, reply, ret, err);
}

/* How many of `count` documents after the mark have a record id up to `to`? */
static mr_status count_up_to(const mongo_scan *scan, size_t count, int64_t to, size_t *ret,
                             mr_error *err)
{
    auto_bson command = BSON_INITIALIZER, reply = BSON_INITIALIZER;
    mongo_cursor cursor;
    BSON_APPEND_UTF8(&command, "find", scan->place->name);
    add_record_scan(scan, &command);
    mongo_add_record_projection(&command);
    BSON_APPEND_INT32(&command, "batchSize", (int32_t)count);
    BSON_APPEND_BOOL(&command, "singleBatch", true);
    mongo_add_read_concern(&command, scan->at);
    bson_destroy(&reply);
    mr_status status = run(scan, &command, &reply, &cursor, err);
    size_t at = 0;
    mr_bson_element e, record;
    *ret = 0;
    while (status == MR_OK && mr_bson_next(cursor.documents, &at, &e)) {
        *ret += e.type == MR_BSON_DOCUMENT && mr_bson_find(mr_bson_document(&e), "r", &record) &&
                mr_bson_int(&record) <= to;
    }
    return status;
}

/* By record id: where does the load end, and does it go beyond the range? */
static mr_status end_by_record(mongo_scan *scan, mongo_load *load, const mongo_cursor *cursor,
                               mr_error *err)
{
    int64_t record, to;
    mr_bson_element e;
    if (!load->count || !mongo_mark_record(&scan->range->to, &to)) {
        return MR_OK;
    }
    if (!cursor->token.data || !mr_bson_find(cursor->token, "$recordId", &e) ||
        e.type != MR_BSON_INT64) {
        return mr_fail(err, MR_FATAL, MR_DOMAIN_MONGODB,
                       "cannot read %s: the server has given no resume token with documents",
                       scan->place->full);
    }
    record = mr_bson_int(&e);
    if (record > to) {
        size_t within;
        mr_status status = count_up_to(scan, load->count, to, &within, err);
        if (status != MR_OK) {
            return status;
        }
        cut(load, within);
        record = to;
    }
    load->last = load->last || record == to;
    if (load->count) {
        mongo_mark_set_record(&load->mark, record);
    }
    return MR_OK;
}

static void end_by_id(mongo_scan *scan, mongo_load *load)
{
    if (scan->resumed && load->count && mongo_mark_is_id_of(&scan->mark, load->documents[0])) {
        drop_first(load);
    }
    scan->resumed = false;
    if (load->count) {
        mongo_mark_set_id(&load->mark, load->documents[load->count - 1]);
    }
}

static void adapt_batch(mongo_scan *scan, const mongo_load *load)
{
    if (load->count) {
        size_t fits = (size_t)scan->place->pace->reply_bytes / (load->bytes / load->count + 1);
        scan->batch = fits < 2                          ? 2
                      : fits > MONGO_SNAPSHOT_BATCH_MAX ? MONGO_SNAPSHOT_BATCH_MAX
                                                        : fits;
    }
}

mr_status mongo_scan_next(mongo_scan *scan, mongo_load **ret, mr_error *err)
{
    mongo_cursor cursor;
    mongo_load *load = load_new(scan->range);
    mr_status status = scan->open ? get_more(scan, &load->reply, &cursor, err)
                                  : find(scan, &load->reply, &cursor, err);
    if (status == MR_OK) {
        scan->open = true;
        scan->cursor = cursor.id;
        load->last = cursor.id == 0;
        list_documents(load, cursor.documents, scan->batch);
        adapt_batch(scan, load);
        if (scan->by_record) {
            status = end_by_record(scan, load, &cursor, err);
        } else {
            end_by_id(scan, load);
        }
    }
    if (status != MR_OK) {
        scan->cursor = 0;
        mongo_load_free(load);
        return status;
    }
    if (load->mark.data) {
        mongo_mark_set(&scan->mark, mongo_mark_document(&load->mark));
    }
    *ret = load;
    return MR_OK;
}

void mongo_scan_init(mongo_scan *scan, const mongo_link *link, const mongo_place *place,
                     mongo_range *range, mongo_time at)
{
    *scan = (mongo_scan){.link = link,
                         .place = place,
                         .range = range,
                         .at = at,
                         .by_record = mongo_place_by_record(place),
                         .resumed = range->last.data != NULL,
                         .batch = FIRST_BATCH};
    mongo_mark_set(&scan->mark, mongo_mark_document(scan->resumed ? &range->last : &range->from));
    if (place->documents > 0 && place->bytes > 0) {
        mongo_load typical = {.count = (size_t)place->documents, .bytes = (size_t)place->bytes};
        adapt_batch(scan, &typical);
    }
}

void mongo_scan_release(mongo_scan *scan)
{
    if (scan->cursor) {
        kill_cursor(scan);
    }
    mongo_mark_release(&scan->mark);
}

mr_status mongo_find_record(const mongo_link *link, const mongo_place *place, mr_slice document,
                            mongo_time at, int64_t *ret, mr_error *err)
{
    auto_bson command = BSON_INITIALIZER, reply = BSON_INITIALIZER;
    mongo_mark id = {0};
    mongo_cursor cursor;
    if (!mongo_mark_set_id(&id, document)) {
        return mr_fail(err, MR_FATAL, MR_DOMAIN_MONGODB, "a document of %s has no _id",
                       place->full);
    }
    BSON_APPEND_UTF8(&command, "find", place->name);
    mongo_add_document(&command, "filter", mongo_mark_document(&id));
    mongo_mark_release(&id);
    mongo_add_record_projection(&command);
    BSON_APPEND_INT32(&command, "limit", 1);
    mongo_add_read_concern(&command, at);
    const mongo_scan scan = {.link = link, .place = place};
    bson_destroy(&reply);
    mr_status status = run(&scan, &command, &reply, &cursor, err);
    if (status == MR_OK && !mongo_cursor_record(&cursor, ret)) {
        return mr_fail(err, MR_RETRY, MR_DOMAIN_MONGODB,
                       "cannot read %s: a document that was just read can not be found again",
                       place->full);
    }
    return status;
}
