/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of files, sorted by name, and which of them need work (scan.c looks what is there). A
 * file needs work when it does not look (size, time, inode) as it did when everything in it had
 * been dealt with, so that a folder of thousands of finished files costs one stat() each per scan
 * and nothing else.
 */
#include "catalog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "identity.h"

mr_status file_catalog_init(file_catalog *catalog, const char *path, const char *pattern,
                            file_kind wanted, mr_error *err)
{
    struct stat st;
    *catalog = (file_catalog){.path = path, .pattern = pattern, .wanted = wanted, .task_count = 1};
    if (stat(path, &st) != 0) {
        if (strpbrk(path, "*?[")) {
            catalog->kind = FILE_GLOB;
            return MR_OK;
        }
        int number = errno;
        mr_fail(err, MR_FATAL, MR_DOMAIN_FILE,
                "path: \"%s\": %s. Give a file, a folder, or a glob (with * or ?) that exists here",
                path, strerror(number));
        mr_error_code(mr_error_field(err, "path"), number, "");
        return MR_FATAL;
    }
    if (S_ISDIR(st.st_mode)) {
        catalog->kind = FILE_FOLDER;
    } else if (S_ISREG(st.st_mode)) {
        catalog->kind = FILE_ONE;
    } else {
        mr_fail(err, MR_FATAL, MR_DOMAIN_FILE,
                "path: \"%s\" is neither a regular file nor a folder; positions need one that can "
                "be read again",
                path);
        mr_error_field(err, "path");
        return MR_FATAL;
    }
    return MR_OK;
}

static void free_entry(file_entry *entry)
{
    free(entry->name);
    free(entry->path);
    free(entry);
}

void file_catalog_release(file_catalog *catalog)
{
    for (size_t i = 0; i < catalog->count; i++) {
        free_entry(catalog->entries[i]);
    }
    free(catalog->entries);
    *catalog = (file_catalog){0};
}

/* Index of the first entry whose name is not before `name`. */
static size_t place_of(const file_catalog *catalog, const char *name)
{
    size_t low = 0, high = catalog->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(catalog->entries[middle]->name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* FNV-1a: the same on every machine and in every process that shares the files. */
static bool belongs_here(const file_catalog *catalog, const char *name)
{
    uint32_t hash = 2166136261u;
    for (const char *p = name; *p; p++) {
        hash = (hash ^ (unsigned char)*p) * 16777619u;
    }
    return (int)(hash % (uint32_t)catalog->task_count) == catalog->task_index;
}

file_entry *file_catalog_entry(file_catalog *catalog, const char *name)
{
    size_t at = place_of(catalog, name);
    if (at < catalog->count && strcmp(catalog->entries[at]->name, name) == 0) {
        return catalog->entries[at];
    }
    if (catalog->count == catalog->capacity) {
        catalog->capacity = catalog->capacity ? catalog->capacity * 2 : 16;
        catalog->entries =
            mr_realloc_array(catalog->entries, catalog->capacity, sizeof *catalog->entries);
    }
    memmove(&catalog->entries[at + 1], &catalog->entries[at],
            (catalog->count - at) * sizeof *catalog->entries);
    file_entry *entry = mr_calloc(1, sizeof *entry);
    entry->name = mr_strdup(name);
    entry->mine = belongs_here(catalog, name);
    catalog->entries[at] = entry;
    catalog->count++;
    return entry;
}

mr_status file_catalog_restore(file_catalog *catalog, const mr_positions *positions, mr_error *err)
{
    const size_t prefix = strlen(FILE_POSITION_PREFIX);
    const char *name, *value;
    size_t cursor = 0;
    while (mr_positions_next(positions, &cursor, &name, &value)) {
        if (strncmp(name, FILE_POSITION_PREFIX, prefix) == 0) {
            file_entry *entry = file_catalog_entry(catalog, name + prefix);
            if (!file_position_parse(value, &entry->position, &entry->done)) {
                return mr_fail(err, MR_FATAL, MR_DOMAIN_FILE,
                               "the stored position of \"%s\" is not one of this connector: %s",
                               name, value);
            }
            entry->known = true;
        }
    }
    return MR_OK;
}

/* Where a file went whose name another one has now; NULL: no new name is known. It is to be dealt
 * with first, while its position is still that of the old name. */
static file_entry *moved_to(const file_catalog *catalog, const file_entry *entry)
{
    if (!entry->known || file_look_same_file(&entry->now, &entry->done)) {
        return NULL;
    }
    for (size_t i = 0; i < catalog->count; i++) {
        file_entry *other = catalog->entries[i];
        if (other->present && other->mine && !other->known &&
            file_look_same_file(&other->now, &entry->done)) {
            return other;
        }
    }
    return NULL;
}

file_entry *file_catalog_next(file_catalog *catalog, int64_t now_us)
{
    for (size_t step = 0; step < catalog->count; step++) {
        size_t i = (catalog->cursor + step) % catalog->count;
        file_entry *entry = catalog->entries[i];
        bool waited = entry->complete_at_us && now_us >= entry->complete_at_us;
        if (entry->present && entry->mine &&
            (!entry->known || waited || !file_look_equal(&entry->now, &entry->done))) {
            catalog->cursor = i;
            file_entry *first = moved_to(catalog, entry);
            return first ? first : entry;
        }
    }
    catalog->cursor = 0;
    return NULL;
}

void file_catalog_progress(const file_catalog *catalog, int64_t *done_bytes, int64_t *total_bytes)
{
    *done_bytes = *total_bytes = 0;
    for (size_t i = 0; i < catalog->count; i++) {
        const file_entry *entry = catalog->entries[i];
        if (entry->present && entry->mine) {
            int64_t offset = entry->known ? entry->position.offset : 0;
            *total_bytes += entry->now.size > offset ? entry->now.size : offset;
            *done_bytes += offset;
        }
    }
}
