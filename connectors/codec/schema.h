/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building, reading and comparing schemas (the model itself is api/schema.h). Thread-safe: schemas
 * are immutable, the count of references is atomic.
 */
#ifndef MR_CODEC_SCHEMA_H
#define MR_CODEC_SCHEMA_H

#include "api/error.h"
#include "api/schema.h"

/* Parses an Avro schema (JSON text). Named types may be used after their definition, also
 * recursively. Limits: 1 MiB of text, 10,000 named types and fields, nesting of 64, 255 branches,
 * 65,535 symbols, names of 1,024 bytes. Errors (MR_FATAL, MR_DOMAIN_SCHEMA) say where: line and
 * column of malformed JSON, or the path ("Trip.fields[3].type") with the field in err->field.
 * Defaults must fit their type (a union: any of its branches). A logical type that is unknown or
 * does not fit is ignored, as the specification demands. The caller owns a reference to *ret. */
MR_CHECKED mr_status mr_schema_parse(const char *json, size_t len, const mr_schema **ret,
                                     mr_error *err);

/* Whole trees only: `schema` is a root. NULL is fine for release. */
const mr_schema *mr_schema_acquire(const mr_schema *schema);
void mr_schema_release(const mr_schema *schema);

/* The JSON text of the schema on one line: of a parsed one what was parsed, unknown attributes
 * included; and its parsing canonical form. Owned by the schema. */
const char *mr_schema_json(const mr_schema *schema);
const char *mr_schema_canonical(const mr_schema *schema);

/* CRC-64-AVRO of the canonical form (spec, "Schema Fingerprints"). */
uint64_t mr_fingerprint(const char *canonical, size_t len);

/* Can all data written with `writer` be read with `reader` (spec, "Schema Resolution"; what
 * codec/avro.h says of mr_decoder_new)? Every branch and symbol of the writer counts. MR_OK, or
 * MR_FATAL with the path and the reason in *err. */
MR_CHECKED mr_status mr_schema_can_read(const mr_schema *reader, const mr_schema *writer,
                                        mr_error *err);

/* Is this one of the aliases of a schema or a field? */
bool mr_schema_has_alias(const char *const *aliases, size_t count, const char *alias);

/* How many distinct schema nodes a tree has: ids are 0 .. count-1. */
uint32_t mr_schema_node_count(const mr_schema *root);

/* A part of a tree as a schema of its own, e.g. the record of one field: cells of the part are
 * cells of the new schema. It need not outlive this call. The caller owns a reference to *ret. */
MR_CHECKED mr_status mr_schema_extract(const mr_schema *part, const mr_schema **ret, mr_error *err);

/* --- Building schemas in code (transforms, inference) --- */

typedef struct mr_schema_builder mr_schema_builder;
/* A record schema; fields are added in order. */
mr_schema_builder *mr_schema_builder_new(const char *full_name);
void mr_schema_builder_free(mr_schema_builder *builder);
/* A field of a primitive or logical type; nullable: union [null, type] with default null. precision
 * and scale: for MR_DECIMAL (carried by bytes). MR_UUID is carried by string. */
void mr_schema_builder_add(mr_schema_builder *builder, const char *name, mr_type type,
                           bool nullable, int precision, int scale);
/* A field that has the (sub)schema of another tree, which need not outlive this call; doc and
 * default of the field itself are not copied. nullable: null becomes a branch where it is none, and
 * the default. A named type may come with several fields if it is the same each time. */
void mr_schema_builder_add_copy(mr_schema_builder *builder, const char *name,
                                const mr_schema *schema, bool nullable);
/* Another full name by which the record is known. */
void mr_schema_builder_alias(mr_schema_builder *builder, const char *full_name);
/* Ends the building (frees the builder). A name used twice or not an Avro name is an error
 * (MR_FATAL) that has it in err->field. */
MR_CHECKED mr_status mr_schema_builder_finish(mr_schema_builder *builder, const mr_schema **ret,
                                              mr_error *err);

#endif
