/* SPDX-License-Identifier: Apache-2.0 */
/* BSON written, checked and read again; malformed documents, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/bson.h"

static const char id[MR_OBJECT_ID_BYTES] = "\x65\x6f\0\1\2\3\4\5\6\7\x08\x09";
static const char bits[MR_DECIMAL128_BYTES] = "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\x30";

/* A document with a value of every type, the number types first. */
static void write_all(mr_buffer *out)
{
    size_t whole = mr_bson_begin(out);
    mr_bson_add_int32(out, "int", -7);
    mr_bson_add_int64(out, "long", INT64_MIN);
    mr_bson_add_double(out, "double", 1.5);
    mr_bson_add_decimal128(out, "decimal", bits);
    mr_bson_add_text(out, "text", "a\0b", 3);
    mr_bson_add_bool(out, "yes", true);
    mr_bson_add_null(out, "null");
    mr_bson_add_date(out, "date", -1);
    mr_bson_add_timestamp(out, "timestamp", 17, 4);
    mr_bson_add_object_id(out, "id", id);
    mr_bson_add_binary(out, "binary", 4, (mr_slice){id, 12});
    mr_bson_add_binary(out, "old", 2, (mr_slice){"xyz", 3});
    size_t part = mr_bson_begin_as(out, "part", false);
    mr_bson_add_text(out, "city", "Wien", 4);
    size_t list = mr_bson_begin_as(out, "list", true);
    char room[MR_BSON_INDEX_BYTES];
    for (uint32_t i = 0; i < 12; i++) {
        mr_bson_add_int32(out, mr_bson_index(i, room), (int32_t)i * 10);
    }
    mr_bson_end(out, list);
    mr_bson_end(out, part);
    mr_bson_add_value(out, "regex", MR_BSON_REGEX, (mr_slice){"^a\0i", 5});
    mr_bson_add_value(out, "code", MR_BSON_CODE, (mr_slice){"\2\0\0\0f", 6});
    mr_bson_add_value(out, "symbol", MR_BSON_SYMBOL, (mr_slice){"\2\0\0\0s", 6});
    mr_bson_add_value(out, "scope", MR_BSON_CODE_WITH_SCOPE,
                      (mr_slice){"\x0f\0\0\0\2\0\0\0g\0\5\0\0\0", 15});
    mr_bson_add_value(out, "pointer", MR_BSON_DB_POINTER,
                      (mr_slice){"\2\0\0\0p\0ABCDEFGHIJKL", 18});
    mr_bson_add_value(out, "undefined", MR_BSON_UNDEFINED, (mr_slice){NULL, 0});
    mr_bson_add_value(out, "min", MR_BSON_MIN_KEY, (mr_slice){NULL, 0});
    mr_bson_add_value(out, "max", MR_BSON_MAX_KEY, (mr_slice){NULL, 0});
    mr_bson_end(out, whole);
    assert_false(out->failed);
}

static mr_bson_element get(mr_slice document, const char *path)
{
    mr_bson_element ret;
    if (!mr_bson_find_path(document, path, &ret)) {
        fail_msg("%s is not there", path);
    }
    return ret;
}

static void assert_bytes(mr_slice got, const char *want, size_t len)
{
    assert_int_equal(got.len, len);
    assert_memory_equal(got.data, want, len);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    mr_buffer out = MR_BUFFER_INIT(4096);
    write_all(&out);
    mr_slice doc = {out.data, out.len};
    mr_error err;
    assert_int_equal(mr_bson_check(doc.data, doc.len, &err), MR_OK);
    assert_int_equal(mr_bson_length(doc.data), doc.len);

    mr_bson_element e = get(doc, "int");
    assert_int_equal(mr_bson_int(&e), -7);
    assert_true(mr_bson_double(&e) == -7.0);
    e = get(doc, "long");
    assert_true(mr_bson_int(&e) == INT64_MIN);
    e = get(doc, "double");
    assert_int_equal(mr_bson_int(&e), 1);
    assert_true(mr_bson_double(&e) == 1.5);
    e = get(doc, "text");
    assert_bytes(mr_bson_text(&e), "a\0b", 3);
    assert_true(isnan(mr_bson_double(&e)));
    e = get(doc, "yes");
    assert_int_equal(mr_bson_int(&e), 1);
    e = get(doc, "date");
    assert_int_equal(mr_bson_int(&e), -1);
    uint32_t seconds, increment;
    e = get(doc, "timestamp");
    mr_bson_timestamp(&e, &seconds, &increment);
    assert_int_equal(seconds, 17);
    assert_int_equal(increment, 4);
    e = get(doc, "id");
    assert_bytes(e.value, id, sizeof id);
    uint8_t subtype;
    e = get(doc, "binary");
    assert_bytes(mr_bson_binary(&e, &subtype), id, 12);
    assert_int_equal(subtype, 4);
    e = get(doc, "old");
    assert_bytes(mr_bson_binary(&e, &subtype), "xyz", 3);
    assert_int_equal(subtype, 2);
    e = get(doc, "part.list.11");
    assert_int_equal(mr_bson_int(&e), 110);
    e = get(doc, "part.city");
    assert_bytes(mr_bson_text(&e), "Wien", 4);
    e = get(doc, "scope");
    assert_bytes(mr_bson_document(&e), "\5\0\0\0", 5);
    e = get(doc, "max");
    assert_int_equal(e.value.len, 0);
    assert_false(mr_bson_find_path(doc, "part.list.12", &e));
    assert_false(mr_bson_find_path(doc, "int.list", &e));
    assert_false(mr_bson_find(doc, "part.city", &e));
    assert_false(mr_bson_find(doc, "in", &e));
    mr_buffer_release(&out);
}

