/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cells to Avro. It walks schema and cell side by side and needs no plan: the schema is one
 * already. As in the decoder, the path of a failure is put together on the way out.
 */
#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/avro_plan.h"
#include "codec/schema.h"

struct mr_encoder {
    const mr_schema *schema;
};

typedef struct encoding {
    mr_buffer *out;
    int depth;
    size_t path_at; /* the path grows from its end to its front */
    char reason[240], path[128];
} encoding;

#define COLD __attribute__((cold, noinline))

static bool put(encoding *e, const mr_schema *schema, const mr_cell *cell);

static COLD bool fail(encoding *e, const char *format, ...) MR_PRINTF(2, 3);
static COLD bool fail(encoding *e, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(e->reason, sizeof e->reason, format, args);
    va_end(args);
    return false;
}

static COLD bool inside(encoding *e, const char *part)
{
    bool dot = e->path[e->path_at] && e->path[e->path_at] != '[';
    size_t len = strlen(part);
    if (len + dot <= e->path_at) {
        e->path_at -= len + dot;
        memcpy(e->path + e->path_at, part, len);
        if (dot) {
            e->path[e->path_at + len] = '.';
        }
    }
    return false;
}

/* --- Which cells fit which schema ------------------------------------------------------------- */

enum fit { NO_FIT, FITS_PROMOTED, FITS_BASE, FITS_EXACTLY };

/* The Avro type that carries a cell's type; UUID and DECIMAL have two, told apart by the schema. */
static mr_type base_of(mr_type type, mr_type wanted)
{
    switch (type) {
    case MR_DATE:
    case MR_TIME_MS:
        return MR_INT;
    case MR_TIME_US:
    case MR_TIMESTAMP_MS:
    case MR_TIMESTAMP_US:
    case MR_LOCAL_TIMESTAMP_MS:
    case MR_LOCAL_TIMESTAMP_US:
        return MR_LONG;
    case MR_DURATION:
        return MR_FIXED;
    case MR_DECIMAL:
        return wanted == MR_FIXED ? MR_FIXED : MR_BYTES;
    case MR_UUID:
        return wanted == MR_FIXED ? MR_FIXED : MR_STRING;
    default:
        return type;
    }
}

static bool promotes(mr_type from, mr_type to)
{
    switch (from) {
    case MR_INT:
        return to == MR_LONG || to == MR_FLOAT || to == MR_DOUBLE;
    case MR_LONG:
        return to == MR_FLOAT || to == MR_DOUBLE;
    case MR_FLOAT:
        return to == MR_DOUBLE;
    case MR_STRING:
        return to == MR_BYTES;
    case MR_BYTES:
        return to == MR_STRING;
    default:
        return false;
    }
}

/* schema is no union. */
static enum fit fit(const mr_schema *schema, const mr_cell *cell)
{
    mr_type type = (mr_type)cell->type;
    if (type == schema->type) {
        bool whole = type == MR_RECORD  ? cell->len == schema->field_count
                     : type == MR_FIXED ? cell->len == schema->size_bytes
                                        : true;
        return whole ? FITS_EXACTLY : NO_FIT;
    }
    /* One logical type is never written as another: the number would change its meaning. */
    bool logical = type >= MR_DECIMAL;
    if (logical && schema->type != schema->base) {
        return NO_FIT;
    }
    mr_type base = base_of(type, schema->base);
    if (base == schema->base) {
        return base != MR_FIXED || cell->len == schema->size_bytes ? FITS_BASE : NO_FIT;
    }
    return !logical && promotes(base, schema->base) ? FITS_PROMOTED : NO_FIT;
}

/* Most cells: of the schema's own type, which is one whose length may be any. */
static inline bool fits_plainly(const mr_schema *schema, const mr_cell *cell)
{
    return cell->type == schema->type && cell->type != MR_RECORD && cell->type != MR_FIXED;
}

bool mr_avro_fits(const mr_schema *schema, const mr_cell *cell)
{
    return fit(schema, cell) != NO_FIT;
}

int mr_avro_choose(const mr_schema *schema, const mr_cell *cell)
{
    int best = -1;
    enum fit best_fit = NO_FIT;
    if (cell->branch < schema->branch_count) {
        best_fit = fit(schema->branches[cell->branch], cell);
        best = best_fit ? cell->branch : -1;
    }
    for (size_t i = 0; best_fit != FITS_EXACTLY && i < schema->branch_count; i++) {
        enum fit this_fit = fit(schema->branches[i], cell);
        if (this_fit > best_fit) {
            best_fit = this_fit;
            best = (int)i;
        }
    }
    return best;
}

