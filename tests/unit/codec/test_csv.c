/* SPDX-License-Identifier: Apache-2.0 */
/* The CSV parser: which fields it finds, what it refuses, and that no cut of the input matters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "codec/csv.h"

/* Everything in text, as "a|b|c;" per record, "-;" per blank line, "!reason;" per bad line. The
 * input is copied to a block of exactly its size, so that ASan sees every byte read too far. */
static const char *parse(const char *text, size_t len, char delimiter)
{
    static mr_buffer out = MR_BUFFER_INIT(1 << 20);
    char *exact = mr_alloc(len ? len : 1);
    mr_csv csv;
    mr_csv_init(&csv, delimiter, 8);
    mr_buffer_clear(&out);
    memcpy(exact, text, len);
    for (size_t at = 0; at < len; at += csv.used) {
        mr_csv_result result = mr_csv_next(&csv, exact + at, len - at, true);
        assert_true(result != MR_CSV_MORE);
        assert_true(csv.used > 0 && csv.used <= len - at);
        if (result == MR_CSV_MALFORMED) {
            mr_buffer_printf(&out, "!%s", csv.problem);
        } else if (result == MR_CSV_BLANK) {
            mr_buffer_add_text(&out, "-");
        }
        for (size_t i = 0; result == MR_CSV_RECORD && i < csv.count && i < csv.capacity; i++) {
            char plain[256];
            size_t n = csv.fields[i].len;
            if (csv.fields[i].escaped) {
                n = mr_csv_unescape(&csv.fields[i], plain);
            } else {
                memcpy(plain, csv.fields[i].data, n);
            }
            mr_buffer_printf(&out, "%s%s%.*s", i ? "|" : "", csv.fields[i].quoted ? "'" : "",
                             (int)n, plain);
        }
        mr_buffer_add_text(&out, ";");
    }
    mr_csv_release(&csv);
    free(exact);
    return mr_buffer_text(&out);
}

#define expect(text, want) assert_string_equal(parse(text, sizeof(text) - 1, ','), want)

static void plain_records(void **arg)
{
    (void)arg;
    expect("", "");
    expect("a,b,c\n", "a|b|c;");
    expect("a,b,c", "a|b|c;");
    expect("a,b\r\nc,d\r\n", "a|b;c|d;");
    expect("a,b\r", "a|b;");
    expect("a\rb,c\n", "a\rb|c;");
    expect(",\n", "|;");
    expect(",,", "||;");
    expect("\n\n\r\na\n\n", "-;-;-;a;-;");
    expect(" \n", " ;");
    expect("a,b,c,d,e,f,g,h,i,j\n", "a|b|c|d|e|f|g|h;"); /* stored up to the capacity */
    assert_string_equal(parse("a;b,c\td\n", 8, ';'), "a|b,c\td;");
    assert_string_equal(parse("a;b,c\td\n", 8, '\t'), "a;b,c|d;");
}

static void quotes(void **arg)
{
    (void)arg;
    expect("\"a\",\"b\"\n", "'a|'b;");
    expect("\"a,b\",c\r\n", "'a,b|c;");
    expect("\"a\nb\r\nc\",d\ne\n", "'a\nb\r\nc|d;e;");
    expect("\"say \"\"hi\"\"\",x", "'say \"hi\"|x;");
    expect("\"\"\n", "';");
    expect("\"\",\"\"", "'|';");
    expect("\"\"\"\"\n", "'\";");
    expect("\"\"\"a\"\"\",\"\"\"\"\"\"", "'\"a\"|'\"\";");
    expect("a\"b,c\"\n", "a\"b|c\";"); /* not at the start: data */
    expect("\"a\"\r\n\"b\"\r", "'a;'b;");
    expect("x,\"\"", "x|';");
}

static void damage_costs_one_line(void **arg)
{
    (void)arg;
    expect("\"a\"b,c\nd,e\n", "!text follows a closing quote;d|e;");
    expect("\"a\" ,c\nd\n", "!text follows a closing quote;d;");
    expect("a,\"b\nc,d\ne,f\n", "!a quote is opened and never closed;c|d;e|f;");
    expect("a,\"b", "!a quote is opened and never closed;");
    expect("a,\"b\n\"", "a|'b\n;"); /* no damage */
    /* The stray quote pairs with the next line's opening quote: only its own line is lost. */
    expect("1,\"foo\n2,\"bar\"\n3,x\n", "!text follows a closing quote;2|'bar;3|x;");
    expect("\"a\"\rb\nc\n", "!text follows a closing quote;c;");
}

