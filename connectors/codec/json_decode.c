/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON text to cells, in one pass, without a tree. What is allocated is bounded by the input: a
 * count of cells limits what defaults and failed branches of unions can make of few bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/bson_shape.h"
#include "codec/json_reading.h"
#include "codec/schema.h"

enum {
    CELLS_MAX = 1 << 16,
    CELLS_PER_BYTE_MAX = 16,
    RETRIED_PER_BYTE_MAX = 16, /* bytes read again for another branch of a union */
    NOT_SET = 0xFF,            /* type of a cell whose member has not come yet */
};

struct mr_json_decoder {
    const mr_schema *schema;
    mr_json_dialect dialect;
    const mr_field ***by_name; /* by id of a record: its fields, sorted */
};

typedef mr_json_reading reading;

#define FAIL(r, ...) mr_trail_reason(&(r)->scan.trail, __VA_ARGS__)

static bool value(reading *r, const mr_schema *schema, mr_cell *ret);

/* --- Fields by name --------------------------------------------------------------------------- */

static int compare_fields(const void *a, const void *b)
{
    return strcmp((*(const mr_field *const *)a)->name, (*(const mr_field *const *)b)->name);
}

static void index_fields(mr_json_decoder *d, const mr_schema *schema)
{
    for (size_t i = 0; i < schema->branch_count; i++) {
        index_fields(d, schema->branches[i]);
    }
    if (schema->items) {
        index_fields(d, schema->items);
    }
    if (schema->type != MR_RECORD || d->by_name[schema->id]) {
        return;
    }
    const mr_field **fields = mr_realloc_array(NULL, schema->field_count + 1, sizeof *fields);
    d->by_name[schema->id] = fields;
    for (size_t i = 0; i < schema->field_count; i++) {
        fields[i] = &schema->fields[i];
        index_fields(d, schema->fields[i].schema);
    }
    qsort(fields, schema->field_count, sizeof *fields, compare_fields);
}

mr_json_decoder *mr_json_decoder_new(const mr_schema *schema, mr_json_dialect dialect)
{
    mr_json_decoder *d = mr_calloc(1, sizeof *d);
    d->schema = mr_schema_acquire(schema);
    d->dialect = dialect;
    d->by_name = mr_calloc(mr_schema_node_count(schema), sizeof *d->by_name);
    index_fields(d, schema);
    return d;
}

void mr_json_decoder_free(mr_json_decoder *decoder)
{
    if (decoder) {
        for (uint32_t i = 0; i < mr_schema_node_count(decoder->schema); i++) {
            free(decoder->by_name[i]);
        }
        free(decoder->by_name);
        mr_schema_release(decoder->schema);
        free(decoder);
    }
}

int mr_json_compare(mr_slice name, const char *field)
{
    int order = strncmp(name.data, field, name.len);
    return order ? order : field[name.len] ? -1 : 0;
}

/* Most often it is the one after the member before. */
static const mr_field *find_field(const reading *r, const mr_schema *schema, size_t guess,
                                  mr_slice name)
{
    if (memchr(name.data, '\0', name.len)) {
        return NULL;
    }
    if (guess < schema->field_count && mr_json_compare(name, schema->fields[guess].name) == 0) {
        return &schema->fields[guess];
    }
    const mr_field **fields = r->decoder->by_name[schema->id];
    size_t low = 0, high = schema->field_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = mr_json_compare(name, fields[middle]->name);
        if (order == 0) {
            return fields[middle];
        }
        low = order > 0 ? middle + 1 : low;
        high = order > 0 ? high : middle;
    }
    return NULL;
}

/* --- Several values --------------------------------------------------------------------------- */

static bool take_cells(reading *r, uint64_t count)
{
    if (count > r->cells_left) {
        return FAIL(r, "it makes more values than a text of its length may");
    }
    r->cells_left -= count;
    return true;
}

