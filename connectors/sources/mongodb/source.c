/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening and polling. Where the source begins is decided in open(): at what is stored, at start.at
 * when that is new, or at the server's present time; then the first poll makes that durable before
 * anything is read, so that whatever happens later, nothing after it is missed.
 */
#include "source.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/task.h"
#include "codec/change.h"
#include "codec/schema.h"
#include "snapshot.h"

enum { SCHEMA_BYTES_MAX = 1 << 20, MURMUR_US = 60 * 1000 * 1000 };

static mr_status config_error(mr_error *err, const char *option)
{
    mr_error_field(err, option);
    if (err) {
        err->permanent = true;
    }
    return MR_FATAL;
}

/* --- Collections --- */

static bool is_name(mr_slice text, const char *name)
{
    return strlen(name) == text.len && memcmp(name, text.data, text.len) == 0;
}

static mongo_collection *find_collection(mongo_source *self, mr_slice database, mr_slice name)
{
    mongo_collection *last = self->last;
    if (last && is_name(name, last->name) && is_name(database, last->database)) {
        return last;
    }
    for (size_t i = 0; i < self->collection_count; i++) {
        mongo_collection *c = self->collections[i];
        if (is_name(name, c->name) && is_name(database, c->database)) {
            self->last = c;
            return c;
        }
    }
    return NULL;
}

static mr_status make_collection(mongo_source *self, mr_slice database, mr_slice name,
                                 mongo_collection **ret, mr_error *err)
{
    mr_auto_free char *database_name = mr_strndup(database.data, database.len);
    mr_auto_free char *own_name = mr_strndup(name.data, name.len);
    mr_status status =
        mongo_collection_new(&self->naming, database_name, own_name, self->resume, ret, err);
    if (status != MR_OK) {
        return status;
    }
    if (self->collection_count == self->collection_capacity) {
        self->collection_capacity = self->collection_capacity ? self->collection_capacity * 2 : 8;
        self->collections = mr_realloc_array(self->collections, self->collection_capacity,
                                             sizeof(mongo_collection *));
    }
    self->collections[self->collection_count++] = *ret;
    self->last = *ret;
    return MR_OK;
}

mr_status mongo_source_collection(mongo_source *self, mr_slice database, mr_slice name,
                                  mongo_collection **ret, mr_error *err)
{
    mr_status status = MR_OK;
    *ret = find_collection(self, database, name);
    if (!*ret) {
        status = make_collection(self, database, name, ret, err);
    }
    if (status == MR_OK && !(*ret)->asked) {
        status = mongo_server_prepare(self->mongo, &self->options, *ret, self->task, err);
    }
    return status;
}

/* --- Records --- */

/* The whole event and where it is from, for a dead letter. */
static void reject(mongo_source *self, const mongo_collection *c, const mongo_change *change,
                   mr_slice input, const mr_error *why)
{
    mr_buffer json = MR_BUFFER_INIT(MR_BSON_BYTES_MAX), where = MR_BUFFER_INIT(4096);
    mr_bson_element id;
    mr_bson_json(input, true, &json);
    mr_buffer_add_text(&where, c->full);
    if (mr_bson_find(change->key, "_id", &id)) {
        mr_buffer_add_text(&where, " _id ");
        mr_bson_value_json(&id, false, &where);
    }
    mr_slice text = {json.data, json.failed ? 0 : json.len};
    mr_reject_input(self->task, text, where.failed ? c->full : mr_buffer_text(&where), why);
    mr_buffer_release(&json);
    mr_buffer_release(&where);
    self->rejects++;
}

mongo_made mongo_source_add(mongo_source *self, mongo_collection *c, const mongo_change *change,
                            mr_slice input, mr_batch *out)
{
    mr_error why = {0};
    mr_record record;
    mongo_made made = mongo_record_make(&self->maker, c, change, out->arena, &record, &why);
    if (made == MONGO_REJECTED) {
        reject(self, c, change, input, &why);
    }
    if (made != MONGO_MADE) {
        return made;
    }
    if (!out->records) {
        out->records = mr_arena_alloc(out->arena, MONGO_POLL_ROOM * sizeof *out->records);
    }
    if (!out->count) {
        out->topic = c->topic;
        out->schema = mongo_record_schema(&self->maker, c);
    }
    out->records[out->count++] = record;
    return MONGO_MADE;
}

