/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: one file per verb, all in one table (cli/verbs.c). */
#ifndef MR_CLI_CLI_H
#define MR_CLI_CLI_H

/* Runs the program; the result is its exit code. */
int mr_cli(int argc, char **argv);

#endif
