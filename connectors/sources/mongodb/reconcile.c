/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See reconcile.h. The topic is read twice, so that little is kept of it: first a table of 8 bytes
 * per key (62 bits of a hash, and what the key's last record says), then the keys of those whose
 * last record is older than the snapshot. A collision of hashes leaves a delete untold, or has the
 * collection asked in vain.
 */
#include "reconcile.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "codec/change.h"
#include "source.h"

enum {
    STATE_NONE, /* an empty slot */
    STATE_OLD,  /* there, as far as the topic knows, and not seen since the snapshot began */
    STATE_SEEN,
    STATE_GONE,
    STATE_MASK = 3,
    FIRST_SLOTS = 1 << 12,
};

/* A document that may be gone. */
typedef struct missing {
    mongo_collection *collection;
    mr_slice key; /* document of the key fields */
} missing;

struct mongo_reconcile {
    mongo_time since;
    bool looked; /* the topics were read */
    uint64_t *slots;
    size_t used, capacity;
    missing *missing;
    size_t count, room, next; /* next: to be told */
    uint64_t told;
    mr_arena *arena; /* keys of `missing` */
    mr_buffer scratch;
    const mr_schema *schema; /* which `encoder` is for: the latest seen */
    mr_bson_encoder *encoder;
};

/* One reading of one topic. */
typedef struct reading {
    mongo_source *self;
    const char *topic;
    bool collect; /* the second time */
} reading;

/* --- Life ------------------------------------------------------------------------------------- */

static mongo_reconcile *make(mongo_time since)
{
    mongo_reconcile *r = mr_calloc(1, sizeof *r);
    r->since = since;
    r->arena = mr_arena_new();
    mr_buffer_init(&r->scratch, MR_BSON_BYTES_MAX);
    return r;
}

void mongo_reconcile_free(mongo_reconcile *r)
{
    if (r) {
        mr_bson_encoder_free(r->encoder);
        mr_buffer_release(&r->scratch);
        mr_arena_free(r->arena);
        free(r->slots);
        free(r->missing);
        free(r);
    }
}

void mongo_reconcile_begin(mongo_source *self, mongo_time since)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRIu32 " %" PRIu32, since.seconds, since.increment);
    mr_task_position(self->task, MONGO_RECONCILE_POSITION, text);
    mongo_reconcile_free(self->reconcile);
    self->reconcile = make(since);
}

void mongo_reconcile_resume(mongo_source *self)
{
    const char *text = mr_positions_get(self->resume, MONGO_RECONCILE_POSITION);
    mongo_time since;
    if (text && sscanf(text, "%" SCNu32 " %" SCNu32, &since.seconds, &since.increment) == 2) {
        self->reconcile = make(since);
    }
}

void mongo_reconcile_drop(mongo_source *self)
{
    if (self->reconcile) {
        mr_task_position(self->task, MONGO_RECONCILE_POSITION, NULL);
        mongo_reconcile_free(self->reconcile);
        self->reconcile = NULL;
    }
}

/* --- The table of keys ------------------------------------------------------------------------ */

static uint64_t *slot_of(uint64_t *slots, size_t capacity, uint64_t hash)
{
    size_t at = (size_t)(hash >> 2) & (capacity - 1);
    while (slots[at] && (slots[at] | STATE_MASK) != (hash | STATE_MASK)) {
        at = (at + 1) & (capacity - 1);
    }
    return &slots[at];
}

static void grow(mongo_reconcile *r)
{
    size_t capacity = r->capacity ? r->capacity * 2 : FIRST_SLOTS;
    uint64_t *slots = mr_calloc(capacity, sizeof *slots);
    for (size_t i = 0; i < r->capacity; i++) {
        if (r->slots[i]) {
            *slot_of(slots, capacity, r->slots[i]) = r->slots[i];
        }
    }
    free(r->slots);
    r->slots = slots;
    r->capacity = capacity;
}

static uint64_t *find(mongo_reconcile *r, uint64_t hash)
{
    if (4 * r->used >= 3 * r->capacity) {
        grow(r);
    }
    return slot_of(r->slots, r->capacity, hash);
}

