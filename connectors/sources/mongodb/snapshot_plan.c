/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounds between ranges come from a sample of _ids: mongod takes one by jumping into the collection
 * at random, which costs next to nothing, but does not tell record ids with it; those are looked up
 * for the sampled _ids. The sample is larger than what is needed and every SAMPLES_PER_RANGE-th of
 * it taken, so that ranges are of about the same size. By _id, the server sorts the sample: it
 * knows the collection's collation.
 */
#include "snapshot_plan.h"

#include <stdlib.h>

#include "base/alloc.h"

enum {
    SAMPLES_PER_RANGE = 8,
    BOUND_BYTES_MAX = 4096, /* a longer _id is no bound */
    UNAUTHORIZED = 13,
    CAPPED_SINCE = 8, /* the server's version that reads capped collections at a cluster time */
};

#define auto_bson __attribute__((cleanup(bson_destroy))) bson_t

/* --- Commands --- */

void mongo_add_read_concern(bson_t *command, mongo_time at)
{
    bson_t concern;
    BSON_APPEND_DOCUMENT_BEGIN(command, "readConcern", &concern);
    BSON_APPEND_UTF8(&concern, "level", "snapshot");
    BSON_APPEND_TIMESTAMP(&concern, "atClusterTime", at.seconds, at.increment);
    bson_append_document_end(command, &concern);
}

void mongo_add_order(bson_t *command, const char *name, const char *field, int32_t value)
{
    bson_t order;
    bson_append_document_begin(command, name, -1, &order);
    bson_append_int32(&order, field, -1, value);
    bson_append_document_end(command, &order);
}

void mongo_add_meta(bson_t *projection)
{
    bson_t meta;
    BSON_APPEND_DOCUMENT_BEGIN(projection, "r", &meta);
    BSON_APPEND_UTF8(&meta, "$meta", "recordId");
    bson_append_document_end(projection, &meta);
}

void mongo_add_record_projection(bson_t *command)
{
    bson_t projection;
    BSON_APPEND_DOCUMENT_BEGIN(command, "projection", &projection);
    BSON_APPEND_INT32(&projection, "_id", 0);
    mongo_add_meta(&projection);
    bson_append_document_end(command, &projection);
}

void mongo_add_document(bson_t *command, const char *name, mr_slice document)
{
    bson_t value;
    bson_init_static(&value, (const uint8_t *)document.data, document.len);
    bson_append_document(command, name, -1, &value);
}

static mr_status not_a_cursor(mr_error *err)
{
    return mr_fail(err, MR_FATAL, MR_DOMAIN_MONGODB,
                   "the server answered a question for documents with something else");
}

mr_status mongo_cursor_read(const bson_t *reply, mongo_cursor *ret, mr_error *err)
{
    mr_slice whole = {(const char *)bson_get_data(reply), reply->len};
    mr_bson_element cursor, e;
    *ret = (mongo_cursor){0};
    mr_status status = mr_bson_check(whole.data, whole.len, err);
    if (status != MR_OK) {
        mr_error_prefix(err, "documents as the server has sent them");
        return MR_FATAL;
    }
    if (!mr_bson_find(whole, "cursor", &cursor) || cursor.type != MR_BSON_DOCUMENT) {
        return not_a_cursor(err);
    }
    mr_slice inside = mr_bson_document(&cursor);
    if (mr_bson_find(inside, "id", &e) && e.type == MR_BSON_INT64) {
        ret->id = mr_bson_int(&e);
    }
    if (mr_bson_find(inside, "postBatchResumeToken", &e) && e.type == MR_BSON_DOCUMENT) {
        ret->token = mr_bson_document(&e);
    }
    if ((!mr_bson_find(inside, "firstBatch", &e) && !mr_bson_find(inside, "nextBatch", &e)) ||
        e.type != MR_BSON_ARRAY) {
        return not_a_cursor(err);
    }
    ret->documents = mr_bson_document(&e);
    return MR_OK;
}

static bool next_document(const mongo_cursor *cursor, size_t *at, mr_slice *ret)
{
    mr_bson_element e;
    while (mr_bson_next(cursor->documents, at, &e)) {
        if (e.type == MR_BSON_DOCUMENT) {
            *ret = mr_bson_document(&e);
            return true;
        }
    }
    return false;
}

