#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a MongoDB source meets that is odd or wrong: documents that are hard to carry, from collection to collection, and
# servers that it can not read from. Each failure must say what to do, and show no password.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"
needs kafka mongod
odd=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/odd.py
name=$(unique odd)
cd "$TMP"

# pipeline <snapshot.mode>
pipeline() {
    cat >odd.json <<JSON
{"name": "$name", "sources": {"in": {"connector": "mongodb", "connection.url": "\${env:MONGODB_URI}", "database": "$name",
    "collections": ["source"], "topic": "$name", "snapshot.mode": "$1"}},
 "sinks": {"out": {"connector": "mongodb", "connection.url": "\${env:MONGODB_URI}", "database": "$name",
    "topics": ["$name"], "collection": "target"}}}
JSON
}
run() { timeout -k 2 120 "$MILLRACE" run odd.json --once --json --progress never; }
went() { tail -n 1 "$TMP/out" | jq -r '[.end, (.connectors[] | .records_out, .dead_letters)] | join(" ")'; }
count=29

# By a snapshot first, then by the stream under another name: both must carry each of them to the byte.
"$MILLRACE_PYTHON" "$odd" write "$name"
pipeline initial
run_ok "odd documents are carried by a snapshot" run
equal "all of them" "drained $count 0 $count 0" "$(went)"
equal "to the byte" "$count documents, $count the same" "$("$MILLRACE_PYTHON" "$odd" compare "$name")"
first=$name
name=$(unique odd)
pipeline never
run_ok "a stream begins" run
"$MILLRACE_PYTHON" "$odd" write "$name"
run_ok "odd documents are carried by a change stream" run
equal "all of them again" "drained $count 0 $count 0" "$(went)"
equal "to the byte again" "$count documents, $count the same" "$("$MILLRACE_PYTHON" "$odd" compare "$name")"
"$MILLRACE_PYTHON" -c 'import os, sys, pymongo
for name in sys.argv[1:]: pymongo.MongoClient(os.environ["MONGODB_URI"]).drop_database(name)' "$first" "$name"

# from <address> [flags...]: reads from there.
from() {
    timeout -k 2 "${LIMIT:-60}" "$MILLRACE" source mongodb --name "$name-from" --topic "$name" --database alone \
        --collections trips --connection-url "$1" --once --progress never "${@:2}"
}
run_fails "an address that is none" 2 "connection-url" from "http://127.0.0.1/"
run_fails "a server that is away is waited for" 124 "127.0.0.1:9" env LIMIT=6 bash -c \
    "$(declare -f from); MILLRACE=$MILLRACE name=$name; from 'mongodb://u:s3cret@127.0.0.1:9/?replicaSet=rs0' --connect-timeout-ms 1s"
cp out away
run_fails "without showing the password" 1 "" grep -F s3cret away

mongod=$(compgen -G "${MILLRACE_STACK_DIR:-$MILLRACE_ROOT/.stack}/cache/mongod-*/mongod" | head -n 1 || command -v mongod || true)
[[ -n $mongod ]] || mongod=$(compgen -G "${XDG_CACHE_HOME:-$HOME/.cache}/millrace/mongod-*/mongod" | head -n 1 || true)
if [[ -z $mongod ]]; then
    ok "a standalone server # SKIP there is no mongod to start"
    scenario_end
fi
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
client.admin.command("createUser", "reader", pwd="s3cret", roles=[{"role": "read", "db": "alone"}])
client.admin.command("createUser", "nobody", pwd="s3cret", roles=[])
PYTHON
run_fails "a wrong password" 1 "check user name, password and authSource" \
    from "mongodb://reader:wr0ng@127.0.0.1:$port/?authSource=admin"
cp out shown
run_fails "is not shown" 1 "" grep -F wr0ng shown
run_fails "a standalone server has no change streams" 1 "replica set" \
    from "mongodb://reader:s3cret@127.0.0.1:$port/?authSource=admin"
contains "and how to make it one" "$(<out)" "rs.initiate()"
scenario_end