mr_status mongo_source_renew(mongo_source *self, mongo_collection *c, mr_error *err)
{
    mr_status status = mongo_collection_renew(c, err);
    if (status == MR_OK) {
        mongo_collection_save(c, self->task);
    }
    return status;
}

mr_status mongo_source_defect(const mongo_collection *c, mr_error *err)
{
    return mr_fail(err, MR_FATAL, MR_DOMAIN_SCHEMA,
                   "a document of %s does not fit the schema that was made of it: a defect of "
                   "millrace",
                   c->full);
}

bool mongo_murmur_now(mongo_murmur *murmur, uint64_t *count)
{
    int64_t now_us = mr_clock_us();
    *count = ++murmur->count;
    if (murmur->said_us && now_us - murmur->said_us < MURMUR_US) {
        return false;
    }
    murmur->said_us = now_us;
    murmur->count = 0;
    return true;
}

/* --- Opening --- */

static mr_status load_schema(mongo_source *self, mr_error *err)
{
    const char *given = self->options.schema;
    if (!given) {
        return MR_OK;
    }
    mr_buffer text = MR_BUFFER_INIT(SCHEMA_BYTES_MAX);
    if (*given == '{') {
        mr_buffer_add_text(&text, given);
    } else {
        mr_auto_fclose FILE *file = fopen(given, "rb");
        char chunk[4096];
        size_t n;
        while (file && (n = fread(chunk, 1, sizeof chunk, file)) > 0) {
            mr_buffer_add(&text, chunk, n);
        }
        if (!file) {
            mr_fail(err, MR_FATAL, MR_DOMAIN_FILE, "schema: cannot read \"%s\"", given);
            return config_error(err, "schema");
        }
    }
    mr_status status = mr_schema_parse(mr_buffer_text(&text), text.len, &self->given_schema, err);
    mr_buffer_release(&text);
    if (status == MR_OK && self->given_schema->type != MR_RECORD) {
        status = mr_fail(err, MR_FATAL, MR_DOMAIN_SCHEMA, "schema: a record is needed, not %s",
                         mr_type_name(self->given_schema->type));
    }
    return status == MR_OK ? MR_OK : config_error(err, "schema");
}

/* The stream's label is like a table's stream in AWS: another view is another stream. */
static void find_label(mongo_source *self)
{
    const char *view = mr_view_names[self->options.view];
    const char *stored = mr_positions_get(self->resume, MONGO_LABEL_POSITION);
    size_t len = strlen(view);
    if (stored && strncmp(stored, view, len) == 0 && stored[len] == ' ') {
        self->label = mr_strdup(stored + len + 1);
        return;
    }
    char iso[MONGO_ISO_BYTES];
    mongo_iso_time(mr_wall_ms(), iso);
    iso[strlen(iso) - 1] = '\0'; /* AWS's has no Z */
    self->label = mr_strdup(iso);
    mr_auto_free char *value = mr_format("%s %s", view, iso);
    mr_task_position(self->task, MONGO_LABEL_POSITION, value);
}

static void copy_positions(mongo_source *self, const mr_positions *resume)
{
    const char *name, *value;
    size_t cursor = 0;
    self->resume = mr_positions_new();
    while (mr_positions_next(resume, &cursor, &name, &value)) {
        mr_positions_set(self->resume, name, value);
    }
}

static void set_up(mongo_source *self, mr_task *task, const mr_positions *resume)
{
    static const char *const id[] = {"_id"};
    const mr_list *fields = mr_task_key_fields(task);
    self->task = task;
    self->key_fields = fields->count ? *fields : (mr_list){id, 1};
    copy_positions(self, resume);
    find_label(self);
    mongo_position_init(&self->position);
    mongo_fragments_init(&self->fragments);
    self->maker = (mongo_maker){.options = &self->options, .key_fields = &self->key_fields};
    mr_buffer_init(&self->maker.scratch, MR_BSON_BYTES_MAX);
    self->naming = (mongo_naming){
        .options = &self->options,
        .topic = mr_task_topic(task),
        .key_fields = &self->key_fields,
        .label = self->label,
    };
}

