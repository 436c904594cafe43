/* SPDX-License-Identifier: Apache-2.0 */
/* See read_file.h. */
#include "base/read_file.h"

#include <errno.h>

#include "base/cleanup.h"

mr_status mr_read_file(const char *path, mr_buffer *out, mr_error *err)
{
    mr_auto_fclose FILE *in = fopen(path, "re");
    char chunk[8192];
    size_t got = in ? sizeof chunk : 0;
    while (got && !out->failed) {
        got = fread(chunk, 1, sizeof chunk, in);
        mr_buffer_add(out, chunk, got);
    }
    if (!in || ferror(in)) {
        return mr_fail(err, MR_FATAL, MR_DOMAIN_FILE, "cannot read %s: %s", path, strerror(errno));
    }
    if (out->failed) {
        return mr_fail(err, MR_FATAL, MR_DOMAIN_FILE, "%s is larger than %zu bytes", path,
                       out->limit);
    }
    return MR_OK;
}
