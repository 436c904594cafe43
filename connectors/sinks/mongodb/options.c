/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a user may set. Names follow the field where it has them (connection.url, database,
 * collection, delete.on.null); combinations that can not work are refused before anything is
 * opened.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "sinks/mongodb/mongodb.h"

static const char *const modes[] = {"upsert", "insert", "update", "update-many", "delete", NULL};
static const char *const ids[] = {"key", "generated", NULL};
static const char *const switches[] = {"auto", "on", "off", NULL};
static const char *const truths[] = {"auto", "true", "false", NULL};

const mr_option mdb_options[] = {
    MR_TEXT("connection.url", mdb_sink, url, NULL, MR_OPT_REQUIRED | MR_OPT_SECRET,
            "Where MongoDB is: mongodb://user:password@host:27017/database?replicaSet=rs0 or "
            "mongodb+srv://..., with the options of MongoDB's connection strings."),
    MR_TIME("connect.timeout.ms", mdb_sink, connect_timeout_ms, "10s", 100, 600000, 0,
            "How long one attempt to find the primary may take. The task tries again, with longer "
            "and longer pauses, for as long as there is none."),
    MR_TEXT("database", mdb_sink, database_option, NULL, 0,
            "Database to write to. Default: the one in connection.url."),
    MR_TEXT("offsets.collection", mdb_sink, offsets_collection, "millrace.offsets", 0,
            "Collection in the same database that holds the Kafka offsets, written in the same "
            "transaction as the documents."),
    MR_CHOICE("transactions", mdb_sink, transactions, "auto", switches, 0,
              "Whether documents and offsets are written in one transaction, which is what makes "
              "the sink exactly once. auto: where the server can (a replica set or a sharded "
              "cluster). off: documents first, then offsets, so a crash may write the last ones "
              "again; insert then needs an _id in each record."),
    MR_OPTIONS_END,
};

const mr_option mdb_route_options_table[] = {
    MR_TEXT("collection", mdb_route_options, collection, NULL, 0,
            "Collection to write to. Made when it is missing. Default: the topic's name."),
    MR_CHOICE("write.mode", mdb_route_options, mode, "upsert", modes, 0,
              "upsert keeps one document for each key: a record replaces it, the last one wins. "
              "insert appends. update sets the record's fields in the document of its key, if "
              "there is one. update-many sets them in all documents whose match.fields are equal. "
              "delete deletes the document of the record's key."),
    MR_LIST("key.fields", mdb_route_options, key_fields, "_id", 0,
            "Fields that identify a document.", "write.mode!=update-many"),
    MR_LIST("match.fields", mdb_route_options, match_fields, NULL, 0,
            "Fields that choose the documents of update-many; the record's other fields are set.",
            "write.mode=update-many"),
    MR_CHOICE("document.id", mdb_route_options, document_id, "key", ids, 0,
              "Where _id comes from. key: it is made of key.fields, of one field its value, of "
              "several a document of them. generated: it is the record's own or the server's, and "
              "a unique index on key.fields is made.",
              "write.mode!=update-many"),
    MR_CHOICE("delete.on.null", mdb_route_options, delete_on_null, "auto", truths, 0,
              "What a delete does: a record without a value (tombstone), or one that says the "
              "document was deleted. true: the document of its key is deleted; false: it is passed "
              "over; auto: true in upsert mode, while other modes reject it."),
    MR_LIST("indexes", mdb_route_options, indexes, NULL, 0,
            "Indexes to make when they are missing, each a text of fields: \"status -created\"; a "
            "minus for descending, behind the last one unique, sparse or ttl=SECONDS. "
            "field:2dsphere, field:text and field:hashed make such ones."),
    MR_OPTIONS_END,
};

static mr_status wrong(mr_error *err, const char *option, mr_error *why)
{
    mr_error kept = *why;
    if (err) {
        *err = kept;
        err->permanent = true;
        mr_error_field(err, option);
    }
    return MR_FATAL;
}

#define REFUSE(option, ...)                                                                        \
    do {                                                                                           \
        mr_error why_;                                                                             \
        (void)mr_fail(&why_, MR_FATAL, MR_DOMAIN_CONFIG, __VA_ARGS__);                             \
        return wrong(err, option, &why_);                                                          \
    } while (0)

static bool contains(const mr_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static mr_status check_fields(const mr_list *fields, const char *option, mr_error *err)
{
    if (fields->count > MDB_FIELDS_MAX) {
        REFUSE(option, "%s has %zu fields; at most %d are possible", option, fields->count,
               MDB_FIELDS_MAX);
    }
    for (size_t i = 0; i < fields->count; i++) {
        const char *name = fields->items[i];
        if (!*name || *name == '$' || strchr(name, '.')) {
            REFUSE(option,
                   "%s: \"%s\" is no field of the record itself (no dots, no $ in front); bring a "
                   "nested one up with a query",
                   option, name);
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(name, fields->items[j]) == 0) {
                REFUSE(option, "%s names \"%s\" twice", option, name);
            }
        }
    }
    return MR_OK;
}

