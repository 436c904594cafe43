#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The examples where servers ask who somebody is: a broker with an authorizer and a mongod with --auth of their own, and
# roles in PostgreSQL. Each connector has the rights that the project ships and does its work; without one of them it says
# which is missing; and what is not its own it can not touch.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"
needs postgres kafka
example=$MILLRACE_ROOT/examples/taxi-billing
python=${MILLRACE_PYTHON:-$MILLRACE_ROOT/.stack/venv/bin/python3}
name=$(unique rights)
owner=$DATABASE_URL
cd "$TMP"

# stack <function...>: one of docker/lib's.
stack() {
    bash -c 'set -euo pipefail; source "$1/common.sh"; for part in packages ports kafka mongod; do source "$1/$part.sh"; done
        prepare_folders; "${@:2}"' - "$MILLRACE_ROOT/docker/lib" "$@"
}
stack kafka_fetch
stack mongod_fetch
java=$(stack find_java) jars=$(stack kafka_jars) mongod=$(stack mongod_binary)
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# --- A broker that checks ---

broker=$(free_port) controller=$(free_port)
login='org.apache.kafka.common.security.plain.PlainLoginModule required username="admin" password="pw"'
sed 's/BROKER:PLAINTEXT/BROKER:SASL_PLAINTEXT/' "$MILLRACE_ROOT/docker/lib/kafka.properties" - >server.properties <<PROPERTIES

listeners=BROKER://127.0.0.1:$broker,CONTROLLER://127.0.0.1:$controller
advertised.listeners=BROKER://127.0.0.1:$broker
controller.quorum.voters=1@127.0.0.1:$controller
log.dirs=$TMP/kafka
sasl.enabled.mechanisms=PLAIN
sasl.mechanism.inter.broker.protocol=PLAIN
listener.name.broker.plain.sasl.jaas.config=$login user_admin="pw" user_taxi-source="pw" user_taxi-sink="pw";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin;User:ANONYMOUS
PROPERTIES
printf '%s\n' security.protocol=SASL_PLAINTEXT sasl.mechanism=PLAIN "sasl.jaas.config=$login;" >admin.properties
log4j=-Dlog4j.configuration=file:$MILLRACE_ROOT/docker/lib/kafka-log4j.properties
"$java" "$log4j" -cp "$jars/*" kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qg -c server.properties >format.log 2>&1
background kafka.log "$java" -Xmx384m "$log4j" -cp "$jars/*" kafka.Kafka server.properties
broker_started() { grep -q 'Kafka Server started' kafka.log; }

# --- A mongod that checks ---

port=$(free_port)
mkdir mongo
head -c 300 /dev/urandom | base64 -w 0 >key && chmod 600 key
background mongod.log "$mongod" --replSet rs0 --dbpath mongo --bind_ip 127.0.0.1 --port "$port" --wiredTigerCacheSizeGB 0.25 \
    --nounixsocket --auth --keyFile key
mongo_started() {
    "$python" - "$port" >>mongo.log 2>&1 <<'PYTHON'
import sys, pymongo
admin = pymongo.MongoClient(f"mongodb://127.0.0.1:{sys.argv[1]}/?directConnection=true", serverSelectionTimeoutMS=500).admin
if not admin.command("hello").get("setName"):
    admin.command("replSetInitiate", {"_id": "rs0", "members": [{"_id": 0, "host": f"127.0.0.1:{sys.argv[1]}"}]})
sys.exit(0 if admin.command("hello").get("isWritablePrimary") else 1)
PYTHON
}
if eventually 120 mongo_started && eventually 120 broker_started; then
    ok "a broker and a mongod that ask who one is"
else
    not_ok "a broker and a mongod that ask who one is" "$(tail -n 5 kafka.log mongo.log)"
fi
mongo_as() { echo "mongodb://$1:pw@127.0.0.1:$port/?replicaSet=rs0"; }
"$python" -c "import pymongo
pymongo.MongoClient('mongodb://127.0.0.1:$port/?directConnection=true').admin.command('createUser', 'admin', pwd='pw', roles=['root'])"

