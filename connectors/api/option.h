/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options: one const table per connector gives parsing, command-line flags, environment names,
 * --help, man page, shell completion, the reference and the JSON Schema for editors.
 *
 *   static const mr_option options[] = {
 *       MR_TEXT("path", file_state, path, NULL, MR_OPT_REQUIRED, "File or folder to read."),
 *       MR_SIZE("line.max.bytes", file_state, line_max_bytes, "1MiB", 1, 1 << 30, 0, "Longest
 * line."), MR_OPTIONS_END,
 *   };
 *
 * A field of the wrong C type is a compile error. Names are dotted lower case; "stream.view.type"
 * is the flag
 * --stream-view-type. An unknown option is refused with the nearest right one. An option that is
 * accepted is implemented.
 */
#ifndef MR_API_OPTION_H
#define MR_API_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum mr_option_kind {
    MR_KIND_TEXT,     /* const char *; NULL when not given and without default */
    MR_KIND_BOOL,     /* bool; true, false */
    MR_KIND_INT,      /* int64_t; range min..max */
    MR_KIND_DOUBLE,   /* double */
    MR_KIND_SIZE,     /* int64_t in bytes: "64KiB", "1MB", "100"; range min..max */
    MR_KIND_DURATION, /* int64_t in milliseconds: "250", "250ms", "2s", "5m", "1h", "7d"; range
                         min..max */
    MR_KIND_ENUM,     /* int: index into choices */
    MR_KIND_LIST,     /* mr_list: comma-separated text or a JSON array of strings */
} mr_option_kind;

enum {
    MR_OPT_REQUIRED = 1,
    MR_OPT_SECRET = 2, /* has no printable form, on any path; shown as "***" */
    MR_OPT_PATH = 4,   /* MR_KIND_TEXT: a file or folder; in a pipeline file relative to that file's
                          folder, as a flag to the current one. The connector sees an absolute path
                          without symbolic links, so that it may name what it has read by it.
                          Text with "://" or that starts with { is left as it is. */
};

/* Strings owned by the parsed options; items is never NULL when count > 0. */
typedef struct mr_list {
    const char *const *items;
    size_t count;
} mr_list;

typedef struct mr_option {
    const char *name; /* NULL ends a table */
    mr_option_kind kind;
    size_t offset;    /* of the field in the connector's state */
    const char *dflt; /* text as a user would write it; NULL: none (zero, false, NULL, empty) */
    int64_t min, max; /* MR_KIND_INT, _SIZE, _DURATION */
    const char *const *choices; /* MR_KIND_ENUM: NULL-terminated names */
    unsigned flags;
    const char *help; /* full sentences: what it does, unit, when to change it */
} mr_option;

#define MR_FIELD_OF(state, field, ctype)                                                           \
    (offsetof(state, field) + 0 * sizeof(_Generic(&((state *)0)->field, ctype * : 0)))

#define MR_TEXT(name, state, field, dflt, flags, help)                                             \
    {                                                                                              \
        name, MR_KIND_TEXT, MR_FIELD_OF(state, field, const char *), dflt, 0, 0, NULL, flags, help \
    }
#define MR_BOOLEAN(name, state, field, dflt, flags, help)                                          \
    {                                                                                              \
        name, MR_KIND_BOOL, MR_FIELD_OF(state, field, bool), dflt, 0, 0, NULL, flags, help         \
    }
#define MR_INTEGER(name, state, field, dflt, min, max, flags, help)                                \
    {                                                                                              \
        name, MR_KIND_INT, MR_FIELD_OF(state, field, int64_t), dflt, min, max, NULL, flags, help   \
    }
#define MR_REAL(name, state, field, dflt, flags, help)                                             \
    {                                                                                              \
        name, MR_KIND_DOUBLE, MR_FIELD_OF(state, field, double), dflt, 0, 0, NULL, flags, help     \
    }
#define MR_SIZE(name, state, field, dflt, min, max, flags, help)                                   \
    {                                                                                              \
        name, MR_KIND_SIZE, MR_FIELD_OF(state, field, int64_t), dflt, min, max, NULL, flags, help  \
    }
#define MR_TIME(name, state, field, dflt, min, max, flags, help)                                   \
    {                                                                                              \
        name, MR_KIND_DURATION, MR_FIELD_OF(state, field, int64_t), dflt, min, max, NULL, flags,   \
            help                                                                                   \
    }
#define MR_CHOICE(name, state, field, dflt, choices, flags, help)                                  \
    {                                                                                              \
        name, MR_KIND_ENUM, MR_FIELD_OF(state, field, int), dflt, 0, 0, choices, flags, help       \
    }
#define MR_LIST(name, state, field, dflt, flags, help)                                             \
    {                                                                                              \
        name, MR_KIND_LIST, MR_FIELD_OF(state, field, mr_list), dflt, 0, 0, NULL, flags, help      \
    }
#define MR_OPTIONS_END                                                                             \
    {                                                                                              \
        NULL, MR_KIND_TEXT, 0, NULL, 0, 0, NULL, 0, NULL                                           \
    }

#endif
