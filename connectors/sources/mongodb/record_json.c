/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record as AWS writes it: the event that Lambda gets from DynamoDB Streams (lambda guide,
 * "with-ddb"). Names and their casing are AWS's; `millrace` is there only when it has something to
 * say that AWS never has to.
 */
#include <inttypes.h>

#include "codec/attribute_value.h"
#include "codec/change.h"
#include "record.h"

static void add_member(mr_buffer *out, const char *name, const char *text, size_t len)
{
    mr_buffer_printf(out, "\"%s\":\"", name);
    mr_buffer_add(out, text, len);
    mr_buffer_add_text(out, "\",");
}

static void add_image(mr_buffer *out, const char *name, mr_slice image)
{
    if (image.data) {
        mr_buffer_printf(out, "\"%s\":", name);
        mr_item_json(image, out);
        mr_buffer_add_char(out, ',');
    }
}

void mongo_record_json(const mongo_options *o, const mongo_collection *c,
                       const mongo_change *change, const mongo_parts *parts, mr_buffer *out)
{
    mr_buffer_add_char(out, '{');
    add_member(out, "eventID", parts->event_id, MONGO_EVENT_ID_CHARS);
    mr_buffer_printf(out,
                     "\"eventName\":\"%s\",\"eventVersion\":\"" MONGO_EVENT_VERSION
                     "\",\"eventSource\":\"" MONGO_EVENT_SOURCE "\",\"awsRegion\":\"%s\","
                     "\"dynamodb\":{\"ApproximateCreationDateTime\":%" PRIu32 ",",
                     mr_event_names[change->event], o->aws_region, change->time.seconds);
    add_image(out, "Keys", parts->keys);
    add_image(out, "NewImage", parts->after);
    add_image(out, "OldImage", parts->before);
    add_member(out, "SequenceNumber", parts->sequence, MONGO_SEQUENCE_CHARS);
    mr_buffer_printf(out, "\"SizeBytes\":%zu,\"StreamViewType\":\"%s\"},", parts->size_bytes,
                     mr_view_names[o->view]);
    if (change->expired) {
        mr_buffer_add_text(out, "\"userIdentity\":{\"type\":\"Service\","
                                "\"principalId\":\"dynamodb.amazonaws.com\"},");
    }
    if (parts->extra) {
        mr_buffer_printf(out,
                         "\"millrace\":{\"snapshot\":%s,\"newImageSource\":\"%s\","
                         "\"oldImageSource\":\"%s\"},",
                         change->snapshot ? "true" : "false", mr_image_names[parts->after_source],
                         mr_image_names[parts->before_source]);
    }
    mr_buffer_printf(out, "\"eventSourceARN\":\"%s\"}", c->arn);
}
