/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schemas that refer to others. The registry keeps a schema's text apart from the types it uses:
 * {"schema": "...", "references": [{"name": "taxi.Zone", "subject": "zone", "version": 1}]}. Avro
 * knows no such thing: a name must be defined where it is used first. So that is where each
 * referred type's definition is put, once.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "kafka/registry_answer.h"

enum { DEPTH_MAX = 16, TYPES_MAX = 1000, NESTING_MAX = 64, TEXTS_MAX_BYTES = 16 << 20 };

typedef struct resolving {
    mr_registry_get *get;
    void *context;
    size_t bytes;  /* of all texts so far */
    json_t *types; /* full name -> definition that waits for its first use; null: it was put in */
    json_t *seen;  /* "subject:version": fetched */
} resolving;

static mr_status bad(mr_error *err, const char *what)
{
    return mr_fail(err, MR_REJECT, MR_DOMAIN_SCHEMA,
                   "a schema's references can not be resolved: %s", what);
}

/* --- Fetching --- */

static mr_status collect(resolving *r, const json_t *references, int depth, mr_error *err);

/* The definition in the answer for what is referred to. */
static mr_status keep(resolving *r, const char *name, const json_t *answer, int http, mr_error *err)
{
    char words[MR_REGISTRY_WORDS_BYTES];
    const json_t *schema = json_object_get(answer, "schema");
    if (http != 200 || !json_is_string(schema)) {
        return bad(err, http == 200 ? "what is referred to has no schema"
                                    : mr_registry_words(answer, words));
    }
    r->bytes += json_string_length(schema);
    if (r->bytes > TEXTS_MAX_BYTES) {
        return bad(err, "they are larger than 16 MiB together");
    }
    json_t *definition = json_loads(json_string_value(schema), JSON_DECODE_ANY, NULL);
    if (!definition) {
        return bad(err, "what is referred to is no JSON");
    }
    json_object_set_new(r->types, name, definition);
    return MR_OK;
}

static mr_status fetch(resolving *r, const json_t *reference, int depth, mr_error *err)
{
    const char *name = json_string_value(json_object_get(reference, "name"));
    const char *subject = json_string_value(json_object_get(reference, "subject"));
    json_int_t version = json_integer_value(json_object_get(reference, "version"));
    if (!name || !subject || depth > DEPTH_MAX || json_object_size(r->seen) >= TYPES_MAX) {
        return bad(err, name && subject ? "they are nested too deeply, or in a circle"
                                        : "one has no name or subject");
    }
    char *id = mr_format("%s:%lld", subject, (long long)version);
    bool seen = json_object_get(r->seen, id) != NULL;
    json_object_set_new(r->seen, id, json_true());
    free(id);
    if (seen) {
        return MR_OK;
    }
    char *segment = mr_http_segment(subject);
    char *path = mr_format("/subjects/%s/versions/%lld", segment, (long long)version);
    int http;
    json_auto_t *answer = NULL;
    mr_status status = r->get(r->context, path, &http, &answer, err);
    free(segment);
    free(path);
    if (status == MR_OK) {
        status = keep(r, name, answer, http, err);
    }
    return status == MR_OK ? collect(r, json_object_get(answer, "references"), depth + 1, err)
                           : status;
}

static mr_status collect(resolving *r, const json_t *references, int depth, mr_error *err)
{
    mr_status status = MR_OK;
    for (size_t i = 0; i < json_array_size(references) && status == MR_OK; i++) {
        status = fetch(r, json_array_get(references, i), depth, err);
    }
    return status;
}

/* --- Putting in --- */

static char *full_name(const char *name, const char *space)
{
    return strchr(name, '.') || !space || !*space ? mr_strdup(name)
                                                  : mr_format("%s.%s", space, name);
}

static json_t *place(resolving *r, const json_t *node, const char *space, int depth);

/* A name in the place of a type: its definition, when it is a referred one used for the first time.
 */
