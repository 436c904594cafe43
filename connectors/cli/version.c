/* SPDX-License-Identifier: Apache-2.0 */
/* `millrace version`. */
#include <jansson.h>

#include "cli/verbs.h"

#ifndef MR_VERSION
#define MR_VERSION "unknown"
#endif

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER "gcc " __VERSION__
#else
#define COMPILER "unknown"
#endif

int mr_verb_version(const mr_args *args)
{
    if (!mr_args_has(args, "json")) {
        puts("millrace " MR_VERSION);
        return MR_EXIT_OK;
    }
    json_auto_t *root =
        json_pack("{s:s, s:s, s:[]}", "version", MR_VERSION, "compiler", COMPILER, "connectors");
    for (const mr_connector *const *c = mr_connectors; *c; c++) {
        json_array_append_new(json_object_get(root, "connectors"), json_string((*c)->name));
    }
    json_dumpf(root, stdout, JSON_INDENT(2));
    putchar('\n');
    return MR_EXIT_OK;
}
