/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The task's side of the snapshot: which collection is read, when a round begins and ends, and the
 * positions. The position "snapshot" is
 *
 *   {"state": "reading", "id": n, "run": "...", "at": [seconds, increment]}
 *   {"state": "done", "run": "...", "documents": n}
 *
 * id    is in the positions of its ranges too: those of another snapshot are not taken for its own
 * run   names the process that has begun it (snapshot.mode always)
 * at    the cluster time of the round that is being read; not there: the stream's turn. It is
 *       removed in the transaction in which the stream goes on, so that a life that finds it knows
 *       that the stream stands there
 */
#include "snapshot.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "reconcile.h"
#include "snapshot_plan.h"
#include "snapshot_readers.h"

enum {
    FRUITLESS_MAX = 3, /* rounds on end that the server has cut short before the first document */
    RUN_BYTES = 128,
};

struct mongo_snapshot {
    const mongo_options *options;
    mr_task *task;
    mongo_pace pace;
    mongo_link link;
    mongo_place *places;
    size_t count, current; /* current == count: all are read */
    mongo_readers *readers;
    bool reading;  /* a round is under way */
    bool given;    /* the readers have the current collection */
    mongo_time at; /* of the round, or of the next one */
    int64_t id;
    int fruitless;
    bool finished;    /* that is in the positions */
    mongo_load *load; /* being handed over */
    size_t taken;     /* documents of it */
    int64_t begun_us;
    mr_buffer text, name; /* of positions */
};

/* --- What there is to do --- */

static void read_line(const char *path, char *out, size_t size)
{
    FILE *f = fopen(path, "r");
    out[0] = '\0';
    if (f) {
        if (!fgets(out, (int)size, f)) {
            out[0] = '\0';
        }
        fclose(f);
    }
    out[strcspn(out, "\n")] = '\0';
}

