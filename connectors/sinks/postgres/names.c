/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which table a record goes to. The option `table` may be a template; what a placeholder stands for
 * is always a piece of one name, whatever is in it: its dots and quotes make no schema and end no
 * name. So a record can choose a table, but not more than that.
 *
 * Names are built in the form SQL wants, "public"."trips", which is also what routes are found by:
 * two records for one table always meet in one route, and so keep their order.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/options.h"
#include "sinks/postgres/postgres.h"

enum {
    NAME_LIMIT_BYTES = 64 << 10,
    IDENTIFIER_MAX_BYTES = 63, /* NAMEDATALEN - 1 */
    FIELD_NAME_MAX_BYTES = 1024,
};

/* What placeholders stand for. */
typedef struct source {
    const char *topic;
    const mr_batch *batch;
    const mr_record *record; /* NULL: any value does for fields, and without a topic for it, too */
} source;

static bool starts(const char *text, size_t len, const char *with)
{
    return len >= strlen(with) && strncmp(text, with, strlen(with)) == 0;
}

static bool same(const char *text, size_t len, const char *as)
{
    return len == strlen(as) && strncmp(text, as, len) == 0;
}

bool pg_table_by_field(const char *table)
{
    return table && strstr(table, "{field:");
}

bool pg_table_is_template(const char *table)
{
    return !table || strchr(table, '{');
}

/* --- Values --- */

static void add_char(mr_buffer *out, char c)
{
    mr_buffer_add(out, "\"\"", c == '"' ? 1 : 0);
    mr_buffer_add_char(out, c);
}

static void add_value(mr_buffer *out, const char *text, size_t len, bool underscored)
{
    for (size_t i = 0; i < len; i++) {
        add_char(out, underscored && text[i] == '.' ? '_' : text[i]);
    }
}

static mr_status no_table(const char *field, mr_error *err, const char *why)
{
    mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD, "field %s says which table the record goes to, %s",
            field, why);
    mr_error_code(err, 0, "NO_TABLE");
    mr_error_field(err, field);
    return MR_REJECT;
}

/* The cell of a field by its name; NULL: there is no such field. */
static const mr_cell *cell_of(const mr_schema *schema, const mr_cell *record, const char *name)
{
    const mr_field *field =
        schema && record && schema->type == MR_RECORD && record->type == MR_RECORD
            ? mr_schema_field(schema, name)
            : NULL;
    return field ? &record->as.cells[field - schema->fields] : NULL;
}

/* A row has it in its value; a delete in the row as it was, or in its key. */
static mr_status find_cell(const source *from, const char *name, const mr_cell **ret, mr_error *err)
{
    const mr_record *record = from->record;
    const mr_batch *batch = from->batch;
    *ret = cell_of(batch->schema, record->value, name);
    if (!*ret) {
        *ret = cell_of(batch->schema, record->before, name);
    }
    if (!*ret) {
        *ret = cell_of(batch->key_schema, record->key, name);
    }
    if (*ret) {
        return MR_OK;
    }
    if (pg_is_delete(record)) {
        return no_table(name, err,
                        "but this delete has neither the row as it was nor that field in its key");
    }
    mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
            "table has {field:%s}, but records of route %s have no such field", name,
            batch->route->name);
    mr_error_field(err, "table");
    if (err) {
        err->permanent = true;
    }
    return MR_FATAL;
}

static mr_status add_field(const source *from, const char *text, size_t len, mr_buffer *out,
                           mr_error *err)
{
    char name[FIELD_NAME_MAX_BYTES];
    snprintf(name, sizeof name, "%.*s", (int)len, text);
    const mr_cell *cell;
    mr_status status = find_cell(from, name, &cell, err);
    if (status != MR_OK) {
        return status;
    }
    if (cell->type == MR_INT || cell->type == MR_LONG) {
        mr_buffer_printf(out, "%" PRId64, cell->as.i);
    } else if (cell->type == MR_STRING || cell->type == MR_ENUM) {
        if (!cell->len || cell->len > IDENTIFIER_MAX_BYTES ||
            memchr(cell->as.text, '\0', cell->len)) {
            return no_table(name, err, "but is empty, longer than 63 bytes, or has a zero byte");
        }
        add_value(out, cell->as.text, cell->len, false);
    } else {
        char why[100];
        snprintf(why, sizeof why, "but is %s: a text or an integer is needed",
                 mr_type_name((mr_type)cell->type));
        return no_table(name, err, why);
    }
    return MR_OK;
}

/* --- The template --- */

