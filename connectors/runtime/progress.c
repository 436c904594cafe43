/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The line is kept in a static, because log lines of other threads must be able to wipe and restore
 * it; the log's lock guards both (mr_log_set_hook).
 */
#include "runtime/progress.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

enum { REDRAW_US = 100000, BAR_CELLS = 24, LINE_BYTES = 400 };

static struct {
    char line[LINE_BYTES];
    int64_t drawn_us;
    int64_t done_bytes, total_bytes; /* the last known: tasks that ended no longer tell */
    bool hooked;
} shown;

static void around_log_line(bool before)
{
    if (before) {
        fputs("\r\033[K", stderr);
    } else {
        fputs(shown.line, stderr);
        fflush(stderr);
    }
}

static size_t add_bar(char *out, size_t size)
{
    if (shown.total_bytes <= 0) {
        return 0;
    }
    double part = (double)shown.done_bytes / (double)shown.total_bytes;
    part = part > 1 ? 1 : part;
    char bar[BAR_CELLS + 1];
    memset(bar, '.', BAR_CELLS);
    memset(bar, '#', (size_t)(part * BAR_CELLS));
    bar[BAR_CELLS] = '\0';
    int n = snprintf(out, size, "[%s] %3.0f %%  %.1f of %.1f MB", bar, part * 100,
                     (double)shown.done_bytes / 1e6, (double)shown.total_bytes / 1e6);
    return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

void mr_progress_draw(const mr_run_totals *totals, size_t count, int64_t done_bytes,
                      int64_t total_bytes)
{
    int64_t now_us = mr_clock_us();
    if (now_us - shown.drawn_us < REDRAW_US) {
        return;
    }
    shown.drawn_us = now_us;
    if (total_bytes > 0) {
        shown.done_bytes = done_bytes;
        shown.total_bytes = total_bytes;
    }
    char line[LINE_BYTES];
    size_t len = add_bar(line, sizeof line);
    for (size_t i = 0; i < count && len < sizeof line; i++) {
        if (!totals[i].connector) {
            continue;
        }
        int n = snprintf(line + len, sizeof line - len, "%s%s %llu%s", len ? "  " : "",
                         totals[i].connector, (unsigned long long)totals[i].records_in,
                         totals[i].dead_letters ? " (!)" : "");
        len += n > 0 ? (size_t)n : 0;
    }
    /* Drawn through the log's hook only, so that lines of other threads do not get mixed in. */
    mr_log_set_hook(NULL);
    memcpy(shown.line, line, sizeof line);
    shown.line[sizeof shown.line - 1] = '\0';
    shown.hooked = true;
    fprintf(stderr, "\r\033[K%s", shown.line);
    fflush(stderr);
    mr_log_set_hook(around_log_line);
}

void mr_progress_end(void)
{
    if (shown.hooked) {
        mr_log_set_hook(NULL);
        fputs("\r\033[K", stderr);
        fflush(stderr);
        shown.hooked = false;
        shown.line[0] = '\0';
    }
}
