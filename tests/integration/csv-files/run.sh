#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# CSV files from a first look (init --from) to records in Kafka.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"
needs kafka postgres
cd "$TMP"
export NO_COLOR=1

records() { "$MILLRACE" tap "$1" --once 2>/dev/null | jq -c "${2:-.value}"; }
column() { jq -r --arg column "$1" '.columns[] | select(.column == $column) | [.type, .nulls, .least, .most, .why] | join("|")' look.json; }

# --- init --from: types from the whole file, and the line that decided
topic=$(unique trips)
mkdir in
{
    echo 'id,distance,zone,pickup,empty,code'
    for i in $(seq 1 75); do echo "$i,$i,Manhattan,2019-03-01 08:00:00,,$i"; done
    echo '76,1.5,,2019-03-02 09:00:00,,n/a'
    echo '77,2'
} >in/trips.csv
run_ok "a file is looked at" "$MILLRACE" init --from in/trips.csv in
contains "the table says which line decided" "$(tr -s ' ' <out)" "distance double 0 1 .. 75 line 77 holds 1.5; before it: int"
contains "and what can not become a record" "$(cat out)" "76 records; 1 line can not become one and would go to the dead letters: line 78 has 2 fields and the header 6"
"$MILLRACE" init --from in/trips.csv --json >look.json
equal "of whole numbers the least and the most" "int|0|1|76|all values are whole, of at most 6 digits" "$(column id)"
equal "of texts the nulls" "string|1|||line 2 holds Manhattan" "$(column zone)"
equal "of times too" "local-timestamp-micros|0|2019-03-01 08:00:00|2019-03-02 09:00:00|all values are times without a zone" "$(column pickup)"
equal "a column of nothing" "string|76|||no value in any line" "$(column empty)"
equal "numbers up to a text" "string|0|||line 77 holds n/a; before it: int" "$(column code)"
equal "a file beside the pipeline is named alone" "trips.csv" "$(jq -r .sources.trips.path in/pipeline.json)"
jq --arg topic "$topic" '.name = $topic | .sources.trips.topic = $topic' in/pipeline.json >in/edited.json
run_ok "the pipeline is a good one" "$MILLRACE" check in/edited.json
run_ok "and runs" "$MILLRACE" run in/edited.json --once
equal "its records arrive" 76 "$(records "$topic" | wc -l)"
equal "of the types that were chosen" '{"id":76,"distance":1.5,"zone":null,"code":"n/a"}' "$(records "$topic" '.value | select(.id == 76) | {id, distance, zone, code}')"
run_fails "nothing is overwritten" 1 "trips.avsc exists; --force replaces it" "$MILLRACE" init --from in/trips.csv in
printf 'a;b\n1;2\n' >semi.csv
run_ok "another delimiter" "$MILLRACE" init --from semi.csv semi
contains "is suspected" "$(cat out)" 'should the delimiter be ";"?'
run_ok "and can be given" "$MILLRACE" init --from semi.csv semi --force -o 'delimiter=;'
equal "it stands in the pipeline" ";" "$(jq -r .sources.semi.delimiter semi/pipeline.json)"
run_fails "a wrong option is told" 2 "the nearest is delimiter" "$MILLRACE" init --from semi.csv -o 'delimter=;'
run_fails "a file that is not there" 3 "none.csv: No such file" "$MILLRACE" init --from none.csv
: >void.csv
run_fails "a file without records" 1 "there is no record in it yet" "$MILLRACE" init --from void.csv

