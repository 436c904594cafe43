/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks are kept as the documents that find takes them as, so nothing is translated between what
 * was read, what is stored and what is asked for next. Their text is read by the library's parser,
 * and is only used where that gives the very bytes again: an _id may hold what JSON can not say.
 */
#include "snapshot_range.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "codec/text.h"

/* --- Marks --- */

void mongo_mark_release(mongo_mark *mark)
{
    free(mark->data);
    *mark = (mongo_mark){0};
}

void mongo_mark_set(mongo_mark *mark, mr_slice document)
{
    char *data = NULL;
    if (document.data) {
        data = mr_alloc(document.len);
        memcpy(data, document.data, document.len);
    }
    free(mark->data);
    *mark = (mongo_mark){data, document.len};
}

mr_slice mongo_mark_document(const mongo_mark *mark)
{
    return (mr_slice){mark->data, mark->len};
}

void mongo_mark_set_record(mongo_mark *mark, int64_t record)
{
    mr_buffer out = MR_BUFFER_INIT(64);
    size_t begun = mr_bson_begin(&out);
    mr_bson_add_int64(&out, "$recordId", record);
    mr_bson_end(&out, begun);
    mongo_mark_set(mark, (mr_slice){out.data, out.len});
    mr_buffer_release(&out);
}

bool mongo_mark_record(const mongo_mark *mark, int64_t *ret)
{
    mr_bson_element e;
    if (!mark->data || !mr_bson_find(mongo_mark_document(mark), "$recordId", &e) ||
        e.type != MR_BSON_INT64) {
        return false;
    }
    *ret = mr_bson_int(&e);
    return true;
}

bool mongo_mark_set_id(mongo_mark *mark, mr_slice document)
{
    mr_bson_element id;
    if (!mr_bson_find(document, "_id", &id)) {
        return false;
    }
    mr_buffer out = MR_BUFFER_INIT(MR_BSON_BYTES_MAX);
    size_t begun = mr_bson_begin(&out);
    mr_bson_add(&out, &id);
    mr_bson_end(&out, begun);
    mongo_mark_set(mark, (mr_slice){out.data, out.len});
    mr_buffer_release(&out);
    return true;
}

bool mongo_mark_is_id_of(const mongo_mark *mark, mr_slice document)
{
    mr_bson_element a, b;
    return mark->data && mr_bson_find(mongo_mark_document(mark), "_id", &a) &&
           mr_bson_find(document, "_id", &b) && a.type == b.type && a.value.len == b.value.len &&
           memcmp(a.value.data, b.value.data, a.value.len) == 0;
}

/* --- Their text --- */

static bool reads_back(const char *text, mr_slice document)
{
    bson_t *back = bson_new_from_json((const uint8_t *)text, -1, NULL);
    bool same = back && back->len == document.len &&
                memcmp(bson_get_data(back), document.data, document.len) == 0;
    bson_destroy(back);
    return same;
}

static void print_mark(const char *name, const mongo_mark *mark, mr_buffer *out)
{
    if (!mark->data) {
        return;
    }
    mr_buffer text = MR_BUFFER_INIT(MONGO_RANGE_TEXT_MAX);
    mr_bson_json(mongo_mark_document(mark), true, &text);
    mr_buffer_printf(out, "\"%s\":", name);
    if (!text.failed && reads_back(mr_buffer_text(&text), mongo_mark_document(mark))) {
        mr_buffer_add(out, text.data, text.len);
    } else {
        mr_buffer_add_text(out, "{\"$hex\":\"");
        for (size_t i = 0; i < mark->len && !out->failed; i++) {
            mr_buffer_printf(out, "%02x", (unsigned char)mark->data[i]);
        }
        mr_buffer_add_text(out, "\"}");
    }
    mr_buffer_add_char(out, ',');
    mr_buffer_release(&text);
}

static bool unhex(mr_slice text, mongo_mark *ret)
{
    char *bytes = mr_alloc(text.len / 2 + 1);
    bool good = text.len % 2 == 0;
    for (size_t i = 0; good && i < text.len; i += 2) {
        unsigned value;
        char pair[3] = {text.data[i], text.data[i + 1], '\0'};
        good = strspn(pair, "0123456789abcdef") == 2 && sscanf(pair, "%2x", &value) == 1;
        bytes[i / 2] = good ? (char)value : 0;
    }
    mr_error malformed;
    good = good && mr_bson_check(bytes, text.len / 2, &malformed) == MR_OK;
    if (good) {
        mongo_mark_set(ret, (mr_slice){bytes, text.len / 2});
    }
    free(bytes);
    return good;
}

static bool parse_mark(mr_slice root, const char *name, mongo_mark *ret)
{
    mr_bson_element e, hex;
    if (!mr_bson_find(root, name, &e)) {
        return true;
    }
    if (e.type != MR_BSON_DOCUMENT) {
        return false;
    }
    mr_slice document = mr_bson_document(&e);
    if (mr_bson_find(document, "$hex", &hex) && hex.type == MR_BSON_STRING) {
        return unhex(mr_bson_text(&hex), ret);
    }
    mongo_mark_set(ret, document);
    return mr_bson_find(document, "$recordId", &hex) || mr_bson_find(document, "_id", &hex);
}

