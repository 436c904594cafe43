/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our Avro beside two others, record by record, on random schemas and data that avro_cases.py
 * makes: fastavro wrote the bytes and says what they hold, also resolved to another schema; avro-c
 * reads them too. We must read the same values, write the same bytes, and resolve to the same
 * values.
 *
 * Needs fastavro in the Python that MILLRACE_PYTHON names; without it the test is skipped, but
 * never in CI. MILLRACE_AVRO_SEED and MILLRACE_AVRO_CASES run more of it by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <avro.h>
#include <cmocka.h>
#include <jansson.h>

#include "base/arena.h"
#include "codec/avro.h"
#include "codec/schema.h"

static struct {
    size_t cases, data, avro_c, resolved, refused;
} counted;

/* --- Values as avro_cases.py shows them ------------------------------------------------------- */

static json_t *show_double(double d)
{
    uint64_t bits;
    char text[32];
    memcpy(&bits, &d, 8);
    snprintf(text, sizeof text, "d:%016llx", (unsigned long long)bits);
    return json_string(text);
}

static json_t *show_text(const char *text, size_t len)
{
    char *copy = malloc(len + 2);
    memcpy(copy, "s:", 2);
    memcpy(copy + 2, len ? text : "", len);
    json_t *json = json_stringn(copy, len + 2);
    free(copy);
    return json;
}

static json_t *show_bytes(const char *bytes, size_t len)
{
    char *hex = malloc(2 * len + 3);
    strcpy(hex, "b:");
    for (size_t i = 0; i < len; i++) {
        snprintf(hex + 2 + 2 * i, 3, "%02x", (unsigned char)bytes[i]);
    }
    json_t *json = json_string(hex);
    free(hex);
    return json;
}

static json_t *show(const mr_schema *schema, const mr_cell *cell);

static json_t *show_children(const mr_schema *schema, const mr_cell *cell)
{
    const mr_cell *at = cell->as.cells;
    json_t *json = schema->base == MR_ARRAY ? json_array() : json_object();
    for (uint32_t i = 0; i < cell->len; i++) {
        if (schema->base == MR_ARRAY) {
            json_array_append_new(json, show(schema->items, &at[i]));
        } else if (schema->base == MR_MAP) {
            json_object_setn_new(json, at[2 * i].as.text, at[2 * i].len,
                                 show(schema->items, &at[2 * i + 1]));
        } else {
            json_object_set_new(json, schema->fields[i].name,
                                show(schema->fields[i].schema, &at[i]));
        }
    }
    return json;
}

static json_t *show(const mr_schema *schema, const mr_cell *cell)
{
    if (schema->base == MR_UNION) {
        assert_true(cell->branch < schema->branch_count);
        schema = schema->branches[cell->branch];
    }
    assert_int_equal(cell->type, schema->type);
    switch (schema->base) {
    case MR_NULL:
        return json_null();
    case MR_BOOL:
        return json_boolean(cell->as.i);
    case MR_INT:
    case MR_LONG:
        return json_integer(cell->as.i);
    case MR_FLOAT:
    case MR_DOUBLE:
        return show_double(cell->as.d);
    case MR_STRING:
        return show_text(cell->as.text, cell->len);
    case MR_ENUM:
        assert_string_equal(schema->symbols[cell->symbol], cell->as.text);
        return show_text(cell->as.text, cell->len);
    case MR_BYTES:
    case MR_FIXED:
        return show_bytes(cell->as.text, cell->len);
    default:
        return show_children(schema, cell);
    }
}

/* --- The same of avro-c's values -------------------------------------------------------------- */

static json_t *peer_show(avro_value_t *value);

static json_t *peer_children(avro_value_t *value, bool array)
{
    json_t *json = array ? json_array() : json_object();
    size_t count = 0;
    avro_value_get_size(value, &count);
    for (size_t i = 0; i < count; i++) {
        avro_value_t child;
        const char *name = NULL;
        avro_value_get_by_index(value, i, &child, &name);
        if (array) {
            json_array_append_new(json, peer_show(&child));
        } else {
            json_object_set_new(json, name, peer_show(&child));
        }
    }
    return json;
}

static json_t *peer_text(avro_value_t *value)
{
    const char *text = NULL;
    size_t size = 0;
    avro_value_get_string(value, &text, &size);
    return show_text(text, size ? size - 1 : 0);
}

