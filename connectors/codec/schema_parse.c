/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON text to schema (Avro 1.11 specification, "Schema Declaration"). One pass over the JSON makes
 * the nodes, in the order in which they are written, so that a named type is known from the line
 * where its definition begins. Defaults come last (schema_default.c).
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/schema_tree.h"

typedef mr_schema_parser parser;

static mr_status parse_schema(parser *p, const json_t *json, const char *space,
                              const mr_schema **ret);

mr_status mr_schema_bad(parser *p, const char *format, ...)
{
    char reason[600];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    mr_fail(p->err, MR_FATAL, MR_DOMAIN_SCHEMA, "Avro schema, at %s: %s", p->path, reason);
    if (p->field) {
        mr_error_field(p->err, p->field);
    }
    return MR_FATAL;
}

/* Lengthens the path; returns its old length, for leave(). */
static size_t enter(parser *p, const char *format, ...) MR_PRINTF(2, 3);
static size_t enter(parser *p, const char *format, ...)
{
    size_t before = p->path_len;
    va_list args;
    va_start(args, format);
    int len = vsnprintf(p->path + before, sizeof p->path - before, format, args);
    va_end(args);
    p->path_len = strnlen(p->path, before + (len > 0 ? (size_t)len : 0));
    return before;
}

static void leave(parser *p, size_t before)
{
    p->path_len = before;
    p->path[before] = '\0';
}

static const char *copy(parser *p, const char *text)
{
    return mr_arena_strndup(p->tree->arena, text, strlen(text));
}

static mr_schema *new_node(parser *p, mr_type base)
{
    mr_schema *node = mr_arena_calloc(p->tree->arena, 1, sizeof *node);
    node->type = node->base = base;
    node->enum_default = -1;
    node->id = p->tree->node_count++;
    return node;
}

static mr_status count_name(parser *p)
{
    if (++p->declared > MR_SCHEMA_NAMES_MAX) {
        return mr_schema_bad(p, "more than %d named types and fields", MR_SCHEMA_NAMES_MAX);
    }
    return MR_OK;
}

/* The text of a member. MR_OK with *ret NULL when it is absent and need not be there. */
static mr_status get_text(parser *p, const json_t *object, const char *key, bool required,
                          const char **ret)
{
    const json_t *value = json_object_get(object, key);
    *ret = NULL;
    if (!value) {
        return required ? mr_schema_bad(p, "\"%s\" is missing", key) : MR_OK;
    }
    if (!json_is_string(value)) {
        return mr_schema_bad(p, "\"%s\" must be a string", key);
    }
    const char *text = json_string_value(value);
    if (strlen(text) != json_string_length(value)) {
        return mr_schema_bad(p, "\"%s\" holds a NUL character", key);
    }
    *ret = text;
    return MR_OK;
}

/* Dot-separated names, e.g. "org.acme.Trip"; a single name is fine. */
static mr_status check_dotted(parser *p, const char *what, const char *text)
{
    if (strlen(text) > MR_SCHEMA_NAME_BYTES_MAX) {
        return mr_schema_bad(p, "%s \"%.40s...\" is longer than %d bytes", what, text,
                             MR_SCHEMA_NAME_BYTES_MAX);
    }
    for (const char *part = text;;) {
        size_t len = strcspn(part, ".");
        if (!mr_schema_is_name(part, len)) {
            return mr_schema_bad(p,
                                 "%s \"%s\" is not an Avro name: letters, digits and _, not "
                                 "starting with a digit",
                                 what, text);
        }
        if (!part[len]) {
            return MR_OK;
        }
        part += len + 1;
    }
}

/* A name as it stands in `space` ("": none), in the arena. */
static const char *qualify(parser *p, const char *name, const char *space)
{
    return strchr(name, '.') || !*space ? copy(p, name)
                                        : mr_arena_format(p->tree->arena, "%s.%s", space, name);
}

static const char *space_of(parser *p, const char *full_name)
{
    const char *dot = strrchr(full_name, '.');
    return dot ? mr_arena_strndup(p->tree->arena, full_name, (size_t)(dot - full_name)) : "";
}