# --- Options: a file as a spreadsheet in Germany writes it, without a header
topic=$(unique dialect)
cat >dialect.json <<JSON
{
  "name": "$topic",
  "sources": {
    "it": {
      "connector": "file", "path": "dialect.csv", "topic": "$topic",
      "delimiter": ";", "quote": "'", "escape": "\\\\", "comment": "#", "null.texts": ["k. A."],
      "header": false, "columns": ["id", "what", "at"],
      "time.formats": ["%d.%m.%Y %H:%M", "%b %e, %Y %I:%M %p"], "time.zone": "Europe/Berlin"
    }
  }
}
JSON
cat >dialect.csv <<'CSV'
# exported on a Friday
1;'it\'s; so';01.03.2019 12:00
2;k. A.;Jul 4, 2019 12:00 PM
CSV
run_ok "a dialect is read" "$MILLRACE" run dialect.json --once
equal "as it is meant" '{"id":1,"what":"it'"'"'s; so","at":"2019-03-01T11:00:00Z"} {"id":2,"what":null,"at":"2019-07-04T10:00:00Z"}' \
    "$(records "$topic" .value | sed 's/\.0*Z/Z/' | sort | paste -sd ' ')"
run_fails "an option that makes no sense" 2 'time.formats: "%d.%m" has no year' "$MILLRACE" file --path dialect.csv --topic "$topic" --time-formats '%d.%m' --once

# --- Bad input: a quote that never closes, another encoding, names that differ in case
topic=$(unique bad)
{
    printf 'ID,id\n1,caf\xc3\xa9\n2,caf\xe9\n3,"never\n'
    seq 4 40000 | sed 's/$/,x/'
} >bad.csv
run_ok "bad input is no end" "$MILLRACE" file --path bad.csv --topic "$topic" --line-max-bytes 64KiB --on-failure-topic "$topic.dlq" --once
contains "names that differ in case are told of" "$(cat out)" 'are called "id" but for upper and lower case'
equal "all else is read" 39998 "$(records "$topic" | wc -l)"
letters=$("$MILLRACE" tap "$topic.dlq" --once 2>/dev/null)
equal "two lines are not" 2 "$(wc -l <<<"$letters")"
contains "the one in another encoding, with its line" "$letters" "bad.csv:3"
contains "and the one whose quote is open" "$letters" "a quote is opened and not closed within line.max.bytes: line 4, field 2"

# --- Into PostgreSQL: names that differ in case, and records that hold themselves
sink() { "$MILLRACE" postgres --topics "$1" --table "$1" --connection-url "$DATABASE_URL" --auto-create --once "${@:2}"; }
topic=$(unique letters)
printf 'ID,id,Id\n1,2,3\n' >letters.csv
run_ok "columns that differ in case alone are read" "$MILLRACE" file --path letters.csv --topic "$topic" --once
run_ok "and written" sink "$topic" --name "$topic"
equal "to a column each" "1 2 3" "$(sql "SELECT \"ID\" || ' ' || id || ' ' || \"Id\" FROM $topic")"
run_fails "a query can not tell them apart" 1 "fields 'ID' and 'id' differ only in case, which SQL can not tell apart; rename one" \
    sink "$topic" --name "$topic-query" --query 'SELECT id FROM record'
printf 'id,name,id\n1,x,2\n' >twice.csv
run_fails "two columns of one name are refused" 1 'twice.csv:1: the header has two columns that are called "id"' \
    "$MILLRACE" file --path twice.csv --topic "$topic" --once
topic=$(unique nodes)
cat >node.avsc <<'JSON'
{"type": "record", "name": "Node", "fields": [{"name": "id", "type": "long"}, {"name": "next", "type": ["null", "Node"], "default": null}]}
JSON
printf '{"id": 1, "next": {"id": 2, "next": {"id": 3}}}\n{"id": 4}\n' >nodes.ndjson
run_ok "records that hold themselves are read" "$MILLRACE" file --path nodes.ndjson --schema node.avsc --topic "$topic" --once
run_ok "and written" sink "$topic" --name "$topic"
equal "as JSON" '1 {"id": 2, "next": {"id": 3, "next": null}},4 null' "$(sql "SELECT string_agg(id || ' ' || coalesce(next::text, 'null'), ',' ORDER BY id) FROM $topic")"

