/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the lines of an NDJSON file have in common, and the schema that all of them fit.
 *
 * Members    become fields in the order in which they are met first, all nullable with null as
 *            default: further on any of them may be missing.
 * Types      Each value says which types it could have, as a set of bits; a field's set is what all
 *            its values have in common. What has nothing in common is a string, which holds what is
 *            no text as its JSON.
 * Nesting    With `nested`, objects become records and arrays become arrays of what their elements
 *            have in common; else both become strings. Strings they stay, too, when they are empty
 *            objects, more than NESTED_MAX deep, or have more than NESTED_MEMBERS_MAX different
 *            members: those are keys of data.
 * Memory     At most FILE_COLUMNS_MAX fields and elements in all, whatever the file holds.
 */
#ifndef MR_FILE_JSON_SHAPE_H
#define MR_FILE_JSON_SHAPE_H

#include "json.h"
#include "survey.h"

enum { FILE_SHAPE_NESTED_MAX = 16, FILE_SHAPE_MEMBERS_MAX = 256 };

typedef struct file_shape file_shape;

/* Borrows `texts` and `survey` (NULL: nobody asks). */
file_shape *file_shape_new(bool nested, const file_texts *texts, file_survey *survey);
void file_shape_free(file_shape *shape);

/* Learns from a line's object. False, and nothing is learned: two members of one object fill the
 * same field; *twice is one of them. */
bool file_shape_learn(file_shape *shape, int64_t line, mr_slice text, const file_json *object,
                      mr_slice *twice);

/* Are there fields? */
bool file_shape_known(const file_shape *shape);

/* The schema's JSON text, to be freed. */
char *file_shape_schema(const file_shape *shape, const char *record_name);

/* Gives the survey a column for each field and for the elements of each array, in the order of the
 * schema: "stops", "stops[]", "stops[].zone". */
void file_shape_tell(const file_shape *shape);

#endif
