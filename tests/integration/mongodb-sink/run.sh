#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Kafka -> MongoDB with the real program: routes, indexes, deletes, dead letters, a sink that is killed again and again,
# one that is suspended until another has taken over, and servers that can not do what is asked.
# shellcheck disable=SC2016  # operators of MongoDB, no variables
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"
needs kafka mongod
name=$(unique docs)
cd "$TMP"

# mongo <expression>: what Python makes of it, with db.
mongo() {
    "$MILLRACE_PYTHON" - "$name" "$1" <<'PYTHON'
import os, sys, pymongo
db = pymongo.MongoClient(os.environ["MONGODB_URI"])[sys.argv[1]]
print(eval(sys.argv[2]))
PYTHON
}
# rows <file> <from> <to> <fare>
rows() {
    awk -v from="$2" -v to="$3" -v fare="$4" 'BEGIN { print "id,status,fare"; for (i = from; i < to; i++)
        printf "t%06d,%s,%d\n", i, i % 3 ? "done" : "open", fare + i % 100 }' >"$1"
}
# fill <topic> <csv>: the lines as records, keyed by id.
fill() {
    timeout -k 2 60 "$MILLRACE" file --name "$1-$2" --topic "$1" --path "$2" --key-fields id --once \
        --topic-partitions 2 --progress never --log-level warning
}
# pipeline <name> <topic> <more options of the sink as JSON>
pipeline() {
    cat >"$1.json" <<JSON
{"name": "$name-$1", "sinks": {"mongodb": {"connector": "mongodb", "topics": ["$2"], "database": "$name",
  "connection.url": "\${env:MONGODB_URI}", "batch.size": 500, $3}}}
JSON
}
run() { timeout -k 2 120 "$MILLRACE" run "$1.json" --progress never "${@:2}"; }
went() { tail -n 1 "$TMP/out" | jq -r '[.end, (.connectors[0] | .records_in, .records_out, .dead_letters)] | join(" ")'; }

# Two routes in one transaction, an index, and half of it twice.
rows first.csv 0 5000 10
rows second.csv 2500 7500 200
run_ok "records are made" fill "$name" first.csv
pipeline routes "$name" '"key.fields": ["id"], "routes": [{"collection": "trips", "indexes": ["status -fare"]},
    {"collection": "open", "query": "SELECT id, fare FROM record WHERE status = '"'open'"'"}]'
run_ok "the sink goes through them" run routes --once --json
contains "a collection that is made is told" "$(<out)" "created collection $name.trips"
run_ok "more of them, half of them known" fill "$name" second.csv
run_ok "and again" run routes --once --json
equal "one document for each key" "7500 7500" \
    "$(mongo '"%d %d" % (db.trips.count_documents({}), len(db.trips.distinct("id")))')"
equal "the last record of each key" 5000 "$(mongo 'db.trips.count_documents({"fare": {"$gte": 200}})')"
equal "_id is the key" "{'_id': 't000007', 'id': 't000007', 'status': 'done', 'fare': 17}" \
    "$(mongo 'db.trips.find_one({"_id": "t000007"})')"
equal "the other route" "2500 ['_id', 'fare', 'id']" \
    "$(mongo '"%d %s" % (db.open.count_documents({}), sorted(db.open.find_one()))')"
contains "the index is there" "$(mongo 'db.trips.index_information()')" "status_1_fare_-1"
run_ok "a third time" run routes --once --json
equal "there is nothing to do" "drained 0 0 0" "$(went)"

# Deletes: tombstones, whose only key is that of the message.
printf 't000001:\nt000003:\nnever:\n' |
    kcat -P -Z -K: -b "$KAFKA_BOOTSTRAP_SERVERS" -t "$name" -p 0 2>/dev/null
run_ok "tombstones are applied" run routes --once --json
equal "and their documents are gone" "7498 2499 None" \
    "$(mongo '"%d %d %s" % (db.trips.count_documents({}), db.open.count_documents({}), db.trips.find_one({"_id": "t000003"}))')"

# Records that MongoDB refuses, among others that it takes.
topic=${name}_strict
rows strict.csv 0 3000 10
mongo 'db.create_collection("strict", validator={"fare": {"$ne": 59}})' >/dev/null
run_ok "records are made" fill "$topic" strict.csv
pipeline strict "$topic" '"key.fields": ["id"], "collection": "strict"'
run_ok "a validator has its say" run strict --once --json
equal "and refuses every hundredth" "drained 3000 2970 30" "$(went)"
equal "all others are there" 2970 "$(mongo 'db.strict.count_documents({})')"
kcat -q -C -b "$KAFKA_BOOTSTRAP_SERVERS" -t "$name-strict.mongodb.dlq" -e -J >dead.json
equal "30 dead letters" 30 "$(wc -l <dead.json)"
contains "with the server's code" "$(head -n 1 dead.json)" "DocumentValidationFailure"
contains "and its words" "$(head -n 1 dead.json)" "specifiedAs"

