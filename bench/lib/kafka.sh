# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# file -> Kafka: the file source beside an idempotent producer that sends the same bytes from memory.
# And the cases that need no server.

FILE_MB=1000

# source_pipeline FILE TOPIC
source_pipeline() {
    jq -n --arg name "$(unique bench-source)" --arg file "$1" --arg topic "$2" --arg schema "$DATA/trip.avsc" '{
        name: $name,
        kafka: {"bootstrap.servers": "${env:KAFKA_BOOTSTRAP_SERVERS}"},
        sources: {csv: {connector: "file", path: $file, schema: $schema, topic: $topic,
                        "key.fields": ["trip_id"]}}}'
}

file_ours() {
    local topic
    topic=$(unique bench-file)
    source_pipeline "$DATA/trips-${FILE_MB}MB.csv" "$topic" >"$DATA/source.json"
    RECORDS=$FILE_RECORDS ours file-kafka "ours: 1 GB of CSV" "$1" "$DATA/source.json"
    "$PROGRAMS/bench_kafka_loop" "$KAFKA_BOOTSTRAP_SERVERS" "$topic" delete
}

file_reference() {
    local topic
    topic=$(unique bench-file)
    "$PROGRAMS/bench_kafka_loop" "$KAFKA_BOOTSTRAP_SERVERS" "$topic" create
    RECORDS=$FILE_RECORDS launch file-kafka "reference: 1 GB of CSV" "$1" "$PROGRAMS/bench_kafka_loop" \
        "$KAFKA_BOOTSTRAP_SERVERS" "$topic" "$FILE_RECORDS"
    "$PROGRAMS/bench_kafka_loop" "$KAFKA_BOOTSTRAP_SERVERS" "$topic" delete
}

case_file_kafka() {
    local round FILE_RECORDS
    [[ -s $DATA/trips-${FILE_MB}MB.csv ]] ||
        "$PROGRAMS/bench_trips" csv "${FILE_MB}MB" >"$DATA/trips-${FILE_MB}MB.csv"
    FILE_RECORDS=$("$PROGRAMS/bench_trips" count "$FILE_MB")
    for ((round = 1; round <= ROUNDS; round++)); do
        in_turn "$round" file_ours file_reference
    done
}

case_avro_decode() { "$PROGRAMS/bench_avro_decode" 200000 "$((ROUNDS * 3))" | keep; }

case_bson_decode() { "$PROGRAMS/bench_bson_decode" 200000 "$((ROUNDS * 3))" | keep; }

case_csv_parse() {
    "$PROGRAMS/bench_csv_parse" "$ROOT/examples/trip-analytics/nyc-taxi-2019-03.csv" 512 "$ROUNDS" | keep
}

case_transform() { "$PROGRAMS/bench_transform" | jq -Rc "{transform: .}" | keep; }
