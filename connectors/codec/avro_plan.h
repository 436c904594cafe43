/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan that avro_resolve.c makes of a pair of schemas and avro_decode.c runs: for each record a
 * flat array of steps, one per field of the writer in the order of its bytes, each of which reads
 * (or skips) one value into its slot. A union of null and one other type is folded into the step of
 * the other. Private to codec/avro*.c, but for what a cell fits. All of it lies in the decoder's
 * arena and is immutable.
 */
#ifndef MR_CODEC_AVRO_PLAN_H
#define MR_CODEC_AVRO_PLAN_H

#include "api/record.h"
#include "base/arena.h"
#include "codec/avro.h"

enum {
    MR_AVRO_DEPTH_MAX = 64, /* records, arrays and maps inside each other */
    /* Cells that one datum may make: so many, and so many more for each of its bytes. Bounds what
     * an array of a billion values of no bytes can do; honest data is far below. */
    MR_AVRO_CELLS_MAX = 1 << 16,
    MR_AVRO_CELLS_PER_BYTE_MAX = 16,
};

typedef enum mr_step_op {
    MR_READ_NULL,
    MR_READ_BOOL,
    MR_READ_INT, /* also into long */
    MR_READ_LONG,
    MR_READ_INT_AS_FLOAT, /* "_AS_": promotions that change the value's form */
    MR_READ_INT_AS_DOUBLE,
    MR_READ_LONG_AS_FLOAT,
    MR_READ_LONG_AS_DOUBLE,
    MR_READ_FLOAT, /* also into double */
    MR_READ_DOUBLE,
    MR_READ_TEXT, /* string and bytes */
    MR_READ_FIXED,
    MR_READ_ENUM,
    MR_READ_RECORD,
    MR_READ_ARRAY,
    MR_READ_MAP,
    MR_READ_UNION,
    MR_READ_FAIL, /* a branch that the reader cannot take */
    MR_SKIP_BYTES,
    MR_SKIP_VARINT,
    MR_SKIP_TEXT,
    MR_SKIP_RECORD,
    MR_SKIP_ARRAY,
    MR_SKIP_MAP,
} mr_step_op;

/* mr_step.null_branch: the step is not of a nullable union. */
enum { MR_NOT_NULLABLE = 0xff };

typedef struct mr_step {
    uint8_t op;
    uint8_t null_branch;    /* of the writer: reading it makes a null; or MR_NOT_NULLABLE */
    uint8_t null_to_branch; /* of the reader, for that null */
    bool may_be_empty;      /* _ARRAY: an item may take no bytes at all */
    uint32_t slot;          /* which cell of its record it fills */
    mr_cell head;           /* type and branch of the cell it makes; the rest is 0 */
    uint32_t count; /* bytes of _FIXED and SKIP_BYTES, branches of _UNION, symbols of _ENUM */
    union {
        const struct mr_routine *routine; /* _RECORD */
        const struct mr_step *steps;      /* _ARRAY, _MAP: of an item; _UNION: of each branch */
        const mr_cell *symbols; /* _ENUM: by the writer's index; MR_NULL: the reader lacks it */
        const char *reason;     /* _FAIL */
    } as;
} mr_step;

/* How to read (or skip) a record of one schema into one of another. */
typedef struct mr_routine {
    const mr_step *steps; /* one per field of the writer */
    uint32_t step_count;
    uint32_t cell_count;    /* fields of the reader; 0 when skipping */
    const mr_cell *initial; /* cell_count cells with the defaults; NULL: every cell has its step */
    const mr_schema *writer, *reader; /* reader NULL: skipping */
    const char *path;                 /* where it was first met, for messages */
    struct mr_routine *next;          /* of those still to be compiled */
} mr_routine;

struct mr_decoder {
    const mr_schema *writer, *reader;
    mr_arena *arena;
    mr_step root;
};

/* Compiles the root step and all it needs into decoder->arena. strict: every branch and symbol the
 * writer could use must be readable, not only some. */
MR_CHECKED mr_status mr_plan_compile(mr_decoder *decoder, bool strict, mr_error *err);

/* Can the cell be written as this schema, which is no union (codec/avro.h, mr_encode())? */
bool mr_avro_fits(const mr_schema *schema, const mr_cell *cell);
/* The branch of the best fit; cell->branch where it is as good as any. -1: none. */
int mr_avro_choose(const mr_schema *schema, const mr_cell *cell);

/* Do the two stand for the same thing by name: equal, equal without namespace, or by alias? */
bool mr_plan_names_match(const mr_schema *writer, const mr_schema *reader);

#endif
