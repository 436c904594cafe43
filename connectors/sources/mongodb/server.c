/* SPDX-License-Identifier: Apache-2.0 */
/* Commands other than the stream's own, one function each. What a least-privileged user may not do
 * costs a sentence, not the stream. */
#include "server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"

enum { UNAUTHORIZED = 13, NAMESPACE_NOT_FOUND = 26, NAMESPACE_EXISTS = 48 };

#define auto_bson __attribute__((cleanup(bson_destroy))) bson_t

static bool is_code(const mr_error *err, int code)
{
    return err->domain == MR_DOMAIN_MONGODB && err->native == code;
}

/* --- Connecting --- */

static mr_status permanent(mr_error *err)
{
    mr_error_field(err, "connection.url");
    if (err) {
        err->permanent = true;
    }
    return MR_FATAL;
}

mr_status mongo_server_open(const mongo_options *options, const char *app_name, mr_mongo **ret,
                            mr_error *err)
{
    mr_status status = mr_mongo_open(options->uri, app_name, options->connect_timeout_ms, ret, err);
    if (status != MR_OK) {
        return status;
    }
    const mr_mongo *mongo = *ret;
    if (!mongo->replica_set[0] && !mongo->sharded) {
        mr_fail(err, MR_FATAL, MR_DOMAIN_MONGODB,
                "the server at %s is a standalone mongod, and those have no change streams. Make "
                "it a replica set of one: start it with --replSet rs0 (or replication.replSetName "
                "in its configuration), run rs.initiate() once in mongosh, and add "
                "replicaSet=rs0 to connection.url",
                mongo->host);
        return permanent(err);
    }
    if (mongo->version[0] < 6) {
        mr_fail(err, MR_FATAL, MR_DOMAIN_MONGODB,
                "the server at %s is MongoDB %d.%d; images before and after a change exist since "
                "6.0, which is needed",
                mongo->host, mongo->version[0], mongo->version[1]);
        return permanent(err);
    }
    return MR_OK;
}

mr_status mongo_server_time(mr_mongo *mongo, mongo_time *ret, mr_error *err)
{
    auto_bson command = BSON_INITIALIZER;
    auto_bson reply;
    BSON_APPEND_INT32(&command, "ping", 1);
    mr_status status = mr_mongo_command(mongo, "admin", &command, NULL, &reply, err,
                                        "asking for the cluster time");
    if (status == MR_OK && !mongo_reply_time(&reply, ret)) {
        return mr_fail(err, MR_REOPEN, MR_DOMAIN_MONGODB,
                       "the server's answer has no operationTime; is the replica set initiated?");
    }
    return status;
}

mr_status mongo_server_next_time(mr_mongo *mongo, mongo_time *ret, mr_error *err)
{
    mr_status status = mongo_server_time(mongo, ret, err);
    ret->increment++;
    return status;
}

/* --- Collections --- */

static mr_status list(mr_mongo *mongo, const char *database, const char *name, bson_t *reply,
                      mr_error *err)
{
    auto_bson command = BSON_INITIALIZER;
    bson_t filter, cursor;
    BSON_APPEND_INT32(&command, "listCollections", 1);
    BSON_APPEND_DOCUMENT_BEGIN(&command, "filter", &filter);
    BSON_APPEND_UTF8(&filter, "type", "collection");
    if (name) {
        BSON_APPEND_UTF8(&filter, "name", name);
    }
    bson_append_document_end(&command, &filter);
    /* Shows those a user may read, without the right to list all. */
    BSON_APPEND_BOOL(&command, "authorizedCollections", true);
    BSON_APPEND_BOOL(&command, "nameOnly", name == NULL);
    BSON_APPEND_DOCUMENT_BEGIN(&command, "cursor", &cursor);
    BSON_APPEND_INT32(&cursor, "batchSize", 100000);
    bson_append_document_end(&command, &cursor);
    return mr_mongo_command(mongo, database, &command, NULL, reply, err, "listing the collections");
}

static bool batch_of(const bson_t *reply, const char *path, bson_iter_t *ret)
{
    bson_iter_t it, batch;
    return bson_iter_init(&it, reply) && bson_iter_find_descendant(&it, path, &batch) &&
           BSON_ITER_HOLDS_ARRAY(&batch) && bson_iter_recurse(&batch, ret);
}

