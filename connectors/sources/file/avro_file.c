/* SPDX-License-Identifier: Apache-2.0 */
/* Our own reader of the container, over codec/avro.h for what is in it: libavro's wants a FILE of
 * its own, can not say where it stands, and trusts the sizes it reads. */
#include "avro_file.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "codec/schema.h"

enum {
    MAGIC_BYTES = 4,
    HEADER_BYTES_MAX = 4 << 20,
    RECORDS_OF_NOTHING = 1 << 16, /* a block may hold that many beyond what its bytes allow */
};

static const char magic[] = "Obj\x01";

void file_avro_close(file_avro *avro)
{
    char *room = avro->room;
    size_t capacity = avro->capacity;
    mr_decoder_free(avro->decoder);
    mr_schema_release(avro->writer);
    *avro = (file_avro){.room = room, .capacity = capacity};
}

void file_avro_release(file_avro *avro)
{
    file_avro_close(avro);
    free(avro->room);
    *avro = (file_avro){0};
}

/* --- bytes --- */

typedef struct bytes {
    const char *data;
    size_t len, at;
    bool more; /* the end came first */
    bool bad;  /* no number of 64 bits */
} bytes;

static int64_t take_long(bytes *b)
{
    uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
        if (b->at == b->len) {
            b->more = true;
            return 0;
        }
        unsigned char byte = (unsigned char)b->data[b->at++];
        if (shift == 63 && byte > 1) {
            break;
        }
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80)) {
            return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
        }
    }
    b->bad = true;
    return 0;
}

static mr_slice take_bytes(bytes *b)
{
    int64_t len = take_long(b);
    if (b->more || b->bad) {
        return (mr_slice){0};
    }
    if (len < 0 || len > HEADER_BYTES_MAX) {
        b->bad = true;
        return (mr_slice){0};
    }
    if ((size_t)len > b->len - b->at) {
        b->more = true;
        return (mr_slice){0};
    }
    b->at += (size_t)len;
    return (mr_slice){b->data + b->at - len, (size_t)len};
}

/* --- header --- */

typedef struct header {
    mr_slice schema, codec, sync;
} header;