/* --- Ranges --- */

void mongo_range_release(mongo_range *range)
{
    mongo_mark_release(&range->from);
    mongo_mark_release(&range->to);
    mongo_mark_release(&range->last);
}

void mongo_range_print(const mongo_range *range, const mongo_range_head *head, mr_buffer *out)
{
    mr_buffer_printf(out, "{\"id\":%" PRId64 ",", head->id);
    if (*head->home) {
        mr_buffer_add_text(out, "\"home\":");
        mr_json_any_text(head->home, strlen(head->home), out);
        mr_buffer_add_char(out, ',');
    }
    print_mark("from", &range->from, out);
    print_mark("to", &range->to, out);
    print_mark("last", &range->last, out);
    mr_buffer_printf(out, "\"done\":%s,\"documents\":%" PRId64 ",\"bytes\":%" PRId64 "}",
                     range->done ? "true" : "false", range->documents, range->bytes);
}

static bool number_of(mr_slice root, const char *name, int64_t *ret)
{
    mr_bson_element e;
    bool good = mr_bson_find(root, name, &e) &&
                (e.type == MR_BSON_INT32 || e.type == MR_BSON_INT64 || e.type == MR_BSON_BOOL);
    *ret = good ? mr_bson_int(&e) : 0;
    return good;
}

static bool text_of(mr_slice root, const char *name, char *out, size_t size)
{
    mr_bson_element e;
    bool there = mr_bson_find(root, name, &e);
    if (there && e.type == MR_BSON_STRING && mr_bson_text(&e).len < size) {
        snprintf(out, size, "%.*s", (int)mr_bson_text(&e).len, mr_bson_text(&e).data);
        return true;
    }
    return !there;
}

bool mongo_range_parse(const char *text, mongo_range_head *head, mongo_range *ret)
{
    *head = (mongo_range_head){0};
    *ret = (mongo_range){0};
    bson_t *parsed = bson_new_from_json((const uint8_t *)text, -1, NULL);
    if (!parsed) {
        return false;
    }
    mr_slice root = {(const char *)bson_get_data(parsed), parsed->len};
    mr_error malformed;
    int64_t done = 0;
    bool good = mr_bson_check(root.data, root.len, &malformed) == MR_OK &&
                parse_mark(root, "from", &ret->from) && parse_mark(root, "to", &ret->to) &&
                parse_mark(root, "last", &ret->last) && number_of(root, "id", &head->id) &&
                text_of(root, "home", head->home, sizeof head->home) &&
                number_of(root, "done", &done) && number_of(root, "documents", &ret->documents) &&
                number_of(root, "bytes", &ret->bytes);
    ret->done = done != 0;
    bson_destroy(parsed);
    if (!good) {
        mongo_range_release(ret);
        *ret = (mongo_range){0};
    }
    return good;
}

/* --- Places --- */

void mongo_place_clear(mongo_place *place)
{
    for (size_t i = 0; i < place->count; i++) {
        mongo_range_release(&place->ranges[i]);
    }
    free(place->ranges);
    place->ranges = NULL;
    place->count = 0;
    place->planned = false;
}

void mongo_place_release(mongo_place *place)
{
    mongo_place_clear(place);
    free(place->database);
    free(place->name);
    free(place->full);
    *place = (mongo_place){0};
}

bool mongo_place_by_record(const mongo_place *place)
{
    int64_t record;
    return place->count && mongo_mark_record(&place->ranges[0].to, &record);
}

void mongo_place_divide(mongo_place *place, mongo_mark *bounds, size_t bound_count, mongo_mark *end)
{
    place->count = bound_count + 1;
    place->ranges = mr_calloc(place->count, sizeof *place->ranges);
    for (size_t i = 0; i < place->count; i++) {
        mongo_range *range = &place->ranges[i];
        if (i) {
            mongo_mark_set(&range->from, mongo_mark_document(&place->ranges[i - 1].to));
        }
        mongo_mark *to = i < bound_count ? &bounds[i] : end;
        range->to = *to;
        *to = (mongo_mark){0};
    }
    place->planned = true;
}

bool mongo_place_restore(mongo_place *place, const char *number, mongo_range *range)
{
    char *end;
    unsigned long at = strtoul(number, &end, 10);
    if (end == number || *end || at >= MONGO_RANGES_MAX) {
        mongo_range_release(range);
        return false;
    }
    if (at >= place->count) {
        place->ranges = mr_realloc_array(place->ranges, at + 1, sizeof *place->ranges);
        memset(place->ranges + place->count, 0, (at + 1 - place->count) * sizeof *place->ranges);
        place->count = at + 1;
    }
    mongo_range_release(&place->ranges[at]);
    place->ranges[at] = *range;
    place->planned = true;
    return true;
}

void mongo_range_name(const mongo_place *place, size_t number, mr_buffer *out)
{
    mr_buffer_clear(out);
    mr_buffer_printf(out, MONGO_RANGE_PREFIX "%s:%zu", place->full, number);
}
