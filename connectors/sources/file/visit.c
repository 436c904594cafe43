/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From file to file: which is next, is it the one it was, what does its header say, and what is
 * remembered when it has been read. A file is open only while it is read, so that a folder of any
 * size needs one descriptor.
 */
#include "visit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "codec/schema.h"
#include "identity.h"
#include "infer.h"
#include "settings.h"

/* Progress is a sum over all files: not for every poll. */
enum { PROGRESS_INTERVAL_US = 50000 };

static void take_position(file_state *self)
{
    const file_reader *r = &self->reader;
    file_position *p = &self->current->position;
    p->offset = r->offset;
    p->line = r->line;
    p->skipping = r->skipping;
    p->item = self->avro.loaded ? self->avro.index : self->avro.skip;
    if (r->stream.packing != FILE_PLAIN) {
        bool whole = r->start == r->end && !r->stream.inside;
        p->offset = whole || !r->stream.taken ? r->stream.taken : r->stream.taken - 1;
        p->unpacked = r->offset;
        p->crc = r->crc;
    }
    if (p->refused) {
        p->offset = self->current->now.size;
    }
}

void file_set_position(mr_task *task, file_entry *entry)
{
    file_state *self = mr_self(task);
    char text[FILE_POSITION_ROOM];
    take_position(self);
    entry->set_in = self->transaction;
    file_entry_position(entry, self->reader.stream.fd, text);
    mr_task_position(
        task, mr_arena_format(mr_task_arena(task), FILE_POSITION_PREFIX "%s", entry->name), text);
    self->touched = true;
}

void file_reject(mr_task *task, const file_item *item, const mr_error *why)
{
    file_state *self = mr_self(task);
    file_entry *entry = self->current;
    mr_slice input = item->input;
    if (input.len > FILE_SHOWN_BYTES) {
        input.len = FILE_SHOWN_BYTES;
    }
    mr_arena *arena = mr_task_arena(task);
    const char *where = mr_arena_format(arena, "%s:%lld", entry->name, (long long)item->line);
    if (item->column) {
        where = mr_arena_format(arena, "%s:%lld", where, (long long)item->column);
    }
    mr_reject_input(task, input, where, why);
    entry->position.rejected++;
    self->touched = true;
}

void file_leave(mr_task *task)
{
    file_state *self = mr_self(task);
    file_entry *entry = self->current;
    int64_t before = entry->done.size;
    take_position(self);
    int64_t read_to = entry->position.refused ? entry->position.offset : self->reader.stream.taken;
    bool whole = file_entry_settle(entry, self->reader.stream.fd, read_to);
    entry->complete_at_us = 0;
    if (!whole && !self->reader.complete && self->complete_after_ms) {
        entry->complete_at_us = mr_clock_us() + self->complete_after_ms * 1000;
    }
    if (whole && (entry->now.size != before || entry->position.damaged)) {
        file_set_position(task, entry);
    }
    if (whole && !entry->told && !entry->position.damaged) {
        entry->told = true;
        mr_task_info(task, "%s: finished; %lld lines read, %lld sent, %lld rejected", entry->path,
                     (long long)(entry->position.line - 1), (long long)entry->position.sent,
                     (long long)entry->position.rejected);
    }
    file_reader_stop(&self->reader);
    file_plan_release(&self->plan);
    file_avro_close(&self->avro);
    self->current = NULL;
}

/* The header is of no use: nothing of the file can be understood. In a folder the other files go
 * on; a single file is all there is. */
static mr_status refuse(mr_task *task, const file_item *item, mr_error *err)
{
    file_state *self = mr_self(task);
    file_entry *entry = self->current;
    if (self->catalog.kind == FILE_ONE) {
        mr_error_prefix(err, "%s:%lld", entry->path, (long long)item->line);
        return MR_FATAL;
    }
    mr_task_warn(task, "%s is not read: %s. Put it right and it will be taken", entry->path,
                 err->text);
    file_reject(task, item, err);
    entry->position.refused = true;
    file_leave(task);
    return MR_OK;
}

mr_status file_damaged(mr_task *task, mr_error *err)
{
    file_state *self = mr_self(task);
    file_entry *entry = self->current;
    file_reader *reader = &self->reader;
    if (self->catalog.kind == FILE_ONE) {
        if (self->pending) {
            return MR_IDLE;
        }
        mr_error_prefix(err, "%s:%lld", entry->path, (long long)reader->line);
        if (mr_task_once(task)) {
            err->permanent = true;
        }
        return MR_FATAL;
    }
    mr_task_warn(
        task,
        "%s is read up to line %lld and no further: %s. Put it right and the rest will be taken",
        entry->path, (long long)(reader->line - 1), err->text);
    file_item rest = {.line = reader->line,
                      .input = {reader->data + reader->start, reader->end - reader->start}};
    file_reject(task, &rest, err);
    entry->position.damaged = true;
    file_leave(task);
    return MR_OK;
}

