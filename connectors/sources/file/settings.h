/* SPDX-License-Identifier: Apache-2.0 */
/* From the options of a file source to what the parts of it want; and whether they make sense. */
#ifndef MR_FILE_SETTINGS_H
#define MR_FILE_SETTINGS_H

#include "head.h"
#include "visit.h"

/* Options that depend on each other or have a form of their own (mr_connector.check). */
mr_status file_settings_check(const void *state, const mr_route *routes, size_t route_count,
                              mr_error *err);

/* All of it borrows from the options. */
file_format file_format_of(const file_state *self);
/* The format of a file of that name. */
file_format file_format_for(const file_state *self, const char *name);
file_naming file_naming_of(const file_state *self);

/* *zone is to be freed; NULL: none is given, or it failed. */
MR_CHECKED mr_status file_texts_of(const file_state *self, file_texts *texts, file_zone **zone,
                                   mr_error *err);

#endif
