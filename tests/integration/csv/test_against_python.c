/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CSV reader against Python: model.py writes random files, well-formed and damaged, and what
 * Python finds in them; our reader must find exactly that, with large reads and with tiny ones.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "sources/file/reader.h"

enum { FILES = 400, SEEDS = 3 };

static char folder[] = "/tmp/mr-csv-XXXXXX";

static void add_hex(mr_buffer *out, const mr_csv_field *field)
{
    char *plain = mr_alloc(field->len ? field->len : 1);
    size_t len = field->len;
    if (field->escaped) {
        len = mr_csv_unescape(field, plain);
    } else if (len) {
        memcpy(plain, field->data, len);
    }
    mr_buffer_add_text(out, " .");
    for (size_t i = 0; i < len; i++) {
        mr_buffer_printf(out, "%02x", (unsigned char)plain[i]);
    }
    free(plain);
}

/* The file as our reader sees it, in the words of model.py. */
static void read_ours(const char *path, char delimiter, size_t read_bytes, mr_buffer *out)
{
    mr_error err;
    file_reader reader;
    file_format format = {.delimiter = delimiter,
                          .line_max_bytes = 1 << 20,
                          .read_max_bytes = read_bytes,
                          .buffer_bytes = read_bytes ? 16 : 0};
    mr_buffer_printf(out, "%d\n", delimiter);
    file_reader_init(&reader, &format);
    file_reader_start(&reader, open(path, O_RDONLY | O_CLOEXEC));
    reader.complete = true;
    for (;;) {
        file_item item;
        file_event event = file_reader_next(&reader, &item);
        if (event == FILE_DRY) {
            if (reader.at_end) {
                break;
            }
            assert_int_equal(file_reader_fill(&reader, &err), MR_OK);
            continue;
        }
        mr_buffer_printf(out, "%c%lld", event == FILE_BAD ? 'B' : 'R', (long long)item.line);
        for (size_t i = 0; event == FILE_RECORD && i < reader.csv.count; i++) {
            add_hex(out, &reader.csv.fields[i]);
        }
        mr_buffer_add_char(out, '\n');
    }
    file_reader_release(&reader);
}

static void read_whole(const char *path, mr_buffer *out)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char block[4096];
    size_t n;
    while ((n = fread(block, 1, sizeof block, f)) > 0) {
        mr_buffer_add(out, block, n);
    }
    fclose(f);
}

static void compare(int number)
{
    char csv[64], want_path[64];
    static const size_t sizes[] = {0, 1, 13};
    snprintf(csv, sizeof csv, "%s/%d.csv", folder, number);
    snprintf(want_path, sizeof want_path, "%s/%d.want", folder, number);
    mr_buffer want = MR_BUFFER_INIT(64 << 20), got = MR_BUFFER_INIT(64 << 20);
    read_whole(want_path, &want);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        mr_buffer_clear(&got);
        read_ours(csv, (char)atoi(mr_buffer_text(&want)), sizes[i], &got);
        if (strcmp(mr_buffer_text(&got), mr_buffer_text(&want)) != 0) {
            fail_msg("%s (kept), reads of %zu bytes: ours\n%sPython's\n%s", csv, sizes[i],
                     mr_buffer_text(&got), mr_buffer_text(&want));
        }
    }
    mr_buffer_release(&want);
    mr_buffer_release(&got);
}

static void same_as_python(void **arg)
{
    (void)arg;
    const char *python = getenv("MILLRACE_PYTHON");
    assert_non_null(mkdtemp(folder));
    for (int seed = 1; seed <= SEEDS; seed++) {
        char *command = mr_format("'%s' '%s/tests/integration/csv/model.py' %d %d '%s'",
                                  python ? python : "python3", MR_SOURCE_DIR, seed, FILES, folder);
        int code = system(command);
        free(command);
        assert_int_equal(code, 0);
        for (int i = 0; i < FILES; i++) {
            compare(i);
        }
    }
    char *command = mr_format("rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
    free(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_as_python)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
