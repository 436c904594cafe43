/* SPDX-License-Identifier: Apache-2.0 */
/* The reader: the same events however the file is cut into reads, from whichever record it starts;
 * lines too long cost no memory. */
#include "unit/sources/file_drive.h"

#include "sources/file/reader.h"

enum { EVENTS_MAX = 256 };

typedef struct event {
    int64_t offset, line; /* behind it */
    char text[400];
    bool skipping;
} event;

typedef struct events {
    event list[EVENTS_MAX];
    size_t count;
} events;

static int temporary_file(const char *text, size_t len)
{
    char path[] = "/tmp/mr-reader-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    assert_int_equal(write(fd, text, len), len);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static void describe(event *e, file_event kind, const file_reader *r, const file_item *item)
{
    int n = snprintf(e->text, sizeof e->text, "%lld ", (long long)item->line);
    if (kind == FILE_BAD) {
        n += snprintf(e->text + n, sizeof e->text - (size_t)n, "!%.60s<%.*s>", item->why,
                      item->input.len < 60 ? (int)item->input.len : 60, item->input.data);
    }
    for (size_t i = 0; kind == FILE_RECORD && i < r->csv.count; i++) {
        const mr_csv_field *f = &r->csv.fields[i];
        n += snprintf(e->text + n, sizeof e->text - (size_t)n, "|%.*s", (int)f->len, f->data);
    }
    e->offset = r->offset;
    e->line = r->line;
    e->skipping = r->skipping;
}

/* Reads on to the end. */
static void read_on(file_reader *r, events *out)
{
    mr_error err;
    out->count = 0;
    for (;;) {
        file_item item;
        file_event kind = file_reader_next(r, &item);
        if (kind == FILE_DRY) {
            if (r->at_end) {
                return;
            }
            assert_int_equal(file_reader_fill(r, &err), MR_OK);
        } else {
            assert_true(out->count < EVENTS_MAX);
            describe(&out->list[out->count++], kind, r, &item);
        }
    }
}

static void read_all(const char *text, size_t len, file_format format, events *out)
{
    file_reader r;
    file_reader_init(&r, &format);
    file_reader_start(&r, temporary_file(text, len));
    r.complete = true;
    read_on(&r, out);
    assert_int_equal(r.offset, len);
    file_reader_release(&r);
}

static void same_events(const events *a, const events *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_string_equal(a->list[i].text, b->list[i].text);
        assert_int_equal(a->list[i].offset, b->list[i].offset);
        assert_int_equal(a->list[i].line, b->list[i].line);
        assert_int_equal(a->list[i].skipping, b->list[i].skipping);
    }
}

static const char nasty[] =
    "id,name\r\n"
    "1,plain\n"
    "2,\"quoted, with \"\"quotes\"\"\"\r\n"
    "\n\r\n"
    "3,\"two\nlines\r\nand a third\"\n"
    "4,stray \"quote\" inside\n"
    "5,\"never closed here\n"
    "6,\"this one closes the one above\"\n"
    "7,gr\xc3\xbc\xc3\x9f\n"
    "8,this line is longer than what is allowed when the limit is small, and has no quote at all\n"
    "9,\"a quoted field that is longer than what is allowed when the limit is small, over\n"
    "10,two lines\"\n"
    "11,\"\"\n"
    "\"12\"x,y\n"
    "13,,,\n"
    "14,\"open to the end\n"
    "15,last without newline";

static void every_read_size(void **arg)
{
    (void)arg;
    static const size_t limits[] = {1 << 20, 120, 100, 90, 64, 40, 25};
    static events want, got;
    for (size_t l = 0; l < sizeof limits / sizeof *limits; l++) {
        file_format format = {
            .delimiter = ',', .line_max_bytes = limits[l], .buffer_bytes = 1 << 20};
        read_all(nasty, sizeof nasty - 1, format, &want);
        assert_true(want.count > 12);
        for (size_t size = 1; size <= 64; size++) {
            format.read_max_bytes = size;
            format.buffer_bytes = 1 + size % 20;
            read_all(nasty, sizeof nasty - 1, format, &got);
            same_events(&want, &got);
        }
    }
}

static void from_every_record(void **arg)
{
    (void)arg;
    static const size_t limits[] = {1 << 20, 64, 25};
    static events want, rest, tail;
    for (size_t l = 0; l < sizeof limits / sizeof *limits; l++) {
        file_format format = {.delimiter = ',', .line_max_bytes = limits[l]};
        read_all(nasty, sizeof nasty - 1, format, &want);
        for (size_t i = 0; i < want.count; i++) {
            mr_error err;
            file_reader r;
            file_reader_init(&r, &format);
            file_reader_start(&r, temporary_file(nasty, sizeof nasty - 1));
            r.complete = true;
            const event *e = &want.list[i];
            assert_int_equal(file_reader_seek(&r, e->offset, e->line, e->skipping, &err), MR_OK);
            read_on(&r, &rest);
            file_reader_release(&r);
            tail.count = want.count - i - 1;
            memcpy(tail.list, &want.list[i + 1], tail.count * sizeof *tail.list);
            same_events(&tail, &rest);
        }
    }
}

