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
 *   ObjectId                        fixed 12, millrace.ObjectId
 *   Decimal128                      fixed 16, millrace.Decimal128: the 16 bytes as BSON has them
 *   document                        record, with the alias MR_BSON_ABSENT, named by its path
 *   array                           array of the union of its elements' types
 *   all else                        record millrace.Json {"json": string}: canonical extended JSON
 *
 * One field  may have several of them: a union, in the order in which they came. Avro has no union
 *            of long and timestamp-millis, which is a long too: the second of the two is
 *            millrace.Json.
 * widen      A field of int32 and int64 is long, of int32 and double double (a new version of the
 *            schema, which promotes); without it both are branches of a union. int64 and double are
 *            always two branches, since neither holds the other. A union that has a date is not
 *            widened: Avro would read the old int as a timestamp.
 * Too deep   Documents and arrays in more than depth_max levels are millrace.Json.
 * Too wide   When all records together have fields_max fields, a sub-document that alone has an
 *            eighth of them (its keys are data) becomes millrace.Json, if no schema with it was
 *            handed out yet. Else the record that would get one more gets a field of millrace.Json
 *            with the alias MR_BSON_REST instead, once: a document of all fields that have no field
 *            of their own. So do fields whose names are not UTF-8 or longer than 1,000 bytes.
 *            When the schema's text has 700 KiB, every new type is millrace.Json.
 *            Where a value has become millrace.Json, documents and arrays without a branch of their
 *            own are that too.
 * Names      A field name that is no Avro name is changed ([^A-Za-z0-9_] to _, a digit in front
 *            gets a _, a name that is taken a number); `doc` of the field then is the name in the
 *            documents.
 *
 * Not thread-safe.
 */
#ifndef MR_CODEC_BSON_SHAPE_H
#define MR_CODEC_BSON_SHAPE_H

#include "api/error.h"
#include "api/record.h"

#define MR_JSON_NAME       "millrace.Json"
#define MR_OBJECT_ID_NAME  "millrace.ObjectId"
#define MR_DECIMAL128_NAME "millrace.Decimal128"
#define MR_UUID_NAME       "millrace.Uuid"

/* Alias of the field that takes what has no field of its own; and second alias of the records of a
 * shape that does not widen, so that their decoder does not either. */
#define MR_BSON_REST      "millrace_rest"
#define MR_BSON_UNWIDENED "millrace.Unwidened"
/* Alias of records of a shape whose schema is as large as it may get: all that is new is JSON. */
#define MR_BSON_FULL "millrace.Full"

enum { MR_SHAPE_DEPTH_MAX = 28, MR_SHAPE_FIELDS_MAX = 9000 };

typedef struct mr_bson_shape mr_bson_shape;

typedef struct mr_bson_shape_options {
    const char *name; /* full name of the record: "taxi.trips" */
    bool widen;
    size_t fields_max; /* of all records of the schema together, a sub-document counting as one
                          more; more than MR_SHAPE_FIELDS_MAX is that */
    size_t depth_max;  /* of documents and arrays, the document itself being 1; more than
                          MR_SHAPE_DEPTH_MAX is that, so that Avro's limits hold */
} mr_bson_shape_options;

/* Copies the options. */
mr_bson_shape *mr_bson_shape_new(const mr_bson_shape_options *options);
/* Goes on from a schema made by mr_bson_shape_schema(), e.g. one that was stored; its name stays.
 * MR_FATAL when a shape could not have made it. */
MR_CHECKED mr_status mr_bson_shape_restore(const mr_bson_shape_options *options,
                                           const mr_schema *schema, mr_bson_shape **ret,
                                           mr_error *err);
void mr_bson_shape_free(mr_bson_shape *shape);

/* Takes in one (checked) document; returns whether the schema changes by it. After it a decoder of
 * the shape's schema takes the document. */
bool mr_bson_shape_learn(mr_bson_shape *shape, mr_slice document);

/* The schema of all documents learnt; the same documents in the same order make the same schema.
 * The caller owns a reference. MR_FATAL: the name is none, or the text is longer than a schema's
 * may be. */
MR_CHECKED mr_status mr_bson_shape_schema(mr_bson_shape *shape, const mr_schema **ret,
                                          mr_error *err);

/* --- Documents to cells --- */

typedef struct mr_bson_decoder mr_bson_decoder;

/* A plan that reads documents into cells of `schema` (a record), which was made by a shape or given
 * by the user. The schema may be a part of a tree, which then must outlive the decoder; of a whole
 * tree it keeps a reference. It remembers the last document's order: one thread at a time.
 *
 * Records of a shape (those with the alias MR_BSON_ABSENT) take what the table above says, and
 * nothing that learn() would make another type of. In all others:
 *
 *   numbers      of any type, Decimal128 included, go to int, long, float, double and decimal where
 *                nothing is lost: 3.0 to int, not 3.5; to decimal a double goes with its shortest
 *                digits, if the scale has room for them
 *   date         to every timestamp type, and to date if it is midnight UTC
 *   string       to string, to enum if it is a symbol, to uuid if it is one
 *   ObjectId     to millrace.ObjectId, or to string (24 hexadecimal digits)
 *   UUID         to uuid, or to string (36 characters)
 *   binary       to bytes, or to a fixed of its length, whatever its subtype
 *   document     to a record (of several the first that has all its fields), or to a map
 *   any value    to millrace.Json, when nothing else in the union takes it
 *   no field     its default, null, or a misfit; fields are found by aliases too */
MR_CHECKED mr_status mr_bson_decoder_new(const mr_schema *schema, mr_bson_decoder **ret,
                                         mr_error *err);
void mr_bson_decoder_free(mr_bson_decoder *decoder);

typedef enum mr_bson_fit {
    MR_BSON_EXACT,   /* the cells give the document back to the byte (mr_bson_encode) */
    MR_BSON_INEXACT, /* all values are there, but not to the byte: order of fields, a null that is
                        written, a widened number, a changed name, millrace.Json, text that is not
                        UTF-8 (U+FFFD instead). Of two fields of one name the first counts */
    MR_BSON_MISFIT,  /* a field or type the schema does not have: learn() it, or reject */
} mr_bson_fit;

/* Reads a (checked) document. Text lies in the document (changed or converted text in the arena),
 * children in the arena, symbols and defaults in the schema; fields are looked for where the last
 * document had them first. For MR_BSON_MISFIT *err says the path (also in err->field), the type
 * found and the type expected, and *ret is undefined. ignore_unknown: fields the schema has not are
 * left out (INEXACT), not a misfit. */
mr_bson_fit mr_bson_decode(mr_bson_decoder *decoder, mr_slice document, bool ignore_unknown,
                           mr_arena *arena, mr_cell *ret, mr_error *err);

#endif
