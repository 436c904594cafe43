/* SPDX-License-Identifier: Apache-2.0 */
/* `millrace init`: which origin, and where to. Nothing that is there is replaced unless --force
 * says so. */
#include "cli/init.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/cleanup.h"

FILE *mr_init_create(const mr_init *init, const char *name)
{
    mr_auto_free char *path = mr_format("%s/%s", init->folder, name);
    FILE *out = fopen(path, init->force ? "we" : "wxe");
    if (!out && errno == EEXIST) {
        mr_complain(MR_EXIT_USAGE, "%s exists; --force replaces it, --out names another folder",
                    path);
    } else if (!out) {
        mr_complain(MR_EXIT_FAILED, "cannot write %s: %s", path, strerror(errno));
    } else {
        fprintf(stderr, "· %s\n", path);
    }
    return out;
}

bool mr_init_write_json(const mr_init *init, const char *name, const json_t *value)
{
    FILE *out = mr_init_create(init, name);
    if (!out) {
        return false;
    }
    int bad = json_dumpf(value, out, JSON_INDENT(2) | JSON_ENCODE_ANY);
    bad = fputc('\n', out) == EOF || bad;
    if (fclose(out) != 0 || bad) {
        mr_complain(MR_EXIT_FAILED, "cannot write %s: %s", name, strerror(errno));
        return false;
    }
    return true;
}

static bool make_folder(const char *folder)
{
    if (mkdir(folder, 0777) == 0 || errno == EEXIST) {
        return true;
    }
    mr_complain(MR_EXIT_FAILED, "cannot make folder %s: %s", folder, strerror(errno));
    return false;
}

int mr_verb_init(const mr_args *args)
{
    const char *folder = mr_args_value(args, "out"), *connect = mr_args_value(args, "from-connect");
    const char *file = mr_args_value(args, "from");
    if (folder && args->word_count) {
        return mr_complain(MR_EXIT_USAGE, "init: --out %s and %s both say where to write", folder,
                           args->words[0]);
    }
    if (args->word_count) {
        folder = args->words[0];
    }
    const mr_init init = {
        .folder = folder ? folder : ".",
        .force = mr_args_has(args, "force"),
        .json = mr_args_has(args, "json"),
    };
    if (!connect == !file) {
        return mr_complain(MR_EXIT_USAGE, "init: say what to begin from: --from trips.csv, or "
                                          "--from-connect connector.json");
    }
    if (connect && mr_args_has(args, "option")) {
        return mr_complain(MR_EXIT_USAGE, "init: --option goes with --from");
    }
    if (!init.json && !make_folder(init.folder)) {
        return MR_EXIT_FAILED;
    }
    return file ? mr_init_from_file(&init, args, file) : mr_init_from_connect(&init, connect);
}
