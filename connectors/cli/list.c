/* SPDX-License-Identifier: Apache-2.0 */
/* `millrace list`: the connectors this binary has. */
#include <jansson.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "cli/show.h"
#include "cli/verbs.h"

static const char *kind(const mr_connector *connector)
{
    return connector->source ? "source" : "sink";
}

int mr_verb_list(const mr_args *args)
{
    size_t count = 0;
    while (mr_connectors[count]) {
        count++;
    }
    if (mr_args_has(args, "json")) {
        json_auto_t *all = json_array();
        for (size_t i = 0; i < count; i++) {
            const mr_connector *c = mr_connectors[i];
            json_array_append_new(all, json_pack("{s:s, s:s, s:s}", "name", c->name, "kind",
                                                 kind(c), "summary", c->summary));
        }
        json_dumpf(all, stdout, JSON_INDENT(2));
        putchar('\n');
        return MR_EXIT_OK;
    }
    const char **cells = mr_calloc((count + 1) * 3, sizeof *cells);
    cells[0] = "connector";
    cells[1] = "kind";
    cells[2] = "summary";
    for (size_t i = 0; i < count; i++) {
        cells[3 * (i + 1)] = mr_connectors[i]->name;
        cells[3 * (i + 1) + 1] = kind(mr_connectors[i]);
        cells[3 * (i + 1) + 2] = mr_connectors[i]->summary;
    }
    mr_show_table(stdout, "lll", cells, count + 1);
    free(cells);
    return MR_EXIT_OK;
}
