# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Startup and latency: the time of single records.

STARTS=10
LATENCY_RATE=100
LATENCY_SECONDS=20

one_line_file() { # NAME
    printf 'seq,note\n0,the first record\n' >"$DATA/$1.csv"
    printf '%s' "$DATA/$1.csv"
}

# small_source FILE TOPIC [SCAN_MS]
small_source() {
    jq -n --arg file "$1" --arg topic "$2" --argjson scan "${3:-1000}" '
        {csv: {connector: "file", path: $file, topic: $topic, "scan.interval.ms": $scan}}'
}

small_sink() { # TOPIC TABLE
    jq -n --arg topic "$1" --arg table "$2" '
        {pg: {connector: "postgres", topics: [$topic], "connection.url": "${env:DATABASE_URL}",
              "offsets.schema": "bench", table: $table, "insert.mode": "insert"}}'
}

pipeline() { # SOURCES SINKS
    jq -n --arg name "$(unique bench-small)" --argjson sources "$1" --argjson sinks "$2" '
        {name: $name, kafka: {"bootstrap.servers": "${env:KAFKA_BOOTSTRAP_SERVERS}"}}
        + (if $sources == {} then {} else {sources: $sources} end)
        + (if $sinks == {} then {} else {sinks: $sinks} end)'
}

case_startup() {
    local topic start
    topic=$(unique bench-startup)
    TOPICS+=("$topic")
    sql "DROP TABLE IF EXISTS bench.small; CREATE TABLE bench.small (seq bigint, note text)"
    pipeline "$(small_source "$(one_line_file load)" "$topic")" '{}' >"$DATA/small.json"
    "$BUILD/millrace" run "$DATA/small.json" --once >/dev/null 2>&1 || die "the record could not be loaded"
    for ((start = 1; start <= STARTS; start++)); do
        sql "TRUNCATE bench.small"
        pipeline '{}' "$(small_sink "$topic" bench.small)" >"$DATA/small.json"
        "$PROGRAMS/bench_startup" "$start" sink "$DATABASE_URL" bench.small \
            "$BUILD/millrace" run "$DATA/small.json" --log-level error | keep
        pipeline "$(small_source "$(one_line_file one)" "$topic-2")" '{}' >"$DATA/small.json"
        if ((start == 1)); then # the topic is there before, as it is for a source that is started again
            TOPICS+=("$topic-2")
            "$PROGRAMS/bench_kafka_loop" "$KAFKA_BOOTSTRAP_SERVERS" "$topic-2" create
        fi
        "$PROGRAMS/bench_startup" "$start" source "$KAFKA_BOOTSTRAP_SERVERS" "$topic-2" \
            "$BUILD/millrace" run "$DATA/small.json" --log-level error | keep
    done
}

# A source and a sink in one process, idle but for LATENCY_RATE lines a second.
case_latency() {
    local topic file pid tries=0
    topic=$(unique bench-latency)
    TOPICS+=("$topic")
    file=$(one_line_file latency)
    sql "DROP TABLE IF EXISTS bench.latency; CREATE TABLE bench.latency (seq bigint, note text)"
    sql "CREATE INDEX ON bench.latency (seq)"
    pipeline "$(small_source "$file" "$topic" 10)" "$(small_sink "$topic" bench.latency)" >"$DATA/small.json"
    "$BUILD/millrace" run "$DATA/small.json" --log-level error &
    pid=$!
    until [[ $(sql "SELECT count(*) FROM bench.latency") == 1 ]]; do
        ((++tries < 300)) || die "the first record did not come"
        sleep 0.1
    done
    sql "TRUNCATE bench.latency"
    "$PROGRAMS/bench_latency" 1 "$DATABASE_URL" bench.latency "$file" "$LATENCY_RATE" "$LATENCY_SECONDS" | keep
    kill -TERM "$pid"
    wait "$pid"
}
