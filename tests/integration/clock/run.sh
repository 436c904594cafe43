#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The machine's clock jumps, back two hours, on three days and back to the right time, while a collection's changes go to
# Kafka and from there into a table: nothing waits for the wall clock, nothing is lost or doubled, and what records say of
# time is the server's word.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"
needs kafka postgres mongod
python=${MILLRACE_PYTHON:-python3}
cd "$TMP"
name=$(unique clock)

cc -std=c11 -D_GNU_SOURCE -O1 -shared -fPIC -o clock.so "$MILLRACE_ROOT/tests/lib/jumping_clock.c" -ldl
jump() { "$python" -c 'import struct, sys; open("offset", "r+b").write(struct.pack("<q", int(sys.argv[1])))' "$1"; }
truncate -s 8 offset
jump 0
# The sanitizer's library must come first where there is one.
preload=$(ldd "$MILLRACE" | sed -n 's/^.*libasan[^ ]* => \([^ ]*\).*$/\1/p'):$TMP/clock.so
jumping=(env "LD_PRELOAD=${preload#:}" "JUMPING_CLOCK=$TMP/offset")

cat >pipeline.json <<PIPELINE
{
  "name": "$name",
  "kafka": {"bootstrap.servers": "\${env:KAFKA_BOOTSTRAP_SERVERS}"},
  "sources": {"changes": {"connector": "mongodb", "connection.url": "\${env:MONGODB_URI}", "database": "$name",
    "collections": ["docs"], "topic": "$name"}},
  "sinks": {"rows": {"connector": "postgres", "topics": ["$name"], "connection.url": "\${env:DATABASE_URL}", "table": "$name",
    "query": "SELECT _id AS id, n FROM record", "key.fields": ["id"], "auto.create": true}}
}
PIPELINE

cat >write.py <<'PYTHON'
import os, sys, pymongo
docs = pymongo.MongoClient(os.environ["MONGODB_URI"])[sys.argv[1]].docs
first, count = int(sys.argv[2]), int(sys.argv[3])
docs.insert_many([{"_id": i, "n": 0} for i in range(first, first + count)])
docs.update_many({"_id": {"$gte": first}}, {"$inc": {"n": 1}})
docs.delete_one({"_id": first})
PYTHON
"$python" write.py "$name" 1000 10
background run.log "${jumping[@]}" "$MILLRACE" run pipeline.json
run=$LAST
# arrived <documents>: so many rows, each changed once.
arrived() { [[ $(sql "SELECT count(*) FILTER (WHERE n = 1) || ' ' || count(*) FROM $name" 2>/dev/null) == "$1 $1" ]]; }
check() { if eventually 60 arrived "$2"; then ok "$1"; else not_ok "$1" "$(tail -n 5 run.log)"; fi; }
check "the snapshot arrives" 9
step=0
for offset in -7200 259200 0; do
    step=$((step + 1))
    jump "$offset"
    "$python" write.py "$name" $((step * 10000)) 10
    check "changes arrive when the clock is off by $offset s" $((9 + step * 9))
done
kill -TERM "$run"
code=0
wait "$run" || code=$?
equal "it stops in order" 0 "$code"
jump -7200
run_ok "a start in another time goes on where it was" timeout 60 "${jumping[@]}" "$MILLRACE" run pipeline.json --once
equal "and doubles nothing" "36" "$(sql "SELECT count(*) FROM $name")"
now=$(date +%s)
equal "creation times are the server's" "" \
    "$("$MILLRACE" tap "$name" --once | jq -r --argjson now "$now" '.value.dynamodb.ApproximateCreationDateTime | select(. < $now - 600 or . > $now + 60)')"
equal "each change was told once" "$(sql "SELECT 9 + 3 * 21")" "$("$MILLRACE" tap "$name" --once | jq -r .value.eventID | sort -u | wc -l)"
equal "and none twice" "$("$MILLRACE" tap "$name" --once | jq -r .value.eventID | sort -u | wc -l)" "$("$MILLRACE" tap "$name" --once | wc -l)"
scenario_end
