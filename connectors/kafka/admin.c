/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Topics: asking, creating and reading through. One short-lived client per call; a consumer by type
 * but outside any group, since that needs no coordinator and is ready after one round trip.
 * Existing topics are only looked at, so that a user without the right to create topics can run on
 * topics made for him.
 */
#include "kafka/admin.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "kafka/consumer_internal.h"
#include "kafka/reader.h"

enum { WAIT_MS = 250, LEADER_WAIT_MS = 20, CREATE_MS = 10000, READ_BATCH = 1000 };
enum { ENDED = -2 };

static inline void cleanup_metadata(const struct rd_kafka_metadata **metadata)
{
    if (*metadata) {
        rd_kafka_metadata_destroy(*metadata);
    }
}
#define auto_metadata MR_CLEANUP(cleanup_metadata)

/* --- The client --- */

mr_status mr_reader_open(const mr_kafka_config *config, mr_reader **ret, mr_error *err)
{
    mr_reader *reader = mr_calloc(1, sizeof *reader);
    rd_kafka_conf_t *conf;
    mr_status status = mr_conf_make(config, MR_ROLE_READER, &conf, err);
    if (!status) {
        mr_conf_force(conf, "auto.offset.reset", "earliest");
        mr_conf_force(conf, "enable.partition.eof", "true");
        mr_conf_default(conf, config, "fetch.wait.max.ms", 5); /* how long the end takes to tell */
        status = mr_link_open(&reader->link, config, MR_ROLE_READER, conf, err);
    }
    if (status) {
        mr_reader_close(reader);
        return status;
    }
    *ret = reader;
    return MR_OK;
}

void mr_reader_close(mr_reader *reader)
{
    if (!reader) {
        return;
    }
    for (size_t i = 0; i < reader->topic_count; i++) {
        rd_kafka_topic_destroy(reader->topics[i]);
    }
    free(reader->topics);
    mr_link_close(&reader->link);
    free(reader);
}

static rd_kafka_topic_t *use_topic(mr_reader *reader, const char *name)
{
    for (size_t i = 0; i < reader->topic_count; i++) {
        if (strcmp(rd_kafka_topic_name(reader->topics[i]), name) == 0) {
            return reader->topics[i];
        }
    }
    rd_kafka_topic_t *topic = rd_kafka_topic_new(reader->link.rk, name, NULL);
    if (topic) {
        reader->topics =
            mr_realloc_array(reader->topics, reader->topic_count + 1, sizeof(rd_kafka_topic_t *));
        reader->topics[reader->topic_count++] = topic;
    }
    return topic;
}

/* Serves the client's events; MR_IDLE when told to stop. */
static mr_status serve(mr_reader *reader, int timeout_ms, const atomic_bool *stop, mr_error *err)
{
    rd_kafka_poll(reader->link.rk, timeout_ms);
    mr_status status = mr_link_serve(&reader->link, err);
    if (!status && mr_stopped(stop)) {
        return mr_fail(err, MR_IDLE, MR_DOMAIN_KAFKA, "stopped; %s",
                       mr_link_waiting(&reader->link));
    }
    return status;
}

/* Metadata of the topics in use, of one of them, or of all there are. */
typedef struct whose {
    rd_kafka_topic_t *only;
    bool all;
} whose;

/* Waits for the broker until the deadline (0: none) or *stop. */
static mr_status ask(mr_reader *reader, whose of, int64_t deadline_us, const atomic_bool *stop,
                     const struct rd_kafka_metadata **ret, mr_error *err)
{
    for (;;) {
        rd_kafka_resp_err_t code =
            rd_kafka_metadata(reader->link.rk, of.all, of.only, ret, WAIT_MS);
        if (!code) {
            return MR_OK;
        }
        mr_status status = serve(reader, mr_kafka_is_away(code) ? 10 : 0, stop, err);
        if (status) {
            return status;
        }
        if (!mr_kafka_is_away(code)) {
            return mr_kafka_fail(err, MR_FATAL, code, "Kafka at %s: %s", reader->link.servers,
                                 rd_kafka_err2str(code));
        }
        if (deadline_us && mr_clock_us() > deadline_us) {
            return mr_fail(err, MR_IDLE, MR_DOMAIN_KAFKA, "%s", mr_link_waiting(&reader->link));
        }
    }
}

