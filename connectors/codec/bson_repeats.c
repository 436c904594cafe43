/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents that name a field twice, which BSON can hold and nobody wants. To see whether there is
 * one, names are hashed into a few bits; only where two fall on the same bit are they compared. So
 * a document without any, which is nearly every one, costs one look at each name.
 */
#include "codec/bson.h"

enum { BITS = 2048 };

static unsigned bit_of(mr_slice name)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < name.len; i++) {
        hash = (hash ^ (uint8_t)name.data[i]) * 16777619u;
    }
    return (hash ^ hash >> 15) % BITS;
}

static bool is_same(mr_slice a, mr_slice b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

/* Is there a field of that name in document, from `cursor` on and before `end`? */
static bool is_there(mr_slice document, size_t cursor, size_t end, mr_slice name)
{
    mr_bson_element element;
    while (mr_bson_next(document, &cursor, &element) && cursor <= end) {
        if (is_same(element.name, name)) {
            return true;
        }
    }
    return false;
}

static bool is_nested(const mr_bson_element *element)
{
    return element->type == MR_BSON_DOCUMENT || element->type == MR_BSON_ARRAY;
}

/* Elements of arrays are named by their numbers, so only what is in them is looked at. */
static bool repeats(mr_slice document, bool array)
{
    uint64_t seen[BITS / 64] = {0};
    mr_bson_element element;
    for (size_t cursor = 0, at = 0; mr_bson_next(document, &cursor, &element); at = cursor) {
        if (!array) {
            unsigned bit = bit_of(element.name);
            uint64_t mask = (uint64_t)1 << bit % 64;
            if (seen[bit / 64] & mask && is_there(document, 0, at, element.name)) {
                return true;
            }
            seen[bit / 64] |= mask;
        }
        if (is_nested(&element) &&
            repeats(mr_bson_document(&element), element.type == MR_BSON_ARRAY)) {
            return true;
        }
    }
    return false;
}

bool mr_bson_repeats(mr_slice document)
{
    return repeats(document, false);
}

static void add_unrepeated(mr_slice document, bool array, mr_buffer *out)
{
    mr_bson_element element;
    for (size_t cursor = 0; mr_bson_next(document, &cursor, &element);) {
        if (!array && is_there(document, cursor, document.len, element.name)) {
            continue;
        }
        if (is_nested(&element)) {
            bool list = element.type == MR_BSON_ARRAY;
            size_t begun = mr_bson_begin_as(out, element.name.data, list);
            add_unrepeated(mr_bson_document(&element), list, out);
            mr_bson_end(out, begun);
        } else {
            mr_bson_add(out, &element);
        }
    }
}

void mr_bson_add_unrepeated(mr_slice document, mr_buffer *out)
{
    size_t begun = mr_bson_begin(out);
    add_unrepeated(document, false, out);
    mr_bson_end(out, begun);
}
