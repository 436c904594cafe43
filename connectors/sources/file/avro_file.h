/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Avro object container files (Avro 1.11, "Object Container Files"): a header with the writer's
 * schema, then blocks of records, each packed by the codec and followed by the file's sync marker.
 *
 * Codecs      null, deflate, zstandard.
 * Blocks      A block is looked at when all of it is there, marker included; then its records are
 *             yielded. Packed or not it may be as large as line.max.bytes.
 * Place       The reader stands at the start of the block until its last record was yielded; how
 *             many were is `index`. reader->line is the number, from 1, of the next record.
 * Lifetime    Text of the records lies in the reader's buffer or in the block; both stay until the
 *             next block is loaded.
 */
#ifndef MR_FILE_AVRO_FILE_H
#define MR_FILE_AVRO_FILE_H

#include "codec/avro.h"
#include "reader.h"

typedef enum file_avro_codec { FILE_AVRO_NULL, FILE_AVRO_DEFLATE, FILE_AVRO_ZSTD } file_avro_codec;

enum { FILE_AVRO_SYNC_BYTES = 16 };

typedef struct file_avro {
    const mr_schema *writer; /* owned; NULL: no file */
    mr_decoder *decoder;
    file_avro_codec codec;
    char sync[FILE_AVRO_SYNC_BYTES];
    /* the block, when it is loaded */
    bool loaded;
    const char *data; /* unpacked records: the rest is data[at..len) */
    size_t len, at;
    int64_t count, index;
    size_t file_bytes; /* of the block in the file, from its count to its marker */
    int64_t skip;      /* records of the block loaded next that were yielded before */
    char *room;        /* for unpacked blocks */
    size_t capacity;
} file_avro;

/* Zeroed is empty. Ends with the file; `room` is kept, release frees it too. */
void file_avro_close(file_avro *avro);
void file_avro_release(file_avro *avro);

/* Reads the header from the file's start, filling the reader as needed. *there false: it is not all
 * there yet. MR_REJECT: this is no such file, or its codec or schema is none that can be read. */
MR_CHECKED mr_status file_avro_header(file_avro *avro, file_reader *reader, bool *there,
                                      mr_error *err);

/* The records become cells of `schema` (a root). MR_REJECT: the file's do not resolve to it. */
MR_CHECKED mr_status file_avro_resolve(file_avro *avro, const mr_schema *schema, mr_error *err);

/* The next record. FILE_DRY: fill first, or, with may_load false, come again when what was yielded
 * is done with. MR_REJECT: the file is damaged from here on. */
MR_CHECKED mr_status file_avro_next(file_avro *avro, file_reader *reader, bool may_load,
                                    mr_arena *arena, file_event *event, file_item *item,
                                    mr_cell *ret, mr_error *err);

/* As file_infer(): the writer's schema; NULL when the header is not all there. */
MR_CHECKED mr_status file_infer_avro(int fd, const file_format *format, char **json, mr_error *err);

#endif
