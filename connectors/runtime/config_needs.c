/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No option is accepted and then ignored: what the tables say an option needs (api/option.h) is
 * looked for among the options in force.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/needs.h"
#include "base/options.h"
#include "runtime/config_parts.h"

/* The value of an option of the sets as text; NULL: not set. To be freed. */
static char *value_of(const mr_config_set *sets, const char *name)
{
    for (; sets->table; sets++) {
        const mr_option *option = mr_option_find(sets->table, name);
        if (option) {
            return mr_option_show(option, sets->state);
        }
    }
    return NULL;
}

static const char *complain(mr_config_reader *reader, const mr_need *need, const char *value)
{
    mr_auto_free char *values = mr_need_values(need);
    if (!*values) {
        return mr_arena_format(
            reader->arena,
            need->absent ? "has no effect beside %s: leave one of the two out"
                         : "has no effect without %s: set that too, or leave this one out",
            need->option);
    }
    return mr_arena_format(reader->arena,
                           "has no effect: %s is %.100s%s%s; change that, or leave this one out",
                           need->option, value ? value : "not set",
                           need->absent ? "" : ", and it is only for ", need->absent ? "" : values);
}

const char *mr_config_unmet(mr_config_reader *reader, const mr_option *option,
                            const mr_config_set *sets)
{
    mr_need need;
    for (const mr_config_set *set = sets; set->table; set++) {
        if (mr_option_find(set->table, option->name) == option &&
            mr_option_is_default(option, set->state)) {
            return NULL;
        }
    }
    for (const char *needs = option->needs; mr_need_next(&needs, &need);) {
        mr_auto_free char *value = value_of(sets, need.option);
        if (!mr_need_met(&need, value)) {
            return complain(reader, &need, value);
        }
    }
    return NULL;
}
