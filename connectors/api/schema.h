/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A schema: the Avro 1.11 schema model that records, codecs and sinks share
 * (https://avro.apache.org/docs/1.11.1/ specification/). Immutable once built, reference counted,
 * so it may be shared between threads.
 */
#ifndef MR_API_SCHEMA_H
#define MR_API_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Type of a value. Logical types are types of their own: a cell carries its meaning. */
typedef enum mr_type {
    MR_NULL,
    MR_BOOL,
    MR_INT,    /* 32 bit */
    MR_LONG,   /* 64 bit */
    MR_FLOAT,  /* 32 bit */
    MR_DOUBLE, /* 64 bit */
    MR_BYTES,
    MR_STRING, /* UTF-8, not terminated */
    MR_FIXED,
    MR_ENUM,
    MR_ARRAY,
    MR_MAP,
    MR_RECORD,
    MR_UNION, /* only in schemas: a cell holds the branch's type */
    /* Logical types; in brackets the Avro types that carry them. */
    MR_DECIMAL,      /* [bytes, fixed] unscaled, big-endian two's complement; scale in the schema */
    MR_UUID,         /* [string] 36 characters or [fixed 16] */
    MR_DATE,         /* [int] days since 1970-01-01 */
    MR_TIME_MS,      /* [int] milliseconds since midnight */
    MR_TIME_US,      /* [long] microseconds since midnight */
    MR_TIMESTAMP_MS, /* [long] since the epoch, UTC */
    MR_TIMESTAMP_US, /* [long] */
    MR_LOCAL_TIMESTAMP_MS, /* [long] since 1970-01-01 00:00 on a wall clock of no zone */
    MR_LOCAL_TIMESTAMP_US, /* [long] */
    MR_DURATION,           /* [fixed 12] months, days, milliseconds; little-endian uint32 each */
    MR_TYPE_COUNT
} mr_type;

struct mr_cell;
typedef struct mr_schema mr_schema;

typedef struct mr_field {
    const char *name;
    const char *doc;            /* NULL: none */
    const char *const *aliases; /* alias_count names */
    size_t alias_count;
    const mr_schema *schema;
    const struct mr_cell *dflt; /* default value as a cell tree of `schema`, complete (members that
                                   a record's default leaves out are filled in) and as long-lived
                                   as the schema; NULL: no default */
    int order;                  /* 1 ascending, -1 descending, 0 ignore */
} mr_field;

/* A node of a schema. A named type that is used again is the same node, so pointers may go in
 * circles (a record that holds itself): who walks a schema bounds the depth or remembers ids. */
struct mr_schema {
    mr_type type;     /* logical where there is one */
    mr_type base;     /* the Avro type that carries it; equals type without a logical type */
    bool nullable;    /* MR_UNION: has a null branch */
    const char *name; /* record, enum, fixed: full name ("ns.Trip"); else NULL */
    const char *doc;  /* NULL: none */
    const char *const *aliases; /* full names */
    size_t alias_count;
    const mr_field *fields; /* MR_RECORD */
    size_t field_count;
    const char *const *symbols; /* MR_ENUM */
    size_t symbol_count;
    int enum_default;                 /* MR_ENUM: index of the default symbol; -1: none */
    const mr_schema *const *branches; /* MR_UNION, in order */
    size_t branch_count;
    const mr_schema *items; /* MR_ARRAY and MR_MAP: the values */
    size_t size_bytes;      /* base MR_FIXED */
    int precision, scale;   /* MR_DECIMAL */
    uint64_t fingerprint;   /* CRC-64-AVRO of the parsing canonical form; set on the root only */
    uint32_t id;    /* number within its schema tree, for tables indexed by schema; root is 0 */
    void *internal; /* owned by codec/schema.c; NULL but on the root */
};

/* For a union of null and one other type, that other type; else the schema itself. */
const mr_schema *mr_schema_strip_null(const mr_schema *schema);

/* Field of a record by exact name; NULL: none. */
const mr_field *mr_schema_field(const mr_schema *record, const char *name);

/* "timestamp-micros", "string", ... as the Avro specification writes it. */
const char *mr_type_name(mr_type type);

#endif
