/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schema resolution (Avro 1.11 specification, "Schema Resolution"), done once: from the writer's
 * and the reader's schema to the plan that avro_decode.c runs.
 *
 * Records are compiled one after another from a queue, once per pair, not one inside the other: so
 * recursive schemas end, and a chain of ten thousand records needs no deep stack.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/avro_plan.h"
#include "codec/name_map.h"
#include "codec/schema.h"

/* A routine that exists already for a writer's record. */
typedef struct memo {
    mr_routine *routine;
    struct memo *next;
} memo;

typedef struct compiler {
    mr_arena *arena;
    bool strict;
    memo **memos;   /* by id of the writer's node */
    uint8_t *empty; /* by id of the writer's node: see may_be_empty() */
    mr_routine *queue, **queue_end;
    char path[256];
    size_t path_len;
    char reason[400]; /* set when something does not resolve */
} compiler;

static bool compile(compiler *c, const mr_schema *writer, const mr_schema *reader, mr_step *ret);

/* --- Paths and reasons ------------------------------------------------------------------------ */

static size_t enter(compiler *c, const char *separator, const char *name)
{
    size_t before = c->path_len;
    int len = snprintf(c->path + before, sizeof c->path - before, "%s%s", separator, name);
    c->path_len = strnlen(c->path, before + (len > 0 ? (size_t)len : 0));
    return before;
}

static void leave(compiler *c, size_t before)
{
    c->path_len = before;
    c->path[before] = '\0';
}

static bool mismatch(compiler *c, const char *format, ...) MR_PRINTF(2, 3);
static bool mismatch(compiler *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(c->reason, sizeof c->reason, format, args);
    va_end(args);
    return false;
}

static const char *called(const mr_schema *schema)
{
    return schema->name ? schema->name : mr_type_name(schema->type);
}

/* --- What matches ----------------------------------------------------------------------------- */

