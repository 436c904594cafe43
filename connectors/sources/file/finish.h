/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of files that were read to their end: kept, moved away, or deleted.
 *
 * Order    The position of the whole file is durable in Kafka; then the file goes, and its folder
 *          is on disk; then the position is taken out. After a crash between any two of these the
 *          next start finds either a finished file, which goes now, or the position of a file that
 *          is not there, which is taken out. Nothing is read twice, and no file goes unread.
 */
#ifndef MR_FILE_FINISH_H
#define MR_FILE_FINISH_H

#include "visit.h"

enum { FILE_KEEP, FILE_MOVE, FILE_DELETE };
extern const char *const file_finished_choices[];

/* Makes the folder for finished files and says so to the catalog. MR_FATAL: it can not be. */
MR_CHECKED mr_status file_finish_open(file_state *self, mr_error *err);

/* A path that is one file, and is not there because it was finished just before a crash. */
bool file_finish_gone(const file_state *self, const mr_positions *resume);

/* Deals with files that can go now; when no other file has work. *waits: there are some whose
 * position is not durable yet. */
MR_CHECKED mr_status file_finish(mr_task *task, bool *waits, mr_error *err);

#endif
