/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets: one for each route, and where the topic names the collection for each topic. The first
 * batch of one makes its collection and indexes, before and outside of any transaction: there they
 * would not be allowed on every server, and locks would be held.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "codec/schema.h"
#include "sinks/mongodb/mongodb.h"

enum {
    NAMESPACE_EXISTS = 48,
    UNAUTHORIZED = 13,
    SHAPES_MAX = 64, /* schemas that follow each other; older ones are made again */
};

/* --- Shapes --- */

static void free_shapes(mdb_target *target)
{
    while (target->shapes) {
        mdb_shape *shape = target->shapes;
        target->shapes = shape->next;
        mr_bson_encoder_free(shape->encoder);
        if (shape->owned) {
            mr_schema_release(shape->schema);
        }
        free(shape);
    }
    target->shape_count = 0;
}

/* Field of a name; where fields are named after a document's, those names count too. */
static int find_field(const mr_schema *schema, const char *name)
{
    bool documents = false;
    for (size_t i = 0; i < schema->alias_count; i++) {
        documents = documents || strcmp(schema->aliases[i], MR_BSON_ABSENT) == 0;
    }
    for (size_t i = 0; documents && i < schema->field_count; i++) {
        if (schema->fields[i].doc && strcmp(schema->fields[i].doc, name) == 0) {
            return (int)i;
        }
    }
    const mr_field *field = mr_schema_field(schema, name);
    return field ? (int)(field - schema->fields) : -1;
}

mr_status mdb_shape_get(mdb_target *target, const mr_schema *schema, const mdb_shape **ret,
                        mr_error *err)
{
    for (mdb_shape *shape = target->shapes; shape; shape = shape->next) {
        if (shape->schema == schema) {
            *ret = shape;
            return MR_OK;
        }
    }
    if (!schema || schema->type != MR_RECORD) {
        return mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
                       "the value is no record, so it makes no document");
    }
    mdb_shape *shape = mr_calloc(1, sizeof *shape);
    shape->owned = schema->internal != NULL; /* parts live as long as the whole */
    shape->schema = shape->owned ? mr_schema_acquire(schema) : schema;
    shape->encoder = mr_bson_encoder_new(schema);
    for (size_t i = 0; i < target->fields->count; i++) {
        shape->keys[i] = find_field(schema, target->fields->items[i]);
    }
    shape->has_id = find_field(schema, "_id") >= 0;
    shape->next = target->shapes;
    target->shapes = shape;
    target->shape_count++;
    *ret = shape;
    return MR_OK;
}

/* --- Making the collection --- */

static mr_status create_collection(mdb_sink *sink, const mdb_target *target, mr_error *err)
{
    mr_buffer command = MR_BUFFER_INIT(1 << 16);
    size_t begun = mr_bson_begin(&command);
    mr_bson_add_text(&command, "create", target->collection, strlen(target->collection));
    mr_bson_end(&command, begun);
    bson_t reply;
    char doing[400];
    snprintf(doing, sizeof doing, "cannot make collection %s.%s", sink->database,
             target->collection);
    mr_error why = {0};
    mr_status status = mdb_run(sink, sink->database, &command, &reply, doing, &why);
    bson_destroy(&reply);
    mr_buffer_release(&command);
    if (status == MR_OK) {
        mr_task_info(sink->task, "created collection %s.%s", sink->database, target->collection);
        return MR_OK;
    }
    /* A user who may not make collections may still write to one that is there. */
    if (why.native == NAMESPACE_EXISTS || why.native == UNAUTHORIZED) {
        return MR_OK;
    }
    *err = why;
    return status;
}

