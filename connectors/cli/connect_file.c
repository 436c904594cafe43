/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connector's file. JSON values become texts, as Connect itself takes them. Java properties:
 * https://docs.oracle.com/en/java/javase/17/docs/api/java.base/java/util/Properties.html#load(java.io.Reader)
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/read_file.h"
#include "cli/connect.h"

enum { FILE_MAX_BYTES = 1 << 20 };

/* --- JSON --- */

/* A value as the text Connect takes it for. */
static json_t *as_text(const json_t *value)
{
    if (json_is_string(value)) {
        return json_string(json_string_value(value));
    }
    mr_auto_free char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    return json_string(text ? text : "");
}

static mr_status take_json(const char *path, const mr_buffer *text, json_t *config, mr_error *err)
{
    json_error_t why;
    json_auto_t *root = json_loadb(text->data, text->len, JSON_REJECT_DUPLICATES, &why);
    if (!root) {
        return mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG, "%s:%d:%d: %s", path, why.line, why.column,
                       why.text);
    }
    const json_t *name = json_object_get(root, "name"), *inner = json_object_get(root, "config");
    const json_t *from = json_is_object(inner) ? inner : root;
    if (from == inner && json_is_string(name)) {
        json_object_set_new(config, "name", as_text(name));
    }
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)from, key, value)
    {
        if (!json_is_null(value)) {
            json_object_set_new(config, key, as_text(value));
        }
    }
    return MR_OK;
}

/* --- Properties --- */

/* The character after a backslash, as it is meant; *in is moved past it. */
static void add_escaped(const char **in, const char *end, mr_buffer *out)
{
    static const char from[] = "tnrf", to[] = "\t\n\r\f";
    const char *p = *in;
    const char *known = strchr(from, *p);
    if (*p == 'u' && end - p > 4) {
        char digits[5] = {p[1], p[2], p[3], p[4], '\0'};
        unsigned long code = strtoul(digits, NULL, 16);
        if (code < 0x80) {
            mr_buffer_add_char(out, (char)code);
        } else if (code < 0x800) {
            mr_buffer_add_char(out, (char)(0xC0 | code >> 6));
            mr_buffer_add_char(out, (char)(0x80 | (code & 0x3F)));
        } else {
            mr_buffer_add_char(out, (char)(0xE0 | code >> 12));
            mr_buffer_add_char(out, (char)(0x80 | (code >> 6 & 0x3F)));
            mr_buffer_add_char(out, (char)(0x80 | (code & 0x3F)));
        }
        *in = p + 5;
        return;
    }
    mr_buffer_add_char(out, known && *p ? to[known - from] : *p);
    *in = p + 1;
}

/* Copies to `out` up to the end of the line, or of the name when it is one. A line that ends with a
 * backslash goes on in the next one, past its blanks. */
static const char *take_part(const char *p, const char *end, bool name, mr_buffer *out)
{
    while (p < end && *p != '\n' && *p != '\r') {
        if (name && (*p == '=' || *p == ':' || isblank((unsigned char)*p))) {
            break;
        }
        if (*p != '\\' || p + 1 == end) {
            mr_buffer_add_char(out, *p++);
            continue;
        }
        p++;
        if (*p != '\n' && *p != '\r') {
            add_escaped(&p, end, out);
            continue;
        }
        p += *p == '\r' && p + 1 < end && p[1] == '\n' ? 2 : 1;
        while (p < end && isblank((unsigned char)*p)) {
            p++;
        }
    }
    return p;
}

static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && isblank((unsigned char)*p)) {
        p++;
    }
    return p;
}

static void take_properties(const mr_buffer *text, json_t *config)
{
    const char *p = text->data, *end = p + text->len;
    mr_buffer name = MR_BUFFER_INIT(FILE_MAX_BYTES), value = MR_BUFFER_INIT(FILE_MAX_BYTES);
    while (p < end) {
        p = skip_blanks(p, end);
        if (p < end && (*p == '#' || *p == '!')) {
            while (p < end && *p != '\n') {
                p++;
            }
        }
        mr_buffer_clear(&name);
        mr_buffer_clear(&value);
        p = skip_blanks(take_part(p, end, true, &name), end);
        if (p < end && (*p == '=' || *p == ':')) {
            p = skip_blanks(p + 1, end);
        }
        p = take_part(p, end, false, &value);
        if (name.len) {
            while (value.len && isblank((unsigned char)value.data[value.len - 1])) {
                value.len--;
            }
            json_object_set_new(config, mr_buffer_text(&name), json_string(mr_buffer_text(&value)));
        }
        p += p < end;
    }
    mr_buffer_release(&name);
    mr_buffer_release(&value);
}

/* --- For others --- */

mr_status mr_connect_read(const char *path, mr_connect *ret, mr_error *err)
{
    *ret = (mr_connect){.config = json_object()};
    mr_buffer text = MR_BUFFER_INIT(FILE_MAX_BYTES);
    mr_status status = mr_read_file(path, &text, err);
    if (status == MR_OK) {
        const char *p = text.data, *end = text.data + text.len;
        while (p < end && isspace((unsigned char)*p)) {
            p++;
        }
        if (p < end && *p == '{') {
            status = take_json(path, &text, ret->config, err);
        } else {
            take_properties(&text, ret->config);
        }
    }
    mr_buffer_release(&text);
    if (status == MR_OK && !mr_connect_get(ret, "connector.class")) {
        status = mr_fail(
            err, MR_FATAL, MR_DOMAIN_CONFIG,
            "%s: there is no connector.class in it: not the configuration of a connector", path);
    }
    return status;
}

const char *mr_connect_get(const mr_connect *connect, const char *name)
{
    return json_string_value(json_object_get(connect->config, name));
}

void mr_connect_release(mr_connect *connect)
{
    for (size_t i = 0; i < connect->line_count; i++) {
        free(connect->lines[i].name);
        free(connect->lines[i].text);
    }
    free(connect->lines);
    json_decref(connect->config);
    json_decref(connect->pipeline);
    *connect = (mr_connect){0};
}
