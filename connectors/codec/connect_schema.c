/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connect's schema to Avro's: JSON to JSON, which the parser of Avro schemas then checks like any
 * other. Connect repeats a struct where it is used again; a second one that is the same becomes a
 * reference, one that only has the name of another gets a number behind it.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "codec/connect_json.h"
#include "codec/from_text.h"
#include "codec/schema.h"
#include "codec/schema_tree.h"

enum { PRECISION_DEFAULT = 64, SAME_NAME_MAX = 1000 };

typedef struct reading {
    json_t *structs; /* Avro name -> Connect's definition, without what belongs to its place */
    int depth;
    char path[256];
    size_t path_len;
    mr_error *err;
} reading;

static json_t *convert(reading *r, const json_t *connect);

static json_t *bad(reading *r, const char *format, ...) MR_PRINTF(2, 3);
static json_t *bad(reading *r, const char *format, ...)
{
    char reason[400];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    mr_fail(r->err, MR_REJECT, MR_DOMAIN_SCHEMA, "the message's \"schema\"%s%s: %s",
            r->path_len ? ", field " : "", r->path, reason);
    mr_error_field(r->err, r->path);
    return NULL;
}

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* --- Names ------------------------------------------------------------------------------------ */

/* An Avro name from any; to be freed. */
static char *avro_name(const char *name)
{
    mr_buffer out = MR_BUFFER_INIT(1 << 16);
    bool start = true;
    for (; *name; name++) {
        char c = *name;
        bool digit = c >= '0' && c <= '9';
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
        if (start && (digit || c == '.')) {
            mr_buffer_add_char(&out, '_');
        }
        mr_buffer_add_char(&out, letter || digit || c == '.' ? c : '_');
        start = c == '.';
    }
    if (start) {
        mr_buffer_add_char(&out, '_');
    }
    char *ret = mr_strdup(mr_buffer_text(&out));
    mr_buffer_release(&out);
    return ret;
}

/* The name for a struct; *known: it was defined before. To be freed; NULL: too many of one name. */
static char *name_struct(reading *r, const json_t *connect, bool *known)
{
    const char *given = text_of(connect, "name");
    mr_auto_free char *name = avro_name(given ? given : "ConnectDefault");
    json_auto_t *definition = json_copy((json_t *)(uintptr_t)connect);
    json_object_del(definition, "optional");
    json_object_del(definition, "default");
    json_object_del(definition, "field");
    json_object_del(definition, "doc");
    *known = false;
    for (int i = 1; i < SAME_NAME_MAX; i++) {
        char *tried = i == 1 ? mr_strdup(name) : mr_format("%s%d", name, i);
        const json_t *there = json_object_get(r->structs, tried);
        *known = there && json_equal(there, definition);
        if (!there) {
            json_object_set(r->structs, tried, definition);
        }
        if (!there || *known) {
            return tried;
        }
        free(tried);
    }
    bad(r, "more than %d different structs are called %s", SAME_NAME_MAX, name);
    return NULL;
}

/* --- Types that hold no others ---------------------------------------------------------------- */

static const struct {
    const char *connect, *avro;
} types[] = {
    {"int8", "int"},      {"int16", "int"},     {"int32", "int"},       {"int64", "long"},
    {"float", "float"},   {"float32", "float"}, {"double", "double"},   {"float64", "double"},
    {"string", "string"}, {"bytes", "bytes"},   {"boolean", "boolean"},
};

/* Meanings that Avro has too, if they stand on the type they belong on. */
static const struct {
    const char *name, *type, *avro, *logical;
} meanings[] = {
    {MR_CONNECT_DATE, "int32", "int", "date"},
    {MR_CONNECT_TIME, "int32", "int", "time-millis"},
    {MR_CONNECT_TIMESTAMP, "int64", "long", "timestamp-millis"},
    {"io.debezium.time.Date", "int32", "int", "date"},
    {"io.debezium.time.Time", "int32", "int", "time-millis"},
    {"io.debezium.time.MicroTime", "int64", "long", "time-micros"},
    {"io.debezium.time.Timestamp", "int64", "long", "local-timestamp-millis"},
    {"io.debezium.time.MicroTimestamp", "int64", "long", "local-timestamp-micros"},
    {"io.debezium.time.ZonedTimestamp", "string", "long", "timestamp-micros"},
    {"io.debezium.data.Uuid", "string", "string", "uuid"},
};

