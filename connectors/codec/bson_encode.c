/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cells to BSON: the hot path of the MongoDB sink. An element makes room once, for all of it: type,
 * name and value.
 */
#include "codec/bson_encode_plan.h"
#include "codec/text.h"
#include "codec/trail.h"

/* --- Elements --------------------------------------------------------------------------------- */

enum { DEPTH_MAX = 100 };

typedef struct encoding {
    mr_buffer *out;
    int depth;
    mr_trail trail;
} encoding;

#define INLINE    static inline __attribute__((always_inline))
#define RARELY(x) __builtin_expect(!!(x), 0)

static bool put(encoding *e, const bson_put_plan *n, const mr_cell *cell, bson_label name);

static void store32(char *p, uint32_t v)
{
    v = htole32(v);
    memcpy(p, &v, sizeof v);
}

/* Type and name are written; returns where `bytes` of value belong. NULL: the buffer's limit. */
INLINE char *element(encoding *e, uint8_t type, bson_label name, size_t bytes)
{
    mr_buffer *out = e->out;
    size_t all = 1 + (size_t)name.len + 1 + bytes;
    if (RARELY(all + BSON_NAME_PAD > out->capacity - out->len) && !mr_buffer_reserve(out, all)) {
        return NULL;
    }
    char *p = out->data + out->len;
    out->len += all;
    *p++ = (char)type;
    if (name.padded && name.len < BSON_NAME_PAD && out->capacity - out->len >= BSON_NAME_PAD) {
        memcpy(p, name.text, BSON_NAME_PAD);
    } else {
        memcpy(p, name.text, name.len);
        p[name.len] = '\0';
    }
    return p + name.len + 1;
}

static bool put64(encoding *e, uint8_t type, bson_label name, uint64_t v)
{
    char *p = element(e, type, name, 8);
    if (p) {
        v = htole64(v);
        memcpy(p, &v, sizeof v);
    }
    return true;
}

static bool put32(encoding *e, bson_label name, int64_t i)
{
    if (RARELY(i != (int32_t)i)) {
        return mr_trail_reason(&e->trail, "%lld does not fit into an int of 32 bits", (long long)i);
    }
    char *p = element(e, MR_BSON_INT32, name, 4);
    if (p) {
        store32(p, (uint32_t)i);
    }
    return true;
}

static bool put_double(encoding *e, bson_label name, double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return put64(e, MR_BSON_DOUBLE, name, bits);
}

INLINE bool is_ascii(const char *text, size_t len)
{
    const uint64_t high = UINT64_C(0x8080808080808080);
    uint64_t all = 0;
    if (len >= 8) {
        for (size_t i = 0; i + 8 < len; i += 8) {
            all |= mr_bson_load64(text + i);
        }
        all |= mr_bson_load64(text + len - 8);
    } else if (len >= 4) {
        all = mr_bson_load32(text) | mr_bson_load32(text + len - 4);
    } else {
        for (size_t i = 0; i < len; i++) {
            all |= (unsigned char)text[i];
        }
    }
    return !(all & high);
}

/* memcpy() for texts, most of which are short: two moves that overlap instead of a call. */
INLINE void copy(char *to, const char *from, size_t len)
{
    if (len > 32) {
        memcpy(to, from, len);
    } else if (len >= 16) {
        memcpy(to, from, 16);
        memcpy(to + len - 16, from + len - 16, 16);
    } else if (len >= 8) {
        memcpy(to, from, 8);
        memcpy(to + len - 8, from + len - 8, 8);
    } else if (len >= 4) {
        memcpy(to, from, 4);
        memcpy(to + len - 4, from + len - 4, 4);
    } else {
        for (size_t i = 0; i < len; i++) {
            to[i] = from[i];
        }
    }
}

INLINE bool put_text(encoding *e, bson_label name, const char *text, uint32_t len)
{
    if (!is_ascii(text, len) && !mr_utf8_valid(text, len)) {
        return mr_trail_reason(&e->trail, "the text is not UTF-8");
    }
    char *p = element(e, MR_BSON_STRING, name, 4 + (size_t)len + 1);
    if (p) {
        store32(p, len + 1);
        copy(p + 4, text, len);
        p[4 + len] = '\0';
    }
    return true;
}

