/* SPDX-License-Identifier: Apache-2.0 */
/* A query prepared for one input schema: its SQLite connection, its statements, its output schema.
 */
#ifndef MR_TRANSFORM_PLAN_H
#define MR_TRANSFORM_PLAN_H

#include <sqlite3.h>

#include "transform/query.h"
#include "transform/scan.h"

typedef struct mr_plan {
    const mr_schema *input;  /* NULL: no schema is known; only `where` can run */
    const mr_schema *output; /* NULL without input */
    mr_columns columns;
    mr_query query;
    mr_scan scan;
    sqlite3 *db;
    sqlite3_stmt *exec;  /* NULL: every record passes, all its columns are plain */
    sqlite3_stmt *where; /* NULL: no WHERE */
    uint64_t last_used;
} mr_plan;

/* input NULL: checks the query as far as is possible without a schema. Errors: MR_FATAL, permanent.
 */
MR_CHECKED mr_status mr_plan_new(const char *query, const char *output_name, const mr_schema *input,
                                 mr_plan **ret, mr_error *err);
void mr_plan_free(mr_plan *plan);

/* Functions for queries, on a connection. */
int mr_functions_register(sqlite3 *db, mr_scan *scan);
int mr_functions_register_casts(sqlite3 *db);
int mr_functions_register_decimal(sqlite3 *db);
int mr_functions_register_time(sqlite3 *db);

/* Ends a function with an error whose text is for the user; found is what it got. */
void mr_function_fail(sqlite3_context *context, const char *what, sqlite3_value *found);
/* A value as a user would write it, cut to fit. */
void mr_value_show(sqlite3_value *value, char *out, size_t size);

#endif
