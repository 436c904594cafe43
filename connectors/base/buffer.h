/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growing byte buffer with a mandatory limit. Appending past the limit sets `failed` and drops the
 * data, so that a chain of appends needs one check at its end.
 */
#ifndef MR_BASE_BUFFER_H
#define MR_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct mr_buffer {
    char *data; /* not terminated; see mr_buffer_text() */
    size_t len, capacity, limit;
    bool failed;
} mr_buffer;

#define MR_BUFFER_INIT(limit_bytes)                                                                \
    {                                                                                              \
        NULL, 0, 0, limit_bytes, false                                                             \
    }

void mr_buffer_init(mr_buffer *buffer, size_t limit_bytes);
void mr_buffer_release(mr_buffer *buffer);
/* Empties it, keeps the room. */
static inline void mr_buffer_clear(mr_buffer *buffer)
{
    buffer->len = 0;
    buffer->failed = false;
}

/* Makes room for `more` bytes beyond len; false (and failed set) past the limit. */
bool mr_buffer_reserve(mr_buffer *buffer, size_t more);

void mr_buffer_printf(mr_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The contents as a NUL-terminated text, owned by the buffer until it changes. */
const char *mr_buffer_text(mr_buffer *buffer);

static inline void mr_buffer_add(mr_buffer *buffer, const void *data, size_t len)
{
    if (len <= buffer->capacity - buffer->len || mr_buffer_reserve(buffer, len)) {
        if (len) {
            memcpy(buffer->data + buffer->len, data, len);
        }
        buffer->len += len;
    }
}

static inline void mr_buffer_add_text(mr_buffer *buffer, const char *text)
{
    mr_buffer_add(buffer, text, strlen(text));
}

static inline void mr_buffer_add_char(mr_buffer *buffer, char c)
{
    if (buffer->len < buffer->capacity || mr_buffer_reserve(buffer, 1)) {
        buffer->data[buffer->len++] = c;
    }
}

#endif