static mr_status parse_aliases(parser *p, const json_t *object, const char *space,
                               const char *const **aliases, size_t *count)
{
    const json_t *array = json_object_get(object, "aliases");
    if (!array) {
        return MR_OK;
    }
    if (!json_is_array(array)) {
        return mr_schema_bad(p, "\"aliases\" must be an array of names");
    }
    size_t n = json_array_size(array);
    const char **names = mr_arena_alloc(p->tree->arena, n * sizeof *names);
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string_value(json_array_get(array, i));
        if (!text) {
            return mr_schema_bad(p, "alias %zu is not a string", i);
        }
        mr_status status = check_dotted(p, "alias", text);
        if (status) {
            return status;
        }
        names[i] = space ? qualify(p, text, space) : copy(p, text);
    }
    *aliases = names;
    *count = n;
    return MR_OK;
}

/* Reads name, namespace, doc and aliases, and makes the type known under its full name. */
static mr_status declare(parser *p, const json_t *object, const char *outer, mr_schema *node)
{
    const char *name, *space, *doc;
    mr_status status = get_text(p, object, "name", true, &name);
    status = status ? status : get_text(p, object, "namespace", false, &space);
    status = status ? status : get_text(p, object, "doc", false, &doc);
    status = status ? status : check_dotted(p, "name", name);
    if (!status && space && *space) {
        status = check_dotted(p, "namespace", space);
    }
    status = status ? status : count_name(p);
    if (status) {
        return status;
    }
    node->name = qualify(p, name, space ? space : outer);
    node->doc = doc ? copy(p, doc) : NULL;
    if (node->id == 0) {
        leave(p, 0);
        enter(p, "%s", node->name);
    }
    const char *last = strrchr(node->name, '.');
    if (mr_schema_primitive(last ? last + 1 : node->name) != MR_TYPE_COUNT) {
        return mr_schema_bad(p, "\"%s\" is the name of a primitive type", node->name);
    }
    if (strlen(node->name) > MR_SCHEMA_NAME_BYTES_MAX) {
        return mr_schema_bad(p, "the full name is longer than %d bytes", MR_SCHEMA_NAME_BYTES_MAX);
    }
    if (!mr_name_map_put(&p->names, node->name, node)) {
        return mr_schema_bad(p, "a type named \"%s\" is already defined", node->name);
    }
    return parse_aliases(p, object, space_of(p, node->name), &node->aliases, &node->alias_count);
}

static mr_status parse_order(parser *p, const json_t *object, int *order)
{
    const char *text;
    mr_status status = get_text(p, object, "order", false, &text);
    if (status) {
        return status;
    }
    if (!text || strcmp(text, "ascending") == 0) {
        *order = 1;
    } else if (strcmp(text, "descending") == 0) {
        *order = -1;
    } else if (strcmp(text, "ignore") == 0) {
        *order = 0;
    } else {
        return mr_schema_bad(p, "\"order\" is \"%s\"; allowed: ascending, descending, ignore",
                             text);
    }
    return MR_OK;
}

static mr_status parse_field(parser *p, const json_t *json, const char *space, mr_field *field)
{
    const char *name, *doc;
    if (!json_is_object(json)) {
        return mr_schema_bad(p, "a field must be a JSON object");
    }
    mr_status status = get_text(p, json, "name", true, &name);
    if (status) {
        return status;
    }
    const char *outer_field = p->field;
    p->field = field->name = copy(p, name);
    status = count_name(p);
    if (!status &&
        (strlen(name) > MR_SCHEMA_NAME_BYTES_MAX || !mr_schema_is_name(name, strlen(name)))) {
        status = mr_schema_bad(p,
                               "field name \"%.200s\" is not an Avro name: letters, digits and _, "
                               "not starting with a digit, at most %d bytes",
                               name, MR_SCHEMA_NAME_BYTES_MAX);
    }
    status = status ? status : get_text(p, json, "doc", false, &doc);
    status = status ? status : parse_order(p, json, &field->order);
    status = status ? status : parse_aliases(p, json, NULL, &field->aliases, &field->alias_count);
    if (status) {
        return status;
    }
    field->doc = doc ? copy(p, doc) : NULL;
    const json_t *type = json_object_get(json, "type");
    if (!type) {
        return mr_schema_bad(p, "field \"%s\" has no \"type\"", name);
    }
    size_t mark = enter(p, ".type");
    status = parse_schema(p, type, space, &field->schema);
    if (!status) {
        leave(p, mark);
        p->field = outer_field;
    }
    return status;
}