bool mongo_cursor_record(const mongo_cursor *cursor, int64_t *ret)
{
    size_t at = 0;
    mr_slice document;
    mr_bson_element e;
    if (!next_document(cursor, &at, &document) || !mr_bson_find(document, "r", &e) ||
        e.type != MR_BSON_INT64) {
        return false;
    }
    *ret = mr_bson_int(&e);
    return true;
}

bool mongo_history_gone(const mr_error *err)
{
    enum {
        CURSOR_NOT_FOUND = 43,
        INVALID_OPTIONS = 72, /* a time that a new primary has not come to yet */
        QUERY_PLAN_KILLED = 175,
        CURSOR_KILLED = 237,
        SNAPSHOT_TOO_OLD = 239,
        SNAPSHOT_UNAVAILABLE = 246
    };
    if (err->domain != MR_DOMAIN_MONGODB) {
        return false;
    }
    switch (err->native) {
    case CURSOR_NOT_FOUND:
    case INVALID_OPTIONS:
    case QUERY_PLAN_KILLED:
    case CURSOR_KILLED:
    case SNAPSHOT_TOO_OLD:
    case SNAPSHOT_UNAVAILABLE:
        return true;
    default:
        return false;
    }
}

static mr_status run(const mongo_link *link, const mongo_place *place, const bson_t *command,
                     bson_t *reply, mr_error *err)
{
    char doing[400];
    snprintf(doing, sizeof doing, "cannot plan the snapshot of %s", place->full);
    return mongo_link_run(link, place->database, command, reply, err, doing);
}

static mr_status run_cursor(const mongo_link *link, const mongo_place *place, const bson_t *command,
                            bson_t *reply, mongo_cursor *ret, mr_error *err)
{
    mr_status status = run(link, place, command, reply, err);
    return status == MR_OK ? mongo_cursor_read(reply, ret, err) : status;
}

/* --- What the collection is --- */

static mr_status refuse_capped(const mongo_place *place, mr_error *err)
{
    mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
            "collection %s is capped, and MongoDB before 8.0 reads no capped collection as it was "
            "at one time: leave it out, or set snapshot.mode to never",
            place->full);
    mr_error_field(err, "snapshot.mode");
    if (err) {
        err->permanent = true;
    }
    return MR_FATAL;
}

static mr_status look_at_options(const mongo_link *link, mongo_place *place, mr_error *err)
{
    auto_bson command = BSON_INITIALIZER, reply = BSON_INITIALIZER;
    bson_t filter;
    BSON_APPEND_INT32(&command, "listCollections", 1);
    BSON_APPEND_DOCUMENT_BEGIN(&command, "filter", &filter);
    BSON_APPEND_UTF8(&filter, "name", place->name);
    bson_append_document_end(&command, &filter);
    mongo_cursor cursor;
    bson_destroy(&reply);
    mr_status status = run_cursor(link, place, &command, &reply, &cursor, err);
    mr_slice found;
    mr_bson_element e;
    size_t at = 0;
    if (status != MR_OK) {
        return status;
    }
    place->absent = !next_document(&cursor, &at, &found) || !mr_bson_find(found, "type", &e) ||
                    e.type != MR_BSON_STRING || mr_bson_text(&e).len != strlen("collection") ||
                    memcmp(mr_bson_text(&e).data, "collection", strlen("collection")) != 0;
    if (place->absent) {
        return MR_OK;
    }
    place->clustered = mr_bson_find_path(found, "options.clusteredIndex", &e);
    bool capped =
        mr_bson_find_path(found, "options.capped", &e) && e.type == MR_BSON_BOOL && mr_bson_int(&e);
    return capped && link->mongo->version[0] < CAPPED_SINCE ? refuse_capped(place, err) : MR_OK;
}

static void read_number(const bson_t *reply, const char *name, int64_t *ret)
{
    bson_iter_t it;
    if (bson_iter_init_find(&it, reply, name) && BSON_ITER_HOLDS_NUMBER(&it)) {
        *ret = bson_iter_as_int64(&it);
    }
}

