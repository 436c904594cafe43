/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader takes a range, scans it until the range is at its end or the round is, and queues each
 * load whole; so the lock is taken once for half a megabyte. What is queued is handed over also
 * when the round has ended or a reader has failed: it was read, and brings the range forward.
 */
#include "snapshot_readers.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "snapshot_plan.h"

enum { QUEUE_BYTES = 2 << 20 };

struct mongo_readers {
    const char *uri, *app_name;
    int64_t timeout_ms;
    pthread_t *threads;
    size_t thread_count;

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t work;  /* for readers: something to do, or room */
    pthread_cond_t news;  /* for the task: a load, or a reader that has ended what it did */
    bool stop, too_old;
    mr_error why; /* too old */
    mongo_time at;
    int64_t ends_us;
    mongo_place *place; /* NULL: nothing to read */
    size_t next_range;
    size_t active; /* readers that have a range */
    mongo_load *first, **end;
    size_t queued_bytes;
    mr_status status; /* of the reader that failed first */
    mr_error error;
};

/* --- On the readers' threads --- */

static bool ended(const mongo_readers *r)
{
    return r->stop || r->too_old || r->status != MR_OK || mr_clock_us() >= r->ends_us;
}

/* The next range to read; NULL: none now. */
static mongo_range *next_range(mongo_readers *r)
{
    while (r->place && !ended(r) && r->next_range < r->place->count) {
        mongo_range *range = &r->place->ranges[r->next_range++];
        if (!range->done) {
            return range;
        }
    }
    return NULL;
}

static void queue(mongo_readers *r, mongo_load *load)
{
    pthread_mutex_lock(&r->lock);
    *r->end = load;
    r->end = &load->next;
    r->queued_bytes += load->bytes;
    pthread_cond_signal(&r->news);
    pthread_mutex_unlock(&r->lock);
}

/* Waits for room in the queue; false: the round has ended. */
static bool may_go_on(mongo_readers *r)
{
    pthread_mutex_lock(&r->lock);
    while (!ended(r) && r->queued_bytes >= QUEUE_BYTES) {
        pthread_cond_wait(&r->work, &r->lock);
    }
    bool ret = !ended(r);
    pthread_mutex_unlock(&r->lock);
    return ret;
}

static mr_status read_range(mongo_readers *r, mongo_scan *scan, mr_error *err)
{
    bool last = false;
    while (!last && may_go_on(r)) {
        mongo_load *load;
        mr_status status = mongo_scan_next(scan, &load, err);
        if (status != MR_OK) {
            return status;
        }
        last = load->last;
        queue(r, load);
    }
    return MR_OK;
}

/* A reader's connection; made when it has its first range. */
typedef struct connection {
    mongo_link link;
    const mongo_place *checked; /* is where its record ids are valid */
} connection;

static mr_status check_home(connection *c, const mongo_place *place, mr_error *err)
{
    char home[MONGO_HOME_BYTES];
    if (c->checked == place || !mongo_place_by_record(place)) {
        return MR_OK;
    }
    mr_status status = mongo_find_home(&c->link, place, home, err);
    if (status == MR_OK && strcmp(home, place->home) != 0) {
        status = mr_fail(err, MR_REOPEN, MR_DOMAIN_MONGODB,
                         "another member of the replica set has become primary while %s was read",
                         place->full);
    }
    c->checked = status == MR_OK ? place : NULL;
    return status;
}

static mr_status connect_reader(const mongo_readers *r, connection *c, const mongo_place *place,
                                mr_error *err)
{
    mr_status status = MR_OK;
    if (!c->link.mongo) {
        status = mongo_link_open(&c->link, r->uri, r->app_name, r->timeout_ms, err);
    }
    return status == MR_OK ? check_home(c, place, err) : status;
}

static void end_range(mongo_readers *r, mr_status status, const mr_error *err)
{
    r->active--;
    if (status != MR_OK && mongo_history_gone(err)) {
        r->too_old = true;
        r->why = *err;
    } else if (status != MR_OK && r->status == MR_OK) {
        r->status = status;
        r->error = *err;
    }
    pthread_cond_signal(&r->news);
}

