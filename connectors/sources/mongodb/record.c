/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A change is cut to the view, its images are decoded into cells of the collection's schema, and
 * the constant rest is put around them. Cells are made in the arena in one go per record; texts
 * stay in the reply. What cannot be typed yet is not an error: the caller learns it and asks again.
 *
 * SizeBytes is of the documents, not of the cells, so that it is the same in every format.
 */
#include "record.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "codec/attribute_value.h"
#include "codec/change.h"

enum { NULLABLE = 1 }; /* the branch of a value in [null, value] */

/* --- Small parts --- */

static void put_digits(uint32_t value, char *out)
{
    for (int i = 9; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

void mongo_sequence(mongo_time time, uint32_t index, char out[MONGO_SEQUENCE_CHARS])
{
    put_digits(time.seconds, out);
    put_digits(time.increment, out + 10);
    put_digits(index, out + 20);
}

static bool shows_new(const mongo_options *o, int event)
{
    return event != MR_EVENT_REMOVE &&
           (o->view == MR_VIEW_NEW_IMAGE || o->view == MR_VIEW_NEW_AND_OLD_IMAGES);
}

static bool shows_old(const mongo_options *o, int event)
{
    return event != MR_EVENT_INSERT &&
           (o->view == MR_VIEW_OLD_IMAGE || o->view == MR_VIEW_NEW_AND_OLD_IMAGES);
}

bool mongo_lacks_new_image(const mongo_options *o, const mongo_change *change)
{
    return shows_new(o, change->event) && !change->after.data;
}

bool mongo_lacks_old_image(const mongo_options *o, const mongo_change *change)
{
    return shows_old(o, change->event) && !change->before.data;
}

mongo_change mongo_change_of(const mongo_event *event, uint32_t number)
{
    static const int events[] = {MR_EVENT_INSERT, MR_EVENT_MODIFY, MR_EVENT_MODIFY,
                                 MR_EVENT_REMOVE};
    return (mongo_change){
        .event = events[event->kind],
        .key = event->key,
        .after = event->after,
        .before = event->before,
        .looked_up = event->looked_up,
        .time = event->time,
        .index = 2 * number,
        .wall_ms = event->wall_ms >= 0 ? event->wall_ms : (int64_t)event->time.seconds * 1000,
        .identity = event->token,
    };
}

/* --- Keys --- */

static bool only_id(const mr_list *fields)
{
    return fields->count == 1 && strcmp(fields->items[0], "_id") == 0;
}

/* Has the document one element, _id? Then it is the key as it is. */
static bool is_id(mr_slice document)
{
    mr_bson_element element;
    size_t cursor = 0;
    return mr_bson_next(document, &cursor, &element) && strcmp(element.name.data, "_id") == 0 &&
           !mr_bson_next(document, &cursor, &element);
}

/* The key may be a document of key fields, whose names can have dots. */
static bool find_key(const mongo_change *change, const char *field, mr_bson_element *ret)
{
    return (change->key.data && (mr_bson_find_path(change->key, field, ret) ||
                                 mr_bson_find(change->key, field, ret))) ||
           (change->after.data && mr_bson_find_path(change->after, field, ret)) ||
           (change->before.data && mr_bson_find_path(change->before, field, ret));
}

/* The document of the key fields, and the text of the key. */
static mr_status make_keys(mongo_maker *maker, const mongo_change *change, mr_arena *arena,
                           mr_slice *ret, mr_error *err)
{
    const mr_list *fields = maker->key_fields;
    if (only_id(fields) && change->key.data && is_id(change->key)) {
        *ret = change->key;
        return MR_OK;
    }
    mr_buffer *out = &maker->scratch;
    mr_buffer_clear(out);
    size_t begun = mr_bson_begin(out);
    for (size_t i = 0; i < fields->count; i++) {
        mr_bson_element element;
        if (!find_key(change, fields->items[i], &element)) {
            mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
                    "the document has no field %s, which key.fields names%s", fields->items[i],
                    change->event == MR_EVENT_REMOVE && !change->before.data
                        ? " (of a deleted document only its image before the change could tell it, "
                          "and there is none: are pre-images switched on?)"
                        : "");
            mr_error_field(err, fields->items[i]);
            return MR_REJECT;
        }
        mr_bson_add_as(out, fields->items[i], &element);
    }
    mr_bson_end(out, begun);
    *ret = (mr_slice){mr_arena_copy(arena, out->data, out->len), out->len};
    return MR_OK;
}

bool mongo_record_same_key(mongo_maker *maker, const mongo_change *change)
{
    const mr_list *fields = maker->key_fields;
    if (only_id(fields) || !change->before.data || !change->after.data) {
        return true;
    }
    for (size_t i = 0; i < fields->count; i++) {
        mr_bson_element before, after;
        if (mr_bson_find_path(change->before, fields->items[i], &before) &&
            mr_bson_find_path(change->after, fields->items[i], &after) &&
            mr_bson_compare(&before, &after) != 0) {
            return false;
        }
    }
    return true;
}

/* A double without its fraction when it has none: MongoDB takes 1 and 1.0 for one _id. */
static void add_double(double value, mr_buffer *out)
{
    if (fabs(value) < 9007199254740992.0 && value == floor(value)) {
        mr_buffer_printf(out, "%" PRId64, (int64_t)value);
        return;
    }
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    mr_buffer_add_text(out, text);
}

static void add_key_text(const mr_bson_element *element, mr_buffer *out)
{
    switch (element->type) {
    case MR_BSON_STRING: {
        mr_slice text = mr_bson_text(element);
        mr_buffer_add(out, text.data, text.len);
        return;
    }
    case MR_BSON_INT32:
    case MR_BSON_INT64:
        mr_buffer_printf(out, "%" PRId64, mr_bson_int(element));
        return;
    case MR_BSON_DOUBLE:
        add_double(mr_bson_double(element), out);
        return;
    case MR_BSON_DECIMAL128: {
        char text[MR_DECIMAL128_TEXT_BYTES];
        mr_buffer_add(out, text, mr_decimal128_text(element->value.data, text));
        return;
    }
    case MR_BSON_OBJECT_ID: {
        char text[24];
        mr_object_id_text(element->value.data, text);
        mr_buffer_add(out, text, sizeof text);
        return;
    }
    default:
        mr_bson_value_json(element, true, out);
    }
}

/* The message's key: the value of one field as text; of several a JSON array of their texts and
 * numbers, so that ("a", "b") and ("ab", "") differ. */
static mr_slice key_text(mongo_maker *maker, mr_slice keys, mr_arena *arena)
{
    mr_buffer *out = &maker->scratch;
    mr_buffer_clear(out);
    bool several = maker->key_fields->count > 1;
    mr_bson_element element;
    size_t cursor = 0, n = 0;
    while (mr_bson_next(keys, &cursor, &element)) {
        if (!several) {
            add_key_text(&element, out);
            continue;
        }
        mr_buffer_add_char(out, n++ ? ',' : '[');
        bool number = element.type == MR_BSON_INT32 || element.type == MR_BSON_INT64;
        if (number) {
            add_key_text(&element, out);
        } else {
            mr_bson_value_json(&element, true, out);
        }
    }
    if (several) {
        mr_buffer_add_char(out, ']');
    }
    return (mr_slice){mr_arena_copy(arena, out->data ? out->data : "", out->len), out->len};
}

/* --- Cells --- */

static mr_cell text_cell(const char *text, size_t len)
{
    return (mr_cell){.type = MR_STRING, .len = (uint32_t)len, .as.text = text};
}

static mr_cell symbol_cell(const char *const *names, int symbol)
{
    return (mr_cell){.type = MR_ENUM,
                     .symbol = (uint16_t)symbol,
                     .len = (uint32_t)strlen(names[symbol]),
                     .as.text = names[symbol]};
}

static mr_cell record_cell(const mr_cell *cells, uint32_t count, uint8_t branch)
{
    return (mr_cell){.type = MR_RECORD, .branch = branch, .len = count, .as.cells = cells};
}

static const mr_cell null_cell = {.type = MR_NULL};

/* Decodes an image; data NULL is null. *exact: its cells give it back to the byte. */
static mongo_made decode_image(const mongo_maker *maker, const mongo_collection *c, mr_slice image,
                               mr_arena *arena, mr_cell *ret, bool *exact, mr_error *err)
{
    *exact = true;
    *ret = null_cell;
    if (!image.data) {
        return MONGO_MADE;
    }
    mr_bson_fit fit =
        mr_bson_decode(c->image_decoder, image, c->fixed && maker->options->schema_ignore_unknown,
                       arena, ret, err);
    if (fit == MR_BSON_MISFIT) {
        return c->fixed ? MONGO_REJECTED : MONGO_NEW_SCHEMA;
    }
    *exact = fit == MR_BSON_EXACT;
    ret->branch = NULLABLE;
    return MONGO_MADE;
}

static mr_cell extra_cell(const mongo_change *change, const mongo_parts *parts, mr_arena *arena)
{
    if (!parts->extra) {
        return null_cell;
    }
    mr_cell *cells = mr_arena_alloc(arena, MR_EXTRA_FIELDS * sizeof *cells);
    cells[MR_EXTRA_SNAPSHOT] = (mr_cell){.type = MR_BOOL, .as.i = change->snapshot};
    cells[MR_EXTRA_NEW_SOURCE] = symbol_cell(mr_image_names, parts->after_source);
    cells[MR_EXTRA_OLD_SOURCE] = symbol_cell(mr_image_names, parts->before_source);
    return record_cell(cells, MR_EXTRA_FIELDS, NULLABLE);
}

/* The deletes that AWS marks so are those of its TTL. */
static mr_cell identity_cell(const mongo_change *change, mr_arena *arena)
{
    if (!change->expired) {
        return null_cell;
    }
    static const char type[] = "Service", principal[] = "dynamodb.amazonaws.com";
    mr_cell *cells = mr_arena_alloc(arena, 2 * sizeof *cells);
    cells[0] = text_cell(type, sizeof type - 1);
    cells[1] = text_cell(principal, sizeof principal - 1);
    return record_cell(cells, 2, NULLABLE);
}

static mongo_made make_change(const mongo_maker *maker, const mongo_collection *c,
                              const mongo_change *change, const mongo_parts *parts, mr_arena *arena,
                              mr_record *ret, bool *exact, mr_error *err)
{
    const mongo_options *o = maker->options;
    if (!c->change) {
        return MONGO_NEW_SCHEMA;
    }
    mr_cell *cells =
        mr_arena_alloc(arena, (1 + MR_CHANGE_FIELDS + MR_STREAM_FIELDS) * sizeof *cells);
    mr_cell *envelope = cells + 1, *stream = envelope + MR_CHANGE_FIELDS;
    bool old_exact;
    mongo_made made =
        decode_image(maker, c, parts->after, arena, &stream[MR_STREAM_NEW_IMAGE], exact, err);
    if (made == MONGO_MADE) {
        made = decode_image(maker, c, parts->before, arena, &stream[MR_STREAM_OLD_IMAGE],
                            &old_exact, err);
    }
    if (made == MONGO_MADE && mr_bson_decode(c->key_decoder, parts->keys, false, arena,
                                             &stream[MR_STREAM_KEYS], err) == MR_BSON_MISFIT) {
        made = MONGO_NEW_SCHEMA;
    }
    if (made != MONGO_MADE) {
        return made;
    }
    const char *texts = mr_arena_copy(arena, parts->event_id, MONGO_EVENT_ID_CHARS);
    stream[MR_STREAM_CREATED] = (mr_cell){.type = MR_LONG, .as.i = change->time.seconds};
    stream[MR_STREAM_SEQUENCE] = text_cell(
        mr_arena_copy(arena, parts->sequence, MONGO_SEQUENCE_CHARS), MONGO_SEQUENCE_CHARS);
    stream[MR_STREAM_SIZE] = (mr_cell){.type = MR_LONG, .as.i = (int64_t)parts->size_bytes};
    stream[MR_STREAM_VIEW] = symbol_cell(mr_view_names, o->view);
    envelope[MR_CHANGE_EVENT_ID] = text_cell(texts, MONGO_EVENT_ID_CHARS);
    envelope[MR_CHANGE_EVENT_NAME] = symbol_cell(mr_event_names, change->event);
    envelope[MR_CHANGE_EVENT_VERSION] = text_cell(MONGO_EVENT_VERSION, strlen(MONGO_EVENT_VERSION));
    envelope[MR_CHANGE_EVENT_SOURCE] = text_cell(MONGO_EVENT_SOURCE, strlen(MONGO_EVENT_SOURCE));
    envelope[MR_CHANGE_AWS_REGION] = text_cell(o->aws_region, strlen(o->aws_region));
    envelope[MR_CHANGE_DYNAMODB] = record_cell(stream, MR_STREAM_FIELDS, 0);
    envelope[MR_CHANGE_USER_IDENTITY] = identity_cell(change, arena);
    envelope[MR_CHANGE_MILLRACE] = extra_cell(change, parts, arena);
    cells[0] = record_cell(envelope, MR_CHANGE_FIELDS, 0);
    ret->value = cells;
    return MONGO_MADE;
}

/* `documents`: the document, or a tombstone. */
static mongo_made make_document(const mongo_maker *maker, const mongo_collection *c,
                                const mongo_change *change, mr_arena *arena, mr_record *ret,
                                bool *exact, mr_error *err)
{
    *exact = true;
    if (change->event == MR_EVENT_REMOVE) {
        return MONGO_MADE;
    }
    if (!change->after.data) {
        return MONGO_LEFT_OUT;
    }
    if (!c->image_decoder) {
        return MONGO_NEW_SCHEMA;
    }
    mr_cell *cell = mr_arena_alloc(arena, sizeof *cell);
    mongo_made made = decode_image(maker, c, change->after, arena, cell, exact, err);
    cell->branch = 0;
    ret->value = cell;
    return made;
}

static void add_header(const char *name, mr_slice value, mr_arena *arena, mr_record *ret)
{
    mr_header *header = mr_arena_alloc(arena, sizeof *header);
    *header = (mr_header){.name = name, .value = value};
    ret->headers = header;
    ret->header_count = 1;
}

/* --- The whole --- */

static void fill_parts(const mongo_maker *maker, const mongo_change *change, mongo_parts *parts)
{
    const mongo_options *o = maker->options;
    parts->after = shows_new(o, change->event) ? change->after : (mr_slice){0};
    parts->before = shows_old(o, change->event) ? change->before : (mr_slice){0};
    parts->after_source = mongo_lacks_new_image(o, change)         ? MR_IMAGE_MISSING
                          : parts->after.data && change->looked_up ? MR_IMAGE_LOOKUP
                                                                   : MR_IMAGE_STORED;
    parts->before_source = mongo_lacks_old_image(o, change) ? MR_IMAGE_MISSING : MR_IMAGE_STORED;
    parts->extra = change->snapshot || parts->after_source != MR_IMAGE_STORED ||
                   parts->before_source != MR_IMAGE_STORED;
    parts->size_bytes = mr_item_size_bytes(parts->keys) +
                        (parts->after.data ? mr_item_size_bytes(parts->after) : 0) +
                        (parts->before.data ? mr_item_size_bytes(parts->before) : 0);
    mongo_event_id(change->identity, change->salt, parts->event_id);
    mongo_sequence(change->time, change->index, parts->sequence);
}

static mr_op op_of(const mongo_change *change)
{
    return change->snapshot                   ? MR_OP_SNAPSHOT
           : change->event == MR_EVENT_INSERT ? MR_OP_CREATE
           : change->event == MR_EVENT_MODIFY ? MR_OP_UPDATE
                                              : MR_OP_DELETE;
}

static mongo_made make_json(mongo_maker *maker, const mongo_collection *c,
                            const mongo_change *change, const mongo_parts *parts, mr_arena *arena,
                            mr_record *ret, mr_error *err)
{
    mr_buffer *out = &maker->scratch;
    mr_buffer_clear(out);
    mongo_record_json(maker->options, c, change, parts, out);
    if (out->failed) {
        mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD, "the record is larger than %d MiB as JSON",
                MR_BSON_BYTES_MAX >> 20);
        return MONGO_REJECTED;
    }
    ret->raw_value = (mr_slice){mr_arena_copy(arena, out->data, out->len), out->len};
    return MONGO_MADE;
}

