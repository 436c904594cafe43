/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schemas live here because they are a collection's: the shape learns, and what it has learnt is
 * kept with the positions, so that versions only grow, across restarts too. The schema of the
 * change records is made of the other two.
 *
 * MongoDB does not say which deletes its TTL monitor did. A delete whose document, as it was
 * before, had expired is taken for one: a client that deletes an expired document before the
 * monitor comes is told as expiry too.
 */
#include "collection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "codec/change.h"
#include "codec/schema.h"

enum { DEPTH_MAX = 32, NAME_BYTES_MAX = 4096 };

/* --- Names --- */

char *mongo_expand(const char *text, const char *database, const char *collection)
{
    mr_buffer out = MR_BUFFER_INIT(NAME_BYTES_MAX);
    while (*text) {
        if (strncmp(text, "{database}", 10) == 0) {
            mr_buffer_add_text(&out, database);
            text += 10;
        } else if (strncmp(text, "{collection}", 12) == 0) {
            mr_buffer_add_text(&out, collection);
            text += 12;
        } else {
            mr_buffer_add_char(&out, *text++);
        }
    }
    char *ret = mr_strdup(mr_buffer_text(&out));
    mr_buffer_release(&out);
    return ret;
}

/* As Kafka allows in topics and AWS in table names: other characters become _. */
static char *plain_name(const char *name)
{
    char *ret = mr_strdup(name);
    for (char *p = ret; *p; p++) {
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-", *p)) {
            *p = '_';
        }
    }
    return ret;
}

/* Makes a full Avro name of any text: dots part names, other characters become _. */
static char *avro_name(char *text)
{
    size_t len = strlen(text), at = 0;
    char *name = mr_alloc(2 * len + 2);
    bool begins = true;
    for (const char *p = text; *p; p++) {
        bool digit = *p >= '0' && *p <= '9';
        bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '_';
        if (*p == '.' && !begins && p[1]) {
            name[at++] = '.';
            begins = true;
            continue;
        }
        if (begins && digit) {
            name[at++] = '_';
        }
        name[at++] = digit || letter ? *p : '_';
        begins = false;
    }
    if (begins) {
        name[at++] = '_';
    }
    name[at] = '\0';
    free(text);
    return name;
}

/* --- Making one --- */

static mr_bson_shape_options shape_options(const mongo_naming *naming, const char *name)
{
    return (mr_bson_shape_options){
        .name = name,
        .widen = naming->options->schema_widen,
        .fields_max = (size_t)naming->options->schema_fields_max,
        .depth_max = DEPTH_MAX,
    };
}

/* A shape that goes on from what is stored under "<kind>:<full>". */
static mr_status restore_shape(const mongo_collection *c, const char *kind,
                               const mr_bson_shape_options *options, const mr_positions *resume,
                               mr_bson_shape **ret, bool *found, mr_error *err)
{
    mr_auto_free char *position = mr_format("%s:%s", kind, c->full);
    const char *stored = resume ? mr_positions_get(resume, position) : NULL;
    *found = stored != NULL;
    if (!stored) {
        *ret = mr_bson_shape_new(options);
        return MR_OK;
    }
    const mr_schema *schema;
    mr_status status = mr_schema_parse(stored, strlen(stored), &schema, err);
    if (status == MR_OK) {
        /* record.name may have changed since: then the shape begins anew under the new name. */
        if (strcmp(schema->name, options->name) == 0) {
            status = mr_bson_shape_restore(options, schema, ret, err);
        } else {
            *ret = mr_bson_shape_new(options);
            *found = false;
        }
        mr_schema_release(schema);
    }
    if (status != MR_OK) {
        mr_error_prefix(err, "the schema stored with the positions as \"%s\"", position);
    }
    return status;
}

static mr_status make_shapes(mongo_collection *c, const mongo_naming *naming,
                             const mr_positions *resume, mr_error *err)
{
    mr_auto_free char *keys_name = mr_format("%sKeys", c->record_name);
    mr_bson_shape_options options = shape_options(naming, keys_name);
    bool keys_found, image_found = c->fixed;
    mr_status status = restore_shape(c, "keys", &options, resume, &c->key_shape, &keys_found, err);
    if (status == MR_OK && c->fixed) {
        c->image = mr_schema_acquire(naming->given_schema);
        status = mr_bson_decoder_new(c->image, &c->image_decoder, err);
    } else if (status == MR_OK) {
        options = shape_options(naming, c->record_name);
        status = restore_shape(c, "schema", &options, resume, &c->image_shape, &image_found, err);
    }
    if (status == MR_OK && keys_found && image_found) {
        status = mongo_collection_renew(c, err);
        c->unsaved = false;
    }
    return status;
}

mr_status mongo_collection_new(const mongo_naming *naming, const char *database, const char *name,
                               const mr_positions *resume, mongo_collection **ret, mr_error *err)
{
    const mongo_options *o = naming->options;
    mongo_collection *c = mr_calloc(1, sizeof *c);
    c->database = mr_strdup(database);
    c->name = mr_strdup(name);
    c->full = mr_format("%s.%s", database, name);
    mr_auto_free char *plain_database = plain_name(database), *plain = plain_name(name);
    c->topic = mongo_expand(naming->topic, plain_database, plain);
    c->fixed = naming->given_schema != NULL;
    c->record_name = c->fixed ? mr_strdup(naming->given_schema->name)
                              : avro_name(mongo_expand(o->record_name, database, name));
    c->arn = mr_format("arn:aws:dynamodb:%s:000000000000:table/%s.%s/stream/%s", o->aws_region,
                       plain_database, plain, naming->label);
    mr_status status = make_shapes(c, naming, resume, err);
    if (status != MR_OK) {
        mongo_collection_free(c);
        return status;
    }
    *ret = c;
    return MR_OK;
}