static bool put_bytes(encoding *e, uint8_t type, bson_label name, const char *bytes, size_t len)
{
    char *p = element(e, type, name, len);
    if (p && len) {
        memcpy(p, bytes, len);
    }
    return true;
}

static bool put_binary(encoding *e, bson_label name, uint8_t subtype, const char *bytes,
                       uint32_t len)
{
    char *p = element(e, MR_BSON_BINARY, name, 5 + (size_t)len);
    if (p) {
        store32(p, len);
        p[4] = (char)subtype;
        if (len) {
            memcpy(p + 5, bytes, len);
        }
    }
    return true;
}

/* --- Logical types ---------------------------------------------------------------------------- */

__extension__ typedef unsigned __int128 uint128;

/* Big-endian two's complement of at most 34 digits: no Decimal128 has more. */
static bool put_decimal(encoding *e, bson_label name, const mr_cell *cell, int scale)
{
    static const uint64_t ten_17 = 100000000000000000;
    enum { BIAS = 6176, EXPONENT_AT = 49 }; /* of the upper word */
    const unsigned char *bytes = (const unsigned char *)cell->as.text;
    size_t len = cell->len;
    bool negative = len && bytes[0] >= 0x80;
    unsigned char sign = negative ? 0xff : 0;
    while (len > sizeof(uint128) && *bytes == sign) {
        bytes++;
        len--;
    }
    uint128 n = negative ? ~(uint128)0 : 0;
    for (size_t i = 0; i < len; i++) {
        n = n << 8 | bytes[i];
    }
    n = negative ? -n : n;
    if (len > sizeof n || n >= (uint128)ten_17 * ten_17 || scale > BIAS) {
        return mr_trail_reason(&e->trail, "a decimal of more than 34 digits");
    }
    char *p = element(e, MR_BSON_DECIMAL128, name, MR_DECIMAL128_BYTES);
    if (p) {
        uint64_t low = htole64((uint64_t)n);
        uint64_t high = htole64((uint64_t)(n >> 64) | (uint64_t)(BIAS - scale) << EXPONENT_AT |
                                (uint64_t)negative << 63);
        memcpy(p, &low, sizeof low);
        memcpy(p + 8, &high, sizeof high);
    }
    return true;
}

static bool put_uuid(encoding *e, bson_label name, const mr_cell *cell)
{
    enum { UUID = 4 };
    char bytes[MR_UUID_BYTES];
    if (cell->len == MR_UUID_BYTES) {
        return put_binary(e, name, UUID, cell->as.text, MR_UUID_BYTES);
    }
    if (cell->len != MR_UUID_TEXT_BYTES || !mr_uuid_parse(cell->as.text, cell->len, bytes)) {
        int shown = cell->len < MR_UUID_TEXT_BYTES ? (int)cell->len : MR_UUID_TEXT_BYTES;
        return mr_trail_reason(&e->trail, "\"%.*s\" is no UUID", shown, cell->as.text);
    }
    return put_binary(e, name, UUID, bytes, sizeof bytes);
}

static bool put_duration(encoding *e, bson_label name, const mr_cell *cell)
{
    static const char *const parts[] = {"months", "days", "milliseconds"};
    if (cell->len != 12) {
        return mr_trail_reason(&e->trail, "a duration of %u bytes", cell->len);
    }
    if (!element(e, MR_BSON_DOCUMENT, name, 0)) {
        return true;
    }
    size_t begun = mr_bson_begin(e->out);
    for (size_t i = 0; i < 3; i++) {
        mr_bson_add_int64(e->out, parts[i], mr_bson_load32(cell->as.text + 4 * i));
    }
    mr_bson_end(e->out, begun);
    return true;
}

static int64_t micros_to_millis(int64_t us)
{
    return us / 1000 - (us % 1000 < 0);
}

/* --- Values ----------------------------------------------------------------------------------- */

static bool put_array(encoding *e, const bson_put_plan *n, const mr_cell *cell)
{
    char room[MR_BSON_INDEX_BYTES];
    for (uint32_t i = 0; i < cell->len; i++) {
        const char *index = mr_bson_index(i, room);
        if (!put(e, n->items, &cell->as.cells[i],
                 (bson_label){index, (uint32_t)strlen(index), false})) {
            return mr_trail_inside_item(&e->trail, i);
        }
    }
    return true;
}

