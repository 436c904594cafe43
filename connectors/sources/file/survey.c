/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The line that decides is the last one at which the type changed: everything after it fits what it
 * left. Order is kept by one double per value: of times their microseconds, of which it holds all
 * for some thousand years around 1970 to within one.
 */
#include "survey.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "number.h"
#include "when.h"

void file_survey_begin(file_survey *survey, const file_header *header)
{
    survey->count = header->count;
    survey->columns = mr_arena_calloc(survey->arena, header->count, sizeof *survey->columns);
    for (size_t i = 0; i < header->count; i++) {
        file_survey_column *c = &survey->columns[i];
        c->title = mr_arena_strndup(survey->arena, header->titles[i], strlen(header->titles[i]));
        c->name = mr_arena_strndup(survey->arena, header->names[i], strlen(header->names[i]));
    }
}

file_survey_column *file_survey_add(file_survey *survey, const file_survey_column *column)
{
    if (survey->count == survey->capacity) {
        file_survey_column *before = survey->columns;
        survey->capacity = survey->capacity ? survey->capacity * 2 : 16;
        survey->columns = mr_arena_alloc(survey->arena, survey->capacity * sizeof *survey->columns);
        if (survey->count) {
            memcpy(survey->columns, before, survey->count * sizeof *before);
        }
    }
    survey->columns[survey->count] = *column;
    return &survey->columns[survey->count++];
}

/* A text for people: one line, short, nothing cut inside a character. */
static void show(const char *text, size_t len, char out[FILE_SURVEY_SHOWN])
{
    const size_t room = FILE_SURVEY_SHOWN - 4;
    size_t shown = len <= room ? len : room;
    while (shown < len && shown && ((unsigned char)text[shown] & 0xC0) == 0x80) {
        shown--;
    }
    for (size_t i = 0; i < shown; i++) {
        unsigned char c = (unsigned char)text[i];
        out[i] = c < ' ' || c == 127 ? ' ' : text[i];
    }
    strcpy(out + shown, shown < len ? "..." : "");
}

static bool is_one_of(const char *type, const char *const *types)
{
    while (*types && strcmp(type, *types) != 0) {
        types++;
    }
    return *types;
}

/* The place of a value in the order of its type; false: the type has none. */
static bool place(const file_sight *sight, double *ret)
{
    const char *type = sight->is;
    const mr_csv_field *text = sight->text;
    static const char *const numbers[] = {"int", "long", "double", NULL};
    static const char *const times[] = {"date", "local-timestamp-micros", "timestamp-micros", NULL};
    file_timestamp at;
    if (is_one_of(type, numbers)) {
        return file_parse_double(text->data, text->len, ret) == FILE_NUMBER_OK;
    }
    if (is_one_of(type, times) && file_texts_timestamp(sight->texts, text->data, text->len, &at)) {
        *ret = (double)at.us;
        return true;
    }
    return false;
}

void file_survey_value(file_survey_column *c, const file_sight *sight)
{
    const mr_csv_field *text = sight->text;
    const char *was = c->is, *is = sight->is;
    double number;
    if (!c->values++) {
        show(text->data, text->len, c->example);
    }
    if (!was || strcmp(was, is) != 0) {
        c->was = was;
        c->is = is;
        c->line = sight->line;
        show(text->data, text->len, c->decider);
    }
    bool placed = place(sight, &number);
    if (!placed) {
        c->ordered = false;
        return;
    }
    if (!c->ordered || number < c->least_number) {
        c->least_number = number;
        show(text->data, text->len, c->least);
    }
    if (!c->ordered || number > c->most_number) {
        c->most_number = number;
        show(text->data, text->len, c->most);
    }
    c->ordered = true;
}

void file_survey_bad(file_survey *survey, const char *format, ...)
{
    char text[1024];
    if (survey->bad++) {
        return;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    survey->first_bad = mr_arena_strndup(survey->arena, text, strlen(text));
}

void file_survey_end(file_survey *survey, const file_reader *reader, const mr_error *damage)
{
    const char *why = damage ? damage->text : NULL;
    if (!why && file_reader_cut(reader)) {
        why = mr_arena_format(
            survey->arena, "the file ends at byte %lld, in the middle of its %s data",
            (long long)reader->stream.taken, file_packing_name(reader->stream.packing));
    }
    if (why) {
        survey->end =
            mr_arena_format(survey->arena, "What follows line %lld could not be looked at: %s",
                            (long long)(reader->line - 1), why);
    }
}

static const char *why(const file_survey_column *c, mr_arena *arena)
{
    static const char *const of_all[][2] = {
        {"boolean", "true or false"},
        {"int", "whole, of at most 6 digits"},
        {"date", "dates"},
        {"local-timestamp-micros", "times without a zone"},
        {"timestamp-micros", "times with a zone"},
        {"record", "objects"},
        {"array", "arrays"},
    };
    if (!c->values) {
        return "no value in any line";
    }
    for (size_t i = 0; !c->was && i < sizeof of_all / sizeof *of_all; i++) {
        if (strcmp(c->is, of_all[i][0]) == 0) {
            return mr_arena_format(arena, "all values are %s", of_all[i][1]);
        }
    }
    return mr_arena_format(arena, "line %lld holds %s%s%s", (long long)c->line, c->decider,
                           c->was ? "; before it: " : "", c->was ? c->was : "");
}

/* One column is most often another delimiter. */
const char *file_survey_hint(const file_survey *survey)
{
    static const char *const marks[][2] = {{";", ";"}, {"\t", "tab"}, {"|", "|"}, {",", ","}};
    for (size_t i = 0; survey->count == 1 && i < sizeof marks / sizeof *marks; i++) {
        if (strstr(survey->columns[0].title, marks[i][0])) {
            return mr_arena_format(survey->arena,
                                   "the header is one column; should the delimiter be \"%s\"?",
                                   marks[i][1]);
        }
    }
    return NULL;
}

void file_survey_tell(const file_survey *survey, mr_look *ret)
{
    mr_look_column *columns = mr_arena_calloc(survey->arena, survey->count, sizeof *columns);
    for (size_t i = 0; i < survey->count; i++) {
        const file_survey_column *c = &survey->columns[i];
        columns[i] = (mr_look_column){
            .name = c->name,
            .title = c->title,
            .type = c->values ? c->is : "string",
            .nulls = c->nulls,
            .least = c->ordered ? c->least : NULL,
            .most = c->ordered ? c->most : NULL,
            .example = c->values ? c->example : NULL,
            .why = why(c, survey->arena),
        };
    }
    ret->columns = columns;
    ret->count = survey->count;
    ret->records = survey->records;
    ret->bad = survey->bad;
    ret->first_bad = survey->first_bad;
    ret->hint = survey->end;
}
