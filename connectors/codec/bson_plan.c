/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a schema to the plan that bson_decode.c runs. Which branch of a union takes a value is
 * decided here, once per type, as far as the type alone can tell; what depends on the value is a
 * chain of ways to be tried.
 *
 * Records are compiled one after another from a queue, so that recursive schemas end.
 */
#include "codec/bson_plan.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "codec/schema.h"

typedef struct planner {
    mr_arena *arena;
    mr_name_map known;  /* full name of a record -> its routine */
    bson_routine **end; /* of the queue */
} planner;

/* What the record that a value is in says by its aliases. */
typedef struct manner {
    bool shaped, widened, full;
} manner;

/* The union, or single type, that a value is to go to, and the ways found so far. */
typedef struct choice {
    planner *p;
    const mr_schema *const *branches;
    size_t count;
    manner how;
    bson_value *value;
    bson_way *ways;
    size_t way_count;
} choice;

enum { WAYS_MAX = 4 * BSON_AT_COUNT };

static bool is_named(const mr_schema *schema, const char *name)
{
    return schema->name && strcmp(schema->name, name) == 0;
}

bool mr_bson_is_json(const mr_schema *s)
{
    return s->type == MR_RECORD && is_named(s, MR_JSON_NAME) && s->field_count == 1 &&
           s->fields[0].schema->type == MR_STRING;
}

bool mr_bson_is_object_id(const mr_schema *s)
{
    return s->type == MR_FIXED && s->size_bytes == MR_OBJECT_ID_BYTES &&
           is_named(s, MR_OBJECT_ID_NAME);
}

bool mr_bson_is_decimal128(const mr_schema *s)
{
    return s->type == MR_FIXED && s->size_bytes == MR_DECIMAL128_BYTES &&
           is_named(s, MR_DECIMAL128_NAME);
}

/* --- Ways ------------------------------------------------------------------------------------- */

/* Adds a way to the end of the chain of `type` (an index of bson_value.at). */
static bson_way *add_way(choice *c, int type, bson_op op, size_t branch)
{
    bson_way *way = &c->ways[c->way_count++];
    bson_way *last = &c->ways[c->value->at[type]];
    if (c->value->at[type]) {
        while (last->next) {
            last = (bson_way *)last->next;
        }
        last->next = way;
    } else {
        c->value->at[type] = (uint16_t)(way - c->ways);
    }
    *way =
        (bson_way){.op = (uint8_t)op,
                   .head = {.type = (uint8_t)c->branches[branch]->type, .branch = (uint8_t)branch}};
    way->as.schema = c->branches[branch];
    return way;
}

/* A way to the first branch of that type, if there is one. */
static bson_way *to_type(choice *c, int type, mr_type wanted, bson_op op, bool inexact)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->branches[i]->type == wanted) {
            bson_way *way = add_way(c, type, op, i);
            way->inexact = inexact;
            return way;
        }
    }
    return NULL;
}

static void to_fixed(choice *c, int type, bool (*is_it)(const mr_schema *))
{
    for (size_t i = 0; i < c->count; i++) {
        if (is_it(c->branches[i])) {
            add_way(c, type, BSON_TO_FIXED, i)->size = (uint16_t)c->branches[i]->size_bytes;
        }
    }
}

static void to_json(choice *c, int type)
{
    for (size_t i = 0; i < c->count; i++) {
        if (mr_bson_is_json(c->branches[i])) {
            add_way(c, type, BSON_TO_JSON, i)->inexact = true;
        }
    }
}

static bool has_type(const choice *c, mr_type type)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->branches[i]->type == type) {
            return true;
        }
    }
    return false;
}

/* What is the same for shapes and for given schemas. */
static void plan_same(choice *c)
{
    to_type(c, MR_BSON_NULL, MR_NULL, BSON_TO_NULL, false);
    to_type(c, MR_BSON_BOOL, MR_BOOL, BSON_TO_BOOL, false);
    to_type(c, MR_BSON_INT32, MR_INT, BSON_TO_INT, false);
    to_type(c, MR_BSON_INT64, MR_LONG, BSON_TO_LONG, false);
    to_type(c, MR_BSON_DOUBLE, MR_DOUBLE, BSON_TO_DOUBLE, false);
    to_type(c, MR_BSON_STRING, MR_STRING, BSON_TO_TEXT, false);
    to_type(c, MR_BSON_DATE, MR_TIMESTAMP_MS, BSON_TO_LONG, false);
    to_type(c, MR_BSON_BINARY, MR_BYTES, BSON_TO_BYTES, false);
    to_type(c, BSON_AT_OLD_BINARY, MR_BYTES, BSON_TO_BYTES, true);
    for (size_t i = 0; i < c->count; i++) {
        if (c->branches[i]->type == MR_UUID) {
            add_way(c, BSON_AT_UUID,
                    c->branches[i]->base == MR_FIXED ? BSON_TO_BYTES : BSON_CONVERT, i);
        }
    }
    to_fixed(c, MR_BSON_OBJECT_ID, mr_bson_is_object_id);
    to_fixed(c, MR_BSON_DECIMAL128, mr_bson_is_decimal128);
}

