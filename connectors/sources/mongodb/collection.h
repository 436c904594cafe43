/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of a watched collection: where its records go, what its documents look like, which
 * of its deletes may be the server's own (TTL), and what its snapshot has shown. Made when it is
 * first met.
 */
#ifndef MR_SOURCES_MONGODB_COLLECTION_H
#define MR_SOURCES_MONGODB_COLLECTION_H

#include "codec/bson_shape.h"
#include "mongodb.h"

/* A TTL index: documents go `after_s` seconds after the date in `path`. */
typedef struct mongo_ttl {
    char *path;
    int64_t after_s;
} mongo_ttl;

enum { MONGO_TTLS_MAX = 16 };

typedef struct mongo_collection {
    char *database, *name, *full; /* "database.name" */
    char *topic;
    char *record_name; /* of the images */
    char *arn;         /* eventSourceARN */
    bool fixed;        /* the schema of the images was given */
    mr_bson_shape *image_shape, *key_shape;
    const mr_schema *image, *keys, *change; /* NULL before the first document */
    mr_bson_decoder *image_decoder, *key_decoder;
    bool unsaved; /* the schemas are newer than their positions */
    mongo_ttl ttls[MONGO_TTLS_MAX];
    size_t ttl_count;
    bool asked; /* the server was asked about images and TTL indexes */
    int64_t asked_us;
} mongo_collection;

/* What all collections of a source share. Borrows. */
typedef struct mongo_naming {
    const mongo_options *options;
    const char *topic;             /* with {database} and {collection} */
    const mr_list *key_fields;     /* never empty */
    const mr_schema *given_schema; /* NULL: inferred */
    const char *label;             /* of the stream, in eventSourceARN */
} mongo_naming;

/* Goes on from the schemas stored in `resume`. */
MR_CHECKED mr_status mongo_collection_new(const mongo_naming *naming, const char *database,
                                          const char *name, const mr_positions *resume,
                                          mongo_collection **ret, mr_error *err);
void mongo_collection_free(mongo_collection *collection); /* NULL is fine */

/* Takes in the documents of one change (data NULL: none); true when a schema changes by them. */
bool mongo_collection_learn(mongo_collection *collection, mr_slice keys, mr_slice image);
/* Makes schemas and decoders anew after learning. Cells decoded before are of the old ones. */
MR_CHECKED mr_status mongo_collection_renew(mongo_collection *collection, mr_error *err);
/* Sets the positions "schema:<full>" and "keys:<full>" when they have changed. */
void mongo_collection_save(mongo_collection *collection, mr_task *task);

/* `text` with {database} and {collection} replaced. */
char *mongo_expand(const char *text, const char *database, const char *collection);

/* TTL indexes from the reply of listIndexes; they replace those known. */
void mongo_collection_forget_ttls(mongo_collection *collection);
void mongo_collection_add_ttls(mongo_collection *collection, const bson_t *reply);
/* Had this document expired at that time? */
bool mongo_collection_expired(const mongo_collection *collection, mr_slice document, int64_t at_ms);

#endif
