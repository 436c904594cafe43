/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Default values: JSON to cells once, when the schema is made, so that filling one in costs a copy
 * of 16 bytes; and back to JSON for schemas that are built in code.
 *
 * A member that a record's default leaves out takes that field's own default, whose cells are
 * shared. The count of cells is still limited, since whoever walks a default walks all of them.
 */
#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "codec/schema_tree.h"

typedef mr_schema_parser parser;

/* One default being made. */
typedef struct making {
    parser *p;
    const char *wrong; /* why it does not fit; static text */
    uint32_t cells;
    int depth;
    bool broken; /* no other branch of a union need be tried: *p->err is set */
} making;

static bool make(making *m, const mr_schema *schema, const json_t *json, mr_cell *ret);
static mr_status make_pending(parser *p, mr_pending_default *pending, int depth);

static bool no(making *m, const char *wrong)
{
    m->wrong = wrong;
    return false;
}

/* Counts what is about to be allocated, in cells. Failed tries of a union's branches count too, so
 * that a schema cannot make us try for ever. */
static bool charge(making *m, size_t cells)
{
    if (m->depth > MR_SCHEMA_DEPTH_MAX || cells > MR_SCHEMA_DEFAULT_CELLS_MAX - m->cells) {
        m->broken = true;
        mr_schema_bad(m->p, "a default is nested deeper than %d or has more than %d values",
                      MR_SCHEMA_DEPTH_MAX, MR_SCHEMA_DEFAULT_CELLS_MAX);
        return false;
    }
    m->cells += (uint32_t)cells;
    return true;
}

static bool make_integer(making *m, const mr_schema *schema, const json_t *json, mr_cell *ret)
{
    if (!json_is_integer(json)) {
        return no(m, "an integer is expected");
    }
    json_int_t i = json_integer_value(json);
    if (schema->base == MR_INT && (i < INT32_MIN || i > INT32_MAX)) {
        return no(m, "the number does not fit into 32 bits");
    }
    ret->as.i = i;
    return true;
}

static bool make_real(making *m, const mr_schema *schema, const json_t *json, mr_cell *ret)
{
    if (!json_is_number(json)) {
        return no(m, "a number is expected");
    }
    double d = json_number_value(json);
    if (schema->base == MR_FLOAT) {
        if (d > FLT_MAX || d < -FLT_MAX) {
            return no(m, "the number does not fit into a float");
        }
        d = (double)(float)d;
    }
    ret->as.d = d;
    return true;
}

/* "\u00ff" stands for the byte ff (spec, "Complex Types: Records", table of defaults). */
static bool make_bytes(making *m, const mr_schema *schema, const json_t *json, mr_cell *ret)
{
    if (!json_is_string(json)) {
        return no(m, "a string is expected");
    }
    const unsigned char *text = (const unsigned char *)json_string_value(json);
    size_t len = json_string_length(json), used = 0;
    if (!charge(m, len / sizeof(mr_cell))) {
        return false;
    }
    char *bytes = mr_arena_alloc(m->p->tree->arena, len);
    for (size_t i = 0; i < len; i++) {
        if (text[i] < 0x80) {
            bytes[used++] = (char)text[i];
        } else if ((text[i] == 0xc2 || text[i] == 0xc3) && i + 1 < len) {
            bytes[used++] = (char)((text[i] & 3) << 6 | (text[i + 1] & 0x3f));
            i++;
        } else {
            return no(m, "bytes are written as characters up to \\u00ff");
        }
    }
    if (schema->base == MR_FIXED && used != schema->size_bytes) {
        return no(m, "the fixed type has another size");
    }
    ret->as.text = bytes;
    ret->len = (uint32_t)used;
    return true;
}

static bool make_string(making *m, const json_t *json, mr_cell *ret)
{
    if (!json_is_string(json)) {
        return no(m, "a string is expected");
    }
    size_t len = json_string_length(json);
    if (!charge(m, len / sizeof(mr_cell))) {
        return false;
    }
    ret->as.text = mr_arena_strndup(m->p->tree->arena, json_string_value(json), len);
    ret->len = (uint32_t)len;
    return true;
}