/* Room in p->pending for all fields of a record, one after the other. */
static mr_pending_default *reserve_pending(parser *p, const mr_schema *record)
{
    if (record->id >= p->first_capacity) {
        p->first_capacity = (record->id + 16u) * 2u;
        p->first_pending =
            mr_realloc_array(p->first_pending, p->first_capacity, sizeof *p->first_pending);
    }
    size_t first = p->pending_count;
    p->first_pending[record->id] = (uint32_t)first;
    p->pending_count += record->field_count;
    p->pending = mr_realloc_array(p->pending, p->pending_count + 1, sizeof *p->pending);
    return p->pending + first;
}

static mr_status parse_record(parser *p, const json_t *object, const char *outer,
                              const mr_schema **ret)
{
    mr_schema *record = new_node(p, MR_RECORD);
    *ret = record;
    mr_status status = declare(p, object, outer, record);
    const json_t *array = json_object_get(object, "fields");
    if (!status && !json_is_array(array)) {
        status = mr_schema_bad(p, "a record needs \"fields\", an array");
    }
    size_t count = json_array_size(array);
    if (!status && count > MR_SCHEMA_NAMES_MAX) {
        status = mr_schema_bad(p, "more than %d fields", MR_SCHEMA_NAMES_MAX);
    }
    if (status) {
        return status;
    }
    mr_field *fields = mr_arena_calloc(p->tree->arena, count, sizeof *fields);
    record->fields = fields;
    record->field_count = count;
    mr_pending_default *pending = reserve_pending(p, record);
    for (size_t i = 0; i < count; i++) {
        const json_t *dflt = json_object_get(json_array_get(array, i), "default");
        pending[i] = (mr_pending_default){&fields[i], dflt, 0, MR_DEFAULT_WAITING};
    }
    const char *space = space_of(p, record->name);
    mr_name_map seen = {0};
    for (size_t i = 0; !status && i < count; i++) {
        size_t mark = enter(p, ".fields[%zu]", i);
        status = parse_field(p, json_array_get(array, i), space, &fields[i]);
        if (!status && !mr_name_map_put(&seen, fields[i].name, &fields[i])) {
            p->field = fields[i].name;
            status = mr_schema_bad(p, "a field named \"%s\" is already there", fields[i].name);
        }
        if (!status) {
            leave(p, mark);
        }
    }
    mr_name_map_release(&seen);
    return status;
}

static mr_status parse_enum_default(parser *p, const json_t *object, mr_schema *node)
{
    const char *text;
    mr_status status = get_text(p, object, "default", false, &text);
    if (status || !text) {
        return status;
    }
    for (size_t i = 0; i < node->symbol_count; i++) {
        if (strcmp(node->symbols[i], text) == 0) {
            node->enum_default = (int)i;
            return MR_OK;
        }
    }
    return mr_schema_bad(p, "the default \"%s\" is not one of the symbols", text);
}

static mr_status parse_symbols(parser *p, const json_t *array, mr_name_map *seen,
                               const char **symbols)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *value = json_array_get(array, i);
        const char *text = json_string_value(value);
        if (!text || !mr_schema_is_name(text, json_string_length(value))) {
            return mr_schema_bad(p, "symbol %zu is not an Avro name", i);
        }
        symbols[i] = copy(p, text);
        if (!mr_name_map_put(seen, symbols[i], symbols[i])) {
            return mr_schema_bad(p, "the symbol \"%s\" is there twice", text);
        }
    }
    return MR_OK;
}

static mr_status parse_enum(parser *p, const json_t *object, const char *outer,
                            const mr_schema **ret)
{
    mr_schema *node = new_node(p, MR_ENUM);
    *ret = node;
    mr_status status = declare(p, object, outer, node);
    if (status) {
        return status;
    }
    const json_t *array = json_object_get(object, "symbols");
    size_t count = json_array_size(array);
    if (!json_is_array(array) || count > MR_SCHEMA_SYMBOLS_MAX) {
        return mr_schema_bad(p, "an enum needs \"symbols\", an array of at most %d names",
                             MR_SCHEMA_SYMBOLS_MAX);
    }
    const char **symbols = mr_arena_calloc(p->tree->arena, count, sizeof *symbols);
    node->symbols = symbols;
    node->symbol_count = count;
    mr_name_map seen = {0};
    status = parse_symbols(p, array, &seen, symbols);
    mr_name_map_release(&seen);
    return status ? status : parse_enum_default(p, object, node);
}

