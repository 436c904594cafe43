/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a schema to the plan that bson_encode.c runs: names as they go on the wire, padded so that
 * most are written by two moves, and unions as arrays of plans.
 */
#include "codec/bson_encode_plan.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "codec/bson_plan.h"
#include "codec/name_map.h"
#include "codec/schema.h"

typedef struct planner {
    mr_arena *arena;
    mr_name_map known;
    bson_put_plan *queue, **end;
} planner;

/* Records wait in the queue, so that recursive schemas end. */
static bson_put_plan *make_plan(planner *p, const mr_schema *schema)
{
    bson_put_plan *n = schema->type == MR_RECORD
                           ? (bson_put_plan *)mr_name_map_get(&p->known, schema->name)
                           : NULL;
    if (n) {
        return n;
    }
    n = mr_arena_calloc(p->arena, 1, sizeof *n);
    n->schema = schema;
    if (mr_bson_is_json(schema)) {
        n->op = BSON_PUT_JSON;
    } else if (schema->type == MR_RECORD) {
        n->op = BSON_PUT_DOCUMENT;
        mr_name_map_put(&p->known, schema->name, n);
        *p->end = n;
        p->end = &n->next;
    } else if (schema->type == MR_UNION) {
        n->op = BSON_PUT_UNION;
        n->count = schema->branch_count;
        n->branches = mr_arena_alloc(p->arena, n->count * sizeof *n->branches);
        for (size_t i = 0; i < n->count; i++) {
            n->branches[i] = make_plan(p, schema->branches[i]);
        }
    } else if (schema->items) {
        n->op = BSON_PUT_ITEMS;
        n->items = make_plan(p, schema->items);
    } else if (mr_bson_is_object_id(schema)) {
        n->op = BSON_PUT_OBJECT_ID;
    } else if (mr_bson_is_decimal128(schema)) {
        n->op = BSON_PUT_DECIMAL128;
    }
    return n;
}

static void plan_fields(planner *p, bson_put_plan *n)
{
    const mr_schema *s = n->schema;
    n->shaped = mr_schema_has_alias(s->aliases, s->alias_count, MR_BSON_ABSENT);
    n->rest = n->count = s->field_count;
    n->fields = mr_arena_calloc(p->arena, n->count, sizeof *n->fields);
    for (size_t i = 0; i < n->count; i++) {
        const mr_field *f = &s->fields[i];
        const char *text = n->shaped && f->doc ? f->doc : f->name;
        size_t len = strlen(text);
        char *padded = mr_arena_calloc(p->arena, 1, len + BSON_NAME_PAD);
        memcpy(padded, text, len + 1);
        n->fields[i].name = (bson_label){padded, (uint32_t)len, true};
        n->fields[i].value = make_plan(p, f->schema);
        if (n->shaped && mr_schema_has_alias(f->aliases, f->alias_count, MR_BSON_REST)) {
            n->rest = i;
        }
    }
}

mr_bson_encoder *mr_bson_encoder_new(const mr_schema *schema)
{
    mr_bson_encoder *e = mr_calloc(1, sizeof *e);
    e->schema = schema;
    e->owned = schema->internal != NULL;
    if (e->owned) {
        mr_schema_acquire(schema);
    }
    e->arena = mr_arena_new();
    planner p = {.arena = e->arena};
    p.end = &p.queue;
    e->root = make_plan(&p, schema);
    for (bson_put_plan *n = p.queue; n; n = n->next) {
        plan_fields(&p, n);
    }
    mr_name_map_release(&p.known);
    return e;
}

void mr_bson_encoder_free(mr_bson_encoder *encoder)
{
    if (encoder) {
        mr_arena_free(encoder->arena);
        if (encoder->owned) {
            mr_schema_release(encoder->schema);
        }
        free(encoder);
    }
}
