# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Beside the JVM peers: their own scripts run them (PEERS=<folder>).
#
# peers         on their own PostgreSQL cluster, where commit timestamps are kept; ours writes the same table on
#               the same cluster. Both rates are N / (last - first record landed).
# mongo-peers   on the server of MONGODB_URI. Theirs is N / (last - first record landed) and their CPU without
#               the start; ours is the whole process.

PEER_CASE=c-upsert-avro-unnest

peer_reference() {
    local line
    line=$(JVM_OPTS="-Xms4G -Xmx4G -XX:+UseParallelGC" "$PEERS/run.sh" "$PEER_CASE" "$RECORDS" batch.size=5000 \
        worker.consumer.max.poll.records=5000 2>>"$DATA/peers.log")
    jq -c --arg round "$1" '.round = ($round | tonumber) | .who = "reference: upsert"
        | .cpu_s_per_million = (.cpu_steady_s * 1e6 / .records) | .server_cpu_s = .postgres_cpu_s' <<<"$line" | keep
}

peer_ours() {
    local landed
    DATABASE_URL=$PG_DSN fresh_peer_table
    sink_pipeline upsert | jq '.sinks.pg.table = "bench.trips"' >"$DATA/sink.json"
    landed=$(
        DATABASE_URL=$PG_DSN LAUNCH_URL=$PG_DSN RESULTS=/dev/null ours peers "ours: upsert" "$1" "$DATA/sink.json" 2>&1
    )
    DATABASE_URL=$PG_DSN keep_landed "$landed"
}

fresh_peer_table() {
    sql "CREATE SCHEMA IF NOT EXISTS bench"
    fresh_table pk
}

have_peers() {
    if [[ -z ${PEERS:-} || ! -x ${PEERS:-}/run.sh ]]; then
        say "$1: skipped; set PEERS to the folder that has the peers' run.sh and setup.sh"
        return 1
    fi
    export PEERS_DIR=${PEERS_DIR:-${TMPDIR:-/tmp}/peers} KAFKA=$KAFKA_BOOTSTRAP_SERVERS PYTHONDONTWRITEBYTECODE=1
    "$PEERS/setup.sh" >"$DATA/peers.log" 2>&1 || die "the peers could not be set up; see build/bench/data/peers.log"
}

case_peers() {
    local round
    have_peers peers || return 0
    PG_DSN=$(bash -c "source '$PEERS/env.sh'; printf '%s' \"\$PG_DSN\"")
    load_trips
    for ((round = 1; round <= ROUNDS; round++)); do
        in_turn "$round" peer_ours peer_reference
    done
    DATABASE_URL=$PG_DSN sql "DROP SCHEMA bench CASCADE"
}

# mongo_peer ROUND WHAT CASE [setting=value ...]
mongo_peer() {
    local line
    line=$(MONGO="${MONGODB_URI%%\?*}?directConnection=true" MONGO_RS=$MONGODB_URI LIMIT=900 \
        JVM_OPTS="-Xms4G -Xmx4G -XX:+UseParallelGC" "$PEERS/run.sh" "$3" "$RECORDS" "${@:4}" 2>>"$DATA/peers.log")
    jq -ec --arg round "$1" --arg what "reference: $2" 'select(.records_per_s) | .round = ($round | tonumber)
        | .who = $what | .cpu_s_per_million = (.cpu_steady_s * 1e6 / .records) | .server_cpu_s = .mongod_cpu_s' \
        <<<"$line" | keep || die "$3: $line"
}

# The best of the peers for each: Debezium for the copy, MongoDB's own connector for the stream.
snapshot_peer() { mongo_peer "$1" "snapshot" a-dbz; }
stream_peer() { mongo_peer "$1" "inserts" b-mdb; }
sink_peer() { mongo_peer "$1" "new keys" d-json; }

case_mongo_peers() {
    # shellcheck disable=SC2034 # read by what is called
    local CASE=mongo-peers round RECORDS=$MONGO_RECORDS WHAT=inserts SINCE
    have_peers mongo-peers || return 0
    prepare_mongo
    load_trips
    for ((round = 1; round <= ROUNDS; round++)); do
        mongo_loop create
        mark_time
        mongo_loop insert "$RECORDS" "$MONGO_BATCH" >/dev/null
        stream_ours "$round" # right behind the load, as theirs is: it pays for all later entries of the oplog
        in_turn "$round" snapshot_ours snapshot_peer
        stream_peer "$round"
        in_turn "$round" new_ours sink_peer
    done
}
