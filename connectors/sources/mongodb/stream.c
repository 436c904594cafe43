/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks the replies of the feed. A poll makes records of one reply at most, whose bytes they point
 * into; it ends early where the collection or the schema changes, since a batch has one of each.
 * The position follows event by event, so a poll may end anywhere, also within a transaction.
 *
 * Tokens of empty replies move the position too, so that a quiet collection does not fall out of
 * the oplog: but they are written every SAVE_US only, since nothing is lost with one.
 *
 * Every event has its number within its cluster time, also the one that makes no record: numbers
 * must not depend on what is left out.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "codec/change.h"
#include "source.h"

enum {
    SAVE_US = 5 * 1000 * 1000,
    TELL_SEARCH_US = 10 * 1000 * 1000,
    TTL_ASK_US = 60 * 1000 * 1000, /* a delete asks for TTL indexes again after this */
};

/* --- Positions --- */

void mongo_stream_save(mongo_source *self)
{
    mr_buffer text = MR_BUFFER_INIT(1 << 20);
    mongo_position_print(&self->position, &text);
    mr_task_position(self->task, MONGO_STREAM_POSITION, mr_buffer_text(&text));
    mr_buffer_release(&text);
    self->position_moved = false;
    self->position_set_us = mr_clock_us();
}

void mongo_stream_close(mongo_source *self)
{
    mongo_feed_close(self->feed, self->mongo);
    mongo_reply_free(self->reply);
    mongo_lookups_clear(&self->lookups);
    self->feed = NULL;
    self->reply = NULL;
}

/* --- Changes --- */

