#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The example, as it is shipped, on the real trips: its three tables and its three collections against what Python makes of
# the same file. Only the names of pipeline, topic, tables and database are changed, so that the test disturbs nobody.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"
needs kafka postgres mongod
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
example=$MILLRACE_ROOT/examples/trip-analytics
trips=$example/nyc-taxi-2019-03.csv
name=$(unique trips)
sql "CREATE SCHEMA $name"
cd "$TMP"

# adapt <pipeline file> <name> <schema of the tables>: the shipped pipeline under other names, on standard output.
adapt() {
    jq --arg name "$2" --arg schema "$3" --arg topic "$name" --arg folder "$example" '.name = $name
        | .sources |= map_values(.topic = $topic | if .path | contains("$") then . else .path = "\($folder)/\(.path)" end)
        | if .sinks then .sinks |= map_values(.topics = [$topic] | .routes |= map(.table = "\($schema).\(.table)"))
          else . end' "$1"
}

# compare <what> <schema> <options of expected.py...>
compare() {
    local what=$1 schema=$2 table
    shift 2
    rm -rf expected && mkdir -p expected
    python3 "$here/expected.py" "$@"
    for table in high_value_trips trip_duration_analysis distance_to_fare_ratio; do
        psql -XqAt -P null='\N' "$DATABASE_URL" -c "SELECT * FROM $schema.$table ORDER BY trip_id::text COLLATE \"C\"" >found
        same_files "$what: $table" "expected/$table" found
    done
}

# What changes when a row is written again, even with the same values.
versions() {
    sql "SELECT (SELECT string_agg(concat(xmin, ctid), ' ' ORDER BY trip_id) FROM $name.trip_duration_analysis),
                (SELECT string_agg(concat(xmin, ctid), ' ' ORDER BY trip_id) FROM $name.distance_to_fare_ratio),
                (SELECT string_agg(concat(xmin, ctid), ' ' ORDER BY trip_id) FROM $name.high_value_trips)" | md5sum
}

# went <summary file>: records of each connector, in and out, and dead letters.
went() { jq -rc '[.end, (.connectors[] | .records_in, .records_out, .dead_letters)] | join(" ")' "$1"; }
run_once() { timeout -k 2 120 "$MILLRACE" run "$@" --once --json --progress never --log-level warning; }

# The shipped file, once and again.
adapt "$example/pipeline.json" "$name" "$name" >pipeline.json
equal "the queries are the shipped ones" "$(jq -c '[.. | .query? // empty]' "$example/pipeline.json")" \
    "$(jq -c '[.. | .query? // empty]' pipeline.json)"
run_ok "the example runs" run_once pipeline.json
equal "and all trips went all the way" "drained 6433 6433 0 6433 13167 0" "$(tail -n 1 out >summary && went summary)"
compare "exactly what the file says" "$name" "$trips" expected
before=$(versions)
run_ok "it runs again" run_once pipeline.json
equal "and takes nothing twice" "drained 0 0 0 0 0 0" "$(tail -n 1 out >summary && went summary)"
equal "no row was touched" "$before" "$(versions)"

# All of it over again, as after a position was lost: another name has no positions and no offsets.
adapt "$example/pipeline.json" "${name}_again" "$name" >again.json
run_ok "the same trips are sent and stored again" run_once again.json
equal "twice as many records" "drained 6433 6433 0 12866" "$(tail -n 1 out >summary && went summary | cut -d ' ' -f 1-5)"
compare "and the tables are what they were" "$name" "$trips" expected

# Limits by variables, into tables of their own.
sql "CREATE SCHEMA ${name}_limits"
adapt "$example/pipeline.json" "${name}_limits" "${name}_limits" >limits.json
HIGH_VALUE_THRESHOLD=12.3 SHORT_TRIP_MINUTES=5.5 LONG_TRIP_MINUTES=20 \
    run_ok "limits are taken from the environment" run_once limits.json --only to-postgres
compare "with other limits" "${name}_limits" "$trips" expected --high 12.3 --short 5.5 --long 20

