# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Kafka -> PostgreSQL: the sink beside hand-written loops over rows in memory.

RECORDS=1000000
LOOP_BATCH=50000 # the best of 1,000 to 50,000 for the loop
TRIPS_TOPIC=

# The topic with RECORDS trips, filled once by the file source.
load_trips() {
    [[ -z $TRIPS_TOPIC ]] || return 0
    TRIPS_TOPIC=$(unique bench-trips)
    TOPICS+=("$TRIPS_TOPIC")
    say "loading $RECORDS trips"
    [[ -s $DATA/trips-$RECORDS.csv ]] || "$PROGRAMS/bench_trips" csv "$RECORDS" >"$DATA/trips-$RECORDS.csv"
    source_pipeline "$DATA/trips-$RECORDS.csv" "$TRIPS_TOPIC" >"$DATA/load.json"
    "$BUILD/millrace" run "$DATA/load.json" --once --progress never >/dev/null 2>"$DATA/stderr" || {
        cat "$DATA/stderr" >&2
        die "the trips could not be loaded"
    }
}

# sink_pipeline MODE: a new pipeline, which reads the topic from its start.
sink_pipeline() {
    jq -n --arg name "$(unique bench-sink)" --arg topic "$TRIPS_TOPIC" --arg mode "$1" '{
        name: $name,
        kafka: {"bootstrap.servers": "${env:KAFKA_BOOTSTRAP_SERVERS}"},
        sinks: {pg: ({connector: "postgres", topics: [$topic], "connection.url": "${env:DATABASE_URL}",
                      "offsets.schema": "bench", table: "bench.trips", "insert.mode": $mode}
                     + if $mode == "upsert" then {"key.fields": ["trip_id"]} else {} end)}}'
}

# An empty table. No autovacuum: it would come in some runs and not in others.
fresh_table() {
    sql "DROP TABLE IF EXISTS bench.trips"
    sql "$("$PROGRAMS/bench_trips" table bench.trips ${1:+"$1"}) WITH (autovacuum_enabled = off)"
    sql "CHECKPOINT"
}

# All keys there, every row different from what comes.
changed_table() {
    sql "DROP TABLE IF EXISTS bench.trips"
    sql "$("$PROGRAMS/bench_trips" table bench.trips pk) WITH (autovacuum_enabled = off)"
    sql "INSERT INTO bench.trips SELECT * FROM bench.seed"
    sql "ANALYZE bench.trips"
    sql "CHECKPOINT"
}

check_rows() {
    local rows
    rows=$(sql "SELECT count(*) FROM bench.trips")
    ((rows == RECORDS)) || die "$rows rows are in the table, not $RECORDS"
}

sink_run() { # ROUND WHAT MODE
    sink_pipeline "$3" >"$DATA/sink.json"
    LAUNCH_URL=$DATABASE_URL ours "$CASE" "ours: $2" "$1" "$DATA/sink.json"
    check_rows
}

loop_run() { # ROUND WHAT copy|merge
    LAUNCH_URL=$DATABASE_URL launch "$CASE" "reference: $2" "$1" "$PROGRAMS/bench_pg_loop" "$DATABASE_URL" \
        bench.trips "$RECORDS" "$LOOP_BATCH" "$3"
    check_rows
}

upsert_ours() {
    fresh_table pk
    sink_run "$1" "new keys" upsert
    changed_table
    sink_run "$1" "all keys there, rows change" upsert
    sql "CHECKPOINT"
    sink_run "$1" "all keys there, same rows" upsert
}

upsert_reference() {
    fresh_table pk
    loop_run "$1" "new keys" merge
    changed_table
    loop_run "$1" "all keys there, rows change" merge
    sql "CHECKPOINT"
    loop_run "$1" "all keys there, same rows" merge
}

# The rows to be changed, in the order of arrival, with another tip.
seed_table() {
    fresh_table pk
    "$PROGRAMS/bench_pg_loop" "$DATABASE_URL" bench.trips "$RECORDS" "$LOOP_BATCH" copy >/dev/null
    sql "DROP TABLE IF EXISTS bench.seed"
    sql "CREATE UNLOGGED TABLE bench.seed AS SELECT * FROM bench.trips"
    sql "UPDATE bench.seed SET tip_amount = tip_amount + 1"
}

case_pg_upsert() {
    local CASE=pg-upsert round
    load_trips
    seed_table
    for ((round = 1; round <= ROUNDS; round++)); do
        in_turn "$round" upsert_ours upsert_reference
    done
}

insert_ours() {
    fresh_table
    sink_run "$1" "no index" insert
    fresh_table pk
    sink_run "$1" "primary key" insert
}

insert_reference() {
    fresh_table
    loop_run "$1" "no index" copy
    fresh_table pk
    loop_run "$1" "primary key" copy
}

case_pg_insert() {
    local CASE=pg-insert round
    load_trips
    for ((round = 1; round <= ROUNDS; round++)); do
        in_turn "$round" insert_ours insert_reference
    done
}

# keep_landed LINE: a measurement, with its rate as the peers' scripts define it: N / (last - first record
# landed), by commit timestamps. Needs track_commit_timestamp.
keep_landed() {
    jq -c --argjson s "$(sql "SELECT extract(epoch FROM max(t) - min(t)) FROM (
        SELECT pg_xact_commit_timestamp(xmin) AS t FROM bench.trips) x")" '
        .landed_seconds = $s | .records_per_s = (.records / $s | round)' <<<"$1" | keep
}

landed_ours() {
    local line
    fresh_table pk
    sink_pipeline insert >"$DATA/sink.json"
    line=$(LAUNCH_URL=$DATABASE_URL RESULTS=/dev/null ours "$CASE" "ours: primary key" "$1" "$DATA/sink.json" 2>&1)
    check_rows
    keep_landed "$line"
}

landed_reference() {
    local line
    fresh_table pk
    line=$(LAUNCH_URL=$DATABASE_URL RESULTS=/dev/null launch "$CASE" "reference: primary key" "$1" \
        "$PROGRAMS/bench_pg_loop" "$DATABASE_URL" bench.trips "$RECORDS" "$LOOP_BATCH" copy 2>&1)
    check_rows
    keep_landed "$line"
}

# Without the start and the end of either program.
case_pg_insert_landed() {
    local CASE=pg-insert-landed round
    if [[ $(sql "SHOW track_commit_timestamp") != on ]]; then
        say "pg-insert-landed: skipped; it needs track_commit_timestamp=on in the server"
        return 0
    fi
    load_trips
    for ((round = 1; round <= ROUNDS; round++)); do
        in_turn "$round" landed_ours landed_reference
    done
}