# --- The names of the TLC, mapped by query: docs/files.md
topic=$(unique tlc)
cat >yellow.csv <<'CSV'
VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,passenger_count,trip_distance,RatecodeID,store_and_fwd_flag,PULocationID,DOLocationID,payment_type,fare_amount,extra,mta_tax,tip_amount,tolls_amount,improvement_surcharge,total_amount,congestion_surcharge
1,2019-03-01 00:24:41,2019-03-01 00:25:31,1,0,1,N,145,145,2,3,0.5,0.5,0,0,0.3,4.3,0
2,2019-03-01 00:25:27,2019-03-01 00:36:37,2,3.7,1,N,95,130,1,13,0.5,0.5,0.7,0,0.3,15,
CSV
query="SELECT VendorID AS vendor, tpep_pickup_datetime AS pickup, PULocationID AS pickup_zone_id, CASE payment_type WHEN 1 THEN 'card' WHEN 2 THEN 'cash' END AS payment, total_amount AS total FROM record"
run_ok "a file of the TLC is read" "$MILLRACE" file --path yellow.csv --topic "$topic" --time-zone America/New_York --query "$query" --once
contains "under other names" "$(records "$topic")" '"pickup_zone_id":145,"payment":"cash","total":4.3'
contains "its times in UTC" "$(records "$topic")" '05:24:41'

# --- Finished files are moved once what was read is durable: kill -9, again and again, loses and doubles nothing
topic=$(unique inbox)
mkdir -p inbox/deep
for i in $(seq 1 60); do
    { echo id && seq "$((i * 100))" "$((i * 100 + 9))"; } >"inbox/$( ((i % 2)) || echo deep/)part-$i.csv"
done
cp inbox/part-1.csv inbox/part-1.tmp.csv
cat >inbox.json <<JSON
{
  "name": "$topic",
  "sources": {
    "it": {
      "connector": "file", "path": "inbox", "topic": "$topic", "recursive": true, "exclude": ["*.tmp.csv"],
      "finished": "move", "finished.folder": "inbox/done",
      "complete.after.ms": "50ms", "scan.interval.ms": "10ms", "commit.interval.ms": "5ms"
    }
  }
}
JSON
moved() { (($(find inbox/done -type f 2>/dev/null | wc -l) >= $1)); }
for wanted in 0 1 7 19 33 48 59; do
    background inbox.log "$MILLRACE" run inbox.json
    eventually 60 moved "$wanted" || not_ok "files are moved" "$(tail -n 5 inbox.log)"
    kill -KILL "$LAST"
    wait "$LAST" 2>/dev/null || true
done
run_ok "the rest is read" "$MILLRACE" run inbox.json --once
equal "every line came once" "600 600" "$(records "$topic" .value.id | tee ids | wc -l) $(sort -u ids | wc -l)"
equal "every file was moved, into folders as before" "30 30" \
    "$(find inbox/done -maxdepth 1 -type f | wc -l) $(find inbox/done/deep -type f | wc -l)"
equal "what is left out stays" "inbox/part-1.tmp.csv" "$(find inbox -path inbox/done -prune -o -type f -print)"
run_ok "a file that comes again" cp inbox/done/part-1.csv inbox/part-1.csv
run_ok "is another one" "$MILLRACE" run inbox.json --once
equal "and keeps its predecessor" "inbox/done/part-1.csv inbox/done/part-1.csv.1" "$(find inbox/done -name 'part-1.csv*' | sort | paste -sd ' ')"

# --- Deleting, of one file: the end is the same when it is done again
topic=$(unique single)
printf 'a\n1\n' >single.csv
run_ok "one file is read and deleted" "$MILLRACE" file --path single.csv --topic "$topic" --finished delete --once
equal "it is gone" "no" "$([[ -e single.csv ]] && echo yes || echo no)"
equal "its record is there" 1 "$(records "$topic" | wc -l)"
run_fails "moving needs a folder" 2 "finished.folder: finished says move: give the folder" "$MILLRACE" file --path . --topic "$topic" --finished move --once

scenario_end
