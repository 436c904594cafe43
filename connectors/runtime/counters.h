/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of one connector, shared by its tasks. Relaxed atomics: each is exact, together they are
 * no snapshot. */
#ifndef MR_RUNTIME_COUNTERS_H
#define MR_RUNTIME_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

typedef struct mr_counters {
    atomic_uint_fast64_t records_in;   /* sources: polled; sinks: read from Kafka and done with */
    atomic_uint_fast64_t records_out;  /* durable at the target, after queries */
    atomic_uint_fast64_t dead_letters; /* durable in the dead-letter topic */
    atomic_uint_fast64_t epochs;       /* committed */
    atomic_uint_fast64_t retries;      /* epochs replayed */
    atomic_uint_fast64_t restarts;     /* tasks started again after a failure */
    /* Sinks: partitions held by all tasks together, now; and how many there are to hold, as far as
     * known. Fewer now: some are on their way. */
    atomic_int partitions, partitions_most;
} mr_counters;

static inline void mr_count(atomic_uint_fast64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static inline uint64_t mr_counted(atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static inline void mr_raise_partitions_most(mr_counters *counters, int partitions)
{
    int most = atomic_load(&counters->partitions_most);
    while (most < partitions &&
           !atomic_compare_exchange_weak(&counters->partitions_most, &most, partitions)) {
    }
}

#endif