/* A number in a parameter, which Connect keeps as text. */
static bool parameter(const json_t *connect, const char *name, int *ret)
{
    const char *text = text_of(json_object_get(connect, "parameters"), name);
    int64_t n;
    if (!text || mr_whole_from_text(text, strlen(text), &n) != MR_DECIMAL_OK || n < INT32_MIN ||
        n > INT32_MAX) {
        return false;
    }
    *ret = (int)n;
    return true;
}

static json_t *decimal(reading *r, const json_t *connect)
{
    int scale = 0, precision = 0;
    if (!parameter(connect, "scale", &scale)) {
        return bad(r, "a Decimal without the parameter scale");
    }
    if (scale < 0) {
        return bad(r, "a Decimal with the scale %d; allowed: 0 or more", scale);
    }
    if (!parameter(connect, MR_CONNECT_PRECISION, &precision) || precision < 1) {
        precision = PRECISION_DEFAULT;
    }
    return json_pack("{s:s, s:s, s:i, s:i}", "type", "bytes", "logicalType", "decimal", "precision",
                     precision > scale ? precision : scale, "scale", scale);
}

static json_t *scalar(reading *r, const json_t *connect, const char *type)
{
    const char *name = text_of(connect, "name");
    if (name && strcmp(name, MR_CONNECT_DECIMAL) == 0 && strcmp(type, "bytes") == 0) {
        return decimal(r, connect);
    }
    for (size_t i = 0; name && i < sizeof meanings / sizeof *meanings; i++) {
        if (strcmp(name, meanings[i].name) == 0 && strcmp(type, meanings[i].type) == 0) {
            return json_pack("{s:s, s:s}", "type", meanings[i].avro, "logicalType",
                             meanings[i].logical);
        }
    }
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(type, types[i].connect) == 0) {
            return json_string(types[i].avro);
        }
    }
    return bad(r,
               "type \"%.60s\"; known: int8, int16, int32, int64, float, double, boolean, "
               "string, bytes, array, map, struct",
               type);
}

/* --- Defaults --------------------------------------------------------------------------------- */

/* Avro writes bytes as characters up to U+00FF, Connect in base64. */
static json_t *bytes_default(const json_t *value)
{
    size_t len = json_string_length(value), used = 0;
    mr_auto_free char *bytes = mr_alloc(len + 4);
    if (!json_is_string(value) ||
        !mr_base64_from_text(json_string_value(value), len, bytes, &len)) {
        return NULL;
    }
    mr_auto_free char *text = mr_alloc(2 * len + 1);
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (byte < 0x80) {
            text[used++] = (char)byte;
        } else {
            text[used++] = (char)(0xc0 | byte >> 6);
            text[used++] = (char)(0x80 | (byte & 0x3f));
        }
    }
    return json_stringn(text, used);
}

/* NULL: it has none that Avro could say. */
static json_t *default_of(const json_t *connect, const json_t *avro, const json_t *value)
{
    const char *type = text_of(connect, "type"), *logical = text_of(avro, "logicalType");
    mr_moment moment;
    if (!value || json_is_null(value)) {
        return NULL;
    }
    if (strcmp(type, "bytes") == 0) {
        return bytes_default(value);
    }
    if (strcmp(type, "string") == 0 && logical && strcmp(logical, "timestamp-micros") == 0) {
        bool good =
            json_is_string(value) &&
            mr_moment_from_text(json_string_value(value), json_string_length(value), &moment);
        return good ? json_integer(moment.us) : NULL;
    }
    bool several =
        strcmp(type, "struct") == 0 || strcmp(type, "array") == 0 || strcmp(type, "map") == 0;
    bool empty = strcmp(type, "struct") != 0 && json_is_array(value) == (*type == 'a') &&
                 json_array_size(value) + json_object_size(value) == 0;
    bool odd =
        (strcmp(type, "float") == 0 || strcmp(type, "double") == 0) && !json_is_number(value);
    return (several && !empty) || odd ? NULL : json_deep_copy(value);
}

/* --- Types that hold others ------------------------------------------------------------------- */

static size_t enter(reading *r, const char *name)
{
    size_t before = r->path_len;
    int len = snprintf(r->path + before, sizeof r->path - before, "%s%s", before ? "." : "", name);
    r->path_len = strnlen(r->path, before + (len > 0 ? (size_t)len : 0));
    return before;
}

static void leave(reading *r, size_t before)
{
    r->path_len = before;
    r->path[before] = '\0';
}

static bool is_optional(const json_t *connect)
{
    return json_is_true(json_object_get(connect, "optional"));
}

