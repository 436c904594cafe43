/* SPDX-License-Identifier: Apache-2.0 */
/* What a sink task makes sure of before it reads: that its topics exist, and that none of them is
 * where its own dead letters go. */
#include <regex.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "kafka/admin.h"
#include "runtime/backoff.h"
#include "runtime/sink_life.h"

enum {
    AWAIT_TOPIC_MS = 20, /* each look is a client of its own */
    AWAIT_TOPIC_LONGEST_MS = 1000,
};

static bool is_pattern(const char *topic)
{
    return *topic == '^';
}

mr_status mr_sink_await_topics(mr_sink_life *life, mr_error *err)
{
    mr_worker *w = life->worker;
    const mr_list *topics = &w->config->sink.topics;
    bool told = false;
    int all = 0;
    int64_t wait_ms = AWAIT_TOPIC_MS;
    for (size_t i = 0; i < topics->count;) {
        int partitions = 1;
        mr_status status =
            is_pattern(topics->items[i])
                ? MR_OK
                : mr_topic_partitions(&w->kafka, topics->items[i], 2000, &partitions, err);
        if (status != MR_OK && status != MR_IDLE) {
            return status;
        }
        if (status == MR_OK && partitions > 0) {
            all += partitions;
            i++;
            continue;
        }
        if (status == MR_OK && w->shared->once && atomic_load(&w->shared->sources_running) == 0) {
            mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                    "topic %s does not exist, and with --once nothing is waited for. Create it, or "
                    "correct `topics`",
                    topics->items[i]);
            err->permanent = true;
            return MR_FATAL;
        }
        if (status == MR_OK && !told && atomic_load(&w->shared->sources_running) == 0) {
            mr_log(MR_LOG_INFO, "kafka.topic.missing",
                   "topic %s does not exist yet; waiting for it", topics->items[i]);
            told = true;
        }
        if (!mr_wait_ms(wait_ms, &w->stop)) {
            return MR_IDLE;
        }
        wait_ms = wait_ms * 5 / 4 < AWAIT_TOPIC_LONGEST_MS ? wait_ms * 5 / 4 : wait_ms;
    }
    mr_raise_partitions_most(w->counters, all);
    return MR_OK;
}

mr_status mr_sink_check_dead_topic(const mr_sink_life *life, mr_error *err)
{
    const mr_list *topics = &life->worker->config->sink.topics;
    for (size_t i = 0; i < topics->count; i++) {
        regex_t pattern;
        bool same = strcmp(topics->items[i], life->dead_topic) == 0;
        if (is_pattern(topics->items[i]) &&
            regcomp(&pattern, topics->items[i], REG_EXTENDED | REG_NOSUB) == 0) {
            same = regexec(&pattern, life->dead_topic, 0, NULL, 0) == 0;
            regfree(&pattern);
        }
        if (same) {
            mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                    "topics: \"%s\" includes %s, where this sink's own dead letters go; it would "
                    "read and reject them for ever. Name the topics more narrowly, or set "
                    "on.failure.topic to one that is not read",
                    topics->items[i], life->dead_topic);
            mr_error_field(err, "topics");
            err->permanent = true;
            return MR_FATAL;
        }
    }
    return MR_OK;
}
