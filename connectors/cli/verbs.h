/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs' functions, for the table in verbs.c; each in the file of its name. */
#ifndef MR_CLI_VERBS_H
#define MR_CLI_VERBS_H

#include "cli/args.h"
#include "runtime/config.h"

int mr_verb_run(const mr_args *args);
int mr_verb_check(const mr_args *args);
int mr_verb_evolve(const mr_args *args);
int mr_verb_schema(const mr_args *args);
int mr_verb_init(const mr_args *args);
int mr_verb_list(const mr_args *args);
int mr_verb_describe(const mr_args *args);
int mr_verb_tap(const mr_args *args);
int mr_verb_completion(const mr_args *args);
int mr_verb_version(const mr_args *args);
int mr_verb_help(const mr_args *args);
int mr_verb_generate(const mr_args *args);

/* Flags of whatever runs a pipeline (run.c). */
extern const mr_flag mr_run_flags[];
/* Runs it as those flags say. */
int mr_run_pipeline(const mr_pipeline *pipeline, const mr_args *args);

/* One connector with its options as flags (connector.c): `millrace file ...`. */
int mr_run_connector(const char *name, int argc, const char *const *argv);
/* `millrace source file ...`, `millrace sink postgres ...`. */
int mr_run_connector_verb(const mr_verb *verb, int argc, const char *const *argv);

/* The flags of a connector: its options, and those that only this form has. `options[i]` is what
 * flags[i] sets; NULL: not an option. */
typedef struct mr_connector_flags {
    mr_flag *flags;
    const mr_option **options;
    size_t count;
} mr_connector_flags;
mr_connector_flags mr_connector_flags_of(const mr_connector *connector);
void mr_connector_flags_release(mr_connector_flags *flags);
/* "MILLRACE_POSTGRES_CONNECTION_URL"; to be freed. */
char *mr_option_environment(const mr_connector *connector, const mr_option *option);

/* A problem of a configuration, to stderr: for mr_pipeline_load() and friends. */
void mr_print_problem(void *context, const char *text);

#endif
