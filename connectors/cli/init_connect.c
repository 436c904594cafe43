/* SPDX-License-Identifier: Apache-2.0 */
/* `millrace init --from-connect <file>`: a pipeline from the configuration of one of Kafka
 * Connect's JDBC sinks, and a table that says of each of its options what became of it. */
#include <string.h>

#include "cli/connect.h"
#include "cli/init.h"

static const char *const became[] = {[MR_MOVED_SAME] = "same",
                                     [MR_MOVED_AS] = "moved",
                                     [MR_MOVED_NEEDLESS] = "not needed",
                                     [MR_MOVED_NOT] = "NO EQUAL"};

static int print_lines(const mr_connect *connect)
{
    int width = 0, without = 0;
    for (size_t i = 0; i < connect->line_count; i++) {
        int len = (int)strlen(connect->lines[i].name);
        width = len > width ? len : width;
    }
    for (size_t i = 0; i < connect->line_count; i++) {
        const mr_connect_line *line = &connect->lines[i];
        without += line->moved == MR_MOVED_NOT;
        fprintf(stderr, "  %-*s  %-10s  %s\n", width, line->name, became[line->moved], line->text);
    }
    return without;
}

static void print_json(const mr_connect *connect)
{
    json_auto_t *root = json_object();
    json_t *options = json_array();
    for (size_t i = 0; i < connect->line_count; i++) {
        const mr_connect_line *line = &connect->lines[i];
        json_array_append_new(options, json_pack("{s:s, s:s, s:s}", "option", line->name, "became",
                                                 became[line->moved], "text", line->text));
    }
    json_object_set(root, "pipeline", connect->pipeline);
    json_object_set_new(root, "options", options);
    json_dumpf(root, stdout, JSON_INDENT(2));
    fputc('\n', stdout);
}

static int write_pipeline(const mr_connect *connect, const mr_init *init)
{
    if (init->json) {
        print_json(connect);
        return MR_EXIT_OK;
    }
    if (!mr_init_write_json(init, "pipeline.json", connect->pipeline)) {
        return MR_EXIT_FAILED;
    }
    int without = print_lines(connect);
    fprintf(stderr,
            "%d option%s without an equal. Next: stop the connector, then\n"
            "  millrace check %s/pipeline.json\n  millrace run %s/pipeline.json\n",
            without, without == 1 ? "" : "s", init->folder, init->folder);
    return MR_EXIT_OK;
}

int mr_init_from_connect(const mr_init *init, const char *path)
{
    mr_connect connect;
    mr_error err;
    int code;
    if (mr_connect_read(path, &connect, &err) != MR_OK ||
        mr_connect_convert(&connect, &err) != MR_OK) {
        code = mr_complain(MR_EXIT_USAGE, "%s", err.text);
    } else {
        code = write_pipeline(&connect, init);
    }
    mr_connect_release(&connect);
    return code;
}
