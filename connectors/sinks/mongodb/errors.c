/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose fault it is when the server refuses: the record's, which goes to the dead-letter topic with
 * the server's code and words, or nobody's, and the epoch is done again.
 *
 * In a transaction the first refusal ends it, so one record is named at a time. A command that is
 * refused as a whole for its contents names none: the runtime halves the epoch until it is alone.
 */
#include <stdio.h>

#include "sinks/mongodb/mongodb.h"

/* A whole command refused for what one of its documents holds, or for what they hold together. */
static bool is_about_contents(int code)
{
    static const int codes[] = {
        10,           /* CannotMutateObject */
        15,           /* Overflow: nested too deeply */
        16,           /* InvalidLength */
        22,           /* InvalidBSON */
        28,           /* PathNotViable */
        52,           /* DollarPrefixedFieldName */
        53,           /* InvalidIdField */
        54,           /* NotSingleValueField */
        56,           /* EmptyFieldName */
        57,           /* DottedFieldName */
        66,           /* ImmutableField */
        121,          /* DocumentValidationFailure */
        171,          /* CannotIndexParallelArrays */
        201,          /* CannotBuildIndexKeys */
        257,          /* TransactionTooLarge */
        378,          /* NonConformantBSON */
        388,          /* TransactionTooLargeForCache */
        10334,        /* BSONObjectTooLarge */
        11000,        /* DuplicateKey */
        17280,        /* KeyTooLong */
        17419, 17420, /* the document after the update is too large */
    };
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (codes[i] == code) {
            return true;
        }
    }
    return false;
}

mr_status mdb_failed(mdb_sink *sink, const bson_t *reply, const bson_error_t *error,
                     const char *doing, mr_error *err)
{
    mr_status status = mr_mongo_failed(sink->mongo, reply, error, err, "%s", doing);
    if (status == MR_FATAL && is_about_contents(err->native)) {
        err->permanent = false;
        status = MR_REJECT;
    }
    sink->lost = sink->lost || status == MR_REOPEN;
    return status;
}

/* One of writeErrors. */
typedef struct refusal {
    size_t index;
    int code;
    const char *message;
    bson_iter_t info, pattern; /* errInfo, keyPattern */
    bool has_info, has_pattern;
} refusal;

static bool read_refusal(bson_iter_t *entry, refusal *ret)
{
    bson_iter_t it;
    *ret = (refusal){.message = ""};
    if (!BSON_ITER_HOLDS_DOCUMENT(entry) || !bson_iter_recurse(entry, &it)) {
        return false;
    }
    while (bson_iter_next(&it)) {
        const char *name = bson_iter_key(&it);
        if (strcmp(name, "index") == 0) {
            ret->index = (size_t)bson_iter_as_int64(&it);
        } else if (strcmp(name, "code") == 0) {
            ret->code = (int)bson_iter_as_int64(&it);
        } else if (strcmp(name, "errmsg") == 0 && BSON_ITER_HOLDS_UTF8(&it)) {
            ret->message = bson_iter_utf8(&it, NULL);
        } else if (strcmp(name, "errInfo") == 0 && BSON_ITER_HOLDS_DOCUMENT(&it)) {
            ret->info = it;
            ret->has_info = true;
        } else if (strcmp(name, "keyPattern") == 0 && BSON_ITER_HOLDS_DOCUMENT(&it)) {
            ret->pattern = it;
            ret->has_pattern = true;
        }
    }
    return true;
}

/* Is the index on which keys are doubled that of the key? */
static bool is_key_index(const mdb_target *target, const refusal *r)
{
    const mdb_route_options *o = target->options;
    bson_iter_t it;
    if (!r->has_pattern || !bson_iter_recurse(&r->pattern, &it)) {
        return strstr(r->message, "index: _id_ ") && o->document_id == MDB_ID_KEY;
    }
    size_t at = 0;
    for (; bson_iter_next(&it); at++) {
        const char *field = o->document_id == MDB_ID_KEY ? (at ? NULL : "_id")
                            : at < o->key_fields.count   ? o->key_fields.items[at]
                                                         : NULL;
        if (!field || strcmp(field, bson_iter_key(&it)) != 0) {
            return false;
        }
    }
    return at == (o->document_id == MDB_ID_KEY ? 1 : o->key_fields.count);
}

