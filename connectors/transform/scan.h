/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual table `record` over the batch at hand, and SQL values of cells. The folder's only
 * headers that include SQLite are this one and plan.h. */
#ifndef MR_TRANSFORM_SCAN_H
#define MR_TRANSFORM_SCAN_H

#include <sqlite3.h>

#include "api/record.h"
#include "transform/columns.h"

typedef struct mr_scan_json {
    size_t row; /* + 1; 0: none */
    const char *text;
    size_t len;
} mr_scan_json;

/* Where a running query stands. The row a result came from is `row` right after sqlite3_step():
 * there is one cursor, and no sorter or sub-query over record between. */
typedef struct mr_scan {
    const mr_columns *columns;
    const mr_batch *batch;
    size_t row, start;  /* a scan begins at start, to go on after a row that failed */
    bool valueless;     /* scan the records without a value instead of those with one */
    bool open;          /* a cursor is open */
    int64_t now_us;     /* the answer of now() during this batch */
    unsigned steps;     /* taken on this row, in units of the progress handler */
    mr_arena *scratch;  /* of the row */
    mr_scan_json *json; /* per column: nested values written once per row */
} mr_scan;

/* Declares `record` in db; scan and its columns must outlive it. */
int mr_scan_register(sqlite3 *db, mr_scan *scan);

/* Ends a query with the value of a field (of this schema) as its answer. */
void mr_scan_result(sqlite3_context *context, const mr_schema *schema, const mr_cell *cell);

/* The value of the record's field; NULL cell where the record has none. */
const mr_cell *mr_scan_cell(const mr_columns *columns, const mr_cell *value, int column);

/* The text of a metadata column that is text; len in *len; NULL: SQL NULL. */
const char *mr_scan_meta_text(mr_scan *scan, mr_meta meta, size_t *len);

#endif
