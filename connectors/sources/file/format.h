/* SPDX-License-Identifier: Apache-2.0 */
/* What a file holds and how it is packed, by its name: "trips.csv.gz". */
#ifndef MR_FILE_FORMAT_H
#define MR_FILE_FORMAT_H

#include "unpack.h"

/* In the order of the option's choices. */
typedef enum file_kind { FILE_AUTO, FILE_CSV, FILE_NDJSON, FILE_AVRO } file_kind;

/* Is it a name that `kind` (FILE_AUTO: any) is read by: .csv .tsv .ndjson .jsonl .json .avro, with
 * .gz or .zst after it? Case does not matter. */
bool file_name_known(const char *name, file_kind kind);

/* .gz, .zst; anything else is plain. */
file_packing file_packing_of(const char *name);

/* `kind`, or with FILE_AUTO what the name says; a name that says nothing is CSV. */
file_kind file_kind_of(const char *name, file_kind kind);

/* Is it .tsv, whose fields stand between tabs? */
bool file_name_is_tsv(const char *name);

#endif
