/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the values, or the keys, of one connector stand on the wire: what says which schema a datum
 * has, and where that schema is. A datum follows a header that names the schema by a number, its id
 * here.
 *
 * avro-single-object: C3 01 and a fingerprint of 8 bytes (little-endian); schemas in the topic
 * millrace.schemas.
 *
 * avro-confluent: 00 and an id of 4 bytes (big-endian); schemas in a schema registry.
 *
 * text, for keys: bytes as they are, no schema.
 *
 * json, json-connect: JSON (codec/json.h), no header and no id; the schema is the one given, or
 * stands in each message (codec/connect_json.h).
 */
#ifndef MR_KAFKA_WIRE_H
#define MR_KAFKA_WIRE_H

#include "api/record.h"
#include "kafka/registry.h"
#include "kafka/schemas.h"

typedef enum mr_wire_kind {
    MR_WIRE_SINGLE_OBJECT,
    MR_WIRE_CONFLUENT,
    MR_WIRE_TEXT,
    MR_WIRE_JSON,
    MR_WIRE_JSON_CONNECT,
} mr_wire_kind;

enum { MR_WIRE_HEADER_BYTES_MAX = 10 };

/* Borrows all; what its kind does not need is NULL. */
typedef struct mr_wire {
    mr_wire_kind kind;
    bool key;
    const mr_schema *wanted; /* the schema that is read into; NULL: the one it was written with */
    mr_subject_strategy strategy;
    mr_schemas *schemas;
    mr_registry *registry;
} mr_wire;

typedef struct mr_wires {
    mr_wire value, key;
} mr_wires;

typedef struct mr_wire_header {
    char bytes[MR_WIRE_HEADER_BYTES_MAX];
    size_t len;
} mr_wire_header;

/* The id in a header, and how long it is; false: it is none of this kind, or has none. */
bool mr_wire_parse(const mr_wire *wire, mr_slice data, uint64_t *id, size_t *header_bytes);

/* MR_REJECT: why data is none of this kind, what it looks like, and which option to change. */
mr_status mr_wire_strange(const mr_wire *wire, mr_slice data, mr_error *err);

/* The schema of an id; borrowed, lives as long as what is behind the wire. MR_REJECT: there is
 * none. */
MR_CHECKED mr_status mr_wire_schema(const mr_wire *wire, uint64_t id, const atomic_bool *stop,
                                    const mr_schema **ret, mr_error *err);

/* Makes the schema known to readers of the topic, durably, and gives the header for its data, which
 * JSON has none of. */
MR_CHECKED mr_status mr_wire_announce(const mr_wire *wire, const char *topic,
                                      const mr_schema *schema, const atomic_bool *stop,
                                      mr_wire_header *ret, mr_error *err);

/* "value.format", "value.schema", ...: the options of this wire, for messages. */
const char *mr_wire_option(const mr_wire *wire, bool schema);

/* Values as Avro single objects, keys as text: what needs no registry. */
mr_wires mr_wires_plain(mr_schemas *schemas);

#endif
