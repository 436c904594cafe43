/* SPDX-License-Identifier: Apache-2.0 */
/* The first look at a CSV file (api/look.h). */
#ifndef MR_FILE_LOOK_H
#define MR_FILE_LOOK_H

#include "visit.h"

mr_look_at file_look_at;

#endif