static mr_status unknown(const char *text, size_t len, mr_error *err)
{
    mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
            "'{%.*s}' is no placeholder: {topic}, {topic:underscored} and {field:name} are",
            (int)(len < 100 ? len : 100), text);
    mr_error_field(err, "table");
    return MR_FATAL;
}

/* *text stands behind a '{' and is moved behind the '}'. */
static mr_status placeholder(const source *from, const char **text, mr_buffer *out, mr_error *err)
{
    static const char field[] = "field:";
    const char *name = *text;
    size_t len = strcspn(name, "}");
    bool plain = same(name, len, "topic"), underscored = same(name, len, "topic:underscored");
    bool of_field =
        starts(name, len, field) && len > sizeof field - 1 && len < FIELD_NAME_MAX_BYTES;
    if (!name[len] || !(plain || underscored || of_field)) {
        return unknown(name, len, err);
    }
    *text = name + len + 1;
    if (of_field ? !from->record : !from->topic) {
        mr_buffer_add_char(out, 'x');
    } else if (of_field) {
        return add_field(from, name + sizeof field - 1, len - (sizeof field - 1), out, err);
    } else {
        add_value(out, from->topic, strlen(from->topic), underscored);
    }
    return MR_OK;
}

/* One part, quoted or up to a dot. */
static mr_status add_part(const source *from, const char **text, mr_buffer *out, mr_error *err)
{
    const char *p = *text;
    bool quoted = *p == '"';
    mr_status status = MR_OK;
    p += quoted;
    mr_buffer_add_char(out, '"');
    while (*p && status == MR_OK && (quoted || *p != '.')) {
        if (*p == '{') {
            p++;
            status = placeholder(from, &p, out, err);
        } else if (quoted && *p == '"' && p[1] != '"') {
            break;
        } else {
            p += quoted && *p == '"';
            add_char(out, *p++);
        }
    }
    if (quoted && *p == '"') {
        p++; /* else pg_name_parse() finds the end missing */
        mr_buffer_add_char(out, '"');
    } else if (!quoted) {
        mr_buffer_add_char(out, '"');
    }
    *text = p;
    return status;
}

/* The name as SQL wants it. What comes of it is well formed as far as the template is. */
static mr_status expand(const char *table, const source *from, mr_buffer *out, mr_error *err)
{
    const char *p = table;
    mr_buffer_clear(out);
    mr_status status = add_part(from, &p, out, err);
    while (status == MR_OK && *p == '.') {
        p++;
        mr_buffer_add_char(out, '.');
        status = add_part(from, &p, out, err);
    }
    mr_buffer_add_text(out, p); /* there should be nothing more */
    return status;
}

mr_status pg_table_check(const char *table, mr_error *err)
{
    mr_buffer name = MR_BUFFER_INIT(NAME_LIMIT_BYTES);
    pg_name parsed = {0};
    mr_status status = expand(table, &(source){0}, &name, err);
    if (status == MR_OK) {
        status = pg_name_parse(pg_table_is_template(table) ? mr_buffer_text(&name) : table, &parsed,
                               err);
    }
    if (status != MR_OK) {
        mr_error_field(err, "table");
    }
    pg_name_release(&parsed);
    mr_buffer_release(&name);
    return status;
}

/* --- Routes by name --- */

static uint64_t hash_of(const char *text, size_t len)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(1099511628211);
    }
    return hash;
}

static mr_status too_many(const pg_sink *sink, const char *name, mr_error *err)
{
    mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
            "records name more than %lld tables (tables.max), %s is the next: raise tables.max if "
            "there are to be so many, or let table stand for fewer of them",
            (long long)sink->tables_max, name);
    mr_error_field(err, "tables.max");
    if (err) {
        err->permanent = true;
    }
    return MR_FATAL;
}

static mr_status find_route(pg_sink *sink, const mr_batch *batch, mr_buffer *name, pg_route **ret,
                            mr_error *err)
{
    uint64_t hash = hash_of(name->data, name->len);
    const pg_route_options *o = batch->route->options;
    pg_route **bucket = &sink->by_name[hash % PG_NAME_BUCKETS];
    const char *text = mr_buffer_text(name);
    for (pg_route *route = *bucket; route; route = route->next_of_bucket) {
        if (route->route == batch->route && strcmp(route->name.quoted, text) == 0) {
            *ret = route;
            return MR_OK;
        }
    }
    if (sink->route_count >= sink->tables_max && pg_table_is_template(o->table)) {
        return too_many(sink, text, err);
    }
    mr_status status = pg_route_make(sink, batch->route, text, ret, err);
    if (status != MR_OK) {
        bool by_field = pg_table_by_field(o->table);
        mr_error_field(err, "table");
        if (err) {
            err->permanent = !by_field;
        }
        return by_field ? MR_REJECT : status;
    }
    (*ret)->next_of_bucket = *bucket;
    *bucket = *ret;
    sink->route_count++;
    return MR_OK;
}