mongo_made mongo_record_make(mongo_maker *maker, mongo_collection *c, const mongo_change *change,
                             mr_arena *arena, mr_record *ret, mr_error *err)
{
    mongo_parts parts;
    bool exact = true;
    if (make_keys(maker, change, arena, &parts.keys, err) != MR_OK) {
        return MONGO_REJECTED;
    }
    *ret = (mr_record){.offset = (int64_t)change->time.seconds << 32 | change->time.increment,
                       .timestamp_ms = change->wall_ms,
                       .op = op_of(change)};
    mongo_made made;
    if (maker->options->format == MONGO_DOCUMENTS) {
        made = make_document(maker, c, change, arena, ret, &exact, err);
    } else {
        fill_parts(maker, change, &parts);
        made = maker->options->format == MONGO_AVRO
                   ? make_change(maker, c, change, &parts, arena, ret, &exact, err)
                   : make_json(maker, c, change, &parts, arena, ret, err);
    }
    if (made != MONGO_MADE) {
        return made;
    }
    ret->raw_key = key_text(maker, parts.keys, arena);
    if (maker->options->format == MONGO_DOCUMENTS && change->event == MR_EVENT_REMOVE) {
        add_header(MR_HEADER_KEY_BSON, parts.keys, arena, ret);
    } else if (!exact && maker->options->exact_documents &&
               !(c->fixed && maker->options->schema_ignore_unknown)) {
        add_header(MR_HEADER_BSON, change->after, arena, ret);
    }
    return MONGO_MADE;
}

const mr_schema *mongo_record_schema(const mongo_maker *maker, const mongo_collection *c)
{
    switch (maker->options->format) {
    case MONGO_AVRO:
        return c->change;
    case MONGO_DOCUMENTS:
        return c->image;
    default:
        return NULL;
    }
}

void mongo_record_learn(mongo_maker *maker, mongo_collection *c, const mongo_change *change,
                        mr_arena *arena)
{
    const mongo_options *o = maker->options;
    mr_slice keys = {0};
    mr_error ignored; /* a document without its key is told of when its record is made */
    if (make_keys(maker, change, arena, &keys, &ignored) != MR_OK) {
        return;
    }
    mongo_collection_learn(c, keys, shows_new(o, change->event) ? change->after : (mr_slice){0});
    mongo_collection_learn(c, (mr_slice){0},
                           shows_old(o, change->event) ? change->before : (mr_slice){0});
}
