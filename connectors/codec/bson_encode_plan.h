/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan that bson_encode_plan.c makes of a schema and bson_encode.c runs: the schema with what
 * BSON needs of it made ready. All of it lies in the encoder's arena and is immutable. Private to
 * codec/bson_encode*.c.
 */
#ifndef MR_CODEC_BSON_ENCODE_PLAN_H
#define MR_CODEC_BSON_ENCODE_PLAN_H

#include "base/arena.h"
#include "codec/bson.h"

enum { BSON_NAME_PAD = 16 };

typedef struct bson_label {
    const char *text;
    uint32_t len;
    bool padded; /* a zero byte follows, and BSON_NAME_PAD bytes may be read */
} bson_label;

typedef enum bson_put {
    BSON_PUT_AS_TYPE, /* by the cell's type alone */
    BSON_PUT_OBJECT_ID,
    BSON_PUT_DECIMAL128,
    BSON_PUT_JSON,
    BSON_PUT_DOCUMENT,
    BSON_PUT_ITEMS, /* array and map */
    BSON_PUT_UNION,
} bson_put;

typedef struct bson_put_field {
    bson_label name;
    struct bson_put_plan *value;
} bson_put_field;

typedef struct bson_put_plan {
    bson_put op;
    bool shaped; /* nulls are left out */
    const mr_schema *schema;
    size_t count;
    size_t rest; /* the field MR_BSON_REST; count: none */
    bson_put_field *fields;
    struct bson_put_plan **branches;
    struct bson_put_plan *items;
    struct bson_put_plan *next; /* records to be planned yet */
} bson_put_plan;

struct mr_bson_encoder {
    const mr_schema *schema;
    bool owned;
    mr_arena *arena;
    const bson_put_plan *root;
};

#endif
