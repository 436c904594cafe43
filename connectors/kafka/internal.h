/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this folder share: one librdkafka client with its configuration, its events and
 * what went wrong with it. Not for other folders.
 *
 * Threads    A link belongs to the thread that uses the client. librdkafka's own threads only touch
 *            the table of brokers, under its lock.
 */
#ifndef MR_KAFKA_INTERNAL_H
#define MR_KAFKA_INTERNAL_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/cleanup.h"
#include "kafka/kafka.h"

typedef enum mr_role { MR_ROLE_CONSUMER, MR_ROLE_PRODUCER, MR_ROLE_READER } mr_role;

enum { MR_BROKERS_MAX = 64, MR_REASON_BYTES = 400 };

/* Which brokers are connected, told by librdkafka's threads. */
typedef struct mr_brokers {
    pthread_mutex_t lock;
    struct {
        char address[128];
        bool up;
    } items[MR_BROKERS_MAX];
    size_t count;
    atomic_int up;
} mr_brokers;

/* One client. Its address must not change while the client lives. */
typedef struct mr_link {
    rd_kafka_t *rk;
    mr_kafka_event *on_event;
    void *context;
    char *servers; /* bootstrap.servers, for texts */
    mr_brokers brokers;
    bool unreachable;              /* said so, not yet taken back */
    int64_t all_down_us;           /* when librdkafka said so last; 0: never, or dealt with */
    char reason[MR_REASON_BYTES];  /* last connection error */
    int64_t said_us;               /* when the last repeated error was told */
    rd_kafka_resp_err_t said_code; /* which it was */
    mr_status failure;             /* MR_OK, or what every call must return from now on */
    mr_error why;
} mr_link;

/* config.c: a configuration of our defaults for the role, the user's properties over them, and what
 * guarantees depend on over all. */
MR_CHECKED mr_status mr_conf_make(const mr_kafka_config *config, mr_role role,
                                  rd_kafka_conf_t **ret, mr_error *err);
/* Sets a property of ours unless the user did. */
void mr_conf_default(rd_kafka_conf_t *conf, const mr_kafka_config *config, const char *name,
                     int64_t value);
/* Sets a property, whatever the user says. Our own names and values: can not fail. */
void mr_conf_force(rd_kafka_conf_t *conf, const char *name, const char *value);
/* The user's value; NULL: none. */
const char *mr_conf_user(const mr_kafka_config *config, const char *name);

/* events.c: starts the client (takes conf, also on failure). */
MR_CHECKED mr_status mr_link_open(mr_link *link, const mr_kafka_config *config, mr_role role,
                                  rd_kafka_conf_t *conf, mr_error *err);
/* Ends the client; what is not delivered is dropped. A link that was never opened is fine. */
void mr_link_close(mr_link *link);
/* After each call that served the client's callbacks: says when brokers can be reached again.
 * Returns link->failure, with its reason in err. */
mr_status mr_link_serve(mr_link *link, mr_error *err);
void mr_link_say(const mr_link *link, int level, const char *event, const char *format, ...)
    MR_PRINTF(4, 5);
/* "no broker at 127.0.0.1:9092 answers (connection refused)" or that it just takes long. */
const char *mr_link_waiting(const mr_link *link);

/* errors.c */
mr_status mr_kafka_fail(mr_error *err, mr_status status, rd_kafka_resp_err_t code,
                        const char *format, ...) MR_PRINTF(4, 5);
/* What must happen after an error of delivery or transaction: MR_RETRY, MR_REOPEN or MR_FATAL. */
mr_status mr_kafka_verdict(rd_kafka_resp_err_t code);
/* No broker could be asked in time: waiting may heal it. */
bool mr_kafka_is_away(rd_kafka_resp_err_t code);
/* What to do about it, as the end of a sentence: "; ..." or "". */
const char *mr_kafka_advice(rd_kafka_resp_err_t code);

static inline bool mr_stopped(const atomic_bool *stop)
{
    return stop && atomic_load_explicit(stop, memory_order_relaxed);
}

static inline void mr_cleanup_tplist(rd_kafka_topic_partition_list_t **list)
{
    if (*list) {
        rd_kafka_topic_partition_list_destroy(*list);
    }
}

static inline void mr_cleanup_rderror(rd_kafka_error_t **error)
{
    if (*error) {
        rd_kafka_error_destroy(*error);
    }
}

static inline void mr_cleanup_rdqueue(rd_kafka_queue_t **queue)
{
    if (*queue) {
        rd_kafka_queue_destroy(*queue);
    }
}

#define mr_auto_tplist  MR_CLEANUP(mr_cleanup_tplist)
#define mr_auto_rderror MR_CLEANUP(mr_cleanup_rderror)
#define mr_auto_rdqueue MR_CLEANUP(mr_cleanup_rdqueue)

#endif
