/* SPDX-License-Identifier: Apache-2.0 */
/* The envelope: where in it schema and payload stand. */
#include "codec/connect_json.h"

#include <string.h>

#include "codec/json_scan.h"

static bool is(mr_slice text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

static bool split(mr_json_scan *scan, mr_connect_parts *ret)
{
    size_t members = 0;
    if (!mr_json_expect(scan, '{')) {
        return false;
    }
    if (mr_json_take(scan, '}')) {
        return true;
    }
    do {
        mr_slice name, value;
        if (!mr_json_skip(scan, &name)) {
            return false;
        }
        if (*name.data != '"') {
            return mr_trail_reason(&scan->trail, "not JSON: a name is expected");
        }
        if (!mr_json_expect(scan, ':') || !mr_json_skip(scan, &value)) {
            return false;
        }
        mr_slice *part = is(name, "\"schema\"")    ? &ret->schema
                         : is(name, "\"payload\"") ? &ret->payload
                                                   : NULL;
        if (part && part->data) {
            return mr_trail_reason(&scan->trail, "%.*s is there twice", (int)name.len, name.data);
        }
        if (part) {
            *part = value;
        }
        members++;
    } while (mr_json_take(scan, ','));
    bool in_order = members == 2 && ret->schema.data && ret->payload.data > ret->schema.data;
    ret->prefix_bytes = in_order ? (size_t)(ret->payload.data - scan->start) : 0;
    return mr_json_expect(scan, '}');
}

mr_status mr_connect_split(mr_slice text, mr_connect_parts *ret, mr_error *err)
{
    mr_json_scan scan;
    *ret = (mr_connect_parts){0};
    mr_json_scan_start(&scan, text);
    if (!split(&scan, ret) || !mr_json_at_end(&scan)) {
        mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
                "not {\"schema\": ..., \"payload\": ...} as JsonConverter writes it: byte %zu of "
                "%zu: %s",
                (size_t)(scan.at - scan.start), text.len, scan.trail.reason);
    } else if (!ret->schema.data || !ret->payload.data) {
        mr_fail(
            err, MR_REJECT, MR_DOMAIN_RECORD,
            "JSON without a \"%s\" beside it: {\"schema\": ..., \"payload\": ...} is expected, "
            "as JsonConverter writes it with schemas.enable=true; of JSON alone the format is json",
            ret->payload.data ? "schema" : "payload");
    } else if (is(ret->payload, "null")) {
        ret->payload = (mr_slice){0};
        return MR_OK;
    } else if (is(ret->schema, "null")) {
        mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
                "\"schema\" is null: the payload does not say its types. Set schemas.enable=true "
                "where it is written");
    } else {
        return MR_OK;
    }
    mr_error_code(err, 0, "NOT_CONNECT_JSON");
    return MR_REJECT;
}

mr_slice mr_connect_payload(mr_slice text, size_t prefix_bytes)
{
    size_t end = text.len;
    while (end > prefix_bytes && strchr(" \t\r\n", text.data[end - 1]) && text.data[end - 1]) {
        end--;
    }
    if (end <= prefix_bytes || text.data[end - 1] != '}') {
        return (mr_slice){text.data + prefix_bytes, 0}; /* no JSON: reading it says so */
    }
    mr_slice payload = {text.data + prefix_bytes, end - 1 - prefix_bytes};
    return is(payload, "null") ? (mr_slice){0} : payload;
}
