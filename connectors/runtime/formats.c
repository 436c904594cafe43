/* SPDX-License-Identifier: Apache-2.0 */
/* A plan is compiled when its schema is met first; topics have few, so they are found by a scan
 * that begins with the latest. */
#include "runtime/formats.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "codec/change.h"
#include "codec/connect_json.h"
#include "codec/schema.h"

enum {
    CONNECT_SCHEMAS_MAX = 1000,
    CONNECT_SCHEMAS_BYTES_MAX = 32 << 20,
    RESOLVED_BYTES_MAX = 256 << 20,
};

typedef struct format_list {
    mr_wire_format **items; /* each on its own: they are lent out */
    size_t count;
} format_list;

struct mr_formats {
    const mr_wires *wires;
    mr_envelopes envelopes;
    const atomic_bool *stop;
    format_list values, keys;
};

mr_formats *mr_formats_new(const mr_wires *wires, mr_envelopes envelopes, const atomic_bool *stop)
{
    mr_formats *formats = mr_calloc(1, sizeof *formats);
    formats->wires = wires;
    formats->envelopes = envelopes;
    formats->stop = stop;
    return formats;
}

static void free_format(mr_wire_format *format)
{
    mr_decoder_free(format->decoder);
    mr_json_decoder_free(format->json);
    free(format->refused);
    mr_encoder_free(format->encoder);
    mr_unwrap_free(format->unwrap);
    free(format->start.prefix);
    if (format->start.schema) {
        mr_schema_release(format->written);
        free(format->start.schema);
    }
    free(format);
}

static void free_list(format_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free_format(list->items[i]);
    }
    free(list->items);
}

void mr_formats_free(mr_formats *formats)
{
    if (formats) {
        free_list(&formats->values);
        free_list(&formats->keys);
        free(formats);
    }
}

/* A schema that does not resolve is refused for each of its records, which is worked out once. */
static mr_status refuse(mr_wire_format *format, const mr_wire *wire, mr_error *err)
{
    if (err->domain == MR_DOMAIN_SCHEMA && format->written) {
        char id[40] = "the message's own schema";
        if (!format->start.schema) {
            snprintf(id, sizeof id, "schema %" PRIu64, format->id);
        }
        mr_error_prefix(err, "%s is given, and %s does not resolve to it",
                        mr_wire_option(wire, true), id);
        mr_error_code(err, 0, "SCHEMA_MISMATCH");
    }
    format->refused = mr_alloc(sizeof *format->refused);
    *format->refused = *err;
    return MR_OK;
}

/* The decoders of a datum. */
static mr_status prepare_datum(mr_wire_format *format, const mr_wire *wire, mr_error *err)
{
    const mr_schema *schema = format->schema;
    if (wire->kind == MR_WIRE_JSON) {
        format->json = mr_json_decoder_new(schema, MR_JSON_PLAIN);
        return MR_OK;
    }
    if (wire->kind == MR_WIRE_JSON_CONNECT) {
        format->json = mr_json_decoder_new(format->written, MR_JSON_CONNECT);
        if (format->written == schema) {
            return MR_OK;
        }
        mr_status status = mr_encoder_new(format->written, &format->encoder, err);
        if (status != MR_OK) {
            return status;
        }
    }
    return mr_decoder_new(format->written, schema, &format->decoder, err);
}

/* Makes what reads the datum, and for a change record the schemas of what is in it. A notice is
 * told and no record, so it needs not be what is wanted. */
static mr_status prepare(const mr_formats *formats, mr_wire_format *format, const mr_wire *wire,
                         mr_error *err)
{
    bool key = wire->key;
    format->notice = !key && wire->kind != MR_WIRE_JSON && mr_is_notice(format->written);
    const mr_schema *schema = wire->wanted && !format->notice ? wire->wanted : format->written;
    format->schema = schema;
    mr_status status = prepare_datum(format, wire, err);
    if (status != MR_OK && format->written != schema) {
        return refuse(format, wire, err);
    }
    if (status == MR_OK && !key && formats->envelopes != MR_ENVELOPES_WHOLE &&
        mr_unwrap_can(schema)) {
        status = mr_unwrap_new(schema, &format->unwrap, err);
    }
    if (status == MR_OK && format->unwrap) {
        format->schema = format->unwrap->image;
        format->key_schema = format->unwrap->keys;
    }
    return status;
}

static mr_status given_schema(const mr_wire *wire, const mr_schema **ret, mr_error *err)
{
    *ret = wire->wanted;
    return wire->wanted ? MR_OK
                        : mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
                                  "JSON does not say its types, and no schema is given: set %s",
                                  mr_wire_option(wire, true));
}