static void read_home(const bson_t *stats, char out[MONGO_HOME_BYTES])
{
    bson_iter_t it, uri;
    out[0] = '\0';
    if (bson_iter_init(&it, stats) && bson_iter_find_descendant(&it, "wiredTiger.uri", &uri) &&
        BSON_ITER_HOLDS_UTF8(&uri) && strlen(bson_iter_utf8(&uri, NULL)) < MONGO_HOME_BYTES) {
        snprintf(out, MONGO_HOME_BYTES, "%s", bson_iter_utf8(&uri, NULL));
    }
}

static mr_status run_named(const mongo_link *link, const mongo_place *place, const char *name,
                           bson_t *reply, mr_error *err)
{
    auto_bson command = BSON_INITIALIZER;
    bson_append_utf8(&command, name, -1, place->name, -1);
    return run(link, place, &command, reply, err);
}

mr_status mongo_find_home(const mongo_link *link, const mongo_place *place,
                          char out[MONGO_HOME_BYTES], mr_error *err)
{
    auto_bson reply = BSON_INITIALIZER;
    bson_destroy(&reply);
    mr_status status = run_named(link, place, "collStats", &reply, err);
    if (status == MR_OK) {
        read_home(&reply, out);
    }
    return status;
}

/* Who may find documents may count them; what collStats says takes a right of its own. */
static mr_status look_at_size(const mongo_link *link, mongo_place *place, mr_error *err)
{
    auto_bson stats = BSON_INITIALIZER, count = BSON_INITIALIZER;
    bson_destroy(&stats);
    mr_status status = run_named(link, place, "collStats", &stats, err);
    if (status == MR_OK) {
        read_number(&stats, "count", &place->documents);
        read_number(&stats, "size", &place->bytes);
        read_home(&stats, place->home);
    } else if (err->native == UNAUTHORIZED) {
        bson_destroy(&count);
        status = run_named(link, place, "count", &count, err);
        read_number(&count, "n", &place->documents);
    }
    return status;
}

mr_status mongo_place_survey(const mongo_link *link, mongo_place *place, mr_error *err)
{
    mr_status status = look_at_options(link, place, err);
    return status == MR_OK && !place->absent ? look_at_size(link, place, err) : status;
}

/* --- Where to cut it --- */

/* May it be read by record id? */
static mr_status try_records(const mongo_link *link, const mongo_place *place, mongo_time at,
                             bool *can, mr_error *err)
{
    *can = false;
    if (link->mongo->sharded || place->clustered || place->absent || !*place->home ||
        place->pace->by_id) {
        return MR_OK;
    }
    auto_bson command = BSON_INITIALIZER, reply = BSON_INITIALIZER;
    BSON_APPEND_UTF8(&command, "find", place->name);
    mongo_add_order(&command, "hint", "$natural", 1);
    BSON_APPEND_BOOL(&command, "$_requestResumeToken", true);
    mongo_add_record_projection(&command);
    BSON_APPEND_INT32(&command, "batchSize", 1);
    BSON_APPEND_BOOL(&command, "singleBatch", true);
    mongo_add_read_concern(&command, at);
    mongo_cursor cursor;
    bson_destroy(&reply);
    mr_status status = run_cursor(link, place, &command, &reply, &cursor, err);
    if (status == MR_OK) {
        size_t walked = 0;
        mr_slice any;
        int64_t first;
        mr_bson_element token;
        bool empty = !next_document(&cursor, &walked, &any);
        *can = empty ||
               (mongo_cursor_record(&cursor, &first) && cursor.token.data &&
                mr_bson_find(cursor.token, "$recordId", &token) && token.type == MR_BSON_INT64);
    } else if (status == MR_FATAL && err->native && !mongo_history_gone(err)) {
        status = MR_OK; /* it knows no such thing: by _id, then */
    }
    return status;
}

