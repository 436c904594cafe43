/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a plan over checked BSON: the hot path of the MongoDB source. As in avro_decode.c the place
 * in the input travels in a register (NULL for a failure), and what went wrong is put together on
 * the way out only.
 *
 * Names are not looked up but compared with the one that followed last time, by two words. A
 * document that has its fields in the schema's order and all of them costs nothing beyond that: the
 * bookkeeping of fields that are not there begins with the first that is missed.
 */
#include <stdio.h>

#include "codec/bson_plan.h"
#include "codec/schema.h"
#include "codec/text.h"
#include "codec/trail.h"

enum { DEPTH_MAX = 64 }; /* of what becomes cells: Avro's own limit */

typedef struct decoding {
    const char *end; /* of the whole document */
    mr_bson_decoder *decoder;
    mr_arena *arena;
    bool inexact, ignore_unknown;
    int depth;
    mr_trail trail; /* of a failure */
} decoding;

#define COLD __attribute__((cold, noinline))
/* All functions that read return where they have got to; a failure is NULL. */
#define FAIL(d, ...)    (mr_trail_reason(&(d)->trail, __VA_ARGS__), NULL)
#define INSIDE(d, name) (mr_trail_inside(&(d)->trail, name), NULL)
#define INLINE          static inline __attribute__((always_inline))
#define RARELY(x)       __builtin_expect(!!(x), 0)

static const char *read_record(decoding *d, bson_routine *routine, mr_cell *cells, const char *p);

/* --- Failures --------------------------------------------------------------------------------- */

const char *mr_bson_type_name(uint8_t type)
{
    static const char *const names[] = {"",          "double",    "string",    "document",
                                        "array",     "binary",    "undefined", "objectId",
                                        "bool",      "date",      "null",      "regex",
                                        "dbPointer", "code",      "symbol",    "code with scope",
                                        "int32",     "timestamp", "int64",     "decimal128"};
    return type == MR_BSON_MAX_KEY               ? "maxKey"
           : type == MR_BSON_MIN_KEY             ? "minKey"
           : type < sizeof names / sizeof *names ? names[type]
                                                 : "unknown";
}

/* "a value of type int32 where null or string is expected" */
static COLD const char *refuse(decoding *d, const mr_schema *schema, uint8_t type)
{
    char expected[240] = "";
    size_t len = 0, count = schema->type == MR_UNION ? schema->branch_count : 1;
    for (size_t i = 0; i < count && len < sizeof expected; i++) {
        const mr_schema *s = schema->type == MR_UNION ? schema->branches[i] : schema;
        int n = snprintf(expected + len, sizeof expected - len, "%s%s",
                         i == 0           ? ""
                         : i + 1 == count ? " or "
                                          : ", ",
                         s->name ? s->name : mr_type_name(s->type));
        len += n > 0 ? (size_t)n : 0;
    }
    return FAIL(d, "a value of type %s where %s is expected", mr_bson_type_name(type), expected);
}

/* --- Texts ------------------------------------------------------------------------------------ */

/* At least ten bytes of the document are before a text of BSON: its own length, a name, a type and
 * the document's length. So short ones are read with what is before them. */
INLINE bool is_ascii(const char *text, size_t len)
{
    const uint64_t high = UINT64_C(0x8080808080808080);
    uint64_t last = mr_bson_load64(text + len - 8);
    if (len < 8) {
        return !((last >> 8 >> 8 * (7 - len)) & high);
    }
    uint64_t all = last;
    for (size_t i = 0; i + 8 < len; i += 8) {
        all |= mr_bson_load64(text + i);
    }
    return !(all & high);
}

/* Text that is no UTF-8, with U+FFFD for each byte that belongs to nothing. */
static COLD void repair(decoding *d, mr_cell *cell)
{
    const char *from = cell->as.text, *end = from + cell->len;
    char *fixed = mr_arena_alloc(d->arena, (size_t)cell->len * 3);
    size_t len = 0;
    while (from < end) {
        size_t step = mr_utf8_length(from, (size_t)(end - from));
        memcpy(fixed + len, step ? from : "\xef\xbf\xbd", step ? step : 3);
        len += step ? step : 3;
        from += step ? step : 1;
    }
    cell->as.text = fixed;
    cell->len = (uint32_t)len;
    d->inexact = true;
}

/* Text with other characters than ASCII. */
static __attribute__((noinline)) void check_text(decoding *d, mr_cell *cell)
{
    if (!mr_utf8_valid(cell->as.text, cell->len)) {
        repair(d, cell);
    }
}