static MR_TRAIL_COLD bool inside_key(encoding *e, const mr_cell *key)
{
    char text[80];
    size_t len = key->len < sizeof text ? key->len : sizeof text - 1;
    memcpy(text, key->as.text, len);
    text[len] = '\0';
    return mr_trail_inside(&e->trail, text);
}

static bool put_map(encoding *e, const bson_put_plan *n, const mr_cell *cell)
{
    const mr_cell *key = cell->as.cells;
    for (uint32_t i = 0; i < cell->len; i++, key += 2) {
        if (key->type != MR_STRING || (key->len && memchr(key->as.text, '\0', key->len)) ||
            !mr_utf8_valid(key->as.text, key->len)) {
            return mr_trail_reason(&e->trail, "key %u has a zero byte or is not UTF-8", i);
        }
        if (!put(e, n->items, key + 1, (bson_label){key->as.text, key->len, false})) {
            return inside_key(e, key);
        }
    }
    return true;
}

static bool put_items(encoding *e, const bson_put_plan *n, const mr_cell *cell, bson_label name)
{
    bool map = n->schema->type == MR_MAP;
    if (!element(e, map ? MR_BSON_DOCUMENT : MR_BSON_ARRAY, name, 0)) {
        return true;
    }
    size_t begun = mr_bson_begin(e->out);
    bool ok = map ? put_map(e, n, cell) : put_array(e, n, cell);
    mr_bson_end(e->out, begun);
    return ok;
}

/* The fields that had no field of their own, as one JSON document. */
static bool put_rest(encoding *e, const bson_put_field *field, const mr_cell *cell)
{
    const mr_cell *json = cell->type == MR_RECORD && cell->len == 1 ? cell->as.cells : NULL;
    if (json && json->type == MR_STRING &&
        mr_bson_add_json_fields(e->out, (mr_slice){json->as.text, json->len})) {
        return true;
    }
    return put(e, field->value, cell, field->name);
}

static bool put_fields(encoding *e, const bson_put_plan *n, const mr_cell *cell)
{
    const mr_cell *cells = cell->as.cells;
    size_t begun = mr_bson_begin(e->out);
    for (size_t i = 0; i < n->count; i++) {
        const bson_put_field *f = &n->fields[i];
        if (n->shaped && cells[i].type == MR_NULL) {
            continue;
        }
        bool ok =
            RARELY(i == n->rest) ? put_rest(e, f, &cells[i]) : put(e, f->value, &cells[i], f->name);
        if (RARELY(!ok)) {
            return mr_trail_inside(&e->trail, f->name.text);
        }
    }
    mr_bson_end(e->out, begun);
    return true;
}

static bool put_json(encoding *e, const mr_cell *cell, bson_label name)
{
    mr_slice json = {cell->as.cells->as.text, cell->as.cells->len};
    return mr_bson_add_json(e->out, (mr_slice){name.text, name.len}, json) ||
           put_text(e, name, json.data, (uint32_t)json.len);
}

static bool put_nested(encoding *e, const bson_put_plan *n, const mr_cell *cell, bson_label name)
{
    bool ok = true;
    if (++e->depth > DEPTH_MAX) {
        return mr_trail_reason(&e->trail, "more than %d levels", DEPTH_MAX);
    }
    if (n->op == BSON_PUT_ITEMS) {
        ok = put_items(e, n, cell, name);
    } else if (n->op == BSON_PUT_JSON) {
        ok = put_json(e, cell, name);
    } else if (element(e, MR_BSON_DOCUMENT, name, 0)) {
        ok = put_fields(e, n, cell);
    }
    e->depth--;
    return ok;
}

