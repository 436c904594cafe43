/* SPDX-License-Identifier: Apache-2.0 */
/* Keys are JSON so that tools read them; one partition keeps the reading order plain. */
#include "runtime/positions_topic.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/task.h"
#include "kafka/admin.h"

typedef struct loading {
    const char *task_name;
    mr_positions *into;
} loading;

static mr_status take(void *context, const mr_message *message, mr_error *err)
{
    loading *l = context;
    const mr_slice key = message->key, value = message->value;
    const char *task, *name;
    json_t *parsed = key.data ? json_loadb(key.data, key.len, 0, NULL) : NULL;
    /* A key that is not ours is another program's business. */
    if (parsed && json_unpack(parsed, "[s, s!]", &task, &name) == 0 &&
        strcmp(task, l->task_name) == 0) {
        char *text = value.data ? mr_strndup(value.data, value.len) : NULL;
        mr_positions_set(l->into, name, text);
        free(text);
    }
    json_decref(parsed);
    (void)err;
    return MR_OK;
}

mr_status mr_positions_load(const mr_kafka_config *kafka, const char *task_name,
                            const atomic_bool *stop, mr_positions *into, mr_error *err)
{
    loading l = {task_name, into};
    return mr_topic_read_all(kafka, MR_POSITIONS_TOPIC, -1, stop, take, &l, err);
}

static mr_status store_one(mr_producer *producer, const char *task_name, const char *name,
                           const char *value, mr_error *err)
{
    json_t *key = json_pack("[s, s]", task_name, name);
    char *text = key ? json_dumps(key, JSON_COMPACT) : NULL;
    json_decref(key);
    if (!text) {
        return mr_fail(err, MR_FATAL, MR_DOMAIN_SYSTEM, "the position's name is no UTF-8 text");
    }
    mr_outgoing out = {
        .topic = MR_POSITIONS_TOPIC,
        .partition = 0,
        .key = {text, strlen(text)},
        .value = {value, value ? strlen(value) : 0},
    };
    mr_status status = mr_producer_send(producer, &out, err);
    free(text);
    return status;
}

mr_status mr_positions_store(mr_producer *producer, const char *task_name,
                             const mr_positions *changes, mr_error *err)
{
    size_t cursor = 0;
    const char *name, *value;
    mr_status status = MR_OK;
    while (status == MR_OK && mr_positions_next_change(changes, &cursor, &name, &value)) {
        status = store_one(producer, task_name, name, value, err);
    }
    return status;
}
