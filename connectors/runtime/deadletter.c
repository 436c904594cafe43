/* SPDX-License-Identifier: Apache-2.0 */
/* See deadletter.h. Headers are built in a scratch arena; the producer copies them. */
#include "runtime/deadletter.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/clock.h"
#include "kafka/admin.h"

enum {
    MOST_HEADERS = 20,
    CUT_BYTES = 64 << 10,
};

typedef struct header_list {
    mr_header *items;
    uint32_t count;
    mr_arena *arena;
} header_list;

static void add(header_list *list, const char *name, const char *value)
{
    if (value && *value) {
        list->items[list->count++] = (mr_header){name, {value, strlen(value)}};
    }
}

static void add_number(header_list *list, const char *name, int64_t value)
{
    add(list, name, mr_arena_format(list->arena, "%" PRId64, value));
}

static void describe(header_list *list, const mr_dead_letter *letter)
{
    const mr_error *why = letter->why;
    if (letter->topic) {
        add(list, "__connect.errors.topic", letter->topic);
        add_number(list, "__connect.errors.partition", letter->partition);
        add_number(list, "__connect.errors.offset", letter->offset);
    }
    add(list, "__connect.errors.connector.name", letter->config->task_name);
    add_number(list, "__connect.errors.task.id", letter->task_index);
    add(list, "__connect.errors.stage", letter->stage);
    add(list, "__connect.errors.class.name", letter->config->connector->name);
    add(list, "__connect.errors.exception.class.name",
        mr_arena_format(list->arena, "%s%s%s", mr_domain_name(why->domain), *why->code ? "." : "",
                        why->code));
    add(list, "__connect.errors.exception.message", why->text);
    add(list, "millrace.errors.code", why->code);
    add(list, "millrace.errors.field", why->field);
    add(list, "millrace.errors.where", letter->where);
    add_number(list, "millrace.errors.timestamp", mr_wall_ms());
}

char *mr_dead_letter_topic(const mr_connector_config *config)
{
    const char *given =
        config->connector->source ? config->source.failure_topic : config->sink.failure_topic;
    return given ? mr_strdup(given) : mr_format("%s.dlq", config->task_name);
}

mr_status mr_dead_letter_send(mr_producer *producer, const char *dead_topic,
                              const mr_dead_letter *letter, mr_error *err)
{
    mr_arena *arena = mr_arena_new();
    header_list list = {.arena = arena};
    list.items = mr_arena_calloc(arena, letter->header_count + MOST_HEADERS, sizeof *list.items);
    if (letter->header_count) {
        memcpy(list.items, letter->headers, letter->header_count * sizeof *list.items);
    }
    list.count = letter->header_count;
    describe(&list, letter);
    mr_outgoing out = {
        .topic = dead_topic,
        .partition = -1,
        .key = letter->key,
        .value = letter->value,
        .timestamp_ms = letter->timestamp_ms > 0 ? letter->timestamp_ms : 0,
        .headers = list.items,
        .header_count = list.count,
    };
    mr_status status = mr_producer_send(producer, &out, err);
    if (status == MR_REJECT && out.value.len > CUT_BYTES) {
        /* Too large for a message: its beginning, and how long it was, must do. */
        add_number(&list, "millrace.errors.cut.from.bytes", (int64_t)out.value.len);
        out.value.len = CUT_BYTES;
        out.header_count = list.count;
        status = mr_producer_send(producer, &out, err);
    }
    if (status == MR_REJECT) { /* then it is the key or the headers */
        uint32_t own = letter->header_count;
        add_number(&list, "millrace.errors.key.bytes", (int64_t)out.key.len);
        add_number(&list, "millrace.errors.headers.dropped", own);
        out.headers = list.items + own;
        out.header_count = list.count - own;
        out.key.len = out.key.len < CUT_BYTES ? out.key.len : CUT_BYTES;
        status = mr_producer_send(producer, &out, err);
    }
    mr_arena_free(arena);
    return status;
}

mr_status mr_dead_letter_ensure_topic(const mr_kafka_config *kafka, const char *dead_topic,
                                      const atomic_bool *stop, mr_error *err)
{
    static const mr_property config[] = {{"retention.ms", "1209600000"}};
    mr_topic_spec spec = {.name = dead_topic, .partitions = 1, .config = config, .config_count = 1};
    return mr_topics_ensure(kafka, &spec, 1, stop, err);
}
