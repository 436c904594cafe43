/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a file, unpacked while they are read when it is a gzip or zstd file. Memory is
 * bounded: one block of input, and the window that the format needs (gzip 32 KiB; zstd at most 128
 * MiB, as its own program allows: frames that ask for more are refused).
 *
 * Members    Several gzip members or zstd frames, one after the other, are one text; zero bytes
 *            after a gzip member are padding.
 * Cut        A file that ends inside a member yields what there is, then nothing, with `inside`
 *            set: whether more will be written is for the caller to know.
 * Damage     What was unpacked before it is yielded first; then each call fails with MR_REJECT and
 *            the byte of the file in the text.
 */
#ifndef MR_FILE_UNPACK_H
#define MR_FILE_UNPACK_H

#include <stddef.h>

#include "api/error.h"

typedef enum file_packing { FILE_PLAIN, FILE_GZIP, FILE_ZSTD } file_packing;

typedef struct file_stream {
    int fd; /* -1: none. Owned */
    file_packing packing;
    int64_t taken; /* bytes of the file that have been used up */
    int64_t given; /* bytes yielded so far: the offset in the unpacked text */
    bool inside;   /* of a gzip member or zstd frame */
    struct file_unpacker *unpacker;
} file_stream;

#define FILE_STREAM_NONE ((file_stream){.fd = -1})

/* Reads `fd` from the start; takes it over. The stream before is stopped. */
void file_stream_start(file_stream *stream, int fd, file_packing packing);
/* Closes the file and frees the rest. */
void file_stream_stop(file_stream *stream);

/* Yields at most `room` bytes; *got 0: there are no more now. MR_REJECT: damaged. MR_REOPEN: the
 * file can not be read. */
MR_CHECKED mr_status file_stream_read(file_stream *stream, char *to, size_t room, size_t *got,
                                      mr_error *err);

/* Has the packing turned out to be damaged? */
bool file_stream_damaged(const file_stream *stream);

/* Goes on at an offset of the unpacked text: a plain file is repositioned, a packed one unpacked up
 * to there, from the start if need be. MR_REOPEN: it has not that many. *crc, if not NULL: CRC-32
 * of what was passed, going on from what it holds. */
MR_CHECKED mr_status file_stream_seek(file_stream *stream, int64_t offset, uint32_t *crc,
                                      mr_error *err);

/* Does the text of the open packed file begin with `len` bytes of that CRC-32? The file's own
 * offset is 0 afterwards. */
bool file_packed_begins(int fd, file_packing packing, int64_t len, uint32_t crc);

/* CRC-32 of more bytes; starts at 0. */
uint32_t file_crc(uint32_t crc, const char *data, size_t len);

/* "gzip", "zstd" */
const char *file_packing_name(file_packing packing);

#endif