/* What a cell of another type than the schema's is there: numbers widen, and texts are texts. */
static bool put_promoted(encoding *e, mr_type type, const mr_cell *cell, bson_label name)
{
    bool integer = cell->type == MR_INT || cell->type == MR_LONG;
    if (type == MR_LONG && cell->type == MR_INT) {
        return put64(e, MR_BSON_INT64, name, (uint64_t)cell->as.i);
    }
    if ((type == MR_DOUBLE || type == MR_FLOAT) && integer) {
        return put_double(e, name, (double)cell->as.i);
    }
    if (type == MR_DOUBLE && cell->type == MR_FLOAT) {
        return put_double(e, name, cell->as.d);
    }
    if (type == MR_STRING && (cell->type == MR_ENUM || cell->type == MR_BYTES)) {
        return put_text(e, name, cell->as.text, cell->len);
    }
    if (type == MR_BYTES && cell->type == MR_STRING) {
        return put_binary(e, name, 0, cell->as.text, cell->len);
    }
    return mr_trail_reason(&e->trail, "a value of type %s where %s is expected",
                           mr_type_name((mr_type)cell->type), mr_type_name(type));
}

static bool promotes(const mr_cell *cell, mr_type type)
{
    switch (cell->type) {
    case MR_INT:
        return type == MR_LONG || type == MR_DOUBLE || type == MR_FLOAT;
    case MR_LONG:
        return type == MR_DOUBLE || type == MR_FLOAT;
    case MR_FLOAT:
        return type == MR_DOUBLE;
    case MR_ENUM:
    case MR_BYTES:
        return type == MR_STRING;
    default:
        return cell->type == MR_STRING && type == MR_BYTES;
    }
}

/* Is the cell of just this schema, as far as its head tells? */
INLINE bool is_of(const bson_put_plan *n, const mr_cell *cell)
{
    const mr_schema *s = n->schema;
    return cell->type == s->type && (s->type != MR_RECORD || cell->len == s->field_count) &&
           (s->type != MR_FIXED || cell->len == s->size_bytes);
}

/* NULL: none takes it. */
static __attribute__((noinline)) const bson_put_plan *find_branch(const bson_put_plan *n,
                                                                  const mr_cell *cell)
{
    for (size_t i = 0; i < n->count; i++) {
        if (is_of(n->branches[i], cell)) {
            return n->branches[i];
        }
    }
    for (size_t i = 0; i < n->count; i++) {
        if (promotes(cell, n->branches[i]->schema->type)) {
            return n->branches[i];
        }
    }
    return NULL;
}

/* Scalars, by what the cell is. */
INLINE bool put_scalar(encoding *e, const bson_put_plan *n, const mr_cell *cell, bson_label name)
{
    enum { DAY_MS = 86400000 };
    switch (cell->type) {
    case MR_NULL:
        return element(e, MR_BSON_NULL, name, 0) || true;
    case MR_BOOL:
        return put_bytes(e, MR_BSON_BOOL, name, cell->as.i ? "\1" : "\0", 1);
    case MR_INT:
        return put32(e, name, cell->as.i);
    case MR_LONG:
    case MR_TIME_MS:
    case MR_TIME_US:
        return put64(e, MR_BSON_INT64, name, (uint64_t)cell->as.i);
    case MR_FLOAT:
    case MR_DOUBLE:
        return put_double(e, name, cell->as.d);
    case MR_STRING:
    case MR_ENUM:
        return put_text(e, name, cell->as.text, cell->len);
    case MR_BYTES:
    case MR_FIXED:
        return put_binary(e, name, 0, cell->as.text, cell->len);
    case MR_DECIMAL:
        return put_decimal(e, name, cell, n->schema->scale);
    case MR_UUID:
        return put_uuid(e, name, cell);
    case MR_DATE:
        return put64(e, MR_BSON_DATE, name, (uint64_t)cell->as.i * DAY_MS);
    case MR_TIMESTAMP_MS:
    case MR_LOCAL_TIMESTAMP_MS:
        return put64(e, MR_BSON_DATE, name, (uint64_t)cell->as.i);
    case MR_TIMESTAMP_US:
    case MR_LOCAL_TIMESTAMP_US:
        return put64(e, MR_BSON_DATE, name, (uint64_t)micros_to_millis(cell->as.i));
    default:
        return put_duration(e, name, cell);
    }
}

