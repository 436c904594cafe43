/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What types.txt is written in: Avro types in short, decimal(10,2) or array(null-or(int)), and
 * values as JSON, from which cells are made as a decoder would make them.
 *
 *   types   the names of Avro; uuid-fixed, decimal-fixed(bytes,p,s), fixed(bytes), enum(a,b),
 *           array(T), map(T), record(name T,...), union(T,...), null-or(T)
 *   values  numbers; "NaN", "Infinity", "-Infinity" for floats; text for decimals, "-0.01", with
 *           just as many decimals as the type has; hexadecimal for bytes, fixed, uuid-fixed;
 *           [months, days, milliseconds] for durations; {"type": value} in unions;
 *           {"hex": "ff00"}, {"repeat": ["text", times]} and, beside repeat, before and after
 */
#ifndef MR_TESTS_POSTGRES_TYPE_VALUES_H
#define MR_TESTS_POSTGRES_TYPE_VALUES_H

#include <jansson.h>

#include "codec/text.h"
#include "integration/postgres/rig.h"

enum { WORD_BYTES = 64, DECIMAL_BYTES = 64 };

/* --- Types --- */

static inline void take_word(const char **at, char word[WORD_BYTES])
{
    *at += strspn(*at, " ");
    size_t len = strcspn(*at, "(), ");
    assert_in_range(len, 1, WORD_BYTES - 1);
    memcpy(word, *at, len);
    word[len] = '\0';
    *at += len;
}

/* Steps over '(' or ','; over ')' too, and then it is false. */
static inline bool next_part(const char **at)
{
    assert_true(**at && strchr("(,)", **at));
    return *(*at)++ != ')';
}

static inline json_int_t take_number(const char **at)
{
    char word[WORD_BYTES];
    assert_true(next_part(at));
    take_word(at, word);
    return atoll(word);
}

static inline json_t *avro_type(const char **at);

static inline json_t *named(const char *type)
{
    static unsigned number;
    char name[WORD_BYTES];
    snprintf(name, sizeof name, "N%u", number++);
    return json_pack("{ss ss}", "type", type, "name", name);
}

static inline json_t *avro_fixed(json_int_t size)
{
    json_t *type = named("fixed");
    json_object_set_new(type, "size", json_integer(size));
    return type;
}

static inline json_t *avro_decimal(const char **at, bool fixed)
{
    json_t *type = fixed ? avro_fixed(take_number(at)) : json_pack("{ss}", "type", "bytes");
    json_object_set_new(type, "logicalType", json_string("decimal"));
    json_object_set_new(type, "precision", json_integer(take_number(at)));
    json_object_set_new(type, "scale", json_integer(take_number(at)));
    assert_false(next_part(at));
    return type;
}

/* The symbols of an enum, the fields of a record, the branches of a union. */
static inline json_t *avro_parts(const char **at, const char *word)
{
    json_t *parts = json_array();
    if (strcmp(word, "null-or") == 0) {
        json_array_append_new(parts, json_string("null"));
    }
    char name[WORD_BYTES] = "";
    bool types = word[0] != 'e';
    while (next_part(at)) {
        if (word[0] == 'e' || word[0] == 'r') {
            take_word(at, name);
        }
        json_t *type = types ? avro_type(at) : NULL;
        json_array_append_new(parts, word[0] == 'e' ? json_string(name)
                                     : word[0] == 'r'
                                         ? json_pack("{ss so}", "name", name, "type", type)
                                         : type);
    }
    return parts;
}

static inline json_t *avro_nested(const char **at, const char *word)
{
    if (strcmp(word, "array") == 0 || strcmp(word, "map") == 0) {
        json_t *inner = avro_parts(at, word);
        json_t *type = json_pack("{ss sO}", "type", word, word[0] == 'a' ? "items" : "values",
                                 json_array_get(inner, 0));
        json_decref(inner);
        return type;
    }
    if (strcmp(word, "enum") == 0 || strcmp(word, "record") == 0) {
        json_t *type = named(word);
        json_object_set_new(type, word[0] == 'e' ? "symbols" : "fields", avro_parts(at, word));
        return type;
    }
    return avro_parts(at, word);
}

