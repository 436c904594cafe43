/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands before Avro data on the wire: the single-object header (Avro 1.11 specification,
 * "Single-object encoding"), and what bytes seem to be when it is not there.
 */
#include <stdio.h>
#include <string.h>

#include "codec/avro.h"

static const char marker[2] = {'\xc3', '\x01'};

void mr_single_object_header(uint64_t fingerprint, char out[MR_SINGLE_OBJECT_HEADER_BYTES])
{
    memcpy(out, marker, sizeof marker);
    for (int i = 0; i < 8; i++) {
        out[2 + i] = (char)(fingerprint >> (8 * i));
    }
}

bool mr_single_object_parse(const char *data, size_t len, uint64_t *fingerprint)
{
    if (len < MR_SINGLE_OBJECT_HEADER_BYTES || memcmp(data, marker, sizeof marker) != 0) {
        return false;
    }
    uint64_t n = 0;
    for (int i = 0; i < 8; i++) {
        n |= (uint64_t)(unsigned char)data[2 + i] << (8 * i);
    }
    *fingerprint = n;
    return true;
}

static bool starts_with(const char *data, size_t len, const char *prefix, size_t prefix_len)
{
    return len >= prefix_len && memcmp(data, prefix, prefix_len) == 0;
}

static bool is_json(const char *data, size_t len)
{
    size_t i = 0;
    while (i < len && (data[i] == ' ' || data[i] == '\t' || data[i] == '\n' || data[i] == '\r')) {
        i++;
    }
    return i < len && (data[i] == '{' || data[i] == '[');
}

static bool is_text(const char *data, size_t len)
{
    for (size_t i = 0; i < len && i < 64; i++) {
        unsigned char c = (unsigned char)data[i];
        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

/* "7b 22 69 64 22": the first bytes. */
static void first_bytes(const char *data, size_t len, char out[16])
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < len && i < 5; i++) {
        used +=
            (size_t)snprintf(out + used, 16 - used, i ? " %02x" : "%02x", (unsigned char)data[i]);
    }
}

void mr_describe_bytes(const char *data, size_t len, char *out, size_t out_size)
{
    char hex[16];
    first_bytes(data, len, hex);
    if (!data || len == 0) {
        snprintf(out, out_size, "has no bytes at all");
        return;
    }
    const unsigned char *byte = (const unsigned char *)data;
    const char *like = "binary data of no kind that is known";
    if (len >= 5 && byte[0] == 0) {
        unsigned long id = (unsigned long)byte[1] << 24 | (unsigned long)byte[2] << 16 |
                           (unsigned long)byte[3] << 8 | byte[4];
        snprintf(out, out_size, "starts with %s: Confluent framing, schema id %lu", hex, id);
        return;
    }
    uint64_t fingerprint;
    if (mr_single_object_parse(data, len, &fingerprint)) {
        snprintf(out, out_size, "%s: Avro single-object encoding, schema fingerprint %016llx", hex,
                 (unsigned long long)fingerprint);
        return;
    }
    if (starts_with(data, len, marker, sizeof marker)) {
        like = "an Avro single-object header that is cut off";
    } else if (starts_with(data, len, "Obj\x01", 4)) {
        like = "an Avro object container file, not a single record";
    } else if (is_json(data, len)) {
        like = "JSON text";
    } else if (starts_with(data, len, "\x1f\x8b", 2)) {
        like = "gzip data";
    } else if (starts_with(data, len, "\x28\xb5\x2f\xfd", 4)) {
        like = "zstd data";
    } else if (is_text(data, len)) {
        like = "text, neither Avro nor JSON";
    }
    snprintf(out, out_size, "starts with %s: %s", hex, like);
}