static bool put(encoding *e, const bson_put_plan *n, const mr_cell *cell, bson_label name)
{
    if (n->op == BSON_PUT_UNION) {
        const bson_put_plan *branch = cell->branch < n->count ? n->branches[cell->branch] : NULL;
        if (RARELY(!branch || !is_of(branch, cell))) {
            branch = find_branch(n, cell);
        }
        if (RARELY(!branch)) {
            return mr_trail_reason(&e->trail, "a value of type %s fits no branch of the union",
                                   mr_type_name((mr_type)cell->type));
        }
        n = branch;
    }
    if (RARELY(!is_of(n, cell))) {
        return put_promoted(e, n->schema->type, cell, name);
    }
    switch (n->op) {
    case BSON_PUT_AS_TYPE:
        return put_scalar(e, n, cell, name);
    case BSON_PUT_OBJECT_ID:
        return put_bytes(e, MR_BSON_OBJECT_ID, name, cell->as.text, MR_OBJECT_ID_BYTES);
    case BSON_PUT_DECIMAL128:
        return put_bytes(e, MR_BSON_DECIMAL128, name, cell->as.text, MR_DECIMAL128_BYTES);
    default:
        return put_nested(e, n, cell, name);
    }
}

/* --- Whole documents -------------------------------------------------------------------------- */

static void start(encoding *e, mr_buffer *out)
{
    e->out = out;
    e->depth = 0;
    mr_trail_start(&e->trail);
}

/* Takes back what was written when it is not all right. */
static mr_status finish(encoding *e, bool ok, size_t before, bool failed_before, mr_error *err)
{
    mr_buffer *out = e->out;
    size_t len = out->len - before;
    if (ok && !out->failed && len <= MR_BSON_ENCODED_BYTES_MAX) {
        return MR_OK;
    }
    if (ok && out->failed) {
        mr_trail_reason(&e->trail, "it is larger than the buffer's limit of %zu bytes", out->limit);
    } else if (ok) {
        mr_trail_reason(&e->trail, "it has %zu bytes; a document may have %d", len,
                        MR_BSON_ENCODED_BYTES_MAX);
    }
    out->len = before;
    out->failed = failed_before;
    const char *path = mr_trail_path(&e->trail);
    mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD, "a record cannot be written as BSON%s%s: %s",
            *path ? ", field " : "", path, e->trail.reason);
    mr_error_field(err, path);
    return MR_REJECT;
}

/* What is no record is written as an element without a name, whose head is then taken away. */
static bool put_root(encoding *e, const bson_put_plan *n, const mr_cell *cell)
{
    enum { HEAD = 2 };
    mr_buffer *out = e->out;
    size_t before = out->len;
    if (!put(e, n, cell, (bson_label){"", 0, false})) {
        return false;
    }
    if (!out->failed) {
        if (out->data[before] != MR_BSON_DOCUMENT) {
            return mr_trail_reason(&e->trail, "a value of type %s is no document",
                                   mr_type_name((mr_type)cell->type));
        }
        out->len -= HEAD;
        memmove(out->data + before, out->data + before + HEAD, out->len - before);
    }
    return true;
}

mr_status mr_bson_encode(const mr_bson_encoder *encoder, const mr_cell *cell, mr_buffer *out,
                         mr_error *err)
{
    encoding e;
    start(&e, out);
    size_t before = out->len;
    bool failed = out->failed;
    const bson_put_plan *n = encoder->root;
    bool ok = n->op == BSON_PUT_DOCUMENT && is_of(n, cell) ? put_fields(&e, n, cell)
                                                           : put_root(&e, n, cell);
    return finish(&e, ok, before, failed, err);
}

mr_status mr_bson_encode_value(const mr_bson_encoder *encoder, const char *called,
                               const mr_cell *cell, mr_buffer *out, mr_error *err)
{
    encoding e;
    start(&e, out);
    size_t before = out->len;
    bool failed = out->failed;
    bool ok = put(&e, encoder->root, cell, (bson_label){called, (uint32_t)strlen(called), false});
    return finish(&e, ok, before, failed, err);
}

mr_status mr_bson_encode_field(const mr_bson_encoder *encoder, size_t field, const char *called,
                               const mr_cell *cell, mr_buffer *out, mr_error *err)
{
    encoding e;
    start(&e, out);
    size_t before = out->len;
    bool failed = out->failed;
    const bson_put_field *f = &encoder->root->fields[field];
    bson_label name = f->name;
    if (called) {
        name.text = called;
        name.len = (uint32_t)strlen(called);
        name.padded = false;
    }
    bool ok = put(&e, f->value, cell, name) || mr_trail_inside(&e.trail, f->name.text);
    return finish(&e, ok, before, failed, err);
}
