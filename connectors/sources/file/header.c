/* SPDX-License-Identifier: Apache-2.0 */
/* Columns are matched to fields by name, so that files of one folder may order them differently. */
#include "header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "reader.h"

static bool name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static char *avro_name(const char *title, size_t number)
{
    size_t len = strlen(title);
    if (!len) {
        return mr_format("column_%zu", number);
    }
    bool digit = title[0] >= '0' && title[0] <= '9';
    char *name = mr_format("%s%s", digit ? "_" : "", title);
    for (char *p = name; *p; p++) {
        *p = name_char(*p) ? *p : '_';
    }
    return name;
}

static char *title_of(const mr_csv_field *field)
{
    char *title = mr_alloc((size_t)field->len + 1);
    size_t len = field->len;
    if (field->escaped) {
        len = mr_csv_unescape(field, title);
    } else if (len) {
        memcpy(title, field->data, len);
    }
    title[len] = '\0';
    return title;
}

static int compare_letters(const void *a, const void *b)
{
    return strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A name that two columns have, as `compare` sees it; NULL: none. */
static const char *duplicate(const file_header *header,
                             int (*compare)(const void *a, const void *b))
{
    mr_auto_free const char **sorted = mr_realloc_array(NULL, header->count, sizeof *sorted);
    memcpy(sorted, header->names, header->count * sizeof *sorted);
    qsort(sorted, header->count, sizeof *sorted, compare);
    for (size_t i = 1; i < header->count; i++) {
        if (compare(&sorted[i - 1], &sorted[i]) == 0) {
            return sorted[i];
        }
    }
    return NULL;
}

static mr_status check_text(const mr_csv *csv, mr_error *err)
{
    if (csv->count > FILE_COLUMNS_MAX) {
        return mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
                       "the header has %zu columns; at most %d are allowed", csv->count,
                       FILE_COLUMNS_MAX);
    }
    for (size_t i = 0; i < csv->count; i++) {
        if (!mr_csv_text_valid(csv->fields[i].data, csv->fields[i].len)) {
            return mr_fail(
                err, MR_REJECT, MR_DOMAIN_RECORD,
                "column %zu of the header is not UTF-8 without NUL; is the file CSV, and not "
                "compressed? If it is in another encoding, convert it, e.g. with iconv -f LATIN1 "
                "-t UTF-8",
                i + 1);
        }
    }
    return MR_OK;
}

static mr_status no_duplicate(file_header *header, mr_error *err)
{
    const char *twice = duplicate(header, compare_names);
    if (!twice) {
        return MR_OK;
    }
    mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
            "the header has two columns that are called \"%s\" as Avro names (letters, digits "
            "and _); rename one of them",
            twice);
    mr_error_field(err, twice);
    file_header_release(header);
    return MR_REJECT;
}

const char *file_header_alike(const file_header *header)
{
    return header->count ? duplicate(header, compare_letters) : NULL;
}

mr_status file_header_init(file_header *header, const mr_csv *csv, mr_error *err)
{
    *header = (file_header){0};
    mr_status status = check_text(csv, err);
    if (status != MR_OK) {
        return status;
    }
    header->titles = mr_calloc(csv->count, sizeof *header->titles);
    header->names = mr_calloc(csv->count, sizeof *header->names);
    for (; header->count < csv->count; header->count++) {
        size_t i = header->count;
        header->titles[i] = title_of(&csv->fields[i]);
        header->names[i] = avro_name(header->titles[i], i + 1);
    }
    return no_duplicate(header, err);
}

mr_status file_header_names(file_header *header, const char *const *names, size_t count,
                            mr_error *err)
{
    *header = (file_header){.given = true};
    header->titles = mr_calloc(count, sizeof *header->titles);
    header->names = mr_calloc(count, sizeof *header->names);
    for (size_t i = 0; i < count; i++) {
        header->titles[i] = mr_strdup(names[i]);
        header->names[i] = avro_name(names[i], i + 1);
        header->count++;
    }
    return no_duplicate(header, err);
}

void file_header_number(file_header *header, size_t count)
{
    *header = (file_header){.given = true, .count = count};
    header->titles = mr_calloc(count, sizeof *header->titles);
    header->names = mr_calloc(count, sizeof *header->names);
    for (size_t i = 0; i < count; i++) {
        header->titles[i] = avro_name("", i + 1);
        header->names[i] = avro_name("", i + 1);
    }
}

void file_header_release(file_header *header)
{
    for (size_t i = 0; i < header->count; i++) {
        free(header->titles[i]);
        free(header->names[i]);
    }
    free(header->titles);
    free(header->names);
    *header = (file_header){0};
}

static int32_t find(const file_header *header, const char *name)
{
    for (size_t i = 0; i < header->count; i++) {
        if (strcmp(header->names[i], name) == 0) {
            return (int32_t)i;
        }
    }
    return -1;
}

mr_status file_header_map(const file_header *header, file_column *columns, size_t count,
                          mr_error *err)
{
    for (size_t i = 0; i < count; i++) {
        file_column *c = &columns[i];
        c->source = find(header, c->field->name);
        for (size_t a = 0; c->source < 0 && a < c->field->alias_count; a++) {
            c->source = find(header, c->field->aliases[a]);
        }
        c->absent = c->field->dflt ? *c->field->dflt : (mr_cell){.type = MR_NULL};
        if (c->source < 0 && !c->field->dflt) {
            mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
                    "the header has no column \"%s\", and the schema gives that field no "
                    "default; add the column, or correct the schema",
                    c->field->name);
            mr_error_field(err, c->field->name);
            return MR_REJECT;
        }
    }
    return MR_OK;
}

size_t file_header_unused(const file_header *header, const file_column *columns, size_t count,
                          char *out, size_t out_size)
{
    size_t unused = 0, len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < header->count; i++) {
        bool used = false;
        for (size_t c = 0; c < count && !used; c++) {
            used = columns[c].source == (int32_t)i;
        }
        if (!used) {
            int more =
                snprintf(out + len, out_size - len, "%s%s", unused ? ", " : "", header->titles[i]);
            len = len + (size_t)more < out_size ? len + (size_t)more : out_size - 1;
            unused++;
        }
    }
    return unused;
}
