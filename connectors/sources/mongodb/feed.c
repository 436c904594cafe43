/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader's loop and the queue. The cursor is opened with startAfter, never resumeAfter: the two
 * differ only after an invalidate event (a collection that was dropped or renamed ends its stream),
 * where only startAfter goes on. That is also how the reader itself goes on when the server ends
 * the cursor: it opens the next one after the last token, and waits there for the collection to be
 * made again.
 *
 * One reply is about a MiB of small documents; two waiting ones keep the task fed while the server
 * makes the next. A reply of large documents may take 16 MiB, so bytes are bounded too.
 */
#include "feed.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"

enum {
    QUEUE_REPLIES = 2,
    QUEUE_BYTES = 4 << 20,
    PATIENCE_MS = 24 * 3600 * 1000,
    CLOSE_MS = 1000, /* then what the server is doing for us is ended */
    /* Server codes that the table of connectors/mongo has no use for. */
    CURSOR_NOT_FOUND = 43,
    CAPPED_POSITION_LOST = 136,
    CURSOR_KILLED = 237,
    INVALID_RESUME_TOKEN = 260,
    CHANGE_STREAM_FATAL = 280,
    CHANGE_STREAM_HISTORY_LOST = 286,
    OBJECT_TOO_LARGE = 10334,
};

struct mongo_feed {
    const mongo_options *options;
    char *app_name;
    bool before_images;
    int await_ms;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t filled, taken;
    /* Guarded by lock: */
    mongo_reply *first, **last;
    size_t count, bytes;
    bool stop, failed, unresumable, ended;
    bson_t *lsid; /* of the session; NULL: none yet */
    mr_status status;
    mr_error error;
    /* The reader's own: */
    mr_mongo *mongo;
    mongoc_client_session_t *session;
    bson_t *opts; /* session and server of all its commands */
    bool split;
    mongo_diet diet;
    int64_t singles; /* MONGO_SINGLE: events read so far */
    int64_t cursor;
    bson_t *token; /* where the stream stands; empty: at `time` */
    mongo_time time;
    size_t events_capacity;
};

void mongo_reply_free(mongo_reply *reply)
{
    if (reply) {
        bson_free(reply->bytes);
        free(reply->events);
        free(reply);
    }
}

/* --- Commands --- */

bool mongo_one_collection(const mongo_options *options)
{
    return options->database && options->collections.count == 1;
}

/* Of a database's stream only some collections. What has no collection in ns (dropDatabase,
 * invalidate), and a rename to one of ours, must pass. */
static void append_match(const mongo_options *options, bson_t *stages, const char *key)
{
    bson_t names = BSON_INITIALIZER;
    for (size_t i = 0; i < options->collections.count; i++) {
        char index[24];
        snprintf(index, sizeof index, "%zu", i);
        BSON_APPEND_UTF8(&names, index, options->collections.items[i]);
    }
    bson_t *stage = BCON_NEW(
        "$match", "{", "$or", "[", "{", "ns.coll", "{", "$in", BCON_ARRAY(&names), "}", "}", "{",
        "to.coll", "{", "$in", BCON_ARRAY(&names), "}", "}", "{", "operationType", "{", "$in", "[",
        BCON_UTF8("dropDatabase"), BCON_UTF8("invalidate"), "]", "}", "}", "]", "}");
    BSON_APPEND_DOCUMENT(stages, key, stage);
    bson_destroy(stage);
    bson_destroy(&names);
}

static void append_start(const mongo_start *start, bson_t *stream)
{
    bson_t token;
    if (start->token.data &&
        bson_init_static(&token, (const uint8_t *)start->token.data, start->token.len)) {
        BSON_APPEND_DOCUMENT(stream, "startAfter", &token);
    } else {
        bson_append_timestamp(stream, "startAtOperationTime", -1, start->time.seconds,
                              start->time.increment);
    }
}

