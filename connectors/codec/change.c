/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schemas of change records and notices. They are made with the builder, from small schemas
 * that never change and the two of the collection, so that a type which both images hold is defined
 * once. Whether a schema is one of ours is asked of its shape, not of its name alone: who takes
 * records apart by position must not trust a schema that only says the name.
 */
#include "codec/change.h"

#include <stdio.h>
#include <string.h>

#include "codec/schema.h"

const char *const mr_event_names[] = {"INSERT", "MODIFY", "REMOVE"};
const char *const mr_view_names[] = {"KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"};
const char *const mr_image_names[] = {"STORED", "LOOKUP", "MISSING"};
const char *const mr_notice_kinds[] = {"GAP", "DROP", "RENAME", "RESNAPSHOT"};

#define EVENT_NAME                                                                                 \
    "{\"type\":\"enum\",\"name\":\"millrace.EventName\","                                          \
    "\"symbols\":[\"INSERT\",\"MODIFY\",\"REMOVE\"]}"
#define VIEW_TYPE                                                                                  \
    "{\"type\":\"enum\",\"name\":\"millrace.StreamViewType\",\"symbols\":"                         \
    "[\"KEYS_ONLY\",\"NEW_IMAGE\",\"OLD_IMAGE\",\"NEW_AND_OLD_IMAGES\"]}"
#define IDENTITY                                                                                   \
    "{\"type\":\"record\",\"name\":\"millrace.UserIdentity\",\"fields\":["                         \
    "{\"name\":\"type\",\"type\":\"string\"},{\"name\":\"principalId\",\"type\":\"string\"}]}"
#define EXTRA                                                                                      \
    "{\"type\":\"record\",\"name\":\"millrace.Extra\",\"fields\":["                                \
    "{\"name\":\"snapshot\",\"type\":\"boolean\"},"                                                \
    "{\"name\":\"newImageSource\",\"type\":{\"type\":\"enum\",\"name\":\"millrace.ImageSource\","  \
    "\"symbols\":[\"STORED\",\"LOOKUP\",\"MISSING\"]}},"                                           \
    "{\"name\":\"oldImageSource\",\"type\":\"millrace.ImageSource\"}]}"
#define NOTICE                                                                                     \
    "{\"type\":\"record\",\"name\":\"" MR_NOTICE_NAME "\",\"fields\":["                            \
    "{\"name\":\"kind\",\"type\":{\"type\":\"enum\",\"name\":\"millrace.NoticeKind\","             \
    "\"symbols\":[\"GAP\",\"DROP\",\"RENAME\",\"RESNAPSHOT\"]}},"                                  \
    "{\"name\":\"namespace\",\"type\":\"string\"},"                                                \
    "{\"name\":\"text\",\"type\":\"string\"},"                                                     \
    "{\"name\":\"from\",\"type\":[\"null\",\"string\"],\"default\":null},"                         \
    "{\"name\":\"to\",\"type\":[\"null\",\"string\"],\"default\":null},"                           \
    "{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}}]}"

/* --- Making them ------------------------------------------------------------------------------ */

/* Adds a field of one of the schemas above. */
static mr_status add_text(mr_schema_builder *b, const char *name, const char *json, bool nullable,
                          mr_error *err)
{
    const mr_schema *schema;
    mr_status status = mr_schema_parse(json, strlen(json), &schema, err);
    if (!status) {
        mr_schema_builder_add_copy(b, name, schema, nullable);
        mr_schema_release(schema);
    }
    return status;
}

static mr_status stream_record(const char *name, const mr_schema *keys, const mr_schema *image,
                               const mr_schema **ret, mr_error *err)
{
    mr_schema_builder *b = mr_schema_builder_new(name);
    mr_schema_builder_add(b, "ApproximateCreationDateTime", MR_LONG, false, 0, 0);
    mr_schema_builder_add_copy(b, "Keys", keys, false);
    mr_schema_builder_add_copy(b, "NewImage", image, true);
    mr_schema_builder_add_copy(b, "OldImage", image, true);
    mr_schema_builder_add(b, "SequenceNumber", MR_STRING, false, 0, 0);
    mr_schema_builder_add(b, "SizeBytes", MR_LONG, false, 0, 0);
    mr_status status = add_text(b, "StreamViewType", VIEW_TYPE, false, err);
    if (status) {
        mr_schema_builder_free(b);
        return status;
    }
    return mr_schema_builder_finish(b, ret, err);
}

