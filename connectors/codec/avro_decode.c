/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a plan over bytes: the hot path of every sink. The place in the input travels in a register
 * (each function takes it and returns the new one, NULL for a failure), so that storing a cell does
 * not make the compiler reload it. What went wrong is put together on the way out only.
 */
#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "codec/avro_plan.h"

typedef struct decoding {
    const char *start, *end;
    mr_arena *arena;
    uint64_t cells_left; /* see MR_AVRO_CELLS_MAX */
    int depth;
    /* Of a failure: where, and why. The path grows from its end to its front. */
    size_t failed_at, path_at;
    char reason[240], path[128];
} decoding;

#define COLD   __attribute__((cold, noinline))
#define INLINE static inline __attribute__((always_inline))

static const char *read_record(decoding *d, const mr_routine *routine, mr_cell *cells,
                               const char *p);

static COLD const char *fail(decoding *d, const char *p, const char *format, ...) MR_PRINTF(3, 4);
static COLD const char *fail(decoding *d, const char *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(d->reason, sizeof d->reason, format, args);
    va_end(args);
    d->failed_at = (size_t)(p - d->start);
    return NULL;
}

/* Puts a part before the path of the failure; a path that grows too long keeps its end. */
static COLD const char *inside(decoding *d, const char *part)
{
    bool dot = d->path[d->path_at] && d->path[d->path_at] != '[';
    size_t len = strlen(part);
    if (len + dot <= d->path_at) {
        d->path_at -= len + dot;
        memcpy(d->path + d->path_at, part, len);
        if (dot) {
            d->path[d->path_at + len] = '.';
        }
    }
    return NULL;
}

static COLD const char *inside_item(decoding *d, uint64_t index)
{
    char part[32];
    snprintf(part, sizeof part, "[%llu]", (unsigned long long)index);
    return inside(d, part);
}

/* --- Numbers and lengths ---------------------------------------------------------------------- */

static const char *long_varint(const char *p, const char *end, int64_t *ret)
{
    uint64_t n = 0;
    for (int shift = 0; shift < 70 && p < end; shift += 7) {
        unsigned char byte = (unsigned char)*p++;
        if (shift == 63 && byte > 1) {
            return NULL; /* beyond 64 bits */
        }
        n |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret = (int64_t)(n >> 1 ^ (0 - (n & 1)));
            return p;
        }
    }
    return NULL;
}

/* NULL: cut off, or more than 64 bits. */
INLINE const char *varint(const char *p, const char *end, int64_t *ret)
{
    if (p < end && (unsigned char)*p < 0x80) {
        uint64_t n = (unsigned char)*p;
        *ret = (int64_t)(n >> 1 ^ (0 - (n & 1)));
        return p + 1;
    }
    return long_varint(p, end, ret);
}

static COLD const char *bad_varint(decoding *d, const char *p)
{
    return fail(d, p,
                p < d->end && d->end - p >= 10 ? "a number of more than 64 bits"
                                               : "the data ends inside a number");
}

static COLD const char *bad_length(decoding *d, const char *p, int64_t len)
{
    return fail(d, p, "a length of %lld bytes, but %zu are left", (long long)len,
                (size_t)(d->end - p));
}

/* A length prefix that fits what is left. */
INLINE const char *length(decoding *d, const char *p, uint32_t *ret)
{
    int64_t len = 0;
    const char *after = varint(p, d->end, &len);
    if (!after) {
        return bad_varint(d, p);
    }
    if ((uint64_t)len > (uint64_t)(d->end - after)) {
        return bad_length(d, after, len);
    }
    *ret = (uint32_t)len;
    return after;
}

INLINE const char *text(decoding *d, const char *p, mr_cell *cell)
{
    uint32_t len = 0;
    p = length(d, p, &len);
    if (!p) {
        return NULL;
    }
    cell->len = len;
    cell->as.text = p;
    return p + len;
}

static bool take_cells(decoding *d, uint64_t count)
{
    if (count > d->cells_left) {
        return false;
    }
    d->cells_left -= count;
    return true;
}

static COLD const char *too_many(decoding *d, const char *p)
{
    return fail(d, p, "more values than a datum of %zu bytes may have",
                (size_t)(d->end - d->start));
}

static COLD const char *too_deep(decoding *d, const char *p)
{
    return fail(d, p, "nested deeper than %d", MR_AVRO_DEPTH_MAX);
}

/* --- Arrays and maps: blocks of items --------------------------------------------------------- */

