/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The columns of the table `record`, and the types SQL values have.
 *
 * In SQL a value has one of SQLite's storage classes; its type here says what it means:
 *   MR_BOOL, MR_LONG, MR_DATE (days)              INTEGER
 *   MR_TIME_US, MR_TIMESTAMP_US, MR_LOCAL_...     INTEGER, always in microseconds
 *   MR_DOUBLE                                     REAL
 *   MR_STRING, MR_UUID, MR_DECIMAL                TEXT (a decimal as "-12.50"; nested as JSON)
 *   MR_BYTES                                      BLOB
 *   MR_NULL the literal NULL;  MR_SQL_ANY not known before the value is there (JSON, unions)
 */
#ifndef MR_TRANSFORM_COLUMNS_H
#define MR_TRANSFORM_COLUMNS_H

#include "api/error.h"
#include "api/schema.h"
#include "transform/lexer.h"

#define MR_SQL_ANY MR_TYPE_COUNT

typedef struct mr_sql_type {
    mr_type type;
    bool nullable;
    int precision, scale; /* MR_DECIMAL */
} mr_sql_type;

typedef enum mr_meta {
    MR_META_NONE, /* a field of the value */
    MR_META_OP,
    MR_META_KEY,
    MR_META_TOPIC,
    MR_META_PARTITION,
    MR_META_OFFSET,
    MR_META_TIMESTAMP,
    MR_META_HEADERS,
} mr_meta;

typedef struct mr_column {
    const char *name;        /* owned by the schema, or by mr_columns.names */
    const mr_schema *schema; /* of the field; NULL: metadata, or no schema is known */
    mr_meta meta;
    mr_sql_type type;
} mr_column;

typedef struct mr_columns {
    mr_column *items; /* the fields of the value in order, then the metadata */
    size_t count, visible;
    bool whole;   /* the value is no record: it is the one column, `value` */
    bool stub;    /* no schema is known: a column for each name in the query */
    char **names; /* of columns that are not the schema's */
    size_t name_count;
    bool alike;    /* there are fields whose names differ only in case: the first one has it */
    size_t absent; /* how many of them mr_columns_add_absent() added: the last ones */
} mr_columns;

/* The type a field of this schema has in SQL. */
mr_sql_type mr_sql_type_of(const mr_schema *schema);
/* "long", "string", ..., "value of no fixed type". */
const char *mr_sql_type_name(mr_type type);

/* Two fields whose names differ only in case can not be told apart in SQL: MR_FATAL, permanent, but
 * for documents (mr_columns_are_open), where the one seen first has the name. A
 * field named like a metadata column hides it. */
MR_CHECKED mr_status mr_columns_of_schema(const mr_schema *schema, mr_columns *ret, mr_error *err);
/* For a query whose schema is not known: every name in it may be a column. */
void mr_columns_of_query(const mr_token *tokens, mr_columns *ret);
/* A field that documents of an open shape (mr_columns_are_open) may have some day: it is NULL until
 * then, and no part of *. */
void mr_columns_add_absent(mr_columns *columns, const char *name);
/* Is this the schema of documents (codec/bson_shape.h), which has the fields seen so far? */
bool mr_columns_are_open(const mr_schema *schema);
void mr_columns_release(mr_columns *columns);

/* By name, case-insensitive as in SQL; -1: none. */
int mr_columns_find(const mr_columns *columns, const char *name);
/* The nearest column name for a wrong one; NULL: none is near. Owned by the columns. */
const char *mr_columns_nearest(const mr_columns *columns, const char *name);

#endif
