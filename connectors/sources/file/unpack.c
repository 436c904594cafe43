/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One loop for both formats: input is read when there is none, a step of the library turns some of
 * it into output, and the loop ends with the first output there is. Where the file ends, no state
 * is lost: when it has grown, reading goes on in the middle of the member.
 */
#include "unpack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/alloc.h"

enum { INPUT_BYTES = 64 << 10, GZIP_WRAPPER = 16 };

typedef struct file_unpacker {
    z_stream gzip;
    ZSTD_DCtx *zstd;
    char input[INPUT_BYTES]; /* unused bytes are input[start..end) */
    size_t start, end;
    bool members;        /* one has ended: zeros may follow it */
    bool full;           /* the last step filled its room: there may be more without input */
    const char *problem; /* damaged */
} file_unpacker;

const char *file_packing_name(file_packing packing)
{
    return packing == FILE_GZIP ? "gzip" : packing == FILE_ZSTD ? "zstd" : "plain";
}

uint32_t file_crc(uint32_t crc, const char *data, size_t len)
{
    return (uint32_t)crc32_z(crc, (const Bytef *)data, len);
}

/* Only memory can be short here, and that ends the process as it does elsewhere. */
static file_unpacker *unpacker_new(file_packing packing)
{
    file_unpacker *u = mr_calloc(1, sizeof *u);
    if (packing == FILE_GZIP) {
        if (inflateInit2(&u->gzip, MAX_WBITS + GZIP_WRAPPER) != Z_OK) {
            u->problem = "zlib has no memory";
        }
    } else if (!(u->zstd = ZSTD_createDCtx())) {
        u->problem = "zstd has no memory";
    }
    return u;
}

static void unpacker_free(file_unpacker *u)
{
    if (u) {
        inflateEnd(&u->gzip);
        ZSTD_freeDCtx(u->zstd);
        free(u);
    }
}

void file_stream_start(file_stream *stream, int fd, file_packing packing)
{
    file_stream_stop(stream);
    *stream = (file_stream){.fd = fd, .packing = packing};
    if (packing != FILE_PLAIN) {
        stream->unpacker = unpacker_new(packing);
    }
}

void file_stream_stop(file_stream *stream)
{
    if (stream->fd >= 0) {
        close(stream->fd);
    }
    stream->fd = -1;
    unpacker_free(stream->unpacker);
    stream->unpacker = NULL;
}

static mr_status read_bytes(const file_stream *stream, char *to, size_t room, size_t *got,
                            mr_error *err)
{
    ssize_t n;
    do {
        n = read(stream->fd, to, room);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        int number = errno;
        mr_fail(err, MR_REOPEN, MR_DOMAIN_FILE, "cannot read at offset %lld: %s",
                (long long)stream->taken, strerror(number));
        mr_error_code(err, number, "");
        return MR_REOPEN;
    }
    *got = (size_t)n;
    return MR_OK;
}

/* A step consumes input and makes output; a problem is remembered. Returns the output's length. */
static size_t step_gzip(file_stream *stream, char *to, size_t room)
{
    file_unpacker *u = stream->unpacker;
    while (!stream->inside && u->members && u->start < u->end && !u->input[u->start]) {
        u->start++; /* padding */
        stream->taken++;
    }
    if (u->start == u->end && !u->full) {
        return 0;
    }
    z_stream *z = &u->gzip;
    z->next_in = (Bytef *)u->input + u->start;
    z->avail_in = (uInt)(u->end - u->start);
    z->next_out = (Bytef *)to;
    z->avail_out = room < UINT32_MAX ? (uInt)room : UINT32_MAX;
    uInt before = z->avail_out;
    int code = inflate(z, Z_NO_FLUSH);
    size_t used = u->end - u->start - z->avail_in;
    u->start += used;
    stream->taken += (int64_t)used;
    stream->inside |= used > 0;
    u->full = !z->avail_out;
    if (code == Z_STREAM_END) {
        stream->inside = u->full = false;
        u->members = true;
        inflateReset(z);
    } else if (code != Z_OK && code != Z_BUF_ERROR) {
        u->problem = code == Z_NEED_DICT ? "it needs a dictionary"
                     : z->msg            ? z->msg
                                         : "zlib can not go on";
    }
    return before - z->avail_out;
}