static void other_types_are_empty(void **state)
{
    (void)state;
    mr_buffer out = MR_BUFFER_INIT(4096);
    write_all(&out);
    mr_slice doc = {out.data, out.len};
    static const char *const not_texts[] = {"int", "id", "part", "null", "regex", "scope"};
    for (size_t i = 0; i < sizeof not_texts / sizeof *not_texts; i++) {
        mr_bson_element e = get(doc, not_texts[i]);
        assert_null(mr_bson_text(&e).data);
        assert_null(mr_bson_binary(&e, NULL).data);
    }
    mr_bson_element e = get(doc, "int"), none;
    size_t cursor = 0;
    uint32_t seconds, increment;
    mr_bson_timestamp(&e, &seconds, &increment);
    assert_int_equal(seconds + increment, 0);
    assert_bytes(mr_bson_document(&e), "\5\0\0\0", 5);
    assert_false(mr_bson_next(mr_bson_document(&e), &cursor, &none));
    mr_buffer_release(&out);
}

/* A copy element by element, documents entered, is the same bytes. */
static void copy(mr_slice doc, mr_buffer *out)
{
    mr_bson_element e;
    for (size_t cursor = 0; mr_bson_next(doc, &cursor, &e);) {
        if (e.type == MR_BSON_DOCUMENT || e.type == MR_BSON_ARRAY) {
            size_t begun = mr_bson_begin_as(out, e.name.data, e.type == MR_BSON_ARRAY);
            copy(mr_bson_document(&e), out);
            mr_bson_end(out, begun);
        } else {
            mr_bson_add(out, &e);
        }
    }
}

static void a_copy_is_the_same(void **state)
{
    (void)state;
    mr_buffer a = MR_BUFFER_INIT(4096), b = MR_BUFFER_INIT(4096);
    write_all(&a);
    size_t begun = mr_bson_begin(&b);
    copy((mr_slice){a.data, a.len}, &b);
    mr_bson_end(&b, begun);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
    mr_buffer_release(&a);
    mr_buffer_release(&b);
}

static void too_much_fails_without_harm(void **state)
{
    (void)state;
    mr_buffer whole = MR_BUFFER_INIT(4096);
    write_all(&whole);
    for (size_t limit = 0; limit < whole.len; limit++) {
        mr_buffer out = MR_BUFFER_INIT(limit);
        size_t begun = mr_bson_begin(&out);
        copy((mr_slice){whole.data, whole.len}, &out);
        mr_bson_end(&out, begun);
        assert_true(out.failed);
        mr_buffer_release(&out);
    }
    mr_buffer_release(&whole);
}

static mr_status check_exact(const char *data, size_t len, mr_error *err)
{
    char *exact = mr_alloc(len ? len : 1);
    memcpy(exact, data, len);
    mr_status status = mr_bson_check(exact, len, err);
    free(exact);
    return status;
}

static void every_cut_is_refused(void **state)
{
    (void)state;
    mr_buffer out = MR_BUFFER_INIT(4096);
    write_all(&out);
    mr_error err;
    for (size_t len = 0; len < out.len; len++) {
        assert_int_equal(check_exact(out.data, len, &err), MR_REJECT);
        char *cut = mr_alloc(len + 1); /* and with a length that fits */
        memcpy(cut, out.data, len);
        if (len >= 5) {
            memcpy(cut, &(uint32_t){(uint32_t)len}, 4);
            cut[len - 1] = '\0';
            (void)check_exact(cut, len, &err); /* may be well-formed: ASan looks on */
        }
        free(cut);
    }
    mr_buffer_release(&out);
}