static mr_status parse_fixed(parser *p, const json_t *object, const char *outer,
                             const mr_schema **ret)
{
    mr_schema *node = new_node(p, MR_FIXED);
    *ret = node;
    mr_status status = declare(p, object, outer, node);
    if (status) {
        return status;
    }
    const json_t *size = json_object_get(object, "size");
    if (!json_is_integer(size) || json_integer_value(size) < 0 ||
        json_integer_value(size) > INT32_MAX) {
        return mr_schema_bad(p, "a fixed needs \"size\", a number of bytes from 0 to %d",
                             INT32_MAX);
    }
    node->size_bytes = (size_t)json_integer_value(size);
    mr_schema_set_logical(node, object);
    return MR_OK;
}

static mr_status parse_items(parser *p, const json_t *object, mr_type type, const char *space,
                             const mr_schema **ret)
{
    const char *key = type == MR_ARRAY ? "items" : "values";
    mr_schema *node = new_node(p, type);
    *ret = node;
    const json_t *items = json_object_get(object, key);
    if (!items) {
        return mr_schema_bad(p, "%s needs \"%s\"", type == MR_ARRAY ? "an array" : "a map", key);
    }
    size_t mark = enter(p, ".%s", key);
    mr_status status = parse_schema(p, items, space, &node->items);
    if (!status) {
        leave(p, mark);
    }
    return status;
}

/* Unions hold no unions, and only one branch of each type that has no name. */
static mr_status check_branch(parser *p, const mr_schema *node, size_t at)
{
    const mr_schema *branch = node->branches[at];
    if (branch->type == MR_UNION) {
        return mr_schema_bad(p, "a union directly inside a union is not allowed");
    }
    for (size_t i = 0; i < at; i++) {
        const mr_schema *other = node->branches[i];
        if (other == branch || (!branch->name && other->base == branch->base)) {
            return mr_schema_bad(p, "a second branch of type %s",
                                 branch->name ? branch->name : mr_type_name(branch->base));
        }
    }
    return MR_OK;
}

static mr_status parse_union(parser *p, const json_t *array, const char *space,
                             const mr_schema **ret)
{
    mr_schema *node = new_node(p, MR_UNION);
    *ret = node;
    size_t count = json_array_size(array);
    if (count == 0 || count > MR_SCHEMA_BRANCHES_MAX) {
        return mr_schema_bad(p, "a union of %zu branches; allowed: 1 to %d", count,
                             MR_SCHEMA_BRANCHES_MAX);
    }
    const mr_schema **branches = mr_arena_calloc(p->tree->arena, count, sizeof *branches);
    node->branches = branches;
    for (size_t i = 0; i < count; i++) {
        size_t mark = enter(p, "[%zu]", i);
        mr_status status = parse_schema(p, json_array_get(array, i), space, &branches[i]);
        status = status ? status : check_branch(p, node, i);
        if (status) {
            return status;
        }
        node->nullable |= branches[i]->type == MR_NULL;
        node->branch_count = i + 1;
        leave(p, mark);
    }
    return MR_OK;
}

/* A primitive, or a named type defined before: in this namespace or else in none. */
static mr_status parse_name(parser *p, const json_t *json, const char *space,
                            const json_t *attributes, const mr_schema **ret)
{
    const char *name = json_string_value(json);
    mr_type primitive = mr_schema_primitive(name);
    if (primitive != MR_TYPE_COUNT && strlen(name) == json_string_length(json)) {
        mr_schema *node = new_node(p, primitive);
        if (attributes) {
            mr_schema_set_logical(node, attributes);
        }
        *ret = node;
        return MR_OK;
    }
    mr_status status = check_dotted(p, "type", name);
    if (status) {
        return status;
    }
    *ret = mr_name_map_get(&p->names, qualify(p, name, space));
    if (!*ret) {
        *ret = mr_name_map_get(&p->names, name);
    }
    if (!*ret) {
        return mr_schema_bad(p, "\"%s\" is neither an Avro type nor a type defined before", name);
    }
    return MR_OK;
}