static void lines_are_counted(void **arg)
{
    (void)arg;
    static const char text[] = "\"a\n\n\",\"b\"\"\n\",c\nd";
    mr_csv csv;
    mr_csv_init(&csv, ',', 4);
    assert_int_equal(mr_csv_next(&csv, text, sizeof text - 1, true), MR_CSV_RECORD);
    assert_int_equal(csv.lines, 4);
    assert_int_equal(csv.count, 3);
    assert_int_equal(csv.used, sizeof text - 2);
    mr_csv_release(&csv);
}

static void same_result(const mr_csv *a, const mr_csv *b)
{
    assert_int_equal(a->used, b->used);
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->lines, b->lines);
    for (size_t i = 0; i < a->count; i++) {
        assert_ptr_equal(a->fields[i].data, b->fields[i].data);
        assert_int_equal(a->fields[i].len, b->fields[i].len);
        assert_int_equal(a->fields[i].quoted, b->fields[i].quoted);
        assert_int_equal(a->fields[i].escaped, b->fields[i].escaped);
    }
}

/* However many bytes are there: the parser asks for more, or says what it says with all of them. */
static void every_prefix(void **arg)
{
    (void)arg;
    static const char *const texts[] = {
        "plain,fields,of one line\nnext",
        "\"quoted\",\"with \"\"quotes\"\"\",and\r\nnext",
        "\"new\nline\r\n\",\"\",\"\"\"\"\nnext",
        "\"bad\"x,y\nnext,\"z\"\n",
        "\"never closed, line one\nline two, and on it goes\n",
        ("0123456789012345678901234567890123456789012345678901234567890123456789,"
         "0123456789012345678901234567890123456789012345678901234567,\"890123456789\"\r\nnext"),
        "\r\nnext",
        "\n",
    };
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
        size_t len = strlen(texts[t]);
        mr_csv whole, part;
        mr_csv_init(&whole, ',', 8);
        mr_csv_init(&part, ',', 8);
        mr_csv_result want = mr_csv_next(&whole, texts[t], len, false);
        for (size_t n = 1; n <= len; n++) {
            mr_csv_result got = mr_csv_next(&part, texts[t], n, false);
            if (got != MR_CSV_MORE) {
                assert_int_equal(got, want);
                same_result(&part, &whole);
            } else {
                assert_true(want == MR_CSV_MORE || n < len);
            }
        }
        mr_csv_release(&whole);
        mr_csv_release(&part);
    }
}

/* Specials at each place of the 64-byte blocks and beside their borders. */
static void every_place(void **arg)
{
    (void)arg;
    for (size_t place = 0; place < 200; place++) {
        char text[256], want[256];
        memset(text, 'x', 200);
        text[place] = ',';
        text[200] = '\n';
        snprintf(want, sizeof want, "%.*s|%.*s;", (int)place, text, (int)(199 - place),
                 text + place + 1);
        assert_string_equal(parse(text, 201, ','), want);
        if (place > 0 && place < 198) {
            /* ...,"xxx" : a quoted last field that starts anywhere */
            text[place + 1] = '"';
            text[199] = '"';
            snprintf(want, sizeof want, "%.*s|'%.*s;", (int)place, text, (int)(197 - place),
                     text + place + 2);
            assert_string_equal(parse(text, 201, ','), want);
        }
    }
}

#define valid(text)   assert_true(mr_csv_text_valid(text, sizeof(text) - 1))
#define invalid(text) assert_false(mr_csv_text_valid(text, sizeof(text) - 1))

static void utf8(void **arg)
{
    (void)arg;
    valid("");
    valid("plain ascii that is longer than one vector of sixteen bytes");
    valid("gr\xc3\xbc\xc3\x9f\xe2\x82\xac\xf0\x9f\x98\x80 \xef\xbf\xbf \xf4\x8f\xbf\xbf");
    valid("\xed\x9f\xbf\xee\x80\x80\xe0\xa0\x80\xf0\x90\x80\x80");
    invalid("a\0b");
    invalid("\0");
    invalid("0123456789abcdef\0");
    invalid("0123456789abcde\0f");
    invalid("\x80");
    invalid("\xc3");
    invalid("\xc0\x80");
    invalid("\xc1\xbf");
    invalid("\xe0\x9f\xbf");
    invalid("\xed\xa0\x80");
    invalid("\xf0\x8f\xbf\xbf");
    invalid("\xf4\x90\x80\x80");
    invalid("\xf5\x80\x80\x80");
    invalid("\xff");
    invalid("0123456789abcdef\xe2\x82");
    invalid("\xe2\x28\xa1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_records),
        cmocka_unit_test(quotes),
        cmocka_unit_test(damage_costs_one_line),
        cmocka_unit_test(lines_are_counted),
        cmocka_unit_test(every_prefix),
        cmocka_unit_test(every_place),
        cmocka_unit_test(utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
