#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a file may be beside plain CSV, into a real Kafka: packed files, killed in the middle and cut in half.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"
needs kafka
name=$(unique formats)
write_avro=$(dirname "$(realpath "${BASH_SOURCE[0]}")")/write_avro.py
cd "$TMP"

# take <suffix> <path> [flags...]: reads the path to its end, as pipeline $name-<suffix>, into the topic of that name.
take() {
    timeout -k 2 100 "$MILLRACE" file --name "$name-$1" --topic "$name-$1" --path "$2" --once --json --progress never "${@:3}"
}
went() { tail -n 1 "$TMP/out" | jq -rc '"\(.end) \(.connectors[0].records_out) \(.connectors[0].dead_letters)"'; }
ids() { "$MILLRACE" tap "$name-$1" --once | jq .value.id; }
# once_each <suffix> <count>: the ids are 1 to count, each once.
once_each() { equal "$1: each record once" "$(seq "$2" | md5sum)" "$(ids "$1" | sort -n | md5sum)"; }
# letters <suffix>: where and reason of each dead letter.
letters() {
    kcat -q -C -b "$KAFKA_BOOTSTRAP_SERVERS" -t "$name-$1.file.dlq" -e -J | jq -r '
        ([.headers | _nwise(2) | {key: .[0], value: .[1]}] | from_entries)
        | "\(.["millrace.errors.where"]) \(.["__connect.errors.exception.message"])"'
}

# rows <from> <to>: CSV lines.
rows() { seq "$1" "$2" | awk '{ printf "%d,name of %d,%d.5\n", $1, $1, $1 * 7 }'; }
header="id,name,price"

# --- Packed files ---

mkdir packed
{ echo "$header" && rows 1 1000; } | gzip >packed/a.csv.gz
rows 1001 2000 | gzip >>packed/a.csv.gz # a second member
{ echo "$header" && rows 2001 3000; } | zstd -q >packed/b.csv.zst
{ echo "$header" && rows 3001 4000; } >packed/c.csv
run_ok "packed and plain files of one folder" take packed packed
equal "packed: all of it" "drained 4000 0" "$(went)"
once_each packed 4000
rows 4001 4500 | gzip >>packed/a.csv.gz
{ echo "$header" && rows 2001 3000 && rows 4501 5000; } | zstd -q -9 >packed/b.csv.zst # packed anew
run_ok "another member, and a file that is packed again with more" take packed packed
equal "packed: only what is new" "drained 1000 0" "$(went)"
once_each packed 5000

# --- Killed in the middle ---

# killed <suffix> <path> <count>: kill -9 as soon as some have been committed, then to the end.
committed() {
    [[ $(kcat -q -C -b "$KAFKA_BOOTSTRAP_SERVERS" -t "$name-$1" -o beginning -c 1 -e -X isolation.level=read_committed 2>/dev/null | wc -c) != 0 ]]
}
killed() {
    background "$TMP/killed.log" "$MILLRACE" file --name "$name-$1" --topic "$name-$1" --path "$2" --progress never \
        --commit-interval-ms 20 --scan-interval-ms 10
    if eventually 60 committed "$1"; then ok "$1: some were committed"; else not_ok "$1: some were committed" "$(tail "$TMP/killed.log")"; fi
    kill -KILL "$LAST"
    wait "$LAST" 2>/dev/null || true
    run_ok "$1: to the end after kill -9" take "$1" "$2"
    contains "$1: it was killed in the middle" "$(went)" "drained "
    if (($(went | cut -d' ' -f2) > 0)); then ok "$1: there was something left"; else not_ok "$1: there was something left"; fi
    once_each "$1" "$3"
}
{ echo "$header" && rows 1 300000; } >big.csv
gzip -1 <big.csv >big.csv.gz
zstd -q big.csv
killed kill-gz big.csv.gz 300000
killed kill-zst big.csv.zst 300000

{ seq 1 300000 | awk '{ printf "{\"id\": %d, \"name\": \"name of %d\", \"tags\": [1, 2]}\n", $1, $1 }'; } >big.ndjson
killed kill-ndjson big.ndjson 300000
gzip -1 big.ndjson
killed kill-ndjson-gz big.ndjson.gz 300000

python3 "$write_avro" deflate 300000 50000 >big.avro
killed kill-avro big.avro 300000
python3 "$write_avro" null 300000 2000 | gzip -1 >big-blocks.avro.gz
killed kill-avro-gz big-blocks.avro.gz 300000

# --- Avro container files ---