/* A text that no other process has: of this boot, process number and when it began. */
static void name_run(char out[RUN_BYTES])
{
    char boot[48], stat[1024];
    read_line("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
    read_line("/proc/self/stat", stat, sizeof stat);
    const char *field = strrchr(stat, ')'); /* field 2; the start time is field 22 (proc(5)) */
    for (int i = 2; field && i < 22; i++) {
        field = strchr(field + 1, ' ');
    }
    snprintf(out, RUN_BYTES, "%s-%ld-%.*s", boot, (long)getpid(),
             field ? (int)strcspn(field + 1, " ") : 0, field ? field + 1 : "");
}

typedef struct stored {
    bool reading, done, mine;
    bool in_round;
    mongo_time at;
    int64_t id;
} stored;

static void read_stored(const mr_positions *resume, stored *ret)
{
    const char *text = resume ? mr_positions_get(resume, MONGO_SNAPSHOT_POSITION) : NULL;
    json_auto_t *root = text ? json_loads(text, 0, NULL) : NULL;
    const char *state = json_string_value(json_object_get(root, "state"));
    const char *run = json_string_value(json_object_get(root, "run"));
    json_t *at = json_object_get(root, "at");
    char mine[RUN_BYTES];
    name_run(mine);
    *ret = (stored){
        .reading = state && strcmp(state, "reading") == 0,
        .done = state && strcmp(state, "done") == 0,
        .mine = run && strcmp(run, mine) == 0,
        .id = json_integer_value(json_object_get(root, "id")),
        .in_round = json_array_size(at) == 2,
        .at = {(uint32_t)json_integer_value(json_array_get(at, 0)),
               (uint32_t)json_integer_value(json_array_get(at, 1))},
    };
}

mongo_snapshot_plan mongo_snapshot_todo(const mongo_options *options, const mr_positions *resume,
                                        bool stream_stands)
{
    stored s;
    read_stored(resume, &s);
    bool begun = s.reading && stream_stands;
    switch (options->snapshot_mode) {
    case MONGO_INITIAL:
        return s.done ? MONGO_SNAPSHOT_NONE : begun ? MONGO_SNAPSHOT_RESUME : MONGO_SNAPSHOT_ANEW;
    case MONGO_ALWAYS:
        return !s.mine  ? MONGO_SNAPSHOT_ANEW
               : s.done ? MONGO_SNAPSHOT_NONE
               : begun  ? MONGO_SNAPSHOT_RESUME
                        : MONGO_SNAPSHOT_ANEW;
    case MONGO_WHEN_NEEDED:
        return !stream_stands ? MONGO_SNAPSHOT_ANEW
               : begun        ? MONGO_SNAPSHOT_RESUME
                              : MONGO_SNAPSHOT_NONE;
    default:
        return begun && mr_positions_get(resume, MONGO_RECONCILE_POSITION) ? MONGO_SNAPSHOT_RESUME
                                                                           : MONGO_SNAPSHOT_NONE;
    }
}

/* --- Positions --- */

static int64_t documents_read(const mongo_snapshot *s, int64_t *bytes)
{
    int64_t documents = 0;
    *bytes = 0;
    for (size_t i = 0; i < s->count; i++) {
        for (size_t k = 0; k < s->places[i].count; k++) {
            documents += s->places[i].ranges[k].documents;
            *bytes += s->places[i].ranges[k].bytes;
        }
    }
    return documents;
}

static void save_state(mongo_snapshot *s)
{
    char run[RUN_BYTES];
    int64_t bytes;
    name_run(run);
    mr_buffer_clear(&s->text);
    mr_buffer_printf(&s->text, "{\"state\":\"%s\",\"run\":\"%s\"",
                     s->current == s->count ? "done" : "reading", run);
    if (s->current == s->count) {
        mr_buffer_printf(&s->text, ",\"documents\":%" PRId64, documents_read(s, &bytes));
    } else {
        mr_buffer_printf(&s->text, ",\"id\":%" PRId64, s->id);
    }
    if (s->reading) {
        mr_buffer_printf(&s->text, ",\"at\":[%" PRIu32 ",%" PRIu32 "]", s->at.seconds,
                         s->at.increment);
    }
    mr_buffer_add_char(&s->text, '}');
    mr_task_position(s->task, MONGO_SNAPSHOT_POSITION, mr_buffer_text(&s->text));
}

static mr_status save_range(mongo_snapshot *s, const mongo_place *place, const mongo_range *range,
                            mr_error *err)
{
    mr_buffer_clear(&s->text);
    mongo_range_head head = {.id = s->id};
    if (mongo_place_by_record(place)) {
        memcpy(head.home, place->home, sizeof head.home);
    }
    mongo_range_print(range, &head, &s->text);
    if (s->text.failed) {
        return mr_fail(err, MR_FATAL, MR_DOMAIN_RECORD,
                       "an _id of %s is too long for a position in Kafka: its text has more than "
                       "%d bytes",
                       place->full, MONGO_RANGE_TEXT_MAX);
    }
    mongo_range_name(place, (size_t)(range - place->ranges), &s->name);
    mr_task_position(s->task, mr_buffer_text(&s->name), mr_buffer_text(&s->text));
    return MR_OK;
}

static void remove_ranges(mongo_snapshot *s)
{
    for (size_t i = 0; i < s->count; i++) {
        for (size_t k = 0; k < s->places[i].count; k++) {
            mongo_range_name(&s->places[i], k, &s->name);
            mr_task_position(s->task, mr_buffer_text(&s->name), NULL);
        }
    }
}

static void remove_stored(mr_task *task, const mr_positions *resume)
{
    size_t cursor = 0;
    const char *name, *value;
    while (resume && mr_positions_next(resume, &cursor, &name, &value)) {
        if (strncmp(name, MONGO_RANGE_PREFIX, strlen(MONGO_RANGE_PREFIX)) == 0) {
            mr_task_position(task, name, NULL);
        }
    }
}

void mongo_snapshot_give_up(mr_task *task, const mr_positions *resume)
{
    stored s;
    read_stored(resume, &s);
    remove_stored(task, resume);
    if (s.reading) {
        mr_task_position(task, MONGO_SNAPSHOT_POSITION, "{\"state\":\"done\"}");
        mr_task_info(task, "the snapshot that has begun is given up");
    }
}

static mongo_place *find_place(mongo_snapshot *s, const char *full, size_t len)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strlen(s->places[i].full) == len && memcmp(s->places[i].full, full, len) == 0) {
            return &s->places[i];
        }
    }
    return NULL;
}

