/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing with FNV-1a, at most half full. Nothing is ever removed, so no tombstones. */
#include "codec/name_map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { FIRST_CAPACITY = 16 }; /* a power of two, as all capacities are */

void mr_name_map_release(mr_name_map *map)
{
    free(map->slots);
    *map = (mr_name_map){0};
}

static mr_name_slot *find(const mr_name_map *map, const char *name)
{
    uint64_t hash = 14695981039346656037u;
    for (const char *c = name; *c; c++) {
        hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    }
    size_t at = (size_t)(hash ^ hash >> 32);
    for (;; at++) {
        mr_name_slot *slot = &map->slots[at & (map->capacity - 1)];
        if (!slot->name || strcmp(slot->name, name) == 0) {
            return slot;
        }
    }
}

static void grow(mr_name_map *map)
{
    mr_name_map wider = {NULL, map->count, map->capacity ? map->capacity * 2 : FIRST_CAPACITY};
    wider.slots = mr_calloc(wider.capacity, sizeof *wider.slots);
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->slots[i].name) {
            *find(&wider, map->slots[i].name) = map->slots[i];
        }
    }
    free(map->slots);
    *map = wider;
}

bool mr_name_map_put(mr_name_map *map, const char *name, const void *value)
{
    if (map->count * 2 >= map->capacity) {
        grow(map);
    }
    mr_name_slot *slot = find(map, name);
    if (slot->name) {
        return false;
    }
    *slot = (mr_name_slot){name, value};
    map->count++;
    return true;
}

const void *mr_name_map_get(const mr_name_map *map, const char *name)
{
    return map->capacity ? find(map, name)->value : NULL;
}