static const char *text_in(const bson_iter_t *document, const char *name)
{
    bson_iter_t it;
    return BSON_ITER_HOLDS_DOCUMENT(document) && bson_iter_recurse(document, &it) &&
                   bson_iter_find(&it, name) && BSON_ITER_HOLDS_UTF8(&it)
               ? bson_iter_utf8(&it, NULL)
               : NULL;
}

static mr_status collections_of(mr_mongo *mongo, const char *database, mongo_each_collection *each,
                                void *context, mr_error *err)
{
    auto_bson reply;
    mr_status status = list(mongo, database, NULL, &reply, err);
    bson_iter_t it;
    if (status == MR_OK && batch_of(&reply, "cursor.firstBatch", &it)) {
        while (bson_iter_next(&it)) {
            const char *name = text_in(&it, "name");
            if (name && strncmp(name, "system.", 7) != 0) {
                each(context, database, name);
            }
        }
    }
    return status;
}

static bool of_the_system(const char *database)
{
    return strcmp(database, "admin") == 0 || strcmp(database, "config") == 0 ||
           strcmp(database, "local") == 0;
}

static mr_status collections_of_all(mr_mongo *mongo, mongo_each_collection *each, void *context,
                                    mr_error *err)
{
    auto_bson command = BSON_INITIALIZER;
    auto_bson reply;
    BSON_APPEND_INT32(&command, "listDatabases", 1);
    BSON_APPEND_BOOL(&command, "nameOnly", true);
    mr_status status =
        mr_mongo_command(mongo, "admin", &command, NULL, &reply, err, "listing the databases");
    bson_iter_t it;
    if (status == MR_OK && batch_of(&reply, "databases", &it)) {
        while (status == MR_OK && bson_iter_next(&it)) {
            const char *name = text_in(&it, "name");
            if (name && !of_the_system(name)) {
                status = collections_of(mongo, name, each, context, err);
            }
        }
    }
    return status;
}

typedef struct chosen {
    const mr_list *names;
    mongo_each_collection *each;
    void *context;
} chosen;

static void pass_chosen(void *context, const char *database, const char *name)
{
    const chosen *c = context;
    for (size_t i = 0; i < c->names->count; i++) {
        if (strcmp(c->names->items[i], name) == 0) {
            c->each(c->context, database, name);
            return;
        }
    }
}

mr_status mongo_server_collections(mr_mongo *mongo, const mongo_options *options,
                                   mongo_each_collection *each, void *context, mr_error *err)
{
    if (!options->database) {
        return collections_of_all(mongo, each, context, err);
    }
    if (!options->collections.count) {
        return collections_of(mongo, options->database, each, context, err);
    }
    chosen c = {&options->collections, each, context};
    return collections_of(mongo, options->database, pass_chosen, &c, err);
}

/* --- Setting a collection up --- */

static void append_images(bson_t *command)
{
    bson_t images;
    BSON_APPEND_DOCUMENT_BEGIN(command, "changeStreamPreAndPostImages", &images);
    BSON_APPEND_BOOL(&images, "enabled", true);
    bson_append_document_end(command, &images);
}

/* Is there such a collection, and has it images? */
static mr_status has_images(mr_mongo *mongo, const mongo_collection *c, bool *exists, bool *has,
                            mr_error *err)
{
    auto_bson reply;
    mr_status status = list(mongo, c->database, c->name, &reply, err);
    bson_iter_t it, found;
    *exists = *has = false;
    if (status == MR_OK && batch_of(&reply, "cursor.firstBatch", &it) && bson_iter_next(&it)) {
        *exists = true;
        *has = bson_iter_recurse(&it, &found) &&
               bson_iter_find_descendant(&found, "options.changeStreamPreAndPostImages.enabled",
                                         &it) &&
               bson_iter_as_bool(&it);
    }
    return status;
}