typedef struct preparing {
    mongo_source *self;
    mr_status status;
    mr_error *err;
} preparing;

static void prepare_one(void *context, const char *database, const char *name)
{
    preparing *p = context;
    mongo_collection *c;
    if (p->status == MR_OK) {
        p->status = mongo_source_collection(p->self, (mr_slice){database, strlen(database)},
                                            (mr_slice){name, strlen(name)}, &c, p->err);
    }
}

static mr_status make_missing(mongo_source *self, const char *name, mr_error *err)
{
    const mongo_options *o = &self->options;
    if (find_collection(self, (mr_slice){o->database, strlen(o->database)},
                        (mr_slice){name, strlen(name)})) {
        return MR_OK;
    }
    if (o->missing_collection == MONGO_WAIT) {
        mr_task_info(self->task, "there is no collection %s.%s yet; waiting for it", o->database,
                     name);
        return MR_OK;
    }
    mr_status status = mongo_server_create(self->mongo, o, o->database, name, err);
    if (status == MR_OK) {
        mr_task_info(self->task, "collection %s.%s is made", o->database, name);
    }
    return status;
}

/* All collections that are there, before the stream begins: their images must be switched on. */
static mr_status prepare_collections(mongo_source *self, mr_error *err)
{
    const mongo_options *o = &self->options;
    preparing p = {self, MR_OK, err};
    mr_status status = mongo_server_collections(self->mongo, o, prepare_one, &p, err);
    status = status == MR_OK ? p.status : status;
    for (size_t i = 0; i < o->collections.count && status == MR_OK; i++) {
        status = make_missing(self, o->collections.items[i], err);
    }
    return status;
}

/* --- Where to begin --- */

/* No event later than this has been handed over. A stream that begins at a time begins with the
 * events of that time. */
static mongo_time stands_at(const mongo_position *position)
{
    return mongo_position_token(position).data ? position->time : mongo_time_before(position->time);
}

mr_status mongo_source_begin_snapshot(mongo_source *self, mr_error *err)
{
    mongo_snapshot_close(self->snapshot);
    self->snapshot = mongo_snapshot_new(&self->options, self->task, NULL);
    mr_status status = mongo_server_collections(self->mongo, &self->options, mongo_snapshot_add,
                                                self->snapshot, err);
    if (status == MR_OK) {
        status = mongo_snapshot_open(self->snapshot, self->resume, true, stands_at(&self->position),
                                     err);
    }
    mongo_stream_save(self);
    return status;
}

static mr_status resume_snapshot(mongo_source *self, mr_error *err)
{
    self->snapshot = mongo_snapshot_new(&self->options, self->task, NULL);
    mr_status status = mongo_server_collections(self->mongo, &self->options, mongo_snapshot_add,
                                                self->snapshot, err);
    if (status != MR_OK) {
        return status;
    }
    return mongo_snapshot_open(self->snapshot, self->resume, false, stands_at(&self->position),
                               err);
}

static mr_status stand_now(mongo_source *self, mr_error *err)
{
    mongo_time time;
    mr_status status = mongo_server_next_time(self->mongo, &time, err);
    if (status == MR_OK) {
        mongo_position_at(&self->position, time);
        mongo_stream_save(self);
    }
    return status;
}

static mr_status begin_at_option(mongo_source *self, mr_error *err)
{
    bool now;
    const char *at = self->options.start_at;
    mr_status status = mongo_start_parse(at, &now, &self->position, err);
    if (status == MR_OK && now) {
        status = stand_now(self, err);
    }
    if (status == MR_OK) {
        mongo_stream_save(self);
        mr_task_position(self->task, MONGO_START_POSITION, at);
        mr_task_info(self->task, "start.at: the change stream begins at %s", at);
    }
    return status;
}