static json_t *peer_enum(avro_value_t *value)
{
    int symbol = 0;
    avro_value_get_enum(value, &symbol);
    const char *text = avro_schema_enum_get(avro_value_get_schema(value), symbol);
    return show_text(text, strlen(text));
}

static json_t *peer_bytes(avro_value_t *value)
{
    const void *bytes = NULL;
    size_t size = 0;
    if (avro_value_get_type(value) == AVRO_FIXED) {
        avro_value_get_fixed(value, &bytes, &size);
    } else {
        avro_value_get_bytes(value, &bytes, &size);
    }
    return show_bytes(bytes, size);
}

static json_t *peer_number(avro_value_t *value)
{
    int32_t i = 0;
    int64_t l = 0;
    float f = 0;
    double d = 0;
    switch (avro_value_get_type(value)) {
    case AVRO_INT32:
        avro_value_get_int(value, &i);
        return json_integer(i);
    case AVRO_INT64:
        avro_value_get_long(value, &l);
        return json_integer(l);
    case AVRO_FLOAT:
        avro_value_get_float(value, &f);
        return show_double((double)f);
    default:
        avro_value_get_double(value, &d);
        return show_double(d);
    }
}

static json_t *peer_show(avro_value_t *value)
{
    int yes = 0;
    avro_value_t branch;
    switch (avro_value_get_type(value)) {
    case AVRO_NULL:
        return json_null();
    case AVRO_BOOLEAN:
        avro_value_get_boolean(value, &yes);
        return json_boolean(yes);
    case AVRO_STRING:
        return peer_text(value);
    case AVRO_ENUM:
        return peer_enum(value);
    case AVRO_BYTES:
    case AVRO_FIXED:
        return peer_bytes(value);
    case AVRO_ARRAY:
        return peer_children(value, true);
    case AVRO_MAP:
    case AVRO_RECORD:
        return peer_children(value, false);
    case AVRO_UNION:
        avro_value_get_current_branch(value, &branch);
        return peer_show(&branch);
    default:
        return peer_number(value);
    }
}

static void compare_with_avro_c(const char *writer, const char *data, size_t len,
                                const json_t *expected)
{
    avro_schema_t schema;
    assert_int_equal(avro_schema_from_json_length(writer, strlen(writer), &schema), 0);
    avro_value_iface_t *iface = avro_generic_class_from_schema(schema);
    avro_value_t value;
    avro_generic_value_new(iface, &value);
    avro_reader_t reader = avro_reader_memory(data, (int64_t)len);
    assert_int_equal(avro_value_read(reader, &value), 0);
    json_t *seen = peer_show(&value);
    assert_true(json_equal(seen, expected));
    json_decref(seen);
    avro_reader_free(reader);
    avro_value_decref(&value);
    avro_value_iface_decref(iface);
    avro_schema_decref(schema);
    counted.avro_c++;
}

/* --- One case --------------------------------------------------------------------------------- */

typedef struct test_case {
    const json_t *json;
    json_int_t seed;
    const mr_schema *writer, *reader;
    mr_decoder *same, *resolving; /* resolving NULL: refused */
    mr_arena *arena;
} test_case;

static const char *text_of(const test_case *c, const char *key)
{
    return json_string_value(json_object_get(c->json, key));
}

static const mr_schema *parse(const char *json)
{
    const mr_schema *schema;
    mr_error err = {0};
    if (mr_schema_parse(json, strlen(json), &schema, &err)) {
        fail_msg("%s: %s", json, err.text);
    }
    return schema;
}

/* Walks to the first place where the two differ, and tells of it. */
static void tell_difference(const json_t *ours, const json_t *theirs, const char *path)
{
    char below[512];
    const char *key;
    json_t *member;
    size_t index;
    if (json_is_object(ours) && json_is_object(theirs)) {
        json_object_foreach((json_t *)ours, key, member)
        {
            const json_t *other = json_object_get(theirs, key);
            if (!json_equal(member, other)) {
                snprintf(below, sizeof below, "%s.%s", path, key);
                tell_difference(member, other, below);
                return;
            }
        }
    }
    if (json_is_array(ours) && json_array_size(ours) == json_array_size(theirs)) {
        json_array_foreach(ours, index, member)
        {
            const json_t *other = json_array_get(theirs, index);
            if (!json_equal(member, other)) {
                snprintf(below, sizeof below, "%s[%zu]", path, index);
                tell_difference(member, other, below);
                return;
            }
        }
    }
    char *left = json_dumps(ours, JSON_ENCODE_ANY);
    char *right = theirs ? json_dumps(theirs, JSON_ENCODE_ANY) : NULL;
    print_error("at %s: ours %.200s, fastavro %.200s\n", path, left, right ? right : "nothing");
    free(left);
    free(right);
}

