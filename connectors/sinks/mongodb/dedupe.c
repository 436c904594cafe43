/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last write of a key, in key order: each key is written once per epoch, so the order among
 * the writes that remain does not matter, and neighbours in the index are touched together.
 */
#include <stdlib.h>

#include "sinks/mongodb/mongodb.h"

static int compare_keys(const mdb_item *a, const mdb_item *b)
{
    if (a->prefix != b->prefix) {
        return a->prefix < b->prefix ? -1 : 1;
    }
    return mdb_key_compare(&a->key, &b->key);
}

static int compare_items(const void *left, const void *right)
{
    const mdb_item *a = left;
    const mdb_item *b = right;
    int order = compare_keys(a, b);
    return order ? order : (a->place > b->place) - (a->place < b->place);
}

static uint64_t prefix_of(const mdb_key *key)
{
    uint64_t prefix = 0;
    size_t len = key->order.len < sizeof prefix ? key->order.len : sizeof prefix;
    if (len) {
        memcpy(&prefix, key->order.data, len);
    }
    return be64toh(prefix);
}

void mdb_dedupe(mdb_target *target)
{
    mdb_item *items = target->items;
    size_t kept = 0;
    for (size_t i = 0; i < target->item_count; i++) {
        items[i].prefix = prefix_of(&items[i].key);
    }
    if (target->item_count) {
        qsort(items, target->item_count, sizeof *items, compare_items);
    }
    for (size_t i = 0; i < target->item_count; i++) {
        if (i + 1 == target->item_count || compare_keys(&items[i], &items[i + 1])) {
            items[kept++] = items[i];
        }
    }
    target->item_count = kept;
}

static int compare_places(const void *left, const void *right)
{
    const mdb_item *a = left;
    const mdb_item *b = right;
    return (a->place > b->place) - (a->place < b->place);
}

void mdb_order_by_arrival(mdb_target *target)
{
    if (target->item_count) {
        qsort(target->items, target->item_count, sizeof *target->items, compare_places);
    }
}

static int compare_for_search(const void *key, const void *item)
{
    return compare_keys(key, item);
}

mdb_item *mdb_find_item(mdb_item *items, size_t count, const mdb_key *key)
{
    mdb_item wanted = {.key = *key, .prefix = prefix_of(key)};
    return count ? bsearch(&wanted, items, count, sizeof *items, compare_for_search) : NULL;
}
