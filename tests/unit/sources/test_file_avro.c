/* SPDX-License-Identifier: Apache-2.0 */
/* Avro container files: those libavro writes, and those built here byte by byte: codecs, blocks,
 * positions inside them, other schemas, damage. */
#include "unit/sources/file_drive.h"

#include <avro.h>
#include <zlib.h>
#include <zstd.h>

#include "codec/avro.h"

static const char schema_json[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"id\",\"type\":\"int\"},"
    "{\"name\":\"name\",\"type\":\"string\"}]}";
static const char marker[] = "0123456789abcdef";

static void put_long(mr_buffer *out, int64_t value)
{
    uint64_t n = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    for (; n > 0x7F; n >>= 7) {
        mr_buffer_add_char(out, (char)(n | 0x80));
    }
    mr_buffer_add_char(out, (char)n);
}

static void put_text(mr_buffer *out, const char *text)
{
    put_long(out, (int64_t)strlen(text));
    mr_buffer_add_text(out, text);
}

static void put_header(mr_buffer *out, const char *schema, const char *codec)
{
    mr_buffer_add(out, "Obj\x01", 4);
    put_long(out, codec ? 2 : 1);
    if (codec) {
        put_text(out, "avro.codec");
        put_text(out, codec);
    }
    put_text(out, "avro.schema");
    put_text(out, schema);
    put_long(out, 0);
    mr_buffer_add(out, marker, 16);
}

static void put_packed(mr_buffer *out, int64_t count, const char *codec, const mr_buffer *records)
{
    static char room[8 << 20];
    const char *data = records->data;
    size_t len = records->len;
    if (codec && strcmp(codec, "deflate") == 0) {
        z_stream z = {0};
        assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
        z.next_in = (Bytef *)records->data;
        z.avail_in = (uInt)records->len;
        z.next_out = (Bytef *)room;
        z.avail_out = sizeof room;
        assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
        data = room;
        len = z.total_out;
        deflateEnd(&z);
    } else if (codec && strcmp(codec, "zstandard") == 0) {
        len = ZSTD_compress(room, sizeof room, records->data, records->len, 3);
        data = room;
    }
    put_long(out, count);
    put_long(out, (int64_t)len);
    mr_buffer_add(out, data, len);
    mr_buffer_add(out, marker, 16);
}

/* A block of the records from..to-1. */
static void put_block(mr_buffer *out, const char *codec, int from, int to)
{
    mr_buffer records = MR_BUFFER_INIT(64 << 20);
    mr_buffer_reserve(&records, 1);
    for (int i = from; i < to; i++) {
        char name[40];
        snprintf(name, sizeof name, "name of %d", i);
        put_long(&records, i);
        put_text(&records, name);
    }
    put_packed(out, to - from, codec, &records);
    mr_buffer_release(&records);
}

/* The ids from..to-1, each once, in order, at records base+1... */
static void expect_ids(drive *d, int from, int to)
{
    const char *p = mr_buffer_text(&d->out);
    for (int i = from; i < to; i++) {
        char want[60];
        int n = snprintf(want, sizeof want, "%d: %d|name of %d\n", i + 1, i, i);
        if (strncmp(p, want, (size_t)n) != 0) {
            fail_msg("expected %s at %.60s", want, p);
        }
        p += n;
    }
    assert_int_equal(*p, '\0');
}

static const char *const codecs[] = {NULL, "null", "deflate", "zstandard"};
enum { CODECS = sizeof codecs / sizeof *codecs };

/* Blocks of all sizes: whole, and stopped after every poll. */
static void blocks(void **arg)
{
    drive *d = *arg;
    for (int c = 0; c < CODECS; c++) {
        char name[40];
        mr_buffer file = MR_BUFFER_INIT(64 << 20);
        snprintf(name, sizeof name, "%d.avro", c);
        put_header(&file, schema_json, codecs[c]);
        int at = 0;
        static const int sizes[] = {0, 1, 10, 3000, 30000, 5, 0, 10000};
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            put_block(&file, codecs[c], at, at + sizes[i]);
            at += sizes[i];
        }
        drive_write_bytes(d, name, file.data, file.len, "wb");
        drive_once(d, NULL);
        expect_ids(d, 0, at);
        drive_once(d, NULL);
        drive_expect(d, "");
        snprintf(name, sizeof name, "again%d.avro", c);
        drive_write_bytes(d, name, file.data, file.len, "wb");
        mr_status status = MR_OK;
        mr_error err;
        int lives = 0;
        for (; status == MR_OK; lives++) {
            assert_int_equal(drive_open(d, true, NULL, &err), MR_OK);
            status = drive_poll(d, &err);
            drive_close(d);
        }
        assert_int_equal(status, MR_END);
        assert_true(lives > 10); /* so some lie within a block */
        expect_ids(d, 0, at);
        /* A block more. */
        mr_buffer_clear(&file);
        put_block(&file, codecs[c], at, at + 7);
        drive_write_bytes(d, name, file.data, file.len, "ab");
        drive_once(d, NULL);
        expect_ids(d, at, at + 7);
        mr_buffer_release(&file);
    }
}

