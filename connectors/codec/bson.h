/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BSON (bsonspec.org, version 1.1) read from and written to bytes, without a library: on the hot
 * path nothing is copied and nothing is allocated per field.
 *
 * Trust       Bytes are checked once, by mr_bson_check(); everything else takes checked documents.
 * Limits      100 levels of documents and arrays as MongoDB itself has it, plus those of a change
 *             event; 64 MiB in all.
 */
#ifndef MR_CODEC_BSON_H
#define MR_CODEC_BSON_H

#include <endian.h>

#include "api/error.h"
#include "api/record.h"
#include "base/buffer.h"

enum { MR_BSON_DEPTH_MAX = 200, MR_BSON_BYTES_MAX = 64 << 20 };
enum { MR_DECIMAL128_BYTES = 16, MR_DECIMAL128_TEXT_BYTES = 48, MR_OBJECT_ID_BYTES = 12 };

/* Element types as they are in the bytes. */
typedef enum mr_bson_type {
    MR_BSON_DOUBLE = 0x01,
    MR_BSON_STRING = 0x02,
    MR_BSON_DOCUMENT = 0x03,
    MR_BSON_ARRAY = 0x04,
    MR_BSON_BINARY = 0x05,
    MR_BSON_UNDEFINED = 0x06,
    MR_BSON_OBJECT_ID = 0x07,
    MR_BSON_BOOL = 0x08,
    MR_BSON_DATE = 0x09,
    MR_BSON_NULL = 0x0a,
    MR_BSON_REGEX = 0x0b,
    MR_BSON_DB_POINTER = 0x0c,
    MR_BSON_CODE = 0x0d,
    MR_BSON_SYMBOL = 0x0e,
    MR_BSON_CODE_WITH_SCOPE = 0x0f,
    MR_BSON_INT32 = 0x10,
    MR_BSON_TIMESTAMP = 0x11,
    MR_BSON_INT64 = 0x12,
    MR_BSON_DECIMAL128 = 0x13,
    MR_BSON_MAX_KEY = 0x7f,
    MR_BSON_MIN_KEY = 0xff,
} mr_bson_type;

/* One element of a document. All of it lies in the document's bytes. */
typedef struct mr_bson_element {
    uint8_t type; /* mr_bson_type */
    mr_slice name;
    mr_slice value; /* the value's bytes as in the specification, lengths of strings, documents and
                       binaries included */
} mr_bson_element;

/* Is this one whole, well-formed document: lengths, types, terminators, depth? Texts need not be
 * UTF-8 (mongod does not see to that). MR_REJECT with the byte offset and the path. */
MR_CHECKED mr_status mr_bson_check(const char *data, size_t len, mr_error *err);

static inline uint32_t mr_bson_load32(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return le32toh(v);
}

static inline uint64_t mr_bson_load64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return le64toh(v);
}

/* Length of the document that begins at data, as its first four bytes say; no more is looked at. */
static inline size_t mr_bson_length(const char *data)
{
    return mr_bson_load32(data);
}

/* Length of a checked value's bytes. */
size_t mr_bson_value_length(uint8_t type, const char *value);

/* strlen() of a name that ends before `end`, the end of a document it lies in: eight bytes at a
 * time, since names are short and looked for more often than anything else. */
static inline size_t mr_bson_name_length(const char *name, const char *end)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const char *p = name;
    for (; end - p >= 8; p += 8) {
        uint64_t v = mr_bson_load64(p);
        uint64_t zeros = (v - ones) & ~v & ones << 7; /* the lowest bit is that of the first */
        if (zeros) {
            return (size_t)(p - name) + (size_t)__builtin_ctzll(zeros) / 8;
        }
    }
    return (size_t)(p - name) + strlen(p);
}

/* Iterates over a checked document's elements: *cursor starts at 0; false at the end, *ret then is
 * what it was. */
static inline bool mr_bson_next(mr_slice document, size_t *cursor, mr_bson_element *ret)
{
    const char *p = document.data + (*cursor ? *cursor : 4);
    uint8_t type = (uint8_t)*p++;
    if (!type) {
        return false;
    }
    ret->type = type;
    size_t name_len = mr_bson_name_length(p, document.data + document.len);
    ret->name = (mr_slice){p, name_len};
    p += name_len + 1;
    ret->value = (mr_slice){p, mr_bson_value_length(type, p)};
    *cursor = (size_t)(p + ret->value.len - document.data);
    return true;
}

