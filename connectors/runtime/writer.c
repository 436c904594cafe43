/* SPDX-License-Identifier: Apache-2.0 */
/* See writer.h. */
#include "runtime/writer.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "codec/avro.h"
#include "codec/connect_json.h"
#include "codec/json.h"
#include "codec/schema.h"

enum { ENVELOPE_BYTES_MAX = 2 << 20 };

struct mr_writer {
    const mr_wire *wire;
    const mr_schema *schema; /* our reference */
    mr_encoder *encoder;     /* NULL: JSON */
    mr_wire_header header;
    mr_buffer before; /* json-connect: the envelope up to the payload */
};

static bool is_json(const mr_wire *wire)
{
    return wire->kind == MR_WIRE_JSON || wire->kind == MR_WIRE_JSON_CONNECT;
}

mr_status mr_writer_new(const mr_wire *wire, const char *topic, const mr_schema *schema,
                        const atomic_bool *stop, mr_writer **ret, mr_error *err)
{
    mr_writer *writer = mr_calloc(1, sizeof *writer);
    writer->wire = wire;
    mr_buffer_init(&writer->before, ENVELOPE_BYTES_MAX);
    writer->schema = mr_schema_acquire(schema);
    mr_status status = mr_wire_announce(wire, topic, schema, stop, &writer->header, err);
    if (status == MR_OK && !is_json(wire)) {
        status = mr_encoder_new(schema, &writer->encoder, err);
    }
    if (status == MR_OK && wire->kind == MR_WIRE_JSON_CONNECT) {
        mr_buffer_add_text(&writer->before, "{\"schema\":");
        status = mr_connect_schema_write(schema, &writer->before, err);
        mr_buffer_add_text(&writer->before, ",\"payload\":");
    }
    if (status != MR_OK) {
        mr_writer_free(writer);
        return status;
    }
    *ret = writer;
    return MR_OK;
}

void mr_writer_free(mr_writer *writer)
{
    if (writer) {
        mr_encoder_free(writer->encoder);
        mr_buffer_release(&writer->before);
        mr_schema_release(writer->schema);
        free(writer);
    }
}

mr_status mr_writer_put(const mr_writer *writer, const mr_cell *cell, mr_buffer *out, mr_error *err)
{
    if (writer->encoder) {
        mr_buffer_add(out, writer->header.bytes, writer->header.len);
        return mr_encode(writer->encoder, cell, out, err);
    }
    if (writer->wire->kind == MR_WIRE_JSON) {
        return mr_json_encode(writer->schema, MR_JSON_PLAIN, cell, out, err);
    }
    mr_buffer_add(out, writer->before.data, writer->before.len);
    mr_status status = mr_json_encode(writer->schema, MR_JSON_CONNECT, cell, out, err);
    mr_buffer_add_char(out, '}');
    return status;
}
