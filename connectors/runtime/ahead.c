/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See ahead.h. The hand-over is one flag under one lock: `reading` says whose the consumer and the
 * haul are. The reader may be inside of a poll when they are wanted back, so it is woken; since
 * that may come just before it falls asleep, it is woken again after a moment.
 */
#include "runtime/ahead.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "base/log.h"

enum { POLL_MS = 100, WAKE_AGAIN_NS = 2000000 };

struct mr_ahead {
    const char *name;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows; not of what the pointers point to */
    pthread_cond_t changed;
    bool reading;  /* consumer and haul are the reader's */
    bool recalled; /* and are wanted back */
    bool quit;
    mr_consumer *consumer;
    mr_haul *haul;
    const mr_offsets *durable;
    mr_status status; /* of the reading that was last */
    mr_error err;
};

/* --- The reader --- */

static bool is_recalled(mr_ahead *ahead)
{
    pthread_mutex_lock(&ahead->lock);
    bool recalled = ahead->recalled;
    pthread_mutex_unlock(&ahead->lock);
    return recalled;
}

/* At least one poll, so that the group is served however short the epochs are. */
static mr_status fill(mr_ahead *ahead, mr_error *err)
{
    mr_status status;
    mr_haul_clear(ahead->haul);
    do {
        size_t got;
        status = mr_haul_take(ahead->haul, ahead->consumer, POLL_MS, &got, err);
    } while (status == MR_OK && !mr_haul_full(ahead->haul) &&
             !mr_consumer_has_changed(ahead->consumer) && !is_recalled(ahead));
    return status;
}

static void *reader_main(void *argument)
{
    mr_ahead *ahead = argument;
    mr_log_set_task(ahead->name);
    pthread_mutex_lock(&ahead->lock);
    while (!ahead->quit) {
        if (!ahead->reading) {
            pthread_cond_wait(&ahead->changed, &ahead->lock);
            continue;
        }
        pthread_mutex_unlock(&ahead->lock);
        mr_error err;
        mr_status status = fill(ahead, &err);
        pthread_mutex_lock(&ahead->lock);
        ahead->status = status;
        if (status != MR_OK) {
            ahead->err = err;
        }
        ahead->reading = false;
        pthread_cond_broadcast(&ahead->changed);
    }
    pthread_mutex_unlock(&ahead->lock);
    return NULL;
}

/* In the reader's poll. On the task's thread there is nothing to wait for: no epoch is writing. */
void mr_ahead_hold(void *context)
{
    mr_ahead *ahead = context;
    pthread_mutex_lock(&ahead->lock);
    bool reading = ahead->reading;
    while (reading && !ahead->recalled) {
        pthread_cond_wait(&ahead->changed, &ahead->lock);
    }
    pthread_mutex_unlock(&ahead->lock);
    if (reading) { /* until mr_ahead_end() returns, which is after this */
        mr_consumer_commit(ahead->consumer, ahead->durable, false);
    }
}

/* --- The task --- */

mr_ahead *mr_ahead_new(const char *name)
{
    mr_ahead *ahead = mr_calloc(1, sizeof *ahead);
    ahead->name = name;
    pthread_mutex_init(&ahead->lock, NULL);
    pthread_condattr_t monotonic; /* the wall clock may jump */
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&ahead->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&ahead->thread, NULL, reader_main, ahead) != 0) {
        abort(); /* no thread for a task: as good as out of memory */
    }
    return ahead;
}

void mr_ahead_free(mr_ahead *ahead)
{
    if (!ahead) {
        return;
    }
    pthread_mutex_lock(&ahead->lock);
    ahead->quit = true;
    pthread_cond_broadcast(&ahead->changed);
    pthread_mutex_unlock(&ahead->lock);
    pthread_join(ahead->thread, NULL);
    pthread_cond_destroy(&ahead->changed);
    pthread_mutex_destroy(&ahead->lock);
    free(ahead);
}

void mr_ahead_begin(mr_ahead *ahead, mr_consumer *consumer, mr_haul *haul,
                    const mr_offsets *durable)
{
    pthread_mutex_lock(&ahead->lock);
    ahead->consumer = consumer;
    ahead->haul = haul;
    ahead->durable = durable;
    ahead->recalled = false;
    ahead->reading = true;
    pthread_cond_broadcast(&ahead->changed);
    pthread_mutex_unlock(&ahead->lock);
}

static void wait_a_moment(mr_ahead *ahead)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += WAKE_AGAIN_NS;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&ahead->changed, &ahead->lock, &until);
}

mr_status mr_ahead_end(mr_ahead *ahead, mr_error *err)
{
    pthread_mutex_lock(&ahead->lock);
    ahead->recalled = true;
    pthread_cond_broadcast(&ahead->changed);
    while (ahead->reading) {
        mr_consumer_wake(ahead->consumer);
        wait_a_moment(ahead);
    }
    mr_status status = ahead->status;
    if (status != MR_OK && err) {
        *err = ahead->err;
    }
    pthread_mutex_unlock(&ahead->lock);
    return status;
}