static const rd_kafka_metadata_topic_t *topic_in(const struct rd_kafka_metadata *metadata,
                                                 const char *name)
{
    for (int i = 0; i < metadata->topic_cnt; i++) {
        if (strcmp(metadata->topics[i].topic, name) == 0) {
            return &metadata->topics[i];
        }
    }
    return NULL;
}

static bool has_leaders(const rd_kafka_metadata_topic_t *topic)
{
    for (int i = 0; i < topic->partition_cnt; i++) {
        if (topic->partitions[i].leader < 0) {
            return false;
        }
    }
    return topic->partition_cnt > 0;
}

/* --- Creating --- */

static mr_status new_topic(const mr_topic_spec *spec, rd_kafka_NewTopic_t **ret, mr_error *err)
{
    char text[256];
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(spec->name, spec->partitions > 0 ? spec->partitions : -1,
                              spec->replication > 0 ? spec->replication : -1, text, sizeof text);
    if (!topic) {
        return mr_fail(err, MR_FATAL, MR_DOMAIN_KAFKA, "topic '%s' can not be created: %s",
                       spec->name, text);
    }
    for (size_t i = 0; i < spec->config_count; i++) {
        (void)rd_kafka_NewTopic_set_config(topic, spec->config[i].name, spec->config[i].value);
    }
    *ret = topic;
    return MR_OK;
}

/* Each topic's own result; MR_RETRY: ask again. */
static mr_status created(rd_kafka_event_t *event, mr_error *err)
{
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    if (code) {
        return mr_kafka_fail(err, mr_kafka_is_away(code) ? MR_RETRY : MR_FATAL, code,
                             "topics can not be created: %s", rd_kafka_event_error_string(event));
    }
    size_t count;
    const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(event);
    const rd_kafka_topic_result_t **topics = rd_kafka_CreateTopics_result_topics(result, &count);
    for (size_t i = 0; i < count; i++) {
        code = rd_kafka_topic_result_error(topics[i]);
        if (code && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
            const char *text = rd_kafka_topic_result_error_string(topics[i]);
            return mr_kafka_fail(err, mr_kafka_is_away(code) ? MR_RETRY : MR_FATAL, code,
                                 "topic %s can not be created: %s",
                                 rd_kafka_topic_result_name(topics[i]),
                                 text ? text : rd_kafka_err2str(code));
        }
    }
    return MR_OK;
}

static mr_status await_created(mr_reader *reader, rd_kafka_queue_t *queue, const atomic_bool *stop,
                               mr_error *err)
{
    for (;;) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, WAIT_MS);
        mr_status status = event ? created(event, err) : serve(reader, 0, stop, err);
        bool done = event != NULL;
        if (event) {
            rd_kafka_event_destroy(event);
        }
        if (done || status) {
            return status;
        }
    }
}

