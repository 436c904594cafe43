/* SPDX-License-Identifier: Apache-2.0 */
/* Which types a value could have, as a set of bits; what all values of a column have in common is
 * its type. The rules are told in infer.h. */
#ifndef MR_FILE_KINDS_H
#define MR_FILE_KINDS_H

#include "texts.h"

enum {
    FILE_COULD_BE_BOOLEAN = 1,
    FILE_COULD_BE_INT = 2,
    FILE_COULD_BE_LONG = 4,
    FILE_COULD_BE_DOUBLE = 8,
    FILE_COULD_BE_DATE = 16,
    FILE_COULD_BE_LOCAL = 32,
    FILE_COULD_BE_ZONED = 64,
    FILE_COULD_BE_SCALAR = 127,
    FILE_COULD_BE_RECORD = 128, /* only of JSON */
    FILE_COULD_BE_ARRAY = 256,
    FILE_COULD_BE_ANYTHING = 511,
};

typedef struct file_kind_type {
    unsigned kind;              /* 0: string */
    const char *base, *logical; /* logical NULL: none */
} file_kind_type;

/* The narrowest type of a set; of none it is string. */
const file_kind_type *file_kind_narrowest(unsigned could_be);
/* "int", "local-timestamp-micros" */
const char *file_kind_name(const file_kind_type *type);

/* Of a whole number with so many digits, and of a text that may be a date or a time. */
unsigned file_kinds_of_integer(size_t digits);
unsigned file_kinds_of_time(const char *text, size_t len, const file_texts *texts);

#endif
