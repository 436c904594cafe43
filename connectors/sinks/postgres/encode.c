/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record as a row of binary COPY. The row is written where it will be sent from; when a field can
 * not be stored the buffer goes back to where the row began and the record is rejected alone, with
 * the field and, in the text, what was found in it.
 */
#include "codec/pgcopy.h"
#include "sinks/postgres/postgres.h"

/* PostgreSQL takes no row over 1 GB; a row that large is refused here already. */
static bool too_large(mr_buffer *out, size_t start, mr_error *err)
{
    out->failed = false;
    out->len = start;
    mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD, "the row is larger than %zu bytes", out->limit);
    mr_error_code(err, 0, "54000");
    return false;
}

bool pg_encode_row(pg_plan *plan, const mr_batch *batch, size_t index, mr_error *err)
{
    mr_buffer *out = &plan->buffer;
    const mr_cell *fields = batch->records[index].value->as.cells;
    size_t start = out->len;
    mr_pg_row(out, (uint16_t)plan->count);
    for (size_t i = 0; i < plan->count; i++) {
        const pg_column *column = &plan->columns[i];
        const mr_cell *cell = &fields[column->field];
        if (cell->type == MR_NULL) {
            mr_pg_null(out);
        } else if (!column->write(out, column, cell, err)) {
            out->len = start;
            out->failed = false;
            mr_error_prefix(err, "field %s", column->name);
            mr_error_field(err, column->name);
            return false;
        }
    }
    return !out->failed || too_large(out, start, err);
}
