#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Changes of a collection, from MongoDB through Kafka into PostgreSQL: a query over the rows that changes are about, the
# change records themselves, changes without the image that a sink needs, and the notice that a collection was dropped.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"
needs kafka postgres mongod
name=$(unique changes)
cd "$TMP"
sql "CREATE SCHEMA $name" >/dev/null

# drive <python>: db is the scenario's database.
drive() {
    "$MILLRACE_PYTHON" - "$name" <<PYTHON
import os, sys
import pymongo
client = pymongo.MongoClient(os.environ["MONGODB_URI"])
db = client[sys.argv[1]]
$1
PYTHON
}
# source_json <pipeline> <collection> <view>: a pipeline of the source alone, with a topic per collection.
source_json() {
    cat <<JSON
{"name": "$1", "sources": {"in": {"connector": "mongodb", "connection.url": "\${env:MONGODB_URI}", "database": "$name",
 "collections": ["$2"], "stream.view.type": "$3", "snapshot.mode": "never", "topic": "$name.{collection}",
 "topic.partitions": 1}}}
JSON
}
# sink_json <pipeline> <collection> <table> <query> [options]
sink_json() {
    cat <<JSON
{"name": "$1", "sinks": {"out": {"connector": "postgres", "topics": ["$name.$2"], "connection.url": "\${env:DATABASE_URL}",
 "offsets.schema": "$name", "table": "$name.$3", "auto.create": true, "insert.mode": "insert", "query": "$4" ${5:-}}}}
JSON
}
run() { timeout -k 2 90 "$MILLRACE" run "$1" --once --json --progress never; }
went() { tail -n 1 "$TMP/out" | jq -r '[.end, (.connectors[0] | .records_in, .records_out, .dead_letters)] | join(" ")'; }

drive 'for name in ("rides", "keys"):
    db.create_collection(name, changeStreamPreAndPostImages={"enabled": True})'
source_json "$name-rides" rides NEW_AND_OLD_IMAGES >rides.json
source_json "$name-keys" keys KEYS_ONLY >keys.json
run_ok "the source takes its place" run rides.json
run_ok "and the other" run keys.json
# shellcheck disable=SC2016 # the $ are MongoDB's
drive 'rides = db.rides
rides.insert_many([{"_id": i, "STATUS": "Started", "fare": i + 0.5} for i in range(10)])
for i in range(6):
    rides.update_one({"_id": i}, {"$set": {"STATUS": "Completed"}})
rides.update_one({"_id": 0}, {"$set": {"STATUS": "Completed"}})            # changes nothing: no record
rides.update_one({"_id": 1}, {"$set": {"tip": 2.5}})                       # was completed before
rides.delete_one({"_id": 2})
db.keys.insert_many([{"_id": i} for i in range(3)])
db.keys.delete_one({"_id": 2})
db.rides.drop()'
run_ok "the source reads what happened" run rides.json
run_ok "and the other" run keys.json
equal "keys only: three inserts and a delete" "drained 4 4 0" "$(went)"

# tapped <collection> <jq>
tapped() { "$MILLRACE" tap "$name.$1" --once | jq -c "$2"; }
equal "one record for each change" "10 INSERT 7 MODIFY 1 REMOVE" \
    "$(tapped rides '.value.eventName // empty' | sort | uniq -c | tr -d '"' | xargs)"
equal "the drop is in the topic, without a key" "[null,\"DROP\",\"$name.rides\"]" \
    "$(tapped rides 'select(.value.kind) | [.key, .value.kind, .value.namespace]')"
equal "a record has the document before and after" '["Started","Completed",0.5]' \
    "$(tapped rides 'select(.value.eventName == "MODIFY" and .value.dynamodb.Keys._id == 0) | .value.dynamodb
        | [.OldImage.STATUS, .NewImage.STATUS, .NewImage.fare]')"

# Rows: only those that have just been completed.
sink_json "$name-finished" rides finished "SELECT _id AS id, CAST(fare AS DECIMAL(10, 2)) AS fare, _op AS op FROM record \
WHERE _op = 'update' AND STATUS = 'Completed' AND old('STATUS') <> 'Completed'" >finished.json
run_ok "a query over the changes" run finished.json
equal "reads all, stores six" "drained 19 6 0" "$(went)"
contains "says that the collection was dropped" "$(<"$TMP/out")" "$name.rides"
equal "the rows that became completed" "0:0.50 1:1.50 2:2.50 3:3.50 4:4.50 5:5.50" \
    "$(sql "SELECT string_agg(id || ':' || fare, ' ' ORDER BY id) FROM $name.finished")"

# Deletes: PostgreSQL's sink does not apply them yet, and says so for each.
sink_json "$name-deletes" rides deletes "SELECT _id AS id FROM record WHERE _op = 'delete'" >deletes.json
run_ok "a query that lets a delete through" run deletes.json
equal "the delete is a dead letter" "drained 19 0 1" "$(went)"

# The change records themselves.
sink_json "$name-audit" rides audit "SELECT eventID AS id, eventName AS event, dynamodb ->> '\$.NewImage.STATUS' AS status, \
dynamodb ->> '\$.SequenceNumber' AS sequence FROM record" ', "change.records": "whole"' >audit.json
run_ok "change records as they are" run audit.json
equal "all of them are stored" "drained 19 18 0" "$(went)"
equal "by what happened" "INSERT 10,MODIFY 7,REMOVE 1" \
    "$(sql "SELECT string_agg(event || ' ' || n, ',' ORDER BY event) FROM (SELECT event, count(*) n FROM $name.audit GROUP BY 1) e")"
equal "each with an id and a number of its own" "18 18" \
    "$(sql "SELECT count(DISTINCT id) || ' ' || count(DISTINCT sequence) FROM $name.audit")"

# Keys only: there is no row to store, and nothing is taken for a delete.
sink_json "$name-images" keys images "SELECT _key AS key FROM record" >images.json
run_ok "a sink that needs images" run images.json
equal "has dead letters only" "drained 4 0 4" "$(went)"
contains "that say which view is needed" \
    "$("$MILLRACE" tap "$name-images.out.dlq" --once | jq -r '.headers["__connect.errors.exception.message"]' | head -n 1)" \
    "stream.view.type NEW_IMAGE or NEW_AND_OLD_IMAGES"
drive 'client.drop_database(db.name)'
sql "DROP SCHEMA $name CASCADE" 2>/dev/null
scenario_end
