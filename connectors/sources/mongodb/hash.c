/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event ids: 128 bits of the resume token, as hex. Any well-mixed hash will do, since tokens are
 * the server's and nobody gains by a collision: this is MurmurHash3's x64 variant (Appleby), two
 * multiply-and-rotate lanes of 64 bits.
 */
#include <string.h>

#include "record.h"

static const uint64_t c1 = 0x87c37b91114253d5u, c2 = 0x4cf5ad432745937fu;

static uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static uint64_t load(const char *p, size_t len)
{
    uint64_t x = 0;
    for (size_t i = 0; i < len; i++) {
        x |= (uint64_t)(unsigned char)p[i] << (8 * i);
    }
    return x;
}

static uint64_t finish(uint64_t x)
{
    x = (x ^ x >> 33) * 0xff51afd7ed558ccdu;
    x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53u;
    return x ^ x >> 33;
}

static void put_hex(uint64_t x, char *out)
{
    for (int i = 0; i < 16; i++) {
        out[i] = "0123456789abcdef"[x >> (60 - 4 * i) & 15];
    }
}

void mongo_event_id(mr_slice identity, uint64_t salt, char out[MONGO_EVENT_ID_CHARS])
{
    uint64_t h1 = salt, h2 = salt;
    const char *p = identity.data;
    size_t left = identity.len;
    for (; left >= 16; left -= 16, p += 16) {
        h1 ^= rotate(load(p, 8) * c1, 31) * c2;
        h1 = (rotate(h1, 27) + h2) * 5 + 0x52dce729u;
        h2 ^= rotate(load(p + 8, 8) * c2, 33) * c1;
        h2 = (rotate(h2, 31) + h1) * 5 + 0x38495ab5u;
    }
    if (left > 8) {
        h2 ^= rotate(load(p + 8, left - 8) * c2, 33) * c1;
    }
    if (left) {
        h1 ^= rotate(load(p, left < 8 ? left : 8) * c1, 31) * c2;
    }
    h1 ^= identity.len;
    h2 ^= identity.len;
    h1 += h2;
    h2 += h1;
    h1 = finish(h1);
    h2 = finish(h2);
    h1 += h2;
    h2 += h1;
    put_hex(h1, out);
    put_hex(h2, out + 16);
}
