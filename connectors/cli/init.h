/* SPDX-License-Identifier: Apache-2.0 */
/* `millrace init`: a pipeline to begin with, made from what is there. Each origin has a file of its
 * own. */
#ifndef MR_CLI_INIT_H
#define MR_CLI_INIT_H

#include <jansson.h>

#include "cli/verbs.h"

/* What the flags say, for every origin. */
typedef struct mr_init {
    const char *folder; /* where to write; exists */
    bool force;         /* files that are there may be replaced */
    bool json;          /* the report to stdout as JSON; nothing is written */
} mr_init;

/* Opens a file in the folder for writing; a problem is printed: NULL. */
FILE *mr_init_create(const mr_init *init, const char *name);
/* Writes a JSON text into the folder. A problem is printed: false. */
bool mr_init_write_json(const mr_init *init, const char *name, const json_t *value);

/* From the configuration of a Kafka Connect sink (init_connect.c). Returns an exit code. */
int mr_init_from_connect(const mr_init *init, const char *path);

/* From a look at a file that the file source can read (init_look.c); of `args` the --option flags.
 * Returns an exit code. */
int mr_init_from_file(const mr_init *init, const mr_args *args, const char *path);

#endif
