#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Values and keys as JSON: written by us and read by others, written by others and read by us.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"
needs kafka postgres
cd "$TMP"
export NO_COLOR=1

# values <topic>: what stands on the wire, one message a line.
values() { kcat -b "$KAFKA_BOOTSTRAP_SERVERS" -t "$1" -C -e -q -f '%s\n'; }
# send <topic>: messages from lines, in order, to one partition; KEY|VALUE with -K.
send() {
    local topic=$1
    shift
    kcat -b "$KAFKA_BOOTSTRAP_SERVERS" -t "$topic" -P -p 0 "$@"
}
make_topic() {
    printf 'id\n' >none.csv
    "$MILLRACE" file --path none.csv --topic "$1" --topic-partitions 1 --once >/dev/null 2>&1
}

# --- json: written by us
cat >rows.csv <<'CSV'
id,name,amount,at,day,ok
1,Zürich,1.5,2019-03-23T20:21:09.25Z,2019-03-23,true
2,"a ""b""",,2019-03-23T20:21:10Z,2019-03-24,false
CSV
topic=$(unique json)
run_ok "records are sent as JSON" "$MILLRACE" file --path rows.csv --topic "$topic" --key-fields id --value-format json --topic-partitions 1 \
    --query 'SELECT id, name, amount, CAST(amount AS DECIMAL(10,2)) AS price, at, day, ok FROM record' --key-format json --once
equal "each is one object" \
    '{"id":1,"name":"Zürich","amount":1.5,"price":"1.50","at":"2019-03-23T20:21:09.25Z","day":"2019-03-23","ok":true} {"id":2,"name":"a \"b\"","amount":null,"price":null,"at":"2019-03-23T20:21:10Z","day":"2019-03-24","ok":false}' \
    "$(values "$topic" | paste -sd ' ')"
equal "a key of one field is its value" "1 2" "$(kcat -b "$KAFKA_BOOTSTRAP_SERVERS" -t "$topic" -C -e -q -f '%k\n' | paste -sd ' ')"

# --- json: read with a schema
cat >row.avsc <<'JSON'
{"type": "record", "name": "Row", "fields": [
  {"name": "id", "type": "int"},
  {"name": "name", "type": "string"},
  {"name": "price", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}]},
  {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
  {"name": "day", "type": {"type": "int", "logicalType": "date"}},
  {"name": "tags", "type": {"type": "array", "items": "string"}, "default": []}
]}
JSON
echo '"int"' >key.avsc
table=$(unique json)
sink() {
    "$MILLRACE" postgres --topics "$topic" --connection-url "$DATABASE_URL" --table "$table" --key-fields id --auto-create --once --json "$@"
}
send "$topic" -K '|' <<'LINES'
3|{"id": 3, "name": "c", "price": 0.10, "at": 1553372469250, "day": "2019-03-25", "tags": ["x", "y"], "more": {"deep": [1]}}
4|{"id": 4, "name": "d", "at": "yesterday", "day": "2019-03-25"}
5|{"id": "5", "name": "e", "at": 0, "day": "2019-03-25"}
6|{"id": 6, "name": "f", "at": 0, "day": "2019-03-25"
7|[7]
LINES
send "$topic" -K '|' -Z <<'LINES'
2|
LINES
sink --value-format json --value-schema row.avsc --key-format json --key-schema key.avsc >out.json 2>log || cat log
equal "rows arrive with their types, one is deleted by its key" '1|Zürich|1.50|2019-03-23 20:21:09.25|2019-03-23|[] 3|c|0.10|2019-03-23 20:21:09.25|2019-03-25|["x", "y"]' \
    "$(sql "SELECT id, name, price, at AT TIME ZONE 'UTC', day, tags FROM $table ORDER BY id" | paste -sd ' ')"
equal "four are dead letters" "8 4" "$(jq -r '.connectors[0] | "\(.records_in) \(.dead_letters)"' out.json)"
contains "with the field and the cause" "$(cat log)" 'offset 4, field at goes to'
contains "a time that is none" "$(cat log)" '"yesterday" is no timestamp-millis; expected is text such as "2019-03-23T20:21:09Z"'
contains "a number as text" "$(cat log)" "field id, byte 7 of 54: a string where a whole number is expected"
contains "JSON that is cut" "$(cat log)" "the JSON text ends where '}' should be"
contains "no object" "$(cat log)" "an array where an object is expected"
dead=$(grep -o 'goes to [^:]*' log | head -n 1 | cut -d ' ' -f 3)
equal "tap shows dead letters with where and why" '{"key":"5","value":{"id":"5","name":"e","at":0,"day":"2019-03-25"},"field":"id"}' \
    "$("$MILLRACE" tap "$dead" --once | jq -c --arg topic "$topic" 'select(.headers["__connect.errors.topic"] == $topic) | {key, value, field: .headers["millrace.errors.field"]}' | sed -n 2p)"

run_fails "JSON without a schema" 2 "set value.schema" sink --value-format json
run_fails "keys in JSON without a schema" 2 "set key.schema" sink --key-format json
run_fails "a schema of keys that nobody reads" 2 "key.format is text" sink --key-schema key.avsc
run_fails "a schema that is not there" 2 "nowhere.avsc: No such file" sink --value-format json --value-schema nowhere.avsc
echo '{"type": "recrd"}' >bad.avsc
run_fails "a schema that is none" 2 "bad.avsc: Avro schema, at schema" sink --value-format json --value-schema bad.avsc
topic=$(unique avro)
make_topic "$topic"
send "$topic" <<<'{"id": 1}'
run_ok "JSON that is read as Avro ends" sink
contains "and names the option" "$(cat out)" "for JSON set value.format=json-connect"
scenario_end