static void append_stream(const mongo_options *options, const mongo_stream_spec *spec,
                          bson_t *stages, const char *key)
{
    bson_t stage, stream;
    BSON_APPEND_DOCUMENT_BEGIN(stages, key, &stage);
    BSON_APPEND_DOCUMENT_BEGIN(&stage, "$changeStream", &stream);
    BSON_APPEND_UTF8(&stream, "fullDocument",
                     spec->diet == MONGO_NO_IMAGES ? "default" : "whenAvailable");
    if (spec->before_images && spec->diet < MONGO_NO_BEFORE) {
        BSON_APPEND_UTF8(&stream, "fullDocumentBeforeChange", "whenAvailable");
    }
    if (!options->database) {
        BSON_APPEND_BOOL(&stream, "allChangesForCluster", true);
    }
    append_start(&spec->start, &stream);
    bson_append_document_end(&stage, &stream);
    bson_append_document_end(stages, &stage);
}

static int32_t batch_size(const mongo_options *options, mongo_diet diet)
{
    return diet == MONGO_FULL ? (int32_t)options->fetch_size : 1;
}

void mongo_feed_command(const mongo_options *options, const mongo_stream_spec *spec,
                        bson_t *command)
{
    static const char *const keys[] = {"0", "1", "2", "3"};
    size_t count = 0;
    bson_t stages, stage, empty, cursor;
    if (mongo_one_collection(options)) {
        BSON_APPEND_UTF8(command, "aggregate", options->collections.items[0]);
    } else {
        BSON_APPEND_INT32(command, "aggregate", 1);
    }
    BSON_APPEND_ARRAY_BEGIN(command, "pipeline", &stages);
    append_stream(options, spec, &stages, keys[count++]);
    if (options->collections.count > 1) {
        append_match(options, &stages, keys[count++]);
    }
    if (spec->diet >= MONGO_NO_BEFORE) {
        BSON_APPEND_DOCUMENT_BEGIN(&stages, keys[count], &stage);
        count++;
        BSON_APPEND_UTF8(&stage, "$unset", "updateDescription");
        bson_append_document_end(&stages, &stage);
    }
    if (spec->split) { /* must be the last one */
        BSON_APPEND_DOCUMENT_BEGIN(&stages, keys[count], &stage);
        BSON_APPEND_DOCUMENT_BEGIN(&stage, "$changeStreamSplitLargeEvent", &empty);
        bson_append_document_end(&stage, &empty);
        bson_append_document_end(&stages, &stage);
    }
    bson_append_array_end(command, &stages);
    BSON_APPEND_DOCUMENT_BEGIN(command, "cursor", &cursor);
    BSON_APPEND_INT32(&cursor, "batchSize", batch_size(options, spec->diet));
    bson_append_document_end(command, &cursor);
}

static void get_more_command(const mongo_feed *feed, bson_t *command)
{
    const mongo_options *o = feed->options;
    BSON_APPEND_INT64(command, "getMore", feed->cursor);
    BSON_APPEND_UTF8(command, "collection",
                     mongo_one_collection(o) ? o->collections.items[0] : "$cmd.aggregate");
    BSON_APPEND_INT32(command, "batchSize", batch_size(o, feed->diet));
    BSON_APPEND_INT32(command, "maxTimeMS", feed->await_ms);
}

/* --- Replies --- */

static mr_status malformed(mr_error *err, const char *what)
{
    return mr_fail(err, MR_FATAL, MR_DOMAIN_MONGODB, "a reply of the change stream %s", what);
}

static mr_status add_event(mongo_feed *feed, mongo_reply *reply, mr_slice document, mr_error *err)
{
    if (reply->count == feed->events_capacity || !reply->events) {
        size_t room = feed->events_capacity ? feed->events_capacity : 16;
        while (room <= reply->count) {
            room *= 2;
        }
        feed->events_capacity = room;
        reply->events = mr_realloc_array(reply->events, room, sizeof *reply->events);
    }
    return mongo_event_parse(document, &reply->events[reply->count++], err);
}