/* Keys are told apart by collection where the record says of which it is. */
static uint64_t hash_of(mongo_reconcile *r, const mongo_collection *c, mr_slice key)
{
    char hex[MONGO_EVENT_ID_CHARS + 1] = "";
    mr_buffer_clear(&r->scratch);
    mr_buffer_add_text(&r->scratch, c ? c->full : "");
    mr_buffer_add_char(&r->scratch, '\0');
    mr_buffer_add(&r->scratch, key.data, key.len);
    mongo_event_id((mr_slice){r->scratch.data, r->scratch.len}, 0, hex);
    hex[16] = '\0';
    return strtoull(hex, NULL, 16) & ~(uint64_t)STATE_MASK;
}

/* --- What a record of the topic says ---------------------------------------------------------- */

typedef struct saying {
    mongo_collection *collection; /* NULL: a tombstone does not say */
    bool gone;
    bool seen; /* of the snapshot's time or later */
} saying;

static mongo_collection *collection_of(mongo_source *self, const char *topic, const char *schema,
                                       const char *suffix)
{
    for (size_t i = 0; i < self->collection_count; i++) {
        mongo_collection *c = self->collections[i];
        size_t len = strlen(c->record_name);
        if (strcmp(c->topic, topic) == 0 && schema && strncmp(schema, c->record_name, len) == 0 &&
            strcmp(schema + len, suffix) == 0) {
            return c;
        }
    }
    return NULL;
}

static mongo_time time_in(const mr_cell *sequence)
{
    char digits[2][11] = {"", ""};
    if (sequence->len == MONGO_SEQUENCE_CHARS) {
        memcpy(digits[0], sequence->as.text, 10);
        memcpy(digits[1], sequence->as.text + 10, 10);
    }
    return (mongo_time){(uint32_t)strtoul(digits[0], NULL, 10),
                        (uint32_t)strtoul(digits[1], NULL, 10)};
}

/* false: the record is not of this source. */
static bool understand(const reading *rd, const mr_batch *batch, const mr_record *record,
                       saying *ret)
{
    const mongo_reconcile *r = rd->self->reconcile;
    bool changes = rd->self->options.format == MONGO_AVRO;
    if (changes) {
        if (!batch->schema || !mr_is_change(batch->schema) || !record->value) {
            return false;
        }
        const mr_cell *fields = record->value->as.cells;
        const mr_cell *stream = fields[MR_CHANGE_DYNAMODB].as.cells;
        ret->collection = collection_of(rd->self, rd->topic, batch->schema->name, "Change");
        ret->gone = fields[MR_CHANGE_EVENT_NAME].symbol == MR_EVENT_REMOVE;
        ret->seen = mongo_time_compare(time_in(&stream[MR_STREAM_SEQUENCE]), r->since) >= 0;
        return ret->collection != NULL;
    }
    ret->gone = !record->value;
    ret->seen = record->timestamp_ms >= (int64_t)r->since.seconds * 1000;
    ret->collection =
        batch->schema ? collection_of(rd->self, rd->topic, batch->schema->name, "") : NULL;
    return record->raw_value.data == NULL || ret->collection != NULL;
}

/* --- Keys of what is missing ------------------------------------------------------------------ */

static mr_status encode(mongo_reconcile *r, const mr_schema *schema, const mr_cell *cell,
                        mr_error *err)
{
    if (r->schema != schema) {
        mr_bson_encoder_free(r->encoder);
        r->encoder = mr_bson_encoder_new(schema);
        r->schema = schema;
    }
    mr_buffer_clear(&r->scratch);
    return mr_bson_encode(r->encoder, cell, &r->scratch, err);
}

/* The key fields of a document, as the Keys of a change record have them. */
static bool cut_key(mongo_source *self, mr_slice document, mr_buffer *out)
{
    mr_buffer_clear(out);
    size_t begun = mr_bson_begin(out);
    for (size_t i = 0; i < self->key_fields.count; i++) {
        mr_bson_element element;
        if (!mr_bson_find_path(document, self->key_fields.items[i], &element)) {
            return false;
        }
        mr_bson_add_as(out, self->key_fields.items[i], &element);
    }
    mr_bson_end(out, begun);
    return !out->failed;
}

static mr_slice header_of(const mr_record *record, const char *name)
{
    for (uint32_t i = 0; i < record->header_count; i++) {
        if (strcmp(record->headers[i].name, name) == 0) {
            return record->headers[i].value;
        }
    }
    return (mr_slice){0};
}