INLINE const char *read_text(decoding *d, mr_cell *cell, const char *p)
{
    uint32_t len = mr_bson_load32(p) - 1;
    cell->len = len;
    cell->as.text = p + 4;
    if (RARELY(!is_ascii(p + 4, len))) {
        check_text(d, cell);
    }
    return p + 4 + len + 1;
}

/* --- JSON ------------------------------------------------------------------------------------- */

/* Makes *ret the record millrace.Json of what is in the buffer. */
static const char *take_json(decoding *d, mr_cell head, mr_cell *ret, const char *p)
{
    mr_buffer *json = &d->decoder->json;
    if (json->failed) {
        return FAIL(d, "its JSON is longer than %zu bytes", json->limit);
    }
    mr_cell *text = mr_arena_alloc(d->arena, sizeof *text);
    *text = (mr_cell){.type = MR_STRING, .len = (uint32_t)json->len};
    text->as.text = mr_arena_copy(d->arena, json->data, json->len);
    *ret = head;
    ret->len = 1;
    ret->as.cells = text;
    return p;
}

static const char *read_json(decoding *d, const bson_way *way, uint8_t type, mr_cell *ret,
                             const char *p)
{
    mr_bson_element e = {type, {"", 0}, {p, mr_bson_value_length(type, p)}};
    mr_buffer_clear(&d->decoder->json);
    mr_bson_value_json(&e, true, &d->decoder->json);
    return take_json(d, way->head, ret, p + e.value.len);
}

/* --- Values ----------------------------------------------------------------------------------- */

/* Does a record have all fields of the document, and the document all that the record demands? Only
 * looked at where there is something else it could be, and only at this level. */
static bool suits(const decoding *d, const bson_routine *r, const char *p)
{
    mr_bson_element e;
    mr_slice document = {p, mr_bson_length(p)};
    for (size_t cursor = 0; mr_bson_next(document, &cursor, &e);) {
        const bson_slot *slot = mr_name_map_get(&r->by_name, e.name.data);
        slot = slot ? slot : mr_name_map_get(&r->by_alias, e.name.data);
        if (!slot && !d->ignore_unknown && r->rest == r->slot_count) {
            return false;
        }
    }
    for (uint32_t i = 0; i < r->slot_count; i++) {
        if (r->absent[i].type == BSON_REQUIRED && !mr_bson_find(document, r->slots[i].name, &e)) {
            return false;
        }
    }
    return true;
}

static const char *read_child(decoding *d, const bson_way *way, mr_cell *ret, const char *p)
{
    bson_routine *r = way->as.routine;
    if (RARELY(++d->depth > DEPTH_MAX)) {
        return FAIL(d, "more than %d levels", DEPTH_MAX);
    }
    mr_cell *cells = mr_arena_alloc(d->arena, r->slot_count * sizeof *cells);
    *ret = way->head;
    ret->len = r->slot_count;
    ret->as.cells = cells;
    p = read_record(d, r, cells, p);
    d->depth--;
    return p;
}

INLINE const char *read_value(decoding *d, const bson_value *value, uint8_t type, mr_cell *ret,
                              const char *p);

static size_t count_elements(const char *p)
{
    mr_bson_element e;
    mr_slice document = {p, mr_bson_length(p)};
    size_t count = 0;
    for (size_t cursor = 0; mr_bson_next(document, &cursor, &e);) {
        count++;
    }
    return count;
}

/* The name of an array's element must be its number, or it is not given back. Returns what is
 * behind the name. *digits holds the number's text with its zero byte and is counted on. */
static const char *pass_index(decoding *d, char digits[16], size_t *bytes, const char *name)
{
    if ((size_t)(d->end - name) > *bytes && memcmp(name, digits, *bytes) == 0) {
        name += *bytes;
    } else {
        d->inexact = true;
        name += strlen(name) + 1;
    }
    size_t i = *bytes - 1; /* the zero byte */
    while (i && digits[i - 1] == '9') {
        digits[--i] = '0';
    }
    if (i) {
        digits[i - 1]++;
    } else {
        memmove(digits + 1, digits, *bytes);
        digits[0] = '1';
        ++*bytes;
    }
    return name;
}