/* Logical types without parameters, and what carries them. */
static const char *const carried[][3] = {
    {"date", "int", "date"},
    {"time-millis", "int", "time-millis"},
    {"time-micros", "long", "time-micros"},
    {"timestamp-millis", "long", "timestamp-millis"},
    {"timestamp-micros", "long", "timestamp-micros"},
    {"local-timestamp-millis", "long", "local-timestamp-millis"},
    {"local-timestamp-micros", "long", "local-timestamp-micros"},
    {"uuid", "string", "uuid"},
    {"uuid-fixed", "16", "uuid"},
    {"duration", "12", "duration"},
};

static inline json_t *avro_type(const char **at)
{
    char word[WORD_BYTES];
    take_word(at, word);
    for (size_t i = 0; i < sizeof carried / sizeof *carried; i++) {
        if (strcmp(word, carried[i][0]) == 0) {
            int size = atoi(carried[i][1]);
            json_t *type = size ? avro_fixed(size) : json_pack("{ss}", "type", carried[i][1]);
            json_object_set_new(type, "logicalType", json_string(carried[i][2]));
            return type;
        }
    }
    if (strcmp(word, "decimal") == 0 || strcmp(word, "decimal-fixed") == 0) {
        return avro_decimal(at, word[7] != '\0');
    }
    if (strcmp(word, "fixed") == 0) {
        json_t *type = avro_fixed(take_number(at));
        assert_false(next_part(at));
        return type;
    }
    return **at == '(' ? avro_nested(at, word) : json_string(word);
}

/* A record of id and v, where v is of the type told in short; nullable unless it is a union. */
static inline const mr_schema *schema_in_short(const char *text)
{
    json_t *type = avro_type(&text);
    if (!json_is_array(type) &&
        strcmp(json_is_string(type) ? json_string_value(type) : "", "null") != 0) {
        type = json_pack("[so]", "null", type);
    }
    json_t *record = json_pack("{ss ss s[{ss ss}{ss so}]}", "type", "record", "name", "R", "fields",
                               "name", "id", "type", "int", "name", "v", "type", type);
    char *json = json_dumps(record, JSON_COMPACT);
    json_decref(record);
    const mr_schema *schema = schema_of(json);
    free(json);
    return schema;
}

/* --- Values --- */

static inline void add_hex(mr_buffer *out, const char *hex)
{
    for (; *hex; hex += 2) {
        mr_buffer_add_char(out, (char)(mr_hex_digit(hex[0]) << 4 | mr_hex_digit(hex[1])));
    }
}

/* Two's complement of a decimal's digits: of `size` bytes, or as few as hold it (0). */
static inline void add_unscaled(mr_buffer *out, const char *text, size_t size)
{
    unsigned char bytes[DECIMAL_BYTES] = {0};
    bool negative = *text == '-';
    for (; *text; text++) {
        unsigned carry = (unsigned)(*text - '0');
        for (size_t i = DECIMAL_BYTES; *text >= '0' && *text <= '9' && i-- > 0; carry >>= 8) {
            carry += bytes[i] * 10U;
            bytes[i] = (unsigned char)carry;
        }
    }
    unsigned carry = 1;
    for (size_t i = DECIMAL_BYTES; negative && i-- > 0; carry >>= 8) {
        carry += (unsigned char)~bytes[i];
        bytes[i] = (unsigned char)carry;
    }
    size_t first = size ? DECIMAL_BYTES - size : 0;
    while (!size && first + 1 < DECIMAL_BYTES && bytes[first] == (bytes[0] & 0x80 ? 0xff : 0) &&
           !((bytes[first] ^ bytes[first + 1]) & 0x80)) {
        first++;
    }
    mr_buffer_add(out, bytes + first, DECIMAL_BYTES - first);
}

static inline void add_duration(mr_buffer *out, const json_t *parts)
{
    for (size_t i = 0; i < 3; i++) {
        json_int_t v = json_integer_value(json_array_get(parts, i));
        for (int shift = 0; shift < 32; shift += 8) {
            mr_buffer_add_char(out, (char)(v >> shift & 0xff));
        }
    }
}

/* What is written in another way than its type would be; false: it is not. */
static inline bool add_special(mr_buffer *out, const json_t *json)
{
    const json_t *repeat = json_object_get(json, "repeat");
    const json_t *hex = json_object_get(json, "hex");
    const json_t *around[] = {json_object_get(json, "before"), json_object_get(json, "after")};
    mr_buffer_add_text(out, around[0] ? json_string_value(around[0]) : "");
    for (json_int_t i = json_integer_value(json_array_get(repeat, 1)); i > 0; i--) {
        mr_buffer_add_text(out, json_string_value(json_array_get(repeat, 0)));
    }
    mr_buffer_add_text(out, around[1] ? json_string_value(around[1]) : "");
    if (hex) {
        add_hex(out, json_string_value(hex));
    }
    return repeat || hex;
}

