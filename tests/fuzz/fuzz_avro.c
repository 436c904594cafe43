/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a datum. The first byte chooses a pair of schemas (or, when it is the last pair, the
 * input brings its own: "<schema>\n<schema>\n<datum>"). Decoding must end in bounds; what is
 * decoded must be encodable, and decode again to the same bytes; with two schemas the resolved
 * cells must be encodable with the reader's.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "codec/avro.h"
#include "codec/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FIELD(name, type)      "{\"name\":\"" name "\",\"type\":" type "}"
#define WITH(name, type, dflt) "{\"name\":\"" name "\",\"type\":" type ",\"default\":" dflt "}"
#define RECORD(name, fields)   "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" fields "]}"
#define ARRAY(items)           "{\"type\":\"array\",\"items\":" items "}"
#define MAP(values)            "{\"type\":\"map\",\"values\":" values "}"
#define LOGICAL(base, logical) "{\"type\":\"" base "\",\"logicalType\":\"" logical "\"}"

static const struct {
    const char *writer, *reader; /* reader NULL: the writer's */
} pairs[] = {
    {RECORD("R",
            FIELD("a", "\"int\"") "," FIELD("b", "\"long\"") "," FIELD("c", "\"float\"") "," FIELD("d", "\"double\"") "," FIELD(
                "e",
                "\"boolean\"") "," FIELD("f",
                                         "\"string\"") "," FIELD("g",
                                                                 "\"bytes\"") "," FIELD("h",
                                                                                        "[\"null\","
                                                                                        "\"string\""
                                                                                        "]") "," FIELD("i",
                                                                                                       LOGICAL(
                                                                                                           "long",
                                                                                                           "timestamp-micros"))),
     NULL},
    {RECORD("Node", FIELD("v", "[\"null\",\"int\",\"string\",\"Node\"]") "," FIELD(
                        "kids", ARRAY("[\"null\",\"Node\"]")) "," FIELD("more", MAP("\"Node\""))),
     NULL},
    {ARRAY("\"null\""), NULL},
    {ARRAY(ARRAY(ARRAY("{\"type\":\"fixed\",\"name\":\"F\",\"size\":0}"))), NULL},
    {RECORD("A", FIELD("a", "\"A\"")), NULL},
    {MAP("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"X\",\"Y\",\"Z\"]}"), NULL},
    {RECORD("R",
            FIELD("a", "\"int\"") "," FIELD("drop", ARRAY(MAP("\"string\""))) "," FIELD(
                "b", "[\"null\",\"long\",\"string\"]") "," FIELD("c",
                                                                 "{\"type\":\"enum\",\"name\":"
                                                                 "\"E\",\"symbols\":[\"X\",\"Y\","
                                                                 "\"Z\"]}") "," FIELD("gone",
                                                                                      "[\"null\","
                                                                                      "\"R\"]") "," FIELD("d",
                                                                                                          ARRAY(
                                                                                                              "\"int\""))),
     RECORD("R",
            FIELD("d", ARRAY("\"double\"")) "," FIELD("b", "[\"double\",\"bytes\"]") "," WITH(
                "new", MAP(ARRAY("\"int\"")),
                "{\"k\":[1,2]}") "," FIELD("c",
                                           "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"Z\","
                                           "\"W\"],"
                                           "\"default\":\"W\"}") ","
                                                                 "{\"name\":\"z\",\"aliases\":["
                                                                 "\"a\"],\"type\":\"long\"}")},
};

enum { PAIRS = sizeof pairs / sizeof *pairs };

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

static void encode(const mr_schema *schema, const mr_cell *cell, mr_buffer *out)
{
    mr_encoder *encoder;
    mr_error err;
    require(mr_encoder_new(schema, &encoder, &err) == MR_OK);
    require(mr_encode(encoder, cell, out, &err) == MR_OK);
    mr_encoder_free(encoder);
}

/* Bytes may differ from the input (numbers and blocks can be written in several ways), but not
 * from then on. */
static void round_trip(const mr_schema *schema, const mr_cell *cell, mr_arena *arena)
{
    mr_buffer first = MR_BUFFER_INIT(64 << 20), second = MR_BUFFER_INIT(64 << 20);
    mr_decoder *decoder;
    mr_error err;
    mr_cell again;
    encode(schema, cell, &first);
    require(mr_decoder_new(schema, schema, &decoder, &err) == MR_OK);
    require(mr_decode(decoder, first.data, first.len, arena, &again, &err) == MR_OK);
    encode(schema, &again, &second);
    require(first.len == second.len);
    require(!first.len || memcmp(first.data, second.data, first.len) == 0);
    mr_decoder_free(decoder);
    mr_buffer_release(&first);
    mr_buffer_release(&second);
}

static void decode(const mr_schema *writer, const mr_schema *reader, const char *data, size_t len)
{
    mr_decoder *decoder;
    mr_error err;
    if (mr_decoder_new(writer, reader, &decoder, &err)) {
        require(err.text[0]);
        return;
    }
    mr_arena *arena = mr_arena_new();
    mr_cell cell;
    size_t used;
    if (mr_decode_prefix(decoder, data, len, arena, &cell, &used, &err) == MR_OK) {
        require(used <= len);
        round_trip(reader, &cell, arena);
    } else {
        require(err.text[0]);
    }
    mr_arena_free(arena);
    mr_decoder_free(decoder);
}

static void run(const char *writer, size_t writer_len, const char *reader, size_t reader_len,
                const char *data, size_t len)
{
    const mr_schema *w, *r;
    mr_error err;
    if (mr_schema_parse(writer, writer_len, &w, &err)) {
        return;
    }
    if (mr_schema_parse(reader, reader_len, &r, &err) == MR_OK) {
        decode(w, r, data, len);
        mr_schema_release(r);
    }
    mr_schema_release(w);
}

static void run_own(const char *data, size_t len)
{
    const char *first = len ? memchr(data, '\n', len) : NULL;
    if (!first) {
        return;
    }
    const char *reader = first + 1, *end = data + len;
    const char *second = reader < end ? memchr(reader, '\n', (size_t)(end - reader)) : NULL;
    if (second) {
        run(data, (size_t)(first - data), reader, (size_t)(second - reader), second + 1,
            (size_t)(end - second - 1));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    size_t at = data[0] % (PAIRS + 1);
    const char *rest = (const char *)data + 1;
    if (at == PAIRS) {
        run_own(rest, size - 1);
        return 0;
    }
    const char *writer = pairs[at].writer;
    const char *reader = pairs[at].reader ? pairs[at].reader : writer;
    run(writer, strlen(writer), reader, strlen(reader), rest, size - 1);
    return 0;
}
