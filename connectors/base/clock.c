/* SPDX-License-Identifier: Apache-2.0 */
/* Thin over clock_gettime(). */
#include "base/clock.h"

#include <time.h>

static int64_t read_us(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t mr_clock_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

int64_t mr_wall_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000;
}
