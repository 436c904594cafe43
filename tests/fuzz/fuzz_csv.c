/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CSV parser and reader on arbitrary bytes. Invariants:
 *   - nothing is read beyond the bytes given: each call gets a block of exactly its size (ASan);
 *   - every byte belongs to exactly one record, blank or bad line, and every call takes some;
 *   - a prefix of the input yields MR_CSV_MORE or exactly what the whole yields;
 *   - fields lie inside the record, in order, and hold no delimiter, quote or newline unquoted;
 *   - the reader yields the same events whatever the size of its reads.
 * The first byte chooses the delimiter and the line limit.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "codec/csv.h"
#include "sources/file/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(what)                                                                              \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

enum { FIELDS = 16 };

static mr_csv_result parse_exact(mr_csv *csv, const char *data, size_t len, bool last)
{
    char *exact = mr_alloc(len);
    memcpy(exact, data, len);
    mr_csv_result result = mr_csv_next(csv, exact, len, last);
    for (size_t i = 0; i < csv->count && i < csv->capacity; i++) {
        if (result == MR_CSV_RECORD) { /* as if it had been parsed in place */
            csv->fields[i].data = data + (csv->fields[i].data - exact);
        }
    }
    free(exact);
    return result;
}

static void check_fields(const mr_csv *csv, const char *data)
{
    const char *behind = data;
    for (size_t i = 0; i < csv->count && i < csv->capacity; i++) {
        const mr_csv_field *f = &csv->fields[i];
        REQUIRE(f->data >= behind && f->data + f->len <= data + csv->used);
        behind = f->data + f->len;
        if (!f->quoted) {
            REQUIRE(!f->len || (!memchr(f->data, csv->delimiter, f->len) &&
                                !memchr(f->data, '\n', f->len) && f->data[0] != '"'));
            continue;
        }
        char *plain = mr_alloc(f->len ? f->len : 1);
        size_t len = mr_csv_unescape(f, plain), quotes = 0;
        for (size_t k = 0; k < f->len; k++) {
            quotes += f->data[k] == '"';
        }
        REQUIRE(f->escaped == (quotes > 0) && quotes % 2 == 0 && len == f->len - quotes / 2);
        free(plain);
    }
}

static void check_prefixes(const mr_csv *whole, mr_csv_result want, const char *data, size_t len)
{
    mr_csv part;
    mr_csv_init(&part, whole->delimiter, FIELDS);
    for (size_t n = 1; n < len && n < 200; n++) {
        mr_csv_result got = parse_exact(&part, data, n, false);
        REQUIRE(got == MR_CSV_MORE || (got == want && part.used == whole->used &&
                                       part.lines == whole->lines && part.count == whole->count));
        for (size_t i = 0; got == MR_CSV_RECORD && i < part.count && i < part.capacity; i++) {
            REQUIRE(part.fields[i].data == whole->fields[i].data &&
                    part.fields[i].len == whole->fields[i].len);
        }
    }
    mr_csv_release(&part);
}

static void check_parser(const char *data, size_t len, char delimiter)
{
    mr_csv csv;
    mr_csv_init(&csv, delimiter, FIELDS);
    while (len) {
        mr_csv_result early = parse_exact(&csv, data, len, false);
        if (early != MR_CSV_MORE) {
            check_prefixes(&csv, early, data, len);
        }
        mr_csv_result result = parse_exact(&csv, data, len, true);
        REQUIRE(result != MR_CSV_MORE && (early == MR_CSV_MORE || early == result));
        REQUIRE(csv.used > 0 && csv.used <= len);
        if (result == MR_CSV_RECORD) {
            check_fields(&csv, data);
        }
        data += csv.used;
        len -= csv.used;
    }
    mr_csv_release(&csv);
}

/* A digest of all events of the reader. */
static uint64_t digest(int fd, file_format format, size_t size)
{
    mr_error err;
    file_reader reader;
    uint64_t sum = 14695981039346656037u;
    file_reader_init(&reader, &format);
    REQUIRE(lseek(fd, 0, SEEK_SET) == 0);
    file_reader_start(&reader, dup(fd));
    reader.complete = true;
    for (;;) {
        file_item item;
        file_event event = file_reader_next(&reader, &item);
        if (event == FILE_DRY) {
            if (reader.at_end) {
                break;
            }
            REQUIRE(file_reader_fill(&reader, &err) == MR_OK);
            continue;
        }
        sum = (sum ^ (uint64_t)item.line ^ ((uint64_t)event << 40)) * 1099511628211u;
        for (size_t i = 0; i < item.input.len; i++) {
            sum = (sum ^ (unsigned char)item.input.data[i]) * 1099511628211u;
        }
        sum = (sum ^ (uint64_t)reader.offset) * 1099511628211u;
    }
    REQUIRE(reader.offset == (int64_t)size && !reader.skipping);
    file_reader_release(&reader);
    return sum;
}

static void check_reader(const char *data, size_t len, file_format format)
{
    int fd = memfd_create("csv", MFD_CLOEXEC);
    REQUIRE(fd >= 0 && write(fd, data, len) == (ssize_t)len);
    format.buffer_bytes = len + 1;
    uint64_t want = digest(fd, format, len);
    static const size_t sizes[] = {1, 2, 7, 64};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        format.buffer_bytes = 16;
        format.read_max_bytes = sizes[i];
        REQUIRE(digest(fd, format, len) == want);
    }
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char delimiters[] = ",;\t|";
    static const size_t limits[] = {1 << 20, 100, 16, 3};
    if (size < 2 || size > 4096) {
        return 0;
    }
    const char *text = (const char *)data + 1;
    char delimiter = delimiters[data[0] & 3];
    check_parser(text, size - 1, delimiter);
    check_reader(text, size - 1,
                 (file_format){.delimiter = delimiter, .line_max_bytes = limits[data[0] >> 2 & 3]});
    if (mr_csv_text_valid(text, size - 1)) {
        REQUIRE(!memchr(text, '\0', size - 1));
    }
    return 0;
}
