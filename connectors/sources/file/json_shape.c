/* SPDX-License-Identifier: Apache-2.0 */
/* JSON says more of a value than CSV does: a text is a text, also of digits; only dates and times
 * are looked for in it. For numbers the rules are those of infer.h. */
#include "json_shape.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "kinds.h"
#include "ndjson.h"
#include "number.h"

/* A member, or the elements of an array, or the whole line. */
typedef struct node {
    const char *title, *name; /* elements: "" */
    unsigned could_be;
    int64_t met, filled;        /* how often it stood there, and was not null */
    int64_t objects;            /* that were learned from */
    uint64_t seen_in;           /* the object that it was met in last */
    struct node *first, *next;  /* what is in it, and what stands beside it */
    struct node *last, *hint;   /* of what is in it; hint: usually the next */
    size_t count;               /* of these */
    file_survey_column *column; /* NULL: nobody asks */
} node;

struct file_shape {
    bool nested;
    const file_texts *texts;
    file_survey *survey;
    mr_arena *arena;
    node root;
    size_t nodes, made; /* that count, and that ever were */
    uint64_t objects;
    int64_t line;
    mr_slice text; /* of the line */
};

file_shape *file_shape_new(bool nested, const file_texts *texts, file_survey *survey)
{
    file_shape *shape = mr_calloc(1, sizeof *shape);
    shape->nested = nested;
    shape->texts = texts;
    shape->survey = survey;
    shape->arena = mr_arena_new();
    shape->root.could_be = FILE_COULD_BE_RECORD;
    return shape;
}

void file_shape_free(file_shape *shape)
{
    if (shape) {
        mr_arena_free(shape->arena);
        free(shape);
    }
}

bool file_shape_known(const file_shape *shape)
{
    return shape->root.count > 0;
}

/* --- Types --- */

static unsigned number_kinds(const char *text, size_t len)
{
    size_t digits = 0;
    bool whole = true;
    for (size_t i = 0; i < len; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        digits += digit;
        whole &= digit || (text[i] == '-' && !i);
    }
    if (!whole) {
        double value;
        return digits <= 17 && file_parse_double(text, len, &value) == FILE_NUMBER_OK
                   ? FILE_COULD_BE_DOUBLE
                   : 0;
    }
    return file_kinds_of_integer(digits);
}

static unsigned kinds_of(const file_shape *shape, const file_json *v)
{
    switch (v->type) {
    case FILE_JSON_FALSE:
    case FILE_JSON_TRUE:
        return FILE_COULD_BE_BOOLEAN;
    case FILE_JSON_NUMBER:
        return number_kinds(shape->text.data + v->at, v->len);
    case FILE_JSON_STRING:
        return v->string.len ? file_kinds_of_time(v->string.data, v->string.len, shape->texts) : 0;
    case FILE_JSON_OBJECT:
        return shape->nested ? FILE_COULD_BE_RECORD : 0;
    case FILE_JSON_ARRAY:
        return shape->nested ? FILE_COULD_BE_ARRAY : 0;
    default:
        return 0;
    }
}

/* The type that the values so far speak for. A record needs a field. */
static const file_kind_type *narrowest(const node *n)
{
    const file_kind_type *type = file_kind_narrowest(n->filled ? n->could_be : 0);
    return type->kind == FILE_COULD_BE_RECORD && !n->count ? file_kind_narrowest(0) : type;
}

static const char *type_name(const node *n)
{
    return file_kind_name(narrowest(n));
}

/* --- Learning --- */