/* Only what the shape that made the schema would choose: all else is a misfit, to be learnt. */
static void plan_shaped(choice *c)
{
    if (c->how.widened && !has_type(c, MR_INT)) {
        to_type(c, MR_BSON_INT32, MR_LONG, BSON_TO_INT, true);
        if (!has_type(c, MR_LONG)) {
            to_type(c, MR_BSON_INT32, MR_DOUBLE, BSON_TO_INT_AS_DOUBLE, true);
        }
    }
    static const uint8_t others[] = {
        MR_BSON_UNDEFINED, MR_BSON_REGEX,       MR_BSON_DB_POINTER,      MR_BSON_CODE,
        MR_BSON_SYMBOL,    MR_BSON_TIMESTAMP,   MR_BSON_CODE_WITH_SCOPE, BSON_AT_MAX_KEY,
        BSON_AT_MIN_KEY,   BSON_AT_OTHER_BINARY};
    for (size_t i = 0; i < sizeof others; i++) {
        to_json(c, others[i]);
    }
    if (has_type(c, MR_TIMESTAMP_MS)) {
        to_json(c, MR_BSON_INT64);
    }
    if (has_type(c, MR_LONG)) {
        to_json(c, MR_BSON_DATE);
    }
}

/* Conversions, the best first. */
static void plan_given(choice *c)
{
    static const struct {
        uint8_t from, to;
    } conversions[] = {
        {MR_BSON_INT32, MR_DECIMAL},
        {MR_BSON_INT32, MR_FLOAT},
        {MR_BSON_INT64, MR_DECIMAL},
        {MR_BSON_INT64, MR_INT},
        {MR_BSON_INT64, MR_DOUBLE},
        {MR_BSON_INT64, MR_FLOAT},
        {MR_BSON_DOUBLE, MR_FLOAT},
        {MR_BSON_DOUBLE, MR_DECIMAL},
        {MR_BSON_DOUBLE, MR_LONG},
        {MR_BSON_DOUBLE, MR_INT},
        {MR_BSON_DECIMAL128, MR_DECIMAL},
        {MR_BSON_DECIMAL128, MR_LONG},
        {MR_BSON_DECIMAL128, MR_INT},
        {MR_BSON_DECIMAL128, MR_DOUBLE},
        {MR_BSON_DECIMAL128, MR_FLOAT},
        {MR_BSON_STRING, MR_ENUM},
        {MR_BSON_STRING, MR_UUID},
        {MR_BSON_DATE, MR_TIMESTAMP_US},
        {MR_BSON_DATE, MR_LOCAL_TIMESTAMP_MS},
        {MR_BSON_DATE, MR_LOCAL_TIMESTAMP_US},
        {MR_BSON_DATE, MR_DATE},
        {MR_BSON_OBJECT_ID, MR_STRING},
        {BSON_AT_UUID, MR_STRING},
        {BSON_AT_UUID, MR_BYTES},
        {BSON_AT_OTHER_BINARY, MR_BYTES},
    };
    static const uint8_t binaries[] = {MR_BSON_BINARY, BSON_AT_OLD_BINARY, BSON_AT_UUID,
                                       BSON_AT_OTHER_BINARY};
    to_type(c, MR_BSON_INT32, MR_LONG, BSON_TO_INT, true);
    to_type(c, MR_BSON_INT32, MR_DOUBLE, BSON_TO_INT_AS_DOUBLE, true);
    for (size_t i = 0; i < sizeof conversions / sizeof *conversions; i++) {
        to_type(c, conversions[i].from, (mr_type)conversions[i].to, BSON_CONVERT, false);
    }
    for (size_t i = 0; i < sizeof binaries; i++) {
        to_type(c, binaries[i], MR_FIXED, BSON_CONVERT, false);
    }
}

