/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a source: which there are, how far each has been read, and whether a file is still
 * the one it was.
 *
 * Name       A file is known by its name: relative to the folder (or to the fixed part of a glob),
 *            or its last part when the path is one file. So positions survive a move of the folder.
 * Identity   A position remembers fingerprints of the first HEAD_BYTES and of the bytes before the
 *            offset. When both are unchanged the file is the same one, perhaps longer, and reading
 *            goes on; otherwise it was replaced or truncated and is read from its start. Of a
 *            packed file the packed bytes are looked at first; when they differ, it is still the
 *            same if it unpacks to the same text up to the position (it was packed again).
 * Offsets    Of a packed file a position has two: in the text, where records end, and in the file,
 *            which its size is compared with. Bytes that are only partly dealt with do not count,
 *            so that the latter reaches the size when all of it has been dealt with.
 * Renaming   A file under a new name with the device and inode of one that is gone, and the same
 *            fingerprints, is that one: its position moves, also when a new file has the old name
 *            by now. A copy is a file of its own.
 */
#ifndef MR_FILE_CATALOG_H
#define MR_FILE_CATALOG_H

#include <sys/stat.h>

#include "api/connector.h"
#include "format.h"

/* What stat() says that matters here. */
typedef struct file_look {
    int64_t size, mtime_ns;
    uint64_t device, inode;
} file_look;

typedef struct file_position {
    int64_t offset; /* bytes of the file that have been dealt with */
    int64_t line;
    int64_t unpacked; /* packed files: where in the unpacked text, and the CRC-32 up to there */
    uint32_t crc;
    int64_t item; /* Avro: records that were taken of the block which starts there */
    int64_t sent, rejected;
    bool skipping; /* the offset lies inside a line that is too long */
    bool refused;  /* its header is of no use: nothing of it is read */
    bool damaged;  /* what follows can not be unpacked, and that was told */
    uint64_t head, tail;
    int64_t head_bytes, tail_bytes;
} file_position;

typedef struct file_entry {
    char *name, *path;
    bool present; /* at the last scan */
    bool mine;    /* belongs to this task */
    bool known;   /* `position` means something */
    bool told;    /* its end was reported */
    bool swapped; /* another file had its name when it was opened; the one it was may have a name
                     that only the next scan shows. Asked once: there are inodes that change */
    file_look now;
    file_look done; /* what the file looked like when everything in it had been dealt with */
    file_position position;
    int missed;             /* scans in a row at which it was not there */
    int64_t set_in;         /* the transaction that its position was set in last */
    int64_t quiet_at_us;    /* finish.c: it may go from then on; 0: not known yet */
    int64_t complete_at_us; /* an unfinished last record counts as finished from then on; 0: none */
} file_entry;

typedef struct file_catalog {
    const char *path, *pattern;
    file_kind wanted;
    enum { FILE_ONE, FILE_FOLDER, FILE_GLOB } kind;
    /* set after file_catalog_init() */
    bool recursive;              /* also the folders below */
    mr_list exclude;             /* globs over names and their last parts */
    const char *finished_folder; /* what lies in it does not count; NULL: none */
    int task_index, task_count;
    file_entry **entries; /* sorted by name */
    size_t count, capacity;
    size_t cursor; /* where file_catalog_next() was: what is before it has no work */
} file_catalog;

/* Finds out what `path` is. Of a folder, files that match the pattern are taken; without one
 * (NULL) those whose names are known for `wanted`. A missing file or folder: MR_FATAL. The texts
 * are borrowed. */
MR_CHECKED mr_status file_catalog_init(file_catalog *catalog, const char *path, const char *pattern,
                                       file_kind wanted, mr_error *err);
void file_catalog_release(file_catalog *catalog);

/* Takes over the positions of all tasks. */
MR_CHECKED mr_status file_catalog_restore(file_catalog *catalog, const mr_positions *positions,
                                          mr_error *err);

/* Looks which files there are now (scan.c). */
MR_CHECKED mr_status file_catalog_scan(file_catalog *catalog, mr_error *err);

/* The entry of that name, made when there is none. */
file_entry *file_catalog_entry(file_catalog *catalog, const char *name);

/* The next of this task's files that has something to read (or to look at again), in the order of
 * their names; NULL: none. */
file_entry *file_catalog_next(file_catalog *catalog, int64_t now_us);

/* Bytes read and to be read of the files that are there and belong to this task. */
void file_catalog_progress(const file_catalog *catalog, int64_t *done_bytes, int64_t *total_bytes);

typedef enum file_change {
    FILE_SAME,     /* go on at entry->position */
    FILE_NEW,      /* from the start */
    FILE_REPLACED, /* from the start: it is another file, or was cut */
    FILE_RENAMED,  /* go on: the position was taken over; the entry it had is *from */
    FILE_GONE,     /* it does not exist any more, or another one has its name: scan again */
} file_change;

/* Opens the entry's file and settles entry->position. *fd is -1 when FILE_GONE. */
MR_CHECKED mr_status file_entry_open(file_catalog *catalog, file_entry *entry, int *fd,
                                     file_change *change, file_entry **from, mr_error *err);

/* The entry has been read up to entry->position: brings its fingerprints up to date, from the open
 * file, and writes the position as JSON text to out. */
enum { FILE_POSITION_ROOM = 700 };
void file_entry_position(file_entry *entry, int fd, char out[FILE_POSITION_ROOM]);

/* The open file was read up to `read_to`. Unless it has grown (or shrunk) meanwhile, it needs no
 * more work until it changes. true: nothing of it is left behind the position. */
bool file_entry_settle(file_entry *entry, int fd, int64_t read_to);

/* "file:<name>": what an entry's position is called. */
#define FILE_POSITION_PREFIX "file:"

#endif
