/* SPDX-License-Identifier: Apache-2.0 */
/* From what SQLite answers to cells of the declared type. */
#ifndef MR_TRANSFORM_VALUE_H
#define MR_TRANSFORM_VALUE_H

#include <sqlite3.h>

#include "api/error.h"
#include "api/record.h"
#include "transform/query.h"

/* Text is copied into the arena: SQLite's own lasts only until the next step. A value of another
 * class is taken when nothing is lost by it; otherwise MR_REJECT with the column, what was found
 * and what is wanted. */
MR_CHECKED mr_status mr_value_cell(sqlite3_value *value, const mr_output *output, mr_arena *arena,
                                   mr_cell *ret, mr_error *err);

#endif
