#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Values and keys framed by a schema registry: written by us and read by others, written by others and read by us, and what
# happens when the registry is not as it should be.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"
needs kafka postgres registry
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
python=${MILLRACE_PYTHON:-python3}
cd "$TMP"
export NO_COLOR=1

# --- Written by us
topic=$(unique registry)
printf 'id,name,amount\n1,a,1.5\n2,b,\n' >rows.csv
run_ok "records are sent with the registry's framing" "$MILLRACE" file --path rows.csv --topic "$topic" --key-fields id \
    --key-format avro-confluent --schema-registry-url "$SCHEMA_REGISTRY_URL" --topic-partitions 1 --once
subjects=$("$MILLRACE" schema list | awk '{print $1}')
contains "the value's subject" "$subjects" "$topic-value"
contains "the key's subject" "$subjects" "$topic-key"
equal "a key of one field is the field alone" '"int"' "$("$MILLRACE" schema show "$topic-key")"
kcat -b "$KAFKA_BOOTSTRAP_SERVERS" -t "$topic" -C -e -q -u -f '%S\n' >sizes
# Both values, cut apart by their sizes.
kcat -b "$KAFKA_BOOTSTRAP_SERVERS" -t "$topic" -C -e -q -f '%s' >values
: >values.hex
at=0
while read -r size; do
    dd if=values bs=1 skip="$at" count="$size" status=none | od -An -v -tx1 | tr -d ' \n' >>values.hex
    echo >>values.hex
    at=$((at + size))
done <sizes
equal "fastavro reads them" '{"id": 1, "name": "a", "amount": 1.5} {"id": 2, "name": "b", "amount": null}' \
    "$("$python" "$here/check.py" read values.hex | paste -sd ' ')"
equal "tap shows them" '{"key":1,"value":{"id":1,"name":"a","amount":1.5}}' \
    "$("$MILLRACE" tap "$topic" --once -n 1 | jq -c '{key, value}')"

# --- Written by others: a schema that refers to another one, a tombstone, an unknown id, JSON
topic=$(unique registry)
"$MILLRACE" file --path rows.csv --topic "$topic-made" --topic-partitions 1 --once >/dev/null 2>&1
printf 'id\n' >none.csv
"$MILLRACE" file --path none.csv --topic "$topic" --topic-partitions 1 --once >/dev/null 2>&1
run_ok "another program writes records" "$python" "$here/check.py" write "$topic"
table=$(unique registry)
sink() {
    "$MILLRACE" postgres --topics "$topic" --connection-url "$DATABASE_URL" --table "$table" --key-fields id --auto-create \
        --key-format avro-confluent --once --json "$@"
}
sink --schema-registry-url "$SCHEMA_REGISTRY_URL" >out.json 2>log
equal "two rows: one of three was deleted by its key" 2 "$(sql "SELECT count(*) FROM $table")"
equal "nested types of another subject arrive" "1|zone 1|JFK|1.25 2|zone 2||2.25" \
    "$(sql "SELECT id, \"from\"->>'name', \"to\"->>'name', fare FROM $table ORDER BY id" | paste -sd ' ')"
equal "two records are dead letters" "6 4 2" "$(jq -r '.connectors[0] | "\(.records_in) \(.records_out) \(.dead_letters)"' out.json)"
contains "an id that is not there says so" "$(cat log)" "the schema registry has no schema with id 7000000 (it answers 404"
contains "JSON is told by its looks" "$(cat log)" "the value has no schema registry framing (00, schema id of four bytes, datum); it starts with 7b 22"
contains "with partition and offset" "$(cat log)" "$topic partition 0 offset 5"

# --- The wrong format, in one line
single=$topic-made
run_ok "single objects read as framed ones end" "$MILLRACE" postgres --topics "$single" --connection-url "$DATABASE_URL" \
    --table "$table" --schema-registry-url "$SCHEMA_REGISTRY_URL" --once
contains "and name the option" "$(cat out)" "for such values set value.format=avro-single-object"