static const char *read_array(decoding *d, const bson_way *way, mr_cell *ret, const char *p)
{
    char digits[16] = "0";
    size_t bytes = 2, count = count_elements(p);
    if (RARELY(++d->depth > DEPTH_MAX)) {
        return FAIL(d, "more than %d levels", DEPTH_MAX);
    }
    mr_cell *cells = mr_arena_alloc(d->arena, count * sizeof *cells);
    p += 4;
    for (size_t i = 0; i < count; i++) {
        uint8_t type = (uint8_t)*p;
        p = pass_index(d, digits, &bytes, p + 1);
        p = read_value(d, way->as.item, type, &cells[i], p);
        if (!p) {
            mr_trail_inside_item(&d->trail, i);
            return NULL;
        }
    }
    d->depth--;
    *ret = way->head;
    ret->len = (uint32_t)count;
    ret->as.cells = cells;
    return p + 1;
}

static const char *read_map(decoding *d, const bson_way *way, mr_cell *ret, const char *p)
{
    size_t count = count_elements(p);
    if (RARELY(++d->depth > DEPTH_MAX)) {
        return FAIL(d, "more than %d levels", DEPTH_MAX);
    }
    mr_cell *cells = mr_arena_alloc(d->arena, 2 * count * sizeof *cells);
    p += 4;
    for (size_t i = 0; i < count; i++) {
        uint8_t type = (uint8_t)*p++;
        const char *name = p;
        size_t len = strlen(name);
        mr_cell *key = &cells[2 * i];
        *key = (mr_cell){.type = MR_STRING, .len = (uint32_t)len, .as.text = name};
        check_text(d, key);
        p = read_value(d, way->as.item, type, key + 1, p + len + 1);
        if (!p) {
            return INSIDE(d, name);
        }
    }
    d->depth--;
    *ret = way->head;
    ret->len = (uint32_t)count;
    ret->as.cells = cells;
    return p + 1;
}

/* What depends on the value: conversions, and records of several. `way` is the first that may. */
static __attribute__((noinline)) const char *choose(decoding *d, const bson_value *value,
                                                    const bson_way *way, uint8_t type, mr_cell *ret,
                                                    const char *p)
{
    const bson_way *first = way;
    mr_bson_element e = {type, {"", 0}, {p, mr_bson_value_length(type, p)}};
    for (; way; way = way->next) {
        switch (way->op) {
        case BSON_TO_RECORD:
            if (suits(d, way->as.routine, p)) {
                return read_child(d, way, ret, p);
            }
            break;
        case BSON_TO_MAP:
            return read_map(d, way, ret, p);
        case BSON_TO_JSON:
            d->inexact = true;
            return read_json(d, way, type, ret, p);
        default:
            *ret = way->head;
            if (mr_bson_convert(way->as.schema, &e, d->arena, ret, &d->inexact)) {
                if (ret->type == MR_STRING) {
                    check_text(d, ret);
                }
                return p + e.value.len;
            }
        }
    }
    return first->op == BSON_TO_RECORD ? read_child(d, first, ret, p) /* it says what is wrong */
                                       : refuse(d, value->schema, type);
}

static int binary_at(const char *p)
{
    uint32_t len = mr_bson_load32(p);
    switch (p[4]) {
    case 0:
        return MR_BSON_BINARY;
    case 2:
        return BSON_AT_OLD_BINARY;
    case 4:
        return len == 16 ? BSON_AT_UUID : BSON_AT_OTHER_BINARY;
    default:
        return BSON_AT_OTHER_BINARY;
    }
}

static const char *read_bytes(const bson_way *way, mr_cell *ret, const char *p)
{
    mr_bson_element e = {MR_BSON_BINARY, {"", 0}, {p, 5 + (size_t)mr_bson_load32(p)}};
    mr_slice bytes = mr_bson_binary(&e, NULL);
    *ret = way->head;
    ret->len = (uint32_t)bytes.len;
    ret->as.text = bytes.data;
    return p + e.value.len;
}

/* Values other than the everyday ones of read_value(). */
static __attribute__((noinline)) const char *read_other(decoding *d, const bson_value *value,
                                                        const bson_way *way, uint8_t type,
                                                        mr_cell *ret, const char *p)
{
    switch (way->op) {
    case BSON_TO_ARRAY:
        return read_array(d, way, ret, p);
    case BSON_TO_MAP:
        return read_map(d, way, ret, p);
    case BSON_TO_BYTES:
        return read_bytes(way, ret, p);
    case BSON_TO_JSON:
        return read_json(d, way, type, ret, p);
    case BSON_CONVERT:
        return choose(d, value, way, type, ret, p);
    default:
        return refuse(d, value->schema, type);
    }
}