/* Of a format that was met before. */
static mr_status known(const mr_wire_format *format, const mr_wire_format **ret, mr_error *err)
{
    if (format->refused) {
        *err = *format->refused;
        return MR_REJECT;
    }
    *ret = format;
    return MR_OK;
}

static const mr_wire_format *keep(format_list *list, mr_wire_format *format)
{
    list->items = mr_realloc_array(list->items, list->count + 1, sizeof *list->items);
    return list->items[list->count++] = format;
}

static mr_status make(mr_formats *formats, bool key, uint64_t id, size_t header_bytes,
                      const mr_wire_format **ret, mr_error *err)
{
    format_list *list = key ? &formats->keys : &formats->values;
    const mr_wire *wire = key ? &formats->wires->key : &formats->wires->value;
    mr_wire_format *format = mr_calloc(1, sizeof *format);
    format->id = id;
    format->header_bytes = header_bytes;
    mr_status status = wire->kind == MR_WIRE_JSON
                           ? given_schema(wire, &format->written, err)
                           : mr_wire_schema(wire, id, formats->stop, &format->written, err);
    if (status == MR_OK) {
        status = prepare(formats, format, wire, err);
    }
    if (status != MR_OK) {
        free_format(format);
        return status;
    }
    *ret = keep(list, format);
    return MR_OK;
}

/* --- json-connect: the schema is in the message ------------------------------------------------
 */

static bool begins(const mr_wire_format *format, mr_slice data)
{
    const mr_connect_start *start = &format->start;
    return start->prefix && data.len > start->prefix_bytes &&
           memcmp(data.data, start->prefix, start->prefix_bytes) == 0;
}

static const mr_wire_format *find_start(const format_list *list, const mr_connect_parts *parts)
{
    for (size_t i = list->count; i-- > 0;) {
        const mr_connect_start *start = &list->items[i]->start;
        if (start->schema_bytes == parts->schema.len &&
            memcmp(start->schema, parts->schema.data, parts->schema.len) == 0) {
            return list->items[i];
        }
    }
    return NULL;
}

static char *copied(const char *data, size_t len)
{
    char *ret = mr_alloc(len + 1);
    memcpy(ret, data, len);
    return ret;
}

/* Anyone who may write to the topic may bring schemas: how many are kept is limited. */
static mr_status check_room(const format_list *list, mr_error *err)
{
    size_t bytes = 0;
    for (size_t i = 0; i < list->count; i++) {
        bytes += list->items[i]->start.schema_bytes;
    }
    if (list->count < CONNECT_SCHEMAS_MAX && bytes < CONNECT_SCHEMAS_BYTES_MAX) {
        return MR_OK;
    }
    return mr_fail(
        err, MR_REJECT, MR_DOMAIN_RECORD,
        "the topics have more different schemas in their messages than are kept (%d, and "
        "%d MiB of text); has each message one of its own?",
        CONNECT_SCHEMAS_MAX, CONNECT_SCHEMAS_BYTES_MAX >> 20);
}

static mr_status make_connect(mr_formats *formats, const mr_wire *wire, mr_slice data,
                              const mr_connect_parts *parts, const mr_wire_format **ret,
                              mr_error *err)
{
    format_list *list = wire->key ? &formats->keys : &formats->values;
    mr_status status = check_room(list, err);
    if (status != MR_OK) {
        return status;
    }
    mr_wire_format *format = mr_calloc(1, sizeof *format);
    format->start.schema = copied(parts->schema.data, parts->schema.len);
    format->start.schema_bytes = parts->schema.len;
    if (parts->prefix_bytes) {
        format->start.prefix = copied(data.data, parts->prefix_bytes);
        format->start.prefix_bytes = parts->prefix_bytes;
    }
    status = mr_connect_schema_read(parts->schema, &format->written, err);
    status = status == MR_OK ? prepare(formats, format, wire, err) : refuse(format, wire, err);
    if (status != MR_OK) {
        free_format(format);
        return status;
    }
    return known(keep(list, format), ret, err);
}

static mr_status find_connect(mr_formats *formats, const mr_wire *wire, mr_slice data,
                              const mr_wire_format *last, const mr_wire_format **ret, mr_error *err)
{
    if (last && begins(last, data)) {
        *ret = mr_connect_payload(data, last->start.prefix_bytes).data ? last : NULL;
        return MR_OK;
    }
    mr_connect_parts parts;
    mr_status status = mr_connect_split(data, &parts, err);
    if (status != MR_OK && wire->key) {
        mr_error_prefix(err, "the key");
    }
    if (status != MR_OK || !parts.payload.data) {
        return status;
    }
    const mr_wire_format *format =
        find_start(wire->key ? &formats->keys : &formats->values, &parts);
    return format ? known(format, ret, err) : make_connect(formats, wire, data, &parts, ret, err);
}

