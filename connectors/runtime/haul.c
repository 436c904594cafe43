/* SPDX-License-Identifier: Apache-2.0 */
/* See haul.h. How many messages are asked for at once is judged by the size of those seen lately,
 * so that batch.max.bytes is not passed by far. */
#include "runtime/haul.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/clock.h"

enum { UNSEEN_BYTES = 16 << 10 }; /* taken for the size of a message before one was seen */

void mr_haul_init(mr_haul *haul, const mr_sink_options *options)
{
    *haul = (mr_haul){.options = options};
    haul->messages = mr_realloc_array(NULL, (size_t)options->batch_size, sizeof *haul->messages);
    haul->arena = mr_arena_new();
}

void mr_haul_release(mr_haul *haul)
{
    mr_haul_clear(haul);
    free(haul->messages);
    mr_arena_free(haul->arena);
}

bool mr_haul_full(const mr_haul *haul)
{
    return haul->count == (size_t)haul->options->batch_size ||
           haul->bytes >= (size_t)haul->options->batch_max_bytes;
}

int64_t mr_haul_left_us(const mr_haul *haul)
{
    if (!haul->count) {
        return INT64_MAX;
    }
    int64_t left_us = haul->first_us + haul->options->batch_window_ms * 1000 - mr_clock_us();
    return left_us > 0 && !mr_haul_full(haul) ? left_us : 0;
}

static size_t most(const mr_haul *haul)
{
    size_t left = (size_t)haul->options->batch_max_bytes - haul->bytes;
    size_t by_size = left / (haul->typical_bytes ? haul->typical_bytes : UNSEEN_BYTES);
    size_t room = (size_t)haul->options->batch_size - haul->count;
    return by_size == 0 ? 1 : by_size < room ? by_size : room;
}

static void took(mr_haul *haul, size_t count)
{
    size_t before = haul->bytes;
    for (size_t i = haul->count; i < haul->count + count; i++) {
        mr_message *m = &haul->messages[i];
        haul->bytes += m->key.len + m->value.len;
        mr_message_compact(m, haul->arena);
    }
    if (!haul->count) {
        haul->first_us = mr_clock_us();
    }
    haul->count += count;
    size_t average = (haul->bytes - before) / count + 1;
    haul->typical_bytes =
        average > haul->typical_bytes ? average : (haul->typical_bytes * 7 + average) / 8;
}

mr_status mr_haul_take(mr_haul *haul, mr_consumer *consumer, int wait_ms, size_t *got,
                       mr_error *err)
{
    *got = 0;
    if (mr_haul_full(haul)) {
        return MR_OK;
    }
    mr_status status =
        mr_consumer_poll(consumer, haul->messages + haul->count, most(haul), wait_ms, got, err);
    if (status == MR_OK && *got) {
        took(haul, *got);
    }
    return status;
}

void mr_haul_clear(mr_haul *haul)
{
    for (size_t i = 0; i < haul->count; i++) {
        mr_message_release(&haul->messages[i]);
    }
    haul->count = 0;
    haul->bytes = 0;
    mr_arena_reset(haul->arena);
}
