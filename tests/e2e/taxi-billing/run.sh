#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The example, as it is shipped, from the first booking to the last payment: trips driven through a collection, a pipeline
# with the ledger's least role that is killed on the way, and its tables against what Python makes of the documents.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"
needs kafka postgres mongod
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
example=$MILLRACE_ROOT/examples/taxi-billing
python=${MILLRACE_PYTHON:-$MILLRACE_ROOT/.stack/venv/bin/python3}
name=$(unique taxi)
export TAXI_DATABASE=$name
owner=$DATABASE_URL
psql -Xq "$owner" -c "CREATE DATABASE $name"
at_database() { sed -E "s#^(postgres(ql)?://)[^@/]*@#\1$1@#; s#^(postgres(ql)?://[^/]*/)[^?]*#\1$name#" <<<"$owner"; }
DATABASE_URL=$(sed -E "s#^(postgres(ql)?://[^/]*/)[^?]*#\1$name#" <<<"$owner")
export DATABASE_URL PGTZ=UTC
cd "$TMP"

# "Today" must not end meanwhile.
day_is_long() { ((10#$(date -u +%H%M) < 2350)); }
eventually 660 day_is_long || skip_all "the day does not end"

# --- Set up, as the README says ---

run_ok "the ledger is made" "$MILLRACE_ROOT/sql/migrate" "$MILLRACE_ROOT/sql/taxi"
psql -Xq -v ON_ERROR_STOP=1 "$DATABASE_URL" -f "$MILLRACE_ROOT/sql/taxi/seed.sql"
psql -Xq "$DATABASE_URL" -v sink="${name}_sink" -v billing="${name}_billing" -f "$MILLRACE_ROOT/sql/taxi/roles.sql"
sql "ALTER ROLE ${name}_sink PASSWORD 'meter'; ALTER ROLE ${name}_billing PASSWORD 'purse'"
drive() { "$python" "$example/drive" "$@"; }
run_ok "the collection is made" drive setup
run_ok "or made again" drive setup

# Only the names of pipeline and topic are changed, and the file's folder is named.
adapt() {
    jq --arg name "$1" --arg topic "$name" --arg schema "$MILLRACE_ROOT/schemas/taxi.Trip.avsc" '.name = $name
        | .sources.trips.topic = $topic | .sources.trips.schema = $schema | .sinks.ledger.topics = [$topic]' \
        "$example/pipeline.json"
}
adapt "$name" >pipeline.json
pipeline() { DATABASE_URL=$(at_database "${name}_sink:meter") timeout -k 2 120 "$MILLRACE" run "$@" --progress never --log-level warning; }
start() { background "run.log.$((++lives))" env DATABASE_URL="$(at_database "${name}_sink:meter")" "$MILLRACE" run pipeline.json --progress never; }
lives=0

# --- The rules of the workflow ---

run_ok "the pipeline takes its place in the stream" pipeline pipeline.json --once
book=$(drive book --rider-id 71463 --rider-mobile +11492133668)
trip=$(jq -r .tripinfo <<<"$book")
equal "a trip is booked" "person71463@example.com 71463 person71463 +11492133668 Booked" \
    "$(jq -r '[.riderid, .RIDER_ID, .RIDER_NAME, .RIDER_MOBILE, .STATUS] | join(" ")' <<<"$book")"
run_fails "it can not be completed yet" 1 "409: the trip is Booked, not InProgress" drive complete --rider-id 71463 --trip-info "$trip"
run_ok "a driver accepts it" drive accept --rider-id 71463 --trip-info "$trip" --driver-id 102007
equal "and is in the item" "InProgress 102007" "$(jq -r '[.STATUS, .DRIVER_ID] | join(" ")' out)"
run_fails "another is too late" 1 "409: the trip is InProgress, not Booked" drive accept --rider-id 71463 --trip-info "$trip" --driver-id 102008
run_ok "the trip ends" drive complete --rider-id 71463 --trip-info "$trip"
run_fails "once" 1 "409: the trip is Completed, not InProgress" drive complete --rider-id 71463 --trip-info "$trip"
run_fails "another rider has no such trip" 1 "404: there is no such trip" drive accept --rider-id 71464 --trip-info "$trip"
run_fails "a number that is none" 1 "400: rider_id is malformed" drive book --rider-id 7x --rider-mobile 12345
run_fails "a trip that is not named" 1 "400: trip_info is missing" drive accept --rider-id 71463

# --- A day of trips, with the pipeline killed on the way ---

# mongo <Python>: with `trips`, the collection.
mongo() {
    "$python" -c "import os, pymongo
from bson.decimal128 import Decimal128
trips = pymongo.MongoClient(os.environ['MONGODB_URI'])['$name']['aws-db-workshop-trips']
$1"
}
stored() { sql "SELECT count(*) FROM trips"; }
stored_at_least() { (($(stored) >= $1)); }
# follows <what> <seconds> <query> <answer>
follows() {
    answers() { [[ $(sql "$1") == "$2" ]]; }
    if eventually "$2" answers "$3" "$4"; then ok "$1"; else not_ok "$1" "expected: $4" "found:    $(sql "$3")" "$(tail -n 5 run.log.*)"; fi
}
compare() {
    "$python" "$here/expected.py" "$name" trips >expected
    sql "SELECT $columns FROM trips ORDER BY trip_info COLLATE \"C\"" >found
    same_files "$1" expected found
}
columns="rider_id, rider_name, rider_email, rider_mobile, trip_info, pickup_datetime, driver_id, driver_name, driver_email,
    driver_mobile, vehicle_id, cab_type_id, vendor_id, trip_type, pickup_longitude, pickup_latitude, store_and_fwd_flag,
    dropoff_datetime, dropoff_longitude, dropoff_latitude, rate_code, passenger_count, trip_distance, fare_amount, extra, mta_tax,
    tip_amount, tolls_amount, improvement_surcharge, total_amount, payment_type"

start
drive day --trips 150 --seed 7 >driven 2>driven.err &
day=$!
for rows in 20 60; do
    eventually 120 stored_at_least "$rows" || not_ok "$rows trips arrive" "$(cat driven.err)" "$(tail -n 5 run.log.*)"
    kill -KILL "$LAST"
    wait "$LAST" 2>killed || true
    start
done
code=0
wait "$day" || code=$?
equal "150 trips were driven, two drivers after each" "0 150 135 120" "$code $(jq -r '[.booked, .accepted, .completed] | join(" ")' driven)"
follows "all that were completed arrive" 60 "SELECT count(*) FROM trips" 121
compare "and are what the documents say, cent for cent"

# --- What is no row, and what can be none ---

mongo "import datetime
done = trips.find_one({'STATUS': 'Completed'}, {'_id': 0})
trips.insert_one({**done, 'tripinfo': '2026-01-02T03:04:05Z,0000001'})
trips.update_one({'STATUS': 'Completed', 'tripinfo': done['tripinfo']}, {'\$set': {'TIP_AMOUNT': Decimal128('100.25'), 'TOTAL_AMOUNT': Decimal128('200.5')}})"
mongo "trips.delete_one({'STATUS': 'Completed', 'tripinfo': '2026-01-02T03:04:05Z,0000001'})"
follows "a correction before the bill arrives" 60 "SELECT tip_amount || ' ' || total_amount FROM trips WHERE total_amount = 200.5" "100.25 200.50"
stranger=$(drive book --rider-id 1 --rider-mobile 12345 | jq -r .tripinfo)
drive accept --rider-id 1 --trip-info "$stranger" >drive.out
drive complete --rider-id 1 --trip-info "$stranger" >drive.out
# dead <topic>: headers of its records, one to a line.
dead() { timeout 30 "$MILLRACE" tap "$1" --once 2>tap.err | jq -c .headers || true; }
dead_letter() { dead "$1" | grep -q "$2"; }
if eventually 60 dead_letter "$name.ledger.dlq" 23503; then
    ok "the trip of a rider whom the ledger does not know is a dead letter"
else
    not_ok "the trip of a rider whom the ledger does not know is a dead letter" "$(dead "$name.ledger.dlq")" "$(tail -n 5 run.log.*)"
fi
bad=$(drive book --rider-id 71401 --rider-mobile 12345 | jq -r .tripinfo)
drive accept --rider-id 71401 --trip-info "$bad" >drive.out
mongo "trips.update_one({'tripinfo': '$bad'}, {'\$set': {'TOTAL_AMOUNT': Decimal128('1.005')}})"
if eventually 60 dead_letter "$name.trips.dlq" TOTAL_AMOUNT; then
    ok "half a cent violates the schema and is a dead letter"
else
    not_ok "half a cent violates the schema and is a dead letter" "$(dead "$name.trips.dlq")" "$(tail -n 5 run.log.*)"
fi
good=$(drive book --rider-id 71402 --rider-mobile 12345 | jq -r .tripinfo)
drive accept --rider-id 71402 --trip-info "$good" >drive.out
drive complete --rider-id 71402 --trip-info "$good" >drive.out
follows "and the others go on" 60 "SELECT count(*) FROM trips WHERE trip_info = '$good'" 1
compare "no row for bookings, rides, deletions and what was inserted as Completed"

# --- The bills ---

bill() { psql -Xq -v ON_ERROR_STOP=1 "$(at_database "${name}_billing:purse")" -c "CALL billingandpayments()" 2>&1; }
sql "SELECT driver_id, payment_method FROM drivers" >drivers
"$python" "$here/expected.py" "$name" bills drivers >expected.bills
contains "the day is billed, by a role that can do nothing else" "$(bill)" \
    "122 trips, $(wc -l <expected.bills) billing rows, $(wc -l <expected.bills) payments, $(cut -d '|' -f 3 expected.bills |
        "$python" -c 'import sys, decimal; print(sum(map(decimal.Decimal, sys.stdin.read().split())))') in all"
ledger() { sql "SELECT driver_id, rides, billing_amount, payment_amount, payment_method FROM billing JOIN payment USING (billing_id, driver_id) ORDER BY driver_id"; }
ledger >found.bills
same_files "billing and payment are what Python computes from the documents" expected.bills found.bills
equal "trips and bills are marked" "Processed 122 Processed" "$(sql "SELECT (SELECT string_agg(DISTINCT status, ' ') || ' ' || count(*) FROM trips),
    (SELECT string_agg(DISTINCT status, ' ') FROM billing)" | tr '|' ' ')"
contains "once" "$(bill)" "0 trips, 0 billing rows, 0 payments"
sql "SELECT * FROM trips ORDER BY id" >closed
mongo "trips.update_one({'tripinfo': '$good'}, {'\$set': {'TOTAL_AMOUNT': Decimal128('999')}})"
if eventually 60 dead_letter "$name.ledger.dlq" "was billed"; then
    ok "a change after the bill is refused, and somebody learns of it"
else
    not_ok "a change after the bill is refused, and somebody learns of it" "$(dead "$name.ledger.dlq")" "$(tail -n 5 run.log.*)"
fi
kill -TERM "$LAST"
code=0
wait "$LAST" || code=$?
equal "the pipeline ends when asked to" 0 "$code"

# All of it over again, as after offsets were lost: another name has none.
adapt "${name}_again" >again.json
run_ok "every change once more" pipeline again.json --once --only ledger
sql "SELECT * FROM trips ORDER BY id" >found
same_files "and no trip is set back" closed found
contains "so that nothing is billed twice" "$(bill)" "0 trips, 0 billing rows, 0 payments"
equal "the ledger is as it was" "$(<expected.bills)" "$(ledger)"

mongo "trips.database.client.drop_database('$name')"
sql "DROP OWNED BY ${name}_sink, ${name}_billing; DROP ROLE ${name}_sink, ${name}_billing"
psql -Xq "$owner" -c "DROP DATABASE $name"
scenario_end