/* Cuts the cursor of a reply into events. */
static mr_status cut(mongo_feed *feed, mongo_reply *reply, mr_error *err)
{
    mr_slice whole = {reply->bytes, reply->len};
    mr_status status = mr_bson_check(whole.data, whole.len, err);
    if (status != MR_OK) {
        mr_error_prefix(err, "a reply of the change stream is malformed");
        return MR_FATAL;
    }
    mr_bson_element cursor, part;
    if (!mr_bson_find(whole, "cursor", &cursor) || cursor.type != MR_BSON_DOCUMENT) {
        return malformed(err, "has no cursor");
    }
    if (mr_bson_find(whole, "operationTime", &part) && part.type == MR_BSON_TIMESTAMP) {
        uint32_t seconds, increment;
        mr_bson_timestamp(&part, &seconds, &increment);
        reply->server_s = seconds;
    }
    mr_slice fields = mr_bson_document(&cursor), batch = {0};
    size_t at = 0;
    feed->cursor = 0;
    while (mr_bson_next(fields, &at, &part)) {
        if (part.type == MR_BSON_ARRAY) {
            batch = mr_bson_document(&part); /* firstBatch, nextBatch */
        } else if (part.type == MR_BSON_INT64) {
            feed->cursor = mr_bson_int(&part); /* id */
        } else if (part.type == MR_BSON_DOCUMENT) {
            reply->token = mr_bson_document(&part); /* postBatchResumeToken */
        }
    }
    at = 0;
    while (batch.data && status == MR_OK && mr_bson_next(batch, &at, &part)) {
        status = part.type == MR_BSON_DOCUMENT
                     ? add_event(feed, reply, mr_bson_document(&part), err)
                     : malformed(err, "holds an event that is no document");
    }
    return status;
}

/* Where to go on when the server ends the cursor: after the last event, since an invalidate event
 * is what ended it, else after the token of the reply. */
static void remember_token(mongo_feed *feed, const mongo_reply *reply)
{
    mr_slice token = reply->count ? reply->events[reply->count - 1].token : reply->token;
    bson_t view;
    if (token.data && bson_init_static(&view, (const uint8_t *)token.data, token.len)) {
        bson_destroy(feed->token);
        feed->token = bson_copy(&view);
    }
}

/* false: told to stop. Takes the reply over. */
static bool hand_over(mongo_feed *feed, mongo_reply *reply)
{
    pthread_mutex_lock(&feed->lock);
    while (!feed->stop && feed->count &&
           (feed->count >= QUEUE_REPLIES || feed->bytes >= QUEUE_BYTES)) {
        pthread_cond_wait(&feed->taken, &feed->lock);
    }
    bool stop = feed->stop;
    if (!stop) {
        *feed->last = reply;
        feed->last = &reply->next;
        feed->count++;
        feed->bytes += reply->len;
        pthread_cond_signal(&feed->filled);
    }
    pthread_mutex_unlock(&feed->lock);
    if (stop) {
        mongo_reply_free(reply);
    }
    return !stop;
}

/* --- The reader --- */

/* What a failure means for a change stream; `status` is what it means in general. */
static mr_status judge(mongo_feed *feed, mr_status status, mr_error *err)
{
    switch (err->domain == MR_DOMAIN_MONGODB ? err->native : 0) {
    case CURSOR_NOT_FOUND:
    case CAPPED_POSITION_LOST:
    case CURSOR_KILLED:
        err->permanent = false;
        return MR_REOPEN;
    case INVALID_RESUME_TOKEN:
    case CHANGE_STREAM_FATAL:
    case CHANGE_STREAM_HISTORY_LOST:
        feed->unresumable = true;
        return MR_FATAL;
    case OBJECT_TOO_LARGE: {
        const int *v = feed->mongo->version;
        mr_error cause = *err;
        mr_fail(err, MR_FATAL, MR_DOMAIN_MONGODB,
                "a change event is larger than the 16 MiB that a reply can hold, even without its "
                "images, and this server (%d.%d.%d) can not split it: MongoDB 6.0.9 and newer can. "
                "Upgrade it, or go past the event by setting start.at to a time after it. The "
                "server says: %.300s",
                v[0], v[1], v[2], cause.text);
        mr_error_code(err, cause.native, cause.code);
        err->permanent = true;
        return MR_FATAL;
    }
    default:
        return status;
    }
}

