/* SPDX-License-Identifier: Apache-2.0 */
/* A whole file that a user has named, where small ones are taken. */
#ifndef MR_BASE_READ_FILE_H
#define MR_BASE_READ_FILE_H

#include "api/error.h"
#include "base/buffer.h"

/* Appends the file to `out`, whose limit is the largest file that is taken. MR_FATAL: it can not be
 * read, or is larger; the text names it. */
MR_CHECKED mr_status mr_read_file(const char *path, mr_buffer *out, mr_error *err);

#endif
