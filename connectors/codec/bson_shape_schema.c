/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shape as an Avro schema, and back. The schema is all that a shape is: what restore() makes of
 * it learns on as the one that made it would have.
 */
#include "codec/bson_shape_tree.h"
#include "codec/schema.h"
#include "codec/text.h"

/* --- To JSON ---------------------------------------------------------------------------------- */

typedef struct printer {
    const mr_bson_shape *shape;
    mr_buffer out;
    unsigned defined; /* 1 << kind: named types that are written already */
} printer;

static void put_record(printer *p, shape_record *r);

/* A type with a name is defined where it comes first. */
static void put_named(printer *p, shape_kind kind, const char *name, const char *definition)
{
    if (p->defined >> kind & 1) {
        mr_buffer_printf(&p->out, "\"%s\"", name);
    } else {
        mr_buffer_printf(&p->out, "{\"name\":\"%s\",%s}", name, definition);
        p->defined |= 1u << kind;
    }
}

static void put_value(printer *p, shape_value *v);

static void put_kind(printer *p, shape_value *v, shape_kind kind)
{
    static const char *const plain[SHAPE_KINDS] = {
        [SHAPE_BOOL] = "\"boolean\"",
        [SHAPE_INT] = "\"int\"",
        [SHAPE_LONG] = "\"long\"",
        [SHAPE_DOUBLE] = "\"double\"",
        [SHAPE_STRING] = "\"string\"",
        [SHAPE_DATE] = "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}",
        [SHAPE_BYTES] = "\"bytes\"",
    };
    switch (kind) {
    case SHAPE_UUID:
        put_named(p, kind, MR_UUID_NAME, "\"type\":\"fixed\",\"size\":16,\"logicalType\":\"uuid\"");
        break;
    case SHAPE_OBJECT_ID:
        put_named(p, kind, MR_OBJECT_ID_NAME, "\"type\":\"fixed\",\"size\":12");
        break;
    case SHAPE_DECIMAL128:
        put_named(p, kind, MR_DECIMAL128_NAME, "\"type\":\"fixed\",\"size\":16");
        break;
    case SHAPE_JSON:
        put_named(p, kind, MR_JSON_NAME,
                  "\"type\":\"record\",\"fields\":[{\"name\":\"json\",\"type\":\"string\"}]");
        break;
    case SHAPE_RECORD:
        put_record(p, v->record);
        break;
    case SHAPE_ARRAY:
        mr_buffer_add_text(&p->out, "{\"type\":\"array\",\"items\":");
        put_value(p, v->items);
        mr_buffer_add_char(&p->out, '}');
        break;
    default:
        mr_buffer_add_text(&p->out, plain[kind]);
    }
}

/* What has had no value yet is null, and stays nullable: the next version must read it. */
static void put_value(printer *p, shape_value *v)
{
    v->null |= !v->count;
    bool many = v->null + v->count > 1;
    if (many) {
        mr_buffer_add_char(&p->out, '[');
    }
    if (v->null) {
        mr_buffer_add_text(&p->out, "\"null\"");
    }
    for (size_t i = 0; i < v->count; i++) {
        if (v->null || i) {
            mr_buffer_add_char(&p->out, ',');
        }
        put_kind(p, v, v->kinds[i]);
    }
    if (many) {
        mr_buffer_add_char(&p->out, ']');
    }
}

static void put_field(printer *p, shape_field *f)
{
    mr_buffer_printf(&p->out, "{\"name\":\"%s\",\"type\":", f->avro);
    put_value(p, &f->value);
    mr_buffer_add_text(&p->out, ",\"default\":null");
    if (strcmp(f->name, f->avro) != 0) {
        mr_buffer_add_text(&p->out, ",\"doc\":");
        mr_json_text(f->name, strlen(f->name), &p->out);
    }
    mr_buffer_add_char(&p->out, '}');
}

static void put_record(printer *p, shape_record *r)
{
    mr_buffer_printf(&p->out,
                     "{\"type\":\"record\",\"name\":\"%s\",\"aliases\":[\"" MR_BSON_ABSENT
                     "\"%s%s],\"fields\":[",
                     r->name, p->shape->options.widen ? "" : ",\"" MR_BSON_UNWIDENED "\"",
                     p->shape->full ? ",\"" MR_BSON_FULL "\"" : "");
    for (size_t i = 0; i < r->count; i++) {
        if (i) {
            mr_buffer_add_char(&p->out, ',');
        }
        put_field(p, r->fields[i]);
    }
    if (r->rest) {
        mr_buffer_printf(&p->out, "%s{\"name\":\"%s\",\"type\":[\"null\",", r->count ? "," : "",
                         r->rest);
        put_kind(p, NULL, SHAPE_JSON);
        mr_buffer_add_text(&p->out, "],\"default\":null,\"aliases\":[\"" MR_BSON_REST "\"]}");
    }
    mr_buffer_add_text(&p->out, "]}");
    r->published = true;
}

mr_status mr_bson_shape_schema(mr_bson_shape *shape, const mr_schema **ret, mr_error *err)
{
    printer p = {shape, MR_BUFFER_INIT(16 << 20), 0};
    put_record(&p, shape->root);
    mr_status status = p.out.failed ? mr_fail(err, MR_FATAL, MR_DOMAIN_SCHEMA,
                                              "the schema of %s is longer than %zu bytes",
                                              shape->options.name, p.out.limit)
                                    : mr_schema_parse(p.out.data, p.out.len, ret, err);
    mr_buffer_release(&p.out);
    return status;
}

