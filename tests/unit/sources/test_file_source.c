/* SPDX-License-Identifier: Apache-2.0 */
/* The file source from open() to close(): what it sends, rejects and remembers. */
#include "unit/sources/file_drive.h"

static int setup(void **arg)
{
    drive *d = mr_calloc(1, sizeof *d);
    drive_init(d);
    *arg = d;
    return 0;
}

static int teardown(void **arg)
{
    drive_release(*arg);
    free(*arg);
    return 0;
}

static void one_file(void **arg)
{
    drive *d = *arg;
    drive_write(d, "a.csv", "id,name,at,fare,ok\r\n1,\"Ann \"\"A\"\"\",2019-03-23 20:21:09,1.6,true\n"
                            "\n2,\"two\nlines\",2019-03-23 20:21:10.5,7,false\n3,,,,");
    drive_once(d, NULL);
    drive_expect(d, "2: 1|Ann \"A\"|1553372469000000|1.6000000000000001|1\n"
                    "4: 2|two\nlines|1553372470500000|7|0\n"
                    "6: 3|~|~|~|~\n");
    drive_once(d, NULL); /* not taken twice */
    drive_expect(d, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_file, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
