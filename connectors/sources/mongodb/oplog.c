/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The oplog is a ring: a position that is older than its oldest entry can not be read from any
 * more. How much time is left is measured before that happens, and told; when it has happened, what
 * on.unresumable says is done, never anything silently.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "codec/change.h"
#include "source.h"

enum { ASK_US = 30 * 1000 * 1000, WARN_US = 10 * 60 * 1000 * 1000 };

static void warn_of_window(mongo_source *self, int64_t left_s, int64_t now_us)
{
    if (left_s * 1000 >= self->options.oplog_warn_ms ||
        (self->oplog_warned_us && now_us - self->oplog_warned_us < WARN_US)) {
        return;
    }
    self->oplog_warned_us = now_us;
    mr_task_warn(self->task,
                 "the resume point is only %.2f hours from the end of the oplog: a longer "
                 "standstill loses it. Give the oplog more room (replSetResizeOplog, or "
                 "storage.oplogMinRetentionHours)",
                 (double)left_s / 3600);
}

mr_status mongo_watch_oplog(mongo_source *self, mr_error *err)
{
    int64_t now_us = mr_clock_us();
    if (self->oplog_untold || (self->oplog_asked_us && now_us - self->oplog_asked_us < ASK_US)) {
        return MR_OK;
    }
    mongo_time oldest;
    bool full;
    self->oplog_asked_us = now_us;
    mr_status status = mongo_server_oldest(self->mongo, &oldest, &full, err);
    if (status == MR_REJECT) {
        self->oplog_untold = true;
        mr_task_info(self->task,
                     "how long the resume point stays in the oplog can not be told here: the user "
                     "of connection.url may not read local.oplog.rs, or this is a router");
        return MR_OK;
    }
    if (status != MR_OK) {
        return status;
    }
    int64_t left_s = (int64_t)self->position.time.seconds - (int64_t)oldest.seconds;
    mr_task_gauge(self->task, "oplog_window_seconds", (double)left_s);
    if (full) {
        warn_of_window(self, left_s, now_us);
    }
    return MR_OK;
}

/* --- When it has happened --- */

/* What to write into messages: the time, and the token if there is one. */
static void edge_of(const mongo_position *p, char *out, size_t size)
{
    char iso[MONGO_ISO_BYTES];
    mr_bson_element data;
    mr_slice token = mongo_position_token(p), text = {0};
    mongo_iso_time((int64_t)p->time.seconds * 1000, iso);
    if (token.data && mr_bson_find(token, "_data", &data) && data.type == MR_BSON_STRING) {
        text = mr_bson_text(&data);
    }
    snprintf(out, size, "%s%s%.*s", iso, text.len ? " token " : "", (int)text.len,
             text.len ? text.data : "");
}

static mr_status refuse(const char *edge, mr_error *err)
{
    char server[400];
    snprintf(server, sizeof server, "%.390s", err->text);
    int native = err->native;
    mr_fail(err, MR_FATAL, MR_DOMAIN_MONGODB,
            "the change stream can not go on from where it stands (%.200s): that is no longer in "
            "the oplog, so changes are lost to it. Set on.unresumable to resnapshot to read the "
            "collections anew (every document is sent again; changes in between show as their "
            "result only), or to resume to go on with what the oplog still has (the changes in "
            "between are lost; a GAP notice in the topic says from when to when). The server "
            "says: %s",
            edge, server);
    mr_error_code(mr_error_field(err, "on.unresumable"), native, "");
    err->permanent = true;
    return MR_FATAL;
}

typedef struct notice_args {
    mongo_source *self;
    int kind;
    const char *from, *to, *text;
    mr_error *err;
    mr_status status;
} notice_args;

static void add_notice(void *context, const char *database, const char *name)
{
    notice_args *a = context;
    mongo_collection *c;
    if (a->status == MR_OK) {
        a->status = mongo_source_collection(a->self, (mr_slice){database, strlen(database)},
                                            (mr_slice){name, strlen(name)}, &c, a->err);
    }
    if (a->status == MR_OK) {
        mongo_notice_add(a->self, a->kind, c, a->from, a->to,
                         (int64_t)a->self->position.time.seconds * 1000, a->text);
    }
}

/* One notice per watched collection; those that are not there have none to tell. */
static mr_status notify_all(mongo_source *self, int kind, const char *from, const char *to,
                            const char *text, mr_error *err)
{
    notice_args args = {self, kind, from, to, text, err, MR_OK};
    mr_status status =
        mongo_server_collections(self->mongo, &self->options, add_notice, &args, err);
    return status == MR_OK ? args.status : status;
}

/* The oldest time that can still be read from; now, when the oplog may not be looked at. */
static mr_status new_start(mongo_source *self, mongo_time *ret, mr_error *err)
{
    bool full;
    mr_status status = mongo_server_oldest(self->mongo, ret, &full, err);
    /* It was older than what there is, and is not: then the token is no good for another reason. */
    if (status == MR_OK && mongo_time_compare(*ret, self->position.time) > 0) {
        return MR_OK;
    }
    return status == MR_OK || status == MR_REJECT ? mongo_server_next_time(self->mongo, ret, err)
                                                  : status;
}

mr_status mongo_unresumable(mongo_source *self, mr_error *err)
{
    char from[800], to[800];
    const mongo_options *o = &self->options;
    bool resnapshot =
        o->on_unresumable == MONGO_RESNAPSHOT || o->snapshot_mode == MONGO_WHEN_NEEDED;
    edge_of(&self->position, from, sizeof from);
    if (!resnapshot && o->on_unresumable == MONGO_FAIL) {
        return refuse(from, err);
    }
    mr_error cause = *err;
    mongo_time start;
    mongo_stream_close(self);
    mr_status status = resnapshot ? mongo_server_next_time(self->mongo, &start, err)
                                  : new_start(self, &start, err);
    if (status != MR_OK) {
        return status;
    }
    mongo_position_at(&self->position, start);
    self->position_moved = true;
    edge_of(&self->position, to, sizeof to);
    mr_task_warn(self->task, "the change stream can not go on from %s: %.300s. %s from %s", from,
                 cause.text, resnapshot ? "Reading all collections anew," : "Going on", to);
    if (resnapshot) {
        status = notify_all(self, MR_NOTICE_RESNAPSHOT, from, to,
                            "the change stream lost its place: all documents follow anew, as they "
                            "are now",
                            err);
        self->resnapshot = status == MR_OK;
        return status;
    }
    return notify_all(self, MR_NOTICE_GAP, from, to,
                      "the change stream lost its place: changes between the two edges are missing",
                      err);
}
