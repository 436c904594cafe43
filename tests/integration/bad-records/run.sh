#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Records that can not become rows: bytes that are not Avro, and rows that PostgreSQL refuses. They go to the dead
# letters alone, with the reason and the bytes they came as; all others are in the table, once.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"
needs kafka postgres
name=$(unique rows)
sql "CREATE SCHEMA $name"
cd "$TMP"

# fill <topic> <csv>: the lines as records.
fill() {
    timeout -k 2 60 "$MILLRACE" file --name "$1" --topic "$1" --path "$2" --once --topic-partitions 1 --progress never \
        --log-level warning
}
# store <pipeline name> <topic> <table> [flags...]: what is in the topic into the table.
store() {
    timeout -k 2 60 "$MILLRACE" postgres --name "$1" --topics "$2" --connection-url "$DATABASE_URL" --table "$name.$3" \
        --once --json --progress never "${@:4}"
}
went() { tail -n 1 "$TMP/out" | jq -r '[.end, (.connectors[0] | .records_in, .records_out, .dead_letters)] | join(" ")'; }
# letters <pipeline name>: each dead letter as one line of JSON, as kcat sees it.
letters() {
    kcat -q -C -b "$KAFKA_BOOTSTRAP_SERVERS" -t "$1.postgres.dlq" -e -J | jq -c '. as $letter
        | ([.headers | _nwise(2) | {key: .[0], value: .[1]}] | from_entries) as $h
        | {offset: $h["__connect.errors.offset"], code: ($h["millrace.errors.code"] // ""),
           field: ($h["millrace.errors.field"] // ""), reason: $h["__connect.errors.exception.message"],
           stage: $h["__connect.errors.stage"], key: $letter.key, payload: $letter.payload, headers: $h}'
}

# Rows that PostgreSQL refuses, among 3,000 that it takes. The id of a bad one ends in 00.
python3 - >rows.csv <<'PYTHON'
bad = {100: "100,much too long,1,need,1.5", 200: "200,ok,40000,need,1.5", 300: "300,ok,1,,1.5", 400: "400,ok,1,need,-1.5",
       500: "499,ok,1,need,1.5", 600: "600,ok,1,refuse,1.5", 2900: "2900,ok,-40000,need,1.5"}
print("id,code,small,need,amount")
for i in range(3000):
    print(bad.get(i, "%d,ok,%d,need,%d.5" % (i, i % 30000, i % 7)))
PYTHON
cat >make.sql <<SQL
CREATE TABLE $name.strict (id int PRIMARY KEY, code varchar(5), small int2, need text NOT NULL,
    amount float8 CONSTRAINT positive CHECK (amount > 0));
CREATE FUNCTION $name.refuse() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN
    IF NEW.need = 'refuse' THEN RAISE EXCEPTION 'not on my watch'; END IF; RETURN NEW; END \$\$;
CREATE TRIGGER refuse BEFORE INSERT ON $name.strict FOR EACH ROW EXECUTE FUNCTION $name.refuse();
SQL
sql "$(<make.sql)"
run_ok "records are made" fill "$name" rows.csv
run_ok "the sink goes through all of them" store "$name" "$name" strict --insert-mode insert
equal "2,993 rows and 7 dead letters" "drained 3000 2993 7" "$(went)"
equal "all good rows are there, once" "2993 2993" \
    "$(sql "SELECT count(*) || ' ' || count(DISTINCT id) FROM $name.strict WHERE id NOT IN (100, 200, 300, 400, 500, 600, 2900)")"
letters "$name" >dead.json
# refused <what> <offset> <SQLSTATE> <column> <part of the reason>
refused() {
    local letter
    letter=$(jq -c "select(.offset == \"$2\")" dead.json)
    equal "$1: SQLSTATE and column" "$3 $4" "$(jq -r '"\(.code) \(.field)"' <<<"$letter")"
    contains "$1: the reason" "$(jq -r .reason <<<"$letter")" "$5"
}
refused "too long for varchar(5)" 100 22001 code "takes 5"
refused "too large for int2" 200 22003 small "40000 is out of the range of smallint"
refused "null where NOT NULL" 300 23502 need "null value in column"
refused "a check" 400 23514 "" 'violates check constraint "positive"'
refused "a key that is there" 500 23505 "" "Key (id)=(499) already exists"
refused "a trigger" 600 P0001 "" "not on my watch"
refused "too small for int2" 2900 22003 small "-40000 is out of the range of smallint"
equal "each says where it comes from" 7 "$(jq -c "select(.headers[\"__connect.errors.topic\"] == \"$name\"
    and .headers[\"__connect.errors.partition\"] == \"0\" and .stage == \"TASK_PUT\"
    and .headers[\"__connect.errors.connector.name\"] == \"$name.postgres\")" dead.json | wc -l)"
bytes() { kcat -q -C -b "$KAFKA_BOOTSTRAP_SERVERS" -t "$1" -p 0 -o "$2" -c 1 -e -f '%s' | md5sum; }
first=$(jq -s 'map(.offset) | index("100")' dead.json)
equal "the letter holds the record's own bytes" "$(bytes "$name" 100)" "$(bytes "$name.postgres.dlq" "$first")"
run_ok "a second run" store "$name" "$name" strict --insert-mode insert
equal "finds nothing to do" "drained 0 0 0" "$(went)"

# What is not Avro, between records that are.
topic=${name}_bytes
printf 'id,note\n1,one\n2,two\n' >few.csv
put() { kcat -P -b "$KAFKA_BOOTSTRAP_SERVERS" -t "$topic" -p 0 "$@" 2>/dev/null; }
run_ok "two good records" fill "$topic" few.csv
kcat -q -C -b "$KAFKA_BOOTSTRAP_SERVERS" -t "$topic" -p 0 -o 0 -c 1 -f '%s' >one.bin
put -k some-key -H from=elsewhere <<<'{"id": 3}'
printf '\0\0\0\0\7abc' >confluent.bin
printf 'Obj\1abc' >container.bin
head -c -2 one.bin >short.bin
{ cat one.bin && printf 'more'; } >long.bin
printf '\303\1\1\2\3\4\5\6\7\10abc' >unknown.bin
for file in confluent container short long unknown; do
    put "$file.bin"
done
printf 'empty:\n' | put -K:
printf 'gone:\n' | put -K: -Z
run_ok "two more good ones" fill "$topic-more" few.csv
sql "CREATE TABLE $name.notes (id int, note text)"
for offset in 0 1; do
    kcat -q -C -b "$KAFKA_BOOTSTRAP_SERVERS" -t "$topic-more" -p 0 -o "$offset" -c 1 -f '%s' >more.bin
    put more.bin
done
run_ok "the sink goes through those" store "$topic" "$topic" notes
equal "good ones are stored, once" "1|one 1|one 2|two 2|two" "$(sql "SELECT * FROM $name.notes ORDER BY id" | paste -sd ' ')"
letters "$topic" >dead.json
equal "others are dead letters" "drained 12 4 8" "$(went)"
# strange <what> <offset> <stage> <part of the reason>
strange() {
    local letter
    letter=$(jq -c "select(.offset == \"$2\")" dead.json)
    contains "$1: the reason" "$(jq -r .reason <<<"$letter")" "$4"
    equal "$1: the stage" "$3" "$(jq -r .stage <<<"$letter")"
}
strange "JSON" 3 VALUE_CONVERTER "the value is not Avro single-object encoded (C3 01, fingerprint, datum); it starts with 7b 22"
equal "key, value and headers are kept" 'some-key {"id": 3} elsewhere' \
    "$(jq -r 'select(.offset == "3") | "\(.key) \(.payload) \(.headers.from)"' dead.json)"
strange "a Schema Registry's framing" 4 VALUE_CONVERTER "it starts with 00 00 00 00 07: Confluent framing, schema id 7"
strange "a container file" 5 VALUE_CONVERTER "an Avro object container file, not a single record"
strange "data that is cut off" 6 VALUE_CONVERTER "Avro data of schema Record, field note, byte 4 of 5: a length of 3 bytes"
strange "data with more behind it" 7 VALUE_CONVERTER "4 bytes are left over"
strange "a schema that nobody knows" 8 VALUE_CONVERTER "has no schema with fingerprint 0807060504030201; whoever wrote"
strange "nothing at all" 9 VALUE_CONVERTER "it has no bytes at all"
strange "a tombstone" 10 TASK_PUT "a delete (tombstone), and insert mode has no key to delete by"

# A table that is not there.
run_fails "a table that is missing" 1 "there is no table \"$name\".\"later\" in database" store "$name-later" "$name" later --key-fields id
tail -n 1 out | jq -r .error.text | sed -n 's/.*make it with: //p' >create.sql
columns='("id" integer NOT NULL, "code" text, "small" integer, "need" text, "amount" double precision, PRIMARY KEY ("id"))'
equal "is told as SQL" "CREATE TABLE IF NOT EXISTS \"$name\".\"later\" $columns" "$(<create.sql)"
run_ok "which runs as it stands" sql "$(<create.sql)"
run_ok "and then the sink does" store "$name-later" "$name" later --key-fields id
equal "nothing is lost" "drained 3000 3000 0 2999" "$(went) $(sql "SELECT count(*) FROM $name.later")"
python3 -c 'names = ["a_column_with_a_rather_long_name_%03d" % i for i in range(150)]
print(",".join(names)); print(",".join("1" for _ in names))' >wide.csv
run_ok "a wide record" fill "$name-wide" wide.csv
run_fails "half a statement is not shown" 1 "set auto.create, which makes it with a column for each of the 150 fields" \
    store "$name-wide" "$name-wide" wide
run_ok "which is true" store "$name-wide" "$name-wide" wide --auto-create
equal "the wide record is stored" "drained 1 1 0" "$(went)"

# A table that does not fit: a column is added while the sink waits for it.
sql "CREATE TABLE $name.narrow (id int)"
: >waiting.log
background waiting.log "$MILLRACE" postgres --name "$name-narrow" --topics "$name" --connection-url "$DATABASE_URL" \
    --table "$name.narrow" --progress never
alter='s/.* add it with: \(ALTER TABLE [^;]*\);.*/\1/p'
told() { [[ -n $(sed -n "$alter" waiting.log) ]]; }
if eventually 20 told; then ok "columns that are missing are told as SQL"; else not_ok "columns that are missing" "$(<waiting.log)"; fi
run_ok "which runs as it stands" sql "$(sed -n "$alter" waiting.log | head -n 1)"
has_all() { [[ $(sql "SELECT count(*) || ' ' || count(DISTINCT id) || ' ' || count(amount) FROM $name.narrow") == "3000 2999 3000" ]]; }
if eventually 30 has_all; then ok "then the sink goes on, all by itself"; else not_ok "the sink goes on" "$(<waiting.log)"; fi
kill -TERM "$LAST"

# An array whose elements become lists: the column is changed while the sink waits for it.
tagged() { # <items> <line> <number>
    printf '{"type": "record", "name": "Row", "fields": [{"name": "id", "type": "int"}, {"name": "tags", "type": {"type": "array", "items": %s}}]}' "$1" >tags.avsc
    printf '%s\n' "$2" >"tags-$3.jsonl"
    "$MILLRACE" file --path "tags-$3.jsonl" --schema tags.avsc --topic "$name-tags" --topic-partitions 1 --once >/dev/null 2>&1
}
run_ok "elements that are numbers" tagged '["null", "int"]' '{"id": 1, "tags": [1, null]}' 1
run_ok "and later lists of them" tagged '{"type": "array", "items": "int"}' '{"id": 2, "tags": [[2], []]}' 2
run_ok "and bigger ones" tagged '"long"' '{"id": 3, "tags": [5000000000]}' 3
: >waiting.log
background waiting.log "$MILLRACE" postgres --name "$name-tags" --topics "$name-tags" --connection-url "$DATABASE_URL" \
    --table "$name.tags" --key-fields id --auto-create --progress never --batch-size 1
alter='s/.* change the column with: \(ALTER TABLE .* USING to_jsonb("tags")\).*/\1/p'
if eventually 20 told; then ok "what an array can not hold is told as SQL"; else not_ok "what an array can not hold" "$(<waiting.log)"; fi
equal "the table was made with an array" "integer[]" "$(sql "SELECT format_type(atttypid, atttypmod) FROM pg_attribute
    WHERE attrelid = '$name.tags'::regclass AND attname = 'tags'")"
run_ok "which runs as it stands" sql "$(sed -n "$alter" waiting.log | head -n 1)"
has_all() { [[ $(sql "SELECT string_agg(tags::text, ' ' ORDER BY id) FROM $name.tags") == '[1, null] [[2], []] [5000000000]' ]]; }
if eventually 30 has_all; then ok "then the sink goes on, all by itself"; else not_ok "the sink goes on" "$(<waiting.log)"; fi
kill -TERM "$LAST"
run_fails "a key that no index has" 1 'ADD PRIMARY KEY ("id")' store "$name-key" "$name" narrow --key-fields id
sql "DROP SCHEMA $name CASCADE" 2>notices
scenario_end
