/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a query means over given columns: which result columns are plain ones, the type of each
 * other, and the SQL that evaluates only those.
 *
 * Types are derived from the text and the schema alone, never from data, so that the same query
 * over the same schema always has the same output schema. SQLite itself has no such types; where
 * its answer would surprise (text compared with a number, a decimal compared as text) the query is
 * refused with advice, or rewritten to the function that is exact.
 */
#ifndef MR_TRANSFORM_QUERY_H
#define MR_TRANSFORM_QUERY_H

#include "transform/columns.h"

typedef struct mr_output {
    char *name;
    int column; /* a plain column: its index; -1: an expression */
    mr_sql_type type;
} mr_output;

typedef struct mr_query {
    mr_output *outputs;
    size_t count;
    size_t expression_count; /* outputs with column -1: result columns of exec_sql, in order */
    char *exec_sql;  /* SELECT <expressions> FROM record WHERE ...; NULL: nothing to evaluate */
    char *where_sql; /* SELECT (<condition>) FROM record; NULL: no WHERE */
} mr_query;

/* The text must have been accepted by SQLite already. Errors: MR_FATAL, permanent, with the place.
 */
MR_CHECKED mr_status mr_query_analyse(const char *text, const mr_token *tokens,
                                      const mr_columns *columns, mr_query *ret, mr_error *err);
void mr_query_release(mr_query *query);

#endif
