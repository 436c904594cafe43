/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents, written where they are needed: straight into the command that sends them. A message
 * may carry the document it was made from (MR_HEADER_BSON), which then is taken as it is, unless a
 * query has made something else of the record.
 */
#include "codec/change.h"
#include "sinks/mongodb/mongodb.h"

static mr_status reject(mr_error *err, const char *code, const char *field, const char *why)
{
    mr_status status = mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD, "%s", why);
    mr_error_code(err, 0, code);
    mr_error_field(err, field);
    return status;
}

mr_status mdb_document_carried(const mr_batch *batch, const mr_record *record, mr_slice *ret,
                               mr_error *err)
{
    *ret = (mr_slice){0};
    if (batch->route->transformed || mdb_is_delete(record)) {
        return MR_OK;
    }
    for (uint32_t i = 0; i < record->header_count; i++) {
        const mr_header *h = &record->headers[i];
        if (strcmp(h->name, MR_HEADER_BSON) == 0 && h->value.data) {
            mr_status status = mr_bson_check(h->value.data, h->value.len, err);
            if (status != MR_OK) {
                mr_error_prefix(err, "header %s", MR_HEADER_BSON);
                return status;
            }
            *ret = h->value;
            return MR_OK;
        }
    }
    return MR_OK;
}

/* Appends the document as the record has it. */
static mr_status add_plain(mdb_target *target, const mr_batch *batch, const mr_record *record,
                           bool *may_have_id, mr_buffer *out, mr_error *err)
{
    mr_slice carried;
    const mdb_shape *shape;
    mr_status status = mdb_document_carried(batch, record, &carried, err);
    if (status == MR_OK && carried.data) {
        mr_buffer_add(out, carried.data, carried.len);
        *may_have_id = true;
        return MR_OK;
    }
    if (status == MR_OK && (!record->value || record->value->type != MR_RECORD)) {
        return reject(err, "NO_RECORD", "", "the value is no record, so it makes no document");
    }
    if (status == MR_OK) {
        status = mdb_shape_get(target, mr_schema_strip_null(batch->schema), &shape, err);
    }
    if (status != MR_OK) {
        return status;
    }
    *may_have_id = shape->has_id;
    return mr_bson_encode(shape->encoder, record->value, out, err);
}

/* Puts _id in front of the fields of the document that begins at `start`. */
static void insert_id(const mdb_key *key, size_t start, mr_buffer *out)
{
    static const char name[] = "_id";
    size_t len = out->len - start, more = 1 + sizeof name + key->value.len;
    if (!mr_buffer_reserve(out, more)) {
        return;
    }
    char *document = out->data + start;
    memmove(document + 4 + more, document + 4, len - 4);
    document[4] = (char)key->type;
    memcpy(document + 5, name, sizeof name);
    memcpy(document + 5 + sizeof name, key->value.data, key->value.len);
    uint32_t length = htole32((uint32_t)(len + more));
    memcpy(document, &length, sizeof length);
    out->len += more;
}

static mr_status settle_id(const mdb_key *key, bool may_have_id, size_t start, mr_buffer *out,
                           mr_error *err)
{
    mr_bson_element own;
    mr_slice document = {out->data + start, out->len - start};
    if (!may_have_id || !mr_bson_find(document, "_id", &own)) {
        insert_id(key, start, out);
        return MR_OK;
    }
    if (own.type == key->type && own.value.len == key->value.len &&
        memcmp(own.value.data, key->value.data, own.value.len) == 0) {
        return MR_OK;
    }
    return reject(err, "ID_CONFLICT", "_id",
                  "the record has an _id of its own that is not its key (key.fields): leave it out "
                  "in the query, or set document.id to generated, which keeps it");
}

static mr_status check_document(size_t start, const mr_buffer *out, mr_error *err)
{
    size_t len = out->len - start;
    if (out->failed || len > MDB_DOCUMENT_BYTES_MAX) {
        mr_status status = mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
                                   "the document has %zu bytes, but MongoDB takes at most %d", len,
                                   MDB_DOCUMENT_BYTES_MAX);
        mr_error_code(err, 10334, "BSONObjectTooLarge");
        return status;
    }
    return MR_OK;
}

