/* SPDX-License-Identifier: Apache-2.0 */
/* Packed files: the same records as of the file unpacked, however the packing is cut into members
 * and reads; positions inside; cut and damaged ones. */
#include "unit/sources/file_drive.h"

#include <zlib.h>
#include <zstd.h>

#include "sources/file/unpack.h"

/* Appends one gzip member, or one zstd frame, that holds the text. */
static void pack(file_packing packing, int level, const char *text, size_t len, mr_buffer *out)
{
    assert_true(mr_buffer_reserve(out, len + len / 2 + 1000));
    size_t room = out->capacity - out->len;
    if (packing == FILE_ZSTD) {
        size_t n = ZSTD_compress(out->data + out->len, room, text, len, level);
        assert_false(ZSTD_isError(n));
        out->len += n;
        return;
    }
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, level, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)text;
    z.avail_in = (uInt)len;
    z.next_out = (Bytef *)out->data + out->len;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->len += z.total_out;
    deflateEnd(&z);
}

static void rows(mr_buffer *text, int from, int to)
{
    if (!from) {
        mr_buffer_add_text(text, "id,name\n");
    }
    for (int i = from; i < to; i++) {
        mr_buffer_printf(text, "%d,name of %d %x\n", i, i, (unsigned)i * 2654435761u);
    }
}

static const char *const names[] = {[FILE_GZIP] = "a.csv.gz", [FILE_ZSTD] = "a.csv.zst"};

/* Every record once, in order: the ids from..to-1. */
static void expect_ids(drive *d, int from, int to)
{
    /* By lengths: AddressSanitizer's strict string checks read a string to its end each time. */
    const char *p = d->out.data, *end = p + d->out.len;
    for (int i = from; i < to; i++) {
        char want[40];
        int n = snprintf(want, sizeof want, "%d: %d|", i + 2, i);
        if (end - p < n || memcmp(p, want, (size_t)n) != 0) {
            fail_msg("expected %s at %.*s", want, (int)(end - p < 60 ? end - p : 60), p);
        }
        const char *line_end = memchr(p, '\n', (size_t)(end - p));
        assert_non_null(line_end);
        p = line_end + 1;
    }
    assert_ptr_equal(p, end);
}

static void whole(drive *d, file_packing packing)
{
    mr_buffer text = MR_BUFFER_INIT(64 << 20), packed = MR_BUFFER_INIT(64 << 20);
    rows(&text, 0, 100000);
    pack(packing, 3, text.data, text.len, &packed);
    drive_write_bytes(d, names[packing], packed.data, packed.len, "wb");
    drive_once(d, NULL);
    expect_ids(d, 0, 100000);
    drive_once(d, NULL);
    drive_expect(d, "");
    mr_buffer_release(&text);
    mr_buffer_release(&packed);
}

static void gzip_whole(void **arg)
{
    whole(*arg, FILE_GZIP);
}

static void zstd_whole(void **arg)
{
    whole(*arg, FILE_ZSTD);
}

/* Members end anywhere, also inside a line; an empty one is one; a later one is found. */
static void members(drive *d, file_packing packing)
{
    mr_buffer text = MR_BUFFER_INIT(64 << 20), packed = MR_BUFFER_INIT(64 << 20);
    rows(&text, 0, 1000);
    size_t third = text.len / 3;
    pack(packing, 3, text.data, third, &packed);
    pack(packing, 3, "", 0, &packed);
    pack(packing, 9, text.data + third, text.len - third, &packed);
    drive_write_bytes(d, names[packing], packed.data, packed.len, "wb");
    drive_once(d, NULL);
    expect_ids(d, 0, 1000);
    mr_buffer_clear(&text);
    mr_buffer_clear(&packed);
    rows(&text, 1000, 1500);
    pack(packing, 3, text.data, text.len, &packed);
    drive_write_bytes(d, names[packing], packed.data, packed.len, "ab");
    drive_once(d, NULL);
    expect_ids(d, 1000, 1500);
    mr_buffer_release(&text);
    mr_buffer_release(&packed);
}

static void gzip_members(void **arg)
{
    drive *d = *arg;
    members(d, FILE_GZIP);
    static const char zeros[512] = "";
    drive_write_bytes(d, names[FILE_GZIP], zeros, sizeof zeros, "ab"); /* tape blocks */
    drive_once(d, NULL);
    drive_expect(d, "");
    drive_append(d, names[FILE_GZIP], "rubbish");
    drive_once(d, NULL);
    assert_int_equal(d->rejects, 1);
    assert_non_null(strstr(mr_buffer_text(&d->out), "gzip data is damaged at byte"));
}

static void zstd_members(void **arg)
{
    members(*arg, FILE_ZSTD);
}