/* The document of the key fields into the arena; data NULL: it can not be told. */
static mr_slice key_of(mongo_source *self, const mr_batch *batch, const mr_record *record)
{
    mongo_reconcile *r = self->reconcile;
    const mr_schema *schema = batch->schema;
    const mr_cell *cell = record->value;
    mr_error ignored;
    if (self->options.format == MONGO_AVRO) {
        schema = schema->fields[MR_CHANGE_DYNAMODB].schema->fields[MR_STREAM_KEYS].schema;
        cell = &cell->as.cells[MR_CHANGE_DYNAMODB].as.cells[MR_STREAM_KEYS];
        if (encode(r, schema, cell, &ignored) != MR_OK) {
            return (mr_slice){0};
        }
        return (mr_slice){mr_arena_copy(r->arena, r->scratch.data, r->scratch.len), r->scratch.len};
    }
    mr_slice document = header_of(record, MR_HEADER_BSON);
    mr_buffer key = MR_BUFFER_INIT(MR_BSON_BYTES_MAX);
    if (!document.data && encode(r, schema, cell, &ignored) == MR_OK) {
        document = (mr_slice){r->scratch.data, r->scratch.len};
    }
    mr_slice ret = {0};
    if (document.data && mr_bson_check(document.data, document.len, &ignored) == MR_OK &&
        cut_key(self, document, &key)) {
        ret = (mr_slice){mr_arena_copy(r->arena, key.data, key.len), key.len};
    }
    mr_buffer_release(&key);
    return ret;
}

static void add_missing(mongo_reconcile *r, mongo_collection *c, mr_slice key)
{
    if (r->count == r->room) {
        r->room = r->room ? r->room * 2 : 64;
        r->missing = mr_realloc_array(r->missing, r->room, sizeof *r->missing);
    }
    r->missing[r->count++] = (missing){c, key};
}

/* --- Reading the topics ----------------------------------------------------------------------- */

static void note(mongo_source *self, const mr_record *record, const saying *says)
{
    mongo_reconcile *r = self->reconcile;
    bool changes = self->options.format == MONGO_AVRO;
    uint64_t hash = hash_of(r, changes ? says->collection : NULL, record->raw_key);
    uint64_t *slot = find(r, hash);
    r->used += *slot == 0;
    /* Once seen, what comes later in the partition is later still, whatever the clocks say. */
    bool seen = says->seen || (*slot & STATE_MASK) == STATE_SEEN;
    *slot = hash | (says->gone ? STATE_GONE : seen ? STATE_SEEN : STATE_OLD);
}

static void collect(mongo_source *self, const mr_batch *batch, const mr_record *record,
                    const saying *says)
{
    mongo_reconcile *r = self->reconcile;
    bool changes = self->options.format == MONGO_AVRO;
    uint64_t *slot = find(r, hash_of(r, changes ? says->collection : NULL, record->raw_key));
    if (says->gone || (*slot & STATE_MASK) != STATE_OLD) {
        return;
    }
    mr_slice key = key_of(self, batch, record);
    if (key.data) {
        *slot |= STATE_GONE; /* once is enough */
        add_missing(r, says->collection, key);
    }
}

static mr_status take(void *context, const mr_batch *batch, mr_error *err)
{
    const reading *rd = context;
    (void)err;
    for (size_t i = 0; i < batch->count; i++) {
        const mr_record *record = &batch->records[i];
        saying says;
        if (!record->raw_key.data || !understand(rd, batch, record, &says)) {
            continue;
        }
        if (rd->collect) {
            collect(rd->self, batch, record, &says);
        } else {
            note(rd->self, record, &says);
        }
    }
    return MR_OK;
}

/* Is it the first collection that has this topic? */
static bool is_first(const mongo_source *self, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(self->collections[i]->topic, self->collections[index]->topic) == 0) {
            return false;
        }
    }
    return true;
}

/* Those that are named and gone altogether had documents, too. */
static mr_status meet_named(mongo_source *self, mr_error *err)
{
    const mongo_options *o = &self->options;
    mr_status status = MR_OK;
    for (size_t i = 0; o->database && i < o->collections.count && status == MR_OK; i++) {
        const char *name = o->collections.items[i];
        mongo_collection *c;
        status = mongo_source_collection(self, (mr_slice){o->database, strlen(o->database)},
                                         (mr_slice){name, strlen(name)}, &c, err);
    }
    return status;
}

