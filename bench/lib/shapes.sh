# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Kafka -> PostgreSQL with records of other shapes than a trip: 500 columns, and 0.9 MB in one field. The reference is psql:
# a bare binary COPY of the same rows, taken from the table that the sink has filled first.

WIDE_RECORDS=60000
LARGE_RECORDS=1000

# 500 columns in five kinds: numbers, decimal fractions, words, times, and some that are mostly empty.
wide_csv() {
    awk -v records="$WIDE_RECORDS" 'BEGIN {
        srand(7)
        printf "id"
        for (c = 1; c < 500; c++) printf ",c%d", c
        print ""
        for (r = 1; r <= records; r++) {
            printf "%d", r
            for (c = 1; c < 500; c++) {
                k = c % 5
                if (k == 0) printf ",%d", rand() * 1000000
                else if (k == 1) printf ",%.3f", rand() * 1000
                else if (k == 2) printf ",word%d", rand() * 100000
                else if (k == 3) printf ",2026-%02d-%02dT10:%02d:00Z", 1 + rand() * 12, 1 + rand() * 28, rand() * 60
                else if (rand() < 0.2) printf ",%d", rand() * 100
                else printf ","
            }
            print ""
        }
    }'
}

# Texts that do not compress to nothing, just below what brokers take by default.
large_csv() {
    local i
    echo id,body
    for ((i = 1; i <= LARGE_RECORDS; i++)); do
        printf '%d,' "$i"
        openssl enc -aes-128-ctr -K 00 -iv "$(printf '%032x' "$((i << 20))")" -in /dev/zero 2>/dev/null |
            head -c 675000 | base64 -w 0 || true
        echo
    done
}

# load_shape NAME: SHAPE_TOPIC, filled once.
load_shape() {
    SHAPE_TOPIC=$(unique "bench-$1")
    TOPICS+=("$SHAPE_TOPIC")
    say "making and loading $1 records"
    [[ -s $DATA/$1-$RECORDS.csv ]] || "$1_csv" >"$DATA/$1-$RECORDS.csv"
    jq -n --arg name "$(unique bench-source)" --arg file "$DATA/$1-$RECORDS.csv" --arg topic "$SHAPE_TOPIC" '{
        name: $name, kafka: {"bootstrap.servers": "${env:KAFKA_BOOTSTRAP_SERVERS}"},
        sources: {csv: {connector: "file", path: $file, topic: $topic, "key.fields": ["id"]}}}' >"$DATA/load.json"
    "$BUILD/millrace" run "$DATA/load.json" --once --progress never >/dev/null 2>"$DATA/stderr" || {
        cat "$DATA/stderr" >&2
        die "the records could not be loaded"
    }
}

shape_pipeline() { # MODE
    jq -n --arg name "$(unique bench-sink)" --arg topic "$SHAPE_TOPIC" --arg mode "$1" '{
        name: $name, kafka: {"bootstrap.servers": "${env:KAFKA_BOOTSTRAP_SERVERS}"},
        sinks: {pg: ({connector: "postgres", topics: [$topic], "connection.url": "${env:DATABASE_URL}",
                      "offsets.schema": "bench", table: "bench.shape", "auto.create": true, "insert.mode": $mode}
                     + if $mode == "upsert" then {"key.fields": ["id"]} else {} end)}}'
}

check_shape() {
    local rows
    rows=$(sql "SELECT count(*) FROM bench.shape")
    ((rows == RECORDS)) || die "$rows rows are in the table, not $RECORDS"
}

shape_ours() {
    local mode
    for mode in insert upsert; do
        sql "TRUNCATE bench.shape; CHECKPOINT"
        shape_pipeline "$mode" >"$DATA/sink.json"
        LAUNCH_URL=$DATABASE_URL ours "$CASE" "ours: $mode" "$1" "$DATA/sink.json"
        check_shape
    done
}

shape_reference() {
    local mode merge
    merge=$(sql "SELECT string_agg(format('%1\$I = excluded.%1\$I', attname), ', ') FROM pg_attribute
        WHERE attrelid = 'bench.shape'::regclass AND attnum > 1")
    printf '%s\n' "\\copy bench.shape FROM '$DATA/shape.bin' (FORMAT binary)" >"$DATA/insert.sql"
    printf '%s\n' "BEGIN;" "CREATE TEMP TABLE staged (LIKE bench.shape) ON COMMIT DROP;" \
        "\\copy staged FROM '$DATA/shape.bin' (FORMAT binary)" \
        "INSERT INTO bench.shape SELECT * FROM staged ON CONFLICT (id) DO UPDATE SET $merge;" "COMMIT;" >"$DATA/upsert.sql"
    for mode in insert upsert; do
        sql "TRUNCATE bench.shape; CHECKPOINT"
        LAUNCH_URL=$DATABASE_URL launch "$CASE" "reference: $mode" "$1" \
            psql "$DATABASE_URL" -Xq -v ON_ERROR_STOP=1 -f "$DATA/$mode.sql"
        check_shape
    done
}

run_shape() { # NAME
    local round
    load_shape "$1"
    sql "DROP TABLE IF EXISTS bench.shape"
    shape_pipeline upsert >"$DATA/sink.json" # makes the table, with its primary key
    "$BUILD/millrace" run "$DATA/sink.json" --once --progress never >/dev/null 2>"$DATA/stderr" || die "$(cat "$DATA/stderr")"
    check_shape
    psql "$DATABASE_URL" -Xq -v ON_ERROR_STOP=1 -c "\\copy bench.shape TO '$DATA/shape.bin' (FORMAT binary)"
    for ((round = 1; round <= ROUNDS; round++)); do
        in_turn "$round" shape_ours shape_reference
    done
    rm -f "$DATA/shape.bin"
}

case_pg_wide() {
    local CASE=pg-wide RECORDS=$WIDE_RECORDS
    run_shape wide
}

case_pg_large() {
    local CASE=pg-large RECORDS=$LARGE_RECORDS
    run_shape large
}
