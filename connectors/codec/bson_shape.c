/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Learning what documents look like. The tree only ever grows, but for a sub-document that is found
 * to be a map before anybody has seen it as a record. A document that brings nothing new costs one
 * comparison per field, since fields are looked for where they were; but the decoder is what tells
 * that, so learning need not be fast beyond that.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "codec/bson_shape_tree.h"
#include "codec/schema.h"
#include "codec/text.h"

enum {
    NAME_BYTES_MAX = 1000,     /* of a field in a document; a longer one goes to the rest */
    AVRO_NAME_BYTES_MAX = 200, /* of a field; longer ones are cut */
    RECORD_NAME_BYTES_MAX = 400,
    /* A schema may have 1 MiB, and a message of Kafka's has to hold it. There are no new fields
     * beyond the first of these, and no new types beyond the second; millrace.Json always. */
    FIELDS_TEXT_BYTES_MAX = 600 << 10,
    FULL_TEXT_BYTES = 700 << 10,
    FIELD_TEXT_BYTES = 64, /* at most, besides names and types */
    KIND_TEXT_BYTES = 48,
    RECORD_TEXT_BYTES = 100,
    WIDE_PART = 8, /* a record with so great a part of all fields is a map */
};

/* --- The tree --------------------------------------------------------------------------------- */

mr_bson_shape *mr_shape_alloc(const mr_bson_shape_options *options)
{
    mr_bson_shape *s = mr_calloc(1, sizeof *s);
    s->arena = mr_arena_new();
    s->options = *options;
    s->options.name = mr_arena_strndup(s->arena, options->name, strlen(options->name));
    if (s->options.fields_max > MR_SHAPE_FIELDS_MAX) {
        s->options.fields_max = MR_SHAPE_FIELDS_MAX;
    }
    if (s->options.depth_max > MR_SHAPE_DEPTH_MAX) {
        s->options.depth_max = MR_SHAPE_DEPTH_MAX;
    }
    s->records_end = &s->records;
    return s;
}

mr_bson_shape *mr_bson_shape_new(const mr_bson_shape_options *options)
{
    mr_bson_shape *s = mr_shape_alloc(options);
    s->root = mr_shape_new_record(s, s->options.name, NULL);
    return s;
}

void mr_bson_shape_free(mr_bson_shape *shape)
{
    if (shape) {
        for (shape_record *r = shape->records; r; r = r->next) {
            mr_name_map_release(&r->by_name);
            mr_name_map_release(&r->taken);
            free(r->fields);
        }
        mr_name_map_release(&shape->names);
        mr_arena_free(shape->arena);
        free(shape);
    }
}

void mr_shape_add_kind(mr_bson_shape *s, shape_value *value, shape_kind kind)
{
    value->kinds[value->count++] = (uint8_t)kind;
    value->mask |= (uint16_t)(1u << kind);
    s->text_bytes += KIND_TEXT_BYTES;
    s->changed = true;
}

/* "name", "name_2", "name_3", ... whichever is free in `taken`; it then is not. */
static const char *free_name(mr_bson_shape *s, mr_name_map *taken, const char *name)
{
    const char *try = mr_arena_strndup(s->arena, name, strlen(name));
    for (unsigned n = 2; !mr_name_map_put(taken, try, try); n++) {
        try = mr_arena_format(s->arena, "%s_%u", name, n);
    }
    return try;
}

shape_record *mr_shape_new_record(mr_bson_shape *s, const char *name, shape_value *owner)
{
    shape_record *r = mr_arena_calloc(s->arena, 1, sizeof *r);
    r->name = free_name(s, &s->names, name);
    r->owner = owner;
    *s->records_end = r;
    s->records_end = &r->next;
    if (owner) {
        owner->record = r;
        s->used++;
    }
    s->text_bytes += RECORD_TEXT_BYTES + strlen(r->name);
    return r;
}

/* An Avro name for any text, not necessarily a free one. */
static const char *avro_name(mr_bson_shape *s, const char *name)
{
    size_t len = strlen(name);
    len = len < AVRO_NAME_BYTES_MAX ? len : AVRO_NAME_BYTES_MAX;
    bool front = !len || (name[0] >= '0' && name[0] <= '9');
    char *avro = mr_arena_alloc(s->arena, front + len + 1);
    avro[0] = '_';
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        avro[front + i] = c;
        if (!plain) {
            avro[front + i] = '_';
        }
    }
    avro[front + len] = '\0';
    return avro;
}

/* Records are named after their path; the last part must not be one of Avro's own types. */
static const char *record_path(mr_bson_shape *s, const shape_record *parent, const char *avro)
{
    static const char *const types[] = {"null",  "boolean", "int",   "long",
                                        "float", "double",  "bytes", "string"};
    if (strlen(parent->name) + strlen(avro) > RECORD_NAME_BYTES_MAX) {
        return mr_arena_format(s->arena, "%s.deep", s->root->name);
    }
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(avro, types[i]) == 0) {
            return mr_arena_format(s->arena, "%s.%s_", parent->name, avro);
        }
    }
    return mr_arena_format(s->arena, "%s.%s", parent->name, avro);
}