static mr_status enable_images(mr_mongo *mongo, const mongo_options *options,
                               const mongo_collection *c, mr_task *task, mr_error *err)
{
    bool exists, has;
    mr_status status = has_images(mongo, c, &exists, &has, err);
    if (status != MR_OK && is_code(err, UNAUTHORIZED)) {
        mr_task_warn(task, "can not see whether %s has pre- and post-images: %s", c->full,
                     err->text);
        return MR_OK;
    }
    if (status != MR_OK || !exists || has) {
        return status;
    }
    if (!options->images_enable) {
        mr_task_warn(task,
                     "%s has no pre- and post-images, and images.enable is false: images of "
                     "updates are looked up afterwards, old images are missing",
                     c->full);
        return MR_OK;
    }
    auto_bson command = BSON_INITIALIZER;
    auto_bson reply;
    BSON_APPEND_UTF8(&command, "collMod", c->name);
    append_images(&command);
    status = mr_mongo_command(mongo, c->database, &command, NULL, &reply, err,
                              "switching on pre- and post-images");
    if (status == MR_OK) {
        mr_task_info(task, "pre- and post-images are switched on for %s", c->full);
    } else if (status == MR_FATAL) {
        mr_task_warn(task,
                     "pre- and post-images can not be switched on for %s: %s. Images of updates "
                     "are looked up afterwards, old images are missing. Let somebody run "
                     "db.runCommand({collMod: \"%s\", changeStreamPreAndPostImages: {enabled: "
                     "true}})",
                     c->full, err->text, c->name);
        status = MR_OK;
    }
    return status;
}

static mr_status read_ttls(mr_mongo *mongo, mongo_collection *c, mr_error *err)
{
    auto_bson command = BSON_INITIALIZER;
    auto_bson reply;
    BSON_APPEND_UTF8(&command, "listIndexes", c->name);
    mr_status status =
        mr_mongo_command(mongo, c->database, &command, NULL, &reply, err, "listing the indexes");
    mongo_collection_forget_ttls(c);
    if (status == MR_OK) {
        mongo_collection_add_ttls(c, &reply);
    } else if (is_code(err, NAMESPACE_NOT_FOUND) || is_code(err, UNAUTHORIZED)) {
        status = MR_OK;
    }
    return status;
}

mr_status mongo_server_prepare(mr_mongo *mongo, const mongo_options *options, mongo_collection *c,
                               mr_task *task, mr_error *err)
{
    mr_status status = enable_images(mongo, options, c, task, err);
    if (status == MR_OK) {
        status = read_ttls(mongo, c, err);
    }
    c->asked = status == MR_OK;
    c->asked_us = mr_clock_us();
    return status;
}

mr_status mongo_server_create(mr_mongo *mongo, const mongo_options *options, const char *database,
                              const char *name, mr_error *err)
{
    auto_bson command = BSON_INITIALIZER;
    auto_bson reply;
    BSON_APPEND_UTF8(&command, "create", name);
    if (options->images_enable) {
        append_images(&command);
    }
    mr_status status =
        mr_mongo_command(mongo, database, &command, NULL, &reply, err, "creating the collection");
    return status != MR_OK && is_code(err, NAMESPACE_EXISTS) ? MR_OK : status;
}

/* --- Looking documents up --- */

void mongo_lookups_clear(mongo_lookups *lookups)
{
    for (size_t i = 0; i < lookups->count; i++) {
        bson_free(lookups->replies[i]);
    }
    lookups->count = 0;
}

static bool lacks_image(const mongo_event *event)
{
    return event->kind == MONGO_EVENT_UPDATE && !event->after.data && !event->unchanged &&
           event->key.data;
}

