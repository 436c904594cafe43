/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands behind a connector's opaque mr_task: filled by the runtime (or by a test that drives
 * a connector on its own), read through the accessors of api/connector.h.
 */
#ifndef MR_BASE_TASK_H
#define MR_BASE_TASK_H

#include <stdatomic.h>

#include "api/connector.h"
#include "base/arena.h"

typedef struct mr_rejected {
    uint32_t origin; /* record.origin of the rejected record: its index in the epoch */
    mr_error why;
} mr_rejected;

typedef struct mr_rejected_input {
    mr_slice input;
    const char *where;
    mr_error why;
} mr_rejected_input;

enum { MR_GAUGES_MAX = 8 };

typedef struct mr_gauge {
    const char *_Atomic name; /* NULL: free; never changes once set */
    _Atomic double value;
} mr_gauge;

struct mr_task {
    const char *name;
    const char *topic;         /* sources */
    const mr_list *key_fields; /* sources; NULL: none */
    int index, count;
    bool once;
    const atomic_bool *stop; /* NULL: never */
    void *self;
    mr_arena *arena;
    const mr_route *routes;
    size_t route_count;
    mr_positions *changed; /* positions set in this poll; never NULL for a source */
    /* Sources: does what mr_task_recall() says. NULL: there is no topic to read. */
    mr_status (*recall)(void *host, const char *topic, mr_recall *each, void *context,
                        mr_error *err);
    void *recall_host;
    double behind_s; /* sources: as they said last */

    mr_rejected *rejected; /* sinks: since begin() */
    size_t rejected_count, rejected_capacity;
    mr_rejected_input *inputs; /* sources: since the poll began; data in the arena */
    size_t input_count, input_capacity;

    atomic_int_fast64_t progress_done_bytes, progress_total_bytes;
    mr_gauge gauges[MR_GAUGES_MAX]; /* may be read while the task runs */
};

void mr_task_release(
    mr_task *task); /* frees what the accessors allocated; not self, arena, routes */
void mr_task_clear_rejects(mr_task *task);

/* A set of positions, ordered as inserted. */
mr_positions *mr_positions_new(void);
void mr_positions_free(mr_positions *positions);
void mr_positions_clear(mr_positions *positions);
/* Copies both; value NULL is kept as a removal, so that it can be written out as a tombstone. */
void mr_positions_set(mr_positions *positions, const char *name, const char *value);
size_t mr_positions_count(const mr_positions *positions);
/* Like mr_positions_next(), but yields removals (value NULL) too. */
bool mr_positions_next_change(const mr_positions *positions, size_t *cursor, const char **name,
                              const char **value);

#endif