static size_t json_length(const char *text)
{
    size_t len = 0;
    for (; *text; text++) {
        len += (unsigned char)*text < 0x20     ? strlen("\\u0000")
               : *text == '"' || *text == '\\' ? 2
                                               : 1;
    }
    return len;
}

shape_field *mr_shape_new_field(mr_bson_shape *s, shape_record *r, const char *name,
                                const char *avro)
{
    shape_field *f = mr_arena_calloc(s->arena, 1, sizeof *f);
    f->name = mr_arena_strndup(s->arena, name, strlen(name));
    f->avro = free_name(s, &r->taken, avro ? avro : avro_name(s, name));
    f->index = r->count;
    f->value.null = true;
    f->value.path = record_path(s, r, f->avro);
    if (r->count == r->capacity) {
        r->capacity = r->capacity ? 2 * r->capacity : 16;
        r->fields = mr_realloc_array(r->fields, r->capacity, sizeof *r->fields);
    }
    r->fields[r->count++] = f;
    mr_name_map_put(&r->by_name, f->name, f);
    s->used++;
    s->text_bytes += FIELD_TEXT_BYTES + strlen(f->avro);
    if (strcmp(f->name, f->avro) != 0) {
        s->text_bytes += json_length(f->name);
    }
    s->changed = true;
    return f;
}

/* --- Room ------------------------------------------------------------------------------------- */

static void drop_record(mr_bson_shape *s, shape_record *r);

static void drop_value(mr_bson_shape *s, shape_value *v)
{
    for (; v; v = v->items) {
        if (v->record && !v->record->dropped) {
            drop_record(s, v->record);
        }
    }
}

/* Takes a record and all below it out of the count. */
static void drop_record(mr_bson_shape *s, shape_record *r)
{
    r->dropped = true;
    s->used -= 1 + r->count;
    for (size_t i = 0; i < r->count; i++) {
        drop_value(s, &r->fields[i]->value);
    }
}

/* Makes the widest sub-document, if it is that wide and nobody knows it yet, millrace.Json. */
static bool give_way(mr_bson_shape *s)
{
    shape_record *widest = NULL;
    for (shape_record *r = s->records; r; r = r->next) {
        if (r->owner && !r->published && !r->dropped && (!widest || r->count > widest->count)) {
            widest = r;
        }
    }
    if (!widest || widest->count < 2 || widest->count < s->options.fields_max / WIDE_PART) {
        return false;
    }
    shape_value *v = widest->owner;
    drop_record(s, widest);
    v->record = NULL;
    v->mask &= (uint16_t) ~(1u << SHAPE_RECORD);
    size_t kept = 0;
    for (size_t i = 0; i < v->count; i++) {
        if (v->kinds[i] != SHAPE_RECORD) {
            v->kinds[kept++] = v->kinds[i];
        }
    }
    v->count = (uint8_t)kept;
    if (!shape_has(v, SHAPE_JSON)) {
        mr_shape_add_kind(s, v, SHAPE_JSON);
    }
    return true;
}

static bool has_room(const mr_bson_shape *s)
{
    return s->used < s->options.fields_max && s->text_bytes < FIELDS_TEXT_BYTES_MAX;
}

/* NULL: it goes to the rest, or the record was dropped to make room. */
static shape_field *add_field(mr_bson_shape *s, shape_record *r, mr_slice name)
{
    bool named = name.len <= NAME_BYTES_MAX && mr_utf8_valid(name.data, name.len);
    while (named && !has_room(s) && give_way(s)) {
        if (r->dropped) {
            return NULL;
        }
    }
    if (named && has_room(s)) {
        return mr_shape_new_field(s, r, name.data, NULL);
    }
    if (!r->rest) {
        r->rest = free_name(s, &r->taken, "_rest");
        s->text_bytes += FIELD_TEXT_BYTES;
        s->changed = true;
    }
    return NULL;
}

/* --- Learning --------------------------------------------------------------------------------- */

static shape_kind kind_of(const mr_bson_element *e)
{
    uint8_t subtype;
    mr_slice bytes;
    switch (e->type) {
    case MR_BSON_NULL:
        return SHAPE_NULL;
    case MR_BSON_BOOL:
        return SHAPE_BOOL;
    case MR_BSON_INT32:
        return SHAPE_INT;
    case MR_BSON_INT64:
        return SHAPE_LONG;
    case MR_BSON_DOUBLE:
        return SHAPE_DOUBLE;
    case MR_BSON_STRING:
        return SHAPE_STRING;
    case MR_BSON_DATE:
        return SHAPE_DATE;
    case MR_BSON_BINARY:
        bytes = mr_bson_binary(e, &subtype);
        return subtype == 0 || subtype == 2      ? SHAPE_BYTES
               : subtype == 4 && bytes.len == 16 ? SHAPE_UUID
                                                 : SHAPE_JSON;
    case MR_BSON_OBJECT_ID:
        return SHAPE_OBJECT_ID;
    case MR_BSON_DECIMAL128:
        return SHAPE_DECIMAL128;
    case MR_BSON_DOCUMENT:
        return SHAPE_RECORD;
    case MR_BSON_ARRAY:
        return SHAPE_ARRAY;
    default:
        return SHAPE_JSON;
    }
}

