/* SPDX-License-Identifier: Apache-2.0 */
/* See needs.h. */
#include "base/needs.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buffer.h"

static void take(char *out, const char *from, size_t len)
{
    len = len < MR_NEED_BYTES ? len : MR_NEED_BYTES - 1;
    memcpy(out, from, len);
    out[len] = '\0';
}

bool mr_need_next(const char **needs, mr_need *ret)
{
    const char *at = *needs ? *needs + strspn(*needs, " ") : "";
    size_t len = strcspn(at, " ");
    *ret = (mr_need){.absent = *at == '!'};
    if (!len) {
        return false;
    }
    *needs = at + len;
    const char *name = at + ret->absent, *end = at + len;
    const char *equals = memchr(name, '=', (size_t)(end - name));
    const char *name_end = equals ? equals : end;
    if (equals) {
        ret->absent = equals[-1] == '!';
        name_end -= ret->absent;
        take(ret->values, equals + 1, (size_t)(end - equals - 1));
    }
    take(ret->option, name, (size_t)(name_end - name));
    return true;
}

bool mr_need_met(const mr_need *need, const char *value)
{
    if (!*need->values) {
        return (value != NULL) != need->absent;
    }
    bool found = false;
    size_t len = value ? strlen(value) : 0;
    for (const char *at = need->values; *at && value && !found;) {
        size_t n = strcspn(at, ",");
        found = n == len && memcmp(at, value, n) == 0;
        at += n + (at[n] == ',');
    }
    return found != need->absent;
}

char *mr_need_values(const mr_need *need)
{
    mr_buffer out = MR_BUFFER_INIT(8 * MR_NEED_BYTES);
    for (const char *at = need->values; *at;) {
        size_t n = strcspn(at, ",");
        bool last = at[n] != ',';
        mr_buffer_printf(&out, "%s%.*s", !out.len ? "" : last ? " or " : ", ", (int)n, at);
        at += n + !last;
    }
    char *ret = mr_strdup(mr_buffer_text(&out));
    mr_buffer_release(&out);
    return ret;
}

/* One kind of conditions, that it is not set, or all others. */
static void add_words(mr_buffer *out, const char *needs, bool without, const char *first)
{
    mr_need need;
    size_t count = 0;
    while (mr_need_next(&needs, &need)) {
        bool absent = need.absent && !*need.values;
        if (absent != without) {
            continue;
        }
        char *values = mr_need_values(&need);
        mr_buffer_printf(out, "%s%s%s%s", count++ ? ", " : first, need.option,
                         !*values      ? ""
                         : need.absent ? " other than "
                                       : " = ",
                         values);
        free(values);
    }
}

char *mr_option_needs(const mr_option *option)
{
    if (!option->needs) {
        return NULL;
    }
    mr_buffer out = MR_BUFFER_INIT(4096);
    add_words(&out, option->needs, false, "Only with ");
    add_words(&out, option->needs, true, out.len ? ", without " : "Only without ");
    mr_buffer_add_char(&out, '.');
    char *ret = mr_strdup(mr_buffer_text(&out));
    mr_buffer_release(&out);
    return ret;
}

char *mr_option_help(const mr_option *option)
{
    char *needs = mr_option_needs(option);
    char *ret = mr_format("%s%s%s", option->help, needs ? " " : "", needs ? needs : "");
    free(needs);
    return ret;
}
