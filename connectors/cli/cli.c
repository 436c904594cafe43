/* SPDX-License-Identifier: Apache-2.0 */
/* From the arguments to the verb. */
#include "cli/cli.h"

#include <stdio.h>

int mr_cli(int argc, char **argv)
{
    (void)argc, (void)argv;
    fprintf(stderr, "millrace: the command line is being built\n");
    return 2;
}
