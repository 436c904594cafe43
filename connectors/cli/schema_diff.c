/* SPDX-License-Identifier: Apache-2.0 */
/* See schema_diff.h. Fields are matched by name; a schema that holds itself is walked once per pair
 * of nodes. */
#include "cli/schema_diff.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "cli/record_json.h"
#include "codec/schema.h"

enum { TEXT_MAX_BYTES = 1 << 20, DEPTH_MAX = 64 };

typedef struct comparing {
    json_t *changes;
    const mr_schema *walked[DEPTH_MAX]; /* records of the old schema that we are in */
    int depth;
} comparing;

static void tell(comparing *c, const char *path, const char *change, const char *old,
                 const char *new)
{
    json_t *entry = json_pack("{s:s, s:s}", "path", path, "change", change);
    if (old) {
        json_object_set_new(entry, "old", json_string(old));
    }
    if (new) {
        json_object_set_new(entry, "new", json_string(new));
    }
    json_array_append_new(c->changes, entry);
}

static void describe(const mr_schema *schema, mr_buffer *out)
{
    if (schema->type == MR_UNION) {
        for (size_t i = 0; i < schema->branch_count; i++) {
            mr_buffer_add_text(out, i ? " | " : "");
            describe(schema->branches[i], out);
        }
    } else if (schema->type == MR_ARRAY || schema->type == MR_MAP) {
        mr_buffer_printf(out, "%s of ", mr_type_name(schema->type));
        describe(schema->items, out);
    } else if (schema->type == MR_DECIMAL) {
        mr_buffer_printf(out, "decimal(%d,%d)", schema->precision, schema->scale);
    } else {
        mr_buffer_add_text(out, schema->name ? schema->name : mr_type_name(schema->type));
        if (schema->name && schema->type != MR_RECORD) {
            mr_buffer_printf(out, " (%s)", mr_type_name(schema->type));
        }
    }
}

static char *type_text(const mr_schema *schema)
{
    mr_buffer out = MR_BUFFER_INIT(TEXT_MAX_BYTES);
    describe(schema, &out);
    char *text = mr_strdup(mr_buffer_text(&out));
    mr_buffer_release(&out);
    return text;
}

static char *default_text(const mr_field *field)
{
    if (!field->dflt) {
        return NULL;
    }
    json_t *value = mr_show_cell(field->dflt, field->schema);
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    json_decref(value);
    return text;
}

static void compare(comparing *c, const char *path, const mr_schema *old, const mr_schema *new);

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void compare_field(comparing *c, const char *path, const mr_field *old, const mr_field *new)
{
    mr_auto_free char *old_default = default_text(old), *new_default = default_text(new);
    compare(c, path, old->schema, new->schema);
    if (!same_text(old_default, new_default)) {
        tell(c, path, "default", old_default ? old_default : "none",
             new_default ? new_default : "none");
    }
    if (!same_text(old->doc, new->doc)) {
        tell(c, path, "doc", old->doc ? old->doc : "", new->doc ? new->doc : "");
    }
}

static void tell_added(comparing *c, const char *path, const mr_field *field)
{
    mr_auto_free char *type = type_text(field->schema), *dflt = default_text(field);
    mr_auto_free char *text =
        dflt ? mr_format("%s, default %s", type, dflt) : mr_format("%s, no default", type);
    tell(c, path, "added", NULL, text);
}

static void compare_records(comparing *c, const char *path, const mr_schema *old,
                            const mr_schema *new)
{
    for (int i = 0; i < c->depth; i++) {
        if (c->walked[i] == old) {
            return;
        }
    }
    if (c->depth == DEPTH_MAX) {
        return;
    }
    c->walked[c->depth++] = old;
    for (size_t i = 0; i < old->field_count; i++) {
        const mr_field *field = &old->fields[i], *found = mr_schema_field(new, field->name);
        mr_auto_free char *inner = mr_format("%s.%s", path, field->name);
        if (found) {
            compare_field(c, inner, field, found);
        } else {
            mr_auto_free char *type = type_text(field->schema);
            tell(c, inner, "removed", type, NULL);
        }
    }
    for (size_t i = 0; i < new->field_count; i++) {
        if (!mr_schema_field(old, new->fields[i].name)) {
            mr_auto_free char *inner = mr_format("%s.%s", path, new->fields[i].name);
            tell_added(c, inner, &new->fields[i]);
        }
    }
    c->depth--;
}

static void compare_symbols(comparing *c, const char *path, const mr_schema *old,
                            const mr_schema *new)
{
    for (int turn = 0; turn < 2; turn++) {
        const mr_schema *in = turn ? new : old, *other = turn ? old : new;
        for (size_t i = 0; i < in->symbol_count; i++) {
            bool there = false;
            for (size_t k = 0; k < other->symbol_count && !there; k++) {
                there = strcmp(in->symbols[i], other->symbols[k]) == 0;
            }
            if (!there) {
                tell(c, path, "symbols", turn ? NULL : in->symbols[i],
                     turn ? in->symbols[i] : NULL);
            }
        }
    }
}

static void compare(comparing *c, const char *path, const mr_schema *old, const mr_schema *new)
{
    const mr_schema *a = mr_schema_strip_null(old), *b = mr_schema_strip_null(new);
    mr_auto_free char *old_type = type_text(old), *new_type = type_text(new);
    bool walk = a->type == b->type && a->type != MR_UNION;
    if (strcmp(old_type, new_type) != 0) {
        tell(c, path, "type", old_type, new_type);
    }
    if (walk && a->type == MR_RECORD) {
        compare_records(c, path, a, b);
    } else if (walk && a->type == MR_ENUM) {
        compare_symbols(c, path, a, b);
    } else if (walk && (a->type == MR_ARRAY || a->type == MR_MAP)) {
        mr_auto_free char *inner = mr_format("%s[]", path);
        const mr_schema *x = mr_schema_strip_null(a->items), *y = mr_schema_strip_null(b->items);
        if (x->type == MR_RECORD && y->type == MR_RECORD) {
            compare_records(c, inner, x, y);
        }
    }
}

json_t *mr_schema_diff(const mr_schema *old, const mr_schema *new)
{
    comparing c = {.changes = json_array()};
    const char *name = old->name ? old->name : mr_type_name(old->type);
    const char *dot = strrchr(name, '.');
    compare(&c, dot ? dot + 1 : name, old, new);
    return c.changes;
}