/* Stopped after every poll: each record once all the same. */
static void resumed(drive *d, file_packing packing)
{
    mr_buffer text = MR_BUFFER_INIT(64 << 20), packed = MR_BUFFER_INIT(64 << 20);
    rows(&text, 0, 100000);
    pack(packing, 3, text.data, text.len, &packed);
    drive_write_bytes(d, names[packing], packed.data, packed.len, "wb");
    mr_status status = MR_OK;
    mr_error err;
    int lives = 0;
    for (; status == MR_OK; lives++) {
        assert_int_equal(drive_open(d, true, NULL, &err), MR_OK);
        status = drive_poll(d, &err);
        drive_close(d);
    }
    assert_int_equal(status, MR_END);
    assert_true(lives > 20);
    expect_ids(d, 0, 100000);
    mr_buffer_release(&text);
    mr_buffer_release(&packed);
}

static void gzip_resumed(void **arg)
{
    resumed(*arg, FILE_GZIP);
}

static void zstd_resumed(void **arg)
{
    resumed(*arg, FILE_ZSTD);
}

/* Packed again, with more lines and another level: only those are new. Other text: all is. */
static void packed_again(void **arg)
{
    drive *d = *arg;
    mr_buffer text = MR_BUFFER_INIT(64 << 20), packed = MR_BUFFER_INIT(64 << 20);
    rows(&text, 0, 1000);
    pack(FILE_GZIP, 1, text.data, text.len, &packed);
    drive_write_bytes(d, "a.csv.gz", packed.data, packed.len, "wb");
    drive_once(d, NULL);
    expect_ids(d, 0, 1000);
    rows(&text, 1000, 1200);
    mr_buffer_clear(&packed);
    pack(FILE_GZIP, 9, text.data, text.len, &packed);
    drive_write_bytes(d, "a.csv.gz", packed.data, packed.len, "wb");
    drive_once(d, NULL);
    expect_ids(d, 1000, 1200);
    text.data[text.len / 2] ^= 1;
    mr_buffer_clear(&packed);
    pack(FILE_GZIP, 9, text.data, text.len, &packed);
    drive_write_bytes(d, "a.csv.gz", packed.data, packed.len, "wb");
    drive_once(d, NULL);
    assert_int_equal(d->records + d->rejects, 1200);
    mr_buffer_release(&text);
    mr_buffer_release(&packed);
}

/* Cut at many places: the lines before, one dead letter, and the rest when the file is whole. */
static void cut(drive *d, file_packing packing)
{
    mr_buffer text = MR_BUFFER_INIT(64 << 20), packed = MR_BUFFER_INIT(64 << 20);
    rows(&text, 0, 3000);
    pack(packing, 3, text.data, text.len, &packed);
    for (size_t at = 1; at < packed.len; at += packed.len / 23) {
        char name[40], byte[60];
        snprintf(name, sizeof name, "%zu.csv%s", at, packing == FILE_GZIP ? ".gz" : ".zst");
        snprintf(byte, sizeof byte, "the file ends at byte %zu,", at);
        drive_write_bytes(d, name, packed.data, at, "wb");
        drive_once(d, NULL);
        size_t before = d->records;
        assert_int_equal(d->rejects, 1);
        assert_non_null(strstr(mr_buffer_text(&d->out), byte));
        assert_non_null(strstr(mr_buffer_text(&d->out), name));
        drive_once(d, NULL); /* told once */
        drive_expect(d, "");
        drive_write_bytes(d, name, packed.data, packed.len, "wb");
        drive_once(d, NULL);
        assert_int_equal(before + d->records, 3000);
        expect_ids(d, (int)before, 3000);
        unlink(drive_path(d, name));
    }
    mr_buffer_release(&text);
    mr_buffer_release(&packed);
}

static void gzip_cut(void **arg)
{
    cut(*arg, FILE_GZIP);
}

static void zstd_cut(void **arg)
{
    cut(*arg, FILE_ZSTD);
}

/* A file by itself: what came before is sent, then the run ends with the reason. */
static void cut_alone(void **arg)
{
    drive *d = *arg;
    mr_buffer text = MR_BUFFER_INIT(64 << 20), packed = MR_BUFFER_INIT(64 << 20);
    char path[200];
    mr_error err = {0};
    rows(&text, 0, 3000);
    pack(FILE_GZIP, 3, text.data, text.len, &packed);
    drive_write_bytes(d, "a.csv.gz", packed.data, packed.len / 2, "wb");
    snprintf(path, sizeof path, "path=%s", drive_path(d, "a.csv.gz"));
    assert_int_equal(drive_open(d, true, OPTIONS(path), &err), MR_OK);
    assert_int_equal(drive_drain(d, &err), MR_FATAL);
    assert_true(err.permanent);
    assert_non_null(strstr(err.text, "a.csv.gz:"));
    assert_non_null(strstr(err.text, "the file ends at byte"));
    assert_true(d->records > 500 && d->records < 2500);
    expect_ids(d, 0, (int)d->records);
    drive_close(d);
    mr_buffer_release(&text);
    mr_buffer_release(&packed);
}