mkdir avro
for codec in null deflate zstandard; do python3 "$write_avro" "$codec" 10000 300 >"avro/$codec.avro"; done
run_ok "Avro files of three codecs" take avro avro
equal "avro: all of it" "drained 30000 0" "$(went)"
equal "avro: each record three times" "$({ seq 10000 && seq 10000 && seq 10000; } | sort -n | md5sum)" "$(ids avro | sort -n | md5sum)"
equal "avro: the record" '{"id":7,"name":"name of 7","tags":[1,2]}' "$("$MILLRACE" tap "$name-avro" --once | jq -c 'select(.value.id == 7).value' | sort -u)"
size=$(stat -c %s avro/deflate.avro)
mkdir avro-cut
head -c $((size / 2)) avro/deflate.avro >avro-cut/a.avro
run_ok "an Avro file that is cut in half" take avro-cut avro-cut
before=$(ids avro-cut | wc -l)
equal "avro-cut: whole blocks" 0 "$((before % 300))"
contains "avro-cut: the dead letter" "$(letters avro-cut)" "a.avro:$((before + 1)) the file ends at byte $((size / 2)), in the middle of its Avro data"
cp avro/deflate.avro avro-cut/a.avro
run_ok "the whole file" take avro-cut avro-cut
once_each avro-cut 10000
cp avro/null.avro broken.avro
printf 'XX' | dd of=broken.avro bs=1 seek=$(($(stat -c %s broken.avro) - 10)) conv=notrunc status=none
run_fails "an Avro file whose last block is damaged" 1 "is damaged: the sync marker does not follow it" take broken broken.avro
equal "broken: the blocks before were sent" 9900 "$(ids broken | wc -l)"

python3 "$write_avro" null 10 10 '{"type": "record", "name": "Trip", "fields": [{"name": "id", "type": "long", "default": "x"}]}' >default.avro
run_fails "an Avro file whose schema has a default that is none" 1 \
    'default.avro:1: the schema in the Avro file: Avro schema, at Trip: the default of field "id" does not fit its type' take default default.avro

# --- NDJSON ---