/* --- Values ----------------------------------------------------------------------------------- */

enum { VARINT_BYTES_MAX = 10 };

static size_t write_varint(char *to, int64_t value)
{
    uint64_t n = (uint64_t)value << 1 ^ (0 - ((uint64_t)value >> 63));
    size_t len = 0;
    for (; n >= 0x80; n >>= 7) {
        to[len++] = (char)(n | 0x80);
    }
    to[len++] = (char)n;
    return len;
}

static inline void put_varint(mr_buffer *out, int64_t value)
{
    if (value >= -64 && value < 64 && out->len < out->capacity) { /* one byte: most lengths */
        out->data[out->len++] = (char)((uint64_t)value << 1 ^ (0 - ((uint64_t)value >> 63)));
    } else if (out->capacity - out->len >= VARINT_BYTES_MAX) {
        out->len += write_varint(out->data + out->len, value);
    } else {
        char bytes[VARINT_BYTES_MAX];
        mr_buffer_add(out, bytes, write_varint(bytes, value));
    }
}

static void put_text(mr_buffer *out, const mr_cell *cell)
{
    put_varint(out, cell->len);
    mr_buffer_add(out, cell->as.text, cell->len);
}

static double number(const mr_cell *cell)
{
    bool integer = cell->type != MR_FLOAT && cell->type != MR_DOUBLE;
    return integer ? (double)cell->as.i : cell->as.d;
}

static void put_double(mr_buffer *out, double d)
{
    uint64_t bits;
    memcpy(&bits, &d, 8);
    bits = htole64(bits);
    mr_buffer_add(out, &bits, 8);
}

static void put_float(mr_buffer *out, const mr_cell *cell)
{
    float f = cell->type == MR_FLOAT ? (float)cell->as.d : (float)cell->as.i;
    uint32_t bits;
    memcpy(&bits, &f, 4);
    bits = htole32(bits);
    mr_buffer_add(out, &bits, 4);
}

static bool put_integer(encoding *e, const mr_schema *schema, const mr_cell *cell)
{
    if (schema->base == MR_INT && cell->as.i != (int32_t)cell->as.i) {
        return fail(e, "%lld does not fit into an int of 32 bits", (long long)cell->as.i);
    }
    put_varint(e->out, cell->as.i);
    return true;
}

/* A decimal may be shorter than the fixed that carries it: its sign fills the front. */
static bool put_fixed(encoding *e, const mr_schema *schema, const mr_cell *cell)
{
    if (cell->len > schema->size_bytes ||
        (cell->len < schema->size_bytes && schema->type != MR_DECIMAL)) {
        return fail(e, "%u bytes for fixed %s of %zu", cell->len, schema->name, schema->size_bytes);
    }
    char sign = cell->len && (unsigned char)cell->as.text[0] >= 0x80 ? '\xff' : '\0';
    for (size_t i = cell->len; i < schema->size_bytes; i++) {
        mr_buffer_add_char(e->out, sign);
    }
    mr_buffer_add(e->out, cell->as.text, cell->len);
    return true;
}

static bool is_symbol(const mr_schema *schema, size_t index, const mr_cell *cell)
{
    const char *symbol = schema->symbols[index];
    return symbol == cell->as.text ||
           (strlen(symbol) == cell->len && memcmp(symbol, cell->as.text, cell->len) == 0);
}

/* By the symbol's number where that has this text, else by its text. */
static bool put_enum(encoding *e, const mr_schema *schema, const mr_cell *cell)
{
    size_t index = cell->symbol;
    if (index >= schema->symbol_count || (cell->as.text && !is_symbol(schema, index, cell))) {
        index = 0;
        while (index < schema->symbol_count && cell->as.text && !is_symbol(schema, index, cell)) {
            index++;
        }
        if (index >= schema->symbol_count || !cell->as.text) {
            return fail(e, "\"%.*s\" is no symbol of enum %s",
                        cell->as.text ? (int)(cell->len < 64 ? cell->len : 64) : 0,
                        cell->as.text ? cell->as.text : "", schema->name);
        }
    }
    put_varint(e->out, (int64_t)index);
    return true;
}

static bool put_items(encoding *e, const mr_schema *schema, const mr_cell *cell)
{
    const mr_cell *at = cell->as.cells;
    if (cell->len) {
        put_varint(e->out, cell->len);
    }
    for (uint32_t i = 0; i < cell->len; i++) {
        bool ok = true;
        if (schema->base == MR_MAP) {
            ok = at->type == MR_STRING || fail(e, "a key of a map must be a string");
            if (ok) {
                put_text(e->out, at++);
            }
        }
        if (!ok || !put(e, schema->items, at++)) {
            char part[32];
            snprintf(part, sizeof part, "[%u]", i);
            return inside(e, part);
        }
    }
    put_varint(e->out, 0);
    return true;
}

