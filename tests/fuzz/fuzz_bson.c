/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BSON of arbitrary bytes. Invariants:
 *   - nothing is read beyond the bytes given: each document has a block of exactly its size (ASan);
 *   - a refusal says where and why, in text that can be printed;
 *   - what is taken can be walked and written again to the same bytes;
 *   - its extended JSON, canonical and relaxed, and its item JSON are JSON;
 *   - a document is the same as itself and equal to itself, and of two documents that are taken the
 *     order is the opposite when they change places.
 * The input is two documents, one behind the other: the first's length says where it ends.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/attribute_value.h"
#include "codec/bson.h"
#include "codec/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(what)                                                                              \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* As if nobody had looked at the type. */
static size_t read_as_all(const mr_bson_element *e)
{
    size_t ret = 0;
    uint32_t seconds, increment;
    mr_bson_element inner;
    mr_slice text = mr_bson_text(e), bytes = mr_bson_binary(e, NULL);
    mr_bson_timestamp(e, &seconds, &increment);
    for (size_t i = 0; i < text.len; i++) {
        ret += (size_t)text.data[i];
    }
    for (size_t i = 0; i < bytes.len; i++) {
        ret += (size_t)bytes.data[i];
    }
    for (size_t cursor = 0; mr_bson_next(mr_bson_document(e), &cursor, &inner);) {
        ret += inner.value.len;
    }
    return ret + (size_t)mr_bson_int(e) + seconds + increment + (mr_bson_double(e) > 0);
}

/* Written to, so that no reading is left out. */
static volatile size_t sum;

static void copy(mr_slice document, mr_buffer *out)
{
    mr_bson_element e;
    for (size_t cursor = 0; mr_bson_next(document, &cursor, &e);) {
        if (e.type == MR_BSON_DOCUMENT || e.type == MR_BSON_ARRAY) {
            size_t begun = mr_bson_begin_as(out, e.name.data, e.type == MR_BSON_ARRAY);
            copy(mr_bson_document(&e), out);
            mr_bson_end(out, begun);
        } else if (e.type == MR_BSON_BINARY) {
            uint8_t subtype;
            mr_slice bytes = mr_bson_binary(&e, &subtype);
            mr_bson_add_binary(out, e.name.data, subtype, bytes);
        } else if (e.type == MR_BSON_STRING) {
            mr_slice text = mr_bson_text(&e);
            mr_bson_add_text(out, e.name.data, text.data, text.len);
        } else {
            mr_bson_add(out, &e);
        }
        sum += read_as_all(&e);
    }
}

static void check_copy(mr_slice document)
{
    mr_buffer out = MR_BUFFER_INIT(document.len);
    size_t begun = mr_bson_begin(&out);
    copy(document, &out);
    mr_bson_end(&out, begun);
    REQUIRE(!out.failed && out.len == document.len);
    REQUIRE(memcmp(out.data, document.data, out.len) == 0);
    mr_buffer_release(&out);
}

static void check_json(mr_buffer *json)
{
    REQUIRE(!json->failed);
    json_t *root = json_loadb(json->data, json->len, JSON_ALLOW_NUL, NULL);
    REQUIRE(json_is_object(root));
    json_decref(root);
    mr_buffer_clear(json);
}

static void check_texts(mr_slice document)
{
    mr_buffer json = MR_BUFFER_INIT(64 << 20);
    mr_bson_json(document, true, &json);
    check_json(&json);
    mr_bson_json(document, false, &json);
    check_json(&json);
    mr_item_json(document, &json);
    check_json(&json);
    REQUIRE(mr_item_size_bytes(document) <= 64 * document.len);
    mr_buffer_release(&json);
}

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

static void check_order(mr_slice a, mr_slice b)
{
    mr_bson_element x = {.type = MR_BSON_DOCUMENT, .value = a};
    mr_bson_element y = {.type = MR_BSON_DOCUMENT, .value = b};
    REQUIRE(mr_bson_compare(&x, &x) == 0);
    REQUIRE(sign(mr_bson_compare(&x, &y)) == -sign(mr_bson_compare(&y, &x)));
    REQUIRE(mr_bson_same(a, a));
    REQUIRE(mr_bson_same(a, b) == mr_bson_same(b, a));
}

/* An exact copy, for the caller to free; data NULL when it is refused. */
static mr_slice take(const uint8_t *data, size_t len)
{
    mr_slice document = {memcpy(mr_alloc(len ? len : 1), data, len), len};
    mr_error err = {0};
    if (mr_bson_check(document.data, len, &err) == MR_OK) {
        return document;
    }
    REQUIRE(err.text[0] && mr_utf8_valid(err.text, strlen(err.text)));
    for (const char *at = err.text; *at; at++) {
        REQUIRE((unsigned char)*at >= 0x20);
    }
    free((char *)(uintptr_t)document.data);
    return (mr_slice){NULL, 0};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 5 || size > 1 << 16) {
        return 0;
    }
    size_t first = mr_bson_length((const char *)data);
    first = first < size ? first : size;
    mr_slice a = take(data, first), b = take(data + first, size - first);
    if (a.data) {
        check_copy(a);
        check_texts(a);
        check_order(a, b.data ? b : a);
    }
    free((char *)(uintptr_t)a.data);
    free((char *)(uintptr_t)b.data);
    return 0;
}
