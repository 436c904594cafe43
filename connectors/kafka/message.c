/* SPDX-License-Identifier: Apache-2.0 */
/* A message as the caller sees it: slices into librdkafka's own buffer, which lives as long as the
 * handle; or, compacted, into an arena. */
#include <string.h>

#include "base/arena.h"
#include "kafka/consumer_internal.h"

enum { SMALL_BYTES = 4 << 10 }; /* copying more costs more than it saves */

void mr_message_fill(mr_message *message, rd_kafka_message_t *raw, const char *topic)
{
    rd_kafka_timestamp_type_t type;
    int64_t timestamp_ms = rd_kafka_message_timestamp(raw, &type);
    *message = (mr_message){
        .handle = raw,
        .topic = topic,
        .partition = raw->partition,
        .offset = raw->offset,
        .timestamp_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp_ms,
        .key = {raw->key, raw->key_len},
        .value = {raw->payload, raw->len},
    };
}

void mr_message_release(mr_message *message)
{
    if (message->handle) {
        rd_kafka_message_destroy(message->handle);
        message->handle = NULL;
    }
}

static mr_slice copy(mr_slice slice, mr_arena *arena)
{
    return (mr_slice){slice.data ? mr_arena_copy(arena, slice.data, slice.len) : NULL, slice.len};
}

void mr_message_compact(mr_message *message, mr_arena *arena)
{
    rd_kafka_headers_t *headers;
    if (!message->handle || message->key.len + message->value.len > SMALL_BYTES ||
        rd_kafka_message_headers(message->handle, &headers) != RD_KAFKA_RESP_ERR__NOENT) {
        return;
    }
    message->key = copy(message->key, arena);
    message->value = copy(message->value, arena);
    mr_message_release(message);
}

mr_status mr_message_headers(const mr_message *message, mr_arena *arena, const mr_header **ret,
                             uint32_t *count, mr_error *err)
{
    rd_kafka_headers_t *raw;
    rd_kafka_resp_err_t code = message->handle ? rd_kafka_message_headers(message->handle, &raw)
                                               : RD_KAFKA_RESP_ERR__NOENT;
    if (code == RD_KAFKA_RESP_ERR__NOENT) {
        *ret = NULL;
        *count = 0;
        return MR_OK;
    }
    if (code) {
        return mr_kafka_fail(err, MR_REJECT, code, "headers of %s[%d] offset %lld: %s",
                             message->topic, (int)message->partition, (long long)message->offset,
                             rd_kafka_err2str(code));
    }
    size_t n = rd_kafka_header_cnt(raw);
    mr_header *headers = mr_arena_alloc(arena, (n ? n : 1) * sizeof *headers);
    for (size_t i = 0; i < n; i++) {
        const char *name;
        const void *value;
        size_t size;
        if (rd_kafka_header_get_all(raw, i, &name, &value, &size)) {
            n = i;
            break;
        }
        headers[i].name = mr_arena_strndup(arena, name, strlen(name));
        headers[i].value = (mr_slice){value ? mr_arena_copy(arena, value, size) : NULL, size};
    }
    *ret = headers;
    *count = (uint32_t)n;
    return MR_OK;
}