# mongo_user <user> <role document>...: a user with the privileges of these documents.
mongo_user() {
    "$python" - "$(mongo_as admin)" "$@" <<'PYTHON'
import json, sys, pymongo
admin = pymongo.MongoClient(sys.argv[1]).admin
user, documents = sys.argv[2], [json.loads(text) for text in sys.argv[3:]]
role = {**documents[0], "createRole": user, "privileges": sum((d["privileges"] for d in documents), [])}
admin.command({"createRole": role.pop("createRole"), **role})
admin.command("createUser", user, pwd="pw", roles=[user])
PYTHON
}
# role <source|sink> <database> <collection>
role() { sed "s/DATABASE/$2/g; s/COLLECTION/$3/g" "$MILLRACE_ROOT/sql/mongodb-$1-role.json"; }

# --- Taxi billing, each connector as itself ---

psql -Xq "$owner" -c "CREATE DATABASE $name"
DATABASE_URL=$(sed -E "s#^(postgres(ql)?://[^/]*/)[^?]*#\1$name#" <<<"$owner")
export DATABASE_URL
"$MILLRACE_ROOT/sql/migrate" "$MILLRACE_ROOT/sql/taxi" >migrate.log
psql -Xq -v ON_ERROR_STOP=1 "$DATABASE_URL" -f "$MILLRACE_ROOT/sql/taxi/seed.sql"
psql -Xq -v ON_ERROR_STOP=1 "$DATABASE_URL" -v sink="${name}_sink" -v billing="${name}_billing" -f "$MILLRACE_ROOT/sql/taxi/roles.sql"
sql "ALTER ROLE ${name}_sink PASSWORD 'pw'"
sink_url=$(sed -E "s#^(postgres(ql)?://)[^@/]*@#\1${name}_sink:pw@#" <<<"$DATABASE_URL")

drive() { MONGODB_URI=$(mongo_as admin) "$python" "$example/drive" "$@"; }
drive setup
mongo_user taxi_source "$(role source taxi aws-db-workshop-trips)"
# run_as <principal> <connector> <arguments...>
run_as() {
    KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:$broker MONGODB_URI=$(mongo_as taxi_source) DATABASE_URL=$sink_url timeout -k 2 60 "$MILLRACE" run \
        "$example/pipeline.json" --only "$2" -X security.protocol=SASL_PLAINTEXT -X sasl.mechanism=PLAIN -X "sasl.username=$1" \
        -X sasl.password=pw --progress never "${@:3}"
}
acl_tool=("$java" "$log4j" -cp "$jars/*" kafka.admin.AclCommand --bootstrap-server "127.0.0.1:$broker" --command-config admin.properties)
run_ok "the principals get their rights" "$example/kafka-acls" "${acl_tool[@]}"
run_ok "the source takes its place in the stream" run_as taxi-source trips --once
drive day --trips 20 --seed 3 >driven
run_ok "the source does its work" run_as taxi-source trips --once
run_ok "the sink does its work" run_as taxi-sink ledger --once
equal "every trip arrived" "$(jq .completed driven)" "$(sql "SELECT count(*) FROM trips")"

# --- What is not their own ---