typedef struct bad {
    const char *bytes;
    size_t len;
    const char *says;
} bad;
#define BAD(bytes, says)                                                                           \
    {                                                                                              \
        bytes, sizeof bytes - 1, says                                                              \
    }

static void what_is_malformed_is_told(void **state)
{
    (void)state;
    static const bad table[] = {
        BAD("", "byte 0: a document needs 5 bytes, 0 are left"),
        BAD("\6\0\0\0\0", "byte 0: the document's length is 6, but there are 5 bytes"),
        BAD("\5\0\0\0\1", "the document's last byte (byte 4) is not zero"),
        BAD("\4\0\0\0", "a document needs 5 bytes"),
        BAD("\7\0\0\0\0\0\0", "byte 4: the document ends here"),
        BAD("\7\0\0\0\x0a\x61\0", "byte 4: the field's name does not end"),
        BAD("\x08\0\0\0\x14\x61\0\0", "byte 7, field a: there is no type 0x14"),
        BAD("\x09\0\0\0\x08\x61\0\2\0", "byte 7, field a: a boolean is 2"),
        BAD("\x08\0\0\0\x10\x61\0\0", "a value of type 0x10 has 4 bytes, 0 are left"),
        BAD("\x0d\0\0\0\2\x61\0\0\0\0\0\0\0", "byte 7, field a: the text's length is 0, of 1"),
        BAD("\x0d\0\0\0\2\x61\0\xff\xff\xff\xff\0\0", "the text's length is 4294967295, of 1"),
        BAD("\x0d\0\0\0\2\x61\0\1\0\0\0x\0", "the text does not end with a zero byte"),
        BAD("\x0d\0\0\0\5\x61\0\1\0\0\0\0\0", "the binary's length is 1, of 0"),
        BAD("\x0d\0\0\0\3\x61\0\5\0\0\0\1\0", "the document's last byte (byte 11)"),
        BAD("\x0d\0\0\0\3\x61\0\7\0\0\0\0\0", "field a: the document's length is 7, of 5"),
        BAD("\x0b\0\0\0\x0b\x61\0xyz\0", "the regular expression does not end"),
        BAD("\x15\0\0\0\3\x61\0\x0d\0\0\0\x08\x62\0\2\0\0\0\0\0\0",
            "byte 14, field a.b: a boolean is 2"),
        BAD("\x10\0\0\0\3\xff\0\x08\0\0\0\x20\n\0\0\0",
            "byte 14, field ?.?: there is no type 0x20"),
        BAD("\x11\0\0\0\5\x61\0\4\0\0\0\2\1\0\0\0\0", "lengths of a binary of subtype 2"),
        BAD("\x16\0\0\0\x0f\x61\0\x0e\0\0\0\1\0\0\0\0\6\0\0\0\0\0", "the scope's length is 6"),
        BAD("\x16\0\0\0\x0f\x61\0\x0d\0\0\0\1\0\0\0\0\5\0\0\0\0\0", "code with scope is 13"),
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        mr_error err = {0};
        assert_int_equal(check_exact(table[i].bytes, table[i].len, &err), MR_REJECT);
        if (!strstr(err.text, table[i].says)) {
            fail_msg("\"%s\" does not say \"%s\"", err.text, table[i].says);
        }
    }
}

static void depth_is_bounded(void **state)
{
    (void)state;
    for (int deep = MR_BSON_DEPTH_MAX; deep <= MR_BSON_DEPTH_MAX + 1; deep++) {
        mr_buffer out = MR_BUFFER_INIT(1 << 16);
        size_t begun[MR_BSON_DEPTH_MAX + 1];
        begun[0] = mr_bson_begin(&out);
        for (int i = 1; i < deep; i++) {
            begun[i] = mr_bson_begin_as(&out, "a", i % 2);
        }
        for (int i = deep; i > 0; i--) {
            mr_bson_end(&out, begun[i - 1]);
        }
        mr_error err;
        assert_int_equal(check_exact(out.data, out.len, &err),
                         deep > MR_BSON_DEPTH_MAX ? MR_REJECT : MR_OK);
        mr_buffer_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read), cmocka_unit_test(other_types_are_empty),
        cmocka_unit_test(a_copy_is_the_same),      cmocka_unit_test(too_much_fails_without_harm),
        cmocka_unit_test(every_cut_is_refused),    cmocka_unit_test(what_is_malformed_is_told),
        cmocka_unit_test(depth_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
