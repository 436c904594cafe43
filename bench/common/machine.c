/* SPDX-License-Identifier: Apache-2.0 */
/* Files of /proc are read whole; what is missing there counts as nothing. */
#include "common/machine.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum { SPINS = 60000000 };

double bench_spin_ms(void)
{
    int64_t begin_us = mr_clock_us();
    volatile uint64_t kept = 0;
    uint64_t x = 88172645463325252U;
    for (int i = 0; i < SPINS; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    kept = x;
    (void)kept;
    return (double)(mr_clock_us() - begin_us) / 1e3;
}

static bool read_file(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "r");
    size_t len = file ? fread(out, 1, size - 1, file) : 0;
    out[len] = '\0';
    if (file) {
        fclose(file);
    }
    return len > 0;
}

double bench_load(void)
{
    char text[128];
    double load = 0;
    if (read_file("/proc/loadavg", text, sizeof text)) {
        (void)sscanf(text, "%lf", &load);
    }
    return load;
}

double bench_steal_seconds(void)
{
    char text[512];
    unsigned long long steal = 0;
    if (read_file("/proc/stat", text, sizeof text)) {
        (void)sscanf(text, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &steal);
    }
    return (double)steal / (double)sysconf(_SC_CLK_TCK);
}

double bench_process_seconds(int pid)
{
    char path[64];
    char text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    unsigned long user = 0;
    unsigned long kernel = 0;
    const char *after_name = read_file(path, text, sizeof text) ? strrchr(text, ')') : NULL;
    if (!after_name || sscanf(after_name, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                              &user, &kernel) != 2) {
        return -1;
    }
    return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}
