/* SPDX-License-Identifier: Apache-2.0 */
/* Names decide, not contents: what a file is must not depend on how much of it is there. */
#include "format.h"

#include <string.h>
#include <strings.h>

static const struct {
    const char *ending;
    file_kind kind;
} endings[] = {
    {".csv", FILE_CSV},      {".tsv", FILE_CSV},     {".ndjson", FILE_NDJSON},
    {".jsonl", FILE_NDJSON}, {".json", FILE_NDJSON}, {".avro", FILE_AVRO},
};

static bool ends_with(const char *name, size_t len, const char *ending)
{
    size_t size = strlen(ending);
    return len > size && strncasecmp(name + len - size, ending, size) == 0;
}

/* Length of the name without .gz or .zst. */
static size_t unpacked_name(const char *name, file_packing *packing)
{
    size_t len = strlen(name);
    *packing = ends_with(name, len, ".gz")    ? FILE_GZIP
               : ends_with(name, len, ".zst") ? FILE_ZSTD
                                              : FILE_PLAIN;
    return len - (*packing == FILE_GZIP ? 3 : *packing == FILE_ZSTD ? 4 : 0);
}

/* FILE_AUTO: the name says nothing. */
static file_kind named(const char *name)
{
    file_packing packing;
    size_t len = unpacked_name(name, &packing);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (ends_with(name, len, endings[i].ending)) {
            return endings[i].kind;
        }
    }
    return FILE_AUTO;
}

bool file_name_known(const char *name, file_kind kind)
{
    file_kind said = named(name);
    return kind == FILE_AUTO ? said != FILE_AUTO : said == kind;
}

file_packing file_packing_of(const char *name)
{
    file_packing packing;
    unpacked_name(name, &packing);
    return packing;
}

file_kind file_kind_of(const char *name, file_kind kind)
{
    file_kind said = kind == FILE_AUTO ? named(name) : kind;
    return said == FILE_AUTO ? FILE_CSV : said;
}

bool file_name_is_tsv(const char *name)
{
    file_packing packing;
    return ends_with(name, unpacked_name(name, &packing), ".tsv");
}
