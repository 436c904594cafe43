/* SPDX-License-Identifier: Apache-2.0 */
/* The progress bar on a terminal: one line on stderr, redrawn a few times a second, out of the way
 * of log lines. Main thread only. */
#ifndef MR_RUNTIME_PROGRESS_H
#define MR_RUNTIME_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/run.h"

/* Redraws when it is time. Entries without a connector are left out. total_bytes 0: no bar,
 * counters only. */
void mr_progress_draw(const mr_run_totals *totals, size_t count, int64_t done_bytes,
                      int64_t total_bytes);
/* Takes the line away. */
void mr_progress_end(void);

#endif