mr_status mdb_document_add(mdb_target *target, const mr_batch *batch, const mr_record *record,
                           const mdb_key *key, mr_buffer *out, mr_error *err)
{
    size_t start = out->len;
    bool may_have_id = false;
    mr_status status = add_plain(target, batch, record, &may_have_id, out, err);
    if (status == MR_OK && !out->failed && key && !target->id_is_key &&
        target->options->document_id == MDB_ID_KEY) {
        status = settle_id(key, may_have_id, start, out, err);
    }
    return status == MR_OK ? check_document(start, out, err) : status;
}

/* --- Updates --- */

static bool is_set(const mdb_target *target, const mr_bson_element *element)
{
    if (strcmp(element->name.data, "_id") == 0) {
        return false;
    }
    for (size_t i = 0; i < target->fields->count; i++) {
        if (strcmp(element->name.data, target->fields->items[i]) == 0) {
            return false;
        }
    }
    return true;
}

/* $set takes names apart at dots and refuses some; a pipeline with $literal does neither. */
static bool is_plain_name(mr_slice name)
{
    return name.len && *name.data != '$' && !memchr(name.data, '.', name.len);
}

static void add_fields(const mdb_target *target, mr_slice document, const char *operator,
                       mr_buffer * out)
{
    mr_bson_element element;
    size_t begun = mr_bson_begin_as(out, operator, false);
    for (size_t cursor = 0; mr_bson_next(document, &cursor, &element);) {
        if (is_set(target, &element)) {
            mr_bson_add(out, &element);
        }
    }
    mr_bson_end(out, begun);
}

/* u: [{$replaceWith: {$mergeObjects: ["$$ROOT", {$literal: {...}}]}}] */
static void add_merge(const mdb_target *target, mr_slice document, mr_buffer *out)
{
    static const char root[] = "$$ROOT";
    size_t pipeline = mr_bson_begin_as(out, "u", true);
    size_t stage = mr_bson_begin_as(out, "0", false);
    size_t replace = mr_bson_begin_as(out, "$replaceWith", false);
    size_t merge = mr_bson_begin_as(out, "$mergeObjects", true);
    mr_bson_add_text(out, "0", root, sizeof root - 1);
    size_t second = mr_bson_begin_as(out, "1", false);
    add_fields(target, document, "$literal", out);
    mr_bson_end(out, second);
    mr_bson_end(out, merge);
    mr_bson_end(out, replace);
    mr_bson_end(out, stage);
    mr_bson_end(out, pipeline);
}

mr_status mdb_document_add_set(mdb_sink *sink, mdb_target *target, const mr_batch *batch,
                               const mr_record *record, mr_buffer *out, bool *any, mr_error *err)
{
    bool ignored, plain = true;
    mr_buffer_clear(&sink->scratch);
    mr_status status = add_plain(target, batch, record, &ignored, &sink->scratch, err);
    if (status != MR_OK) {
        return status;
    }
    mr_slice document = {sink->scratch.data, sink->scratch.len};
    mr_bson_element element;
    *any = false;
    for (size_t cursor = 0; mr_bson_next(document, &cursor, &element);) {
        if (is_set(target, &element)) {
            *any = true;
            plain = plain && is_plain_name(element.name);
        }
    }
    if (*any && plain) {
        size_t begun = mr_bson_begin_as(out, "u", false);
        add_fields(target, document, "$set", out);
        mr_bson_end(out, begun);
    } else if (*any) {
        add_merge(target, document, out);
    }
    return MR_OK;
}

void mdb_query_add(const mdb_target *target, const mdb_key *key, mr_buffer *out)
{
    bool by_id =
        target->options->mode != MDB_UPDATE_MANY && target->options->document_id == MDB_ID_KEY;
    if (!by_id && target->fields->count > 1) { /* the key is a document of just these fields */
        mr_bson_add_document(out, "q", key->value, false);
        return;
    }
    size_t begun = mr_bson_begin_as(out, "q", false);
    mr_bson_add_value(out, by_id ? "_id" : target->fields->items[0], key->type, key->value);
    mr_bson_end(out, begun);
}