/* The head of a block: how many items it has (0 ends), and with a negative count its size. */
static const char *block_head(decoding *d, const char *p, uint64_t *count, uint32_t *size_bytes)
{
    int64_t n = 0;
    const char *after = varint(p, d->end, &n);
    if (!after) {
        return bad_varint(d, p);
    }
    *count = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    *size_bytes = UINT32_MAX; /* not given */
    return n < 0 ? length(d, after, size_bytes) : after;
}

/* Is this count possible in what is left? Items of no bytes are bounded by the budget alone. */
static const char *check_count(decoding *d, const char *p, uint64_t count, bool may_be_empty)
{
    if (!may_be_empty && count > (uint64_t)(d->end - p)) {
        return fail(d, p, "%llu items, but %zu bytes are left", (unsigned long long)count,
                    (size_t)(d->end - p));
    }
    return count > d->cells_left ? too_many(d, p) : p;
}

/* Room for `used` + `more` cells; doubles, so that many small blocks are not copied over and over.
 */
static mr_cell *widen(decoding *d, mr_cell *cells, uint64_t *capacity, uint64_t used, uint64_t more)
{
    if (used + more <= *capacity) {
        return cells;
    }
    *capacity = used + more > 2 * *capacity ? used + more : 2 * *capacity;
    mr_cell *wider = mr_arena_alloc(d->arena, *capacity * sizeof *wider);
    if (used) {
        memcpy(wider, cells, used * sizeof *wider);
    }
    return wider;
}

INLINE const char *run(decoding *d, const mr_step *step, mr_cell *cell, const char *p);

static const char *read_items(decoding *d, const mr_step *step, mr_cell *ret, const char *p)
{
    const mr_step *item = step->as.steps;
    unsigned width = step->op == MR_READ_MAP ? 2 : 1;
    mr_cell *cells = NULL;
    uint64_t used = 0, capacity = 0;
    if (++d->depth > MR_AVRO_DEPTH_MAX) {
        return too_deep(d, p);
    }
    for (;;) {
        uint64_t count;
        uint32_t size_bytes;
        p = block_head(d, p, &count, &size_bytes);
        if (!p || count == 0) {
            break;
        }
        p = check_count(d, p, count, step->may_be_empty);
        if (!p || !take_cells(d, count * width)) {
            return p ? too_many(d, p) : NULL;
        }
        cells = widen(d, cells, &capacity, used, count * width);
        for (uint64_t end = used + count * width; used < end; used += width) {
            mr_cell *cell = &cells[used];
            if (width == 2) {
                *cell++ = (mr_cell){.type = MR_STRING};
                p = text(d, p, cell - 1);
            }
            p = p ? run(d, item, cell, p) : NULL;
            if (!p) {
                return inside_item(d, used / width);
            }
        }
    }
    d->depth--;
    *ret = step->head;
    ret->len = (uint32_t)(used / width);
    ret->as.cells = cells;
    return p;
}

static const char *skip_items(decoding *d, const mr_step *step, const char *p)
{
    if (++d->depth > MR_AVRO_DEPTH_MAX) {
        return too_deep(d, p);
    }
    for (;;) {
        uint64_t count;
        uint32_t size_bytes;
        p = block_head(d, p, &count, &size_bytes);
        if (!p || count == 0) {
            break;
        }
        if (size_bytes != UINT32_MAX) {
            p += size_bytes;
            continue;
        }
        p = check_count(d, p, count, step->may_be_empty);
        if (!p || !take_cells(d, count)) {
            return p ? too_many(d, p) : NULL;
        }
        for (uint64_t i = 0; i < count; i++) {
            mr_cell key;
            p = step->op == MR_SKIP_MAP ? text(d, p, &key) : p;
            p = p ? run(d, step->as.steps, NULL, p) : NULL;
            if (!p) {
                return inside_item(d, i);
            }
        }
    }
    d->depth--;
    return p;
}

/* --- One value -------------------------------------------------------------------------------- */

/* A record inside another value: its cells, then its fields. */
static const char *read_child(decoding *d, const mr_step *step, mr_cell *ret, const char *p)
{
    const mr_routine *routine = step->as.routine;
    if (d->depth >= MR_AVRO_DEPTH_MAX) {
        return too_deep(d, p);
    }
    if (!take_cells(d, routine->cell_count)) {
        return too_many(d, p);
    }
    mr_cell *cells = mr_arena_alloc(d->arena, routine->cell_count * sizeof *cells);
    if (ret) {
        *ret = step->head;
        ret->len = routine->cell_count;
        ret->as.cells = cells;
    }
    return read_record(d, routine, cells, p);
}

