/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names, times and inodes all change for reasons that leave the content alone (a restored backup, a
 * copy to another disk), and stay when it changes (a file written over). So content decides: the
 * first 4 KiB and the last 256 bytes that were read. The inode only finds candidates for renames.
 */
#include "identity.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "codec/schema.h"

enum { HEAD_BYTES = 4096, TAIL_BYTES = 256, NS_PER_SECOND = 1000000000 };

file_look file_look_of(const struct stat *st)
{
    return (file_look){
        .size = st->st_size,
        .mtime_ns = (int64_t)st->st_mtim.tv_sec * NS_PER_SECOND + st->st_mtim.tv_nsec,
        .device = st->st_dev,
        .inode = st->st_ino,
    };
}

bool file_look_same_file(const file_look *a, const file_look *b)
{
    return a->inode == b->inode && a->device == b->device;
}

bool file_look_equal(const file_look *a, const file_look *b)
{
    return a->size == b->size && a->mtime_ns == b->mtime_ns && a->device == b->device &&
           a->inode == b->inode;
}

/* Fingerprint (the CRC-64 that schemas have) of len bytes at an offset; false: they are not there.
 */
static bool fingerprint(int fd, int64_t offset, int64_t len, uint64_t *ret)
{
    char bytes[HEAD_BYTES];
    if (offset < 0 || len < 0 || len > HEAD_BYTES) {
        return false;
    }
    int64_t have = 0;
    while (have < len) {
        ssize_t got = pread(fd, bytes + have, (size_t)(len - have), offset + have);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        have += got;
    }
    *ret = mr_fingerprint(bytes, (size_t)len);
    return true;
}

bool file_position_fits(file_position *p, int fd, file_packing packing, int64_t size)
{
    uint64_t head, tail;
    if (size >= p->offset && fingerprint(fd, 0, p->head_bytes, &head) && head == p->head &&
        fingerprint(fd, p->offset - p->tail_bytes, p->tail_bytes, &tail) && tail == p->tail) {
        return true;
    }
    if (packing == FILE_PLAIN || p->refused ||
        !file_packed_begins(fd, packing, p->unpacked, p->crc)) {
        return false;
    }
    p->head_bytes = -1; /* another packing of the same text: to be looked at anew */
    return true;
}

/* Asked of the disk: a name may have passed on since, or while, the folder was listed. */
static bool is_at(const char *path, const file_look *look)
{
    struct stat st;
    return path && stat(path, &st) == 0 && (uint64_t)st.st_ino == look->inode &&
           (uint64_t)st.st_dev == look->device;
}

/* The known entry of which `entry`, opened as fd, is the renamed file; NULL: none. Another file may
 * have the old name by now. */
static file_entry *renamed_from(const file_catalog *catalog, const file_entry *entry, int fd)
{
    file_packing packing = file_packing_of(entry->name);
    for (size_t i = 0; i < catalog->count; i++) {
        file_entry *old = catalog->entries[i];
        if (old != entry && old->known && file_look_same_file(&old->done, &entry->now) &&
            !is_at(old->path, &entry->now) && file_packing_of(old->name) == packing &&
            file_position_fits(&old->position, fd, packing, entry->now.size)) {
            return old;
        }
    }
    return NULL;
}

static file_change settle_position(file_catalog *catalog, file_entry *entry, int fd,
                                   file_entry **from)
{
    if (entry->known) {
        if (file_position_fits(&entry->position, fd, file_packing_of(entry->name),
                               entry->now.size)) {
            return FILE_SAME;
        }
        entry->position = (file_position){.line = 1};
        entry->told = false;
        return FILE_REPLACED;
    }
    *from = renamed_from(catalog, entry, fd);
    entry->known = true;
    if (*from) {
        entry->position = (*from)->position;
        entry->told = (*from)->told;
        (*from)->known = false;
        return FILE_RENAMED;
    }
    entry->position = (file_position){.line = 1};
    return FILE_NEW;
}

