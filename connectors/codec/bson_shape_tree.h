/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a shape knows: a tree of fields, each with the kinds of values it has had. Private to
 * codec/bson_shape*.c. All of it but the maps lies in the shape's arena; what is dropped on the way
 * stays there until the end, since that happens a bounded number of times.
 */
#ifndef MR_CODEC_BSON_SHAPE_TREE_H
#define MR_CODEC_BSON_SHAPE_TREE_H

#include "base/arena.h"
#include "codec/bson.h"
#include "codec/bson_shape.h"
#include "codec/name_map.h"

/* What a branch of a union can be. */
typedef enum shape_kind {
    SHAPE_BOOL,
    SHAPE_INT,
    SHAPE_LONG,
    SHAPE_DOUBLE,
    SHAPE_STRING,
    SHAPE_DATE,
    SHAPE_BYTES,
    SHAPE_UUID,
    SHAPE_OBJECT_ID,
    SHAPE_DECIMAL128,
    SHAPE_RECORD,
    SHAPE_ARRAY,
    SHAPE_JSON,
    SHAPE_KINDS,
    SHAPE_NULL = SHAPE_KINDS, /* not in kinds[] */
} shape_kind;

/* The values of a field, or the elements of an array. */
typedef struct shape_value {
    bool null;
    uint8_t count;
    uint16_t mask; /* 1 << kind */
    uint8_t kinds[SHAPE_KINDS];
    const char *path;            /* full name that a record here gets, if it is free */
    struct shape_record *record; /* SHAPE_RECORD */
    struct shape_value *items;   /* SHAPE_ARRAY */
} shape_value;

typedef struct shape_field {
    const char *name; /* in the documents */
    const char *avro;
    size_t index;
    shape_value value;
} shape_field;

typedef struct shape_record {
    const char *name;
    shape_value *owner; /* NULL: the root */
    shape_field **fields;
    size_t count, capacity;
    const char *rest;    /* name of the field MR_BSON_REST; NULL: it has none */
    mr_name_map by_name; /* in the documents -> shape_field */
    mr_name_map taken;   /* Avro names -> anything */
    bool published;      /* in a schema that was handed out: it stays */
    bool dropped;        /* became SHAPE_JSON */
    struct shape_record *next;
} shape_record;

struct mr_bson_shape {
    mr_bson_shape_options options;
    mr_arena *arena;
    shape_record *root, *records, **records_end; /* all of them, in the order of their making */
    mr_name_map names;                           /* of records */
    size_t used;                                 /* fields and records, see fields_max */
    size_t text_bytes;                           /* about so much the schema's JSON will have */
    bool full;                                   /* MR_BSON_FULL */
    bool changed;
};

static inline bool shape_has(const shape_value *value, shape_kind kind)
{
    return value->mask >> kind & 1;
}

void mr_shape_add_kind(mr_bson_shape *shape, shape_value *value, shape_kind kind);
shape_record *mr_shape_new_record(mr_bson_shape *shape, const char *name, shape_value *owner);
/* avro NULL: one is made of the name. Both are copied. */
shape_field *mr_shape_new_field(mr_bson_shape *shape, shape_record *record, const char *name,
                                const char *avro);
/* An empty shape: without a root. */
mr_bson_shape *mr_shape_alloc(const mr_bson_shape_options *options);

#endif
