/* SPDX-License-Identifier: Apache-2.0 */
/* The mongodb source as users see it: its options, their checks, its help. */
#include <string.h>

#include "codec/change.h"
#include "source.h"

static mr_status refuse(mr_error *err, const char *option)
{
    mr_error_field(err, option);
    if (err) {
        err->permanent = true;
    }
    return MR_FATAL;
}

static mr_status check_images(const mongo_options *o, mr_error *err)
{
    if (o->format == MONGO_DOCUMENTS && o->view != MR_VIEW_NEW_IMAGE &&
        o->view != MR_VIEW_NEW_AND_OLD_IMAGES) {
        mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                "stream.view.type: %s has no new images, and format documents sends nothing else",
                mr_view_names[o->view]);
        return refuse(err, "stream.view.type");
    }
    return MR_OK;
}

static mr_status check_start(const mongo_options *o, mr_error *err)
{
    if (o->start_at && o->snapshot_mode == MONGO_ALWAYS) {
        mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                "start.at: snapshot.mode always begins with a snapshot, start.at without one; "
                "leave one of the two out");
        return refuse(err, "start.at");
    }
    if (o->snapshot_mode == MONGO_WHEN_NEEDED && o->on_unresumable == MONGO_RESUME) {
        mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                "on.unresumable: resume leaves a gap, snapshot.mode when_needed fills it by a "
                "snapshot; leave one of the two out");
        return refuse(err, "on.unresumable");
    }
    if (!o->start_at) {
        return MR_OK;
    }
    bool now;
    mongo_position position;
    mongo_position_init(&position);
    mr_status status = mongo_start_parse(o->start_at, &now, &position, err);
    mongo_position_release(&position);
    return status;
}

static mr_status check_names(const mongo_options *o, mr_error *err)
{
    size_t allowed = strspn(o->aws_region, "abcdefghijklmnopqrstuvwxyz0123456789-");
    if (!allowed || o->aws_region[allowed]) {
        mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                "aws.region: \"%.60s\" is no region; allowed are a-z, 0-9 and -", o->aws_region);
        return refuse(err, "aws.region");
    }
    return MR_OK;
}

static mr_status check(const void *state, const mr_route *routes, size_t route_count, mr_error *err)
{
    const mongo_options *o = &((const mongo_source *)state)->options;
    (void)routes;
    (void)route_count;
    mr_status status = mr_mongo_check_uri(o->uri, err);
    if (status == MR_OK) {
        status = check_names(o, err);
    }
    if (status == MR_OK) {
        status = check_images(o, err);
    }
    return status == MR_OK ? check_start(o, err) : status;
}

static const char *const formats[] = {"avro", "dynamodb-json", "documents", NULL};
static const char *const views[] = {"KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES",
                                    NULL};
static const char *const modes[] = {"initial", "never", "always", "when_needed", NULL};
static const char *const policies[] = {"fail", "resnapshot", "resume", NULL};
static const char *const missing[] = {"wait", "create", NULL};

#define INFERRED "!schema format!=dynamodb-json"

