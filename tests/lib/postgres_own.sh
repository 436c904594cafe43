# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# A PostgreSQL of the scenario's own, beside the stack's: for what must not happen to a server that others use, too
# (another configuration, TLS, a full disk). After scenario.sh:
#
#     own_postgres                     # initdb; the folder is $OWN, with room for files of the scenario
#     echo "ssl = on" >>"$OWN/data/postgresql.conf"
#     own_start [wrapper...]           # waits until it answers; $OWN_PORT, $OWN_URL
#     own_sql "SELECT 1"
#
# It is ended with the scenario. It refuses to run as root, so root runs it as the user postgres, and the folder is
# outside of $TMP, which that user may not enter.

OWN_BIN=/usr/lib/postgresql/15/bin
OWN_PASSWORD=own-password
OWN_USER=()
((EUID != 0)) || OWN_USER=(setpriv --reuid=postgres --regid=postgres --init-groups)

own_as() { (cd / && "${OWN_USER[@]}" "$@"); }

own_free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

own_postgres() {
    [[ -x $OWN_BIN/initdb ]] || skip_all "there is no $OWN_BIN/initdb"
    OWN=$(mktemp -d "${TMPDIR:-/tmp}/millrace-own.XXXXXX")
    trap own_cleanup EXIT
    echo "$OWN_PASSWORD" >"$OWN/password"
    ((EUID != 0)) || chown -R postgres:postgres "$OWN"
    own_as "$OWN_BIN/initdb" -D "$OWN/data" -U own --encoding=UTF8 --locale=C.UTF-8 --auth=scram-sha-256 \
        --pwfile="$OWN/password" --no-instructions >"$TMP/own.log" 2>&1
    cat >>"$OWN/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = off
CONF
    OWN_PORT=$(own_free_port)
    OWN_URL=postgresql://own:$OWN_PASSWORD@127.0.0.1:$OWN_PORT/postgres
}

own_answers() { "$OWN_BIN/pg_isready" -q -h 127.0.0.1 -p "$OWN_PORT"; }

own_start() {
    (cd / && exec "$@" "${OWN_USER[@]}" "$OWN_BIN/postgres" -D "$OWN/data" -p "$OWN_PORT") >>"$TMP/own.log" 2>&1 &
    OWN_PID=$!
    eventually 30 own_answers || not_ok "the scenario's own server starts" "$(tail "$TMP/own.log")"
}

own_sql() { psql -XqAt -v ON_ERROR_STOP=1 "$OWN_URL" -c "$1"; }

own_cleanup() {
    local code=$?
    set +e # what can not be ended must not keep the rest from it
    if [[ -n ${OWN_PID:-} ]]; then
        kill -INT "$OWN_PID" 2>/dev/null
        wait "$OWN_PID" 2>/dev/null
    fi
    rm -rf "$OWN"
    (exit "$code") # scenario_cleanup looks at it
    scenario_cleanup
}
