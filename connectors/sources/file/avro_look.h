/* SPDX-License-Identifier: Apache-2.0 */
/* A look at a whole Avro container file: its own schema, and how many of its values are null. */
#ifndef MR_FILE_AVRO_LOOK_H
#define MR_FILE_AVRO_LOOK_H

#include "api/look.h"
#include "reader.h"

/* Reads `fd` (taken over). Of a damaged file what came before the damage counts, and ret->hint says
 * so. MR_REJECT: it is no such file, or none that can be read. */
MR_CHECKED mr_status file_look_avro(int fd, const file_format *format, mr_arena *arena,
                                    mr_look *ret, mr_error *err);

#endif