static mr_status create(mr_reader *reader, const mr_topic_spec *const *specs, size_t count,
                        const atomic_bool *stop, mr_error *err)
{
    rd_kafka_NewTopic_t **topics = mr_calloc(count, sizeof(rd_kafka_NewTopic_t *));
    mr_status status = MR_OK;
    size_t made = 0;
    while (made < count && !status) {
        status = new_topic(specs[made], &topics[made], err);
        made += status ? 0 : 1;
    }
    if (!status) {
        char text[256];
        mr_auto_rdqueue rd_kafka_queue_t *queue = rd_kafka_queue_new(reader->link.rk);
        rd_kafka_AdminOptions_t *options =
            rd_kafka_AdminOptions_new(reader->link.rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
        (void)rd_kafka_AdminOptions_set_request_timeout(options, CREATE_MS, text, sizeof text);
        rd_kafka_CreateTopics(reader->link.rk, topics, count, options, queue);
        rd_kafka_AdminOptions_destroy(options);
        status = await_created(reader, queue, stop, err);
    }
    rd_kafka_NewTopic_destroy_array(topics, made);
    free(topics);
    return status;
}

/* Looks which topics are there. missing: room for count. MR_RETRY: not all that exist have leaders
 * yet. */
static mr_status look(mr_reader *reader, const mr_topic_spec *specs, size_t count,
                      const atomic_bool *stop, const mr_topic_spec **missing, size_t *missing_count,
                      mr_error *err)
{
    auto_metadata const struct rd_kafka_metadata *metadata = NULL;
    mr_status status = ask(reader, (whose){0}, 0, stop, &metadata, err);
    if (status) {
        return status;
    }
    *missing_count = 0;
    bool ready = true;
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_metadata_topic_t *topic = topic_in(metadata, specs[i].name);
        if (topic && topic->err && topic->err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART &&
            !mr_kafka_is_away(topic->err)) {
            return mr_kafka_fail(err, MR_FATAL, topic->err, "topic '%s': %s", specs[i].name,
                                 rd_kafka_err2str(topic->err));
        }
        if (!topic || topic->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
            missing[(*missing_count)++] = &specs[i];
        } else {
            ready = ready && !topic->err && has_leaders(topic);
        }
    }
    return ready ? MR_OK : MR_RETRY;
}

mr_status mr_reader_ensure(mr_reader *reader, const mr_topic_spec *topics, size_t count,
                           const atomic_bool *stop, mr_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (!use_topic(reader, topics[i].name)) {
            return mr_fail(err, MR_FATAL, MR_DOMAIN_KAFKA, "'%s' can not be the name of a topic",
                           topics[i].name);
        }
    }
    const mr_topic_spec **missing = mr_calloc(count ? count : 1, sizeof *missing);
    mr_status status;
    bool asked = false; /* created, but not in the broker's metadata yet */
    for (;;) {
        size_t missing_count = 0;
        status = look(reader, topics, count, stop, missing, &missing_count, err);
        if (status && status != MR_RETRY) {
            break;
        }
        if (!status && !missing_count) {
            break;
        }
        if (missing_count && !asked) {
            status = create(reader, missing, missing_count, stop, err);
            asked = status == MR_OK;
            if (status && status != MR_RETRY) {
                break;
            }
        }
        status = serve(reader, LEADER_WAIT_MS, stop, err);
        if (status) {
            break;
        }
    }
    free(missing);
    return status;
}

/* --- Reading through --- */

typedef struct reading {
    mr_reader *reader;
    rd_kafka_topic_t *topic;
    const char *name;
    rd_kafka_queue_t *queue;
    int64_t *ends; /* by partition: what is to be read; -1 not known yet, ENDED */
    int partitions, open;
    mr_each_message *each;
    void *context;
} reading;

/* Read committed, the end is where the oldest open transaction began, anybody's: records behind it
 * may be committed, and be the ones that count. So reading goes on to the end that the log had when
 * this first came up; a transaction whose owner is dead holds it up for its timeout. */
static void note_end(reading *r, const rd_kafka_message_t *raw)
{
    int64_t *end = raw->partition < r->partitions ? &r->ends[raw->partition] : NULL;
    int64_t low, high;
    if (!end || *end == ENDED ||
        rd_kafka_get_watermark_offsets(r->reader->link.rk, r->name, raw->partition, &low, &high)) {
        return;
    }
    *end = *end < 0 ? high : *end;
    if (raw->offset >= *end) {
        *end = ENDED;
        r->open--;
    } else {
        mr_link_say(&r->reader->link, MR_LOG_INFO, "kafka.transaction.open",
                    "topic %s[%d]: a transaction is open at offset %lld; waiting for its end, or "
                    "for the broker to time it out",
                    r->name, (int)raw->partition, (long long)raw->offset);
    }
}