/* Room for `more` cells; doubling, so that the arena holds at most twice what is needed. */
static mr_cell *widen(reading *r, mr_cell *cells, size_t used, size_t more, size_t *capacity)
{
    if (used + more <= *capacity) {
        return cells;
    }
    *capacity = *capacity ? *capacity * 2 : 8;
    mr_cell *wider = mr_arena_alloc(r->arena, *capacity * sizeof *cells);
    if (used) {
        memcpy(wider, cells, used * sizeof *cells);
    }
    return wider;
}

static bool key_of_map(mr_cell *cell, mr_slice name)
{
    *cell = (mr_cell){.type = MR_STRING, .len = (uint32_t)name.len, .as.text = name.data};
    return true;
}

/* A member of an object or, as Connect writes maps whose keys are not text, of an array of pairs.
 */
static bool map_entry(reading *r, const mr_schema *schema, bool pairs, mr_cell *cells)
{
    mr_slice name;
    if (pairs && !mr_json_expect(&r->scan, '[')) {
        return false;
    }
    bool ok = pairs && mr_json_at_number(r) ? mr_json_number(&r->scan, &name)
                                            : mr_json_string(&r->scan, r->arena, &name);
    return ok && key_of_map(cells, name) && mr_json_expect(&r->scan, pairs ? ',' : ':') &&
           value(r, schema->items, cells + 1) && (!pairs || mr_json_expect(&r->scan, ']'));
}

static bool items(reading *r, const mr_schema *schema, mr_cell *ret)
{
    bool map = schema->type == MR_MAP, pairs = false;
    char first = mr_json_peek(&r->scan), last = map ? '}' : ']';
    size_t used = 0, width = map ? 2 : 1, capacity = 0;
    mr_cell *cells = NULL;
    if (map && first == '[' && r->dialect == MR_JSON_CONNECT) {
        pairs = true;
        last = ']';
    } else if (first != (map ? '{' : '[')) {
        return mr_json_wanted(r, schema, map ? "an object" : "an array");
    }
    r->scan.at++;
    if (!mr_json_take(&r->scan, last)) {
        do {
            if (!take_cells(r, width)) {
                return false;
            }
            cells = widen(r, cells, used, width, &capacity);
            bool ok = map ? map_entry(r, schema, pairs, cells + used)
                          : value(r, schema->items, cells + used);
            if (!ok) {
                return mr_trail_inside_item(&r->scan.trail, used / width);
            }
            used += width;
        } while (mr_json_take(&r->scan, ','));
        if (!mr_json_expect(&r->scan, last)) {
            return false;
        }
    }
    ret->len = (uint32_t)(used / width);
    ret->as.cells = cells;
    return true;
}

static bool fill_missing(reading *r, const mr_schema *schema, mr_cell *cells)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        const mr_field *field = &schema->fields[i];
        if (cells[i].type != NOT_SET) {
            continue;
        }
        if (field->dflt) {
            cells[i] = *field->dflt;
        } else if (field->schema->nullable || field->schema->type == MR_NULL) {
            uint8_t branch = 0;
            while (branch < field->schema->branch_count &&
                   field->schema->branches[branch]->type != MR_NULL) {
                branch++;
            }
            cells[i] = (mr_cell){.type = MR_NULL, .branch = branch};
        } else {
            FAIL(r, "the field is missing, has no default and may not be null");
            return mr_trail_inside(&r->scan.trail, field->name);
        }
    }
    return true;
}

/* JsonConverter takes a null where none may be as the default. */
static bool null_for_default(reading *r, const mr_field *field, mr_cell *cell)
{
    if (r->dialect != MR_JSON_CONNECT || !field->dflt || field->schema->nullable ||
        mr_json_peek(&r->scan) != 'n' || !mr_json_word(&r->scan, "null")) {
        return false;
    }
    *cell = *field->dflt;
    return true;
}

