/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the mongodb sink. What its files offer each other; nothing here is for anyone else.
 *
 *   options.c      what a user may set, checked       indexes.c   declared indexes
 *   target.c       a collection and what it takes     keys.c      the key of a record
 *   document.c     the document of a record           dedupe.c    the last record of a key
 *   command.c      writes, gathered and sent          errors.c    whose fault a refusal is
 *   upsert.c       an epoch's keys into a collection  arrival.c   writes in order of arrival
 *   transaction.c  around all of an epoch             offsets.c   claims and offsets
 *   sink.c         the callbacks
 *
 * Lifetimes   Targets live until close(); items, and what they point to, until the epoch ends.
 *             Nothing is sent before commit(), so that an epoch's transaction is short.
 */
#ifndef MR_SINKS_MONGODB_H
#define MR_SINKS_MONGODB_H

#include "api/connector.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "codec/bson.h"
#include "mongo/mongo.h"

enum {
    MDB_FIELDS_MAX = 16,                       /* in key.fields and match.fields */
    MDB_DOCUMENT_BYTES_MAX = 16 << 20,         /* mongod's limit */
    MDB_REQUEST_BYTES_MAX = (16 << 20) + 8192, /* a little less than mongod takes as a command */
    MDB_DUPLICATE_KEY = 11000,
};

enum mdb_mode { MDB_UPSERT, MDB_INSERT, MDB_UPDATE, MDB_UPDATE_MANY, MDB_DELETE };
enum mdb_id { MDB_ID_KEY, MDB_ID_GENERATED };
enum mdb_switch { MDB_AUTO, MDB_ON, MDB_OFF };

typedef struct mdb_route_options {
    const char *collection;
    int mode; /* enum mdb_mode */
    mr_list key_fields, match_fields, indexes;
    int document_id;    /* enum mdb_id */
    int delete_on_null; /* enum mdb_switch */
} mdb_route_options;

/* How the fields of one schema are read. */
typedef struct mdb_shape {
    struct mdb_shape *next;
    const mr_schema *schema;
    bool owned; /* `schema` is a whole tree, and a reference is ours */
    mr_bson_encoder *encoder;
    int keys[MDB_FIELDS_MAX]; /* index in the record of each key or match field; -1: none */
    bool has_id;              /* a field is written as _id */
} mdb_shape;

/* A key in BSON, and a form of it that is equal where MongoDB takes keys for equal (1 and 1.0) and
 * sorts about as its indexes do. Of several key fields it is a document of them. */
typedef struct mdb_key {
    uint8_t type;   /* mr_bson_type */
    uint8_t kind;   /* keys of different kinds are different */
    mr_slice value; /* as in mr_bson_element */
    mr_slice order;
} mdb_key;

/* A write by key that waits for commit(). */
typedef struct mdb_item {
    mdb_key key;
    uint64_t prefix; /* of key.order */
    uint32_t batch;  /* in target->batches */
    uint32_t index;
    uint32_t place; /* in order of arrival: the highest of a key wins */
    bool remove;
    bool exists; /* found by the look-up */
} mdb_item;

/* How upserts are sent. */
enum mdb_way {
    MDB_LOOK,  /* look the keys up; insert those that are new, replace the others */
    MDB_BLIND, /* replace with upsert: nearly all are there already */
};

/* A collection that a route writes to. */
typedef struct mdb_target {
    struct mdb_target *next;
    const mr_route *route;
    const mdb_route_options *options;
    char *collection;
    bool by_topic;         /* the collection is named by its topic */
    const mr_list *fields; /* key.fields; of update-many match.fields */
    bool id_is_key;        /* key.fields is _id alone */
    bool deletes, passes_deletes;
    mdb_shape *shapes;
    size_t shape_count;

    enum mdb_way way;
    bool careful; /* keys that look different here were one to the server: no inserts for now */

    /* Of this epoch. */
    const mr_batch **batches;
    size_t batch_count, batch_capacity;
    mdb_item *items; /* upsert and delete: by key; else in order of arrival, without keys */
    size_t item_count, item_capacity;
} mdb_target;

enum mdb_verb { MDB_DO_INSERT, MDB_DO_UPDATE, MDB_DO_DELETE };

