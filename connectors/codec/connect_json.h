/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The envelope of Kafka Connect's JsonConverter with schemas.enable=true (JsonSchema and
 * JsonConverter of apache/kafka, connect/json): {"schema": {...}, "payload": ...}. The payload is
 * the dialect MR_JSON_CONNECT of codec/json.h.
 *
 *   Connect, by type and name                         Avro
 *   int8, int16, int32 / int64                        int / long
 *   float / double, boolean, string, bytes            the same
 *   struct / array, map                               record / the same
 *   org.apache.kafka.connect.data.Decimal             decimal (precision 64 where none is said)
 *   ...data.Date, Time, Timestamp                     date, time-millis, timestamp-millis
 *   io.debezium.time.Date, Time, MicroTime            date, time-millis, time-micros
 *   io.debezium.time.Timestamp, MicroTimestamp        local-timestamp-millis, -micros
 *   io.debezium.time.ZonedTimestamp (string)          timestamp-micros
 *   io.debezium.data.Uuid                             uuid
 *   other names                                       by their type alone
 *
 * "optional" makes a union with null, "default" the field's default. Names of structs that are no
 * Avro names get _ for what does not fit.
 *
 * The other way round, besides: enums are strings (io.debezium.data.Enum), fixed are bytes, ids and
 * decimals of documents strings, durations structs. Unions of several types and records that hold
 * themselves can not be said. A change record or notice (codec/change.h) has its Avro schema with
 * it, in the parameter millrace.avro, so that a reader of ours knows it again.
 */
#ifndef MR_CODEC_CONNECT_JSON_H
#define MR_CODEC_CONNECT_JSON_H

#include "api/error.h"
#include "api/record.h"
#include "base/buffer.h"

typedef struct mr_connect_parts {
    mr_slice schema, payload; /* parts of the text; payload.data NULL: it is null */
    size_t prefix_bytes; /* what a text that starts the same has before its payload; 0: not so */
} mr_connect_parts;

/* MR_REJECT: it is no JSON, or no such envelope. */
MR_CHECKED mr_status mr_connect_split(mr_slice text, mr_connect_parts *ret, mr_error *err);

/* Of a text that starts with the prefix of another one: its payload, if nothing but the closing
 * brace follows; data NULL: it is null. */
mr_slice mr_connect_payload(mr_slice text, size_t prefix_bytes);

/* A schema from the envelope. At most 1 MiB. MR_REJECT with the path: it can not be read. The
 * caller owns a reference to *ret. */
MR_CHECKED mr_status mr_connect_schema_read(mr_slice json, const mr_schema **ret, mr_error *err);

/* Appends the schema as Connect's. MR_FATAL with the path: Connect can not say it. */
MR_CHECKED mr_status mr_connect_schema_write(const mr_schema *schema, mr_buffer *out,
                                             mr_error *err);

/* --- Private to codec/connect_*.c --- */

#define MR_CONNECT_DECIMAL   "org.apache.kafka.connect.data.Decimal"
#define MR_CONNECT_DATE      "org.apache.kafka.connect.data.Date"
#define MR_CONNECT_TIME      "org.apache.kafka.connect.data.Time"
#define MR_CONNECT_TIMESTAMP "org.apache.kafka.connect.data.Timestamp"
#define MR_CONNECT_PRECISION "connect.decimal.precision"
#define MR_CONNECT_AVRO      "millrace.avro"

#endif
