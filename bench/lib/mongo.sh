# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# MongoDB -> Kafka and Kafka -> MongoDB: source and sink beside hand-written libmongoc loops. They use
# a database of their own, on the server that MONGODB_URI names or the local stack has.

MONGO_RECORDS=${MONGO_RECORDS:-1000000}
MONGO_UPDATES=${MONGO_UPDATES:-200000} # what mongod does document by document, at 5,000 to 15,000 a second
MONGO_BATCH=10000
OPLOG_BYTES_PER_EVENT=2000
MONGO_DATABASE=
MONGO_PID=-

mongo_loop() { "$PROGRAMS/bench_mongo_loop" "$MONGODB_URI" "$MONGO_DATABASE.trips" "$@"; }

prepare_mongo() {
    local server wanted=$((MONGO_RECORDS * OPLOG_BYTES_PER_EVENT))
    [[ -z $MONGO_DATABASE ]] || return 0
    if [[ -z ${MONGODB_URI:-} ]]; then
        "$ROOT/docker/stack" up mongod >&2
        eval "$("$ROOT/docker/stack" env)"
        export MONGODB_URI
    fi
    MONGO_DATABASE=$(unique bench)
    server=$(mongo_loop server) || die "no MongoDB answers at MONGODB_URI"
    MONGO_PID=$(jq .pid <<<"$server")
    [[ -d /proc/$MONGO_PID ]] || MONGO_PID=- # on another machine
    (($(jq .oplog_bytes <<<"$server") >= wanted)) ||
        die "the oplog is too small: $wanted bytes are needed (replSetResizeOplog)"
    jq -c '{mongod: .version, oplog_bytes}' <<<"$server" | keep
}

clean_mongo() { [[ -z $MONGO_DATABASE ]] || mongo_loop drop; }

# Sets SINCE: a cluster time (seconds) that all events so far are before, and all to come after.
mark_time() {
    sleep 1.1 # start.at has seconds
    SINCE=$(mongo_loop server | jq .seconds)
    SINCE=$((SINCE > $(date +%s) ? SINCE : $(date +%s)))
}

# mongo_source TOPIC OPTIONS
mongo_source() {
    jq -n --arg name "$(unique bench-mongo)" --arg database "$MONGO_DATABASE" --arg topic "$1" --argjson options "$2" '{
        name: $name,
        kafka: {"bootstrap.servers": "${env:KAFKA_BOOTSTRAP_SERVERS}"},
        sources: {mongo: ({connector: "mongodb", "connection.url": "${env:MONGODB_URI}", database: $database,
                           collections: ["trips"], topic: $topic} + $options)}}'
}

# mongo_source_run ROUND WHAT OPTIONS
mongo_source_run() {
    local topic sent
    topic=$(unique bench-mongo)
    mongo_source "$topic" "$3" >"$DATA/mongo.json"
    "$PROGRAMS/bench_kafka_loop" "$KAFKA_BOOTSTRAP_SERVERS" "$topic" create
    LAUNCH_URL=$MONGO_PID ours "$CASE" "ours: $2" "$1" "$DATA/mongo.json"
    sent=$(tail -1 "$RESULTS" | jq '.output.connectors[0].records_out')
    ((sent == RECORDS)) || die "$sent records were sent, not $RECORDS"
    "$PROGRAMS/bench_kafka_loop" "$KAFKA_BOOTSTRAP_SERVERS" "$topic" delete
}

# mongo_loop_run ROUND WHO VERB ARGUMENT...
mongo_loop_run() {
    LAUNCH_URL=$MONGO_PID launch "$CASE" "$2" "$1" "$PROGRAMS/bench_mongo_loop" "$MONGODB_URI" \
        "$MONGO_DATABASE.trips" "${@:3}"
}

# --- The change stream: both read the same events, in the same oplog

stream_ours() {
    mongo_source_run "$1" "$WHAT" "$(jq -n --arg at "$(date -u -d "@$SINCE" +%FT%TZ)" \
        '{"snapshot.mode": "never", "start.at": $at}')"
}

stream_reference() { mongo_loop_run "$1" "reference: $WHAT" watch "$RECORDS" "$MONGO_BATCH" "$SINCE"; }