static const mr_option options[] = {
    MR_TEXT("connection.url", mongo_source, options.uri, NULL, MR_OPT_REQUIRED | MR_OPT_SECRET,
            "Connection string of a replica set or of a sharded cluster's routers: "
            "mongodb://user:password@host:27017/?replicaSet=rs0."),
    MR_TIME("connect.timeout.ms", mongo_source, options.connect_timeout_ms, "10s", 100, 600000, 0,
            "How long to look for a primary before the attempt counts as failed."),
    MR_TEXT("database", mongo_source, options.database, NULL, 0,
            "The database to listen to. Without it all databases but admin, config and local."),
    MR_LIST("collections", mongo_source, options.collections, NULL, 0,
            "The collections of the database to listen to. Without it all of them, also those that "
            "are made later.",
            "database"),
    MR_CHOICE("stream.view.type", mongo_source, options.view, "NEW_AND_OLD_IMAGES", views, 0,
              "Which images of the document a record holds, as in DynamoDB: none, the new one, the "
              "old one, or both."),
    MR_CHOICE("format", mongo_source, options.format, "avro", formats, 0,
              "avro: a DynamoDB stream record with typed images. dynamodb-json: the same as AWS "
              "writes it, JSON with AttributeValues. documents: the new document as Avro, and a "
              "tombstone for a delete."),
    MR_TEXT("schema", mongo_source, options.schema, NULL, MR_OPT_PATH,
            "The Avro record schema of the documents: a file (.avsc) or JSON text. A document that "
            "does not fit it goes to the dead letters. Without it the schema is inferred and grows "
            "with the documents.",
            "format!=dynamodb-json"),
    MR_BOOLEAN("schema.ignore.unknown", mongo_source, options.schema_ignore_unknown, "false", 0,
               "With a given schema: leave out fields that it does not have, instead of rejecting "
               "the document.",
               "schema"),
    MR_BOOLEAN("schema.widen", mongo_source, options.schema_widen, "true", 0,
               "An inferred field that holds int32 and int64 becomes long, one of int32 and double "
               "becomes double. Without it each type is a branch of a union.",
               INFERRED),
    MR_INTEGER("schema.fields.max", mongo_source, options.schema_fields_max, "1000", 1, 9000, 0,
               "Most fields of an inferred schema, in all its records together. Sub-documents "
               "beyond that (such as those whose keys are data) become JSON text.",
               INFERRED),
    MR_BOOLEAN("exact.documents", mongo_source, options.exact_documents, "true", 0,
               "Where a typed image does not give the document back byte for byte (another order "
               "of fields, a null that is written, a widened number), send it as BSON too, in the "
               "header millrace.bson, for the mongodb sink. Without it such messages are half as "
               "large.",
               "format!=dynamodb-json"),
    MR_TEXT("record.name", mongo_source, options.record_name, "{database}.{collection}", 0,
            "Name of the inferred schema's record, with its namespace. {database} and {collection} "
            "are replaced.",
            INFERRED),
    MR_CHOICE("snapshot.mode", mongo_source, options.snapshot_mode, "initial", modes, 0,
              "initial: read all documents once, before the first change. never: only changes. "
              "always: at each start of the process. when_needed: initial, and again when the "
              "change stream has lost its place."),
    MR_INTEGER("snapshot.tasks", mongo_source, options.snapshot_tasks, "4", 1, 64, 0,
               "How many ranges of a collection a snapshot reads at once, each with a connection "
               "of its own."),
    MR_BOOLEAN("images.enable", mongo_source, options.images_enable, "true", 0,
               "Switch the server's pre- and post-images on (collMod) for collections that have "
               "them off. Without them the new image of an update is looked up afterwards, and old "
               "images are missing."),
    MR_CHOICE("on.unresumable", mongo_source, options.on_unresumable, "fail", policies, 0,
              "When the position is no longer in the oplog. fail: stop and say so. resnapshot: "
              "read all documents anew, and tell those to be removed that the topic has and the "
              "collection has not. resume: go on with what the oplog still has, with a GAP notice "
              "in the topic."),
    MR_TEXT("start.at", mongo_source, options.start_at, NULL, 0,
            "Begin the change stream here, without a snapshot: now, a time such as "
            "2026-01-31T12:00:00Z, or a resume token. Applied once, also when there is a stored "
            "position; change it to apply it again."),
    MR_CHOICE("missing.collection", mongo_source, options.missing_collection, "wait", missing, 0,
              "What to do when a named collection is not there: wait until somebody makes it, or "
              "create it.",
              "collections"),
    MR_TIME("oplog.warn.ms", mongo_source, options.oplog_warn_ms, "2h", 0, INT64_MAX, 0,
            "Warn when the resume point is nearer than this to the end of a full oplog. Shown as "
            "oplog_window_seconds too."),
    MR_INTEGER("fetch.size", mongo_source, options.fetch_size, "1000", 1, 100000, 0,
               "Most events or documents asked for at once. Replies are at most 16 MiB, and a few "
               "are held in memory."),
    MR_TEXT("aws.region", mongo_source, options.aws_region, "us-east-1", 0,
            "What awsRegion of the records says.", "format!=documents"),
    MR_OPTIONS_END,
};

static const mr_source operations = {
    .open = mongo_source_open,
    .poll = mongo_source_poll,
    .acked = mongo_source_acked,
    .close = mongo_source_close,
};

static const char *const placeholders[] = {"database", "collection", NULL};

extern const mr_connector mr_mongodb_source;
const mr_connector mr_mongodb_source = {
    .name = "mongodb",
    .summary = "Reads the changes of MongoDB collections, as DynamoDB Streams would tell them",
    .help =
        "Listens to the change stream of a collection, a database or a whole deployment, after a "
        "snapshot of what is there, and sends one record per change: what DynamoDB Streams would "
        "have sent for a table.\n\n"
        "  millrace source mongodb --connection-url 'mongodb://127.0.0.1/?replicaSet=rs0' \\\n"
        "      --database taxi --collections trips --topic taxi_trips\n\n"
        "A record has eventID, eventName (INSERT, MODIFY, REMOVE), Keys, NewImage, OldImage, "
        "SequenceNumber, SizeBytes and the rest, as Avro with images of the collection's own "
        "schema, which is inferred and grows, or given. key.fields names the fields of the key: "
        "_id by default; with a partition key and a sort key it is both. topic may hold {database} "
        "and {collection}.\n\n"
        "Images before and after a change come from the server (MongoDB 6.0 or newer), which is "
        "told to keep them where that is allowed; else the new image is looked up and marked so. "
        "A write that changes nothing makes no record.\n\n"
        "The position is stored in Kafka, in the same transaction as the records: nothing is lost "
        "or doubled by a crash. A position that has fallen out of the oplog is not passed over in "
        "silence: see on.unresumable.",
    .capabilities = MR_MAKES_KEYS | MR_ONE_TASK,
    .topic_placeholders = placeholders,
    .state_size = sizeof(mongo_source),
    .options = options,
    .check = check,
    .source = &operations,
};
