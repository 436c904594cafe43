/* SPDX-License-Identifier: Apache-2.0 */
/* Change records for tests of the runtime: a small collection, its schema, and their cells. */
#ifndef MR_TESTS_LIB_CHANGE_CELLS_H
#define MR_TESTS_LIB_CHANGE_CELLS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/arena.h"
#include "codec/change.h"
#include "codec/schema.h"

#define RIDE_KEYS                                                                                  \
    "{\"type\":\"record\",\"name\":\"test.ridesKeys\",\"fields\":["                                \
    "{\"name\":\"id\",\"type\":\"long\"}]}"
#define RIDE_IMAGE                                                                                 \
    "{\"type\":\"record\",\"name\":\"test.rides\",\"fields\":["                                    \
    "{\"name\":\"id\",\"type\":[\"null\",\"long\"],\"default\":null},"                             \
    "{\"name\":\"STATUS\",\"type\":[\"null\",\"string\"],\"default\":null},"                       \
    "{\"name\":\"fare\",\"type\":[\"null\",\"double\"],\"default\":null}]}"

static inline const mr_schema *schema_of(const char *json)
{
    const mr_schema *schema;
    mr_error err = {0};
    if (mr_schema_parse(json, strlen(json), &schema, &err)) {
        fail_msg("%s: %s", json, err.text);
    }
    return schema;
}

static inline const mr_schema *ride_change_schema(void)
{
    const mr_schema *keys = schema_of(RIDE_KEYS), *image = schema_of(RIDE_IMAGE), *change;
    mr_error err = {0};
    if (mr_change_schema("test.rides", keys, image, &change, &err)) {
        fail_msg("%s", err.text);
    }
    mr_schema_release(keys);
    mr_schema_release(image);
    return change;
}

static inline mr_cell cell_text(const char *text)
{
    return (mr_cell){.type = MR_STRING, .len = (uint32_t)strlen(text), .as.text = text};
}

static inline mr_cell cell_long(int64_t i)
{
    return (mr_cell){.type = MR_LONG, .as.i = i};
}

static inline mr_cell cell_symbol(const char *const *names, int symbol)
{
    return (mr_cell){.type = MR_ENUM,
                     .symbol = (uint16_t)symbol,
                     .len = (uint32_t)strlen(names[symbol]),
                     .as.text = names[symbol]};
}

/* The second branch of a union ["null", ...]. */
static inline mr_cell cell_some(mr_cell cell)
{
    cell.branch = 1;
    return cell;
}

static inline mr_cell cell_record(mr_arena *arena, const mr_cell *cells, size_t count)
{
    return (mr_cell){.type = MR_RECORD,
                     .len = (uint32_t)count,
                     .as.cells = mr_arena_copy(arena, cells, count * sizeof *cells)};
}

/* What a test says of a change; images are there where a status is given. */
typedef struct ride_change {
    int event, view;
    int64_t id;
    const char *new_status, *old_status;
    bool snapshot;
    int new_source; /* MR_IMAGE_* */
} ride_change;

static inline mr_cell ride_image(mr_arena *arena, int64_t id, const char *status)
{
    if (!status) {
        return (mr_cell){.type = MR_NULL};
    }
    const mr_cell fields[] = {
        cell_some(cell_long(id)), cell_some(cell_text(status)), {.type = MR_NULL}};
    return cell_some(cell_record(arena, fields, 3));
}

static inline mr_cell ride_envelope(mr_arena *arena, const ride_change *c)
{
    const mr_cell keys[] = {cell_long(c->id)};
    const mr_cell stream[] = {
        [MR_STREAM_CREATED] = cell_long(1700000000),
        [MR_STREAM_KEYS] = cell_record(arena, keys, 1),
        [MR_STREAM_NEW_IMAGE] = ride_image(arena, c->id, c->new_status),
        [MR_STREAM_OLD_IMAGE] = ride_image(arena, c->id, c->old_status),
        [MR_STREAM_SEQUENCE] = cell_text("000000000000000000000000000001"),
        [MR_STREAM_SIZE] = cell_long(12),
        [MR_STREAM_VIEW] = cell_symbol(mr_view_names, c->view),
    };
    const mr_cell extra[] = {
        [MR_EXTRA_SNAPSHOT] = {.type = MR_BOOL, .as.i = c->snapshot},
        [MR_EXTRA_NEW_SOURCE] = cell_symbol(mr_image_names, c->new_source),
        [MR_EXTRA_OLD_SOURCE] = cell_symbol(mr_image_names, MR_IMAGE_STORED),
    };
    const mr_cell fields[] = {
        [MR_CHANGE_EVENT_ID] = cell_text("0123456789abcdef0123456789abcdef"),
        [MR_CHANGE_EVENT_NAME] = cell_symbol(mr_event_names, c->event),
        [MR_CHANGE_EVENT_VERSION] = cell_text("1.1"),
        [MR_CHANGE_EVENT_SOURCE] = cell_text("aws:dynamodb"),
        [MR_CHANGE_AWS_REGION] = cell_text("local"),
        [MR_CHANGE_DYNAMODB] = cell_record(arena, stream, MR_STREAM_FIELDS),
        [MR_CHANGE_USER_IDENTITY] = {.type = MR_NULL},
        [MR_CHANGE_MILLRACE] = cell_some(cell_record(arena, extra, MR_EXTRA_FIELDS)),
    };
    return cell_record(arena, fields, MR_CHANGE_FIELDS);
}

static inline mr_cell notice_cells(mr_arena *arena, int kind, const char *text)
{
    const mr_cell fields[] = {
        [MR_NOTICE_KIND] = cell_symbol(mr_notice_kinds, kind),
        [MR_NOTICE_NAMESPACE] = cell_text("test.rides"),
        [MR_NOTICE_TEXT] = cell_text(text),
        [MR_NOTICE_FROM] = cell_some(cell_text("here")),
        [MR_NOTICE_TO] = {.type = MR_NULL},
        [MR_NOTICE_AT] = {.type = MR_TIMESTAMP_MS, .as.i = 1700000000000},
    };
    return cell_record(arena, fields, MR_NOTICE_FIELDS);
}

#endif
