/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in until the snapshot is there: a source that needs one says so and ends. */
#include "snapshot.h"

mongo_snapshot_plan mongo_snapshot_todo(const mongo_options *options, const mr_positions *resume,
                                        bool stream_stands)
{
    (void)resume;
    return options->snapshot_mode == MONGO_NEVER || stream_stands ? MONGO_SNAPSHOT_NONE
                                                                  : MONGO_SNAPSHOT_ANEW;
}

mongo_snapshot *mongo_snapshot_new(const mongo_options *options, mr_task *task)
{
    (void)options;
    (void)task;
    return NULL;
}

void mongo_snapshot_add(void *context, const char *database, const char *collection)
{
    (void)context;
    (void)database;
    (void)collection;
}

mr_status mongo_snapshot_open(mongo_snapshot *snapshot, const mr_positions *resume, bool anew,
                              mr_error *err)
{
    (void)snapshot;
    (void)resume;
    (void)anew;
    mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
            "snapshots are not there yet; set snapshot.mode to never");
    err->permanent = true;
    return MR_FATAL;
}

void mongo_snapshot_close(mongo_snapshot *snapshot)
{
    (void)snapshot;
}

bool mongo_snapshot_waits(const mongo_snapshot *snapshot, mongo_time *until)
{
    (void)snapshot;
    (void)until;
    return false;
}

void mongo_snapshot_go(mongo_snapshot *snapshot)
{
    (void)snapshot;
}

mr_status mongo_snapshot_next(mongo_snapshot *snapshot, mongo_snapshot_batch *ret,
                              int64_t deadline_us, mr_error *err)
{
    (void)snapshot;
    (void)ret;
    (void)deadline_us;
    (void)err;
    return MR_END;
}

mr_status mongo_snapshot_took(mongo_snapshot *snapshot, size_t count, mr_error *err)
{
    (void)snapshot;
    (void)count;
    (void)err;
    return MR_OK;
}