# Killed again and again: each record is appended once all the same, and the offsets say how far it is.
topic=${name}_kills
pipeline kills "$topic" '"write.mode": "insert", "collection": "kills"'
rows kills.csv 0 100 10
run_ok "records are made" fill "$topic" kills.csv
for round in 1 2 3 4 5 6; do
    rows "kills$round.csv" $((round * 3000)) $((round * 3000 + 3000)) 10
    background "kills$round.log" "$MILLRACE" run kills.json --progress never --log-level debug
    fill "$topic" "kills$round.csv" >/dev/null
    sleep "0.$((RANDOM % 10))"
    kill -KILL "$LAST"
    wait "$LAST" 2>/dev/null || true
done
run_ok "what is left is drained" run kills --once --json
equal "each is there, once" "18100 18100" \
    "$(mongo '"%d %d" % (db.kills.count_documents({}), len(db.kills.distinct("id")))')"
equal "and so are the offsets of both partitions" "0 1" \
    "$(mongo '"%d %d" % tuple(sorted(o["_id"]["partition"] for o in db["millrace.offsets"].find({"_id.topic": db.name + "_kills"})))')"

# Suspended until another has taken over; when it wakes up, it has nothing to say any more.
topic=${name}_sleepers
session=(-X session.timeout.ms=6000 -X heartbeat.interval.ms=500)
pipeline sleepers "$topic" '"write.mode": "insert", "collection": "sleepers"'
rows sleepers.csv 0 2000 10
rows sleepers2.csv 2000 4000 10
stored() { [[ $(mongo 'db.sleepers.count_documents({})') == "$1" ]]; }
run_ok "records are made" fill "$topic" sleepers.csv
background sleeper.log "$MILLRACE" run sleepers.json --progress never "${session[@]}"
sleeper=$LAST
if eventually 60 stored 2000; then ok "one process writes them"; else not_ok "one process writes them" "$(tail sleeper.log)"; fi
kill -STOP "$sleeper"
run_ok "more records" fill "$topic" sleepers2.csv
background waker.log "$MILLRACE" run sleepers.json --progress never "${session[@]}"
waker=$LAST
if eventually 60 stored 4000; then ok "another takes over"; else not_ok "another takes over" "$(tail waker.log)"; fi
kill -CONT "$sleeper"
kill -TERM "$waker"
wait "$waker" || true
rows sleepers3.csv 4000 4100 10
run_ok "and more" fill "$topic" sleepers3.csv
if eventually 60 stored 4100; then ok "the first one, awake again, goes on"; else not_ok "the first one goes on" "$(tail sleeper.log)"; fi
kill -TERM "$sleeper"
wait "$sleeper" || true
equal "each is there, once" "4100 4100" \
    "$(mongo '"%d %d" % (db.sleepers.count_documents({}), len(db.sleepers.distinct("id")))')"

# A server of one's own: standalone, with users.
mongod=$(compgen -G "${MILLRACE_STACK_DIR:-$MILLRACE_ROOT/.stack}/cache/mongod-*/mongod" | head -n 1 || command -v mongod || true)
if [[ -n $mongod ]]; then
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    mkdir data
    background mongod.log "$mongod" --dbpath data --port "$port" --bind_ip 127.0.0.1 --nounixsocket \
        --wiredTigerCacheSizeGB 0.25 --auth
    "$MILLRACE_PYTHON" - "$port" <<'PYTHON'
import sys, pymongo
place = "127.0.0.1:%s/" % sys.argv[1]
client = pymongo.MongoClient("mongodb://" + place, serverSelectionTimeoutMS=60000)
client.admin.command("createUser", "admin", pwd="admin", roles=["root"])  # the one that nobody need be allowed to make
client = pymongo.MongoClient("mongodb://admin:admin@" + place)
client.admin.command("createUser", "writer", pwd="s3cret", roles=[{"role": "readWrite", "db": "alone"}])
PYTHON
    own() { # name, password, flags...
        timeout -k 2 60 "$MILLRACE" sink mongodb --name "$name-$1" --topics "$name" --collection trips \
            --connection-url "mongodb://writer:$2@127.0.0.1:$port/alone?authSource=admin" --key-fields id \
            --once --json --progress never "${@:3}"
    }
    run_fails "a wrong password" 1 "check user name, password and authSource" own wrong wr0ng
    cp out shown
    run_fails "is not shown" 1 "" grep -F -e s3cret -e wr0ng shown
    run_fails "a standalone server has no transactions" 1 "make it a replica set of one" own on s3cret --transactions on
    run_fails "and takes no inserts with generated ids" 1 "insert with a generated _id needs transactions" \
        own insert s3cret --write-mode insert --document-id generated
    run_ok "but upserts" own upsert s3cret
    equal "all of them" "drained 10003 10003 0" "$(went)"
    run_ok "once" own upsert s3cret
    equal "since it keeps the offsets, too" "drained 0 0 0" "$(went)"
    run_fails "where the user may not write" 1 "grant the user of the URI what it needs" own elsewhere s3cret --database other
else
    ok "a standalone server # SKIP there is no mongod to start"
fi
mongo 'db.client.drop_database(db.name)' >/dev/null
scenario_end