static mr_status run(mongo_feed *feed, const bson_t *command, mongo_reply **ret, mr_error *err)
{
    const char *database = feed->options->database ? feed->options->database : "admin";
    bson_t answer;
    mr_status status = mr_mongo_command(feed->mongo, database, command, feed->opts, &answer, err,
                                        "reading the change stream");
    if (status != MR_OK) {
        bson_destroy(&answer);
        return judge(feed, status, err);
    }
    mongo_reply *reply = mr_calloc(1, sizeof *reply);
    uint32_t len;
    reply->bytes = (char *)bson_destroy_with_steal(&answer, true, &len);
    reply->len = len;
    status = cut(feed, reply, err);
    if (status != MR_OK) {
        mongo_reply_free(reply);
        return status;
    }
    remember_token(feed, reply);
    *ret = reply;
    return MR_OK;
}

static mr_status open_cursor(mongo_feed *feed, mongo_reply **ret, mr_error *err)
{
    mongo_stream_spec spec = {.start = {.time = feed->time},
                              .before_images = feed->before_images,
                              .split = feed->split,
                              .diet = feed->diet};
    if (!bson_empty(feed->token)) {
        spec.start.token = (mr_slice){(const char *)bson_get_data(feed->token), feed->token->len};
    }
    bson_t command = BSON_INITIALIZER;
    mongo_feed_command(feed->options, &spec, &command);
    mr_status status = run(feed, &command, ret, err);
    bson_destroy(&command);
    return status;
}

static mr_status get_more(mongo_feed *feed, mongo_reply **ret, mr_error *err)
{
    bson_t command = BSON_INITIALIZER;
    get_more_command(feed, &command);
    mr_status status = run(feed, &command, ret, err);
    bson_destroy(&command);
    return status;
}

/* The server answers when it has looked through the oplog from the position to its end, which takes
 * many minutes when the oplog is large and few of its entries are ours: so no answer is waited for
 * too long. A connection that was cut is found by TCP's keep-alive, which the library sets. Holds
 * what the URI holds, passwords too. */
static char *patient_uri(const char *text)
{
    mongoc_uri_t *uri = mongoc_uri_new(text);
    if (uri && !mongoc_uri_has_option(uri, MONGOC_URI_SOCKETTIMEOUTMS)) {
        mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SOCKETTIMEOUTMS, PATIENCE_MS);
    }
    char *ret = mr_strdup(uri ? mongoc_uri_get_string(uri) : text);
    mongoc_uri_destroy(uri);
    return ret;
}

/* The server forgets the cursor at once, not after ten minutes. */
static void kill_cursor(mongo_feed *feed)
{
    const mongo_options *o = feed->options;
    bson_t command = BSON_INITIALIZER, list, reply;
    mr_error ignored;
    BSON_APPEND_UTF8(&command, "killCursors",
                     mongo_one_collection(o) ? o->collections.items[0] : "$cmd.aggregate");
    BSON_APPEND_ARRAY_BEGIN(&command, "cursors", &list);
    BSON_APPEND_INT64(&list, "0", feed->cursor);
    bson_append_array_end(&command, &list);
    mr_status status = mr_mongo_command(feed->mongo, o->database ? o->database : "admin", &command,
                                        feed->opts, &reply, &ignored, "closing the change stream");
    (void)status; /* it is only a courtesy */
    bson_destroy(&reply);
    bson_destroy(&command);
}

