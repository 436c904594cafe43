/* SPDX-License-Identifier: Apache-2.0 */
/* NDJSON: what becomes of lines, with a schema and without; what is refused, and where. */
#include "unit/sources/file_drive.h"

#include "base/arena.h"
#include "sources/file/json.h"
#include "sources/file/ndjson.h"

static void inferred(void **arg)
{
    drive *d = *arg;
    drive_write(
        d, "a.ndjson",
        "\xEF\xBB\xBF{\"id\": 1, \"big\": 12345678, \"x\": 1.5, \"ok\": true, \"on\": "
        "\"2019-03-23\", \"zip\": \"01234\", \"n\": null, \"o\": {\"a\": [1, 2]}, \"a-b\": 1}\n"
        "\r\n  \n"
        "{\"big\":-1,\"id\":2,\"x\":7,\"o\":\"text\",\"new\":\"\\u00e9\\ud83d\\ude00\\n\"}\r\n"
        "{}\n"
        "{\"id\": 3}");
    drive_once(d, NULL);
    drive_expect(d, "1: 1|12345678|1.5|1|17978|01234|~|{\"a\": [1, 2]}|1|~\n"
                    "4: 2|-1|7|~|~|~|~|text|~|\xc3\xa9\xf0\x9f\x98\x80\n\n"
                    "5: ~|~|~|~|~|~|~|~|~|~\n"
                    "6: 3|~|~|~|~|~|~|~|~|~\n");
    assert_non_null(strstr(mr_positions_get(d->stored, "schema"), "\"a_b\""));
    drive_once(d, NULL);
    drive_expect(d, "");
    drive_append(d, "a.ndjson", "\n{\"id\": 4}\n{\"id\": \"x\"}\n");
    drive_once(d, NULL);
    assert_int_equal(d->records, 1);
    assert_int_equal(d->rejects, 1);
    assert_non_null(
        strstr(mr_buffer_text(&d->out), "! a.ndjson:9:8 [id] column \"id\": \"x\" is not"));
}

/* Nothing a schema could be made of: told, and no endless search for one. */
static void nothing_to_infer(void **arg)
{
    drive *d = *arg;
    drive_write(d, "a.json", "{}\n{\"\": 1}\n[]\n");
    drive_once(d, NULL);
    assert_int_equal(d->records, 0);
    assert_int_equal(d->rejects, 3);
    drive_append(d, "a.json", "{\"a\": 1}\n");
    drive_once(d, NULL);
    drive_expect(d, "4: 1\n");
}

static const char nested[] =
    "schema={\"type\":\"record\",\"name\":\"R\",\"fields\":["
    "{\"name\":\"id\",\"type\":\"int\",\"aliases\":[\"ID\"]},"
    "{\"name\":\"list\",\"type\":{\"type\":\"array\",\"items\":[\"null\",\"long\"]},\"default\":[]}"
    ","
    "{\"name\":\"map\",\"type\":[\"null\",{\"type\":\"map\",\"values\":\"string\"}],\"default\":"
    "null},"
    "{\"name\":\"tree\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"T\",\"fields\":["
    "{\"name\":\"v\",\"type\":\"int\"},{\"name\":\"in\",\"type\":[\"null\",\"T\"]}]}]},"
    "{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]},"
    "\"default\":\"A\"},"
    "{\"name\":\"day\",\"type\":[\"null\",{\"type\":\"int\",\"logicalType\":\"date\"}]}]}";

static void with_a_schema(void **arg)
{
    drive *d = *arg;
    drive_write(d, "a.jsonl",
                "{\"ID\": 1, \"list\": [1, null, 9223372036854775807], \"map\": {\"k\": \"v\", "
                "\"n\": 1.50}, "
                "\"tree\": {\"v\": 1, \"in\": {\"in\": null, \"v\": 2}}, \"e\": \"B\", \"day\": "
                "\"1970-01-03\"}\n"
                "{\"id\": 2, \"day\": 3, \"unknown\": {\"x\": []}}\n");
    drive_once(d, OPTIONS(nested));
    drive_expect(d, "1: 1|[1,~,9223372036854775807]|[k,v,n,1.50]|[1,[2,~]]|B|2\n"
                    "2: 2|[]|~|~|A|3\n");
}

