/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file source: files of a path, a folder or a glob, record by record. A poll takes what the
 * read buffer holds of one file and sets that file's position, so that records and position travel
 * in one Kafka transaction; a restart reads on at the byte after the last record. Between files the
 * catalog says what is next. There is one schema for all files of the source: given, or inferred
 * from the first one that has data and then kept with the positions, so that it is the same after
 * every restart.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "api/connector.h"
#include "base/arena.h"
#include "base/clock.h"
#include "codec/schema.h"
#include "finish.h"
#include "look.h"
#include "settings.h"
#include "visit.h"

enum {
    POLL_RECORDS = 4096,
    POLL_REJECTS = 128,
    POLL_FILLS = 64, /* reads that yield nothing, inside a line that is skipped */
};

/* --- open and close --- */

static mr_status load_schema(file_state *self, const mr_positions *resume, mr_error *err)
{
    if (self->schema_option) {
        return file_schema_load(self->schema_option, &self->schema, err);
    }
    const char *stored = mr_positions_get(resume, FILE_SCHEMA_POSITION);
    if (!stored) {
        return MR_OK;
    }
    mr_status status = mr_schema_parse(stored, strlen(stored), &self->schema, err);
    if (status != MR_OK) {
        mr_error_prefix(err, "the inferred schema stored with the positions");
    }
    return status;
}

static mr_status open_catalog(file_state *self, const mr_positions *resume, mr_error *err)
{
    file_catalog *catalog = &self->catalog;
    mr_status status = file_finish_open(self, err);
    if (status == MR_OK && file_finish_gone(self, resume)) {
        *catalog = (file_catalog){.path = self->path, .pattern = self->pattern, .kind = FILE_ONE};
    } else if (status == MR_OK) {
        status = file_catalog_init(catalog, self->path, self->pattern, (file_kind)self->kind, err);
    }
    catalog->recursive = self->recursive;
    catalog->exclude = self->exclude;
    catalog->finished_folder = self->finished_path;
    return status;
}

static mr_status open_source(mr_task *task, const mr_positions *resume, mr_error *err)
{
    file_state *self = mr_self(task);
    self->format = file_format_of(self);
    self->opened = true;
    self->next_scan_us = self->next_progress_us = 0;
    self->pending = false;
    self->transaction = 1;
    file_reader_init(&self->reader, &self->format);
    mr_status status = file_texts_of(self, &self->texts, &self->zone, err);
    if (status == MR_OK) {
        status = load_schema(self, resume, err);
    }
    if (status == MR_OK) {
        status = open_catalog(self, resume, err);
        if (err && status != MR_OK) {
            err->permanent = mr_task_once(task);
        }
    }
    if (status == MR_OK) {
        self->catalog.task_index = mr_task_index(task);
        self->catalog.task_count = mr_task_count(task);
        status = file_catalog_restore(&self->catalog, resume, err);
    }
    return status;
}

static void close_source(mr_task *task)
{
    file_state *self = mr_self(task);
    if (!self->opened) {
        return;
    }
    file_plan_release(&self->plan);
    file_avro_release(&self->avro);
    file_json_plan_free(self->json);
    self->json = NULL;
    file_reader_release(&self->reader);
    file_catalog_release(&self->catalog);
    mr_schema_release(self->schema);
    self->schema = NULL;
    file_zone_free(self->zone);
    self->zone = NULL;
    free(self->finished_path);
    self->finished_path = NULL;
    self->current = NULL;
    self->opened = false;
}

/* --- records --- */

static void add_record(mr_batch *out, const mr_cell *value, const file_item *item)
{
    mr_slice line = item->input; /* of Avro none: the cells say all */
    while (line.len && (line.data[line.len - 1] == '\n' || line.data[line.len - 1] == '\r')) {
        line.len--;
    }
    out->records[out->count++] = (mr_record){
        .value = value,
        .raw_value = line,
        .offset = item->line,
        .timestamp_ms = -1,
        .op = MR_OP_CREATE,
    };
}