INLINE const char *read_value(decoding *d, const bson_value *value, uint8_t type, mr_cell *ret,
                              const char *p)
{
    int at = type;
    if (RARELY(type > MR_BSON_DECIMAL128)) {
        at = type == MR_BSON_MAX_KEY ? BSON_AT_MAX_KEY : BSON_AT_MIN_KEY;
    } else if (RARELY(type == MR_BSON_BINARY)) {
        at = binary_at(p);
    }
    const bson_way *way = &value->ways[value->at[at]];
    if (RARELY(way->inexact)) {
        d->inexact = true;
    }
    switch (way->op) {
    case BSON_TO_NULL:
        *ret = way->head;
        return p;
    case BSON_TO_BOOL:
        *ret = way->head;
        ret->as.i = (unsigned char)*p;
        return p + 1;
    case BSON_TO_INT:
        *ret = way->head;
        ret->as.i = (int32_t)mr_bson_load32(p);
        return p + 4;
    case BSON_TO_INT_AS_DOUBLE:
        *ret = way->head;
        ret->as.d = (int32_t)mr_bson_load32(p);
        return p + 4;
    case BSON_TO_LONG:
    case BSON_TO_DOUBLE: { /* the bits are the same in the cell */
        uint64_t bits = mr_bson_load64(p);
        *ret = way->head;
        memcpy(&ret->as, &bits, sizeof bits);
        return p + 8;
    }
    case BSON_TO_TEXT:
        *ret = way->head;
        return read_text(d, ret, p);
    case BSON_TO_FIXED:
        *ret = way->head;
        ret->len = way->size;
        ret->as.text = p;
        return p + way->size;
    case BSON_TO_RECORD:
        return RARELY(way->next) ? choose(d, value, way, type, ret, p) : read_child(d, way, ret, p);
    default:
        return read_other(d, value, way, type, ret, p);
    }
}

/* --- Records ---------------------------------------------------------------------------------- */

/* Is this the slot's name? Two words of it tell, for names of up to 16 bytes for certain. */
INLINE bool is_name(const bson_slot *slot, const char *name, const char *end)
{
    size_t bytes = slot->name_bytes, left = (size_t)(end - name);
    if (RARELY(left < 8 || left < bytes)) {
        return bytes <= left && memcmp(name, slot->name, bytes) == 0;
    }
    if ((mr_bson_load64(name) ^ slot->head) & slot->mask) {
        return false;
    }
    if (bytes <= 8) {
        return true;
    }
    return mr_bson_load64(name + bytes - 8) == slot->tail &&
           (bytes <= 16 || memcmp(name + 8, slot->name + 8, bytes - 16) == 0);
}

/* A name that is not the one that followed slot `after - 1` last time: perhaps that one is missing
 * now. slot_count: no such field. */
static __attribute__((noinline)) uint32_t find_slot(decoding *d, bson_routine *r, uint32_t after,
                                                    const char *name)
{
    uint32_t skipped = r->after[after];
    if (skipped < r->slot_count) {
        uint32_t second = r->after[skipped + 1];
        if (is_name(&r->slots[second], name, d->end)) {
            return second;
        }
    }
    const bson_slot *slot = mr_name_map_get(&r->by_name, name);
    if (!slot && r->by_alias.count) {
        slot = mr_name_map_get(&r->by_alias, name);
        d->inexact |= slot != NULL;
    }
    if (!slot) {
        return r->slot_count;
    }
    r->after[after] = (uint32_t)(slot - r->slots);
    return r->after[after];
}

/* What a record under construction knows beyond its cells. */
typedef struct building {
    bson_routine *routine;
    mr_cell *cells;
    uint32_t filled; /* cells before it are set, or marked BSON_UNSET */
    uint32_t unset;  /* how many are marked */
    size_t rest;     /* where the document of fields without a slot begins in decoder->rest;
                        SIZE_MAX: there are none */
} building;

/* A field that has no slot. p: its value. Returns what is behind it. */
static const char *read_unknown(decoding *d, building *b, uint8_t type, const char *name,
                                const char *p)
{
    mr_bson_element e = {type, {name, (size_t)(p - name) - 1}, {p, mr_bson_value_length(type, p)}};
    mr_buffer *rest = &d->decoder->rest;
    if (b->routine->rest < b->routine->slot_count) {
        if (b->rest == SIZE_MAX) {
            b->rest = mr_bson_begin(rest);
        }
        mr_bson_add(rest, &e);
    } else if (!d->ignore_unknown) {
        mr_trail_reason(&d->trail, "%s has no such field; the document's has type %s",
                        b->routine->record->name, mr_bson_type_name(type));
        return INSIDE(d, name);
    }
    d->inexact = true;
    return p + e.value.len;
}

/* A slot that is not the next one: those between are marked, and one from before is out of order.
 * false: it has its value already. */
