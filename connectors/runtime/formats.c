/* SPDX-License-Identifier: Apache-2.0 */
/* A plan is compiled when its schema is met first; topics have few, so they are found by a scan
 * that begins with the latest. */
#include "runtime/formats.h"

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

/* Makes the plan, and for a change record the schemas of what is in it. */
static mr_status prepare(const mr_formats *formats, mr_wire_format *format, bool key, mr_error *err)
{
    const mr_schema *schema = format->schema = format->written;
    mr_status status = mr_decoder_new(schema, schema, &format->decoder, err);
    format->notice = !key && mr_is_notice(schema);
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

static mr_status make(mr_formats *formats, bool key, uint64_t id, size_t header_bytes,
                      const mr_wire_format **ret, mr_error *err)
{
    format_list *list = key ? &formats->keys : &formats->values;
    const mr_wire *wire = key ? &formats->wires->key : &formats->wires->value;
    mr_wire_format *format = mr_calloc(1, sizeof *format);
    format->id = id;
    format->header_bytes = header_bytes;
    mr_status status = mr_wire_schema(wire, id, formats->stop, &format->written, err);
    if (status == MR_OK) {
        status = prepare(formats, format, key, err);
    }
    if (status != MR_OK) {
        free_format(format);
        return status;
    }
    list->items = mr_realloc_array(list->items, list->count + 1, sizeof *list->items);
    *ret = list->items[list->count++] = format;
    return MR_OK;
}

mr_status mr_formats_find(mr_formats *formats, mr_slice data, bool key, const mr_wire_format *last,
                          const mr_wire_format **ret, mr_error *err)
{
    const mr_wire *wire = key ? &formats->wires->key : &formats->wires->value;
    const format_list *list = key ? &formats->keys : &formats->values;
    uint64_t id;
    size_t header_bytes;
    *ret = NULL;
    if (!data.data || wire->kind == MR_WIRE_TEXT) {
        return MR_OK;
    }
    if (!mr_wire_parse(wire, data, &id, &header_bytes)) {
        return mr_wire_strange(wire, data, err);
    }
    if (last && last->id == id) {
        *ret = last;
        return MR_OK;
    }
    for (size_t i = list->count; i-- > 0;) {
        if (list->items[i]->id == id) {
            *ret = list->items[i];
            return MR_OK;
        }
    }
    return make(formats, key, id, header_bytes, ret, err);
}

static mr_status decode(const mr_wire_format *format, mr_slice data, mr_arena *arena, mr_cell **ret,
                        mr_error *err)
{
    *ret = mr_arena_alloc(arena, sizeof **ret);
    return mr_decode(format->decoder, data.data + format->header_bytes,
                     data.len - format->header_bytes, arena, *ret, err);
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