static mr_status fill(const file_state *self, file_item *item, mr_arena *arena, mr_cell *value,
                      mr_error *why)
{
    if (self->reader.format.kind == FILE_AVRO) {
        return MR_OK; /* decoded already */
    }
    if (self->reader.format.kind == FILE_NDJSON) {
        const file_json_plan *plan = self->schema ? self->json : NULL;
        return file_json_fill(plan, item->input, arena, value, &item->column, why);
    }
    return file_plan_fill(&self->plan, &self->reader.csv, item->input, arena, value, why);
}

/* Takes what one event yields. */
static void take(mr_task *task, mr_batch *out, file_event event, file_item *item, mr_cell *value)
{
    file_state *self = mr_self(task);
    mr_error why;
    if (event == FILE_BAD) {
        mr_fail(&why, MR_REJECT, MR_DOMAIN_RECORD, "%s", item->why);
        file_reject(task, item, &why);
        return;
    }
    if (fill(self, item, out->arena, value, &why) != MR_OK) {
        file_reject(task, item, &why);
        return;
    }
    if (!self->schema) {
        file_give_back(self, item);
        return;
    }
    add_record(out, value, item);
}

static mr_status next(file_state *self, const mr_batch *out, file_event *event, file_item *item,
                      mr_cell *value, mr_error *err)
{
    if (self->reader.format.kind == FILE_AVRO) {
        return file_avro_next(&self->avro, &self->reader, !out->count, out->arena, event, item,
                              value, err);
    }
    *event = file_reader_next(&self->reader, item);
    return MR_OK;
}

/* Takes records of the current file until the buffer is used up. */
static mr_status read_batch(mr_task *task, mr_batch *out, mr_error *err)
{
    file_state *self = mr_self(task);
    file_reader *reader = &self->reader;
    int64_t rejected_before = self->current->position.rejected;
    int fills = POLL_FILLS;
    out->schema = self->schema;
    if (!out->records) {
        out->records = mr_arena_alloc(out->arena, POLL_RECORDS * sizeof *out->records);
    }
    while (self->current && out->count < POLL_RECORDS &&
           self->current->position.rejected - rejected_before < POLL_REJECTS) {
        file_item item;
        file_event event;
        mr_cell *value = mr_arena_alloc(out->arena, sizeof *value);
        mr_status status = next(self, out, &event, &item, value, err);
        if (status == MR_REJECT) { /* told when what came before has been handed over */
            if (out->count || self->touched) {
                break;
            }
            status = file_damaged(task, err);
        } else if (event != FILE_DRY) {
            take(task, out, event, &item, value);
        } else if (out->count || self->touched) {
            break;
        } else if (reader->at_end) {
            status = file_ended(task, err);
        } else if (fills-- > 0) {
            status = file_reader_fill(reader, err);
            status = status == MR_REJECT ? file_damaged(task, err) : status;
        } else {
            break;
        }
        if (status != MR_OK) {
            return status;
        }
    }
    return MR_OK;
}

static void keep_position(mr_task *task, const mr_batch *out)
{
    file_state *self = mr_self(task);
    file_entry *entry = self->current;
    if (!entry) {
        return;
    }
    entry->position.sent += (int64_t)out->count;
    bool packed = self->reader.stream.packing != FILE_PLAIN;
    if (self->reader.line != entry->position.line ||
        self->reader.offset != (packed ? entry->position.unpacked : entry->position.offset)) {
        file_set_position(task, entry);
    }
    file_tell_progress(task, false);
}

static void wait_until(int64_t us)
{
    int64_t left_us = us - mr_clock_us();
    if (left_us > 0) {
        poll(NULL, 0, (int)(left_us / 1000) + 1);
    }
}

static mr_status poll_source(mr_task *task, mr_batch *out, int64_t deadline_us, mr_error *err)
{
    file_state *self = mr_self(task);
    self->touched = false;
    for (;;) {
        mr_status status = file_scan(task, err);
        if (status == MR_OK) {
            status = file_enter_next(task, err);
        }
        if (status != MR_OK) {
            return status;
        }
        if (self->current) {
            status = read_batch(task, out, err);
            keep_position(task, out);
            if (status != MR_OK) {
                return status;
            }
        }
        if (out->count || self->touched) {
            self->pending = true;
            return MR_OK;
        }
        if (self->current) {
            continue;
        }
        if (file_catalog_next(&self->catalog, mr_clock_us()) || self->next_scan_us == 1) {
            continue;
        }
        bool waits;
        status = file_finish(task, &waits, err);
        if (status != MR_OK || self->touched) {
            return status;
        }
        file_tell_progress(task, true);
        if (waits) {
            return MR_IDLE; /* commit now */
        }
        if (mr_task_once(task)) {
            return MR_END;
        }
        if (mr_clock_us() >= deadline_us || mr_task_stopping(task)) {
            return MR_IDLE;
        }
        wait_until(self->next_scan_us < deadline_us ? self->next_scan_us : deadline_us);
    }
}