kafka_as() {
    timeout 30 kcat -b "127.0.0.1:$broker" -X security.protocol=SASL_PLAINTEXT -X sasl.mechanism=PLAIN -X "sasl.username=$1" \
        -X sasl.password=pw -X message.timeout.ms=5000 "${@:2}" </dev/null
}
# kafka_can_not <principal> <what> <arguments of kcat...>
kafka_can_not() {
    local who=$1 what=$2 said
    said=$(kafka_as "$who" "${@:3}" 2>&1) || true
    contains "$who can not $what" "$said" "uthorization failed"
}
echo forged >forged
kafka_can_not taxi-sink "write changes" -P -t taxi_trip_changes -l forged
kafka_can_not taxi-sink "read positions" -C -t millrace.positions -e
kafka_can_not taxi-sink "move a position" -P -t millrace.positions -l forged
kafka_can_not taxi-source "read changes" -C -t taxi_trip_changes -e
kafka_can_not taxi-source "write dead letters of the sink" -P -t taxi-billing.ledger.dlq -l forged
mongo_can_not() {
    "$python" - "$(mongo_as "$1")" "$3" >said 2>&1 <<'PYTHON' || true
import sys, pymongo
client = pymongo.MongoClient(sys.argv[1])
taxi, trips, tables = client.taxi, client.taxi["aws-db-workshop-trips"], client.tables
print(eval(sys.argv[2]))
PYTHON
    contains "$1 can not $2" "$(<said)" "not authorized"
}
mongo_can_not taxi_source "insert" "trips.insert_one({})"
mongo_can_not taxi_source "update" "trips.update_one({}, {'\$set': {'STATUS': 'Completed'}})"
mongo_can_not taxi_source "delete" "trips.delete_many({})"
mongo_can_not taxi_source "read another collection" "taxi.others.find_one()"
mongo_can_not taxi_source "watch the whole database" "taxi.watch()"
mongo_can_not taxi_source "drop" "taxi.command('drop', 'aws-db-workshop-trips')"

# --- A right that is missing ---

# listen <user>: a source of its own over the plain broker.
listen() {
    timeout 60 "$MILLRACE" source mongodb --connection-url "$(mongo_as "$1")" --database taxi --collections aws-db-workshop-trips \
        --topic "${name}_$1" --once --progress never
}
mongo_user half "$(role source taxi aws-db-workshop-trips | sed 's/"changeStream", //')"
run_fails "a source that may not follow changes says so" 1 "reading the change stream: not authorized on taxi" listen half
mongo_user whole "$(role source taxi aws-db-workshop-trips)"
run_ok "one that may reads what is there as well" listen whole
equal "without a warning" "" "$(grep warning out)"
equal "all documents of it" "$(jq .booked driven)" "$(timeout 30 "$MILLRACE" tap "${name}_whole" --once 2>tap.err | wc -l)"

# --- Trip analytics into MongoDB ---

# Shipped file, other names: its topic is on the plain broker.
analytics() {
    jq --arg name "$name" --arg folder "$MILLRACE_ROOT/examples/trip-analytics" '.name = $name
        | if .sources then .sources |= map_values(.topic = $name | .path = "\($folder)/\(.path)") else . end
        | .sinks |= map_values(.topics = [$name])' "$MILLRACE_ROOT/examples/trip-analytics/$1"
}
analytics pipeline.json >reader.json
analytics mongodb.json >writer.json
run_ok "trips go into a topic" timeout 120 "$MILLRACE" run reader.json --only trips --once --progress never
mongo_user tables_sink "$(role sink tables high_value_trips)" "$(role sink tables trip_duration_analysis)" \
    "$(role sink tables distance_to_fare_ratio)"
export TRIPS_DATABASE=tables
into_mongodb() { MONGODB_URI=$(mongo_as tables_sink) timeout 120 "$MILLRACE" run writer.json --once --progress never; }
run_ok "and from there into three collections" into_mongodb
equal "of a mongod that checks" "301 6433 6433" "$("$python" -c "import pymongo
tables = pymongo.MongoClient('$(mongo_as admin)').tables
print(*(tables[name].count_documents({}) for name in ('high_value_trips', 'trip_duration_analysis', 'distance_to_fare_ratio')))")"
run_ok "again, from the offsets that are stored there" into_mongodb
equal "with nothing left to do" "0" "$(awk '/^to-mongodb /{print $2}' out)"
mongo_can_not tables_sink "read another collection" "tables.others.find_one()"
mongo_can_not tables_sink "read another database" "trips.find_one()"
mongo_can_not tables_sink "drop" "tables.command('drop', 'high_value_trips')"
mongo_can_not tables_sink "delete offsets" "tables['millrace.offsets'].delete_many({})"
mongo_can_not tables_sink "list what there is" "tables.command('listCollections')"

sql "DROP OWNED BY ${name}_sink, ${name}_billing; DROP ROLE ${name}_sink, ${name}_billing"
psql -Xq "$owner" -c "DROP DATABASE $name"
scenario_end