# --- A registry that is not as it should be
coproc ODD { exec "$python" "$here/odd_registry.py"; }
BACKGROUND+=("$ODD_PID")
read -r port <&"${ODD[0]}"
odd=http://127.0.0.1:$port
# says <what> <mode> <part of the text> [flags]: a sink that can not go on says why, and goes on when it can.
says() {
    local what=$1 mode=$2 part=$3 url=${4:-$odd/$2} pid
    shift $(($# > 3 ? 4 : 3))
    "$MILLRACE" postgres --topics "$topic" --connection-url "$DATABASE_URL" --table "$table" --key-fields id --once \
        --group-id "$(unique odd)" --offsets-schema "$(unique odd)" --schema-registry-url "$url" "$@" >"$mode.log" 2>&1 &
    pid=$!
    if eventually 30 grep -qsF -- "$part" "$mode.log"; then ok "$what"; else not_ok "$what" "$(tail -n 5 "$mode.log")"; fi
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}
says "a web page" html "answers 200 with a web page, not as a schema registry"
says "an error of its own" error "answers 500: the store is on fire"
says "a slow one" slow "no answer from" "$odd/slow" --schema-registry-timeout-ms 300
says "an answer that is cut" cut "with what is no JSON"
says "an answer that ends early" short "no answer from"
says "an endless answer" endless "is larger than 16777216 bytes"
says "one that has moved" moved "has moved (it answers 301)"
says "wrong credentials" secret "it wants credentials, or other ones"
MILLRACE_POSTGRES_SCHEMA_REGISTRY_PASSWORD=s3cr3t-word says "wrong credentials given" secret "it wants credentials, or other ones" \
    "$odd/secret" --schema-registry-user somebody --log-level debug
says "another service at the path" path "which is no schema registry's answer; is the URL right, its path too?"
says "no registry at all" nobody "no answer from http://127.0.0.1:1/schemas" http://127.0.0.1:1
says "TLS where there is none" tls "is it https" "https://127.0.0.1:$port"
run_ok "with the right credentials it works" env SCHEMA_REGISTRY_USER=reader SCHEMA_REGISTRY_PASSWORD=s3cr3t-word "$MILLRACE" schema show 1 \
    --schema-registry-url "$odd/secret"
equal "the password is nowhere" "" "$(grep -l s3cr3t-word ./*.log || true)"
run_ok "a registry that comes back is waited for" "$MILLRACE" schema show 1 --schema-registry-url "$odd/once"

# What a registry says of one schema is a dead letter, and the rest goes on.
topic_mixed=$(unique mixed)
"$MILLRACE" file --path none.csv --topic "$topic_mixed" --topic-partitions 1 --once >/dev/null 2>&1
"$python" "$here/check.py" mixed "$topic_mixed"
run_ok "records of no use between good ones" timeout 100 bash -c '"$@" 2>mixed.log >mixed.json' - /usr/bin/env python3 -c '
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024, file=open("peak", "w"))
sys.exit(code)' "$MILLRACE" postgres --topics "$topic_mixed" --connection-url "$DATABASE_URL" --table "$topic_mixed" \
    --auto-create --schema-registry-url "$odd/mixed" --once --json
equal "the good ones arrive" "1 2" "$(sql "SELECT id FROM $topic_mixed ORDER BY id" | paste -sd ' ')"
equal "the others are dead letters" "7 2 5" "$(jq -r '.connectors[0] | "\(.records_in) \(.records_out) \(.dead_letters)"' mixed.json)"
equal "a million fields stay within a gigabyte" 0 "$(($(<peak) / 1000))"
for text in "offset 1.*16777216 bytes" "offset 2.*schema id 3 of the registry: Avro schema of 3088929 bytes; at most 1048576 are allowed" "offset 3.*no schema with id 4 .it answers 404: Schema 4 not found" \
    "offset 4.*no schema registry framing .00, schema id of four bytes, datum.; it starts with 01 00 00 00 01.*value.format says how it is read" "offset 5.*no schema registry framing"; do
    equal "each is told once, with topic, partition and offset: $text" 1 "$(grep -c "$topic_mixed partition 0 $text" mixed.log || cat mixed.log)"
done

# A registry that is away is waited for by the run, which then goes on where it was.
"$MILLRACE" postgres --topics "$topic_mixed" --connection-url "$DATABASE_URL" --table "${topic_mixed}_gate" --auto-create \
    --group-id "$(unique gate)" --schema-registry-url "$odd/gate" --once >gate.log 2>&1 &
gate=$!
if eventually 30 grep -qs "the store is on fire" gate.log; then ok "trouble is told"; else not_ok "trouble is told" "$(tail -n 5 gate.log)"; fi
curl -s "$odd/open" >/dev/null
code=0
wait "$gate" || code=$?
equal "and the run ends well when it is over" 0 "$code"
equal "with its records" 5 "$(sql "SELECT count(*) FROM ${topic_mixed}_gate")"

# One question for a schema, however many records and tasks.
before=$(curl -s "$odd/count" | jq '.good // 0')
for i in 1 2 3; do printf 'id\n%s\n' "$i" >"good$i.csv"; done
run_ok "several files" "$MILLRACE" file --path . --pattern 'good*.csv' --topic "$topic-good" --schema-registry-url "$odd/good" --once \
    --tasks-max 3 --topic-partitions 3
equal "one look-up" $((before + 1)) "$(curl -s "$odd/count" | jq .good)"
for partition in 0 1 2; do printf '\0\0\0\0\001\002' | kcat -b "$KAFKA_BOOTSTRAP_SERVERS" -t "$topic-good" -P -p "$partition"; done
run_ok "several partitions" "$MILLRACE" postgres --topics "$topic-good" --connection-url "$DATABASE_URL" --table "${table}_good" --auto-create \
    --schema-registry-url "$odd/several" --once --tasks-max 3
equal "three tasks look a schema up once" 1 "$(curl -s "$odd/count" | jq .several)"

# --- Certificates
certificate() { # certificate <name> <CA> <days> <subjectAltName>
    openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr" 2>/dev/null
    echo "subjectAltName=$4" >"$1.ext"
    openssl x509 -req -in "$1.csr" -CA "$2.crt" -CAkey "$2.key" -CAcreateserial -days "$3" -extfile "$1.ext" -out "$1.crt" 2>/dev/null
}
for name in ours theirs; do
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$name" -keyout "$name.key" -out "$name.crt" 2>/dev/null
done
certificate good ours 2 IP:127.0.0.1
certificate other ours 2 DNS:registry.example
certificate late ours -1 IP:127.0.0.1
certificate client ours 2 DNS:client
# secure <certificate> [CA]: the odd registry with TLS; its URL in $secure.
secure() {
    mkfifo "hold-$1-$#"
    cp "$1.crt" shown.crt
    cp "$1.key" shown.key
    "$python" "$here/odd_registry.py" shown.crt shown.key "${@:2}" <"hold-$1-$#" >port &
    BACKGROUND+=("$!")
    # shellcheck disable=SC2034 # the number of its descriptor: it ends with us
    exec {hold}>"hold-$1-$#"
    eventually 10 test -s port
    secure=https://127.0.0.1:$(<port)
    : >port
}
ca=(--schema-registry-ssl-ca-location ours.crt)
secure good
says "a CA that nobody named" tls1 "name the CA's file in schema.registry.ssl.ca.location" "$secure/good"
says "another CA" tls2 "put the right CA into schema.registry.ssl.ca.location" "$secure/good" --schema-registry-ssl-ca-location theirs.crt
says "a CA's file that is none" tls3 "it takes certificates in PEM: schema.registry.ssl.ca.location" "$secure/good" --schema-registry-ssl-ca-location rows.csv
says "http to a TLS port" tls4 "is it https?" "${secure/https/http}/good"
cp other.crt shown.crt
cp other.key shown.key
says "a certificate for another host" tls5 "name the host as its certificate does, in schema.registry.url" "$secure/good" "${ca[@]}"
cp late.crt shown.crt
cp late.key shown.key
"$MILLRACE" postgres --topics "$topic_mixed" --connection-url "$DATABASE_URL" --table "${topic_mixed}_late" --auto-create \
    --group-id "$(unique late)" --schema-registry-url "$secure/good" "${ca[@]}" --once >late.log 2>&1 &
late=$!
if eventually 30 grep -qs "certificate has expired; it is waited for a new one" late.log; then
    ok "a certificate that has expired is told"
else
    not_ok "a certificate that has expired is told" "$(tail -n 5 late.log)"
fi
cp good.key shown.key
cp good.crt shown.crt
code=0
wait "$late" || code=$?
equal "and waited for" 0 "$code"
secure good ours.crt
says "a certificate of ours is wanted" tls6 "does it want a certificate? See schema.registry.ssl.certificate.location" "$secure/good" "${ca[@]}"
run_ok "and taken" "$MILLRACE" file --path good1.csv --topic "$topic-good" --name "$(unique tls)" --schema-registry-url "$secure/good" "${ca[@]}" --once \
    --schema-registry-ssl-certificate-location client.crt --schema-registry-ssl-key-location client.key

run_fails "an incompatible schema ends the run, with the registry's words" 1 "READER_FIELD_MISSING_DEFAULT_VALUE: id" \
    timeout 60 "$MILLRACE" file --path rows.csv --topic "$topic-refused" --schema-registry-url "$odd/refuses" --once
run_fails "a schema that must be there" 1 "auto.register.schemas is false" \
    timeout 60 "$MILLRACE" file --path rows.csv --topic "$topic-refused" --schema-registry-url "$odd/nothing" --auto-register-schemas=false --once

# --- The verb
printf '{"type":"record","name":"T","fields":[{"name":"a","type":"int"},{"name":"b","type":"string"}]}' >one.avsc
printf '{"type":"record","name":"T","fields":[{"name":"a","type":"long"},{"name":"c","type":"int","default":7}]}' >two.avsc
subject=$(unique subject)
run_ok "register" "$MILLRACE" schema register "$subject" one.avsc
contains "tells the id" "$(cat out)" "$subject: schema id"
run_ok "check against the subject" "$MILLRACE" schema check "$subject" two.avsc
run_fails "check of two files: old does not read new" 0 "forward   NO" "$MILLRACE" schema check one.avsc two.avsc
run_fails "the other way round" 1 "backward  NO" "$MILLRACE" schema check two.avsc one.avsc
equal "diff" "T.a type int long|T.b removed string -|T.c added - int, default 7" \
    "$("$MILLRACE" schema diff "$subject:1" two.avsc --json | jq -r '[.[] | "\(.path) \(.change) \(.old // "-") \(.new // "-")"] | join("|")')"
run_fails "a subject that is not there" 3 "404" "$MILLRACE" schema show "$(unique nowhere)"
run_fails "no registry" 2 "no schema registry is given" env -u SCHEMA_REGISTRY_URL "$MILLRACE" schema list
run_fails "an action that is not there" 2 "known: list, show, register, check, diff" "$MILLRACE" schema liste

# --- Configuration
run_fails "framing without a registry" 2 "set schema.registry.url" "$MILLRACE" file --path rows.csv --topic t --value-format avro-confluent
run_fails "a registry that nobody asks" 2 "neither value.format nor key.format" "$MILLRACE" file --path rows.csv --topic t \
    --value-format avro-single-object --schema-registry-url http://x
run_fails "no URL" 2 "allowed: http://host:port" "$MILLRACE" file --path rows.csv --topic t --schema-registry-url localhost:8081
run_fails "a password in the URL is not shown" 2 "***" "$MILLRACE" file --path rows.csv --topic t --schema-registry-url u:p@localhost:8081
scenario_end