static size_t step_zstd(file_stream *stream, char *to, size_t room)
{
    file_unpacker *u = stream->unpacker;
    if (u->start == u->end && !u->full) {
        return 0; /* it takes repeated calls without input for a mistake */
    }
    ZSTD_inBuffer in = {u->input + u->start, u->end - u->start, 0};
    ZSTD_outBuffer out = {to, room, 0};
    size_t code = ZSTD_decompressStream(u->zstd, &out, &in);
    u->start += in.pos;
    stream->taken += (int64_t)in.pos;
    u->full = out.pos == out.size;
    if (ZSTD_isError(code)) {
        u->problem = ZSTD_getErrorName(code);
    } else if (in.pos || out.pos) {
        stream->inside = code != 0;
    }
    return out.pos;
}

static mr_status damaged(const file_stream *stream, mr_error *err)
{
    return mr_fail(
        err, MR_REJECT, MR_DOMAIN_FILE, "the %s data is damaged at byte %lld of the file (%s)",
        file_packing_name(stream->packing), (long long)stream->taken, stream->unpacker->problem);
}

mr_status file_stream_read(file_stream *stream, char *to, size_t room, size_t *got, mr_error *err)
{
    file_unpacker *u = stream->unpacker;
    *got = 0;
    if (!u) {
        mr_status status = read_bytes(stream, to, room, got, err);
        stream->taken += (int64_t)*got;
        stream->given += (int64_t)*got;
        return status;
    }
    while (!*got && room) {
        if (u->problem) {
            return damaged(stream, err);
        }
        *got = stream->packing == FILE_GZIP ? step_gzip(stream, to, room)
                                            : step_zstd(stream, to, room);
        if (!*got && !u->problem && u->start == u->end) {
            size_t more;
            mr_status status = read_bytes(stream, u->input, sizeof u->input, &more, err);
            if (status != MR_OK || !more) {
                return status;
            }
            u->start = 0;
            u->end = more;
        }
    }
    stream->given += (int64_t)*got;
    return MR_OK;
}

bool file_stream_damaged(const file_stream *stream)
{
    return stream->unpacker && stream->unpacker->problem;
}

/* From the start again. */
static mr_status rewind_stream(file_stream *stream, mr_error *err)
{
    int fd = stream->fd;
    if (lseek(fd, 0, SEEK_SET) < 0) {
        return mr_fail(err, MR_REOPEN, MR_DOMAIN_FILE, "cannot move to offset 0: %s",
                       strerror(errno));
    }
    stream->fd = -1; /* not closed */
    file_stream_start(stream, fd, stream->packing);
    return MR_OK;
}

static mr_status pass_over(file_stream *stream, int64_t offset, uint32_t *crc, mr_error *err)
{
    mr_status status = MR_OK;
    char *scratch = mr_alloc(INPUT_BYTES);
    while (status == MR_OK && stream->given < offset) {
        int64_t left = offset - stream->given;
        size_t got;
        status = file_stream_read(stream, scratch, left < INPUT_BYTES ? (size_t)left : INPUT_BYTES,
                                  &got, err);
        if (status == MR_OK && !got) {
            status = mr_fail(err, MR_REOPEN, MR_DOMAIN_FILE,
                             "cannot move to byte %lld of the unpacked text: it has %lld",
                             (long long)offset, (long long)stream->given);
        }
        if (status == MR_OK && crc) {
            *crc = file_crc(*crc, scratch, got);
        }
    }
    free(scratch);
    return status;
}

mr_status file_stream_seek(file_stream *stream, int64_t offset, uint32_t *crc, mr_error *err)
{
    if (stream->packing == FILE_PLAIN) {
        if (lseek(stream->fd, offset, SEEK_SET) < 0) {
            return mr_fail(err, MR_REOPEN, MR_DOMAIN_FILE, "cannot move to offset %lld: %s",
                           (long long)offset, strerror(errno));
        }
        stream->taken = stream->given = offset;
        return MR_OK;
    }
    if (offset < stream->given) {
        mr_status status = rewind_stream(stream, err);
        if (status != MR_OK) {
            return status;
        }
        if (crc) {
            *crc = 0;
        }
    }
    return pass_over(stream, offset, crc, err);
}

bool file_packed_begins(int fd, file_packing packing, int64_t len, uint32_t crc)
{
    file_stream stream = FILE_STREAM_NONE;
    uint32_t found = 0;
    mr_error ignored;
    if (lseek(fd, 0, SEEK_SET) < 0) {
        return false;
    }
    file_stream_start(&stream, fd, packing);
    bool same = file_stream_seek(&stream, len, &found, &ignored) == MR_OK && found == crc;
    stream.fd = -1; /* the caller's */
    file_stream_stop(&stream);
    return lseek(fd, 0, SEEK_SET) == 0 && same;
}