static void drop_schemas(mongo_collection *c)
{
    mr_schema_release(c->change);
    mr_schema_release(c->keys);
    mr_bson_decoder_free(c->key_decoder);
    c->change = c->keys = NULL;
    c->key_decoder = NULL;
    if (!c->fixed) {
        mr_schema_release(c->image);
        mr_bson_decoder_free(c->image_decoder);
        c->image = NULL;
        c->image_decoder = NULL;
    }
}

void mongo_collection_free(mongo_collection *c)
{
    if (!c) {
        return;
    }
    drop_schemas(c);
    mr_schema_release(c->image);
    mr_bson_decoder_free(c->image_decoder);
    mr_bson_shape_free(c->image_shape);
    mr_bson_shape_free(c->key_shape);
    mongo_collection_forget_ttls(c);
    free(c->database);
    free(c->name);
    free(c->full);
    free(c->topic);
    free(c->record_name);
    free(c->arn);
    free(c);
}

/* --- Learning --- */

bool mongo_collection_learn(mongo_collection *c, mr_slice keys, mr_slice image)
{
    bool changed = keys.data && mr_bson_shape_learn(c->key_shape, keys);
    if (image.data && !c->fixed && mr_bson_shape_learn(c->image_shape, image)) {
        changed = true;
    }
    return changed;
}

mr_status mongo_collection_renew(mongo_collection *c, mr_error *err)
{
    drop_schemas(c);
    mr_status status = mr_bson_shape_schema(c->key_shape, &c->keys, err);
    if (status == MR_OK) {
        status = mr_bson_decoder_new(c->keys, &c->key_decoder, err);
    }
    if (status == MR_OK && !c->fixed) {
        status = mr_bson_shape_schema(c->image_shape, &c->image, err);
        if (status == MR_OK) {
            status = mr_bson_decoder_new(c->image, &c->image_decoder, err);
        }
    }
    if (status == MR_OK) {
        status = mr_change_schema(c->record_name, c->keys, c->image, &c->change, err);
    }
    if (status != MR_OK) {
        drop_schemas(c);
        mr_error_prefix(err, "the schema of collection %s", c->full);
        return status;
    }
    c->unsaved = true;
    return MR_OK;
}

void mongo_collection_save(mongo_collection *c, mr_task *task)
{
    if (!c->unsaved || !c->keys) {
        return;
    }
    mr_auto_free char *keys = mr_format("keys:%s", c->full);
    mr_task_position(task, keys, mr_schema_json(c->keys));
    if (!c->fixed) {
        mr_auto_free char *image = mr_format("schema:%s", c->full);
        mr_task_position(task, image, mr_schema_json(c->image));
    }
    c->unsaved = false;
}

/* --- TTL --- */

void mongo_collection_forget_ttls(mongo_collection *c)
{
    for (size_t i = 0; i < c->ttl_count; i++) {
        free(c->ttls[i].path);
    }
    c->ttl_count = 0;
}

static void add_ttl(mongo_collection *c, mr_slice index)
{
    mr_bson_element after, key, field;
    size_t cursor = 0;
    if (c->ttl_count < MONGO_TTLS_MAX && mr_bson_find(index, "expireAfterSeconds", &after) &&
        mr_bson_find(index, "key", &key) && key.type == MR_BSON_DOCUMENT &&
        mr_bson_next(mr_bson_document(&key), &cursor, &field)) {
        c->ttls[c->ttl_count++] = (mongo_ttl){
            .path = mr_strndup(field.name.data, field.name.len),
            .after_s = mr_bson_int(&after),
        };
    }
}

void mongo_collection_add_ttls(mongo_collection *c, const bson_t *reply)
{
    mr_slice whole = {(const char *)bson_get_data(reply), reply->len};
    mr_bson_element batch, index;
    mr_error malformed;
    size_t cursor = 0;
    if (mr_bson_check(whole.data, whole.len, &malformed) == MR_OK &&
        mr_bson_find_path(whole, "cursor.firstBatch", &batch) && batch.type == MR_BSON_ARRAY) {
        while (mr_bson_next(mr_bson_document(&batch), &cursor, &index)) {
            if (index.type == MR_BSON_DOCUMENT) {
                add_ttl(c, mr_bson_document(&index));
            }
        }
    }
}

/* The date a TTL index goes by: of several in an array the earliest. */
static bool earliest_date(const mr_bson_element *value, int64_t *ms)
{
    if (value->type == MR_BSON_DATE) {
        *ms = mr_bson_int(value);
        return true;
    }
    bool found = false;
    size_t cursor = 0;
    mr_bson_element element;
    while (value->type == MR_BSON_ARRAY &&
           mr_bson_next(mr_bson_document(value), &cursor, &element)) {
        if (element.type == MR_BSON_DATE && (!found || mr_bson_int(&element) < *ms)) {
            *ms = mr_bson_int(&element);
            found = true;
        }
    }
    return found;
}

bool mongo_collection_expired(const mongo_collection *c, mr_slice document, int64_t at_ms)
{
    for (size_t i = 0; i < c->ttl_count; i++) {
        mr_bson_element value;
        int64_t ms;
        if (mr_bson_find_path(document, c->ttls[i].path, &value) && earliest_date(&value, &ms) &&
            ms <= at_ms && (at_ms - ms) / 1000 >= c->ttls[i].after_s) {
            return true;
        }
    }
    return false;
}