/* Puts a wider number in the int's place, where that may be. */
static bool widen(mr_bson_shape *s, shape_value *v, shape_kind wider)
{
    if (!s->options.widen || !shape_has(v, SHAPE_INT) || shape_has(v, SHAPE_DATE) ||
        shape_has(v, SHAPE_LONG) || shape_has(v, SHAPE_DOUBLE)) {
        return false;
    }
    for (size_t i = 0; i < v->count; i++) {
        if (v->kinds[i] == SHAPE_INT) {
            v->kinds[i] = (uint8_t)wider;
        }
    }
    v->mask = (uint16_t)((v->mask & ~(1u << SHAPE_INT)) | 1u << wider);
    s->changed = true;
    return true;
}

/* Which kind a value of kind `k` is here, by what is here already. */
static shape_kind place(mr_bson_shape *s, shape_value *v, shape_kind k, size_t depth)
{
    if (shape_has(v, k)) {
        return k;
    }
    if (k == SHAPE_INT && s->options.widen && (v->mask & (1u << SHAPE_LONG | 1u << SHAPE_DOUBLE))) {
        return shape_has(v, SHAPE_LONG) ? SHAPE_LONG : SHAPE_DOUBLE;
    }
    if (s->full || s->text_bytes >= FULL_TEXT_BYTES) {
        s->changed |= !s->full;
        s->full = true;
        return SHAPE_JSON;
    }
    switch (k) {
    case SHAPE_LONG:
        widen(s, v, k);
        return shape_has(v, SHAPE_DATE) ? SHAPE_JSON : k;
    case SHAPE_DOUBLE:
        widen(s, v, k);
        return k;
    case SHAPE_DATE:
        return shape_has(v, SHAPE_LONG) ? SHAPE_JSON : k;
    case SHAPE_RECORD:
        return shape_has(v, SHAPE_JSON) || depth >= s->options.depth_max || !has_room(s)
                   ? SHAPE_JSON
                   : k;
    case SHAPE_ARRAY:
        return shape_has(v, SHAPE_JSON) || depth >= s->options.depth_max ? SHAPE_JSON : k;
    default:
        return k;
    }
}

static void learn_document(mr_bson_shape *s, shape_record *r, mr_slice document, size_t depth);

/* r: the record that the value is in, depth: how deep the document or array is that holds it.
 * Recursion is bounded by depth_max. */
static void learn_value(mr_bson_shape *s, const shape_record *r, shape_value *v,
                        const mr_bson_element *e, size_t depth)
{
    shape_kind k = kind_of(e);
    if (k == SHAPE_NULL) {
        s->changed |= !v->null;
        v->null = true;
        return;
    }
    k = place(s, v, k, depth);
    if (!shape_has(v, k)) {
        mr_shape_add_kind(s, v, k);
        if (k == SHAPE_RECORD) {
            mr_shape_new_record(s, v->path, v);
        } else if (k == SHAPE_ARRAY) {
            v->items = mr_arena_calloc(s->arena, 1, sizeof *v->items);
            v->items->path = v->path;
        }
    }
    if (k == SHAPE_RECORD) {
        learn_document(s, v->record, mr_bson_document(e), depth + 1);
    } else if (k == SHAPE_ARRAY) {
        mr_bson_element item;
        mr_slice array = mr_bson_document(e);
        for (size_t cursor = 0; !r->dropped && mr_bson_next(array, &cursor, &item);) {
            learn_value(s, r, v->items, &item, depth + 1);
        }
    }
}

static void learn_document(mr_bson_shape *s, shape_record *r, mr_slice document, size_t depth)
{
    mr_bson_element e;
    size_t guess = 0;
    for (size_t cursor = 0; !r->dropped && mr_bson_next(document, &cursor, &e);) {
        shape_field *f = guess < r->count ? r->fields[guess] : NULL;
        if (!f || strcmp(f->name, e.name.data) != 0) {
            f = (shape_field *)mr_name_map_get(&r->by_name, e.name.data);
        }
        f = f ? f : add_field(s, r, e.name);
        if (f) {
            guess = f->index + 1;
            learn_value(s, r, &f->value, &e, depth);
        }
    }
}

bool mr_bson_shape_learn(mr_bson_shape *shape, mr_slice document)
{
    shape->changed = false;
    learn_document(shape, shape->root, document, 1);
    return shape->changed;
}
