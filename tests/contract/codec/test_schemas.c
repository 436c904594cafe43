/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each schema of schemas/ is an Avro schema that reads what every earlier version of it has
 * written, as git remembers them; so data in topics stays readable when a schema is changed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <glob.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "codec/schema.h"

static const mr_schema *parse(const char *what, const mr_buffer *text)
{
    const mr_schema *schema = NULL;
    mr_error err;
    if (mr_schema_parse(text->data, text->len, &schema, &err) != MR_OK) {
        fail_msg("%s: %s", what, err.text);
    }
    return schema;
}

/* All that a command or a file gives. */
static void drain(FILE *from, mr_buffer *out)
{
    char chunk[4096];
    size_t n;
    assert_non_null(from);
    while ((n = fread(chunk, 1, sizeof chunk, from)) > 0) {
        mr_buffer_add(out, chunk, n);
    }
    assert_false(out->failed);
}

static FILE *git(const char *arguments, const char *more)
{
    char *command = mr_format("git -C '%s' %s%s 2>&1", MR_SOURCE_DIR, arguments, more);
    FILE *pipe = popen(command, "re");
    free(command);
    return pipe;
}

static size_t reads_its_past(const char *path, const mr_schema *now)
{
    mr_buffer commits = MR_BUFFER_INIT(1 << 20);
    FILE *pipe = git("log --format=%H --diff-filter=AM -- ", path);
    drain(pipe, &commits);
    if (pclose(pipe) != 0) {
        print_message("there is no history: %s", mr_buffer_text(&commits));
        mr_buffer_clear(&commits);
    }
    size_t versions = 0;
    char *rest = mr_strdup(mr_buffer_text(&commits));
    char *next = rest;
    for (char *commit = strsep(&next, "\n"); commit && *commit; commit = strsep(&next, "\n")) {
        char *version = mr_format("%s:%s", commit, path);
        mr_buffer text = MR_BUFFER_INIT(1 << 20);
        pipe = git("show ", version);
        drain(pipe, &text);
        assert_int_equal(pclose(pipe), 0);
        const mr_schema *then = parse(version, &text);
        mr_error err;
        if (mr_schema_can_read(now, then, &err) != MR_OK) {
            fail_msg("%s does not read what %s has written: %s", path, version, err.text);
        }
        versions++;
        mr_schema_release(then);
        mr_buffer_release(&text);
        free(version);
    }
    free(rest);
    mr_buffer_release(&commits);
    return versions;
}

static void each_schema_reads_its_predecessors(void **state)
{
    (void)state;
    glob_t found;
    assert_int_equal(glob(MR_SOURCE_DIR "/schemas/*.avsc", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        mr_buffer text = MR_BUFFER_INIT(1 << 20);
        FILE *file = fopen(found.gl_pathv[i], "re");
        drain(file, &text);
        fclose(file);
        const char *path = found.gl_pathv[i] + strlen(MR_SOURCE_DIR) + 1;
        const mr_schema *now = parse(path, &text);
        print_message("%s: %zu versions\n", path, reads_its_past(path, now));
        mr_schema_release(now);
        mr_buffer_release(&text);
    }
    globfree(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_schema_reads_its_predecessors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