/* A command under construction. */
typedef struct mdb_request {
    mdb_target *target; /* NULL: none begun */
    enum mdb_verb verb;
    bool ordered;
    mr_buffer body;
    size_t root, array;    /* where the documents under construction began */
    const mdb_item **sent; /* the item of each statement */
    size_t count, capacity;
    bool poisoned; /* of the epoch: a record made no statement, nothing is sent any more */
    mr_error why;  /* of the last such record */
} mdb_request;

/* What the server said about a command that went through. */
typedef struct mdb_result {
    int64_t sent;     /* statements */
    int64_t matched;  /* n: inserted, matched or deleted */
    int64_t upserted; /* of those, made anew */
} mdb_result;

typedef struct mdb_sink {
    /* Options. */
    const char *url;
    int64_t connect_timeout_ms;
    const char *database_option;
    const char *offsets_collection;
    int transactions; /* enum mdb_switch */

    mr_task *task;
    mr_mongo *mongo;
    char *database;
    bool transactional;
    mongoc_client_session_t *session; /* NULL: without transactions */
    bool in_transaction;
    bool lost; /* nothing but close() */
    char claim[40];
    mdb_target *targets;
    mdb_request request;
    mr_buffer scratch, statement;
    int64_t missed, missed_now; /* updates without a document: in all, in this epoch */
} mdb_sink;

/* --- options.c --- */

extern const mr_option mdb_options[];
extern const mr_option mdb_route_options_table[];
mr_status mdb_check(const void *state, const mr_route *routes, size_t count, mr_error *err);
/* The option's, else the URI's; to be freed; NULL: none. */
char *mdb_database(const mdb_sink *sink);

/* --- indexes.c --- */

/* "message_group_uuid, -sk unique" as an element of createIndexes, appended to an array. */
MR_CHECKED mr_status mdb_index_parse(const char *text, uint32_t at, mr_buffer *out, mr_error *err);
/* The unique index on key fields. */
void mdb_index_of_key(const mr_list *fields, uint32_t at, mr_buffer *out);

/* --- target.c --- */

/* The collection for a batch, made on the server with its indexes when it is the first batch. */
MR_CHECKED mr_status mdb_target_get(mdb_sink *sink, const mr_batch *batch, mdb_target **ret,
                                    mr_error *err);
MR_CHECKED mr_status mdb_shape_get(mdb_target *target, const mr_schema *schema,
                                   const mdb_shape **ret, mr_error *err);
/* Room for one more item of a batch. */
mdb_item *mdb_target_add(mdb_target *target, const mr_batch *batch, size_t index);
void mdb_targets_clear(mdb_sink *sink); /* of the epoch */
void mdb_targets_drop(mdb_sink *sink);

/* --- keys.c --- */

/* The key of a record that is written, or deleted. MR_REJECT: a field of it is not there, or can
 * be no key. Bytes are copied to the arena. */
MR_CHECKED mr_status mdb_key_of(mdb_sink *sink, mdb_target *target, const mr_batch *batch,
                                const mr_record *record, mdb_key *ret, mr_error *err);
/* Key of a value; order and value are put into the arena. */
void mdb_key_make(uint8_t type, mr_slice value, mr_arena *arena, mr_buffer *room, mdb_key *ret);
/* <0, 0, >0; only equality and being an order are promised. */
int mdb_key_compare(const mdb_key *a, const mdb_key *b);
bool mdb_is_delete(const mr_record *record);

/* --- document.c --- */

/* The document as the source had it, if the message carries it and nothing has changed it since;
 * data NULL: it does not. */
MR_CHECKED mr_status mdb_document_carried(const mr_batch *batch, const mr_record *record,
                                          mr_slice *ret, mr_error *err);
/* Appends the document of a record, with `key` as its _id where that is asked for. MR_REJECT: it
 * is none that can be stored. */
MR_CHECKED mr_status mdb_document_add(mdb_target *target, const mr_batch *batch,
                                      const mr_record *record, const mdb_key *key, mr_buffer *out,
                                      mr_error *err);
/* Appends what an update does, as the member u: $set of all fields but _id and match.fields. *any
 * is false when there are none. */
