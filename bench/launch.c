/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a command once and says what it cost, as one JSON line:
 *
 *   bench_launch CASE WHO ROUND URL|PID|- COMMAND [ARGUMENT ...]
 *
 * seconds   from fork to exit
 * cpu_s     user and system time of the command (wait4), peak_rss_mib its VmHWM
 * server_cpu_s   of the PostgreSQL backends that came up while it ran (URL), or of one process
 * (PID: mongod); - for none spin_ms, load, steal_s   the noise: a fixed piece of work just before,
 * the load average then, and what the hypervisor took while the command ran output    the last line
 * the command wrote to stdout, when it is a JSON object
 *
 * Exits as the command did. CASE, WHO and ROUND are only passed on.
 */
#include <libpq-fe.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "common/machine.h"

enum { LOOK_MS = 100, BACKENDS_MAX = 64, OUTPUT_BYTES = 65536 };

typedef struct backends {
    PGconn *db;
    int pid[BACKENDS_MAX];
    double first[BACKENDS_MAX], last[BACKENDS_MAX];
    int count;
} backends;

static void look(backends *b, bool first)
{
    PGresult *r = b->db ? PQexec(b->db, "SELECT pid FROM pg_stat_activity WHERE datname = "
                                        "current_database() AND pid <> pg_backend_pid() AND "
                                        "backend_type IN ('client backend', 'parallel worker')")
                        : NULL;
    for (int i = 0; r && i < PQntuples(r); i++) {
        int pid = atoi(PQgetvalue(r, i, 0));
        int at = 0;
        while (at < b->count && b->pid[at] != pid) {
            at++;
        }
        if (at == BACKENDS_MAX) {
            continue;
        }
        double now = bench_process_seconds(pid);
        if (at == b->count) {
            b->pid[b->count++] = pid;
            b->first[at] = first ? now : 0;
        }
        b->last[at] = now > b->last[at] ? now : b->last[at];
    }
    PQclear(r);
}

static double backend_seconds(const backends *b)
{
    double sum = 0;
    for (int i = 0; i < b->count; i++) {
        sum += b->last[i] - b->first[i];
    }
    return sum;
}

static pid_t start(char **command, int *output)
{
    int ends[2];
    if (pipe(ends) != 0) {
        perror("pipe");
        exit(1);
    }
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execvp(command[0], command);
        perror(command[0]);
        _exit(127);
    }
    close(ends[1]);
    *output = ends[0];
    return pid;
}

/* Keeps the end of what the command writes, until it closes its stdout. */
static void follow(int output, backends *b, char *text)
{
    size_t len = 0;
    for (;;) {
        struct pollfd p = {.fd = output, .events = POLLIN};
        if (poll(&p, 1, LOOK_MS) == 0) {
            look(b, false);
            continue;
        }
        if (len > OUTPUT_BYTES / 2) {
            memmove(text, text + len / 2, len - len / 2);
            len -= len / 2;
        }
        ssize_t n = read(output, text + len, OUTPUT_BYTES - 1 - len);
        if (n <= 0) {
            break;
        }
        len += (size_t)n;
    }
    text[len] = '\0';
}

/* The last line when it is an object; else null. */
static const char *last_object(char *text)
{
    size_t len = strlen(text);
    while (len && text[len - 1] == '\n') {
        text[--len] = '\0';
    }
    const char *line = strrchr(text, '\n');
    line = line ? line + 1 : text;
    return line[0] == '{' ? line : "null";
}

int main(int argc, char **argv)
{
    if (argc < 6) {
        fprintf(stderr, "bench_launch CASE WHO ROUND URL|PID|- COMMAND [ARGUMENT ...]\n");
        return 2;
    }
    static backends b;
    int server = atoi(argv[4]); /* 0: no number, so a URL or none */
    if (!server && strcmp(argv[4], "-") != 0) {
        b.db = PQconnectdb(argv[4]);
        if (PQstatus(b.db) != CONNECTION_OK) {
            fprintf(stderr, "%s", PQerrorMessage(b.db));
            return 1;
        }
    }
    double spin = bench_spin_ms();
    double load = bench_load();
    double steal = bench_steal_seconds();
    double server_cpu = server ? bench_process_seconds(server) : 0;
    look(&b, true);
    static char text[OUTPUT_BYTES];
    int output;
    int64_t begin_us = mr_clock_us();
    pid_t pid = start(argv + 5, &output);
    follow(output, &b, text);
    int status;
    struct rusage used;
    wait4(pid, &status, 0, &used);
    double seconds = (double)(mr_clock_us() - begin_us) / 1e6;
    double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                 (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    server_cpu = server ? bench_process_seconds(server) - server_cpu : backend_seconds(&b);
    printf("{\"case\":\"%s\",\"who\":\"%s\",\"round\":%s,\"exit\":%d,\"seconds\":%.3f,"
           "\"cpu_s\":%.3f,\"peak_rss_mib\":%.1f,\"server_cpu_s\":%.2f,\"spin_ms\":%.0f,"
           "\"load\":%.2f,\"steal_s\":%.2f,\"output\":%s}\n",
           argv[1], argv[2], argv[3], WIFEXITED(status) ? WEXITSTATUS(status) : 128, seconds, cpu,
           (double)used.ru_maxrss / 1024, server_cpu, spin, load, bench_steal_seconds() - steal,
           last_object(text));
    PQfinish(b.db);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