static char *avro_name(mr_arena *arena, mr_slice title)
{
    bool digit = title.data[0] >= '0' && title.data[0] <= '9';
    char *name = mr_arena_format(arena, "%s%.*s", digit ? "_" : "", (int)title.len, title.data);
    for (char *p = name; *p; p++) {
        bool good =
            (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');
        *p = good ? *p : '_';
    }
    return name;
}

static bool full(const file_shape *shape)
{
    return shape->nodes >= FILE_COLUMNS_MAX || shape->made >= (size_t)16 * FILE_COLUMNS_MAX;
}

static node *add(file_shape *shape, node *parent, const char *title, const char *name)
{
    node *n = mr_arena_calloc(shape->arena, 1, sizeof *n);
    *n = (node){.title = title, .name = name, .could_be = FILE_COULD_BE_ANYTHING};
    if (shape->survey) {
        n->column = mr_arena_calloc(shape->arena, 1, sizeof *n->column);
    }
    *(parent->last ? &parent->last->next : &parent->first) = n;
    parent->last = n;
    parent->count++;
    shape->nodes++;
    shape->made++;
    return n;
}

/* What is in it does not count any more. */
static void empty(file_shape *shape, node *n)
{
    for (node *c = n->first; c; c = c->next) {
        empty(shape, c);
        shape->nodes--;
    }
    n->first = n->last = n->hint = NULL;
    n->count = 0;
}

static node *after(const node *parent, const node *n)
{
    return n && n->next ? n->next : parent->first;
}

/* NULL: it fills no field. */
static node *member_of(file_shape *shape, node *parent, mr_slice title)
{
    node *n = parent->hint ? parent->hint : parent->first;
    for (size_t i = 0; i < parent->count; i++, n = after(parent, n)) {
        if (file_json_name_fits(title, n->name)) {
            parent->hint = after(parent, n);
            return n;
        }
    }
    if (!file_json_name_usable(title) || full(shape)) {
        return NULL;
    }
    parent->hint = NULL;
    return add(shape, parent, mr_arena_strndup(shape->arena, title.data, title.len),
               avro_name(shape->arena, title));
}

static node *elements_of(file_shape *shape, node *array)
{
    if (!array->first && !full(shape)) {
        add(shape, array, "", "");
    }
    return array->first;
}

/* Is it worth looking into? */
static bool opens(const file_shape *shape, const node *n, const file_json *v, int depth)
{
    unsigned kind = kinds_of(shape, v) & (FILE_COULD_BE_RECORD | FILE_COULD_BE_ARRAY);
    return kind & n->could_be && depth < FILE_SHAPE_NESTED_MAX;
}

/* Makes the nodes; false: two members of an object are one. */
static bool admit(file_shape *shape, node *n, const file_json *v, int depth, mr_slice *twice)
{
    uint64_t object = ++shape->objects;
    bool record = v->type == FILE_JSON_OBJECT, good = true;
    for (const file_json *m = v->first; m && good; m = m->next) {
        node *c = record ? member_of(shape, n, m->key) : elements_of(shape, n);
        if (c && record && c->seen_in == object) {
            *twice = m->key;
            return false;
        }
        if (c) {
            c->seen_in = object;
            good = !opens(shape, c, m, depth) || admit(shape, c, m, depth + 1, twice);
        } else if (n != &shape->root) {
            n->could_be = 0; /* nothing is left out but of the whole */
        }
    }
    if (n != &shape->root && record && n->count > FILE_SHAPE_MEMBERS_MAX) {
        n->could_be = 0;
    }
    return good;
}

static void learn_inside(file_shape *shape, node *n, const file_json *v, int depth);

static void learn(file_shape *shape, node *n, const file_json *v, int depth)
{
    n->met++;
    if (v->type == FILE_JSON_NULL) {
        return;
    }
    bool open = opens(shape, n, v, depth);
    bool nest = v->type == FILE_JSON_OBJECT || v->type == FILE_JSON_ARRAY;
    n->filled++;
    n->could_be &= nest && !open ? 0 : kinds_of(shape, v);
    if (open) {
        learn_inside(shape, n, v, depth + 1);
    } else if (!n->could_be) {
        empty(shape, n);
    }
    if (n->column) {
        mr_csv_field text = {.data = shape->text.data + v->at, .len = v->len};
        if (v->type == FILE_JSON_STRING) {
            text = (mr_csv_field){.data = v->string.data, .len = (uint32_t)v->string.len};
        }
        file_survey_value(n->column, &(file_sight){shape->line, &text, shape->texts, type_name(n)});
    }
}

static void learn_inside(file_shape *shape, node *n, const file_json *v, int depth)
{
    bool record = v->type == FILE_JSON_OBJECT;
    n->objects += record;
    for (const file_json *m = v->first; m; m = m->next) {
        node *c = record ? member_of(shape, n, m->key) : elements_of(shape, n);
        if (c) {
            learn(shape, c, m, depth);
        }
    }
}

bool file_shape_learn(file_shape *shape, int64_t line, mr_slice text, const file_json *object,
                      mr_slice *twice)
{
    shape->line = line;
    shape->text = text;
    if (!admit(shape, &shape->root, object, 0, twice)) {
        return false;
    }
    learn_inside(shape, &shape->root, object, 0);
    return true;
}

/* --- The schema --- */

typedef struct printer {
    const char *root; /* name of the record without its namespace */
    json_t *names;    /* of the records that there are */
} printer;

static json_t *type_of(printer *p, const node *n, const char *path);

static json_t *fields_of(printer *p, const node *record, const char *path)
{
    json_t *fields = json_array();
    for (const node *n = record->first; n; n = n->next) {
        mr_auto_free char *below = mr_format("%s_%s", path, n->name);
        json_t *field = json_pack("{s:s, s:[s, o], s:n}", "name", n->name, "type", "null",
                                  type_of(p, n, below), "default");
        if (strcmp(n->name, n->title) != 0) {
            json_object_set_new(field, "doc", json_string(n->title));
        }
        json_array_append_new(fields, field);
    }
    return fields;
}

/* A name from its path; a long one, or one that is taken, gets a number. */
static json_t *record_of(printer *p, const node *n, const char *path)
{
    mr_auto_free char *name = mr_strdup(path);
    for (size_t i = 1; strlen(name) > 200 || json_object_get(p->names, name); i++) {
        free(name);
        name = mr_format("%.150s__%zu", p->root, json_object_size(p->names) + i);
    }
    json_object_set_new(p->names, name, json_true());
    return json_pack("{s:s, s:s, s:o}", "type", "record", "name", name, "fields",
                     fields_of(p, n, name));
}

static json_t *array_of(printer *p, const node *n, const char *path)
{
    const node *items = n->first;
    json_t *type = items ? type_of(p, items, path) : json_string("string");
    if (items && items->met > items->filled) {
        type = json_pack("[s, o]", "null", type);
    }
    return json_pack("{s:s, s:o}", "type", "array", "items", type);
}

static json_t *type_of(printer *p, const node *n, const char *path)
{
    const file_kind_type *type = narrowest(n);
    return type->kind == FILE_COULD_BE_RECORD  ? record_of(p, n, path)
           : type->kind == FILE_COULD_BE_ARRAY ? array_of(p, n, path)
           : type->logical
               ? json_pack("{s:s, s:s}", "type", type->base, "logicalType", type->logical)
               : json_string(type->base);
}

char *file_shape_schema(const file_shape *shape, const char *record_name)
{
    const char *dot = strrchr(record_name, '.');
    json_auto_t *names = json_object();
    printer p = {.root = dot ? dot + 1 : record_name, .names = names};
    json_object_set_new(names, p.root, json_true());
    json_auto_t *root = json_pack("{s:s, s:s, s:o}", "type", "record", "name", record_name,
                                  "fields", fields_of(&p, &shape->root, p.root));
    return json_dumps(root, JSON_COMPACT);
}

/* --- The report --- */

static void tell(const file_shape *shape, const node *parent, const char *title, const char *name)
{
    mr_arena *arena = shape->survey->arena;
    const char *dot = *title ? "." : "";
    for (const node *n = parent->first; n; n = n->next) {
        bool elements = !*n->name;
        file_survey_column *c = file_survey_add(shape->survey, n->column);
        c->title = mr_arena_format(arena, "%s%s%s", title, elements ? "[]" : dot, n->title);
        c->name = mr_arena_format(arena, "%s%s%s", name, elements ? "[]" : dot, n->name);
        c->nulls = (elements ? n->met : parent->objects) - n->filled;
        c->is = type_name(n);
        if (narrowest(n)->kind & (FILE_COULD_BE_RECORD | FILE_COULD_BE_ARRAY)) {
            tell(shape, n, c->title, c->name);
        }
    }
}

void file_shape_tell(const file_shape *shape)
{
    tell(shape, &shape->root, "", "");
}