static mr_status check_collection(const char *name, const char *option, mr_error *err)
{
    if (!*name || strchr(name, '$') || *name == '.' || strncmp(name, "system.", 7) == 0) {
        REFUSE(option,
               "%s: \"%s\" is no name for a collection of one's own: it may not be empty, contain "
               "$, or begin with a dot or system.",
               option, name);
    }
    return MR_OK;
}

static mr_status check_key(const mdb_route_options *o, mr_error *err)
{
    bool many = o->mode == MDB_UPDATE_MANY;
    if (many && o->match_fields.count == 0) {
        REFUSE("match.fields", "write.mode is update-many, but match.fields names no field: say "
                               "which fields choose the documents");
    }
    if (!many && o->match_fields.count) {
        REFUSE("match.fields", "match.fields is for write.mode update-many only; other modes find "
                               "a document by key.fields");
    }
    if (!many && o->key_fields.count == 0) {
        REFUSE("key.fields", "key.fields names no field");
    }
    if (o->document_id == MDB_ID_KEY && o->key_fields.count > 1 &&
        contains(&o->key_fields, "_id")) {
        REFUSE("key.fields", "key.fields names _id beside others, but _id is made of them; leave "
                             "it out, or set document.id to generated");
    }
    if (o->document_id == MDB_ID_GENERATED && o->key_fields.count == 1 &&
        strcmp(o->key_fields.items[0], "_id") == 0) {
        REFUSE("key.fields", "document.id is generated, so _id is no key: name in key.fields what "
                             "identifies a document");
    }
    mr_status status = check_fields(&o->key_fields, "key.fields", err);
    return status == MR_OK ? check_fields(&o->match_fields, "match.fields", err) : status;
}

static mr_status check_route(const mdb_sink *sink, const mdb_route_options *o, mr_error *err)
{
    mr_status status = o->collection ? check_collection(o->collection, "collection", err) : MR_OK;
    if (status == MR_OK) {
        status = check_key(o, err);
    }
    if (status != MR_OK) {
        return status;
    }
    if (o->delete_on_null == MDB_ON && (o->mode == MDB_INSERT || o->mode == MDB_UPDATE_MANY)) {
        REFUSE("delete.on.null",
               "delete.on.null is true, but write.mode %s has no key to delete by: use upsert, "
               "update or delete, or pass deletes over with false",
               modes[o->mode]);
    }
    if (o->mode == MDB_INSERT && o->document_id == MDB_ID_GENERATED &&
        sink->transactions == MDB_OFF) {
        REFUSE("write.mode", "insert with a generated _id and without transactions would append "
                             "documents twice after a crash: set transactions to on, document.id "
                             "to key, or write.mode to upsert");
    }
    mr_buffer parsed = MR_BUFFER_INIT(1 << 20);
    for (size_t i = 0; i < o->indexes.count && status == MR_OK; i++) {
        status = mdb_index_parse(o->indexes.items[i], (uint32_t)i, &parsed, err);
    }
    mr_buffer_release(&parsed);
    return status;
}

char *mdb_database(const mdb_sink *sink)
{
    if (sink->database_option) {
        return mr_strdup(sink->database_option);
    }
    mongoc_uri_t *uri = mongoc_uri_new(sink->url);
    const char *name = uri ? mongoc_uri_get_database(uri) : NULL;
    char *database = name && *name ? mr_strdup(name) : NULL;
    mongoc_uri_destroy(uri);
    return database;
}

static mr_status check_database(const mdb_sink *sink, mr_error *err)
{
    char *database = mdb_database(sink);
    char name[80];
    snprintf(name, sizeof name, "%s", database ? database : "");
    free(database);
    if (!*name) {
        REFUSE("database", "no database is named: add it to connection.url, mongodb://host/NAME, "
                           "or set database");
    }
    if (strlen(name) > 63 || strpbrk(name, "/\\. \"$*<>:|?")) {
        REFUSE("database",
               "database: \"%s\" is no name for a database: at most 63 bytes, none of "
               "/\\. \"$*<>:|?",
               name);
    }
    return MR_OK;
}

mr_status mdb_check(const void *state, const mr_route *routes, size_t count, mr_error *err)
{
    const mdb_sink *sink = state;
    mr_status status = mr_mongo_check_uri(sink->url, err);
    if (status == MR_OK) {
        status = check_database(sink, err);
    }
    if (status == MR_OK) {
        status = check_collection(sink->offsets_collection, "offsets.collection", err);
    }
    for (size_t i = 0; i < count && status == MR_OK; i++) {
        status = check_route(sink, routes[i].options, err);
    }
    return status;
}
