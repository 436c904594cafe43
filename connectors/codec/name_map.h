/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A map from names to pointers for the schema code: so that a schema with ten thousand names is not
 * compared name by name. Private to codec/. Names and values are borrowed; not thread-safe.
 */
#ifndef MR_CODEC_NAME_MAP_H
#define MR_CODEC_NAME_MAP_H

#include <stdbool.h>
#include <stddef.h>

typedef struct mr_name_slot {
    const char *name; /* NULL: free */
    const void *value;
} mr_name_slot;

typedef struct mr_name_map {
    mr_name_slot *slots; /* zeroed is an empty map */
    size_t count, capacity;
} mr_name_map;

void mr_name_map_release(mr_name_map *map);
/* false, and nothing changed, when the name is there already. value is not NULL. */
bool mr_name_map_put(mr_name_map *map, const char *name, const void *value);
/* NULL: none. */
const void *mr_name_map_get(const mr_name_map *map, const char *name);

#endif
