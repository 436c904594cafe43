/* SPDX-License-Identifier: Apache-2.0 */
/* Help for people, and the same texts for the man page and the reference. */
#ifndef MR_CLI_HELP_H
#define MR_CLI_HELP_H

#include <stdio.h>

#include "cli/cli.h"
#include "runtime/config.h"

void mr_help_overview(FILE *out);
void mr_help_verb(FILE *out, const mr_verb *verb);
void mr_help_connector(FILE *out, const mr_connector *connector);

/* Pages of `millrace help <topic>`. */
typedef struct mr_topic {
    const char *name, *summary;
    const char *text; /* paragraphs; lines that start with four spaces are code */
} mr_topic;
extern const mr_topic mr_topics[]; /* ends with a NULL name */

#endif