/* A flipped bit anywhere: never a crash, and no more records than there were. */
static void damaged(void **arg)
{
    drive *d = *arg;
    for (int packing = FILE_GZIP; packing <= FILE_ZSTD; packing++) {
        mr_buffer text = MR_BUFFER_INIT(1 << 20), packed = MR_BUFFER_INIT(1 << 20);
        rows(&text, 0, 50);
        pack((file_packing)packing, 3, text.data, text.len, &packed);
        for (size_t at = 0; at < packed.len; at += 7) {
            packed.data[at] ^= 0x10;
            drive_write_bytes(d, names[packing], packed.data, packed.len, "wb");
            drive_once(d,
                       OPTIONS("schema={\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":"
                               "\"id\",\"type\":\"long\"},{\"name\":\"name\",\"type\":"
                               "\"string\"}]}"));
            assert_true(d->records <= 50);
            packed.data[at] ^= 0x10;
            unlink(drive_path(d, names[packing]));
        }
        mr_buffer_release(&text);
        mr_buffer_release(&packed);
    }
    drive_write(d, "b.csv.gz", "id,name\n1,not packed at all\n");
    drive_once(d, NULL);
    assert_int_equal(d->rejects, 1);
    assert_non_null(strstr(mr_buffer_text(&d->out), "gzip data is damaged at byte"));
}

/* Still being written: what is there is taken, the rest is waited for. */
static void growing(void **arg)
{
    drive *d = *arg;
    mr_buffer text = MR_BUFFER_INIT(64 << 20), packed = MR_BUFFER_INIT(64 << 20);
    mr_error err;
    rows(&text, 0, 3000);
    pack(FILE_GZIP, 3, text.data, text.len, &packed);
    drive_write_bytes(d, "a.csv.gz", packed.data, packed.len / 2, "wb");
    assert_int_equal(drive_open(d, false, OPTIONS("scan.interval.ms=10"), &err), MR_OK);
    assert_int_equal(drive_drain(d, &err), MR_IDLE);
    assert_int_equal(d->rejects, 0);
    assert_true(d->records > 500 && d->records < 2500);
    drive_write_bytes(d, "a.csv.gz", packed.data + packed.len / 2, packed.len - packed.len / 2,
                      "ab");
    while (d->records < 3000) {
        mr_status status = drive_poll(d, &err);
        assert_true(status == MR_OK || status == MR_IDLE);
    }
    assert_int_equal(d->rejects, 0);
    expect_ids(d, 0, 3000);
    mr_buffer_release(&text);
    mr_buffer_release(&packed);
}

/* With finished, what was read to its end goes; a cut file stays until it is whole. */
static void finished(void **arg)
{
    drive *d = *arg;
    mr_buffer text = MR_BUFFER_INIT(64 << 20), packed = MR_BUFFER_INIT(64 << 20);
    rows(&text, 0, 3000);
    pack(FILE_GZIP, 3, text.data, text.len, &packed);
    drive_write_bytes(d, "whole.csv.gz", packed.data, packed.len, "wb");
    drive_write_bytes(d, "cut.csv.gz", packed.data, packed.len / 2, "wb");
    drive_once(d, OPTIONS("finished=delete"));
    assert_int_equal(d->rejects, 1);
    size_t before = d->records - 3000;
    assert_int_equal(access(drive_path(d, "whole.csv.gz"), F_OK), -1);
    assert_int_equal(access(drive_path(d, "cut.csv.gz"), F_OK), 0);
    drive_once(d, OPTIONS("finished=delete"));
    drive_expect(d, "");
    assert_int_equal(access(drive_path(d, "cut.csv.gz"), F_OK), 0);
    drive_write_bytes(d, "cut.csv.gz", packed.data, packed.len, "wb");
    drive_once(d, OPTIONS("finished=delete"));
    expect_ids(d, (int)before, 3000);
    assert_int_equal(access(drive_path(d, "cut.csv.gz"), F_OK), -1);
    mr_buffer_release(&text);
    mr_buffer_release(&packed);
}

/* Files without a header: their first line is read twice, also of packed ones. */
static void without_header(void **arg)
{
    drive *d = *arg;
    mr_buffer packed = MR_BUFFER_INIT(1 << 20);
    static const char text[] = "# first\n1,a\n2,b\n";
    pack(FILE_GZIP, 3, text, sizeof text - 1, &packed);
    drive_write_bytes(d, "a.csv.gz", packed.data, packed.len, "wb");
    drive_once(d, OPTIONS("header=false", "comment=#"));
    drive_expect(d, "2: 1|a\n3: 2|b\n");
    mr_buffer_clear(&packed);
    pack(FILE_GZIP, 3, "3,c\n", 4, &packed);
    drive_write_bytes(d, "a.csv.gz", packed.data, packed.len, "ab");
    drive_once(d, OPTIONS("header=false", "comment=#"));
    drive_expect(d, "4: 3|c\n");
    mr_buffer_release(&packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        drive_test(gzip_whole),   drive_test(zstd_whole),     drive_test(gzip_members),
        drive_test(zstd_members), drive_test(gzip_resumed),   drive_test(zstd_resumed),
        drive_test(packed_again), drive_test(gzip_cut),       drive_test(zstd_cut),
        drive_test(cut_alone),    drive_test(damaged),        drive_test(growing),
        drive_test(finished),     drive_test(without_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
