/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arena: memory that is given back all at once. One per epoch holds records and cells; not
 * thread-safe.
 *
 * Budget   Allocation never fails; mr_arena_used() against the task's budget is the back-pressure
 * signal. Alignment 16 bytes.
 */
#ifndef MR_BASE_ARENA_H
#define MR_BASE_ARENA_H

#include <stddef.h>

#include "api/record.h" /* mr_arena */

mr_arena *mr_arena_new(void);
void mr_arena_free(mr_arena *arena); /* NULL is fine */

/* Forgets everything; keeps the blocks for the next round, so a steady state allocates nothing.
 * Under ASan the old contents are poisoned: use after the epoch crashes. */
void mr_arena_reset(mr_arena *arena);

void *mr_arena_alloc(mr_arena *arena, size_t size) __attribute__((malloc, returns_nonnull));
void *mr_arena_calloc(mr_arena *arena, size_t count, size_t size)
    __attribute__((malloc, returns_nonnull));
void *mr_arena_copy(mr_arena *arena, const void *data, size_t size)
    __attribute__((returns_nonnull));
/* NUL-terminated copy. */
char *mr_arena_strndup(mr_arena *arena, const char *s, size_t len) __attribute__((returns_nonnull));
char *mr_arena_format(mr_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3), returns_nonnull));

/* Bytes handed out since the last reset. */
size_t mr_arena_used(const mr_arena *arena);

/* A mark and the way back to it: what was allocated since is forgotten. */
typedef struct mr_arena_mark {
    void *block;
    size_t used, total;
} mr_arena_mark;
mr_arena_mark mr_arena_get_mark(const mr_arena *arena);
void mr_arena_rewind(mr_arena *arena, mr_arena_mark mark);

#endif
