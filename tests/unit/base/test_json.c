/* SPDX-License-Identifier: Apache-2.0 */
/* Where in a JSON text a value or a member's name stands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static const char text[] = "{\n"
                           "  \"name\": \"trip \\\" } ] ,\",\n"
                           "  \"kafka\": {\"bootstrap.servers\" : \"h:1\"},\n"
                           "\t\"sinks\": { \"to-pg\": {\n"
                           "    \"topics\": [\"a\", \"b\"], \"routes\": [{\"table\": 1}, [ ],\n"
                           "      {\"query\": {\"x\": [[1], 2]}, \"table\": \"t\"}]\n"
                           "  }},\n"
                           "  \"gr\xc3\xbc\xc3\x9f\": true, \"\\u0067r\\u00fcn\": null,\n"
                           "  \"\\ud83d\\ude00\\n\": 1.5e3\n"
                           "}\n";

static void at(const char *path, int key, int want_line, int want_column)
{
    int line = 0, column = 0;
    if (!mr_json_locate(text, sizeof text - 1, path, key, &line, &column)) {
        fail_msg("%s not found", path);
    }
    if (line != want_line || column != want_column) {
        fail_msg("%s at %d:%d, not %d:%d", path, line, column, want_line, want_column);
    }
}

static void values_and_names(void **arg)
{
    (void)arg;
    at("", 0, 1, 1);
    at("name", 0, 2, 11);
    at("name", 1, 2, 3);
    at("kafka\x1f"
       "bootstrap.servers",
       0, 3, 35);
    at("kafka\x1f"
       "bootstrap.servers",
       1, 3, 13);
    at("sinks\x1fto-pg", 1, 4, 13);
    at("sinks\x1fto-pg\x1ftopics[1]", 0, 5, 21);
    at("sinks\x1fto-pg\x1froutes[0]\x1ftable", 0, 5, 48);
    at("sinks\x1fto-pg\x1froutes[1]", 0, 5, 52);
    at("sinks\x1fto-pg\x1froutes[2]\x1ftable", 1, 6, 34);
    at("sinks\x1fto-pg\x1froutes[2]\x1fquery\x1fx[0][0]", 0, 6, 25);
    at("sinks\x1fto-pg\x1froutes[2]\x1fquery\x1fx[1]", 0, 6, 29);
}

static void characters_not_bytes(void **arg)
{
    (void)arg;
    at("gr\xc3\xbc\xc3\x9f", 0, 8, 11);
    at("gr\xc3\xbcn", 1, 8, 17); /* escaped in the text */
    at("\xf0\x9f\x98\x80\n", 0, 9, 21);
}

static void what_is_not_there(void **arg)
{
    (void)arg;
    static const char *const missing[] = {
        "x",
        "nam",
        "names",
        ("kafka\x1f" /* apart: \x1fb would be one character */
         "bootstrap"),
        "name\x1fx",
        "name[0]",
        "sinks\x1fto-pg\x1ftopics[2]",
        "sinks[0]",
        "sinks\x1fto-pg\x1froutes[1][0]",
        "sinks\x1fto-pg\x1ftopics[x]",
    };
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
        int line, column;
        if (mr_json_locate(text, sizeof text - 1, missing[i], 0, &line, &column)) {
            fail_msg("%s found at %d:%d", missing[i], line, column);
        }
    }
}

/* Every beginning of the text, as if the file had been cut: nothing is read past its end. */
static void cut_texts(void **arg)
{
    (void)arg;
    for (size_t len = 0; len < sizeof text; len++) {
        char *cut = malloc(len + 1); /* exactly as long, so that ASan sees a step too far */
        memcpy(cut, text, len);
        char *exact = realloc(cut, len ? len : 1);
        int line, column;
        mr_json_locate(exact, len, "sinks\x1fto-pg\x1froutes[2]\x1ftable", 0, &line, &column);
        mr_json_locate(exact, len, "gr\xc3\xbcn", 0, &line, &column);
        mr_json_locate(exact, len, "\xf0\x9f\x98\x80\n", 1, &line, &column);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_names),
        cmocka_unit_test(characters_not_bytes),
        cmocka_unit_test(what_is_not_there),
        cmocka_unit_test(cut_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
