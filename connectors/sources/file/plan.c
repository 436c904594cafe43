/* SPDX-License-Identifier: Apache-2.0 */
/* A line is checked as a whole first (fields, UTF-8): what passes can be converted field by field
 * without looking at its neighbours again. */
#include "plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "codec/schema.h"

mr_status file_plan_init(file_plan *plan, file_header *header, const mr_schema *schema,
                         const file_texts *texts, mr_error *err)
{
    *plan =
        (file_plan){.header = *header, .count = schema ? schema->field_count : 0, .texts = *texts};
    *header = (file_header){0};
    plan->columns = mr_calloc(plan->count, sizeof *plan->columns);
    mr_status status = MR_OK;
    for (size_t i = 0; i < plan->count && status == MR_OK; i++) {
        status = file_column_init(&plan->columns[i], &schema->fields[i], err);
    }
    if (status == MR_OK) {
        status = file_header_map(&plan->header, plan->columns, plan->count, err);
    }
    if (status != MR_OK) {
        file_plan_release(plan);
    }
    return status;
}

void file_plan_release(file_plan *plan)
{
    file_header_release(&plan->header);
    free(plan->columns);
    *plan = (file_plan){0};
}

static mr_status not_text(const file_plan *plan, const mr_csv *csv, mr_slice line, mr_error *err)
{
    size_t i = 0;
    while (i + 1 < csv->count && mr_csv_text_valid(csv->fields[i].data, csv->fields[i].len)) {
        i++;
    }
    size_t at = file_texts_fault(line.data, line.len);
    unsigned byte = at < line.len ? (unsigned char)line.data[at] : 0;
    if (byte) {
        mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
                "column \"%s\" is not valid UTF-8: byte %zu of the line is 0x%02X; " FILE_NOT_UTF8,
                plan->header.titles[i], at + 1, byte);
    } else {
        mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
                "column \"%s\" contains a NUL byte, byte %zu of the line; " FILE_NOT_UTF8,
                plan->header.titles[i], at + 1);
    }
    mr_error_field(err, plan->header.names[i]);
    return MR_REJECT;
}

mr_status file_plan_fill(const file_plan *plan, const mr_csv *csv, mr_slice line, mr_arena *arena,
                         mr_cell *ret, mr_error *err)
{
    if (csv->count != plan->header.count) {
        return mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
                       "the line has %zu field%s and the %s %zu; is a quote or a delimiter "
                       "missing, or one too many?",
                       csv->count, csv->count == 1 ? "" : "s",
                       plan->header.given ? "names of columns are" : "header", plan->header.count);
    }
    if (!mr_csv_text_valid(line.data, line.len)) {
        return not_text(plan, csv, line, err);
    }
    mr_cell *cells = mr_arena_alloc(arena, plan->count * sizeof *cells);
    for (size_t i = 0; i < plan->count; i++) {
        const file_column *column = &plan->columns[i];
        if (column->source < 0) {
            cells[i] = column->absent;
            continue;
        }
        mr_status status =
            file_convert(column, &csv->fields[column->source], &plan->texts, arena, &cells[i], err);
        if (status != MR_OK) {
            return status;
        }
    }
    *ret = (mr_cell){.type = MR_RECORD, .len = (uint32_t)plan->count, .as.cells = cells};
    return MR_OK;
}

static mr_status permanent(mr_error *err, mr_status status, const char *path)
{
    if (status != MR_OK && err) {
        mr_error_prefix(err, "schema%s%s", path ? " " : "", path ? path : "");
        mr_error_field(err, "schema");
        err->permanent = true;
    }
    return status;
}

static mr_status read_text(const char *path, char **text, size_t *len, mr_error *err)
{
    enum { LARGEST_SCHEMA_BYTES = 1 << 20 };
    mr_auto_fclose FILE *file = fopen(path, "rb");
    if (!file) {
        return mr_fail(err, MR_FATAL, MR_DOMAIN_FILE, "cannot open \"%s\": %s", path,
                       strerror(errno));
    }
    *text = mr_alloc(LARGEST_SCHEMA_BYTES + 1);
    *len = fread(*text, 1, LARGEST_SCHEMA_BYTES + 1, file);
    if (ferror(file) || *len > LARGEST_SCHEMA_BYTES) {
        return mr_fail(err, MR_FATAL, MR_DOMAIN_FILE, "cannot read \"%s\": %s", path,
                       ferror(file) ? strerror(errno) : "it is larger than 1 MiB");
    }
    return MR_OK;
}

mr_status file_schema_load(const char *option, const mr_schema **ret, mr_error *err)
{
    mr_auto_free char *text = NULL;
    size_t len = 0;
    mr_status status = MR_OK;
    const char *path = NULL; /* that was read */
    if (option[strspn(option, " \t\r\n")] == '{') {
        text = mr_strdup(option);
        len = strlen(text);
    } else {
        status = read_text(option, &text, &len, err);
        path = status == MR_OK ? option : NULL;
    }
    if (status == MR_OK) {
        status = mr_schema_parse(text, len, ret, err);
    }
    if (status == MR_OK && ((*ret)->type != MR_RECORD || !(*ret)->field_count)) {
        status = mr_fail(err, MR_FATAL, MR_DOMAIN_SCHEMA,
                         "a CSV file needs a record schema with at least one field, not %s",
                         mr_type_name((*ret)->type));
        mr_schema_release(*ret);
        *ret = NULL;
    }
    return permanent(err, status, path);
}