/* What of errInfo fits: a validator says there which rule was broken. */
static void describe(const refusal *r, mr_buffer *out)
{
    uint32_t len;
    const uint8_t *data;
    mr_error ignored;
    if (r->has_info) {
        bson_iter_document(&r->info, &len, &data);
        mr_slice info = {(const char *)data, len};
        mr_bson_element details;
        if (mr_bson_check(info.data, info.len, &ignored) == MR_OK) {
            bool inner =
                mr_bson_find(info, "details", &details) && details.type == MR_BSON_DOCUMENT;
            mr_bson_json(inner ? mr_bson_document(&details) : info, false, out);
        }
    }
}

static void name_record(mdb_sink *sink, const mdb_request *request, const refusal *r, mr_error *why)
{
    const mdb_item *item = request->sent[r->index];
    mr_buffer info = MR_BUFFER_INIT(1 << 20);
    char text[sizeof why->text];
    describe(r, &info);
    snprintf(text, sizeof text, "%.590s%s%.600s", why->text, info.len ? ": " : "",
             mr_buffer_text(&info));
    memcpy(why->text, text, sizeof text);
    why->permanent = false;
    mr_buffer_release(&info);
    mr_reject(sink->task, mdb_item_batch(request->target, item), item->index, why);
}

/* A key that was new a moment ago is there: someone else's write, or keys that the server takes for
 * equal and we do not. With updates only, one after the other, both come right. */
static mr_status with_care(mdb_target *target, mr_error *err)
{
    target->careful = true;
    mr_error why = *err;
    mr_status status = mr_fail(err, MR_RETRY, MR_DOMAIN_MONGODB,
                               "a document of this key has come meanwhile: %s", why.text);
    mr_error_code(err, why.native, why.code);
    return status;
}

static mr_status judge_one(mdb_sink *sink, mdb_request *request, const refusal *r,
                           const bson_t *reply, mr_error *err)
{
    mdb_target *target = request->target;
    bson_error_t error;
    bson_set_error(&error, MONGOC_ERROR_SERVER, (uint32_t)r->code, "%s", r->message);
    mr_status status = mr_mongo_failed(sink->mongo, reply, &error, err, "%s.%s refuses the record",
                                       sink->database, target->collection);
    if (status != MR_FATAL) {
        sink->lost = sink->lost || status == MR_REOPEN;
        return status;
    }
    bool by_key = r->code == MDB_DUPLICATE_KEY && is_key_index(target, r);
    if (by_key && target->options->mode == MDB_UPSERT && !target->careful) {
        return with_care(target, err);
    }
    if (by_key && target->options->mode == MDB_INSERT && !sink->in_transaction) {
        return MR_OK; /* it was written before a crash, or is a double: that can not be told */
    }
    if (r->code == 13 || r->index >= request->count) { /* Unauthorized */
        return MR_FATAL;
    }
    name_record(sink, request, r, err);
    return MR_REJECT;
}

/* What must happen next of all that must: a connection before a retry, a retry before a reject. */
static int weight(mr_status status)
{
    switch (status) {
    case MR_OK:
        return 0;
    case MR_REJECT:
        return 1;
    case MR_RETRY:
        return 2;
    case MR_REOPEN:
        return 3;
    default:
        return 4;
    }
}

mr_status mdb_judge(mdb_sink *sink, mdb_request *request, const bson_t *reply, mr_error *err)
{
    bson_iter_t it, entry;
    mr_status worst = MR_OK;
    if (bson_iter_init_find(&it, reply, "writeErrors") && BSON_ITER_HOLDS_ARRAY(&it) &&
        bson_iter_recurse(&it, &entry)) {
        while (bson_iter_next(&entry)) {
            refusal r;
            mr_error one = {0};
            mr_status status =
                read_refusal(&entry, &r) ? judge_one(sink, request, &r, reply, &one) : MR_OK;
            if (weight(status) > weight(worst)) {
                worst = status;
                *err = one;
            }
        }
    }
    if (worst == MR_OK && bson_iter_init_find(&it, reply, "writeConcernError") &&
        BSON_ITER_HOLDS_DOCUMENT(&it)) {
        refusal r;
        bson_error_t error;
        (void)read_refusal(&it, &r);
        bson_set_error(&error, MONGOC_ERROR_WRITE_CONCERN, (uint32_t)r.code, "%s", r.message);
        worst = mdb_failed(sink, reply, &error, "documents are not on a majority of servers", err);
    }
    return worst;
}
