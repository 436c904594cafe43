/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One walk over an event's elements; what is not needed is skipped by its length. An event that the
 * server has split comes as documents that share out its top-level elements: they are put together
 * into one document, which is then read like any other.
 */
#include "event.h"

#include <string.h>

static bool is(mr_slice text, const char *word)
{
    size_t len = strlen(word);
    return text.len == len && memcmp(text.data, word, len) == 0;
}

static mongo_kind kind_of(mr_slice name)
{
    static const char *const names[] = {"insert", "update", "replace",      "delete",
                                        "drop",   "rename", "dropDatabase", "invalidate"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (is(name, names[i])) {
            return (mongo_kind)i;
        }
    }
    return MONGO_EVENT_OTHER;
}

/* {"db": ..., "coll": ...} */
static void take_namespace(const mr_bson_element *element, mr_slice *database, mr_slice *collection)
{
    if (element->type != MR_BSON_DOCUMENT) {
        return;
    }
    mr_slice names = mr_bson_document(element);
    mr_bson_element part;
    if (mr_bson_find(names, "db", &part) && part.type == MR_BSON_STRING) {
        *database = mr_bson_text(&part);
    }
    if (mr_bson_find(names, "coll", &part) && part.type == MR_BSON_STRING) {
        *collection = mr_bson_text(&part);
    }
}

enum { EMPTY_DOCUMENT_BYTES = 5 };

/* updateDescription: are all its parts empty? */
static bool names_nothing(mr_slice description)
{
    size_t cursor = 0;
    mr_bson_element part;
    while (mr_bson_next(description, &cursor, &part)) {
        if ((part.type == MR_BSON_DOCUMENT || part.type == MR_BSON_ARRAY) &&
            mr_bson_document(&part).len > EMPTY_DOCUMENT_BYTES) {
            return false;
        }
    }
    return true;
}

static void take_split(mr_slice split, mongo_event *event)
{
    mr_bson_element part;
    if (mr_bson_find(split, "fragment", &part)) {
        event->fragment = (int)mr_bson_int(&part);
    }
    if (mr_bson_find(split, "of", &part)) {
        event->fragments = (int)mr_bson_int(&part);
    }
}

static void take_document(const mr_bson_element *element, mongo_event *event)
{
    mr_slice document = mr_bson_document(element);
    if (is(element->name, "_id")) {
        event->token = document;
    } else if (is(element->name, "fullDocument")) {
        event->after = document;
    } else if (is(element->name, "fullDocumentBeforeChange")) {
        event->before = document;
    } else if (is(element->name, "documentKey")) {
        event->key = document;
    } else if (is(element->name, "ns")) {
        take_namespace(element, &event->database, &event->collection);
    } else if (is(element->name, "to")) {
        take_namespace(element, &event->to_database, &event->to_collection);
    } else if (is(element->name, "updateDescription")) {
        event->unchanged = names_nothing(document);
    } else if (is(element->name, "splitEvent")) {
        take_split(document, event);
    }
}

mr_status mongo_event_parse(mr_slice document, mongo_event *ret, mr_error *err)
{
    *ret = (mongo_event){.kind = MONGO_EVENT_OTHER, .whole = document, .wall_ms = -1};
    size_t cursor = 0;
    mr_bson_element element;
    bool kind = false, time = false;
    while (mr_bson_next(document, &cursor, &element)) {
        if (element.type == MR_BSON_DOCUMENT) {
            take_document(&element, ret);
        } else if (element.type == MR_BSON_STRING && is(element.name, "operationType")) {
            ret->kind = kind_of(mr_bson_text(&element));
            kind = true;
        } else if (element.type == MR_BSON_TIMESTAMP && is(element.name, "clusterTime")) {
            mr_bson_timestamp(&element, &ret->time.seconds, &ret->time.increment);
            time = true;
        } else if (element.type == MR_BSON_DATE && is(element.name, "wallTime")) {
            ret->wall_ms = mr_bson_int(&element);
        }
    }
    bool about_document = ret->kind <= MONGO_EVENT_DELETE;
    if (!ret->token.data || (!ret->fragment && (!kind || !time)) ||
        (!ret->fragment && about_document && (!ret->key.data || !ret->collection.data))) {
        return mr_fail(err, MR_FATAL, MR_DOMAIN_MONGODB,
                       "an event of the change stream lacks %s; does something between millrace "
                       "and the server change replies?",
                       !ret->token.data ? "its resume token (_id)"
                       : !kind          ? "operationType"
                       : !time          ? "clusterTime"
                                        : "documentKey or ns");
    }
    return MR_OK;
}

/* --- Tokens --- */

static int digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex(const char *text, uint32_t *ret)
{
    *ret = 0;
    for (int i = 0; i < 8; i++) {
        int value = digit(text[i]);
        if (value < 0) {
            return false;
        }
        *ret = *ret << 4 | (uint32_t)value;
    }
    return true;
}

bool mongo_token_time(mr_slice token, mongo_time *ret)
{
    mr_bson_element data;
    if (!mr_bson_find(token, "_data", &data) || data.type != MR_BSON_STRING) {
        return false;
    }
    mr_slice text = mr_bson_text(&data);
    return text.len >= 18 && memcmp(text.data, "82", 2) == 0 &&
           read_hex(text.data + 2, &ret->seconds) && read_hex(text.data + 10, &ret->increment);
}

/* --- Fragments --- */

void mongo_fragments_init(mongo_fragments *fragments)
{
    *fragments = (mongo_fragments){.next = 1};
    mr_buffer_init(&fragments->whole, MR_BSON_BYTES_MAX);
}

void mongo_fragments_release(mongo_fragments *fragments)
{
    mr_buffer_release(&fragments->whole);
}

mr_status mongo_fragments_add(mongo_fragments *fragments, const mongo_event *part, bool *complete,
                              mongo_event *ret, mr_error *err)
{
    *complete = false;
    if (part->fragment != fragments->next || part->fragment > part->fragments) {
        return mr_fail(err, MR_REOPEN, MR_DOMAIN_MONGODB,
                       "fragment %d of %d of a large event came where fragment %d must come; "
                       "reading it again from its beginning",
                       part->fragment, part->fragments, fragments->next);
    }
    if (part->fragment == 1) {
        mr_buffer_clear(&fragments->whole);
        fragments->begun = mr_bson_begin(&fragments->whole);
    }
    bool last = part->fragment == part->fragments;
    size_t cursor = 0;
    mr_bson_element element;
    while (mr_bson_next(part->whole, &cursor, &element)) {
        if (!is(element.name, "splitEvent") && (last || !is(element.name, "_id"))) {
            mr_bson_add(&fragments->whole, &element);
        }
    }
    fragments->next = last ? 1 : fragments->next + 1;
    if (!last) {
        return MR_OK;
    }
    mr_bson_end(&fragments->whole, fragments->begun);
    if (fragments->whole.failed) {
        return mr_fail(err, MR_FATAL, MR_DOMAIN_MONGODB,
                       "an event of the change stream is larger than %d MiB even in fragments",
                       MR_BSON_BYTES_MAX >> 20);
    }
    *complete = true;
    return mongo_event_parse((mr_slice){fragments->whole.data, fragments->whole.len}, ret, err);
}