static mr_status parse_object(parser *p, const json_t *object, const char *space,
                              const mr_schema **ret)
{
    const json_t *type = json_object_get(object, "type");
    if (!type) {
        return mr_schema_bad(p, "\"type\" is missing");
    }
    const char *name = json_string_value(type);
    if (!name) {
        return parse_schema(p, type, space, ret); /* {"type": {...}}: as others, we look through */
    }
    if (strcmp(name, "record") == 0 || strcmp(name, "error") == 0) {
        return parse_record(p, object, space, ret);
    }
    if (strcmp(name, "enum") == 0) {
        return parse_enum(p, object, space, ret);
    }
    if (strcmp(name, "fixed") == 0) {
        return parse_fixed(p, object, space, ret);
    }
    if (strcmp(name, "array") == 0) {
        return parse_items(p, object, MR_ARRAY, space, ret);
    }
    if (strcmp(name, "map") == 0) {
        return parse_items(p, object, MR_MAP, space, ret);
    }
    return parse_name(p, type, space, object, ret);
}

static mr_status parse_schema(parser *p, const json_t *json, const char *space,
                              const mr_schema **ret)
{
    if (p->depth >= MR_SCHEMA_DEPTH_MAX) {
        return mr_schema_bad(p, "nested deeper than %d", MR_SCHEMA_DEPTH_MAX);
    }
    mr_status status;
    p->depth++;
    switch (json_typeof(json)) {
    case JSON_STRING:
        status = parse_name(p, json, space, NULL, ret);
        break;
    case JSON_ARRAY:
        status = parse_union(p, json, space, ret);
        break;
    case JSON_OBJECT:
        status = parse_object(p, json, space, ret);
        break;
    default:
        status = mr_schema_bad(p, "a schema must be a string, an object or an array");
    }
    p->depth--;
    return status;
}

/* Everything but the JSON itself: nodes, defaults, and the texts kept with the root. */
static mr_status build(parser *p, const json_t *json)
{
    const mr_schema *root;
    mr_status status = parse_schema(p, json, "", &root);
    status = status ? status : mr_schema_make_defaults(p);
    if (status) {
        return status;
    }
    mr_schema_tree *tree = p->tree;
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    if (!text) {
        return mr_schema_bad(p, "cannot be written as JSON");
    }
    tree->json = copy(p, text);
    free(text);
    tree->canonical = mr_schema_print_canonical(root, tree->arena);
    if (!tree->canonical) {
        return mr_schema_bad(p, "the canonical form is longer than %d bytes",
                             MR_SCHEMA_CANONICAL_BYTES_MAX);
    }
    mr_schema *mutable_root = (mr_schema *)root;
    mutable_root->internal = tree;
    mutable_root->fingerprint = mr_fingerprint(tree->canonical, strlen(tree->canonical));
    p->root = root;
    return MR_OK;
}

static mr_status load(const char *text, size_t len, json_t **ret, mr_error *err)
{
    if (len > MR_SCHEMA_TEXT_BYTES_MAX) {
        return mr_fail(err, MR_FATAL, MR_DOMAIN_SCHEMA,
                       "Avro schema of %zu bytes; at most %d are allowed", len,
                       MR_SCHEMA_TEXT_BYTES_MAX);
    }
    json_error_t where;
    *ret = json_loadb(len ? text : "", len,
                      JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &where);
    if (!*ret) {
        return mr_fail(err, MR_FATAL, MR_DOMAIN_SCHEMA,
                       "Avro schema is not valid JSON, line %d column %d: %s", where.line,
                       where.column, where.text);
    }
    return MR_OK;
}

mr_status mr_schema_parse(const char *json, size_t len, const mr_schema **ret, mr_error *err)
{
    json_t *loaded;
    mr_status status = load(json, len, &loaded, err);
    if (status) {
        return status;
    }
    parser p = {.err = err, .path = "schema", .path_len = strlen("schema")};
    p.tree = mr_calloc(1, sizeof *p.tree);
    p.tree->arena = mr_arena_new();
    atomic_init(&p.tree->refs, 1);
    status = build(&p, loaded);
    if (status) {
        mr_arena_free(p.tree->arena);
        free(p.tree);
    } else {
        *ret = p.root;
    }
    mr_name_map_release(&p.names);
    free(p.pending);
    free(p.first_pending);
    json_decref(loaded);
    return status;
}
