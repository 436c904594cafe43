/* SPDX-License-Identifier: Apache-2.0 */
/* A small ordered map of names to texts. Sets are short (one entry per open file), so look-up is by
 * hash-free scan. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/task.h"

typedef struct entry {
    char *name, *value;
} entry;

struct mr_positions {
    entry *entries;
    size_t count, capacity;
};

mr_positions *mr_positions_new(void)
{
    return mr_calloc(1, sizeof(mr_positions));
}

void mr_positions_clear(mr_positions *positions)
{
    for (size_t i = 0; i < positions->count; i++) {
        free(positions->entries[i].name);
        free(positions->entries[i].value);
    }
    positions->count = 0;
}

void mr_positions_free(mr_positions *positions)
{
    if (positions) {
        mr_positions_clear(positions);
        free(positions->entries);
        free(positions);
    }
}

static entry *find(const mr_positions *positions, const char *name)
{
    for (size_t i = positions->count; i-- > 0;) { /* the last one set is the likeliest */
        if (strcmp(positions->entries[i].name, name) == 0) {
            return &positions->entries[i];
        }
    }
    return NULL;
}

void mr_positions_set(mr_positions *positions, const char *name, const char *value)
{
    entry *e = find(positions, name);
    if (!e) {
        if (positions->count == positions->capacity) {
            positions->capacity = positions->capacity ? positions->capacity * 2 : 8;
            positions->entries =
                mr_realloc_array(positions->entries, positions->capacity, sizeof *e);
        }
        e = &positions->entries[positions->count++];
        *e = (entry){.name = mr_strdup(name)};
    }
    char *copy = value ? mr_strdup(value) : NULL;
    free(e->value);
    e->value = copy;
}

size_t mr_positions_count(const mr_positions *positions)
{
    return positions->count;
}

const char *mr_positions_get(const mr_positions *positions, const char *name)
{
    const entry *e = find(positions, name);
    return e ? e->value : NULL;
}

bool mr_positions_next_change(const mr_positions *positions, size_t *cursor, const char **name,
                              const char **value)
{
    if (*cursor >= positions->count) {
        return false;
    }
    *name = positions->entries[*cursor].name;
    *value = positions->entries[*cursor].value;
    ++*cursor;
    return true;
}

bool mr_positions_next(const mr_positions *positions, size_t *cursor, const char **name,
                       const char **value)
{
    while (mr_positions_next_change(positions, cursor, name, value)) {
        if (*value) {
            return true;
        }
    }
    return false;
}