static bool make_enum(making *m, const mr_schema *schema, const json_t *json, mr_cell *ret)
{
    const char *text = json_string_value(json);
    for (size_t i = 0; text && i < schema->symbol_count; i++) {
        if (strcmp(schema->symbols[i], text) == 0) {
            ret->symbol = (uint16_t)i;
            ret->as.text = schema->symbols[i];
            ret->len = (uint32_t)strlen(text);
            return true;
        }
    }
    return no(m, "one of the symbols is expected");
}

static bool make_array(making *m, const mr_schema *schema, const json_t *json, mr_cell *ret)
{
    if (!json_is_array(json)) {
        return no(m, "an array is expected");
    }
    size_t count = json_array_size(json);
    if (!charge(m, count)) {
        return false;
    }
    mr_cell *cells = mr_arena_calloc(m->p->tree->arena, count, sizeof *cells);
    for (size_t i = 0; i < count; i++) {
        if (!make(m, schema->items, json_array_get(json, i), &cells[i])) {
            return false;
        }
    }
    ret->as.cells = cells;
    ret->len = (uint32_t)count;
    return true;
}

static bool make_map(making *m, const mr_schema *schema, const json_t *json, mr_cell *ret)
{
    if (!json_is_object(json)) {
        return no(m, "an object is expected");
    }
    size_t count = json_object_size(json), at = 0;
    if (!charge(m, 2 * count)) {
        return false;
    }
    mr_cell *cells = mr_arena_calloc(m->p->tree->arena, 2 * count, sizeof *cells);
    void *member = json_object_iter((json_t *)json);
    for (; member; member = json_object_iter_next((json_t *)json, member)) {
        const char *key = json_object_iter_key(member);
        size_t len = strlen(key);
        cells[at].type = MR_STRING;
        cells[at].len = (uint32_t)len;
        cells[at].as.text = mr_arena_strndup(m->p->tree->arena, key, len);
        if (!make(m, schema->items, json_object_iter_value(member), &cells[at + 1])) {
            return false;
        }
        at += 2;
    }
    ret->as.cells = cells;
    ret->len = (uint32_t)count;
    return true;
}

/* A member that is left out: the field's own default. */
static bool make_missing(making *m, const mr_schema *record, size_t at, mr_cell *ret)
{
    mr_pending_default *pending = &m->p->pending[m->p->first_pending[record->id] + at];
    if (!pending->json) {
        return no(m, "a member of the record is missing and has no default");
    }
    if (pending->state == MR_DEFAULT_BUSY) {
        return no(m, "the default contains itself");
    }
    if (make_pending(m->p, pending, m->depth)) {
        m->broken = true;
        return false;
    }
    *ret = *pending->field->dflt;
    return charge(m, pending->cells);
}

static bool make_record(making *m, const mr_schema *schema, const json_t *json, mr_cell *ret)
{
    if (!json_is_object(json)) {
        return no(m, "an object is expected");
    }
    if (!charge(m, schema->field_count)) {
        return false;
    }
    mr_cell *cells = mr_arena_calloc(m->p->tree->arena, schema->field_count, sizeof *cells);
    for (size_t i = 0; i < schema->field_count; i++) {
        const json_t *member = json_object_get(json, schema->fields[i].name);
        if (member ? !make(m, schema->fields[i].schema, member, &cells[i])
                   : !make_missing(m, schema, i, &cells[i])) {
            return false;
        }
    }
    ret->as.cells = cells;
    ret->len = (uint32_t)schema->field_count;
    return true;
}

/* The first branch that the value fits; Avro 1.11 knows only the first one, 1.12 all. */
static bool make_union(making *m, const mr_schema *schema, const json_t *json, mr_cell *ret)
{
    for (size_t i = 0; i < schema->branch_count && !m->broken; i++) {
        if (make(m, schema->branches[i], json, ret)) {
            ret->branch = (uint8_t)i;
            return true;
        }
    }
    return no(m, "it fits no branch of the union");
}

