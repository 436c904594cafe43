/* SPDX-License-Identifier: Apache-2.0 */
/* One question to a registry, asked until it is answered or patience is at its end. For
 * registry*.c. */
#ifndef MR_KAFKA_REGISTRY_REQUEST_H
#define MR_KAFKA_REGISTRY_REQUEST_H

#include "kafka/registry.h"
#include "net/http.h"

typedef struct mr_registry_line {
    const mr_registry_options *options;
    mr_http *http;
    size_t at; /* of urls: the one that answered last */
    atomic_ullong requests;
} mr_registry_line;

MR_CHECKED mr_status mr_registry_line_open(mr_registry_line *line,
                                           const mr_registry_options *options, mr_error *err);
void mr_registry_line_close(mr_registry_line *line);

/* MR_OK: mr_registry_judge() has taken the answer. MR_REJECT: it is a schema that is too large. err
 * may not be NULL. */
MR_CHECKED mr_status mr_registry_request(mr_registry_line *line, const char *method,
                                         const char *path, const char *body,
                                         const atomic_bool *stop, int *http, json_t **ret,
                                         mr_error *err);

#endif
