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
    const char *help;  /* full sentences: what it does, unit, when to change it */
    const char *needs; /* what it has no effect without; NULL: nothing */
} mr_option;

/*
 * needs: conditions on other options of the same connector, with blanks between; all must hold,
 * or an option that is given, with another value than its default, is refused. Help and reference
 * say them in words.
 *   schema.registry.url     is set
 *   !schema                 is not set
 *   format=auto,csv         is one of these, given or by default
 *   key.format!=text        is none of these
 */

#define MR_FIELD_OF(state, field, ctype)                                                           \
    (offsetof(state, field) + 0 * sizeof(_Generic(&((state *)0)->field, ctype * : 0)))

/* The last argument is the help, or the help and what the option needs. */
#define MR_TEXT(option, state, field, value, bits, ...)                                            \
    {                                                                                              \
        .name = option, .kind = MR_KIND_TEXT, .offset = MR_FIELD_OF(state, field, const char *),   \
        .dflt = value, .flags = bits, .help = __VA_ARGS__                                          \
    }
#define MR_BOOLEAN(option, state, field, value, bits, ...)                                         \
    {                                                                                              \
        .name = option, .kind = MR_KIND_BOOL, .offset = MR_FIELD_OF(state, field, bool),           \
        .dflt = value, .flags = bits, .help = __VA_ARGS__                                          \
    }
#define MR_INTEGER(option, state, field, value, least, most, bits, ...)                            \
    {                                                                                              \
        .name = option, .kind = MR_KIND_INT, .offset = MR_FIELD_OF(state, field, int64_t),         \
        .dflt = value, .min = least, .max = most, .flags = bits, .help = __VA_ARGS__               \
    }
#define MR_REAL(option, state, field, value, bits, ...)                                            \
    {                                                                                              \
        .name = option, .kind = MR_KIND_DOUBLE, .offset = MR_FIELD_OF(state, field, double),       \
        .dflt = value, .flags = bits, .help = __VA_ARGS__                                          \
    }
#define MR_SIZE(option, state, field, value, least, most, bits, ...)                               \
    {                                                                                              \
        .name = option, .kind = MR_KIND_SIZE, .offset = MR_FIELD_OF(state, field, int64_t),        \
        .dflt = value, .min = least, .max = most, .flags = bits, .help = __VA_ARGS__               \
    }
#define MR_TIME(option, state, field, value, least, most, bits, ...)                               \
    {                                                                                              \
        .name = option, .kind = MR_KIND_DURATION, .offset = MR_FIELD_OF(state, field, int64_t),    \
        .dflt = value, .min = least, .max = most, .flags = bits, .help = __VA_ARGS__               \
    }
#define MR_CHOICE(option, state, field, value, names, bits, ...)                                   \
    {                                                                                              \
        .name = option, .kind = MR_KIND_ENUM, .offset = MR_FIELD_OF(state, field, int),            \
        .dflt = value, .choices = names, .flags = bits, .help = __VA_ARGS__                        \
    }
#define MR_LIST(option, state, field, value, bits, ...)                                            \
    {                                                                                              \
        .name = option, .kind = MR_KIND_LIST, .offset = MR_FIELD_OF(state, field, mr_list),        \
        .dflt = value, .flags = bits, .help = __VA_ARGS__                                          \
    }
#define MR_OPTIONS_END                                                                             \
    {                                                                                              \
        .name = NULL                                                                               \
    }

#endif