static mr_status read_one(reading *r, rd_kafka_message_t *raw, mr_error *err)
{
    if (!raw->err) {
        mr_message message;
        mr_message_fill(&message, raw, r->name);
        return r->each(r->context, &message, err);
    }
    if (raw->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        note_end(r, raw);
        return MR_OK;
    }
    if (mr_kafka_is_away(raw->err)) {
        return MR_OK;
    }
    return mr_kafka_fail(err, MR_FATAL, raw->err, "can not read topic %s[%d]: %s", r->name,
                         (int)raw->partition, rd_kafka_message_errstr(raw));
}

static mr_status read_to_end(reading *r, const atomic_bool *stop, mr_error *err)
{
    rd_kafka_message_t *batch[READ_BATCH];
    mr_status status = MR_OK;
    while (r->open > 0 && !status) {
        ssize_t n = rd_kafka_consume_batch_queue(r->queue, 0, batch, READ_BATCH);
        if (n <= 0) {
            n = rd_kafka_consume_batch_queue(r->queue, WAIT_MS, batch, 1);
        }
        for (ssize_t i = 0; i < n; i++) {
            status = status ? status : read_one(r, batch[i], err);
            rd_kafka_message_destroy(batch[i]);
        }
        status = status ? status : serve(r->reader, 0, stop, err);
    }
    return status;
}

static mr_status partitions_of(mr_reader *reader, rd_kafka_topic_t *topic, const char *name,
                               const atomic_bool *stop, int *partitions, mr_error *err)
{
    for (;;) {
        auto_metadata const struct rd_kafka_metadata *metadata = NULL;
        mr_status status = ask(reader, (whose){.only = topic}, 0, stop, &metadata, err);
        if (status) {
            return status;
        }
        const rd_kafka_metadata_topic_t *found = topic_in(metadata, name);
        rd_kafka_resp_err_t code = found ? found->err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        if (!code && found->partition_cnt > 0) {
            *partitions = found->partition_cnt;
            return MR_OK;
        }
        if (code && !mr_kafka_is_away(code)) {
            return mr_kafka_fail(err, MR_FATAL, code, "can not read topic '%s': %s", name,
                                 rd_kafka_err2str(code));
        }
        status = serve(reader, LEADER_WAIT_MS, stop, err);
        if (status) {
            return status;
        }
    }
}

mr_status mr_reader_read_all(mr_reader *reader, const char *name, int partition,
                             const atomic_bool *stop, mr_each_message *each, void *context,
                             mr_error *err)
{
    reading r = {.reader = reader, .name = name, .each = each, .context = context};
    r.topic = use_topic(reader, name);
    if (!r.topic) {
        return mr_fail(err, MR_FATAL, MR_DOMAIN_KAFKA, "'%s' can not be the name of a topic", name);
    }
    mr_status status = partitions_of(reader, r.topic, name, stop, &r.partitions, err);
    if (status) {
        return status;
    }
    if (partition >= r.partitions) {
        return mr_fail(err, MR_FATAL, MR_DOMAIN_KAFKA,
                       "topic %s has %d partitions, not a number %d", name, r.partitions,
                       partition);
    }
    r.ends = mr_calloc((size_t)r.partitions, sizeof *r.ends);
    r.queue = rd_kafka_queue_new(reader->link.rk);
    int first = partition < 0 ? 0 : partition;
    int last = partition < 0 ? r.partitions - 1 : partition;
    for (int p = first; p <= last; p++) {
        if (rd_kafka_consume_start_queue(r.topic, p, RD_KAFKA_OFFSET_BEGINNING, r.queue)) {
            status = mr_kafka_fail(err, MR_REOPEN, rd_kafka_last_error(),
                                   "can not read topic %s[%d]: %s", name, p,
                                   rd_kafka_err2str(rd_kafka_last_error()));
            last = p - 1;
            break;
        }
        r.ends[p] = -1;
        r.open++;
    }
    status = status ? status : read_to_end(&r, stop, err);
    for (int p = first; p <= last; p++) {
        rd_kafka_consume_stop(r.topic, p);
    }
    rd_kafka_queue_destroy(r.queue);
    free(r.ends);
    return status;
}

