/* SPDX-License-Identifier: Apache-2.0 */
/* From the lines of a file to what they have in common (json_shape.h). */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "json_shape.h"
#include "ndjson.h"

/* One JSON text over several lines: the first holds a bracket alone. */
static bool spread(const file_item *item)
{
    size_t len = item->input.len;
    while (len && strchr(" \t\r\n", item->input.data[len - 1])) {
        len--;
    }
    return item->line == 1 && len == 1 && strchr("[{", *item->input.data);
}

static void bad(file_survey *survey, const file_item *item, int64_t column, const char *why)
{
    char place[48] = "";
    if (survey) {
        if (column) {
            snprintf(place, sizeof place, ", column %lld", (long long)column);
        }
        file_survey_bad(survey, "line %lld%s: %s%s", (long long)item->line, place, why,
                        spread(item) ? ". JSON over several lines becomes one line with jq -c ., "
                                       "an array of objects lines with jq -c '.[]'"
                                     : "");
    }
}

static void take(file_shape *shape, const file_sample *sample, const file_item *item,
                 mr_arena *arena)
{
    mr_cell unused;
    int64_t column;
    uint32_t at;
    const file_json *root;
    mr_slice twice;
    mr_error why;
    if (file_json_fill(NULL, item->input, arena, &unused, &column, &why) != MR_OK ||
        file_json_parse(item->input.data, item->input.len, arena, &root, &at, &why) != MR_OK) {
        bad(sample->survey, item, column, why.text);
    } else if (!file_shape_learn(shape, item->line, item->input, root, &twice)) {
        mr_fail(&why, MR_REJECT, MR_DOMAIN_RECORD,
                "the member \"%.*s\" fills a field that another one fills already",
                twice.len < 40 ? (int)twice.len : 40, twice.data);
        bad(sample->survey, item, 0, why.text);
    } else if (sample->survey) {
        sample->survey->records++;
    }
}

static mr_status look(file_reader *reader, const file_sample *sample, file_shape *shape,
                      mr_error *err)
{
    mr_arena *arena = mr_arena_new();
    mr_status status = MR_OK;
    while (reader->offset < sample->bytes || !file_shape_known(shape)) {
        file_item item;
        file_event event = file_reader_next(reader, &item);
        if (event == FILE_DRY) {
            status = reader->at_end ? MR_END : file_reader_fill(reader, err);
            if (status != MR_OK) {
                break; /* MR_REJECT: damaged; what came before counts */
            }
        } else if (event == FILE_RECORD) {
            take(shape, sample, &item, arena);
        } else {
            bad(sample->survey, &item, 0, item.why);
        }
        mr_arena_reset(arena);
    }
    mr_arena_free(arena);
    if (sample->survey) {
        file_survey_end(sample->survey, reader, status == MR_REJECT ? err : NULL);
    }
    return status == MR_END || status == MR_REJECT ? MR_OK : status;
}

mr_status file_infer_json(int fd, const file_format *format, const file_sample *sample, char **json,
                          mr_error *err)
{
    file_reader reader;
    file_shape *shape = file_shape_new(sample->survey != NULL, &sample->texts, sample->survey);
    *json = NULL;
    file_reader_init(&reader, format);
    file_reader_start(&reader, fd);
    reader.complete = sample->complete;
    mr_status status = file_reader_begin(&reader, err);
    if (status == MR_OK) {
        status = look(&reader, sample, shape, err);
    }
    if (status == MR_OK && file_shape_known(shape)) {
        *json = file_shape_schema(shape, sample->record_name);
        if (sample->survey) {
            file_shape_tell(shape);
        }
    }
    file_shape_free(shape);
    file_reader_release(&reader);
    return status;
}
