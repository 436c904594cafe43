/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing of BSON: each element makes room once, for its type, name and value together. A
 * document's length is stored when it ends; that of one that did not fit is never looked at.
 */
#include "codec/bson.h"

static void store32(char *p, uint32_t v)
{
    v = htole32(v);
    memcpy(p, &v, sizeof v);
}

static void store64(char *p, uint64_t v)
{
    v = htole64(v);
    memcpy(p, &v, sizeof v);
}

/* Writes type and name and returns where `bytes` of value belong; NULL past the limit. */
static char *element_room(mr_buffer *out, uint8_t type, const char *name, size_t bytes)
{
    size_t name_len = strlen(name);
    size_t all = 1 + name_len + 1 + bytes;
    if (all > out->capacity - out->len && !mr_buffer_reserve(out, all)) {
        return NULL;
    }
    char *p = out->data + out->len;
    out->len += all;
    *p++ = (char)type;
    memcpy(p, name, name_len + 1);
    return p + name_len + 1;
}

size_t mr_bson_begin(mr_buffer *out)
{
    size_t begun = out->len;
    mr_buffer_add(out, "\0\0\0", 4);
    return begun;
}

size_t mr_bson_begin_as(mr_buffer *out, const char *name, bool array)
{
    element_room(out, array ? MR_BSON_ARRAY : MR_BSON_DOCUMENT, name, 0);
    return mr_bson_begin(out);
}

void mr_bson_end(mr_buffer *out, size_t begun)
{
    mr_buffer_add_char(out, '\0');
    if (!out->failed) {
        store32(out->data + begun, (uint32_t)(out->len - begun));
    }
}

const char *mr_bson_index(uint32_t index, char room[MR_BSON_INDEX_BYTES])
{
    char *p = room + MR_BSON_INDEX_BYTES - 1;
    *p = '\0';
    do {
        *--p = (char)('0' + index % 10);
        index /= 10;
    } while (index);
    return p;
}

void mr_bson_add_value(mr_buffer *out, const char *name, uint8_t type, mr_slice value)
{
    char *p = element_room(out, type, name, value.len);
    if (p && value.len) {
        memcpy(p, value.data, value.len);
    }
}

void mr_bson_add(mr_buffer *out, const mr_bson_element *element)
{
    mr_bson_add_value(out, element->name.data, element->type, element->value);
}

void mr_bson_add_as(mr_buffer *out, const char *name, const mr_bson_element *element)
{
    mr_bson_add_value(out, name, element->type, element->value);
}

void mr_bson_add_text(mr_buffer *out, const char *name, const char *text, size_t len)
{
    char *p = element_room(out, MR_BSON_STRING, name, 4 + len + 1);
    if (p) {
        store32(p, (uint32_t)len + 1);
        if (len) {
            memcpy(p + 4, text, len);
        }
        p[4 + len] = '\0';
    }
}

static void add32(mr_buffer *out, const char *name, uint8_t type, uint32_t value)
{
    char *p = element_room(out, type, name, sizeof value);
    if (p) {
        store32(p, value);
    }
}

static void add64(mr_buffer *out, const char *name, uint8_t type, uint64_t value)
{
    char *p = element_room(out, type, name, sizeof value);
    if (p) {
        store64(p, value);
    }
}

void mr_bson_add_int32(mr_buffer *out, const char *name, int32_t value)
{
    add32(out, name, MR_BSON_INT32, (uint32_t)value);
}

void mr_bson_add_int64(mr_buffer *out, const char *name, int64_t value)
{
    add64(out, name, MR_BSON_INT64, (uint64_t)value);
}

void mr_bson_add_double(mr_buffer *out, const char *name, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    add64(out, name, MR_BSON_DOUBLE, bits);
}

void mr_bson_add_bool(mr_buffer *out, const char *name, bool value)
{
    char *p = element_room(out, MR_BSON_BOOL, name, 1);
    if (p) {
        *p = value;
    }
}

void mr_bson_add_null(mr_buffer *out, const char *name)
{
    element_room(out, MR_BSON_NULL, name, 0);
}

void mr_bson_add_date(mr_buffer *out, const char *name, int64_t ms)
{
    add64(out, name, MR_BSON_DATE, (uint64_t)ms);
}

void mr_bson_add_timestamp(mr_buffer *out, const char *name, uint32_t seconds, uint32_t increment)
{
    add64(out, name, MR_BSON_TIMESTAMP, (uint64_t)seconds << 32 | increment);
}

void mr_bson_add_object_id(mr_buffer *out, const char *name, const char id[MR_OBJECT_ID_BYTES])
{
    mr_bson_add_value(out, name, MR_BSON_OBJECT_ID, (mr_slice){id, MR_OBJECT_ID_BYTES});
}

void mr_bson_add_decimal128(mr_buffer *out, const char *name, const char bits[MR_DECIMAL128_BYTES])
{
    mr_bson_add_value(out, name, MR_BSON_DECIMAL128, (mr_slice){bits, MR_DECIMAL128_BYTES});
}

void mr_bson_add_binary(mr_buffer *out, const char *name, uint8_t subtype, mr_slice bytes)
{
    enum { OLD = 2 };
    size_t second = subtype == OLD ? 4 : 0;
    char *p = element_room(out, MR_BSON_BINARY, name, 5 + second + bytes.len);
    if (!p) {
        return;
    }
    store32(p, (uint32_t)(second + bytes.len));
    p[4] = (char)subtype;
    if (second) {
        store32(p + 5, (uint32_t)bytes.len);
    }
    if (bytes.len) {
        memcpy(p + 5 + second, bytes.data, bytes.len);
    }
}

void mr_bson_add_document(mr_buffer *out, const char *name, mr_slice document, bool array)
{
    mr_bson_add_value(out, name, array ? MR_BSON_ARRAY : MR_BSON_DOCUMENT, document);
}
