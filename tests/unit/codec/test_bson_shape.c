/* SPDX-License-Identifier: Apache-2.0 */
/* What shapes learn, which schemas they make, and how documents become cells of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "bson_fixture.h"
#include "bson_random.h"
#include "codec/avro.h"
#include "codec/bson_shape.h"
#include "codec/schema.h"

/* --- Schemas, with ' for \" ----------------------------------------------------------------------
 */

#define RECORD(name) "{'type':'record','name':'" name "','aliases':['millrace.Document'],'fields':["
#define MAYBE(name, type)                                                                          \
    "{'name':'" name "','type':['null'," type "],'default':null}" /* a field */
#define JSON_TYPE                                                                                  \
    "{'name':'millrace.Json','type':'record','fields':[{'name':'json','type':'string'}]}"
#define DATE_TYPE "{'type':'long','logicalType':'timestamp-millis'}"

static char *quoted(mr_arena *arena, const char *text)
{
    char *copy = mr_arena_strndup(arena, text, strlen(text));
    for (char *c = copy; *c; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    return copy;
}

/* All documents learnt in one go make this schema. */
static void expect_schema(bool widen, const char *const *documents, const char *want)
{
    mr_arena *arena = mr_arena_new();
    mr_bson_shape *shape = new_shape(widen, 1000, 20);
    for (size_t i = 0; documents[i]; i++) {
        mr_bson_shape_learn(shape, doc(arena, quoted(arena, documents[i])));
    }
    const mr_schema *schema = schema_of(shape);
    assert_string_equal(mr_schema_json(schema), quoted(arena, want));
    mr_schema_release(schema);
    mr_bson_shape_free(shape);
    mr_arena_free(arena);
}

static void every_type_has_its_own(void **state)
{
    (void)state;
    static const char *const documents[] = {
        "{'_id':{'$oid':'656f00010203040506070809'},'b':true,'i':1,'l':{'$numberLong':'1'},"
        "'d':1.5,'s':'x','t':{'$date':{'$numberLong':'5'}},"
        "'z':{'$binary':{'base64':'AA==','subType':'00'}},"
        "'u':{'$uuid':'656f0001-0203-0405-0607-08090a0b0c0d'},'m':{'$numberDecimal':'1.20'},"
        "'r':{'$regularExpression':{'pattern':'a','options':''}},'n':null,'o':{'x':1},"
        "'a':[1,'x',{'y':2}],'e':[],'id2':{'$oid':'656f00010203040506070809'}}",
        NULL};
    static const char want[] = RECORD("taxi.trips")                                              //
        MAYBE("_id", "{'name':'millrace.ObjectId','type':'fixed','size':12}") ","                //
        MAYBE("b", "'boolean'") "," MAYBE("i", "'int'") ","                                      //
        MAYBE("l", "'long'") "," MAYBE("d", "'double'") ","                                      //
        MAYBE("s", "'string'") "," MAYBE("t", DATE_TYPE) ","                                     //
        MAYBE("z", "'bytes'") ","                                                                //
        MAYBE("u", "{'name':'millrace.Uuid','type':'fixed','size':16,'logicalType':'uuid'}") "," //
        MAYBE("m", "{'name':'millrace.Decimal128','type':'fixed','size':16}") ","                //
        MAYBE("r", JSON_TYPE) ",{'name':'n','type':'null','default':null},"                      //
        MAYBE("o",
              RECORD("taxi.trips.o") MAYBE("x", "'int'") "]}") "," //
                                                               "{'name':'a','type':['null',{'type':"
                                                               "'array','items':['int','string'," //
        RECORD("taxi.trips.a") MAYBE("y", "'int'") "]}]}],'default':null},"                       //
        MAYBE("e", "{'type':'array','items':'null'}") ","                                         //
        MAYBE("id2", "'millrace.ObjectId'") "]}";
    expect_schema(true, documents, want);
}

static void numbers_widen(void **state)
{
    (void)state;
    static const char *const documents[] = {
        "{'a':1,'b':1,'c':1.5,'d':1}",
        "{'a':{'$numberLong':'1'},'b':2.5,'c':{'$numberLong':'1'},'d':1.5}",
        "{'a':1,'b':1,'c':1,'d':{'$numberLong':'1'}}", NULL};
    static const char want[] = RECORD("taxi.trips") MAYBE("a", "'long'") "," //
        MAYBE("b", "'double'") "," MAYBE("c", "'double','long'") ","         //
        MAYBE("d", "'double','long'") "]}";
    expect_schema(true, documents, want);
}

static void numbers_do_not_widen_unasked(void **state)
{
    (void)state;
    static const char *const documents[] = {"{'a':{'$numberLong':'1'}}", "{'a':1}", "{'a':1.5}",
                                            NULL};
    expect_schema(false, documents,
                  "{'type':'record','name':'taxi.trips','aliases':['millrace.Document',"
                  "'millrace.Unwidened'],'fields':[" MAYBE("a", "'long','int','double'") "]}");
}

/* Neither may an old int be read as a date, nor can a union have both. */
static void dates_do_not_mix_with_longs(void **state)
{
    (void)state;
    static const char *const documents[] = {
        "{'a':{'$date':{'$numberLong':'5'}},'b':{'$numberLong':'1'},"
        "'c':{'$date':{'$numberLong':'5'}}}",
        "{'a':{'$numberLong':'1'},'b':{'$date':{'$numberLong':'5'}},'c':1}", "{'c':1.5}", NULL};
    static const char want[] = RECORD("taxi.trips") //
        MAYBE("a", DATE_TYPE "," JSON_TYPE) ","     //
        MAYBE("b", "'long','millrace.Json'") ","    //
        MAYBE("c", DATE_TYPE ",'int','double'") "]}";
    expect_schema(true, documents, want);
}

#define RENAMED(name, in_documents)                                                                \
    "{'name':'" name "','type':['null','int'],'default':null,'doc':'" in_documents "'},"

static void names_become_avro_names(void **state)
{
    (void)state;
    static const char *const documents[] = {
        "{'':1,'a.b':1,'a_b':1,'$x':1,'7up':1,'Z\xc3\xbc':1,'a\\'b':1,'double':{'x':1}}", NULL};
    static const char want[] = RECORD("taxi.trips") RENAMED("_", "") RENAMED("a_b", "a.b") //
        RENAMED("a_b_2", "a_b") RENAMED("_x", "$x") RENAMED("_7up", "7up")                 //
        RENAMED("Z__", "Z\xc3\xbc") RENAMED("a_b_3", "a\\'b")                              //
        MAYBE("double", RECORD("taxi.trips.double_") MAYBE("x", "'int'") "]}") "]}";
    expect_schema(true, documents, want);
}

static void learning_tells_what_is_new(void **state)
{
    (void)state;
    mr_arena *arena = mr_arena_new();
    mr_bson_shape *shape = new_shape(true, 1000, 20);
    assert_true(mr_bson_shape_learn(shape, doc(arena, "{\"a\":1,\"l\":[1]}")));
    assert_false(mr_bson_shape_learn(shape, doc(arena, "{\"a\":2,\"l\":[]}")));
    assert_false(mr_bson_shape_learn(shape, doc(arena, "{\"l\":[3,4]}")));
    assert_true(mr_bson_shape_learn(shape, doc(arena, "{\"l\":[null]}")));
    assert_true(mr_bson_shape_learn(shape, doc(arena, "{\"a\":1.5}")));
    assert_false(mr_bson_shape_learn(shape, doc(arena, "{\"a\":1}")));
    assert_false(mr_bson_shape_learn(shape, doc(arena, "{}")));
    mr_bson_shape_free(shape);
    mr_arena_free(arena);
}

/* --- Too deep and too wide -------------------------------------------------------------------- */

static const mr_field *field(const mr_schema *record, const char *name)
{
    const mr_field *f = mr_schema_field(mr_schema_strip_null(record), name);
    if (!f) {
        fail_msg("no field %s", name);
    }
    return f;
}

/* 100 levels: those below depth_max are JSON, and all of it comes back. */
static void deep_documents_become_json(void **state)
{
    (void)state;
    mr_arena *arena = mr_arena_new();
    mr_buffer json = MR_BUFFER_INIT(1 << 20);
    for (int i = 0; i < 100; i++) {
        mr_buffer_add_text(&json, i % 3 == 2 ? "[1," : "{\"a\":");
    }
    mr_buffer_add_text(&json, "7");
    for (int i = 99; i >= 0; i--) {
        mr_buffer_add_char(&json, i % 3 == 2 ? ']' : '}');
    }
    mr_slice deep = doc(arena, mr_buffer_text(&json));
    mr_bson_shape *shape = new_shape(true, 1000, 99);
    assert_true(mr_bson_shape_learn(shape, deep));
    const mr_schema *schema = schema_of(shape), *s = schema;
    size_t levels = 0;
    for (; strcmp(s->name ? s->name : "", MR_JSON_NAME) != 0; levels++) {
        s = mr_schema_strip_null(s->items ? s->items->branches[1] : s->fields[0].schema);
        s = s->type == MR_UNION ? s->branches[1] : s;
    }
    assert_int_equal(levels, MR_SHAPE_DEPTH_MAX);
    mr_bson_decoder *decoder = decoder_of(schema);
    mr_cell cell;
    mr_error err;
    assert_int_equal(mr_bson_decode(decoder, deep, false, arena, &cell, &err), MR_BSON_INEXACT);
    mr_buffer back = MR_BUFFER_INIT(1 << 20);
    mr_bson_encoder *encoder = mr_bson_encoder_new(schema);
    assert_int_equal(mr_bson_encode(encoder, &cell, &back, &err), MR_OK);
    assert_int_equal(back.len, deep.len);
    assert_memory_equal(back.data, deep.data, deep.len);
    mr_bson_encoder_free(encoder);
    mr_bson_decoder_free(decoder);
    mr_schema_release(schema);
    mr_bson_shape_free(shape);
    mr_buffer_release(&json);
    mr_buffer_release(&back);
    mr_arena_free(arena);
}

/* {"_id":1,"by_day":{"d0":{"n":1},...},"x":1}: keys that are data. */
static mr_slice wide(mr_arena *arena, int from, int count)
{
    mr_buffer json = MR_BUFFER_INIT(1 << 20);
    mr_buffer_add_text(&json, "{\"_id\":1,\"by_day\":{");
    for (int i = 0; i < count; i++) {
        mr_buffer_printf(&json, "%s\"d%d\":{\"n\":1}", i ? "," : "", from + i);
    }
    mr_buffer_add_text(&json, "},\"x\":1}");
    mr_slice ret = doc(arena, mr_buffer_text(&json));
    mr_buffer_release(&json);
    return ret;
}

static void keys_that_are_data_become_json(void **state)
{
    (void)state;
    mr_arena *arena = mr_arena_new();
    mr_bson_shape *shape = new_shape(true, 100, 20);
    for (int i = 0; i < 20; i++) {
        mr_bson_shape_learn(shape, wide(arena, i * 7, 7));
    }
    const mr_schema *schema = schema_of(shape);
    assert_int_equal(schema->field_count, 3);
    assert_string_equal(mr_schema_strip_null(field(schema, "by_day")->schema)->name, MR_JSON_NAME);
    assert_false(mr_bson_shape_learn(shape, wide(arena, 5000, 500)));
    mr_schema_release(schema);
    mr_bson_shape_free(shape);
    mr_arena_free(arena);
}

/* What was handed out as a record stays one; what it cannot take goes to its rest. */
static void known_records_keep_a_rest(void **state)
{
    (void)state;
    mr_arena *arena = mr_arena_new();
    mr_bson_shape *shape = new_shape(true, 20, 20);
    mr_bson_shape_learn(shape, wide(arena, 0, 3));
    const mr_schema *first = schema_of(shape), *second;
    mr_slice more = wide(arena, 100, 40);
    assert_true(mr_bson_shape_learn(shape, more));
    second = schema_of(shape);
    mr_error err;
    assert_int_equal(mr_schema_can_read(second, first, &err), MR_OK);
    const mr_schema *by_day = mr_schema_strip_null(field(second, "by_day")->schema);
    assert_string_equal(by_day->name, "taxi.trips.by_day");
    assert_string_equal(field(by_day, "_rest")->aliases[0], MR_BSON_REST);

    mr_bson_decoder *decoder = decoder_of(second);
    mr_cell cell;
    assert_int_equal(mr_bson_decode(decoder, more, false, arena, &cell, &err), MR_BSON_INEXACT);
    mr_buffer back = MR_BUFFER_INIT(1 << 20);
    mr_bson_encoder *encoder = mr_bson_encoder_new(second);
    assert_int_equal(mr_bson_encode(encoder, &cell, &back, &err), MR_OK);
    assert_true(mr_bson_same(more, (mr_slice){back.data, back.len}));
    /* Anything goes from now on. */
    mr_slice other = wide(arena, 900, 77);
    assert_int_equal(mr_bson_decode(decoder, other, false, arena, &cell, &err), MR_BSON_INEXACT);
    assert_false(mr_bson_shape_learn(shape, other));

    mr_bson_encoder_free(encoder);
    mr_bson_decoder_free(decoder);
    mr_buffer_release(&back);
    mr_schema_release(first);
    mr_schema_release(second);
    mr_bson_shape_free(shape);
    mr_arena_free(arena);
}

static void a_wide_root_keeps_a_rest(void **state)
{
    (void)state;
    mr_arena *arena = mr_arena_new();
    mr_bson_shape *shape = new_shape(true, 3, 20);
    mr_slice document = doc(arena, "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":{\"f\":[1,2]}}");
    mr_bson_shape_learn(shape, document);
    const mr_schema *schema = schema_of(shape);
    assert_int_equal(schema->field_count, 4);
    mr_bson_decoder *decoder = decoder_of(schema);
    mr_cell cell;
    mr_error err;
    assert_int_equal(mr_bson_decode(decoder, document, false, arena, &cell, &err), MR_BSON_INEXACT);
    const mr_cell *json = cell.as.cells[3].as.cells;
    static const char want[] = "{\"d\":{\"$numberInt\":\"4\"},\"e\":{\"f\":[{\"$numberInt\":\"1\"},"
                               "{\"$numberInt\":\"2\"}]}}";
    assert_int_equal(json->len, strlen(want));
    assert_memory_equal(json->as.text, want, json->len);
    mr_buffer back = MR_BUFFER_INIT(1 << 20);
    mr_bson_encoder *encoder = mr_bson_encoder_new(schema);
    assert_int_equal(mr_bson_encode(encoder, &cell, &back, &err), MR_OK);
    assert_int_equal(back.len, document.len);
    assert_memory_equal(back.data, document.data, back.len);
    mr_buffer_release(&back);
    mr_bson_encoder_free(encoder);
    mr_bson_decoder_free(decoder);
    mr_schema_release(schema);
    mr_bson_shape_free(shape);
    mr_arena_free(arena);
}

/* Thousands of fields, each of which has many types: the schema stops at what it may have, and what
 * is beyond is JSON. */
static void large_schemas_stop_growing(void **state)
{
    (void)state;
    enum { FIELDS = 5000 };
    static const char *const values[] = {"1",
                                         "true",
                                         "'x'",
                                         "1.5",
                                         "{'x':1}",
                                         "[1]",
                                         "{'$date':{'$numberLong':'5'}}",
                                         "{'$oid':'656f00010203040506070809'}",
                                         "{'$numberDecimal':'1'}",
                                         "{'$minKey':1}"};
    mr_bson_shape *shape = new_shape(true, MR_SHAPE_FIELDS_MAX, 20);
    const mr_schema *schema = NULL;
    mr_error err;
    for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
        mr_arena *arena = mr_arena_new();
        mr_buffer json = MR_BUFFER_INIT(1 << 24);
        mr_buffer_add_char(&json, '{');
        for (int i = 0; i < FIELDS; i++) {
            mr_buffer_printf(&json, "%s'a field with a name that is not short %d':%s", i ? "," : "",
                             i, values[k]);
        }
        mr_buffer_add_char(&json, '}');
        mr_slice document = doc(arena, quoted(arena, mr_buffer_text(&json)));
        mr_bson_shape_learn(shape, document);
        const mr_schema *next = schema_of(shape);
        assert_true(strlen(mr_schema_json(next)) < 950 << 10);
        assert_true(!schema || mr_schema_can_read(next, schema, &err) == MR_OK);
        mr_bson_decoder *decoder = decoder_of(next);
        mr_cell cell;
        assert_int_not_equal(mr_bson_decode(decoder, document, false, arena, &cell, &err),
                             MR_BSON_MISFIT);
        mr_bson_decoder_free(decoder);
        mr_schema_release(schema);
        schema = next;
        mr_buffer_release(&json);
        mr_arena_free(arena);
    }
    assert_true(mr_schema_has_alias(schema->aliases, schema->alias_count, MR_BSON_FULL));
    mr_schema_release(schema);
    mr_bson_shape_free(shape);
}

/* --- Restoring -------------------------------------------------------------------------------- */

static void foreign_schemas_are_not_restored(void **state)
{
    (void)state;
    static const char *const foreign[] = {
        "'string'",
        "{'type':'record','name':'R','fields':[]}",
        RECORD("R") "{'name':'a','type':'float'}]}",
        RECORD("R") "{'name':'a','type':['null','R']}]}",
        RECORD("R") "{'name':'a','type':{'type':'map','values':'int'}}]}",
    };
    mr_bson_shape_options options = {"taxi.trips", true, 1000, 20};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        mr_arena *arena = mr_arena_new();
        const mr_schema *schema = parse(quoted(arena, foreign[i]));
        mr_bson_shape *shape;
        mr_error err;
        assert_int_equal(mr_bson_shape_restore(&options, schema, &shape, &err), MR_FATAL);
        assert_non_null(strstr(err.text, "not inferred"));
        mr_schema_release(schema);
        mr_arena_free(arena);
    }
}