# The same into MongoDB, from a topic that holds each trip twice by now.
queries() { jq -c '[.. | .routes? // empty | .[].query]' "$example/$1"; }
equal "the queries of the tables are the queries of the collections" "$(queries pipeline.json)" "$(queries mongodb.json)"
into_mongodb() {
    jq --arg name "$1" --arg topic "$name" --arg database "$2" '.name = $name
        | .sinks |= map_values(.topics = [$topic] | .database = $database)' "$example/mongodb.json"
}
# compare_collections <what> <database> <options of expected.py...>
compare_collections() {
    local what=$1 database=$2 table
    shift 2
    rm -rf expected collections && mkdir -p expected collections
    python3 "$here/expected.py" "$@"
    "$python" "$here/found.py" "$database" collections
    for table in high_value_trips trip_duration_analysis distance_to_fare_ratio; do
        same_files "$what: collection $table" "expected/$table" "collections/$table"
    done
}
python=${MILLRACE_PYTHON:-$MILLRACE_ROOT/.stack/venv/bin/python3}
into_mongodb "${name}_mongodb" "$name" >mongodb.json
run_ok "the trips go to MongoDB" run_once mongodb.json
equal "all of them" "drained 12866" "$(tail -n 1 out >summary && went summary | cut -d ' ' -f 1-2)"
compare_collections "exactly what the file says" "$name" "$trips" expected
into_mongodb "${name}_mongodb_again" "$name" >mongodb.json
run_ok "and once more" run_once mongodb.json
compare_collections "the same, and no document twice" "$name" "$trips" expected
into_mongodb "${name}_mongodb_limits" "${name}_limits" >mongodb.json
HIGH_VALUE_THRESHOLD=12.3 SHORT_TRIP_MINUTES=5.5 LONG_TRIP_MINUTES=20 \
    run_ok "with other limits" run_once mongodb.json
compare_collections "other limits" "${name}_limits" "$trips" expected --high 12.3 --short 5.5 --long 20

# Files as the TLC names their columns, to the same tables.
cat >yellow.csv <<'CSV'
VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,passenger_count,trip_distance,RatecodeID,store_and_fwd_flag,PULocationID,DOLocationID,payment_type,fare_amount,extra,mta_tax,tip_amount,tolls_amount,improvement_surcharge,total_amount,congestion_surcharge
1,2019-01-01 00:46:40,2019-01-01 00:53:20,1,1.50,1,N,151,239,1,7,0.5,0.5,1.65,0,0.3,9.95,
1,2019-01-01 00:59:47,2019-01-01 01:18:59,1,2.60,1,N,239,246,1,14,0.5,0.5,1,0,0.3,16.3,
2,2018-12-21 13:48:30,2018-12-21 13:52:40,3,.00,1,N,236,236,2,4.5,0.5,0.5,0,0,0.3,5.8,
2,2018-11-28 15:52:25,2018-11-28 15:55:45,5,.00,2,N,193,193,3,3.5,0.5,0.5,0,0,0.3,7.55,
2,2018-11-28 15:56:57,2018-11-28 16:58:33,,17.31,2,N,132,230,4,52,0,0.5,0,5.76,0.3,58.56,0
1,2019-01-01 00:21:28,2019-01-01 00:28:37,1,1.30,1,N,163,229,5,6.5,0.5,0.5,1.25,0,0.3,9.05,
CSV
sql "TRUNCATE $name.high_value_trips, $name.trip_duration_analysis, $name.distance_to_fare_ratio"
adapt "$example/tlc.json" "${name}_tlc" "$name" >tlc.json
TLC_FILES=$TMP/yellow.csv run_ok "a file of the TLC is read" run_once tlc.json
equal "each line of it" "drained 6 6 0" "$(tail -n 1 out >summary && went summary)"
run_ok "and its trips are stored" run_once again.json --only to-postgres
compare "the same tables from the TLC's names" "$name" yellow.csv expected --tlc

sql "DROP SCHEMA $name, ${name}_limits CASCADE" 2>"$TMP/notices"
"$python" -c "import os, pymongo
for name in '$name', '${name}_limits':
    pymongo.MongoClient(os.environ['MONGODB_URI']).drop_database(name)"
scenario_end
