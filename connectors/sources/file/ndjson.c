/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan has a slot per field; records, arrays and maps have the slots of what is in them, made
 * once per schema node, so that a record that holds itself is a circle of slots. The depth of the
 * line bounds the walk.
 */
#include "ndjson.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "codec/csv.h"
#include "codec/schema.h"
#include "number.h"
#include "value.h"

typedef struct slot {
    file_column column;
    struct slot *inside; /* record: one per field; array, map: one */
    size_t count;
} slot;

struct file_json_plan {
    slot root;
    file_texts texts;
    slot **inside; /* by schema id, node_count of them */
    uint32_t node_count;
};

/* --- the plan --- */

static mr_status slot_init(file_json_plan *plan, const mr_field *field, const mr_schema *schema,
                           slot *ret, mr_error *err);

static mr_status slots_inside(file_json_plan *plan, const mr_field *field, const mr_schema *schema,
                              slot *ret, mr_error *err)
{
    bool record = schema->type == MR_RECORD;
    ret->count = record ? schema->field_count : 1;
    if (plan->inside[schema->id]) {
        ret->inside = plan->inside[schema->id];
        return MR_OK;
    }
    ret->inside = plan->inside[schema->id] = mr_calloc(ret->count + 1, sizeof *ret->inside);
    mr_status status = MR_OK;
    for (size_t i = 0; i < ret->count && status == MR_OK; i++) {
        const mr_field *inner = record ? &schema->fields[i] : field;
        const mr_schema *type = record ? inner->schema : schema->items;
        status = slot_init(plan, inner, type, &ret->inside[i], err);
    }
    return status;
}

static mr_status slot_init(file_json_plan *plan, const mr_field *field, const mr_schema *schema,
                           slot *ret, mr_error *err)
{
    const mr_schema *plain = mr_schema_strip_null(schema);
    file_column *c = &ret->column;
    *c = (file_column){.field = field, .schema = plain, .type = (uint8_t)plain->type, .source = -1};
    if (plain->type == MR_UNION) {
        mr_fail(err, MR_FATAL, MR_DOMAIN_SCHEMA,
                "field \"%s\" is a union of several types, and JSON does not say which one a value "
                "is of; use one type, or null and one type",
                field->name);
        mr_error_field(err, field->name);
        if (err) {
            err->permanent = true;
        }
        return MR_FATAL;
    }
    if (plain != schema) {
        c->nullable = true;
        for (size_t i = 0; i < schema->branch_count; i++) {
            bool null = schema->branches[i]->type == MR_NULL;
            *(null ? &c->null_branch : &c->branch) = (uint8_t)i;
        }
    }
    bool nested = plain->type == MR_RECORD || plain->type == MR_ARRAY || plain->type == MR_MAP;
    return nested ? slots_inside(plan, field, plain, ret, err) : MR_OK;
}

mr_status file_json_plan_new(const mr_schema *schema, const file_texts *texts, file_json_plan **ret,
                             mr_error *err)
{
    static const mr_field whole = {.name = "the record"};
    file_json_plan *plan = mr_calloc(1, sizeof *plan);
    plan->texts = *texts;
    plan->texts.null_text = (mr_slice){"", SIZE_MAX}; /* JSON has a null */
    plan->texts.null_texts = (mr_list){0};
    plan->node_count = mr_schema_node_count(schema);
    plan->inside = mr_calloc(plan->node_count, sizeof *plan->inside);
    mr_status status = slot_init(plan, &whole, schema, &plan->root, err);
    if (status != MR_OK) {
        file_json_plan_free(plan);
        return status;
    }
    *ret = plan;
    return MR_OK;
}

void file_json_plan_free(file_json_plan *plan)
{
    if (plan) {
        for (uint32_t i = 0; i < plan->node_count; i++) {
            free(plan->inside[i]);
        }
        free(plan->inside);
        free(plan);
    }
}

/* --- a line --- */

typedef struct filling {
    mr_slice line;
    const file_texts *texts;
    mr_arena *arena;
    uint32_t at; /* of what was refused */
    mr_error *err;
} filling;

static mr_status refuse(filling *f, const slot *s, const file_json *v, const char *why)
{
    f->at = v->at;
    mr_fail(f->err, MR_REJECT, MR_DOMAIN_RECORD,
            "\"%s\": %s %s; the schema says %s%s. Correct the line, or give a `schema` with a type "
            "that fits",
            s->column.field->name, file_json_kind(v), why, mr_type_name((mr_type)s->column.type),
            s->column.nullable ? " or null" : "");
    mr_error_field(f->err, s->column.field->name);
    return MR_REJECT;
}

