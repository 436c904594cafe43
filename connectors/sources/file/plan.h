/* SPDX-License-Identifier: Apache-2.0 */
/* How the records of one CSV file become records of the schema: made once per file from its header,
 * used for each of its lines. */
#ifndef MR_FILE_PLAN_H
#define MR_FILE_PLAN_H

#include "header.h"
#include "reader.h"

typedef struct file_plan {
    file_header header;
    file_column *columns; /* one per field of the schema */
    size_t count;
    file_texts texts;
} file_plan;

/* Takes the header over. MR_REJECT: the file does not have what the schema needs. MR_FATAL: the
 * schema is not for CSV. On failure the plan is empty and the header released. schema NULL: not
 * known yet, for finding bad lines only. */
MR_CHECKED mr_status file_plan_init(file_plan *plan, file_header *header, const mr_schema *schema,
                                    const file_texts *texts, mr_error *err);
void file_plan_release(file_plan *plan);

/* Makes a cell of the schema from a parsed line. MR_REJECT: the line is bad. */
MR_CHECKED mr_status file_plan_fill(const file_plan *plan, const mr_csv *csv, mr_slice line,
                                    mr_arena *arena, mr_cell *ret, mr_error *err);

/* The record schema of a schema option's value: JSON text, or the path of a file that holds it. The
 * caller owns a reference. MR_FATAL, permanent. */
MR_CHECKED mr_status file_schema_load(const char *option, const mr_schema **ret, mr_error *err);

#endif
