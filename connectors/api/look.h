/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A first look at a source's input, for `millrace init --from`: the schema it seems to have and, of
 * each column, what speaks for its type. Nothing is opened for longer than the look, and no task
 * runs.
 */
#ifndef MR_API_LOOK_H
#define MR_API_LOOK_H

#include "api/error.h"
#include "api/record.h"

/* Texts are UTF-8 without control characters, of some 40 bytes at most where they come from the
 * input. */
typedef struct mr_look_column {
    const char *name;  /* of the field; in records and arrays: "stops[].zone" */
    const char *title; /* as the input calls it */
    const char *type;  /* "long", "date", "local-timestamp-micros", "string" */
    int64_t nulls;
    const char *least, *most; /* of numbers and times; NULL: the type has no order, or no value */
    const char *example;      /* the first value; NULL: there is none */
    const char *why;          /* "line 77 holds 1.5; int before" */
} mr_look_column;

typedef struct mr_look {
    const char *schema; /* JSON text of the Avro record schema; NULL: no data yet */
    mr_look_column *columns;
    size_t count;
    int64_t records;
    int64_t bad;           /* what can not become a record */
    const char *first_bad; /* "line 9: the line has ..."; NULL: none */
    const char *hint;      /* what looks odd; NULL: nothing */
} mr_look;

/* Looks at all of the input that the options name. `state` holds parsed and checked options.
 * Everything of *ret lives in the arena. */
typedef mr_status mr_look_at(const void *state, mr_arena *arena, mr_look *ret, mr_error *err);

#endif