static inline void add_bytes(mr_buffer *out, const mr_schema *schema, const json_t *json)
{
    bool fixed = schema->base == MR_FIXED;
    if (add_special(out, json)) {
        return;
    }
    if (schema->type == MR_DURATION) {
        add_duration(out, json);
    } else if (schema->type == MR_DECIMAL) {
        add_unscaled(out, json_string_value(json), fixed ? schema->size_bytes : 0);
    } else if (schema->base == MR_BYTES || fixed) {
        add_hex(out, json_string_value(json));
    } else {
        mr_buffer_add(out, json_string_value(json), json_string_length(json));
    }
}

static inline mr_cell value_of(mr_arena *arena, const mr_schema *schema, const json_t *json);

static inline mr_cell union_value(mr_arena *arena, const mr_schema *schema, const json_t *json)
{
    const char *name = json_is_null(json) ? "null" : NULL;
    for (size_t i = 0; i < schema->branch_count; i++) {
        const mr_schema *branch = schema->branches[i];
        const json_t *inner = json_object_get(json, mr_type_name(branch->type));
        bool meant = name ? branch->type == MR_NULL : inner != NULL;
        bool only = !name && branch->type != MR_NULL && mr_schema_strip_null(schema) == branch;
        if (meant || only) {
            mr_cell cell = value_of(arena, branch, inner ? inner : json);
            cell.branch = (uint8_t)i;
            return cell;
        }
    }
    fail_msg("no branch of the union is meant");
    return cell_null();
}

static inline mr_cell map_value(mr_arena *arena, const mr_schema *schema, const json_t *json)
{
    size_t count = json_object_size(json);
    mr_cell *cells = mr_arena_calloc(arena, 2 * count + 1, sizeof *cells);
    mr_cell *at = cells;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)json, key, value)
    {
        *at++ = cell_text(mr_arena_strndup(arena, key, strlen(key)));
        *at++ = value_of(arena, schema->items, value);
    }
    return (mr_cell){.type = MR_MAP, .len = (uint32_t)count, .as.cells = cells};
}

/* Elements of an array, fields of a record in their order. */
static inline mr_cell list_value(mr_arena *arena, const mr_schema *schema, const json_t *json)
{
    const json_t *repeat = json_object_get(json, "repeat");
    size_t count =
        repeat ? (size_t)json_integer_value(json_array_get(repeat, 1)) : json_array_size(json);
    mr_cell *cells = mr_arena_calloc(arena, count + 1, sizeof *cells);
    for (size_t i = 0; i < count; i++) {
        cells[i] =
            value_of(arena, schema->type == MR_ARRAY ? schema->items : schema->fields[i].schema,
                     json_array_get(repeat ? repeat : json, repeat ? 0 : i));
    }
    return (mr_cell){.type = (uint8_t)schema->type, .len = (uint32_t)count, .as.cells = cells};
}

static inline mr_cell value_of(mr_arena *arena, const mr_schema *schema, const json_t *json)
{
    assert_non_null(json);
    switch (schema->type) {
    case MR_UNION:
        return union_value(arena, schema, json);
    case MR_NULL:
        return cell_null();
    case MR_FLOAT:
        return cell_double(MR_FLOAT, json_is_string(json) ? (float)atof(json_string_value(json))
                                                          : (float)json_number_value(json));
    case MR_DOUBLE:
        return cell_double(MR_DOUBLE, json_is_string(json) ? atof(json_string_value(json))
                                                           : json_number_value(json));
    case MR_ARRAY:
    case MR_RECORD:
        return list_value(arena, schema, json);
    case MR_MAP:
        return map_value(arena, schema, json);
    default:
        break;
    }
    if (json_is_boolean(json) || json_is_integer(json)) {
        return cell_int(schema->type,
                        json_is_integer(json) ? json_integer_value(json) : json_is_true(json));
    }
    mr_buffer bytes = MR_BUFFER_INIT(1 << 26);
    add_bytes(&bytes, schema, json);
    mr_cell cell = cell_bytes(schema->type, mr_arena_copy(arena, mr_buffer_text(&bytes), bytes.len),
                              bytes.len);
    mr_buffer_release(&bytes);
    return cell;
}

#endif