static bool members(reading *r, const mr_schema *schema, mr_cell *cells)
{
    size_t guess = 0;
    do {
        mr_slice name;
        if (!mr_json_string(&r->scan, r->arena, &name) || !mr_json_expect(&r->scan, ':')) {
            return false;
        }
        const mr_field *field = find_field(r, schema, guess, name);
        if (!field) {
            r->scan.depth = r->depth;
            if (!mr_json_skip(&r->scan, NULL)) {
                return false;
            }
            continue;
        }
        mr_cell *cell = &cells[field - schema->fields];
        guess = (size_t)(field - schema->fields) + 1;
        bool ok = cell->type == NOT_SET
                      ? null_for_default(r, field, cell) || value(r, field->schema, cell)
                      : FAIL(r, "the field is there twice");
        if (!ok) {
            return mr_trail_inside(&r->scan.trail, field->name);
        }
    } while (mr_json_take(&r->scan, ','));
    return mr_json_expect(&r->scan, '}');
}

/* A value of a document that Avro has no type for: its JSON is the text of the one field. */
static bool is_json(const mr_schema *schema)
{
    return schema->name && strcmp(schema->name, MR_JSON_NAME) == 0 && schema->field_count == 1 &&
           schema->fields[0].schema->type == MR_STRING;
}

static bool record(reading *r, const mr_schema *schema, mr_cell *ret)
{
    bool json = is_json(schema);
    if (!json && mr_json_peek(&r->scan) != '{') {
        return mr_json_wanted(r, schema, "an object");
    }
    if (!take_cells(r, schema->field_count)) {
        return false;
    }
    mr_cell *cells = mr_arena_alloc(r->arena, schema->field_count * sizeof *cells);
    ret->len = (uint32_t)schema->field_count;
    ret->as.cells = cells;
    if (json) {
        mr_slice text;
        r->scan.depth = r->depth - 1; /* it stands in the place of the record */
        bool ok = r->dialect == MR_JSON_CONNECT ? mr_json_string(&r->scan, r->arena, &text)
                                                : mr_json_skip(&r->scan, &text);
        return ok && key_of_map(cells, text);
    }
    for (size_t i = 0; i < schema->field_count; i++) {
        cells[i] = (mr_cell){.type = NOT_SET};
    }
    r->scan.at++;
    return (mr_json_take(&r->scan, '}') || members(r, schema, cells)) &&
           fill_missing(r, schema, cells);
}

/* --- Unions ----------------------------------------------------------------------------------- */

/* A number with a point or an exponent, as reals are written. */
static bool at_real(const reading *r)
{
    const char *at = r->scan.at;
    while (at < r->scan.end && (*at == '-' || (*at >= '0' && *at <= '9'))) {
        at++;
    }
    return at < r->scan.end && (*at == '.' || (*at | 0x20) == 'e');
}

/* Could a value that begins so be of this type? */
static bool plausible(const reading *r, const mr_schema *schema, char first)
{
    mr_type type = schema->type;
    bool number = first == '-' || (first >= '0' && first <= '9');
    bool time = type >= MR_DATE && type <= MR_LOCAL_TIMESTAMP_US;
    switch (first) {
    case 'n':
        return type == MR_NULL || is_json(schema);
    case 't':
    case 'f':
        return type == MR_BOOL || is_json(schema);
    case '{':
        return type == MR_RECORD || type == MR_MAP || type == MR_DURATION;
    case '[':
        return type == MR_ARRAY || type == MR_MAP || is_json(schema);
    case '"':
        return type == MR_STRING || type == MR_BYTES || type == MR_FIXED || type == MR_ENUM ||
               type == MR_DECIMAL || type == MR_UUID || type == MR_FLOAT || type == MR_DOUBLE ||
               time || is_json(schema);
    default:
        return number &&
               (((type == MR_INT || type == MR_LONG) && !at_real(r)) || type == MR_FLOAT ||
                type == MR_DOUBLE || type == MR_DECIMAL || time || is_json(schema));
    }
}

