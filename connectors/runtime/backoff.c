/* SPDX-License-Identifier: Apache-2.0 */
/* Jitter keeps tasks that lost the same server from coming back in step. */
#include "runtime/backoff.h"

#include <time.h>

#include "base/clock.h"

enum { FIRST_MS = 100, LONGEST_MS = 10000, STEP_MS = 20 };

int64_t mr_backoff_ms(int attempt)
{
    int64_t ms = FIRST_MS;
    for (int i = 1; i < attempt && ms < LONGEST_MS; i++) {
        ms *= 2;
    }
    if (ms > LONGEST_MS) {
        ms = LONGEST_MS;
    }
    /* The clock's low digits are random enough to spread tasks. */
    uint64_t mixed = (uint64_t)mr_clock_us() * 2654435761u >> 7;
    return ms / 2 + (int64_t)(mixed % (uint64_t)(ms / 2 + 1));
}

bool mr_wait_ms(int64_t ms, const atomic_bool *stop)
{
    int64_t end_us = mr_clock_us() + ms * 1000;
    while (!atomic_load_explicit(stop, memory_order_relaxed)) {
        int64_t left_us = end_us - mr_clock_us();
        if (left_us <= 0) {
            return true;
        }
        int64_t step_us = left_us < STEP_MS * 1000 ? left_us : STEP_MS * 1000;
        nanosleep(&(struct timespec){.tv_nsec = step_us * 1000}, NULL);
    }
    return false;
}
