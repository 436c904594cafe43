/* SPDX-License-Identifier: Apache-2.0 */
/* A plan is compiled when its schema is met first; topics have few, so they are found by a scan
 * that begins with the latest. */
#include "runtime/formats.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "codec/change.h"

struct mr_formats {
    mr_schemas *schemas;
    mr_envelopes envelopes;
    const atomic_bool *stop;
    mr_wire_format **items; /* each on its own: they are lent out */
    size_t count;
};

mr_formats *mr_formats_new(mr_schemas *schemas, mr_envelopes envelopes, const atomic_bool *stop)
{
    mr_formats *formats = mr_calloc(1, sizeof *formats);
    formats->schemas = schemas;
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

void mr_formats_free(mr_formats *formats)
{
    if (formats) {
        for (size_t i = 0; i < formats->count; i++) {
            free_format(formats->items[i]);
        }
        free(formats->items);
        free(formats);
    }
}

/* Makes the plan, and for a change record the schemas of what is in it. */
static mr_status prepare(const mr_formats *formats, mr_wire_format *format, mr_error *err)
{
    const mr_schema *schema = format->schema = format->written;
    mr_status status = mr_decoder_new(schema, schema, &format->decoder, err);
    format->notice = mr_is_notice(schema);
    if (status == MR_OK && formats->envelopes != MR_ENVELOPES_WHOLE && mr_is_change(schema)) {
        status = mr_unwrap_new(schema, &format->unwrap, err);
    }
    if (status == MR_OK && format->unwrap) {
        format->schema = format->unwrap->image;
        format->key_schema = format->unwrap->keys;
    }
    return status;
}

mr_status mr_formats_find(mr_formats *formats, uint64_t fingerprint, const mr_wire_format **ret,
                          mr_error *err)
{
    for (size_t i = formats->count; i-- > 0;) {
        if (formats->items[i]->fingerprint == fingerprint) {
            *ret = formats->items[i];
            return MR_OK;
        }
    }
    mr_wire_format *format = mr_calloc(1, sizeof *format);
    format->fingerprint = fingerprint;
    mr_status status =
        mr_schemas_get(formats->schemas, fingerprint, formats->stop, &format->written, err);
    if (status == MR_OK) {
        status = prepare(formats, format, err);
    }
    if (status != MR_OK) {
        free_format(format);
        return status;
    }
    formats->items = mr_realloc_array(formats->items, formats->count + 1, sizeof *formats->items);
    *ret = formats->items[formats->count++] = format;
    return MR_OK;
}

mr_status mr_formats_read(const mr_wire_format *format, const mr_message *message, mr_arena *arena,
                          mr_record *ret, mr_error *err)
{
    *ret = (mr_record){
        .raw_key = message->key,
        .raw_value = message->value,
        .partition = message->partition,
        .offset = message->offset,
        .timestamp_ms = message->timestamp_ms,
        .op = message->value.data ? MR_OP_CREATE : MR_OP_DELETE,
    };
    mr_status status = mr_message_headers(message, arena, &ret->headers, &ret->header_count, err);
    if (status != MR_OK || !format || !message->value.data) {
        return status;
    }
    mr_cell *value = mr_arena_alloc(arena, sizeof *value);
    status = mr_decode(format->decoder, message->value.data + MR_SINGLE_OBJECT_HEADER_BYTES,
                       message->value.len - MR_SINGLE_OBJECT_HEADER_BYTES, arena, value, err);
    if (status != MR_OK || !format->unwrap) {
        ret->value = status == MR_OK ? value : NULL;
        return status;
    }
    return mr_unwrap_record(value, ret, err);
}