static bool is_time(mr_type type)
{
    return type == MR_DATE || type == MR_TIME_MS || type == MR_TIME_US || type == MR_TIMESTAMP_MS ||
           type == MR_TIMESTAMP_US || type == MR_LOCAL_TIMESTAMP_MS ||
           type == MR_LOCAL_TIMESTAMP_US;
}

/* A number for a date or time: as Avro counts it. */
static mr_status fill_count(filling *f, const slot *s, const file_json *v, mr_cell *ret)
{
    const file_column *c = &s->column;
    *ret = (mr_cell){.type = c->type, .branch = c->branch};
    if (file_parse_int64(f->line.data + v->at, v->len, &ret->as.i) != FILE_NUMBER_OK) {
        return refuse(f, s, v, "is not whole or out of range");
    }
    bool small = c->type == MR_DATE || c->type == MR_TIME_MS;
    if (small && (ret->as.i < INT32_MIN || ret->as.i > INT32_MAX)) {
        return refuse(f, s, v, "is out of range");
    }
    return MR_OK;
}

static mr_status fill_scalar(filling *f, const slot *s, const file_json *v, mr_cell *ret)
{
    const file_column *c = &s->column;
    bool nested = v->type == FILE_JSON_ARRAY || v->type == FILE_JSON_OBJECT;
    if (c->type == MR_NULL || (nested && c->type != MR_STRING)) {
        return refuse(f, s, v, "does not fit");
    }
    if (v->type == FILE_JSON_NUMBER && is_time((mr_type)c->type)) {
        return fill_count(f, s, v, ret);
    }
    mr_csv_field text = {.data = f->line.data + v->at, .len = v->len};
    if (v->type == FILE_JSON_STRING) {
        text =
            (mr_csv_field){.data = v->string.data, .len = (uint32_t)v->string.len, .quoted = true};
    }
    mr_status status = file_convert(c, &text, f->texts, f->arena, ret, f->err);
    if (status != MR_OK) {
        f->at = v->at;
    }
    return status;
}