static bool is(mr_slice text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

static void take_metadata(bytes *b, header *h)
{
    int64_t count;
    while ((count = take_long(b)) != 0 && !b->more && !b->bad) {
        if (count < 0) {
            take_long(b); /* the size in bytes, for who skips */
        }
        for (; count != 0 && !b->more && !b->bad; count += count < 0 ? 1 : -1) {
            mr_slice key = take_bytes(b), value = take_bytes(b);
            if (is(key, "avro.schema")) {
                h->schema = value;
            } else if (is(key, "avro.codec")) {
                h->codec = value;
            }
        }
    }
}

static mr_status take_codec(file_avro *avro, mr_slice name, mr_error *err)
{
    static const char *const names[] = {"null", "deflate", "zstandard"};
    if (!name.data) {
        avro->codec = FILE_AVRO_NULL;
        return MR_OK;
    }
    for (int i = FILE_AVRO_NULL; i <= FILE_AVRO_ZSTD; i++) {
        if (is(name, names[i])) {
            avro->codec = (file_avro_codec)i;
            return MR_OK;
        }
    }
    return mr_fail(err, MR_REJECT, MR_DOMAIN_FILE,
                   "the Avro file is packed with the codec \"%.*s\"; null, deflate and zstandard "
                   "can be read: write it with one of them",
                   name.len < 80 ? (int)name.len : 80, name.data);
}

static mr_status take_schema(file_avro *avro, mr_slice json, mr_error *err)
{
    if (!json.data) {
        return mr_fail(err, MR_REJECT, MR_DOMAIN_FILE, "the Avro file has no schema in its header");
    }
    if (mr_schema_parse(json.data, json.len, &avro->writer, err) != MR_OK) {
        mr_error_prefix(err, "the schema in the Avro file");
        return MR_REJECT;
    }
    if (avro->writer->type != MR_RECORD || !avro->writer->field_count) {
        return mr_fail(err, MR_REJECT, MR_DOMAIN_FILE,
                       "the Avro file holds values of type %s; records with fields can be read",
                       mr_type_name(avro->writer->type));
    }
    return MR_OK;
}

/* *there false: more bytes are needed. */
static mr_status parse_header(file_avro *avro, file_reader *reader, bool *there, mr_error *err)
{
    bytes b = {.data = reader->data + reader->start, .len = reader->end - reader->start};
    size_t seen = b.len < MAGIC_BYTES ? b.len : MAGIC_BYTES;
    header h = {0};
    *there = false;
    if (seen && memcmp(b.data, magic, seen) != 0) {
        char looks[160];
        mr_describe_bytes(b.data, b.len, looks, sizeof looks);
        return mr_fail(err, MR_REJECT, MR_DOMAIN_FILE,
                       "it is no Avro container file: it %s. Is the `format` right?", looks);
    }
    b.at = seen;
    b.more = seen < MAGIC_BYTES;
    if (!b.more) {
        take_metadata(&b, &h);
    }
    b.more = b.more || (!b.bad && b.len - b.at < FILE_AVRO_SYNC_BYTES);
    if (b.bad || (b.more && b.len > HEADER_BYTES_MAX)) {
        return mr_fail(err, MR_REJECT, MR_DOMAIN_FILE, "the header of the Avro file is damaged");
    }
    if (b.more) {
        return MR_OK;
    }
    memcpy(avro->sync, b.data + b.at, FILE_AVRO_SYNC_BYTES);
    mr_status status = take_codec(avro, h.codec, err);
    if (status == MR_OK) {
        status = take_schema(avro, h.schema, err);
    }
    if (status == MR_OK) {
        *there = true;
        file_reader_take(reader, b.at + FILE_AVRO_SYNC_BYTES, 0);
    }
    return status;
}

mr_status file_avro_header(file_avro *avro, file_reader *reader, bool *there, mr_error *err)
{
    mr_status status;
    file_avro_close(avro);
    do {
        status = file_reader_fill(reader, err);
        if (status != MR_OK) {
            return status;
        }
        status = parse_header(avro, reader, there, err);
    } while (status == MR_OK && !*there && !reader->at_end);
    return status;
}

mr_status file_avro_resolve(file_avro *avro, const mr_schema *schema, mr_error *err)
{
    if (mr_decoder_new(avro->writer, schema, &avro->decoder, err) != MR_OK) {
        mr_error_prefix(err, "the schema in the Avro file does not fit that of the source");
        return MR_REJECT;
    }
    return MR_OK;
}

/* --- blocks --- */

static mr_status damaged(const file_reader *reader, const char *why, mr_error *err)
{
    return mr_fail(err, MR_REJECT, MR_DOMAIN_FILE, "the Avro block at byte %lld%s is damaged: %s",
                   (long long)reader->offset,
                   reader->stream.packing == FILE_PLAIN ? "" : " of the unpacked file", why);
}

/* Room for more of an unpacked block; false: it has the limit already. */
static bool more_room(file_avro *avro, size_t limit)
{
    if (avro->capacity >= limit) {
        return false;
    }
    size_t room = avro->capacity ? avro->capacity * 2 : (size_t)64 << 10;
    avro->capacity = room < limit ? room : limit;
    avro->room = mr_realloc(avro->room, avro->capacity);
    return true;
}

static const char *const too_large = "it unpacks to more than line.max.bytes; raise that if such "
                                     "blocks are meant";

/* Why it can not be unpacked; NULL: avro->data, len. */
static const char *inflate_block(file_avro *avro, mr_slice packed, size_t limit)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)packed.data, .avail_in = (uInt)packed.len};
    const char *why = NULL;
    int code = inflateInit2(&z, -MAX_WBITS);
    size_t len = 0;
    while (code == Z_OK && !why) {
        if (len == avro->capacity && !more_room(avro, limit)) {
            why = too_large;
            break;
        }
        z.next_out = (Bytef *)avro->room + len;
        z.avail_out = (uInt)(avro->capacity - len);
        code = inflate(&z, Z_NO_FLUSH);
        len = avro->capacity - z.avail_out;
        if (code == Z_BUF_ERROR && !z.avail_out) {
            code = Z_OK; /* only room was short */
        }
    }
    if (!why && code != Z_STREAM_END) {
        why = z.msg ? z.msg : "its deflate data ends too early";
    }
    inflateEnd(&z);
    avro->data = avro->room;
    avro->len = len;
    return why;
}

static const char *unzstd_block(file_avro *avro, mr_slice packed, size_t limit)
{
    ZSTD_DCtx *context = ZSTD_createDCtx();
    ZSTD_inBuffer in = {packed.data, packed.len, 0};
    ZSTD_outBuffer out = {avro->room, avro->capacity, 0};
    const char *why = context ? NULL : "zstd has no memory";
    size_t code = 1;
    while (!why && (in.pos < in.size || code)) {
        if (out.pos == out.size && !more_room(avro, limit)) {
            why = too_large;
            break;
        }
        out.dst = avro->room;
        out.size = avro->capacity;
        size_t before_in = in.pos, before_out = out.pos;
        code = ZSTD_decompressStream(context, &out, &in);
        if (ZSTD_isError(code)) {
            why = ZSTD_getErrorName(code);
        } else if (code && in.pos == before_in && out.pos == before_out) {
            why = "its zstd data ends too early";
        }
    }
    ZSTD_freeDCtx(context);
    avro->data = avro->room;
    avro->len = out.pos;
    return why;
}

