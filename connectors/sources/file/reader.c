/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain read() into one buffer: the page cache reads ahead already, and a mapped file that is
 * truncated while it is read would kill the process. The parser is never shown more than the
 * longest allowed record, so that what is too long does not depend on how much happens to be in the
 * buffer.
 */
#include "reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { BUFFER_BYTES = 1 << 20 };

void file_reader_init(file_reader *reader, const file_format *format)
{
    *reader = (file_reader){.format = *format, .stream = FILE_STREAM_NONE, .line = 1};
    if (!reader->format.read_max_bytes) {
        reader->format.read_max_bytes = SIZE_MAX;
    }
    if (!reader->format.buffer_bytes) {
        reader->format.buffer_bytes = BUFFER_BYTES;
    }
    mr_csv_init(&reader->csv, format->delimiter, FILE_COLUMNS_MAX);
    if (format->quote || format->no_quotes) {
        reader->csv.quote = format->no_quotes ? '\0' : format->quote;
    }
    reader->csv.escape = format->escape;
}

void file_reader_stop(file_reader *reader)
{
    file_stream_stop(&reader->stream);
}

void file_reader_release(file_reader *reader)
{
    file_reader_stop(reader);
    mr_csv_release(&reader->csv);
    free(reader->data);
    reader->data = NULL;
}

static void forget_bytes(file_reader *reader, int64_t offset, int64_t line)
{
    reader->start = reader->end = 0;
    reader->offset = offset;
    reader->line = line;
    reader->at_end = reader->skipping = false;
}

void file_reader_start(file_reader *reader, int fd)
{
    file_stream_start(&reader->stream, fd, reader->format.packing);
    reader->crc = reader->item_crc = 0;
    forget_bytes(reader, 0, 1);
}

void file_reader_expect(file_reader *reader, file_format format)
{
    reader->format.packing = format.packing;
    reader->format.kind = format.kind;
    reader->csv.delimiter = format.delimiter;
}

static void consume(file_reader *reader, size_t bytes, int64_t lines)
{
    if (reader->stream.packing != FILE_PLAIN) {
        reader->crc = file_crc(reader->crc, reader->data + reader->start, bytes);
    }
    reader->start += bytes;
    reader->offset += (int64_t)bytes;
    reader->line += lines;
}

void file_reader_take(file_reader *reader, size_t bytes, int64_t lines)
{
    consume(reader, bytes, lines);
}

bool file_reader_cut(const file_reader *reader)
{
    return reader->at_end && reader->stream.inside;
}

mr_status file_reader_seek(file_reader *reader, int64_t offset, int64_t line, bool skipping,
                           mr_error *err)
{
    if (reader->stream.packing != FILE_PLAIN && offset > reader->offset) {
        /* A packed file can only go forward: what is in the buffer is part of the way. */
        int64_t unread = (int64_t)(reader->end - reader->start), left = offset - reader->offset;
        consume(reader, (size_t)(left < unread ? left : unread), 0);
        reader->line = line;
    }
    if (offset != reader->offset) {
        mr_status status = file_stream_seek(&reader->stream, offset, &reader->crc, err);
        if (status != MR_OK) {
            return status;
        }
        forget_bytes(reader, offset, line);
    }
    reader->skipping = skipping;
    return MR_OK;
}

/* Room for more: the unread bytes move to the front; when they fill the buffer, it doubles. */
static void make_room(file_reader *reader)
{
    size_t unread = reader->end - reader->start;
    if (reader->start) {
        memmove(reader->data, reader->data + reader->start, unread);
        reader->start = 0;
        reader->end = unread;
    }
    if (unread == reader->capacity) {
        reader->capacity = reader->capacity ? reader->capacity * 2 : reader->format.buffer_bytes;
        reader->data = mr_realloc(reader->data, reader->capacity);
    }
}

mr_status file_reader_fill(file_reader *reader, mr_error *err)
{
    make_room(reader);
    size_t room = reader->capacity - reader->end;
    if (room > reader->format.read_max_bytes) {
        room = reader->format.read_max_bytes;
    }
    size_t got;
    mr_status status =
        file_stream_read(&reader->stream, reader->data + reader->end, room, &got, err);
    if (status != MR_OK) {
        return status;
    }
    reader->end += got;
    reader->at_end = got == 0;
    return MR_OK;
}

