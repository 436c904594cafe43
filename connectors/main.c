/* SPDX-License-Identifier: Apache-2.0 */
/* The program's entry: everything is in the table of verbs, so that tests can call it too. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
    return mr_cli(argc, argv);
}