static json_t *field(reading *r, const json_t *connect)
{
    const char *name = text_of(connect, "field");
    if (!name) {
        return bad(r, "a field of a struct has no \"field\", which is its name");
    }
    size_t before = enter(r, name);
    if (!mr_schema_is_name(name, strlen(name))) {
        return bad(r, "its name is none that Avro allows (letters, digits and _); rename it where "
                      "it is written");
    }
    json_t *type = convert(r, connect);
    leave(r, before);
    if (!type) {
        return NULL;
    }
    json_t *dflt = default_of(connect, type, json_object_get(connect, "default"));
    bool optional = is_optional(connect);
    if (optional) {
        type = json_pack("[s, o]", "null", type);
    }
    json_t *ret = json_pack("{s:s, s:o}", "name", name, "type", type);
    if (dflt || optional) {
        json_object_set_new(ret, "default", dflt ? dflt : json_null());
    }
    return ret;
}

static json_t *structure(reading *r, const json_t *connect)
{
    const json_t *fields = json_object_get(connect, "fields");
    bool known;
    if (!json_is_array(fields)) {
        return bad(r, "a struct without \"fields\"");
    }
    mr_auto_free char *name = name_struct(r, connect, &known);
    if (!name || known) {
        return name ? json_string(name) : NULL;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(fields); i++) {
        json_t *made = field(r, json_array_get(fields, i));
        if (!made) {
            json_decref(list);
            return NULL;
        }
        json_array_append_new(list, made);
    }
    return json_pack("{s:s, s:s, s:o}", "type", "record", "name", name, "fields", list);
}

/* Of an array, or the values of a map. */
static json_t *items(reading *r, const json_t *connect, bool map)
{
    const json_t *of = json_object_get(connect, map ? "values" : "items");
    if (!json_is_object(of)) {
        return bad(r, "%s without \"%s\"", map ? "a map" : "an array", map ? "values" : "items");
    }
    json_t *type = convert(r, of);
    if (type && is_optional(of)) {
        type = json_pack("[s, o]", "null", type);
    }
    return type ? json_pack("{s:s, s:o}", "type", map ? "map" : "array", map ? "values" : "items",
                            type)
                : NULL;
}

static json_t *convert(reading *r, const json_t *connect)
{
    const char *type = text_of(connect, "type");
    if (!type) {
        return bad(r, "it has no \"type\"");
    }
    if (r->depth >= MR_SCHEMA_DEPTH_MAX) {
        return bad(r, "nested deeper than %d", MR_SCHEMA_DEPTH_MAX);
    }
    r->depth++;
    json_t *ret = strcmp(type, "struct") == 0  ? structure(r, connect)
                  : strcmp(type, "array") == 0 ? items(r, connect, false)
                  : strcmp(type, "map") == 0   ? items(r, connect, true)
                                               : scalar(r, connect, type);
    r->depth--;
    return ret;
}

/* Takes avro. */
static mr_status parse(json_t *avro, const mr_schema **ret, mr_error *err)
{
    mr_auto_free char *text = json_dumps(avro, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(avro);
    mr_status status =
        text ? mr_schema_parse(text, strlen(text), ret, err)
             : mr_fail(err, MR_REJECT, MR_DOMAIN_SCHEMA, "the message's schema has no text");
    if (status != MR_OK) {
        mr_error_prefix(err, "the message's \"schema\"");
        return MR_REJECT;
    }
    return MR_OK;
}

mr_status mr_connect_schema_read(mr_slice json, const mr_schema **ret, mr_error *err)
{
    if (json.len > MR_SCHEMA_TEXT_BYTES_MAX) {
        return mr_fail(err, MR_REJECT, MR_DOMAIN_SCHEMA,
                       "the message's \"schema\" has %zu bytes; at most %d are allowed", json.len,
                       MR_SCHEMA_TEXT_BYTES_MAX);
    }
    json_error_t where;
    json_auto_t *connect = json_loadb(json.data, json.len, JSON_REJECT_DUPLICATES, &where);
    if (!json_is_object(connect)) {
        return mr_fail(err, MR_REJECT, MR_DOMAIN_SCHEMA,
                       "the message's \"schema\" is no object: %s",
                       connect ? "an array" : where.text);
    }
    const char *avro = text_of(json_object_get(connect, "parameters"), MR_CONNECT_AVRO);
    if (avro) {
        json_auto_t *loaded = json_loads(avro, JSON_DECODE_ANY, NULL);
        return parse(json_incref(loaded), ret, err);
    }
    reading r = {.structs = json_object(), .err = err};
    json_t *made = convert(&r, connect);
    json_decref(r.structs);
    return made ? parse(made, ret, err) : MR_REJECT;
}
