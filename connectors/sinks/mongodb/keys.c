/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key of a record, as BSON: what finds its document, and becomes its _id where it is made of
 * the key. A delete may have lost its value; then the image before, the record's own key and what
 * its message says about it are asked, in this order.
 *
 * MongoDB takes 1, 1.0 and NumberLong(1) for one key, so keys are compared in a form in which they
 * are equal. Where that form is finer than the server's idea (a collation, decimals beside
 * doubles), the server says so and the epoch is done again with care (errors.c).
 */
#include <jansson.h>
#include <stdlib.h>

#include "base/json.h"
#include "codec/change.h"
#include "codec/text.h"
#include "sinks/mongodb/mongodb.h"

enum { KIND_NUMBER, KIND_OTHER_TYPES = 1 /* + mr_bson_type */ };

bool mdb_is_delete(const mr_record *record)
{
    return record->op == MR_OP_DELETE || !record->value;
}

/* --- A form to compare --- */

static void add_ordered(mr_buffer *out, uint64_t v)
{
    v = htobe64(v);
    mr_buffer_add(out, &v, sizeof v);
}

/* As bytes, in the order of the values: first the nearest double, then what it lacks. */
static void add_number(double d, int64_t i, mr_buffer *out)
{
    int64_t bits;
    d = d == 0 ? 0 : d; /* -0 is 0 */
    if (d != d) {
        d = __builtin_nan(""); /* one NaN */
    }
    memcpy(&bits, &d, sizeof bits);
    add_ordered(out, (uint64_t)(bits < 0 ? ~bits : bits ^ INT64_MIN));
    add_ordered(out, (uint64_t)i ^ UINT64_C(0x8000000000000000));
}

static bool is_integral(double d)
{
    return d >= -9223372036854775808.0 && d < 9223372036854775808.0 && d == (double)(int64_t)d;
}

static void add_decimal(mr_slice value, mr_buffer *out)
{
    char text[MR_DECIMAL128_TEXT_BYTES + 1];
    size_t len = mr_decimal128_text(value.data, text);
    text[len] = '\0';
    char *end;
    double d = strtod(text, &end);
    long long i = 0;
    if (strspn(text, "-0123456789") == len && len < 19) {
        i = strtoll(text, NULL, 10);
    }
    add_number(d, i, out);
    if (!is_integral(d)) { /* what a double can not tell apart */
        mr_buffer_add(out, text, len);
    }
}

static void add_order(uint8_t type, mr_slice value, mr_buffer *out)
{
    mr_bson_element element = {.type = type, .value = value};
    double d;
    switch (type) {
    case MR_BSON_INT32:
    case MR_BSON_INT64:
        add_number((double)mr_bson_int(&element), mr_bson_int(&element), out);
        break;
    case MR_BSON_DOUBLE:
        d = mr_bson_double(&element);
        add_number(d, is_integral(d) ? (int64_t)d : 0, out);
        break;
    case MR_BSON_DECIMAL128:
        add_decimal(value, out);
        break;
    case MR_BSON_STRING:
        mr_buffer_add(out, mr_bson_text(&element).data, mr_bson_text(&element).len);
        break;
    case MR_BSON_DATE:
        add_ordered(out, (uint64_t)mr_bson_int(&element) ^ UINT64_C(0x8000000000000000));
        break;
    default:
        mr_buffer_add(out, value.data, value.len);
        break;
    }
}

static bool is_number(uint8_t type)
{
    return type == MR_BSON_INT32 || type == MR_BSON_INT64 || type == MR_BSON_DOUBLE ||
           type == MR_BSON_DECIMAL128;
}

static uint8_t kind_of(uint8_t type)
{
    return is_number(type) ? KIND_NUMBER : (uint8_t)(KIND_OTHER_TYPES + type);
}

/* Parts of a key of several fields: each with its kind and, behind it, its length, so that
 * ("a", "bc") is not ("ab", "c"). */
static void add_parts(mr_slice document, mr_buffer *out)
{
    mr_bson_element element;
    for (size_t cursor = 0; mr_bson_next(document, &cursor, &element);) {
        size_t before = out->len;
        mr_buffer_add_char(out, (char)kind_of(element.type));
        add_order(element.type, element.value, out);
        add_ordered(out, out->len - before);
    }
}

