/* SPDX-License-Identifier: Apache-2.0 */
/* See kinds.h. */
#include "kinds.h"

#include "when.h"

const file_kind_type *file_kind_narrowest(unsigned could_be)
{
    static const file_kind_type types[] = {
        {FILE_COULD_BE_BOOLEAN, "boolean", NULL},
        {FILE_COULD_BE_INT, "int", NULL},
        {FILE_COULD_BE_LONG, "long", NULL},
        {FILE_COULD_BE_DOUBLE, "double", NULL},
        {FILE_COULD_BE_DATE, "int", "date"},
        {FILE_COULD_BE_LOCAL, "long", "local-timestamp-micros"},
        {FILE_COULD_BE_ZONED, "long", "timestamp-micros"},
        {FILE_COULD_BE_RECORD, "record", NULL},
        {FILE_COULD_BE_ARRAY, "array", NULL},
        {0, "string", NULL},
    };
    const file_kind_type *type = types;
    while (type->kind && !(could_be & type->kind)) {
        type++;
    }
    return type;
}

const char *file_kind_name(const file_kind_type *type)
{
    return type->logical ? type->logical : type->base;
}

unsigned file_kinds_of_integer(size_t digits)
{
    if (digits > 18) {
        return 0;
    }
    return (digits <= 6 ? FILE_COULD_BE_INT : 0U) | FILE_COULD_BE_LONG |
           (digits <= 15 ? FILE_COULD_BE_DOUBLE : 0U);
}

unsigned file_kinds_of_time(const char *text, size_t len, const file_texts *texts)
{
    file_timestamp at;
    if (!file_texts_timestamp(texts, text, len, &at) || at.extra_ns) {
        return 0;
    }
    unsigned moment = at.zoned || texts->zone ? FILE_COULD_BE_ZONED : FILE_COULD_BE_LOCAL;
    return at.date_only ? FILE_COULD_BE_DATE | moment : moment;
}
