/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Indexes as a pipeline declares them, "status -created unique", made into what createIndexes
 * takes. Names are those the shell would give, so that an index that is there already is known
 * again.
 */
#include <stdlib.h>

#include "sinks/mongodb/mongodb.h"

enum { INDEX_FIELDS_MAX = 32, TTL_SECONDS_MAX = 2147483647 };

typedef struct field {
    const char *name;
    size_t len;
    const char *kind; /* "text", ...; NULL: a direction */
    int direction;
} field;

typedef struct declared {
    field fields[INDEX_FIELDS_MAX];
    size_t count;
    bool unique, sparse;
    int64_t ttl_seconds; /* -1: none */
} declared;

static mr_status bad(mr_error *err, const char *text, const char *why)
{
    mr_status status = mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                               "indexes: \"%s\": %s; expected are fields, then unique, sparse or "
                               "ttl=SECONDS, such as \"status -created unique\"",
                               text, why);
    mr_error_field(err, "indexes");
    if (err) {
        err->permanent = true;
    }
    return status;
}

static bool is(const char *word, size_t len, const char *what)
{
    return strlen(what) == len && memcmp(word, what, len) == 0;
}

static const char *kind_of(const char *word, size_t len, size_t *name_len)
{
    static const char *const kinds[] = {"text", "2dsphere", "2d", "hashed", NULL};
    for (size_t i = 0; kinds[i]; i++) {
        size_t n = strlen(kinds[i]);
        if (len > n + 1 && word[len - n - 1] == ':' && memcmp(word + len - n, kinds[i], n) == 0) {
            *name_len = len - n - 1;
            return kinds[i];
        }
    }
    *name_len = len;
    return NULL;
}

/* false: no option. */
static bool read_option(declared *ix, const char *word, size_t len)
{
    if (is(word, len, "unique")) {
        ix->unique = true;
    } else if (is(word, len, "sparse")) {
        ix->sparse = true;
    } else if (len > 4 && memcmp(word, "ttl=", 4) == 0) {
        char *end;
        ix->ttl_seconds = strtoll(word + 4, &end, 10);
        if (end != word + len || ix->ttl_seconds < 0 || ix->ttl_seconds > TTL_SECONDS_MAX) {
            ix->ttl_seconds = -2;
        }
    } else {
        return false;
    }
    return true;
}

static mr_status read_index(const char *text, declared *ix, mr_error *err)
{
    static const char blanks[] = " \t,";
    bool options = false;
    *ix = (declared){.ttl_seconds = -1};
    for (const char *at = text + strspn(text, blanks); *at; at += strspn(at, blanks)) {
        size_t len = strcspn(at, blanks);
        if (ix->count && read_option(ix, at, len)) {
            options = true;
        } else if (options) {
            return bad(err, text, "a field stands behind the options");
        } else if (ix->count == INDEX_FIELDS_MAX) {
            return bad(err, text, "more than 32 fields");
        } else {
            field *f = &ix->fields[ix->count++];
            int sign = *at == '-' ? -1 : *at == '+' ? 1 : 0;
            f->direction = sign < 0 ? -1 : 1;
            f->name = at + (sign != 0);
            f->kind = kind_of(f->name, len - (sign != 0), &f->len);
            if (f->len == 0 || *f->name == '$') {
                return bad(err, text, "a field has no name that can be indexed");
            }
        }
        at += len;
    }
    if (ix->count == 0) {
        return bad(err, text, "it names no field");
    }
    return ix->ttl_seconds == -2 ? bad(err, text, "ttl is no number of seconds") : MR_OK;
}

/* {"key": {...}, "name": "a_1_b_-1", ...} */
static void add_index(const declared *ix, uint32_t at, mr_buffer *out)
{
    char room[MR_BSON_INDEX_BYTES];
    mr_buffer name = MR_BUFFER_INIT(1 << 16), one = MR_BUFFER_INIT(1 << 16);
    size_t begun = mr_bson_begin_as(out, mr_bson_index(at, room), false);
    size_t key = mr_bson_begin_as(out, "key", false);
    for (size_t i = 0; i < ix->count; i++) {
        const field *f = &ix->fields[i];
        mr_buffer_clear(&one);
        mr_buffer_add(&one, f->name, f->len);
        mr_buffer_printf(&name, "%s%s_", i ? "_" : "", mr_buffer_text(&one));
        if (f->kind) {
            mr_bson_add_text(out, mr_buffer_text(&one), f->kind, strlen(f->kind));
            mr_buffer_add_text(&name, f->kind);
        } else {
            mr_bson_add_int32(out, mr_buffer_text(&one), f->direction);
            mr_buffer_printf(&name, "%d", f->direction);
        }
    }
    mr_bson_end(out, key);
    mr_bson_add_text(out, "name", name.data, name.len);
    if (ix->unique) {
        mr_bson_add_bool(out, "unique", true);
    }
    if (ix->sparse) {
        mr_bson_add_bool(out, "sparse", true);
    }
    if (ix->ttl_seconds >= 0) {
        mr_bson_add_int64(out, "expireAfterSeconds", ix->ttl_seconds);
    }
    mr_bson_end(out, begun);
    mr_buffer_release(&name);
    mr_buffer_release(&one);
}

mr_status mdb_index_parse(const char *text, uint32_t at, mr_buffer *out, mr_error *err)
{
    declared ix;
    mr_status status = read_index(text, &ix, err);
    if (status == MR_OK) {
        add_index(&ix, at, out);
    }
    return status;
}

void mdb_index_of_key(const mr_list *fields, uint32_t at, mr_buffer *out)
{
    declared ix = {.ttl_seconds = -1, .unique = true};
    for (size_t i = 0; i < fields->count; i++) {
        ix.fields[ix.count++] =
            (field){.name = fields->items[i], .len = strlen(fields->items[i]), .direction = 1};
    }
    add_index(&ix, at, out);
}