/* A position of a collection that is not asked for any more goes, and one of another snapshot. */
static mr_status restore(mongo_snapshot *s, const mr_positions *resume, mr_error *err)
{
    size_t cursor = 0;
    const char *name, *value;
    while (mr_positions_next(resume, &cursor, &name, &value)) {
        if (strncmp(name, MONGO_RANGE_PREFIX, strlen(MONGO_RANGE_PREFIX)) != 0) {
            continue;
        }
        const char *full = name + strlen(MONGO_RANGE_PREFIX), *colon = strrchr(name, ':');
        mongo_place *place = colon > full ? find_place(s, full, (size_t)(colon - full)) : NULL;
        mongo_range range;
        mongo_range_head head;
        bool good = mongo_range_parse(value, &head, &range);
        if (!place || (good && head.id != s->id)) {
            mr_task_position(s->task, name, NULL);
            mongo_range_release(&range);
        } else if (!good || !mongo_place_restore(place, colon + 1, &range)) {
            mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                    "the stored position \"%s\" is not one of this connector: %.300s", name, value);
            err->permanent = true;
            return MR_FATAL;
        } else {
            memcpy(place->read_from, head.home, sizeof head.home);
        }
    }
    return MR_OK;
}

static bool all_done(const mongo_place *place)
{
    bool done = place->planned;
    for (size_t i = 0; i < place->count; i++) {
        done = done && place->ranges[i].done;
    }
    return done;
}

/* Record ids of another server mean nothing here. */
static void forget_foreign(mongo_snapshot *s)
{
    for (size_t i = 0; i < s->count; i++) {
        mongo_place *place = &s->places[i];
        if (place->planned && !all_done(place) && mongo_place_by_record(place) &&
            strcmp(place->read_from, place->home) != 0) {
            mr_task_warn(s->task,
                         "%s is read from its start again: how far it was read is known by record "
                         "ids, which are not the same here, on another member of the replica set "
                         "or after the collection was made anew",
                         place->full);
            for (size_t k = 0; k < place->count; k++) {
                mongo_range_name(place, k, &s->name);
                mr_task_position(s->task, mr_buffer_text(&s->name), NULL);
            }
            mongo_place_clear(place);
        }
    }
}

/* --- Rounds --- */

/* The time just before the last write, so that the stream passes it soon, but not before the one it
 * stands at (s->at). */
static mr_status choose_time(mongo_snapshot *s, mr_error *err)
{
    mongo_time now;
    bson_t command = BSON_INITIALIZER, reply;
    BSON_APPEND_INT32(&command, "ping", 1);
    mr_status status =
        mongo_link_run(&s->link, "admin", &command, &reply, err, "cannot ask for the cluster time");
    if (status == MR_OK && mongo_reply_time(&reply, &now)) {
        now = mongo_time_before(now);
        s->at = mongo_time_compare(now, s->at) > 0 ? now : s->at;
    } else if (status == MR_OK) {
        status = mr_fail(err, MR_FATAL, MR_DOMAIN_MONGODB,
                         "the server tells no cluster time: it is not part of a replica set");
    }
    bson_destroy(&reply);
    bson_destroy(&command);
    return status;
}

static void begin_round(mongo_snapshot *s)
{
    s->reading = true;
    s->given = false;
    mongo_readers_begin(s->readers, s->at, mr_clock_us() + s->pace.round_ms * 1000);
}

static mr_status end_round(mongo_snapshot *s, mr_error *err)
{
    s->reading = s->given = false;
    mr_status status = choose_time(s, err);
    save_state(s);
    return status;
}

/* The server has cut the round short; err says how. */
static mr_status cut_short(mongo_snapshot *s, mr_error *err)
{
    if (++s->fruitless >= FRUITLESS_MAX) {
        return MR_RETRY;
    }
    return end_round(s, err);
}

bool mongo_snapshot_waits(const mongo_snapshot *s, mongo_time *until)
{
    *until = s->at;
    return !s->reading && s->current < s->count;
}

void mongo_snapshot_go(mongo_snapshot *s)
{
    begin_round(s);
    save_state(s);
}

/* --- Opening --- */

mongo_snapshot *mongo_snapshot_new(const mongo_options *options, mr_task *task,
                                   const mongo_pace *pace)
{
    static const mongo_pace usual = MONGO_PACE;
    mongo_snapshot *s = mr_calloc(1, sizeof *s);
    s->options = options;
    s->task = task;
    s->pace = pace ? *pace : usual;
    s->begun_us = mr_clock_us();
    mr_buffer_init(&s->text, MONGO_RANGE_TEXT_MAX);
    mr_buffer_init(&s->name, 1024);
    return s;
}