static bool same(mr_slice a, mr_slice b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

static bool same_collection(const mongo_event *a, const mongo_event *b)
{
    return same(a->collection, b->collection) && same(a->database, b->database);
}

typedef struct wanted {
    mr_bson_element id;
    mongo_event *event;
} wanted;

static int compare_ids(const void *a, const void *b)
{
    const mr_bson_element *x = &((const wanted *)a)->id, *y = &((const wanted *)b)->id;
    if (x->type != y->type) {
        return x->type < y->type ? -1 : 1;
    }
    if (x->value.len != y->value.len) {
        return x->value.len < y->value.len ? -1 : 1;
    }
    return x->value.len ? memcmp(x->value.data, y->value.data, x->value.len) : 0;
}

/* Gives the documents of a batch to the events that want them: `all` is sorted by _id. */
static void give_out(mr_slice batch, wanted *all, size_t count)
{
    mr_bson_element part;
    size_t cursor = 0;
    while (mr_bson_next(batch, &cursor, &part)) {
        mr_slice document = mr_bson_document(&part);
        wanted key;
        if (!mr_bson_find(document, "_id", &key.id)) {
            continue;
        }
        wanted *hit = bsearch(&key, all, count, sizeof *all, compare_ids);
        while (hit && hit > all && compare_ids(hit - 1, &key) == 0) {
            hit--;
        }
        for (; hit && hit < all + count && compare_ids(hit, &key) == 0; hit++) {
            hit->event->after = document;
            hit->event->looked_up = true;
        }
    }
}

/* Takes a reply's documents over, and the cursor's id from it. */
static mr_status take_found(bson_t *reply, mongo_lookups *lookups, wanted *all, size_t count,
                            int64_t *cursor, mr_error *err)
{
    if (lookups->count == lookups->capacity) {
        lookups->capacity = lookups->capacity ? lookups->capacity * 2 : 4;
        lookups->replies =
            mr_realloc_array(lookups->replies, lookups->capacity, sizeof *lookups->replies);
    }
    uint32_t len;
    uint8_t *bytes = bson_destroy_with_steal(reply, true, &len);
    lookups->replies[lookups->count++] = bytes;
    mr_slice whole = {(const char *)bytes, len};
    mr_bson_element part;
    *cursor = 0;
    if (mr_bson_check(whole.data, whole.len, err) != MR_OK) {
        mr_error_prefix(err, "documents that were looked up are malformed");
        return MR_FATAL;
    }
    if (mr_bson_find_path(whole, "cursor.id", &part)) {
        *cursor = mr_bson_int(&part);
    }
    if (mr_bson_find_path(whole, "cursor.firstBatch", &part) ||
        mr_bson_find_path(whole, "cursor.nextBatch", &part)) {
        give_out(mr_bson_document(&part), all, count);
    }
    return MR_OK;
}

/* {find: <collection>, filter: {_id: {$in: [...]}}, ...} */
static void find_command(const char *collection, const wanted *all, size_t count, bson_t *command)
{
    mr_buffer ids = MR_BUFFER_INIT(MR_BSON_BYTES_MAX);
    char room[MR_BSON_INDEX_BYTES];
    size_t begun = mr_bson_begin(&ids);
    uint32_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || compare_ids(&all[i - 1], &all[i]) != 0) {
            mr_bson_add_as(&ids, mr_bson_index(n++, room), &all[i].id);
        }
    }
    mr_bson_end(&ids, begun);
    bson_t filter, in, array;
    BSON_APPEND_UTF8(command, "find", collection);
    BSON_APPEND_DOCUMENT_BEGIN(command, "filter", &filter);
    BSON_APPEND_DOCUMENT_BEGIN(&filter, "_id", &in);
    if (bson_init_static(&array, (const uint8_t *)ids.data, ids.len)) {
        BSON_APPEND_ARRAY(&in, "$in", &array);
    }
    bson_append_document_end(&filter, &in);
    bson_append_document_end(command, &filter);
    BSON_APPEND_INT32(command, "batchSize", (int32_t)n + 1); /* one more: the cursor ends at once */
    mr_buffer_release(&ids);
}

static mr_status find_all(mr_mongo *mongo, const char *database, const char *collection,
                          wanted *all, size_t count, mongo_lookups *lookups, mr_error *err)
{
    auto_bson command = BSON_INITIALIZER;
    find_command(collection, all, count, &command);
    int64_t cursor = 0;
    mr_status status;
    do {
        bson_t reply;
        status = mr_mongo_command(mongo, database, &command, NULL, &reply, err,
                                  "looking up documents for their images");
        if (status != MR_OK) {
            bson_destroy(&reply);
            break;
        }
        status = take_found(&reply, lookups, all, count, &cursor, err);
        bson_reinit(&command);
        BSON_APPEND_INT64(&command, "getMore", cursor);
        BSON_APPEND_UTF8(&command, "collection", collection);
    } while (status == MR_OK && cursor);
    return status;
}

/* Looks up for all events of the collection that events[0] is of. */
static mr_status look_up_like(mr_mongo *mongo, mongo_event *events, size_t count, wanted *room,
                              mongo_lookups *lookups, mr_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (lacks_image(&events[i]) && !events[i].looked_up &&
            same_collection(&events[i], &events[0]) &&
            mr_bson_find(events[i].key, "_id", &room[n].id)) {
            room[n++].event = &events[i];
        }
    }
    if (!n) {
        return MR_OK;
    }
    qsort(room, n, sizeof *room, compare_ids);
    char *database = mr_strndup(events[0].database.data, events[0].database.len);
    char *collection = mr_strndup(events[0].collection.data, events[0].collection.len);
    mr_status status = find_all(mongo, database, collection, room, n, lookups, err);
    for (size_t i = 0; i < n; i++) {
        room[i].event->looked_up = true; /* found or not */
    }
    free(database);
    free(collection);
    return status;
}