static mr_status envelope(const char *name, const mr_schema *stream, const mr_schema **ret,
                          mr_error *err)
{
    mr_schema_builder *b = mr_schema_builder_new(name);
    mr_schema_builder_alias(b, MR_CHANGE_ALIAS);
    mr_schema_builder_add(b, "eventID", MR_STRING, false, 0, 0);
    mr_status status = add_text(b, "eventName", EVENT_NAME, false, err);
    mr_schema_builder_add(b, "eventVersion", MR_STRING, false, 0, 0);
    mr_schema_builder_add(b, "eventSource", MR_STRING, false, 0, 0);
    mr_schema_builder_add(b, "awsRegion", MR_STRING, false, 0, 0);
    mr_schema_builder_add_copy(b, "dynamodb", stream, false);
    if (!status) {
        status = add_text(b, "userIdentity", IDENTITY, true, err);
    }
    if (!status) {
        status = add_text(b, "millrace", EXTRA, true, err);
    }
    if (status) {
        mr_schema_builder_free(b);
        return status;
    }
    return mr_schema_builder_finish(b, ret, err);
}

mr_status mr_change_schema(const char *name, const mr_schema *keys, const mr_schema *image,
                           const mr_schema **ret, mr_error *err)
{
    char full[1100];
    if (snprintf(full, sizeof full, "%sStreamRecord", name) >= (int)sizeof full) {
        return mr_fail(err, MR_FATAL, MR_DOMAIN_SCHEMA, "the name %.64s... is too long", name);
    }
    const mr_schema *stream;
    mr_status status = stream_record(full, keys, image, &stream, err);
    if (status) {
        return status;
    }
    snprintf(full, sizeof full, "%sChange", name);
    status = envelope(full, stream, ret, err);
    mr_schema_release(stream);
    return status;
}

mr_status mr_notice_schema(const mr_schema **ret, mr_error *err)
{
    return mr_schema_parse(NOTICE, sizeof NOTICE - 1, ret, err);
}

/* --- Knowing them ----------------------------------------------------------------------------- */

/* What stands at a position. Fields that a later version adds come behind. */
typedef struct place {
    const char *name;
    mr_type type;
    bool nullable;
    const char *const *symbols; /* MR_ENUM: these, and maybe more */
    size_t symbol_count;
} place;

#define SYMBOLS(array) (array), sizeof(array) / sizeof((array)[0])

static const place change_places[MR_CHANGE_FIELDS] = {
    [MR_CHANGE_EVENT_ID] = {"eventID", MR_STRING, false, NULL, 0},
    [MR_CHANGE_EVENT_NAME] = {"eventName", MR_ENUM, false, SYMBOLS(mr_event_names)},
    [MR_CHANGE_EVENT_VERSION] = {"eventVersion", MR_STRING, false, NULL, 0},
    [MR_CHANGE_EVENT_SOURCE] = {"eventSource", MR_STRING, false, NULL, 0},
    [MR_CHANGE_AWS_REGION] = {"awsRegion", MR_STRING, false, NULL, 0},
    [MR_CHANGE_DYNAMODB] = {"dynamodb", MR_RECORD, false, NULL, 0},
    [MR_CHANGE_USER_IDENTITY] = {"userIdentity", MR_RECORD, true, NULL, 0},
    [MR_CHANGE_MILLRACE] = {"millrace", MR_RECORD, true, NULL, 0},
};

