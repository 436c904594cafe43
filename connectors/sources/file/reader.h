/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CSV records of one file, in constant memory: a buffer of 1 MiB that grows only while one
 * record does not fit, up to the longest line that is allowed.
 *
 * Lifetime    What file_reader_next() yields points into the buffer and stays valid until the next
 *             file_reader_fill().
 * Bad lines   A malformed record, or one longer than the limit, yields FILE_BAD for its first
 *             physical line alone and reading goes on at the next line (codec/csv.h tells why). A
 *             single line longer than the limit is skipped to its end without being kept.
 */
#ifndef MR_FILE_READER_H
#define MR_FILE_READER_H

#include <sys/types.h>

#include "api/error.h"
#include "api/record.h"
#include "codec/csv.h"
#include "format.h"

enum { FILE_COLUMNS_MAX = 4096 };

typedef struct file_format {
    char delimiter;
    char quote, escape;  /* 0: the quote is ", and doubled within quotes */
    bool no_quotes;      /* a quote is data */
    const char *comment; /* lines that start so are left out; NULL: none. Borrowed */
    size_t line_max_bytes;
    file_packing packing; /* of the file that is started next */
    file_kind kind;       /* FILE_NDJSON: lines; else CSV records */
    /* Tests make these tiny; 0: the usual. */
    size_t read_max_bytes; /* largest single read() */
    size_t buffer_bytes;   /* what the buffer has at first */
} file_format;

typedef struct file_reader {
    file_format format;
    mr_csv csv; /* fields of the record yielded last */
    char *data; /* unread bytes are data[start..end) */
    size_t start, end, capacity;
    file_stream stream;
    int64_t offset; /* in the file (unpacked), of data[start] */
    int64_t line;   /* physical line, from 1, of data[start] */
    bool at_end;    /* nothing could be read at the last fill */
    bool complete;  /* nothing more will be written: the end of the file ends its last record */
    bool skipping;  /* inside a line that is too long, already rejected */
    /* Packed files: CRC-32 of what lies before data[start], and of what lay before the item that
     * was yielded last. */
    uint32_t crc, item_crc;
    char why[160]; /* room for an item's why */
} file_reader;

typedef enum file_event {
    FILE_RECORD, /* reader->csv holds the fields; NDJSON: item->input is a line */
    FILE_BAD,    /* item->input could not be understood: item->why */
    FILE_DRY,    /* nothing more in the buffer: fill, or end when at_end */
} file_event;

typedef struct file_item {
    int64_t line;    /* where it starts */
    int64_t column;  /* of what is wrong, if known; else 0 */
    mr_slice input;  /* its bytes without the line's end; of a bad line at most
                        FILE_SHOWN_BYTES */
    const char *why; /* FILE_BAD */
} file_item;

/* A dead letter keeps this much of a bad line: Kafka refuses messages above 1 MB. */
enum { FILE_SHOWN_BYTES = 512 << 10 };

void file_reader_init(file_reader *reader, const file_format *format);
void file_reader_release(file_reader *reader);

/* What the next file is: its packing, kind and delimiter. */
void file_reader_expect(file_reader *reader, file_format format);
/* Reads `fd` from the start; takes it over, and closes the file read before. */
void file_reader_start(file_reader *reader, int fd);
/* The packed file has come to an end inside a member. */
bool file_reader_cut(const file_reader *reader);
void file_reader_stop(file_reader *reader); /* closes the file; keeps the buffer */
/* Goes on at an offset at which a record starts (or, with skipping, within a line). */
MR_CHECKED mr_status file_reader_seek(file_reader *reader, int64_t offset, int64_t line,
                                      bool skipping, mr_error *err);

/* Reads more. Sets at_end when there is no more. MR_REJECT: a packed file is damaged; what came
 * before has been yielded. */
MR_CHECKED mr_status file_reader_fill(file_reader *reader, mr_error *err);
/* Takes bytes and lines off the buffer; for formats that find records by themselves. */
void file_reader_take(file_reader *reader, size_t bytes, int64_t lines);
file_event file_reader_next(file_reader *reader, file_item *item);

/* Reads what there is, past a byte order mark. Nothing unread: the file is empty. MR_REJECT: its
 * byte order mark is that of UTF-16 or UTF-32. */
MR_CHECKED mr_status file_reader_begin(file_reader *reader, mr_error *err);

/* The first record, past a byte order mark. FILE_DRY: the file has none. Fills as needed. */
MR_CHECKED mr_status file_reader_header(file_reader *reader, file_event *event, file_item *item,
                                        mr_error *err);

#endif