mr_status mongo_server_look_up(mr_mongo *mongo, mongo_event *events, size_t count,
                               mongo_lookups *lookups, mr_error *err)
{
    wanted *room = NULL;
    mr_status status = MR_OK;
    for (size_t i = 0; i < count && status == MR_OK; i++) {
        if (lacks_image(&events[i]) && !events[i].looked_up) {
            room = room ? room : mr_realloc_array(NULL, count, sizeof *room);
            status = look_up_like(mongo, events + i, count - i, room, lookups, err);
        }
    }
    free(room);
    return status;
}

mr_status mongo_server_has(mr_mongo *mongo, const mongo_collection *collection, mr_slice key,
                           bool *ret, mr_error *err)
{
    auto_bson command = BSON_INITIALIZER;
    auto_bson reply;
    bson_t filter, part;
    if (!bson_init_static(&filter, (const uint8_t *)key.data, key.len)) {
        return mr_fail(err, MR_FATAL, MR_DOMAIN_RECORD, "a key is no BSON document");
    }
    BSON_APPEND_UTF8(&command, "find", collection->name);
    BSON_APPEND_DOCUMENT(&command, "filter", &filter);
    BSON_APPEND_DOCUMENT_BEGIN(&command, "projection", &part);
    BSON_APPEND_INT32(&part, "_id", 1);
    bson_append_document_end(&command, &part);
    BSON_APPEND_DOCUMENT_BEGIN(&command, "collation", &part); /* "a" is not "A" here */
    BSON_APPEND_UTF8(&part, "locale", "simple");
    bson_append_document_end(&command, &part);
    BSON_APPEND_INT32(&command, "limit", 1);
    BSON_APPEND_BOOL(&command, "singleBatch", true);
    mr_status status = mr_mongo_command(mongo, collection->database, &command, NULL, &reply, err,
                                        "asking whether a document is still there");
    bson_iter_t it;
    *ret = status == MR_OK && batch_of(&reply, "cursor.firstBatch", &it) && bson_iter_next(&it);
    return status;
}

/* Is nine tenths of the oplog's room taken? Not known: yes, to be on the safe side. */
static bool oplog_full(mr_mongo *mongo)
{
    auto_bson command = BSON_INITIALIZER;
    auto_bson reply;
    mr_error ignored;
    BSON_APPEND_UTF8(&command, "collStats", "oplog.rs");
    mr_status status = mr_mongo_command(mongo, "local", &command, NULL, &reply, &ignored,
                                        "asking for the size of the oplog");
    bson_iter_t size, room;
    return status != MR_OK || !bson_iter_init_find(&size, &reply, "size") ||
           !bson_iter_init_find(&room, &reply, "maxSize") ||
           (double)bson_iter_as_int64(&size) >= 0.9 * (double)bson_iter_as_int64(&room);
}

mr_status mongo_server_oldest(mr_mongo *mongo, mongo_time *ret, bool *full, mr_error *err)
{
    auto_bson command = BSON_INITIALIZER;
    auto_bson reply;
    bson_t part;
    BSON_APPEND_UTF8(&command, "find", "oplog.rs");
    BSON_APPEND_DOCUMENT_BEGIN(&command, "sort", &part);
    BSON_APPEND_INT32(&part, "$natural", 1);
    bson_append_document_end(&command, &part);
    BSON_APPEND_DOCUMENT_BEGIN(&command, "projection", &part);
    BSON_APPEND_INT32(&part, "ts", 1);
    bson_append_document_end(&command, &part);
    BSON_APPEND_INT32(&command, "limit", 1);
    BSON_APPEND_BOOL(&command, "singleBatch", true);
    mr_status status = mr_mongo_command(mongo, "local", &command, NULL, &reply, err,
                                        "reading the oldest entry of the oplog");
    bson_iter_t it, ts;
    if (status == MR_OK && bson_iter_init(&it, &reply) &&
        bson_iter_find_descendant(&it, "cursor.firstBatch.0.ts", &ts) &&
        BSON_ITER_HOLDS_TIMESTAMP(&ts)) {
        bson_iter_timestamp(&ts, &ret->seconds, &ret->increment);
        *full = oplog_full(mongo);
        return MR_OK;
    }
    if (status == MR_OK) {
        mr_fail(err, MR_REJECT, MR_DOMAIN_MONGODB, "there is no oplog here");
        return MR_REJECT;
    }
    return status == MR_FATAL ? MR_REJECT : status;
}
