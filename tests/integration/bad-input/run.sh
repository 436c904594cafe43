#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Files that are bad, in whole or in part. Each bad line goes to the dead letters with its place and a reason, all
# others arrive, and a second run changes nothing. What the command line itself refuses is in ../cli.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"
needs kafka
name=$(unique bad)
cd "$TMP"

# take <suffix> <path> [flags...]: reads the path to its end, as pipeline $name-<suffix>, into the topic of that name.
take() {
    timeout -k 2 60 "$MILLRACE" file --name "$name-$1" --topic "$name-$1" --path "$2" --once --json --progress never "${@:3}"
}
went() { tail -n 1 "$TMP/out" | jq -rc '"\(.end) \(.connectors[0].records_out) \(.connectors[0].dead_letters)"'; }
ids() { "$MILLRACE" tap "$name-$1" --once | jq .value.id | sort -n | paste -sd ' '; }
# letters <suffix>: each dead letter as one line of JSON, as kcat sees it: where, field, reason, payload, all headers.
letters() {
    kcat -q -C -b "$KAFKA_BOOTSTRAP_SERVERS" -t "$name-$1.file.dlq" -e -J | jq -c '
        ([.headers | _nwise(2) | {key: .[0], value: .[1]}] | from_entries) as $h
        | {where: $h["millrace.errors.where"], field: ($h["millrace.errors.field"] // ""),
           reason: $h["__connect.errors.exception.message"], payload: .payload, headers: $h}'
}

# Lines. Each of the bad ones is followed by a good one.
python3 - <<'PYTHON'
with open("lines.csv", "wb") as out:
    out.write(b"id,name,count,price\n"
              b"1,one,1,1.5\n"
              b"2,too few\n"
              b"3,three,,3.5\n"
              b"4,too many,4,4.5,more\n"
              b"5,five,5,5.5\n"
              b"6,f\xffour,6,6.5\n"
              b"7,seven,7,7.5\n"
              b"8,ei\0ght,8,8.5\n"
              b"9,nine,9,9.5\n"
              b"10,ten,2147483648,10.5\n"
              b"11,eleven,11,11.5\n"
              b"12,twelve,12,1e999\n"
              b"13,thirteen,13,13.5\n"
              b"14,fourteen,many,14.5\n"
              b"15,fifteen,15,15.5\n"
              b"99999999999999999999,sixteen,16,16.5\n"
              b"17,seventeen,17,17.5\n")
    out.write(b"18," + b"x" * (100 << 20) + b",18,18.5\n")
    out.write(b"19,nineteen,19,19.5\n"
              b"20,\"a quote\" too early,20,20.5\n"
              b"21,twenty-one,21,21.5\n"
              b"22,\"never closed,22,22.5\n"
              b"23,twenty-three,23,23.5\n"
              b"24,the last line has no newline,24,24.5")
PYTHON
cat >lines.avsc <<'AVSC'
{"type": "record", "name": "Line", "fields": [
  {"name": "id", "type": "long"}, {"name": "name", "type": "string"},
  {"name": "count", "type": ["null", "int"]}, {"name": "price", "type": "double"}]}
AVSC
run_ok "a file with bad lines is read to its end" take lines lines.csv --schema lines.avsc
equal "the good lines and the bad ones" "drained 13 11" "$(went)"
equal "each good line once" "1 3 5 7 9 11 13 15 17 19 21 23 24" "$(ids lines)"
letters lines >dead.json
# dead <what> <line> <field> <part of the reason> <start of the payload>
dead() {
    local letter
    letter=$(jq -c "select(.where == \"lines.csv:$2\")" dead.json)
    equal "$1: one letter" 1 "$(wc -l <<<"$letter")"
    contains "$1: the reason" "$(jq -r .reason <<<"$letter")" "$4"
    equal "$1: the field" "$3" "$(jq -r .field <<<"$letter")"
    contains "$1: the line itself" "$(jq .payload <<<"$letter")" "\"$5"
}
dead "too few fields" 3 "" "the line has 2 fields and the header 4; is a quote or a delimiter missing" "2,too few"
dead "too many fields" 5 "" "the line has 5 fields and the header 4" "4,too many,4,4.5,more"
dead "not UTF-8" 7 name "not valid UTF-8: byte 4 of the line is 0xFF; files must be UTF-8 without NUL: convert what is not" "6,f"
dead "a NUL" 9 name "contains a NUL byte" '8,ei\u0000ght,8,8.5'
dead "out of range for int" 11 count '"2147483648" is out of range; the schema says int or null' "10,ten,2147483648"
dead "out of range for double" 13 price '"1e999" is out of range; the schema says double' "12,twelve,12,1e999"
dead "no number" 15 count '"many" is not a number' "14,fourteen"
dead "out of range for long" 17 id "is out of range; the schema says long" "99999999999999999999,sixteen"
dead "a line of 100 MB" 19 "" "longer than line.max.bytes; here are its first bytes. Raise line.max.bytes" "18,xxx"
dead "text after a quote" 21 "" "closing quote" '20,\"a quote\" too early'
dead "a quote never closed" 23 "" "a quote is opened and never closed" '22,\"never closed'
for header in "connector.name=$name-lines.file" task.id=0 stage=TASK_POLL class.name=file; do
    equal "header __connect.errors.$header" 11 "$(jq -r ".headers[\"__connect.errors.${header%%=*}\"]" dead.json |
        grep -cxF -- "${header#*=}")"
done
cp out first
contains "the log names file, line and topic" "$(<first)" "lines.csv:3 goes to $name-lines.file.dlq: the line has 2 fields"
run_ok "a second run" take lines lines.csv --schema lines.avsc
equal "finds nothing to do" "drained 0 0" "$(went)"
equal "and there is no second letter" 11 "$(letters lines | wc -l)"

# Without a limit of its own, a long line would take its own size in memory.
cat >peak.py <<'PYTHON'
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
PYTHON
head -n 18 lines.csv >short.csv
peak() {
    ASAN_OPTIONS="${ASAN_OPTIONS:-}:quarantine_size_mb=1" python3 peak.py "$MILLRACE" file --name "$name-$1" \
        --topic "$name-$1" --path "$2" --once --schema lines.avsc --line-max-bytes 1MiB "${@:3}"
}
short=$(peak peak-short short.csv)
long=$(peak peak-long lines.csv)
if ((long - short < 24)); then
    ok "the long line took little memory"
else
    not_ok "the long line took little memory" "without it: $short MiB, with it: $long MiB"
fi
# Nor does a quote that never closes, with the rest of the file behind it; what follows is read.
python3 - <<'PYTHON'
with open("quote.csv", "w") as out:
    out.write('id,name,count,price\n1,one,1,1\n2,"opened here,2,2\n3,three,3,3\n')
    for _ in range(40000):
        out.write("#" + "x" * 1000 + "\n")
    out.write("4,four,4,4\n")
PYTHON
open=$(peak quote quote.csv --comment '#')
if ((open - short < 24)); then
    ok "the open quote took little memory"
else
    not_ok "the open quote took little memory" "without it: $short MiB, with it: $open MiB"
fi
equal "what stands behind the open quote is read" "1 3 4" "$(ids quote)"
equal "and the line where it was opened is the one that is not" \
    "quote.csv:3 a quote is opened and not closed within line.max.bytes: line 3, field 2" \
    "$(letters quote | jq -r '"\(.where) \(.reason)"')"
python3 -c 'print("id,name"); print("1," + "x" * 200000); print("2,two")' >long.csv
run_ok "a long line within the limit" take long long.csv
equal "goes whole" 200000 "$("$MILLRACE" tap "$name-long" --once | jq -r 'select(.value.id == 1) | .value.name | length')"

# Whole files.
: >empty.csv
printf '\xef\xbb\xbf\r\n\n' >blank.csv
printf 'id,name\r\n' >header.csv
printf 'id,name' >unfinished.csv
for file in empty blank header unfinished; do
    run_ok "a file that is $file" take "$file" "$file.csv"
    equal "it has no records and no errors" "drained 0 0" "$(went)"
done
printf '1,one\n' >>header.csv
run_ok "a line was added to the header" take header header.csv
equal "and arrives" "drained 1 0 1" "$(went) $(ids header)"
run_fails "a missing file" 1 "nothing.csv\": No such file or directory. Give a file, a folder, or a glob" \
    take missing nothing.csv
printf 'id,name,id\n1,2,3\n' >twice.csv
run_fails "a column name twice" 1 'twice.csv:1: the header has two columns that are called "id"' take twice twice.csv
printf '"id,name\n1,2\n' >open.csv
run_fails "a header whose quote is never closed" 1 "open.csv:1: the header: a quote is opened and never closed" \
    take open open.csv
gzip -k -c lines.avsc >zipped.csv
run_fails "a compressed file" 1 "is the file CSV, and not compressed?" take zipped zipped.csv
printf '{"type": "record", "name": "Line", "fields": [\n  {"name": "id", "type": "lon"}]}' >wrong.avsc
run_fails "a schema that is none" 1 "lon" take schema header.csv --schema wrong.avsc
printf '{"type": "record", "name": "Line", "fields": [\n  {"name": "id", "type": "long", "default": "none"}]}' >default.avsc
run_fails "a default that is none" 1 '/default.avsc: Avro schema, at Line: the default of field "id" does not fit its type: an integer is expected' \
    take schema header.csv --schema default.avsc
printf '{"type": "record", "name": "Line", "fields": [\n  {"name": "id", "type": "long", "default": }]}' >default.avsc
run_fails "a default that is no JSON" 1 "/default.avsc: Avro schema is not valid JSON, line 2 column 45" \
    take schema header.csv --schema default.avsc

# Encodings. A line in another one goes alone; a file that says that it is in another one goes whole.
printf 'id,name\n1,caf\xc3\xa9\n2,caf\xe9\n3,x\n' >latin.csv
run_ok "a line in Latin-1 among UTF-8" take latin latin.csv
equal "goes alone" "drained 2 1 1 3" "$(went) $(ids latin)"
equal "with line and byte" 'latin.csv:3 column "name" is not valid UTF-8: byte 6 of the line is 0xE9; files must be UTF-8 without NUL: convert what is not, e.g. with iconv -f LATIN1 -t UTF-8' \
    "$(letters latin | jq -r '"\(.where) \(.reason)"')"
printf '{"id": 1, "name": "caf\xc3\xa9"}\n{"id": 2, "name": "caf\xe9"}\n{"id": 3}\n' >latin.ndjson
run_ok "the same in NDJSON" take latin-json latin.ndjson
equal "too" "drained 2 1 1 3" "$(went) $(ids latin-json)"
contains "with line, column and byte" "$(letters latin-json | jq -r '"\(.where) \(.reason)"')" 'latin.ndjson:2:23 the line is not valid UTF-8: its byte 23 is 0xE9;'
mkdir wide
for ending in csv ndjson; do
    cp "latin.$ending" "wide/good.$ending"
    printf '{"id": 7}\n' | iconv -f UTF-8 -t UTF-16 >"wide.$ending" # with its mark, as the name does not say the order
    run_fails "UTF-16: $ending" 1 "wide.$ending:1: the file is UTF-16, as its first bytes FF FE say; it must be UTF-8: convert it with iconv -f UTF-16 -t UTF-8" \
        take "wide-$ending" "wide.$ending"
    cp "wide.$ending" wide
done
run_ok "UTF-16 in a folder" take wide wide
equal "the other files are read" "1 1 3 3" "$(ids wide)"
equal "each of the two has one letter" "wide.csv:1 wide.ndjson:1" "$(letters wide | jq -r 'select(.reason | startswith("the file is UTF-16")).where' | sort | paste -sd ' ')"
iconv -f UTF-16 -t UTF-8 wide.ndjson >wide/wide.ndjson
printf 'id,name\n7,x\n' >wide/wide.csv
run_ok "once they are put right" take wide wide
equal "they are taken" "1 1 3 3 7 7" "$(ids wide)"
run_fails "a schema that the header does not have" 1 'has no column "count"' take other unfinished.csv \
    --schema '{"type":"record","name":"R","fields":[{"name":"count","type":"int"}]}'

# In a folder, one file of no use does not keep the others.
mkdir folder
cp lines.csv twice.csv empty.csv folder
printf 'id,name,count,price\n100,hundred,1,1\n' >folder/more.csv
run_ok "a folder with good and bad files" take folder folder --schema lines.avsc
equal "all that can be read is read" "1 3 5 7 9 11 13 15 17 19 21 23 24 100" "$(ids folder)"
contains "and the file of no use is told" "$(<out)" "twice.csv is not read: the header"
equal "it has one letter" 1 "$(letters folder | jq -c 'select(.where == "twice.csv:1")' | wc -l)"

# Files that grow, are renamed, rotated, truncated, go and come again while they are watched: each line once.
mkdir watched gone
count() { [[ $("$MILLRACE" tap "$name-watched" --once 2>/dev/null | wc -l) == "$1" ]]; }
# seen <what> <count>
seen() { if eventually 30 count "$2"; then ok "watched: $1"; else not_ok "watched: $1" "$(tail -n 5 watched.log)" "$(ids watched)"; fi; }
watch=("$MILLRACE" file --name "$name-watched" --topic "$name-watched" --path watched --progress never)
{ echo id && seq 1 10; } >watched/a.csv
background watched.log "${watch[@]}" --scan-interval-ms 10 --commit-interval-ms 20
watcher=$LAST
seen "a file" 10
seq 11 20 >>watched/a.csv && printf 2 >>watched/a.csv
seen "it grows" 20
printf '1\n' >>watched/a.csv
seen "its last line is finished" 21
mv watched/a.csv watched/b.csv && seq 22 30 >>watched/b.csv
seen "it is renamed, and grows" 30
mv watched/b.csv watched/b-1.csv && { echo id && seq 31 40; } >watched/b.csv && seq 41 45 >>watched/b-1.csv
seen "it is rotated" 45
printf 'id\n46\n47\n' >watched/b.csv
seen "it is truncated and written anew" 47
mv watched/b-1.csv gone && { echo id && echo 48; } >watched/c.csv
seen "it goes" 48
mv gone/b-1.csv watched/b-1.csv && echo 49 >>watched/b-1.csv
seen "it comes again" 49
kill -TERM "$watcher"
wait "$watcher" || true
equal "watched: each line once" "$(seq 49 | paste -sd ' ')" "$(ids watched)"
contains "watched: the new name is told" "$(<watched.log)" "b.csv was called a.csv; reading goes on where it was"
contains "watched: so is the truncated file" "$(<watched.log)" "b.csv is not the file it was (replaced or truncated)"
run_ok "watched: another start" "${watch[@]}" --once
equal "watched: finds nothing" 49 "$(ids watched | wc -w)"

# A missing file is waited for when it may still come.
background waiting.log "$MILLRACE" file --name "$name-late" --topic "$name-late" --path late.csv
says() { grep -qF -- "$2" "$1"; }
if eventually 20 says waiting.log "late.csv\": No such file or directory"; then
    ok "without --once a missing file is said"
else
    not_ok "without --once a missing file is said" "$(<waiting.log)"
fi
printf 'id,name\n1,one\n' >late.csv
arrived() { [[ $(ids "$1" 2>/dev/null) == "$2" ]]; }
if eventually 30 arrived late 1; then ok "and read when it comes"; else not_ok "and read when it comes" "$(<waiting.log)"; fi
scenario_end