static const char *unpack_block(file_avro *avro, mr_slice packed, size_t limit)
{
    if (avro->codec == FILE_AVRO_DEFLATE) {
        return inflate_block(avro, packed, limit);
    }
    if (avro->codec == FILE_AVRO_ZSTD) {
        return unzstd_block(avro, packed, limit);
    }
    avro->data = packed.data;
    avro->len = packed.len;
    return NULL;
}

/* Looks at the block in the buffer. *there false: it is not all there. */
static mr_status load(file_avro *avro, file_reader *reader, bool *there, mr_error *err)
{
    size_t limit = reader->format.line_max_bytes;
    bytes b = {.data = reader->data + reader->start, .len = reader->end - reader->start};
    *there = false;
    int64_t count = take_long(&b), size = b.more || b.bad ? 0 : take_long(&b);
    if (b.bad || count < 0 || size < 0) {
        return damaged(reader, "it does not start with two sizes", err);
    }
    if ((uint64_t)size > limit) {
        return damaged(reader,
                       "it is larger than line.max.bytes; raise that if such blocks are "
                       "meant",
                       err);
    }
    if (b.more || b.len - b.at < (size_t)size + FILE_AVRO_SYNC_BYTES) {
        return MR_OK;
    }
    if (memcmp(b.data + b.at + size, avro->sync, FILE_AVRO_SYNC_BYTES) != 0) {
        return damaged(reader, "the sync marker does not follow it", err);
    }
    const char *why = unpack_block(avro, (mr_slice){b.data + b.at, (size_t)size}, limit);
    if (!why && count - RECORDS_OF_NOTHING > (int64_t)avro->len) {
        why = "it can not hold as many records as it says";
    }
    if (why) {
        return damaged(reader, why, err);
    }
    avro->at = 0;
    avro->count = count;
    avro->index = 0;
    avro->file_bytes = b.at + (size_t)size + FILE_AVRO_SYNC_BYTES;
    avro->loaded = *there = true;
    return MR_OK;
}

static mr_status decode(file_avro *avro, const file_reader *reader, mr_arena *arena, mr_cell *ret,
                        mr_error *err)
{
    size_t used;
    mr_error why;
    if (mr_decode_prefix(avro->decoder, avro->data + avro->at, avro->len - avro->at, arena, ret,
                         &used, &why) != MR_OK) {
        damaged(reader, why.text, err);
        mr_error_field(err, why.field);
        return MR_REJECT;
    }
    avro->at += used;
    avro->index++;
    return MR_OK;
}

/* The records that were yielded before a restart. */
static mr_status pass_over(file_avro *avro, const file_reader *reader, mr_arena *arena,
                           mr_error *err)
{
    mr_arena_mark mark = mr_arena_get_mark(arena);
    mr_status status = MR_OK;
    if (avro->skip > avro->count) {
        status = damaged(reader, "it has fewer records than have been read of it", err);
    }
    while (status == MR_OK && avro->index < avro->skip) {
        mr_cell unused;
        status = decode(avro, reader, arena, &unused, err);
        mr_arena_rewind(arena, mark);
    }
    if (status != MR_OK) {
        avro->loaded = false;
        avro->index = 0;
        return status;
    }
    avro->skip = 0;
    return MR_OK;
}

mr_status file_avro_next(file_avro *avro, file_reader *reader, bool may_load, mr_arena *arena,
                         file_event *event, file_item *item, mr_cell *ret, mr_error *err)
{
    *event = FILE_DRY;
    for (;;) {
        if (!avro->loaded) {
            bool there = false;
            mr_status status = MR_OK;
            if (reader->start < reader->end && (may_load || avro->codec == FILE_AVRO_NULL)) {
                status = load(avro, reader, &there, err);
            }
            if (status == MR_OK && there && avro->skip) {
                status = pass_over(avro, reader, arena, err);
            }
            if (status != MR_OK || !there) {
                return status;
            }
        }
        if (avro->index < avro->count) {
            break;
        }
        if (avro->at < avro->len) {
            return damaged(reader, "something follows its last record", err);
        }
        avro->loaded = false;
        avro->index = 0;
        file_reader_take(reader, avro->file_bytes, 0);
    }
    mr_status status = decode(avro, reader, arena, ret, err);
    if (status == MR_OK) {
        *item = (file_item){.line = reader->line};
        file_reader_take(reader, 0, 1);
        *event = FILE_RECORD;
    }
    return status;
}

mr_status file_infer_avro(int fd, const file_format *format, char **json, mr_error *err)
{
    file_reader reader;
    file_avro avro = {0};
    bool there;
    *json = NULL;
    file_reader_init(&reader, format);
    file_reader_start(&reader, fd);
    mr_status status = file_avro_header(&avro, &reader, &there, err);
    if (status == MR_OK && there) {
        *json = mr_strdup(mr_schema_json(avro.writer));
    }
    file_avro_release(&avro);
    file_reader_release(&reader);
    return status;
}
