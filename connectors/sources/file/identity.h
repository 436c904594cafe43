/* SPDX-License-Identifier: Apache-2.0 */
/* Is a file still the one it was? Fingerprints, and positions as text. */
#ifndef MR_FILE_IDENTITY_H
#define MR_FILE_IDENTITY_H

#include "catalog.h"
#include "format.h"

file_look file_look_of(const struct stat *st);
bool file_look_equal(const file_look *a, const file_look *b);
/* The same device and inode. */
bool file_look_same_file(const file_look *a, const file_look *b);

/* Does the open file begin, and read before the position's offset, as the position remembers? */
bool file_position_fits(file_position *position, int fd, file_packing packing, int64_t size);

/* false: not a position's text. */
bool file_position_parse(const char *text, file_position *position, file_look *done);

#endif