mr_status file_entry_open(file_catalog *catalog, file_entry *entry, int *fd, file_change *change,
                          file_entry **from, mr_error *err)
{
    struct stat st;
    *fd = open(entry->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    *from = NULL;
    if (*fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        entry->present = false;
        *change = FILE_GONE;
        return MR_OK;
    }
    if (*fd < 0 || fstat(*fd, &st) != 0) {
        int number = errno;
        if (*fd >= 0) {
            close(*fd);
            *fd = -1;
        }
        mr_fail(err, MR_FATAL, MR_DOMAIN_FILE, "cannot read \"%s\": %s", entry->path,
                strerror(number));
        mr_error_code(err, number, "");
        return MR_FATAL;
    }
    file_look look = file_look_of(&st);
    if (entry->known && !entry->swapped && !file_look_same_file(&look, &entry->done) &&
        !file_position_fits(&entry->position, *fd, file_packing_of(entry->name), look.size)) {
        close(*fd);
        *fd = -1;
        entry->present = false;
        entry->swapped = true;
        *change = FILE_GONE;
        return MR_OK;
    }
    entry->swapped = false;
    entry->now = look;
    *change = settle_position(catalog, entry, *fd, from);
    return MR_OK;
}

bool file_entry_settle(file_entry *entry, int fd, int64_t read_to)
{
    struct stat st;
    if (fstat(fd, &st) == 0) {
        entry->now = file_look_of(&st);
    }
    entry->done = entry->now;
    if (entry->position.damaged) {
        return true;
    }
    if (entry->now.size != read_to) {
        entry->done.size = -1;
    }
    return entry->done.size == entry->position.offset;
}

void file_entry_position(file_entry *entry, int fd, char out[FILE_POSITION_ROOM])
{
    file_position *p = &entry->position;
    int64_t head = p->offset < HEAD_BYTES ? p->offset : HEAD_BYTES;
    if (p->head_bytes != head && fingerprint(fd, 0, head, &p->head)) {
        p->head_bytes = head;
    }
    int64_t tail = p->offset < TAIL_BYTES ? p->offset : TAIL_BYTES;
    p->tail_bytes = fingerprint(fd, p->offset - tail, tail, &p->tail) ? tail : 0;
    if (!p->tail_bytes) {
        p->tail = mr_fingerprint("", 0);
    }
    bool done =
        (p->offset == entry->done.size || p->damaged) && file_look_equal(&entry->now, &entry->done);
    char packed[64] = "", item[40] = "";
    if (p->item) {
        snprintf(item, sizeof item, ",\"item\":%" PRId64, p->item);
    }
    if (file_packing_of(entry->name) != FILE_PLAIN) {
        snprintf(packed, sizeof packed, ",\"unpacked\":%" PRId64 ",\"crc\":%" PRIu32, p->unpacked,
                 p->crc);
    }
    snprintf(out, FILE_POSITION_ROOM,
             "{\"offset\":%" PRId64 ",\"line\":%" PRId64 ",\"done\":%s,\"sent\":%" PRId64
             ",\"rejected\":%" PRId64 ",\"size\":%" PRId64 ",\"mtime_ns\":%" PRId64
             ",\"device\":%" PRId64 ",\"inode\":%" PRId64 ",\"head\":\"%016" PRIx64
             "\",\"head_bytes\":%" PRId64 ",\"tail\":\"%016" PRIx64 "\",\"tail_bytes\":%" PRId64
             "%s%s%s%s%s}",
             p->offset, p->line, done ? "true" : "false", p->sent, p->rejected, entry->now.size,
             entry->now.mtime_ns, (int64_t)entry->now.device, (int64_t)entry->now.inode, p->head,
             p->head_bytes, p->tail, p->tail_bytes, packed, item,
             p->skipping ? ",\"skipping\":true" : "", p->refused ? ",\"refused\":true" : "",
             p->damaged ? ",\"damaged\":true" : "");
}

bool file_position_parse(const char *text, file_position *position, file_look *done)
{
    json_auto_t *root = json_loads(text, 0, NULL);
    json_int_t offset, line, sent, rejected, size, mtime, device, inode, head_bytes, tail_bytes;
    json_int_t unpacked = 0, crc = 0, item = 0;
    const char *head, *tail;
    int finished, skipping = 0, refused = 0, damaged = 0;
    if (!root ||
        json_unpack(root,
                    "{s:I, s:I, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:I, s:s, s:I, "
                    "s?b, s?b, s?b, s?I, s?I, s?I}",
                    "offset", &offset, "line", &line, "done", &finished, "sent", &sent, "rejected",
                    &rejected, "size", &size, "mtime_ns", &mtime, "device", &device, "inode",
                    &inode, "head", &head, "head_bytes", &head_bytes, "tail", &tail, "tail_bytes",
                    &tail_bytes, "skipping", &skipping, "refused", &refused, "damaged", &damaged,
                    "unpacked", &unpacked, "crc", &crc, "item", &item) != 0) {
        return false;
    }
    if (offset < 0 || line < 1 || head_bytes > offset || tail_bytes > offset || unpacked < 0 ||
        item < 0) {
        return false;
    }
    *position = (file_position){
        .offset = offset,
        .line = line,
        .sent = sent,
        .rejected = rejected,
        .skipping = skipping,
        .refused = refused,
        .damaged = damaged,
        .unpacked = unpacked,
        .crc = (uint32_t)crc,
        .item = item,
        .head = strtoull(head, NULL, 16),
        .tail = strtoull(tail, NULL, 16),
        .head_bytes = head_bytes,
        .tail_bytes = tail_bytes,
    };
    /* A file that was not finished must be opened even if it has not changed since: its size is
     * remembered for nothing then. */
    *done = (file_look){.size = finished ? size : -1,
                        .mtime_ns = mtime,
                        .device = (uint64_t)device,
                        .inode = (uint64_t)inode};
    return true;
}
