/* SPDX-License-Identifier: Apache-2.0 */
/* Options that every source, or every sink, has beside its own: what the runtime itself does for
 * them. */
#ifndef MR_RUNTIME_COMMON_H
#define MR_RUNTIME_COMMON_H

#include "api/option.h"
#include "kafka/wire.h"

/* How values and keys stand on the wire. */
typedef struct mr_format_options {
    int value_format; /* 0 auto, 1 avro-single-object, 2 avro-confluent, 3 json, 4 json-connect */
    int key_format;   /* 0 text, 1 avro-confluent, 2 json, 3 json-connect */
    const char *value_schema, *key_schema; /* sinks: paths of .avsc files; NULL: none */
    int value_subject, key_subject;        /* mr_subject_strategy */
    mr_registry_options registry;
} mr_format_options;

typedef struct mr_source_options {
    const char *topic;
    mr_list key_fields;
    const char *query;
    int64_t tasks_max;
    int64_t commit_interval_ms;
    int64_t topic_partitions;
    int64_t topic_retention_ms;
    const char *failure_topic; /* NULL: "<pipeline>.<connector>.dlq" */
    mr_format_options format;
} mr_source_options;

typedef struct mr_sink_options {
    mr_list topics;
    const char *group; /* NULL: "<pipeline>.<connector>" */
    const char *query;
    int64_t tasks_max;
    int64_t batch_size;
    int64_t batch_max_bytes;
    int64_t batch_window_ms;
    int starting_position; /* 0 earliest, 1 latest */
    const char *failure_topic;
    int change_records; /* 0 unwrap, 1 whole */
    mr_format_options format;
} mr_sink_options;

/* Are values, or keys, in the registry's framing? */
bool mr_format_confluent(const mr_format_options *options, bool key);
/* "avro-confluent", ...: what stands for it in a pipeline. */
const char *mr_format_name(const mr_format_options *options, bool key);
/* The wires they ask for; registry may be NULL when none is framed by it. */
mr_wires mr_format_wires(const mr_format_options *options, mr_schemas *schemas,
                         mr_registry *registry);
/* Reads and parses value.schema or key.schema; *ret NULL: not given, else the caller's reference.
 * MR_FATAL: it can not be read, or is no schema. */
MR_CHECKED mr_status mr_format_schema(const mr_format_options *options, bool key,
                                      const mr_schema **ret, mr_error *err);
/* Options that depend on each other; `sink`: those of a sink, which needs a schema for JSON. */
MR_CHECKED mr_status mr_format_check(const mr_format_options *options, bool sink, mr_error *err);

extern const mr_option mr_source_common[]; /* over mr_source_options */
extern const mr_option mr_sink_common[];   /* over mr_sink_options */
extern const mr_option mr_route_common[];  /* over mr_route_common_options: what a route has beside
                                              the sink's route_options */

typedef struct mr_route_common_options {
    const char *query; /* NULL: records as they are */
} mr_route_common_options;

#endif
