/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the text of a field to a cell of its schema.
 *
 *   boolean                true false t f yes no y n 1 0, in any case
 *   int, long              digits with a sign or none; decimals only if they are zero ("2.0")
 *   float, double          decimal or scientific; inf, nan
 *   decimal                exact; more decimals than the scale are refused unless zero
 *   string                 as it is            uuid    8-4-4-4-12 hex digits
 *   bytes, fixed           \x and hex digits, or else the text's own bytes
 *   enum                   a symbol
 *   date, time, timestamp  texts.h; a timestamp without a zone is UTC or in time.zone, a local one
 * must have none duration               ISO 8601
 * *   null                   the null text, unquoted; quoted too, and the empty text, where the
 * type has no use for them
 *
 * Nothing is rounded silently: what does not fit is refused, with the reason.
 */
#ifndef MR_FILE_VALUE_H
#define MR_FILE_VALUE_H

#include "api/error.h"
#include "api/record.h"
#include "codec/csv.h"
#include "texts.h"

/* How one schema field is filled. */
typedef struct file_column {
    const mr_field *field;
    const mr_schema *schema; /* without its null */
    uint8_t type;            /* schema->type */
    bool nullable;
    uint8_t branch, null_branch; /* in the union, when nullable */
    int32_t source;              /* index of the CSV column; -1: none, use `absent` */
    mr_cell absent;
} file_column;

/* Prepares `column` for the field. MR_FATAL when its type can not come from one text. */
MR_CHECKED mr_status file_column_init(file_column *column, const mr_field *field, mr_error *err);

/* Converts. Text and bytes of the cell point into the input or the arena. MR_REJECT, with the field
 * in err->field, when it does not fit. */
MR_CHECKED mr_status file_convert(const file_column *column, const mr_csv_field *text,
                                  const file_texts *texts, mr_arena *arena, mr_cell *ret,
                                  mr_error *err);

#endif
