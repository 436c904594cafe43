/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes to records: what DynamoDB Streams would have written, by contract (docs/mongodb.md), in
 * the three formats. Pure: needs no server, so that tests feed it recorded events.
 */
#ifndef MR_SOURCES_MONGODB_RECORD_H
#define MR_SOURCES_MONGODB_RECORD_H

#include "collection.h"
#include "event.h"

#define MONGO_EVENT_VERSION "1.1"
#define MONGO_EVENT_SOURCE  "aws:dynamodb"

/* A change of one document, not yet cut to what the view shows. */
typedef struct mongo_change {
    int event;              /* MR_EVENT_* */
    mr_slice key;           /* documentKey, or the document read by a snapshot */
    mr_slice after, before; /* data NULL: not there */
    bool looked_up;         /* `after` was looked up later */
    bool snapshot;
    bool expired; /* deleted by the TTL monitor */
    mongo_time time;
    uint32_t index;    /* among the records of that time */
    int64_t wall_ms;   /* timestamp of the message */
    mr_slice identity; /* bytes that are this change's alone, and the same in every replay */
    uint64_t salt;     /* tells records apart that are made of one event */
} mongo_change;

/* The change that an event of a document tells; number: of the event among those of its time. One
 * event may make two records, so each has two sequence numbers. */
mongo_change mongo_change_of(const mongo_event *event, uint32_t number);

typedef enum mongo_made {
    MONGO_MADE,
    MONGO_LEFT_OUT,   /* nothing to send: documents format, and the image is missing */
    MONGO_NEW_SCHEMA, /* the documents do not fit the schemas: learn them (mongo_record_learn), then
                         again */
    MONGO_REJECTED,   /* *err says why: a dead letter */
} mongo_made;

/* Room that records share; one per source. */
typedef struct mongo_maker {
    const mongo_options *options;
    const mr_list *key_fields;
    mr_buffer scratch;
} mongo_maker;

/* Makes a record in the arena; texts stay where the change has them. */
mongo_made mongo_record_make(mongo_maker *maker, mongo_collection *collection,
                             const mongo_change *change, mr_arena *arena, mr_record *ret,
                             mr_error *err);

/* The schema that records of this collection have now: of batches. */
const mr_schema *mongo_record_schema(const mongo_maker *maker, const mongo_collection *collection);

/* Learns what the record of this change would show. Renew the collection afterwards. */
void mongo_record_learn(mongo_maker *maker, mongo_collection *collection,
                        const mongo_change *change, mr_arena *arena);

/* Do all key fields have the same values before and after? (True when either is not there.) */
bool mongo_record_same_key(mongo_maker *maker, const mongo_change *change);

/* Is the shape of things such that there must be an image, though it is missing? */
bool mongo_lacks_new_image(const mongo_options *options, const mongo_change *change);
bool mongo_lacks_old_image(const mongo_options *options, const mongo_change *change);

/* --- Parts, for the formats and for tests --- */

enum { MONGO_EVENT_ID_CHARS = 32, MONGO_SEQUENCE_CHARS = 30 };

void mongo_event_id(mr_slice identity, uint64_t salt, char out[MONGO_EVENT_ID_CHARS]);
void mongo_sequence(mongo_time time, uint32_t index, char out[MONGO_SEQUENCE_CHARS]);

/* What a record consists of, whatever the format. */
typedef struct mongo_parts {
    char event_id[MONGO_EVENT_ID_CHARS];
    char sequence[MONGO_SEQUENCE_CHARS];
    mr_slice keys;                   /* document of the key fields */
    mr_slice after, before;          /* as the view shows them */
    int after_source, before_source; /* MR_IMAGE_* */
    bool extra;                      /* the record has something to say in `millrace` */
    size_t size_bytes;
} mongo_parts;

/* The record as JSON, as in an event of Lambda. */
void mongo_record_json(const mongo_options *options, const mongo_collection *collection,
                       const mongo_change *change, const mongo_parts *parts, mr_buffer *out);

#endif