/* --- From a schema ---------------------------------------------------------------------------- */

/* SHAPE_NULL also for what no shape makes; the caller has passed over null. */
static shape_kind kind_of(const mr_schema *schema)
{
    static const uint8_t kinds[MR_TYPE_COUNT] = {
        [MR_BOOL] = SHAPE_BOOL + 1,     [MR_INT] = SHAPE_INT + 1,
        [MR_LONG] = SHAPE_LONG + 1,     [MR_DOUBLE] = SHAPE_DOUBLE + 1,
        [MR_STRING] = SHAPE_STRING + 1, [MR_TIMESTAMP_MS] = SHAPE_DATE + 1,
        [MR_BYTES] = SHAPE_BYTES + 1,   [MR_ARRAY] = SHAPE_ARRAY + 1,
    };
    static const struct {
        const char *name;
        mr_type type;
        shape_kind kind;
    } named[] = {
        {MR_UUID_NAME, MR_UUID, SHAPE_UUID},
        {MR_OBJECT_ID_NAME, MR_FIXED, SHAPE_OBJECT_ID},
        {MR_DECIMAL128_NAME, MR_FIXED, SHAPE_DECIMAL128},
        {MR_JSON_NAME, MR_RECORD, SHAPE_JSON},
    };
    for (size_t i = 0; schema->name && i < sizeof named / sizeof *named; i++) {
        if (schema->type == named[i].type && strcmp(schema->name, named[i].name) == 0) {
            return named[i].kind;
        }
    }
    if (schema->type == MR_RECORD &&
        mr_schema_has_alias(schema->aliases, schema->alias_count, MR_BSON_ABSENT)) {
        return SHAPE_RECORD;
    }
    return kinds[schema->type] ? (shape_kind)(kinds[schema->type] - 1) : SHAPE_NULL;
}

static mr_status foreign(const char *what, const char *where, mr_error *err)
{
    return mr_fail(err, MR_FATAL, MR_DOMAIN_SCHEMA,
                   "the schema was not inferred from documents, so it cannot be gone on from: %s "
                   "in %s",
                   what, where);
}

static mr_status restore_record(mr_bson_shape *s, shape_record *r, const mr_schema *schema,
                                size_t depth, mr_error *err);

static mr_status restore_value(mr_bson_shape *s, shape_value *v, const mr_schema *schema,
                               size_t depth, mr_error *err);

static mr_status restore_kind(mr_bson_shape *s, shape_value *v, const mr_schema *schema,
                              size_t depth, mr_error *err)
{
    shape_kind kind = kind_of(schema);
    if (kind == SHAPE_NULL || shape_has(v, kind) || depth > MR_SHAPE_DEPTH_MAX) {
        return foreign(schema->name ? schema->name : mr_type_name(schema->type), v->path, err);
    }
    mr_shape_add_kind(s, v, kind);
    if (kind == SHAPE_ARRAY) {
        v->items = mr_arena_calloc(s->arena, 1, sizeof *v->items);
        v->items->path = v->path;
        return restore_value(s, v->items, schema->items, depth + 1, err);
    }
    if (kind == SHAPE_RECORD) {
        shape_record *r = mr_shape_new_record(s, schema->name, v);
        return strcmp(r->name, schema->name) != 0
                   ? foreign("a record in two places", schema->name, err)
                   : restore_record(s, r, schema, depth + 1, err);
    }
    return MR_OK;
}

static mr_status restore_value(mr_bson_shape *s, shape_value *v, const mr_schema *schema,
                               size_t depth, mr_error *err)
{
    const mr_schema *const *branches = &schema;
    size_t count = 1;
    if (schema->type == MR_UNION) {
        branches = schema->branches;
        count = schema->branch_count;
    }
    mr_status status = MR_OK;
    for (size_t i = 0; !status && i < count; i++) {
        if (branches[i]->type == MR_NULL) {
            v->null = true;
        } else {
            status = restore_kind(s, v, branches[i], depth, err);
        }
    }
    return status;
}

static mr_status restore_record(mr_bson_shape *s, shape_record *r, const mr_schema *schema,
                                size_t depth, mr_error *err)
{
    mr_status status = MR_OK;
    r->published = true;
    for (size_t i = 0; !status && i < schema->field_count; i++) {
        const mr_field *from = &schema->fields[i];
        if (mr_schema_has_alias(from->aliases, from->alias_count, MR_BSON_REST)) {
            r->rest = mr_arena_strndup(s->arena, from->name, strlen(from->name));
            mr_name_map_put(&r->taken, r->rest, r->rest);
            continue;
        }
        shape_field *f = mr_shape_new_field(s, r, from->doc ? from->doc : from->name, from->name);
        status = restore_value(s, &f->value, from->schema, depth, err);
    }
    return status;
}

mr_status mr_bson_shape_restore(const mr_bson_shape_options *options, const mr_schema *schema,
                                mr_bson_shape **ret, mr_error *err)
{
    if (schema->type != MR_RECORD || kind_of(schema) != SHAPE_RECORD) {
        return foreign("it has no alias " MR_BSON_ABSENT,
                       schema->name ? schema->name : mr_type_name(schema->type), err);
    }
    mr_bson_shape *s = mr_shape_alloc(options);
    s->root = mr_shape_new_record(s, schema->name, NULL);
    mr_status status = restore_record(s, s->root, schema, 1, err);
    s->full = mr_schema_has_alias(schema->aliases, schema->alias_count, MR_BSON_FULL);
    if (status) {
        mr_bson_shape_free(s);
    } else {
        *ret = s;
    }
    return status;
}
