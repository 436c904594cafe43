/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading of checked BSON. Since mr_bson_check() has seen every length, nothing is looked at twice
 * here: an element is its type, its name and a table look-up for the length of its value.
 */
#include <math.h>

#include "codec/bson.h"
#include "codec/decimal128.h"

/* Bytes of a value, besides those that a length at its beginning counts. */
enum { COUNTED = 0x40, REGEX = 0x80 };
static const uint8_t lengths[256] = {
    [MR_BSON_DOUBLE] = 8,
    [MR_BSON_STRING] = COUNTED | 4,
    [MR_BSON_DOCUMENT] = COUNTED,
    [MR_BSON_ARRAY] = COUNTED,
    [MR_BSON_BINARY] = COUNTED | 5,
    [MR_BSON_OBJECT_ID] = MR_OBJECT_ID_BYTES,
    [MR_BSON_BOOL] = 1,
    [MR_BSON_DATE] = 8,
    [MR_BSON_REGEX] = REGEX,
    [MR_BSON_DB_POINTER] = COUNTED | (4 + MR_OBJECT_ID_BYTES),
    [MR_BSON_CODE] = COUNTED | 4,
    [MR_BSON_SYMBOL] = COUNTED | 4,
    [MR_BSON_CODE_WITH_SCOPE] = COUNTED,
    [MR_BSON_INT32] = 4,
    [MR_BSON_TIMESTAMP] = 8,
    [MR_BSON_INT64] = 8,
    [MR_BSON_DECIMAL128] = MR_DECIMAL128_BYTES,
};

size_t mr_bson_value_length(uint8_t type, const char *value)
{
    uint8_t length = lengths[type];
    if (length < COUNTED) {
        return length;
    }
    if (length & COUNTED) {
        return (length & (COUNTED - 1)) + (size_t)mr_bson_load32(value);
    }
    size_t pattern = strlen(value) + 1;
    return pattern + strlen(value + pattern) + 1;
}

static bool find(mr_slice document, const char *name, size_t len, mr_bson_element *ret)
{
    size_t cursor = 0;
    while (mr_bson_next(document, &cursor, ret)) {
        if (ret->name.len == len && memcmp(ret->name.data, name, len) == 0) {
            return true;
        }
    }
    return false;
}

bool mr_bson_find(mr_slice document, const char *name, mr_bson_element *ret)
{
    return find(document, name, strlen(name), ret);
}

bool mr_bson_find_path(mr_slice document, const char *path, mr_bson_element *ret)
{
    for (;;) {
        size_t len = strcspn(path, ".");
        if (!find(document, path, len, ret)) {
            return false;
        }
        if (!path[len]) {
            return true;
        }
        if (ret->type != MR_BSON_DOCUMENT && ret->type != MR_BSON_ARRAY) {
            return false;
        }
        document = ret->value;
        path += len + 1;
    }
}

mr_slice mr_bson_document(const mr_bson_element *element)
{
    static const char empty[] = "\5\0\0\0";
    if (element->type == MR_BSON_DOCUMENT || element->type == MR_BSON_ARRAY) {
        return element->value;
    }
    if (element->type != MR_BSON_CODE_WITH_SCOPE) {
        return (mr_slice){empty, sizeof empty};
    }
    size_t code = 4 + 4 + (size_t)mr_bson_load32(element->value.data + 4);
    return (mr_slice){element->value.data + code, element->value.len - code};
}

static double load_double(const char *p)
{
    uint64_t bits = mr_bson_load64(p);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static int64_t cut(double v)
{
    if (v >= 0x1p63) {
        return INT64_MAX;
    }
    return v < -0x1p63 ? INT64_MIN : isnan(v) ? 0 : (int64_t)v;
}

int64_t mr_bson_int(const mr_bson_element *element)
{
    const char *p = element->value.data;
    switch (element->type) {
    case MR_BSON_INT32:
        return (int32_t)mr_bson_load32(p);
    case MR_BSON_INT64:
    case MR_BSON_DATE:
        return (int64_t)mr_bson_load64(p);
    case MR_BSON_DOUBLE:
        return cut(load_double(p));
    case MR_BSON_BOOL:
        return *p != 0;
    case MR_BSON_DECIMAL128: {
        mr_decimal128 decimal;
        mr_decimal128_unpack(p, &decimal);
        return mr_decimal128_int(&decimal);
    }
    default:
        return 0;
    }
}

double mr_bson_double(const mr_bson_element *element)
{
    const char *p = element->value.data;
    switch (element->type) {
    case MR_BSON_DOUBLE:
        return load_double(p);
    case MR_BSON_INT32:
    case MR_BSON_INT64:
    case MR_BSON_DATE:
    case MR_BSON_BOOL:
        return (double)mr_bson_int(element);
    case MR_BSON_DECIMAL128: {
        mr_decimal128 decimal;
        mr_decimal128_unpack(p, &decimal);
        return mr_decimal128_double(&decimal);
    }
    default:
        return (double)NAN;
    }
}

mr_slice mr_bson_binary(const mr_bson_element *element, uint8_t *subtype)
{
    enum { HEAD = 5, OLD = 2, OLD_HEAD = 4 };
    const char *p = element->value.data;
    bool binary = element->type == MR_BSON_BINARY;
    uint8_t kind = binary ? (uint8_t)p[4] : 0;
    size_t head = kind == OLD ? HEAD + OLD_HEAD : HEAD;
    if (subtype) {
        *subtype = kind;
    }
    if (!binary) {
        return (mr_slice){NULL, 0};
    }
    return (mr_slice){p + head, element->value.len - head};
}

void mr_bson_timestamp(const mr_bson_element *element, uint32_t *seconds, uint32_t *increment)
{
    bool timestamp = element->type == MR_BSON_TIMESTAMP;
    *increment = timestamp ? mr_bson_load32(element->value.data) : 0;
    *seconds = timestamp ? mr_bson_load32(element->value.data + 4) : 0;
}
