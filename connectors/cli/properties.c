/* SPDX-License-Identifier: Apache-2.0 */
/* Values may be passwords: problems name the property or the line, never what stands behind the
 * equals sign. */
#include "cli/properties.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"

enum { LINE_MAX_BYTES = 1 << 20 }; /* certificates fit; anything longer is no such file */

static void add(mr_properties *list, const char *name, size_t name_len, const char *value,
                size_t value_len)
{
    list->items = mr_realloc_array(list->items, list->count + 1, sizeof *list->items);
    list->items[list->count++] =
        (mr_property){mr_strndup(name, name_len), mr_strndup(value, value_len)};
}

static const char *trim(const char *text, size_t *len)
{
    while (*len && isspace((unsigned char)*text)) {
        text++;
        --*len;
    }
    while (*len && isspace((unsigned char)text[*len - 1])) {
        --*len;
    }
    return text;
}

/* false: there is no name, or no equals sign. */
static bool add_line(mr_properties *list, const char *line, size_t len)
{
    const char *equals = memchr(line, '=', len);
    if (!equals) {
        return false;
    }
    size_t name_len = (size_t)(equals - line), value_len = len - name_len - 1;
    const char *name = trim(line, &name_len), *value = trim(equals + 1, &value_len);
    if (name_len == 0) {
        return false;
    }
    add(list, name, name_len, value, value_len);
    return true;
}

static bool read_file(const char *path, mr_properties *list)
{
    mr_auto_fclose FILE *file = fopen(path, "re");
    mr_auto_free char *buffer = NULL;
    size_t room = 0;
    ssize_t got;
    if (!file) {
        mr_complain(MR_EXIT_USAGE, "-F: cannot open %s: %s", path, strerror(errno));
        return false;
    }
    for (int number = 1; (got = getline(&buffer, &room, file)) >= 0; number++) {
        size_t len = (size_t)got;
        const char *line = trim(buffer, &len);
        if (len == 0 || *line == '#') {
            continue;
        }
        if (len > LINE_MAX_BYTES || memchr(line, '\0', len) || !add_line(list, line, len)) {
            mr_complain(MR_EXIT_USAGE, "%s:%d: not of the form name=value (the line is not shown)",
                        path, number);
            return false;
        }
    }
    if (ferror(file)) {
        mr_complain(MR_EXIT_USAGE, "-F: cannot read %s: %s", path, strerror(errno));
        return false;
    }
    return true;
}

bool mr_properties_read(const mr_args *args, mr_properties *ret)
{
    *ret = (mr_properties){NULL, 0};
    for (size_t i = 0; i < args->given_count; i++) {
        if (args->given[i].flag->letter == 'F' && !read_file(args->given[i].value, ret)) {
            return false;
        }
    }
    for (size_t i = 0; i < args->given_count; i++) {
        const mr_given *g = &args->given[i];
        if (g->flag->letter == 'X' && !add_line(ret, g->value, strlen(g->value))) {
            mr_complain(MR_EXIT_USAGE,
                        "-X: not of the form name=value (not shown: it may hold a secret)");
            return false;
        }
    }
    return true;
}

void mr_properties_release(mr_properties *properties)
{
    for (size_t i = 0; i < properties->count; i++) {
        free((void *)properties->items[i].name);
        free((void *)properties->items[i].value);
    }
    free(properties->items);
    *properties = (mr_properties){NULL, 0};
}
