/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages are handed on one by one, as they come: what the source keeps of them is its own, and no
 * topic is too long. A message that can not be decoded is handed on too, as bytes: its key counts.
 */
#include "runtime/recall.h"

#include <string.h>

#include "base/arena.h"
#include "kafka/admin.h"
#include "runtime/formats.h"

typedef struct recalling {
    mr_formats *formats;
    mr_arena *arena; /* of one message */
    mr_recall *each;
    void *context;
} recalling;

/* The format of a value; NULL where it has none that is known. */
static mr_status find_format(const recalling *r, mr_slice value, const mr_wire_format **ret,
                             mr_error *err)
{
    mr_status status = mr_formats_find(r->formats, value, false, NULL, ret, err);
    return status == MR_REJECT ? MR_OK : status;
}

static mr_status take(void *context, const mr_message *message, mr_error *err)
{
    recalling *r = context;
    const mr_wire_format *format;
    mr_record record;
    mr_arena_reset(r->arena);
    mr_status status = find_format(r, message->value, &format, err);
    if (status != MR_OK || (format && format->notice)) {
        return status;
    }
    status = mr_formats_read(format, NULL, message, r->arena, &record, err);
    if (status == MR_REJECT) { /* malformed: its bytes are all there is */
        format = NULL;
        status = mr_formats_read(NULL, NULL, message, r->arena, &record, err);
    }
    if (status != MR_OK) {
        return status;
    }
    const mr_batch batch = {
        .topic = message->topic,
        .schema = format ? format->schema : NULL,
        .records = &record,
        .count = 1,
        .arena = r->arena,
    };
    return r->each(r->context, &batch, err);
}

mr_status mr_recall_topic(const mr_kafka_config *kafka, const mr_wires *wires, const char *topic,
                          const atomic_bool *stop, mr_recall *each, void *context, mr_error *err)
{
    recalling r = {
        .formats = mr_formats_new(wires, MR_ENVELOPES_WHOLE, stop),
        .arena = mr_arena_new(),
        .each = each,
        .context = context,
    };
    mr_status status = mr_topic_read_all(kafka, topic, -1, stop, take, &r, err);
    if (status == MR_FATAL && strcmp(err->code, "UNKNOWN_TOPIC_OR_PART") == 0) {
        status = MR_OK; /* nothing was ever sent */
    }
    mr_arena_free(r.arena);
    mr_formats_free(r.formats);
    return status;
}
