/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges of a collection and how they are kept between lives: the position
 * "snapshot:<database>.<collection>:<number>" is
 *
 *   {"id": n, "home": "...", "from": MARK, "to": MARK, "last": MARK, "done": false, "documents": n,
 * "bytes": n}
 *
 * id         of the snapshot, as in its own position
 * home       where its record ids are valid (mongo_find_home()); only of ranges by record id
 * from, to   where the range begins and ends; not there: at the collection's ends
 * last       what was read last; not there: nothing yet
 * documents, bytes   of it, so far
 *
 * A mark is a document: {"$recordId": n}, by record id, as find has it in $_resumeAfter, or
 * {"_id": ...}, by _id, as find has it in min and max. It is written as canonical extended JSON
 * where that reads back as the same bytes, else as {"$hex": "..."}.
 *
 * By record id, a range begins after `from` and ends with `to`; by _id, it begins with `from` and
 * ends before `to`. One who goes on, does so after `last`.
 */
#ifndef MR_SOURCES_MONGODB_SNAPSHOT_RANGE_H
#define MR_SOURCES_MONGODB_SNAPSHOT_RANGE_H

#include "snapshot.h"

/* Owned bytes of a document; data NULL: none. */
typedef struct mongo_mark {
    char *data;
    size_t len;
} mongo_mark;

void mongo_mark_release(mongo_mark *mark);
void mongo_mark_set(mongo_mark *mark, mr_slice document); /* copies */
mr_slice mongo_mark_document(const mongo_mark *mark);

void mongo_mark_set_record(mongo_mark *mark, int64_t record);
bool mongo_mark_record(const mongo_mark *mark, int64_t *ret); /* false: it is not by record id */
/* {"_id": ...} of a document that has one; false: it has none. */
bool mongo_mark_set_id(mongo_mark *mark, mr_slice document);
/* Is the document's _id, in all its bytes, that of the mark? */
bool mongo_mark_is_id_of(const mongo_mark *mark, mr_slice document);

enum { MONGO_RANGES_MAX = 64, MONGO_RANGE_TEXT_MAX = 900 * 1024, MONGO_HOME_BYTES = 192 };

typedef struct mongo_range {
    mongo_mark from, to, last;
    bool done;
    int64_t documents, bytes;
} mongo_range;

/* What else is in a range's position. */
typedef struct mongo_range_head {
    int64_t id;
    char home[MONGO_HOME_BYTES];
} mongo_range_head;

/* Appends the position's text; check out->failed. */
void mongo_range_print(const mongo_range *range, const mongo_range_head *head, mr_buffer *out);
/* false: not a text of that form; *ret is empty then. */
bool mongo_range_parse(const char *text, mongo_range_head *head, mongo_range *ret);
void mongo_range_release(mongo_range *range);

/* A collection and its ranges, in the collection's order. */
typedef struct mongo_place {
    char *database, *name, *full; /* "database.name" */
    bool absent;                  /* no such collection, or a view */
    bool clustered;
    char home[MONGO_HOME_BYTES];      /* "": not known */
    char read_from[MONGO_HOME_BYTES]; /* of the ranges that were stored */
    bool planned;                     /* its ranges are known */
    bool done;
    mongo_range *ranges;
    size_t count;
    int64_t documents, bytes; /* estimates */
    const mongo_pace *pace;
} mongo_place;

void mongo_place_release(mongo_place *place);

/* Are its ranges of record ids? (Those all end with a mark.) */
bool mongo_place_by_record(const mongo_place *place);

/* Makes the ranges between bounds (which are taken over): `bound_count` + 1 of them, the last one
 * up to `end`, if that is a mark. */
void mongo_place_divide(mongo_place *place, mongo_mark *bounds, size_t bound_count,
                        mongo_mark *end);

/* Forgets its ranges. */
void mongo_place_clear(mongo_place *place);

/* Puts a stored range, which is taken over, at its number. false: a number that can not be. */
bool mongo_place_restore(mongo_place *place, const char *number, mongo_range *range);

/* Name of the position of a range. */
void mongo_range_name(const mongo_place *place, size_t number, mr_buffer *out);

#define MONGO_RANGE_PREFIX "snapshot:"

#endif
