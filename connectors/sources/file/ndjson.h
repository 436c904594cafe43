/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of JSON objects to records of a schema, and a schema from such lines.
 *
 * Members    are matched to fields by name or alias; [^A-Za-z0-9_] counts as _, and a digit in
 *            front gets _ before it. A field without a member takes its default, else null where
 *            it may be null. Members without a field are left out.
 * Values     objects fill records and maps, arrays fill arrays. A number or a text fills a scalar
 *            as the same text in CSV would (value.h), exactly; a whole number fills dates and times
 *            as Avro counts them. A string field takes any value: what is no text as its JSON.
 */
#ifndef MR_FILE_NDJSON_H
#define MR_FILE_NDJSON_H

#include "infer.h"
#include "json.h"

typedef struct file_json_plan file_json_plan;

/* MR_FATAL, permanent: the schema has a union of more than null and one type. Borrows the schema,
 * which is a root. Of the texts only how times are written counts. */
MR_CHECKED mr_status file_json_plan_new(const mr_schema *schema, const file_texts *texts,
                                        file_json_plan **ret, mr_error *err);
void file_json_plan_free(file_json_plan *plan);

/* Makes a cell of the schema from a line. MR_REJECT: it is bad; *column (from 1) says where. plan
 * NULL: the schema is not known yet, the line is looked at only. */
MR_CHECKED mr_status file_json_fill(const file_json_plan *plan, mr_slice line, mr_arena *arena,
                                    mr_cell *ret, int64_t *column, mr_error *err);

/* As file_infer(), of an NDJSON file: members in the order in which they are met first. With a
 * survey nested objects and arrays become records and arrays, else strings that hold their JSON. */
MR_CHECKED mr_status file_infer_json(int fd, const file_format *format, const file_sample *sample,
                                     char **json, mr_error *err);

/* Can a field be named after this member? */
static inline bool file_json_name_usable(mr_slice member)
{
    return member.len > 0 && member.len <= 1000;
}
/* Is there a member that can name a field? */
bool file_json_has_names(const file_json *object);

/* Does a member of that name fill a field of this one? */
bool file_json_name_fits(mr_slice member, const char *field);

#endif
