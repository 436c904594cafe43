/* SPDX-License-Identifier: Apache-2.0 */
/* Random documents for property tests: every type, names that are none, texts that are no UTF-8,
 * arrays and documents in each other. The same seed makes the same document. */
#ifndef TEST_BSON_RANDOM_H
#define TEST_BSON_RANDOM_H

#include <stdio.h>
#include <string.h>

#include "codec/bson.h"

typedef struct random_bson {
    uint64_t seed;
    bool tame; /* only what comes back to the byte once it is in the schema */
} random_bson;

static inline uint64_t any(random_bson *r, uint64_t below)
{
    r->seed ^= r->seed << 13;
    r->seed ^= r->seed >> 7;
    r->seed ^= r->seed << 17;
    return (r->seed >> 11) % below;
}

static inline void random_text(random_bson *r, const char *name, mr_buffer *out)
{
    static const char *const parts[] = {"a",
                                        "Zürich",
                                        "\xe2\x82\xac",
                                        "0123456",
                                        "trip to",
                                        "\xf0\x9f\x9a\x95",
                                        "\n\"",
                                        "a long text that is more than sixteen bytes"};
    char text[400] = "";
    for (uint64_t i = any(r, 6); i > 0; i--) {
        strcat(text, parts[any(r, 8)]);
    }
    size_t len = strlen(text);
    if (!r->tame && any(r, 8) == 0) {
        text[len++] = "\xff\xc3\xed\x80\0"[any(r, 5)];
    }
    mr_bson_add_text(out, name, text, len);
}

static inline void random_document(random_bson *r, int depth, bool array, mr_buffer *out);

static inline void random_number(random_bson *r, const char *name, mr_buffer *out)
{
    static const double doubles[] = {0.0, -0.0, 1.5, 1e300, -3, 0.1, 1e-310, 4503599627370497.0};
    uint64_t nan = UINT64_C(0x7ff8000000000000) | any(r, 1 << 20);
    double d = doubles[any(r, 8)];
    switch (any(r, 4)) {
    case 0:
        mr_bson_add_int32(out, name, (int32_t)any(r, 1 << 20) - 1000);
        break;
    case 1:
        mr_bson_add_int64(out, name, (int64_t)any(r, UINT64_MAX >> 1) - (INT64_MAX >> any(r, 60)));
        break;
    default:
        if (any(r, 10) == 0) {
            memcpy(&d, &nan, sizeof d);
        }
        mr_bson_add_double(out, name, d);
    }
}

static inline void random_odd(random_bson *r, const char *name, mr_buffer *out)
{
    static const struct {
        uint8_t type;
        mr_slice value;
    } odd[] = {
        {MR_BSON_REGEX, {"^a\0i", 5}},
        {MR_BSON_CODE, {"\2\0\0\0f", 6}},
        {MR_BSON_SYMBOL, {"\2\0\0\0s", 6}},
        {MR_BSON_CODE_WITH_SCOPE, {"\x0f\0\0\0\2\0\0\0g\0\5\0\0\0", 15}},
        {MR_BSON_DB_POINTER, {"\2\0\0\0p\0ABCDEFGHIJKL", 18}},
        {MR_BSON_UNDEFINED, {NULL, 0}},
        {MR_BSON_MIN_KEY, {NULL, 0}},
        {MR_BSON_MAX_KEY, {NULL, 0}},
        {MR_BSON_TIMESTAMP, {"\1\0\0\0\2\0\0\0", 8}},
        {MR_BSON_BINARY, {"\3\0\0\0\5abc", 8}},
        {MR_BSON_BINARY, {"\3\0\0\0\4abc", 8}},
        {MR_BSON_BINARY, {"\7\0\0\0\2\3\0\0\0abc", 12}},
    };
    size_t i = any(r, sizeof odd / sizeof *odd);
    mr_bson_add_value(out, name, odd[i].type, odd[i].value);
}

static inline void random_value(random_bson *r, int depth, const char *name, mr_buffer *out)
{
    char bytes[16];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (char)any(r, 256);
    }
    switch (any(r, 14)) {
    case 0:
        mr_bson_add_bool(out, name, any(r, 2));
        break;
    case 1:
    case 2:
    case 3:
        random_number(r, name, out);
        break;
    case 4:
    case 5:
        random_text(r, name, out);
        break;
    case 6:
        mr_bson_add_date(out, name, (int64_t)any(r, UINT64_C(1) << 42));
        break;
    case 7:
        mr_bson_add_object_id(out, name, bytes);
        break;
    case 8:
        mr_bson_add_decimal128(out, name, bytes);
        break;
    case 9:
        mr_bson_add_binary(out, name, any(r, 2) ? 4 : 0, (mr_slice){bytes, 16});
        break;
    case 10:
        if (r->tame) {
            mr_bson_add_bool(out, name, true);
        } else {
            mr_bson_add_null(out, name);
        }
        break;
    case 11:
        if (!r->tame) {
            random_odd(r, name, out);
        }
        break;
    default:
        if (depth > 0) {
            bool array = any(r, 2);
            size_t begun = mr_bson_begin_as(out, name, array);
            random_document(r, depth - 1, array, out);
            mr_bson_end(out, begun);
        }
    }
}

/* The elements, without begin and end. */
static inline void random_document(random_bson *r, int depth, bool array, mr_buffer *out)
{
    static const char *const wild[] = {"",    "a.b",       "a_b",           "$set",
                                       "7up", "Z\xc3\xbc", "string",        "\xff\xfe",
                                       "f1",  "f1",        "quantity sold", "_rest"};
    char name[48];
    size_t count = any(r, array ? 14 : 9), at = 0;
    for (size_t i = 0; i < count; i++) {
        if (array) {
            /* Some arrays have other names than numbers; one is enough. */
            bool odd = !r->tame && any(r, 60) == 0;
            size_t before = out->len;
            snprintf(name, sizeof name, odd ? "x%zu" : "%zu", at);
            random_value(r, depth, name, out);
            at += out->len > before;
            continue;
        }
        at += 1 + any(r, 3);
        snprintf(name, sizeof name, at % 2 ? "f%zu" : "field_of_%zu_with_a_long_name", at);
        bool odd = !r->tame && any(r, 6) == 0;
        random_value(r, depth, odd ? wild[any(r, sizeof wild / sizeof *wild)] : name, out);
    }
}

static inline mr_slice random_bson_make(random_bson *r, mr_buffer *out)
{
    mr_buffer_clear(out);
    size_t begun = mr_bson_begin(out);
    random_document(r, 4, false, out);
    mr_bson_end(out, begun);
    return (mr_slice){out->data, out->len};
}

#endif
