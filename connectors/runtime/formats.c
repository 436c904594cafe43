/* SPDX-License-Identifier: Apache-2.0 */
/* A plan is compiled when its schema is met first; topics have few, so they are found by a scan
 * that begins with the latest. */
#include "runtime/formats.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "codec/change.h"

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
    mr_unwrap_free(format->unwrap);
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
    if (err->domain == MR_DOMAIN_SCHEMA) {
        mr_error_prefix(err, "%s is given, and schema %" PRIu64 " of the %s does not resolve to it",
                        mr_wire_option(wire, true), format->id, wire->key ? "key" : "value");
        mr_error_code(err, 0, "SCHEMA_MISMATCH");
    }
    format->refused = mr_alloc(sizeof *format->refused);
    *format->refused = *err;
    return MR_OK;
}

/* Makes what reads the datum, and for a change record the schemas of what is in it. A notice is
 * told and no record, so it needs not be what is wanted. */
static mr_status prepare(const mr_formats *formats, mr_wire_format *format, const mr_wire *wire,
                         mr_error *err)
{
    bool key = wire->key, json = wire->kind == MR_WIRE_JSON;
    format->notice = !key && !json && mr_is_notice(format->written);
    const mr_schema *schema = wire->wanted && !format->notice ? wire->wanted : format->written;
    mr_status status = MR_OK;
    format->schema = schema;
    if (json) {
        format->json = mr_json_decoder_new(schema, MR_JSON_PLAIN);
    } else {
        status = mr_decoder_new(format->written, schema, &format->decoder, err);
    }
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
    list->items = mr_realloc_array(list->items, list->count + 1, sizeof *list->items);
    *ret = list->items[list->count++] = format;
    return MR_OK;
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

static mr_status decode(const mr_wire_format *format, mr_slice data, mr_arena *arena, mr_cell **ret,
                        mr_error *err)
{
    const mr_slice datum = {data.data + format->header_bytes, data.len - format->header_bytes};
    *ret = mr_arena_alloc(arena, sizeof **ret);
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