static bool place(decoding *d, building *b, uint32_t at)
{
    if (at >= b->filled) {
        b->unset += at - b->filled;
        for (; b->filled < at; b->filled++) {
            b->cells[b->filled].type = BSON_UNSET;
        }
        b->filled++;
        return true;
    }
    d->inexact = true;
    if (b->cells[at].type != BSON_UNSET) {
        return false;
    }
    b->unset--;
    return true;
}

/* Defaults for what was not there. */
static bool fill_absent(decoding *d, building *b)
{
    const bson_routine *r = b->routine;
    d->inexact |= !r->shaped;
    for (uint32_t i = 0; i < r->slot_count; i++) {
        if (i < b->filled && b->cells[i].type != BSON_UNSET) {
            continue;
        }
        b->cells[i] = r->absent[i];
        if (b->cells[i].type == BSON_REQUIRED) {
            mr_trail_reason(&d->trail,
                            "the document has no such field, and it has no default in the schema");
            return mr_trail_inside(&d->trail, r->record->fields[i].name);
        }
    }
    return true;
}

/* The document of all fields that had no slot, as JSON. */
static bool finish_rest(decoding *d, building *b)
{
    mr_buffer *rest = &d->decoder->rest, *json = &d->decoder->json;
    const bson_routine *r = b->routine;
    mr_bson_end(rest, b->rest);
    mr_buffer_clear(json);
    if (rest->failed) {
        return mr_trail_reason(&d->trail,
                               "its fields without a name of their own have more than %zu bytes",
                               rest->limit);
    }
    mr_bson_json((mr_slice){rest->data + b->rest, rest->len - b->rest}, true, json);
    rest->len = b->rest;
    const mr_schema *s = r->record->fields[r->rest].schema;
    mr_cell head = {.type = MR_RECORD};
    while (s->type == MR_UNION && s->branches[head.branch]->type != MR_RECORD) {
        head.branch++;
    }
    return take_json(d, head, &b->cells[r->rest], json->data);
}

static const char *read_record(decoding *d, bson_routine *r, mr_cell *cells, const char *p)
{
    building b = {r, cells, 0, 0, SIZE_MAX};
    const char *end = d->end;
    const bson_slot *slots = r->slots;
    uint32_t after = 0; /* the slot before, and 1 */
    uint8_t type;
    p += 4;
    while ((type = (uint8_t)*p) != 0) {
        const char *name = p + 1;
        uint32_t at = r->after[after];
        size_t name_bytes = slots[at].name_bytes;
        if (RARELY(!is_name(&slots[at], name, end))) {
            at = find_slot(d, r, after, name);
            name_bytes = strlen(name) + 1; /* an alias is no slot's name */
        }
        p = name + name_bytes;
        if (RARELY(at == r->slot_count)) {
            p = read_unknown(d, &b, type, name, p);
            if (!p) {
                return NULL;
            }
            continue;
        }
        after = at + 1;
        if (at == b.filled) {
            b.filled++;
        } else if (!place(d, &b, at)) {
            p += mr_bson_value_length(type, p); /* of two fields of one name the first counts */
            continue;
        }
        p = read_value(d, &slots[at].value, type, &cells[at], p);
        if (RARELY(!p)) {
            return INSIDE(d, name);
        }
    }
    if (RARELY(b.filled < r->slot_count || b.unset) && !fill_absent(d, &b)) {
        return NULL;
    }
    if (RARELY(b.rest != SIZE_MAX) && !finish_rest(d, &b)) {
        return NULL;
    }
    return p + 1;
}

/* --- Whole documents -------------------------------------------------------------------------- */

mr_bson_fit mr_bson_decode(mr_bson_decoder *decoder, mr_slice document, bool ignore_unknown,
                           mr_arena *arena, mr_cell *ret, mr_error *err)
{
    decoding d;
    d.end = document.data + document.len;
    d.decoder = decoder;
    d.arena = arena;
    d.inexact = false;
    d.ignore_unknown = ignore_unknown;
    d.depth = 0;
    mr_trail_start(&d.trail);
    mr_buffer_clear(&decoder->rest);
    if (read_value(&d, &decoder->root, MR_BSON_DOCUMENT, ret, document.data)) {
        return d.inexact ? MR_BSON_INEXACT : MR_BSON_EXACT;
    }
    const char *path = mr_trail_path(&d.trail);
    mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD, "a document does not fit its schema%s%s: %s",
            *path ? ", field " : "", path, d.trail.reason);
    mr_error_field(err, path);
    return MR_BSON_MISFIT;
}
