/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client's life and what it has to tell. librdkafka reports from its own threads and repeats
 * itself; here its reports become a few events on the thread that uses the client: once that no
 * broker can be reached, and once that one can again. Whether a broker is connected is known from
 * an interceptor, since librdkafka reports only the bad news.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "kafka/internal.h"

enum { REPEAT_AFTER_US = 10000000, ALL_DOWN_WITHIN_US = 3000000 };

void mr_link_say(const mr_link *link, int level, const char *event, const char *format, ...)
{
    if (!link->on_event) {
        return;
    }
    char text[1000];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    link->on_event(link->context, level, event, text);
}

/* --- Which brokers are connected (librdkafka's threads) --- */

static void set_broker(mr_brokers *brokers, const char *address, bool up)
{
    size_t i = 0;
    while (i < brokers->count && strcmp(brokers->items[i].address, address) != 0) {
        i++;
    }
    if (i == brokers->count) {
        if (i == MR_BROKERS_MAX) {
            return;
        }
        snprintf(brokers->items[i].address, sizeof brokers->items[i].address, "%s", address);
        brokers->items[i].up = false;
        brokers->count++;
    }
    if (brokers->items[i].up != up) {
        brokers->items[i].up = up;
        atomic_fetch_add(&brokers->up, up ? 1 : -1);
    }
}

static rd_kafka_resp_err_t on_broker_state(rd_kafka_t *rk, int32_t broker_id, const char *secproto,
                                           const char *name, int port, const char *state,
                                           void *opaque)
{
    (void)rk;
    (void)broker_id;
    (void)secproto;
    mr_brokers *brokers = opaque;
    char address[128];
    snprintf(address, sizeof address, "%s:%d", name, port);
    pthread_mutex_lock(&brokers->lock);
    set_broker(brokers, address, strcmp(state, "UP") == 0 || strcmp(state, "UPDATE") == 0);
    pthread_mutex_unlock(&brokers->lock);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque,
                                  char *text, size_t text_size)
{
    (void)conf;
    (void)text;
    (void)text_size;
    return rd_kafka_interceptor_add_on_broker_state_change(rk, "millrace", on_broker_state, opaque);
}

/* --- Errors and logs (the thread that polls) --- */

/* librdkafka says once that all brokers are down, and not always after it has told of the last one:
 * so the two are brought together here, within a moment of each other. */
static void say_unreachable(mr_link *link)
{
    if (link->unreachable || !link->all_down_us || atomic_load(&link->brokers.up) > 0 ||
        mr_clock_us() - link->all_down_us > ALL_DOWN_WITHIN_US) {
        return;
    }
    link->unreachable = true;
    link->all_down_us = 0;
    mr_link_say(link, MR_LOG_WARN, "kafka.unreachable", "%s; waiting for it",
                mr_link_waiting(link));
}

static void note_failure(mr_link *link, mr_status status, rd_kafka_resp_err_t code,
                         const char *reason)
{
    if (!link->failure) {
        link->failure =
            mr_kafka_fail(&link->why, status, code, "Kafka at %s: %s", link->servers, reason);
    }
}

static void say_repeated(mr_link *link, rd_kafka_resp_err_t code, const char *reason)
{
    int64_t now = mr_clock_us();
    if (code == link->said_code && now - link->said_us < REPEAT_AFTER_US) {
        return;
    }
    link->said_code = code;
    link->said_us = now;
    mr_link_say(link, MR_LOG_WARN, "kafka.error", "%s: %s", rd_kafka_err2name(code), reason);
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    mr_link *link = opaque;
    char text[512];
    switch (code) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
        snprintf(link->reason, sizeof link->reason, "%s", reason);
        break;
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
        link->all_down_us = mr_clock_us();
        break;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR__SSL:
        note_failure(link, MR_FATAL, code, reason);
        break;
    case RD_KAFKA_RESP_ERR__FATAL: {
        rd_kafka_resp_err_t cause = rd_kafka_fatal_error(rk, text, sizeof text);
        note_failure(link, mr_kafka_verdict(cause) == MR_FATAL ? MR_FATAL : MR_REOPEN, cause, text);
        break;
    }
    default:
        say_repeated(link, code, reason);
    }
}

/* What the errors above do not say. librdkafka's warnings tell of what it retries by itself, and of
 * consumer properties given to a producer, which is how one set of properties serves all clients;
 * FAIL and ERROR repeat errors. */
static void on_log(const rd_kafka_t *rk, int syslog_level, const char *facility, const char *text)
{
    const mr_link *link = rd_kafka_opaque(rk);
    bool known = strcmp(facility, "FAIL") == 0 || strcmp(facility, "ERROR") == 0;
    int level = known || syslog_level >= LOG_WARNING ? MR_LOG_DEBUG : MR_LOG_WARN;
    mr_link_say(link, level, "kafka.client", "%s: %s", facility, text);
}

const char *mr_link_waiting(const mr_link *link)
{
    static _Thread_local char text[MR_REASON_BYTES + 300];
    snprintf(text, sizeof text, "no broker at %.200s answers%s%s%s", link->servers,
             link->reason[0] ? " (" : "", link->reason, link->reason[0] ? ")" : "");
    return text;
}

mr_status mr_link_serve(mr_link *link, mr_error *err)
{
    if (link->unreachable && atomic_load(&link->brokers.up) > 0) {
        link->unreachable = false;
        link->reason[0] = '\0';
        mr_link_say(link, MR_LOG_INFO, "kafka.reachable", "a broker at %s answers again",
                    link->servers);
    }
    say_unreachable(link);
    if (link->failure && err) {
        *err = link->why;
    }
    return link->failure;
}

/* --- Life --- */

/* librdkafka 2.0.2 has freed the interceptors of a configuration it refused, so that freeing the
 * configuration would free them twice. It is left alone: a few KB, once, for an error that ends the
 * task. The leak checker, when there is one, is told. */
/* NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): its own name */
__attribute__((weak)) void __lsan_ignore_object(const void *object);

static mr_status refused(rd_kafka_conf_t *conf, const char *text, mr_error *err)
{
    if (__lsan_ignore_object) {
        __lsan_ignore_object(conf);
    }
    (void)mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG, "Kafka properties: %s", text);
    if (err) {
        err->permanent = true;
    }
    return MR_FATAL;
}

mr_status mr_link_open(mr_link *link, const mr_kafka_config *config, mr_role role,
                       rd_kafka_conf_t *conf, mr_error *err)
{
    const char *servers = mr_conf_user(config, "bootstrap.servers");
    servers = servers ? servers : mr_conf_user(config, "metadata.broker.list");
    link->on_event = config->on_event;
    link->context = config->context;
    link->servers = mr_strdup(servers ? servers : "(mock)");
    pthread_mutex_init(&link->brokers.lock, NULL);
    rd_kafka_conf_set_opaque(conf, link);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_interceptor_add_on_new(conf, "millrace", on_new, &link->brokers);

    char text[512];
    rd_kafka_type_t type = role == MR_ROLE_PRODUCER ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER;
    link->rk = rd_kafka_new(type, conf, text, sizeof text);
    if (!link->rk) {
        mr_status status = refused(conf, text, err);
        mr_link_close(link);
        return status;
    }
    rd_kafka_set_log_queue(link->rk, NULL); /* to the queue that is polled */
    return MR_OK;
}

void mr_link_close(mr_link *link)
{
    if (!link->servers) {
        return;
    }
    if (link->rk) {
        rd_kafka_destroy_flags(link->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
        link->rk = NULL;
    }
    pthread_mutex_destroy(&link->brokers.lock);
    free(link->servers);
    link->servers = NULL;
}
