#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# CSV files from a first look (init --from) to records in Kafka.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"
needs kafka
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
jq --arg topic "$topic" '.sources.trips.topic = $topic' in/pipeline.json >in/edited.json
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

scenario_end