static json_t *place_name(resolving *r, const json_t *node, const char *space, int depth)
{
    char *name = full_name(json_string_value(node), space);
    json_t *definition = json_object_get(r->types, name);
    json_t *ret;
    if (json_is_object(definition)) {
        json_incref(definition);
        json_object_set_new(r->types, name, json_null());
        ret = place(r, definition, "", depth + 1);
        json_decref(definition);
        if (ret && !json_object_get(ret, "namespace")) {
            json_object_set_new(ret, "namespace",
                                json_string("")); /* not that of where it is put */
        }
    } else {
        ret = json_string(definition ? name : json_string_value(node));
    }
    free(name);
    return ret;
}

static json_t *place_all(resolving *r, const json_t *list, const char *space, int depth)
{
    json_t *ret = json_array();
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *made = place(r, json_array_get(list, i), space, depth + 1);
        if (!made) {
            json_decref(ret);
            return NULL;
        }
        json_array_append_new(ret, made);
    }
    return ret;
}

/* Fields: objects with a type in each. */
static json_t *place_fields(resolving *r, const json_t *fields, const char *space, int depth)
{
    json_t *ret = json_array();
    for (size_t i = 0; i < json_array_size(fields); i++) {
        json_t *field = json_copy(json_array_get(fields, i));
        const json_t *type = json_object_get(field, "type");
        json_t *made = type ? place(r, type, space, depth + 1) : NULL;
        if (!made) {
            json_decref(field);
            json_decref(ret);
            return NULL;
        }
        json_object_set_new(field, "type", made);
        json_array_append_new(ret, field);
    }
    return ret;
}

/* A type definition with all that is in it; NULL: nested too deeply, or malformed. */
static json_t *place(resolving *r, const json_t *node, const char *space, int depth)
{
    if (depth > NESTING_MAX) {
        return NULL;
    }
    if (json_is_string(node)) {
        return place_name(r, node, space, depth);
    }
    if (json_is_array(node)) {
        return place_all(r, node, space, depth);
    }
    if (!json_is_object(node)) {
        return NULL;
    }
    const char *name = json_string_value(json_object_get(node, "name"));
    const char *given = json_string_value(json_object_get(node, "namespace"));
    const char *dot = name ? strrchr(name, '.') : NULL;
    char *inner = dot     ? mr_strndup(name, (size_t)(dot - name))
                  : given ? mr_strdup(given)
                          : mr_strdup(space);
    json_t *ret = json_copy((json_t *)(uintptr_t)node);
    static const char *const places[] = {"type", "items", "values", "fields", NULL};
    for (size_t i = 0; places[i] && ret; i++) {
        const json_t *member = json_object_get(node, places[i]);
        bool fields = i == 3;
        json_t *made = !member  ? NULL
                       : fields ? place_fields(r, member, inner, depth)
                                : place(r, member, inner, depth + 1);
        if (made) {
            json_object_set_new(ret, places[i], made);
        } else if (member) {
            json_decref(ret);
            ret = NULL;
        }
    }
    free(inner);
    return ret;
}

mr_status mr_registry_resolve(const json_t *answer, mr_registry_get *get, void *context, char **ret,
                              mr_error *err)
{
    const char *text = json_string_value(json_object_get(answer, "schema"));
    const json_t *references = json_object_get(answer, "references");
    if (!text) {
        return bad(err, "the answer has no schema");
    }
    if (json_array_size(references) == 0) {
        *ret = mr_strdup(text);
        return MR_OK;
    }
    resolving r = {.get = get, .context = context, .types = json_object(), .seen = json_object()};
    mr_status status = collect(&r, references, 0, err);
    json_auto_t *root = status == MR_OK ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    json_auto_t *whole = root ? place(&r, root, "", 0) : NULL;
    if (status == MR_OK && whole) {
        *ret = json_dumps(whole, JSON_COMPACT | JSON_ENCODE_ANY);
    } else if (status == MR_OK) {
        status = bad(err, "the schema is no JSON, or nested too deeply");
    }
    json_decref(r.types);
    json_decref(r.seen);
    return status;
}
