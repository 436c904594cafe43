#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Somebody holds a lock on the table for long: rows wait, then a column that is to be added waits. The log says who it is,
# a stop is still a stop, nothing goes to the dead letters and nothing is lost.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"
needs kafka postgres
name=$(unique locked)
cd "$TMP"

says() { grep -qF -- "$2" "$1"; }
# fill <csv>: into the topic
fill() {
    timeout -k 2 60 "$MILLRACE" file --name "$name.${1%.csv}" --topic "$name" --path "$1" --once --topic-partitions 1 \
        --progress never --log-level warning
}
sink=("$MILLRACE" postgres --name "$name" --topics "$name" --connection-url "$DATABASE_URL" --table "$name" --auto-create
    --key-fields id --lock-timeout-ms 400 --progress never)
store() { timeout -k 2 90 "${sink[@]}" --once; }
stored() { sql "SELECT count(*) || ' ' || count(DISTINCT id) FROM $name"; }
# hold <statement>: a session in a transaction that has run it; release ends it.
hold() {
    rm -f holder
    mkfifo holder
    background holder.log env PGAPPNAME=nightly psql -XqAt "$DATABASE_URL" -f holder
    holder=$LAST
    exec 7>holder
    echo "BEGIN; $1; SELECT 'held';" >&7
    eventually 20 says holder.log held || not_ok "the lock is held" "$(<holder.log)"
}
release() {
    printf 'COMMIT;\n\\q\n' >&7
    exec 7>&-
    wait "$holder" || true
}
# blocked <what> <log>: three attempts at least, and who is in the way
blocked() {
    if eventually 60 several "$2"; then ok "$1"; else not_ok "$1" "$(tail "$2")"; fi
    contains "$1: the log says by whom" "$(<"$2")" "application nightly, user"
}
several() { (($(grep -c 55P03 "$1") >= 3)); }

seq 1 100 | sed '1i id' >first.csv
seq 101 200 | sed '1i id' >second.csv
(echo id,note && seq 201 300 | sed 's/$/,x/') >third.csv
run_ok "records are made" fill first.csv
run_ok "and stored" store

hold "LOCK TABLE $name IN SHARE MODE"
run_ok "there are more" fill second.csv
background rows.log "${sink[@]}"
pid=$LAST
blocked "rows wait for a table that is locked" rows.log
kill -TERM "$pid"
code=0
wait "$pid" || code=$?
equal "a stop ends the wait, in order" 0 "$code"
release
run_ok "the next run goes on" store
equal "all rows are there" "200 200" "$(stored)"

hold "SELECT count(*) FROM $name"
run_ok "there are records with a new field" fill third.csv
background column.log "${sink[@]}" --once
pid=$LAST
blocked "a column to be added waits for a reader" column.log
release
code=0
wait "$pid" || code=$?
equal "the same run goes on to the end" 0 "$code"
equal "all rows are there, with the new column" "300 300 100" "$(stored) $(sql "SELECT count(note) FROM $name")"
equal "and no dead letters" "" "$(kcat -q -L -b "$KAFKA_BOOTSTRAP_SERVERS" | grep -oF "$name.postgres.dlq" || true)"
sql "DROP TABLE $name"
scenario_end