/* --- what users see --- */

static const char *const kinds[] = {"auto", "csv", "ndjson", "avro", NULL};

#define CSV_ONLY "format=auto,csv"

static const mr_option options[] = {
    MR_TEXT("path", file_state, path, NULL, MR_OPT_REQUIRED | MR_OPT_PATH,
            "What to read: a file, a folder (its files that match `pattern`), or a glob such as "
            "/data/*/trips-*.csv in quotes."),
    MR_TEXT("pattern", file_state, pattern, NULL, 0,
            "Which files of a folder to read, as a glob over their names. Without it: those whose "
            "names say that they are of the `format`. Files that are still being written are best "
            "given another name first, then renamed."),
    MR_CHOICE("format", file_state, kind, "auto", kinds, 0,
              "What the files hold: csv, ndjson (a JSON object per line), avro (object container "
              "files), or auto: what the name says, csv if it says nothing. .csv and .tsv are csv; "
              ".ndjson, .jsonl and .json ndjson; .avro is avro. Each may have .gz or .zst after "
              "it, and is unpacked then."),
    MR_BOOLEAN("recursive", file_state, recursive, "false", 0,
               "Reads the folders below a folder too, up to 32 deep. Those that start with a dot "
               "or are symbolic links are left out."),
    MR_LIST("exclude", file_state, exclude, NULL, 0,
            "Files and folders not to read, as globs over their names below the folder and over "
            "the last part of them: *.tmp.csv, archive, 2018/*."),
    MR_CHOICE("finished", file_state, finished, "keep", file_finished_choices, 0,
              "What becomes of a file that was read to its end, once that is durable in Kafka. "
              "keep: nothing. move: to finished.folder. delete: it is deleted. Without --once a "
              "file has to be unchanged for complete.after.ms first. What is not there any more is "
              "forgotten: the same file put there again is read again."),
    MR_TEXT("finished.folder", file_state, finished_folder, NULL, MR_OPT_PATH,
            "Where finished files are moved to, on the same file system. Made when it is missing. "
            "A name that is taken gets .1, .2 and so on.",
            "finished=move"),
    MR_TEXT("schema", file_state, schema_option, NULL, MR_OPT_PATH,
            "The Avro record schema of the records: a file (.avsc) or JSON text. Columns and "
            "members are matched to fields by name. Without it the schema is inferred from the "
            "first file that "
            "has data, and kept."),
    MR_TEXT("record.name", file_state, record_name, "Record", 0,
            "Name of an inferred schema's record, with a namespace if wanted: taxi.Trip.",
            "!schema format!=avro"),
    MR_TEXT("delimiter", file_state, delimiter, NULL, 0,
            "What stands between fields of CSV: one ASCII character, or tab. Without it: a comma, "
            "in files whose names end in .tsv a tab.",
            CSV_ONLY),
    MR_TEXT("quote", file_state, quote, "\"", 0,
            "What fields that hold a delimiter or a newline stand in: one ASCII character, or none "
            "(a quote is data then).",
            CSV_ONLY),
    MR_TEXT("escape", file_state, escape, NULL, 0,
            "What stands in quotes before a quote, or before itself, that is data, such as \\. "
            "Default: the quote is doubled.",
            CSV_ONLY),
    MR_TEXT("comment", file_state, comment, NULL, 0,
            "Lines that start with this text are left out, also before the header: #.", CSV_ONLY),
    MR_BOOLEAN("header", file_state, header, "true", 0,
               "Is the first line the names of the columns? false: they are those of `columns`, "
               "else the schema's fields in their order, else column_1, column_2 and so on.",
               CSV_ONLY),
    MR_LIST("columns", file_state, columns, NULL, 0,
            "Names of the columns of files without a header, in their order.",
            "header=false " CSV_ONLY),
    MR_TEXT("null.text", file_state, null_text, "", 0,
            "The text that means null in a nullable column when it is not in quotes: empty, NA, "
            "\\N. In columns that are not text an empty field is always null.",
            CSV_ONLY),
    MR_LIST("null.texts", file_state, null_texts, NULL, 0,
            "More texts that mean null, beside null.text: NA, N/A, -.", CSV_ONLY),
    MR_LIST("time.formats", file_state, time_formats, NULL, 0,
            "How dates and times are written, tried in this order, in the letters of strptime: "
            "%m/%d/%Y %I:%M:%S %p. %f is a fraction, %z a zone. iso stands for ISO 8601, which is "
            "taken alone without this option. A format with a comma needs the JSON array of a "
            "pipeline file.",
            "format!=avro"),
    MR_TEXT("time.zone", file_state, time_zone, NULL, 0,
            "Zone of times that say none: America/New_York, UTC, +01:00. Columns without a schema "
            "become timestamps in UTC then. Default: UTC where the schema says timestamp, else as "
            "on the wall clock.",
            "format!=avro"),
    MR_SIZE("line.max.bytes", file_state, line_max_bytes, "16MiB", 1024, 256 << 20, 0,
            "Longest record. A longer one goes to the dead letters with its first bytes, and "
            "reading goes on at the next line. Memory grows to twice this much at most."),
    MR_SIZE("infer.bytes", file_state, infer_bytes, "4MiB", 1, INT64_MAX, 0,
            "How much of the first file is looked at to infer the schema. A later value that does "
            "not fit goes to the dead letters: look at more, or give a schema.",
            "!schema format!=avro"),
    MR_TIME("scan.interval.ms", file_state, scan_interval_ms, "1s", 10, 86400000, 0,
            "How often to look for new files and new lines. Without --once."),
    MR_TIME("complete.after.ms", file_state, complete_after_ms, "1m", 0, 86400000, 0,
            "A last line that has no newline (or an open quote) is waited for until the file has "
            "not changed for this long; then it is taken as it is. 0: wait for ever. With --once "
            "it is taken at once."),
    MR_OPTIONS_END,
};

