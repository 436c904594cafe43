/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A time zone from the system's database (TZif, RFC 8536), or a fixed distance from UTC. The C
 * library's own way goes by the process's one zone, which threads may not share.
 */
#ifndef MR_FILE_ZONE_H
#define MR_FILE_ZONE_H

#include "api/error.h"

typedef struct file_zone file_zone;

/* "America/New_York", "UTC", "+01:00". MR_FATAL: there is none of that name. */
MR_CHECKED mr_status file_zone_load(const char *name, file_zone **ret, mr_error *err);
void file_zone_free(file_zone *zone); /* NULL is fine */

/* Wall clock to UTC, both in microseconds since 1970. What the clocks showed twice is taken as the
 * first time. false: they never showed it (put forward over it). */
bool file_zone_to_utc(const file_zone *zone, int64_t local_us, int64_t *utc_us);

#endif
