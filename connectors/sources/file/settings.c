/* SPDX-License-Identifier: Apache-2.0 */
/* Everything is refused here, before a server is asked for anything. */
#include "settings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "finish.h"
#include "pattern.h"

static mr_status MR_PRINTF(3, 4) refuse(mr_error *err, const char *option, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG, "%s: %s", option, text);
    mr_error_field(err, option);
    if (err) {
        err->permanent = true;
    }
    return MR_FATAL;
}

static bool is_tab(const char *option)
{
    return strcmp(option, "\\t") == 0 || strcmp(option, "tab") == 0;
}

/* One printable ASCII character (or a tab). */
static bool is_mark(const char *text)
{
    return strlen(text) == 1 && ((text[0] >= ' ' && text[0] <= '~') || text[0] == '\t');
}

static bool no_quotes(const file_state *self)
{
    return strcmp(self->quote, "none") == 0;
}

static const char *delimiter_of(const file_state *self)
{
    return self->delimiter ? self->delimiter : ",";
}

file_format file_format_of(const file_state *self)
{
    const char *delimiter = delimiter_of(self);
    return (file_format){
        .delimiter = is_tab(delimiter) ? '\t' : delimiter[0],
        .quote = no_quotes(self) ? '\0' : self->quote[0],
        .no_quotes = no_quotes(self),
        .escape = self->escape && strcmp(self->escape, self->quote) != 0 ? self->escape[0] : '\0',
        .comment = self->comment,
        .line_max_bytes = (size_t)self->line_max_bytes,
    };
}

file_format file_format_for(const file_state *self, const char *name)
{
    file_format format = file_format_of(self);
    format.packing = file_packing_of(name);
    format.kind = file_kind_of(name, (file_kind)self->kind);
    if (!self->delimiter && file_name_is_tsv(name)) {
        format.delimiter = '\t';
    }
    return format;
}

file_naming file_naming_of(const file_state *self)
{
    return (file_naming){
        .no_header = !self->header, .columns = self->columns, .schema = self->schema};
}

mr_status file_texts_of(const file_state *self, file_texts *texts, file_zone **zone, mr_error *err)
{
    *zone = NULL;
    *texts = (file_texts){
        .null_text = {self->null_text, strlen(self->null_text)},
        .null_texts = self->null_texts,
        .formats = self->time_formats,
    };
    if (!self->time_zone) {
        return MR_OK;
    }
    mr_error why;
    if (file_zone_load(self->time_zone, zone, &why) != MR_OK) {
        return refuse(err, "time.zone", "%s", why.text);
    }
    texts->zone = *zone;
    return MR_OK;
}

static mr_status check_marks(const file_state *self, mr_error *err)
{
    const char *delimiter = delimiter_of(self), *quote = self->quote, *escape = self->escape;
    if (!is_tab(delimiter) && (!is_mark(delimiter) || strcmp(delimiter, quote) == 0)) {
        return refuse(err, "delimiter",
                      "\"%s\" is not one ASCII character other than the quote; for a tab write tab",
                      delimiter);
    }
    if (!no_quotes(self) && !is_mark(quote)) {
        return refuse(err, "quote", "\"%s\" is not one ASCII character; for no quotes write none",
                      quote);
    }
    if (escape && (!is_mark(escape) || strcmp(escape, delimiter) == 0)) {
        return refuse(err, "escape", "\"%s\" is not one ASCII character other than the delimiter",
                      escape);
    }
    if (escape && no_quotes(self)) {
        return refuse(err, "escape", "it has a meaning in quotes only, and quote says none");
    }
    size_t len = self->comment ? strlen(self->comment) : 1;
    if (!len || len > 16 || (self->comment && strpbrk(self->comment, "\r\n"))) {
        return refuse(err, "comment", "it must be 1 to 16 bytes without a newline");
    }
    return MR_OK;
}

static mr_status check_columns(const file_state *self, mr_error *err)
{
    file_header header;
    mr_error why;
    if (!self->columns.count) {
        return MR_OK;
    }
    if (self->header) {
        return refuse(err, "columns",
                      "it names the columns of files without a header; set header to false");
    }
    if (self->columns.count > FILE_COLUMNS_MAX) {
        return refuse(err, "columns", "%zu names; at most %d are allowed", self->columns.count,
                      FILE_COLUMNS_MAX);
    }
    if (file_header_names(&header, self->columns.items, self->columns.count, &why) != MR_OK) {
        return refuse(err, "columns", "two are called \"%s\" as Avro names", why.field);
    }
    file_header_release(&header);
    return MR_OK;
}

static mr_status check_formats(const file_state *self, mr_error *err)
{
    for (size_t i = 0; i < self->time_formats.count; i++) {
        const char *pattern = self->time_formats.items[i], *why;
        if (strcmp(pattern, "iso") != 0 && !file_pattern_parts(pattern, &why)) {
            return refuse(err, "time.formats", "\"%s\" %s", pattern, why);
        }
    }
    return MR_OK;
}

static mr_status check_finished(const file_state *self, mr_error *err)
{
    if (self->finished == FILE_MOVE && !self->finished_folder) {
        return refuse(err, "finished.folder", "finished says move: give the folder to move to");
    }
    if (self->finished != FILE_MOVE && self->finished_folder) {
        return refuse(err, "finished.folder", "it is for finished = move, which says %s",
                      file_finished_choices[self->finished]);
    }
    return MR_OK;
}

/* The first option that is only for CSV and says something; NULL: none. */
static const char *csv_option(const file_state *self)
{
    return self->delimiter                  ? "delimiter"
           : strcmp(self->quote, "\"") != 0 ? "quote"
           : self->escape                   ? "escape"
           : self->comment                  ? "comment"
           : !self->header                  ? "header"
           : self->null_text[0]             ? "null.text"
           : self->null_texts.count         ? "null.texts"
                                            : NULL;
}

/* What has no effect on what path is: one file, or a glob. */
static mr_status check_path(const file_state *self, mr_error *err)
{
    struct stat st;
    const char *path = self->path ? self->path : "";
    bool there = stat(path, &st) == 0;
    bool one = there && S_ISREG(st.st_mode), glob = !there && strpbrk(path, "*?[");
    if ((one || glob) && (self->pattern || self->recursive)) {
        return refuse(err, self->pattern ? "pattern" : "recursive",
                      "it is for folders, and path is a %s; leave one of the two out",
                      one ? "file" : "glob itself");
    }
    const char *option = csv_option(self);
    file_kind kind = file_kind_of(path, (file_kind)self->kind);
    if (one && option && kind != FILE_CSV) {
        return refuse(err, option,
                      "it is for CSV, and path ends as %s does; leave it out, or set format to csv",
                      kind == FILE_AVRO ? "avro" : "ndjson");
    }
    return MR_OK;
}

mr_status file_settings_check(const void *state, const mr_route *routes, size_t route_count,
                              mr_error *err)
{
    const file_state *self = state;
    file_texts texts;
    file_zone *zone = NULL;
    (void)routes;
    (void)route_count;
    mr_status status = check_finished(self, err);
    if (status == MR_OK) {
        status = check_path(self, err);
    }
    if (status == MR_OK) {
        status = check_marks(self, err);
    }
    if (status == MR_OK) {
        status = check_columns(self, err);
    }
    if (status == MR_OK) {
        status = check_formats(self, err);
    }
    if (status == MR_OK) {
        status = file_texts_of(self, &texts, &zone, err);
    }
    file_zone_free(zone);
    return status;
}
