/* SPDX-License-Identifier: Apache-2.0 */
/* Exponential back-off with jitter: 100 ms doubling to 10 s, each drawn from its upper half. */
#ifndef MR_RUNTIME_BACKOFF_H
#define MR_RUNTIME_BACKOFF_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* How long to wait before try number `attempt` (1 is the first repeat). */
int64_t mr_backoff_ms(int attempt);

/* Waits that long in short steps; false as soon as *stop is set. */
bool mr_wait_ms(int64_t ms, const atomic_bool *stop);

#endif
