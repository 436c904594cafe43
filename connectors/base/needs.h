/* SPDX-License-Identifier: Apache-2.0 */
/* What an option has no effect without: mr_option.needs, taken apart (api/option.h). */
#ifndef MR_BASE_NEEDS_H
#define MR_BASE_NEEDS_H

#include "api/option.h"

enum { MR_NEED_BYTES = 128 };

typedef struct mr_need {
    char option[MR_NEED_BYTES];
    char values[MR_NEED_BYTES]; /* with commas between; "": any */
    bool absent;                /* none of the values; any: not set */
} mr_need;

/* Takes the next condition off *needs; false: there is none left. */
bool mr_need_next(const char **needs, mr_need *ret);

/* value: of the option named, as a user would write it; NULL: not set. */
bool mr_need_met(const mr_need *need, const char *value);

/* "Only with schema.registry.url, format = auto or csv, without schema."; NULL: it needs nothing.
 * To be freed. */
char *mr_option_needs(const mr_option *option);

/* The help, and what the option needs, in full sentences. To be freed. */
char *mr_option_help(const mr_option *option);

/* "auto or csv" for "auto,csv"; to be freed. */
char *mr_need_values(const mr_need *need);

#endif