/* The next reply. An event that is too large for one is read with less of it, see mongo_diet. */
static mr_status read_next(mongo_feed *feed, mongo_reply **ret, mr_error *err)
{
    for (;;) {
        mr_status status = feed->cursor ? get_more(feed, ret, err) : open_cursor(feed, ret, err);
        bool too_large =
            status != MR_OK && err->domain == MR_DOMAIN_MONGODB && err->native == OBJECT_TOO_LARGE;
        if (!too_large || feed->diet == MONGO_NO_IMAGES) {
            return status;
        }
        feed->diet++;
        feed->cursor = 0; /* the server has closed it */
        feed->singles = 0;
    }
}

/* Goes back to full replies behind the event that was too large. */
static void eat_again(mongo_feed *feed, mongo_reply *reply)
{
    if (feed->diet == MONGO_FULL || !reply->count) {
        return;
    }
    reply->lean = feed->diet >= MONGO_NO_BEFORE;
    feed->singles += (int64_t)reply->count;
    if (reply->lean || feed->singles >= feed->options->fetch_size) {
        if (reply->lean && feed->cursor) {
            kill_cursor(feed);
            feed->cursor = 0;
        }
        feed->diet = MONGO_FULL;
    }
}

/* A session and one server for all commands: a cursor lives on one server. */
static mr_status connect_reader(mongo_feed *feed, mr_error *err)
{
    mr_auto_free char *uri = patient_uri(feed->options->uri);
    mr_status status =
        mr_mongo_open(uri, feed->app_name, feed->options->connect_timeout_ms, &feed->mongo, err);
    if (status != MR_OK) {
        return status;
    }
    bson_error_t error;
    const int *v = feed->mongo->version;
    feed->split = v[0] > 6 || (v[0] == 6 && (v[1] > 0 || v[2] >= 9));
    feed->session = mongoc_client_start_session(feed->mongo->client, NULL, &error);
    mongoc_server_description_t *server =
        feed->session ? mongoc_client_select_server(feed->mongo->client, true, NULL, &error) : NULL;
    if (feed->session) {
        pthread_mutex_lock(&feed->lock);
        feed->lsid = bson_copy(mongoc_client_session_get_lsid(feed->session));
        pthread_mutex_unlock(&feed->lock);
    }
    if (!server || !mongoc_client_session_append(feed->session, feed->opts, &error)) {
        status = mr_mongo_failed(feed->mongo, NULL, &error, err, "starting a session");
    } else {
        BSON_APPEND_INT32(feed->opts, "serverId", (int32_t)mongoc_server_description_id(server));
    }
    mongoc_server_description_destroy(server);
    return status;
}

static bool told_to_stop(mongo_feed *feed)
{
    pthread_mutex_lock(&feed->lock);
    bool stop = feed->stop;
    pthread_mutex_unlock(&feed->lock);
    return stop;
}

static void *reader(void *argument)
{
    mongo_feed *feed = argument;
    mr_error error = {0};
    mr_status status = connect_reader(feed, &error);
    while (status == MR_OK && !told_to_stop(feed)) {
        mongo_reply *reply;
        status = read_next(feed, &reply, &error);
        if (status == MR_OK) {
            eat_again(feed, reply);
            if (!hand_over(feed, reply)) {
                break;
            }
        }
    }
    if (status == MR_OK && feed->cursor) {
        kill_cursor(feed);
    }
    pthread_mutex_lock(&feed->lock);
    feed->ended = true;
    feed->failed = status != MR_OK;
    feed->status = status;
    feed->error = error;
    pthread_cond_signal(&feed->filled);
    pthread_mutex_unlock(&feed->lock);
    if (feed->session) {
        mongoc_client_session_destroy(feed->session);
    }
    mr_mongo_close(feed->mongo);
    return NULL;
}

/* --- The task's side --- */