/* --- Records ---------------------------------------------------------------------------------- */

static bson_routine *routine_for(planner *p, const mr_schema *record)
{
    bson_routine *r = (bson_routine *)mr_name_map_get(&p->known, record->name);
    if (!r) {
        r = mr_arena_calloc(p->arena, 1, sizeof *r);
        r->record = record;
        mr_name_map_put(&p->known, record->name, r);
        *p->end = r;
        p->end = &r->next;
    }
    return r;
}

static void plan_value(planner *p, const mr_schema *schema, manner how, bson_value *ret);

/* Documents and arrays: records, then maps, then JSON. */
static void plan_containers(choice *c)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->branches[i]->type == MR_RECORD && !mr_bson_is_json(c->branches[i])) {
            bson_way *way = add_way(c, MR_BSON_DOCUMENT, BSON_TO_RECORD, i);
            way->as.routine = routine_for(c->p, c->branches[i]);
        }
    }
    static const struct {
        uint8_t from, to, op;
    } containers[] = {{MR_BSON_DOCUMENT, MR_MAP, BSON_TO_MAP},
                      {MR_BSON_ARRAY, MR_ARRAY, BSON_TO_ARRAY}};
    for (size_t i = 0; i < 2; i++) {
        bson_way *way =
            to_type(c, containers[i].from, (mr_type)containers[i].to, containers[i].op, false);
        if (way) {
            bson_value *item = mr_arena_calloc(c->p->arena, 1, sizeof *item);
            plan_value(c->p, way->as.schema->items, c->how, item);
            way->as.item = item;
        }
    }
    if (!c->how.shaped || !has_type(c, MR_ARRAY)) {
        to_json(c, MR_BSON_ARRAY);
    }
    if (!c->how.shaped || !c->value->at[MR_BSON_DOCUMENT]) {
        to_json(c, MR_BSON_DOCUMENT);
    }
}

/* The ways that were found, in as much room as they need. */
static const bson_way *keep_ways(const choice *c)
{
    bson_way *kept = mr_arena_copy(c->p->arena, c->ways, c->way_count * sizeof *kept);
    for (size_t i = 0; i < c->way_count; i++) {
        if (kept[i].next) {
            kept[i].next = kept + (kept[i].next - c->ways);
        }
    }
    return kept;
}

static void plan_value(planner *p, const mr_schema *schema, manner how, bson_value *ret)
{
    choice c = {.p = p, .branches = &schema, .count = 1, .how = how};
    if (schema->type == MR_UNION) {
        c.branches = schema->branches;
        c.count = schema->branch_count;
    }
    *ret = (bson_value){.schema = schema};
    c.value = ret;
    size_t records = 0;
    for (size_t i = 0; i < c.count; i++) {
        records += c.branches[i]->type == MR_RECORD;
    }
    c.ways = mr_calloc(WAYS_MAX + records, sizeof *c.ways);
    c.way_count = 1; /* the first refuses */
    plan_same(&c);
    if (how.shaped) {
        plan_shaped(&c);
    } else {
        plan_given(&c);
    }
    plan_containers(&c);
    for (int type = 1; type < BSON_AT_COUNT; type++) {
        bool container = type == MR_BSON_DOCUMENT || type == MR_BSON_ARRAY;
        if (how.shaped ? how.full && !ret->at[type] : !container) {
            to_json(&c, type);
        }
    }
    ret->ways = keep_ways(&c);
    free(c.ways);
}

static void set_name(bson_slot *slot, const char *name)
{
    slot->name = name;
    slot->name_bytes = strlen(name) + 1;
    char first[8] = {0};
    size_t n = slot->name_bytes < sizeof first ? slot->name_bytes : sizeof first;
    memcpy(first, name, n);
    slot->head = mr_bson_load64(first);
    slot->mask = UINT64_MAX >> (64 - 8 * n);
    slot->tail = n < sizeof first ? slot->head : mr_bson_load64(name + slot->name_bytes - 8);
}

/* What stands for a field that is not there. */
static mr_cell absent_cell(const mr_field *field)
{
    const mr_schema *s = field->schema;
    if (field->dflt) {
        return *field->dflt;
    }
    if (s->type == MR_NULL) {
        return (mr_cell){.type = MR_NULL};
    }
    for (size_t i = 0; s->nullable && i < s->branch_count; i++) {
        if (s->branches[i]->type == MR_NULL) {
            return (mr_cell){.type = MR_NULL, .branch = (uint8_t)i};
        }
    }
    return (mr_cell){.type = BSON_REQUIRED};
}

