/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions that look at the record or make ids: old(), now(), uuid5(). SHA-1 is here because
 * RFC 4122 fixes it for version 5; it protects nothing.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "transform/cell_text.h"
#include "transform/plan.h"

enum { PURE = SQLITE_UTF8 | SQLITE_DETERMINISTIC };

void mr_value_show(sqlite3_value *value, char *out, size_t size)
{
    switch (sqlite3_value_type(value)) {
    case SQLITE_NULL:
        snprintf(out, size, "NULL");
        break;
    case SQLITE_INTEGER:
        snprintf(out, size, "%lld", (long long)sqlite3_value_int64(value));
        break;
    case SQLITE_FLOAT: {
        char number[32];
        mr_double_text(sqlite3_value_double(value), number);
        snprintf(out, size, "%s", number);
        break;
    }
    case SQLITE_BLOB:
        snprintf(out, size, "%d bytes", sqlite3_value_bytes(value));
        break;
    default: {
        const char *text = (const char *)sqlite3_value_text(value);
        int len = sqlite3_value_bytes(value), shown = len < 40 ? len : 40;
        while (shown < len && shown > 0 && ((unsigned char)text[shown] & 0xC0) == 0x80) {
            shown--; /* not within a character */
        }
        snprintf(out, size, "'%.*s%s'", shown, text, shown < len ? "..." : "");
        break;
    }
    }
}

void mr_function_fail(sqlite3_context *context, const char *what, sqlite3_value *found)
{
    char text[300], value[80];
    mr_value_show(found, value, sizeof value);
    snprintf(text, sizeof text, "%s, not %s", what, value);
    sqlite3_result_error(context, text, -1);
}

/* --- SHA-1 (RFC 3174) --- */

typedef struct sha1 {
    uint32_t state[5];
    unsigned char block[64];
    size_t used;
    uint64_t total;
} sha1;

static uint32_t rotate(uint32_t x, int n)
{
    return (x << n) | (x >> (32 - n));
}

static void sha1_block(sha1 *s)
{
    uint32_t w[80], a = s->state[0], b = s->state[1], c = s->state[2], d = s->state[3],
                    e = s->state[4];
    for (int i = 0; i < 16; i++) {
        const unsigned char *p = s->block + 4 * i;
        w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    }
    for (int i = 16; i < 80; i++) {
        w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    }
    for (int i = 0; i < 80; i++) {
        uint32_t f, k;
        if (i < 20) {
            f = (b & c) | (~b & d);
            k = 0x5A827999;
        } else if (i < 40 || i >= 60) {
            f = b ^ c ^ d;
            k = i < 40 ? 0x6ED9EBA1 : 0xCA62C1D6;
        } else {
            f = (b & c) | (b & d) | (c & d);
            k = 0x8F1BBCDC;
        }
        uint32_t t = rotate(a, 5) + f + e + k + w[i];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = t;
    }
    s->state[0] += a;
    s->state[1] += b;
    s->state[2] += c;
    s->state[3] += d;
    s->state[4] += e;
    s->used = 0;
}

static void sha1_add(sha1 *s, const void *data, size_t len)
{
    const unsigned char *p = data;
    s->total += len;
    while (len) {
        size_t take = sizeof s->block - s->used < len ? sizeof s->block - s->used : len;
        memcpy(s->block + s->used, p, take);
        s->used += take;
        p += take;
        len -= take;
        if (s->used == sizeof s->block) {
            sha1_block(s);
        }
    }
}

static void sha1_end(sha1 *s, unsigned char out[20])
{
    uint64_t bits = s->total * 8;
    unsigned char length[8];
    for (int i = 0; i < 8; i++) {
        length[i] = (unsigned char)(bits >> (56 - 8 * i));
    }
    sha1_add(s, "\x80", 1);
    while (s->used != 56) {
        sha1_add(s, "", 1);
    }
    sha1_add(s, length, 8);
    for (int i = 0; i < 20; i++) {
        out[i] = (unsigned char)(s->state[i / 4] >> (24 - 8 * (i % 4)));
    }
}

/* --- uuid5 --- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A namespace by its text of 36 characters, or by its name in RFC 4122, appendix C. */
static bool read_namespace(const char *text, unsigned char out[16])
{
    static const char *const names[] = {"dns", "url", "oid", "x500"};
    static const unsigned char last[] = {0x10, 0x11, 0x12, 0x14};
    for (int i = 0; i < 4; i++) {
        if (strcasecmp(text, names[i]) == 0) {
            static const unsigned char base[] = {0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
                                                 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};
            memcpy(out, base, sizeof base);
            out[3] = last[i];
            return true;
        }
    }
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            if (*text++ != '-') {
                return false;
            }
        }
        int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);
        if (low < 0) {
            return false;
        }
        out[i] = (unsigned char)(high << 4 | low);
        text += 2;
    }
    return *text == '\0';
}

static void uuid5(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc;
    if (sqlite3_value_type(argv[0]) == SQLITE_NULL || sqlite3_value_type(argv[1]) == SQLITE_NULL) {
        return;
    }
    unsigned char bytes[20];
    if (!read_namespace((const char *)sqlite3_value_text(argv[0]), bytes)) {
        mr_function_fail(context,
                         "uuid5: the namespace is a uuid or one of 'dns', 'url', 'oid', 'x500'",
                         argv[0]);
        return;
    }
    sha1 s = {.state = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0}};
    sha1_add(&s, bytes, 16);
    if (sqlite3_value_type(argv[1]) == SQLITE_FLOAT) {
        char number[32];
        sha1_add(&s, number, mr_double_text(sqlite3_value_double(argv[1]), number));
    } else {
        const void *name = sqlite3_value_blob(argv[1]); /* text as it is */
        sha1_add(&s, name, (size_t)sqlite3_value_bytes(argv[1]));
    }
    sha1_end(&s, bytes);
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x50);
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);
    char text[36];
    mr_uuid_text((const char *)bytes, text);
    sqlite3_result_text64(context, text, sizeof text, SQLITE_TRANSIENT, SQLITE_UTF8);
}

/* --- the record --- */

static void now(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc;
    (void)argv;
    sqlite3_result_int64(context, ((mr_scan *)sqlite3_user_data(context))->now_us);
}

static void old(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc;
    mr_scan *scan = sqlite3_user_data(context);
    const char *name = (const char *)sqlite3_value_text(argv[0]);
    int column = name ? mr_columns_find(scan->columns, name) : -1;
    if (column < 0 || scan->columns->items[column].meta != MR_META_NONE) {
        mr_function_fail(context, "old: wanted is the name of a field", argv[0]);
        return;
    }
    const mr_schema *schema = scan->columns->items[column].schema;
    const mr_cell *before =
        scan->row < scan->batch->count ? scan->batch->records[scan->row].before : NULL;
    if (schema && before) {
        mr_scan_result(context, schema, mr_scan_cell(scan->columns, before, column));
    }
}

int mr_functions_register(sqlite3 *db, mr_scan *scan)
{
    int rc = sqlite3_create_function(db, "uuid5", 2, PURE, NULL, uuid5, NULL, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_create_function(db, "now", 0, SQLITE_UTF8, scan, now, NULL, NULL);
    }
    if (rc == SQLITE_OK) {
        rc = sqlite3_create_function(db, "old", 1, SQLITE_UTF8, scan, old, NULL, NULL);
    }
    if (rc == SQLITE_OK) {
        rc = mr_functions_register_casts(db);
    }
    if (rc == SQLITE_OK) {
        rc = mr_functions_register_decimal(db);
    }
    return rc == SQLITE_OK ? mr_functions_register_time(db) : rc;
}