static void init_monotonic(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

mongo_feed *mongo_feed_open(const mongo_options *options, const char *app_name,
                            const mongo_start *start, bool before_images, int await_ms)
{
    mongo_feed *feed = mr_calloc(1, sizeof *feed);
    feed->options = options;
    feed->app_name = mr_strdup(app_name);
    feed->before_images = before_images;
    feed->await_ms = await_ms;
    feed->last = &feed->first;
    feed->time = start->time;
    feed->opts = bson_new();
    feed->token = bson_new();
    bson_t view;
    if (start->token.data &&
        bson_init_static(&view, (const uint8_t *)start->token.data, start->token.len)) {
        bson_destroy(feed->token);
        feed->token = bson_copy(&view);
    }
    pthread_mutex_init(&feed->lock, NULL);
    init_monotonic(&feed->filled);
    init_monotonic(&feed->taken);
    if (pthread_create(&feed->thread, NULL, reader, feed) != 0) {
        abort(); /* no thread for a reader: as good as out of memory */
    }
    return feed;
}

static struct timespec timespec_of(int64_t us)
{
    return (struct timespec){.tv_sec = us / 1000000, .tv_nsec = (us % 1000000) * 1000};
}

/* Ends what the server is doing for the reader: its own user may do that. */
static void kill_session(mr_mongo *mongo, const bson_t *lsid)
{
    bson_t command = BSON_INITIALIZER, list, reply;
    mr_error ignored;
    BSON_APPEND_ARRAY_BEGIN(&command, "killSessions", &list);
    BSON_APPEND_DOCUMENT(&list, "0", lsid);
    bson_append_array_end(&command, &list);
    mr_status status = mr_mongo_command(mongo, "admin", &command, NULL, &reply, &ignored,
                                        "ending the reader's session");
    (void)status; /* then its answer is waited for */
    bson_destroy(&reply);
    bson_destroy(&command);
}

static void end_reader(mongo_feed *feed, mr_mongo *mongo)
{
    struct timespec until = timespec_of(mr_clock_us() + CLOSE_MS * 1000);
    pthread_mutex_lock(&feed->lock);
    feed->stop = true;
    pthread_cond_signal(&feed->taken);
    while (!feed->ended &&
           pthread_cond_timedwait(&feed->filled, &feed->lock, &until) != ETIMEDOUT) {
    }
    bson_t *lsid = feed->ended ? NULL : feed->lsid;
    pthread_mutex_unlock(&feed->lock);
    if (lsid && mongo) {
        kill_session(mongo, lsid);
    }
    pthread_join(feed->thread, NULL);
}

void mongo_feed_close(mongo_feed *feed, mr_mongo *mongo)
{
    if (!feed) {
        return;
    }
    end_reader(feed, mongo);
    while (feed->first) {
        mongo_reply *reply = feed->first;
        feed->first = reply->next;
        mongo_reply_free(reply);
    }
    pthread_cond_destroy(&feed->filled);
    pthread_cond_destroy(&feed->taken);
    pthread_mutex_destroy(&feed->lock);
    bson_destroy(feed->opts);
    bson_destroy(feed->token);
    if (feed->lsid) {
        bson_destroy(feed->lsid);
    }
    free(feed->app_name);
    free(feed);
}

static mongo_reply *take_first(mongo_feed *feed)
{
    mongo_reply *reply = feed->first;
    feed->first = reply->next;
    reply->next = NULL;
    if (!feed->first) {
        feed->last = &feed->first;
    }
    feed->count--;
    feed->bytes -= reply->len;
    pthread_cond_signal(&feed->taken);
    return reply;
}

mr_status mongo_feed_next(mongo_feed *feed, int64_t deadline_us, mongo_reply **ret,
                          bool *unresumable, mr_error *err)
{
    struct timespec until = timespec_of(deadline_us);
    mr_status status = MR_OK;
    pthread_mutex_lock(&feed->lock);
    while (!feed->first && !feed->failed &&
           pthread_cond_timedwait(&feed->filled, &feed->lock, &until) != ETIMEDOUT) {
    }
    if (feed->first) {
        *ret = take_first(feed);
    } else if (feed->failed) {
        status = feed->status;
        *err = feed->error;
        *unresumable = feed->unresumable;
    } else {
        status = MR_IDLE;
    }
    pthread_mutex_unlock(&feed->lock);
    return status;
}
