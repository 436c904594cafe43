#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `millrace evolve --plan` says what tables need before their records come, and what it prints is what they need.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"
needs kafka postgres
cd "$TMP"
export NO_COLOR=1

topic=$(unique planned)
lists=${topic}_lists
printf 'id,name,amount\n1,a,1.5\n2,b,\n' >rows.csv
"$MILLRACE" file --path rows.csv --topic "$topic" --topic-partitions 2 --once >/dev/null 2>&1
pipeline() {
    cat >pipeline.json <<JSON
{
  "name": "$topic",
  "sinks": {"to-postgres": {
    "connector": "postgres", "topics": ["$topic"], "connection.url": "\${env:DATABASE_URL}",
    "routes": [{"table": "$topic", "key.fields": ["id"]$1}, {"table": "${topic}_names", "query": "SELECT id, name AS Title FROM record"$1}]
  }}
}
JSON
}
plan() { "$MILLRACE" evolve pipeline.json --plan "$@"; }

# --- No table yet
pipeline ', "auto.create": true'
run_ok "with auto.create there is nothing to be done by hand" plan
contains "the sink makes the tables" "$(cat out)" "-- the sink does this by itself"
contains "one of the query's columns" "$(cat out)" "CREATE TABLE IF NOT EXISTS \"${topic}_names\" (\"id\" integer"
pipeline ''
run_fails "without it there is" 1 "" plan
equal "nothing was made" "" "$(sql "SELECT relname FROM pg_class WHERE relname LIKE '$topic%'")"
plan >plan.sql || true
run_ok "what it prints is SQL" psql -XAtq -v ON_ERROR_STOP=1 "$DATABASE_URL" -f plan.sql
run_ok "then there is nothing to do" plan
contains "and it says so" "$(cat out)" "-- nothing to do"
run_ok "and the records fit" "$MILLRACE" run pipeline.json --once
equal "all of them" 2 "$(sql "SELECT count(*) FROM ${topic}_names")"

# --- A version that nobody has written yet
cat >v2.avsc <<'JSON'
{"type": "record", "name": "Row", "fields": [
  {"name": "id", "type": "long"}, {"name": "name", "type": ["null", "string"]}, {"name": "amount", "type": "boolean"},
  {"name": "note", "type": "string", "default": "it's new"}]}
JSON
run_fails "a new version needs hands" 1 "" plan --schema v2.avsc
contains "it widens and adds" "$(cat out)" \
    "ALTER TABLE \"$topic\" ALTER COLUMN \"id\" TYPE bigint, ADD COLUMN \"note\" text DEFAULT 'it''s new';"
contains "and says what no statement is known for" "$(cat out)" "-- to be mended:"
contains "with the column" "$(cat out)" "amount"
pipeline ', "auto.evolve": "true"'
plan --schema v2.avsc --json >plan.json || true
equal "as JSON, by route" "by itself problem by itself" "$(jq -r '.[].kind' plan.json | paste -sd ' ')"
equal "nothing was changed" 0 "$(sql "SELECT count(*) FROM pg_attribute WHERE attrelid = '$topic'::regclass AND attname = 'note'")"

# --- Arrays
sql "CREATE TABLE $lists (id bigint PRIMARY KEY, wide int[], mixed int[] DEFAULT '{1}', amounts numeric(6,2)[])"
cat >lists.avsc <<'JSON'
{"type": "record", "name": "Row", "fields": [
  {"name": "id", "type": "int"},
  {"name": "wide", "type": {"type": "array", "items": ["null", "long"]}},
  {"name": "mixed", "type": {"type": "array", "items": ["int", "string"]}},
  {"name": "amounts", "type": {"type": "array", "items": {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 4}}},
  {"name": "tags", "type": {"type": "array", "items": "string"}, "default": ["it's", "a\"b"]},
  {"name": "nothing", "type": {"type": "array", "items": "null"}, "default": []},
  {"name": "deep", "type": {"type": "array", "items": {"type": "array", "items": "int"}}, "default": [[1]]}]}
JSON
cat >pipeline.json <<JSON
{"name": "$topic", "sinks": {"to-postgres": {"connector": "postgres", "topics": ["$topic"], "connection.url": "\${env:DATABASE_URL}",
  "table": "$lists", "key.fields": ["id"], "auto.evolve": "true"}}}