static void assert_same(const test_case *c, const char *what, const json_t *seen,
                        const json_t *expected)
{
    if (!json_equal(seen, expected)) {
        tell_difference(seen, expected, "");
        print_error("writer %s\nreader %s\n", text_of(c, "writer"), text_of(c, "reader"));
        fail_msg("seed %lld, %s", (long long)c->seed, what);
    }
}

/* The bytes again, from the cells. */
static void encode_again(const test_case *c, const mr_cell *cell, const char *data, size_t len)
{
    mr_encoder *encoder;
    mr_error err = {0};
    mr_buffer out = MR_BUFFER_INIT(1 << 20);
    assert_int_equal(mr_encoder_new(c->writer, &encoder, &err), MR_OK);
    if (mr_encode(encoder, cell, &out, &err)) {
        fail_msg("seed %lld: %s", (long long)c->seed, err.text);
    }
    if (out.len != len || memcmp(out.data ? out.data : "", data, len) != 0) {
        fail_msg("seed %lld: other bytes than fastavro's, schema %s", (long long)c->seed,
                 text_of(c, "writer"));
    }
    mr_buffer_release(&out);
    mr_encoder_free(encoder);
}

/* Resolved cells are of the reader's schema: written and read with it they stay the same. */
static void round_trip(const test_case *c, const mr_cell *cell, const json_t *expected)
{
    mr_encoder *encoder;
    mr_decoder *decoder;
    mr_error err = {0};
    mr_cell again;
    mr_buffer out = MR_BUFFER_INIT(1 << 20);
    assert_int_equal(mr_encoder_new(c->reader, &encoder, &err), MR_OK);
    assert_int_equal(mr_decoder_new(c->reader, c->reader, &decoder, &err), MR_OK);
    if (mr_encode(encoder, cell, &out, &err) ||
        mr_decode(decoder, out.data, out.len, c->arena, &again, &err)) {
        fail_msg("seed %lld: %s", (long long)c->seed, err.text);
    }
    json_t *seen = show(c->reader, &again);
    assert_same(c, "written and read with the reader's schema", seen, expected);
    json_decref(seen);
    mr_decoder_free(decoder);
    mr_encoder_free(encoder);
    mr_buffer_release(&out);
}

static void check_resolved(const test_case *c, const char *data, size_t len, const json_t *expected)
{
    mr_error err = {0};
    mr_cell cell;
    const json_t *value = json_object_get(expected, "value");
    mr_status status = mr_decode(c->resolving, data, len, c->arena, &cell, &err);
    if (!value) {
        if (!status) {
            fail_msg("seed %lld: fastavro says %s, we read it\nwriter %s\nreader %s",
                     (long long)c->seed, json_string_value(json_object_get(expected, "error")),
                     text_of(c, "writer"), text_of(c, "reader"));
        }
        counted.refused++;
        return;
    }
    if (status) {
        fail_msg("seed %lld: %s\nwriter %s\nreader %s", (long long)c->seed, err.text,
                 text_of(c, "writer"), text_of(c, "reader"));
    }
    json_t *seen = show(c->reader, &cell);
    assert_same(c, "resolved", seen, value);
    json_decref(seen);
    round_trip(c, &cell, value);
    counted.resolved++;
}

static size_t unhex(const char *hex, char *out)
{
    size_t len = strlen(hex) / 2;
    for (size_t i = 0; i < len; i++) {
        unsigned byte;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        out[i] = (char)byte;
    }
    return len;
}

