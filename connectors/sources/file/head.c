/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers need the first record's count of fields, so it is read twice; names do not. */
#include "head.h"

#include <stdlib.h>

#include "base/alloc.h"

static mr_status from_line(file_reader *reader, file_header *header, bool *found, file_item *item,
                           mr_error *err)
{
    file_event event;
    mr_status status = file_reader_header(reader, &event, item, err);
    *found = event != FILE_DRY;
    if (status != MR_OK || event == FILE_DRY) {
        return status;
    }
    if (event == FILE_BAD) {
        return mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD, "the header: %s", item->why);
    }
    return file_header_init(header, &reader->csv, err);
}

static mr_status numbered(file_reader *reader, file_header *header, bool *found, file_item *item,
                          mr_error *err)
{
    file_event event;
    mr_status status = file_reader_header(reader, &event, item, err);
    *found = event != FILE_DRY;
    if (status != MR_OK || event == FILE_DRY) {
        return status;
    }
    if (event == FILE_BAD || reader->csv.count > FILE_COLUMNS_MAX) {
        return mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD, "the first line: %s",
                       event == FILE_BAD ? item->why : "it has too many fields");
    }
    file_header_number(header, reader->csv.count);
    return file_reader_seek(reader, reader->offset - (int64_t)reader->csv.used, item->line, false,
                            err);
}

mr_status file_head_read(file_reader *reader, const file_naming *naming, file_header *header,
                         bool *found, file_item *item, mr_error *err)
{
    const mr_schema *schema = naming->schema;
    *found = false;
    if (!naming->no_header) {
        return from_line(reader, header, found, item, err);
    }
    if (!naming->columns.count && !schema) {
        return numbered(reader, header, found, item, err);
    }
    mr_status status = file_reader_begin(reader, err);
    *found = reader->end > reader->start;
    if (status != MR_OK || !*found) {
        return status;
    }
    if (naming->columns.count) {
        return file_header_names(header, naming->columns.items, naming->columns.count, err);
    }
    const char **names = mr_calloc(schema->field_count, sizeof *names);
    for (size_t i = 0; i < schema->field_count; i++) {
        names[i] = schema->fields[i].name;
    }
    status = file_header_names(header, names, schema->field_count, err);
    free(names);
    return status;
}