JSON
run_fails "elements that an array can not hold" 1 "" plan --schema lists.avsc
contains "arrays get wider, and are added with their defaults" "$(cat out)" \
    "ALTER TABLE \"$lists\" ALTER COLUMN \"wide\" TYPE bigint[], ALTER COLUMN \"amounts\" TYPE numeric(10,4)[], ADD COLUMN \"tags\" text[] DEFAULT '{\"it''s\",\"a\\\"b\"}', ADD COLUMN \"nothing\" jsonb DEFAULT '[]', ADD COLUMN \"deep\" jsonb DEFAULT '[[1]]';"
remedy="ALTER TABLE \"$lists\" ALTER COLUMN \"mixed\" DROP DEFAULT, ALTER COLUMN \"mixed\" TYPE jsonb USING to_jsonb(\"mixed\"), ALTER COLUMN \"mixed\" SET DEFAULT to_jsonb('{1}'::integer[])"
contains "what is to be mended comes with its statement" "$(cat out)" "change the column with: $remedy"
plan --schema lists.avsc >plan.sql || true
run_ok "what it prints is SQL" psql -XAtq -v ON_ERROR_STOP=1 "$DATABASE_URL" -f plan.sql
run_ok "so is the statement" psql -XAtq -v ON_ERROR_STOP=1 "$DATABASE_URL" -c "$remedy"
run_ok "then there is nothing to do" plan --schema lists.avsc
equal "the defaults are there" "[1]|{it's,\"a\\\"b\"}|[]|[[1]]" \
    "$(sql "INSERT INTO $lists (id) VALUES (1); SELECT mixed, tags, nothing, deep FROM $lists")"
sql "DROP TABLE $lists"
plan --schema lists.avsc >plan.sql || true
contains "a table is made with arrays" "$(cat plan.sql)" "\"wide\" bigint[] NOT NULL, \"mixed\" jsonb NOT NULL, \"amounts\" numeric(10,4)[] NOT NULL, \"tags\" text[] DEFAULT"
pipeline ', "auto.evolve": "true"'

# --- Topics by pattern, and those that nobody has written to
"$MILLRACE" file --path rows.csv --topic "${topic}_2" --once >/dev/null 2>&1
topics() { jq --argjson topics "$1" '.sinks["to-postgres"].topics = $topics | .sinks["to-postgres"].routes = [{"table": "{topic}", "auto.create": true}]' pipeline.json >topics.json; }
plan_topics() { "$MILLRACE" evolve topics.json --plan "$@"; }
topics "[\"^${topic}(_[0-9]+)?\$\", \"${topic}_2\", \"${topic}_none\", \"^${topic}_no\"]"
run_ok "a pattern is looked up" plan_topics
equal "each topic once" "$topic ${topic}_2" "$(sed -n 's/^-- [^ ]*, topic \([^ ]*\): .* (.*/\1/p' out | sort | paste -sd ' ')"
contains "one goes into a table of its own" "$(cat out)" "CREATE TABLE IF NOT EXISTS \"${topic}_2\""
contains "a topic that does not exist is told" "$(cat out)" \
    "topic ${topic}_none: the topic does not exist; --schema <file> tells of the records to come"
contains "and a pattern that nothing fits" "$(cat out)" "topic ^${topic}_no: no topic fits the pattern; --schema"
contains "and how many schemas there are" "$(cat out)" "-- 2 schemas: "
plan_topics --json >plan.json
equal "as JSON" "${topic}_none the topic does not exist" "$(jq -r '.[] | select(.kind == "no schema" and .topic[:1] != "^") | "\(.topic) \(.problem)"' plan.json)"
run_fails "with a schema" 1 "to be mended: field amount" plan_topics --schema v2.avsc
contains "a topic to come is asked about" "$(cat out)" "CREATE TABLE IF NOT EXISTS \"${topic}_none\""
"$MILLRACE" file --path rows.csv --topic "${topic}_text" --value-format json --once >/dev/null 2>&1
topics "[\"${topic}_text\"]"
run_ok "a topic without schemas" plan_topics
contains "is told, too" "$(cat out)" "topic ${topic}_text: no record in the topic has a schema yet"

# --- Not what it takes
run_fails "it only plans" 2 "evolve needs --plan" "$MILLRACE" evolve pipeline.json
run_fails "a schema that is none" 2 "--schema: none.avsc" plan --schema none.avsc
run_fails "a sink that is not there" 2 "has no sink other" plan --only other
sed -i 's/SELECT id,/SELECT idd,/' pipeline.json
run_fails "a query that does not fit" 1 "" plan
contains "is to be mended" "$(cat out)" "-- to be mended: "
scenario_end
