/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the documents of a collection look like, as an Avro schema that grows with them: a new field
 * or a wider type makes a new version of the schema, never a stop. Versions are such that a newer
 * one reads data of all older ones (every field is nullable with default null; unions only grow).
 *
 *   BSON                            Avro
 *   null, or no such field          null
 *   bool, int32, int64, double      boolean, int, long, double
 *   string                          string
 *   date                            timestamp-millis
 *   binary 0 (and 2)                bytes
 *   binary 4                        uuid on fixed 16, millrace.Uuid
 *   ObjectId                        objectId on fixed 12, millrace.ObjectId (MR_OBJECT_ID)
 *   Decimal128                      decimal128 on fixed 16, millrace.Decimal128 (MR_DECIMAL128)
 *   document                        record, with the alias MR_BSON_ABSENT, named by its path
 *   array                           array of the union of its elements' types
 *   all else, and a second type     record millrace.Json {"json": string}: canonical extended JSON
 *   that Avro's unions can not
 *   hold beside the first (date
 *   and int64)
 *
 * widen: a field of int32 and int64 is long, of int32 and double double (a new version of the
 * schema, which promotes); without it both are branches of a union. int64 and double are always
 * two branches, since neither holds the other.
 * Too wide     A sub-document with more than fields_max fields in all the documents seen (keys that
 *              are data), or deeper than depth_max, becomes millrace.Json.
 * Names        A field name that is no Avro name is changed ([^A-Za-z0-9_] to _, a digit in front
 *              gets a _, a name that is taken a number); `doc` of the field then is the name in
 *              the documents. Not thread-safe.
 */
#ifndef MR_CODEC_BSON_SHAPE_H
#define MR_CODEC_BSON_SHAPE_H

#include "api/error.h"
#include "api/record.h"

#define MR_JSON_NAME       "millrace.Json"
#define MR_OBJECT_ID_NAME  "millrace.ObjectId"
#define MR_DECIMAL128_NAME "millrace.Decimal128"
#define MR_UUID_NAME       "millrace.Uuid"

typedef struct mr_bson_shape mr_bson_shape;

typedef struct mr_bson_shape_options {
    const char *name; /* full name of the record: "taxi.trips" */
    bool widen;
    size_t fields_max; /* of all records of the schema together */
    size_t depth_max;  /* at most 32 */
} mr_bson_shape_options;

/* Borrows options->name. */
mr_bson_shape *mr_bson_shape_new(const mr_bson_shape_options *options);
/* Goes on from a schema made by mr_bson_shape_schema(), e.g. one that was stored. */
MR_CHECKED mr_status mr_bson_shape_restore(const mr_bson_shape_options *options,
                                           const mr_schema *schema, mr_bson_shape **ret,
                                           mr_error *err);
void mr_bson_shape_free(mr_bson_shape *shape);

/* Takes in one (checked) document; returns whether the schema changes by it. */
bool mr_bson_shape_learn(mr_bson_shape *shape, mr_slice document);

/* The schema of all documents learnt. The caller owns a reference. */
MR_CHECKED mr_status mr_bson_shape_schema(mr_bson_shape *shape, const mr_schema **ret,
                                          mr_error *err);

/* --- Documents to cells --- */

typedef struct mr_bson_decoder mr_bson_decoder;

/* A plan that reads documents into cells of `schema` (a record), which was made by a shape or given
 * by the user. Given schemas may have any types: numbers convert where they fit without loss, a
 * date goes to any timestamp or date, Decimal128 to decimal if its digits fit, ObjectId and UUID to
 * string, any value to millrace.Json, and a document to a map. Keeps a reference. */
MR_CHECKED mr_status mr_bson_decoder_new(const mr_schema *schema, mr_bson_decoder **ret,
                                         mr_error *err);
void mr_bson_decoder_free(mr_bson_decoder *decoder);

typedef enum mr_bson_fit {
    MR_BSON_EXACT,   /* the cells give the document back to the byte (mr_bson_encode) */
    MR_BSON_INEXACT, /* all values are there, but not to the byte: order of fields, a null that is
                        written, a widened number, a changed name, text that is not UTF-8 */
    MR_BSON_MISFIT,  /* a field or type the schema does not have: learn() it, or reject */
} mr_bson_fit;

/* Reads a (checked) document. Text lies in the document, children in the arena; fields are looked
 * for where the last document had them first. For MR_BSON_MISFIT *err says the path, the type found
 * and the type expected, and *ret is undefined. ignore_unknown: fields the schema has not are left
 * out (INEXACT), not a misfit. */
mr_bson_fit mr_bson_decode(mr_bson_decoder *decoder, mr_slice document, bool ignore_unknown,
                           mr_arena *arena, mr_cell *ret, mr_error *err);

#endif