static bool make_value(making *m, const mr_schema *schema, const json_t *json, mr_cell *ret)
{
    switch (schema->base) {
    case MR_NULL:
        return json_is_null(json) || no(m, "null is expected");
    case MR_BOOL:
        ret->as.i = json_is_true(json);
        return json_is_boolean(json) || no(m, "true or false is expected");
    case MR_INT:
    case MR_LONG:
        return make_integer(m, schema, json, ret);
    case MR_FLOAT:
    case MR_DOUBLE:
        return make_real(m, schema, json, ret);
    case MR_STRING:
        return make_string(m, json, ret);
    case MR_BYTES:
    case MR_FIXED:
        return make_bytes(m, schema, json, ret);
    case MR_ENUM:
        return make_enum(m, schema, json, ret);
    case MR_ARRAY:
        return make_array(m, schema, json, ret);
    case MR_MAP:
        return make_map(m, schema, json, ret);
    case MR_RECORD:
        return make_record(m, schema, json, ret);
    default:
        return make_union(m, schema, json, ret);
    }
}

static bool make(making *m, const mr_schema *schema, const json_t *json, mr_cell *ret)
{
    m->depth++;
    *ret = (mr_cell){.type = (uint8_t)schema->type};
    bool ok = make_value(m, schema, json, ret);
    m->depth--;
    return ok;
}

static mr_status make_pending(parser *p, mr_pending_default *pending, int depth)
{
    if (pending->state == MR_DEFAULT_MADE) {
        return MR_OK;
    }
    mr_field *field = pending->field;
    making m = {.p = p, .depth = depth};
    mr_cell *cell = mr_arena_alloc(p->tree->arena, sizeof *cell);
    pending->state = MR_DEFAULT_BUSY;
    if (!charge(&m, 1) || !make(&m, field->schema, pending->json, cell)) {
        p->field = field->name;
        return m.broken ? MR_FATAL
                        : mr_schema_bad(p, "the default of field \"%s\" does not fit its type: %s",
                                        field->name, m.wrong);
    }
    pending->state = MR_DEFAULT_MADE;
    pending->cells = m.cells;
    field->dflt = cell;
    return MR_OK;
}

mr_status mr_schema_make_defaults(parser *p)
{
    mr_status status = MR_OK;
    for (size_t i = 0; !status && i < p->pending_count; i++) {
        if (p->pending[i].json) {
            status = make_pending(p, &p->pending[i], 0);
        }
    }
    return status;
}

/* --- Back to JSON ----------------------------------------------------------------------------- */

static json_t *bytes_json(const mr_cell *cell)
{
    char *text = malloc(2 * (size_t)cell->len + 1);
    size_t used = 0;
    for (uint32_t i = 0; text && i < cell->len; i++) {
        unsigned char byte = (unsigned char)cell->as.text[i];
        if (byte < 0x80) {
            text[used++] = (char)byte;
        } else {
            text[used++] = (char)(0xc0 | byte >> 6);
            text[used++] = (char)(0x80 | (byte & 0x3f));
        }
    }
    json_t *json = text ? json_stringn(text, used) : NULL;
    free(text);
    return json;
}

static json_t *members_json(const mr_schema *schema, const mr_cell *cell)
{
    bool array = schema->base == MR_ARRAY;
    json_t *json = array ? json_array() : json_object();
    for (uint32_t i = 0; i < cell->len; i++) {
        const mr_cell *at = cell->as.cells;
        if (array) {
            json_array_append_new(json, mr_schema_default_json(schema->items, &at[i]));
        } else if (schema->base == MR_MAP) {
            /* Keys of defaults are NUL-terminated: schema_default.c made them. */
            json_object_set_new(json, at[2 * i].as.text,
                                mr_schema_default_json(schema->items, &at[2 * i + 1]));
        } else {
            json_object_set_new(json, schema->fields[i].name,
                                mr_schema_default_json(schema->fields[i].schema, &at[i]));
        }
    }
    return json;
}

json_t *mr_schema_default_json(const mr_schema *schema, const mr_cell *cell)
{
    switch (schema->base) {
    case MR_NULL:
        return json_null();
    case MR_BOOL:
        return json_boolean(cell->as.i);
    case MR_INT:
    case MR_LONG:
        return json_integer(cell->as.i);
    case MR_FLOAT:
    case MR_DOUBLE:
        return json_real(cell->as.d);
    case MR_STRING:
    case MR_ENUM:
        return json_stringn(cell->as.text, cell->len);
    case MR_BYTES:
    case MR_FIXED:
        return bytes_json(cell);
    case MR_UNION:
        return mr_schema_default_json(schema->branches[cell->branch], cell);
    default:
        return members_json(schema, cell);
    }
}