/* First element of that name; false: none. */
bool mr_bson_find(mr_slice document, const char *name, mr_bson_element *ret);
/* The same with a path of names through documents (and arrays, by index): "address.city". A name
 * ends at the path's next dot, so names with dots in them are not found. */
bool mr_bson_find_path(mr_slice document, const char *path, mr_bson_element *ret);

/* Values of checked elements. Every function takes elements of any type, so that a reply that is
 * not as expected does no harm: where it says nothing else, other types have the empty value.
 *
 * The text of STRING, CODE, SYMBOL (and the name in DB_POINTER), without the zero byte that is
 * behind it; else data is NULL. */
static inline mr_slice mr_bson_text(const mr_bson_element *element)
{
    uint8_t type = element->type;
    if (type != MR_BSON_STRING && type != MR_BSON_CODE && type != MR_BSON_SYMBOL &&
        type != MR_BSON_DB_POINTER) {
        return (mr_slice){NULL, 0};
    }
    return (mr_slice){element->value.data + 4, mr_bson_load32(element->value.data) - 1};
}

/* DOCUMENT or ARRAY; the scope of CODE_WITH_SCOPE; else a document without elements. */
mr_slice mr_bson_document(const mr_bson_element *element);
/* Any of the number types, DATE or BOOL as an integer: cut towards zero, and to the range where it
 * is beyond; not a number is 0. So is every other type. */
int64_t mr_bson_int(const mr_bson_element *element);
/* The same as the nearest double; other types are not a number. */
double mr_bson_double(const mr_bson_element *element);
/* The bytes of a BINARY; subtype may be NULL. Without the second length that subtype 2 has. Else
 * data is NULL and the subtype 0. */
mr_slice mr_bson_binary(const mr_bson_element *element, uint8_t *subtype);
void mr_bson_timestamp(const mr_bson_element *element, uint32_t *seconds, uint32_t *increment);

/* Are two documents equal, the order of fields in (sub-)documents apart? Values are of the same
 * type and the same bytes (1 and 1.0 are two values). Bytes are compared first, so that equal
 * documents cost little; only documents whose fields come in another order and are many take
 * memory. */
bool mr_bson_same(mr_slice a, mr_slice b);

/* Does the document, or one in it, name a field twice? */
bool mr_bson_repeats(mr_slice document);
/* Appends the document; of fields that are named twice only the last one, where it stands. */
void mr_bson_add_unrepeated(mr_slice document, mr_buffer *out);

/* Order of two values as MongoDB sorts them (BSON comparison order: by kind first, numbers of all
 * types by value, texts by bytes): <0, 0, >0. Names are compared within documents only. */
int mr_bson_compare(const mr_bson_element *a, const mr_bson_element *b);

/* Extended JSON v2 (github.com/mongodb/specifications, extended-json.md), appended to *out:
 * canonical keeps every type, relaxed is for people. Text that is not UTF-8 gets U+FFFD. */
void mr_bson_json(mr_slice document, bool canonical, mr_buffer *out);
void mr_bson_value_json(const mr_bson_element *element, bool canonical, mr_buffer *out);

/* Decimal128 (IEEE 754-2008, binary integer significand, little-endian as in BSON) to and from
 * text; out holds at least MR_DECIMAL128_TEXT_BYTES. false: the text is no number of at most 34
 * digits. */
size_t mr_decimal128_text(const char bits[MR_DECIMAL128_BYTES], char *out);
bool mr_decimal128_parse(const char *text, size_t len, char bits[MR_DECIMAL128_BYTES]);
/* 24 hexadecimal digits, not terminated. */
void mr_object_id_text(const char id[MR_OBJECT_ID_BYTES], char out[24]);

/* --- Writing --- */

/* A document under construction in a buffer: begin and end nest. The buffer's limit (less than
 * 2 GiB) is the document's: check buffer.failed at the end, before that nothing tells. Names are
 * NUL-terminated, as those of elements are. */
size_t mr_bson_begin(mr_buffer *out); /* returns what mr_bson_end() wants */
size_t mr_bson_begin_as(mr_buffer *out, const char *name, bool array); /* within a document */
void mr_bson_end(mr_buffer *out, size_t begun);

/* The name of an array's element, in room of the caller's; returns it. */
enum { MR_BSON_INDEX_BYTES = 11 };
const char *mr_bson_index(uint32_t index, char room[MR_BSON_INDEX_BYTES]);