/* --- One call, one client --- */

mr_status mr_topics_ensure(const mr_kafka_config *config, const mr_topic_spec *topics, size_t count,
                           const atomic_bool *stop, mr_error *err)
{
    mr_reader *reader;
    mr_status status = mr_reader_open(config, &reader, err);
    if (!status) {
        status = mr_reader_ensure(reader, topics, count, stop, err);
        mr_reader_close(reader);
    }
    return status;
}

mr_status mr_topic_partitions(const mr_kafka_config *config, const char *topic, int timeout_ms,
                              int *partitions, mr_error *err)
{
    mr_reader *reader;
    mr_status status = mr_reader_open(config, &reader, err);
    if (status) {
        return status;
    }
    rd_kafka_topic_t *handle = use_topic(reader, topic);
    auto_metadata const struct rd_kafka_metadata *metadata = NULL;
    int64_t deadline_us = mr_clock_us() + timeout_ms * 1000LL;
    status = handle ? ask(reader, (whose){.only = handle}, deadline_us, NULL, &metadata, err)
                    : mr_fail(err, MR_FATAL, MR_DOMAIN_KAFKA, "'%s' can not be the name of a topic",
                              topic);
    if (!status) {
        const rd_kafka_metadata_topic_t *found = topic_in(metadata, topic);
        if (found && found->err && found->err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART &&
            !mr_kafka_is_away(found->err)) {
            status = mr_kafka_fail(err, MR_FATAL, found->err, "topic '%s': %s", topic,
                                   rd_kafka_err2str(found->err));
        } else {
            *partitions = found ? found->partition_cnt : 0;
        }
    }
    mr_reader_close(reader);
    return status;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

mr_status mr_topics_matching(const mr_kafka_config *config, const char *pattern, int timeout_ms,
                             mr_arena *arena, mr_list *ret, mr_error *err)
{
    mr_reader *reader;
    regex_t regex;
    *ret = (mr_list){0};
    if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0) {
        return mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG, "%s is no regular expression", pattern);
    }
    mr_status status = mr_reader_open(config, &reader, err);
    if (status != MR_OK) {
        regfree(&regex);
        return status;
    }
    auto_metadata const struct rd_kafka_metadata *metadata = NULL;
    int64_t deadline_us = mr_clock_us() + timeout_ms * 1000LL;
    status = ask(reader, (whose){.all = true}, deadline_us, NULL, &metadata, err);
    size_t count = status == MR_OK ? (size_t)metadata->topic_cnt : 0;
    const char **names = mr_arena_alloc(arena, (count + 1) * sizeof *names);
    for (size_t i = 0; i < count; i++) {
        const char *name = metadata->topics[i].topic;
        if (regexec(&regex, name, 0, NULL, 0) == 0) {
            names[ret->count++] = mr_arena_strndup(arena, name, strlen(name));
        }
    }
    qsort(names, ret->count, sizeof *names, compare_names);
    ret->items = names;
    regfree(&regex);
    mr_reader_close(reader);
    return status;
}

mr_status mr_topic_read_all(const mr_kafka_config *config, const char *topic, int partition,
                            const atomic_bool *stop, mr_each_message *each, void *context,
                            mr_error *err)
{
    mr_reader *reader;
    mr_status status = mr_reader_open(config, &reader, err);
    if (!status) {
        status = mr_reader_read_all(reader, topic, partition, stop, each, context, err);
        mr_reader_close(reader);
    }
    return status;
}
