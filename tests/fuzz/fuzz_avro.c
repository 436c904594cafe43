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

static const char everyday[] = "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
                               "{\"name\":\"a\",\"type\":\"int\"},"
                               "{\"name\":\"b\",\"type\":\"long\"},"
                               "{\"name\":\"c\",\"type\":\"float\"},"
                               "{\"name\":\"d\",\"type\":\"double\"},"
                               "{\"name\":\"e\",\"type\":\"boolean\"},"
                               "{\"name\":\"f\",\"type\":\"string\"},"
                               "{\"name\":\"g\",\"type\":\"bytes\"},"
                               "{\"name\":\"h\",\"type\":[\"null\",\"string\"]},"
                               "{\"name\":\"i\",\"type\":{\"type\":\"long\","
                               "\"logicalType\":\"timestamp-micros\"}}]}";
static const char tree[] = "{\"type\":\"record\",\"name\":\"Node\",\"fields\":["
                           "{\"name\":\"v\",\"type\":[\"null\",\"int\",\"string\",\"Node\"]},"
                           "{\"name\":\"kids\",\"type\":{\"type\":\"array\",\"items\":[\"null\","
                           "\"Node\"]}},"
                           "{\"name\":\"more\",\"type\":{\"type\":\"map\",\"values\":\"Node\"}}]}";
static const char nothings[] = "{\"type\":\"array\",\"items\":\"null\"}";
static const char no_bytes[] =
    "{\"type\":\"array\",\"items\":{\"type\":\"array\","
    "\"items\":{\"type\":\"array\",\"items\":{\"type\":\"fixed\",\"name\":\"F\","
    "\"size\":0}}}}";
static const char endless[] = "{\"type\":\"record\",\"name\":\"A\",\"fields\":["
                              "{\"name\":\"a\",\"type\":\"A\"}]}";
static const char symbols[] = "{\"type\":\"map\",\"values\":{\"type\":\"enum\",\"name\":\"E\","
                              "\"symbols\":[\"X\",\"Y\",\"Z\"]}}";
static const char writer[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
    "{\"name\":\"a\",\"type\":\"int\"},"
    "{\"name\":\"drop\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"map\","
    "\"values\":\"string\"}}},"
    "{\"name\":\"b\",\"type\":[\"null\",\"long\",\"string\"]},"
    "{\"name\":\"c\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"X\","
    "\"Y\",\"Z\"]}},"
    "{\"name\":\"gone\",\"type\":[\"null\",\"R\"]},"
    "{\"name\":\"d\",\"type\":{\"type\":\"array\",\"items\":\"int\"}}]}";
static const char reader[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
    "{\"name\":\"d\",\"type\":{\"type\":\"array\",\"items\":\"double\"}},"
    "{\"name\":\"b\",\"type\":[\"double\",\"bytes\"]},"
    "{\"name\":\"new\",\"type\":{\"type\":\"map\",\"values\":{\"type\":\"array\","
    "\"items\":\"int\"}},\"default\":{\"k\":[1,2]}},"
    "{\"name\":\"c\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"Z\","
    "\"W\"],\"default\":\"W\"}},"
    "{\"name\":\"z\",\"aliases\":[\"a\"],\"type\":\"long\"}]}";

static const struct {
    const char *writer, *reader;
} pairs[] = {
    {everyday, everyday}, {tree, tree},       {nothings, nothings}, {no_bytes, no_bytes},
    {endless, endless},   {symbols, symbols}, {writer, reader},
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
    /* Values of no bytes are limited by the length of their datum, and it may be shorter now. */
    if (mr_decode(decoder, first.data, first.len, arena, &again, &err)) {
        require(strstr(err.text, "more values than a datum") != NULL);
    } else {
        encode(schema, &again, &second);
        require(first.len == second.len);
        require(!first.len || memcmp(first.data, second.data, first.len) == 0);
    }
    mr_decoder_free(decoder);
    mr_buffer_release(&first);
    mr_buffer_release(&second);
}

static void decode(const mr_schema *from, const mr_schema *to, const char *data, size_t len)
{
    mr_decoder *decoder;
    mr_error err;
    if (mr_decoder_new(from, to, &decoder, &err)) {
        require(err.text[0]);
        return;
    }
    mr_arena *arena = mr_arena_new();
    mr_cell cell;
    size_t used;
    if (mr_decode_prefix(decoder, data, len, arena, &cell, &used, &err) == MR_OK) {
        require(used <= len);
        round_trip(to, &cell, arena);
    } else {
        require(err.text[0]);
    }
    mr_arena_free(arena);
    mr_decoder_free(decoder);
}

static void run(mr_slice writer_json, mr_slice reader_json, const char *data, size_t len)
{
    const mr_schema *w, *r;
    mr_error err;
    if (mr_schema_parse(writer_json.data, writer_json.len, &w, &err)) {
        return;
    }
    if (mr_schema_parse(reader_json.data, reader_json.len, &r, &err) == MR_OK) {
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
    const char *after = first + 1, *end = data + len;
    const char *second = after < end ? memchr(after, '\n', (size_t)(end - after)) : NULL;
    if (second) {
        run((mr_slice){data, (size_t)(first - data)}, (mr_slice){after, (size_t)(second - after)},
            second + 1, (size_t)(end - second - 1));
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
    } else {
        run((mr_slice){pairs[at].writer, strlen(pairs[at].writer)},
            (mr_slice){pairs[at].reader, strlen(pairs[at].reader)}, rest, size - 1);
    }
    return 0;
}
