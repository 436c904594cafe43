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
equal "rows arrive with their types, one is deleted by its key" '1|Zürich|1.50|2019-03-23 20:21:09.25|2019-03-23|{} 3|c|0.10|2019-03-23 20:21:09.25|2019-03-25|{x,y}' \
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

# --- json-connect: written by us, read by us
topic=$(unique connect)
connect=$topic
run_ok "records are sent with their schema" "$MILLRACE" file --path rows.csv --topic "$topic" --key-fields id --value-format json-connect --topic-partitions 1 \
    --query 'SELECT id, name, amount, CAST(amount AS DECIMAL(10,2)) AS price, at, day, ok FROM record' --key-format json-connect --once
equal "as Connect's converter reads it" \
    '{"id":1,"name":"Zürich","amount":1.5,"price":"AJY=","at":"2019-03-23T20:21:09.25Z","day":17978,"ok":true}' \
    "$(values "$topic" | head -n 1 | jq -c .payload)"
equal "with types and names" "id int32 - true|name string - true|amount double - true|price bytes org.apache.kafka.connect.data.Decimal true|at string io.debezium.time.ZonedTimestamp true|day int32 org.apache.kafka.connect.data.Date true|ok boolean - true" \
    "$(values "$topic" | head -n 1 | jq -r '[.schema.fields[] | "\(.field) \(.type) \(.name // "-") \(.optional)"] | join("|")')"
equal "the key too" '{"type":"int32","optional":false} 1' "$(kcat -b "$KAFKA_BOOTSTRAP_SERVERS" -t "$topic" -C -e -q -f '%k\n' | head -n 1 | jq -c '.schema, .payload' | paste -sd ' ')"
equal "tap shows the values" '{"key":1,"value":{"id":1,"name":"Zürich","amount":1.5,"price":"1.50","at":"2019-03-23T20:21:09.250000Z","day":"2019-03-23","ok":true}}' \
    "$("$MILLRACE" tap "$topic" --once -n 1 | jq -c '{key, value}')"
table=$(unique connect)
run_ok "they are read" sink --value-format json-connect --key-format json-connect
avro=$(unique avro)
"$MILLRACE" file --path rows.csv --topic "$avro" --topic-partitions 1 --once \
    --query 'SELECT id, name, amount, CAST(amount AS DECIMAL(10,2)) AS price, at, day, ok FROM record' >/dev/null 2>&1
same=$(unique same)
"$MILLRACE" postgres --topics "$avro" --connection-url "$DATABASE_URL" --table "$same" --auto-create --once >/dev/null 2>&1
equal "rows are those that Avro gives" "" "$(sql "(TABLE $table EXCEPT TABLE $same) UNION ALL (TABLE $same EXCEPT TABLE $table)")"
equal "all of them" 2 "$(sql "SELECT count(*) FROM $table")"

# --- json-connect: written by others. The schema is in each message, in any order, and may change.
topic=$(unique connect)
make_topic "$topic"
table=$(unique connect)
# keyed <id> <value>: a line for send.
keyed() { printf '{"schema":{"type":"struct","fields":[{"type":"int32","optional":false,"field":"id"}],"optional":false,"name":"t.Key"},"payload":{"id":%s}}|%s\n' "$1" "$2"; }
row='{"type":"struct","name":"shop-1.public.orders.Value","optional":true,"fields":[{"type":"int32","optional":false,"field":"id"},{"type":"string","optional":true,"field":"name"},{"type":"bytes","optional":true,"name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"2"},"field":"price"},{"type":"int64","optional":true,"name":"org.apache.kafka.connect.data.Timestamp","version":1,"field":"at"},{"type":"int64","optional":false,"name":"io.debezium.time.MicroTimestamp","default":0,"field":"local"},{"type":"array","items":{"type":"string","optional":false},"optional":true,"field":"tags"}]}'
{
    keyed 1 "$(printf '{"schema":%s,"payload":{"id":1,"name":"a","price":"AJY=","at":1553372469250,"local":1553372469250001,"tags":["x"]}}' "$row")"
    keyed 2 "$(printf '{"payload":{"id":2,"name":null,"price":12.3,"local":null},"schema":%s}' "$row")"
    keyed 3 "$(printf '{"schema":%s,"payload":{"id":3,"local":1,"at":"x"}}' "$row")"
    keyed 4 '{"schema":null,"payload":{"id":4}}'
    keyed 5 '{"id":5}'
    keyed 6 "$(printf '{"schema":%s,"payload":{"id":6,"name":"f"}}' "$row")"
    keyed 6 '{"schema":null,"payload":null}'
    keyed 7 '{"schema":{"type":"struct","name":"N","fields":[{"type":"uuid","field":"id"}]},"payload":{"id":7}}'
} >lines
send "$topic" -K '|' -l lines
sink --value-format json-connect --key-format json-connect >out.json 2>log || cat log
equal "Connect's messages arrive" '1|a|1.50|2019-03-23 20:21:09.25|2019-03-23 20:21:09.250001|{x} 2||12.30||1970-01-01 00:00:00|' \
    "$(sql "SELECT id, name, price, at AT TIME ZONE 'UTC', local, tags FROM $table ORDER BY id" | paste -sd ' ')"
equal "four are dead letters" "8 4" "$(jq -r '.connectors[0] | "\(.records_in) \(.dead_letters)"' out.json)"
contains "a value that does not fit" "$(cat log)" 'field at, byte 26 of 27: "x" is no timestamp-millis'
contains "no schema" "$(cat log)" "Set schemas.enable=true"
contains "no envelope" "$(cat log)" "of JSON alone the format is json"
contains "a type that is none" "$(cat log)" 'dlq: the message'"'"'s "schema", field id: type "uuid"; known: int8'

# --- Debezium's change events in it
topic=$(unique events)
make_topic "$topic"
table=$(unique events)
value='{"type":"struct","fields":[{"type":"int32","optional":false,"field":"id"},{"type":"string","optional":true,"field":"name"}],"optional":true,"name":"d.public.t.Value","field":"NAME"}'
event='{"type":"struct","fields":['"${value/NAME/before},${value/NAME/after}"',{"type":"struct","fields":[{"type":"string","optional":false,"field":"db"}],"optional":false,"name":"io.debezium.connector.postgresql.Source","field":"source"},{"type":"string","optional":false,"field":"op"},{"type":"int64","optional":true,"field":"ts_ms"}],"optional":false,"name":"d.public.t.Envelope"}'
say() { keyed "$1" "$(printf '{"schema":%s,"payload":{"before":%s,"after":%s,"source":{"db":"d"},"op":"%s","ts_ms":1}}' "$event" "$2" "$3" "$4")"; }
{
    say 1 null '{"id":1,"name":"a"}' c
    say 2 null '{"id":2,"name":"b"}' r
    say 1 '{"id":1,"name":"a"}' '{"id":1,"name":"A"}' u
    say 2 '{"id":2,"name":"b"}' null d
    keyed 2 ""
} >lines
send "$topic" -K '|' -Z -l lines
run_ok "change events are read" sink --value-format json-connect --key-format json-connect
equal "and carried out" "1|A" "$(sql "SELECT id, name FROM $table ORDER BY id" | paste -sd ' ')"

# --- value.schema for what has a schema of its own
cat >less.avsc <<'JSON'
{"type": "record", "name": "Record", "fields": [
  {"name": "id", "type": "long"}, {"name": "name", "type": "string"}, {"name": "extra", "type": "string", "default": "new"}]}
JSON
topic=$avro
table=$(unique less)
run_ok "Avro is read into the schema that is given" sink --value-schema less.avsc
equal "fields are left out and added" "1|Zürich|new 2|a \"b\"|new" "$(sql "SELECT * FROM $table ORDER BY id" | paste -sd ' ')"
cp rows.csv more.csv
"$MILLRACE" file --path more.csv --topic "$avro" --once --query 'SELECT id + 2 AS id, name, 1 AS more FROM record' >/dev/null 2>&1
table=$(unique versions)
fresh=(--group-id "$(unique fresh)" --offsets-schema "$(unique fresh)")
run_ok "two versions are read into one schema" sink --value-schema less.avsc "${fresh[@]}"
equal "and are rows of one table" "1|new 2|new 3|new 4|new" "$(sql "SELECT id, extra FROM $table ORDER BY id" | paste -sd ' ')"
topic=$connect
table=$(unique resolved)
fresh=(--group-id "$(unique fresh)" --offsets-schema "$(unique fresh)")
run_ok "JSON with a schema is resolved too" sink --value-format json-connect --value-schema less.avsc "${fresh[@]}"
equal "to the same" "1|Zürich|new 2|a \"b\"|new" "$(sql "SELECT * FROM $table ORDER BY id" | paste -sd ' ')"
topic=$avro
sed 's/"name": "name", "type": "string"/"name": "name", "type": "int"/' less.avsc >other.avsc
table=$(unique other)
sink --value-schema other.avsc --group-id "$(unique other)" --offsets-schema "$(unique other)" >out.json 2>log || true
equal "what does not resolve is dead" "4 4" "$(jq -r '.connectors[0] | "\(.records_in) \(.dead_letters)"' out.json)"
contains "with the difference" "$(cat log)" "does not resolve to it: data of Avro schema Record cannot be read as Record: at Record.name: "
scenario_end
