/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as JSON. The first byte chooses a schema and the dialect, or that the input is an
 * envelope of Connect's, schema and all. Reading must end in bounds; what was read must be writable
 * in both dialects, and read and written again be the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "codec/connect_json.h"
#include "codec/json.h"
#include "codec/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char everyday[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
    "{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"b\",\"type\":\"long\",\"default\":1},"
    "{\"name\":\"c\",\"type\":\"float\",\"default\":1},{\"name\":\"d\",\"type\":\"double\","
    "\"default\":1},{\"name\":\"e\",\"type\":[\"null\",\"string\"]},"
    "{\"name\":\"f\",\"type\":[\"null\",\"bytes\"]},{\"name\":\"g\",\"type\":[\"null\",\"boolean\"]"
    "},"
    "{\"name\":\"h\",\"type\":[\"null\",{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}]},"
    "{\"name\":\"i\",\"type\":[\"null\",{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\","
    "\"B\"]}]}]}";
static const char logical[] =
    "{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"L\",\"fields\":["
    "{\"name\":\"a\",\"type\":[\"null\",{\"type\":\"bytes\",\"logicalType\":\"decimal\","
    "\"precision\":40,\"scale\":3}]},"
    "{\"name\":\"b\",\"type\":[\"null\",{\"type\":\"string\",\"logicalType\":\"uuid\"}]},"
    "{\"name\":\"c\",\"type\":[\"null\",{\"type\":\"int\",\"logicalType\":\"date\"}]},"
    "{\"name\":\"d\",\"type\":[\"null\",{\"type\":\"int\",\"logicalType\":\"time-millis\"}]},"
    "{\"name\":\"e\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"time-micros\"}]},"
    "{\"name\":\"f\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}]},"
    "{\"name\":\"g\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":"
    "\"local-timestamp-micros\"}]},"
    "{\"name\":\"h\",\"type\":[\"null\",{\"type\":\"fixed\",\"name\":\"D\",\"size\":12,"
    "\"logicalType\":\"duration\"}]},"
    "{\"name\":\"i\",\"type\":[\"null\",{\"type\":\"fixed\",\"name\":\"millrace.ObjectId\","
    "\"size\":12}]},"
    "{\"name\":\"j\",\"type\":[\"null\",{\"type\":\"fixed\",\"name\":\"millrace.Decimal128\","
    "\"size\":16}]}]}}";
static const char tree[] = "{\"type\":\"record\",\"name\":\"Node\",\"fields\":["
                           "{\"name\":\"v\",\"type\":[\"null\",\"int\",\"double\",\"string\","
                           "\"Node\"],\"default\":null},"
                           "{\"name\":\"kids\",\"type\":{\"type\":\"array\",\"items\":[\"null\","
                           "\"Node\"]},\"default\":[]},"
                           "{\"name\":\"more\",\"type\":{\"type\":\"map\",\"values\":\"Node\"},"
                           "\"default\":{}}]}";
static const char any[] =
    "{\"type\":\"array\",\"items\":[\"null\",{\"type\":\"record\",\"name\":"
    "\"millrace.Json\",\"fields\":[{\"name\":\"json\",\"type\":\"string\"}]}]}";

static const char *const schemas[] = {everyday, logical, tree, any};
enum { SCHEMAS = sizeof schemas / sizeof *schemas };

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

/* A text that was written reads back as the same. Nothing need fit the limits on what few bytes may
 * make, since a text that is written leaves nothing out. */
static void round_trip(const mr_schema *schema, mr_json_dialect dialect, const mr_cell *cell,
                       mr_arena *arena)
{
    mr_buffer first = MR_BUFFER_INIT(64 << 20), second = MR_BUFFER_INIT(64 << 20);
    mr_error err;
    mr_cell again;
    if (mr_json_encode(schema, dialect, cell, &first, &err) == MR_OK) {
        mr_json_decoder *decoder = mr_json_decoder_new(schema, dialect);
        require(mr_json_valid((mr_slice){first.data, first.len}));
        if (mr_json_decode(decoder, (mr_slice){first.data, first.len}, arena, &again, &err)) {
            /* Bytes may hold a number of more digits than the precision allows. */
            require(strstr(err.text, "digits of decimal") != NULL);
        } else {
            require(mr_json_encode(schema, dialect, &again, &second, &err) == MR_OK);
            require(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
        }
        mr_json_decoder_free(decoder);
    } else {
        require(err.text[0]);
    }
    mr_buffer_release(&first);
    mr_buffer_release(&second);
}

static void read_json(const mr_schema *schema, mr_json_dialect dialect, mr_slice text)
{
    mr_json_decoder *decoder = mr_json_decoder_new(schema, dialect);
    mr_arena *arena = mr_arena_new();
    mr_cell cell;
    mr_error err = {0};
    if (mr_json_decode(decoder, text, arena, &cell, &err) == MR_OK) {
        require(mr_json_valid(text));
        round_trip(schema, MR_JSON_PLAIN, &cell, arena);
        round_trip(schema, MR_JSON_CONNECT, &cell, arena);
    } else {
        require(err.text[0]);
    }
    mr_arena_free(arena);
    mr_json_decoder_free(decoder);
}

static void read_envelope(mr_slice text)
{
    mr_connect_parts parts;
    const mr_schema *schema;
    mr_error err;
    if (mr_connect_split(text, &parts, &err) != MR_OK || !parts.payload.data) {
        return;
    }
    if (parts.prefix_bytes) {
        require(mr_connect_payload(text, parts.prefix_bytes).data == parts.payload.data);
    }
    if (mr_connect_schema_read(parts.schema, &schema, &err) == MR_OK) {
        mr_buffer out = MR_BUFFER_INIT(4 << 20);
        read_json(schema, MR_JSON_CONNECT, parts.payload);
        if (mr_connect_schema_write(schema, &out, &err) == MR_OK) {
            const mr_schema *again;
            require(mr_connect_schema_read((mr_slice){out.data, out.len}, &again, &err) == MR_OK);
            mr_schema_release(again);
        }
        mr_buffer_release(&out);
        mr_schema_release(schema);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const mr_schema *schema;
    mr_error err;
    if (size == 0) {
        return 0;
    }
    const mr_slice text = {(const char *)data + 1, size - 1};
    size_t at = data[0] % (2 * SCHEMAS + 1);
    if (at == 2 * SCHEMAS) {
        read_envelope(text);
        return 0;
    }
    const char *json = schemas[at / 2];
    require(mr_schema_parse(json, strlen(json), &schema, &err) == MR_OK);
    read_json(schema, at % 2 ? MR_JSON_CONNECT : MR_JSON_PLAIN, text);
    mr_schema_release(schema);
    return 0;
}