mr_status file_ended(mr_task *task, mr_error *err)
{
    file_state *self = mr_self(task);
    const file_stream *stream = &self->reader.stream;
    bool half_block =
        self->reader.format.kind == FILE_AVRO && self->reader.start < self->reader.end;
    bool cut = file_reader_cut(&self->reader);
    if (!self->reader.complete || !(cut || half_block)) {
        file_leave(task);
        return MR_OK;
    }
    mr_fail(err, MR_REJECT, MR_DOMAIN_FILE,
            "the file ends at byte %lld, in the middle of its %s data; it was cut off, or is not "
            "all there yet",
            (long long)stream->taken, cut ? file_packing_name(stream->packing) : "Avro");
    return file_damaged(task, err);
}

/* Learns the schema from the first file that has data. It must not depend on the task, so all files
 * count, not only this task's. */
static mr_status infer_schema(mr_task *task, mr_error *err)
{
    file_state *self = mr_self(task);
    file_sample sample = {
        .record_name = self->record_name,
        .texts = self->texts,
        .naming = file_naming_of(self),
        .bytes = self->infer_bytes,
        .complete = self->reader.complete,
    };
    for (size_t i = 0; i < self->catalog.count; i++) {
        file_entry *entry = self->catalog.entries[i];
        int fd = entry->present ? open(entry->path, O_RDONLY | O_CLOEXEC) : -1;
        char *json = NULL;
        if (fd < 0) {
            continue;
        }
        file_format format = file_format_for(self, entry->name);
        mr_status status = format.kind == FILE_AVRO ? file_infer_avro(fd, &format, &json, err)
                           : format.kind == FILE_NDJSON
                               ? file_infer_json(fd, &format, &sample, &json, err)
                               : file_infer(fd, &format, &sample, &json, err);
        if (status == MR_OK && json) {
            status = mr_schema_parse(json, strlen(json), &self->schema, err);
            if (status == MR_OK) {
                mr_task_position(task, FILE_SCHEMA_POSITION, json);
                self->touched = true;
            }
            free(json);
            return status;
        }
        if (status != MR_OK && status != MR_REJECT) {
            return status;
        }
    }
    return MR_OK;
}

/* To the position. */
static mr_status go_on(file_state *self, mr_error *err)
{
    const file_position *p = &self->current->position;
    int64_t offset = self->reader.stream.packing == FILE_PLAIN ? p->offset : p->unpacked;
    if (offset > self->reader.offset) {
        return file_reader_seek(&self->reader, offset, p->line, p->skipping, err);
    }
    return MR_OK;
}

/* To the block, and behind those of its records that were taken. */
static mr_status go_on_avro(file_state *self, mr_error *err)
{
    const file_position *p = &self->current->position;
    mr_status status = go_on(self, err);
    self->reader.line = p->line;
    self->avro.skip = p->item;
    return status;
}

static mr_status begin_reading(mr_task *task, file_header *header, const file_item *item,
                               bool first_time, mr_error *err)
{
    file_state *self = mr_self(task);
    if (!self->schema) {
        mr_status status = infer_schema(task, err);
        if (status != MR_OK) {
            file_header_release(header);
            return status;
        }
    }
    if (self->reader.format.kind == FILE_AVRO) {
        mr_status status = self->schema ? file_avro_resolve(&self->avro, self->schema, err)
                                        : mr_fail(err, MR_REJECT, MR_DOMAIN_FILE,
                                                  "its header changed while it was read");
        return status == MR_OK ? go_on_avro(self, err) : refuse(task, item, err);
    }
    if (self->reader.format.kind == FILE_NDJSON) {
        mr_status status = self->schema && !self->json
                               ? file_json_plan_new(self->schema, &self->texts, &self->json, err)
                               : MR_OK;
        return status == MR_OK ? go_on(self, err) : status;
    }
    mr_status status = file_plan_init(&self->plan, header, self->schema, &self->texts, err);
    if (status == MR_REJECT) {
        return refuse(task, item, err);
    }
    if (status != MR_OK) {
        return status;
    }
    char unused[512];
    const char *alike = first_time ? file_header_alike(&self->plan.header) : NULL;
    if (alike) {
        mr_task_warn(task,
                     "%s: two columns are called \"%s\" but for upper and lower case; queries and "
                     "most databases take them for one. Rename one",
                     self->current->path, alike);
    }
    if (first_time && self->schema &&
        file_header_unused(&self->plan.header, self->plan.columns, self->plan.count, unused,
                           sizeof unused)) {
        mr_task_warn(task, "%s: the schema has no field for these columns; they are left out: %s",
                     self->current->path, unused);
    }
    return go_on(self, err);
}

/* Reads the header of the file that was just opened. */
static mr_status read_header(mr_task *task, bool first_time, mr_error *err)
{
    file_state *self = mr_self(task);
    file_item item = {.line = 1};
    file_header header = {0};
    bool found = false;
    mr_status status;
    if (self->reader.format.kind == FILE_AVRO) {
        status = file_avro_header(&self->avro, &self->reader, &found, err);
    } else if (self->reader.format.kind == FILE_NDJSON) {
        status = file_reader_begin(&self->reader, err);
        found = self->reader.start < self->reader.end;
    } else {
        file_naming naming = file_naming_of(self);
        status = file_head_read(&self->reader, &naming, &header, &found, &item, err);
    }
    if (status == MR_REJECT) {
        return file_stream_damaged(&self->reader.stream) ? file_damaged(task, err)
                                                         : refuse(task, &item, err);
    }
    if (status != MR_OK) {
        return status;
    }
    if (!found) { /* nothing there yet */
        return file_ended(task, err);
    }
    return begin_reading(task, &header, &item, first_time, err);
}