void mdb_key_make(uint8_t type, mr_slice value, mr_arena *arena, mr_buffer *room, mdb_key *ret)
{
    *ret = (mdb_key){.type = type, .kind = kind_of(type)};
    ret->value = (mr_slice){mr_arena_copy(arena, value.data, value.len), value.len};
    if (type == MR_BSON_STRING) { /* lies in the value */
        mr_bson_element element = {.type = type, .value = ret->value};
        ret->order = mr_bson_text(&element);
        return;
    }
    mr_buffer_clear(room);
    if (type == MR_BSON_DOCUMENT) {
        add_parts(value, room);
    } else {
        add_order(type, value, room);
    }
    ret->order = (mr_slice){mr_arena_copy(arena, room->data, room->len), room->len};
}

int mdb_key_compare(const mdb_key *a, const mdb_key *b)
{
    size_t len = a->order.len < b->order.len ? a->order.len : b->order.len;
    int order = len ? memcmp(a->order.data, b->order.data, len) : 0;
    if (order) {
        return order;
    }
    if (a->order.len != b->order.len) {
        return a->order.len < b->order.len ? -1 : 1;
    }
    return (a->kind > b->kind) - (a->kind < b->kind);
}

/* --- Finding the fields --- */

/* The key fields found so far, as a document under construction. */
typedef struct search {
    mdb_target *target;
    mr_buffer *out;
    size_t begun;
    const char *missing; /* the first field that was not there */
    bool null;           /* it was, but null */
} search;

static void restart(search *s)
{
    mr_buffer_clear(s->out);
    s->begun = mr_bson_begin(s->out);
}

static mr_status take_cells(search *s, const mr_schema *schema, const mr_cell *cell, bool *found,
                            mr_error *err)
{
    const mr_list *fields = s->target->fields;
    const mdb_shape *shape;
    mr_status status = mdb_shape_get(s->target, schema, &shape, err);
    restart(s);
    *found = false;
    for (size_t i = 0; i < fields->count && status == MR_OK; i++) {
        int at = shape->keys[i];
        const mr_cell *value = at < 0 ? NULL : &cell->as.cells[at];
        if (!value || value->type == MR_NULL) {
            s->missing = s->missing ? s->missing : fields->items[i];
            s->null = s->null || value;
            return MR_OK;
        }
        status =
            mr_bson_encode_field(shape->encoder, (size_t)at, fields->items[i], value, s->out, err);
    }
    *found = true;
    return status;
}

static bool take_document(search *s, mr_slice document)
{
    const mr_list *fields = s->target->fields;
    restart(s);
    for (size_t i = 0; i < fields->count; i++) {
        mr_bson_element element;
        bool there = mr_bson_find(document, fields->items[i], &element);
        if (!there || element.type == MR_BSON_NULL || element.type == MR_BSON_UNDEFINED) {
            s->missing = s->missing ? s->missing : fields->items[i];
            s->null = s->null || there;
            return false;
        }
        mr_bson_add_as(s->out, fields->items[i], &element);
    }
    return true;
}

/* A key that is no record is the value of the one key field. */
static mr_status take_key(search *s, const mr_batch *batch, const mr_cell *key, bool *found,
                          mr_error *err)
{
    if (key->type == MR_RECORD) {
        return take_cells(s, mr_schema_strip_null(batch->key_schema), key, found, err);
    }
    *found = key->type != MR_NULL && s->target->fields->count == 1;
    if (!*found) {
        return MR_OK;
    }
    restart(s);
    mr_bson_encoder *encoder = mr_bson_encoder_new(batch->key_schema);
    mr_status status = mr_bson_encode_value(encoder, s->target->fields->items[0], key, s->out, err);
    mr_bson_encoder_free(encoder);
    return status;
}

static bool take_header(search *s, const mr_record *record, mr_status *status, mr_error *err)
{
    for (uint32_t i = 0; i < record->header_count; i++) {
        const mr_header *h = &record->headers[i];
        if (strcmp(h->name, MR_HEADER_KEY_BSON) == 0 && h->value.data) {
            *status = mr_bson_check(h->value.data, h->value.len, err);
            return *status == MR_OK && take_document(s, h->value);
        }
    }
    return false;
}

static bool add_json(mr_buffer *out, const char *name, const json_t *value)
{
    if (json_is_string(value)) {
        mr_bson_add_text(out, name, json_string_value(value), json_string_length(value));
    } else if (json_is_integer(value)) {
        mr_bson_add_int64(out, name, json_integer_value(value));
    } else if (json_is_real(value)) {
        mr_bson_add_double(out, name, json_real_value(value));
    } else if (json_is_boolean(value)) {
        mr_bson_add_bool(out, name, json_is_true(value));
    } else {
        return false;
    }
    return true;
}

