/* SPDX-License-Identifier: Apache-2.0 */
/* Where the names of a file's columns come from: its header line, the option `columns`, the schema,
 * or their numbers. */
#ifndef MR_FILE_HEAD_H
#define MR_FILE_HEAD_H

#include "header.h"
#include "reader.h"

typedef struct file_naming {
    bool no_header;          /* the first line is a record */
    mr_list columns;         /* names without a header; none: the schema's fields */
    const mr_schema *schema; /* NULL: not known; then column_1 and so on */
} file_naming;

/* From the start of a file to its first record, with the names of its columns. *found false: there
 * is nothing yet. MR_REJECT: what stands at *line is of no use. */
MR_CHECKED mr_status file_head_read(file_reader *reader, const file_naming *naming,
                                    file_header *header, bool *found, file_item *item,
                                    mr_error *err);

#endif
