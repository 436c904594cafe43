/* SPDX-License-Identifier: Apache-2.0 */
/* See wire.h. */
#include "kafka/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/avro.h"

enum { CONFLUENT_HEADER_BYTES = 5 };

mr_wires mr_wires_plain(mr_schemas *schemas)
{
    return (mr_wires){
        .value = {.kind = MR_WIRE_SINGLE_OBJECT, .schemas = schemas},
        .key = {.kind = MR_WIRE_TEXT, .key = true},
    };
}

const char *mr_wire_option(const mr_wire *wire, bool schema)
{
    return schema ? (wire->key ? "key.schema" : "value.schema")
                  : (wire->key ? "key.format" : "value.format");
}

bool mr_wire_parse(const mr_wire *wire, mr_slice data, uint64_t *id, size_t *header_bytes)
{
    const unsigned char *byte = (const unsigned char *)data.data;
    switch (wire->kind) {
    case MR_WIRE_SINGLE_OBJECT:
        *header_bytes = MR_SINGLE_OBJECT_HEADER_BYTES;
        return mr_single_object_parse(data.data, data.len, id);
    case MR_WIRE_CONFLUENT:
        *header_bytes = CONFLUENT_HEADER_BYTES;
        if (data.len < CONFLUENT_HEADER_BYTES || byte[0] != 0) {
            return false;
        }
        *id = (uint64_t)byte[1] << 24 | (uint64_t)byte[2] << 16 | (uint64_t)byte[3] << 8 | byte[4];
        return *id <= INT32_MAX;
    default:
        return false;
    }
}

mr_status mr_wire_strange(const mr_wire *wire, mr_slice data, mr_error *err)
{
    char look[256];
    uint64_t id;
    size_t header;
    const mr_wire other = {.kind = wire->kind == MR_WIRE_CONFLUENT ? MR_WIRE_SINGLE_OBJECT
                                                                   : MR_WIRE_CONFLUENT};
    bool swapped = !wire->key && mr_wire_parse(&other, data, &id, &header);
    const char *what = wire->key ? "key" : "value";
    mr_describe_bytes(data.data, data.len, look, sizeof look);
    char hint[120] = "";
    if (data.len && *data.data == '{') {
        snprintf(hint, sizeof hint,
                 "; for JSON set %s=json-connect (with its schema in each message) or json",
                 mr_wire_option(wire, false));
    } else if (!swapped) {
        snprintf(hint, sizeof hint, "; %s says how it is read", mr_wire_option(wire, false));
    }
    if (wire->kind == MR_WIRE_CONFLUENT) {
        mr_fail(
            err, MR_REJECT, MR_DOMAIN_RECORD,
            "the %s has no schema registry framing (00, schema id of four bytes, datum); it %s%s%s",
            what, look, swapped ? "; for such values set value.format=avro-single-object" : "",
            hint);
    } else {
        mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
                "the %s is not Avro single-object encoded (C3 01, fingerprint, datum); it %s%s%s",
                what, look,
                swapped ? "; set schema.registry.url, and value.format=avro-confluent" : "", hint);
    }
    mr_error_code(err, 0, "NOT_AVRO");
    return MR_REJECT;
}

mr_status mr_wire_schema(const mr_wire *wire, uint64_t id, const atomic_bool *stop,
                         const mr_schema **ret, mr_error *err)
{
    return wire->kind == MR_WIRE_CONFLUENT
               ? mr_registry_schema(wire->registry, (int32_t)id, stop, ret, err)
               : mr_schemas_get(wire->schemas, id, stop, ret, err);
}

static mr_status announce_to_registry(const mr_wire *wire, const char *topic,
                                      const mr_schema *schema, const atomic_bool *stop,
                                      mr_wire_header *ret, mr_error *err)
{
    char *subject = NULL;
    int32_t id = 0;
    mr_status status = mr_registry_subject(wire->strategy, topic, wire->key, schema, &subject, err);
    if (status == MR_OK) {
        status = mr_registry_id(wire->registry, subject, schema, stop, &id, err);
    }
    free(subject);
    ret->len = CONFLUENT_HEADER_BYTES;
    ret->bytes[0] = 0;
    for (int i = 0; i < 4; i++) {
        ret->bytes[1 + i] = (char)((uint32_t)id >> (24 - 8 * i));
    }
    return status;
}

mr_status mr_wire_announce(const mr_wire *wire, const char *topic, const mr_schema *schema,
                           const atomic_bool *stop, mr_wire_header *ret, mr_error *err)
{
    if (wire->kind == MR_WIRE_CONFLUENT) {
        return announce_to_registry(wire, topic, schema, stop, ret, err);
    }
    if (wire->kind != MR_WIRE_SINGLE_OBJECT) {
        ret->len = 0;
        return MR_OK;
    }
    mr_status status = mr_schemas_put(wire->schemas, schema, stop, err);
    ret->len = MR_SINGLE_OBJECT_HEADER_BYTES;
    mr_single_object_header(schema->fingerprint, ret->bytes);
    return status;
}
