/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan that bson_plan.c makes of a schema and bson_decode.c runs: for each record its fields as
 * slots, for each slot what becomes of a value of each BSON type. All of it lies in the decoder's
 * arena. Private to codec/bson_*.c.
 */
#ifndef MR_CODEC_BSON_PLAN_H
#define MR_CODEC_BSON_PLAN_H

#include "base/arena.h"
#include "codec/bson.h"
#include "codec/bson_shape.h"
#include "codec/name_map.h"

typedef enum bson_op {
    BSON_REFUSE, /* nothing takes this type */
    BSON_TO_NULL,
    BSON_TO_BOOL,
    BSON_TO_INT, /* of int32, also into long */
    BSON_TO_INT_AS_DOUBLE,
    BSON_TO_LONG, /* int64, and dates to timestamp-millis */
    BSON_TO_DOUBLE,
    BSON_TO_TEXT,
    BSON_TO_FIXED, /* `size` bytes as they are */
    BSON_TO_BYTES, /* of binary */
    BSON_TO_RECORD,
    BSON_TO_ARRAY,
    BSON_TO_MAP,
    BSON_TO_JSON,
    BSON_CONVERT, /* mr_bson_convert() */
} bson_op;

/* BSON types as indexes of a table. Binaries are told apart by their subtypes. */
enum {
    BSON_AT_MAX_KEY = MR_BSON_DECIMAL128 + 1,
    BSON_AT_MIN_KEY,
    BSON_AT_OLD_BINARY,   /* subtype 2 */
    BSON_AT_UUID,         /* subtype 4 of 16 bytes */
    BSON_AT_OTHER_BINARY, /* all others but subtype 0, which is at MR_BSON_BINARY */
    BSON_AT_COUNT
};

/* How a value of one BSON type becomes a cell. */
typedef struct bson_way {
    uint8_t op;
    bool inexact; /* whoever takes this way does not give the bytes back */
    uint16_t size;
    mr_cell head; /* type and branch of the cell; the rest is 0 */
    union {
        struct bson_routine *routine;  /* _RECORD */
        const struct bson_value *item; /* _ARRAY, _MAP */
        const mr_schema *schema;       /* _CONVERT */
    } as;
    const struct bson_way *next; /* to try when this one cannot take the value; NULL: none */
} bson_way;

typedef struct bson_value {
    uint16_t at[BSON_AT_COUNT]; /* which of ways; 0 is BSON_REFUSE */
    const bson_way *ways;
    const mr_schema *schema;
} bson_value;

/* A field. Its name is compared by its first and last eight bytes, the zero byte included. */
typedef struct bson_slot {
    uint64_t head, mask; /* mask: which bits of head count, when the name is shorter */
    uint64_t tail;
    size_t name_bytes; /* with the zero byte */
    const char *name;
    bson_value value;
} bson_slot;

typedef struct bson_routine {
    const mr_schema *record;
    bson_slot *slots; /* slot_count, one per field, and one that matches no name */
    uint32_t slot_count;
    uint32_t rest;   /* the field MR_BSON_REST; slot_count: none */
    uint32_t *after; /* after[n + 1]: the slot that followed slot n last time; [0]: the first */
    const mr_cell *absent; /* of fields that are not there; type BSON_REQUIRED: a misfit */
    bool shaped;           /* has the alias MR_BSON_ABSENT */
    mr_name_map by_name;   /* -> bson_slot */
    mr_name_map by_alias;
    struct bson_routine *next;
} bson_routine;

/* Types of cells under construction. */
enum { BSON_UNSET = 0xff, BSON_REQUIRED = 0xfe };

struct mr_bson_decoder {
    const mr_schema *schema;
    bool owned; /* a reference is held */
    mr_arena *arena;
    bson_value root;
    bson_routine *routines; /* all of them */
    mr_buffer json, rest;   /* scratch */
};

/* Compiles the root and all it needs into decoder->arena. */
void mr_bson_plan(mr_bson_decoder *decoder);

/* Does the conversions of given schemas (bson_shape.h) to a schema that is no union, record, array
 * or map. false: it does not fit. Sets *inexact when the bytes cannot come back, else leaves it. */
bool mr_bson_convert(const mr_schema *schema, const mr_bson_element *element, mr_arena *arena,
                     mr_cell *ret, bool *inexact);

/* The types of bson_shape.h that are known by their names. */
bool mr_bson_is_json(const mr_schema *schema);
bool mr_bson_is_object_id(const mr_schema *schema);
bool mr_bson_is_decimal128(const mr_schema *schema);

/* "int32", "binary", "date", ... as error messages call it. */
const char *mr_bson_type_name(uint8_t type);

#endif