static void *reader_main(void *argument)
{
    mongo_readers *r = argument;
    connection c = {0};
    pthread_mutex_lock(&r->lock);
    while (!r->stop) {
        mongo_range *range = next_range(r);
        if (!range) {
            pthread_cond_wait(&r->work, &r->lock);
            continue;
        }
        mongo_scan scan;
        mr_error err = {0};
        const mongo_place *place = r->place;
        r->active++;
        mongo_scan_init(&scan, &c.link, place, range, r->at);
        pthread_mutex_unlock(&r->lock);
        mr_status status = connect_reader(r, &c, place, &err);
        if (status == MR_OK) {
            status = read_range(r, &scan, &err);
        }
        mongo_scan_release(&scan);
        pthread_mutex_lock(&r->lock);
        end_range(r, status, &err);
    }
    pthread_mutex_unlock(&r->lock);
    mongo_link_close(&c.link);
    return NULL;
}

/* --- On the task's thread --- */

mongo_readers *mongo_readers_start(const char *uri, const char *app_name, int64_t timeout_ms,
                                   size_t count)
{
    mongo_readers *r = mr_calloc(1, sizeof *r);
    pthread_condattr_t monotonic;
    *r = (mongo_readers){.uri = uri,
                         .app_name = app_name,
                         .timeout_ms = timeout_ms,
                         .threads = mr_calloc(count, sizeof *r->threads),
                         .thread_count = count};
    r->end = &r->first;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->work, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&r->news, &monotonic);
    pthread_condattr_destroy(&monotonic);
    for (size_t i = 0; i < count; i++) {
        if (pthread_create(&r->threads[i], NULL, reader_main, r) != 0) {
            abort(); /* no thread to read with: as good as out of memory */
        }
    }
    return r;
}

void mongo_readers_stop(mongo_readers *r)
{
    if (!r) {
        return;
    }
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_broadcast(&r->work);
    pthread_mutex_unlock(&r->lock);
    for (size_t i = 0; i < r->thread_count; i++) {
        pthread_join(r->threads[i], NULL);
    }
    while (r->first) {
        mongo_load *load = r->first;
        r->first = load->next;
        mongo_load_free(load);
    }
    pthread_cond_destroy(&r->work);
    pthread_cond_destroy(&r->news);
    pthread_mutex_destroy(&r->lock);
    free(r->threads);
    free(r);
}

void mongo_readers_begin(mongo_readers *r, mongo_time at, int64_t ends_us)
{
    pthread_mutex_lock(&r->lock);
    r->at = at;
    r->ends_us = ends_us;
    r->too_old = false;
    r->place = NULL;
    pthread_mutex_unlock(&r->lock);
}

bool mongo_readers_over(mongo_readers *r, bool *cut_short, mr_error *err)
{
    pthread_mutex_lock(&r->lock);
    bool ret = ended(r);
    *cut_short = r->too_old;
    if (r->too_old) {
        *err = r->why;
    }
    pthread_mutex_unlock(&r->lock);
    return ret;
}

void mongo_readers_give(mongo_readers *r, mongo_place *place)
{
    pthread_mutex_lock(&r->lock);
    r->place = place;
    r->next_range = 0;
    pthread_cond_broadcast(&r->work);
    pthread_mutex_unlock(&r->lock);
}

/* Is there nothing that could bring another load? */
static bool exhausted(const mongo_readers *r)
{
    return !r->active && (!r->place || r->next_range >= r->place->count || ended(r));
}

static struct timespec timespec_of(int64_t us)
{
    return (struct timespec){us / 1000000, us % 1000000 * 1000};
}

mr_status mongo_readers_take(mongo_readers *r, int64_t deadline_us, mongo_load **ret, mr_error *err)
{
    struct timespec until = timespec_of(deadline_us);
    mr_status status = MR_OK;
    pthread_mutex_lock(&r->lock);
    while (!r->first && !exhausted(r) && mr_clock_us() < deadline_us) {
        pthread_cond_timedwait(&r->news, &r->lock, &until);
    }
    if (r->first) {
        mongo_load *load = r->first;
        r->first = load->next;
        r->end = r->first ? r->end : &r->first;
        r->queued_bytes -= load->bytes;
        load->next = NULL;
        *ret = load;
        pthread_cond_broadcast(&r->work);
    } else if (!exhausted(r)) {
        status = MR_IDLE;
    } else if (r->status != MR_OK) {
        status = r->status;
        *err = r->error;
    } else {
        status = MR_END;
    }
    pthread_mutex_unlock(&r->lock);
    return status;
}