static void check_datum(const test_case *c, size_t index)
{
    const char *hex = json_string_value(json_array_get(json_object_get(c->json, "data"), index));
    const json_t *same = json_array_get(json_object_get(c->json, "same"), index);
    const json_t *value = json_object_get(same, "value");
    char *data = malloc(strlen(hex) / 2 + 1);
    size_t len = unhex(hex, data);
    mr_cell cell;
    mr_error err = {0};
    assert_non_null(value);
    if (mr_decode(c->same, data, len, c->arena, &cell, &err)) {
        fail_msg("seed %lld: %s", (long long)c->seed, err.text);
    }
    json_t *seen = show(c->writer, &cell);
    assert_same(c, "with one schema", seen, value);
    json_decref(seen);
    encode_again(c, &cell, data, len);
    compare_with_avro_c(text_of(c, "writer"), data, len, value);
    if (c->resolving && !json_is_true(json_object_get(c->json, "ambiguous"))) {
        check_resolved(c, data, len, json_array_get(json_object_get(c->json, "resolved"), index));
    }
    free(data);
    counted.data++;
}

/* What is parsed is printed: the JSON comes back, and again after being built from the model. */
static void check_schema(const test_case *c)
{
    const char *canonical = text_of(c, "canonical");
    assert_string_equal(mr_schema_canonical(c->writer), canonical);
    uint64_t fingerprint = c->writer->fingerprint;
    char hex[32] = "";
    for (int i = 0; i < 8; i++) {
        snprintf(hex + 2 * i, 3, "%02x", (unsigned)(fingerprint >> (8 * i) & 0xff));
    }
    assert_string_equal(hex, text_of(c, "fingerprint"));
    const mr_schema *again = parse(mr_schema_json(c->reader));
    assert_string_equal(mr_schema_json(again), mr_schema_json(c->reader));
    mr_schema_release(again);

    mr_schema_builder *builder = mr_schema_builder_new("Built");
    mr_error err = {0};
    mr_schema_builder_add_copy(builder, "copy", c->reader, false);
    if (mr_schema_builder_finish(builder, &again, &err)) {
        fail_msg("seed %lld: %s", (long long)c->seed, err.text);
    }
    assert_non_null(strstr(mr_schema_canonical(again), mr_schema_canonical(c->reader)));
    mr_schema_release(again);
}

static void check_case(const char *line)
{
    json_error_t where;
    json_t *json = json_loads(line, 0, &where);
    assert_non_null(json);
    test_case c = {.json = json, .arena = mr_arena_new()};
    mr_error err = {0};
    c.seed = json_integer_value(json_object_get(json, "seed"));
    c.writer = parse(text_of(&c, "writer"));
    c.reader = parse(text_of(&c, "reader"));
    assert_int_equal(mr_decoder_new(c.writer, c.writer, &c.same, &err), MR_OK);
    bool compatible = json_is_true(json_object_get(json, "compatible"));
    mr_status status = mr_decoder_new(c.writer, c.reader, &c.resolving, &err);
    if (compatible != (status == MR_OK)) {
        fail_msg("seed %lld: compatible %d, but %s\nwriter %s\nreader %s", (long long)c.seed,
                 compatible, status ? err.text : "we made a decoder", text_of(&c, "writer"),
                 text_of(&c, "reader"));
    }
    check_schema(&c);
    for (size_t i = 0; i < json_array_size(json_object_get(json, "data")); i++) {
        check_datum(&c, i);
    }
    mr_decoder_free(c.same);
    mr_decoder_free(status ? NULL : c.resolving);
    mr_schema_release(c.writer);
    mr_schema_release(c.reader);
    mr_arena_free(c.arena);
    json_decref(json);
    counted.cases++;
}

static const char *from_environment(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value && *value ? value : otherwise;
}

static void test_peers(void **state)
{
    (void)state;
    char command[1024];
    const char *python = getenv("MILLRACE_PYTHON");
    if (!python && strcmp(from_environment("CI", "false"), "true") == 0) {
        fail_msg("MILLRACE_PYTHON is not set: tests/run contract sets it");
    } else if (!python) {
        skip();
    }
    snprintf(command, sizeof command, "'%s' '%s/tests/contract/codec/avro_cases.py' %s %s", python,
             MR_SOURCE_DIR, from_environment("MILLRACE_AVRO_SEED", "1"),
             from_environment("MILLRACE_AVRO_CASES", "400"));
    FILE *cases = popen(command, "r");
    assert_non_null(cases);
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, cases) > 0) {
        check_case(line);
    }
    free(line);
    assert_int_equal(pclose(cases), 0);
    print_message("# %zu schemas, %zu data compared with fastavro, %zu with avro-c, %zu resolved, "
                  "%zu refused by both\n",
                  counted.cases, counted.data, counted.avro_c, counted.resolved, counted.refused);
    assert_true(counted.cases > 0 && counted.resolved > counted.cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_peers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
