#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two processes with the same pipeline share the work of source and sink. One is killed, one is suspended until the
# other has taken over and then wakes up; into a table without a key every line goes once. Then the two ways to stop.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"
needs kafka postgres
name=$(unique sharing)
sql "CREATE SCHEMA $name"
sql "CREATE TABLE $name.lines (id bigint NOT NULL, file text NOT NULL)"
cd "$TMP"
mkdir folder

# The shortest session that the broker allows: a take-over waits for it.
session=1500
timeout 10 kcat -b "$KAFKA_BOOTSTRAP_SERVERS" -X session.timeout.ms=$session -X heartbeat.interval.ms=300 \
    -G "$name-probe" -e __consumer_offsets >probe 2>&1 </dev/null || true
! grep -q "Invalid session timeout" probe || session=6000
cat >pipeline.json <<JSON
{
  "name": "$name",
  "kafka": {"bootstrap.servers": "\${env:KAFKA_BOOTSTRAP_SERVERS}", "session.timeout.ms": "$session",
            "heartbeat.interval.ms": "300"},
  "sources": {
    "files": {"connector": "file", "path": "folder", "topic": "$name", "tasks.max": 2, "scan.interval.ms": 50}
  },
  "sinks": {
    "table": {"connector": "postgres", "topics": ["$name"], "connection.url": "\${env:DATABASE_URL}", "tasks.max": 2,
              "table": "$name.lines", "insert.mode": "insert"}
  }
}
JSON

next=0
# add <count>: that many lines with new ids to each of six files.
add() {
    local file i
    for file in a b c d e f; do
        [[ -f folder/$file.csv ]] || echo "id,file" >"folder/$file.csv"
        for ((i = 0; i < $1; i++)); do
            echo "$((next++)),$file"
        done >>"folder/$file.csv"
    done
}
start() { background "$1.log" "$MILLRACE" run pipeline.json --progress never; }
stored() { sql "SELECT count(*) || ' ' || count(DISTINCT id) FROM $name.lines"; }
all_stored() { [[ $(stored) == "$next $next" ]]; }
# arrives <seconds> <what>: all lines so far are in the table, once.
arrives() {
    local from=$SECONDS
    if eventually "$1" all_stored; then
        ok "$2: all lines are in the table, once ($((SECONDS - from)) s)"
    else
        not_ok "$2: all lines are in the table, once" "expected: $next $next" "found:    $(stored)" \
            "$(tail -n 15 ./*.log)"
    fi
}
# held <process> <task>: how many partitions the task has there now, by the log; "[tasks]" are the source's leases.
held() { sed -n "s/.* ${name}[.]$2: .* partition(s), has \([0-9]*\) now.*/\1/p" "$1.log" | tail -n 1; }
work_of() { echo "$(held "$1" 'files\[tasks\]') $(held "$1" 'table\[0\]') $(held "$1" 'table\[1\]')"; }
# half <process...>: each has one of the two source tasks, and each of its sink tasks one of the four partitions.
half() {
    local process
    for process in "$@"; do
        [[ $(work_of "$process") == "1 1 1" ]] || return 1
    done
}
# shared <what> <process...>
shared() {
    local process work=()
    for process in "${@:2}"; do
        work+=("$process: $(work_of "$process")")
    done
    if eventually 30 half "${@:2}"; then ok "$1"; else not_ok "$1" "${work[@]}" "$(grep 'partition(s)' ./*.log)"; fi
}

# The second one comes when the first has all the work.
start first
first=$LAST
add 100
arrives 40 "one process"
start second
second=$LAST
shared "two processes share the tasks of source and sink" first second
add 100
arrives 20 "lines that are added"

# One is killed.
kill -KILL "$first"
add 100
arrives $((session / 1000 + 15)) "after kill -9 of one"

# Another comes, and the one that has the work is suspended. What it holds is taken over; then it wakes up.
start third
third=$LAST
shared "a third process takes its share" second third
add 100
kill -STOP "$second"
add 100
arrives $((session / 1000 + 20)) "while one is suspended"
kill -CONT "$second"
add 100
arrives 30 "after it woke up"
shared "and it shares again" second third
add 100
arrives 20 "all together"

# A stop in order hands over at once, and leaves nothing half done.
kill -TERM "$second"
code=0
wait "$second" || code=$?
equal "SIGTERM ends in order" 0 "$code"
add 100
arrives 20 "what the other one takes over"
kill -TERM "$third"
code=0
wait "$third" || code=$?
equal "SIGTERM ends the last one" 0 "$code"

# A second signal does not wait: here for a table that somebody has locked.
start fourth
fourth=$LAST
mkfifo lock
: >locked
psql -XqAt "$DATABASE_URL" <lock >locked 2>&1 &
BACKGROUND+=("$!")
exec 3>lock
echo "BEGIN; LOCK TABLE $name.lines IN ACCESS EXCLUSIVE MODE; SELECT 'locked';" >&3
is_locked() { grep -q locked locked; }
eventually 10 is_locked || not_ok "the table is locked" "$(<locked)"
add 1
waits() { [[ $(sql "SELECT count(*) FROM pg_locks WHERE relation = '$name.lines'::regclass AND NOT granted") != 0 ]]; }
if eventually 20 waits; then ok "the sink waits for a lock"; else not_ok "the sink waits for a lock" "$(<fourth.log)"; fi
kill -TERM "$fourth"
stopping() { grep -q "once more to stop at once" fourth.log; }
if eventually 5 stopping; then ok "the first SIGTERM is heard"; else not_ok "the first SIGTERM is heard" "$(<fourth.log)"; fi
from=$SECONDS
kill -TERM "$fourth"
code=0
wait "$fourth" || code=$?
equal "the second one ends it at once" "130 1" "$code $((SECONDS - from < 3))"
exec 3>&-
# Not with --once: it would not wait for partitions that the group still counts as the dead process's.
start fifth
fifth=$LAST
arrives $((session / 1000 + 20)) "the next one finds all there is to do"
kill -TERM "$fifth"
code=0
wait "$fifth" || code=$?
equal "and ends in order" 0 "$code"
equal "each line is in the topic once" "$next" "$("$MILLRACE" tap "$name" --once | jq .value.id | sort -u | wc -l)"
equal "and no line twice" "$next" "$("$MILLRACE" tap "$name" --once | wc -l)"
sql "DROP SCHEMA $name CASCADE" 2>notices
scenario_end