bool file_json_name_fits(mr_slice member, const char *field)
{
    size_t i = 0;
    if (member.len && member.data[0] >= '0' && member.data[0] <= '9' && *field++ != '_') {
        return false;
    }
    for (; i < member.len && field[i]; i++) {
        char c = member.data[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if ((good ? c : '_') != field[i]) {
            return false;
        }
    }
    return i == member.len && !field[i];
}

bool file_json_has_names(const file_json *object)
{
    const file_json *m = object->first;
    while (m && !file_json_name_usable(m->key)) {
        m = m->next;
    }
    return m != NULL;
}

static bool fits(mr_slice member, const mr_field *field)
{
    bool found = file_json_name_fits(member, field->name);
    for (size_t i = 0; i < field->alias_count && !found; i++) {
        found = file_json_name_fits(member, field->aliases[i]);
    }
    return found;
}

/* The field that a member fills: usually the one after the last. count: none. */
static size_t field_of(const slot *s, mr_slice member, size_t hint)
{
    for (size_t step = 0; step < s->count; step++) {
        size_t i = hint + step < s->count ? hint + step : hint + step - s->count;
        if (fits(member, s->inside[i].column.field)) {
            return i;
        }
    }
    return s->count;
}

static mr_status fill(filling *f, const slot *s, const file_json *v, mr_cell *ret);

static mr_status fill_absent(filling *f, const slot *s, const file_json *record, mr_cell *ret)
{
    const file_column *c = &s->column;
    if (c->field->dflt) {
        *ret = *c->field->dflt;
        return MR_OK;
    }
    if (c->nullable || c->type == MR_NULL) {
        *ret = (mr_cell){.type = MR_NULL, .branch = c->null_branch};
        return MR_OK;
    }
    f->at = record->at;
    mr_fail(f->err, MR_REJECT, MR_DOMAIN_RECORD,
            "there is no \"%s\", and the schema gives that field neither a default nor null",
            c->field->name);
    mr_error_field(f->err, c->field->name);
    return MR_REJECT;
}

static mr_status fill_record(filling *f, const slot *s, const file_json *v, mr_cell *ret)
{
    if (v->type != FILE_JSON_OBJECT) {
        return refuse(f, s, v, "is no object");
    }
    mr_cell *cells = mr_arena_alloc(f->arena, s->count * sizeof *cells);
    bool *filled = mr_arena_calloc(f->arena, s->count, sizeof *filled);
    size_t hint = 0;
    mr_status status = MR_OK;
    for (const file_json *m = v->first; m && status == MR_OK; m = m->next) {
        size_t i = field_of(s, m->key, hint);
        if (i == s->count) {
            continue;
        }
        if (filled[i]) {
            return refuse(f, &s->inside[i], m, "stands there a second time");
        }
        filled[i] = true;
        status = fill(f, &s->inside[i], m, &cells[i]);
        hint = i + 1 < s->count ? i + 1 : 0;
    }
    for (size_t i = 0; i < s->count && status == MR_OK; i++) {
        if (!filled[i]) {
            status = fill_absent(f, &s->inside[i], v, &cells[i]);
        }
    }
    *ret = (mr_cell){.type = MR_RECORD,
                     .branch = s->column.branch,
                     .len = (uint32_t)s->count,
                     .as.cells = cells};
    return status;
}

/* An array, or a map with a key before each value. */
static mr_status fill_items(filling *f, const slot *s, const file_json *v, mr_cell *ret)
{
    bool map = s->column.type == MR_MAP;
    if (v->type != (map ? FILE_JSON_OBJECT : FILE_JSON_ARRAY)) {
        return refuse(f, s, v, map ? "is no object" : "is no array");
    }
    size_t each = map ? 2 : 1;
    mr_cell *cells = mr_arena_alloc(f->arena, (v->count * each + 1) * sizeof *cells), *next = cells;
    mr_status status = MR_OK;
    for (const file_json *item = v->first; item && status == MR_OK; item = item->next) {
        if (map) {
            *next++ = (mr_cell){
                .type = MR_STRING, .len = (uint32_t)item->key.len, .as.text = item->key.data};
        }
        status = fill(f, &s->inside[0], item, next++);
    }
    *ret = (mr_cell){
        .type = s->column.type, .branch = s->column.branch, .len = v->count, .as.cells = cells};
    return status;
}

static mr_status fill(filling *f, const slot *s, const file_json *v, mr_cell *ret)
{
    const file_column *c = &s->column;
    if (v->type == FILE_JSON_NULL) {
        *ret = (mr_cell){.type = MR_NULL, .branch = c->null_branch};
        return c->nullable || c->type == MR_NULL ? MR_OK : refuse(f, s, v, "does not fit");
    }
    if (c->type == MR_RECORD) {
        return fill_record(f, s, v, ret);
    }
    if (c->type == MR_ARRAY || c->type == MR_MAP) {
        return fill_items(f, s, v, ret);
    }
    return fill_scalar(f, s, v, ret);
}

static mr_status not_text(mr_slice line, uint32_t *at, mr_error *err)
{
    size_t fault = file_texts_fault(line.data, line.len);
    unsigned byte = fault < line.len ? (unsigned char)line.data[fault] : 0;
    *at = (uint32_t)fault;
    return byte ? mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
                          "the line is not valid UTF-8: its byte %zu is 0x%02X; " FILE_NOT_UTF8,
                          fault + 1, byte)
                : mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
                          "there is a NUL byte, byte %zu of the line; " FILE_NOT_UTF8, fault + 1);
}

mr_status file_json_fill(const file_json_plan *plan, mr_slice line, mr_arena *arena, mr_cell *ret,
                         int64_t *column, mr_error *err)
{
    while (line.len && (line.data[line.len - 1] == '\n' || line.data[line.len - 1] == '\r')) {
        line.len--;
    }
    filling f = {.line = line, .arena = arena, .err = err};
    const file_json *root = NULL;
    mr_status status;
    if (!mr_csv_text_valid(line.data, line.len)) {
        status = not_text(line, &f.at, err);
    } else {
        status = file_json_parse(line.data, line.len, arena, &root, &f.at, err);
    }
    if (status == MR_OK && root->type != FILE_JSON_OBJECT) {
        f.at = root->at;
        status = mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
                         "the line is %s; each line must be one JSON object. An array of objects "
                         "becomes such lines with jq -c '.[]'",
                         file_json_kind(root));
    }
    if (status == MR_OK && !plan && !file_json_has_names(root)) {
        status = mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
                         "the object has no members, and there is no schema yet; give a `schema`");
    }
    if (status == MR_OK && plan) {
        f.texts = &plan->texts;
        status = fill(&f, &plan->root, root, ret);
    }
    *column = status == MR_OK ? 0 : file_json_column(line.data, f.at);
    return status;
}
