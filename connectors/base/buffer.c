/* SPDX-License-Identifier: Apache-2.0 */
/* Doubling growth up to the limit that the owner had to name. */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"

void mr_buffer_init(mr_buffer *buffer, size_t limit_bytes)
{
    *buffer = (mr_buffer)MR_BUFFER_INIT(limit_bytes);
}

void mr_buffer_release(mr_buffer *buffer)
{
    free(buffer->data);
    *buffer = (mr_buffer)MR_BUFFER_INIT(buffer->limit);
}

bool mr_buffer_reserve(mr_buffer *buffer, size_t more)
{
    if (more <= buffer->capacity - buffer->len) {
        return true;
    }
    if (buffer->failed || more > buffer->limit || buffer->len > buffer->limit - more) {
        buffer->failed = true;
        return false;
    }
    size_t capacity = buffer->capacity ? buffer->capacity * 2 : 256;
    while (capacity < buffer->len + more) {
        capacity *= 2;
    }
    if (capacity > buffer->limit) {
        capacity = buffer->limit;
    }
    buffer->data = mr_realloc(buffer->data, capacity + 1); /* 1: for mr_buffer_text() */
    buffer->capacity = capacity;
    return true;
}

void mr_buffer_printf(mr_buffer *buffer, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len > 0 && mr_buffer_reserve(buffer, (size_t)len)) { /* nothing: there may be no memory */
        vsnprintf(buffer->data + buffer->len, (size_t)len + 1, format, again);
        buffer->len += (size_t)len;
    }
    va_end(again);
}

const char *mr_buffer_text(mr_buffer *buffer)
{
    if (!buffer->data) {
        buffer->data = mr_alloc(1);
    }
    buffer->data[buffer->len] = '\0';
    return buffer->data;
}
