/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands behind the root of a schema, and the steps in which schema_parse.c has it made.
 * Private to codec/schema*.c.
 */
#ifndef MR_CODEC_SCHEMA_TREE_H
#define MR_CODEC_SCHEMA_TREE_H

#include <jansson.h>
#include <stdatomic.h>

#include "api/record.h"
#include "base/arena.h"
#include "codec/name_map.h"
#include "codec/schema.h"

enum {
    MR_SCHEMA_TEXT_BYTES_MAX = 1 << 20,
    MR_SCHEMA_CANONICAL_BYTES_MAX = 16 << 20, /* full names can make it longer than the text */
    MR_SCHEMA_DEPTH_MAX = 64,
    MR_SCHEMA_NAMES_MAX = 10000, /* named types and fields together */
    MR_SCHEMA_NAME_BYTES_MAX = 1024,
    MR_SCHEMA_BRANCHES_MAX = 255,        /* mr_cell.branch is a byte */
    MR_SCHEMA_SYMBOLS_MAX = 65535,       /* mr_cell.symbol is 16 bit */
    MR_SCHEMA_DEFAULT_CELLS_MAX = 65536, /* of one default value, all levels */
};

/* mr_schema.internal of a root. */
typedef struct mr_schema_tree {
    atomic_uint refs;
    mr_arena *arena; /* holds every node, name and default */
    const char *json, *canonical;
    uint32_t node_count;
} mr_schema_tree;

/* A field whose default is still JSON: defaults wait until all types are known, since a default of
 * a recursive type needs them whole. */
typedef struct mr_pending_default {
    mr_field *field;
    const json_t *json; /* NULL: the field has no default */
    uint32_t cells;     /* how many the default has, once it is made */
    enum { MR_DEFAULT_WAITING, MR_DEFAULT_BUSY, MR_DEFAULT_MADE } state;
} mr_pending_default;

typedef struct mr_schema_parser {
    mr_schema_tree *tree;
    const mr_schema *root;
    mr_name_map names; /* full name -> const mr_schema * */
    size_t declared;   /* named types and fields so far */
    int depth;
    char path[256]; /* where we are: "Trip.fields[3].type" */
    size_t path_len;
    const char *field; /* name of the field we are in; NULL: none */
    mr_pending_default *pending;
    size_t pending_count;
    uint32_t *first_pending; /* by id of a record: where its fields stand in pending */
    size_t first_capacity;
    mr_error *err;
} mr_schema_parser;

/* "<path>: <reason>" as MR_FATAL. */
mr_status mr_schema_bad(mr_schema_parser *p, const char *format, ...) MR_PRINTF(2, 3);

/* Sets type, precision and scale from a "logicalType" that fits; ignores one that does not, as the
 * specification demands. */
void mr_schema_set_logical(mr_schema *schema, const json_t *object);

/* Makes the cells of all pending defaults. */
MR_CHECKED mr_status mr_schema_make_defaults(mr_schema_parser *p);

/* The parsing canonical form, in the arena; NULL when it is too long. */
const char *mr_schema_print_canonical(const mr_schema *root, mr_arena *arena);

/* A cell tree of `schema` as the JSON of a default. New reference; NULL when it is too large. */
json_t *mr_schema_default_json(const mr_schema *schema, const mr_cell *cell);

/* The schema as JSON, from the model. Names in `defined` are written as references, all others are
 * defined and added to it. New reference; NULL when it is nested too deeply. */
json_t *mr_schema_node_json(const mr_schema *schema, mr_name_map *defined);

/* [A-Za-z_][A-Za-z0-9_]* */
bool mr_schema_is_name(const char *text, size_t len);

/* MR_TYPE_COUNT: not the name of a primitive type. */
mr_type mr_schema_primitive(const char *name);

#endif