/* Positions that are set here are durable with those of the first poll. */
static mr_status find_start(mongo_source *self, mr_error *err)
{
    const char *at = self->options.start_at;
    const char *applied = mr_positions_get(self->resume, MONGO_START_POSITION);
    const char *stored = mr_positions_get(self->resume, MONGO_STREAM_POSITION);
    if (at && (!applied || strcmp(at, applied) != 0)) {
        mongo_snapshot_give_up(self->task, self->resume);
        mongo_reconcile_drop(self);
        return begin_at_option(self, err);
    }
    mr_status status =
        stored ? mongo_position_parse(stored, &self->position, err) : stand_now(self, err);
    mongo_snapshot_plan plan = mongo_snapshot_todo(&self->options, self->resume, stored != NULL);
    if (status != MR_OK || (at && plan != MONGO_SNAPSHOT_RESUME)) {
        return status; /* start.at is without a snapshot */
    }
    switch (plan) {
    case MONGO_SNAPSHOT_ANEW:
        return mongo_source_begin_snapshot(self, err);
    case MONGO_SNAPSHOT_RESUME:
        return resume_snapshot(self, err);
    default:
        mongo_snapshot_give_up(self->task, self->resume);
        return MR_OK;
    }
}

mr_status mongo_source_open(mr_task *task, const mr_positions *resume, mr_error *err)
{
    mongo_source *self = mr_self(task);
    set_up(self, task, resume);
    mongo_reconcile_resume(self);
    mr_status status = load_schema(self, err);
    self->naming.given_schema = self->given_schema;
    if (status == MR_OK) {
        status = mongo_server_open(&self->options, mr_task_name(task), &self->mongo, err);
    }
    if (status == MR_OK) {
        status = prepare_collections(self, err);
    }
    return status == MR_OK ? find_start(self, err) : status;
}

void mongo_source_close(mr_task *task)
{
    mongo_source *self = mr_self(task);
    if (!self->resume) {
        return; /* never opened */
    }
    mongo_stream_close(self);
    free(self->lookups.replies);
    mongo_fragments_release(&self->fragments);
    mongo_snapshot_close(self->snapshot);
    mongo_reconcile_free(self->reconcile);
    for (size_t i = 0; i < self->collection_count; i++) {
        mongo_collection_free(self->collections[i]);
    }
    free(self->collections);
    mongo_notices_free(self);
    mongo_position_release(&self->position);
    mr_buffer_release(&self->maker.scratch);
    mr_schema_release(self->given_schema);
    mr_schema_release(self->notice_schema);
    mr_mongo_close(self->mongo);
    mr_positions_free(self->resume);
    free(self->label);
}

/* --- The snapshot --- */

static mr_slice id_of(mr_slice document)
{
    mr_bson_element id;
    return mr_bson_find(document, "_id", &id) ? id.value : (mr_slice){"", 0};
}

/* Collection, _id and time are a document of the snapshot's alone. */
static mr_slice identity_of(const mongo_collection *c, mr_slice document, mongo_time at,
                            mr_arena *arena)
{
    mr_slice id = id_of(document);
    size_t full_len = strlen(c->full) + 1;
    char *bytes = mr_arena_alloc(arena, full_len + sizeof at + id.len);
    memcpy(bytes, c->full, full_len);
    memcpy(bytes + full_len, &at, sizeof at);
    memcpy(bytes + full_len + sizeof at, id.data, id.len);
    return (mr_slice){bytes, full_len + sizeof at + id.len};
}

static mongo_change read_of(const mongo_collection *c, mr_slice document, mongo_time at,
                            mr_arena *arena)
{
    return (mongo_change){
        .event = MR_EVENT_INSERT,
        .key = document,
        .after = document,
        .snapshot = true,
        .time = at,
        .index = UINT32_MAX, /* behind all events of that time */
        .wall_ms = (int64_t)at.seconds * 1000,
        .identity = identity_of(c, document, at, arena),
    };
}