void mongo_snapshot_add(void *context, const char *database, const char *collection)
{
    mongo_snapshot *s = context;
    s->places = mr_realloc_array(s->places, s->count + 1, sizeof *s->places);
    s->places[s->count++] = (mongo_place){
        .database = mr_strdup(database),
        .name = mr_strdup(collection),
        .full = mr_format("%s.%s", database, collection),
        .pace = &s->pace,
    };
}

void mongo_snapshot_close(mongo_snapshot *s)
{
    if (!s) {
        return;
    }
    mongo_readers_stop(s->readers);
    mongo_load_free(s->load);
    for (size_t i = 0; i < s->count; i++) {
        mongo_place_release(&s->places[i]);
    }
    free(s->places);
    mongo_link_close(&s->link);
    mr_buffer_release(&s->text);
    mr_buffer_release(&s->name);
    free(s);
}

static mr_status connect_server(mongo_snapshot *s, mr_error *err)
{
    const mongo_options *o = s->options;
    mr_status status =
        mongo_link_open(&s->link, o->uri, mr_task_name(s->task), o->connect_timeout_ms, err);
    if (status != MR_OK || s->link.mongo->version[0] >= 5) {
        return status;
    }
    mr_fail(err, MR_FATAL, MR_DOMAIN_MONGODB,
            "MongoDB at %s is version %d.%d, which can not read a collection as it was at one "
            "time: a snapshot needs 5.0 or newer; without one (snapshot.mode never) the source "
            "reads changes only",
            s->link.mongo->host, s->link.mongo->version[0], s->link.mongo->version[1]);
    mr_error_field(err, "snapshot.mode");
    if (err) {
        err->permanent = true;
    }
    return MR_FATAL;
}

static void tell_progress(mongo_snapshot *s)
{
    int64_t bytes, total = 0;
    documents_read(s, &bytes);
    for (size_t i = 0; i < s->count; i++) {
        total += s->places[i].bytes;
    }
    mr_task_progress(s->task, bytes, total > bytes || !total ? total : bytes);
}

static void tell_begun(mongo_snapshot *s, bool anew)
{
    int64_t documents = 0, bytes;
    for (size_t i = 0; i < s->count; i++) {
        documents += s->places[i].documents;
    }
    int64_t done = documents_read(s, &bytes);
    if (anew) {
        mr_task_info(s->task, "snapshot of %zu collection%s begins: about %" PRId64 " documents",
                     s->count, s->count == 1 ? "" : "s", documents);
    } else {
        mr_task_info(s->task,
                     "snapshot goes on: %" PRId64 " of about %" PRId64 " documents are read", done,
                     documents);
    }
}

mr_status mongo_snapshot_open(mongo_snapshot *s, const mr_positions *resume, bool anew,
                              mongo_time stands, mr_error *err)
{
    stored was;
    read_stored(resume, &was);
    mr_status status = connect_server(s, err);
    for (size_t i = 0; i < s->count && status == MR_OK; i++) {
        status = mongo_place_survey(&s->link, &s->places[i], err);
    }
    if (status == MR_OK && anew) {
        remove_stored(s->task, resume);
        s->id = mr_clock_us();
    } else if (status == MR_OK) {
        s->id = was.id;
        status = restore(s, resume, err);
        forget_foreign(s);
    }
    if (status != MR_OK) {
        return status;
    }
    s->readers =
        mongo_readers_start(s->options->uri, mr_task_name(s->task), s->options->connect_timeout_ms,
                            (size_t)s->options->snapshot_tasks);
    tell_begun(s, anew);
    if (!anew && was.in_round) {
        s->at = was.at;
        begin_round(s);
        return MR_OK;
    }
    s->at = stands;
    status = choose_time(s, err);
    save_state(s);
    return status;
}

/* --- Reading --- */

static void tell_finished(mongo_snapshot *s, const mongo_place *place)
{
    int64_t documents = 0;
    for (size_t i = 0; i < place->count; i++) {
        documents += place->ranges[i].documents;
    }
    if (!place->absent) {
        mr_task_info(s->task, "snapshot of %s is read: %" PRId64 " documents in %zu range%s",
                     place->full, documents, place->count, place->count == 1 ? "" : "s");
    }
}

static mr_status finish(mongo_snapshot *s)
{
    int64_t bytes;
    s->reading = false;
    if (!s->finished) {
        s->finished = true;
        remove_ranges(s);
        save_state(s);
        tell_progress(s);
        mr_task_info(s->task, "snapshot is done: %" PRId64 " documents; %.1f seconds in this run",
                     documents_read(s, &bytes), (double)(mr_clock_us() - s->begun_us) / 1e6);
    }
    return MR_END;
}