static void what_is_bad(void **arg)
{
    (void)arg;
    static events got;
    file_format format = {.delimiter = ',', .line_max_bytes = 64};
    read_all(nasty, sizeof nasty - 1, format, &got);
    static const char *const want[] = {
        "1 |id|name",
        "2 |1|plain",
        "3 |2|quoted, with \"\"quotes\"\"",
        "6 |3|two\nlines\r\nand a third",
        "9 |4|stray \"quote\" inside",
        "10 !text follows a closing quote<5,\"never closed here>",
        "11 |6|this one closes the one above",
        "12 |7|gr\xc3\xbc\xc3\x9f",
        "13 !the line is longer than line.max.bytes; here are its first b<8,this line is longer "
        "than what is allowed when the limit is>",
        "14 !the line is longer than line.max.bytes; here are its first b<9,\"a quoted field that "
        "is longer than what is allowed when t>",
        "15 |10|two lines\"",
        "16 |11|",
        "17 !text follows a closing quote<\"12\"x,y>",
        "18 |13|||",
        "19 !a quote is opened and never closed: line 19, field 2<14,\"open to the end>",
        "20 |15|last without newline",
    };
    assert_int_equal(got.count, sizeof want / sizeof *want);
    for (size_t i = 0; i < got.count; i++) {
        assert_string_equal(got.list[i].text, want[i]);
    }
}

/* Without `complete` the end of the file ends nothing. */
static void waits_for_the_end_of_a_line(void **arg)
{
    (void)arg;
    static const char text[] = "1,a\n2,b";
    mr_error err;
    file_item item;
    file_reader r;
    file_format format = {.delimiter = ',', .line_max_bytes = 1 << 20};
    file_reader_init(&r, &format);
    file_reader_start(&r, temporary_file(text, sizeof text - 1));
    assert_int_equal(file_reader_fill(&r, &err), MR_OK);
    assert_int_equal(file_reader_next(&r, &item), FILE_RECORD);
    assert_int_equal(file_reader_fill(&r, &err), MR_OK);
    assert_true(r.at_end);
    assert_int_equal(file_reader_next(&r, &item), FILE_DRY);
    assert_int_equal(r.offset, 4);
    file_reader_release(&r);
}

static void byte_order_mark(void **arg)
{
    (void)arg;
    static const char *const texts[] = {"\xEF\xBB\xBFid\n1\n", "\xEF\xBB\xBF\"id\"\n1\n",
                                        "\xEF\xBB\xBF\n\nid\n", "id\n"};
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
        for (size_t size = 1; size < 5; size++) {
            mr_error err;
            file_event kind;
            file_item item;
            file_reader r;
            file_format format = {
                .delimiter = ',', .line_max_bytes = 1 << 20, .read_max_bytes = size};
            file_reader_init(&r, &format);
            file_reader_start(&r, temporary_file(texts[t], strlen(texts[t])));
            assert_int_equal(file_reader_header(&r, &kind, &item, &err), MR_OK);
            assert_int_equal(kind, FILE_RECORD);
            assert_int_equal(r.csv.count, 1);
            assert_int_equal(r.csv.fields[0].len, 2);
            assert_memory_equal(r.csv.fields[0].data, "id", 2);
            file_reader_release(&r);
        }
    }
}

/* 100 MB without a newline, then a good line. */
static void a_line_of_100_mb(void **arg)
{
    (void)arg;
    static events got;
    char path[] = "/tmp/mr-reader-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    char *block = mr_alloc(1 << 20);
    memset(block, 'x', 1 << 20);
    assert_int_equal(write(fd, "1,a\n", 4), 4);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(write(fd, block, 1 << 20), 1 << 20);
    }
    assert_int_equal(write(fd, "\n3,c\n", 5), 5);
    free(block);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    file_reader r;
    file_format format = {.delimiter = ',', .line_max_bytes = 16 << 20};
    file_reader_init(&r, &format);
    file_reader_start(&r, fd);
    r.complete = true;
    read_on(&r, &got);
    assert_int_equal(got.count, 3);
    assert_string_equal(got.list[2].text, "3 |3|c");
    assert_true(r.capacity <= 32 << 20);
    file_reader_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_read_size), cmocka_unit_test(from_every_record),
        cmocka_unit_test(what_is_bad),     cmocka_unit_test(waits_for_the_end_of_a_line),
        cmocka_unit_test(byte_order_mark), cmocka_unit_test(a_line_of_100_mb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
