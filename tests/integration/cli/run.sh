#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the command line says to mistakes, with which exit code; that secrets are on no surface; and the verbs that look
# at Kafka.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"
needs kafka postgres
cd "$TMP" # where run_ok and run_fails leave the output: out

usage() { run_fails "$1" 2 "$2" "$MILLRACE" "${@:3}"; }

# Words and flags.
run_fails "no word at all" 2 "Usage" "$MILLRACE"
usage "a misspelt verb" 'did you mean "run"?' rnu x.json
usage "a misspelt connector" 'did you mean "postgres"?' postgrse --topics t
usage "a misspelt flag" "did you mean --log-level?" run x.json --log-leve debug
usage "a misspelt option" "did you mean --connection-url?" postgres --conection-url x
usage "a flag without its value" "--only needs a value" run x.json --only
usage "a value for a flag that takes none" "--once takes no value" run x.json --once=yes
usage "a value that is not allowed" 'did you mean "debug"?' run x.json --log-level debgu
usage "a word too many" "is too much" run a.json b.json
usage "a word too few" "something is missing" run
usage "a file instead of a verb" "millrace run" "$MILLRACE_ROOT/examples/trip-analytics/pipeline.json"
usage "a source taken for a sink" "millrace source file" sink file
usage "an unknown topic of help" 'did you mean "exit-codes"?' help exit-code
usage "a word where flags belong" "is no flag" file trips.csv

# Options as flags and from the environment.
usage "an option that is missing" "--connection-url: is required and not set" postgres --topics t
usage "an option out of range" '--tasks-max: found "99"; allowed: a whole number from 1 to 64' \
    postgres --topics t --tasks-max 99 --connection-url x
run_fails "a misspelt variable" 2 "did you mean MILLRACE_POSTGRES_CONNECTION_URL?" \
    env MILLRACE_POSTGRES_CONECTION_URL=x "$MILLRACE" postgres --topics t
run_fails "a bad value in a variable" 2 "environment variable MILLRACE_POSTGRES_TASKS_MAX: found \"no\"" \
    env MILLRACE_POSTGRES_TASKS_MAX=no MILLRACE_POSTGRES_CONNECTION_URL=x "$MILLRACE" postgres --topics t
usage "a misspelt Kafka property" "client.rack" file --path x --topic t -X client.rck=1
usage "a Kafka property that guarantees depend on" "isolation.level" \
    file --path x --topic t -X isolation.level=read_uncommitted
usage "-X without =" "-X: not of the form name=value" file --path x --topic t -X hunter2
usage "-F of a missing file" "cannot open /nonexistent" file --path x --topic t -F /nonexistent
printf '# comment\n\nclient.id = x\nhunter2\n' >bad.properties
usage "-F with a bad line" "bad.properties:4: not of the form" file --path x --topic t -F bad.properties
cp out shown
run_fails "and the line is not shown" 1 "" grep hunter2 shown

# Pipeline files.
usage "a missing pipeline file" "No such file" run nothing.json
: >empty.json
usage "an empty pipeline file" "empty.json is empty" check empty.json
printf '{\n  "name": "x",\n  "sinks": {"a" "b"}\n}\n' >broken.json
usage "malformed JSON" "broken.json:3:" check broken.json
cat >wrong.json <<'JSON'
{
  "name": "wrong",
  "sources": {
    "trips": {"connector": "fil", "path": "x", "topic": "t"},
    "more": {"connector": "file", "path": "x", "topik": "t"}
  },
  "sinks": {
    "pg": {"connector": "postgres", "topics": ["t"], "connection.url": "postgresql://u:hunter2@h/d", "batch.size": "big",
           "query": "SELEC 1", "table": "t"}
  }
}
JSON
usage "a wrong pipeline" 'wrong.json:4:28: trips: connector: there is no source "fil"; did you mean "file"?' \
    check wrong.json
for text in 'wrong.json:5:48: more: topik: is no option of source file; did you mean "topic"?' \
    "wrong.json:5:5: more: topic: is required and not set" 'wrong.json:8:116: pg: batch.size: found "big"' \
    "wrong.json:9:21: pg: query: "; do
    contains "all its problems are told" "$(<"$TMP/out")" "$text"