static void tell_change(mr_task *task, const file_entry *entry, file_change change,
                        const file_entry *from)
{
    if (change == FILE_REPLACED) {
        mr_task_warn(task,
                     "%s is not the file it was (replaced or truncated); it is read from its "
                     "start as a new one",
                     entry->path);
    } else if (change == FILE_RENAMED) {
        file_state *self = mr_self(task);
        mr_arena *arena = mr_task_arena(task);
        mr_task_info(task, "%s was called %s; reading goes on where it was", entry->path,
                     from->name);
        mr_task_position(task, mr_arena_format(arena, FILE_POSITION_PREFIX "%s", from->name), NULL);
        self->touched = true;
    }
}

/* Opens a file that has something to read and makes it the current one. */
static mr_status enter(mr_task *task, file_entry *entry, mr_error *err)
{
    file_state *self = mr_self(task);
    file_change change;
    file_entry *from;
    int fd;
    mr_status status = file_entry_open(&self->catalog, entry, &fd, &change, &from, err);
    if (status != MR_OK) {
        return status;
    }
    if (change == FILE_GONE) {
        self->next_scan_us = 1; /* now: it may be there under another name */
        return MR_OK;
    }
    tell_change(task, entry, change, from);
    file_reader_expect(&self->reader, file_format_for(self, entry->name));
    file_reader_start(&self->reader, fd);
    self->reader.complete =
        mr_task_once(task) || (entry->complete_at_us && mr_clock_us() >= entry->complete_at_us &&
                               file_look_equal(&entry->now, &entry->done));
    self->current = entry;
    entry->position.damaged = false;
    entry->quiet_at_us = 0;
    if (entry->position.refused) {
        file_leave(task);
        return MR_OK;
    }
    return read_header(task, change == FILE_NEW || change == FILE_REPLACED, err);
}

/* Makes the next file with work the current one, or leaves current NULL: there is none. */
mr_status file_enter_next(mr_task *task, mr_error *err)
{
    file_state *self = mr_self(task);
    file_entry *entry;
    while (!self->current && (entry = file_catalog_next(&self->catalog, mr_clock_us()))) {
        mr_status status = enter(task, entry, err);
        if (status != MR_OK) {
            if (status == MR_FATAL && mr_task_once(task)) {
                err->permanent = true; /* nobody waits for the file to be put right */
            }
            return status;
        }
        if (self->touched) {
            break; /* a poll that only refuses files must end, too */
        }
    }
    return MR_OK;
}

/* A path that matches nothing is more often a mistake than not. */
static void tell_nothing_there(mr_task *task)
{
    const file_state *self = mr_self(task);
    const file_catalog *catalog = &self->catalog;
    bool folder = catalog->kind == FILE_FOLDER;
    for (size_t i = 0; i < catalog->count; i++) {
        if (catalog->entries[i]->present) {
            return;
        }
    }
    const char *name = folder && !catalog->pattern ? "with a name it reads" : catalog->pattern;
    mr_task_warn(task, "there is no file %s%s%s yet%s", folder ? name : catalog->path,
                 folder ? " in " : "", folder ? catalog->path : "",
                 mr_task_once(task) ? "" : "; waiting for one");
}

mr_status file_scan(mr_task *task, mr_error *err)
{
    file_state *self = mr_self(task);
    int64_t now_us = mr_clock_us();
    if (now_us < self->next_scan_us) {
        return MR_OK;
    }
    bool first = self->next_scan_us == 0;
    self->next_scan_us = now_us + self->scan_interval_ms * 1000;
    mr_status status = file_catalog_scan(&self->catalog, err);
    if (status == MR_OK && first) {
        tell_nothing_there(task);
    }
    return status;
}

void file_tell_progress(mr_task *task, bool now)
{
    file_state *self = mr_self(task);
    int64_t now_us = mr_clock_us(), done, total;
    if (now || now_us >= self->next_progress_us) {
        self->next_progress_us = now_us + PROGRESS_INTERVAL_US;
        file_catalog_progress(&self->catalog, &done, &total);
        mr_task_progress(task, done, total);
    }
}

void file_give_back(file_state *self, const file_item *item)
{
    file_reader *reader = &self->reader;
    file_position *p = &self->current->position;
    (reader->stream.packing == FILE_PLAIN ? &p->offset : &p->unpacked)[0] =
        reader->offset - (int64_t)item->input.len;
    p->crc = reader->item_crc;
    p->line = item->line;
    self->current->done.size = -1;
    file_reader_stop(reader);
    file_plan_release(&self->plan);
    self->current = NULL;
}