static void bad_lines(void **arg)
{
    drive *d = *arg;
    static const struct {
        const char *line, *want;
    } cases[] = {
        {"{\"id\": 1", "1:9 [] the line is not JSON: a comma or } is expected here"},
        {"{\"id\": 1,}", "1:10 [] the line is not JSON: a member's name in quotes"},
        {"{\"id\" 1}", "1:7 [] the line is not JSON: a colon"},
        {"{\"id\": 01}", "1:9 [] the line is not JSON: a comma or }"},
        {"{\"id\": 1.}", "1:10 [] the line is not JSON: a number needs a digit after its point"},
        {"{\"id\": -}", "1:9 [] the line is not JSON: a number needs a digit here"},
        {"{\"id\": nul}", "1:8 [] the line is not JSON: a value is expected here"},
        {"{\"id\": 1} {\"id\": 2}", "1:11 [] the line is not JSON: something follows"},
        {"{\"id\": 1, \"e\": \"\\ud800\"}", "1:23 [] the line is not JSON: half of a surrogate"},
        {"{\"id\": 1, \"e\": \"\\udc00\"}", "1:23 [] the line is not JSON: half of a surrogate"},
        {"{\"id\": 1, \"e\": \"\\u0000\"}", "1:23 [] the line is not JSON: \\u0000"},
        {"{\"id\": 1, \"e\": \"\\x\"}", "1:18 [] the line is not JSON: \\ is followed"},
        {"{\"id\": 1, \"e\": \"a\tb\"}", "1:18 [] the line is not JSON: a control character"},
        {"{\"id\": 1, \"e\": \"a}", "1:19 [] the line is not JSON: a string is not closed"},
        {"{\"\xc3\xa9\": 1, \"id\": x}", "1:16 [] the line is not JSON: a value"},
        {"{\"\xc3\xa9\": 1, \"id\": \"\xff\"}", "1:17 [] the line is not valid UTF-8"},
        {"[1]", "1:1 [] the line is an array; each line must be one JSON object"},
        {"7", "1:1 [] the line is a number"},
        {"{\"list\": []}", "1:1 [id] there is no \"id\""},
        {"{\"id\": null}", "1:8 [id] \"id\": null does not fit; the schema says int"},
        {"{\"id\": {}}", "1:8 [id] \"id\": an object does not fit; the schema says int"},
        {"{\"id\": 2147483648}", "1:8 [id] column \"id\": \"2147483648\" is out of range"},
        {"{\"id\": 1, \"id\": 2}", "1:17 [id] \"id\": a number stands there a second time"},
        {"{\"id\": 1, \"list\": [1, \"x\"]}", "1:23 [list] column \"list\": \"x\" is not a number"},
        {"{\"id\": 1, \"list\": 5}", "1:19 [list] \"list\": a number is no array"},
        {"{\"id\": 1, \"map\": [5]}", "1:18 [map] \"map\": an array is no object"},
        {"{\"id\": 1, \"tree\": {\"v\": true}}", "1:25 [v] column \"v\": \"true\" is not a number"},
        {"{\"id\": 1, \"e\": \"C\"}", "1:16 [e] column \"e\": \"C\" is not one of"},
        {"{\"id\": 1, \"day\": 1.5}", "1:18 [day] \"day\": a number is not whole"},
        {"{\"id\": 1, \"day\": 99999999999}", "1:18 [day] \"day\": a number is out of range"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[40], want[200];
        snprintf(name, sizeof name, "%zu.json", i);
        snprintf(want, sizeof want, "! %s:%s", name, cases[i].want);
        drive_write(d, name, cases[i].line);
        drive_append(d, name, "\n{\"id\": 7}\n");
        drive_once(d, OPTIONS(nested));
        assert_int_equal(d->rejects, 1);
        assert_int_equal(d->records, 1);
        if (!strstr(mr_buffer_text(&d->out), want)) {
            fail_msg("%s: no \"%s\" in:\n%s", cases[i].line, want, mr_buffer_text(&d->out));
        }
        unlink(drive_path(d, name));
    }
}

static void long_and_deep(void **arg)
{
    drive *d = *arg;
    mr_buffer text = MR_BUFFER_INIT(8 << 20);
    mr_buffer_add_text(&text, "{\"id\": 1}\n{\"id\": 2, \"x\": ");
    for (int i = 0; i < 100000; i++) {
        mr_buffer_add_char(&text, '[');
    }
    mr_buffer_add_text(&text, "\n{\"id\": 3, \"x\": \"");
    for (int i = 0; i < 3 << 20; i++) {
        mr_buffer_add_char(&text, 'y');
    }
    mr_buffer_add_text(&text, "\"}\n{\"id\": 4}\n");
    drive_write_bytes(d, "a.json", text.data, text.len, "wb");
    drive_once(d, OPTIONS("line.max.bytes=1MiB", nested));
    drive_expect(d,
                 "1: 1|[]|~|~|A|~\n"
                 "! a.json:2:79 [] the line is not JSON: values are nested more than 64 deep\n"
                 "! a.json:3 [] the line is longer than line.max.bytes; here are its first bytes. "
                 "Raise line.max.bytes if such lines are meant\n"
                 "4: 4|[]|~|~|A|~\n");
    mr_buffer_release(&text);
}

static void unions(void **arg)
{
    drive *d = *arg;
    mr_error err;
    drive_write(d, "a.json", "{\"a\": 1}\n");
    assert_int_equal(drive_open(d, true,
                                OPTIONS("schema={\"type\":\"record\",\"name\":\"R\",\"fields\":[{"
                                        "\"name\":\"a\",\"type\":[\"int\",\"string\"]}]}"),
                                &err),
                     MR_OK);
    assert_int_equal(drive_drain(d, &err), MR_FATAL);
    assert_true(err.permanent);
    assert_non_null(strstr(err.text, "union of several types"));
}

/* Every prefix of a line, and every byte of it changed: an answer, and nothing read outside. */
static void any_bytes(void **arg)
{
    static const char line[] =
        "{\"a\\u00e9\": [1.5e-3, true, null, {\"k\": \"v\\\"\"}], \"id\": 12}";
    (void)arg;
    for (size_t len = 0; len < sizeof line; len++) {
        for (int change = 0; change < 256; change += len ? 1 : 256) {
            char *copy = malloc(len + 1);
            mr_arena *arena = mr_arena_new();
            mr_cell cell;
            mr_error err;
            int64_t column;
            memcpy(copy, line, len);
            char *exact = realloc(copy, len ? len : 1);
            if (len) {
                exact[len - 1] = (char)change;
            }
            mr_status status =
                file_json_fill(NULL, (mr_slice){exact, len}, arena, &cell, &column, &err);
            assert_true(status == MR_REJECT || status == MR_OK);
            assert_true(status == MR_OK || (column >= 1 && column <= (int64_t)len + 1));
            mr_arena_free(arena);
            free(exact);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        drive_test(inferred),        drive_test(nothing_to_infer), drive_test(with_a_schema),
        drive_test(bad_lines),       drive_test(long_and_deep),    drive_test(unions),
        cmocka_unit_test(any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
