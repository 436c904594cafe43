/* SPDX-License-Identifier: Apache-2.0 */
/* The header line of a CSV file: column names, and the Avro names made of them. */
#ifndef MR_FILE_HEADER_H
#define MR_FILE_HEADER_H

#include "api/record.h"
#include "value.h"

typedef struct file_header {
    char **titles; /* as written in the file */
    char **names;  /* Avro names: [^A-Za-z0-9_] becomes _, a leading digit gets _ before it, an
                      empty title becomes column_<number> */
    size_t count;
    bool given; /* not from a line of the file */
} file_header;

/* Two columns whose names differ in case only: what the second is called; NULL: there are none. */
const char *file_header_alike(const file_header *header);

/* Takes the titles from a parsed header record. MR_REJECT when two columns get the same name, or
 * when there are more than FILE_COLUMNS_MAX, or the text is not UTF-8: *header is then empty. */
MR_CHECKED mr_status file_header_init(file_header *header, const mr_csv *csv, mr_error *err);
/* The same from names that an option or a schema says, and from numbers: column_1 to
 * column_<count>.
 */
MR_CHECKED mr_status file_header_names(file_header *header, const char *const *names, size_t count,
                                       mr_error *err);
void file_header_number(file_header *header, size_t count);
void file_header_release(file_header *header);

/* Says for each field of the record schema which column fills it, by its name or an alias; a field
 * without a column takes its default, or null. MR_REJECT, with the field, when it has neither. */
MR_CHECKED mr_status file_header_map(const file_header *header, file_column *columns, size_t count,
                                     mr_error *err);

/* The titles that no field takes, "a, b": into out. Returns how many there are. */
size_t file_header_unused(const file_header *header, const file_column *columns, size_t count,
                          char *out, size_t out_size);

#endif