/* Makes records of the documents; when one does not fit the schema all are learnt, and made anew.
 */
static mr_status add_documents(mongo_source *self, mongo_collection *c,
                               const mongo_snapshot_batch *read, mr_batch *out, mr_error *err)
{
    for (int attempt = 0; attempt < 2; attempt++) {
        mongo_made made = MONGO_MADE;
        out->count = 0;
        for (size_t i = 0; i < read->count && made != MONGO_NEW_SCHEMA; i++) {
            mongo_change change = read_of(c, read->documents[i], read->at, out->arena);
            made = mongo_source_add(self, c, &change, read->documents[i], out);
        }
        if (made != MONGO_NEW_SCHEMA) {
            return MR_OK;
        }
        for (size_t i = 0; i < read->count && !attempt; i++) {
            mongo_change change = read_of(c, read->documents[i], read->at, out->arena);
            mongo_record_learn(&self->maker, c, &change, out->arena);
        }
        mr_status status = attempt ? MR_OK : mongo_source_renew(self, c, err);
        if (status != MR_OK) {
            return status;
        }
    }
    return mongo_source_defect(c, err);
}

static mr_status poll_snapshot(mongo_source *self, mr_batch *out, int64_t deadline_us,
                               mr_error *err)
{
    mongo_snapshot_batch read;
    mr_status status = mongo_snapshot_next(self->snapshot, &read, deadline_us, err);
    if (status == MR_END) {
        mongo_snapshot_close(self->snapshot);
        self->snapshot = NULL;
        mr_task_info(self->task, "the snapshot is read; the change stream goes on");
        return MR_OK;
    }
    if (status != MR_OK) {
        return status;
    }
    mongo_collection *c;
    status = mongo_source_collection(self, (mr_slice){read.database, strlen(read.database)},
                                     (mr_slice){read.collection, strlen(read.collection)}, &c, err);
    if (status == MR_OK) {
        status = add_documents(self, c, &read, out, err);
    }
    return status == MR_OK ? mongo_snapshot_took(self->snapshot, read.count, err) : status;
}

/* --- Polling --- */

mr_status mongo_source_tell(mongo_source *self, mr_batch *out, mr_error *err)
{
    mr_status status = self->notices ? mongo_notice_send(self, out, err) : MR_OK;
    if (status != MR_OK || self->notices) {
        return status;
    }
    if (self->resnapshot) {
        self->resnapshot = false;
        mongo_reconcile_begin(self, stands_at(&self->position));
        return mongo_source_begin_snapshot(self, err);
    }
    mongo_stream_save(self);
    return MR_OK;
}

static mr_status poll_next(mongo_source *self, mr_batch *out, int64_t deadline_us, mr_error *err)
{
    mongo_time until;
    bool reached = false;
    mr_status status = mongo_watch_oplog(self, err);
    if (status != MR_OK) {
        return status;
    }
    if (self->notices || self->resnapshot) {
        return mongo_source_tell(self, out, err);
    }
    if (!self->snapshot && self->reconcile) {
        return mongo_reconcile_poll(self, out, err);
    }
    if (!self->snapshot) {
        return mongo_stream_poll(self, out, deadline_us, NULL, &reached, err);
    }
    if (!mongo_snapshot_waits(self->snapshot, &until)) {
        return poll_snapshot(self, out, deadline_us, err);
    }
    status = mongo_stream_poll(self, out, deadline_us, &until, &reached, err);
    if (status == MR_OK && reached) {
        mongo_snapshot_go(self->snapshot);
    }
    return status;
}

mr_status mongo_source_poll(mr_task *task, mr_batch *out, int64_t deadline_us, mr_error *err)
{
    mongo_source *self = mr_self(task);
    uint64_t rejects = self->rejects;
    mr_status status = poll_next(self, out, deadline_us, err);
    self->uncommitted = self->uncommitted || out->count || self->rejects != rejects;
    return status;
}

void mongo_source_acked(mr_task *task)
{
    mongo_source *self = mr_self(task);
    self->uncommitted = false;
}