static bool union_value(reading *r, const mr_schema *schema, mr_cell *ret)
{
    char first = mr_json_peek(&r->scan);
    const char *from = r->scan.at;
    size_t tried = 0;
    int depth = r->depth;
    for (size_t i = 0; i < schema->branch_count; i++) {
        if (!plausible(r, schema->branches[i], first)) {
            continue;
        }
        if (tried++) { /* again, for another branch */
            uint64_t again = (uint64_t)(r->scan.at - from) + 1;
            if (again > r->retries_left) {
                return FAIL(r, "too many branches of unions had to be tried");
            }
            r->retries_left -= again;
            r->scan.at = from;
            r->depth = depth;
            mr_trail_start(&r->scan.trail);
        }
        if (value(r, schema->branches[i], ret)) {
            ret->branch = (uint8_t)i;
            return true;
        }
    }
    if (!tried) {
        bool one = schema->nullable && schema->branch_count == 2;
        return one ? mr_json_wanted(r, mr_schema_strip_null(schema), "null or another value")
                   : FAIL(r, "%s fits no branch of the union", mr_json_kind(first));
    }
    if (tried > 1) {
        char last[200];
        snprintf(last, sizeof last, "%.199s", r->scan.trail.reason);
        FAIL(r, "it fits no branch of the union; not the last one, because: %s", last);
    }
    return false;
}

/* --- One value -------------------------------------------------------------------------------- */

static bool nested(reading *r, const mr_schema *schema, mr_cell *ret)
{
    if (r->depth >= MR_JSON_DEPTH_MAX) {
        return FAIL(r, "nested deeper than %d", MR_JSON_DEPTH_MAX);
    }
    r->depth++;
    bool ok = schema->type == MR_RECORD ? record(r, schema, ret) : items(r, schema, ret);
    r->depth--;
    return ok;
}

static bool value(reading *r, const mr_schema *schema, mr_cell *ret)
{
    if (schema->type == MR_UNION) {
        return union_value(r, schema, ret);
    }
    *ret = (mr_cell){.type = (uint8_t)schema->type};
    bool several = schema->type == MR_RECORD || schema->type == MR_ARRAY || schema->type == MR_MAP;
    return several ? nested(r, schema, ret) : mr_json_scalar(r, schema, ret);
}

mr_status mr_json_decode(const mr_json_decoder *decoder, mr_slice text, mr_arena *arena,
                         mr_cell *ret, mr_error *err)
{
    reading r = {
        .decoder = decoder,
        .dialect = decoder->dialect,
        .arena = arena,
        .cells_left = CELLS_MAX + CELLS_PER_BYTE_MAX * (uint64_t)text.len,
        .retries_left = CELLS_MAX + RETRIED_PER_BYTE_MAX * (uint64_t)text.len,
    };
    const mr_schema *schema = decoder->schema;
    mr_json_scan_start(&r.scan, text);
    bool ok = text.len <= INT32_MAX ? value(&r, schema, ret) && mr_json_at_end(&r.scan)
                                    : FAIL(&r, "larger than 2 GiB");
    if (ok) {
        return MR_OK;
    }
    const char *path = mr_trail_path(&r.scan.trail);
    mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD, "JSON of schema %s, %s%s%sbyte %zu of %zu: %s",
            schema->name ? schema->name : mr_type_name(schema->type), *path ? "field " : "", path,
            *path ? ", " : "", (size_t)(r.scan.at - r.scan.start), text.len, r.scan.trail.reason);
    mr_error_field(err, path);
    return MR_REJECT;
}

bool mr_json_valid(mr_slice text)
{
    return mr_json_valid_at(text, 0);
}

bool mr_json_valid_at(mr_slice text, int depth)
{
    mr_json_scan scan;
    mr_json_scan_start(&scan, text);
    scan.depth = depth;
    return mr_json_skip(&scan, NULL) && mr_json_at_end(&scan);
}

bool mr_json_compact(mr_slice text, mr_buffer *out)
{
    bool quoted = false;
    if (!mr_json_valid(text)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (quoted && c == '\\') {
            mr_buffer_add_char(out, c);
            c = text.data[++i];
        } else if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && (c == ' ' || c == '\n' || c == '\t' || c == '\r')) {
            continue;
        }
        mr_buffer_add_char(out, c);
    }
    return true;
}
