/* SPDX-License-Identifier: Apache-2.0 */
/* What is different between two schemas, as a list for people. */
#ifndef MR_CLI_SCHEMA_DIFF_H
#define MR_CLI_SCHEMA_DIFF_H

#include <jansson.h>

#include "api/schema.h"

/* An array of {"path", "change", "old", "new"}: path as "Trip.fare", change one of added, removed,
 * type, default, doc, name, symbols. New reference. */
json_t *mr_schema_diff(const mr_schema *old, const mr_schema *new);

#endif