static bool put_record(encoding *e, const mr_schema *schema, const mr_cell *cell)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        if (!put(e, schema->fields[i].schema, &cell->as.cells[i])) {
            return inside(e, schema->fields[i].name);
        }
    }
    return true;
}

static COLD bool misfit(encoding *e, const mr_schema *schema, const mr_cell *cell)
{
    const char *have = mr_type_name((mr_type)cell->type);
    if (schema->base == MR_UNION) {
        return fail(e, "a value of type %s fits no branch of the union", have);
    }
    if (cell->type == MR_RECORD && schema->base == MR_RECORD) {
        return fail(e, "a record of %u fields where %s has %zu", cell->len, schema->name,
                    schema->field_count);
    }
    if (cell->type == MR_FIXED && schema->base == MR_FIXED) {
        return fail(e, "%u bytes for fixed %s of %zu", cell->len, schema->name, schema->size_bytes);
    }
    return fail(e, "a value of type %s where %s is expected", have, mr_type_name(schema->type));
}

static bool put_nested(encoding *e, const mr_schema *schema, const mr_cell *cell)
{
    if (e->depth >= MR_AVRO_DEPTH_MAX) {
        return fail(e, "nested deeper than %d", MR_AVRO_DEPTH_MAX);
    }
    e->depth++;
    bool ok = schema->base == MR_RECORD ? put_record(e, schema, cell) : put_items(e, schema, cell);
    e->depth--;
    return ok;
}

static bool put_bool(encoding *e, const mr_cell *cell)
{
    mr_buffer_add_char(e->out, cell->as.i != 0);
    return true;
}

static bool put(encoding *e, const mr_schema *schema, const mr_cell *cell)
{
    if (schema->base == MR_UNION) {
        bool plain = cell->branch < schema->branch_count &&
                     fits_plainly(schema->branches[cell->branch], cell);
        int branch = plain ? cell->branch : mr_avro_choose(schema, cell);
        if (branch < 0) {
            return misfit(e, schema, cell);
        }
        put_varint(e->out, branch);
        schema = schema->branches[branch];
    } else if (!fits_plainly(schema, cell) && !fit(schema, cell)) {
        return misfit(e, schema, cell);
    }
    switch (schema->base) {
    case MR_NULL:
        return true;
    case MR_BOOL:
        return put_bool(e, cell);
    case MR_INT:
    case MR_LONG:
        return put_integer(e, schema, cell);
    case MR_FLOAT:
        put_float(e->out, cell);
        return true;
    case MR_DOUBLE:
        put_double(e->out, number(cell));
        return true;
    case MR_STRING:
    case MR_BYTES:
        put_text(e->out, cell);
        return true;
    case MR_FIXED:
        return put_fixed(e, schema, cell);
    case MR_ENUM:
        return put_enum(e, schema, cell);
    default:
        return put_nested(e, schema, cell);
    }
}

/* --- Whole data ------------------------------------------------------------------------------- */

mr_status mr_encoder_new(const mr_schema *schema, mr_encoder **ret, mr_error *err)
{
    (void)err; /* any schema can be written */
    mr_encoder *encoder = mr_calloc(1, sizeof *encoder);
    encoder->schema = mr_schema_acquire(schema);
    *ret = encoder;
    return MR_OK;
}

void mr_encoder_free(mr_encoder *encoder)
{
    if (encoder) {
        mr_schema_release(encoder->schema);
        free(encoder);
    }
}

mr_status mr_encode(const mr_encoder *encoder, const mr_cell *cell, mr_buffer *out, mr_error *err)
{
    const mr_schema *schema = encoder->schema;
    size_t before = out->len;
    bool failed_before = out->failed;
    encoding e;
    e.out = out;
    e.depth = 0;
    e.path_at = sizeof e.path - 1;
    e.path[e.path_at] = '\0';
    bool ok = put(&e, schema, cell);
    if (ok && out->failed) {
        ok = fail(&e, "the record is larger than the buffer's limit of %zu bytes", out->limit);
    }
    if (ok) {
        return MR_OK;
    }
    out->len = before;
    out->failed = failed_before;
    const char *path = e.path + e.path_at;
    mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
            "a record of Avro schema %s%s%s cannot be written: %s",
            schema->name ? schema->name : mr_type_name(schema->type), *path ? ", field " : "", path,
            e.reason);
    mr_error_field(err, path);
    return MR_REJECT;
}