cat >trip.avsc <<'AVSC'
{"type": "record", "name": "Trip", "fields": [
  {"name": "id", "type": "long"},
  {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
  {"name": "fare", "type": {"type": "bytes", "logicalType": "decimal", "precision": 30, "scale": 10}},
  {"name": "stops", "type": {"type": "array", "items": {"type": "record", "name": "Stop", "fields": [
    {"name": "zone", "type": "int"}, {"name": "next", "type": ["null", "Stop"], "default": null}]}}, "default": []}]}
AVSC
cat >trips.jsonl <<'LINES'
{"id": 1, "at": "2019-03-23T20:21:09Z", "fare": 12345678901234567890.0123456789, "stops": [{"zone": 4, "next": {"zone": 5}}]}
{"id": 2, "at": 1553372469000, "fare": "1.5", "more": [1, {"of": "it"}]}
{"id": 3, "at": "2019-03-23T20:21:09Z", "fare": 1
[4]
{"id": 5, "at": "yesterday", "fare": 1}
{"id": 6, "at": "2019-03-23T20:21:09Z", "fare": 1, "stops": [{"zone": 1}, {"zone": 1.5}]}

{"id": 7, "at": "2019-03-23T20:21:09Z", "fare": 1.00, "stops": null}
{"at": "2019-03-23T20:21:09Z", "fare": 1, "id": 8}
LINES
run_ok "NDJSON with a schema" take json trips.jsonl --schema trip.avsc
equal "json: good and bad lines" "drained 3 5" "$(went)"
equal "json: nested records, exact decimals" '{"id":1,"at":"2019-03-23T20:21:09.000Z","fare":"12345678901234567890.0123456789","stops":[{"zone":4,"next":{"zone":5,"next":null}}]}
{"id":2,"at":"2019-03-23T20:21:09.000Z","fare":"1.5000000000","stops":[]}
{"id":8,"at":"2019-03-23T20:21:09.000Z","fare":"1.0000000000","stops":[]}' "$("$MILLRACE" tap "$name-json" --once | jq -c .value | sort)"
contains "json: a text that ends too early" "$(letters json)" "trips.jsonl:3:50 the line is not JSON: a comma or } is expected here"
contains "json: an array" "$(letters json)" "trips.jsonl:4:1 the line is an array; each line must be one JSON object"
contains "json: a value that does not fit" "$(letters json)" "trips.jsonl:5:17 column \"at\": \"yesterday\" is not a timestamp"
contains "json: a nested one" "$(letters json)" "trips.jsonl:6:84 column \"zone\": \"1.5\" has decimals that do not fit"
contains "json: null" "$(letters json)" "trips.jsonl:8:64 \"stops\": null does not fit; the schema says array"

mkdir mixed
{ echo "id,name" && seq 1 10 | sed 's/$/,x/'; } >mixed/a.csv
{ printf 'id\tname\n' && seq 11 20 | sed 's/$/\tx, y/'; } | gzip >mixed/b.tsv.gz
seq 21 30 | sed 's/.*/{"name": "z", "id": &}/' | zstd -q >mixed/c.json.zst
seq 31 40 | sed 's/.*/{"id": &}/' >mixed/d.txt # no name that says it is one
run_ok "a folder of several formats" take mixed mixed
equal "mixed: all of it" "drained 30 0" "$(went)"
once_each mixed 30
equal "mixed: names" "1 10 x,11 20 x, y,21 30 z" "$("$MILLRACE" tap "$name-mixed" --once | jq -sr 'map(.value) | group_by(.name)
    | map("\(map(.id) | min) \(map(.id) | max) \(.[0].name)") | join(",")')"
run_ok "a format that is named" take named mixed/d.txt --format ndjson
equal "named: all of it" "drained 10 0" "$(went)"
run_fails "a format that is none" 2 "ndjson" take none mixed/d.txt --format ndjsn

# --- A first look (init --from): what it writes runs as it is ---

column() { jq -r --arg column "$1" '.columns[] | select(.column == $column) | [.type, .nulls, .least, .most, .why] | join("|")' look.json; }
# looked <file> <count>: the pipeline that init writes for a file, run unedited; its topic is called as the file.
looked() {
    local file=$1 stem=${1%%.*}
    run_ok "look: $file" "$MILLRACE" init --from "$file" "from-$file"
    run_ok "look: the pipeline of $file runs" "$MILLRACE" run "from-$file/pipeline.json" --once
    equal "look: the records of $file" "$2" "$("$MILLRACE" tap "$stem" --once 2>/dev/null | wc -l)"
}
nested=${name}_nested
cat >"$nested.ndjson" <<'LINES'
{"id": 1, "fare": 3, "stops": [{"zone": 4}, {"zone": 7, "why": "x"}], "who": {"first-name": "A", "age": 3}, "mix": {"a": 1}, "none": {}, "grid": [[1], []]}
{"id": 2, "fare": 12.50, "stops": [], "who": null, "mix": 4, "grid": [[2, 3]], "at": "2019-03-23T20:21:09Z", "late": "of one line only"}
{"id": 3, "fare": 1, "who": {"first-name": "B", "boss": {"age": 4, "tags": [null, "t"]}}}
[4]
{"id": 5, "who": {"first-name": "C", "first_name": "D"}}
LINES
looked "$nested.ndjson" 3
contains "look: bad lines are told" "$(cd "$TMP" && "$MILLRACE" init --from "$nested.ndjson" --json | jq -r '"\(.bad) \(.first_bad)"')" "2 line 4, column 1: the line is an array"
equal "look: nested records arrive" '{"id":1,"fare":3,"stops":[{"zone":4,"why":null},{"zone":7,"why":"x"}],"who":{"first_name":"A","age":3,"boss":null},"mix":"{\"a\": 1}","none":"{}","grid":[[1],[]],"at":null,"late":null}
{"id":2,"fare":12.5,"stops":[],"who":null,"mix":"4","none":null,"grid":[[2,3]],"at":"2019-03-23T20:21:09.000000Z","late":"of one line only"}
{"id":3,"fare":1,"stops":null,"who":{"first_name":"B","age":null,"boss":{"age":4,"tags":[null,"t"]}},"mix":null,"none":null,"grid":null,"at":null,"late":null}' \
    "$("$MILLRACE" tap "$nested" --once 2>/dev/null | jq -c .value | sort)"
"$MILLRACE" init --from "$nested.ndjson" --json >look.json
equal "look: what made a field wider" "double|0|1|12.50|line 2 holds 12.50; before it: int" "$(column fare)"
equal "look: an object and a number" "string|1|||line 2 holds 4; before it: record" "$(column mix)"
equal "look: in arrays" "int|0|4|7|all values are whole, of at most 6 digits" "$(column "stops[].zone")"
equal "look: null and missing in arrays" "string|1|||line 1 holds x" "$(column "stops[].why")"
equal "look: elements" "record|0|||all values are objects" "$(column "stops[]")"
equal "look: titles and names" "who.first_name" "$(jq -r '.columns[] | select(.column == "who.first-name").field' look.json)"
equal "look: names of records" "$nested ${nested}_stops ${nested}_who ${nested}_who_boss" \
    "$(jq -r '[.schema | .. | objects | select(.type == "record").name] | join(" ")' look.json)"
for ending in jsonl json; do
    seq 1 20 | sed 's/.*/{"id": &}/' >"${name}_$ending.$ending"
    looked "${name}_$ending.$ending" 20
done
seq 1 20 | sed 's/.*/{"id": &}/' | gzip >"${name}_gz.ndjson.gz"
looked "${name}_gz.ndjson.gz" 20
python3 "$write_avro" deflate 900 300 >"${name}_avro.avro"
looked "${name}_avro.avro" 900
equal "look: the schema is the file's own" '{"id":"long","name":["null","string"],"tags":{"type":"array","items":"int"}}' \
    "$(jq -c '[.fields[] | {key: .name, value: .type}] | from_entries' "from-${name}_avro.avro/${name}_avro.avsc")"
zstd -q <"${name}_avro.avro" >"${name}_zst.avro.zst"
looked "${name}_zst.avro.zst" 900
head -c 3000 "${name}_avro.avro" >short.avro
run_ok "look: an Avro file that is cut off" "$MILLRACE" init --from short.avro short
contains "look: says where" "$(<out)" "What follows record 600 could not be looked at: the file ends at byte 3000, in the middle of its data"
printf '[\n  {"a": 1},\n  {"a": 2}\n]\n' >spread.json
run_ok "look: JSON over several lines" "$MILLRACE" init --from spread.json spread
contains "look: is told" "$(<out)" "an array of objects lines with jq -c '.[]'"

# --- Cut in half ---

# cut <suffix> <ending> <packer>
cut_in_half() {
    local suffix=$1 file=$1/a.csv.$2 what=$3 size before
    mkdir "$suffix"
    { echo "$header" && rows 1 20000; } | "$what" -c >"whole.$2"
    size=$(stat -c %s "whole.$2")
    head -c $((size / 2)) "whole.$2" >"$file"
    { echo "$header" && rows 20001 20100; } >"$suffix/b.csv"
    run_ok "a folder with a $what file that is cut in half" take "$suffix" "$suffix"
    before=$(ids "$suffix" | wc -l)
    if ((before > 2100 && before < 19000)); then ok "$suffix: what came before is there"; else not_ok "$suffix: what came before is there" "$before"; fi
    equal "$suffix: one dead letter, which names file, line and byte" \
        "a.csv.$2:$((before - 100 + 2)) the file ends at byte $((size / 2)), in the middle of its $what data; it was cut off, or is not all there yet" \
        "$(letters "$suffix")"
    run_ok "again" take "$suffix" "$suffix"
    equal "$suffix: told once" "drained 0 0" "$(went)"
    cp "whole.$2" "$file"
    run_ok "the whole file" take "$suffix" "$suffix"
    equal "$suffix: the rest" "drained $((20100 - before)) 0" "$(went)"
    once_each "$suffix" 20100
}
cut_in_half cut gz gzip
cut_in_half cut-zst zst zstd

# Still being written: a pause that is longer than complete.after.ms is told, and what comes then is read on.
mkdir slow
size=$(stat -c %s whole.gz)
head -c $((size / 2)) whole.gz >slow/a.csv.gz
background slow.log "$MILLRACE" file --name "$name-slow" --topic "$name-slow" --path slow --progress never \
    --scan-interval-ms 10 --commit-interval-ms 20 --complete-after-ms 100
told() { [[ $(letters slow 2>/dev/null) == *"a.csv.gz:"*"the file ends at byte $((size / 2))"* ]]; }
if eventually 30 told; then ok "slow: the pause is told"; else not_ok "slow: the pause is told" "$(tail -n 5 slow.log)"; fi
tail -c +$((size / 2 + 1)) whole.gz >>slow/a.csv.gz
all() { [[ $(ids slow | wc -l) == 20000 ]]; }
if eventually 30 all; then ok "slow: the rest is read"; else not_ok "slow: the rest is read" "$(tail -n 5 slow.log)"; fi
once_each slow 20000
equal "slow: one dead letter" 1 "$(letters slow | wc -l)"

size=$(stat -c %s whole.gz)
head -c $((size / 2)) whole.gz >alone.csv.gz
run_fails "a file by itself that is cut ends the run" 1 "the file ends at byte $((size / 2))" take alone alone.csv.gz
before=$(letters slow | sed 's/^a.csv.gz:\([0-9]*\) .*/\1/')
equal "alone: what came before was sent" "$(seq $((before - 2)) | md5sum)" "$(ids alone | sort -n | md5sum)"
scenario_end
