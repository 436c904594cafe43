/* SPDX-License-Identifier: Apache-2.0 */
/* The two clocks. Deadlines use the monotonic one; the wall clock is for timestamps only. */
#ifndef MR_BASE_CLOCK_H
#define MR_BASE_CLOCK_H

#include <stdint.h>

int64_t mr_clock_us(void); /* monotonic */
int64_t mr_wall_ms(void);  /* since the epoch, UTC */

#endif
