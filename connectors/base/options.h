/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing of values into option tables (api/option.h), and what is said about them when they are
 * wrong. */
#ifndef MR_BASE_OPTIONS_H
#define MR_BASE_OPTIONS_H

#include <jansson.h>

#include "api/error.h"
#include "api/option.h"

/* Finds an option by its dotted name; NULL: none. */
const mr_option *mr_option_find(const mr_option *table, const char *name);

/* The nearest name in the table for a misspelt one; NULL when none is near. */
const char *mr_option_nearest(const mr_option *table, const char *name);
/* The same over plain names (NULL-terminated). */
const char *mr_nearest(const char *const *names, const char *name);

/* Sets defaults in a zeroed state. Texts are copied; mr_options_release() frees them. */
void mr_options_defaults(const mr_option *table, void *state);
void mr_options_release(const mr_option *table, void *state);

/* Parses text (a flag, an environment value) into state. MR_FATAL, permanent, err->field the
 * option: what was found, what is allowed. The value of a SECRET option is never in the text. */
MR_CHECKED mr_status mr_option_set(const mr_option *option, void *state, const char *text,
                                   mr_error *err);
/* The same from JSON: text, number, boolean, array of strings as the kind wants. */
MR_CHECKED mr_status mr_option_set_json(const mr_option *option, void *state, const json_t *value,
                                        mr_error *err);

/* Are all REQUIRED options set? */
MR_CHECKED mr_status mr_options_required(const mr_option *table, const void *state, mr_error *err);

/* The value as a user would write it, for `describe` and logs; SECRET gives "***". To be freed;
 * NULL: not set. */
char *mr_option_show(const mr_option *option, const void *state);

/* Does it have a value? Text and lists: not empty; other kinds always have one. */
bool mr_option_is_set(const mr_option *option, const void *state);

/* Is its value that of a state that was only given its defaults? */
bool mr_option_is_default(const mr_option *option, const void *state);

/* What values are allowed, in words: "a whole number from 1 to 64". To be freed. */
char *mr_option_allowed(const mr_option *option);
size_t mr_option_choice_count(const mr_option *option);

/* "--stream-view-type" for "stream.view.type"; to be freed. */
char *mr_option_flag(const char *name);

#endif