/* What another implementation writes. */
static void of_libavro(void **arg)
{
    drive *d = *arg;
    static const char *const theirs[] = {"null", "deflate"};
    for (int c = 0; c < 2; c++) {
        char name[40];
        avro_schema_t schema;
        avro_file_writer_t writer;
        snprintf(name, sizeof name, "theirs-%s.avro", theirs[c]);
        assert_int_equal(avro_schema_from_json_length(schema_json, sizeof schema_json - 1, &schema),
                         0);
        assert_int_equal(avro_file_writer_create_with_codec(drive_path(d, name), schema, &writer,
                                                            theirs[c], 4096),
                         0);
        avro_value_iface_t *iface = avro_generic_class_from_schema(schema);
        for (int i = 0; i < 5000; i++) {
            avro_value_t value, field;
            char text[40];
            snprintf(text, sizeof text, "name of %d", i);
            avro_generic_value_new(iface, &value);
            avro_value_get_by_index(&value, 0, &field, NULL);
            avro_value_set_int(&field, i);
            avro_value_get_by_index(&value, 1, &field, NULL);
            avro_value_set_string(&field, text);
            assert_int_equal(avro_file_writer_append_value(writer, &value), 0);
            avro_value_decref(&value);
        }
        avro_file_writer_close(writer);
        avro_value_iface_decref(iface);
        avro_schema_decref(schema);
        drive_once(d, NULL);
        expect_ids(d, 0, 5000);
    }
}

/* Other writers' schemas resolve to the source's; one that does not is told. */
static void schemas(void **arg)
{
    drive *d = *arg;
    mr_buffer file = MR_BUFFER_INIT(1 << 20);
    put_header(&file, schema_json, NULL);
    put_block(&file, NULL, 0, 2);
    drive_write_bytes(d, "a.avro", file.data, file.len, "wb");
    const char *wider = "schema={\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"more\","
                        "\"type\":\"string\",\"default\":\"none\"},{\"name\":\"id\",\"type\":"
                        "\"long\"}]}";
    drive_once(d, OPTIONS(wider));
    drive_expect(d, "1: none|0\n2: none|1\n");
    mr_buffer_clear(&file);
    put_header(&file,
               "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"id\",\"type\":"
               "\"string\"}]}",
               NULL);
    drive_write_bytes(d, "b.avro", file.data, file.len, "wb");
    drive_write(d, "c.avro", "id,name\n");
    mr_buffer_clear(&file);
    put_header(&file, schema_json, "snappy");
    drive_write_bytes(d, "d.avro", file.data, file.len, "wb");
    mr_buffer_clear(&file);
    put_header(&file, "\"string\"", NULL);
    drive_write_bytes(d, "e.avro", file.data, file.len, "wb");
    drive_once(d, OPTIONS(wider));
    static const char *const want[] = {
        "! b.avro:1 [id] the schema in the Avro file does not fit that of the source",
        "! c.avro:1 [] it is no Avro container file: it starts with 69 64",
        "! d.avro:1 [] the Avro file is packed with the codec \"snappy\"; null, deflate and",
        "! e.avro:1 [] the Avro file holds values of type string",
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        if (!strstr(mr_buffer_text(&d->out), want[i])) {
            fail_msg("no \"%s\" in:\n%s", want[i], mr_buffer_text(&d->out));
        }
    }
    assert_int_equal(d->rejects, 4);
    assert_int_equal(d->records, 0);
    drive_once(d, OPTIONS(wider));
    drive_expect(d, "");
    mr_buffer_release(&file);
}

static void with_csv(void **arg)
{
    drive *d = *arg;
    mr_buffer file = MR_BUFFER_INIT(1 << 20);
    put_header(&file, schema_json, "deflate");
    put_block(&file, "deflate", 0, 2);
    drive_write_bytes(d, "a.avro", file.data, file.len, "wb");
    drive_write(d, "b.csv", "name,id\nx,7\n");
    drive_write(d, "c.json", "{\"id\": 8, \"name\": \"y\"}\n");
    drive_once(d, NULL);
    drive_expect(d, "1: 0|name of 0\n2: 1|name of 1\n2: 7|x\n1: 8|y\n");
    mr_buffer_release(&file);
}

