/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Schema (draft 2020-12) of pipeline files, from the option tables: editors complete and check
 * with it. */
#ifndef MR_CLI_JSON_SCHEMA_H
#define MR_CLI_JSON_SCHEMA_H

#include <jansson.h>

#include "runtime/config.h"

/* New references. */
json_t *mr_json_schema_connector(const mr_connector *connector);
json_t *mr_json_schema_pipeline(void);

#endif
