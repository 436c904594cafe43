/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents through schemas and back. The first byte chooses:
 *   even  documents, one behind the other. Each is learnt; the decoder of the schema so far must
 *         take it then; a schema reads its predecessors; cells survive Avro; an exact document
 *         comes back to the byte, any other as a document. Then all of it with a given schema that
 *         has every type, where a misfit is allowed but must say why.
 *   odd   JSON: what is taken makes a well-formed document, and its canonical JSON makes the same
 *         one again.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "codec/avro.h"
#include "codec/bson.h"
#include "codec/bson_shape.h"
#include "codec/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(what)                                                                              \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static const char given_json[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
    "{\"name\":\"a\",\"type\":[\"null\",\"int\",\"double\",\"string\",\"bytes\","
    "{\"type\":\"array\",\"items\":[\"null\",\"float\",\"R\"]},"
    "{\"type\":\"map\",\"values\":[\"long\",\"string\",{\"type\":\"fixed\",\"name\":\"F\","
    "\"size\":3}]}],\"default\":null},"
    "{\"name\":\"b\",\"aliases\":[\"_id\"],\"type\":[{\"type\":\"bytes\",\"logicalType\":"
    "\"decimal\",\"precision\":20,\"scale\":3},{\"type\":\"long\",\"logicalType\":"
    "\"timestamp-micros\"},{\"type\":\"string\",\"logicalType\":\"uuid\"},\"boolean\",\"null\","
    "{\"type\":\"int\",\"logicalType\":\"date\"}],\"default\":\"\"},"
    "{\"name\":\"c\",\"type\":[\"null\",{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"X\"]},"
    "\"R\",{\"type\":\"record\",\"name\":\"S\",\"fields\":[{\"name\":\"d\",\"type\":\"long\"}]},"
    "{\"type\":\"record\",\"name\":\"millrace.Json\",\"fields\":[{\"name\":\"json\",\"type\":"
    "\"string\"}]}],\"default\":null}]}";

/* Cells through Avro to BSON. */
static void give_back(const mr_schema *schema, const mr_cell *cell, mr_arena *arena, mr_buffer *out)
{
    mr_encoder *encoder;
    mr_decoder *decoder;
    mr_error err;
    mr_cell read;
    mr_buffer avro = MR_BUFFER_INIT(64 << 20);
    REQUIRE(mr_encoder_new(schema, &encoder, &err) == MR_OK);
    REQUIRE(mr_decoder_new(schema, schema, &decoder, &err) == MR_OK);
    REQUIRE(mr_encode(encoder, cell, &avro, &err) == MR_OK);
    /* Values of no bytes are limited by the length of their datum. */
    if (mr_decode(decoder, avro.data, avro.len, arena, &read, &err)) {
        REQUIRE(strstr(err.text, "more values than a datum") != NULL);
        read = *cell;
    }
    mr_bson_encoder *writer = mr_bson_encoder_new(schema);
    if (mr_bson_encode(writer, &read, out, &err)) {
        REQUIRE(err.text[0] && out->len == 0);
    } else {
        REQUIRE(mr_bson_check(out->data, out->len, &err) == MR_OK);
    }
    mr_bson_encoder_free(writer);
    mr_encoder_free(encoder);
    mr_decoder_free(decoder);
    mr_buffer_release(&avro);
}

static mr_bson_fit take(const mr_schema *schema, mr_slice document, bool ignore_unknown)
{
    mr_bson_decoder *decoder;
    mr_error err = {0};
    mr_cell cell;
    REQUIRE(mr_bson_decoder_new(schema, &decoder, &err) == MR_OK);
    mr_arena *arena = mr_arena_new();
    mr_buffer back = MR_BUFFER_INIT(64 << 20);
    mr_bson_fit fit = mr_bson_decode(decoder, document, ignore_unknown, arena, &cell, &err);
    if (fit == MR_BSON_MISFIT) {
        REQUIRE(err.text[0]);
    } else {
        give_back(schema, &cell, arena, &back);
    }
    if (fit == MR_BSON_EXACT) {
        REQUIRE(back.len == document.len && memcmp(back.data, document.data, back.len) == 0);
    }
    mr_buffer_release(&back);
    mr_arena_free(arena);
    mr_bson_decoder_free(decoder);
    return fit;
}

