/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A schema for a CSV file that has none, from a sample of its records.
 *
 * A column gets the narrowest of these types that every value of the sample fits: boolean, int,
 * long, double, date, local-timestamp-micros (no zone), timestamp-micros (with a zone), string. An
 * empty value makes it nullable; a column of only empty values is a nullable string.
 *
 * What the sample can not prove is left open on the safe side: digits with a leading zero or a plus
 * sign (postcodes, telephone numbers) and more than 18 digits stay text; int is for numbers of at
 * most six digits, as larger ones may well outgrow 32 bits further on; a double has at most 17
 * digits.
 */
#ifndef MR_FILE_INFER_H
#define MR_FILE_INFER_H

#include "head.h"
#include "reader.h"
#include "survey.h"

typedef struct file_sample {
    const char *record_name;
    file_texts texts;
    file_naming naming;
    int64_t bytes;       /* how much of the file is looked at */
    bool complete;       /* the end of the file ends its last record */
    file_survey *survey; /* what speaks for the types is noted here; NULL: nobody asks */
} file_sample;

/* Reads `fd` (taken over) and writes the Avro schema's JSON text, to be freed, to *json; NULL when
 * the file has no data record yet. MR_REJECT: the header is of no use. */
MR_CHECKED mr_status file_infer(int fd, const file_format *format, const file_sample *sample,
                                char **json, mr_error *err);

#endif
