/* SPDX-License-Identifier: Apache-2.0 */
/* JSON says more of a value than CSV does: a text is a text, also of digits; only dates and times
 * are looked for in it. For numbers the rules are those of infer.h. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "ndjson.h"
#include "number.h"
#include "when.h"

enum {
    COULD_BE_BOOLEAN = 1,
    COULD_BE_INT = 2,
    COULD_BE_LONG = 4,
    COULD_BE_DOUBLE = 8,
    COULD_BE_DATE = 16,
    COULD_BE_LOCAL = 32,
    COULD_BE_ZONED = 64,
    COULD_BE_ANYTHING = 127,
};

typedef struct member {
    char *title, *name;
    unsigned could_be;
    bool values;
} member;

typedef struct members {
    member *list;
    size_t count, capacity, hint;
} members;

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
                   ? COULD_BE_DOUBLE
                   : 0;
    }
    return digits > 18 ? 0
                       : (unsigned)((digits <= 6 ? COULD_BE_INT : 0) | COULD_BE_LONG |
                                    (digits <= 15 ? COULD_BE_DOUBLE : 0));
}

static unsigned text_kinds(mr_slice text, const file_texts *texts)
{
    file_timestamp at;
    if (!text.len || !file_texts_timestamp(texts, text.data, text.len, &at) || at.extra_ns) {
        return 0;
    }
    unsigned moment = at.zoned || texts->zone ? COULD_BE_ZONED : COULD_BE_LOCAL;
    return at.date_only ? COULD_BE_DATE | moment : moment;
}

static unsigned kinds_of(const file_json *v, mr_slice line, const file_texts *texts)
{
    switch (v->type) {
    case FILE_JSON_FALSE:
    case FILE_JSON_TRUE:
        return COULD_BE_BOOLEAN;
    case FILE_JSON_NUMBER:
        return number_kinds(line.data + v->at, v->len);
    case FILE_JSON_STRING:
        return text_kinds(v->string, texts);
    default:
        return 0;
    }
}

static char *avro_name(mr_slice title)
{
    bool digit = title.len && title.data[0] >= '0' && title.data[0] <= '9';
    char *name = mr_format("%s%.*s", digit ? "_" : "", (int)title.len, title.data);
    for (char *p = name; *p; p++) {
        bool good =
            (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');
        *p = good ? *p : '_';
    }
    return name;
}

static member *member_of(members *all, mr_slice title)
{
    for (size_t step = 0; step < all->count; step++) {
        size_t i = (all->hint + step) % all->count;
        if (file_json_name_fits(title, all->list[i].name)) {
            all->hint = i + 1;
            return &all->list[i];
        }
    }
    if (!file_json_name_usable(title) || all->count == FILE_COLUMNS_MAX) {
        return NULL; /* left out */
    }
    if (all->count == all->capacity) {
        all->capacity = all->capacity ? all->capacity * 2 : 16;
        all->list = mr_realloc_array(all->list, all->capacity, sizeof *all->list);
    }
    member *m = &all->list[all->count++];
    *m = (member){.title = mr_strndup(title.data, title.len),
                  .name = avro_name(title),
                  .could_be = COULD_BE_ANYTHING};
    all->hint = all->count;
    return m;
}

static void learn(members *all, mr_slice line, const file_json *object, const file_texts *texts)
{
    for (const file_json *v = object->first; v; v = v->next) {
        member *m = member_of(all, v->key);
        if (m && v->type != FILE_JSON_NULL) {
            m->values = true;
            m->could_be &= kinds_of(v, line, texts);
        }
    }
}

static json_t *type_of(const member *m)
{
    static const struct {
        unsigned kind;
        const char *base, *logical;
    } types[] = {
        {COULD_BE_BOOLEAN, "boolean", NULL},
        {COULD_BE_INT, "int", NULL},
        {COULD_BE_LONG, "long", NULL},
        {COULD_BE_DOUBLE, "double", NULL},
        {COULD_BE_DATE, "int", "date"},
        {COULD_BE_LOCAL, "long", "local-timestamp-micros"},
        {COULD_BE_ZONED, "long", "timestamp-micros"},
    };
    for (size_t i = 0; m->values && i < sizeof types / sizeof *types; i++) {
        if (m->could_be & types[i].kind) {
            return types[i].logical ? json_pack("{s:s, s:s}", "type", types[i].base, "logicalType",
                                                types[i].logical)
                                    : json_string(types[i].base);
        }
    }
    return json_string("string");
}

static char *schema_text(const members *all, const char *name)
{
    json_t *fields = json_array();
    for (size_t i = 0; i < all->count; i++) {
        const member *m = &all->list[i];
        json_t *field = json_pack("{s:s, s:[s, o], s:n}", "name", m->name, "type", "null",
                                  type_of(m), "default");
        if (strcmp(m->name, m->title) != 0) {
            json_object_set_new(field, "doc", json_string(m->title));
        }
        json_array_append_new(fields, field);
    }
    json_auto_t *root =
        json_pack("{s:s, s:s, s:o}", "type", "record", "name", name, "fields", fields);
    return json_dumps(root, JSON_COMPACT);
}

static mr_status look(file_reader *reader, const file_sample *sample, members *all, mr_error *err)
{
    mr_arena *arena = mr_arena_new();
    mr_status status = MR_OK;
    while (reader->offset < sample->bytes || !all->count) {
        file_item item;
        mr_cell unused;
        int64_t column;
        uint32_t at;
        const file_json *root;
        mr_error ignored;
        file_event event = file_reader_next(reader, &item);
        if (event == FILE_DRY) {
            status = reader->at_end ? MR_END : file_reader_fill(reader, err);
            if (status != MR_OK) {
                break; /* MR_REJECT: damaged; what came before counts */
            }
        } else if (event == FILE_RECORD &&
                   file_json_fill(NULL, item.input, arena, &unused, &column, &ignored) == MR_OK &&
                   file_json_parse(item.input.data, item.input.len, arena, &root, &at, &ignored) ==
                       MR_OK) {
            learn(all, item.input, root, &sample->texts);
        }
        mr_arena_reset(arena);
    }
    mr_arena_free(arena);
    return status == MR_END || status == MR_REJECT ? MR_OK : status;
}

mr_status file_infer_json(int fd, const file_format *format, const file_sample *sample, char **json,
                          mr_error *err)
{
    file_reader reader;
    members all = {0};
    *json = NULL;
    file_reader_init(&reader, format);
    file_reader_start(&reader, fd);
    reader.complete = sample->complete;
    mr_status status = file_reader_begin(&reader, err);
    if (status == MR_OK) {
        status = look(&reader, sample, &all, err);
    }
    if (status == MR_OK && all.count) {
        *json = schema_text(&all, sample->record_name);
    }
    for (size_t i = 0; i < all.count; i++) {
        free(all.list[i].title);
        free(all.list[i].name);
    }
    free(all.list);
    file_reader_release(&reader);
    return status;
}