static const place stream_places[MR_STREAM_FIELDS] = {
    [MR_STREAM_CREATED] = {"ApproximateCreationDateTime", MR_LONG, false, NULL, 0},
    [MR_STREAM_KEYS] = {"Keys", MR_RECORD, false, NULL, 0},
    [MR_STREAM_NEW_IMAGE] = {"NewImage", MR_RECORD, true, NULL, 0},
    [MR_STREAM_OLD_IMAGE] = {"OldImage", MR_RECORD, true, NULL, 0},
    [MR_STREAM_SEQUENCE] = {"SequenceNumber", MR_STRING, false, NULL, 0},
    [MR_STREAM_SIZE] = {"SizeBytes", MR_LONG, false, NULL, 0},
    [MR_STREAM_VIEW] = {"StreamViewType", MR_ENUM, false, SYMBOLS(mr_view_names)},
};

static const place extra_places[MR_EXTRA_FIELDS] = {
    [MR_EXTRA_SNAPSHOT] = {"snapshot", MR_BOOL, false, NULL, 0},
    [MR_EXTRA_NEW_SOURCE] = {"newImageSource", MR_ENUM, false, SYMBOLS(mr_image_names)},
    [MR_EXTRA_OLD_SOURCE] = {"oldImageSource", MR_ENUM, false, SYMBOLS(mr_image_names)},
};

static const place notice_places[MR_NOTICE_FIELDS] = {
    [MR_NOTICE_KIND] = {"kind", MR_ENUM, false, SYMBOLS(mr_notice_kinds)},
    [MR_NOTICE_NAMESPACE] = {"namespace", MR_STRING, false, NULL, 0},
    [MR_NOTICE_TEXT] = {"text", MR_STRING, false, NULL, 0},
    [MR_NOTICE_FROM] = {"from", MR_STRING, true, NULL, 0},
    [MR_NOTICE_TO] = {"to", MR_STRING, true, NULL, 0},
    [MR_NOTICE_AT] = {"at", MR_TIMESTAMP_MS, false, NULL, 0},
};

static bool fits(const mr_field *field, const place *at)
{
    const mr_schema *schema = field->schema;
    if (at->nullable) {
        if (schema->type != MR_UNION || !schema->nullable || schema->branch_count != 2) {
            return false;
        }
        schema = mr_schema_strip_null(schema);
    }
    if (strcmp(field->name, at->name) != 0 || schema->type != at->type ||
        schema->symbol_count < at->symbol_count) {
        return false;
    }
    for (size_t i = 0; i < at->symbol_count; i++) {
        if (strcmp(schema->symbols[i], at->symbols[i]) != 0) {
            return false;
        }
    }
    return true;
}

static bool all_fit(const mr_schema *record, const place *places, size_t count)
{
    if (record->type != MR_RECORD || record->field_count < count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!fits(&record->fields[i], &places[i])) {
            return false;
        }
    }
    return true;
}

static bool has_alias(const mr_schema *schema, const char *alias)
{
    for (size_t i = 0; i < schema->alias_count; i++) {
        if (strcmp(schema->aliases[i], alias) == 0) {
            return true;
        }
    }
    return false;
}

bool mr_is_change(const mr_schema *schema)
{
    if (!has_alias(schema, MR_CHANGE_ALIAS) || !all_fit(schema, change_places, MR_CHANGE_FIELDS)) {
        return false;
    }
    const mr_schema *stream = schema->fields[MR_CHANGE_DYNAMODB].schema;
    const mr_schema *extra = mr_schema_strip_null(schema->fields[MR_CHANGE_MILLRACE].schema);
    /* One image schema for both: a reader needs one for all records of a batch. */
    return all_fit(stream, stream_places, MR_STREAM_FIELDS) &&
           all_fit(extra, extra_places, MR_EXTRA_FIELDS) &&
           mr_schema_strip_null(stream->fields[MR_STREAM_NEW_IMAGE].schema) ==
               mr_schema_strip_null(stream->fields[MR_STREAM_OLD_IMAGE].schema);
}

bool mr_is_notice(const mr_schema *schema)
{
    return schema->name && strcmp(schema->name, MR_NOTICE_NAME) == 0 &&
           all_fit(schema, notice_places, MR_NOTICE_FIELDS);
}