/* The message's key is text: of one field the value, of several a JSON array. */
static bool take_text(search *s, mr_slice text)
{
    const mr_list *fields = s->target->fields;
    if (!text.data || !mr_utf8_valid(text.data, text.len)) {
        return false;
    }
    restart(s);
    if (fields->count == 1) {
        mr_bson_add_text(s->out, fields->items[0], text.data, text.len);
        return true;
    }
    json_auto_t *array = json_loadb(text.data, text.len, 0, NULL);
    if (!json_is_array(array) || json_array_size(array) != fields->count) {
        return false;
    }
    for (size_t i = 0; i < fields->count; i++) {
        if (!add_json(s->out, fields->items[i], json_array_get(array, i))) {
            return false;
        }
    }
    return true;
}

static mr_status search_value(search *s, const mr_batch *batch, const mr_record *record,
                              bool *found, mr_error *err)
{
    mr_slice carried;
    mr_status status = mdb_document_carried(batch, record, &carried, err);
    if (status == MR_OK && carried.data) {
        *found = take_document(s, carried);
        return MR_OK;
    }
    if (status == MR_OK && record->value && record->value->type == MR_RECORD) {
        status = take_cells(s, mr_schema_strip_null(batch->schema), record->value, found, err);
    }
    return status;
}

/* All places where the key of a deleted document may be. */
static mr_status search_delete(search *s, const mr_batch *batch, const mr_record *record,
                               bool *found, mr_error *err)
{
    mr_status status = search_value(s, batch, record, found, err);
    if (status == MR_OK && !*found && record->before && record->before->type == MR_RECORD) {
        status = take_cells(s, mr_schema_strip_null(batch->schema), record->before, found, err);
    }
    if (status == MR_OK && !*found && record->key && batch->key_schema) {
        status = take_key(s, batch, record->key, found, err);
    }
    if (status == MR_OK && !*found) {
        *found = take_header(s, record, &status, err);
    }
    if (status == MR_OK && !*found) {
        *found = take_text(s, record->raw_key);
    }
    return status;
}

static mr_status missing(const search *s, mr_error *err)
{
    const char *field = s->missing ? s->missing : s->target->fields->items[0];
    const char *option =
        s->target->options->mode == MDB_UPDATE_MANY ? "match.fields" : "key.fields";
    mr_status status = mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
                               "field %s is part of the key (%s), and is %s: a document without a "
                               "key can not be found again",
                               field, option, s->null ? "null" : "not there");
    mr_error_code(err, 0, "NO_KEY");
    mr_error_field(err, field);
    return status;
}

/* What MongoDB takes for no _id, or for something to be looked into. */
static mr_status check_parts(mr_slice document, mr_error *err)
{
    mr_bson_element element, first;
    size_t cursor = 0;
    while (mr_bson_next(document, &cursor, &element)) {
        const char *why = NULL;
        if (element.type == MR_BSON_ARRAY) {
            why = "an array";
        } else if (element.type == MR_BSON_REGEX) {
            why = "a regular expression";
        } else if (element.type == MR_BSON_NULL || element.type == MR_BSON_UNDEFINED) {
            why = "null";
        } else if (element.type == MR_BSON_DOCUMENT) {
            size_t inner = 0;
            bool any = mr_bson_next(mr_bson_document(&element), &inner, &first);
            why = any && first.name.len && *first.name.data == '$' ? "a document of operators ($)"
                                                                   : NULL;
        }
        if (why) {
            mr_status status = mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
                                       "field %s is part of the key, but %s can be no key",
                                       element.name.data, why);
            mr_error_code(err, 0, "NO_KEY");
            mr_error_field(err, element.name.data);
            return status;
        }
    }
    return MR_OK;
}

mr_status mdb_key_of(mdb_sink *sink, mdb_target *target, const mr_batch *batch,
                     const mr_record *record, mdb_key *ret, mr_error *err)
{
    search s = {.target = target, .out = &sink->scratch};
    bool found = false;
    bool deletes = mdb_is_delete(record) || target->options->mode == MDB_DELETE;
    mr_status status = deletes ? search_delete(&s, batch, record, &found, err)
                               : search_value(&s, batch, record, &found, err);
    if (status == MR_OK && !found) {
        status = missing(&s, err);
    }
    if (status != MR_OK) {
        return status;
    }
    mr_bson_end(s.out, s.begun);
    mr_slice document = {s.out->data, s.out->len};
    status = check_parts(document, err);
    if (status != MR_OK) {
        return status;
    }
    mr_bson_element element = {.type = MR_BSON_DOCUMENT, .value = document};
    if (target->fields->count == 1) {
        size_t cursor = 0;
        (void)mr_bson_next(document, &cursor, &element);
    }
    mdb_key_make(element.type, element.value, mr_task_arena(sink->task), &sink->statement, ret);
    return MR_OK;
}
