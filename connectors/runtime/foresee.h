/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the schemas of a pipeline's topics would do to the targets of its sinks, before a sink is
 * started: each schema that stands in a topic, through each route's query, asked of the sink.
 * A pattern stands for the topics that the cluster has now.
 * Nothing is consumed, claimed or changed.
 */
#ifndef MR_RUNTIME_FORESEE_H
#define MR_RUNTIME_FORESEE_H

#include "runtime/config.h"

/* What was asked, and the answer to it. */
typedef struct mr_forecast {
    const mr_connector_config *sink;
    const char *topic;
    const char *schema;            /* full name of the record; NULL: there is none to ask about,
                                      and failure says why. Nothing else is set then */
    uint64_t fingerprint;          /* of it as it stands in the topic */
    const mr_foresight *foresight; /* NULL: records like these fit as it is */
    const char *failure;           /* NULL, or why there is no answer: the query does not fit */
} mr_forecast;

typedef struct mr_foresee_options {
    const char *only;        /* name of the one sink; NULL: all that can foresee */
    const mr_schema *schema; /* of records to come; NULL: those that stand in the topics */
    void (*each)(void *context, const mr_forecast *forecast);
    void *context;
} mr_foresee_options;

/* MR_FATAL: a target or a registry refused us. MR_IDLE: Kafka does not answer. */
MR_CHECKED mr_status mr_foresee(const mr_pipeline *pipeline, const mr_foresee_options *options,
                                mr_error *err);

#endif