/* --- All of it, at random --------------------------------------------------------------------- */

typedef struct run {
    mr_bson_shape *shape;
    const mr_schema *schema;
    mr_bson_decoder *decoder;
    mr_bson_encoder *encoder;
    mr_arena *arena;
    mr_buffer document, back, avro;
    size_t versions, exact, inexact;
} run;

static void new_version(run *r)
{
    mr_error err;
    const mr_schema *next = schema_of(r->shape);
    if (r->schema && mr_schema_can_read(next, r->schema, &err)) {
        fail_msg("%s: %s after %s", err.text, mr_schema_json(next), mr_schema_json(r->schema));
    }
    /* What is restored from it is the same again. */
    mr_bson_shape_options options = {"other.name", true, 40, 5};
    mr_bson_shape *again;
    if (mr_bson_shape_restore(&options, next, &again, &err)) {
        fail_msg("%s", err.text);
    }
    const mr_schema *same = schema_of(again);
    assert_string_equal(mr_schema_json(same), mr_schema_json(next));
    mr_schema_release(same);
    mr_bson_shape_free(again);

    mr_bson_decoder_free(r->decoder);
    mr_bson_encoder_free(r->encoder);
    mr_schema_release(r->schema);
    r->schema = next;
    r->decoder = decoder_of(next);
    r->encoder = mr_bson_encoder_new(next);
    r->versions++;
}

