/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks a document once, so that nothing else has to. Documents within documents are kept on a
 * stack of fixed size and not in calls, so that what is malformed costs no more than what is not.
 * The last byte of each document is seen to be zero before its elements are looked at: no text
 * scan can leave it. The path is put together only when there is something to say.
 */
#include "codec/bson.h"

#include <stdarg.h>
#include <stdio.h>

#include "codec/text.h"

typedef struct level {
    size_t last;      /* where the document's closing zero byte is */
    const char *name; /* of the element that holds it; NULL: the whole document */
} level;

typedef struct walk {
    const char *data;
    size_t at; /* next byte to be read */
    uint8_t type;
    const char *name; /* of the element being checked; NULL: none yet */
    size_t depth;
    level levels[MR_BSON_DEPTH_MAX];
} walk;

/* Appends a name as far as it fits; what is no printable text becomes a question mark. */
static size_t put_name(char *out, size_t size, size_t len, const char *name)
{
    size_t left = strlen(name);
    while (left) {
        size_t step = mr_utf8_length(name, left);
        bool plain = step && (unsigned char)*name >= 0x20;
        step = step ? step : 1;
        size_t need = plain ? step : 1;
        if (len + need >= size) {
            break;
        }
        memcpy(out + len, plain ? name : "?", need);
        len += need;
        name += step;
        left -= step;
    }
    out[len] = '\0';
    return len;
}

static void put_path(const walk *w, char *out, size_t size)
{
    size_t len = 0;
    *out = '\0';
    for (size_t i = 1; i <= w->depth; i++) {
        const char *name = i < w->depth ? w->levels[i].name : w->name;
        if (!name) {
            break;
        }
        len = put_name(out, size, i > 1 ? put_name(out, size, len, ".") : len, name);
    }
}

static mr_status MR_PRINTF(3, 4) refuse(const walk *w, mr_error *err, const char *format, ...)
{
    char what[160], path[sizeof err->field];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    put_path(w, path, sizeof path);
    mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD, "BSON is malformed at byte %zu%s%s: %s", w->at,
            *path ? ", field " : "", path, what);
    mr_error_field(err, path);
    return MR_REJECT;
}

/* Enters the document at w->at, of which `left` bytes may be there. */
static mr_status enter(walk *w, size_t left, mr_error *err)
{
    enum { SMALLEST = 5 };
    if (left < SMALLEST) {
        return refuse(w, err, "a document needs %d bytes, %zu are left", SMALLEST, left);
    }
    size_t len = mr_bson_length(w->data + w->at);
    if (len < SMALLEST || len > left) {
        return refuse(w, err, "the document's length is %zu, of %zu bytes that are left", len,
                      left);
    }
    if (w->data[w->at + len - 1]) {
        return refuse(w, err, "the document's last byte (byte %zu) is not zero", w->at + len - 1);
    }
    if (w->depth == MR_BSON_DEPTH_MAX) {
        return refuse(w, err, "more than %d levels of documents", MR_BSON_DEPTH_MAX);
    }
    w->levels[w->depth++] = (level){w->at + len - 1, w->name};
    w->name = NULL;
    w->at += 4;
    return MR_OK;
}

/* Passes over `len` bytes of the value. */
static mr_status skip(walk *w, size_t len, size_t left, mr_error *err)
{
    if (len > left) {
        return refuse(w, err, "a value of type 0x%02x has %zu bytes, %zu are left", w->type, len,
                      left);
    }
    w->at += len;
    return MR_OK;
}

/* A text with its length and its zero byte, followed by `more` bytes of the same value. */
static mr_status skip_text(walk *w, size_t more, size_t left, mr_error *err)
{
    if (left < 4 + 1 + more) {
        return skip(w, 4 + 1 + more, left, err);
    }
    size_t len = mr_bson_load32(w->data + w->at);
    if (len < 1 || len > left - 4 - more) {
        return refuse(w, err, "the text's length is %zu, of %zu bytes that are left", len,
                      left - 4 - more);
    }
    if (w->data[w->at + 4 + len - 1]) {
        return refuse(w, err, "the text does not end with a zero byte");
    }
    w->at += 4 + len + more;
    return MR_OK;
}

static mr_status skip_binary(walk *w, size_t left, mr_error *err)
{
    enum { HEAD = 5, OLD = 2 };
    if (left < HEAD) {
        return skip(w, HEAD, left, err);
    }
    size_t len = mr_bson_load32(w->data + w->at);
    if (len > left - HEAD) {
        return refuse(w, err, "the binary's length is %zu, of %zu bytes that are left", len,
                      left - HEAD);
    }
    if (w->data[w->at + 4] == OLD &&
        (len < 4 || mr_bson_load32(w->data + w->at + HEAD) != len - 4)) {
        return refuse(w, err, "the two lengths of a binary of subtype 2 do not fit");
    }
    w->at += HEAD + len;
    return MR_OK;
}