static mr_status look(mongo_source *self, mr_error *err)
{
    mongo_reconcile *r = self->reconcile;
    mr_status status = meet_named(self, err);
    for (size_t i = 0; i < self->collection_count && status == MR_OK; i++) {
        if (!is_first(self, i)) {
            continue;
        }
        reading rd = {self, self->collections[i]->topic, false};
        status = mr_task_recall(self->task, rd.topic, take, &rd, err);
        rd.collect = true;
        if (status == MR_OK && r->used) {
            status = mr_task_recall(self->task, rd.topic, take, &rd, err);
        }
        mr_bson_encoder_free(r->encoder); /* its schema was the recall's */
        r->encoder = NULL;
        r->schema = NULL;
        if (r->slots) {
            memset(r->slots, 0, r->capacity * sizeof *r->slots);
        }
        r->used = 0;
    }
    r->looked = status == MR_OK;
    return status;
}

/* --- Telling ---------------------------------------------------------------------------------- */

/* Collection, key and time are this record's alone, and the same when it is made again: the stream
 * stands still until all are told. */
static mongo_change removal(const mongo_source *self, const missing *m, mr_arena *arena)
{
    mongo_time at = self->position.time;
    if (!mongo_position_token(&self->position).data) {
        at = mongo_time_before(at);
    }
    size_t full_len = strlen(m->collection->full) + 1;
    char *identity = mr_arena_alloc(arena, full_len + sizeof at + m->key.len);
    memcpy(identity, m->collection->full, full_len);
    memcpy(identity + full_len, &at, sizeof at);
    memcpy(identity + full_len + sizeof at, m->key.data, m->key.len);
    return (mongo_change){
        .event = MR_EVENT_REMOVE,
        .key = m->key,
        .time = at,
        .index = UINT32_MAX, /* behind all events of that time */
        .wall_ms = (int64_t)at.seconds * 1000,
        .identity = {identity, full_len + sizeof at + m->key.len},
    };
}

/* *told: the record is in the batch, or there is none to be made. Otherwise the schema has become
 * another one, for a batch of its own. */
static mr_status tell(mongo_source *self, const missing *m, mr_batch *out, bool *told,
                      mr_error *err)
{
    bool there;
    *told = true;
    mr_status status = mongo_server_has(self->mongo, m->collection, m->key, &there, err);
    if (status != MR_OK || there) {
        return status;
    }
    mongo_change change = removal(self, m, out->arena);
    mongo_made made = mongo_source_add(self, m->collection, &change, m->key, out);
    if (made == MONGO_NEW_SCHEMA) { /* keys of a type that this life has not met */
        *told = false;
        mongo_record_learn(&self->maker, m->collection, &change, out->arena);
        return mongo_source_renew(self, m->collection, err);
    }
    self->reconcile->told += made == MONGO_MADE;
    return MR_OK;
}

mr_status mongo_reconcile_poll(mongo_source *self, mr_batch *out, mr_error *err)
{
    mongo_reconcile *r = self->reconcile;
    if (self->options.format == MONGO_DYNAMODB_JSON) {
        mr_task_warn(self->task,
                     "documents that were deleted since the stream lost its place are not told to "
                     "be gone: with format dynamodb-json the topic does not say what they were");
        mongo_reconcile_drop(self);
        return MR_OK;
    }
    if (!r->looked) {
        if (self->uncommitted) {
            return MR_IDLE;
        }
        mr_task_info(self->task, "reading back what was sent, to find what was deleted unseen");
        return look(self, err);
    }
    if (r->next == r->count) { /* not with the last records, whose texts lie in the arena */
        mr_task_info(self->task, "documents that were deleted unseen: %" PRIu64, r->told);
        mongo_reconcile_drop(self);
        return MR_OK;
    }
    const mongo_collection *c = r->missing[r->next].collection;
    while (r->next < r->count && r->missing[r->next].collection == c &&
           out->count < MONGO_POLL_RECORDS) {
        bool told;
        mr_status status = tell(self, &r->missing[r->next], out, &told, err);
        if (status != MR_OK || !told) {
            return status;
        }
        r->next++;
    }
    return MR_OK;
}