static const char *read_enum(decoding *d, const mr_step *step, mr_cell *ret, const char *p)
{
    int64_t n = 0;
    const char *after = varint(p, d->end, &n);
    if (!after) {
        return bad_varint(d, p);
    }
    if ((uint64_t)n >= step->count) {
        return fail(d, p, "enum symbol %lld; the writer's schema has %u", (long long)n,
                    step->count);
    }
    const mr_cell *symbol = &step->as.symbols[n];
    if (symbol->type != MR_ENUM) {
        return fail(d, p, "enum symbol %lld is not in the reader's schema, which has no default",
                    (long long)n);
    }
    *ret = *symbol;
    ret->branch = step->head.branch;
    return after;
}

static COLD const char *bad_int(decoding *d, const char *p, int64_t n)
{
    return fail(d, p, "the int %lld does not fit into 32 bits", (long long)n);
}

/* An int or a long as what it was written as. */
INLINE const char *read_integer(decoding *d, const mr_step *step, mr_cell *cell, const char *p)
{
    int64_t n = 0;
    const char *after = varint(p, d->end, &n);
    if (!after) {
        return bad_varint(d, p);
    }
    if (step->op == MR_READ_INT && n != (int32_t)n) {
        return bad_int(d, p, n);
    }
    *cell = step->head;
    cell->as.i = n;
    return after;
}

static const char *read_promoted(decoding *d, const mr_step *step, mr_cell *cell, const char *p)
{
    int64_t n = 0;
    const char *after = varint(p, d->end, &n);
    if (!after) {
        return bad_varint(d, p);
    }
    bool is_int = step->op == MR_READ_INT_AS_FLOAT || step->op == MR_READ_INT_AS_DOUBLE;
    if (is_int && n != (int32_t)n) {
        return bad_int(d, p, n);
    }
    bool single = step->op == MR_READ_INT_AS_FLOAT || step->op == MR_READ_LONG_AS_FLOAT;
    *cell = step->head;
    cell->as.d = single ? (double)(float)n : (double)n;
    return after;
}

static const char *read_bool(decoding *d, const mr_step *step, mr_cell *cell, const char *p)
{
    if (p == d->end) {
        return fail(d, p, "the data ends before a boolean");
    }
    if ((unsigned char)*p > 1) {
        return fail(d, p, "a boolean of %u; allowed: 0 and 1", (unsigned char)*p);
    }
    *cell = step->head;
    cell->as.i = (unsigned char)*p;
    return p + 1;
}

static const char *skip(decoding *d, const mr_step *step, const char *p)
{
    mr_cell ignored;
    int64_t n = 0;
    const char *after;
    switch (step->op) {
    case MR_SKIP_VARINT:
        after = varint(p, d->end, &n);
        return after ? after : bad_varint(d, p);
    case MR_SKIP_TEXT:
        return text(d, p, &ignored);
    case MR_SKIP_RECORD:
        return read_child(d, step, NULL, p);
    case MR_SKIP_BYTES:
        return step->count <= (size_t)(d->end - p) ? p + step->count
                                                   : bad_length(d, p, step->count);
    default:
        return skip_items(d, step, p);
    }
}

/* Bytes of a size known from the schema. */
INLINE const char *sized(decoding *d, const char *p, size_t size)
{
    return size <= (size_t)(d->end - p) ? p : bad_length(d, p, (int64_t)size);
}

INLINE const char *read_double(decoding *d, const mr_step *step, mr_cell *cell, const char *p)
{
    if (!sized(d, p, 8)) {
        return NULL;
    }
    uint64_t bits;
    memcpy(&bits, p, 8);
    bits = le64toh(bits);
    *cell = step->head;
    memcpy(&cell->as.d, &bits, 8);
    return p + 8;
}

static const char *read_float(decoding *d, const mr_step *step, mr_cell *cell, const char *p)
{
    if (!sized(d, p, 4)) {
        return NULL;
    }
    uint32_t bits;
    float f;
    memcpy(&bits, p, 4);
    bits = le32toh(bits);
    memcpy(&f, &bits, 4);
    *cell = step->head;
    cell->as.d = (double)f;
    return p + 4;
}

static COLD const char *bad_branch(decoding *d, const char *p, int64_t n, unsigned count)
{
    return fail(d, p, "union branch %lld; the writer's schema has %u", (long long)n, count);
}