static void learn(mr_bson_shape *shape, const mr_schema **schema, mr_slice document)
{
    if (*schema && take(*schema, document, false) != MR_BSON_MISFIT) {
        return;
    }
    REQUIRE(mr_bson_shape_learn(shape, document) || !*schema);
    const mr_schema *next;
    mr_error err;
    REQUIRE(mr_bson_shape_schema(shape, &next, &err) == MR_OK);
    REQUIRE(!*schema || mr_schema_can_read(next, *schema, &err) == MR_OK);
    mr_schema_release(*schema);
    *schema = next;
    REQUIRE(take(next, document, false) != MR_BSON_MISFIT);

    mr_bson_shape_options options = {"x", true, 30, 4};
    mr_bson_shape *again;
    const mr_schema *same;
    REQUIRE(mr_bson_shape_restore(&options, next, &again, &err) == MR_OK);
    REQUIRE(mr_bson_shape_schema(again, &same, &err) == MR_OK);
    REQUIRE(strcmp(mr_schema_json(same), mr_schema_json(next)) == 0);
    mr_schema_release(same);
    mr_bson_shape_free(again);
}

static void run_documents(const char *data, size_t size)
{
    mr_bson_shape_options options = {"fuzz.docs", true, 30, 4};
    mr_bson_shape *shape = mr_bson_shape_new(&options);
    const mr_schema *schema = NULL, *given;
    mr_error err;
    REQUIRE(mr_schema_parse(given_json, strlen(given_json), &given, &err) == MR_OK);
    while (size >= 5) {
        size_t len = mr_bson_length(data);
        if (len > size || mr_bson_check(data, len, &err)) {
            break;
        }
        /* A block of its own, so that ASan sees what is read beyond it. */
        char *copy = mr_alloc(len);
        memcpy(copy, data, len);
        learn(shape, &schema, (mr_slice){copy, len});
        (void)take(given, (mr_slice){copy, len}, false);
        (void)take(given, (mr_slice){copy, len}, true);
        free(copy);
        data += len;
        size -= len;
    }
    mr_schema_release(schema);
    mr_schema_release(given);
    mr_bson_shape_free(shape);
}

static bool to_document(mr_slice json, mr_buffer *out)
{
    size_t begun = mr_bson_begin(out);
    bool ok = mr_bson_add_json_fields(out, json);
    mr_bson_end(out, begun);
    return ok;
}

static void run_json(const char *data, size_t size)
{
    mr_buffer first = MR_BUFFER_INIT(64 << 20), second = MR_BUFFER_INIT(64 << 20);
    mr_buffer json = MR_BUFFER_INIT(64 << 20);
    mr_error err;
    if (to_document((mr_slice){data, size}, &first)) {
        REQUIRE(mr_bson_check(first.data, first.len, &err) == MR_OK);
        mr_bson_json((mr_slice){first.data, first.len}, true, &json);
        REQUIRE(to_document((mr_slice){json.data, json.len}, &second));
        mr_buffer_clear(&json);
        mr_buffer_clear(&first);
        mr_bson_json((mr_slice){second.data, second.len}, true, &json);
        REQUIRE(to_document((mr_slice){json.data, json.len}, &first));
        REQUIRE(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    }
    mr_buffer_release(&first);
    mr_buffer_release(&second);
    mr_buffer_release(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size && data[0] % 2) {
        run_json((const char *)data + 1, size - 1);
    } else if (size) {
        run_documents((const char *)data + 1, size - 1);
    }
    return 0;
}
