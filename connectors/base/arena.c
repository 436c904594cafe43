/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chain of blocks filled from the front. Blocks double up to a limit, so that small tasks stay
 * small, and are kept across resets up to KEEP_BYTES: one huge epoch does not pin its memory for
 * ever.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#if defined(__SANITIZE_ADDRESS__)
#define MR_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MR_ASAN 1
#endif
#endif
#ifdef MR_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(p, n)   __asan_poison_memory_region(p, n)
#define UNPOISON(p, n) __asan_unpoison_memory_region(p, n)
#else
#define POISON(p, n)   ((void)0)
#define UNPOISON(p, n) ((void)0)
#endif

enum { FIRST_BLOCK_BYTES = 16 << 10, LARGEST_BLOCK_BYTES = 1 << 20, KEEP_BYTES = 32 << 20 };

typedef struct block {
    struct block *next;
    size_t size, used;
    size_t unused_; /* keeps data 16-byte aligned */
    char data[];
} block;

struct mr_arena {
    block *first, *current;
    size_t next_size;
    size_t total; /* handed out since the last reset */
};

mr_arena *mr_arena_new(void)
{
    mr_arena *arena = mr_calloc(1, sizeof *arena);
    arena->next_size = FIRST_BLOCK_BYTES;
    return arena;
}

static void free_chain(block *b)
{
    while (b) {
        block *next = b->next;
        UNPOISON(b->data, b->size);
        free(b);
        b = next;
    }
}

void mr_arena_free(mr_arena *arena)
{
    if (arena) {
        free_chain(arena->first);
        free(arena);
    }
}

void mr_arena_reset(mr_arena *arena)
{
    size_t kept = 0;
    for (block *b = arena->first; b; b = b->next) {
        b->used = 0;
        POISON(b->data, b->size);
        kept += b->size;
        if (kept > KEEP_BYTES) {
            free_chain(b->next);
            b->next = NULL;
        }
    }
    arena->current = arena->first;
    arena->total = 0;
}

/* Moves on to a block with room for size bytes: the next one kept, or a new one. */
static block *grow(mr_arena *arena, size_t size)
{
    block *after = arena->current;
    while (after && after->next) {
        block *next = after->next;
        if (next->size >= size) {
            next->used = 0;
            return arena->current = next;
        }
        /* Too small for this request: drop it rather than search on. */
        after->next = next->next;
        UNPOISON(next->data, next->size);
        free(next);
    }
    size_t bytes = arena->next_size;
    if (arena->next_size < LARGEST_BLOCK_BYTES) {
        arena->next_size *= 2;
    }
    if (bytes < size) {
        bytes = size;
    }
    block *b = mr_alloc(sizeof *b + bytes);
    b->next = NULL;
    b->size = bytes;
    b->used = 0;
    POISON(b->data, b->size);
    if (after) {
        after->next = b;
    } else {
        arena->first = b;
    }
    return arena->current = b;
}

void *mr_arena_alloc(mr_arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2) {
        abort();
    }
    size = (size + 15) & ~(size_t)15;
    block *b = arena->current;
    if (!b || b->size - b->used < size) {
        b = grow(arena, size);
    }
    void *p = b->data + b->used;
    b->used += size;
    arena->total += size;
    UNPOISON(p, size);
    return p;
}

void *mr_arena_calloc(mr_arena *arena, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size) {
        abort();
    }
    void *p = mr_arena_alloc(arena, count * size);
    memset(p, 0, count * size);
    return p;
}

void *mr_arena_copy(mr_arena *arena, const void *data, size_t size)
{
    void *p = mr_arena_alloc(arena, size);
    if (size) {
        memcpy(p, data, size);
    }
    return p;
}

char *mr_arena_strndup(mr_arena *arena, const char *s, size_t len)
{
    char *copy = mr_arena_alloc(arena, len + 1);
    if (len) {
        memcpy(copy, s, len);
    }
    copy[len] = '\0';
    return copy;
}

char *mr_arena_format(mr_arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0) {
        abort();
    }
    char *text = mr_arena_alloc(arena, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return text;
}

size_t mr_arena_used(const mr_arena *arena)
{
    return arena->total;
}

mr_arena_mark mr_arena_get_mark(const mr_arena *arena)
{
    return (mr_arena_mark){arena->current, arena->current ? arena->current->used : 0, arena->total};
}

void mr_arena_rewind(mr_arena *arena, mr_arena_mark mark)
{
    block *b = mark.block ? mark.block : arena->first;
    if (b) {
        b->used = mark.used;
        POISON(b->data + b->used, b->size - b->used);
    }
    arena->current = b;
    arena->total = mark.total;
}
