/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pipeline as the user wrote it, checked: from a file (JSON) or from command-line flags.
 *
 *   {
 *     "name": "trip-analytics",
 *     "kafka": {"bootstrap.servers": "${env:KAFKA_BOOTSTRAP_SERVERS:-127.0.0.1:9092}"},
 *     "sources": {
 *       "trips": {"connector": "file", "path": "trips.csv", "topic": "taxi_trips", "key.fields":
 * ["trip_id"], "query": "SELECT ..."}
 *     },
 *     "sinks": {
 *       "to-postgres": {
 *         "connector": "postgres", "topics": ["taxi_trips"], "connection.url":
 * "${env:DATABASE_URL}", "routes": [{"query": "SELECT ...", "table": "high_value_trips"}]
 *       }
 *     }
 *   }
 *
 * ${env:NAME}, ${env:NAME:-default} and ${file:path} are replaced in every string. Relative paths
 * of the file source are relative to the pipeline file's folder.
 */
#ifndef MR_RUNTIME_CONFIG_H
#define MR_RUNTIME_CONFIG_H

#include "api/connector.h"
#include "kafka/kafka.h"
#include "runtime/common.h"

typedef struct mr_connector_config {
    const char *name;      /* "to-postgres" */
    const char *task_name; /* "trip-analytics.to-postgres" */
    const mr_connector *connector;
    mr_source_options source;                   /* when connector->source */
    mr_sink_options sink;                       /* when connector->sink */
    const mr_schema *value_schema, *key_schema; /* sinks: as given; NULL: none */
    size_t route_count;                         /* sinks: at least 1 */
    const char *const *route_names;
    const char *const *route_queries; /* NULL entries: records as they are */
    void *internal;                   /* how to make more instances; owned by config.c */
} mr_connector_config;

/* How its messages stand on the wire. */
static inline const mr_format_options *mr_format_of(const mr_connector_config *connector)
{
    return connector->connector->source ? &connector->source.format : &connector->sink.format;
}

typedef struct mr_pipeline {
    const char *name;
    const char *path; /* of the file; NULL when made from flags */
    const mr_property *kafka;
    size_t kafka_count;
    mr_connector_config *connectors; /* sources first */
    size_t connector_count;
} mr_pipeline;

/* Reads and checks a pipeline file. All problems are found, not only the first: each goes to
 * `problem` with "file:line:column: option: text" (NULL: ignored); *err has the first one. */
typedef void mr_config_problem(void *context, const char *text);
MR_CHECKED mr_status mr_pipeline_load(const char *path, mr_config_problem *problem, void *context,
                                      mr_pipeline **ret, mr_error *err);

/* The same from JSON text; `shown_as` stands for the file in messages, `folder` for its folder
 * (NULL: the current one). shown_as NULL: the text was made from command-line flags, and problems
 * name those: "--batch-size: ...". */
MR_CHECKED mr_status mr_pipeline_parse(const char *json, size_t len, const char *shown_as,
                                       const char *folder, mr_config_problem *problem,
                                       void *context, mr_pipeline **ret, mr_error *err);
void mr_pipeline_free(mr_pipeline *pipeline);

/* Kafka properties given beside the file (-X, -F): each replaces the file's or is added, then all
 * are checked again. Problems as above, "-X name: text". Copied. */
MR_CHECKED mr_status mr_pipeline_set_kafka(mr_pipeline *pipeline, const mr_property *properties,
                                           size_t count, mr_config_problem *problem, void *context,
                                           mr_error *err);

/* One more state of a connector with its options parsed into it (each task has its own), and its
 * routes. */
MR_CHECKED mr_status mr_connector_instantiate(const mr_connector_config *config, void **self,
                                              mr_route **routes, size_t *route_count,
                                              mr_error *err);
void mr_connector_discard(const mr_connector_config *config, void *self, mr_route *routes);

/* All connectors this binary has; NULL-terminated (generated). */
extern const mr_connector *const mr_connectors[];
const mr_connector *mr_connector_find(const char *name, bool source, bool sink);

#endif