void mr_bson_add(mr_buffer *out, const mr_bson_element *element); /* under its own name */
void mr_bson_add_as(mr_buffer *out, const char *name, const mr_bson_element *element);
void mr_bson_add_text(mr_buffer *out, const char *name, const char *text, size_t len);
void mr_bson_add_int32(mr_buffer *out, const char *name, int32_t value);
void mr_bson_add_int64(mr_buffer *out, const char *name, int64_t value);
void mr_bson_add_double(mr_buffer *out, const char *name, double value);
void mr_bson_add_bool(mr_buffer *out, const char *name, bool value);
void mr_bson_add_null(mr_buffer *out, const char *name);
void mr_bson_add_date(mr_buffer *out, const char *name, int64_t ms);
void mr_bson_add_timestamp(mr_buffer *out, const char *name, uint32_t seconds, uint32_t increment);
void mr_bson_add_object_id(mr_buffer *out, const char *name, const char id[MR_OBJECT_ID_BYTES]);
void mr_bson_add_decimal128(mr_buffer *out, const char *name, const char bits[MR_DECIMAL128_BYTES]);
void mr_bson_add_binary(mr_buffer *out, const char *name, uint8_t subtype, mr_slice bytes);
void mr_bson_add_document(mr_buffer *out, const char *name, mr_slice document, bool array);
/* Any type, its value's bytes as in mr_bson_element: they must be well-formed. */
void mr_bson_add_value(mr_buffer *out, const char *name, uint8_t type, mr_slice value);

/* The value that a JSON text stands for, as an element: extended JSON, canonical or relaxed, else
 * what plain JSON is; integers are int32 where they fit. false, and nothing is written: it is no
 * JSON, or nested deeper than MR_BSON_DEPTH_MAX. */
bool mr_bson_add_json(mr_buffer *out, mr_slice name, mr_slice json);
/* The members of a JSON object, one by one, into the document under construction. */
bool mr_bson_add_json_fields(mr_buffer *out, mr_slice json);

/* --- Cells to BSON (docs/types.md has the table) ---
 *
 * int -> int32, long -> int64, float and double -> double, decimal -> Decimal128, uuid -> binary 4,
 * times of day -> int64, dates and timestamps -> date (micros are cut to millis, downwards),
 * duration -> document {months, days, milliseconds}, fixed and bytes -> binary 0, enum -> string,
 * map -> document, millrace.ObjectId and millrace.Decimal128 -> themselves, millrace.Json -> the
 * value its JSON says (extended JSON, canonical or relaxed) where that can be told, else a string.
 *
 * Nulls of a record that has the alias MR_BSON_ABSENT are fields that are not there; of others they
 * are null. Field names are the schema's; of a record with that alias those of the documents (doc
 * of the field, see bson_shape.h). */
#define MR_BSON_ABSENT "millrace.Document"

enum { MR_BSON_ENCODED_BYTES_MAX = 16 << 20 }; /* what mongod takes as one document */

typedef struct mr_bson_encoder mr_bson_encoder;

/* A plan that writes cells of `schema`. It is not changed by use: any number of threads may share
 * it. The schema may be a part of a tree (an image in a change record), which then must outlive the
 * encoder; of a whole tree it keeps a reference. */
mr_bson_encoder *mr_bson_encoder_new(const mr_schema *schema);
void mr_bson_encoder_free(mr_bson_encoder *encoder);

/* Appends a record or a map as one document. MR_REJECT with the path in err->field when a cell has
 * no BSON form (a text that is not UTF-8, a decimal of more than 34 digits), does not fit the
 * schema, or when it is more than 16 MiB or than `out` may hold: out is then as it was before. */
MR_CHECKED mr_status mr_bson_encode(const mr_bson_encoder *encoder, const mr_cell *cell,
                                    mr_buffer *out, mr_error *err);
/* A cell of the encoder's schema, whatever it is, as an element of a document under construction.
 * A null is written as one. */
MR_CHECKED mr_status mr_bson_encode_value(const mr_bson_encoder *encoder, const char *name,
                                          const mr_cell *cell, mr_buffer *out, mr_error *err);
/* The same with a cell of one field of the encoder's record. name NULL: under the field's own, as
 * mr_bson_encode() would. */
MR_CHECKED mr_status mr_bson_encode_field(const mr_bson_encoder *encoder, size_t field,
                                          const char *name, const mr_cell *cell, mr_buffer *out,
                                          mr_error *err);

#endif