/* Pattern and flags. The document's last byte stops the scan; it must not be one of theirs. */
static mr_status skip_regex(walk *w, mr_error *err)
{
    size_t last = w->levels[w->depth - 1].last;
    for (int i = 0; i < 2; i++) {
        size_t end = w->at + strlen(w->data + w->at);
        if (end >= last) {
            return refuse(w, err, "the regular expression does not end within its document");
        }
        w->at = end + 1;
    }
    return MR_OK;
}

/* Whole length, code, and the scope, which is entered: it must fill the rest. */
static mr_status enter_scope(walk *w, size_t left, mr_error *err)
{
    enum { SMALLEST = 4 + 5 + 5 };
    if (left < SMALLEST) {
        return skip(w, SMALLEST, left, err);
    }
    size_t begin = w->at, len = mr_bson_load32(w->data + begin);
    if (len < SMALLEST || len > left) {
        return refuse(w, err, "the length of code with scope is %zu, of %zu bytes that are left",
                      len, left);
    }
    w->at += 4;
    mr_status status = skip_text(w, 5, len - 4, err);
    if (status != MR_OK) {
        return status;
    }
    w->at -= 5;
    size_t rest = begin + len - w->at;
    if (mr_bson_length(w->data + w->at) != rest) {
        return refuse(w, err, "the scope's length is %zu, not the %zu bytes that are left of it",
                      mr_bson_length(w->data + w->at), rest);
    }
    return enter(w, rest, err);
}

static mr_status check_value(walk *w, mr_error *err)
{
    size_t left = w->levels[w->depth - 1].last - w->at;
    switch (w->type) {
    case MR_BSON_STRING:
    case MR_BSON_CODE:
    case MR_BSON_SYMBOL:
        return skip_text(w, 0, left, err);
    case MR_BSON_DOCUMENT:
    case MR_BSON_ARRAY:
        return enter(w, left, err);
    case MR_BSON_BINARY:
        return skip_binary(w, left, err);
    case MR_BSON_BOOL:
        if (left && (unsigned char)w->data[w->at] > 1) {
            return refuse(w, err, "a boolean is %u", (unsigned char)w->data[w->at]);
        }
        return skip(w, 1, left, err);
    case MR_BSON_REGEX:
        return skip_regex(w, err);
    case MR_BSON_DB_POINTER:
        return skip_text(w, MR_OBJECT_ID_BYTES, left, err);
    case MR_BSON_CODE_WITH_SCOPE:
        return enter_scope(w, left, err);
    case MR_BSON_UNDEFINED:
    case MR_BSON_OBJECT_ID:
    case MR_BSON_DATE:
    case MR_BSON_NULL:
    case MR_BSON_DOUBLE:
    case MR_BSON_INT32:
    case MR_BSON_TIMESTAMP:
    case MR_BSON_INT64:
    case MR_BSON_DECIMAL128:
    case MR_BSON_MAX_KEY:
    case MR_BSON_MIN_KEY:
        return skip(w, mr_bson_value_length(w->type, NULL), left, err);
    default:
        return refuse(w, err, "there is no type 0x%02x", w->type);
    }
}

static mr_status check_element(walk *w, mr_error *err)
{
    size_t last = w->levels[w->depth - 1].last;
    w->type = (uint8_t)w->data[w->at];
    if (!w->type) {
        return refuse(w, err, "the document ends here, but for its length it ends at byte %zu",
                      last);
    }
    const char *name = w->data + w->at + 1;
    size_t end = w->at + 1 + mr_bson_name_length(name, w->data + last + 1);
    if (end >= last) {
        return refuse(w, err, "the field's name does not end within its document");
    }
    w->name = name;
    w->at = end + 1;
    return check_value(w, err);
}

mr_status mr_bson_check(const char *data, size_t len, mr_error *err)
{
    walk w;
    w.data = data;
    w.at = 0;
    w.name = NULL;
    w.depth = 0;
    if (len >= 4 && len <= MR_BSON_BYTES_MAX && mr_bson_length(data) != len) {
        return refuse(&w, err, "the document's length is %zu, but there are %zu bytes",
                      mr_bson_length(data), len);
    }
    if (len > MR_BSON_BYTES_MAX) {
        return refuse(&w, err, "%zu bytes, at most %d are allowed", len, MR_BSON_BYTES_MAX);
    }
    mr_status status = enter(&w, len, err);
    while (status == MR_OK && w.depth) {
        if (w.at == w.levels[w.depth - 1].last) {
            w.at++;
            w.depth--;
        } else {
            status = check_element(&w, err);
        }
    }
    return status;
}