mr_status mr_formats_find(mr_formats *formats, mr_slice data, bool key, const mr_wire_format *last,
                          const mr_wire_format **ret, mr_error *err)
{
    const mr_wire *wire = key ? &formats->wires->key : &formats->wires->value;
    const format_list *list = key ? &formats->keys : &formats->values;
    uint64_t id = 0;
    size_t header_bytes = 0;
    *ret = NULL;
    if (!data.data || wire->kind == MR_WIRE_TEXT) {
        return MR_OK;
    }
    if (wire->kind == MR_WIRE_JSON_CONNECT) {
        return find_connect(formats, wire, data, last, ret, err);
    }
    if (wire->kind != MR_WIRE_JSON && !mr_wire_parse(wire, data, &id, &header_bytes)) {
        return mr_wire_strange(wire, data, err);
    }
    if (last && last->id == id) {
        *ret = last;
        return MR_OK;
    }
    for (size_t i = list->count; i-- > 0;) {
        if (list->items[i]->id == id) {
            return known(list->items[i], ret, err);
        }
    }
    const mr_wire_format *made;
    mr_status status = make(formats, key, id, header_bytes, &made, err);
    return status == MR_OK ? known(made, ret, err) : status;
}

/* --- Reading ---------------------------------------------------------------------------------- */

/* To the schema that is wanted, by way of Avro, whose decoder knows how. */
static mr_status resolve(const mr_wire_format *format, mr_cell *cell, mr_arena *arena,
                         mr_error *err)
{
    mr_buffer bytes = MR_BUFFER_INIT(RESOLVED_BYTES_MAX);
    mr_status status = mr_encode(format->encoder, cell, &bytes, err);
    if (status == MR_OK) {
        const char *kept = mr_arena_copy(arena, mr_buffer_text(&bytes), bytes.len);
        status = mr_decode(format->decoder, kept, bytes.len, arena, cell, err);
    }
    mr_buffer_release(&bytes);
    return status;
}

static mr_status decode_connect(const mr_wire_format *format, mr_slice data, mr_arena *arena,
                                mr_cell *ret, mr_error *err)
{
    mr_connect_parts parts;
    mr_status status = MR_REJECT;
    if (begins(format, data)) {
        mr_slice payload = mr_connect_payload(data, format->start.prefix_bytes);
        status = mr_json_decode(format->json, payload, arena, ret, err);
    }
    if (status != MR_OK) { /* it may be made in another way, and says why else */
        status = mr_connect_split(data, &parts, err);
        status =
            status == MR_OK ? mr_json_decode(format->json, parts.payload, arena, ret, err) : status;
    }
    return status == MR_OK && format->encoder ? resolve(format, ret, arena, err) : status;
}

static mr_status decode(const mr_wire_format *format, mr_slice data, mr_arena *arena, mr_cell **ret,
                        mr_error *err)
{
    const mr_slice datum = {data.data + format->header_bytes, data.len - format->header_bytes};
    *ret = mr_arena_alloc(arena, sizeof **ret);
    if (format->start.schema) {
        return decode_connect(format, data, arena, *ret, err);
    }
    return format->json ? mr_json_decode(format->json, datum, arena, *ret, err)
                        : mr_decode(format->decoder, datum.data, datum.len, arena, *ret, err);
}

mr_status mr_formats_read(const mr_wire_format *format, const mr_wire_format *key_format,
                          const mr_message *message, mr_arena *arena, mr_record *ret, mr_error *err)
{
    mr_cell *cell;
    *ret = (mr_record){
        .raw_key = message->key,
        .raw_value = message->value,
        .partition = message->partition,
        .offset = message->offset,
        .timestamp_ms = message->timestamp_ms,
        .op = message->value.data ? MR_OP_CREATE : MR_OP_DELETE,
    };
    mr_status status = mr_message_headers(message, arena, &ret->headers, &ret->header_count, err);
    if (status == MR_OK && key_format && message->key.data) {
        status = decode(key_format, message->key, arena, &cell, err);
        if (status != MR_OK) {
            mr_error_prefix(err, "the key");
            return status;
        }
        ret->key = cell;
    }
    if (status != MR_OK || !format || !message->value.data) {
        return status;
    }
    status = decode(format, message->value, arena, &cell, err);
    if (status != MR_OK || !format->unwrap) {
        ret->value = status == MR_OK ? cell : NULL;
        return status;
    }
    return mr_unwrap_record(format->unwrap, cell, ret, err);
}
