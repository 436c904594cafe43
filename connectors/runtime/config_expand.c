/* SPDX-License-Identifier: Apache-2.0 */
/*
 * References in the strings of a pipeline file: ${env:NAME}, ${env:NAME:-default}, ${file:path}.
 * What they stand for is often a secret, so messages show the name of a variable or file, never a
 * value, nor any text around it.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "runtime/config_parts.h"

enum {
    VALUE_MAX_BYTES = 1 << 20, /* of one string: queries may be long, but not this long */
    NESTING_MAX = 16,          /* the format itself needs 6 */
};

typedef struct expansion {
    mr_config_reader *reader;
    mr_config_place place;
    mr_buffer out;
    bool failed;
} expansion;

const char *mr_config_path(mr_config_reader *reader, const char *path)
{
    mr_auto_free char *base = realpath(*reader->folder ? reader->folder : ".", NULL);
    const char *joined = path;
    if (path[0] != '/') {
        joined = mr_arena_format(reader->arena, "%s/%s", base ? base : reader->folder, path);
    }
    mr_auto_free char *real = realpath(joined, NULL);
    if (real) {
        return mr_arena_format(reader->arena, "%s", real);
    }
    /* Not there yet, or a pattern: its folder may be there. */
    const char *slash = strrchr(joined, '/');
    mr_auto_free char *parent = mr_strndup(joined, (size_t)(slash - joined) + 1);
    mr_auto_free char *real_parent = realpath(parent, NULL);
    if (!real_parent) {
        return joined;
    }
    return mr_arena_format(reader->arena, "%s/%s", strcmp(real_parent, "/") ? real_parent : "",
                           slash + 1);
}

/* The file's text without the line break at its end, which every editor adds. */
static void add_file(expansion *e, const char *name)
{
    const char *path = mr_config_path(e->reader, name);
    mr_auto_fclose FILE *file = fopen(path, "re");
    char chunk[4096];
    size_t start = e->out.len, n;
    if (!file) {
        mr_config_tell(e->reader, e->place, "cannot open file %s of ${file:...}: %s", path,
                       strerror(errno));
        e->failed = true;
        return;
    }
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0 && !e->out.failed) {
        mr_buffer_add(&e->out, chunk, n);
    }
    if (ferror(file)) {
        mr_config_tell(e->reader, e->place, "cannot read file %s of ${file:...}: %s", path,
                       strerror(errno));
        e->failed = true;
    }
    if (e->out.len > start && e->out.data[e->out.len - 1] == '\n') {
        e->out.len--;
    }
    if (e->out.len > start && e->out.data[e->out.len - 1] == '\r') {
        e->out.len--;
    }
}

static bool good_variable(const char *name)
{
    size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
    return len > 0 && name[len] == '\0' && (name[0] < '0' || name[0] > '9');
}

static void add_variable(expansion *e, char *name)
{
    char *dflt = strstr(name, ":-");
    if (dflt) {
        *dflt = '\0';
        dflt += 2;
    }
    if (!good_variable(name)) {
        mr_config_tell(e->reader, e->place,
                       "${env:...} does not name an environment variable; write ${env:NAME} or "
                       "${env:NAME:-default}");
        e->failed = true;
        return;
    }
    const char *value = getenv(name);
    if (dflt && !(value && *value)) { /* as in the shell: also when set to nothing */
        value = dflt;
    }
    if (!value) {
        mr_config_tell(e->reader, e->place,
                       "environment variable %s is not set; set it, or give a default: "
                       "${env:%s:-default}",
                       name, name);
        e->failed = true;
        return;
    }
    mr_buffer_add_text(&e->out, value);
}

/* `text` stands at "${"; the result behind the closing brace. */
static const char *add_reference(expansion *e, const char *text)
{
    const char *end = strchr(text, '}');
    if (!end) {
        mr_config_tell(e->reader, e->place,
                       "\"${\" starts a reference that does not end with \"}\"; for the characters "
                       "themselves write \"$${\"");
        e->failed = true;
        return text + strlen(text);
    }
    mr_auto_free char *body = mr_strndup(text + 2, (size_t)(end - text) - 2);
    if (strncmp(body, "env:", 4) == 0) {
        add_variable(e, body + 4);
    } else if (strncmp(body, "file:", 5) == 0) {
        add_file(e, body + 5);
    } else {
        mr_config_tell(e->reader, e->place,
                       "unknown kind of reference; known: ${env:NAME}, ${env:NAME:-default}, "
                       "${file:path}; for the characters \"${\" themselves write \"$${\"");
        e->failed = true;
    }
    return end + 1;
}

static json_t *expand_string(mr_config_reader *reader, mr_config_place place, const json_t *value)
{
    const char *text = json_string_value(value);
    if (!strstr(text, "${")) {
        return json_deep_copy(value);
    }
    expansion e = {.reader = reader, .place = place, .out = MR_BUFFER_INIT(VALUE_MAX_BYTES)};
    while (*text) {
        if (strncmp(text, "$${", 3) == 0) {
            mr_buffer_add_text(&e.out, "${");
            text += 3;
        } else if (strncmp(text, "${", 2) == 0) {
            text = add_reference(&e, text);
        } else {
            mr_buffer_add_char(&e.out, *text++);
        }
    }
    json_t *ret = NULL;
    if (e.out.failed) {
        mr_config_tell(reader, place, "is longer than %d bytes once its references are replaced",
                       VALUE_MAX_BYTES);
    } else if (!e.failed && memchr(mr_buffer_text(&e.out), '\0', e.out.len)) {
        mr_config_tell(reader, place, "has a NUL character in what a reference stands for");
    } else if (!e.failed && !(ret = json_stringn(mr_buffer_text(&e.out), e.out.len))) {
        mr_config_tell(reader, place, "is not valid UTF-8 once its references are replaced");
    }
    mr_buffer_release(&e.out);
    return ret ? ret : json_null();
}

static json_t *expand(mr_config_reader *reader, mr_config_place place, const json_t *value,
                      int depth)
{
    json_t *ret;
    if (depth > NESTING_MAX) {
        mr_config_tell(reader, place, "is nested too deeply: at most %d levels", NESTING_MAX);
        return json_null();
    }
    if (json_is_string(value)) {
        return expand_string(reader, place, value);
    }
    if (json_is_object(value)) {
        const char *name;
        json_t *member;
        ret = json_object();
        json_object_foreach((json_t *)value, name, member)
        {
            mr_config_place at = {mr_config_member(reader, place.path, name), false,
                                  place.connector, name};
            if (depth == 2) { /* sources, sinks: the members of these are the connectors */
                at.connector = place.option;
            }
            json_object_set_new(ret, name, expand(reader, at, member, depth + 1));
        }
        return ret;
    }
    if (json_is_array(value)) {
        ret = json_array();
        for (size_t i = 0; i < json_array_size(value); i++) {
            mr_config_place at = place;
            at.path = mr_config_element(reader, place.path, i);
            json_array_append_new(ret, expand(reader, at, json_array_get(value, i), depth + 1));
        }
        return ret;
    }
    return json_deep_copy(value);
}

json_t *mr_config_expand(mr_config_reader *reader, const json_t *tree)
{
    return expand(reader, (mr_config_place){.path = ""}, tree, 0);
}
