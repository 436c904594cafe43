/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each value says which types it could have (kinds.h); the set of a column is what all its values
 * have in common. No order of values can change the result.
 */
#include "infer.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "kinds.h"
#include "number.h"

typedef struct evidence {
    unsigned could_be;
    bool values; /* some value is not null */
} evidence;

/* Digits with perhaps a '-': what integers could it be? */
static unsigned integer_kinds(const char *text, size_t len)
{
    size_t sign = *text == '-', digits = len - sign;
    if (!digits || (text[sign] == '0' && (digits > 1 || sign))) {
        return 0;
    }
    for (size_t i = sign; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return 0;
        }
    }
    return file_kinds_of_integer(digits);
}

/* A number with a decimal point or an exponent, that a double keeps. */
static unsigned double_kinds(const char *text, size_t len)
{
    size_t digits = 0, sign = *text == '-';
    bool fractional = false;
    for (size_t i = sign; i < len; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        fractional |= !digit;
        digits += digit;
        if (!digit && !strchr(".eE+-", text[i])) {
            return 0;
        }
    }
    bool leading_zero =
        len > sign + 1 && text[sign] == '0' && text[sign + 1] >= '0' && text[sign + 1] <= '9';
    double value;
    bool plain = text[0] != '+' && fractional && !leading_zero && digits <= 17;
    return plain && file_parse_double(text, len, &value) == FILE_NUMBER_OK ? FILE_COULD_BE_DOUBLE
                                                                           : 0;
}

static unsigned kinds_of(const char *text, size_t len, const file_texts *texts)
{
    if ((len == 4 && strncasecmp(text, "true", 4) == 0) ||
        (len == 5 && strncasecmp(text, "false", 5) == 0)) {
        return FILE_COULD_BE_BOOLEAN;
    }
    unsigned kinds = texts->formats.count ? file_kinds_of_time(text, len, texts) : 0;
    if (!kinds) {
        kinds = integer_kinds(text, len);
    }
    if (!kinds) {
        kinds = double_kinds(text, len);
    }
    return kinds ? kinds : file_kinds_of_time(text, len, texts);
}

static bool is_null(const mr_csv_field *text, const file_texts *texts)
{
    return !text->len || file_texts_is_null(texts, text->data, text->len);
}

/* The type that the evidence so far speaks for. */
static const file_kind_type *narrowest(const evidence *e)
{
    return file_kind_narrowest(e->values ? e->could_be : 0);
}

static const char *name_of(const evidence *e)
{
    return file_kind_name(narrowest(e));
}

static void learn(evidence *e, const mr_csv_field *text, const file_texts *texts)
{
    if (!is_null(text, texts)) {
        e->values = true;
        e->could_be &= text->escaped ? 0 : kinds_of(text->data, text->len, texts);
    }
}

static json_t *type_of(const evidence *e)
{
    const file_kind_type *found = narrowest(e);
    json_t *type = found->logical
                       ? json_pack("{s:s, s:s}", "type", found->base, "logicalType", found->logical)
                       : json_string(found->base);
    /* Every column may be empty further on than the sample went; a schema given can say otherwise.
     * No default: a file without the column is told of. */
    return json_pack("[s, o]", "null", type);
}

static char *schema_text(const file_header *header, const evidence *columns, const char *name)
{
    json_t *fields = json_array();
    for (size_t i = 0; i < header->count; i++) {
        json_t *type = type_of(&columns[i]);
        json_t *field = json_pack("{s:s}", "name", header->names[i]);
        if (strcmp(header->names[i], header->titles[i]) != 0) {
            json_object_set_new(field, "doc", json_string(header->titles[i]));
        }
        json_object_set_new(field, "type", type);
        json_array_append_new(fields, field);
    }
    json_auto_t *root =
        json_pack("{s:s, s:s, s:o}", "type", "record", "name", name, "fields", fields);
    return json_dumps(root, JSON_COMPACT);
}

static void tell_bad(file_survey *survey, file_event event, const file_item *item,
                     const mr_csv *csv)
{
    long long line = (long long)item->line;
    if (event == FILE_BAD) {
        file_survey_bad(survey, "line %lld: %s", line, item->why);
    } else if (csv->count != survey->count) {
        file_survey_bad(survey, "line %lld has %zu field%s and the header %zu", line, csv->count,
                        csv->count == 1 ? "" : "s", survey->count);
    } else {
        file_survey_bad(survey, "line %lld is not UTF-8 without NUL", line);
    }
}

/* One record of the sample, or what could not become one. */
static bool take(const file_reader *reader, file_event event, const file_item *item,
                 const file_sample *sample, evidence *columns, size_t count)
{
    const mr_csv *csv = &reader->csv;
    file_survey *survey = sample->survey;
    if (event == FILE_BAD || csv->count != count ||
        !mr_csv_text_valid(item->input.data, item->input.len)) {
        if (survey) {
            tell_bad(survey, event, item, csv);
        }
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const mr_csv_field *text = &csv->fields[i];
        learn(&columns[i], text, &sample->texts);
        if (survey && is_null(text, &sample->texts)) {
            survey->columns[i].nulls++;
        } else if (survey) {
            file_survey_value(&survey->columns[i], &(file_sight){item->line, text, &sample->texts,
                                                                 name_of(&columns[i])});
        }
    }
    return true;
}

/* Looks at the records behind the header. MR_END: none is of use. */
static mr_status look(file_reader *reader, const file_sample *sample, evidence *columns,
                      size_t count, mr_error *err)
{
    size_t records = 0;
    const mr_error *damage = NULL;
    while (reader->offset < sample->bytes || !records) {
        file_item item;
        file_event event = file_reader_next(reader, &item);
        if (event == FILE_DRY) {
            if (reader->at_end) {
                break;
            }
            mr_status status = file_reader_fill(reader, err);
            if (status == MR_REJECT) {
                damage = err; /* what came before counts */
                break;
            }
            if (status != MR_OK) {
                return status;
            }
        } else if (take(reader, event, &item, sample, columns, count)) {
            records++;
        }
    }
    if (sample->survey) {
        sample->survey->records = (int64_t)records;
        file_survey_end(sample->survey, reader, damage);
    }
    return records ? MR_OK : MR_END;
}

mr_status file_infer(int fd, const file_format *format, const file_sample *sample, char **json,
                     mr_error *err)
{
    file_reader reader;
    file_header header = {0};
    file_item item;
    bool found;
    evidence *columns = NULL;
    *json = NULL;
    file_reader_init(&reader, format);
    file_reader_start(&reader, fd);
    reader.complete = sample->complete;
    mr_status status = file_head_read(&reader, &sample->naming, &header, &found, &item, err);
    if (status == MR_OK && found) {
        columns = mr_calloc(header.count, sizeof *columns);
        for (size_t i = 0; i < header.count; i++) {
            columns[i].could_be = FILE_COULD_BE_SCALAR;
        }
        if (sample->survey) {
            file_survey_begin(sample->survey, &header);
        }
        status = look(&reader, sample, columns, header.count, err);
        if (status == MR_OK) {
            *json = schema_text(&header, columns, sample->record_name);
        }
        status = status == MR_END ? MR_OK : status;
    }
    free(columns);
    file_header_release(&header);
    file_reader_release(&reader);
    return status;
}
