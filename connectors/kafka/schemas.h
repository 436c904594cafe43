/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schemas by fingerprint in the compacted topic millrace.schemas: key = 16 hex digits of
 * CRC-64-AVRO, value = the schema's JSON. Needs no extra service. Shared by the tasks of a process:
 * thread-safe.
 */
#ifndef MR_KAFKA_SCHEMAS_H
#define MR_KAFKA_SCHEMAS_H

#include <stdatomic.h>

#include "api/schema.h"
#include "kafka/kafka.h"

#define MR_SCHEMAS_TOPIC "millrace.schemas"

typedef struct mr_schemas mr_schemas;

MR_CHECKED mr_status mr_schemas_new(const mr_kafka_config *config, mr_schemas **ret, mr_error *err);
void mr_schemas_free(mr_schemas *schemas);

/* Reads what the topic holds, unless that was done before: so that the first record does not wait
 * for it. Failures are left to mr_schemas_get(); MR_IDLE: stopped. */
MR_CHECKED mr_status mr_schemas_preload(mr_schemas *schemas, const atomic_bool *stop,
                                        mr_error *err);

/* The schema of a fingerprint; looks in the topic when it is not known yet (at most once a second
 * per unknown one, so that rubbish does not hammer the broker). MR_REJECT with a text that says
 * what to do when the topic has none. Borrowed: lives as long as `schemas`. */
MR_CHECKED mr_status mr_schemas_get(mr_schemas *schemas, uint64_t fingerprint,
                                    const atomic_bool *stop, const mr_schema **ret, mr_error *err);

/* Makes sure the schema is in the topic, durably, before records that carry its fingerprint are
 * sent. Once per schema and process. */
MR_CHECKED mr_status mr_schemas_put(mr_schemas *schemas, const mr_schema *schema,
                                    const atomic_bool *stop, mr_error *err);

#endif
