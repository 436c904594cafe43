/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a registry's answers mean. They are bytes from a wire, so all that reads them is here, apart
 * from the asking: no network, every size bounded, any bytes at all. For registry*.c.
 */
#ifndef MR_KAFKA_REGISTRY_ANSWER_H
#define MR_KAFKA_REGISTRY_ANSWER_H

#include <jansson.h>

#include "api/error.h"
#include "api/schema.h"
#include "net/http.h"

/* The body as JSON, of any kind (*ret a new reference), when the status is below 500 and no
 * authorization's. MR_RETRY: trouble of its own, or no JSON; MR_FATAL: it wants credentials, or is
 * somewhere else. */
MR_CHECKED mr_status mr_registry_judge(const mr_http_response *response, const char *url,
                                       json_t **ret, mr_error *err);

/* Does what came of a body that is too large look as if a registry had sent it? Then asking again
 * is of no use: schemas do not change. */
bool mr_registry_is_answer(const mr_http_response *response);

/* The answer to GET /schemas/ids/<id>: MR_OK when it has a schema. MR_REJECT: the registry does not
 * know the id, or it is no Avro. MR_RETRY: it answers what no schema registry does, which says
 * nothing of the record. */
MR_CHECKED mr_status mr_registry_has_schema(const json_t *answer, int http, int32_t id,
                                            mr_error *err);

/* The schema in the text that mr_registry_resolve() made of an answer. MR_REJECT: it is none. */
MR_CHECKED mr_status mr_registry_take_schema(const char *text, int32_t id, const mr_schema **ret,
                                             mr_error *err);

/* The id in an answer; it is written before every datum, so it is never guessed: MR_FATAL. */
MR_CHECKED mr_status mr_registry_take_id(const json_t *answer, const char *subject, int32_t *ret,
                                         mr_error *err);

/* The answer of /compatibility, when its status was 200. MR_FATAL, permanent: it is not, with the
 * registry's reasons. */
MR_CHECKED mr_status mr_registry_take_compatible(const json_t *answer, const char *subject,
                                                 mr_error *err);
/* MR_FATAL, permanent: the registry says that the schema is not compatible. */
mr_status mr_registry_incompatible(const json_t *answer, const char *subject, mr_error *err);

/* MR_FATAL: the registry does not do `what` with a subject. */
mr_status mr_registry_refused(const json_t *answer, int http, const char *what, const char *subject,
                              mr_error *err);

/* How more is asked for: a GET of path; *ret a new reference, *http its status. */
typedef mr_status mr_registry_get(void *context, const char *path, int *http, json_t **ret,
                                  mr_error *err);

/* Puts the schemas that `answer` refers to into its schema's text, recursively; see
 * registry_references.c. *ret to be freed. MR_REJECT: that can not be done. */
MR_CHECKED mr_status mr_registry_resolve(const json_t *answer, mr_registry_get *get, void *context,
                                         char **ret, mr_error *err);

enum { MR_REGISTRY_WORDS_BYTES = 400 };
/* The message of an answer that is an error, cut to fit; returns out. */
const char *mr_registry_words(const json_t *answer, char out[MR_REGISTRY_WORDS_BYTES]);

#endif