/* Record id of the last document; 0: there is none. */
static mr_status last_record(const mongo_link *link, const mongo_place *place, mongo_time at,
                             int64_t *ret, mr_error *err)
{
    auto_bson command = BSON_INITIALIZER, reply = BSON_INITIALIZER;
    mongo_cursor cursor;
    BSON_APPEND_UTF8(&command, "find", place->name);
    mongo_add_order(&command, "hint", "$natural", -1);
    mongo_add_record_projection(&command);
    BSON_APPEND_INT32(&command, "limit", 1);
    mongo_add_read_concern(&command, at);
    bson_destroy(&reply);
    mr_status status = run_cursor(link, place, &command, &reply, &cursor, err);
    if (status != MR_OK || !mongo_cursor_record(&cursor, ret)) {
        *ret = 0;
    }
    return status;
}

static size_t wanted_ranges(const mongo_place *place)
{
    int64_t count = place->documents / place->pace->range_documents;
    return count < 1 ? 1 : count > MONGO_RANGES_MAX ? MONGO_RANGES_MAX : (size_t)count;
}

static void begin_stage(bson_t *pipeline, const char *index, const char *name, bson_t *stage,
                        bson_t *inside)
{
    BSON_APPEND_DOCUMENT_BEGIN(pipeline, index, stage);
    bson_append_document_begin(stage, name, -1, inside);
}

static void end_stage(bson_t *pipeline, bson_t *stage, bson_t *inside)
{
    bson_append_document_end(stage, inside);
    bson_append_document_end(pipeline, stage);
}

/* _ids at random, in order. */
static mr_status sample(const mongo_link *link, const mongo_place *place, size_t count,
                        bson_t *reply, mongo_cursor *ret, mr_error *err)
{
    auto_bson command = BSON_INITIALIZER;
    bson_t pipeline, stage, inside;
    BSON_APPEND_UTF8(&command, "aggregate", place->name);
    BSON_APPEND_ARRAY_BEGIN(&command, "pipeline", &pipeline);
    begin_stage(&pipeline, "0", "$sample", &stage, &inside);
    BSON_APPEND_INT32(&inside, "size", (int32_t)count);
    end_stage(&pipeline, &stage, &inside);
    begin_stage(&pipeline, "1", "$project", &stage, &inside);
    BSON_APPEND_INT32(&inside, "_id", 1);
    end_stage(&pipeline, &stage, &inside);
    begin_stage(&pipeline, "2", "$sort", &stage, &inside);
    BSON_APPEND_INT32(&inside, "_id", 1);
    end_stage(&pipeline, &stage, &inside);
    bson_append_array_end(&command, &pipeline);
    mongo_add_order(&command, "cursor", "batchSize", (int32_t)count + 1);
    return run_cursor(link, place, &command, reply, ret, err);
}

/* "filter": {"_id": {"$in": [the _ids of these documents]}} */
static void add_ids(bson_t *command, const mongo_cursor *documents)
{
    bson_t filter, condition, array, document;
    BSON_APPEND_DOCUMENT_BEGIN(command, "filter", &filter);
    BSON_APPEND_DOCUMENT_BEGIN(&filter, "_id", &condition);
    BSON_APPEND_ARRAY_BEGIN(&condition, "$in", &array);
    size_t at = 0;
    uint32_t count = 0;
    mr_slice bytes;
    while (next_document(documents, &at, &bytes)) {
        bson_iter_t id;
        bson_init_static(&document, (const uint8_t *)bytes.data, bytes.len);
        if (bytes.len <= BOUND_BYTES_MAX && bson_iter_init_find(&id, &document, "_id")) {
            char room[16];
            const char *index;
            size_t len = bson_uint32_to_string(count++, &index, room, sizeof room);
            bson_append_iter(&array, index, (int)len, &id);
        }
    }
    bson_append_array_end(&condition, &array);
    bson_append_document_end(&filter, &condition);
    bson_append_document_end(command, &filter);
}

