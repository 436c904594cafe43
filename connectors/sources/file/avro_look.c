/* SPDX-License-Identifier: Apache-2.0 */
/* The records are decoded, all of them, so that damage is told before a pipeline meets it. */
#include "avro_look.h"

#include <string.h>

#include "avro_file.h"
#include "base/arena.h"
#include "codec/schema.h"

static const char *type_name(mr_arena *arena, const mr_schema *schema)
{
    const mr_schema *plain = mr_schema_strip_null(schema);
    bool items = plain->type == MR_ARRAY || plain->type == MR_MAP;
    return !items ? mr_type_name(plain->type)
                  : mr_arena_format(arena, "%s of %s", mr_type_name(plain->type),
                                    mr_type_name(mr_schema_strip_null(plain->items)->type));
}

static void begin(const mr_schema *schema, mr_arena *arena, mr_look *ret)
{
    ret->columns = mr_arena_calloc(arena, schema->field_count, sizeof *ret->columns);
    ret->count = schema->field_count;
    for (size_t i = 0; i < ret->count; i++) {
        const mr_field *field = &schema->fields[i];
        const char *name = mr_arena_strndup(arena, field->name, strlen(field->name));
        ret->columns[i] = (mr_look_column){.name = name,
                                           .title = name,
                                           .type = type_name(arena, field->schema),
                                           .why = "the file's own schema"};
    }
}

static void count(mr_look *ret, const mr_cell *record)
{
    ret->records++;
    for (size_t i = 0; i < ret->count; i++) {
        ret->columns[i].nulls += record->as.cells[i].type == MR_NULL;
    }
}

/* MR_END: to the end. MR_REJECT: to what is damaged, or cut off. */
static mr_status read_all(file_avro *avro, file_reader *reader, mr_look *ret, mr_error *err)
{
    mr_arena *arena = mr_arena_new();
    mr_status status = MR_OK;
    while (status == MR_OK) {
        file_event event;
        file_item item;
        mr_cell record;
        status = file_avro_next(avro, reader, true, arena, &event, &item, &record, err);
        if (status == MR_OK && event == FILE_RECORD) {
            count(ret, &record);
        } else if (status == MR_OK && !reader->at_end) {
            status = file_reader_fill(reader, err);
        } else if (status == MR_OK) {
            status = reader->start < reader->end || file_reader_cut(reader)
                         ? mr_fail(err, MR_REJECT, MR_DOMAIN_FILE,
                                   "the file ends at byte %lld, in the middle of its data",
                                   (long long)reader->stream.taken)
                         : MR_END;
        }
        mr_arena_reset(arena);
    }
    mr_arena_free(arena);
    return status;
}

mr_status file_look_avro(int fd, const file_format *format, mr_arena *arena, mr_look *ret,
                         mr_error *err)
{
    file_reader reader;
    file_avro avro = {0};
    bool there;
    file_reader_init(&reader, format);
    file_reader_start(&reader, fd);
    mr_status status = file_avro_header(&avro, &reader, &there, err);
    if (status == MR_OK && there) {
        status = file_avro_resolve(&avro, avro.writer, err);
    }
    if (status == MR_OK && there) {
        const char *json = mr_schema_json(avro.writer);
        ret->schema = mr_arena_strndup(arena, json, strlen(json));
        begin(avro.writer, arena, ret);
        status = read_all(&avro, &reader, ret, err);
        if (status == MR_REJECT) {
            ret->hint =
                mr_arena_format(arena, "What follows record %lld could not be looked at: %s",
                                (long long)ret->records, err->text);
        }
        status = status == MR_END || status == MR_REJECT ? MR_OK : status;
    }
    file_avro_release(&avro);
    file_reader_release(&reader);
    return status;
}
