#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The whole program under ThreadSanitizer, with four tasks on both sides: once to the end of its input, and once until
# SIGTERM. A race ends the program with exit code 66. Where there is no tsan build, or the servers are away, it is
# skipped.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"
needs kafka postgres
tsan=${MILLRACE_TSAN_BUILD:-$MILLRACE_ROOT/build/tsan}
[[ -x $tsan/millrace && -f $tsan/libtsan_threads.so ]] || skip_all "there is no tsan build: tests/run tsan makes one"
export TSAN_OPTIONS=suppressions=$MILLRACE_ROOT/tests/lib/tsan.supp:halt_on_error=1:second_deadlock_stack=1
name=$(unique threads)
cd "$TMP"
mkdir in
rows=4000
for file in 1 2 3 4 5 6 7 8; do
    { echo id,name && seq -f "$file-%g,row" $((rows / 8)); } >"in/$file.csv"
done
sql "CREATE SCHEMA $name" >/dev/null
cat >pipeline.json <<JSON
{
  "name": "$name",
  "sources": {
    "in": {"connector": "file", "path": "$TMP/in/*.csv", "topic": "$name", "key.fields": ["id"], "tasks.max": 4,
           "topic.partitions": 4}
  },
  "sinks": {
    "out": {"connector": "postgres", "topics": ["$name"], "connection.url": "\${env:DATABASE_URL}", "tasks.max": 4,
            "batch.size": 100, "offsets.schema": "$name", "table": "$name.rows", "key.fields": ["id"], "auto.create": true}
  }
}
JSON
program=(env "LD_PRELOAD=$tsan/libtsan_threads.so" "$tsan/millrace")
rows_are() { [[ $(sql "SELECT count(*) FROM $name.rows") == "$1" ]]; }

run_ok "four tasks a side run to the end" timeout -k 5 240 "${program[@]}" run pipeline.json --once --progress never
equal "all rows are there" "$rows" "$(sql "SELECT count(*) FROM $name.rows")"

background running.log "${program[@]}" run pipeline.json --progress never
pid=$LAST
for file in 9 10 11 12; do
    { echo id,name && seq -f "$file-%g,row" $((rows / 8)); } >part && mv part "in/$file.csv"
done
if eventually 120 rows_are $((rows + rows / 2)); then ok "new files arrive"; else not_ok "new files arrive" "$(tail -n 40 running.log)"; fi
kill -TERM "$pid"
code=0
wait "$pid" || code=$?
equal "SIGTERM ends it without a race" 0 "$code"
((code == 0)) || tail -n 60 running.log | sed 's/^/# /'
run_ok "its tables are dropped" sql "DROP SCHEMA $name CASCADE"
scenario_end