static mr_status name_of(const mr_batch *batch, const mr_record *record, mr_buffer *name,
                         mr_error *err)
{
    const pg_route_options *o = batch->route->options;
    const source from = {batch->topic, batch, record};
    return expand(o->table ? o->table : "\"{topic}\"", &from, name, err);
}

mr_status pg_route_like(pg_sink *sink, const mr_batch *like, pg_route **ret, mr_error *err)
{
    mr_buffer name = MR_BUFFER_INIT(NAME_LIMIT_BYTES);
    mr_status status = name_of(like, NULL, &name, err);
    if (status == MR_OK) {
        status = find_route(sink, like, &name, ret, err);
    }
    mr_buffer_release(&name);
    return status;
}

/* --- Batches --- */

/* The table of each record; *count becomes the number of different ones. Rejects are named. */
static mr_status look_up(pg_sink *sink, mr_task *task, const mr_batch *batch, bool deletes_count,
                         pg_route **routes, mr_error *err)
{
    mr_buffer name = MR_BUFFER_INIT(NAME_LIMIT_BYTES);
    mr_status verdict = MR_OK;
    for (size_t i = 0; i < batch->count; i++) {
        routes[i] = NULL;
        if (!deletes_count && pg_is_delete(&batch->records[i])) {
            continue;
        }
        mr_status status = name_of(batch, &batch->records[i], &name, err);
        if (status == MR_OK) {
            status = find_route(sink, batch, &name, &routes[i], err);
        }
        if (status == MR_REJECT) {
            mr_reject(task, batch, i, err);
            verdict = status;
        } else if (status != MR_OK) {
            verdict = status;
            break;
        }
    }
    mr_buffer_release(&name);
    return verdict;
}

/* A batch for each table, in the order in which they come up first. */
static void divide(mr_arena *arena, const mr_batch *batch, pg_route *const *routes, pg_parts *ret)
{
    ret->list = mr_arena_alloc(arena, batch->count * sizeof *ret->list);
    for (size_t i = 0; i < batch->count; i++) {
        pg_route *route = routes[i];
        if (!route) {
            continue;
        }
        if (route->part >= ret->count || ret->list[route->part].route != route) {
            route->part = ret->count++;
            ret->list[route->part] = (pg_part){route, mr_arena_copy(arena, batch, sizeof *batch)};
            ret->list[route->part].batch->count = 0;
        }
        ret->list[route->part].batch->count++;
    }
    for (size_t p = 0; p < ret->count; p++) {
        mr_batch *part = ret->list[p].batch;
        part->records = mr_arena_alloc(arena, part->count * sizeof *part->records);
        part->count = 0;
    }
    for (size_t i = 0; i < batch->count; i++) {
        if (routes[i]) {
            mr_batch *part = ret->list[routes[i]->part].batch;
            part->records[part->count++] = batch->records[i];
        }
    }
}

mr_status pg_parts_of(pg_sink *sink, mr_task *task, const mr_batch *batch, bool deletes_count,
                      pg_parts *ret, mr_error *err)
{
    mr_arena *arena = mr_task_arena(task);
    const pg_route_options *o = batch->route->options;
    *ret = (pg_parts){0};
    if (!pg_table_by_field(o->table)) { /* all go to one */
        mr_buffer name = MR_BUFFER_INIT(NAME_LIMIT_BYTES);
        ret->list = mr_arena_alloc(arena, sizeof *ret->list);
        ret->list[0].batch = mr_arena_copy(arena, batch, sizeof *batch);
        mr_status status = name_of(batch, &batch->records[0], &name, err);
        if (status == MR_OK) {
            status = find_route(sink, batch, &name, &ret->list[0].route, err);
        }
        ret->count = status == MR_OK;
        mr_buffer_release(&name);
        return status;
    }
    pg_route **routes = mr_arena_alloc(arena, batch->count * sizeof(pg_route *));
    mr_status status = look_up(sink, task, batch, deletes_count, routes, err);
    if (status == MR_OK) {
        divide(arena, batch, routes, ret);
    }
    return status;
}