/* Cut anywhere: whole blocks only, one dead letter, and the rest when it is whole. */
static void cut(void **arg)
{
    drive *d = *arg;
    for (int c = 0; c < CODECS; c++) {
        mr_buffer file = MR_BUFFER_INIT(1 << 20);
        put_header(&file, schema_json, codecs[c]);
        size_t header = file.len, ends[4];
        for (int i = 0; i < 4; i++) {
            put_block(&file, codecs[c], i * 10, i * 10 + 10);
            ends[i] = file.len;
        }
        for (size_t at = 1; at < file.len; at += 13) {
            size_t before = 0;
            bool between = at == header;
            for (int i = 0; i < 4; i++) {
                before += at >= ends[i] ? 10 : 0;
                between |= at == ends[i];
            }
            drive_write_bytes(d, "a.avro", file.data, at, "wb");
            drive_once(d, NULL);
            assert_int_equal(d->records, before);
            assert_int_equal(d->rejects, between ? 0 : 1);
            drive_once(d, NULL);
            drive_expect(d, "");
            drive_write_bytes(d, "a.avro", file.data, file.len, "wb");
            drive_once(d, NULL);
            expect_ids(d, (int)before, 40);
            unlink(drive_path(d, "a.avro"));
            mr_positions_free(d->stored);
            d->stored = mr_positions_new();
        }
        mr_buffer_release(&file);
    }
}

/* A byte changed anywhere: an answer, no more records than there were, what is before it sent. */
static void damaged(void **arg)
{
    drive *d = *arg;
    for (int c = 0; c < CODECS; c++) {
        mr_buffer file = MR_BUFFER_INIT(1 << 20);
        put_header(&file, schema_json, codecs[c]);
        put_block(&file, codecs[c], 0, 5);
        size_t first = file.len;
        put_block(&file, codecs[c], 5, 10);
        for (size_t at = 0; at < file.len; at++) {
            file.data[at] ^= (char)(at % 2 ? 0x80 : 0x11);
            drive_write_bytes(d, "a.avro", file.data, file.len, "wb");
            drive_once(d, NULL);
            assert_true(d->records <= 10);
            assert_true(at < first || d->records >= 5);
            file.data[at] ^= (char)(at % 2 ? 0x80 : 0x11);
            mr_positions_free(d->stored);
            d->stored = mr_positions_new();
        }
        mr_buffer_release(&file);
    }
}

static void sizes(void **arg)
{
    drive *d = *arg;
    mr_buffer file = MR_BUFFER_INIT(16 << 20), records = MR_BUFFER_INIT(16 << 20);
    put_header(&file, schema_json, "deflate");
    put_block(&file, "deflate", 0, 3);
    size_t at = file.len;
    for (int i = 0; i < 2 << 20; i++) {
        mr_buffer_add_char(&records, 0); /* a million records that pack to nothing */
    }
    put_packed(&file, 1 << 20, "deflate", &records);
    drive_write_bytes(d, "a.avro", file.data, file.len, "wb");
    drive_once(d, OPTIONS("line.max.bytes=1MiB"));
    char want[120];
    snprintf(
        want, sizeof want,
        "! a.avro:4 [] the Avro block at byte %zu is damaged: it unpacks to more than line.max",
        at);
    assert_non_null(strstr(mr_buffer_text(&d->out), want));
    assert_int_equal(d->records, 3);
    mr_buffer_clear(&file);
    put_header(&file, schema_json, NULL);
    at = file.len;
    put_long(&file, INT64_MAX);
    put_long(&file, INT64_MAX);
    drive_write_bytes(d, "b.avro", file.data, file.len, "wb");
    drive_once(d, NULL);
    assert_non_null(strstr(mr_buffer_text(&d->out), "it is larger than line.max.bytes"));
    file.len = at;
    mr_buffer_clear(&records);
    mr_buffer_add_char(&records, 0);
    put_packed(&file, INT64_MAX, NULL, &records);
    drive_write_bytes(d, "c.avro", file.data, file.len, "wb");
    drive_once(d, NULL);
    assert_non_null(strstr(mr_buffer_text(&d->out), "it can not hold as many records"));
    file.len = at;
    put_block(&file, NULL, 0, 2);
    file.data[file.len - 1] ^= 1;
    drive_write_bytes(d, "d.avro", file.data, file.len, "wb");
    drive_once(d, NULL);
    assert_non_null(strstr(mr_buffer_text(&d->out), "the sync marker does not follow it"));
    assert_int_equal(d->records, 0);
    mr_buffer_release(&file);
    mr_buffer_release(&records);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        drive_test(blocks), drive_test(of_libavro), drive_test(schemas), drive_test(with_csv),
        drive_test(cut),    drive_test(damaged),    drive_test(sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