/* How many values a document has, nulls left out. Sets *twice when a name is there twice. */
static size_t count_values(mr_slice document, bool array, bool *twice)
{
    mr_bson_element e, first;
    size_t count = 0;
    for (size_t cursor = 0; mr_bson_next(document, &cursor, &e);) {
        *twice |= mr_bson_find(document, e.name.data, &first) && first.name.data != e.name.data;
        if (e.type == MR_BSON_DOCUMENT || e.type == MR_BSON_ARRAY) {
            count += count_values(mr_bson_document(&e), e.type == MR_BSON_ARRAY, twice);
        }
        count += array || e.type != MR_BSON_NULL;
    }
    return count;
}

/* Cells survive Avro, and what they give back is what `fit` says. */
static void check_cells(run *r, mr_slice document, const mr_cell *cell, mr_bson_fit fit)
{
    mr_encoder *encoder;
    mr_decoder *decoder;
    mr_error err;
    mr_cell read;
    assert_int_equal(mr_encoder_new(r->schema, &encoder, &err), MR_OK);
    assert_int_equal(mr_decoder_new(r->schema, r->schema, &decoder, &err), MR_OK);
    mr_buffer_clear(&r->avro);
    if (mr_encode(encoder, cell, &r->avro, &err) ||
        mr_decode(decoder, r->avro.data, r->avro.len, r->arena, &read, &err)) {
        fail_msg("%s", err.text);
    }
    mr_buffer_clear(&r->back);
    if (mr_bson_encode(r->encoder, &read, &r->back, &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(mr_bson_check(r->back.data, r->back.len, &err), MR_OK);
    bool same =
        r->back.len == document.len && memcmp(r->back.data, document.data, document.len) == 0;
    if (fit == MR_BSON_EXACT && !same) {
        mr_buffer json = MR_BUFFER_INIT(1 << 20);
        mr_bson_json(document, true, &json);
        mr_buffer_add_text(&json, "\nbecame ");
        mr_bson_json((mr_slice){r->back.data, r->back.len}, true, &json);
        fail_msg("%s", mr_buffer_text(&json));
    }
    bool twice = false;
    size_t count = count_values(document, false, &twice);
    size_t back = count_values((mr_slice){r->back.data, r->back.len}, false, &twice);
    assert_true(twice || count == back);
    mr_encoder_free(encoder);
    mr_decoder_free(decoder);
}

static void take(run *r, mr_slice document)
{
    mr_cell cell;
    mr_error err;
    mr_bson_fit fit = r->decoder
                          ? mr_bson_decode(r->decoder, document, false, r->arena, &cell, &err)
                          : MR_BSON_MISFIT;
    if (fit == MR_BSON_MISFIT) {
        if (!mr_bson_shape_learn(r->shape, document) && r->decoder) {
            fail_msg("nothing to learn, but: %s", err.text);
        }
        new_version(r);
        fit = mr_bson_decode(r->decoder, document, false, r->arena, &cell, &err);
        if (fit == MR_BSON_MISFIT) {
            fail_msg("learnt, but: %s", err.text);
        }
    }
    r->exact += fit == MR_BSON_EXACT;
    r->inexact += fit == MR_BSON_INEXACT;
    check_cells(r, document, &cell, fit);
}

static run run_random(uint64_t seed, bool tame, size_t fields_max, size_t documents)
{
    run r = {.shape = new_shape(true, fields_max, 5), .arena = mr_arena_new()};
    mr_buffer_init(&r.document, 1 << 24);
    mr_buffer_init(&r.back, 1 << 24);
    mr_buffer_init(&r.avro, 1 << 24);
    random_bson random = {seed * 0x9e3779b97f4a7c15u + 1, tame};
    for (size_t i = 0; i < documents; i++) {
        mr_slice document = random_bson_make(&random, &r.document);
        mr_error err;
        if (mr_bson_check(document.data, document.len, &err)) {
            fail_msg("%s", err.text);
        }
        take(&r, document);
        mr_arena_reset(r.arena);
    }
    mr_bson_shape_free(r.shape);
    mr_bson_decoder_free(r.decoder);
    mr_bson_encoder_free(r.encoder);
    mr_schema_release(r.schema);
    mr_arena_free(r.arena);
    mr_buffer_release(&r.document);
    mr_buffer_release(&r.back);
    mr_buffer_release(&r.avro);
    return r;
}

static void random_documents_are_learnt(void **state)
{
    (void)state;
    size_t exact = 0, inexact = 0, versions = 0;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        run r = run_random(seed, seed % 3 == 0, seed % 2 ? 40 : 2000, 60);
        exact += r.exact;
        inexact += r.inexact;
        versions += r.versions;
    }
    assert_true(exact > 20);
    assert_true(inexact > 100);
    assert_true(versions > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_has_its_own),
        cmocka_unit_test(numbers_widen),
        cmocka_unit_test(numbers_do_not_widen_unasked),
        cmocka_unit_test(dates_do_not_mix_with_longs),
        cmocka_unit_test(names_become_avro_names),
        cmocka_unit_test(learning_tells_what_is_new),
        cmocka_unit_test(deep_documents_become_json),
        cmocka_unit_test(keys_that_are_data_become_json),
        cmocka_unit_test(known_records_keep_a_rest),
        cmocka_unit_test(a_wide_root_keeps_a_rest),
        cmocka_unit_test(large_schemas_stop_growing),
        cmocka_unit_test(foreign_schemas_are_not_restored),
        cmocka_unit_test(random_documents_are_learnt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