static const char *find_newline(const file_reader *reader, size_t len)
{
    return memchr(reader->data + reader->start, '\n', len);
}

/* Inside a line that is too long: drops what there is of it. */
static file_event skip(file_reader *reader)
{
    size_t unread = reader->end - reader->start;
    const char *newline = unread ? find_newline(reader, unread) : NULL;
    if (newline) {
        consume(reader, (size_t)(newline + 1 - (reader->data + reader->start)), 1);
        reader->skipping = false;
    } else {
        consume(reader, unread, 0);
        reader->skipping = !(reader->at_end && reader->complete);
    }
    return FILE_DRY;
}

static mr_slice line_text(const char *data, size_t len, size_t limit)
{
    while (len && (data[len - 1] == '\n' || data[len - 1] == '\r')) {
        len--;
    }
    return (mr_slice){data, len < limit ? len : limit};
}

static file_event bad_line(file_reader *reader, file_item *item, size_t len, const char *why)
{
    item->input = line_text(reader->data + reader->start, len, FILE_SHOWN_BYTES);
    item->why = why;
    consume(reader, len, 1);
    return FILE_BAD;
}

/* Says which quote it was. */
static const char *where_opened(file_reader *reader, const char *problem)
{
    const mr_csv *csv = &reader->csv;
    snprintf(reader->why, sizeof reader->why, "%s: line %lld, field %zu", problem,
             (long long)(reader->line + csv->open_line), csv->open_field);
    return reader->why;
}

/* The record does not end within the limit. */
static file_event too_long(file_reader *reader, file_item *item)
{
    size_t limit = reader->format.line_max_bytes;
    const char *data = reader->data + reader->start, *newline = find_newline(reader, limit);
    item->line = reader->line;
    if (newline) {
        return bad_line(
            reader, item, (size_t)(newline + 1 - data),
            where_opened(reader, "a quote is opened and not closed within line.max.bytes"));
    }
    item->input = line_text(data, limit, FILE_SHOWN_BYTES);
    item->why = "the line is longer than line.max.bytes; here are its first bytes. Raise "
                "line.max.bytes if such lines are meant";
    consume(reader, limit, 0);
    reader->skipping = true;
    return FILE_BAD;
}

static bool blank(mr_slice line)
{
    size_t i = 0;
    while (i < line.len && strchr(" \t\r\n", line.data[i]) && line.data[i]) {
        i++;
    }
    return i == line.len;
}

/* The next line that is not blank. */
static file_event next_line(file_reader *reader, file_item *item)
{
    for (;;) {
        size_t unread = reader->end - reader->start, limit = reader->format.line_max_bytes;
        if (!unread) {
            return FILE_DRY;
        }
        const char *data = reader->data + reader->start;
        const char *newline = find_newline(reader, unread < limit ? unread : limit);
        bool last = reader->at_end && reader->complete && !reader->stream.inside;
        if (!newline && (!last || unread > limit)) {
            return unread > limit ? too_long(reader, item) : FILE_DRY;
        }
        item->line = reader->line;
        item->input = (mr_slice){data, newline ? (size_t)(newline + 1 - data) : unread};
        reader->item_crc = reader->crc;
        consume(reader, item->input.len, 1);
        if (!blank(item->input)) {
            return FILE_RECORD;
        }
    }
}

/* A comment at the start of a record goes like the rest of a line that is too long. */
enum { NO_COMMENT, COMMENT, PERHAPS_COMMENT };

static int comment(const file_reader *reader)
{
    const char *prefix = reader->format.comment;
    size_t unread = reader->end - reader->start, len = prefix ? strlen(prefix) : 0;
    size_t seen = unread < len ? unread : len;
    if (!len || memcmp(reader->data + reader->start, prefix, seen) != 0) {
        return NO_COMMENT;
    }
    return seen == len                          ? COMMENT
           : reader->at_end && reader->complete ? NO_COMMENT
                                                : PERHAPS_COMMENT;
}

