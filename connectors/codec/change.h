/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Change records: what a stand-in for DynamoDB Streams puts into its topic (contract: botocore
 * dynamodbstreams/2012-08-10, Record and StreamRecord), as Avro. A source makes them; the runtime
 * takes them apart for sinks (op, value, before); both by the positions below.
 *
 * The record is known by its alias MR_CHANGE_ALIAS, so a name of its own per collection does not
 * hide it. Keys and images are records of the collection's own schemas.
 */
#ifndef MR_CODEC_CHANGE_H
#define MR_CODEC_CHANGE_H

#include "api/error.h"
#include "api/record.h"

#define MR_CHANGE_ALIAS "millrace.Change"

/* Fields of a change record, in this order. */
enum {
    MR_CHANGE_EVENT_ID,      /* string, unique, the same in every replay */
    MR_CHANGE_EVENT_NAME,    /* enum INSERT MODIFY REMOVE */
    MR_CHANGE_EVENT_VERSION, /* string "1.1" */
    MR_CHANGE_EVENT_SOURCE,  /* string "aws:dynamodb" */
    MR_CHANGE_AWS_REGION,    /* string */
    MR_CHANGE_DYNAMODB,      /* record, below */
    MR_CHANGE_USER_IDENTITY, /* null or record {type, principalId}, both string */
    MR_CHANGE_MILLRACE,      /* null or record, below: what DynamoDB never has to say */
    MR_CHANGE_FIELDS
};

/* Fields of `dynamodb`. */
enum {
    MR_STREAM_CREATED,   /* ApproximateCreationDateTime: long, seconds since the epoch */
    MR_STREAM_KEYS,      /* Keys: record */
    MR_STREAM_NEW_IMAGE, /* NewImage: null or record */
    MR_STREAM_OLD_IMAGE, /* OldImage: null or record */
    MR_STREAM_SEQUENCE,  /* SequenceNumber: string */
    MR_STREAM_SIZE,      /* SizeBytes: long */
    MR_STREAM_VIEW,      /* StreamViewType: enum KEYS_ONLY NEW_IMAGE OLD_IMAGE NEW_AND_OLD_IMAGES */
    MR_STREAM_FIELDS
};

/* Fields of `millrace`. */
enum {
    MR_EXTRA_SNAPSHOT,   /* boolean: read while taking a snapshot (eventName is INSERT) */
    MR_EXTRA_NEW_SOURCE, /* enum STORED LOOKUP MISSING: NewImage is the one stored with the change;
                            was looked up later, hence may be newer; should be there but is not */
    MR_EXTRA_OLD_SOURCE, /* the same of OldImage */
    MR_EXTRA_FIELDS
};

enum { MR_EVENT_INSERT, MR_EVENT_MODIFY, MR_EVENT_REMOVE };
enum { MR_VIEW_KEYS_ONLY, MR_VIEW_NEW_IMAGE, MR_VIEW_OLD_IMAGE, MR_VIEW_NEW_AND_OLD_IMAGES };
enum { MR_IMAGE_STORED, MR_IMAGE_LOOKUP, MR_IMAGE_MISSING };

/* Names of the three enums' symbols, for cells (text and symbol) and messages. */
extern const char *const mr_event_names[];
extern const char *const mr_view_names[];
extern const char *const mr_image_names[];

/* The schema of change records of one collection: `name` is the full name of the images
 * ("taxi.trips" gives taxi.tripsChange), `keys` and `image` are record schemas, copied in; the two
 * must not define one name differently. The caller owns a reference. */
MR_CHECKED mr_status mr_change_schema(const char *name, const mr_schema *keys,
                                      const mr_schema *image, const mr_schema **ret, mr_error *err);

bool mr_is_change(const mr_schema *schema);

/* Header of a message that holds the document as BSON, byte for byte, because the typed image does
 * not give it back exactly (codec/bson_shape.h). */
#define MR_HEADER_BSON "millrace.bson"

/* Header of a tombstone in `documents` format: the key as a BSON document, {"_id": ...}, since the
 * message's own key is text. */
#define MR_HEADER_KEY_BSON "millrace.key"

/* --- Notices: what is no change of a document, but must not go unsaid --- */

#define MR_NOTICE_NAME "millrace.Notice"

/* Fields of a notice; its Kafka key is null. */
enum {
    MR_NOTICE_KIND,      /* enum GAP DROP RENAME RESNAPSHOT */
    MR_NOTICE_NAMESPACE, /* string "database.collection" */
    MR_NOTICE_TEXT,      /* string: one sentence */
    MR_NOTICE_FROM,      /* null or string: position or time of the edge before */
    MR_NOTICE_TO,        /* null or string: the edge after */
    MR_NOTICE_AT,        /* timestamp-millis */
    MR_NOTICE_FIELDS
};
enum { MR_NOTICE_GAP, MR_NOTICE_DROP, MR_NOTICE_RENAME, MR_NOTICE_RESNAPSHOT };
extern const char *const mr_notice_kinds[];

MR_CHECKED mr_status mr_notice_schema(const mr_schema **ret, mr_error *err);
bool mr_is_notice(const mr_schema *schema);

#endif