done
cat >idle.json <<'JSON'
{ "name": "idle",
  "sources": {
    "f": {"connector": "file", "path": "trips.csv", "topic": "t", "schema.registry.user": "me",
          "key.subject.name.strategy": "record", "auto.register.schemas": true},
    "n": {"connector": "file", "path": "trips.csv", "topic": "t", "format": "ndjson",
          "delimiter": ";", "header": true, "pattern": "*.json"},
    "m": {"connector": "mongodb", "connection.url": "mongodb://h/?replicaSet=r", "topic": "t",
          "schema.ignore.unknown": true, "collections": ["trips"], "format": "documents", "aws.region": "eu-west-1"}
  },
  "sinks": {
    "d": {"connector": "mongodb", "topics": ["t"], "connection.url": "mongodb://h/d", "match.fields": ["a"],
          "routes": [{"write.mode": "update-many", "document.id": "generated"}, {"collection": "c"}]},
    "k": {"connector": "postgres", "topics": ["t"], "connection.url": "postgresql://h/d", "key.schema": "/dev/null"},
    "r": {"connector": "postgres", "topics": ["t"], "connection.url": "postgresql://h/d",
          "schema.registry.url": "http://h:1", "schema.registry.ssl.ca.location": "ca.pem", "schema.registry.password": "hunter2"},
    "s": {"connector": "postgres", "topics": ["t"], "connection.url": "postgresql://h/d",
          "schema.registry.url": "http://h:1", "schema.registry.password": "hunter2"}
  }
}
JSON
echo '"int"' >key.avsc
sed -i 's|/dev/null|key.avsc|' idle.json
usage "options that would do nothing are refused" \
    "idle.json:3:91: f: schema.registry.user: has no effect without schema.registry.url: set that too, or leave this one out" check idle.json
for text in "idle.json:4:40: f: key.subject.name.strategy: has no effect without schema.registry.url" \
    "idle.json:6:24: n: delimiter: has no effect: format is ndjson, and it is only for auto or csv; change that, or leave this one out" \
    "m: schema.ignore.unknown: has no effect without schema" "m: collections: has no effect without database" \
    "m: aws.region: has no effect: format is documents; change that, or leave this one out" \
    "d: routes[0].document.id: has no effect: write.mode is update-many" "k: key.schema: has no effect: key.format is text" \
    "r: schema.registry.ssl.ca.location: has no effect: schema.registry.url is http, not https" \
    "s: schema.registry.password: has no effect without schema.registry.user"; do
    contains "each of them" "$(<"$TMP/out")" "$text"
done
equal "and no others: not defaults that are said, nor what one route of two needs" 10 "$(grep -c "has no effect" out)"
echo id >one.csv
echo '{}' >one.ndjson
usage "a pattern beside a file" "pattern: it is for folders, and path is a file" file --path one.csv --topic t --pattern '*.csv'
usage "a CSV option beside a file of another format" "delimiter: it is for CSV, and path ends as ndjson does" \
    file --path one.ndjson --topic t --delimiter ';'
contains "help says what an option needs" "$("$MILLRACE" postgres --help)" "Only with schema.registry.url."
run_fails "run says the same" 2 "wrong.json:4:28" "$MILLRACE" run wrong.json
"$MILLRACE" check wrong.json --json >found.json || true
equal "check --json has line and column" "4 28" "$(jq -r '.problems[0] | "\(.line) \(.column)"' found.json)"
equal "and says no" "false" "$(jq .ok found.json)"

right=$(unique right)
cat >right.json <<JSON
{"name": "$right", "sources": {"trips": {"connector": "file", "path": "trips.csv", "topic": "$right"}}}
JSON
printf 'id\n1\n' >trips.csv
usage "a name that --only does not find" 'did you mean "trips"?' run right.json --only tripz
usage "-X beside a file" "-X client.rck" run right.json -X client.rck=1
printf 'client.id = from-file\nbootstrap.servers=127.0.0.1:1\n' >good.properties
run_ok "-X wins over -F" "$MILLRACE" run right.json --once --json -F good.properties \
    -X bootstrap.servers="$KAFKA_BOOTSTRAP_SERVERS"
equal "and one record went" 1 "$(tail -n 1 out | jq '.connectors[0].records_out')"
background running.log "$MILLRACE" run right.json --log-format json
echo 2 >>trips.csv
both_are_there() { [[ $("$MILLRACE" tap "$right" --once | wc -l) == 2 ]]; }
if eventually 20 both_are_there; then ok "it follows the file"; else not_ok "it follows the file" "$(<running.log)"; fi
kill -TERM "$LAST"
code=0
wait "$LAST" || code=$?
equal "SIGTERM ends it in order" 0 "$code"
equal "its log is JSON" "true" "$(jq -s 'all(has("level") and has("message"))' running.log)"