file_event file_reader_next(file_reader *reader, file_item *item)
{
    item->column = 0;
    for (;;) {
        while (reader->skipping) {
            skip(reader);
            if (reader->skipping || reader->start == reader->end) {
                return FILE_DRY;
            }
        }
        if (reader->format.kind == FILE_NDJSON) {
            return next_line(reader, item);
        }
        size_t unread = reader->end - reader->start, limit = reader->format.line_max_bytes;
        int kind = unread ? comment(reader) : PERHAPS_COMMENT;
        if (kind == PERHAPS_COMMENT) {
            return FILE_DRY;
        }
        if (kind == COMMENT) {
            reader->skipping = true;
            continue;
        }
        const char *data = reader->data + reader->start;
        bool last = reader->at_end && reader->complete && !reader->stream.inside && unread <= limit;
        item->line = reader->line;
        reader->item_crc = reader->crc;
        mr_csv *csv = &reader->csv;
        switch (mr_csv_next(csv, data, unread < limit ? unread : limit, last)) {
        case MR_CSV_RECORD:
            item->input = (mr_slice){data, csv->used};
            consume(reader, csv->used, csv->lines);
            return FILE_RECORD;
        case MR_CSV_BLANK:
            consume(reader, csv->used, 1);
            break;
        case MR_CSV_MALFORMED:
            return bad_line(reader, item, csv->used,
                            csv->never_closed ? where_opened(reader, csv->problem) : csv->problem);
        case MR_CSV_MORE:
            return unread > limit ? too_long(reader, item) : FILE_DRY;
        }
    }
}

static void skip_byte_order_mark(file_reader *reader)
{
    static const char mark[] = "\xEF\xBB\xBF";
    if (reader->offset == 0 && reader->end - reader->start >= 3 &&
        memcmp(reader->data + reader->start, mark, 3) == 0) {
        consume(reader, 3, 0);
    }
}

/* Files of two or four bytes per character say so at their start, which no UTF-8 text can have. */
static mr_status refuse_wide_text(const file_reader *reader, mr_error *err)
{
    static const struct {
        const char *mark;
        size_t len;
        const char *shown, *name;
    } marks[] = {
        {"\xFF\xFE\0\0", 4, "FF FE 00 00", "UTF-32"},
        {"\0\0\xFE\xFF", 4, "00 00 FE FF", "UTF-32"},
        {"\xFF\xFE", 2, "FF FE", "UTF-16"},
        {"\xFE\xFF", 2, "FE FF", "UTF-16"},
    };
    size_t unread = reader->end - reader->start;
    for (size_t i = 0; reader->offset == 0 && i < sizeof marks / sizeof *marks; i++) {
        size_t len = marks[i].len;
        if (unread >= len && memcmp(reader->data + reader->start, marks[i].mark, len) == 0) {
            return mr_fail(err, MR_REJECT, MR_DOMAIN_FILE,
                           "the file is %s, as its first bytes %s say; it must be UTF-8: convert "
                           "it with iconv -f %s -t UTF-8",
                           marks[i].name, marks[i].shown, marks[i].name);
        }
    }
    return MR_OK;
}

mr_status file_reader_begin(file_reader *reader, mr_error *err)
{
    do {
        mr_status status = file_reader_fill(reader, err);
        if (status != MR_OK) {
            return status;
        }
    } while (!reader->at_end && reader->end - reader->start < 4);
    skip_byte_order_mark(reader);
    return refuse_wide_text(reader, err);
}

mr_status file_reader_header(file_reader *reader, file_event *event, file_item *item, mr_error *err)
{
    *event = FILE_DRY;
    mr_status began = file_reader_begin(reader, err);
    if (began != MR_OK) {
        return began;
    }
    while ((*event = file_reader_next(reader, item)) == FILE_DRY && !reader->at_end) {
        mr_status status = file_reader_fill(reader, err);
        if (status != MR_OK) {
            return status;
        }
    }
    return MR_OK;
}