static mr_status create_indexes(mdb_sink *sink, const mdb_target *target, mr_error *err)
{
    const mdb_route_options *o = target->options;
    uint32_t count = 0;
    mr_status status = MR_OK;
    mr_buffer command = MR_BUFFER_INIT(1 << 20);
    size_t begun = mr_bson_begin(&command);
    mr_bson_add_text(&command, "createIndexes", target->collection, strlen(target->collection));
    size_t list = mr_bson_begin_as(&command, "indexes", true);
    if (o->document_id == MDB_ID_GENERATED && o->mode != MDB_UPDATE_MANY) {
        mdb_index_of_key(&o->key_fields, count++, &command);
    }
    for (size_t i = 0; i < o->indexes.count && status == MR_OK; i++) {
        status = mdb_index_parse(o->indexes.items[i], count++, &command, err);
    }
    mr_bson_end(&command, list);
    mr_bson_end(&command, begun);
    if (status == MR_OK && count) {
        bson_t reply;
        char doing[400];
        snprintf(doing, sizeof doing, "cannot make the indexes of collection %s.%s", sink->database,
                 target->collection);
        status = mdb_run(sink, sink->database, &command, &reply, doing, err);
        bson_destroy(&reply);
        if (status == MR_REJECT) { /* documents that are there already stand against it */
            status = MR_FATAL;
            err->permanent = true;
        }
    }
    mr_buffer_release(&command);
    return status;
}

/* --- Targets --- */

static mdb_target *new_target(mdb_sink *sink, const mr_batch *batch)
{
    mdb_target *target = mr_calloc(1, sizeof *target);
    const mdb_route_options *o = batch->route->options;
    target->route = batch->route;
    target->options = o;
    target->by_topic = !o->collection;
    target->collection = mr_strdup(o->collection ? o->collection : batch->topic);
    target->fields = o->mode == MDB_UPDATE_MANY ? &o->match_fields : &o->key_fields;
    target->id_is_key = target->fields->count == 1 && strcmp(target->fields->items[0], "_id") == 0;
    target->deletes = o->delete_on_null == MDB_ON ||
                      (o->delete_on_null == MDB_AUTO && o->mode == MDB_UPSERT) ||
                      o->mode == MDB_DELETE;
    target->passes_deletes = o->delete_on_null == MDB_OFF;
    target->next = sink->targets;
    sink->targets = target;
    return target;
}

static void free_target(mdb_target *target)
{
    free_shapes(target);
    free(target->collection);
    free(target->batches);
    free(target->items);
    free(target);
}

mr_status mdb_target_get(mdb_sink *sink, const mr_batch *batch, mdb_target **ret, mr_error *err)
{
    for (mdb_target *t = sink->targets; t; t = t->next) {
        if (t->route == batch->route &&
            (!t->by_topic || strcmp(t->collection, batch->topic) == 0)) {
            *ret = t;
            return MR_OK;
        }
    }
    mdb_target *target = new_target(sink, batch);
    mr_status status = create_collection(sink, target, err);
    if (status == MR_OK) {
        status = create_indexes(sink, target, err);
    }
    if (status != MR_OK) {
        sink->targets = target->next;
        free_target(target);
        return status;
    }
    *ret = target;
    return MR_OK;
}

mdb_item *mdb_target_add(mdb_target *target, const mr_batch *batch, size_t index)
{
    if (!target->batch_count || target->batches[target->batch_count - 1] != batch) {
        if (target->batch_count == target->batch_capacity) {
            target->batch_capacity = target->batch_capacity ? target->batch_capacity * 2 : 16;
            target->batches =
                mr_realloc_array(target->batches, target->batch_capacity, sizeof *target->batches);
        }
        target->batches[target->batch_count++] = batch;
    }
    if (target->item_count == target->item_capacity) {
        target->item_capacity = target->item_capacity ? target->item_capacity * 2 : 1024;
        target->items =
            mr_realloc_array(target->items, target->item_capacity, sizeof *target->items);
    }
    mdb_item *item = &target->items[target->item_count];
    *item = (mdb_item){.batch = (uint32_t)target->batch_count - 1,
                       .index = (uint32_t)index,
                       .place = (uint32_t)target->item_count};
    target->item_count++;
    return item;
}

void mdb_targets_clear(mdb_sink *sink)
{
    for (mdb_target *t = sink->targets; t; t = t->next) {
        t->batch_count = 0;
        t->item_count = 0;
        if (t->shape_count > SHAPES_MAX) {
            free_shapes(t);
        }
    }
}

void mdb_targets_drop(mdb_sink *sink)
{
    while (sink->targets) {
        mdb_target *target = sink->targets;
        sink->targets = target->next;
        free_target(target);
    }
}
