/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a file source, and the way from file to file (visit.c). Functions are for poll(), on
 * the task's thread; what they fail with is what poll() returns. */
#ifndef MR_FILE_VISIT_H
#define MR_FILE_VISIT_H

#include "api/connector.h"
#include "avro_file.h"
#include "catalog.h"
#include "ndjson.h"
#include "plan.h"
#include "reader.h"

/* The inferred schema's place among the positions. */
#define FILE_SCHEMA_POSITION "schema"

typedef struct file_state {
    /* options */
    const char *path, *pattern, *schema_option, *record_name, *delimiter, *null_text;
    int kind; /* file_kind */
    const char *quote, *escape, *comment, *time_zone;
    mr_list null_texts, columns, time_formats;
    bool header, recursive;
    mr_list exclude;
    int finished;
    const char *finished_folder;
    int64_t line_max_bytes, infer_bytes, scan_interval_ms, complete_after_ms;
    /* from open() to close() */
    bool opened;
    file_format format;
    file_texts texts;
    file_zone *zone;         /* NULL: none is given */
    char *finished_path;     /* of finished.folder */
    int64_t transaction;     /* number of the open one, from 1 */
    const mr_schema *schema; /* NULL: not known yet */
    file_catalog catalog;
    file_reader reader;
    file_plan plan;       /* of `current`, when it is CSV */
    file_avro avro;       /* `current`, when it is that */
    file_json_plan *json; /* for NDJSON; NULL: not needed yet */
    file_entry *current;  /* NULL: between files */
    int64_t next_scan_us, next_progress_us;
    bool touched; /* this poll has set a position or rejected something */
    bool pending; /* something was handed over that is not durable yet */
} file_state;

/* Looks which files there are, when it is time to. */
MR_CHECKED mr_status file_scan(mr_task *task, mr_error *err);

/* Tells the progress, now or when it is time to. */
void file_tell_progress(mr_task *task, bool now);

/* Makes the next file that has work the current one: opened, header read, at its position. current
 * stays NULL when there is none (or when this poll has something to hand over first). */
MR_CHECKED mr_status file_enter_next(mr_task *task, mr_error *err);

/* Everything there is of the current file has been taken: closes it. */
void file_leave(mr_task *task);

/* What follows in the current file can not be read, for the reason in *err: what came before stays.
 * In a folder this goes to the dead letters and the other files go on; a single file is all there
 * is, so it ends the run: MR_FATAL, or MR_IDLE while what came before is not durable yet. */
MR_CHECKED mr_status file_damaged(mr_task *task, mr_error *err);

/* The end of the current file was reached: it is left; or it is damaged, since it ends too early
 * and nothing more will be written. */
MR_CHECKED mr_status file_ended(mr_task *task, mr_error *err);

/* A good line while there is no schema yet: the file has grown since its sample was taken. The line
 * is given back, and the file will be entered again. */
void file_give_back(file_state *self, const file_item *item);

/* The current file has been taken up to where the reader stands. */
void file_set_position(mr_task *task, file_entry *entry);

/* A line of the current file becomes a dead letter. */
void file_reject(mr_task *task, const file_item *item, const mr_error *why);

#endif
