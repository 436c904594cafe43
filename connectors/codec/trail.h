/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a value did not go, and where it is: "lines[3].price". The path is put together from its end
 * to its front, on the way out of the calls that got there, so that success pays nothing for it.
 * Caller-allocated, no heap; not thread-safe.
 */
#ifndef MR_CODEC_TRAIL_H
#define MR_CODEC_TRAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "api/error.h"

typedef struct mr_trail {
    size_t at; /* where the path begins */
    char reason[400], path[128];
} mr_trail;

static inline void mr_trail_start(mr_trail *trail)
{
    trail->at = sizeof trail->path - 1;
    trail->path[trail->at] = '\0';
}

static inline const char *mr_trail_path(const mr_trail *trail)
{
    return trail->path + trail->at;
}

#define MR_TRAIL_COLD __attribute__((cold, noinline))

/* Each returns false, to be returned by its caller. */
MR_TRAIL_COLD bool mr_trail_reason(mr_trail *trail, const char *format, ...) MR_PRINTF(2, 3);
/* Puts a name before the path; a path that grows too long keeps its end, a long name its start.
 * What is no printable text becomes question marks. */
MR_TRAIL_COLD bool mr_trail_inside(mr_trail *trail, const char *name);
MR_TRAIL_COLD bool mr_trail_inside_item(mr_trail *trail, size_t index);

#endif