static bool same_bytes(mr_slice a, mr_slice b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

/* DynamoDB writes no record for a write that changes nothing. An item's attributes have no order,
 * a document's fields do. */
static bool changes_nothing(const mongo_source *self, const mongo_event *event)
{
    if (event->unchanged) {
        return true;
    }
    if (!event->before.data || !event->after.data || event->looked_up ||
        event->kind == MONGO_EVENT_DELETE) {
        return false;
    }
    return self->options.format == MONGO_DYNAMODB_JSON ? mr_bson_same(event->before, event->after)
                                                       : same_bytes(event->before, event->after);
}

static mongo_change change_of(const mongo_source *self, const mongo_event *event)
{
    bool again = mongo_time_compare(self->position.time, event->time) == 0;
    return mongo_change_of(event, (uint32_t)(again ? self->position.index + 1 : 0));
}

static void murmur_of(mongo_source *self, const mongo_collection *c, const mongo_change *change)
{
    uint64_t count;
    const mongo_options *o = &self->options;
    if (mongo_lacks_new_image(o, change)) {
        if (mongo_murmur_now(&self->missing_new, &count)) {
            mr_task_warn(self->task,
                         "%" PRIu64 " new images are missing (%s): none was stored, and the "
                         "document is gone; marked MISSING",
                         count, c->full);
        }
    } else if (change->looked_up && mongo_murmur_now(&self->looked_up, &count)) {
        mr_task_warn(self->task,
                     "%" PRIu64 " new images were looked up (%s), so they may be newer than their "
                     "change; marked LOOKUP. Images that the server stores are exact: see "
                     "images.enable",
                     count, c->full);
    }
    if (mongo_lacks_old_image(o, change) && mongo_murmur_now(&self->missing_old, &count)) {
        mr_task_warn(self->task,
                     "%" PRIu64 " old images are missing (%s): none was stored; marked MISSING. "
                     "See images.enable, and expireAfterSeconds of the server's "
                     "changeStreamOptions",
                     count, c->full);
    }
}

/* Learns from all documents of this collection that the reply still holds, so that they make one
 * new version and not many. */
static mr_status learn_ahead(mongo_source *self, mongo_collection *c, const mongo_event *now,
                             mr_arena *arena, mr_error *err)
{
    mongo_change change = change_of(self, now);
    mongo_record_learn(&self->maker, c, &change, arena);
    for (size_t i = self->at; i < self->reply->count; i++) {
        const mongo_event *event = &self->reply->events[i];
        if (event != now && event->kind <= MONGO_EVENT_DELETE && !event->fragment &&
            same_bytes(event->collection, now->collection) &&
            same_bytes(event->database, now->database)) {
            change = change_of(self, event);
            mongo_record_learn(&self->maker, c, &change, arena);
        }
    }
    return mongo_source_renew(self, c, err);
}

/* Adds all records of an event or none. *stop: none, since the batch must end before them. */
static mr_status add_all(mongo_source *self, mongo_collection *c, const mongo_change *changes,
                         size_t count, const mongo_event *event, mr_batch *out, bool *stop,
                         mr_error *err)
{
    size_t before = out->count;
    for (int attempt = 0; attempt < 2; attempt++) {
        mongo_made made = MONGO_MADE;
        for (size_t i = 0; i < count && made != MONGO_NEW_SCHEMA; i++) {
            made = mongo_source_add(self, c, &changes[i], event->whole, out);
        }
        if (made != MONGO_NEW_SCHEMA) {
            return MR_OK;
        }
        out->count = before;
        *stop = before > 0;
        mr_status status = *stop || attempt ? MR_OK : learn_ahead(self, c, event, out->arena, err);
        if (*stop || status != MR_OK) {
            return status;
        }
    }
    return mongo_source_defect(c, err);
}

/* A key field has changed: for DynamoDB that is another item, so one goes and one comes. */
static size_t split_moved(mongo_change changes[2])
{
    changes[1] = changes[0];
    changes[0].event = MR_EVENT_REMOVE;
    changes[0].key = changes[0].before;
    changes[0].after = (mr_slice){0};
    changes[1].event = MR_EVENT_INSERT;
    changes[1].key = changes[1].after;
    changes[1].before = (mr_slice){0};
    changes[1].index++;
    changes[1].salt = 1;
    return 2;
}

static mr_status check_expired(mongo_source *self, mongo_collection *c, mongo_change *change,
                               mr_error *err)
{
    if (change->event != MR_EVENT_REMOVE || !change->before.data ||
        self->options.format == MONGO_DOCUMENTS) {
        return MR_OK;
    }
    if (mr_clock_us() - c->asked_us > TTL_ASK_US) {
        mr_status status = mongo_server_prepare(self->mongo, &self->options, c, self->task, err);
        if (status != MR_OK) {
            return status;
        }
    }
    change->expired = mongo_collection_expired(c, change->before, change->wall_ms);
    return MR_OK;
}

/* Servers up to 6.0.5 at least (seen) make the image after an update that changes the order of
 * fields ($replaceWith, stored as a difference) wrongly: fields that were moved stand in it twice,
 * the old value first. The last of each is the document as it is. */
static void mend_image(mongo_event *event, mr_arena *arena)
{
    if (event->kind != MONGO_EVENT_UPDATE || !event->after.data || event->looked_up ||
        !mr_bson_repeats(event->after)) {
        return;
    }
    mr_buffer mended = MR_BUFFER_INIT(MR_BSON_BYTES_MAX);
    mr_bson_add_unrepeated(event->after, &mended);
    event->after = (mr_slice){mr_arena_copy(arena, mended.data, mended.len), mended.len};
    mr_buffer_release(&mended);
}

/* `given` stays as it is: it comes again in the next poll when the batch must end before it. */
static mr_status take_change(mongo_source *self, const mongo_event *given, mr_batch *out,
                             bool *stop, mr_error *err)
{
    mongo_event mended = *given;
    const mongo_event *event = &mended;
    mongo_collection *c;
    mend_image(&mended, out->arena);
    mr_status status = mongo_source_collection(self, event->database, event->collection, &c, err);
    if (status != MR_OK || changes_nothing(self, event)) {
        return status;
    }
    if (out->count &&
        (out->topic != c->topic || out->schema != mongo_record_schema(&self->maker, c))) {
        *stop = true;
        return MR_OK;
    }
    mongo_change changes[2] = {change_of(self, event)};
    size_t count = 1;
    if (mongo_record_same_key(&self->maker, &changes[0])) {
        status = check_expired(self, c, &changes[0], err);
    } else {
        count = split_moved(changes);
    }
    if (status == MR_OK) {
        status = add_all(self, c, changes, count, event, out, stop, err);
    }
    if (status == MR_OK && !*stop) {
        murmur_of(self, c, &changes[0]);
    }
    return status;
}

/* --- Events that are not about a document --- */

static void text_of(mr_slice database, mr_slice name, char *out, size_t size)
{
    snprintf(out, size, "%.*s.%.*s", (int)database.len, database.data, (int)name.len, name.data);
}

/* After a drop or a rename the name stands for another collection, if for any. */
static void forget_setup(mongo_source *self, const char *full)
{
    for (size_t i = 0; i < self->collection_count; i++) {
        if (strcmp(self->collections[i]->full, full) == 0) {
            self->collections[i]->asked = false;
        }
    }
}

static mr_status take_notice(mongo_source *self, const mongo_event *event, mr_error *err)
{
    char from[400], to[400], text[1000];
    mongo_collection *c;
    int64_t at_ms = event->wall_ms >= 0 ? event->wall_ms : (int64_t)event->time.seconds * 1000;
    mr_status status = mongo_source_collection(self, event->database, event->collection, &c, err);
    if (status != MR_OK) {
        return status;
    }
    text_of(event->database, event->collection, from, sizeof from);
    text_of(event->to_database, event->to_collection, to, sizeof to);
    forget_setup(self, from);
    if (event->kind == MONGO_EVENT_DROP) {
        snprintf(text, sizeof text, "collection %s was dropped, with all documents in it", from);
        mongo_notice_add(self, MR_NOTICE_DROP, c, NULL, NULL, at_ms, text);
    } else {
        forget_setup(self, to);
        snprintf(text, sizeof text,
                 "collection %s was renamed to %s; its documents came with it, without records of "
                 "their own",
                 from, to);
        mongo_notice_add(self, MR_NOTICE_RENAME, c, from, to, at_ms, text);
    }
    mr_task_warn(self->task, "%s", text);
    return MR_OK;
}

static mr_status take_whole(mongo_source *self, const mongo_event *event, mr_batch *out, bool *stop,
                            mr_error *err)
{
    switch (event->kind) {
    case MONGO_EVENT_INSERT:
    case MONGO_EVENT_UPDATE:
    case MONGO_EVENT_REPLACE:
    case MONGO_EVENT_DELETE:
        return take_change(self, event, out, stop, err);
    case MONGO_EVENT_DROP:
    case MONGO_EVENT_RENAME:
        *stop = out->count > 0; /* a notice is a batch of its own */
        return *stop ? MR_OK : take_notice(self, event, err);
    case MONGO_EVENT_INVALIDATE:
        mr_task_info(self->task,
                     "the change stream ended with what it listened to; listening for "
                     "a %s of that name to be made again",
                     mongo_one_collection(&self->options) ? "collection" : "database");
        return MR_OK;
    default:
        return MR_OK;
    }
}

/* --- The walk --- */

/* One event of the reply, joined with its other fragments when it has any: the joined one lies in
 * memory that the next one needs, so it has a poll of its own. */
static mr_status take_event(mongo_source *self, mr_batch *out, bool *stop, mr_error *err)
{
    const mongo_event *event = &self->reply->events[self->at];
    mongo_event joined;
    if (event->fragment) {
        bool complete;
        *stop = out->count > 0;
        mr_status status =
            *stop ? MR_OK : mongo_fragments_add(&self->fragments, event, &complete, &joined, err);
        if (status != MR_OK || *stop || !complete) {
            return status;
        }
        event = &joined;
    }
    mr_status status = take_whole(self, event, out, stop, err);
    if (status == MR_OK && !*stop) {
        mongo_position_event(&self->position, event->token, event->time);
        self->position_moved = true;
    }
    return status;
}

/* By the server's own clock, when it sent the reply. A reply without events: nothing waits. */
static void tell_behind(mongo_source *self)
{
    const mongo_reply *reply = self->reply;
    if (!reply->server_s) {
        return;
    }
    int64_t behind_s = 0;
    if (reply->count) {
        size_t at = self->at < reply->count ? self->at : reply->count - 1;
        behind_s = reply->server_s - (int64_t)reply->events[at].time.seconds;
    }
    mr_task_behind(self->task, behind_s > 0 ? (double)behind_s : 0);
}

static bool later(mongo_time a, const mongo_time *until)
{
    return until && mongo_time_compare(a, *until) > 0;
}

/* All events of the reply are dealt with. Its token is the better position: it covers what was
 * filtered out as well. But not between the fragments of an event. */
static void finish_reply(mongo_source *self)
{
    if (self->reply->token.data && self->fragments.next == 1) {
        mongo_position_token_only(&self->position, self->reply->token);
        self->position_moved = true;
    }
}

static mr_status walk(mongo_source *self, mr_batch *out, const mongo_time *until, bool *reached,
                      mr_error *err)
{
    uint64_t rejects = self->rejects;
    while (self->at < self->reply->count && out->count < MONGO_POLL_RECORDS && !self->notices &&
           self->rejects - rejects < MONGO_POLL_REJECTS) {
        bool stop = later(self->reply->events[self->at].time, until);
        if (stop) {
            *reached = true;
            return MR_OK;
        }
        mr_status status = take_event(self, out, &stop, err);
        if (status != MR_OK || stop) {
            return status;
        }
        self->at++;
    }
    if (self->at == self->reply->count) {
        finish_reply(self);
    }
    return MR_OK;
}

/* Is everything up to that time dealt with? At the very time there may be more (a transaction's
 * events share it) until a reply comes without any. */
static bool passed(const mongo_source *self, const mongo_time *time)
{
    if (!self->reply || self->at < self->reply->count || self->notices) {
        return false;
    }
    int order = mongo_time_compare(self->position.time, *time);
    return order > 0 || (order == 0 && self->reply->count == 0);
}

static bool shows_new_images(const mongo_options *o)
{
    return o->view == MR_VIEW_NEW_IMAGE || o->view == MR_VIEW_NEW_AND_OLD_IMAGES;
}

/* The next reply. MR_IDLE: none before the deadline. */
static mr_status next_reply(mongo_source *self, int64_t deadline_us, mr_error *err)
{
    bool unresumable = false;
    mongo_reply_free(self->reply);
    self->reply = NULL;
    self->at = 0;
    mongo_lookups_clear(&self->lookups);
    mr_status status = mongo_feed_next(self->feed, deadline_us, &self->reply, &unresumable, err);
    if (status == MR_IDLE && self->searching_us &&
        mr_clock_us() - self->searching_us > TELL_SEARCH_US) {
        mr_task_info(self->task, "the server is looking for the position in its oplog, which takes "
                                 "long when that is large");
        self->searching_us = 0;
    } else if (status != MR_IDLE) {
        self->searching_us = 0;
    }
    if (status == MR_OK && self->reply->lean) {
        mr_task_warn(self->task,
                     "an event is larger than 16 MiB with its images: it is read without "
                     "them (MongoDB 6.0.9 and newer can send it in parts)");
    }
    if (unresumable) {
        status = mongo_unresumable(self, err);
    } else if (status == MR_OK && shows_new_images(&self->options)) {
        status = mongo_server_look_up(self->mongo, self->reply->events, self->reply->count,
                                      &self->lookups, err);
    }
    return status;
}

static void open_feed(mongo_source *self)
{
    mongo_start start = {mongo_position_token(&self->position), self->position.time};
    bool before = self->options.format != MONGO_DOCUMENTS || self->key_fields.count > 1 ||
                  strcmp(self->key_fields.items[0], "_id") != 0;
    self->fragments.next = 1;
    self->searching_us = mr_clock_us();
    self->feed = mongo_feed_open(&self->options, mr_task_name(self->task), &start, before,
                                 mr_task_once(self->task) ? MONGO_AWAIT_ONCE_MS : MONGO_AWAIT_MS);
}

/* --once: what is there now is what there is to do. */
static mr_status set_drain(mongo_source *self, mr_error *err)
{
    self->draining = true;
    return mongo_server_time(self->mongo, &self->drain_to, err);
}

static mr_status read_on(mongo_source *self, mr_batch *out, int64_t deadline_us,
                         const mongo_time *until, bool *reached, mr_error *err)
{
    mr_status status = MR_OK;
    if (!self->feed) {
        open_feed(self);
    }
    if (!self->reply || self->at == self->reply->count) {
        status = next_reply(self, deadline_us, err);
    }
    if (status == MR_OK && self->reply) {
        status = walk(self, out, until, reached, err);
        tell_behind(self);
    }
    return status;
}

mr_status mongo_stream_poll(mongo_source *self, mr_batch *out, int64_t deadline_us,
                            const mongo_time *until, bool *reached, mr_error *err)
{
    mr_status status = MR_OK;
    if (mr_task_once(self->task) && !until && !self->draining) {
        status = set_drain(self, err);
    }
    if (status == MR_OK) {
        status = read_on(self, out, deadline_us, until, reached, err);
    }
    if (status == MR_OK && self->notices && !out->count) {
        status = mongo_source_tell(self, out, err);
    }
    if (status != MR_OK) {
        return status;
    }
    *reached = *reached || (until && !self->notices && later(self->position.time, until));
    bool end = !until && self->draining && passed(self, &self->drain_to);
    if (self->position_moved && !self->notices &&
        (out->count || end || *reached || mr_clock_us() - self->position_set_us > SAVE_US)) {
        mongo_stream_save(self);
    }
    return end ? MR_END : MR_OK;
}