# Secrets are on no surface.
cat >secret.json <<'JSON'
{
  "name": "secret",
  "kafka": {"sasl.password": "${env:SECRET}", "ssl.key.password": "hunter2"},
  "sources": {"in": {"connector": "file", "path": "x.csv", "topic": "t"}},
  "sinks": {"pg": {"connector": "postgres", "topics": ["t"], "connection.url": "postgresql://u:${env:SECRET}@h/d",
                   "table": "t"}}
}
JSON
export SECRET=hunter2
{
    "$MILLRACE" check secret.json
    "$MILLRACE" check secret.json --json
    "$MILLRACE" describe secret.json
    "$MILLRACE" describe secret.json --json
    "$MILLRACE" check wrong.json
    "$MILLRACE" check wrong.json --json
    "$MILLRACE" run secret.json -X sasl.mechanism=hunter2x -X sasl.password
    "$MILLRACE" postgres --topics t --connection-url "postgresql://u:$SECRET@h/d" --tasks-max x
    MILLRACE_POSTGRES_CONNECTION_URL="postgresql://u:$SECRET@h/d" "$MILLRACE" postgres --topics t --tasks-max x
    MILLRACE_POSTGRES_TASKS_MAX='x' "$MILLRACE" sink postgres --help
} >surfaces 2>&1 || true
equal "describe shows that there is a secret" "2" "$(grep -c 'connection.url.*\*\*\*' surfaces)"
run_fails "but no secret is shown anywhere" 1 "" grep -n "hunter2@\|hunter2\"" surfaces

# Looking at Kafka.
topic=$(unique cli)
printf 'id,price,at,name\n1,9.3,2019-03-01 10:00:00,Z\xc3\xbcrich\n2,-0.5,2019-03-01 10:00:01,\n' >trips.csv
run_ok "a connector by its name" "$MILLRACE" file --path trips.csv --topic "$topic" --name "$topic" --once \
    --key-fields id --topic-partitions 1 --progress never --log-level warning
run_ok "tap prints it" "$MILLRACE" tap "$topic" --once
equal "with key, numbers as written, times and nulls" \
    '"1" {"id":1,"price":9.3,"at":"2019-03-01T10:00:00.000000","name":"Zürich"}' \
    "$("$MILLRACE" tap "$topic" -n 1 | jq -rc '"\(.key|tojson) \(.value|tojson)"')"
equal "from an offset" 2 "$("$MILLRACE" tap "$topic" --partition 0 --from 1 --once | jq .value.id)"
equal "from its end there is nothing" "" "$("$MILLRACE" tap "$topic" --from end --once)"
equal "raw bytes start with Avro's mark" "c301" \
    "$("$MILLRACE" tap "$topic" -n 1 --raw | od -An -tx1 -N2 | tr -d ' \n')"
printf 'k1:{"a": [1, 2]}\nk2:plain\n' | kcat -P -b "$KAFKA_BOOTSTRAP_SERVERS" -t "$topic" -K: -p 0 2>/dev/null
equal "JSON and text are shown as such" '{"a":[1,2]} "plain"' \
    "$("$MILLRACE" tap "$topic" --once | jq -c .value | tail -n 2 | paste -sd ' ')"
printf '\xc3\x01\x01\x02\x03\x04\x05\x06\x07\x08rest\n' | kcat -P -b "$KAFKA_BOOTSTRAP_SERVERS" -t "$topic" -p 0 2>/dev/null
run_ok "Avro of an unknown schema does not stop it" "$MILLRACE" tap "$topic" --once
equal "and the reason stands beside it" true "$(tail -n 1 "$TMP/out" | jq 'has("error")')"
run_fails "a topic that is not there" 3 "there is no topic" "$MILLRACE" tap "$topic-nothing" --once
run_fails "a partition that is not there" 3 "has no partition 7" "$MILLRACE" tap "$topic" --partition 7
usage "an offset without a partition" "needs --partition" tap "$topic" --from 5
run_fails "no broker" 4 "no answer from Kafka" "$MILLRACE" tap "$topic" -X bootstrap.servers=127.0.0.1:1

# The closing summary.
run_ok "a second run finds nothing new" "$MILLRACE" file --path trips.csv --topic "$topic" --name "$topic" --once --json \
    --log-level error
equal "its summary is JSON" "drained 0" "$(jq -r '"\(.end) \(.connectors[0].records_out)"' "$TMP/out")"
scenario_end