MR_CHECKED mr_status mdb_document_add_set(mdb_sink *sink, mdb_target *target, const mr_batch *batch,
                                          const mr_record *record, mr_buffer *out, bool *any,
                                          mr_error *err);
/* Appends what finds the documents of a key, as the member q. */
void mdb_query_add(const mdb_target *target, const mdb_key *key, mr_buffer *out);

/* --- dedupe.c --- */

/* Leaves one item for each key, sorted by key. */
void mdb_dedupe(mdb_target *target);
void mdb_order_by_arrival(mdb_target *target);
/* The item of a key among items sorted by key; NULL: none. */
mdb_item *mdb_find_item(mdb_item *items, size_t count, const mdb_key *key);

/* --- command.c --- */

/* Adds one statement for an item to the request under way, which is sent when it is full or of
 * another kind. `add` appends the statement's members to a document (or the document to be
 * inserted): it may be called twice. It may leave it out (*any false). A record that it rejects is
 * named, and the request poisoned; MR_REJECT from here is the server's. */
typedef mr_status mdb_add(mdb_sink *sink, mdb_target *target, const mdb_item *item, mr_buffer *out,
                          bool *any, mr_error *err);
MR_CHECKED mr_status mdb_request_add(mdb_sink *sink, mdb_target *target, enum mdb_verb verb,
                                     bool ordered, const mdb_item *item, mdb_add *add,
                                     mdb_result *result, mr_error *err);
/* Sends what is left. */
MR_CHECKED mr_status mdb_request_flush(mdb_sink *sink, mdb_result *result, mr_error *err);
/* The same at the end of the epoch: MR_REJECT when the request is poisoned. */
MR_CHECKED mr_status mdb_requests_end(mdb_sink *sink, mdb_result *result, mr_error *err);
void mdb_request_clear(mdb_sink *sink);
/* Runs any command on a database, within the transaction if there is one. MR_REJECT is possible
 * for whole commands. The caller destroys *reply in every case. */
MR_CHECKED mr_status mdb_run(mdb_sink *sink, const char *database, const mr_buffer *command,
                             bson_t *reply, const char *doing, mr_error *err);
const mr_batch *mdb_item_batch(const mdb_target *target, const mdb_item *item);
const mr_record *mdb_item_record(const mdb_target *target, const mdb_item *item);

/* --- errors.c --- */

/* What a failed command means for an epoch: as mr_mongo_failed(), but a command that was refused
 * for its contents is MR_REJECT. */
mr_status mdb_failed(mdb_sink *sink, const bson_t *reply, const bson_error_t *error,
                     const char *doing, mr_error *err);
/* Looks through writeErrors: names the records at fault. MR_OK when there are none. */
MR_CHECKED mr_status mdb_judge(mdb_sink *sink, mdb_request *request, const bson_t *reply,
                               mr_error *err);

/* --- upsert.c, arrival.c: what waits in a target, sent --- */

MR_CHECKED mr_status mdb_upsert_flush(mdb_sink *sink, mdb_target *target, mr_error *err);
MR_CHECKED mr_status mdb_arrival_flush(mdb_sink *sink, mdb_target *target, mr_error *err);

/* --- transaction.c --- */

MR_CHECKED mr_status mdb_session_open(mdb_sink *sink, mr_error *err);
void mdb_session_close(mdb_sink *sink);
/* Nothing without transactions. */
MR_CHECKED mr_status mdb_begin(mdb_sink *sink, mr_error *err);
MR_CHECKED mr_status mdb_end(mdb_sink *sink, mr_error *err);
void mdb_abort(mdb_sink *sink);

/* --- offsets.c --- */

MR_CHECKED mr_status mdb_offsets_claim(mdb_sink *sink, mr_offsets *assigned, mr_error *err);
/* MR_REOPEN when a claim is no longer ours, or an offset beyond is stored. */
MR_CHECKED mr_status mdb_offsets_check(mdb_sink *sink, const mr_offsets *upto, mr_error *err);
/* Moves the offsets, provided that the claims are still ours. */
MR_CHECKED mr_status mdb_offsets_store(mdb_sink *sink, const mr_offsets *upto, mr_error *err);

#endif