static void acked(mr_task *task)
{
    file_state *self = mr_self(task);
    self->transaction++;
    self->pending = false;
}

static const mr_source operations = {
    .open = open_source, .poll = poll_source, .acked = acked, .close = close_source};

extern const mr_connector mr_file_source;
const mr_connector mr_file_source = {
    .name = "file",
    .summary = "Reads CSV, NDJSON and Avro files, a folder of them, or what is added to them",
    .help =
        "Reads CSV files with a header line, files of a JSON object per line and Avro container "
        "files, and sends one record per line or record. It goes on reading what "
        "is added to files and which files are added to a folder; with --once it reads what is "
        "there and ends.\n\n"
        "  millrace file --path trips/ --topic taxi_trips --once\n\n"
        "CSV: fields may be in quotes (\"\" stands for a quote) and hold newlines; lines end in LF "
        "or CRLF; a byte order mark and empty lines are skipped. Header titles become Avro names "
        "([^A-Za-z0-9_] to _).\n\n"
        "Files that end in .gz or .zst are unpacked as they are read; NDJSON, Avro and packed "
        "files: "
        "docs/files.md.\n\n"
        "How far each file has been read is stored in Kafka, in the same transaction as its "
        "records: after a crash reading goes on at the byte after the last record, with nothing "
        "lost or doubled. A file that was read is not read again, also under another name in the "
        "same folder; lines added to it are. A file that was replaced or cut is read from its "
        "start.\n\n"
        "A line that can not become a record (fields missing, a value that does not fit its type, "
        "bytes that are not UTF-8, a quote that is never closed) goes to the dead-letter topic "
        "with file and line number; the rest goes on. With tasks.max above 1 the files are shared "
        "among the tasks.",
    .state_size = sizeof(file_state),
    .options = options,
    .check = file_settings_check,
    .source = &operations,
    .look = file_look_at,
};
