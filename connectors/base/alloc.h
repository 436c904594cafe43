/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small allocations that do not fail: out of memory ends the process, which is a crash like any
 * other and loses nothing (docs/delivery.md). Any size taken from input is checked against a limit
 * before it comes here.
 */
#ifndef MR_BASE_ALLOC_H
#define MR_BASE_ALLOC_H

#include <stddef.h>

void *mr_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *mr_calloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *mr_realloc(void *old, size_t size) __attribute__((returns_nonnull));
/* Room for count things of size bytes each; the product is checked. */
void *mr_realloc_array(void *p, size_t count, size_t size) __attribute__((returns_nonnull));
char *mr_strdup(const char *s) __attribute__((malloc, returns_nonnull));
char *mr_strndup(const char *s, size_t len) __attribute__((malloc, returns_nonnull));
char *mr_format(const char *format, ...) __attribute__((malloc, format(printf, 1, 2)));

#endif
