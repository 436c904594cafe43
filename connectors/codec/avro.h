/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Avro binary encoding (spec, "Binary Encoding") to and from cells, by a compiled plan.
 *
 * A plan is made once per pair of schemas and is immutable; decoding copies nothing (text points
 * into the input) and allocates only child cells from the arena, once per record where the shape
 * allows it.
 *
 * Threads     A decoder or encoder is not changed by use: any number of threads may share one.
 * Ownership   Decoded text lies in the input, children in the arena; the texts of enum symbols and
 *             default values lie in the decoder. Keep all three until the cells are done with.
 * Text        Strings are not checked to be UTF-8: who hands them on does so where it costs least
 *             (PostgreSQL's server, the JSON writer). Keys of maps may repeat; order is as written.
 * Limits      Records, arrays and maps nest at most 64 deep; a datum has at most 2^31 - 1 bytes and
 *             makes at most 2^16 cells and 16 more per byte of it (so arrays of nothing end).
 */
#ifndef MR_CODEC_AVRO_H
#define MR_CODEC_AVRO_H

#include "api/error.h"
#include "api/record.h"
#include "base/buffer.h"

typedef struct mr_decoder mr_decoder;

/* A plan that reads data written with `writer` into cells of `reader` (spec, "Schema Resolution"):
 * promotion, defaults, aliases, field order, enum defaults, unions. Pass the same schema twice for
 * no resolution. Keeps references to both, which are roots. MR_FATAL with path and reason when they
 * do not resolve.
 *
 * Unions      cell.type is the type of the branch, cell.branch its index in the reader's schema (0
 *             where that is no union). Which branch of the reader: the same type under the same
 *             full name, else the same type, else the first that the writer's type promotes to.
 * Names       of records, enums and fixed match without their namespace, or by the reader's alias.
 * Logical     types resolve as their base types, and the reader's wins; but two different times or
 *             decimals of different scale are refused, since the number would mean something else.
 * Deferred    A branch or enum symbol that only the reader lacks fails when a datum uses it;
 *             mr_schema_can_read() is stricter. */
MR_CHECKED mr_status mr_decoder_new(const mr_schema *writer, const mr_schema *reader,
                                    mr_decoder **ret, mr_error *err);
void mr_decoder_free(mr_decoder *decoder);

/* Decodes one datum of exactly len bytes. *ret is filled; its children are in the arena, its text
 * in `data`. Malformed input: MR_REJECT with the field's path in err->field and the byte offset in
 * the text; nothing is read past len. */
MR_CHECKED mr_status mr_decode(const mr_decoder *decoder, const char *data, size_t len,
                               mr_arena *arena, mr_cell *ret, mr_error *err);
/* As above, but the datum may be followed by others: *used is what it took. */
MR_CHECKED mr_status mr_decode_prefix(const mr_decoder *decoder, const char *data, size_t len,
                                      mr_arena *arena, mr_cell *ret, size_t *used, mr_error *err);

typedef struct mr_encoder mr_encoder;

MR_CHECKED mr_status mr_encoder_new(const mr_schema *schema, mr_encoder **ret, mr_error *err);
void mr_encoder_free(mr_encoder *encoder);
/* Appends the encoding of `cell`, which must be of the encoder's schema; unions are chosen by
 * cell.type (branch when several fit). A cell that does not fit, or a full buffer: MR_REJECT with
 * the path in err->field; `out` is then as it was before. What fits, best first:
 *   the type itself; a record has as many cells as fields, in their order
 *   a logical type where its base type is expected, and a base type where a logical one is
 *   int -> long -> float -> double, string <-> bytes
 * An enum is written by its text where cell.symbol is not that of the encoder's schema; a decimal
 * shorter than the fixed that carries it gets its sign in front. */
MR_CHECKED mr_status mr_encode(const mr_encoder *encoder, const mr_cell *cell, mr_buffer *out,
                               mr_error *err);

/* --- Single-object encoding (in the specification): C3 01, fingerprint little-endian, datum --- */

enum { MR_SINGLE_OBJECT_HEADER_BYTES = 10 };
void mr_single_object_header(uint64_t fingerprint, char out[MR_SINGLE_OBJECT_HEADER_BYTES]);
/* false when the bytes do not start with a whole header. */
bool mr_single_object_parse(const char *data, size_t len, uint64_t *fingerprint);

/* What bytes look like when they are not what was expected, as the end of a sentence: "starts with
 * 7b 22 69 64: JSON text". */
void mr_describe_bytes(const char *data, size_t len, char *out, size_t out_size);

#endif