static const char *unqualified(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

bool mr_plan_names_match(const mr_schema *writer, const mr_schema *reader)
{
    if (strcmp(unqualified(writer->name), unqualified(reader->name)) == 0) {
        return true;
    }
    for (size_t i = 0; i < reader->alias_count; i++) {
        if (strcmp(reader->aliases[i], writer->name) == 0) {
            return true;
        }
    }
    return false;
}

/* Conversions that the specification allows between types of different names. */
static bool promotes(mr_type writer, mr_type reader)
{
    switch (writer) {
    case MR_INT:
        return reader == MR_LONG || reader == MR_FLOAT || reader == MR_DOUBLE;
    case MR_LONG:
        return reader == MR_FLOAT || reader == MR_DOUBLE;
    case MR_FLOAT:
        return reader == MR_DOUBLE;
    case MR_STRING:
        return reader == MR_BYTES;
    case MR_BYTES:
        return reader == MR_STRING;
    default:
        return false;
    }
}

/* The branch of a reader's union that takes a value of `writer`; -1: none. As in Avro's Java: the
 * same type under the same name first, then the same type, then a promotion. */
static int best_branch(const mr_schema *writer, const mr_schema *reader)
{
    int similar = -1, promoted = -1;
    for (size_t i = 0; i < reader->branch_count; i++) {
        const mr_schema *branch = reader->branches[i];
        if (branch->base == writer->base) {
            if (!writer->name || strcmp(writer->name, branch->name) == 0) {
                return (int)i;
            }
            if (similar < 0 && mr_plan_names_match(writer, branch)) {
                similar = (int)i;
            }
        } else if (promoted < 0 && promotes(writer->base, branch->base)) {
            promoted = (int)i;
        }
    }
    return similar >= 0 ? similar : promoted;
}

/* Two logical types over the same base whose numbers mean different things. Plain Avro would read
 * one as the other; a time that is wrong by a factor of a thousand helps nobody. */
static bool meaning_differs(compiler *c, const mr_schema *writer, const mr_schema *reader)
{
    if (writer->type == writer->base || reader->type == reader->base) {
        return false;
    }
    if (writer->type != reader->type && writer->type != MR_UUID && reader->type != MR_UUID) {
        return !mismatch(c, "%s of the writer would be misread as %s", mr_type_name(writer->type),
                         mr_type_name(reader->type));
    }
    if (writer->type == MR_DECIMAL && reader->type == MR_DECIMAL &&
        writer->scale != reader->scale) {
        return !mismatch(c, "a decimal of scale %d cannot be read with scale %d", writer->scale,
                         reader->scale);
    }
    return false;
}

/* Can a value of this type take no bytes? Remembered by id: 1 yes, 2 no; a record that is being
 * looked at counts as yes, since only its other fields can tell. */
static bool may_be_empty(compiler *c, const mr_schema *schema, int depth)
{
    if (schema->base == MR_NULL || (schema->base == MR_FIXED && schema->size_bytes == 0)) {
        return true;
    }
    if (schema->base != MR_RECORD) {
        return false;
    }
    if (c->empty[schema->id] || depth > MR_AVRO_DEPTH_MAX) {
        return c->empty[schema->id] != 2;
    }
    c->empty[schema->id] = 1;
    for (size_t i = 0; i < schema->field_count; i++) {
        if (!may_be_empty(c, schema->fields[i].schema, depth + 1)) {
            c->empty[schema->id] = 2;
            return false;
        }
    }
    return true;
}

/* --- Steps ------------------------------------------------------------------------------------ */

static void set(mr_step *step, mr_step_op op, const mr_schema *reader)
{
    *step = (mr_step){.op = (uint8_t)op,
                      .null_branch = MR_NOT_NULLABLE,
                      .head.type = reader ? (uint8_t)reader->type : MR_NULL};
}

/* The routine for a pair of records; a new one waits in the queue. reader NULL: to skip. */
static const mr_routine *routine_for(compiler *c, const mr_schema *writer, const mr_schema *reader)
{
    for (const memo *m = c->memos[writer->id]; m; m = m->next) {
        if (m->routine->reader == reader) {
            return m->routine;
        }
    }
    mr_routine *routine = mr_arena_calloc(c->arena, 1, sizeof *routine);
    routine->writer = writer;
    routine->reader = reader;
    routine->path = mr_arena_strndup(c->arena, c->path, c->path_len);
    *c->queue_end = routine;
    c->queue_end = &routine->next;
    memo *m = mr_arena_alloc(c->arena, sizeof *m);
    *m = (memo){routine, c->memos[writer->id]};
    c->memos[writer->id] = m;
    return routine;
}

static bool compile_items(compiler *c, const mr_schema *writer, const mr_schema *reader,
                          mr_step *ret)
{
    bool array = writer->base == MR_ARRAY;
    set(ret, reader ? (array ? MR_READ_ARRAY : MR_READ_MAP) : (array ? MR_SKIP_ARRAY : MR_SKIP_MAP),
        reader);
    mr_step *item = mr_arena_alloc(c->arena, sizeof *item);
    size_t before = enter(c, "", "[]");
    bool ok = compile(c, writer->items, reader ? reader->items : NULL, item);
    if (ok) {
        leave(c, before);
    }
    ret->as.steps = item;
    ret->may_be_empty = array && may_be_empty(c, writer->items, 0);
    return ok;
}

static bool compile_enum(compiler *c, const mr_schema *writer, const mr_schema *reader,
                         mr_step *ret)
{
    set(ret, MR_READ_ENUM, reader);
    mr_cell *cells = mr_arena_calloc(c->arena, writer->symbol_count, sizeof *cells);
    ret->as.symbols = cells;
    ret->count = (uint32_t)writer->symbol_count;
    mr_name_map known = {0};
    for (size_t i = 0; i < reader->symbol_count; i++) {
        mr_name_map_put(&known, reader->symbols[i], &reader->symbols[i]);
    }
    bool ok = true;
    for (size_t i = 0; ok && i < writer->symbol_count; i++) {
        const char *const *symbol = mr_name_map_get(&known, writer->symbols[i]);
        if (!symbol && reader->enum_default >= 0) {
            symbol = &reader->symbols[reader->enum_default];
        }
        if (symbol) {
            cells[i] = (mr_cell){.type = MR_ENUM,
                                 .symbol = (uint16_t)(symbol - reader->symbols),
                                 .len = (uint32_t)strlen(*symbol),
                                 .as.text = *symbol};
        } else if (c->strict) {
            ok = mismatch(c, "the reader's enum %s has no symbol \"%s\" and no default",
                          reader->name, writer->symbols[i]);
        }
    }
    mr_name_map_release(&known);
    return ok;
}

static mr_step_op number_op(mr_type writer, mr_type reader)
{
    switch (writer) {
    case MR_INT:
        return reader == MR_FLOAT    ? MR_READ_INT_AS_FLOAT
               : reader == MR_DOUBLE ? MR_READ_INT_AS_DOUBLE
                                     : MR_READ_INT;
    case MR_LONG:
        return reader == MR_FLOAT    ? MR_READ_LONG_AS_FLOAT
               : reader == MR_DOUBLE ? MR_READ_LONG_AS_DOUBLE
                                     : MR_READ_LONG;
    case MR_FLOAT:
        return MR_READ_FLOAT;
    default:
        return MR_READ_DOUBLE;
    }
}

/* Neither is a union. */
static bool compile_plain(compiler *c, const mr_schema *writer, const mr_schema *reader,
                          mr_step *ret)
{
    if (writer->base != reader->base && !promotes(writer->base, reader->base)) {
        return mismatch(c, "the writer's %s cannot be read as %s", called(writer), called(reader));
    }
    if (writer->name && !mr_plan_names_match(writer, reader)) {
        return mismatch(c, "the writer's %s %s is neither the name nor an alias of the reader's %s",
                        mr_type_name(writer->base), writer->name, reader->name);
    }
    if (meaning_differs(c, writer, reader)) {
        return false;
    }
    switch (writer->base) {
    case MR_NULL:
        set(ret, MR_READ_NULL, reader);
        return true;
    case MR_BOOL:
        set(ret, MR_READ_BOOL, reader);
        return true;
    case MR_STRING:
    case MR_BYTES:
        set(ret, MR_READ_TEXT, reader);
        return true;
    case MR_FIXED:
        set(ret, MR_READ_FIXED, reader);
        ret->count = (uint32_t)writer->size_bytes;
        return writer->size_bytes == reader->size_bytes ||
               mismatch(c, "fixed %s has %zu bytes with the writer and %zu with the reader",
                        reader->name, writer->size_bytes, reader->size_bytes);
    case MR_ENUM:
        return compile_enum(c, writer, reader, ret);
    case MR_ARRAY:
    case MR_MAP:
        return compile_items(c, writer, reader, ret);
    case MR_RECORD:
        set(ret, MR_READ_RECORD, reader);
        ret->as.routine = routine_for(c, writer, reader);
        return true;
    default:
        set(ret, number_op(writer->base, reader->base), reader);
        return true;
    }
}

/* A union of null and one type that the reader takes both is read in one step. */
static bool fold(const mr_step *steps, size_t count, mr_step *ret)
{
    for (size_t null = 0; count == 2 && null < 2; null++) {
        if (steps[null].op == MR_READ_NULL && steps[!null].op < MR_READ_UNION) {
            *ret = steps[!null];
            ret->null_branch = (uint8_t)null;
            ret->null_to_branch = steps[null].head.branch;
            return true;
        }
    }
    return false;
}

static bool compile_writer_union(compiler *c, const mr_schema *writer, const mr_schema *reader,
                                 mr_step *ret)
{
    set(ret, MR_READ_UNION, NULL);
    mr_step *steps = mr_arena_alloc(c->arena, writer->branch_count * sizeof *steps);
    size_t readable = 0, before = c->path_len;
    for (size_t i = 0; i < writer->branch_count; i++) {
        if (compile(c, writer->branches[i], reader, &steps[i])) {
            readable++;
            continue;
        }
        if (c->strict) {
            return false;
        }
        leave(c, before);
        set(&steps[i], MR_READ_FAIL, NULL);
        steps[i].as.reason = mr_arena_strndup(c->arena, c->reason, strlen(c->reason));
    }
    ret->count = (uint32_t)writer->branch_count;
    ret->as.steps = steps;
    if (reader) {
        fold(steps, writer->branch_count, ret);
    }
    return readable > 0; /* else the reason of the last one stands */
}

static bool compile_skip(compiler *c, const mr_schema *writer, mr_step *ret)
{
    switch (writer->base) {
    case MR_INT:
    case MR_LONG:
    case MR_ENUM:
        set(ret, MR_SKIP_VARINT, NULL);
        return true;
    case MR_STRING:
    case MR_BYTES:
        set(ret, MR_SKIP_TEXT, NULL);
        return true;
    case MR_ARRAY:
    case MR_MAP:
        return compile_items(c, writer, NULL, ret);
    case MR_RECORD:
        set(ret, MR_SKIP_RECORD, NULL);
        ret->as.routine = routine_for(c, writer, NULL);
        return true;
    default:
        set(ret, MR_SKIP_BYTES, NULL);
        ret->count = (uint32_t)(writer->base == MR_FIXED   ? writer->size_bytes
                                : writer->base == MR_NULL  ? 0
                                : writer->base == MR_BOOL  ? 1
                                : writer->base == MR_FLOAT ? 4
                                                           : 8);
        return true;
    }
}

/* reader NULL: skip. */
static bool compile(compiler *c, const mr_schema *writer, const mr_schema *reader, mr_step *ret)
{
    if (writer->base == MR_UNION) {
        return compile_writer_union(c, writer, reader, ret);
    }
    if (!reader) {
        return compile_skip(c, writer, ret);
    }
    if (reader->base != MR_UNION) {
        return compile_plain(c, writer, reader, ret);
    }
    int branch = best_branch(writer, reader);
    if (branch < 0) {
        return mismatch(c, "the writer's %s fits no branch of the reader's union", called(writer));
    }
    bool ok = compile_plain(c, writer, reader->branches[branch], ret);
    ret->head.branch = (uint8_t)branch;
    return ok;
}

/* --- Records ---------------------------------------------------------------------------------- */

/* Which field of the reader each field of the writer fills: an index, or SIZE_MAX to skip it. Names
 * go before aliases, and a field of the writer is used once. */
static size_t *match_fields(const mr_schema *writer, const mr_schema *reader, bool *filled)
{
    size_t *targets = mr_realloc_array(NULL, writer->field_count + 1, sizeof *targets);
    mr_name_map names = {0};
    for (size_t i = 0; i < writer->field_count; i++) {
        targets[i] = SIZE_MAX;
        mr_name_map_put(&names, writer->fields[i].name, &writer->fields[i]);
    }
    for (size_t i = 0; reader && i < reader->field_count; i++) {
        const mr_field *from = mr_name_map_get(&names, reader->fields[i].name);
        if (from) {
            targets[from - writer->fields] = i;
            filled[i] = true;
        }
    }
    for (size_t i = 0; reader && i < reader->field_count; i++) {
        const mr_field *field = &reader->fields[i];
        for (size_t a = 0; a < field->alias_count && !filled[i]; a++) {
            const mr_field *from = mr_name_map_get(&names, field->aliases[a]);
            if (from && targets[from - writer->fields] == SIZE_MAX) {
                targets[from - writer->fields] = i;
                filled[i] = true;
            }
        }
    }
    mr_name_map_release(&names);
    return targets;
}

static bool fill_defaults(compiler *c, const mr_schema *reader, const bool *filled,
                          const mr_cell **ret)
{
    mr_cell *initial = NULL;
    for (size_t i = 0; i < reader->field_count; i++) {
        const mr_field *field = &reader->fields[i];
        if (filled[i]) {
            continue;
        }
        if (!field->dflt) {
            enter(c, ".", field->name);
            return mismatch(c,
                            "the reader's field \"%s\" is not in the writer's %s and has no "
                            "default",
                            field->name, called(reader));
        }
        if (!initial) {
            initial = mr_arena_calloc(c->arena, reader->field_count, sizeof *initial);
        }
        initial[i] = *field->dflt;
    }
    *ret = initial;
    return true;
}

static bool compile_steps(compiler *c, mr_routine *routine, const size_t *targets)
{
    const mr_schema *writer = routine->writer, *reader = routine->reader;
    mr_step *steps = mr_arena_alloc(c->arena, writer->field_count * sizeof *steps);
    for (size_t i = 0; i < writer->field_count; i++) {
        bool skip = targets[i] == SIZE_MAX;
        size_t before = enter(c, ".", writer->fields[i].name);
        if (!compile(c, writer->fields[i].schema, skip ? NULL : reader->fields[targets[i]].schema,
                     &steps[i])) {
            return false;
        }
        leave(c, before);
        steps[i].slot = skip ? 0 : (uint32_t)targets[i];
    }
    routine->steps = steps;
    routine->step_count = (uint32_t)writer->field_count;
    routine->cell_count = reader ? (uint32_t)reader->field_count : 0;
    return true;
}

static bool compile_record(compiler *c, mr_routine *routine)
{
    const mr_schema *reader = routine->reader;
    leave(c, 0);
    enter(c, "", routine->path);
    bool *filled = mr_calloc((reader ? reader->field_count : 0) + 1, sizeof *filled);
    size_t *targets = match_fields(routine->writer, reader, filled);
    bool ok = compile_steps(c, routine, targets) &&
              (!reader || fill_defaults(c, reader, filled, &routine->initial));
    free(targets);
    free(filled);
    return ok;
}

mr_status mr_plan_compile(mr_decoder *decoder, bool strict, mr_error *err)
{
    const mr_schema *writer = decoder->writer, *reader = decoder->reader;
    uint32_t nodes = mr_schema_node_count(writer);
    compiler c = {.arena = decoder->arena, .strict = strict};
    c.memos = mr_calloc(nodes, sizeof(memo *));
    c.empty = mr_calloc(nodes, 1);
    c.queue_end = &c.queue;
    enter(&c, "", called(reader));
    bool ok = compile(&c, writer, reader, &decoder->root);
    for (mr_routine *r = c.queue; ok && r; r = r->next) {
        ok = compile_record(&c, r);
    }
    free(c.memos);
    free(c.empty);
    if (ok) {
        return MR_OK;
    }
    mr_fail(
        err, MR_FATAL, MR_DOMAIN_SCHEMA,
        "data of Avro schema %s cannot be read as %s: at %s: %s; make the new schema compatible "
        "with the old one (defaults for new fields, aliases for renamed ones)",
        called(writer), called(reader), c.path, c.reason);
    const char *dot = strchr(c.path, '.');
    mr_error_field(err, dot && reader->name ? c.path + strlen(called(reader)) + 1 : c.path);
    return MR_FATAL;
}

/* --- Whole plans ------------------------------------------------------------------------------ */

mr_status mr_decoder_new(const mr_schema *writer, const mr_schema *reader, mr_decoder **ret,
                         mr_error *err)
{
    mr_decoder *decoder = mr_calloc(1, sizeof *decoder);
    decoder->arena = mr_arena_new();
    decoder->writer = mr_schema_acquire(writer);
    decoder->reader = mr_schema_acquire(reader);
    mr_status status = mr_plan_compile(decoder, false, err);
    if (status) {
        mr_decoder_free(decoder);
        return status;
    }
    *ret = decoder;
    return MR_OK;
}

void mr_decoder_free(mr_decoder *decoder)
{
    if (decoder) {
        mr_schema_release(decoder->writer);
        mr_schema_release(decoder->reader);
        mr_arena_free(decoder->arena);
        free(decoder);
    }
}

mr_status mr_schema_can_read(const mr_schema *reader, const mr_schema *writer, mr_error *err)
{
    mr_decoder decoder = {.writer = writer, .reader = reader, .arena = mr_arena_new()};
    mr_status status = mr_plan_compile(&decoder, true, err);
    mr_arena_free(decoder.arena);
    return status;
}