/* Which of these lie at which record ids; *count: room, then how many. */
static mr_status look_up_records(const mongo_link *link, const mongo_place *place,
                                 const mongo_cursor *sampled, mongo_time at, int64_t *records,
                                 size_t *count, mr_error *err)
{
    auto_bson command = BSON_INITIALIZER, reply = BSON_INITIALIZER;
    BSON_APPEND_UTF8(&command, "find", place->name);
    add_ids(&command, sampled);
    mongo_add_record_projection(&command);
    BSON_APPEND_INT32(&command, "batchSize", (int32_t)*count + 1);
    mongo_add_read_concern(&command, at);
    mongo_cursor cursor;
    bson_destroy(&reply);
    mr_status status = run_cursor(link, place, &command, &reply, &cursor, err);
    size_t room = *count, walked = 0;
    mr_slice document;
    mr_bson_element e;
    *count = 0;
    while (status == MR_OK && *count < room && next_document(&cursor, &walked, &document)) {
        if (mr_bson_find(document, "r", &e) && e.type == MR_BSON_INT64) {
            records[(*count)++] = mr_bson_int(&e);
        }
    }
    return status;
}

static int compare_records(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static mr_status record_bounds(const mongo_link *link, const mongo_place *place, mongo_time at,
                               int64_t last, mongo_mark *bounds, size_t *bound_count, mr_error *err)
{
    int64_t records[MONGO_RANGES_MAX * SAMPLES_PER_RANGE];
    size_t count = wanted_ranges(place) * SAMPLES_PER_RANGE;
    auto_bson reply = BSON_INITIALIZER;
    mongo_cursor sampled;
    *bound_count = 0;
    if (count <= SAMPLES_PER_RANGE) {
        return MR_OK;
    }
    bson_destroy(&reply);
    mr_status status = sample(link, place, count, &reply, &sampled, err);
    if (status == MR_OK) {
        status = look_up_records(link, place, &sampled, at, records, &count, err);
    }
    if (status != MR_OK) {
        return status;
    }
    qsort(records, count, sizeof *records, compare_records);
    int64_t before = INT64_MIN;
    for (size_t i = SAMPLES_PER_RANGE; i < count; i += SAMPLES_PER_RANGE) {
        if (records[i] > before && records[i] < last) {
            mongo_mark_set_record(&bounds[(*bound_count)++], records[i]);
            before = records[i];
        }
    }
    return MR_OK;
}

static mr_status id_bounds(const mongo_link *link, const mongo_place *place, mongo_mark *bounds,
                           size_t *bound_count, mr_error *err)
{
    size_t count = wanted_ranges(place) * SAMPLES_PER_RANGE;
    auto_bson reply = BSON_INITIALIZER;
    mongo_cursor sampled;
    *bound_count = 0;
    if (count <= SAMPLES_PER_RANGE) {
        return MR_OK;
    }
    bson_destroy(&reply);
    mr_status status = sample(link, place, count, &reply, &sampled, err);
    size_t walked = 0;
    mr_slice document;
    for (size_t i = 0; status == MR_OK && next_document(&sampled, &walked, &document); i++) {
        bool fits = document.len <= BOUND_BYTES_MAX && *bound_count < MONGO_RANGES_MAX - 1;
        bool again = *bound_count && mongo_mark_is_id_of(&bounds[*bound_count - 1], document);
        if (i && i % SAMPLES_PER_RANGE == 0 && fits && !again &&
            mongo_mark_set_id(&bounds[*bound_count], document)) {
            ++*bound_count;
        }
    }
    return status;
}

mr_status mongo_place_plan(const mongo_link *link, mongo_place *place, mongo_time at, mr_error *err)
{
    mongo_mark bounds[MONGO_RANGES_MAX] = {{0}}, end = {0};
    size_t count = 0;
    bool by_record = false;
    int64_t last = 0;
    mr_status status = try_records(link, place, at, &by_record, err);
    if (status == MR_OK && by_record) {
        status = last_record(link, place, at, &last, err);
    }
    if (status == MR_OK && by_record && last) {
        status = record_bounds(link, place, at, last, bounds, &count, err);
        mongo_mark_set_record(&end, last);
    } else if (status == MR_OK && !by_record && !place->absent) {
        status = id_bounds(link, place, bounds, &count, err);
    }
    if (status == MR_OK) {
        mongo_place_divide(place, bounds, count, &end);
        place->ranges[0].done = place->absent || (by_record && !last);
    }
    for (size_t i = 0; i < MONGO_RANGES_MAX; i++) {
        mongo_mark_release(&bounds[i]);
    }
    mongo_mark_release(&end);
    return status;
}
