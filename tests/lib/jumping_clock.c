/* SPDX-License-Identifier: Apache-2.0 */
/* LD_PRELOAD: a wall clock that is off by as many seconds as the file JUMPING_CLOCK holds (an
 * int64), now. The monotonic clock is left alone, as a real jump leaves it. */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset_s;
static int (*wait_until)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
static int (*c11_wait_until)(cnd_t *, mtx_t *, const struct timespec *);

__attribute__((constructor)) static void open_offset(void)
{
    const char *path = getenv("JUMPING_CLOCK");
    c11_wait_until = dlsym(RTLD_NEXT, "cnd_timedwait");
    wait_until = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    int fd = path ? open(path, O_RDONLY) : -1;
    void *map = fd >= 0 ? mmap(NULL, sizeof *offset_s, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    offset_s = map == MAP_FAILED ? NULL : map;
    if (fd >= 0) {
        close(fd);
    }
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
    int ret = (int)syscall(SYS_clock_gettime, clock, ts);
    if (ret == 0 && offset_s && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        ts->tv_sec += *offset_s;
    }
    return ret;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    struct timespec ts;
    (void)zone;
    int ret = clock_gettime(CLOCK_REALTIME, &ts);
    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;
    return ret;
}

time_t time(time_t *ret)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    if (ret) {
        *ret = ts.tv_sec;
    }
    return ts.tv_sec;
}

int timespec_get(struct timespec *ts, int base)
{
    return clock_gettime(CLOCK_REALTIME, ts) == 0 ? base : 0;
}

/* Who waits for a time of day means this one. A time that is no time of day is of the monotonic
 * clock. */
static struct timespec really(const struct timespec *until)
{
    struct timespec real = *until;
    if (offset_s && real.tv_sec > 1000000000) {
        real.tv_sec -= *offset_s;
    }
    return real;
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until)
{
    const struct timespec real = really(until);
    return wait_until(condition, mutex, &real);
}

int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex,
                  const struct timespec *restrict until)
{
    const struct timespec real = really(until);
    return c11_wait_until(condition, mutex, &real);
}
