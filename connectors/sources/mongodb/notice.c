/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notices: a collection is gone, a part of the stream is missing, all is read anew. They go to the
 * topic of the collection they are about, each as a batch of its own, before the position that
 * passes over them is set.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/json.h"
#include "codec/change.h"
#include "source.h"

void mongo_notice_add(mongo_source *self, int kind, const mongo_collection *c, const char *from,
                      const char *to, int64_t at_ms, const char *text)
{
    mongo_notice *notice = mr_calloc(1, sizeof *notice);
    *notice = (mongo_notice){
        .kind = kind,
        .topic = mr_strdup(c->topic),
        .full = mr_strdup(c->full),
        .text = mr_strdup(text),
        .from = from ? mr_strdup(from) : NULL,
        .to = to ? mr_strdup(to) : NULL,
        .at_ms = at_ms,
    };
    mongo_notice **end = &self->notices;
    while (*end) {
        end = &(*end)->next;
    }
    *end = notice;
}

static void drop_first(mongo_source *self)
{
    mongo_notice *notice = self->notices;
    self->notices = notice->next;
    free(notice->topic);
    free(notice->full);
    free(notice->text);
    free(notice->from);
    free(notice->to);
    free(notice);
}

void mongo_notices_free(mongo_source *self)
{
    while (self->notices) {
        drop_first(self);
    }
}

static mr_cell text_cell(const char *text, uint8_t branch, mr_arena *arena)
{
    if (!text) {
        return (mr_cell){.type = MR_NULL};
    }
    size_t len = strlen(text);
    return (mr_cell){.type = MR_STRING,
                     .branch = branch,
                     .len = (uint32_t)len,
                     .as.text = mr_arena_strndup(arena, text, len)};
}

static const mr_cell *notice_cells(const mongo_notice *n, mr_arena *arena)
{
    mr_cell *cells = mr_arena_alloc(arena, (1 + MR_NOTICE_FIELDS) * sizeof *cells);
    mr_cell *fields = cells + 1;
    const char *kind = mr_notice_kinds[n->kind];
    fields[MR_NOTICE_KIND] = (mr_cell){.type = MR_ENUM,
                                       .symbol = (uint16_t)n->kind,
                                       .len = (uint32_t)strlen(kind),
                                       .as.text = kind};
    fields[MR_NOTICE_NAMESPACE] = text_cell(n->full, 0, arena);
    fields[MR_NOTICE_TEXT] = text_cell(n->text, 0, arena);
    fields[MR_NOTICE_FROM] = text_cell(n->from, 1, arena);
    fields[MR_NOTICE_TO] = text_cell(n->to, 1, arena);
    fields[MR_NOTICE_AT] = (mr_cell){.type = MR_TIMESTAMP_MS, .as.i = n->at_ms};
    cells[0] = (mr_cell){.type = MR_RECORD, .len = MR_NOTICE_FIELDS, .as.cells = fields};
    return cells;
}

/* {"millrace": {"notice": "DROP", ...}}: no record of AWS's has this and nothing else. */
static mr_slice notice_json(const mongo_notice *n, mr_arena *arena)
{
    json_auto_t *root = json_pack("{s:{s:s, s:s, s:s, s:s*, s:s*, s:I}}", "millrace", "notice",
                                  mr_notice_kinds[n->kind], "namespace", n->full, "text", n->text,
                                  "from", n->from, "to", n->to, "at", (json_int_t)n->at_ms);
    char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    mr_slice ret = {0};
    if (text) {
        ret.len = strlen(text);
        ret.data = mr_arena_copy(arena, text, ret.len);
    }
    free(text);
    return ret;
}

mr_status mongo_notice_send(mongo_source *self, mr_batch *out, mr_error *err)
{
    const mongo_notice *n = self->notices;
    mr_record record = {.timestamp_ms = n->at_ms, .op = MR_OP_CREATE};
    if (self->options.format == MONGO_DYNAMODB_JSON) {
        record.raw_value = notice_json(n, out->arena);
    } else {
        if (!self->notice_schema) {
            mr_status status = mr_notice_schema(&self->notice_schema, err);
            if (status != MR_OK) {
                return status;
            }
        }
        record.value = notice_cells(n, out->arena);
        out->schema = self->notice_schema;
    }
    out->topic = mr_arena_strndup(out->arena, n->topic, strlen(n->topic));
    out->records = mr_arena_copy(out->arena, &record, sizeof record);
    out->count = 1;
    drop_first(self);
    return MR_OK;
}
