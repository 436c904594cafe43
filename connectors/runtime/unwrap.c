/* SPDX-License-Identifier: Apache-2.0 */
/* See unwrap.h. Fields are found by position: mr_is_change() and mr_is_notice() have compared the
 * shape of the schema, and the decoder makes cells of just that shape. */
#include "runtime/unwrap.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "codec/change.h"
#include "codec/schema.h"

bool mr_unwrap_can(const mr_schema *schema)
{
    mr_debezium parts;
    return mr_is_change(schema) || mr_debezium_of(schema, &parts);
}

static mr_status unwrap_debezium(const mr_schema *event, const mr_debezium *parts, mr_unwrap **ret,
                                 mr_error *err)
{
    mr_unwrap *unwrap = mr_calloc(1, sizeof *unwrap);
    unwrap->debezium = true;
    unwrap->parts = *parts;
    mr_status status = mr_schema_extract(mr_schema_strip_null(event->fields[parts->after].schema),
                                         &unwrap->image, err);
    if (status != MR_OK) {
        mr_unwrap_free(unwrap);
        return status;
    }
    *ret = unwrap;
    return MR_OK;
}

mr_status mr_unwrap_new(const mr_schema *change, mr_unwrap **ret, mr_error *err)
{
    mr_debezium parts;
    if (!mr_is_change(change) && mr_debezium_of(change, &parts)) {
        return unwrap_debezium(change, &parts, ret, err);
    }
    const mr_schema *stream = change->fields[MR_CHANGE_DYNAMODB].schema;
    mr_unwrap *unwrap = mr_calloc(1, sizeof *unwrap);
    mr_status status = mr_schema_extract(stream->fields[MR_STREAM_KEYS].schema, &unwrap->keys, err);
    if (status == MR_OK) {
        status = mr_schema_extract(mr_schema_strip_null(stream->fields[MR_STREAM_NEW_IMAGE].schema),
                                   &unwrap->image, err);
    }
    if (status != MR_OK) {
        mr_unwrap_free(unwrap);
        return status;
    }
    *ret = unwrap;
    return MR_OK;
}

void mr_unwrap_free(mr_unwrap *unwrap)
{
    if (unwrap) {
        mr_schema_release(unwrap->keys);
        mr_schema_release(unwrap->image);
        free(unwrap);
    }
}

/* NULL where the nullable cell is null. */
static const mr_cell *present(const mr_cell *cell)
{
    return cell->type == MR_NULL ? NULL : cell;
}

/* Of a later version's symbols, an event that is none of the three is refused. */
static mr_status op_of(const mr_cell *event, const mr_cell *extra, mr_op *ret, mr_error *err)
{
    bool snapshot = extra && extra->as.cells[MR_EXTRA_SNAPSHOT].as.i;
    switch (event->symbol) {
    case MR_EVENT_INSERT:
        *ret = snapshot ? MR_OP_SNAPSHOT : MR_OP_CREATE;
        return MR_OK;
    case MR_EVENT_MODIFY:
        *ret = MR_OP_UPDATE;
        return MR_OK;
    case MR_EVENT_REMOVE:
        *ret = MR_OP_DELETE;
        return MR_OK;
    default:
        mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
                "the change record's eventName is %.*s; known: INSERT, MODIFY, REMOVE",
                (int)event->len, event->as.text);
        mr_error_field(err, "eventName");
        return MR_REJECT;
    }
}

/* Why there is no NewImage, and what to do about it. */
static mr_status image_missing(const mr_cell *event, const mr_cell *stream, const mr_cell *extra,
                               mr_error *err)
{
    const mr_cell *view = &stream->as.cells[MR_STREAM_VIEW];
    if (extra && extra->as.cells[MR_EXTRA_NEW_SOURCE].symbol == MR_IMAGE_MISSING) {
        mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
                "%.*s without NewImage: it was looked up after the change, and the document was "
                "gone by then, so that a REMOVE follows. To have images stored with the changes, "
                "switch on pre- and post-images for the collection",
                (int)event->len, event->as.text);
    } else {
        mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
                "%.*s without NewImage: the topic's StreamViewType is %.*s. A sink needs "
                "stream.view.type NEW_IMAGE or NEW_AND_OLD_IMAGES at the source; with "
                "change.records = whole it reads the change records themselves",
                (int)event->len, event->as.text, (int)view->len, view->as.text);
    }
    mr_error_code(err, 0, "NO_NEW_IMAGE");
    mr_error_field(err, "NewImage");
    return MR_REJECT;
}

mr_status mr_unwrap_record(const mr_unwrap *unwrap, const mr_cell *envelope, mr_record *record,
                           mr_error *err)
{
    if (unwrap->debezium) {
        return mr_debezium_record(&unwrap->parts, envelope, record, err);
    }
    const mr_cell *fields = envelope->as.cells;
    const mr_cell *event = &fields[MR_CHANGE_EVENT_NAME];
    const mr_cell *stream = &fields[MR_CHANGE_DYNAMODB];
    const mr_cell *extra = present(&fields[MR_CHANGE_MILLRACE]);
    record->key = &stream->as.cells[MR_STREAM_KEYS];
    record->value = present(&stream->as.cells[MR_STREAM_NEW_IMAGE]);
    record->before = present(&stream->as.cells[MR_STREAM_OLD_IMAGE]);
    mr_status status = op_of(event, extra, &record->op, err);
    if (status != MR_OK) {
        return status;
    }
    if (record->op == MR_OP_DELETE) {
        record->value = NULL;
        return MR_OK;
    }
    return record->value ? MR_OK : image_missing(event, stream, extra, err);
}

/* --- Notices ---------------------------------------------------------------------------------- */

static const char *const notice_events[] = {
    [MR_NOTICE_GAP] = "notice.gap",
    [MR_NOTICE_DROP] = "notice.drop",
    [MR_NOTICE_RENAME] = "notice.rename",
    [MR_NOTICE_RESNAPSHOT] = "notice.resnapshot",
};

void mr_notice_log(const char *topic, const mr_record *record, const mr_cell *notice)
{
    const mr_cell *fields = notice->as.cells;
    const mr_cell *space = &fields[MR_NOTICE_NAMESPACE], *text = &fields[MR_NOTICE_TEXT];
    const mr_cell *from = &fields[MR_NOTICE_FROM], *to = &fields[MR_NOTICE_TO];
    unsigned kind = fields[MR_NOTICE_KIND].symbol;
    bool known = kind < sizeof notice_events / sizeof *notice_events;
    mr_log(MR_LOG_WARN, known ? notice_events[kind] : "notice.other",
           "%.*s: %.*s%s%.*s%s%.*s (notice in %s partition %" PRId32 " offset %" PRId64 ")",
           (int)space->len, space->as.text, (int)text->len, text->as.text,
           from->type == MR_NULL ? "" : "; from ", from->type == MR_NULL ? 0 : (int)from->len,
           from->type == MR_NULL ? "" : from->as.text, to->type == MR_NULL ? "" : "; to ",
           to->type == MR_NULL ? 0 : (int)to->len, to->type == MR_NULL ? "" : to->as.text, topic,
           record->partition, record->offset);
}
