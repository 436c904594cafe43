/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the configuration reader share; nobody else includes this. */
#ifndef MR_RUNTIME_CONFIG_PARTS_H
#define MR_RUNTIME_CONFIG_PARTS_H

#include <jansson.h>

#include "base/arena.h"
#include "runtime/config.h"

/* A problem found, kept until all are known. */
typedef struct mr_config_told {
    int line, column;
    size_t order;
    const char *option, *text;
} mr_config_told;

/* One reading of one pipeline. */
typedef struct mr_config_reader {
    const char *text; /* the JSON, for line and column */
    size_t len;
    const char *shown_as; /* stands for the file in messages; NULL: made from flags */
    const char *folder;   /* relative paths start here; "": the current folder */
    mr_config_told *problems;
    size_t problem_count, problem_room;
    mr_arena *arena; /* lives as long as the pipeline */
} mr_config_reader;

/* What a problem is about. */
typedef struct mr_config_place {
    const char *path;      /* as for mr_json_locate(); "": the whole file */
    bool name;             /* the member's name, not its value */
    const char *connector; /* NULL: none */
    const char *option;    /* NULL: none */
} mr_config_place;

/* Tells a problem: "file:line:column: connector: option: text", or for flags "--option: text". */
void mr_config_tell(mr_config_reader *reader, mr_config_place place, const char *format, ...)
    MR_PRINTF(3, 4);

/* A path of mr_json_locate() one member, or one element, further on; in the reader's arena. */
const char *mr_config_member(mr_config_reader *reader, const char *path, const char *name);
const char *mr_config_element(mr_config_reader *reader, const char *path, size_t index);

/* "text", "a number", "an object", ...: for messages. */
const char *mr_config_kind(const json_t *value);

/* Is `value` null only because a reference in `raw` could not be replaced (told already)? */
bool mr_config_lost(const json_t *value, const json_t *raw);

/* A copy of the tree with ${env:NAME}, ${env:NAME:-default}, ${file:path} replaced in every string
 * ("$${" stands for "${"); what can not be replaced is told and left out (null). New reference. */
json_t *mr_config_expand(mr_config_reader *reader, const json_t *tree);

/* An absolute path without symbolic links, as far as it exists, for a path relative to folder; in
 * the reader's arena. */
const char *mr_config_path(mr_config_reader *reader, const char *path);

/* Parses and checks one member of "sources" or "sinks"; false when a problem was told. `raw` is the
 * same value before expansion. */
bool mr_config_connector(mr_config_reader *reader, const char *path, const json_t *value,
                         const json_t *raw, mr_connector_config *config);
void mr_config_connector_release(mr_connector_config *config);

/* Options in force: a table and a state over it. */
typedef struct mr_config_set {
    const mr_option *table;
    const void *state;
} mr_config_set;

/* Why `option`, which the user wrote, has no effect beside what else is in force (sets, ended by a
 * table of NULL, that hold `option` too); NULL: it has one, or says what is the default anyway. In
 * the reader's arena. */
const char *mr_config_unmet(mr_config_reader *reader, const mr_option *option,
                            const mr_config_set *sets);

/* A name for topics, groups and transactional ids to be built from: [A-Za-z0-9._-]+, at most 100.
 */
bool mr_config_good_name(const char *name);

#endif