/* cell is NULL when skipping. */
INLINE const char *run(decoding *d, const mr_step *step, mr_cell *cell, const char *p)
{
    int64_t n = 0;
    const char *after;
    if (step->null_branch != MR_NOT_NULLABLE) {
        after = varint(p, d->end, &n);
        if (!after) {
            return bad_varint(d, p);
        }
        if ((uint64_t)n > 1) {
            return bad_branch(d, p, n, 2);
        }
        if (n == step->null_branch) {
            *cell = (mr_cell){.type = MR_NULL, .branch = step->null_to_branch};
            return after;
        }
        p = after;
    }
    while (step->op == MR_READ_UNION) {
        after = varint(p, d->end, &n);
        if (!after) {
            return bad_varint(d, p);
        }
        if ((uint64_t)n >= step->count) {
            return bad_branch(d, p, n, step->count);
        }
        step = &step->as.steps[n];
        p = after;
    }
    switch (step->op) {
    case MR_READ_TEXT:
        *cell = step->head;
        return text(d, p, cell);
    case MR_READ_INT:
    case MR_READ_LONG:
        return read_integer(d, step, cell, p);
    case MR_READ_DOUBLE:
        return read_double(d, step, cell, p);
    case MR_READ_FIXED:
        *cell = step->head;
        cell->len = step->count;
        cell->as.text = p;
        return sized(d, p, step->count) ? p + step->count : NULL;
    case MR_READ_NULL:
        *cell = step->head;
        return p;
    case MR_READ_BOOL:
        return read_bool(d, step, cell, p);
    case MR_READ_ENUM:
        return read_enum(d, step, cell, p);
    case MR_READ_FLOAT:
        return read_float(d, step, cell, p);
    case MR_READ_RECORD:
        return read_child(d, step, cell, p);
    case MR_READ_ARRAY:
    case MR_READ_MAP:
        return read_items(d, step, cell, p);
    case MR_READ_FAIL:
        return fail(d, p, "%s", step->as.reason);
    default:
        return step->op < MR_SKIP_BYTES ? read_promoted(d, step, cell, p) : skip(d, step, p);
    }
}

static const char *read_record(decoding *d, const mr_routine *routine, mr_cell *cells,
                               const char *p)
{
    if (routine->initial) {
        memcpy(cells, routine->initial, routine->cell_count * sizeof *cells);
    }
    d->depth++;
    const mr_step *end = routine->steps + routine->step_count;
    for (const mr_step *step = routine->steps; step < end; step++) {
        p = run(d, step, &cells[step->slot], p);
        if (!p) {
            return inside(d, routine->writer->fields[step - routine->steps].name);
        }
    }
    d->depth--;
    return p;
}

/* --- Whole data ------------------------------------------------------------------------------- */

static COLD mr_status reject(const decoding *d, const mr_decoder *decoder, mr_error *err)
{
    const char *path = d->path + d->path_at;
    const mr_schema *writer = decoder->writer;
    mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD, "Avro data of schema %s, %s%s%sbyte %zu of %zu: %s",
            writer->name ? writer->name : mr_type_name(writer->type), *path ? "field " : "", path,
            *path ? ", " : "", d->failed_at, (size_t)(d->end - d->start), d->reason);
    mr_error_field(err, path);
    return MR_REJECT;
}

static const char *decode(decoding *d, const mr_decoder *decoder, const char *data, size_t len,
                          mr_cell *ret)
{
    static const char nothing[1] = "";
    d->start = data ? data : nothing;
    d->end = d->start + len;
    d->depth = 0;
    d->path_at = sizeof d->path - 1;
    d->path[d->path_at] = '\0';
    d->cells_left = MR_AVRO_CELLS_MAX + MR_AVRO_CELLS_PER_BYTE_MAX * (uint64_t)len;
    if (len > INT32_MAX) {
        return fail(d, d->start, "larger than 2 GiB");
    }
    return run(d, &decoder->root, ret, d->start);
}

mr_status mr_decode_prefix(const mr_decoder *decoder, const char *data, size_t len, mr_arena *arena,
                           mr_cell *ret, size_t *used, mr_error *err)
{
    decoding d;
    d.arena = arena;
    const char *end = decode(&d, decoder, data, len, ret);
    if (!end) {
        return reject(&d, decoder, err);
    }
    *used = (size_t)(end - d.start);
    return MR_OK;
}

mr_status mr_decode(const mr_decoder *decoder, const char *data, size_t len, mr_arena *arena,
                    mr_cell *ret, mr_error *err)
{
    decoding d;
    d.arena = arena;
    const char *end = decode(&d, decoder, data, len, ret);
    if (end && end != d.end) {
        end = fail(&d, end, "%zu bytes are left over; was it written with another schema?",
                   (size_t)(d.end - end));
    }
    return end ? MR_OK : reject(&d, decoder, err);
}
