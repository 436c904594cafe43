/* SPDX-License-Identifier: Apache-2.0 */
/* The flags of verbs that ask a schema registry, and the client they make. */
#ifndef MR_CLI_REGISTRY_FLAGS_H
#define MR_CLI_REGISTRY_FLAGS_H

#include "cli/args.h"
#include "kafka/registry.h"

#define MR_REGISTRY_FLAGS                                                                          \
    {"schema-registry-url",                                                                        \
     0,                                                                                            \
     "url",                                                                                        \
     false,                                                                                        \
     MR_WORD_TEXT,                                                                                 \
     NULL,                                                                                         \
     "Where the schema registry is. Default: SCHEMA_REGISTRY_URL."},                               \
        {"schema-registry-user",                                                                   \
         0,                                                                                        \
         "name",                                                                                   \
         false,                                                                                    \
         MR_WORD_TEXT,                                                                             \
         NULL,                                                                                     \
         "User for basic authentication; the password is taken from SCHEMA_REGISTRY_PASSWORD."},   \
    {                                                                                              \
        "schema-registry-ssl-ca-location", 0, "file", false, MR_WORD_FILE, NULL,                   \
            "Certificates (PEM) that the registry's must be signed by."                            \
    }

typedef struct mr_registry_flags {
    const char *url; /* NULL: none is given */
    mr_registry_options options;
} mr_registry_flags;

/* What the flags and the environment say. Borrows args; *ret must stay where it is, the client
 * borrows it. */
void mr_registry_flags_read(const mr_args *args, mr_registry_flags *ret);

#endif