# Whoever reads events first pays for what the server has yet to write down and to bring into its cache.
watch_once() { mongo_loop watch "$RECORDS" "$MONGO_BATCH" "$SINCE" >/dev/null; }

case_mongo_stream() {
    local CASE=mongo-stream round RECORDS WHAT SINCE
    prepare_mongo
    for ((round = 1; round <= ROUNDS; round++)); do
        RECORDS=$MONGO_RECORDS WHAT="inserts"
        mongo_loop create
        mark_time
        mongo_loop insert "$RECORDS" "$MONGO_BATCH" >/dev/null
        watch_once
        in_turn "$round" stream_ours stream_reference
        RECORDS=$MONGO_UPDATES WHAT="updates, both images"
        mongo_loop create
        mongo_loop insert "$RECORDS" "$MONGO_BATCH" >/dev/null
        mark_time
        mongo_loop change
        watch_once
        in_turn "$round" stream_ours stream_reference
    done
}

# --- The snapshot

snapshot_ours() { mongo_source_run "$1" "snapshot" '{"snapshot.mode": "initial"}'; }
snapshot_reference() { mongo_loop_run "$1" "reference: snapshot" find "$RECORDS" "$MONGO_BATCH"; }

case_mongo_snapshot() {
    local CASE=mongo-snapshot round RECORDS=$MONGO_RECORDS
    prepare_mongo
    mongo_loop create
    mongo_loop insert "$RECORDS" "$MONGO_BATCH" >/dev/null
    mongo_loop find "$RECORDS" "$MONGO_BATCH" >/dev/null # both find it in the server's cache, as far as it fits
    for ((round = 1; round <= ROUNDS; round++)); do
        in_turn "$round" snapshot_ours snapshot_reference
    done
}

# --- The sink

mongo_sink_pipeline() {
    jq -n --arg name "$(unique bench-sink)" --arg topic "$TRIPS_TOPIC" --arg database "$MONGO_DATABASE" '{
        name: $name,
        kafka: {"bootstrap.servers": "${env:KAFKA_BOOTSTRAP_SERVERS}"},
        sinks: {mongo: {connector: "mongodb", topics: [$topic], "connection.url": "${env:MONGODB_URI}",
                        database: $database, collection: "trips", "key.fields": ["trip_id"]}}}'
}

check_documents() {
    local documents
    documents=$(mongo_loop count)
    ((documents == RECORDS)) || die "$documents documents are in the collection, not $RECORDS"
}

mongo_sink_run() { # ROUND WHAT
    mongo_sink_pipeline >"$DATA/sink.json"
    LAUNCH_URL=$MONGO_PID ours "$CASE" "ours: $2" "$1" "$DATA/sink.json"
    check_documents
}

# All keys there, every document different from what comes.
changed_documents() {
    mongo_loop create
    mongo_loop insert "$RECORDS" "$MONGO_BATCH" >/dev/null
    mongo_loop change
}

new_ours() {
    mongo_loop create
    mongo_sink_run "$1" "new keys"
}

new_reference() {
    mongo_loop create
    mongo_loop_run "$1" "reference: new keys" insert "$RECORDS" "$MONGO_BATCH"
    check_documents
}

existing_ours() {
    changed_documents
    mongo_sink_run "$1" "all keys there, documents change"
}

existing_reference() {
    changed_documents
    mongo_loop_run "$1" "reference: all keys there, documents change" replace "$RECORDS" "$MONGO_BATCH"
    check_documents
}

case_mongo_sink() {
    local CASE=mongo-sink round RECORDS=$MONGO_RECORDS
    prepare_mongo
    load_trips
    for ((round = 1; round <= ROUNDS; round++)); do
        in_turn "$round" new_ours new_reference
    done
    RECORDS=$MONGO_UPDATES TRIPS_TOPIC=
    load_trips
    for ((round = 1; round <= ROUNDS; round++)); do
        in_turn "$round" existing_ours existing_reference
        mongo_loop create
        mongo_loop_run "$round" "upsert loop: new keys" replace "$RECORDS" "$MONGO_BATCH"
    done
}