static void plan_slot(planner *p, bson_routine *r, uint32_t i, manner how)
{
    const mr_field *f = &r->record->fields[i];
    bson_slot *slot = &r->slots[i];
    set_name(slot, r->shaped && f->doc ? f->doc : f->name);
    plan_value(p, f->schema, how, &slot->value);
    if (r->shaped && mr_schema_has_alias(f->aliases, f->alias_count, MR_BSON_REST)) {
        r->rest = i;
        set_name(slot, "");
        slot->name_bytes = SIZE_MAX; /* matches nothing */
        return;
    }
    if (r->shaped && slot->value.at[MR_BSON_NULL]) {
        /* Written back, a null is no field. */
        ((bson_way *)&slot->value.ways[slot->value.at[MR_BSON_NULL]])->inexact = true;
    }
    mr_name_map_put(&r->by_name, slot->name, slot);
    for (size_t k = 0; !r->shaped && k < f->alias_count; k++) {
        mr_name_map_put(&r->by_alias, f->aliases[k], slot);
    }
}

static void plan_record(planner *p, bson_routine *r)
{
    const mr_schema *record = r->record;
    uint32_t n = (uint32_t)record->field_count;
    const char *const *aliases = record->aliases;
    manner how = {
        .shaped = mr_schema_has_alias(aliases, record->alias_count, MR_BSON_ABSENT),
        .widened = !mr_schema_has_alias(aliases, record->alias_count, MR_BSON_UNWIDENED),
        .full = mr_schema_has_alias(aliases, record->alias_count, MR_BSON_FULL),
    };
    r->shaped = how.shaped;
    r->slot_count = n;
    r->rest = n;
    r->slots = mr_arena_calloc(p->arena, n + 1u, sizeof *r->slots);
    r->slots[n].name_bytes = SIZE_MAX;
    r->after = mr_arena_alloc(p->arena, (n + 1u) * sizeof *r->after);
    mr_cell *absent = mr_arena_alloc(p->arena, n * sizeof *absent);
    r->absent = absent;
    for (uint32_t i = 0; i < n; i++) {
        plan_slot(p, r, i, how);
        absent[i] = absent_cell(&record->fields[i]);
        r->after[i] = i;
    }
    r->after[n] = n;
}

void mr_bson_plan(mr_bson_decoder *d)
{
    planner p = {.arena = d->arena, .end = &d->routines};
    plan_value(&p, d->schema, (manner){.widened = true}, &d->root);
    for (bson_routine *r = d->routines; r; r = r->next) {
        plan_record(&p, r);
    }
    mr_name_map_release(&p.known);
}

/* --- Decoders --------------------------------------------------------------------------------- */

enum { SCRATCH_BYTES_MAX = 8 * MR_BSON_BYTES_MAX };

mr_status mr_bson_decoder_new(const mr_schema *schema, mr_bson_decoder **ret, mr_error *err)
{
    mr_bson_decoder *d = mr_calloc(1, sizeof *d);
    d->schema = schema;
    d->owned = schema->internal != NULL;
    if (d->owned) {
        mr_schema_acquire(schema);
    }
    d->arena = mr_arena_new();
    mr_buffer_init(&d->json, SCRATCH_BYTES_MAX);
    mr_buffer_init(&d->rest, SCRATCH_BYTES_MAX);
    mr_bson_plan(d);
    if (!d->root.at[MR_BSON_DOCUMENT]) {
        mr_bson_decoder_free(d);
        return mr_fail(err, MR_FATAL, MR_DOMAIN_SCHEMA,
                       "documents cannot be read as %s; a record, a map or " MR_JSON_NAME
                       " is needed",
                       mr_type_name(schema->type));
    }
    *ret = d;
    return MR_OK;
}

void mr_bson_decoder_free(mr_bson_decoder *d)
{
    if (d) {
        for (bson_routine *r = d->routines; r; r = r->next) {
            mr_name_map_release(&r->by_name);
            mr_name_map_release(&r->by_alias);
        }
        mr_arena_free(d->arena);
        mr_buffer_release(&d->json);
        mr_buffer_release(&d->rest);
        if (d->owned) {
            mr_schema_release(d->schema);
        }
        free(d);
    }
}
