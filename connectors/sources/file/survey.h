/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a look at a whole file finds in its columns beside their types (infer.h): how many values
 * are null, the least and the most, and the line that decided the type. Memory is a few hundred
 * bytes per column, whatever the size of the file.
 */
#ifndef MR_FILE_SURVEY_H
#define MR_FILE_SURVEY_H

#include "api/look.h"
#include "header.h"
#include "reader.h"

/* Room for a text that is shown, with its NUL; a longer one ends in "...". */
enum { FILE_SURVEY_SHOWN = 44 };

typedef struct file_survey_column {
    const char *title, *name;
    int64_t nulls, values;
    char example[FILE_SURVEY_SHOWN];
    const char *was, *is; /* the type before the deciding line, and from it on */
    int64_t line;         /* the deciding line */
    char decider[FILE_SURVEY_SHOWN];
    bool ordered; /* least and most are set */
    double least_number, most_number;
    char least[FILE_SURVEY_SHOWN], most[FILE_SURVEY_SHOWN];
} file_survey_column;

typedef struct file_survey {
    mr_arena *arena;
    file_survey_column *columns;
    size_t count, capacity;
    int64_t records, bad;
    const char *first_bad;
    const char *end; /* why the file was not looked at to its end; NULL: it was */
} file_survey;

/* The header has been read. Everything lives in survey->arena. */
void file_survey_begin(file_survey *survey, const file_header *header);
/* One more column, a copy of `column`; valid until the next one. */
file_survey_column *file_survey_add(file_survey *survey, const file_survey_column *column);

/* A value of a column that is not null. */
typedef struct file_sight {
    int64_t line;
    const mr_csv_field *text;
    const file_texts *texts;
    const char *is; /* the column's type with it; a constant text */
} file_sight;
void file_survey_value(file_survey_column *column, const file_sight *sight);

/* A line that can not become a record, and why: kept of the first. */
void file_survey_bad(file_survey *survey, const char *format, ...) MR_PRINTF(2, 3);

/* The look is over. damage: why the rest of the file can not be unpacked; NULL: it could, or was
 * cut off, which the reader knows. */
void file_survey_end(file_survey *survey, const file_reader *reader, const mr_error *damage);

/* Puts into words what was found. Borrows from survey->arena. */
void file_survey_tell(const file_survey *survey, mr_look *ret);

/* What is odd about a CSV file; NULL: nothing. A constant, or in the arena. */
const char *file_survey_hint(const file_survey *survey);

#endif