/* The ranges of a collection become positions at once, with or before the first of its records. */
static mr_status plan(mongo_snapshot *s, mongo_place *place, mr_error *err)
{
    mr_status status = mongo_place_plan(&s->link, place, s->at, err);
    for (size_t i = 0; i < place->count && status == MR_OK; i++) {
        status = save_range(s, place, &place->ranges[i], err);
    }
    return status;
}

/* Gives the readers something to read. MR_IDLE: the round has ended instead. */
static mr_status give(mongo_snapshot *s, mr_error *err)
{
    mongo_place *place = &s->places[s->current];
    mr_status status = MR_OK;
    bool too_old;
    if (mongo_readers_over(s->readers, &too_old, err)) {
        status = end_round(s, err);
        return status == MR_OK ? MR_IDLE : status;
    }
    if (!place->planned) {
        status = plan(s, place, err);
    }
    if (status != MR_OK && mongo_history_gone(err)) {
        status = cut_short(s, err);
        return status == MR_OK ? MR_IDLE : status;
    }
    if (status == MR_OK) {
        mongo_readers_give(s->readers, place);
        s->given = true;
    }
    return status;
}

static mr_status settle(mongo_snapshot *s, size_t upto, mr_error *err)
{
    mongo_place *place = &s->places[s->current];
    mongo_load *load = s->load;
    mongo_range *range = load->range;
    bool whole = upto == load->count;
    if (whole && load->mark.data) {
        mongo_mark_set(&range->last, mongo_mark_document(&load->mark));
    } else if (!whole && mongo_place_by_record(place)) {
        int64_t record;
        mr_status status =
            mongo_find_record(&s->link, place, load->documents[upto - 1], s->at, &record, err);
        if (status != MR_OK) {
            return status;
        }
        mongo_mark_set_record(&range->last, record);
    } else if (!whole) {
        mongo_mark_set_id(&range->last, load->documents[upto - 1]);
    }
    range->done = whole && load->last;
    for (; s->taken < upto; s->taken++) {
        range->documents++;
        range->bytes += (int64_t)load->documents[s->taken].len;
    }
    s->fruitless = 0;
    tell_progress(s);
    return save_range(s, place, range, err);
}

/* Nothing more comes of the collection in this round. MR_IDLE: so the round has ended. */
static mr_status leave(mongo_snapshot *s, mr_error *err)
{
    mongo_place *place = &s->places[s->current];
    if (all_done(place)) {
        tell_finished(s, place);
        s->current++;
        s->given = false;
        return MR_OK;
    }
    bool too_old;
    mongo_readers_over(s->readers, &too_old, err);
    mr_status status = too_old ? cut_short(s, err) : end_round(s, err);
    return status == MR_OK ? MR_IDLE : status;
}

static mr_status hand_over(mongo_snapshot *s, mongo_snapshot_batch *ret)
{
    const mongo_place *place = &s->places[s->current];
    *ret = (mongo_snapshot_batch){
        .database = place->database,
        .collection = place->name,
        .documents = s->load->documents + s->taken,
        .count = s->load->count - s->taken,
        .at = s->at,
    };
    return MR_OK;
}

mr_status mongo_snapshot_next(mongo_snapshot *s, mongo_snapshot_batch *ret, int64_t deadline_us,
                              mr_error *err)
{
    if (s->load && s->taken < s->load->count) {
        return hand_over(s, ret);
    }
    while (s->reading && s->current < s->count) {
        mongo_load_free(s->load);
        s->load = NULL;
        s->taken = 0;
        mr_status status = s->given ? MR_OK : give(s, err);
        if (status != MR_OK) {
            return status;
        }
        status = mongo_readers_take(s->readers, deadline_us, &s->load, err);
        if (status == MR_OK && s->load->count) {
            return hand_over(s, ret);
        }
        if (status == MR_OK) {
            status = settle(s, 0, err);
        } else if (status == MR_END) {
            status = leave(s, err);
        }
        if (status != MR_OK) {
            return status;
        }
    }
    return s->current == s->count ? finish(s) : MR_IDLE;
}

mr_status mongo_snapshot_took(mongo_snapshot *s, size_t count, mr_error *err)
{
    return count ? settle(s, s->taken + count, err) : MR_OK;
}
