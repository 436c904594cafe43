#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The local stack keeps its word: a second one beside the first, a crash of each
# server with its data intact, servers given by the environment, an interrupted
# start, and nothing left running.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"

unset DATABASE_URL KAFKA_BOOTSTRAP_SERVERS MONGODB_URI
export MILLRACE_STACK_DIR=$TMP/stack
unset MILLRACE_STACK

# Every process with our folder in its command line; the brackets keep grep from finding itself.
ours() { grep -lsz -- "[/]${MILLRACE_STACK_DIR#/}" /proc/[0-9]*/cmdline | wc -l; }
nothing_runs() { [[ $(ours) == 0 ]]; }
forget_all() {
    "$STACK" reset >/dev/null 2>&1 || true
    scenario_cleanup
}
trap forget_all EXIT

run_ok "a second stack comes up beside the first" "$STACK" up
run_ok "status agrees" "$STACK" status
eval "$("$STACK" env)"
ports=$(printf '%s\n' "$DATABASE_URL" "$KAFKA_BOOTSTRAP_SERVERS" "$MONGODB_URI" |
    sed -E 's#.*127\.0\.0\.1:([0-9]+).*#\1#' | sort -u | wc -l)
equal "each server has a port of its own" 3 "$ports"

started=${EPOCHREALTIME/[.,]/}
run_ok "up again changes nothing" "$STACK" up
took_ms=$(((${EPOCHREALTIME/[.,]/} - started) / 1000))
if ((took_ms < 3000)); then ok "and is quick"; else not_ok "and is quick" "took $took_ms ms"; fi

sql "CREATE TABLE kept AS SELECT 42 AS answer"
produce() { echo kept | kcat -q -P -b "$KAFKA_BOOTSTRAP_SERVERS" -t misspelt -X message.timeout.ms=5000; }
run_fails "no topic is made by a misspelt name" 1 "" produce

for server in postgres kafka mongod; do
    run_ok "$server can be killed" "$STACK" kill "$server"
    run_fails "status says so" 1 "down" "$STACK" status "$server"
    run_ok "$server comes back" "$STACK" up "$server"
done
equal "PostgreSQL's data is intact" 42 "$(sql "SELECT answer FROM kept")"
run_ok "Kafka answers" kcat -L -b "$KAFKA_BOOTSTRAP_SERVERS" -m 10

run_ok "Kafka can be paused" "$STACK" pause kafka
run_fails "status says so" 1 "paused" "$STACK" status kafka
run_ok "Kafka can be resumed" "$STACK" resume kafka
run_ok "status says so" "$STACK" status kafka

run_ok "a given server is used" env DATABASE_URL=postgresql://given.example/db "$STACK" up postgres
contains "and up says so" "$(<"$TMP/out")" "given"
contains "and env echoes it" "$(DATABASE_URL=postgresql://given.example/db "$STACK" env postgres)" "given.example"

run_ok "down stops all" "$STACK" down
if eventually 5 nothing_runs; then ok "nothing is left running"; else not_ok "nothing is left running" "$(ours) processes"; fi

# The interrupt comes while the servers are starting.
"$STACK" up >"$TMP/up.log" 2>&1 &
pid=$!
some_run() { ! nothing_runs; }
eventually 20 some_run || true
kill -TERM "$pid"
wait "$pid" || true
run_ok "down after an interrupted up" "$STACK" down
if eventually 5 nothing_runs; then ok "nothing is left running"; else not_ok "nothing is left running" "$(ours) processes"; fi
run_ok "up after that" "$STACK" up postgres
equal "PostgreSQL's data is still intact" 42 "$(sql "SELECT answer FROM kept")"
run_fails "an unknown server is named" 1 "no server is called 'redis'" "$STACK" up redis
scenario_end
