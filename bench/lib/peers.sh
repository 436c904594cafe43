# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Beside the JVM peer: its own scripts run it (PEERS=<folder>), on its own PostgreSQL cluster, where
# commit timestamps are kept; ours writes the same table on the same cluster. Both rates are
# N / (last - first record landed).

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

case_peers() {
    local round
    if [[ -z ${PEERS:-} || ! -x ${PEERS:-}/run.sh ]]; then
        say "peers: skipped; set PEERS to the folder that has the peers' run.sh and setup.sh"
        return 0
    fi
    export PEERS_DIR=${PEERS_DIR:-${TMPDIR:-/tmp}/peers} KAFKA=$KAFKA_BOOTSTRAP_SERVERS PYTHONDONTWRITEBYTECODE=1
    "$PEERS/setup.sh" >"$DATA/peers.log" 2>&1 || die "the peers could not be set up; see build/bench/data/peers.log"
    PG_DSN=$(bash -c "source '$PEERS/env.sh'; printf '%s' \"\$PG_DSN\"")
    load_trips
    for ((round = 1; round <= ROUNDS; round++)); do
        in_turn "$round" peer_ours peer_reference
    done
    DATABASE_URL=$PG_DSN sql "DROP SCHEMA bench CASCADE"
}
