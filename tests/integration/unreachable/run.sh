#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Servers that are away: at the start, and in the middle. It is said, it is waited for, and when they are there all goes
# on; nothing is lost or doubled. What waiting can not heal (a wrong password) ends at once and says what to do.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"
needs kafka postgres
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
name=$(unique away)
sql "CREATE SCHEMA $name"
sql "CREATE TABLE $name.lines (id bigint NOT NULL)"
cd "$TMP"

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
# proxy <port> <host:port>: its pid is in $PROXY.
proxy() {
    background "proxy-$1.log" python3 "$here/proxy.py" "$1" "$2"
    PROXY=$LAST
}
unproxy() {
    kill -KILL "$PROXY"
    wait "$PROXY" 2>/dev/null || true
}
says() { grep -qF -- "$2" "$1"; }
# said <what> <log> <part>
said() { if eventually 30 says "$2" "$3"; then ok "$1"; else not_ok "$1" "expected: $3" "$(tail -n 20 "$2")"; fi; }
next=0
add() {
    local i
    [[ -f lines.csv ]] || echo id >lines.csv
    for ((i = 0; i < $1; i++)); do echo $((next++)); done >>lines.csv
}
stored() { sql "SELECT count(*) || ' ' || count(DISTINCT id) FROM $name.lines"; }
all_stored() { [[ $(stored) == "$next $next" ]]; }
arrives() {
    if eventually 40 all_stored; then
        ok "$1"
    else
        not_ok "$1" "expected: $next $next" "found:    $(stored)" "$(tail -n 20 source.log sink.log)"
    fi
}

# url_with <part> <value>: DATABASE_URL with another user, password, place (host:port) or database.
url_with() {
    python3 - "$DATABASE_URL" "$1" "$2" <<'PYTHON'
import sys, urllib.parse
url = urllib.parse.urlsplit(sys.argv[1])
parts = {"user": url.username, "password": url.password or "", "place": "%s:%s" % (url.hostname, url.port or 5432),
         "database": url.path.lstrip("/")}
parts[sys.argv[2]] = sys.argv[3]
print("postgresql://{user}:{password}@{place}/{database}".format(**parts) + ("?" + url.query if url.query else ""))
PYTHON
}
place=$(python3 -c 'import sys, urllib.parse
url = urllib.parse.urlsplit(sys.argv[1]); print("%s:%s" % (url.hostname, url.port or 5432))' "$DATABASE_URL")
password=$(python3 -c 'import sys, urllib.parse; print(urllib.parse.urlsplit(sys.argv[1]).password)' "$DATABASE_URL")

# A proxy takes the place of the database, another that of Kafka; neither is there yet.
pg_proxy=$(free_port)
kafka_proxy=$(free_port)
url=$(url_with place "127.0.0.1:$pg_proxy")

add 1000
background source.log "$MILLRACE" file --name "$name" --topic "$name" --path lines.csv --progress never \
    --scan-interval-ms 50 -X "bootstrap.servers=127.0.0.1:$kafka_proxy"
source=$LAST
background sink.log "$MILLRACE" postgres --name "$name" --topics "$name" --connection-url "$url" --table "$name.lines" \
    --insert-mode insert --progress never
sink=$LAST
said "a broker that is away is named" source.log "127.0.0.1:$kafka_proxy"
said "and waited for" source.log "waiting for it"
said "a database that is away is named" sink.log "cannot connect to database $(sql 'SELECT current_database()') at 127.0.0.1:$pg_proxy"
said "and tried again" sink.log "trying again in"
equal "both go on" "yes yes" "$(kill -0 "$source" && echo yes) $(kill -0 "$sink" && echo yes)"

# Both come.
proxy "$kafka_proxy" "$KAFKA_BOOTSTRAP_SERVERS"
proxy "$pg_proxy" "$place"
arrives "when both are there, all lines go from the file to the table"

# The database goes in the middle, several times, while lines are added.
for round in 1 2 3; do
    add 500
    unproxy
    add 500
    said "round $round: it is said" sink.log "lost"
    proxy "$pg_proxy" "$place"
    arrives "round $round: nothing is lost or doubled"
done
add 100
unproxy
kill -TERM "$source" "$sink"
code=0
wait "$source" || code=$?
equal "the source stops in order" 0 "$code"
wait "$sink" || code=$?
equal "and so does a sink whose database is away" 0 "$code"
run_ok "the rest of the file" timeout -k 2 60 "$MILLRACE" file --name "$name" --topic "$name" --path lines.csv --once
run_ok "and of the topic" timeout -k 2 60 "$MILLRACE" postgres --name "$name" --topics "$name" \
    --connection-url "$DATABASE_URL" --table "$name.lines" --insert-mode insert --once
arrives "is not lost either"

# What waiting can not heal.
refused() { # what, the message, the URL
    run_fails "$1" 1 "$2" timeout -k 2 30 "$MILLRACE" postgres --name "$name-refused" --topics "$name" --table "$name.lines" \
        --connection-url "$3" --once
    cp out shown
    run_fails "$1: the password is not shown" 1 "" grep -F -e "$password" -e wr0ng shown
}
refused "a wrong password" "check the user name and the password in connection.url" "$(url_with password wr0ng)"
refused "a database that is not there" "check the database's name in connection.url, or create it" "$(url_with database nowhere)"
refused "a user that is not there" "check the user name" "$(url_with user nobody)"
run_fails "a session shorter than the broker allows" 1 "session.timeout.ms must be within group.min.session.timeout.ms" \
    timeout -k 2 30 "$MILLRACE" file --name "$name-session" --topic "$name" --path lines.csv --once \
    -X session.timeout.ms=100 -X heartbeat.interval.ms=30

# A broker that never comes: SIGTERM ends it all the same.
background never.log "$MILLRACE" file --name "$name-never" --topic "$name" --path lines.csv --progress never \
    -X bootstrap.servers=127.0.0.1:1
never=$LAST
said "a broker that never comes is named" never.log "127.0.0.1:1"
kill -TERM "$never"
code=0
wait "$never" || code=$?
equal "SIGTERM ends the wait" 0 "$code"
sql "DROP SCHEMA $name CASCADE" 2>notices
scenario_end
