/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation that ends the process when memory is out: half-checked failures are worse than a crash
 * that replays. */
#include "base/alloc.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void out_of_memory(size_t size)
{
    fprintf(stderr, "millrace: out of memory (%zu bytes asked for)\n", size);
    abort();
}

void *mr_alloc(size_t size)
{
    void *p = malloc(size ? size : 1);
    if (!p) {
        out_of_memory(size);
    }
    return p;
}

void *mr_calloc(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size ? size : 1);
    if (!p) {
        out_of_memory(size);
    }
    return p;
}

void *mr_realloc(void *old, size_t size)
{
    void *p = realloc(old, size ? size : 1);
    if (!p) {
        out_of_memory(size);
    }
    return p;
}

void *mr_realloc_array(void *p, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size) {
        out_of_memory(SIZE_MAX);
    }
    return mr_realloc(p, count * size);
}

char *mr_strndup(const char *s, size_t len)
{
    char *copy = mr_alloc(len + 1);
    memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

char *mr_strdup(const char *s)
{
    return mr_strndup(s, strlen(s));
}

char *mr_format(const char *format, ...)
{
    va_list args;
    char *text = NULL;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0) {
        out_of_memory(0);
    }
    return text;
}
