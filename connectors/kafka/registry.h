/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Schema Registry with the REST interface of Confluent's: schemas by id for those who read, ids
 * for those who write. What was answered once is kept: an id never changes its meaning.
 *
 * Threads   Shared by the tasks of a process; one request at a time.
 * Waiting   A registry that is away, or has trouble of its own (5xx, 429), is asked again with
 * back-off for some seconds, then MR_RETRY is returned and the runtime says so and comes back: it
 * is waited for, never given up.
 */
#ifndef MR_KAFKA_REGISTRY_H
#define MR_KAFKA_REGISTRY_H

#include <jansson.h>
#include <stdatomic.h>

#include "api/option.h"
#include "api/schema.h"
#include "kafka/kafka.h"

typedef enum mr_subject_strategy {
    MR_SUBJECT_TOPIC,        /* "<topic>-value", "<topic>-key" */
    MR_SUBJECT_RECORD,       /* the schema's full name */
    MR_SUBJECT_TOPIC_RECORD, /* "<topic>-<full name>" */
} mr_subject_strategy;

/* As they stand in a pipeline: schema.registry.*. Borrowed for the life of the registry. */
typedef struct mr_registry_options {
    mr_list urls; /* tried in turn */
    const char *user, *password;
    const char *ca_file, *certificate_file, *key_file;
    int64_t timeout_ms;
    bool auto_register; /* false: schemas must be there */
} mr_registry_options;

typedef struct mr_registry mr_registry;

/* Connects to nothing yet. */
MR_CHECKED mr_status mr_registry_new(const mr_registry_options *options, mr_registry **ret,
                                     mr_error *err);
void mr_registry_free(mr_registry *registry);

/* The schema of an id, references resolved; borrowed, as long-lived as the registry. MR_REJECT: the
 * registry has no such id, or it is no Avro schema (said again without asking for a minute). */
MR_CHECKED mr_status mr_registry_schema(mr_registry *registry, int32_t id, const atomic_bool *stop,
                                        const mr_schema **ret, mr_error *err);

/* The id of a schema under a subject: registered when it is not there (auto_register), after the
 * registry has said that it is compatible. Asked once for each schema and subject. MR_FATAL:
 * incompatible, with the registry's words; or not there and auto_register is off. */
MR_CHECKED mr_status mr_registry_id(mr_registry *registry, const char *subject,
                                    const mr_schema *schema, const atomic_bool *stop, int32_t *ret,
                                    mr_error *err);

/* "trips-value": to be freed. A schema without a name has none for the record strategies: MR_FATAL.
 */
MR_CHECKED mr_status mr_registry_subject(mr_subject_strategy strategy, const char *topic, bool key,
                                         const mr_schema *schema, char **ret, mr_error *err);

/* Any request, for the verb `schema`: path as "/subjects", body NULL for none. *ret is the answer
 * as JSON (a new reference), *http its status; an answer that is an error is MR_OK here. */
MR_CHECKED mr_status mr_registry_ask(mr_registry *registry, const char *method, const char *path,
                                     const json_t *body, const atomic_bool *stop, int *http,
                                     json_t **ret, mr_error *err);
/* The text of a schema with what it refers to put in, as the registry answers it. To be freed. */
MR_CHECKED mr_status mr_registry_text(mr_registry *registry, const json_t *answer,
                                      const atomic_bool *stop, char **ret, mr_error *err);
/* How many requests were sent. */
uint64_t mr_registry_requests(const mr_registry *registry);

#endif
