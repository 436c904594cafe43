/* SPDX-License-Identifier: Apache-2.0 */
/* Helpers over jansson: cleanup, and where in a text a value stands. */
#ifndef MR_BASE_JSON_H
#define MR_BASE_JSON_H

#include <jansson.h>
#include <stddef.h>

/* json_auto_t is jansson's own: json_auto_t *root = ... */

/* Finds the line and column (1-based) of the value, or with `key` of the member's name, at a path
 * such as "sinks.to-postgres.routes[1].table" with members separated by '\x1f' instead of '.',
 * since option names have dots. false: not there. */
int mr_json_locate(const char *text, size_t len, const char *path, int key, int *line, int *column);

#endif
