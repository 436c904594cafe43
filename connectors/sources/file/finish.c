/* SPDX-License-Identifier: Apache-2.0 */
/* A name that is taken in the folder gets .1, .2 and so on: nothing there is ever replaced. */
#include "finish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "identity.h"

enum { PER_POLL = 256, NAMES_TRIED = 10000 };

const char *const file_finished_choices[] = {"keep", "move", "delete", NULL};

static mr_status cannot(mr_error *err, const char *what, const char *path, const char *to)
{
    int number = errno;
    mr_fail(err, MR_FATAL, MR_DOMAIN_FILE, "finished: cannot %s \"%s\"%s%s%s: %s%s", what, path,
            to ? " to \"" : "", to ? to : "", to ? "\"" : "", strerror(number),
            number == EXDEV ? "; finished.folder must be on the same file system" : "");
    mr_error_code(mr_error_field(err, "finished"), number, "");
    return MR_FATAL;
}

mr_status file_finish_open(file_state *self, mr_error *err)
{
    if (self->finished != FILE_MOVE) {
        return MR_OK;
    }
    if (mkdir(self->finished_folder, 0777) != 0 && errno != EEXIST) {
        return cannot(err, "make the folder", self->finished_folder, NULL);
    }
    self->finished_path = realpath(self->finished_folder, NULL);
    if (!self->finished_path) {
        return cannot(err, "find the folder", self->finished_folder, NULL);
    }
    size_t len = strlen(self->finished_path);
    if (strncmp(self->path, self->finished_path, len) == 0 &&
        (!self->path[len] || self->path[len] == '/')) {
        mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                "finished.folder: \"%s\" holds the files of path; give another folder, which may "
                "lie below it",
                self->finished_folder);
        mr_error_field(err, "finished.folder");
        return MR_FATAL;
    }
    return MR_OK;
}

bool file_finish_gone(const file_state *self, const mr_positions *resume)
{
    struct stat st;
    file_position position;
    file_look done;
    const char *slash = strrchr(self->path, '/');
    mr_auto_free char *name = mr_format(FILE_POSITION_PREFIX "%s", slash ? slash + 1 : self->path);
    const char *stored = mr_positions_get(resume, name);
    return self->finished != FILE_KEEP && stored && stat(self->path, &st) != 0 && errno == ENOENT &&
           file_position_parse(stored, &position, &done) && done.size > 0;
}

/* Has all of it been taken, and is it as it was then? An empty file has yet to become one. */
static bool whole(const file_entry *e)
{
    return e->mine && e->known && !e->position.refused && e->done.size > 0 &&
           e->done.size == e->position.offset;
}

/* Whoever writes it has had time to go on. */
static bool quiet(mr_task *task, file_entry *e)
{
    const file_state *self = mr_self(task);
    if (mr_task_once(task)) {
        return true;
    }
    if (!e->quiet_at_us) {
        e->quiet_at_us = mr_clock_us() + self->complete_after_ms * 1000;
    }
    return self->complete_after_ms && mr_clock_us() >= e->quiet_at_us;
}

/* What was done in the folder of `path` outlives a crash of the machine. */
static bool sync_folder_of(const char *path)
{
    mr_auto_free char *folder = mr_strdup(path);
    char *slash = strrchr(folder, '/');
    if (slash) {
        *(slash == folder ? slash + 1 : slash) = '\0';
    }
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL);
    if (fd >= 0) {
        int number = errno;
        close(fd);
        errno = number;
    }
    return good;
}

/* Moves to a name that is free. false: errno says why; EEXIST: it is not. Where the file system
 * can not do that in one step, a crash between two leaves a second name, which goes the same way.
 */
static bool move_to(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) {
        return true;
    }
    return (errno == EINVAL || errno == ENOSYS) && link(from, to) == 0 && unlink(from) == 0;
}

/* The folders of a name below the one for finished files. */
static bool make_folders(char *path, size_t fixed)
{
    for (char *p = path + fixed; (p = strchr(p, '/')); p++) {
        *p = '\0';
        bool good = mkdir(path, 0777) == 0 || errno == EEXIST;
        *p = '/';
        if (!good) {
            return false;
        }
    }
    return true;
}

static bool looks_done(const char *path, const file_entry *e)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return false;
    }
    file_look look = file_look_of(&st);
    return file_look_equal(&look, &e->done);
}

/* *gone false: it has changed meanwhile, and stays. */
static mr_status put_away(mr_task *task, const file_entry *e, bool *gone, mr_error *err)
{
    const file_state *self = mr_self(task);
    mr_arena *arena = mr_task_arena(task);
    char *base = mr_arena_format(arena, "%s/%s", self->finished_path, e->name), *to = base;
    if (!make_folders(base, strlen(self->finished_path) + 1)) {
        return cannot(err, "make the folder of", base, NULL);
    }
    bool moved = move_to(e->path, to);
    for (int n = 1; !moved && errno == EEXIST && n < NAMES_TRIED; n++) {
        to = mr_arena_format(arena, "%s.%d", base, n);
        moved = move_to(e->path, to);
    }
    if (!moved) {
        return cannot(err, "move", e->path, to);
    }
    *gone = looks_done(to, e) || !move_to(to, e->path);
    if (*gone && !(sync_folder_of(to) && sync_folder_of(e->path))) {
        return cannot(err, "make sure of the folder of", to, NULL);
    }
    if (*gone) {
        mr_task_info(task, "%s: moved to %s", e->path, to);
    }
    return MR_OK;
}

static mr_status delete (mr_task *task, const file_entry *e, mr_error *err)
{
    if (unlink(e->path) != 0 && errno != ENOENT) {
        return cannot(err, "delete", e->path, NULL);
    }
    if (!sync_folder_of(e->path)) {
        return cannot(err, "make sure of the folder of", e->path, NULL);
    }
    mr_task_info(task, "%s: deleted", e->path);
    return MR_OK;
}

static void forget(mr_task *task, file_entry *e)
{
    file_state *self = mr_self(task);
    mr_task_position(task, mr_arena_format(mr_task_arena(task), FILE_POSITION_PREFIX "%s", e->name),
                     NULL);
    e->known = e->present = e->told = false;
    e->position = (file_position){.line = 1};
    e->done = (file_look){0};
    e->set_in = self->transaction;
    e->quiet_at_us = 0;
    self->touched = true;
}

static mr_status finish_one(mr_task *task, file_entry *e, mr_error *err)
{
    const file_state *self = mr_self(task);
    bool gone = true;
    mr_status status =
        self->finished == FILE_MOVE ? put_away(task, e, &gone, err) : delete (task, e, err);
    if (status == MR_OK && gone) {
        forget(task, e);
    } else if (status != MR_OK) {
        err->permanent = mr_task_once(task);
    }
    return status;
}

mr_status file_finish(mr_task *task, bool *waits, mr_error *err)
{
    file_state *self = mr_self(task);
    const int missed_enough = mr_task_once(task) ? 1 : 2; /* one scan may just miss a rename */
    int left = self->finished == FILE_KEEP ? 0 : PER_POLL;
    mr_status status = MR_OK;
    *waits = false;
    for (size_t i = 0; i < self->catalog.count && left && status == MR_OK; i++) {
        file_entry *e = self->catalog.entries[i];
        if (!whole(e)) {
            continue;
        }
        if (e->set_in >= self->transaction) {
            *waits = true;
        } else if (e->present && quiet(task, e) && looks_done(e->path, e)) {
            status = finish_one(task, e, err);
            left--;
        } else if (!e->present && e->missed >= missed_enough) {
            forget(task, e);
            left--;
        }
    }
    return status;
}
